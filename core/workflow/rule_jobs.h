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
#include "storage/sequence.h"
#include "workflow/run_log.h"

/// Rules that run from the queue: automations after the commit, timers, schedules.
namespace caravan::workflow {

inline constexpr const char* plan_kind = "rules.plan";
inline constexpr const char* schedule_kind = "rules.schedule";

/// A schedule as administrators see it.
struct ScheduleState {
  const model::ScheduleRule* rule = nullptr;
  std::optional<Timestamp> next;     ///< none where it is switched off
  std::optional<Run> last;           ///< the newest run that ended
};

/// What a rule does, and that its job is done, is one transaction: it happens exactly once, whatever dies meanwhile. The actor is
/// the system, the history's source `automation NAME` or `schedule NAME`. Thread-safe.
class RuleJobs {
 public:
  using CatalogInUse = std::function<std::shared_ptr<const model::Catalog>()>;
  /// All outlive the object. Its handlers are registered with the queue, which is not started yet.
  RuleJobs(const records::RecordService& service, CatalogInUse catalog, jobs::Queue& queue, storage::Sequences& sequences);

  /// At start, and after definitions were put in use: plans schedules, and the timers of records that were there before their rule.
  void plan_soon();

  std::vector<ScheduleState> schedules(const model::Catalog& catalog) const;
  /// Adds a run of the schedule, beside those by the clock; the job's id, or 0 where one is waiting already.
  std::int64_t run_now(const records::Context& context, const model::ScheduleRule& rule) const;
  /// The moment by the queue's clock.
  Timestamp now() const { return queue_.now(); }
  storage::Database& database() const { return service_.database(); }

 private:
  /// `catalog`: null: the one in use.
  records::Context context_of(std::string source, std::shared_ptr<const model::Catalog> catalog = nullptr) const;
  void tell_failed(Run run, const std::exception& why) const;
  /// Whether the job was planned by definitions that are soon in use here, too: then it is put off. Another node may be ahead.
  bool comes_too_early(jobs::Attempt& attempt, const class Payload& payload, const model::Catalog& catalog) const;
  void automation(jobs::Attempt& attempt) const;
  void timer(jobs::Attempt& attempt) const;
  void timed_automation(jobs::Attempt& attempt, const class Payload& payload, const records::Context& context, const model::Entity* entity,
                        std::int64_t id, const std::string& name) const;
  void plan(jobs::Attempt& attempt) const;
  /// One rule's timers for the records that there are; goes on where an earlier attempt ended.
  void plan_timers(jobs::Attempt& attempt, const std::shared_ptr<const model::Catalog>& catalog, const std::string& rule,
                   const model::Entity& entity, const expr::Program& at, const model::Transition* transition) const;
  void schedule(jobs::Attempt& attempt) const;
  struct Progress;
  void over_records(jobs::Attempt& attempt, const model::ScheduleRule& rule, const records::Context& context, Progress& progress) const;
  void enqueue_next(storage::Session& session, std::int64_t id, const model::Catalog& catalog, const model::ScheduleRule& rule,
                    Timestamp after) const;

  const records::RecordService& service_;
  CatalogInUse catalog_;
  jobs::Queue& queue_;
  storage::Sequences& sequences_;
};

}  // namespace caravan::workflow
