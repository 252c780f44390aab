#pragma once

#include <cstdint>
#include <random>

namespace caravan::workflow {

/// The id of a row of no meaning and no order, never 0; needs no block of numbers, so that it can be made anywhere in a transaction.
inline std::int64_t random_id() {
  thread_local std::mt19937_64 random{std::random_device{}() ^ (static_cast<std::uint64_t>(std::random_device{}()) << 32)};
  return static_cast<std::int64_t>(random() >> 1) | 1;
}

}  // namespace caravan::workflow
