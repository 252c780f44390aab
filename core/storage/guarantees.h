#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "storage/schema.h"
#include "storage/tables.h"

/// What rollups, exclusive times and ledgers need of the database.
namespace caravan::storage {

/// Tells whether a rollup's values were counted for this definition of it; the table `rollup_state` holds it, after `2 ` or `1 `
/// where they are to be counted that often again.
std::string rollup_signature(const model::Field& field);

/// Index (resource, beginning) of an exclusive rule.
std::string exclusive_index_name(const model::Entity& entity, const model::Exclusive& rule);
/// Adds the indexes of an entity's exclusive rules.
void add_exclusive_indexes(const model::Entity& entity, WantedTable& table);

/// Plans what stands behind the gate: triggers that let nobody change a ledger's rows. Says which rollups will be counted.
class GuaranteePlan {
 public:
  /// Looks at the triggers and at what was counted; `found`: the tables that there are.
  GuaranteePlan(Session& session, const FoundTables& found);
  /// `from` is the first of the steps that were planned for the entity's table: where one of them rewrites a ledger's rows, the
  /// triggers go before it and come again.
  void add(const model::Entity& entity, std::size_t from, std::vector<SchemaStep>& steps) const;

 private:
  void ledger(const model::Entity& entity, std::size_t from, std::vector<SchemaStep>& steps) const;
  void rollups(const model::Entity& entity, std::vector<SchemaStep>& steps) const;
  Session& session_;
  const FoundTables& found_;
  std::set<std::string, std::less<>> triggers_;
  std::map<std::string, std::string, std::less<>> counted_;  ///< signature by rollup
};

}  // namespace caravan::storage
