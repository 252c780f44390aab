#include <algorithm>

#include "base/error.h"
#include "records/access.h"
#include "records/once.h"
#include "records/query.h"
#include "records/service.h"
#include "records/work.h"

namespace caravan::records {

using model::Entity;

namespace {

constexpr std::size_t most_known = 20;  ///< of QueryCache::numbers

}  // namespace

void RecordService::transact(const Context& context, const std::function<void(Work&)>& work, std::int64_t expected_records) const {
  run(context, work, expected_records, {});
}

void RecordService::run(const Context& context, const std::function<void(Work&)>& work, std::int64_t expected_records,
                        std::string_view numbers) const {
  const auto plans = this->plans(context);
  const auto hooks = hooks_.load();
  const auto extension = extension_.load();
  // Both are taken by nearly every write; a block that is at hand spares the write a second run. Every run consumes
  // numbers, also one that is rolled back, so all that were ever missing are refilled together.
  std::vector<std::string> sequences{"record", "event"};
  if (!numbers.empty()) sequences.emplace_back(numbers);
  if (announces_.load(std::memory_order_relaxed)) sequences.emplace_back("job");
  if (expected_records > 1) {
    const std::lock_guard lock(plans->queries().mutex);
    sequences.insert(sequences.end(), plans->queries().numbers.begin(), plans->queries().numbers.end());
  }
  std::vector<RowLock> locks;
  for (;;) {
    bool announced = false;
    std::vector<Written> written;
    for (const auto& name : sequences) sequences_.refill(name, expected_records);
    try {
      database_.transact([&](storage::Session& session) {
        TransactionWork transaction(context, session, sequences_, plans, hooks, undo_days_.load());
        transaction.set_extension(extension.get());
        if (context.once != nullptr) context.once->claim(session);
        transaction.set_locks(&locks);
        // Whatever became of the error on its way (a plugin may have swallowed it), what is missing must be leased.
        try {
          work(transaction);
          transaction.index_written();
        } catch (...) {
          if (transaction.missing_sequence().empty()) throw;
        }
        if (!transaction.missing_sequence().empty()) throw SequenceEmpty{transaction.missing_sequence()};
        if (context.once != nullptr) context.once->keep(session);
        announced = transaction.announced();
        if (watcher_) written = transaction.written();
      });
      if (watcher_ && !written.empty()) watcher_(written);
      if (announced) {
        announces_.store(true, std::memory_order_relaxed);
        if (wake_) wake_();
      }
      if (context.once != nullptr) context.once->committed();
      return;
    } catch (const SequenceEmpty& empty) {
      if (std::find(sequences.begin(), sequences.end(), empty.name) != sequences.end()) {
        expected_records *= 2;  // more were taken than anybody expected
        continue;
      }
      sequences.push_back(empty.name);
      if (expected_records == 1) continue;
      const std::lock_guard lock(plans->queries().mutex);
      if (plans->queries().numbers.size() < most_known) plans->queries().numbers.insert(empty.name);
    }
  }
}

Record RecordService::one_step(const Context& context, const std::function<Record(Work&)>& step, const Reply& reply,
                               std::string_view numbers) const {
  Record record;
  const auto once = [&](Work& work) {
    record = step(work);
    redact(context, record);
    if (context.once != nullptr && reply) reply(record);
  };
  run(context, once, 1, numbers);
  looked(context, record);
  if (context.once == nullptr && reply) reply(record);
  return record;
}

Record RecordService::create(const Context& context, const Entity& entity, Input input, const Reply& reply) const {
  return one_step(context, [&](Work& work) { return work.create(entity, input); }, reply, number_sequence(context, entity));
}

Record RecordService::restore(const Context& context, const Entity& entity, std::int64_t id, const Reply& reply) const {
  return one_step(context, [&](Work& work) { return work.restore(entity, id); }, reply);
}

Record RecordService::update(const Context& context, const Entity& entity, std::int64_t id, Input input,
                             std::optional<std::int64_t> expected_version) const {
  Record record;
  transact(context, [&](Work& work) { record = work.update(entity, id, input, expected_version); });
  redact(context, record);
  looked(context, record);
  return record;
}

void RecordService::remove(const Context& context, const Entity& entity, std::int64_t id,
                           std::optional<std::int64_t> expected_version) const {
  transact(context, [&](Work& work) { work.remove(entity, id, expected_version); });
}

}  // namespace caravan::records
