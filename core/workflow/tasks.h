#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "records/service.h"

/// Tasks of states: records of `core.task` that a record brings with it when it comes to a state, in that transaction; done beside each
/// other, each by its own person. A step with `wait_for: tasks` waits for those that are required; what is open when the record
/// leaves the state is cancelled.
namespace caravan::workflow {

/// After a change of a record that has such states, or of a task. `record`: the newest, empty where it is gone; `before`: null where it
/// was created or restored.
void follow_tasks(records::Work& work, const records::Record& record, const records::Record* before, bool deleted);

/// What of the record's state a step with `wait_for: tasks` waits for, by title in the context's language. `current`: as it is now,
/// not as the transaction found it; else as `session` sees it.
std::vector<std::string> awaited_tasks(storage::Session& session, const records::Context& context, const records::Record& record, bool current);

/// Why the step waits, for people; "" where it does not.
std::string wait_reason(storage::Session& session, const records::Context& context, const model::Transition& transition,
                        const records::Record& record, bool current);

/// A task as whoever may read the record sees it.
struct TaskView {
  std::int64_t id = 0, version = 0;
  std::string title;                 ///< in the context's language where a rule made it
  std::string state, state_label;
  bool required = false;
  std::optional<Timestamp> due_at;
  std::int64_t assignee = 0;         ///< 0: nobody, or whoever holds the role
  std::string assignee_name, role, role_label;
  std::string note;
  Timestamp created_at, updated_at;
  bool may_finish = false;           ///< the actor may do it
};
/// Of a record that the actor may read: the open ones by their due time, then the others, the last ended first; at most 100.
std::vector<TaskView> tasks_of(const records::RecordService& service, const records::Context& context, const records::Record& record);

}  // namespace caravan::workflow
