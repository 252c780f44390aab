#pragma once

#include "api/call.h"

namespace caravan::api {

/// For the time of a change of definitions the request lets go of those that it began with, so that what is left need not wait for the very
/// request that leaves it. Afterwards the call has those in use then.
class Released {
 public:
  explicit Released(Call& call) : context(call.context), call_(call) {
    context.catalog = nullptr;
    call_.context.catalog = nullptr;
  }
  ~Released() { call_.context.catalog = call_.services.catalog(); }
  Released(const Released&) = delete;
  Released& operator=(const Released&) = delete;

  records::Context context;

 private:
  Call& call_;
};

}  // namespace caravan::api
