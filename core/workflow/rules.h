#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "jobs/queue.h"
#include "model/process.h"
#include "records/hooks.h"
#include "records/service.h"

/// What happens by itself when records change: effects of states, automations, automatic steps, timers.
namespace caravan::workflow {

inline constexpr const char* rules_queue = "rules";
inline constexpr const char* automation_kind = "rules.automation";
inline constexpr const char* timer_kind = "rules.timer";

/// Stands before the plugins' hooks and calls them. In the transaction of a change, after the plugins: effects of the state that a
/// new record begins in, automations in order of their names (`in: transaction` at once, others as a job), timers, and
/// automatic steps until none holds. Costs entities without rules one test of a pointer. Thread-safe.
class Rules final : public records::Hooks {
 public:
  /// `plugins` may be null.
  explicit Rules(std::shared_ptr<const records::Hooks> plugins) : plugins_(std::move(plugins)) {}
  bool any(records::HookPoint point, const model::Entity& entity) const override;
  void run(records::HookPoint point, records::HookCall& call) const override;
  /// What a plugin tells of a record, by one of its entity's events: a step of its history, `event:NAME`, with what follows from it. For those
  /// who may change the record. Throws not_found, forbidden, stale.
  static records::Record happened(records::Work& work, const model::Entity& entity, std::int64_t id, const model::Happening& event, std::string note,
                                  std::int64_t version);

 private:
  struct Change;
  void react(const Change& change) const;
  void automations(const Change& change, records::Record& record) const;
  void automate(const Change& change, records::Record& record, const model::Automation& rule) const;
  bool tell_skipped(const std::string& rule, Timestamp now) const;

  std::shared_ptr<const records::Hooks> plugins_;
  // Of the log of rules that did nothing: few of a rule and hour, so that a busy entity does not fill it.
  struct Told {
    std::int64_t hour = 0;
    int count = 0;
  };
  mutable std::mutex told_mutex_;
  mutable std::unordered_map<std::string, Told> told_;
};

/// Takes automatic steps, and timed ones whose moment has come, until none holds; `record` is the newest one afterwards.
void settle(records::Work& work, records::Record& record);

/// Whether the automatic or timed step would be taken now.
bool taken_by_itself(const model::Transition& transition, const records::Context& context, records::Record& record,
                     const std::shared_ptr<const records::Follow>& follow);

/// The timer of a rule for a record; jobs of timer_kind.
struct Timer {
  std::string rule;          ///< `automation NAME` or `transition ENTITY.NAME`
  const model::Entity* entity = nullptr;
  std::int64_t record_id = 0;
  Timestamp due;
  std::int64_t set_off_by = 0;      ///< see Cascade
  std::vector<std::string> before;  ///< see Cascade; of one whose moment has come already
  std::int64_t share = 0;           ///< see Cascade; with `before`
};
jobs::NewJob timer_job(const Timer& timer, const model::Catalog& catalog);

/// Why the change does not set off the automation, by `becomes` and `when`; "" where it does.
std::string automation_refusal(const model::Automation& rule, const records::Context& context, records::Record& record,
                               const records::Record* before, const std::shared_ptr<const records::Follow>& follow);

}  // namespace caravan::workflow
