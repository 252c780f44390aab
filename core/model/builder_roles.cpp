#include "model/builder_roles.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

namespace caravan::model {
namespace {

std::string_view module_of(std::string_view name) { return name.substr(0, name.find('.')); }

std::optional<FieldRight> right_of(std::string_view word) {
  for (const FieldRight right : {FieldRight::hidden, FieldRight::masked, FieldRight::read, FieldRight::write}) {
    if (word == to_string(right)) return right;
  }
  return std::nullopt;
}

/// A circle in a relation of named things, each with at most the given successors: `a → b → a`, or "".
template <class T, class Next>
std::string circle_from(const T* start, const Next& next) {
  // Depth first with a stack of our own: a chain may be as long as there are documents.
  std::vector<std::pair<const T*, std::size_t>> way{{start, 0}};
  std::unordered_set<const T*> seen{start};
  while (!way.empty()) {
    auto& [at, index] = way.back();
    const std::vector<const T*> followers = next(*at);
    if (index == followers.size()) {
      way.pop_back();
      continue;
    }
    const T* to = followers[index++];
    if (to == start) {
      std::string text;
      for (const auto& [one, unused] : way) text += one->name + " → ";
      return text + start->name;
    }
    if (seen.insert(to).second) way.emplace_back(to, 0);
  }
  return {};
}

}  // namespace

void RoleBuilder::departments() {
  for (const Document& document : documents_) {
    if (document.kind->name != "department") continue;
    auto department = std::make_unique<Department>();
    department->name = document.name;
    department->origin = to_origin(document.at);
    department->label = tools_.label(document, "department " + quoted(document.name));
    catalog_.departments.push_back(std::move(department));
  }
  std::sort(catalog_.departments.begin(), catalog_.departments.end(), [](const auto& a, const auto& b) { return a->name < b->name; });
  const auto named = [&](std::string_view name) -> Department* {
    for (const auto& one : catalog_.departments) {
      if (one->name == name) return one.get();
    }
    return nullptr;
  };
  std::vector<std::pair<Department*, const Node*>> parents;
  for (const Document& document : documents_) {
    const Node* parent = document.kind->name == "department" ? document.root.get("parent") : nullptr;
    if (!parent) continue;
    Department* department = named(document.name);
    if (const Department* found = named(parent->text)) {
      department->parent = found;
      parents.emplace_back(department, parent);
    } else if (!tools_.lost("department", parent->text)) {
      std::vector<std::string_view> known;
      for (const auto& one : catalog_.departments) known.push_back(one->name);
      diagnostics_.error(parent->at, "unknown-department", "there is no department " + quoted(parent->text),
                         suggest(parent->text, known));
    }
  }
  std::unordered_set<std::string> told;
  for (const auto& [department, node] : parents) {
    const std::string circle = circle_from<Department>(department, [](const Department& one) {
      return one.parent ? std::vector<const Department*>{one.parent} : std::vector<const Department*>();
    });
    if (circle.empty() || told.contains(department->name)) continue;
    for (const Department* at = department; told.insert(at->name).second; at = at->parent) {
    }
    diagnostics_.error(node->at, "department-cycle", "`parent` goes in a circle: " + circle, "let one of them have no parent");
  }
  // Ways up must end also while other mistakes are being looked for.
  for (const auto& [department, node] : parents) {
    if (told.contains(department->name)) department->parent = nullptr;
  }

  auto choices = std::make_unique<Choices>();
  choices->name = "core.department";
  choices->label.set("en", "Department");
  choices->label.set("zh-CN", "部门");
  choices->label.set("zh-TW", "部門");
  // A department comes before those below it.
  const std::function<void(const Department*)> add = [&](const Department* parent) {
    for (const auto& one : catalog_.departments) {
      if (one->parent != parent) continue;
      ChoiceOption option;
      option.name = one->name;
      option.label = one->label;
      choices->options.push_back(std::move(option));
      add(one.get());
    }
  };
  add(nullptr);
  catalog_.choice_lists.push_back(std::move(choices));
}

Role* RoleBuilder::role_of(const Document& document) {
  for (const auto& one : catalog_.roles) {
    if (one->name == document.name) return one.get();
  }
  return nullptr;
}

const Role* RoleBuilder::find(std::string_view name, const Place& at, std::string_view module) {
  const bool full = name.find('.') != std::string_view::npos;
  const std::string wanted = full ? std::string(name) : std::string(module) + "." + std::string(name);
  if (const Role* role = catalog_.role(wanted)) return role;
  if (!tools_.lost("role", wanted)) {
    std::vector<std::string_view> known;
    for (const auto& one : catalog_.roles) known.push_back(one->name);
    diagnostics_.error(at, "unknown-role", "there is no role " + quoted(name), suggest(wanted, known));
  }
  return nullptr;
}

void RoleBuilder::declare() {
  for (const Document& document : documents_) {
    if (document.kind->name != "role") continue;
    auto role = std::make_unique<Role>();
    role->name = document.name;
    role->origin = to_origin(document.at);
    role->label = tools_.label(document, "role " + quoted(document.name));
    role->administrator = flag_of(document.root.get("administrator"), false);
    role->everyone = flag_of(document.root.get("everyone"), false);
    if (role->administrator && role->everyone) {
      diagnostics_.error(document.root.entry("everyone")->at, "contradiction",
                         "role " + quoted(document.name) + " would make everyone an administrator",
                         "remove `everyone` or `administrator`");
    }
    if (const Node* department = document.root.get("department")) {
      role->department = catalog_.department(department->text);
      if (!role->department && !tools_.lost("department", department->text)) {
        std::vector<std::string_view> known;
        for (const auto& one : catalog_.departments) known.push_back(one->name);
        diagnostics_.error(department->at, "unknown-department", "there is no department " + quoted(department->text),
                           suggest(department->text, known));
      }
    }
    if (const Node* routes = document.root.get("routes")) {
      if (routes->is_scalar()) role->routes.push_back(routes->text);
      for (const Node& one : routes->items) {
        if (one.is_scalar() && !one.bad) role->routes.push_back(one.text);
      }
    }
    catalog_.roles.push_back(std::move(role));
  }
  std::sort(catalog_.roles.begin(), catalog_.roles.end(), [](const auto& a, const auto& b) { return a->name < b->name; });
  for (const auto& role : catalog_.roles) catalog_.role_by_name[role->name] = role.get();
  for (const Document& document : documents_) {
    if (document.kind->name == "role") includes(*role_of(document), document);
  }
  close();
}

void RoleBuilder::includes(Role& role, const Document& document) {
  for (const auto& [name, at] : tools_.names(document.root.get("includes"))) {
    const Role* included = find(name, at, module_of(document.name));
    if (!included) continue;
    if (std::find(role.includes.begin(), role.includes.end(), included) != role.includes.end()) {
      diagnostics_.error(at, "named-twice", "role " + quoted(name) + " is named twice", "keep one");
    } else if (included->administrator) {
      diagnostics_.error(at, "includes-administrator",
                         "role " + quoted(role.name) + " includes " + quoted(included->name) + ", which may do everything",
                         "write `administrator: true` instead, so that it can be seen who may");
    } else {
      role.includes.push_back(included);
      included_at_[&role].emplace_back(included, at);
    }
  }
}

void RoleBuilder::close() {
  std::unordered_set<const Role*> told;
  for (const auto& role : catalog_.roles) {
    if (told.contains(role.get())) continue;
    const std::string circle = circle_from<Role>(role.get(), [](const Role& one) { return one.includes; });
    if (circle.empty()) continue;
    for (const auto& other : catalog_.roles) {
      if (circle.find(other->name) != std::string::npos) told.insert(other.get());
    }
    diagnostics_.error(included_at_[role.get()].front().second, "include-cycle", "`includes` goes in a circle: " + circle,
                       "let one of them not include the other");
  }
  for (const auto& role : catalog_.roles) {
    role->all.push_back(role.get());
    for (std::size_t i = 0; i < role->all.size(); ++i) {
      for (const Role* included : role->all[i]->includes) {
        if (std::find(role->all.begin(), role->all.end(), included) == role->all.end()) role->all.push_back(included);
      }
    }
  }
  for (const auto& role : catalog_.roles) {
    if (!role->everyone || role->administrator) continue;
    for (const Role* one : role->all) {
      if (std::find(catalog_.everyone.begin(), catalog_.everyone.end(), one) == catalog_.everyone.end()) catalog_.everyone.push_back(one);
    }
  }
}

void RoleBuilder::grants() {
  for (const Document& document : documents_) {
    if (document.kind->name == "role") grants_of(*role_of(document), document);
  }
  for (const auto& entity : catalog_.entities) {
    entity->restricts_by_default = std::any_of(entity->fields.begin(), entity->fields.end(),
                                               [](const auto& field) { return field->right < FieldRight::write; });
    entity->restricts_fields = entity->restricts_by_default;
  }
  for (const Document& document : documents_) {
    if (document.kind->name == "role") field_rights_of(*role_of(document), document);
  }
  for (const auto& role : catalog_.roles) check_titles(*role);
}

void RoleBuilder::grants_of(Role& role, const Document& document) {
  const Node* grants = document.root.get("grants");
  if (!grants) return;
  std::unordered_set<const Entity*> seen;
  for (const Entry& entry : grants->entries) {
    if (entry.bad) continue;
    const Entity* entity = tools_.entity(entry.key, entry.at, module_of(document.name));
    if (!entity || entry.value.bad) continue;
    if (!seen.insert(entity).second) {
      diagnostics_.error(entry.at, "named-twice", "entity " + quoted(entry.key) + " is named twice", "keep one");
      continue;
    }
    std::array<Grant, operation_count>& rights = role.grants[entity];
    for (std::size_t i = 0; i < operation_count; ++i) {
      const Node* node = entry.value.get(to_string(static_cast<Operation>(i)));
      if (!node) continue;
      rights[i].origin = to_origin(node->at);
      if (!node->quoted && (node->text == "true" || node->text == "false")) {
        rights[i].always = node->text == "true";
        continue;
      }
      rights[i].when = tools_.condition(*node, *entity);
    }
  }
}

void RoleBuilder::field_rights_of(Role& role, const Document& document) {
  const Node* rights = document.root.get("fields");
  if (!rights) return;
  std::unordered_set<const Entity*> seen;
  for (const Entry& entry : rights->entries) {
    if (entry.bad) continue;
    Entity* entity = tools_.entity(entry.key, entry.at, module_of(document.name));
    if (!entity || entry.value.bad) continue;
    if (!seen.insert(entity).second) {
      diagnostics_.error(entry.at, "named-twice", "entity " + quoted(entry.key) + " is named twice", "keep one");
      continue;
    }
    if (role.administrator) {
      diagnostics_.error(entry.at, "contradiction", "role " + quoted(role.name) + " may do everything, so `fields` says nothing",
                         "remove it, or `administrator`");
      continue;
    }
    const bool reads = std::any_of(role.all.begin(), role.all.end(), [&](const Role* one) {
      const auto grants = one->grants.find(entity);
      return grants != one->grants.end() && grants->second[static_cast<std::size_t>(Operation::read)].given();
    });
    if (!reads) {
      diagnostics_.error(entry.at, "no-grant",
                         "role " + quoted(role.name) + " may not read " + entity->full_name + ", so rights on its fields mean nothing",
                         "add `" + entity->full_name + ": {read: …}` to `grants`, or remove this");
    }
    auto& list = role.field_rights[entity];
    for (const Entry& one : entry.value.entries) {
      if (one.bad || one.value.bad) continue;
      const Field* field = tools_.field(*entity, one.key, one.at);
      const auto right = right_of(one.value.text);
      if (!field || !right) continue;
      if (*right < FieldRight::read && (field->slot == slot_id || field->slot == slot_version || field->slot == slot_state)) {
        diagnostics_.error(one.value.at, "system-field",
                           "field " + quoted(field->name) + " cannot be " + to_string(*right) + ": nothing works without it",
                           "remove the line, or write `read`");
        continue;
      }
      if (*right == FieldRight::write && !(field->system ? field->slot == slot_owner || field->slot == slot_external_source ||
                                                              field->slot == slot_external_id
                                                        : !field->compute && !field->read_only)) {
        diagnostics_.warning(one.value.at, "never-written",
                             "nobody may set field " + quoted(field->name) + ", so `write` gives no more than `read`", "write `read`");
      }
      for (const Field* computed : *right < FieldRight::read ? entity->computed : std::vector<const Field*>()) {
        const Node* said = entry.value.get(computed->name);
        if (said ? right_of(said->text).value_or(FieldRight::hidden) < FieldRight::read : computed->right < FieldRight::read) continue;
        const auto reads_it = expr::read_fields(*computed->compute);
        if (std::none_of(reads_it.begin(), reads_it.end(),
                         [&](const expr::ReadField& read) { return read.type == entity && read.slot == field->slot; }))
          continue;
        diagnostics_.warning(one.value.at, "tells-hidden",
                             "field " + quoted(computed->name) + " is computed from " + quoted(field->name) + " and stays readable",
                             "restrict it, too");
      }
      list.emplace_back(field, *right);
      if (*right != field->right) entity->restricts_fields = true;
    }
  }
}

void RoleBuilder::check_titles(const Role& role) {
  for (const auto& [entity, rights] : role.field_rights) {
    for (const auto& [field, right] : rights) {
      if (field != entity->title || right != FieldRight::hidden) continue;
      for (const Document& document : documents_) {
        if (document.kind->name != "role" || document.name != role.name) continue;
        diagnostics_.warning(document.at, "hidden-title",
                             "role " + quoted(role.name) + " hides " + quoted(field->name) + ", by which every " + entity->full_name +
                                 " is called; its number is shown instead",
                             "mask it, or name another `title`");
      }
    }
  }
}

}  // namespace caravan::model
