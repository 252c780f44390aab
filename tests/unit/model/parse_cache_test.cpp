#include "model/parse_cache.h"

#include <gmock/gmock.h>

#include "model/import_map.h"

namespace caravan::model {
namespace {

const std::string yaml = R"(kind: choices
name: demo.channel
label: {en: Channel, zh-CN: 渠道}
options:
  phone: {label: {en: "Phone: \"it\"", zh-CN: 电话}}
  web: {label: {en: Website, zh-CN: 网站}}
---
kind: entity
name: demo.trip
label: {en: Trip, zh-CN: 行程}
fields:
  seats: {type: int, min: 1, label: {en: Seats, zh-CN: 座位}}
  channel: {type: choice, choices: demo.channel, label: {en: Channel, zh-CN: 渠道}}
  note:
    type: text
    multiline: true
    label: {en: Note, zh-CN: 备注}
    help: |
      Two
      lines
)";

std::vector<SourceLayer> layers(const std::string& text) { return {core_layer(), {"agency", {{"demo.yaml", text, ""}}}}; }

std::string said(const LoadResult& result) {
  std::string out = result.catalog ? result.catalog->hash + "\n" : std::string("none\n");
  for (const auto& one : result.diagnostics) out += to_string(one) + "\n";
  if (result.catalog) {
    for (const auto& entity : result.catalog->entities) {
      out += entity->full_name + " " + std::to_string(entity->origin.line) + "\n";
      for (const auto& field : entity->fields) {
        out += field->name + " " + std::to_string(field->origin.line) + ":" + std::to_string(field->origin.column) + " " + field->label.in("zh-CN") + " " +
               field->help.in("en") + "\n";
      }
    }
  }
  return out;
}

TEST(ParseCache, GivesWhatReadingGives) {
  const std::string plain = said(load_catalog(layers(yaml), {}));
  ParseCache first("", "program 1");
  EXPECT_EQ(said(load_catalog(layers(yaml), {}, first)), plain);
  EXPECT_EQ(first.found(), 0u);
  EXPECT_GE(first.kept(), 3u);
  EXPECT_TRUE(first.changed());
  ParseCache second(first.bytes(), "program 1");
  EXPECT_EQ(said(load_catalog(layers(yaml), {}, second)), plain);
  EXPECT_EQ(second.kept(), 0u);
  EXPECT_EQ(second.found(), first.kept());
  EXPECT_FALSE(second.changed());
}

TEST(ParseCache, ReadsAgainWhatChangedAndForgetsWhatIsGone) {
  ParseCache first("", "p");
  load_catalog(layers(yaml), {}, first);
  std::string other = yaml;
  other.replace(other.find("min: 1"), 6, "min: 2");
  ParseCache second(first.bytes(), "p");
  EXPECT_EQ(said(load_catalog(layers(other), {}, second)), said(load_catalog(layers(other), {})));
  EXPECT_EQ(second.kept(), 1u);
  EXPECT_TRUE(second.changed());
  // The same text on another line is another place.
  ParseCache third(second.bytes(), "p");
  EXPECT_EQ(said(load_catalog(layers("\n" + other), {}, third)), said(load_catalog(layers("\n" + other), {})));
  EXPECT_LT(third.bytes().size(), second.bytes().size() * 2);
}

TEST(ParseCache, MistakesAreToldEachTime) {
  const std::string faulty = yaml + "---\nkind: entity\nname: demo.bad\nlabel: a\nlabel: b\n";
  const std::string plain = said(load_catalog(layers(faulty), {}));
  ParseCache first("", "p");
  EXPECT_EQ(said(load_catalog(layers(faulty), {}, first)), plain);
  ParseCache second(first.bytes(), "p");
  EXPECT_EQ(said(load_catalog(layers(faulty), {}, second)), plain);
  EXPECT_THAT(plain, ::testing::HasSubstr("duplicate-key"));
}

TEST(ParseCache, OfAnotherProgramIsNotBelieved) {
  ParseCache first("", "p");
  load_catalog(layers(yaml), {}, first);
  ParseCache second(first.bytes(), "q");
  load_catalog(layers(yaml), {}, second);
  EXPECT_EQ(second.found(), 0u);
}

TEST(ParseCache, DamageOfAnyByteCostsOnlyTime) {
  ParseCache first("", "p");
  const std::string plain = said(load_catalog(layers(yaml), {}, first));
  const std::string bytes = first.bytes();
  for (std::size_t at = 0; at < bytes.size(); at += 37) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    ParseCache cache(damaged, "p");
    ASSERT_EQ(said(load_catalog(layers(yaml), {}, cache)), plain) << at;
    ASSERT_EQ(cache.found(), 0u) << at;
  }
  for (std::size_t size = 0; size < bytes.size(); size += 101) {
    ParseCache cache(bytes.substr(0, size), "p");
    ASSERT_EQ(said(load_catalog(layers(yaml), {}, cache)), plain) << size;
  }
}

TEST(ImportMaps, AreDefinitionsThatLayersChange) {
  const std::string map = R"(---
kind: import_map
name: demo.sheet
label: {en: Sheet, zh-CN: 表格}
entity: demo.trip
source: sheet
records:
  trip:
    entity: demo.trip
    external_id: {column: Id}
    fields:
      seats: {column: Seats, empty: null}
      channel: {column: Way, map: {Tel: phone, "": web}, unmapped: note}
)";
  const std::string change = "kind: import_map\nname: demo.sheet\nrecords: {trip: {fields: {channel: {map: {Tel: null, Fon: phone}}, note: {template: \"From {City}\"}}}}\n";
  const auto result = load_catalog({core_layer(), {"plugin demo", {{"demo.yaml", yaml + map, "demo"}}}, {"agency", {{"mine.yaml", change, ""}}}}, {});
  ASSERT_TRUE(result.catalog) << said(result);
  ASSERT_EQ(result.catalog->import_maps.size(), 1u);
  const ImportMap& found = *result.catalog->import_maps[0];
  EXPECT_EQ(found.name, "demo.sheet");
  EXPECT_EQ(found.label.in("zh-CN"), "表格");
  ASSERT_EQ(found.records.size(), 1u);
  ASSERT_EQ(found.records[0].fields.size(), 3u);
  const ImportField& channel = found.records[0].fields[1];
  EXPECT_FALSE(channel.map.contains("Tel"));
  EXPECT_EQ(channel.map.at("Fon").value, "phone");
  EXPECT_EQ(found.records[0].fields[2].source, ImportField::Source::text_template);
}

TEST(Moved, ThroughWhatIsNoMoreEither) {
  const std::string text = yaml + "---\nkind: choices\nname: demo.way\nlabel: {en: Way, zh-CN: 方式}\noptions: {web: {label: {en: Website, zh-CN: 网站}}}\n"
                                  "moved: {fax: telex, telex: letter, letter: web}\n";
  const auto result = load_catalog(layers(text), {});
  ASSERT_TRUE(result.catalog) << said(result);
  const Choices* way = result.catalog->choices("demo.way");
  ASSERT_NE(way, nullptr);
  for (const char* gone : {"fax", "telex", "letter"}) EXPECT_EQ(way->moved.at(gone), "web") << gone;
}

}  // namespace
}  // namespace caravan::model
