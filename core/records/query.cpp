#include "records/query.h"

#include "base/error.h"
#include "records/codec.h"
#include "records/json.h"
#include "records/messages.h"

namespace caravan::records {
namespace {

using model::Field;

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

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

[[noreturn]] void bad(std::string text) { throw Error(ErrorCode::invalid_argument, std::move(text)); }

std::vector<model::SortKey> parse_sort(const model::Entity& entity, std::string_view text) {
  std::vector<model::SortKey> keys;
  if (text.empty()) {
    if (!entity.views.empty()) keys = entity.views.front()->sort;
    if (keys.empty()) keys.push_back({entity.fields[model::slot_id].get(), true});
  }
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
    if (key.field == nullptr) bad("sort: there is no field \"" + std::string(name) + "\" in " + entity.full_name + ".");
    if (key.field->type == model::FieldType::json) bad("sort: " + key.field->name + " holds JSON, which has no order.");
    if (key.field->type == model::FieldType::text && !key.field->system && key.field->max_length == 0) {
      bad("sort: " + key.field->name + " holds texts of any length, which are not sorted.");
    }
    for (const auto& other : keys) {
      if (other.field == key.field) bad("sort: " + key.field->name + " is named twice.");
    }
    keys.push_back(key);
  }
  if (keys.size() > 5) bad("sort: at most five fields.");
  // A key is decided by id at last; what follows it would never matter.
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].field->slot == model::slot_id) {
      keys.resize(i + 1);
      return keys;
    }
  }
  keys.push_back({entity.fields[model::slot_id].get(), keys.back().descending});
  return keys;
}

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
  const auto text = from_base64url(cursor);
  if (!text || cursor.size() > 8192) refuse();
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

}  // namespace

ListStatement list_statement(const Context& context, const EntityPlan& plan, storage::Dialect dialect, const ReadRule& rule,
                             const ListQuery& query) {
  const model::Entity& entity = *plan.entity;
  if (query.limit < 1 || query.limit > 200) bad("limit: a number from 1 to 200.");
  ListStatement statement;
  statement.sort = parse_sort(entity, query.sort);

  std::string where;
  std::vector<expr::Value> parameters;
  const auto also = [&]() -> std::string& {
    where += where.empty() ? " WHERE " : " AND ";
    return where;
  };
  if (!query.filter.empty()) {
    auto environment = context.catalog->record_environment(entity);
    environment.result = expr::TypeKind::boolean;
    const auto compiled = expr::compile(query.filter, environment);
    if (!compiled.program) {
      std::string text;
      for (const auto& issue : compiled.issues) {
        text += (text.empty() ? "filter, line " : "; line ") + std::to_string(issue.line) + " column " +
                std::to_string(issue.column) + ": " + issue.message + (issue.hint.empty() ? "" : ": " + issue.hint);
      }
      bad(std::move(text));
    }
    // In a filter of one's own, a record behind a reference is an oracle unless all of its kind may be read.
    for (const expr::RecordType* type : expr::followed_types(*compiled.program)) {
      const model::Entity* target = context.catalog->entity(type->name());
      if (target == nullptr || !may_always(context, *target, model::Operation::read)) {
        throw Error(ErrorCode::forbidden, message("forbidden_read", context.locale,
                                                  {target ? target->label.in(context.locale) : std::string(type->name())}));
      }
    }
    const UserActivation constants(context);
    auto condition = expr::to_sql(*compiled.program, dialect == storage::Dialect::mysql ? expr::Dialect::mysql : expr::Dialect::sqlite,
                                  "r", constants.get());
    if (condition.refused) {
      bad("filter, line " + std::to_string(condition.refused->line) + " column " + std::to_string(condition.refused->column) +
          ": " + condition.refused->message);
    }
    also() += "(" + condition.sql + ")";
    for (auto& parameter : condition.parameters) parameters.push_back(std::move(parameter));
  }
  if (rule.kind == ReadRule::Kind::condition) {
    also() += "(" + rule.sql + ")";
    parameters.insert(parameters.end(), rule.parameters.begin(), rule.parameters.end());
  }
  std::string_view words = query.q;
  int count = 0;
  while (!words.empty()) {
    const auto start = words.find_first_not_of(" \t");
    if (start == std::string_view::npos) break;
    words.remove_prefix(start);
    const auto end = words.find_first_of(" \t");
    const std::string_view word = words.substr(0, end);
    words = end == std::string_view::npos ? std::string_view() : words.substr(end);
    if (++count > 8 || word.size() > 200) bad("q: at most eight words of 200 bytes.");
    std::string any;
    const auto match = [&](const Field& field) {
      any += (any.empty() ? "" : " OR ") + std::string("LOWER(r.") + storage::quote(dialect, field.column) + ") LIKE LOWER(?) ESCAPE '!'";
      parameters.emplace_back(like_pattern(word));
    };
    match(*entity.fields[model::slot_number]);
    for (const Field* field : plan.search) match(*field);
    also() += "(" + any + ")";
  }
  statement.count_sql = "SELECT COUNT(*) FROM (SELECT 1" + plan.from + where + " LIMIT 10000) n";
  statement.count_parameters = parameters;
  if (!query.after.empty()) {
    const auto last = parse_cursor(*context.catalog, statement.sort, query.after);
    std::string condition;
    add_cursor(condition, parameters, dialect, statement.sort, last);
    also() += "(" + condition + ")";
  }
  std::string order;
  for (const auto& key : statement.sort) {
    order += (order.empty() ? " ORDER BY r." : ", r.") + storage::quote(dialect, key.field->column) + (key.descending ? " DESC" : "");
  }
  statement.sql = "SELECT " + plan.select_list + plan.from + where + order + " LIMIT " + std::to_string(query.limit + 1);
  statement.parameters = std::move(parameters);
  return statement;
}

std::string make_cursor(const std::vector<model::SortKey>& sort, const Record& last) {
  std::string json = "[";
  write_json_string(json, sort_words(sort));
  for (const auto& key : sort) {
    json.push_back(',');
    const expr::Value& value = last[key.field->slot];
    std::string text;
    write_value(text, *key.field, value);
    if (value.is_null() || text.front() == '"') json += text;
    else json += "\"" + text + "\"";  // numbers and booleans, too, travel as text
  }
  json.push_back(']');
  return to_base64url(json);
}

}  // namespace caravan::records
