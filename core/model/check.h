#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/builder.h"

/// Internal to core/model: what is dubious in a Catalog that has no mistake. Warnings only.
namespace caravan::model {

/// What all checks share: the Catalog, and where its parts were said.
struct CheckContext {
  const Catalog& catalog;
  Diagnostics& diagnostics;
  std::map<std::pair<std::string_view, std::string_view>, const Document*> documents;  ///< by kind and name

  const Document* document(std::string_view kind, std::string_view name) const;
  /// Whether anybody but administrators has a post at all: without, it is no news that nobody may.
  bool has_roles() const;
  /// The value under these keys of a document; nullptr where one is missing.
  static const Node* find(const Document* document, std::initializer_list<std::string_view> keys);
  /// The key of the last one; nullptr where one is missing.
  static const Entry* entry(const Document* document, std::initializer_list<std::string_view> keys);
  void warn(const Place& at, std::string code, std::string message, std::string hint = {}) const;
};

/// Empty where the entity has no workflow.
std::span<const std::unique_ptr<Transition>> transitions_of(const Entity& entity);

void check_workflows(const CheckContext& context);
void check_rules(const CheckContext& context);
void check_rights(const CheckContext& context);
void check_presentation(const CheckContext& context);
void check_clocks(const CheckContext& context);
void check_assignments(const CheckContext& context);
void check_form_rules(const CheckContext& context);
void check_views(const CheckContext& context);
void check_process(const CheckContext& context);

/// All of them.
void check_catalog(const Catalog& catalog, const std::vector<Document>& documents, Diagnostics& diagnostics);

/// Whether somebody who is no administrator may do it (with some record).
bool anybody_may(const Catalog& catalog, const Entity& entity, Operation operation);
/// Whether holders of the role may, all that they hold besides included.
bool holders_may(const Catalog& catalog, const Role& role, const Entity& entity, Operation operation);
/// The best right that somebody who is no administrator has on a field.
FieldRight best_right(const Catalog& catalog, const Entity& entity, const Field& field);

}  // namespace caravan::model
