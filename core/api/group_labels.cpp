#include "api/group_labels.h"

#include "records/codec.h"

namespace caravan::api {

using model::Entity;
using model::FieldType;
using records::AggregateGroup;
using records::Bucket;

void want_titles(Titles& titles, const std::vector<AggregateGroup>& groups, const std::vector<expr::Value>& row) {
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const model::Field& field = *groups[i].field;
    const auto* id = row[i].as<std::int64_t>();
    if (id != nullptr && field.type == FieldType::ref && field.target != nullptr) titles.want(*field.target, *id);
  }
}

void write_group(std::string& out, const AggregateGroup& group, const expr::Value& value) {
  const auto* day = value.as<Date>();
  if (group.bucket != Bucket::none && day != nullptr) out += "\"" + format_date(*day) + "\"";
  else records::write_value(out, *group.field, value);
}

std::string label_of_group(const Entity& entity, const AggregateGroup& group, const expr::Value& value, const Titles& titles,
                           std::string_view locale) {
  if (const auto* day = value.as<Date>(); day && group.bucket != Bucket::none) return records::bucket_label(group.bucket, *day);
  if (const auto* text = value.as<std::string>()) {
    if (group.field->slot == model::slot_state && entity.workflow) {
      const model::State* state = entity.workflow->state(*text);
      return state ? std::string(label_of(state->label, state->name, locale)) : std::string();
    }
    if (group.field->type == FieldType::choice && group.field->choices) {
      const model::ChoiceOption* option = group.field->choices->option(*text);
      return option ? std::string(label_of(option->label, option->name, locale)) : std::string();
    }
  }
  if (const auto* id = value.as<std::int64_t>(); id && group.field->type == FieldType::ref && group.field->target) {
    const std::string* title = titles.find(*group.field->target, *id);
    return title ? *title : std::string();
  }
  return {};
}

}  // namespace caravan::api
