#include "records/search_index.h"

#include <algorithm>

#include "base/error.h"
#include "jobs/queue.h"
#include "model/digest.h"
#include "records/duplicates.h"
#include "records/json.h"
#include "records/query.h"
#include "records/search_words.h"
#include "storage/query.h"

namespace caravan::records {
namespace {

std::int64_t steady_milliseconds() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count() + 1;
}

}  // namespace

std::vector<const model::Field*> searched_fields(const model::Entity& entity) {
  std::vector<const model::Field*> fields;
  for (const auto& field : entity.fields) {
    if (field->search && !field->sensitive && !field->system) fields.push_back(field.get());
  }
  if (!fields.empty()) fields.push_back(entity.fields[model::slot_number].get());
  return fields;
}

bool is_indexed(const model::Entity& entity) {
  return weighs(entity) || !searched_fields(entity).empty();
}

std::string index_definition(const model::Entity& entity) {
  model::Digest digest;
  digest.add_delimited(std::to_string(words_version));
  for (const model::Field* field : searched_fields(entity)) digest.add_delimited(field->column);
  for (const model::DuplicateRule& rule : entity.duplicates) {
    if (!rule.match) continue;
    digest.add_delimited("match 2 " + rule.name + " " + rule.match->region);
    for (const model::MatchKey& key : rule.match->keys) {
      digest.add_delimited("key");
      for (const model::MatchKeyPart& part : key.parts) {
        const model::MatchInput& input = rule.match->inputs[part.input];
        digest.add_delimited(input.name + " " + model::to_string(input.as) + " " + std::to_string(static_cast<int>(part.take)) + " " + std::to_string(part.count) +
                             (input.field->sensitive ? " sealed" : ""));
      }
    }
  }
  return digest.hex();
}

SearchIndex::SearchIndex(storage::Database& database, storage::Sequences& sequences)
    : database_(database), sequences_(sequences), store_(storage::SearchStore::open(database.dialect())) {
  database_.transact([&](storage::Session& session) { store_->prepare(session); });
}

std::map<std::string, SearchIndex::State, std::less<>> SearchIndex::load(storage::Session& session) const {
  std::map<std::string, State, std::less<>> out;
  storage::Query query(session, "SELECT entity, number, complete, definition, built_to FROM search_state");
  while (query.next()) out[query.text(0)] = {query.integer(1), query.integer(2) != 0, query.text(3), query.integer(4)};
  return out;
}

std::map<std::string, SearchIndex::State, std::less<>> SearchIndex::states() const {
  auto session = database_.read();
  return load(*session);
}

std::optional<SearchIndex::State> SearchIndex::of(std::string_view entity) const {
  constexpr std::int64_t fresh = 1000;
  auto states = states_.load();
  if (!states || steady_milliseconds() - loaded_.load() > fresh) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (lock.owns_lock() || !states) {
      states = std::make_shared<const std::map<std::string, State, std::less<>>>(this->states());
      states_.store(states);
      loaded_.store(steady_milliseconds());
    }
  }
  const auto found = states->find(entity);
  return found == states->end() ? std::nullopt : std::optional(found->second);
}

void each_written(std::string_view payload, const std::function<void(const std::string& entity, std::int64_t id)>& each) {
  const Json json = parse_json(payload);
  const auto* members = json.as<Json::Object>();
  if (members == nullptr) throw Error(ErrorCode::invalid_argument, "The payload of a job of the search index is no object.");
  for (const auto& [entity, ids] : *members) {
    const auto* list = ids.as<Json::Array>();
    for (const Json& id : list ? *list : Json::Array()) {
      if (const auto* number = id.as<Json::Number>()) each(entity, std::strtoll(number->text.c_str(), nullptr, 10));
    }
  }
}

std::set<std::string, std::less<>> words_of(const Record& record, const std::vector<const model::Field*>& fields) {
  std::set<std::string, std::less<>> words;
  for (const model::Field* field : fields) {
    for (const std::string_view text : texts_of(record[field->slot])) add_words(words, text);
  }
  return words;
}

std::map<std::string, std::vector<std::int64_t>, std::less<>> SearchIndex::waiting(storage::Session& session) const {
  constexpr std::size_t most = 500;
  const std::string hint = session.dialect() == storage::Dialect::mysql ? " FORCE INDEX (`ix_job$ready`)" : " INDEXED BY \"ix_job$ready\"";
  std::map<std::string, std::vector<std::int64_t>, std::less<>> out;
  std::size_t count = 0;
  // In the order in which a job goes through them, so that none slips by.
  for (const char* state : {"waiting", "ready", "running"}) {
    storage::Query jobs(session, "SELECT kind, payload FROM job" + hint + " WHERE state = ? AND queue = ? ORDER BY priority DESC, run_at DESC, id DESC LIMIT 100", state, search_queue);
    while (count < most && jobs.next()) {
      if (jobs.text(0) != search_kind) continue;
      each_written(jobs.text(1), [&](const std::string& entity, std::int64_t id) {
        if (count++ < most) out[entity].push_back(id);
      });
    }
  }
  return out;
}

SearchIndex::Found SearchIndex::find(const State& state, const std::vector<storage::SearchTerm>& terms) const {
  const auto session = database_.read();
  Found found{.few = {}, .all = store_->select(&*session, state.number, terms, false, true)};
  const storage::SearchSelect& all = found.all;
  const bool twice = all.distinct || all.order.empty();
  storage::Statement& statement = session->prepare((twice ? "SELECT DISTINCT " : "SELECT ") + all.record + " FROM " + all.from + " WHERE " + all.where + " LIMIT ?");
  statement.bind(bind_parameters(statement, all.parameters), most_few + 1);
  std::vector<std::int64_t> ids;
  while (statement.step()) ids.push_back(statement.integer(0));
  statement.reset();
  if (static_cast<std::int64_t>(ids.size()) <= most_few) found.few = std::move(ids);
  return found;
}

std::size_t SearchIndex::follow(const model::Catalog& catalog, Timestamp now) {
  std::vector<const model::Entity*> entities;
  for (const auto& entity : catalog.entities) {
    if (is_indexed(*entity)) entities.push_back(entity.get());
  }
  const auto known = states();
  std::erase_if(entities, [&](const model::Entity* entity) {
    const auto found = known.find(entity->full_name);
    return found != known.end() && found->second.definition == index_definition(*entity);
  });
  return entities.empty() ? 0 : start(catalog, entities, false, now);
}

std::size_t SearchIndex::rebuild(const model::Catalog& catalog, const std::vector<const model::Entity*>& entities, Timestamp now) {
  return start(catalog, entities, true, now);
}

std::size_t SearchIndex::start(const model::Catalog&, const std::vector<const model::Entity*>& entities, bool all, Timestamp now) {
  std::size_t started = 0;
  for (const model::Entity* entity : entities) {
    if (!is_indexed(*entity)) continue;
    const std::string definition = index_definition(*entity);
    const std::int64_t job_id = sequences_.next("job");
    bool wanted = false;
    database_.transact([&](storage::Session& session) {
      wanted = false;
      const auto known = load(session);
      const auto found = known.find(entity->full_name);
      if (found == known.end()) {
        std::int64_t number = 1;
        for (const auto& [name, state] : known) number = std::max(number, state.number + 1);
        try {
          storage::run_sql(session, "INSERT INTO search_state (entity, number, definition, complete, built_to) VALUES (?, ?, ?, 0, 0)", entity->full_name, number, definition);
        } catch (const Error& error) {
          // Another node, started at the same moment, has the number or the entity.
          if (storage::DuplicateKey::is(error, nullptr)) throw Error(ErrorCode::retry, "Another node begins the search index too.");
          throw;
        }
      } else if (all || found->second.definition != definition) {
        // What is there stays in use meanwhile; a search finds it again in the records themselves.
        storage::run_sql(session, "UPDATE search_state SET definition = ?, complete = 0, built_to = 0 WHERE entity = ?", definition, entity->full_name);
      } else {
        return;
      }
      wanted = true;
      jobs::NewJob job;
      job.queue = search_queue;
      job.kind = search_build_kind;
      job.priority = 200;  // after what was written meanwhile
      job.payload = "{\"entity\":";
      write_json_string(job.payload, entity->full_name);
      job.payload += "}";
      job.unique_key = std::string(search_build_kind) + "/" + entity->full_name;
      jobs::enqueue(session, job_id, job, now);
    });
    started += wanted;
  }
  forget_states();
  return started;
}

}  // namespace caravan::records
