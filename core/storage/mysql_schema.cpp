#include <algorithm>

#include "storage/constraints.h"
#include "storage/tables.h"

namespace caravan::storage {
namespace {

using Kind = ColumnType::Kind;

constexpr std::uint32_t longest_varchar = 1000;  ///< characters; longer texts are LONGTEXT
constexpr std::uint32_t row_budget = 60'000;     ///< of the 65,535 bytes that VARCHARs of one row may take together
constexpr std::uint32_t bytes_per_character = 4;
constexpr std::uint32_t longest_key = 3072;      ///< bytes, of InnoDB

std::string q(std::string_view name) { return quote(Dialect::mysql, name); }

/// InnoDB keeps columns of up to 255 bytes wholly in the page, which a row of forty such columns does not fit; from 256
/// bytes on they may move out. The gate bounds the text's length itself.
std::uint32_t varchar_length(std::uint32_t length) { return length <= 10 ? length : std::max<std::uint32_t>(length, 64); }

bool is_text(const ColumnType& type) { return type.kind == Kind::text || type.kind == Kind::json; }

class MysqlSchema final : public SchemaDialect {
 public:
  explicit MysqlSchema(bool mariadb) : collation_(mariadb ? "utf8mb4_nopad_bin" : "utf8mb4_0900_bin") {}

  FoundTables find(Session& session) override {
    FoundTables tables;
    Statement& columns = session.prepare(
        "SELECT c.table_name, c.column_name, c.data_type, c.column_type, COALESCE(c.character_maximum_length, 0), "
        "COALESCE(c.numeric_precision, 0), COALESCE(c.numeric_scale, 0), COALESCE(c.datetime_precision, 0) "
        "FROM information_schema.columns c JOIN information_schema.tables t "
        "ON t.table_schema = c.table_schema AND t.table_name = c.table_name "
        "WHERE c.table_schema = DATABASE() AND t.table_type = 'BASE TABLE'");
    while (columns.step()) {
      FoundColumn column;
      column.declaration = columns.text(3);
      const std::string_view type = columns.text(2);
      const std::int64_t length = columns.integer(4), precision = columns.integer(5), scale = columns.integer(6), digits = columns.integer(7);
      if (type == "bigint") {
        column.type = {Kind::integer, 0, 0};
      } else if (type == "tinyint") {
        column.type = {Kind::boolean, 0, 0};
      } else if (type == "double") {
        column.type = {Kind::real, 0, 0};
      } else if (type == "decimal" && precision == 18) {
        column.type = {Kind::decimal, static_cast<std::uint8_t>(scale), 0};
      } else if (type == "date") {
        column.type = {Kind::date, 0, 0};
      } else if (type == "datetime" && digits == 6) {
        column.type = {Kind::instant, 0, 0};
      } else if (type == "varchar") {
        column.type = {Kind::text, 0, static_cast<std::uint32_t>(length)};
      } else if (type == "longtext") {
        column.type = {Kind::text, 0, 0};
      } else if (type == "longblob") {
        column.type = {Kind::bytes, 0, 0};
      } else {
        column.known = false;
      }
      tables[std::string(columns.text(0))].columns[std::string(columns.text(1))] = column;
    }
    columns.reset();
    Statement& indexes = session.prepare(
        "SELECT table_name, index_name, non_unique, column_name FROM information_schema.statistics "
        "WHERE table_schema = DATABASE() AND index_name <> 'PRIMARY' ORDER BY table_name, index_name, seq_in_index");
    while (indexes.step()) {
      const auto table = tables.find(indexes.text(0));
      if (table == tables.end()) continue;
      FoundIndex& index = table->second.indexes[std::string(indexes.text(1))];
      index.unique = indexes.integer(2) == 0;
      index.columns.emplace_back(indexes.text(3));
    }
    indexes.reset();
    mysql_find_constraints(session, tables);
    return tables;
  }

  std::string type(const WantedTable& table, const WantedColumn& column, const FoundTable* found) const override {
    switch (column.type.kind) {
      case Kind::integer: return "BIGINT";
      case Kind::boolean: return "TINYINT(1)";
      case Kind::real: return "DOUBLE";
      case Kind::decimal: return "DECIMAL(18," + std::to_string(column.type.scale) + ")";
      case Kind::date: return "DATE";
      case Kind::instant: return "DATETIME(6)";
      case Kind::json: return "LONGTEXT";
      case Kind::bytes: return "LONGBLOB";
      case Kind::text: break;
    }
    return as_varchar(table, column, found) ? "VARCHAR(" + std::to_string(varchar_length(column.type.max_length)) + ")" : "LONGTEXT";
  }

  std::vector<std::string> create_table(const WantedTable& table) const override {
    std::string sql = "CREATE TABLE IF NOT EXISTS " + q(table.name) + " (";
    for (const WantedColumn& c : table.columns) sql += definition(table, c, nullptr) + ", ";
    sql += "PRIMARY KEY (";
    for (const std::string& name : table.primary_key) sql += q(name) + ", ";
    sql.replace(sql.size() - 2, 2, ")");
    for (const WantedIndex& i : table.indexes) {
      sql += std::string(", ") + (i.unique ? "UNIQUE " : "") + "KEY " + q(i.name) + " (" + parts(table, i, nullptr) + ")";
    }
    for (const WantedConstraint& c : table.constraints) sql += ", " + mysql_constraint_clause(c);
    sql += ") ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=" + collation_;
    return {sql};
  }

  std::vector<std::string> add_column(const WantedTable& table, const WantedColumn& column, const FoundTable& found) const override {
    return {"ALTER TABLE " + q(table.name) + " ADD COLUMN " + definition(table, column, &found)};
  }

  std::vector<std::string> drop_column(const std::string& table, const std::string& column) const override {
    return {"ALTER TABLE " + q(table) + " DROP COLUMN " + q(column)};
  }

  std::vector<std::string> drop_table(const std::string& table) const override { return {"DROP TABLE IF EXISTS " + q(table)}; }

  std::string create_index(const WantedTable& table, const WantedIndex& index, const FoundTable* found) const override {
    return std::string("CREATE ") + (index.unique ? "UNIQUE " : "") + "INDEX " + q(index.name) + " ON " + q(table.name) + " (" +
           parts(table, index, found) + ")";
  }

  std::string drop_index(const std::string& table, const std::string& index) const override {
    return "ALTER TABLE " + q(table) + " DROP INDEX " + q(index);
  }

  std::vector<std::string> change_type(const WantedTable& table, const WantedColumn& column, const FoundTable& found) const override {
    std::vector<std::string> out;
    const FoundColumn& old = found.columns.at(column.name);
    if (is_text(column.type) && too_long(old, column)) {
      out.push_back("UPDATE " + q(table.name) + " SET " + q(column.name) + " = LEFT(" + q(column.name) + ", " +
                    std::to_string(column.type.max_length) + ") WHERE " + text_longer(column.name, column.type.max_length));
    }
    out.push_back("ALTER TABLE " + q(table.name) + " MODIFY COLUMN " + definition(table, column, &found));
    return out;
  }

  bool too_short(const FoundColumn& found, const WantedColumn& column) const override {
    if (found.type.max_length == 0) return false;
    return column.type.kind == Kind::json || column.type.max_length == 0 || varchar_length(column.type.max_length) > found.type.max_length;
  }

  bool too_long(const FoundColumn& found, const WantedColumn& column) const override {
    if (column.type.kind == Kind::json || column.type.max_length == 0 || found.type.max_length == 0) return false;
    return varchar_length(column.type.max_length) < found.type.max_length;
  }

  std::string decimal_loses(const std::string& column, int from, int to) const override {
    if (to < from) return q(column) + " <> ROUND(" + q(column) + ", " + std::to_string(to) + ")";
    return "ABS(" + q(column) + ") >= 1" + std::string(static_cast<std::size_t>(18 - to), '0');
  }

  std::string text_longer(const std::string& column, std::uint32_t length) const override {
    return "CHAR_LENGTH(" + q(column) + ") > " + std::to_string(length);
  }

 private:
  static bool indexed(const WantedTable& table, const std::string& column) {
    if (std::find(table.primary_key.begin(), table.primary_key.end(), column) != table.primary_key.end()) return true;
    return std::any_of(table.indexes.begin(), table.indexes.end(), [&](const WantedIndex& i) {
      return std::find(i.columns.begin(), i.columns.end(), column) != i.columns.end();
    });
  }

  /// Texts become VARCHARs in the order of the columns, as long as the row has room for them.
  static bool as_varchar(const WantedTable& table, const WantedColumn& wanted, const FoundTable* found) {
    const auto small = [](const ColumnType& t) { return t.kind == Kind::text && t.max_length != 0 && t.max_length <= longest_varchar; };
    if (!small(wanted.type)) return false;
    if (wanted.type.max_length <= 64 || indexed(table, wanted.name)) return true;
    std::uint32_t used = 0;
    const auto add = [&](std::uint32_t length) { used += varchar_length(length) * bytes_per_character + 2; };
    if (found) {
      for (const auto& [name, column] : found->columns) {
        if (name != wanted.name && column.type.kind == Kind::text && column.type.max_length != 0) add(column.type.max_length);
      }
    }
    for (const WantedColumn& c : table.columns) {
      if (c.name == wanted.name) {
        add(c.type.max_length);
        break;
      }
      if (small(c.type) && !(found && found->columns.contains(c.name))) add(c.type.max_length);
    }
    return used <= row_budget;
  }

  std::string definition(const WantedTable& table, const WantedColumn& column, const FoundTable* found) const {
    std::string sql = q(column.name) + " " + type(table, column, found);
    if (is_text(column.type)) sql += " CHARACTER SET utf8mb4 COLLATE " + collation_;
    return sql + (column.not_null ? " NOT NULL" : " NULL");
  }

  std::string parts(const WantedTable& table, const WantedIndex& index, const FoundTable* found) const {
    std::uint32_t bytes = 0;
    bool has_long = false;
    std::map<std::string, bool> text;
    for (const std::string& name : index.columns) {
      const auto c = std::find_if(table.columns.begin(), table.columns.end(), [&](const auto& w) { return w.name == name; });
      if (c == table.columns.end() || !is_text(c->type)) {
        bytes += 9;
        continue;
      }
      text[name] = true;
      const auto old = found ? found->columns.find(name) : decltype(found->columns.find(name)){};
      const bool is_long = found && old != found->columns.end() ? old->second.type.max_length == 0 : !as_varchar(table, *c, found);
      has_long = has_long || is_long;
      bytes += varchar_length(std::max<std::uint32_t>(c->type.max_length, 1)) * bytes_per_character + 3;
    }
    // A unique key that is too long becomes a hash on MariaDB; an index for search takes the texts' beginnings.
    const bool prefix = !index.unique && (has_long || bytes > longest_key);
    const auto length = std::min<std::size_t>(190, longest_key / bytes_per_character / std::max<std::size_t>(text.size(), 1) - 4);
    std::string out;
    for (const std::string& name : index.columns) {
      out += (out.empty() ? "" : ", ") + q(name);
      if (!prefix || !text.contains(name)) continue;
      const auto c = std::find_if(table.columns.begin(), table.columns.end(), [&](const auto& w) { return w.name == name; });
      const bool shorter = c->type.kind == Kind::text && c->type.max_length != 0 && varchar_length(c->type.max_length) <= length;
      if (!shorter) out += "(" + std::to_string(length) + ")";
    }
    return out;
  }

  std::string collation_;
};

}  // namespace

std::unique_ptr<SchemaDialect> mysql_schema(Session& session) {
  Statement& version = session.prepare("SELECT VERSION()");
  const bool mariadb = version.step() && version.text(0).find("MariaDB") != std::string_view::npos;
  version.reset();
  return std::make_unique<MysqlSchema>(mariadb);
}

}  // namespace caravan::storage
