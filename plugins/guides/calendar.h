#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace guides {

/// A duty of whole days in a calendar.
struct Entry {
  std::string uid;                 ///< the same for the same duty, whenever it is fetched
  std::chrono::sys_days from, to;  ///< both included
  std::string title, text;
  bool sure = true;  ///< accepted; else tentative
};

/// An iCalendar document (RFC 5545) of the entries; `stamp` is when it was made.
std::string icalendar(std::string_view name, const std::vector<Entry>& entries,
                      std::chrono::sys_seconds stamp);

}  // namespace guides
