#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Transfers by libcurl. Each call has a handle of its own; thread-safe.
namespace caravan::channels {

struct MailServer {
  std::string url;                   ///< `smtp://HOST:25`, `smtps://HOST:465`; empty: none
  std::string from;                  ///< address
  std::string user, password;
  enum class Tls : std::uint8_t { required, opportunistic, none } tls = Tls::required;
  int timeout_seconds = 30;
};

/// Hands the message over. Throws Error(invalid_argument) where the server refuses it for good, and Error(unavailable) where
/// another try may help.
void send_mail(const MailServer& server, const std::string& to, const std::string& message);

/// Status of the answer. No redirects are followed. Unless `allow_private`, addresses of this machine and of private networks are
/// refused (Error invalid_argument), and the connection goes to the very address that was looked at. Throws Error(unavailable) where there
/// is no answer.
int post_json(const std::string& url, const std::string& body, const std::vector<std::pair<std::string, std::string>>& headers, bool allow_private,
              int timeout_seconds = 15);

/// Whether an IP address, as text, is one that the public network has.
bool is_public_address(const std::string& address);

}  // namespace caravan::channels
