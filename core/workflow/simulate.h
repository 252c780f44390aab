#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/process.h"
#include "records/context.h"
#include "records/record.h"

/// Replays what is known of one record under two sets of definitions side by side and tells where they part. Writes nothing, and
/// knows no database; simulation.h reads histories for it.
namespace caravan::workflow {

/// One entry of a record's history.
struct PastEvent {
  std::int64_t id = 0, version = 0;
  Timestamp at;
  std::int64_t actor_id = 0;         ///< 0: the system
  std::string source, action;
  std::string changes;               ///< JSON object: field → [old, new]
  std::string note;
};

/// One thing that goes another way.
struct Difference {
  /// `step ENTITY.NAME`, `automatic ENTITY.NAME`, `automation NAME`, `clock NAME`, `clock NAME.ACTION`, `approval ENTITY.STEP.NAME`,
  /// `effect SOURCE.NAME`, `field ENTITY.NAME`, `state ENTITY.state`, `invariant ENTITY.NAME`, `right ENTITY`, `entity ENTITY`, `bounds`.
  std::string rule;
  /// refused: what people or other records did, by the rule · taken: an automatic step · fired: an automation, a clock's action, an
  /// effect beyond the record · started, met, breached: a clock · waits: an approval · failed: a rule that is refused; these with
  /// `not_` before them where only the definitions in use do so · other_time: the same (`what` tells which) at another moment ·
  /// moved: a state or option that is no more
  std::string kind;
  std::string what;                  ///< why, or what else there is to say; may be empty
  std::optional<Timestamp> present, next;  ///< when it happens under the definitions in use, and under the next ones
  bool follows = false;              ///< the record was not the same any more before that
};

/// A field that the record ends with, as JSON; "null" where it is empty.
struct FieldOutcome {
  std::string field, present, next;
};

struct RecordOutcome {
  std::int64_t id = 0;
  std::string number, state;         ///< under the definitions in use
  std::string next_state;
  std::vector<Difference> differences;  ///< in the order of time
  std::vector<FieldOutcome> fields;  ///< that end otherwise
  /// Fields that the definitions in use do not lead to again: hooks of plugins, earlier definitions, other records had a part.
  std::vector<std::string> unexplained;
  std::int64_t sealed = 0;           ///< events with sensitive values, which are not opened
  bool goes_another_way() const { return !differences.empty() || !fields.empty(); }
};

/// Where what lies outside the record comes from. Borrowed.
struct SimulationWorld {
  std::shared_ptr<const model::Catalog> present, next;
  /// Loads references for rules of either Catalog.
  std::shared_ptr<const records::Follow> follow_present, follow_next;
  /// Who acts for the user's id, as he was at the moment.
  std::function<records::Actor(std::int64_t user, Timestamp at)> actor;
  std::optional<Timestamp> since;    ///< the next definitions hold from then on; nullopt: from the beginning of each record
  Timestamp until;                   ///< the clocks run until then
};

/// One record: its events in their order, then finish(). What people and other records did is taken as it was; what the definitions
/// do by themselves with the record is done anew under each. Not thread-safe.
class RecordSimulation {
 public:
  /// `entity` of the Catalog in use. The world outlives the object.
  RecordSimulation(const SimulationWorld& world, const model::Entity& entity, std::int64_t id);
  ~RecordSimulation();
  /// Throws invalid_argument where the history cannot be read.
  void add(const PastEvent& event);
  RecordOutcome finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace caravan::workflow
