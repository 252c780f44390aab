#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/message.h"
#include "http/client_address.h"

namespace caravan::http {

/// Where a request came from.
struct Origin {
  IpAddress peer;
  bool admin_socket = false;
};

/// Runs Poco's HTTP parser over a complete, checked head in memory and calls the handler with what it found.
/// One for each worker thread; keeps Poco's session between requests.
class PocoAdapter {
 public:
  PocoAdapter(api::Handler& handler, const TrustedProxies& trusted);
  ~PocoAdapter();
  /// Never throws: what goes wrong becomes a problem answer.
  api::Response answer(const std::string& head, std::string_view body, const Origin& origin) noexcept;

 private:
  class Parser;
  api::Response parse_and_handle(const std::string& head, std::string_view body, const Origin& origin);
  api::Handler& handler_;
  const TrustedProxies& trusted_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace caravan::http
