#include "api/negotiate.h"

#include <gtest/gtest.h>

#include <set>

#include "api/json_writer.h"

namespace caravan::api {
namespace {

TEST(Locale, OfLanguageTags) {
  EXPECT_EQ(locale_of("zh-CN"), "zh-CN");
  EXPECT_EQ(locale_of("zh"), "zh-CN");
  EXPECT_EQ(locale_of("zh-SG"), "zh-CN");
  EXPECT_EQ(locale_of("zh-Hans-HK"), "zh-CN");
  EXPECT_EQ(locale_of("ZH-tw"), "zh-TW");
  EXPECT_EQ(locale_of("zh-Hant"), "zh-TW");
  EXPECT_EQ(locale_of("zh-HK"), "zh-TW");
  EXPECT_EQ(locale_of("zh-MO"), "zh-TW");
  EXPECT_EQ(locale_of("en-GB"), "en");
  EXPECT_EQ(locale_of("de"), "");
  EXPECT_EQ(locale_of("zhx"), "");
  EXPECT_EQ(locale_of(""), "");
}

TEST(Locale, Negotiated) {
  EXPECT_EQ(negotiate_locale("zh-TW"), "zh-TW");
  EXPECT_EQ(negotiate_locale("de-DE, en;q=0.5, zh-TW;q=0.8"), "zh-TW");
  EXPECT_EQ(negotiate_locale("en-US,en;q=0.9,zh-CN;q=0.8"), "en");
  EXPECT_EQ(negotiate_locale("zh;q=0, en;q=0.1"), "en");
  EXPECT_EQ(negotiate_locale("zh;q=x"), "");
  EXPECT_EQ(negotiate_locale("*"), "");
  EXPECT_EQ(negotiate_locale(""), "");
  EXPECT_EQ(negotiate_locale(",,;q=,;;,"), "");
  EXPECT_EQ(negotiate_locale(std::string(100'000, ',')), "");
  EXPECT_EQ(negotiate_locale("zh-TW;q=1.000"), "zh-TW");
}

TEST(Cookie, FoundAmongOthers) {
  Request request;
  request.headers = {{"Cookie", "a=1; caravan_session=xyz; b=2"}};
  EXPECT_EQ(cookie(request, "caravan_session"), "xyz");
  EXPECT_EQ(cookie(request, "session"), "");
  EXPECT_EQ(cookie(request, "b"), "2");
  request.headers = {{"Host", "x"}, {"cookie", "x=1"}, {"COOKIE", "caravan_session=second"}};
  EXPECT_EQ(cookie(request, "caravan_session"), "second");
  request.headers = {{"Cookie", "xcaravan_session=no; caravan_session"}};
  EXPECT_EQ(cookie(request, "caravan_session"), "");
  request.headers = {{"Cookie", ";;; =; caravan_session="}};
  EXPECT_EQ(cookie(request, "caravan_session"), "");
}

TEST(EntityTags, Parsed) {
  const auto one = parse_entity_tags(" \"3\" ");
  ASSERT_TRUE(one);
  EXPECT_TRUE(one->matches("3"));
  EXPECT_FALSE(one->matches("4"));
  EXPECT_FALSE(one->any);
  const auto several = parse_entity_tags("\"1\", W/\"2\" ,\"\"");
  ASSERT_TRUE(several);
  EXPECT_EQ(several->tags.size(), 3u);
  EXPECT_TRUE(several->matches("2"));
  EXPECT_TRUE(parse_entity_tags("*")->matches("anything"));
  for (const char* bad : {"", "3", "\"3", "\"3\" \"4\"", "\"3\",", "W/3", "*, \"3\"", "\"", "W/"})
    EXPECT_FALSE(parse_entity_tags(bad)) << bad;
  std::string many;
  for (int i = 0; i < 60; ++i) many += "\"1\",";
  EXPECT_FALSE(parse_entity_tags(many + "\"1\""));
}

TEST(MediaType, WithoutParameters) {
  EXPECT_EQ(media_type("Application/JSON; charset=utf-8"), "application/json");
  EXPECT_EQ(media_type(" text/csv"), "text/csv");
  EXPECT_EQ(media_type(""), "");
}

TEST(HeaderParameter, QuotedAndPlain) {
  EXPECT_EQ(header_parameter("form-data; name=\"a\"; filename=\"b;c\\\"d\"", "filename"), "b;c\"d");
  EXPECT_EQ(header_parameter("multipart/form-data; Boundary=xyz ; x=1", "boundary"), "xyz");
  EXPECT_FALSE(header_parameter("form-data; name=\"a", "name"));
  EXPECT_FALSE(header_parameter("form-data; filename*=x", "name"));
  EXPECT_FALSE(header_parameter("form-data", "name"));
  EXPECT_FALSE(header_parameter("form-data; name", "name"));
}

TEST(AcceptEncoding, Gzip) {
  EXPECT_TRUE(accepts_gzip("gzip, deflate, br"));
  EXPECT_TRUE(accepts_gzip("br;q=1.0, GZIP;q=0.2"));
  EXPECT_TRUE(accepts_gzip("*"));
  EXPECT_FALSE(accepts_gzip("gzip;q=0, *"));
  EXPECT_FALSE(accepts_gzip("br"));
  EXPECT_FALSE(accepts_gzip(""));
}

TEST(PercentEncode, KeepsUnreservedOnly) {
  EXPECT_EQ(percent_encode("a-Z_0.~"), "a-Z_0.~");
  EXPECT_EQ(percent_encode("a b&=\"%中"), "a%20b%26%3D%22%25%E4%B8%AD");
}

TEST(ParseId, WholePositiveNumbersOnly) {
  EXPECT_EQ(parse_id("1"), 1);
  EXPECT_EQ(parse_id("9223372036854775807"), INT64_MAX);
  for (const char* bad : {"", "0", "01", "-1", "+1", " 1", "1 ", "1x", "9223372036854775808", "1e3"})
    EXPECT_FALSE(parse_id(bad)) << bad;
}

TEST(RequestId, KeepsASaneOneAndMakesOthers) {
  EXPECT_EQ(request_id("abc-1.2_Z"), "abc-1.2_Z");
  for (const std::string& bad : {std::string(), std::string("a b"), std::string("a\r\nSet-Cookie: x"),
                                 std::string(65, 'a'), std::string("<x>")})
    EXPECT_EQ(request_id(bad).size(), 26u);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(request_id("")).second);
}

TEST(JsonWriter, PutsCommas) {
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .member("a", "x\"\n")
      .member("b", std::int64_t{-5})
      .key("c")
      .begin_array()
      .begin_object()
      .end_object()
      .null();
  json.boolean(true).begin_array().end_array().end_array().member_or_null("d", "").key("e");
  json.value_follows() += "1";
  json.member("f", true).end_object();
  EXPECT_EQ(out, R"({"a":"x\"\n","b":-5,"c":[{},null,true,[]],"d":null,"e":1,"f":true})");
}

}  // namespace
}  // namespace caravan::api
