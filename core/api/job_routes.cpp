// The durable queue, for administrators.
#include <charconv>

#include "api/json_writer.h"
#include "api/messages.h"
#include "api/routes.h"
#include "jobs/queue.h"

namespace caravan::api {
namespace {

jobs::Queue& queue_of(const Call& call) {
  if (call.services.jobs == nullptr) throw refusal(call, ErrorCode::not_found, "no_route");
  return *call.services.jobs;
}

std::int64_t job_of(const Call& call) {
  const std::string_view text = call.arguments[0];
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id <= 0) throw refusal(call, ErrorCode::not_found, "no_job");
  return id;
}

void write_job(JsonWriter& json, const jobs::JobInfo& info, bool whole) {
  const jobs::Job& job = info.job;
  json.begin_object().member("id", std::to_string(job.id)).member("queue", job.queue).member("kind", job.kind).member("state", info.state);
  json.member("priority", std::int64_t{job.priority}).member("attempts", std::int64_t{job.attempt});
  json.member("max_attempts", std::int64_t{job.max_attempts});
  json.member("run_at", format_timestamp(job.run_at)).member("created_at", format_timestamp(job.created_at));
  json.member_or_null("caused_by", job.actor_id != 0 ? std::to_string(job.actor_id) : std::string());
  json.member_or_null("request_id", job.request_id);
  json.member_or_null("worker", info.worker);
  json.member_or_null("lease_until", info.lease_until ? format_timestamp(*info.lease_until) : std::string());
  json.member_or_null("last_error", info.last_error);
  json.key("progress").begin_object().member("done", info.progress_done).member("total", info.progress_total);
  json.member("note", info.progress_note).end_object();
  if (whole) json.member("payload", job.payload);
  json.end_object();
}

}  // namespace

void list_jobs(Call& call) {
  check_parameters(call, {"state", "queue", "kind", "limit", "after"});
  jobs::JobQuery query;
  const auto text = [&](std::string_view name, std::string& target) {
    if (const std::string* given = call.request.parameter(name)) target = *given;
  };
  text("state", query.state);
  text("queue", query.queue);
  text("kind", query.kind);
  text("after", query.after);
  query.limit = limit_parameter(call);
  if (!query.state.empty() && query.state != "ready" && query.state != "waiting" && query.state != "running" && query.state != "dead") {
    throw refusal(call, ErrorCode::invalid_argument, "job_state", {shown(query.state)});
  }
  jobs::Queue& queue = queue_of(call);
  jobs::JobPage page;
  try {
    page = queue.list(query);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::invalid_argument) throw refusal(call, ErrorCode::invalid_argument, "cursor");
    throw;
  }
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const auto& info : page.items) write_job(json, info, false);
  json.end_array().member_or_null("next", page.next).end_object();
  if (!page.next.empty()) call.response.headers.emplace_back("Link", next_link(call.request, "after", page.next));
}

void show_job(Call& call) {
  check_parameters(call, {});
  const auto info = queue_of(call).find(job_of(call));
  if (!info) throw refusal(call, ErrorCode::not_found, "no_job");
  JsonWriter json(call.response.body);
  write_job(json, *info, true);
}

void replay_job(Call& call) {
  check_parameters(call, {});
  const std::int64_t id = job_of(call);
  jobs::Queue& queue = queue_of(call);
  const bool done = queue.replay(id);
  const auto info = queue.find(id);
  if (!done) {
    if (!info) throw refusal(call, ErrorCode::not_found, "no_job");
    throw refusal(call, ErrorCode::conflict, "job_not_to_replay", {info->state});
  }
  call.response.status = 204;
}

void delete_job(Call& call) {
  check_parameters(call, {});
  const std::int64_t id = job_of(call);
  jobs::Queue& queue = queue_of(call);
  if (!queue.remove(id)) {
    throw queue.find(id) ? refusal(call, ErrorCode::conflict, "job_runs") : refusal(call, ErrorCode::not_found, "no_job");
  }
  call.response.status = 204;
}

void show_job_stats(Call& call) {
  check_parameters(call, {});
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const auto& stats : queue_of(call).stats()) {
    json.begin_object().member("queue", stats.queue).member("ready", stats.ready).member("waiting", stats.waiting);
    json.member("running", stats.running).member("dead", stats.dead);
    json.member("oldest_ready_seconds", static_cast<std::int64_t>(stats.oldest_ready_seconds)).end_object();
  }
  json.end_array().end_object();
}

}  // namespace caravan::api
