#include "api/rate_limit.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <random>

namespace caravan::api {
namespace {

constexpr std::size_t shard_count = 64;
constexpr std::size_t sets = 64;  ///< of a shard
constexpr std::size_t ways = 8;   ///< entries that a key may lie in
constexpr std::int64_t second = 1'000'000'000;

std::uint64_t mixed(std::uint64_t x) {  // splitmix64
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

std::uint32_t seconds_up(std::int64_t nanoseconds) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>((nanoseconds + second - 1) / second, 0, 0xFFFFFFFF));
}

}  // namespace

/// A bucket is one number: the time at which it is full again (the theoretical arrival time of GCRA).
struct RateLimiter::Shard {
  struct Entry {
    std::uint64_t key = 0;
    std::int64_t full_at = 0;
  };
  alignas(64) std::mutex mutex;
  std::array<Entry, sets * ways> entries{};
};

RateLimiter::RateLimiter(RateLimit limit)
    : limit_{limit.per_second, std::max<std::uint32_t>(1, limit.burst), std::max<std::uint32_t>(1, limit.seconds)},
      interval_(limit.per_second > 0 ? std::max<std::int64_t>(1, second * limit_.seconds / limit.per_second) : 0),
      tolerance_(interval_ * (std::int64_t{limit_.burst} - 1)),
      // Nobody outside can know which keys share a set.
      seed_((std::uint64_t{std::random_device{}()} << 32) ^ std::random_device{}()) {
  if (!limits()) return;
  shards_.reserve(shard_count);
  for (std::size_t i = 0; i < shard_count; ++i) shards_.push_back(std::make_unique<Shard>());
}

RateLimiter::~RateLimiter() = default;

RateLimiter::Verdict RateLimiter::take(std::uint64_t key, std::int64_t now) {
  if (!limits()) return {};
  const std::uint64_t hash = mixed(key ^ seed_) | 1;  // never 0: that is an empty entry
  Shard& shard = *shards_[(hash >> 8) % shard_count];
  Shard::Entry* const set = &shard.entries[((hash >> 16) % sets) * ways];
  Verdict verdict;
  const std::lock_guard lock(shard.mutex);
  Shard::Entry* entry = set;
  for (std::size_t i = 0; i < ways; ++i) {
    if (set[i].key == hash) {
      entry = &set[i];
      break;
    }
    if (set[i].full_at < entry->full_at) entry = &set[i];
  }
  if (entry->key != hash) *entry = {hash, now};
  const std::int64_t full_at = std::max(entry->full_at, now);
  const std::int64_t ahead = full_at - now;
  if (ahead > tolerance_) {
    verdict.allowed = false;
    verdict.retry_after = std::max<std::uint32_t>(1, seconds_up(ahead - tolerance_));
    verdict.reset = seconds_up(ahead);
    return verdict;
  }
  entry->full_at = full_at + interval_;
  verdict.remaining = static_cast<std::uint32_t>((tolerance_ - ahead) / interval_);
  verdict.reset = seconds_up(ahead + interval_);
  return verdict;
}

std::uint64_t address_key(std::string_view address) {
  char text[INET6_ADDRSTRLEN + 1] = {};
  std::uint64_t key = 1469598103934665603ULL;
  if (address.size() < sizeof text) {
    std::memcpy(text, address.data(), address.size());
    in_addr v4{};
    if (inet_pton(AF_INET, text, &v4) == 1) return mixed(v4.s_addr);
    in6_addr v6{};
    if (inet_pton(AF_INET6, text, &v6) == 1) {
      std::memcpy(&key, v6.s6_addr, 8);
      return mixed(key ^ 0x36);
    }
  }
  for (const char c : address) key = (key ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return key;
}

std::string rate_limit_policy(std::string_view name, const RateLimit& limit) {
  const auto window = (limit.burst * limit.seconds + limit.per_second - 1) / std::max<std::uint32_t>(1, limit.per_second);
  return "\"" + std::string(name) + "\";q=" + std::to_string(limit.burst) + ";w=" + std::to_string(std::max<std::uint32_t>(1, window));
}

std::string rate_limit_state(std::string_view name, const RateLimiter::Verdict& verdict) {
  return "\"" + std::string(name) + "\";r=" + std::to_string(verdict.remaining) + ";t=" +
         std::to_string(verdict.allowed ? verdict.reset : verdict.retry_after);
}

}  // namespace caravan::api
