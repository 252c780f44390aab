#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/builder.h"

/// Internal to core/model: departments and roles.
namespace caravan::model {

/// What the builder of roles borrows from that of everything else. Each reports what it does not find.
struct RoleTools {
  std::function<Text(const Document& document, const std::string& subject)> label;
  /// Names given as one name, a list, or a map, each with its place.
  std::function<std::vector<std::pair<std::string_view, Place>>(const Node* node)> names;
  std::function<Entity*(std::string_view name, const Place& at, std::string_view module)> entity;
  std::function<const Field*(const Entity& entity, std::string_view name, const Place& at)> field;
  /// A condition over `record` and `user` that the database can test.
  std::function<std::shared_ptr<const expr::Program>(const Node& node, const Entity& entity)> condition;
  /// Whether the definition exists, but could not be read.
  std::function<bool(const char* kind, const std::string& name)> lost;
};

class RoleBuilder {
 public:
  RoleBuilder(const std::vector<Document>& documents, Catalog& catalog, Diagnostics& diagnostics, RoleTools tools)
      : documents_(documents), catalog_(catalog), diagnostics_(diagnostics), tools_(std::move(tools)) {}

  /// Departments, and the list of choices `core.department` made of them; before any field is built.
  void departments();
  /// The roles with what they include; before transitions, which name them.
  void declare();
  /// Grants and field rights; after all fields and their rights.
  void grants();

 private:
  void includes(Role& role, const Document& document);
  void close();
  void grants_of(Role& role, const Document& document);
  void field_rights_of(Role& role, const Document& document);
  void check_titles(const Role& role);
  Role* role_of(const Document& document);
  /// A role by the name that a document of `module` gives it; reports where there is none.
  const Role* find(std::string_view name, const Place& at, std::string_view module);

  const std::vector<Document>& documents_;
  Catalog& catalog_;
  Diagnostics& diagnostics_;
  RoleTools tools_;
  std::unordered_map<const Role*, std::vector<std::pair<const Role*, Place>>> included_at_;
};

}  // namespace caravan::model
