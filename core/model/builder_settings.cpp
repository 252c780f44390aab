#include <algorithm>

#include "model/builder_state.h"
#include "model/pages.h"

// Settings: values that the agency sets, which expressions read as constants.

namespace caravan::model {
namespace {

expr::TypeKind kind_of(FieldType type) {
  switch (type) {
    case FieldType::integer:
      return expr::TypeKind::int64;
    case FieldType::boolean:
      return expr::TypeKind::boolean;
    case FieldType::decimal:
      return expr::TypeKind::decimal;
    case FieldType::date:
      return expr::TypeKind::date;
    default:
      return expr::TypeKind::string;
  }
}

}  // namespace

void Builder::build_settings() {
  auto constants = std::make_shared<expr::Constants>();
  for (const Document& document : documents_) {
    if (document.kind->name != "settings") continue;
    auto group = std::make_unique<SettingsGroup>();
    group->module = document.name;
    group->origin = to_origin(document.at);
    group->label = label_of(document.root, document.at, "settings " + quoted(document.name), plain(humanised(document.name)), true);
    const Entry* all = document.root.entry("settings");
    if (all && !all->value.bad && all->value.entries.empty()) {
      diagnostics_.error(all->at, "no-settings", "settings " + quoted(document.name) + " has none",
                         "add e.g. `max_discount: {type: decimal, default: 0.1}`");
    }
    for (const Entry* entry : placed(document.root.get("settings"))) {
      expr::Constant& constant = (*constants)["settings." + document.name + "." + entry->key];
      if (entry->bad || entry->value.bad || !entry->value.is_map()) continue;  // of any type: no mistakes that follow
      Setting& setting = group->settings.emplace_back();
      if (!build_setting(document, *entry, setting)) continue;
      constant.type.kind = kind_of(setting.field.type);
      constant.value = setting.value;
    }
    catalog_->settings.push_back(std::move(group));
  }
  std::sort(catalog_->settings.begin(), catalog_->settings.end(), [](const auto& a, const auto& b) { return a->module < b->module; });
  catalog_->constants = std::move(constants);
}

bool Builder::build_setting(const Document& document, const Entry& entry, Setting& setting) {
  const Node& node = entry.value;
  Field& field = setting.field;
  const std::string subject = "setting " + quoted(entry.key);
  field.name = entry.key;
  field.origin = setting.origin = to_origin(entry.at);
  field.label = label_of(node, entry.at, subject, plain(humanised(entry.key)));
  field.help = text_of(node.get("help"), "the help of " + subject);
  const LayerKind layer = entry.at.file ? entry.at.file->layer : LayerKind::core;
  if (field.name.starts_with("x_") && (layer == LayerKind::core || layer == LayerKind::plugin)) {
    diagnostics_.error(entry.at, "field-prefix", "names that begin with x_ are kept for agencies", "call it `" + field.name.substr(2) + "`");
  }
  const Node* type = node.get("type");
  if (!type) return false;
  for (const FieldType one :
       {FieldType::text, FieldType::integer, FieldType::boolean, FieldType::decimal, FieldType::date, FieldType::choice}) {
    if (type->text == to_string(one)) field.type = one;
  }
  const bool whole = field.type == FieldType::integer, decimal = field.type == FieldType::decimal;
  only_for(node, "scale", decimal, field, "decimal");
  only_for(node, "min", whole || decimal, field, "int and decimal");
  only_for(node, "max", field.type == FieldType::text || whole || decimal, field, "text, int and decimal");
  only_for(node, "choices", field.type == FieldType::choice, field, "choice");
  if (decimal) {
    field.scale = 2;
    if (const Node* scale = node.get("scale")) {
      const std::int64_t digits = integer_of(scale->text).value_or(-1);
      if (digits < 0 || digits > 18) {
        diagnostics_.error(scale->at, "out-of-range", "`scale` of " + subject + " is " + scale->text, "0 to 18");
      } else {
        field.scale = static_cast<std::uint8_t>(digits);
      }
    }
  }
  build_bounds(node, field, subject);
  if (field.type == FieldType::choice) {
    const Node* list = node.get("choices");
    if (!list) {
      if (!is_bad(node, "choices"))
        diagnostics_.error(entry.at, "missing-word", subject + " is a choice without `choices`", "add `choices: MODULE.LIST`");
      return false;
    }
    const std::string name = resolve(list->text, document.name);
    field.choices = catalog_->choices(name);
    if (!field.choices) {
      if (!is_lost("choices", name)) unknown(list->at, "choices", name, names(catalog_->choice_lists));
      return false;
    }
  }
  bool good = true;
  for (const char* word : {"default", "value"}) {
    const Node* given = node.get(word);
    if (!given) {
      good = good && !is_bad(node, word);
      continue;
    }
    std::optional<expr::Value> value = setting_value(*given, field, word);
    if (!value) {
      good = false;
      continue;
    }
    setting.value = std::move(*value);
    if (word == std::string_view("default")) setting.default_value = setting.value;
    setting.origin = to_origin(given->at);
  }
  return good;
}

std::optional<expr::Value> Builder::setting_value(const Node& node, const Field& field, std::string_view word) {
  const std::string& text = node.text;
  std::string needs;
  std::optional<expr::Value> value;
  switch (field.type) {
    case FieldType::choice:
      if (field.choices->option(text)) return expr::Value(text);
      if (!vague_choices_.contains(field.choices->name)) unknown_option(node.at, *field.choices, text);
      return std::nullopt;
    case FieldType::integer: {
      const auto number = integer_of(text);
      if (!number || node.quoted) needs = "a whole number, without quotes";
      else if ((field.min && *number < *field.min) || (field.max && *number > *field.max)) needs = "a number between `min` and `max`";
      else value = expr::Value(*number);
      break;
    }
    case FieldType::boolean:
      if (node.quoted || (text != "true" && text != "false")) needs = "true or false, without quotes";
      else value = expr::Value(text == "true");
      break;
    case FieldType::decimal: {
      const auto number = parse_decimal(text);
      const auto scaled = number ? rescale(*number, field.scale) : std::nullopt;
      if (!scaled || compare(*scaled, *number) != 0)
        needs = "a number with at most " + std::to_string(field.scale) + " digits after the point";
      else if ((field.decimal_min && compare(*scaled, *field.decimal_min) < 0) || (field.decimal_max && compare(*scaled, *field.decimal_max) > 0))
        needs = "a number between `min` and `max`";
      else value = expr::Value(*scaled);
      break;
    }
    case FieldType::date:
      if (const auto date = parse_date(text)) value = expr::Value(*date);
      else needs = "a day such as 2026-12-20";
      break;
    default: {
      const auto characters = static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
      if (field.max_length > 0 && characters > field.max_length) needs = "at most " + std::to_string(field.max_length) + " characters";
      else value = expr::Value(text);
    }
  }
  if (!value) {
    diagnostics_.error(node.at, "bad-default",
                       "the " + std::string(word) + " " + quoted(text) + " does not fit " + quoted(field.name) + " of type " + to_string(field.type),
                       "it needs " + needs);
  }
  return value;
}

}  // namespace caravan::model
