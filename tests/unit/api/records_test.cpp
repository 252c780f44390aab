#include <set>

#include "fixture.h"

namespace caravan::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ApiRecords : public ApiTest {};

TEST_P(ApiRecords, CreatesAndShows) {
  const std::string someone = person();
  const auto made = call(
      "seller", "POST", "/api/v1/records/shop.order",
      R"({"person":")" + someone +
          R"(","seats":3,"price":"100","channel":"web","on":"2026-12-20","at":"2026-12-20T10:00:00+08:00",
                             "remark":" 你好 ","extra":{"a":[1,2.50]},"owner":")" +
          std::to_string(ids["seller"]) + "\"}");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.header("Location"), path_of(made));
  EXPECT_EQ(made.header("ETag"), "\"1\"");
  EXPECT_EQ(made.at("version"), "1");
  EXPECT_EQ(made.at("state"), "new");
  EXPECT_EQ(made.at("number"), "ORD-2026-0001");
  EXPECT_EQ(made.at("person"), someone);
  EXPECT_EQ(made.at("price"), "100.00");
  EXPECT_EQ(made.at("price_currency"), "CNY");
  EXPECT_EQ(made.at("each"), "33.33");
  EXPECT_EQ(made.at("remark"), "你好");
  EXPECT_EQ(made.at("on"), "2026-12-20");
  EXPECT_EQ(made.at("at"), "2026-12-20T02:00:00Z");
  EXPECT_EQ(made.at("extra"), R"({"a":[1,2.50]})");
  EXPECT_EQ(made.at("paid"), "false");
  EXPECT_EQ(made.at("code"), "null");
  EXPECT_EQ(made.at("created_at"), "2026-03-02T08:00:00Z");
  const auto shown = call("seller", "GET", path_of(made));
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(shown.body, made.body);
  EXPECT_EQ(shown.header("ETag"), "\"1\"");
  EXPECT_EQ(shown.header("Cache-Control"), "private, no-cache");
}

TEST_P(ApiRecords, RefusesBadInputWithAMessagePerField) {
  const auto answer = call("seller", "POST", "/api/v1/records/shop.order",
                           R"({"seats":0,"channel":"fax","nothing":1,"price":"1.234","on":"2026-02-30"})");
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.at("code"), "invalid_record");
  EXPECT_EQ(answer.at("title"), "Unprocessable Content");
  std::map<std::string, std::string> codes;
  for (std::size_t i = 0; i < answer.count("errors"); ++i) {
    const std::string at = "errors." + std::to_string(i);
    codes[answer.at(at + ".field")] = answer.at(at + ".code");
    EXPECT_NE(answer.at(at + ".message"), "");
  }
  EXPECT_EQ(codes.at("seats"), "too_small");
  EXPECT_EQ(codes.at("nothing"), "unknown_field");
  EXPECT_EQ(codes.count("channel") + codes.count("price") + codes.count("on"), 3u);
  EXPECT_EQ(call("seller", "POST", "/api/v1/records/shop.order", "{}").at("errors.0.field"), "person");
  EXPECT_EQ(call("seller", "POST", "/api/v1/records/shop.order", "").status, 422);
  EXPECT_EQ(call("guest", "POST", "/api/v1/records/shop.person", R"({"name":"x"})").status, 403);
  EXPECT_EQ(call("boss", "POST", "/api/v1/records/shop.nothing", "{}").status, 404);
}

TEST_P(ApiRecords, ConditionalReads) {
  const auto made = order();
  const auto status = [&](const char* tag) {
    return call("boss", "GET", path_of(made), "", {{"If-None-Match", tag}}).status;
  };
  EXPECT_EQ(status("\"1\""), 304);
  EXPECT_EQ(status("W/\"1\""), 304);
  EXPECT_EQ(status("\"7\", \"1\""), 304);
  EXPECT_EQ(status("*"), 304);
  EXPECT_EQ(status("\"2\""), 200);
  EXPECT_EQ(status("1"), 200);
  const auto unchanged = call("boss", "GET", path_of(made), "", {{"If-None-Match", "\"1\""}});
  EXPECT_EQ(unchanged.body, "");
  EXPECT_EQ(unchanged.header("ETag"), "\"1\"");
  EXPECT_EQ(call("boss", "GET", path_of(made) + "?expand=person", "", {{"If-None-Match", "\"1\""}}).status,
            200);
}

TEST_P(ApiRecords, WhatSomebodyElseSawIsNoAnswerForWhoSeesLess) {
  const auto made = order(R"(,"remark":"between us")");
  const auto full = call("boss", "GET", path_of(made));
  EXPECT_EQ(full.header("Cache-Control"), "private, no-cache");
  // The same browser, another person: 304 would show what it kept.
  const auto less = call("blind", "GET", path_of(made), "", {{"If-None-Match", full.header("ETag")}});
  EXPECT_EQ(less.status, 200);
  EXPECT_EQ(less.body.find("between us"), std::string::npos);
  EXPECT_EQ(less.header("Cache-Control"), "no-store");
  EXPECT_EQ(less.header("ETag"), full.header("ETag")) << "for If-Match";
}

TEST_P(ApiRecords, WhatIsNotThereOrNotToBeSeenIs404) {
  const auto made = order();
  for (const std::string path :
       {"/api/v1/records/shop.order/999999", "/api/v1/records/shop.order/0", "/api/v1/records/shop.order/-1",
        "/api/v1/records/shop.order/abc", "/api/v1/records/shop.order/99999999999999999999"}) {
    EXPECT_EQ(call("boss", "GET", path).status, 404) << path;
    EXPECT_EQ(call("boss", "PATCH", path, "{}", {{"If-Match", "*"}}).status, 404) << path;
    EXPECT_EQ(call("boss", "DELETE", path, "", {{"If-Match", "*"}}).status, 404) << path;
    EXPECT_EQ(call("boss", "GET", path + "/transitions").status, 404) << path;
    EXPECT_EQ(call("boss", "POST", path + "/transitions/sell").status, 404) << path;
    EXPECT_EQ(call("boss", "GET", path + "/timeline").status, 404) << path;
  }
  call("boss", "PATCH", path_of(made), R"({"seats":1})", {{"If-Match", "*"}});
  ASSERT_EQ(call("admin", "POST", path_of(made) + "/transitions/sell").status, 200);
  // Sold, and not the seller's own: none of the ways shows it.
  EXPECT_EQ(call("seller", "GET", path_of(made)).status, 404);
  EXPECT_EQ(call("seller", "PATCH", path_of(made), "{}", {{"If-Match", "*"}}).status, 404);
  EXPECT_EQ(call("seller", "PATCH", path_of(made), "{}", {{"If-Match", "\"1\""}}).status, 404);
  EXPECT_EQ(call("seller", "GET", path_of(made) + "/timeline").status, 404);
  EXPECT_EQ(call("seller", "GET", path_of(made) + "/transitions").status, 404);
  EXPECT_EQ(
      call("seller", "POST", path_of(made) + "/transitions/lose", R"({"comment":"x","input":{"reason":"y"}})")
          .status,
      404);
}

TEST_P(ApiRecords, ChangesByMergePatchWithTheVersionSeen) {
  const auto made = order(R"(,"seats":2,"remark":"x")");
  const auto missing = call("boss", "PATCH", path_of(made), R"({"seats":3})");
  EXPECT_EQ(missing.status, 428);
  EXPECT_EQ(missing.at("code"), "precondition_required");
  for (const char* bad : {"1", "\"1", "\"1\", \"2\"", "x"})
    EXPECT_EQ(call("boss", "PATCH", path_of(made), R"({"seats":3})", {{"If-Match", bad}}).status, 400) << bad;

  const auto changed =
      call("boss", "PATCH", path_of(made), R"({"seats":3,"remark":null})", {{"If-Match", "\"1\""}});
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(changed.header("ETag"), "\"2\"");
  EXPECT_EQ(changed.at("seats"), "3");
  EXPECT_EQ(changed.at("remark"), "null");
  EXPECT_EQ(changed.at("person"), made.at("person"));

  for (const char* tag : {"\"1\"", "\"0\"", "\"3\"", "\"abc\"", "W/\"1\""}) {
    const auto stale = call("boss", "PATCH", path_of(made), R"({"seats":9})", {{"If-Match", tag}});
    EXPECT_EQ(stale.status, 412) << tag;
    EXPECT_EQ(stale.at("code"), "stale");
    EXPECT_EQ(stale.at("current.version"), "2");
    EXPECT_EQ(stale.at("current.seats"), "3");
    EXPECT_EQ(stale.header("ETag"), "\"2\"");
  }
  EXPECT_EQ(call("boss", "PATCH", path_of(made), R"({"seats":4})", {{"If-Match", "W/\"2\""}}).at("version"),
            "3");
  EXPECT_EQ(call("boss", "PATCH", path_of(made), R"({"seats":5})", {{"If-Match", "*"}}).at("version"), "4");
  EXPECT_EQ(call("boss", "PATCH", path_of(made), R"({"seats":5})", {{"If-Match", "\"4\""}}).at("version"),
            "4");  // nothing to change
  EXPECT_EQ(call("boss", "PATCH", path_of(made), R"({"state":"sold"})", {{"If-Match", "*"}}).status, 422);
  EXPECT_EQ(call("boss", "PATCH", path_of(made), R"({"each":"1.00"})", {{"If-Match", "*"}}).status, 422);
  EXPECT_EQ(call("seller", "PATCH", path_of(made), R"({"seats":6})", {{"If-Match", "*"}}).status, 403);
  EXPECT_EQ(call("boss", "GET", path_of(made)).at("seats"), "5");
}

TEST_P(ApiRecords, Deletes) {
  const auto made = order();
  EXPECT_EQ(call("boss", "DELETE", path_of(made)).status, 428);
  const auto stale = call("boss", "DELETE", path_of(made), "", {{"If-Match", "\"5\""}});
  EXPECT_EQ(stale.status, 412);
  EXPECT_EQ(stale.at("current.id"), made.at("id"));
  EXPECT_EQ(call("seller", "DELETE", path_of(made), "", {{"If-Match", "*"}}).status, 403);
  const std::string someone = "/api/v1/records/shop.person/" + made.at("person");
  const auto referenced = call("boss", "DELETE", someone, "", {{"If-Match", "*"}});
  EXPECT_EQ(referenced.status, 409);
  EXPECT_EQ(referenced.at("code"), "conflict");
  const auto gone = call("boss", "DELETE", path_of(made), "", {{"If-Match", "\"1\""}});
  EXPECT_EQ(gone.status, 204);
  EXPECT_EQ(gone.body, "");
  EXPECT_EQ(call("boss", "GET", path_of(made)).status, 404);
  EXPECT_EQ(call("boss", "DELETE", someone, "", {{"If-Match", "*"}}).status, 204);
}

TEST_P(ApiRecords, UniqueKeysConflict) {
  order(R"(,"code":"X1")");
  const auto twice = order(R"(,"code":"X1")");
  EXPECT_EQ(twice.status, 409);
  EXPECT_EQ(twice.at("errors.0.field"), "code");
}

TEST_P(ApiRecords, Lists) {
  for (const char* name : {"王芳", "李娜", "张伟", "O'Hara & \\\"Co\\\"", "刘洋"}) person(name);
  const std::string base = "/api/v1/records/shop.person";
  auto page = call("boss", "GET", base + "?sort=name&limit=2&count=1");
  ASSERT_EQ(page.status, 200) << page.body;
  EXPECT_EQ(page.count("items"), 2u);
  EXPECT_EQ(page.at("total"), "5");
  std::vector<std::string> seen;
  for (int i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < page.count("items"); ++j)
      seen.push_back(page.at("items." + std::to_string(j) + ".id"));
    if (page.at("next") == "null") break;
    const std::string link = page.header("Link");
    EXPECT_THAT(link, HasSubstr("; rel=\"next\""));
    EXPECT_THAT(link, HasSubstr("sort=name"));
    page = call("boss", "GET", link.substr(1, link.find('>') - 1));
    ASSERT_EQ(page.status, 200) << link << page.body;
  }
  EXPECT_EQ(page.at("next"), "null");
  EXPECT_EQ(page.header("Link"), "");
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 5u);
  EXPECT_EQ(seen.size(), 5u);
  EXPECT_EQ(call("boss", "GET", base + "?q=%E6%9D%8E").at("items.0.name"), "李娜");
  EXPECT_EQ(call("boss", "GET", base).at("total"), "(none)");

  const auto some = call("boss", "GET", base + "?fields=name&limit=1");
  EXPECT_EQ(some.at("items.0.tier"), "(none)");
  EXPECT_EQ(some.at("items.0.created_at"), "(none)");
  EXPECT_NE(some.at("items.0.id"), "(none)");
  EXPECT_NE(some.at("items.0.version"), "(none)");
  EXPECT_NE(some.at("items.0.name"), "(none)");
}

TEST_P(ApiRecords, FiltersByCel) {
  order(R"(,"seats":2)");
  order(R"(,"seats":5)");
  const auto found =
      call("boss", "GET",
           "/api/v1/records/"
           "shop.order?filter=record.seats%20%3E%203%20%26%26%20record.state%20%3D%3D%20%22new%22");
  ASSERT_EQ(found.status, 200) << found.body;
  ASSERT_EQ(found.count("items"), 1u);
  EXPECT_EQ(found.at("items.0.seats"), "5");
}

TEST_P(ApiRecords, RefusesBadListParameters) {
  for (const char* query : {"limit=0", "limit=201", "limit=x", "limit=-1", "limit=1.5", "count=maybe",
                            "sort=nothing", "sort=-", "fields=nothing", "expand=nothing", "expand=name",
                            "filter=record.nothing%20%3D%3D%201", "filter=1%20%2B", "filter=record.name",
                            "after=garbage", "after=AAAA", "filtre=x", "limit=1&limit=2", "sort=name,name"}) {
    const auto answer = call("boss", "GET", std::string("/api/v1/records/shop.person?") + query);
    EXPECT_EQ(answer.status, 400) << query;
    EXPECT_EQ(answer.at("code"), "invalid_argument");
  }
  EXPECT_EQ(call("boss", "GET", "/api/v1/records/shop.nothing").status, 404);
  EXPECT_EQ(call("guest", "GET", "/api/v1/records/shop.order").status, 403);
  EXPECT_EQ(call("boss", "GET", "/api/v1/records/shop.person?limit=&count=&filter=&sort=&q=&after=").status,
            200);
}

TEST_P(ApiRecords, ExpandsReferencesUnderTheReadersRights) {
  const auto made = order(R"(,"owner":")" + std::to_string(ids["seller"]) + "\"");
  const auto one = call("boss", "GET", path_of(made) + "?expand=person,owner,person");
  EXPECT_EQ(one.at("expanded.person.id"), made.at("person"));
  EXPECT_EQ(one.at("expanded.person.title"), "王芳");
  EXPECT_EQ(one.at("expanded.owner.title"), "Name of seller");
  EXPECT_EQ(one.header("ETag"), "\"1\"");
  const auto list = call("boss", "GET", "/api/v1/records/shop.order?expand=person,owner");
  EXPECT_EQ(list.at("items.0.expanded.person.title"), "王芳");
  EXPECT_EQ(list.at("items.0.expanded.owner.id"), std::to_string(ids["seller"]));
  const auto blind = call("blind", "GET", path_of(made) + "?expand=person,owner");
  EXPECT_EQ(blind.at("expanded"), "{}");
  EXPECT_THAT(blind.body, Not(HasSubstr("王芳")));
  EXPECT_EQ(call("boss", "GET", path_of(made) + "?expand=seats").status, 400);
  EXPECT_EQ(call("boss", "GET", path_of(made) + "?fields=seats").status, 400);
}

TEST_P(ApiRecords, StepsOfTheWorkflow) {
  const auto made = order("", "seller");
  const Headers english{{"Accept-Language", "en"}};
  auto list = call("boss", "GET", path_of(made) + "/transitions", "", english);
  ASSERT_EQ(list.status, 200);
  EXPECT_EQ(list.header("ETag"), "\"1\"");
  ASSERT_EQ(list.count("items"), 2u);
  EXPECT_EQ(list.at("items.0.name"), "sell");
  EXPECT_EQ(list.at("items.0.label"), "Sell");
  EXPECT_EQ(list.at("items.0.to"), "sold");
  EXPECT_EQ(list.at("items.0.to_label"), "Sold");
  EXPECT_EQ(list.at("items.0.allowed"), "false");
  EXPECT_THAT(list.at("items.0.why"), HasSubstr("Seller"));
  EXPECT_EQ(list.at("items.0.form"), "null");
  EXPECT_EQ(list.at("items.1.name"), "lose");
  EXPECT_EQ(list.at("items.1.form"), "shop.lose");
  EXPECT_EQ(list.at("items.1.comment_required"), "true");
  EXPECT_EQ(list.at("items.1.allowed"), "true");
  EXPECT_EQ(call("seller", "GET", path_of(made) + "/transitions").at("items.0.label"), "出售");

  const std::string sell = path_of(made) + "/transitions/sell";
  EXPECT_EQ(call("boss", "POST", sell).status, 403);
  const auto guard = call("seller", "POST", sell, "{}", english);
  EXPECT_EQ(guard.status, 422);
  EXPECT_THAT(guard.body, HasSubstr("Enter the number of seats first."));
  EXPECT_EQ(call("boss", "PATCH", path_of(made), R"({"seats":2})", {{"If-Match", "\"1\""}}).status, 200);
  const auto stale = call("seller", "POST", sell, "", {{"If-Match", "\"1\""}});
  EXPECT_EQ(stale.status, 412);
  EXPECT_EQ(stale.at("current.version"), "2");
  EXPECT_EQ(call("seller", "POST", path_of(made) + "/transitions/nothing").status, 404);
  EXPECT_EQ(call("seller", "POST", sell, R"({"inputs":{}})").status, 400);
  EXPECT_EQ(call("seller", "POST", sell, R"({"input":[]})").status, 400);
  EXPECT_EQ(call("seller", "POST", sell, R"({"comment":1})").status, 400);

  const auto sold = call("admin", "POST", sell, "", {{"If-Match", "\"2\""}});
  ASSERT_EQ(sold.status, 200) << sold.body;
  EXPECT_EQ(sold.at("state"), "sold");
  EXPECT_EQ(sold.header("ETag"), "\"3\"");
  const auto moved = call("admin", "POST", sell);
  EXPECT_EQ(moved.status, 409);
  EXPECT_EQ(moved.at("code"), "conflict");

  const std::string lose = path_of(made) + "/transitions/lose";
  EXPECT_EQ(call("boss", "POST", lose, R"({"input":{"reason":"too dear"}})").status, 422);  // no comment
  EXPECT_EQ(call("boss", "POST", lose, R"({"comment":"called"})").status, 422);             // no reason
  EXPECT_EQ(call("boss", "POST", lose, R"({"input":{"seats":9,"reason":"x"},"comment":"called"})").status,
            422);
  const auto lost = call("boss", "POST", lose, R"({"input":{"reason":"too dear"},"comment":"called"})");
  ASSERT_EQ(lost.status, 200) << lost.body;
  EXPECT_EQ(lost.at("reason"), "too dear");
  EXPECT_EQ(lost.at("state"), "lost");
}

TEST_P(ApiRecords, TellsTheHistory) {
  const auto made = order(R"(,"seats":2,"channel":"web","price":"10.00")");
  const std::string other = person("李娜");
  call("boss", "PATCH", path_of(made),
       R"({"person":")" + other +
           R"(","channel":"phone","price":"12.00","price_currency":"USD","remark":"a\"b"})",
       {{"If-Match", "\"1\""}, {"X-Request-Id", "req-7"}});
  call("boss", "POST", path_of(made) + "/transitions/lose",
       R"({"input":{"reason":"r"},"comment":"called twice"})");
  const auto all = call("boss", "GET", path_of(made) + "/timeline", "", {{"Accept-Language", "en"}});
  ASSERT_EQ(all.status, 200) << all.body;
  ASSERT_EQ(all.count("items"), 3u);
  EXPECT_EQ(all.at("next"), "null");
  EXPECT_EQ(all.at("items.0.action"), "transition:lose");
  EXPECT_EQ(all.at("items.0.transition.name"), "lose");
  EXPECT_EQ(all.at("items.0.transition.label"), "Lose");
  EXPECT_EQ(all.at("items.0.note"), "called twice");
  EXPECT_EQ(all.at("items.0.version"), "3");
  EXPECT_EQ(all.at("items.1.action"), "update");
  EXPECT_EQ(all.at("items.1.transition"), "(none)");
  EXPECT_EQ(all.at("items.1.request_id"), "req-7");
  EXPECT_EQ(all.at("items.1.actor.id"), std::to_string(ids["boss"]));
  EXPECT_EQ(all.at("items.1.actor.name"), "Name of boss");
  EXPECT_EQ(all.at("items.1.source"), "api");
  EXPECT_EQ(all.at("items.1.at"), "2026-03-02T08:00:00Z");
  EXPECT_EQ(all.at("items.2.action"), "create");

  std::map<std::string, std::string> changes;
  const auto& list = *all.json.find("items")->as<Json::Array>();
  for (const std::size_t i : {0, 1}) {
    for (const Json& change : *list[i].find("changes")->as<Json::Array>()) {
      std::string text;
      change.write(text);
      changes[*change.find("field")->as<std::string>()] = text;
    }
  }
  EXPECT_EQ(changes["state"], R"({"field":"state","label":")" +
                                  catalog->entity("shop.order")->field("state")->label.in("en") +
                                  R"(","old":"new","new":"lost","old_text":"New","new_text":"Lost"})");
  EXPECT_EQ(changes["person"], R"({"field":"person","label":"Person","old":")" + made.at("person") +
                                   R"(","new":")" + other + R"(","old_text":"王芳","new_text":"李娜"})");
  EXPECT_EQ(
      changes["channel"],
      R"({"field":"channel","label":"Channel","old":"web","new":"phone","old_text":"Website","new_text":"Phone"})");
  EXPECT_EQ(
      changes["price"],
      R"({"field":"price","label":"Price","old":"10.00","new":"12.00","old_text":null,"new_text":null})");
  EXPECT_EQ(
      changes["price_currency"],
      R"({"field":"price_currency","label":"Price","old":"CNY","new":"USD","old_text":null,"new_text":null})");
  EXPECT_EQ(changes["remark"],
            R"({"field":"remark","label":"Remark","old":null,"new":"a\"b","old_text":null,"new_text":null})");

  EXPECT_THAT(call("boss", "GET", path_of(made) + "/timeline").body, HasSubstr("网站"));
  EXPECT_THAT(call("blind", "GET", path_of(made) + "/timeline").body, Not(HasSubstr("王芳")));

  const auto first = call("boss", "GET", path_of(made) + "/timeline?limit=2");
  EXPECT_EQ(first.count("items"), 2u);
  EXPECT_EQ(first.at("next"), first.at("items.1.id"));
  const auto second = call("boss", "GET", path_of(made) + "/timeline?limit=2&before=" + first.at("next"));
  EXPECT_EQ(second.count("items"), 1u);
  EXPECT_EQ(second.at("next"), "null");
  EXPECT_EQ(second.at("items.0.action"), "create");
  for (const char* bad : {"limit=0", "before=x", "before=-1", "since=1"})
    EXPECT_EQ(call("boss", "GET", path_of(made) + "/timeline?" + bad).status, 400) << bad;
}

TEST_P(ApiRecords, ModelShowsWhatTheUserMaySee) {
  const Headers english{{"Accept-Language", "en"}};
  const auto boss = call("boss", "GET", "/api/v1/model", "", english);
  ASSERT_EQ(boss.status, 200);
  EXPECT_EQ(boss.at("hash"), catalog->hash);
  EXPECT_EQ(boss.at("locale"), "en");
  EXPECT_EQ(boss.at("locales"), R"(["zh-CN","zh-TW","en"])");
  EXPECT_EQ(boss.at("agency.currency"), "CNY");
  EXPECT_EQ(boss.at("agency.time_zone"), "Asia/Shanghai");
  const Json& entity = *boss.json.find("entities")->find("shop.order");
  const auto text = [](const Json& json) {
    std::string out;
    json.write(out);
    return out;
  };
  EXPECT_EQ(text(*entity.find("label")), "\"Order\"");
  EXPECT_EQ(text(*entity.find("title")), "\"number\"");
  EXPECT_EQ(text(*entity.find("rights")), R"({"read":true,"create":true,"update":true,"delete":true})");
  EXPECT_EQ(text(*entity.find("initial")), "\"new\"");
  EXPECT_EQ(text(*entity.find("states")->as<Json::Array>()->at(0).find("label")), "\"New\"");
  const auto& transitions = *entity.find("transitions")->as<Json::Array>();
  EXPECT_EQ(text(*transitions.at(1).find("from")), R"(["new","sold"])");
  EXPECT_EQ(text(*transitions.at(1).find("form")), "\"shop.lose\"");
  const auto& forms = *entity.find("forms")->as<Json::Array>();
  ASSERT_EQ(forms.size(), 2u);
  EXPECT_NE(text(*forms.at(0).find("name")), "\"shop.lose\"");
  EXPECT_THAT(text(forms.at(0)), HasSubstr("\"seats\""));
  EXPECT_THAT(text(forms.at(0)), Not(HasSubstr("\"each\"")));
  EXPECT_EQ(text(*forms.at(1).find("name")), "\"shop.lose\"");
  const auto& views = *entity.find("views")->as<Json::Array>();
  ASSERT_GE(views.size(), 1u);
  EXPECT_GE(views.at(0).find("columns")->as<Json::Array>()->size(), 3u);
  for (const Json& field : *entity.find("fields")->as<Json::Array>()) {
    const std::string name = *field.find("name")->as<std::string>();
    if (name == "person") {
      EXPECT_EQ(
          text(field),
          R"({"name":"person","label":"Person","help":"","type":"ref","to":"shop.person","system":false,"required":true,"right":"write","rollup":null,"read_only":false,"search":false,"multiline":false,"sensitive":false,"max":null,"min":null,"scale":null,"choices":null,"depends_on":null,"default":null,"sortable":true})");
    } else if (name == "seats") {
      EXPECT_EQ(text(*field.find("max")) + text(*field.find("min")), "5001");
    } else if (name == "price") {
      EXPECT_EQ(text(*field.find("scale")), "2");
    } else if (name == "code") {
      EXPECT_EQ(text(*field.find("max")), "30");
    } else if (name == "each" || name == "number" || name == "version") {
      EXPECT_EQ(text(*field.find("read_only")), "true") << name;
    } else if (name == "owner") {
      EXPECT_EQ(text(*field.find("read_only")), "false");
      EXPECT_EQ(text(*field.find("to")), "\"core.user\"");
    } else if (name == "extra") {
      EXPECT_EQ(text(*field.find("sortable")), "false");
    }
  }
  EXPECT_EQ(text(*boss.json.find("choices")->find("shop.channel")->as<Json::Array>()->at(1).find("label")),
            "\"Website\"");
  EXPECT_EQ(boss.at("modules.0.name"), "shop");

  EXPECT_EQ(
      text(
          *call("seller", "GET", "/api/v1/model").json.find("entities")->find("shop.person")->find("rights")),
      R"({"read":true,"create":true,"update":true,"delete":false})");
  const auto guest = call("guest", "GET", "/api/v1/model");
  EXPECT_EQ(guest.at("locale"), "zh-CN");
  for (const auto& [name, shown] : *guest.json.find("entities")->as<Json::Object>()) {
    EXPECT_TRUE(name == "shop.person" || name.starts_with("core.")) << name << " is neither what its roles give nor what everyone has";
  }
  EXPECT_EQ(text(*guest.json.find("entities")->find("shop.person")->find("label")), "\"人员\"");
  EXPECT_EQ(guest.json.find("choices")->find("shop.channel"), nullptr);
  EXPECT_THAT(guest.body, Not(HasSubstr("shop.order")));

  const std::string tag = boss.header("ETag");
  const auto again = call("boss", "GET", "/api/v1/model", "", {english[0], {"If-None-Match", tag}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_NE(guest.header("ETag"), tag);
  const auto chinese = call("boss", "GET", "/api/v1/model?locale=zh-TW", "", english);
  EXPECT_EQ(chinese.at("locale"), "zh-TW");
  EXPECT_NE(chinese.header("ETag"), tag);
  EXPECT_EQ(call("boss", "GET", "/api/v1/model?locale=xx").status, 400);
  EXPECT_THAT(call("admin", "GET", "/api/v1/model").body, HasSubstr("core.user"));

  // Another Catalog takes the place of the models of the old one.
  catalog = test::catalog_of(
      std::string(test::shop) +
      "---\nkind: choices\nname: shop.other\nlabel: {en: Other}\noptions:\n  a: {label: {en: A}}\n");
  EXPECT_NE(call("boss", "GET", "/api/v1/model", "", english).header("ETag"), tag);
}

TEST_P(ApiRecords, Imports) {
  const std::string map = R"(kind: import_map
name: people
entity: shop.person
source: file
records:
  person:
    entity: shop.person
    external_id: {column: ID}
    fields:
      name: {column: Name, empty: refuse}
      tier: {column: Tier}
)";
  const auto upload = [&](std::string_view who, std::string_view target, const std::string& map_text,
                          const std::string& csv) {
    const std::string body =
        "--B\r\nContent-Disposition: form-data; name=\"map\"; filename=\"people.yaml\"\r\n\r\n" + map_text +
        "\r\n--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"p.csv\"\r\n\r\n" + csv +
        "\r\n--B--\r\n";
    return call(who, "POST", target, body, {{"Content-Type", "multipart/form-data; boundary=B"}});
  };
  const std::string csv = "ID,Name,Tier\n1,王芳,gold\n2,,x\n3,\"Li, Na\",\n";
  const auto dry = upload("admin", "/api/v1/import/shop.person?dry_run=1", map, csv);
  ASSERT_EQ(dry.status, 200) << dry.body;
  EXPECT_EQ(dry.at("created"), "2");
  EXPECT_EQ(call("boss", "GET", "/api/v1/records/shop.person?count=1").at("total"), "0");
  const auto done = upload("admin", "/api/v1/import/shop.person", map, csv);
  ASSERT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(done.at("rows"), "3");
  EXPECT_EQ(done.at("created"), "2");
  EXPECT_EQ(done.at("failed"), "1");
  EXPECT_EQ(done.at("errors.0.row"), "2");
  EXPECT_EQ(done.at("errors.0.column"), "Name");
  EXPECT_THAT(done.at("error_file"), HasSubstr("2,,x"));
  const auto again = upload("admin", "/api/v1/import/shop.person", map, csv);
  EXPECT_EQ(again.at("created"), "0");
  EXPECT_EQ(again.at("unchanged"), "2");
  const auto list = call("boss", "GET", "/api/v1/records/shop.person?sort=name&q=Li");
  EXPECT_EQ(call("boss", "GET", "/api/v1/records/shop.person/" + list.at("items.0.id") + "/timeline")
                .at("items.0.source"),
            "import people");

  EXPECT_EQ(upload("boss", "/api/v1/import/shop.person", map, csv).status, 403);
  EXPECT_EQ(upload("admin", "/api/v1/import/shop.order", map, csv).status, 400);
  EXPECT_EQ(upload("admin", "/api/v1/import/shop.nothing", map, csv).status, 404);
  EXPECT_EQ(upload("admin", "/api/v1/import/shop.person?dry_run=perhaps", map, csv).status, 400);
  const auto bad = upload("admin", "/api/v1/import/shop.person", map + "      nothing: {column: X}\n", csv);
  EXPECT_EQ(bad.status, 422);
  EXPECT_EQ(bad.at("errors.0.file"), "people.yaml");
  EXPECT_EQ(bad.at("errors.0.line"), "12");
  EXPECT_EQ(call("admin", "POST", "/api/v1/import/shop.person", "{}").status, 415);
  EXPECT_EQ(call("admin", "POST", "/api/v1/import/shop.person", "--B--",
                 {{"Content-Type", "multipart/form-data; boundary=B"}})
                .status,
            400);
  EXPECT_EQ(call("admin", "POST", "/api/v1/import/shop.person", "x",
                 {{"Content-Type", "multipart/form-data; boundary=B"}})
                .status,
            400);
}

INSTANTIATE_TEST_SUITE_P(Databases, ApiRecords, caravan::testing::both_dialects(),
                         caravan::testing::dialect_name);

}  // namespace
}  // namespace caravan::api
