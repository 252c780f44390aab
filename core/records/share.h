#pragma once

#include <cstdint>

#include "storage/database.h"

namespace caravan::records {

/// Forgets shares whose time has passed, at most `limit`; returns how many. Within the caller's transaction.
std::int64_t purge_shares(storage::Session& session, Timestamp now, std::int64_t limit = 500);

}  // namespace caravan::records
