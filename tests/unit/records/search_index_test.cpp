#include "records/search_index.h"

#include <gtest/gtest.h>

#include <optional>

#include "jobs/queue.h"
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

}  // namespace
}  // namespace caravan::records
