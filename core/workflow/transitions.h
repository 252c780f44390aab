#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "records/service.h"

namespace caravan::workflow {

/// A transition out of a record's state, as it stands for the actor.
struct Available {
  const model::Transition* transition = nullptr;
  bool allowed = false;
  std::string why;   ///< why not, in the context's language; empty where allowed
  std::int64_t approval = 0;  ///< it was asked for and waits for this approval, see approvals.h
};

/// What became of a step that somebody takes.
struct Taken {
  records::Record record;
  std::int64_t approval = 0;  ///< it waits for this approval; 0: it was taken
  std::shared_ptr<const struct ApprovalView> asked;  ///< the same as the actor sees it; of Transitions::take alone
};
using TakenReply = std::function<void(const Taken&)>;

/// Whether the transition is one of those out of the state.
bool leaves(const model::Transition& transition, std::string_view state);

/// What becomes of a step that needs approval.
enum class Consent : std::uint8_t {
  refused,  ///< throws conflict
  asked,    ///< it is asked for, and the record stays where it is
  given     ///< it was given
};

/// Thread-safe. All through the gate.
class Transitions {
 public:
  explicit Transitions(const records::RecordService& records) : records_(records) {}
  /// Transitions that leave the record's present state, in the order of the definition.
  std::vector<Available> available(const records::Context& context, const records::Record& record) const;
  /// Does the step in one transaction: role (forbidden), state (conflict), version (stale), required fields and guard
  /// (invalid_record with the definition's message), hooks, effects, history. `input`: fields of the transition's form.
  /// Where it needs approval (approvals.h): conflict.
  records::Record run(const records::Context& context, const model::Entity& entity, std::int64_t id, std::string_view transition,
                      records::Input input, std::string note, std::optional<std::int64_t> expected_version,
                      const records::Reply& reply = {}) const;
  /// The same, but where it needs approval that is asked for.
  Taken take(const records::Context& context, const model::Entity& entity, std::int64_t id, std::string_view transition, const records::Input& input,
             const std::string& note, std::optional<std::int64_t> expected_version, const TakenReply& reply = {}) const;
  static Taken take_in(records::Work& work, const model::Entity& entity, std::int64_t id, std::string_view transition, const records::Input& input,
                       const std::string& note, std::optional<std::int64_t> expected_version, Consent consent,
                       records::Authority authority = records::Authority::actor);
  /// run() within a transaction of the caller's. By a definition's authority, and for the system itself, neither role nor comment nor
  /// approval is asked for; state, required fields and guard are.
  static records::Record run_in(records::Work& work, const model::Entity& entity, std::int64_t id, std::string_view transition,
                                const records::Input& input, const std::string& note, std::optional<std::int64_t> expected_version,
                                records::Authority authority = records::Authority::actor);
  /// Takes the record's last step back, see undo.h.
  records::Record undo(const records::Context& context, const model::Entity& entity, std::int64_t id, std::optional<std::int64_t> expected_version,
                       const records::Reply& reply = {}) const;
  const records::RecordService& records() const { return records_; }

 private:
  const records::RecordService& records_;
};

}  // namespace caravan::workflow
