#include "records/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "records/json.h"
#include "support/definitions.h"

namespace caravan::records {
namespace {

using ::testing::HasSubstr;

class Codec : public ::testing::Test {
 protected:
  std::shared_ptr<const model::Catalog> catalog = test::catalog_of(test::shop);
  const model::Entity& order = *catalog->entity("shop.order");

  Record parse(std::string_view json) {
    Record record(order);
    for (auto& [field, value] : parse_input(*catalog, order, json)) record.set(field->slot, value);
    return record;
  }
  std::vector<FieldError> mistakes(std::string_view json, std::string_view locale = "en") {
    try {
      parse_input(*catalog, order, json, locale);
    } catch (const Error& error) {
      return error.fields();
    }
    return {};
  }
};

TEST_F(Codec, ValuesSurviveTheRoundTripExactly) {
  const Record record = parse(R"({"person":"7","channel":"web","seats":3,"price":"12000.50","rate":"0.125","paid":true,)"
                              R"("on":"2026-12-20","at":"2026-12-20T08:30:00.000001Z","remark":"两位老人\n轮椅","extra":{"a":[1,2.50,null]}})");
  std::string out;
  write_json(out, record);
  for (const char* part : {R"("person":"7")", R"("channel":"web")", R"("seats":3)", R"("price":"12000.50","price_currency":"CNY")",
                           R"("rate":"0.125")", R"("paid":true)", R"("on":"2026-12-20")", R"("at":"2026-12-20T08:30:00.000001Z")",
                           R"("remark":"两位老人\n轮椅")", R"("extra":{"a":[1,2.50,null]})", R"("code":null)", R"("each":null,"each_currency":null)"}) {
    EXPECT_THAT(out, HasSubstr(part));
  }
  EXPECT_NO_THROW(parse_json(out));
}

TEST_F(Codec, DecimalsNeverPassThroughDouble) {
  // 0.1 + 0.2 and 17 digits would not survive a double.
  for (const char* amount : {"0.10", "99999999999999.99", "-0.01", "123456789012345.67"}) {
    std::string out;
    write_json(out, parse(std::string("{\"price\":\"") + amount + "\"}"));
    EXPECT_THAT(out, HasSubstr(std::string("\"price\":\"") + amount + "\""));
    std::string from_number;
    write_json(from_number, parse(std::string("{\"price\":") + amount + "}"));
    EXPECT_EQ(out, from_number);
  }
}

TEST_F(Codec, MoneyKeepsItsCurrency) {
  std::string out;
  write_json(out, parse(R"({"price_currency":"USD","price":"5.00"})"));
  EXPECT_THAT(out, HasSubstr(R"("price":"5.00","price_currency":"USD")"));
  EXPECT_EQ(mistakes(R"({"price_currency":"usd","price":"5"})").at(0).code, "unknown_currency");
  EXPECT_EQ(mistakes(R"({"price_currency":"USD"})").at(0).field, "price");
}

TEST_F(Codec, EveryMistakeIsToldWithItsField) {
  const auto found = mistakes(R"({"nmae":"x","seats":"three","channel":"fax","on":"2026-02-30","price":"1.234","rate":"abc","code":5})");
  std::vector<std::string> told;
  for (const auto& mistake : found) told.push_back(mistake.field + ":" + mistake.code);
  EXPECT_THAT(told, ::testing::UnorderedElementsAre("nmae:unknown_field", "seats:wrong_type", "channel:unknown_choice", "on:wrong_type",
                                                  "price:too_precise", "rate:wrong_type", "code:wrong_type"));
}

TEST_F(Codec, MistakesSpeakTheReadersLanguage) {
  EXPECT_EQ(mistakes(R"({"seats":0})", "zh-CN").at(0).message, "座位不能小于 1。");
  EXPECT_EQ(mistakes(R"({"seats":501})", "en").at(0).message, "Seats must be at most 500.");
}

TEST_F(Codec, TextIsTrimmedAndComposed) {
  const auto text = [&](std::string_view json) { return *parse(json)[order.field("code")->slot].as<std::string>(); };
  EXPECT_EQ(text("{\"code\":\" \xE3\x80\x80王芳\xE3\x80\x80 \"}"), "王芳");
  EXPECT_EQ(text("{\"code\":\"Cafe\xCC\x81\"}"), "Caf\xC3\xA9");
  EXPECT_TRUE(parse(R"({"code":"   "})")[order.field("code")->slot].is_null());
  EXPECT_EQ(mistakes(R"({"code":"a\u0000b"})").at(0).code, "control_character");
  // Thirty characters, not bytes.
  std::string thirty;
  for (int i = 0; i < 30; ++i) thirty += "客";
  EXPECT_TRUE(mistakes("{\"code\":\"" + thirty + "\"}").empty());
  EXPECT_EQ(mistakes("{\"code\":\"" + thirty + "客\"}").at(0).code, "too_long");
}

TEST(Json, HostileTextIsRefused) {
  const auto refused = [](std::string_view text) {
    try {
      parse_json(text);
    } catch (const Error& error) {
      return error.code() == ErrorCode::invalid_argument;
    }
    return false;
  };
  EXPECT_TRUE(refused(std::string(200'000, '[')));
  EXPECT_TRUE(refused(R"({"a":1,"a":2})"));
  EXPECT_TRUE(refused("{\"a\":\"\xff\"}"));
  EXPECT_TRUE(refused("{\"a\":1} x"));
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("{\"a\":NaN}"));
  EXPECT_FALSE(refused(R"({"a":[{"b":[]}]})"));
}

TEST(Json, NumbersKeepTheirText) {
  EXPECT_EQ(parse_json("[1.10]").as<Json::Array>()->front().as<Json::Number>()->text, "1.10");
}

}  // namespace
}  // namespace caravan::records
