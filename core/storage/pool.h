#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>

#include "storage/database.h"

namespace caravan::storage {

/// A counting semaphore that serves in order of arrival. Thread-safe; may be released by another thread.
class Turnstile {
 public:
  explicit Turnstile(int places) : places_(places), free_(places) {}

  /// False where no place came free in time.
  bool enter(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    if (free_ > 0 && waiting_.empty()) {
      --free_;
      return true;
    }
    const auto me = waiting_.emplace(waiting_.end());
    me->wake.wait_for(lock, timeout, [&] { return me->granted; });
    const bool granted = me->granted;
    waiting_.erase(me);
    if (!granted) ++timeouts_;
    return granted;
  }

  void leave() {
    const std::lock_guard lock(mutex_);
    for (Waiter& waiter : waiting_) {
      if (waiter.granted) continue;  // about to wake up
      waiter.granted = true;         // the place is handed over, so nobody overtakes
      waiter.wake.notify_one();
      return;
    }
    ++free_;
  }

  /// `open`: how many are connected, which the Turnstile does not know.
  PoolFigures figures(const char* kind, int open) const {
    const std::lock_guard lock(mutex_);
    return {kind, places_, places_ - free_, open, static_cast<int>(waiting_.size()), timeouts_};
  }

 private:
  struct Waiter {
    std::condition_variable wake;
    bool granted = false;
  };
  mutable std::mutex mutex_;
  const int places_;
  int free_;
  std::int64_t timeouts_ = 0;
  std::list<Waiter> waiting_;
};

}  // namespace caravan::storage
