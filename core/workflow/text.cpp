#include "workflow/text.h"

#include "base/date_time.h"
#include "base/time_zone.h"
#include "records/access.h"
#include "records/codec.h"

namespace caravan::workflow {
namespace {

using model::Field;
using model::FieldType;
using records::Context;
using records::Record;

/// `2026-12-20 08:30` at the agency.
std::string time_text(Timestamp at, const Context& context) {
  const auto local = local_time(at, context.catalog->agency.time_zone);
  if (!local) return format_timestamp(at);
  const auto two = [](int n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  return format_date(local->date) + " " + two(local->hour) + ":" + two(local->minute);
}

std::string label_or(const model::Text& label, std::string_view locale, std::string_view name) {
  const std::string& text = label.in(locale);
  return text.empty() ? std::string(name) : text;
}

std::string title(const Record& record, std::string_view locale, const Context& context) {
  const Field* field = record.entity().title;
  if (field != nullptr && !record[field->slot].is_null() && field->type != FieldType::ref) return readable(*field, record, locale, context, nullptr);
  if (const auto* number = record[model::slot_number].as<std::string>()) return *number;
  return std::to_string(record.id());
}

std::string plain(const expr::Value& value, const Context& context) {
  if (const auto* text = value.as<std::string>()) return *text;
  if (const auto* flag = value.as<bool>()) return *flag ? "true" : "false";
  if (const auto* number = value.as<std::int64_t>()) return std::to_string(*number);
  if (const auto* number = value.as<std::uint64_t>()) return std::to_string(*number);
  if (const auto* number = value.as<Decimal>()) return format_decimal(*number);
  if (const auto* date = value.as<Date>()) return format_date(*date);
  if (const auto* at = value.as<Timestamp>()) return time_text(*at, context);
  if (const auto* list = value.as_list()) {
    std::string out;
    for (const auto& one : *list) out += (out.empty() ? "" : ", ") + plain(one, context);
    return out;
  }
  return {};
}

/// `PAGE` of a place `link("PAGE")`, as the builder has checked it.
std::string_view linked_page(std::string_view place) {
  const auto open = place.find_first_of("\"'"), close = place.find_last_of("\"'");
  return open == std::string_view::npos || close == open ? std::string_view() : place.substr(open + 1, close - open - 1);
}

}  // namespace

std::string readable(const Field& field, const Record& record, std::string_view locale, const Context& context,
                     const std::shared_ptr<const records::Follow>& follow) {
  const expr::Value& value = record[field.slot];
  if (value.is_null()) return {};
  const bool chinese = locale.starts_with("zh");
  const auto option = [&](const std::string& name) {
    const model::ChoiceOption* found = field.choices != nullptr ? field.choices->option(name) : nullptr;
    return found != nullptr ? label_or(found->label, locale, name) : name;
  };
  const auto refers_to = [&](std::int64_t id) {
    const auto target = follow && field.target != nullptr ? (*follow)(*field.target, id) : nullptr;
    const auto* found = dynamic_cast<const Record*>(target.get());
    return found != nullptr ? title(*found, locale, context) : std::string();
  };
  const auto joined = [&](const auto& each) {
    std::string out;
    if (const auto* list = value.as_list()) {
      for (const auto& one : *list) out += (out.empty() ? "" : chinese ? "、" : ", ") + each(one);
    }
    return out;
  };
  switch (field.type) {
    case FieldType::boolean:
      return *value.as<bool>() ? (chinese ? "是" : "yes") : (chinese ? "否" : "no");
    case FieldType::choice:
      return option(*value.as<std::string>());
    case FieldType::multi:
      return joined([&](const expr::Value& one) { return option(*one.as<std::string>()); });
    case FieldType::ref:
      return refers_to(*value.as<std::int64_t>());
    case FieldType::refs:
      return joined([&](const expr::Value& one) { return refers_to(*one.as<std::int64_t>()); });
    case FieldType::money: {
      const auto* amount = value.as<Decimal>();
      std::string currency = amount != nullptr ? std::string(amount->currency_code()) : std::string();
      if (currency.empty()) currency = context.catalog->agency.currency;
      return plain(value, context) + " " + currency;
    }
    case FieldType::localized: {
      const std::string* text = records::text_in(value, locale);
      return text != nullptr ? *text : std::string();
    }
    case FieldType::text:
      if (field.slot == model::slot_state && record.entity().workflow) {
        const model::State* state = record.entity().workflow->state(record.state());
        if (state != nullptr) return label_or(state->label, locale, state->name);
      }
      return plain(value, context);
    default:
      return plain(value, context);
  }
}

std::string fill(const model::TextTemplate& text, std::string_view locale, const Context& context, Record& record,
                 const std::shared_ptr<const records::Follow>& follow, const std::function<std::string(std::string_view page)>& link) {
  const std::string& source = text.text.in(locale);
  if (text.places.empty()) return source;
  std::string out;
  std::size_t at = 0;
  while (true) {
    const std::size_t open = source.find("{{", at), close = open == std::string::npos ? open : source.find("}}", open + 2);
    if (close == std::string::npos) return out.append(source, at);
    out.append(source, at, open - at);
    std::string_view name = std::string_view(source).substr(open + 2, close - open - 2);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    at = close + 2;
    const auto place = text.places.find(name);
    if (place == text.places.end()) continue;
    if (place->second.field != nullptr) {
      out += readable(*place->second.field, record, locale, context, follow);
    } else if (place->second.program) {
      const auto result = records::evaluate(*place->second.program, context, record, follow);
      if (result.outcome == expr::Outcome::value) out += plain(result.value, context);
    } else {
      out += link ? link(linked_page(name)) : "…";
    }
  }
}

}  // namespace caravan::workflow
