#include "base/error.h"
#include "base/text.h"
#include "jobs/queue_state.h"

namespace caravan::jobs {

storage::Statement& enqueue_statement(storage::Session& session, std::int64_t id, const NewJob& job, Timestamp now) {
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
  storage::Statement& insert = session.prepare(
      "INSERT INTO job (id, queue, kind, payload, state, priority, run_at, attempts, max_attempts, fence, unique_key, key_name, "
      "lane, lane_order, actor_id, request_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, 0, ?, ?, ?, ?, ?, ?, ?)");
  int index = 0;
  const auto add = [&](const auto& value) { bind_one(insert, ++index, value); };
  const auto add_or_null = [&](const auto& value, bool absent) {
    if (absent) insert.bind_null(++index);
    else add(value);
  };
  add(id);
  add(std::string_view(job.queue));
  add(std::string_view(job.kind));
  add(std::string_view(job.payload));
  add(std::string_view(later ? "waiting" : "ready"));
  add(job.priority);
  add(job.run_at ? *job.run_at : now);
  add(job.max_attempts);
  add_or_null(std::string_view(job.unique_key), job.unique_key.empty());
  add_or_null(std::string_view(job.unique_key), job.unique_key.empty());
  add_or_null(job.lane, job.lane == 0);
  add_or_null(job.lane_order, job.lane == 0);
  add_or_null(job.actor_id, job.actor_id == 0);
  add_or_null(cut_text(job.request_id, 64), job.request_id.empty());
  add(now);
  return insert;
}

bool enqueue(storage::Session& session, std::int64_t id, const NewJob& job, Timestamp now) {
  storage::Statement& insert = enqueue_statement(session, id, job, now);
  try {
    insert.step();
  } catch (const Error& error) {
    insert.reset();
    std::string key;
    if (!job.unique_key.empty() && storage::DuplicateKey::is(error, &key) && key == "uq_job$unique") return false;
    throw;
  }
  insert.reset();
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
