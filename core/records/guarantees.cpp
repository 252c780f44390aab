#include <algorithm>
#include <tuple>

#include "base/error.h"
#include "records/messages.h"
#include "records/work.h"
#include "storage/query.h"

// Locks of rows that a write hangs on, numbers without gaps, ledgers.

namespace caravan::records {

void TransactionWork::lock_guarded(const Record& record, const Record* before) {
  std::vector<RowLock> rows;
  locked_.clear();
  collect_parents(before, &record, rows);
  const std::size_t parents = rows.size();
  collect_resources(record, before, rows);
  // SQLite has one writer: only rows that are read are fetched.
  if (session_.dialect() == storage::Dialect::sqlite) rows.resize(parents);
  lock_rows(std::move(rows), &locked_);
}

void TransactionWork::lock_rows(std::vector<RowLock> rows, std::vector<Record>* kept) {
  const auto before = [](const RowLock& a, const RowLock& b) { return std::tie(a.id, a.counter) < std::tie(b.id, b.counter); };
  std::sort(rows.begin(), rows.end(), before);
  for (const RowLock& row : rows) {
    if (row.entity == nullptr || std::find(deleting_.begin(), deleting_.end(), row.id) != deleting_.end()) continue;
    if (kept != nullptr && !kept->empty() && kept->back().id() == row.id && &kept->back().entity() == row.entity) continue;
    if (kept != nullptr) want_lock(row);
    auto record = fetch(*row.entity, row.id, Lock::exclusive);
    if (kept != nullptr && record) kept->push_back(std::move(*record));
  }
  for (const RowLock& row : rows) {
    if (row.entity != nullptr || session_.dialect() == storage::Dialect::sqlite) continue;
    storage::Query lock(session_, "SELECT next_value FROM sequence_block WHERE name = ? FOR UPDATE", row.counter);
    lock.next();
  }
}

void TransactionWork::want_lock(const RowLock& row) {
  if (wanted_ == nullptr) return;
  const auto same = [&](const RowLock& one) { return one.entity == row.entity && one.id == row.id && one.counter == row.counter; };
  if (std::none_of(wanted_->begin(), wanted_->end(), same)) wanted_->push_back(row);
}

std::int64_t TransactionWork::take_without_gap(const std::string& sequence) {
  want_lock({nullptr, 0, sequence});
  // The row stays locked until the transaction ends, and is as it was if it fails.
  if (session_.dialect() == storage::Dialect::sqlite) {
    storage::Query next(session_,
                        "INSERT INTO sequence_block (name, next_value) VALUES (?, 2) "
                        "ON CONFLICT (name) DO UPDATE SET next_value = next_value + 1 RETURNING next_value",
                        sequence);
    next.next();
    return next.integer(0) - 1;
  }
  storage::run_sql(session_, "INSERT INTO sequence_block (name, next_value) VALUES (?, 2) ON DUPLICATE KEY UPDATE next_value = next_value + 1",
                   sequence);
  storage::Query taken(session_, "SELECT next_value FROM sequence_block WHERE name = ?", sequence);
  if (!taken.next()) throw Error(ErrorCode::internal, "The sequence '" + sequence + "' cannot be read");
  return taken.integer(0) - 1;
}

void TransactionWork::refuse_ledger(const model::Entity& entity) const {
  const std::string text = message("ledger", context_.locale, {label(entity)});
  throw Error(ErrorCode::conflict, text, {{"", "ledger", text}});
}

}  // namespace caravan::records
