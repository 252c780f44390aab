#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "records/bulk.h"
#include "records/import.h"
#include "records/data_check.h"
#include "records/rollup.h"
#include "storage/query.h"
#include "support/gate.h"

/// What the gate guarantees whoever writes at the same time.
namespace caravan::records {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const char* const yard = R"(
kind: entity
name: shop.guide
label: {en: Guide, zh-CN: 导游}
title: name
fields:
  name: {type: text, max: 20, required: true, label: {en: Name, zh-CN: 姓名}}
  days: {type: int, label: {en: Days, zh-CN: 天数}, rollup: {count: true, of: shop.job, by: guide, where: "record.state != 'off'"}}
---
kind: entity
name: shop.region
label: {en: Region, zh-CN: 区域}
fields:
  name: {type: text, max: 20, label: {en: Name, zh-CN: 姓名}}
  takings: {type: money, label: {en: Takings, zh-CN: 收入}, rollup: {sum: paid, of: shop.tour, by: region}}
---
kind: entity
name: shop.tour
label: {en: Tour, zh-CN: 团}
number: "T-{seq:3}"
fields:
  region: {type: ref, to: shop.region, label: {en: Region, zh-CN: 区域}}
  capacity: {type: int, default: 20, label: {en: Capacity, zh-CN: 容量}}
  sold: {type: int, label: {en: Sold, zh-CN: 已售}, rollup: {sum: seats, of: shop.sale, by: tour, where: "record.kind != 'void'"}}
  left: {type: int, compute: "record.capacity - record.sold", label: {en: Left, zh-CN: 余位}}
  sales: {type: int, label: {en: Sales, zh-CN: 笔数}, rollup: {count: true, of: shop.sale, by: tour}}
  paid: {type: money, label: {en: Paid, zh-CN: 已付}, rollup: {sum: amount, of: shop.sale, by: tour}}
  first_on: {type: date, label: {en: First, zh-CN: 最早}, rollup: {min: on, of: shop.sale, by: tour}}
  dearest: {type: money, label: {en: Dearest, zh-CN: 最贵}, rollup: {max: amount, of: shop.sale, by: tour}}
invariants:
  seats: {check: "record.sold <= record.capacity", message: {en: Not enough seats left, zh-CN: 余位不足}}
---
kind: entity
name: shop.sale
label: {en: Sale, zh-CN: 销售}
fields:
  tour: {type: ref, to: shop.tour, delete: cascade, label: {en: Tour, zh-CN: 团}}
  seats: {type: int, min: 0, label: {en: Seats, zh-CN: 座位}}
  amount: {type: money, label: {en: Amount, zh-CN: 金额}}
  on: {type: date, label: {en: Day, zh-CN: 日期}}
  kind: {type: text, max: 10, default: sale, label: {en: Kind, zh-CN: 种类}}
---
kind: entity
name: shop.job
label: {en: Job, zh-CN: 任务}
number: "J-{seq:4}"
fields:
  guide: {type: ref, to: shop.guide, label: {en: Guide, zh-CN: 导游}}
  start_on: {type: date, label: {en: From, zh-CN: 开始}}
  end_on: {type: date, label: {en: To, zh-CN: 结束}}
  start_at: {type: instant, label: {en: Begins, zh-CN: 开始时间}}
  end_at: {type: instant, label: {en: Ends, zh-CN: 结束时间}}
exclusive:
  busy: {resource: guide, from: start_on, to: end_on, where: "record.state != 'off'", message: {en: The guide is busy, zh-CN: 导游没空}}
  hours: {resource: guide, from: start_at, to: end_at}
workflow:
  initial: on
  states:
    on: {category: open, label: {en: On, zh-CN: 进行}}
    off: {category: cancelled, label: {en: Off, zh-CN: 取消}}
  transitions:
    cancel: {from: on, to: off, label: {en: Cancel, zh-CN: 取消}}
    revive: {from: off, to: on, label: {en: Revive, zh-CN: 恢复}}
---
kind: entity
name: shop.entry
label: {en: Entry, zh-CN: 分录}
number: "E-{yyyy}-{seq:1}"
gap_free: true
ledger: true
fields:
  amount: {type: money, required: true, label: {en: Amount, zh-CN: 金额}}
  code: {type: int, label: {en: Code, zh-CN: 代码}}
unique: {by_code: [code]}
---
kind: role
name: shop.boss
label: {en: Boss, zh-CN: 老板}
administrator: true
---
kind: role
name: shop.clerk
label: {en: Clerk, zh-CN: 职员}
grants:
  shop.guide: {read: true}
  shop.job: {create: true, update: true, read: "record.owner == user.id"}
  shop.sale: {create: true, read: true, update: true}
)";

class Guarantees : public test::GateTest {
 protected:
  const char* definitions() const override { return yard; }
  Context boss() const { return as("shop.boss", 12); }
  Record tour(const std::string& json = "{}") { return create(boss(), "shop.tour", json); }
  Record sale(const Record& tour, const std::string& more) { return create(boss(), "shop.sale", R"({"tour":")" + id(tour) + "\"" + more + "}"); }
  Record again(const Record& record) { return gate().get(boss(), record.entity(), record.id()); }
  std::string now_of(const Record& record, const char* field) { return text(again(record), field); }
  const model::Entity& entity(const char* name) { return *catalog->entity(name); }
};

TEST_P(Guarantees, AParentWithoutChildrenHasNoneOfThem) {
  const Record t = tour();
  EXPECT_EQ(text(t, "sold"), "0");
  EXPECT_EQ(text(t, "sales"), "0");
  EXPECT_EQ(text(t, "paid"), "\"0.00\"");
  EXPECT_EQ(text(t, "first_on"), "null");
  EXPECT_EQ(text(t, "dearest"), "null");
  EXPECT_EQ(text(t, "left"), "20");
}

TEST_P(Guarantees, EveryChangeOfAChildIsInItsParentAtOnce) {
  const Record a = tour(), b = tour();
  const Record s = sale(a, R"(,"seats":3,"amount":"100.50","on":"2026-12-20")");
  EXPECT_EQ(now_of(a, "sold"), "3");
  EXPECT_EQ(now_of(a, "left"), "17") << "computed fields follow";
  EXPECT_EQ(now_of(a, "paid"), "\"100.50\"");
  EXPECT_EQ(now_of(a, "first_on"), "\"2026-12-20\"");
  const Record s2 = sale(a, R"(,"seats":2,"amount":"50","on":"2026-12-18")");
  EXPECT_EQ(now_of(a, "first_on"), "\"2026-12-18\"");
  EXPECT_EQ(now_of(a, "dearest"), "\"100.50\"");
  EXPECT_EQ(again(a).version(), 3) << "with a version and an event for each";
  const auto events = gate().timeline(boss(), entity("shop.tour"), a.id(), 0, 50);
  EXPECT_EQ(events.front().source, "rollup shop.sale");
  EXPECT_THAT(events.front().changes, HasSubstr(R"("paid":["100.50","150.50"])"));

  change(boss(), s2, R"({"seats":5})");
  EXPECT_EQ(now_of(a, "sold"), "8");
  change(boss(), s2, R"({"kind":"void"})");
  EXPECT_EQ(now_of(a, "sold"), "3") << "it does not count any more";
  EXPECT_EQ(now_of(a, "sales"), "2") << "here it does";
  change(boss(), s2, R"({"kind":"sale"})");
  change(boss(), s2, R"({"tour":")" + id(b) + "\"}");
  EXPECT_EQ(now_of(a, "sold"), "3");
  EXPECT_EQ(now_of(b, "sold"), "5");
  EXPECT_EQ(now_of(a, "first_on"), "\"2026-12-20\"") << "the earliest one left";
  EXPECT_EQ(now_of(b, "paid"), "\"50.00\"");
  change(boss(), s, R"({"amount":"10"})");
  EXPECT_EQ(now_of(a, "dearest"), "\"10.00\"");
  gate().remove(boss(), entity("shop.sale"), s.id(), std::nullopt);
  EXPECT_EQ(now_of(a, "sold"), "0");
  EXPECT_EQ(now_of(a, "paid"), "\"0.00\"");
  EXPECT_EQ(now_of(a, "dearest"), "null");
  gate().restore(boss(), entity("shop.sale"), s.id());
  EXPECT_EQ(now_of(a, "sold"), "3");
  EXPECT_EQ(now_of(a, "dearest"), "\"10.00\"");
  change(boss(), s, R"({"tour":null})");
  EXPECT_EQ(now_of(a, "sales"), "0");
}

TEST_P(Guarantees, RollupsOfRollups) {
  const Record r = create(boss(), "shop.region", R"({"name":"South"})");
  const Record t = tour(R"({"region":")" + id(r) + "\"}");
  sale(t, R"(,"amount":"10","seats":4)");
  const Record s = sale(t, R"(,"amount":"5","seats":2)");
  EXPECT_EQ(now_of(r, "takings"), "\"15.00\"");
  change(boss(), s, R"({"amount":"7"})");
  EXPECT_EQ(now_of(r, "takings"), "\"17.00\"");
  gate().remove(boss(), entity("shop.tour"), t.id(), std::nullopt);
  EXPECT_EQ(now_of(r, "takings"), "\"0.00\"") << "the tour is gone with its sales";
  gate().restore(boss(), entity("shop.tour"), t.id());
  EXPECT_EQ(now_of(t, "sales"), "0") << "the sales are not back yet";
  EXPECT_EQ(now_of(t, "left"), "20") << "nor in what is computed of them";
  gate().restore(boss(), entity("shop.sale"), s.id());
  EXPECT_EQ(now_of(t, "sales"), "1");
  EXPECT_EQ(now_of(r, "takings"), "\"7.00\"");
}

TEST_P(Guarantees, TransitionsCount) {
  const Record g = create(boss(), "shop.guide", R"({"name":"Li"})");
  const Record j = create(boss(), "shop.job", R"({"guide":")" + id(g) + "\"}");
  EXPECT_EQ(now_of(g, "days"), "1");
  steps().run(boss(), entity("shop.job"), j.id(), "cancel", {}, "", std::nullopt);
  EXPECT_EQ(now_of(g, "days"), "0");
}

TEST_P(Guarantees, AnImportedRowInTheWayIsToldOnce) {
  const Record g = create(boss(), "shop.guide", R"({"name":"Li"})");
  const auto map = model::load_import_map({"jobs.yaml", "kind: import_map\nname: jobs\nentity: shop.job\nsource: s\nrecords:\n  job:\n    entity: shop.job\n"
                                                        "    external_id: {column: Id}\n    fields: {guide: {column: Guide}, start_on: {column: From}, end_on: {column: To}}\n", ""},
                                          *catalog);
  ASSERT_TRUE(map.map);
  const std::string csv = "Id,Guide,From,To\n1," + id(g) + ",2026-12-20,2026-12-21\n2," + id(g) + ",2026-12-21,2026-12-22\n";
  const ImportReport report = import_csv(gate(), boss(), *map.map, csv, false);
  EXPECT_EQ(report.created, 1);
  ASSERT_EQ(report.errors.size(), 1u);
  const std::string& told = report.errors[0].message;
  EXPECT_EQ(told.find("The guide is busy"), told.rfind("The guide is busy")) << told;
  EXPECT_EQ(now_of(g, "days"), "1");
}

TEST_P(Guarantees, NobodySetsARollup) {
  const Record t = tour();
  for (const char* json : {R"({"sold":1})", R"({"paid":"1"})"}) {
    const Error error = refusal([&] { change(boss(), t, json); });
    EXPECT_EQ(error.code(), ErrorCode::invalid_record);
    EXPECT_EQ(error.fields().at(0).code, "read_only");
  }
}

TEST_P(Guarantees, TheParentsRulesRefuseTheChildInItsWords) {
  const Record t = tour(R"({"capacity":5})");
  sale(t, R"(,"seats":3)");
  const Error error = refusal([&] { sale(t, R"(,"seats":3)"); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_record);
  ASSERT_EQ(error.fields().size(), 1u);
  EXPECT_EQ(error.fields()[0].field, "tour");
  EXPECT_EQ(error.fields()[0].code, "invariant:seats");
  EXPECT_EQ(error.fields()[0].message, "Tour T-001: Not enough seats left");
  EXPECT_EQ(now_of(t, "sold"), "3");
  EXPECT_EQ(list(boss(), "shop.sale").items.size(), 1u);
  const Error clerk = refusal([&] { create(as("shop.clerk", 11), "shop.sale", R"({"seats":9,"tour":")" + id(t) + "\"}"); });
  EXPECT_EQ(clerk.code(), ErrorCode::invalid_record) << "he may not see the tour";
  EXPECT_EQ(refusal([&] { change(boss(), again(t), R"({"capacity":2})"); }).code(), ErrorCode::invalid_record);
}

TEST_P(Guarantees, AmountsOfTwoCurrenciesAreNotAddedUp) {
  const Record t = tour();
  sale(t, R"(,"amount":"10")");
  const Error error = refusal([&] { sale(t, R"(,"amount":"10","amount_currency":"USD")"); });
  EXPECT_EQ(error.fields().at(0).code, "mixed_currencies");
  const Record other = tour();
  const Record s = sale(other, R"(,"amount":"10","amount_currency":"USD")");
  EXPECT_EQ(now_of(other, "paid"), "\"10.00\"");
  EXPECT_EQ(again(other)[entity("shop.tour").field("paid")->slot].as<Decimal>()->currency_code(), "USD");
  const Error large = refusal([&] { change(boss(), s, R"({"seats":9223372036854775807})"); });
  EXPECT_EQ(large.code(), ErrorCode::invalid_record);
}

TEST_P(Guarantees, SumsThatWouldOverflowAreRefused) {
  const Record t = tour(R"({"capacity":9223372036854775807})");
  sale(t, R"(,"seats":9223372036854775807)");
  EXPECT_EQ(refusal([&] { sale(t, R"(,"seats":1)"); }).fields().at(0).code, "too_large");
  EXPECT_EQ(now_of(t, "sold"), "9223372036854775807");
}

TEST_P(Guarantees, ABatchCountsEachRowAndOnlyThoseThatStay) {
  const Record t = tour(R"({"capacity":4})");
  const auto results = run_rows(gate(), boss(), 8, false, [&](Work& work, std::size_t) {
    const Record made = work.create(entity("shop.sale"), parse_input(*catalog, entity("shop.sale"), R"({"seats":1,"tour":")" + id(t) + "\"}", "en"));
    return RowResult{made.id(), made.version(), std::nullopt};
  });
  EXPECT_EQ(std::count_if(results.begin(), results.end(), [](const RowResult& one) { return one.id != 0; }), 4);
  EXPECT_EQ(now_of(t, "sold"), "4");
  EXPECT_EQ(now_of(t, "sales"), "4");
}

TEST_P(Guarantees, SeatsAreNeverSoldTwice) {
  constexpr int clients = 200;
  const Record t = tour(R"({"capacity":60})");
  std::atomic<int> sold{0}, refused{0}, other{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < clients; ++i) {
    threads.emplace_back([&] {
      for (int attempt = 0; attempt < 50; ++attempt) {
        try {
          sale(t, R"(,"seats":1,"amount":"0.10")");
          ++sold;
          return;
        } catch (const Error& error) {
          if (error.code() == ErrorCode::unavailable) continue;  // too many at once: the client asks again
          (error.code() == ErrorCode::invalid_record ? refused : other) += 1;
          return;
        }
      }
      ++other;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(sold, 60);
  EXPECT_EQ(refused, clients - 60);
  EXPECT_EQ(other, 0);
  EXPECT_EQ(now_of(t, "sold"), "60");
  EXPECT_EQ(now_of(t, "paid"), "\"6.00\"");
  ListQuery all;
  all.limit = 200;
  EXPECT_EQ(gate().list(boss(), entity("shop.sale"), all).items.size(), 60u);
}

TEST_P(Guarantees, UnderRandomWritesTheValuesAreThoseOfTheChildren) {
  std::vector<Record> tours;
  for (int i = 0; i < 4; ++i) tours.push_back(tour(R"({"capacity":1000000})"));
  std::vector<std::thread> threads;
  std::atomic<int> written{0};
  for (unsigned i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(i);
      std::vector<Record> mine;
      for (int n = 0; n < 40; ++n) {
        const std::string json = R"({"tour":")" + id(tours[random() % 4]) + R"(","seats":)" + std::to_string(random() % 9) + R"(,"amount":")" +
                                 std::to_string(random() % 50) + R"(.5","on":"2026-12-)" + std::to_string(10 + random() % 20) + R"(","kind":")" +
                                 (random() % 3 == 0 ? "void" : "sale") + "\"}";
        try {
          if (mine.empty() || random() % 3 == 0) {
            mine.push_back(create(boss(), "shop.sale", json));
          } else if (random() % 4 == 0) {
            gate().remove(boss(), entity("shop.sale"), mine.back().id(), std::nullopt);
            mine.pop_back();
          } else {
            change(boss(), mine[random() % mine.size()], json);
          }
          ++written;
        } catch (const Error& error) {
          EXPECT_EQ(error.code(), ErrorCode::unavailable) << error.message();
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_GT(written, 300);
  auto session = database().read();
  for (const Record& t : tours) {
    storage::Query query(*session,
                         "SELECT COALESCE(SUM(CASE WHEN kind <> 'void' THEN seats END), 0), COUNT(*) FROM shop_sale WHERE tour = ?", t.id());
    ASSERT_TRUE(query.next());
    EXPECT_EQ(now_of(t, "sold"), query.text(0));
    EXPECT_EQ(now_of(t, "sales"), query.text(1));
    {
      const std::string day = storage::quote(session->dialect(), "on");
      storage::Query parts(*session,
                           "SELECT COALESCE((SELECT MIN(c." + day + ") FROM shop_sale c WHERE c.tour = t.id), '2000-01-01') = COALESCE(t.first_on, '2000-01-01'), "
                           "COALESCE((SELECT SUM(c.amount) FROM shop_sale c WHERE c.tour = t.id), 0) = t.paid, "
                           "COALESCE((SELECT MAX(c.amount) FROM shop_sale c WHERE c.tour = t.id), -1) = COALESCE(t.dearest, -1) "
                           "FROM shop_tour t WHERE t.id = ?", t.id());
      ASSERT_TRUE(parts.next());
      EXPECT_EQ(parts.integer(0), 1);
      EXPECT_EQ(parts.integer(1), 1);
      EXPECT_EQ(parts.integer(2), 1);
    }
  }
}

TEST_P(Guarantees, RowsOfBeforeAreCounted) {
  const Record a = tour(), b = tour();
  sale(a, R"(,"seats":2,"amount":"9")");
  database().transact([](storage::Session& session) { storage::run_sql(session, "UPDATE shop_tour SET sold = NULL, sales = NULL, paid = NULL, dearest = NULL"); });
  const auto steps_now = storage::plan_schema(*database().read(), *catalog);
  std::string said;
  for (const auto& step : steps_now) said += step.what + "\n";
  EXPECT_THAT(said, HasSubstr("count sold of shop_tour from the rows of shop_sale"));
  const RollupFill filled = fill_rollups(gate(), catalog, now);
  EXPECT_EQ(filled.changed, 2);
  EXPECT_EQ(filled.refused, 0);
  EXPECT_EQ(now_of(a, "sold"), "2");
  EXPECT_EQ(now_of(a, "paid"), "\"9.00\"");
  EXPECT_EQ(now_of(b, "sales"), "0");
  EXPECT_TRUE(fill_rollups(gate(), catalog, now).fields.empty()) << "once is enough";
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(fill_rollups(gate(), catalog, now, true).fields.empty());
  EXPECT_TRUE(fill_rollups(gate(), catalog, now, true).fields.empty());
  EXPECT_TRUE(storage::plan_schema(*database().read(), *catalog).empty());
}

TEST_P(Guarantees, NoTwoAtATime) {
  const Record g = create(boss(), "shop.guide", R"({"name":"Li"})"), h = create(boss(), "shop.guide", R"({"name":"Wu"})");
  const auto job = [&](const Record& guide, const std::string& from, const std::string& to) {
    return create(boss(), "shop.job", R"({"guide":")" + id(guide) + R"(","start_on":")" + from + R"(","end_on":")" + to + "\"}");
  };
  const Record first = job(g, "2026-12-10", "2026-12-12");
  for (const auto& [from, to] : {std::pair("2026-12-12", "2026-12-14"), std::pair("2026-12-08", "2026-12-10"), std::pair("2026-12-11", "2026-12-11"),
                                 std::pair("2026-12-01", "2026-12-31")}) {
    const Error error = refusal([&] { job(g, from, to); });
    EXPECT_EQ(error.code(), ErrorCode::conflict);
    EXPECT_EQ(error.message(), "The guide is busy (J-0001)");
    std::vector<std::string> fields;
    for (const auto& one : error.fields()) fields.push_back(one.field + " " + one.code);
    EXPECT_THAT(fields, ElementsAre("guide overlap:busy", "start_on overlap:busy", "end_on overlap:busy"));
  }
  const Error clerk = refusal([&] { create(as("shop.clerk", 11), "shop.job", R"({"guide":")" + id(g) + R"(","start_on":"2026-12-12","end_on":"2026-12-12"})"); });
  EXPECT_EQ(clerk.message(), "The guide is busy") << "which record it is, he may not know";
  const Record next = job(g, "2026-12-13", "2026-12-14");
  job(h, "2026-12-11", "2026-12-11");
  const Error ends = refusal([&] { job(h, "2026-12-20", "2026-12-19"); });
  EXPECT_EQ(ends.code(), ErrorCode::invalid_record);
  EXPECT_EQ(ends.fields().at(0).field, "end_on");
  EXPECT_EQ(refusal([&] { change(boss(), next, R"({"start_on":"2026-12-12"})"); }).code(), ErrorCode::conflict);
  change(boss(), next, R"({"end_on":"2026-12-15"})");
  EXPECT_EQ(refusal([&] { change(boss(), next, R"({"guide":")" + id(g) + R"(","start_on":"2026-12-01"})"); }).code(), ErrorCode::conflict);
  // What does not count leaves room, until it counts again.
  steps().run(boss(), entity("shop.job"), first.id(), "cancel", {}, "", std::nullopt);
  const Record instead = job(g, "2026-12-12", "2026-12-12");
  EXPECT_EQ(refusal([&] { steps().run(boss(), entity("shop.job"), first.id(), "revive", {}, "", std::nullopt); }).code(), ErrorCode::conflict);
  gate().remove(boss(), entity("shop.job"), instead.id(), std::nullopt);
  steps().run(boss(), entity("shop.job"), first.id(), "revive", {}, "", std::nullopt);
  EXPECT_EQ(refusal([&] { gate().restore(boss(), entity("shop.job"), instead.id()); }).code(), ErrorCode::conflict);
}

TEST_P(Guarantees, InstantsEndBeforeTheirEnd) {
  const Record g = create(boss(), "shop.guide", R"({"name":"Li"})");
  const auto job = [&](const std::string& from, const std::string& to) {
    return create(boss(), "shop.job", R"({"guide":")" + id(g) + R"(","start_at":")" + from + R"(","end_at":")" + to + "\"}");
  };
  job("2026-12-10T08:00:00Z", "2026-12-10T10:00:00Z");
  job("2026-12-10T10:00:00Z", "2026-12-10T11:00:00Z");
  const Error error = refusal([&] { job("2026-12-10T09:59:59.999999Z", "2026-12-10T10:00:00Z"); });
  EXPECT_EQ(error.fields().at(0).code, "overlap:hours");
  EXPECT_THAT(error.message(), HasSubstr("Guide is already taken"));
}

TEST_P(Guarantees, NeverAnOverlapAmongFiftyThreads) {
  std::vector<Record> guides;
  for (int i = 0; i < 10; ++i) guides.push_back(create(boss(), "shop.guide", R"({"name":"G"})"));
  std::atomic<int> made{0}, taken{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 50; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(i);
      std::optional<Record> mine;
      for (int n = 0; n < 12; ++n) {
        const int from = 1 + static_cast<int>(random() % 24), to = from + static_cast<int>(random() % 4);
        const auto day = [](int d) { return std::string("2026-12-") + (d < 10 ? "0" : "") + std::to_string(d); };
        const std::string json = R"({"guide":")" + id(guides[random() % 10]) + R"(","start_on":")" + day(from) + R"(","end_on":")" + day(to) + "\"}";
        try {
          if (mine && n % 3 == 2) change(boss(), *mine, json);
          else mine = create(boss(), "shop.job", json);
          ++made;
        } catch (const Error& error) {
          if (error.code() == ErrorCode::conflict) ++taken;
          else EXPECT_EQ(error.code(), ErrorCode::unavailable) << error.message();
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_GT(made, 30);
  EXPECT_GT(taken, 100);
  auto session = database().read();
  storage::Query overlaps(*session,
                          "SELECT COUNT(*) FROM shop_job a JOIN shop_job b ON a.guide = b.guide AND a.id < b.id AND a.start_on <= b.end_on AND "
                          "b.start_on <= a.end_on");
  ASSERT_TRUE(overlaps.next());
  EXPECT_EQ(overlaps.integer(0), 0);
  for (const Record& g : guides) {
    storage::Query days(*session, "SELECT COUNT(*) FROM shop_job WHERE guide = ?", g.id());
    ASSERT_TRUE(days.next());
    EXPECT_EQ(now_of(g, "days"), days.text(0));
  }
}

TEST_P(Guarantees, ALedgerOnlyGrows) {
  const Record e = create(boss(), "shop.entry", R"({"amount":"1"})");
  const Record same = change(boss(), e, R"({"amount":"1.00"})");
  EXPECT_EQ(same.version(), 1) << "what changes nothing is no change: an import may say it again";
  const std::vector<std::function<void()>> deeds{
      [&] { change(boss(), e, R"({"amount":"2"})"); }, [&] { gate().remove(boss(), entity("shop.entry"), e.id(), std::nullopt); },
      [&] { gate().transact(boss(), [&](Work& work) { work.remark(work.load(entity("shop.entry"), e.id(), true), "share", ""); }); },
      [&] { gate().transact(boss(), [&](Work& work) { work.erase_history(entity("shop.entry"), e.id(), ""); }); }};
  for (const auto& deed : deeds) {
    const Error error = refusal(deed);
    EXPECT_EQ(error.code(), ErrorCode::conflict);
    ASSERT_FALSE(error.fields().empty());
    EXPECT_EQ(error.fields()[0].code, "ledger");
  }
  const Rights rights = gate().rights(boss(), e);
  EXPECT_TRUE(rights.read);
  EXPECT_FALSE(rights.update || rights.remove);
  EXPECT_FALSE(gate().may(boss(), entity("shop.entry"), model::Operation::update));
  for (const char* sql : {"UPDATE shop_entry SET amount = 5", "DELETE FROM shop_entry"}) {
    EXPECT_ANY_THROW(database().transact([&](storage::Session& session) { storage::run_sql(session, sql); })) << sql;
  }
  EXPECT_EQ(now_of(e, "amount"), "\"1.00\"");
}

TEST_P(Guarantees, ALedgersTriggersComeAndGoWithTheWord) {
  std::string open = yard;
  open.replace(open.find("ledger: true\n"), 13, "");
  const auto without = test::catalog_of(open);
  EXPECT_TRUE(storage::plan_schema(*database().read(), *catalog).empty());
  storage::update_schema(database(), *without);
  database().transact([](storage::Session& session) { storage::run_sql(session, "DELETE FROM shop_entry"); });
  storage::update_schema(database(), *catalog);
  create(boss(), "shop.entry", R"({"amount":"1"})");
  EXPECT_ANY_THROW(database().transact([](storage::Session& session) { storage::run_sql(session, "DELETE FROM shop_entry"); }));
  EXPECT_TRUE(storage::plan_schema(*database().read(), *catalog).empty());
}

TEST_P(Guarantees, NumbersWithoutGap) {
  std::vector<std::thread> threads;
  std::atomic<int> made{0};
  for (unsigned i = 0; i < 12; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(i);
      for (int n = 0; n < 25; ++n) {
        Context context = boss();
        // Codes collide, so that rows are refused after they have got a number; others fail before, or their transaction does.
        const std::string json = random() % 5 == 0 ? R"({"amount":null})" : R"({"amount":"1","code":)" + std::to_string(random() % 200) + "}";
        const bool fails = random() % 6 == 0;
        try {
          gate().transact(context, [&](Work& work) {
            work.create(entity("shop.entry"), parse_input(*catalog, entity("shop.entry"), json, "en"));
            if (fails) throw Error(ErrorCode::conflict, "on purpose");
          });
          ++made;
        } catch (const Error& error) {
          EXPECT_TRUE(error.code() == ErrorCode::conflict || error.code() == ErrorCode::invalid_record || error.code() == ErrorCode::unavailable)
              << error.message();
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  Context next_year = boss();
  next_year.now = *parse_timestamp("2027-02-01T00:00:00Z");
  EXPECT_EQ(text(create(next_year, "shop.entry", R"({"amount":"1"})"), "number"), "\"E-2027-1\"") << "counted anew each year";
  std::set<int> numbers;
  auto session = database().read();
  storage::Query query(*session, "SELECT number FROM shop_entry WHERE number LIKE 'E-2026-%'");
  while (query.next()) numbers.insert(std::stoi(query.text(0).substr(7)));
  EXPECT_GT(made, 60);
  ASSERT_EQ(static_cast<int>(numbers.size()), made);
  EXPECT_EQ(*numbers.begin(), 1);
  EXPECT_EQ(*numbers.rbegin(), made) << "1 to n, none is missing";
}

TEST_P(Guarantees, WhatTheyCostInStatements) {
  const Record t = tour(), g = create(boss(), "shop.guide", R"({"name":"Li"})");
  sale(t, R"(,"seats":1,"amount":"1","on":"2026-12-20")");  // the first one is counted
  const auto statements = [&](const char* what, const std::string& json) {
    std::uint64_t count = 0;
    gate().transact(boss(), [&](Work& work) {
      const std::uint64_t before = work.session().statement_count();
      work.create(entity(what), parse_input(*catalog, entity(what), json, "en"));
      count = work.session().statement_count() - before;
    });
    return count;
  };
  const bool mysql = database().dialect() == storage::Dialect::mysql;
  EXPECT_EQ(statements("shop.guide", R"({"name":"Wu"})"), 2u) << "row and event, as ever";
  EXPECT_EQ(statements("shop.sale", R"({"seats":1})"), 2u) << "a child of nobody";
  EXPECT_EQ(statements("shop.sale", R"({"seats":1,"tour":")" + id(t) + "\"}"), 5u) << "the parent locked, its row, its event";
  const std::string days = R"(,"start_on":"2026-12-01","end_on":"2026-12-01"})";
  EXPECT_EQ(statements("shop.job", R"({"guide":")" + id(g) + "\"}"), 5u) << "a rollup of guides counts it";
  EXPECT_EQ(statements("shop.job", R"({"guide":")" + id(g) + "\"" + days), 6u) << "and the question; the lock is the same";
  EXPECT_EQ(statements("shop.entry", R"({"amount":"1"})"), mysql ? 4u : 3u) << "the counter";
}

TEST_P(Guarantees, RowsThatOverlapAlreadyAreNamed) {
  const Record g = create(boss(), "shop.guide", R"({"name":"Li"})");
  std::string open = yard;
  const auto begin = open.find("exclusive:\n"), end = open.find("workflow:\n");
  open.replace(begin, end - begin, "");
  const auto without = test::catalog_of(open);
  Context loose = boss();
  loose.catalog = without;
  std::vector<std::string> ids;
  for (const char* day : {"2026-12-10", "2026-12-10", "2026-12-20"}) {
    const model::Entity& job = *without->entity("shop.job");
    ids.push_back(id(gate().create(loose, job, parse_input(*without, job, R"({"guide":")" + id(g) + R"(","start_on":")" + day + R"(","end_on":")" + day + "\"}", "en"))));
  }
  auto session = database().read();
  const auto found = check_data(*session, *catalog, {without.get(), false});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].code, "exclusive-broken");
  EXPECT_THAT(found[0].message, HasSubstr("(id " + ids[0] + " and " + ids[1] + ")"));
  EXPECT_TRUE(check_data(*session, *catalog, {catalog.get(), false}).empty());
}

CARAVAN_ON_BOTH_DATABASES(Guarantees);

}  // namespace
}  // namespace caravan::records
