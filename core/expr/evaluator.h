#pragma once

#include <array>
#include <compare>
#include <string>
#include <vector>

#include "expr/ast.h"

namespace caravan::expr {

inline constexpr std::uint64_t max_steps = 1'000'000;
inline constexpr std::size_t max_text = 1024 * 1024;
inline constexpr std::size_t max_elements = 100'000;

/// State of one evaluation. A function that returns nullptr has set `outcome` to unknown or error.
struct Frame {
  explicit Frame(const Activation& a) : activation(a) {}

  const Activation& activation;
  Outcome outcome = Outcome::value;
  std::string message;
  std::uint64_t steps = 0;
  std::array<const Value*, max_nesting + 1> locals;  // only those in scope are set

  /// Records reached by references, kept alive (and not loaded twice) until the evaluation ends.
  struct Followed {
    const RecordView* from;
    std::uint32_t slot;
    std::shared_ptr<const RecordView> to;
  };
  std::vector<Followed> followed;

  std::nullptr_t fail(std::string why) {
    outcome = Outcome::error;
    message = std::move(why);
    return nullptr;
  }
  std::nullptr_t set_unknown() {
    outcome = Outcome::unknown;
    return nullptr;
  }
  /// Counts work; false (and failed) where the bound is reached.
  bool spend(std::uint64_t work) {
    steps += work;
    if (steps <= max_steps) return true;
    fail("the expression takes too many steps");
    return false;
  }
};

/// The value of `node`: in place where it lies somewhere already, else in `out`. nullptr: see Frame.
const Value* evaluate(const Node& node, Frame& frame, Value& out);

/// As evaluate, for a whole tree.
Evaluation evaluate_tree(const Node& root, const Activation& activation);

/// CEL's `==`, across the numeric types. Sets frame.outcome (and returns false) where it takes too many steps.
bool equals(const Value& a, const Value& b, Frame& frame);
/// Order of two values of comparable types. nullopt where they are not; unordered with NaN.
std::optional<std::partial_ordering> order(const Value& a, const Value& b);
/// True where the two are amounts of different currencies.
bool currencies_differ(const Value& a, const Value& b);

/// CEL's name of a value's type, e.g. `google.protobuf.Timestamp`.
std::string type_name(const Value& value);

const Value& bool_value(bool b);
const Value& null_value();

}  // namespace caravan::expr
