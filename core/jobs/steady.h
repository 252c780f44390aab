#pragma once

#include "storage/database.h"

namespace caravan::jobs {

/// For a handler that keeps what it has done in parts: now that a part is done, earlier attempts count no more, neither against the most that are made
/// nor for how long the next one waits. In a transaction of its own.
void forget_attempts(storage::Session& session, std::int64_t job);

}  // namespace caravan::jobs
