#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "fixture.h"
#include "records/once.h"

namespace caravan::api {
namespace {

using ::testing::AnyOf;
using ::testing::Eq;
using ::testing::HasSubstr;

class Once : public ApiTest {
 protected:
  static Headers key(const std::string& text) { return {{"Idempotency-Key", text}}; }
  std::size_t people() { return call("boss", "GET", "/api/v1/records/shop.person?limit=200").count("items"); }
  std::int64_t rows(const std::string& table) {
    auto session = database().read();
    storage::Statement& s = session->prepare("SELECT COUNT(*) FROM " + table);
    s.step();
    const auto n = s.integer(0);
    s.reset();
    return n;
  }
  std::string person() { return call("boss", "POST", "/api/v1/records/shop.person", R"({"name":"A"})").at("id"); }
};

TEST_P(Once, TheSameRequestHasOneEffectAndOneAnswer) {
  const auto first = call("boss", "POST", "/api/v1/records/shop.person", R"({"name":"王芳"})", key("k 1"));
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(first.header("Idempotent-Replayed"), "");
  start();  // as after a restart
  const auto again = call("boss", "POST", "/api/v1/records/shop.person", R"({"name":"王芳"})", key("k 1"));
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.type, first.type);
  EXPECT_EQ(again.header("ETag"), first.header("ETag"));
  EXPECT_EQ(again.header("Location"), first.header("Location"));
  EXPECT_EQ(again.header("Idempotent-Replayed"), "true");
  EXPECT_EQ(people(), 1u);
  // Another actor's key is another key, and another key another request.
  EXPECT_EQ(call("seller", "POST", "/api/v1/records/shop.person", R"({"name":"王芳"})", key("k 1")).header("Idempotent-Replayed"), "");
  EXPECT_EQ(call("boss", "POST", "/api/v1/records/shop.person", R"({"name":"王芳"})", key("k 2")).header("Idempotent-Replayed"), "");
  EXPECT_EQ(people(), 3u);
}

TEST_P(Once, AnotherRequestUnderTheSameKeyIsRefused) {
  call("boss", "POST", "/api/v1/records/shop.person", R"({"name":"A"})", key("k"));
  for (const auto& [target, body] : {std::pair<const char*, const char*>{"/api/v1/records/shop.person", R"({"name":"B"})"},
                                     {"/api/v1/records/shop.order", R"({"name":"A"})"},
                                     {"/api/v1/admin/reload", ""}}) {
    const auto other = call("boss", "POST", target, body, key("k"));
    if (std::string_view(target).ends_with("reload")) {
      EXPECT_EQ(other.status, 403) << "not an administrator: refused before the key is looked at";
      continue;
    }
    EXPECT_EQ(other.status, 422);
    EXPECT_EQ(other.at("code"), "idempotency_key_reused");
  }
  EXPECT_EQ(people(), 1u);
}

TEST_P(Once, WhatWasRefusedIsNotKept) {
  const auto refused = call("boss", "POST", "/api/v1/records/shop.person", "{}", key("k"));
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(rows("idempotency_key"), 0);
  EXPECT_EQ(call("boss", "POST", "/api/v1/records/shop.person", R"({"name":"A"})", key("k")).status, 201);
}

TEST_P(Once, KeysAreCheckedAndSecretsAreNotKept) {
  for (const std::string& bad : {std::string(), std::string(256, 'a'), std::string("\xc3\xa9"), std::string("a\tb")}) {
    EXPECT_EQ(call("boss", "POST", "/api/v1/records/shop.person", R"({"name":"A"})", key(bad)).status, 400) << bad;
  }
  EXPECT_EQ(call("boss", "POST", "/api/v1/records/shop.person", R"({"name":"A"})", key(std::string(255, 'a'))).status, 201);
  EXPECT_EQ(call("boss", "POST", "/api/v1/tokens", R"({"label":"x"})", key("t")).status, 400);
  EXPECT_EQ(call("", "POST", "/api/v1/session", R"({"username":"boss","password":"x"})", key("t")).status, 400);
  EXPECT_EQ(call("boss", "POST", "/api/v1/me/password", R"({"current":"x","new":"y"})", key("t")).status, 400);
  EXPECT_EQ(rows("idempotency_key"), 1);
}

TEST_P(Once, TransitionsReplayToo) {
  const auto order = call("seller", "POST", "/api/v1/records/shop.order", R"({"person":")" + person() + R"(","seats":2,"owner":")" + std::to_string(ids["seller"]) + "\"}");
  const std::string target = "/api/v1/records/shop.order/" + order.at("id") + "/transitions/sell";
  const auto first = call("seller", "POST", target, "", key("s"));
  EXPECT_EQ(first.status, 200) << first.body;
  const auto again = call("seller", "POST", target, "", key("s"));
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.header("ETag"), "\"2\"");
  EXPECT_EQ(people(), 2u) << "the effect happened once";
}

TEST_P(Once, RequestsOfSeveralTransactionsAreKeptAfterwards) {
  int runs = 0;
  bool fail = false;
  plugin_route = [&](const records::Context& context, const Request&, std::string_view, std::string_view) -> std::optional<Response> {
    EXPECT_EQ(context.once, nullptr);
    ++runs;
    if (fail) throw Error(ErrorCode::conflict, "not now");
    Response response;
    response.status = 202;
    response.headers.emplace_back("X-Plugin", "yes");
    response.body = "{\"run\":" + std::to_string(runs) + "}";
    return response;
  };
  start();
  EXPECT_EQ(call("boss", "POST", "/api/v1/plugins/p/do", "{}", key("p")).at("run"), "1");
  const auto again = call("boss", "POST", "/api/v1/plugins/p/do", "{}", key("p"));
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.at("run"), "1");
  EXPECT_EQ(again.header("X-Plugin"), "yes");
  EXPECT_EQ(runs, 1);
  fail = true;
  EXPECT_EQ(call("boss", "POST", "/api/v1/plugins/p/do", "{}", key("q")).status, 409);
  fail = false;
  EXPECT_EQ(call("boss", "POST", "/api/v1/plugins/p/do", "{}", key("q")).at("run"), "3") << "what failed may be tried again";
}

TEST_P(Once, WhileTheFirstIsUnderWayOthersAreToldToWait) {
  std::string inner;
  plugin_route = [&](const records::Context&, const Request&, std::string_view, std::string_view) -> std::optional<Response> {
    const auto answer = call("boss", "POST", "/api/v1/plugins/p/do", "{}", key("p"));
    inner = std::to_string(answer.status) + answer.at("code") + answer.header("Retry-After");
    return Response();
  };
  start();
  EXPECT_EQ(call("boss", "POST", "/api/v1/plugins/p/do", "{}", key("p")).status, 200);
  EXPECT_EQ(inner, "409idempotency_key_in_use1");
}

TEST_P(Once, KeysEndAfterADay) {
  call("boss", "POST", "/api/v1/records/shop.person", R"({"name":"A"})", key("k"));
  clock.advance_seconds(86'399);
  EXPECT_EQ(call("boss", "POST", "/api/v1/records/shop.person", R"({"name":"A"})", key("k")).header("Idempotent-Replayed"), "true");
  clock.advance_seconds(2);
  EXPECT_EQ(call("boss", "POST", "/api/v1/records/shop.person", R"({"name":"B"})", key("k")).status, 201);
  EXPECT_EQ(people(), 2u);
  std::int64_t purged = 0;
  database().transact([&](storage::Session& session) { purged = records::purge_keys(session, clock.now()); });
  EXPECT_EQ(purged, 0);
  clock.advance_seconds(86'401);
  database().transact([&](storage::Session& session) { purged = records::purge_keys(session, clock.now()); });
  EXPECT_EQ(purged, 1);
}

TEST_P(Once, ManyAtOnceHaveOneEffect) {
  constexpr int threads = 32, rounds = 4;
  for (int round = 0; round < rounds; ++round) {
    const std::string name = "round " + std::to_string(round);
    std::vector<std::string> bodies;
    std::atomic<int> created{0}, replayed{0}, waiting{0}, other{0};
    std::mutex mutex;
    std::vector<std::thread> crowd;
    for (int i = 0; i < threads; ++i) {
      crowd.emplace_back([&] {
        const auto answer = call("boss", "POST", "/api/v1/records/shop.person", R"({"name":")" + name + "\"}", key(name));
        if (answer.status == 201) {
          ++(answer.header("Idempotent-Replayed").empty() ? created : replayed);
          const std::lock_guard lock(mutex);
          bodies.push_back(answer.body);
        } else if (answer.status == 409 && answer.at("code") == "idempotency_key_in_use") {
          ++waiting;
        } else {
          ++other;
          const std::lock_guard lock(mutex);
          ADD_FAILURE() << answer.status << answer.body;
        }
      });
    }
    for (auto& thread : crowd) thread.join();
    EXPECT_EQ(created, 1);
    EXPECT_EQ(created + replayed + waiting + other, threads);
    for (const auto& body : bodies) EXPECT_EQ(body, bodies.front());
    EXPECT_EQ(people(), static_cast<std::size_t>(round + 1));
  }
}

TEST_P(Once, WithoutAKeyNoStatementMore) {
  const auto statements = [&](const Headers& headers, const char* name) {
    call("boss", "POST", "/api/v1/records/shop.person", std::string(R"({"name":")") + name + "\"}", headers);
    return rows("idempotency_key");
  };
  EXPECT_EQ(statements({}, "A"), 0);
  EXPECT_EQ(statements(key("k"), "B"), 1);
}

INSTANTIATE_TEST_SUITE_P(Databases, Once, caravan::testing::both_dialects(), caravan::testing::dialect_name);

class BulkRoute : public ApiTest {
 protected:
  std::string order(const std::string& more = "") {
    if (person_.empty()) person_ = call("boss", "POST", "/api/v1/records/shop.person", R"({"name":"A"})").at("id");
    return call("boss", "POST", "/api/v1/records/shop.order", R"({"person":")" + person_ + "\"" + more + "}").at("id");
  }
  Answer bulk(const std::string& body, const Headers& headers = {}, std::string_view who = "boss") {
    return call(who, "POST", "/api/v1/records/shop.order/bulk", body, headers);
  }
  std::string field(const std::string& id, const std::string& name) { return call("boss", "GET", "/api/v1/records/shop.order/" + id).at(name); }
  std::string person_;
};

TEST_P(BulkRoute, EveryRowHasItsResult) {
  const std::string a = order(), b = order(), c = order();
  const auto answer = bulk(R"({"action":"update","input":{"seats":4},"items":[{"id":")" + a + R"(","version":1},{"id":")" + b +
                           R"(","version":9},{"id":")" + c + R"(","input":{"seats":9000}},{"id":"999999"}]})");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.at("done"), "1");
  EXPECT_EQ(answer.at("refused"), "3");
  EXPECT_EQ(answer.at("items.0.status"), "done");
  EXPECT_EQ(answer.at("items.0.version"), "2");
  EXPECT_EQ(answer.at("items.1.error.code"), "stale");
  EXPECT_EQ(answer.at("items.2.error.errors.0.field"), "seats");
  EXPECT_EQ(answer.at("items.3.error.status"), "404");
  EXPECT_EQ(field(a, "seats"), "4");
  EXPECT_EQ(call("boss", "GET", "/api/v1/records/shop.order/" + a + "/timeline").at("items.0.source"), "bulk");
}

TEST_P(BulkRoute, AllOrNothing) {
  const std::string a = order(), b = order();
  const std::string items = R"([{"id":")" + a + R"("},{"id":")" + b + R"(","version":9}])";
  const auto refused = bulk(R"({"action":"update","atomic":true,"input":{"seats":4},"items":)" + items + "}", {{"Idempotency-Key", "k"}});
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.at("code"), "bulk_refused");
  EXPECT_EQ(refused.at("items.1.error.code"), "stale");
  EXPECT_EQ(field(a, "seats"), "null");
  const std::string good = R"({"action":"update","atomic":true,"input":{"seats":4},"items":[{"id":")" + a + R"("},{"id":")" + b + R"("}]})";
  const auto first = bulk(good, {{"Idempotency-Key", "k"}});
  EXPECT_EQ(first.at("done"), "2") << first.body;
  const auto again = bulk(good, {{"Idempotency-Key", "k"}});
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.header("Idempotent-Replayed"), "true");
  EXPECT_EQ(field(b, "version"), "2");
}

TEST_P(BulkRoute, ByFilterDeletedAndBackAgain) {
  for (int i = 0; i < 5; ++i) order(i < 3 ? R"(,"seats":7)" : "");
  auto answer = bulk(R"({"action":"delete","filter":"record.seats == 7","limit":2})", {{"Idempotency-Key", "d"}});
  EXPECT_EQ(answer.at("done"), "2") << answer.body;
  EXPECT_EQ(answer.at("more"), "true");
  EXPECT_NE(answer.header("Undo-Until"), "");
  EXPECT_EQ(bulk(R"({"action":"delete","filter":"record.seats == 7","limit":2})", {{"Idempotency-Key", "d"}}).body, answer.body)
      << "row by row it is kept as well";
  const auto trash = call("boss", "GET", "/api/v1/deleted/shop.order");
  EXPECT_EQ(trash.count("items"), 2u);
  answer = bulk(R"({"action":"restore","items":[{"id":")" + trash.at("items.0.id") + R"("},{"id":")" + trash.at("items.1.id") + R"("}]})");
  EXPECT_EQ(answer.at("done"), "2") << answer.body;
  EXPECT_EQ(call("boss", "GET", "/api/v1/records/shop.order").count("items"), 5u);
}

TEST_P(BulkRoute, StepsAndNewRecords) {
  order();
  const auto made = bulk(R"({"action":"create","items":[{"input":{"person":")" + person_ + R"(","seats":2}},{"input":{}}]})");
  EXPECT_EQ(made.at("done"), "1") << made.body;
  EXPECT_EQ(made.at("items.1.id"), "null");
  const auto lost = bulk(R"({"action":"transition","transition":"lose","comment":"c","input":{"reason":"r"},"items":[{"id":")" + made.at("items.0.id") + R"("}]})");
  EXPECT_EQ(lost.at("done"), "1") << lost.body;
  EXPECT_EQ(field(made.at("items.0.id"), "state"), "lost");
  EXPECT_EQ(bulk(R"({"action":"update","input":{"seats":1},"items":[{"id":")" + made.at("items.0.id") + R"("}]})", {}, "guest").at("items.0.error.status"), "404");
}

TEST_P(BulkRoute, MalformedRequestsAreRefusedAsAWhole) {
  for (const char* body : {R"({})", R"({"action":"eat","items":[]})", R"({"action":"update"})", R"({"action":"update","items":{},"input":{}})",
                           R"({"action":"update","items":[{"id":7}]})", R"({"action":"update","items":[],"filter":"true"})",
                           R"({"action":"create","filter":"true"})", R"({"action":"update","filter":"true","limit":1001})",
                           R"({"action":"update","items":[{"id":"7","x":1}]})", R"({"action":"transition","items":[]})",
                           R"({"action":"update","transition":"x","items":[]})", R"({"action":"create","items":[{"id":"7"}]})",
                           R"({"action":"update","filter":"record.nothing","input":{}})", R"({"action":"update","items":[],"atomic":1})"}) {
    EXPECT_EQ(bulk(body).status, 400) << body;
  }
  std::string many = R"({"action":"delete","items":[)";
  for (int i = 1; i <= 1001; ++i) many += (i > 1 ? "," : "") + (R"({"id":")" + std::to_string(i)) + "\"}";
  EXPECT_EQ(bulk(many + "]}").status, 400);
  EXPECT_EQ(bulk(R"({"action":"delete","items":[]})").at("done"), "0");
}

TEST_P(BulkRoute, DeleteSaysUntilWhenAndRestoreBringsItBack) {
  const std::string id = order();
  const auto gone = call("boss", "DELETE", "/api/v1/records/shop.order/" + id, "", {{"If-Match", "\"1\""}});
  EXPECT_EQ(gone.status, 204);
  EXPECT_NE(gone.header("Undo-Until"), "");
  EXPECT_EQ(call("boss", "GET", "/api/v1/records/shop.order/" + id + "/timeline").status, 200);
  EXPECT_EQ(call("guest", "POST", "/api/v1/records/shop.order/" + id + "/restore").status, 404);
  const auto back = call("boss", "POST", "/api/v1/records/shop.order/" + id + "/restore", "", {{"Idempotency-Key", "r"}});
  EXPECT_EQ(back.status, 200) << back.body;
  EXPECT_EQ(back.header("ETag"), "\"3\"");
  EXPECT_EQ(call("boss", "POST", "/api/v1/records/shop.order/" + id + "/restore", "", {{"Idempotency-Key", "r"}}).body, back.body);
  EXPECT_EQ(call("boss", "POST", "/api/v1/records/shop.order/" + id + "/restore").status, 404);
  const auto audit = call("admin", "GET", "/api/v1/admin/audit");
  EXPECT_EQ(audit.count("items"), 0u) << audit.body;
  EXPECT_EQ(audit.at("next"), "null");
  EXPECT_EQ(call("boss", "GET", "/api/v1/admin/audit").status, 403);
  EXPECT_EQ(call("admin", "GET", "/api/v1/admin/audit?entity=shop.nothing").status, 404);
}

INSTANTIATE_TEST_SUITE_P(Databases, BulkRoute, caravan::testing::both_dialects(), caravan::testing::dialect_name);

}  // namespace
}  // namespace caravan::api
