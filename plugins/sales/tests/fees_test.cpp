#include "fees.h"

#include <gtest/gtest.h>

namespace sales {
namespace {

const std::vector<FeeRule> policy{{0, 8000, "当天"},
                                  {1, 6000, "1-3 天"},
                                  {4, 5000, "4-6 天"},
                                  {7, 2000, "7-14 天"},
                                  {15, 550, "15 天以上"}};

TEST(Fees, TheRowOfTheDaysHolds) {
  EXPECT_EQ(fee_for(policy, 0, 100'000, Cause::customer).cents, 80'000);
  EXPECT_EQ(fee_for(policy, 3, 100'000, Cause::customer).cents, 60'000);
  EXPECT_EQ(fee_for(policy, 4, 100'000, Cause::customer).cents, 50'000);
  EXPECT_EQ(fee_for(policy, 14, 100'000, Cause::customer).cents, 20'000);
  EXPECT_EQ(fee_for(policy, 15, 100'000, Cause::customer).cents, 5'500);
  EXPECT_EQ(fee_for(policy, 400, 100'000, Cause::customer).rule, "15 天以上");
  EXPECT_EQ(fee_for(policy, -2, 100'000, Cause::customer).cents, 80'000)
      << "after the departure as on its day";
}

TEST(Fees, OnlyTheCustomersOwnWishCosts) {
  for (const char* word : {"agency", "supplier", "group", "force"})
    EXPECT_EQ(fee_for(policy, 0, 100'000, cause_of(word)).cents, 0) << word;
  EXPECT_EQ(cause_of("customer"), Cause::customer);
  EXPECT_EQ(cause_of(std::nullopt), Cause::customer);
}

TEST(Fees, RoundedHalfUpToACent) {
  EXPECT_EQ(fee_for({{0, 550, "x"}}, 0, 1'001, Cause::customer).cents, 55);  // 55.055
  EXPECT_EQ(fee_for({{0, 5000, "x"}}, 0, 3, Cause::customer).cents, 2);      // 1.5
  EXPECT_EQ(fee_for({{0, 10'000, "x"}}, 0, 9'000'000'000'000'000, Cause::customer).cents,
            9'000'000'000'000'000);
}

TEST(Fees, NothingWithoutARowOrAPrice) {
  EXPECT_EQ(fee_for({}, 5, 100'000, Cause::customer).cents, 0);
  EXPECT_EQ(fee_for({{10, 2000, "x"}}, 5, 100'000, Cause::customer).cents, 0);
  EXPECT_EQ(fee_for(policy, 5, 0, Cause::customer).cents, 0);
  EXPECT_EQ(fee_for(policy, 5, -100, Cause::customer).cents, 0);
  EXPECT_EQ(fee_for({{0, 15'000, "x"}}, 0, 100, Cause::customer).cents, 100) << "never more than the price";
}

TEST(Fees, DecimalTexts) {
  EXPECT_EQ(hundredths("25.5"), 2550);
  EXPECT_EQ(hundredths("-0.05"), -5);
  EXPECT_EQ(hundredths("7"), 700);
  EXPECT_EQ(hundredths("1.2000"), 120);
  for (const char* bad : {"", "-", ".", "1.234", "1,5", "x", "99999999999999999999"})
    EXPECT_FALSE(hundredths(bad)) << bad;
  EXPECT_EQ(decimal_text(123'450), "1234.50");
  EXPECT_EQ(decimal_text(-5), "-0.05");
}

}  // namespace
}  // namespace sales
