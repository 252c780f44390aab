#include "storage/table_copy.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>

#include "storage/open.h"
#include "storage/query.h"
#include "storage/stream.h"

namespace caravan::storage {
namespace {

constexpr std::size_t rows_at_once = 100, most_parameters = 30'000, rows_per_commit = 5'000;
constexpr std::size_t bytes_at_once = 4u << 20;  ///< a quarter of what a server takes in one statement by default

struct CloseSqlite {
  void operator()(sqlite3* connection) const { sqlite3_close(connection); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Connection = std::unique_ptr<sqlite3, CloseSqlite>;
using Rows = std::unique_ptr<sqlite3_stmt, CloseSqlite>;

[[noreturn]] void fail(sqlite3* connection, const std::string& what) {
  throw Error(ErrorCode::unavailable, what + ": " + (connection ? sqlite3_errmsg(connection) : "no memory"));
}

Connection open_file(const std::string& path, int flags) {
  sqlite3* opened = nullptr;
  const int result = sqlite3_open_v2(path.c_str(), &opened, flags | SQLITE_OPEN_URI, nullptr);
  Connection connection(opened);
  if (result != SQLITE_OK) fail(opened, "The file of the database cannot be opened");
  sqlite3_busy_timeout(opened, 30'000);
  return connection;
}

class SqliteTables final : public TableReader {
 public:
  /// `immutable`: nothing is written beside the file, which nobody changes.
  explicit SqliteTables(const std::string& path) : connection_(open_file("file:" + escaped(path) + "?immutable=1", SQLITE_OPEN_READONLY)) {}
  std::vector<std::string> tables() override {
    // A search index is made of virtual tables and those behind them; it is copied with the file and can be made anew.
    std::vector<std::string> found, virtual_ones;
    Rows rows = prepare("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name");
    while (step(rows)) {
      const std::string name = text(rows, 0), sql = text(rows, 1);
      if (sql.starts_with("CREATE VIRTUAL")) virtual_ones.push_back(name);
      else found.push_back(name);
    }
    std::erase_if(found, [&](const std::string& name) {
      return std::any_of(virtual_ones.begin(), virtual_ones.end(), [&](const std::string& one) { return name.starts_with(one + "_"); });
    });
    return found;
  }
  std::vector<std::string> columns(const std::string& table) override {
    std::vector<std::string> names;
    Rows rows = prepare("SELECT name FROM pragma_table_info(" + literal(table) + ") ORDER BY cid");
    while (step(rows)) names.push_back(text(rows, 0));
    return names;
  }
  void check() {
    Rows rows = prepare("PRAGMA integrity_check(1)");
    if (const std::string found = step(rows) ? text(rows, 0) : std::string(); found != "ok") throw Error(ErrorCode::unavailable, "The copy of the database is broken: " + found);
  }
  std::string create_sql(const std::string& table) override {
    Rows rows = prepare("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = " + literal(table));
    return step(rows) ? text(rows, 0) : std::string();
  }
  void read(const std::string& table, const std::function<void(const RawRow&)>& row) override {
    std::string order;
    {
      Rows keys = prepare("SELECT name FROM pragma_table_info(" + literal(table) + ") WHERE pk > 0 ORDER BY pk");
      while (step(keys)) order += (order.empty() ? " ORDER BY " : ", ") + quote(Dialect::sqlite, text(keys, 0));
    }
    Rows rows = prepare("SELECT * FROM " + quote(Dialect::sqlite, table) + order);
    const int count = sqlite3_column_count(rows.get());
    RawRow values(static_cast<std::size_t>(count));
    while (step(rows)) {
      for (int i = 0; i < count; ++i) {
        auto& value = values[static_cast<std::size_t>(i)];
        value.reset();
        if (sqlite3_column_type(rows.get(), i) == SQLITE_NULL) continue;
        const void* bytes = sqlite3_column_blob(rows.get(), i);
        value = std::string_view(static_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_column_bytes(rows.get(), i)));
      }
      row(values);
    }
  }

 private:
  static std::string escaped(const std::string& path) {
    std::string out;
    for (const char c : path) {
      if (c == '?' || c == '#' || c == '%') {
        constexpr char digits[] = "0123456789ABCDEF";
        ((out += '%') += digits[static_cast<unsigned char>(c) >> 4]) += digits[c & 15];
      } else {
        out += c;
      }
    }
    return out;
  }
  static std::string literal(const std::string& text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
    return out + "'";
  }
  Rows prepare(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(connection_.get(), sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) fail(connection_.get(), "A copy of the database cannot be read");
    return Rows(statement);
  }
  bool step(const Rows& rows) {
    const int result = sqlite3_step(rows.get());
    if (result != SQLITE_ROW && result != SQLITE_DONE) fail(connection_.get(), "A copy of the database cannot be read");
    return result == SQLITE_ROW;
  }
  static std::string text(const Rows& rows, int column) {
    const auto* bytes = sqlite3_column_text(rows.get(), column);
    return bytes ? reinterpret_cast<const char*>(bytes) : std::string();
  }
  Connection connection_;
};

class MysqlTables final : public TableReader {
 public:
  explicit MysqlTables(Database& database) : stream_(Stream::open(database, Stream::Snapshot::consistent)) {
    Statement& rows = stream_->query("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name");
    while (rows.step()) tables_.emplace_back(rows.text(0));
    std::sort(tables_.begin(), tables_.end());
  }
  std::vector<std::string> tables() override { return tables_; }
  std::vector<std::string> columns(const std::string& table) override {
    std::vector<std::string> names;
    Statement& rows = stream_->query(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? AND "
        "(generation_expression IS NULL OR generation_expression = '') ORDER BY ordinal_position",
        {expr::Value(table)});
    while (rows.step()) names.emplace_back(rows.text(0));
    return names;
  }
  std::string create_sql(const std::string& table) override {
    Statement& rows = stream_->query("SHOW CREATE TABLE " + quote(Dialect::mysql, table));
    return rows.step() ? std::string(rows.text(1)) : std::string();
  }
  void read(const std::string& table, const std::function<void(const RawRow&)>& row) override {
    std::string order, list;
    for (const auto& name : columns(table)) list += (list.empty() ? "" : ", ") + quote(Dialect::mysql, name);
    {
      Statement& keys = stream_->query(
          "SELECT column_name FROM information_schema.key_column_usage WHERE table_schema = DATABASE() AND table_name = ? AND constraint_name = 'PRIMARY' "
          "ORDER BY ordinal_position",
          {expr::Value(table)});
      while (keys.step()) order += (order.empty() ? " ORDER BY " : ", ") + quote(Dialect::mysql, keys.text(0));
    }
    Statement& rows = stream_->query("SELECT " + list + " FROM " + quote(Dialect::mysql, table) + order);
    RawRow values(static_cast<std::size_t>(stream_->columns()));
    std::int64_t got = 0;
    for (; rows.step(); ++got) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        const int column = static_cast<int>(i);
        if (rows.is_null(column)) values[i].reset();
        else values[i] = rows.text(column);
      }
      row(values);
    }
    Statement& count = stream_->query("SELECT COUNT(*) FROM " + quote(Dialect::mysql, table));
    if (!count.step() || count.integer(0) != got) throw Error(ErrorCode::unavailable, "The database sent " + std::to_string(got) + " rows of the table " + table + ", which are not all.");
  }

 private:
  std::unique_ptr<Stream> stream_;
  std::vector<std::string> tables_;
};

}  // namespace

std::unique_ptr<TableReader> TableReader::open(Database& database) { return std::make_unique<MysqlTables>(database); }
std::unique_ptr<TableReader> TableReader::open_sqlite(const std::string& path) { return std::make_unique<SqliteTables>(path); }

void check_sqlite(const std::string& path) { SqliteTables(path).check(); }

std::string sqlite_path(const std::string& url) {
  const DatabaseUrl parts = parse_url(url);
  return parts.dialect == Dialect::sqlite ? parts.path : std::string();
}

void copy_sqlite(Database& database, const std::string& to) {
  const DatabaseUrl* url = sqlite_url(database);
  if (url == nullptr) throw Error(ErrorCode::internal, "Only a database of SQLite has a file to be copied.");
  const Connection from = open_file("file:" + url->path, SQLITE_OPEN_READONLY);
  const Connection target = open_file("file:" + to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  sqlite3_backup* backup = sqlite3_backup_init(target.get(), "main", from.get(), "main");
  if (backup == nullptr) fail(target.get(), "The copy of the database cannot be begun");
  // All pages in one step, which is one moment: with a write-ahead log writers go on meanwhile.
  const int result = sqlite3_backup_step(backup, -1);
  const int ended = sqlite3_backup_finish(backup);
  if (result != SQLITE_DONE || ended != SQLITE_OK) fail(target.get(), "The database cannot be copied");
  // The copy needs no log beside it.
  if (sqlite3_exec(target.get(), "PRAGMA journal_mode=DELETE", nullptr, nullptr, nullptr) != SQLITE_OK) fail(target.get(), "The database cannot be copied");
}

struct TableWriter::State {
  explicit State(Database& of) : database(of) {}
  Database& database;
  std::optional<Transaction> transaction;
  std::string head, row_places;
  std::size_t columns = 0, batch = 0, since_commit = 0;
  std::vector<std::optional<std::string>> cells;  ///< of rows not sent yet
  std::size_t rows = 0, bytes = 0;

  void need() {
    if (transaction) return;
    transaction.emplace(database.begin());
    (*transaction)->execute("SET SESSION foreign_key_checks=0");
  }
  void send() {
    if (rows == 0) return;
    need();
    Statement& insert = (*transaction)->prepare(head + repeated(row_places, ", ", rows));
    int index = 1;
    for (const auto& cell : cells) {
      if (cell) insert.bind(index++, std::string_view(*cell));
      else insert.bind_null(index++);
    }
    insert.step();
    insert.reset();
    since_commit += rows;
    rows = bytes = 0;
    cells.clear();
    if (since_commit >= rows_per_commit) commit();
  }
  void commit() {
    if (!transaction) return;
    (*transaction)->execute("SET SESSION foreign_key_checks=1");
    transaction->commit();
    transaction.reset();
    since_commit = 0;
  }
};

TableWriter::TableWriter(Database& database) : state_(std::make_unique<State>(database)) {}
TableWriter::~TableWriter() = default;

std::vector<std::pair<std::string, bool>> TableWriter::tables() {
  std::vector<std::pair<std::string, bool>> found;
  const auto session = state_->database.read();
  {
    Query query(*session, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'");
    while (query.next()) found.emplace_back(query.text(0), false);
  }
  for (auto& [table, filled] : found) {
    Query query(*session, "SELECT 1 FROM " + quote(Dialect::mysql, table) + " LIMIT 1");
    filled = query.next();
  }
  return found;
}

void TableWriter::drop(const std::vector<std::string>& tables) {
  state_->need();
  for (const auto& table : tables) (*state_->transaction)->execute("DROP TABLE " + quote(Dialect::mysql, table));
  state_->commit();
}

void TableWriter::create(const std::string& sql) {
  state_->need();
  (*state_->transaction)->execute(sql);
  state_->commit();
}

void TableWriter::begin(const std::string& table, const std::vector<std::string>& columns) {
  State& s = *state_;
  s.columns = columns.size();
  s.batch = std::clamp<std::size_t>(most_parameters / std::max<std::size_t>(s.columns, 1), 1, rows_at_once);
  std::string names;
  for (const auto& name : columns) names += (names.empty() ? "" : ", ") + quote(Dialect::mysql, name);
  s.head = "INSERT INTO " + quote(Dialect::mysql, table) + " (" + names + ") VALUES ";
  s.row_places = "(" + repeated("?", ", ", s.columns) + ")";
}

void TableWriter::add(const RawRow& row) {
  State& s = *state_;
  if (row.size() != s.columns) throw Error(ErrorCode::invalid_argument, "A row of the backup has another number of columns than its table.");
  std::size_t size = 0;
  for (const auto& cell : row) size += cell ? cell->size() : 0;
  if (s.bytes + size > bytes_at_once) s.send();
  s.bytes += size;
  for (const auto& cell : row) s.cells.push_back(cell ? std::optional<std::string>(*cell) : std::nullopt);
  if (++s.rows == s.batch) s.send();
}

void TableWriter::end() {
  state_->send();
  state_->commit();
}

}  // namespace caravan::storage
