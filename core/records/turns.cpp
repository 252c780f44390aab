#include "records/turns.h"

#include "base/error.h"
#include "records/work.h"
#include "storage/query.h"

namespace caravan::records {
namespace {

TransactionWork& transaction_of(Work& work) {
  auto* transaction = dynamic_cast<TransactionWork*>(&work);
  if (transaction == nullptr) throw Error(ErrorCode::internal, "Rules of assignment run inside a transaction only");
  return *transaction;
}

}  // namespace

std::int64_t count_up(Work& work, const std::string& counter) {
  TransactionWork& transaction = transaction_of(work);
  storage::Session& session = work.session();
  if (session.dialect() == storage::Dialect::sqlite) return transaction.take_without_gap(counter);
  std::int64_t seen = 0;
  {
    storage::Query query(session, "SELECT next_value FROM sequence_block WHERE name = ?", counter);
    seen = query.next() ? query.integer(0) : 1;
  }
  const std::int64_t taken = transaction.take_without_gap(counter);
  if (taken != seen) throw Error(ErrorCode::retry, "The transaction sees the database as it was before another one's turn");
  return taken;
}

std::vector<Record> active_user_records(Work& work) {
  const model::Entity* users = work.context().catalog->entity("core.user");
  if (users == nullptr) return {};
  const EntityPlan& plan = transaction_of(work).plans().of(*users);
  const std::string name = storage::quote(work.session().dialect(), users->field("active")->column);
  std::vector<Record> out;
  storage::Statement& statement =
      work.session().prepare("SELECT " + plan.select_list + plan.from + " WHERE r." + name + " = 1 ORDER BY r." + plan.id_column);
  try {
    while (statement.step()) out.push_back(read_row(plan, statement));
  } catch (...) {
    statement.reset();
    throw;
  }
  statement.reset();
  return out;
}

}  // namespace caravan::records
