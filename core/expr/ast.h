#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "expr/expression.h"

/// The tree between the parser and the evaluator; internal to core/expr.
namespace caravan::expr {

struct Frame;

/// Implementation of a function. `args` are values, none of them null. Returns the result (in `out`, in an argument or
/// static), or nullptr after Frame::fail or Frame::set_unknown.
using Builtin = const Value* (*)(Frame& frame, const Node& node, const Value* const* args, std::size_t count, Value& out);

enum class Op : std::uint8_t {
  // As parsed; the checker turns these into others.
  identifier,    ///< text; leading_dot
  select,        ///< children[0] . text; at evaluation only on maps
  call,          ///< text(children…); has_target: children[0] is the receiver
  // As evaluated.
  literal,       ///< value
  variable,      ///< slot: of the activation
  local,         ///< slot: of the comprehension variables
  member,        ///< slot of the record children[0]
  follow,        ///< the record that the reference in `slot` of record children[0] points at
  has_select,    ///< is there a key `text` in map children[0]
  has_member,    ///< does `slot` of record children[0] hold a value
  index,
  list,
  map,           ///< children: key, value, key, value …
  conditional,
  logical_and, logical_or,  ///< two or more children
  logical_not,
  negate,
  add, subtract, multiply, divide, modulo,
  equal, not_equal, less, less_equal, greater, greater_equal,
  in,
  function,      ///< builtin(children…)
  // Macros: children[0] the range, children[1] the body over local `slot`.
  all, exists, exists_one, filter,
  transform,     ///< map(x, t), or map(x, p, t) with children[1] the filter
  error          ///< fails with `text`
};

/// The comparison that holds with its sides exchanged: `a < b` where `b > a`.
inline Op mirrored(Op op) {
  switch (op) {
    case Op::less: return Op::greater;
    case Op::less_equal: return Op::greater_equal;
    case Op::greater: return Op::less;
    case Op::greater_equal: return Op::less_equal;
    default: return op;
  }
}

struct Node {
  Op op = Op::literal;
  bool leading_dot = false;
  bool has_target = false;
  bool quoted = false;            ///< the selected name was in backquotes
  bool uses_record = false;       ///< depends on variable 0
  bool configured = false;        ///< depends on a constant of the environment, which may be another one tomorrow
  std::uint16_t height = 1;
  std::uint32_t weight = 1;       ///< nodes in this tree; what one turn of a loop costs
  std::uint32_t offset = 0;       ///< in bytes, where a mistake is shown
  std::uint32_t slot = 0;
  Type type;
  std::string text;
  Value value;
  const Member* member = nullptr;
  Builtin builtin = nullptr;
  std::shared_ptr<const void> prepared;  ///< compiled regular expression of a literal pattern
  std::vector<std::unique_ptr<Node>> children;
};

using NodePtr = std::unique_ptr<Node>;

inline constexpr std::size_t max_source = 16 * 1024;
inline constexpr std::size_t max_nesting = 64;
inline constexpr std::size_t max_height = 250;

/// Line and column of a byte offset.
Issue issue_at(std::string_view source, std::uint32_t offset, std::string message, std::string hint = {});

}  // namespace caravan::expr
