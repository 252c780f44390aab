#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace caravan::http {

struct LocalResponse {
  int status = 0;
  std::string body;
};

/// One request over a Unix socket, for the command line to speak to a running server. nullopt where nobody
/// listens there. Throws Error(unavailable) where the server goes away in the middle. Waits up to
/// `timeout_seconds` for the answer. The body of a success goes to `file` where one is given.
std::optional<LocalResponse> local_request(const std::string& socket_path, std::string_view method,
                                           const std::string& target, std::string_view content_type,
                                           std::string_view body, int timeout_seconds = 600, std::ostream* file = nullptr);

}  // namespace caravan::http
