#include <algorithm>

#include "base/error.h"
#include "records/access.h"
#include "records/messages.h"
#include "records/plans.h"
#include "records/query.h"
#include "records/service.h"

namespace caravan::records {
namespace {

using model::Entity;
using model::Operation;

expr::Dialect sql_dialect(storage::Dialect dialect) {
  return dialect == storage::Dialect::mysql ? expr::Dialect::mysql : expr::Dialect::sqlite;
}

void bind_all(storage::Statement& statement, const std::vector<expr::Value>& parameters) {
  int index = 1;
  for (const auto& parameter : parameters) statement.bind(index++, parameter);
}

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
  if (!record || !(may_always(context, entity, Operation::read) || records::may(context, Operation::read, *record, follow(context)))) {
    throw Error(ErrorCode::not_found, message("not_found", context.locale, {entity.label.in(context.locale)}));
  }
  return std::move(*record);
}

Page RecordService::list(const Context& context, const Entity& entity, const ListQuery& query) const {
  const auto plans = this->plans(context);
  const EntityPlan& plan = plans->of(entity);
  const ReadRule rule = read_rule(context, entity, sql_dialect(database_.dialect()));
  if (rule.kind == ReadRule::Kind::never) {
    throw Error(ErrorCode::forbidden, message("forbidden_read", context.locale, {entity.label.in(context.locale)}));
  }
  const ListStatement list = list_statement(context, plan, database_.dialect(), rule, query);
  Page page;
  auto session = database_.read();
  storage::Statement& statement = session->prepare(list.sql);
  bind_all(statement, list.parameters);
  page.items.reserve(query.limit);
  bool more = false;
  while (statement.step()) {
    if (page.items.size() == query.limit) {
      more = true;
      break;
    }
    page.items.push_back(read_row(plan, statement));
  }
  statement.reset();
  if (more) page.next = make_cursor(list.sort, page.items.back());
  if (query.count) {
    storage::Statement& counting = session->prepare(list.count_sql);
    bind_all(counting, list.count_parameters);
    if (counting.step()) page.total = counting.integer(0);
    counting.reset();
  }
  return page;
}

std::vector<Record> RecordService::get_many(const Context& context, const Entity& entity, const std::vector<std::int64_t>& ids) const {
  std::vector<Record> records;
  if (ids.empty()) return records;
  const auto plans = this->plans(context);
  const EntityPlan& plan = plans->of(entity);
  const ReadRule rule = read_rule(context, entity, sql_dialect(database_.dialect()));
  if (rule.kind == ReadRule::Kind::never) return records;
  // Rounded up to a power of two, so that few statement texts exist; the rest repeats the last id.
  std::size_t places = 1;
  while (places < ids.size()) places *= 2;
  std::string sql = "SELECT " + plan.select_list + plan.from + " WHERE r." +
                    storage::quote(database_.dialect(), entity.fields[model::slot_id]->column) + " IN (";
  for (std::size_t i = 0; i < places; ++i) sql += i == 0 ? "?" : ", ?";
  sql += ")";
  if (rule.kind == ReadRule::Kind::condition) sql += " AND (" + rule.sql + ")";
  auto session = database_.read();
  storage::Statement& statement = session->prepare(sql);
  int index = 1;
  for (std::size_t i = 0; i < places; ++i) statement.bind(index++, ids[std::min(i, ids.size() - 1)]);
  for (const auto& parameter : rule.parameters) statement.bind(index++, parameter);
  while (statement.step()) records.push_back(read_row(plan, statement));
  statement.reset();
  return records;
}

std::vector<Event> RecordService::timeline(const Context& context, const Entity& entity, std::int64_t id, std::int64_t before,
                                           std::uint32_t limit) const {
  if (limit < 1 || limit > 200) throw Error(ErrorCode::invalid_argument, "limit: a number from 1 to 200.");
  try {
    get(context, entity, id);
  } catch (const Error& error) {
    // The history outlives its record, for those who may see everything.
    if (error.code() != ErrorCode::not_found || !is_administrator(context)) throw;
  }
  auto session = database_.read();
  // By version, since ids come from blocks that several processes lease.
  std::int64_t before_version = INT64_MAX;
  if (before > 0) {
    storage::Statement& find = session->prepare("SELECT version FROM event WHERE id = ? AND entity = ? AND record_id = ?");
    find.bind(1, before);
    find.bind(2, std::string_view(entity.full_name));
    find.bind(3, id);
    const bool found = find.step();
    if (found) before_version = find.integer(0);
    find.reset();
    if (!found) throw Error(ErrorCode::invalid_argument, "before: there is no such event of this record.");
  }
  storage::Statement& statement = session->prepare(
      "SELECT id, version, at, actor_id, actor_name, request_id, source, action, changes, note FROM event "
      "WHERE entity = ? AND record_id = ? AND (version < ? OR (version = ? AND id < ?)) ORDER BY version DESC, id DESC LIMIT ?");
  static const storage::ColumnType instant{storage::ColumnType::Kind::instant, 0, 0};
  statement.bind(1, std::string_view(entity.full_name));
  statement.bind(2, id);
  statement.bind(3, before_version);
  statement.bind(4, before_version);
  statement.bind(5, before > 0 ? before : INT64_MAX);
  statement.bind(6, static_cast<std::int64_t>(limit));
  std::vector<Event> events;
  while (statement.step()) {
    Event event;
    event.id = statement.integer(0);
    event.version = statement.integer(1);
    if (const auto at = statement.value(2, instant); at.as<Timestamp>()) event.at = *at.as<Timestamp>();
    event.actor_id = statement.is_null(3) ? 0 : statement.integer(3);
    event.actor_name = statement.text(4);
    event.request_id = statement.text(5);
    event.source = statement.text(6);
    event.action = statement.text(7);
    event.changes = statement.text(8);
    if (!statement.is_null(9)) event.note = statement.text(9);
    events.push_back(std::move(event));
  }
  statement.reset();
  return events;
}

}  // namespace caravan::records
