#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace caravan::api {

/// How often one caller may ask on one node. A rate of 0: no limit.
struct RateLimit {
  std::uint32_t per_second = 0;  ///< at most 1,000,000
  std::uint32_t burst = 1;       ///< how many at once after a pause; at least 1
  std::uint32_t seconds = 1;     ///< `per_second` counts for so many; at least 1
};

struct RateLimits {
  RateLimit user;       ///< of each user, by session or token
  RateLimit anonymous;  ///< of each address (IPv6: /64), for requests without a valid session or token
};

/// Token buckets by key, in bounded memory: 32,768 callers at a time; beyond that whoever has been idle for the longest
/// is forgotten, which only gives him a full bucket again. Thread-safe: 64 shards, a lock of which is held for some ten
/// nanoseconds.
class RateLimiter {
 public:
  explicit RateLimiter(RateLimit limit);
  ~RateLimiter();
  struct Verdict {
    bool allowed = true;
    std::uint32_t remaining = 0;  ///< requests that could follow at once
    std::uint32_t retry_after = 0;  ///< seconds, where it is not allowed
    std::uint32_t reset = 0;        ///< seconds until the bucket is full again
  };
  bool limits() const { return limit_.per_second > 0; }
  const RateLimit& limit() const { return limit_; }
  /// Takes one token of `key`; `now` in nanoseconds of a clock that never goes back.
  Verdict take(std::uint64_t key, std::int64_t now);

 private:
  struct Shard;
  const RateLimit limit_;
  const std::int64_t interval_;   ///< nanoseconds a token
  const std::int64_t tolerance_;  ///< how far the bucket may run ahead
  const std::uint64_t seed_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

/// The key of an address: an IPv4 address, or an IPv6 /64, which one client usually owns whole.
std::uint64_t address_key(std::string_view address);

/// Values of RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10).
std::string rate_limit_policy(std::string_view name, const RateLimit& limit);
std::string rate_limit_state(std::string_view name, const RateLimiter::Verdict& verdict);

}  // namespace caravan::api
