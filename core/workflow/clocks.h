#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jobs/queue.h"
#include "records/service.h"
#include "workflow/clock_explanation.h"
#include "workflow/clock_run.h"

/// Clocks of records (`kind: clock`): the table `record_clock` has a row for every run of a clock with a record. It is changed in the
/// transaction of the record's change; warnings and breaches come from durable timers and are asked again under the record's lock.
namespace caravan::workflow {

inline constexpr const char* clock_timer_kind = "clock.timer";    ///< an action's time, or the due time, has come
inline constexpr const char* clock_action_kind = "clock.action";  ///< the effects of one warning or breach
inline constexpr const char* clock_plan_kind = "clock.plan";      ///< definitions have changed: all clocks are planned anew

/// What the record says to the clock now.
ClockSigns clock_signs(const model::ClockRule& rule, const records::Context& context, records::Record& record,
                       const std::shared_ptr<const records::Follow>& follow);

/// Brings the clocks of a record that was just written (created, changed, restored) up to it; nothing where its entity has none.
/// `created`: there are none of it yet.
void follow_clocks(records::Work& work, const records::Record& record, bool created);
/// The record was deleted: its clocks stand still until it is restored, or purged.
void stop_clocks(records::Work& work, std::int64_t record_id);

/// `others` (may be null), and behind them the clocks. Entities without clocks cost nothing more.
std::shared_ptr<const records::Hooks> with_clocks(std::shared_ptr<const records::Hooks> others);

/// One clock of a record as it stands.
struct ClockInfo {
  const model::ClockRule* rule = nullptr;
  std::int64_t number = 0;  ///< how often it has begun with this record, this run included
  ClockRun run;
  std::int64_t elapsed = 0;            ///< microseconds
  std::optional<Timestamp> due, breached_at;
  std::vector<ClockLine> lines;
};

/// Thread-safe.
class Clocks {
 public:
  using Now = std::function<Timestamp()>;
  using CatalogInUse = std::function<std::shared_ptr<const model::Catalog>()>;
  /// All outlive the object. `now`: the moment by which the queue measures times.
  Clocks(const records::RecordService& records, CatalogInUse catalog, Now now);

  // Handlers of the kinds above.
  void timer(jobs::Attempt& attempt) const;
  void action(jobs::Attempt& attempt) const;
  void plan(jobs::Attempt& attempt) const;

 private:
  records::Context system(std::string source) const;
  const records::RecordService& records_;
  const CatalogInUse catalog_;
  const Now now_;
};

/// The clocks of a record that the actor may read, in the order of their names, the latest run of each. Throws not_found.
std::vector<ClockInfo> clocks_of(const records::RecordService& records, const records::Context& context, const model::Entity& entity, std::int64_t id);

/// Adds the job that plans all clocks anew by these definitions, unless they were already.
void enqueue_clock_plan(storage::Session& session, std::int64_t job_id, const model::Catalog& catalog, Timestamp now);

/// Deletes what is left of clocks whose records are gone for good; how many rows, some hundreds at most.
std::int64_t purge_clocks(storage::Session& session, Timestamp now, int undo_days);

}  // namespace caravan::workflow
