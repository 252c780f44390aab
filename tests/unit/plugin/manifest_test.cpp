#include "plugin/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace caravan::plugin {
namespace {

using ::testing::HasSubstr;

std::string mistakes(std::string_view yaml) {
  try {
    parse_manifest(yaml, "x.so:plugin.yaml");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    return error.message();
  }
  ADD_FAILURE() << "accepted: " << yaml;
  return {};
}

TEST(Manifest, IsRead) {
  const Manifest m = parse_manifest(R"(name: sales
version: 0.1.0
label: {en: Sales, zh-CN: 销售}
icon: phone
order: 20
sdk: ">=0.1 <1"
requires: {customers: ">=0.1 <1"}
description: Inquiries and orders.
vendor: Example Ltd
)",
                                    "sales.so:plugin.yaml");
  EXPECT_EQ(m.name, "sales");
  EXPECT_EQ(to_string(m.version), "0.1.0");
  EXPECT_EQ(m.label.in("zh-CN"), "销售");
  EXPECT_EQ(m.icon, "phone");
  EXPECT_EQ(m.order, 20);
  EXPECT_TRUE(m.sdk.contains({0, 1, 0, {}}));
  ASSERT_EQ(m.dependencies.size(), 1u);
  EXPECT_EQ(m.dependencies.at("customers").text(), ">=0.1 <1");
  EXPECT_EQ(m.description.in("en"), "Inquiries and orders.");
  EXPECT_EQ(m.vendor, "Example Ltd");
}

TEST(Manifest, NamesEveryMistakeWithItsPlace) {
  const std::string all = mistakes(
      "name: My-Plugin\nversion: 1.0\nlabel: {en: X}\nsdk: latest\nrequires: {a: newest}\norder: -1\ncolour: "
      "red\n");
  EXPECT_THAT(all, HasSubstr("x.so:plugin.yaml:1:7: error: name: \"My-Plugin\" cannot name a plugin"));
  EXPECT_THAT(all, HasSubstr("x.so:plugin.yaml:2:10: error: version: \"1.0\" is not a version"));
  EXPECT_THAT(all, HasSubstr("x.so:plugin.yaml:4:6: error: sdk: \"latest\" is not a range"));
  EXPECT_THAT(all, HasSubstr("x.so:plugin.yaml:5:15: error: requires: a: \"newest\" is not a range"));
  EXPECT_THAT(all, HasSubstr("order: \"-1\""));
  EXPECT_THAT(all, HasSubstr("unknown word \"colour\""));
}

TEST(Manifest, MigrationsAreReadInTheirOrder) {
  const Manifest manifest = parse_manifest(
      "name: gift\nversion: 1.1.0\nlabel: Gift\nsdk: \">=0.1\"\n"
      "migrations:\n  later: {entity: item, action: fill, where: \"record.code == null\"}\n  again: {entity: other.thing, action: count}\n",
      "x.so:plugin.yaml");
  ASSERT_EQ(manifest.migrations.size(), 2u);
  EXPECT_EQ(manifest.migrations[0].name, "later");
  EXPECT_EQ(manifest.migrations[0].entity, "gift.item");
  EXPECT_EQ(manifest.migrations[0].action, "gift.fill");
  EXPECT_EQ(manifest.migrations[0].where, "record.code == null");
  EXPECT_EQ(manifest.migrations[1].entity, "other.thing");
  const std::string all = mistakes(
      "name: gift\nversion: 1.1.0\nlabel: Gift\nsdk: \">=0.1\"\nmigrations: {Later: {entity: item, act: fill}}\n");
  EXPECT_THAT(all, HasSubstr("\"Later\" cannot name one"));
  EXPECT_THAT(all, HasSubstr("unknown word \"act\": a migration has entity, action and where"));
  EXPECT_THAT(all, HasSubstr("Later lacks action"));
}

TEST(Manifest, RefusesWhatIsNoManifest) {
  EXPECT_THAT(mistakes(""), HasSubstr("the manifest is empty"));
  EXPECT_THAT(mistakes("a: 1\n---\nb: 2\n"), HasSubstr("must be one YAML document"));
  EXPECT_THAT(mistakes("- a\n- b\n"), HasSubstr("must be a map"));
  EXPECT_THAT(mistakes("just text"), HasSubstr("must be a map"));
  EXPECT_THAT(mistakes("name: [\n"), HasSubstr("not valid YAML"));
  EXPECT_THAT(mistakes("{}"), HasSubstr("name is missing"));
  EXPECT_THAT(mistakes("name: a\nname: b\n"), HasSubstr("\"name\" stands twice"));
  EXPECT_THAT(mistakes("name: core\nversion: 1.0.0\nlabel: x\nsdk: \">=0\"\n"),
              HasSubstr("cannot name a plugin"));
  EXPECT_THAT(mistakes("name: {a: b}\n"), HasSubstr("name is not a text"));
  EXPECT_THAT(mistakes("? [1]\n: x\n"), HasSubstr("a key must be a plain word"));
  EXPECT_THAT(mistakes(std::string(100'000, 'x')), HasSubstr("larger than 64 KiB"));
  EXPECT_THAT(mistakes(std::string(20'000, '[')), HasSubstr("nested more than 32 levels deep"));
  EXPECT_NE(mistakes(std::string("a: \0b", 5)), "");
}

}  // namespace
}  // namespace caravan::plugin
