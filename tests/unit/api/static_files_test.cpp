#include "api/static_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "support/scratch.h"

namespace caravan::api {
namespace {

class StaticFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = scratch_.path / "dist";
    write("../secret.txt", "secret");
    write("index.html", "<html>");
    write("assets/app-1234.js", "plain();");
    write("assets/app-1234.js.gz", "zipped");
    write("logo.svg", "<svg/>");
    write("a name.txt", "space");
    write(".env", "hidden");
    write(".vite/manifest.json", "{}");
    std::filesystem::create_symlink("../secret.txt", root_ / "link.txt");
    files_ = std::make_unique<StaticFiles>(root_.string());
  }
  void write(const std::string& name, const std::string& content) {
    const auto path = root_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << content;
  }
  Response get(std::string_view path,
               std::vector<std::pair<std::string_view, std::string_view>> headers = {}) {
    Request request;
    request.method = "GET";
    request.path = path;
    request.headers = std::move(headers);
    return files_->answer(request);
  }
  static std::string header(const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return {};
  }
  test::Scratch scratch_;
  std::filesystem::path root_;
  std::unique_ptr<StaticFiles> files_;
};

TEST_F(StaticFilesTest, ServesFilesWithTypeAndSecurityHeaders) {
  const auto page = get("/index.html");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, "<html>");
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(header(page, "Cache-Control"), "no-cache");
  EXPECT_NE(header(page, "Content-Security-Policy").find("default-src 'self'"), std::string::npos);
  EXPECT_NE(header(page, "Content-Security-Policy").find("frame-ancestors 'none'"), std::string::npos);
  EXPECT_EQ(header(page, "Content-Security-Policy").find("script-src"), std::string::npos);
  EXPECT_EQ(header(page, "Referrer-Policy"), "same-origin");
  EXPECT_EQ(get("/logo.svg").content_type, "image/svg+xml");
  EXPECT_EQ(get("/a name.txt").body, "space");
}

TEST_F(StaticFilesTest, HashedAssetsAreImmutableAndCompressedWhereAccepted) {
  const auto plain = get("/assets/app-1234.js");
  EXPECT_EQ(plain.body, "plain();");
  EXPECT_EQ(plain.content_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(header(plain, "Cache-Control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(header(plain, "Vary"), "Accept-Encoding");
  EXPECT_EQ(header(plain, "Content-Encoding"), "");
  const auto zipped = get("/assets/app-1234.js", {{"Accept-Encoding", "gzip, br"}});
  EXPECT_EQ(zipped.body, "zipped");
  EXPECT_EQ(header(zipped, "Content-Encoding"), "gzip");
  EXPECT_NE(header(zipped, "ETag"), header(plain, "ETag")) << "one tag names one sequence of bytes";
  for (const char* takes : {"", "gzip"}) {
    for (const auto& seen : {header(plain, "ETag"), header(zipped, "ETag"), "W/" + header(plain, "ETag")}) {
      const auto again = get("/assets/app-1234.js", {{"If-None-Match", seen}, {"Accept-Encoding", takes}});
      EXPECT_EQ(again.status, 304) << seen << takes;
      EXPECT_EQ(header(again, "ETag"), seen.starts_with("W/") ? seen.substr(2) : seen) << "which copy is still good";
    }
  }
  EXPECT_EQ(header(get("/assets/app-1234.js", {{"If-None-Match", "*"}, {"Accept-Encoding", "gzip"}}), "ETag"), header(zipped, "ETag"));
  EXPECT_EQ(get("/assets/app-1234.js", {{"If-None-Match", "\"other\""}}).status, 200);
}

TEST_F(StaticFilesTest, PagesOfTheConsoleFallBackToItsIndexButMissingAssetsDoNot) {
  EXPECT_EQ(get("/").body, "<html>");
  EXPECT_EQ(get("/records/a.b/7").body, "<html>");
  EXPECT_EQ(get("/assets/gone.js").status, 404);
  EXPECT_EQ(get("/assets/").status, 404);
}

TEST_F(StaticFilesTest, NoPathLeadsOut) {
  for (const std::string& path :
       {std::string("/../secret.txt"), std::string("/assets/../../secret.txt"),
        std::string("/./../secret.txt"), std::string("//secret.txt"), std::string("/link.txt"),
        std::string("/.env"), std::string("/.vite/manifest.json"), std::string("/..\\secret.txt"),
        std::string("/%2e%2e/secret.txt"), root_.parent_path().string() + "/secret.txt",
        std::string("/secret.txt\0", 12), std::string(), std::string(100'000, '/')}) {
    const auto response = get(path);
    EXPECT_EQ(response.body.find("secret"), std::string::npos) << path;
    EXPECT_EQ(response.body.find("hidden"), std::string::npos) << path;
    EXPECT_TRUE(response.body == "<html>" || response.status == 404) << path;
  }
}

TEST_F(StaticFilesTest, WithoutAConsole) {
  const StaticFiles none("");
  Request request;
  request.method = "GET";
  request.path = "/";
  EXPECT_EQ(none.answer(request).status, 404);
  EXPECT_THROW(StaticFiles((root_ / "absent").string()), Error);
}

}  // namespace
}  // namespace caravan::api
