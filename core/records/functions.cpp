#include "records/functions.h"

#include <algorithm>

#include "base/error.h"
#include "records/messages.h"

namespace caravan::records {

expr::Value fitting(const model::Field& field, expr::Value value, std::string_view source, std::string_view locale) {
  using model::FieldType;
  if (value.is_null()) return value;
  const auto fits = [&] {
    switch (field.type) {
      case FieldType::text:
      case FieldType::choice:
        return value.is<std::string>();
      case FieldType::integer:
      case FieldType::id:
      case FieldType::ref:
        return value.is<std::int64_t>();
      case FieldType::boolean:
        return value.is<bool>();
      case FieldType::decimal:
      case FieldType::money:
        return value.is<Decimal>();
      case FieldType::date:
        return value.is<Date>();
      case FieldType::instant:
        return value.is<Timestamp>();
      default:
        return false;
    }
  };
  if (fits()) return value;
  if (const auto* whole = value.as<std::int64_t>(); whole != nullptr && (field.type == FieldType::decimal || field.type == FieldType::money)) {
    if (auto amount = parse_decimal(std::to_string(*whole))) return *amount;
  }
  throw Error(ErrorCode::invalid_record, message("function_type", locale, {std::string(source), field.label.in(locale).empty() ? field.name : field.label.in(locale)}));
}

expr::Value answer_of(const NamedValues& answers) {
  for (const auto& [name, value] : answers) {
    if (name == "value") return value;
  }
  return {};
}

bool is_plugins(const Error& error) {
  if (error.code() == ErrorCode::internal) return true;
  return std::any_of(error.fields().begin(), error.fields().end(), [](const FieldError& one) { return one.code == "plugin_paused" || one.code == "plugin_late"; });
}

}  // namespace caravan::records
