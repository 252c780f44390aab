#include "fixture.h"

namespace caravan::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// A shop whose clerks see orders, but not every person, and of persons not every field.
class ApiQuery : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    if (IsSkipped()) return;
    catalog = test::catalog_of(std::string(test::shop) + R"(---
kind: role
name: shop.blind
label: {en: Blind}
grants:
  shop.order: {read: true}
  shop.person: {read: "record.name != 'Hidden'"}
fields:
  shop.person: {tier: hidden}
  shop.order: {price: hidden, code: masked}
)");
    ASSERT_TRUE(catalog);
    orders = "/api/v1/records/shop.order";
  }
  std::string orders;
};

TEST_P(ApiQuery, ExpandAddsFieldsAndFurtherReferences) {
  const auto someone = call("boss", "POST", "/api/v1/records/shop.person",
                            R"({"name":"王芳","tier":"gold","owner":")" + std::to_string(ids["seller"]) + "\"}");
  ASSERT_EQ(someone.status, 201) << someone.body;
  const auto made = call("boss", "POST", orders, R"({"person":")" + someone.at("id") + R"(","price":"12.50"})");
  for (const std::string& at : {orders + "?expand=", path_of(made) + "?expand="}) {
    const std::string item = at.starts_with(orders + "?") ? "items.0." : "";
    const auto all = call("boss", "GET", at + "person.tier,person.owner,person.owner.username,owner");
    ASSERT_EQ(all.status, 200) << all.body;
    EXPECT_EQ(all.at(item + "expanded.person.id"), someone.at("id"));
    EXPECT_EQ(all.at(item + "expanded.person.title"), "王芳");
    EXPECT_EQ(all.at(item + "expanded.person.tier"), "gold");
    EXPECT_EQ(all.at(item + "expanded.person.expanded.owner.id"), std::to_string(ids["seller"]));
    EXPECT_EQ(all.at(item + "expanded.person.expanded.owner.title"), "Name of seller");
    EXPECT_EQ(all.at(item + "expanded.person.expanded.owner.username"), "seller");
    const auto plain = call("boss", "GET", at + "person");
    EXPECT_EQ(plain.at(item + "expanded.person"), R"({"id":")" + someone.at("id") + R"(","title":"王芳"})");
    for (const char* bad : {"person.nothing", "seats.name", "person.name.tier", "person.owner.owner.name", "nothing.name"}) {
      EXPECT_EQ(call("boss", "GET", at + bad).status, 400) << bad;
    }
    std::string many = "person";
    for (int i = 0; i < 11; ++i) many += ",person.name";
    EXPECT_EQ(call("boss", "GET", at + many).status, 400);
  }
}

TEST_P(ApiQuery, WhatMayNotBeSeenIsExpandedAsIfItWereGone) {
  const auto hidden = call("boss", "POST", "/api/v1/records/shop.person", R"({"name":"Hidden","tier":"gold"})");
  const auto seen = call("boss", "POST", "/api/v1/records/shop.person", R"({"name":"Seen","tier":"gold"})");
  const auto a = call("boss", "POST", orders, R"({"person":")" + hidden.at("id") + "\"}");
  const auto b = call("boss", "POST", orders, R"({"person":")" + seen.at("id") + "\"}");
  const auto list = call("blind", "GET", orders + "?sort=id&expand=person.tier,person.name,person.owner");
  EXPECT_EQ(list.at("items.0.expanded"), "{}");
  EXPECT_EQ(list.at("items.1.expanded.person.title"), "Seen");
  EXPECT_EQ(list.at("items.1.expanded.person.name"), "Seen");
  EXPECT_EQ(list.at("items.1.expanded.person.tier"), "(none)");
  EXPECT_EQ(list.at("items.1.expanded.person.expanded"), "{}") << "users are not to be seen";
  EXPECT_EQ(call("blind", "GET", path_of(a) + "?expand=person.name").at("expanded"), "{}");
  EXPECT_THAT(call("blind", "GET", path_of(b) + "?expand=person.tier").body, Not(HasSubstr("gold")));
}

TEST_P(ApiQuery, TellsWhetherTheTotalIsExact) {
  person();
  const auto page = call("boss", "GET", "/api/v1/records/shop.person?count=1");
  EXPECT_EQ(page.at("total"), "1");
  EXPECT_EQ(page.at("total_is"), "exact");
}

TEST_P(ApiQuery, FieldsThatMayNotBeReadAreRefusedByName) {
  order(R"(,"price":"100.00","code":"SECRET-12345")");
  for (const char* query : {"?filter=record.price%20%3E%2050", "?sort=price", "/aggregate?group=code", "/aggregate?measure=sum:price", "/aggregate?filter=record.price%20%3E%2050"}) {
    const auto answer = call("blind", "GET", orders + query);
    EXPECT_EQ(answer.status, 403) << query;
    EXPECT_THAT(answer.at("detail"), ::testing::AnyOf(HasSubstr("price"), HasSubstr("code")));
  }
  const auto list = call("blind", "GET", orders);
  EXPECT_THAT(list.body, Not(HasSubstr("100.00")));
  EXPECT_THAT(list.body, Not(HasSubstr("SECRET-1")));
  EXPECT_EQ(list.at("items.0.price"), "(none)");
  EXPECT_EQ(list.at("items.0.code"), "********2345");
}

TEST_P(ApiQuery, AggregatesForBoardsAndReports) {
  const std::string wang = person("王芳");
  for (const char* more : {R"("seats":2,"price":"10.00","channel":"web")", R"("seats":3,"price":"5.50","channel":"web")", R"("seats":1,"price":"1.00","price_currency":"USD")"}) {
    ASSERT_EQ(call("boss", "POST", orders, R"({"person":")" + wang + "\"," + more + "}").status, 201);
  }
  const auto board = call("boss", "GET", orders + "/aggregate?group=state,channel&measure=count,sum:price,avg:seats&sort=-count", "", {{"Accept-Language", "zh-CN"}});
  ASSERT_EQ(board.status, 200) << board.body;
  EXPECT_EQ(board.count("items"), 2u);
  EXPECT_EQ(board.at("items.0.group"), R"({"state":"new","channel":"web"})");
  EXPECT_EQ(board.at("items.0.label"), R"({"state":"新建","channel":"网站"})");
  EXPECT_EQ(board.at("items.0.count"), "2");
  EXPECT_EQ(board.at("items.0.avg:seats"), "2.500000");
  EXPECT_EQ(board.at("items.0.sum:price"), R"([{"currency":"CNY","amount":"15.50"}])");
  EXPECT_EQ(board.at("items.1.group.channel"), "null");
  EXPECT_EQ(board.at("next"), "null");
  const auto people = call("boss", "GET", orders + "/aggregate?group=person,created_at:month");
  EXPECT_EQ(people.at("items.0.group"), R"({"person":")" + wang + R"(","created_at:month":"2026-03-01"})");
  EXPECT_EQ(people.at("items.0.label"), R"({"person":"王芳","created_at:month":"2026-03"})");
  const auto blind = call("blind", "GET", orders + "/aggregate?group=owner");
  EXPECT_EQ(blind.at("items.0.label"), "{}");
  const auto first = call("boss", "GET", orders + "/aggregate?group=seats&limit=2");
  EXPECT_EQ(first.count("items"), 2u);
  EXPECT_THAT(first.header("Link"), HasSubstr("after="));
  const auto second = call("boss", "GET", orders + "/aggregate?group=seats&limit=2&after=" + first.at("next"));
  EXPECT_EQ(second.count("items"), 1u);
  EXPECT_EQ(second.at("items.0.group.seats"), "3");
  EXPECT_EQ(call("guest", "GET", orders + "/aggregate").status, 403);
  EXPECT_EQ(call("boss", "GET", orders + "/aggregate?limit=1001").status, 400);
  EXPECT_EQ(call("boss", "GET", orders + "/aggregate?group=at").status, 400);
  EXPECT_EQ(call("boss", "GET", orders + "/aggregate?nonsense=1").status, 400);
}

INSTANTIATE_TEST_SUITE_P(Databases, ApiQuery, caravan::testing::both_dialects(), caravan::testing::dialect_name);

}  // namespace
}  // namespace caravan::api
