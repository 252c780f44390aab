#include <fcntl.h>
#include <soci/session.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "storage/encode.h"
#include "storage/open.h"
#include "storage/pool.h"
#include "storage/statement_cache.h"

namespace caravan::storage {
namespace {

using namespace sqlite_api;  // SOCI includes <sqlite3.h> inside it
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int busy_milliseconds = 5000;
constexpr int progress_steps = 20'000;            ///< virtual machine steps between looks at the clock
constexpr std::size_t largest_kept = 64 * 1024;   ///< parameter copies above this are given up after use
constexpr std::string_view own_rule = "caravan:"; ///< RAISE(ABORT, 'caravan:NAME') in triggers

class SqliteSession;

struct StatementCloser {
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};

class SqliteStatement final : public Statement {
 public:
  SqliteStatement(SqliteSession& session, const std::string& sql);

  void bind_null(int index) override;
  void bind(int index, std::int64_t value) override;
  void bind(int index, double value) override;
  void bind(int index, std::string_view value) override { bind_text(index, value); }
  void bind(int index, const expr::Value& value, const ColumnType& type) override {
    expr::Value scratch;
    bind_checked(index, fit(index, value, type, scratch));
  }
  void bind(int index, const expr::Value& value) override {
    check_bindable(index, value);
    bind_checked(index, value);
  }
  bool step() override;
  void reset() override;
  void send() override { in_use = true; }
  void finish() override { step(); }
  bool is_null(int column) override { return type_of(column) == SQLITE_NULL; }
  std::int64_t integer(int column) override;
  double real(int column) override;
  std::string_view text(int column) override;
  expr::Value value(int column, const ColumnType& type) override;
  std::int64_t affected() override { return affected_; }

  bool in_use = false, broken = false, listed = false;
  std::uint64_t last_use = 0;

 private:
  enum class State : std::uint8_t { binding, row, done };

  void parameter(int index);
  void bind_text(int index, std::string_view value);
  void bind_checked(int index, const expr::Value& value);
  int type_of(int column);
  [[noreturn]] void mistyped(int column, const ColumnType& type);

  SqliteSession& session_;
  const std::string& sql_;  // the cache's key
  std::unique_ptr<sqlite3_stmt, StatementCloser> statement_;
  std::vector<bool> bound_;
  std::vector<std::string> copies_;  ///< of text parameters, which SQLite reads until the last row
  State state_ = State::binding;
  std::int64_t affected_ = 0;
};

class SqliteSession final : public Session {
 public:
  SqliteSession(const std::string& path, const DatabaseOptions& options, bool writer);
  ~SqliteSession() override { cache_.clear(); }

  Dialect dialect() const override { return Dialect::sqlite; }
  Statement& prepare(std::string_view sql) override {
    check_usable();
    return cache_.get(sql, [this](const std::string& key) { return std::make_unique<SqliteStatement>(*this, key); });
  }
  void execute(std::string_view sql) override;
  std::uint64_t statement_count() const override { return count_; }

  sqlite3* connection() const { return connection_; }
  bool writer() const { return writer_; }
  void counted() { ++count_; }
  void start_clock() { deadline_ = timeout_.count() > 0 ? Clock::now() + timeout_ : Clock::time_point::max(); }
  void stop_clock() { deadline_ = Clock::time_point::max(); }
  void check_usable() const {
    if (doomed_) throw lost_race("an earlier statement of this transaction failed");
  }
  Error failed(std::string_view sql);

  void begin();
  void commit();
  void rollback() noexcept;
  void trim() { cache_.trim(); }

 private:
  Error translate();
  std::string index_of(const std::string& table, const std::vector<std::string>& columns);
  Error duplicate(std::string_view detail, bool primary);
  static int on_progress(void* self) { return Clock::now() > static_cast<SqliteSession*>(self)->deadline_ ? 1 : 0; }

  soci::session soci_;
  sqlite3* connection_ = nullptr;
  const bool writer_;
  const seconds timeout_;
  Clock::time_point deadline_ = Clock::time_point::max();
  StatementCache<SqliteStatement> cache_;
  std::uint64_t count_ = 0;
  bool open_ = false;    ///< in a transaction
  bool doomed_ = false;  ///< SQLite rolled the transaction back by itself
};

// ---- statements

SqliteStatement::SqliteStatement(SqliteSession& session, const std::string& sql) : session_(session), sql_(sql) {
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  const int rc = sqlite3_prepare_v3(session.connection(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw, &tail);
  statement_.reset(raw);
  if (rc != SQLITE_OK) throw session.failed(sql);
  if (!raw) throw Error(ErrorCode::internal, "An SQL statement is empty");
  const std::string_view rest(tail, static_cast<std::size_t>(sql.data() + sql.size() - tail));
  if (rest.find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    throw Error(ErrorCode::internal, "Only one SQL statement can be prepared at a time").add_context(for_log(sql));
  }
  const auto count = static_cast<std::size_t>(sqlite3_bind_parameter_count(raw));
  bound_.resize(count);
  copies_.resize(count);
}

void SqliteStatement::parameter(int index) {
  if (index < 1 || static_cast<std::size_t>(index) > bound_.size()) {
    throw Error(ErrorCode::internal, "The statement has no parameter " + std::to_string(index)).add_context(for_log(sql_));
  }
  if (state_ != State::binding) reset();
  in_use = true;
  bound_[static_cast<std::size_t>(index - 1)] = true;
}

void SqliteStatement::bind_null(int index) {
  parameter(index);
  sqlite3_bind_null(statement_.get(), index);
}

void SqliteStatement::bind(int index, std::int64_t value) {
  parameter(index);
  sqlite3_bind_int64(statement_.get(), index, value);
}

void SqliteStatement::bind(int index, double value) {
  parameter(index);
  sqlite3_bind_double(statement_.get(), index, value);
}

void SqliteStatement::bind_text(int index, std::string_view value) {
  parameter(index);
  std::string& copy = copies_[static_cast<std::size_t>(index - 1)];
  copy.assign(value);
  if (sqlite3_bind_text64(statement_.get(), index, copy.data(), copy.size(), SQLITE_STATIC, SQLITE_UTF8) != SQLITE_OK) {
    throw session_.failed(sql_);
  }
}

void SqliteStatement::bind_checked(int index, const expr::Value& value) {
  if (value.is_null()) {
    bind_null(index);
  } else if (const auto* s = value.as<std::string>()) {
    bind_text(index, *s);
  } else if (const auto* i = value.as<std::int64_t>()) {
    bind(index, *i);
  } else if (const auto* u = value.as<std::uint64_t>()) {
    bind(index, static_cast<std::int64_t>(*u));
  } else if (const auto* flag = value.as<bool>()) {
    bind(index, static_cast<std::int64_t>(*flag));
  } else if (const auto* d = value.as<double>()) {
    bind(index, *d);
  } else if (const auto* decimal = value.as<Decimal>()) {
    bind(index, decimal->unscaled);
  } else if (const auto* date = value.as<Date>()) {
    bind_text(index, format_date(*date));
  } else if (const auto* at = value.as<Timestamp>()) {
    bind(index, at->micros);
  } else if (const auto* bytes = value.as<expr::Bytes>()) {
    parameter(index);
    std::string& copy = copies_[static_cast<std::size_t>(index - 1)];
    copy = bytes->data;
    if (sqlite3_bind_blob64(statement_.get(), index, copy.data(), copy.size(), SQLITE_STATIC) != SQLITE_OK) throw session_.failed(sql_);
  }
}

bool SqliteStatement::step() {
  if (state_ == State::done) return false;  // sqlite3_step() would run the statement again
  in_use = true;
  if (state_ == State::binding) {
    session_.check_usable();
    for (std::size_t i = 0; i < bound_.size(); ++i) {
      if (!bound_[i]) {
        throw Error(ErrorCode::internal, "Parameter " + std::to_string(i + 1) + " of a statement is not bound").add_context(for_log(sql_));
      }
    }
    session_.counted();
    affected_ = 0;
  }
  session_.start_clock();
  const int rc = sqlite3_step(statement_.get());
  session_.stop_clock();
  if (rc == SQLITE_ROW) {
    state_ = State::row;
    return true;
  }
  if (rc != SQLITE_DONE) {
    const Error error = session_.failed(sql_);
    reset();
    throw error;
  }
  if (!sqlite3_stmt_readonly(statement_.get())) affected_ = sqlite3_changes64(session_.connection());
  sqlite3_reset(statement_.get());  // ends the read transaction; an unfinished one would hold an old snapshot
  state_ = State::done;
  in_use = false;
  return false;
}

void SqliteStatement::reset() {
  sqlite3_reset(statement_.get());
  for (std::size_t i = 0; i < bound_.size(); ++i) {
    bound_[i] = false;
    if (copies_[i].capacity() > largest_kept) {
      sqlite3_bind_null(statement_.get(), static_cast<int>(i + 1));
      std::string().swap(copies_[i]);
    }
  }
  state_ = State::binding;
  in_use = false;
}

int SqliteStatement::type_of(int column) {
  if (state_ != State::row || column < 0 || column >= sqlite3_data_count(statement_.get())) {
    throw Error(ErrorCode::internal, "The result has no column " + std::to_string(column) + " at this point").add_context(for_log(sql_));
  }
  return sqlite3_column_type(statement_.get(), column);
}

std::int64_t SqliteStatement::integer(int column) {
  switch (type_of(column)) {
    case SQLITE_NULL: return 0;
    case SQLITE_INTEGER: return sqlite3_column_int64(statement_.get(), column);
    default: return parse_integer(text(column));
  }
}

double SqliteStatement::real(int column) {
  switch (type_of(column)) {
    case SQLITE_NULL: return 0;
    case SQLITE_INTEGER:
    case SQLITE_FLOAT: return sqlite3_column_double(statement_.get(), column);
    default: return parse_real(text(column));
  }
}

std::string_view SqliteStatement::text(int column) {
  const int type = type_of(column);
  if (type == SQLITE_NULL) return {};
  const void* data = type == SQLITE_BLOB ? sqlite3_column_blob(statement_.get(), column)
                                         : static_cast<const void*>(sqlite3_column_text(statement_.get(), column));
  const int bytes = sqlite3_column_bytes(statement_.get(), column);
  return {static_cast<const char*>(data ? data : ""), static_cast<std::size_t>(bytes)};
}

void SqliteStatement::mistyped(int column, const ColumnType& type) {
  throw Error(ErrorCode::internal, std::string("The database holds something that is not of type ") + to_string(type.kind) +
                                       " in column " + std::to_string(column))
      .add_context(for_log(sql_));
}

expr::Value SqliteStatement::value(int column, const ColumnType& type) {
  using Kind = ColumnType::Kind;
  const int stored = type_of(column);
  if (stored == SQLITE_NULL) return {};
  switch (type.kind) {
    case Kind::integer: return integer(column);
    case Kind::boolean: return integer(column) != 0;
    case Kind::real: return real(column);
    case Kind::text:
    case Kind::json: return text(column);
    case Kind::bytes: return expr::Bytes{std::string(text(column))};
    case Kind::decimal:
      if (stored == SQLITE_INTEGER) return Decimal{sqlite3_column_int64(statement_.get(), column), type.scale, {0, 0, 0}};
      break;
    case Kind::date:
      if (const auto d = parse_date(text(column))) return *d;
      break;
    case Kind::instant:
      if (stored == SQLITE_INTEGER) return Timestamp{sqlite3_column_int64(statement_.get(), column)};
      break;
  }
  mistyped(column, type);
}

// ---- sessions

// SOCI exports no type information for its backends, which the sanitizer's check of the cast would need.
__attribute__((no_sanitize("vptr"))) sqlite3* connection_of(soci::session& session) {
  return static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_;
}

SqliteSession::SqliteSession(const std::string& path, const DatabaseOptions& options, bool writer)
    : writer_(writer), timeout_(options.statement_timeout_seconds) {
  try {
    soci_.open(soci::sqlite3, "dbname=\"" + path + "\"");
  } catch (const soci::soci_error& error) {
    throw Error(ErrorCode::unavailable, "Cannot open the database file " + path + ": " + error.what());
  }
  connection_ = connection_of(soci_);
  sqlite3_extended_result_codes(connection_, 1);
  sqlite3_busy_timeout(connection_, busy_milliseconds);  // before the pragmas, which may meet a lock
  sqlite3_db_config(connection_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(connection_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(connection_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);  // "name" is a name, never a text
  sqlite3_db_config(connection_, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_progress_handler(connection_, progress_steps, &SqliteSession::on_progress, this);
  execute("PRAGMA journal_mode=WAL");
  execute("PRAGMA synchronous=FULL");
  execute("PRAGMA foreign_keys=ON");
  execute("PRAGMA temp_store=MEMORY");
  if (writer) {
    execute("PRAGMA recursive_triggers=ON");
  } else {
    // One connection alone writes and checkpoints (3.40 has the WAL-reset corruption that 3.51.3 mended).
    execute("PRAGMA wal_autocheckpoint=0");
    execute("PRAGMA query_only=ON");
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }
  count_ = 0;
}

void SqliteSession::execute(std::string_view sql) {
  check_usable();
  ++count_;
  if (sqlite3_exec(connection_, std::string(sql).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) throw failed(sql);
}

std::string SqliteSession::index_of(const std::string& table, const std::vector<std::string>& columns) {
  // Prepared apart from the cache: this runs in the middle of another statement's failure.
  const auto query = [&](const char* sql, const std::string& argument, auto&& row) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(connection_, sql, -1, &raw, nullptr) != SQLITE_OK) return;
    const std::unique_ptr<sqlite3_stmt, StatementCloser> s(raw);
    sqlite3_bind_text(raw, 1, argument.data(), static_cast<int>(argument.size()), SQLITE_STATIC);
    while (sqlite3_step(raw) == SQLITE_ROW) {
      const auto* name = reinterpret_cast<const char*>(sqlite3_column_text(raw, 0));
      row(std::string(name ? name : ""));
    }
  };
  std::vector<std::string> indexes;
  query(R"(SELECT name FROM pragma_index_list(?1) WHERE "unique")", table, [&](std::string name) { indexes.push_back(std::move(name)); });
  for (const std::string& index : indexes) {
    std::vector<std::string> of_index;
    query("SELECT name FROM pragma_index_info(?1) ORDER BY seqno", index, [&](std::string name) { of_index.push_back(std::move(name)); });
    if (of_index == columns) return index;
  }
  return {};
}

Error SqliteSession::duplicate(std::string_view detail, bool primary) {
  // `table.a, table.b`, or `index 'name'` for an index on an expression.
  if (detail.starts_with("index '")) {
    detail.remove_prefix(7);
    return duplicate_key(std::string(detail.substr(0, detail.find('\''))));
  }
  std::string table, list;
  std::vector<std::string> columns;
  while (!detail.empty()) {
    const auto comma = detail.find(", ");
    const std::string_view one = detail.substr(0, comma);
    detail = comma == std::string_view::npos ? std::string_view() : detail.substr(comma + 2);
    const auto dot = one.rfind('.');
    if (dot == std::string_view::npos) continue;
    table = one.substr(0, dot);
    columns.emplace_back(one.substr(dot + 1));
    list += (list.empty() ? "" : ", ") + columns.back();
  }
  return duplicate_key(primary ? "PRIMARY" : index_of(table, columns), list);
}

Error SqliteSession::translate() {
  const int code = sqlite3_extended_errcode(connection_);
  const std::string text = sqlite3_errmsg(connection_);
  const std::string number = "SQLite error " + std::to_string(code);
  const auto after = [&](std::string_view prefix) {
    return text.starts_with(prefix) ? std::string_view(text).substr(prefix.size()) : std::string_view();
  };
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE: return duplicate(after("UNIQUE constraint failed: "), false);
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: return duplicate(after("UNIQUE constraint failed: "), true);
    case SQLITE_CONSTRAINT_CHECK: return constraint_violation(std::string(after("CHECK constraint failed: ")));
    case SQLITE_CONSTRAINT_FOREIGNKEY: return foreign_key(true);
    case SQLITE_CONSTRAINT_NOTNULL: {
      const std::string_view column = after("NOT NULL constraint failed: ");
      const std::string name(column.substr(column.rfind('.') + 1));
      return Error(ErrorCode::invalid_record, "A value is missing (column " + name + ")", {{name, "required", "A value is missing"}});
    }
    case SQLITE_CONSTRAINT_TRIGGER:
      if (text.starts_with(own_rule)) return constraint_violation(text.substr(own_rule.size()));
      break;
    case SQLITE_CONSTRAINT_DATATYPE:
      return Error(ErrorCode::invalid_record, "A value does not fit the type of its column").add_context(number);
    default: break;
  }
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return lost_race(number);
    case SQLITE_INTERRUPT:
      return Error(ErrorCode::unavailable, "The database took too long for a statement, which was stopped").add_context(number);
    case SQLITE_TOOBIG: return Error(ErrorCode::too_large, "The data is larger than the database takes at once").add_context(number);
    case SQLITE_FULL: return Error(ErrorCode::unavailable, "The disk that holds the database is full").add_context(number);
    case SQLITE_IOERR:
      return Error(ErrorCode::unavailable, "The database file cannot be read or written (" + std::string(sqlite3_errstr(code)) + ")")
          .add_context(number);
    case SQLITE_READONLY:
      return Error(ErrorCode::internal, writer_ ? "The database file is read-only; check its owner and mode"
                                                : "A change was tried in a session for reading")
          .add_context(number);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(ErrorCode::internal, "The database file is damaged or not an SQLite database; restore it from a backup").add_context(number);
    case SQLITE_ERROR:  // syntax and names: speaks of the SQL, never of a parameter
      return Error(ErrorCode::internal, "The database refused a statement (" + number + ": " + text + ")");
    default: break;
  }
  return Error(ErrorCode::internal, "The database refused a statement (" + number + ": " + sqlite3_errstr(code) + ")");
}

Error SqliteSession::failed(std::string_view sql) {
  Error error = translate();
  if (open_ && (sqlite3_get_autocommit(connection_) != 0 || error.code() == ErrorCode::retry)) doomed_ = true;
  error.add_context(for_log(sql));
  return error;
}

void SqliteSession::begin() {
  auto& statement = prepare("BEGIN IMMEDIATE");
  statement.step();
  open_ = true;
}

void SqliteSession::commit() {
  auto& statement = prepare("COMMIT");
  statement.step();
  open_ = false;
}

void SqliteSession::rollback() noexcept {
  cache_.trim();  // unfinished reads would make ROLLBACK fail on older versions and are of no use now
  if (sqlite3_get_autocommit(connection_) == 0) sqlite3_exec(connection_, "ROLLBACK", nullptr, nullptr, nullptr);
  open_ = doomed_ = false;
}

// ---- the lock file

class LockFile {
 public:
  LockFile() = default;
  explicit LockFile(const std::string& database) {
    const std::string path = database + ".lock";
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0) {
      throw Error(ErrorCode::unavailable, "Cannot open the lock file " + path + ": " + std::strerror(errno));
    }
    // A caller that only asks who holds the lock takes it for a moment.
    for (int tries = 0; ::flock(fd_, LOCK_EX | LOCK_NB) != 0; ++tries) {
      if (errno != EWOULDBLOCK || tries >= 20) {
        const int holder = read_pid(fd_);
        ::close(fd_);
        throw Error(ErrorCode::unavailable, "The database " + database + " is in use by a running server" +
                                                (holder > 0 ? " (pid " + std::to_string(holder) + ")" : std::string()) +
                                                "; stop it, or let it do the work");
      }
      ::usleep(5000);
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
      ::close(fd_);
      throw Error(ErrorCode::unavailable, "Cannot write the lock file " + path);
    }
  }
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  ~LockFile() {
    if (fd_ < 0) return;
    // The file stays: removing it would let two processes lock two files of the same name.
    if (::ftruncate(fd_, 0) != 0) errno = 0;
    ::close(fd_);
  }

  static int read_pid(int fd) {
    char buffer[32] = {};
    const ssize_t n = ::pread(fd, buffer, sizeof buffer - 1, 0);
    return n > 0 ? std::atoi(buffer) : 0;
  }

 private:
  int fd_ = -1;
};

/// Makes the file, or checks it, so that nobody but its owner reads it. SQLite gives its side files the same mode.
void prepare_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    throw Error(ErrorCode::unavailable, "Cannot open the database file " + path + ": " + std::strerror(errno));
  }
  struct stat status {};
  const bool known = ::fstat(fd, &status) == 0;
  const bool regular = known && S_ISREG(status.st_mode);
  if (regular && (status.st_mode & 0077) != 0) (void)::fchmod(fd, 0600);  // not its owner: then its owner decides
  ::close(fd);
  if (!regular) throw Error(ErrorCode::invalid_argument, "The database " + path + " is not a regular file");
}

// ---- the database

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(const DatabaseUrl& url, const DatabaseOptions& options)
      : url_(url),
        options_(options),
        lock_(url.path),
        writer_place_(1),
        reader_places_(options.connections) {
    prepare_file(url.path);
    writer_ = std::make_unique<SqliteSession>(url.path, options, true);
  }
  ~SqliteDatabase() override { readers_.clear(); }  // before the writer, which checkpoints as the last one

  Dialect dialect() const override { return Dialect::sqlite; }
  std::string description() const override { return url_.description(); }
  std::vector<PoolFigures> figures() const override {
    const std::lock_guard lock(mutex_);
    return {reader_places_.figures("read", static_cast<int>(readers_.size())), writer_place_.figures("write", 1)};
  }
  const DatabaseUrl& url() const { return url_; }

  ReadSession read() override {
    if (!reader_places_.enter(seconds(options_.connect_timeout_seconds))) {
      throw busy("All " + std::to_string(options_.connections) + " connections to the database are in use");
    }
    try {
      {
        const std::lock_guard lock(mutex_);
        if (!idle_.empty()) {
          SqliteSession* session = idle_.back();
          idle_.pop_back();
          return make_read(this, session);
        }
      }
      auto fresh = std::make_unique<SqliteSession>(url_.path, options_, false);
      const std::lock_guard lock(mutex_);
      readers_.push_back(std::move(fresh));
      idle_.reserve(readers_.size());  // give_back() must not fail
      return make_read(this, readers_.back().get());
    } catch (...) {
      reader_places_.leave();
      throw;
    }
  }

  Transaction begin() override {
    if (!writer_place_.enter(seconds(options_.connect_timeout_seconds))) {
      throw busy("The database is busy with another change");
    }
    try {
      writer_->begin();
    } catch (...) {
      writer_place_.leave();
      throw;
    }
    return make_transaction(this, writer_.get());
  }

 protected:
  void give_back(Session* borrowed) noexcept override {
    auto* session = static_cast<SqliteSession*>(borrowed);
    if (session->writer()) {
      session->rollback();  // nothing to do after a commit
      writer_place_.leave();
      return;
    }
    session->rollback();
    {
      const std::lock_guard lock(mutex_);
      idle_.push_back(session);
    }
    reader_places_.leave();
  }
  void commit(Session* session) override { static_cast<SqliteSession*>(session)->commit(); }
  void rollback(Session* session) noexcept override { static_cast<SqliteSession*>(session)->rollback(); }

 private:
  static Error busy(std::string message) {
    Error error(ErrorCode::unavailable, std::move(message));
    error.retry_after = 1;
    return error;
  }

  const DatabaseUrl url_;
  const DatabaseOptions options_;
  const LockFile lock_;  ///< outlives the connections
  Turnstile writer_place_, reader_places_;
  std::unique_ptr<SqliteSession> writer_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<SqliteSession>> readers_;
  std::vector<SqliteSession*> idle_;
};

}  // namespace

std::unique_ptr<Database> open_sqlite(const DatabaseUrl& url, const DatabaseOptions& options) {
  return std::make_unique<SqliteDatabase>(url, options);
}

const DatabaseUrl* sqlite_url(const Database& database) {
  const auto* sqlite = dynamic_cast<const SqliteDatabase*>(&database);
  return sqlite ? &sqlite->url() : nullptr;
}

std::optional<int> sqlite_owner(const std::string& path) {
  const int fd = ::open((path + ".lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::optional<int> owner;
  if (::flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) owner = LockFile::read_pid(fd);
  ::close(fd);
  return owner;
}

}  // namespace caravan::storage
