#pragma once

#include <string>
#include <string_view>

#include "base/date_time.h"
#include "records/service.h"

/// How many messages one address gets because of what people without an account sent: whoever fills in a form chooses whom its mail goes
/// to, from as many addresses of the network as he has (docs/adr/0044-mail-that-strangers-set-off.md).
namespace caravan::channels {

/// What counts as one recipient: of a mail address without what follows a `+`, in small letters.
std::string recipient_key(std::string_view address);

/// Counts a message to the address; false, and not counted, where the settings `public_messages_per_hour` and `public_messages_per_day` of the
/// module `core` are used up. An hour and a day begin with the first message in them. The address's count stays locked until the transaction ends.
bool may_write_for_stranger(records::Work& work, std::string_view address);

/// Why such a message is held, for people.
std::string stranger_bound_text(const records::Context& context);

/// Forgets counts that are over, at most `limit`; returns how many. Within the caller's transaction.
std::int64_t purge_stranger_counts(storage::Session& session, Timestamp now, std::int64_t limit = 500);

}  // namespace caravan::channels
