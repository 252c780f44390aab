#include "plugin/version.h"

#include <gtest/gtest.h>

namespace caravan::plugin {
namespace {

TEST(Version, ReadsAndWrites) {
  for (const char* text : {"0.1.0", "1.2.3", "10.20.30", "1.0.0-rc.1", "1.0.0-alpha-x.7"})
    EXPECT_EQ(to_string(*parse_version(text)), text);
  EXPECT_EQ(to_string(*parse_version("1.0.0+build.5")), "1.0.0");
  for (const char* wrong : {"", "1", "1.2", "1.2.3.4", "v1.2.3", "1.2.x", "01.2.3", "1.2.3-", "1.2.3-01",
                            "1.2.3-a..b", "1.2.3 ", "-1.2.3", "9999999999.0.0", "1.2.3-ü", "1.2.3+"})
    EXPECT_FALSE(parse_version(wrong)) << wrong;
}

TEST(Version, OrdersAsSemanticVersioningSays) {
  const char* ascending[] = {"0.9.9",      "1.0.0-alpha",  "1.0.0-alpha.1", "1.0.0-alpha.beta",
                             "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
                             "1.0.0",      "1.0.1",        "1.1.0",         "1.10.0",
                             "2.0.0"};
  for (std::size_t i = 0; i < std::size(ascending); ++i) {
    for (std::size_t k = 0; k < std::size(ascending); ++k)
      EXPECT_EQ(*parse_version(ascending[i]) <=> *parse_version(ascending[k]), i <=> k)
          << ascending[i] << " and " << ascending[k];
  }
}

bool in(const char* range, const char* version) {
  return VersionRange::parse(range)->contains(*parse_version(version));
}

TEST(VersionRange, EveryBoundMustHold) {
  EXPECT_TRUE(in(">=0.1 <1", "0.1.0"));
  EXPECT_TRUE(in(">=0.1 <1", "0.9.9"));
  EXPECT_FALSE(in(">=0.1 <1", "0.0.9"));
  EXPECT_FALSE(in(">=0.1 <1", "1.0.0"));
  EXPECT_FALSE(in(">=0.1 <1", "1.0.0-rc.1"));  // already the next major version
  EXPECT_TRUE(in("<1.0.0-rc.2", "1.0.0-rc.1"));
  EXPECT_TRUE(in("<1.1", "1.0.5-rc.1"));
  EXPECT_TRUE(in("=1.2.3", "1.2.3"));
  EXPECT_FALSE(in("=1.2", "1.2.3"));
  EXPECT_TRUE(in(">1.2 <=1.3", "1.3.0"));
  EXPECT_FALSE(in(">1.2 <=1.3", "1.2.0"));
  EXPECT_EQ(VersionRange::parse(">=0.1  <1")->text(), ">=0.1  <1");
}

TEST(VersionRange, RefusesOtherNotations) {
  for (const char* wrong :
       {"", " ", "1.0", "^1.0", "~1", ">= 1", ">=", ">=x", "1 - 2", ">=1 || <3", "*", ">=1<2"})
    EXPECT_FALSE(VersionRange::parse(wrong)) << wrong;
}

}  // namespace
}  // namespace caravan::plugin
