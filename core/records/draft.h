#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "records/record.h"

/// What a form shows while it is filled in: RecordService::draft() and duplicates().
namespace caravan::records {

/// What was filled in so far.
struct DraftQuery {
  std::optional<std::int64_t> id;                  ///< the record that is changed; none: a new one
  const model::Transition* transition = nullptr;   ///< the step whose form it is; that the actor may take it is the caller's to check
  Input input;
  std::vector<FieldError> mistakes;                ///< of reading the input
};

/// What holds of one field now.
struct DraftField {
  const model::Field* field = nullptr;
  bool visible = true, required = false, read_only = false;
  /// Of a choice that depends on another: names of the options that are offered now.
  std::optional<std::vector<std::string_view>> options;
};

/// Whether whoever leaves it empty in a new record gets the moment of saving, so that a form need not ask for it.
bool filled_later(const model::Field& field);

/// Records of which a rule says that they are probably of the same thing, newest first.
struct Duplicate {
  const model::DuplicateRule* rule = nullptr;
  std::vector<Record> items;         ///< redacted
  bool more = false;                 ///< there are further ones
};
inline constexpr std::size_t most_duplicates = 5;  ///< of one rule

struct DraftAnswer {
  Record record;                     ///< with the values filled in, defaults and computed ones; redacted
  std::vector<DraftField> fields;    ///< those that the actor may see, without the system's
  std::vector<FieldError> mistakes;  ///< what the gate would refuse, as far as the actor may see why
  std::vector<Duplicate> duplicates;
};

}  // namespace caravan::records
