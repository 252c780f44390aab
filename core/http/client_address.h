#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace caravan::http {

/// An IPv6 address, or an IPv4 one in its mapped form (::ffff:a.b.c.d).
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const IpAddress&) const = default;
  bool is_v4() const;
  std::string to_string() const;
  /// `192.0.2.1`, `2001:db8::1`; nullopt where malformed.
  static std::optional<IpAddress> parse(std::string_view text);
};

/// What addresses share one cap of connections: an IPv4 address, or an IPv6 /64, which one client usually
/// owns whole.
IpAddress cap_key(const IpAddress& address);

struct IpAddressHash {
  std::size_t operator()(const IpAddress& address) const;
};

/// Addresses and CIDR blocks whose forwarded fields are believed.
class TrustedProxies {
 public:
  TrustedProxies() = default;
  /// Throws Error(invalid_argument) naming the entry that is malformed.
  explicit TrustedProxies(const std::vector<std::string>& entries);
  bool contains(const IpAddress& address) const;

 private:
  struct Block {
    IpAddress network;
    int prefix = 128;
  };
  std::vector<Block> blocks_;
};

/// The client behind `peer`: goes through X-Forwarded-For (all fields, in order) from its end while the hop
/// is trusted; stops at the first that is not, or is malformed.
IpAddress client_behind(const IpAddress& peer, const std::vector<std::string_view>& forwarded_for,
                        const TrustedProxies& trusted);

}  // namespace caravan::http
