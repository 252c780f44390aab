#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/date_time.h"
#include "model/process.h"

/// Arithmetic with the time in which an office works. Pure; exact to the microsecond.
///
/// A moment is working time where a clock on the wall of the calendar's zone shows a time within one of the date's parts. So
/// an hour that daylight saving skips is not there, and one that it repeats counts twice.
namespace caravan::workflow {

inline constexpr std::int64_t micros_per_second = 1'000'000;
inline constexpr std::int64_t micros_per_day = 86'400 * micros_per_second;
/// How far ahead is looked: what takes longer has no end.
inline constexpr std::int64_t most_days_ahead = 36'525;

/// Time worked without a break on one date; `to` is not included.
struct WorkingSpan {
  Timestamp from, to;
  Date date;               ///< in the calendar's zone
  int offset_seconds = 0;  ///< of the zone from UTC
};

/// Calls `each` for the working spans from `from` to `to`, cut to them, in order, until it returns false. `hours` null: every
/// moment counts, as one span. Throws invalid_argument for a zone that does not exist.
void each_working_span(const model::WorkingHours* hours, Timestamp from, Timestamp to, const std::function<bool(const WorkingSpan&)>& each);

/// Microseconds of working time from `from` to `to`; 0 where `to` is not after `from`.
std::int64_t working_between(const model::WorkingHours* hours, Timestamp from, Timestamp to);

/// The first moment, not before `from`, at which `micros` of working time have gone by since; `from` itself for 0 or less. nullopt
/// where that is more than a hundred years ahead, or past the year 9999.
std::optional<Timestamp> add_working(const model::WorkingHours* hours, Timestamp from, std::int64_t micros);

}  // namespace caravan::workflow
