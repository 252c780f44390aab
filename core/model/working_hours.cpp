#include "model/process.h"

namespace caravan::model {

const std::vector<DayPart>& WorkingHours::parts(Date date) const {
  if (!exceptions.empty()) {
    const auto found = exceptions.find(date);
    if (found != exceptions.end()) return found->second.parts;
  }
  // 1970-01-01 was a Thursday; Monday is 0.
  const int weekday = static_cast<int>((static_cast<std::int64_t>(date.days) % 7 + 7 + 3) % 7);
  return week[static_cast<std::size_t>(weekday)];
}

}  // namespace caravan::model
