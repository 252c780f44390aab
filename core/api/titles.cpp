#include "api/titles.h"

#include <vector>

#include "records/codec.h"

namespace caravan::api {

std::string_view label_of(const model::Text& label, std::string_view name, std::string_view locale) {
  const std::string& text = label.in(locale);
  return text.empty() ? name : std::string_view(text);
}

std::string_view label_of(const model::Field& field, std::string_view locale) {
  return label_of(field.label, field.name, locale);
}

std::string title_of(const records::Record& record, std::string_view locale) {
  const model::Entity& entity = record.entity();
  if (entity.title != nullptr) {
    const expr::Value& value = record[entity.title->slot];
    if (const auto* text = value.as<std::string>()) {
      const model::ChoiceOption* option =
          entity.title->type == model::FieldType::choice && entity.title->choices
              ? entity.title->choices->option(*text)
              : nullptr;
      if (!text->empty() && entity.title->type != model::FieldType::json)
        return option ? std::string(label_of(option->label, option->name, locale)) : *text;
    } else if (const auto* words = records::text_in(value, locale)) {
      return *words;
    } else if (const auto* date = value.as<Date>()) {
      return format_date(*date);
    } else if (const auto* amount = value.as<Decimal>()) {
      return format_decimal(*amount);
    } else if (const auto* number = value.as<std::int64_t>();
               number && entity.title->type == model::FieldType::integer) {
      return std::to_string(*number);
    }
  }
  const auto* number = record[model::slot_number].as<std::string>();
  return number && !number->empty() ? *number : std::to_string(record.id());
}

void Titles::load(const records::RecordService& records, const records::Context& context) {
  constexpr std::size_t at_once = 256;
  for (auto& [entity, titles] : wanted_) {
    std::vector<std::int64_t> ids;
    ids.reserve(titles.size());
    std::vector<std::uint32_t> slots{model::slot_id, model::slot_number};
    if (entity->title != nullptr) slots.push_back(entity->title->slot);
    for (const auto& [id, title] : titles) ids.push_back(id);
    for (std::size_t at = 0; at < ids.size(); at += at_once) {
      const std::vector<std::int64_t> some(
          ids.begin() + static_cast<std::ptrdiff_t>(at),
          ids.begin() + static_cast<std::ptrdiff_t>(std::min(ids.size(), at + at_once)));
      for (const records::Record& record : records.get_many(context, *entity, some, slots)) {
        titles[record.id()] = title_of(record, context.locale);
      }
    }
  }
}

const std::string* Titles::find(const model::Entity& entity, std::int64_t id) const {
  const auto titles = wanted_.find(&entity);
  if (titles == wanted_.end()) return nullptr;
  const auto found = titles->second.find(id);
  return found == titles->second.end() || found->second.empty() ? nullptr : &found->second;
}

}  // namespace caravan::api
