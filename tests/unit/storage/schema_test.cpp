#include "storage/schema.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

#include "support/hand_catalog.h"
#include "support/test_database.h"

namespace caravan::storage {
namespace {

using model::FieldType;
using testing::HandEntity;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Safety = SchemaStep::Safety;

/// Every type, a unique key and an index.
void add_trips(model::Catalog& catalog, std::uint32_t text = 80, std::uint32_t scale = 2) {
  HandEntity(catalog, "desk.trip")
      .field("title", FieldType::text, text)
      .field("story", FieldType::text)
      .field("people", FieldType::integer)
      .field("paid", FieldType::boolean)
      .field("rate", FieldType::decimal, scale)
      .field("budget", FieldType::money, 2)
      .field("leave_on", FieldType::date)
      .field("called_at", FieldType::instant)
      .field("channel", FieldType::choice)
      .field("buyer", FieldType::ref)
      .field("extra", FieldType::json)
      .numbered("T-{seq}")
      .index("by_state", {"state", "created_at"}, false)
      .index("same_trip", {"title", "leave_on"}, true);
}

class SchemaTest : public testing::DialectTest {
 protected:
  std::vector<SchemaStep> plan(const model::Catalog& catalog) {
    const ReadSession s = database().read();
    return plan_schema(*s, catalog);
  }
  std::vector<std::string> said(const model::Catalog& catalog) {
    std::vector<std::string> out;
    for (const SchemaStep& step : plan(catalog)) {
      out.push_back((step.safety == Safety::additive ? "" : step.safety == Safety::leftover ? "leftover: " : "destructive: ") + step.what);
    }
    return out;
  }
  void sql(const std::string& text) {
    database().transact([&](Session& s) { s.execute(text); });
  }
  std::string cell(const std::string& text) {
    const ReadSession s = database().read();
    Statement& q = s->prepare(text);
    std::string out = q.step() ? (q.is_null(0) ? "NULL" : std::string(q.text(0))) : "no row";
    q.reset();
    return out;
  }
  std::string refusal(const model::Catalog& catalog, bool allow = false) {
    try {
      update_schema(database(), catalog, allow);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::conflict);
      return error.message();
    }
    return "applied";
  }
  void insert(std::int64_t id, const std::string& title) {
    database().transact([&](Session& s) {
      Statement& q = s.prepare("INSERT INTO desk_trip (id, version, title, leave_on, rate) VALUES (?, 1, ?, ?, ?)");
      q.bind(1, id);
      q.bind(2, std::string_view(title));
      q.bind(3, expr::Value(*parse_date("2026-12-20")));
      q.bind(4, expr::Value(*parse_decimal("12.35")), ColumnType{ColumnType::Kind::decimal, 2, 0});
      q.step();
      q.reset();
    });
  }
};

INSTANTIATE_TEST_SUITE_P(Dialects, SchemaTest, testing::both_dialects(), testing::dialect_name);

TEST_P(SchemaTest, AppliesOnceAndThenHasNothingToDo) {
  model::Catalog catalog;
  add_trips(catalog);
  for (const SchemaStep& step : plan(catalog)) EXPECT_EQ(step.safety, Safety::additive) << step.what;
  EXPECT_THAT(said(catalog), ::testing::Contains("create table desk_trip"));
  update_schema(database(), catalog);
  EXPECT_THAT(said(catalog), IsEmpty());
  reopen();
  EXPECT_THAT(said(catalog), IsEmpty());
  insert(1, "三亚");
  EXPECT_EQ(cell("SELECT title FROM desk_trip"), "三亚");
  EXPECT_EQ(cell("SELECT version FROM schema_info"), "2");
}

TEST_P(SchemaTest, TheCoresTablesTakeWhatTheCoreWrites) {
  update_schema(database(), {});
  sql("INSERT INTO setting (name, value) VALUES ('a', 'b')");
  sql("INSERT INTO sequence_block (name, next_value) VALUES ('record', 1)");
  const std::string now = on_sqlite() ? "1" : "'2026-01-01 00:00:00'";
  sql("INSERT INTO event (id, entity, record_id, version, at, action) VALUES (1, 'desk.trip', 1, 1, " + now + ", 'create')");
  sql("INSERT INTO credential (user_id, password_hash, failed_count, changed_at) VALUES (1, 'x', 0, " + now + ")");
  sql("INSERT INTO login_session VALUES ('h', 1, 'c', " + now + ", " + now + ", " + now + ")");
  sql("INSERT INTO api_token (id, user_id, token_hash, created_at) VALUES (1, 1, 'h', " + now + ")");
  EXPECT_THROW(sql("INSERT INTO api_token (id, user_id, token_hash, created_at) VALUES (2, 1, 'h', " + now + ")"), Error);
}

TEST_P(SchemaTest, UniqueKeysCarryNamesThatTheGateKnows) {
  model::Catalog catalog;
  add_trips(catalog);
  update_schema(database(), catalog);
  const model::Entity& trip = *catalog.entities[0];
  EXPECT_EQ(index_name(trip, trip.indexes[1]), "uq_desk_trip$same_trip");
  EXPECT_EQ(index_name(trip, trip.indexes[0]), "ix_desk_trip$by_state");
  insert(1, "a");
  insert(2, "a ");  // another text
  std::string key;
  try {
    insert(3, "a");
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(DuplicateKey::is(error, &key));
  }
  EXPECT_EQ(key, "uq_desk_trip$same_trip");
  sql("UPDATE desk_trip SET external_source = 's', external_id = 'x' WHERE id = 1");
  try {
    sql("UPDATE desk_trip SET external_source = 's', external_id = 'x' WHERE id = 2");
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(DuplicateKey::is(error, &key));
  }
  EXPECT_EQ(key, "uq_desk_trip$_external");
}

TEST_P(SchemaTest, LongNamesStayApart) {
  model::Catalog catalog;
  HandEntity one(catalog, "desk." + std::string(59, 'a'));
  one.field("x", FieldType::integer).index("a_key", {"x"}, true).index(std::string(60, 'k') + "1", {"x"}, false).index(std::string(60, 'k') + "2", {"x"}, false);
  const model::Entity& e = one.entity();
  std::vector<std::string> names;
  for (const auto& i : e.indexes) names.push_back(index_name(e, i));
  for (const auto& name : names) EXPECT_LE(name.size(), 64U);
  EXPECT_THAT(names[0], HasSubstr("$a_key"));
  EXPECT_NE(names[1], names[2]);
  update_schema(database(), catalog);
  EXPECT_THAT(said(catalog), IsEmpty());
}

TEST_P(SchemaTest, MissingColumnsAndIndexesAreAdded) {
  model::Catalog before;
  HandEntity(before, "desk.trip").field("title", FieldType::text, 80);
  update_schema(database(), before);
  sql("INSERT INTO desk_trip (id, version, title) VALUES (1, 1, 'kept')");
  model::Catalog after;
  add_trips(after);
  for (const SchemaStep& step : plan(after)) EXPECT_EQ(step.safety, Safety::additive) << step.what;
  update_schema(database(), after);
  EXPECT_THAT(said(after), IsEmpty());
  EXPECT_EQ(cell("SELECT title FROM desk_trip WHERE rate IS NULL"), "kept");
}

TEST_P(SchemaTest, AKillBetweenAnyTwoStatementsIsFinishedByTheNextPlan) {
  model::Catalog before, after;
  HandEntity(before, "desk.trip").field("title", FieldType::text, 40);
  add_trips(after);
  update_schema(database(), before);
  int statements = 0;
  for (const SchemaStep& step : plan(after)) statements += static_cast<int>(step.sql.size());
  ASSERT_GT(statements, 5);
  if (on_sqlite()) {
    // All or nothing: what was not committed is not there.
    {
      Transaction t = database().begin();
      apply_schema(*t, plan(after), false);
    }
    EXPECT_FALSE(said(after).empty());
    update_schema(database(), after);
    EXPECT_THAT(said(after), IsEmpty());
    return;
  }
  for (int done = 0; done < statements; done += 4) {
    const std::vector<SchemaStep> steps = plan(after);
    int count = 0;
    for (const SchemaStep& step : steps) {
      for (const std::string& s : step.sql) {
        if (count++ < done) sql(s);
      }
    }
    EXPECT_NO_THROW(apply_schema(*database().begin(), steps, false)) << "the old plan, after " << done;
    EXPECT_THAT(said(after), IsEmpty());
    sql("DROP TABLE desk_trip");
    update_schema(database(), before);
  }
}

TEST_P(SchemaTest, WhatNoDefinitionNamesStaysUntilOneSaysSo) {
  model::Catalog before;
  add_trips(before);
  HandEntity(before, "desk.gone");
  update_schema(database(), before);
  insert(1, "a");
  model::Catalog after;
  HandEntity(after, "desk.trip").field("title", FieldType::text, 80);
  const auto steps = said(after);
  EXPECT_THAT(steps, ::testing::Contains(HasSubstr("leftover: drop table desk_gone")));
  EXPECT_THAT(steps, ::testing::Contains(::testing::AllOf(HasSubstr("leftover: drop column rate"), HasSubstr("1 row holds a value"))));
  EXPECT_THAT(steps, ::testing::Contains("drop index uq_desk_trip$same_trip of desk_trip"));
  update_schema(database(), after);
  EXPECT_EQ(cell("SELECT rate FROM desk_trip"), on_sqlite() ? "1235" : "12.35");
  insert(2, "a");  // the key that is gone refuses nothing any more
  update_schema(database(), before.entities.empty() ? after : after, true);
  EXPECT_THAT(said(after), IsEmpty());
  EXPECT_THROW(cell("SELECT rate FROM desk_trip"), Error);
  EXPECT_THROW(cell("SELECT id FROM desk_gone"), Error);
}

TEST_P(SchemaTest, OthersTablesAreLeftAlone) {
  sql("CREATE TABLE somebody_elses (id INTEGER, note VARCHAR(10))");
  model::Catalog catalog;
  update_schema(database(), catalog, true);
  EXPECT_THAT(said(catalog), IsEmpty());
  EXPECT_EQ(cell("SELECT COUNT(*) FROM somebody_elses"), "0");
}

TEST_P(SchemaTest, TextsGrowAtOnceAndShrinkOnlyByOnesWord) {
  model::Catalog narrow, wide, open;
  add_trips(narrow, 80);
  add_trips(wide, 300);
  add_trips(open, 0);
  update_schema(database(), narrow);
  update_schema(database(), wide);
  EXPECT_THAT(said(wide), IsEmpty());
  insert(1, std::string(300, 'x'));
  if (on_sqlite()) return;  // the gate alone bounds texts there
  EXPECT_THAT(said(narrow), ::testing::ElementsAre(::testing::AllOf(HasSubstr("leftover: change column title"), HasSubstr("1 texts are longer"))));
  update_schema(database(), narrow);
  EXPECT_EQ(cell("SELECT CHAR_LENGTH(title) FROM desk_trip"), "300");
  update_schema(database(), narrow, true);
  EXPECT_EQ(cell("SELECT CHAR_LENGTH(title) FROM desk_trip"), "80");
}

TEST_P(SchemaTest, AChangedTypeThatLosesValuesNeedsOnesWord) {
  model::Catalog before, after;
  HandEntity(before, "desk.trip").field("size", FieldType::text, 80).index("by_size", {"size"}, false);
  HandEntity(after, "desk.trip").field("size", FieldType::date).index("by_size", {"size"}, false);
  update_schema(database(), before);
  sql("INSERT INTO desk_trip (id, version, size) VALUES (1, 1, 'large')");
  EXPECT_THAT(refusal(after), ::testing::AllOf(HasSubstr("change column size of desk_trip"), HasSubstr("values")));
  EXPECT_EQ(cell("SELECT size FROM desk_trip"), "large");
  EXPECT_EQ(refusal(after, true), "applied");
  EXPECT_EQ(cell("SELECT size FROM desk_trip"), "NULL");
  EXPECT_THAT(said(after), IsEmpty());
}

TEST_P(SchemaTest, AChangedTypeOfAnEmptyColumnJustHappens) {
  model::Catalog before, after;
  HandEntity(before, "desk.trip").field("size", FieldType::instant);
  HandEntity(after, "desk.trip").field("size", FieldType::boolean);
  update_schema(database(), before);
  sql("INSERT INTO desk_trip (id, version) VALUES (1, 1)");
  update_schema(database(), after);
  EXPECT_THAT(said(after), IsEmpty());
}

TEST_P(SchemaTest, DecimalsKeepTheirValueWhenTheScaleChanges) {
  const auto rate = [&](std::uint8_t scale) {
    const ReadSession s = database().read();
    Statement& q = s->prepare("SELECT rate FROM desk_trip");
    EXPECT_TRUE(q.step());
    const expr::Value v = q.value(0, ColumnType{ColumnType::Kind::decimal, scale, 0});
    q.reset();
    return format_decimal(*v.as<Decimal>());
  };
  model::Catalog two, four, one, sixteen;
  add_trips(two, 80, 2);
  add_trips(four, 80, 4);
  add_trips(one, 80, 1);
  add_trips(sixteen, 80, 17);
  update_schema(database(), two);
  insert(1, "a");
  EXPECT_EQ(rate(2), "12.35");
  const auto stale = plan(four);
  update_schema(database(), four);
  EXPECT_EQ(rate(4), "12.3500");
  { Transaction t = database().begin(); apply_schema(*t, stale, false); t.commit(); }
  EXPECT_EQ(rate(4), "12.3500");  // the same plan again does not scale twice
  EXPECT_THAT(refusal(one), HasSubstr("rounded"));
  EXPECT_EQ(rate(4), "12.3500");
  EXPECT_EQ(refusal(one, true), "applied");
  EXPECT_EQ(rate(1), "12.4");
  EXPECT_THAT(refusal(sixteen), HasSubstr("too large"));
  EXPECT_EQ(rate(1), "12.4");
}

TEST_P(SchemaTest, ANewUniqueKeyNamesTheRecordsThatBreakIt) {
  model::Catalog before, after;
  HandEntity(before, "desk.trip").field("title", FieldType::text, 80);
  HandEntity(after, "desk.trip").field("title", FieldType::text, 80).index("title", {"title"}, true);
  update_schema(database(), before);
  sql("INSERT INTO desk_trip (id, version, title) VALUES (11, 1, 'secret'), (12, 1, 'secret'), (13, 1, 'secret'), (14, 1, NULL), (15, 1, NULL)");
  const std::string message = refusal(after);
  EXPECT_THAT(message, HasSubstr("records 11 and 13 (of 3)"));
  EXPECT_EQ(message.find("secret"), std::string::npos);
  sql("UPDATE desk_trip SET title = 'b' WHERE id = 12");
  sql("UPDATE desk_trip SET title = 'c' WHERE id = 13");
  EXPECT_EQ(refusal(after), "applied");
  EXPECT_THAT(said(after), IsEmpty());
}

TEST_P(SchemaTest, ANewerDatabaseIsRefused) {
  update_schema(database(), {});
  sql("UPDATE schema_info SET version = 99");
  EXPECT_THAT(refusal({}), ::testing::AllOf(HasSubstr("newer Caravan"), HasSubstr("99")));
}

TEST_P(SchemaTest, ManyWideFieldsFitARow) {
  model::Catalog catalog;
  HandEntity wide(catalog, "desk.wide");
  for (int i = 0; i < 120; ++i) wide.field("short_" + std::to_string(i), FieldType::text, 50);
  update_schema(database(), catalog);
  for (int i = 0; i < 60; ++i) wide.field("long_" + std::to_string(i), FieldType::text, 1000);
  wide.index("by_long", {"long_3", "long_4"}, false);
  update_schema(database(), catalog);
  EXPECT_THAT(said(catalog), IsEmpty());
  model::Catalog fresh;
  HandEntity other(fresh, "desk.other");
  for (int i = 0; i < 60; ++i) other.field("long_" + std::to_string(i), FieldType::text, 900);
  HandEntity(fresh, "desk.wide");
  update_schema(database(), fresh);
  sql("INSERT INTO desk_other (id, version, long_59) VALUES (1, 1, 'x')");
}

TEST_P(SchemaTest, NodesStartingTogetherDoItOnce) {
  model::Catalog catalog;
  add_trips(catalog);
  std::vector<std::thread> nodes;
  std::atomic<int> failed{0};
  for (int i = 0; i < 4; ++i) {
    nodes.emplace_back([&] {
      try {
        update_schema(database(), catalog);
      } catch (const Error& error) {
        ADD_FAILURE() << error.message();
        ++failed;
      }
    });
  }
  for (auto& n : nodes) n.join();
  EXPECT_EQ(failed, 0);
  EXPECT_THAT(said(catalog), IsEmpty());
}

}  // namespace
}  // namespace caravan::storage
