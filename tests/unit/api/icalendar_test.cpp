#include "api/icalendar.h"

#include <gtest/gtest.h>

namespace caravan::api {
namespace {

expr::Value day(const char* text) { return expr::Value(*parse_date(text)); }
constexpr Timestamp stamp{1803859261LL * 1000000};

TEST(Calendar, AnEntryOfWholeDays) {
  const std::string text = icalendar("卫东", {{"7", "T2027-00001; 云南, 6 日", "虹桥\nT2", day("2027-03-12"), day("2027-03-17"), false}}, stamp);
  EXPECT_TRUE(text.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"));
  EXPECT_TRUE(text.ends_with("END:VEVENT\r\nEND:VCALENDAR\r\n"));
  for (const char* part : {"UID:7@caravan\r\n", "DTSTART;VALUE=DATE:20270312\r\n", "DTEND;VALUE=DATE:20270318\r\n", "DTSTAMP:20270301T000101Z\r\n",
                           "SUMMARY:T2027-00001\\; 云南\\, 6 日\r\n", "DESCRIPTION:虹桥\\nT2\r\n", "STATUS:TENTATIVE\r\n"})
    EXPECT_NE(text.find(part), std::string::npos) << part << text;
}

TEST(Calendar, AMomentAndADayWithoutEnd) {
  const std::string text = icalendar("x", {{"1", "a", "", expr::Value(stamp), {}, true}, {"2", "b", "", day("2027-03-01"), {}, true}}, stamp);
  EXPECT_NE(text.find("DTSTART:20270301T000101Z\r\nSUMMARY:a"), std::string::npos) << text;
  EXPECT_NE(text.find("DTSTART;VALUE=DATE:20270301\r\nDTEND;VALUE=DATE:20270302\r\nSUMMARY:b"), std::string::npos) << text;
}

TEST(Calendar, LongLinesAreFoldedBetweenCharacters) {
  std::string title;
  for (int i = 0; i < 60; ++i) title += "云";
  const std::string text = icalendar("x", {{"1", title, "", day("2027-03-01"), {}, true}}, stamp);
  std::string unfolded;
  std::size_t length = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 3, "\r\n ") == 0) {
      i += 2;
      length = 1;
      continue;
    }
    length = text[i] == '\n' ? 0 : length + 1;
    EXPECT_LE(length, 76u);
    unfolded += text[i];
  }
  EXPECT_NE(unfolded.find("SUMMARY:" + title), std::string::npos);
  EXPECT_EQ(icalendar("x", {}, stamp).find("VEVENT"), std::string::npos);
}

}  // namespace
}  // namespace caravan::api
