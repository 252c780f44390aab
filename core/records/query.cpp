#include "records/query.h"

#include <algorithm>
#include <bit>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "records/access.h"
#include "records/by_ids.h"
#include "records/codec.h"
#include "records/json.h"
#include "records/messages.h"
#include "records/search_index.h"
#include "records/search_words.h"
#include "storage/query.h"

namespace caravan::records {
namespace {

using model::Field;

constexpr std::size_t longest_cursor = 24 * 1024;
constexpr std::uint32_t longest_sort_text = 4000;  ///< characters of all text keys together, so that a cursor holds them

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

[[noreturn]] void bad(std::string text) { throw Error(ErrorCode::invalid_argument, std::move(text)); }

bool never_null(const Field& field) {
  switch (field.slot) {
    case model::slot_id:
    case model::slot_version:
    case model::slot_created_at:
    case model::slot_updated_at: return true;
    default: return false;
  }
}

std::string sort_words(const std::vector<model::SortKey>& sort) {
  std::string words;
  for (const auto& key : sort) words += (key.descending ? "-" : "") + key.field->name + ",";
  return words;
}

/// Values of the last row, one per sort key.
std::vector<expr::Value> parse_cursor(const model::Catalog& catalog, const std::vector<model::SortKey>& sort, const std::string& cursor) {
  const auto refuse = [] { bad("after: this cursor does not belong to this list; start again without it."); };
  if (cursor.size() > longest_cursor) refuse();
  const auto text = from_base64url(cursor);
  if (!text) refuse();
  Json json;
  try {
    json = parse_json(*text);
  } catch (const Error&) {
    refuse();
  }
  const auto* array = json.as<Json::Array>();
  if (array == nullptr || array->size() != sort.size() + 1) refuse();
  const auto* words = array->front().as<std::string>();
  if (words == nullptr || *words != sort_words(sort)) refuse();
  std::vector<expr::Value> values;
  for (std::size_t i = 0; i < sort.size(); ++i) {
    const Json& item = (*array)[i + 1];
    if (item.is_null()) {
      values.emplace_back();
      continue;
    }
    const auto* value = item.as<std::string>();
    if (value == nullptr) refuse();
    const Field& field = *sort[i].field;
    if (field.type == model::FieldType::text || field.type == model::FieldType::choice) {
      values.emplace_back(*value);
      continue;
    }
    // The row was stored: the bounds of today's definition are no matter here.
    Field unbounded = field;
    unbounded.min.reset();
    unbounded.max.reset();
    unbounded.decimal_min.reset();
    unbounded.decimal_max.reset();
    try {
      values.push_back(parse_text(catalog, unbounded, *value));
    } catch (const Error&) {
      refuse();
    }
    if (values.back().is_null()) refuse();
  }
  return values;
}

std::string like_pattern(std::string_view word) {
  std::string pattern = "%";
  for (const char c : word) {
    if (c == '%' || c == '_' || c == '!') pattern.push_back('!');
    pattern.push_back(c);
  }
  pattern.push_back('%');
  return pattern;
}

/// `(k1 after v1) OR (k1 same AND (k2 after v2 …))`, with the order NULL has on both databases: first ascending, last descending.
void add_cursor(std::string& sql, std::vector<expr::Value>& parameters, storage::Dialect dialect,
                const std::vector<model::SortKey>& sort, const std::vector<expr::Value>& last) {
  std::string close;
  for (std::size_t i = 0; i < sort.size(); ++i) {
    const Field& field = *sort[i].field;
    const std::string column = "r." + storage::quote(dialect, field.column);
    const bool final = i + 1 == sort.size();
    const auto bind = [&] { parameters.push_back(last[i]); };
    if (i == 0 && !final && !last[i].is_null() && never_null(field)) {
      sql += column + (sort[i].descending ? " <= ? AND " : " >= ? AND ");  // lets an index on the first key start there
      bind();
    }
    std::string beyond;
    if (last[i].is_null()) {
      beyond = sort[i].descending ? "1 = 0" : column + " IS NOT NULL";
      sql += "(" + beyond;
    } else if (sort[i].descending) {
      sql += "(" + (never_null(field) ? column + " < ?" : "(" + column + " < ? OR " + column + " IS NULL)");
      bind();
    } else {
      sql += "(" + column + " > ?";
      bind();
    }
    close += ")";
    if (final) break;
    if (last[i].is_null()) {
      sql += " OR (" + column + " IS NULL AND ";
    } else {
      sql += " OR (" + column + " = ? AND ";
      bind();
    }
    close += ")";
  }
  sql += close;
}

std::string at(const expr::Issue& issue) {
  return "line " + std::to_string(issue.line) + " column " + std::to_string(issue.column) + ": " + issue.message +
         (issue.hint.empty() ? "" : ": " + issue.hint);
}

std::shared_ptr<const CompiledFilter> compile_filter(const Context& context, const Plans& plans, const model::Entity& entity,
                                                     const std::string& text) {
  return plans.queries().filters.get(entity, text, [&] {
    auto environment = plans.catalog().record_environment(entity);
    environment.result = expr::TypeKind::boolean;
    auto compiled = expr::compile(text, environment);
    if (!compiled.program) {
      std::string mistakes;
      for (const auto& issue : compiled.issues) mistakes += (mistakes.empty() ? "filter, " : "; ") + at(issue);
      bad(std::move(mistakes));
    }
    auto filter = std::make_shared<CompiledFilter>();
    filter->program = std::move(compiled.program);
    filter->varies = expr::varies(*filter->program);
    if (!filter->varies) {
      const UserActivation constants(context);
      filter->fixed = expr::to_sql(*filter->program, sql_dialect(plans.dialect()), "r", constants.get());
    }
    return filter;
  });
}

/// Of the entity's records that the index waits for: whether they hold the words as they are now.
std::vector<std::pair<std::int64_t, bool>> fresh_words(const SearchIndex& index, const EntityPlan& plan, const std::vector<const Field*>& fields, const SearchTerms& terms) {
  std::vector<std::pair<std::int64_t, bool>> out;
  const auto session = index.read();
  const auto waiting = index.waiting(*session);
  const auto found = waiting.find(plan.entity->full_name);
  if (found == waiting.end()) return out;
  const std::set<std::int64_t> unique(found->second.begin(), found->second.end());
  const std::vector<std::int64_t> ids(unique.begin(), unique.end());
  each_record(*session, plan, ids, [&](const Record& record) { out.emplace_back(record.id(), holds_all(words_of(record, fields), terms)); });
  return out;
}

/// Places for the values in a statement, of which there are few forms: the last value comes again.
std::string places_for(std::vector<expr::Value>& values) {
  values.resize(std::bit_ceil(values.size()), values.back());
  return storage::repeated("?", ", ", values.size());
}

/// Lets the index find `q`, where all of the entity's records are in it. Not for somebody who may not read all that it was made of:
/// a word of a hidden field would tell him something.
bool add_search(Condition& where, const Plans& plans, const EntityPlan& plan, const FieldRights& rights, std::string_view q, Searched* told) {
  if (q.empty() || plans.search() == nullptr || plan.search.empty()) return false;
  const auto fields = searched_fields(*plan.entity);
  if (!std::all_of(fields.begin(), fields.end(), [&](const Field* field) { return rights.readable(*field); })) return false;
  const auto state = plans.search()->of(plan.entity->full_name);
  if (!state || !state->complete) return false;
  const SearchTerms terms = terms_of(q);
  if (terms.words.empty()) return false;
  // What was written a moment ago, and the index does not have yet, is looked at as it is.
  std::vector<expr::Value> other, held;
  for (const auto& [id, holds] : fresh_words(*plans.search(), plan, fields, terms)) (holds ? held : other).emplace_back(id);
  const std::string id = "r." + plan.id_column;
  SearchIndex::Found found = plans.search()->find(*state, terms.words);
  if (found.few) {
    std::set<std::int64_t> ids(found.few->begin(), found.few->end());
    for (const expr::Value& one : other) ids.erase(*one.as<std::int64_t>());
    for (const expr::Value& one : held) ids.insert(*one.as<std::int64_t>());
    where.among(id, {ids.begin(), ids.end()});
    if (told) told->few = true;
    return true;
  }
  if (told) {
    // The same for rows that are gone through one by one.
    const storage::SearchCondition holds = plans.search()->store().holds(state->number, terms.words, id);
    Condition each;
    each.sql = holds.sql;
    each.parameters = holds.parameters;
    if (!held.empty()) {
      each.sql = "(" + each.sql + " OR ";
      each.also_in(id, held);
      each.sql += ")";
    }
    if (!other.empty()) {
      each.sql += " AND NOT ";
      each.also_in(id, other);
    }
    told->rest = where;
    told->each = where;
    told->each.also(each.sql);
    told->each.parameters.insert(told->each.parameters.end(), each.parameters.begin(), each.parameters.end());
    const bool twice = found.all.distinct || found.all.order.empty();
    told->hits.sql = (twice ? "SELECT DISTINCT " : "SELECT ") + found.all.record + " AS id FROM " + found.all.from + " WHERE " + found.all.where;
    told->hits.parameters = found.all.parameters;
    told->settled = held.empty() && other.empty();
  }
  const storage::SearchSelect& select = found.all;
  std::string ids = "SELECT " + select.record + " FROM " + select.from + " WHERE " + select.where;
  if (!held.empty()) ids = "SELECT u.id FROM (SELECT " + select.record + " AS id" + ids.substr(7 + select.record.size()) + " UNION ALL SELECT " + id + plan.from + " WHERE " + id + " IN (" + places_for(held) + ")) u";
  where.also(id + " IN (" + ids + ")");
  where.parameters.insert(where.parameters.end(), select.parameters.begin(), select.parameters.end());
  where.parameters.insert(where.parameters.end(), held.begin(), held.end());
  if (!other.empty()) {
    where.also("NOT ");
    where.also_in(id, other);
  }
  return true;
}

/// Whether an index gives the entity's records in this order.
bool served(const EntityPlan& plan, const std::vector<model::SortKey>& sort) {
  std::vector<std::string> columns;
  for (const auto& key : sort) {
    if (key.descending != sort.front().descending) return false;
    if (key.field->slot != model::slot_id) columns.push_back(key.field->column);
  }
  // An index ends with the id: after more fields than these it is not what decides.
  return columns.empty() || std::find(plan.indexes.begin(), plan.indexes.end(), columns) != plan.indexes.end();
}

/// `sorted`: not by going along an index, past rows that are not wanted.
std::string order_by(storage::Dialect dialect, const std::vector<model::SortKey>& sort, bool sorted = false) {
  std::string sql;
  for (const auto& key : sort) {
    sql += sql.empty() ? " ORDER BY " : ", ";
    const std::string column = "r." + storage::quote(dialect, key.field->column);
    if (!sorted) sql += column;
    else sql += dialect == storage::Dialect::sqlite ? "+" + column : "IFNULL(" + column + ", NULL)";
    if (key.descending) sql += " DESC";
  }
  return sql;
}

}  // namespace

std::string to_base64url(std::string_view bytes) {
  std::string out;
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char c : bytes) {
    buffer = (buffer << 8) | static_cast<unsigned char>(c);
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      out.push_back(alphabet[(buffer >> bits) & 63]);
    }
  }
  if (bits > 0) out.push_back(alphabet[(buffer << (6 - bits)) & 63]);
  return out;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string out;
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const auto digit = alphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    buffer = (buffer << 6) | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<char>((buffer >> bits) & 255));
    }
  }
  return out;
}

Condition& Condition::also(std::string_view more) {
  if (!sql.empty()) sql += " AND ";
  sql += more;
  return *this;
}

Condition& Condition::also_in(std::string_view column, std::vector<expr::Value> values) {
  const std::string places = places_for(values);
  sql.append("(").append(column).append(" IN (").append(places).append("))");
  parameters.insert(parameters.end(), values.begin(), values.end());
  return *this;
}

Condition& Condition::among(std::string_view column, const std::vector<std::int64_t>& ids) {
  if (ids.empty()) return also("1 = 0");
  also("");
  return also_in(column, {ids.begin(), ids.end()});
}

int bind_parameters(storage::Statement& statement, const std::vector<expr::Value>& parameters, int index) {
  for (const auto& parameter : parameters) statement.bind(index++, parameter);
  return index;
}

std::vector<model::SortKey> sort_keys(const Context& context, const model::Entity& entity, const FieldRights& rights,
                                      std::string_view text) {
  std::vector<model::SortKey> keys;
  if (text.empty()) {
    if (!entity.views.empty()) keys = entity.views.front()->sort;
    std::erase_if(keys, [&](const model::SortKey& key) { return !rights.readable(*key.field); });
    if (keys.empty()) keys.push_back({entity.fields[model::slot_id].get(), true});
  }
  std::uint32_t characters = 0;
  while (!text.empty()) {
    const auto comma = text.find(',');
    std::string_view name = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    model::SortKey key;
    if (name.starts_with('-')) {
      key.descending = true;
      name.remove_prefix(1);
    }
    key.field = entity.field(name);
    if (key.field == nullptr && name.find('.') != std::string_view::npos) {
      bad("sort: \"" + std::string(cut_text(name, 64)) + "\" lies behind a reference, where no index can serve the order; sort by a field of " +
          entity.full_name + " itself.");
    }
    if (key.field == nullptr) bad("sort: there is no field \"" + std::string(cut_text(name, 64)) + "\" in " + entity.full_name + ".");
    const Field& field = *key.field;
    if (!rights.readable(field)) require_readable(context, entity, field);
    if (field.sensitive) bad("sort: " + field.name + " is sealed in the database, which has no order for it.");
    if (field.type == model::FieldType::json) bad("sort: " + field.name + " holds JSON, which has no order.");
    if (kept_as_json(field)) bad("sort: " + field.name + " holds several values, which have no order.");
    if (field.type == model::FieldType::text && !field.system) {
      if (field.max_length == 0) bad("sort: " + field.name + " holds texts of any length, which are not sorted.");
      characters += field.max_length;
      if (characters > longest_sort_text) bad("sort: the texts of " + field.name + " are too long to sort by.");
    }
    for (const auto& other : keys) {
      if (other.field == key.field) bad("sort: " + field.name + " is named twice.");
    }
    keys.push_back(key);
    if (keys.size() > 5) bad("sort: at most five fields.");
  }
  // A key is decided by id at last; what follows it would never matter.
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].field->slot == model::slot_id) {
      keys.resize(i + 1);
      return keys;
    }
  }
  // In the direction of the key before: an index ends with the id, and is read one way.
  keys.push_back({entity.fields[model::slot_id].get(), keys.back().descending});
  return keys;
}

Condition condition_of(const Context& context, const Plans& plans, const EntityPlan& plan, const ReadRule& rule,
                       const FieldRights& rights, const std::string& filter, std::string_view q, Searched* searched) {
  const model::Entity& entity = *plan.entity;
  const storage::Dialect dialect = plans.dialect();
  Condition where;
  const auto add_filter = [&](const std::string& one) {
    const auto compiled = compile_filter(context, plans, entity, one);
    require_readable(context, entity, *compiled->program);
    expr::SqlCondition condition;
    if (compiled->varies) {
      const UserActivation constants(context);
      condition = expr::to_sql(*compiled->program, sql_dialect(dialect), "r", constants.get());
    } else {
      condition = compiled->fixed;
    }
    if (condition.refused) bad("filter, " + at(*condition.refused));
    where.also("(" + condition.sql + ")");
    if (where.parameters.empty()) where.parameters = std::move(condition.parameters);
    else where.parameters.insert(where.parameters.end(), condition.parameters.begin(), condition.parameters.end());
  };
  if (filter.find(filter_separator) == std::string::npos) {
    if (!filter.empty()) add_filter(filter);
  } else {
    for (std::size_t from = 0; from <= filter.size();) {
      const auto end = std::min(filter.find(filter_separator, from), filter.size());
      if (end > from) add_filter(filter.substr(from, end - from));
      from = end + 1;
    }
  }
  if (rule.kind == ReadRule::Kind::condition) {
    where.also("(" + rule.sql + ")");
    where.parameters.insert(where.parameters.end(), rule.parameters.begin(), rule.parameters.end());
  }
  if (q.size() > 1700) bad("q: at most eight words of 200 bytes.");
  const bool indexed = add_search(where, plans, plan, rights, q, searched);
  int count = 0;
  while (!q.empty() && !indexed) {
    const auto start = q.find_first_not_of(" \t");
    if (start == std::string_view::npos) break;
    q.remove_prefix(start);
    const auto end = q.find_first_of(" \t");
    const std::string_view word = q.substr(0, end);
    q = end == std::string_view::npos ? std::string_view() : q.substr(end);
    if (++count > 8 || word.size() > 200) bad("q: at most eight words of 200 bytes.");
    std::string any;
    const auto match = [&](const Field& field) {
      if (!rights.readable(field)) return;
      if (!any.empty()) any += " OR ";
      if (field.type == model::FieldType::localized) {
        const std::string column = "r." + storage::quote(dialect, field.column);
        any += dialect == storage::Dialect::sqlite
                   ? "EXISTS (SELECT 1 FROM json_each(" + column + ") AS _t WHERE LOWER(_t.value) LIKE LOWER(?) ESCAPE '!')"
                   : "JSON_SEARCH(LOWER(" + column + "), 'one', LOWER(?), '!') IS NOT NULL";
        where.parameters.emplace_back(like_pattern(word));
        return;
      }
      any += std::string("LOWER(r.") + storage::quote(dialect, field.column) + ") LIKE LOWER(?) ESCAPE '!'";
      where.parameters.emplace_back(like_pattern(word));
    };
    match(*entity.fields[model::slot_number]);
    for (const Field* field : plan.search) match(*field);
    where.also(any.empty() ? "(1 = 0)" : "(" + any + ")");
  }
  return where;
}

ListStatement list_statement(const Context& context, const Plans& plans, const EntityPlan& plan, const ReadRule& rule,
                             const FieldRights& rights, const ListQuery& query, std::vector<model::SortKey> sort,
                             std::string_view select_list) {
  if (query.limit < 1 || query.limit > 200) bad("limit: a number from 1 to 200.");
  ListStatement statement;
  statement.sort = std::move(sort);
  Searched& searched = statement.searched;
  statement.where = condition_of(context, plans, plan, rule, rights, query.filter, query.q, &searched);
  statement.parameters = statement.where.parameters;
  Condition cursor;
  if (!query.after.empty()) {
    const auto last = parse_cursor(plans.catalog(), statement.sort, query.after);
    add_cursor(cursor.sql, cursor.parameters, plans.dialect(), statement.sort, last);
    cursor.sql = "(" + cursor.sql + ")";
  }
  const std::string limit = " LIMIT " + std::to_string(query.limit + 1);
  const std::string tail = order_by(plans.dialect(), statement.sort) + limit;
  std::string& sql = statement.sql;
  sql.reserve(64 + select_list.size() + plan.from.size() + statement.where.sql.size() + cursor.sql.size() + tail.size());
  sql.append("SELECT ").append(select_list).append(plan.from);
  const std::size_t after_from = sql.size();
  const bool mysql = plans.dialect() == storage::Dialect::mysql;
  // Else the rows are gone through in their order until one after the other of a few has turned up.
  if (searched.few && mysql) sql += " FORCE INDEX (PRIMARY)";
  if (!statement.where.sql.empty()) sql.append(" WHERE ").append(statement.where.sql);
  if (!cursor.sql.empty()) sql.append(statement.where.sql.empty() ? " WHERE " : " AND ").append(cursor.sql);
  statement.parameters.insert(statement.parameters.end(), cursor.parameters.begin(), cursor.parameters.end());
  if (searched.each.sql.empty()) {
    sql += tail;
    return statement;
  }
  // What is found along the order's index has been looked for there, see below; the rest lies far along it.
  sql += order_by(plans.dialect(), statement.sort, true) + limit;

  if (!served(plan, statement.sort)) return statement;
  const std::string id = "r." + plan.id_column;
  std::string keys;
  for (const auto& key : statement.sort) keys += ", r." + storage::quote(plans.dialect(), key.field->column);
  for (const std::int64_t rows : {1000, 8000, 30'000}) {
    Condition& window = statement.windows.emplace_back();
    window.sql = "SELECT " + id + keys + " FROM (SELECT " + id + " AS id" + plan.from + cursor.where() + order_by(plans.dialect(), statement.sort) + " LIMIT " + std::to_string(rows) + ") w " +
                 (mysql ? "STRAIGHT_JOIN " : "CROSS JOIN ") + plan.from_table + " r ON " + id + " = w.id WHERE " + searched.each.sql + tail;
    window.parameters = cursor.parameters;
    window.parameters.insert(window.parameters.end(), searched.each.parameters.begin(), searched.each.parameters.end());
  }
  statement.found_select = sql.substr(0, after_from) + (mysql ? " FORCE INDEX (PRIMARY)" : "");
  statement.found_tail = tail;
  return statement;
}

Condition found_statement(const ListStatement& statement, const EntityPlan& plan, const std::vector<std::int64_t>& ids) {
  Condition where = statement.searched.rest;
  where.among("r." + plan.id_column, ids);
  where.sql = statement.found_select + " WHERE " + where.sql + statement.found_tail;
  return where;
}

std::string make_cursor(const std::vector<model::SortKey>& sort, const std::vector<expr::Value>& last) {
  std::string json = "[";
  write_json_string(json, sort_words(sort));
  for (std::size_t i = 0; i < sort.size(); ++i) {
    json.push_back(',');
    std::string text;
    write_value(text, *sort[i].field, last[i]);
    if (last[i].is_null() || text.front() == '"') json += text;
    else json += "\"" + text + "\"";  // numbers and booleans, too, travel as text
  }
  json.push_back(']');
  return to_base64url(json);
}

std::string make_cursor(const std::vector<model::SortKey>& sort, const Record& last) {
  std::vector<expr::Value> values;
  for (const auto& key : sort) values.push_back(last[key.field->slot]);
  return make_cursor(sort, values);
}

}  // namespace caravan::records
