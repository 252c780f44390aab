#pragma once

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
};

/// Thread-safe. All through the gate.
class Transitions {
 public:
  explicit Transitions(const records::RecordService& records) : records_(records) {}
  /// Transitions that leave the record's present state, in the order of the definition.
  std::vector<Available> available(const records::Context& context, const records::Record& record) const;
  /// Does the step in one transaction: role (forbidden), state (conflict), version (stale), required fields and guard
  /// (invalid_record with the definition's message), hooks, effects, history. `input`: fields of the transition's form.
  records::Record run(const records::Context& context, const model::Entity& entity, std::int64_t id, std::string_view transition,
                      records::Input input, std::string note, std::optional<std::int64_t> expected_version,
                      const records::Reply& reply = {}) const;
  /// The same within a transaction of the caller's. By a definition's authority neither role nor comment is asked for; state,
  /// required fields and guard are.
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
