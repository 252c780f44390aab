#include "plugin/pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "model/loader.h"

namespace caravan::plugin {
namespace {

using ::testing::HasSubstr;

const std::string manifest = "# A gift.\nkind: pack\nname: gift\nversion: 1.2.0\nlabel: {en: Gift}\nrequires: {sales: \">=1\"}\n";
const std::string role = "kind: role\nname: agency.giver\nlabel: {en: Giver}\n";

std::string mistakes(const std::string& text) {
  try {
    read_pack(text, "gift.pack.yaml");
  } catch (const Error& error) {
    return error.message();
  }
  return {};
}

TEST(Pack, IsItsManifestAndDefinitionsInOneText) {
  const std::string text = make_pack(manifest, "pack.yaml", {{"a.yaml", "---\n" + role}, {"b.yaml", role + "---\n" + role}});
  const Pack pack = read_pack(text, "gift-1.2.0.pack.yaml");
  EXPECT_EQ(pack.manifest.name, "gift");
  EXPECT_EQ(to_string(pack.manifest.version), "1.2.0");
  EXPECT_EQ(pack.manifest.edition, model::current_edition);
  EXPECT_EQ(pack.manifest.dependencies.at("sales").text(), ">=1");
  EXPECT_EQ(pack_file_name(pack.manifest), "gift-1.2.0.pack.yaml");
  EXPECT_EQ(pack.hash.size(), 64u);
  EXPECT_EQ(pack.signature.state, Signature::State::none);
  EXPECT_EQ(pack.definitions.find("kind: pack"), std::string::npos);
  // Lines keep their numbers.
  EXPECT_EQ(std::count(pack.definitions.begin(), pack.definitions.end(), '\n'), std::count(text.begin(), text.end(), '\n'));
  std::size_t roles = 0;
  for (std::size_t at = 0; (at = pack.definitions.find("agency.giver", at)) != std::string::npos; ++at) ++roles;
  EXPECT_EQ(roles, 3u);
}

TEST(Pack, MistakesStandWhereTheyAreInTheFile) {
  const std::string text = make_pack(manifest, "pack.yaml", {{"a.yaml", "kind: role\nname: agency.giver\nlabl: {en: Giver}\n"}});
  const auto loaded = model::load_catalog({model::core_layer(), {"pack gift", {{"gift.pack.yaml", read_pack(text, "gift.pack.yaml").definitions, ""}}}}, {});
  ASSERT_FALSE(loaded.catalog);
  const auto misspelt = std::find_if(loaded.diagnostics.begin(), loaded.diagnostics.end(), [](const auto& one) { return one.message.find("labl") != std::string::npos; });
  ASSERT_NE(misspelt, loaded.diagnostics.end());
  EXPECT_EQ(misspelt->at.line, 11u);  // six lines of manifest, `---`, the file's name and two lines before it
}

TEST(Pack, NeedsASoundManifest) {
  EXPECT_EQ(mistakes(manifest), "");
  EXPECT_THAT(mistakes("name: gift\nversion: 1.0.0\nlabel: {en: x}\n"), HasSubstr("kind is missing"));
  EXPECT_THAT(mistakes("kind: role\nname: gift\nversion: 1.0.0\nlabel: {en: x}\n"), HasSubstr("`kind: pack`"));
  EXPECT_THAT(mistakes(manifest + "sdk: \">=1\"\n"), HasSubstr("unknown word \"sdk\""));
  EXPECT_THAT(mistakes(""), HasSubstr("gift.pack.yaml"));
  EXPECT_THROW(make_pack(manifest + "---\n" + role, "pack.yaml", {}), Error);
}

TEST(Pack, IsSignedInItsLastLine) {
  const KeyPair keys = make_keys();
  const std::string text = make_pack(manifest, "pack.yaml", {{"a.yaml", role}}), bytes = sign(text, keys.secret_key);
  const Pack pack = read_pack(bytes, "x");
  EXPECT_EQ(pack.signature.state, Signature::State::sound);
  EXPECT_EQ(pack.definitions, read_pack(text, "x").definitions);
}

TEST(Edition, IsOneThatTheServerKnows) {
  EXPECT_EQ(read_pack(manifest + "edition: 2026\n", "x").manifest.edition, 2026);
  EXPECT_THAT(mistakes(manifest + "edition: 2025\n"), HasSubstr("no edition \"2025\""));
  EXPECT_THAT(mistakes(manifest + "edition: 2031\n"), HasSubstr("use a newer server"));
  EXPECT_THAT(mistakes(manifest + "edition: old\n"), HasSubstr("no edition"));
  EXPECT_EQ(parse_manifest("name: x\nversion: 1.0.0\nlabel: {en: x}\nsdk: \">=1\"\nedition: 2026\n", "x").edition, 2026);
}

}  // namespace
}  // namespace caravan::plugin
