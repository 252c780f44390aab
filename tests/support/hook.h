#pragma once

#include <functional>
#include <utility>

#include "records/hooks.h"

namespace caravan::test {

/// Runs a test's own code at one point of the writes of `shop.order`.
class Hook final : public records::Hooks {
 public:
  Hook(records::HookPoint point, std::function<void(records::HookCall&)> run) : point_(point), run_(std::move(run)) {}
  bool any(records::HookPoint point, const model::Entity& entity) const override { return point == point_ && entity.full_name == "shop.order"; }
  void run(records::HookPoint, records::HookCall& call) const override { run_(call); }

 private:
  records::HookPoint point_;
  std::function<void(records::HookCall&)> run_;
};

}  // namespace caravan::test
