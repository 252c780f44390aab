// The sales plugin's code: what its definitions cannot say.
#include <caravan/plugin.hpp>

#include "pipeline.h"

namespace {

using namespace caravan::sdk;

/// Whoever takes down an inquiry owns it, unless it is given to another.
void default_owner(Hook& hook) {
  if (!hook.record().empty("owner")) return;
  if (const auto actor = hook.actor()) hook.record().set("owner", *actor);
}

/// The inquiries that the caller may see, per state.
Response pipeline(Request& request) {
  sales::Pipeline pipeline;
  request.for_each("sales.inquiry", {.sort = "id"},
                   [&](const Record& inquiry) { pipeline.add(inquiry.state(), inquiry.decimal("budget")); });
  return Response::json(pipeline.json());
}

class Sales final : public Plugin {
  void setup(Setup& setup) override {
    setup.on("sales.inquiry", Point::before_create, default_owner);
    setup.route("GET", "/pipeline", "pipeline", pipeline);
  }
};

}  // namespace

CARAVAN_PLUGIN(Sales)
