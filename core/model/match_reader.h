#pragma once

#include <functional>

#include "model/matching.h"
#include "model/yaml_tree.h"

/// Internal to core/model: rules for duplicates out of their tree.
namespace caravan::model {

/// Finds a field; reports where there is none, or where it cannot be compared so. Null: any column.
using MatchField = std::function<const Field*(std::string_view name, Comparator as, const Place& at)>;

/// `map` has `compare`, `keys` and `threshold`, its words checked already; `subject` is what messages call it.
MatchRule read_match_rule(const Node& map, const Place& at, const std::string& subject, const MatchField& field, Diagnostics& diagnostics);

}  // namespace caravan::model
