#pragma once

#include <string>
#include <vector>

#include "records/access.h"
#include "records/plans.h"
#include "records/service.h"

/// From a client's list query to SQL. Pure: nothing here talks to the database.
namespace caravan::records {

struct ListStatement {
  std::string sql;                       ///< selects limit + 1 rows of the plan's select list
  std::string count_sql;                 ///< counts at most 10,000 rows; without cursor and order
  std::vector<expr::Value> parameters;   ///< of `sql`
  std::vector<expr::Value> count_parameters;
  std::vector<model::SortKey> sort;      ///< with the final key on id
};

/// Throws invalid_argument naming what is wrong in filter, sort, cursor or limit.
ListStatement list_statement(const Context& context, const EntityPlan& plan, storage::Dialect dialect, const ReadRule& rule,
                             const ListQuery& query);

/// Opaque cursor after `last`, valid for the same sort only.
std::string make_cursor(const std::vector<model::SortKey>& sort, const Record& last);

}  // namespace caravan::records
