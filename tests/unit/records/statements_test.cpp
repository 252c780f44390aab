#include "support/gate.h"

// How many statements the database sees for each operation: a further round trip is a decision, not an accident.

namespace caravan::records {
namespace {

class StatementsTest : public test::GateTest {
 protected:
  /// Statements of the transaction in which `step` runs, with its begin (SQLite's own) and its commit.
  template <class Step>
  std::uint64_t of_transaction(const Context& context, Step step) {
    std::uint64_t before = 0, after = 0;
    gate().transact(context, [&](Work& work) {
      before = work.session().statement_count();
      step(work);
    });
    // One thread alone: the pool gives the same connection again.
    gate().transact(context, [&](Work& work) { after = work.session().statement_count(); });
    return after - before;
  }
  template <class Step>
  std::uint64_t of_read(Step step) {
    step();  // what is prepared and leased once
    const auto count = [&] { return database().read()->statement_count(); };
    const auto before = count();
    step();
    return count() - before;
  }
  /// BEGIN is a statement on SQLite; MariaDB's writers are always in a transaction. Both commit.
  std::uint64_t frame() const { return GetParam() == storage::Dialect::sqlite ? 2 : 1; }
};

TEST_P(StatementsTest, EachOperationHasItsNumber) {
  const Context boss = as("shop.boss", 12);
  const auto person = create(boss, "shop.person", R"({"name":"A"})");
  const auto& order = *catalog->entity("shop.order");
  const std::string json = R"({"person":")" + id(person) + R"(","owner":"13","seats":2})";
  auto stored = create(boss, "shop.order", json);  // leases blocks of numbers
  const auto input = [&](const std::string& text) { return parse_input(*catalog, order, text, boss.locale); };

  EXPECT_EQ(of_transaction(boss, [&](Work& work) { work.create(order, input(json)); }), 2 + frame())
      << "row with both references checked, event";
  EXPECT_EQ(of_transaction(boss, [&](Work& work) { stored = work.update(order, stored.id(), input(R"({"seats":3})"), stored.version()); }),
            3 + frame())
      << "read and lock, row, event";
  EXPECT_EQ(of_transaction(boss,
                           [&](Work& work) {
                             const auto locked = work.load(order, stored.id(), true);
                             work.apply_transition(locked, *order.workflow->transition("lose"), input(R"({"reason":"x"})"), "why");
                           }),
            3 + frame())
      << "read and lock, row, event";
  EXPECT_EQ(of_read([&] { gate().get(boss, order, stored.id()); }), 1U);
  EXPECT_EQ(of_read([&] { list(boss, "shop.order"); }), 1U);
}

TEST_P(StatementsTest, AReferenceThatPointsAtNothingIsNamed) {
  const Context boss = as("shop.boss", 12);
  const Error error = refusal([&] { create(boss, "shop.order", R"({"person":"999999","owner":"13"})"); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_record);
  ASSERT_EQ(error.fields().size(), 1U);
  EXPECT_EQ(error.fields()[0].field, "person");
  EXPECT_EQ(error.fields()[0].code, "unknown_reference");
}

TEST_P(StatementsTest, WhatTheDatabaseRefusedLeavesNoEventInATransactionThatGoesOn) {
  const Context boss = as("shop.boss", 12);
  const auto person = create(boss, "shop.person", R"({"name":"A"})");
  const auto& order = *catalog->entity("shop.order");
  const std::string start = R"({"person":")" + id(person) + R"(","code":)";
  create(boss, "shop.order", start + R"("one"})");
  const auto events = [&] {
    auto session = database().read();
    storage::Statement& statement = session->prepare("SELECT COUNT(*) FROM event WHERE entity = 'shop.order'");
    const std::int64_t n = statement.step() ? statement.integer(0) : -1;
    statement.reset();
    return n;
  };
  const auto before = events();
  gate().transact(boss, [&](Work& work) {
    const auto input = [&](const std::string& text) { return parse_input(*catalog, order, text, boss.locale); };
    work.create(order, input(start + R"("two"})"));
    EXPECT_EQ(refusal([&] { work.create(order, input(start + R"("one"})")); }).code(), ErrorCode::conflict);
    EXPECT_EQ(refusal([&] { work.create(order, input(R"({"person":"999999"})")); }).code(), ErrorCode::invalid_record);
    work.create(order, input(start + R"("three"})"));
  });
  EXPECT_EQ(events(), before + 2);
}

INSTANTIATE_TEST_SUITE_P(Databases, StatementsTest, caravan::testing::both_dialects(), caravan::testing::dialect_name);

}  // namespace
}  // namespace caravan::records
