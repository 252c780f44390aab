#include "records/aggregate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/time_zone.h"
#include "support/gate.h"

namespace caravan::records {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class Aggregates : public test::GateTest {
 protected:
  void SetUp() override {
    GateTest::SetUp();
    if (IsSkipped()) return;
    boss = as("shop.boss", 12);
    wang = id(create(boss, "shop.person", R"({"name":"王芳"})"));
    li = id(create(boss, "shop.person", R"({"name":"李娜"})"));
  }
  Record order(const std::string& more, const std::string& who = {}) {
    return create(boss, "shop.order", R"({"person":")" + (who.empty() ? wang : who) + "\"" + (more.empty() ? "" : ",") + more + "}");
  }
  const model::Entity& orders() const { return *catalog->entity("shop.order"); }

  /// `group values | measures` a row.
  std::vector<std::string> rows(const AggregateQuery& query, const Context* context = nullptr) {
    const AggregateResult result = gate().aggregate(context ? *context : boss, orders(), query);
    std::vector<std::string> out;
    for (const AggregateRow& row : result.rows) {
      std::string text;
      for (std::size_t i = 0; i < row.group.size(); ++i) {
        if (i) text += ",";
        const auto* day = row.group[i].as<Date>();
        if (day && result.groups[i].bucket != Bucket::none) text += bucket_label(result.groups[i].bucket, *day);
        else write_value(text, *result.groups[i].field, row.group[i]);
      }
      for (std::size_t i = 0; i < row.cells.size(); ++i) {
        text += i ? "," : "|";
        write_measure(text, result.measures[i], row.cells[i]);
      }
      out.push_back(std::move(text));
    }
    next = result.next;
    return out;
  }
  std::vector<std::string> rows(const std::string& group, const std::string& measure, const std::string& filter = {}, const std::string& sort = {}) {
    AggregateQuery query;
    query.group = group;
    query.measure = measure;
    query.filter = filter;
    query.sort = sort;
    return rows(query);
  }
  Error refused(const std::string& group, const std::string& measure, const std::string& sort = {}) {
    return refusal([&] { rows(group, measure, {}, sort); });
  }

  Context boss;
  std::string wang, li, next;
};

TEST_P(Aggregates, CurrenciesOfOtherQueriesDoNotCount) {
  const std::vector<std::string> codes{"AED", "AUD", "BRL", "CAD", "CHF", "CZK", "DKK", "EGP", "EUR", "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KES", "KRW", "MAD",
                                       "MOP", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "QAR", "RON", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "USD"};
  for (std::size_t i = 0; i < codes.size(); ++i) order(R"("seats":)" + std::to_string(i + 1) + R"(,"price":"1.00","price_currency":")" + codes[i] + "\"");
  EXPECT_THAT(rows("", "sum:price", "record.seats <= 18").at(0), ::testing::HasSubstr("AED"));
  EXPECT_THAT(rows("", "sum:price", "record.seats > 18").at(0), ::testing::HasSubstr("USD"));
  EXPECT_THAT(rows("", "sum:price", "record.seats <= 18").at(0), ::testing::HasSubstr("AED"));
  EXPECT_THAT(refusal([&] { rows("", "sum:price"); }).message(), ::testing::HasSubstr("30 currencies"));
}

TEST_P(Aggregates, GroupsAndMeasures) {
  order(R"("seats":2,"price":"100.10","rate":"0.125","channel":"web","on":"2026-12-20")");
  order(R"("seats":5,"price":"200.05","rate":"0.250","channel":"web","on":"2026-12-21")");
  order(R"("seats":4,"price":"10.00","price_currency":"USD","channel":"phone")", li);
  order("", li);
  EXPECT_THAT(rows("channel", "count"), ElementsAre("null|1", "\"phone\"|1", "\"web\"|2"));
  EXPECT_THAT(rows("channel", "", "", "-count,-channel"), ElementsAre("\"web\"|2", "\"phone\"|1", "null|1"));
  EXPECT_THAT(rows("", "count,sum:seats,avg:seats,min:seats,max:seats,count_distinct:person"), ElementsAre("|4,11,\"3.666667\",2,5,2"));
  EXPECT_THAT(rows("", "sum:rate,avg:rate,min:rate,max:rate"), ElementsAre(R"(|"0.375","0.187500","0.125","0.250")"));
  EXPECT_THAT(rows("", "min:on,max:on"), ElementsAre(R"(|"2026-12-20","2026-12-21")"));
  EXPECT_THAT(rows("person", "count"), ElementsAre("\"" + wang + "\"|2", "\"" + li + "\"|2"));
  EXPECT_THAT(rows("paid,state", "count"), ElementsAre("false,\"new\"|4"));
  EXPECT_THAT(rows("channel", "count", "record.seats > 3"), ElementsAre("\"phone\"|1", "\"web\"|1"));
  EXPECT_THAT(rows("", "count,sum:seats,avg:seats,max:seats,sum:price,sum:rate", "record.seats > 300"), ElementsAre(R"(|0,0,null,null,[],"0.000")"));
  EXPECT_THAT(rows("channel", "count", "record.seats > 300"), ElementsAre());
}

TEST_P(Aggregates, MoneyOfDifferentCurrenciesNeverMixes) {
  order(R"("seats":1,"price":"100.10","channel":"web")");
  order(R"("seats":1,"price":"200.05","channel":"web")");
  order(R"("seats":1,"price":"10.00","price_currency":"USD","channel":"web")");
  order(R"("seats":1,"price":"11.00","price_currency":"USD","channel":"phone")");
  order(R"("seats":1,"price":"7.00","price_currency":"EUR","channel":"phone")");
  const std::string web = R"("web"|[{"currency":"CNY","amount":"300.15"},{"currency":"USD","amount":"10.00"}])";
  const std::string phone = R"("phone"|[{"currency":"EUR","amount":"7.00"},{"currency":"USD","amount":"11.00"}])";
  EXPECT_THAT(rows("channel", "sum:price"), ElementsAre(phone, web));
  EXPECT_THAT(rows("channel", "sum:price", "", "-sum:price"), ElementsAre(web, phone)) << "by the agency's currency";
  EXPECT_THAT(rows("", "avg:price,max:price,count_distinct:price", "record.channel == 'web'"),
              ElementsAre(R"(|[{"currency":"CNY","amount":"150.075000"},{"currency":"USD","amount":"10.000000"}],)"
                          R"([{"currency":"CNY","amount":"200.05"},{"currency":"USD","amount":"10.00"}],3)"));
  order(R"("seats":1,"price":"5.00","price_currency":"JPY","channel":"web")");
  EXPECT_THAT(rows("", "sum:price", "record.price < 6"), ElementsAre(R"(|[{"currency":"JPY","amount":"5.00"}])")) << "a currency that came later";
}

TEST_P(Aggregates, SumsAreExactAndOverflowIsAnError) {
  database().transact([&](storage::Session& session) {
    const std::string table = "INSERT INTO shop_order (id, version, state, created_at, updated_at, seats, rate) VALUES ";
    const std::string at = GetParam() == storage::Dialect::sqlite ? ", 1, 'sold', 0, 0, " : ", 1, 'sold', '2026-01-01', '2026-01-01', ";
    const auto rate = [&](const char* scaled, const char* decimal) { return std::string(GetParam() == storage::Dialect::sqlite ? scaled : decimal); };
    session.execute(table + "(1" + at + "9007199254740993, " + rate("300000000000000001", "300000000000000.001") + "), (2" + at + "2, " +
                    rate("300000000000000001", "300000000000000.001") + "), (3" + at + "9223372036854775000, " + rate("500000000000000000", "500000000000000") + "), (4" +
                    at + "-9223372036854775000, 0)");
  });
  EXPECT_THAT(rows("", "sum:seats", "record.seats < 9007199254740999"), ElementsAre("|-9214364837600034005"));
  EXPECT_THAT(rows("", "sum:seats"), ElementsAre("|9007199254740995")) << "no double, and no overflow on the way";
  EXPECT_THAT(rows("", "sum:rate", "record.seats < 9007199254740999"), ElementsAre("|\"600000000000000.002\""));
  const Error error = refusal([&] { rows("", "sum:rate"); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_record);
  EXPECT_THAT(error.message(), HasSubstr("sum:rate"));
  EXPECT_EQ(refusal([&] { rows("", "sum:seats", "record.seats > 3"); }).code(), ErrorCode::invalid_record);
}

TEST_P(Aggregates, BucketsFollowTheCalendar) {
  for (const char* on : {"2024-12-29", "2024-12-30", "2025-01-01", "2025-01-05", "2025-01-06", "2025-04-01", "2026-12-31", "0004-02-29"}) {
    order("\"on\":\"" + std::string(on) + "\"");
  }
  order("");
  EXPECT_THAT(rows("on:year", "count"), ElementsAre("null|1", "0004|1", "2024|2", "2025|4", "2026|1"));
  EXPECT_THAT(rows("on:quarter", "count", "record.on > date('2000-01-01')"), ElementsAre("2024-Q4|2", "2025-Q1|3", "2025-Q2|1", "2026-Q4|1"));
  EXPECT_THAT(rows("on:month", "count", "record.on > date('2000-01-01')"), ElementsAre("2024-12|2", "2025-01|3", "2025-04|1", "2026-12|1"));
  EXPECT_THAT(rows("on:week", "count", "record.on > date('2000-01-01')"),
              ElementsAre("2024-W52|1", "2025-W01|3", "2025-W02|1", "2025-W14|1", "2026-W53|1"));
  EXPECT_THAT(rows("on:day", "count", "record.on < date('2024-12-30')"), ElementsAre("0004-02-29|1", "2024-12-29|1"));
  EXPECT_THAT(rows("on", "count", "record.on < date('2024-12-30')"), ElementsAre("\"0004-02-29\"|1", "\"2024-12-29\"|1"));
}

TEST_P(Aggregates, MomentsAreGroupedByTheAgencysDays) {
  order(R"("at":"2026-11-21T15:59:59.999999Z")");  // 23:59 in Shanghai
  order(R"("at":"2026-11-21T16:00:00Z")");         // midnight
  order(R"("at":"2026-12-31T16:00:00Z")");
  order(R"("at":"1969-12-31T15:59:59.5Z")");
  order(R"("at":"1969-12-31T16:00:00Z")");
  EXPECT_THAT(rows("at:day", "count"), ElementsAre("1969-12-31|1", "1970-01-01|1", "2026-11-21|1", "2026-11-22|1", "2027-01-01|1"));
  EXPECT_THAT(rows("at:year", "count"), ElementsAre("1969|1", "1970|1", "2026|2", "2027|1"));
  EXPECT_THAT(rows("at:month", "count", "record.at > timestamp('2026-01-01T00:00:00Z')"), ElementsAre("2026-11|2", "2027-01|1"));
}

TEST_P(Aggregates, TheClockChangesExactlyWhereTheZoneSays) {
  const auto moved = std::const_pointer_cast<model::Catalog>(test::catalog_of(test::shop));
  ASSERT_TRUE(moved);
  moved->agency.time_zone = "America/New_York";
  catalog = moved;
  boss.catalog = catalog;
  // Summer time there ended on 2026-11-01 at 06:00Z, and began on 2026-03-08 at 07:00Z; midnight is at 04:00Z, then 05:00Z.
  for (const char* at : {"2026-11-01T03:59:59.999999Z", "2026-11-01T04:00:00Z", "2026-11-02T04:59:59Z", "2026-11-02T05:00:00Z", "2026-03-08T04:59:59Z",
                         "2026-03-08T05:00:00Z", "2026-03-09T03:59:59Z", "2026-03-09T04:00:00Z", "2007-03-11T04:59:59Z"}) {
    order("\"at\":\"" + std::string(at) + "\"");
  }
  EXPECT_THAT(rows("at:day", "count"), ElementsAre("2007-03-10|1", "2026-03-07|1", "2026-03-08|2", "2026-03-09|1", "2026-10-31|1", "2026-11-01|2", "2026-11-02|1"));
  // Every hour over two years, against the zone itself.
  std::map<std::string, int> expected;
  database().transact([&](storage::Session& session) {
    for (std::int64_t hour = 0; hour < 2 * 366 * 24; hour += 5) {
      const Timestamp at{1'700'000'000'000'000 + hour * 3'600'000'000 + 1};
      ++expected[format_date(*local_date(at, "America/New_York"))];
      storage::Statement& insert = session.prepare("INSERT INTO shop_order (id, version, state, created_at, updated_at, at) VALUES (?, 1, 'lost', ?, ?, ?)");
      const storage::ColumnType instant{storage::ColumnType::Kind::instant, 0, 0};
      insert.bind(1, 100'000 + hour);
      for (int i = 2; i <= 4; ++i) insert.bind(i, expr::Value(at), instant);
      insert.step();
      insert.reset();
    }
  });
  AggregateQuery query;
  query.group = "at:day";
  query.filter = "record.state == 'lost'";
  query.limit = 1000;
  const auto found = rows(query);
  ASSERT_EQ(found.size(), expected.size());
  std::size_t i = 0;
  for (const auto& [day, count] : expected) EXPECT_EQ(found[i++], day + "|" + std::to_string(count));
}

TEST_P(Aggregates, OnlyWhatTheActorMayReadCounts) {
  const Context alice = as("shop.seller", 11), guest = as("shop.guest", 33);
  const Record mine = order(R"("seats":1,"owner":"11")");
  const Record foreign = order(R"("seats":2,"owner":"22")");
  steps().run(boss, orders(), foreign.id(), "lose", {{orders().field("reason"), expr::Value("x")}}, "why", std::nullopt);
  AggregateQuery query;
  query.group = "state";
  query.measure = "count,sum:seats";
  EXPECT_THAT(rows(query, &alice), ElementsAre("\"new\"|1,1"));
  EXPECT_THAT(rows(query, &boss), ElementsAre("\"lost\"|1,2", "\"new\"|1,1"));
  EXPECT_EQ(refusal([&] { rows(query, &guest); }).code(), ErrorCode::forbidden);
}

TEST_P(Aggregates, FieldsThatMayNotBeReadAreRefused) {
  catalog = test::catalog_of(std::string(test::shop) + R"(---
kind: role
name: shop.veiled
label: {en: Veiled}
grants:
  shop.order: {read: true}
fields:
  shop.order: {price: hidden, code: masked}
)");
  ASSERT_TRUE(catalog);
  const Context veiled = as("shop.veiled", 33);
  const auto refuse = [&](const std::string& group, const std::string& measure, const std::string& filter) {
    AggregateQuery query;
    query.group = group;
    query.measure = measure;
    query.filter = filter;
    const Error error = refusal([&] { rows(query, &veiled); });
    EXPECT_EQ(error.code(), ErrorCode::forbidden) << group << measure << filter;
    return error.message();
  };
  EXPECT_THAT(refuse("code", "count", ""), HasSubstr("code"));
  EXPECT_THAT(refuse("", "sum:price", ""), HasSubstr("price"));
  EXPECT_THAT(refuse("", "count_distinct:code", ""), HasSubstr("code"));
  EXPECT_THAT(refuse("state", "count", "record.price > 3"), HasSubstr("price"));
  EXPECT_THAT(refuse("state", "count", "record.person.name == 'A'"), Not(HasSubstr("A")));
}

TEST_P(Aggregates, PagesOfGroupsAreCompleteAndBounded) {
  for (int i = 0; i < 23; ++i) order("\"seats\":" + std::to_string(i + 1) + ",\"code\":\"c" + std::to_string(i) + "\"");
  AggregateQuery query;
  query.group = "seats";
  query.sort = "-seats";
  query.limit = 10;
  std::vector<std::string> all;
  for (int page = 0; page < 5; ++page) {
    for (auto& row : rows(query)) all.push_back(row);
    if (next.empty()) break;
    query.after = next;
  }
  ASSERT_EQ(all.size(), 23u);
  EXPECT_EQ(all.front(), "23|1");
  EXPECT_EQ(all.back(), "1|1");
  query.group = "code";
  query.sort = "";
  EXPECT_EQ(refusal([&] { rows(query); }).code(), ErrorCode::invalid_argument) << "another query's cursor";
  for (const char* hostile : {"x", "AAAA", "LTF8c2VhdHN8fC1zZWF0cw", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5fHNlYXRzfHwtc2VhdHM"}) {
    query.group = "seats";
    query.sort = "-seats";
    query.after = hostile;
    EXPECT_EQ(refusal([&] { rows(query); }).code(), ErrorCode::invalid_argument) << hostile;
  }
  EXPECT_THAT(refused("a", "count").message(), HasSubstr("\"a\""));
  EXPECT_THAT(refused("seats,state,code,person", "count").message(), HasSubstr("three"));
  EXPECT_THAT(refused("seats,seats", "count").message(), HasSubstr("twice"));
  EXPECT_THAT(refused("price", "count").message(), HasSubstr("price"));
  EXPECT_THAT(refused("extra", "count").message(), HasSubstr("extra"));
  EXPECT_THAT(refused("remark", "count").message(), HasSubstr("remark"));
  EXPECT_THAT(refused("at", "count").message(), HasSubstr("at:month"));
  EXPECT_THAT(refused("on:hour", "count").message(), HasSubstr("quarter"));
  EXPECT_THAT(refused("seats:month", "count").message(), HasSubstr("seats:month"));
  EXPECT_THAT(refused("", "sum:code").message(), HasSubstr("text"));
  EXPECT_THAT(refused("", "sum").message(), HasSubstr("sum:FIELD"));
  EXPECT_THAT(refused("", "medium:seats").message(), HasSubstr("medium:seats"));
  EXPECT_THAT(refused("", "count,count").message(), HasSubstr("twice"));
  EXPECT_THAT(refused("state", "count", "-sum:seats").message(), HasSubstr("sum:seats"));
}

TEST(BucketLabels, AreIsoWeeksAndQuarters) {
  EXPECT_EQ(bucket_label(Bucket::week, *parse_date("2024-12-30")), "2025-W01");
  EXPECT_EQ(bucket_label(Bucket::week, *parse_date("2026-12-28")), "2026-W53");
  EXPECT_EQ(bucket_label(Bucket::quarter, *parse_date("2026-10-01")), "2026-Q4");
  EXPECT_EQ(bucket_label(Bucket::quarter, *parse_date("2026-01-01")), "2026-Q1");
}

CARAVAN_ON_BOTH_DATABASES(Aggregates);

}  // namespace
}  // namespace caravan::records
