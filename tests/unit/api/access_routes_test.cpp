#include "fixture.h"

namespace caravan::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ApiAccess : public ApiTest {
 protected:
  std::string mine(std::string_view who = "seller") {
    const Answer made = order(",\"owner\":\"" + std::to_string(ids[std::string(who)]) + "\"", who);
    EXPECT_EQ(made.status, 201) << made.body;
    // Out of the state in which every seller sees it.
    EXPECT_EQ(call("admin", "POST", path_of(made) + "/transitions/lose", R"({"input":{"reason":"x"},"comment":"y"})").status, 200);
    return path_of(made);
  }
  std::string user(const char* name) { return "\"" + std::to_string(ids[name]) + "\""; }
};

TEST_P(ApiAccess, SharesAreMadeListedAndTakenBack) {
  const std::string path = mine();
  EXPECT_EQ(call("guest", "GET", path).status, 404);
  const Answer made = call("seller", "POST", path + "/shares", R"({"user":)" + user("guest") + R"(,"note":"for the holiday"})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.at("kind"), "user");
  EXPECT_EQ(made.at("level"), "read");
  EXPECT_EQ(made.at("label"), "Name of guest");
  EXPECT_EQ(made.at("shared_by.name"), "Name of seller");
  EXPECT_EQ(made.header("Location"), path + "/shares/" + made.at("id"));
  EXPECT_EQ(call("guest", "GET", path).status, 200);
  EXPECT_EQ(call("guest", "GET", "/api/v1/records/shop.order").count("items"), 1u);
  EXPECT_EQ(call("guest", "PATCH", path, R"({"remark":"x"})", {{"If-Match", "*"}}).status, 403);
  EXPECT_EQ(call("guest", "GET", path + "/shares").status, 403);
  const Answer listed = call("seller", "GET", path + "/shares");
  EXPECT_EQ(listed.count("items"), 1u);
  EXPECT_EQ(listed.at("items.0.note"), "for the holiday");
  EXPECT_EQ(call("seller", "GET", path + "/timeline").at("items.0.action"), "share");
  EXPECT_EQ(call("seller", "DELETE", path + "/shares/" + made.at("id")).status, 204);
  EXPECT_EQ(call("guest", "GET", path).status, 404);
  EXPECT_EQ(call("seller", "DELETE", path + "/shares/" + made.at("id")).status, 404);
}

TEST_P(ApiAccess, SharesAreRefusedWithTheReason) {
  const std::string path = mine();
  EXPECT_EQ(call("seller", "POST", path + "/shares", "{}").status, 400);
  EXPECT_EQ(call("seller", "POST", path + "/shares", R"({"user":"1","role":"shop.boss"})").status, 400);
  EXPECT_EQ(call("seller", "POST", path + "/shares", R"({"user":"1","levle":"read"})").status, 400);
  EXPECT_EQ(call("seller", "POST", path + "/shares", R"({"user":"me"})").at("errors.0.field"), "user");
  EXPECT_EQ(call("seller", "POST", path + "/shares", R"({"user":"99999999"})").at("errors.0.field"), "user");
  EXPECT_EQ(call("seller", "POST", path + "/shares", R"({"role":"shop.none"})").at("errors.0.field"), "role");
  EXPECT_EQ(call("seller", "POST", path + "/shares", R"({"department":"none"})").at("errors.0.field"), "department");
  EXPECT_EQ(call("seller", "POST", path + "/shares", R"({"role":"shop.boss","level":"all"})").at("errors.0.field"), "level");
  EXPECT_EQ(call("seller", "POST", path + "/shares", R"({"role":"shop.boss","expires_at":"2020-01-01T00:00:00Z"})").at("errors.0.field"), "expires_at");
  EXPECT_EQ(call("guest", "POST", path + "/shares", R"({"role":"shop.boss"})").status, 404);
  EXPECT_EQ(call("blind", "POST", path + "/shares", R"({"role":"shop.boss"})").status, 403);
}

TEST_P(ApiAccess, TheExplanationNamesRulesAndPlaces) {
  const std::string path = mine();
  const Answer seller = call("admin", "GET", path + "/access?user=" + std::to_string(ids["seller"]));
  ASSERT_EQ(seller.status, 200) << seller.body;
  EXPECT_EQ(seller.at("operations.0.operation"), "read");
  EXPECT_EQ(seller.at("operations.0.allowed"), "true");
  EXPECT_EQ(seller.at("operations.0.grants.0.role"), "shop.seller");
  EXPECT_EQ(seller.at("operations.0.grants.0.result"), "true");
  EXPECT_EQ(seller.at("operations.0.grants.0.file"), "shop.yaml");
  EXPECT_EQ(seller.at("operations.0.grants.0.reads.0.name"), "record.owner");
  EXPECT_EQ(seller.at("operations.3.allowed"), "false");
  const Answer guest = call("admin", "GET", path + "/access?user=" + std::to_string(ids["guest"]), {}, {{"Accept-Language", "zh-CN"}});
  EXPECT_EQ(guest.at("operations.0.allowed"), "false");
  EXPECT_THAT(guest.at("operations.0.text"), HasSubstr("不能查看"));
  // Oneself, where one sees the record; others are for administrators.
  EXPECT_EQ(call("seller", "GET", path + "/access").at("operations.0.allowed"), "true");
  EXPECT_EQ(call("seller", "GET", path + "/access?user=" + std::to_string(ids["boss"])).status, 403);
  EXPECT_EQ(call("guest", "GET", path + "/access").status, 404);
  EXPECT_EQ(call("admin", "GET", path + "/access?user=99999999").status, 404);
}

TEST_P(ApiAccess, ADelegationIsInForceWithinASecond) {
  const std::string path = mine();
  EXPECT_EQ(call("guest", "GET", path).status, 404);
  EXPECT_EQ(call("guest", "GET", "/api/v1/me").at("deputy_of"), "[]");
  const Answer made = call("seller", "POST", "/api/v1/records/core.delegation",
                           R"({"deputy":)" + user("guest") + R"(,"ends_at":"2026-03-03T08:00:00Z"})");
  ASSERT_EQ(made.status, 201) << made.body;
  clock.advance_seconds(1.1);
  EXPECT_EQ(call("guest", "GET", "/api/v1/me").at("deputy_of.0.name"), "Name of seller");
  EXPECT_EQ(call("guest", "GET", path).status, 200);
  EXPECT_EQ(call("guest", "PATCH", path, R"({"remark":"done for you"})", {{"If-Match", "*"}}).status, 200);
  EXPECT_EQ(call("guest", "GET", path + "/timeline").at("items.0.actor.name"), "Name of guest");
  // Who is switched off lends nothing.
  ASSERT_EQ(call("admin", "PATCH", "/api/v1/records/core.user/" + std::to_string(ids["seller"]), R"({"active":false})", {{"If-Match", "*"}}).status, 200);
  clock.advance_seconds(1.1);
  EXPECT_EQ(call("guest", "GET", path).status, 404);
  ASSERT_EQ(call("admin", "PATCH", "/api/v1/records/core.user/" + std::to_string(ids["seller"]), R"({"active":true})", {{"If-Match", "*"}}).status, 200);
  clock.advance_seconds(1.1);
  EXPECT_EQ(call("guest", "GET", path).status, 200);
  clock.advance_seconds(86400);
  EXPECT_EQ(call("guest", "GET", path).status, 404);
}

INSTANTIATE_TEST_SUITE_P(Databases, ApiAccess, caravan::testing::both_dialects(),
                         caravan::testing::dialect_name);

}  // namespace
}  // namespace caravan::api
