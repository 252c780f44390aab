#include "plugin/resolve.h"

#include <algorithm>
#include <utility>

namespace caravan::plugin {
namespace {

constexpr int on_weight = 1, version_weight = 2, off_weight = 5;

/// Index into the plugin's versions; none: off.
using Choice = std::optional<std::size_t>;

struct Plugin {
  std::vector<const Available*> versions;  ///< newest first
  Choice now;                              ///< what runs
  Choice start;                            ///< what is tried first: what was asked for, else what runs
  std::vector<Choice> allowed;             ///< in order of preference
  bool asked = false;                      ///< its change weighs nothing
};

struct Conflict {
  std::string plugin, needed;
  const VersionRange* range = nullptr;
};

class Search {
 public:
  explicit Search(const Puzzle& puzzle) {
    for (const Available& file : puzzle.files) plugins_[file.name].versions.push_back(&file);
    for (auto& [name, plugin] : plugins_) {
      auto& versions = plugin.versions;
      std::stable_sort(versions.begin(), versions.end(), [](const Available* a, const Available* b) { return a->version > b->version; });
      versions.erase(std::unique(versions.begin(), versions.end(), [](const Available* a, const Available* b) { return a->version == b->version; }), versions.end());
      const auto index = [&](const Version& version) -> Choice {
        for (std::size_t i = 0; i < versions.size(); ++i) {
          if (versions[i]->version == version) return i;
        }
        return std::nullopt;
      };
      if (const auto run = puzzle.running.find(name); run != puzzle.running.end()) plugin.now = index(run->second);
      const auto wanted = puzzle.wanted.find(name);
      if (puzzle.unwanted.contains(name)) {
        plugin.asked = true;
        plugin.allowed = {std::nullopt};
      } else if (wanted != puzzle.wanted.end()) {
        plugin.asked = true;
        if (wanted->second) {
          if (const Choice one = index(*wanted->second)) plugin.allowed = {one};
        } else {
          if (plugin.now) plugin.allowed.push_back(plugin.now);
          for (std::size_t i = 0; i < versions.size(); ++i) {
            if (Choice(i) != plugin.now) plugin.allowed.emplace_back(i);
          }
        }
        if (plugin.allowed.empty()) impossible_ = true;
      } else {
        plugin.allowed.push_back(plugin.now);
        for (std::size_t i = 0; i < versions.size(); ++i) {
          if (Choice(i) != plugin.now) plugin.allowed.emplace_back(i);
        }
        if (plugin.now) plugin.allowed.emplace_back(std::nullopt);
      }
      plugin.start = plugin.allowed.empty() ? std::nullopt : plugin.allowed.front();
      chosen_[name] = plugin.start;
    }
    for (const auto& [name, version] : puzzle.wanted) {
      if (!plugins_.contains(name)) impossible_ = true;
    }
  }

  std::vector<Conflict> conflicts() const {
    std::vector<Conflict> out;
    for (const auto& [name, choice] : chosen_) {
      if (!choice) continue;
      for (const auto& [needed, range] : file(name, *choice).needs) {
        if (!met(needed, range)) out.push_back({name, needed, &range});
      }
    }
    return out;
  }

  /// Finds the lightest way.
  bool run() {
    if (impossible_) return false;
    // By rising weight, so that the first that is found is the lightest and little is tried in vain.
    int most = 0;
    for (const auto& [name, plugin] : plugins_) most += plugin.now ? off_weight : version_weight;
    for (int bound = 0; bound <= most; ++bound) {
      deeper_ = false;
      if (repair(bound)) return true;
      if (!deeper_) return false;  // nothing was left out because of its weight
    }
    return false;
  }

  const std::map<std::string, Choice>& chosen() const { return chosen_; }
  const std::map<std::string, Plugin>& plugins() const { return plugins_; }

 private:
  const Available& file(const std::string& name, std::size_t i) const { return *plugins_.at(name).versions[i]; }
  bool met(const std::string& needed, const VersionRange& range) const {
    const auto choice = chosen_.find(needed);
    return choice != chosen_.end() && choice->second && range.contains(file(needed, *choice->second).version);
  }

  static int weight(const Plugin& plugin, const Choice& choice) {
    if (plugin.asked || choice == plugin.now) return 0;
    if (!choice) return off_weight;
    return plugin.now ? version_weight : on_weight;
  }

  /// One unmet need: in every way out its plugin is another one, or it stays and what it needs is in its range.
  bool repair(int left) {
    const auto all = conflicts();
    if (all.empty()) return true;
    const Conflict& one = all.front();
    const bool fixed_before = fixed_.contains(one.plugin);
    if (plugins_.contains(one.needed) && !fixed_.contains(one.needed)) {
      const bool added = fixed_.insert(one.plugin).second;
      const Plugin& needed = plugins_.at(one.needed);
      for (const Choice& choice : needed.allowed) {
        if (choice && one.range->contains(needed.versions[*choice]->version) && try_choice(one.needed, choice, left)) return true;
      }
      if (added) fixed_.erase(one.plugin);
    }
    if (fixed_before) return false;
    const Plugin& plugin = plugins_.at(one.plugin);
    const Choice before = chosen_.at(one.plugin);
    for (const Choice& choice : plugin.allowed) {
      if (choice != before && try_choice(one.plugin, choice, left)) return true;
    }
    return false;
  }

  bool try_choice(const std::string& name, const Choice& choice, int left) {
    const int cost = weight(plugins_.at(name), choice) - weight(plugins_.at(name), chosen_.at(name));
    if (cost > left) {
      deeper_ = true;
      return false;
    }
    const Choice before = std::exchange(chosen_.at(name), choice);
    fixed_.insert(name);
    if (repair(left - cost)) return true;
    fixed_.erase(name);
    chosen_.at(name) = before;
    return false;
  }

  std::map<std::string, Plugin> plugins_;
  std::map<std::string, Choice> chosen_;
  std::set<std::string> fixed_;
  bool impossible_ = false, deeper_ = false;
};

std::string versions_text(const Plugin& plugin) {
  std::string out;
  for (const Available* one : plugin.versions) out += (out.empty() ? "" : ", ") + to_string(one->version);
  return out;
}

}  // namespace

std::string to_string(const PluginStep& step) {
  switch (step.kind) {
    case PluginStep::Kind::switch_on:
      return "switch on " + step.name + " " + to_string(*step.to);
    case PluginStep::Kind::change_version:
      return "bring " + step.name + " from " + to_string(*step.from) + " to " + to_string(*step.to);
    case PluginStep::Kind::switch_off:
      return "switch off " + step.name;
  }
  return {};
}

Solution resolve(const Puzzle& puzzle) {
  Search search(puzzle);
  Solution out;
  for (const auto& [name, version] : puzzle.wanted) {
    const auto known = search.plugins().find(name);
    if (known == search.plugins().end()) {
      out.conflicts.push_back("No file holds the plugin " + name + ".");
    } else if (known->second.allowed.empty()) {
      out.conflicts.push_back("There is no version " + to_string(*version) + " of the plugin " + name + "; there is " + versions_text(known->second) + ".");
    }
  }
  for (const Conflict& one : search.conflicts()) {
    const Plugin& plugin = search.plugins().at(one.plugin);
    std::string text = one.plugin + " " + to_string(plugin.versions[*plugin.start]->version) + " needs " + one.needed + " " + one.range->text();
    const auto needed = search.plugins().find(one.needed);
    if (needed == search.plugins().end()) {
      text += ", of which there is no file";
    } else {
      text += needed->second.start ? ", but " + to_string(needed->second.versions[*needed->second.start]->version) + " is in use" : ", which is off";
      text += " (there is " + versions_text(needed->second) + ")";
    }
    out.conflicts.push_back(text + ".");
  }
  out.possible = search.run();
  if (!out.possible) return out;
  for (const auto& [name, choice] : search.chosen()) {
    const Plugin& plugin = search.plugins().at(name);
    if (choice) out.use[name] = plugin.versions[*choice]->version;
    if (plugin.asked || choice == plugin.now) continue;
    PluginStep step;
    step.name = name;
    step.kind = !choice ? PluginStep::Kind::switch_off : plugin.now ? PluginStep::Kind::change_version : PluginStep::Kind::switch_on;
    if (plugin.now) step.from = plugin.versions[*plugin.now]->version;
    if (choice) step.to = plugin.versions[*choice]->version;
    out.further.push_back(std::move(step));
  }
  return out;
}

}  // namespace caravan::plugin
