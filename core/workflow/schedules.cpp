#include <algorithm>
#include <cstdlib>

#include "base/cron.h"
#include "base/error.h"
#include "records/access.h"
#include "records/history.h"
#include "records/json.h"
#include "storage/query.h"
#include "workflow/cascade.h"
#include "workflow/effects.h"
#include "workflow/rule_jobs.h"
#include "workflow/rule_payload.h"
#include "workflow/rules.h"

// Schedules: again and again, by the clocks of the agency.

namespace caravan::workflow {
namespace {

using model::ScheduleRule;
using records::Record;

constexpr std::uint32_t records_at_once = 200;
constexpr std::int64_t most_failures_told = 100;
constexpr const char* no_such_schedule = "the definitions in use have no such schedule, or it is switched off";

const ScheduleRule* schedule_named(const model::Catalog& catalog, std::string_view name) {
  const auto found = std::find_if(catalog.schedules.begin(), catalog.schedules.end(), [&](const auto& one) { return one->name == name; });
  return found != catalog.schedules.end() ? found->get() : nullptr;
}

const std::string& zone_of(const ScheduleRule& rule, const model::Catalog& catalog) {
  return rule.calendar != nullptr && !rule.calendar->time_zone.empty() ? rule.calendar->time_zone : catalog.agency.time_zone;
}

/// Of the times: a job that was planned by others is dropped.
std::string times_of(const ScheduleRule& rule, const model::Catalog& catalog) {
  return records::digest({rule.cron, zone_of(rule, catalog), rule.calendar != nullptr ? rule.calendar->name : std::string()});
}

std::string key_of(const ScheduleRule& rule, const model::Catalog& catalog) {
  return "s/" + rule.name + "/" + times_of(rule, catalog);
}

/// Runs by the clock come one after the other: one that is tried again holds the next one up.
std::int64_t lane_of(const ScheduleRule& rule) { return std::strtoll(records::digest({rule.name}).substr(0, 15).c_str(), nullptr, 16) | 1; }

std::string payload_of(const ScheduleRule& rule, const model::Catalog& catalog) {
  std::string out = "{\"schedule\":";
  records::write_json_string(out, rule.name);
  out += ",\"catalog\":";
  records::write_json_string(out, catalog.hash);
  return out;
}

}  // namespace

/// How far a run has come, kept with each record's transaction.
struct RuleJobs::Progress {
  std::string setting, stored;
  std::int64_t last = 0, done = 0, failed = 0;

  void read(storage::Session& session) {
    storage::Query query(session, "SELECT value FROM setting WHERE name = ?", setting);
    stored = query.next() ? query.text(0) : std::string();
    char* end = nullptr;
    last = std::strtoll(stored.c_str(), &end, 10);
    done = std::strtoll(end, &end, 10);
    failed = std::strtoll(end, nullptr, 10);
  }
  std::string text() const { return std::to_string(last) + " " + std::to_string(done) + " " + std::to_string(failed); }
  /// Throws conflict where another attempt has gone on.
  void write(storage::Session& session) const {
    if (storage::run_sql(session, "UPDATE setting SET value = ? WHERE name = ? AND value = ?", text(), setting, stored) == 1) return;
    throw Error(ErrorCode::conflict, "Another attempt goes on with this run.");
  }
};

void RuleJobs::enqueue_next(storage::Session& session, std::int64_t id, const model::Catalog& catalog, const ScheduleRule& rule, Timestamp after) const {
  const auto cron = Cron::parse(rule.cron);
  if (!cron) return;
  const auto works = [&](Date date) { return rule.calendar->is_workday(date); };
  const auto due = cron->next(after, zone_of(rule, catalog), rule.calendar != nullptr ? std::function<bool(Date)>(works) : nullptr);
  if (!due) return;
  jobs::NewJob job;
  job.queue = rules_queue;
  job.kind = schedule_kind;
  job.payload = payload_of(rule, catalog) + ",\"times\":\"" + times_of(rule, catalog) + "\",\"due\":" + std::to_string(due->micros) + "}";
  job.run_at = *due;
  job.lane = lane_of(rule);
  job.lane_order = due->micros;
  job.unique_key = key_of(rule, catalog);
  jobs::enqueue(session, id, job, queue_.now());
}

void RuleJobs::schedule(jobs::Attempt& attempt) const {
  const Payload payload(attempt.job().payload);
  const std::string name = payload.text("schedule");
  const records::Context context = context_of("schedule " + name);
  const ScheduleRule* rule = schedule_named(*context.catalog, name);
  const bool by_hand = !payload.has("due");
  const bool known = rule != nullptr && (by_hand || rule->active);
  const bool in_time = known && (by_hand || payload.text("times") == times_of(*rule, *context.catalog));
  Run run;
  run.rule = name;
  run.kind = "schedule";
  run.entity = rule != nullptr && rule->entity != nullptr ? rule->entity->full_name : std::string();
  run.at = context.now;
  run.event = by_hand ? "by hand" : "due " + format_timestamp(Timestamp{payload.number("due")});
  if (!in_time) {
    if (comes_too_early(attempt, payload, *context.catalog) || known) return;  // by other times it has a job of its own
    run.outcome = "skipped";
    run.reason = no_such_schedule;
    return attempt.finish([&](storage::Session& session) { write_run(session, run); });
  }
  if (!by_hand) {
    // First of all, so that there is a next time whatever becomes of this one. Its job waits for this one's end.
    const std::int64_t next_id = sequences_.next("job");
    service_.database().transact([&](storage::Session& session) {
      enqueue_next(session, next_id, *context.catalog, *rule, std::max(context.now, Timestamp{payload.number("due")}));
    });
  }
  const auto end = [&](records::Work& work) {
    write_run(work.session(), run);
    attempt.finish_in(work.session());
  };
  try {
    if (rule->entity == nullptr) {
      service_.transact(context, [&](records::Work& work) {
        Record none;
        cascade_of(work).set_off_by = attempt.job().actor_id;
        const RuleScope scope(work, context.source);
        run.effects = static_cast<std::int64_t>(run_effects(work, rule->effects, none, context.source));
        end(work);
      });
      return;
    }
    Progress progress;
    progress.setting = "run/" + std::to_string(attempt.job().id);
    service_.database().transact([&](storage::Session& session) {
      progress.read(session);
      if (!progress.stored.empty()) return;
      progress.stored = progress.text();
      storage::run_sql(session, "INSERT INTO setting (name, value) VALUES (?, ?)", progress.setting, progress.stored);
    });
    over_records(attempt, *rule, context, progress);
    if (attempt.stopping()) return attempt.postpone(0);
    run.effects = progress.done;
    if (progress.failed > 0) {
      run.outcome = "failed";
      run.reason = "of " + std::to_string(progress.done + progress.failed) + " records, " + std::to_string(progress.failed) + " were refused";
    }
    service_.transact(context, [&](records::Work& work) {
      storage::run_sql(work.session(), "DELETE FROM setting WHERE name = ?", progress.setting);
      end(work);
    });
  } catch (const std::exception& error) {
    tell_failed(run, error);
    throw;
  }
}

void RuleJobs::over_records(jobs::Attempt& attempt, const ScheduleRule& rule, const records::Context& context, Progress& progress) const {
  for (bool more = true; more;) {
    records::ListQuery query;
    query.filter = "record.id > " + std::to_string(progress.last) + (rule.where ? " && (" + rule.where->source() + ")" : std::string());
    query.sort = "id";
    query.limit = records_at_once;
    const auto page = service_.list(context, *rule.entity, query);
    more = !page.next.empty();
    for (const Record& listed : page.items) {
      if (attempt.stopping()) return;
      Progress next = progress;
      next.last = listed.id();
      // Each in a transaction of its own: one that is refused does not stop the others.
      const auto advance = [&](const std::function<bool(records::Work&)>& part) {
        service_.transact(context, [&](records::Work& work) {
          Progress after = next;
          if (part(work)) ++after.done;
          after.write(work.session());
          next.stored = after.text();
        });
      };
      try {
        advance([&](records::Work& work) {
          auto record = load_locked(work, *rule.entity, listed.id());
          if (!record || (rule.where && !records::evaluate(*rule.where, context, *record, follow_in(work)).is_true())) return false;
          cascade_of(work).set_off_by = attempt.job().actor_id;
          const RuleScope scope(work, context.source);
          run_effects(work, rule.effects, *record, context.source);
          return true;
        });
      } catch (const Error& error) {
        if (error.code() == ErrorCode::unavailable || error.code() == ErrorCode::internal || error.code() == ErrorCode::retry) throw;
        next = progress;
        next.last = listed.id();
        ++next.failed;
        Run failure;
        failure.rule = rule.name;
        failure.kind = "schedule";
        failure.entity = rule.entity->full_name;
        failure.record_id = listed.id();
        failure.event = "record";
        failure.at = context.now;
        failure.outcome = "failed";
        failure.reason = error.message();
        advance([&](records::Work& work) {
          if (next.failed <= most_failures_told) write_run(work.session(), failure);
          return false;
        });
      }
      const std::string stored = next.stored;
      char* rest = nullptr;
      progress.stored = stored;
      progress.last = std::strtoll(stored.c_str(), &rest, 10);
      progress.done = std::strtoll(rest, &rest, 10);
      progress.failed = std::strtoll(rest, nullptr, 10);
    }
    attempt.progress(progress.done + progress.failed, 0, {});
  }
}

std::vector<ScheduleState> RuleJobs::schedules(const model::Catalog& catalog) const {
  std::vector<ScheduleState> list;
  auto session = service_.database().read();
  for (const auto& rule : catalog.schedules) {
    ScheduleState state;
    state.rule = rule.get();
    if (rule->active) {
      storage::Query query(*session, "SELECT run_at FROM job WHERE unique_key = ?", key_of(*rule, catalog));
      if (query.next()) state.next = query.instant(0);
    }
    RunQuery runs;
    runs.rule = rule->name;
    runs.kind = "schedule";
    runs.whole = true;
    runs.limit = 1;
    auto page = list_runs(*session, runs);
    if (!page.items.empty()) state.last = std::move(page.items.front());
    list.push_back(std::move(state));
  }
  return list;
}

std::int64_t RuleJobs::run_now(const records::Context& context, const ScheduleRule& rule) const {
  jobs::NewJob job;
  job.queue = rules_queue;
  job.kind = schedule_kind;
  job.priority = 50;
  job.payload = payload_of(rule, *context.catalog) + "}";
  job.unique_key = "n/" + rule.name;
  job.actor_id = context.actor.user_id;
  job.request_id = context.request_id;
  const std::int64_t id = sequences_.next("job");
  bool added = false;
  service_.database().transact([&](storage::Session& session) { added = jobs::enqueue(session, id, job, queue_.now()); });
  queue_.wake();
  return added ? id : 0;
}

}  // namespace caravan::workflow
