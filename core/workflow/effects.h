#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/process.h"
#include "records/service.h"

/// What rules do: the effects of transitions, states, automations, clocks and schedules, in one transaction through the gate.
namespace caravan::workflow {

inline constexpr std::size_t most_depth = 16;     ///< rules that set each other off, one within the other
inline constexpr std::size_t most_effects = 200;  ///< of one change, with all that it sets off
inline constexpr std::size_t most_children = 1000;  ///< records that one effect with `each` changes

/// Port for effects that leave the database: notify, send, call, webhook. Thread-safe.
class Outlet {
 public:
  virtual ~Outlet() = default;
  /// Within the transaction of the rule: adds jobs (Work::enqueue), does nothing outside.
  virtual void put(records::Work& work, const model::Effect& effect, records::Record& record, const std::string& source) const = 0;
};

/// For RecordService::set_extension.
struct Ports final : records::Extension {
  explicit Ports(std::shared_ptr<const Outlet> outlet_) : outlet(std::move(outlet_)) {}
  std::shared_ptr<const Outlet> outlet;  ///< null: effects that need it are refused
};

/// Which effects run_effects() does.
enum class Part {
  all,
  beside  ///< all but those that set fields of the record itself, see own_changes()
};

/// Does the effects in order under the definition's authority: grants are not asked, every other check holds. `record`, read
/// or written in this transaction, is the newest one afterwards. `source` names the rule in the history: `automation NAME`,
/// `clock NAME`, `schedule NAME`, `state ENTITY.STATE`; `effect ENTITY.TRANSITION` gets the effect's name behind it.
/// Throws what the gate refuses with the rule in the error's context, and invalid_record where rules set each other off too deeply
/// or have more effects than is allowed, with the chain of rules. Returns how many effects were done (`when` did not leave out).
std::size_t run_effects(records::Work& work, const std::vector<model::Effect>& effects, records::Record& record, const std::string& source,
                        Part part = Part::all);

/// What the effects set on the record itself, for a caller that writes it anyway; `record` gets the values, too.
void own_changes(records::Work& work, const std::vector<model::Effect>& effects, records::Record& record, records::Input& changes);

/// Loads what references point at within the work's transaction, for rules.
std::shared_ptr<const records::Follow> follow_in(records::Work& work);

/// The record, locked, whoever acts; nullopt where it is gone.
std::optional<records::Record> load_locked(records::Work& work, const model::Entity& entity, std::int64_t id);

/// Why rules of this chain, the outermost first, are not gone on with.
std::string too_deep(const records::Context& context, const std::vector<std::string>& chain);
std::string too_many(const records::Context& context, const std::vector<std::string>& chain);

/// For its lifetime a rule runs in the transaction, for the bounds above and for messages. Throws invalid_record with the chain of
/// rules where they go too deep.
class RuleScope {
 public:
  RuleScope(records::Work& work, std::string name);
  ~RuleScope();
  RuleScope(const RuleScope&) = delete;
  RuleScope& operator=(const RuleScope&) = delete;

 private:
  records::Work& work_;
};

/// Evaluates over `record`, `user` and `before` (null: there is none), variables in this order.
expr::Evaluation evaluate_change(const expr::Program& program, const records::Context& context, records::Record& record,
                                 const records::Record* before, const std::shared_ptr<const records::Follow>& follow);

/// The moment that `at` gives for the record: a timestamp, or a date's first moment at the agency; nullopt where it is empty
/// or cannot be computed.
std::optional<Timestamp> moment_of(const expr::Program& at, const records::Context& context, records::Record& record,
                                   const std::shared_ptr<const records::Follow>& follow);

}  // namespace caravan::workflow
