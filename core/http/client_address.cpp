#include "http/client_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/error.h"
#include "http/framing.h"

namespace caravan::http {
namespace {

constexpr std::array<std::uint8_t, 12> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/// An element of X-Forwarded-For: an address, perhaps with a port or in brackets.
std::optional<IpAddress> parse_hop(std::string_view text) {
  if (!text.empty() && text.front() == '[') {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    return IpAddress::parse(text.substr(1, end - 1));
  }
  if (std::count(text.begin(), text.end(), ':') == 1) text = text.substr(0, text.find(':'));
  return IpAddress::parse(text);
}

}  // namespace

bool IpAddress::is_v4() const {
  return std::equal(v4_prefix.begin(), v4_prefix.end(), bytes.begin());
}

std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (is_v4()) {
    inet_ntop(AF_INET, bytes.data() + 12, text, sizeof text);
  } else {
    inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
  }
  return text;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof buffer) return std::nullopt;
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  if (std::strlen(buffer) != text.size()) return std::nullopt;
  IpAddress address;
  if (inet_pton(AF_INET6, buffer, address.bytes.data()) == 1) return address;
  std::copy(v4_prefix.begin(), v4_prefix.end(), address.bytes.begin());
  if (inet_pton(AF_INET, buffer, address.bytes.data() + 12) == 1) return address;
  return std::nullopt;
}

IpAddress cap_key(const IpAddress& address) {
  if (address.is_v4()) return address;
  IpAddress key = address;
  std::fill(key.bytes.begin() + 8, key.bytes.end(), std::uint8_t{0});
  return key;
}

std::size_t IpAddressHash::operator()(const IpAddress& address) const {
  std::uint64_t high = 0, low = 0;
  std::memcpy(&high, address.bytes.data(), 8);
  std::memcpy(&low, address.bytes.data() + 8, 8);
  return static_cast<std::size_t>((high * 0x9e3779b97f4a7c15u) ^ (low * 0xc2b2ae3d27d4eb4fu));
}

TrustedProxies::TrustedProxies(const std::vector<std::string>& entries) {
  for (const auto& entry : entries) {
    const auto slash = entry.find('/');
    const auto address = IpAddress::parse(std::string_view(entry).substr(0, slash));
    int prefix = 0;
    bool fine = address.has_value();
    if (fine) {
      const int widest = address->is_v4() ? 32 : 128;
      prefix = widest;
      if (slash != std::string::npos) {
        const char* begin = entry.data() + slash + 1;
        const char* end = entry.data() + entry.size();
        const auto [rest, error] = std::from_chars(begin, end, prefix);
        fine = error == std::errc() && rest == end && prefix >= 0 && prefix <= widest;
      }
      if (address->is_v4()) prefix += 96;
    }
    if (!fine) {
      throw Error(
          ErrorCode::invalid_argument,
          "trusted_proxies: '" + entry + "' is neither an address (10.0.0.1) nor a block (10.0.0.0/8)");
    }
    blocks_.push_back({*address, prefix});
  }
}

bool TrustedProxies::contains(const IpAddress& address) const {
  return std::any_of(blocks_.begin(), blocks_.end(), [&address](const Block& block) {
    const auto whole = static_cast<std::ptrdiff_t>(block.prefix / 8);
    if (!std::equal(address.bytes.begin(), address.bytes.begin() + whole, block.network.bytes.begin()))
      return false;
    const int bits = block.prefix % 8;
    if (bits == 0) return true;
    const auto index = static_cast<std::size_t>(whole);
    const int mask = (0xff << (8 - bits)) & 0xff;
    return (address.bytes[index] & mask) == (block.network.bytes[index] & mask);
  });
}

IpAddress client_behind(const IpAddress& peer, const std::vector<std::string_view>& forwarded_for,
                        const TrustedProxies& trusted) {
  IpAddress client = peer;
  for (auto field = forwarded_for.rbegin(); field != forwarded_for.rend(); ++field) {
    std::string_view list = *field;
    while (true) {
      if (!trusted.contains(client)) return client;
      const auto comma = list.rfind(',');
      const auto hop =
          parse_hop(trim_blanks(comma == std::string_view::npos ? list : list.substr(comma + 1)));
      if (!hop) return client;
      client = *hop;
      if (comma == std::string_view::npos) break;
      list = list.substr(0, comma);
    }
  }
  return client;
}

}  // namespace caravan::http
