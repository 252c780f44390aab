#pragma once

#include "base/error.h"
#include "caravan/abi.h"

namespace caravan::plugin {

inline caravan_status status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return CARAVAN_INVALID_ARGUMENT;
    case ErrorCode::unauthenticated:
      return CARAVAN_UNAUTHENTICATED;
    case ErrorCode::forbidden:
      return CARAVAN_FORBIDDEN;
    case ErrorCode::not_found:
      return CARAVAN_NOT_FOUND;
    case ErrorCode::conflict:
      return CARAVAN_CONFLICT;
    case ErrorCode::stale:
      return CARAVAN_STALE;
    case ErrorCode::too_large:
      return CARAVAN_TOO_LARGE;
    case ErrorCode::invalid_record:
      return CARAVAN_INVALID_RECORD;
    case ErrorCode::precondition_required:
      return CARAVAN_PRECONDITION_REQUIRED;
    case ErrorCode::too_many_requests:
      return CARAVAN_TOO_MANY_REQUESTS;
    case ErrorCode::unavailable:
      return CARAVAN_UNAVAILABLE;
    case ErrorCode::retry:
      return CARAVAN_RETRY;
    case ErrorCode::internal:
      break;
  }
  return CARAVAN_INTERNAL;
}

/// What a callback's status means; anything that is no refusal is internal.
inline ErrorCode code_of(caravan_status status) {
  switch (status) {
    case CARAVAN_INVALID_ARGUMENT:
      return ErrorCode::invalid_argument;
    case CARAVAN_UNAUTHENTICATED:
      return ErrorCode::unauthenticated;
    case CARAVAN_FORBIDDEN:
      return ErrorCode::forbidden;
    case CARAVAN_NOT_FOUND:
      return ErrorCode::not_found;
    case CARAVAN_CONFLICT:
      return ErrorCode::conflict;
    case CARAVAN_STALE:
      return ErrorCode::stale;
    case CARAVAN_TOO_LARGE:
      return ErrorCode::too_large;
    case CARAVAN_INVALID_RECORD:
      return ErrorCode::invalid_record;
    case CARAVAN_PRECONDITION_REQUIRED:
      return ErrorCode::precondition_required;
    case CARAVAN_TOO_MANY_REQUESTS:
      return ErrorCode::too_many_requests;
    case CARAVAN_UNAVAILABLE:
      return ErrorCode::unavailable;
    default:
      return ErrorCode::internal;
  }
}

}  // namespace caravan::plugin
