#include "storage/sequence.h"

#include <algorithm>
#include <utility>

namespace caravan::storage {
namespace {

constexpr auto fast_use = std::chrono::seconds(1);
constexpr std::int64_t most_blocks = 10;  ///< leased at once where they are used fast

}  // namespace

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

std::int64_t Sequences::Range::take() {
  if (next == end) {
    next = std::exchange(spare_next, 0);
    end = std::exchange(spare_end, 0);
  }
  return next++;
}

void Sequences::Range::add(std::int64_t from, std::int64_t to) {
  if (next == end) {
    next = std::exchange(spare_next, 0);
    end = std::exchange(spare_end, 0);
  }
  if (next == end) {
    next = from;
    end = to;
  } else if (end == from) {
    end = to;
  } else if (spare_next != spare_end && spare_end == from) {
    spare_end = to;
  } else {
    if (spare_next != spare_end) {  // another node's block lies between; the rest of the oldest is a gap
      next = spare_next;
      end = spare_end;
    }
    spare_next = from;
    spare_end = to;
  }
}

void Sequences::fetch(std::unique_lock<std::mutex>& lock, Range& range, std::string_view name, std::int64_t count) {
  range.leasing = true;
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
  range.add(end - count, end);
  range.leased = count;
  range.leased_at = std::chrono::steady_clock::now();
  range.leasing = false;
  leased_.notify_all();
}

void Sequences::ensure(std::unique_lock<std::mutex>& lock, Range& range, std::string_view name, std::int64_t at_least,
                       std::int64_t count) {
  while (range.left() < at_least) {
    if (range.leasing) leased_.wait(lock);
    else fetch(lock, range, name, std::max(count, at_least));
  }
}

std::int64_t Sequences::next(std::string_view name) {
  std::unique_lock lock(mutex_);
  Range& range = range_of(name);
  ensure(lock, range, name, 1, block_);
  return range.take();
}

std::int64_t Sequences::try_next(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto it = ranges_.find(name);
  return it == ranges_.end() || it->second.left() == 0 ? 0 : it->second.take();
}

void Sequences::refill(std::string_view name, std::int64_t at_least) {
  std::unique_lock lock(mutex_);
  Range& range = range_of(name);
  at_least = std::max<std::int64_t>(at_least, 1);
  const std::int64_t low = range.leased / 4;
  if (range.left() >= std::max(at_least, low)) return;
  // Whoever uses up a block at once will use up the next one, too.
  const bool fast = range.leased > 0 && std::chrono::steady_clock::now() - range.leased_at < fast_use;
  const std::int64_t count = fast ? std::clamp(range.leased * 2, block_, block_ * most_blocks) : block_;
  ensure(lock, range, name, at_least, count);
  if (range.left() >= low || range.leasing) return;
  // One fetches the next block while the others still take from this one.
  try {
    fetch(lock, range, name, count);
  } catch (const Error&) {  // there are numbers at hand; who finds none will be told
  }
}

void Sequences::release() noexcept {
  try {
    const std::lock_guard lock(mutex_);
    database_.transact([&](Session& session) {
      Statement& s = session.prepare("UPDATE sequence_block SET next_value = ? WHERE name = ? AND next_value = ?");
      for (const auto& [name, range] : ranges_) {
        if (range.left() == 0) continue;
        const bool spare = range.spare_next != range.spare_end;  // leased last
        s.bind(1, spare ? range.spare_next : range.next);
        s.bind(2, std::string_view(name));
        s.bind(3, spare ? range.spare_end : range.end);
        s.step();
        s.reset();
      }
    });
    for (auto& [name, range] : ranges_) range = {};
  } catch (...) {  // the numbers stay a gap
  }
}

}  // namespace caravan::storage
