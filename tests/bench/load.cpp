// HTTP load: N keep-alive connections, each with one request in flight, prepared requests in random order.
// Prints one line of JSON.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <string_view>
#include <thread>

#include "arguments.h"

namespace {

using Clock = std::chrono::steady_clock;
using caravan::bench::Arguments;
using caravan::bench::Latencies;

constexpr const char* usage =
    "bench_load --port P --path PATH [--host 127.0.0.1] [--method GET] [--header 'A: b']... [--body FILE]\n"
    "  [--from ID --to ID] [--choices a,b] [--connections 16] [--threads 1] [--seconds 8] [--warmup 1]\n"
    "  {id} in path and body becomes a number of the range, {choice} one of the choices\n";

void replace_all(std::string& text, std::string_view what, const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

std::vector<std::string> prepare(const Arguments& arguments, unsigned seed) {
  std::string body;
  if (const auto file = arguments.text("body"); !file.empty()) {
    std::ifstream in(file, std::ios::binary);
    if (!in) Arguments::fail("cannot read " + file);
    body.assign(std::istreambuf_iterator<char>(in), {});
  }
  const auto method = arguments.text("method", "GET");
  const auto choices = arguments.list("choices");
  std::string fields = "Host: 127.0.0.1\r\n";
  for (const auto& header : arguments.all("header")) fields += header + "\r\n";
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<std::int64_t> ids(arguments.integer("from", 1), arguments.integer("to", 1));
  std::vector<std::string> requests(20'000);
  for (auto& request : requests) {
    auto path = arguments.text("path"), content = body;
    const auto id = std::to_string(ids(random));
    for (auto* text : {&path, &content}) {
      replace_all(*text, "{id}", id);
      if (!choices.empty()) replace_all(*text, "{choice}", choices[random() % choices.size()]);
    }
    request = method + " " + path + " HTTP/1.1\r\n" + fields;
    if (method != "GET") request += "Content-Length: " + std::to_string(content.size()) + "\r\n";
    request += "\r\n" + content;
  }
  return requests;
}

struct Result {
  Latencies latencies;
  std::map<int, std::uint64_t> statuses;
  std::uint64_t bytes = 0;
  std::string first_error;
};

class Connection {
 public:
  explicit Connection(const sockaddr_in& address) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      Arguments::fail(std::string("cannot connect: ") + std::strerror(errno));
    }
  }
  Connection(const Connection&) = delete;
  ~Connection() { ::close(fd_); }
  int fd() const { return fd_; }

  void send(const std::string& request) {
    began = Clock::now();
    std::string_view rest = request;
    while (!rest.empty()) {  // requests are small: the socket buffer takes them
      const auto sent = ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0) Arguments::fail(std::string("cannot send: ") + std::strerror(errno));
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// Reads what is there; true when the answer is complete.
  bool receive() {
    if (used_ == buffer_.size()) buffer_.resize(std::max<std::size_t>(16384, buffer_.size() * 2));
    const auto got = ::recv(fd_, buffer_.data() + used_, buffer_.size() - used_, MSG_DONTWAIT);
    if (got == 0) Arguments::fail("the server closed a connection");
    if (got < 0) {
      if (errno == EAGAIN || errno == EINTR) return false;
      Arguments::fail(std::string("cannot receive: ") + std::strerror(errno));
    }
    used_ += static_cast<std::size_t>(got);
    if (total_ == 0) {
      const std::string_view text(buffer_.data(), used_);
      const auto end = text.find("\r\n\r\n");
      if (end == std::string_view::npos) return false;
      status = std::atoi(buffer_.data() + 9);
      body_bytes = 0;
      const auto field = text.substr(0, end).find("Content-Length: ");
      if (field != std::string_view::npos)
        body_bytes = std::strtoull(buffer_.data() + field + 16, nullptr, 10);
      total_ = end + 4 + body_bytes;
    }
    if (used_ < total_) return false;
    body = std::string_view(buffer_.data() + total_ - body_bytes, body_bytes);
    used_ = total_ = 0;
    return true;
  }

  Clock::time_point began;
  int status = 0;
  std::size_t body_bytes = 0;
  std::string_view body;  ///< until the next receive()

 private:
  int fd_;
  std::vector<char> buffer_ = std::vector<char>(16384);
  std::size_t used_ = 0, total_ = 0;
};

void run(const sockaddr_in& address, const std::vector<std::string>& requests, int count,
         Clock::time_point measure_from, Clock::time_point until, Result& result) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Connection>> connections;
  std::size_t next = 0;
  for (int i = 0; i < count; ++i) {
    connections.push_back(std::make_unique<Connection>(address));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connections.back().get();
    epoll_ctl(epoll, EPOLL_CTL_ADD, connections.back()->fd(), &event);
  }
  for (auto& connection : connections) connection->send(requests[next++ % requests.size()]);
  std::vector<epoll_event> events(256);
  for (auto now = Clock::now(); now < until;) {
    const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 1000);
    if (ready == 0) Arguments::fail("no answer for a second");
    for (int i = 0; i < ready; ++i) {
      auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (!connection.receive()) continue;
      now = Clock::now();
      if (now >= measure_from && now < until) {
        result.latencies.micros.push_back(static_cast<std::uint32_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(now - connection.began).count()));
        ++result.statuses[connection.status];
        result.bytes += connection.body_bytes;
        if (connection.status >= 300 && result.first_error.empty())
          result.first_error = connection.body.substr(0, 500);
      }
      connection.send(requests[next++ % requests.size()]);
    }
  }
  ::close(epoll);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) Arguments::fail(usage);
  const Arguments arguments(argc, argv,
                            {"host", "port", "path", "method", "header", "body", "from", "to", "choices",
                             "connections", "threads", "seconds", "warmup"});
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(arguments.integer("port", 8080)));
  if (inet_pton(AF_INET, arguments.text("host", "127.0.0.1").c_str(), &address.sin_addr) != 1)
    Arguments::fail("--host wants an IPv4 address");
  const int threads = static_cast<int>(std::max<std::int64_t>(1, arguments.integer("threads", 1)));
  const int connections =
      static_cast<int>(std::max<std::int64_t>(threads, arguments.integer("connections", 16)));
  const double seconds = arguments.number("seconds", 8);
  std::vector<std::vector<std::string>> requests;
  for (int i = 0; i < threads; ++i) requests.push_back(prepare(arguments, static_cast<unsigned>(i + 1)));
  std::vector<Result> results(static_cast<std::size_t>(threads));
  const auto measure_from = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                               std::chrono::duration<double>(arguments.number("warmup", 1)));
  const auto until =
      measure_from + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    const auto index = static_cast<std::size_t>(i);
    const int share = connections / threads + (i < connections % threads ? 1 : 0);
    running.emplace_back(
        [&, index, share] { run(address, requests[index], share, measure_from, until, results[index]); });
  }
  for (auto& thread : running) thread.join();
  Result all;
  for (auto& result : results) {
    all.latencies.micros.insert(all.latencies.micros.end(), result.latencies.micros.begin(),
                                result.latencies.micros.end());
    for (const auto& [status, count] : result.statuses) all.statuses[status] += count;
    all.bytes += result.bytes;
    if (all.first_error.empty()) all.first_error = result.first_error;
  }
  const auto count = all.latencies.micros.size();
  std::uint64_t errors = 0;
  for (const auto& [status, times] : all.statuses) errors += status >= 300 ? times : 0;
  std::printf(
      "{\"requests\":%zu,\"per_second\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"errors\":%llu,\"body_bytes\":%"
      ".0f,\"statuses\":{",
      count, static_cast<double>(count) / seconds, all.latencies.percentile(0.5),
      all.latencies.percentile(0.99), static_cast<unsigned long long>(errors),
      count > 0 ? static_cast<double>(all.bytes) / static_cast<double>(count) : 0.0);
  const char* separator = "";
  for (const auto& [status, times] : all.statuses) {
    std::printf("%s\"%d\":%llu", separator, status, static_cast<unsigned long long>(times));
    separator = ",";
  }
  std::printf("}}\n");
  if (errors > 0) std::fprintf(stderr, "first error: %s\n", all.first_error.c_str());
  return errors > 0 || count == 0 ? 1 : 0;
}
