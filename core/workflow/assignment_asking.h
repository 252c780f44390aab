#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "records/service.h"

/// Internal to core/workflow: what the jobs of assignment.h ask.
namespace caravan::workflow {

struct Presence;

/// Asks the rules of the field who gets the record, locked by load. `replaces`: whoever has it cannot keep it. `presence`: where
/// several are asked in one transaction, who is there, looked up for the first that needs it.
void ask_rules(records::Work& work, records::Record& record, const model::Field& field, bool replaces, std::shared_ptr<const Presence>* presence = nullptr);
/// Whether one of the field's rules could assign a record that waits for `rule`, as far as hours, presence and capacity say; answers
/// for all of them.
struct Able {
  bool any = false;                  ///< some record may be assigned
  std::set<std::string, std::less<>> rules;  ///< that records wait for, and that one may be assigned of
  bool all = false;                  ///< it depends on the time which rules a record needs: each must be asked
  bool of(std::string_view rule) const { return any && (all || rules.contains(rule)); }
};
Able able(records::Work& work, const model::Entity& entity, const model::Field& field);
bool anybody_waits(storage::Session& session, std::string_view entity, std::string_view field);
void forget_waiting(storage::Session& session, std::int64_t record, const model::Field& field);

}  // namespace caravan::workflow
