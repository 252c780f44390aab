#include "storage/database.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>
#include <utility>

#include "storage/open.h"
#include "storage/url.h"

namespace caravan::storage {

ReadSession::~ReadSession() {
  if (session_) database_->give_back(session_);
}

ReadSession::ReadSession(ReadSession&& other) noexcept
    : database_(other.database_), session_(std::exchange(other.session_, nullptr)) {}

Transaction::~Transaction() {
  if (!session_) return;
  if (open_) database_->rollback(session_);
  database_->give_back(session_);
}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(other.database_), session_(std::exchange(other.session_, nullptr)), open_(std::exchange(other.open_, false)) {}

void Transaction::commit() {
  if (!open_) throw Error(ErrorCode::internal, "A transaction was committed twice");
  database_->commit(session_);
  open_ = false;
}

std::unique_ptr<Database> Database::open(const std::string& url, const DatabaseOptions& options) {
  const DatabaseUrl parsed = parse_url(url);
  if (options.connections < 1 || options.connections > 1000) {
    throw Error(ErrorCode::invalid_argument, "The number of database connections must be from 1 to 1000");
  }
  if (options.connect_timeout_seconds < 1 || options.statement_timeout_seconds < 0) {
    throw Error(ErrorCode::invalid_argument, "The database time-outs must be positive numbers of seconds");
  }
  return parsed.dialect == Dialect::sqlite ? open_sqlite(parsed, options) : open_mysql(parsed, options);
}

std::optional<int> Database::owner(const std::string& url) {
  const DatabaseUrl parsed = parse_url(url);
  return parsed.dialect == Dialect::sqlite ? sqlite_owner(parsed.path) : std::nullopt;
}

void Database::transact(const std::function<void(Session&)>& work, int attempts) {
  for (int attempt = 1;; ++attempt) {
    try {
      Transaction transaction = begin();
      work(*transaction);
      transaction.commit();
      return;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::retry) throw;
      if (attempt >= attempts) {
        Error busy(ErrorCode::unavailable, "The database is busy with changes to the same records; try again in a moment");
        for (const std::string& line : error.context()) busy.add_context(line);
        busy.add_context("gave up after " + std::to_string(attempts) + " attempts");
        busy.retry_after = 1;
        throw busy;
      }
    }
    // Full jitter: two losers of one race must not meet again.
    thread_local std::minstd_rand random(std::random_device{}());
    const int most = std::min(2000 << std::min(attempt, 6), 100'000);
    std::this_thread::sleep_for(std::chrono::microseconds(std::uniform_int_distribution<int>(100, most)(random)));
  }
}

std::string quote(Dialect dialect, std::string_view name) {
  const char mark = dialect == Dialect::mysql ? '`' : '"';
  std::string out(1, mark);
  for (const char c : name) {
    if (c == mark) out.push_back(mark);
    out.push_back(c);
  }
  out.push_back(mark);
  return out;
}

ColumnType column_type(const model::Field& field) {
  using Kind = ColumnType::Kind;
  using model::FieldType;
  switch (field.type) {
    case FieldType::id:
    case FieldType::ref:
    case FieldType::file:
    case FieldType::image:
    case FieldType::integer: return {Kind::integer, 0, 0};
    case FieldType::boolean: return {Kind::boolean, 0, 0};
    case FieldType::text: return {Kind::text, 0, field.sensitive ? 0 : field.max_length};  // sealed, it is longer
    case FieldType::choice: return {Kind::text, 0, choice_length};
    case FieldType::decimal:
    case FieldType::money: return {Kind::decimal, field.scale, 0};
    case FieldType::date: return {Kind::date, 0, 0};
    case FieldType::instant: return {Kind::instant, 0, 0};
    case FieldType::multi:
    case FieldType::refs:
    case FieldType::localized:
    case FieldType::json: return {Kind::json, 0, 0};
  }
  throw Error(ErrorCode::internal, "The field " + field.name + " is of a type that the database layer does not know");
}

}  // namespace caravan::storage
