#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "records/service.h"

/// Why somebody may, or may not, see and change a record.
namespace caravan::records {

/// One grant that was looked at.
struct ConsideredGrant {
  enum class Result : std::uint8_t { yes, no, unknown, failed };
  const model::Role* role = nullptr;      ///< that has the grant
  const model::Role* held = nullptr;      ///< that the person holds and that includes it; the same where it is held itself
  bool of_everyone = false;               ///< not given to him, but held by everyone
  std::int64_t colleague = 0;             ///< for whom he stands in; 0: himself
  std::string colleague_name;
  std::string rule;                       ///< `true`, or the condition
  model::Origin origin;                   ///< where the rule was written
  Result result = Result::no;
  std::string failure;                    ///< of Result::failed
  /// What the rule read, by name (`record.owner`), as JSON; what the asker may not see is "hidden".
  std::vector<std::pair<std::string, std::string>> reads;
};

struct ExplainedOperation {
  model::Operation operation = model::Operation::read;
  bool allowed = false;
  std::vector<ConsideredGrant> grants;
};

/// A field whose right depends on the role.
struct ExplainedField {
  const model::Field* field = nullptr;
  model::FieldRight right = model::FieldRight::write;
  const model::Role* role = nullptr;      ///< that gives it; null: the field's own definition
};

struct AccessReport {
  bool administrator = false;             ///< so that nothing else matters
  std::array<ExplainedOperation, model::operation_count> operations;
  std::vector<Share> shares;              ///< of the record with the one asked about, still in force
  std::vector<ExplainedField> fields;
};

/// What `subject` (a context with the actor asked about) may do with the record, and why, as `asker` may know it. Throws
/// not_found where there is no such record, or the asker is no administrator and may not see it.
AccessReport explain_access(const RecordService& service, const Context& asker, const Context& subject, const model::Entity& entity,
                            std::int64_t id);

}  // namespace caravan::records
