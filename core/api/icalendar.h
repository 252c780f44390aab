#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workflow/public_pages.h"

namespace caravan::api {

/// An iCalendar document (RFC 5545) of the events; `stamp` is when it was made. Days are whole days, instants are told in UTC.
std::string icalendar(std::string_view name, const std::vector<workflow::PublicEvent>& events, Timestamp stamp);

}  // namespace caravan::api
