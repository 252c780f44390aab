// Brings the server down, or to a stand, in every way a plugin can: in a hook by the item's name, in a route by its path, and while
// it is loaded by CARAVAN_TEST_LOAD_FAULT.
#include <unistd.h>

#include <caravan/plugin.hpp>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using namespace caravan::sdk;

volatile int sink = 0;
volatile bool for_ever = true;
volatile std::uintptr_t nowhere = 8;

int overflow(int depth) {
  volatile char room[4096];
  room[0] = static_cast<char>(depth);
  return for_ever ? overflow(depth + 1) + room[0] : 0;
}

[[gnu::noinline]] void read_nothing() {
  sink = *reinterpret_cast<volatile int*>(nowhere);
}

[[gnu::noinline]] void throw_it() { throw std::runtime_error("through noexcept"); }
void cannot_throw() noexcept { throw_it(); }

std::mutex held;

void fault(const std::string& name) {
  if (name == "throw") throw std::runtime_error("thrown on purpose");
  if (name == "segfault") read_nothing();
  if (name == "abort") std::abort();
  if (name == "terminate") cannot_throw();
  if (name == "overflow") sink = overflow(0);
  if (name == "loop") {
    while (for_ever) sink = sink + 1;
  }
  if (name == "sleep") {
    const std::lock_guard lock(held);
    std::this_thread::sleep_for(std::chrono::hours(1));
  }
  if (name == "allocate") {
    const std::size_t size = std::size_t{2} << 30;
    char* const memory = new char[size];
    std::memset(memory, 1, size);
    sink = memory[size / 2];
    delete[] memory;
  }
  if (name == "exit") std::exit(3);
  if (name == "leave") ::_exit(4);
  if (name == "kill") ::kill(::getpid(), SIGKILL);
  if (name == "thread") std::thread(read_nothing).join();
}

[[maybe_unused]] const bool at_load = [] {
  const char* const wanted = std::getenv("CARAVAN_TEST_LOAD_FAULT");
  if (wanted != nullptr && std::strncmp(wanted, "constructor:", 12) == 0) fault(wanted + 12);
  return true;
}();

class Crasher final : public Plugin {
  void setup(Setup& setup) override {
    const char* const wanted = std::getenv("CARAVAN_TEST_LOAD_FAULT");
    if (wanted != nullptr && std::strncmp(wanted, "create:", 7) == 0) fault(wanted + 7);
    setup.on(PLUGIN_NAME ".item", Point::before_create, [](Hook& hook) {
      const std::string name = hook.record().text("name").value_or("");
      fault(name);
      if (name != "late") return;
      std::this_thread::sleep_for(std::chrono::milliseconds(4400));
      Record other = hook.make(PLUGIN_NAME ".item");
      other.set("name", "too late");
      other.create();
    });
    setup.on(PLUGIN_NAME ".item", Point::after_commit, [](Hook& hook) {
      const std::string name = hook.record().text("name").value_or("");
      if (name.rfind("later ", 0) == 0) fault(name.substr(6));
    });
    for (const char* const name : {"throw", "segfault", "abort", "terminate", "overflow", "loop", "sleep", "allocate", "exit", "leave", "thread"}) {
      setup.route("GET", std::string("/") + name, "", [name](Request&) -> Response {
        fault(name);
        return {};
      });
    }
  }
};

}  // namespace

CARAVAN_PLUGIN(Crasher)
