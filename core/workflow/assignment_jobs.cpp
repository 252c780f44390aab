#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/time_zone.h"
#include "records/access.h"
#include "records/bulk.h"
#include "records/history.h"
#include "records/json.h"
#include "records/messages.h"
#include "storage/query.h"
#include "workflow/assignment.h"
#include "workflow/assignment_asking.h"
#include "workflow/assignment_choice.h"
#include "workflow/effects.h"
#include "workflow/rule_payload.h"

// What rules of assignment do from the queue.

namespace caravan::workflow {
namespace {

using model::Assignment;
using model::Entity;
using model::Field;
using records::Context;
using records::Record;

/// Holds what signature_of() gave when all records were last asked for.
constexpr const char* planned_setting = "assignments.planned";
constexpr std::size_t asked_at_once = 200;
/// Records that are asked for in one transaction: what it costs to begin, to look who is there and to commit is shared, and others who
/// assign wait no longer than that takes.
constexpr std::size_t in_one_transaction = 20;

std::set<const Field*> fields_of(const Entity& entity) {
  std::set<const Field*> out;
  if (!entity.rules) return out;
  for (const Assignment* rule : entity.rules->assignments) out.insert(rule->field);
  return out;
}

/// What decides which records need somebody; empty without rules. Who is there is asked all the time.
std::string signature_of(const model::Catalog& catalog) {
  if (catalog.assignments.empty()) return {};
  std::string all;
  for (const auto& rule : catalog.assignments) {
    all += rule->name + "\n" + rule->entity->full_name + "." + rule->field->name + "\n" + std::to_string(rule->order) + model::to_string(rule->strategy) + "\n";
    for (const auto& program : {rule->when, rule->open}) all += (program ? program->source() : std::string()) + "\n";
  }
  // What a setting holds is not in the text.
  if (all.find("settings.") != std::string::npos) all += catalog.hash;
  return records::digest({all});
}

/// A text of a moment in the agency's zone, for the history.
std::string local(Timestamp at, const Context& context) {
  const auto time = local_time(at, context.catalog->agency.time_zone);
  if (!time) return format_timestamp(at);
  const auto two = [](int number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  return format_date(time->date) + " " + two(time->hour) + ":" + two(time->minute);
}

}  // namespace

Assignments::Assignments(const records::RecordService& service, CatalogInUse catalog, jobs::Queue& queue)
    : service_(service), catalog_(std::move(catalog)), queue_(queue) {
  queue_.handle(assignment_retry_kind, [this](jobs::Attempt& attempt) { retry(attempt); });
  queue_.handle(assignment_reassign_kind, [this](jobs::Attempt& attempt) { reassign(attempt); });
}

Context Assignments::system(std::string source) const {
  Context context;
  context.actor.system = true;
  context.catalog = catalog_();
  context.source = std::move(source);
  context.locale = context.catalog->agency.locale;
  context.now = queue_.now();
  return context;
}

void Assignments::ask(const Context& context, const Entity& entity, const Field& field, const std::vector<std::int64_t>& ids) const {
  if (ids.empty()) return;
  service_.transact(context, [&](records::Work& work) {
    std::shared_ptr<const Presence> presence;
    for (const std::int64_t id : ids) {
      records::Savepoint savepoint(work.session());
      try {
        auto record = load_locked(work, entity, id);
        if (record && (*record)[field.slot].is_null()) ask_rules(work, *record, field, false, &presence);
        else forget_waiting(work.session(), id, field);
        savepoint.keep();
      } catch (const Error& error) {
        // One record that its own rules hold back does not keep the others from being assigned.
        if (!records::is_refusal(error)) throw;
        savepoint.undo();
      }
    }
  });
}

void Assignments::ask_waiting(jobs::Attempt& attempt, const Context& context, const Entity& entity, const Field* only) const {
  for (const Field* field : fields_of(entity)) {
    if (only != nullptr && only != field) continue;
    std::int64_t place = 0, id = 0, done = 0;
    Timestamp since;
    Able somebody;
    const auto look = [&] { service_.transact(context, [&](records::Work& work) { somebody = able(work, entity, *field); }); };
    look();
    if (!somebody.any) continue;
    for (bool begun = false, more = true; more; begun = true) {
      std::vector<std::pair<std::int64_t, std::string>> ids;
      {
        auto session = service_.database().read();
        const std::string sql = "SELECT record_id, place, since, rule FROM assignment_wait WHERE entity = ? AND field = ? AND manual = 0";
        storage::Query query(*session,
                             sql + (begun ? " AND (place > ? OR (place = ? AND (since > ? OR (since = ? AND record_id > ?))))" : "") +
                                 " ORDER BY place, since, record_id LIMIT 200",
                             entity.full_name, field->name);
        if (begun) {
          query.add(place);
          query.add(place);
          query.add(since);
          query.add(since);
          query.add(id);
        }
        while (query.next()) {
          ids.emplace_back(query.integer(0), query.text(3));
          place = query.integer(1);
          since = query.instant(2).value_or(Timestamp());
        }
      }
      if (!ids.empty()) id = ids.back().first;
      more = ids.size() == asked_at_once;
      std::vector<std::int64_t> batch;
      for (std::size_t i = 0; i <= ids.size(); ++i) {
        if (i < ids.size()) {
          // What cannot be assigned now, as far as that can be told for all at once, costs nothing.
          if (somebody.of(ids[i].second)) batch.push_back(ids[i].first);
          if (batch.size() < in_one_transaction) continue;
        }
        if (batch.empty()) continue;
        ask(context, entity, *field, batch);
        done += static_cast<std::int64_t>(batch.size());
        batch.clear();
        look();  // perhaps everybody has enough by now
        if (!attempt.progress(done, 0, entity.full_name) || attempt.stopping()) {
          throw Error(ErrorCode::unavailable, "The server is stopping; what waits is asked for by the next attempt.");
        }
      }
    }
  }
}

void Assignments::retry(jobs::Attempt& attempt) const {
  const Payload payload(attempt.job().payload);
  const Context context = system("assignment");
  const std::string name = payload.text("entity"), field_name = payload.text("field");
  for (const auto& entity : context.catalog->entities) {
    if (!entity->rules || entity->rules->assignments.empty() || (!name.empty() && entity->full_name != name)) continue;
    const Field* field = field_name.empty() ? nullptr : entity->field(field_name);
    if (field == nullptr && !field_name.empty()) continue;
    ask_waiting(attempt, context, *entity, field);
  }
}

void Assignments::take_back(const Context& context, const Assignment& rule, std::int64_t id, std::int64_t user, const std::string& why) const {
  try {
    service_.transact(context, [&](records::Work& work) {
      const auto follow = follow_in(work);
      auto found = load_locked(work, *rule.entity, id);
      if (!found) return;
      Record& record = *found;
      const auto* has = record[rule.field->slot].as<std::int64_t>();
      if (has == nullptr || *has != user) return;
      // The rule that would have assigned it, as if it had nobody, says whether it goes back.
      Record open = record;
      open.set(rule.field->slot, {});
      const auto holds = [&](const std::shared_ptr<const expr::Program>& program) { return !program || evaluate_pair(*program, context, open, nullptr, follow).is_true(); };
      for (const Assignment* one : rule.entity->rules->assignments) {
        if (one->field != rule.field || !holds(one->open) || !holds(one->when)) continue;
        if (one != &rule) return;
        break;
      }
      if (!holds(rule.open) || !holds(rule.when)) return;
      const records::SourceScope source(work, "assignment " + rule.name);
      record = work.remark(record, "reassign", why);
      ask_rules(work, record, *rule.field, true);
    });
  } catch (const Error& error) {
    if (error.code() == ErrorCode::unavailable || error.code() == ErrorCode::internal) throw;
  }
}

void Assignments::reassign(jobs::Attempt& attempt) const {
  const std::int64_t user = Payload(attempt.job().payload).number("user");
  const Context context = system("assignment");
  const Entity& users = *context.catalog->entity("core.user");
  const Entity& absences = *context.catalog->entity("core.absence");
  std::optional<Record> person;
  try {
    person = service_.get(context, users, user);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;
    return;
  }
  const auto is_false = [&](const char* name) {
    const bool* value = (*person)[users.field(name)->slot].as<bool>();
    return value != nullptr && !*value;
  };
  const std::string* name = (*person)[users.field("name")->slot].as<std::string>();
  const std::string who = name != nullptr ? *name : std::to_string(user);
  std::string why;
  if (is_false("active")) {
    why = records::message("reassign_left", context.locale, {who});
  } else if (is_false("available")) {
    why = records::message("reassign_away", context.locale, {who});
  } else {
    auto session = service_.database().read();
    const auto column = [&](const char* field) { return storage::quote(session->dialect(), absences.field(field)->column); };
    storage::Query query(*session,
                         "SELECT " + column("to") + " FROM " + storage::quote(session->dialect(), absences.table_name) + " WHERE " + column("user") + " = ? AND " + column("from") +
                             " <= ? AND (" + column("to") + " > ? OR " + column("to") + " IS NULL) ORDER BY " + column("to") + " DESC LIMIT 1",
                         user, context.now, context.now);
    if (!query.next()) return;  // it was called off
    const auto until = query.instant(0);
    why = until ? records::message("reassign_absent_until", context.locale, {who, local(*until, context)}) : records::message("reassign_absent", context.locale, {who});
  }
  std::int64_t done = 0;
  for (const auto& rule : context.catalog->assignments) {
    if (!rule->reassign) continue;
    const Entity& entity = *rule->entity;
    const storage::Dialect dialect = service_.database().dialect();
    const std::string id_column = storage::quote(dialect, entity.fields[model::slot_id]->column);
    for (std::int64_t last = 0;;) {
      std::vector<std::int64_t> ids;
      {
        auto session = service_.database().read();
        storage::Query query(*session,
                             "SELECT " + id_column + " FROM " + storage::quote(dialect, entity.table_name) + " WHERE " + storage::quote(dialect, rule->field->column) + " = ? AND " +
                                 id_column + " > ? ORDER BY " + id_column + " LIMIT 200",
                             user, last);
        while (query.next()) ids.push_back(query.integer(0));
      }
      for (const std::int64_t id : ids) {
        take_back(context, *rule, id, user, why);
        if (++done % 20 == 0 && (!attempt.progress(done, 0, entity.full_name) || attempt.stopping())) {
          throw Error(ErrorCode::unavailable, "The server is stopping; what the absent had goes back by the next attempt.");
        }
      }
      if (ids.size() < asked_at_once) break;
      last = ids.back();
    }
  }
}

void Assignments::plan(jobs::Attempt& attempt, const Context& context, const std::string& signature) const {
  const storage::Dialect dialect = service_.database().dialect();
  std::int64_t done = 0;
  for (const auto& rule : context.catalog->assignments) {
    const std::string id_column = "r." + storage::quote(dialect, rule->entity->fields[model::slot_id]->column);
    const OpenCondition open = open_condition(*rule, context, dialect);
    const std::string sql = "SELECT " + id_column + " FROM " + storage::quote(dialect, rule->entity->table_name) + " r WHERE r." + storage::quote(dialect, rule->field->column) +
                            " IS NULL AND " + id_column + " > ?" + open.sql + " ORDER BY " + id_column + " LIMIT 200";
    for (std::int64_t last = 0;;) {
      std::vector<std::int64_t> ids;
      {
        auto session = service_.database().read();
        storage::Statement& statement = session->prepare(sql);
        int index = 1;
        statement.bind(index++, last);
        for (const auto& parameter : open.parameters) statement.bind(index++, parameter);
        while (statement.step()) ids.push_back(statement.integer(0));
        statement.reset();
      }
      for (std::size_t i = 0; i < ids.size(); i += in_one_transaction) {
        const auto from = ids.begin() + static_cast<std::ptrdiff_t>(i), to = ids.begin() + static_cast<std::ptrdiff_t>(std::min(i + in_one_transaction, ids.size()));
        ask(context, *rule->entity, *rule->field, {from, to});
        done += to - from;
        if ((!attempt.progress(done, 0, rule->entity->full_name) || attempt.stopping())) {
          throw Error(ErrorCode::unavailable, "The server is stopping; the rest is asked for by the next attempt.");
        }
      }
      if (ids.size() < asked_at_once) break;
      last = ids.back();
    }
  }
  service_.database().transact([&](storage::Session& session) {
    // What waits for a rule that is no more was asked for above, or its entity has none any more.
    std::vector<std::string> gone;
    {
      storage::Query query(session, "SELECT DISTINCT rule FROM assignment_wait");
      while (query.next()) {
        const std::string name = query.text(0);
        if (std::none_of(context.catalog->assignments.begin(), context.catalog->assignments.end(), [&](const auto& rule) { return rule->name == name; })) gone.push_back(name);
      }
    }
    for (const std::string& name : gone) storage::run_sql(session, "DELETE FROM assignment_wait WHERE rule = ?", name);
    storage::run_sql(session, "DELETE FROM setting WHERE name = ?", planned_setting);
    storage::run_sql(session, "INSERT INTO setting (name, value) VALUES (?, ?)", planned_setting, signature);
  });
}

void Assignments::sweep(jobs::Attempt& attempt) const {
  const Context context = system("assignment");
  std::string planned;
  bool any = false;
  {
    auto session = service_.database().read();
    {
      storage::Query query(*session, "SELECT value FROM setting WHERE name = ?", planned_setting);
      if (query.next()) planned = query.text(0);
    }
    storage::Query query(*session, "SELECT 1 FROM assignment_wait WHERE manual = 0 LIMIT 1");
    any = query.next();
  }
  const std::string signature = signature_of(*context.catalog);
  if (planned != signature && !(signature.empty() && planned.empty())) return plan(attempt, context, signature);
  if (!any) return;
  for (const auto& entity : context.catalog->entities) {
    if (entity->rules && !entity->rules->assignments.empty()) ask_waiting(attempt, context, *entity, nullptr);
  }
}

}  // namespace caravan::workflow
