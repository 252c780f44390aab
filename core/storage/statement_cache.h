#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace caravan::storage {

/// Prepared statements of one connection by their SQL. `S` has: bool in_use, broken, listed;
/// std::uint64_t last_use; void reset(). References stay valid until trim(), which the session calls when it is given back. Not thread-safe.
template <class S>
class StatementCache {
 public:
  explicit StatementCache(std::size_t limit = 256) : limit_(limit) {}

  /// A statement for `sql` that is not in use; `make` prepares one where none is free.
  template <class Make>
  S& get(std::string_view sql, Make make) {
    auto it = by_sql_.find(sql);
    if (it == by_sql_.end()) it = by_sql_.emplace(std::string(sql), Group{}).first;
    Group& group = it->second;
    ++uses_;
    for (auto& s : group) {
      if (!s->in_use && !s->broken) return hand_out(*s);
    }
    if (group.size() >= deepest) {
      // Nobody nests this deep: these were left without reset(). The oldest is surely done with.
      auto oldest = std::min_element(group.begin(), group.end(),
                                     [](const auto& a, const auto& b) { return a->last_use < b->last_use; });
      if (!(*oldest)->broken) {
        return hand_out(**oldest);
      }
    }
    group.push_back(make(it->first));
    ++count_;
    return hand_out(*group.back());
  }

  /// Resets what was left open, drops broken statements and the least recently used ones past the limit.
  void trim() {
    bool broken = false;
    for (S* s : handed_out_) {
      if (s->in_use && !s->broken) s->reset();
      s->listed = false;
      broken = broken || s->broken;
    }
    handed_out_.clear();
    if (broken) drop([](const auto& s) { return s->broken; });
    if (count_ <= limit_) return;
    std::vector<std::uint64_t> uses;
    for (const auto& [sql, group] : by_sql_) {
      for (const auto& s : group) uses.push_back(s->last_use);
    }
    const std::size_t excess = count_ - limit_ * 3 / 4;  // some room, so that this stays rare
    std::nth_element(uses.begin(), uses.begin() + static_cast<std::ptrdiff_t>(excess), uses.end());
    const std::uint64_t keep_from = uses[excess];
    drop([&](const auto& s) { return s->last_use < keep_from; });
  }

  void clear() {
    handed_out_.clear();
    by_sql_.clear();
    count_ = 0;
  }
  std::size_t size() const { return count_; }

 private:
  static constexpr std::size_t deepest = 32;
  using Group = std::vector<std::unique_ptr<S>>;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };

  S& hand_out(S& s) {
    s.reset();  // after a run to its end, too: without parameters nothing else would begin the next one
    s.in_use = true;
    s.last_use = uses_;
    if (!s.listed) {
      s.listed = true;
      handed_out_.push_back(&s);
    }
    return s;
  }

  template <class Test>
  void drop(Test test) {
    for (auto it = by_sql_.begin(); it != by_sql_.end();) {
      count_ -= std::erase_if(it->second, test);
      it = it->second.empty() ? by_sql_.erase(it) : std::next(it);
    }
  }

  std::size_t limit_;
  std::size_t count_ = 0;
  std::uint64_t uses_ = 0;
  std::vector<S*> handed_out_;  ///< since the last trim()
  std::unordered_map<std::string, Group, Hash, std::equal_to<>> by_sql_;
};

}  // namespace caravan::storage
