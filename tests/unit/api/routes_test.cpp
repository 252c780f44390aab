#include "api/routes.h"

#include <gtest/gtest.h>

#include <set>

namespace caravan::api {
namespace {

TEST(Router, FindsRoutesAndTheirArguments) {
  const Router router(route_table());
  auto match = router.find("GET", "/records/a.b/7");
  ASSERT_TRUE(match.route);
  EXPECT_EQ(match.route->info.pattern, "/records/{entity}/{id}");
  EXPECT_EQ(match.arguments[0], "a.b");
  EXPECT_EQ(match.arguments[1], "7");
  match = router.find("POST", "/records/a.b/7/transitions/win");
  ASSERT_TRUE(match.route);
  EXPECT_EQ(match.arguments[2], "win");
  EXPECT_EQ(router.find("HEAD", "/me").route, router.find("GET", "/me").route);
  match = router.find("PUT", "/plugins/p/a/b/c");
  ASSERT_TRUE(match.route);
  EXPECT_EQ(match.arguments[0], "p");
  EXPECT_EQ(match.arguments[1], "a/b/c");
  EXPECT_EQ(router.find("GET", "/plugins/p").arguments[1], "");
}

TEST(Router, TellsTheMethodsOfAPath) {
  const Router router(route_table());
  const auto match = router.find("PUT", "/records/a.b/7");
  EXPECT_FALSE(match.route);
  EXPECT_EQ(match.allowed, "GET, HEAD, PATCH, DELETE");
  for (const char* path :
       {"", "/", "/nothing", "/records", "/records/", "/records/a/", "/records//7", "/records/a/7/",
        "/records/a/7/x", "/me/", "//me", "/tokens/1/2", "/records/a/7/transitions/b/c"}) {
    const auto none = router.find("GET", path);
    EXPECT_FALSE(none.route) << path;
    EXPECT_EQ(none.allowed, "") << path;
  }
}

TEST(RouteTable, IsSoundForDocumentationAndMatrix) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const RouteInfo& route : Api::routes()) {
    EXPECT_TRUE(seen.emplace(route.method, route.pattern).second) << route.pattern;
    EXPECT_FALSE(route.summary.empty());
    EXPECT_TRUE(route.pattern.starts_with('/'));
    if (route.access == Access::anyone) {
      EXPECT_TRUE(route.pattern == "/session" || route.pattern.starts_with("/public/")) << route.pattern;
    }
    if (route.pattern.starts_with("/admin") || route.pattern.starts_with("/import")) {
      EXPECT_EQ(route.access, Access::administrator);
    }
  }
}

}  // namespace
}  // namespace caravan::api
