#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "model/check_codes.h"
#include "model/loader.h"
#include "unit/model/support.h"

/// The corpus of seeded defects: each is found, at its line, and nothing else is said.
namespace caravan::model {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

const fs::path folder = fs::path(CARAVAN_SOURCE_DIR) / "tests" / "defects";

LoadResult load(const std::string& base, const std::string& name, const std::string& text) {
  return load_catalog({core_layer(), {"plugin demo", {{"base.yaml", base, "demo"}}}, {"agency", {{name, text, ""}}}}, {});
}

using Found = std::multiset<std::string>;

Found expected(const std::string& name, const std::string& text, const std::string& base) {
  Found out;
  const auto lines = lines_of(text);
  const std::vector<std::string> base_lines = lines_of(base);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string here = "# expect: ", there = "# expect in base: ";
    if (const auto at = lines[i].find(here); at != std::string::npos) {
      std::istringstream codes(lines[i].substr(at + here.size()));
      for (std::string code; codes >> code;) {
        if (code.back() == ',') code.pop_back();
        out.insert(name + ":" + std::to_string(i + 1) + " " + code);
      }
    }
    if (const auto at = lines[i].find(there); at != std::string::npos) {
      const std::string rest = lines[i].substr(at + there.size());
      const auto colon = rest.find(": ");
      const std::string wanted = rest.substr(colon + 2);
      for (std::size_t k = 0; k < base_lines.size(); ++k) {
        if (base_lines[k].find(wanted) == std::string::npos) continue;
        out.insert("base.yaml:" + std::to_string(k + 1) + " " + rest.substr(0, colon));
        break;
      }
    }
  }
  return out;
}

TEST(Defects, TheBaseIsSound) { EXPECT_EQ(testing::all(load(read(folder / "base.yaml"), "agency.yaml", "")), ""); }

TEST(Defects, EveryOneIsFoundInItsPlaceAndNothingElse) {
  const std::string base = read(folder / "base.yaml");
  std::size_t files = 0, defects = 0, exact = 0;
  std::set<std::string> codes;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".yaml" || name == "base.yaml") continue;
    ++files;
    const std::string text = read(entry.path());
    const Found wanted = expected(name, text, base);
    EXPECT_FALSE(wanted.empty()) << name << " expects nothing";
    const LoadResult result = load(base, name, text);
    Found found;
    for (const Diagnostic& one : result.diagnostics) {
      found.insert(one.at.file + ":" + std::to_string(one.at.line) + " " + one.code);
      codes.insert(one.code);
      const CheckCode* page = find_check_code(one.code);
      EXPECT_TRUE(page && page->error == (one.severity == Diagnostic::Severity::error)) << one.code;
      EXPECT_FALSE(one.message.empty()) << name;
      EXPECT_GT(one.at.column, 0u) << name;
    }
    EXPECT_EQ(found, wanted) << name << ":\n" << testing::all(result);
    defects += wanted.size();
    exact += found == wanted;
  }
  EXPECT_GE(files, 60u);
  EXPECT_EQ(exact, files);
  std::printf("%zu seeded defects in %zu files, %zu codes; %zu files exact\n", defects, files, codes.size(), exact);
}

/// Every code that the sources can say has a page, and the pages are in the manual.
TEST(CheckCodes, HaveAPageEach) {
  std::set<std::string> said;
  for (const auto& entry : fs::directory_iterator(fs::path(CARAVAN_SOURCE_DIR) / "core" / "model")) {
    if (entry.path().extension() != ".cpp" || entry.path().filename() == "check_codes.cpp") continue;
    const std::string source = read(entry.path());
    // The code is an argument of the call itself, not of one inside it.
    static const std::regex call(R"re((?:error|warning|warn)\((?:[^;"()]|\((?:[^;()]|\((?:[^;()]|\([^;()]*\))*\))*\))*?,\s*"([a-z]+(?:-[a-z0-9]+)*)"\s*,)re");
    for (std::sregex_iterator at(source.begin(), source.end(), call), end; at != end; ++at) said.insert((*at)[1]);
  }
  EXPECT_GT(said.size(), 80u);
  for (const std::string& code : said) {
    if (code == "unknown" || code.ends_with('-')) continue;  // "unknown-" + what
    EXPECT_TRUE(find_check_code(code)) << code << " has no page in check_codes.cpp";
  }
  for (const char* code : {"unknown-entity", "unknown-choices", "unknown-state", "unknown-role", "unknown-form", "unknown-option"})
    EXPECT_TRUE(find_check_code(code)) << code;
  EXPECT_TRUE(std::is_sorted(check_codes().begin(), check_codes().end(), [](const auto& a, const auto& b) { return a.code < b.code; }));
  EXPECT_EQ(read(fs::path(CARAVAN_SOURCE_DIR) / "docs" / "checks.md"), checks_reference())
      << "docs/checks.md must be what `caravan docs checks` prints";
  EXPECT_EQ(read(fs::path(CARAVAN_SOURCE_DIR) / "docs" / "definitions.schema.json"), definitions_schema())
      << "docs/definitions.schema.json must be what `caravan docs schema` prints";
}

}  // namespace
}  // namespace caravan::model
