#include <mysqld_error.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <soci/mysql/soci-mysql.h>
#include <soci/session.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

#include "storage/encode.h"
#include "storage/open.h"
#include "storage/pool.h"
#include "storage/statement_cache.h"

namespace caravan::storage {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Codes of MariaDB and MySQL that the headers do not name on every version.
constexpr unsigned int er_connection_killed = 1927;
constexpr unsigned int er_statement_timeout = 1969;
constexpr unsigned int er_query_timeout_mysql = 3024;
constexpr unsigned int er_lock_nowait_mysql = 3572;
constexpr unsigned int er_check_mysql = 3819;
constexpr unsigned int er_check_mariadb = 4025;
constexpr std::size_t first_buffer = 128;          ///< bytes of a text column, until a row needs more
constexpr std::size_t largest_kept = 64 * 1024;    ///< buffers above this are given up after use
constexpr std::size_t most_sent = 64;              ///< statements on their way at a time
constexpr auto ping_after = seconds(60);

bool is_lost(unsigned int code) {
  return code == CR_SERVER_GONE_ERROR || code == CR_SERVER_LOST || code == CR_SERVER_LOST_EXTENDED ||
         code == er_connection_killed || code == ER_SERVER_SHUTDOWN || code == CR_COMMANDS_OUT_OF_SYNC ||
         code == CR_MALFORMED_PACKET || code == 4031 /* closed by the server for idleness (MySQL 8) */;
}

/// Server texts that speak of the schema and the SQL only, never of a value.
bool text_is_safe(unsigned int code) {
  switch (code) {
    case ER_NO_SUCH_TABLE:
    case ER_BAD_FIELD_ERROR:
    case ER_PARSE_ERROR:
    case ER_TABLE_EXISTS_ERROR:
    case ER_DUP_FIELDNAME:
    case ER_DUP_KEYNAME:
    case ER_CANT_DROP_FIELD_OR_KEY:
    case ER_KEY_COLUMN_DOES_NOT_EXIST:
    case ER_TOO_BIG_ROWSIZE:
    case ER_TOO_LONG_KEY:
    case ER_TABLEACCESS_DENIED_ERROR:
    case ER_DBACCESS_DENIED_ERROR:
    case ER_SPECIFIC_ACCESS_DENIED_ERROR:
    case ER_BAD_TABLE_ERROR:
    case ER_UNKNOWN_SYSTEM_VARIABLE:
    case ER_CANT_CREATE_TABLE: return true;
    default: return false;
  }
}

/// The last 'quoted' or `quoted` word after `after`; the value in a message comes before it.
std::string quoted_after(std::string_view text, std::string_view after) {
  const auto at = text.rfind(after);
  if (at == std::string_view::npos) return {};
  std::string_view rest = text.substr(at + after.size());
  const auto open = rest.find_first_of("'`");
  if (open == std::string_view::npos) return {};
  const auto close = rest.find(rest[open], open + 1);
  if (close == std::string_view::npos) return {};
  return std::string(rest.substr(open + 1, close - open - 1));
}

Error column_error(std::string column, const char* code, const std::string& what) {
  if (column.empty()) return Error(ErrorCode::invalid_record, what);
  std::vector<FieldError> fields{{column, code, what}};
  return Error(ErrorCode::invalid_record, what + " (column " + column + ")", std::move(fields));
}

/// The Error for a server or client error code. `text` is the server's and may hold values.
Error translate(unsigned int code, std::string_view text) {
  const std::string number = "MariaDB error " + std::to_string(code);
  if (is_lost(code)) {
    Error error(ErrorCode::unavailable, "The connection to the database was lost");
    error.retry_after = 1;
    return error.add_context(number);
  }
  switch (code) {
    case ER_CHECKREAD:  // 1020, with innodb_snapshot_isolation
    case ER_LOCK_WAIT_TIMEOUT:
    case ER_LOCK_DEADLOCK:
    case er_lock_nowait_mysql: return lost_race(number);
    case ER_DUP_ENTRY:
    case ER_DUP_ENTRY_WITH_KEY_NAME: {
      std::string key = quoted_after(text, "for key ");
      if (const auto dot = key.rfind('.'); dot != std::string::npos) key.erase(0, dot + 1);  // MySQL 8: table.key
      return duplicate_key(std::move(key));
    }
    case er_check_mariadb: return constraint_violation(quoted_after(text, "CONSTRAINT "));
    case er_check_mysql: return constraint_violation(quoted_after(text, "Check constraint "));
    case ER_ROW_IS_REFERENCED:
    case ER_ROW_IS_REFERENCED_2: return foreign_key(false);
    case ER_NO_REFERENCED_ROW:
    case ER_NO_REFERENCED_ROW_2: return foreign_key(true);
    case ER_DATA_TOO_LONG:
      return column_error(quoted_after(text, "for column "), "too_long", "A text is too long for its column");
    case ER_WARN_DATA_OUT_OF_RANGE:
      return column_error(quoted_after(text, "for column "), "out_of_range", "A number is out of its column's range");
    case ER_BAD_NULL_ERROR: return column_error(quoted_after(text, "Column "), "required", "A value is missing");
    case ER_DATA_OUT_OF_RANGE:
      return Error(ErrorCode::invalid_record, "A number is out of range").add_context(number);
    case ER_DIVISION_BY_ZERO: return Error(ErrorCode::invalid_record, "A number was divided by zero").add_context(number);
    case ER_TRUNCATED_WRONG_VALUE:
    case ER_TRUNCATED_WRONG_VALUE_FOR_FIELD:
    case WARN_DATA_TRUNCATED:
      return Error(ErrorCode::invalid_record, "A value does not fit the type of its column").add_context(number);
    case ER_NET_PACKET_TOO_LARGE:
    case CR_NET_PACKET_TOO_LARGE:
      return Error(ErrorCode::too_large, "The data is larger than the database takes at once (setting max_allowed_packet)")
          .add_context(number);
    case er_statement_timeout:
    case er_query_timeout_mysql:
    case ER_QUERY_INTERRUPTED:
      return Error(ErrorCode::unavailable, "The database took too long for a statement, which was stopped").add_context(number);
    default: break;
  }
  std::string message = "The database refused a statement (" + number;
  if (text_is_safe(code)) message.append(": ").append(text);
  return Error(ErrorCode::internal, message + ")");
}

std::int32_t to_days(const MYSQL_TIME& t) {
  const std::chrono::year_month_day ymd{std::chrono::year{static_cast<int>(t.year)}, std::chrono::month{t.month},
                                        std::chrono::day{t.day}};
  return static_cast<std::int32_t>(std::chrono::sys_days{ymd}.time_since_epoch().count());
}

void set_day(MYSQL_TIME& t, std::int64_t days) {
  const std::chrono::year_month_day ymd{std::chrono::sys_days{std::chrono::days{days}}};
  t.year = static_cast<unsigned int>(static_cast<int>(ymd.year()));
  t.month = static_cast<unsigned>(ymd.month());
  t.day = static_cast<unsigned>(ymd.day());
}

constexpr std::int64_t micros_per_second = 1'000'000;
constexpr std::int64_t micros_per_day = 86'400 * micros_per_second;

MYSQL_TIME to_mysql(Date date) {
  MYSQL_TIME t{};
  t.time_type = MYSQL_TIMESTAMP_DATE;
  set_day(t, date.days);
  return t;
}

MYSQL_TIME to_mysql(Timestamp at) {
  MYSQL_TIME t{};
  t.time_type = MYSQL_TIMESTAMP_DATETIME;
  std::int64_t days = at.micros / micros_per_day;
  std::int64_t rest = at.micros % micros_per_day;
  if (rest < 0) {
    rest += micros_per_day;
    --days;
  }
  set_day(t, days);
  t.second_part = static_cast<unsigned long>(rest % micros_per_second);
  rest /= micros_per_second;
  t.hour = static_cast<unsigned>(rest / 3600);
  t.minute = static_cast<unsigned>(rest / 60 % 60);
  t.second = static_cast<unsigned>(rest % 60);
  return t;
}

Timestamp to_timestamp(const MYSQL_TIME& t) {
  const std::int64_t in_day = t.hour * 3600LL + t.minute * 60LL + t.second;
  return Timestamp{to_days(t) * micros_per_day + in_day * micros_per_second + static_cast<std::int64_t>(t.second_part)};
}

class MysqlSession;

struct StatementCloser {
  void operator()(MYSQL_STMT* s) const { mysql_stmt_close(s); }
};

class MysqlStatement final : public Statement {
 public:
  MysqlStatement(MysqlSession& session, const std::string& sql);

  void bind_null(int index) override { parameter(index, MYSQL_TYPE_NULL); }
  void bind(int index, std::int64_t value) override { parameter(index, MYSQL_TYPE_LONGLONG).integer = value; }
  void bind(int index, double value) override { parameter(index, MYSQL_TYPE_DOUBLE).real = value; }
  void bind(int index, std::string_view value) override { bind_text(index, value, MYSQL_TYPE_STRING, value.size() <= 4096); }
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
  void send() override;
  void finish() override;
  /// Reads the answer to send(); what it says is kept for finish().
  void receive() noexcept;
  bool is_null(int column) override { return cell(column).null != 0; }
  std::int64_t integer(int column) override;
  double real(int column) override;
  std::string_view text(int column) override;
  expr::Value value(int column, const ColumnType& type) override;
  std::int64_t affected() override { return affected_; }

  bool in_use = false, broken = false, listed = false;
  std::uint64_t last_use = 0;

 private:
  struct Parameter {
    std::int64_t integer = 0;
    double real = 0;
    MYSQL_TIME time{};
    std::string copy;
    unsigned long length = 0;
    bool bound = false;
  };
  struct Cell {
    std::int64_t integer = 0;
    double real = 0;
    MYSQL_TIME time{};
    std::vector<char> text;
    std::string scratch;
    unsigned long length = 0;
    my_bool null = 0, error = 0;
    enum_field_types type = MYSQL_TYPE_STRING;  ///< LONGLONG, DOUBLE, DATE, DATETIME or STRING
  };
  enum class State : std::uint8_t { binding, sent, row, done };

  Parameter& parameter(int index, enum_field_types type);
  void bind_parameters();
  void bind_text(int index, std::string_view value, enum_field_types type, bool copy);
  void bind_checked(int index, const expr::Value& value);
  void define_columns();
  void fit_buffer(std::size_t column, std::size_t bytes);
  void grow_truncated();
  void execute();
  void free_result();
  Cell& cell(int column);
  [[noreturn]] void fail();

  MysqlSession& session_;
  const std::string& sql_;  // the cache's key
  std::unique_ptr<MYSQL_STMT, StatementCloser> statement_;
  std::vector<Parameter> parameters_;
  std::vector<MYSQL_BIND> parameter_binds_;
  std::vector<Cell> cells_;
  std::vector<MYSQL_BIND> cell_binds_;
  bool rebind_parameters_ = true;  ///< types or places have changed since the library was told
  bool rebind_result_ = true;
  bool result_open_ = false;
  bool failed_ = false;            ///< as the answer to send() said
  State state_ = State::binding;
  std::int64_t affected_ = 0;
};

class MysqlSession final : public Session {
 public:
  MysqlSession(const DatabaseUrl& url, const DatabaseOptions& options);

  Dialect dialect() const override { return Dialect::mysql; }
  Statement& prepare(std::string_view sql) override {
    check_usable();
    return cache_.get(sql, [this](const std::string& key) { return std::make_unique<MysqlStatement>(*this, key); });
  }
  void execute(std::string_view sql) override;
  std::uint64_t statement_count() const override { return count_; }

  MYSQL* connection() const { return connection_; }
  void counted() { ++count_; }
  /// Answers to come are read before anything else is said.
  void settle() noexcept;
  bool can_send() const { return can_send_ && unanswered_.size() < most_sent; }
  void skip_answers(bool skip) { mysql_optionsv(connection_, MARIADB_OPT_SKIP_READ_RESPONSE, skip ? &yes_ : &no_); }
  /// Before sending, so that neither sent() nor settle() can fail.
  void make_room() {
    unanswered_.reserve(unanswered_.size() + 1);
    unfinished_.reserve(unfinished_.size() + unanswered_.size() + 1);
  }
  void sent(MysqlStatement& statement) { unanswered_.push_back(&statement); }
  void answered(MysqlStatement& statement) { unfinished_.push_back(&statement); }
  /// False where nobody waits for the outcome any more.
  bool finished(MysqlStatement& statement) { return std::erase(unfinished_, &statement) > 0; }
  void doom() { doomed_ = !autocommit_; }
  bool lost() const { return lost_; }
  void check_usable() const;
  /// Remembers what the error means for the session and gives the Error to throw.
  Error failed(unsigned int code, std::string_view text, std::string_view sql);
  bool alive() { return mysql_ping(connection_) == 0; }
  bool in_transaction() const { return (connection_->server_status & SERVER_STATUS_IN_TRANS) != 0; }
  void set_autocommit(bool on);
  bool autocommit() const { return autocommit_; }
  void commit();
  void rollback() noexcept;
  void trim() { cache_.trim(); }

  Clock::time_point last_used = Clock::now();

 private:
  static soci::connection_parameters parameters(const DatabaseUrl& url, const DatabaseOptions& options);
  void set_up(const DatabaseUrl& url, const DatabaseOptions& options);

  soci::session soci_;
  MYSQL* connection_ = nullptr;
  StatementCache<MysqlStatement> cache_;  // destroyed before the connection
  std::vector<MysqlStatement*> unanswered_, unfinished_;  ///< in the order of sending
  my_bool yes_ = 1, no_ = 0;
  bool can_send_ = false;
  std::uint64_t count_ = 0;
  bool autocommit_ = true;
  bool lost_ = false;
  bool doomed_ = false;  ///< the transaction lost a race; the server may have rolled it back already
};

// ---- statements

MysqlStatement::MysqlStatement(MysqlSession& session, const std::string& sql) : session_(session), sql_(sql) {
  session.settle();
  statement_.reset(mysql_stmt_init(session.connection()));
  if (!statement_) throw Error(ErrorCode::internal, "Out of memory for a database statement");
  if (mysql_stmt_prepare(statement_.get(), sql.data(), sql.size()) != 0) {
    throw session.failed(mysql_stmt_errno(statement_.get()), mysql_stmt_error(statement_.get()), sql);
  }
  const std::size_t count = mysql_stmt_param_count(statement_.get());
  parameters_.resize(count);
  parameter_binds_.resize(count);
  for (std::size_t i = 0; i < count; ++i) parameter_binds_[i].length = &parameters_[i].length;
  define_columns();
}

/// As what the client library is asked for a column of this type.
static enum_field_types fetched_as(enum_field_types type) {
  switch (type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_YEAR: return MYSQL_TYPE_LONGLONG;
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_DOUBLE: return MYSQL_TYPE_DOUBLE;
    case MYSQL_TYPE_DATE: return MYSQL_TYPE_DATE;
    case MYSQL_TYPE_DATETIME:
    case MYSQL_TYPE_TIMESTAMP: return MYSQL_TYPE_DATETIME;
    default: return MYSQL_TYPE_STRING;
  }
}

void MysqlStatement::define_columns() {
  const std::unique_ptr<MYSQL_RES, void (*)(MYSQL_RES*)> meta(mysql_stmt_result_metadata(statement_.get()), mysql_free_result);
  if (!meta) return;
  const unsigned int count = mysql_num_fields(meta.get());
  const MYSQL_FIELD* fields = mysql_fetch_fields(meta.get());
  cells_.resize(count);
  cell_binds_.resize(count);
  for (unsigned int i = 0; i < count; ++i) {
    Cell& c = cells_[i];
    MYSQL_BIND& b = cell_binds_[i];
    b.is_null = &c.null;
    b.length = &c.length;
    b.error = &c.error;
    c.type = fetched_as(fields[i].type);
    switch (c.type) {
      case MYSQL_TYPE_LONGLONG: b.buffer = &c.integer; break;
      case MYSQL_TYPE_DOUBLE: b.buffer = &c.real; break;
      case MYSQL_TYPE_DATE:
      case MYSQL_TYPE_DATETIME: b.buffer = &c.time; break;
      default: fit_buffer(i, std::clamp<std::size_t>(fields[i].length, 16, first_buffer)); break;
    }
    b.buffer_type = c.type;
  }
}

void MysqlStatement::fit_buffer(std::size_t column, std::size_t bytes) {
  cells_[column].text = std::vector<char>(bytes);
  cell_binds_[column].buffer = cells_[column].text.data();
  cell_binds_[column].buffer_length = static_cast<unsigned long>(bytes);
  rebind_result_ = true;
}

MysqlStatement::Parameter& MysqlStatement::parameter(int index, enum_field_types type) {
  if (index < 1 || static_cast<std::size_t>(index) > parameters_.size()) {
    throw Error(ErrorCode::internal, "The statement has no parameter " + std::to_string(index)).add_context(for_log(sql_));
  }
  if (state_ != State::binding) reset();
  in_use = true;
  const auto i = static_cast<std::size_t>(index - 1);
  Parameter& p = parameters_[i];
  MYSQL_BIND& b = parameter_binds_[i];
  p.bound = true;
  if (b.buffer_type == type) return p;
  b.buffer_type = type;
  rebind_parameters_ = true;
  switch (type) {
    case MYSQL_TYPE_LONGLONG: b.buffer = &p.integer; break;
    case MYSQL_TYPE_DOUBLE: b.buffer = &p.real; break;
    case MYSQL_TYPE_DATE:
    case MYSQL_TYPE_DATETIME:
      b.buffer = &p.time;
      p.length = sizeof(MYSQL_TIME);
      break;
    default: break;
  }
  return p;
}

void MysqlStatement::bind_text(int index, std::string_view value, enum_field_types type, bool copy) {
  Parameter& p = parameter(index, type);
  MYSQL_BIND& b = parameter_binds_[static_cast<std::size_t>(index - 1)];
  if (copy || value.data() == nullptr) {
    p.copy.assign(value);
    value = p.copy;
  }
  // The client library only reads parameters, at the place that it was told, in the length of now.
  if (b.buffer != value.data()) {
    b.buffer = const_cast<char*>(value.data());
    rebind_parameters_ = true;
  }
  b.buffer_length = p.length = static_cast<unsigned long>(value.size());
}

void MysqlStatement::bind_checked(int index, const expr::Value& value) {
  if (value.is_null()) {
    bind_null(index);
  } else if (const auto* s = value.as<std::string>()) {
    bind_text(index, *s, MYSQL_TYPE_STRING, true);
  } else if (const auto* i = value.as<std::int64_t>()) {
    bind(index, *i);
  } else if (const auto* u = value.as<std::uint64_t>()) {
    bind(index, static_cast<std::int64_t>(*u));
  } else if (const auto* flag = value.as<bool>()) {
    bind(index, static_cast<std::int64_t>(*flag));
  } else if (const auto* d = value.as<double>()) {
    bind(index, *d);
  } else if (const auto* decimal = value.as<Decimal>()) {
    // As text of type decimal: a plain text would be compared with a decimal column as double.
    bind_text(index, format_decimal(*decimal), MYSQL_TYPE_NEWDECIMAL, true);
  } else if (const auto* date = value.as<Date>()) {
    parameter(index, MYSQL_TYPE_DATE).time = to_mysql(*date);
  } else if (const auto* at = value.as<Timestamp>()) {
    parameter(index, MYSQL_TYPE_DATETIME).time = to_mysql(*at);
  } else if (const auto* bytes = value.as<expr::Bytes>()) {
    bind_text(index, bytes->data, MYSQL_TYPE_BLOB, true);
  }
}

void MysqlStatement::bind_parameters() {
  session_.check_usable();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i].bound) {
      throw Error(ErrorCode::internal, "Parameter " + std::to_string(i + 1) + " of a statement is not bound").add_context(for_log(sql_));
    }
  }
  if (rebind_parameters_ && !parameters_.empty() && mysql_stmt_bind_param(statement_.get(), parameter_binds_.data()) != 0) fail();
  rebind_parameters_ = false;
  session_.counted();
  affected_ = 0;
}

void MysqlStatement::send() {
  bind_parameters();
  in_use = true;
  session_.make_room();
  if (!session_.can_send()) {
    session_.settle();
    failed_ = mysql_stmt_execute(statement_.get()) != 0;
    if (!failed_) affected_ = static_cast<std::int64_t>(mysql_stmt_affected_rows(statement_.get()));
    state_ = State::sent;
    session_.answered(*this);
    return;
  }
  session_.skip_answers(true);
  const int refused = mysql_stmt_execute(statement_.get());
  session_.skip_answers(false);
  if (refused != 0) {
    session_.settle();
    fail();
  }
  state_ = State::sent;
  failed_ = false;
  session_.sent(*this);
}

void MysqlStatement::receive() noexcept {
  MYSQL* connection = session_.connection();
  connection->net.pkt_nr = 1;  // answers count from their own question; the library has the last one's count
  failed_ = connection->methods->db_read_execute_response(statement_.get()) != 0;
  if (!failed_) affected_ = static_cast<std::int64_t>(mysql_stmt_affected_rows(statement_.get()));
}

void MysqlStatement::finish() {
  if (state_ != State::sent) {
    step();
    return;
  }
  session_.settle();
  session_.finished(*this);
  state_ = State::done;
  in_use = false;
  if (failed_) fail();
}

void MysqlStatement::execute() {
  session_.settle();
  bind_parameters();
  MYSQL_STMT* s = statement_.get();
  if (mysql_stmt_execute(s) != 0) fail();
  if (mysql_stmt_field_count(s) == 0) {
    affected_ = static_cast<std::int64_t>(mysql_stmt_affected_rows(s));
    return;
  }
  result_open_ = true;
  if (mysql_stmt_field_count(s) != cells_.size()) {
    broken = true;  // the table changed under a `SELECT *`
    throw lost_race("the result's columns changed");
  }
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (fetched_as(s->fields[i].type) == cells_[i].type || s->fields[i].type == MYSQL_TYPE_NULL) continue;
    define_columns();  // a column came back with another type since the statement was prepared
    rebind_result_ = true;
    break;
  }
  if (rebind_result_) {
    if (mysql_stmt_bind_result(s, cell_binds_.data()) != 0) fail();
    rebind_result_ = false;
  }
  // Stored on the client, so that other statements may run between the rows.
  if (mysql_stmt_store_result(s) != 0) {
    // The client library takes the rows that did not come for rows still to come, and would wait for them at the next execution.
    broken = true;
    fail();
  }
}

bool MysqlStatement::step() {
  if (state_ == State::done) return false;
  in_use = true;
  if (state_ == State::binding) {
    execute();
    state_ = State::row;
  }
  if (result_open_) {
    if (rebind_result_) {
      if (mysql_stmt_bind_result(statement_.get(), cell_binds_.data()) != 0) fail();
      rebind_result_ = false;
    }
    const int got = mysql_stmt_fetch(statement_.get());
    if (got == 0 || got == MYSQL_DATA_TRUNCATED) {
      grow_truncated();
      return true;
    }
    if (got != MYSQL_NO_DATA) fail();
  }
  free_result();
  state_ = State::done;
  in_use = false;
  return false;
}

void MysqlStatement::grow_truncated() {
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    Cell& c = cells_[i];
    if (c.null || c.type != MYSQL_TYPE_STRING || c.length <= c.text.size()) continue;
    std::size_t bytes = c.text.size();
    while (bytes < c.length) bytes *= 2;
    fit_buffer(i, bytes);
    MYSQL_BIND b = cell_binds_[i];
    if (mysql_stmt_fetch_column(statement_.get(), &b, static_cast<unsigned int>(i), 0) != 0) fail();
  }
}

void MysqlStatement::free_result() {
  if (!result_open_) return;
  mysql_stmt_free_result(statement_.get());
  result_open_ = false;
}

void MysqlStatement::reset() {
  if (state_ == State::sent) {
    session_.settle();
    if (session_.finished(*this) && failed_) session_.doom();  // what the transaction holds is not what was meant
  }
  free_result();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    parameters_[i].bound = false;
    if (parameters_[i].copy.capacity() > largest_kept) std::string().swap(parameters_[i].copy);
  }
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (cells_[i].text.size() > largest_kept) fit_buffer(i, first_buffer);
  }
  state_ = State::binding;
  in_use = false;
}

void MysqlStatement::fail() {
  const unsigned int code = mysql_stmt_errno(statement_.get());
  const std::string text = mysql_stmt_error(statement_.get());
  reset();
  if (code == CR_NEW_STMT_METADATA || code == ER_NEED_REPREPARE || code == ER_UNKNOWN_STMT_HANDLER) {
    broken = true;
    throw lost_race("the prepared statement went out of date");
  }
  throw session_.failed(code, text, sql_);
}

MysqlStatement::Cell& MysqlStatement::cell(int column) {
  if (state_ != State::row || column < 0 || static_cast<std::size_t>(column) >= cells_.size()) {
    throw Error(ErrorCode::internal, "The result has no column " + std::to_string(column) + " at this point").add_context(for_log(sql_));
  }
  return cells_[static_cast<std::size_t>(column)];
}

std::int64_t MysqlStatement::integer(int column) {
  const Cell& c = cell(column);
  if (c.null) return 0;
  if (c.type == MYSQL_TYPE_LONGLONG) return c.integer;
  return parse_integer(text(column));
}

double MysqlStatement::real(int column) {
  const Cell& c = cell(column);
  if (c.null) return 0;
  if (c.type == MYSQL_TYPE_DOUBLE) return c.real;
  if (c.type == MYSQL_TYPE_LONGLONG) return static_cast<double>(c.integer);
  return parse_real(text(column));
}

std::string_view MysqlStatement::text(int column) {
  Cell& c = cell(column);
  if (c.null) return {};
  switch (c.type) {
    case MYSQL_TYPE_LONGLONG: c.scratch = std::to_string(c.integer); break;
    case MYSQL_TYPE_DOUBLE: c.scratch = format_real(c.real); break;
    case MYSQL_TYPE_DATE: c.scratch = format_date(Date{to_days(c.time)}); break;
    case MYSQL_TYPE_DATETIME: c.scratch = format_timestamp(to_timestamp(c.time)); break;
    default: return {c.text.data(), c.length};
  }
  return c.scratch;
}

expr::Value MysqlStatement::value(int column, const ColumnType& type) {
  using Kind = ColumnType::Kind;
  const Cell& c = cell(column);
  if (c.null) return {};
  switch (type.kind) {
    case Kind::integer: return integer(column);
    case Kind::boolean: return integer(column) != 0;
    case Kind::real: return real(column);
    case Kind::text:
    case Kind::json: return text(column);
    case Kind::bytes: return expr::Bytes{std::string(text(column))};
    case Kind::decimal:
      if (const auto d = parse_decimal(text(column))) {
        if (const auto scaled = rescale(*d, type.scale)) return *scaled;
      }
      break;
    case Kind::date:
      if (c.type == MYSQL_TYPE_DATE || c.type == MYSQL_TYPE_DATETIME) return Date{to_days(c.time)};
      if (const auto d = parse_date(text(column))) return *d;
      break;
    case Kind::instant:
      if (c.type == MYSQL_TYPE_DATETIME) return to_timestamp(c.time);
      break;
  }
  throw Error(ErrorCode::internal, std::string("The database holds something that is not of type ") + to_string(type.kind) +
                                       " in column " + std::to_string(column))
      .add_context(for_log(sql_));
}

// ---- sessions

// SOCI exports no type information for its backends, which the sanitizer's check of the cast would need.
__attribute__((no_sanitize("vptr"))) MYSQL* connection_of(soci::session& session) {
  return static_cast<soci::mysql_session_backend*>(session.get_backend())->conn_;
}

/// In SOCI's connection string: quoted, with backslashes before what would end the quotes.
std::string connection_word(const char* key, std::string_view value) {
  std::string out = std::string(key) + "='";
  for (const char c : value) {
    if (c == '\'' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "' ";
}

soci::connection_parameters MysqlSession::parameters(const DatabaseUrl& url, const DatabaseOptions& options) {
  std::string s = connection_word("db", url.name) + connection_word("user", url.user);
  if (!url.password.empty()) s += connection_word("password", url.password);
  if (url.socket.empty()) {
    s += connection_word("host", url.host) + "port=" + std::to_string(url.port) + " ";
  } else {
    s += connection_word("unix_socket", url.socket);
  }
  if (!url.ssl_ca.empty()) s += connection_word("sslca", url.ssl_ca);
  s += "charset=utf8mb4 connect_timeout=" + std::to_string(options.connect_timeout_seconds);
  if (options.statement_timeout_seconds > 0) {
    // The server stops a statement first; this is for a server that has gone silent.
    const std::string limit = std::to_string(options.statement_timeout_seconds + 5);
    s += " read_timeout=" + limit + " write_timeout=" + limit;
  }
  return soci::connection_parameters(soci::mysql, s);
}

Error cannot_connect(const DatabaseUrl& url, unsigned int code, std::string_view text) {
  std::string message = "Cannot connect to the database " + url.description() + ": ";
  switch (code) {
    case ER_ACCESS_DENIED_ERROR:
    case ER_DBACCESS_DENIED_ERROR:
    case ER_ACCESS_DENIED_NO_PASSWORD_ERROR:
      return Error(ErrorCode::invalid_argument,
                   message + "the server refuses the user '" + url.user + "'; check user, password and grants");
    case ER_BAD_DB_ERROR:
      return Error(ErrorCode::invalid_argument, message + "the server has no database '" + url.name +
                                                    "'; create it with CREATE DATABASE `" + url.name + "` CHARACTER SET utf8mb4");
    case ER_CON_COUNT_ERROR: message += "the server has no free connection (setting max_connections)"; break;
    default: message.append(text).append(" (error ").append(std::to_string(code)).append(")"); break;
  }
  Error error(ErrorCode::unavailable, message);
  error.retry_after = 1;
  return error;
}

MysqlSession::MysqlSession(const DatabaseUrl& url, const DatabaseOptions& options) {
  try {
    soci_.open(parameters(url, options));
  } catch (const soci::mysql_soci_error& error) {
    throw cannot_connect(url, error.err_num_, error.what());
  } catch (const soci::soci_error&) {  // its text may hold the connection string
    throw cannot_connect(url, 0, "the client library refuses the connection's settings");
  }
  connection_ = connection_of(soci_);
  if (!url.ssl_ca.empty() && mysql_get_ssl_cipher(connection_) == nullptr) {
    throw Error(ErrorCode::unavailable, "The database " + url.description() + " does not offer TLS, which ssl_ca in its URL demands");
  }
  // A false server must not read this machine's files.
  const unsigned int no = 0;
  mysql_options(connection_, MYSQL_OPT_LOCAL_INFILE, &no);
  const int fd = static_cast<int>(mysql_get_socket(connection_));
  const int idle = 60, interval = 15, probes = 4;  // a dead network ends even a statement without time-out
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  // MySQL's own client library has neither; there every statement waits for its answer.
  can_send_ = connection_->methods != nullptr && connection_->methods->db_read_execute_response != nullptr;
  set_up(url, options);
}

void MysqlSession::set_up(const DatabaseUrl& url, const DatabaseOptions& options) {
  const bool mariadb = std::strstr(mysql_get_server_info(connection_), "MariaDB") != nullptr;
  const std::string limit = std::to_string(options.statement_timeout_seconds);
  try {
    // No padding: 'a' and 'a ' are two texts, in columns as in parameters.
    execute(mariadb ? "SET NAMES utf8mb4 COLLATE utf8mb4_nopad_bin" : "SET NAMES utf8mb4 COLLATE utf8mb4_0900_bin");
    execute(std::string("SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
                        "NO_ENGINE_SUBSTITUTION', time_zone='+00:00', innodb_lock_wait_timeout=10, lock_wait_timeout=60, ") +
            (mariadb ? "max_statement_time=" + limit : "max_execution_time=" + limit + "000"));
    execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ");
  } catch (Error& error) {
    throw Error(ErrorCode::unavailable, "The database " + url.description() + " refuses the session's settings: " + error.message());
  }
  if (mariadb) {
    // From 10.6.18 and 10.11.8: a write upon a stale read fails (1020, retried) instead of losing the other's update.
    static constexpr std::string_view sql = "SET SESSION innodb_snapshot_isolation=ON";
    if (mysql_real_query(connection_, sql.data(), sql.size()) != 0 && mysql_errno(connection_) != ER_UNKNOWN_SYSTEM_VARIABLE) {
      throw translate(mysql_errno(connection_), mysql_error(connection_));
    }
  }
  count_ = 0;
}

void MysqlSession::check_usable() const {
  if (lost_) {
    Error error(ErrorCode::unavailable, "The connection to the database was lost");
    error.retry_after = 1;
    throw error;
  }
  if (doomed_) throw lost_race("an earlier statement of this transaction lost a race");
}

Error MysqlSession::failed(unsigned int code, std::string_view text, std::string_view sql) {
  Error error = translate(code, text);
  if (is_lost(code)) lost_ = true;
  if (error.code() == ErrorCode::retry && !autocommit_) doomed_ = true;
  error.add_context(for_log(sql));
  return error;
}

void MysqlSession::settle() noexcept {
  for (MysqlStatement* statement : unanswered_) {
    statement->receive();
    unfinished_.push_back(statement);
  }
  unanswered_.clear();
}

void MysqlSession::execute(std::string_view sql) {
  check_usable();
  settle();
  ++count_;
  const auto fail = [&] { return failed(mysql_errno(connection_), mysql_error(connection_), sql); };
  if (mysql_send_query(connection_, sql.data(), static_cast<unsigned long>(sql.size())) != 0) throw fail();
  // Wait outside the client library, whose read time-out is too short for a change of the schema.
  pollfd waiting{static_cast<int>(mysql_get_socket(connection_)), POLLIN, 0};
  while (::poll(&waiting, 1, -1) < 0 && errno == EINTR) {
  }
  if (mysql_read_query_result(connection_) != 0) throw fail();
  if (mysql_field_count(connection_) != 0) {
    const std::unique_ptr<MYSQL_RES, void (*)(MYSQL_RES*)> result(mysql_store_result(connection_), mysql_free_result);
    if (!result) throw fail();
  }
}

void MysqlSession::set_autocommit(bool on) {
  if (autocommit_ == on) return;
  if (mysql_autocommit(connection_, on ? 1 : 0) != 0) throw failed(mysql_errno(connection_), mysql_error(connection_), "autocommit");
  autocommit_ = on;
}

void MysqlSession::commit() {
  check_usable();
  settle();
  while (!unfinished_.empty()) unfinished_.front()->finish();  // nobody asked what became of them
  ++count_;
  if (mysql_commit(connection_) != 0) {
    const unsigned int code = mysql_errno(connection_);
    Error error = failed(code, mysql_error(connection_), "COMMIT");
    if (is_lost(code)) {
      throw Error(ErrorCode::unavailable, "The connection to the database was lost while a change was being committed; "
                                          "it may or may not have been kept")
          .add_context("MariaDB error " + std::to_string(code));
    }
    throw error;
  }
}

void MysqlSession::rollback() noexcept {
  settle();
  unfinished_.clear();
  doomed_ = false;
  if (!lost_ && mysql_rollback(connection_) != 0) lost_ = true;
}

// ---- the pool

class MysqlDatabase final : public Database {
 public:
  MysqlDatabase(const DatabaseUrl& url, const DatabaseOptions& options)
      : url_(url), options_(options), places_(options.connections) {
    give_back(take(true));
  }

  Dialect dialect() const override { return Dialect::mysql; }
  ReadSession read() override { return make_read(this, take(true)); }
  Transaction begin() override { return make_transaction(this, take(false)); }
  std::string description() const override { return url_.description(); }
  std::vector<PoolFigures> figures() const override {
    const std::lock_guard lock(mutex_);
    return {places_.figures("any", static_cast<int>(sessions_.size()))};
  }
  const DatabaseUrl& url() const { return url_; }

 protected:
  void give_back(Session* borrowed) noexcept override;
  void commit(Session* session) override { static_cast<MysqlSession*>(session)->commit(); }
  void rollback(Session* session) noexcept override { static_cast<MysqlSession*>(session)->rollback(); }

 private:
  /// Transactions run on connections without autocommit, so that no round trip is spent on beginning one.
  MysqlSession* take(bool autocommit);
  MysqlSession* idle(bool autocommit);
  void close(const MysqlSession* session) noexcept;

  const DatabaseUrl url_;
  const DatabaseOptions options_;
  Turnstile places_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<MysqlSession>> sessions_;  ///< all of them
  std::vector<MysqlSession*> idle_;                      ///< the last one was used last
  Clock::time_point suspect_ = Clock::time_point::min(); ///< connections not used since then are pinged first
};

MysqlSession* MysqlDatabase::idle(bool autocommit) {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return nullptr;
  auto it = std::find_if(idle_.rbegin(), idle_.rend(), [&](const auto* s) { return s->autocommit() == autocommit; });
  if (it == idle_.rend()) {
    // A change of mode costs a round trip once; a new connection costs more, but makes both kinds available.
    if (sessions_.size() < static_cast<std::size_t>(options_.connections)) return nullptr;
    it = idle_.rbegin();
  }
  MysqlSession* session = *it;
  idle_.erase(std::next(it).base());
  return session;
}

MysqlSession* MysqlDatabase::take(bool autocommit) {
  if (!places_.enter(seconds(options_.connect_timeout_seconds))) {
    Error error(ErrorCode::unavailable, "All " + std::to_string(options_.connections) + " connections to the database are in use");
    error.retry_after = 1;
    throw error;
  }
  try {
    while (MysqlSession* session = idle(autocommit)) {
      bool check;
      {
        const std::lock_guard lock(mutex_);
        check = session->last_used < suspect_ || Clock::now() - session->last_used > ping_after;
      }
      try {
        if (!check || session->alive()) {
          session->set_autocommit(autocommit);
          return session;
        }
      } catch (const Error&) {  // gone: the next one
      }
      close(session);
    }
    auto fresh = std::make_unique<MysqlSession>(url_, options_);
    fresh->set_autocommit(autocommit);
    const std::lock_guard lock(mutex_);
    sessions_.push_back(std::move(fresh));
    return sessions_.back().get();
  } catch (...) {
    places_.leave();
    throw;
  }
}

void MysqlDatabase::close(const MysqlSession* session) noexcept {
  std::unique_ptr<MysqlSession> doomed;  // destroyed outside the lock
  const std::lock_guard lock(mutex_);
  const auto it = std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& s) { return s.get() == session; });
  if (it == sessions_.end()) return;
  doomed = std::move(*it);
  sessions_.erase(it);
}

void MysqlDatabase::give_back(Session* borrowed) noexcept {
  auto* session = static_cast<MysqlSession*>(borrowed);
  bool keep = false;
  try {
    session->trim();
    if (!session->lost() && session->in_transaction()) session->rollback();
    keep = !session->lost();
  } catch (...) {  // out of memory: the connection goes
  }
  if (keep) {
    const std::lock_guard lock(mutex_);
    session->last_used = Clock::now();
    try {
      idle_.push_back(session);
    } catch (...) {
      keep = false;
    }
  } else {
    const std::lock_guard lock(mutex_);
    suspect_ = Clock::now();  // the server may have restarted
  }
  if (!keep) close(session);
  places_.leave();
}

}  // namespace

const DatabaseUrl* mysql_url(const Database& database) {
  const auto* mysql = dynamic_cast<const MysqlDatabase*>(&database);
  return mysql ? &mysql->url() : nullptr;
}

std::unique_ptr<Database> open_mysql(const DatabaseUrl& url, const DatabaseOptions& options) {
  static const int initialised = mysql_library_init(0, nullptr, nullptr);  // before any thread connects
  if (initialised != 0) throw Error(ErrorCode::internal, "The MariaDB client library cannot be initialised");
  return std::make_unique<MysqlDatabase>(url, options);
}

}  // namespace caravan::storage
