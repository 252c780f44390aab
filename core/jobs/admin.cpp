// What administrators see of the queue, and do with it.
#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "jobs/queue_state.h"

namespace caravan::jobs {
namespace {

constexpr std::string_view info_columns = ", state, worker, last_error, progress_note, progress_done, progress_total, lease_until";

JobInfo read_info(Query& query) {
  JobInfo info;
  info.job = read_job(query);
  int column = job_column_count;
  info.state = query.text(column++);
  info.worker = query.text(column++);
  info.last_error = query.text(column++);
  info.progress_note = query.text(column++);
  info.progress_done = query.integer(column++);
  info.progress_total = query.integer(column++);
  info.lease_until = query.instant(column++);
  return info;
}

struct Cursor {
  std::int64_t at = 0, id = 0;
};

Cursor parse_cursor(const std::string& text) {
  Cursor cursor;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, cursor.at);
  if (first.ec == std::errc() && first.ptr != end && *first.ptr == '.') {
    const auto second = std::from_chars(first.ptr + 1, end, cursor.id);
    constexpr std::int64_t far = 253'402'300'799'999'999;  // the year 9999
    if (second.ec == std::errc() && second.ptr == end && cursor.at >= 0 && cursor.at <= far) return cursor;
  }
  throw Error(ErrorCode::invalid_argument, "\"after\" is not the \"next\" of a page of jobs");
}

}  // namespace

JobPage Queue::list(const JobQuery& wanted) const {
  const std::uint32_t limit = std::clamp<std::uint32_t>(wanted.limit, 1, 200);
  const bool by_time = !wanted.state.empty(), newest_first = !by_time || wanted.state == "dead";
  std::string sql = "SELECT " + std::string(job_columns) + std::string(info_columns) + " FROM job WHERE 1 = 1";
  if (by_time) sql += " AND state = ?";
  if (!wanted.queue.empty()) sql += " AND queue = ?";
  if (!wanted.kind.empty()) sql += " AND kind = ?";
  std::optional<Cursor> after;
  if (!wanted.after.empty()) {
    after = parse_cursor(wanted.after);
    const std::string than = newest_first ? " < ?" : " > ?";
    sql += by_time ? " AND run_at" + std::string(newest_first ? " <= ?" : " >= ?") + " AND (run_at" + than + " OR id" + than + ")" : " AND id" + than;
  }
  const std::string direction = newest_first ? " DESC" : "";
  sql += by_time ? " ORDER BY run_at" + direction + ", id" + direction : " ORDER BY id DESC";
  sql += " LIMIT ?";
  auto session = state_->database.read();
  Query query(*session, sql);
  if (by_time) query.add(std::string_view(wanted.state));
  if (!wanted.queue.empty()) query.add(std::string_view(wanted.queue));
  if (!wanted.kind.empty()) query.add(std::string_view(wanted.kind));
  if (after) {
    if (by_time) {
      query.add(Timestamp{after->at});
      query.add(Timestamp{after->at});
    }
    query.add(after->id);
  }
  query.add(std::int64_t{limit} + 1);
  JobPage page;
  while (query.next()) {
    if (page.items.size() == limit) {
      const Job& last = page.items.back().job;
      page.next = std::to_string(last.run_at.micros) + "." + std::to_string(last.id);
      break;
    }
    page.items.push_back(read_info(query));
  }
  return page;
}

std::optional<JobInfo> Queue::find(std::int64_t id) const {
  auto session = state_->database.read();
  Query query(*session, "SELECT " + std::string(job_columns) + std::string(info_columns) + " FROM job WHERE id = ?", id);
  if (!query.next()) return std::nullopt;
  return read_info(query);
}

std::vector<QueueStats> Queue::stats() const {
  std::map<std::string, QueueStats> by_queue;
  auto session = state_->database.read();
  const std::int64_t now = state_->now().micros;
  {
    Query query(*session, "SELECT state, queue, COUNT(*), MIN(run_at) FROM job GROUP BY state, queue");
    while (query.next()) {
      const std::string state = query.text(0), queue = query.text(1);
      QueueStats& stats = by_queue[queue];
      stats.queue = queue;
      const std::int64_t count = query.integer(2);
      if (state == "ready") {
        stats.ready = count;
        if (const auto oldest = query.instant(3)) stats.oldest_ready_seconds = std::max(0.0, static_cast<double>(now - oldest->micros) / 1e6);
      } else if (state == "waiting") {
        stats.waiting = count;
      } else if (state == "running") {
        stats.running = count;
      } else if (state == "dead") {
        stats.dead = count;
      }
    }
  }
  std::vector<QueueStats> list;
  for (auto& [name, stats] : by_queue) list.push_back(std::move(stats));
  return list;
}

bool Queue::replay(std::int64_t id) {
  bool done = false;
  const auto update = [&](const std::string& key) {
    state_->database.transact([&](storage::Session& session) {
      done = run_sql(session,
                     "UPDATE job SET attempts = CASE state WHEN 'dead' THEN 0 ELSE attempts END, state = 'ready', run_at = ?, "
                     "progress_done = NULL, progress_total = NULL, progress_note = NULL, unique_key = " + key +
                         " WHERE id = ? AND state IN ('dead', 'waiting')",
                     state_->now(), id) == 1;
    });
  };
  try {
    update("key_name");
  } catch (const Error& error) {
    std::string key;
    if (!storage::DuplicateKey::is(error, &key)) throw;
    update("NULL");
  }
  if (done) state_->wake();
  return done;
}

bool Queue::remove(std::int64_t id) {
  bool done = false;
  state_->database.transact([&](storage::Session& session) {
    done = run_sql(session, "DELETE FROM job WHERE id = ? AND state IN ('dead', 'waiting', 'ready')", id) == 1;
  });
  return done;
}

}  // namespace caravan::jobs
