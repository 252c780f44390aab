#pragma once

#include <optional>
#include <string>

#include "records/service.h"

/// Taking back a step of the workflow, where its definition allows that: rows of `undo_step`, one a record, of its last step.
namespace caravan::workflow {

/// The step that could be taken back.
struct Undoable {
  std::string transition;
  Timestamp until;
};

/// Keeps what the record was before the step. `blocked`: it did more than change the record.
void keep_undo(records::Work& work, const records::Record& before, const records::Record& after, const model::Transition& transition, bool blocked);

/// What the actor could take back now; nullopt where there is nothing. One statement, only for entities that have such a step.
std::optional<Undoable> undoable(const records::RecordService& service, const records::Context& context, const records::Record& record);

/// Puts state and fields back as they were before the record's last step: for whoever took it, within its time, where nothing was
/// changed since. Throws conflict with the reason, forbidden, not_found, stale.
records::Record undo(records::Work& work, const model::Entity& entity, std::int64_t id, std::optional<std::int64_t> expected_version);

/// Forgets what can no longer be taken back, at most 500; returns how many.
std::int64_t purge_undo(storage::Session& session, Timestamp now);

}  // namespace caravan::workflow
