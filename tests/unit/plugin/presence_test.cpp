#include "plugin/presence.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace caravan::plugin {
namespace {

using namespace std::chrono_literals;

TEST(Presence, CountsThoseInsideOnWhateverThread) {
  Presence presence;
  EXPECT_TRUE(presence.idle());
  const std::size_t stripe = presence.enter();
  EXPECT_EQ(presence.inside(), 1);
  EXPECT_FALSE(presence.wait_idle(1ms));
  std::thread([&] { presence.leave(stripe); }).join();
  EXPECT_TRUE(presence.wait_idle(0ms));
}

TEST(Presence, WaitsUntilTheLastHasLeft) {
  Presence presence;
  const std::size_t first = presence.enter(), second = presence.enter();
  std::thread leaver([&] {
    std::this_thread::sleep_for(5ms);
    presence.leave(first);
    std::this_thread::sleep_for(5ms);
    presence.leave(second);
  });
  EXPECT_TRUE(presence.wait_idle(10s));
  leaver.join();
}

/// What a reader may look at: alive while anybody looks, and stopped only when nobody is inside.
struct Thing {
  Presence inside;
  std::atomic<bool> stopped{false};
  int number = 0;
};
struct View {
  std::shared_ptr<Thing> thing;
  ~View() { gone = true; }
  std::atomic<bool> gone{false};
};

TEST(Readers, NobodyMeetsWhatWasFreedOrStopped) {
  Readers readers;
  std::atomic<View*> current{nullptr};
  std::unique_ptr<View> owner = std::make_unique<View>();
  owner->thing = std::make_shared<Thing>();
  current = owner.get();
  std::atomic<bool> end{false};
  std::atomic<int> calls{0}, bad{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      while (!end.load(std::memory_order_relaxed)) {
        Thing* thing = nullptr;
        std::size_t stripe = 0;
        {
          const Readers::Look look(readers);
          View& view = *current.load(std::memory_order_seq_cst);
          if (view.gone) ++bad;
          thing = view.thing.get();
          stripe = thing->inside.enter();
        }
        if (thing->stopped) ++bad;
        std::this_thread::yield();
        if (thing->stopped) ++bad;
        thing->inside.leave(stripe);
        ++calls;
      }
    });
  }
  const auto until = std::chrono::steady_clock::now() + 60s;
  for (int turn = 0; turn < 500 || (calls < 5000 && std::chrono::steady_clock::now() < until); ++turn) {
    auto next = std::make_unique<View>();
    next->thing = std::make_shared<Thing>();
    next->thing->number = turn;
    const auto leaving = owner->thing;
    current.store(next.get(), std::memory_order_seq_cst);
    readers.wait_for_readers();
    owner = std::move(next);  // frees the one before
    ASSERT_TRUE(leaving->inside.wait_idle(10s));
    leaving->stopped = true;
  }
  end = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(bad, 0);
  EXPECT_GT(calls, 1000);
}

}  // namespace
}  // namespace caravan::plugin
