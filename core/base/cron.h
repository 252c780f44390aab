#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/date_time.h"

namespace caravan {

/// Times of a schedule as in crontab(5): minute, hour, day of month, month, day of week. Fields are `*`, numbers, names (`jan`,
/// `mon`), ranges `1-5`, steps `*/15` and lists of those; 0 and 7 are Sunday. Where both days are restricted, either is enough.
class Cron {
 public:
  /// nullopt where it is malformed; then `mistake`, where given, says what is wrong.
  static std::optional<Cron> parse(std::string_view text, std::string* mistake = nullptr);
  /// The first time after `after` by the clocks of `zone` (IANA). A time that the clocks skip is moved to the moment after the gap,
  /// one that they show twice counts once, the first time. `counts`, where given: days on which it may be. nullopt where
  /// there is none in nine years, or the zone is unknown.
  std::optional<Timestamp> next(Timestamp after, std::string_view zone, const std::function<bool(Date)>& counts = {}) const;

 private:
  bool day_fits(Date date) const;
  std::uint64_t minutes_ = 0;
  std::uint32_t hours_ = 0, days_ = 0, months_ = 0, weekdays_ = 0;
  bool any_day_ = false, any_weekday_ = false;
};

}  // namespace caravan
