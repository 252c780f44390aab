#include "tidy.h"

#include <gtest/gtest.h>

namespace customers {
namespace {

TEST(TidyName, CollapsesSpacesOfEveryWidth) {
  EXPECT_EQ(tidy_name("  Anna   Maria\tRossi "), "Anna Maria Rossi");
  EXPECT_EQ(tidy_name("　王　　芳　"), "王 芳");
  EXPECT_EQ(tidy_name("Li\u00A0Na"), "Li Na");
  EXPECT_EQ(tidy_name("欧阳娜娜"), "欧阳娜娜");
  EXPECT_EQ(tidy_name("　 "), "");
  EXPECT_EQ(tidy_name(""), "");
}

TEST(TidyName, KeepsDamagedTextWithoutReadingBeyondIt) {
  EXPECT_EQ(tidy_name("a\xE4\xBD"), "a\xE4\xBD");
  EXPECT_EQ(tidy_name("\xFF \xFF"), "\xFF \xFF");
}

TEST(TidyEmail, LowersAndFolds) {
  EXPECT_EQ(tidy_email(" Wang.Fang@Example.COM "), "wang.fang@example.com");
  EXPECT_EQ(tidy_email("ｗａｎｇ＠ｅｘａｍｐｌｅ．ｃｏｍ"), "wang@example.com");
  EXPECT_EQ(tidy_email("a+b_c@mail.example.co.uk"), "a+b_c@mail.example.co.uk");
  EXPECT_EQ(tidy_email("客服@例子.中国"), "客服@例子.中国");
}

TEST(TidyEmail, RefusesOtherShapes) {
  for (const char* wrong :
       {"", "wang", "@example.com", "wang@", "wang@example", "a@b@example.com", "a b@example.com",
        ".a@example.com", "a.@example.com", "a..b@example.com", "a@-b.com", "a@b-.com", "a@b..com", "a@b.c",
        "a@10.0.0.1", "a@exa_mple.com", "<a@example.com>"})
    EXPECT_EQ(tidy_email(wrong), std::nullopt) << wrong;
  EXPECT_EQ(tidy_email(std::string(65, 'a') + "@example.com"), std::nullopt);
  EXPECT_NE(tidy_email(std::string(64, 'a') + "@example.com"), std::nullopt);
}

TEST(TidyPhone, BringsNumbersToOneForm) {
  EXPECT_EQ(tidy_phone("138 0013 8000"), "+8613800138000");
  EXPECT_EQ(tidy_phone("１３８－００１３－８０００"), "+8613800138000");
  EXPECT_EQ(tidy_phone("86 13800138000"), "+8613800138000");
  EXPECT_EQ(tidy_phone("+86-138-0013-8000"), "+8613800138000");
  EXPECT_EQ(tidy_phone("0086 13800138000"), "+8613800138000");
  EXPECT_EQ(tidy_phone("(010) 6552-9988"), "01065529988");
  EXPECT_EQ(tidy_phone("0044 20 7946 0018"), "+442079460018");
  EXPECT_EQ(tidy_phone("400-800-1234"), "4008001234");
  EXPECT_EQ(tidy_phone("12345678901"), "12345678901");  // no mobile number begins with 12
  EXPECT_EQ(tidy_phone("95588"), "95588");
}

TEST(TidyPhone, IsStable) {
  for (const char* number : {"+8613800138000", "01065529988", "4008001234"})
    EXPECT_EQ(tidy_phone(number), number);
}

TEST(TidyPhone, RefusesWhatIsNoNumber) {
  for (const char* wrong : {"", "n/a", "call me", "1380013800O", "13800138000转8", "138+0013", "1234",
                            "1234567890123456", "+", "++8613800138000"})
    EXPECT_EQ(tidy_phone(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace customers
