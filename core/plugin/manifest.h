#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/catalog.h"
#include "plugin/version.h"

namespace caravan::plugin {

/// A change of the data that were there before a version: the plugin's action is done once with each record.
struct Migration {
  std::string name;
  std::string entity;  ///< full name
  std::string action;  ///< `PLUGIN.ACTION`
  std::string where;   ///< CEL over `record`: only these; empty: all
};

/// What a plugin says of itself in `plugin.yaml`, or a pack in its first document.
struct Manifest {
  std::string name;  ///< `sales`: a-z, 0-9 and _; prefix of its entities and of its routes
  Version version;
  model::Text label;
  std::string icon;                                  ///< of its group in the navigation; may be empty
  int order = 100;                                   ///< place in the navigation
  VersionRange sdk;                                  ///< SDK versions it works with
  std::map<std::string, VersionRange> dependencies;  ///< other plugins it needs
  model::Text description;
  std::string vendor;
  std::vector<Migration> migrations;  ///< in the order in which they are done
  int edition = 2026;  ///< of the language that its definitions are written in
};

/// Throws Error(invalid_argument) with all mistakes, one a line, as `file:line:column: what is wrong: what
/// would be right`.
Manifest parse_manifest(std::string_view yaml, std::string_view file);
/// The same for a pack's: `kind: pack`, and no code that would need an SDK. Texts are placed as in `file`.
Manifest parse_pack_manifest(std::string_view yaml, std::string_view file);

}  // namespace caravan::plugin
