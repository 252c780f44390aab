// A process that works on the queue, for jobs_torture.py, which kills it.
//   job_worker prepare URL                     makes the tables
//   job_worker fill URL COUNT WAITING          adds COUNT jobs at once and WAITING timers for tomorrow
//   job_worker timers URL COUNT SPREAD_MS      adds COUNT timers that are due within SPREAD_MS from now on
//   job_worker work URL FILE [LEASE_S]         works until it is killed or gets SIGTERM; what goes outside is lines of FILE
//   job_worker drain URL COUNT BATCH           adds COUNT jobs and prints how many a second one node does
//   job_worker report URL                      prints counts as JSON
//   job_worker sql URL STATEMENT               executes it
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "jobs/queue.h"
#include "storage/schema.h"
#include "storage/sequence.h"

using namespace caravan;

namespace {

void run(storage::Session& session, const std::string& sql, std::int64_t a, std::int64_t b = 0, int parameters = 1) {
  storage::Statement& statement = session.prepare(sql);
  statement.bind(1, a);
  if (parameters > 1) statement.bind(2, b);
  statement.step();
  statement.reset();
}

std::int64_t number(storage::Database& database, const std::string& sql) {
  auto session = database.read();
  storage::Statement& statement = session->prepare(sql);
  const std::int64_t out = statement.step() && !statement.is_null(0) ? statement.integer(0) : 0;
  statement.reset();
  return out;
}

void add_jobs(storage::Database& database, std::int64_t count, const char* kind, int step_ms, std::int64_t first_in_ms, std::int64_t lanes = 0) {
  storage::Sequences sequences(database, 5000);
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t part = std::min<std::int64_t>(count - done, 1000);
    sequences.refill("job", part);
    std::vector<std::int64_t> ids;
    for (std::int64_t i = 0; i < part; ++i) ids.push_back(sequences.next("job"));
    database.transact([&](storage::Session& session) {
      const Timestamp now = Clock::system().now();
      for (std::int64_t i = 0; i < part; ++i) {
        jobs::NewJob job;
        job.kind = kind;
        job.queue = lanes != 0 ? "lanes" : "default";
        job.payload = "{\"n\":" + std::to_string(done + i) + "}";
        job.max_attempts = 1000;  // kills count
        if (lanes != 0) {
          job.lane = 1 + (done + i) % lanes;
          job.lane_order = (done + i) / lanes;
        }
        if (first_in_ms >= 0) job.run_at = Timestamp{now.micros + (first_in_ms + (done + i) * step_ms) * 1000};
        jobs::enqueue(session, ids[static_cast<std::size_t>(i)], job, now);
      }
    });
    done += part;
  }
  sequences.release();
}

jobs::QueueOptions options(const storage::Database& database, int lease) {
  jobs::QueueOptions out;
  out.workers = 4;
  out.lease_seconds = lease;
  out.first_retry_seconds = 0;
  out.longest_retry_seconds = 1;
  out.alone = database.dialect() == storage::Dialect::sqlite;
  out.limits = {{.queue = "default", .at_once = 4, .batch = 4}, {.queue = "lanes", .at_once = 2, .batch = 8}};
  return out;
}

int work(storage::Database& database, const char* file, int lease) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const int outside = ::open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (outside < 0) return 1;
  jobs::Queue queue(database, Clock::system(), options(database, lease));
  // An effect outside, under the job's key, and effects inside: a row of its own that counts, and a counter of all.
  const auto effects = [&](jobs::Attempt& attempt, const char* what) {
    const std::string line = std::string(what) + " " + attempt.job().idempotency_key() + "\n";
    if (::write(outside, line.data(), line.size()) != static_cast<ssize_t>(line.size())) throw std::runtime_error("the file cannot be written");
    attempt.finish([&](storage::Session& session) {
      const std::int64_t id = attempt.job().id;
      run(session, session.dialect() == storage::Dialect::sqlite
                       ? "INSERT INTO effect (job, times) VALUES (?, 1) ON CONFLICT (job) DO UPDATE SET times = times + 1"
                       : "INSERT INTO effect (job, times) VALUES (?, 1) ON DUPLICATE KEY UPDATE times = times + 1",
          id);
      run(session, "UPDATE counter SET total = total + 1 WHERE id = ?", id % 16);
      if (attempt.job().lane != 0) {
        run(session, "UPDATE lane SET mistakes = mistakes + CASE WHEN next_order = ? THEN 0 ELSE 1 END, next_order = next_order + 1 WHERE id = ?",
            attempt.job().lane_order, attempt.job().lane, 2);
      }
    });
  };
  queue.handle("torture", [&](jobs::Attempt& attempt) { effects(attempt, "done"); });
  queue.handle("lane", [&](jobs::Attempt& attempt) { effects(attempt, "lane"); });
  queue.handle("timer", [&](jobs::Attempt& attempt) {
    const std::int64_t late = queue.now().micros - attempt.job().run_at.micros;
    const std::string line = "late " + attempt.job().idempotency_key() + " " + std::to_string(late) + "\n";
    if (::write(outside, line.data(), line.size()) != static_cast<ssize_t>(line.size())) throw std::runtime_error("the file cannot be written");
  });
  queue.start();
  int signal = 0;
  sigwait(&signals, &signal);
  queue.stop(10);
  return 0;
}

int drain(storage::Database& database, std::int64_t count, int batch) {
  add_jobs(database, count, "note", 0, -1);
  auto with = options(database, 60);
  with.limits = {{.queue = "default", .at_once = batch > 4 ? 1 : 4, .batch = batch}};
  jobs::Queue queue(database, Clock::system(), with);
  std::atomic<std::int64_t> done{0};
  if (batch > 4) {
    queue.handle_batch("note", [&](std::span<jobs::Attempt* const> attempts) { done += static_cast<std::int64_t>(attempts.size()); });
  } else {
    queue.handle("note", [&](jobs::Attempt& attempt) {
      attempt.finish([&](storage::Session& session) { run(session, "UPDATE counter SET total = total + 1 WHERE id = ?", attempt.job().id % 16); });
      ++done;
    });
  }
  const auto begun = std::chrono::steady_clock::now();
  queue.start();
  while (done < count) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  queue.stop();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  std::printf("%.0f\n", static_cast<double>(count) / seconds);
  return 0;
}

int prepare(storage::Database& database) {
  storage::update_schema(database, model::Catalog());
  database.transact([](storage::Session& session) {
    session.execute("CREATE TABLE effect (job BIGINT NOT NULL, times BIGINT NOT NULL, PRIMARY KEY (job))");
    session.execute("CREATE TABLE counter (id BIGINT NOT NULL, total BIGINT NOT NULL, PRIMARY KEY (id))");
    session.execute("CREATE TABLE lane (id BIGINT NOT NULL, next_order BIGINT NOT NULL, mistakes BIGINT NOT NULL, PRIMARY KEY (id))");
  });
  database.transact([](storage::Session& session) {
    for (int i = 0; i < 16; ++i) run(session, "INSERT INTO counter (id, total) VALUES (?, 0)", i);
    for (int i = 1; i <= 50; ++i) run(session, "INSERT INTO lane (id, next_order, mistakes) VALUES (?, 0, 0)", i);
  });
  return 0;
}

int report(storage::Database& database) {
  std::printf("{\"left\":%lld,\"waiting\":%lld,\"dead\":%lld,\"effects\":%lld,\"doubled\":%lld,\"counted\":%lld,\"lanes\":%lld,\"lane_mistakes\":%lld}\n",
              static_cast<long long>(number(database, "SELECT COUNT(*) FROM job WHERE state <> 'dead' AND kind <> 'later'")),
              static_cast<long long>(number(database, "SELECT COUNT(*) FROM job WHERE state = 'waiting' AND kind = 'later'")),
              static_cast<long long>(number(database, "SELECT COUNT(*) FROM job WHERE state = 'dead'")),
              static_cast<long long>(number(database, "SELECT COUNT(*) FROM effect")),
              static_cast<long long>(number(database, "SELECT COUNT(*) FROM effect WHERE times <> 1")),
              static_cast<long long>(number(database, "SELECT CAST(SUM(total) AS SIGNED) FROM counter")),
              static_cast<long long>(number(database, "SELECT CAST(SUM(next_order) AS SIGNED) FROM lane")),
              static_cast<long long>(number(database, "SELECT CAST(SUM(mistakes) AS SIGNED) FROM lane")));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: job_worker prepare|fill|timers|work|drain|report|sql URL …\n";
    return 2;
  }
  const std::string command = argv[1];
  const auto argument = [&](int index, std::int64_t otherwise) { return argc > index ? std::atoll(argv[index]) : otherwise; };
  try {
    const auto database = storage::Database::open(argv[2], {.connections = 10});
    if (command == "prepare") return prepare(*database);
    if (command == "sql") {
      database->begin()->execute(argv[3]);
      return 0;
    }
    if (command == "report") return report(*database);
    if (command == "drain") return drain(*database, argument(3, 10'000), static_cast<int>(argument(4, 1)));
    if (command == "work") return work(*database, argv[3], static_cast<int>(argument(4, 2)));
    if (command == "timers") {
      const std::int64_t count = argument(3, 100);
      add_jobs(*database, count, "timer", static_cast<int>(argument(4, 1000) / count), 1000);
      return 0;
    }
    if (command == "fill") {
      add_jobs(*database, argument(3, 100), "torture", 0, -1);
      add_jobs(*database, argument(4, 0), "lane", 0, -1, 50);
      add_jobs(*database, argument(5, 0), "later", 0, 86'400'000);
      return 0;
    }
    std::cerr << "job_worker: unknown command " << command << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "job_worker: " << error.what() << '\n';
    return 1;
  }
}
