#include "api/api.h"

#include "fixture.h"

namespace caravan::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Everything that is not about records: who calls, how it answers, what it refuses.

TEST_P(ApiTest, HealthAndReadiness) {
  EXPECT_EQ(call("", "GET", "/healthz").at("status"), "ok");
  EXPECT_EQ(call("", "GET", "/readyz").status, 200);
  EXPECT_EQ(call("", "HEAD", "/readyz").status, 200);
  const auto wrong = call("", "POST", "/healthz");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("Allow"), "GET, HEAD");
  database_ready = false;
  EXPECT_EQ(call("", "GET", "/readyz").status, 503);
  EXPECT_EQ(call("", "GET", "/healthz").status, 200);
  database_ready = true;
  const auto kept = std::exchange(catalog, nullptr);
  EXPECT_EQ(call("", "GET", "/readyz").status, 503);
  const auto starting = call("boss", "GET", "/api/v1/me");
  EXPECT_EQ(starting.status, 503);
  EXPECT_EQ(starting.at("code"), "unavailable");
  EXPECT_EQ(starting.header("Retry-After"), "2");
  catalog = kept;
}

TEST_P(ApiTest, UnknownAddressesAndMethods) {
  for (const char* path : {"/api", "/api/", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v2/me",
                           "/api/v1/records", "/api/v1//me"}) {
    const auto answer = call("boss", "GET", path);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_EQ(answer.at("code"), "not_found");
  }
  const auto wrong = call("boss", "PUT", "/api/v1/me");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("Allow"), "GET, HEAD, PATCH");
  EXPECT_EQ(call("boss", "HEAD", "/api/v1/me").status, 200);
  EXPECT_EQ(call("", "GET", "/somewhere").status, 404);
  EXPECT_EQ(call("", "POST", "/somewhere").status, 405);
}

TEST_P(ApiTest, EveryRouteAsksWhoCalls) {
  for (const RouteInfo& route : Api::routes()) {
    std::string path = "/api/v1" + std::string(route.pattern);
    for (auto at = path.find('{'); at != std::string::npos; at = path.find('{'))
      path.replace(at, path.find('}') - at + 1, "1");
    const std::string method = route.method == "*" ? "PUT" : std::string(route.method);
    if (route.access == Access::anyone) {
      EXPECT_EQ(send(method, path, "", {}).status, route.pattern == "/session" ? 400 : 404) << path;
      continue;
    }
    for (const Headers& headers :
         std::vector<Headers>{{},
                              {{"Authorization", "Bearer"}},
                              {{"Authorization", "Bearer cvn_" + std::string(43, 'x')}},
                              {{"Authorization", "Basic " + tokens["admin"]}},
                              {{"Authorization", tokens["admin"]}},
                              {{"Cookie", "caravan_session=" + std::string(43, 'x')}},
                              {{"Cookie", "caravan_session=" + tokens["admin"]}}}) {
      const auto answer = send(method, path, "", headers);
      EXPECT_EQ(answer.status, 401) << method << ' ' << path;
      EXPECT_EQ(answer.at("code"), "unauthenticated");
      EXPECT_EQ(answer.header("WWW-Authenticate"), "Bearer realm=\"caravan\"");
    }
    if (route.access == Access::administrator) {
      for (const char* who : {"seller", "boss", "guest"}) {
        const auto answer = call(who, method, path);
        EXPECT_EQ(answer.status, 403) << who << ' ' << path;
        EXPECT_EQ(answer.at("code"), "forbidden");
      }
    }
  }
}

TEST_P(ApiTest, CookieSessionsNeedTheirCsrfTokenForEveryWrite) {
  const Session session = sign_in("admin"), other = sign_in("boss");
  for (const RouteInfo& route : Api::routes()) {
    if (route.access == Access::anyone || route.pattern == "/session") continue;
    std::string path = "/api/v1" + std::string(route.pattern);
    for (auto at = path.find('{'); at != std::string::npos; at = path.find('{'))
      path.replace(at, path.find('}') - at + 1, "1");
    const std::string method = route.method == "*" ? "DELETE" : std::string(route.method);
    const auto status = [&](const Headers& more) {
      Headers headers{{"Cookie", session.cookie}};
      headers.insert(headers.end(), more.begin(), more.end());
      const auto answer = send(method, path, "", headers);
      return answer.status == 403 && answer.at("detail").find("X-CSRF-Token") != std::string::npos ? 403 : 0;
    };
    const int refused = method == "GET" ? 0 : 403;
    EXPECT_EQ(status({}), refused) << method << path;
    EXPECT_EQ(status({{"X-CSRF-Token", ""}}), refused) << method << path;
    EXPECT_EQ(status({{"X-CSRF-Token", other.csrf}}), refused) << method << path;
    EXPECT_EQ(status({{"X-CSRF-Token", session.csrf}}), 0) << method << path;
  }
}

TEST_P(ApiTest, SignsInAndOut) {
  auth->set_password(ids["seller"], password);
  const std::string body = std::string(R"({"username":"seller","password":")") + password + "\"}";
  const auto answer = send("POST", "/api/v1/session", body, {});
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.at("user.id"), std::to_string(ids["seller"]));
  EXPECT_EQ(answer.at("user.username"), "seller");
  EXPECT_EQ(answer.at("user.name"), "Name of seller");
  EXPECT_EQ(answer.at("user.locale"), "zh-CN");
  EXPECT_EQ(answer.at("user.roles"), R"(["shop.seller"])");
  EXPECT_EQ(answer.at("user.administrator"), "false");
  EXPECT_EQ(answer.at("csrf").size(), 43u);
  const std::string set = answer.header("Set-Cookie");
  EXPECT_THAT(set, StartsWith("caravan_session="));
  EXPECT_THAT(set, HasSubstr("; HttpOnly"));
  EXPECT_THAT(set, HasSubstr("; SameSite=Lax"));
  EXPECT_THAT(set, Not(HasSubstr("Secure")));
  EXPECT_THAT(answer.body, Not(HasSubstr(set.substr(16, 43))));
  EXPECT_THAT(send("POST", "/api/v1/session", body, {}, false, true).header("Set-Cookie"),
              HasSubstr("; Secure"));

  const Headers cookie{{"Cookie", set.substr(0, set.find(';'))}};
  const auto me = send("GET", "/api/v1/me", "", cookie);
  EXPECT_EQ(me.status, 200);
  EXPECT_EQ(me.at("csrf"), answer.at("csrf"));
  EXPECT_EQ(me.header("Cache-Control"), "no-store");
  EXPECT_EQ(call("seller", "GET", "/api/v1/me").at("csrf"), "(none)");
  EXPECT_EQ(call("admin", "GET", "/api/v1/me").at("administrator"), "true");

  const auto out = send("DELETE", "/api/v1/session", "", {cookie[0], {"X-CSRF-Token", answer.at("csrf")}});
  EXPECT_EQ(out.status, 204);
  EXPECT_THAT(out.header("Set-Cookie"), HasSubstr("Max-Age=0"));
  EXPECT_EQ(send("GET", "/api/v1/me", "", cookie).status, 401);
}

TEST_P(ApiTest, SessionsExpire) {
  const Session session = sign_in("seller");
  const Headers cookie{{"Cookie", session.cookie}};
  EXPECT_EQ(send("GET", "/api/v1/me", "", cookie).status, 200);
  clock.advance_seconds(12 * 3600);
  EXPECT_EQ(send("GET", "/api/v1/me", "", cookie).status, 401);
}

TEST_P(ApiTest, RefusesLoginsAndThrottlesThem) {
  auth->set_password(ids["seller"], password);
  const auto attempt = [&](std::string_view name, std::string_view secret, const Headers& headers = {}) {
    return send("POST", "/api/v1/session",
                R"({"username":")" + std::string(name) + R"(","password":")" + std::string(secret) + "\"}",
                headers);
  };
  const auto wrong = attempt("seller", "wrong"), unknown = attempt("nobody", "wrong");
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.at("code"), "unauthenticated");
  EXPECT_EQ(wrong.at("detail"), unknown.at("detail"));
  EXPECT_EQ(wrong.at("detail"), "用户名或密码错误。");
  EXPECT_EQ(attempt("seller", "wrong", {{"Accept-Language", "en"}}).at("detail"),
            "The user name or the password is wrong.");
  for (int i = 0; i < 3; ++i) attempt("seller", "wrong");
  const auto throttled = attempt("seller", password);
  EXPECT_EQ(throttled.status, 429);
  EXPECT_EQ(throttled.at("code"), "too_many_requests");
  EXPECT_EQ(throttled.header("Retry-After"), "1");
  clock.advance_seconds(2);
  EXPECT_EQ(attempt("seller", password).status, 200);

  for (const char* body : {"", "{}", R"({"username":"seller"})", R"({"username":1,"password":"x"})",
                           R"({"username":"a","password":"b","x":1})", "[]", "x"})
    EXPECT_EQ(send("POST", "/api/v1/session", body, {}).status, 400) << body;
  const auto form = send("POST", "/api/v1/session", "username=seller&password=x",
                         {{"Content-Type", "application/x-www-form-urlencoded"}});
  EXPECT_EQ(form.status, 415);
  EXPECT_EQ(form.at("code"), "invalid_argument");
}

TEST_P(ApiTest, OwnLanguage) {
  const auto answer = call("guest", "PATCH", "/api/v1/me", R"({"locale":"zh-TW"})");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.at("locale"), "zh-TW");
  EXPECT_EQ(call("guest", "GET", "/api/v1/me").at("locale"), "zh-TW");
  EXPECT_EQ(call("guest", "GET", "/api/v1/nothing/x").status, 404);
  EXPECT_EQ(call("guest", "GET", "/api/v1/admin/plugins").at("detail"), "僅限管理員使用。");
  EXPECT_EQ(call("guest", "PATCH", "/api/v1/me", R"({"locale":"de"})").status, 422);
  EXPECT_EQ(call("guest", "PATCH", "/api/v1/me", R"({"locale":1})").status, 400);
  EXPECT_EQ(call("guest", "PATCH", "/api/v1/me", R"({"roles":["core.administrator"]})").status, 400);
  EXPECT_EQ(call("guest", "PATCH", "/api/v1/me", "{}").at("locale"), "zh-TW");
  EXPECT_EQ(call("guest", "PATCH", "/api/v1/me", R"({"locale":null})").at("locale"), "zh-CN");
  const auto event =
      call("admin", "GET", "/api/v1/records/core.user/" + std::to_string(ids["guest"]) + "/timeline?limit=1");
  EXPECT_EQ(event.at("items.0.actor.id"), std::to_string(ids["guest"]));
}

TEST_P(ApiTest, LanguageComesFromTheHeaderElseTheUserElseTheAgency) {
  EXPECT_EQ(call("guest", "GET", "/api/v1/admin/plugins").at("detail"), "仅限管理员使用。");
  EXPECT_EQ(
      call("guest", "GET", "/api/v1/admin/plugins", "", {{"Accept-Language", "fr, en;q=0.5"}}).at("detail"),
      "This is for administrators.");
  EXPECT_EQ(call("guest", "GET", "/api/v1/admin/plugins", "", {{"Accept-Language", "zh-Hant"}}).at("detail"),
            "僅限管理員使用。");
  EXPECT_EQ(call("guest", "GET", "/api/v1/admin/plugins", "", {{"Accept-Language", "fr"}}).at("detail"),
            "仅限管理员使用。");
}

TEST_P(ApiTest, OwnPassword) {
  const Session here = sign_in("seller"), there = sign_in("seller");
  const Session kept = sign_in("seller");  // sign_in sets the password, which ends the two before
  (void)here;
  const auto change = [&](std::string_view current, std::string_view wanted) {
    return send("POST", "/api/v1/me/password",
                R"({"current":")" + std::string(current) + R"(","new":")" + std::string(wanted) + "\"}",
                {{"Cookie", kept.cookie}, {"X-CSRF-Token", kept.csrf}});
  };
  const auto wrong = change("not it", "another passphrase");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(wrong.at("errors.0.field"), "current");
  const auto weak = change(password, "short");
  EXPECT_EQ(weak.status, 422);
  EXPECT_EQ(weak.at("errors.0.field"), "new");
  EXPECT_EQ(weak.at("errors.0.code"), "too_short");
  EXPECT_EQ(weak.at("errors.0.message"), "密码至少需要 8 个字符。");
  EXPECT_EQ(change(password, "another passphrase").status, 204);
  EXPECT_EQ(send("GET", "/api/v1/me", "", {{"Cookie", kept.cookie}}).status, 200);
  EXPECT_EQ(send("GET", "/api/v1/me", "", {{"Cookie", there.cookie}}).status, 401);
  EXPECT_EQ(send("POST", "/api/v1/session",
                 std::string(R"({"username":"seller","password":")") + password + "\"}", {})
                .status,
            401);
}

TEST_P(ApiTest, AccessTokens) {
  const auto made = call("seller", "POST", "/api/v1/tokens",
                         R"({"label":"导入","expires_at":"2026-03-02T10:00:00+01:00"})");
  ASSERT_EQ(made.status, 201) << made.body;
  tokens["mine"] = made.at("token");
  EXPECT_EQ(call("mine", "GET", "/api/v1/me").at("username"), "seller");
  const auto list = call("seller", "GET", "/api/v1/tokens");
  ASSERT_EQ(list.count("items"), 2u);
  EXPECT_EQ(list.at("items.0.id"), made.at("id"));
  EXPECT_EQ(list.at("items.0.label"), "导入");
  EXPECT_EQ(list.at("items.0.created_at"), "2026-03-02T08:00:00Z");
  EXPECT_EQ(list.at("items.0.expires_at"), "2026-03-02T09:00:00Z");
  EXPECT_EQ(list.at("items.0.last_used_at") == "(none)", false);
  EXPECT_THAT(list.body, Not(HasSubstr("cvn_")));
  EXPECT_EQ(call("boss", "DELETE", "/api/v1/tokens/" + made.at("id")).status, 404);
  EXPECT_EQ(call("mine", "GET", "/api/v1/me").status, 200);
  clock.advance_seconds(3600);
  EXPECT_EQ(call("mine", "GET", "/api/v1/me").status, 401);
  EXPECT_EQ(call("seller", "DELETE", "/api/v1/tokens/" + made.at("id")).status, 204);
  EXPECT_EQ(call("seller", "DELETE", "/api/v1/tokens/" + made.at("id")).status, 404);
  EXPECT_EQ(call("seller", "DELETE", "/api/v1/tokens/x").status, 404);
  EXPECT_EQ(call("seller", "POST", "/api/v1/tokens", R"({"label":""})").at("errors.0.code"), "required");
  EXPECT_EQ(
      call("seller", "POST", "/api/v1/tokens", R"({"label":"x","expires_at":"2020-01-01T00:00:00Z"})").status,
      422);
  EXPECT_EQ(call("seller", "POST", "/api/v1/tokens", R"({"label":"x","expires_at":"tomorrow"})").status, 400);
}

TEST_P(ApiTest, RequestIds) {
  EXPECT_EQ(call("", "GET", "/api/v1/me", "", {{"X-Request-Id", "client-42"}}).header("X-Request-Id"),
            "client-42");
  const std::string odd =
      call("", "GET", "/api/v1/me", "", {{"X-Request-Id", "a\r\nb"}}).header("X-Request-Id");
  EXPECT_EQ(odd.size(), 26u);
  EXPECT_NE(call("", "GET", "/healthz").header("X-Request-Id"),
            call("", "GET", "/healthz").header("X-Request-Id"));
}

TEST_P(ApiTest, TheAdminSocketActsAsTheSystem) {
  const auto me = send("GET", "/api/v1/me", "", {}, true);
  EXPECT_EQ(me.status, 200);
  EXPECT_EQ(me.at("administrator"), "true");
  const auto made = send("POST", "/api/v1/records/shop.person", R"({"name":"A"})", {}, true);
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(
      call("boss", "GET", "/api/v1/records/shop.person/" + made.at("id") + "/timeline").at("items.0.source"),
      "cli");
  EXPECT_EQ(send("POST", "/api/v1/tokens", R"({"label":"x"})", {}, true).status, 400);
  EXPECT_EQ(send("POST", "/api/v1/me/password", R"({"current":"x","new":"y"})", {}, true).status, 400);
}

TEST_P(ApiTest, AUserSwitchedOffIsOutAtOnce) {
  EXPECT_EQ(call("guest", "GET", "/api/v1/me").status, 200);
  const auto off = call("admin", "PATCH", "/api/v1/records/core.user/" + std::to_string(ids["guest"]),
                        R"({"active":false})", {{"If-Match", "*"}});
  EXPECT_EQ(off.status, 200) << off.body;
  EXPECT_EQ(call("guest", "GET", "/api/v1/me").status, 401);
}

TEST_P(ApiTest, PluginsAndTheirRoutes) {
  EXPECT_EQ(call("admin", "GET", "/api/v1/admin/plugins").body, R"({"items":[]})");
  EXPECT_EQ(call("boss", "GET", "/api/v1/plugins/shop/x").status, 404);
  plugins = [] {
    return std::vector<PluginInfo>{
        {"shop", "1.2.0", "Shop", "enabled", "shop.so", "0.1", "", 2, {"GET /api/v1/plugins/shop/hello"}},
        {"bad", "", "", "refused", "bad.so", "", "no manifest", 0, {}}};
  };
  plugin_route = [](const records::Context& context, const Request& request, std::string_view plugin,
                    std::string_view rest) -> std::optional<Response> {
    if (rest == "boom") throw std::runtime_error("password=hunter2");
    if (plugin != "shop") return std::nullopt;
    Response response;
    response.status = 202;
    response.body =
        "\"" + std::string(request.method) + " " + std::string(rest) + " " + context.actor.username + "\"";
    return response;
  };
  start();
  const auto list = call("admin", "GET", "/api/v1/admin/plugins");
  EXPECT_EQ(list.at("items.0.state"), "enabled");
  EXPECT_EQ(list.at("items.0.hooks"), "2");
  EXPECT_EQ(list.at("items.0.routes.0"), "GET /api/v1/plugins/shop/hello");
  EXPECT_EQ(list.at("items.0.error"), "null");
  EXPECT_EQ(list.at("items.1.state"), "refused");
  EXPECT_EQ(list.at("items.1.error"), "no manifest");
  const auto own = call("seller", "PUT", "/api/v1/plugins/shop/a/b");
  EXPECT_EQ(own.status, 202);
  EXPECT_EQ(own.body, "\"PUT a/b seller\"");
  EXPECT_EQ(call("seller", "GET", "/api/v1/plugins/other/a").status, 404);
  const auto boom = call("seller", "GET", "/api/v1/plugins/shop/boom");
  EXPECT_EQ(boom.status, 500);
  EXPECT_EQ(boom.at("code"), "internal");
  EXPECT_THAT(boom.body, Not(HasSubstr("hunter2")));
}

TEST_P(ApiTest, Reload) {
  EXPECT_EQ(call("admin", "POST", "/api/v1/admin/reload").status, 404);
  ReloadResult result{"abc", true, {}};
  reload = [&](const auto&) { return result; };
  start();
  auto answer = call("admin", "POST", "/api/v1/admin/reload");
  EXPECT_EQ(answer.body, R"({"hash":"abc","changed":true})");
  model::Diagnostic mistake;
  mistake.at = {"sales.yaml", 3, 7};
  mistake.code = "unknown-field";
  mistake.message = "there is no field budgt";
  mistake.hint = "budget?";
  result.diagnostics = {mistake, mistake};
  result.diagnostics[1].severity = model::Diagnostic::Severity::warning;
  answer = call("admin", "POST", "/api/v1/admin/reload", "", {{"Accept-Language", "en"}});
  EXPECT_EQ(answer.status, 422);
  ASSERT_EQ(answer.count("errors"), 1u);
  EXPECT_EQ(answer.at("errors.0.file"), "sales.yaml");
  EXPECT_EQ(answer.at("errors.0.line"), "3");
  EXPECT_EQ(answer.at("errors.0.column"), "7");
  EXPECT_EQ(answer.at("errors.0.code"), "unknown-field");
  EXPECT_EQ(answer.at("errors.0.hint"), "budget?");
  result.diagnostics.erase(result.diagnostics.begin());
  EXPECT_EQ(call("admin", "POST", "/api/v1/admin/reload").at("warnings.0.message"),
            "there is no field budgt");
}

TEST_P(ApiTest, HostileJson) {
  std::string deep(40, '[');
  const std::string very_deep(200'000, '[');
  std::string nested;
  for (int i = 0; i < 40; ++i) nested += "{\"extra\":";
  for (const std::string& body : std::vector<std::string>{deep,
                                                          very_deep,
                                                          nested,
                                                          "{\"name\":\"a\",\"name\":\"b\"}",
                                                          "{\"name\":\"\xff\xfe\"}",
                                                          "{\"name\":\"\xed\xa0\x80\"}",
                                                          "{\"name\":\"\\ud800\"}",
                                                          "{\"name\":",
                                                          "{\"name\":\"a\"}x",
                                                          "{\"name\":NaN}",
                                                          "{'name':1}",
                                                          "[]",
                                                          "\"x\"",
                                                          "1",
                                                          "null",
                                                          std::string("{\"name\":\"a\0\"}", 13),
                                                          "{\"name\":\"a\n\"}",
                                                          "\xef\xbb\xbf[]",
                                                          "{\"name\":1e999}",
                                                          "{\"name\":-1e400}"}) {
    const auto answer = call("boss", "POST", "/api/v1/records/shop.person", body);
    EXPECT_EQ(answer.status, 400) << body.substr(0, 60);
    EXPECT_EQ(answer.at("code"), "invalid_argument");
    EXPECT_LT(answer.body.size(), 1000u);
  }
  for (const char* number : {"99999999999999999999", "1.5", "1e300", "1e-999", "0.0000000000000000000001"}) {
    const auto answer = call("boss", "POST", "/api/v1/records/shop.order",
                             R"({"person":")" + person() + R"(","seats":)" + number + "}");
    EXPECT_EQ(answer.status, 422) << number;
    EXPECT_EQ(answer.at("errors.0.field"), "seats");
  }
  const auto huge = call("boss", "POST", "/api/v1/records/shop.person",
                         "{\"name\":\"" + std::string(1'100'000, 'a') + "\"}");
  EXPECT_EQ(huge.status, 413);
  EXPECT_EQ(huge.at("code"), "too_large");
  EXPECT_EQ(call("boss", "POST", "/api/v1/records/shop.person", R"({"name":"\u0000"})").status, 422);
}

TEST_P(ApiTest, ContentTypes) {
  const auto post = [&](const char* type) {
    return call("boss", "POST", "/api/v1/records/shop.person", R"({"name":"a"})", {{"Content-Type", type}})
        .status;
  };
  EXPECT_EQ(post("application/json"), 201);
  EXPECT_EQ(post("application/json; charset=utf-8"), 201);
  EXPECT_EQ(post("application/merge-patch+json"), 415);
  EXPECT_EQ(post("text/plain"), 415);
  EXPECT_EQ(post(""), 415);
  const std::string path = "/api/v1/records/shop.person/" + person();
  const auto patch = [&](const char* type) {
    return call("boss", "PATCH", path, R"({"tier":"a"})", {{"Content-Type", type}, {"If-Match", "*"}});
  };
  EXPECT_EQ(patch("application/json").status, 200);
  EXPECT_EQ(patch("application/merge-patch+json").status, 200);
  EXPECT_EQ(patch("application/json-patch+json").status, 415);
  EXPECT_THAT(patch("text/plain").header("Accept-Patch"), HasSubstr("application/merge-patch+json"));
}

INSTANTIATE_TEST_SUITE_P(Databases, ApiTest, caravan::testing::both_dialects(),
                         caravan::testing::dialect_name);

}  // namespace
}  // namespace caravan::api
