#include "jobs/queue.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "jobs/queue_state.h"

// Who does what: of the idle workers one leads, that is, waits for work and claims it; then it hands the lead to another
// and works. So an idle node asks the database once in a poll interval, whatever its number of workers. The keeper renews
// the leases of what is being worked on and takes over those that expired.

namespace caravan::jobs {
namespace {

using std::chrono::milliseconds;

constexpr int timers_at_once = 200;  ///< made ready in one transaction
constexpr auto failed_pause = milliseconds(1000);

std::string made_up_name() {
  char host[64] = "node";
  if (::gethostname(host, sizeof host - 1) != 0) host[0] = 0;
  const auto salt = std::random_device{}();
  return std::string(host).substr(0, 60) + ":" + std::to_string(::getpid()) + ":" + std::to_string(salt % 100'000);
}

void check_range(const char* what, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value >= low && value <= high) return;
  throw Error(ErrorCode::invalid_argument, std::string("The setting of the job queue \"") + what + "\" must be from " + std::to_string(low) +
                                               " to " + std::to_string(high) + ", not " + std::to_string(value));
}

}  // namespace

Queue::State::State(storage::Database& database_, const Clock& clock_, QueueOptions options_)
    : database(database_),
      clock(clock_),
      options(std::move(options_)),
      mysql(database.dialect() == storage::Dialect::mysql),
      locking(mysql ? " FOR UPDATE SKIP LOCKED" : ""),
      by_ready(mysql ? " FORCE INDEX (`ix_job$ready`)" : " INDEXED BY \"ix_job$ready\""),
      by_time(mysql ? " FORCE INDEX (`ix_job$time`)" : " INDEXED BY \"ix_job$time\""),
      by_id(mysql ? " FORCE INDEX (PRIMARY)" : ""),
      by_lane(mysql ? " FORCE INDEX (`ix_job$lane`)" : "") {
  check_range("workers", options.workers, 1, 256);
  check_range("lease_seconds", options.lease_seconds, 1, 86'400);
  check_range("poll_milliseconds", options.poll_milliseconds, 10, 60'000);
  check_range("first_retry_seconds", options.first_retry_seconds, 0, 86'400);
  check_range("longest_retry_seconds", options.longest_retry_seconds, options.first_retry_seconds, 30 * 86'400);
  for (const QueueLimit& limit : options.limits) {
    check_range("at_once", limit.at_once, 1, 256);
    check_range("batch", limit.batch, 1, 1000);
    check_range("gather_milliseconds", limit.gather_milliseconds, 0, 1000);
    limits[limit.queue] = limit;
  }
  any_limit.at_once = options.workers;
  if (options.node.empty()) options.node = made_up_name();
  options.node.resize(std::min<std::size_t>(options.node.size(), 100));
}

const QueueLimit& Queue::State::limit_of(const std::string& queue) const {
  const auto found = limits.find(queue);
  return found == limits.end() ? any_limit : found->second;
}

bool Queue::State::has_room(const std::string& queue) {
  const std::lock_guard lock(mutex);
  const auto found = at_work.find(queue);
  return found == at_work.end() || found->second < limit_of(queue).at_once;
}

// ---- claiming

Queue::State::Heads Queue::State::ready_queues(storage::Session& session) {
  // Jumps from queue to queue in the index, however many jobs wait in each.
  const bool on_mysql = session.dialect() == storage::Dialect::mysql;
  const std::string hint = on_mysql ? " FORCE INDEX (`ix_job$ready`)" : " INDEXED BY \"ix_job$ready\"";
  Query query(session, "WITH RECURSIVE q (name) AS (SELECT (SELECT queue FROM job" + hint +
                           " WHERE state = 'ready' ORDER BY queue LIMIT 1) UNION ALL SELECT (SELECT j.queue FROM job j" + hint +
                           " WHERE j.state = 'ready' AND j.queue > q.name ORDER BY j.queue LIMIT 1) FROM q WHERE q.name IS NOT NULL) "
                           "SELECT name, (SELECT h.priority FROM job h" + hint +
                           " WHERE h.state = 'ready' AND h.queue = q.name ORDER BY h.priority LIMIT 1) FROM q WHERE name IS NOT NULL");
  Heads found;
  while (query.next()) found.emplace_back(query.integer(1), query.text(0));
  std::sort(found.begin(), found.end());
  return found;
}

Queue::State::Found Queue::State::look() {
  Found found;
  auto session = database.read();
  {
    const std::string head = mysql ? "SELECT UTC_TIMESTAMP(6), " : "SELECT NULL, ";
    Query query(*session, head + "(SELECT run_at FROM job" + by_time + " WHERE state = 'waiting' ORDER BY run_at LIMIT 1)");
    if (query.next()) {
      if (mysql && options.database_time) {
        if (const auto theirs = query.instant(0)) offset = theirs->micros - clock.now().micros;
      }
      found.next_timer = query.instant(1);
    }
  }
  found.queues = ready_queues(*session);
  return found;
}

void Queue::State::promote(storage::Session& session, Timestamp at) {
  std::vector<std::int64_t> ids;
  {
    Query query(session, "SELECT id FROM job" + by_time + " WHERE state = 'waiting' AND run_at <= ? ORDER BY run_at, id LIMIT ?" + locking, at,
                timers_at_once);
    while (query.next()) ids.push_back(query.integer(0));
  }
  in_parts(ids.size(), [&](std::size_t begin, std::size_t count, std::size_t places) {
    Query update(session, "UPDATE job" + by_id + " SET state = 'ready' WHERE id IN (" + repeated("?", ", ", places) + ")");
    for (std::size_t i = 0; i < places; ++i) update.add(ids[begin + std::min(i, count - 1)]);
    update.next();
  });
}

/// Of `jobs`, which are locked: those that an earlier one of their lane outside of `jobs` stands before. They are made to wait.
std::unordered_set<std::int64_t> Queue::State::hold_back(storage::Session& session, const std::vector<Job>& jobs, Timestamp at) {
  std::unordered_set<std::int64_t> back;
  std::vector<const Job*> in_lanes;
  for (const Job& job : jobs) {
    if (job.lane != 0) in_lanes.push_back(&job);
  }
  // All of them stand in each part's list of those that do not count: the earlier one may be in another part.
  std::vector<std::pair<std::int64_t, std::int64_t>> blocked;
  const std::size_t listed = in_lanes.size() > 64 ? 1000 : in_lanes.size() > 8 ? 64 : in_lanes.size() > 1 ? 8 : 1;
  in_parts(in_lanes.size(), [&](std::size_t begin, std::size_t count, std::size_t places) {
    Query query(session, "SELECT j.id, (SELECT e.id FROM job e" + by_lane + " WHERE e.lane = j.lane AND e.lane_order < j.lane_order AND e.queue = j.queue AND e.state <> 'dead' "
                         "AND e.id NOT IN (" + repeated("?", ", ", listed) + ") ORDER BY e.lane_order LIMIT 1) FROM job j" + by_id + " WHERE j.id IN (" +
                             repeated("?", ", ", places) + ")");
    for (std::size_t i = 0; i < listed; ++i) query.add(in_lanes[std::min(i, in_lanes.size() - 1)]->id);
    for (std::size_t i = 0; i < places; ++i) query.add(in_lanes[begin + std::min(i, count - 1)]->id);
    while (query.next()) {
      if (const std::int64_t before = query.integer(1); before != 0) blocked.emplace_back(query.integer(0), before);
    }
  });
  for (const auto& [id, before] : blocked) {
    back.insert(id);
    std::int64_t wait = 250'000;
    {
      Query query(session, "SELECT state, run_at FROM job WHERE id = ?", before);
      if (query.next() && query.text(0) == "waiting") wait = query.instant(1).value_or(at).micros - at.micros + 100'000;
    }
    const Timestamp until{at.micros + std::clamp<std::int64_t>(wait, 250'000, 60'000'000)};
    run_sql(session, "UPDATE job SET state = 'waiting', run_at = ? WHERE id = ?", until, id);
  }
  return back;
}

void Queue::State::claim_from(storage::Session& session, const std::string& queue, Timestamp at, Batch& batch) {
  const int most = limit_of(queue).batch;
  std::vector<Job> jobs;
  std::vector<std::int64_t> fences;
  {
    Query query(session, "SELECT " + std::string(job_columns) + ", fence FROM job" + by_ready +
                             " WHERE state = 'ready' AND queue = ? ORDER BY priority, run_at, id LIMIT ?" + locking,
                std::string_view(queue), most);
    while (query.next()) {
      Job job = read_job(query);
      // What was tried before comes alone: were it to end the process, those beside it would be counted an attempt each
      // time until they are dead letters, too.
      if (job.attempt > 0 && !jobs.empty()) {
        batch.full = true;
        break;
      }
      ++job.attempt;
      const bool alone = job.attempt > 1;
      jobs.push_back(std::move(job));
      fences.push_back(query.integer(job_column_count) + 1);
      if (alone) {
        batch.full = true;
        break;
      }
    }
  }
  if (jobs.empty()) return;
  batch.queue = queue;
  batch.full = batch.full || static_cast<int>(jobs.size()) == most;
  const auto back = hold_back(session, jobs, at);
  std::vector<std::int64_t> ids;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (back.contains(jobs[i].id)) {
      batch.full = true;  // others may stand behind those
      continue;
    }
    ids.push_back(jobs[i].id);
    batch.attempts.push_back(std::make_shared<Running>(*this, std::move(jobs[i]), fences[i]));
  }
  const Timestamp until{at.micros + std::int64_t{options.lease_seconds} * 1'000'000};
  in_parts(ids.size(), [&](std::size_t begin, std::size_t count, std::size_t places) {
    Query update(session,
                 "UPDATE job" + by_id + " SET state = 'running', attempts = attempts + 1, fence = fence + 1, worker = ?, lease_until = ?, unique_key = NULL "
                 "WHERE id IN (" + repeated("?", ", ", places) + ")",
                 std::string_view(options.node), until);
    for (std::size_t i = 0; i < places; ++i) update.add(ids[begin + std::min(i, count - 1)]);
    update.next();
  });
  // Within the places that the jobs of a lane have, they come in the lane's order.
  std::map<std::int64_t, std::vector<std::size_t>> places;
  for (std::size_t i = 0; i < batch.attempts.size(); ++i) {
    if (const std::int64_t lane = batch.attempts[i]->job().lane; lane != 0) places[lane].push_back(i);
  }
  for (const auto& [lane, at_places] : places) {
    if (at_places.size() < 2) continue;
    std::vector<std::shared_ptr<Running>> members;
    for (const std::size_t place : at_places) members.push_back(batch.attempts[place]);
    std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a->job().lane_order < b->job().lane_order; });
    for (std::size_t k = 0; k < members.size(); ++k) batch.attempts[at_places[k]] = members[k];
  }
}

Queue::State::Batch Queue::State::claim() {
  Batch batch;
  const Found found = look();
  const Timestamp at = now();
  const auto present = Steady::now();
  next_look = present + milliseconds(options.poll_milliseconds);
  const bool timers = found.next_timer && *found.next_timer <= at;
  if (found.next_timer && !timers) {
    next_look = std::min(next_look, present + std::chrono::microseconds(found.next_timer->micros - at.micros));
  }
  // The most urgent queue that has room; of equally urgent ones that whose turn was longest ago.
  const auto choose = [&](const Heads& heads) {
    std::string best;
    std::int64_t best_priority = 0;
    for (const auto& [priority, name] : heads) {
      if (!best.empty() && priority != best_priority) break;
      if (!has_room(name) || (!best.empty() && served[name] >= served[best])) continue;
      best = name;
      best_priority = priority;
    }
    return best;
  };
  if (!timers && choose(found.queues).empty()) return batch;
  bool more_timers = false;
  database.transact([&](storage::Session& session) {
    batch = Batch();
    if (mysql) session.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED");  // no locks on gaps, which would stop inserts
    if (timers) promote(session, at);
    more_timers = timers;
    const std::string queue = choose(timers ? ready_queues(session) : found.queues);
    if (!queue.empty()) claim_from(session, queue, at, batch);
  });
  if (!batch.queue.empty()) served[batch.queue] = ++turn;
  if (more_timers || batch.full || !batch.attempts.empty()) next_look = present;  // look again at once
  if (!batch.queue.empty() && !batch.full) {
    if (const int gather = limit_of(batch.queue).gather_milliseconds; gather > 0) not_before = present + milliseconds(gather);
  }
  return batch;
}

// ---- working

void Queue::State::run_one(Running& attempt, const Registered* found) {
  try {
    if (found == nullptr) {
      throw Error(ErrorCode::unavailable, "Nothing on this node does jobs of the kind " + attempt.job().kind +
                                              "; is a plugin missing, or of another version?");
    }
    if (found->many) {
      Attempt* one[] = {&attempt};
      found->many(one);
    } else {
      found->one(attempt);
    }
  } catch (const std::exception& error) {
    if (attempt.lost_) {
      spdlog::warn("jobs: {}", error.what());
      return;
    }
    const Job& job = attempt.job();
    spdlog::warn("jobs: job {} ({}), attempt {} of {}: {}", job.id, job.kind, job.attempt, job.max_attempts, error.what());
    attempt.fail(error);
  } catch (...) {
    attempt.fail(Error(ErrorCode::internal, "The handler threw something that is no std::exception"));
  }
}

void Queue::State::end_open(const std::vector<std::shared_ptr<Running>>& attempts) {
  std::vector<Running*> open;
  for (const auto& attempt : attempts) {
    if (attempt->open()) open.push_back(attempt.get());
  }
  if (open.empty()) return;
  database.transact([&](storage::Session& session) {
    if (mysql) session.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED");  // as in claim()
    in_parts(open.size(), [&](std::size_t begin, std::size_t count, std::size_t places) {
      Query query(session, std::string(mysql ? "DELETE job FROM job" : "DELETE FROM job") + by_id + " WHERE state = 'running' AND (" + repeated("(id = ? AND fence = ?)", " OR ", places) + ")");
      for (std::size_t i = 0; i < places; ++i) {
        const Running& attempt = *open[begin + std::min(i, count - 1)];
        query.add(attempt.job().id);
        query.add(attempt.fence());
      }
      query.next();
    });
  });
  for (Running* attempt : open) attempt->close();
}

void Queue::State::run(Batch& batch) {
  std::unordered_set<std::int64_t> stuck;  // lanes in which one failed
  std::vector<std::shared_ptr<Running>> done;
  const auto& attempts = batch.attempts;
  for (std::size_t i = 0; i < attempts.size();) {
    Running& attempt = *attempts[i];
    const auto found = handlers.find(attempt.job().kind);
    const Registered* handler = found == handlers.end() ? nullptr : &found->second;
    std::size_t end = i + 1;
    if (handler != nullptr && handler->many) {
      while (end < attempts.size() && attempts[end]->job().kind == attempt.job().kind) ++end;
    }
    try {
      if (stopping.load(std::memory_order_relaxed)) {
        for (; i < end; ++i) attempts[i]->postpone(0);
      } else if (end - i == 1) {
        if (attempt.job().lane != 0 && stuck.contains(attempt.job().lane)) {
          attempt.postpone(1000);
        } else {
          run_one(attempt, handler);
          if (attempt.job().lane != 0 && attempt.left_undone()) stuck.insert(attempt.job().lane);
          if (attempt.open()) done.push_back(attempts[i]);
        }
      } else {
        std::vector<Attempt*> many;
        for (std::size_t k = i; k < end; ++k) many.push_back(attempts[k].get());
        try {
          handler->many(many);
        } catch (const std::exception& error) {
          spdlog::warn("jobs: a batch of {} ({}): {}", many.size(), attempt.job().kind, error.what());
          for (std::size_t k = i; k < end; ++k) {
            if (attempts[k]->open()) attempts[k]->fail(error);
          }
        }
        for (std::size_t k = i; k < end; ++k) {
          if (attempts[k]->open()) done.push_back(attempts[k]);
        }
      }
      // Singly: an effect that has no transaction of its own is done; the less is lost the sooner it is known.
      if (end - i == 1 || attempts.size() == end) {
        end_open(done);
        done.clear();
      }
    } catch (const std::exception& error) {
      // The database cannot be reached: the lease runs out, and somebody tries again.
      spdlog::error("jobs: the outcome of {} attempt(s) of {} could not be written: {}", end - i, attempt.job().kind, error.what());
      done.clear();
    }
    i = end;
  }
}

void Queue::State::work() {
  std::unique_lock lock(mutex);
  for (;;) {
    lead.wait(lock, [&] { return stopping.load() || !leader; });
    if (stopping) return;
    leader = true;
    Batch batch;
    while (!stopping) {
      if (not_before > Steady::now()) {
        changed.wait_until(lock, not_before, [&] { return stopping.load(); });
        if (stopping) break;
      }
      woken = false;
      lock.unlock();
      try {
        batch = claim();
      } catch (const std::exception& error) {
        spdlog::warn("jobs: looking for work failed: {}", error.what());
        next_look = not_before = Steady::now() + failed_pause;
      }
      lock.lock();
      if (!batch.attempts.empty()) break;
      changed.wait_until(lock, next_look, [&] { return stopping.load() || woken.load(); });
    }
    if (!batch.attempts.empty()) {
      ++busy;
      ++at_work[batch.queue];
      for (const auto& attempt : batch.attempts) held.push_back(attempt);
    }
    leader = false;
    lead.notify_one();
    if (batch.attempts.empty()) continue;
    lock.unlock();
    run(batch);
    lock.lock();
    --busy;
    --at_work[batch.queue];
    std::erase_if(held, [&](const auto& attempt) {
      return std::find(batch.attempts.begin(), batch.attempts.end(), attempt) != batch.attempts.end();
    });
    ended.notify_all();
    if (!woken.exchange(true)) changed.notify_one();  // the queue has room again
  }
}

// ---- leases

std::int64_t Queue::State::back_off(int attempt) {
  const double first = options.first_retry_seconds, longest = options.longest_retry_seconds;
  const double full = std::min(longest, first * static_cast<double>(std::int64_t{1} << std::clamp(attempt - 1, 0, 40)));
  const std::lock_guard lock(random_mutex);
  return static_cast<std::int64_t>(full * std::uniform_real_distribution<double>(0.5, 1.0)(random) * 1e6);
}

bool Queue::State::move_on(std::int64_t id, std::int64_t fence, const char* state, Timestamp run_at, std::string_view error, bool uncount,
                           std::optional<Timestamp> expired) {
  bool ours = false;
  const auto update = [&](bool with_key) {
    database.transact([&](storage::Session& session) {
      const std::string key = with_key && std::string_view(state) != "dead" ? "key_name" : "NULL";
      Query query(session,
                  "UPDATE job SET state = ?, run_at = ?, attempts = attempts - ?, lease_until = NULL, worker = NULL, unique_key = " + key +
                      (error.empty() ? "" : ", last_error = ?") + " WHERE id = ? AND fence = ? AND state = 'running'" + (expired ? " AND lease_until < ?" : ""),
                  std::string_view(state), run_at, uncount ? 1 : 0);
      if (!error.empty()) query.add(error);
      query.add(id);
      query.add(fence);
      if (expired) query.add(*expired);
      query.next();
      ours = query.affected() == 1;
    });
  };
  try {
    update(true);
  } catch (const Error& failed) {
    std::string key;
    if (!storage::DuplicateKey::is(failed, &key)) throw;
    update(false);  // one that was added in the meantime has the key now
  }
  return ours;
}

void Queue::State::renew_all() {
  std::vector<std::shared_ptr<Running>> mine;
  {
    const std::lock_guard lock(mutex);
    mine = held;
  }
  std::erase_if(mine, [](const auto& attempt) { return !attempt->open(); });
  if (mine.empty()) return;
  const Timestamp until{now().micros + std::int64_t{options.lease_seconds} * 1'000'000};
  in_parts(mine.size(), [&](std::size_t begin, std::size_t count, std::size_t places) {
    database.transact([&](storage::Session& session) {
      Query query(session,
                  "UPDATE job" + by_id + " SET lease_until = ? WHERE state = 'running' AND (" + repeated("(id = ? AND fence = ?)", " OR ", places) + ")", until);
      for (std::size_t i = 0; i < places; ++i) {
        const Running& attempt = *mine[begin + std::min(i, count - 1)];
        query.add(attempt.job().id);
        query.add(attempt.fence());
      }
      query.next();
    });
  });
}

void Queue::State::take_over(bool all) {
  struct Expired {
    std::int64_t id, fence;
    int attempts, most;
    std::string worker;
  };
  for (;;) {
    std::vector<Expired> expired;
    const Timestamp at = now();
    {
      auto session = database.read();
      Query query(*session, "SELECT id, fence, attempts, max_attempts, worker FROM job" + by_time +
                                " WHERE state = 'running'" + (all ? "" : " AND lease_until < ?") + " ORDER BY run_at, id LIMIT 200");
      if (!all) query.add(at);
      while (query.next()) {
        expired.push_back({query.integer(0), query.integer(1), static_cast<int>(query.integer(2)), static_cast<int>(query.integer(3)), query.text(4)});
      }
    }
    for (const Expired& job : expired) {
      const bool dead = job.attempts >= job.most;
      const std::string why = "The process " + job.worker + " ended, or could not reach the database, during attempt " +
                              std::to_string(job.attempts) + " of " + std::to_string(job.most);
      const Timestamp next = dead ? at : Timestamp{at.micros + back_off(job.attempts)};
      if (move_on(job.id, job.fence, dead ? "dead" : "waiting", next, why, false, all ? std::nullopt : std::optional(at))) {
        spdlog::warn("jobs: job {}: {}", job.id, why);
      }
    }
    if (expired.size() < 200) return;
  }
}

void Queue::State::keep() {
  const auto every = std::clamp(milliseconds(options.lease_seconds * 1000 / 3), milliseconds(300), milliseconds(5000));
  std::unique_lock lock(mutex);
  while (!stopped) {
    lock.unlock();
    try {
      renew_all();
      if (!stopping) take_over(false);
    } catch (const std::exception& error) {
      spdlog::warn("jobs: renewing leases failed: {}", error.what());
    }
    lock.lock();
    kept.wait_for(lock, every, [&] { return stopped; });
  }
}

void Queue::State::give_back() {
  std::vector<std::shared_ptr<Running>> mine;
  {
    const std::lock_guard lock(mutex);
    mine = held;
  }
  for (const auto& attempt : mine) {
    if (!attempt->open()) continue;
    try {
      if (move_on(attempt->job().id, attempt->fence(), "ready", now(), "The server stopped before the job was done", true)) attempt->lose();
    } catch (const std::exception& error) {
      spdlog::warn("jobs: the lease of job {} was not given back: {}", attempt->job().id, error.what());
    }
  }
}

void Queue::State::wake() noexcept {
  if (woken.exchange(true)) return;
  const std::lock_guard lock(mutex);  // not between the leader's look and its wait
  changed.notify_one();
}

// ---- the queue

Queue::Queue(storage::Database& database, const Clock& clock, QueueOptions options)
    : state_(std::make_unique<State>(database, clock, std::move(options))) {}

Queue::~Queue() {
  stop();
}

void Queue::handle(std::string kind, Handler handler) {
  state_->handlers[std::move(kind)].one = std::move(handler);
}

void Queue::handle_batch(std::string kind, BatchHandler handler) {
  state_->handlers[std::move(kind)].many = std::move(handler);
}

void Queue::start() {
  State& state = *state_;
  if (state.started) throw Error(ErrorCode::internal, "The queue is running already");
  if (state.options.alone) state.take_over(true);
  state.started = true;
  state.keeper = std::thread([&state] { state.keep(); });
  for (int i = 0; i < state.options.workers; ++i) state.threads.emplace_back([&state] { state.work(); });
}

void Queue::stop(int seconds) {
  State& state = *state_;
  {
    std::unique_lock lock(state.mutex);
    if (!state.started || state.stopped) return;
    state.stopping = true;
    state.lead.notify_all();
    state.changed.notify_all();
    state.ended.wait_for(lock, std::chrono::seconds(seconds), [&] { return state.busy == 0; });
  }
  state.give_back();
  {
    const std::lock_guard lock(state.mutex);
    state.stopped = true;
  }
  state.kept.notify_all();
  state.keeper.join();
  for (auto& thread : state.threads) thread.join();
}

void Queue::wake() noexcept {
  state_->wake();
}

Timestamp Queue::now() const {
  return state_->now();
}

std::int64_t Queue::drain() {
  State& state = *state_;
  if (state.started) throw Error(ErrorCode::internal, "A queue that is running is not drained by hand");
  std::int64_t attempts = 0;
  for (;;) {
    state.take_over(false);
    auto batch = state.claim();
    attempts += static_cast<std::int64_t>(batch.attempts.size());
    if (batch.attempts.empty() && !batch.full) {
      const auto found = state.look();
      if (found.queues.empty() && !(found.next_timer && *found.next_timer <= state.now())) return attempts;
      continue;
    }
    state.run(batch);
  }
}

}  // namespace caravan::jobs
