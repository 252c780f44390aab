#include "auth/throttle.h"

#include <gtest/gtest.h>

namespace caravan::auth {
namespace {

constexpr ThrottlePolicy policy{3, 60, 100};
Timestamp at(std::int64_t seconds) {
  return {1'700'000'000'000'000 + seconds * 1'000'000};
}

TEST(Backoff, DoublesUpToTheLongestWait) {
  EXPECT_EQ(backoff_seconds(policy, 0), 0);
  EXPECT_EQ(backoff_seconds(policy, 2), 0);
  EXPECT_EQ(backoff_seconds(policy, 3), 1);
  EXPECT_EQ(backoff_seconds(policy, 4), 2);
  EXPECT_EQ(backoff_seconds(policy, 8), 32);
  EXPECT_EQ(backoff_seconds(policy, 9), 60);
  EXPECT_EQ(backoff_seconds(policy, 1'000'000), 60);
}

TEST(Throttle, BlocksAfterTheFreeAttemptsAndLetsOneThroughAfterTheWait) {
  Throttle throttle(policy);
  EXPECT_EQ(throttle.charge("a", at(0)), 0);
  EXPECT_EQ(throttle.charge("a", at(0)), 0);
  EXPECT_EQ(throttle.charge("a", at(0)), 0);
  EXPECT_EQ(throttle.charge("a", at(0)), 1);
  EXPECT_EQ(throttle.charge("b", at(0)), 0);  // others are not concerned
  EXPECT_EQ(throttle.charge("a", at(1)), 0);
  EXPECT_EQ(throttle.charge("a", at(1)), 2);
  EXPECT_EQ(throttle.charge("a", at(2)), 1);
}

TEST(Throttle, SuccessClearsAndARefundDoesNotCount) {
  Throttle throttle(policy);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(throttle.charge("a", at(0)), 0);
  throttle.clear("a");
  EXPECT_EQ(throttle.charge("a", at(0)), 0);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(throttle.charge("b", at(0)), 0);
    throttle.refund("b");
  }
}

TEST(Throttle, ForgivesWithTime) {
  Throttle throttle(policy);
  for (int i = 0; i < 3; ++i) throttle.charge("a", at(0));
  EXPECT_EQ(throttle.charge("a", at(400)), 0);
  EXPECT_EQ(throttle.charge("a", at(400)), 0);
}

TEST(Throttle, StaysBoundedAndKeepsWhoIsUnderAttack) {
  Throttle throttle(policy, 100);
  for (int i = 0; i < 3; ++i) throttle.charge("victim", at(0));
  for (int i = 0; i < 5'000; ++i) throttle.charge("other" + std::to_string(i), at(0));
  EXPECT_GT(throttle.charge("victim", at(0)), 0);
}

TEST(AddressKey, TakesAnIpv6PrefixAsOne) {
  EXPECT_EQ(address_key("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(address_key("2001:db8:1:2:3:4:5:6"), address_key("2001:db8:1:2::9"));
  EXPECT_NE(address_key("2001:db8:1:2::9"), address_key("2001:db8:1:3::9"));
  EXPECT_EQ(address_key("::ffff:192.0.2.7"), "192.0.2.7");
}

}  // namespace
}  // namespace caravan::auth
