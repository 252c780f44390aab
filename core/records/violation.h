#pragma once

#include "base/error.h"
#include "model/catalog.h"
#include "records/context.h"

namespace caravan::records {

/// Where the database refused a row for an invariant that it keeps, too: throws what the gate says of that invariant. The gate asks
/// first, so this is for what came between, or past it. Returns where the error is of another kind.
void refuse_violation(const Context& context, const model::Entity& entity, const Error& error);

}  // namespace caravan::records
