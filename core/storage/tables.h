#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "storage/database.h"

/// What tables are wanted and what tables there are; for the schema plan.
namespace caravan::storage {

struct WantedColumn {
  std::string name;
  ColumnType type;
  bool not_null = false;
};

struct WantedIndex {
  std::string name;
  std::vector<std::string> columns;
  bool unique = false;
};

/// A condition over a row that must not be false, see constraints.h.
struct WantedConstraint {
  std::string name, invariant;
  std::string rule;                  ///< as the constraint or trigger says it
  std::string condition;             ///< the same over the bare columns
  std::vector<std::string> columns;  ///< that it reads
};

struct WantedTable {
  std::string name;
  std::vector<WantedColumn> columns;
  std::vector<std::string> primary_key;
  std::vector<WantedIndex> indexes;
  std::vector<WantedConstraint> constraints = {};
};

struct FoundColumn {
  ColumnType type;
  bool known = true;        ///< `type` says it all; else a type that Caravan does not make
  std::string declaration;  ///< as the database names the type
};

struct FoundIndex {
  std::vector<std::string> columns;
  bool unique = false;
};

struct FoundTable {
  std::map<std::string, FoundColumn, std::less<>> columns;
  std::map<std::string, FoundIndex, std::less<>> indexes;
  std::set<std::string, std::less<>> constraints = {};  ///< those that Caravan made
};

using FoundTables = std::map<std::string, FoundTable, std::less<>>;

/// SQL that differs between the dialects in a schema plan.
class SchemaDialect {
 public:
  virtual ~SchemaDialect() = default;
  virtual FoundTables find(Session& session) = 0;
  /// Type of a column of `table`; `found` is null for a new table.
  virtual std::string type(const WantedTable& table, const WantedColumn& column, const FoundTable* found) const = 0;
  virtual std::vector<std::string> create_table(const WantedTable& table) const = 0;
  virtual std::vector<std::string> add_column(const WantedTable& table, const WantedColumn& column, const FoundTable& found) const = 0;
  virtual std::vector<std::string> drop_column(const std::string& table, const std::string& column) const = 0;
  virtual std::vector<std::string> drop_table(const std::string& table) const = 0;
  virtual std::string create_index(const WantedTable& table, const WantedIndex& index, const FoundTable* found) const = 0;
  virtual std::string drop_index(const std::string& table, const std::string& index) const = 0;
  /// Changes the type in place, keeping the values (rounding decimals, cutting texts where they do not fit).
  virtual std::vector<std::string> change_type(const WantedTable& table, const WantedColumn& column, const FoundTable& found) const = 0;
  /// True where texts of the wanted length do not fit the column as it is; `narrower`: where it takes longer ones.
  virtual bool too_short(const FoundColumn& found, const WantedColumn& column) const = 0;
  virtual bool too_long(const FoundColumn& found, const WantedColumn& column) const = 0;
  /// Condition over the stored column: the decimal of scale `from` loses digits, or does not fit, at scale `to`.
  virtual std::string decimal_loses(const std::string& column, int from, int to) const = 0;
  virtual std::string text_longer(const std::string& column, std::uint32_t length) const = 0;
};

std::unique_ptr<SchemaDialect> sqlite_schema();
std::unique_ptr<SchemaDialect> mysql_schema(Session& session);

inline constexpr std::int64_t schema_version = 2;  ///< of the core's own tables; a newer one in the database is refused

/// The core's own tables.
std::vector<WantedTable> system_tables(Dialect dialect);
/// SQL that records the version, for a database that has none or an older one.
std::string set_version_sql(Dialect dialect);

WantedTable entity_table(const model::Entity& entity);

/// `decimal(2)`, `text`, `instant` …; the word kept in SQLite's schema_column.
std::string type_word(const ColumnType& type);
/// At most 64 characters, telling apart what it cuts.
std::string key_name(std::string_view prefix, std::string_view table, std::string_view name);

}  // namespace caravan::storage
