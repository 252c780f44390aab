#include "model/yaml_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "model/loader.h"

namespace caravan::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Parsed {
  FileInfo file;
  std::string text;
  std::vector<Node> documents;
  std::vector<std::string> mistakes;
};

std::unique_ptr<Parsed> parse(std::string text) {
  auto out = std::make_unique<Parsed>();
  out->text = std::move(text);
  out->file.name = "demo.yaml";
  out->file.text = out->text;
  Diagnostics diagnostics;
  std::vector<Chunk> lost;
  for (const Chunk& chunk : split_documents(out->file, diagnostics, lost)) {
    for (Node& node : parse_chunk(chunk, diagnostics).documents) out->documents.push_back(std::move(node));
  }
  for (const Diagnostic& one : diagnostics.take()) out->mistakes.push_back(to_string(one));
  return out;
}

std::string at(const Place& place) {
  return std::to_string(place.line) + ":" + std::to_string(place.column);
}

TEST(YamlTree, KeepsThePlaceOfKeysAndValues) {
  const auto parsed = parse("kind: entity\nfields:\n  a: {type: text}\n  b:\n    - one\n    - two\n");
  ASSERT_THAT(parsed->mistakes, IsEmpty());
  const Node& root = parsed->documents.at(0);
  EXPECT_EQ(at(root.at), "1:1");
  EXPECT_EQ(at(root.entry("kind")->value.at), "1:7");
  const Node& fields = *root.get("fields");
  EXPECT_EQ(at(fields.entry("a")->at), "3:3");
  EXPECT_EQ(at(fields.entry("a")->value.at), "3:6");
  EXPECT_EQ(at(fields.entry("a")->value.entry("type")->value.at), "3:13");
  EXPECT_EQ(at(fields.entry("b")->value.items.at(1).at), "6:7");
}

TEST(YamlTree, ColumnsCountCharactersNotBytes) {
  const auto parsed = parse("label: {zh-CN: 咨询, en: x}\n");
  EXPECT_EQ(at(parsed->documents.at(0).get("label")->entry("en")->at), "1:20");
}

TEST(YamlTree, ReadsSeveralDocumentsWithLinesOfTheWholeFile) {
  const auto parsed = parse("# first\na: 1\n---\nb: 2\n--- # third\n\nc: 3\n...\nd: 4\n");
  ASSERT_THAT(parsed->mistakes, IsEmpty());
  ASSERT_EQ(parsed->documents.size(), 4u);
  EXPECT_EQ(at(parsed->documents[0].entries[0].at), "2:1");
  EXPECT_EQ(at(parsed->documents[1].entries[0].at), "4:1");
  EXPECT_EQ(at(parsed->documents[2].entries[0].at), "7:1");
  EXPECT_EQ(at(parsed->documents[3].entries[0].at), "9:1");
}

TEST(YamlTree, AByteOrderMarkAndWindowsLineEndsDoNotShiftPlaces) {
  const auto parsed = parse(
      "\xEF\xBB\xBF"
      "a: 1\r\nbb: 2\r\n");
  ASSERT_THAT(parsed->mistakes, IsEmpty());
  EXPECT_EQ(at(parsed->documents.at(0).entries.at(1).value.at), "2:5");
  EXPECT_EQ(parsed->documents.at(0).entries.at(1).value.text, "2");
}

TEST(YamlTree, ASyntaxErrorHidesOnlyItsOwnDocument) {
  const auto parsed = parse("a: 1\n---\nb: [1, 2\n---\nc: 3\n---\nd: {x\n");
  EXPECT_EQ(parsed->documents.size(), 2u);
  ASSERT_EQ(parsed->mistakes.size(), 2u);
  EXPECT_THAT(parsed->mistakes[0], HasSubstr("[syntax]"));
}

TEST(YamlTree, RefusesAliasesAnchorsAndTags) {
  const auto parsed = parse("a: &x 1\nb: *x\nc: !!str 3\nd: 4\n");
  EXPECT_THAT(
      parsed->mistakes,
      ElementsAre("demo.yaml:1:4: error: anchors (`&name`) are not allowed: write the value out [alias]",
                  "demo.yaml:2:4: error: aliases (`*name`) are not allowed: write the value out [alias]",
                  HasSubstr("demo.yaml:3:4: error: tags")));
  EXPECT_EQ(parsed->documents.at(0).get("d")->text, "4");
}

TEST(YamlTree, RefusesDuplicateKeysAndKeepsTheFirst) {
  const auto parsed = parse("a: 1\nb: {x: 1, x: 2}\na: 3\n");
  EXPECT_THAT(parsed->mistakes, ElementsAre("demo.yaml:2:11: error: \"x\" stands twice in the same place: "
                                            "the first one is in line 2; keep one [duplicate-key]",
                                            "demo.yaml:3:1: error: \"a\" stands twice in the same place: the "
                                            "first one is in line 1; keep one [duplicate-key]"));
  EXPECT_EQ(parsed->documents.at(0).get("a")->text, "1");
}

TEST(YamlTree, RefusesKeysThatAreNotWords) {
  EXPECT_THAT(parse("? [a, b]\n: 1\nc: 2\n")->mistakes, ElementsAre(HasSubstr("[bad-key]")));
  EXPECT_THAT(parse("{a: 1}: 2\n")->mistakes, ElementsAre(HasSubstr("[bad-key]")));
}

TEST(YamlTree, AllowsThirtyTwoLevelsAndRefusesMore) {
  EXPECT_THAT(parse(std::string(32, '[') + std::string(32, ']'))->mistakes, IsEmpty());
  EXPECT_THAT(parse(std::string(33, '[') + std::string(33, ']'))->mistakes,
              ElementsAre("demo.yaml:1:33: error: nested more than 32 levels deep [too-deep]"));
  EXPECT_THAT(parse(std::string(100000, '['))->mistakes, ElementsAre(HasSubstr("[too-deep]")));
  std::string keys;
  for (int i = 0; i < 100; ++i) keys += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_THAT(parse(keys)->mistakes, ElementsAre(HasSubstr("[too-deep]")));
}

TEST(YamlTree, RefusesBadUtf8WithItsPlace) {
  EXPECT_THAT(
      parse("a: 1\nb: 中\xFF\n")->mistakes,
      ElementsAre("demo.yaml:2:5: error: the file is not UTF-8 here: save the file in UTF-8 [not-utf8]"));
  EXPECT_THAT(parse("a: \xED\xA0\x80\n")->mistakes, ElementsAre(HasSubstr("[not-utf8]")));  // a surrogate
  EXPECT_THAT(parse("a: \xC0\xAF\n")->mistakes, ElementsAre(HasSubstr("[not-utf8]")));      // overlong
}

TEST(YamlTree, RefusesControlCharactersRawAndEscaped) {
  EXPECT_THAT(
      parse(std::string("a: 1\nb: \x04\n"))->mistakes,
      ElementsAre("demo.yaml:2:4: error: a control character in the file: remove it [control-character]"));
  EXPECT_THAT(parse("a: \"x\\0y\"\n")->mistakes, ElementsAre(HasSubstr("[control-character]")));
  EXPECT_THAT(parse("a: \"x\\ty\\n\"\n")->mistakes, IsEmpty());
}

TEST(YamlTree, RefusesLargeFilesAndWideMaps) {
  EXPECT_THAT(parse("a: " + std::string(max_file_bytes, 'x'))->mistakes,
              ElementsAre(HasSubstr("[too-large]")));
  std::string wide;
  for (std::size_t i = 0; i <= max_entries; ++i) wide += "k" + std::to_string(i) + ": 1\n";
  EXPECT_THAT(parse(wide)->mistakes, ElementsAre(HasSubstr("[too-many-entries]")));
}

TEST(YamlTree, ALineAsLongAsTheFileIsReadInLinearTime) {
  std::string text = "{";
  while (text.size() < max_file_bytes - 10) text += "a: b, ";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(parse(text)->mistakes.empty());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST(YamlTree, StrayBracketsEndInAMistakeNotInALoop) {
  for (const char* text : {"]", "}", "a: 1\n]", "]]]]", ": : :", "- - - ]", "a: b: c", "\"", "'", "|", ">",
                           "%YAML 9.9\n---\na: 1", "@a", "`a`", "? ? ?", "!<", "&", "*"}) {
    parse(text);  // must return
  }
  EXPECT_FALSE(parse("a: 1\n]")->mistakes.empty());
}

TEST(YamlTree, FindsPlacesInsideScalars) {
  const auto parsed =
      parse("plain: 预算 > 1\nquoted: \"ab cd\"\nescaped: \"a\\tb\"\nblock: |\n    first\n    second\n");
  const Node& root = parsed->documents.at(0);
  EXPECT_EQ(at(place_inside(*root.get("plain"), 1, 4)), "1:11");
  EXPECT_EQ(at(place_inside(*root.get("quoted"), 1, 4)), "2:13");
  EXPECT_EQ(at(place_inside(*root.get("escaped"), 1, 3)), "3:10")
      << "escapes shift columns, so the scalar itself is named";
  EXPECT_EQ(at(place_inside(*root.get("block"), 2, 3)), "6:7");
}

// --- merge ---

/// The tree as compact text, for comparison.
std::string show(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "null";
    case Node::Kind::scalar:
      return node.text;
    case Node::Kind::list: {
      std::string out;
      for (const Node& item : node.items) out += (out.empty() ? "" : ",") + show(item);
      return "[" + out + "]";
    }
    case Node::Kind::map:
      break;
  }
  std::string out;
  for (const Entry& entry : node.entries)
    out += (out.empty() ? "" : ",") + entry.key + ":" + show(entry.value);
  return "{" + out + "}";
}

std::string merged(const std::string& target, const std::string& patch, std::size_t warnings = 0) {
  auto a = parse(target), b = parse(patch);
  Diagnostics diagnostics;
  merge_patch(a->documents.at(0), std::move(b->documents.at(0)), diagnostics);
  EXPECT_EQ(diagnostics.take().size(), warnings) << target << " + " << patch;
  return show(a->documents.at(0));
}

TEST(Merge, FollowsTheExamplesOfRfc7396) {
  EXPECT_EQ(merged("{a: b}", "{a: c}"), "{a:c}");
  EXPECT_EQ(merged("{a: b}", "{b: c}"), "{a:b,b:c}");
  EXPECT_EQ(merged("{a: b}", "{a: null}"), "{}");
  EXPECT_EQ(merged("{a: b, b: c}", "{a: null}"), "{b:c}");
  EXPECT_EQ(merged("{a: [b]}", "{a: c}"), "{a:c}");
  EXPECT_EQ(merged("{a: c}", "{a: [b]}"), "{a:[b]}");
  EXPECT_EQ(merged("{a: {b: c}}", "{a: {b: d, c: null}}", 1), "{a:{b:d}}");
  EXPECT_EQ(merged("{a: [{b: c}]}", "{a: [1]}"), "{a:[1]}");
  EXPECT_EQ(merged("[a, b]", "[c, d]"), "[c,d]");
  EXPECT_EQ(merged("{a: b}", "[c]"), "[c]");
  EXPECT_EQ(merged("{a: foo}", "foo"), "foo");
  EXPECT_EQ(merged("{e: 1}", "{a: 1}"), "{e:1,a:1}");
  EXPECT_EQ(merged("{x: 1}", "{a: {bb: {ccc: null}}}", 1), "{x:1,a:{bb:{}}}");
}

TEST(Merge, AListOfNamesTakesAdditionsByMap) {
  EXPECT_EQ(merged("{f: [a, b]}", "{f: {x_c: {after: a}}}"), "{f:{a:{},b:{},x_c:{after:a}}}");
  EXPECT_EQ(merged("{f: [a, b]}", "{f: {a: null}}"), "{f:{b:{}}}");
}

TEST(Merge, EveryNodeKeepsItsOwnFile) {
  auto a = parse("fields:\n  a: {type: text, max: 10}\n"), b = parse("# agency\n\nfields: {a: {max: 20}}\n");
  b->file.name = "agency.yaml";
  Diagnostics diagnostics;
  merge_patch(a->documents.at(0), std::move(b->documents.at(0)), diagnostics);
  const Node& field = *a->documents.at(0).get("fields")->get("a");
  EXPECT_EQ(to_string(field.entry("type")->value.at), "demo.yaml:2:13");
  EXPECT_EQ(to_string(field.entry("max")->value.at), "agency.yaml:3:19");
}

}  // namespace
}  // namespace caravan::model
