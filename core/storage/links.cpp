#include "storage/links.h"

namespace caravan::storage {
namespace {

using Kind = ColumnType::Kind;
using model::FieldType;
constexpr ColumnType integer{Kind::integer, 0, 0};

std::string literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

}  // namespace

std::vector<WantedTable> link_tables(const model::Entity& entity) {
  std::vector<WantedTable> tables;
  for (const auto& field : entity.fields) {
    if (field->type != FieldType::refs) continue;
    tables.push_back({field->link_table,
                      {{"record", integer, true}, {"target", integer, true}},
                      {"record", "target"},
                      {{key_name("ix_", field->link_table, "target"), {"target"}, false}},
                      {}});
  }
  return tables;
}

bool looks_like_links(std::string_view name, const FoundTable& table) {
  return name.find('$') != std::string_view::npos && table.columns.size() == 2 && table.columns.contains("record") && table.columns.contains("target");
}

std::string fill_links(const model::Entity& entity, const model::Field& field, Dialect dialect) {
  const auto name = [&](std::string_view text) { return quote(dialect, text); };
  const std::string id = "r." + name(entity.fields[model::slot_id]->column), column = "r." + name(field.column);
  if (dialect == Dialect::sqlite) {
    return "INSERT OR IGNORE INTO " + name(field.link_table) + " (record, target) SELECT " + id + ", CAST(e.value AS INTEGER) FROM " +
           name(entity.table_name) + " r, json_each(" + column + ") e WHERE " + column + " IS NOT NULL";
  }
  return "INSERT IGNORE INTO " + name(field.link_table) + " (record, target) SELECT " + id + ", e.v FROM " + name(entity.table_name) +
         " r, JSON_TABLE(" + column + ", '$[*]' COLUMNS (v BIGINT PATH '$')) e WHERE " + column + " IS NOT NULL";
}

std::optional<ColumnConversion> conversion(const model::Entity& entity, const model::Field& field, std::string_view locale, Dialect dialect) {
  if (field.type < FieldType::multi) return std::nullopt;
  const std::string column = quote(dialect, field.column), table = quote(dialect, entity.table_name);
  const std::string form = dialect == Dialect::sqlite ? (field.type == FieldType::localized ? "'object'" : "'array'")
                                                      : (field.type == FieldType::localized ? "'OBJECT'" : "'ARRAY'");
  ColumnConversion out;
  // A text may begin as JSON does, and be none.
  out.foreign = column + " IS NOT NULL AND CASE WHEN JSON_VALID(" + column + ") THEN JSON_TYPE(" + column + ") <> " + form + " ELSE 1 END";
  const std::string sqlite_array = "json_array(" + column + ")", sqlite_object = "json_object(" + literal(locale) + ", " + column + ")";
  const std::string value = field.type == FieldType::multi       ? (dialect == Dialect::sqlite ? sqlite_array : "JSON_ARRAY(" + column + ")")
                            : field.type == FieldType::localized ? (dialect == Dialect::sqlite ? sqlite_object : "JSON_OBJECT(" + literal(locale) + ", " + column + ")")
                                                                 : "NULL";
  out.loses = field.type == FieldType::refs;
  out.sql = "UPDATE " + table + " SET " + column + " = " + value + " WHERE " + out.foreign;
  return out;
}

}  // namespace caravan::storage
