#include "model/process.h"
#include "records/access.h"

#include <algorithm>

#include "records/codec.h"
#include "records/json.h"
#include "records/messages.h"

namespace caravan::records {
namespace {

using model::Entity;
using model::Field;
using model::FieldRight;
using model::Operation;

/// A shared_ptr that owns nothing: expressions take records by shared_ptr, ours live on the stack of the call.
std::shared_ptr<const expr::RecordView> borrowed(const expr::RecordView& view) {
  return {std::shared_ptr<const expr::RecordView>(), &view};
}

/// The roles that `person` holds: his own with all that they include and, for the actor himself, those of everyone. True as
/// soon as `visit` is.
template <class Visit>
bool visit_roles(const Context& context, const Actor& person, Visit&& visit) {
  const bool himself = &person == &context.actor;
  for (const std::string& name : person.roles) {
    const model::Role* role = context.catalog->role(name);
    if (role == nullptr || (role->administrator && !himself)) continue;
    for (const model::Role* one : role->all) {
      if (visit(*one)) return true;
    }
  }
  if (!himself || person.user_id == 0) return false;
  for (const model::Role* one : context.catalog->everyone) {
    if (visit(*one)) return true;
  }
  return false;
}

/// The actor and the colleagues for whom he stands in, with the roles of each.
template <class Visit>
void visit_people(const Context& context, Visit&& visit) {
  const auto with = [&](const Actor& person) {
    return visit_roles(context, person, [&](const model::Role& role) { return visit(role, person); });
  };
  if (with(context.actor)) return;
  for (const Actor& colleague : context.actor.deputy_of) {
    if (with(colleague)) return;
  }
}

const model::Grant* grant_of(const model::Role& role, const Entity& entity, Operation operation) {
  static const model::Grant all{true, nullptr, {}};
  if (role.administrator) return &all;
  const auto grants = role.grants.find(&entity);
  if (grants == role.grants.end()) return nullptr;
  const model::Grant& grant = grants->second[static_cast<std::size_t>(operation)];
  return grant.given() ? &grant : nullptr;
}

template <class Visit>
void each_grant(const Context& context, const Entity& entity, Operation operation, Visit&& visit) {
  visit_people(context, [&](const model::Role& role, const Actor& person) {
    const model::Grant* grant = grant_of(role, entity, operation);
    return grant != nullptr && visit(*grant, person);
  });
}

/// `IN (?, ?, …)` with the places rounded up to a power of two (the last value repeated), so that few statement texts exist.
template <class T>
void in_list(std::string& sql, std::vector<expr::Value>& parameters, const std::vector<T>& values) {
  std::size_t places = 1;
  while (places < values.size()) places *= 2;
  sql += " IN (";
  for (std::size_t i = 0; i < places; ++i) {
    sql += i == 0 ? "?" : ", ?";
    parameters.emplace_back(values[std::min(i, values.size() - 1)]);
  }
  sql += ")";
}

/// To whom a record may have been shared so that the actor has it.
struct Grantees {
  std::vector<std::string> users, roles, departments;
};

Grantees grantees_of(const Context& context) {
  Grantees out;
  const auto add = [](std::vector<std::string>& list, const std::string& name) {
    if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
  };
  const auto person = [&](const Actor& one) {
    if (one.user_id == 0) return;
    add(out.users, std::to_string(one.user_id));
    // What is shared with a department is shared with those below it.
    for (const model::Department* at = context.catalog->department(one.department); at != nullptr; at = at->parent) {
      add(out.departments, at->name);
    }
    visit_roles(context, one, [&](const model::Role& role) {
      add(out.roles, role.name);
      return false;
    });
  };
  person(context.actor);
  for (const Actor& colleague : context.actor.deputy_of) person(colleague);
  return out;
}

/// A condition on alias `s` of record_share, over the index of grantees; empty where nothing can have been shared with the actor.
std::string share_condition(const Context& context, const Entity& entity, std::vector<expr::Value>& parameters) {
  const Grantees grantees = grantees_of(context);
  std::string sql;
  const auto branch = [&](const char* kind, const std::vector<std::string>& names) {
    if (names.empty()) return;
    sql += std::string(sql.empty() ? "((" : " OR (") + "s.grantee_kind = '" + kind + "' AND s.grantee";
    in_list(sql, parameters, names);
    sql += " AND s.entity = ?)";
    parameters.emplace_back(entity.full_name);
  };
  branch("user", grantees.users);
  branch("role", grantees.roles);
  branch("department", grantees.departments);
  if (sql.empty()) return sql;
  sql += ") AND (s.expires_at IS NULL OR s.expires_at > ?)";
  parameters.emplace_back(context.now);
  return sql;
}

void bind_all(storage::Statement& statement, const std::vector<expr::Value>& parameters) {
  int index = 1;
  for (const auto& parameter : parameters) statement.bind(index++, parameter);
}

}  // namespace

expr::Value UserView::get(std::uint32_t slot) const {
  switch (slot) {
    case model::user_id: return actor_.user_id == 0 ? expr::Value() : expr::Value(actor_.user_id);
    case model::user_username: return expr::Value(actor_.username);
    case model::user_name: return expr::Value(actor_.name);
    case model::user_locale: return expr::Value(context_.locale);
    case model::user_department: return actor_.department.empty() ? expr::Value() : expr::Value(actor_.department);
    case model::user_departments: {
      expr::List departments;
      const model::Department* own = context_.catalog->department(actor_.department);
      for (const auto& department : context_.catalog->departments) {
        if (own != nullptr && department->within(*own)) departments.emplace_back(department->name);
      }
      return expr::Value(std::move(departments));
    }
    case model::user_roles: {
      std::vector<std::string_view> names(actor_.roles.begin(), actor_.roles.end());
      for (const std::string& name : actor_.roles) {
        const model::Role* role = context_.catalog->role(name);
        for (std::size_t i = 0; role != nullptr && i < role->all.size(); ++i) {
          if (std::find(names.begin(), names.end(), role->all[i]->name) == names.end()) names.push_back(role->all[i]->name);
        }
      }
      expr::List roles;
      for (const std::string_view name : names) roles.emplace_back(std::string(name));
      return expr::Value(std::move(roles));
    }
  }
  return {};
}

expr::Evaluation evaluate(const expr::Program& program, const Context& context, Record& record,
                          const std::shared_ptr<const Follow>& follow) {
  return evaluate(program, context, context.actor, record, follow);
}

expr::Evaluation evaluate(const expr::Program& program, const Context& context, const Actor& actor, Record& record,
                          const std::shared_ptr<const Follow>& follow) {
  const UserView user(context, actor);
  const expr::Value variables[2] = {expr::Value(borrowed(record)), expr::Value(borrowed(user))};
  record.set_follow(follow);
  auto result = program.evaluate({variables, 2, context.now, context.catalog->agency.time_zone, context.catalog->agency.calendar});
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

void each_role(const Context& context, const std::function<bool(const model::Role& role, const Actor& person)>& visit) {
  visit_people(context, visit);
}

bool holds_role(const Context& context, std::string_view name) {
  bool held = false;
  visit_people(context, [&](const model::Role& role, const Actor&) { return held = role.name == name; });
  return held;
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

bool may_ever(const Context& context, const Entity& entity, Operation operation) {
  if (context.actor.system) return true;
  bool given = false;
  each_grant(context, entity, operation, [&](const model::Grant&, const Actor&) { return given = true; });
  return given;
}

bool may_always(const Context& context, const Entity& entity, Operation operation) {
  if (context.actor.system) return true;
  bool given = false;
  each_grant(context, entity, operation, [&](const model::Grant& grant, const Actor&) { return given = grant.always; });
  return given;
}

bool may(const Context& context, Operation operation, Record& record, const std::shared_ptr<const Follow>& follow) {
  if (context.actor.system) return true;
  bool given = false, conditional = false;
  each_grant(context, record.entity(), operation, [&](const model::Grant& grant, const Actor&) {
    conditional = conditional || !grant.always;
    return given = grant.always;
  });
  if (given || !conditional) return given;
  each_grant(context, record.entity(), operation, [&](const model::Grant& grant, const Actor& person) {
    return given = evaluate(*grant.when, context, person, record, follow).is_true();
  });
  return given;
}

bool may(const Context& context, Operation operation, Record& record, const std::shared_ptr<const Follow>& follow,
         storage::Session& session) {
  return may(context, operation, record, follow) || shared(session, context, record.entity(), record.id(), operation);
}

bool shared(storage::Session& session, const Context& context, const Entity& entity, std::int64_t id, Operation operation) {
  if (operation != Operation::read && operation != Operation::update) return false;
  std::vector<expr::Value> parameters{expr::Value(id)};
  const std::string condition = share_condition(context, entity, parameters);
  if (condition.empty()) return false;
  storage::Statement& statement =
      session.prepare(std::string("SELECT 1 FROM record_share s WHERE s.record_id = ? AND ") + condition +
                      (operation == Operation::update ? " AND s.level = 'update' LIMIT 1" : " LIMIT 1"));
  bind_all(statement, parameters);
  const bool found = statement.step();
  statement.reset();
  return found;
}

std::vector<std::int64_t> shares_with(storage::Session& session, const Context& context, const Entity& entity, std::int64_t id) {
  std::vector<std::int64_t> ids;
  std::vector<expr::Value> parameters{expr::Value(id)};
  const std::string condition = share_condition(context, entity, parameters);
  if (condition.empty()) return ids;
  storage::Statement& statement = session.prepare("SELECT s.id FROM record_share s WHERE s.record_id = ? AND " + condition);
  bind_all(statement, parameters);
  while (statement.step()) ids.push_back(statement.integer(0));
  statement.reset();
  return ids;
}

FieldRights::FieldRights(std::vector<FieldRight> by_slot) {
  bool restricts = false;
  for (const FieldRight right : by_slot) {
    restricts = restricts || right < FieldRight::write;
    redacts_ = redacts_ || right < FieldRight::read;
  }
  if (restricts) by_slot_ = std::make_shared<const std::vector<FieldRight>>(std::move(by_slot));
}

FieldRights field_rights(const Context& context, const Entity& entity) {
  if (!entity.restricts_fields || context.actor.system) return {};
  const std::size_t count = entity.fields.size();
  std::vector<FieldRight> best(count, FieldRight::hidden), mine;
  bool unrestricted = false, reads = false;
  const auto person = [&](const Actor& one) {
    bool one_reads = false;
    unrestricted = visit_roles(context, one, [&](const model::Role& role) {
      if (role.administrator) return true;
      if (grant_of(role, entity, Operation::read) == nullptr) return false;
      one_reads = true;
      const auto own = role.field_rights.find(&entity);
      if (own == role.field_rights.end() && !entity.restricts_by_default) return true;
      mine.resize(count);
      for (std::size_t slot = 0; slot < count; ++slot) mine[slot] = entity.fields[slot]->right;
      if (own != role.field_rights.end()) {
        for (const auto& [field, right] : own->second) mine[field->slot] = right;
      }
      for (std::size_t slot = 0; slot < count; ++slot) best[slot] = std::max(best[slot], mine[slot]);
      return false;
    });
    if (unrestricted || !one_reads) return;
    reads = true;
    // A role without a read rule of its own adds to those that have one.
    visit_roles(context, one, [&](const model::Role& role) {
      const auto own = role.field_rights.find(&entity);
      if (own == role.field_rights.end() || grant_of(role, entity, Operation::read) != nullptr) return false;
      for (const auto& [field, right] : own->second) best[field->slot] = std::max(best[field->slot], right);
      return false;
    });
  };
  person(context.actor);
  for (const Actor& colleague : context.actor.deputy_of) {
    if (unrestricted) break;
    person(colleague);
  }
  if (unrestricted) return {};
  if (!reads) {  // he has the record by a share, or only makes some
    for (std::size_t slot = 0; slot < count; ++slot) best[slot] = entity.fields[slot]->right;
  }
  return FieldRights(std::move(best));
}

expr::Value masked(const Field& field, const expr::Value& value) {
  const auto* text = value.as<std::string>();
  if (text == nullptr || field.type != model::FieldType::text) return {};
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  const auto characters = static_cast<std::size_t>(std::count_if(text->begin(), text->end(), begins));
  const std::size_t hidden = characters - std::min<std::size_t>(4, characters / 3);
  std::size_t at = 0;
  for (std::size_t seen = 0; at < text->size(); ++at) {
    if (begins((*text)[at]) && seen++ == hidden) break;
  }
  return expr::Value(std::string(hidden, '*') + text->substr(at));
}

void redact(const Context& context, Record& record) { redact(field_rights(context, record.entity()), record); }

void redact(const FieldRights& rights, Record& record) {
  if (!rights.redacts()) return;
  for (const auto& field : record.entity().fields) {
    const FieldRight right = rights.of(*field);
    if (right >= FieldRight::read) continue;
    record.set(field->slot, right == FieldRight::masked ? masked(*field, record[field->slot]) : expr::Value());
  }
  record.set_restricted(rights.by_slot());
}

std::string redact_changes(const FieldRights& rights, const Entity& entity, std::string changes) {
  if (!rights.redacts() || changes.empty()) return changes;
  const Json json = parse_json(changes);
  const auto* object = json.as<Json::Object>();
  if (object == nullptr) return "{}";
  std::string out = "{";
  for (const auto& [name, pair] : *object) {
    const Field* field = entity.field(name);
    if (field == nullptr && name.ends_with("_currency")) field = entity.field(std::string_view(name).substr(0, name.size() - 9));
    // What a field was that the definitions no longer have, nobody can tell: it may have been hidden.
    const FieldRight right = field ? rights.of(*field) : FieldRight::hidden;
    if (right == FieldRight::hidden) continue;
    if (out.size() > 1) out.push_back(',');
    write_json_string(out, name);
    out.push_back(':');
    if (right >= FieldRight::read) {
      pair.write(out);
      continue;
    }
    out.push_back('[');
    const auto* values = pair.as<Json::Array>();
    for (std::size_t i = 0; i < 2; ++i) {
      if (i > 0) out.push_back(',');
      const auto* text = values != nullptr && i < values->size() ? (*values)[i].as<std::string>() : nullptr;
      const expr::Value shown = text && field->name == name ? masked(*field, expr::Value(*text)) : expr::Value();
      write_value(out, *field, shown);
    }
    out.push_back(']');
  }
  out.push_back('}');
  return out;
}

void redact_mistakes(const FieldRights& rights, const Entity& entity, std::string_view locale, std::vector<FieldError>& mistakes) {
  if (!rights.redacts()) return;
  for (FieldError& mistake : mistakes) {
    const Field* field = entity.field(mistake.field);
    if (field == nullptr || rights.of(*field) != FieldRight::hidden) continue;
    mistake = {"", "hidden_field", message("hidden_field", locale)};
  }
}

void require_readable(const Context& context, const Entity& entity, const Field& field) {
  if (!entity.restricts_fields || field_rights(context, entity).readable(field)) return;
  throw Error(ErrorCode::forbidden, message("forbidden_field", context.locale, {field.name}));
}

namespace {

/// What of it the actor may not read; nullopt where he may read all.
std::optional<std::string> unreadable(const Context& context, const expr::Program& program) {
  for (const expr::RecordType* type : expr::followed_types(program)) {
    // A record behind a reference is an oracle unless all of its kind may be read.
    const Entity* target = context.catalog->entity(type->name());
    if (target == nullptr || !may_always(context, *target, Operation::read)) {
      return message("forbidden_read", context.locale, {target ? target->label.in(context.locale) : std::string(type->name())});
    }
  }
  const Entity* last = nullptr;
  FieldRights rights;
  for (const expr::ReadField& read : expr::read_fields(program)) {
    const Entity* entity = read.type == nullptr ? nullptr : context.catalog->entity(read.type->name());
    if (entity == nullptr || !entity->restricts_fields || read.slot >= entity->fields.size()) continue;
    if (entity != last) rights = field_rights(context, *entity);
    last = entity;
    const Field& field = *entity->fields[read.slot];
    if (!rights.readable(field)) return message("forbidden_field", context.locale, {field.name});
  }
  return std::nullopt;
}

}  // namespace

void require_readable(const Context& context, const Entity&, const expr::Program& program) {
  if (auto why = unreadable(context, program)) throw Error(ErrorCode::forbidden, std::move(*why));
}

bool reads_only_readable(const Context& context, const expr::Program& program) { return !unreadable(context, program); }

UserActivation::UserActivation(const Context& context, const Actor& actor) : user_(std::make_shared<UserView>(context, actor)) {
  variables_[1] = expr::Value(std::shared_ptr<const expr::RecordView>(user_));
  activation_ = {variables_, 2, context.now, context.catalog->agency.time_zone, context.catalog->agency.calendar};
  activation_.hash = context.catalog->keys.get();
}

ReadRule read_rule(const Context& context, const Entity& entity, expr::Dialect dialect) {
  ReadRule rule;
  if (context.actor.system || may_always(context, entity, Operation::read)) {
    rule.kind = ReadRule::Kind::always;
    return rule;
  }
  std::vector<std::pair<const model::Grant*, const Actor*>> asked;
  each_grant(context, entity, Operation::read, [&](const model::Grant& grant, const Actor& person) {
    if (std::find(asked.begin(), asked.end(), std::pair(&grant, &person)) != asked.end()) return false;
    asked.emplace_back(&grant, &person);
    const UserActivation constants(context, person);
    auto condition = expr::to_sql(*grant.when, dialect, "r", constants.get());
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

ReadRule read_rule(const Context& context, const Entity& entity, storage::Session& session) {
  const storage::Dialect dialect = session.dialect();
  ReadRule rule = read_rule(context, entity, dialect == storage::Dialect::mysql ? expr::Dialect::mysql : expr::Dialect::sqlite);
  if (rule.kind == ReadRule::Kind::always) return rule;
  std::vector<expr::Value> parameters;
  const std::string condition = share_condition(context, entity, parameters);
  if (condition.empty()) return rule;
  // Few ids are found by the primary key beside the rule's own index; a subquery would make the database choose one plan
  // for both.
  constexpr std::size_t most = 200;
  std::vector<std::int64_t> ids;
  storage::Statement& statement =
      session.prepare("SELECT DISTINCT s.record_id FROM record_share s WHERE " + condition + " LIMIT " + std::to_string(most + 1));
  bind_all(statement, parameters);
  while (statement.step()) ids.push_back(statement.integer(0));
  statement.reset();
  if (ids.empty()) return rule;
  if (rule.kind == ReadRule::Kind::condition) rule.sql += " OR ";
  rule.kind = ReadRule::Kind::condition;
  rule.sql += "r." + storage::quote(dialect, entity.fields[model::slot_id]->column);
  if (ids.size() <= most) {
    in_list(rule.sql, rule.parameters, ids);
  } else {
    rule.sql += " IN (SELECT s.record_id FROM record_share s WHERE " + condition + ")";
    for (auto& parameter : parameters) rule.parameters.push_back(std::move(parameter));
  }
  return rule;
}

}  // namespace caravan::records
