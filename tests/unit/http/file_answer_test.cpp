#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "api/file_body.h"
#include "base/nameless_file.h"
#include "client.h"
#include "http/front_door.h"

namespace caravan::http::test {
namespace {

/// An unnamed file with bytes that tell their place.
std::shared_ptr<const api::FileBody> file_of(std::size_t size) {
  const int file = nameless_file(std::filesystem::temp_directory_path());
  std::string text;
  for (std::size_t i = 0; i < size; i += 8) text += std::to_string(10'000'000 + i / 8);
  text.resize(size);
  EXPECT_EQ(::write(file, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  return std::make_shared<const api::FileBody>(file, size);
}

class FileAnswers : public testing::Test {
 protected:
  void start(const FrontDoorOptions& options, std::size_t size) {
    handler_ = std::make_unique<FunctionHandler>([size](const api::Request& request) {
      api::Response response;
      if (request.path == "/file") response.file = file_of(size);
      else response.body = std::to_string(request.body.size());
      return response;
    });
    door_ = FrontDoor::start(options, *handler_);
  }
  std::unique_ptr<FunctionHandler> handler_;
  std::unique_ptr<FrontDoor> door_;
};

TEST_F(FileAnswers, AreWholeAndTheConnectionGoesOn) {
  constexpr std::size_t size = 3'000'001;
  start(local_options(), size);
  Client client(door_->port());
  for (int i = 0; i < 3; ++i) {
    const auto reply = client.ask(get("/file"));
    EXPECT_EQ(reply.status, 200);
    ASSERT_EQ(reply.body.size(), size);
    EXPECT_EQ(reply.body.substr(8 * 100'000, 8), std::to_string(10'100'000));
    EXPECT_EQ(client.ask(get("/other")).body, "0");
  }
}

TEST_F(FileAnswers, ASlowReaderHoldsNobodyUpAndMayTakeItsTime) {
  constexpr std::size_t size = 20'000'000;
  auto options = local_options();
  options.workers = 1;
  options.write_timeout = 0.5;  // and 16 KiB a second
  start(options, size);
  Client slow(door_->port(), 16 * 1024);
  slow.send(get("/file"));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  Client quick(door_->port());
  EXPECT_EQ(quick.ask(get("/other")).body, "0");
  EXPECT_EQ(slow.receive().body.size(), size);
}

TEST_F(FileAnswers, UploadsHaveABoundOfTheirOwn) {
  auto options = local_options();
  options.max_body_bytes = 1000;
  options.max_upload_bytes = 200'000;
  options.is_upload = [](std::string_view method, std::string_view target) { return method == "POST" && target.starts_with("/upload"); };
  start(options, 1);
  const auto post = [&](const std::string& path, std::size_t size, const std::string& header = "Authorization: Bearer x\r\n") {
    Client client(door_->port());
    return client.ask("POST " + path + " HTTP/1.1\r\nHost: x\r\n" + header + "Content-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'x'));
  };
  EXPECT_EQ(post("/upload?a=1", 150'000).body, "150000");
  EXPECT_EQ(post("/upload", 200'001).status, 413);
  EXPECT_EQ(post("/upload", 150'000, "").status, 413) << "of people who have signed in";
  EXPECT_EQ(post("/other", 1001).status, 413);
  EXPECT_EQ(post("/other", 1000).body, "1000");
}

}  // namespace
}  // namespace caravan::http::test
