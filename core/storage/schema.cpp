#include "storage/schema.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "base/text.h"
#include "storage/constraints.h"
#include "storage/encode.h"
#include "storage/guarantees.h"
#include "storage/links.h"
#include "storage/open.h"
#include "storage/tables.h"

namespace caravan::storage {
namespace {

using Kind = ColumnType::Kind;
using Safety = SchemaStep::Safety;

constexpr std::size_t longest_name = 64;
constexpr std::size_t most_samples = 5;

/// FNV-1a; only tells apart names that are cut.
std::string short_hash(std::string_view text) {
  std::uint64_t h = 14695981039346656037ULL;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  char buffer[17];
  std::snprintf(buffer, sizeof buffer, "%08llx", static_cast<unsigned long long>(h & 0xFFFFFFFFULL));
  return buffer;
}

bool is_text(const ColumnType& type) { return type.kind == Kind::text || type.kind == Kind::json; }
int scale_of(const ColumnType& type) { return type.kind == Kind::decimal ? type.scale : 0; }

class Planner {
 public:
  Planner(Session& session, const model::Catalog& catalog, bool count_rows, Constraints constraints)
      : session_(session),
        catalog_(catalog),
        count_rows_(count_rows),
        constraints_(constraints),
        sql_(session.dialect() == Dialect::sqlite ? sqlite_schema() : mysql_schema(session)) {}

  std::vector<SchemaStep> plan() {
    found_ = sql_->find(session_);
    const std::int64_t version = found_version();
    std::set<std::string, std::less<>> wanted;
    for (const WantedTable& table : system_tables(session_.dialect())) {
      wanted.insert(table.name);
      compare(table);
    }
    if (version < schema_version) {
      add(Safety::additive, "schema_info", "record version " + std::to_string(schema_version) + " of the core's own tables",
          {set_version_sql(session_.dialect())});
    }
    const GuaranteePlan guarantees(session_, found_);
    for (const auto& entity : catalog_.entities) {
      const std::size_t from = steps_.size();
      WantedTable table = entity_table(*entity);
      table.constraints = entity_constraints(*entity, session_.dialect());
      wanted.insert(table.name);
      compare(table);
      compare_lists(*entity, wanted);
      guarantees.add(*entity, from, steps_);
    }
    for (const auto& [name, table] : found_) {
      if (!wanted.contains(name) && looks_like_links(name, table)) {
        add(Safety::leftover, name, "drop table " + name + " of links, which no definition names any more", sql_->drop_table(name));
        continue;
      }
      if (!wanted.contains(name) && looks_like_entity(table)) {
        add(Safety::leftover, name, "drop table " + name + ", which no definition names any more (" + rows(count(name, "1 = 1")) + ")",
            sql_->drop_table(name));
        sample(table, "1 = 1", "number");
      }
    }
    return std::move(steps_);
  }

 private:
  std::int64_t found_version() {
    if (!found_.contains("schema_info")) return 0;
    Statement& s = session_.prepare("SELECT version FROM schema_info WHERE id = 1");
    const std::int64_t version = s.step() ? s.integer(0) : 0;
    s.reset();
    if (version > schema_version) {
      throw Error(ErrorCode::conflict, "The database was written by a newer Caravan (its tables are of version " + std::to_string(version) +
                                           ", this program knows " + std::to_string(schema_version) +
                                           "): start the newer program, or restore the backup made before the upgrade");
    }
    return version;
  }

  /// What lists and texts by language need beside their columns.
  void compare_lists(const model::Entity& entity, std::set<std::string, std::less<>>& wanted) {
    const auto found = found_.find(entity.table_name);
    for (const auto& field : entity.fields) {
      if (found == found_.end()) break;
      const auto old = found->second.columns.find(field->column);
      const auto change = conversion(entity, *field, catalog_.agency.locale, session_.dialect());
      if (!change || old == found->second.columns.end() || !old->second.known || !is_text(old->second.type)) continue;
      // All rows are brought over at once, and later ones are written as they should be: one tells of all.
      const std::string column = quote(session_.dialect(), field->column);
      Statement& first = session_.prepare("SELECT 1 FROM (SELECT " + column + " FROM " + quote(session_.dialect(), entity.table_name) + " WHERE " +
                                          column + " IS NOT NULL LIMIT 1) AS one WHERE " + change->foreign);
      const bool foreign = first.step();
      first.reset();
      if (!foreign) continue;
      add(change->loses ? Safety::destructive : Safety::additive, entity.table_name,
          "bring " + field->column + " of " + entity.table_name + " to the form of type " + model::to_string(field->type) +
              (change->loses ? ": its texts are dropped (" : " (") + rows(count(entity.table_name, change->foreign)) + ")",
          {change->sql});
    }
    for (const WantedTable& table : link_tables(entity)) {
      wanted.insert(table.name);
      const bool fresh = !found_.contains(table.name);
      compare(table);
      if (!fresh || found == found_.end()) continue;
      for (const auto& field : entity.fields) {
        if (field->link_table == table.name && found->second.columns.contains(field->column) &&
            is_text(found->second.columns.find(field->column)->second.type)) {
          steps_.back().sql.push_back(fill_links(entity, *field, session_.dialect()));
        }
      }
    }
  }

  /// Tables of entities that are gone are told apart from tables that others keep in the same database.
  static bool looks_like_entity(const FoundTable& table) {
    for (const char* name : {"id", "number", "version", "state", "owner", "created_at", "updated_at", "external_source", "external_id"}) {
      if (!table.columns.contains(name)) return false;
    }
    return true;
  }

  void add(Safety safety, const std::string& table, std::string what, std::vector<std::string> sql) {
    steps_.push_back({safety, table, std::move(what), std::move(sql)});
  }

  /// Gives the last step some rows that meet the condition: ids, and their values in the column that is lost.
  void sample(const FoundTable& table, const std::string& condition, const std::string& column = {}) {
    const auto id = table.columns.find("id");
    if (!count_rows_ || id == table.columns.end()) return;
    const auto lost = table.columns.find(column);
    const bool valued = lost != table.columns.end();
    SchemaStep& step = steps_.back();
    const auto name = [&](std::string_view one) { return quote(session_.dialect(), one); };
    Statement& s = session_.prepare("SELECT " + name("id") + (valued ? ", " + name(column) : "") + " FROM " + name(step.table) + " WHERE " + condition +
                                    " ORDER BY 1 LIMIT " + std::to_string(most_samples));
    while (s.step()) {
      std::string text = "id " + std::to_string(s.integer(0));
      if (valued && !s.is_null(1)) text += ": " + shown(s, lost->second);
      step.samples.push_back(std::move(text));
    }
    s.reset();
  }
  /// The value in column 1, for a person.
  static std::string shown(Statement& s, const FoundColumn& column) {
    constexpr std::size_t longest = 60;
    std::string text;
    if (column.known && column.type.kind != Kind::bytes) {
      const expr::Value value = s.value(1, column.type);
      if (const auto* decimal = value.as<Decimal>()) text = format_decimal(*decimal);
      else if (const auto* at = value.as<Timestamp>()) text = format_timestamp(*at);
      else if (const auto* date = value.as<Date>()) text = format_date(*date);
      else if (const auto* number = value.as<std::int64_t>()) text = std::to_string(*number);
      else if (const auto* flag = value.as<bool>()) text = *flag ? "true" : "false";
      else text = s.text(1);
    } else if (column.known) {
      return std::to_string(s.text(1).size()) + " bytes";
    } else {
      text = s.text(1);
    }
    for (char& c : text) {
      if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    }
    if (text.size() <= longest) return text;
    return std::string(cut_text(text, longest)) + "…";
  }

  /// -1 where rows are not counted.
  std::int64_t count(const std::string& table, const std::string& condition) {
    if (!count_rows_) return -1;
    // Not from the cache: each runs once.
    Statement& s = session_.prepare("SELECT COUNT(*) FROM " + quote(session_.dialect(), table) + " WHERE " + condition);
    const std::int64_t n = s.step() ? s.integer(0) : 0;
    s.reset();
    return n;
  }
  bool any(const std::string& table, const std::string& condition) {
    Statement& s = session_.prepare("SELECT 1 FROM " + quote(session_.dialect(), table) + " WHERE " + condition + " LIMIT 1");
    const bool found = s.step();
    s.reset();
    return found;
  }
  static std::string rows(std::int64_t n) {
    if (n < 0) return "its rows were not counted";
    return std::to_string(n) + (n == 1 ? " row" : " rows");
  }
  static std::string rows_with_value(std::int64_t n) {
    if (n < 0) return "its values were not counted";
    return n == 1 ? "1 row holds a value" : std::to_string(n) + " rows hold a value";
  }

  void compare(const WantedTable& table) {
    const auto it = found_.find(table.name);
    if (it == found_.end()) {
      add(Safety::additive, table.name, "create table " + table.name, sql_->create_table(table));
      return;
    }
    FoundTable& found = it->second;
    // First, for a column that one of them reads cannot be changed.
    for (const std::string& name : found.constraints) {
      if (constraints_ == Constraints::keep) break;
      if (std::any_of(table.constraints.begin(), table.constraints.end(), [&](const auto& c) { return c.name == name; })) continue;
      add(Safety::additive, table.name, "drop check " + name + " of " + table.name,
          session_.dialect() == Dialect::sqlite ? sqlite_drop_constraint(name) : std::vector<std::string>{mysql_drop_constraint(table.name, name)});
    }
    const FoundTable before = found;
    std::set<std::string> fresh;  // columns that hold no value yet
    for (const WantedColumn& column : table.columns) {
      const auto old = found.columns.find(column.name);
      if (old == found.columns.end()) {
        add_column(table, column, found);
        fresh.insert(column.name);
      } else if (!same_type(table, column, old->second, found)) {
        fresh.insert(column.name);
      }
    }
    compare_indexes(table, found, fresh);
    add_constraints(table, before, fresh);
    for (const auto& [name, column] : found.columns) {
      const bool wanted = std::any_of(table.columns.begin(), table.columns.end(), [&](const auto& c) { return c.name == name; });
      if (wanted) continue;
      std::vector<std::string> sql;
      for (const auto& [index, parts] : found.indexes) {
        if (std::find(parts.columns.begin(), parts.columns.end(), name) != parts.columns.end() && !is_ours(table, index)) {
          sql.push_back(sql_->drop_index(table.name, index));
        }
      }
      for (std::string& s : sql_->drop_column(table.name, name)) sql.push_back(std::move(s));
      add(Safety::leftover, table.name,
          "drop column " + name + " (" + column.declaration + ") from " + table.name + ", which no definition names any more (" +
              rows_with_value(count(table.name, quote(session_.dialect(), name) + " IS NOT NULL")) + ")",
          std::move(sql));
      sample(found, quote(session_.dialect(), name) + " IS NOT NULL", name);
    }
  }

  /// Adds those that are not there; those that no row stands against together.
  void add_constraints(const WantedTable& table, const FoundTable& before, const std::set<std::string>& fresh) {
    std::vector<WantedConstraint> sound;
    std::string names;
    for (const WantedConstraint& constraint : table.constraints) {
      if (before.constraints.contains(constraint.name) || constraints_ != Constraints::all) continue;
      const std::int64_t against = breaking(table, before, fresh, constraint);
      if (against == 0) {
        names += (names.empty() ? "" : ", ") + constraint.invariant;
        sound.push_back(constraint);
        continue;
      }
      add(Safety::destructive, table.name,
          "add check " + constraint.invariant + " to " + table.name + ": " + std::to_string(against) +
              (against == 1 ? " row breaks it; mend it first" : " rows break it; mend them first"),
          constraint_sql(table.name, {constraint}));
      steps_.back().samples = std::move(breaking_ids_);
      steps_.back().blocked = true;
    }
    if (!sound.empty()) add(Safety::additive, table.name, "add check " + names + " to " + table.name, constraint_sql(table.name, sound));
  }
  std::vector<std::string> constraint_sql(const std::string& table, const std::vector<WantedConstraint>& constraints) const {
    if (session_.dialect() == Dialect::mysql) return {mysql_add_constraints(table, constraints)};
    std::vector<std::string> sql;
    for (const WantedConstraint& constraint : constraints) {
      for (std::string& s : sqlite_add_constraint(table, constraint)) sql.push_back(std::move(s));
    }
    return sql;
  }
  /// How many rows a new constraint would refuse; some of them in breaking_ids_.
  std::int64_t breaking(const WantedTable& table, const FoundTable& before, const std::set<std::string>& fresh, const WantedConstraint& constraint) {
    breaking_ids_.clear();
    // Columns that are new, or made anew, are empty in every row.
    std::string columns = quote(session_.dialect(), "id");
    for (const std::string& name : constraint.columns) {
      if (name == "id" || columns.find(quote(session_.dialect(), name)) != std::string::npos) continue;
      const bool empty = fresh.contains(name) || !before.columns.contains(name);
      columns += std::string(", ") + (empty ? "NULL AS " : "") + quote(session_.dialect(), name);
      if (empty || session_.dialect() == Dialect::mysql) continue;
      // SQLite keeps decimals scaled: as long as the rows are of another scale, the constraint itself has to look, when it is added.
      const auto wanted = std::find_if(table.columns.begin(), table.columns.end(), [&](const auto& c) { return c.name == name; });
      if (wanted != table.columns.end() && scale_of(wanted->type) != scale_of(before.columns.at(name).type)) return 0;
    }
    const std::string from = " FROM (SELECT " + columns + " FROM " + quote(session_.dialect(), table.name) + ") AS r WHERE NOT (" + constraint.condition + ")";
    Statement& ids = session_.prepare("SELECT " + quote(session_.dialect(), "id") + from + " ORDER BY 1 LIMIT " + std::to_string(most_samples));
    while (ids.step()) breaking_ids_.push_back("id " + std::to_string(ids.integer(0)));
    ids.reset();
    if (breaking_ids_.size() < most_samples) return static_cast<std::int64_t>(breaking_ids_.size());
    Statement& all = session_.prepare("SELECT COUNT(*)" + from);
    const std::int64_t n = all.step() ? all.integer(0) : 0;
    all.reset();
    return n;
  }

  void add_column(const WantedTable& table, WantedColumn column, const FoundTable& found) {
    // Rows that exist have no value for it.
    if (column.not_null && session_.dialect() == Dialect::sqlite) column.not_null = false;
    add(Safety::additive, table.name, "add column " + column.name + " " + sql_->type(table, column, &found) + " to " + table.name,
        sql_->add_column(table, column, found));
  }

  /// False where the column is made anew, empty.
  bool same_type(const WantedTable& table, const WantedColumn& column, const FoundColumn& old, FoundTable& found) {
    const std::string change = "change column " + column.name + " of " + table.name + " from " + old.declaration + " to ";
    const std::string name = quote(session_.dialect(), column.name);
    if (old.known && is_text(old.type) && is_text(column.type)) {
      if (sql_->too_short(old, column)) {
        add(Safety::additive, table.name, change + sql_->type(table, column, &found), sql_->change_type(table, column, found));
      } else if (sql_->too_long(old, column)) {
        const std::int64_t longer = count(table.name, sql_->text_longer(column.name, column.type.max_length));
        add(Safety::leftover, table.name,
            change + sql_->type(table, column, &found) + " (" +
                (longer < 0 ? "its texts were not measured" : std::to_string(longer) + " texts are longer and would be cut") + ")",
            sql_->change_type(table, column, found));
        sample(found, sql_->text_longer(column.name, column.type.max_length), column.name);
      }
      return true;
    }
    if (old.known && old.type.kind == column.type.kind && scale_of(old.type) == scale_of(column.type)) return true;
    const bool number = old.known && (old.type.kind == Kind::integer || old.type.kind == Kind::decimal);
    if (number && column.type.kind == Kind::decimal) {
      const std::string loses = sql_->decimal_loses(column.name, scale_of(old.type), scale_of(column.type));
      const bool loss = any(table.name, loses);
      const bool wider = scale_of(column.type) >= scale_of(old.type);
      std::string what = change + sql_->type(table, column, &found);
      if (session_.dialect() == Dialect::sqlite) what = change + type_word(column.type);
      if (loss) {
        const std::int64_t n = count(table.name, loses);
        what += wider ? ": numbers too large for it must be changed first" : ": fraction digits would be rounded away";
        what += " (" + rows(n) + ")";
      }
      add(loss ? Safety::destructive : Safety::additive, table.name, what, sql_->change_type(table, column, found));
      if (loss) {
        sample(found, loses, column.name);
        steps_.back().blocked = wider;
      }
      return true;
    }
    if (old.known && old.type.kind == Kind::boolean && column.type.kind == Kind::integer) {
      add(Safety::additive, table.name, change + (session_.dialect() == Dialect::sqlite ? type_word(column.type) : sql_->type(table, column, &found)),
          sql_->change_type(table, column, found));
      return true;
    }
    // Everything else starts empty; without a value in it nothing is lost.
    const bool holds = any(table.name, name + " IS NOT NULL");
    std::vector<std::string> sql;
    for (auto index = found.indexes.begin(); index != found.indexes.end();) {
      const auto& parts = index->second.columns;
      if (std::find(parts.begin(), parts.end(), column.name) == parts.end()) {
        ++index;
        continue;
      }
      sql.push_back(sql_->drop_index(table.name, index->first));  // made again below
      index = found.indexes.erase(index);
    }
    for (std::string& s : sql_->drop_column(table.name, column.name)) sql.push_back(std::move(s));
    for (std::string& s : sql_->add_column(table, column, found)) sql.push_back(std::move(s));
    add(holds ? Safety::destructive : Safety::additive, table.name,
        change + (session_.dialect() == Dialect::sqlite ? type_word(column.type) : sql_->type(table, column, &found)) +
            (holds ? ": its values are dropped (" + rows_with_value(count(table.name, name + " IS NOT NULL")) + ")" : std::string(" (it is empty)")),
        std::move(sql));
    if (holds) sample(found, name + " IS NOT NULL", column.name);
    return false;
  }

  /// Indexes that Caravan made, for the Catalog of some time.
  static bool is_ours(const WantedTable& table, const std::string& index) {
    const bool named = (index.starts_with("uq_") || index.starts_with("ix_")) && index.find('$') != std::string::npos;
    return named || std::any_of(table.indexes.begin(), table.indexes.end(), [&](const auto& i) { return i.name == index; });
  }

  void compare_indexes(const WantedTable& table, const FoundTable& found, const std::set<std::string>& fresh) {
    for (const auto& [name, index] : found.indexes) {
      if (!is_ours(table, name)) continue;
      const auto wanted = std::find_if(table.indexes.begin(), table.indexes.end(), [&](const auto& i) { return i.name == name; });
      if (wanted != table.indexes.end() && wanted->columns == index.columns && wanted->unique == index.unique) continue;
      add(Safety::additive, table.name, "drop index " + name + " of " + table.name, {sql_->drop_index(table.name, name)});
    }
    for (const WantedIndex& index : table.indexes) {
      const auto old = found.indexes.find(index.name);
      if (old != found.indexes.end() && old->second.columns == index.columns && old->second.unique == index.unique) continue;
      std::string what = std::string("add ") + (index.unique ? "unique " : "") + "index " + index.name + " to " + table.name;
      std::string offenders;
      const bool has_fresh = std::any_of(index.columns.begin(), index.columns.end(), [&](const auto& c) { return fresh.contains(c); });
      if (index.unique && !has_fresh) offenders = duplicates(table, index);
      if (!offenders.empty()) what += ": " + offenders;
      add(offenders.empty() ? Safety::additive : Safety::destructive, table.name, what, {sql_->create_index(table, index, &found)});
      steps_.back().blocked = !offenders.empty();
    }
  }

  /// Records that a new unique key would refuse, by id; never their values.
  std::string duplicates(const WantedTable& table, const WantedIndex& index) {
    std::string columns, set;
    for (const std::string& c : index.columns) {
      columns += (columns.empty() ? "" : ", ") + quote(session_.dialect(), c);
      set += (set.empty() ? "" : " AND ") + quote(session_.dialect(), c) + " IS NOT NULL";
    }
    const std::string id = quote(session_.dialect(), table.primary_key.at(0));
    Statement& s = session_.prepare("SELECT MIN(" + id + "), MAX(" + id + "), COUNT(*) FROM " + quote(session_.dialect(), table.name) +
                                    " WHERE " + set + " GROUP BY " + columns + " HAVING COUNT(*) > 1 LIMIT 6");
    std::string out;
    for (int shown = 0; s.step(); ++shown) {
      if (shown == 5) {
        out += " and others";
        break;
      }
      out += (out.empty() ? "records " : "; ") + std::string(s.text(0)) + " and " + std::string(s.text(1));
      if (s.integer(2) > 2) out += " (of " + std::string(s.text(2)) + ")";
    }
    s.reset();
    return out.empty() ? out : out + " hold the same values; change or merge them first";
  }

  Session& session_;
  const model::Catalog& catalog_;
  const bool count_rows_;
  const Constraints constraints_;
  std::unique_ptr<SchemaDialect> sql_;
  FoundTables found_;
  std::vector<SchemaStep> steps_;
  std::vector<std::string> breaking_ids_;
};

/// MariaDB: one schema change at a time on the whole server's database, without the statement time-out.
class SchemaLock {
 public:
  explicit SchemaLock(Session& session) : session_(session) {
    if (session.dialect() == Dialect::sqlite) return;  // the writer is alone anyway
    session.execute("COMMIT");                         // a snapshot would keep the tables from being changed
    Statement& take = session.prepare("SELECT GET_LOCK(CONCAT('caravan:', LEFT(DATABASE(), 50)), 25)");
    const bool taken = take.step() && take.integer(0) == 1;
    take.reset();
    if (!taken) {
      Error error(ErrorCode::unavailable, "Another server is changing the tables of this database; try again when it is done");
      error.retry_after = 10;
      throw error;
    }
    held_ = true;
    try {
      session.execute("SET @caravan_time = @@SESSION.max_statement_time, SESSION max_statement_time = 0");
      timed_ = true;
    } catch (const Error&) {  // MySQL has no such limit for changes of tables
    }
  }
  SchemaLock(const SchemaLock&) = delete;
  SchemaLock& operator=(const SchemaLock&) = delete;
  ~SchemaLock() {
    if (!held_) return;
    try {
      if (timed_) session_.execute("SET SESSION max_statement_time = @caravan_time");
      session_.execute("DO RELEASE_LOCK(CONCAT('caravan:', LEFT(DATABASE(), 50)))");
    } catch (...) {  // the connection is gone, and the lock with it
    }
  }

 private:
  Session& session_;
  bool held_ = false, timed_ = false;
};

/// The step was done already, by a run that was killed or by another node.
bool already_done(const Error& error) {
  if (error.code() != ErrorCode::internal) return false;
  for (const char* sign : {"MariaDB error 1060", "MariaDB error 1061", "MariaDB error 1050", "MariaDB error 1091", "MariaDB error 1826", "duplicate column name"}) {
    if (error.message().find(sign) != std::string::npos) return true;
  }
  return false;
}

void run(Session& session, const std::vector<SchemaStep>& steps, bool allow_destructive) {
  for (const SchemaStep& step : steps) {
    if (step.blocked) {
      std::string some;
      for (const std::string& one : step.samples) some += (some.empty() ? " (" : ", ") + one;
      throw Error(ErrorCode::conflict, "The database's rows do not allow a change: " + step.what + (some.empty() ? "" : some + ")"));
    }
    if (step.safety == Safety::destructive && !allow_destructive) {
      throw Error(ErrorCode::conflict, "The database needs a change that is not made without your word: " + step.what +
                                           ". `caravan schema plan` shows all of them and what would be lost; `caravan schema apply "
                                           "--allow-destructive` makes them, with the servers stopped");
    }
  }
  for (const SchemaStep& step : steps) {
    if (step.safety == Safety::leftover && !allow_destructive) continue;
    for (const std::string& sql : step.sql) {
      try {
        session.execute(sql);
      } catch (Error& error) {
        if (already_done(error)) continue;
        Error told(error.code(), "Could not " + step.what + ": " + error.message());
        for (const std::string& line : error.context()) told.add_context(line);
        throw told;
      }
    }
  }
}

}  // namespace

std::string type_word(const ColumnType& type) {
  if (type.kind == Kind::decimal) return "decimal(" + std::to_string(type.scale) + ")";
  return to_string(type.kind);
}

std::string key_name(std::string_view prefix, std::string_view table, std::string_view name) {
  std::string whole = std::string(prefix) + std::string(table) + "$" + std::string(name);
  if (whole.size() <= longest_name) return whole;
  const std::string hash = short_hash(whole);
  // The index's own name says more than the table's.
  const std::size_t fixed = prefix.size() + hash.size() + 2 + name.size();
  if (fixed + 4 <= longest_name) return std::string(prefix) + std::string(table.substr(0, longest_name - fixed)) + "_" + hash + "$" + std::string(name);
  return whole.substr(0, longest_name - hash.size() - 1) + "_" + hash;
}

std::string index_name(const model::Entity& entity, const model::Index& index) {
  return key_name(index.unique ? "uq_" : "ix_", entity.table_name, index.name);
}

WantedTable entity_table(const model::Entity& entity) {
  WantedTable table;
  table.name = entity.table_name;
  table.primary_key = {"id"};
  const auto index = [&](const char* prefix, std::string_view name, std::vector<std::string> columns) {
    table.indexes.push_back({key_name(prefix, table.name, name), std::move(columns), std::string_view(prefix) == "uq_"});
  };
  for (const auto& field : entity.fields) {
    if (field->column.empty()) continue;
    WantedColumn column{field->column, column_type(*field), false};
    if (field->system) {
      switch (field->slot) {
        case model::slot_id:
          table.primary_key = {field->column};
          column.not_null = true;
          break;
        case model::slot_version: column.not_null = true; break;
        case model::slot_number:
        case model::slot_state:
        case model::slot_external_source: column.type = {Kind::text, 0, 64}; break;
        case model::slot_external_id: column.type = {Kind::text, 0, 190}; break;
        default: break;
      }
    }
    table.columns.push_back(std::move(column));
    if (field->type == model::FieldType::money && !field->currency_column.empty()) {
      table.columns.push_back({field->currency_column, {Kind::text, 0, 3}, false});
    }
    if (field->sensitive) {
      table.columns.push_back({field->hash_column, {Kind::text, 0, 43}, false});
      index("ix_", "_" + field->hash_column, {field->hash_column});
    }
  }
  table.columns.push_back({chain_column, {Kind::text, 0, 43}, false});
  const auto column_of = [&](model::SystemSlot slot) -> std::string {
    return slot < entity.fields.size() ? entity.fields[slot]->column : std::string();
  };
  // Names of the core's own indexes begin with `_`, as no name in a definition does.
  if (!entity.number_format.empty()) index("uq_", "_number", {column_of(model::slot_number)});
  index("uq_", "_external", {column_of(model::slot_external_source), column_of(model::slot_external_id)});
  for (const model::Index& i : entity.indexes) {
    std::vector<std::string> columns;
    for (const model::Field* field : i.fields) columns.push_back(field->sensitive ? field->hash_column : field->column);
    table.indexes.push_back({index_name(entity, i), std::move(columns), i.unique});
  }
  add_exclusive_indexes(entity, table);
  // The default list, whole and of one state, comes from an index: else each page would sort the whole table.
  const auto serve = [&](std::string_view name, const std::vector<const model::Field*>& fields) {
    const bool served = std::any_of(entity.indexes.begin(), entity.indexes.end(), [&](const model::Index& i) {
      return i.fields.size() >= fields.size() && std::equal(fields.begin(), fields.end(), i.fields.begin());
    });
    if (served) return;
    std::vector<std::string> columns;
    for (const model::Field* field : fields) columns.push_back(field->sensitive ? field->hash_column : field->column);
    index("ix_", name, std::move(columns));
  };
  if (!entity.views.empty() && !entity.views.front()->sort.empty() && entity.views.front()->sort.front().field->slot != model::slot_id) {
    std::vector<const model::Field*> order;
    const auto& sort = entity.views.front()->sort;
    for (const model::SortKey& key : sort) {
      // Read in one direction; the id, which ends every index, is no part of it.
      if (key.descending != sort.front().descending || key.field->slot == model::slot_id) break;
      order.push_back(key.field);
    }
    serve("_list", order);
    if (entity.workflow && order.front()->slot != model::slot_state) {
      order.insert(order.begin(), entity.fields[model::slot_state].get());
      serve("_state", order);
    }
  }
  // Probable duplicates are looked for while a form is filled in.
  for (const model::DuplicateRule& rule : entity.duplicates) {
    constexpr std::size_t most_fields = 3, most_bytes = 3072;
    std::vector<const model::Field*> lead;
    std::size_t bytes = 0;
    for (const model::Field* field : rule.fields) {
      bytes += field->max_length > 0 ? field->max_length * std::size_t{4} : field->type == model::FieldType::choice ? 256 : 16;
      if (lead.size() == most_fields || bytes > most_bytes) break;
      lead.push_back(field);
    }
    if (!lead.empty()) serve("_same_" + rule.name, lead);
  }
  // Who refers to a record is asked whenever it is opened or deleted.
  for (const auto& field : entity.fields) {
    if (field->system || field->type != model::FieldType::ref || field->column.empty()) continue;
    const bool leads = std::any_of(entity.indexes.begin(), entity.indexes.end(),
                                   [&](const model::Index& i) { return !i.fields.empty() && i.fields.front() == field.get(); });
    if (!leads) index("ix_", "_ref_" + field->column, {field->column});
  }
  return table;
}

std::vector<SchemaStep> plan_schema(Session& session, const model::Catalog& catalog, bool count_rows, Constraints constraints) {
  return Planner(session, catalog, count_rows, constraints).plan();
}

void apply_schema(Session& session, const std::vector<SchemaStep>& steps, bool allow_destructive) {
  const SchemaLock lock(session);
  run(session, steps, allow_destructive);
}

std::vector<SchemaStep> update_schema(Database& database, const model::Catalog& catalog, bool allow_destructive, Constraints constraints) {
  Transaction transaction = database.begin();
  std::vector<SchemaStep> steps;
  {
    const SchemaLock lock(*transaction);
    steps = plan_schema(*transaction, catalog, allow_destructive, constraints);
    const auto refused = [](const SchemaStep& step) { return step.safety == Safety::destructive && !step.blocked; };
    // How many rows it is about is counted only to be told.
    if (!allow_destructive && std::any_of(steps.begin(), steps.end(), refused)) steps = plan_schema(*transaction, catalog, true, constraints);
    run(*transaction, steps, allow_destructive);
  }
  transaction.commit();
  return steps;
}

}  // namespace caravan::storage
