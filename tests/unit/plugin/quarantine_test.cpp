#include "plugin/quarantine.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/error.h"
#include "support/scratch.h"

namespace caravan::plugin {
namespace {

constexpr std::int64_t minute = 60'000'000;

struct QuarantineTest : ::testing::Test {
  static Crash crash(std::string plugin, std::int64_t at, bool loading = false) {
    return {std::move(plugin), "before_create of shop.item", "segmentation fault", loading, Timestamp{1'790'000'000'000'000 + at}};
  }
  test::Scratch scratch;
  const std::filesystem::path folder = scratch.path;
};

TEST_F(QuarantineTest, TwoCrashesWithinTenMinutes) {
  Quarantine quarantine(folder);
  EXPECT_TRUE(quarantine.list().empty());
  EXPECT_FALSE(quarantine.crashed(crash("shop", 0)));
  EXPECT_FALSE(quarantine.crashed(crash("shop", 11 * minute)));
  EXPECT_FALSE(quarantine.crashed(crash("other", 12 * minute)));
  const auto held = quarantine.crashed(crash("shop", 20 * minute));
  ASSERT_TRUE(held);
  EXPECT_EQ(held->plugin, "shop");
  EXPECT_EQ(held->why, "It brought the server down 2 times within ten minutes, last: segmentation fault in before_create of shop.item.");
  // Others read the same, also after a while; a further crash is noted and no news.
  const Quarantine again(folder);
  ASSERT_EQ(again.list().size(), 1u);
  EXPECT_EQ(again.list()[0].why, held->why);
  EXPECT_EQ(again.list()[0].since, held->since);
  EXPECT_FALSE(quarantine.crashed(crash("shop", 21 * minute)));
  EXPECT_EQ(again.crashes().size(), 5u);
}

TEST_F(QuarantineTest, OneWhileItIsLoaded) {
  Quarantine quarantine(folder);
  const auto held = quarantine.crashed(crash("shop", 0, true));
  ASSERT_TRUE(held);
  EXPECT_NE(held->why.find("while it was loaded"), std::string::npos);
}

TEST_F(QuarantineTest, NobodysFaultPutsNobodyThere) {
  Quarantine quarantine(folder);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(quarantine.crashed(crash("", i, true)));
  EXPECT_TRUE(quarantine.list().empty());
}

TEST_F(QuarantineTest, ClearedItBeginsAnew) {
  Quarantine quarantine(folder);
  quarantine.crashed(crash("shop", 0, true));
  quarantine.told("shop");
  EXPECT_TRUE(quarantine.list()[0].told);
  EXPECT_FALSE(quarantine.clear("other"));
  EXPECT_TRUE(quarantine.clear("shop"));
  EXPECT_FALSE(quarantine.clear("shop"));
  EXPECT_TRUE(quarantine.list().empty());
  EXPECT_FALSE(quarantine.crashed(crash("shop", minute)));
  EXPECT_TRUE(quarantine.hold("shop", "On purpose.", Timestamp{}));
  EXPECT_FALSE(quarantine.hold("shop", "On purpose.", Timestamp{}));
  EXPECT_EQ(quarantine.list()[0].why, "On purpose.");
}

TEST_F(QuarantineTest, ABrokenFileIsPutAsideAndKeepsNobodyFromStarting) {
  Quarantine quarantine(folder);
  const auto file = folder / "plugin_quarantine.json";
  for (const char* const text : {"", "{", "[1,2]", "{\"quarantined\":[{\"plugin\":7}]}", "{\"quarantined\":7,\"crashes\":{}}"}) {
    std::ofstream(file) << text;
    EXPECT_TRUE(quarantine.list().empty()) << text;
    EXPECT_NO_THROW(quarantine.crashes()) << text;
  }
  std::ofstream(file) << "{";
  EXPECT_TRUE(quarantine.list().empty());
  EXPECT_TRUE(std::filesystem::exists(file.string() + ".unreadable"));
}

TEST_F(QuarantineTest, OnlyTheLatestCrashesAreKept) {
  Quarantine quarantine(folder);
  for (int i = 0; i < 130; ++i) quarantine.crashed(crash("p" + std::to_string(i), i));
  ASSERT_EQ(quarantine.crashes().size(), 100u);
  EXPECT_EQ(quarantine.crashes().front().plugin, "p30");
}

TEST_F(QuarantineTest, AFolderThatCannotBeWrittenIsSaid) {
  Quarantine quarantine(folder / "missing");
  EXPECT_TRUE(quarantine.list().empty());
  EXPECT_THROW(quarantine.crashed(crash("shop", 0)), Error);
}

}  // namespace
}  // namespace caravan::plugin
