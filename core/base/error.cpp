#include "base/error.h"

namespace caravan {

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::unauthenticated: return "unauthenticated";
    case ErrorCode::forbidden: return "forbidden";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::conflict: return "conflict";
    case ErrorCode::stale: return "stale";
    case ErrorCode::too_large: return "too_large";
    case ErrorCode::invalid_record: return "invalid_record";
    case ErrorCode::precondition_required: return "precondition_required";
    case ErrorCode::too_many_requests: return "too_many_requests";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::retry: return "retry";
    case ErrorCode::internal: return "internal";
  }
  return "internal";
}

}  // namespace caravan
