#include "api/json_writer.h"
#include "api/messages.h"
#include "api/negotiate.h"
#include "api/once.h"
#include "api/routes.h"
#include "api/titles.h"
#include "records/codec.h"
#include "workflow/rule_jobs.h"
#include "workflow/transitions.h"

// What happens by itself, for administrators; and steps taken back.

namespace caravan::api {
namespace {

constexpr std::int64_t counted_micros = std::int64_t{24} * 3'600'000'000;

workflow::RuleJobs& rules_of(const Call& call) {
  if (call.services.rules == nullptr) throw refusal(call, ErrorCode::not_found, "no_route");
  return *call.services.rules;
}

template <class Rule>
const Rule& named(const Call& call, const std::vector<std::unique_ptr<Rule>>& all, std::string_view text) {
  for (const auto& one : all) {
    if (one->name == call.arguments[0]) return *one;
  }
  throw refusal(call, ErrorCode::not_found, text, {shown(call.arguments[0])});
}

std::string event_of(const model::Automation& rule) {
  switch (rule.on) {
    case model::Automation::On::created: return "created";
    case model::Automation::On::updated: return "updated";
    case model::Automation::On::deleted: return "deleted";
    case model::Automation::On::state: return "state " + rule.event;
    case model::Automation::On::transition: return "transition " + rule.event;
    case model::Automation::On::event: return "event " + rule.event;
    case model::Automation::On::time: break;
  }
  return "time";
}

void write_run(JsonWriter& json, const workflow::Run& run) {
  json.begin_object().member("id", std::to_string(run.id)).member_or_null("entity", run.entity);
  json.member_or_null("record", run.record_id != 0 ? std::to_string(run.record_id) : std::string());
  json.member("event", run.event).member("at", format_timestamp(run.at)).member("outcome", run.outcome);
  json.member_or_null("reason", run.reason).member("effects", run.effects).end_object();
}

void write_runs(Call& call, const std::string& rule, const char* kind) {
  check_parameters(call, {"outcome", "record", "limit", "after"});
  workflow::RunQuery query;
  query.rule = rule;
  query.kind = kind;
  query.limit = limit_parameter(call);
  if (const std::string* outcome = call.request.parameter("outcome")) query.outcome = *outcome;
  if (!query.outcome.empty() && query.outcome != "done" && query.outcome != "skipped" && query.outcome != "failed") {
    throw refusal(call, ErrorCode::invalid_argument, "run_outcome", {shown(query.outcome)});
  }
  if (const std::string* record = call.request.parameter("record")) {
    const auto id = parse_id(*record);
    if (!id) throw refusal(call, ErrorCode::not_found, "no_record", {shown(*record)});
    query.record_id = *id;
  }
  if (const std::string* after = call.request.parameter("after")) query.after = *after;
  workflow::RunPage page;
  try {
    auto session = rules_of(call).database().read();
    page = workflow::list_runs(*session, query);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::invalid_argument) throw refusal(call, ErrorCode::invalid_argument, "cursor");
    throw;
  }
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const workflow::Run& run : page.items) write_run(json, run);
  json.end_array().member_or_null("next", page.next).end_object();
  if (!page.next.empty()) call.response.headers.emplace_back("Link", next_link(call.request, "after", page.next));
}

}  // namespace

void undo_step(Call& call) {
  const model::Entity& entity = entity_of(call);
  const std::int64_t id = id_of(call);
  json_object(call, {});
  const auto version = expected_version(call, false);
  call.services.transitions.undo(call.context, entity, id, version, [&](const records::Record& record) {
    start_answer(call);
    call.response.headers.emplace_back("ETag", entity_tag(record.version()));
    records::write_json(call.response.body, record);
  });
  tell_auth(call, entity, id);
}

void list_automations(Call& call) {
  check_parameters(call, {});
  workflow::RuleJobs& rules = rules_of(call);
  auto session = rules.database().read();
  const auto counts = workflow::count_runs(*session, "automation", {rules.now().micros - counted_micros});
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const auto& rule : call.context.catalog->automations) {
    const auto found = counts.find(rule->name);
    const workflow::RunCounts count = found == counts.end() ? workflow::RunCounts() : found->second;
    json.begin_object().member("name", rule->name).member("label", label_of(rule->label, rule->name, call.context.locale));
    json.member("entity", rule->entity->full_name).member("on", event_of(*rule)).member("in_transaction", rule->in_transaction);
    json.member("active", rule->active).member("done", count.done).member("skipped", count.skipped).member("failed", count.failed).end_object();
  }
  json.end_array().end_object();
}

void list_automation_runs(Call& call) {
  write_runs(call, named(call, call.context.catalog->automations, "no_automation").name, "automation");
}

void list_schedules(Call& call) {
  check_parameters(call, {});
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const workflow::ScheduleState& state : rules_of(call).schedules(*call.context.catalog)) {
    const model::ScheduleRule& rule = *state.rule;
    json.begin_object().member("name", rule.name).member("label", label_of(rule.label, rule.name, call.context.locale));
    json.member_or_null("entity", rule.entity != nullptr ? rule.entity->full_name : std::string()).member("cron", rule.cron);
    json.member("active", rule.active).member_or_null("next", state.next ? format_timestamp(*state.next) : std::string()).key("last");
    if (state.last) write_run(json, *state.last);
    else json.null();
    json.end_object();
  }
  json.end_array().end_object();
}

void list_schedule_runs(Call& call) {
  write_runs(call, named(call, call.context.catalog->schedules, "no_schedule").name, "schedule");
}

void run_schedule(Call& call) {
  check_parameters(call, {});
  const model::ScheduleRule& rule = named(call, call.context.catalog->schedules, "no_schedule");
  const std::int64_t job = rules_of(call).run_now(call.context, rule);
  if (job == 0) throw refusal(call, ErrorCode::conflict, "schedule_waits");
  call.response.status = 202;
  JsonWriter json(call.response.body);
  json.begin_object().member("job", std::to_string(job)).end_object();
}

}  // namespace caravan::api
