#include <algorithm>
#include <set>

#include "model/builder_text.h"
#include "model/check.h"
#include "model/pages.h"

// What forms obey, and settings.

namespace caravan::model {
namespace {

Place place_of(const Document& document, std::initializer_list<std::string_view> keys) {
  const Entry* entry = CheckContext::entry(&document, keys);
  return entry ? entry->at : document.at;
}

const ChoiceOption* active(const Choices& choices, const std::string& name) {
  const ChoiceOption* option = choices.option(name);
  return option && option->active ? option : nullptr;
}

void check_dependent(const CheckContext& context, const Entity& entity, const Field& field, const Document& document) {
  const std::vector<ChoiceOption>& options = field.choices->options;
  const Choices& control = *field.depends_on->choices;
  if (std::all_of(options.begin(), options.end(), [](const ChoiceOption& o) { return o.of.empty(); })) {
    context.warn(place_of(document, {"fields", field.name, "depends_on"}), "idle-depends-on",
                 "field " + quoted(field.name) + " depends on " + quoted(field.depends_on->name) + ", but no option of " + field.choices->name +
                     " says with what it is offered",
                 "add `of:` to options, or remove `depends_on`");
    return;
  }
  const Document* list = context.document("choices", field.choices->name);
  for (const ChoiceOption& option : options) {
    if (!list || !option.active || option.of.empty()) continue;
    if (std::any_of(option.of.begin(), option.of.end(), [&](const std::string& name) { return active(control, name) != nullptr; })) continue;
    context.warn(place_of(*list, {"options", option.name, "of"}), "never-offered",
                 "option " + quoted(option.name) + " is never offered: " + quoted(option.of.front()) + " of " + control.name + " is not offered any more",
                 "name an active option of " + control.name + ", or make it `active: false`");
  }
  if (!field.required || field.visible) return;
  for (const ChoiceOption& value : control.options) {
    if (!value.active) continue;
    const bool any = std::any_of(options.begin(), options.end(), [&](const ChoiceOption& o) {
      return o.active && (o.of.empty() || std::find(o.of.begin(), o.of.end(), value.name) != o.of.end());
    });
    if (any) continue;
    context.warn(place_of(document, {"fields", field.name, "depends_on"}), "nothing-offered",
                 "field " + quoted(field.name) + " of " + entity.full_name + " is required, but nothing is offered where " +
                     quoted(field.depends_on->name) + " is " + quoted(value.name),
                 "offer an option with it, or let the field be empty then");
  }
}

void check_duplicate_rules(const CheckContext& context, const Entity& entity, const Document& document) {
  for (std::size_t i = 0; i < entity.duplicates.size(); ++i) {
    const DuplicateRule& rule = entity.duplicates[i];
    const std::set<const Field*> fields(rule.fields.begin(), rule.fields.end());
    const auto unique = std::find_if(entity.indexes.begin(), entity.indexes.end(), [&](const Index& index) {
      return index.unique && !index.fields.empty() && std::all_of(index.fields.begin(), index.fields.end(), [&](const Field* field) { return fields.contains(field); });
    });
    if (unique != entity.indexes.end()) {
      context.warn(place_of(document, {"duplicates", rule.name}), "idle-duplicates",
                   "duplicate rule " + quoted(rule.name) + " finds nothing: unique key " + quoted(unique->name) + " forbids what it warns of",
                   "remove one of the two");
    }
  }
}

/// Every `settings.MODULE.NAME` that stands in the documents.
void collect(const Node& node, std::set<std::string>& out) {
  if (node.is_scalar() && node.text.find("settings.") != std::string::npos) {
    const std::vector<Token> tokens = scan(node.text);
    for (std::size_t i = 0; i + 4 < tokens.size(); ++i) {
      if (is(tokens, i, Token::Kind::word, "settings") && is(tokens, i + 1, Token::Kind::sign, ".") && is(tokens, i + 3, Token::Kind::sign, "."))
        out.insert(tokens[i + 2].text + "." + tokens[i + 4].text);
    }
  }
  for (const Entry& entry : node.entries) collect(entry.value, out);
  for (const Node& item : node.items) collect(item, out);
}

void check_settings(const CheckContext& context) {
  if (context.catalog.settings.empty()) return;
  std::set<std::string> read;
  for (const auto& [key, document] : context.documents) collect(document->root, read);
  for (const auto& group : context.catalog.settings) {
    const Document* document = context.document("settings", group->module);
    if (!document) continue;
    for (const Setting& setting : group->settings) {
      const Place at = place_of(*document, {"settings", setting.field.name});
      // What a plugin brings, its code may read.
      const bool own = at.file && (at.file->layer == LayerKind::agency || at.file->layer == LayerKind::pack);
      if (own && !read.contains(group->module + "." + setting.field.name)) {
        context.warn(at, "unused-setting", "no expression reads settings." + group->module + "." + setting.field.name,
                     "use it in a rule, or remove it");
      }
      if (setting.value.is_null()) {
        context.warn(at, "empty-setting", "setting " + quoted(setting.field.name) + " has neither `default` nor `value`, so rules that compare with it never hold",
                     "add `default`");
      }
    }
  }
}

}  // namespace

void check_form_rules(const CheckContext& context) {
  std::set<const Choices*> dependent;
  for (const auto& entity : context.catalog.entities) {
    const Document* document = context.document("entity", entity->full_name);
    for (const Field* field : entity->conditional) {
      if (!field->depends_on) continue;
      dependent.insert(field->choices);
      if (document) check_dependent(context, *entity, *field, *document);
    }
    if (document) check_duplicate_rules(context, *entity, *document);
  }
  for (const auto& list : context.catalog.choice_lists) {
    const Document* document = context.document("choices", list->name);
    if (!document || dependent.contains(list.get())) continue;
    for (const ChoiceOption& option : list->options) {
      if (option.of.empty()) continue;
      context.warn(place_of(*document, {"options", option.name, "of"}), "idle-of",
                   "option " + quoted(option.name) + " says with what it is offered, but no field with " + tick("depends_on") + " takes its values from " + list->name,
                   "add `depends_on` to the field, or remove `of`");
      break;
    }
  }
  check_settings(context);
}

}  // namespace caravan::model
