#include "unit/api/fixture.h"

// Views and pages through the API: what the model tells whom, and what the parameter `view` lists.

namespace caravan::api {
namespace {

class ViewsTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    if (IsSkipped()) return;
    // The same entities, with views and pages: the schema stays.
    catalog = test::catalog_of(std::string(test::shop) + R"(---
kind: role
name: shop.blind
label: {en: Blind}
grants:
  shop.order: {read: true}
fields:
  shop.order: {remark: hidden, on: hidden, channel: hidden, price: hidden}
---
kind: view
name: shop.order_list
entity: shop.order
columns: [number, person, remark]
sort: [-seats, on]
filter: record.seats != 7
---
kind: view
name: shop.board
type: board
entity: shop.order
columns: [person]
filter: record.seats > 2 && record.owner == user.id
---
kind: view
name: shop.by_channel
type: board
entity: shop.order
group: channel
---
kind: view
name: shop.days
type: calendar
entity: shop.order
start: on
---
kind: view
name: shop.remarked
entity: shop.order
columns: [number]
filter: record.remark != ""
---
kind: view
name: shop.times
type: timeline
entity: shop.order
start: created_at
end: at
group: person
---
kind: page
name: shop.desk
label: {en: Desk, zh-CN: 工作台}
roles: [seller, blind]
blocks:
  hello: {type: markdown, text: {en: "**Hello**", zh-CN: 你好}}
  orders: {type: view, view: order_list, width: 12}
  fresh: {type: form, form: order_form}
  money: {type: chart, entity: order, group: state, measure: "sum:price"}
  seats: {type: chart, chart: number, entity: order, measure: "sum:seats"}
  remarks: {type: chart, entity: order, group: state, filter: record.remark != ""}
---
kind: page
name: shop.people
label: {en: People, zh-CN: 人员}
menu: false
blocks:
  people: {type: view, view: person_list}
)");
    ASSERT_TRUE(catalog);
    start();
  }

  /// `name:type` of the views that the model has for someone.
  std::string views(std::string_view who) {
    const Answer model = call(who, "GET", "/api/v1/model");
    std::string out;
    for (int i = 0;; ++i) {
      const std::string at = "views." + std::to_string(i) + ".";
      const Json* entity = model.json.find("entities") ? model.json.find("entities")->find("shop.order") : nullptr;
      if (entity == nullptr) return "no entity";
      Answer sub;
      sub.json = *entity;
      if (sub.at(at + "name") == "(none)") return out;
      out += (out.empty() ? "" : " ") + sub.at(at + "name").substr(5) + ":" + sub.at(at + "type") + ":" + sub.at(at + "group") + ":" + sub.at(at + "start") + ":" + sub.at(at + "end");
    }
  }
  std::string blocks(std::string_view who, const std::string& page) {
    const Answer model = call(who, "GET", "/api/v1/model");
    const Json* found = model.json.find("pages") ? model.json.find("pages")->find(page) : nullptr;
    if (found == nullptr) return "no page";
    Answer sub;
    sub.json = *found;
    std::string out;
    for (int i = 0; sub.at("blocks." + std::to_string(i) + ".name") != "(none)"; ++i) out += (out.empty() ? "" : " ") + sub.at("blocks." + std::to_string(i) + ".name");
    return out;
  }
  std::string seats_of(std::string_view who, const std::string& query) {
    const Answer answer = call(who, "GET", "/api/v1/records/shop.order?" + query);
    if (answer.status != 200) return std::to_string(answer.status) + " " + answer.at("detail");
    std::string out;
    for (std::size_t i = 0; i < answer.count("items"); ++i) out += (i ? " " : "") + answer.at("items." + std::to_string(i) + ".seats");
    return out;
  }
};

TEST_P(ViewsTest, TheModelHasThoseThatTheViewerCanUse) {
  EXPECT_EQ(views("boss"),
            "order_list:list:null:null:null remarked:list:null:null:null board:board:state:null:null by_channel:board:channel:null:null "
            "days:calendar:null:on:null times:timeline:person:created_at:at");
  EXPECT_EQ(views("blind"), "order_list:list:null:null:null board:board:state:null:null times:timeline:person:created_at:at");
}

TEST_P(ViewsTest, PagesAreForTheirRolesAndBlocksForWhoMayReadThem) {
  EXPECT_EQ(blocks("seller", "shop.desk"), "hello orders fresh money seats remarks");
  EXPECT_EQ(blocks("admin", "shop.desk"), "hello orders fresh money seats remarks");
  EXPECT_EQ(blocks("blind", "shop.desk"), "hello orders seats");
  EXPECT_EQ(blocks("boss", "shop.desk"), "no page");
  EXPECT_EQ(blocks("guest", "shop.people"), "people");
  EXPECT_EQ(blocks("blind", "shop.people"), "no page");
  const Answer model = call("seller", "GET", "/api/v1/model?locale=zh-CN");
  Answer page;
  page.json = *model.json.find("pages")->find("shop.desk");
  EXPECT_EQ(page.at("label") + "|" + page.at("menu") + "|" + page.at("module"), "工作台|true|shop");
  EXPECT_EQ(page.at("blocks.0.text") + "|" + page.at("blocks.0.entity"), "你好|null");
  EXPECT_EQ(page.at("blocks.1.view") + "|" + page.at("blocks.1.entity") + "|" + page.at("blocks.1.width"), "shop.order_list|shop.order|12");
  EXPECT_EQ(page.at("blocks.3.chart") + "|" + page.at("blocks.3.group") + "|" + page.at("blocks.3.measure"), "bar|state|sum:price");
  EXPECT_EQ(page.at("blocks.5.filter"), "record.remark != \"\"");
}

TEST_P(ViewsTest, AListOfAViewHasItsRecordsInItsOrder) {
  const std::string mine = R"(,"owner":")" + std::to_string(ids.at("boss")) + "\"";
  for (const char* more : {R"(,"seats":2)", R"(,"seats":7)", R"(,"seats":5)", R"(,"seats":9)"}) order(more + mine);
  EXPECT_EQ(seats_of("boss", "view=shop.order_list"), "9 5 2");
  EXPECT_EQ(seats_of("boss", "view=shop.order_list&sort=seats"), "2 5 9");
  EXPECT_EQ(seats_of("boss", "view=shop.order_list&filter=record.seats%20%3E%204"), "9 5");
  // The caller's filter cannot get out of the view's.
  EXPECT_EQ(seats_of("boss", "view=shop.order_list&sort=seats&filter=record.seats%20%3E%204%20%7C%7C%20true"), "2 5 9");
  EXPECT_THAT(seats_of("boss", "view=shop.order_list&filter=true)%20%7C%7C%20(true"), ::testing::StartsWith("400 filter"));
  EXPECT_EQ(seats_of("boss", "view=shop.board&sort=seats"), "5 7 9");
  EXPECT_EQ(seats_of("admin", "view=shop.board&sort=seats"), "");
}

TEST_P(ViewsTest, PagesOfAViewGoOnWithItsCursor) {
  for (const char* more : {R"(,"seats":2)", R"(,"seats":7)", R"(,"seats":5)", R"(,"seats":9)"}) order(more);
  const Answer first = call("boss", "GET", "/api/v1/records/shop.order?view=shop.order_list&limit=2");
  EXPECT_EQ(seats_of("boss", "view=shop.order_list&limit=2&after=" + first.at("next")), "2");
}

TEST_P(ViewsTest, TheConditionsOfCalendarsAreAskedOfTheDatabase) {
  order(R"(,"seats":1,"on":"2026-10-31")");
  order(R"(,"seats":2,"on":"2026-11-01")");
  order(R"(,"seats":3,"on":"2026-11-30","at":"2026-11-30T15:59:59Z")");
  order(R"(,"seats":4,"on":"2026-12-01","at":"2026-11-30T16:00:00Z")");
  order(R"(,"seats":5)");
  // As core/console/src/views/days.ts writes them: dates; with an end that may be empty; instants of an agency in Shanghai.
  EXPECT_EQ(seats_of("boss", "sort=seats&filter=record.on%20%3C%20date(%222026-12-01%22)%20%26%26%20record.on%20%3E%3D%20date(%222026-11-01%22)"), "2 3");
  EXPECT_EQ(seats_of("boss", "view=shop.order_list&sort=seats&filter=record.on%20%3C%20date(%222026-12-01%22)%20%26%26%20(record.on%20%3E%3D%20date(%222026-11-01%22)%20%7C%7C%20"
                             "record.at%20%3E%20timestamp(%222026-10-31T16:00:00Z%22))"),
            "2 3");
  EXPECT_EQ(seats_of("boss", "sort=seats&filter=record.at%20%3C%20timestamp(%222026-11-30T16:00:00Z%22)%20%26%26%20record.at%20%3E%3D%20timestamp(%222026-10-31T16:00:00Z%22)"), "3");
  EXPECT_EQ(seats_of("boss", "sort=seats&filter=record.channel%20%3D%3D%20null%20%26%26%20record.seats%20%3E%204"), "5");
}

TEST_P(ViewsTest, UnknownAndUnreadableViewsAreRefusedAlike) {
  EXPECT_EQ(seats_of("boss", "view=shop.nothing"), "400 view：shop.order 没有视图“shop.nothing”。");
  EXPECT_EQ(seats_of("boss", "view=shop.person_list"), "400 view：shop.order 没有视图“shop.person_list”。");
  EXPECT_EQ(seats_of("blind", "view=shop.remarked"), "400 view：shop.order 没有视图“shop.remarked”。");
}

TEST_P(ViewsTest, GroupsTakeAViewToo) {
  for (const char* more : {R"(,"seats":2)", R"(,"seats":7)", R"(,"seats":5)"}) order(more);
  const Answer all = call("boss", "GET", "/api/v1/records/shop.order/aggregate?view=shop.order_list&measure=sum:seats");
  EXPECT_EQ(all.at("items.0.sum:seats"), "7") << all.body;
  const Answer some = call("boss", "GET", "/api/v1/records/shop.order/aggregate?view=shop.order_list&measure=count,sum:seats&filter=record.seats%20%3C%204");
  EXPECT_EQ(some.at("items.0.count") + " " + some.at("items.0.sum:seats"), "1 2") << some.body;
  EXPECT_EQ(call("blind", "GET", "/api/v1/records/shop.order/aggregate?view=shop.remarked").status, 400);
}

INSTANTIATE_TEST_SUITE_P(Databases, ViewsTest, caravan::testing::both_dialects(), caravan::testing::dialect_name);

}  // namespace
}  // namespace caravan::api
