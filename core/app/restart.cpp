#include "app/restart.h"

#include <unistd.h>

#include <csignal>
#include <mutex>
#include <utility>

namespace caravan::app {
namespace {

/// A fact of the process, as its signals are.
struct Restart {
  std::mutex mutex;
  bool accepted = false;
  std::string reason;
};

Restart& restart() {
  static Restart one;
  return one;
}

}  // namespace

bool request_restart(std::string reason) {
  const std::lock_guard lock(restart().mutex);
  if (!restart().accepted) return false;
  if (restart().reason.empty()) {
    restart().reason = reason.empty() ? "no reason was given" : std::move(reason);
    ::kill(::getpid(), SIGUSR1);
  }
  return true;
}

void accept_restarts() {
  const std::lock_guard lock(restart().mutex);
  restart().accepted = true;
}

std::string restart_reason() {
  const std::lock_guard lock(restart().mutex);
  return restart().reason;
}

}  // namespace caravan::app
