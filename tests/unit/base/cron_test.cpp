#include "base/cron.h"

#include <gtest/gtest.h>

#include "base/time_zone.h"

namespace caravan {
namespace {

std::string next(const char* cron, const char* after, const char* zone) {
  const auto parsed = Cron::parse(cron);
  if (!parsed) return "malformed";
  const auto at = parsed->next(*parse_timestamp(after), zone);
  return at ? format_timestamp(*at) : "never";
}

TEST(Cron, TimesByTheClocksOfAZone) {
  EXPECT_EQ(next("0 8 * * *", "2026-11-21T00:00:00Z", "Asia/Shanghai"), "2026-11-22T00:00:00Z");
  EXPECT_EQ(next("0 8 * * *", "2026-11-20T23:59:59Z", "Asia/Shanghai"), "2026-11-21T00:00:00Z");
  EXPECT_EQ(next("*/15 9-17 * * mon-fri", "2026-11-20T17:50:00Z", "UTC"), "2026-11-23T09:00:00Z");
  EXPECT_EQ(next("5,35 * * * *", "2026-11-20T17:05:00Z", "UTC"), "2026-11-20T17:35:00Z");
  EXPECT_EQ(next("0 0 29 feb *", "2026-11-20T17:05:00Z", "UTC"), "2028-02-29T00:00:00Z");
  EXPECT_EQ(next("0 0 1 JAN *", "2026-11-20T17:05:00Z", "UTC"), "2027-01-01T00:00:00Z");
  EXPECT_EQ(next("0 0 * * 7", "2026-11-20T17:05:00Z", "UTC"), "2026-11-22T00:00:00Z");
  EXPECT_EQ(next("0 0 30 2 *", "2026-11-20T17:05:00Z", "UTC"), "never");
}

TEST(Cron, EitherDayIsEnoughWhereBothAreRestricted) {
  EXPECT_EQ(next("0 0 13 * fri", "2026-11-20T17:05:00Z", "UTC"), "2026-11-27T00:00:00Z");
  EXPECT_EQ(next("0 0 13 * fri", "2026-12-11T17:05:00Z", "UTC"), "2026-12-13T00:00:00Z");
}

TEST(Cron, ASkippedTimeIsMovedAndADoubledOneCountsOnce) {
  // Berlin, 29 March 2026: 02:00 to 03:00 is skipped, at 01:00 UTC.
  EXPECT_EQ(next("30 2 * * *", "2026-03-28T12:00:00Z", "Europe/Berlin"), "2026-03-29T01:00:00Z");
  EXPECT_EQ(next("30 2 * * *", "2026-03-29T01:00:00Z", "Europe/Berlin"), "2026-03-30T00:30:00Z");
  EXPECT_EQ(next("*/10 2 * * *", "2026-03-29T01:00:00Z", "Europe/Berlin"), "2026-03-30T00:00:00Z") << "six skipped times are one";
  // 25 October 2026: 02:00 to 03:00 comes twice, from 00:00 and from 01:00 UTC.
  EXPECT_EQ(next("30 2 * * *", "2026-10-24T12:00:00Z", "Europe/Berlin"), "2026-10-25T00:30:00Z");
  EXPECT_EQ(next("30 2 * * *", "2026-10-25T00:30:00Z", "Europe/Berlin"), "2026-10-26T01:30:00Z");
  // Cairo puts its clocks forward at midnight: the day begins at 01:00.
  EXPECT_EQ(next("0 0 * * *", "2026-04-23T12:00:00Z", "Africa/Cairo"), "2026-04-23T22:00:00Z");
}

TEST(Cron, DaysThatDoNotCountAreLeftOut) {
  const auto cron = Cron::parse("0 9 * * *");
  const auto at = cron->next(*parse_timestamp("2026-11-20T10:00:00Z"), "UTC", [](Date date) { return format_date(date) > "2026-11-24"; });
  EXPECT_EQ(format_timestamp(*at), "2026-11-25T09:00:00Z");
  EXPECT_FALSE(cron->next(*parse_timestamp("2026-11-20T10:00:00Z"), "UTC", [](Date) { return false; }));
}

TEST(Cron, SaysWhatIsWrong) {
  for (const char* text : {"", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *", "5-1 * * * *", "a * * * *",
                           "1, * * * *", "* * * * * *", "-1 * * * *", "1/ * * * *"}) {
    std::string mistake;
    EXPECT_FALSE(Cron::parse(text, &mistake)) << text;
    EXPECT_FALSE(mistake.empty()) << text;
  }
}

}  // namespace
}  // namespace caravan
