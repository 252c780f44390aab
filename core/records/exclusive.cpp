#include <algorithm>

#include "base/error.h"
#include "records/access.h"
#include "records/exclusive.h"
#include "records/messages.h"
#include "records/work.h"
#include "storage/guarantees.h"

// No two records of one resource overlap in time: the resource's row is locked, then the range is looked at.

namespace caravan::records {
namespace {

using model::Entity;
using model::Exclusive;
using model::Field;

bool later(const expr::Value& a, const expr::Value& b) {
  if (const auto *x = a.as<Date>(), *y = b.as<Date>(); x != nullptr && y != nullptr) return x->days > y->days;
  if (const auto *x = a.as<Timestamp>(), *y = b.as<Timestamp>(); x != nullptr && y != nullptr) return x->micros > y->micros;
  return false;
}

bool takes_time(const Exclusive& rule, const Record& record) {
  if (record[rule.resource->slot].is_null() || record[rule.from->slot].is_null() || record[rule.to->slot].is_null()) return false;
  if (!rule.where) return true;
  const expr::Value variables[1] = {
      expr::Value(std::shared_ptr<const expr::RecordView>(std::shared_ptr<const void>(), static_cast<const expr::RecordView*>(&record)))};
  return rule.where->evaluate({variables, 1, {}, "UTC"}).is_true();
}

/// Whether the write could make the record overlap with one that it did not overlap with before.
bool claims(const Exclusive& rule, const Record& record, const Record* before) {
  if (!takes_time(rule, record)) return false;
  if (before == nullptr || !takes_time(rule, *before)) return true;
  const auto changed = [&](const Field* field) { return !(*before)[field->slot].same_as(record[field->slot]); };
  return changed(rule.resource) || changed(rule.from) || changed(rule.to);
}

}  // namespace

ExclusivePlan exclusive_plan(const Entity& entity, const Exclusive& rule, storage::Dialect dialect) {
  const auto name = [&](const Field& field) { return "r." + storage::quote(dialect, field.column); };
  const bool dates = rule.from->type == model::FieldType::date;
  ExclusivePlan plan;
  plan.rule = &rule;
  plan.sql = "SELECT r." + storage::quote(dialect, entity.fields[model::slot_id]->column) + " FROM " + storage::quote(dialect, entity.table_name) + " r";
  // Another way to the rows would lock those of other resources, too.
  if (dialect == storage::Dialect::mysql) plan.sql += " FORCE INDEX (" + storage::quote(dialect, storage::exclusive_index_name(entity, rule)) + ")";
  plan.sql += " WHERE " + name(*rule.resource) + " = ? AND " + name(*rule.from) + (dates ? " <= ? AND " : " < ? AND ") + name(*rule.to) +
              (dates ? " >= ? AND " : " > ? AND ") + name(*entity.fields[model::slot_id]) + " <> ?";
  if (rule.where) {
    const expr::Value variables[1];
    auto condition =
        expr::to_sql(*rule.where, dialect == storage::Dialect::mysql ? expr::Dialect::mysql : expr::Dialect::sqlite, "r", {variables, 1, {}, "UTC"});
    if (!condition.refused) {
      plan.sql += " AND (" + condition.sql + ")";
      plan.parameters = std::move(condition.parameters);
    }
  }
  plan.sql += " LIMIT 1";
  if (dialect == storage::Dialect::mysql) plan.sql += " LOCK IN SHARE MODE";
  return plan;
}

void TransactionWork::collect_resources(const Record& record, const Record* before, std::vector<RowLock>& rows) const {
  for (const Exclusive& rule : record.entity().exclusive) {
    if (claims(rule, record, before)) rows.push_back({rule.resource->target, *record[rule.resource->slot].as<std::int64_t>(), {}});
  }
}

void TransactionWork::check_exclusive(const Record& record, const Record* before, std::vector<FieldError>& mistakes) {
  const Entity& entity = record.entity();
  const EntityPlan& own = plans_->of(entity);
  for (const ExclusivePlan& plan : own.exclusive) {
    const Exclusive& rule = *plan.rule;
    const auto changed = [&](const Field* field) { return before == nullptr || !(*before)[field->slot].same_as(record[field->slot]); };
    if (later(record[rule.from->slot], record[rule.to->slot]) && (changed(rule.from) || changed(rule.to))) {
      mistakes.push_back({rule.to->name, "ends_before", message("ends_before", context_.locale, {label(*rule.to), label(*rule.from)})});
      continue;
    }
    if (!claims(rule, record, before)) continue;
    storage::Statement& statement = session_.prepare(plan.sql);
    statement.bind(1, *record[rule.resource->slot].as<std::int64_t>());
    statement.bind(2, record[rule.to->slot], own.slots[rule.from->slot].type);
    statement.bind(3, record[rule.from->slot], own.slots[rule.to->slot].type);
    statement.bind(4, record.id());
    int index = 5;
    for (const expr::Value& parameter : plan.parameters) statement.bind(index++, parameter);
    const std::int64_t other = statement.step() ? statement.integer(0) : 0;
    statement.reset();
    if (other != 0) refuse_overlap(entity, rule, other);
  }
}

void TransactionWork::refuse_overlap(const Entity& entity, const Exclusive& rule, std::int64_t other) {
  const FieldRights rights = field_rights(context_, entity);
  const std::string& said = rule.message.in(context_.locale);
  std::string text = said.empty() ? message("overlap", context_.locale, {rights.readable(*rule.resource) ? label(*rule.resource) : label(entity)}) : said;
  // Which record it is, is told to who may read it.
  if (auto record = fetch(entity, other, Lock::shared)) {
    const auto* number = (*record)[model::slot_number].as<std::string>();
    if (rights.readable(*entity.fields[model::slot_number]) && may(context_, model::Operation::read, *record, follow_, session_))
      text += " (" + (number != nullptr ? *number : std::to_string(other)) + ")";
  }
  std::vector<FieldError> mistakes;
  for (const Field* field : {rule.resource, rule.from, rule.to}) {
    const bool again = std::any_of(mistakes.begin(), mistakes.end(), [&](const FieldError& one) { return one.field == field->name; });
    if (rights.readable(*field) && !again) mistakes.push_back({field->name, "overlap:" + rule.name, text});
  }
  if (mistakes.empty()) mistakes.push_back({"", "overlap:" + rule.name, text});
  throw Error(ErrorCode::conflict, text, std::move(mistakes));
}

}  // namespace caravan::records
