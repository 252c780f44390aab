#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workflow/clock_run.h"

/// How a due time came about, line by line, for people. Pure.
namespace caravan::workflow {

struct ClockLine {
  /// started, limit, worked, break, free, holiday, offset, paused, carried, more, due, result
  std::string kind;
  std::string text;
  std::optional<Timestamp> from, to;  ///< what the line is about
  std::int64_t seconds = 0;           ///< working time that it adds
};

/// At most some 300 lines: what is longer is summed up. Times are shown in the calendar's zone, else in `zone`.
std::vector<ClockLine> explain_clock(const ClockRun& run, const model::WorkingHours* hours, Timestamp now, std::string_view zone,
                                     std::string_view locale);

/// `3 h 20 min`; seconds only where there are some.
std::string duration_text(std::int64_t micros, std::string_view locale);

}  // namespace caravan::workflow
