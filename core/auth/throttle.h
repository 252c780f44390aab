#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/date_time.h"

namespace caravan::auth {

/// How failures slow the next attempts down.
struct ThrottlePolicy {
  int free_attempts = 5;           ///< without any delay
  int longest_wait_seconds = 300;  ///< the wait doubles from one second up to this
  int forgive_seconds = 300;       ///< one failure is forgotten in this time
};

/// Seconds to wait after so many failures in a row; 0 while attempts are free.
int backoff_seconds(const ThrottlePolicy& policy, int failures);

/// Failed attempts by key, in memory, bounded. Thread-safe.
class Throttle {
 public:
  explicit Throttle(ThrottlePolicy policy, std::size_t capacity = 20'000)
      : policy_(policy), capacity_(capacity) {}
  /// Counts an attempt before it is made, so that a thousand at once do not slip through together. Returns 0
  /// where it may be made, else the seconds to wait (and then does not count it).
  int charge(std::string_view key, Timestamp now);
  /// The attempt counted by charge() was not one after all (it could not be made).
  void refund(std::string_view key);
  /// It succeeded: what came before is forgotten.
  void clear(std::string_view key);

 private:
  struct Entry {
    int failures = 0;
    std::int64_t counted_at = 0;     ///< µs, of the failure last counted or forgiven
    std::int64_t blocked_until = 0;  ///< µs
  };
  void make_room(std::int64_t now);

  const ThrottlePolicy policy_;
  const std::size_t capacity_;
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
};

/// What counts as one address: an IPv4 address, or the /64 of an IPv6 address (whoever has one has all of
/// them).
std::string address_key(std::string_view address);

}  // namespace caravan::auth
