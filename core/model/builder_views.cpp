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
  build_view_type(view, document);
  if (view.type == ViewType::list && !document.root.entry("columns")) {
    diagnostics_.error(document.at, "missing-word", "view " + quoted(view.name) + " has no `columns`",
                       "name the fields that the list shows, in order");
  } else if (column_node && columns.empty() && !doubtful(column_node)) {
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
      const bool several = field->type == FieldType::multi || field->type == FieldType::refs || field->type == FieldType::localized;
      if (several && !draft.vague.contains(field)) {
        diagnostics_.error(node.at, "not-sortable",
                           "records cannot be sorted by field " + quoted(field->name) + " of type " + to_string(field->type),
                           "it holds several values: use another field");
      } else if (!draft.vague.contains(field) &&
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

void Builder::build_view_type(View& view, const Document& document) {
  const Node& root = document.root;
  Draft& draft = *draft_of(view.entity);
  const std::string subject = "view " + quoted(view.name);
  const bool type_known = !is_bad(root, "type");
  if (const Node* type = root.get("type"); type && type_known) {
    for (const ViewType one : {ViewType::list, ViewType::board, ViewType::calendar, ViewType::timeline}) {
      if (type->text == to_string(one)) view.type = one;
    }
  }
  if (!type_known) return;
  const bool dated = view.type == ViewType::calendar || view.type == ViewType::timeline;
  const bool grouped = view.type == ViewType::board || view.type == ViewType::timeline;
  if (view.name == view.entity->full_name + "_list" && view.type != ViewType::list) {
    diagnostics_.error(root.entry("type")->at, "default-not-list",
                       subject + " is the default list of " + view.entity->full_name + ", so it cannot be a " + to_string(view.type),
                       "give the " + std::string(to_string(view.type)) + " a name of its own");
  }
  const auto only = [&](std::string_view word, bool fits, std::string_view types) {
    const Entry* entry = root.entry(word);
    if (!entry || fits || entry->value.bad) return;
    diagnostics_.error(entry->at, "word-not-for-type", tick(word) + " means nothing for a " + std::string(to_string(view.type)),
                       "it is for " + std::string(types));
  };
  only("group", grouped, "board and timeline");
  only("start", dated, "calendar and timeline");
  only("end", dated, "calendar and timeline");
  const auto field_at = [&](std::string_view word) -> const Field* {
    const Node* node = root.get(word);
    return node && node->is_scalar() && !is_bad(root, word) ? find_field(draft, {node->text, node->at}) : nullptr;
  };
  if (grouped) {
    const Entry* entry = root.entry("group");
    if (const Field* field = field_at("group")) {
      const bool state = field->slot == slot_state && field->system;
      const bool choice = field->type == FieldType::choice, ref = field->type == FieldType::ref && view.type == ViewType::timeline;
      if (state && !view.entity->workflow) {
        if (!draft.workflow_lost)
          diagnostics_.error(entry->value.at, "bad-group", view.entity->full_name + " has no states to group " + subject + " by", "name a choice field");
      } else if (!state && !choice && !ref && !draft.vague.contains(field)) {
        diagnostics_.error(entry->value.at, "bad-group",
                           subject + " cannot be grouped by field " + quoted(field->name) + ", which is of type " + to_string(field->type),
                           view.type == ViewType::board ? "use `state` or a choice" : "use `state`, a choice or a ref");
      } else {
        view.group = field;
      }
    } else if (view.type == ViewType::board && !entry) {
      if (view.entity->workflow) {
        view.group = view.entity->fields[slot_state].get();
      } else if (!draft.workflow_lost) {
        diagnostics_.error(document.at, "bad-group", subject + " has no columns: " + view.entity->full_name + " has no states",
                           "say `group: FIELD` with a choice field");
      }
    }
  }
  if (dated) {
    const auto moment = [&](std::string_view word) -> const Field* {
      const Field* field = field_at(word);
      if (!field || field->type == FieldType::date || field->type == FieldType::instant) return field;
      if (!draft.vague.contains(field)) {
        diagnostics_.error(root.get(word)->at, "not-a-time",
                           tick(word) + " of " + subject + " is field " + quoted(field->name) + ", which is of type " + to_string(field->type),
                           "use a date or an instant");
      }
      return nullptr;
    };
    view.start = moment("start");
    view.end = moment("end");
    if (!root.entry("start")) {
      diagnostics_.error(document.at, "missing-word", subject + " has no `start`", "name the date or instant at which a record begins");
    }
    if (view.start && view.end && view.start == view.end) {
      diagnostics_.error(root.get("end")->at, "named-twice", subject + " starts and ends with field " + quoted(view.end->name), "leave `end` out");
    } else if (view.start && view.end && view.start->type != view.end->type && !draft.vague.contains(view.start) && !draft.vague.contains(view.end)) {
      diagnostics_.error(root.get("end")->at, "not-a-time",
                         subject + " starts with " + to_string(view.start->type) + " " + quoted(view.start->name) + " and ends with " +
                             to_string(view.end->type) + " " + quoted(view.end->name),
                         "use two dates or two instants");
    }
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
    if (!(field->required || field->required_when) || present.contains(field.get()) || draft.vague.contains(field.get())) continue;
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
  const auto rank = [&](const View* view) { return view->name == main_name ? 0 : view->type == ViewType::list ? 1 : 2; };
  std::stable_sort(draft.views.begin(), draft.views.end(), [&](const View* a, const View* b) { return rank(a) < rank(b); });
  if ((draft.views.empty() || rank(draft.views.front()) == 2) && !is_lost("view", main_name)) {
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
    draft.views.insert(draft.views.begin(), view.get());
    catalog_->views.push_back(std::move(view));
  }
  entity.views.assign(draft.views.begin(), draft.views.end());
}

}  // namespace caravan::model
