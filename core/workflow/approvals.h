#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jobs/queue.h"
#include "records/service.h"
#include "workflow/approval_store.h"

/// Steps of workflows that wait until others have agreed (docs/adr/0023-approvals.md). An approval is changed under the lock of its
/// record and of its own row, so that of what several do at once exactly one happens. What is done stands in the record's history.
namespace caravan::workflow {

inline constexpr const char* approval_reminder_kind = "approval.reminder";
inline constexpr std::size_t most_told = 200;  ///< people who get a notice of one step

/// Whether the step is needed for the record as it is asked; where that is not known, it is.
bool is_needed(const model::ApprovalStep& step, const records::Context& context, records::Record& candidate, const std::shared_ptr<const records::Follow>& follow);

// --- for Transitions

/// The steps of the transition's approval that are needed for the record as it is asked, with those who decide by field. Throws
/// invalid_record where nobody is there to decide.
std::vector<AskedStep> needed_steps(records::Work& work, const model::Transition& transition, records::Record& candidate,
                                    const std::shared_ptr<const records::Follow>& follow);
/// Asks, and tells those who decide. `stored`: locked by load. `colleagues`: by whose right the actor asks, where it is not his own.
/// Throws conflict where the step waits already.
std::int64_t ask_approval(records::Work& work, const model::Transition& transition, const records::Record& stored, const records::Input& input,
                          std::vector<AskedStep> steps, std::vector<std::int64_t> colleagues, const std::string& comment);
/// The same for a rule, whose step is taken by the definition's authority when all have agreed. Whoever set the rule off does not
/// decide himself. Where the step waits already, nothing happens.
std::int64_t ask_by_rule(records::Work& work, const model::Transition& transition, const records::Record& stored, const records::Input& input,
                         std::vector<AskedStep> steps, const std::string& comment);
/// Labels of the roles and names of the users who may decide now.
std::string deciders_text(storage::Session& session, const records::Context& context, const Approval& approval);

// --- for Rules

/// After a change of the record: what waits with it and cannot be taken any more, or was asked for something else, is void.
void follow_approvals(records::Work& work, const records::Record& record, bool deleted);

// --- for people

enum class Verdict : std::uint8_t { approve, reject, withdraw };

/// An approval as the actor sees it.
struct ApprovalView {
  Approval approval;
  bool may_decide = false, may_withdraw = false;
  std::optional<records::Record> record;         ///< redacted; none where he may not see it or it is gone
  std::map<std::int64_t, std::string> names;     ///< of the users in it
};

struct ApprovalQuery {
  enum class Box : std::uint8_t {
    waiting,  ///< for the actor's decision, the oldest first
    asked,    ///< by the actor, newest first
    all       ///< for administrators: all that wait, the oldest first
  } box = Box::waiting;
  std::string after;                 ///< ApprovalPage::next of the page before
  std::uint32_t limit = 50;          ///< 1 to 200
  bool count = false;
};

struct ApprovalPage {
  std::vector<ApprovalView> items;
  std::string next;                  ///< empty on the last page
  std::optional<std::int64_t> total;
};

/// Throws invalid_argument for a cursor that is none, forbidden.
ApprovalPage list_approvals(const records::RecordService& records, const records::Context& context, const ApprovalQuery& query);
/// For whoever asked, decides or has decided, and administrators; not_found for others.
ApprovalView show_approval(const records::RecordService& records, const records::Context& context, std::int64_t id);
/// What ask_approval() made, for its answer. `record`: redacted.
ApprovalView view_in(records::Work& work, std::int64_t id, const records::Record& record);
/// What waits with a record that the actor may read.
std::vector<ApprovalView> approvals_of(const records::RecordService& records, const records::Context& context, const records::Record& record);
/// Decides, or takes the request back. The last approval takes the step in the same transaction, as whoever asked, with all checks;
/// where they refuse it, the approval is void and the answer says so. Throws not_found, forbidden, conflict where it ended meanwhile,
/// invalid_record for a rejection without a comment. `expected_version`: of the record that the actor has seen; stale where it was
/// changed since (but by what was asked and decided about it), and nothing is decided (withdrawing asks for none). `reply` as records::Reply.
ApprovalView decide_approval(const records::RecordService& records, const records::Context& context, std::int64_t id, Verdict verdict,
                             const std::string& comment, std::optional<std::int64_t> expected_version = std::nullopt,
                             const std::function<void(const ApprovalView&)>& reply = {});
/// Why it is void or was rejected, for people; empty otherwise.
std::string end_text(const records::Context& context, const Approval& approval);

/// What was given with the step, as far as the actor may see it: field → value; nothing where he may not see the record. Sensitive
/// values are never in it.
records::Input shown_input(const records::Context& context, const ApprovalView& view);

// --- for the queue

void remind_of_approval(const records::RecordService& records, const records::Context& context, jobs::Attempt& attempt);
/// After definitions were put in use: what waits for a step that is no more is void. Goes on from `after`; returns where it ended,
/// 0: at the end.
std::int64_t recheck_approvals(const records::RecordService& records, const records::Context& context, std::int64_t after);
/// Forgets what ended over a year ago, at most 500; returns how many.
std::int64_t purge_approvals(storage::Session& session, Timestamp now);

}  // namespace caravan::workflow
