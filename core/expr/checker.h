#pragma once

#include <vector>

#include "expr/ast.h"

namespace caravan::expr {

/// Resolves names, members and overloads of a parsed tree in place, gives every node its type and folds constants.
/// Appends the mistakes to `issues`; without any, the tree can be evaluated.
void check(NodePtr& root, std::string_view source, const Environment& environment, std::vector<Issue>& issues);

}  // namespace caravan::expr
