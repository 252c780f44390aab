#include "model/provenance.h"

#include <gmock/gmock.h>

#include <map>

namespace caravan::model {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr const char* plugin_1 = R"(kind: entity
name: trip
fields:
  title: {type: text, max: 40}
  due_on: {type: date}
  note: {type: text, max: 10}
workflow:
  initial: new
  states: {new: {}, done: {}}
)";
constexpr const char* plugin_2 = R"(kind: entity
name: trip
fields:
  title: {type: text, max: 80}
  note: {type: text, max: 20}
  place: {type: text, max: 30}
workflow:
  initial: new
  states: {new: {}, done: {}}
)";
constexpr const char* agency = R"(kind: entity
name: desk.trip
fields:
  title: {max: 60}
  due_on: {required: true}
  note: {max: 20}
  x_extra: {type: bool}
workflow:
  states: {done: null}
)";

std::vector<SourceLayer> layers(const char* plugin) {
  return {{"plugin desk", {{"desk.so:trip.yaml", plugin, "desk"}}}, {"agency", {{"config/trip.yaml", agency, ""}}}};
}

const ExplainedWord& word(const ExplainedDefinition& definition, std::string_view path) {
  for (const auto& one : definition.words) {
    if (one.path == path) return one;
  }
  ADD_FAILURE() << "nothing is said of " << path;
  static const ExplainedWord none{{}, {{}}};
  return none;
}

TEST(Provenance, ListsDocumentsWithTheirTexts) {
  const std::string two = "# above\nkind: entity\nname: trip\n\n---\nkind: agency\nname: Anybody\n\n---\n# nothing\n---\n{kind: import map, name: desk.guests}\n---\nkind: entity\nname: [\n";
  const auto found = list_documents({{"plugin desk", {{"desk.so:two.yaml", two, "desk"}}}, {"console edits", {{"console:edits/entity/desk.trip.yaml", agency, ""}}}});
  ASSERT_THAT(found, SizeIs(5));
  EXPECT_EQ(found[0].kind + " " + found[0].name + " " + found[0].layer, "entity desk.trip plugin desk");
  EXPECT_EQ(found[0].text, "# above\nkind: entity\nname: trip\n");
  EXPECT_EQ(found[0].line, 1u);
  EXPECT_EQ(found[1].kind + " " + found[1].name, "agency agency");
  EXPECT_EQ(found[1].line, 6u);
  EXPECT_EQ(found[1].text, "kind: agency\nname: Anybody\n");
  EXPECT_EQ(found[2].kind + " " + found[2].name, "import_map desk.guests");
  EXPECT_EQ(found[2].line, 12u);
  EXPECT_EQ(found[3].kind, "entity") << "also where it cannot be read";
  EXPECT_EQ(found[3].line, 14u);
  EXPECT_EQ(found[4].name + " " + found[4].file, "desk.trip console:edits/entity/desk.trip.yaml");
}

TEST(Provenance, WhatTheConsoleSaysIsTheAgencys) {
  auto before = layers(plugin_1), after = layers(plugin_2);
  before[1].name = after[1].name = "console edits";
  for (const auto& change : compare_defaults(before, after)) {
    if (change.path == "fields.title.max") {
      EXPECT_EQ(change.effect, DefaultChange::Effect::overridden);
    } else if (change.path == "fields.note.max") {
      EXPECT_EQ(change.effect, DefaultChange::Effect::same_as_override);
    }
  }
}

TEST(Provenance, SaysWhoSaidWhatAndWhere) {
  const auto found = explain_definition(layers(plugin_1), "desk.trip");
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].kind, "entity");
  const auto& max = word(found[0], "fields.title.max");
  ASSERT_THAT(max.sayings, SizeIs(2));
  EXPECT_EQ(max.sayings[0].value, "40");
  EXPECT_EQ(max.sayings[0].at.file, "desk.so:trip.yaml");
  EXPECT_EQ(max.sayings[0].at.line, 4u);
  EXPECT_EQ(max.sayings[1].value, "60");
  EXPECT_EQ(max.sayings[1].layer, "agency");
  EXPECT_EQ(max.sayings[1].at.line, 4u);
  EXPECT_EQ(max.sayings[1].at.column, 16u);
  EXPECT_THAT(word(found[0], "fields.title.type").sayings, SizeIs(1));
  EXPECT_FALSE(word(found[0], "workflow.states.done").in_force());
  EXPECT_TRUE(word(found[0], "workflow.states.new").in_force());
}

TEST(Provenance, APartIsFoundByItsEnd) {
  const auto found = explain_definition(layers(plugin_1), "desk.trip.title");
  ASSERT_THAT(found, SizeIs(1));
  std::vector<std::string> paths;
  for (const auto& one : found[0].words) paths.push_back(one.path);
  EXPECT_THAT(paths, ElementsAre("fields.title.type", "fields.title.max"));
  EXPECT_THAT(explain_definition(layers(plugin_1), "desk.trip.workflow.states.done"), SizeIs(1));
  EXPECT_TRUE(explain_definition(layers(plugin_1), "desk.trip.titl").empty());
  EXPECT_TRUE(explain_definition(layers(plugin_1), "desk.tri").empty());
  EXPECT_TRUE(explain_definition(layers(plugin_1), "").empty());
}

TEST(Provenance, SettingsAreNamedAsRulesDoAndTheAgencyByItsKind) {
  const std::vector<SourceLayer> given{
      {"plugin desk", {{"desk.so:s.yaml", "kind: settings\nname: desk\nsettings: {limit: {type: int, default: 5}}\n", "desk"}}},
      {"agency", {{"config/a.yaml", "kind: agency\ncurrency: CNY\n---\nkind: settings\nname: desk\nsettings: {limit: {value: 7}}\n", ""}}}};
  for (const char* name : {"settings.desk.limit", "desk.limit"}) {
    const auto found = explain_definition(given, name);
    ASSERT_THAT(found, SizeIs(1)) << name;
    EXPECT_EQ(word(found[0], "settings.limit.value").sayings.back().layer, "agency");
  }
  const auto money = explain_definition(given, "agency.currency");
  ASSERT_THAT(money, SizeIs(1));
  EXPECT_EQ(word(money[0], "currency").sayings.back().value, "CNY");
  EXPECT_TRUE(explain_definition(given, "settings.desk.none").empty());
  EXPECT_TRUE(explain_definition(given, "settings.").empty());
}

TEST(Provenance, TakingAwayAWholeTakesItsParts) {
  auto given = layers(plugin_1);
  given.push_back({"console", {{"console.yaml", "kind: entity\nname: desk.trip\nfields: {title: null}\n", ""}}});
  const auto found = explain_definition(given, "desk.trip.title");
  ASSERT_THAT(found, SizeIs(1));
  for (const auto& one : found[0].words) EXPECT_FALSE(one.in_force()) << one.path;
}

TEST(Provenance, TellsWhatAnUpgradeChangesUnderTheAgencysWords) {
  using Effect = DefaultChange::Effect;
  std::map<std::string, Effect> effects;
  for (const auto& change : compare_defaults(layers(plugin_1), layers(plugin_2))) effects[change.path] = change.effect;
  EXPECT_EQ(effects.at("fields.title.max"), Effect::overridden);
  EXPECT_EQ(effects.at("fields.note.max"), Effect::same_as_override);
  EXPECT_EQ(effects.at("fields.place.type"), Effect::takes_effect);
  EXPECT_EQ(effects.at("fields.due_on.type"), Effect::orphaned);
  EXPECT_FALSE(effects.contains("workflow.states.new"));
  EXPECT_THAT(compare_defaults(layers(plugin_1), layers(plugin_1)), SizeIs(0));
}

}  // namespace
}  // namespace caravan::model
