#include "records/import_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "records/export.h"

namespace caravan::records {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::vector<std::string>> rows_of(ImportSource& source) {
  std::vector<std::vector<std::string>> rows;
  for (SourceRow row; source.next(row);) rows.push_back(row.cells);
  return rows;
}

TEST(ImportSource, DelimiterIsTheOneWithTheMapsColumns) {
  model::ImportMap map;
  map.records.emplace_back();
  map.records.back().external_id.text = "a, b";  // a column whose name has a comma
  ImportSource source("a, b;c\n1,2;3\n", map);
  EXPECT_EQ(source.format().delimiter, ';');
  EXPECT_THAT(source.header(), ElementsAre("a, b", "c"));
  EXPECT_THAT(rows_of(source), ElementsAre(ElementsAre("1,2", "3")));
  for (const char* text : {"x\ty\n1\t2\n", "x|y\n1|2\n", "x;y\n1;2\n", "x,y\n1,2\n"}) {
    ImportSource other(text, {});
    EXPECT_THAT(rows_of(other), ElementsAre(ElementsAre("1", "2"))) << text;
  }
}

TEST(ImportSource, EncodingIsFoundOut) {
  const std::string chinese = "城市,价格\n广州出发,一千二百元\n南京出发,三千四百元\n";
  const auto gb = std::string("\xB3\xC7\xCA\xD0,\xBC\xDB\xB8\xF1\n\xB9\xE3\xD6\xDD\xB3\xF6\xB7\xA2,\xD2\xBB\xC7\xA7\xB6\xFE\xB0\xD9\xD4\xAA\n"
                              "\xC4\xCF\xBE\xA9\xB3\xF6\xB7\xA2,\xC8\xFD\xC7\xA7\xCB\xC4\xB0\xD9\xD4\xAA\n");
  for (const auto& [text, encoding] : {std::pair{chinese, "UTF-8"}, std::pair{"\xEF\xBB\xBF" + chinese, "UTF-8"}, std::pair{gb, "GB18030"}}) {
    ImportSource source(text, {});
    EXPECT_EQ(source.format().encoding, encoding);
    EXPECT_THAT(source.header(), ElementsAre("城市", "价格"));
    EXPECT_EQ(rows_of(source).at(0).at(0), "广州出发");
  }
  // Said wins, and one broken cell does not make another encoding.
  model::ImportMap said;
  said.encoding = "utf8";
  EXPECT_EQ(ImportSource("a\n\xE9t\xE9\n", said).format().encoding, "UTF-8");
  ImportSource broken("a\n广州\n\xFF\n", {});
  EXPECT_EQ(broken.format().encoding, "UTF-8");
  EXPECT_FALSE(is_utf8(rows_of(broken).at(1).at(0)));
}

TEST(ImportSource, ShortTextsInChineseEncodingsAreFoundOut) {
  const std::pair<std::string, std::string> files[] = {
      {"id,name\n1,\xCD\xF5\xD0\xA1\xC3\xF7\n2,\xC0\xEE\xC4\xC8\n", "GB18030"},  // 王小明, 李娜
      {"id,name\n1,\xCD\xF5\n", "GB18030"},                                          // one character
      {"id,name\n1,\xA4\xFD\xA4\x70\xA9\xFA\n", "Big5"},                            // 王小明
      {"id,name\n1,Z\xFCrich\n2,Gen\xE8ve\n3,Neuch\xE2tel\n", "windows-1252"},
  };
  for (const auto& [text, encoding] : files) {
    ImportSource source(text, {});
    EXPECT_EQ(source.format().encoding, encoding) << text;
    for (const auto& row : rows_of(source)) EXPECT_TRUE(is_utf8(row.at(1)));
  }
  ImportSource source(files[2].first, {});
  EXPECT_EQ(rows_of(source).at(0).at(1), "王小明");
}

TEST(ImportSource, WhatSpreadsheetsAdd) {
  model::ImportMap map;
  map.records.emplace_back();
  map.records.back().external_id.text = "id";
  for (const char* text : {"sep=;\r\nid;name\r\n1;a,b\r\n", "\xEF\xBB\xBFsep=;\nid;name\n1;a,b\n", " id ; name\n1;a,b\n;\n ; \n\n"}) {
    ImportSource source(text, map);
    EXPECT_THAT(source.header(), ElementsAre("id", "name")) << text;
    EXPECT_EQ(source.rows(), 1) << text;
    EXPECT_THAT(rows_of(source), ElementsAre(ElementsAre("1", "a,b"))) << text;
  }
  try {
    ImportSource(std::string("PK\x03\x04\x14\x00\"", 7), map);
    ADD_FAILURE() << "a packed file was read";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("spreadsheet"));
  }
}

TEST(ImportSource, JsonLines) {
  ImportSource source("{\"a\": 1, \"b\": null}\n\n{\"c\": [\"x\"], \"a\": \"zwei\", \"d\": true}", {});
  EXPECT_THAT(source.header(), ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(source.rows(), 2);
  EXPECT_THAT(rows_of(source), ElementsAre(ElementsAre("1", "", "", ""), ElementsAre("zwei", "", "[\"x\"]", "true")));
  const std::vector<std::string> cells{"1", "", "", ""};
  EXPECT_EQ(source.line(&cells, {{"error", "no \"b\""}}), "{\"a\":\"1\",\"error\":\"no \\\"b\\\"\"}\n");
  for (const char* bad : {"{\"a\": 1}\n[1]\n", "{\"a\": 1}\nnothing\n"}) {
    try {
      ImportSource wrong(bad, {});
      FAIL() << bad;
    } catch (const Error& error) {
      EXPECT_THAT(error.message(), HasSubstr("Line 2")) << bad;
    }
  }
}

TEST(ImportSource, LinesOfOldMacs) {
  for (const char* text : {"id;name\r1;a\r2;\"b\rc\"\r", "sep=;\rid;name\r1;a\r2;\"b\rc\"", "id;name\r\r1;a\r\n2;\"b\rc\"\n"}) {
    ImportSource source(text, {});
    EXPECT_THAT(source.header(), ElementsAre("id", "name")) << text;
    EXPECT_THAT(rows_of(source), ElementsAre(ElementsAre("1", "a"), ElementsAre("2", "b\rc"))) << text;
  }
  // What is not ASCII lies far behind, on no line of its own as others end them.
  std::string far = "id,name\r";
  for (int i = 0; i < 12'000; ++i) far += std::to_string(i) + ",abcdef\r";
  for (int i = 0; i < 40; ++i) far += "x,\xB9\xE3\xD6\xDD\xB3\xF6\xB7\xA2\r";
  ImportSource chinese(far, {});
  EXPECT_EQ(chinese.format().encoding, "GB18030");
  EXPECT_EQ(rows_of(chinese).back().at(1), "广州出发");
  ImportSource lines("{\"a\": 1}\r\r{\"a\": \"x\\ry\"}\r\n{\"a\": 3}", {});
  EXPECT_THAT(rows_of(lines), ElementsAre(ElementsAre("1"), ElementsAre("x\ry"), ElementsAre("3")));
  try {
    ImportSource wrong("{\"a\": 1}\r\nnothing\r\n", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("Line 2"));
  }
}

TEST(ImportSource, Utf16NeedsNoMark) {
  const std::string_view little("a\0,\0b\0\n\0\x2F\x54,\0x\0\n\0", 16), big("\0a\0,\0b\0\n\x54\x2F\0,\0x\0\n", 16);
  for (const std::string_view text : {little, big}) {
    ImportSource source(text, {});
    EXPECT_THAT(source.header(), ElementsAre("a", "b"));
    EXPECT_THAT(rows_of(source), ElementsAre(ElementsAre("启", "x")));
  }
  const std::string_view zeros("a,b\n\0x,y\n", 9);
  EXPECT_EQ(ImportSource(zeros, {}).format().encoding, "UTF-8");
}

TEST(ImportSource, WhatIsNoTableIsToldFromWhatItIs) {
  std::string wide = "c0";
  for (int i = 1; i <= 2000; ++i) wide += ",c" + std::to_string(i);
  for (const auto& [text, says] : {std::pair<std::string, const char*>{wide + "\n", "2000 columns"}, {"%PDF-1.4\n1 0 obj\n", "packed"}, {"\x1F\x8B\x08\x01\x02", "packed"},
                                   {" [ {\"a\": 1},\n{\"a\": 2} ]\n", "list of JSON"}}) {
    try {
      ImportSource source(text, {});
      ADD_FAILURE() << says;
    } catch (const Error& error) {
      EXPECT_THAT(error.message(), HasSubstr(says));
    }
  }
}

TEST(ImportSource, RowsLongerThanAPieceAndQuotesOverPieces) {
  std::string text = "a,b\n";
  for (int i = 0; i < 3; ++i) text += "\"" + std::string(100'000, 'x') + "\"\"\n\",广\n";
  ImportSource source(text, {});
  const auto rows = rows_of(source);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[2][0], std::string(100'000, 'x') + "\"\n");
  EXPECT_EQ(rows[2][1], "广");
  EXPECT_THROW(ImportSource("a\n\"" + std::string(9 << 20, 'x'), {}), Error);
}

TEST(ImportSource, ARowOfTooManyColumnsIsRefusedBeforeItIsRead) {
  const auto refusal = [](const std::string& text) -> std::string {
    try {
      ImportSource source(text, {});
      rows_of(source);
    } catch (const Error& error) {
      return error.message();
    }
    return "";
  };
  EXPECT_THAT(refusal("a,b\n1," + std::string(7'000'000, ',') + "\n"), HasSubstr("more than 2000 columns"));
  EXPECT_THAT(refusal("a,b\n1" + std::string(1999, ',') + "\n"), "");
}

TEST(Guard, CellsThatBeginAFormulaAreTextAndComeBack) {
  for (const std::string text : {"=1", "+1", "-x", "@a", "\tb", "'=1", "''+1", "plain", "", "'quoted'", "a=1"}) {
    const std::string cell = guarded_cell(text);
    EXPECT_EQ(unguarded_cell(cell), text);
    EXPECT_TRUE(cell.empty() || std::string_view("=+-@\t\r").find(cell.front()) == std::string_view::npos) << cell;
  }
  EXPECT_EQ(guarded_cell("'quoted'"), "'quoted'");
}

}  // namespace
}  // namespace caravan::records
