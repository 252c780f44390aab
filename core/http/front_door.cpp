#include "http/front_door.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <deque>
#include <limits>
#include <mutex>
#include <queue>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "http/answer.h"
#include "http/body.h"
#include "http/client_address.h"
#include "http/framing.h"
#include "http/poco_adapter.h"

/// A connection's life, all of it in the epoll thread:
///
///   idle ── first byte ──> head ── empty line ──> body ── complete ──> handling ── answer ──> writing ──>
///   idle
///                            └── refused ─────────────┴──────────────────────────────────────────> writing
///                            ──> lingering ──> closed
///
/// Only `handling` needs a worker, and the worker sees no socket: it gets a Job (bytes) and gives back a Done
/// (bytes). While a request is in hand nothing more is read, so pipelined requests wait in the kernel and
/// stay in order. An answer without an end (server-sent events) goes from `writing` to `streaming`: the connection only
/// receives, and what a stream's sink is given travels to the epoll thread in the Mailbox.
namespace caravan::http {
namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;
constexpr Time never = Time::max();

/// Bodies in memory of all connections together, in `spool_bytes`; beyond it they go to files from 16 KiB on.
constexpr std::size_t spooled_bodies_in_memory = 256;
/// Unsent answers of all connections together, in `max_output_bytes`; beyond it the slowest reader is cut
/// off.
constexpr std::size_t largest_answers_in_memory = 16;
constexpr std::size_t read_size = 64 * 1024;
constexpr int unsent_in_kernel = 256 * 1024;
/// Read from one connection before the others have their turn.
constexpr std::size_t read_turn = 256 * 1024;
/// Least bytes a second of large uploads and of files that are drained, beyond the ordinary time.
constexpr double least_upload_rate = 64 * 1024, least_file_rate = 16 * 1024;
/// After an answer that ends the connection, so that the client reads it before a reset arrives.
constexpr auto linger_time = std::chrono::seconds(2);
constexpr auto accept_pause = std::chrono::milliseconds(100);
constexpr auto retry_after_seconds = 1;

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Fd() { reset(); }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

Clock::duration seconds(double value) {
  return std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(std::clamp(value, 0.0, 1e7)));
}

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorCode::unavailable, what + ": " + std::strerror(errno));
}

struct Job {
  std::uint64_t connection = 0;
  std::string head;
  Body body;
  Origin origin;
  AnswerStyle style;
};

struct Done {
  std::uint64_t connection = 0;
  Answer answer;
};

/// What both sides of a stream know of each other.
struct StreamState {
  std::atomic<bool> gone{false};         ///< nothing more is taken
  std::atomic<bool> cut{false};          ///< for its client read too slowly
  std::atomic<std::size_t> unread{0};  ///< bytes that were given and are not sent yet
};

/// What was given to streams, on its way to the epoll thread. Outlives the door where a sink does.
class Mailbox {
 public:
  explicit Mailbox(int wake) : wake_(wake) {}
  void post(std::uint64_t connection, std::string_view text) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    if (posts_.empty()) {
      const std::uint64_t one = 1;
      [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
    }
    posts_.emplace_back(connection, text);
  }
  void take(std::vector<std::pair<std::uint64_t, std::string>>& out) {
    const std::lock_guard lock(mutex_);
    out.swap(posts_);
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    posts_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<std::pair<std::uint64_t, std::string>> posts_;
  const int wake_;
  bool closed_ = false;
};

/// Complete requests on their way to the workers.
class JobQueue {
 public:
  explicit JobQueue(std::size_t bound) : bound_(bound) {}
  /// False where it is full; `job` is untouched then.
  bool push(Job& job) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || jobs_.size() >= bound_) return false;
      jobs_.push_back(std::move(job));
    }
    ready_.notify_one();
    return true;
  }
  /// Waits; false when the queue is closed.
  bool pop(Job& job) {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [this] { return closed_ || !jobs_.empty(); });
    if (closed_) return false;
    job = std::move(jobs_.front());
    jobs_.pop_front();
    return true;
  }
  /// Drops what waits.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      jobs_.clear();
    }
    ready_.notify_all();
  }
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return jobs_.size();
  }

 private:
  const std::size_t bound_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Job> jobs_;
  bool closed_ = false;
};

enum class State : std::uint8_t { idle, head, body, handling, writing, streaming, lingering };

struct Connection {
  Fd fd;
  std::uint64_t id = 0;
  State state = State::idle;
  bool readable = false, writable = true,
       ended = false;   ///< as epoll last said; `ended`: the client sends no more
  bool queued = false;  ///< in the list of those whose turn goes on
  Origin origin;
  bool capped = false;                   ///< counted in the per-address cap
  Time deadline = never, armed = never;  ///< what applies, and the earliest entry in the timer heap
  std::string in;                        ///< read, not consumed yet
  std::size_t line = 0;                  ///< start of the first head line in `in` not yet complete
  std::string head;
  Framing framing;
  Body body;
  ChunkedDecoder chunks;
  Answer answer;
  std::size_t sent = 0;
  off_t file_sent = 0;
  std::uint64_t body_limit = 0;
  Time began = never;                    ///< the body of an upload, or the draining of a file
  std::shared_ptr<api::EventStream> stream;
  std::shared_ptr<StreamState> stream_state;
};

struct Timer {
  Time at;
  std::uint64_t connection;
  bool operator>(const Timer& other) const { return at > other.at; }
};

// Ids of what epoll watches: connections have a generation above 0 in the upper half.
constexpr std::uint64_t wake_id = 0, tcp_id = 1, admin_id = 2;

void block_signals() {
  sigset_t all;
  sigfillset(&all);
  for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS}) sigdelset(&all, signal);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

/// Raises the soft limit of open files where the hard limit allows it.
void want_open_files(int connections) {
  rlimit limit{};
  const auto wanted = static_cast<rlim_t>(connections) + 256;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// Of another process, which keeps it.
Fd inherited(int descriptor) {
  Fd fd(descriptor);
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0 || ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) {
    fail("The front door cannot use the socket that it was given");
  }
  return fd;
}

Fd bind_tcp(const std::string& host, std::uint16_t number) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const auto port = std::to_string(number);
  const auto place = host + " port " + port;
  int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (error == EAI_ADDRFAMILY || error == EAI_NONAME) {  // AI_ADDRCONFIG hides ::1 on a machine with no other IPv6 address
    hints.ai_flags = AI_PASSIVE;
    error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  }
  if (error != 0) throw Error(ErrorCode::unavailable, "Cannot listen on " + place + ": " + gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> guard(found, freeaddrinfo);
  Fd tcp(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!tcp) fail("Cannot listen on " + place);
  const int on = 1;
  setsockopt(tcp.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(tcp.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(tcp.get(), SOMAXCONN) != 0) {
    fail("Cannot listen on " + place);
  }
  return tcp;
}

std::uint16_t port_of(const Fd& tcp) {
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  getsockname(tcp.get(), reinterpret_cast<sockaddr*>(&bound), &length);
  return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                           : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
}

Fd bind_admin(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw Error(ErrorCode::invalid_argument, "The admin socket's path is longer than " +
                                                 std::to_string(sizeof address.sun_path - 1) + " bytes: " + path);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode))
      throw Error(ErrorCode::unavailable, path + " is in the way of the admin socket and is not a socket");
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(probe.get(), name, sizeof address) == 0 || errno == EAGAIN) {
      throw Error(ErrorCode::unavailable, "Another server answers on the admin socket " + path);
    }
    ::unlink(path.c_str());  // left over by a server that was killed
  }
  Fd admin(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // The mode of the socket becomes the mode of the file, so there is no moment in which others could
  // connect.
  if (!admin || ::fchmod(admin.get(), 0600) != 0 || ::bind(admin.get(), name, sizeof address) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(admin.get(), 64) != 0) {
    fail("Cannot listen on the admin socket " + path);
  }
  return admin;
}

class Door final : public FrontDoor {
 public:
  Door(const FrontDoorOptions& options, api::Handler& handler)
      : options_(options),
        handler_(handler),
        trusted_(options.trusted_proxies),
        jobs_(static_cast<std::size_t>(std::max(options.queue, 1))) {
    want_open_files(options_.max_connections);
    epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
    wake_ = Fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    reserve_ = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!epoll_ || !wake_ || !reserve_) fail("The front door cannot start");
    mailbox_ = std::make_shared<Mailbox>(wake_.get());
    take_listeners();
    hand_over_to_ = Fd(options_.hand_over_to);
    hand_over_from_ = Fd(options_.hand_over_from);
    watch(wake_.get(), wake_id);
    watch_listeners(EPOLL_CTL_ADD, EPOLLIN);
    try {
      for (int i = 0; i < std::max(options_.workers, 1); ++i) workers_.emplace_back([this] { work(); });
      thread_ = std::thread([this] { run(); });
    } catch (...) {
      jobs_.close();
      for (auto& worker : workers_) worker.join();
      throw;
    }
  }

  ~Door() override { stop(0); }

  std::uint16_t port() const override { return port_; }

  void stop(double grace_seconds) override { end(grace_seconds, false); }
  void hand_over(double grace_seconds) override { end(grace_seconds, hand_over_to_.get() >= 0); }

  void end(double grace_seconds, bool hand_over) {
    const std::lock_guard lock(stop_mutex_);
    if (stopped_) return;
    stopped_ = true;
    handing_over_ = hand_over;
    stop_at_ = Clock::now() + seconds(grace_seconds);
    stopping_.store(true, std::memory_order_release);
    wake();
    thread_.join();
    jobs_.close();
    for (auto& worker : workers_) worker.join();
    mailbox_->close();
    remove_admin_socket();
  }

  Counters counters() const override {
    return {accepted_.load(),  requests_.load(), refused_.load(),
            timed_out_.load(), open_.load(),     static_cast<int>(jobs_.size()), streams_.load()};
  }

 private:
  // ---- start ----

  void take_listeners() {
    tcp_ = options_.tcp_fd >= 0 ? inherited(options_.tcp_fd) : bind_tcp(options_.address, options_.port);
    port_ = port_of(tcp_);
    if (options_.admin_fd >= 0) {
      admin_ = inherited(options_.admin_fd);  // whoever bound it removes its file
    } else if (!options_.admin_socket.empty()) {
      admin_ = bind_admin(options_.admin_socket);
      struct stat status {};
      if (::lstat(options_.admin_socket.c_str(), &status) != 0) fail("Cannot find the admin socket " + options_.admin_socket);
      admin_inode_ = {status.st_dev, status.st_ino};
    }
  }

  void remove_admin_socket() {
    struct stat status {};
    const auto& path = options_.admin_socket;
    if (path.empty() || options_.admin_fd >= 0 || ::lstat(path.c_str(), &status) != 0) return;
    if (std::pair(status.st_dev, status.st_ino) == admin_inode_) ::unlink(path.c_str());
  }

  void watch(int fd, std::uint64_t id) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = id;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) fail("The front door cannot start");
  }

  void watch_listeners(int operation, std::uint32_t events) {
    for (const auto& [fd, id] : {std::pair(tcp_.get(), tcp_id), std::pair(admin_.get(), admin_id)}) {
      if (fd < 0) continue;
      epoll_event event{};
      event.events = events;
      event.data.u64 = id;
      epoll_ctl(epoll_.get(), operation, fd, &event);
    }
  }

  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
  }

  // ---- workers ----

  void work() {
    block_signals();
    pthread_setname_np(pthread_self(), "http-worker");
    PocoAdapter adapter(handler_, trusted_);
    Job job;
    while (jobs_.pop(job)) {
      Done done{job.connection, {}};
      try {
        auto response = call(adapter, job);
        if (response.body.size() > options_.max_output_bytes) {
          response = problem(500, "The answer is larger than the server may send.");
        }
        done.answer = serialize(std::move(response), job.style);
      } catch (const std::exception&) {  // of memory, most likely; an answer without a head closes the connection
        done.answer = {};
        done.answer.close = true;
      }
      job = {};
      bool first = false;
      while (true) {
        try {
          const std::lock_guard lock(done_mutex_);
          first = done_.empty();
          done_.push_back(std::move(done));
          break;
        } catch (const std::bad_alloc&) {
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
      }
      if (first) wake();
    }
  }

  static api::Response call(PocoAdapter& adapter, Job& job) {
    try {
      return adapter.answer(job.head, job.body.view(), job.origin);
    } catch (const Error& error) {
      return problem(503, error.message(), retry_after_seconds);
    }
  }

  // ---- the epoll thread ----

  void run() {
    block_signals();
    pthread_setname_np(pthread_self(), "http-door");
    take_over();
    std::vector<epoll_event> events(512);
    while (true) {
      const int count =
          epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_millis());
      now_ = Clock::now();
      bool accept_tcp = false, accept_admin = false;
      for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        switch (event.data.u64) {
          case wake_id: {
            std::uint64_t value = 0;
            [[maybe_unused]] const auto got = ::read(wake_.get(), &value, sizeof value);
            break;
          }
          case tcp_id:
            accept_tcp = true;
            break;
          case admin_id:
            accept_admin = true;
            break;
          default:
            on_event(event.data.u64, event.events);
        }
      }
      deliver();
      feed_streams();
      take_turns();
      expire();
      if (accept_admin) accept_from(admin_, true);
      if (accept_tcp) accept_from(tcp_, false);
      if (resume_accept_ <= now_) {
        resume_accept_ = never;
        if (!draining_) watch_listeners(EPOLL_CTL_MOD, EPOLLIN);
      }
      if (stopping_.load(std::memory_order_acquire) && drain()) break;
    }
    for (auto& connection : connections_) {
      if (connection) close(*connection);
    }
  }

  int wait_millis() const {
    if (!turns_.empty()) return 0;
    Time next = std::min(timers_.empty() ? never : timers_.top().at, resume_accept_);
    if (draining_) next = std::min(next, stop_at_);
    if (next == never) return -1;
    const auto left = next - Clock::now();
    if (left <= Clock::duration::zero()) return 0;
    return static_cast<int>(
        std::min<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(left).count(), 60'000));
  }

  Connection* find(std::uint64_t id) {
    const auto slot = static_cast<std::size_t>(id & 0xffffffffu);
    if (slot >= connections_.size() || !connections_[slot] || connections_[slot]->id != id) return nullptr;
    return connections_[slot].get();
  }

  void accept_from(const Fd& listener, bool admin) {
    if (draining_) return;
    for (int i = 0; i < 256; ++i) {
      sockaddr_storage address{};
      socklen_t length = sizeof address;
      Fd fd(::accept4(listener.get(), reinterpret_cast<sockaddr*>(&address), &length,
                      SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) return;
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EMFILE || errno == ENFILE) shed_one(listener);
        // Out of files or memory, or something that only time mends: accepting again at once would spin.
        watch_listeners(EPOLL_CTL_MOD, 0);
        resume_accept_ = now_ + accept_pause;
        return;
      }
      accepted_.fetch_add(1, std::memory_order_relaxed);
      add_connection(std::move(fd), address, admin);
    }
  }

  /// Gives up the reserve descriptor to tell one waiting client that there is no room.
  void shed_one(const Fd& listener) {
    reserve_.reset();
    const Fd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) turn_away(fd, "The server has no room for another connection; try again in a moment.");
    reserve_ = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }

  /// Best effort: 503 without waiting for the request.
  void turn_away(const Fd& fd, std::string_view detail) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    AnswerStyle style;
    style.close = true;
    const auto answer = serialize(problem(503, detail, retry_after_seconds), style);
    const auto text = answer.head + answer.body;
    ::send(fd.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    ::shutdown(fd.get(), SHUT_WR);
    std::array<char, 4096>
        ignored;  // unread bytes would turn the close into a reset, and the answer would be lost
    while (::recv(fd.get(), ignored.data(), ignored.size(), MSG_DONTWAIT) ==
           static_cast<ssize_t>(ignored.size())) {
    }
  }

  /// Null where it was turned away.
  Connection* add_connection(Fd fd, const sockaddr_storage& address, bool admin) {
    Origin origin;
    origin.admin_socket = admin;
    if (admin) {
      ucred peer{};
      socklen_t length = sizeof peer;
      const bool known = getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0;
      if (!known || (peer.uid != geteuid() && peer.uid != 0)) {
        refused_.fetch_add(1, std::memory_order_relaxed);
        return nullptr;
      }
    } else {
      origin.peer = from(address);
      const int on = 1;
      setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      // Else the kernel copies megabytes of an answer for a client that does not read.
      setsockopt(fd.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_in_kernel, sizeof unsent_in_kernel);
    }
    // The owner gets in on the admin socket even when clients have taken every place.
    if (!admin && open_.load(std::memory_order_relaxed) >= options_.max_connections) {
      turn_away(fd, "The server has as many connections as it may have; try again in a moment.");
      return nullptr;
    }
    const bool capped = !admin && !trusted_.contains(origin.peer);
    if (capped) {
      auto& count = per_address_[cap_key(origin.peer)];
      if (count >= options_.max_connections_per_address) {
        turn_away(fd, "Your address has as many connections as it may have; close some and try again.");
        return nullptr;
      }
      ++count;
    }

    std::size_t slot = connections_.size();
    if (free_.empty()) {
      connections_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    auto connection = std::make_unique<Connection>();
    connection->fd = std::move(fd);
    connection->id = (++generation_ << 32) | slot;
    connection->origin = origin;
    connection->capped = capped;
    connection->body = Body(body_room_);
    auto& c = *(connections_[slot] = std::move(connection));
    open_.fetch_add(1, std::memory_order_relaxed);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = c.id;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, c.fd.get(), &event) != 0) {
      close(c);
      return nullptr;
    }
    set_deadline(c, now_ + seconds(options_.keep_alive_timeout));
    return &c;
  }

  static IpAddress from(const sockaddr_storage& address) {
    IpAddress ip;
    if (address.ss_family == AF_INET6) {
      std::memcpy(ip.bytes.data(), &reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr, 16);
    } else {
      ip.bytes[10] = ip.bytes[11] = 0xff;
      std::memcpy(ip.bytes.data() + 12, &reinterpret_cast<const sockaddr_in*>(&address)->sin_addr, 4);
    }
    return ip;
  }

  void close(Connection& c) {
    const auto slot = static_cast<std::size_t>(c.id & 0xffffffffu);
    if (c.capped) {
      const auto found = per_address_.find(cap_key(c.origin.peer));
      if (--found->second == 0) per_address_.erase(found);
    }
    output_memory_ -= c.answer.body.size();
    if (c.stream) {
      c.stream_state->gone.store(true, std::memory_order_relaxed);
      streams_.fetch_sub(1, std::memory_order_relaxed);
      if (c.state == State::streaming) c.stream->closed();
    }
    connections_[slot].reset();
    free_.push_back(slot);
    open_.fetch_sub(1, std::memory_order_relaxed);
  }

  /// Closes so that the kernel forgets unsent bytes at once instead of holding them for a client that does
  /// not read.
  void abort(Connection& c) {
    const linger reset{1, 0};
    setsockopt(c.fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(c);
  }

  // ---- time ----

  void set_deadline(Connection& c, Time at) {
    c.deadline = at;
    if (at < c.armed) {
      c.armed = at;
      timers_.push({at, c.id});
    }
  }

  void expire() {
    while (!timers_.empty() && timers_.top().at <= now_) {
      const auto timer = timers_.top();
      timers_.pop();
      auto* c = find(timer.connection);
      if (c == nullptr || timer.at != c->armed) continue;
      c->armed = never;
      if (c->deadline > now_) {
        if (c->deadline != never) set_deadline(*c, c->deadline);
        continue;
      }
      switch (c->state) {
        case State::idle:
        case State::lingering:
          close(*c);
          break;
        case State::head:
          timed_out_.fetch_add(1, std::memory_order_relaxed);
          refuse(*c, {408, "The head of the request did not arrive in time."});
          pump(*c);
          break;
        case State::body:
          timed_out_.fetch_add(1, std::memory_order_relaxed);
          refuse(*c, {408, "The body of the request did not arrive in time."});
          pump(*c);
          break;
        case State::writing:
          timed_out_.fetch_add(1, std::memory_order_relaxed);
          abort(*c);
          break;
        case State::streaming:
          if (!c->answer.body.empty()) {
            timed_out_.fetch_add(1, std::memory_order_relaxed);
            abort(*c);
            break;
          }
          give(*c, ":\n\n");
          break;
        case State::handling:
          break;
      }
    }
  }

  // ---- a connection ----

  /// pump(), where one connection's lack of memory ends that connection and not the server.
  void pump_safely(std::uint64_t id) {
    try {
      if (auto* c = find(id)) pump(*c);
    } catch (const std::bad_alloc&) {
      if (auto* c = find(id)) close(*c);
    }
  }

  void on_event(std::uint64_t id, std::uint32_t events) {
    auto* c = find(id);
    if (c == nullptr) return;
    if ((events & EPOLLERR) != 0 || (events & EPOLLHUP) != 0) {
      close(*c);  // reset, or closed both ways: nobody is there to read an answer
      return;
    }
    if ((events & EPOLLIN) != 0) c->readable = true;
    if ((events & EPOLLRDHUP) != 0) c->readable = c->ended = true;
    if ((events & EPOLLOUT) != 0) c->writable = true;
    pump_safely(id);
  }

  /// Goes on with the connections that used up their turn.
  void take_turns() {
    auto turns = std::exchange(turns_, {});
    for (const auto id : turns) {
      if (auto* c = find(id)) {
        c->queued = false;
        pump_safely(id);
      }
    }
  }

  /// Reads, writes and advances until nothing can be done now. May close `c`.
  void pump(Connection& c) {
    std::size_t turn = 0;
    while (true) {
      switch (c.state) {
        case State::handling:
          return;
        case State::streaming:
          if (!c.answer.body.empty() && c.writable && !write_stream(c)) return;
          if (c.state != State::streaming) break;
          if (!c.readable) return;
          if (!drop_input(c)) return;
          break;
        case State::writing:
          if (!c.writable) return;
          if (!write(c)) return;
          if (c.state == State::idle && !c.in.empty()) consume(c, {});
          break;
        default: {
          if (!c.readable) return;
          if (turn >= read_turn) {
            if (!c.queued) turns_.push_back(c.id);
            c.queued = true;
            return;
          }
          const auto got = ::recv(c.fd.get(), scratch_.data(), scratch_.size(), 0);
          if (got < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN || errno == EWOULDBLOCK) {
              c.readable = false;
              return;
            }
            close(c);
            return;
          }
          if (got == 0) {
            close(c);  // between requests that is the end; within one, nobody waits for an answer
            return;
          }
          const auto size = static_cast<std::size_t>(got);
          turn += size;
          if (size < scratch_.size() && !c.ended) c.readable = false;  // epoll tells when there is more
          if (c.state != State::lingering) consume(c, {scratch_.data(), size});
        }
      }
    }
  }

  /// Takes as much as it can of what was read before and `fresh`; keeps the rest.
  void consume(Connection& c, std::string_view fresh) {
    const bool direct = c.in.empty();
    if (!direct) c.in.append(fresh);
    std::string_view data = direct ? fresh : std::string_view(c.in);
    const auto whole = data.size();
    bool more = true;
    while (more && (c.state == State::idle || c.state == State::head || c.state == State::body)) {
      more = c.state == State::body ? consume_body(c, data) : consume_head(c, data);
    }
    if (c.state == State::writing && c.answer.close) {
      std::string().swap(c.in);
    } else if (direct) {
      c.in.assign(data);
    } else {
      c.in.erase(0, whole - data.size());
      if (c.in.empty() && c.in.capacity() > 4096) std::string().swap(c.in);
    }
  }

  /// True where it may go on with the rest of `data`.
  bool consume_head(Connection& c, std::string_view& data) {
    if (c.state == State::idle) {
      if (data.empty()) return false;
      // RFC 9112, 2.2: an empty line before a request is forgiven.
      if (data.size() >= 2 && data[0] == '\r' && data[1] == '\n') data.remove_prefix(2);
      if (data.empty() || data == "\r") return false;
      c.state = State::head;
      c.line = 0;
      set_deadline(c, now_ + seconds(options_.header_timeout));
      if (data[0] != '\r' && !is_token(data.substr(0, 1))) {
        return refuse(c, {400, "This is not an HTTP request."});
      }
    }
    std::optional<Refusal> refusal;
    const auto length = find_head_end(data.substr(0, options_.max_header_bytes), c.line, refusal);
    if (refusal) return refuse(c, *refusal);
    if (length == 0) {
      if (data.size() < options_.max_header_bytes) return false;
      return refuse(c, c.line == 0 ? Refusal{414, "The request line is too long."}
                                   : Refusal{431, "The head of the request is too long."});
    }
    const auto head = data.substr(0, length);
    data.remove_prefix(length);
    if ((refusal = check_head(head, c.framing))) return refuse(c, *refusal);
    c.body_limit = body_limit(c, head);
    if (c.framing.content_length > c.body_limit) return refuse(c, too_large(c));
    c.head.assign(head);
    if (!c.framing.chunked && c.framing.content_length == 0) return dispatch(c);
    c.state = State::body;
    c.chunks = {};
    c.began = now_;
    set_deadline(c, now_ + seconds(options_.body_timeout));
    if (c.framing.expects_continue && data.empty()) {
      static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      const auto sent = ::send(c.fd.get(), go_on.data(), go_on.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      // Cut in its middle it would spoil the answer; not sent at all, the client goes on by itself after a
      // while.
      if (sent > 0 && static_cast<std::size_t>(sent) < go_on.size())
        return refuse(c, {400, "The connection does not take answers."});
    }
    return true;
  }

  bool consume_body(Connection& c, std::string_view& data) {
    try {
      if (!c.framing.chunked) {
        const auto part = data.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(
                                             data.size(), c.framing.content_length - c.body.size())));
        c.body.append(part, body_limits_);
        data.remove_prefix(part.size());
        lengthen(c);
        return c.body.size() == c.framing.content_length && dispatch(c);
      }
      while (true) {
        auto step = c.chunks.step(data);
        if (step.refusal) return refuse(c, *step.refusal);
        if (c.body.size() + step.data.size() > c.body_limit) return refuse(c, too_large(c));
        c.body.append(step.data, body_limits_);
        data.remove_prefix(step.consumed);
        lengthen(c);
        if (step.done) return dispatch(c);
        if (step.consumed == 0) return false;
      }
    } catch (const Error& error) {
      return refuse(c, {503, error.message()});
    }
  }

  Refusal too_large(const Connection& c) const {
    return {413, "The body is larger than " + std::to_string(c.body_limit) + " bytes."};
  }

  /// Whether the request says who asks; what it says is looked at later.
  static bool signed_in(std::string_view head) {
    for (const std::string_view name : {"\r\nauthorization:", "\r\ncookie:"}) {
      const auto found = std::search(head.begin(), head.end(), name.begin(), name.end(),
                                     [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
      if (found != head.end()) return true;
    }
    return false;
  }

  /// Bound of the request's body, by its head.
  std::uint64_t body_limit(const Connection& c, std::string_view head) const {
    if (!c.origin.admin_socket && !signed_in(head)) return std::min<std::uint64_t>(options_.max_anonymous_body_bytes, options_.max_body_bytes);
    if (!options_.is_upload) return options_.max_body_bytes;
    const auto line = head.substr(0, head.find("\r\n"));
    const auto method_end = line.find(' '), target_end = line.rfind(' ');
    if (method_end >= target_end || target_end == std::string_view::npos) return options_.max_body_bytes;
    const auto target = line.substr(method_end + 1, target_end - method_end - 1);
    return options_.is_upload(line.substr(0, method_end), target) ? std::max<std::uint64_t>(options_.max_upload_bytes, options_.max_body_bytes)
                                                                  : options_.max_body_bytes;
  }

  /// An upload may take longer, while it goes on.
  void lengthen(Connection& c) {
    if (c.body_limit <= options_.max_body_bytes || c.state != State::body) return;
    set_deadline(c, c.began + seconds(options_.body_timeout + static_cast<double>(c.body.size()) / least_upload_rate));
  }

  /// Hands the complete request to a worker.
  bool dispatch(Connection& c) {
    requests_.fetch_add(1, std::memory_order_relaxed);
    set_deadline(c, never);
    AnswerStyle style;
    style.head_method = c.framing.head_method;
    style.http_1_0 = c.framing.http_1_0;
    style.close = !c.framing.keep_alive || (draining_ && !handing_over_);
    Job job{c.id, std::move(c.head), std::move(c.body), c.origin, style};
    c.state = State::handling;
    if (!jobs_.push(job)) {
      refused_.fetch_add(1, std::memory_order_relaxed);
      job.body.clear();
      begin_answer(
          c, serialize(problem(503, "The server is too busy; try again in a moment.", retry_after_seconds),
                       style));
    }
    return false;
  }

  /// Answers with a problem and ends the connection, whose bytes can no longer be told apart. Returns false.
  bool refuse(Connection& c, const Refusal& refusal) {
    if (refusal.status != 408) refused_.fetch_add(1, std::memory_order_relaxed);
    c.body.clear();
    AnswerStyle style;
    style.close = true;
    style.head_method = c.state == State::body && c.framing.head_method;
    begin_answer(
        c, serialize(problem(refusal.status, refusal.detail, refusal.status == 503 ? retry_after_seconds : 0),
                     style));
    return false;
  }

  void begin_answer(Connection& c, Answer answer) {
    output_memory_ += answer.body.size();
    c.answer = std::move(answer);
    c.sent = 0;
    c.file_sent = 0;
    c.began = now_;
    c.state = State::writing;
    set_deadline(c, now_ + seconds(options_.write_timeout));
  }

  /// False where the connection is gone or its socket is full.
  bool write(Connection& c) {
    const auto& head = c.answer.head;
    const auto& body = c.answer.body;
    const auto total = head.size() + body.size();
    while (c.sent < total) {
      std::array<iovec, 2> parts{};
      std::size_t count = 0;
      if (c.sent < head.size())
        parts[count++] = {const_cast<char*>(head.data()) + c.sent, head.size() - c.sent};
      const auto body_sent = c.sent > head.size() ? c.sent - head.size() : 0;
      if (body_sent < body.size())
        parts[count++] = {const_cast<char*>(body.data()) + body_sent, body.size() - body_sent};
      msghdr message{};
      message.msg_iov = parts.data();
      message.msg_iovlen = count;
      const auto sent = ::sendmsg(c.fd.get(), &message, MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
          c.writable = false;
        } else {
          close(c);
        }
        return false;
      }
      c.sent += static_cast<std::size_t>(sent);
    }
    if (c.answer.file && !write_file(c)) return false;
    output_memory_ -= body.size();
    if (c.stream && !draining_) {
      begin_stream(c);
      return true;
    }
    const bool end = c.answer.close || (draining_ && !handing_over_);
    c.answer = {};
    if (!end) {
      c.state = State::idle;
      set_deadline(c, now_ + seconds(options_.keep_alive_timeout));
      return true;
    }
    ::shutdown(c.fd.get(), SHUT_WR);
    std::string().swap(c.in);
    c.state = State::lingering;
    c.readable = true;
    set_deadline(c, now_ + linger_time);
    return true;
  }

  /// What of the answer lies in a file. False where the connection is gone or its socket is full.
  bool write_file(Connection& c) {
    const auto size = static_cast<off_t>(c.answer.file->size());
    for (std::size_t turn = 0; c.file_sent < size;) {
      if (turn >= read_turn) {  // others first: a fast client would keep this thread to itself
        set_deadline(c, c.began + seconds(options_.write_timeout + static_cast<double>(c.file_sent) / least_file_rate));
        if (!c.queued) turns_.push_back(c.id);
        c.queued = true;
        return false;
      }
      const auto sent = ::sendfile(c.fd.get(), c.answer.file->descriptor(), &c.file_sent, static_cast<std::size_t>(std::min<off_t>(size - c.file_sent, read_turn)));
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        c.writable = false;
        set_deadline(c, c.began + seconds(options_.write_timeout + static_cast<double>(c.file_sent) / least_file_rate));
        return false;
      }
      if (sent <= 0) {  // the file has become shorter, or the client has left
        close(c);
        return false;
      }
      turn += static_cast<std::size_t>(sent);
    }
    return true;
  }

  // ---- streams ----

  void begin_stream(Connection& c) {
    c.answer = {};
    c.sent = 0;
    c.state = State::streaming;
    std::string().swap(c.in);
    c.readable = true;
    set_deadline(c, now_ + seconds(options_.heartbeat));
    c.stream->open([state = c.stream_state, mailbox = mailbox_, id = c.id, bound = options_.max_unread_bytes](std::string_view text) {
      if (state->gone.load(std::memory_order_relaxed)) return false;
      if (text.empty()) {
        state->gone.store(true, std::memory_order_relaxed);
        mailbox->post(id, {});
        return false;
      }
      if (state->unread.fetch_add(text.size(), std::memory_order_relaxed) + text.size() > bound) {
        state->gone.store(true, std::memory_order_relaxed);
        state->cut.store(true, std::memory_order_relaxed);
        mailbox->post(id, {});
        return false;
      }
      mailbox->post(id, text);
      return true;
    });
  }

  /// Adds to what the client is sent. May close `c`.
  void give(Connection& c, std::string_view text) {
    if (c.answer.body.empty()) set_deadline(c, now_ + seconds(options_.write_timeout));
    c.answer.body.append(text);
    output_memory_ += text.size();
    pump(c);
  }

  void feed_streams() {
    mailbox_->take(posts_);
    for (const auto& [id, text] : posts_) {
      auto* c = find(id);
      if (c == nullptr || c->state != State::streaming) continue;
      if (text.empty() && c->stream_state->cut.load(std::memory_order_relaxed)) {
        timed_out_.fetch_add(1, std::memory_order_relaxed);
        abort(*c);
      } else if (text.empty()) {
        c->answer.close = true;
        if (c->answer.body.empty()) end_stream(*c);
      } else {
        give(*c, text);
        if ((c = find(id)) != nullptr && c->answer.body.empty()) c->stream_state->unread.store(0, std::memory_order_relaxed);
      }
    }
    posts_.clear();
  }

  /// False where the connection is gone.
  bool write_stream(Connection& c) {
    auto& body = c.answer.body;
    while (c.sent < body.size()) {
      const auto sent = ::send(c.fd.get(), body.data() + c.sent, body.size() - c.sent, MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
          c.writable = false;
          return true;
        }
        close(c);
        return false;
      }
      c.sent += static_cast<std::size_t>(sent);
    }
    output_memory_ -= body.size();
    c.stream_state->unread.store(0, std::memory_order_relaxed);
    body.clear();
    c.sent = 0;
    if (c.answer.close) {
      end_stream(c);
    } else {
      set_deadline(c, now_ + seconds(options_.heartbeat));
    }
    return true;
  }

  /// The server has said everything: the client reads what is under way, then the connection ends.
  void end_stream(Connection& c) {
    streams_.fetch_sub(1, std::memory_order_relaxed);
    std::exchange(c.stream, nullptr)->closed();
    c.answer = {};
    ::shutdown(c.fd.get(), SHUT_WR);
    c.state = State::lingering;
    c.readable = true;
    set_deadline(c, now_ + linger_time);
  }

  /// A client of a stream has nothing more to say. False where it has left.
  bool drop_input(Connection& c) {
    while (true) {
      const auto got = ::recv(c.fd.get(), scratch_.data(), scratch_.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        c.readable = false;
        return true;
      }
      if (got <= 0) {
        close(c);
        return false;
      }
    }
  }

  void deliver() {
    {
      const std::lock_guard lock(done_mutex_);
      delivering_.swap(done_);
    }
    for (auto& done : delivering_) {
      auto* c = find(done.connection);
      if (c == nullptr || c->state != State::handling) continue;  // the client left
      make_room(done.answer.body.size());
      if ((c = find(done.connection)) == nullptr) continue;
      if (done.answer.stream) {
        if (streams_.load(std::memory_order_relaxed) >= options_.max_streams) {
          refused_.fetch_add(1, std::memory_order_relaxed);
          AnswerStyle style;
          style.close = true;
          done.answer = serialize(problem(503, "The server has as many listeners as it may have; try again later.", 30), style);
        } else {
          c->stream = std::move(done.answer.stream);
          c->stream_state = std::make_shared<StreamState>();
          streams_.fetch_add(1, std::memory_order_relaxed);
        }
      }
      begin_answer(*c, std::move(done.answer));
      pump_safely(done.connection);
    }
    delivering_.clear();
  }

  /// Cuts off those who have been writing for the longest while unsent answers would take too much memory.
  void make_room(std::size_t size) {
    while (output_memory_ > 0 &&
           output_memory_ + size > largest_answers_in_memory * options_.max_output_bytes) {
      Connection* slowest = nullptr;
      for (const auto& c : connections_) {
        if (c && c->state == State::writing && !c->answer.body.empty() &&
            (slowest == nullptr || c->deadline < slowest->deadline)) {
          slowest = c.get();
        }
      }
      if (slowest == nullptr) return;
      timed_out_.fetch_add(1, std::memory_order_relaxed);
      abort(*slowest);
    }
  }

  /// Once stop() was called. True when nothing is in hand any more, or the grace is over.
  bool drain() {
    if (!draining_) {
      draining_ = true;
      for (const auto* listener : {&tcp_, &admin_}) {
        if (*listener) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener->get(), nullptr);
      }
      tcp_.reset();
      admin_.reset();
    }
    bool in_hand = false;
    for (auto& c : connections_) {
      if (!c) continue;
      if (c->state == State::idle || c->state == State::head) {
        if (handing_over_ && c->in.size() < scratch_.size()) give_away(*c);
        close(*c);
      } else if (c->state == State::streaming || (handing_over_ && c->state == State::lingering)) {
        close(*c);
      } else {
        in_hand = true;
      }
    }
    if (handing_over_) send_away({});
    return !in_hand || now_ >= stop_at_;
  }

  // ---- connections that outlive the process ----

  static constexpr std::size_t most_at_once = 250;  // the kernel takes 253 descriptors in a message

  /// A connection without a request in hand, with what it has sent of the next one. The caller closes our descriptor of it.
  void give_away(Connection& c) {
    if (!c.in.empty()) {
      send_away({});
      leaving_.push_back(::dup(c.fd.get()));
      send_away(c.in);
      return;
    }
    leaving_.push_back(::dup(c.fd.get()));
    if (leaving_.size() == most_at_once) send_away({});
  }

  /// What cannot be sent is closed, as it would be without a successor.
  void send_away(std::string_view begun) {
    std::erase(leaving_, -1);
    if (leaving_.empty()) return;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(most_at_once * sizeof(int))> control{};
    char kind = begun.empty() ? 'i' : 'b';
    iovec parts[] = {{&kind, 1}, {const_cast<char*>(begun.data()), begun.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(leaving_.size() * sizeof(int));
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(leaving_.size() * sizeof(int));
    std::memcpy(CMSG_DATA(header), leaving_.data(), leaving_.size() * sizeof(int));
    while (::sendmsg(hand_over_to_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
    for (const int fd : leaving_) ::close(fd);
    leaving_.clear();
  }

  /// What the door before has handed over.
  void take_over() {
    if (!hand_over_from_) return;
    while (true) {
      alignas(cmsghdr) std::array<char, CMSG_SPACE(most_at_once * sizeof(int))> control{};
      iovec part{scratch_.data(), scratch_.size()};
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      const auto got = ::recvmsg(hand_over_from_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return;
      const std::string begun(scratch_.data() + 1, static_cast<std::size_t>(got) - 1);
      for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
          int fd = -1;
          std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
          adopt(Fd(fd), begun);
        }
      }
    }
  }

  void adopt(Fd fd, const std::string& begun) {
    sockaddr_storage peer{}, own{};
    socklen_t peer_length = sizeof peer, own_length = sizeof own;
    if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&own), &own_length) != 0) return;
    if (::getpeername(fd.get(), reinterpret_cast<sockaddr*>(&peer), &peer_length) != 0) return;  // the client has left
    Connection* const c = add_connection(std::move(fd), peer, own.ss_family == AF_UNIX);
    if (c != nullptr && !begun.empty()) {
      consume(*c, begun);
      pump(*c);
    }
  }

  const FrontDoorOptions options_;
  api::Handler& handler_;
  const TrustedProxies trusted_;
  Fd epoll_, wake_, reserve_, tcp_, admin_, hand_over_to_, hand_over_from_;
  std::uint16_t port_ = 0;
  std::pair<dev_t, ino_t> admin_inode_{};

  BodyRoom body_room_;
  const BodyLimits body_limits_{options_.spool_bytes, spooled_bodies_in_memory * options_.spool_bytes, options_.max_spooled_bytes};
  JobQueue jobs_;
  std::mutex done_mutex_;
  std::vector<Done> done_;  ///< guarded by done_mutex_
  std::shared_ptr<Mailbox> mailbox_;

  // Of the epoll thread.
  Time now_ = Clock::now();
  std::vector<std::unique_ptr<Connection>> connections_;  ///< by slot
  std::vector<std::size_t> free_;
  std::uint64_t generation_ = 0;
  std::unordered_map<IpAddress, int, IpAddressHash> per_address_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::vector<std::uint64_t> turns_;
  std::vector<Done> delivering_;
  std::vector<std::pair<std::uint64_t, std::string>> posts_;
  std::array<char, read_size> scratch_;
  std::size_t output_memory_ = 0;
  Time resume_accept_ = never;
  bool draining_ = false;
  std::vector<int> leaving_;  ///< to be handed over with the next message

  std::atomic<std::uint64_t> accepted_{0}, requests_{0}, refused_{0}, timed_out_{0};
  std::atomic<int> open_{0}, streams_{0};
  std::atomic<bool> stopping_{false};
  Time stop_at_ = never;  ///< written before stopping_ is set
  bool handing_over_ = false;  ///< likewise
  std::mutex stop_mutex_;
  bool stopped_ = false;
  std::vector<std::thread> workers_;
  std::thread thread_;
};

}  // namespace

Listeners listen_on(const FrontDoorOptions& options) {
  Fd tcp = options.tcp_fd >= 0 ? inherited(options.tcp_fd) : bind_tcp(options.address, options.port), admin;
  if (!options.admin_socket.empty()) admin = bind_admin(options.admin_socket);
  Listeners out;
  out.port = port_of(tcp);
  out.tcp = tcp.release();
  out.admin = admin.release();
  return out;
}

std::unique_ptr<FrontDoor> FrontDoor::start(const FrontDoorOptions& options, api::Handler& handler) {
  return std::make_unique<Door>(options, handler);
}

}  // namespace caravan::http
