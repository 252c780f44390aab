#include "plugin/resolve.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace caravan::plugin {
namespace {

Available file(const std::string& name, const std::string& version, const std::map<std::string, std::string>& needs = {}) {
  Available out{name, *parse_version(version), {}};
  for (const auto& [other, range] : needs) out.needs.emplace(other, *VersionRange::parse(range));
  return out;
}

std::string steps(const Solution& solution) {
  std::string out;
  for (const auto& step : solution.further) out += (out.empty() ? "" : "; ") + to_string(step);
  return out;
}

std::string used(const Solution& solution) {
  std::string out;
  for (const auto& [name, version] : solution.use) out += (out.empty() ? "" : ", ") + name + " " + to_string(version);
  return out;
}

TEST(Resolve, WhatFitsNeedsNothingElse) {
  Puzzle puzzle{{file("base", "1.0.0"), file("top", "1.0.0", {{"base", ">=1 <2"}})}, {{"base", *parse_version("1.0.0")}}};
  puzzle.wanted["top"];
  const Solution solution = resolve(puzzle);
  EXPECT_TRUE(solution.possible);
  EXPECT_EQ(used(solution), "base 1.0.0, top 1.0.0");
  EXPECT_EQ(steps(solution), "");
  EXPECT_TRUE(solution.conflicts.empty());
}

TEST(Resolve, TellsWhatMustBeSwitchedOnToo) {
  Puzzle puzzle{{file("base", "1.0.0"), file("base", "1.4.0"), file("base", "2.0.0"), file("middle", "0.1.0", {{"base", ">=1 <2"}}), file("top", "1.0.0", {{"middle", ">=0"}})}, {}};
  puzzle.wanted["top"];
  const Solution solution = resolve(puzzle);
  EXPECT_TRUE(solution.possible);
  EXPECT_EQ(steps(solution), "switch on base 1.4.0; switch on middle 0.1.0");
  ASSERT_EQ(solution.conflicts.size(), 1u);
  EXPECT_EQ(solution.conflicts[0], "top 1.0.0 needs middle >=0, which is off (there is 0.1.0).");
}

TEST(Resolve, ADeadlockOfVersionsIsExplainedWithTheSmallestWayOut) {
  // Two plugins of one base: the newer one asks for a base that the older one does not take.
  Puzzle puzzle{{file("base", "1.0.0"), file("base", "2.0.0"), file("old", "1.0.0", {{"base", "<2"}}), file("old", "1.1.0", {{"base", ">=1 <3"}}),
                 file("new", "1.0.0", {{"base", ">=2"}})},
                {{"base", *parse_version("1.0.0")}, {"old", *parse_version("1.0.0")}}};
  puzzle.wanted["new"];
  Solution solution = resolve(puzzle);
  EXPECT_TRUE(solution.possible);
  EXPECT_EQ(steps(solution), "bring base from 1.0.0 to 2.0.0; bring old from 1.0.0 to 1.1.0");
  ASSERT_EQ(solution.conflicts.size(), 1u);
  EXPECT_EQ(solution.conflicts[0], "new 1.0.0 needs base >=2, but 1.0.0 is in use (there is 2.0.0, 1.0.0).");
  // Without the newer `old` it has to go.
  std::erase_if(puzzle.files, [](const Available& one) { return one.name == "old" && one.version.minor == 1; });
  solution = resolve(puzzle);
  EXPECT_EQ(steps(solution), "bring base from 1.0.0 to 2.0.0; switch off old");
  // And where that is not to be, there is no way.
  puzzle.wanted["old"];
  EXPECT_FALSE(resolve(puzzle).possible);
}

TEST(Resolve, WhatIsNotThereIsNamed) {
  Puzzle puzzle{{file("top", "1.0.0", {{"absent", ">=1"}})}, {}};
  puzzle.wanted["top"];
  Solution solution = resolve(puzzle);
  EXPECT_FALSE(solution.possible);
  EXPECT_EQ(solution.conflicts, std::vector<std::string>{"top 1.0.0 needs absent >=1, of which there is no file."});
  puzzle.wanted.clear();
  puzzle.wanted["ghost"];
  EXPECT_EQ(resolve(puzzle).conflicts, std::vector<std::string>{"No file holds the plugin ghost."});
  puzzle.wanted.clear();
  puzzle.wanted["top"] = *parse_version("3.0.0");
  EXPECT_EQ(resolve(puzzle).conflicts, std::vector<std::string>{"There is no version 3.0.0 of the plugin top; there is 1.0.0."});
}

TEST(Resolve, SwitchingOffTakesDependentsAlong) {
  Puzzle puzzle{{file("base", "1.0.0"), file("top", "1.0.0", {{"base", ">=1"}})}, {{"base", *parse_version("1.0.0")}, {"top", *parse_version("1.0.0")}}};
  puzzle.unwanted.insert("base");
  const Solution solution = resolve(puzzle);
  EXPECT_TRUE(solution.possible);
  EXPECT_EQ(steps(solution), "switch off top");
  EXPECT_EQ(used(solution), "");
}

TEST(Resolve, ManyPluginsTakeNoTime) {
  Puzzle puzzle;
  for (int i = 0; i < 200; ++i) {
    const std::string name = "p" + std::to_string(i);
    const std::map<std::string, std::string> needs = i == 0 ? std::map<std::string, std::string>{} : std::map<std::string, std::string>{{"p" + std::to_string(i - 1), ">=1 <3"}};
    for (const char* version : {"1.0.0", "1.1.0", "2.0.0"}) puzzle.files.push_back(file(name, version, needs));
    puzzle.running[name] = *parse_version("1.0.0");
  }
  puzzle.files.push_back(file("top", "1.0.0", {{"p199", ">=2"}}));
  puzzle.wanted["top"];
  EXPECT_EQ(steps(resolve(puzzle)), "bring p199 from 1.0.0 to 2.0.0");
}

/// All assignments, the lightest that fits; -1 where none does.
int lightest(const Puzzle& puzzle) {
  std::map<std::string, std::vector<const Available*>> versions;
  for (const Available& one : puzzle.files) versions[one.name].push_back(&one);
  for (const auto& [name, version] : puzzle.wanted) {
    if (!versions.contains(name)) return -1;
  }
  std::vector<std::string> names;
  for (const auto& [name, list] : versions) names.push_back(name);
  int best = -1;
  std::map<std::string, const Available*> chosen;
  const std::function<void(std::size_t, int)> go = [&](std::size_t at, int cost) {
    if (at == names.size()) {
      for (const auto& [name, one] : chosen) {
        if (one == nullptr) continue;
        for (const auto& [needed, range] : one->needs) {
          const auto found = chosen.find(needed);
          if (found == chosen.end() || found->second == nullptr || !range.contains(found->second->version)) return;
        }
      }
      if (best < 0 || cost < best) best = cost;
      return;
    }
    const std::string& name = names[at];
    const auto run = puzzle.running.find(name);
    const auto wanted = puzzle.wanted.find(name);
    std::vector<const Available*> options = versions[name];
    options.push_back(nullptr);
    for (const Available* one : options) {
      if (one == nullptr && wanted != puzzle.wanted.end()) continue;
      if (one != nullptr && puzzle.unwanted.contains(name)) continue;
      if (one != nullptr && wanted != puzzle.wanted.end() && wanted->second && *wanted->second != one->version) continue;
      int extra = 0;
      if (wanted == puzzle.wanted.end() && !puzzle.unwanted.contains(name)) {
        const bool runs = run != puzzle.running.end();
        if (one == nullptr) extra = runs ? 5 : 0;
        else if (!runs) extra = 1;
        else if (run->second != one->version) extra = 2;
      }
      chosen[name] = one;
      go(at + 1, cost + extra);
    }
    chosen.erase(name);
  };
  go(0, 0);
  return best;
}

TEST(Resolve, FindsTheLightestWayInRandomCases) {
  std::mt19937 random(20261122);
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  int possible = 0, further = 0, impossible = 0;
  for (int turn = 0; turn < 4000; ++turn) {
    Puzzle puzzle;
    const int count = 2 + pick(4);
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) names.push_back(std::string(1, static_cast<char>('a' + i)));
    for (const auto& name : names) {
      const int versions = 1 + pick(3);
      for (int v = 1; v <= versions; ++v) {
        std::map<std::string, std::string> needs;
        for (const auto& other : names) {
          if (other == name || pick(4) != 0) continue;
          const int low = 1 + pick(3), high = low + 1 + pick(2);
          needs[other] = ">=" + std::to_string(low) + " <" + std::to_string(high);
        }
        puzzle.files.push_back(file(name, std::to_string(v) + ".0.0", needs));
      }
    }
    for (const auto& one : puzzle.files) {
      if (pick(3) == 0) puzzle.running[one.name] = one.version;
    }
    if (pick(3) == 0) {
      puzzle.unwanted.insert(names[static_cast<std::size_t>(pick(count))]);
    } else {
      const auto& name = names[static_cast<std::size_t>(pick(count))];
      if (pick(2) == 0) puzzle.wanted[name]; else puzzle.wanted[name] = Version{static_cast<std::uint32_t>(1 + pick(3)), 0, 0, {}};
    }
    const int expected = lightest(puzzle);
    const Solution solution = resolve(puzzle);
    ASSERT_EQ(solution.possible, expected >= 0) << turn;
    if (expected < 0) {
      ++impossible;
      EXPECT_FALSE(solution.conflicts.empty()) << turn;
      continue;
    }
    int weight = 0;
    for (const auto& step : solution.further) weight += step.kind == PluginStep::Kind::switch_on ? 1 : step.kind == PluginStep::Kind::change_version ? 2 : 5;
    ASSERT_EQ(weight, expected) << turn << ": " << steps(solution);
    // What is used fits together.
    for (const auto& [name, version] : solution.use) {
      for (const Available& one : puzzle.files) {
        if (one.name != name || one.version != version) continue;
        for (const auto& [needed, range] : one.needs) {
          ASSERT_TRUE(solution.use.contains(needed)) << turn;
          ASSERT_TRUE(range.contains(solution.use.at(needed))) << turn;
        }
      }
    }
    ++possible;
    further += solution.further.empty() ? 0 : 1;
  }
  EXPECT_GT(possible, 1000);
  EXPECT_GT(further, 500);
  EXPECT_GT(impossible, 100);
}

}  // namespace
}  // namespace caravan::plugin
