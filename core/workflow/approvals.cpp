#include "workflow/approvals.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "model/process.h"
#include "records/access.h"
#include "records/bulk.h"
#include "records/codec.h"
#include "records/holders.h"
#include "records/json.h"
#include "records/messages.h"
#include "records/seal.h"
#include "records/trash.h"
#include "storage/query.h"
#include "workflow/approval_notices.h"
#include "workflow/cascade.h"
#include "workflow/effects.h"
#include "workflow/random_id.h"
#include "workflow/transitions.h"

namespace caravan::workflow {
namespace {

using model::Entity;
using model::Field;
using records::Context;
using records::message;
using records::Record;
using Follow = std::shared_ptr<const records::Follow>;

constexpr const char* role_seat = "role";
constexpr const char* user_seat = "user";
constexpr const char* barred_seat = "barred";

std::string label_or(const model::Text& label, const Context& context, const std::string& name) {
  const std::string& text = label.in(context.locale);
  return text.empty() ? name : text;
}

const model::Transition* transition_of(const Context& context, const Approval& approval) {
  const Entity* entity = context.catalog->entity(approval.entity);
  return entity != nullptr && entity->workflow ? entity->workflow->transition(approval.transition) : nullptr;
}

/// What a rule that reads the field depends on; a sensitive one only as a hash.
std::string basis_value(const Context& context, const Record& record, const Field& field) {
  std::string text;
  records::write_value(text, field, record[field.slot]);
  if (const auto* amount = record[field.slot].as<Decimal>()) text += " " + std::string(amount->currency_code());
  if (field.sensitive) text = records::need_keys(*context.catalog).hash("", "approval", text);
  return text;
}

/// The record's own fields that decide about the step: what its guard and the conditions of its approval read.
std::set<const Field*> read_by_rules(const model::Transition& transition, const Entity& entity) {
  std::set<const Field*> fields;
  model::each_approval_field(transition, entity, [&](const Field& field) { fields.insert(&field); });
  return fields;
}

std::string basis_of(const Context& context, const model::Transition& transition, const Record& record, const records::Input& input) {
  std::string out = "{";
  for (const Field* field : read_by_rules(transition, record.entity())) {
    // What is given with the step is what counts, whatever the record says.
    if (std::any_of(input.begin(), input.end(), [&](const auto& given) { return given.first == field; })) continue;
    if (out.size() > 1) out.push_back(',');
    records::write_json_string(out, field->name);
    out.push_back(':');
    records::write_json_string(out, basis_value(context, record, *field));
  }
  return out + "}";
}

/// The first field that the rules read and that is another one now; nullptr where there is none. Fields that are no more say nothing.
const Field* changed_basis(const Context& context, const Approval& approval, const Record& record) {
  const records::Json basis = records::parse_json(approval.basis);
  const auto* object = basis.as<records::Json::Object>();
  for (const auto& [name, value] : object != nullptr ? *object : records::Json::Object()) {
    const Field* field = record.entity().field(name);
    const auto* text = value.as<std::string>();
    if (field != nullptr && text != nullptr && basis_value(context, record, *field) != *text) return field;
  }
  return nullptr;
}

/// Why it cannot be taken any more, as Approval::reason has it; "" where it can.
std::string void_reason(const Context& context, const Approval& approval, const Record* record) {
  const model::Transition* transition = transition_of(context, approval);
  if (transition == nullptr) return "definition";
  if (record == nullptr) return "record_gone";
  if (!leaves(*transition, record->state())) return "left_state";
  if (const Field* field = changed_basis(context, approval, *record)) return "changed\n" + field->name;
  return {};
}

void enter_step(records::Work& work, Approval& approval, const Record& record) {
  const AskedStep& step = approval.steps[approval.step];
  approval.seats.clear();
  for (const std::string& role : step.roles) approval.seats.push_back({role_seat, role});
  for (const std::int64_t user : step.users) approval.seats.push_back({user_seat, std::to_string(user)});
  if (!step.self) {
    if (approval.asked_by != 0) approval.seats.push_back({barred_seat, std::to_string(approval.asked_by)});
    for (const std::int64_t colleague : approval.asked_for) approval.seats.push_back({barred_seat, std::to_string(colleague)});
  }
  write_seats(work.session(), approval);
  tell_deciders(work, approval, record, "approval_notice_ask");
  if (step.remind_seconds > 0) work.enqueue(reminder_job(approval, Timestamp{work.context().now.micros + step.remind_seconds * 1'000'000}));
}

/// Ends it and tells whoever asked, and (but for `approved` and `rejected`) those who were to decide. `record`: newest, locked; null
/// where it is gone.
void end(records::Work& work, Approval& approval, const Record* record, std::string state, std::string reason) {
  const Context& context = work.context();
  approval.state = std::move(state);
  approval.reason = std::move(reason);
  approval.ended_at = context.now;
  approval.ended_by = context.actor.user_id;
  const bool decided = approval.state == "approved" || approval.state == "rejected";
  if (!decided) tell_deciders(work, approval, record, "approval_notice_" + approval.state);
  const bool himself = approval.state == "withdrawn" && approval.ended_by == approval.asked_by;
  if (!himself) tell_asker(work, approval, record, "approval_notice_your_" + approval.state);
  write_end(work.session(), approval);
}

void make_void(records::Work& work, Approval& approval, const Record* record, const std::string& reason) {
  end(work, approval, record, "void", reason);
  if (record != nullptr) work.remark(*record, "approval_void:" + approval.transition, end_text(work.context(), approval));
}

bool barred(const Approval& approval, std::int64_t user) {
  return std::find(approval.seats.begin(), approval.seats.end(), Seat{barred_seat, std::to_string(user)}) != approval.seats.end();
}

/// The seats that the actor fills, by himself or as somebody's deputy.
struct Standing {
  bool own = false;                  ///< it is his own request
  std::vector<Seat> held;
  std::int64_t for_user = 0;
};

/// The context with the rights of one person alone.
Context only(const Context& context, const records::Actor* colleague) {
  Context alone = context;
  alone.once = nullptr;
  alone.actor.deputy_of.clear();
  if (colleague != nullptr) {
    alone.actor = records::Actor();
    alone.actor.name.clear();
    alone.actor.deputy_of.assign(1, *colleague);
  }
  return alone;
}

Standing standing_of(const Context& context, const Approval& approval) {
  Standing standing;
  if (!approval.waits()) return standing;
  standing.own = barred(approval, context.actor.user_id) && context.actor.user_id != 0;
  if (standing.own) return standing;
  const auto fill = [&](const Context& person, std::int64_t id, std::int64_t for_user) {
    for (const Seat& seat : approval.seats) {
      const bool fits = seat.kind == user_seat ? id != 0 && seat.who == std::to_string(id) : seat.kind == role_seat && records::holds_role(person, seat.who);
      if (!fits || std::find(standing.held.begin(), standing.held.end(), seat) != standing.held.end()) continue;
      if (standing.held.empty()) standing.for_user = for_user;
      standing.held.push_back(seat);
    }
  };
  fill(only(context, nullptr), context.actor.user_id, 0);
  for (const records::Actor& colleague : context.actor.deputy_of) {
    if (!barred(approval, colleague.user_id)) fill(only(context, &colleague), colleague.user_id, colleague.user_id);
  }
  if (standing.held.empty() && records::is_administrator(context)) {
    for (const Seat& seat : approval.seats) {
      if (seat.kind != barred_seat) standing.held.push_back(seat);
    }
  }
  return standing;
}

bool decided_before(const Approval& approval, std::int64_t user) {
  return user != 0 && std::any_of(approval.decisions.begin(), approval.decisions.end(),
                                  [&](const ApprovalDecision& one) { return one.step == approval.step && one.user_id == user; });
}

bool may_decide(const Context& context, const Approval& approval) {
  return !decided_before(approval, context.actor.user_id) && !standing_of(context, approval).held.empty();
}

bool may_withdraw(const Context& context, const Approval& approval) {
  return approval.waits() && (records::is_administrator(context) || (approval.asked_by != 0 && approval.asked_by == context.actor.user_id));
}

/// Whether the actor has to do with it.
bool concerns(const Context& context, const Approval& approval) {
  if (records::is_administrator(context)) return true;
  const auto is = [&](std::int64_t user) {
    return user != 0 && (user == context.actor.user_id || std::any_of(context.actor.deputy_of.begin(), context.actor.deputy_of.end(),
                                                                      [&](const records::Actor& one) { return one.user_id == user; }));
  };
  if (approval.asked_by != 0 && approval.asked_by == context.actor.user_id) return true;
  if (std::any_of(approval.decisions.begin(), approval.decisions.end(), [&](const auto& one) { return is(one.user_id); })) return true;
  return std::any_of(approval.steps.begin(), approval.steps.end(), [&](const AskedStep& step) {
    return std::any_of(step.users.begin(), step.users.end(), is) ||
           std::any_of(step.roles.begin(), step.roles.end(), [&](const std::string& role) { return records::holds_role(context, role); });
  });
}

std::map<std::int64_t, std::string> names_of(storage::Session& session, const Approval& approval) {
  std::set<std::int64_t> ids{approval.asked_by, approval.ended_by};
  for (const ApprovalDecision& one : approval.decisions) ids.insert({one.user_id, one.for_user});
  for (const AskedStep& step : approval.steps) ids.insert(step.users.begin(), step.users.end());
  ids.erase(0);
  std::map<std::int64_t, std::string> names;
  for (const std::int64_t id : ids) {
    storage::Query query(session, "SELECT name FROM core_user WHERE id = ?", id);
    if (query.next()) names[id] = query.text(0);
  }
  return names;
}

ApprovalView view_of(storage::Session& session, const Context& context, Approval approval) {
  ApprovalView view;
  view.names = names_of(session, approval);
  view.may_decide = may_decide(context, approval);
  view.may_withdraw = may_withdraw(context, approval);
  view.approval = std::move(approval);
  return view;
}

/// The records, as far as the actor may see them.
void add_records(const records::RecordService& service, const Context& context, std::vector<ApprovalView>& views) {
  std::map<const Entity*, std::vector<std::int64_t>> wanted;
  for (const ApprovalView& view : views) {
    if (const Entity* entity = context.catalog->entity(view.approval.entity)) wanted[entity].push_back(view.approval.record_id);
  }
  for (auto& [entity, ids] : wanted) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    for (Record& record : service.get_many(context, *entity, ids)) {
      for (ApprovalView& view : views) {
        if (view.approval.entity == entity->full_name && view.approval.record_id == record.id()) view.record = record;
      }
    }
  }
}

/// Input as it was given.
records::Input given_input(const Context& context, const Approval& approval, const Entity& entity) {
  records::Input input;
  if (approval.input_fields.empty()) return input;
  const Record row = records::parse_row(
      entity, records::open_json(records::keys_of(*context.catalog), entity.full_name, &entity, "approval", approval.id,
                                 approval.input_row.empty() ? "{}" : approval.input_row));
  for (const std::string& name : approval.input_fields) {
    if (const Field* field = entity.field(name)) input.emplace_back(field, row[field->slot]);
  }
  return input;
}

std::optional<records::Actor> actor_of(storage::Session& session, std::int64_t id) {
  storage::Query query(session, "SELECT id, username, name, locale, department, roles FROM core_user WHERE id = ? AND active = 1", id);
  if (!query.next()) return std::nullopt;
  records::Actor actor;
  actor.user_id = query.integer(0);
  actor.username = query.text(1);
  actor.name = query.text(2);
  actor.locale = query.text(3);
  actor.department = query.text(4);
  const std::string text = query.text(5);
  const records::Json roles = text.empty() ? records::Json() : records::parse_json(text);
  const auto* list = roles.as<records::Json::Array>();
  for (const records::Json& role : list != nullptr ? *list : records::Json::Array()) {
    if (const auto* name = role.as<std::string>()) actor.roles.push_back(*name);
  }
  return actor;
}

/// Whoever asked, with the rights that he has now and those of the colleagues by whose right he asked.
std::optional<records::Actor> asker(storage::Session& session, const Approval& approval) {
  if (approval.asked_by == 0) {  // a rule
    records::Actor system;
    system.system = true;
    return system;
  }
  auto actor = actor_of(session, approval.asked_by);
  if (!actor) return std::nullopt;
  for (const std::int64_t colleague : approval.asked_for) {
    if (auto one = actor_of(session, colleague)) actor->deputy_of.push_back(std::move(*one));
  }
  return actor;
}

/// For its lifetime the transaction is somebody else's, or the system's, whom `set_off_by` has set off.
class ActorScope {
 public:
  ActorScope(records::Work& work, Context& context, records::Actor actor, std::int64_t set_off_by)
      : cascade_(cascade_of(work)), set_off_by_(cascade_.set_off_by), context_(context), actor_(context.actor), source_(context.source) {
    context_.actor = std::move(actor);
    cascade_.set_off_by = set_off_by;
  }
  ~ActorScope() {
    context_.actor = std::move(actor_);
    context_.source = std::move(source_);
    cascade_.set_off_by = set_off_by_;
  }
  ActorScope(const ActorScope&) = delete;
  ActorScope& operator=(const ActorScope&) = delete;

 private:
  Cascade& cascade_;
  const std::int64_t set_off_by_;
  Context& context_;
  records::Actor actor_;
  std::string source_;
};

/// The last has agreed: takes the step as whoever asked. `working` is the transaction's context.
void take(records::Work& work, Context& working, Approval& approval, const Record& record) {
  const auto actor = asker(work.session(), approval);
  if (!actor) return make_void(work, approval, &record, "asker_gone");
  const Entity& entity = record.entity();
  std::string refused;
  {
    Approval given = approval;
    given.state = "approved";
    given.ended_at = working.now;
    given.ended_by = working.actor.user_id;
    records::Savepoint savepoint(work.session());
    try {
      const records::Input input = given_input(working, approval, entity);
      const std::string comment = approval.comment;
      write_end(work.session(), given);  // first: what follows from the step finds nothing that waits
      {
        const ActorScope scope(work, working, *actor, approval.asked_for.empty() ? 0 : approval.asked_for.front());
        const records::SourceScope source(work, "approval " + std::to_string(approval.id));
        Transitions::take_in(work, entity, record.id(), approval.transition, input, comment, std::nullopt, Consent::given,
                             approval.asked_by == 0 ? records::Authority::definition : records::Authority::actor);
      }
      tell_asker(work, given, &record, "approval_notice_your_approved");
      savepoint.keep();
      given.reason.clear();
      approval = std::move(given);
      return;
    } catch (const Error& error) {
      if (!records::is_refusal(error)) throw;
      savepoint.undo();
      refused = error.message();
    }
  }
  const auto newest = load_locked(work, entity, record.id());
  make_void(work, approval, newest ? &*newest : nullptr, "refused\n" + refused);
}

/// Whether the record is another one than that version; that somebody asked or decided about it does not make it one.
bool changed_since(storage::Session& session, const Record& record, std::int64_t version) {
  if (version == record.version()) return false;
  if (version > record.version()) return true;
  storage::Query query(session, "SELECT action FROM event WHERE entity = ? AND record_id = ? AND version > ? ORDER BY version", record.entity().full_name, record.id(),
                       version);
  while (query.next()) {
    if (!query.text(0).starts_with("approval_")) return true;
  }
  return false;
}

void decide_in(records::Work& work, Context& working, Approval& approval, Verdict verdict, const std::string& comment,
               std::optional<std::int64_t> expected_version) {
  const Context& context = work.context();
  const Entity* entity = context.catalog->entity(approval.entity);
  std::optional<Record> record = entity != nullptr ? load_locked(work, *entity, approval.record_id) : std::nullopt;
  // The record's lock first, as everybody takes them; then nobody else decides either.
  if (auto now = find_approval(work.session(), approval.id, true)) approval = std::move(*now);
  if (!concerns(context, approval)) throw Error(ErrorCode::not_found, message("approval_none", context.locale));
  if (!approval.waits()) throw Error(ErrorCode::conflict, message("approval_ended_" + approval.state, context.locale));
  if (verdict == Verdict::withdraw) {
    if (!may_withdraw(context, approval)) throw Error(ErrorCode::forbidden, message("approval_not_yours", context.locale));
    end(work, approval, record ? &*record : nullptr, "withdrawn", comment);
    if (record) work.remark(*record, "approval_withdrawn:" + approval.transition, comment);
    return;
  }
  const Standing standing = standing_of(context, approval);
  if (standing.own) throw Error(ErrorCode::forbidden, message("approval_own", context.locale));
  if (decided_before(approval, context.actor.user_id)) throw Error(ErrorCode::conflict, message("approval_decided", context.locale));
  if (standing.held.empty()) {
    throw Error(ErrorCode::forbidden, message("approval_waits", context.locale, {deciders_text(work.session(), context, approval)}));
  }
  if (verdict == Verdict::reject && comment.empty()) {
    const std::string why = message("approval_reason", context.locale);
    throw Error(ErrorCode::invalid_record, why, {{"comment", "required", why}});
  }
  if (const std::string reason = void_reason(context, approval, record ? &*record : nullptr); !reason.empty()) {
    return make_void(work, approval, record ? &*record : nullptr, reason);
  }
  // Nobody agrees to what he cannot see.
  if (!records::may(context, model::Operation::read, *record, follow_in(work), work.session())) {
    throw Error(ErrorCode::forbidden, message("approval_unseen", context.locale));
  }
  if (expected_version && changed_since(work.session(), *record, *expected_version)) {
    throw Error(ErrorCode::stale, message("stale", context.locale, {label_or(entity->label, context, entity->full_name), std::to_string(record->version())}));
  }
  const bool agrees = verdict == Verdict::approve;
  add_decision(work.session(), approval,
               {approval.step, context.actor.user_id, standing.for_user, agrees ? "approve" : "reject", comment, context.now, record->version()});
  record = work.remark(*record, (agrees ? "approval_given:" : "approval_rejected:") + approval.transition, comment);
  if (!agrees) return end(work, approval, &*record, "rejected", comment);
  std::erase_if(approval.seats, [&](const Seat& seat) { return std::find(standing.held.begin(), standing.held.end(), seat) != standing.held.end(); });
  const bool open = std::any_of(approval.seats.begin(), approval.seats.end(), [](const Seat& seat) { return seat.kind != barred_seat; });
  if (approval.steps[approval.step].all && open) return write_seats(work.session(), approval);
  if (approval.step + 1 < approval.steps.size()) {
    ++approval.step;
    approval.step_at = context.now;
    write_step(work.session(), approval);
    return enter_step(work, approval, *record);
  }
  take(work, working, approval, *record);
}

/// Roles that a person holds, by name.
std::vector<std::string> roles_of(const Context& person) {
  std::set<std::string> names;
  records::each_role(person, [&](const model::Role& role, const records::Actor&) {
    names.insert(role.name);
    return false;
  });
  return {names.begin(), names.end()};
}

constexpr const char* not_barred = "NOT EXISTS (SELECT 1 FROM approval_seat b WHERE b.approval_id = a.id AND b.kind = 'barred' AND b.who = ?)";

/// What waits for the actor's decision.
std::string waiting_condition(const Context& context, std::vector<std::string>& parameters) {
  std::string sql = std::string("a.state = 'waiting' AND ") + not_barred + " AND (";
  parameters.push_back(std::to_string(context.actor.user_id));
  const auto person = [&](const records::Actor* colleague) {
    const std::string id = std::to_string(colleague != nullptr ? colleague->user_id : context.actor.user_id);
    const std::vector<std::string> roles = roles_of(only(context, colleague));
    if (colleague != nullptr) sql += " OR ";
    sql += "(EXISTS (SELECT 1 FROM approval_seat s WHERE s.approval_id = a.id AND ((s.kind = 'user' AND s.who = ?)";
    parameters.push_back(id);
    if (!roles.empty()) {
      std::size_t places = 1;
      while (places < roles.size()) places *= 2;
      sql += " OR (s.kind = 'role' AND s.who IN (" + storage::repeated("?", ", ", places) + "))";
      for (std::size_t i = 0; i < places; ++i) parameters.push_back(roles[std::min(i, roles.size() - 1)]);
    }
    sql += "))";
    if (colleague != nullptr) {
      sql += std::string(" AND ") + not_barred;
      parameters.push_back(id);
    }
    sql += ")";
  };
  person(nullptr);
  for (const records::Actor& colleague : context.actor.deputy_of) person(&colleague);
  return sql + ")";
}

}  // namespace

bool is_needed(const model::ApprovalStep& step, const Context& context, Record& candidate, const Follow& follow) {
  if (!step.when) return true;
  const auto result = records::evaluate(*step.when, context, candidate, follow);
  const bool* needed = result.value.as<bool>();
  return result.outcome != expr::Outcome::value || needed == nullptr || *needed;
}

std::vector<AskedStep> needed_steps(records::Work& work, const model::Transition& transition, Record& candidate, const Follow& follow) {
  const Context& context = work.context();
  std::vector<AskedStep> steps;
  for (const model::ApprovalStep& step : transition.approval) {
    if (!is_needed(step, context, candidate, follow)) continue;
    AskedStep asked{step.name, step.label, step.by, {}, step.all, step.self, step.remind_seconds};
    if (step.by_user) {
      const auto result = records::evaluate(*step.by_user, context, candidate, follow);
      std::vector<std::int64_t> ids;
      if (result.outcome == expr::Outcome::value) {
        if (const auto* one = result.value.as<std::int64_t>()) ids.push_back(*one);
        for (const expr::Value& one : result.value.as_list() ? *result.value.as_list() : expr::List()) {
          if (const auto* id = one.as<std::int64_t>()) ids.push_back(*id);
        }
      }
      for (const records::Holder& user : records::active_users(work.session(), ids)) asked.users.push_back(user.id);
      const bool himself = !step.self && asked.users.size() == 1 && asked.users.front() == set_off_by(work);
      if ((asked.users.empty() || himself) && (step.by.empty() || step.all)) {
        throw Error(ErrorCode::invalid_record, message(himself ? "approval_only_you" : "approval_nobody", context.locale,
                                                       {label_or(transition.label, context, transition.name), label_or(step.label, context, step.name)}));
      }
    }
    steps.push_back(std::move(asked));
  }
  return steps;
}

namespace {

std::optional<Approval> waiting_for(records::Work& work, const model::Transition& transition, const Record& stored) {
  for (Approval& other : waiting_approvals(work.session(), stored.entity().full_name, stored.id())) {
    if (other.transition == transition.name) return std::move(other);
  }
  return std::nullopt;
}

std::int64_t ask(records::Work& work, const model::Transition& transition, const Record& stored, const records::Input& input,
                 std::vector<AskedStep> steps, std::int64_t asked_by, std::vector<std::int64_t> asked_for, const std::string& comment) {
  const Context& context = work.context();
  const Entity& entity = stored.entity();
  Approval approval;
  approval.id = random_id();
  approval.entity = entity.full_name;
  approval.record_id = stored.id();
  approval.transition = transition.name;
  approval.asked_by = asked_by;
  approval.asked_for = std::move(asked_for);
  approval.asked_at = approval.step_at = context.now;
  approval.steps = std::move(steps);
  approval.comment = comment;
  approval.basis = basis_of(context, transition, stored, input);
  if (!input.empty()) {
    Record given(entity);
    bool sensitive = false;
    for (const auto& [field, value] : input) {
      given.set(field->slot, value);
      sensitive = sensitive || field->sensitive;
      if (std::find(approval.input_fields.begin(), approval.input_fields.end(), field->name) == approval.input_fields.end())
        approval.input_fields.push_back(field->name);
    }
    records::write_row(approval.input_row, given);
    if (sensitive) {
      approval.input_row = records::seal_json(records::need_keys(*context.catalog), entity, "approval", approval.id, std::move(approval.input_row));
    }
  }
  insert_approval(work.session(), approval);
  const Record record = work.remark(stored, "approval_asked:" + transition.name, comment);
  enter_step(work, approval, record);
  return approval.id;
}

}  // namespace

std::int64_t ask_approval(records::Work& work, const model::Transition& transition, const Record& stored, const records::Input& input,
                          std::vector<AskedStep> steps, std::vector<std::int64_t> colleagues, const std::string& comment) {
  if (const auto other = waiting_for(work, transition, stored)) {
    throw Error(ErrorCode::conflict, message("approval_waits", work.context().locale, {deciders_text(work.session(), work.context(), *other)}));
  }
  return ask(work, transition, stored, input, std::move(steps), work.context().actor.user_id, std::move(colleagues), comment);
}

std::int64_t ask_by_rule(records::Work& work, const model::Transition& transition, const Record& stored, const records::Input& input,
                         std::vector<AskedStep> steps, const std::string& comment) {
  if (const auto other = waiting_for(work, transition, stored)) return other->id;
  std::vector<std::int64_t> set_off;
  if (const std::int64_t user = set_off_by(work); user != 0) set_off.push_back(user);
  return ask(work, transition, stored, input, std::move(steps), 0, std::move(set_off), comment);
}

std::string deciders_text(storage::Session& session, const Context& context, const Approval& approval) {
  std::string out;
  for (const Seat& seat : approval.seats) {
    std::string name;
    if (seat.kind == role_seat) {
      const model::Role* role = context.catalog->role(seat.who);
      name = role != nullptr ? label_or(role->label, context, role->name) : seat.who;
    } else if (seat.kind == user_seat) {
      storage::Query query(session, "SELECT name FROM core_user WHERE id = ?", static_cast<std::int64_t>(std::strtoll(seat.who.c_str(), nullptr, 10)));
      name = query.next() ? query.text(0) : "#" + seat.who;
    } else {
      continue;
    }
    out += (out.empty() ? "" : context.locale.starts_with("zh") ? "、" : ", ") + name;
  }
  return out;
}

void follow_approvals(records::Work& work, const Record& record, bool deleted) {
  for (Approval& approval : waiting_approvals(work.session(), record.entity().full_name, record.id())) {
    if (deleted) {
      make_void(work, approval, nullptr, "record_gone");
      continue;
    }
    if (void_reason(work.context(), approval, &record).empty()) continue;
    const auto newest = load_locked(work, record.entity(), record.id());
    const std::string reason = void_reason(work.context(), approval, newest ? &*newest : nullptr);
    if (!reason.empty()) make_void(work, approval, newest ? &*newest : nullptr, reason);
  }
}

ApprovalPage list_approvals(const records::RecordService& service, const Context& context, const ApprovalQuery& wanted) {
  using Box = ApprovalQuery::Box;
  if (wanted.box == Box::all && !records::is_administrator(context)) throw Error(ErrorCode::forbidden, message("approval_all", context.locale));
  const bool newest_first = wanted.box == Box::asked;
  std::vector<std::string> texts;
  std::string condition = wanted.box == Box::waiting ? waiting_condition(context, texts) : wanted.box == Box::asked ? "a.asked_by = ?" : "a.state = 'waiting'";
  Timestamp at;
  std::int64_t id = 0;
  if (!wanted.after.empty()) {
    const auto dot = wanted.after.find('.');
    const auto whole = [](const std::string& text) {
      return !text.empty() && text.size() < 19 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    };
    const std::string first = wanted.after.substr(0, dot), second = dot == std::string::npos ? std::string() : wanted.after.substr(dot + 1);
    const bool fits = second.size() <= 19 && !second.empty() && std::all_of(second.begin(), second.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!whole(first) || !fits) throw Error(ErrorCode::invalid_argument, message("approval_cursor", context.locale));
    at = Timestamp{std::strtoll(first.c_str(), nullptr, 10)};
    id = std::strtoll(second.c_str(), nullptr, 10);
  }
  ApprovalPage page;
  {
    auto session = service.database().read();
    const auto bind = [&](storage::Query& query) {
      for (const std::string& text : texts) query.add(text);
      if (wanted.box == Box::asked) query.add(context.actor.user_id);
    };
    if (wanted.count) {
      storage::Query query(*session, "SELECT COUNT(*) FROM approval a WHERE " + condition);
      bind(query);
      query.next();
      page.total = query.integer(0);
    }
    const std::string past = newest_first ? "<" : ">", order = newest_first ? " DESC" : "";
    const std::string sql = "SELECT a.id, a.asked_at FROM approval a WHERE " + condition +
                            (wanted.after.empty() ? std::string() : " AND (a.asked_at " + past + " ? OR (a.asked_at = ? AND a.id " + past + " ?))") +
                            " ORDER BY a.asked_at" + order + ", a.id" + order + " LIMIT ?";
    std::vector<std::pair<std::int64_t, Timestamp>> found;
    {
      storage::Query query(*session, sql);
      bind(query);
      if (!wanted.after.empty()) {
        query.add(at);
        query.add(at);
        query.add(id);
      }
      query.add(static_cast<std::int64_t>(wanted.limit) + 1);
      while (query.next()) found.emplace_back(query.integer(0), query.instant(1).value_or(Timestamp()));
    }
    if (found.size() > wanted.limit) {
      found.resize(wanted.limit);
      page.next = std::to_string(found.back().second.micros) + "." + std::to_string(found.back().first);
    }
    for (const auto& [one, when] : found) {
      if (auto approval = find_approval(*session, one)) page.items.push_back(view_of(*session, context, std::move(*approval)));
    }
  }
  add_records(service, context, page.items);
  return page;
}

ApprovalView show_approval(const records::RecordService& service, const Context& context, std::int64_t id) {
  std::vector<ApprovalView> views;
  {
    auto session = service.database().read();
    auto approval = find_approval(*session, id);
    if (!approval || !concerns(context, *approval)) throw Error(ErrorCode::not_found, message("approval_none", context.locale));
    views.push_back(view_of(*session, context, std::move(*approval)));
  }
  add_records(service, context, views);
  return std::move(views.front());
}

ApprovalView view_in(records::Work& work, std::int64_t id, const Record& record) {
  ApprovalView view = view_of(work.session(), work.context(), find_approval(work.session(), id).value());
  view.record = record;
  return view;
}

std::vector<ApprovalView> approvals_of(const records::RecordService& service, const Context& context, const Record& record) {
  std::vector<ApprovalView> views;
  if (!record.entity().rules || !record.entity().rules->approvals) return views;
  auto session = service.database().read();
  for (Approval& approval : waiting_approvals(*session, record.entity().full_name, record.id())) {
    views.push_back(view_of(*session, context, std::move(approval)));
    views.back().record = record;
  }
  return views;
}

ApprovalView decide_approval(const records::RecordService& service, const Context& context, std::int64_t id, Verdict verdict, const std::string& comment,
                             std::optional<std::int64_t> expected_version, const std::function<void(const ApprovalView&)>& reply) {
  Context working = context;
  ApprovalView view;
  service.transact(working, [&](records::Work& work) {
    auto approval = find_approval(work.session(), id);
    if (!approval || !concerns(context, *approval)) throw Error(ErrorCode::not_found, message("approval_none", context.locale));
    decide_in(work, working, *approval, verdict, comment, expected_version);
    view = view_of(work.session(), context, std::move(*approval));
    if (const Entity* entity = context.catalog->entity(view.approval.entity)) {
      try {
        view.record = work.load(*entity, view.approval.record_id);
        records::redact(context, *view.record);
      } catch (const Error& error) {
        if (error.code() != ErrorCode::not_found) throw;
      }
    }
    if (context.once != nullptr && reply) reply(view);
  });
  if (context.once == nullptr && reply) reply(view);
  return view;
}

std::string end_text(const Context& context, const Approval& approval) {
  if (approval.state == "rejected" || approval.state == "withdrawn") return approval.reason;
  if (approval.state != "void") return {};
  const auto line = approval.reason.find('\n');
  const std::string code = approval.reason.substr(0, line), about = line == std::string::npos ? std::string() : approval.reason.substr(line + 1);
  std::string said = about;
  if (code == "changed") {
    const Entity* entity = context.catalog->entity(approval.entity);
    const Field* field = entity != nullptr ? entity->field(about) : nullptr;
    if (field != nullptr) said = label_or(field->label, context, field->name);
  }
  return message("approval_void_" + code, context.locale, {said});
}

records::Input shown_input(const Context& context, const ApprovalView& view) {
  records::Input shown;
  if (!view.record) return shown;
  const Entity& entity = view.record->entity();
  const records::FieldRights rights = records::field_rights(context, entity);
  Approval open = view.approval;
  std::erase_if(open.input_fields, [&](const std::string& name) {
    const Field* field = entity.field(name);
    return field == nullptr || field->sensitive || rights.of(*field) == model::FieldRight::hidden;
  });
  if (open.input_fields.empty()) return shown;
  for (auto& [field, value] : given_input(context, open, entity)) {
    shown.emplace_back(field, rights.of(*field) == model::FieldRight::masked ? records::masked(*field, value) : value);
  }
  return shown;
}

void remind_of_approval(const records::RecordService& service, const Context& context, jobs::Attempt& attempt) {
  const auto [id, step] = reminder_of(attempt.job().payload);
  service.transact(context, [&, id = id, step = step](records::Work& work) {
    auto approval = find_approval(work.session(), id);
    const bool open = approval && approval->waits() && approval->step == step && approval->steps[step].remind_seconds > 0;
    const Entity* entity = open ? context.catalog->entity(approval->entity) : nullptr;
    if (entity != nullptr) {
      const auto record = load_locked(work, *entity, approval->record_id);
      auto now = find_approval(work.session(), id, true);
      const std::string reason = now && now->waits() ? void_reason(context, *now, record ? &*record : nullptr) : std::string();
      if (!reason.empty()) {
        make_void(work, *now, record ? &*record : nullptr, reason);
      } else if (now && now->waits() && now->step == step) {
        tell_deciders(work, *now, record ? &*record : nullptr, "approval_notice_remind");
        work.enqueue(reminder_job(*now, Timestamp{context.now.micros + now->steps[step].remind_seconds * 1'000'000}));
      }
    }
    attempt.finish_in(work.session());
  });
}

std::int64_t recheck_approvals(const records::RecordService& service, const Context& context, std::int64_t after) {
  constexpr std::int64_t at_once = 100;
  std::vector<std::int64_t> ids;
  {
    auto session = service.database().read();
    storage::Query query(*session, "SELECT id FROM approval WHERE state = 'waiting' AND id > ? ORDER BY id LIMIT ?", after, at_once);
    while (query.next()) ids.push_back(query.integer(0));
  }
  for (const std::int64_t id : ids) {
    service.transact(context, [&](records::Work& work) {
      auto approval = find_approval(work.session(), id);
      const Entity* entity = approval ? context.catalog->entity(approval->entity) : nullptr;
      const auto record = entity != nullptr ? load_locked(work, *entity, approval->record_id) : std::nullopt;
      approval = find_approval(work.session(), id, true);
      if (!approval || !approval->waits()) return;
      const std::string reason = void_reason(context, *approval, record ? &*record : nullptr);
      if (!reason.empty()) make_void(work, *approval, record ? &*record : nullptr, reason);
    });
  }
  return ids.size() < static_cast<std::size_t>(at_once) ? 0 : ids.back();
}

std::int64_t purge_approvals(storage::Session& session, Timestamp now) {
  constexpr std::int64_t kept_micros = std::int64_t{400} * 86'400'000'000;
  std::vector<std::int64_t> ids;
  {
    storage::Query query(session, "SELECT id FROM approval WHERE ended_at < ? ORDER BY ended_at LIMIT ?", Timestamp{now.micros - kept_micros}, 500);
    while (query.next()) ids.push_back(query.integer(0));
  }
  for (const std::int64_t id : ids) {
    storage::run_sql(session, "DELETE FROM approval_decision WHERE approval_id = ?", id);
    storage::run_sql(session, "DELETE FROM approval WHERE id = ?", id);
  }
  return static_cast<std::int64_t>(ids.size());
}

}  // namespace caravan::workflow
