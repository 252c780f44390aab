#include "plugin/values.h"

#include <cstring>

#include "records/codec.h"
#include "records/json.h"

namespace caravan::plugin {
namespace {

using model::FieldType;

constexpr std::int64_t first_day = -719162, last_day = 2932896;  // 0001-01-01 and 9999-12-31
constexpr std::int64_t day_micros = 86'400'000'000;

}  // namespace

bool valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xC2 && lead < 0xE0 ? 2
                               : lead >= 0xE0 && lead < 0xF0 ? 3
                               : lead >= 0xF0 && lead < 0xF5 ? 4
                                                             : 0;
    if (length == 0 || length > text.size() - i) return false;
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      const unsigned low = k == 1 && lead == 0xE0 ? 0xA0 : k == 1 && lead == 0xF0 ? 0x90 : 0x80;  // overlong
      const unsigned high = k == 1 && lead == 0xED   ? 0x9F
                            : k == 1 && lead == 0xF4 ? 0x8F
                                                     : 0xBF;  // surrogates, above U+10FFFF
      if (next < low || next > high) return false;
    }
    i += length;
  }
  return true;
}

caravan_status to_abi(const expr::Value& value, Texts& texts, caravan_value& out) {
  model::Field like;  // of the type that the value has
  if (value.is<bool>()) like.type = FieldType::boolean;
  else if (value.is<std::int64_t>()) like.type = FieldType::integer;
  else if (value.is<Decimal>()) like.type = FieldType::money;
  else if (value.is<Date>()) like.type = FieldType::date;
  else if (value.is<Timestamp>()) like.type = FieldType::instant;
  else like.type = FieldType::text;
  return to_abi(like, value, texts, out);
}

caravan_status from_abi(const caravan_value& value, expr::Value& out) {
  model::Field like;
  switch (value.type) {
    case CARAVAN_NULL:
    case CARAVAN_TEXT:
      like.type = FieldType::text;
      break;
    case CARAVAN_INT:
      like.type = FieldType::integer;
      break;
    case CARAVAN_BOOL:
      like.type = FieldType::boolean;
      break;
    case CARAVAN_DECIMAL:
      like.type = FieldType::money;
      break;
    case CARAVAN_DATE:
      like.type = FieldType::date;
      break;
    case CARAVAN_INSTANT:
      like.type = FieldType::instant;
      break;
    case CARAVAN_REF:
      like.type = FieldType::ref;
      break;
    default:
      return CARAVAN_E_TYPE;
  }
  return from_abi(like, value, out);
}

caravan_status to_abi(const model::Field& field, const expr::Value& value, Texts& texts,
                      caravan_value& out) {
  out = caravan_value{};
  if (value.is_null()) return CARAVAN_OK;
  switch (field.type) {
    case FieldType::id:
    case FieldType::ref:
    case FieldType::file:
    case FieldType::image:
    case FieldType::integer:
      if (const auto* n = value.as<std::int64_t>()) {
        out.type = field.type == FieldType::integer ? CARAVAN_INT : CARAVAN_REF;
        out.as.integer = *n;
        return CARAVAN_OK;
      }
      break;
    case FieldType::boolean:
      if (const auto* b = value.as<bool>()) {
        out.type = CARAVAN_BOOL;
        out.as.integer = *b ? 1 : 0;
        return CARAVAN_OK;
      }
      break;
    case FieldType::text:
    case FieldType::choice:
      if (const auto* text = value.as<std::string>()) {
        out.type = CARAVAN_TEXT;
        out.as.text = {text->data(), text->size()};
        return CARAVAN_OK;
      }
      break;
    case FieldType::decimal:
    case FieldType::money:
      if (const auto* amount = value.as<Decimal>()) {
        const std::string& text = texts.emplace_back(format_decimal(*amount));
        out.type = CARAVAN_DECIMAL;
        out.as.text = {text.data(), text.size()};
        std::memcpy(out.currency, amount->currency.data(), 3);
        return CARAVAN_OK;
      }
      break;
    case FieldType::date:
      if (const auto* date = value.as<Date>()) {
        out.type = CARAVAN_DATE;
        out.as.integer = date->days;
        return CARAVAN_OK;
      }
      break;
    case FieldType::instant:
      if (const auto* at = value.as<Timestamp>()) {
        out.type = CARAVAN_INSTANT;
        out.as.integer = at->micros;
        return CARAVAN_OK;
      }
      break;
    case FieldType::multi:
    case FieldType::refs:
    case FieldType::localized:
      if (value.as_list() != nullptr || value.as_map() != nullptr) {
        std::string& text = texts.emplace_back();
        records::write_value(text, field, value);
        out.type = CARAVAN_TEXT;
        out.as.text = {text.data(), text.size()};
        return CARAVAN_OK;
      }
      break;
    case FieldType::json:
      if (const auto* document = value.as<std::string>()) {
        out.type = CARAVAN_JSON;
        out.as.text = {document->data(), document->size()};
        return CARAVAN_OK;
      }
      break;
  }
  return CARAVAN_E_TYPE;
}

caravan_status from_abi(const model::Field& field, const caravan_value& value, expr::Value& out) {
  const auto text = [&]() {
    return value.as.text.size == 0 ? std::string_view()
                                   : std::string_view(value.as.text.data, value.as.text.size);
  };
  const bool is_text = value.type == CARAVAN_TEXT || value.type == CARAVAN_DECIMAL || value.type == CARAVAN_JSON;
  if (is_text && value.as.text.size != 0 && value.as.text.data == nullptr) return CARAVAN_E_ARGUMENT;
  if (value.type == CARAVAN_NULL) {
    out = {};
    return CARAVAN_OK;
  }
  const std::int64_t n = is_text ? 0 : value.as.integer;
  switch (field.type) {
    case FieldType::id:
    case FieldType::ref:
    case FieldType::file:
    case FieldType::image:
      if (value.type != CARAVAN_REF) return CARAVAN_E_TYPE;
      if (n <= 0) return CARAVAN_E_ARGUMENT;
      out = n;
      return CARAVAN_OK;
    case FieldType::integer:
      if (value.type != CARAVAN_INT) return CARAVAN_E_TYPE;
      out = n;
      return CARAVAN_OK;
    case FieldType::boolean:
      if (value.type != CARAVAN_BOOL) return CARAVAN_E_TYPE;
      if (n != 0 && n != 1) return CARAVAN_E_ARGUMENT;
      out = n == 1;
      return CARAVAN_OK;
    case FieldType::text:
    case FieldType::choice:
      if (value.type != CARAVAN_TEXT) return CARAVAN_E_TYPE;
      if (!valid_utf8(text())) return CARAVAN_E_ARGUMENT;
      out = text();
      return CARAVAN_OK;
    case FieldType::decimal:
    case FieldType::money: {
      if (value.type != CARAVAN_DECIMAL) return CARAVAN_E_TYPE;
      auto amount = parse_decimal(text());
      if (!amount) return CARAVAN_E_ARGUMENT;
      if (value.currency[0] != 0 && (value.currency[3] != 0 || !amount->set_currency({value.currency, 3})))
        return CARAVAN_E_ARGUMENT;
      out = *amount;
      return CARAVAN_OK;
    }
    case FieldType::date:
      if (value.type != CARAVAN_DATE) return CARAVAN_E_TYPE;
      if (n < first_day || n > last_day) return CARAVAN_E_ARGUMENT;
      out = Date{static_cast<std::int32_t>(n)};
      return CARAVAN_OK;
    case FieldType::instant:
      if (value.type != CARAVAN_INSTANT) return CARAVAN_E_TYPE;
      if (n < first_day * day_micros || n >= (last_day + 1) * day_micros) return CARAVAN_E_ARGUMENT;
      out = Timestamp{n};
      return CARAVAN_OK;
    case FieldType::multi:
    case FieldType::refs:
    case FieldType::localized:
    case FieldType::json: {
      if (value.type != (field.type == FieldType::json ? CARAVAN_JSON : CARAVAN_TEXT)) return CARAVAN_E_TYPE;
      try {
        auto parsed = records::value_from_json(field, records::parse_json(text()));
        if (!parsed) return CARAVAN_E_ARGUMENT;
        out = std::move(*parsed);
      } catch (const Error&) {
        return CARAVAN_E_ARGUMENT;
      }
      return CARAVAN_OK;
    }
  }
  return CARAVAN_E_TYPE;
}

}  // namespace caravan::plugin
