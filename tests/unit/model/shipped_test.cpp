#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <random>

#include "model/loader.h"
#include "unit/model/support.h"

namespace caravan::model {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<SourceLayer> shipped_layers() {
  return {core_layer(), shipped("customers"), shipped("sales")};
}

/// All departments, as an agency has them.
std::vector<SourceLayer> agency_layers() {
  auto layers = shipped_layers();
  for (const char* plugin : {"scheduling", "guides", "aftersales"}) layers.push_back(shipped(plugin));
  return layers;
}

TEST(Shipped, DefinitionsLoadWithoutAWord) {
  const LoadResult result = load_catalog(shipped_layers(), {});
  EXPECT_EQ(all(result), "");
  ASSERT_TRUE(result.catalog);
}

TEST(Shipped, TheDepartmentsFitTogether) {
  const LoadResult result = load_catalog(agency_layers(), {});
  EXPECT_EQ(all(result), "");
  ASSERT_TRUE(result.catalog);
  EXPECT_TRUE(result.catalog->entity("aftersales.case"));
}

TEST(Shipped, EveryLabelExistsInThreeLanguages) {
  const LoadResult result = load_catalog(agency_layers(), {});
  ASSERT_TRUE(result.catalog);
  const auto expect_three = [](const Text& text, const std::string& what) {
    for (const char* locale : {"en", "zh-CN", "zh-TW"})
      EXPECT_TRUE(text.all().contains(locale)) << what << " in " << locale;
  };
  for (const auto& entity : result.catalog->entities) {
    expect_three(entity->label, entity->full_name);
    expect_three(entity->plural, entity->full_name);
    for (const auto& field : entity->fields)
      expect_three(field->label, entity->full_name + "." + field->name);
    for (const Invariant& invariant : entity->invariants) expect_three(invariant.message, invariant.name);
    for (const Form* form : entity->forms) {
      expect_three(form->label, form->name);
      for (const FormGroup& group : form->groups) expect_three(group.label, form->name + "." + group.name);
    }
    for (const View* view : entity->views) expect_three(view->label, view->name);
    if (!entity->workflow) continue;
    for (const auto& state : entity->workflow->states) expect_three(state->label, state->name);
    for (const auto& transition : entity->workflow->transitions) {
      expect_three(transition->label, transition->name);
      if (transition->when) expect_three(transition->message, transition->name);
    }
  }
  for (const auto& choices : result.catalog->choice_lists) {
    expect_three(choices->label, choices->name);
    for (const ChoiceOption& option : choices->options)
      expect_three(option.label, choices->name + "." + option.name);
  }
  for (const auto& role : result.catalog->roles) expect_three(role->label, role->name);
}

TEST(Shipped, AnInquiryGoesFromNewToWonWithoutFurtherFields) {
  const LoadResult result = load_catalog(shipped_layers(), {});
  ASSERT_TRUE(result.catalog);
  const Entity* inquiry = result.catalog->entity("sales.inquiry");
  ASSERT_TRUE(inquiry && inquiry->workflow);
  const State* state = inquiry->workflow->initial;
  for (const char* name : {"contact", "qualify", "propose", "win"}) {
    const Transition* step = inquiry->workflow->transition(name);
    ASSERT_TRUE(step) << name;
    EXPECT_THAT(step->from, ::testing::Contains(state)) << name;
    EXPECT_TRUE(step->require.empty()) << name;
    EXPECT_EQ(step->form, nullptr) << name;
    EXPECT_FALSE(step->comment_required) << name;
    EXPECT_THAT(step->by, ElementsAre("sales.salesperson", "sales.sales_manager")) << name;
    state = step->to;
  }
  EXPECT_EQ(state->name, "won");
  const Transition* lose = inquiry->workflow->transition("lose");
  ASSERT_TRUE(lose && lose->form);
  EXPECT_EQ(lose->form->name, "sales.lose_reason");
  EXPECT_EQ(lose->require.at(0)->name, "lost_reason");
  EXPECT_THAT(inquiry->workflow->transition("reopen")->by, ElementsAre("sales.sales_manager"));
  EXPECT_EQ(inquiry->forms.at(0)->name, "sales.inquiry_form");
  EXPECT_EQ(inquiry->views.at(0)->name, "sales.inquiry_list");
  EXPECT_EQ(inquiry->workflow->transition("qualify")->message.in("zh-CN"), "请先填写出行人数");
}

TEST(Shipped, EveryRoleReadsTheUsers) {
  const LoadResult result = load_catalog(shipped_layers(), {});
  ASSERT_TRUE(result.catalog);
  const Entity* user = result.catalog->entity("core.user");
  for (const auto& role : result.catalog->roles) {
    if (role->administrator || role->everyone) continue;
    ASSERT_TRUE(role->grants.contains(user)) << role->name;
    EXPECT_TRUE(role->grants.at(user)[static_cast<std::size_t>(Operation::read)].always) << role->name;
    EXPECT_FALSE(role->grants.at(user)[static_cast<std::size_t>(Operation::update)].given()) << role->name;
  }
}

TEST(Shipped, TheExampleOfTheDocumentationLoads) {
  std::ifstream in(std::filesystem::path(CARAVAN_SOURCE_DIR) / "docs" / "definitions.md", std::ios::binary);
  const std::string manual(std::istreambuf_iterator<char>(in), {});
  const std::string fence = "```yaml\n# config/agency.yaml\n";
  const std::size_t begin = manual.find(fence);
  ASSERT_NE(begin, std::string::npos);
  const std::size_t start = begin + 8, end = manual.find("```", start);
  std::vector<SourceLayer> layers = shipped_layers();
  layers.push_back({"agency", {{"agency.yaml", manual.substr(start, end - start), ""}}});
  const LoadResult result = load_catalog(layers, {});
  EXPECT_EQ(all(result), "");
  EXPECT_TRUE(result.catalog);
  EXPECT_THAT(manual, HasSubstr(definitions_reference()))
      << "docs/definitions.md must end with what `caravan docs definitions` prints";
}

std::string read_source(const char* path) {
  std::ifstream in(std::filesystem::path(CARAVAN_SOURCE_DIR) / path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

TEST(Shipped, EveryExampleOfTheDocumentationLoads) {
  const std::string text = read_source("docs/definitions.md");
  const std::string manual = text.substr(0, text.find("\n## Reference"));
  std::vector<SourceLayer> layers = shipped_layers();
  layers.push_back({"pack documentation", {{"documentation.yaml", read_source("tests/unit/model/documentation.yaml"), ""}}});
  const std::string fence = "```yaml\n";
  int examples = 0;
  for (std::size_t begin = manual.find(fence); begin != std::string::npos; begin = manual.find(fence, begin + 1)) {
    const std::size_t start = begin + fence.size();
    const std::string example = manual.substr(start, manual.find("```", start) - start);
    // Some show only a part of a document.
    if (!example.starts_with("kind: ") && example.find("\nkind: ") == std::string::npos) continue;
    ++examples;
    auto with = layers;
    const auto line = std::count(manual.begin(), manual.begin() + static_cast<std::ptrdiff_t>(start), '\n');
    with.push_back({"agency", {{"docs/definitions.md, from line " + std::to_string(line), example, ""}}});
    const LoadResult result = load_catalog(with, {});
    EXPECT_TRUE(result.catalog) << all(result);
  }
  EXPECT_GE(examples, 20);
}

/// Bytes changed at random: whatever comes out, nothing crashes, hangs or throws, and a refusal has a reason.
TEST(Shipped, MutatedFilesNeverCrashTheLoader) {
  std::mt19937 random(20261121);
  const std::vector<SourceLayer> original = shipped_layers();
  const std::string interesting = "{}[]:,-#&*!|>'\"%@`?\n \t\\~<=/.0aZ";
  int refused = 0;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  int rounds = 0;
  for (; rounds < 1000 && std::chrono::steady_clock::now() < until; ++rounds) {
    std::vector<SourceLayer> layers = original;
    for (int n = 1 + static_cast<int>(random() % 3); n > 0; --n) {
      SourceLayer& layer = layers[random() % layers.size()];
      std::string& text = layer.files[random() % layer.files.size()].text;
      const std::size_t at = random() % text.size();
      switch (random() % 6) {
        case 0:
          text[at] = static_cast<char>(random() % 16 ? 32 + random() % 95 : random());
          break;
        case 1:
          text[at] = interesting[random() % interesting.size()];
          break;
        case 2:
          text.erase(at, 1 + random() % 40);
          break;
        case 3:
          text.insert(at, 1 + random() % 3, interesting[random() % interesting.size()]);
          break;
        case 4:
          text.insert(at, text.substr(random() % text.size(), random() % 80));
          break;
        default: {
          // Words in each other's place: well-formed YAML with wrong meaning.
          const std::size_t colon = text.find(": ", at);
          if (colon != std::string::npos)
            text.replace(colon + 2, 1 + random() % 6, random() % 2 ? "[" : "null");
        }
      }
      if (text.empty()) text = " ";
    }
    const LoadResult result = load_catalog(layers, {});
    if (!result.catalog) {
      ++refused;
      EXPECT_TRUE(
          std::any_of(result.diagnostics.begin(), result.diagnostics.end(),
                      [](const Diagnostic& one) { return one.severity == Diagnostic::Severity::error; }));
    }
  }
  std::printf("%d mutated sets, %d refused\n", rounds, refused);
  EXPECT_GT(refused, rounds / 2);
  EXPECT_LT(refused, rounds) << "some changes only touch a text";
}

TEST(Shipped, ThreeHundredEntitiesLoadQuickly) {
  SourceLayer layer{"plugin big", {}};
  for (int i = 0; i < 300; ++i) {
    const std::string name = "thing_" + std::to_string(i);
    std::string text =
        "kind: entity\nname: " + name + "\nlabel: {en: Thing, zh-CN: 东西, zh-TW: 東西}\nfields:\n";
    for (int f = 0; f < 40; ++f) {
      const std::string label = ", label: {en: Field " + std::to_string(f) + ", zh-CN: 字段" + std::to_string(f) + ", zh-TW: 欄位" + std::to_string(f) + "}}\n";
      text += "  f" + std::to_string(f) +
              (f == 0  ? ": {type: ref, to: thing_" + std::to_string((i + 1) % 300)
               : f % 2 ? ": {type: text, max: 50"
                       : ": {type: int, min: 0") +
              label;
    }
    text += "invariants: {positive: {check: \"record.f2 >= 0 && record.f4 < record.f6\"}}\n";
    layer.files.push_back({name + ".yaml", std::move(text), "big"});
  }
  const auto start = std::chrono::steady_clock::now();
  const LoadResult result = load_catalog({core_layer(), layer}, {});
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_EQ(all(result), "");
  ASSERT_TRUE(result.catalog);
  std::printf("300 entities with 40 fields each, three languages: %.2f s\n", seconds);
  EXPECT_LT(seconds, 10.0);
}

}  // namespace
}  // namespace caravan::model
