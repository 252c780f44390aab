#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/catalog.h"
#include "records/record.h"
#include "storage/database.h"

/// Rollups: values of a record that are kept up from those that refer to it. A child's change changes its parent's value by the
/// difference, under the lock of the parent's row, so that no child's row need be read, nor waited for.
namespace caravan::records {

class RecordService;

/// The statement that counts a rollup anew, for one parent.
struct RollupPlan {
  const model::Field* field = nullptr;
  std::string sql;                       ///< parameters: the parent's id, then `parameters`; columns: currency (or NULL), value
  std::vector<expr::Value> parameters;   ///< of `where`
};
RollupPlan rollup_plan(const model::Field& field, storage::Dialect dialect);

/// The value without children: 0, or empty for the smallest and the greatest.
expr::Value empty_rollup(const model::Catalog& catalog, const model::Field& field);

/// Counts anew, through the gate and in batches, the rollups of the Catalog whose definition is not the one that the database was
/// filled for. Safe while others write with the same Catalog; what they wrote with one of before is seen when it is called again
/// with `again` (twice), some time after. Returns the number of records that were changed; `refused` counts those whose rules did
/// not allow it, which keep what they had.
struct RollupFill {
  std::int64_t changed = 0, refused = 0;
  std::vector<std::string> fields;       ///< `sales.order.paid`
};
RollupFill fill_rollups(const RecordService& records, std::shared_ptr<const model::Catalog> catalog, Timestamp now, bool again = false);

}  // namespace caravan::records
