#include "model/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/model/support.h"

namespace caravan::model {
namespace {

using namespace testing;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A small department; lines are counted in the tests.
const char* const trips = R"yaml(kind: entity
name: trip
label: {en: Trip, zh-CN: 旅程}
number: "T-{yyyy}-{seq:4}"
fields:
  name: {type: text, max: 50, label: {en: Name, zh-CN: 名称}}
  seats: {type: int, min: 1, max: 60, label: {en: Seats, zh-CN: 座位}}
  price: {type: money, label: {en: Price, zh-CN: 价格}}
  level: {type: choice, choices: level, label: {en: Level, zh-CN: 级别}}
workflow:
  initial: planned
  states:
    planned: {label: {en: Planned, zh-CN: 计划}}
    done: {label: {en: Done, zh-CN: 完成}, category: done}
  transitions:
    finish: {from: planned, to: done, label: {en: Finish, zh-CN: 完成}}
---
kind: choices
name: level
label: {en: Level, zh-CN: 级别}
options:
  plain: {label: {en: Plain, zh-CN: 普通}}
  fine: {label: {en: Fine, zh-CN: 豪华}}
)yaml";

/// `trips` with one part replaced.
std::string with(const std::string& part, const std::string& other) {
  std::string text = trips;
  const std::size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return text.replace(at, part.size(), other);
}

TEST(Loader, ASmallDepartmentLoadsWithoutAWord) {
  const LoadResult result = load({plugin("demo", trips)});
  EXPECT_EQ(all(result), "");
  ASSERT_TRUE(result.catalog);
  const Entity* trip = result.catalog->entity("demo.trip");
  ASSERT_TRUE(trip);
  EXPECT_EQ(trip->table(), "demo_trip");
  EXPECT_EQ(trip->module, "demo");
  EXPECT_EQ(trip->title->name, "number");
  EXPECT_EQ(trip->field("price")->scale, 2);
  EXPECT_EQ(trip->field("price")->currency_column, "price_currency");
  EXPECT_EQ(trip->field("level")->choices, result.catalog->choices("demo.level"));
  EXPECT_EQ(trip->field("seats")->slot, static_cast<std::uint32_t>(first_own_slot) + 1);
  EXPECT_EQ(trip->member("owner")->reference, result.catalog->entity("core.user"));
  EXPECT_EQ(trip->member("price")->type.kind, expr::TypeKind::decimal);
  EXPECT_EQ(trip->workflow->initial, trip->workflow->state("planned"));
  EXPECT_EQ(trip->workflow->transition("finish")->to->category, StateCategory::done);
  EXPECT_EQ(trip->field("seats")->origin.line, 7u);
  EXPECT_EQ(trip->field("seats")->origin.column, 3u);
}

TEST(Loader, SystemFieldsStandInTheirSlotsWithLabelsInThreeLanguages) {
  const LoadResult result = load({plugin("demo", trips)});
  const Entity* trip = result.catalog->entity("demo.trip");
  const char* names[] = {"id",         "number",     "version",         "state",      "owner",
                         "created_at", "updated_at", "external_source", "external_id"};
  for (std::uint32_t slot = 0; slot < first_own_slot; ++slot) {
    const Field& field = *trip->fields[slot];
    EXPECT_EQ(field.name, names[slot]);
    EXPECT_EQ(field.slot, slot);
    EXPECT_TRUE(field.system);
    EXPECT_EQ(trip->members[slot].column, names[slot]);
    EXPECT_THAT(field.label.all(), SizeIs(3)) << field.name;
  }
  EXPECT_FALSE(trip->field("owner")->read_only);
  EXPECT_TRUE(trip->field("version")->read_only);
}

TEST(Loader, FormAndViewAreMadeWhereNoneIsDeclared) {
  const LoadResult result = load({plugin("demo", trips)});
  const Entity* trip = result.catalog->entity("demo.trip");
  ASSERT_THAT(trip->forms, SizeIs(1));
  EXPECT_EQ(trip->forms[0]->name, "demo.trip_form");
  EXPECT_EQ(result.catalog->form("demo.trip_form"), trip->forms[0]);
  ASSERT_THAT(trip->forms[0]->groups, SizeIs(1));
  EXPECT_THAT(trip->forms[0]->groups[0].fields, SizeIs(4));
  ASSERT_THAT(trip->views, SizeIs(1));
  std::vector<std::string> columns;
  for (const Field* field : trip->views[0]->columns) columns.push_back(field->name);
  EXPECT_THAT(columns, ElementsAre("number", "state", "name", "seats", "price", "level", "updated_at"));
}

TEST(Loader, TheEditFormComesFirstAndTransitionFormsNever) {
  const LoadResult result =
      load({plugin("demo", with("finish: {from", "finish: {form: ask, from") + R"yaml(---
kind: form
name: ask
entity: trip
groups: {main: {label: {en: A, zh-CN: 甲}, fields: [seats]}}
)yaml")});
  ASSERT_TRUE(result.catalog) << all(result);
  const Entity* trip = result.catalog->entity("demo.trip");
  ASSERT_THAT(trip->forms, SizeIs(2));
  EXPECT_EQ(trip->forms[0]->name, "demo.trip_form");
  EXPECT_EQ(trip->workflow->transition("finish")->form, trip->forms[1]);
}

TEST(Loader, FiveMistakesInOneFileMakeFiveMessages) {
  const LoadResult result = load({plugin("demo", R"yaml(kind: entity
name: trip
label: {en: Trip, zh-CN: 旅程}
fields:
  name: {type: text, lable: {en: Name, zh-CN: 名称}}
  seats: {type: integer, label: {en: Seats, zh-CN: 座位}}
  level: {type: choice, choices: levle, label: {en: Level, zh-CN: 级别}}
  size: {type: int, min: 9, max: 3, label: {en: Size, zh-CN: 大小}}
workflow:
  initial: plannd
  states:
    planned: {label: {en: Planned, zh-CN: 计划}}
  transitions:
    again: {from: planned, to: planned, when: "record.seats > 0 && record.level == 'fine'", label: {en: Again, zh-CN: 再次}}
---
kind: choices
name: level
label: {en: Level, zh-CN: 级别}
options: {fine: {label: {en: Fine, zh-CN: 豪华}}}
)yaml")});
  EXPECT_FALSE(result.catalog);
  EXPECT_THAT(places(result), ElementsAre("5:22 unknown-word", "6:17 unknown-value", "7:34 unknown-choices",
                                          "8:34 min-above-max", "10:12 unknown-state"))
      << all(result);
  EXPECT_EQ(
      to_string(result.diagnostics.at(1)),
      "demo.yaml:5:22: error: \"lable\" is not a word of a field: did you mean \"label\"? [unknown-word]")
      << all(result);
}

TEST(Loader, MistakesInOneEntityHideNothingInAnother) {
  const LoadResult result = load({plugin("demo", R"yaml(kind: entity
name: Trip
label: x
fields: {name: {type: txt, label: x}}
---
kind: entity
name: stop
label: x
fields: {trip: {type: ref, to: trip, label: x}, note: {label: x}}
---
kind: entity
name: broken
label: [
---
kind: view
name: broken_list
entity: broken
columns: [name]
---
kind: classifier
name: soon
---
kind: enity
name: other
)yaml")});
  EXPECT_THAT(places(result),
              ElementsAre("2:7 bad-name", "4:23 unknown-value", "9:32 unknown-entity", "9:49 missing-word",
                          "14:1 syntax", "20:7 not-available", "23:7 unknown-kind"))
      << all(result);
}

TEST(Loader, MessagesNameTheNearestWord) {
  EXPECT_THAT(all(load({plugin("demo", with("kind: choices", "kind: choises"))})),
              HasSubstr("did you mean \"choices\"?"));
  EXPECT_THAT(all(load({plugin("demo", with("from: planned", "from: planed"))})),
              HasSubstr("there is no state \"planed\": did you mean \"planned\"? [unknown-state]"));
  EXPECT_THAT(all(load({plugin("demo", with("choices: level", "choices: lvel"))})),
              HasSubstr("did you mean \"demo.level\"?"));
  EXPECT_THAT(all(load({plugin("demo", with("type: money", "type: mony"))})),
              HasSubstr("`type` cannot be \"mony\": did you mean \"money\"?"));
  EXPECT_THAT(all(load({plugin("demo", with("category: done", "category: doen"))})),
              HasSubstr("did you mean \"done\"?"));
}

TEST(Loader, WordsOfLaterVersionsAreToldApartFromUnknownOnes) {
  EXPECT_THAT(all(load({plugin("demo", with("number:", "delete: never\nnumber:"))})),
              HasSubstr("demo.yaml:4:1: error: `delete` of an entity is not available in this version: "
                        "remove it [not-available]"));
  EXPECT_THAT(all(load({plugin("demo", "kind: classifier\nname: demo.mood\n---\n" + std::string(trips))})),
              HasSubstr("demo.yaml:1:7: error: kind classifier is not available in this version"));
}

TEST(Loader, TheEditionIsAcceptedAndOthersAreNot) {
  EXPECT_EQ(all(load({plugin("demo", "edition: 2026\n" + std::string(trips))})), "");
  EXPECT_THAT(places(load({plugin("demo", "edition: 2031\n" + std::string(trips))})),
              ElementsAre("1:10 unknown-value"));
}

TEST(Loader, ALaterLayerPatchesAnEarlierOne) {
  const LoadResult result = load({plugin("demo", trips), agency(R"yaml(kind: entity
name: demo.trip
fields:
  seats: {max: 80}
  level: null
  x_guide: {type: text, after: name, label: {en: Guide, zh-CN: 导游}}
workflow: {transitions: {finish: {label: {zh-CN: 结束}}}}
)yaml")});
  ASSERT_TRUE(result.catalog) << all(result);
  EXPECT_THAT(places(result, true), ElementsAre("19:7 unused-choices"));  // of the field that was removed
  const Entity* trip = result.catalog->entity("demo.trip");
  EXPECT_EQ(*trip->field("seats")->max, 80);
  EXPECT_EQ(*trip->field("seats")->min, 1);
  EXPECT_FALSE(trip->field("level"));
  EXPECT_EQ(trip->field("x_guide")->slot, trip->field("name")->slot + 1);
  EXPECT_EQ(trip->field("x_guide")->origin.file, "agency.yaml");
  EXPECT_EQ(trip->field("seats")->origin.file, "demo.yaml");
  EXPECT_EQ(trip->workflow->transition("finish")->label.in("zh-CN"), "结束");
  EXPECT_EQ(trip->workflow->transition("finish")->label.in("en"), "Finish");
}

TEST(Loader, AMistakeIsReportedInTheFileThatMadeIt) {
  const LoadResult result = load(
      {plugin("demo", trips),
       agency(
           "kind: entity\nname: demo.trip\nfields:\n  seats: {max: 0}\n  level: {choices: demo.levels}\n")});
  EXPECT_THAT(places(result),
              ElementsAre("agency.yaml:4:16 min-above-max", "agency.yaml:5:20 unknown-choices"))
      << all(result);
}

TEST(Loader, AgenciesAddFieldsUnderTheirPrefixOnly) {
  EXPECT_THAT(
      places(load({plugin("demo", trips),
                   agency("kind: entity\nname: demo.trip\nfields:\n  seat: {type: int, label: x}\n")})),
      ElementsAre("agency.yaml:4:3 field-prefix"));
  EXPECT_THAT(all(load({plugin("demo", trips),
                        agency("kind: entity\nname: demo.trip\nfields:\n  seat: {type: int, label: x}\n")})),
              HasSubstr("call it `x_seat`, or did you mean to change \"seats\"?"));
  EXPECT_THAT(places(load({plugin("demo", with("seats: {", "x_seats: {"))})), Contains("7:3 field-prefix"));
  EXPECT_EQ(all(load({plugin("demo", trips), agency("kind: entity\nname: agency.visa\nlabel: Visa\nfields: "
                                                    "{country: {type: text, label: Country}}\n")})),
            "");
  EXPECT_THAT(
      places(load(
          {plugin("demo", trips),
           {"pack x",
            {{"pack.yaml", "kind: entity\nname: demo.trip\nfields: {a: {type: int, label: x}}\n", ""}}}})),
      ElementsAre("pack.yaml:3:10 field-prefix"));
}

TEST(Loader, TheSameDefinitionTwiceInOneLayerIsAMistake) {
  const LoadResult result = load({plugin(
      "demo", std::string(trips) + "---\nkind: choices\nname: demo.level\noptions: {more: {label: x}}\n")});
  EXPECT_THAT(places(result), ElementsAre("26:7 duplicate-definition")) << all(result);
  EXPECT_THAT(all(result), HasSubstr("demo.yaml:19:7"));
}

TEST(Loader, RemovingNothingIsAWarning) {
  const LoadResult result =
      load({plugin("demo", trips), agency("kind: entity\nname: demo.trip\nfields: {sets: null}\n")});
  EXPECT_TRUE(result.catalog);
  EXPECT_THAT(places(result, true), ElementsAre("agency.yaml:3:10 nothing-removed"));
}

TEST(Loader, WhatALayerRemovedIsNamedWhereItIsStillUsed) {
  const LoadResult result = load({plugin("demo", with("number:", "title: name\nnumber:")),
                                  agency("kind: entity\nname: demo.trip\nfields: {name: null}\n")});
  EXPECT_THAT(all(result), HasSubstr("demo.yaml:4:8: error: demo.trip has no field \"name\": it was removed "
                                     "at agency.yaml:3:10 [unknown-field]"));
}

TEST(Loader, AfterPlacesEntriesAndFindsCircles) {
  const LoadResult good =
      load({plugin("demo", trips),
            agency("kind: entity\nname: demo.trip\nfields:\n  x_a: {type: int, label: x, after: \"\"}\n  "
                   "x_b: {type: int, label: x, after: x_a}\n  price: {after: name}\n")});
  ASSERT_TRUE(good.catalog) << all(good);
  std::vector<std::string> order;
  for (const auto& field : good.catalog->entity("demo.trip")->fields) {
    if (!field->system) order.push_back(field->name);
  }
  EXPECT_THAT(order, ElementsAre("x_a", "x_b", "name", "price", "seats", "level"));

  const LoadResult bad =
      load({plugin("demo", trips), agency("kind: entity\nname: demo.trip\nfields:\n  name: {after: price}\n  "
                                          "price: {after: name}\n  seats: {after: nme}\n")});
  EXPECT_THAT(places(bad), ElementsAre("agency.yaml:4:17 after-cycle", "agency.yaml:6:18 unknown-after"))
      << all(bad);
}

TEST(Loader, NamesTakenOrNotAllowedAreRefused) {
  const LoadResult result = load({plugin("demo", R"yaml(kind: entity
name: trip
label: x
fields:
  state: {type: text, label: x}
  Name: {type: text, label: x}
  expanded: {type: text, label: x}
  price: {type: money, label: x}
  price_currency: {type: text, label: x}
invariants: {same: {check: "record.Name == 'x' && record.state == ''"}}
)yaml")});
  EXPECT_THAT(places(result),
              ElementsAre("5:3 reserved-name", "6:3 bad-name", "7:3 reserved-name", "9:3 reserved-name"))
      << all(result);
}

TEST(Loader, WordsThatDoNotFitTheTypeAreRefused) {
  const LoadResult result = load({plugin("demo", R"yaml(kind: entity
name: trip
label: x
fields:
  a: {type: bool, max: 3, label: x}
  b: {type: text, scale: 3, label: x}
  c: {type: date, search: true, label: x}
  d: {type: ref, label: x}
  e: {type: choice, label: x}
  f: {type: int, to: trip, label: x}
  g: {type: money, compute: "record.h", required: true, label: x}
  h: {type: money, required: true, read_only: true, label: x}
  i: {type: decimal, scale: 30, label: x}
  j: {type: text, max: 0, label: x}
)yaml")});
  EXPECT_THAT(places(result), ElementsAre("5:19 word-not-for-type", "6:19 word-not-for-type",
                                          "7:19 word-not-for-type", "8:3 missing-word", "9:3 missing-word",
                                          "10:18 word-not-for-type", "11:41 contradiction",
                                          "12:20 contradiction", "13:29 out-of-range", "14:24 out-of-range"))
      << all(result);
}

TEST(Loader, DefaultsMustFitTheirField) {
  const LoadResult result = load({plugin("demo", R"yaml(kind: entity
name: trip
label: x
fields:
  a: {type: int, default: x, label: x}
  b: {type: int, max: 5, default: 6, label: x}
  c: {type: date, default: 2026-02-30, label: x}
  d: {type: choice, choices: level, default: fin, label: x}
  e: {type: money, default: 1.234, label: x}
  f: {type: bool, default: "yes", label: x}
  g: {type: ref, to: trip, default: 7, label: x}
  h: {type: text, max: 2, default: abc, label: x}
  ok1: {type: money, default: 12, label: x}
  ok2: {type: date, default: 2026-02-28, label: x}
  ok3: {type: instant, default: "2026-02-28T08:00:00Z", label: x}
  ok4: {type: text, default: "say \"hi\" \\ 你好", label: x}
---
kind: choices
name: level
label: x
options: {fine: {label: x}}
)yaml")});
  EXPECT_THAT(places(result),
              ElementsAre("5:27 bad-default", "6:35 bad-default", "7:28 bad-default", "8:46 unknown-option",
                          "9:29 bad-default", "10:28 bad-default", "11:37 bad-default", "12:36 bad-default"))
      << all(result);
}

TEST(Loader, DefaultsBecomeValues) {
  const LoadResult result = load({plugin("demo", R"yaml(kind: entity
name: trip
label: x
fields:
  money: {type: money, default: 12, label: x}
  day: {type: date, default: 2026-02-28, label: x}
  at: {type: instant, default: "2026-02-28T08:00:00Z", label: x}
  text: {type: text, default: "say \"hi\" \\ 你好", label: x}
  flag: {type: bool, default: true, label: x}
  count: {type: int, default: -3, label: x}
  who: {type: text, default_expr: user.name, label: x}
)yaml")});
  ASSERT_TRUE(result.catalog) << all(result);
  const Entity* trip = result.catalog->entity("demo.trip");
  const auto value = [&](const char* name) { return trip->field(name)->default_value->evaluate({}).value; };
  ASSERT_TRUE(value("money").is<Decimal>());
  EXPECT_EQ(format_decimal(*value("money").as<Decimal>()), "12.00");
  EXPECT_EQ(value("day").as<Date>()->days, parse_date("2026-02-28")->days);
  EXPECT_EQ(value("at").as<Timestamp>()->micros, parse_timestamp("2026-02-28T08:00:00Z")->micros);
  EXPECT_EQ(*value("text").as<std::string>(), "say \"hi\" \\ 你好");
  EXPECT_EQ(*value("flag").as<bool>(), true);
  EXPECT_EQ(*value("count").as<std::int64_t>(), -3);
  EXPECT_EQ(trip->field("who")->default_value->source(), "user.name");
}

TEST(Loader, ComputedFieldsAreOrderedAndCirclesFound) {
  const char* const entity = R"yaml(kind: entity
name: trip
label: x
fields:
  total: {type: int, compute: "record.twice + 1", label: x}
  twice: {type: int, compute: "record.base * 2", label: x}
  base: {type: int, label: x}
)yaml";
  const LoadResult good = load({plugin("demo", entity)});
  ASSERT_TRUE(good.catalog) << all(good);
  std::vector<std::string> order;
  for (const Field* field : good.catalog->entity("demo.trip")->computed) order.push_back(field->name);
  EXPECT_THAT(order, ElementsAre("twice", "total"));

  const LoadResult circle = load(
      {plugin("demo", std::string(entity) + "  a: {type: int, compute: \"record.b\", label: x}\n  b: {type: "
                                            "int, compute: \"record.a + record.b\", label: x}\n")});
  EXPECT_FALSE(circle.catalog);
  EXPECT_THAT(all(circle), HasSubstr("[compute-cycle]"));
}

TEST(Loader, ExpressionsAreCheckedWithTheirPlace) {
  const LoadResult result =
      load({plugin("demo", with("finish: {from: planned,",
                                "finish: {when: \"record.seats > 0 && record.pryce > 1\", from: planned,"))});
  EXPECT_THAT(places(result), ElementsAre("16:48 expression")) << all(result);
  EXPECT_THAT(all(result), HasSubstr("price"));
  const LoadResult type = load(
      {plugin("demo", with("finish: {from: planned,", "finish: {when: \"record.seats\", from: planned,"))});
  EXPECT_THAT(places(type), SizeIs(1)) << all(type);
  const LoadResult compute = load({plugin(
      "demo", with("seats: {type: int, min: 1, max: 60,", "seats: {type: int, compute: \"record.name\","))});
  EXPECT_THAT(places(compute), ElementsAre("7:31 expression-type")) << all(compute);
}

TEST(Loader, AnExpressionOverAMistakenFieldIsNoSecondMistake) {
  const LoadResult result = load({plugin("demo", R"yaml(kind: entity
name: trip
label: x
fields:
  seats: {type: integr, label: x}
  total: {type: int, compute: "record.seats * 2", label: x}
invariants: {some: {check: "record.seats > 0"}}
indexes: {by_seats: [seats]}
)yaml")});
  EXPECT_THAT(places(result), ElementsAre("5:17 unknown-value")) << all(result);
}

TEST(Loader, ComparisonsThatCanNeverHoldAreWarnedAbout) {
  const LoadResult result =
      load({plugin("demo", with("finish: {from: planned,",
                                "finish: {when: \"record.state == 'plannd' || record.level in ['fine', "
                                "'fin'] || 'x' != record.level\", from: planned,"))});
  EXPECT_TRUE(result.catalog);
  EXPECT_THAT(places(result, true),
              ElementsAre("16:37 never-equal", "16:74 never-equal", "16:84 never-equal"))
      << all(result);
}

TEST(Loader, WorkflowsAreCheckedForTheirStates) {
  const LoadResult result = load({plugin("demo", R"yaml(kind: entity
name: trip
label: x
fields: {a: {type: int, label: x}}
workflow:
  states:
    one: {label: x}
    two: {label: x}
    far: {label: x}
  transitions:
    go: {from: [one, oen], to: two, label: x, by: [nobody], require: [b, version], form: ask}
    back: {from: two, label: x}
)yaml")});
  EXPECT_THAT(
      places(result, true),
      ElementsAre("5:1 missing-word", "11:22 unknown-state", "11:52 unknown-role", "11:71 unknown-field",
                  "11:74 system-field", "11:90 unknown-form", "12:5 missing-word"))
      << all(result);
}

TEST(Loader, UnreachableStatesAndMissingLabelsAreWarnings) {
  const LoadResult result =
      load({plugin("demo", with("    done: {label: {en: Done, zh-CN: 完成}, category: done}\n",
                                "    done: {category: done}\n    lost: {label: {zh-CN: 流失}}\n"))});
  EXPECT_TRUE(result.catalog);
  EXPECT_THAT(places(result, true),
              ElementsAre("14:5 missing-label", "15:5 unreachable-state", "15:19 label-language"))
      << all(result);
  EXPECT_EQ(result.catalog->entity("demo.trip")->workflow->state("done")->label.in("zh-CN"), "Done");
}

TEST(Loader, EffectsAreCheckedAgainstTheirTarget) {
  const char* const stop = R"yaml(---
kind: entity
name: stop
label: x
fields:
  trip: {type: ref, to: trip, required: true, label: x}
  place: {type: text, required: true, label: x}
  nights: {type: int, label: x}
)yaml";
  const LoadResult good =
      load({plugin("demo", with("finish: {from: planned,",
                                "finish: {do: {stop: {create: stop, with: {trip: record.id, place: "
                                "record.name}}, seats: {set: {seats: record.seats + 1}}}, from: planned,") +
                               stop)});
  ASSERT_TRUE(good.catalog) << all(good);
  const Transition* finish = good.catalog->entity("demo.trip")->workflow->transition("finish");
  ASSERT_THAT(finish->effects, SizeIs(2));
  EXPECT_EQ(finish->effects[0].entity, good.catalog->entity("demo.stop"));
  EXPECT_EQ(finish->effects[1].kind, Effect::Kind::set);
  EXPECT_EQ(finish->effects[1].entity, good.catalog->entity("demo.trip"));

  const LoadResult bad = load({plugin("demo", with("finish: {from: planned,", R"yaml(finish:
      do:
        a: {create: stop, with: {trip: record.owner, nights: "'two'"}}
        b: {set: {state: "'done'", level: "'fien'"}}
        c: {}
        d: {create: stops}
      from: planned
      label: {en: F, zh-CN: 完}
      to: done
    other: {from: planned,)yaml") + stop)});
  EXPECT_THAT(places(bad), ElementsAre("18:9 missing-required", "18:40 wrong-reference",
                                       "18:62 expression-type", "19:19 system-field", "19:44 unknown-option",
                                       "20:9 bad-effect", "21:21 unknown-entity"))
      << all(bad);
}

TEST(Loader, RolesGrantByFlagOrCondition) {
  const LoadResult result = load({plugin("demo", std::string(trips) + R"yaml(---
kind: role
name: guide
label: {en: Guide, zh-CN: 导游}
grants:
  trip: {read: true, create: false, update: "record.owner == user.id"}
)yaml")});
  ASSERT_TRUE(result.catalog) << all(result);
  const Role* guide = result.catalog->role("demo.guide");
  ASSERT_TRUE(guide);
  const auto& grants = guide->grants.at(result.catalog->entity("demo.trip"));
  EXPECT_TRUE(grants[static_cast<std::size_t>(Operation::read)].always);
  EXPECT_FALSE(grants[static_cast<std::size_t>(Operation::create)].given());
  EXPECT_TRUE(grants[static_cast<std::size_t>(Operation::update)].when);
  EXPECT_FALSE(grants[static_cast<std::size_t>(Operation::remove)].given());
  EXPECT_TRUE(result.catalog->role("core.administrator")->administrator);

  EXPECT_THAT(
      places(load({plugin(
          "demo", std::string(trips) + "---\nkind: role\nname: guide\nlabel: x\ngrants:\n  tripp: {read: "
                                       "true}\n  trip: {read: record.sets > 1, write: true}\n")})),
      ElementsAre("29:3 unknown-entity", "30:23 expression", "30:33 unknown-word"));
}

TEST(Loader, RolesOfTransitionsAreFoundInTheModuleFirst) {
  const LoadResult result =
      load({plugin("demo", with("finish: {from", "finish: {by: [guide, core.administrator], from") +
                               "---\nkind: role\nname: guide\nlabel: x\n")});
  ASSERT_TRUE(result.catalog) << all(result);
  EXPECT_THAT(result.catalog->entity("demo.trip")->workflow->transition("finish")->by,
              ElementsAre("demo.guide", "core.administrator"));
}

TEST(Loader, FormsAndViewsAreCheckedAgainstTheirEntity) {
  const LoadResult result = load({plugin("demo", std::string(trips) + R"yaml(---
kind: form
name: trip_form
entity: trip
groups: {main: {label: x, fields: [name, sets, version, name]}}
---
kind: view
name: trip_list
entity: trip
type: borad
columns: [name, nmae]
sort: [-seat, name]
filter: record.seats
---
kind: view
name: other
entity: trips
columns: [anything]
)yaml")});
  EXPECT_THAT(places(result), ElementsAre("28:42 unknown-field", "28:48 system-field", "28:57 named-twice",
                                          "33:7 unknown-value", "34:17 unknown-field", "35:8 unknown-field",
                                          "36:16 expression", "40:9 unknown-entity"))
      << all(result);
}

TEST(Loader, ARequiredFieldThatTheCreateFormLacksIsAWarning) {
  const LoadResult result = load({plugin(
      "demo",
      with("type: text, max: 50", "type: text, required: true") +
          "---\nkind: form\nname: trip_form\nentity: trip\ngroups: {main: {label: x, fields: [seats]}}\n")});
  EXPECT_TRUE(result.catalog);
  EXPECT_THAT(places(result, true), ElementsAre("26:7 required-not-on-form")) << all(result);
}

TEST(Loader, KeysAndIndexesAreChecked) {
  const LoadResult result = load({plugin("demo", R"yaml(kind: entity
name: trip
label: x
fields:
  long: {type: text, multiline: true, label: x}
  wide: {type: text, max: 800, label: x}
  code: {type: text, max: 20, label: x}
unique:
  code: [code]
  pair: {fields: [code, cod], message: {en: Taken, zh-CN: 已占用}}
  none: []
indexes:
  code: [code]
  long: [long]
  wide: [wide]
)yaml")});
  EXPECT_THAT(places(result), ElementsAre("9:3 named-twice", "10:25 unknown-field", "11:3 no-fields",
                                          "14:10 not-indexable", "15:3 index-too-wide"))
      << all(result);
}

TEST(Loader, ChoicesNeedOptions) {
  EXPECT_THAT(
      places(load({plugin(
          "demo",
          "kind: choices\nname: a\nlabel: x\noptions: {}\n---\nkind: choices\nname: b\nlabel: x\n")})),
      ElementsAre("4:1 no-options", "7:7 missing-word"));
}

TEST(Loader, NumberFormatsAreChecked) {
  for (const char* bad : {"X", "{seq", "{seq:13}", "{seq}{seq}", "{dd}{seq}", "a}{seq}"}) {
    EXPECT_THAT(places(load({plugin("demo", with("T-{yyyy}-{seq:4}", bad))})),
                ElementsAre("4:9 number-format"))
        << bad;
  }
}

TEST(Loader, TheAgencyIsChecked) {
  const LoadResult good = load(
      {agency("kind: agency\nname: 环球旅行社\ncurrency: TWD\ntime_zone: Asia/Taipei\nlocale: zh-TW\n")});
  ASSERT_TRUE(good.catalog) << all(good);
  EXPECT_EQ(good.catalog->agency.name, "环球旅行社");
  EXPECT_EQ(good.catalog->agency.currency, "TWD");
  const LoadResult bad = load({agency("kind: agency\ncurrency: RMB\ntime_zone: Beijing\nlocale: chinese\n")});
  EXPECT_THAT(places(bad), ElementsAre("agency.yaml:2:11 unknown-currency",
                                       "agency.yaml:3:12 unknown-time-zone", "agency.yaml:4:9 bad-locale"))
      << all(bad);
}

TEST(Loader, ModulesComeFromManifestsAndDocuments) {
  Module manifest;
  manifest.name = "demo";
  manifest.label.set("en", "From the manifest");
  manifest.order = 50;
  const LoadResult result =
      load_catalog({core_layer(), plugin("demo", trips),
                    agency("kind: module\nname: demo\nlabel: {en: Ours, zh-CN: 我们}\norder: 5\n")},
                   {manifest});
  ASSERT_TRUE(result.catalog) << all(result);
  ASSERT_THAT(result.catalog->modules, SizeIs(2));
  EXPECT_EQ(result.catalog->modules[0].name, "demo");
  EXPECT_EQ(result.catalog->modules[0].label.in("en"), "Ours");
  EXPECT_EQ(result.catalog->modules[0].order, 5);
  EXPECT_EQ(result.catalog->modules[1].name, "core");
}

TEST(Loader, TheHashFollowsTheContentNotTheFileNames) {
  const auto hash = [](SourceLayer layer) { return load({std::move(layer)}).catalog->hash; };
  SourceLayer renamed = plugin("demo", trips);
  renamed.files[0].name = "/elsewhere/demo.yaml";
  EXPECT_EQ(hash(plugin("demo", trips)), hash(renamed));
  EXPECT_NE(hash(plugin("demo", trips)), hash(plugin("demo", with("max: 60", "max: 61"))));
  EXPECT_THAT(hash(plugin("demo", trips)), SizeIs(64));
}

TEST(Loader, APatchOfAnUnreadableDefinitionMakesNoNoise) {
  const LoadResult result =
      load({plugin("demo", "kind: entity\nname: trip\nfields: {a: [\n"),
            agency("kind: entity\nname: demo.trip\nfields: {x_b: {label: y}}\n---\nkind: role\nname: "
                   "agency.r\nlabel: x\ngrants: {demo.trip: {read: true}}\n")});
  EXPECT_THAT(places(result), SizeIs(1)) << all(result);
}

TEST(Loader, ModulesOfTheCoresTablesAreReserved) {
  EXPECT_THAT(places(load({agency(
                  "kind: entity\nname: sequence.block\nlabel: x\nfields: {a: {type: int, label: x}}\n")})),
              ElementsAre("agency.yaml:2:7 reserved-name"));
}

TEST(Loader, TheExampleOfTheDesignLoads) {
  const LoadResult result = load({plugin("sales", R"yaml(kind: entity
name: sales.inquiry
label: {en: Inquiry, zh-CN: 咨询, zh-TW: 諮詢}
number: "INQ-{yyyy}-{seq:6}"
fields:
  customer:    {type: ref, to: sales.customer, required: true}
  channel:     {type: choice, choices: sales.channel, required: true}
  destination: {type: text, max: 120, search: true}
  depart_on:   {type: date}
  party_size:  {type: int, min: 1, max: 500}
  budget:      {type: money}
  per_head:    {type: money, compute: "record.budget / record.party_size"}
invariants:
  party: {check: "record.party_size >= 1", message: {en: At least one traveller, zh-CN: 至少一位出行人}}
indexes: {by_state: [state, created_at]}
workflow:
  initial: new
  states:
    new:       {category: open}
    qualified: {category: open}
    won:       {category: done}
    lost:      {category: cancelled}
  transitions:
    qualify: {from: new, to: qualified, by: [salesperson], require: [destination, depart_on],
              when: "record.party_size > 0"}
    win:     {from: qualified, to: won, do: {order: {create: sales.order, with: {inquiry: "record.id"}}}}
    lose:    {from: [new, qualified], to: lost, form: sales.lose_reason}
---
kind: entity
name: sales.customer
fields: {name: {type: text}}
---
kind: entity
name: sales.order
fields: {inquiry: {type: ref, to: sales.inquiry, required: true}}
---
kind: choices
name: sales.channel
options: {phone: {}, web: {}}
---
kind: form
name: sales.lose_reason
entity: sales.inquiry
groups: {main: {fields: [destination]}}
---
kind: role
name: sales.salesperson
)yaml")});
  EXPECT_TRUE(result.catalog) << all(result);
  EXPECT_THAT(places(result), IsEmpty());
}

TEST(Loader, ThousandsOfMistakesEndInASummary) {
  std::string text = "kind: entity\nname: trip\nlabel: x\nfields:\n";
  for (int i = 0; i < 3000; ++i) text += "  f" + std::to_string(i) + ": {type: txt, label: x}\n";
  const LoadResult result = load({plugin("demo", text)});
  ASSERT_THAT(result.diagnostics, SizeIs(1001));
  EXPECT_EQ(to_string(result.diagnostics.back()),
            "error: 2000 more mistakes were found: mend those above first [too-many]");
}

TEST(Catalog, TableNamesAreInjectiveAndBounded) {
  EXPECT_EQ(table_name("sales.inquiry"), "sales_inquiry");
  EXPECT_NE(table_name("a_b.c"), table_name("a.b_c"));
  EXPECT_NE(table_name("a_.b"), table_name("a.b"));
  EXPECT_NE(table_name("a.b__c"), table_name("a__b.c"));
  const std::string module(48, 'm');
  EXPECT_LE(table_name(module + "." + std::string(48, 'a')).size(), 64u);
  EXPECT_NE(table_name(module + "." + std::string(48, 'a')), table_name(module + "." + std::string(47, 'a')));
}

TEST(Catalog, TextsFallBackWithinTheLanguageFirst) {
  Text text;
  EXPECT_EQ(text.in("en"), "");
  text.set("zh-CN", "简");
  EXPECT_EQ(text.in("en"), "简");
  text.set("en", "e");
  text.set("zh-TW", "繁");
  EXPECT_EQ(text.in("zh-TW"), "繁");
  EXPECT_EQ(text.in("zh-HK"), "繁");
  EXPECT_EQ(text.in("zh"), "简");
  EXPECT_EQ(text.in("en-GB"), "e");
  EXPECT_EQ(text.in("fr"), "e");
}

TEST(Catalog, TheUserTypeHasItsMembers) {
  EXPECT_EQ(user_type().member("roles")->slot, user_roles);
  EXPECT_EQ(user_type().member("roles")->type.element->kind, expr::TypeKind::string);
  EXPECT_EQ(user_type().member("password"), nullptr);
}

}  // namespace
}  // namespace caravan::model
