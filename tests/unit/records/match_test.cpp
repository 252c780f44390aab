#include "records/match.h"

#include <gtest/gtest.h>

#include "records/fold.h"

namespace caravan::records {
namespace {

using model::Comparator;

const char* rules = R"yaml(kind: matching
name: test.people
compare:
  name:     {as: name, agree: 8, disagree: -5}
  phone:    {as: phone, agree: 10, disagree: -4}
  birthday: {as: date, agree: 9, disagree: -5}
  email:    {as: email, agree: 9, disagree: -2}
  address:  {as: address, agree: 6, disagree: -2}
keys:
  phone: {on: "last(phone, 8)"}
  birthday: {on: birthday}
  name: {on: "sound(name)"}
threshold: 12
)yaml";

class People : public ::testing::Test {
 protected:
  People() : loaded_(model::load_match_rule({"rules.yaml", rules, {}})), matcher_(*loaded_.rule) {}
  MatchSubject person(std::string_view name, std::string_view phone, std::string_view birthday, std::string_view email = {}, std::string_view address = {}) const {
    const std::vector<std::string_view> values{name, phone, birthday, email, address};
    return matcher_.prepare(values);
  }
  double score(const MatchSubject& a, const MatchSubject& b) const { return matcher_.score(a, b); }
  model::MatchRuleResult loaded_;
  Matcher matcher_;
};

MatchValue value(const Matcher& matcher, std::size_t input, std::string_view text) {
  std::vector<std::string_view> values(matcher.rule().inputs.size());
  values[input] = text;
  return matcher.prepare(values)[input];
}

TEST(Similarity, JaroWinklerIsWhatThePapersSay) {
  EXPECT_NEAR(jaro_winkler(U"martha", U"marhta"), 0.9611, 1e-4);
  EXPECT_NEAR(jaro_winkler(U"dixon", U"dicksonx"), 0.8133, 1e-4);
  EXPECT_NEAR(jaro_winkler(U"dwayne", U"duane"), 0.84, 1e-4);
  EXPECT_EQ(jaro_winkler(U"abc", U"xyz"), 0);
  EXPECT_EQ(jaro_winkler(U"", U"abc"), 0);
  EXPECT_EQ(jaro_winkler(U"", U""), 1);
}

TEST(Similarity, ItIsSymmetricAndBounded) {
  const std::u32string texts[] = {U"", U"a", U"ab", U"ba", U"smith", U"smyth", U"smithers", U"王小明", U"王晓明", std::u32string(200, U'x')};
  for (const auto& a : texts) {
    for (const auto& b : texts) {
      const double one = jaro_winkler(a, b);
      EXPECT_NEAR(one, jaro_winkler(b, a), 1e-12);
      EXPECT_GE(one, 0);
      EXPECT_LE(one, 1);
      EXPECT_EQ(edit_distance(a, b, 300), edit_distance(b, a, 300));
    }
  }
}

TEST(Similarity, ASwapOfNeighboursIsOneEdit) {
  EXPECT_EQ(edit_distance(U"1234567", U"1324567", 9), 1u);
  EXPECT_EQ(edit_distance(U"kitten", U"sitting", 9), 3u);
  EXPECT_EQ(edit_distance(U"", U"abc", 9), 3u);
  EXPECT_EQ(edit_distance(U"abcdef", U"uvwxyz", 2), 3u);  // more than asked for
}

TEST(Similarity, SoundIsTheSameForWordsThatSoundAlike) {
  EXPECT_EQ(sound(U"robert"), U"r163");
  EXPECT_EQ(sound(U"rupert"), U"r163");
  EXPECT_EQ(sound(U"tymczak"), U"t522");
  EXPECT_EQ(sound(U"ashcraft"), U"a261");
}

TEST(Fold, SpellingsOfOneWordAreEqual) {
  EXPECT_EQ(to_utf8(fold("ＡＢＣ Straße CAFÉ")), "abc strasse cafe");
  EXPECT_EQ(to_utf8(fold("臺灣旅遊")), to_utf8(fold("台湾旅游")));
  EXPECT_EQ(to_utf8(fold("№１２")), "no12");
  EXPECT_FALSE(to_utf8(fold("bad \xFF\xC3")).empty());
}

TEST(Fold, PinyinKnowsSurnames) {
  EXPECT_EQ(pinyin(U'张'), "zhang");
  EXPECT_EQ(pinyin(U'女'), "nu");
  EXPECT_EQ(pinyin(U'曾', true), "zeng");
  EXPECT_EQ(pinyin(U'单', true), "shan");
  EXPECT_EQ(pinyin(U'a'), "");
}

TEST_F(People, ANameIsFoundInEitherScript) {
  const MatchValue han = value(matcher_, 0, "张伟"), traditional = value(matcher_, 0, "張偉");
  const auto alike = [&](const MatchValue& a, std::string_view b) { return similarity(Comparator::name, a, value(matcher_, 0, b)); };
  EXPECT_EQ(similarity(Comparator::name, han, traditional), 1);
  EXPECT_GT(alike(han, "Zhang Wei"), 0.97);
  EXPECT_GT(alike(han, "Wei ZHANG"), 0.95);
  EXPECT_GT(alike(han, "ZHANGWEI"), 0.97);
  EXPECT_NEAR(alike(han, "章卫"), 0.85, 0.01);  // said the same
  EXPECT_LT(alike(han, "李娜"), 0.5);
  EXPECT_GT(alike(value(matcher_, 0, "John Smith"), "Smith, John"), 0.95);
}

TEST_F(People, PhonesAreEqualHoweverTheyAreWritten) {
  const MatchValue one = value(matcher_, 1, "13800138000");
  EXPECT_EQ(to_utf8(one.text), "+8613800138000");
  for (const char* same : {"+86 138 0013 8000", "0086-138-0013-8000", "(138) 0013.8000", "１３８００１３８０００"}) {
    EXPECT_EQ(similarity(Comparator::phone, one, value(matcher_, 1, same)), 1) << same;
  }
  EXPECT_LT(similarity(Comparator::phone, one, value(matcher_, 1, "13911112222")), 0.5);
  EXPECT_TRUE(value(matcher_, 1, "unknown").text.empty());
}

TEST_F(People, DatesKnowSwappedDayAndMonth) {
  const MatchValue one = value(matcher_, 2, "1980-03-12");
  for (const char* same : {"19800312", "1980/3/12", "12.03.1980", "1980年3月12日"}) EXPECT_EQ(similarity(Comparator::date, one, value(matcher_, 2, same)), 1) << same;
  EXPECT_EQ(similarity(Comparator::date, one, value(matcher_, 2, "1980-12-03")), 0.9);
  EXPECT_EQ(similarity(Comparator::date, one, value(matcher_, 2, "1980-03-13")), 0.85);
  EXPECT_EQ(similarity(Comparator::date, one, value(matcher_, 2, "1975-10-25")), 0);
  EXPECT_EQ(similarity(Comparator::date, one, value(matcher_, 2, "1980-03-14"), 3), 1);
}

TEST_F(People, WhatIsEmptyWeighsNothing) {
  const auto whole = person("王小明", "13800138000", "1980-03-12"), part = person("王小明", "", "1980-03-12");
  EXPECT_NEAR(score(whole, part), 17, 0.01);
  EXPECT_NEAR(score(whole, whole), 27, 0.01);
  EXPECT_EQ(matcher_.similarities(whole, part)[1], -1);
}

TEST_F(People, OnlyWhatSharesAKeyIsCompared) {
  std::vector<MatchSubject> all{person("Robert Miller", "13800138000", "1980-03-12", "bob@example.com"), person("Rupert Miller", "", "1980-03-12", "bob@example.com"),
                                person("李娜", "13911112222", "1990-01-01"), person("", "", ""), person("", "", "")};
  MatchCount count;
  const auto pairs = find_pairs(matcher_, all, {}, false, count);
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(pairs[0].a, 0u);
  EXPECT_EQ(pairs[0].b, 1u);
  EXPECT_EQ(count.compared, 1u);  // once, though two keys are shared
  const auto between = find_pairs(matcher_, std::span(all).first(1), std::span(all).subspan(1), true, count);
  ASSERT_EQ(between.size(), 1u);
  EXPECT_EQ(between[0].b, 0u);
}

TEST_F(People, CrowdedKeysArePassedOver) {
  std::vector<MatchSubject> all;
  for (int i = 0; i < 30; ++i) all.push_back(person("Same Name", "1380013" + std::to_string(8000 + i), "1980-03-12"));
  MatchCount count;
  EXPECT_TRUE(find_pairs(matcher_, all, {}, false, count, 10).empty());
  EXPECT_EQ(count.crowded, 2u);
  EXPECT_FALSE(find_pairs(matcher_, all, {}, false, count, 100).empty());
}

TEST(MatchRules, SeveralFieldsMayHaveChangedPlaces) {
  const auto loaded = model::load_match_rule({"r.yaml", "kind: matching\nname: t.t\ncompare: {names: {fields: [given, family], as: name, agree: 10, disagree: -5}}\n"
                                                        "keys: {family: {on: family}}\nthreshold: 5\n", {}});
  ASSERT_TRUE(loaded.rule);
  const Matcher matcher(*loaded.rule);
  const auto of = [&](std::string_view given, std::string_view family) {
    const std::vector<std::string_view> values{given, family};
    return matcher.prepare(values);
  };
  EXPECT_NEAR(matcher.score(of("john", "smith"), of("john", "smith")), 10, 0.01);
  EXPECT_GT(matcher.score(of("john", "smith"), of("smith", "john")), 8);
  EXPECT_NEAR(matcher.score(of("john", "smith"), of("", "smith")), 5, 0.01);  // half of it is known
  EXPECT_LT(matcher.score(of("john", "smith"), of("mary", "jones")), 0);
}

TEST(MatchRules, MistakesAreToldWithTheirPlace) {
  const auto codes = [](const char* text) {
    std::string out;
    for (const auto& one : model::load_match_rule({"r.yaml", text, {}}).diagnostics) out += one.code + "@" + std::to_string(one.at.line) + " ";
    return out;
  };
  EXPECT_EQ(codes("kind: matching\nname: t.t\ncompare:\n  a: {as: text, agree: 5, disagree: -1}\nkeys: {a: {on: a}}\nthreshold: 9\n"), "match-never@6 ");
  EXPECT_EQ(codes("kind: matching\nname: t.t\ncompare:\n  a: {as: text, agree: 5, disagree: -1}\nthreshold: 3\n"), "no-match-key@1 ");
  EXPECT_EQ(codes("kind: matching\nname: t.t\ncompare:\n  a: {as: text, agree: -5, disagree: -1}\nkeys: {a: {on: a}}\nthreshold: -3\n").substr(0, 14), "match-weight@4");
  EXPECT_EQ(codes("kind: matching\nname: t.t\ncompare:\n  a: {as: sound, agree: 5, disagree: -1}\nkeys: {a: {on: a}}\nthreshold: 3\n").substr(0, 8), "unknown-");
  EXPECT_EQ(codes("kind: matching\nname: t.t\ncompare:\n  a: {as: text, agree: 5, disagree: -1}\nkeys: {a: {on: \"first(a)\"}}\nthreshold: 3\n"), "bad-match-key@5 ");
  EXPECT_EQ(codes("kind: role\nname: t.t\n"), "wrong-kind@1 ");
}

}  // namespace
}  // namespace caravan::records
