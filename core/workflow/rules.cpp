#include "workflow/rules.h"

#include <algorithm>

#include "base/error.h"
#include "records/access.h"
#include "records/json.h"
#include "records/messages.h"
#include "records/trash.h"
#include "storage/query.h"
#include "workflow/approvals.h"
#include "workflow/assignment.h"
#include "workflow/cascade.h"
#include "workflow/effects.h"
#include "workflow/run_log.h"
#include "workflow/tasks.h"
#include "workflow/transitions.h"

namespace caravan::workflow {
namespace {

using model::Automation;
using model::EntityRules;
using model::Transition;
using records::Context;
using records::HookCall;
using records::HookPoint;
using records::Record;

constexpr int most_told_an_hour = 20;

const model::State* initial_of(const model::Entity& entity) { return entity.workflow ? entity.workflow->initial : nullptr; }

/// Of a new record: whether an import has brought it in a state that it came to elsewhere. What is set off on the way there was long ago.
bool taken_over(const Record& record) {
  const model::State* initial = initial_of(record.entity());
  return initial != nullptr && record.state() != initial->name;
}

}  // namespace

bool taken_by_itself(const Transition& transition, const Context& context, Record& record, const std::shared_ptr<const records::Follow>& follow) {
  if (!leaves(transition, record.state())) return false;
  if (transition.at) {
    const auto moment = moment_of(*transition.at, context, record, follow);
    if (!moment || *moment > context.now) return false;
  }
  const bool complete = std::none_of(transition.require.begin(), transition.require.end(),
                                     [&](const model::Field* field) { return record[field->slot].is_null(); });
  return complete && (!transition.when || records::evaluate(*transition.when, context, record, follow).is_true());
}

namespace {

/// The share (see Cascade) of one more rule that follows by a job on those that led here; 0: it may not, and the log has why.
std::int64_t share_of_next(records::Work& work, Run run) {
  Cascade& cascade = cascade_of(work);
  if (cascade.before.empty()) return most_followers;
  // The n-th of them gets 1 / (n (n + 1)) of what is left: all together never more than there is, and 200 at once one each.
  const std::int64_t number = ++cascade.followers;
  const std::int64_t share = cascade.share / (number * (number + 1));
  const bool deep = cascade.before.size() >= most_depth;
  if (!deep && share > 0) return share;
  std::vector<std::string> chain = cascade.before;
  chain.push_back("automation " + run.rule);
  run.outcome = "failed";
  run.reason = deep ? too_deep(work.context(), chain) : too_many(work.context(), chain);
  write_run(work.session(), std::move(run));
  return 0;
}

/// Plans the timer anew where the moment is another one.
void replan(records::Work& work, const std::string& rule, const Record& record, std::optional<Timestamp> before, std::optional<Timestamp> now) {
  if (before == now) return;
  const Context& context = work.context();
  Timer timer{rule, &record.entity(), record.id(), {}, set_off_by(work), {}};
  if (before) {
    timer.due = *before;
    storage::run_sql(work.session(), "DELETE FROM job WHERE unique_key = ?", timer_job(timer, *context.catalog).unique_key);
  }
  if (!now) return;
  timer.due = *now;
  if (*now <= context.now) {  // it runs at once, as what follows on a change does
    Run run;
    run.rule = rule.substr(rule.find(' ') + 1);
    run.entity = record.entity().full_name;
    run.record_id = record.id();
    run.event = "at " + format_timestamp(*now);
    run.at = context.now;
    timer.share = share_of_next(work, std::move(run));
    if (timer.share == 0) return;
    timer.before = cascade_of(work).before;
  }
  work.enqueue(timer_job(timer, *context.catalog));
}

}  // namespace

struct Rules::Change {
  records::Work& work;
  HookPoint point;
  Record record;                      ///< as it was written
  std::optional<Record> before;
  const Transition* transition = nullptr;
  const model::Happening* event = nullptr;  ///< then nothing of the record was changed

  const Record* earlier() const { return before ? &*before : nullptr; }
  bool created() const { return point == HookPoint::after_create; }
  bool deleted() const { return point == HookPoint::after_delete; }
  bool arrives() const { return !deleted() && (created() || record.state() != before->state()); }
  /// Whether an approval that waits may be void now. Any other change costs no statement.
  bool touches_approvals() const {
    if (!before) return false;
    const EntityRules& rules = *record.entity().rules;
    if (record.state() != before->state()) {
      return std::any_of(rules.approval_states.begin(), rules.approval_states.end(), [&](const model::State* one) { return one->name == before->state(); });
    }
    return std::any_of(rules.approval_basis.begin(), rules.approval_basis.end(),
                       [&](const model::Field* field) { return !record[field->slot].same_as((*before)[field->slot]); });
  }
  bool sets_off(const Automation& rule) const {
    if (event != nullptr) return rule.on == Automation::On::event && rule.event == event->name;
    if (created() && taken_over(record)) return false;
    switch (rule.on) {
      case Automation::On::created: return created();
      case Automation::On::updated: return !created() && !deleted();
      case Automation::On::deleted: return deleted();
      case Automation::On::state: return arrives() && record.state() == rule.event;
      case Automation::On::transition: return transition != nullptr && transition->name == rule.event;
      case Automation::On::event:
      case Automation::On::time: return false;
    }
    return false;
  }
};

namespace {

/// The definitions by which it was planned, the rules whose jobs led to it, and its share; ends the payload.
void end_payload(jobs::NewJob& job, const model::Catalog& catalog, const std::vector<std::string>& before, std::int64_t share) {
  job.payload += ",\"catalog\":";
  records::write_json_string(job.payload, catalog.hash);
  for (std::size_t i = 0; i < before.size(); ++i) {
    job.payload += i == 0 ? ",\"before\":[" : ",";
    records::write_json_string(job.payload, before[i]);
  }
  job.payload += before.empty() ? "}" : "],\"share\":" + std::to_string(share) + "}";
}

}  // namespace

jobs::NewJob timer_job(const Timer& timer, const model::Catalog& catalog) {
  jobs::NewJob job;
  job.queue = rules_queue;
  job.kind = timer_kind;
  job.payload = "{\"rule\":";
  records::write_json_string(job.payload, timer.rule);
  job.payload += ",\"entity\":";
  records::write_json_string(job.payload, timer.entity->full_name);
  job.payload += ",\"record\":" + std::to_string(timer.record_id) + ",\"due\":" + std::to_string(timer.due.micros);
  end_payload(job, catalog, timer.before, timer.share);
  job.actor_id = timer.set_off_by;
  job.run_at = timer.due;
  // `automation NAME` or `transition ENTITY.NAME`, without what takes room.
  const std::string_view name = std::string_view(timer.rule).substr(timer.rule.find(' ') + 1);
  job.unique_key = timer.rule.substr(0, 1) + "/" + std::string(name) + "/" + std::to_string(timer.record_id) + "/" + std::to_string(timer.due.micros);
  return job;
}

std::string automation_refusal(const Automation& rule, const Context& context, Record& record, const Record* before,
                               const std::shared_ptr<const records::Follow>& follow) {
  const auto holds = [&](const expr::Program& program, Record& one, const Record* earlier, std::string& why) {
    const auto result = evaluate_change(program, context, one, earlier, follow);
    if (result.outcome == expr::Outcome::error) why = ": " + result.message;
    if (result.outcome == expr::Outcome::unknown) why = " (a field is empty)";
    return result.is_true();
  };
  std::string why;
  if (rule.becomes) {
    if (!holds(*rule.becomes, record, nullptr, why)) return "`becomes` does not hold" + why;
    if (before != nullptr) {
      Record earlier = *before;
      std::string ignored;
      if (holds(*rule.becomes, earlier, nullptr, ignored)) return "`becomes` held before, too";
    }
  }
  if (rule.when && !holds(*rule.when, record, before, why)) return "`when` does not hold" + why;
  return {};
}

bool Rules::any(HookPoint point, const model::Entity& entity) const {
  if (entity.rules && point != HookPoint::after_commit) return true;
  return plugins_ && plugins_->any(point, entity);
}

void Rules::run(HookPoint point, HookCall& call) const {
  const model::Entity& entity = call.record.entity();
  const EntityRules* rules = entity.rules.get();
  if (rules != nullptr && point == HookPoint::before_create && rules->state_effects && initial_of(entity) != nullptr && !taken_over(call.record)) {
    records::compute_fields(call.context, call.record, follow_in(call.work));
    records::Input ignored;  // the record itself has the values
    own_changes(call.work, initial_of(entity)->enter, call.record, ignored);
  }
  if (plugins_ && plugins_->any(point, entity)) plugins_->run(point, call);
  if (rules == nullptr) return;
  if (point == HookPoint::after_restore) {
    if (rules->tasks) follow_tasks(call.work, call.record, nullptr, false);
    if (!rules->assignments.empty() || rules->presence) follow_assignments(call.work, call.record, nullptr, false);
    if (!rules->automatic.empty()) {  // moments may have passed meanwhile
      Record record = call.record;
      settle(call.work, record);
    }
    return;
  }
  if (point != HookPoint::after_create && point != HookPoint::after_update && point != HookPoint::after_transition && point != HookPoint::after_delete) {
    return;
  }
  Change change{call.work, point, call.record, std::nullopt, call.transition};
  if (call.before != nullptr) change.before = *call.before;
  if (point != HookPoint::after_transition) return react(change);
  Cascade& cascade = cascade_of(call.work);
  if (cascade.held.empty()) return react(change);
  *cascade.held.back() = [this, change = std::move(change)] { react(change); };
}

void Rules::react(const Change& change) const {
  records::Work& work = change.work;
  const model::Entity& entity = change.record.entity();
  const EntityRules& rules = *entity.rules;
  Record record = change.deleted() ? change.record : work.current(change.record);
  if (change.created() && rules.state_effects && initial_of(entity) != nullptr && !taken_over(change.record)) {
    run_effects(work, initial_of(entity)->enter, record, "state " + entity.full_name + "." + initial_of(entity)->name, Part::beside);
  }
  if (rules.tasks && (change.deleted() || record.state() == change.record.state())) follow_tasks(work, record, change.earlier(), change.deleted());
  automations(change, record);
  const bool assigns = !rules.assignments.empty() || rules.presence;
  if (change.deleted()) {
    if (assigns) follow_assignments(work, change.record, change.earlier(), true);
    if (rules.approvals) follow_approvals(work, record, true);
    return;
  }
  const auto follow = follow_in(work);
  const Context& context = work.context();
  // Over what this change itself wrote: a later one in the same transaction plans its own.
  Record written = change.record;
  std::optional<Record> before = change.before;
  const bool came_over = change.created() && taken_over(change.record);
  for (const Automation* rule : rules.timed) {
    auto due = moment_of(*rule->at, context, written, follow);
    if (came_over && due && *due <= context.now) due.reset();  // it was long ago, as all that led to the state
    replan(work, "automation " + rule->name, written, before ? moment_of(*rule->at, context, *before, follow) : std::nullopt, due);
  }
  for (const Transition* transition : rules.automatic) {
    if (!transition->at) continue;
    const auto moment = [&](Record& one) { return leaves(*transition, one.state()) ? moment_of(*transition->at, context, one, follow) : std::nullopt; };
    auto next = moment(written);
    if (next && *next <= context.now) next.reset();  // settled at once, or with the change that lets it
    replan(work, "transition " + entity.full_name + "." + transition->name, written, before ? moment(*before) : std::nullopt, next);
  }
  if (!rules.automatic.empty()) settle(work, record);
  if (assigns) follow_assignments(work, change.record, change.earlier(), false);
  if (rules.approvals && change.touches_approvals()) follow_approvals(work, record, false);
}

void Rules::automations(const Change& change, Record& record) const {
  for (const Automation* rule : record.entity().rules->automations) {
    if (!change.sets_off(*rule)) continue;
    if (!change.deleted()) record = change.work.current(std::move(record));
    automate(change, record, *rule);
  }
}

void Rules::automate(const Change& change, Record& record, const Automation& rule) const {
  records::Work& work = change.work;
  const Context& context = work.context();
  Run run;
  run.rule = rule.name;
  run.entity = record.entity().full_name;
  run.record_id = record.id();
  run.at = context.now;
  run.event = change.deleted()                               ? "deleted"
              : rule.on == Automation::On::transition ? "transition " + rule.event
              : rule.on == Automation::On::event      ? "event " + rule.event
              : rule.on == Automation::On::state      ? "state " + rule.event
              : change.created()                             ? "created"
                                                             : "updated";
  Record written = change.record;
  run.reason = automation_refusal(rule, context, written, change.earlier(), follow_in(work));
  if (!run.reason.empty()) {
    run.outcome = "skipped";
    if (tell_skipped(rule.name, context.now)) write_run(work.session(), run);
    return;
  }
  const std::string source = "automation " + rule.name;
  if (rule.in_transaction) {
    try {
      const RuleScope scope(work, source);
      run.effects = static_cast<std::int64_t>(run_effects(work, rule.effects, record, source));
    } catch (const Error& error) {
      if (error.code() == ErrorCode::retry || error.code() == ErrorCode::unavailable || error.code() == ErrorCode::internal) throw;
      // Its fields are not those that the client sent.
      const std::string& label = rule.label.in(context.locale);
      Error refused(error.code(), records::message("rule_refused", context.locale, {label.empty() ? rule.name : label, error.message()}));
      for (const std::string& where : error.context()) refused.add_context(where);
      throw refused;
    }
    if (run.effects > 0) write_run(work.session(), run);
    return;
  }
  const std::int64_t share = share_of_next(work, run);
  if (share == 0) return;
  jobs::NewJob job;
  job.queue = rules_queue;
  job.kind = automation_kind;
  job.payload = "{\"automation\":";
  records::write_json_string(job.payload, rule.name);
  job.payload += ",\"entity\":";
  records::write_json_string(job.payload, run.entity);
  job.payload += ",\"record\":" + std::to_string(run.record_id) + ",\"event\":";
  records::write_json_string(job.payload, run.event);
  if (change.deleted()) {
    Record open = record;
    for (const auto& field : record.entity().fields) {
      if (field->sensitive) open.set(field->slot, {});
    }
    std::string row;
    records::write_row(row, open);
    job.payload += ",\"row\":";
    records::write_json_string(job.payload, row);
  }
  end_payload(job, *context.catalog, cascade_of(work).before, share);
  job.actor_id = set_off_by(work);
  job.request_id = context.request_id;
  work.enqueue(job);
}

Record Rules::happened(records::Work& work, const model::Entity& entity, std::int64_t id, const model::Happening& event, std::string note,
                       std::int64_t version) {
  const Context& context = work.context();
  Record stored = work.load(entity, id, true);
  const std::string label = entity.label.in(context.locale);
  if (!records::may(context, model::Operation::update, stored, follow_in(work), work.session()))
    throw Error(ErrorCode::forbidden, records::message("forbidden_update", context.locale, {label}));
  if (stored.version() != version) throw Error(ErrorCode::stale, records::message("stale", context.locale, {label, std::to_string(stored.version())}));
  Record record = work.remark(stored, "event:" + event.name, std::move(note));
  if (entity.rules == nullptr) return record;
  const Rules rules(nullptr);
  Change change{work, HookPoint::after_update, record, std::move(stored), nullptr, &event};
  rules.automations(change, record);
  return work.current(std::move(record));
}

bool Rules::tell_skipped(const std::string& rule, Timestamp now) const {
  const std::int64_t hour = now.micros / 3'600'000'000;
  const std::lock_guard lock(told_mutex_);
  Told& told = told_[rule];
  if (told.hour != hour) told = {hour, 0};
  return ++told.count <= most_told_an_hour;
}

void settle(records::Work& work, Record& record) {
  const EntityRules* rules = record.entity().rules.get();
  if (rules == nullptr || rules->automatic.empty()) return;
  const auto follow = follow_in(work);
  Cascade& cascade = cascade_of(work);
  struct Depth {
    Cascade& cascade;
    explicit Depth(Cascade& one) : cascade(one) { ++cascade.settling; }
    ~Depth() {
      if (--cascade.settling == 0) cascade.taken.clear();
    }
  } const depth(cascade);
  for (bool moved = true; moved;) {
    moved = false;
    record = work.current(std::move(record));
    for (const Transition* transition : rules->automatic) {
      // Each once for one change, so that a circle of steps ends.
      if (cascade.taken.contains({record.id(), transition}) || !taken_by_itself(*transition, work.context(), record, follow)) continue;
      if (transition->wait_for_tasks && !awaited_tasks(work.session(), work.context(), record, true).empty()) continue;
      cascade.taken.insert({record.id(), transition});
      const std::string name = "automatic " + record.entity().full_name + "." + transition->name;
      const RuleScope rule(work, name);
      const records::SourceScope source(work, name);
      record = Transitions::run_in(work, record.entity(), record.id(), transition->name, {}, {}, std::nullopt, records::Authority::definition);
      moved = true;
      break;
    }
  }
}

}  // namespace caravan::workflow
