#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "jobs/queue.h"
#include "storage/query.h"

namespace caravan::jobs {

using storage::in_parts;
using storage::Query;
using storage::repeated;
using storage::run_sql;

using Steady = std::chrono::steady_clock;

/// Columns of a Job, in the order that read_job expects.
inline constexpr std::string_view job_columns =
    "id, queue, kind, payload, priority, attempts, max_attempts, run_at, created_at, lane, lane_order, actor_id, request_id";
inline constexpr int job_column_count = 13;
Job read_job(Query& query);

class Running;

struct Queue::State {
  State(storage::Database& database_, const Clock& clock_, QueueOptions options_);

  struct Registered {
    Handler one;
    BatchHandler many;
  };
  /// Queues that have ready jobs, with the priority of the first one; the most urgent first.
  using Heads = std::vector<std::pair<std::int64_t, std::string>>;
  /// What a look at the table found.
  struct Found {
    Heads queues;
    std::optional<Timestamp> next_timer;  ///< of waiting jobs
  };
  struct Batch {
    std::string queue;
    std::vector<std::shared_ptr<Running>> attempts;
    bool full = false;  ///< there may be more in this queue
  };

  Timestamp now() const { return {clock.now().micros + offset.load(std::memory_order_relaxed)}; }
  const QueueLimit& limit_of(const std::string& queue) const;
  bool has_room(const std::string& queue);  ///< takes mutex

  /// The next batch that this node may run; empty where there is none. Sets `next_look`.
  Batch claim();
  Found look();
  static Heads ready_queues(storage::Session& session);
  void promote(storage::Session& session, Timestamp at);
  void claim_from(storage::Session& session, const std::string& queue, Timestamp at, Batch& batch);
  std::unordered_set<std::int64_t> hold_back(storage::Session& session, const std::vector<Job>& jobs, Timestamp at);
  void run(Batch& batch);
  void run_one(Running& attempt, const Registered* handlers);
  void end_open(const std::vector<std::shared_ptr<Running>>& attempts);

  void work();    ///< a worker's thread
  void keep();    ///< the keeper's thread: renews leases, takes over expired ones
  void renew_all();
  /// Makes jobs whose lease has expired wait for their next attempt, or dead letters. `all`: every running one.
  void take_over(bool all);
  void give_back();
  void wake() noexcept;

  /// Back-off before the attempt after `attempt`, jittered, in microseconds.
  std::int64_t back_off(int attempt);
  /// Moves a job out of `running` under its fence; false where the lease was lost.
  /// `expired`: only where the lease ended before that.
  bool move_on(std::int64_t id, std::int64_t fence, const char* state, Timestamp run_at, std::string_view error, bool uncount,
               std::optional<Timestamp> expired = std::nullopt);

  storage::Database& database;
  const Clock& clock;
  QueueOptions options;
  const bool mysql;
  const std::string locking;  ///< ends a SELECT of rows that are to be changed
  /// Index hints: statistics of a table that fills and empties mislead the optimiser, which then reads all of it, and waits for
  /// the rows that others have locked.
  const std::string by_ready, by_time, by_id, by_lane;
  std::map<std::string, Registered, std::less<>> handlers;
  std::map<std::string, QueueLimit, std::less<>> limits;
  QueueLimit any_limit;

  std::atomic<std::int64_t> offset{0};  ///< the database's clock minus ours, microseconds
  std::atomic<bool> stopping{false}, woken{false};

  std::mutex mutex;
  std::condition_variable lead, changed, kept;
  bool leader = false, started = false, stopped = false;
  std::vector<std::thread> threads;
  std::thread keeper;
  std::map<std::string, int, std::less<>> at_work;        ///< threads by queue
  std::vector<std::shared_ptr<Running>> held;
  int busy = 0;
  std::condition_variable ended;

  // Of the leader alone.
  Steady::time_point next_look{}, not_before{};
  std::map<std::string, std::uint64_t, std::less<>> served;  ///< when a queue was last claimed from, for turns
  std::uint64_t turn = 0;
  std::minstd_rand random{std::random_device{}()};
  std::mutex random_mutex;
};

class Running final : public Attempt {
 public:
  Running(Queue::State& queue, Job job, std::int64_t fence) : job_(std::move(job)), fence_(fence), queue_(queue) {}
  const Job& job() const override { return job_; }
  void finish(const std::function<void(storage::Session&)>& effects) override;
  void finish_in(storage::Session& session) override;
  void fail(const std::exception& why) override;
  void postpone(int milliseconds) override;
  bool renew() override;
  bool progress(std::int64_t done, std::int64_t total, std::string_view note) override;
  bool stopping() const override;

  std::int64_t fence() const { return fence_; }
  bool open() const { return !ended_.load(); }
  void close() { ended_ = true; }
  void lose() { lost_ = ended_ = true; }
  bool left_undone() const { return undone_.load(); }

 private:
  friend struct Queue::State;
  const Job job_;
  const std::int64_t fence_;
  Queue::State& queue_;
  std::atomic<bool> ended_{false}, lost_{false}, undone_{false};
  std::mutex progress_mutex_;
  Steady::time_point last_progress_{};
};

}  // namespace caravan::jobs
