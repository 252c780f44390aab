#include "records/plans.h"

#include "records/codec.h"
#include "base/error.h"
#include "records/query.h"
#include "records/seal.h"
#include "records/search_index.h"
#include "storage/schema.h"
#include "storage/tables.h"

namespace caravan::records {
namespace {

const storage::ColumnType currency_type{storage::ColumnType::Kind::text, 0, 3};

}  // namespace

Plans::Plans(std::shared_ptr<const model::Catalog> catalog, storage::Dialect dialect, std::shared_ptr<const SearchIndex> search)
    : catalog_(std::move(catalog)), dialect_(dialect), search_(std::move(search)), queries_(std::make_unique<QueryCache>()) {
  for (const auto& entity : catalog_->entities) {
    EntityPlan plan;
    plan.entity = entity.get();
    plan.seals = any_sensitive(*entity);
    if (plan.seals) plan.keys = keys_of(*catalog_);
    std::string columns, marks;
    int column = 0;
    const auto add = [&](const std::string& name) {
      if (column > 0) {
        plan.select_list += ", ";
        columns += ", ";
        marks += ", ";
      }
      const std::string quoted = storage::quote(dialect, name);
      plan.select_list += "r." + quoted;
      columns += quoted;
      marks += "?";
      return column++;
    };
    for (const auto& field : entity->fields) {
      EntityPlan::Slot slot;
      slot.type = storage::column_type(*field);
      slot.column = add(field->column);
      if (field->type == model::FieldType::money) slot.currency_column = add(field->currency_column);
      if (field->sensitive) {  // written, never read
        columns += ", " + storage::quote(dialect, field->hash_column);
        marks += ", ?";
      }
      if (kept_as_json(*field)) slot.as_json = field.get();
      plan.slots.push_back(slot);
      if (field->type == model::FieldType::refs) {
        const std::string links = storage::quote(dialect, field->link_table);
        plan.links.push_back({field.get(), "INSERT INTO " + links + " (record, target) VALUES ",
                              "DELETE FROM " + links + " WHERE record = ? AND target = ?", "DELETE FROM " + links + " WHERE record = ?"});
      }
      if (field->search) plan.search.push_back(field.get());
    }
    plan.indexed = is_indexed(*entity);
    const std::string table = storage::quote(dialect, entity->table_name);
    const auto name = [&](std::uint32_t slot) { return storage::quote(dialect, entity->fields[slot]->column); };
    plan.from = " FROM " + table + " r";
    plan.select_by_id = "SELECT " + plan.select_list + plan.from + " WHERE r." + name(model::slot_id) + " = ?";
    const std::string chain = storage::quote(dialect, storage::chain_column);
    plan.chain_column = column;
    plan.lock_by_id = "SELECT " + plan.select_list + ", r." + chain + plan.from + " WHERE r." + name(model::slot_id) + " = ?" +
                      (dialect == storage::Dialect::mysql ? " FOR UPDATE" : "");
    plan.share_by_id = plan.select_by_id + (dialect == storage::Dialect::mysql ? " LOCK IN SHARE MODE" : "");
    plan.select_external = "SELECT " + plan.select_list + plan.from + " WHERE r." + name(model::slot_external_source) +
                           " = ? AND r." + name(model::slot_external_id) + " = ?";
    plan.insert = "INSERT INTO " + table + " (" + columns + ", " + chain + ") VALUES (" + marks + ", ?)";
    plan.insert_from = "INSERT INTO " + table + " (" + columns + ", " + chain + ") SELECT " + marks + ", ? FROM ";
    plan.from_table = table;
    for (const auto& field : entity->fields) {
      if (field->rollup) plan.rollups.push_back(rollup_plan(*field, dialect));
    }
    for (const model::Exclusive& rule : entity->exclusive) plan.exclusive.push_back(exclusive_plan(*entity, rule, dialect));
    plan.id_column = name(model::slot_id);
    for (storage::WantedIndex& index : storage::entity_table(*entity).indexes) plan.indexes.push_back(std::move(index.columns));
    plan.remove = "DELETE FROM " + table + " WHERE " + name(model::slot_id) + " = ? AND " + name(model::slot_version) + " = ?";
    plans_.emplace(entity.get(), std::move(plan));
  }
  for (const auto& entity : catalog_->entities) {
    for (const auto& field : entity->fields) {
      const bool reference = field->type == model::FieldType::ref || field->type == model::FieldType::refs;
      if (!reference || field->target == nullptr) continue;
      if (const auto target = plans_.find(field->target); target != plans_.end()) {
        target->second.referrers.emplace_back(entity.get(), field.get());
      }
    }
  }
}

Plans::~Plans() = default;

Record read_row(const EntityPlan& plan, storage::Statement& statement, bool tolerant) {
  Record record(*plan.entity);
  for (std::uint32_t slot = 0; slot < plan.slots.size(); ++slot) {
    const EntityPlan::Slot& place = plan.slots[slot];
    if (statement.is_null(place.column)) continue;
    if (plan.seals && plan.entity->fields[slot]->sensitive) {
      try {
        record.set(slot, open_cell(plan.keys, *plan.entity, *plan.entity->fields[slot], record.id(), statement.text(place.column)));
      } catch (const Error& error) {
        if (!tolerant || error.code() != ErrorCode::internal) throw;
        record.set(slot, expr::Value(std::string("\x01")));
      }
      continue;
    }
    if (place.as_json != nullptr) {
      record.set(slot, from_column(*place.as_json, statement.text(place.column)));
      continue;
    }
    expr::Value value = statement.value(place.column, place.type);
    if (place.currency_column >= 0 && !statement.is_null(place.currency_column)) {
      if (const auto* d = value.as<Decimal>()) {
        Decimal amount = *d;
        amount.set_currency(statement.text(place.currency_column));
        value = expr::Value(amount);
      }
    }
    record.set(slot, std::move(value));
  }
  return record;
}

int bind_field(storage::Statement& statement, int index, const model::Field& field, const expr::Value& value) {
  if (kept_as_json(field) && !value.is_null()) {
    std::string json;
    write_value(json, field, value);
    statement.bind(index, expr::Value(std::move(json)), storage::column_type(field));
    return index + 1;
  }
  statement.bind(index++, value, storage::column_type(field));
  if (field.type == model::FieldType::money) {
    const auto* d = value.as<Decimal>();
    if (d != nullptr && d->has_currency()) statement.bind(index++, expr::Value(d->currency_code()), currency_type);
    else statement.bind_null(index++);
  }
  return index;
}

int bind_field(storage::Statement& statement, int index, const model::Field& field, const expr::Value& value, SealedRow& sealed) {
  return field.sensitive ? sealed.bind(statement, index, field, value) : bind_field(statement, index, field, value);
}

std::string insert_referring(const Plans& plans, const EntityPlan& plan, const std::vector<const model::Field*>& references) {
  static constexpr std::string_view digits = "0123456789";
  std::string sql, conditions;
  sql.reserve(plan.insert_from.size() + references.size() * 64 + 32);
  sql = plan.insert_from;
  for (std::size_t i = 0; i < references.size(); ++i) {
    const EntityPlan& target = plans.of(*references[i]->target);
    const char alias[] = {'x', digits[i / 10], digits[i % 10], '\0'};
    sql.append(i == 0 ? "" : ", ").append(target.from_table).append(" ").append(alias);
    conditions.append(i == 0 ? " WHERE " : " AND ").append(alias).append(".").append(plan.id_column).append(" = ?");
  }
  sql += conditions;
  if (plans.dialect() == storage::Dialect::mysql) sql += " LOCK IN SHARE MODE";
  return sql;
}

std::string update_statement(const EntityPlan& plan, storage::Dialect dialect, const std::vector<const model::Field*>& fields) {
  const auto name = [&](const std::string& column) { return storage::quote(dialect, column); };
  const auto& all = plan.entity->fields;
  std::string sql = "UPDATE " + name(plan.entity->table_name) + " SET ";
  for (const model::Field* field : fields) {
    sql += name(field->column) + " = ?, ";
    if (field->type == model::FieldType::money) sql += name(field->currency_column) + " = ?, ";
    if (field->sensitive) sql += name(field->hash_column) + " = ?, ";
  }
  sql += name(all[model::slot_version]->column) + " = ?, " + name(all[model::slot_updated_at]->column) + " = ?, " +
         name(storage::chain_column) + " = ? WHERE " + name(all[model::slot_id]->column) + " = ? AND " + name(all[model::slot_version]->column) + " = ?";
  return sql;
}

}  // namespace caravan::records
