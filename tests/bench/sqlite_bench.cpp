#include <sqlite3.h>

#include <stdexcept>

#include "sql_bench.h"

namespace caravan::bench {
namespace {

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};
struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
struct FreeValue {
  void operator()(sqlite3_value* value) const { sqlite3_value_free(value); }
};
using DatabasePtr = std::unique_ptr<sqlite3, CloseDatabase>;
using StatementPtr = std::unique_ptr<sqlite3_stmt, Finalize>;
using ValuePtr = std::unique_ptr<sqlite3_value, FreeValue>;

DatabasePtr open(const std::string& file) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  DatabasePtr database(raw);
  if (code != SQLITE_OK) throw std::runtime_error("cannot open " + file + ": " + sqlite3_errmsg(raw));
  sqlite3_busy_timeout(raw, 5000);
  for (const char* pragma :
       {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA temp_store=MEMORY"}) {
    if (sqlite3_exec(raw, pragma, nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(raw));
  }
  return database;
}

StatementPtr prepare(sqlite3* database, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(database, sql.c_str(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                         &statement, nullptr) != SQLITE_OK) {
    throw std::runtime_error(std::string(sqlite3_errmsg(database)) + ": " + sql);
  }
  return StatementPtr(statement);
}

/// Steps to the end, reading every column; the number of rows.
int run(sqlite3_stmt* statement) {
  int rows = 0, code = 0;
  volatile std::size_t sum = 0;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    ++rows;
    for (int i = 0, count = sqlite3_column_count(statement); i < count; ++i) {
      switch (sqlite3_column_type(statement, i)) {
        case SQLITE_INTEGER:
          sum = sum + static_cast<std::size_t>(sqlite3_column_int64(statement, i));
          break;
        case SQLITE_NULL:
          break;
        default:
          sum = sum + (sqlite3_column_text(statement, i) != nullptr
                           ? static_cast<std::size_t>(sqlite3_column_bytes(statement, i))
                           : 0);
      }
    }
  }
  sqlite3_reset(statement);
  if (code != SQLITE_DONE) throw std::runtime_error(sqlite3_errstr(code));
  return rows;
}

struct Row {
  std::vector<std::string> names;
  std::vector<ValuePtr> values;
};

Row newest(sqlite3* database, const std::string& table, const std::string& condition) {
  const auto select =
      prepare(database, "SELECT * FROM " + table + " WHERE " + condition + " ORDER BY id DESC LIMIT 1");
  if (sqlite3_step(select.get()) != SQLITE_ROW) throw std::runtime_error("no row to copy in " + table);
  Row row;
  for (int i = 0, count = sqlite3_column_count(select.get()); i < count; ++i) {
    row.names.emplace_back(sqlite3_column_name(select.get(), i));
    row.values.emplace_back(sqlite3_value_dup(sqlite3_column_value(select.get(), i)));
  }
  return row;
}

std::string joined(const std::vector<std::string>& names, const char* prefix) {
  std::string text;
  for (const auto& name : names)
    text += (text.empty() ? "" : ", ") + std::string(prefix) + "\"" + name + "\"";
  return text;
}

std::string marks(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += i == 0 ? "?" : ", ?";
  return text;
}

std::string insert_sql(const std::string& table, const Row& row) {
  return "INSERT INTO " + table + " (" + joined(row.names, "") + ") VALUES (" + marks(row.names.size()) + ")";
}

/// The row is written only where what it refers to exists: one statement.
std::string insert_with_references_sql(const Plan& plan, const Row& row) {
  std::string tables, conditions;
  for (std::size_t i = 0; i < plan.references.size(); ++i) {
    const auto alias = "x" + std::to_string(i);
    tables += (i == 0 ? "" : ", ") + plan.references[i].second + " " + alias;
    conditions += (i == 0 ? "" : " AND ") + alias + ".id = ?";
  }
  if (tables.empty()) return insert_sql(plan.table, row);
  return "INSERT INTO " + plan.table + " (" + joined(row.names, "") + ") SELECT " + marks(row.names.size()) + " FROM " +
         tables + " WHERE " + conditions;
}

/// SQLite has one writer: all threads share its connection, one at a time.
class Writer {
 public:
  Writer(const Plan& plan, const std::string& file)
      : plan_(plan),
        database_(open(file)),
        record_(newest(database_.get(), plan.table, "1 = 1")),
        event_(newest(database_.get(), "event", "action = '" + plan.action + "'")),
        insert_record_(prepare(database_.get(), insert_with_references_sql(plan, record_))),
        insert_event_(prepare(database_.get(), insert_sql("event", event_))),
        select_(prepare(database_.get(), "SELECT " + joined(record_.names, "r.") + " FROM " + plan.table + " r WHERE r.id = ?")),
        begin_(prepare(database_.get(), "BEGIN IMMEDIATE")),
        commit_(prepare(database_.get(), "COMMIT")),
        lease_(prepare(database_.get(),
                       "INSERT INTO sequence_block (name, next_value) VALUES (?1, 1 + ?2) "
                       "ON CONFLICT (name) DO UPDATE SET next_value = next_value + ?2 RETURNING next_value")),
        version_(column_of(record_.names, "version")),
        updated_at_(column_of(record_.names, "updated_at")),
        chained_(column_of(record_.names, "_chain") != std::string::npos),
        blocks_(plan.block) {
    update_ = prepare(database_.get(), "UPDATE " + plan.table + " SET \"" + (plan.to_state.empty() ? plan.field : "state") + "\" = ?, " +
                                           (chained_ ? "\"_chain\" = ?, " : "") +
                                           "version = ?, updated_at = ? WHERE id = ? AND version = ?");
    if (plan.outbox) {
      job_ = newest(database_.get(), "job", "kind = 'records.after_commit'");
      insert_job_ = prepare(database_.get(), insert_sql("job", job_));
    }
    auto index = static_cast<int>(record_.names.size());
    for (const auto& reference : plan.references)
      sqlite3_bind_value(insert_record_.get(), ++index, record_.values[column_of(record_.names, reference.first)].get());
  }

  int create() {
    const std::lock_guard lock(mutex_);
    const auto id = next("record"), event = next("event"), number = next("bench");
    run(begin_.get());
    bind(insert_record_.get(), record_, id, 0, 0, number);
    run(insert_record_.get());
    bind(insert_event_.get(), event_, event, id, 1, 0);
    run(insert_event_.get());
    run(commit_.get());
    return 2;
  }

  int change(std::int64_t id) {
    const std::lock_guard lock(mutex_);
    const auto event = next("event"), job = plan_.outbox ? next("job") : 0;
    run(begin_.get());
    sqlite3_bind_int64(select_.get(), 1, id);
    if (sqlite3_step(select_.get()) != SQLITE_ROW) throw std::runtime_error("a record is gone");
    const auto version = sqlite3_column_int64(select_.get(), static_cast<int>(version_));
    run(select_.get());
    int at = 0;
    const auto text = plan_.to_state.empty() ? "value " + std::to_string(++values_) : plan_.to_state;
    sqlite3_bind_text(update_.get(), ++at, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    if (chained_) sqlite3_bind_text(update_.get(), ++at, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 43, SQLITE_STATIC);
    sqlite3_bind_int64(update_.get(), ++at, version + 1);
    sqlite3_bind_value(update_.get(), ++at, record_.values[updated_at_].get());
    sqlite3_bind_int64(update_.get(), ++at, id);
    sqlite3_bind_int64(update_.get(), ++at, version);
    run(update_.get());
    bind(insert_event_.get(), event_, event, id, version + 1, 0);
    run(insert_event_.get());
    if (plan_.outbox) {
      bind(insert_job_.get(), job_, job, id, 0, 0);
      run(insert_job_.get());
    }
    run(commit_.get());
    return 2;
  }

 private:
  std::int64_t next(const char* name) {
    return blocks_.next(name, [this](const std::string& sequence, std::int64_t count) {
      run(begin_.get());
      sqlite3_bind_text(lease_.get(), 1, sequence.data(), static_cast<int>(sequence.size()),
                        SQLITE_TRANSIENT);
      sqlite3_bind_int64(lease_.get(), 2, count);
      if (sqlite3_step(lease_.get()) != SQLITE_ROW) throw std::runtime_error(sqlite3_errmsg(database_.get()));
      const auto end = sqlite3_column_int64(lease_.get(), 0);
      run(lease_.get());
      run(commit_.get());
      return static_cast<std::int64_t>(end);
    });
  }
  static void bind(sqlite3_stmt* statement, const Row& row, std::int64_t id, std::int64_t record,
                   std::int64_t version, std::int64_t number) {
    for (std::size_t i = 0; i < row.names.size(); ++i) {
      const int at = static_cast<int>(i) + 1;
      if (row.names[i] == "id") {
        sqlite3_bind_int64(statement, at, id);
      } else if (row.names[i] == "record_id" || row.names[i] == "lane") {
        sqlite3_bind_int64(statement, at, record);
      } else if (row.names[i] == "version" && record != 0) {
        sqlite3_bind_int64(statement, at, version);
      } else if (row.names[i] == "number" && number != 0) {
        const auto text = "SQL-" + std::to_string(number);
        sqlite3_bind_text(statement, at, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
      } else {
        sqlite3_bind_value(statement, at, row.values[i].get());
      }
    }
  }

  const Plan& plan_;
  std::mutex mutex_;
  DatabasePtr database_;
  Row record_, event_, job_;
  StatementPtr insert_record_, insert_event_, select_, begin_, commit_, lease_, update_, insert_job_;
  std::size_t version_, updated_at_;
  bool chained_;
  Blocks blocks_;
  std::int64_t values_ = 0;
};

class Reader final : public Worker {
 public:
  Reader(const Plan& plan, const std::string& file) : plan_(plan), database_(open(file)) {
    const auto columns = joined(newest(database_.get(), plan.table, "1 = 1").names, "r.");
    const auto from = "SELECT " + columns + " FROM " + plan.table + " r WHERE ";
    statement_ =
        prepare(database_.get(), plan.operation == "read"
                                     ? from + "r.id = ?"
                                     : from + "r.state = ? ORDER BY r.created_at DESC, r.id DESC LIMIT 51");
  }
  int once(std::mt19937_64& random) override {
    if (plan_.operation == "read") {
      sqlite3_bind_int64(statement_.get(), 1,
                         plan_.from + static_cast<std::int64_t>(
                                          random() % static_cast<std::uint64_t>(plan_.to - plan_.from + 1)));
    } else {
      const auto& state = plan_.states[random() % plan_.states.size()];
      sqlite3_bind_text(statement_.get(), 1, state.data(), static_cast<int>(state.size()), SQLITE_STATIC);
    }
    return run(statement_.get());
  }

 private:
  const Plan& plan_;
  DatabasePtr database_;
  StatementPtr statement_;
};

class WriterWorker final : public Worker {
 public:
  WriterWorker(Writer& writer, const Plan& plan, std::size_t index, std::size_t count)
      : writer_(writer), create_(plan.operation == "create"), own_(plan, index, count) {}
  int once(std::mt19937_64&) override { return create_ ? writer_.create() : writer_.change(own_.next()); }

 private:
  Writer& writer_;
  const bool create_;
  OwnRecords own_;
};

class SqliteTarget final : public Target {
 public:
  SqliteTarget(Plan plan, std::string file) : plan_(std::move(plan)), file_(std::move(file)) {
    if (plan_.operation != "read" && plan_.operation != "list") writer_ = std::make_unique<Writer>(plan_, file_);
  }
  std::unique_ptr<Worker> worker(std::size_t index, std::size_t count) override {
    if (writer_) return std::make_unique<WriterWorker>(*writer_, plan_, index, count);
    return std::make_unique<Reader>(plan_, file_);
  }

 private:
  const Plan plan_;
  const std::string file_;
  std::unique_ptr<Writer> writer_;
};

}  // namespace

std::unique_ptr<Target> sqlite_target(const Plan& plan, const std::string& file) {
  return std::make_unique<SqliteTarget>(plan, file);
}

}  // namespace caravan::bench
