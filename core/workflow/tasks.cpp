#include "workflow/tasks.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "model/process.h"
#include "records/access.h"
#include "records/holders.h"
#include "records/messages.h"
#include "storage/query.h"
#include "workflow/cascade.h"
#include "workflow/effects.h"
#include "workflow/notices.h"
#include "workflow/rules.h"
#include "workflow/transitions.h"
#include "workflow/working_time.h"

namespace caravan::workflow {
namespace {

using model::Entity;
using model::State;
using model::TaskRule;
using records::Context;
using records::Record;

constexpr const char* task_entity = "core.task";
constexpr std::size_t most_shown = 100;

/// As `rule` of the task has it.
std::string rule_name(const State& state, const TaskRule& task) { return state.name + "." + task.name; }

std::string or_name(const std::string& text, const std::string& name) { return text.empty() ? name : text; }

/// The definition that made the task; null where it is no more.
const TaskRule* rule_of(const Entity& entity, std::string_view rule) {
  const auto dot = rule.find('.');
  const State* state = entity.workflow && dot != std::string_view::npos ? entity.workflow->state(rule.substr(0, dot)) : nullptr;
  if (state == nullptr) return nullptr;
  const auto found = std::find_if(state->tasks.begin(), state->tasks.end(), [&](const TaskRule& task) { return task.name == rule.substr(dot + 1); });
  return found == state->tasks.end() ? nullptr : &*found;
}

struct OpenTask {
  std::int64_t id = 0;
  std::string rule, title;
  bool required = false;
};

std::vector<OpenTask> open_tasks(storage::Session& session, const Record& record, bool current) {
  std::vector<OpenTask> out;
  const std::string id = std::to_string(record.id());
  storage::Query query(session,
                       std::string("SELECT id, rule, title, required FROM core_task WHERE about_entity = ? AND about_id = ? AND state = 'open' ORDER BY id") +
                           (current && session.dialect() == storage::Dialect::mysql ? " LOCK IN SHARE MODE" : ""),
                       record.entity().full_name, id);
  while (query.next()) out.push_back({query.integer(0), query.text(1), query.text(2), query.integer(3) != 0});
  return out;
}

bool of_state(const OpenTask& task, std::string_view state) {
  return task.rule.size() > state.size() && task.rule.starts_with(state) && task.rule[state.size()] == '.';
}

std::int64_t assignee_of(records::Work& work, const TaskRule& task, Record& record, const std::shared_ptr<const records::Follow>& follow) {
  const Context& context = work.context();
  if (task.by_user) {
    const auto result = records::evaluate(*task.by_user, context, record, follow);
    const auto* id = result.outcome == expr::Outcome::value ? result.value.as<std::int64_t>() : nullptr;
    if (id != nullptr && !records::active_users(work.session(), {*id}).empty()) return *id;
  }
  return task.by.empty() ? context.actor.user_id : 0;
}

std::optional<Timestamp> due_of(const TaskRule& task, const Context& context, Record& record, const std::shared_ptr<const records::Follow>& follow) {
  if (!task.within) return std::nullopt;
  const auto result = records::evaluate(*task.within, context, record, follow);
  const auto* time = result.outcome == expr::Outcome::value ? result.value.as<expr::Duration>() : nullptr;
  if (time == nullptr) return std::nullopt;
  constexpr std::int64_t longest = most_days_ahead * 86'400;
  return add_working(task.calendar, context.now, std::clamp<std::int64_t>(time->seconds, 0, longest) * micros_per_second);
}

void give_task(records::Work& work, const State& state, const TaskRule& task, Record& record, const std::shared_ptr<const records::Follow>& follow) {
  const Context& context = work.context();
  const Entity& tasks = *context.catalog->entity(task_entity);
  const std::int64_t assignee = assignee_of(work, task, record, follow);
  const model::Field& title_field = *tasks.field("title");
  const std::string title = shortened(or_name(task.label.in(context.catalog->agency.locale), task.name), title_field.max_length);
  records::Input input{{&title_field, expr::Value(title)},
                       {tasks.field("required"), expr::Value(task.required)},
                       {tasks.field("about_entity"), expr::Value(record.entity().full_name)},
                       {tasks.field("about_id"), expr::Value(std::to_string(record.id()))},
                       {tasks.field("rule"), expr::Value(rule_name(state, task))}};
  if (assignee != 0) input.emplace_back(tasks.field("assignee"), expr::Value(assignee));
  if (!task.by.empty()) input.emplace_back(tasks.field("role"), expr::Value(task.by));
  if (const auto due = due_of(task, context, record, follow)) input.emplace_back(tasks.field("due_at"), expr::Value(*due));
  const std::string source = "state " + record.entity().full_name + "." + state.name;
  const RuleScope rule(work, source + ".tasks." + task.name);
  const records::SourceScope scope(work, source);
  const Record made = work.create(tasks, std::move(input), records::Authority::definition);
  ++cascade_of(work).others;
  if (assignee == 0 || assignee == context.actor.user_id) return;
  for (const records::Holder& user : records::active_users(work.session(), {assignee})) {
    const std::string locale = user.locale.empty() ? context.catalog->agency.locale : user.locale;
    const auto* number = record[model::slot_number].as<std::string>();
    const std::string about = or_name(record.entity().label.in(locale), record.entity().full_name) + " " + (number != nullptr ? *number : "#" + std::to_string(record.id()));
    give_notice(work, user.id, records::message("task_notice", locale, {or_name(task.label.in(locale), task.name), about}), record.entity().full_name,
                record.id());
  }
}

void cancel(records::Work& work, const std::vector<OpenTask>& open, const std::string& source, std::string_view kept_state) {
  const Entity& tasks = *work.context().catalog->entity(task_entity);
  Cascade& cascade = cascade_of(work);
  for (const OpenTask& task : open) {
    if (!kept_state.empty() && of_state(task, kept_state)) continue;
    if (task.rule.empty()) continue;  // made by hand: it is about the record, not about its state
    const records::SourceScope scope(work, source);
    ++cascade.cancelling;
    try {
      Transitions::run_in(work, tasks, task.id, "cancel", {}, {}, std::nullopt, records::Authority::definition);
    } catch (...) {
      --cascade.cancelling;
      throw;
    }
    --cascade.cancelling;
    ++cascade.others;
  }
}

/// A task has ended: a step that waited for it may be taken now.
void task_ended(records::Work& work, const Record& task) {
  const Entity& tasks = task.entity();
  const auto* about = task[tasks.field("about_entity")->slot].as<std::string>();
  const auto* id = task[tasks.field("about_id")->slot].as<std::string>();
  const Entity* entity = about != nullptr && id != nullptr ? work.context().catalog->entity(*about) : nullptr;
  if (entity == nullptr || !entity->rules || !entity->rules->tasks) return;
  const auto& automatic = entity->rules->automatic;
  if (std::none_of(automatic.begin(), automatic.end(), [](const model::Transition* step) { return step->wait_for_tasks; })) return;
  if (auto record = load_locked(work, *entity, std::strtoll(id->c_str(), nullptr, 10))) settle(work, *record);
}

}  // namespace

void follow_tasks(records::Work& work, const Record& record, const Record* before, bool deleted) {
  const Entity& entity = record.entity();
  if (entity.full_name == task_entity) {
    const Record* last = deleted ? &record : before;
    if (last != nullptr && last->state() == "open" && (deleted || record.state() != "open") && cascade_of(work).cancelling == 0) task_ended(work, record);
    return;
  }
  if (!deleted && before != nullptr && before->state() == record.state()) return;
  const State* state = deleted || !entity.workflow ? nullptr : entity.workflow->state(record.state());
  const Record* last = deleted ? &record : before;
  const State* left = last != nullptr && entity.workflow ? entity.workflow->state(last->state()) : nullptr;
  if ((state == nullptr || state->tasks.empty()) && (left == nullptr || left->tasks.empty())) return;
  std::vector<OpenTask> open = open_tasks(work.session(), record, true);
  cancel(work, open, deleted ? "delete" : "state " + entity.full_name + "." + std::string(last != nullptr ? last->state() : record.state()),
         state != nullptr ? std::string_view(state->name) : std::string_view());
  if (state == nullptr || state->tasks.empty()) return;
  const auto follow = follow_in(work);
  Record copy = record;
  for (const TaskRule& task : state->tasks) {
    const std::string name = rule_name(*state, task);
    if (std::any_of(open.begin(), open.end(), [&](const OpenTask& one) { return one.rule == name; })) continue;
    if (task.when && !records::evaluate(*task.when, work.context(), copy, follow).is_true()) continue;
    give_task(work, *state, task, copy, follow);
  }
}

std::vector<std::string> awaited_tasks(storage::Session& session, const Context& context, const Record& record, bool current) {
  std::vector<std::string> out;
  for (const OpenTask& task : open_tasks(session, record, current)) {
    if (!task.required || !of_state(task, record.state())) continue;
    const TaskRule* rule = rule_of(record.entity(), task.rule);
    out.push_back(rule != nullptr ? or_name(rule->label.in(context.locale), task.title) : task.title);
  }
  return out;
}

std::string wait_reason(storage::Session& session, const Context& context, const model::Transition& transition, const Record& record, bool current) {
  if (!transition.wait_for_tasks) return {};
  std::string names;
  for (const std::string& title : awaited_tasks(session, context, record, current)) {
    names += (names.empty() ? "" : context.locale.starts_with("zh") ? "、" : ", ") + title;
  }
  if (names.empty()) return {};
  return records::message("tasks_open", context.locale, {or_name(transition.label.in(context.locale), transition.name), names});
}

std::vector<TaskView> tasks_of(const records::RecordService& service, const Context& context, const Record& record) {
  std::vector<TaskView> out;
  const Entity& tasks = *context.catalog->entity(task_entity);
  std::vector<std::int64_t> ids;
  {
    auto session = service.database().read();
    const std::string id = std::to_string(record.id());
    storage::Query query(*session,
                         "SELECT t.id, t.version, t.title, t.rule, t.state, t.required, t.due_at, t.assignee, u.name, t.role, t.note, t.created_at, t.updated_at "
                         "FROM core_task t LEFT JOIN core_user u ON u.id = t.assignee WHERE t.about_entity = ? AND t.about_id = ? "
                         "ORDER BY CASE WHEN t.state = 'open' THEN 0 ELSE 1 END, CASE WHEN t.state <> 'open' THEN 0 WHEN t.due_at IS NULL THEN 2 ELSE 1 END, "
                         "CASE WHEN t.state = 'open' THEN t.due_at END, CASE WHEN t.state = 'open' THEN t.id END, t.updated_at DESC, t.id LIMIT ?",
                         record.entity().full_name, id, static_cast<std::int64_t>(most_shown));
    while (query.next()) {
      TaskView view;
      view.id = query.integer(0);
      view.version = query.integer(1);
      const std::string rule_text = query.text(3);
      const TaskRule* rule = rule_of(record.entity(), rule_text);
      view.title = rule != nullptr ? or_name(rule->label.in(context.locale), query.text(2)) : query.text(2);
      view.state = query.text(4);
      const State* state = tasks.workflow->state(view.state);
      view.state_label = state != nullptr ? or_name(state->label.in(context.locale), state->name) : view.state;
      view.required = query.integer(5) != 0;
      view.due_at = query.instant(6);
      view.assignee = query.integer(7);
      view.assignee_name = query.text(8);
      view.role = query.text(9);
      if (const model::Role* role = context.catalog->role(view.role)) view.role_label = or_name(role->label.in(context.locale), role->name);
      view.note = query.text(10);
      view.created_at = query.instant(11).value_or(Timestamp());
      view.updated_at = query.instant(12).value_or(Timestamp());
      if (view.state == "open") ids.push_back(view.id);
      out.push_back(std::move(view));
    }
  }
  if (ids.empty()) return out;
  const auto seen = service.get_many(context, tasks, ids);
  for (TaskView& view : out) {
    const auto found = std::find_if(seen.begin(), seen.end(), [&](const Record& one) { return one.id() == view.id; });
    view.may_finish = found != seen.end() && service.rights(context, *found).update;
  }
  return out;
}

}  // namespace caravan::workflow
