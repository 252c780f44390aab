#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/date_time.h"
#include "storage/database.h"

/// The durable queue: jobs, timers and outbox rows are rows of the table `job`, inserted in the transaction that causes
/// them. Workers of any node claim them under a lease and a fencing token.
namespace caravan::jobs {

/// What is to be done later.
struct NewJob {
  std::string queue = "default";  ///< jobs of one queue share a limit of how many run at once, see QueueLimit
  std::string kind;               ///< whose handler runs it, e.g. `records.after_commit`
  std::string payload;            ///< JSON, for the handler
  int priority = 100;             ///< the lowest goes first among those that are due
  std::optional<Timestamp> run_at;///< not before; absent: at once
  int max_attempts = 12;
  std::string unique_key;         ///< while a waiting job has it, another one is not added; may be empty
  std::int64_t actor_id = 0;      ///< who caused it
  std::string request_id;
};

/// Adds a job to the caller's transaction: it exists if that commits. `id` comes from the sequence `job`. False where a waiting
/// job has the same unique key.
bool enqueue(storage::Session& session, std::int64_t id, const NewJob& job, Timestamp now);

struct Job {
  std::int64_t id = 0;
  std::string queue, kind, payload;
  int priority = 0, attempt = 0, max_attempts = 0;  ///< attempt counts from 1, this one included
  Timestamp run_at, created_at;
  std::int64_t actor_id = 0;
  std::string request_id;
  /// The same for every attempt of this job: for services outside that recognise a repetition.
  std::string idempotency_key() const;
};

/// One attempt, in the hands of a handler. Not thread-safe, but renew() and progress() may be called from another thread.
class Attempt {
 public:
  virtual ~Attempt() = default;
  virtual const Job& job() const = 0;
  /// Ends the job and `effects` in one transaction, so that they happen exactly once; run again after a deadlock. Throws
  /// conflict where the lease was lost: then nothing happened, and another worker has the job.
  virtual void finish(const std::function<void(storage::Session&)>& effects) = 0;
  /// For a handler that has its own transaction: deletes the job in it, or throws conflict where the lease was lost.
  virtual void finish_in(storage::Session& session) = 0;
  /// Lengthens the lease; false where it was lost.
  virtual bool renew() = 0;
  /// What the console shows while the job runs; `total` 0 where unknown. Also lengthens the lease; false where it was lost.
  virtual bool progress(std::int64_t done, std::int64_t total, std::string_view note) = 0;
  /// Whether the server is stopping: a long handler should end soon; what is left is done by another attempt.
  virtual bool stopping() const = 0;
};

/// Does the job. Returning without finish() ends it too. An exception lets it be tried again after a back-off, until
/// max_attempts; then it is a dead letter. Throw Error(invalid_argument) where another attempt is pointless.
using Handler = std::function<void(Attempt&)>;

struct QueueLimit {
  std::string queue;
  int at_once = 2;  ///< jobs of this queue that this node runs at the same time
};

struct QueueOptions {
  int workers = 2;              ///< threads; each has a connection of its own while it works
  int lease_seconds = 60;
  int poll_milliseconds = 500;  ///< how often a node looks for work that others have added
  int first_retry_seconds = 2;  ///< doubles with each attempt, with jitter, up to longest_retry_seconds
  int longest_retry_seconds = 3600;
  std::vector<QueueLimit> limits;
  std::string node;             ///< name of this process in the table; empty: made up
};

struct JobInfo {
  Job job;
  std::string state;            ///< waiting, running, dead
  std::string worker, last_error, progress_note;
  std::int64_t progress_done = 0, progress_total = 0;
  std::optional<Timestamp> lease_until;
};

struct JobQuery {
  std::string state, queue, kind;  ///< empty: any
  std::int64_t after = 0;          ///< id of the last one of the page before
  std::uint32_t limit = 50;        ///< 1 to 200
};

struct QueueStats {
  std::string queue;
  std::int64_t waiting = 0, due = 0, running = 0, dead = 0;
  double oldest_due_seconds = 0;
};

/// This node's workers and what administrators see. Thread-safe. Handlers are registered before start().
class Queue {
 public:
  Queue(storage::Database& database, const Clock& clock, QueueOptions options = {});
  /// Stops as stop() does.
  ~Queue();
  Queue(const Queue&) = delete;
  void handle(std::string kind, Handler handler);
  void start();
  /// Takes no new work, lets running attempts end for `seconds`, then gives their leases back where they do.
  void stop(int seconds = 10);
  /// There may be new work: this node looks at once.
  void wake() noexcept;
  /// Runs what is due until nothing is, on the calling thread; for tests and the command line. Returns how many attempts.
  std::int64_t drain();

  std::vector<JobInfo> list(const JobQuery& query) const;
  std::optional<JobInfo> find(std::int64_t id) const;
  std::vector<QueueStats> stats() const;
  /// Puts a dead letter back as if it were new, or lets a waiting one run at once; false where there is none such.
  bool replay(std::int64_t id);
  /// Deletes a waiting job or a dead letter; false where there is none such (a running one cannot be deleted).
  bool remove(std::int64_t id);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace caravan::jobs
