#include "records/trash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "records/bulk.h"
#include "support/gate.h"

namespace caravan::records {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t day = 86'400'000'000;

class Trash : public test::GateTest {
 protected:
  std::string person() { return id(create(as("shop.boss", 12), "shop.person", R"({"name":"A"})")); }
  Record order(const std::string& person, const std::string& more = "") {
    return create(as("shop.boss", 12), "shop.order", R"({"person":")" + person + "\"" + more + "}");
  }
  const model::Entity& orders() { return *catalog->entity("shop.order"); }
};

TEST_P(Trash, ARestoredRecordIsTheSameInEveryField) {
  const Context boss = as("shop.boss", 12);
  const Record full = order(person(), R"(,"owner":"11","channel":"web","seats":3,"price":"99.10","price_currency":"USD","rate":"-1.250","paid":true,)"
                                      R"("on":"2026-12-20","at":"2026-12-20T08:30:00.123456Z","remark":"é 行\n\"x\" \\","extra":{"b":[1,2.50,null]},)"
                                      R"("code":"X1","external_source":"s","external_id":"7")");
  gate().remove(boss, orders(), full.id(), full.version());
  EXPECT_EQ(refusal([&] { gate().get(boss, orders(), full.id()); }).code(), ErrorCode::not_found);
  const Record back = gate().restore(boss, orders(), full.id());
  EXPECT_EQ(back.version(), 3) << "the deletion was version 2";
  const Record read = gate().get(boss, orders(), full.id());
  for (const auto& field : orders().fields) {
    if (field->slot == model::slot_version || field->slot == model::slot_updated_at) continue;
    EXPECT_TRUE(read[field->slot].same_as(full[field->slot])) << field->name;
  }
  std::vector<std::string> actions;
  for (const Event& event : gate().timeline(boss, orders(), full.id(), 0, 50)) actions.push_back(event.action);
  EXPECT_THAT(actions, ElementsAre("restore", "delete", "create"));
  EXPECT_EQ(refusal([&] { gate().restore(boss, orders(), full.id()); }).code(), ErrorCode::not_found) << "once is enough";
  change(boss, read, R"({"seats":4})", 3);
}

TEST_P(Trash, WhatWasTakenMeanwhileIsNamed) {
  const Context boss = as("shop.boss", 12);
  const std::string someone = person();
  const Record first = order(someone, R"(,"code":"X1")");
  gate().remove(boss, orders(), first.id(), std::nullopt);
  const Record other = order(person(), R"(,"code":"X1")");
  auto error = refusal([&] { gate().restore(boss, orders(), first.id()); });
  EXPECT_EQ(error.code(), ErrorCode::conflict);
  EXPECT_EQ(error.fields().at(0).field, "code");
  gate().remove(boss, orders(), other.id(), std::nullopt);
  gate().remove(boss, *catalog->entity("shop.person"), std::stoll(someone), std::nullopt);
  error = refusal([&] { gate().restore(boss, orders(), first.id()); });
  EXPECT_EQ(error.code(), ErrorCode::conflict);
  EXPECT_EQ(error.fields().at(0).field, "person");
  gate().restore(boss, *catalog->entity("shop.person"), std::stoll(someone));
  EXPECT_EQ(gate().restore(boss, orders(), first.id()).id(), first.id());
}

TEST_P(Trash, WhoMayDeleteMayRestoreAndNobodyElseLearnsOfIt) {
  const Context boss = as("shop.boss", 12), seller = as("shop.seller", 11), guest = as("shop.guest", 33);
  const Record mine = order(person(), R"(,"owner":"11")");
  gate().remove(boss, orders(), mine.id(), std::nullopt);
  EXPECT_EQ(gate().deleted(boss, orders(), "", 50).items.size(), 1u);
  EXPECT_EQ(gate().deleted(seller, orders(), "", 50).items.size(), 0u) << "who may not delete it";
  EXPECT_EQ(refusal([&] { gate().restore(seller, orders(), mine.id()); }).code(), ErrorCode::forbidden) << "he could see it, though";
  EXPECT_EQ(refusal([&] { gate().restore(guest, orders(), mine.id()); }).code(), ErrorCode::not_found);
  EXPECT_EQ(gate().timeline(boss, orders(), mine.id(), 0, 50).size(), 2u);
  EXPECT_EQ(refusal([&] { gate().timeline(seller, orders(), mine.id(), 0, 50); }).code(), ErrorCode::not_found);
  EXPECT_EQ(refusal([&] { gate().restore(boss, *catalog->entity("shop.person"), mine.id()); }).code(), ErrorCode::not_found) << "another entity's";
}

TEST_P(Trash, TheListIsPagedNewestFirst) {
  Context boss = as("shop.boss", 12);
  const std::string someone = person();
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 7; ++i) ids.push_back(order(someone).id());
  for (const auto id : ids) {
    boss.now.micros += 1'000'000;
    gate().remove(boss, orders(), id, std::nullopt);
  }
  std::vector<std::int64_t> seen;
  std::string after;
  do {
    const auto page = gate().deleted(boss, orders(), after, 3);
    for (const auto& item : page.items) seen.push_back(item.id);
    after = page.next;
  } while (!after.empty());
  EXPECT_EQ(seen, std::vector<std::int64_t>(ids.rbegin(), ids.rend()));
  EXPECT_EQ(refusal([&] { gate().deleted(boss, orders(), "x", 3); }).code(), ErrorCode::invalid_argument);
}

TEST_P(Trash, TimeAndPurgeEndIt) {
  Context boss = as("shop.boss", 12);
  const Record old = order(person());
  gate().set_undo_days(2);
  EXPECT_EQ(gate().undo_until(boss)->micros, boss.now.micros + 2 * day);
  gate().remove(boss, orders(), old.id(), std::nullopt);
  const auto purge = [&](Timestamp at) {
    std::int64_t purged = 0;
    database().transact([&](storage::Session& session) { purged = purge_deleted(session, at); });
    return purged;
  };
  EXPECT_EQ(purge({boss.now.micros + 2 * day - 1, 0}), 0);
  boss.now.micros += 2 * day;
  EXPECT_EQ(refusal([&] { gate().restore(boss, orders(), old.id()); }).code(), ErrorCode::not_found);
  EXPECT_EQ(purge(boss.now), 1);
  EXPECT_EQ(purge(boss.now), 0);
  gate().set_undo_days(0);
  const Record at_once = order(person());
  EXPECT_FALSE(gate().undo_until(boss));
  gate().remove(boss, orders(), at_once.id(), std::nullopt);
  EXPECT_EQ(gate().deleted(boss, orders(), "", 50).items.size(), 0u);
}

class Bulk : public Trash {};

TEST_P(Bulk, ABadRowDoesNotSpoilTheOthers) {
  const Context boss = as("shop.boss", 12);
  const std::string someone = person();
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 250; ++i) ids.push_back(order(someone).id());
  auto results = run_rows(gate(), boss, ids.size(), false, [&](Work& work, std::size_t row) {
    const char* input = row % 50 == 7 ? R"({"seats":1000})" : R"({"seats":2})";
    const Record record = work.update(orders(), ids[row], parse_input(*catalog, orders(), input), 1);
    return RowResult{record.id(), record.version(), std::nullopt};
  });
  ASSERT_EQ(results.size(), 250u);
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].refused.has_value(), i % 50 == 7) << i;
    EXPECT_EQ(gate().get(boss, orders(), ids[i]).version(), i % 50 == 7 ? 1 : 2);
  }
  results = run_rows(gate(), boss, ids.size(), true, [&](Work& work, std::size_t row) {
    const Record record = work.update(orders(), ids[row], {{orders().field("seats"), expr::Value(std::int64_t{3})}}, row == 9 ? 77 : row % 50 == 7 ? 1 : 2);
    return RowResult{record.id(), record.version(), std::nullopt};
  });
  ASSERT_EQ(results.size(), 250u);
  EXPECT_EQ(results[9].refused->code(), ErrorCode::stale);
  EXPECT_EQ(gate().get(boss, orders(), ids[0]).version(), 2) << "all or nothing";
}

TEST_P(Bulk, WhatIsDoneIsToldAlsoWhereTheDatabaseFailsLater) {
  struct Fail final : Hooks {
    bool any(HookPoint point, const model::Entity& entity) const override {
      return point == HookPoint::before_create && entity.full_name == "shop.person";
    }
    void run(HookPoint, HookCall& call) const override {
      if (*call.record[call.record.entity().field("name")->slot].as<std::string>() == "n150") throw Error(ErrorCode::unavailable, "The database is gone.");
    }
  };
  const Context boss = as("shop.boss", 12);
  const model::Entity& persons = *catalog->entity("shop.person");
  gate().set_hooks(std::make_shared<Fail>());
  std::vector<RowResult> told;
  const auto run = [&](std::size_t first, std::size_t rows) {
    return run_rows(
        gate(), boss, rows, false,
        [&](Work& work, std::size_t row) {
          const Record record = work.create(persons, {{persons.field("name"), "n" + std::to_string(first + row)}});
          return RowResult{record.id(), record.version(), std::nullopt};
        },
        [&](const std::vector<RowResult>& results) { told = results; });
  };
  const auto results = run(0, 250);
  ASSERT_EQ(results.size(), 250u);
  ASSERT_EQ(told.size(), 250u);
  for (std::size_t i = 0; i < results.size(); ++i) EXPECT_EQ(results[i].refused.has_value(), i >= 100) << i;
  EXPECT_EQ(results[249].refused->code(), ErrorCode::unavailable);
  ListQuery query;
  query.count = true;
  EXPECT_EQ(gate().list(boss, persons, query).total, 100);
  EXPECT_EQ(refusal([&] { run(150, 10); }).code(), ErrorCode::unavailable) << "nothing is done: the whole request may be sent again";
}

CARAVAN_ON_BOTH_DATABASES(Trash);
CARAVAN_ON_BOTH_DATABASES(Bulk);

}  // namespace
}  // namespace caravan::records
