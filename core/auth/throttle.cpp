#include "auth/throttle.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace caravan::auth {

int backoff_seconds(const ThrottlePolicy& policy, int failures) {
  const int over = failures - policy.free_attempts;
  if (over < 0) return 0;
  return over > 20 ? policy.longest_wait_seconds : std::min(1 << over, policy.longest_wait_seconds);
}

int Throttle::charge(std::string_view key, Timestamp now) {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(std::string(key));
  if (found == entries_.end()) {
    if (entries_.size() >= capacity_) make_room(now.micros);
    found = entries_.emplace(std::string(key), Entry{0, now.micros, 0}).first;
  }
  Entry& entry = found->second;
  if (entry.blocked_until > now.micros)
    return static_cast<int>((entry.blocked_until - now.micros + 999'999) / 1'000'000);
  const std::int64_t step = std::int64_t{policy_.forgive_seconds} * 1'000'000;
  const std::int64_t forgiven = std::max<std::int64_t>(0, (now.micros - entry.counted_at) / step);
  entry.failures = static_cast<int>(std::max<std::int64_t>(0, entry.failures - forgiven)) + 1;
  entry.counted_at = now.micros;
  entry.blocked_until = now.micros + std::int64_t{backoff_seconds(policy_, entry.failures)} * 1'000'000;
  return 0;
}

void Throttle::refund(std::string_view key) {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(std::string(key));
  if (found == entries_.end()) return;
  found->second.failures = std::max(0, found->second.failures - 1);
  found->second.blocked_until = 0;
}

void Throttle::clear(std::string_view key) {
  std::lock_guard lock(mutex_);
  entries_.erase(std::string(key));
}

void Throttle::make_room(std::int64_t now) {
  const std::int64_t old = now - std::int64_t{policy_.forgive_seconds} * 1'000'000 * policy_.free_attempts;
  std::erase_if(entries_, [&](const auto& e) { return e.second.counted_at < old; });
  if (entries_.size() < capacity_) return;
  // Still full, so somebody is sending many keys: keep those with the most failures, which are the ones under
  // attack.
  std::vector<int> failures;
  failures.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) failures.push_back(entry.failures);
  const auto middle = failures.begin() + static_cast<std::ptrdiff_t>(failures.size() / 2);
  std::nth_element(failures.begin(), middle, failures.end());
  const int limit = *middle;
  std::size_t excess = entries_.size() / 2 + 1;
  for (auto it = entries_.begin(); it != entries_.end() && excess > 0;) {
    if (it->second.failures <= limit) {
      it = entries_.erase(it);
      --excess;
    } else {
      ++it;
    }
  }
}

std::string address_key(std::string_view address) {
  const std::string text(address);
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return text;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    char v4[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, v6.s6_addr + 12, v4, sizeof v4);
    return v4;
  }
  std::memset(v6.s6_addr + 8, 0, 8);
  char prefix[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, &v6, prefix, sizeof prefix);
  return std::string(prefix) + "/64";
}

}  // namespace caravan::auth
