#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "records/service.h"

namespace caravan::plugin {

/// What a plugin may do with records in one call, with the rights of the call's actor. Not thread-safe.
class Gate {
 public:
  virtual ~Gate() = default;
  virtual records::Record get(const model::Entity& entity, std::int64_t id) = 0;
  virtual records::Page list(const model::Entity& entity, const records::ListQuery& query) = 0;
  virtual records::Record create(const model::Entity& entity, records::Input input) = 0;
  virtual records::Record update(const model::Entity& entity, std::int64_t id, records::Input input,
                                 std::int64_t version) = 0;
};

/// Makes the gate of one call: inside `work` for a hook, with transactions of its own where it is null (a
/// route). Both arguments outlive the gate.
using GateFactory =
    std::function<std::unique_ptr<Gate>(const records::Context& context, records::Work* work)>;

/// The server's own gate; `service` outlives the factory. Lists in a hook are read outside its transaction.
GateFactory gate_over(const records::RecordService& service);

}  // namespace caravan::plugin
