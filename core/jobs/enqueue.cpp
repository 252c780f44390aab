#include "base/error.h"
#include "jobs/queue_state.h"

namespace caravan::jobs {

bool enqueue(storage::Session& session, std::int64_t id, const NewJob& job, Timestamp now) {
  const auto check = [](const char* what, const std::string& text, std::size_t longest, bool needed) {
    if (text.size() > longest || (needed && text.empty())) {
      throw Error(ErrorCode::invalid_argument, std::string("The ") + what + " of a job must have " + (needed ? "1" : "0") + " to " +
                                                   std::to_string(longest) + " bytes, not " + std::to_string(text.size()));
    }
  };
  check("queue", job.queue, 64, true);
  check("kind", job.kind, 100, true);
  check("unique key", job.unique_key, 190, false);
  if (job.max_attempts < 1) throw Error(ErrorCode::invalid_argument, "A job must be tried at least once");
  const bool later = job.run_at && *job.run_at > now;
  Query insert(session,
               "INSERT INTO job (id, queue, kind, payload, state, priority, run_at, attempts, max_attempts, fence, unique_key, key_name, "
               "lane, lane_order, actor_id, request_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, 0, ?, ?, ?, ?, ?, ?, ?)",
               id, std::string_view(job.queue), std::string_view(job.kind), std::string_view(job.payload),
               std::string_view(later ? "waiting" : "ready"), job.priority, job.run_at ? *job.run_at : now, job.max_attempts);
  insert.add_or_null(job.unique_key);
  insert.add_or_null(job.unique_key);
  insert.add_or_null(job.lane);
  if (job.lane != 0) insert.add(job.lane_order);
  else insert.add_null();
  insert.add_or_null(job.actor_id);
  insert.add_or_null(std::string_view(job.request_id).substr(0, 64));
  insert.add(now);
  if (job.unique_key.empty()) {
    insert.next();
    return true;
  }
  try {
    insert.next();
  } catch (const Error& error) {
    std::string key;
    if (storage::DuplicateKey::is(error, &key) && key == "uq_job$unique") return false;
    throw;
  }
  return true;
}

Job read_job(Query& query) {
  Job job;
  job.id = query.integer(0);
  job.queue = query.text(1);
  job.kind = query.text(2);
  job.payload = query.text(3);
  job.priority = static_cast<int>(query.integer(4));
  job.attempt = static_cast<int>(query.integer(5));
  job.max_attempts = static_cast<int>(query.integer(6));
  job.run_at = query.instant(7).value_or(Timestamp());
  job.created_at = query.instant(8).value_or(Timestamp());
  job.lane = query.integer(9);
  job.lane_order = query.integer(10);
  job.actor_id = query.integer(11);
  job.request_id = query.text(12);
  return job;
}

}  // namespace caravan::jobs
