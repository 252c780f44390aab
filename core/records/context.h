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
  bool system = false;              ///< bypasses grants, never invariants
};

/// What a call to the gate is part of. Lives as long as the call; the Catalog stays the same throughout.
struct Context {
  Actor actor;
  std::shared_ptr<const model::Catalog> catalog;
  std::string request_id;
  std::string source = "api";       ///< kept in the history: api, import, cli, plugin NAME
  Timestamp now;
  std::string locale = "en";        ///< of messages
};

}  // namespace caravan::records
