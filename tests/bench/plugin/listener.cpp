// What an after_commit hook costs: a row of the outbox in each transaction, and its delivery while others are waiting.
#include <atomic>

#include <caravan/plugin.hpp>

namespace {

using namespace caravan::sdk;

class Listener final : public Plugin {
  void setup(Setup& setup) override {
    setup.on("sales.inquiry", Point::after_commit, [this](Hook& hook) {
      if (hook.action() == "transition:qualify") heard_.fetch_add(1, std::memory_order_relaxed);
    });
  }
  std::atomic<long long> heard_{0};
};

}  // namespace

CARAVAN_PLUGIN(Listener)
