#pragma once

#include <string>
#include <string_view>

namespace caravan::api {

/// The text as gzip (RFC 1952). Throws Error (internal) where memory is short. Takes about 10 ms for a megabyte.
std::string gzip(std::string_view text);

}  // namespace caravan::api
