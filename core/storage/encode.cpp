#include "storage/encode.h"

#include <charconv>
#include <cmath>

namespace caravan::storage {
namespace {

constexpr std::string_view duplicate_mark = "duplicate key: ";
constexpr std::string_view constraint_mark = "constraint: ";
constexpr std::string_view foreign_key_mark = "foreign key";

const char* type_name(const expr::Value& value) {
  static constexpr const char* names[] = {"null", "bool",      "int",      "uint", "double", "decimal", "text", "bytes",
                                          "date", "timestamp", "duration", "type", "list",   "map",     "record"};
  return names[value.data().index()];
}

std::size_t characters(std::string_view text) {
  std::size_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

bool marked(const Error& error, std::string_view mark, std::string* rest) {
  for (const std::string& line : error.context()) {
    if (line.compare(0, mark.size(), mark) != 0) continue;
    if (rest) *rest = line.substr(mark.size());
    return true;
  }
  return false;
}

}  // namespace

const char* to_string(ColumnType::Kind kind) {
  static constexpr const char* names[] = {"integer", "boolean", "real",    "text", "decimal",
                                          "date",    "instant", "json",    "bytes"};
  return names[static_cast<std::size_t>(kind)];
}

void refuse_value(int index, const expr::Value& value, const ColumnType& type, std::string_view why) {
  std::string message = "Parameter " + std::to_string(index) + ": a " + type_name(value) + " does not fit a column of type " +
                        to_string(type.kind);
  if (!why.empty()) message.append(": ").append(why);
  throw Error(ErrorCode::invalid_argument, std::move(message));
}

const expr::Value& fit(int index, const expr::Value& value, const ColumnType& type, expr::Value& scratch) {
  using Kind = ColumnType::Kind;
  if (value.is_null()) return value;
  switch (type.kind) {
    case Kind::integer:
      if (value.is<std::int64_t>()) return value;
      if (const auto* u = value.as<std::uint64_t>(); u && *u <= INT64_MAX) return scratch = static_cast<std::int64_t>(*u);
      break;
    case Kind::boolean:
      if (value.is<bool>()) return value;
      break;
    case Kind::real:
      if (const auto* d = value.as<double>()) {
        if (!std::isfinite(*d)) refuse_value(index, value, type, "it is not a finite number");
        return value;
      }
      if (const auto* i = value.as<std::int64_t>()) return scratch = static_cast<double>(*i);
      break;
    case Kind::json:
    case Kind::text:
      if (const auto* s = value.as<std::string>()) {
        if (type.max_length != 0 && s->size() > type.max_length && characters(*s) > type.max_length) {
          refuse_value(index, value, type, "it is longer than " + std::to_string(type.max_length) + " characters");
        }
        return value;
      }
      break;
    case Kind::decimal: {
      const auto* d = value.as<Decimal>();
      const auto* i = value.as<std::int64_t>();
      if (!d && !i) break;
      const Decimal given = d ? *d : Decimal{*i, 0, {0, 0, 0}};
      const auto scaled = rescale(given, type.scale);
      if (!scaled) refuse_value(index, value, type, "it has more than 18 digits");
      if (compare(given, *scaled) != 0) {
        refuse_value(index, value, type, "it has more than " + std::to_string(type.scale) + " fraction digits");
      }
      return scratch = *scaled;
    }
    case Kind::date:
      if (const auto* d = value.as<Date>()) {
        if (d->days < first_day || d->days > last_day) refuse_value(index, value, type, "its year is not within 0001 to 9999");
        return value;
      }
      break;
    case Kind::instant:
      if (const auto* t = value.as<Timestamp>()) {
        if (t->micros < first_instant || t->micros > last_instant) {
          refuse_value(index, value, type, "its year is not within 0001 to 9999");
        }
        return value;
      }
      break;
    case Kind::bytes:
      if (value.is<expr::Bytes>()) return value;
      break;
  }
  refuse_value(index, value, type);
}

void check_bindable(int index, const expr::Value& value) {
  using Kind = ColumnType::Kind;
  expr::Value scratch;
  if (const auto* u = value.as<std::uint64_t>(); u && *u > INT64_MAX) refuse_value(index, value, ColumnType{Kind::integer, 0, 0});
  if (value.is<double>()) fit(index, value, ColumnType{Kind::real, 0, 0}, scratch);
  if (value.is<Date>()) fit(index, value, ColumnType{Kind::date, 0, 0}, scratch);
  if (value.is<Timestamp>()) fit(index, value, ColumnType{Kind::instant, 0, 0}, scratch);
  if (value.is<expr::Duration>() || value.is<expr::TypeName>() || value.as_list() || value.as_map() ||
      value.is<std::shared_ptr<const expr::RecordView>>()) {
    throw Error(ErrorCode::invalid_argument,
                "Parameter " + std::to_string(index) + ": a " + type_name(value) + " cannot be given to the database");
  }
}

std::int64_t parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw Error(ErrorCode::internal, "The database holds something that is not an integer where one was expected");
  }
  return value;
}

double parse_real(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw Error(ErrorCode::internal, "The database holds something that is not a number where one was expected");
  }
  return value;
}

std::string format_real(double value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return error == std::errc{} ? std::string(buffer, end) : std::string();
}

Error duplicate_key(std::string key, std::string columns) {
  Error error(ErrorCode::conflict, "There is a record with the same values already");
  error.add_context(std::string(duplicate_mark) + key);
  if (!columns.empty()) error.add_context("columns: " + columns);
  return error;
}

Error constraint_violation(std::string name) {
  Error error(ErrorCode::invalid_record, "The record breaks the rule '" + name + "'");
  error.add_context(std::string(constraint_mark) + name);
  return error;
}

Error foreign_key(bool missing) {
  Error error(ErrorCode::conflict, missing ? "The record refers to one that does not exist" : "Other records still refer to this one");
  error.add_context(std::string(foreign_key_mark));
  return error;
}

Error lost_race(std::string why) {
  Error error(ErrorCode::retry, "The change met another one at the same moment; try again");
  error.add_context(std::move(why));
  return error;
}

std::string for_log(std::string_view sql) { return "SQL: " + std::string(sql.substr(0, 500)) + (sql.size() > 500 ? "…" : ""); }

bool DuplicateKey::is(const Error& error, std::string* key_name) {
  return error.code() == ErrorCode::conflict && marked(error, duplicate_mark, key_name);
}

bool ConstraintViolation::is(const Error& error, std::string* constraint_name) {
  return error.code() == ErrorCode::invalid_record && marked(error, constraint_mark, constraint_name);
}

bool ForeignKey::is(const Error& error) {
  return error.code() == ErrorCode::conflict && marked(error, foreign_key_mark, nullptr);
}

}  // namespace caravan::storage
