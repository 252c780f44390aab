#include <algorithm>

#include "model/builder_state.h"

// Forms and views.

namespace caravan::model {

void Builder::build_form(const Document& document) {
  auto owned = std::make_unique<Form>();
  Form& form = *owned;
  form.name = document.name;
  form.origin = to_origin(document.at);
  catalog_->forms.push_back(std::move(owned));
  form_by_name_[form.name] = &form;
  const Node* entity_node = document.root.get("entity");
  const Entity* entity =
      entity_node ? find_entity({entity_node->text, entity_node->at}, module_of(document.name)) : nullptr;
  form.label = label_of(document.root, document.at, "form " + quoted(document.name),
                        entity ? entity->label : Text(), true);
  if (!entity) return;
  form.entity = entity;
  Draft& draft = *draft_of(entity);
  draft.forms.push_back(&form);
  std::unordered_set<std::string_view> seen;
  for (const Entry* entry : placed(document.root.get("groups"))) {
    if (entry->bad || entry->value.bad) continue;
    FormGroup group;
    group.name = entry->key;
    group.label =
        label_of(entry->value, entry->at, "group " + quoted(entry->key), plain(humanised(entry->key)));
    for (const Mention& mention : mentions(entry->value.get("fields"))) {
      const Field* field = find_field(draft, mention);
      if (!field) continue;
      if (!seen.insert(field->name).second) {
        diagnostics_.error(mention.at, "named-twice",
                           "field " + quoted(field->name) + " stands twice on form " + quoted(form.name),
                           "keep one");
      } else if (field->system && field->slot != slot_owner) {
        diagnostics_.error(
            mention.at, "system-field",
            "field " + quoted(field->name) + " is set by the system, so it cannot be filled in",
            "remove it from the form");
      } else {
        group.fields.push_back(field);
      }
    }
    form.groups.push_back(std::move(group));
  }
  if (const Entry* groups = document.root.entry("groups");
      groups && !groups->value.bad && groups->value.entries.empty()) {
    diagnostics_.error(groups->at, "no-fields", "form " + quoted(form.name) + " has no groups",
                       "add e.g. `main: {fields: […]}`");
  }
  if (doubtful(document.root.get("groups")) || is_bad(document.root, "groups")) vague_forms_.insert(&form);
}

void Builder::declare_view(const Document& document) {
  auto view = std::make_unique<View>();
  view->name = document.name;
  view->origin = to_origin(document.at);
  declared_views_.emplace_back(view.get(), &document);
  catalog_->views.push_back(std::move(view));
}

void Builder::build_view(View& view, const Document& document) {
  const Node* entity_node = document.root.get("entity");
  const Entity* entity =
      entity_node ? find_entity({entity_node->text, entity_node->at}, module_of(document.name)) : nullptr;
  view.label = label_of(document.root, document.at, "view " + quoted(document.name),
                        entity ? entity->plural : Text(), true);
  if (!entity) return;
  view.entity = entity;
  Draft& draft = *draft_of(entity);
  draft.views.push_back(&view);
  const Node* column_node = document.root.get("columns");
  const std::vector<Mention> columns = mentions(column_node);
  check_twice(columns, "column");
  for (const Mention& mention : columns) {
    if (const Field* field = find_field(draft, mention)) view.columns.push_back(field);
  }
  if (column_node && columns.empty() && !doubtful(column_node)) {
    diagnostics_.error(document.root.entry("columns")->at, "no-fields",
                       "view " + quoted(view.name) + " has no columns", "name at least one field");
  }
  if (const Node* sort_node = document.root.get("sort")) {
    const auto key = [&](const Node& node) {
      if (!node.is_scalar() || node.bad) return;
      const bool descending = node.text.starts_with('-');
      const std::string_view name = std::string_view(node.text).substr(descending ? 1 : 0);
      const Field* field = find_field(draft, {name, node.at});
      if (!field) return;
      if (!draft.vague.contains(field) &&
          (field->type == FieldType::json || (field->type == FieldType::text && field->max_length == 0))) {
        diagnostics_.error(node.at, "not-sortable",
                           "records cannot be sorted by field " + quoted(field->name),
                           "use a field of bounded length");
      }
      view.sort.push_back({field, descending});
    };
    if (sort_node->is_scalar()) key(*sort_node);
    for (const Node& item : sort_node->items) key(item);
  } else {
    view.sort.push_back({entity->fields[slot_created_at].get(), true});
  }
  if (const Node* filter = document.root.get("filter")) {
    view.filter = compile_condition(*filter, *entity, catalog_->record_environment(*entity), true);
  }
}

void Builder::arrange_forms(Draft& draft) {
  Entity& entity = *draft.entity;
  const std::string main_name = entity.full_name + "_form";
  const auto rank = [&](const Form* form) {
    return form->name == main_name ? 0 : draft.step_forms.contains(form) ? 2 : 1;
  };
  std::stable_sort(draft.forms.begin(), draft.forms.end(),
                   [&](const Form* a, const Form* b) { return rank(a) < rank(b); });
  if (draft.forms.empty() || rank(draft.forms.front()) == 2) {
    if (!is_lost("form", main_name)) {
      auto form = std::make_unique<Form>();
      form->name = main_name;
      form->entity = &entity;
      form->label = entity.label;
      form->origin = entity.origin;
      FormGroup group;
      group.name = "main";
      group.label.set("en", "Details");
      group.label.set("zh-CN", "详情");
      group.label.set("zh-TW", "詳情");
      for (const auto& field : entity.fields) {
        if (!field->system && !field->compute) group.fields.push_back(field.get());
      }
      form->groups.push_back(std::move(group));
      draft.forms.insert(draft.forms.begin(), form.get());
      catalog_->forms.push_back(std::move(form));
    }
  } else if (!vague_forms_.contains(draft.forms.front())) {
    warn_absent_required(draft, *draft.forms.front());
  }
  entity.forms.assign(draft.forms.begin(), draft.forms.end());
}

void Builder::warn_absent_required(Draft& draft, const Form& form) {
  std::unordered_set<const Field*> present;
  for (const FormGroup& group : form.groups) present.insert(group.fields.begin(), group.fields.end());
  Place at;
  for (const Document& document : documents_) {
    if (document.kind->name == "form" && document.name == form.name) at = document.at;
  }
  for (const auto& field : draft.entity->fields) {
    if (!field->required || present.contains(field.get()) || draft.vague.contains(field.get())) continue;
    const Node& node = *draft.nodes.at(field.get());
    if (node.entry("default") || node.entry("default_expr")) continue;
    diagnostics_.warning(at, "required-not-on-form",
                         "required field " + quoted(field->name) + " is not on form " + quoted(form.name) +
                             ", which creates records",
                         "add it to a group");
  }
}

void Builder::arrange_views(Draft& draft) {
  Entity& entity = *draft.entity;
  const std::string main_name = entity.full_name + "_list";
  std::stable_sort(draft.views.begin(), draft.views.end(), [&](const View* a, const View* b) {
    return (a->name == main_name) > (b->name == main_name);
  });
  if (draft.views.empty() && !is_lost("view", main_name)) {
    auto view = std::make_unique<View>();
    view->name = main_name;
    view->entity = &entity;
    view->label = entity.plural;
    view->origin = entity.origin;
    const auto add = [&](const Field* field) {
      if (std::find(view->columns.begin(), view->columns.end(), field) == view->columns.end())
        view->columns.push_back(field);
    };
    if (!entity.number_format.empty()) add(entity.fields[slot_number].get());
    add(entity.title);
    if (entity.workflow) add(entity.fields[slot_state].get());
    int shown = 0;
    for (const auto& field : entity.fields) {
      if (field->system || field.get() == entity.title || field->multiline ||
          field->type == FieldType::json)
        continue;
      if (++shown > 5) break;
      add(field.get());
    }
    add(entity.fields[slot_updated_at].get());
    view->sort.push_back({entity.fields[slot_created_at].get(), true});
    draft.views.push_back(view.get());
    catalog_->views.push_back(std::move(view));
  }
  entity.views.assign(draft.views.begin(), draft.views.end());
}

}  // namespace caravan::model
