#include "workflow/assignment.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "records/access.h"
#include "records/json.h"
#include "records/messages.h"
#include "records/turns.h"
#include "storage/query.h"
#include "workflow/assignment_asking.h"
#include "workflow/assignment_choice.h"
#include "workflow/effects.h"
#include "workflow/random_id.h"

namespace caravan::workflow {
namespace {

using model::Assignment;
using model::Entity;
using model::EntityRules;
using model::Field;
using records::Context;
using records::message;
using records::Record;
using Group = std::span<const Assignment* const>;
using Follow = std::shared_ptr<const records::Follow>;

constexpr std::int64_t kept_micros = std::int64_t{180} * 86'400'000'000;
constexpr std::size_t most_told = 200;  ///< candidates of one decision

/// The rules of an entity, field by field.
template <class Each>
void each_group(const std::vector<const Assignment*>& rules, const Each& each) {
  for (std::size_t at = 0; at < rules.size();) {
    std::size_t end = at + 1;
    while (end < rules.size() && rules[end]->field == rules[at]->field) ++end;
    each(Group(rules.data() + at, end - at));
    at = end;
  }
}

const EntityRules* assigned(const Entity& entity) { return entity.rules && !entity.rules->assignments.empty() ? entity.rules.get() : nullptr; }

std::string quoted(std::string_view text) {
  std::string out;
  records::write_json_string(out, text);
  return out;
}

/// What of a decision is the same for all its candidates.
struct Told {
  std::string rules;      ///< rules that were asked before, as JSON
  std::int64_t turn = 0;
  bool fallback = false;
};

std::string why_of(const Told& told, const std::vector<Candidate>& candidates) {
  std::string out = "{\"candidates\":[";
  // The chosen one is told, however many there are.
  std::vector<const Candidate*> shown;
  for (const Candidate& one : candidates) {
    if (one.fit == "chosen") shown.insert(shown.begin(), &one);
    else if (shown.size() < most_told) shown.push_back(&one);
  }
  for (const Candidate* one : shown) {
    if (one != shown.front()) out += ',';
    out += "{\"user\":\"" + std::to_string(one->id) + "\",\"fit\":\"" + std::string(one->fit) + "\",\"score\":" + (one->score_text.empty() ? "null" : quoted(one->score_text)) +
           ",\"load\":" + (one->load < 0 ? "null" : std::to_string(one->load)) + ",\"turn\":" + (one->turn < 0 ? "null" : std::to_string(one->turn)) + "}";
  }
  return out + "],\"rules\":[" + told.rules + "],\"turn\":" + std::to_string(told.turn) + ",\"fallback\":" + (told.fallback ? "true" : "false") + "}";
}

void decide(records::Work& work, const Record& record, const Assignment& rule, const char* outcome, std::int64_t user, const std::string& why) {
  storage::Query query(work.session(), "INSERT INTO assignment_decision (id, entity, record_id, field, rule, outcome, user_id, at, why) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       random_id(), record.entity().full_name, record.id(), rule.field->name, rule.name, outcome);
  query.add_or_null(user);
  query.add(work.context().now);
  query.add(why);
  query.next();
}

/// Where the record stands in the queue.
struct Waiting {
  std::string rule;
  std::int64_t place = 0;
  bool stuck = false;
  Timestamp since;
};

std::optional<Waiting> waiting(storage::Session& session, std::int64_t id, const Field& field) {
  storage::Query query(session, "SELECT rule, place, since, stuck FROM assignment_wait WHERE record_id = ? AND field = ?", id, field.name);
  if (!query.next()) return std::nullopt;
  return Waiting{query.text(0), query.integer(1), query.integer(3) == 1, query.instant(2).value_or(Timestamp())};
}

void leave(storage::Session& session, std::int64_t id, const Field& field) {
  // Only what is there is deleted: a lock on what is not would be in the way of others.
  if (waiting(session, id, field)) storage::run_sql(session, "DELETE FROM assignment_wait WHERE record_id = ? AND field = ?", id, field.name);
}

/// The lowest goes first.
std::int64_t place_of(const Assignment& rule, const Context& context, Record& record, const Follow& follow) {
  if (!rule.priority) return 0;
  const auto number = number_of(evaluate_pair(*rule.priority, context, record, nullptr, follow));
  return number ? -static_cast<std::int64_t>(std::llround(std::clamp(*number, -1e12, 1e12) * 1000)) : 0;
}

void enqueue_retry(records::Work& work, std::string_view entity, std::string_view field, std::optional<Timestamp> at = {}) {
  jobs::NewJob job;
  job.queue = assignment_queue;
  job.kind = assignment_retry_kind;
  job.payload = "{\"entity\":" + quoted(entity) + ",\"field\":" + quoted(field) + "}";
  job.unique_key = "assignment/" + std::string(entity) + "." + std::string(field);
  if (at) {
    job.run_at = at;
    job.unique_key += "/" + std::to_string(at->micros);
  } else {
    // One after the other on all nodes, so that records are asked for in their order.
    job.lane = 7'301;
    job.lane_order = work.context().now.micros;
  }
  work.enqueue(job);
}

/// Puts the record into the rule's queue, or leaves it there. `stuck`: as things stand it suits nobody.
void wait(records::Work& work, Record& record, const Assignment& rule, const std::optional<Waiting>& before, std::int64_t place, bool stuck,
          const std::string& why) {
  storage::Session& session = work.session();
  const int manual = rule.strategy == Assignment::Strategy::queue ? 1 : 0;
  if (!before) {
    storage::run_sql(session, "INSERT INTO assignment_wait (record_id, field, entity, rule, manual, place, stuck, since) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", record.id(),
                     rule.field->name, record.entity().full_name, rule.name, manual, place, stuck ? 1 : 0, work.context().now);
  } else if (before->rule != rule.name || before->place != place || before->stuck != stuck) {
    storage::run_sql(session, "UPDATE assignment_wait SET rule = ?, manual = ?, place = ?, stuck = ? WHERE record_id = ? AND field = ?", rule.name, manual, place,
                     stuck ? 1 : 0, record.id(), rule.field->name);
  }
  if (!before || before->rule != rule.name) decide(work, record, rule, "waiting", 0, why);
}

/// Users have changed: somebody may suit what suited nobody, so that it is not overtaken until it has been asked for again.
void free_stuck(storage::Session& session) {
  if (storage::Query(session, "SELECT 1 FROM assignment_wait WHERE stuck = 1 LIMIT 1").next())
    storage::run_sql(session, "UPDATE assignment_wait SET stuck = 0 WHERE stuck = 1");
}

/// Whether another record, one that somebody could have, waits for the same rule and goes first.
bool overtakes(storage::Session& session, const Assignment& rule, std::int64_t id, std::int64_t place, Timestamp since) {
  storage::Query query(session,
                       "SELECT 1 FROM assignment_wait WHERE rule = ? AND manual = 0 AND (stuck IS NULL OR stuck = 0) AND record_id <> ? AND (place < ? OR (place = ? AND (since < ? OR (since = ? AND record_id < ?)))) LIMIT 1",
                       rule.name, id, place, place, since, since, id);
  return query.next();
}

void set_user(records::Work& work, Record& record, const Assignment& rule, std::int64_t user) {
  const std::string name = "assignment " + rule.name;
  const RuleScope scope(work, name);
  const records::SourceScope source(work, name);
  record = work.update(record.entity(), record.id(), {{rule.field, user == 0 ? expr::Value() : expr::Value(user)}}, std::nullopt, records::Authority::definition);
}

void keep_turn(storage::Session& session, const Assignment& rule, std::int64_t user, std::int64_t turn) {
  storage::run_sql(session,
                   session.dialect() == storage::Dialect::mysql
                       ? "INSERT INTO assignment_turn (rule, user_id, turn) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE turn = VALUES(turn)"
                       : "INSERT INTO assignment_turn (rule, user_id, turn) VALUES (?, ?, ?) ON CONFLICT (rule, user_id) DO UPDATE SET turn = excluded.turn",
                   rule.name, user, turn);
}

/// The record under the rules of one field.
struct Asked {
  /// From the job that goes through all that wait in their order: nobody is overtaken.
  bool in_order = false;
  /// The record still has somebody, who cannot keep it.
  bool replaces = false;
  /// Of the transaction, see ask_rules(); may be null.
  std::shared_ptr<const Presence>* presence = nullptr;
};

/// Asks the rules of one field in their order who gets the record; `record` is the newest one afterwards.
void assign(records::Work& work, Record& record, Group group, const Follow& follow, const Asked& asked) {
  const Context& context = work.context();
  storage::Session& session = work.session();
  const Field& field = *group.front()->field;
  Record open = record;
  open.set(field.slot, {});
  std::vector<const Assignment*> matching;
  for (const Assignment* rule : group) {
    const auto holds = [&](const std::shared_ptr<const expr::Program>& program) { return !program || evaluate_pair(*program, context, open, nullptr, follow).is_true(); };
    if (holds(rule->open) && holds(rule->when)) matching.push_back(rule);
  }
  const auto before = waiting(session, record.id(), field);
  if (matching.empty()) {
    if (before) leave(session, record.id(), field);
    return;
  }
  Told told;
  bool counted = false;
  std::shared_ptr<const Presence> own;
  std::shared_ptr<const Presence>& presence = asked.presence != nullptr ? *asked.presence : own;
  std::vector<Candidate> first;
  bool stuck = true;  // nobody whom a rule asked suits the record, whoever is there
  const auto remain = [&](const Assignment& rule, const std::vector<Candidate>& candidates) {
    const std::int64_t place = place_of(rule, context, open, follow);
    // Taken from somebody who is away, before it waits: then its turn comes with the write.
    if (asked.replaces) return set_user(work, record, rule, 0);
    wait(work, record, rule, before, place, stuck, why_of(told, candidates));
  };
  const auto skip = [&](const Assignment& rule, const char* why) {
    told.rules += (told.rules.empty() ? "{\"rule\":" : ",{\"rule\":") + quoted(rule.name) + ",\"why\":\"" + why + "\"}";
  };
  for (const Assignment* rule : matching) {
    if (rule->strategy == Assignment::Strategy::queue) {
      stuck = false;
      return remain(*rule, {});
    }
    if (rule->calendar != nullptr && !works_at(*rule->calendar, context.now)) {
      stuck = false;
      skip(*rule, "closed");
      continue;
    }
    if (!counted) {
      counted = true;
      told.turn = records::count_up(work, "assignment/" + record.entity().full_name + "." + field.name);
      // Under the counter's lock; whoever comes or goes later asks again.
      if (!presence) presence = std::make_shared<const Presence>(presence_of(work));
    }
    Choice choice = choose(work, *rule, open, *presence, follow, false);
    if (choice.chosen == nullptr && !rule->fallback_roles.empty()) {
      Choice other = choose(work, *rule, open, *presence, follow, true);
      if (other.chosen != nullptr) {
        told.fallback = true;
        const std::size_t index = static_cast<std::size_t>(other.chosen - other.candidates.data());
        std::erase_if(choice.candidates, [&](const Candidate& one) {
          return std::any_of(other.candidates.begin(), other.candidates.end(), [&](const Candidate& two) { return two.id == one.id; });
        });
        other.candidates.insert(other.candidates.end(), choice.candidates.begin(), choice.candidates.end());
        other.chosen = &other.candidates[index];
        choice = std::move(other);
      } else {
        stuck = stuck && other.candidates.empty();
      }
    }
    stuck = stuck && choice.chosen == nullptr &&
            std::all_of(choice.candidates.begin(), choice.candidates.end(), [](const Candidate& one) { return one.fit == "unsuitable"; });
    if (choice.chosen == nullptr) {
      skip(*rule, "nobody");
      if (rule->fallback_queue != nullptr) {
        told.fallback = true;
        return remain(*rule->fallback_queue, choice.candidates);
      }
      if (rule == matching.front()) first = std::move(choice.candidates);
      continue;
    }
    if (!asked.in_order && !asked.replaces &&
        overtakes(session, *rule, record.id(), place_of(*rule, context, open, follow), before ? before->since : context.now)) {
      enqueue_retry(work, record.entity().full_name, field.name);
      return remain(*rule, choice.candidates);
    }
    const std::int64_t user = choice.chosen->id;
    keep_turn(session, *rule, user, told.turn);
    decide(work, record, *rule, "assigned", user, why_of(told, choice.candidates));
    if (before) leave(session, record.id(), field);
    set_user(work, record, *rule, user);
    if (!rule->notice.empty()) run_effects(work, rule->notice, record, "assignment " + rule->name);
    return;
  }
  remain(*matching.front(), first);
}

/// A record that somebody no longer works on may make room for one that waits.
bool frees(const Assignment& rule, const Context& context, const Record& before, Record& record, bool deleted, const Follow& follow) {
  if (rule.capacity == 0 || before[rule.field->slot].is_null()) return false;
  if (deleted || !before[rule.field->slot].same_as(record[rule.field->slot])) return true;
  if (!rule.open) return false;
  Record earlier = before;
  return evaluate_pair(*rule.open, context, earlier, nullptr, follow).is_true() && !evaluate_pair(*rule.open, context, record, nullptr, follow).is_true();
}

void enqueue_reassign(records::Work& work, std::int64_t user, Timestamp at) {
  jobs::NewJob job;
  job.queue = assignment_queue;
  job.kind = assignment_reassign_kind;
  job.payload = "{\"user\":" + std::to_string(user) + "}";
  job.run_at = std::max(at, work.context().now);
  job.unique_key = "assignment/user/" + std::to_string(user) + "/" + std::to_string(job.run_at->micros);
  work.enqueue(job);
}

/// A user or an absence has changed: somebody comes, or somebody goes.
void follow_presence(records::Work& work, const Record& written, const Record* before, bool deleted) {
  const Entity& entity = written.entity();
  const auto is_false = [](const expr::Value& value) { return value.as<bool>() != nullptr && !*value.as<bool>(); };
  if (entity.full_name == "core.user") {
    const std::uint32_t available = entity.field("available")->slot, active = entity.field("active")->slot;
    const auto away = [&](const Record& one) { return is_false(one[available]) || is_false(one[active]); };
    if (!deleted && away(written) && before != nullptr && !away(*before)) return enqueue_reassign(work, written.id(), work.context().now);
    if (!deleted && !away(written)) {
      free_stuck(work.session());
      enqueue_retry(work, "", "");
    }
    return;
  }
  const std::uint32_t user = entity.field("user")->slot, from = entity.field("from")->slot, to = entity.field("to")->slot;
  if (!deleted) {
    const auto *who = written[user].as<std::int64_t>();
    const auto *begin = written[from].as<Timestamp>(), *end = written[to].as<Timestamp>();
    if (who != nullptr && begin != nullptr) enqueue_reassign(work, *who, *begin);
    if (end != nullptr && *end > work.context().now) enqueue_retry(work, "", "", *end);
  }
  if (before != nullptr || deleted) enqueue_retry(work, "", "");
}

}  // namespace

bool anybody_waits(storage::Session& session, std::string_view entity, std::string_view field) {
  storage::Query query(session, "SELECT 1 FROM assignment_wait WHERE entity = ? AND field = ? AND manual = 0 LIMIT 1", entity, field);
  return query.next();
}

Able able(records::Work& work, const Entity& entity, const Field& field) {
  Able out;
  const EntityRules* rules = assigned(entity);
  if (rules == nullptr) return out;
  const Context& context = work.context();
  std::optional<Presence> presence;
  const auto somebody = [&](const Assignment& rule) {
    if (rule.strategy == Assignment::Strategy::queue) return false;
    if (rule.calendar != nullptr && !works_at(*rule.calendar, context.now)) return false;
    if (rule.fallback_queue != nullptr) return true;
    if (!presence) presence = presence_of(work);
    std::vector<std::int64_t> ids;
    for (const Record& user : presence->users) {
      const bool* available = user[user.entity().field("available")->slot].as<bool>();
      if ((available != nullptr && !*available) || presence->absent.contains(user.id())) continue;
      if (!rule.fallback_roles.empty() && holds_one(*context.catalog, user, rule.fallback_roles)) return true;
      if (holds_one(*context.catalog, user, rule.roles)) ids.push_back(user.id());
    }
    if (rule.capacity == 0 || ids.empty()) return !ids.empty();
    auto loads = loads_of(work, rule, ids);
    return std::any_of(ids.begin(), ids.end(), [&](std::int64_t id) { return loads[id] < rule.capacity; });
  };
  each_group(rules->assignments, [&](Group group) {
    if (group.front()->field != &field) return;
    // A record waits for the first rule that it needs, but may be assigned by a later one, too.
    for (std::size_t i = group.size(); i-- > 0;) {
      out.any = somebody(*group[i]) || out.any;
      if (out.any) out.rules.insert(group[i]->name);
      for (const auto& program : {group[i]->when, group[i]->open}) out.all = out.all || (program && expr::varies(*program));
    }
  });
  return out;
}

void forget_waiting(storage::Session& session, std::int64_t record, const Field& field) { leave(session, record, field); }

void ask_rules(records::Work& work, Record& record, const Field& field, bool replaces, std::shared_ptr<const Presence>* presence) {
  const EntityRules* rules = assigned(record.entity());
  if (rules == nullptr) return;
  each_group(rules->assignments, [&](Group group) {
    if (group.front()->field == &field) assign(work, record, group, follow_in(work), {.in_order = true, .replaces = replaces, .presence = presence});
  });
}

void follow_assignments(records::Work& work, const Record& written, const Record* before, bool deleted) {
  const EntityRules& rules = *written.entity().rules;
  if (rules.presence) follow_presence(work, written, before, deleted);
  if (rules.assignments.empty()) return;
  Record record = deleted ? written : work.current(written);
  const auto follow = follow_in(work);
  each_group(rules.assignments, [&](Group group) {
    const Field& field = *group.front()->field;
    if (before != nullptr && std::any_of(group.begin(), group.end(), [&](const Assignment* rule) { return frees(*rule, work.context(), *before, record, deleted, follow); }) &&
        anybody_waits(work.session(), record.entity().full_name, field.name)) {
      enqueue_retry(work, record.entity().full_name, field.name);
    }
    if (!deleted && record[field.slot].is_null()) assign(work, record, group, follow, {});
    else if (deleted || (before != nullptr && (*before)[field.slot].is_null())) leave(work.session(), record.id(), field);
  });
}

namespace {

/// Nothing was found for the caller; the transaction is given up.
struct NothingThere {};

/// The caller as a candidate of the rule; nullptr where he is none.
const Record* candidate_in(const Presence& presence, const Assignment& rule, const Context& context) {
  for (const Record& user : presence.users) {
    if (user.id() == context.actor.user_id) return holds_one(*context.catalog, user, rule.roles) ? &user : nullptr;
  }
  return nullptr;
}

}  // namespace

Record take_next(const records::RecordService& service, const Context& context, const Assignment& rule) {
  constexpr int most_rounds = 20;
  constexpr std::uint32_t looked_at_once = 100;
  const Entity& entity = *rule.entity;
  const Field& field = *rule.field;
  std::optional<Record> taken;
  std::int64_t last_place = 0, last_id = 0;
  Timestamp last_since;
  bool begun = false, passed = false;
  for (int round = 0; round < most_rounds && !taken; ++round) {
    // What may be his is looked up outside the transaction, which then sees nothing older than its locks.
    std::vector<std::int64_t> ids;
    {
      auto session = service.database().read();
      storage::Query query(*session, begun ? "SELECT record_id, place, since FROM assignment_wait WHERE rule = ? AND (place > ? OR (place = ? AND (since > ? OR (since = ? AND "
                                             "record_id > ?)))) ORDER BY place, since, record_id LIMIT 100"
                                           : "SELECT record_id, place, since FROM assignment_wait WHERE rule = ? ORDER BY place, since, record_id LIMIT 100",
                           rule.name);
      if (begun) {
        query.add(last_place);
        query.add(last_place);
        query.add(last_since);
        query.add(last_since);
        query.add(last_id);
      }
      while (query.next()) {
        ids.push_back(query.integer(0));
        last_place = query.integer(1);
        last_since = query.instant(2).value_or(Timestamp());
      }
    }
    bool busy = false;
    const auto attempt = [&](records::Work& work) {
      taken.reset();
      busy = false;
      storage::Session& session = work.session();
      const bool mysql = session.dialect() == storage::Dialect::mysql;
      std::optional<Presence> presence;
      const Record* me = nullptr;
      const auto follow = follow_in(work);
      const auto know_me = [&] {
        if (presence) return;
        if (rule.capacity > 0) records::count_up(work, "assignment/" + entity.full_name + "." + field.name);
        presence = presence_of(work);
        me = candidate_in(*presence, rule, context);
        if (me == nullptr) throw Error(ErrorCode::forbidden, message("queue_forbidden", context.locale));
        if (rule.capacity > 0 && loads_of(work, rule, {me->id()})[me->id()] >= rule.capacity) {
          throw Error(ErrorCode::conflict, message("queue_full", context.locale, {std::to_string(rule.capacity)}));
        }
      };
      if (ids.empty()) know_me();
      for (const std::int64_t id : ids) {
        {
          storage::Query row(session, std::string("SELECT rule FROM assignment_wait WHERE record_id = ? AND field = ?") + (mysql ? " FOR UPDATE SKIP LOCKED" : ""), id, field.name);
          if (!row.next() || row.text(0) != rule.name) {
            busy = true;  // a colleague was faster
            continue;
          }
        }
        know_me();
        auto record = load_locked(work, entity, id);
        if (!record || !(*record)[field.slot].is_null()) continue;
        if (rule.candidate && !evaluate_pair(*rule.candidate, context, *record, me, follow).is_true()) continue;
        Record his = *record;
        his.set(field.slot, expr::Value(me->id()));
        if (!records::may(context, model::Operation::read, his, follow, session)) continue;
        decide(work, *record, rule, "taken", me->id(), "{\"candidates\":[{\"user\":\"" + std::to_string(me->id()) +
               "\",\"fit\":\"chosen\",\"score\":null,\"load\":null,\"turn\":null}],\"rules\":[],\"turn\":0,\"fallback\":false}");
        storage::run_sql(session, "DELETE FROM assignment_wait WHERE record_id = ? AND field = ?", id, field.name);
        set_user(work, *record, rule, me->id());
        record = work.current(std::move(*record));
        records::redact(context, *record);
        taken = std::move(*record);
        return;
      }
      throw NothingThere{};
    };
    try {
      service.transact(context, attempt);
    } catch (const NothingThere&) {
      taken.reset();
    }
    if (taken) break;
    if (!ids.empty()) last_id = ids.back();
    passed = passed || busy;
    if (ids.size() == looked_at_once) {
      begun = true;
    } else if (passed) {
      // From the beginning again: what somebody was about to take may be back.
      begun = passed = false;
    } else {
      break;
    }
  }
  if (!taken) throw Error(ErrorCode::not_found, message("queue_empty", context.locale));
  service.looked(context, *taken);
  return *taken;
}

QueueList queues_of(const records::RecordService& service, const Context& context) {
  QueueList out;
  const auto& rules = context.catalog->assignments;
  if (rules.empty()) return out;
  const Entity* users = context.catalog->entity("core.user");
  Context system = context;
  system.actor.system = true;
  std::optional<Record> me;
  try {
    me = service.get(system, *users, context.actor.user_id);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;
    return out;
  }
  spread_roles(*me);
  const bool* available = (*me)[users->field("available")->slot].as<bool>();
  out.available = available == nullptr || *available;
  auto session = service.database().read();
  for (const auto& rule : rules) {
    if (!holds_one(*context.catalog, *me, rule->roles) || !records::may_ever(context, *rule->entity, model::Operation::read)) continue;
    storage::Query query(*session, "SELECT COUNT(*) FROM assignment_wait WHERE rule = ?", rule->name);
    QueueInfo info{rule.get(), query.next() ? query.integer(0) : 0};
    if (rule->strategy == Assignment::Strategy::queue || info.waiting > 0) out.items.push_back(info);
  }
  return out;
}

std::vector<Decision> decisions_of(const records::RecordService& service, const Context& context, const Entity& entity, std::int64_t id) {
  service.get(context, entity, id);
  std::vector<Decision> out;
  const auto rights = records::field_rights(context, entity);
  auto session = service.database().read();
  storage::Query query(*session, "SELECT id, field, rule, outcome, user_id, at, why FROM assignment_decision WHERE record_id = ? AND entity = ? ORDER BY at DESC, id DESC LIMIT 50", id,
                       entity.full_name);
  while (query.next()) {
    const Field* field = entity.field(query.text(1));
    if (field == nullptr || !rights.readable(*field)) continue;
    Decision one;
    one.id = query.integer(0);
    one.field = query.text(1);
    one.rule = query.text(2);
    one.outcome = query.text(3);
    one.user_id = query.integer(4);
    one.at = query.instant(5).value_or(Timestamp());
    one.why = query.text(6);
    out.push_back(std::move(one));
  }
  return out;
}

std::int64_t purge_decisions(storage::Session& session, Timestamp now) {
  return storage::delete_oldest(session, "assignment_decision", "at", Timestamp{now.micros - kept_micros}, 500);
}

}  // namespace caravan::workflow
