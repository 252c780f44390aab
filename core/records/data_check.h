#pragma once

#include <vector>

#include "model/loader.h"
#include "storage/database.h"

namespace caravan::records {

struct DataCheck {
  /// The Catalog in use; what it already lacks is told as a warning, and only rules that it does not have are tried on the rows. Null:
  /// everything is.
  const model::Catalog* present = nullptr;
  bool roles = false;  ///< also which roles nobody holds
};

/// What only the rows of the database tell about definitions before they are put in use: states and choices that records have and
/// that `next` does not know (errors), records that break an invariant, roles without a holder (warnings), each with how many and
/// some ids. Tables and columns that do not exist yet have no rows. Reads with the system's rights; may read whole tables.
std::vector<model::Diagnostic> check_data(storage::Session& session, const model::Catalog& next, const DataCheck& options = {});

}  // namespace caravan::records
