#include "http/client_address.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace caravan::http {
namespace {

IpAddress ip(std::string_view text) {
  return *IpAddress::parse(text);
}

std::string behind(std::string_view peer, const std::vector<std::string_view>& forwarded) {
  return client_behind(ip(peer), forwarded, TrustedProxies({"10.0.0.0/8", "2001:db8::/33", "192.0.2.7"}))
      .to_string();
}

TEST(IpAddress, ParsesAndPrints) {
  EXPECT_EQ(ip("192.0.2.1").to_string(), "192.0.2.1");
  EXPECT_EQ(ip("::ffff:192.0.2.1"), ip("192.0.2.1"));
  EXPECT_EQ(ip("2001:DB8:0::1").to_string(), "2001:db8::1");
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "::g", "1.2.3.4 ", "localhost"})
    EXPECT_FALSE(IpAddress::parse(text)) << text;
}

TEST(IpAddress, CapsIpv6BySixtyFour) {
  EXPECT_EQ(cap_key(ip("2001:db8::1:2:3:4")), cap_key(ip("2001:db8::ffff:0:0:1")));
  EXPECT_FALSE(cap_key(ip("192.0.2.1")) == cap_key(ip("192.0.2.2")));
}

TEST(TrustedProxies, RefusesNonsense) {
  for (const char* entry : {"", "x", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "10.0.0.0/8x"}) {
    EXPECT_THROW(TrustedProxies({entry}), Error) << entry;
  }
}

TEST(TrustedProxies, FindTheClient) {
  EXPECT_EQ(behind("203.0.113.9", {"198.51.100.1"}), "203.0.113.9");  // not a proxy: its word counts nothing
  EXPECT_EQ(behind("10.1.2.3", {}), "10.1.2.3");
  EXPECT_EQ(behind("10.1.2.3", {"198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(behind("10.1.2.3", {"1.1.1.1, 198.51.100.1"}),
            "198.51.100.1");  // the client's own claim is not believed
  EXPECT_EQ(behind("10.1.2.3", {"1.1.1.1, 198.51.100.1 ,192.0.2.7, 10.9.9.9"}), "198.51.100.1");
  EXPECT_EQ(behind("10.1.2.3", {"1.1.1.1", "198.51.100.1", "10.9.9.9"}), "198.51.100.1");
  EXPECT_EQ(behind("10.1.2.3", {"198.51.100.1:4711"}), "198.51.100.1");
  EXPECT_EQ(behind("2001:db8:7fff::1", {"[2400::5]:80"}), "2400::5");
  EXPECT_EQ(behind("2001:db8:8000::1", {"198.51.100.1"}), "2001:db8:8000::1");
  EXPECT_EQ(behind("10.1.2.3", {"198.51.100.1, nonsense"}), "10.1.2.3");
  EXPECT_EQ(behind("10.1.2.3", {"unknown, 10.4.4.4"}), "10.4.4.4");
  EXPECT_EQ(behind("10.1.2.3", {""}), "10.1.2.3");
}

}  // namespace
}  // namespace caravan::http
