#include "plugin/watchdog.h"

#include <pthread.h>

#include <chrono>
#include <csignal>

namespace caravan::plugin {
namespace {

constexpr std::chrono::milliseconds pause{50};
constexpr double looks_per_second = 20;
constexpr double hang_after = 1.2;     ///< deadlines
constexpr double late_with_host = 10;  ///< deadlines, where the server's own work for it is counted too

}  // namespace

Watchdog::Watchdog(const Deadlines& deadlines, std::function<void(const Hang&)> hung, std::function<void()> each_second)
    : deadlines_(deadlines), hung_(std::move(hung)), each_second_(std::move(each_second)), thread_([this] {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        pthread_setname_np(pthread_self(), "watchdog");
        std::unique_lock lock(mutex_);
        for (int turn = 1; !wake_.wait_for(lock, pause, [this] { return stopping_; }); ++turn) {
          lock.unlock();
          each_running([this](const Running& running) { look(running); });
          if (turn % static_cast<int>(looks_per_second) == 0 && each_second_) each_second_();
          lock.lock();
        }
      }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

double Watchdog::limit_of(MarkId id) {
  const auto [known, fresh] = limits_.try_emplace(id);
  if (fresh) {
    switch (mark_name(id).kind) {
      case MarkKind::loading:
        known->second = deadlines_.loading;
        break;
      case MarkKind::inside:
        known->second = deadlines_.inside;
        break;
      case MarkKind::outside:
        known->second = deadlines_.outside;
        break;
    }
  }
  return known->second;
}

void Watchdog::look(const Running& running) {
  Seen& seen = seen_[{running.thread, running.depth}];
  if (seen.turn != running.turn) seen = {running.turn, 0, 0};
  ++seen.all;
  if (!running.in_host) ++seen.own;
  const double looks = limit_of(running.id) * looks_per_second;
  if (seen.own > looks || seen.all > looks * late_with_host) mark_late(running.thread, running.turn);
  if (seen.own > looks * hang_after && !told_) {
    told_ = true;
    hung_({running.id, mark_name(running.id), seen.own / looks_per_second});
  }
}

}  // namespace caravan::plugin
