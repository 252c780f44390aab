#include "records/audit.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <iterator>
#include <optional>
#include <set>

#include "base/error.h"
#include "records/codec.h"
#include "records/history.h"
#include "records/json.h"
#include "records/plans.h"
#include "records/seal.h"
#include "records/trash.h"
#include "storage/schema.h"
#include "storage/query.h"

namespace caravan::records {
namespace {

using model::Entity;
using model::Field;
constexpr std::int64_t page_size = 200;
constexpr std::size_t most_faults = 500;  ///< of one part
constexpr std::int64_t from_start = INT64_MIN, to_end = INT64_MAX;

struct EventRow {
  std::int64_t id = 0, record_id = 0, version = 0;
  Timestamp at;
  std::optional<std::int64_t> actor_id, erased_by;
  std::optional<std::string> actor_name, request_id, source, changes, note, salt, commitment, hash;
  std::string action;
};

std::optional<std::string_view> view(const std::optional<std::string>& text) {
  return text ? std::optional<std::string_view>(*text) : std::nullopt;
}

struct Row {
  Record record;
  std::string chain;
};

struct BuriedRow {
  std::int64_t id = 0, version = 0;
  std::string row_json, chain;
};

/// Rows that come in pages, by id. `fetch` fills `page` with those after `last()`.
template <class T>
class Pages {
 public:
  virtual ~Pages() = default;
  /// nullptr at the end. Valid until the next call of advance().
  T* peek() {
    if (index_ == page_.size() && !over_) {
      page_.clear();
      index_ = 0;
      fetch(page_);
      over_ = static_cast<std::int64_t>(page_.size()) < page_size;
    }
    return index_ < page_.size() ? &page_[index_] : nullptr;
  }
  void advance() { ++index_; }

 protected:
  virtual void fetch(std::vector<T>& page) = 0;

 private:
  std::vector<T> page_;
  std::size_t index_ = 0;
  bool over_ = false;
};

/// Where statements run: on a pooled session of their own each time, or in one transaction.
class Source {
 public:
  /// `keys` and `definition` of what is read; may be null.
  Source(storage::Database& database, storage::Session* session, const Keys* keys, const Entity* definition)
      : database_(database), session_(session), keys_(keys), definition_(definition) {}
  /// JSON in the clear; as it is where it cannot be opened, which will be found.
  std::string opened(const std::string& entity, const char* kind, std::int64_t id, std::string json) const {
    try {
      return open_json(keys_, entity, definition_, kind, id, json);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::internal) throw;
      return json;
    }
  }
  /// A salt in the clear, in the same way.
  std::string opened_salt(const std::string& entity, std::int64_t event, std::string salt) const {
    if (keys_ == nullptr || !salt.starts_with("v1:")) return salt;
    try {
      return keys_->unseal(salt, {"salt", entity, event, {}});
    } catch (const Error&) {
      return salt;
    }
  }

  template <class Use>
  void with(Use use) const {
    if (session_ != nullptr) {
      use(*session_);
      return;
    }
    auto session = database_.read();
    use(*session);
  }

 private:
  storage::Database& database_;
  storage::Session* session_;
  const Keys* keys_;
  const Entity* definition_;
};

class EventPages final : public Pages<EventRow> {
 public:
  EventPages(Source source, std::string entity, std::int64_t after, std::int64_t last)
      : source_(source), entity_(std::move(entity)), record_(after), last_(last), version_(INT64_MAX), id_(INT64_MAX) {}

 private:
  void fetch(std::vector<EventRow>& page) override {
    source_.with([&](storage::Session& session) {
      storage::Statement& s = session.prepare(
          "SELECT id, record_id, version, at, actor_id, actor_name, request_id, source, action, changes, note, salt, commitment, hash, "
          "erased_by FROM event WHERE entity = ? AND record_id >= ? AND record_id <= ? AND (record_id > ? OR version > ? OR (version = ? "
          "AND id > ?)) ORDER BY record_id, version, id LIMIT ?");
      s.bind(1, std::string_view(entity_));
      s.bind(2, record_);
      s.bind(3, last_);
      s.bind(4, record_);
      s.bind(5, version_);
      s.bind(6, version_);
      s.bind(7, id_);
      s.bind(8, page_size);
      const auto text = [&](int column) { return s.is_null(column) ? std::nullopt : std::optional<std::string>(s.text(column)); };
      const auto number = [&](int column) { return s.is_null(column) ? std::nullopt : std::optional<std::int64_t>(s.integer(column)); };
      while (s.step()) {
        EventRow& e = page.emplace_back();
        e.id = s.integer(0);
        e.record_id = s.integer(1);
        e.version = s.integer(2);
        if (const auto at = s.value(3, storage::instant_column); at.as<Timestamp>()) e.at = *at.as<Timestamp>();
        e.actor_id = number(4);
        e.actor_name = text(5);
        e.request_id = text(6);
        e.source = text(7);
        e.action = s.text(8);
        e.changes = text(9);
        if (e.changes) e.changes = source_.opened(entity_, "event", e.id, std::move(*e.changes));
        e.note = text(10);
        e.salt = text(11);
        if (e.salt) e.salt = source_.opened_salt(entity_, e.id, std::move(*e.salt));
        e.commitment = text(12);
        e.hash = text(13);
        e.erased_by = number(14);
      }
      s.reset();
    });
    if (page.empty()) return;
    record_ = page.back().record_id;
    version_ = page.back().version;
    id_ = page.back().id;
  }

  Source source_;
  const std::string entity_;
  std::int64_t record_;
  const std::int64_t last_;
  std::int64_t version_, id_;
};

class RowPages final : public Pages<Row> {
 public:
  RowPages(Source source, const EntityPlan* plan, storage::Dialect dialect, std::int64_t after, std::int64_t last)
      : source_(source), plan_(plan), after_(after), last_(last) {
    if (plan == nullptr) return;
    const std::string id = "r." + storage::quote(dialect, plan->entity->fields[model::slot_id]->column);
    sql_ = "SELECT " + plan->select_list + ", r." + storage::quote(dialect, storage::chain_column) + plan->from + " WHERE " + id + " > ? AND " +
           id + " <= ? ORDER BY " + id + " LIMIT ?";
  }

 private:
  void fetch(std::vector<Row>& page) override {
    if (plan_ == nullptr) return;
    source_.with([&](storage::Session& session) {
      storage::Statement& s = session.prepare(sql_);
      s.bind(1, after_);
      s.bind(2, last_);
      s.bind(3, page_size);
      while (s.step()) page.push_back({read_row(*plan_, s, true), std::string(s.text(plan_->chain_column))});
      s.reset();
    });
    if (!page.empty()) after_ = page.back().record.id();
  }

  Source source_;
  const EntityPlan* plan_;
  std::string sql_;
  std::int64_t after_;
  const std::int64_t last_;
};

class BuriedPages final : public Pages<BuriedRow> {
 public:
  BuriedPages(Source source, std::string entity, std::int64_t after, std::int64_t last)
      : source_(source), entity_(std::move(entity)), after_(after), last_(last) {}

 private:
  void fetch(std::vector<BuriedRow>& page) override {
    source_.with([&](storage::Session& session) {
      storage::Statement& s = session.prepare(
          "SELECT record_id, version, row_json, chain FROM deleted_record WHERE record_id > ? AND record_id <= ? AND entity = ? "
          "ORDER BY record_id LIMIT ?");
      s.bind(1, after_);
      s.bind(2, last_);
      s.bind(3, std::string_view(entity_));
      s.bind(4, page_size);
      while (s.step()) {
        page.push_back({s.integer(0), s.integer(1), source_.opened(entity_, "deleted", s.integer(0), std::string(s.text(2))), std::string(s.text(3))});
      }
      s.reset();
    });
    if (!page.empty()) after_ = page.back().id;
  }

  Source source_;
  const std::string entity_;
  std::int64_t after_;
  const std::int64_t last_;
};

std::string json_text(const Json& json) {
  std::string out;
  json.write(out);
  return out;
}

/// Values of a record by name, as JSON; empty ones are not there.
using Values = std::map<std::string, std::string, std::less<>>;

void set(Values& values, const std::string& name, std::string text) {
  if (text == "null") values.erase(name);
  else values[name] = std::move(text);
}

Values values_of(const Record& record) {
  Values values;
  std::string row;
  write_row(row, record);
  const Json json = parse_json(row);  // as the history's values are read: JSON written another way is the same value
  for (const auto& [name, value] : *json.as<Json::Object>()) values.emplace(name, json_text(value));
  return values;
}

/// Whether two values of a field are the same though they are written in another way: with more digits, by a field that had
/// another scale.
bool equal(const Entity* entity, std::string_view name, const std::string& a, const std::string& b) {
  if (a == b) return true;
  const Field* field = entity != nullptr ? entity->field(name) : nullptr;
  // Told when the field was a choice or a text; the schema turned it into a list of one, or the text in one language.
  if (field != nullptr && b.size() > 2 && b.front() == '"') {
    if (field->type == model::FieldType::multi) return a == "[" + b + "]";
    if (field->type == model::FieldType::localized) return a.starts_with('{') && a.ends_with(":" + b + "}") && a.find(',') >= a.size() - b.size() - 1;
  }
  if (field == nullptr || (field->type != model::FieldType::decimal && field->type != model::FieldType::money)) return false;
  const auto bare = [](const std::string& text) { return text.size() > 2 && text.front() == '"' ? text.substr(1, text.size() - 2) : text; };
  const auto left = parse_decimal(bare(a)), right = parse_decimal(bare(b));
  return left && right && compare(*left, *right) == 0;
}

/// One record's history, event by event, and in the end its row.
class RecordAudit {
 public:
  RecordAudit(std::string entity, const Entity* definition, std::int64_t id, std::optional<Timestamp> since)
      : name_(std::move(entity)), definition_(definition), id_(id), since_(since) {}

  void add(const EventRow& e) {
    ++events;
    const bool gap = check_version(e);
    check_hash(e, gap);
    check_content(e, gap);
    if (e.action == "erase") erasures_.insert(e.id);
    last_version_ = std::max(last_version_, e.version);
    last_at_ = e.at;
    last_action_ = e.action;
    any_ = true;
  }

  void finish(const Row* row, const BuriedRow* buried) {
    for (const auto& [by, first] : pending_) {
      if (erasures_.count(by) == 0) {
        fault("content_missing", first.version, first.id, "What the event said is gone, and no event of this record says that it was erased.");
      }
    }
    if (!any_) return without_history(row, buried);
    if (!chained_) {
      if (row != nullptr && !row->chain.empty()) fault("event_changed", 0, 0, "The row is chained, but no event of its history is.");
      older = faults.empty();
      return;
    }
    deleted = last_action_ == "delete";
    if (deleted) return finish_deleted(row, buried);
    if (buried != nullptr) fault("deleted_changed", 0, 0, "The record lies among the deleted ones, but its history does not say that it was deleted.");
    if (row == nullptr) {
      if (definition_ != nullptr) fault("row_missing", last_version_, 0, "The row is gone, but no event says that it was deleted.");
      return;
    }
    compare_row(*row);
  }

  std::vector<AuditFault> faults;
  std::int64_t events = 0, older_events = 0, erased_events = 0;
  bool older = false;    ///< the record is from before the chain
  bool deleted = false;  ///< by its history

 private:
  struct Place {
    std::int64_t version, id;
  };

  void fault(const char* code, std::int64_t version, std::int64_t event, std::string what) {
    if (faults.size() < 50) faults.push_back({name_, id_, version, event, code, std::move(what)});
  }

  bool is_later(const Timestamp& at) const { return since_ && at > *since_; }

  /// Whether events before this one are missing.
  bool check_version(const EventRow& e) {
    if (!any_) {
      created_ = e.action == "create" && e.version == 1;
      if (created_) created_at_ = e.at;
      known_ = created_;
      return false;
    }
    if (e.version <= last_version_) {
      fault("event_added", e.version, e.id, "There is another event of this version: one of them was added.");
      known_ = false;
      return true;
    }
    if (e.version == last_version_ + 1) return false;
    missing(last_version_ + 1, e.version - 1);
    return true;
  }

  void missing(std::int64_t from, std::int64_t to) {
    fault("event_missing", from, 0, from == to ? "The event of this version is missing." : "The events up to version " + std::to_string(to) + " are missing.");
    known_ = false;
    values_.clear();
  }

  void check_hash(const EventRow& e, bool gap) {
    if (!e.hash || !e.commitment) {
      if (!chained_ && !e.hash && !is_later(e.at)) {
        ++older_events;
        return;
      }
      fault("event_added", e.version, e.id, "The event has no place in the chain.");
      return;
    }
    EventFacts facts;
    facts.previous = last_hash_;
    facts.id = e.id;
    facts.entity = name_;
    facts.record_id = e.record_id;
    facts.version = e.version;
    facts.at = e.at;
    facts.actor_id = e.actor_id;
    facts.request_id = view(e.request_id);
    facts.source = view(e.source);
    facts.action = e.action;
    // After a gap the hash before is not known, so that nothing can be said.
    if (!gap && event_hash(facts, *e.commitment) != *e.hash) {
      if (!any_ && e.version > 1) missing(1, e.version - 1);
      else fault("event_changed", e.version, e.id, "The event, or the one before it, is not what was written: its hash does not fit.");
    }
    last_hash_ = *e.hash;
    chained_ = true;
  }

  void check_content(const EventRow& e, bool gap) {
    if (e.hash && e.commitment) {
      if (!e.salt && !e.changes && !e.note && !e.actor_name && e.erased_by) {
        ++erased_events;
        pending_.emplace(*e.erased_by, Place{e.version, e.id});
        known_ = false;
        values_.clear();
        return;
      }
      if (!e.salt || !e.changes) {
        fault("content_missing", e.version, e.id, "What the event said is gone.");
        known_ = false;
        values_.clear();
        return;
      }
      if (commitment(*e.salt, {view(e.changes), view(e.note), view(e.actor_name)}) != *e.commitment) {
        fault("event_changed", e.version, e.id, "What the event says (changes, note or the actor's name) is not what was written.");
        known_ = false;
        values_.clear();
        return;
      }
    }
    replay(e, gap);
  }

  void replay(const EventRow& e, bool gap) {
    Json changes;
    try {
      changes = parse_json(e.changes.value_or("{}"));
    } catch (const Error&) {
      fault("event_changed", e.version, e.id, "What the event says is no JSON.");
      return;
    }
    const auto* object = changes.as<Json::Object>();
    if (object == nullptr) return;
    const bool deletes = e.action == "delete";
    if (deletes) before_delete_.clear();
    std::string names;
    for (const auto& [name, pair] : *object) {
      const auto* values = pair.as<Json::Array>();
      if (values == nullptr || values->size() != 2) continue;
      const std::string before = json_text((*values)[0]);
      if (!gap) {
        const auto found = values_.find(name);
        const bool judged = known_ || found != values_.end();
        if (judged && !equal(definition_, name, found == values_.end() ? "null" : found->second, before)) {
          names += (names.empty() ? "" : ", ") + name;
        }
      }
      set(values_, name, json_text((*values)[1]));
      if (deletes) set(before_delete_, name, before);
    }
    if (deletes) known_ = true;  // it tells all that there was
    if (!names.empty()) {
      fault("row_changed", e.version, e.id, "Before this event the row had been changed behind the gate's back: " + names + ".");
    }
  }

  void without_history(const Row* row, const BuriedRow* buried) {
    if (buried != nullptr) fault("deleted_changed", 0, 0, "The record lies among the deleted ones without any history.");
    if (row == nullptr) return;
    if (!row->chain.empty()) {
      fault("event_missing", 0, 0, "The whole history of the record is missing.");
      return;
    }
    const auto* created = row->record[model::slot_created_at].as<Timestamp>();
    if (created == nullptr || is_later(*created)) fault("row_added", row->record.version(), 0, "The row was added behind the gate's back: it has no history.");
    else older = true;
  }

  void finish_deleted(const Row* row, const BuriedRow* buried) {
    if (row != nullptr) fault("row_added", last_version_, 0, "The row is there again although the record was deleted.");
    if (buried == nullptr) return;
    std::string wrong;
    if (buried->chain != last_hash_) wrong = "chain";
    if (buried->version != last_version_) wrong += wrong.empty() ? "version" : ", version";
    if (definition_ != nullptr) {
      try {
        const Record record = parse_row(*definition_, buried->row_json);
        compare(record, before_delete_, wrong);
      } catch (const Error&) {
        wrong += wrong.empty() ? "row" : ", row";
      }
    }
    if (!wrong.empty()) fault("deleted_changed", last_version_, 0, "What was kept of the deleted record was changed: " + wrong + ".");
  }

  void compare(const Record& record, const Values& history, std::string& wrong) const {
    const auto add = [&](std::string_view name) {
      if (!wrong.empty()) wrong += ", ";
      wrong += name;
    };
    const Values row = values_of(record);
    const auto check = [&](const std::string& name) {
      const auto there = row.find(name), told = history.find(name);
      if (told == history.end() && !known_) return;
      const std::string null = "null";
      if (!equal(definition_, name, there == row.end() ? null : there->second, told == history.end() ? null : told->second)) add(name);
    };
    for (const auto& field : definition_->fields) {
      if (field->slot == model::slot_id || field->slot == model::slot_version || field->slot == model::slot_created_at ||
          field->slot == model::slot_updated_at) {
        continue;
      }
      check(field->name);
      if (field->type == model::FieldType::money) check(field->currency_column);
    }
    const auto* created = record[model::slot_created_at].as<Timestamp>();
    if (created_ && (created == nullptr || *created != created_at_)) add("created_at");
  }

  void compare_row(const Row& row) {
    if (row.record.version() > last_version_) {
      missing(last_version_ + 1, row.record.version());
      return;
    }
    if (row.chain != last_hash_) {
      fault("event_missing", last_version_ + 1, 0, "The row's chain does not end with the newest event: events after it are missing, or the row was changed.");
    }
    std::string wrong;
    if (row.record.version() != last_version_) wrong = "version";
    const auto* updated = row.record[model::slot_updated_at].as<Timestamp>();
    if (updated == nullptr || *updated != last_at_) wrong += wrong.empty() ? "updated_at" : ", updated_at";
    compare(row.record, values_, wrong);
    if (!wrong.empty()) {
      fault("row_changed", row.record.version(), 0, "The row is not what its history says: it was changed behind the gate's back: " + wrong + ".");
    }
  }

  std::string name_;
  const Entity* definition_;
  std::int64_t id_;
  std::optional<Timestamp> since_;
  bool any_ = false, chained_ = false;
  bool known_ = false;    ///< `values_` has all that the record had
  bool created_ = false;  ///< the history begins with the creation
  Timestamp created_at_, last_at_;
  std::int64_t last_version_ = 0;
  std::string last_hash_, last_action_;
  Values values_, before_delete_;
  std::multimap<std::int64_t, Place> pending_;  ///< erased events by the event that erased them
  std::set<std::int64_t> erasures_;
};

class Auditor {
 public:
  Auditor(storage::Database& database, std::shared_ptr<const model::Catalog> catalog, const AuditQuery& query)
      : database_(database), catalog_(std::move(catalog)), plans_(catalog_, database.dialect()), query_(query) {}

  AuditReport run() {
    if (query_.record != 0 && query_.entity.empty()) throw Error(ErrorCode::invalid_argument, "A record is named, but no entity: name both.");
    since_ = chain_since();
    std::int64_t after = from_start;
    std::string first;
    if (!query_.after.empty()) {
      const auto colon = query_.after.rfind(':');
      const char* end = query_.after.data() + query_.after.size();
      if (colon == std::string::npos || std::from_chars(query_.after.data() + colon + 1, end, after).ptr != end) {
        throw Error(ErrorCode::invalid_argument, "after: this is no cursor of an audit.");
      }
      first = query_.after.substr(0, colon);
    }
    for (const std::string& entity : entities()) {
      if (entity < first) continue;
      if (!run_entity(entity, entity == first ? after : from_start)) return std::move(report_);
    }
    return std::move(report_);
  }

 private:
  /// When the chain began: what is older cannot be judged.
  std::optional<Timestamp> chain_since() {
    auto session = database_.read();
    storage::Statement& s = session->prepare("SELECT at FROM event WHERE hash IS NOT NULL ORDER BY id LIMIT 1");
    std::optional<Timestamp> since;
    if (s.step()) {
      if (const auto at = s.value(0, storage::instant_column); at.as<Timestamp>()) since = *at.as<Timestamp>();
    }
    s.reset();
    return since;
  }

  std::vector<std::string> entities() {
    std::set<std::string> names;
    for (const auto& entity : catalog_->entities) names.insert(entity->full_name);
    auto session = database_.read();
    for (const char* table : {"event", "deleted_record"}) {
      for (std::string last;;) {
        storage::Statement& s = session->prepare(std::string("SELECT entity FROM ") + table + " WHERE entity > ? ORDER BY entity LIMIT 1");
        s.bind(1, std::string_view(last));
        const bool found = s.step();
        if (found) last = s.text(0);
        s.reset();
        if (!found) break;
        names.insert(last);
      }
    }
    if (query_.entity.empty()) return {names.begin(), names.end()};
    if (names.count(query_.entity) == 0) throw Error(ErrorCode::not_found, "There is no entity \"" + query_.entity + "\", and no history of one.");
    return {query_.entity};
  }

  /// False where there is more to do than this part may.
  bool run_entity(const std::string& name, std::int64_t after) {
    const Entity* definition = catalog_->entity(name);
    const EntityPlan* plan = definition != nullptr ? &plans_.of(*definition) : nullptr;
    const std::int64_t last = query_.record != 0 ? query_.record : to_end;
    if (query_.record != 0) after = std::max(after, query_.record - 1);
    const Source source(database_, nullptr, keys_of(*catalog_), definition);
    EventPages events(source, name, after, last);
    RowPages rows(source, plan, database_.dialect(), after, last);
    BuriedPages buried(source, name, after, last);
    for (;;) {
      std::int64_t id = to_end;
      bool any = false;
      const auto consider = [&](std::int64_t candidate) {
        id = std::min(id, candidate);
        any = true;
      };
      if (const auto* e = events.peek()) consider(e->record_id);
      if (const auto* r = rows.peek()) consider(r->record.id());
      if (const auto* b = buried.peek()) consider(b->id);
      if (!any) return true;
      RecordAudit check = audit_one(name, definition, id, events, rows, buried);
      if (!check.faults.empty()) check = again(name, definition, plan, id);
      ++(check.deleted ? report_.deleted : report_.records);
      report_.events += check.events;
      report_.older_events += check.older_events;
      report_.erased_events += check.erased_events;
      report_.older_records += check.older ? 1 : 0;
      std::move(check.faults.begin(), check.faults.end(), std::back_inserter(report_.faults));
      if (report_.events + report_.records < query_.work && report_.faults.size() < most_faults) continue;
      if (!query_.record) report_.next = name + ":" + std::to_string(id);
      return false;
    }
  }

  RecordAudit audit_one(const std::string& name, const Entity* definition, std::int64_t id, Pages<EventRow>& events, Pages<Row>& rows,
                        Pages<BuriedRow>& buried) {
    RecordAudit check(name, definition, id, since_);
    for (EventRow* e = events.peek(); e != nullptr && e->record_id == id; e = events.peek()) {
      check.add(*e);
      events.advance();
    }
    Row* row = rows.peek();
    if (row != nullptr && row->record.id() != id) row = nullptr;
    BuriedRow* kept = buried.peek();
    if (kept != nullptr && kept->id != id) kept = nullptr;
    check.finish(row, kept);
    if (row != nullptr) rows.advance();
    if (kept != nullptr) buried.advance();
    return check;
  }

  /// The pages were read at different moments, and writers go on; one transaction sees one state.
  RecordAudit again(const std::string& name, const Entity* definition, const EntityPlan* plan, std::int64_t id) {
    storage::Transaction transaction = database_.begin();
    const Source source(database_, &*transaction, keys_of(*catalog_), definition);
    EventPages events(source, name, id - 1, id);
    RowPages rows(source, plan, database_.dialect(), id - 1, id);
    BuriedPages buried(source, name, id - 1, id);
    return audit_one(name, definition, id, events, rows, buried);
  }

  storage::Database& database_;
  std::shared_ptr<const model::Catalog> catalog_;
  const Plans plans_;
  const AuditQuery& query_;
  std::optional<Timestamp> since_;
  AuditReport report_;
};

}  // namespace

AuditReport audit(storage::Database& database, std::shared_ptr<const model::Catalog> catalog, const AuditQuery& query) {
  return Auditor(database, std::move(catalog), query).run();
}

}  // namespace caravan::records
