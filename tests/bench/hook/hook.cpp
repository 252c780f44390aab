// A hook that does nothing.
#include <caravan/plugin.hpp>

class Nothing final : public caravan::sdk::Plugin {
  void setup(caravan::sdk::Setup& setup) override {
    setup.on("bench_hook.item", caravan::sdk::Point::before_update, [](caravan::sdk::Hook&) {});
  }
};
CARAVAN_PLUGIN(Nothing)
