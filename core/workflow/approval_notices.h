#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "jobs/queue.h"
#include "records/service.h"
#include "workflow/approval_store.h"

/// Internal to core/workflow: who is told of approvals.
namespace caravan::workflow {

/// A notice to those who may decide now, and to their deputies; at most most_told. `record`: null where it is gone. `text`: a message of
/// who asks, what, and about which record.
void tell_deciders(records::Work& work, const Approval& approval, const records::Record* record, const std::string& text);
inline void tell_deciders(records::Work& work, const Approval& approval, const records::Record& record, const std::string& text) {
  tell_deciders(work, approval, &record, text);
}
/// The same to whoever asked, unless he is the one who acts.
void tell_asker(records::Work& work, const Approval& approval, const records::Record* record, const std::string& text);

jobs::NewJob reminder_job(const Approval& approval, Timestamp at);
/// Approval and step of such a job.
std::pair<std::int64_t, std::size_t> reminder_of(std::string_view payload);

}  // namespace caravan::workflow
