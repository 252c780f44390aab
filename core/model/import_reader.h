#pragma once

#include <functional>

#include "model/functions.h"
#include "model/import_map.h"
#include "model/yaml_tree.h"

/// Internal to core/model: an import map out of its tree.
namespace caravan::model {

/// How names in the map are found; each reports what it does not find, unless that was reported elsewhere.
struct ImportNames {
  std::function<const Entity*(std::string_view name, const Place& at)> entity;
  std::function<const Field*(const Entity& entity, std::string_view name, const Place& at)> field;
  std::function<const PluginFunction*(std::string_view name, const Place& at)> function;  ///< of those for imports
};

/// `shaped`: the words were checked already (see words.h), and what is missing was reported.
ImportMap read_import_map(const Node& document, const ImportNames& names, bool shaped, Diagnostics& diagnostics);

}  // namespace caravan::model
