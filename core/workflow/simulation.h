#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/diagnostics.h"
#include "storage/database.h"
#include "workflow/simulate.h"

/// Replays the recorded history of a database under changed definitions, without writing anything.
namespace caravan::workflow {

struct SimulationQuery {
  std::string entity;                ///< only this one; empty: all but the core's own
  std::optional<Timestamp> since;    ///< the changed definitions hold from then on; nullopt: from the beginning of each record
  std::optional<Timestamp> until;    ///< nullopt: now
  std::string after;                 ///< the part before's `next`; empty: from the start
  std::int64_t work = 20'000;        ///< about how many events to replay; a record is always finished
};

/// Records that are there now, by their state, and where the changed definitions put them.
struct StateCount {
  std::string entity, state;
  std::int64_t records = 0;
  std::string next;                  ///< the same, or by `moved` another; "" where the state is no more and nothing takes its place
  bool entity_gone = false;
};

struct SimulationPart {
  Timestamp until;
  std::int64_t records = 0, events = 0;
  std::int64_t erased = 0;           ///< records that were left out, for parts of their history were erased
  std::int64_t headless = 0;         ///< records that were left out, for their history does not begin with their creation
  std::int64_t sealed = 0;           ///< records with sensitive values, which were not opened
  std::int64_t unexplained = 0;      ///< records that the definitions in use do not lead where they are
  std::map<std::string, std::int64_t> reasons;  ///< of these: what was another way → how many records
  struct Changed {
    std::string entity;
    RecordOutcome outcome;
  };
  std::vector<Changed> changed;
  std::string next;                  ///< empty: everything has been replayed
  // Of the first part:
  std::vector<StateCount> states;
  std::vector<model::Diagnostic> problems;  ///< what the rows say against the changed definitions
  std::int64_t schedules = 0, assignments = 0;  ///< of the changed definitions: what they do is not replayed
};

/// One part, in bounded memory, on read sessions alone. `present`: the Catalog in use, whose tables there are. Throws not_found
/// for an entity that it does not have, invalid_argument for a malformed query.
SimulationPart simulate(storage::Database& database, std::shared_ptr<const model::Catalog> present, std::shared_ptr<const model::Catalog> next,
                        const SimulationQuery& query);

}  // namespace caravan::workflow
