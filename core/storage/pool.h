#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>

namespace caravan::storage {

/// A counting semaphore that serves in order of arrival. Thread-safe; may be released by another thread.
class Turnstile {
 public:
  explicit Turnstile(int places) : free_(places) {}

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

 private:
  struct Waiter {
    std::condition_variable wake;
    bool granted = false;
  };
  std::mutex mutex_;
  int free_;
  std::list<Waiter> waiting_;
};

}  // namespace caravan::storage
