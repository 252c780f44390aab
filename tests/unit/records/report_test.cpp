#include "records/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "support/gate.h"

namespace caravan::records {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* report_shop = R"yaml(
kind: agency
locale: en
time_zone: Asia/Shanghai
currency: CNY
---
kind: choices
name: shop.way
label: Way
options: {web: {label: Website}, phone: {label: Phone}}
---
kind: entity
name: shop.order
label: Order
fields:
  way: {type: choice, choices: shop.way}
  seats: {type: int}
  price: {type: money}
  rate: {type: decimal, scale: 3}
  on: {type: date}
  at: {type: instant}
  profit: {type: money, right: hidden}
  paid: {type: bool, default: false}
workflow:
  initial: fresh
  states: {fresh: {category: open}, won: {category: done}, lost: {category: cancelled}}
  transitions: {win: {from: fresh, to: won}, lose: {from: fresh, to: lost}}
---
kind: report
name: shop.by_way
label: By way
entity: shop.order
parameters:
  period: {type: period}
  least: {type: int, label: Seats at least}
  way: {type: choice, choices: shop.way}
  must: {type: bool, default: true}
filters:
  period: "record.on >= params.period.from && record.on <= params.period.to"
  least: "record.seats >= params.least"
  way: "record.way == params.way"
groups: {way: {by: way}}
measures:
  all: {label: All, of: count}
  won: {label: Won, of: count, where: "record.state == 'won'"}
  sum: {label: Sum, of: "sum:price"}
  big: {label: Big, of: "sum:seats", where: "record.seats > 3 && record.way != 'none'"}
  share: {label: Share, value: "measures.won / measures.all", percent: true}
  each: {label: Each, value: "measures.sum / measures.all"}
sort: -won
---
kind: report
name: shop.by_month
label: By month
entity: shop.order
groups: {month: {by: "at:month"}, on: {by: "on:quarter"}}
measures:
  all: {label: All, of: count}
  middle: {label: Middle, of: "median:seats"}
  p90: {label: P90, of: "p90:price"}
  rate: {label: Rate, of: "median:rate", where: "record.paid == true"}
---
kind: report
name: shop.number
label: Number
entity: shop.order
chart: number
roles: [shop.boss]
parameters: {at: {type: period, required: true}}
filters: {at: "record.at >= params.at.start && record.at < params.at.end"}
measures: {all: {label: All, of: count}, middle: {label: Middle, of: "median:seats"}}
---
kind: report
name: shop.profits
label: Profits
entity: shop.order
measures: {all: {label: All, of: "sum:profit"}}
---
kind: report
name: shop.hidden_filter
label: Rich ones
entity: shop.order
measures: {all: {label: All, of: count, where: "record.profit > 5"}}
---
kind: role
name: shop.boss
label: Boss
grants: {shop.order: {read: true, create: true, update: true}, core.user: {read: true}}
---
kind: role
name: shop.clerk
label: Clerk
grants: {shop.order: {read: "record.owner == user.id", create: true, update: true}}
---
kind: role
name: shop.stranger
label: Stranger
grants: {core.user: {read: true}}
)yaml";

class ReportsTest : public test::GateTest {
 protected:
  const char* definitions() const override { return report_shop; }
  void SetUp() override {
    GateTest::SetUp();
    if (!IsSkipped()) boss = as("shop.boss", 12);
  }
  Record order(const std::string& json, const char* step = nullptr) {
    Record made = create(boss, "shop.order", "{" + json + "}");
    if (step != nullptr) made = steps().run(boss, made.entity(), made.id(), step, {}, {}, std::nullopt);
    return made;
  }
  const model::Report& report(std::string_view name) {
    for (const auto& one : catalog->reports) {
      if (one->name == name) return *one;
    }
    throw std::runtime_error("no report " + std::string(name));
  }
  using Given = std::vector<std::pair<std::string, std::string>>;
  ReportResult made(std::string_view name, const Given& given = {}, const Context* who = nullptr) {
    return make_report(gate(), who != nullptr ? *who : boss, report(name), given);
  }
  static std::string written(const ReportResult& result, const ReportRow& row) {
    std::string out;
    for (std::size_t i = 0; i < row.group.size(); ++i) {
      const auto* day = row.group[i].as<Date>();
      if (i) out += ",";
      if (day && result.groups[i].bucket != Bucket::none) out += bucket_label(result.groups[i].bucket, *day);
      else write_value(out, *result.groups[i].field, row.group[i]);
    }
    for (std::size_t m = 0; m < row.cells.size(); ++m) {
      out += m ? "," : "|";
      const ReportCell& cell = row.cells[m];
      if (const auto& measure = result.measures[m]) write_measure(out, *measure, {cell.value, cell.amounts});
      else if (const auto* decimal = cell.value.as<Decimal>()) out += format_decimal(*decimal);
      else out += "null";
    }
    return out;
  }
  static std::vector<std::string> written(const ReportResult& result) {
    std::vector<std::string> out;
    for (const ReportRow& row : result.rows) out.push_back(written(result, row));
    return out;
  }
  std::size_t found(const std::string& filter, const Context& context) {
    ListQuery query;
    query.filter = filter;
    query.limit = 200;
    return gate().list(context, *catalog->entity("shop.order"), query).items.size();
  }

  Context boss;
};

TEST_P(ReportsTest, FiguresByGroupWithTheWayToTheirRecords) {
  order(R"("way":"web","seats":2,"price":"100.00","on":"2026-01-10")", "win");
  order(R"("way":"web","seats":5,"price":"50.50","on":"2026-01-31")");
  order(R"("way":"phone","seats":9,"price":"10.00","on":"2026-02-01")", "lose");
  order(R"("seats":1,"on":"2026-02-02")");
  const auto result = made("shop.by_way");
  EXPECT_EQ(written(result)[0], R"("web"|2,1,[{"currency":"CNY","amount":"150.50"}],5,0.500000,75.250000)");
  EXPECT_THAT(written(result), ::testing::Contains(R"("phone"|1,0,[{"currency":"CNY","amount":"10.00"}],9,0.000000,10.000000)"));
  EXPECT_THAT(written(result), ::testing::Contains(R"(null|1,0,[],0,0.000000,null)"));
  EXPECT_EQ(written(result, result.total), R"(|4,1,[{"currency":"CNY","amount":"160.50"}],14,0.250000,40.125000)");
  for (const ReportRow& row : result.rows) {
    EXPECT_EQ(static_cast<std::int64_t>(found(row.filter, boss)), *row.cells[0].value.as<std::int64_t>()) << row.filter;
    EXPECT_EQ(static_cast<std::int64_t>(found(row.cells[1].filter, boss)), *row.cells[1].value.as<std::int64_t>()) << row.cells[1].filter;
  }
  EXPECT_EQ(result.total.filter, "");
  EXPECT_EQ(result.rows[0].filter, "record.way == \"web\"");
}

TEST_P(ReportsTest, ParametersAskForWhatTheySay) {
  order(R"("way":"web","seats":2,"on":"2026-01-01")");
  order(R"("way":"web","seats":7,"on":"2026-01-31")");
  order(R"("way":"phone","seats":7,"on":"2026-02-01")");
  const auto count = [&](const Given& given) { return *made("shop.by_way", given).total.cells[0].value.as<std::int64_t>(); };
  EXPECT_EQ(count({}), 3);
  EXPECT_EQ(count({{"period", "2026-01-01..2026-01-31"}}), 2);
  EXPECT_EQ(count({{"period", "2026-01-01..2026-01-31"}, {"least", "3"}}), 1);
  EXPECT_EQ(count({{"way", "phone"}}), 1);
  EXPECT_EQ(count({{"way", ""}}), 3) << "empty is not given";
  EXPECT_EQ(count({{"period", "this_year"}}), 3);
  EXPECT_EQ(count({{"period", "last_month"}}), 0);
  for (const Given& bad : {Given{{"period", "2026-02-30..2026-03-01"}}, Given{{"period", "soon"}}, Given{{"least", "many"}}, Given{{"way", "fax"}}, Given{{"wai", "web"}}}) {
    EXPECT_EQ(refusal([&] { made("shop.by_way", bad); }).code(), ErrorCode::invalid_argument) << bad.front().second;
  }
  EXPECT_THAT(refusal([&] { made("shop.number"); }).message(), HasSubstr("At"));
}

TEST_P(ReportsTest, PeriodsOfMomentsAreTheAgencysDays) {
  order(R"("at":"2026-02-28T15:59:59.999999Z")");  // in Shanghai, still the 28th
  order(R"("at":"2026-02-28T16:00:00Z")");         // the first of March
  order(R"("at":"2026-03-31T15:59:59Z")");
  order(R"("at":"2026-03-31T16:00:00Z")");
  const auto result = made("shop.number", {{"at", "2026-03-01..2026-03-31"}});
  EXPECT_EQ(*result.rows.front().cells[0].value.as<std::int64_t>(), 2);
  const auto months = made("shop.by_month");
  ASSERT_EQ(months.rows.size(), 3u);
  for (const ReportRow& row : months.rows) {
    EXPECT_EQ(static_cast<std::int64_t>(found(row.filter, boss)), *row.cells[0].value.as<std::int64_t>()) << row.filter;
  }
}

TEST_P(ReportsTest, PercentilesAgreeWithOneThatSorts) {
  std::mt19937 random(7);
  struct Group {
    std::vector<std::int64_t> seats, price, rate;
  };
  std::map<std::string, Group> groups;
  for (int i = 0; i < 160; ++i) {
    const int month = 1 + static_cast<int>(random() % 5);
    const std::string first = "2026-0" + std::to_string(month);
    Group& group = groups[first];
    std::string json = R"("at":")" + first + R"(-15T00:00:00Z","on":"2026-01-01")";
    if (random() % 5 != 0) {
      const auto seats = static_cast<std::int64_t>(random() % 40) - 10;
      group.seats.push_back(seats);
      json += R"(,"seats":)" + std::to_string(seats);
    }
    if (random() % 4 != 0) {
      const auto cents = static_cast<std::int64_t>(random() % 1'000'000);
      group.price.push_back(cents);
      json += R"(,"price":")" + format_decimal({cents, 2, {0, 0, 0}}) + "\"";
    }
    const bool paid = random() % 2 == 0;
    const auto rate = static_cast<std::int64_t>(random() % 2000) - 1000;
    if (paid) group.rate.push_back(rate);
    json += R"(,"rate":")" + format_decimal({rate, 3, {0, 0, 0}}) + R"(","paid":)" + (paid ? "true" : "false");
    order(json);
  }
  // In units of 10^-6, exactly.
  const auto percentile = [](std::vector<std::int64_t> values, int percent, std::int64_t unit) -> std::optional<std::int64_t> {
    if (values.empty()) return std::nullopt;
    std::sort(values.begin(), values.end());
    const std::size_t place = (values.size() - 1) * static_cast<std::size_t>(percent);
    const std::int64_t low = values[place / 100], high = values[std::min(place / 100 + 1, values.size() - 1)];
    return (low * 100 + (high - low) * static_cast<std::int64_t>(place % 100)) * unit / 100;
  };
  const auto result = made("shop.by_month");
  ASSERT_EQ(result.rows.size(), groups.size());
  for (const ReportRow& row : result.rows) {
    const std::string month = bucket_label(Bucket::month, *row.group[0].as<Date>());
    const Group& group = groups[month];
    const auto shown = [](const ReportCell& cell) -> std::optional<std::int64_t> {
      const Decimal* value = cell.amounts.empty() ? cell.value.as<Decimal>() : &cell.amounts.front();
      return value != nullptr ? std::optional(rescale(*value, 6)->unscaled) : std::nullopt;
    };
    EXPECT_EQ(shown(row.cells[1]), percentile(group.seats, 50, 1'000'000)) << month;
    EXPECT_EQ(shown(row.cells[2]), percentile(group.price, 90, 10'000)) << month;
    EXPECT_EQ(shown(row.cells[3]), percentile(group.rate, 50, 1'000)) << month;
  }
}

TEST_P(ReportsTest, PercentilesOfMoneyKeepCurrenciesApart) {
  for (const char* price : {R"("1.00")", R"("3.00")", R"("500.00","price_currency":"EUR")"}) {
    order(R"("at":"2026-01-15T00:00:00Z","on":"2026-01-01","price":)" + std::string(price));
  }
  EXPECT_EQ(written(made("shop.by_month"))[0], R"(2026-01,2026-Q1|3,null,[{"currency":"CNY","amount":"2.800000"},{"currency":"EUR","amount":"500.000000"}],null)");
}

TEST_P(ReportsTest, OnlyWhatTheViewerMaySeeCounts) {
  order(R"("way":"web","owner":"13","seats":4)", "win");
  order(R"("way":"web","owner":"11","seats":8)");
  const auto clerk = as("shop.clerk", 13);
  const auto result = made("shop.by_way", {}, &clerk);
  EXPECT_EQ(written(result)[0].substr(0, 10), R"("web"|1,1,)");
  EXPECT_EQ(*result.total.cells[0].value.as<std::int64_t>(), 1);
  const auto stranger = as("shop.stranger", 22);
  EXPECT_EQ(refusal([&] { made("shop.by_way", {}, &stranger); }).code(), ErrorCode::forbidden);
  EXPECT_FALSE(is_offered(gate(), stranger, report("shop.by_way")));
  EXPECT_EQ(refusal([&] { made("shop.number", {{"at", "today"}}, &clerk); }).code(), ErrorCode::forbidden) << "for bosses alone";
  EXPECT_EQ(refusal([&] { made("shop.profits", {}, &clerk); }).code(), ErrorCode::forbidden);
  EXPECT_EQ(refusal([&] { made("shop.hidden_filter", {}, &clerk); }).code(), ErrorCode::forbidden) << "a condition is an oracle, too";
}

TEST_P(ReportsTest, NothingIsARowOfNothing) {
  const auto result = made("shop.by_way");
  EXPECT_THAT(result.rows, IsEmpty());
  EXPECT_EQ(written(result, result.total), "|0,0,[],0,null,null");
}

TEST(Periods, ByNameAtTheTurns) {
  const auto shown = [](std::string_view name, std::string_view today) {
    const auto period = model::period_named(name, *parse_date(today));
    return period ? format_date(period->from) + " " + format_date(period->to) : "none";
  };
  EXPECT_EQ(shown("last_month", "2026-01-31"), "2025-12-01 2025-12-31");
  EXPECT_EQ(shown("last_month", "2024-03-31"), "2024-02-01 2024-02-29");
  EXPECT_EQ(shown("last_quarter", "2026-02-01"), "2025-10-01 2025-12-31");
  EXPECT_EQ(shown("this_week", "2026-11-22"), "2026-11-16 2026-11-22");  // a Sunday
  EXPECT_EQ(shown("last_week", "2026-11-23"), "2026-11-16 2026-11-22");
  EXPECT_EQ(shown("last_7_days", "2026-03-01"), "2026-02-23 2026-03-01");
  EXPECT_EQ(shown("last_year", "2026-03-01"), "2025-01-01 2025-12-31");
  EXPECT_EQ(shown("next_year", "2026-03-01"), "none");
}

TEST(Parameters, AreReplacedOutsideOfStringsAlone) {
  const auto filled = [](std::string_view source) {
    return model::with_parameters(source, [](std::string_view name, std::string_view part) -> std::optional<std::string> {
      if (name == "none") return std::nullopt;
      return "<" + std::string(name) + (part.empty() ? "" : "/" + std::string(part)) + ">";
    });
  };
  EXPECT_EQ(filled("record.a >= params.p.from && 'params.q' == \"params.\\\"r\" && r'\\' != params.s"), "record.a >= <p/from> && 'params.q' == \"params.\\\"r\" && r'\\' != <s>");
  EXPECT_EQ(filled("record.params.p == params.x.size()"), "record.params.p == <x>.size()");
  EXPECT_EQ(filled("'''params.a''' + params.b"), "'''params.a''' + <b>");
  EXPECT_EQ(filled("params.none == 1"), std::nullopt);
}

CARAVAN_ON_BOTH_DATABASES(ReportsTest);

}  // namespace
}  // namespace caravan::records
