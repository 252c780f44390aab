#pragma once

#include <string_view>

#include "records/service.h"

/// Internal to core/workflow: what the jobs of assignment.h ask.
namespace caravan::workflow {

/// Asks the rules of the field who gets the record, locked by load. `replaces`: whoever has it cannot keep it.
void ask_rules(records::Work& work, records::Record& record, const model::Field& field, bool replaces);
bool anybody_waits(storage::Session& session, std::string_view entity, std::string_view field);
void forget_waiting(storage::Session& session, std::int64_t record, const model::Field& field);

}  // namespace caravan::workflow
