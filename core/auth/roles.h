#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace caravan::auth {

/// The names in a JSON array of strings, as the field `roles` of core.user holds it. Anything malformed gives
/// fewer roles, never more: role names have no characters that JSON escapes.
std::vector<std::string> parse_roles(std::string_view json);

}  // namespace caravan::auth
