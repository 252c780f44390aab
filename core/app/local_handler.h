#pragma once

#include "api/message.h"

namespace caravan::app {

class Runtime;

/// Everything a caller of the admin socket may ask beyond the API: users with passwords, the schema. All other requests,
/// and all that came over TCP, go to the API. Paths: `POST /local/users`, `POST /local/users/password`,
/// `GET|POST /local/schema`, `POST /local/simulate`, `POST /local/restart`. `/readyz` tells of plugins in quarantine, too. Thread-safe.
class LocalHandler final : public api::Handler {
 public:
  LocalHandler(Runtime& runtime, api::Handler& api) : runtime_(runtime), api_(api) {}
  api::Response handle(const api::Request& request) override;

 private:
  Runtime& runtime_;
  api::Handler& api_;
};

}  // namespace caravan::app
