#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/message.h"

namespace caravan::http {

/// Limits of the front door. Times in seconds, sizes in bytes.
struct FrontDoorOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;  ///< 0: any free one, see port()
  std::string admin_socket;   ///< path of a Unix socket (mode 0600), or empty
  int workers = 8;
  int max_connections = 10'000;
  int max_connections_per_address = 4'096;
  int queue = 1'024;  ///< complete requests waiting for a worker; beyond: 503 with Retry-After
  std::size_t max_header_bytes = 32 * 1024;
  std::size_t max_body_bytes = 64 * 1024 * 1024;
  std::size_t max_anonymous_body_bytes = 64 * 1024 * 1024;  ///< of a request with neither Authorization nor Cookie
  std::size_t spool_bytes = 1024 * 1024;            ///< larger bodies go to an unlinked temporary file
  std::uint64_t max_spooled_bytes = std::uint64_t{8} << 30;  ///< of all bodies in such files together; beyond: 503 with Retry-After
  /// Whether the request uploads files, by its method and target: then `max_upload_bytes` is its bound, and it may take longer
  /// while it brings at least 64 KiB a second.
  std::function<bool(std::string_view method, std::string_view target)> is_upload;
  std::uint64_t max_upload_bytes = std::uint64_t{2} << 30;
  std::size_t max_output_bytes = 64 * 1024 * 1024;  ///< per connection
  double header_timeout = 10;                       ///< from the first byte of a request to its head's end
  double body_timeout = 30;                         ///< from the head's end to the body's end
  double write_timeout = 30;                        ///< from the answer's first byte to its last
  double keep_alive_timeout = 75;
  int max_streams = 2'000;                  ///< answers without an end; beyond: 503
  std::size_t max_unread_bytes = 256 * 1024;///< of a stream whose client reads too slowly; beyond, it is cut off
  double heartbeat = 15;                    ///< a comment on a silent stream, so that it is known to be alive
  std::vector<std::string> trusted_proxies;  ///< addresses or CIDR whose X-Forwarded-For/-Proto count

  /// Sockets that another process has bound and keeps, so that connections wait in them while this one is replaced; the door takes
  /// these descriptors over. -1: it binds its own. See listen_on().
  int tcp_fd = -1, admin_fd = -1;
  /// Two ends of a SOCK_SEQPACKET pair that the other process keeps, too: connections go into the first at hand_over() and come out of
  /// the second when the next door starts. -1: they are closed.
  int hand_over_to = -1, hand_over_from = -1;
};

/// Binds and listens as FrontDoor::start() does, or takes tcp_fd, and throws the same. The caller owns the descriptors, which are closed on exec.
struct Listeners {
  int tcp = -1, admin = -1;
  std::uint16_t port = 0;
};
Listeners listen_on(const FrontDoorOptions& options);

/// One epoll thread that accepts, reads whole requests and drains answers; `workers` threads that call the
/// handler. Poco's parser runs on the complete request in memory.
class FrontDoor {
 public:
  /// Binds and listens; throws Error(unavailable) naming address and port, or the admin socket's path, and
  /// Error(invalid_argument) for trusted_proxies that are none. `handler` outlives the front door. Raises the
  /// process's soft limit of open files to hold max_connections, as far as the hard limit allows. Its threads
  /// take no signals.
  static std::unique_ptr<FrontDoor> start(const FrontDoorOptions& options, api::Handler& handler);
  virtual ~FrontDoor() = default;  ///< stops at once
  virtual std::uint16_t port() const = 0;
  /// Stops accepting, lets requests in hand finish (at most `grace_seconds`), closes. Idempotent.
  /// Waits for handlers that are still running, even beyond the grace; so never call it from a handler.
  virtual void stop(double grace_seconds) = 0;
  /// As stop(), but connections are not closed: those that wait for their client's next request, or have sent a part of its head, go
  /// to hand_over_to; so do those with a request in hand, once it is answered. Streams end.
  virtual void hand_over(double grace_seconds) = 0;
  struct Counters {
    std::uint64_t accepted, requests, refused, timed_out;
    int open_connections, queued, streams;
  };
  virtual Counters counters() const = 0;
};

}  // namespace caravan::http
