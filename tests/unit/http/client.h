#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "http/front_door.h"

namespace caravan::http::test {

/// A raw client on 127.0.0.1 (or a Unix socket) that sends and receives exactly what a test says.
class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
    }
  }
  explicit Client(const std::string& unix_path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, unix_path.c_str(), unix_path.size() + 1);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
    }
  }
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}
  Client& operator=(Client&&) = delete;
  ~Client() {
    if (fd_ >= 0) ::close(fd_);
  }

  /// False where the server has gone away.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const auto sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }

  struct Reply {
    int status = 0;  ///< 0: none came
    std::string head, body;
    bool has(std::string_view text) const { return head.find(text) != std::string::npos; }
  };

  /// One whole answer; `head_only` for HEAD. Status 0 when the connection ends or nothing comes in time.
  Reply receive(bool head_only = false, int timeout_ms = 5000) {
    Reply reply;
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill(timeout_ms)) return reply;
    }
    reply.head = buffer_.substr(0, end + 4);
    buffer_.erase(0, end + 4);
    std::size_t length = 0;
    const auto field = reply.head.find("Content-Length: ");
    if (field != std::string::npos && !head_only) length = std::stoul(reply.head.substr(field + 16));
    while (buffer_.size() < length) {
      if (!fill(timeout_ms)) return reply;
    }
    reply.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    reply.status = std::stoi(reply.head.substr(9, 3));
    return reply;
  }
  Reply ask(std::string_view request, bool head_only = false) {
    send(request);
    return receive(head_only);
  }
  /// True when the server closes within the time; what it sends until then is dropped.
  bool closed(int timeout_ms = 5000) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    while (std::chrono::steady_clock::now() < end) {
      pollfd wait{fd_, POLLIN, 0};
      if (::poll(&wait, 1, 20) <= 0) continue;
      char text[65536];
      const auto got = ::recv(fd_, text, sizeof text, 0);
      if (got <= 0) return true;
    }
    return false;
  }
  /// True when the connection was ended or reset, without reading anything.
  bool hung_up() const {
    pollfd wait{fd_, POLLRDHUP, 0};
    return ::poll(&wait, 1, 0) > 0 && (wait.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
  }
  std::size_t buffered() const { return buffer_.size(); }
  /// What comes after the last answer, `count` bytes of it; fewer when the connection ends or nothing comes in time.
  std::string receive_bytes(std::size_t count, int timeout_ms = 5000) {
    while (buffer_.size() < count && fill(timeout_ms)) {
    }
    const std::string out = buffer_.substr(0, count);
    buffer_.erase(0, out.size());
    return out;
  }

 private:
  bool fill(int timeout_ms) {
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, timeout_ms) <= 0) return false;
    char text[65536];
    const auto got = ::recv(fd_, text, sizeof text, 0);
    if (got <= 0) return false;
    buffer_.append(text, static_cast<std::size_t>(got));
    return true;
  }
  int fd_;
  std::string buffer_;
};

/// A handler from a function.
class FunctionHandler final : public api::Handler {
 public:
  explicit FunctionHandler(std::function<api::Response(const api::Request&)> function)
      : function_(std::move(function)) {}
  api::Response handle(const api::Request& request) override { return function_(request); }

 private:
  std::function<api::Response(const api::Request&)> function_;
};

/// Says what arrived: one `name=value` a line.
inline api::Response echo(const api::Request& request) {
  api::Response response;
  response.content_type = "text/plain";
  auto& text = response.body;
  text += "method=" + std::string(request.method) + "\npath=" + std::string(request.path) +
          "\nremote=" + std::string(request.remote_address) + "\nsecure=" + (request.secure ? "1" : "0") +
          "\nadmin=" + (request.admin_socket ? "1" : "0") + "\n";
  for (const auto& [name, value] : request.query) text += "query." + name + "=" + value + "\n";
  for (const auto& [name, value] : request.headers)
    text += "header." + std::string(name) + "=" + std::string(value) + "\n";
  text += "body=" + std::string(request.body) + "\n";
  return response;
}

inline FrontDoorOptions local_options() {
  FrontDoorOptions options;
  options.port = 0;
  options.workers = 2;
  return options;
}

inline std::string get(std::string_view path, std::string_view more = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n" + std::string(more) + "\r\n";
}

}  // namespace caravan::http::test
