#pragma once

#include <functional>
#include <memory>
#include <span>

#include "jobs/queue.h"
#include "records/service.h"

namespace caravan::records {

inline constexpr const char* outbox_queue = "events";
inline constexpr const char* outbox_kind = "records.after_commit";

/// Delivers the events of the outbox to the hooks at HookPoint::after_commit. A write whose entity has such a hook inserts a job
/// with its event, in the same transaction; the record's id is the job's lane and its version the order, so that the events
/// of a record come in their order and do not hold up those of others.
///
/// A hook acts with the system's rights; who caused the event is in HookCall::event. It runs outside any transaction until it
/// first writes; all that it writes, and the end of the job, are then one transaction: its effects on records happen
/// exactly once, those outside at least once. Register with Queue::handle_batch. Thread-safe.
class EventDelivery {
 public:
  /// All outlive the object. `catalog`: the one in use.
  EventDelivery(const RecordService& service, std::function<std::shared_ptr<const model::Catalog>()> catalog, const Clock& clock);
  void operator()(std::span<jobs::Attempt* const> attempts) const;
  /// The same for work of another kind: `work` begins its transaction with its first write, which then also ends the attempt. Where it
  /// wrote nothing the attempt is left to its queue. Throws what `work` throws.
  void run_late(const Context& context, jobs::Attempt& attempt, const std::function<void(Work&)>& work) const;

 private:
  bool late(const Context& context, const std::shared_ptr<const Hooks>& hooks, jobs::Attempt& attempt, const std::function<void(Work&)>& work) const;
  struct Delivery;
  class Batch;
  const RecordService& service_;
  std::function<std::shared_ptr<const model::Catalog>()> catalog_;
  const Clock& clock_;
};

}  // namespace caravan::records
