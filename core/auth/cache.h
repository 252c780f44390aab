#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "auth/secret.h"
#include "auth/service.h"

namespace caravan::auth {

/// What is known of one session or token. Only the atomics change after it is put in the cache. Times in µs.
struct CacheEntry {
  Identity identity;
  std::int64_t expires_at = 0;
  std::int64_t read_at = 0;             ///< when its rows were read
  std::atomic<bool> being_read{false};  ///< some thread is reading them again
  std::atomic<std::int64_t> used_at{0};
  bool peeked = false;                  ///< read by peek(): a use of the session reads them again, and is noted
};

/// Sessions and tokens in memory, found by a keyed hash of the secret. Bounded. Thread-safe; find() takes a
/// shared lock and one hash.
class IdentityCache {
 public:
  explicit IdentityCache(std::size_t capacity = 20'000) : capacity_(capacity) {}
  CacheKey key(std::string_view secret) const { return hasher_(secret); }
  std::shared_ptr<CacheEntry> find(const CacheKey& key) const;
  /// Taken before rows are read, and given to put(), which drops what a revocation in between has overtaken.
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  void put(const CacheKey& key, std::shared_ptr<CacheEntry> entry, std::uint64_t read_in_generation);
  /// After a revocation.
  void erase(const CacheKey& key);
  /// Its row is gone or has expired; no revocation of ours.
  void drop(const CacheKey& key);
  void erase_user(std::int64_t user_id);
  std::size_t size() const;

 private:
  struct Hash {
    std::size_t operator()(const CacheKey& key) const { return static_cast<std::size_t>(key[0]); }
  };
  void make_room();

  const CacheHasher hasher_;
  const std::size_t capacity_;
  mutable std::shared_mutex mutex_;
  std::unordered_map<CacheKey, std::shared_ptr<CacheEntry>, Hash> entries_;
  std::atomic<std::uint64_t> generation_{0};
};

}  // namespace caravan::auth
