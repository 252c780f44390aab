#include "jobs/schedule.h"

namespace caravan::jobs {

Schedule::Schedule(Queue& queue, storage::Database& database, storage::Sequences& sequences)
    : queue_(queue), database_(database), sequences_(sequences) {}

NewJob Schedule::timer(const Chore& chore) const {
  NewJob job;
  job.queue = "chores";
  job.kind = chore.name;
  job.payload = "{}";
  job.priority = 200;
  job.run_at = Timestamp{queue_.now().micros + std::int64_t{chore.seconds} * 1'000'000};
  job.max_attempts = 1'000'000'000;
  job.unique_key = "schedule/" + chore.name;
  return job;
}

void Schedule::every(int seconds, std::string name, std::function<void(Attempt&)> work) {
  const Chore chore{name, seconds};
  chores_.push_back(chore);
  queue_.handle(std::move(name), [this, chore, work = std::move(work)](Attempt& attempt) {
    work(attempt);
    const std::int64_t id = sequences_.next("job");
    attempt.finish([&](storage::Session& session) { enqueue(session, id, timer(chore), queue_.now()); });
  });
}

void Schedule::start() {
  for (const Chore& chore : chores_) {
    const std::int64_t id = sequences_.next("job");
    // One that runs just now has no key: then there are two until the next run, which adds no third.
    database_.transact([&](storage::Session& session) { enqueue(session, id, timer(chore), queue_.now()); });
  }
  queue_.wake();
}

void in_small_transactions(storage::Database& database, Attempt& attempt, const std::function<std::int64_t(storage::Session&)>& part) {
  for (std::int64_t done = 1; done > 0 && !attempt.stopping();) {
    database.transact([&](storage::Session& session) { done = part(session); });
  }
}

}  // namespace caravan::jobs
