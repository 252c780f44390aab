#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/catalog.h"

namespace caravan::records {

/// Who acts. Roles are names, resolved against the Catalog in use.
struct Actor {
  std::int64_t user_id = 0;         ///< 0: the system itself (CLI on the machine, seeds)
  std::string username = "system";
  std::string name = "System";
  std::string locale;               ///< empty: the agency's
  std::vector<std::string> roles;
  std::string department;           ///< name in the Catalog, or empty
  /// Absent colleagues whose rights the actor has for the time being, beside his own: a rule is asked with each as `user`.
  /// Never administrators, and never with deputies' rights of their own.
  std::vector<Actor> deputy_of;
  bool system = false;              ///< bypasses grants, never invariants
};

class Once;

/// What a call to the gate is part of. Lives as long as the call; the Catalog stays the same throughout.
struct Context {
  Actor actor;
  std::shared_ptr<const model::Catalog> catalog;
  std::string request_id;
  std::string source = "api";       ///< kept in the history: api, cli, `import MAP`, `plugin NAME`, `effect ENTITY.TRANSITION.EFFECT`, bulk, `job KIND`
  Timestamp now;
  std::string locale = "en";        ///< of messages
  /// Where set, the call's transaction happens once only, see records/once.h; borrowed.
  Once* once = nullptr;
  /// Looks at sensitive values are not logged: what is read goes to nobody (hooks), and the log cannot be written inside a transaction.
  bool unlogged = false;
};

}  // namespace caravan::records
