#include "api/rate_limit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "fixture.h"

namespace caravan::api {
namespace {

constexpr std::int64_t second = 1'000'000'000;

TEST(RateLimiter, GivesABurstAndThenARate) {
  RateLimiter limiter({10, 5});
  const std::int64_t now = 1000 * second;
  for (std::uint32_t i = 0; i < 5; ++i) {
    const auto verdict = limiter.take(1, now);
    EXPECT_TRUE(verdict.allowed);
    EXPECT_EQ(verdict.remaining, 4 - i);
  }
  const auto refused = limiter.take(1, now);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_after, 1u);
  EXPECT_TRUE(limiter.take(2, now).allowed) << "another caller";
  EXPECT_FALSE(limiter.take(1, now + second / 10 - 1).allowed);
  EXPECT_TRUE(limiter.take(1, now + second / 10).allowed);
  EXPECT_FALSE(limiter.take(1, now + second / 10).allowed);
  int taken = 0;
  for (int i = 0; i < 20; ++i) taken += limiter.take(1, now + 3600 * second).allowed ? 1 : 0;
  EXPECT_EQ(taken, 5) << "a pause fills the bucket, and no more";
}

TEST(RateLimiter, NoneMeansNone) {
  RateLimiter limiter({0, 1});
  EXPECT_FALSE(limiter.limits());
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limiter.take(1, 0).allowed);
}

TEST(RateLimiter, SlowRatesTellHowLongToWait) {
  RateLimiter limiter({1, 1});
  EXPECT_TRUE(limiter.take(7, second).allowed);
  EXPECT_EQ(limiter.take(7, second).retry_after, 1u);
  EXPECT_TRUE(limiter.take(7, 2 * second).allowed);
}

TEST(RateLimiter, ARateMayCountForSeveralSeconds) {
  RateLimiter limiter({1, 2, 10});
  EXPECT_TRUE(limiter.take(7, second).allowed);
  EXPECT_TRUE(limiter.take(7, second).allowed);
  EXPECT_EQ(limiter.take(7, second).retry_after, 10u);
  EXPECT_FALSE(limiter.take(7, 10 * second).allowed);
  EXPECT_TRUE(limiter.take(7, 11 * second).allowed);
  EXPECT_EQ(rate_limit_policy("public", limiter.limit()), "\"public\";q=2;w=20");
}

/// Many more callers than it remembers: nobody is refused for another's requests.
TEST(RateLimiter, ForgetsTheIdleOnes) {
  RateLimiter limiter({1000, 3});
  for (std::uint64_t key = 0; key < 200'000; ++key)
    EXPECT_TRUE(limiter.take(key, static_cast<std::int64_t>(key) * 1'000'000).allowed) << key;
}

/// Threads that share a bucket get exactly what is in it.
TEST(RateLimiter, CountsExactlyUnderConcurrency) {
  RateLimiter limiter({1, 10'000});
  std::atomic<int> allowed{0}, others{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5000; ++i) {
        if (limiter.take(1, second).allowed) allowed.fetch_add(1);
        if (limiter.take(1000 + static_cast<std::uint64_t>(t), second).allowed) others.fetch_add(1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(allowed.load(), 10'000);
  EXPECT_EQ(others.load(), 40'000);
}

TEST(RateLimiter, KeysOfAddresses) {
  EXPECT_EQ(address_key("192.0.2.1"), address_key("192.0.2.1"));
  EXPECT_NE(address_key("192.0.2.1"), address_key("192.0.2.2"));
  EXPECT_EQ(address_key("2001:db8::1"), address_key("2001:db8::ffff")) << "one /64";
  EXPECT_NE(address_key("2001:db8::1"), address_key("2001:db8:0:1::1"));
  EXPECT_NE(address_key("local"), address_key(std::string(100, 'x')));
}

TEST(RateLimiter, Headers) {
  EXPECT_EQ(rate_limit_policy("user", {500, 5000}), R"("user";q=5000;w=10)");
  RateLimiter limiter({1, 2});
  EXPECT_EQ(rate_limit_state("user", limiter.take(1, second)), R"("user";r=1;t=1)");
  limiter.take(1, second);
  EXPECT_EQ(rate_limit_state("user", limiter.take(1, second)), R"("user";r=0;t=1)");
}

class Limited : public ApiTest {
 protected:
  Services services() override {
    Services all = ApiTest::services();
    all.limits = {{1, 4}, {1, 2}};
    return all;
  }
};

TEST_P(Limited, EachUserAndEachAddressHasABucket) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(call("boss", "GET", "/api/v1/me").status, 200);
  const auto refused = call("boss", "GET", "/api/v1/me");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.type, "application/problem+json");
  EXPECT_EQ(refused.at("code"), "too_many_requests");
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_EQ(refused.header("RateLimit-Policy"), R"("user";q=4;w=4)");
  EXPECT_TRUE(refused.header("RateLimit").starts_with(R"("user";r=0)")) << refused.header("RateLimit");
  EXPECT_EQ(call("seller", "GET", "/api/v1/me").status, 200) << "another user";
  // Without a valid session or token it is the address that counts; documents outside the API are not counted.
  for (int i = 0; i < 2; ++i) EXPECT_EQ(call("", "GET", "/api/v1/me").status, 401);
  EXPECT_EQ(call("", "GET", "/api/v1/me").status, 429);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(call("", "GET", "/healthz").status, 200);
  EXPECT_EQ(call("guest", "GET", "/api/v1/me").status, 200) << "who is signed in is not taken for the address";
}

INSTANTIATE_TEST_SUITE_P(Databases, Limited, caravan::testing::both_dialects(), caravan::testing::dialect_name);

}  // namespace
}  // namespace caravan::api
