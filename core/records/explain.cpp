#include "records/explain.h"

#include <algorithm>
#include <optional>

#include "records/access.h"
#include "records/codec.h"
#include "records/json.h"

namespace caravan::records {
namespace {

using model::Entity;
using model::Field;
using model::FieldRight;
using model::Operation;
using Reads = std::vector<std::pair<std::string, std::string>>;

void note(Reads& reads, std::string name, std::string json) {
  if (std::any_of(reads.begin(), reads.end(), [&](const auto& read) { return read.first == name; })) return;
  reads.emplace_back(std::move(name), std::move(json));
}

/// A record that notes what a rule reads of it.
class TracedRecord final : public expr::RecordView {
 public:
  /// `shown`: whether the asker may know a field's value.
  using Shown = std::function<bool(const Entity&, const Field&)>;
  TracedRecord(std::shared_ptr<const expr::RecordView> record, const Entity& entity, std::string path, const Shown& shown, Reads& reads)
      : record_(std::move(record)), entity_(entity), path_(std::move(path)), shown_(shown), reads_(reads) {}

  expr::Value get(std::uint32_t slot) const override {
    expr::Value value = record_->get(slot);
    const Field& field = *entity_.fields[slot];
    std::string json;
    if (shown_(entity_, field)) write_value(json, field, value);
    else json = "\"hidden\"";
    note(reads_, path_ + field.name, std::move(json));
    return value;
  }
  std::shared_ptr<const expr::RecordView> follow(std::uint32_t slot) const override {
    const Field& field = *entity_.fields[slot];
    auto next = record_->follow(slot);
    if (!next || field.target == nullptr) {
      get(slot);
      return next;
    }
    return std::make_shared<TracedRecord>(std::move(next), *field.target, path_ + field.name + ".", shown_, reads_);
  }

 private:
  std::shared_ptr<const expr::RecordView> record_;
  const Entity& entity_;
  std::string path_;
  const Shown& shown_;
  Reads& reads_;
};

void write_any(std::string& out, const expr::Value& value) {
  if (const auto* text = value.as<std::string>()) {
    write_json_string(out, *text);
  } else if (const auto* number = value.as<std::int64_t>()) {
    out += std::to_string(*number);
  } else if (const auto* list = value.as_list()) {
    out.push_back('[');
    for (std::size_t i = 0; i < list->size(); ++i) {
      if (i > 0) out.push_back(',');
      write_any(out, (*list)[i]);
    }
    out.push_back(']');
  } else {
    out += "null";
  }
}

class TracedUser final : public expr::RecordView {
 public:
  TracedUser(const Context& context, const Actor& actor, Reads& reads) : user_(context, actor), reads_(reads) {}
  expr::Value get(std::uint32_t slot) const override {
    expr::Value value = user_.get(slot);
    std::string json;
    write_any(json, value);
    for (const std::string_view name : model::user_type().member_names()) {
      if (model::user_type().member(name)->slot == slot) note(reads_, "user." + std::string(name), json);
    }
    return value;
  }
  std::shared_ptr<const expr::RecordView> follow(std::uint32_t) const override { return nullptr; }

 private:
  UserView user_;
  Reads& reads_;
};

class Explainer {
 public:
  Explainer(const RecordService& service, const Context& asker, const Context& subject, Record& record)
      : service_(service), asker_(asker), subject_(subject), record_(record), entity_(record.entity()),
        follow_(service.follow(subject)) {
    const bool all = is_administrator(asker);
    shown_ = [this, all](const Entity& entity, const Field& field) {
      if (all) return true;
      if (&entity != &entity_ && !may_always(asker_, entity, Operation::read)) return false;
      return field_rights(asker_, entity).readable(field);
    };
  }

  AccessReport report() {
    AccessReport report;
    report.administrator = is_administrator(subject_);
    record_shares(report);
    for (std::size_t i = 0; i < model::operation_count; ++i) {
      ExplainedOperation& operation = report.operations[i];
      operation.operation = static_cast<Operation>(i);
      operation.allowed = may(subject_, operation.operation, record_, follow_);
      for (const Share& share : report.shares) {
        if (operation.operation == Operation::read || (operation.operation == Operation::update && share.update)) operation.allowed = true;
      }
      each_person([&](const Actor& person) { grants_of(person, operation); });
    }
    fields(report);
    return report;
  }

 private:
  template <class Visit>
  void each_person(Visit visit) {
    visit(subject_.actor);
    for (const Actor& colleague : subject_.actor.deputy_of) visit(colleague);
  }

  /// Calls `visit(role, held, of_everyone)` for each role that counts for the person.
  template <class Visit>
  void each_held(const Actor& person, Visit visit) {
    const bool himself = &person == &subject_.actor;
    for (const std::string& name : person.roles) {
      const model::Role* held = subject_.catalog->role(name);
      if (held == nullptr || (held->administrator && !himself)) continue;
      for (const model::Role* role : held->all) visit(*role, *held, false);
    }
    if (!himself || person.user_id == 0) return;
    for (const model::Role* role : subject_.catalog->everyone) visit(*role, *role, true);
  }

  void grants_of(const Actor& person, ExplainedOperation& operation) {
    std::vector<const model::Role*> done;
    each_held(person, [&](const model::Role& role, const model::Role& held, bool of_everyone) {
      if (std::find(done.begin(), done.end(), &role) != done.end()) return;
      done.push_back(&role);
      ConsideredGrant considered;
      considered.role = &role;
      considered.held = &held;
      considered.of_everyone = of_everyone;
      if (&person != &subject_.actor) {
        considered.colleague = person.user_id;
        considered.colleague_name = person.name;
      }
      if (role.administrator) {
        considered.rule = "administrator: true";
        considered.origin = role.origin;
        considered.result = ConsideredGrant::Result::yes;
        operation.grants.push_back(std::move(considered));
        return;
      }
      const auto grants = role.grants.find(&entity_);
      if (grants == role.grants.end()) return;
      const model::Grant& grant = grants->second[static_cast<std::size_t>(operation.operation)];
      considered.origin = grant.origin;
      if (grant.when) {
        considered.rule = grant.when->source();
        evaluate_traced(*grant.when, person, considered);
      } else if (grant.always || grant.origin.line != 0) {
        considered.rule = grant.always ? "true" : "false";
        considered.result = grant.always ? ConsideredGrant::Result::yes : ConsideredGrant::Result::no;
      } else {
        return;
      }
      operation.grants.push_back(std::move(considered));
    });
  }

  void evaluate_traced(const expr::Program& program, const Actor& person, ConsideredGrant& considered) {
    record_.set_follow(follow_);
    const std::shared_ptr<const expr::RecordView> borrowed(std::shared_ptr<const expr::RecordView>(), &record_);
    const expr::Value variables[2] = {
        expr::Value(std::shared_ptr<const expr::RecordView>(
            std::make_shared<TracedRecord>(borrowed, entity_, "record.", shown_, considered.reads))),
        expr::Value(std::shared_ptr<const expr::RecordView>(std::make_shared<TracedUser>(subject_, person, considered.reads)))};
    const auto result = program.evaluate({variables, 2, subject_.now, subject_.catalog->agency.time_zone});
    record_.set_follow(nullptr);
    using Result = ConsideredGrant::Result;
    considered.result = result.is_true()                                  ? Result::yes
                        : result.outcome == expr::Outcome::unknown ? Result::unknown
                        : result.outcome == expr::Outcome::error   ? Result::failed
                                                                   : Result::no;
    considered.failure = result.message;
  }

  void record_shares(AccessReport& report) {
    if (report.administrator) return;
    std::vector<std::int64_t> ids;
    {
      auto session = service_.database().read();
      ids = shares_with(*session, subject_, entity_, record_.id());
    }
    if (ids.empty()) return;
    Context system = subject_;
    system.actor = Actor{};
    system.actor.system = true;
    for (Share& share : service_.shares(system, entity_, record_.id())) {
      if (std::find(ids.begin(), ids.end(), share.id) != ids.end()) report.shares.push_back(std::move(share));
    }
  }

  void fields(AccessReport& report) {
    if (!entity_.restricts_fields) return;
    const FieldRights rights = field_rights(subject_, entity_);
    for (const auto& field : entity_.fields) {
      const bool depends =
          field->right < FieldRight::write || std::any_of(subject_.catalog->roles.begin(), subject_.catalog->roles.end(), [&](const auto& role) {
            const auto own = role->field_rights.find(&entity_);
            return own != role->field_rights.end() &&
                   std::any_of(own->second.begin(), own->second.end(), [&](const auto& one) { return one.first == field.get(); });
          });
      if (!depends || (!is_administrator(asker_) && field_rights(asker_, entity_).of(*field) == FieldRight::hidden)) continue;
      ExplainedField explained{field.get(), rights.of(*field), nullptr};
      each_person([&](const Actor& person) {
        each_held(person, [&](const model::Role& role, const model::Role&, bool) {
          if (explained.role != nullptr) return;
          if (role.administrator) {
            explained.role = &role;
            return;
          }
          const auto own = role.field_rights.find(&entity_);
          if (own == role.field_rights.end()) {
            const auto grants = role.grants.find(&entity_);
            const bool reads = grants != role.grants.end() && grants->second[static_cast<std::size_t>(Operation::read)].given();
            if (reads && field->right == explained.right) explained.role = &role;
            return;
          }
          const auto said = std::find_if(own->second.begin(), own->second.end(), [&](const auto& one) { return one.first == field.get(); });
          if ((said == own->second.end() ? field->right : said->second) == explained.right) explained.role = &role;
        });
      });
      report.fields.push_back(explained);
    }
  }

  const RecordService& service_;
  const Context& asker_;
  const Context& subject_;
  Record& record_;
  const Entity& entity_;
  std::shared_ptr<const Follow> follow_;
  TracedRecord::Shown shown_;
};

}  // namespace

AccessReport explain_access(const RecordService& service, const Context& asker, const Context& subject, const Entity& entity,
                            std::int64_t id) {
  if (!is_administrator(asker)) service.get(asker, entity, id);  // refuses what he may not see
  Context system = asker;
  system.actor = Actor{};
  system.actor.system = true;
  Record record = service.get(system, entity, id);
  return Explainer(service, asker, subject, record).report();
}

}  // namespace caravan::records
