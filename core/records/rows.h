#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "records/access.h"
#include "records/plans.h"

/// Rows straight into JSON, without a Record between.
namespace caravan::records {

/// One field of a row that is written.
struct RowColumn {
  const model::Field* field = nullptr;
  storage::ColumnType type;
  int column = 0;              ///< in the select list
  int currency_column = -1;    ///< of money
  bool masked = false;         ///< the actor sees the mask only
  bool sealed = false;         ///< sensitive: to be opened first
  std::string key;             ///< `,"name":`, of the first column `{"name":`
  std::string currency_key;    ///< of money
};

/// Which columns are selected and how they are written. Immutable.
struct RowShape {
  std::string select_list;
  std::vector<RowColumn> columns;
  int selected = 0;            ///< columns in the select list
  std::string tail;            ///< `,"masked":["phone"]}`, or `}`
  const class Keys* keys = nullptr;  ///< of an entity with sensitive fields
  const model::Entity* entity = nullptr;
  int id_column = 0;
  bool tells_sensitive = false;///< some sensitive field is shown in the clear
  std::vector<int> place;      ///< by slot: its column in the select list, or -1
};

/// The columns of `fields` (slots; empty: all; id and version always) that `rights` let the actor see.
RowShape row_shape(const EntityPlan& plan, storage::Dialect dialect, const std::vector<std::uint32_t>& fields, const FieldRights& rights);

/// Appends the statement's present row as JSON, as write_json() writes a record.
void write_row(std::string& out, const RowShape& shape, storage::Dialect dialect, storage::Statement& statement);

/// The present row as a Record; what the shape does not have is empty.
Record read_row(const model::Entity& entity, const RowShape& shape, storage::Statement& statement);

}  // namespace caravan::records
