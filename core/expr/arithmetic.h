#pragma once

#include <optional>

#include "expr/evaluator.h"

namespace caravan::expr {

__extension__ using wide = __int128;

/// a op b for Op::add … Op::modulo, neither null.
const Value* arithmetic(Op op, const Value& a, const Value& b, Frame& frame, Value& out);
const Value* negate(const Value& a, Frame& frame, Value& out);

/// int, uint or decimal as a decimal; nullopt for other types and for more than 18 digits.
std::optional<Decimal> to_decimal(const Value& value);

/// Nanoseconds of a duration; always within int64 for durations that expressions make.
wide total_nanos(const Duration& duration);
/// nullopt outside of what CEL's durations hold (int64 nanoseconds, about ±292 years).
std::optional<Duration> make_duration(wide nanos);
/// nullopt outside of the years 0001 to 9999.
std::optional<Timestamp> make_timestamp(wide nanos);
wide total_nanos(const Timestamp& at);

}  // namespace caravan::expr
