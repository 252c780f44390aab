#include "records/search_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <tuple>

#include "jobs/queue.h"
#include "records/query.h"
#include "records/search.h"
#include "support/fake_clock.h"
#include "support/gate.h"

namespace caravan::records {
namespace {

struct Building : test::GateTest {
  void SetUp() override {
    GateTest::SetUp();
    if (IsSkipped()) return;
    clock.set(now);
    index = std::make_shared<SearchIndex>(database(), sequences());
    gate().set_search(index);
    search.emplace(gate(), [this] { return catalog; });
    jobs::QueueOptions options;
    options.database_time = false;
    queue.emplace(database(), clock, options);
    queue->handle(search_build_kind, [this](jobs::Attempt& attempt) { search->build(attempt); });
    queue->handle_batch(search_kind, [this](std::span<jobs::Attempt* const> attempts) { search->keep_up(attempts); });
  }
  void TearDown() override {
    queue.reset();
    search.reset();
    index.reset();
    GateTest::TearDown();
  }
  std::int64_t complete() { return number("SELECT complete FROM search_state WHERE entity = 'shop.person'"); }
  void define(const std::string& definition) {
    database().transact([&](storage::Session& session) { storage::run_sql(session, "UPDATE search_state SET definition = ? WHERE entity = 'shop.person'", definition); });
  }

  caravan::testing::FakeClock clock;
  std::shared_ptr<SearchIndex> index;
  std::optional<Search> search;
  std::optional<jobs::Queue> queue;
};

TEST_P(Building, WhatIsBuiltOfAnotherDefinitionIsNotWhole) {
  create(as("shop.boss", 12), "shop.person", R"({"name":"Wang"})");
  ASSERT_GT(index->follow(*catalog, clock.now()), 0u);
  const std::string ours = index_definition(*catalog->entity("shop.person"));
  define("of a newer server");
  queue->drain();
  EXPECT_EQ(complete(), 0) << "this server's words are not those that are wanted";
  define(ours);
  clock.advance_seconds(2);
  queue->drain();
  EXPECT_EQ(complete(), 1);
  SearchQuery query;
  query.q = "wang";
  EXPECT_EQ(search->find(as("shop.boss", 12), query).hits.size(), 1u);
}

TEST_P(Building, WhatIsWrittenBeforeANodeKnowsTheIndexIsFollowed) {
  EXPECT_FALSE(index->of("shop.person")) << "kept for a second";
  SearchIndex(database(), sequences()).follow(*catalog, clock.now());  // by another node, which has built it
  database().transact([](storage::Session& session) { session.execute("UPDATE search_state SET complete = 1, built_to = 140737488355327"); });
  create(as("shop.boss", 12), "shop.person", R"({"name":"Wang"})");
  queue->drain();
  index->forget_states();
  const auto state = index->of("shop.person");
  ASSERT_TRUE(state);
  EXPECT_FALSE(index->store().records(*database().read(), state->number, 0, INT64_MAX >> 16, 10).empty());
}

CARAVAN_ON_BOTH_DATABASES(Building);

const char* const crowd = R"(
kind: entity
name: shop.person
title: name
fields:
  name: {type: text, max: 20, search: true}
  tier: {type: text, max: 10}
  note: {type: text, max: 40, search: true}
indexes: {by_name: [name], of_owner: [owner]}
---
kind: role
name: shop.boss
grants: {shop.person: {read: true, create: true, update: true, delete: true}}
---
kind: role
name: shop.agent
grants: {shop.person: {read: "record.owner == user.id"}}
)";

/// Lists with words that very many records hold: more than SearchIndex::most_few.
struct Crowd : Building {
  static constexpr int people = 6600;
  struct Person {
    std::int64_t id, created;
    std::string name;
    bool agents;
  };
  const char* definitions() const override { return crowd; }
  void SetUp() override {
    Building::SetUp();
    if (IsSkipped()) return;
    add(people);
    index->follow(*catalog, clock.now());
    queue->drain();
    ASSERT_EQ(complete(), 1);
  }
  /// `more` people, past the gate.
  void add(int more) {
    const bool sqlite = database().dialect() == storage::Dialect::sqlite;
    std::string rows;
    for (int i = static_cast<int>(all.size()), end = i + more; i < end; ++i) {
      const Person& one = all.emplace_back(Person{1'000'000 + i, (i * 7919) % people / 3, (i % 3 == 0 ? "Wang " : "Li ") + std::to_string(i * 31 % 97), i % 500 == 1});
      const std::string moment = sqlite ? std::to_string(1'700'000'000'000'000 + one.created * 1'000'000) : "TIMESTAMPADD(SECOND, " + std::to_string(one.created) + ", '2026-01-01')";
      rows += (rows.empty() ? "(" : ", (") + std::to_string(one.id) + ", 1, " + moment + ", " + moment + ", " + (one.agents ? "13" : "NULL") + ", '" + one.name + "', '" +
              std::to_string(i % 5) + "', 'walks daily')";
      if (i % 600 != 599 && i + 1 != end) continue;
      database().transact([&](storage::Session& session) {
        session.execute("INSERT INTO shop_person (id, version, created_at, updated_at, owner, name, tier, note) VALUES " + rows);
      });
      rows.clear();
    }
  }
  Page page(const Context& context, const std::string& q, const std::string& sort, const std::string& after = {}) {
    ListQuery query;
    query.q = q;
    query.sort = sort;
    query.limit = 200;
    query.after = after;
    query.count = after.empty();
    return gate().list(context, *catalog->entity("shop.person"), query);
  }
  std::vector<std::int64_t> ids(const Context& context, const std::string& q, const std::string& sort) {
    std::vector<std::int64_t> found;
    std::string after;
    do {
      const Page one = page(context, q, sort, after);
      if (after.empty()) total = one.total;
      for (const Record& record : one.items) found.push_back(record.id());
      after = one.next;
    } while (!after.empty());
    return found;
  }
  template <class Takes, class Less>
  std::vector<std::int64_t> expected(Takes takes, Less less) const {
    std::vector<Person> taken;
    std::copy_if(all.begin(), all.end(), std::back_inserter(taken), takes);
    std::sort(taken.begin(), taken.end(), less);
    std::vector<std::int64_t> out;
    for (const Person& one : taken) out.push_back(one.id);
    return out;
  }

  std::vector<Person> all;
  std::optional<std::int64_t> total;
};

TEST_P(Crowd, PagesOfAFrequentWordAreExactInEveryOrder) {
  const auto li = [](const Person& one) { return one.name.starts_with("Li"); };
  const auto newest = [](const Person& a, const Person& b) { return std::tuple(b.created, b.id) < std::tuple(a.created, a.id); };
  const Context boss = as("shop.boss", 12);
  EXPECT_EQ(ids(boss, "li", ""), expected(li, newest));
  EXPECT_EQ(total, 4400) << "counted as it is";
  EXPECT_EQ(ids(boss, "li da", "-id"), expected(li, [](const Person& a, const Person& b) { return b.id < a.id; }));
  EXPECT_EQ(ids(boss, "li", "name"), expected(li, [](const Person& a, const Person& b) { return std::tie(a.name, a.id) < std::tie(b.name, b.id); }));
  EXPECT_EQ(ids(boss, "li", "tier,-created_at"), expected(li, [](const Person& a, const Person& b) {
              return std::tuple((a.id - 1'000'000) % 5, b.created, b.id) < std::tuple((b.id - 1'000'000) % 5, a.created, a.id);
            })) << "by no index";
  EXPECT_EQ(ids(boss, "wang daily", ""), expected([&](const Person& one) { return !li(one); }, newest)) << "few enough to be named";
  EXPECT_EQ(ids(as("shop.agent", 13), "daily", ""), expected([](const Person& one) { return one.agents; }, newest)) << "only what he may see";
  EXPECT_EQ(ids(boss, "wang li", ""), std::vector<std::int64_t>());
}

TEST_P(Crowd, WhatWasWrittenAMomentAgoIsThereAndWhatItSaidBeforeIsNot) {
  const Context boss = as("shop.boss", 12);
  const auto made = create(boss, "shop.person", R"({"name":"Zhao","note":"daily"})");
  const Page before = page(boss, "daily", "");
  ASSERT_EQ(before.items.at(0).id(), made.id());
  const auto next = before.items.at(1);
  change(boss, next, R"({"note":"sits"})");
  change(boss, before.items.at(2), R"({"tier":"9"})");
  const Page after = page(boss, "daily", "");
  EXPECT_EQ(after.items.at(0).id(), made.id());
  EXPECT_EQ(after.items.at(1).id(), before.items.at(2).id()) << "what does not hold the word any more is gone, what only changed stays";
  EXPECT_EQ(page(boss, "zhao", "").items.at(0).id(), made.id());
  EXPECT_EQ(page(boss, "sits", "").items.at(0).id(), next.id());
}

TEST_P(Crowd, WordsOfVeryManyRecordsAreNotCountedToTheEnd) {
  const Context boss = as("shop.boss", 12), agent = as("shop.agent", 13);
  const auto count = [&](const Context& context, const std::string& q, const std::string& filter = {}, std::uint32_t limit = 1) {
    ListQuery query;
    query.q = q;
    query.filter = filter;
    query.limit = limit;
    query.count = true;
    const Page found = gate().list(context, *catalog->entity("shop.person"), query);
    return std::to_string(*found.total) + " " + word_of_total(*found.total, found.total_exact);
  };
  EXPECT_EQ(count(boss, "daily"), "6600 exact");
  EXPECT_EQ(count(boss, "da"), "6600 exact") << "a beginning";
  EXPECT_EQ(count(boss, "daily", "record.tier == '2'"), "1320 exact");
  EXPECT_EQ(count(agent, "daily"), "14 exact");
  add(14'000);
  index->rebuild(*catalog, {catalog->entity("shop.person")}, clock.now());
  queue->drain();
  EXPECT_EQ(count(boss, "daily"), "10000 at_least");
  EXPECT_EQ(count(boss, "da"), "10000 at_least");
  EXPECT_EQ(count(boss, "wang"), "6867 exact");
  EXPECT_EQ(count(boss, "daily", "record.tier != '2'"), "10000 at_least");
  // Of the first 20,000 that hold the word; which these are is the index's affair.
  const std::string some = count(boss, "daily", "record.tier == '2'");
  EXPECT_GE(std::stoi(some), 3'500);
  EXPECT_LE(std::stoi(some), 4'120);
  EXPECT_THAT(some, ::testing::EndsWith(" at_least"));
  EXPECT_EQ(count(boss, "daily", "record.tier == '2' && record.name == 'Li 0'", 200).find("0 "), std::string::npos) << "never less than the page shows";
  const auto made = create(boss, "shop.person", R"({"name":"Wang","note":"daily"})");
  EXPECT_EQ(count(boss, "wang"), "6868 exact") << "what the index does not hold yet is counted";
  EXPECT_EQ(count(boss, "wang", "record.tier == null"), "1 exact");
}

TEST_P(Crowd, VeryManyAreNotSortedByWhatNoIndexHas) {
  const Context boss = as("shop.boss", 12), agent = as("shop.agent", 13);
  index->most_sorted = 6'000;
  const Error error = refusal([&] { page(boss, "daily", "tier,-name"); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
  EXPECT_THAT(error.message(), ::testing::AllOf(::testing::HasSubstr("6000"), ::testing::ContainsRegex("[Tt]ier, [Nn]ame")));
  EXPECT_EQ(page(boss, "daily", "").items.size(), 200u) << "an index has this order";
  EXPECT_EQ(page(boss, "daily", "-id").items.size(), 200u);
  EXPECT_EQ(page(boss, "li", "tier,-name").items.size(), 200u) << "4,400 are not too many";
  EXPECT_EQ(page(agent, "daily", "tier,-name").items.size(), 14u) << "nor are those that he may see";
}

TEST_P(Crowd, APageOfAFrequentWordReadsAFewRows) {
  const Context boss = as("shop.boss", 12);
  page(boss, "daily", "");
  const auto statements = [&] { return database().read()->statement_count(); };
  const auto rows = [&] {
    return database().dialect() == storage::Dialect::sqlite ? 0 : number("SELECT SUM(VARIABLE_VALUE) FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME LIKE 'HANDLER_READ%'");
  };
  const auto first = statements();
  const auto read = rows();
  ListQuery query;
  query.q = "daily walk";
  query.limit = 50;
  EXPECT_EQ(gate().list(boss, *catalog->entity("shop.person"), query).items.size(), 50u);
  // Up to 4,001 postings say that they are many, then 1,000 rows are looked at in the list's order; all of them would be three times 6,600.
  EXPECT_LT(rows() - read, 11'000);
  EXPECT_LE(statements() - first, 12u);
}

CARAVAN_ON_BOTH_DATABASES(Crowd);

}  // namespace
}  // namespace caravan::records
