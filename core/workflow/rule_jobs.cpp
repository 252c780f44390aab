#include "workflow/rule_jobs.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "records/history.h"
#include "records/json.h"
#include "records/trash.h"
#include "storage/query.h"
#include "workflow/approvals.h"
#include "workflow/cascade.h"
#include "workflow/effects.h"
#include "workflow/rule_payload.h"
#include "workflow/rules.h"

namespace caravan::workflow {
namespace {

using model::Automation;
using model::Entity;
using records::Context;
using records::Record;

constexpr std::uint32_t planned_at_once = 200;
/// So long a node may be behind with the definitions.
constexpr std::int64_t behind_micros = 60'000'000;
constexpr const char* no_such_rule = "the definitions in use have no such rule, or it is switched off";

/// What is done goes back to what led to the job.
void go_on(records::Work& work, const jobs::Job& job, const Payload& payload) {
  Cascade& cascade = cascade_of(work);
  cascade.set_off_by = job.actor_id;
  cascade.before = payload.list("before");
  cascade.before.push_back(work.context().source);
  if (payload.has("share")) cascade.share = payload.number("share");
}

void leave_out(jobs::Attempt& attempt, Run run, const char* why) {
  run.outcome = "skipped";
  run.reason = why;
  attempt.finish([&](storage::Session& session) { write_run(session, run); });
}

const Automation* automation_named(const model::Catalog& catalog, std::string_view name) {
  const auto found = std::find_if(catalog.automations.begin(), catalog.automations.end(), [&](const auto& one) { return one->name == name; });
  return found != catalog.automations.end() && (*found)->active ? found->get() : nullptr;
}

}  // namespace

RuleJobs::RuleJobs(const records::RecordService& service, CatalogInUse catalog, jobs::Queue& queue, storage::Sequences& sequences)
    : service_(service), catalog_(std::move(catalog)), queue_(queue), sequences_(sequences) {
  queue_.handle(automation_kind, [this](jobs::Attempt& attempt) { automation(attempt); });
  queue_.handle(timer_kind, [this](jobs::Attempt& attempt) { timer(attempt); });
  queue_.handle(plan_kind, [this](jobs::Attempt& attempt) { plan(attempt); });
  queue_.handle(schedule_kind, [this](jobs::Attempt& attempt) { schedule(attempt); });
  queue_.handle(approval_reminder_kind, [this](jobs::Attempt& attempt) { remind_of_approval(service_, context_of("approvals"), attempt); });
}

Context RuleJobs::context_of(std::string source, std::shared_ptr<const model::Catalog> catalog) const {
  Context context;
  context.actor.system = true;
  context.catalog = catalog ? std::move(catalog) : catalog_();
  context.source = std::move(source);
  context.locale = context.catalog->agency.locale;
  context.now = queue_.now();
  return context;
}

void RuleJobs::tell_failed(Run run, const std::exception& why) const {
  run.outcome = "failed";
  run.reason = why.what();
  run.effects = 0;
  service_.database().transact([&](storage::Session& session) { write_run(session, run); });
}

bool RuleJobs::comes_too_early(jobs::Attempt& attempt, const Payload& payload, const model::Catalog& catalog) const {
  if (!payload.has("catalog") || payload.text("catalog") == catalog.hash) return false;
  if (queue_.now().micros - attempt.job().created_at.micros >= behind_micros) return false;
  attempt.postpone(500);
  return true;
}

void RuleJobs::automation(jobs::Attempt& attempt) const {
  const Payload payload(attempt.job().payload);
  const std::string name = payload.text("automation");
  Context context = context_of("automation " + name);
  context.request_id = attempt.job().request_id;
  const Automation* rule = automation_named(*context.catalog, name);
  const Entity* entity = context.catalog->entity(payload.text("entity"));
  Run run;
  run.rule = name;
  run.entity = payload.text("entity");
  run.record_id = payload.number("record");
  run.event = payload.text("event");
  run.at = context.now;
  if (rule == nullptr || entity == nullptr || rule->entity != entity) {
    if (!comes_too_early(attempt, payload, *context.catalog)) leave_out(attempt, run, no_such_rule);
    return;
  }
  try {
    service_.transact(context, [&](records::Work& work) {
      Run done = run;
      std::optional<Record> record;
      if (payload.has("row")) {
        record = records::parse_row(*entity, payload.text("row"));
      } else {
        record = load_locked(work, *entity, run.record_id);
      }
      if (!record) {
        done.outcome = "skipped";
        done.reason = "the record is gone";
      } else {
        go_on(work, attempt.job(), payload);
        const RuleScope scope(work, context.source);
        done.effects = static_cast<std::int64_t>(run_effects(work, rule->effects, *record, context.source));
      }
      write_run(work.session(), done);
      attempt.finish_in(work.session());
    });
  } catch (const std::exception& error) {
    tell_failed(run, error);
    throw;
  }
}

void RuleJobs::timer(jobs::Attempt& attempt) const {
  const Payload payload(attempt.job().payload);
  const std::string rule = payload.text("rule");
  const std::string name = rule.substr(rule.find(' ') + 1);
  const bool step = !rule.starts_with("automation ");
  const Context context = context_of(step ? "automatic " + name : rule);
  const Entity* entity = context.catalog->entity(payload.text("entity"));
  const std::int64_t id = payload.number("record");
  if (!step) return timed_automation(attempt, payload, context, entity, id, name);
  const model::Transition* transition = entity != nullptr && entity->workflow ? entity->workflow->transition(name.substr(name.rfind('.') + 1)) : nullptr;
  if (transition == nullptr || !entity->rules) {
    comes_too_early(attempt, payload, *context.catalog);
    return;
  }
  // Settling asks for state, moment and guard as they are now.
  service_.transact(context, [&](records::Work& work) {
    cascade_of(work).set_off_by = attempt.job().actor_id;
    if (auto record = load_locked(work, *entity, id)) settle(work, *record);
    attempt.finish_in(work.session());
  });
}

void RuleJobs::timed_automation(jobs::Attempt& attempt, const Payload& payload, const Context& context, const Entity* entity, std::int64_t id,
                                const std::string& name) const {
  const Timestamp due{payload.number("due")};
  const Automation* rule = automation_named(*context.catalog, name);
  Run run;
  run.rule = name;
  run.entity = payload.text("entity");
  run.record_id = id;
  run.event = "at " + format_timestamp(due);
  run.at = context.now;
  if (rule == nullptr || entity == nullptr || rule->entity != entity || rule->on != Automation::On::time) {
    if (!comes_too_early(attempt, payload, *context.catalog)) leave_out(attempt, run, no_such_rule);
    return;
  }
  try {
    service_.transact(context, [&](records::Work& work) {
      Run done = run;
      auto record = load_locked(work, *entity, id);
      const auto follow = follow_in(work);
      // Another moment has a timer of its own.
      if (record && moment_of(*rule->at, context, *record, follow) == due) {
        done.reason = automation_refusal(*rule, context, *record, nullptr, follow);
        if (done.reason.empty()) {
          go_on(work, attempt.job(), payload);
          const RuleScope scope(work, context.source);
          done.effects = static_cast<std::int64_t>(run_effects(work, rule->effects, *record, context.source));
        } else {
          done.outcome = "skipped";
        }
        write_run(work.session(), done);
      }
      attempt.finish_in(work.session());
    });
  } catch (const std::exception& error) {
    tell_failed(run, error);
    throw;
  }
}

void RuleJobs::plan_soon() {
  jobs::NewJob job;
  job.queue = rules_queue;
  job.kind = plan_kind;
  const auto catalog = catalog_();
  job.payload = "{\"catalog\":";
  records::write_json_string(job.payload, catalog->hash);
  job.payload += "}";
  job.unique_key = "plan/" + catalog->hash;
  const std::int64_t id = sequences_.next("job");
  service_.database().transact([&](storage::Session& session) { jobs::enqueue(session, id, job, queue_.now()); });
  queue_.wake();
}

void RuleJobs::plan(jobs::Attempt& attempt) const {
  const auto catalog = catalog_();
  const Payload payload(attempt.job().payload);
  if (payload.text("catalog") != catalog->hash) {
    comes_too_early(attempt, payload, *catalog);  // else long replaced
    return;
  }
  for (const auto& rule : catalog->schedules) {
    if (!rule->active) continue;
    const std::int64_t id = sequences_.next("job");
    service_.database().transact([&](storage::Session& session) { enqueue_next(session, id, *catalog, *rule, queue_.now()); });
  }
  for (std::int64_t after = 0; (after = recheck_approvals(service_, context_of("approvals", catalog), after)) != 0;) {
    if (attempt.stopping()) return attempt.postpone(0);
  }
  std::set<std::string> known;
  for (const auto& entity : catalog->entities) {
    if (!entity->rules) continue;
    for (const Automation* rule : entity->rules->timed) {
      const std::string name = "automation " + rule->name;
      known.insert("timers/" + name);
      plan_timers(attempt, catalog, name, *entity, *rule->at, nullptr);
    }
    for (const model::Transition* transition : entity->rules->automatic) {
      if (!transition->at) continue;
      const std::string name = "transition " + entity->full_name + "." + transition->name;
      known.insert("timers/" + name);
      plan_timers(attempt, catalog, name, *entity, *transition->at, transition);
    }
    if (attempt.stopping()) return attempt.postpone(0);
  }
  // A rule that comes back later plans anew.
  service_.database().transact([&](storage::Session& session) {
    std::vector<std::string> gone;
    {
      storage::Query query(session, "SELECT name FROM setting WHERE name LIKE 'timers/%'");
      while (query.next()) {
        if (!known.contains(query.text(0))) gone.push_back(query.text(0));
      }
    }
    for (const std::string& name : gone) storage::run_sql(session, "DELETE FROM setting WHERE name = ?", name);
  });
}

void RuleJobs::plan_timers(jobs::Attempt& attempt, const std::shared_ptr<const model::Catalog>& catalog, const std::string& rule,
                           const Entity& entity, const expr::Program& at, const model::Transition* transition) const {
  const Context context = context_of("rules", catalog);
  std::string states;
  if (transition != nullptr) {
    for (const model::State* from : transition->from) states += (states.empty() ? "'" : ", '") + from->name + "'";
  }
  const std::string signature = records::digest({at.source(), states}), setting = "timers/" + rule;
  std::string stored;
  service_.database().transact([&](storage::Session& session) {
    storage::Query query(session, "SELECT value FROM setting WHERE name = ?", setting);
    stored = query.next() ? query.text(0) : std::string();
  });
  // `SIGNATURE LAST_ID`, or `SIGNATURE done`.
  if (stored == signature + " done") return;
  std::int64_t last = stored.starts_with(signature + " ") ? std::strtoll(stored.c_str() + signature.size() + 1, nullptr, 10) : 0;
  for (bool more = true; more && !attempt.stopping();) {
    records::ListQuery query;
    query.filter = "record.id > " + std::to_string(last) + (states.empty() ? "" : " && record.state in [" + states + "]");
    query.sort = "id";
    query.limit = planned_at_once;
    auto page = service_.list(context, entity, query);
    more = !page.next.empty();
    if (!page.items.empty()) last = page.items.back().id();
    service_.transact(context, [&](records::Work& work) {
      const auto follow = follow_in(work);
      for (Record& record : page.items) {
        const auto due = moment_of(at, context, record, follow);
        // What a step was to end long ago ends now; what an automation would have done before it was written is not made up for.
        if (!due || (transition == nullptr && *due <= context.now)) continue;
        work.enqueue(timer_job({rule, &entity, record.id(), *due, 0, {}}, *catalog));
      }
      const std::string value = signature + " " + (more ? std::to_string(last) : "done");
      storage::run_sql(work.session(), "DELETE FROM setting WHERE name = ?", setting);
      storage::run_sql(work.session(), "INSERT INTO setting (name, value) VALUES (?, ?)", setting, value);
    });
  }
}

}  // namespace caravan::workflow
