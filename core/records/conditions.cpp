#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "records/access.h"
#include "records/by_ids.h"
#include "records/codec.h"
#include "records/draft.h"
#include "records/messages.h"
#include "records/query.h"
#include "records/work.h"
#include "records/seal.h"

// Conditions on fields, choices that depend on others, and drafts, which tell what of these holds before anything is written.

namespace caravan::records {
namespace {

using model::Entity;
using model::Field;
using model::Operation;

bool holds(const expr::Program& program, const Context& context, Record& record, const std::shared_ptr<const Follow>& follow) {
  return evaluate(program, context, record, follow).is_true();
}

/// Where it cannot be told, nothing is changed.
bool locked(const Field& field, const Context& context, Record& record, const std::shared_ptr<const Follow>& follow) {
  if (!field.read_only_when) return false;
  const auto result = evaluate(*field.read_only_when, context, record, follow);
  return result.is_true() || result.outcome == expr::Outcome::error;
}

bool offered(const model::ChoiceOption& option, const expr::Value& control) {
  if (option.of.empty()) return true;
  const auto* name = control.as<std::string>();
  return name != nullptr && std::find(option.of.begin(), option.of.end(), *name) != option.of.end();
}

/// The value as it is stored, where it is one.
expr::Value stored_form(const Context& context, const Field& field, expr::Value value) {
  expr::Value wanted = value;
  return check_value(*context.catalog, field, value, context.locale) ? wanted : value;
}

}  // namespace

bool filled_later(const Field& field) {
  const auto tells = [&](std::string_view moment) { return field.default_value->source().find(moment) != std::string::npos; };
  return field.default_value && (tells("now(") || tells("today("));
}

bool is_visible(const Field& field, const Context& context, Record& record, const std::shared_ptr<const Follow>& follow) {
  return !field.visible || holds(*field.visible, context, record, follow);
}

void TransactionWork::set_defaults(Record& record) {
  for (const auto& field : record.entity().fields) {
    if (!field->default_value || !record[field->slot].is_null()) continue;
    auto result = evaluate(*field->default_value, context_, record, follow_);
    if (result.outcome == expr::Outcome::value) record.set(field->slot, std::move(result.value));
  }
  record.set(model::slot_version, expr::Value(std::int64_t{1}));
  record.set(model::slot_created_at, expr::Value(context_.now));
  record.set(model::slot_updated_at, expr::Value(context_.now));
  if (record.entity().workflow && record[model::slot_state].is_null()) record.set(model::slot_state, expr::Value(record.entity().workflow->initial->name));
}

std::vector<const Field*> under_conditions(const Entity& entity, const Input& input) {
  std::vector<const Field*> given;
  if (entity.conditional.empty()) return given;
  for (const auto& one : input) {
    if (one.first->visible || one.first->read_only_when) given.push_back(one.first);
  }
  return given;
}

std::vector<FieldError> judge_changes(const Context& context, Record& record, Record base, const std::vector<const Field*>& given,
                                      const std::shared_ptr<const Follow>& follow) {
  std::vector<FieldError> mistakes;
  compute_fields(context, record, follow);
  for (const Field* field : given) {
    const expr::Value value = stored_form(context, *field, record[field->slot]);
    if (value.same_as(base[field->slot])) continue;
    const std::string& label = field->label.in(context.locale);
    // Whoever makes a field disappear may empty it in the same go.
    const bool seen = is_visible(*field, context, record, follow) || (value.is_null() && is_visible(*field, context, base, follow));
    if (!seen) {
      mistakes.push_back({field->name, "not_visible", message("not_visible", context.locale, {label.empty() ? field->name : label})});
    } else if (locked(*field, context, base, follow)) {
      mistakes.push_back({field->name, "read_only", message("read_only_now", context.locale, {label.empty() ? field->name : label})});
    }
  }
  return mistakes;
}

Record TransactionWork::blank(const Entity& entity) {
  Record record(entity);
  set_defaults(record);
  compute_fields(context_, record, follow_);
  return record;
}

void TransactionWork::check_conditions(Record& record, const Record* before, std::vector<FieldError>& mistakes,
                                       const std::function<bool(const expr::Program&)>& told) {
  const auto same = [&](const Field& field) { return before != nullptr && (*before)[field.slot].same_as(record[field.slot]); };
  for (const Field* field : record.entity().conditional) {
    const expr::Value& value = record[field->slot];
    if (told && field->visible && !told(*field->visible)) continue;
    if (value.is_null()) {
      const bool maybe = field->required || (field->required_when && (!told || told(*field->required_when)));
      if (!maybe || std::any_of(mistakes.begin(), mistakes.end(), [&](const FieldError& m) { return m.field == field->name; })) continue;
      if ((field->required || holds(*field->required_when, context_, record, follow_)) && is_visible(*field, context_, record, follow_)) {
        mistakes.push_back({field->name, "required", message("required", context_.locale, {label(*field)})});
      }
    } else if (field->depends_on && !(same(*field) && same(*field->depends_on))) {
      const auto* name = value.as<std::string>();
      const model::ChoiceOption* option = name ? field->choices->option(*name) : nullptr;
      if (!option || offered(*option, record[field->depends_on->slot])) continue;
      // What stays in a field that is not shown troubles nobody.
      if (same(*field) && !is_visible(*field, context_, record, follow_)) continue;
      mistakes.push_back({field->name, "not_offered", message("not_offered", context_.locale, {label(*field), option->label.in(context_.locale), label(*field->depends_on)})});
    }
  }
}

DraftAnswer TransactionWork::draft(const Entity& entity, const DraftQuery& query) {
  const FieldRights rights = field_rights(context_, entity);
  const auto told = [&](const expr::Program& program) { return rights.unrestricted() || reads_only_readable(context_, program); };
  DraftAnswer answer;
  std::vector<FieldError> mistakes = query.mistakes;
  std::optional<Record> before;
  Record record(entity);
  if (query.id) {
    before = load(entity, *query.id, false, Authority::actor);
    if (query.transition == nullptr && !may(context_, Operation::update, *before, follow_, session_))
      throw Error(ErrorCode::forbidden, message("forbidden_update", context_.locale, {label(entity)}));
    record = *before;
  } else if (!may_ever(context_, entity, Operation::create)) {
    throw Error(ErrorCode::forbidden, message("forbidden_create", context_.locale, {label(entity)}));
  }
  const Record* stored = before ? &*before : nullptr;
  const std::vector<const Field*> given = under_conditions(entity, query.input);
  Input input;
  for (const auto& [field, value] : query.input) {
    if (query.transition != nullptr) {
      if (!query.transition->asks_for(*field)) {
        mistakes.push_back({field->name, "not_in_form", message("not_in_form", context_.locale, {label(*field)})});
        continue;
      }
      if (rights.of(*field) == model::FieldRight::masked && value.same_as(masked(*field, record[field->slot]))) continue;
    }
    input.emplace_back(field, value);
  }
  for (FieldError& mistake : put_input(record, std::move(input), query.transition != nullptr)) mistakes.push_back(std::move(mistake));
  if (!stored) set_defaults(record);
  if (query.transition != nullptr) record.set(model::slot_state, expr::Value(query.transition->to->name));

  // What the actor may not see must tell him nothing, so no rule looks through a reference of which the gate will say no.
  std::vector<FieldError> unseen;
  check_references(record, stored, Authority::actor, query.transition, unseen);
  for (const Field* field : to_check_) {
    if (!fetch(*field->target, *record[field->slot].as<std::int64_t>(), Lock::none)) unseen.push_back(unknown_reference(*field));
  }
  to_check_.clear();
  for (FieldError& mistake : unseen) {
    if (const Field* field = entity.field(mistake.field)) record.set(field->slot, stored ? (*stored)[field->slot] : expr::Value());
    mistakes.push_back(std::move(mistake));
  }
  check_values(record, stored, mistakes);
  Record base = stored ? *stored : blank(entity);
  for (FieldError& mistake : judge_changes(context_, record, base, given, follow_)) {
    const Field* field = entity.field(mistake.field);
    const auto& program = mistake.code == "not_visible" ? field->visible : field->read_only_when;
    if (!program || told(*program)) mistakes.push_back(std::move(mistake));
  }
  check_conditions(record, stored, mistakes, told);
  if (query.transition != nullptr) {
    for (const Field* field : query.transition->require) {
      const bool known = std::any_of(mistakes.begin(), mistakes.end(), [&](const FieldError& m) { return m.field == field->name; });
      if (known || !record[field->slot].is_null() || !is_visible(*field, context_, record, follow_)) continue;
      mistakes.push_back({field->name, "required", message("required", context_.locale, {label(*field)})});
    }
  }
  if (mistakes.empty()) check_invariants(record, mistakes, told);
  // What could not be read is said as it is: a hidden field was unknown there, as one that does not exist.
  std::vector<FieldError> found(std::make_move_iterator(mistakes.begin() + static_cast<std::ptrdiff_t>(query.mistakes.size())),
                                std::make_move_iterator(mistakes.end()));
  redact_mistakes(rights, entity, context_.locale, found);
  answer.mistakes = query.mistakes;
  std::move(found.begin(), found.end(), std::back_inserter(answer.mistakes));

  for (const auto& owned : entity.fields) {
    const Field& field = *owned;
    if (rights.of(field) == model::FieldRight::hidden || (field.system && field.slot != model::slot_owner)) continue;
    DraftField& one = answer.fields.emplace_back();
    one.field = &field;
    one.visible = !field.visible || !told(*field.visible) || is_visible(field, context_, record, follow_);
    one.required = one.visible && ((field.required && (query.id || !filled_later(field))) || (field.required_when && told(*field.required_when) && holds(*field.required_when, context_, record, follow_)) ||
                                   (query.transition != nullptr && std::find(query.transition->require.begin(), query.transition->require.end(), &field) != query.transition->require.end()));
    const bool asked = query.transition != nullptr && query.transition->asks_for(field);
    one.read_only = field.compute || field.rollup || (!asked && (field.read_only || !rights.writable(field))) ||
                    (field.read_only_when && told(*field.read_only_when) && locked(field, context_, base, follow_));
    if (!field.depends_on) continue;
    one.options.emplace();
    for (const model::ChoiceOption& option : field.choices->options) {
      if (option.active && offered(option, record[field.depends_on->slot])) one.options->push_back(option.name);
    }
  }
  answer.duplicates = duplicates(record);
  answer.record = std::move(record);
  redact(rights, answer.record);
  return answer;
}

std::vector<Duplicate> TransactionWork::duplicates(const Record& record) {
  std::vector<Duplicate> found;
  const Entity& entity = record.entity();
  if (entity.duplicates.empty()) return found;
  const FieldRights rights = field_rights(context_, entity);
  const ReadRule rule = read_rule(context_, entity, session_);
  if (rule.kind == ReadRule::Kind::never) return found;
  const EntityPlan& plan = plans_->of(entity);
  const storage::Dialect dialect = plans_->dialect();
  for (const model::DuplicateRule& one : entity.duplicates) {
    if (one.match) {
      if (one.where && !rights.unrestricted() && !reads_only_readable(context_, *one.where)) continue;
      Duplicate duplicate = alike(record, one, rights, rule);
      if (!duplicate.items.empty()) found.push_back(std::move(duplicate));
      continue;
    }
    const bool comparable = std::all_of(one.fields.begin(), one.fields.end(), [&](const Field* field) {
      return rights.readable(*field) && !record[field->slot].is_null();
    });
    if (!comparable || (one.where && !rights.unrestricted() && !reads_only_readable(context_, *one.where))) continue;
    std::string sql = "SELECT " + plan.select_list + plan.from + " WHERE ";
    for (std::size_t i = 0; i < one.fields.size(); ++i) {
      const Field& field = *one.fields[i];
      sql += (i == 0 ? "r." : " AND r.") + storage::quote(dialect, field.sensitive ? field.hash_column : field.column) + " = ?";
      if (!field.currency_column.empty()) sql += " AND r." + storage::quote(dialect, field.currency_column) + " = ?";
    }
    std::vector<expr::Value> parameters;
    if (one.where) {
      const UserActivation activation(context_);
      expr::SqlCondition condition = expr::to_sql(*one.where, sql_dialect(dialect), "r", activation.get());
      if (condition.refused) continue;
      sql += " AND (" + condition.sql + ")";
      parameters = std::move(condition.parameters);
    }
    if (rule.kind == ReadRule::Kind::condition) {
      sql += " AND (" + rule.sql + ")";
      parameters.insert(parameters.end(), rule.parameters.begin(), rule.parameters.end());
    }
    const std::string id = "r." + plan.id_column;
    sql += " AND " + id + " <> ? ORDER BY " + id + " DESC LIMIT " + std::to_string(most_duplicates + 1);
    storage::Statement& statement = session_.prepare(sql);
    int index = 1;
    std::forward_list<std::string> hashes;
    for (const Field* field : one.fields) {
      const auto* text = field->sensitive ? record[field->slot].as<std::string>() : nullptr;
      if (text == nullptr) {
        index = bind_field(statement, index, *field, record[field->slot]);
        continue;
      }
      statement.bind(index++, std::string_view(hashes.emplace_front(need_keys(plans_->catalog()).hash(entity.full_name, field->name, *text))));
    }
    index = bind_parameters(statement, parameters, index);
    statement.bind(index, record.id());
    Duplicate duplicate;
    duplicate.rule = &one;
    while (statement.step()) {
      if (duplicate.items.size() == most_duplicates) {
        duplicate.more = true;
        break;
      }
      duplicate.items.push_back(read_row(plan, statement));
      redact(rights, duplicate.items.back());
    }
    statement.reset();
    if (!duplicate.items.empty()) found.push_back(std::move(duplicate));
  }
  return found;
}

DraftAnswer RecordService::draft(const Context& context, const Entity& entity, const DraftQuery& query) const {
  const auto plans = this->plans(context);
  auto session = database_.read();
  return TransactionWork(context, *session, sequences_, plans, nullptr, 0).draft(entity, query);
}

std::vector<Duplicate> RecordService::duplicates(const Context& context, const Record& record) const {
  if (record.entity().duplicates.empty()) return {};
  const auto plans = this->plans(context);
  auto session = database_.read();
  return TransactionWork(context, *session, sequences_, plans, nullptr, 0).duplicates(record);
}

}  // namespace caravan::records
