#pragma once

#include <cstdint>

#include "records/context.h"
#include "records/record.h"

namespace caravan::records {

class Work;

enum class HookPoint : std::uint8_t {
  before_create, after_create, before_update, after_update, before_delete, after_delete, before_transition, after_transition,
  after_commit,  ///< not inside the transaction: from the durable queue, at least once, with the event's id
  action,        ///< a plugin's, named by an effect; inside the transaction
  after_restore  ///< for the core's own layers; plugins do not see it
};
const char* to_string(HookPoint point);

/// What a hook sees. All but `after_commit` run inside the transaction of the write and may run again after a deadlock.
struct HookCall {
  const Context& context;
  Work& work;
  Record& record;                          ///< `before_create`, `before_update`, `before_transition` may change it
  const Record* before = nullptr;          ///< the stored record; null on create
  const model::Transition* transition = nullptr;
  const Event* event = nullptr;            ///< of `after_commit`: what happened; `record` is as it is now, or was when deleted. Of `action`: its name, `PLUGIN.ACTION`, and in `changes` the payload
};

/// Port through which plugins take part in writes. Implementations are thread-safe; an Error that run() throws
/// refuses the write and rolls the transaction back.
class Hooks {
 public:
  virtual ~Hooks() = default;
  /// Cheap test, so that writes without hooks pay nothing.
  virtual bool any(HookPoint point, const model::Entity& entity) const = 0;
  virtual void run(HookPoint point, HookCall& call) const = 0;
};

}  // namespace caravan::records
