#pragma once

#include <cstdint>

#include "records/access.h"

namespace caravan::records {

/// Whether the actor may let others at the record: where a role of his own lets him update it. What he has by a share or in a
/// colleague's stead he does not pass on: it would outlast what he was given.
bool may_share(const Context& context, Record& record, const std::shared_ptr<const Follow>& follow);

/// Forgets shares whose time has passed, at most `limit`; returns how many. Within the caller's transaction.
std::int64_t purge_shares(storage::Session& session, Timestamp now, std::int64_t limit = 500);

}  // namespace caravan::records
