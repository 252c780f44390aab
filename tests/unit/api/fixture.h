#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/api.h"
#include "records/json.h"
#include "storage/schema.h"
#include "support/definitions.h"
#include "support/fake_clock.h"
#include "support/test_database.h"

namespace caravan::api {

using records::Json;
using Headers = std::vector<std::pair<std::string, std::string>>;

/// An answer with its body parsed.
struct Answer {
  int status = 0;
  std::string type, body;
  Headers headers;
  Json json;

  std::string header(std::string_view name) const {
    std::string found;
    for (const auto& [key, value] : headers) {
      if (key != name) continue;
      EXPECT_EQ(found, "") << "two headers " << name;
      found = value;
    }
    return found;
  }
  /// The value at a path such as `items.0.name`, as text: strings bare, else as JSON; `(none)` where absent.
  std::string at(std::string_view path) const {
    const Json* value = &json;
    while (!path.empty() && value != nullptr) {
      const auto dot = path.find('.');
      const std::string name(path.substr(0, dot));
      path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
      if (const auto* array = value->as<Json::Array>()) {
        const auto index = static_cast<std::size_t>(std::stoul(name));
        value = index < array->size() ? &(*array)[index] : nullptr;
      } else {
        value = value->find(name);
      }
    }
    if (value == nullptr) return "(none)";
    if (const auto* text = value->as<std::string>()) return *text;
    std::string out;
    value->write(out);
    return out;
  }
  std::size_t count(std::string_view name) const {
    const Json* list = json.find(name);
    const auto* array = list ? list->as<Json::Array>() : nullptr;
    return array ? array->size() : 0;
  }
};

/// The API over real storage with the shop's definitions and five users, without the network.
class ApiTest : public caravan::testing::DialectTest {
 protected:
  static constexpr const char* password = "correct horse battery";

  void SetUp() override {
    DialectTest::SetUp();
    if (IsSkipped()) return;
    catalog = test::catalog_of(std::string(test::shop) + R"(---
kind: role
name: shop.blind
label: {en: Blind}
grants:
  shop.order: {read: true}
fields:
  shop.order: {remark: hidden}
)");
    ASSERT_TRUE(catalog);
    {
      auto transaction = database().begin();
      storage::apply_schema(*transaction, storage::plan_schema(*transaction, *catalog), false);
      transaction.commit();
    }
    sequences_.emplace(database());
    records_.emplace(database(), *sequences_);
    transitions_.emplace(*records_);
    auth = auth::AuthService::make(database(), *sequences_, clock);
    for (const char* name : {"admin", "seller", "boss", "guest", "blind"}) {
      const std::string role =
          std::string(name) == "admin" ? "core.administrator" : std::string("shop.") + name;
      const model::Entity& users = *catalog->entity("core.user");
      records::Context context = system();
      const auto user = records_->create(context, users,
                                         {{users.field("username"), name},
                                          {users.field("name"), std::string("Name of ") + name},
                                          {users.field("roles"), "[\"" + role + "\"]"}});
      ids[name] = user.id();
      context.actor.user_id = user.id();
      tokens[name] = auth->create_token(context, "test", std::nullopt).token;
    }
    start();
  }
  void TearDown() override {
    api.reset();
    auth.reset();
    transitions_.reset();
    records_.reset();
    sequences_.reset();
    DialectTest::TearDown();
  }
  virtual Services services() {
    return {*records_,
            *transitions_,
            *auth,
            clock,
            [this] { return catalog; },
            [this] { return database_ready; },
            plugin_route,
            plugins,
            reload,
            {}};
  }
  void start() { api = std::make_unique<Api>(services()); }

  records::Context system() const {
    records::Context context;
    context.actor.system = true;
    context.catalog = catalog;
    context.now = clock.now();
    return context;
  }

  /// `headers` are added to those of `who` (a user's token; nobody's where empty).
  Answer call(std::string_view who, std::string_view method, std::string_view target,
              std::string_view body = {}, const Headers& headers = {}) {
    Headers all = headers;
    if (!who.empty()) all.emplace_back("Authorization", "Bearer " + tokens.at(std::string(who)));
    return send(method, target, body, all);
  }
  /// `target` with a query; a body gets the content type application/json where the headers name none.
  Answer send(std::string_view method, std::string_view target, std::string_view body, const Headers& headers,
              bool admin_socket = false, bool secure = false) {
    Request request;
    request.method = method;
    const auto question = target.find('?');
    request.path = target.substr(0, question);
    if (question != std::string_view::npos) request.query = parse_query(target.substr(question + 1));
    bool typed = false;
    for (const auto& [name, value] : headers) {
      request.headers.emplace_back(name, value);
      typed = typed || name == "Content-Type";
    }
    if (!body.empty() && !typed) request.headers.emplace_back("Content-Type", "application/json");
    request.body = body;
    request.remote_address = "192.0.2.7";
    request.admin_socket = admin_socket;
    request.secure = secure;
    Response response = api->handle(request);
    Answer answer{response.status, response.content_type, response.body, response.headers, {}};
    EXPECT_NE(answer.header("X-Request-Id"), "");
    if (answer.type.find("json") != std::string::npos && !answer.body.empty())
      answer.json = records::parse_json(answer.body);
    if (answer.status >= 400 && std::string_view(target).starts_with("/api")) {
      EXPECT_EQ(answer.type, "application/problem+json") << answer.body;
      EXPECT_EQ(answer.at("status"), std::to_string(answer.status));
      EXPECT_EQ(answer.at("type"), "/problems/" + answer.at("code"));
      EXPECT_EQ(answer.at("request_id"), answer.header("X-Request-Id"));
      EXPECT_NE(answer.at("detail"), "");
      EXPECT_NE(answer.at("title"), "(none)");
    }
    return answer;
  }
  static std::vector<std::pair<std::string, std::string>> parse_query(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> query;
    const auto decode = [](std::string_view part) {
      std::string out;
      for (std::size_t i = 0; i < part.size(); ++i) {
        if (part[i] == '%' && i + 2 < part.size()) {
          out.push_back(static_cast<char>(std::stoi(std::string(part.substr(i + 1, 2)), nullptr, 16)));
          i += 2;
        } else {
          out.push_back(part[i]);
        }
      }
      return out;
    };
    while (!text.empty()) {
      const auto amp = text.find('&');
      const std::string_view pair = text.substr(0, amp);
      text = amp == std::string_view::npos ? std::string_view() : text.substr(amp + 1);
      const auto equals = pair.find('=');
      query.emplace_back(decode(pair.substr(0, equals)),
                         equals == std::string_view::npos ? "" : decode(pair.substr(equals + 1)));
    }
    return query;
  }

  struct Session {
    std::string cookie, csrf;
  };
  Session sign_in(const std::string& name) {
    auth->set_password(ids.at(name), password);
    const Answer answer = send("POST", "/api/v1/session",
                               R"({"username":")" + name + R"(","password":")" + password + "\"}", {});
    EXPECT_EQ(answer.status, 200) << answer.body;
    const std::string set = answer.header("Set-Cookie");
    return {set.substr(0, set.find(';')), answer.at("csrf")};
  }
  std::string person(std::string_view name = "王芳") {
    return call("boss", "POST", "/api/v1/records/shop.person", R"({"name":")" + std::string(name) + "\"}")
        .at("id");
  }
  Answer order(std::string_view more = "", std::string_view who = "boss") {
    return call(who, "POST", "/api/v1/records/shop.order",
                R"({"person":")" + person() + "\"" + std::string(more) + "}");
  }
  static std::string path_of(const Answer& record) { return "/api/v1/records/shop.order/" + record.at("id"); }

  caravan::testing::FakeClock clock;
  std::shared_ptr<const model::Catalog> catalog;
  std::unique_ptr<auth::AuthService> auth;
  std::map<std::string, std::int64_t> ids;
  std::map<std::string, std::string> tokens;
  bool database_ready = true;
  decltype(Services::plugin_route) plugin_route;
  decltype(Services::plugins) plugins;
  decltype(Services::reload) reload;
  std::unique_ptr<Api> api;

 private:
  std::optional<storage::Sequences> sequences_;
  std::optional<records::RecordService> records_;
  std::optional<workflow::Transitions> transitions_;
};

}  // namespace caravan::api
