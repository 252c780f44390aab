#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "records/aggregate.h"
#include "records/json.h"
#include "support/gate.h"

// Fields with several values: multi, refs, localized; and what becomes of references when their target is deleted.

namespace caravan::records {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const char* const kennel = R"(
kind: choices
name: shop.trait
label: {en: Trait, zh-CN: 特点}
options: {gold: {label: {en: Gold}}, loud: {label: {en: Loud}}, small: {label: {en: Small}}, old: {label: {en: Old}, active: false}}
---
kind: entity
name: shop.keeper
title: name
number: "K-{seq:3}"
fields:
  name: {type: localized, max: 10, search: true}
  friend: {type: ref, to: shop.keeper, delete: cascade}
---
kind: entity
name: shop.dog
fields:
  label: {type: text, max: 40}
  traits: {type: multi, choices: shop.trait}
  habits: {type: multi, choices: shop.trait, default: [small, gold]}
  keepers: {type: refs, to: shop.keeper}
  walkers: {type: refs, to: shop.keeper, delete: clear}
  owners: {type: refs, to: shop.keeper, delete: cascade}
  vet: {type: ref, to: shop.keeper, delete: clear}
  trainer: {type: ref, to: shop.keeper}
  heir: {type: ref, to: shop.keeper, delete: cascade}
  secret: {type: multi, choices: shop.trait, right: hidden}
  story: {type: localized, multiline: true, search: true, right: masked}
invariants:
  walked: {check: "size(record.walkers) != 1 || record.label != 'big'", message: {en: A big dog needs two walkers}}
---
kind: entity
name: shop.bowl
fields:
  dog: {type: ref, to: shop.dog, required: true, delete: cascade}
  note: {type: text, max: 40}
---
kind: role
name: shop.boss
grants:
  shop.keeper: {read: true, create: true, update: true, delete: true}
  shop.dog: {read: true, create: true, update: true, delete: true}
  shop.bowl: {read: true, create: true, update: true}
fields: {shop.dog: {secret: write, story: write}}
---
kind: role
name: shop.seller
grants:
  shop.keeper: {read: true, create: true}
  shop.dog: {read: "record.keepers.exists(k, k == user.id) || 'gold' in record.traits", create: true, update: true}
---
kind: role
name: shop.guest
grants:
  shop.dog: {read: true, create: true}
)";

class Lists : public test::GateTest {
 protected:
  const char* definitions() const override { return kennel; }
  Context boss() const { return as("shop.boss", 12); }
  const model::Entity& dogs() const { return *catalog->entity("shop.dog"); }
  const model::Entity& keepers() const { return *catalog->entity("shop.keeper"); }
  Record keeper(const std::string& more = "{}") { return create(boss(), "shop.keeper", more); }
  Record dog(const std::string& json) { return create(boss(), "shop.dog", json); }
  Record read(const Record& record) { return gate().get(boss(), record.entity(), record.id()); }
  bool gone(const Record& record) {
    try {
      read(record);
    } catch (const Error& error) {
      return error.code() == ErrorCode::not_found;
    }
    return false;
  }
  std::vector<std::string> labels(const std::string& filter, const Context& context, const std::string& q = "") {
    ListQuery query;
    query.filter = filter;
    query.q = q;
    query.sort = "label";
    std::vector<std::string> out;
    for (const Record& one : gate().list(context, dogs(), query).items) out.push_back(text(one, "label"));
    return out;
  }
  std::int64_t links(const char* table) {
    const auto session = database().read();
    storage::Statement& statement = session->prepare("SELECT COUNT(*) FROM " + storage::quote(database().dialect(), table));
    statement.step();
    const std::int64_t n = statement.integer(0);
    statement.reset();
    return n;
  }
};

TEST_P(Lists, ValuesAreKeptInOrderAndWithoutRepetition) {
  const Record a = keeper(), b = keeper();
  const std::string one = id(a), two = id(b);
  const Record made = dog(R"({"traits":["small","gold","small"],"keepers":[")" + two + "\"," + one + ",\"" + two +
                          R"("],"story":{"zh-CN":" 老狗 ","en":"Old\n\"dog\" \\","fr":""}})");
  EXPECT_EQ(text(made, "traits"), R"(["gold","small"])") << "in the order of the choices";
  EXPECT_EQ(text(made, "keepers"), "[\"" + two + "\",\"" + one + "\"]") << "in the order given";
  EXPECT_EQ(text(made, "story"), R"({"en":"Old\n\"dog\" \\","zh-CN":"老狗"})");
  for (const char* field : {"traits", "keepers", "story"}) EXPECT_EQ(text(read(made), field), text(made, field));
  std::string json;
  const JsonPage page = gate().list_json(boss(), dogs(), {}, {}, json);
  EXPECT_EQ(page.count, 1u);
  for (const char* field : {"traits", "keepers", "story"}) EXPECT_THAT(json, HasSubstr(std::string("\"") + field + "\":" + text(made, field)));
  EXPECT_EQ(text(dog("{}"), "habits"), R"(["gold","small"])") << "the default";
  const Record empty = dog(R"({"traits":[],"keepers":[],"story":{}})");
  EXPECT_EQ(text(empty, "keepers"), "null");
  EXPECT_EQ(text(empty, "story"), "null");
  const Record same = change(boss(), made, R"({"traits":["small","gold"]})");
  EXPECT_EQ(same.version(), made.version()) << "another order of options is no change";
}

TEST_P(Lists, WhatDoesNotFitIsNamed) {
  const auto mistake = [&](const std::string& json) {
    const Error error = refusal([&] { dog(json); });
    return error.fields().empty() ? std::string() : error.fields().at(0).field + " " + error.fields().at(0).code;
  };
  EXPECT_EQ(mistake(R"({"traits":["blue"]})"), "traits unknown_choice");
  EXPECT_EQ(mistake(R"({"traits":"gold"})"), "traits unknown_choice");
  EXPECT_EQ(mistake(R"({"keepers":["x"]})"), "keepers wrong_type");
  EXPECT_EQ(mistake(R"({"keepers":["-4"]})"), "keepers wrong_type");
  EXPECT_EQ(mistake(R"({"keepers":["999999999"]})"), "keepers unknown_reference");
  EXPECT_EQ(mistake(R"({"story":"text"})"), "story wrong_type");
  EXPECT_EQ(mistake(R"({"story":{"English":"text"}})"), "story wrong_type");
  EXPECT_EQ(mistake(R"({"story":{"en":7}})"), "story wrong_type");
  EXPECT_EQ(mistake("{\"story\":{\"en\":\"a\\u0001b\"}}"), "story control_character");
  const Error too_long = refusal([&] { keeper(R"({"name":{"en":"eleven characters"}})"); });
  EXPECT_EQ(too_long.fields().at(0).code, "too_long");
  std::string many = "{\"keepers\":[\"1\"";
  for (int i = 2; i <= 201; ++i) many += ",\"" + std::to_string(i) + "\"";
  EXPECT_EQ(mistake(many + "]}"), "keepers too_many");
  // A guest may not read keepers, so he cannot name one.
  const std::string someone = id(keeper());
  const Error unseen = refusal([&] { create(as("shop.guest", 33), "shop.dog", "{\"keepers\":[\"" + someone + "\"]}"); });
  EXPECT_EQ(unseen.fields().at(0).code, "unknown_reference");
}

TEST_P(Lists, FiltersAskForOneElement) {
  const std::string a = id(keeper()), b = id(keeper());
  dog("{\"label\":\"1\",\"traits\":[\"gold\"],\"keepers\":[\"" + a + "\",\"" + b + "\"],\"story\":{\"en\":\"Brown fox\",\"zh-CN\":\"棕色\"}}");
  dog("{\"label\":\"2\",\"traits\":[\"loud\",\"small\"],\"keepers\":[\"" + b + "\"],\"story\":{\"zh-CN\":\"en 50%\"}}");
  dog("{\"label\":\"3\",\"traits\":[]}");
  const auto found = [&](const std::string& filter) { return labels(filter, boss()); };
  EXPECT_THAT(found("'gold' in record.traits"), ElementsAre("\"1\""));
  EXPECT_THAT(found("!('gold' in record.traits)"), ElementsAre("\"2\"")) << "of an empty field it is unknown";
  EXPECT_THAT(found("record.traits == null"), ElementsAre("\"3\""));
  EXPECT_THAT(found("record.traits == ['loud', 'small']"), ElementsAre("\"2\""));
  EXPECT_THAT(found("record.traits.exists(t, t in ['loud', 'old'])"), ElementsAre("\"2\""));
  EXPECT_THAT(found("size(record.keepers) > 1"), ElementsAre("\"1\""));
  EXPECT_THAT(found(b + " in record.keepers"), ElementsAre("\"1\"", "\"2\""));
  EXPECT_THAT(found("record.keepers.exists(k, k == " + a + ")"), ElementsAre("\"1\""));
  EXPECT_THAT(found("has(record.keepers) && !(" + a + " in record.keepers)"), ElementsAre("\"2\""));
  EXPECT_THAT(found("record.story['zh-CN'] == '棕色'"), ElementsAre("\"1\""));
  EXPECT_THAT(found("'en' in record.story"), ElementsAre("\"1\""));
  EXPECT_THAT(labels("", boss(), "棕"), ElementsAre("\"1\""));
  EXPECT_THAT(labels("", boss(), "fox"), ElementsAre("\"1\""));
  EXPECT_THAT(labels("", boss(), "EN"), ElementsAre("\"2\"")) << "languages are no text";
  EXPECT_THAT(labels("", boss(), "%"), ElementsAre("\"2\""));
  EXPECT_THAT(labels("", as("shop.guest", 33), "fox"), IsEmpty()) << "masked";
  const auto refused = [&](const std::string& filter, const std::string& sort = "") {
    ListQuery query;
    query.filter = filter;
    query.sort = sort;
    return std::string(refusal([&] { gate().list(boss(), dogs(), query); }).message());
  };
  EXPECT_THAT(refused("", "traits"), HasSubstr("several values"));
  EXPECT_THAT(refused("record.keepers.all(k, k > 3)"), HasSubstr("loop"));
  EXPECT_THAT(refused("record.keepers[0] == 3"), HasSubstr("cannot be looked up"));
  AggregateQuery group;
  group.group = "traits";
  EXPECT_THAT(std::string(refusal([&] { gate().aggregate(boss(), dogs(), group); }).message()), HasSubstr("several values"));
}

TEST_P(Lists, RulesOfRolesAskForElements) {
  dog("{\"label\":\"1\",\"traits\":[\"gold\"]}");
  dog("{\"label\":\"2\",\"traits\":[\"loud\"]}");
  const auto seen = labels("", as("shop.seller", 13));
  EXPECT_THAT(seen, ElementsAre("\"1\""));
}

TEST_P(Lists, HiddenAndMaskedListsAreEmpty) {
  const Record made = dog(R"({"label":"1","secret":["gold"],"story":{"en":"Something"}})");
  const Record shown = gate().get(as("shop.guest", 33), dogs(), made.id());
  EXPECT_TRUE(shown[dogs().field("secret")->slot].is_null());
  EXPECT_TRUE(shown[dogs().field("story")->slot].is_null());
  std::string json;
  gate().list_json(as("shop.guest", 33), dogs(), {}, {}, json);
  EXPECT_THAT(json, HasSubstr(R"("story":null)"));
  EXPECT_THAT(json, ::testing::Not(HasSubstr("secret\":")));
  EXPECT_THAT(gate().timeline(as("shop.guest", 33), dogs(), made.id(), 0, 5).at(0).changes, ::testing::Not(HasSubstr("Something")));
}

TEST_P(Lists, TheHistoryTellsListsAndTheTrashKeepsThem) {
  const std::string a = id(keeper()), b = id(keeper());
  const Record made = dog("{\"traits\":[\"gold\"],\"keepers\":[\"" + a + "\"],\"story\":{\"en\":\"A\"}}");
  change(boss(), made, "{\"traits\":[\"loud\"],\"keepers\":[\"" + b + "\"],\"story\":{\"en\":\"A\",\"zh-CN\":\"B\"}}");
  const std::string told = gate().timeline(boss(), dogs(), made.id(), 0, 1).at(0).changes;
  EXPECT_THAT(told, HasSubstr(R"("traits":[["gold"],["loud"]])"));
  EXPECT_THAT(told, HasSubstr("\"keepers\":[[\"" + a + "\"],[\"" + b + "\"]]"));
  EXPECT_THAT(told, HasSubstr(R"("story":[{"en":"A"},{"en":"A","zh-CN":"B"}])"));
  EXPECT_EQ(links("shop_dog$keepers"), 1);
  gate().remove(boss(), dogs(), made.id(), std::nullopt);
  EXPECT_EQ(links("shop_dog$keepers"), 0);
  const Record back = gate().restore(boss(), dogs(), made.id());
  EXPECT_EQ(text(back, "keepers"), "[\"" + b + "\"]");
  EXPECT_EQ(text(read(back), "story"), R"({"en":"A","zh-CN":"B"})");
  EXPECT_EQ(links("shop_dog$keepers"), 1);
}

TEST_P(Lists, RestrictKeepsWhatIsReferredTo) {
  const Record a = keeper(), b = keeper();
  const Record made = dog("{\"keepers\":[\"" + id(a) + "\"],\"trainer\":\"" + id(b) + "\"}");
  for (const Record& one : {a, b}) {
    EXPECT_EQ(refusal([&] { gate().remove(boss(), keepers(), one.id(), std::nullopt); }).code(), ErrorCode::conflict);
  }
  change(boss(), made, R"({"keepers":null,"trainer":null})");
  gate().remove(boss(), keepers(), a.id(), std::nullopt);
  gate().remove(boss(), keepers(), b.id(), std::nullopt);
  EXPECT_TRUE(gone(a));
}

TEST_P(Lists, ClearTakesTheReferenceOutWithAnEventOfItsOwn) {
  const Record a = keeper(), b = keeper();
  const Record made = dog("{\"walkers\":[\"" + id(a) + "\",\"" + id(b) + "\"],\"vet\":\"" + id(a) + "\"}");
  gate().remove(boss(), keepers(), a.id(), std::nullopt);
  Record now_ = read(made);
  EXPECT_EQ(text(now_, "walkers"), "[\"" + id(b) + "\"]");
  EXPECT_EQ(text(now_, "vet"), "null");
  EXPECT_EQ(now_.version(), 3) << "each field by a change of its own";
  const Event last = gate().timeline(boss(), dogs(), made.id(), 0, 1).at(0);
  EXPECT_EQ(last.action, "update");
  EXPECT_THAT(last.note, HasSubstr("K-001"));
  gate().remove(boss(), keepers(), b.id(), std::nullopt);
  EXPECT_EQ(text(read(made), "walkers"), "null");
  EXPECT_EQ(links("shop_dog$walkers"), 0);
  // What is brought back is not put in again.
  gate().restore(boss(), keepers(), a.id());
  EXPECT_EQ(text(read(made), "walkers"), "null");
}

TEST_P(Lists, ClearDoesNotBreakARuleOfTheRecordThatRefers) {
  const Record a = keeper(), b = keeper();
  const Record made = dog("{\"label\":\"big\",\"walkers\":[\"" + id(a) + "\",\"" + id(b) + "\"]}");
  const Error error = refusal([&] { gate().remove(boss(), keepers(), a.id(), std::nullopt); });
  EXPECT_EQ(error.code(), ErrorCode::conflict);
  EXPECT_THAT(std::string(error.message()), HasSubstr("two walkers"));
  EXPECT_EQ(read(made).version(), 1);
  EXPECT_FALSE(gone(a));
}

TEST_P(Lists, CascadeDeletesThroughTheGateAndByTheDefinitionsAuthority) {
  const Record a = keeper(), b = keeper();
  const Record owned = dog("{\"owners\":[\"" + id(b) + "\",\"" + id(a) + "\"]}"), heir = dog("{\"heir\":\"" + id(a) + "\",\"vet\":\"" + id(a) + "\"}");
  const Record other = dog("{\"owners\":[\"" + id(b) + "\"]}");
  // Bowls are not the boss's to delete; a definition orders it.
  const Record bowl = create(boss(), "shop.bowl", "{\"dog\":\"" + id(owned) + "\"}");
  EXPECT_EQ(refusal([&] { gate().remove(boss(), bowl.entity(), bowl.id(), std::nullopt); }).code(), ErrorCode::forbidden);
  gate().remove(boss(), keepers(), a.id(), std::nullopt);
  for (const Record& record : {a, owned, heir, bowl}) EXPECT_TRUE(gone(record)) << record.id();
  EXPECT_FALSE(gone(other));
  EXPECT_EQ(links("shop_dog$owners"), 1);
  Context administrator = boss();
  administrator.actor.system = true;
  const auto events = gate().timeline(administrator, bowl.entity(), bowl.id(), 0, 5);
  EXPECT_EQ(events.at(0).action, "delete");
  EXPECT_FALSE(events.at(0).note.empty());
  // The children come back one by one, once what they refer to is there.
  EXPECT_EQ(refusal([&] { gate().restore(boss(), dogs(), owned.id()); }).code(), ErrorCode::conflict);
  gate().restore(boss(), keepers(), a.id());
  EXPECT_EQ(text(gate().restore(boss(), dogs(), owned.id()), "owners"), "[\"" + id(b) + "\",\"" + id(a) + "\"]");
  EXPECT_EQ(links("shop_dog$owners"), 3);
}

TEST_P(Lists, CirclesOfCascadesEnd) {
  Record a = keeper(), b = keeper(), c = keeper();
  a = change(boss(), a, "{\"friend\":\"" + id(b) + "\"}");
  b = change(boss(), b, "{\"friend\":\"" + id(c) + "\"}");
  c = change(boss(), c, "{\"friend\":\"" + id(a) + "\"}");
  const Record narcissus = change(boss(), keeper(), "{}");
  change(boss(), narcissus, "{\"friend\":\"" + id(narcissus) + "\"}");
  gate().remove(boss(), keepers(), a.id(), std::nullopt);
  for (const Record& record : {a, b, c}) EXPECT_TRUE(gone(record));
  gate().remove(boss(), keepers(), narcissus.id(), std::nullopt);
  EXPECT_TRUE(gone(narcissus));
}

TEST_P(Lists, AChainThatIsTooDeepIsRefusedWhole) {
  const Record first = keeper();
  Record last = first;
  for (int i = 0; i < 40; ++i) last = keeper("{\"friend\":\"" + id(last) + "\"}");
  EXPECT_EQ(refusal([&] { gate().remove(boss(), keepers(), first.id(), std::nullopt); }).code(), ErrorCode::conflict);
  EXPECT_FALSE(gone(first));
  EXPECT_FALSE(gone(last));
}

TEST_P(Lists, ARestoredRecordLosesWhatWasClearedMeanwhileAndIsRefusedElse) {
  const Record a = keeper(), b = keeper();
  const Record loose = dog("{\"walkers\":[\"" + id(a) + "\",\"" + id(b) + "\"],\"vet\":\"" + id(a) + "\"}"), tight = dog("{\"keepers\":[\"" + id(a) + "\"]}");
  gate().remove(boss(), dogs(), loose.id(), std::nullopt);
  gate().remove(boss(), dogs(), tight.id(), std::nullopt);
  gate().remove(boss(), keepers(), a.id(), std::nullopt);
  const Record back = gate().restore(boss(), dogs(), loose.id());
  EXPECT_EQ(text(back, "walkers"), "[\"" + id(b) + "\"]");
  EXPECT_EQ(text(back, "vet"), "null");
  EXPECT_EQ(refusal([&] { gate().restore(boss(), dogs(), tight.id()); }).fields().at(0).field, "keepers");
}

TEST_P(Lists, AReferenceAndADeletionAtOnceLeaveNoneBehind) {
  for (int round = 0; round < 8; ++round) {
    const Record target = keeper();
    std::atomic<int> made{0}, removed{0};
    std::thread referring([&] {
      try {
        dog("{\"keepers\":[\"" + id(target) + "\"]}");
        ++made;
      } catch (const Error&) {
      }
    });
    std::thread deleting([&] {
      try {
        gate().remove(boss(), keepers(), target.id(), std::nullopt);
        ++removed;
      } catch (const Error&) {
      }
    });
    referring.join();
    deleting.join();
    EXPECT_EQ(made + removed, 1) << round;
  }
}

TEST_P(Lists, CellsOfTablesAreRead) {
  const auto cell = [&](const char* field, std::string_view text_) {
    std::string out;
    write_value(out, *dogs().field(field), parse_text(*catalog, *dogs().field(field), text_));
    return out;
  };
  EXPECT_EQ(cell("traits", " loud ; gold;"), R"(["gold","loud"])");
  EXPECT_EQ(cell("traits", R"(["loud"])"), R"(["loud"])");
  EXPECT_EQ(cell("keepers", "7;3"), R"(["7","3"])");
  EXPECT_EQ(cell("story", "你好"), R"({"zh-CN":"你好"})") << "in the agency's language";
  EXPECT_EQ(cell("story", R"({"en":"Hello"})"), R"({"en":"Hello"})");
  EXPECT_EQ(cell("traits", ""), "null");
  EXPECT_EQ(refusal([&] { cell("traits", "gold;blue"); }).code(), ErrorCode::invalid_record);
}

TEST_P(Lists, AFieldThatComesLaterFindsItsLinks) {
  const std::string a = id(keeper());
  dog("{\"keepers\":[\"" + a + "\"]}");
  const std::string drop = "DROP TABLE " + storage::quote(database().dialect(), "shop_dog$keepers");
  database().transact([&](storage::Session& session) { session.execute(drop); });
  storage::update_schema(database(), *catalog);
  EXPECT_EQ(links("shop_dog$keepers"), 1);
  EXPECT_EQ(refusal([&] { gate().remove(boss(), keepers(), std::stoll(a), std::nullopt); }).code(), ErrorCode::conflict);
}

TEST_P(Lists, TwoThatNeedEachOtherComeBackOneAfterTheOther) {
  const Record a = create(boss(), "shop.keeper", R"({"name":{"en":"A"}})");
  const Record b = create(boss(), "shop.keeper", R"({"name":{"en":"B"},"friend":")" + id(a) + "\"}");
  change(boss(), a, R"({"friend":")" + id(b) + "\"}");
  gate().remove(boss(), keepers(), a.id(), std::nullopt);
  EXPECT_EQ(refusal([&] { gate().get(boss(), keepers(), b.id()); }).code(), ErrorCode::not_found);
  EXPECT_EQ(text(gate().restore(boss(), keepers(), a.id()), "friend"), "null") << "the first lets go";
  EXPECT_EQ(text(gate().restore(boss(), keepers(), b.id()), "friend"), "\"" + id(a) + "\"");
}

TEST_P(Lists, EachDeletionOfATransactionCountsWhatGoesWithItAnew) {
  if (!on_sqlite()) return;  // the gate counts, not the database, and thousands of deletions take MariaDB long
  const model::Entity& bowls = *catalog->entity("shop.bowl");
  std::vector<Record> all;
  gate().transact(boss(), [&](Work& work) {
    all.clear();
    for (int dog = 0; dog < 3; ++dog) {
      all.push_back(work.create(dogs(), {}));
      for (int i = 0; i < 700; ++i) work.create(bowls, {{bowls.field("dog"), expr::Value(all.back().id())}});
    }
  }, 2103);
  gate().transact(boss(), [&](Work& work) {
    for (const Record& dog : all) work.remove(dogs(), dog.id(), std::nullopt);
  });
  EXPECT_EQ(number("SELECT COUNT(*) FROM shop_bowl"), 0);
}

CARAVAN_ON_BOTH_DATABASES(Lists);

/// Texts and choices that become localized and multi.
class ListsOfOldTexts : public test::GateTest {
 protected:
  static std::string documents(const char* name, const char* channel) {
    return std::string("kind: choices\nname: shop.channel\noptions: {web: {}, phone: {}}\n---\nkind: entity\nname: shop.visit\nfields:\n"
                       "  name: {type: ") + name + ", max: 40}\n  way: {type: " + channel +
           ", choices: shop.channel}\n---\nkind: role\nname: shop.boss\ngrants: {shop.visit: {read: true, create: true, update: true}}\n";
  }
  const char* definitions() const override {
    static const std::string text = documents("text", "choice");
    return text.c_str();
  }
};

TEST_P(ListsOfOldTexts, KeepTheirValues) {
  const Record made = create(as("shop.boss", 12), "shop.visit", R"({"name":"{你\"好","way":"web"})");
  catalog = test::catalog_of(documents("localized", "multi"));
  const auto steps = storage::update_schema(database(), *catalog);
  const Record now_ = gate().get(as("shop.boss", 12), *catalog->entity("shop.visit"), made.id());
  EXPECT_EQ(text(now_, "name"), R"({"zh-CN":"{你\"好"})");
  EXPECT_EQ(text(now_, "way"), R"(["web"])");
  for (const storage::SchemaStep& step : storage::plan_schema(**std::make_unique<storage::ReadSession>(database().read()), *catalog)) {
    EXPECT_NE(step.safety, storage::SchemaStep::Safety::additive) << step.what;
  }
}

CARAVAN_ON_BOTH_DATABASES(ListsOfOldTexts);

}  // namespace
}  // namespace caravan::records
