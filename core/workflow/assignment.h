#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/queue.h"
#include "model/process.h"
#include "records/service.h"

/// Rules of assignment (`kind: assignment`): who gets a record whose field is empty, in the transaction of the change that makes it so;
/// where nobody is there, it waits (table `assignment_wait`). What was decided and why is kept in `assignment_decision`. All that
/// is decided for one field of one entity counts by one counter (records/turns.h), so turns, loads and capacities are exact. See
/// docs/adr/0024-assignment.md.
namespace caravan::workflow {

inline constexpr const char* assignment_queue = "assignment";
inline constexpr const char* assignment_retry_kind = "assignment.retry";        ///< records that wait are asked for again
inline constexpr const char* assignment_reassign_kind = "assignment.reassign";  ///< somebody may be absent now

/// After a change of a record whose entity has rules of assignment, or of a user or an absence. `written`: as the change left it;
/// `before`: null where it was created or restored.
void follow_assignments(records::Work& work, const records::Record& written, const records::Record* before, bool deleted);

/// Gives the caller, a candidate of the rule, the record that waits in it and goes first among those that fit him, exactly once. Throws
/// forbidden where he is no candidate, conflict where his capacity is reached, not_found where nothing is there for him.
records::Record take_next(const records::RecordService& service, const records::Context& context, const model::Assignment& rule);

/// A rule of which somebody is a candidate.
struct QueueInfo {
  const model::Assignment* rule = nullptr;
  std::int64_t waiting = 0;
};
struct QueueList {
  std::vector<QueueInfo> items;      ///< by name
  bool available = true;             ///< whether he counts as present
};
/// The queues of the caller, and other rules of his in which records wait. Only of entities that he may read.
QueueList queues_of(const records::RecordService& service, const records::Context& context);

/// What was decided, as the table has it; the newest first.
struct Decision {
  std::int64_t id = 0;
  std::string field, rule;
  std::string outcome;               ///< assigned, taken, waiting
  std::int64_t user_id = 0;          ///< 0: nobody
  Timestamp at;
  std::string why;                   ///< JSON: {candidates: [{user, fit, score, load, turn}], rules: [{rule, why}], turn, fallback}
};
/// Of a record that the actor may read, at most 50. Throws not_found.
std::vector<Decision> decisions_of(const records::RecordService& service, const records::Context& context, const model::Entity& entity,
                                   std::int64_t id);

/// Forgets decisions of more than 180 days ago, at most 500; how many.
std::int64_t purge_decisions(storage::Session& session, Timestamp now);

/// What comes from the queue. Thread-safe.
class Assignments {
 public:
  using CatalogInUse = std::function<std::shared_ptr<const model::Catalog>()>;
  /// All outlive the object. Its handlers are registered with the queue, which is not started yet.
  Assignments(const records::RecordService& service, CatalogInUse catalog, jobs::Queue& queue);

  /// A chore: what waits is asked for again, since hours begin and absences end; and where the definitions are new, records that
  /// were there before their rule.
  void sweep(jobs::Attempt& attempt) const;

 private:
  records::Context system(std::string source) const;
  void retry(jobs::Attempt& attempt) const;
  void reassign(jobs::Attempt& attempt) const;
  void ask_waiting(jobs::Attempt& attempt, const records::Context& context, const model::Entity& entity, const model::Field* field) const;
  /// Asks for the records once more, in their order and in one transaction. One that its own rules hold back stays as it is.
  void ask(const records::Context& context, const model::Entity& entity, const model::Field& field, const std::vector<std::int64_t>& ids) const;
  void take_back(const records::Context& context, const model::Assignment& rule, std::int64_t id, std::int64_t user, const std::string& why) const;
  void plan(jobs::Attempt& attempt, const records::Context& context, const std::string& signature) const;

  const records::RecordService& service_;
  CatalogInUse catalog_;
  jobs::Queue& queue_;
};

}  // namespace caravan::workflow
