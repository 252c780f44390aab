#include "http/front_door.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <latch>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "client.h"

namespace caravan::http::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using namespace std::string_literals;

class Door : public testing::Test {
 protected:
  void start(const FrontDoorOptions& options,
             std::function<api::Response(const api::Request&)> function = echo) {
    handler_ = std::make_unique<FunctionHandler>(std::move(function));
    door_ = FrontDoor::start(options, *handler_);
  }
  void start() { start(local_options()); }
  Client client(int receive_buffer = 0) { return Client(door_->port(), receive_buffer); }
  /// Waits until the door has that many connections.
  bool settles_at(int connections) {
    for (int i = 0; i < 500; ++i) {
      if (door_->counters().open_connections == connections) return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  }

  std::unique_ptr<FunctionHandler> handler_;
  std::unique_ptr<FrontDoor> door_;
};

TEST_F(Door, AnswersAndKeepsTheConnection) {
  start();
  auto c = client();
  for (int i = 0; i < 3; ++i) {
    const auto reply = c.ask(get("/a%20b?x=1&y=%E7%8E%8B", "X-Thing: \t v \r\n"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_THAT(
        reply.body,
        HasSubstr("method=GET\npath=/a b\nremote=127.0.0.1\nsecure=0\nadmin=0\nquery.x=1\nquery.y=王\n"));
    EXPECT_THAT(reply.body, HasSubstr("header.X-Thing=v\n"));
    EXPECT_TRUE(reply.has("HTTP/1.1 200 OK\r\n"));
    EXPECT_TRUE(reply.has("\r\nDate: "));
    EXPECT_TRUE(reply.has(" GMT\r\n"));
    EXPECT_TRUE(reply.has("\r\nX-Content-Type-Options: nosniff\r\n"));
    EXPECT_FALSE(reply.has("Connection:"));
  }
  EXPECT_EQ(door_->counters().accepted, 1u);
  EXPECT_EQ(door_->counters().requests, 3u);
}

TEST_F(Door, ClosesWhenAsked) {
  start();
  auto c = client();
  auto reply = c.ask(get("/", "Connection: close\r\n"));
  EXPECT_TRUE(reply.has("Connection: close\r\n"));
  EXPECT_TRUE(c.closed(500));

  auto old = client();
  EXPECT_TRUE(old.ask("GET / HTTP/1.0\r\n\r\n").has("Connection: close\r\n"));
  EXPECT_TRUE(old.closed(500));

  auto old_kept = client();
  EXPECT_TRUE(
      old_kept.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").has("Connection: keep-alive\r\n"));
  EXPECT_EQ(old_kept.ask("GET / HTTP/1.0\r\n\r\n").status, 200);
}

TEST_F(Door, AnswersAClientThatHasFinishedSending) {
  start();
  auto c = client();
  c.send(get("/1") + get("/2"));
  c.finish_sending();
  EXPECT_THAT(c.receive().body, HasSubstr("path=/1\n"));
  EXPECT_THAT(c.receive().body, HasSubstr("path=/2\n"));
  EXPECT_TRUE(c.closed(500));
}

TEST_F(Door, KeepsPipelinedRequestsInOrder) {
  auto options = local_options();
  options.workers = 8;
  start(options, [](const api::Request& request) {
    // The earlier ones take longer, so that an answer out of order would show.
    std::this_thread::sleep_for(
        milliseconds(std::max(0, 20 - std::stoi(std::string(request.path.substr(1))))));
    return echo(request);
  });
  auto c = client();
  std::string all;
  for (int i = 0; i < 50; ++i) {
    const auto path = "/" + std::to_string(i);
    if (i % 3 == 0) all += get(path);
    if (i % 3 == 1) all += "POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    if (i % 3 == 2)
      all += "POST " + path +
             " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
  }
  c.send(all);
  for (int i = 0; i < 50; ++i) {
    const auto body = c.receive().body;
    ASSERT_THAT(body, HasSubstr("path=/" + std::to_string(i) + "\n"));
    ASSERT_THAT(body, HasSubstr(i % 3 == 0 ? "\nbody=\n" : "\nbody=abc\n"));
  }
  EXPECT_EQ(c.buffered(), 0u);
}

TEST_F(Door, TakesRequestsByteByByte) {
  start();
  auto c = client();
  const std::string request =
      "\r\nPOST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n";
  for (int round = 0; round < 2; ++round) {
    for (char byte : request) {
      c.send({&byte, 1});
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    EXPECT_THAT(c.receive().body, HasSubstr("body=abc0123456789\n"));
  }
}

TEST_F(Door, HeadHasNoBodyButItsLength) {
  start();
  auto c = client();
  const auto reply = c.ask("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n", true);
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.has("Content-Length: "));
  EXPECT_FALSE(reply.has("Content-Length: 0"));
  EXPECT_THAT(c.ask(get("/next")).body, HasSubstr("path=/next\n"));  // no stray body in between
}

TEST_F(Door, EmptyStatusesHaveNoBody) {
  start(local_options(), [](const api::Request& request) {
    api::Response response;
    response.status = request.path == "/304" ? 304 : 204;
    response.body = "must not be sent";
    response.headers.emplace_back("ETag", "\"7\"");
    return response;
  });
  auto c = client();
  for (const char* path : {"/204", "/304", "/204"}) {
    const auto reply = c.ask(get(path));
    EXPECT_FALSE(reply.has("Content-Length"));
    EXPECT_FALSE(reply.has("\r\nContent-Type:"));
    EXPECT_TRUE(reply.has("ETag: \"7\"\r\n"));
    EXPECT_EQ(c.buffered(), 0u);
  }
}

TEST_F(Door, HandlersCannotBreakTheFraming) {
  start(local_options(), [](const api::Request& request) {
    api::Response response;
    response.body = "12345";
    if (request.path == "/split") response.headers.emplace_back("X", "a\r\nSet-Cookie: evil=1");
    if (request.path == "/name") response.headers.emplace_back("X Y", "a");
    if (request.path == "/type") response.content_type = "a\nb";
    if (request.path == "/status") response.status = 99;
    if (request.path == "/own") {
      response.headers.emplace_back("content-length", "1");
      response.headers.emplace_back("Transfer-Encoding", "chunked");
      response.headers.emplace_back("Connection", "close");
    }
    return response;
  });
  auto c = client();
  for (const char* path : {"/split", "/name", "/type", "/status"}) {
    const auto reply = c.ask(get(path));
    EXPECT_EQ(reply.status, 500) << path;
    EXPECT_FALSE(reply.has("evil")) << path;
  }
  const auto reply = c.ask(get("/own"));
  EXPECT_EQ(reply.body, "12345");
  EXPECT_FALSE(reply.has("chunked"));
  EXPECT_FALSE(reply.has("close"));
}

TEST_F(Door, AHandlerThatThrowsIsA500) {
  start(local_options(), [](const api::Request&) -> api::Response { throw std::runtime_error("secret"); });
  auto c = client();
  for (int i = 0; i < 2; ++i) {
    const auto reply = c.ask(get("/"));
    EXPECT_EQ(reply.status, 500);
    EXPECT_THAT(reply.body, Not(HasSubstr("secret")));
  }
}

TEST_F(Door, RefusesWithAProblemAndCloses) {
  auto options = local_options();
  options.max_body_bytes = 1000;
  options.max_header_bytes = 4000;
  start(options);
  struct Case {
    int status;
    std::string request;
  };
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\n";
  for (const auto& [status, request] :
       std::vector<Case>{{400, "GET / HTTP/1.1\r\n\r\n"},
                         {400, "GET / HTTP/1.1\nHost: a\n\n"},
                         {400, "GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n"},
                         {400, "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n"},
                         {400, "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n"s},
                         {400, post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
                         {400, post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"},
                         {400, post + "Content-Length: x\r\n\r\n"},
                         {400, post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"},
                         {400, post + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcX"},
                         {400, "\x16\x03\x01\x02"},
                         {413, post + "Content-Length: 1001\r\n\r\n"},
                         {413, post + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'a')},
                         {414, "GET /" + std::string(4000, 'a')},
                         {417, post + "Expect: the-unexpected\r\nContent-Length: 3\r\n\r\nabc"},
                         {431, "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(4000, 'a')},
                         {501, post + "Transfer-Encoding: gzip\r\n\r\n"},
                         {501, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"},
                         {505, "GET / HTTP/3.0\r\nHost: a\r\n\r\n"}}) {
    auto c = client();
    const auto reply = c.ask(request);
    EXPECT_EQ(reply.status, status) << request;
    EXPECT_TRUE(reply.has("Content-Type: application/problem+json\r\n")) << request;
    EXPECT_TRUE(reply.has("Connection: close\r\n")) << request;
    EXPECT_THAT(reply.body, HasSubstr("\"status\":" + std::to_string(status))) << request;
    const auto id = reply.head.substr(reply.head.find("X-Request-Id: ") + 14, 26);
    EXPECT_THAT(reply.body, HasSubstr("\"request_id\":\"" + id + "\"")) << request;
    EXPECT_TRUE(c.closed(500)) << request;
  }
  EXPECT_EQ(door_->counters().requests, 0u);
  EXPECT_EQ(door_->counters().refused, 19u);
}

TEST_F(Door, ARefusedUploadStillGetsItsAnswer) {
  auto options = local_options();
  options.max_body_bytes = 1000;
  start(options);
  auto c = client();
  c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n");
  std::thread sender(
      [&c] { c.send(std::string(8'000'000, 'a')); });  // goes on sending for a while, as clients do
  EXPECT_EQ(c.receive().status, 413);
  sender.join();
}

TEST_F(Door, InvalidAddressesAre400AndKeepTheConnection) {
  start();
  auto c = client();
  for (const char* path :
       {"/%", "/%zz", "/%00", "/a%2fb", "/../etc/passwd", "/%2e%2e/x", "/%ff", "/?q=%f", "/?q=%ff"}) {
    EXPECT_EQ(c.ask(get(path)).status, 400) << path;
  }
  EXPECT_EQ(c.ask(get("/fine")).status, 200);
}

TEST_F(Door, TakesTheAbsoluteForm) {
  start();
  auto c = client();
  const auto body = c.ask("GET http://one.example:81/x?y=1 HTTP/1.1\r\nHost: two.example\r\n\r\n").body;
  EXPECT_THAT(body, HasSubstr("path=/x\n"));
  EXPECT_THAT(body, HasSubstr("header.Host=one.example:81\n"));
  EXPECT_THAT(body, Not(HasSubstr("two.example")));
}

TEST_F(Door, EncodedWordsInFieldsStayAsTheyAre) {
  start();
  auto c = client();
  const auto reply = c.ask(
      get("/p?a==?b", "X: =?utf-8?Q?a=0D=0AInjected:_1?=\r\nReferer: http://h/?a=?x?y?z?=\r\nX: two\r\n"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr("query.a==?b\n"));
  EXPECT_THAT(reply.body, HasSubstr("header.X==?utf-8?Q?a=0D=0AInjected:_1?=\n"));
  EXPECT_THAT(reply.body, HasSubstr("header.Referer=http://h/?a=?x?y?z?=\n"));
  EXPECT_THAT(reply.body, HasSubstr("header.X=two\n"));
  EXPECT_THAT(c.ask(get("/q", "X: plain\r\n")).body, HasSubstr("header.X=plain\n"));
}

TEST_F(Door, TakesAHundredFields) {
  start();
  auto c = client();
  std::string fields;
  for (int i = 0; i < 99; ++i) fields += "X-" + std::to_string(i) + ": " + std::to_string(i) + "\r\n";
  EXPECT_THAT(c.ask(get("/", fields)).body, HasSubstr("header.X-98=98\n"));
  EXPECT_EQ(c.ask(get("/", "X: " + std::string(8000, 'v') + "\r\n")).status, 200);
  EXPECT_EQ(c.ask(get("/" + std::string(15'999, 'p'))).status, 200);
}

TEST_F(Door, ContinuesOnlyWhenTheClientWaits) {
  start();
  auto c = client();
  c.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(c.receive().status, 100);
  EXPECT_THAT(c.ask("abc").body, HasSubstr("body=abc\n"));
  EXPECT_THAT(
      c.ask("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc").body,
      HasSubstr("body=abc\n"));
  c.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(c.receive().status, 100);
  EXPECT_THAT(c.ask("1\r\nx\r\n0\r\n\r\n").body, HasSubstr("body=x\n"));
}

TEST_F(Door, SpoolsLargeBodies) {
  auto options = local_options();
  options.spool_bytes = 1000;
  std::atomic<std::size_t> expected{0};
  start(options, [&expected](const api::Request& request) {
    api::Response response;
    bool same = request.body.size() == expected;
    for (std::size_t i = 0; i < request.body.size(); ++i)
      same = same && request.body[i] == static_cast<char>('a' + i % 26);
    response.body = same ? "same" : "different";
    return response;
  });
  auto c = client();
  for (std::size_t size : {999u, 1000u, 1001u, 70'000u, 3'000'000u}) {
    expected = size;
    std::string body(size, ' ');
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + i % 26);
    EXPECT_EQ(
        c.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + body)
            .body,
        "same")
        << size;
    char hex[16];
    std::snprintf(hex, sizeof hex, "%zx", size);
    EXPECT_EQ(c.ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(hex) +
                    "\r\n" + body + "\r\n0\r\n\r\n")
                  .body,
              "same")
        << size;
  }
}

TEST_F(Door, ASpoolThatCannotBeMadeIs503) {
  auto options = local_options();
  options.spool_bytes = 10;
  const char* old = std::getenv("TMPDIR");
  const std::string saved = old != nullptr ? old : "";
  ::setenv("TMPDIR", "/nonexistent", 1);
  start(options);
  auto c = client();
  EXPECT_EQ(c.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n" + std::string(30, 'x')).status,
            503);
  door_->stop(0);
  if (old != nullptr)
    ::setenv("TMPDIR", saved.c_str(), 1);
  else
    ::unsetenv("TMPDIR");
}

TEST_F(Door, WhoDoesNotSayWhoHeIsBringsLess) {
  auto options = local_options();
  options.max_anonymous_body_bytes = 100;
  start(options);
  const std::string body(101, 'x');
  const auto post = [&](const std::string& header) {
    auto c = client();
    return c.ask("POST / HTTP/1.1\r\nHost: a\r\n" + header + "Content-Length: 101\r\n\r\n" + body).status;
  };
  EXPECT_EQ(post(""), 413);
  EXPECT_EQ(post("X-Cookie: a=b\r\n"), 413);
  EXPECT_EQ(post("authorization: Bearer abc\r\n"), 200);
  EXPECT_EQ(post("Cookie: a=b\r\n"), 200);
  auto c = client();
  EXPECT_EQ(c.ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + body + "\r\n0\r\n\r\n").status, 413);
  auto small = client();
  EXPECT_EQ(small.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n" + body.substr(1)).status, 200);
}

TEST_F(Door, BodiesInFilesHaveABoundTogether) {
  auto options = local_options();
  options.spool_bytes = 10;
  options.max_spooled_bytes = 100'000;
  start(options);
  const auto head = [](std::size_t size) { return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n"; };
  auto slow = client(), other = client(), later = client();
  slow.send(head(80'000) + std::string(70'000, 'x'));
  ASSERT_EQ(other.ask(get("/")).status, 200);  // what was sent before has been read
  auto refused = other.ask(head(40'000) + std::string(40'000, 'x'));
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.body, HasSubstr("room"));
  EXPECT_EQ(slow.ask(std::string(10'000, 'x')).status, 200);
  EXPECT_EQ(later.ask(head(40'000) + std::string(40'000, 'x')).status, 200) << "room is given back";
}

TEST_F(Door, DeadlinesCloseTheSlow) {
  auto options = local_options();
  options.header_timeout = 0.3;
  options.body_timeout = 0.4;
  options.keep_alive_timeout = 0.6;
  start(options);
  auto idle = client(), used = client(), head = client(), trickle = client(), body = client(),
       fresh = client();
  EXPECT_EQ(used.ask(get("/")).status, 200);
  head.send("GET / HTTP/1.1\r\nHos");
  body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  std::thread drip([&trickle] {
    for (int i = 0; i < 100 && trickle.send("X"); ++i) std::this_thread::sleep_for(milliseconds(20));
  });
  const auto began = std::chrono::steady_clock::now();
  const auto elapsed = [began] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  };
  auto reply = head.receive();
  EXPECT_EQ(reply.status, 408);
  EXPECT_THAT(reply.body, HasSubstr("\"code\":\"timeout\""));
  EXPECT_NEAR(elapsed(), 0.3, 0.15);
  EXPECT_EQ(trickle.receive().status, 408);  // bytes now and then do not prolong it
  EXPECT_NEAR(elapsed(), 0.3, 0.2);
  EXPECT_EQ(body.receive().status, 408);
  EXPECT_NEAR(elapsed(), 0.4, 0.2);
  EXPECT_TRUE(idle.closed(1000));
  EXPECT_TRUE(used.closed(1000));
  EXPECT_NEAR(elapsed(), 0.6, 0.3);
  drip.join();
  EXPECT_TRUE(head.closed(100));
  EXPECT_EQ(door_->counters().timed_out, 3u);
}

TEST_F(Door, AKeptConnectionHasItsFullTimeAgain) {
  auto options = local_options();
  options.keep_alive_timeout = 0.4;
  options.header_timeout = 0.2;
  start(options);
  auto c = client();
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(milliseconds(250));
    c.send("GET / HTTP/1.1\r\n");
    std::this_thread::sleep_for(milliseconds(50));
    ASSERT_EQ(c.ask("Host: a\r\n\r\n").status, 200) << i;
  }
}

/// A handler that waits until it is let go.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  int inside = 0;
  api::Response operator()(const api::Request& request) {
    std::unique_lock lock(mutex);
    ++inside;
    changed.notify_all();
    changed.wait(lock, [this] { return open; });
    return echo(request);
  }
  void wait_for(int count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return inside >= count; });
  }
  void let_go() {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
};

TEST_F(Door, AFullQueueIs503WithRetryAfter) {
  auto options = local_options();
  options.workers = 1;
  options.queue = 2;
  Gate gate;
  start(options, [&gate](const api::Request& request) { return gate(request); });
  auto first = client();
  first.send(get("/1"));
  gate.wait_for(1);
  auto second = client(), third = client(), fourth = client();
  second.send(get("/2"));
  third.send(get("/3"));
  while (door_->counters().queued < 2) std::this_thread::sleep_for(milliseconds(1));
  const auto reply = fourth.ask(get("/4"));
  EXPECT_EQ(reply.status, 503);
  EXPECT_TRUE(reply.has("Retry-After: 1\r\n"));
  EXPECT_THAT(reply.body, HasSubstr("\"code\":\"unavailable\""));
  gate.let_go();
  EXPECT_EQ(first.receive().status, 200);
  EXPECT_EQ(second.receive().status, 200);
  EXPECT_EQ(third.receive().status, 200);
  EXPECT_EQ(fourth.ask(get("/5")).status, 200);  // the refused one may go on
}

TEST_F(Door, TooManyConnectionsAreTurnedAway) {
  auto options = local_options();
  options.max_connections = 3;
  start(options);
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(client());
    EXPECT_EQ(clients.back().ask(get("/")).status, 200);
  }
  auto extra = client();
  const auto reply = extra.receive();
  EXPECT_EQ(reply.status, 503);
  EXPECT_TRUE(reply.has("Retry-After: 1\r\n"));
  EXPECT_TRUE(extra.closed(500));
  clients.pop_back();
  ASSERT_TRUE(settles_at(2));
  EXPECT_EQ(client().ask(get("/")).status, 200);
}

TEST_F(Door, CapsOneAddressButNotAProxy) {
  auto options = local_options();
  options.max_connections_per_address = 2;
  start(options);
  auto a = client(), b = client();
  EXPECT_EQ(a.ask(get("/")).status, 200);
  EXPECT_EQ(b.ask(get("/")).status, 200);
  EXPECT_EQ(client().receive().status, 503);

  options.trusted_proxies = {"127.0.0.0/8"};
  start(options);
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(client());
    EXPECT_EQ(clients.back().ask(get("/")).status, 200);
  }
}

TEST_F(Door, BelievesOnlyTrustedProxies) {
  const std::string fields = "X-Forwarded-For: 6.6.6.6, 203.0.113.5\r\nX-Forwarded-Proto: https\r\n";
  start();
  EXPECT_THAT(client().ask(get("/", fields)).body, HasSubstr("remote=127.0.0.1\nsecure=0\n"));
  auto options = local_options();
  options.trusted_proxies = {"127.0.0.1"};
  start(options);
  EXPECT_THAT(client().ask(get("/", fields)).body, HasSubstr("remote=203.0.113.5\nsecure=1\n"));
  EXPECT_THAT(client().ask(get("/", "X-Forwarded-Proto: https, http\r\n")).body,
              HasSubstr("remote=127.0.0.1\nsecure=0\n"));
  options.trusted_proxies = {"everyone"};
  EXPECT_THROW(FrontDoor::start(options, *handler_), Error);
}

TEST_F(Door, AdminSocketIsForItsOwner) {
  auto options = local_options();
  const auto path =
      std::filesystem::temp_directory_path() / ("caravan-admin-" + std::to_string(::getpid()) + ".sock");
  options.admin_socket = path;
  start(options);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
  Client c(path.string());
  EXPECT_THAT(c.ask(get("/x", "X-Forwarded-For: 1.2.3.4\r\n")).body,
              HasSubstr("remote=unix\nsecure=0\nadmin=1\n"));
  EXPECT_THAT(client().ask(get("/x")).body, HasSubstr("admin=0\n"));

  try {
    FrontDoor::start(options, *handler_);
    FAIL() << "a second server took the socket over";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unavailable);
    EXPECT_THAT(error.message(), HasSubstr(path.string()));
  }
  door_->stop(1);
  EXPECT_FALSE(std::filesystem::exists(path));

  // Left over by a server that was killed: taken over. A file that is no socket: not.
  const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.native().size() + 1);
  ASSERT_EQ(::bind(left, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(left);
  start(options);
  EXPECT_EQ(Client(path.string()).ask(get("/")).status, 200);
  door_->stop(1);
  {
    const std::unique_ptr<std::FILE, decltype(&std::fclose)> file(std::fopen(path.c_str(), "w"), std::fclose);
  }
  EXPECT_THROW(FrontDoor::start(options, *handler_), Error);
  EXPECT_TRUE(std::filesystem::is_regular_file(path));
  std::filesystem::remove(path);
  options.admin_socket = "/tmp/" + std::string(200, 'x');
  EXPECT_THROW(FrontDoor::start(options, *handler_), Error);
}

TEST_F(Door, AnAddressInUseIsSaid) {
  start();
  auto options = local_options();
  options.port = door_->port();
  try {
    FrontDoor::start(options, *handler_);
    FAIL() << "bound twice";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unavailable);
    EXPECT_THAT(error.message(), HasSubstr("127.0.0.1 port " + std::to_string(options.port)));
  }
  options.address = "no.such.host.invalid";
  EXPECT_THROW(FrontDoor::start(options, *handler_), Error);
}

TEST_F(Door, SpeaksIpv6) {
  auto options = local_options();
  options.address = "::1";
  start(options);
  const int fd = ::socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  address.sin6_port = htons(door_->port());
  ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string request = get("/", "Connection: close\r\n");
  ASSERT_EQ(::send(fd, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::recv(fd, buffer, sizeof buffer, 0)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  ::close(fd);
  EXPECT_THAT(text, HasSubstr("remote=::1\n"));
}

TEST_F(Door, StopLetsRequestsInHandFinish) {
  auto options = local_options();
  Gate gate;
  start(options, [&gate](const api::Request& request) { return gate(request); });
  auto busy = client(), idle = client(), half = client();
  const auto port = door_->port();
  busy.send(get("/busy"));
  half.send("GET / HT");
  gate.wait_for(1);
  std::thread stopper([this] { door_->stop(10); });
  EXPECT_TRUE(idle.closed(2000));
  EXPECT_TRUE(half.closed(2000));
  EXPECT_THROW(Client{port}, std::runtime_error);
  gate.let_go();
  const auto reply = busy.receive();
  EXPECT_EQ(reply.status, 200);
  { auto gone = std::move(busy); }
  stopper.join();
  door_->stop(10);  // again: nothing
  EXPECT_EQ(door_->counters().open_connections, 0);
}

TEST_F(Door, StopWaitsNoLongerThanItsGrace) {
  auto options = local_options();
  start(options, [](const api::Request&) {
    api::Response response;
    response.body.assign(32u << 20, 'x');
    return response;
  });
  auto c = client(4096);
  c.send(get("/"));
  std::this_thread::sleep_for(milliseconds(200));
  const auto began = std::chrono::steady_clock::now();
  door_->stop(0.3);
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  EXPECT_GE(took, 0.25);
  EXPECT_LT(took, 1.5);
}

TEST_F(Door, AnAnswerBeyondItsBoundIsA500) {
  auto options = local_options();
  options.max_output_bytes = 1000;
  start(options, [](const api::Request& request) {
    api::Response response;
    response.body.assign(request.path == "/big" ? 1001 : 1000, 'x');
    return response;
  });
  auto c = client();
  EXPECT_EQ(c.ask(get("/big")).status, 500);
  EXPECT_EQ(c.ask(get("/fits")).body.size(), 1000u);
}

TEST_F(Door, AllUnsentAnswersTogetherAreBounded) {
  auto options = local_options();
  options.max_output_bytes = 4u << 20;  // so 64 MiB in all
  start(options, [](const api::Request& request) {
    api::Response response;
    response.body.assign(request.path == "/big" ? 4u << 20 : 5, 'x');
    return response;
  });
  std::vector<Client> deaf;
  for (int i = 0; i < 40; ++i) {
    deaf.push_back(client(4096));
    deaf.back().send(get("/big"));
    while (door_->counters().requests <= static_cast<unsigned>(i))
      std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_TRUE(settles_at(16)) << "the slowest are cut off";
  EXPECT_EQ(door_->counters().timed_out, 24u);
  EXPECT_TRUE(deaf.front().hung_up());
  EXPECT_FALSE(deaf.back().hung_up());
  EXPECT_EQ(client().ask(get("/small")).body, "xxxxx");
}

TEST_F(Door, AllBodiesTogetherInMemoryAreBounded) {
  auto options = local_options();
  options.spool_bytes = 20'000;  // so 5 MB in all
  start(options);
  constexpr std::size_t size = 19'500;
  std::vector<Client> clients;
  std::vector<std::string> bodies;
  for (int i = 0; i < 300; ++i) {
    clients.push_back(client());
    bodies.push_back(std::to_string(i) + std::string(size, static_cast<char>('a' + i % 26)));
    bodies.back().resize(size);
    clients.back().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
                        bodies.back().substr(0, size - 1));
  }
  std::this_thread::sleep_for(milliseconds(200));
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    files += std::filesystem::read_symlink(entry.path(), gone).string().find("(deleted)") != std::string::npos
                 ? 1
                 : 0;
  }
  EXPECT_GE(files, 300 - 5'120'000 / 19'499 - 1);
  EXPECT_LT(files, 100);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    EXPECT_THAT(clients[i].ask(bodies[i].substr(size - 1)).body, HasSubstr("body=" + bodies[i] + "\n")) << i;
  }
}

TEST_F(Door, ManyClientsAtOnce) {
  auto options = local_options();
  options.workers = 4;
  start(options);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      auto c = client();
      for (int i = 0; i < 200; ++i) {
        const auto mark = std::to_string(t * 1000 + i);
        std::string body(static_cast<std::size_t>(i * 37), 'b');
        body += mark;
        const auto reply =
            c.ask("POST /" + mark + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
                  "\r\n\r\n" + body);
        if (reply.status != 200 || reply.body.find("path=/" + mark + "\n") == std::string::npos ||
            reply.body.find("body=" + body + "\n") == std::string::npos) {
          ++wrong;
        }
        if (i % 50 == 49) {
          auto other = client();  // leaves in the middle of things
          other.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\nabc");
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(door_->counters().requests, 1600u);
  EXPECT_TRUE(settles_at(0));
}

}  // namespace
}  // namespace caravan::http::test
