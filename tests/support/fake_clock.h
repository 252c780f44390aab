#pragma once

#include <atomic>

#include "base/date_time.h"

namespace caravan::testing {

/// A clock that stands still until it is moved. Begins at 2026-03-02T08:00:00Z. Thread-safe.
class FakeClock final : public Clock {
 public:
  Timestamp now() const override { return {micros_.load()}; }
  void set(Timestamp at) { micros_ = at.micros; }
  void advance_seconds(double seconds) { micros_ += static_cast<std::int64_t>(seconds * 1e6); }

 private:
  std::atomic<std::int64_t> micros_{1'772'438'400'000'000};
};

}  // namespace caravan::testing
