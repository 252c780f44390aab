#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "model/check.h"
#include "model/pages.h"

namespace caravan::model {
namespace {

/// Names of one list whose labels are the same in a language. Told of the one that was said later.
class Labels {
 public:
  Labels(const CheckContext& context, std::string what) : context_(context), what_(std::move(what)) {}

  void add(const std::string& name, const Text& label, const Place& at) {
    for (const auto& [locale, text] : label.all()) {
      if (text.empty()) continue;
      const auto [known, fresh] = seen_[locale].emplace(text, Named{name, at});
      if (fresh || known->second.name == name) continue;
      const Named one{name, at}, other = known->second;
      const bool later = order(one.at) >= order(other.at);
      const Named &second = later ? one : other, &first = later ? other : one;
      if (!told_.insert(second.name).second) continue;
      context_.warn(second.at, "same-label",
                    what_ + " " + quoted(second.name) + " and " + quoted(first.name) + " are both called " + quoted(text) + " in " + locale,
                    "give them different labels");
    }
  }

 private:
  struct Named {
    std::string name;
    Place at;
  };
  static std::pair<std::uint32_t, std::uint32_t> order(const Place& at) { return {at.file ? at.file->order : 0, at.line}; }
  const CheckContext& context_;
  std::string what_;
  std::map<std::string, std::map<std::string, Named>> seen_;
  std::set<std::string> told_;
};

Place place_of(const Document* document, std::initializer_list<std::string_view> keys) {
  const Entry* entry = CheckContext::entry(document, keys);
  return entry ? entry->at : document->at;
}

void check_labels(const CheckContext& context) {
  for (const auto& choices : context.catalog.choice_lists) {
    const Document* document = context.document("choices", choices->name);
    if (!document) continue;
    Labels labels(context, "options");
    for (const ChoiceOption& option : choices->options) labels.add(option.name, option.label, place_of(document, {"options", option.name}));
  }
  for (const auto& entity : context.catalog.entities) {
    const Document* document = context.document("entity", entity->full_name);
    if (!document) continue;
    Labels fields(context, "fields");
    for (const auto& field : entity->fields) {
      if (!field->system) fields.add(field->name, field->label, place_of(document, {"fields", field->name}));
    }
    if (!entity->workflow) continue;
    Labels states(context, "states");
    for (const auto& state : entity->workflow->states) states.add(state->name, state->label, place_of(document, {"workflow", "states", state->name}));
    for (const auto& state : entity->workflow->states) {
      Labels transitions(context, "transitions");
      for (const auto& transition : entity->workflow->transitions) {
        if (std::find(transition->from.begin(), transition->from.end(), state.get()) == transition->from.end()) continue;
        transitions.add(transition->name, transition->label, place_of(document, {"workflow", "transitions", transition->name}));
      }
    }
  }
  Labels roles(context, "roles");
  for (const auto& role : context.catalog.roles) {
    if (const Document* document = context.document("role", role->name)) roles.add(role->name, role->label, document->at);
  }
}

void check_choices(const CheckContext& context) {
  std::set<const Choices*> used;
  for (const auto& entity : context.catalog.entities) {
    const Document* document = context.document("entity", entity->full_name);
    for (const auto& field : entity->fields) {
      if (!field->choices) continue;
      used.insert(field->choices);
      const Node* standard = CheckContext::find(document, {"fields", field->name, "default"});
      const ChoiceOption* option = standard ? field->choices->option(standard->text) : nullptr;
      if (option && !option->active) {
        context.warn(standard->at, "inactive-default", "the default of field " + quoted(field->name) + " is option " + quoted(option->name) + ", which is no longer offered",
                     "choose an active option");
      }
    }
  }
  for (const auto& choices : context.catalog.choice_lists) {
    const Document* document = context.document("choices", choices->name);
    if (!document) continue;
    if (!choices->options.empty() && std::none_of(choices->options.begin(), choices->options.end(), [](const ChoiceOption& o) { return o.active; })) {
      context.warn(place_of(document, {"options"}), "no-active-option", "choices " + quoted(choices->name) + " offers nothing: no option is active",
                   "leave one active");
    }
    if (!used.contains(choices.get())) {
      context.warn(document->at, "unused-choices", "no field takes its values from choices " + quoted(choices->name), "use them in a field, or remove them");
    }
  }
}

void check_forms(const CheckContext& context) {
  std::set<const Form*> in_steps;  // and on pages
  for (const auto& entity : context.catalog.entities) {
    for (const auto& transition : transitions_of(*entity)) {
      if (transition->form) in_steps.insert(transition->form);
    }
  }
  for (const auto& page : context.catalog.pages) {
    for (const Block& block : page->blocks) in_steps.insert(block.form);
  }
  for (const auto& form : context.catalog.forms) {
    const Document* document = context.document("form", form->name);
    if (!document || !form->entity) continue;
    const bool main = !form->entity->forms.empty() && form->entity->forms.front() == form.get();
    if (!main && !in_steps.contains(form.get())) {
      context.warn(document->at, "unused-form", "form " + quoted(form->name) + " is shown nowhere: it is not `" + form->entity->full_name + "_form`, and no transition or page asks for it",
                   "name it in a transition or on a page, or remove it");
    }
    for (const FormGroup& group : form->groups) {
      if (group.fields.empty()) {
        context.warn(place_of(document, {"groups", group.name}), "empty-group", "group " + quoted(group.name) + " of form " + quoted(form->name) + " has no fields",
                     "add fields, or remove the group");
      }
    }
  }
}

void check_indexes(const CheckContext& context) {
  for (const auto& entity : context.catalog.entities) {
    const Document* document = context.document("entity", entity->full_name);
    if (!document) continue;
    for (const Index& index : entity->indexes) {
      for (const Index& other : entity->indexes) {
        if (&index == &other || index.unique || index.fields.empty() || index.fields.size() > other.fields.size()) continue;
        if (index.fields.size() == other.fields.size() && !other.unique && &index < &other) continue;  // told at the second
        if (!std::equal(index.fields.begin(), index.fields.end(), other.fields.begin())) continue;
        context.warn(place_of(document, {"indexes", index.name}), "redundant-index",
                     "index " + quoted(index.name) + " is the beginning of " + (other.unique ? "unique key " : "index ") + quoted(other.name) + ", which does the same",
                     "remove it");
        break;
      }
    }
    for (const Index& key : entity->indexes) {
      if (!key.unique || key.fields.size() != 1 || key.fields[0]->type != FieldType::boolean) continue;
      context.warn(place_of(document, {"unique", key.name}), "unique-flag", "unique key " + quoted(key.name) + " is a flag, so there can be two records only",
                   "add fields to the key, or remove it");
    }
  }
}

void check_modules(const CheckContext& context) {
  for (const auto& [key, document] : context.documents) {
    if (key.first != "module") continue;
    const bool used = std::any_of(context.catalog.entities.begin(), context.catalog.entities.end(), [&](const auto& entity) { return entity->module == key.second; }) ||
                      std::any_of(context.catalog.pages.begin(), context.catalog.pages.end(), [&](const auto& page) { return page->name.starts_with(std::string(key.second) + "."); });
    if (!used) context.warn(document->at, "empty-module", "module " + quoted(std::string(key.second)) + " has no entity and no page", "add one, or remove the module");
  }
}

}  // namespace

void check_presentation(const CheckContext& context) {
  check_labels(context);
  check_choices(context);
  check_forms(context);
  check_indexes(context);
  check_modules(context);
}

}  // namespace caravan::model
