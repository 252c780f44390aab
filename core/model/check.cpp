#include "model/check.h"

#include <algorithm>

namespace caravan::model {

const Document* CheckContext::document(std::string_view kind, std::string_view name) const {
  const auto found = documents.find({kind, name});
  return found == documents.end() ? nullptr : found->second;
}

bool CheckContext::has_roles() const {
  return std::any_of(catalog.roles.begin(), catalog.roles.end(), [&](const auto& role) { return !role->administrator && document("role", role->name); });
}

const Entry* CheckContext::entry(const Document* document, std::initializer_list<std::string_view> keys) {
  const Node* at = document ? &document->root : nullptr;
  const Entry* found = nullptr;
  for (const std::string_view key : keys) {
    found = at ? at->entry(key) : nullptr;
    if (!found) return nullptr;
    at = &found->value;
  }
  return found;
}

const Node* CheckContext::find(const Document* document, std::initializer_list<std::string_view> keys) {
  const Entry* found = entry(document, keys);
  return found ? &found->value : nullptr;
}

void CheckContext::warn(const Place& at, std::string code, std::string message, std::string hint) const {
  diagnostics.warning(at, std::move(code), std::move(message), std::move(hint));
}

std::span<const std::unique_ptr<Transition>> transitions_of(const Entity& entity) {
  if (!entity.workflow) return {};
  return entity.workflow->transitions;
}

namespace {

bool gives(const std::vector<const Role*>& roles, const Entity& entity, Operation operation) {
  return std::any_of(roles.begin(), roles.end(), [&](const Role* role) {
    const auto found = role->grants.find(&entity);
    return found != role->grants.end() && found->second[static_cast<std::size_t>(operation)].given();
  });
}

}  // namespace

bool holders_may(const Catalog& catalog, const Role& role, const Entity& entity, Operation operation) {
  return role.administrator || gives(role.all, entity, operation) || gives(catalog.everyone, entity, operation);
}

bool anybody_may(const Catalog& catalog, const Entity& entity, Operation operation) {
  return std::any_of(catalog.roles.begin(), catalog.roles.end(),
                     [&](const auto& role) { return !role->administrator && holders_may(catalog, *role, entity, operation); });
}

void check_catalog(const Catalog& catalog, const std::vector<Document>& documents, Diagnostics& diagnostics) {
  CheckContext context{catalog, diagnostics, {}};
  for (const Document& document : documents) {
    // The core's own definitions are checked by its tests.
    if (document.layer != LayerKind::core) context.documents[{document.kind->name, document.name}] = &document;
  }
  check_workflows(context);
  check_rules(context);
  check_rights(context);
  check_presentation(context);
  check_clocks(context);
  check_assignments(context);
  check_form_rules(context);
  check_views(context);
  check_process(context);
}

}  // namespace caravan::model
