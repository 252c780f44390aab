#pragma once

#include <optional>
#include <string>

#include "expr/expression.h"

namespace caravan::expr {

/// The condition as one text, its parameters written into it as literals: for constraints and triggers, where SQL allows no
/// placeholders. Texts are quoted for MariaDB's default SQL mode. nullopt where a parameter has no literal.
std::optional<std::string> to_sql_text(const SqlCondition& condition, Dialect dialect);

/// A rule that the database itself can keep: over columns of the row alone and constants. `alias` as in to_sql(); empty: the
/// columns' bare names. nullopt where it follows a reference, asks for the time or a user, or cannot be put so.
std::optional<std::string> to_row_rule(const Program& program, Dialect dialect, std::string_view alias);

}  // namespace caravan::expr
