#include "records/search.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "base/error.h"
#include "records/access.h"
#include "records/by_ids.h"
#include "records/duplicates.h"
#include "records/fold.h"
#include "records/json.h"
#include "records/query.h"
#include "records/work.h"
#include "storage/query.h"

namespace caravan::records {
namespace {

using model::Entity;
using model::Field;

constexpr std::int64_t index_batch = 500;
constexpr std::chrono::seconds build_at_once{3};  ///< after which a build lets others go before it
constexpr std::int64_t last_record = (std::int64_t{1} << 47) - 1;

storage::SearchDocument document_of(const EntityPlan& plan, const Record& record, const std::vector<const Field*>& fields) {
  std::set<std::string, std::less<>> words = words_of(record, fields);
  add_match_words(words, plan, record);
  return {record.id(), joined(words)};
}

/// Whether the rule lets few records through, and an index finds them.
bool are_few(storage::Session& session, const EntityPlan& plan, const ReadRule& rule) {
  constexpr std::int64_t few = 3000;
  const std::string some = "SELECT 1 FROM " + plan.from_table + " r WHERE (" + rule.sql + ")";
  {
    storage::Statement& steps = session.prepare("EXPLAIN QUERY PLAN " + some);
    bind_parameters(steps, rule.parameters);
    bool scanned = false;
    while (steps.step()) scanned = scanned || steps.text(3).starts_with("SCAN r");
    steps.reset();
    if (scanned) return false;
  }
  storage::Statement& count = session.prepare("SELECT COUNT(*) FROM (" + some + " LIMIT " + std::to_string(few + 1) + ")");
  bind_parameters(count, rule.parameters);
  const bool found = count.step() && count.integer(0) <= few;
  count.reset();
  return found;
}

}  // namespace

void TransactionWork::index_written() {
  const SearchIndex* index = plans_->search();
  if (index == nullptr || written_.empty()) return;
  std::map<std::string_view, std::set<std::int64_t>> ids;
  for (const Written& one : written_) {
    if (plans_->of(*one.entity).indexed) ids[one.entity->full_name].insert(one.id);
  }
  if (ids.empty()) return;
  jobs::NewJob job;
  job.queue = search_queue;
  job.kind = search_kind;
  for (const auto& [entity, records] : ids) {
    job.payload += job.payload.empty() ? "{" : ",";
    write_json_string(job.payload, entity);
    job.payload += ":[";
    for (const std::int64_t id : records) {
      if (job.payload.back() != '[') job.payload += ",";
      job.payload += std::to_string(id);
    }
    job.payload += "]";
  }
  job.payload += "}";
  enqueue(job);
}

void Search::put(storage::Session& session, const std::shared_ptr<const model::Catalog>& catalog, const Entity& entity, std::int64_t number,
                 const std::vector<std::int64_t>& ids) const {
  const storage::SearchStore& store = index_.store();
  // What is kept is locked before the records are read: whoever indexes a later version does so after this.
  const auto kept = store.kept(session, number, ids);
  Context context;
  context.actor.system = true;
  context.catalog = catalog;
  const auto plans = service_.plans(context);
  const EntityPlan& plan = plans->of(entity);
  const auto fields = searched_fields(entity);
  std::map<std::int64_t, storage::SearchDocument> documents;
  for (const std::int64_t id : ids) documents[id] = {id, {}};
  each_record(session, plan, ids, [&](const Record& record) { documents[record.id()] = document_of(plan, record, fields); });
  std::vector<storage::SearchDocument> list;
  list.reserve(documents.size());
  for (auto& [id, document] : documents) list.push_back(std::move(document));
  store.put(session, number, list, kept);
}

void Search::keep_up(std::span<jobs::Attempt* const> attempts) const {
  const auto catalog = catalog_();
  warm_up_folding();
  std::map<const Entity*, std::set<std::int64_t>> wanted;
  for (jobs::Attempt* attempt : attempts) {
    each_written(attempt->job().payload, [&](const std::string& name, std::int64_t id) {
      if (const Entity* entity = catalog->entity(name)) wanted[entity].insert(id);  // else its plugin is gone
    });
  }
  // As of now: what a state of a second ago does not know may have been built past these records since.
  const auto states = index_.states();
  for (const auto& [entity, ids] : wanted) {
    const auto state = states.find(entity->full_name);
    if (state == states.end()) continue;  // it will be built as a whole
    const std::vector<std::int64_t> all(ids.begin(), ids.end());
    for (std::size_t at = 0; at < all.size(); at += index_batch) {
      const std::vector<std::int64_t> part(all.begin() + static_cast<std::ptrdiff_t>(at), all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), at + index_batch)));
      service_.database().transact([&](storage::Session& session) { put(session, catalog, *entity, state->second.number, part); }, 10);
    }
  }
}

void Search::build(jobs::Attempt& attempt) const {
  const auto catalog = catalog_();
  const auto begun = std::chrono::steady_clock::now();
  warm_up_folding();
  const Json payload = parse_json(attempt.job().payload);
  const Json* named = payload.find("entity");
  const auto* name = named ? named->as<std::string>() : nullptr;
  const Entity* entity = name ? catalog->entity(*name) : nullptr;
  if (entity == nullptr) return;
  const std::string definition = index_definition(*entity);
  const std::string table = storage::quote(service_.database().dialect(), entity->table_name);
  const std::string id_column = storage::quote(service_.database().dialect(), entity->fields[model::slot_id]->column);
  // On MariaDB neighbours in the index are written together, so many at once; SQLite's one writer must not be held for long.
  const std::int64_t build_batch = service_.database().dialect() == storage::Dialect::mysql ? 2000 : 250;
  std::int64_t done = 0;
  for (;;) {
    if (attempt.stopping()) {
      attempt.postpone(0);
      return;
    }
    // What was written meanwhile has waited long enough.
    if (std::chrono::steady_clock::now() - begun > build_at_once && changes_wait()) {
      attempt.postpone(0);
      return;
    }
    bool last = false, other = false;
    std::size_t count = 0;
    service_.database().transact([&](storage::Session& session) {
      last = true;
      other = false;
      count = 0;
      std::int64_t number = 0, from = 0;
      {
        const bool locks = session.dialect() == storage::Dialect::mysql;
        storage::Query state(session, std::string("SELECT number, built_to, complete, definition FROM search_state WHERE entity = ?") + (locks ? " FOR UPDATE" : ""), entity->full_name);
        if (!state.next() || state.integer(2) != 0) return;
        other = state.text(3) != definition;
        if (other) return;
        number = state.integer(0);
        from = state.integer(1);
      }
      std::vector<std::int64_t> ids;
      {
        storage::Query query(session, "SELECT " + id_column + " FROM " + table + " WHERE " + id_column + " > ? ORDER BY " + id_column + " LIMIT ?", from, build_batch);
        while (query.next()) ids.push_back(query.integer(0));
      }
      last = static_cast<std::int64_t>(ids.size()) < build_batch;
      const std::int64_t until = last ? last_record : ids.back();
      count = ids.size();
      // With what is kept of records that are gone.
      const auto stale = index_.store().records(session, number, from, until, 10 * build_batch);
      if (static_cast<std::int64_t>(stale.size()) == 10 * build_batch) last = false;
      const std::int64_t reached = static_cast<std::int64_t>(stale.size()) == 10 * build_batch ? std::min(until, stale.back()) : until;
      ids.insert(ids.end(), stale.begin(), stale.end());
      std::sort(ids.begin(), ids.end());
      ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
      std::erase_if(ids, [&](std::int64_t id) { return id > reached; });
      if (!ids.empty()) put(session, catalog, *entity, number, ids);
      storage::run_sql(session, "UPDATE search_state SET built_to = ?, complete = ? WHERE entity = ?", reached, std::int64_t{last}, entity->full_name);
    }, 10);
    if (other) {
      // Its definition has changed: this server goes on with the new one, or waits until it has it.
      const auto present = catalog_();
      const Entity* again = present->entity(entity->full_name);
      attempt.postpone(again != nullptr && index_definition(*again) != definition ? 0 : 1000);
      return;
    }
    done += static_cast<std::int64_t>(count);
    attempt.progress(done, 0, entity->full_name);
    if (last) break;
  }
  index_.forget_states();
}

bool Search::changes_wait() const {
  const auto session = service_.database().read();
  storage::Query ready(*session, "SELECT 1 FROM job WHERE queue = ? AND state = 'ready' AND kind = ? LIMIT 1", search_queue, search_kind);
  return ready.next();
}

void Search::find_in(const Context& context, const Entity& entity, std::int64_t number, const SearchTerms& terms, std::size_t wanted, const std::vector<std::int64_t>& fresh,
                     std::vector<SearchHit>& hits) const {
  const FieldRights rights = field_rights(context, entity);
  std::vector<const Field*> fields = searched_fields(entity);
  std::erase_if(fields, [&](const Field* field) { return !rights.readable(*field); });
  if (fields.empty()) return;
  const auto plans = service_.plans(context);
  const EntityPlan& plan = plans->of(entity);
  std::vector<std::uint32_t> slots{model::slot_id, model::slot_version, model::slot_number};
  for (const Field* field : fields) slots.push_back(field->slot);
  if (entity.title) slots.push_back(entity.title->slot);
  std::sort(slots.begin(), slots.end());
  slots.erase(std::unique(slots.begin(), slots.end()), slots.end());

  std::set<std::int64_t> seen;
  std::size_t found = 0;
  const auto take = [&](const std::vector<std::int64_t>& ids) {
    std::vector<Record> records = service_.get_many(context, entity, ids, slots);
    std::sort(records.begin(), records.end(), [](const Record& a, const Record& b) { return a.id() > b.id(); });
    for (Record& record : records) {
      SearchHit hit;
      std::set<std::string, std::less<>> all, one;
      for (const Field* field : fields) {
        one.clear();
        std::string_view place;
        for (const std::string_view text : texts_of(record[field->slot])) {
          add_words(one, text);
          if (place.empty() || holds_all(one, terms)) place = text;
        }
        if (one.empty()) continue;
        const bool whole = !terms.whole.empty() && one.contains(terms.whole);
        const bool here = holds_all(one, terms);
        const int rank = whole ? 3 : here && field == entity.title ? 2 : here ? 1 : 0;
        if (rank > hit.rank || (hit.field == nullptr && std::any_of(terms.words.begin(), terms.words.end(), [&](const storage::SearchTerm& term) {
                                  return holds_all(one, SearchTerms{{term}, {}, {}});
                                }))) {
          hit.rank = std::max(hit.rank, rank);
          hit.field = field;
          hit.fragment = fragment_of(place, terms);
        }
        all.merge(one);
      }
      if (hit.field == nullptr || (hit.rank < 3 && !holds_all(all, terms))) continue;  // by something he may not read, or no more
      hit.rank = std::max(hit.rank, 1);
      hit.record = std::move(record);
      hits.push_back(std::move(hit));
      ++found;
    }
  };

  if (!fresh.empty()) {
    seen.insert(fresh.begin(), fresh.end());
    take({seen.begin(), seen.end()});
    found = 0;  // they do not stand for those that the index has
  }
  const std::string record_id = "r." + plan.id_column;
  std::optional<bool> few;  // of SQLite: the viewer's records
  // Reads proposals a batch at a time, below the one before, until enough of them are hits.
  const auto propose = [&](const std::vector<storage::SearchTerm>& words) {
    constexpr int most_rounds = 20;
    std::int64_t below = last_record + 1;
    std::size_t ask = std::clamp<std::size_t>(wanted + 1, 30, 200);
    for (int round = 0; round < most_rounds && found < wanted; ++round) {
      std::vector<std::int64_t> ids;
      bool more = false;
      {
        auto session = service_.database().read();
        const ReadRule rule = read_rule(context, entity, *session);
        if (rule.kind == ReadRule::Kind::never) return;
        const bool ruled = rule.kind == ReadRule::Kind::condition, sqlite = session->dialect() == storage::Dialect::sqlite;
        if (ruled && sqlite && !few) few = are_few(*session, plan, rule);
        const bool narrowed = ruled && (!sqlite || *few);
        const storage::SearchSelect select = index_.store().select(&*session, number, words, narrowed);
        std::string sql = (select.distinct ? "SELECT DISTINCT " : "SELECT ") + select.record + " FROM ";
        // SQLite takes the tables as they stand here: it would look each of the viewer's records up in the index.
        if (!ruled) sql += select.from;
        else if (!sqlite) sql += select.from + " JOIN " + plan.from_table + " r ON " + record_id + " = " + select.record;
        else if (!narrowed) sql += select.from + " CROSS JOIN " + plan.from_table + " r ON " + record_id + " = " + select.record;
        else sql += plan.from_table + " r CROSS JOIN " + select.from + " ON " + select.order + " = " + std::to_string(select.base) + " + " + record_id;
        sql += " WHERE " + select.where;
        if (round > 0) sql += " AND " + select.order + " < ?";
        if (ruled) sql += " AND (" + rule.sql + ")";
        if (!select.order.empty()) sql += " ORDER BY " + select.order + " DESC";
        else ask = 400;  // a record comes as often as it has words that begin so
        sql += " LIMIT ?";
        storage::Statement& statement = session->prepare(sql);
        int index = bind_parameters(statement, select.parameters);
        if (round > 0) statement.bind(index++, select.base + below);
        if (ruled) index = bind_parameters(statement, rule.parameters, index);
        statement.bind(index, static_cast<std::int64_t>(ask));
        std::size_t rows = 0;
        while (statement.step()) {
          ++rows;
          const std::int64_t id = statement.integer(0);
          below = std::min(below, id);
          if (seen.insert(id).second) ids.push_back(id);
        }
        statement.reset();
        more = rows == ask && !select.order.empty();
      }
      if (!ids.empty()) take(ids);
      if (!more) return;
      ask = 200;
    }
  };
  if (!terms.whole.empty()) propose({{terms.whole, false}});
  if (found >= wanted) return;
  auto exact = terms.words;
  const bool open = !exact.empty() && std::any_of(exact.begin(), exact.end(), [](const storage::SearchTerm& term) { return term.prefix; });
  if (open && exact.size() >= 1) {
    // Whole words, newest first; where there are none, those that begin so.
    for (storage::SearchTerm& term : exact) term.prefix = false;
    propose(exact);
    if (found >= wanted) return;
  }
  if (found == 0 || !open) propose(terms.words);
}

Search::Search(const RecordService& service, std::function<std::shared_ptr<const model::Catalog>()> catalog)
    : service_(service), index_(*service.search_), catalog_(std::move(catalog)) {}

std::shared_ptr<const Plans> Search::plans(const RecordService& service, const Context& context) {
  return service.plans(context);
}

bool Search::exists(const RecordService& service) {
  return service.search_ != nullptr;
}

SearchAnswer Search::find(const Context& context, const SearchQuery& query) const {
  if (query.limit < 1 || query.limit > 100) throw Error(ErrorCode::invalid_argument, "limit: a number from 1 to 100.");
  const SearchTerms terms = terms_of(query.q);
  if (terms.words.empty()) throw Error(ErrorCode::invalid_argument, "q: a word, or two characters, to look for.");
  std::size_t offset = 0;
  if (!query.after.empty()) {
    const auto text = from_base64url(query.after);
    if (!text || !text->starts_with("s") || text->size() > 6 || text->size() < 2 || !std::all_of(text->begin() + 1, text->end(), [](char c) { return c >= '0' && c <= '9'; }))
      throw Error(ErrorCode::invalid_argument, "after: the `next` of the page before.");
    offset = static_cast<std::size_t>(std::stoul(text->substr(1)));
    if (offset >= most_hits) throw Error(ErrorCode::invalid_argument, "after: no page goes beyond the first 1,000 hits; look for more words.");
  }
  SearchAnswer answer;
  std::vector<const Entity*> entities = query.entities;
  if (entities.empty()) {
    for (const auto& entity : context.catalog->entities) entities.push_back(entity.get());
  }
  const std::size_t wanted = std::min(offset + query.limit + 1, most_hits + 1);
  // What was written a moment ago is looked at as it is: whoever wrote it finds it.
  std::map<std::string, std::vector<std::int64_t>, std::less<>> fresh;
  {
    auto session = service_.database().read();
    fresh = index_.waiting(*session);
  }
  std::map<std::int64_t, const Entity*> indexed;
  std::set<std::int64_t> numbers;
  for (const Entity* entity : entities) {
    if (searched_fields(*entity).empty() || !service_.may(context, *entity, model::Operation::read)) continue;
    const auto state = index_.of(entity->full_name);
    if (!state || !state->complete) answer.building.push_back(entity);
    if (state) indexed.emplace(state->number, entity);
    if (state) numbers.insert(state->number);
  }
  // Most entities have nothing of it, and are asked no more.
  if (numbers.size() > 1) {
    auto session = service_.database().read();
    numbers = index_.store().holding(*session, numbers, terms.words, terms.whole);
  }
  for (const auto& [number, entity] : indexed) {
    const auto found = fresh.find(entity->full_name);
    if (found != fresh.end() || numbers.contains(number))
      find_in(context, *entity, number, terms, wanted, found != fresh.end() ? found->second : std::vector<std::int64_t>(), answer.hits);
  }
  std::sort(answer.hits.begin(), answer.hits.end(), [](const SearchHit& a, const SearchHit& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.record.id() > b.record.id();
  });
  if (answer.hits.size() > offset + query.limit && offset + query.limit < most_hits) answer.next = to_base64url("s" + std::to_string(offset + query.limit));
  answer.hits.erase(answer.hits.begin(), answer.hits.begin() + static_cast<std::ptrdiff_t>(std::min(offset, answer.hits.size())));
  if (answer.hits.size() > query.limit) answer.hits.resize(query.limit);
  return answer;
}

}  // namespace caravan::records
