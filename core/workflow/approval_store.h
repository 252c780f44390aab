#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/catalog.h"
#include "records/approval_state.h"
#include "storage/database.h"

/// Internal to core/workflow: the rows of `approval`, `approval_seat` and `approval_decision`.
namespace caravan::workflow {

/// A step of an approval as it was asked; what the definition says later does not change it.
struct AskedStep {
  std::string name;
  model::Text label;
  std::vector<std::string> roles;
  std::vector<std::int64_t> users;
  bool all = false, self = false;
  std::int64_t remind_seconds = 0;
};

struct ApprovalDecision {
  std::size_t step = 0;
  std::int64_t user_id = 0;
  std::int64_t for_user = 0;         ///< the colleague whose deputy he decided as; 0: for himself
  std::string verdict;               ///< approve, reject
  std::string comment;
  Timestamp at;
  std::int64_t version = 0;          ///< of the record that was decided about; 0: not known
};

/// Somebody who may still decide about the open step, or (`barred`) may not.
struct Seat {
  std::string kind;                  ///< role, user, barred
  std::string who;                   ///< name of the role, id of the user
  bool operator==(const Seat&) const = default;
};

struct Approval {
  std::int64_t id = 0;
  std::string entity;
  std::int64_t record_id = 0;
  std::string transition;
  std::string state = records::approval_waits;     ///< waiting, approved, rejected, withdrawn, void
  std::int64_t asked_by = 0;         ///< 0: the system
  std::vector<std::int64_t> asked_for;  ///< colleagues by whose right it was asked
  Timestamp asked_at;
  std::vector<AskedStep> steps;
  std::size_t step = 0;              ///< the open one, or the last that was
  Timestamp step_at;                 ///< since when
  std::vector<std::string> input_fields;  ///< what was given with the step
  std::string input_row;             ///< its values, as records::write_row() writes them; what is sensitive is sealed
  std::string basis;                 ///< JSON: what the rules read of the record when it was asked
  std::string comment;
  std::optional<Timestamp> ended_at;
  std::int64_t ended_by = 0;
  std::string reason;                ///< of rejected: the comment; of void: a code and, in a second line, what it is about
  std::vector<ApprovalDecision> decisions;  ///< in order
  std::vector<Seat> seats;           ///< of the open step
  bool waits() const { return state == records::approval_waits; }
};

/// The columns of an approval for a SELECT on alias `a`, in the order of read_approval().
extern const char* const approval_columns;

/// With decisions and seats. `lock`: nobody else decides meanwhile.
std::optional<Approval> find_approval(storage::Session& session, std::int64_t id, bool lock = false);
/// Those that wait with a record, the oldest first; with decisions and seats.
std::vector<Approval> waiting_approvals(storage::Session& session, std::string_view entity, std::int64_t record_id);
void insert_approval(storage::Session& session, const Approval& approval);
void write_step(storage::Session& session, const Approval& approval);
void write_seats(storage::Session& session, const Approval& approval);
/// Appends to the approval, too.
void add_decision(storage::Session& session, Approval& approval, ApprovalDecision decision);
/// State, end and reason as the approval has them; its seats, and what was given with the step, are gone.
void write_end(storage::Session& session, Approval& approval);

}  // namespace caravan::workflow
