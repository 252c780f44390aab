#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/catalog.h"

/// Parts of the Catalog: what happens by itself.
namespace caravan::model {

/// Minutes of a day, from the first to before the second; 1440 is the day's end.
struct DayPart {
  int from = 0, to = 0;
  bool operator==(const DayPart&) const = default;
};

/// `kind: calendar`: when an office works.
struct WorkingHours final : expr::WorkCalendar {
  std::string name;
  Text label;
  std::string time_zone;             ///< IANA; the agency's unless given
  std::array<std::vector<DayPart>, 7> week;  ///< Monday first; in order, not overlapping
  struct Exception {
    Text label;                      ///< e.g. the holiday's name
    std::vector<DayPart> parts;      ///< empty: closed
  };
  std::map<Date, Exception> exceptions;  ///< holidays, and days shifted to be worked
  Origin origin;

  const std::vector<DayPart>& parts(Date date) const;
  bool is_workday(Date date) const override { return !parts(date).empty(); }
};

/// `kind: clock`: a time limit that runs with a record.
struct ClockRule {
  std::string name;
  Text label;
  const Entity* entity = nullptr;
  std::shared_ptr<const expr::Program> start;  ///< over `record`: begins when it becomes true; null: in the states that name the clock
  std::shared_ptr<const expr::Program> pause;  ///< stands still while true; may be null
  std::shared_ptr<const expr::Program> stop;   ///< met when it becomes true; null: when `start` (or its states) no longer holds
  std::shared_ptr<const expr::Program> within; ///< over `record`: a duration, how much time there is
  const WorkingHours* calendar = nullptr;      ///< null: every hour counts
  struct Action {
    std::string name;
    std::int64_t seconds = 0;        ///< before (warn) or after (breach, escalation) the due time; in the clock's own time
    std::vector<Effect> effects;
    Origin origin;
  };
  std::vector<Action> warn, breach;  ///< in order of time
  Origin origin;
};

/// Calls `visit` with each field of the entity that the transition's guard or the conditions of its approval read, or that its `void_on`
/// names; not with those that every step changes.
void each_approval_field(const Transition& transition, const Entity& entity, const std::function<void(const Field&)>& visit);

/// Calls `visit` with every effect of every rule.
void each_effect(const Catalog& catalog, const std::function<void(const Effect&)>& visit);

/// `kind: assignment`: who gets a record.
struct Assignment {
  std::string name;
  Text label;
  const Entity* entity = nullptr;
  const Field* field = nullptr;      ///< the reference to a user that is set; the owner unless given
  std::int64_t order = 100;          ///< of the rules of one field, the lowest is asked first; then by name
  std::shared_ptr<const expr::Program> when;   ///< over `record`: asked while the field is empty; null: always
  std::vector<std::string> roles;    ///< candidates: their holders; none: all users
  std::shared_ptr<const expr::Program> candidate;  ///< over `record`, `candidate` (a core.user): whether he may have it; may be null
  std::shared_ptr<const expr::Program> score;  ///< over `record`, `candidate`: the highest goes first; may be null
  std::shared_ptr<const expr::Program> priority;   ///< over `record`: of those that wait, the highest goes first, then the oldest; may be null
  enum class Strategy : std::uint8_t { round_robin, load, queue } strategy = Strategy::round_robin;
  /// Over `record`, pushable: which of a user's records are his load, and which are assigned at all. The states open and waiting unless
  /// given; null: all, of an entity without states.
  std::shared_ptr<const expr::Program> open;
  std::int64_t capacity = 0;         ///< most open records of one user; 0: no limit
  const WorkingHours* calendar = nullptr;      ///< only within these hours; may be null
  std::vector<std::string> fallback_roles;     ///< whose holders get it where there is no candidate
  const Assignment* fallback_queue = nullptr;  ///< or where it waits then
  std::vector<Effect> notice;        ///< of `notify`: tells whoever got it
  bool reassign = false;             ///< an absent user's open records go through the rules again
  Origin origin;
};
const char* to_string(Assignment::Strategy strategy);

/// `kind: automation`: when something happens to a record, do something.
struct Automation {
  enum class On : std::uint8_t { created, updated, deleted, state, transition, event, time };
  std::string name;
  Text label;
  const Entity* entity = nullptr;
  On on = On::updated;
  std::string event;                 ///< of state, transition and event: its name
  bool in_transaction = false;       ///< in that of the event; else from the queue, after the commit
  std::shared_ptr<const expr::Program> when;     ///< over `record`, `before`, `user`
  std::shared_ptr<const expr::Program> becomes;  ///< over `record`: does now hold and did not before; may be null
  std::shared_ptr<const expr::Program> at;       ///< of time: over `record`, the moment; null in the result: never
  std::vector<Effect> effects;
  bool active = true;
  Origin origin;
};

/// `kind: schedule`: again and again.
struct ScheduleRule {
  std::string name;
  Text label;
  std::string cron;                  ///< minute hour day month weekday, in the zone of `calendar` or the agency
  const WorkingHours* calendar = nullptr;  ///< runs that fall on its free days are left out; may be null
  const Entity* entity = nullptr;    ///< the effects are done for each of its records; null: once, without a record
  std::shared_ptr<const expr::Program> where;  ///< over `record`, pushable; null: all
  std::vector<Effect> effects;
  bool active = true;
  Origin origin;
};

/// What happens by itself with the records of one entity, by subject; made by the builder when all else is there. Only what is active.
struct EntityRules {
  std::vector<const Automation*> automations;  ///< on events, by name
  std::vector<const Automation*> timed;        ///< with `at`, by name
  std::vector<const Transition*> automatic;    ///< with `automatic` or `at`, in the workflow's order
  std::vector<const ClockRule*> clocks;        ///< by name
  std::vector<const Assignment*> assignments;  ///< by field, then in their order
  bool presence = false;                       ///< of core.user and core.absence, where some entity has rules of assignment
  bool state_effects = false;                  ///< some state has `enter` or `exit`
  bool approvals = false;                      ///< some transition needs approval
  std::vector<const Field*> approval_basis;    ///< own fields that decide about some approval: a change of one may make it void
  std::map<const Transition*, std::vector<const Field*>> void_on;  ///< of these, what transitions name beside what their rules read
  std::vector<const State*> approval_states;   ///< that a transition with approval leaves
  bool tasks = false;                          ///< some state has tasks
  std::vector<std::shared_ptr<const struct PublicPage>> public_pages;  ///< by name, see public_page.h
};

/// `kind: message`: a text to somebody, by language.
struct MessageTemplate {
  std::string name;
  Text label;
  const Entity* entity = nullptr;    ///< what `record` is in its places
  std::string channel;               ///< `mail` or `console`
  TextTemplate subject, body;
  Origin origin;
};

}  // namespace caravan::model
