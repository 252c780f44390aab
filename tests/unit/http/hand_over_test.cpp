// One door after another on the same sockets: what clients notice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <latch>
#include <thread>

#include "client.h"
#include "http/front_door.h"

namespace caravan::http::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

/// The sockets that a supervisor keeps, and doors on them.
class HandOver : public testing::Test {
 protected:
  HandOver() {
    auto options = local_options();
    options.admin_socket = (std::filesystem::temp_directory_path() / ("caravan_hand_over_" + std::to_string(::getpid()))).string();
    kept_ = listen_on(options);
    options_ = options;
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair_.data()), 0);
  }
  ~HandOver() override {
    door_.reset();
    for (const int fd : {kept_.tcp, kept_.admin, pair_[0], pair_[1]}) ::close(fd);
    std::filesystem::remove(options_.admin_socket);
  }
  void start(std::function<api::Response(const api::Request&)> function = echo) {
    handler_ = std::make_unique<FunctionHandler>(std::move(function));
    options_.tcp_fd = ::dup(kept_.tcp);
    options_.admin_fd = ::dup(kept_.admin);
    options_.hand_over_to = ::dup(pair_[0]);
    options_.hand_over_from = ::dup(pair_[1]);
    door_ = FrontDoor::start(options_, *handler_);
    EXPECT_EQ(door_->port(), kept_.port);
  }
  void replace(double grace = 5) {
    door_->hand_over(grace);
    door_.reset();
  }

  FrontDoorOptions options_;
  Listeners kept_;
  std::array<int, 2> pair_{-1, -1};
  std::unique_ptr<FunctionHandler> handler_;
  std::unique_ptr<FrontDoor> door_;
};

TEST_F(HandOver, IdleConnectionsLiveOn) {
  start();
  std::vector<Client> clients;
  for (int i = 0; i < 600; ++i) clients.emplace_back(kept_.port);  // more than one message holds
  Client admin(options_.admin_socket);
  for (auto& client : clients) ASSERT_EQ(client.ask(get("/1")).status, 200);
  ASSERT_THAT(admin.ask(get("/1")).body, HasSubstr("admin=1"));
  for (int turn = 0; turn < 3; ++turn) {
    replace();
    // Between two doors nobody is refused: it waits.
    Client between(kept_.port);
    ASSERT_TRUE(between.send(get("/between")));
    clients[0].send(get("/early"));
    start();
    EXPECT_THAT(between.receive().body, HasSubstr("path=/between\n"));
    EXPECT_THAT(clients[0].receive().body, HasSubstr("path=/early\n"));
    for (auto& client : clients) ASSERT_THAT(client.ask(get("/2")).body, HasSubstr("path=/2\nremote=127.0.0.1\nsecure=0\nadmin=0"));
    ASSERT_THAT(admin.ask(get("/2")).body, HasSubstr("admin=1"));
  }
}

TEST_F(HandOver, ARequestInHandIsAnsweredAndItsConnectionLivesOn) {
  std::latch in_hand(1), go_on(1);
  start([&](const api::Request& request) {
    in_hand.count_down();
    go_on.wait();
    return echo(request);
  });
  Client client(kept_.port);
  client.send(get("/slow"));
  in_hand.wait();
  std::thread replacing([this] { replace(); });
  std::this_thread::sleep_for(milliseconds(100));
  go_on.count_down();
  const auto reply = client.receive();
  EXPECT_THAT(reply.body, HasSubstr("path=/slow\n"));
  EXPECT_FALSE(reply.has("Connection: close"));
  replacing.join();
  start();
  EXPECT_THAT(client.ask(get("/next")).body, HasSubstr("path=/next\n"));
}

TEST_F(HandOver, WhatHasArrivedOfAHeadGoesAlong) {
  start();
  Client half(kept_.port), kept(kept_.port);
  ASSERT_EQ(half.ask(get("/1")).status, 200);
  half.send("GET /half HTTP/1.1\r\nHost: a\r\nX-Th");
  kept.send("GET /first HTTP/1.1\r\nHo");  // the first of its connection
  std::this_thread::sleep_for(milliseconds(100));
  replace();
  half.send("ing: whole\r\n");
  start();
  half.send("\r\n");
  kept.send("st: a\r\n\r\n");
  const auto reply = half.receive();
  EXPECT_THAT(reply.body, HasSubstr("path=/half\n"));
  EXPECT_THAT(reply.body, HasSubstr("header.X-Thing=whole\n"));
  EXPECT_THAT(kept.receive().body, HasSubstr("path=/first\n"));
}

TEST_F(HandOver, ABodyOnItsWayIsWaitedFor) {
  start();
  Client client(kept_.port);
  client.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  std::this_thread::sleep_for(milliseconds(100));
  std::thread replacing([this] { replace(); });
  std::this_thread::sleep_for(milliseconds(100));
  client.send("def");
  EXPECT_EQ(client.receive().status, 200);
  replacing.join();
  start();
  EXPECT_EQ(client.ask(get("/next")).status, 200);
}

TEST_F(HandOver, AtTheGracesEndWhoIsStillAtItIsCutOff) {
  start();
  Client slow(kept_.port), idle(kept_.port);
  ASSERT_EQ(idle.ask(get("/1")).status, 200);
  slow.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  std::this_thread::sleep_for(milliseconds(100));
  const auto began = std::chrono::steady_clock::now();
  replace(0.2);
  EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(2000));
  EXPECT_TRUE(slow.closed());
  start();
  EXPECT_EQ(idle.ask(get("/2")).status, 200);
}

TEST_F(HandOver, StopClosesAsEver) {
  start();
  Client idle(kept_.port);
  ASSERT_EQ(idle.ask(get("/1")).status, 200);
  door_->stop(1);
  EXPECT_TRUE(idle.closed());
  EXPECT_TRUE(std::filesystem::exists(options_.admin_socket));  // of whoever bound it
}

TEST_F(HandOver, RubbishFromTheOtherSideIsLeftAlone) {
  ASSERT_EQ(::send(pair_[0], "x", 1, 0), 1);
  ASSERT_EQ(::send(pair_[0], "", 0, 0), 0);
  start();
  EXPECT_EQ(Client(kept_.port).ask(get("/1")).status, 200);
}

}  // namespace
}  // namespace caravan::http::test
