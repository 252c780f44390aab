#include "expr/sql_text.h"

#include <vector>

namespace caravan::expr {
namespace {

constexpr std::size_t longest_rule = 16 * 1024;

/// A text as every SQL mode but NO_BACKSLASH_ESCAPES reads it on MariaDB; SQLite knows no escapes but the doubled quote.
std::string text_literal(std::string_view text, Dialect dialect) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    if (c == '\\' && dialect == Dialect::mysql) out += '\\';
    out += c;
  }
  return out + "'";
}

/// Negative ones in brackets: two signs in a row would begin a comment.
std::string signed_number(std::string text) { return text.starts_with('-') ? "(" + text + ")" : text; }

std::optional<std::string> literal(const Value& value, Dialect dialect) {
  if (value.is_null()) return "NULL";
  if (const auto* b = value.as<bool>()) return *b ? "1" : "0";
  if (const auto* i = value.as<std::int64_t>()) {
    if (*i == INT64_MIN) return "(-9223372036854775807 - 1)";  // its digits alone are too large for an integer
    return signed_number(std::to_string(*i));
  }
  if (const auto* text = value.as<std::string>()) {
    if (text->find('\0') != std::string::npos) return std::nullopt;
    return text_literal(*text, dialect);
  }
  if (const auto* d = value.as<Decimal>()) {
    return signed_number(dialect == Dialect::sqlite ? std::to_string(d->unscaled) : format_decimal(*d));
  }
  if (const auto* date = value.as<Date>()) return "'" + format_date(*date) + "'";
  if (const auto* at = value.as<Timestamp>()) {
    if (dialect == Dialect::sqlite) return signed_number(std::to_string(at->micros));
    std::string text = format_timestamp(*at);  // 2026-12-20T08:30:00.5Z
    text[10] = ' ';
    text.pop_back();
    return "TIMESTAMP'" + text + "'";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> to_sql_text(const SqlCondition& condition, Dialect dialect) {
  if (condition.refused) return std::nullopt;
  std::string out;
  std::size_t next = 0;
  char inside = 0;  // the quote that is open; the compiler writes names and its own texts without escapes but doubled quotes
  for (const char c : condition.sql) {
    if (inside != 0) {
      out += c;
      if (c == inside) inside = 0;
    } else if (c == '\'' || c == '"' || c == '`') {
      out += c;
      inside = c;
    } else if (c == '?') {
      if (next == condition.parameters.size()) return std::nullopt;
      const auto text = literal(condition.parameters[next++], dialect);
      if (!text) return std::nullopt;
      out += *text;
    } else {
      out += c;
    }
  }
  if (inside != 0 || next != condition.parameters.size()) return std::nullopt;
  return out;
}

std::optional<std::string> to_row_rule(const Program& program, Dialect dialect, std::string_view alias) {
  if (varies(program) || !followed_types(program).empty()) return std::nullopt;
  const SqlCondition condition = to_sql(program, dialect, alias, Activation{});
  // Other tables are out of a constraint's reach, whatever they are asked for.
  if (condition.refused || condition.sql.find("SELECT ") != std::string::npos) return std::nullopt;
  // SQLite lets no trigger ask what a JSON text holds.
  if (condition.sql.find("json_") != std::string::npos || condition.sql.find("JSON_") != std::string::npos) return std::nullopt;
  // SQLite does not trust these functions in a trigger.
  if (dialect == Dialect::sqlite && condition.sql.find("json_") != std::string::npos) return std::nullopt;
  auto text = to_sql_text(condition, dialect);
  if (!text || text->size() > longest_rule) return std::nullopt;
  return text;
}

}  // namespace caravan::expr
