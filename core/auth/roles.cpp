#include "auth/roles.h"

namespace caravan::auth {

std::vector<std::string> parse_roles(std::string_view json) {
  std::vector<std::string> roles;
  std::size_t at = 0;
  const auto skip = [&] {
    while (at < json.size() && (json[at] == ' ' || json[at] == '\t' || json[at] == '\n' || json[at] == '\r'))
      ++at;
    return at < json.size() ? json[at] : '\0';
  };
  if (skip() != '[') return {};
  ++at;
  if (skip() == ']') return {};
  for (;;) {
    if (skip() != '"') return {};
    const std::size_t end = json.find('"', ++at);
    if (end == std::string_view::npos) return {};
    const std::string_view name = json.substr(at, end - at);
    if (name.empty() || name.size() > 200 || name.find('\\') != std::string_view::npos) return {};
    roles.emplace_back(name);
    at = end + 1;
    const char c = skip();
    if (c == ']') return roles;
    if (c != ',') return {};
    ++at;
  }
}

}  // namespace caravan::auth
