#include "storage/sequence.h"

#include <algorithm>

namespace caravan::storage {

std::int64_t Sequences::lease(std::string_view name, std::int64_t count) {
  std::int64_t end = 0;
  database_.transact(
      [&](Session& session) {
        if (session.dialect() == Dialect::sqlite) {
          Statement& s = session.prepare(
              "INSERT INTO sequence_block (name, next_value) VALUES (?1, 1 + ?2) "
              "ON CONFLICT (name) DO UPDATE SET next_value = next_value + ?2 RETURNING next_value");
          s.bind(1, name);
          s.bind(2, count);
          if (s.step()) end = s.integer(0);
          s.reset();
          return;
        }
        // The row is locked from here to the commit, so two nodes never get the same block.
        Statement& add = session.prepare(
            "INSERT INTO sequence_block (name, next_value) VALUES (?, 1 + ?) "
            "ON DUPLICATE KEY UPDATE next_value = next_value + ?");
        add.bind(1, name);
        add.bind(2, count);
        add.bind(3, count);
        add.step();
        add.reset();
        Statement& get = session.prepare("SELECT next_value FROM sequence_block WHERE name = ?");
        get.bind(1, name);
        if (get.step()) end = get.integer(0);
        get.reset();
      },
      20);
  if (end <= count) throw Error(ErrorCode::internal, "The sequence '" + std::string(name) + "' cannot be read");
  return end;
}

Sequences::Range& Sequences::range_of(std::string_view name) {
  auto it = ranges_.find(name);
  if (it == ranges_.end()) it = ranges_.emplace(std::string(name), Range{}).first;
  return it->second;  // a map's entries stay where they are
}

void Sequences::ensure(std::unique_lock<std::mutex>& lock, Range& range, std::string_view name, std::int64_t at_least) {
  while (range.end - range.next < at_least) {
    if (range.leasing) {
      leased_.wait(lock);
      continue;
    }
    range.leasing = true;
    const std::int64_t count = std::max(block_, at_least);
    lock.unlock();
    std::int64_t end = 0;
    try {
      end = lease(name, count);
    } catch (...) {
      lock.lock();
      range.leasing = false;
      leased_.notify_all();
      throw;
    }
    lock.lock();
    // Another node's block may lie between; then the rest of the old one is a gap.
    if (range.end != end - count) range.next = end - count;
    range.end = end;
    range.leasing = false;
    leased_.notify_all();
  }
}

std::int64_t Sequences::next(std::string_view name) {
  std::unique_lock lock(mutex_);
  Range& range = range_of(name);
  ensure(lock, range, name, 1);
  return range.next++;
}

std::int64_t Sequences::try_next(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto it = ranges_.find(name);
  if (it == ranges_.end() || it->second.next == it->second.end) return 0;
  return it->second.next++;
}

void Sequences::refill(std::string_view name, std::int64_t at_least) {
  std::unique_lock lock(mutex_);
  ensure(lock, range_of(name), name, std::max<std::int64_t>(at_least, 1));
}

void Sequences::release() noexcept {
  try {
    const std::lock_guard lock(mutex_);
    database_.transact([&](Session& session) {
      Statement& s = session.prepare("UPDATE sequence_block SET next_value = ? WHERE name = ? AND next_value = ?");
      for (const auto& [name, range] : ranges_) {
        if (range.next == range.end) continue;
        s.bind(1, range.next);
        s.bind(2, std::string_view(name));
        s.bind(3, range.end);
        s.step();
        s.reset();
      }
    });
    for (auto& [name, range] : ranges_) range.next = range.end;
  } catch (...) {  // the numbers stay a gap
  }
}

}  // namespace caravan::storage
