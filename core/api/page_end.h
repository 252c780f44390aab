#pragma once

#include <string>
#include <string_view>

#include "api/call.h"
#include "api/json_writer.h"

namespace caravan::api {

/// Ends a page's list and object: `next` and Link, for `parameter` of the page after it; "" where there is none.
inline void end_page(Call& call, JsonWriter& json, std::string_view parameter, const std::string& next) {
  json.end_array().member_or_null("next", next).end_object();
  if (!next.empty()) call.response.headers.emplace_back("Link", next_link(call.request, parameter, next));
}

}  // namespace caravan::api
