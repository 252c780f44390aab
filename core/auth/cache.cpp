#include "auth/cache.h"

#include <algorithm>
#include <mutex>
#include <vector>

namespace caravan::auth {

std::shared_ptr<CacheEntry> IdentityCache::find(const CacheKey& key) const {
  std::shared_lock lock(mutex_);
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : found->second;
}

void IdentityCache::put(const CacheKey& key, std::shared_ptr<CacheEntry> entry,
                        std::uint64_t read_in_generation) {
  std::lock_guard lock(mutex_);
  if (generation_.load(std::memory_order_relaxed) != read_in_generation) return;
  if (entries_.size() >= capacity_ && !entries_.contains(key)) make_room();
  entries_[key] = std::move(entry);
}

void IdentityCache::erase(const CacheKey& key) {
  std::lock_guard lock(mutex_);
  generation_.fetch_add(1, std::memory_order_release);
  entries_.erase(key);
}

void IdentityCache::drop(const CacheKey& key) {
  std::lock_guard lock(mutex_);
  entries_.erase(key);
}

void IdentityCache::erase_user(std::int64_t user_id) {
  std::lock_guard lock(mutex_);
  generation_.fetch_add(1, std::memory_order_release);
  std::erase_if(entries_, [&](const auto& e) { return e.second->identity.actor.user_id == user_id; });
}

std::size_t IdentityCache::size() const {
  std::shared_lock lock(mutex_);
  return entries_.size();
}

void IdentityCache::make_room() {
  std::vector<std::int64_t> used;
  used.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) used.push_back(entry->used_at.load(std::memory_order_relaxed));
  const auto quarter = used.begin() + static_cast<std::ptrdiff_t>(used.size() / 4);
  std::nth_element(used.begin(), quarter, used.end());
  const std::int64_t limit = *quarter;
  std::size_t excess = entries_.size() / 4 + 1;
  for (auto it = entries_.begin(); it != entries_.end() && excess > 0;) {
    if (it->second->used_at.load(std::memory_order_relaxed) <= limit) {
      it = entries_.erase(it);
      --excess;
    } else {
      ++it;
    }
  }
}

}  // namespace caravan::auth
