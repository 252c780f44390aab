#pragma once

#include <functional>
#include <string>
#include <vector>

#include "jobs/queue.h"
#include "storage/sequence.h"

namespace caravan::jobs {

/// Chores that come again and again, each as one durable timer for all nodes: the run and the timer of the next one are one
/// transaction. One that fails is tried again after a back-off, for ever, and shows its error among the jobs.
class Schedule {
 public:
  /// All outlive the schedule, and the queue's handlers use it.
  Schedule(Queue& queue, storage::Database& database, storage::Sequences& sequences);
  /// Before Queue::start(). `name` is that of the job's kind, e.g. `purge.deleted`; `work` may end early where the attempt is
  /// stopping: what is left is done next time.
  void every(int seconds, std::string name, std::function<void(Attempt&)> work);
  /// Adds the timers that are not there. After Queue::start().
  void start();

 private:
  struct Chore {
    std::string name;
    int seconds;
  };
  NewJob timer(const Chore& chore) const;
  Queue& queue_;
  storage::Database& database_;
  storage::Sequences& sequences_;
  std::vector<Chore> chores_;
};

/// Calls `part`, each time in a transaction of its own, until it returns 0 (rows deleted, say) or the attempt is to stop.
void in_small_transactions(storage::Database& database, Attempt& attempt, const std::function<std::int64_t(storage::Session&)>& part);

}  // namespace caravan::jobs
