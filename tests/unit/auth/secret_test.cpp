#include "auth/secret.h"

#include <gtest/gtest.h>

#include <set>

#include "auth/password.h"
#include "auth/roles.h"
#include "auth/service.h"

namespace caravan::auth {
namespace {

TEST(Secret, IsRandomBase64url) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string secret = random_secret();
    EXPECT_TRUE(is_secret(secret)) << secret;
    EXPECT_TRUE(seen.insert(secret).second);
  }
}

TEST(Secret, OtherFormsAreNone) {
  const std::string good(secret_length, 'a');
  EXPECT_TRUE(is_secret(good));
  EXPECT_FALSE(is_secret(""));
  EXPECT_FALSE(is_secret(good + "a"));
  EXPECT_FALSE(is_secret(good.substr(1)));
  for (char bad : {'=', '+', '/', ' ', '\0', '\n', '\x80'}) {
    std::string text = good;
    text[7] = bad;
    EXPECT_FALSE(is_secret(text));
  }
}

TEST(Secret, DigestIsSha256InHex) {
  EXPECT_EQ(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Secret, CacheKeysDifferByProcessKeyAndText) {
  const CacheHasher one, other;
  EXPECT_EQ(one("x"), one("x"));
  EXPECT_NE(one("x"), one("y"));
  EXPECT_NE(one("x"), other("x"));
}

TEST(Secret, ComparesWhole) {
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_FALSE(same_secret("abc", "abd"));
  EXPECT_FALSE(same_secret("abc", "ab"));
  EXPECT_TRUE(same_secret("", ""));
}

TEST(RandomPassword, HasTwentyCharactersThatNobodyMixesUp) {
  for (int i = 0; i < 200; ++i) {
    const std::string password = random_password();
    EXPECT_EQ(password.size(), 20u);
    EXPECT_EQ(password.find_first_of("0O1lI"), std::string::npos) << password;
  }
  EXPECT_NE(random_password(), random_password());
}

TEST(Password, VerifiesOnlyTheRightOne) {
  PasswordHasher hasher;
  const std::string hash = hasher.hash("correct horse");
  EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << hash;
  EXPECT_TRUE(hasher.verify(hash, "correct horse"));
  EXPECT_FALSE(hasher.verify(hash, "correct horse "));
  EXPECT_FALSE(hasher.verify(hash, ""));
  EXPECT_FALSE(hasher.verify("", "correct horse"));
  EXPECT_FALSE(hasher.verify("", ""));
  EXPECT_FALSE(hasher.verify("not a hash", "correct horse"));
  EXPECT_FALSE(hasher.outdated(hash));
  EXPECT_TRUE(
      hasher.outdated("$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$"
                      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
}

TEST(Roles, ReadsAnArrayOfNames) {
  using V = std::vector<std::string>;
  EXPECT_EQ(parse_roles(R"(["sales.salesperson", "core.administrator"])"),
            (V{"sales.salesperson", "core.administrator"}));
  EXPECT_EQ(parse_roles(" [ ] "), V{});
  EXPECT_EQ(parse_roles("[\"a\"\n,\t\"b\"]"), (V{"a", "b"}));
}

TEST(Roles, MalformedTextGivesNone) {
  for (const char* text : {"", "null", "{}", "[", "[1]", "[\"a\"", "[\"a\",]", "[\"a\" \"b\"]", "\"a\"",
                           "[\"a\\\"b\"]", "[\"\"]"})
    EXPECT_TRUE(parse_roles(text).empty()) << text;
}

}  // namespace
}  // namespace caravan::auth
