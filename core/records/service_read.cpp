#include <algorithm>

#include "base/error.h"
#include "records/access.h"
#include "records/codec.h"
#include "records/looks.h"
#include "records/merge.h"
#include "records/messages.h"
#include "records/plans.h"
#include "records/query.h"
#include "records/seal.h"
#include "records/search_index.h"
#include "records/service.h"
#include "storage/query.h"

namespace caravan::records {
namespace {

using model::Entity;
using model::Operation;

}  // namespace

Record RecordService::get(const Context& context, const Entity& entity, std::int64_t id) const {
  const auto plans = this->plans(context);
  const EntityPlan& plan = plans->of(entity);
  std::optional<Record> record;
  {
    auto session = database_.read();
    storage::Statement& statement = session->prepare(plan.select_by_id);
    statement.bind(1, id);
    if (statement.step()) record = read_row(plan, statement);
    statement.reset();
  }
  bool seen = record && (may_always(context, entity, Operation::read) || records::may(context, Operation::read, *record, follow(context)));
  if (record && !seen) seen = shared(*database_.read(), context, entity, id, Operation::read);
  if (!seen) throw Error(ErrorCode::not_found, message("not_found", context.locale, {entity.label.in(context.locale)}));
  redact(context, *record);
  if (plan.seals) looked(context, *record);
  return std::move(*record);
}

void RecordService::looked(const Context& context, const Record& record) const {
  if (context.actor.system || !any_sensitive(record.entity())) return;
  if (std::string fields = shown_fields(record); !fields.empty()) {
    log_looks(database_, sequences_, context, record.entity(), {{record.id(), std::move(fields)}});
  }
}

Record RecordService::whole(const Context& context, const Record& record) const {
  if (record.restricted() == nullptr) return record;
  Context system = context;
  system.actor = Actor{};
  system.actor.system = true;
  return get(system, record.entity(), record.id());
}

namespace {

std::vector<Shown> shown_of(const std::vector<Record>& records) {
  std::vector<Shown> shown;
  for (const Record& record : records) {
    if (std::string fields = shown_fields(record); !fields.empty()) shown.push_back({record.id(), std::move(fields)});
  }
  return shown;
}

void add_shown(std::vector<Shown>& shown, const RowShape& shape, storage::Statement& statement) {
  std::string fields;
  for (const RowColumn& column : shape.columns) {
    if (!column.sealed || column.masked || statement.is_null(column.column)) continue;
    fields.append(fields.empty() ? "" : ",").append(column.field->name);
  }
  if (!fields.empty()) shown.push_back({statement.integer(shape.id_column), std::move(fields)});
}

/// A page that is being read: the statement and what of it has come.
class ListReader {
 public:
  ListReader(storage::Session& session, const Context& context, const Plans& plans, const EntityPlan& plan, const ListQuery& query)
      : session_(session), context_(context), plans_(plans), plan_(plan), query_(query), rights_(field_rights(context, *plan.entity)) {
    const Entity& entity = *plan.entity;
    rule_ = read_rule(context, entity, session);
    if (rule_.kind == ReadRule::Kind::never) {
      throw Error(ErrorCode::forbidden, message("forbidden_read", context.locale, {entity.label.in(context.locale)}));
    }
    sort_ = sort_keys(context, entity, rights_, query.sort);
  }
  const FieldRights& rights() const { return rights_; }
  const std::vector<model::SortKey>& sort() const { return sort_; }

  /// Runs the statement; calls `row` for each of the page. Returns the cursor of the next page, or "".
  template <class Row, class Values>
  std::string read(std::string_view select_list, const Row& row, const Values& sort_values) {
    list_ = list_statement(context_, plans_, plan_, rule_, rights_, query_, std::move(sort_), select_list);
    refuse_long_sort();
    for (const Condition& window : list_.windows) {
      std::vector<std::int64_t> ids;
      storage::Statement& among = session_.prepare(window.sql);
      bind_parameters(among, window.parameters);
      while (among.step()) {
        ids.push_back(among.integer(0));
        if (ids.size() != query_.limit) continue;
        // As it is now: a row that is moved before it is read must not take the next page with it.
        for (std::size_t i = 0; i < list_.sort.size(); ++i) last_.push_back(among.value(static_cast<int>(i) + 1, plan_.slots[list_.sort[i].field->slot].type));
      }
      among.reset();
      if (ids.size() > query_.limit) {
        ids.pop_back();
        const Condition found = found_statement(list_, plan_, ids);
        const std::string next = make_cursor(list_.sort, last_);
        rows(found.sql, found.parameters, row, sort_values);
        return next;
      }
      last_.clear();  // the page may end beyond these rows
    }
    return rows(list_.sql, list_.parameters, row, sort_values);
  }
  /// `shown`: how many are on the page.
  RowCount count(std::size_t shown) {
    RowCount count = count_rows(session_, plan_, list_.where, list_.searched);
    if (!count.exact) count.rows = std::max(count.rows, static_cast<std::int64_t>(shown));
    return count;
  }

 private:
  /// Nobody waits for seconds, and keeps others waiting, for the order of hundreds of thousands of records that he looks for by one frequent word. What a filter or
  /// a rule leaves of them is sorted.
  void refuse_long_sort() {
    const Searched& searched = list_.searched;
    if (searched.hits.sql.empty() || !searched.rest.sql.empty() || !list_.windows.empty()) return;
    const std::int64_t most = plans_.search()->most_sorted;
    storage::Statement& counting = session_.prepare("SELECT COUNT(*) FROM (" + searched.hits.sql + " LIMIT " + std::to_string(most + 1) + ") n");
    bind_parameters(counting, searched.hits.parameters);
    const bool too_many = counting.step() && counting.integer(0) > most;
    counting.reset();
    if (!too_many) return;
    std::string names;
    for (const model::SortKey& key : list_.sort) {
      if (key.field->slot == model::slot_id) continue;
      const std::string& label = key.field->label.in(context_.locale);
      names += (names.empty() ? "" : ", ") + (label.empty() ? key.field->name : label);
    }
    throw Error(ErrorCode::invalid_argument, message("too_many_to_sort", context_.locale, {std::to_string(most), names}));
  }

  template <class Row, class Values>
  std::string rows(const std::string& sql, const std::vector<expr::Value>& parameters, const Row& row, const Values& sort_values) {
    storage::Statement& statement = session_.prepare(sql);
    bind_parameters(statement, parameters);
    std::string next;
    for (std::uint32_t n = 0; statement.step();) {
      if (n == query_.limit) {
        next = make_cursor(list_.sort, last_);
        break;
      }
      row(statement);
      if (++n == query_.limit) last_ = sort_values(statement, list_.sort);
    }
    statement.reset();
    return next;
  }

  storage::Session& session_;
  const Context& context_;
  const Plans& plans_;
  const EntityPlan& plan_;
  const ListQuery& query_;
  FieldRights rights_;
  ReadRule rule_;
  std::vector<model::SortKey> sort_;
  ListStatement list_;
  std::vector<expr::Value> last_;
};

}  // namespace

Page RecordService::list(const Context& context, const Entity& entity, const ListQuery& query) const {
  const auto plans = this->plans(context);
  const EntityPlan& plan = plans->of(entity);
  std::optional<storage::ReadSession> session(database_.read());
  ListReader reader(**session, context, *plans, plan, query);
  Page page;
  page.items.reserve(query.limit);
  page.next = reader.read(
      plan.select_list, [&](storage::Statement& statement) { page.items.push_back(read_row(plan, statement)); },
      [&](storage::Statement&, const std::vector<model::SortKey>& sort) {
        std::vector<expr::Value> values;
        for (const auto& key : sort) values.push_back(page.items.back()[key.field->slot]);
        return values;
      });
  for (Record& record : page.items) redact(reader.rights(), record);
  if (query.count) {
    const RowCount count = reader.count(page.items.size());
    page.total = count.rows;
    page.total_exact = count.exact;
  }
  session.reset();
  if (plan.seals) log_looks(database_, sequences_, context, entity, shown_of(page.items));
  return page;
}

JsonPage RecordService::list_json(const Context& context, const Entity& entity, const ListQuery& query, const ListShape& shape,
                                  std::string& out) const {
  const auto plans = this->plans(context);
  const EntityPlan& plan = plans->of(entity);
  const storage::Dialect dialect = plans->dialect();
  std::optional<storage::ReadSession> session(database_.read());
  ListReader reader(**session, context, *plans, plan, query);

  std::shared_ptr<const RowShape> row;
  if (reader.rights().redacts()) {
    row = std::make_shared<const RowShape>(row_shape(plan, dialect, shape.fields, reader.rights()));
  } else {
    std::string key;
    for (const std::uint32_t slot : shape.fields) key += std::to_string(slot) + ",";
    row = plans->queries().shapes.get(entity, key, [&] {
      return std::make_shared<const RowShape>(row_shape(plan, dialect, shape.fields, reader.rights()));
    });
  }
  // What the cursor and `expand` need beside what is written.
  std::string completed;
  int selected = row->selected;
  const auto place = [&](const model::Field& field) {
    if (row->place[field.slot] >= 0) return row->place[field.slot];
    if (completed.empty()) completed = row->select_list;
    completed += ", r." + storage::quote(dialect, field.column);
    return selected++;
  };
  std::vector<int> sort_columns, reference_columns;
  for (const auto& key : reader.sort()) sort_columns.push_back(place(*key.field));
  for (const model::Field* field : shape.references) reference_columns.push_back(reader.rights().readable(*field) ? place(*field) : -1);

  JsonPage page;
  std::vector<Shown> shown;
  const std::size_t begin = out.size();
  page.next = reader.read(
      completed.empty() ? row->select_list : completed,
      [&](storage::Statement& statement) {
        if (page.count > 0) out.push_back(',');
        write_row(out, *row, dialect, statement);
        if (row->tells_sensitive) add_shown(shown, *row, statement);
        if (++page.count == 1) out.reserve(begin + (out.size() - begin + 64) * query.limit);
        if (reference_columns.empty()) return;
        page.ends.push_back(out.size() - 1);
        for (std::size_t i = 0; i < reference_columns.size(); ++i) {
          const int column = reference_columns[i];
          const bool filled = column >= 0 && !statement.is_null(column);
          const bool listed = shape.references[i]->type == model::FieldType::refs;
          page.references.push_back(filled && !listed ? statement.integer(column) : 0);
          if (!listed) continue;
          auto& ids = page.reference_lists.emplace_back();
          const expr::Value value = filled ? from_column(*shape.references[i], statement.text(column)) : expr::Value();
          for (const expr::Value& one : value.as_list() ? *value.as_list() : expr::List()) {
            if (const auto* id = one.as<std::int64_t>()) ids.push_back(*id);
          }
        }
      },
      [&](storage::Statement& statement, const std::vector<model::SortKey>& sort) {
        std::vector<expr::Value> values;
        for (std::size_t i = 0; i < sort.size(); ++i) values.push_back(statement.value(sort_columns[i], plan.slots[sort[i].field->slot].type));
        return values;
      });
  if (query.count) {
    const RowCount count = reader.count(page.count);
    page.total = count.rows;
    page.total_exact = count.exact;
  }
  session.reset();
  if (!shown.empty()) log_looks(database_, sequences_, context, entity, shown);
  return page;
}

std::vector<Record> RecordService::get_many(const Context& context, const Entity& entity, const std::vector<std::int64_t>& ids,
                                            const std::vector<std::uint32_t>& slots) const {
  std::vector<Record> records;
  if (ids.empty()) return records;
  const auto plans = this->plans(context);
  const EntityPlan& plan = plans->of(entity);
  std::optional<storage::ReadSession> held(database_.read());
  storage::Session* const session = &**held;
  const ReadRule rule = read_rule(context, entity, *session);
  if (rule.kind == ReadRule::Kind::never) return records;
  // Rounded up to a power of two, so that few statement texts exist; the rest repeats the last id.
  std::size_t places = 1;
  while (places < ids.size()) places *= 2;
  RowShape shape;
  if (!slots.empty()) shape = row_shape(plan, plans->dialect(), slots, {});
  std::string sql = "SELECT " + (slots.empty() ? plan.select_list : shape.select_list) + plan.from + " WHERE r." +
                    storage::quote(plans->dialect(), entity.fields[model::slot_id]->column) + " IN (";
  for (std::size_t i = 0; i < places; ++i) sql += i == 0 ? "?" : ", ?";
  sql += ")";
  if (rule.kind == ReadRule::Kind::condition) sql += " AND (" + rule.sql + ")";
  storage::Statement& statement = session->prepare(sql);
  int index = 1;
  for (std::size_t i = 0; i < places; ++i) statement.bind(index++, ids[std::min(i, ids.size() - 1)]);
  bind_parameters(statement, rule.parameters, index);
  while (statement.step()) records.push_back(slots.empty() ? read_row(plan, statement) : read_row(entity, shape, statement));
  statement.reset();
  const FieldRights rights = field_rights(context, entity);
  for (Record& record : records) redact(rights, record);
  held.reset();
  if (plan.seals) log_looks(database_, sequences_, context, entity, shown_of(records));
  return records;
}

std::vector<Event> RecordService::timeline(const Context& context, const Entity& entity, std::int64_t id, std::int64_t before,
                                           std::uint32_t limit) const {
  if (limit < 1 || limit > 200) throw Error(ErrorCode::invalid_argument, "limit: a number from 1 to 200.");
  std::optional<Record> record;
  try {
    record = get(context, entity, id);
  } catch (const Error& error) {
    // The history outlives its record, for those who may see everything.
    if (error.code() != ErrorCode::not_found || !(is_administrator(context) || may_restore(context, entity, id) || Merges(*this).survivor_of(context, entity, id))) throw;
  }
  std::optional<storage::ReadSession> session(database_.read());
  // By version, since ids come from blocks that several processes lease.
  std::int64_t before_version = INT64_MAX;
  if (before > 0) {
    storage::Statement& find = (*session)->prepare("SELECT version FROM event WHERE id = ? AND entity = ? AND record_id = ?");
    find.bind(1, before);
    find.bind(2, std::string_view(entity.full_name));
    find.bind(3, id);
    const bool found = find.step();
    if (found) before_version = find.integer(0);
    find.reset();
    if (!found) throw Error(ErrorCode::invalid_argument, "before: there is no such event of this record.");
  }
  storage::Statement& statement = (*session)->prepare(
      "SELECT id, version, at, actor_id, actor_name, request_id, source, action, changes, note FROM event "
      "WHERE entity = ? AND record_id = ? AND (version < ? OR (version = ? AND id < ?)) ORDER BY version DESC, id DESC LIMIT ?");
  statement.bind(1, std::string_view(entity.full_name));
  statement.bind(2, id);
  statement.bind(3, before_version);
  statement.bind(4, before_version);
  statement.bind(5, before > 0 ? before : INT64_MAX);
  statement.bind(6, static_cast<std::int64_t>(limit));
  const FieldRights rights = field_rights(context, entity);
  const Keys* const keys = keys_of(*context.catalog);
  std::vector<Event> events;
  std::string told;  // sensitive fields that the events show
  while (statement.step()) {
    Event event;
    event.id = statement.integer(0);
    event.version = statement.integer(1);
    if (const auto at = statement.value(2, storage::instant_column); at.as<Timestamp>()) event.at = *at.as<Timestamp>();
    event.actor_id = statement.is_null(3) ? 0 : statement.integer(3);
    event.actor_name = statement.text(4);
    event.request_id = statement.text(5);
    event.source = statement.text(6);
    event.action = statement.text(7);
    for (const auto& field : entity.fields) {
      if (!field->sensitive || !rights.readable(*field) || !has_sealed(statement.text(8))) continue;
      const std::string name = "\"" + field->name + "\":[";
      if (statement.text(8).find(name) != std::string_view::npos && ("," + told + ",").find("," + field->name + ",") == std::string::npos) {
        told.append(told.empty() ? "" : ",").append(field->name);
      }
    }
    event.changes = redact_changes(rights, entity, open_json(keys, entity.full_name, &entity, "event", event.id, std::string(statement.text(8))));
    if (!statement.is_null(9)) event.note = statement.text(9);
    events.push_back(std::move(event));
  }
  statement.reset();
  session.reset();
  if (!told.empty() && (!record || told != shown_fields(*record))) log_looks(database_, sequences_, context, entity, {{id, told}});
  // With whom the record was shared is told to those who see its shares.
  std::optional<bool> sees_shares;
  for (Event& event : events) {
    if (event.note.empty() || (event.action != "share" && event.action != "unshare")) continue;
    if (!sees_shares) sees_shares = is_administrator(context) || (record && this->rights(context, *record).update);
    if (!*sees_shares) event.note.clear();
  }
  return events;
}

}  // namespace caravan::records
