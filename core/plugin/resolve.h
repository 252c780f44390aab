#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plugin/version.h"

namespace caravan::plugin {

/// A version of a plugin that could be used.
struct Available {
  std::string name;
  Version version;
  std::map<std::string, VersionRange> needs;
};

/// What to solve: which version of which plugin is used, so that all needs are met.
struct Puzzle {
  std::vector<Available> files;
  std::map<std::string, Version> running;
  std::map<std::string, std::optional<Version>> wanted = {};  ///< must be on, of that version where one is named
  std::set<std::string> unwanted = {};                        ///< must be off
};

struct PluginStep {
  enum class Kind { switch_on, change_version, switch_off } kind = Kind::switch_on;
  std::string name;
  std::optional<Version> from, to;
};
/// `switch on billing 1.2.0`
std::string to_string(const PluginStep& step);

struct Solution {
  bool possible = false;
  std::map<std::string, Version> use;  ///< all that run then; the wanted ones among them
  /// What else must change beyond what was asked for; empty where all fits. Of all ways the one with the least weight: to switch on counts 1,
  /// another version 2, to switch off 5.
  std::vector<PluginStep> further;
  /// Which needs stand against what was asked for, a sentence each; empty where all fits.
  std::vector<std::string> conflicts;
};

/// Pure. The same answer for the same question; among equal ways, newer versions first. Takes time in proportion to what must change,
/// not to how many plugins there are.
Solution resolve(const Puzzle& puzzle);

}  // namespace caravan::plugin
