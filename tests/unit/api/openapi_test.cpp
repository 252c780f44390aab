#include "api/openapi.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "api/messages.h"
#include "api/model_json.h"
#include "api/openapi_parts.h"
#include "api/problem.h"
#include "api/problem_kinds.h"
#include "api/routes.h"
#include "records/json.h"
#include "support/definitions.h"

namespace caravan::api {
namespace {

using records::Json;

std::vector<std::string> words(std::string_view list, char separator = ' ') {
  std::vector<std::string> out;
  std::istringstream stream{std::string(list)};
  for (std::string word; std::getline(stream, word, separator);) {
    if (!word.empty()) out.push_back(word);
  }
  return out;
}

const Json* at(const Json& json, std::initializer_list<std::string_view> path) {
  const Json* here = &json;
  for (const std::string_view name : path) {
    if (here != nullptr) here = here->find(name);
  }
  return here;
}

std::string text(const Json* json) {
  if (json == nullptr) return "(none)";
  if (const auto* string = json->as<std::string>()) return *string;
  std::string out;
  json->write(out);
  return out;
}

/// Every `$ref` leads somewhere.
void check_references(const Json& root, const Json& json) {
  if (const auto* object = json.as<Json::Object>()) {
    for (const auto& [name, value] : *object) {
      if (name == "$ref") {
        const Json* here = &root;
        for (const std::string& step : words(text(&value).substr(2), '/')) here = here ? here->find(step) : nullptr;
        EXPECT_TRUE(here != nullptr) << text(&value);
        EXPECT_NE(text(here), "{}") << text(&value);
      }
      check_references(root, value);
    }
  } else if (const auto* array = json.as<Json::Array>()) {
    for (const Json& value : *array) check_references(root, value);
  }
}

records::Context context_of(const std::shared_ptr<const model::Catalog>& catalog, const std::string& role) {
  records::Context context;
  context.catalog = catalog;
  context.actor.user_id = 1;
  context.actor.roles = {role};
  return context;
}

TEST(RouteTable, DescribesEveryRoute) {
  const OpenapiParts& parts = openapi_parts();
  std::set<std::string_view> operations;
  for (const RouteInfo& route : Api::routes()) {
    SCOPED_TRACE(std::string(route.method) + " " + std::string(route.pattern));
    EXPECT_TRUE(operations.insert(route.operation).second) << "two operations " << route.operation;
    EXPECT_FALSE(route.operation.empty());
    EXPECT_FALSE(route.summary.ends_with('.'));
    EXPECT_TRUE(find_part(parts.tags, route.tag)) << route.tag;
    if (route.method == "*") continue;
    EXPECT_FALSE(route.answers.empty());
    bool success = false;
    for (const std::string& answer : words(route.answers)) {
      const auto pieces = words(answer, '+');
      const std::string& head = pieces.front();
      success = success || head.front() == '2';
      if (head.starts_with("2") && !head.starts_with("204")) {
        ASSERT_GT(head.size(), 4u) << "an answer without a schema";
        EXPECT_TRUE(find_part(parts.schemas, head.substr(4))) << head;
      }
      for (std::size_t i = 1; i < pieces.size(); ++i) EXPECT_TRUE(find_part(parts.answer_headers, pieces[i])) << pieces[i];
      if (head.starts_with("201")) {
        EXPECT_NE(answer.find("+Location"), std::string::npos);
      }
    }
    EXPECT_TRUE(success);
    for (const std::string& name : words(route.query)) EXPECT_TRUE(find_part(parts.query, name)) << name;
    for (std::string name : words(route.headers)) {
      if (name.ends_with('?')) name.pop_back();
      EXPECT_TRUE(find_part(parts.request_headers, name)) << name;
    }
    std::string body(route.body);
    if (body.ends_with('?')) body.pop_back();
    if (!body.empty()) {
      EXPECT_TRUE(find_part(parts.schemas, body)) << body;
    }
    if (route.method == "GET") {
      EXPECT_TRUE(body.empty());
    }
    for (const std::string& status : words(route.refusals)) EXPECT_EQ(status.size(), 3u) << status;
  }
}

/// A route whose answer has `items` is paged, or says what bounds it.
TEST(RouteTable, PagesEveryList) {
  for (const RouteInfo& route : Api::routes()) {
    SCOPED_TRACE(std::string(route.method) + " " + std::string(route.pattern));
    const auto query = words(route.query);
    const auto has = [&](std::string_view name) {
      return std::any_of(query.begin(), query.end(), [&](const std::string& word) { return word == name || word.starts_with(std::string(name) + "."); });
    };
    bool list = false, next = false;
    for (const std::string& answer : words(route.answers)) {
      const auto pieces = words(answer, '+');
      if (pieces.front().size() <= 4) continue;
      const OpenapiPart* part = find_part(openapi_parts().schemas, pieces.front().substr(4));
      if (part == nullptr || pieces.front().substr(4) == "Model") continue;
      const Json schema = records::parse_json(part->json);
      list = list || at(schema, {"properties", "items"}) != nullptr;
      next = next || at(schema, {"properties", "next"}) != nullptr;
    }
    if (list && route.method == "GET") {
      EXPECT_NE(route.paging, Paging::none);
    }
    if (route.paging == Paging::cursor) {
      EXPECT_TRUE(has("limit"));
      EXPECT_TRUE(has("after") || has("before"));
      EXPECT_TRUE(next);
      EXPECT_NE(route.answers.find("+Link"), std::string_view::npos);
    } else if (route.paging == Paging::bounded) {
      EXPECT_FALSE(route.description.empty()) << "say what bounds the list";
    }
  }
}

TEST(OpenapiParts, AreJsonWithoutDoubles) {
  const OpenapiParts& parts = openapi_parts();
  for (const auto& list : {parts.schemas, parts.query, parts.request_headers, parts.answer_headers, parts.path, parts.tags}) {
    std::set<std::string_view> names;
    for (const OpenapiPart& part : list) {
      EXPECT_NO_THROW(records::parse_json(part.json)) << part.name;
      EXPECT_TRUE(names.insert(part.name).second) << part.name;
    }
  }
}

TEST(Openapi, DescribesTheRoutesAlone) {
  const Json document = records::parse_json(openapi_json());
  check_references(document, document);
  EXPECT_EQ(text(at(document, {"openapi"})), "3.1.0");
  const Json* list = at(document, {"paths", "/records/{entity}", "get"});
  ASSERT_TRUE(list);
  EXPECT_EQ(text(list->find("operationId")), "listRecords");
  EXPECT_EQ(text(at(document, {"paths", "/session", "post", "security"})), "[]");
  EXPECT_EQ(text(at(document, {"components", "schemas", "shop.order"})), "(none)");
}

TEST(Openapi, HasTypedPathsForWhatTheCallerMayRead) {
  const auto catalog = test::catalog_of(test::shop);
  ASSERT_TRUE(catalog);
  const Json document = records::parse_json(openapi_json(context_of(catalog, "shop.seller"), {}, "zh-CN"));
  check_references(document, document);
  const Json* order = at(document, {"components", "schemas", "shop.order", "properties"});
  ASSERT_TRUE(order);
  EXPECT_EQ(text(at(*order, {"seats", "type"})), R"(["integer","null"])");
  EXPECT_EQ(text(at(*order, {"seats", "maximum"})), "500");
  EXPECT_EQ(text(at(*order, {"seats", "title"})), "座位");
  EXPECT_EQ(text(at(*order, {"on", "format"})), "date");
  EXPECT_EQ(text(at(*order, {"channel", "enum"})), R"(["phone","web",null])");
  EXPECT_EQ(text(at(*order, {"state", "enum"})), R"(["new","sold","lost",null])");
  EXPECT_EQ(text(at(*order, {"each", "readOnly"})), "true");
  EXPECT_EQ(text(at(*order, {"person", "x-references"})), "shop.person");
  EXPECT_EQ(text(at(*order, {"price_currency", "pattern"})), "^[A-Z]{3}$");
  EXPECT_EQ(text(at(document, {"components", "schemas", "shop.order.create", "required"})), R"(["person"])");
  EXPECT_EQ(text(at(document, {"components", "schemas", "shop.order.create", "properties", "each"})), "(none)");
  EXPECT_EQ(text(at(document, {"components", "schemas", "shop.order.create", "properties", "person", "type"})), "string");
  const Json* lose = at(document, {"components", "schemas", "shop.order.lose"});
  ASSERT_TRUE(lose);
  EXPECT_EQ(text(lose->find("required")), R"(["comment"])");
  EXPECT_EQ(text(at(*lose, {"properties", "input", "properties", "reason", "maxLength"})), "100");
  // A seller may not delete orders, but everybody may address the generic path.
  EXPECT_TRUE(at(document, {"paths", "/records/shop.order/{id}", "patch"}));
  EXPECT_FALSE(at(document, {"paths", "/records/shop.order/{id}", "delete"}));
  EXPECT_TRUE(at(document, {"paths", "/records/{entity}/{id}", "delete"}));
  EXPECT_FALSE(at(document, {"paths", "/admin/plugins"}));

  const std::string of_guest = openapi_json(context_of(catalog, "shop.guest"), {}, "en");
  EXPECT_EQ(of_guest.find("shop.order"), std::string::npos);
  EXPECT_NE(of_guest.find("shop.person"), std::string::npos);
  EXPECT_EQ(openapi_json(context_of(catalog, "nobody"), {}, "en").find("shop."), std::string::npos);
}

TEST(Openapi, HidesWhatTheCallerMayNotSee) {
  const auto catalog = test::catalog_of(std::string(test::shop) + R"(---
kind: role
name: shop.temp
label: {en: Temp}
grants:
  shop.order: {read: true, create: true, update: true}
fields:
  shop.order: {price: hidden, code: masked, seats: read}
)");
  ASSERT_TRUE(catalog);
  const Json document = records::parse_json(openapi_json(context_of(catalog, "shop.temp"), {}, "en"));
  const Json* order = at(document, {"components", "schemas", "shop.order", "properties"});
  ASSERT_TRUE(order);
  EXPECT_FALSE(order->find("price"));
  EXPECT_FALSE(order->find("price_currency"));
  EXPECT_NE(text(at(*order, {"code", "description"})).find("Masked"), std::string::npos);
  EXPECT_EQ(text(at(*order, {"seats", "readOnly"})), "true");
  const Json* input = at(document, {"components", "schemas", "shop.order.patch", "properties"});
  ASSERT_TRUE(input);
  EXPECT_FALSE(input->find("code"));
  EXPECT_FALSE(input->find("seats"));
  EXPECT_TRUE(input->find("remark"));
}

TEST(ModelCache, KeepsApartWhoseRolesTheyAre) {
  const auto catalog = test::catalog_of(test::shop);
  ASSERT_TRUE(catalog);
  ModelCache cache;
  int made = 0;
  const auto get = [&](const records::Context& context) { return cache.get(context, "en", [&] { return std::to_string(++made); })->tag; };
  records::Context both = context_of(catalog, "shop.seller"), deputy = both;
  both.actor.roles.push_back("shop.guest");
  deputy.actor.deputy_of.push_back(context_of(catalog, "shop.guest").actor);
  // A role that only adds rights on fields adds them for who reads the entity himself.
  EXPECT_NE(get(both), get(deputy));
  deputy.actor.deputy_of.push_back(deputy.actor.deputy_of.front());
  deputy.actor.deputy_of.push_back(context_of(catalog, "core.administrator").actor);
  get(deputy);
  EXPECT_EQ(made, 2) << "what else is lent makes no difference";
}

TEST(Openapi, NamesPluginsRoutes) {
  const auto catalog = test::catalog_of(test::shop);
  ASSERT_TRUE(catalog);
  PluginInfo plugin;
  plugin.name = "shop";
  plugin.label = "Shop";
  plugin.routes = {"GET /api/v1/plugins/shop/items/{item}", "POST /api/v1/plugins/shop/items/{item}", "BAD"};
  const Json document = records::parse_json(openapi_json(context_of(catalog, "shop.seller"), std::span(&plugin, 1), "en"));
  check_references(document, document);
  const Json* path = at(document, {"paths", "/plugins/shop/items/{item}"});
  ASSERT_TRUE(path);
  EXPECT_EQ(text(at(*path, {"get", "summary"})), "Shop: /items/{item}");
  EXPECT_TRUE(path->find("post"));
}

TEST(ProblemKinds, ExplainEveryCode) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::internal); ++code) {
    const auto error = static_cast<ErrorCode>(code);
    if (error == ErrorCode::retry) continue;  // shown as unavailable
    const std::string name = to_string(error);
    const auto kinds = problem_kinds();
    const auto found = std::find_if(kinds.begin(), kinds.end(), [&](const ProblemKind& kind) { return kind.code == name; });
    ASSERT_NE(found, kinds.end()) << name;
    EXPECT_NE(found->statuses.find(std::to_string(http_status(error))), std::string_view::npos) << name;
  }
  std::set<std::string_view> names;
  for (const ProblemKind& kind : problem_kinds()) {
    EXPECT_TRUE(names.insert(kind.code).second) << kind.code;
    for (const std::string_view meaning : kind.meaning) EXPECT_FALSE(meaning.empty()) << kind.code;
    for (const char* locale : {"en", "zh-CN", "zh-TW"})
      EXPECT_NE(problem_page(kind.code, locale).find("lang=\"" + std::string(locale)), std::string::npos);
  }
  EXPECT_EQ(problem_page("no_such_code", "en"), "");
  EXPECT_EQ(problem_page("", "en"), "");
}

TEST(ProblemKinds, AreInTheDocumentation) {
  std::ifstream file(std::string(CARAVAN_SOURCE_DIR) + "/docs/problems.md");
  std::stringstream content;
  content << file.rdbuf();
  EXPECT_EQ(content.str(), problems_reference()) << "caravan docs problems > docs/problems.md";
}

}  // namespace
}  // namespace caravan::api
