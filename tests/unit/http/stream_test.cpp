#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "api/event_stream.h"
#include "client.h"
#include "http/front_door.h"

namespace caravan::http::test {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

class Stream final : public api::EventStream {
 public:
  void open(Sink sink) override {
    const std::lock_guard lock(mutex_);
    sink_ = std::move(sink);
  }
  void closed() noexcept override { closed_.fetch_add(1); }
  bool opened() const {
    const std::lock_guard lock(mutex_);
    return sink_ != nullptr;
  }
  bool give(std::string_view text) const {
    Sink sink;
    {
      const std::lock_guard lock(mutex_);
      sink = sink_;
    }
    return sink && sink(text);
  }
  int times_closed() const { return closed_.load(); }

 private:
  mutable std::mutex mutex_;
  Sink sink_;
  std::atomic<int> closed_{0};
};

bool soon(const std::function<bool()>& holds) {
  for (int i = 0; i < 500; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

class Streams : public ::testing::Test {
 protected:
  void start(const std::function<void(FrontDoorOptions&)>& change = {}) {
    auto options = local_options();
    if (change) change(options);
    handler_ = std::make_unique<FunctionHandler>([this](const api::Request& request) {
      api::Response response;
      if (request.path != "/events") {
        response.body = "plain";
        return response;
      }
      response.content_type = "text/event-stream";
      response.body = "event: hello\n\n";
      const std::lock_guard lock(mutex_);
      response.stream = streams_.emplace_back(std::make_shared<Stream>());
      return response;
    });
    door_ = FrontDoor::start(options, *handler_);
  }
  std::shared_ptr<Stream> stream(std::size_t index) {
    EXPECT_TRUE(soon([&] {
      const std::lock_guard lock(mutex_);
      return streams_.size() > index && streams_[index]->opened();
    }));
    const std::lock_guard lock(mutex_);
    return streams_.at(index);
  }

  std::mutex mutex_;
  std::vector<std::shared_ptr<Stream>> streams_;
  std::unique_ptr<FunctionHandler> handler_;
  std::unique_ptr<FrontDoor> door_;
};

TEST_F(Streams, DeliverWhatTheSinkIsGivenInOrder) {
  start();
  Client c(door_->port());
  c.send(get("/events"));
  const auto reply = c.receive(true);
  EXPECT_EQ(reply.status, 200);
  EXPECT_FALSE(reply.has("Content-Length"));
  EXPECT_TRUE(reply.has("Connection: close"));
  EXPECT_TRUE(reply.has("Content-Type: text/event-stream"));
  const auto one = stream(0);
  std::string wanted = "event: hello\n\n";
  for (int i = 0; i < 1000; ++i) {
    const std::string text = "data: " + std::to_string(i) + "\n\n";
    EXPECT_TRUE(one->give(text));
    wanted += text;
  }
  EXPECT_EQ(c.receive_bytes(wanted.size()), wanted);
  EXPECT_EQ(door_->counters().streams, 1);
}

TEST_F(Streams, CostNoWorker) {
  start([](FrontDoorOptions& options) { options.workers = 1; });
  std::vector<Client> listeners;
  for (int i = 0; i < 50; ++i) listeners.emplace_back(door_->port()).send(get("/events"));
  stream(49);
  Client c(door_->port());
  EXPECT_EQ(c.ask(get("/other")).body, "plain");
  EXPECT_EQ(door_->counters().streams, 50);
}

TEST_F(Streams, TellWhenTheClientLeaves) {
  start();
  auto c = std::make_unique<Client>(door_->port());
  c->send(get("/events"));
  const auto one = stream(0);
  EXPECT_TRUE(one->give("data: 1\n\n"));
  c.reset();
  EXPECT_TRUE(soon([&] { return one->times_closed() == 1; }));
  EXPECT_FALSE(one->give("data: 2\n\n"));
  EXPECT_TRUE(soon([&] { return door_->counters().open_connections == 0; }));  // after the stream was told
  EXPECT_EQ(door_->counters().streams, 0);
}

TEST_F(Streams, SayThatTheyAreAlive) {
  start([](FrontDoorOptions& options) { options.heartbeat = 0.05; });
  Client c(door_->port());
  c.send(get("/events"));
  c.receive(true);
  const std::string wanted = "event: hello\n\n:\n\n:\n\n:\n\n";
  EXPECT_EQ(c.receive_bytes(wanted.size()), wanted);
}

TEST_F(Streams, AreCutOffWhereTheClientDoesNotRead) {
  start([](FrontDoorOptions& options) { options.max_unread_bytes = 64 * 1024; });
  Client c(door_->port(), 4096);
  c.send(get("/events"));
  const auto one = stream(0);
  const std::string text(16 * 1024, 'x');
  bool taken = true;
  for (int i = 0; i < 20'000 && taken; ++i) {
    taken = one->give(text);
    if (i % 4 == 3) std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_FALSE(taken);
  EXPECT_TRUE(soon([&] { return one->times_closed() == 1; }));
  EXPECT_TRUE(soon([&] { return door_->counters().open_connections == 0; }));
}

TEST_F(Streams, AreRefusedBeyondTheirNumber) {
  start([](FrontDoorOptions& options) { options.max_streams = 2; });
  Client a(door_->port()), b(door_->port()), c(door_->port());
  a.send(get("/events"));
  b.send(get("/events"));
  stream(1);
  const auto reply = c.ask(get("/events"));
  EXPECT_EQ(reply.status, 503);
  EXPECT_TRUE(reply.has("Retry-After: 30"));
}

TEST_F(Streams, EndWithTheServer) {
  start();
  Client c(door_->port());
  c.send(get("/events"));
  const auto one = stream(0);
  const auto began = std::chrono::steady_clock::now();
  door_->stop(10);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  EXPECT_EQ(one->times_closed(), 1);
  EXPECT_FALSE(one->give("data: late\n\n"));
  door_.reset();
  EXPECT_FALSE(one->give("data: later\n\n"));
}

TEST_F(Streams, AnswerHeadWithoutABody) {
  start();
  Client c(door_->port());
  c.send("HEAD /events HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(c.receive(true).status, 200);
  EXPECT_EQ(door_->counters().streams, 0);
}

TEST_F(Streams, TakeTextFromManyThreads) {
  start();
  std::vector<Client> clients;
  for (int i = 0; i < 8; ++i) clients.emplace_back(door_->port()).send(get("/events"));
  stream(7);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        for (std::size_t s = 0; s < 8; ++s) streams_[s]->give("data: x\n\n");
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const std::size_t size = std::string("event: hello\n\n").size() + 800 * std::string("data: x\n\n").size();
  for (auto& c : clients) {
    c.receive(true);
    EXPECT_EQ(c.receive_bytes(size).size(), size);
  }
}

}  // namespace
}  // namespace caravan::http::test
