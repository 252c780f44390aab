#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/tables.h"

/// Columns that hold JSON of known content (multi, refs, localized), and the tables of links beside refs. For the schema plan.
namespace caravan::storage {

/// A table (record, target) for each field of type refs.
std::vector<WantedTable> link_tables(const model::Entity& entity);
/// Whether a table that no definition names was one of these.
bool looks_like_links(std::string_view name, const FoundTable& table);
/// Makes the links of what the column holds, where the table is new and the column is not.
std::string fill_links(const model::Entity& entity, const model::Field& field, Dialect dialect);

/// How a column is brought to JSON where the field was a text or a choice before.
struct ColumnConversion {
  std::string foreign;  ///< condition: rows whose value is no JSON of this field
  std::string sql;
  bool loses = false;   ///< such values are dropped
};
/// nullopt where the field's column holds no such JSON. `locale`: the language that a plain text becomes.
std::optional<ColumnConversion> conversion(const model::Entity& entity, const model::Field& field, std::string_view locale, Dialect dialect);

}  // namespace caravan::storage
