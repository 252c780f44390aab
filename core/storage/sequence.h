#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "storage/database.h"

namespace caravan::storage {

/// Numbers from leased blocks of the table `sequence_block`: increasing, unique across nodes and restarts, with gaps.
/// Record ids come from the sequence `record`; visible numbers from `NAME` or `NAME/2026`. Thread-safe.
class Sequences {
 public:
  explicit Sequences(Database& database, std::int64_t block = 100) : database_(database), block_(block) {}
  /// The next number of `name`. Leases a block in a transaction of its own where none is left, so never call it inside a
  /// transaction on SQLite: use try_next there, and refill() after the rollback.
  std::int64_t next(std::string_view name);
  /// Like next(), but returns 0 where a block would have to be leased.
  std::int64_t try_next(std::string_view name);
  /// Leases a block of `name` unless `at_least` numbers are at hand, or where these are running low; larger blocks (up to
  /// ten) where they are used up within a second. Never inside a transaction on SQLite.
  void refill(std::string_view name, std::int64_t at_least = 1);
  /// Gives back what no other node has leased beyond, so that a clean restart leaves no gap. For shutdown; never throws.
  void release() noexcept;

 private:
  struct Range {
    std::int64_t next = 0, end = 0;              ///< end is not included
    std::int64_t spare_next = 0, spare_end = 0;  ///< the block after that, where it does not follow at once
    std::int64_t leased = 0;                     ///< numbers of the last block
    std::chrono::steady_clock::time_point leased_at{};
    bool leasing = false;                        ///< one thread is fetching a block; others wait
    std::int64_t left() const { return end - next + (spare_end - spare_next); }
    std::int64_t take();  ///< where some are left
    void add(std::int64_t from, std::int64_t to);
  };
  Range& range_of(std::string_view name);
  void ensure(std::unique_lock<std::mutex>& lock, Range& range, std::string_view name, std::int64_t at_least, std::int64_t count);
  void fetch(std::unique_lock<std::mutex>& lock, Range& range, std::string_view name, std::int64_t count);
  /// End (not included) of `count` numbers that are ours now.
  std::int64_t lease(std::string_view name, std::int64_t count);
  Database& database_;
  const std::int64_t block_;
  std::mutex mutex_;
  std::condition_variable leased_;
  std::map<std::string, Range, std::less<>> ranges_;
};

}  // namespace caravan::storage
