#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "expr/value.h"
#include "model/catalog.h"

/// Connections, transactions and prepared statements on MariaDB/MySQL and SQLite. SOCI owns the connections;
/// statements are the client library's own prepared statements on SOCI's connection, cached per connection.
namespace caravan::storage {

enum class Dialect : std::uint8_t { sqlite, mysql };

/// How a value is kept in a column; decides encoding (SQLite keeps decimals scaled in INTEGER, instants as µs).
struct ColumnType {
  enum class Kind : std::uint8_t { integer, boolean, real, text, decimal, date, instant, json, bytes } kind = Kind::integer;
  std::uint8_t scale = 0;        ///< of decimal
  std::uint32_t max_length = 0;  ///< of text, in characters; 0: unbounded
};
ColumnType column_type(const model::Field& field);

/// A prepared statement, borrowed from its session: valid until the session is given back. One use at a time:
/// bind from 1 (every parameter, each time), step until false, reset() before the next use. Preparing the same SQL again
/// while one is in use gives another statement. Other statements may run between two steps. After an error the
/// statement is reset. Errors are caravan::Error (see Session).
class Statement {
 public:
  virtual ~Statement() = default;
  virtual void bind_null(int index) = 0;
  virtual void bind(int index, std::int64_t value) = 0;
  virtual void bind(int index, double value) = 0;
  /// The bytes are copied or sent before step() returns; `value` must live until then.
  virtual void bind(int index, std::string_view value) = 0;
  /// Encodes by column type; null binds NULL. Throws invalid_argument where the value does not fit the type.
  virtual void bind(int index, const expr::Value& value, const ColumnType& type) = 0;
  /// Encodes by the value's own type: decimals are bound so that they compare with a decimal column on either dialect
  /// (on SQLite as scaled by the value's own scale, so the caller gives it the column's scale first).
  virtual void bind(int index, const expr::Value& value) = 0;
  /// Executes on the first call; true while there is a row. Results are read to the end or dropped by reset().
  virtual bool step() = 0;
  virtual void reset() = 0;
  /// Executes a statement without a result, and does not wait: several statements that are sent one after the other travel
  /// together. Each is then ended by finish(), in the order of sending, which throws what the database said of it; those
  /// sent after one that failed were executed all the same. SQLite executes at finish().
  virtual void send() = 0;
  virtual void finish() = 0;
  virtual bool is_null(int column) = 0;          ///< columns count from 0
  virtual std::int64_t integer(int column) = 0;
  virtual double real(int column) = 0;
  virtual std::string_view text(int column) = 0; ///< valid until the next step() or reset()
  virtual expr::Value value(int column, const ColumnType& type) = 0;
  virtual std::int64_t affected() = 0;           ///< rows changed by the last execution
};

/// One connection in use by one thread.
/// Errors: ErrorCode::retry for deadlock, lock wait time-out, busy; conflict for a duplicate key (context holds the key's
/// name, see DuplicateKey) or for a reference that is missing or in use (see ForeignKey); invalid_record where a constraint
/// refuses the row (see ConstraintViolation) or a value does not fit its column; unavailable where the connection is lost or
/// a statement took too long; internal otherwise. Bound values never appear in messages or context. After a retry or a lost
/// connection every further statement of the transaction, and its commit, fails too.
class Session {
 public:
  virtual ~Session() = default;
  virtual Dialect dialect() const = 0;
  /// From the session's cache, or prepared now.
  virtual Statement& prepare(std::string_view sql) = 0;
  /// DDL and other statements without parameters; a result is dropped. Not bounded by the client's statement time-out.
  virtual void execute(std::string_view sql) = 0;
  /// Statements executed by this session so far, for tests and the bench.
  virtual std::uint64_t statement_count() const = 0;
};

/// Thrown (as a conflict) when a unique key refuses a row. The key's name is that of the index (see index_name in schema.h),
/// `PRIMARY` for the id; it may be null.
struct DuplicateKey {
  static bool is(const Error& error, std::string* key_name);
};

/// Thrown (as invalid_record) when a CHECK constraint, or a trigger with `RAISE(ABORT, 'caravan:NAME')`, refuses a row.
struct ConstraintViolation {
  static bool is(const Error& error, std::string* constraint_name);
};

/// Thrown (as a conflict) when a reference points at nothing, or the row is still pointed at.
struct ForeignKey {
  static bool is(const Error& error);
};

class Database;

/// A pooled session for reading; each statement sees what was committed when it started. Returned by the destructor.
class ReadSession {
 public:
  ~ReadSession();
  ReadSession(ReadSession&&) noexcept;
  ReadSession& operator=(ReadSession&&) = delete;
  Session& operator*() const { return *session_; }
  Session* operator->() const { return session_; }

 private:
  friend class Database;
  ReadSession(Database* database, Session* session) : database_(database), session_(session) {}
  Database* database_;
  Session* session_;
};

/// A transaction on one connection; rolled back by the destructor unless committed. On SQLite it holds the single
/// writer connection (BEGIN IMMEDIATE), on MariaDB a pooled one.
class Transaction {
 public:
  ~Transaction();
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  Session& operator*() const { return *session_; }
  Session* operator->() const { return session_; }
  void commit();

 private:
  friend class Database;
  Transaction(Database* database, Session* session) : database_(database), session_(session) {}
  Database* database_;
  Session* session_;
  bool open_ = true;
};

struct DatabaseOptions {
  int connections = 16;              ///< pool size on MariaDB; readers on SQLite
  int connect_timeout_seconds = 5;   ///< also the longest wait for a pooled connection, or SQLite's writer
  int statement_timeout_seconds = 30;///< 0: none
};

/// Connections of one kind, at this moment.
struct PoolFigures {
  const char* kind = "";             ///< `any` on MariaDB; `read` and `write` on SQLite
  int size = 0;                      ///< most at once
  int used = 0;
  int open = 0;                      ///< connected, whether used or not
  int waiting = 0;                   ///< threads that wait for one
  std::int64_t timeouts = 0;         ///< how often one waited in vain since the start
};

/// Thread-safe. URLs: `sqlite:///absolute/path.db`, `mysql://user:password@host:port/name`,
/// `mysql://user:password@/name?socket=/path` (percent-encoding honoured; `ssl_ca=/path` demands TLS). Outlives its sessions.
class Database {
 public:
  /// Connects once to check; throws unavailable or invalid_argument with a message for an administrator.
  static std::unique_ptr<Database> open(const std::string& url, const DatabaseOptions& options = {});
  virtual ~Database() = default;
  virtual Dialect dialect() const = 0;
  /// Blocks while all connections are in use, at most the connect time-out, then unavailable.
  virtual ReadSession read() = 0;
  virtual Transaction begin() = 0;
  /// Process that holds the SQLite database of `url` open (through this class); nullopt where none does, or for MariaDB.
  static std::optional<int> owner(const std::string& url);
  /// Runs `work` in a transaction and commits; again, at most `attempts` times in all with jittered back-off, on
  /// ErrorCode::retry. Throws unavailable where the last attempt lost too.
  void transact(const std::function<void(Session&)>& work, int attempts = 5);
  /// The URL without its password, for messages.
  virtual std::string description() const = 0;
  /// For monitoring.
  virtual std::vector<PoolFigures> figures() const = 0;

 protected:
  friend class ReadSession;
  friend class Transaction;
  virtual void give_back(Session* session) noexcept = 0;
  virtual void commit(Session* session) = 0;
  virtual void rollback(Session* session) noexcept = 0;
  static ReadSession make_read(Database* database, Session* session) { return {database, session}; }
  static Transaction make_transaction(Database* database, Session* session) { return {database, session}; }
};

/// `` `name` `` or `"name"`; names come from the Catalog, never from requests.
std::string quote(Dialect dialect, std::string_view name);

}  // namespace caravan::storage
