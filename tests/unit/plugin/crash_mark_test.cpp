// What a dead process leaves behind, and what the watchdog makes of marks. Each death is that of a child process.
#include "plugin/crash_mark.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>

#include "plugin/accounting.h"
#include "plugin/watchdog.h"
#include "support/scratch.h"

namespace caravan::plugin {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool own_handlers = false;
#else
constexpr bool own_handlers = true;
#endif

volatile int sink = 0;
volatile bool for_ever = true;

int overflow(int depth) {
  volatile char room[4096];
  room[0] = static_cast<char>(depth);
  return for_ever ? overflow(depth + 1) + room[0] : 0;
}

struct MarksTest : ::testing::Test {

  /// Runs `end` in a process of its own, on a thread that is not its first, inside of a callback; what it left.
  std::optional<Death> death_of(const std::function<void()>& end, MarkKind kind = MarkKind::inside, bool mark = true) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(STDERR_FILENO);
      open_marks(file);
      mark_started();
      std::thread([&] {
        if (mark) {
          const Mark outer(mark_id("shop", "GET /items", MarkKind::outside), 1);
          const HostMark host;
          const Mark inner(mark_id("sales", "before_create of sales.order", kind), 2);
          end();
        } else {
          end();
        }
      }).join();
      mark_ending();
      ::_exit(0);
    }
    ::waitpid(child, &status, 0);
    return read_death(file);
  }
  test::Scratch scratch;
  const std::filesystem::path folder = scratch.path, file = folder / "marks";
  int status = 0;
};

TEST_F(MarksTest, AFatalSignalNamesTheInnermostPlugin) {
  if (!own_handlers) GTEST_SKIP() << "sanitizers keep their own signal handlers";
  const std::tuple<const char*, int, std::function<void()>> faults[] = {
      {"segmentation fault", SIGSEGV, [] { std::raise(SIGSEGV); }},
      {"segmentation fault", SIGSEGV, [] { sink = overflow(0); }},
      {"abort", SIGABRT, [] { std::abort(); }},
      {"abort", SIGABRT, [] { std::terminate(); }},
      {"arithmetic fault", SIGFPE, [] { std::raise(SIGFPE); }},
  };
  for (const auto& [how, signal, end] : faults) {
    const auto death = death_of(end);
    ASSERT_TRUE(death) << how;
    EXPECT_TRUE(WIFSIGNALED(status)) << how;
    EXPECT_EQ(WTERMSIG(status), signal) << how;
    EXPECT_EQ(death->how, how);
    EXPECT_EQ(death->plugin, "sales");
    EXPECT_EQ(death->callback, "before_create of sales.order");
    EXPECT_TRUE(death->known);
    EXPECT_TRUE(death->started);
    EXPECT_FALSE(death->loading);
    EXPECT_FALSE(read_death(file)) << "read once";
  }
}

TEST_F(MarksTest, ExitIsNotLeftToAPlugin) {
  const auto death = death_of([] { std::exit(3); }, MarkKind::loading);
  ASSERT_TRUE(death);
  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT_EQ(death->how, "called exit(3)");
  EXPECT_EQ(death->plugin, "sales");
  EXPECT_TRUE(death->loading);
  ASSERT_TRUE(death_of([] { std::exit(0); }));
  EXPECT_EQ(WEXITSTATUS(status), 70) << "a server that ended by itself would not be started again";
}

TEST_F(MarksTest, WhoWasKilledSaysNothingButWhoWasAtWork) {
  const auto death = death_of([] { ::_exit(4); });
  ASSERT_TRUE(death);
  EXPECT_FALSE(death->known);
  EXPECT_EQ(death->plugin, "sales");
  const auto idle = death_of([] { ::_exit(4); }, MarkKind::inside, false);
  ASSERT_TRUE(idle);
  EXPECT_EQ(idle->plugin, "");
}

TEST_F(MarksTest, AnOrdinaryEndLeavesNothing) {
  EXPECT_FALSE(death_of([] {}));
  EXPECT_FALSE(read_death(folder / "missing"));
}

TEST_F(MarksTest, AHungCallbackIsNamed) {
  const auto death = death_of([] {
    mark_hung(mark_id("sales", "GET /slow", MarkKind::outside), "did not return for 45 seconds");
    ::_exit(76);
  });
  ASSERT_TRUE(death);
  EXPECT_TRUE(death->known);
  EXPECT_EQ(death->how, "did not return for 45 seconds");
  EXPECT_EQ(death->callback, "GET /slow");
}

TEST_F(MarksTest, LongNamesAreCutAndManyDoNotHurt) {
  const std::string longer(5000, 'x');
  const MarkId id = mark_id(longer, longer, MarkKind::outside);
  EXPECT_LT(mark_name(id).plugin.size(), 64u);
  EXPECT_EQ(mark_id(longer, longer, MarkKind::outside), id);
  EXPECT_NE(mark_id("a", "b", MarkKind::inside), mark_id("a", "b", MarkKind::outside));
  EXPECT_EQ(mark_name(0).plugin, "");
  EXPECT_EQ(mark_name(1u << 30).plugin, "");
}

TEST(Marks, DeeperThanThereIsRoomForIsCountedStill) {
  std::thread([] {
    const std::function<void(int)> deeper = [&](int depth) {
      const Mark mark(mark_id("deep", "itself", MarkKind::outside), static_cast<std::uint64_t>(depth) + 1000);
      if (depth < 40) deeper(depth + 1);
    };
    deeper(0);
    bool running = false;
    each_running([&](const Running& one) { running = running || mark_name(one.id).plugin == "deep"; });
    EXPECT_FALSE(running);
  }).join();
}

struct Dog {
  std::mutex mutex;
  std::condition_variable told;
  std::optional<Watchdog::Hang> hang;
  Watchdog watchdog{{0.2, 0.4, 0.2}, [this](const Watchdog::Hang& found) {
                      const std::lock_guard lock(mutex);
                      hang = found;
                      told.notify_all();
                    }};
  bool hung_within(std::chrono::milliseconds most) {
    std::unique_lock lock(mutex);
    return told.wait_for(lock, most, [this] { return hang.has_value(); });
  }
};

TEST(WatchdogTest, LateFirstThenHung) {
  Dog dog;
  std::atomic<bool> late{false}, end{false};
  std::thread slow([&] {
    const Mark mark(mark_id("slow", "before_update of slow.item", MarkKind::inside), 5001);
    while (!end.load()) {
      if (mark.late()) late.store(true);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  EXPECT_TRUE(dog.hung_within(std::chrono::seconds(20)));
  // The other thread may not have run since: it gets the time to see it.
  for (int waited = 0; waited < 20000 && !late.load(); ++waited) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(late.load());
  EXPECT_EQ(dog.hang->name.plugin, "slow");
  EXPECT_EQ(dog.hang->name.callback, "before_update of slow.item");
  end.store(true);
  slow.join();
}

TEST(WatchdogTest, ManyShortCallsAreNoLongOne) {
  Dog dog;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  for (std::uint64_t turn = 6000; std::chrono::steady_clock::now() < until; ++turn) {
    const Mark mark(mark_id("quick", "before_update of quick.item", MarkKind::inside), turn);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_FALSE(mark.late());
  }
  EXPECT_FALSE(dog.hung_within(std::chrono::milliseconds(0)));
}

TEST(WatchdogTest, WhatTheServerDoesForItIsNotItsTime) {
  Dog dog;
  const Mark mark(mark_id("asks", "before_update of asks.item", MarkKind::inside), 7001);
  {
    const HostMark host;
    EXPECT_FALSE(dog.hung_within(std::chrono::seconds(1)));
  }
  EXPECT_FALSE(mark.late());
}

TEST(AccountTest, CountsByOutcome) {
  Account account;
  account.add(std::chrono::microseconds(5), Account::Outcome::succeeded, false);
  account.add(std::chrono::microseconds(9), Account::Outcome::refused, false);
  account.add(std::chrono::microseconds(2), Account::Outcome::failed, true);
  EXPECT_EQ(account.calls(), 3);
  EXPECT_EQ(account.refusals(), 1);
  EXPECT_EQ(account.errors(), 1);
  EXPECT_EQ(account.late(), 1);
  EXPECT_EQ(account.time(), std::chrono::microseconds(16));
  EXPECT_EQ(account.longest(), std::chrono::microseconds(9));
}

}  // namespace
}  // namespace caravan::plugin
