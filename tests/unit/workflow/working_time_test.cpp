#include "workflow/working_time.h"

#include <gtest/gtest.h>

#include "support/definitions.h"
#include "workflow/clock_explanation.h"

namespace caravan::workflow {
namespace {

constexpr std::int64_t hour = 3600 * micros_per_second;

const char* const calendars = R"(
kind: calendar
name: shop.office
label: {en: Office, zh-CN: 办公室, zh-TW: 辦公室}
time_zone: Asia/Shanghai
hours:
  weekdays: ["09:00-12:00", "13:30-18:00"]
holidays:
  "2026-10-01..2026-10-07": {label: {en: National Day, zh-CN: 国庆节, zh-TW: 國慶節}}
workdays:
  "2026-10-10": {label: {en: worked for National Day, zh-CN: 国庆节调休上班, zh-TW: 國慶節調休上班}}
---
kind: calendar
name: shop.night
label: {en: Night, zh-CN: 夜班}
time_zone: Europe/Berlin
hours: {daily: ["00:00-06:00", "22:00-24:00"]}
---
kind: calendar
name: shop.paris
label: Paris
time_zone: Europe/Paris
hours:
  weekdays: ["09:00-12:00", "13:00-18:00"]
---
kind: calendar
name: shop.late
label: {en: Late, zh-CN: 晚班}
base: office
hours: {saturday: ["10:00-14:00"], monday: ["12:00-20:00"]}
workdays:
  "2026-10-03": {hours: ["10:00-11:00"]}
  "2026-10-11": {like: saturday}
)";

class WorkingTime : public ::testing::Test {
 protected:
  const model::WorkingHours* hours(const std::string& name) const {
    for (const auto& one : catalog->calendars) {
      if (one->name == name) return one.get();
    }
    ADD_FAILURE() << name;
    return nullptr;
  }
  static Timestamp at(const char* text) { return *parse_timestamp(text); }
  static std::string text(std::optional<Timestamp> when) { return when ? format_timestamp(*when) : "never"; }
  const std::shared_ptr<const model::Catalog> catalog = test::catalog_of(calendars);
};

TEST_F(WorkingTime, LunchBreaksAndNightsDoNotCount) {
  const auto* office = hours("shop.office");
  // Friday 2026-09-25, 10:00 in Shanghai.
  const Timestamp start = at("2026-09-25T02:00:00Z");
  EXPECT_EQ(text(add_working(office, start, 2 * hour)), "2026-09-25T04:00:00Z") << "the end of the morning, not the afternoon's begin";
  EXPECT_EQ(text(add_working(office, start, 2 * hour + 1)), "2026-09-25T05:30:00.000001Z");
  EXPECT_EQ(text(add_working(office, start, 7 * hour)), "2026-09-28T01:30:00Z") << "over the week-end";
  EXPECT_EQ(working_between(office, start, at("2026-09-28T01:30:00Z")), 7 * hour);
  EXPECT_EQ(text(add_working(office, start, 0)), "2026-09-25T02:00:00Z");
  EXPECT_EQ(working_between(office, start, start), 0);
  EXPECT_EQ(working_between(office, start, at("2026-09-01T00:00:00Z")), 0) << "the other way round";
}

TEST_F(WorkingTime, HolidaysAreFreeAndShiftedDaysAreWorked) {
  const auto* office = hours("shop.office");
  // From Wednesday 30 September, 17:00: one hour is left that day; Thursday 8 and Friday 9, then Saturday 10, which is worked.
  const Timestamp start = at("2026-09-30T09:00:00Z");
  EXPECT_EQ(text(add_working(office, start, hour + 1)), "2026-10-08T01:00:00.000001Z");
  EXPECT_EQ(text(add_working(office, start, 17 * hour)), "2026-10-10T02:00:00Z");
}

TEST_F(WorkingTime, ACalendarBasedOnAnotherKeepsItsHolidaysAndHasItsOwnHours) {
  const auto* late = hours("shop.late");
  EXPECT_EQ(late->time_zone, "Asia/Shanghai");
  EXPECT_TRUE(late->parts(*parse_date("2026-10-05")).empty()) << "a holiday of its base";
  EXPECT_EQ(late->parts(*parse_date("2026-10-03")), (std::vector<model::DayPart>{{600, 660}})) << "worked on a holiday";
  EXPECT_EQ(late->parts(*parse_date("2026-10-10")), (std::vector<model::DayPart>{{720, 1200}})) << "shifted, with its own Monday's hours";
  EXPECT_EQ(late->parts(*parse_date("2026-10-11")), (std::vector<model::DayPart>{{600, 840}}));
  EXPECT_TRUE(late->parts(*parse_date("2026-10-13")).empty()) << "Tuesdays are not worked";
}

TEST_F(WorkingTime, AnHourThatDaylightSavingSkipsIsNotThereAndOneItRepeatsCountsTwice) {
  const auto* night = hours("shop.night");
  EXPECT_EQ(working_between(night, at("2026-03-28T12:00:00Z"), at("2026-03-29T12:00:00Z")), 7 * hour);
  EXPECT_EQ(working_between(night, at("2026-10-24T12:00:00Z"), at("2026-10-25T12:00:00Z")), 9 * hour);
  EXPECT_EQ(working_between(night, at("2026-07-01T12:00:00Z"), at("2026-07-02T12:00:00Z")), 8 * hour);
  // 22:00 to 24:00 is 2 h; then from midnight, 4 h by the clock's real time end at 05:00 summer time.
  EXPECT_EQ(text(add_working(night, at("2026-03-28T21:00:00Z"), 6 * hour)), "2026-03-29T03:00:00Z");
}

TEST_F(WorkingTime, FarAwayTimesAreBounded) {
  const auto* office = hours("shop.office");
  EXPECT_EQ(add_working(office, at("2026-09-25T02:00:00Z"), 300'000 * hour), std::nullopt) << "more than a hundred years of work";
  EXPECT_EQ(add_working(nullptr, at("9999-12-30T00:00:00Z"), 100 * hour), std::nullopt);
  EXPECT_EQ(text(add_working(office, at("2026-09-25T02:00:00Z"), 150'000 * hour)).substr(0, 2), "21");
  EXPECT_EQ(text(add_working(nullptr, at("2026-09-25T02:00:00Z"), 24 * hour)), "2026-09-26T02:00:00Z");
}

TEST_F(WorkingTime, ADueTimeIsExplainedLineByLine) {
  ClockSigns signs{.runs = true, .pauses = false, .stops = false, .limit = 9 * hour};
  const auto* office = hours("shop.office");
  // Wednesday 30 September, 10:00; paused from 15:00 to Thursday 8 October, 11:00.
  ClockRun run = ClockRun::begin(at("2026-09-30T02:00:00Z"), signs);
  signs.pauses = true;
  EXPECT_TRUE(run.advance(office, at("2026-09-30T07:00:00Z"), signs));
  EXPECT_EQ(due(run, office), std::nullopt) << "nobody knows while it stands still";
  signs.pauses = false;
  EXPECT_TRUE(run.advance(office, at("2026-10-08T03:00:00Z"), signs));
  EXPECT_EQ(text(due(run, office)), "2026-10-08T10:00:00Z");
  std::string lines;
  for (const ClockLine& line : explain_clock(run, office, at("2026-10-08T04:00:00Z"), "UTC", "en")) lines += line.text + "\n";
  EXPECT_EQ(lines,
            "Started 2026-09-30 10:00 (Asia/Shanghai).\n"
            "Time limit 9 h, by Office.\n"
            "2026-09-30: +2 h from 10:00 to 12:00, 2 h in all.\n"
            "2026-09-30: break from 12:00 to 13:30.\n"
            "2026-09-30: +1 h 30 min from 13:30 to 15:00, 3 h 30 min in all.\n"
            "Paused from 2026-09-30 15:00 to 2026-10-08 11:00.\n"
            "2026-10-08: +1 h from 11:00 to 12:00, 4 h 30 min in all.\n"
            "2026-10-08: break from 12:00 to 13:30.\n"
            "2026-10-08: +4 h 30 min from 13:30 to 18:00, 9 h in all.\n"
            "Due 2026-10-08 18:00.\n"
            "4 h 30 min gone by until now (2026-10-08 12:00); 4 h 30 min left.\n");
}

TEST_F(WorkingTime, ChangedClocksAreToldOnTheirDayAndNothingOfTheDaysBeyondTheDueTime) {
  ClockSigns signs{.runs = true, .pauses = false, .stops = false, .limit = 10 * hour};
  const auto* paris = hours("shop.paris");
  ClockRun run = ClockRun::begin(at("2016-03-24T16:00:00Z"), signs);
  signs.stops = true;
  EXPECT_TRUE(run.advance(paris, at("2016-03-29T13:00:00Z"), signs));
  std::string lines;
  for (const ClockLine& line : explain_clock(run, paris, at("2016-04-08T04:00:00Z"), "UTC", "en")) lines += line.text + "\n";
  EXPECT_EQ(lines,
            "Started 2016-03-24 17:00 (Europe/Paris).\n"
            "Time limit 10 h, by Paris.\n"
            "2016-03-24: +1 h from 17:00 to 18:00, 1 h in all.\n"
            "2016-03-25: +3 h from 09:00 to 12:00, 4 h in all.\n"
            "2016-03-25: break from 12:00 to 13:00.\n"
            "2016-03-25: +5 h from 13:00 to 18:00, 9 h in all.\n"
            "2016-03-26: free.\n"
            "2016-03-27: clocks are changed, UTC+02:00 from now on.\n"
            "2016-03-27: free.\n"
            "2016-03-28: +1 h from 09:00 to 10:00, 10 h in all.\n"
            "Due 2016-03-28 10:00.\n"
            "Met 2016-03-29 15:00 after 22 h, too late.\n");
}

TEST_F(WorkingTime, HolidaysAreNamedInTheReadersLanguage) {
  ClockSigns signs{.runs = true, .pauses = false, .stops = false, .limit = 2 * hour};
  const ClockRun run = ClockRun::begin(at("2026-09-30T09:00:00Z"), signs);
  std::string lines;
  for (const ClockLine& line : explain_clock(run, hours("shop.office"), at("2026-09-30T09:00:00Z"), "UTC", "zh-TW")) lines += line.text + "\n";
  EXPECT_EQ(lines,
            "2026-09-30 17:00 (Asia/Shanghai) 開始計時。\n"
            "時限 2 小時，按辦公室計算。\n"
            "2026-09-30：17:00 至 18:00，+1 小時，累計 1 小時。\n"
            "2026-10-01 – 2026-10-07：節假日，國慶節。\n"
            "2026-10-08：09:00 至 10:00，+1 小時，累計 2 小時。\n"
            "到期：2026-10-08 10:00。\n"
            "截至目前（2026-09-30 17:00）已用 0 分，剩餘 2 小時。\n");
}

TEST(ClockRuns, ManyPausesAreSummedUpAndNothingIsLost) {
  ClockSigns signs{.runs = true, .pauses = false, .stops = false, .limit = 10'000 * hour};
  ClockRun run = ClockRun::begin(Timestamp{0}, signs);
  for (int i = 1; i <= 5000; ++i) {
    signs.pauses = i % 2 == 1;
    ASSERT_TRUE(run.advance(nullptr, Timestamp{i * hour}, signs));
  }
  EXPECT_LE(run.marks.size(), 1001u);
  EXPECT_EQ(elapsed(run, nullptr, Timestamp{5000 * hour}), 2500 * hour);
  ClockRun read;
  ASSERT_TRUE(unpack_marks(pack_marks(run), read));
  EXPECT_EQ(read.marks, run.marks);
  EXPECT_EQ(read.carried, run.carried);
  for (const char* bad : {"", "x", "0", "0;", "0;x", "0;5,3", "0;1;2"}) EXPECT_FALSE(unpack_marks(bad, read)) << bad;
}

TEST(ClockRuns, TimesThatGoBackCountAsTheLastOne) {
  ClockSigns signs{.runs = true, .pauses = false, .stops = false, .limit = hour};
  ClockRun run = ClockRun::begin(Timestamp{10 * hour}, signs);
  signs.stops = true;
  EXPECT_TRUE(run.advance(nullptr, Timestamp{9 * hour}, signs));
  EXPECT_EQ(*run.met_at, Timestamp{10 * hour});
  EXPECT_FALSE(run.advance(nullptr, Timestamp{11 * hour}, signs));
}

}  // namespace
}  // namespace caravan::workflow
