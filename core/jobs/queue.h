#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/date_time.h"
#include "storage/database.h"

/// The durable queue: jobs, timers and outbox rows are rows of the table `job`, inserted in the transaction that causes
/// them. Workers of any node claim them under a lease and a fencing token. See docs/adr/0011-durable-queue.md.
namespace caravan::jobs {

/// What is to be done later.
struct NewJob {
  std::string queue = "default";   ///< jobs of one queue share a limit of how many run at once, see QueueLimit
  std::string kind;                ///< whose handler runs it, e.g. `records.after_commit`
  std::string payload;             ///< JSON, for the handler
  int priority = 100;              ///< the lowest goes first among those that are due
  std::optional<Timestamp> run_at; ///< not before; absent: at once
  int max_attempts = 12;
  std::string unique_key;          ///< while a waiting job has it, another one is not added; may be empty
  /// Jobs of one lane (other than 0) run in the order of `lane_order`, one after the other: one is held back while an earlier
  /// one of its queue is there that is not a dead letter.
  std::int64_t lane = 0, lane_order = 0;
  std::int64_t actor_id = 0;       ///< who caused it
  std::string request_id;
};

/// Adds a job to the caller's transaction: it exists if that commits. `id` comes from the sequence `job`. False where a waiting
/// job has the same unique key. After the commit, Queue::wake() makes this node look at once. Throws invalid_argument where a
/// text is too long.
bool enqueue(storage::Session& session, std::int64_t id, const NewJob& job, Timestamp now);
/// The statement of enqueue() with its parameters bound, for a caller that sends it together with others. `job` lives until it
/// is finished.
storage::Statement& enqueue_statement(storage::Session& session, std::int64_t id, const NewJob& job, Timestamp now);

struct Job {
  std::int64_t id = 0;
  std::string queue, kind, payload;
  int priority = 0, attempt = 0, max_attempts = 0;  ///< attempt counts from 1, this one included
  Timestamp run_at, created_at;
  std::int64_t lane = 0, lane_order = 0;
  std::int64_t actor_id = 0;
  std::string request_id;
  /// The same for every attempt of this job: for services outside that recognise a repetition.
  std::string idempotency_key() const { return "job-" + std::to_string(id); }
};

/// One attempt, in the hands of a handler. The queue itself lengthens the lease while the handler runs; it is lost where this
/// process could not reach the database for so long, or after Queue::stop(). renew(), progress() and stopping() may be called
/// from any thread, the rest from the handler's.
class Attempt {
 public:
  virtual ~Attempt() = default;
  virtual const Job& job() const = 0;
  /// Ends the job and `effects` in one transaction, so that they happen exactly once; run again after a deadlock. Throws
  /// conflict where the lease was lost: then nothing happened, and another worker has the job.
  virtual void finish(const std::function<void(storage::Session&)>& effects) = 0;
  /// For a handler that has its own transaction: deletes the job in it, or throws conflict where the lease was lost. Where
  /// that transaction is not committed, the handler throws.
  virtual void finish_in(storage::Session& session) = 0;
  /// Ends this attempt without the job being done, as an exception would: it is tried again after a back-off, or is a dead
  /// letter. For batch handlers.
  virtual void fail(const std::exception& why) = 0;
  /// Ends this attempt without counting it: to be tried again after that time.
  virtual void postpone(int milliseconds) = 0;
  /// Lengthens the lease; false where it was lost.
  virtual bool renew() = 0;
  /// What the console shows while the job runs; `total` 0 where unknown. Written at most twice a second. Also lengthens the
  /// lease; false where it was lost.
  virtual bool progress(std::int64_t done, std::int64_t total, std::string_view note) = 0;
  /// Whether the server is stopping: a long handler should end soon, by an exception or postpone(); what is left is done by
  /// another attempt.
  virtual bool stopping() const = 0;
};

/// Does the job. Returning without finish() ends it too. An exception lets it be tried again after a back-off, until
/// max_attempts; then it is a dead letter. Throw Error(invalid_argument) where another attempt is pointless.
using Handler = std::function<void(Attempt&)>;
/// Does several jobs of one kind, claimed together. What it leaves open is ended, all in one transaction; an exception fails
/// those that are still open. Jobs of one lane come in their order; where one fails the handler postpones the later ones.
using BatchHandler = std::function<void(std::span<Attempt* const>)>;

struct QueueLimit {
  std::string queue;
  int at_once = 2;              ///< threads of this node that work on this queue at the same time
  int batch = 1;                ///< jobs that one thread claims at once; more than 1 only for short jobs
  int gather_milliseconds = 0;  ///< how long to wait for more jobs where the last batch was not full
};

struct QueueOptions {
  int workers = 4;              ///< threads; each has at most two connections while it works
  int lease_seconds = 60;
  int poll_milliseconds = 500;  ///< how often a node looks for work that others have added
  int first_retry_seconds = 2;  ///< doubles with each attempt, with jitter, up to longest_retry_seconds
  int longest_retry_seconds = 3600;
  std::vector<QueueLimit> limits;  ///< a queue that is not named may use all workers
  std::string node;             ///< name of this process in the table; empty: made up
  /// This process alone uses the database: what is marked as running when it starts was left by a process that ended.
  bool alone = false;
  /// Measure times with the database's clock (on MariaDB), so that nodes whose clocks differ agree. Off for tests whose clock
  /// is moved by hand.
  bool database_time = true;
};

struct JobInfo {
  Job job;
  std::string state;            ///< ready, waiting (for its time), running, dead
  std::string worker, last_error, progress_note;
  std::int64_t progress_done = 0, progress_total = 0;
  std::optional<Timestamp> lease_until;
};

struct JobQuery {
  std::string state, queue, kind;  ///< empty: any
  std::string after;               ///< JobPage::next of the page before
  std::uint32_t limit = 50;        ///< 1 to 200
};

/// With a state: by time, dead letters newest first; without: newest first.
struct JobPage {
  std::vector<JobInfo> items;
  std::string next;  ///< empty on the last page
};

struct QueueStats {
  std::string queue;
  std::int64_t ready = 0, waiting = 0, running = 0, dead = 0;
  double oldest_ready_seconds = 0;
};

/// This node's workers and what administrators see. Thread-safe. Handlers are registered before start().
class Queue {
 public:
  /// `database` and `clock` outlive the queue. Throws invalid_argument for options out of range.
  Queue(storage::Database& database, const Clock& clock, QueueOptions options = {});
  /// Stops as stop() does.
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  void handle(std::string kind, Handler handler);
  void handle_batch(std::string kind, BatchHandler handler);
  void start();
  /// Takes no new work, lets running attempts end for `seconds`, then gives back the leases of those that have not, so that
  /// another node takes them at once (what they still do fails at finish()), and waits for the threads.
  void stop(int seconds = 10);
  /// There may be new work: this node looks at once. Cheap.
  void wake() noexcept;
  /// Runs what is due until nothing is, on the calling thread; for tests and the command line. Returns how many attempts.
  std::int64_t drain();
  /// The moment by the clock that times of jobs are measured with.
  Timestamp now() const;

  JobPage list(const JobQuery& query) const;
  std::optional<JobInfo> find(std::int64_t id) const;
  std::vector<QueueStats> stats() const;
  /// Puts a dead letter back as if it were new, or lets a waiting one run at once; false where there is none such.
  bool replay(std::int64_t id);
  /// Deletes a job that does not run; false where there is none such.
  bool remove(std::int64_t id);

 private:
  friend class Running;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace caravan::jobs
