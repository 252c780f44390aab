#include "records/codec.h"

#include <charconv>
#include <map>
#include <unicode/normalizer2.h>
#include <unicode/unistr.h>
#include <unordered_set>

#include "base/text.h"
#include "records/access.h"
#include "records/json.h"
#include "records/messages.h"
#include "records/value_text.h"

namespace caravan::records {
namespace {

using model::Field;
using model::FieldType;

bool is_ascii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

std::string normalise(std::string_view text) {
  text = without_blanks(text);
  if (is_ascii(text)) return std::string(text);
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(status);
  if (U_FAILURE(status)) return std::string(text);
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  nfc->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())), sink, nullptr, status);
  return U_FAILURE(status) ? std::string(text) : out;
}

std::size_t characters(std::string_view text) {
  std::size_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

std::optional<std::int64_t> to_int(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string label_of(const Field& field, std::string_view locale) {
  const std::string& label = field.label.in(locale);
  return label.empty() ? field.name : label;
}

std::string choice_names(const Field& field) {
  std::string names;
  if (field.choices == nullptr) return names;
  for (const auto& option : field.choices->options) {
    if (!option.active) continue;
    if (!names.empty()) names += ", ";
    names += option.name;
  }
  return names;
}

constexpr std::size_t most_languages = 20;

/// Ids in the order given, each once; nullopt where one is none.
std::optional<expr::List> distinct_ids(const expr::List& given) {
  expr::List out;
  std::unordered_set<std::int64_t> seen;
  for (const expr::Value& one : given) {
    const auto* id = one.as<std::int64_t>();
    if (id == nullptr || *id <= 0) return std::nullopt;
    if (seen.insert(*id).second) out.push_back(one);
  }
  return out;
}

FieldError wrong_type(const Field& field, std::string_view locale) {
  const std::string kind = field.type == FieldType::id ? "ref" : model::to_string(field.type);
  const std::string expected = message("type_" + kind, locale, {choice_names(field)});
  const bool chosen = field.type == FieldType::choice || field.type == FieldType::multi;
  return {field.name, chosen ? "unknown_choice" : "wrong_type",
          message("wrong_type", locale, {label_of(field, locale), expected})};
}

/// A value of the field's type from JSON; nullopt where the type does not fit.
std::optional<expr::Value> from_json(const Field& field, const Json& json) {
  if (json.is_null()) return expr::Value();
  const auto* text = json.as<std::string>();
  const auto* number = json.as<Json::Number>();
  switch (field.type) {
    case FieldType::text:
    case FieldType::choice:
      if (text == nullptr) return std::nullopt;
      return text->empty() ? expr::Value() : expr::Value(*text);
    case FieldType::boolean:
      if (const auto* b = json.as<bool>()) return expr::Value(*b);
      return std::nullopt;
    case FieldType::integer:
      if (number == nullptr) return std::nullopt;
      if (const auto n = to_int(number->text)) return expr::Value(*n);
      return std::nullopt;
    case FieldType::id:
    case FieldType::ref:
    case FieldType::file:
    case FieldType::image:
      if (text != nullptr && text->empty()) return expr::Value();
      if (text == nullptr && number == nullptr) return std::nullopt;
      if (const auto n = to_int(text ? *text : number->text); n && *n > 0) return expr::Value(*n);
      return std::nullopt;
    case FieldType::decimal:
    case FieldType::money:
      if (text != nullptr && text->empty()) return expr::Value();
      if (text == nullptr && number == nullptr) return std::nullopt;
      if (const auto d = parse_decimal(text ? *text : number->text)) return expr::Value(*d);
      return std::nullopt;
    case FieldType::date:
      if (text == nullptr) return std::nullopt;
      if (text->empty()) return expr::Value();
      if (const auto d = parse_date(*text)) return expr::Value(*d);
      return std::nullopt;
    case FieldType::instant:
      if (text == nullptr) return std::nullopt;
      if (text->empty()) return expr::Value();
      if (const auto t = parse_timestamp(*text)) return expr::Value(*t);
      return std::nullopt;
    case FieldType::json: {
      std::string out;
      json.write(out);
      return expr::Value(std::move(out));
    }
    case FieldType::multi:
    case FieldType::refs: {
      const auto* array = json.as<Json::Array>();
      if (array == nullptr) return std::nullopt;
      expr::List list;
      list.reserve(array->size());
      for (const Json& item : *array) {
        const auto* name = item.as<std::string>();
        const auto* digits = item.as<Json::Number>();
        if (field.type == FieldType::multi) {
          if (name == nullptr) return std::nullopt;
          list.emplace_back(*name);
          continue;
        }
        if (name == nullptr && digits == nullptr) return std::nullopt;
        const auto id = to_int(name ? *name : digits->text);
        if (!id || *id <= 0) return std::nullopt;
        list.emplace_back(*id);
      }
      return list.empty() ? expr::Value() : expr::Value(std::move(list));
    }
    case FieldType::localized: {
      const auto* object = json.as<Json::Object>();
      if (object == nullptr) return std::nullopt;
      expr::Map map;
      for (const auto& [language, item] : *object) {
        if (item.is_null()) continue;
        const auto* said = item.as<std::string>();
        if (said == nullptr) return std::nullopt;
        map.emplace_back(expr::Value(language), expr::Value(*said));
      }
      return map.empty() ? expr::Value() : expr::Value(std::move(map));
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<expr::Value> value_from_json(const Field& field, const Json& json) { return from_json(field, json); }

expr::Value from_column(const Field& field, std::string_view text) {
  try {
    if (auto value = from_json(field, parse_json(text))) return std::move(*value);
  } catch (const Error&) {
  }
  throw Error(ErrorCode::internal, "The column of field " + field.name + " does not hold what its type says; `caravan schema plan` tells how it is mended.");
}

const std::string* text_in(const expr::Value& texts, std::string_view locale) {
  const expr::Map* map = texts.as_map();
  if (map == nullptr) return nullptr;
  model::Text all;
  for (const auto& [language, said] : *map) {
    const auto* key = language.as<std::string>();
    const auto* words = said.as<std::string>();
    if (key != nullptr && words != nullptr) all.set(*key, *words);
  }
  if (all.empty()) return nullptr;
  const std::string& chosen = all.in(locale);
  for (const auto& [language, said] : *map) {
    if (const auto* words = said.as<std::string>(); words != nullptr && *words == chosen) return words;
  }
  return nullptr;
}

void write_value(std::string& out, const Field& field, const expr::Value& value) {
  if (value.is_null()) {
    out += "null";
    return;
  }
  char buffer[24];
  const auto integer = [&](std::int64_t n) {
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, n).ptr;
    out.append(buffer, end);
  };
  if (const auto* s = value.as<std::string>()) {
    if (field.type == FieldType::json) out += *s;
    else write_json_string(out, *s);
  } else if (const auto* i = value.as<std::int64_t>()) {
    const bool quoted = field.type == FieldType::id || field.type == FieldType::ref || model::is_file(field);
    if (quoted) out.push_back('"');
    integer(*i);
    if (quoted) out.push_back('"');
  } else if (const auto* b = value.as<bool>()) {
    out += *b ? "true" : "false";
  } else if (const auto* d = value.as<Decimal>()) {
    out.push_back('"');
    const auto scaled = rescale(*d, field.scale);
    out += format_decimal(scaled ? *scaled : *d);
    out.push_back('"');
  } else if (const auto* date = value.as<Date>()) {
    out.push_back('"');
    out += format_date(*date);
    out.push_back('"');
  } else if (const auto* t = value.as<Timestamp>()) {
    out.push_back('"');
    out += format_timestamp(*t);
    out.push_back('"');
  } else if (const expr::List* list = value.as_list()) {
    out.push_back('[');
    for (const expr::Value& item : *list) {
      if (&item != &list->front()) out.push_back(',');
      const auto* id = item.as<std::int64_t>();
      const auto* name = item.as<std::string>();
      if (id != nullptr) {
        out.push_back('"');
        integer(*id);
        out.push_back('"');
      } else if (name != nullptr) {
        write_json_string(out, *name);
      } else {
        out += "null";
      }
    }
    out.push_back(']');
  } else if (const expr::Map* map = value.as_map()) {
    out.push_back('{');
    for (const auto& [language, said] : *map) {
      if (&language != &map->front().first) out.push_back(',');
      const auto* key = language.as<std::string>();
      const auto* words = said.as<std::string>();
      write_json_string(out, key ? std::string_view(*key) : std::string_view());
      out.push_back(':');
      if (words != nullptr) write_json_string(out, *words);
      else out += "null";
    }
    out.push_back('}');
  } else {
    out += "null";
  }
}

void write_json(std::string& out, const Record& record, const std::vector<std::uint32_t>& only, std::string_view extra) {
  const auto& fields = record.entity().fields;
  const auto wanted = [&](std::uint32_t slot) {
    if (only.empty() || slot == model::slot_id || slot == model::slot_version) return true;
    for (const auto s : only) {
      if (s == slot) return true;
    }
    return false;
  };
  out.push_back('{');
  bool first = true;
  const auto* restricted = record.restricted();
  for (const auto& field : fields) {
    if (!wanted(field->slot)) continue;
    if (restricted != nullptr && (*restricted)[field->slot] == model::FieldRight::hidden) continue;
    if (!first) out.push_back(',');
    first = false;
    const expr::Value& value = record[field->slot];
    out.push_back('"');
    out += field->name;  // names are [a-z0-9_], never in need of escapes
    out += "\":";
    write_value(out, *field, value);
    if (field->type == FieldType::money) {
      out += ",\"";
      out += field->name;
      out += "_currency\":";
      const auto* d = value.as<Decimal>();
      if (d != nullptr && d->has_currency()) {
        out.push_back('"');
        out += d->currency_code();
        out.push_back('"');
      } else {
        out += "null";
      }
    }
  }
  if (restricted != nullptr) {
    bool any = false;
    for (const auto& field : fields) {
      if ((*restricted)[field->slot] != model::FieldRight::masked || !wanted(field->slot)) continue;
      out += any ? ",\"" : ",\"masked\":[\"";
      any = true;
      out += field->name;
      out.push_back('"');
    }
    if (any) out.push_back(']');
  }
  if (!extra.empty()) {
    out.push_back(',');
    out += extra;
  }
  out.push_back('}');
}

std::optional<FieldError> check_value(const model::Catalog& catalog, const Field& field, expr::Value& value,
                                      std::string_view locale) {
  if (value.is_null()) return std::nullopt;
  const auto mistake = [&](std::string_view code, std::string_view bound) {
    return FieldError{field.name, std::string(code), message(code, locale, {label_of(field, locale), bound})};
  };
  /// Trims, and tells what is wrong with the text.
  const auto tidy = [&](std::string& text) -> std::optional<FieldError> {
    text = normalise(text);
    for (const char c : text) {
      const auto u = static_cast<unsigned char>(c);
      if (u == 0x7F || (u < 0x20 && !(u == '\t' || ((u == '\n' || u == '\r') && field.multiline)))) {
        return mistake("control_character", "");
      }
    }
    if (field.max_length != 0 && text.size() > field.max_length && characters(text) > field.max_length) {
      return mistake("too_long", std::to_string(field.max_length));
    }
    return std::nullopt;
  };
  switch (field.type) {
    case FieldType::text: {
      const auto* text = value.as<std::string>();
      if (text == nullptr) return wrong_type(field, locale);
      std::string clean = *text;
      if (auto wrong = tidy(clean)) return wrong;
      value = clean.empty() ? expr::Value() : expr::Value(std::move(clean));
      return std::nullopt;
    }
    case FieldType::choice: {
      const auto* text = value.as<std::string>();
      if (text == nullptr || (field.choices != nullptr && field.choices->option(*text) == nullptr)) {
        return wrong_type(field, locale);
      }
      return std::nullopt;
    }
    case FieldType::integer: {
      const auto* n = value.as<std::int64_t>();
      if (n == nullptr) return wrong_type(field, locale);
      if (field.min && *n < *field.min) return mistake("too_small", std::to_string(*field.min));
      if (field.max && *n > *field.max) return mistake("too_large", std::to_string(*field.max));
      return std::nullopt;
    }
    case FieldType::id:
    case FieldType::ref:
    case FieldType::file:
    case FieldType::image:
      if (const auto* n = value.as<std::int64_t>(); n == nullptr || *n <= 0) return wrong_type(field, locale);
      return std::nullopt;
    case FieldType::boolean:
      if (!value.is<bool>()) return wrong_type(field, locale);
      return std::nullopt;
    case FieldType::decimal:
    case FieldType::money: {
      const auto* given = value.as<Decimal>();
      Decimal amount;
      if (given != nullptr) {
        amount = *given;
      } else if (const auto* n = value.as<std::int64_t>()) {
        amount.unscaled = *n;
      } else {
        return wrong_type(field, locale);
      }
      const auto scaled = rescale(amount, field.scale);
      if (!scaled) return wrong_type(field, locale);
      if (compare(Decimal{scaled->unscaled, scaled->scale, amount.currency}, amount) != 0 && !field.compute) {
        return mistake("too_precise", std::to_string(field.scale));
      }
      amount = *scaled;
      const Decimal bare{amount.unscaled, amount.scale, {0, 0, 0}};
      if (field.decimal_min && compare(bare, *field.decimal_min) < 0) return mistake("too_small", format_decimal(*field.decimal_min));
      if (field.decimal_max && compare(bare, *field.decimal_max) > 0) return mistake("too_large", format_decimal(*field.decimal_max));
      if (field.type == FieldType::money) {
        if (!amount.has_currency()) amount.set_currency(catalog.agency.currency);
      } else {
        amount.currency = {0, 0, 0};
      }
      value = expr::Value(amount);
      return std::nullopt;
    }
    case FieldType::date:
      if (!value.is<Date>()) return wrong_type(field, locale);
      return std::nullopt;
    case FieldType::instant:
      if (!value.is<Timestamp>()) return wrong_type(field, locale);
      return std::nullopt;
    case FieldType::json:
      if (!value.is<std::string>()) return wrong_type(field, locale);
      return std::nullopt;
    case FieldType::multi: {
      const expr::List* given = value.as_list();
      if (given == nullptr) return wrong_type(field, locale);
      if (given->size() > most_elements) return mistake("too_many", std::to_string(most_elements));
      std::unordered_set<std::string_view> names;
      for (const expr::Value& one : *given) {
        const auto* name = one.as<std::string>();
        if (name == nullptr || field.choices == nullptr || field.choices->option(*name) == nullptr) return wrong_type(field, locale);
        names.insert(*name);
      }
      expr::List list;
      for (const auto& option : field.choices->options) {
        if (names.contains(option.name)) list.emplace_back(option.name);
      }
      value = list.empty() ? expr::Value() : expr::Value(std::move(list));
      return std::nullopt;
    }
    case FieldType::refs: {
      const expr::List* given = value.as_list();
      if (given == nullptr) return wrong_type(field, locale);
      auto list = distinct_ids(*given);
      if (!list) return wrong_type(field, locale);
      if (list->size() > most_elements) return mistake("too_many", std::to_string(most_elements));
      value = list->empty() ? expr::Value() : expr::Value(std::move(*list));
      return std::nullopt;
    }
    case FieldType::localized: {
      const expr::Map* given = value.as_map();
      if (given == nullptr) return wrong_type(field, locale);
      if (given->size() > most_languages) return mistake("too_many", std::to_string(most_languages));
      std::map<std::string, std::string> texts;
      for (const auto& [language, said] : *given) {
        const auto* key = language.as<std::string>();
        const auto* words = said.as<std::string>();
        if (key == nullptr || !model::is_locale(*key) || (words == nullptr && !said.is_null())) return wrong_type(field, locale);
        std::string clean = words ? *words : std::string();
        if (auto wrong = tidy(clean)) return wrong;
        if (!clean.empty()) texts.insert_or_assign(*key, std::move(clean));
      }
      expr::Map map;
      for (auto& [key, words] : texts) map.emplace_back(expr::Value(key), expr::Value(std::move(words)));
      value = map.empty() ? expr::Value() : expr::Value(std::move(map));
      return std::nullopt;
    }
  }
  return std::nullopt;
}

Input parse_input(const model::Catalog& catalog, const model::Entity& entity, std::string_view json, std::string_view locale) {
  const Json root = parse_json(json.empty() ? std::string_view("{}") : json);
  return parse_input(catalog, entity, root, locale);
}

Input parse_input(const Context& context, const model::Entity& entity, std::string_view json) {
  return parse_input(context, entity, parse_json(json.empty() ? std::string_view("{}") : json));
}

Input parse_input(const Context& context, const model::Entity& entity, const Json& object) {
  const FieldRights rights = field_rights(context, entity);
  return parse_input(*context.catalog, entity, object, context.locale, &rights);
}

Input parse_input(const model::Catalog& catalog, const model::Entity& entity, const Json& root, std::string_view locale,
                  const FieldRights* rights) {
  const auto known = [&](std::string_view name) {
    const Field* field = entity.field(name);
    return field != nullptr && rights != nullptr && rights->of(*field) == model::FieldRight::hidden ? nullptr : field;
  };
  const auto* object = root.as<Json::Object>();
  if (object == nullptr) throw Error(ErrorCode::invalid_argument, "A JSON object of fields is expected.");
  Input input;
  std::vector<FieldError> mistakes;
  std::vector<std::pair<const Field*, std::string>> currencies;
  for (const auto& [name, value] : *object) {
    const Field* field = known(name);
    if (field == nullptr) {
      const Field* money = name.ends_with("_currency") ? known(std::string_view(name).substr(0, name.size() - 9)) : nullptr;
      if (money == nullptr || money->type != FieldType::money) {
        mistakes.push_back({name, "unknown_field", message("unknown_field", locale, {name})});
        continue;
      }
      if (value.is_null()) continue;
      const auto* code = value.as<std::string>();
      Decimal probe;
      if (code == nullptr || !probe.set_currency(*code)) {
        mistakes.push_back({name, "unknown_currency", message("unknown_currency", locale, {code ? std::string_view(*code) : "?"})});
      } else {
        currencies.emplace_back(money, *code);
      }
      continue;
    }
    auto typed = from_json(*field, value);
    if (!typed) {
      mistakes.push_back(wrong_type(*field, locale));
    } else {
      input.emplace_back(field, std::move(*typed));
    }
  }
  for (const auto& [money, code] : currencies) {
    bool found = false;
    for (auto& [field, value] : input) {
      if (field != money) continue;
      found = true;
      if (const auto* d = value.as<Decimal>()) {
        Decimal amount = *d;
        amount.set_currency(code);
        value = expr::Value(amount);
      }
    }
    // A currency alone would silently reinterpret the stored amount.
    if (!found) mistakes.push_back({money->name, "required", message("required", locale, {label_of(*money, locale)})});
  }
  for (auto& [field, value] : input) {
    if (auto mistake = check_value(catalog, *field, value, locale)) mistakes.push_back(std::move(*mistake));
  }
  if (!mistakes.empty()) throw Error(ErrorCode::invalid_record, message("invalid_record", locale), std::move(mistakes));
  return input;
}

expr::Value parse_text(const model::Catalog& catalog, const Field& field, std::string_view text, std::string_view locale) {
  const std::string_view bare = without_blanks(text);
  if (bare.empty()) return {};
  Json json;
  switch (field.type) {
    case FieldType::integer:
      json = Json{Json::Data{Json::Number{std::string(bare)}}};
      break;
    case FieldType::boolean:
      if (bare == "1" || bare == "true" || bare == "yes") json = Json{Json::Data{true}};
      else if (bare == "0" || bare == "false" || bare == "no") json = Json{Json::Data{false}};
      else json = Json{Json::Data{std::string(bare)}};
      break;
    case FieldType::json:
      json = parse_json(bare);
      break;
    case FieldType::multi:
    case FieldType::refs: {
      if (bare.starts_with('[')) {
        json = parse_json(bare);
        break;
      }
      Json::Array array;
      for (std::string& item : texts_in_list(bare)) array.push_back(Json{Json::Data{std::move(item)}});
      json = Json{Json::Data{std::move(array)}};
      break;
    }
    case FieldType::localized:
      if (bare.starts_with('{')) json = parse_json(bare);
      else json = Json{Json::Data{Json::Object{{catalog.agency.locale, Json{Json::Data{std::string(bare)}}}}}};
      break;
    default:
      json = Json{Json::Data{std::string(bare)}};
  }
  auto value = from_json(field, json);
  std::optional<FieldError> mistake;
  if (!value) mistake = wrong_type(field, locale);
  else mistake = check_value(catalog, field, *value, locale);
  if (mistake) {
    const std::string sentence = mistake->message;
    throw Error(ErrorCode::invalid_record, sentence, {std::move(*mistake)});
  }
  return std::move(*value);
}

}  // namespace caravan::records
