#pragma once

#include <string>
#include <vector>

#include "model/catalog.h"
#include "storage/database.h"

namespace caravan::records {

/// The statement that finds a record which overlaps with another one.
struct ExclusivePlan {
  const model::Exclusive* rule = nullptr;
  std::string sql;                      ///< parameters: resource, end, beginning, own id, then `parameters`; column: the id found
  std::vector<expr::Value> parameters;  ///< of `where`
};
ExclusivePlan exclusive_plan(const model::Entity& entity, const model::Exclusive& rule, storage::Dialect dialect);

}  // namespace caravan::records
