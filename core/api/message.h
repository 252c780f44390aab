#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace caravan::api {

/// A complete HTTP request, independent of the transport. Views are valid for the call.
struct Request {
  std::string_view method;       ///< upper case
  std::string_view path;         ///< decoded once, without query, e.g. `/api/v1/records/ENTITY`
  std::vector<std::pair<std::string, std::string>> query;    ///< decoded
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  std::string_view body;
  std::string_view remote_address;  ///< of the client, after trusted proxies
  bool admin_socket = false;     ///< came over the local admin socket: the machine's owner, acts as the system
  bool secure = false;           ///< TLS ended at a trusted proxy

  std::string_view header(std::string_view name) const;   ///< case-insensitive; "" where absent
  const std::string* parameter(std::string_view name) const;  ///< first of the query; nullptr where absent
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  /// Set: the answer goes on after `body`, until one side ends it.
  std::shared_ptr<class EventStream> stream;
  /// Set: the answer's body is this file, and `body` is empty; see api/file_body.h.
  std::shared_ptr<const class FileBody> file;
};

/// Answers every request; never throws. Thread-safe.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Response handle(const Request& request) = 0;
};

}  // namespace caravan::api
