#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "jobs/queue.h"
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
  virtual void remove(const model::Entity& entity, std::int64_t id, std::int64_t version) = 0;
  virtual records::Record transition(const model::Entity& entity, std::int64_t id, std::string_view name,
                                     records::Input input, std::string note, std::int64_t version) = 0;
  /// `event` is one of the entity's.
  virtual records::Record publish(const model::Entity& entity, std::int64_t id, const model::Happening& event,
                                  std::string note, std::int64_t version) = 0;
  /// False where a waiting one has the same unique key.
  virtual bool enqueue(const jobs::NewJob& job) = 0;
  /// All of `work` in one transaction, again after a deadlock. Throws Error(internal) inside one.
  virtual void transact(const std::function<void(records::Work&)>& work) = 0;
};

/// Makes the gate of one call: inside `work` for a hook, with transactions of its own where it is null (a
/// route). Both arguments outlive the gate.
using GateFactory =
    std::function<std::unique_ptr<Gate>(const records::Context& context, records::Work* work)>;

/// The server's own gate; `service` outlives the factory. Lists in a hook are read outside its transaction.
GateFactory gate_over(const records::RecordService& service);

}  // namespace caravan::plugin
