#include <algorithm>

#include "model/check.h"

namespace caravan::model {
namespace {

std::string_view module_of(std::string_view name) { return name.substr(0, name.find('.')); }

const Entry* grant_entry(const Document* document, const Role& role, const Entity& entity) {
  const Node* grants = CheckContext::find(document, {"grants"});
  if (!grants) return nullptr;
  if (const Entry* found = grants->entry(entity.full_name)) return found;
  if (module_of(entity.full_name) != module_of(role.name)) return nullptr;
  return grants->entry(std::string_view(entity.full_name).substr(entity.module.size() + 1));
}

void check_role(const CheckContext& context, const Role& role, const Document& document) {
  const bool gives_anything = std::any_of(role.grants.begin(), role.grants.end(), [](const auto& one) {
    return std::any_of(one.second.begin(), one.second.end(), [](const Grant& grant) { return grant.given(); });
  });
  if (role.administrator) {
    if (const Entry* grants = CheckContext::entry(&document, {"grants"}); grants && !grants->value.entries.empty()) {
      context.warn(grants->at, "useless-grants", "role " + quoted(role.name) + " may do everything, so its `grants` say nothing",
                   "remove them, or `administrator`");
    }
    return;
  }
  if (!gives_anything && role.includes.empty() && role.routes.empty()) {
    const bool in_workflow = std::any_of(context.catalog.entities.begin(), context.catalog.entities.end(), [&](const auto& entity) {
      return entity->workflow && std::any_of(entity->workflow->transitions.begin(), entity->workflow->transitions.end(), [&](const auto& transition) {
               return std::find(transition->by.begin(), transition->by.end(), role.name) != transition->by.end();
             });
    });
    if (!in_workflow) context.warn(document.at, "role-without-rights", "role " + quoted(role.name) + " may do nothing", "add `grants`, or remove the role");
  }
  for (const auto& entity : context.catalog.entities) {
    const auto found = role.grants.find(entity.get());
    const Entry* entry = grant_entry(&document, role, *entity);
    if (found == role.grants.end() || !entry) continue;
    const auto given = [&](Operation operation) { return found->second[static_cast<std::size_t>(operation)].given(); };
    const bool any = std::any_of(found->second.begin(), found->second.end(), [](const Grant& grant) { return grant.given(); });
    if (!any) {
      context.warn(entry->at, "empty-grant", "role " + quoted(role.name) + " gets no right on " + entity->full_name, "write e.g. `{read: true}`, or remove the line");
      continue;
    }
    for (const Operation operation : {Operation::update, Operation::remove}) {
      if (!entity->ledger || !given(operation)) continue;
      const Entry* word = entry->value.entry(to_string(operation));
      context.warn(word ? word->at : entry->at, "ledger-grant",
                   "role " + quoted(role.name) + " may " + to_string(operation) + " " + entity->full_name + ", a ledger, whose records nobody changes",
                   "remove it");
    }
    if (holders_may(context.catalog, role, *entity, Operation::read)) continue;
    for (const Operation operation : {Operation::update, Operation::remove}) {
      if (!given(operation)) continue;
      const Entry* word = entry->value.entry(to_string(operation));
      context.warn(word ? word->at : entry->at, "grant-without-read",
                   "role " + quoted(role.name) + " may " + to_string(operation) + " " + entity->full_name + ", but not read it, so it finds none",
                   "add `read`");
      break;
    }
  }
}

}  // namespace

FieldRight best_right(const Catalog& catalog, const Entity& entity, const Field& field) {
  FieldRight best = FieldRight::hidden;
  for (const auto& role : catalog.roles) {
    if (role->administrator || !holders_may(catalog, *role, entity, Operation::read)) continue;
    FieldRight right = field.right;
    for (const Role* one : role->all) {
      const auto found = one->field_rights.find(&entity);
      if (found == one->field_rights.end()) continue;
      for (const auto& [named, said] : found->second) {
        if (named == &field) right = std::max(said, one == role.get() ? FieldRight::hidden : right);
      }
    }
    best = std::max(best, right);
  }
  return best;
}

void check_rights(const CheckContext& context) {
  for (const auto& role : context.catalog.roles) {
    if (const Document* document = context.document("role", role->name)) check_role(context, *role, *document);
  }
  for (const auto& entity : context.catalog.entities) {
    const Document* document = context.document("entity", entity->full_name);
    if (document && entity->menu && context.has_roles() && !anybody_may(context.catalog, *entity, Operation::read)) {
      context.warn(document->at, "nobody-reads", "nobody but administrators may read " + entity->full_name, "grant `read` to a role");
    }
  }
  for (const auto& form : context.catalog.forms) {
    const Document* document = context.document("form", form->name);
    if (!document || !form->entity || !anybody_may(context.catalog, *form->entity, Operation::read)) continue;
    for (const FormGroup& group : form->groups) {
      for (const Field* field : group.fields) {
        if (best_right(context.catalog, *form->entity, *field) > FieldRight::hidden) continue;
        const Entry* entry = CheckContext::entry(document, {"groups", group.name, "fields"});
        Place at = entry ? entry->at : document->at;
        for (const Node& item : entry ? entry->value.items : std::vector<Node>()) {
          if (item.text == field->name) at = item.at;
        }
        if (const Entry* key = entry ? entry->value.entry(field->name) : nullptr) at = key->at;
        context.warn(at, "hidden-on-form", "field " + quoted(field->name) + " is on form " + quoted(form->name) + ", but nobody may see it",
                     "remove it from the form, or give a role the right to read it");
      }
    }
  }
}

}  // namespace caravan::model
