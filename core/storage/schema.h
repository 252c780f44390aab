#pragma once

#include <string>
#include <vector>

#include "storage/database.h"

namespace caravan::storage {

/// One step of a schema plan, in the order of execution.
struct SchemaStep {
  enum class Safety { additive, destructive } safety = Safety::additive;
  std::string table;
  std::string what;              ///< for a person: `add column depart_on DATE to sales_inquiry`
  std::vector<std::string> sql;  ///< each is safe to run again after a kill
};

/// Compares the Catalog (and the core's own tables) with the database.
std::vector<SchemaStep> plan_schema(Session& session, const model::Catalog& catalog);

/// Applies the additive steps, in order; destructive ones only with `allow_destructive`. Safe to run again after a kill.
/// Throws Error(conflict) naming the first destructive step that it may not do.
void apply_schema(Session& session, const std::vector<SchemaStep>& steps, bool allow_destructive);

}  // namespace caravan::storage
