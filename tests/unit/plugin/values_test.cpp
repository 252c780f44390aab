#include "plugin/values.h"

#include <gtest/gtest.h>

#include <cstring>

namespace caravan::plugin {
namespace {

using model::FieldType;

model::Field field(FieldType type) {
  model::Field out;
  out.type = type;
  return out;
}

expr::Value there_and_back(FieldType type, const expr::Value& value) {
  Texts texts;
  caravan_value abi{};
  expr::Value out;
  EXPECT_EQ(to_abi(field(type), value, texts, abi), CARAVAN_OK);
  EXPECT_EQ(from_abi(field(type), abi, out), CARAVAN_OK);
  return out;
}

TEST(Values, EveryTypeCrossesAndComesBack) {
  Decimal money{1200050, 2, {}};
  money.set_currency("CNY");
  const std::pair<FieldType, expr::Value> values[] = {{FieldType::text, "王芳 😀"},
                                                      {FieldType::choice, "phone"},
                                                      {FieldType::integer, std::int64_t{-7}},
                                                      {FieldType::boolean, true},
                                                      {FieldType::boolean, false},
                                                      {FieldType::decimal, Decimal{-5, 3, {}}},
                                                      {FieldType::money, money},
                                                      {FieldType::date, Date{20807}},
                                                      {FieldType::instant, Timestamp{-1}},
                                                      {FieldType::ref, std::int64_t{9'000'000'000}},
                                                      {FieldType::multi, expr::List{expr::Value("gold"), expr::Value("small")}},
                                                      {FieldType::refs, expr::List{expr::Value(std::int64_t{7}), expr::Value(std::int64_t{12})}},
                                                      {FieldType::localized, expr::Map{{expr::Value("en"), expr::Value("a \"b\"")}, {expr::Value("zh-CN"), expr::Value("甲")}}},
                                                      {FieldType::text, ""}};
  for (const auto& [type, value] : values) {
    EXPECT_TRUE(there_and_back(type, value).same_as(value)) << model::to_string(type);
    EXPECT_TRUE(there_and_back(type, {}).is_null()) << model::to_string(type);
  }
}

TEST(Values, ListsAndTextsByLanguageCrossAsJson) {
  Texts texts;
  caravan_value abi{};
  ASSERT_EQ(to_abi(field(FieldType::refs), expr::List{expr::Value(std::int64_t{7})}, texts, abi), CARAVAN_OK);
  EXPECT_EQ(std::string(abi.as.text.data, abi.as.text.size), R"(["7"])");
  expr::Value out;
  for (const char* wrong : {"", "7", "{}", "[[]]", "[\"x\"]", "[-1]", "[1", "[\"7\"] "}) {
    caravan_value given{};
    given.type = CARAVAN_TEXT;
    given.as.text = {wrong, std::strlen(wrong)};
    const bool spaced = std::string_view(wrong).ends_with("] ");
    EXPECT_EQ(from_abi(field(FieldType::refs), given, out), spaced ? CARAVAN_OK : CARAVAN_E_ARGUMENT) << wrong;
  }
  caravan_value number{};
  number.type = CARAVAN_REF;
  number.as.integer = 7;
  EXPECT_EQ(from_abi(field(FieldType::refs), number, out), CARAVAN_E_TYPE);
}

TEST(Values, AMixedUpTypeIsAStatus) {
  Texts texts;
  caravan_value abi{};
  EXPECT_EQ(to_abi(field(FieldType::integer), "text", texts, abi), CARAVAN_E_TYPE);
  EXPECT_EQ(to_abi(field(FieldType::json), expr::Map{}, texts, abi), CARAVAN_E_TYPE);
  expr::Value out;
  for (std::uint32_t type = 1; type < 12; ++type) {
    caravan_value given{};
    given.type = type;
    // A plugin's union holds anything; only what the type names is read.
    if (type != CARAVAN_TEXT && type != CARAVAN_DECIMAL) given.as.integer = 1;
    const auto status = from_abi(field(FieldType::date), given, out);
    EXPECT_EQ(status, type == CARAVAN_DATE ? CARAVAN_OK : CARAVAN_E_TYPE) << type;
  }
  caravan_value null_text{};
  null_text.type = CARAVAN_TEXT;
  null_text.as.text.size = 3;
  EXPECT_EQ(from_abi(field(FieldType::text), null_text, out), CARAVAN_E_ARGUMENT);
}

TEST(Values, DocumentsCrossAsText) {
  Texts texts;
  caravan_value abi{};
  ASSERT_EQ(to_abi(field(FieldType::json), expr::Value(R"({"a":[1]})"), texts, abi), CARAVAN_OK);
  EXPECT_EQ(abi.type, static_cast<std::uint32_t>(CARAVAN_JSON));
  expr::Value back;
  ASSERT_EQ(from_abi(field(FieldType::json), abi, back), CARAVAN_OK);
  EXPECT_EQ(*back.as<std::string>(), R"({"a":[1]})");
  abi.as.text = {"{broken", 7};
  EXPECT_EQ(from_abi(field(FieldType::json), abi, back), CARAVAN_E_ARGUMENT);
  abi.type = CARAVAN_TEXT;
  EXPECT_EQ(from_abi(field(FieldType::json), abi, back), CARAVAN_E_TYPE);
}

TEST(Values, OfNoFieldKeepTheirTypes) {
  Texts texts;
  for (const expr::Value& value : {expr::Value(), expr::Value(true), expr::Value(7), expr::Value("x"), expr::Value(*parse_decimal("1.50")), expr::Value(Date{3}), expr::Value(Timestamp{5})}) {
    caravan_value abi{};
    expr::Value back;
    ASSERT_EQ(to_abi(value, texts, abi), CARAVAN_OK);
    ASSERT_EQ(from_abi(abi, back), CARAVAN_OK);
    EXPECT_TRUE(back.same_as(value));
  }
  caravan_value abi{};
  EXPECT_EQ(to_abi(expr::Value(expr::List{}), texts, abi), CARAVAN_E_TYPE);
  expr::Value back;
  abi.type = CARAVAN_JSON;
  EXPECT_EQ(from_abi(abi, back), CARAVAN_E_TYPE);
}

TEST(Values, Utf8IsCheckedStrictly) {
  for (const char* good : {"", "a", "é", "王", "😀", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF"})
    EXPECT_TRUE(valid_utf8(good)) << good;
  for (const char* bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE4\xBD", "a\xFF"})
    EXPECT_FALSE(valid_utf8(bad));
}

}  // namespace
}  // namespace caravan::plugin
