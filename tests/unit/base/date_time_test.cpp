#include "base/date_time.h"

#include <gtest/gtest.h>

#include "base/time_zone.h"

namespace caravan {
namespace {

TEST(Date, ParsesDaysThatExist) {
  for (const char* text : {"1970-01-01", "2026-12-20", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"}) {
    ASSERT_TRUE(parse_date(text)) << text;
    EXPECT_EQ(format_date(*parse_date(text)), text);
  }
  EXPECT_EQ(parse_date("1970-01-02")->days, 1);
  for (const char* text : {"", "2026-13-01", "2026-00-10", "2026-02-30", "2023-02-29", "1900-02-29", "0000-01-01", "2026-1-1", "2026/01/01", "10000-01-01", "2026-12-20 "}) {
    EXPECT_FALSE(parse_date(text)) << text;
  }
}

TEST(Timestamp, ParsesRfc3339) {
  EXPECT_EQ(parse_timestamp("1970-01-01T00:00:01Z")->micros, 1'000'000);
  EXPECT_EQ(parse_timestamp("2026-12-20T08:30:00+08:00"), parse_timestamp("2026-12-20T00:30:00Z"));
  EXPECT_EQ(parse_timestamp("2026-12-20t00:30:00.5z")->micros % 1'000'000, 500'000);
  EXPECT_EQ(parse_timestamp("1969-12-31T23:59:59.999999Z")->micros, -1);
  for (const char* text : {"", "2026-12-20", "2026-12-20T08:30:00", "2026-12-20T24:00:00Z", "2026-12-20T08:60:00Z", "2026-12-20T08:30:60Z", "2026-12-20T08:30:00.Z",
                           "2026-12-20T08:30:00.1234567890Z", "2026-12-20T08:30:00+0800", "2026-12-20T08:30:00+24:00", "2026-12-20T08:30:00ZZ", "2026-02-30T08:30:00Z",
                           "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"}) {
    EXPECT_FALSE(parse_timestamp(text)) << text;
  }
}

TEST(Timestamp, FormatsWithoutZeros) {
  for (const char* text : {"2026-12-20T08:30:00Z", "2026-12-20T08:30:00.5Z", "1969-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"}) {
    EXPECT_EQ(format_timestamp(*parse_timestamp(text)), text);
  }
}

TEST(Timestamp, NanosecondsOnlyWhereAskedFor) {
  EXPECT_EQ(parse_timestamp("2026-12-20T08:30:00.123456789Z")->nanos, 0);
  const auto exact = parse_timestamp_nanos("2026-12-20T08:30:00.123456789Z");
  ASSERT_TRUE(exact);
  EXPECT_EQ(exact->nanos, 789);
  EXPECT_EQ(format_timestamp(*exact), "2026-12-20T08:30:00.123456789Z");
  EXPECT_LT(*parse_timestamp("2026-12-20T08:30:00.123456789Z"), *exact);
}

TEST(TimeZone, KnowsIanaNames) {
  for (const char* name : {"UTC", "Asia/Shanghai", "Asia/Taipei", "Europe/Paris", "US/Central", "America/New_York"}) EXPECT_TRUE(is_time_zone(name)) << name;
  for (const char* name : {"", "Asia/Beijing!", "Mars/Olympus", "+08:00", "GMT+99", "asia shanghai"}) EXPECT_FALSE(is_time_zone(name)) << name;
  EXPECT_FALSE(is_time_zone(std::string(10'000, 'A')));
}

TEST(TimeZone, LocalTime) {
  const Timestamp at = *parse_timestamp("2026-12-20T17:30:05.25Z");
  const auto shanghai = local_time(at, "Asia/Shanghai");
  ASSERT_TRUE(shanghai);
  EXPECT_EQ(format_date(shanghai->date), "2026-12-21");
  EXPECT_EQ(shanghai->hour, 1);
  EXPECT_EQ(shanghai->minute, 30);
  EXPECT_EQ(shanghai->second, 5);
  EXPECT_EQ(shanghai->nanos, 250'000'000);
  EXPECT_EQ(shanghai->offset_seconds, 8 * 3600);
  EXPECT_EQ(format_date(*local_date(at, "America/New_York")), "2026-12-20");
  EXPECT_EQ(local_time(at, "+05:45")->hour, 23);
  EXPECT_EQ(local_time(at, "-03:30")->minute, 0);
  EXPECT_FALSE(local_time(at, "Mars/Olympus"));
  EXPECT_FALSE(local_time(*parse_timestamp("9999-12-31T23:59:59Z"), "+01:00"));
  EXPECT_EQ(local_time(*parse_timestamp("1969-12-31T23:59:59.5Z"), "UTC")->second, 59);
}

TEST(TimeZone, FromLocalAndBack) {
  const auto at = [](const char* date, int seconds, const char* zone) { return format_timestamp(*from_local(*parse_date(date), seconds, zone)); };
  EXPECT_EQ(at("2026-12-21", 0, "Asia/Shanghai"), "2026-12-20T16:00:00Z");
  EXPECT_EQ(at("2026-07-01", 3600, "Europe/Paris"), "2026-06-30T23:00:00Z");
  // 2026-03-29 02:30 does not exist in Paris (01:00 UTC: +1 becomes +2); 2026-10-25 02:30 exists twice.
  EXPECT_EQ(at("2026-03-29", 2 * 3600 + 1800, "Europe/Paris"), "2026-03-29T01:30:00Z");
  EXPECT_EQ(at("2026-10-25", 2 * 3600 + 1800, "Europe/Paris"), "2026-10-25T00:30:00Z");
  EXPECT_EQ(at("2026-10-25", 12 * 3600, "Europe/Paris"), "2026-10-25T11:00:00Z");
  EXPECT_EQ(at("2026-03-29", 12 * 3600, "Europe/Paris"), "2026-03-29T10:00:00Z");
  EXPECT_FALSE(from_local(*parse_date("2026-01-01"), 0, "Mars/Olympus"));
  for (const char* zone : {"Asia/Shanghai", "America/St_Johns", "Australia/Lord_Howe", "UTC", "-09:30"}) {
    for (int day = 18'000; day < 22'000; ++day) {
      const auto moment = from_local(Date{day}, 12 * 3600, zone);
      ASSERT_TRUE(moment);
      const auto back = local_time(*moment, zone);
      ASSERT_EQ(back->date.days, day) << zone;
      ASSERT_EQ(back->hour, 12) << zone;
    }
  }
}

}  // namespace
}  // namespace caravan
