#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/date_time.h"

namespace caravan {

/// What a calendar and a clock on the wall show.
struct LocalTime {
  Date date;
  int hour = 0;            ///< 0 to 23
  int minute = 0;          ///< 0 to 59
  int second = 0;          ///< 0 to 59
  int nanos = 0;           ///< 0 to 999,999,999
  int offset_seconds = 0;  ///< of the zone from UTC at that moment, east positive
};

/// True for a name of the IANA database (`Asia/Shanghai`, `US/Central`, `UTC`). Offsets are not names.
bool is_time_zone(std::string_view name);

// `zone` below: an IANA name, or an offset `+08:00`, `-03:30`, `08:00`. nullopt where it is neither, or where the
// local time falls outside the years 0001 to 9999. Thread-safe.

std::optional<LocalTime> local_time(Timestamp at, std::string_view zone);
std::optional<Date> local_date(Timestamp at, std::string_view zone);
/// A zone's offset from UTC, in seconds (east positive), from a moment on.
struct OffsetChange {
  Timestamp from;
  int offset_seconds = 0;
};
/// The offset at `first`, then each change of it up to and including `last`, in order; nullopt for an unknown zone, or where
/// there are more than `most`.
std::optional<std::vector<OffsetChange>> offset_changes(Timestamp first, Timestamp last, std::string_view zone, std::size_t most);
/// The moment when a clock in `zone` shows `date` at `seconds_of_day` (0 to 86,399). Where the clock is put forward and
/// skips that time, the moment as if it had not been; where it shows it twice, the first.
std::optional<Timestamp> from_local(Date date, int seconds_of_day, std::string_view zone);

}  // namespace caravan
