#include "storage/stream.h"

#include <cppconn/connection.h>
#include <cppconn/driver.h>
#include <cppconn/exception.h>
#include <cppconn/resultset.h>
#include <cppconn/resultset_metadata.h>
#include <cppconn/statement.h>
#include <mysql_connection.h>
#include <mysql_driver.h>

#include <optional>

#include "storage/encode.h"
#include "storage/open.h"

namespace caravan::storage {
namespace {

/// SQLite: a reader of the pool, whose statements step.
class SqliteStream final : public Stream {
 public:
  SqliteStream(Database& database, Snapshot snapshot) : session_(database.read()) {
    if (snapshot == Snapshot::consistent) session_->execute("BEGIN");  // rolled back when the session is given back
  }
  ~SqliteStream() override {
    if (statement_ != nullptr) statement_->reset();
  }
  Statement& query(const std::string& sql, const std::vector<expr::Value>& parameters) override {
    if (statement_ != nullptr) statement_->reset();
    statement_ = &session_->prepare(sql);
    int index = 1;
    for (const auto& parameter : parameters) statement_->bind(index++, parameter);
    columns_ = 0;
    return *statement_;
  }
  Dialect dialect() const override { return Dialect::sqlite; }
  int columns() const override { return columns_; }

 private:
  ReadSession session_;
  Statement* statement_ = nullptr;
  int columns_ = 0;
};

[[noreturn]] void fail(const sql::SQLException& error, std::string_view sql) {
  // The server's text may repeat values, which must not be told.
  const int code = error.getErrorCode();
  const bool lost = code == 2006 || code == 2013 || code == 2002 || code == 2003 || code == 1045 || code == 1040;
  throw Error(lost ? ErrorCode::unavailable : ErrorCode::internal, "The database refused a query for a large result (error " + std::to_string(code) + ")")
      .add_context(for_log(sql));
}

/// The rows of an unbuffered result, which come as text.
class StreamedRows final : public Statement {
 public:
  StreamedRows(std::unique_ptr<sql::Statement> statement, const std::string& text) : statement_(std::move(statement)), sql_(text) {
    try {
      result_.reset(statement_->executeQuery(text));
      cells_.resize(result_->getMetaData()->getColumnCount());
    } catch (const sql::SQLException& error) {
      fail(error, sql_);
    }
  }
  ~StreamedRows() override { reset(); }
  int columns() const { return static_cast<int>(cells_.size()); }

  bool step() override {
    if (!result_) return false;
    try {
      if (!result_->next()) {
        result_.reset();
        ended_well();
        return false;
      }
    } catch (const sql::SQLException& error) {
      fail(error, sql_);
    }
    for (auto& cell : cells_) cell.read = false;
    return true;
  }
  void reset() override {
    try {
      result_.reset();
    } catch (const sql::SQLException&) {  // the connection goes with it
    }
  }
  bool is_null(int column) override { return cell(column).null; }
  std::int64_t integer(int column) override { return parse_integer(cell(column).text); }
  double real(int column) override { return parse_real(cell(column).text); }
  std::string_view text(int column) override { return cell(column).text; }
  expr::Value value(int column, const ColumnType& type) override {
    using Kind = ColumnType::Kind;
    const Cell& c = cell(column);
    if (c.null) return {};
    switch (type.kind) {
      case Kind::integer: return parse_integer(c.text);
      case Kind::boolean: return parse_integer(c.text) != 0;
      case Kind::real: return parse_real(c.text);
      case Kind::text:
      case Kind::json: return expr::Value(c.text);
      case Kind::bytes: return expr::Bytes{c.text};
      case Kind::decimal:
        if (const auto d = parse_decimal(c.text)) {
          if (const auto scaled = rescale(*d, type.scale)) return *scaled;
        }
        break;
      case Kind::date:
        if (const auto d = parse_date(c.text)) return *d;
        break;
      case Kind::instant: {
        std::string moment = c.text;
        if (moment.size() > 10) moment[10] = 'T';
        if (const auto t = parse_timestamp(moment + "Z")) return *t;
        break;
      }
    }
    throw Error(ErrorCode::internal, std::string("The database holds something that is not of type ") + to_string(type.kind) + " in column " + std::to_string(column))
        .add_context(for_log(sql_));
  }
  std::int64_t affected() override { return 0; }
  void bind_null(int) override { nothing_to_bind(); }
  void bind(int, std::int64_t) override { nothing_to_bind(); }
  void bind(int, double) override { nothing_to_bind(); }
  void bind(int, std::string_view) override { nothing_to_bind(); }
  void bind(int, const expr::Value&, const ColumnType&) override { nothing_to_bind(); }
  void bind(int, const expr::Value&) override { nothing_to_bind(); }
  void send() override { nothing_to_bind(); }
  void finish() override { nothing_to_bind(); }

 private:
  /// The library takes an error that the server sends instead of the next row (a query that was killed, or took too long) for the end
  /// of the rows.
  void ended_well() {
    const std::unique_ptr<sql::Statement> ask(statement_->getConnection()->createStatement());
    const std::unique_ptr<sql::ResultSet> told(ask->executeQuery("SHOW ERRORS LIMIT 1"));
    if (!told->next()) return;
    throw Error(ErrorCode::unavailable, "The database broke off a query for a large result (error " + std::to_string(told->getInt(2)) + ")").add_context(for_log(sql_));
  }
  struct Cell {
    bool read = false, null = true;
    std::string text;
  };
  [[noreturn]] static void nothing_to_bind() { throw Error(ErrorCode::internal, "A streamed result takes no parameters"); }
  const Cell& cell(int column) {
    Cell& c = cells_.at(static_cast<std::size_t>(column));
    if (c.read || !result_) return c;
    try {
      const auto text = result_->getString(static_cast<std::uint32_t>(column + 1));
      c.null = result_->wasNull();
      c.text.assign(text.c_str(), text.length());
      c.read = true;
    } catch (const sql::SQLException& error) {
      fail(error, sql_);
    }
    return c;
  }
  std::unique_ptr<sql::Statement> statement_;
  std::unique_ptr<sql::ResultSet> result_;
  std::vector<Cell> cells_;
  const std::string sql_;
};

/// The library keeps one, which it makes at the first call without a lock.
sql::mysql::MySQL_Driver* driver_instance() {
  static sql::mysql::MySQL_Driver* const driver = sql::mysql::get_mysql_driver_instance();
  return driver;
}

/// MariaDB: a connection of its own, since nothing else can be asked while rows come.
class MysqlStream final : public Stream {
 public:
  MysqlStream(const DatabaseUrl& url, Snapshot snapshot) {
    try {
      sql::mysql::MySQL_Driver* const driver = driver_instance();
      sql::ConnectOptionsMap options;
      options["hostName"] = sql::SQLString(url.socket.empty() ? "tcp://" + url.host + ":" + std::to_string(url.port) : "unix://" + url.socket);
      options["userName"] = sql::SQLString(url.user);
      options["password"] = sql::SQLString(url.password);
      options["schema"] = sql::SQLString(url.name);
      options["OPT_CONNECT_TIMEOUT"] = 5;
      options["OPT_CHARSET_NAME"] = sql::SQLString("utf8mb4");
      if (!url.ssl_ca.empty()) options["sslCA"] = sql::SQLString(url.ssl_ca);
      connection_.reset(driver->connect(options));
      const std::unique_ptr<sql::Statement> set(connection_->createStatement());
      const std::unique_ptr<sql::ResultSet> version(set->executeQuery("SELECT VERSION()"));
      const bool mariadb = version->next() && std::string(version->getString(1).c_str()).find("MariaDB") != std::string::npos;
      set->execute(mariadb ? "SET NAMES utf8mb4 COLLATE utf8mb4_nopad_bin" : "SET NAMES utf8mb4 COLLATE utf8mb4_0900_bin");
      // A client that is slow to read must not make the server give up.
      set->execute("SET SESSION net_write_timeout=600");
      // Nor one that does something else between two queries, or asks for much. Each server knows some of these; one that it does not know would
      // be an error that SHOW ERRORS tells again and again.
      std::string limits = "wait_timeout=604800";
      const std::unique_ptr<sql::ResultSet> known(set->executeQuery(
          "SHOW SESSION VARIABLES WHERE Variable_name IN ('idle_transaction_timeout', 'idle_readonly_transaction_timeout', 'max_statement_time', 'max_execution_time')"));
      while (known->next()) limits += ", SESSION " + std::string(known->getString(1).c_str()) + "=0";
      set->execute("SET SESSION " + limits);
      if (snapshot == Snapshot::consistent) {
        set->execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ");
        set->execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
      }
    } catch (const sql::SQLException& error) {
      fail(error, "connect");
    }
  }
  ~MysqlStream() override {
    rows_.reset();
    connection_.reset();
  }
  Statement& query(const std::string& sql, const std::vector<expr::Value>& parameters) override {
    rows_.reset();
    try {
      std::unique_ptr<sql::Statement> statement(connection_->createStatement());
      statement->setResultSetType(sql::ResultSet::TYPE_FORWARD_ONLY);  // unbuffered
      rows_.emplace(std::move(statement), filled(sql, parameters));
    } catch (const sql::SQLException& error) {
      fail(error, sql);
    }
    return *rows_;
  }
  Dialect dialect() const override { return Dialect::mysql; }
  int columns() const override { return rows_ ? rows_->columns() : 0; }

 private:
  /// Only plain statements stream, so the values stand in the text, escaped by the client library for this connection.
  std::string filled(const std::string& sql, const std::vector<expr::Value>& parameters) {
    std::string out;
    std::size_t next = 0;
    char quote = 0;
    for (const char c : sql) {
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (c == '\'' || c == '"' || c == '`') {
        quote = c;
      } else if (c == '?') {
        if (next == parameters.size()) throw Error(ErrorCode::internal, "A streamed query has more places than parameters").add_context(for_log(sql));
        out += literal(parameters[next++]);
        continue;
      }
      out += c;
    }
    if (next != parameters.size()) throw Error(ErrorCode::internal, "A streamed query has fewer places than parameters").add_context(for_log(sql));
    return out;
  }

  std::string literal(const expr::Value& value) {
    if (value.is_null()) return "NULL";
    if (const auto* i = value.as<std::int64_t>()) return std::to_string(*i);
    if (const auto* u = value.as<std::uint64_t>()) return std::to_string(*u);
    if (const auto* b = value.as<bool>()) return *b ? "1" : "0";
    if (const auto* d = value.as<double>()) return "(" + format_real(*d) + " + 0e0)";
    if (const auto* d = value.as<Decimal>()) return "CAST('" + format_decimal(*d) + "' AS DECIMAL(38," + std::to_string(d->scale) + "))";
    if (const auto* d = value.as<Date>()) return "DATE'" + format_date(*d) + "'";
    if (const auto* t = value.as<Timestamp>()) {
      std::string text = format_timestamp(*t);
      text[10] = ' ';
      text.pop_back();  // Z
      return "TIMESTAMP'" + text + "'";
    }
    const auto* text = value.as<std::string>();
    if (text == nullptr) throw Error(ErrorCode::internal, "A value of this kind cannot stand in a query");
    auto& connection = dynamic_cast<sql::mysql::MySQL_Connection&>(*connection_);
    const auto escaped = connection.escapeString(sql::SQLString(text->data(), text->size()));
    return "'" + std::string(escaped.c_str(), escaped.length()) + "'";
  }

  std::unique_ptr<sql::Connection> connection_;
  std::optional<StreamedRows> rows_;
};

}  // namespace

std::unique_ptr<Stream> Stream::open(Database& database, Snapshot snapshot) {
  if (const DatabaseUrl* url = mysql_url(database)) return std::make_unique<MysqlStream>(*url, snapshot);
  return std::make_unique<SqliteStream>(database, snapshot);
}

}  // namespace caravan::storage
