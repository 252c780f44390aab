#include "records/access.h"

#include <algorithm>

#include "records/messages.h"

namespace caravan::records {
namespace {

/// A shared_ptr that owns nothing: expressions take records by shared_ptr, ours live on the stack of the call.
std::shared_ptr<const expr::RecordView> borrowed(const expr::RecordView& view) {
  return {std::shared_ptr<const expr::RecordView>(), &view};
}

template <class Visit>
void each_grant(const Context& context, const model::Entity& entity, model::Operation operation, Visit visit) {
  for (const std::string& name : context.actor.roles) {
    const model::Role* role = context.catalog->role(name);
    if (role == nullptr) continue;
    if (role->administrator) {
      static const model::Grant all{true, nullptr};
      if (visit(all)) return;
      continue;
    }
    const auto grants = role->grants.find(&entity);
    if (grants == role->grants.end()) continue;
    const model::Grant& grant = grants->second[static_cast<std::size_t>(operation)];
    if (grant.given() && visit(grant)) return;
  }
}

}  // namespace

expr::Value UserView::get(std::uint32_t slot) const {
  const Actor& actor = context_.actor;
  switch (slot) {
    case model::user_id: return actor.user_id == 0 ? expr::Value() : expr::Value(actor.user_id);
    case model::user_username: return expr::Value(actor.username);
    case model::user_name: return expr::Value(actor.name);
    case model::user_locale: return expr::Value(context_.locale);
    case model::user_department: return actor.department.empty() ? expr::Value() : expr::Value(actor.department);
    case model::user_departments: {
      expr::List departments;
      const model::Department* own = context_.catalog->department(actor.department);
      for (const auto& department : context_.catalog->departments) {
        if (own != nullptr && department->within(*own)) departments.emplace_back(department->name);
      }
      return expr::Value(std::move(departments));
    }
    case model::user_roles: {
      expr::List roles;
      for (const auto& role : actor.roles) roles.emplace_back(role);
      return expr::Value(std::move(roles));
    }
  }
  return {};
}

expr::Evaluation evaluate(const expr::Program& program, const Context& context, Record& record,
                          const std::shared_ptr<const Follow>& follow) {
  const UserView user(context);
  const expr::Value variables[2] = {expr::Value(borrowed(record)), expr::Value(borrowed(user))};
  record.set_follow(follow);
  auto result = program.evaluate({variables, 2, context.now, context.catalog->agency.time_zone});
  record.set_follow(nullptr);
  return result;
}

bool is_administrator(const Context& context) {
  if (context.actor.system) return true;
  return context.catalog && std::any_of(context.actor.roles.begin(), context.actor.roles.end(), [&](const std::string& name) {
           const model::Role* role = context.catalog->role(name);
           return role != nullptr && role->administrator;
         });
}

void compute_fields(const Context& context, Record& record, const std::shared_ptr<const Follow>& follow,
                    std::vector<FieldError>* mistakes) {
  for (const model::Field* field : record.entity().computed) {
    auto result = evaluate(*field->compute, context, record, follow);
    if (result.outcome == expr::Outcome::error && mistakes != nullptr) {
      const std::string& label = field->label.in(context.locale);
      mistakes->push_back({field->name, "compute_error",
                           message("compute_error", context.locale, {label.empty() ? field->name : label, result.message})});
    }
    record.set(field->slot, result.outcome == expr::Outcome::value ? std::move(result.value) : expr::Value());
  }
}

bool may_ever(const Context& context, const model::Entity& entity, model::Operation operation) {
  if (context.actor.system) return true;
  bool given = false;
  each_grant(context, entity, operation, [&](const model::Grant&) { return given = true; });
  return given;
}

bool may_always(const Context& context, const model::Entity& entity, model::Operation operation) {
  if (context.actor.system) return true;
  bool given = false;
  each_grant(context, entity, operation, [&](const model::Grant& grant) { return given = grant.always; });
  return given;
}

bool may(const Context& context, model::Operation operation, Record& record, const std::shared_ptr<const Follow>& follow) {
  if (context.actor.system) return true;
  bool given = false;
  each_grant(context, record.entity(), operation, [&](const model::Grant& grant) {
    return given = grant.always || evaluate(*grant.when, context, record, follow).is_true();
  });
  return given;
}

UserActivation::UserActivation(const Context& context) : user_(std::make_shared<UserView>(context)) {
  variables_[1] = expr::Value(std::shared_ptr<const expr::RecordView>(user_));
  activation_ = {variables_, 2, context.now, context.catalog->agency.time_zone};
}

ReadRule read_rule(const Context& context, const model::Entity& entity, expr::Dialect dialect) {
  ReadRule rule;
  if (context.actor.system) {
    rule.kind = ReadRule::Kind::always;
    return rule;
  }
  std::optional<UserActivation> constants;
  each_grant(context, entity, model::Operation::read, [&](const model::Grant& grant) {
    if (grant.always) {
      rule = ReadRule{ReadRule::Kind::always, {}, {}};
      return true;
    }
    if (!constants) constants.emplace(context);
    auto condition = expr::to_sql(*grant.when, dialect, "r", constants->get());
    // The loader refuses rules that cannot be pushed down; should one slip through, it gives nothing.
    if (condition.refused) return false;
    rule.sql += rule.kind == ReadRule::Kind::condition ? " OR (" : "(";
    rule.sql += condition.sql + ")";
    rule.kind = ReadRule::Kind::condition;
    for (auto& parameter : condition.parameters) rule.parameters.push_back(std::move(parameter));
    return false;
  });
  return rule;
}

}  // namespace caravan::records
