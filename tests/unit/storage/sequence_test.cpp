#include "storage/sequence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "storage/schema.h"
#include "support/test_database.h"

namespace caravan::storage {
namespace {

class SequenceTest : public testing::DialectTest {
 protected:
  void SetUp() override {
    DialectTest::SetUp();
    if (!IsSkipped()) update_schema(database(), model::Catalog{});
  }
};

INSTANTIATE_TEST_SUITE_P(Dialects, SequenceTest, testing::both_dialects(), testing::dialect_name);

TEST_P(SequenceTest, CountsFromOne) {
  Sequences sequences(database(), 3);
  for (std::int64_t i = 1; i <= 10; ++i) EXPECT_EQ(sequences.next("record"), i);
  EXPECT_EQ(sequences.next("INQ/2026"), 1);
}

TEST_P(SequenceTest, ARestartLeavesAGapAndNeverRepeats) {
  EXPECT_EQ(Sequences(database(), 100).next("record"), 1);
  EXPECT_EQ(Sequences(database(), 100).next("record"), 101);
}

TEST_P(SequenceTest, ACleanRestartLeavesNoGap) {
  {
    Sequences sequences(database(), 100);
    EXPECT_EQ(sequences.next("record"), 1);
    EXPECT_EQ(sequences.next("other"), 1);
    sequences.release();
    EXPECT_EQ(sequences.try_next("record"), 0);
  }
  EXPECT_EQ(Sequences(database(), 100).next("record"), 2);
}

TEST_P(SequenceTest, ReleaseGivesNothingBackThatAnotherNodeIsBeyond) {
  Sequences one(database(), 10), other(database(), 10);
  EXPECT_EQ(one.next("record"), 1);
  EXPECT_EQ(other.next("record"), 11);
  one.release();
  EXPECT_EQ(Sequences(database(), 10).next("record"), 21);
}

TEST_P(SequenceTest, TryNextNeverLeases) {
  Sequences sequences(database(), 2);
  EXPECT_EQ(sequences.try_next("record"), 0);
  sequences.refill("record");
  EXPECT_EQ(sequences.try_next("record"), 1);
  sequences.refill("record");
  EXPECT_EQ(sequences.try_next("record"), 2);
  EXPECT_EQ(sequences.try_next("record"), 0);
}

TEST_P(SequenceTest, RefillBringsAsManyAsAsked) {
  Sequences sequences(database(), 2);
  sequences.refill("record", 50);
  for (std::int64_t i = 1; i <= 50; ++i) EXPECT_EQ(sequences.try_next("record"), i);
}

TEST_P(SequenceTest, RefillFetchesTheNextBlockBeforeTheLastNumber) {
  Sequences sequences(database(), 100);
  sequences.refill("record");
  for (std::int64_t i = 1; i <= 80; ++i) EXPECT_EQ(sequences.try_next("record"), i);
  sequences.refill("record");
  // Used up at once: the next block is twice as large.
  for (std::int64_t i = 81; i <= 300; ++i) EXPECT_EQ(sequences.try_next("record"), i);
  EXPECT_EQ(sequences.try_next("record"), 0);
  sequences.release();
  EXPECT_EQ(Sequences(database(), 100).next("record"), 301);
}

TEST_P(SequenceTest, ABlockBehindAnotherNodesIsTakenAfterTheRestAndGivenBack) {
  Sequences one(database(), 100), other(database(), 100);
  one.refill("record");
  for (std::int64_t i = 1; i <= 80; ++i) EXPECT_EQ(one.try_next("record"), i);
  EXPECT_EQ(other.next("record"), 101);
  one.refill("record");
  for (std::int64_t i = 81; i <= 100; ++i) EXPECT_EQ(one.try_next("record"), i);
  EXPECT_EQ(one.try_next("record"), 201);
  one.release();
  EXPECT_EQ(one.try_next("record"), 0);
  EXPECT_EQ(Sequences(database(), 100).next("record"), 202);
}

TEST_P(SequenceTest, TwoNodesAndEightThreadsNeverShareANumber) {
  Sequences one(database(), 7), other(database(), 7);
  std::vector<std::vector<std::int64_t>> got(8);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < got.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) got[t].push_back((t % 2 ? one : other).next("record"));
    });
  }
  for (auto& t : threads) t.join();
  std::vector<std::int64_t> all;
  for (const auto& list : got) {
    EXPECT_TRUE(std::is_sorted(list.begin(), list.end()));
    all.insert(all.end(), list.begin(), list.end());
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
  EXPECT_EQ(all.size(), 800U);
  EXPECT_LE(all.back(), 800 + 14);  // callers of one name lease once
}

TEST_P(SequenceTest, AFailedLeaseCanBeTriedAgain) {
  Sequences sequences(database());
  database().transact([](Session& s) { s.execute("ALTER TABLE sequence_block RENAME TO away"); });
  EXPECT_THROW(sequences.next("record"), Error);
  database().transact([](Session& s) { s.execute("ALTER TABLE away RENAME TO sequence_block"); });
  EXPECT_EQ(sequences.next("record"), 1);
}

}  // namespace
}  // namespace caravan::storage
