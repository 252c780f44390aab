#include "records/bulk.h"

#include <algorithm>

namespace caravan::records {
namespace {

constexpr std::size_t rows_per_transaction = 100;

/// Rolls an atomic run back.
struct Spoiled {};

/// Of this thread: one inside another has a name of its own.
thread_local int open_savepoints = 0;

/// Does the rows from `begin` to `end` one after the other, each in a savepoint of its own; whether none was refused.
bool do_rows(Work& work, std::size_t begin, std::size_t end, const RowStep& step, std::vector<RowResult>& results) {
  bool all = true;
  for (std::size_t row = begin; row < end; ++row) {
    Savepoint savepoint(work.session());
    try {
      results.push_back(step(work, row));
      savepoint.keep();
    } catch (const Error& error) {
      if (!is_refusal(error)) throw;
      savepoint.undo();
      results.push_back({0, 0, error, 0});
      all = false;
    }
  }
  return all;
}

}  // namespace

Savepoint::Savepoint(storage::Session& session) : session_(session), name_("gate_row" + std::to_string(open_savepoints)) {
  const std::string sql = "SAVEPOINT " + name_;
  if (session.dialect() == storage::Dialect::mysql) {
    try {
      storage::Statement& statement = session.prepare(sql);
      statement.send();
      sent_ = &statement;
    } catch (const Error& error) {  // MySQL prepares none
      if (error.code() != ErrorCode::internal) throw;
    }
  }
  if (sent_ == nullptr) session.execute(sql);
  ++open_savepoints;
}

Savepoint::~Savepoint() {
  if (open_) {
    try {
      undo();
    } catch (const Error&) {  // the transaction is doomed, and its commit fails
    }
  }
  --open_savepoints;
}

void Savepoint::keep() {
  if (sent_ == nullptr) session_.execute("RELEASE SAVEPOINT " + name_);
  else sent_->finish();
  open_ = false;
}

void Savepoint::undo() {
  open_ = false;
  if (sent_ != nullptr) sent_->finish();
  session_.execute("ROLLBACK TO SAVEPOINT " + name_);
  session_.execute("RELEASE SAVEPOINT " + name_);
}

bool is_refusal(const Error& error) {
  switch (error.code()) {
    case ErrorCode::retry:
    case ErrorCode::unavailable:
    case ErrorCode::internal: return false;
    default: return true;
  }
}

std::vector<RowResult> run_rows(const RecordService& records, const Context& context, std::size_t rows, bool atomic, const RowStep& step,
                                const std::function<void(const std::vector<RowResult>&)>& reply) {
  std::vector<RowResult> results;
  const std::size_t batch = atomic ? std::max<std::size_t>(rows, 1) : rows_per_transaction;
  const bool inside = atomic && context.once != nullptr;
  for (std::size_t begin = 0; begin < rows; begin += batch) {
    const std::size_t end = std::min(rows, begin + batch);
    try {
      records.transact(
          context,
          [&](Work& work) {
            results.resize(begin);  // a batch that lost a race runs again from its start
            const bool all = do_rows(work, begin, end, step, results);
            if (atomic && !all) throw Spoiled();
            if (inside && reply) reply(results);
          },
          static_cast<std::int64_t>(end - begin));
    } catch (const Spoiled&) {
      return results;
    } catch (const Error& error) {
      if (begin == 0 || atomic) throw;
      // What is done stays done, so each row is told what became of it; sent again, the rest would be all that is left to do.
      results.resize(begin);
      results.resize(rows, {0, 0, error, 0});
      break;
    }
  }
  if (!inside && reply) reply(results);
  return results;
}

std::vector<RowResult> try_rows(const RecordService& records, const Context& context, std::size_t rows, const RowStep& step) {
  std::vector<RowResult> results;
  try {
    records.transact(
        context,
        [&](Work& work) {
          results.clear();
          do_rows(work, 0, rows, step, results);
          throw Spoiled();
        },
        static_cast<std::int64_t>(std::max<std::size_t>(rows, 1)));
  } catch (const Spoiled&) {  // as it should be
  }
  return results;
}

}  // namespace caravan::records
