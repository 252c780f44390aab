#include "workflow/clocks.h"

#include <rapidjson/document.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "model/process.h"
#include "records/access.h"
#include "records/history.h"
#include "storage/query.h"
#include "workflow/effects.h"
#include "workflow/working_time.h"

namespace caravan::workflow {
namespace {

using model::ClockRule;
using model::Entity;
using records::Context;
using records::Record;

/// Holds the hash of the definitions by which all clocks were last planned.
constexpr const char* planned_setting = "clocks.planned";
/// With a clock's name behind it: begin_signature() as all records were last asked by it.
constexpr std::string_view asked_setting = "clocks.asked/";

/// What decides with which records the clock runs.
std::string begin_signature(const ClockRule& rule, const model::Catalog& catalog) {
  std::string all = rule.start ? rule.start->source() : std::string();
  if (rule.stop) all += "\nstop " + rule.stop->source();
  if (rule.entity->workflow && !rule.start) {
    for (const auto& state : rule.entity->workflow->states) {
      if (std::find(state->clocks.begin(), state->clocks.end(), &rule) != state->clocks.end()) all += "\nstate " + state->name;
    }
  }
  if (all.find("settings.") != std::string::npos) all += catalog.hash;  // what a setting holds is not in the text
  return records::digest({all});
}

std::string setting(storage::Session& session, const std::string& name) {
  storage::Query query(session, "SELECT value FROM setting WHERE name = ?", name);
  return query.next() ? query.text(0) : std::string();
}

void set_setting(storage::Session& session, const std::string& name, const std::string& value) {
  storage::run_sql(session, "DELETE FROM setting WHERE name = ?", name);
  if (!value.empty()) storage::run_sql(session, "INSERT INTO setting (name, value) VALUES (?, ?)", name, value);
}

/// A row of the table.
struct Row {
  std::int64_t record = 0, number = 0;
  std::string rule;
  ClockRun run;
  std::optional<Timestamp> due, breached, next;
  std::set<std::string, std::less<>> fired;  ///< `warn:NAME`, `breach:NAME`
  bool gone = false;
};

constexpr std::string_view columns =
    "record_id, run, rule, started_at, marks, limit_micros, due_at, met_at, breached_at, next_at, fired, gone_at, "
    "CASE WHEN limit_micros IS NULL THEN 0 ELSE 1 END";

Row read_row(storage::Query& query) {
  Row row;
  row.record = query.integer(0);
  row.number = query.integer(1);
  row.rule = query.text(2);
  row.run.started = query.instant(3).value_or(Timestamp());
  const std::string marks = query.text(4);
  if (!unpack_marks(marks, row.run)) throw Error(ErrorCode::internal, "The marks of a clock cannot be read: record " + std::to_string(row.record) + ", " + row.rule);
  if (query.integer(12) != 0) row.run.limit = query.integer(5);
  row.due = query.instant(6);
  row.run.met_at = query.instant(7);
  row.breached = query.instant(8);
  row.next = query.instant(9);
  const std::string fired = query.text(10);
  for (std::size_t at = 0; at < fired.size();) {
    const std::size_t end = std::min(fired.find(' ', at), fired.size());
    if (end > at) row.fired.insert(fired.substr(at, end - at));
    at = end + 1;
  }
  row.gone = query.instant(11).has_value();
  return row;
}

std::vector<Row> rows_of(storage::Session& session, std::int64_t record) {
  std::vector<Row> rows;
  storage::Query query(session, "SELECT " + std::string(columns) + " FROM record_clock WHERE record_id = ? ORDER BY rule, run", record);
  while (query.next()) rows.push_back(read_row(query));
  return rows;
}

std::string fired_text(const Row& row) {
  std::string out;
  for (const std::string& one : row.fired) out += (out.empty() ? "" : " ") + one;
  return out;
}

void write(storage::Session& session, const Row& row, const Entity* created) {
  storage::Query query(session, created != nullptr
                                    ? "INSERT INTO record_clock (state, marks, limit_micros, due_at, met_at, breached_at, next_at, fired, record_id, rule, run, "
                                      "started_at, entity) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                                    : "UPDATE record_clock SET state = ?, marks = ?, limit_micros = ?, due_at = ?, met_at = ?, breached_at = ?, next_at = ?, "
                                      "fired = ?, gone_at = NULL WHERE record_id = ? AND rule = ? AND run = ?");
  const std::string marks = pack_marks(row.run), fired = fired_text(row);
  query.add(to_string(row.run.state()));
  query.add(marks);
  if (row.run.limit) query.add(*row.run.limit);
  else query.add_null();
  query.add(row.due);
  query.add(row.run.met_at);
  query.add(row.breached);
  query.add(row.next);
  query.add(fired);
  query.add(row.record);
  query.add(row.rule);
  query.add(row.number);
  if (created != nullptr) {
    query.add(row.run.started);
    query.add(created->full_name);
  }
  query.next();
}

}  // namespace

ClockSigns clock_signs(const ClockRule& rule, const Context& context, Record& record, const std::shared_ptr<const records::Follow>& follow) {
  const auto holds = [&](const std::shared_ptr<const expr::Program>& program) {
    return program && records::evaluate(*program, context, record, follow).is_true();
  };
  ClockSigns signs;
  if (rule.start) {
    signs.runs = holds(rule.start);
  } else if (const model::State* state = record.entity().workflow ? record.entity().workflow->state(record.state()) : nullptr) {
    signs.runs = std::find(state->clocks.begin(), state->clocks.end(), &rule) != state->clocks.end();
  }
  signs.pauses = holds(rule.pause);
  signs.stops = rule.stop ? holds(rule.stop) : !signs.runs;
  if (rule.within) {
    const auto result = records::evaluate(*rule.within, context, record, follow);
    const auto* time = result.outcome == expr::Outcome::value ? result.value.as<expr::Duration>() : nullptr;
    if (time != nullptr) {
      // Longer than anything that is looked ahead: as good as that.
      constexpr std::int64_t longest = 2 * most_days_ahead * 86'400;
      signs.limit = std::clamp<std::int64_t>(time->seconds, -longest, longest) * micros_per_second + time->nanos / 1000;
    }
  }
  return signs;
}

namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string payload_of(const Entity& entity, const Row& row, const std::string& action = {}) {
  return "{\"entity\":" + quoted(entity.full_name) + ",\"record\":" + std::to_string(row.record) + ",\"rule\":" + quoted(row.rule) +
         ",\"run\":" + std::to_string(row.number) + (action.empty() ? "" : ",\"action\":" + quoted(action)) + "}";
}

/// Sets what follows from the run (due time, breach, next timer) and adds the timer where it is another than before.
void plan_row(records::Work& work, const Entity& entity, const ClockRule& rule, Row& row, Timestamp now) {
  row.due = due(row.run, rule.calendar);
  row.breached = breached(row.run, rule.calendar, now);
  const auto before = row.next;
  const auto next = coming(row.run, rule, row.fired);
  row.next = next.empty() ? std::nullopt : std::optional(next.front().at);
  // The due time itself, which is told in lists.
  if (!row.run.met_at && !row.breached && row.due && (!row.next || *row.due < *row.next)) row.next = row.due;
  if (!row.next || row.next == before) return;
  jobs::NewJob job;
  job.queue = "clocks";
  job.kind = clock_timer_kind;
  job.payload = payload_of(entity, row);
  job.run_at = *row.next;
  job.unique_key = "clock:" + std::to_string(row.record) + ":" + row.rule + ":" + std::to_string(row.number) + ":" + std::to_string(row.next->micros);
  work.enqueue(job);
}

/// Brings one clock up to the record; `row` is its latest run, if any.
void follow_rule(records::Work& work, Record& record, const ClockRule& rule, Row* row, const std::shared_ptr<const records::Follow>& follow, bool again) {
  const Context& context = work.context();
  Row begun;
  const ClockTurn turn =
      follow_record(row != nullptr ? &row->run : nullptr, rule.calendar, context.now, clock_signs(rule, context, record, follow), begun.run);
  if (turn == ClockTurn::began) {
    begun.record = record.id();
    begun.rule = rule.name;
    begun.number = row == nullptr ? 1 : row->number + 1;
    plan_row(work, record.entity(), rule, begun, context.now);
    write(work.session(), begun, &record.entity());
    return;
  }
  if (row == nullptr || (turn == ClockTurn::none && (row->run.met_at || (!again && !row->gone)))) return;
  if (again || row->gone) row->next.reset();  // a timer may be missing
  plan_row(work, record.entity(), rule, *row, context.now);
  write(work.session(), *row, nullptr);
}

const std::vector<const ClockRule*>* clocks_of(const Entity& entity) {
  return entity.rules && !entity.rules->clocks.empty() ? &entity.rules->clocks : nullptr;
}

void follow_all(records::Work& work, Record& record, bool created, bool again) {
  const auto* rules = clocks_of(record.entity());
  if (rules == nullptr) return;
  std::vector<Row> rows = created ? std::vector<Row>() : rows_of(work.session(), record.id());
  const auto follow = follow_in(work);
  for (const ClockRule* rule : *rules) {
    Row* latest = nullptr;
    for (Row& row : rows) {
      if (row.rule == rule->name) latest = &row;
    }
    follow_rule(work, record, *rule, latest, follow, again);
  }
  // Those that had ended are back with their record, too.
  if (std::any_of(rows.begin(), rows.end(), [](const Row& row) { return row.gone; }))
    storage::run_sql(work.session(), "UPDATE record_clock SET gone_at = NULL WHERE record_id = ? AND gone_at IS NOT NULL", record.id());
}

/// What a job of a clock is about.
struct Subject {
  std::string entity, rule, action;
  std::int64_t record = 0, run = 0;
};

Subject subject_of(const jobs::Job& job) {
  rapidjson::Document json;
  json.Parse(job.payload.c_str());
  Subject out;
  if (json.HasParseError() || !json.IsObject() || !json.HasMember("entity") || !json.HasMember("record") || !json.HasMember("rule") || !json.HasMember("run")) {
    throw Error(ErrorCode::invalid_argument, "The job of a clock has no sound payload.");
  }
  out.entity = json["entity"].GetString();
  out.rule = json["rule"].GetString();
  out.record = json["record"].GetInt64();
  out.run = json["run"].GetInt64();
  if (json.HasMember("action")) out.action = json["action"].GetString();
  return out;
}

}  // namespace

void follow_clocks(records::Work& work, const Record& record, bool created) {
  if (clocks_of(record.entity()) == nullptr) return;
  Record newest = work.current(record);  // other rules may have changed it meanwhile
  follow_all(work, newest, created && newest.version() == record.version(), false);
}

void stop_clocks(records::Work& work, std::int64_t record_id) {
  storage::run_sql(work.session(), "UPDATE record_clock SET gone_at = ?, next_at = NULL WHERE record_id = ?", work.context().now, record_id);
}

namespace {

/// Hooks of others, then the clocks.
class ClockHooks final : public records::Hooks {
 public:
  explicit ClockHooks(std::shared_ptr<const records::Hooks> others) : others_(std::move(others)) {}
  bool any(records::HookPoint point, const Entity& entity) const override {
    return (others_ && others_->any(point, entity)) || (after(point) && clocks_of(entity) != nullptr);
  }
  void run(records::HookPoint point, records::HookCall& call) const override {
    if (others_ && others_->any(point, call.record.entity())) others_->run(point, call);
    if (!after(point) || clocks_of(call.record.entity()) == nullptr) return;
    if (point == records::HookPoint::after_delete) stop_clocks(call.work, call.record.id());
    else follow_clocks(call.work, call.record, point == records::HookPoint::after_create);
  }

 private:
  static bool after(records::HookPoint point) {
    return point == records::HookPoint::after_create || point == records::HookPoint::after_update || point == records::HookPoint::after_transition ||
           point == records::HookPoint::after_delete || point == records::HookPoint::after_restore;
  }
  std::shared_ptr<const records::Hooks> others_;
};

}  // namespace

std::shared_ptr<const records::Hooks> with_clocks(std::shared_ptr<const records::Hooks> others) {
  return std::make_shared<ClockHooks>(std::move(others));
}

Clocks::Clocks(const records::RecordService& records, CatalogInUse catalog, Now now)
    : records_(records), catalog_(std::move(catalog)), now_(std::move(now)) {}

Context Clocks::system(std::string source) const {
  Context context;
  context.actor.system = true;
  context.catalog = catalog_();
  context.source = std::move(source);
  context.now = now_();
  context.locale = context.catalog->agency.locale;
  return context;
}

namespace {

/// The clock that a job is about, where all of it is still there; the record is locked.
struct Found {
  const ClockRule* rule = nullptr;
  Record record;
  Row row;
};

std::optional<Found> find(records::Work& work, const Subject& subject) {
  const Entity* entity = work.context().catalog->entity(subject.entity);
  const auto* rules = entity != nullptr ? clocks_of(*entity) : nullptr;
  if (rules == nullptr) return std::nullopt;
  const auto rule = std::find_if(rules->begin(), rules->end(), [&](const ClockRule* one) { return one->name == subject.rule; });
  if (rule == rules->end()) return std::nullopt;
  Found found;
  found.rule = *rule;
  try {
    found.record = work.load(*entity, subject.record, true);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::not_found) return std::nullopt;
    throw;
  }
  for (Row& row : rows_of(work.session(), subject.record)) {
    if (row.rule == subject.rule && row.number == subject.run && !row.gone) {
      found.row = std::move(row);
      return found;
    }
  }
  return std::nullopt;
}

}  // namespace

void Clocks::timer(jobs::Attempt& attempt) const {
  const Subject subject = subject_of(attempt.job());
  const Context context = system("clock " + subject.rule);
  records_.transact(context, [&](records::Work& work) {
    if (auto found = find(work, subject)) {
      Row& row = found->row;
      for (const ClockMoment& one : coming(row.run, *found->rule, row.fired)) {
        if (one.at > context.now) continue;
        row.fired.insert(one.key);
        if (one.action->effects.empty()) continue;
        jobs::NewJob job;
        job.queue = "clocks";
        job.kind = clock_action_kind;
        job.payload = payload_of(found->record.entity(), row, one.key);
        work.enqueue(job);
      }
      const bool timer = row.next && *row.next <= context.now;
      if (timer) row.next.reset();
      plan_row(work, found->record.entity(), *found->rule, row, context.now);
      write(work.session(), row, nullptr);
    }
    attempt.finish_in(work.session());
  });
}

void Clocks::action(jobs::Attempt& attempt) const {
  const Subject subject = subject_of(attempt.job());
  const std::size_t colon = subject.action.find(':');
  const std::string name = colon == std::string::npos ? std::string() : subject.action.substr(colon + 1);
  const Context context = system("clock " + subject.rule);
  records_.transact(context, [&](records::Work& work) {
    auto found = find(work, subject);
    const bool warns = subject.action.starts_with("warn:");
    // What was met meanwhile needs no warning any more; what was late was late.
    if (found && !(warns && found->row.run.met_at)) {
      const auto& actions = warns ? found->rule->warn : found->rule->breach;
      const auto action = std::find_if(actions.begin(), actions.end(), [&](const auto& one) { return one.name == name; });
      if (action != actions.end()) {
        run_effects(work, action->effects, found->record, "clock " + found->rule->name + "." + action->name);
      }
    }
    attempt.finish_in(work.session());
  });
}

void Clocks::plan(jobs::Attempt& attempt) const {
  const Context context = system("clock");
  if (context.catalog->hash != attempt.job().payload) {
    // Either this node has not taken over the definitions yet, or newer ones have a job of their own.
    if (context.now.micros - attempt.job().created_at.micros < 60 * micros_per_second) attempt.postpone(500);
    return;
  }
  storage::Database& database = records_.database();
  std::int64_t done = 0;
  // Locks the records one by one, and brings their clocks up to the rules.
  const auto follow = [&](const Entity& entity, const std::vector<std::int64_t>& ids) {
    for (const std::int64_t id : ids) {
      records_.transact(context, [&](records::Work& work) {
        try {
          Record record = work.load(entity, id, true);
          follow_all(work, record, false, true);
        } catch (const Error& error) {
          if (error.code() != ErrorCode::not_found) throw;
        }
      });
    }
    done += static_cast<std::int64_t>(ids.size());
    if (!attempt.progress(done, 0, entity.full_name) || attempt.stopping()) {
      throw Error(ErrorCode::unavailable, "The server is stopping; clocks are planned anew by the next attempt.");
    }
  };
  for (const auto& entity : context.catalog->entities) {
    const auto* rules = clocks_of(*entity);
    if (rules == nullptr) continue;
    // By a clock that is new, or that begins or ends otherwise, all records are asked; by others, those with which it runs.
    std::map<std::string, std::string> asked;
    {
      auto session = database.read();
      for (const ClockRule* rule : *rules) {
        const std::string name = std::string(asked_setting) + rule->name;
        std::string signature = begin_signature(*rule, *context.catalog);
        if (setting(*session, name) != signature) asked.emplace(name, std::move(signature));
      }
    }
    const bool fresh = !asked.empty();
    const std::string id_column = storage::quote(database.dialect(), entity->fields[model::slot_id]->column);
    const std::string sql = fresh ? "SELECT " + id_column + " FROM " + storage::quote(database.dialect(), entity->table_name) + " WHERE " + id_column +
                                        " > ? ORDER BY " + id_column + " LIMIT 200"
                                  : "SELECT DISTINCT record_id FROM record_clock WHERE entity = ? AND state IN ('running', 'paused') AND gone_at IS NULL AND "
                                    "record_id > ? ORDER BY record_id LIMIT 200";
    for (std::int64_t last = 0;;) {
      std::vector<std::int64_t> ids;
      {
        auto session = database.read();
        storage::Query query(*session, sql);
        if (!fresh) query.add(entity->full_name);
        query.add(last);
        while (query.next()) ids.push_back(query.integer(0));
      }
      if (ids.empty()) break;
      last = ids.back();
      follow(*entity, ids);
    }
    if (!fresh) continue;
    database.transact([&](storage::Session& session) {
      for (const auto& [name, signature] : asked) set_setting(session, name, signature);
    });
  }
  attempt.finish([&](storage::Session& session) {
    // A clock that comes back later is new.
    std::vector<std::string> gone;
    {
      storage::Query query(session, "SELECT name FROM setting WHERE name LIKE 'clocks.asked/%'");
      while (query.next()) {
        const std::string name = query.text(0).substr(asked_setting.size());
        if (std::none_of(context.catalog->clocks.begin(), context.catalog->clocks.end(), [&](const auto& rule) { return rule->name == name; })) gone.push_back(query.text(0));
      }
    }
    for (const std::string& name : gone) set_setting(session, name, {});
    set_setting(session, planned_setting, context.catalog->hash);
  });
}

std::vector<ClockInfo> clocks_of(const records::RecordService& records, const Context& context, const Entity& entity, std::int64_t id) {
  records.get(context, entity, id);  // throws where the actor may not see it
  std::vector<ClockInfo> out;
  const auto* rules = clocks_of(entity);
  if (rules == nullptr) return out;
  auto session = records.database().read();
  std::vector<Row> rows = rows_of(*session, id);
  for (const ClockRule* rule : *rules) {
    const Row* latest = nullptr;
    for (const Row& row : rows) {
      if (row.rule == rule->name) latest = &row;
    }
    if (latest == nullptr) continue;
    ClockInfo info;
    info.rule = rule;
    info.number = latest->number;
    info.run = latest->run;
    info.elapsed = elapsed(info.run, rule->calendar, info.run.met_at.value_or(context.now));
    info.due = due(info.run, rule->calendar);
    info.breached_at = breached(info.run, rule->calendar, context.now);
    info.lines = explain_clock(info.run, rule->calendar, context.now, context.catalog->agency.time_zone, context.locale);
    out.push_back(std::move(info));
  }
  return out;
}

void enqueue_clock_plan(storage::Session& session, std::int64_t job_id, const model::Catalog& catalog, Timestamp now) {
  {
    storage::Query planned(session, "SELECT value FROM setting WHERE name = ?", planned_setting);
    const bool known = planned.next();
    if (known ? planned.text(0) == catalog.hash : catalog.clocks.empty()) return;
  }
  jobs::NewJob job;
  job.queue = "clocks";
  job.kind = clock_plan_kind;
  job.payload = catalog.hash;
  job.unique_key = "clock.plan:" + catalog.hash;
  jobs::enqueue(session, job_id, job, now);
}

std::int64_t purge_clocks(storage::Session& session, Timestamp now, int undo_days) {
  const Timestamp before{now.micros - (undo_days + 1) * micros_per_day};
  std::vector<std::int64_t> ids;
  {
    storage::Query query(session, "SELECT DISTINCT record_id FROM record_clock WHERE gone_at < ? LIMIT 200", before);
    while (query.next()) ids.push_back(query.integer(0));
  }
  std::int64_t rows = 0;
  for (const std::int64_t id : ids) rows += storage::run_sql(session, "DELETE FROM record_clock WHERE record_id = ? AND gone_at < ?", id, before);
  return rows;
}

}  // namespace caravan::workflow
