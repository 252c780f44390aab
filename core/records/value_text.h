#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "expr/value.h"

/// Values as a cell of a table says them, and back.
namespace caravan::records {

/// Of money the amount alone; nullopt for lists, maps and null.
std::optional<std::string> cell_text(const expr::Value& value);

/// What stands in a list that is one text: a JSON array of texts, or with semicolons between; without blanks around them and what is
/// empty. Throws invalid_argument where it looks like JSON and is none, or holds anything but texts.
std::vector<std::string> texts_in_list(std::string_view list);

}  // namespace caravan::records
