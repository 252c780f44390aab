#include "calendar.h"

#include <gtest/gtest.h>

namespace guides {
namespace {

using std::chrono::sys_days;

sys_days day(unsigned of_month) {
  return std::chrono::year(2027) / std::chrono::March / of_month;
}

TEST(Calendar, AnEntryOfWholeDays) {
  const std::string text =
      icalendar("卫东", {{"7@caravan", day(12), day(17), "T2027-00001; 云南, 6 日", "虹桥\nT2", false}},
                sys_days(day(1)) + std::chrono::seconds(3661));
  EXPECT_TRUE(text.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"));
  EXPECT_TRUE(text.ends_with("END:VEVENT\r\nEND:VCALENDAR\r\n"));
  for (const char* part :
       {"DTSTART;VALUE=DATE:20270312\r\n", "DTEND;VALUE=DATE:20270318\r\n", "DTSTAMP:20270301T010101Z\r\n",
        "SUMMARY:T2027-00001\\; 云南\\, 6 日\r\n", "DESCRIPTION:虹桥\\nT2\r\n", "STATUS:TENTATIVE\r\n"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
}

TEST(Calendar, LongLinesAreFoldedBetweenCharacters) {
  std::string title;
  for (int i = 0; i < 60; ++i) title += "云";
  const std::string text = icalendar("x", {{"1", day(1), day(1), title, "", true}}, sys_days(day(1)));
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
  EXPECT_EQ(icalendar("x", {}, sys_days(day(1))).find("VEVENT"), std::string::npos);
}

}  // namespace
}  // namespace guides
