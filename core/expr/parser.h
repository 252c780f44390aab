#pragma once

#include <optional>

#include "expr/ast.h"

namespace caravan::expr {

/// The tree of `source`, or nullptr and an issue: the first mistake in its grammar.
NodePtr parse(std::string_view source, std::optional<Issue>& issue);

}  // namespace caravan::expr
