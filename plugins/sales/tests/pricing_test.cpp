#include "pricing.h"

#include <gtest/gtest.h>

namespace sales {
namespace {

std::chrono::sys_days day(unsigned month, unsigned of_month) {
  return std::chrono::year_month_day{std::chrono::year(2027), std::chrono::month(month),
                                     std::chrono::day(of_month)};
}

const std::vector<SeasonPrice> rows{{day(1, 1), day(12, 31), "adult", 1, 398'000, 80'000, "全年"},
                                    {day(10, 1), day(10, 7), "adult", 1, 498'000, 120'000, "国庆"},
                                    {day(1, 1), day(12, 31), "adult", 10, 368'000, 80'000, "全年团"},
                                    {day(1, 1), day(12, 31), "child_no_bed", 1, 258'000, 0, "全年"}};

std::int64_t cents(const char* kind, std::chrono::sys_days on, std::int64_t party) {
  const auto found = price_for(rows, kind, on, party);
  return found ? found->cents : -1;
}

TEST(Pricing, SeasonKindAndParty) {
  EXPECT_EQ(cents("adult", day(3, 1), 2), 398'000);
  EXPECT_EQ(cents("adult", day(10, 1), 2), 498'000);
  EXPECT_EQ(cents("adult", day(10, 7), 2), 498'000);
  EXPECT_EQ(cents("adult", day(10, 8), 2), 398'000);
  EXPECT_EQ(cents("adult", day(3, 1), 10), 368'000);
  EXPECT_EQ(cents("child_no_bed", day(3, 1), 12), 258'000);
}

TEST(Pricing, WhoHasNoPriceOfHisOwnPaysAsAnAdult) {
  EXPECT_EQ(cents("senior", day(3, 1), 2), 398'000);
  EXPECT_EQ(cents("infant", day(3, 1), 2), -1) << "but an infant does not";
  EXPECT_FALSE(price_for({}, "adult", day(3, 1), 2));
  EXPECT_FALSE(price_for({rows[1]}, "adult", day(9, 30), 2));
}

}  // namespace
}  // namespace sales
