#include "channels/transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "channels/delivery.h"

namespace caravan::channels {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// The example of https://www.standardwebhooks.com and its reference libraries.
TEST(Signature, IsThatOfStandardWebhooks) {
  const auto secret = secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  ASSERT_TRUE(secret);
  const auto headers = signature(*secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})");
  ASSERT_EQ(headers.size(), 3U);
  EXPECT_EQ(headers[0], (std::pair<std::string, std::string>("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")));
  EXPECT_EQ(headers[1], (std::pair<std::string, std::string>("webhook-timestamp", "1614265330")));
  EXPECT_EQ(headers[2], (std::pair<std::string, std::string>("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")));
}

TEST(Secret, IsReadBack) {
  EXPECT_EQ(secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").value_or("").size(), 24U);
  const std::string secret(32, 'k');
  EXPECT_EQ(secret_of(secret_text(secret)), secret);
  EXPECT_FALSE(secret_of("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
  EXPECT_FALSE(secret_of("whsec_c2hvcnQ="));
  EXPECT_FALSE(secret_of("whsec_***"));
}

TEST(Addresses, OfPrivateNetworksAreKnown) {
  for (const char* address : {"127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
                              "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "::ffff:127.0.0.1",
                              "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:0001::", "2001:db8::1", "192.0.2.1", "198.51.100.7", "not an address"}) {
    EXPECT_FALSE(is_public_address(address)) << address;
  }
  for (const char* address : {"8.8.8.8", "172.32.0.1", "100.128.0.1", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"}) {
    EXPECT_TRUE(is_public_address(address)) << address;
  }
}

TEST(Webhooks, DoNotGoToThisMachine) {
  for (const char* url : {"http://127.0.0.1:9/", "http://localhost:9/", "http://[::1]:9/", "http://0.0.0.0:9/", "http://2130706433:9/"}) {
    try {
      post_json(url, "{}", {}, false, 3);
      FAIL() << url;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument) << url << ": " << error.message();
    }
  }
}

TEST(Mail, SaysWhatItWasGiven) {
  const std::string text = mail_text("环球旅行社", "desk@example.com", "li@example.com", "您的咨询 INQ-2026-000001", "您好，\n谢谢。\n.\n再见", "m-1@example.com",
                                     Timestamp{1'767'225'600'000'000});
  EXPECT_THAT(text, HasSubstr("To: li@example.com\r\n"));
  EXPECT_THAT(text, HasSubstr("<desk@example.com>\r\n"));
  EXPECT_THAT(text, HasSubstr("Message-Id: <m-1@example.com>\r\n"));
  EXPECT_THAT(text, HasSubstr("Date: Thu, 01 Jan 2026 00:00:00"));
  EXPECT_THAT(text, HasSubstr("Content-Transfer-Encoding: base64\r\n"));
  EXPECT_THAT(text, HasSubstr("Auto-Submitted: auto-generated\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("您")));  // headers and body are encoded
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1)) EXPECT_EQ(text[at - 1], '\r');
}

TEST(Mail, HasOneAddresseeAndNoHeaderOfAValue) {
  for (const char* to : {"a@example.com, b@example.com", "a@example.com\r\nBcc: b@example.com", "nobody", "@example.com", "a@", "a b@example.com", "<a@example.com>"}) {
    EXPECT_THROW(mail_text("", "desk@example.com", to, "s", "b", "i@e", Timestamp{}), Error) << to;
  }
  const std::string text = mail_text("Desk\r\nBcc: x@example.com", "desk@example.com", "a@example.com", "s\r\nBcc: x@example.com", "b", "i@e", Timestamp{});
  EXPECT_THAT(text, Not(HasSubstr("\r\nBcc:")));
}

}  // namespace
}  // namespace caravan::channels
