#include "records/search_words.h"

#include <gtest/gtest.h>

namespace caravan::records {
namespace {

std::set<std::string, std::less<>> words(std::string_view text) {
  std::set<std::string, std::less<>> out;
  add_words(out, text);
  return out;
}

bool found(std::string_view text, std::string_view query) {
  const SearchTerms terms = terms_of(query);
  return !terms.words.empty() && holds_all(words(text), terms);
}

TEST(SearchWords, ChineseIsFoundByTwoCharacters) {
  EXPECT_TRUE(found("云南昆明大理丽江六日游", "昆明"));
  EXPECT_TRUE(found("云南昆明大理丽江六日游", "丽江六日"));
  EXPECT_TRUE(found("云南昆明大理丽江六日游", "明大"));
  EXPECT_TRUE(found("雲南昆明大理麗江", "丽江"));
  EXPECT_TRUE(found("丽江", "麗江"));
  EXPECT_TRUE(found("王小明", "王"));
  EXPECT_TRUE(found("王小明", "明"));
  EXPECT_FALSE(found("云南昆明", "昆南"));
  EXPECT_FALSE(found("云南昆明", "三亚"));
}

TEST(SearchWords, ShortChineseIsFoundByPinyinAndInitials) {
  EXPECT_TRUE(found("张伟", "zhangwei"));
  EXPECT_TRUE(found("张伟", "zhangw"));
  EXPECT_TRUE(found("张伟", "ZW"));
  EXPECT_TRUE(found("曾国藩", "zengguofan"));
  EXPECT_FALSE(found("张伟", "lina"));
}

TEST(SearchWords, WordsAreFoundWithoutCaseWidthAndDiacritics) {
  EXPECT_TRUE(found("José García-Márquez", "jose garcia"));
  EXPECT_TRUE(found("ＡＢＣ公司", "abc 公司"));
  EXPECT_TRUE(found("Zhang Wei", "zha"));       // still being typed
  EXPECT_FALSE(found("Zhang Wei", "zha wei"));  // only the last word may be begun
  EXPECT_TRUE(found("Zhang Wei", "wei zhang"));
  EXPECT_FALSE(found("Zhang Wei", "hang"));
  EXPECT_TRUE(found("INQ-2026-000123", "inq-2026-000123"));
  EXPECT_TRUE(found("li.na@example.com", "li.na@example.com"));
}

TEST(SearchWords, NumbersAreFoundHoweverTheyAreWritten) {
  for (const char* query : {"13800138000", "138 0013 8000", "+86 138-0013-8000", "8000", "1380013"}) {
    EXPECT_TRUE(found("+86 138-0013-8000", query)) << query;
    EXPECT_TRUE(found("13800138000", query)) << query;
  }
  EXPECT_FALSE(found("13800138000", "13911112222"));
  EXPECT_FALSE(found("13800138000", "0013"));
}

TEST(SearchWords, ThereIsNothingToLookForInSigns) {
  EXPECT_TRUE(terms_of("").words.empty());
  EXPECT_TRUE(terms_of(" %_*\"' ").words.empty());
  EXPECT_FALSE(terms_of("\" OR 1=1 --").words.empty());
  EXPECT_LE(terms_of(std::string(100000, 'a')).words.size(), 12u);
  EXPECT_LE(words(std::string(1 << 20, 'a')).size(), most_words);
  std::string many;
  for (int i = 0; i < 100000; ++i) many += "w" + std::to_string(i) + " ";
  EXPECT_LE(words(many).size(), most_words);
}

TEST(SearchWords, AFragmentShowsTheFirstPlace) {
  const auto marked = [](std::string_view text, std::string_view query, std::size_t length = 80) {
    const Fragment fragment = fragment_of(text, terms_of(query), length);
    std::string out;
    std::size_t at = 0;
    for (const auto& [from, to] : fragment.marks) {
      out += fragment.text.substr(at, from - at) + "[" + fragment.text.substr(from, to - from) + "]";
      at = to;
    }
    return out + fragment.text.substr(at);
  };
  EXPECT_EQ(marked("云南昆明大理", "昆明"), "云南[昆明]大理");
  EXPECT_EQ(marked("Zhang WEI", "wei"), "Zhang [WEI]");
  EXPECT_EQ(marked("張偉", "zhangwei"), "張偉");
  EXPECT_EQ(marked("Weimar wei", "wei"), "[Wei]mar [wei]");
  std::string long_text;
  for (int i = 0; i < 200; ++i) long_text += "文";
  EXPECT_EQ(marked(long_text + "昆明" + long_text, "昆明", 8), "…文文[昆明]文文文文…");
  EXPECT_EQ(marked("bad \xFF text", "text"), "bad \xFF [text]");
}

}  // namespace
}  // namespace caravan::records
