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
#include <memory>
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
    "  {id} in path and body becomes a number of the range, {choice} one of the choices\n"
    "  --records FILE: lines `id version`; each connection owns a part of them. {id} becomes the next of its records, {version}\n"
    "  the version that its last answer's ETag named, {n} a number that no request before had. --once yes: each record once\n";

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

/// A record that one connection changes, and its version as the server last said.
struct Target {
  std::int64_t id = 0, version = 0;
};

std::vector<Target> read_targets(const std::string& file) {
  std::ifstream in(file);
  if (!in) Arguments::fail("cannot read " + file);
  std::vector<Target> targets;
  for (Target target; in >> target.id >> target.version;) targets.push_back(target);
  if (targets.empty()) Arguments::fail("no records in " + file);
  return targets;
}

/// A request whose places are filled in for each record.
class Template {
 public:
  explicit Template(const Arguments& arguments) {
    head_ = arguments.text("method", "PATCH") + " " + arguments.text("path") + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    for (const auto& header : arguments.all("header")) head_ += header + "\r\n";
    if (const auto file = arguments.text("body"); !file.empty()) {
      std::ifstream in(file, std::ios::binary);
      if (!in) Arguments::fail("cannot read " + file);
      body_.assign(std::istreambuf_iterator<char>(in), {});
    }
  }
  const std::string& fill(const Target& target, std::uint64_t n) {
    content_ = body_;
    request_ = head_;
    for (auto* text : {&request_, &content_}) {
      replace_all(*text, "{id}", std::to_string(target.id));
      replace_all(*text, "{version}", std::to_string(target.version));
      replace_all(*text, "{n}", std::to_string(n));
    }
    request_ += "Content-Length: " + std::to_string(content_.size()) + "\r\n\r\n";
    return request_ += content_;
  }

 private:
  std::string head_, body_, request_, content_;
};

struct Result {
  Latencies latencies;
  std::uint64_t total = 0, sent_bytes = 0;  ///< with the warm-up
  Clock::time_point last;                   ///< of the measured answers
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
      const auto tag = text.substr(0, end).find("ETag: \"");
      version = tag == std::string_view::npos ? 0 : std::strtoll(buffer_.data() + tag + 7, nullptr, 10);
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
  std::int64_t version = 0;  ///< of the ETag; 0: none
  std::vector<Target> targets;
  std::size_t target = 0;  ///< whose request is in flight
  std::size_t body_bytes = 0;
  std::string_view body;  ///< until the next receive()

 private:
  int fd_;
  std::vector<char> buffer_ = std::vector<char>(16384);
  std::size_t used_ = 0, total_ = 0;
};

/// `targets`: one list a connection, or none.
void run(const sockaddr_in& address, const std::vector<std::string>& requests, const Template& pattern,
         std::vector<std::vector<Target>> targets, bool once, std::size_t count, std::uint64_t first_n,
         Clock::time_point measure_from, Clock::time_point until, Result& result) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Connection>> connections;
  std::size_t next = 0;
  std::uint64_t n = first_n;
  Template filled = pattern;
  for (std::size_t i = 0; i < count; ++i) {
    connections.push_back(std::make_unique<Connection>(address));
    if (!targets.empty()) connections.back()->targets = std::move(targets[i]);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connections.back().get();
    epoll_ctl(epoll, EPOLL_CTL_ADD, connections.back()->fd(), &event);
  }
  bool exhausted = false;
  const auto send = [&](Connection& connection) {
    const auto& request = connection.targets.empty()
                              ? requests[next++ % requests.size()]
                              : filled.fill(connection.targets[connection.target], n++);
    result.sent_bytes += request.size();
    connection.send(request);
  };
  for (auto& connection : connections) send(*connection);
  std::vector<epoll_event> events(256);
  for (auto now = Clock::now(); now < until && !exhausted;) {
    const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 5000);
    if (ready == 0) Arguments::fail("no answer for five seconds");
    for (int i = 0; i < ready; ++i) {
      auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (!connection.receive()) continue;
      now = Clock::now();
      ++result.total;
      if (now >= measure_from && now < until) {
        result.latencies.micros.push_back(static_cast<std::uint32_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(now - connection.began).count()));
        ++result.statuses[connection.status];
        result.bytes += connection.body_bytes;
        result.last = now;
        if (connection.status >= 300 && result.first_error.empty())
          result.first_error = connection.body.substr(0, 500);
      }
      if (!connection.targets.empty()) {
        if (connection.version != 0) connection.targets[connection.target].version = connection.version;
        if (++connection.target == connection.targets.size()) {
          connection.target = 0;
          exhausted = exhausted || once;
        }
      }
      if (!exhausted) send(connection);
    }
  }
  ::close(epoll);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) Arguments::fail(usage);
  const Arguments arguments(argc, argv,
                            {"host", "port", "path", "method", "header", "body", "from", "to", "choices",
                             "connections", "threads", "seconds", "warmup", "records", "once"});
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
  const Template pattern(arguments);
  const bool once = arguments.text("once") == "yes";
  std::vector<std::vector<Target>> targets;
  if (const auto file = arguments.text("records"); !file.empty()) {
    targets.resize(static_cast<std::size_t>(connections));
    const auto all = read_targets(file);
    for (std::size_t i = 0; i < all.size(); ++i) targets[i % targets.size()].push_back(all[i]);
    if (all.size() < targets.size()) Arguments::fail("fewer records than connections");
  }
  const auto measure_from = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                               std::chrono::duration<double>(arguments.number("warmup", 1)));
  const auto until =
      measure_from + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::vector<std::thread> running;
  std::size_t given = 0;
  for (int i = 0; i < threads; ++i) {
    const auto index = static_cast<std::size_t>(i);
    const auto share = static_cast<std::size_t>(connections / threads + (i < connections % threads ? 1 : 0));
    std::vector<std::vector<Target>> own;
    for (std::size_t k = 0; k < share && !targets.empty(); ++k) own.push_back(std::move(targets[given + k]));
    given += share;
    running.emplace_back([&, index, share, own = std::move(own)]() mutable {
      run(address, requests[index], pattern, std::move(own), once, share, index * 1'000'000'000 + 1, measure_from, until,
          results[index]);
    });
  }
  for (auto& thread : running) thread.join();
  Result all;
  for (auto& result : results) {
    all.latencies.micros.insert(all.latencies.micros.end(), result.latencies.micros.begin(),
                                result.latencies.micros.end());
    for (const auto& [status, count] : result.statuses) all.statuses[status] += count;
    all.bytes += result.bytes;
    all.total += result.total;
    all.sent_bytes += result.sent_bytes;
    all.last = std::max(all.last, result.last);
    if (all.first_error.empty()) all.first_error = result.first_error;
  }
  const auto count = all.latencies.micros.size();
  std::uint64_t errors = 0;
  for (const auto& [status, times] : all.statuses) errors += status >= 300 ? times : 0;
  // Records that can be used once may end before the time does.
  const double measured =
      once && count > 0 ? std::chrono::duration<double>(all.last - measure_from).count() : seconds;
  std::printf(
      "{\"requests\":%zu,\"total\":%llu,\"request_bytes\":%.0f,\"per_second\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"errors\":%llu,\"body_bytes\":%"
      ".0f,\"statuses\":{",
      count, static_cast<unsigned long long>(all.total),
      all.total > 0 ? static_cast<double>(all.sent_bytes) / static_cast<double>(all.total) : 0.0,
      static_cast<double>(count) / measured, all.latencies.percentile(0.5),
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
