#include "storage/constraints.h"
#include "storage/encode.h"
#include "storage/tables.h"

namespace caravan::storage {
namespace {

std::string q(std::string_view name) { return quote(Dialect::sqlite, name); }

std::string list(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + q(name);
  return out;
}

/// Names come from the Catalog and hold no quote; doubled all the same.
std::string literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

std::string power_of_ten(int exponent) { return "1" + std::string(static_cast<std::size_t>(exponent), '0'); }

ColumnType parse_word(const std::string& word) {
  using Kind = ColumnType::Kind;
  if (word.starts_with("decimal(")) return {Kind::decimal, static_cast<std::uint8_t>(std::atoi(word.c_str() + 8)), 0};
  for (const Kind kind : {Kind::integer, Kind::boolean, Kind::real, Kind::text, Kind::date, Kind::instant, Kind::json, Kind::bytes}) {
    if (word == to_string(kind)) return {kind, 0, 0};
  }
  throw Error(ErrorCode::conflict, "The table schema_column names the type '" + word + "', which this version does not know");
}

class SqliteSchema final : public SchemaDialect {
 public:
  FoundTables find(Session& session) override {
    FoundTables tables;
    Statement& columns = session.prepare(
        "SELECT m.name, c.name, c.type FROM sqlite_master m, pragma_table_info(m.name) c "
        "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!'");
    while (columns.step()) {
      FoundColumn column;
      column.known = false;
      column.declaration = columns.text(2);
      tables[std::string(columns.text(0))].columns[std::string(columns.text(1))] = column;
    }
    columns.reset();
    Statement& indexes = session.prepare(
        R"(SELECT m.name, l.name, l."unique", i.name FROM sqlite_master m, pragma_index_list(m.name) l, pragma_index_info(l.name) i
           WHERE m.type = 'table' AND l.origin = 'c' ORDER BY m.name, l.name, i.seqno)");
    while (indexes.step()) {
      FoundIndex& index = tables[std::string(indexes.text(0))].indexes[std::string(indexes.text(1))];
      index.unique = indexes.integer(2) != 0;
      index.columns.emplace_back(indexes.text(3));
    }
    indexes.reset();
    sqlite_find_constraints(session, tables);
    if (!tables.contains("schema_column")) return tables;
    Statement& types = session.prepare("SELECT table_name, column_name, type FROM schema_column");
    while (types.step()) {
      const auto table = tables.find(types.text(0));
      if (table == tables.end()) continue;
      const auto column = table->second.columns.find(types.text(1));
      if (column == table->second.columns.end()) continue;
      column->second.type = parse_word(std::string(types.text(2)));
      column->second.declaration = types.text(2);
      column->second.known = true;
    }
    types.reset();
    return tables;
  }

  std::string type(const WantedTable&, const WantedColumn& column, const FoundTable*) const override {
    switch (column.type.kind) {
      case ColumnType::Kind::real: return "REAL";
      case ColumnType::Kind::text:
      case ColumnType::Kind::json:
      case ColumnType::Kind::date: return "TEXT";
      case ColumnType::Kind::bytes: return "BLOB";
      default: return "INTEGER";
    }
  }

  std::vector<std::string> create_table(const WantedTable& table) const override {
    std::string sql = "CREATE TABLE IF NOT EXISTS " + q(table.name) + " (";
    for (const WantedColumn& c : table.columns) {
      sql += q(c.name) + " " + type(table, c, nullptr);
      // INTEGER PRIMARY KEY is the rowid itself.
      if (table.primary_key.size() == 1 && table.primary_key[0] == c.name) sql += " PRIMARY KEY";
      sql += c.not_null ? " NOT NULL, " : ", ";
    }
    if (table.primary_key.size() > 1) sql += "PRIMARY KEY (" + list(table.primary_key) + "), ";
    sql.replace(sql.size() - 2, 2, ") STRICT");
    std::vector<std::string> out{sql};
    for (const WantedIndex& i : table.indexes) out.push_back(create_index(table, i, nullptr));
    for (const WantedColumn& c : table.columns) out.push_back(record_type(table.name, c));
    for (const WantedConstraint& c : table.constraints) {
      for (std::string& s : sqlite_add_constraint(table.name, c)) out.push_back(std::move(s));
    }
    return out;
  }

  std::vector<std::string> add_column(const WantedTable& table, const WantedColumn& column, const FoundTable&) const override {
    return {"ALTER TABLE " + q(table.name) + " ADD COLUMN " + q(column.name) + " " + type(table, column, nullptr),
            record_type(table.name, column)};
  }

  std::vector<std::string> drop_column(const std::string& table, const std::string& column) const override {
    return {"ALTER TABLE " + q(table) + " DROP COLUMN " + q(column), "DELETE FROM schema_column WHERE " + row_of(table, column)};
  }

  std::vector<std::string> drop_table(const std::string& table) const override {
    return {"DROP TABLE IF EXISTS " + q(table), "DELETE FROM schema_column WHERE table_name = " + literal(table)};
  }

  std::string create_index(const WantedTable& table, const WantedIndex& index, const FoundTable*) const override {
    return std::string("CREATE ") + (index.unique ? "UNIQUE " : "") + "INDEX IF NOT EXISTS " + q(index.name) + " ON " + q(table.name) + " (" +
           list(index.columns) + ")";
  }

  std::string drop_index(const std::string&, const std::string& index) const override { return "DROP INDEX IF EXISTS " + q(index); }

  std::vector<std::string> change_type(const WantedTable& table, const WantedColumn& column, const FoundTable& found) const override {
    const FoundColumn& old = found.columns.at(column.name);
    std::vector<std::string> out;
    if (column.type.kind == ColumnType::Kind::decimal) {
      const int shift = column.type.scale - old.type.scale;  // an integer has scale 0
      const std::string c = q(column.name), factor = power_of_ten(std::abs(shift));
      // Only while the old type is on record, so that a second run does not scale twice.
      const std::string guard = " WHERE EXISTS (SELECT 1 FROM schema_column WHERE " + row_of(table.name, column.name) +
                                " AND type = " + literal(type_word(old.type)) + ")";
      if (shift > 0) out.push_back("UPDATE " + q(table.name) + " SET " + c + " = " + c + " * " + factor + guard);
      if (shift < 0) {
        // Half away from zero, as MariaDB rounds when it changes a column.
        out.push_back("UPDATE " + q(table.name) + " SET " + c + " = (" + c + " + CASE WHEN " + c + " < 0 THEN -" + factor + " / 2 ELSE " +
                      factor + " / 2 END) / " + factor + guard);
      }
    }
    out.push_back(record_type(table.name, column));
    return out;
  }

  // SQLite does not bound texts; the gate does.
  bool too_short(const FoundColumn&, const WantedColumn&) const override { return false; }
  bool too_long(const FoundColumn&, const WantedColumn&) const override { return false; }

  std::string decimal_loses(const std::string& column, int from, int to) const override {
    const std::string c = q(column);
    if (to < from) return c + " % " + power_of_ten(from - to) + " <> 0";
    return "(" + c + " >= " + power_of_ten(18 - (to - from)) + " OR " + c + " <= -" + power_of_ten(18 - (to - from)) + ")";
  }

  std::string text_longer(const std::string& column, std::uint32_t length) const override {
    return "length(" + q(column) + ") > " + std::to_string(length);
  }

 private:
  static std::string row_of(const std::string& table, const std::string& column) {
    return "table_name = " + literal(table) + " AND column_name = " + literal(column);
  }
  static std::string record_type(const std::string& table, const WantedColumn& column) {
    return "INSERT OR REPLACE INTO schema_column (table_name, column_name, type) VALUES (" + literal(table) + ", " + literal(column.name) +
           ", " + literal(type_word(column.type)) + ")";
  }
};

}  // namespace

std::unique_ptr<SchemaDialect> sqlite_schema() { return std::make_unique<SqliteSchema>(); }

}  // namespace caravan::storage
