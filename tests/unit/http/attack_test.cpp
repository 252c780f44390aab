#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <random>
#include <thread>
#include <vector>

#include "client.h"

namespace caravan::http::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using namespace std::string_literals;

/// Room for both ends of the connections in this process.
void allow_files(rlim_t count) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_cur >= count) return;
  limit.rlim_cur = count;
  limit.rlim_max = std::max(limit.rlim_max, count);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0) << "the attack needs " << count << " open files";
}

constexpr std::size_t big = 4u << 20;

api::Response big_or_small(const api::Request& request) {
  api::Response response;
  response.body = request.path == "/big" ? std::string(big, 'x') : "small";
  return response;
}

/// Milliseconds until a new client has its answer; the worst of `tries`.
double new_client_ms(std::uint16_t port, int tries) {
  double worst = 0;
  for (int i = 0; i < tries; ++i) {
    const auto began = steady_clock::now();
    Client c(port);
    const auto reply = c.ask(get("/small"));
    EXPECT_EQ(reply.body, "small");
    worst = std::max(worst, std::chrono::duration<double, std::milli>(steady_clock::now() - began).count());
  }
  return worst;
}

int hung_up(const std::vector<Client>& clients) {
  return static_cast<int>(
      std::count_if(clients.begin(), clients.end(), [](const Client& c) { return c.hung_up(); }));
}

/// Until the handler has made all the answers asked for: making 800 MB of them takes the machine some hundred
/// ms.
void until_answers_are_made(FrontDoor& door, std::uint64_t requests) {
  while (door.counters().requests < requests || door.counters().queued > 0)
    std::this_thread::sleep_for(milliseconds(5));
  std::this_thread::sleep_for(milliseconds(200));
}

TEST(Attack, ClientsThatDoNotReadHoldNoWorker) {
  allow_files(2000);
  auto options = local_options();
  options.workers = 8;
  options.write_timeout = 3;
  FunctionHandler handler(big_or_small);
  const auto door = FrontDoor::start(options, handler);
  std::vector<Client> deaf;
  const auto began = steady_clock::now();
  for (int i = 0; i < 200; ++i) {
    deaf.emplace_back(door->port(), 4096);
    deaf.back().send(get("/big"));
  }
  until_answers_are_made(*door, 200);
  const auto worst = new_client_ms(door->port(), 20);
  std::printf("with 200 clients that do not read 4 MiB: a new client is answered in %.2f ms at worst\n",
              worst);
  EXPECT_LT(worst, 1000);
  while (hung_up(deaf) == 0 && steady_clock::now() < began + std::chrono::seconds(60))
    std::this_thread::sleep_for(milliseconds(10));
  EXPECT_GE(steady_clock::now() - began, milliseconds(2900)) << "cut off before the write deadline";
  while (hung_up(deaf) < 200 && steady_clock::now() < began + std::chrono::seconds(60))
    std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(hung_up(deaf), 200) << "cut off at the write deadline";
  for (int i = 0; i < 200 && door->counters().open_connections > 0; ++i)
    std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(door->counters().timed_out, 200u);
  EXPECT_EQ(door->counters().open_connections, 0);
}

TEST(Attack, ASlowReaderThatReadsIsServed) {
  auto options = local_options();
  FunctionHandler handler(big_or_small);
  const auto door = FrontDoor::start(options, handler);
  Client slow(door->port(), 65536);
  const auto reply = slow.ask(get("/big"));
  EXPECT_EQ(reply.body.size(), big);
  EXPECT_EQ(reply.body, std::string(big, 'x'));
}

TEST(Attack, ThreeThousandSlowClientsOfEveryKind) {
  allow_files(8000);
  auto options = local_options();
  options.workers = 8;
  options.header_timeout = 4;
  options.body_timeout = 4;
  options.write_timeout = 4;
  options.keep_alive_timeout = 30;
  FunctionHandler handler(big_or_small);
  const auto door = FrontDoor::start(options, handler);
  const auto port = door->port();
  std::vector<Client> idle, heads, bodies, deaf;
  for (int i = 0; i < 2000; ++i) {
    idle.emplace_back(port);
    idle.back().send(get("/small"));
  }
  for (auto& c : idle) ASSERT_EQ(c.receive().status, 200);
  for (int i = 0; i < 500; ++i) {
    heads.emplace_back(port);
    heads.back().send("GET /small HTTP/1.1\r\nHost: te");
  }
  for (int i = 0; i < 200; ++i) {
    bodies.emplace_back(port);
    bodies.back().send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nsome of it");
  }
  for (int i = 0; i < 200; ++i) {
    deaf.emplace_back(port, 4096);
    deaf.back().send(get("/big"));
  }
  until_answers_are_made(*door, 2200);
  // Some keep their connections warm byte by byte, as such attackers do.
  std::atomic<bool> over{false};
  std::thread drip([&] {
    while (!over) {
      for (std::size_t i = 0; i < 100; ++i) {
        heads[i].send("x");
        bodies[i].send("x");
      }
      std::this_thread::sleep_for(milliseconds(100));
    }
  });
  const auto worst = new_client_ms(port, 20);
  std::printf(
      "with 2,000 idle, 500 half heads, 200 slow bodies, 200 that do not read, 8 workers: a new client is "
      "answered in %.2f ms at worst\n",
      worst);
  EXPECT_LT(worst, 1000);
  const auto latest = steady_clock::now() + std::chrono::seconds(60);
  while (steady_clock::now() < latest &&
         (hung_up(heads) < 500 || hung_up(bodies) < 200 || hung_up(deaf) < 200)) {
    std::this_thread::sleep_for(milliseconds(50));
  }
  over = true;
  drip.join();
  EXPECT_EQ(hung_up(heads), 500);
  EXPECT_EQ(hung_up(bodies), 200);
  EXPECT_EQ(hung_up(deaf), 200);
  EXPECT_EQ(hung_up(idle), 0) << "idle ones have their own, longer time";
  EXPECT_EQ(door->counters().timed_out, 900u);
  EXPECT_EQ(idle.front().ask(get("/small")).status, 200);
  EXPECT_LT(new_client_ms(port, 5), 1000);
}

TEST(Attack, RunningOutOfFilesPausesAndRecovers) {
  auto options = local_options();
  options.keep_alive_timeout = 60;
  FunctionHandler handler(big_or_small);
  const auto door = FrontDoor::start(options, handler);
  Client before(door->port());
  EXPECT_EQ(before.ask(get("/small")).status, 200);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  // Clients connect first (the kernel accepts for the door), then the limit falls below what is open.
  int probe = ::dup(0);
  const rlimit tight{static_cast<rlim_t>(probe + 4), limit.rlim_max};
  ::close(probe);
  std::vector<Client> clients;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  try {
    for (int i = 0; i < 20; ++i) clients.emplace_back(door->port());
  } catch (const std::runtime_error&) {
    // no more descriptors: that is the point
  }
  rusage start_usage{}, end_usage{};
  getrusage(RUSAGE_SELF, &start_usage);
  std::this_thread::sleep_for(milliseconds(500));
  getrusage(RUSAGE_SELF, &end_usage);
  const auto cpu_ms = [](const rusage& u) {
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
  };
  EXPECT_LT(cpu_ms(end_usage) - cpu_ms(start_usage), 250)
      << "accepting again and again would burn the processor";
  EXPECT_EQ(before.ask(get("/small")).status, 200) << "those inside are served";
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  clients.clear();
  EXPECT_EQ(Client(door->port()).ask(get("/small")).status, 200);
}

/// Real requests with bytes changed, cut, doubled and joined.
TEST(Attack, MutatedRequestsNeverBreakIt) {
  auto options = local_options();
  options.header_timeout = options.body_timeout = 0.5;
  options.max_body_bytes = 100'000;
  options.spool_bytes = 1000;
  FunctionHandler handler(echo);
  const auto door = FrontDoor::start(options, handler);
  const std::vector<std::string> seeds{
      get("/a/b?x=1&y=%E7%8E%8B", "X-Forwarded-For: 1.2.3.4\r\nCookie: a=b\r\n"),
      "POST /api/v1/records/x HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: "
      "13\r\n\r\n{\"a\":\"b\\u00\"}",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n7D0\r\n" +
          std::string(2000, 'z') + "\r\n0\r\nTrailer: 1\r\n\r\n",
      "GET http://h.example:80/abs?q HTTP/1.1\r\nHost: other\r\nConnection: keep-alive, close\r\n\r\n",
      "HEAD / HTTP/1.0\r\nX: =?utf-8?Q?=0D=0A?=\r\nConnection: keep-alive\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nabcd"};
  std::mt19937 random(20261120);
  const auto below = [&random](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
  const auto interesting = "\r\n:;, \t\0%\x7f\xff=?0fF/#"s;
  int answered = 0;
  constexpr int rounds = 5000;
  for (int round = 0; round < rounds; ++round) {
    std::string text = seeds[below(seeds.size())];
    if (below(3) == 0) text += seeds[below(seeds.size())];
    for (std::size_t changes = 1 + below(6); changes-- > 0 && !text.empty();) {
      const auto at = below(text.size());
      switch (below(5)) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text[at] = interesting[below(interesting.size())];
          break;
        case 2:
          text.insert(at, 1, interesting[below(interesting.size())]);
          break;
        case 3:
          text.erase(at, 1 + below(8));
          break;
        default:
          text.insert(at, text.substr(below(text.size()), below(40)));
          break;
      }
    }
    Client c(door->port());
    const auto cut = below(text.size() + 1);
    c.send(std::string_view(text).substr(0, cut));
    if (below(4) == 0) std::this_thread::yield();
    c.send(std::string_view(text).substr(cut));
    c.finish_sending();
    if (c.receive(true, 2000).status != 0) ++answered;
  }
  std::printf("%d of %d mutated requests were answered\n", answered, rounds);
  EXPECT_GT(answered, rounds / 4);
  EXPECT_EQ(Client(door->port()).ask(get("/fine")).status, 200);
}

TEST(Attack, NoiseNeverBreaksIt) {
  auto options = local_options();
  FunctionHandler handler(echo);
  const auto door = FrontDoor::start(options, handler);
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 300, '\0');
    for (auto& byte : text) byte = static_cast<char>(random());
    if (round % 2 == 0) text.insert(0, "GET / HTTP/1.1\r\nHost: a\r\n");
    Client c(door->port());
    c.send(text);
    c.finish_sending();
    c.closed(1000);
  }
  EXPECT_EQ(Client(door->port()).ask(get("/fine")).status, 200);
}

}  // namespace
}  // namespace caravan::http::test
