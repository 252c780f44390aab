#include "workflow/working_time.h"

#include <algorithm>

#include "base/error.h"
#include "base/time_zone.h"

namespace caravan::workflow {
namespace {

constexpr std::int64_t last_micros = max_timestamp_seconds * micros_per_second;

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

}  // namespace

void each_working_span(const model::WorkingHours* hours, Timestamp from, Timestamp to, const std::function<bool(const WorkingSpan&)>& each) {
  if (to <= from) return;
  if (hours == nullptr) {
    each({from, to, Date{static_cast<std::int32_t>(floor_div(from.micros, micros_per_day))}, 0});
    return;
  }
  // Changes of the zone's offset are asked for piece by piece: most questions end within days.
  std::int64_t piece = 64 * micros_per_day;
  for (std::int64_t at = from.micros; at < to.micros;) {
    const std::int64_t end = to.micros - at > piece ? at + piece : to.micros;
    const auto offsets = offset_changes(Timestamp{at}, Timestamp{end}, hours->time_zone, 200);
    if (!offsets) throw Error(ErrorCode::invalid_argument, "There is no time zone \"" + hours->time_zone + "\".");
    for (std::size_t i = 0; i < offsets->size(); ++i) {
      const std::int64_t offset = (*offsets)[i].offset_seconds * micros_per_second;
      const std::int64_t begin = std::max(at, (*offsets)[i].from.micros);
      const std::int64_t stop = i + 1 < offsets->size() ? std::min(end, (*offsets)[i + 1].from.micros) : end;
      if (begin >= stop) continue;
      for (std::int64_t day = floor_div(begin + offset, micros_per_day); day * micros_per_day < stop + offset; ++day) {
        const Date date{static_cast<std::int32_t>(day)};
        for (const model::DayPart& part : hours->parts(date)) {
          const std::int64_t first = std::max(begin, day * micros_per_day + part.from * 60 * micros_per_second - offset);
          const std::int64_t last = std::min(stop, day * micros_per_day + part.to * 60 * micros_per_second - offset);
          if (first < last && !each({Timestamp{first}, Timestamp{last}, date, (*offsets)[i].offset_seconds})) return;
        }
      }
    }
    at = end;
    piece = std::min(piece * 4, 4096 * micros_per_day);
  }
}

std::int64_t working_between(const model::WorkingHours* hours, Timestamp from, Timestamp to) {
  std::int64_t sum = 0;
  each_working_span(hours, from, to, [&](const WorkingSpan& span) {
    sum += span.to.micros - span.from.micros;
    return true;
  });
  return sum;
}

std::optional<Timestamp> add_working(const model::WorkingHours* hours, Timestamp from, std::int64_t micros) {
  if (micros <= 0) return from;
  const std::int64_t end = std::min(last_micros, from.micros + most_days_ahead * micros_per_day);
  std::optional<Timestamp> found;
  std::int64_t left = micros;
  each_working_span(hours, from, Timestamp{end}, [&](const WorkingSpan& span) {
    const std::int64_t length = span.to.micros - span.from.micros;
    if (length >= left) {
      found = Timestamp{span.from.micros + left};
      return false;
    }
    left -= length;
    return true;
  });
  return found;
}

}  // namespace caravan::workflow
