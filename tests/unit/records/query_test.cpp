#include "records/query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "records/json.h"
#include "support/gate.h"

namespace caravan::records {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class Query : public test::GateTest {
 protected:
  const model::Entity& order() const { return *catalog->entity("shop.order"); }
  const model::Entity& person() const { return *catalog->entity("shop.person"); }

  /// Rows straight into the table: `n` orders of one state after the ids that there are.
  void fill(std::int64_t first, std::int64_t n, const std::string& state = "new", std::int64_t step = 1, std::int64_t seats_modulo = 10) {
    const std::string created = GetParam() == storage::Dialect::sqlite
                                    ? "1700000000000000 + i * 1000000"
                                    : "DATE_ADD(TIMESTAMP'2023-11-14 22:13:20', INTERVAL i SECOND)";
    database().transact([&](storage::Session& session) {
      session.execute("INSERT INTO shop_order (id, version, state, created_at, updated_at, seats) "
                      "WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < 999), "
                      "t(i) AS (SELECT a.i * 1000 + b.i FROM s a, s b WHERE a.i * 1000 + b.i < " + std::to_string(n) + ") "
                      "SELECT " + std::to_string(first) + " + i * " + std::to_string(step) + ", 1, '" + state + "', " +
                      created + ", " + created + ", i % " + std::to_string(seats_modulo) + " FROM t");
    });
  }
  std::string plan_of(const std::string& sql, const std::vector<expr::Value>& parameters) {
    auto session = database().read();
    storage::Statement& statement =
        session->prepare((GetParam() == storage::Dialect::sqlite ? "EXPLAIN QUERY PLAN " : "EXPLAIN ") + sql);
    bind_parameters(statement, parameters);
    std::string plan;
    while (statement.step()) {
      for (const int column : GetParam() == storage::Dialect::sqlite ? std::vector<int>{3} : std::vector<int>{3, 5, 9}) plan += std::string(statement.text(column)) + " ";
    }
    statement.reset();
    return plan;
  }
  std::string items(const Context& context, const model::Entity& entity, const ListQuery& query = {}, const ListShape& shape = {}) {
    std::string out;
    gate().list_json(context, entity, query, shape, out);
    return out;
  }
};

TEST_P(Query, WritesTheSameJsonAsRecords) {
  const Context boss = as("shop.boss", 12);
  const std::string wang = id(create(boss, "shop.person", R"({"name":"王芳 \"quoted\"\\"})"));
  create(boss, "shop.order", R"({"person":")" + wang + R"(","channel":"web","seats":3,"price":"-100.05","price_currency":"USD","rate":"0.125","paid":true,)"
                             R"("on":"2026-12-20","at":"2026-12-20T08:30:00.123456Z","remark":"two\nlines","extra":{"a":[1,"x"]},"owner":"12"})");
  create(boss, "shop.order", R"({"person":")" + wang + R"(","price":"0.50","rate":"-0.001","at":"1969-12-31T23:59:59.5Z"})");
  create(boss, "shop.order", R"({"person":")" + wang + R"("})");
  for (const model::Entity* entity : {&order(), &person()}) {
    std::string records;
    for (const Record& record : gate().list(boss, *entity, {}).items) {
      if (!records.empty()) records.push_back(',');
      write_json(records, record);
    }
    EXPECT_EQ(items(boss, *entity), records);
    EXPECT_NO_THROW(parse_json("[" + records + "]"));
  }
  ListShape shape;
  shape.fields = {order().field("price")->slot, order().field("seats")->slot};
  ListQuery query;
  query.sort = "-on,id";
  query.limit = 1;
  std::string out = "x";
  const JsonPage page = gate().list_json(boss, order(), query, shape, out);
  EXPECT_THAT(out, ::testing::MatchesRegex(R"re(x\{"id":"[0-9]+","version":1,"seats":3,"price":"-100.05","price_currency":"USD"\})re"));
  EXPECT_EQ(page.count, 1u);
  EXPECT_NE(page.next, "");
}

TEST_P(Query, AListWithFieldsSelectsOnlyTheirColumns) {
  const auto plans = Plans(catalog, GetParam());
  const RowShape shape = row_shape(plans.of(order()), GetParam(), {order().field("seats")->slot}, {});
  EXPECT_THAT(shape.select_list, HasSubstr("seats"));
  EXPECT_THAT(shape.select_list, Not(HasSubstr("remark")));
  EXPECT_EQ(shape.selected, 3);
}

TEST_P(Query, FiltersAreCompiledOnceAndOneStatementServesAllValues) {
  const auto plans = Plans(catalog, GetParam());
  const Context boss = as("shop.boss", 12);
  const ReadRule all{ReadRule::Kind::always, {}, {}};
  const auto statement = [&](const std::string& filter) {
    ListQuery query;
    query.filter = filter;
    return list_statement(boss, plans, plans.of(order()), all, {}, query, sort_keys(boss, order(), {}, ""), "r.id");
  };
  const ListStatement a = statement("record.state == 'new' && record.seats > 2"), b = statement("record.state == 'sold' && record.seats > 7");
  EXPECT_EQ(a.sql, b.sql);
  EXPECT_EQ(plans.queries().filters.size(), 2u);
  statement("record.state == 'new' && record.seats > 2");
  EXPECT_EQ(plans.queries().filters.size(), 2u);
  // What depends on user or time is compiled once, too, and bound for each call.
  const std::string mine = "record.owner == user.id && record.created_at < now()";
  EXPECT_TRUE(statement(mine).parameters.at(0).same_as(expr::Value(std::int64_t{12})));
  ListQuery query;
  query.filter = mine;
  const ListStatement other = list_statement(as("shop.boss", 44), plans, plans.of(order()), all, {}, query, sort_keys(boss, order(), {}, ""), "r.id");
  EXPECT_TRUE(other.parameters.at(0).same_as(expr::Value(std::int64_t{44})));
  EXPECT_EQ(plans.queries().filters.size(), 3u);
}

TEST(BoundedCache, ForgetsWhatWasNotUsedAndStaysWithinItsBound) {
  model::Entity a, b;
  BoundedCache<std::string> cache(100, 8 * (64 + 10) * 4);
  int made = 0;
  const auto get = [&](const model::Entity& entity, const std::string& text) {
    return *cache.get(entity, text, [&] {
      ++made;
      return std::make_shared<const std::string>(text);
    });
  };
  EXPECT_EQ(get(a, "one"), "one");
  EXPECT_EQ(get(a, "one"), "one");
  EXPECT_EQ(made, 1);
  EXPECT_EQ(get(b, "one"), "one");
  EXPECT_EQ(made, 2) << "another entity's";
  for (int i = 0; i < 1000; ++i) get(a, "text " + std::to_string(i));
  EXPECT_LE(cache.size(), 8u * 5u);
  get(a, std::string(200, 'x'));
  get(a, std::string(200, 'x'));
  EXPECT_EQ(made, 1004) << "long texts are not kept";
}

TEST(BoundedCache, ServesManyThreads) {
  model::Entity entity;
  BoundedCache<std::string> cache(100, 8 * 100 * 8);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5000; ++i) {
        const std::string text = std::to_string((i * 7 + t) % 90);
        const auto value = cache.get(entity, text, [&] { return std::make_shared<const std::string>(text); });
        if (*value != text) ++wrong;
        if (i % 50 == 0) cache.put(entity, text, std::make_shared<const std::string>(text));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(Query, TheDefaultListsAreServedByAnIndex) {
  fill(1000, 20'000, "new");
  fill(40'000, 20'000, "sold");
  if (GetParam() == storage::Dialect::mysql) database().read()->execute("ANALYZE TABLE shop_order");
  const auto plans = Plans(catalog, GetParam());
  const Context boss = as("shop.boss", 12);
  const ReadRule all{ReadRule::Kind::always, {}, {}};
  const auto plan = [&](const std::string& filter, const std::string& sort, const std::string& after = {}) {
    ListQuery query;
    query.filter = filter;
    query.sort = sort;
    query.after = after;
    const auto keys = sort_keys(boss, order(), {}, sort);
    const ListStatement s = list_statement(boss, plans, plans.of(order()), all, {}, query, keys, plans.of(order()).select_list);
    return plan_of(s.sql, s.parameters);
  };
  ListQuery query;
  query.filter = "record.state == 'sold'";
  query.sort = "-created_at";
  const std::string next = gate().list(boss, order(), query).next;
  for (const std::string& found :
       {plan("record.state == 'sold'", "-created_at"), plan("record.state == 'sold'", "-created_at", next), plan("record.state == 'sold'", "created_at"),
        plan("", ""), plan("", "-created_at"), plan("", "created_at"), plan("", "-id")}) {
    EXPECT_THAT(found, Not(HasSubstr("filesort"))) << found;
    EXPECT_THAT(found, Not(HasSubstr("TEMP B-TREE"))) << found;
  }
}

TEST_P(Query, SortRefusesWhatNoIndexServesOrNobodyMayRead) {
  const Context boss = as("shop.boss", 12);
  const auto refused = [&](const std::string& sort) {
    ListQuery query;
    query.sort = sort;
    return refusal([&] { gate().list(boss, order(), query); });
  };
  EXPECT_THAT(refused("person.name").message(), HasSubstr("reference"));
  EXPECT_THAT(refused("extra").message(), HasSubstr("JSON"));
  EXPECT_THAT(refused("nope").message(), HasSubstr("nope"));
  EXPECT_THAT(refused("seats,-seats").message(), HasSubstr("twice"));
  EXPECT_THAT(refused("remark").message(), HasSubstr("any length"));
  EXPECT_THAT(refused("seats,price,rate,on,at,code").message(), HasSubstr("five"));
}

TEST_P(Query, EmptyValuesSortAlikeOnBothDatabases) {
  const Context boss = as("shop.boss", 12);
  const std::string wang = id(create(boss, "shop.person", R"({"name":"A"})"));
  for (const char* more : {R"("seats":2,"code":"b")", R"("code":"a")", R"("seats":1,"code":"c")", R"("code":"d")"}) {
    create(boss, "shop.order", R"({"person":")" + wang + "\"," + more + "}");
  }
  const auto codes = [&](const std::string& sort) {
    ListQuery query;
    query.sort = sort;
    std::string found;
    for (const Record& record : gate().list(boss, order(), query).items) found += *record[order().field("code")->slot].as<std::string>();
    return found;
  };
  EXPECT_EQ(codes("seats,code"), "adcb");
  EXPECT_EQ(codes("-seats,code"), "bcad");
  EXPECT_EQ(codes("seats,-code"), "dacb");
}

/// Whatever else happens, a record that was there from the first page to the last is seen exactly once.
TEST_P(Query, PagesAreStableWhileOthersWrite) {
  const Context boss = as("shop.boss", 12);
  const std::string wang = id(create(boss, "shop.person", R"({"name":"A"})"));
  const auto make = [&](int seats) {
    return create(boss, "shop.order", R"({"person":")" + wang + R"(","seats":)" + std::to_string(seats) + "}");
  };
  std::set<std::int64_t> lasting;
  std::vector<Record> doomed;
  for (int i = 0; i < 120; ++i) {
    if (i % 3 == 0) doomed.push_back(make(1 + i % 7));
    else lasting.insert(make(1 + i % 7).id());
  }
  std::atomic<bool> stop{false};
  std::thread inserter([&] {
    for (int i = 0; !stop; ++i) make(1 + i % 9);
  });
  std::thread deleter([&] {
    for (const Record& record : doomed) {
      if (stop) break;
      gate().remove(boss, order(), record.id(), std::nullopt);
    }
  });
  for (const char* sort : {"-created_at", "seats,-created_at", "-seats", "-id", "state,seats"}) {
    std::map<std::int64_t, int> seen;
    ListQuery query;
    query.sort = sort;
    query.limit = 7;
    query.filter = "record.state == 'new'";
    std::string text;
    for (int page = 0; page < 3000; ++page) {
      text.clear();
      const JsonPage found = gate().list_json(boss, order(), query, {}, text);
      const Json json = parse_json("[" + text + "]");
      for (const Json& item : *json.as<Json::Array>()) ++seen[std::stoll(*item.find("id")->as<std::string>())];
      if (found.next.empty()) break;
      query.after = found.next;
    }
    for (const std::int64_t one : lasting) EXPECT_EQ(seen[one], 1) << sort << " " << one;
  }
  stop = true;
  inserter.join();
  deleter.join();
}

TEST_P(Query, CountsExactlyUpToTheBoundAndEstimatesPastIt) {
  const Context boss = as("shop.boss", 12);
  const auto count = [&](const std::string& filter) {
    ListQuery query;
    query.filter = filter;
    query.count = true;
    query.limit = 1;
    const Page page = gate().list(boss, order(), query);
    return std::pair(*page.total, page.total_exact);
  };
  fill(1000, 9'999, "sold", 3);
  EXPECT_EQ(count("record.state == 'sold'"), std::pair(std::int64_t{9'999}, true));
  fill(40'000, 1, "sold");
  EXPECT_EQ(count(""), std::pair(std::int64_t{10'000}, true));
  fill(50'000, 1, "sold");
  const auto [just, exact] = count("");
  EXPECT_FALSE(exact);
  EXPECT_GE(just, 10'001) << "never below the bound";
  EXPECT_LE(just, 20'002);
  fill(100'000, 290'000, "new", 2, 10);
  if (GetParam() == storage::Dialect::mysql) database().read()->execute("ANALYZE TABLE shop_order");
  const auto about = [&](const std::string& filter, std::int64_t truth) {
    const auto [rows, is_exact] = count(filter);
    EXPECT_FALSE(is_exact) << filter;
    EXPECT_GE(rows, truth / 2) << filter;
    EXPECT_LE(rows, truth * 2) << filter;
    EXPECT_GT(rows, 10'000) << filter;
  };
  about("", 300'001);
  about("record.state == 'new'", 290'000);
  about("record.seats == 3", 30'000);
  about("record.seats < 5", 150'000);
  about("record.seats >= 5 && record.state == 'new'", 145'000);
  EXPECT_EQ(count("record.state == 'lost'"), std::pair(std::int64_t{0}, true));
}

TEST_P(Query, WhatMayNotBeReadIsNoOracle) {
  catalog = test::catalog_of(std::string(test::shop) + R"(---
kind: role
name: shop.veiled
label: {en: Veiled}
grants:
  shop.person: {read: true}
  shop.order: {read: true}
fields:
  shop.order: {price: hidden, code: masked, remark: hidden, created_at: hidden}
  shop.person: {tier: hidden}
)");
  ASSERT_TRUE(catalog);
  const Context boss = as("shop.boss", 12), veiled = as("shop.veiled", 33);
  const std::string wang = id(create(boss, "shop.person", R"({"name":"A","tier":"gold"})"));
  create(boss, "shop.order", R"({"person":")" + wang + R"(","price":"77.00","code":"SECRET-1234","remark":"needle","seats":1})");
  create(boss, "shop.order", R"({"person":")" + wang + R"(","price":"88.00","code":"OTHERS-5678","remark":"hay","seats":2})");
  const auto refused = [&](const std::string& filter, const std::string& sort) {
    ListQuery query;
    query.filter = filter;
    query.sort = sort;
    const Error error = refusal([&] { gate().list(veiled, order(), query); });
    std::string out;
    EXPECT_EQ(refusal([&] { gate().list_json(veiled, order(), query, {}, out); }).code(), ErrorCode::forbidden) << filter << sort;
    EXPECT_EQ(out, "");
    EXPECT_EQ(error.code(), ErrorCode::forbidden) << filter << sort;
    return error.message();
  };
  EXPECT_THAT(refused("record.price > 80", ""), HasSubstr("price"));
  EXPECT_THAT(refused("has(record.price)", ""), HasSubstr("price"));
  EXPECT_THAT(refused("true || record.code == 'SECRET-1234'", ""), HasSubstr("code"));
  EXPECT_THAT(refused("record.person.tier == 'gold'", ""), HasSubstr("tier"));
  EXPECT_THAT(refused("", "price"), HasSubstr("price"));
  EXPECT_THAT(refused("", "seats,-code"), HasSubstr("code"));
  ListQuery query;
  query.q = "needle";
  EXPECT_EQ(items(veiled, order(), query), "");
  EXPECT_NE(items(boss, order(), query), "");
  query.q = "";
  query.limit = 1;
  // Sorted by default by a field that may not be read: not by it, and not in the cursor either.
  std::string text;
  const JsonPage page = gate().list_json(veiled, order(), query, {}, text);
  EXPECT_THAT(text, Not(HasSubstr("price")));
  EXPECT_THAT(text, Not(HasSubstr("created_at")));
  EXPECT_THAT(text, Not(HasSubstr("SECRET")));
  EXPECT_THAT(text, Not(HasSubstr("OTHERS")));
  EXPECT_THAT(text, HasSubstr("\"code\":\"***"));
  EXPECT_THAT(*from_base64url(page.next), Not(HasSubstr("created_at")));
  std::string records;
  write_json(records, gate().list(veiled, order(), query).items.at(0));
  EXPECT_EQ(text, records) << "both ways out hide the same";
  ListShape shape;
  shape.fields = {order().field("price")->slot, order().field("seats")->slot};
  EXPECT_THAT(items(veiled, order(), query, shape), Not(HasSubstr("price")));
  EXPECT_THAT(items(veiled, order(), query, shape), HasSubstr("seats"));
  const Record one = gate().get(veiled, order(), gate().list(veiled, order(), query).items.at(0).id());
  EXPECT_TRUE(one[order().field("price")->slot].is_null());
  EXPECT_FALSE(gate().whole(veiled, one)[order().field("price")->slot].is_null());
  EXPECT_TRUE(gate().get_many(veiled, person(), {std::stoll(wang)}).at(0)[person().field("tier")->slot].is_null());
}

CARAVAN_ON_BOTH_DATABASES(Query);

}  // namespace
}  // namespace caravan::records
