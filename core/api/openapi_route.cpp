#include "api/routes.h"

namespace caravan::api {

void show_openapi(Call& call) {
  check_parameters(call, {"locale"});
  throw refusal(call, ErrorCode::not_found, "no_route");
}

}  // namespace caravan::api
