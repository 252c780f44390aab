#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The address in a request line. Pure functions.
namespace caravan::http {

/// Parts of a request target, still percent-encoded; views into it.
struct Target {
  std::string_view authority;  ///< of the absolute form (`http://host/…`), else empty
  std::string_view path;       ///< begins with `/`, or is `*`
  std::string_view query;      ///< without `?`
};

/// Takes origin form, absolute form and `*`; false where malformed (control characters, spaces, fragments).
bool split_target(std::string_view target, Target& parts);

/// HOST or HOST:PORT, without user information.
bool is_authority(std::string_view text);

/// The path decoded once; nullopt for invalid escapes, bytes that are not UTF-8, control characters, an
/// escaped slash, and the segments `.` and `..`: what the path means must not depend on who decodes it.
std::optional<std::string> decode_path(std::string_view path);

/// `a=1&b=x+y` decoded; nullopt for invalid escapes, NUL, or bytes that are not UTF-8.
std::optional<std::vector<std::pair<std::string, std::string>>> decode_query(std::string_view query);

bool is_utf8(std::string_view text);

}  // namespace caravan::http
