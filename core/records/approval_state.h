#pragma once

namespace caravan::records {

/// The state of an approval (core/workflow) that is not decided yet, as its row says it: a record that has one is not merged away.
inline constexpr const char* approval_waits = "waiting";

}  // namespace caravan::records
