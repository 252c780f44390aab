#pragma once

#include <array>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "model/catalog.h"

namespace caravan::records {

/// Values by (entity, text), the least recently used ones forgotten past a bound on the size of all texts. Sharded, so that
/// threads rarely meet; a shard is locked only for the look-up, never while a value is made. Thread-safe.
template <class T>
class BoundedCache {
 public:
  /// `longest`: longer texts are never kept. `bytes`: bound on all texts together.
  BoundedCache(std::size_t longest, std::size_t bytes) : longest_(longest), bytes_(bytes / shard_count) {}

  /// The value kept, or what `make` returns, which is kept from now on. What `make` throws passes through.
  template <class Make>
  std::shared_ptr<const T> get(const model::Entity& entity, std::string_view text, Make make) {
    const Key key{&entity, text};
    const std::size_t hash = Hash{}(key);
    Shard& shard = shards_[(hash >> 8) % shard_count];
    {
      const std::lock_guard lock(shard.mutex);
      if (const auto found = shard.by_key.find(key); found != shard.by_key.end()) {
        shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
        return found->second->value;
      }
    }
    std::shared_ptr<const T> value = make();
    if (text.size() > longest_) return value;
    const std::lock_guard lock(shard.mutex);
    if (shard.by_key.contains(key)) return value;  // another thread was quicker
    shard.entries.push_front({&entity, std::string(text), value});
    shard.by_key.emplace(Key{&entity, shard.entries.front().text}, shard.entries.begin());
    shard.bytes += text.size() + overhead;
    while (shard.bytes > bytes_ && shard.entries.size() > 1) {
      const Entry& last = shard.entries.back();
      shard.bytes -= last.text.size() + overhead;
      shard.by_key.erase(Key{last.entity, last.text});
      shard.entries.pop_back();
    }
    return value;
  }

  /// Keeps the value in place of what was there.
  void put(const model::Entity& entity, std::string_view text, std::shared_ptr<const T> value) {
    get(entity, text, [&] { return value; });
    const Key key{&entity, text};
    Shard& shard = shards_[(Hash{}(key) >> 8) % shard_count];
    const std::lock_guard lock(shard.mutex);
    if (const auto found = shard.by_key.find(key); found != shard.by_key.end()) found->second->value = std::move(value);
  }

  std::size_t size() const {
    std::size_t n = 0;
    for (const Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      n += shard.entries.size();
    }
    return n;
  }

 private:
  static constexpr std::size_t shard_count = 8;
  static constexpr std::size_t overhead = 64;
  struct Key {
    const model::Entity* entity;
    std::string_view text;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return std::hash<std::string_view>{}(key.text) ^ (std::hash<const void*>{}(key.entity) * 0x9E3779B97F4A7C15u);
    }
  };
  struct Entry {
    const model::Entity* entity;
    std::string text;
    std::shared_ptr<const T> value;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::list<Entry> entries;  ///< most recently used first; keys of `by_key` point into it
    std::unordered_map<Key, typename std::list<Entry>::iterator, Hash> by_key;
    std::size_t bytes = 0;
  };
  const std::size_t longest_, bytes_;
  std::array<Shard, shard_count> shards_;
};

}  // namespace caravan::records
