#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"
#include "api/json_writer.h"

namespace caravan::api {

/// Ends a page's list and object: `next` and Link, for `parameter` of the page after it; "" where there is none.
inline void end_page(Call& call, JsonWriter& json, std::string_view parameter, const std::string& next) {
  json.end_array().member_or_null("next", next).end_object();
  if (!next.empty()) call.response.headers.emplace_back("Link", next_link(call.request, parameter, next));
}

/// The whole page of items that have an `id`: at most `limit`; that there is one more tells that a page follows, `before` the last one shown.
template <class Item, class Write>
void write_page(Call& call, std::vector<Item> items, std::uint32_t limit, const Write& write) {
  const bool more = items.size() > limit;
  if (more) items.resize(limit);
  JsonWriter json(call.response.body);
  json.begin_object().key("items").begin_array();
  for (const Item& one : items) write(json, one);
  end_page(call, json, "before", more ? std::to_string(items.back().id) : std::string());
}

}  // namespace caravan::api
