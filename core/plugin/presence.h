#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

namespace caravan::plugin {

/// Which of the counters below a thread uses, so that threads seldom share one.
inline constexpr std::size_t presence_stripes = 8;
inline std::size_t presence_stripe() {
  static std::atomic<std::size_t> next{0};
  static thread_local const std::size_t own = next.fetch_add(1, std::memory_order_relaxed) % presence_stripes;
  return own;
}

/// How many are inside something. enter and leave cost one atomic addition; no lock. Thread-safe.
class Presence {
 public:
  /// The result goes to leave(), on whichever thread.
  std::size_t enter() noexcept {
    const std::size_t stripe = presence_stripe();
    stripes_[stripe].count.fetch_add(1, std::memory_order_seq_cst);
    return stripe;
  }
  void leave(std::size_t stripe) noexcept { stripes_[stripe].count.fetch_sub(1, std::memory_order_seq_cst); }
  /// Whether each counter has been seen at zero; that nobody is inside only where nobody can come in any more.
  bool idle() const noexcept { return inside() == 0; }
  std::int64_t inside() const noexcept {
    std::int64_t sum = 0;
    for (const Stripe& stripe : stripes_) sum += stripe.count.load(std::memory_order_seq_cst);
    return sum;
  }
  /// Waits until it is idle; false where it was not in time.
  bool wait_idle(std::chrono::milliseconds most) const {
    const auto until = std::chrono::steady_clock::now() + most;
    for (std::chrono::microseconds pause(50); !idle(); pause = std::min(2 * pause, std::chrono::microseconds(5000))) {
      if (std::chrono::steady_clock::now() >= until) return false;
      std::this_thread::sleep_for(pause);
    }
    return true;
  }

 private:
  struct alignas(64) Stripe {
    std::atomic<std::int64_t> count{0};
  };
  std::array<Stripe, presence_stripes> stripes_;
};

/// Short looks at something that is replaced as a whole: a reader holds a Look while he uses what a pointer led him to; whoever has
/// replaced the pointer calls wait_for_readers() before he frees what it led to. Two counters take turns, so that readers who keep
/// coming do not make him wait for ever. Thread-safe; one thread at a time may wait.
class Readers {
 public:
  class Look {
   public:
    explicit Look(const Readers& readers) noexcept
        : presence_(readers.presence_[readers.turn_.load(std::memory_order_seq_cst)]), stripe_(presence_.enter()) {}
    ~Look() { presence_.leave(stripe_); }
    Look(const Look&) = delete;
    Look& operator=(const Look&) = delete;

   private:
    Presence& presence_;
    const std::size_t stripe_;
  };

  void wait_for_readers() const {
    // Twice: a reader may have taken the turn before the change and entered after it.
    for (int i = 0; i < 2; ++i) {
      const unsigned old = turn_.load(std::memory_order_seq_cst);
      turn_.store(1 - old, std::memory_order_seq_cst);
      while (!presence_[old].idle()) std::this_thread::yield();
    }
  }

 private:
  mutable std::array<Presence, 2> presence_;
  mutable std::atomic<unsigned> turn_{0};
};

}  // namespace caravan::plugin
