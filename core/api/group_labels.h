#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/titles.h"
#include "records/aggregate.h"

/// How groups of records are written and called.
namespace caravan::api {

/// As JSON; a part of the calendar as its first day.
void write_group(std::string& out, const records::AggregateGroup& group, const expr::Value& value);
/// What label_of_group() needs of the row.
void want_titles(Titles& titles, const std::vector<records::AggregateGroup>& groups, const std::vector<expr::Value>& row);
/// How people call the group; "" where its value says it all, or where it may not be seen.
std::string label_of_group(const model::Entity& entity, const records::AggregateGroup& group, const expr::Value& value, const Titles& titles,
                           std::string_view locale);

}  // namespace caravan::api
