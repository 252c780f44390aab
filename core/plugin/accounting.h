#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

namespace caravan::plugin {

/// What one callback has done since the process began. Counting takes no lock. Thread-safe.
class Account {
 public:
  enum class Outcome {
    succeeded,
    refused,  ///< a refusal that is meant for the user
    failed    ///< its own fault: an exception, misuse of the interface, an internal error
  };
  void add(std::chrono::nanoseconds time, Outcome outcome, bool late) noexcept {
    calls_.fetch_add(1, std::memory_order_relaxed);
    if (outcome == Outcome::refused) refusals_.fetch_add(1, std::memory_order_relaxed);
    if (outcome == Outcome::failed) errors_.fetch_add(1, std::memory_order_relaxed);
    if (late) late_.fetch_add(1, std::memory_order_relaxed);
    const std::int64_t nanos = time.count();
    nanos_.fetch_add(nanos, std::memory_order_relaxed);
    std::int64_t longest = longest_.load(std::memory_order_relaxed);
    while (nanos > longest && !longest_.compare_exchange_weak(longest, nanos, std::memory_order_relaxed)) {
    }
  }
  std::int64_t calls() const { return calls_.load(std::memory_order_relaxed); }
  std::int64_t refusals() const { return refusals_.load(std::memory_order_relaxed); }
  std::int64_t errors() const { return errors_.load(std::memory_order_relaxed); }
  std::int64_t late() const { return late_.load(std::memory_order_relaxed); }
  std::chrono::nanoseconds time() const { return std::chrono::nanoseconds(nanos_.load(std::memory_order_relaxed)); }
  std::chrono::nanoseconds longest() const { return std::chrono::nanoseconds(longest_.load(std::memory_order_relaxed)); }

 private:
  std::atomic<std::int64_t> calls_{0}, refusals_{0}, errors_{0}, late_{0}, nanos_{0}, longest_{0};
};

/// The same for reports: a moment's copy.
struct CallbackReport {
  std::string plugin, callback;  ///< `before_create of sales.order`, `GET /items/{id}`
  std::int64_t calls = 0, refusals = 0, errors = 0;
  std::int64_t late = 0;         ///< calls that took longer than their deadline
  std::chrono::nanoseconds time{0}, longest{0};
  int paused_seconds = 0;        ///< how long its breaker is still open; 0: it is closed
};

}  // namespace caravan::plugin
