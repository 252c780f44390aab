#include "storage/constraints.h"

#include <gmock/gmock.h>

#include "storage/schema.h"
#include "support/definitions.h"
#include "support/test_database.h"

namespace caravan::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Safety = SchemaStep::Safety;

std::string trip(const std::string& more) {
  return "kind: entity\nname: shop.trip\nfields:\n  title: {type: text, max: 40}\n  people: {type: int}\n  price: {type: money, scale: 2}\n"
         "  leave_on: {type: date}\n  back_on: {type: date}\n  guide: {type: ref, to: shop.trip}\n" + more;
}

std::string rule(const std::string& name, const std::string& check) { return "  " + name + ": {check: '" + check + "', message: {en: No}}\n"; }

class ConstraintsTest : public testing::DialectTest {
 protected:
  std::vector<SchemaStep> plan(const model::Catalog& catalog) {
    const ReadSession s = database().read();
    return plan_schema(*s, catalog);
  }
  void sql(const std::string& text) {
    database().transact([&](Session& s) { s.execute(text); });
  }
  /// The constraint that refuses the statement; "" where it is done.
  std::string refused_by(const std::string& text) {
    try {
      sql(text);
    } catch (const Error& error) {
      std::string name;
      EXPECT_TRUE(ConstraintViolation::is(error, &name)) << error.what();
      return name;
    }
    return {};
  }
  std::string refusal(const model::Catalog& catalog, bool allow = false) {
    try {
      update_schema(database(), catalog, allow);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::conflict) << error.what();
      return error.message();
    }
    return "applied";
  }
  std::int64_t constraints() {
    const ReadSession s = database().read();
    const auto schema = on_sqlite() ? sqlite_schema() : mysql_schema(*s);
    return static_cast<std::int64_t>(schema->find(*s).at("shop_trip").constraints.size());
  }
};

INSTANTIATE_TEST_SUITE_P(Dialects, ConstraintsTest, testing::both_dialects(), testing::dialect_name);

TEST_P(ConstraintsTest, AWritePastTheGateIsRefusedByTheInvariantsName) {
  const auto catalog = test::catalog_of(trip("invariants:\n" + rule("some", "record.people >= 1") + rule("order", "record.leave_on <= record.back_on")));
  update_schema(database(), *catalog);
  EXPECT_THAT(plan(*catalog), IsEmpty());
  const model::Entity& entity = *catalog->entity("shop.trip");
  sql("INSERT INTO shop_trip (id, version, people) VALUES (1, 1, 2)");
  sql("INSERT INTO shop_trip (id, version) VALUES (2, 1)");  // unknown passes
  const std::string inserted = refused_by("INSERT INTO shop_trip (id, version, people) VALUES (3, 1, 0)");
  EXPECT_THAT(inserted, ::testing::StartsWith("ck_shop_trip$some$"));
  ASSERT_NE(violated_invariant(entity, inserted), nullptr);
  EXPECT_EQ(violated_invariant(entity, inserted)->name, "some");
  EXPECT_EQ(refused_by("UPDATE shop_trip SET people = -1 WHERE id = 2"), inserted);
  EXPECT_THAT(refused_by("UPDATE shop_trip SET leave_on = '2026-12-20', back_on = '2026-12-19' WHERE id = 1"), HasSubstr("$order$"));
  EXPECT_EQ(refused_by("UPDATE shop_trip SET leave_on = '2026-12-20', back_on = '2026-12-20' WHERE id = 1"), "");
}

TEST_P(ConstraintsTest, RulesThatFollowOrAskTheTimeAreForTheGateAlone) {
  const auto catalog = test::catalog_of(trip("invariants:\n" + rule("guide", "record.guide.people > 1") + rule("later", "record.leave_on >= today()") +
                                             rule("mine", "record.people > 0")));
  const model::Entity& entity = *catalog->entity("shop.trip");
  EXPECT_FALSE(entity.invariants[0].in_database);
  EXPECT_FALSE(entity.invariants[1].in_database);
  EXPECT_TRUE(entity.invariants[2].in_database);
  update_schema(database(), *catalog);
  EXPECT_EQ(constraints(), 1);
}

TEST_P(ConstraintsTest, AChangedRuleReplacesTheConstraintAndARemovedOneTakesItAway) {
  const auto one = test::catalog_of(trip("invariants:\n" + rule("some", "record.people >= 1")));
  const auto other = test::catalog_of(trip("invariants:\n" + rule("some", "record.people >= 2")));
  const auto none = test::catalog_of(trip(""));
  update_schema(database(), *one);
  sql("INSERT INTO shop_trip (id, version, people) VALUES (1, 1, 2)");
  update_schema(database(), *other);
  EXPECT_EQ(constraints(), 1);
  EXPECT_NE(refused_by("UPDATE shop_trip SET people = 1 WHERE id = 1"), "");
  update_schema(database(), *none);
  EXPECT_EQ(constraints(), 0);
  EXPECT_EQ(refused_by("UPDATE shop_trip SET people = 1 WHERE id = 1"), "");
}

TEST_P(ConstraintsTest, RowsAgainstANewRuleAreNamedAndNothingIsHalfMade) {
  update_schema(database(), *test::catalog_of(trip("")));
  sql("INSERT INTO shop_trip (id, version, people, title) VALUES (11, 1, 0, 'a'), (12, 1, 5, 'b'), (13, 1, -4, 'c'), (14, 1, NULL, 'd')");
  const auto catalog = test::catalog_of(trip("  fresh: {type: int}\ninvariants:\n" + rule("some", "record.people >= 1") + rule("named", "record.title != null")));
  std::vector<SchemaStep> steps = plan(*catalog);
  const auto step = std::find_if(steps.begin(), steps.end(), [](const auto& s) { return s.blocked; });
  ASSERT_NE(step, steps.end());
  EXPECT_EQ(step->safety, Safety::destructive);
  EXPECT_EQ(step->what, "add check some to shop_trip: 2 rows break it; mend them first");
  EXPECT_THAT(step->samples, ElementsAre("id 11", "id 13"));
  for (const bool allow : {false, true}) {
    EXPECT_THAT(refusal(*catalog, allow), ::testing::AllOf(HasSubstr("2 rows"), HasSubstr("id 11, id 13")));
    EXPECT_EQ(constraints(), 0);
    EXPECT_THAT(plan(*catalog), ::testing::SizeIs(steps.size()));
  }
  sql("UPDATE shop_trip SET people = 1 WHERE id IN (11, 13)");
  EXPECT_EQ(refusal(*catalog), "applied");
  EXPECT_THAT(plan(*catalog), IsEmpty());
  EXPECT_EQ(constraints(), 2);
}

TEST_P(ConstraintsTest, ARuleOverANewColumnIsAskedOfItsEmptyValues) {
  update_schema(database(), *test::catalog_of(trip("")));
  sql("INSERT INTO shop_trip (id, version) VALUES (7, 1)");
  EXPECT_THAT(refusal(*test::catalog_of(trip("  mood: {type: text, max: 9}\ninvariants:\n" + rule("mood", "record.mood != null")))), HasSubstr("id 7"));
  EXPECT_EQ(refusal(*test::catalog_of(trip("  mood: {type: text, max: 9}\ninvariants:\n" + rule("mood", "record.mood != \"bad\"")))), "applied");
}

TEST_P(ConstraintsTest, AnAmountIsComparedInItsColumnsScale) {
  const auto scaled = [](int scale) {
    return test::catalog_of("kind: entity\nname: shop.trip\nfields:\n  rate: {type: decimal, scale: " + std::to_string(scale) + "}\ninvariants:\n" +
                            rule("low", "record.rate <= decimal(\"12.5\")"));
  };
  update_schema(database(), *scaled(1));
  sql("INSERT INTO shop_trip (id, version, rate) VALUES (1, 1, " + std::string(on_sqlite() ? "125" : "12.5") + ")");
  EXPECT_NE(refused_by("UPDATE shop_trip SET rate = " + std::string(on_sqlite() ? "126" : "12.6")), "");
  update_schema(database(), *scaled(3));
  EXPECT_THAT(plan(*scaled(3)), IsEmpty());
  EXPECT_EQ(refused_by("UPDATE shop_trip SET rate = " + std::string(on_sqlite() ? "12500" : "12.5")), "");
  EXPECT_NE(refused_by("UPDATE shop_trip SET rate = " + std::string(on_sqlite() ? "12501" : "12.501")), "");
}

TEST_P(ConstraintsTest, TextsOfEveryKindStayWhatTheyAre) {
  const auto catalog = test::catalog_of(trip("invariants:\n  odd: {check: \"record.title != \\\"" + std::string("it's 100% -- ; ? 北京😀") + "\\\"\", message: {en: No}}\n"));
  update_schema(database(), *catalog);
  if (!on_sqlite()) sql("FLUSH TABLES shop_trip");
  EXPECT_NE(refused_by("INSERT INTO shop_trip (id, version, title) VALUES (1, 1, 'it''s 100% -- ; ? 北京😀')"), "");
  EXPECT_EQ(refused_by("INSERT INTO shop_trip (id, version, title) VALUES (1, 1, 'it''s 100% -- ; ? 北京')"), "");
}

TEST_P(ConstraintsTest, LongNamesStayApartWithinTheDatabasesBound) {
  const std::string longest(48, 'n');
  const std::string entity = "shop." + std::string(48, 'e');
  const auto catalog = test::catalog_of("kind: entity\nname: " + entity + "\nfields:\n  people: {type: int}\ninvariants:\n" +
                                        rule(longest.substr(0, 47) + "a", "record.people > 1") + rule(longest.substr(0, 47) + "b", "record.people > 1"));
  const model::Entity& made = *catalog->entity(entity);
  const auto wanted = entity_constraints(made, database().dialect());
  ASSERT_EQ(wanted.size(), 2u);
  EXPECT_NE(wanted[0].name, wanted[1].name);
  for (const auto& one : wanted) {
    EXPECT_LE(one.name.size(), 64u);
    ASSERT_NE(violated_invariant(made, one.name), nullptr);
    EXPECT_EQ(violated_invariant(made, one.name)->name, one.invariant);
  }
  update_schema(database(), *catalog);
  EXPECT_THAT(plan(*catalog), IsEmpty());
}

TEST_P(ConstraintsTest, ThePlanShowsWhatWouldBeLost) {
  update_schema(database(), *test::catalog_of(trip("")));
  sql("INSERT INTO shop_trip (id, version, title, price) VALUES (1, 1, '三亚', " + std::string(on_sqlite() ? "1250" : "12.50") +
      "), (2, 1, 'b', NULL), (3, 1, NULL, NULL)");
  const auto catalog = test::catalog_of("kind: entity\nname: shop.trip\nfields:\n  people: {type: int}\n");
  std::map<std::string, std::vector<std::string>> lost;
  for (const SchemaStep& step : plan(*catalog)) {
    EXPECT_TRUE(step.safety == Safety::leftover || step.what.starts_with("drop index ")) << step.what;
    if (step.what.starts_with("drop column ")) lost[step.what.substr(12, step.what.find(' ', 12) - 12)] = step.samples;
  }
  EXPECT_THAT(lost["title"], ElementsAre("id 1: 三亚", "id 2: b"));
  EXPECT_THAT(lost["price"], ElementsAre("id 1: 12.50"));
  EXPECT_THAT(lost["leave_on"], IsEmpty());
  for (const SchemaStep& step : plan(*test::catalog_of("kind: entity\nname: shop.other\nfields:\n  people: {type: int}\n"))) {
    if (!step.what.starts_with("drop table shop_trip")) continue;
    EXPECT_THAT(step.samples, ::testing::SizeIs(3));
  }
}

}  // namespace
}  // namespace caravan::storage
