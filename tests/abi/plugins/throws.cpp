// Throws in every way a plugin can.
#include <caravan/plugin.hpp>
#include <stdexcept>

namespace {

using namespace caravan::sdk;

struct OfItsOwn {};

/// What a compiler without our header's noexcept would let pass: an exception on its way into the server.
caravan_status unguarded(void*, caravan_call, const caravan_request*) {
  throw std::runtime_error("nobody caught me");
}

void on_item(Hook& hook) {
  const std::string name = hook.record().text("name").value_or("");
  if (name == "standard") throw std::runtime_error("secret detail");
  if (name == "own") throw OfItsOwn();
  if (name == "refusal") throw Refusal(Status::conflict, "Not this item.");
  if (name == "field") throw Refusal("name", "ugly", "Not this name.");
  if (name == "unknown field") hook.record().set("nonsense", 1);
  if (name == "wrong type") hook.record().set("count", "many");
  if (name == "too large") hook.record().set("count", 5000);
  if (name == "computed") hook.record().set("twice", 5);
  if (name == "missing") hook.read(PLUGIN_NAME ".item", Id{999});
  if (name == "swallows") {
    try {
      Record other = hook.make(PLUGIN_NAME ".item");
      other.set("name", "fake:conflict");
      other.create();
    } catch (const HostError&) {  // the transaction is spoilt nevertheless
    }
  }
  if (name == "deeper") {
    Record other = hook.make(PLUGIN_NAME ".item");
    other.set("name", "deeper");
    other.create();
  }
}

class Throws final : public Plugin {
  void setup(Setup& setup) override {
    setup.on(PLUGIN_NAME ".item", Point::before_create, on_item);
    setup.route("GET", "/throw", "", [](Request&) -> Response { throw std::runtime_error("secret detail"); });
  }
};

caravan_status create(const caravan_host* host, caravan_call call, void** instance) noexcept {
  caravan_route route{};
  route.struct_size = sizeof route;
  route.method = view(std::string_view("GET"));
  route.path = view(std::string_view("/unguarded"));
  route.run = reinterpret_cast<caravan_route_fn>(reinterpret_cast<void*>(&unguarded));
  if (const auto status = host->add_route(call, &route); status != CARAVAN_OK) return status;
  return detail::Entry<Throws>::create(host, call, instance);
}

}  // namespace

extern "C" CARAVAN_EXPORT const caravan_plugin caravan_plugin_v1 = {
    sizeof(caravan_plugin),          CARAVAN_ABI_MAJOR, CARAVAN_ABI_MINOR, 0,      create,
    &detail::Entry<Throws>::destroy, nullptr,           nullptr,           nullptr};
