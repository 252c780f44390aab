#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace caravan::plugin {

/// Pauses a callback that fails again and again by its own fault, so that it does not hurt each request.
/// Thread-safe.
class Breaker {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr int limit = 5;  ///< internal errors in a row
  static constexpr std::chrono::seconds pause{30};

  /// Whole seconds until calls pass again; 0 where they do. After the pause the next internal error opens it
  /// at once.
  int seconds_left(Time now) const {
    const auto left = open_until_.load(std::memory_order_relaxed) - now.time_since_epoch().count();
    if (left <= 0) return 0;
    return static_cast<int>(std::chrono::ceil<std::chrono::seconds>(Time::duration(left)).count());
  }
  void succeeded() {
    if (failures_.load(std::memory_order_relaxed) != 0) failures_.store(0, std::memory_order_relaxed);
  }
  /// True where this one opened it.
  bool failed(Time now) {
    if (failures_.fetch_add(1, std::memory_order_relaxed) + 1 < limit) return false;
    failures_.store(limit - 1, std::memory_order_relaxed);
    open_until_.store((now + pause).time_since_epoch().count(), std::memory_order_relaxed);
    return true;
  }

 private:
  std::atomic<int> failures_{0};
  std::atomic<Time::rep> open_until_{0};
};

}  // namespace caravan::plugin
