#include "http/target.h"

#include <gtest/gtest.h>

namespace caravan::http {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(Target, Splits) {
  Target parts;
  ASSERT_TRUE(split_target("/a/b?c=d?e", parts));
  EXPECT_EQ(parts.path, "/a/b");
  EXPECT_EQ(parts.query, "c=d?e");
  ASSERT_TRUE(split_target("HTTP://host.example:80", parts));
  EXPECT_EQ(parts.authority, "host.example:80");
  EXPECT_EQ(parts.path, "/");
  ASSERT_TRUE(split_target("https://h?x=1", parts));
  EXPECT_EQ(parts.path, "/");
  EXPECT_EQ(parts.query, "x=1");
  for (const char* target :
       {"", "a", "//\x7f", "/a b", "/a#b", "ftp://h/", "http://", "http://u:p@h/", "http:///x", "**"}) {
    EXPECT_FALSE(split_target(target, parts)) << target;
  }
}

TEST(Target, DecodesPathsOnce) {
  EXPECT_EQ(decode_path("/a%20b/%E7%8E%8B"), "/a b/王");
  EXPECT_EQ(decode_path("/%2541"), "/%41");
  EXPECT_EQ(decode_path("/a+b"), "/a+b");
  EXPECT_EQ(decode_path("/..a/b."), "/..a/b.");
  for (const char* path : {"/%", "/%4", "/%zz", "/%00", "/%0a", "/%2f", "/a%2Fb", "/..", "/a/../b",
                           "/%2e%2e/x", "/.", "/%2E", "/%ff", "/%c0%af", "/%ed%a0%80", "/%f5%80%80%80"}) {
    EXPECT_EQ(decode_path(path), std::nullopt) << path;
  }
}

TEST(Target, DecodesQueries) {
  EXPECT_EQ(*decode_query("a=1&b=x+y%2B&&c&=d&e=f=g"),
            (Pairs{{"a", "1"}, {"b", "x y+"}, {"c", ""}, {"", "d"}, {"e", "f=g"}}));
  EXPECT_EQ(*decode_query("q=%E7%8E%8B"), (Pairs{{"q", "王"}}));
  EXPECT_EQ(*decode_query("q=a%0Ab"), (Pairs{{"q", "a\nb"}}));
  for (const char* query : {"a=%", "a=%1", "%gg=1", "a=%00", "a=%ff", "%ff=a"})
    EXPECT_EQ(decode_query(query), std::nullopt) << query;
}

TEST(Utf8, IsCheckedStrictly) {
  EXPECT_TRUE(is_utf8("a\xc3\xa9\xe7\x8e\x8b\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf"));
  for (const char* text : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                           "\xf4\x90\x80\x80", "\xe7\x8e", "\xff"}) {
    EXPECT_FALSE(is_utf8(text));
  }
}

}  // namespace
}  // namespace caravan::http
