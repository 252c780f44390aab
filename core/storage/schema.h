#pragma once

#include <string>
#include <vector>

#include "storage/database.h"

namespace caravan::storage {

/// One step of a schema plan, in the order of execution.
struct SchemaStep {
  enum class Safety {
    additive,
    leftover,    ///< a table or column that the Catalog no longer names, or one wider than needed: harmless until dropped
    destructive  ///< loses values, or cannot succeed before rows are mended
  } safety = Safety::additive;
  std::string table;
  std::string what;              ///< for a person: `add column depart_on DATE to sales_order`
  std::vector<std::string> sql;  ///< after a kill in between, a new plan finds what is left
  std::vector<std::string> samples = {};  ///< some of the values that it loses, or rows that stand against it: `id 12: 三亚`
  bool blocked = false;          ///< cannot succeed, whatever is allowed, before rows are mended
};

/// What becomes of the constraints of invariants, see constraints.h.
enum class Constraints {
  keep,  ///< none is added or taken away
  drop,  ///< those that are not wanted any more are taken away, none is added: before rows are changed
  all
};

/// Compares the Catalog (and the core's own tables) with the database. `count_rows`: tell how many rows would lose a value
/// (reads whole tables where there is something to lose). Throws conflict where a newer Caravan wrote the database.
std::vector<SchemaStep> plan_schema(Session& session, const model::Catalog& catalog, bool count_rows = true,
                                    Constraints constraints = Constraints::all);

/// Applies the additive steps, in order; the others only with `allow_destructive`. Throws Error(conflict) naming the
/// first destructive step that it may not do, or one that rows stand against, before anything is done; leftovers do not stop it. On SQLite the session is one
/// of Database::begin() and all or nothing is done; on MariaDB each step commits, under a lock of the whole schema.
void apply_schema(Session& session, const std::vector<SchemaStep>& steps, bool allow_destructive);

/// Plans and applies under the schema's lock, so that nodes starting together do it once. Returns the plan.
std::vector<SchemaStep> update_schema(Database& database, const model::Catalog& catalog, bool allow_destructive = false,
                                      Constraints constraints = Constraints::all);

/// Column of every entity's table: hash of the newest entry of the record's history. No field can have this name.
inline constexpr const char* chain_column = "_chain";

/// Name of an index in the database: `uq_sales_order$same_trip`; at most 64 characters.
std::string index_name(const model::Entity& entity, const model::Index& index);

}  // namespace caravan::storage
