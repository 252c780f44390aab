#include "plugin/signature.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace caravan::plugin {
namespace {

using State = Signature::State;

struct Signed : ::testing::Test {
  const KeyPair keys = make_keys(), others = make_keys();
  const std::string content = "kind: pack\nname: gift\n", bytes = sign(content, keys.secret_key);
};

TEST_F(Signed, IsSoundAndNamesItsKey) {
  const Signature signature = read_signature(bytes);
  EXPECT_EQ(signature.state, State::sound);
  EXPECT_EQ(signature.key, keys.public_key);
  EXPECT_EQ(unsigned_part(bytes), content);
  EXPECT_TRUE(bytes.starts_with(content + "\n# caravan-signature: ed25519 " + keys.public_key + " "));
}

TEST_F(Signed, EveryChangedByteIsNoticed) {
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string other = bytes;
    other[at] = static_cast<char>(other[at] ^ 1);
    EXPECT_NE(read_signature(other).state, State::sound) << at;
  }
  EXPECT_EQ(read_signature(bytes + "x").state, State::damaged);
  EXPECT_EQ(read_signature(bytes.substr(0, bytes.size() - 1)).state, State::damaged);
  EXPECT_EQ(read_signature("x" + bytes).state, State::damaged);
}

TEST_F(Signed, AnyBytesAndNone) {
  std::string binary(5000, '\0');
  for (std::size_t i = 0; i < binary.size(); ++i) binary[i] = static_cast<char>(i * 7);
  for (const std::string& one : {std::string(), std::string("\n"), binary}) EXPECT_EQ(read_signature(sign(one, keys.secret_key)).state, State::sound);
  EXPECT_EQ(read_signature("").state, State::none);
  EXPECT_EQ(read_signature(content).state, State::none);
  EXPECT_EQ(unsigned_part(content), content);
}

TEST_F(Signed, SigningAgainReplaces) {
  const std::string again = sign(bytes, others.secret_key);
  EXPECT_EQ(again.size(), bytes.size());
  EXPECT_EQ(read_signature(again).key, others.public_key);
  EXPECT_EQ(unsigned_part(again), content);
}

TEST_F(Signed, NobodySignsInAnothersName) {
  std::string forged = sign(content, others.secret_key);
  forged.replace(forged.find(others.public_key), others.public_key.size(), keys.public_key);
  EXPECT_EQ(read_signature(forged).state, State::damaged);
}

TEST_F(Signed, IsJudgedByTheAgencysKeys) {
  const TrustedKeys trusted{{"another", others.public_key}, {"partner", keys.public_key}};
  const Trust known = judge(read_signature(bytes), trusted);
  EXPECT_EQ(known.state, Trust::State::trusted);
  EXPECT_EQ(known.by, "partner");
  EXPECT_EQ(known.sentence(), "signed by partner");
  EXPECT_TRUE(known.allowed(true));
  const Trust unknown = judge(read_signature(bytes), {});
  EXPECT_EQ(unknown.state, Trust::State::unknown);
  EXPECT_NE(unknown.sentence().find(keys.public_key), std::string::npos);
  const Trust nobody = judge(read_signature(content), trusted);
  EXPECT_EQ(nobody.sentence(), "not signed");
  const Trust damaged = judge(read_signature(bytes + " "), trusted);
  for (const Trust& one : {unknown, nobody}) {
    EXPECT_TRUE(one.allowed(false));
    EXPECT_FALSE(one.allowed(true));
  }
  EXPECT_FALSE(damaged.allowed(false));
}

TEST(Keys, AreChecked) {
  EXPECT_EQ(mistake_in_key(make_keys().public_key), "");
  for (const std::string& text : {std::string(), std::string("abc"), make_keys().secret_key, make_keys().public_key + "A"}) EXPECT_NE(mistake_in_key(text), "") << text;
  EXPECT_THROW(sign("x", make_keys().public_key), Error);
  EXPECT_NE(make_keys().secret_key, make_keys().secret_key);
}

}  // namespace
}  // namespace caravan::plugin
