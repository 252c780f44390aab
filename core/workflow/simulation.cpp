#include "workflow/simulation.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "base/error.h"
#include "records/data_check.h"
#include "records/json.h"
#include "records/plans.h"
#include "storage/query.h"

namespace caravan::workflow {
namespace {

using model::Entity;
using records::Record;

constexpr std::int64_t page_size = 500;
constexpr std::size_t most_kept = 20'000;    ///< referenced records and users that are kept in memory
constexpr std::size_t most_changed = 2'000;  ///< of one part

std::vector<std::string> role_names(const std::string& json) {
  std::vector<std::string> names;
  if (json.empty()) return names;
  try {
    const records::Json list = records::parse_json(json);
    if (const auto* items = list.as<records::Json::Array>()) {
      for (const auto& item : *items) {
        if (const auto* name = item.as<std::string>()) names.push_back(*name);
      }
    }
  } catch (const Error&) {
  }
  return names;
}

/// What rules see beside the record itself: referenced records as they are today, users as they were.
class World {
 public:
  World(storage::Database& database, std::shared_ptr<const model::Catalog> present, std::shared_ptr<const model::Catalog> next)
      : database_(database), present_(std::move(present)), next_(std::move(next)), plans_(present_, database.dialect()) {
    for (int i = 0; i < 2; ++i) {
      follow_[i] = std::make_shared<const records::Follow>([this, i](const Entity& entity, std::int64_t id) { return load(i == 1, entity, id); });
    }
  }
  const std::shared_ptr<const records::Follow>& follow(bool next) const { return follow_[next ? 1 : 0]; }
  const records::EntityPlan& plan(const Entity& entity) const { return plans_.of(entity); }

  records::Actor actor(std::int64_t user, Timestamp at) {
    if (users_.size() > most_kept) users_.clear();
    auto found = users_.find(user);
    if (found == users_.end()) found = users_.emplace(user, user_history(user)).first;
    records::Actor actor;
    for (const auto& [since, was] : found->second) {
      if (since > at && actor.user_id != 0) break;
      actor = was;
    }
    actor.user_id = user;
    return actor;
  }

 private:
  std::shared_ptr<const expr::RecordView> load(bool next, const Entity& entity, std::int64_t id) {
    auto& kept = kept_[next ? 1 : 0];
    if (kept.size() > most_kept) kept.clear();
    const auto key = std::make_pair(&entity, id);
    if (const auto found = kept.find(key); found != kept.end()) return found->second;
    std::shared_ptr<const expr::RecordView> record;
    const Entity* source = next ? present_->entity(entity.full_name) : &entity;
    if (source != nullptr) {
      if (auto row = read(*source, id)) {
        auto loaded = std::make_shared<Record>(entity);
        for (const auto& field : entity.fields) {
          const model::Field* there = next ? source->field(field->name) : field.get();
          if (there != nullptr && there->type == field->type) loaded->set(field->slot, (*row)[there->slot]);
        }
        loaded->set_follow(follow_[next ? 1 : 0]);
        record = std::move(loaded);
      }
    }
    kept.emplace(key, record);
    return record;
  }

  std::optional<Record> read(const Entity& entity, std::int64_t id) {
    auto session = database_.read();
    const records::EntityPlan& plan = plans_.of(entity);
    storage::Statement& statement = session->prepare(plan.select_by_id);
    statement.bind(1, id);
    std::optional<Record> record;
    if (statement.step()) record = records::read_row(plan, statement, true);
    statement.reset();
    return record;
  }

  /// What the user was, each from when on.
  std::vector<std::pair<Timestamp, records::Actor>> user_history(std::int64_t user) {
    std::vector<std::pair<Timestamp, records::Actor>> history;
    records::Actor actor;
    actor.user_id = user;
    actor.username.clear();
    actor.name.clear();
    {
      auto session = database_.read();
      storage::Query query(*session, "SELECT at, changes FROM event WHERE entity = 'core.user' AND record_id = ? ORDER BY version, id", user);
      while (query.next()) {
        const std::string changes = query.text(1);
        if (changes.empty()) continue;
        const records::Json json = records::parse_json(changes);
        const auto now = [&](const char* name) -> const records::Json* {
          const auto* pair = json.find(name) != nullptr ? json.find(name)->as<records::Json::Array>() : nullptr;
          return pair != nullptr && pair->size() == 2 ? &(*pair)[1] : nullptr;
        };
        const auto text = [&](const char* name, std::string& into) {
          const records::Json* value = now(name);
          if (value == nullptr) return;
          const auto* said = value->as<std::string>();
          into = said != nullptr ? *said : std::string();
        };
        text("username", actor.username);
        text("name", actor.name);
        text("locale", actor.locale);
        text("department", actor.department);
        if (const records::Json* roles = now("roles")) {
          std::string list;
          roles->write(list);
          if (const auto* said = roles->as<std::string>()) list = *said;
          actor.roles = role_names(list);
        }
        history.emplace_back(query.instant(0).value_or(Timestamp()), actor);
      }
    }
    if (!history.empty()) return history;
    // Older than the history: as he is.
    const Entity* users = present_->entity("core.user");
    const auto row = users != nullptr ? read(*users, user) : std::nullopt;
    const auto text = [&](const char* name) {
      const model::Field* field = users->field(name);
      const auto* said = field != nullptr ? (*row)[field->slot].as<std::string>() : nullptr;
      return said != nullptr ? *said : std::string();
    };
    if (row) {
      actor.username = text("username");
      actor.name = text("name");
      actor.locale = text("locale");
      actor.department = text("department");
      actor.roles = role_names(text("roles"));
    }
    history.emplace_back(Timestamp{INT64_MIN}, actor);
    return history;
  }

  struct Hash {
    std::size_t operator()(const std::pair<const Entity*, std::int64_t>& key) const {
      return std::hash<const Entity*>()(key.first) * 1'000'003 + std::hash<std::int64_t>()(key.second);
    }
  };
  storage::Database& database_;
  std::shared_ptr<const model::Catalog> present_, next_;
  const records::Plans plans_;
  std::shared_ptr<const records::Follow> follow_[2];
  std::unordered_map<std::pair<const Entity*, std::int64_t>, std::shared_ptr<const expr::RecordView>, Hash> kept_[2];
  std::unordered_map<std::int64_t, std::vector<std::pair<Timestamp, records::Actor>>> users_;
};

struct Row {
  PastEvent event;
  std::int64_t record = 0;
  bool erased = false;
};

/// The events of an entity by record and version, page by page.
class Events {
 public:
  Events(storage::Database& database, std::string entity, std::int64_t after) : database_(database), entity_(std::move(entity)), record_(after) {}
  /// nullptr at the end. Valid until the next call.
  const Row* next() {
    if (index_ == page_.size() && !over_) fetch();
    return index_ < page_.size() ? &page_[index_++] : nullptr;
  }
  void put_back() { --index_; }

 private:
  void fetch() {
    page_.clear();
    index_ = 0;
    auto session = database_.read();
    storage::Query query(*session,
                         "SELECT id, record_id, version, at, actor_id, source, action, changes, note FROM event WHERE entity = ? AND record_id >= ? AND "
                         "(record_id > ? OR version > ? OR (version = ? AND id > ?)) ORDER BY record_id, version, id LIMIT ?",
                         entity_, record_, record_, version_, version_, id_, page_size);
    while (query.next()) {
      Row& row = page_.emplace_back();
      row.event.id = query.integer(0);
      row.record = query.integer(1);
      row.event.version = query.integer(2);
      row.event.at = query.instant(3).value_or(Timestamp());
      row.event.actor_id = query.integer(4);
      row.event.source = query.text(5);
      row.event.action = query.text(6);
      row.event.changes = query.text(7);
      row.event.note = query.text(8);
      row.erased = row.event.changes.empty();
    }
    over_ = static_cast<std::int64_t>(page_.size()) < page_size;
    if (page_.empty()) return;
    record_ = page_.back().record;
    version_ = page_.back().event.version;
    id_ = page_.back().event.id;
  }

  storage::Database& database_;
  const std::string entity_;
  std::int64_t record_, version_ = INT64_MAX, id_ = INT64_MAX;
  std::vector<Row> page_;
  std::size_t index_ = 0;
  bool over_ = false;
};

class Simulator {
 public:
  Simulator(storage::Database& database, std::shared_ptr<const model::Catalog> present, std::shared_ptr<const model::Catalog> next,
            const SimulationQuery& query)
      : database_(database), query_(query), world_(database, present, next) {
    about_.present = std::move(present);
    about_.next = std::move(next);
    about_.follow_present = world_.follow(false);
    about_.follow_next = world_.follow(true);
    about_.actor = [this](std::int64_t user, Timestamp at) { return world_.actor(user, at); };
    about_.since = query.since;
    about_.until = query.until.value_or(Clock::system().now());
    part_.until = about_.until;
  }

  SimulationPart run() {
    if (!query_.entity.empty() && about_.present->entity(query_.entity) == nullptr)
      throw Error(ErrorCode::not_found, "The definitions in use have no entity \"" + query_.entity + "\".");
    std::string first;
    std::int64_t after = INT64_MIN;
    if (!query_.after.empty()) {
      const auto colon = query_.after.rfind(':');
      const char* end = query_.after.data() + query_.after.size();
      if (colon == std::string::npos || std::from_chars(query_.after.data() + colon + 1, end, after).ptr != end)
        throw Error(ErrorCode::invalid_argument, "after: this is no cursor of a simulation.");
      first = query_.after.substr(0, colon);
    } else {
      about_all();
    }
    for (const auto& entity : about_.present->entities) {
      if (query_.entity.empty() ? entity->module == "core" : entity->full_name != query_.entity) continue;
      if (entity->full_name < first) continue;
      if (!run_entity(*entity, entity->full_name == first ? after : INT64_MIN)) break;
    }
    return std::move(part_);
  }

 private:
  /// What is said of the data as they are.
  void about_all() {
    auto session = database_.read();
    for (const auto& entity : about_.present->entities) {
      if (query_.entity.empty() ? entity->module == "core" : entity->full_name != query_.entity) continue;
      const Entity* next = about_.next->entity(entity->full_name);
      if (!entity->workflow && next != nullptr) continue;
      const records::EntityPlan& plan = world_.plan(*entity);
      const std::string state = storage::quote(session->dialect(), entity->fields[model::slot_state]->column);
      storage::Query query(*session, entity->workflow ? "SELECT " + state + ", COUNT(*) FROM " + plan.from_table + " GROUP BY " + state
                                                      : "SELECT '', COUNT(*) FROM " + plan.from_table);
      while (query.next()) {
        StateCount count;
        count.entity = entity->full_name;
        count.state = query.text(0);
        count.records = query.integer(1);
        if (count.records == 0) continue;
        count.entity_gone = next == nullptr;
        if (next != nullptr && next->workflow) {
          const auto moved = next->workflow->moved.find(count.state);
          if (next->workflow->state(count.state) != nullptr) count.next = count.state;
          else if (moved != next->workflow->moved.end()) count.next = moved->second;
        }
        part_.states.push_back(std::move(count));
      }
    }
    std::sort(part_.states.begin(), part_.states.end(),
              [](const StateCount& a, const StateCount& b) { return std::tie(a.entity, a.state) < std::tie(b.entity, b.state); });
    records::DataCheck check;
    check.present = about_.present.get();
    part_.problems = records::check_data(*session, *about_.next, check);
    part_.schedules = std::count_if(about_.next->schedules.begin(), about_.next->schedules.end(), [](const auto& rule) { return rule->active; });
    part_.assignments = static_cast<std::int64_t>(about_.next->assignments.size());
  }

  /// False where there is more to do than this part may.
  bool run_entity(const Entity& entity, std::int64_t after) {
    Events events(database_, entity.full_name, after);
    for (const Row* row = events.next(); row != nullptr; row = events.next()) {
      const std::int64_t record = row->record;
      run_record(entity, events, *row);
      if (part_.events < query_.work && part_.changed.size() < most_changed) continue;
      part_.next = entity.full_name + ":" + std::to_string(record);
      return false;
    }
    return true;
  }

  void run_record(const Entity& entity, Events& events, const Row& first) {
    const std::int64_t id = first.record;
    const bool headless = first.event.action != "create";
    bool erased = false;
    RecordSimulation simulation(about_, entity, id);
    const Row* row = &first;
    for (; row != nullptr && row->record == id; row = events.next()) {
      ++part_.events;
      erased = erased || row->erased;
      if (headless || erased) continue;
      try {
        simulation.add(row->event);
      } catch (Error& error) {
        error.add_context("event " + std::to_string(row->event.id) + " of " + entity.full_name);
        throw;
      }
    }
    if (row != nullptr) events.put_back();
    if (erased || headless) {
      ++(erased ? part_.erased : part_.headless);
      return;
    }
    RecordOutcome outcome = simulation.finish();
    ++part_.records;
    if (outcome.sealed > 0) ++part_.sealed;
    if (!outcome.unexplained.empty()) {
      ++part_.unexplained;
      for (const std::string& reason : outcome.unexplained) ++part_.reasons[entity.full_name + ": " + reason];
    }
    if (outcome.goes_another_way()) part_.changed.push_back({entity.full_name, std::move(outcome)});
  }

  storage::Database& database_;
  const SimulationQuery& query_;
  World world_;
  SimulationWorld about_;
  SimulationPart part_;
};

}  // namespace

SimulationPart simulate(storage::Database& database, std::shared_ptr<const model::Catalog> present, std::shared_ptr<const model::Catalog> next,
                        const SimulationQuery& query) {
  return Simulator(database, std::move(present), std::move(next), query).run();
}

}  // namespace caravan::workflow
