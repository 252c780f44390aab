#include "channels/transfer.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <mutex>

#include "base/error.h"

namespace caravan::channels {
namespace {

struct Ended {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Handle = std::unique_ptr<CURL, Ended>;
using Strings = std::unique_ptr<curl_slist, Ended>;

Handle new_handle(int timeout_seconds) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  Handle handle(curl_easy_init());
  if (!handle) throw Error(ErrorCode::unavailable, "libcurl cannot start");
  curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT, static_cast<long>(timeout_seconds));
  curl_easy_setopt(handle.get(), CURLOPT_CONNECTTIMEOUT, 10L);
  return handle;
}

void add(Strings& list, const std::string& text) {
  curl_slist* longer = curl_slist_append(list.get(), text.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  [[maybe_unused]] const auto* same = list.release();
  list.reset(longer);
}

struct Unsent {
  std::string_view text;
};

std::size_t give(char* buffer, std::size_t size, std::size_t count, void* data) {
  auto& unsent = *static_cast<Unsent*>(data);
  const std::size_t now = std::min(size * count, unsent.text.size());
  std::memcpy(buffer, unsent.text.data(), now);
  unsent.text.remove_prefix(now);
  return now;
}

std::size_t drop(char*, std::size_t size, std::size_t count, void* data) {
  auto& left = *static_cast<std::size_t*>(data);
  const std::size_t got = size * count;
  if (got > left) return 0;  // an answer of that size is none
  left -= got;
  return got;
}

/// IPv4 in its first four bytes.
bool is_public_v4(const unsigned char* b) {
  const unsigned a = b[0], c = b[1];
  if (a == 0 || a == 10 || a == 127 || a >= 224) return false;
  if (a == 100 && c >= 64 && c < 128) return false;                  // shared, RFC 6598
  if (a == 169 && c == 254) return false;                            // link-local
  if (a == 172 && c >= 16 && c < 32) return false;
  if (a == 192 && (c == 168 || (c == 0 && (b[2] == 0 || b[2] == 2)))) return false;
  if (a == 198 && (c == 18 || c == 19 || (c == 51 && b[2] == 100))) return false;
  return !(a == 203 && c == 0 && b[2] == 113);
}

bool is_public_v6(const unsigned char* b) {
  static constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (std::equal(mapped.begin(), mapped.end(), b)) return is_public_v4(b + 12);
  if (b[0] == 0x00 && b[1] == 0x64 && b[2] == 0xFF && b[3] == 0x9B) return is_public_v4(b + 12);  // NAT64
  if (b[0] == 0x20 && b[1] == 0x02) return is_public_v4(b + 2);                                   // 6to4
  if ((b[0] & 0xE0) != 0x20) return false;                                                        // only 2000::/3 is global unicast
  return !(b[0] == 0x20 && b[1] == 0x01 && (b[2] == 0x0D && b[3] == 0xB8));                        // documentation
}

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK || text == nullptr) return {};
  const std::string out(text);
  curl_free(text);
  return out;
}

/// `HOST:PORT:ADDRESS` for CURLOPT_RESOLVE, after looking at every address that the name has.
std::string pinned(const std::string& address, bool allow_private) {
  const std::unique_ptr<CURLU, Ended> url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, address.c_str(), 0) != CURLUE_OK)
    throw Error(ErrorCode::invalid_argument, "The address is malformed: " + address);
  std::string host = part_of(url.get(), CURLUPART_HOST);
  const std::string port = part_of(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  const bool literal = host.size() > 2 && host.front() == '[';
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo((literal ? host.substr(1, host.size() - 2) : host).c_str(), port.c_str(), &hints, &found);
  if (error != 0) throw Error(ErrorCode::unavailable, "The host " + host + " is not found: " + gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> guard(found, freeaddrinfo);
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* bytes = one->ai_family == AF_INET6 ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(one->ai_addr)->sin6_addr)
                                                   : static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(one->ai_addr)->sin_addr);
    if (inet_ntop(one->ai_family, bytes, text.data(), text.size()) == nullptr) continue;
    if (!allow_private && !is_public_address(text.data())) continue;
    return host + ":" + port + ":" + (one->ai_family == AF_INET6 ? "[" + std::string(text.data()) + "]" : std::string(text.data()));
  }
  throw Error(ErrorCode::invalid_argument, "The host " + host + " is of a private network, where nothing is sent; `webhooks.allow_private: true` in "
                                           "caravan.yaml permits it");
}

}  // namespace

bool is_public_address(const std::string& address) {
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(AF_INET, address.c_str(), bytes.data()) == 1) return is_public_v4(bytes.data());
  return inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1 && is_public_v6(bytes.data());
}

void send_mail(const MailServer& server, const std::string& to, const std::string& message) {
  const Handle handle = new_handle(server.timeout_seconds);
  CURL* curl = handle.get();
  std::array<char, CURL_ERROR_SIZE> error{};
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error.data());
  curl_easy_setopt(curl, CURLOPT_URL, server.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  const long tls = server.tls == MailServer::Tls::required ? CURLUSESSL_ALL : server.tls == MailServer::Tls::opportunistic ? CURLUSESSL_TRY : CURLUSESSL_NONE;
  curl_easy_setopt(curl, CURLOPT_USE_SSL, tls);
  if (!server.user.empty()) {
    curl_easy_setopt(curl, CURLOPT_USERNAME, server.user.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, server.password.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_MAIL_FROM, ("<" + server.from + ">").c_str());
  Strings recipients;
  add(recipients, "<" + to + ">");
  curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients.get());
  Unsent unsent{message};
  curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
  curl_easy_setopt(curl, CURLOPT_READDATA, &unsent);
  const CURLcode code = curl_easy_perform(curl);
  if (code == CURLE_OK) return;
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  const std::string why = error[0] != 0 ? error.data() : curl_easy_strerror(code);
  // RFC 5321, 4.2.1: 5yz is final, 4yz may be tried again.
  const bool final = status >= 500 && status < 600;
  throw Error(final ? ErrorCode::invalid_argument : ErrorCode::unavailable, "The mail server did not take the message: " + why);
}

int post_json(const std::string& url, const std::string& body, const std::vector<std::pair<std::string, std::string>>& headers, bool allow_private,
              int timeout_seconds) {
  const std::string address = pinned(url, allow_private);
  const Handle handle = new_handle(timeout_seconds);
  CURL* curl = handle.get();
  std::array<char, CURL_ERROR_SIZE> error{};
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error.data());
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  Strings resolve, lines;
  add(resolve, address);
  curl_easy_setopt(curl, CURLOPT_RESOLVE, resolve.get());
  add(lines, "Content-Type: application/json");
  add(lines, "User-Agent: Caravan");
  add(lines, "Expect:");
  for (const auto& [name, value] : headers) add(lines, name + ": " + value);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines.get());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
  std::size_t left = 64 * 1024;
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &left);
  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  // Its answer may be longer than anybody wants to read: the status counts.
  if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && status != 0))
    throw Error(ErrorCode::unavailable, "The address did not answer: " + std::string(error[0] != 0 ? error.data() : curl_easy_strerror(code)));
  return static_cast<int>(status);
}

}  // namespace caravan::channels
