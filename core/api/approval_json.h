#pragma once

#include "api/call.h"
#include "api/json_writer.h"
#include "workflow/approvals.h"

namespace caravan::api {

/// An approval as the caller sees it; schema Approval.
void write_approval(JsonWriter& json, const Call& call, const workflow::ApprovalView& view);

}  // namespace caravan::api
