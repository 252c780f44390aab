#include "http/poco_adapter.h"

#include <Poco/Net/HTTPServerParams.h>
#include <Poco/Net/HTTPServerRequestImpl.h>
#include <Poco/Net/HTTPServerResponseImpl.h>
#include <Poco/Net/HTTPServerSession.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/Net/StreamSocketImpl.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "http/answer.h"
#include "http/framing.h"
#include "http/target.h"

namespace caravan::http {
namespace {

/// A "socket" that reads from memory and swallows what is written.
class MemorySocketImpl final : public Poco::Net::StreamSocketImpl {
 public:
  using SocketImpl::receiveBytes;
  using SocketImpl::sendBytes;
  void set(std::string_view bytes) { rest_ = bytes; }
  std::size_t left() const { return rest_.size(); }

  int receiveBytes(void* buffer, int length, int) override {
    const auto count = std::min(rest_.size(), static_cast<std::size_t>(std::max(length, 0)));
    if (count > 0) std::memcpy(buffer, rest_.data(), count);
    rest_.remove_prefix(count);
    return static_cast<int>(count);
  }
  int sendBytes(const void*, int length, int) override { return length; }
  int available() override { return static_cast<int>(rest_.size()); }
  bool poll(const Poco::Timespan&, int) override { return true; }
  void setSendTimeout(const Poco::Timespan&) override {}
  void setReceiveTimeout(const Poco::Timespan&) override {}
  void shutdown() override {}
  Poco::Net::SocketAddress address() override { return {}; }
  Poco::Net::SocketAddress peerAddress() override { return {}; }

 private:
  ~MemorySocketImpl() override = default;
  std::string_view rest_;
};

class Session final : public Poco::Net::HTTPServerSession {
 public:
  using HTTPServerSession::buffered;
  using HTTPServerSession::HTTPServerSession;
};

/// Calls `use(name, value)` for the field lines of a checked head.
template <typename Use>
void for_each_field(std::string_view head, Use use) {
  auto begin = head.find("\r\n") + 2;
  while (true) {
    const auto end = head.find("\r\n", begin);
    if (end == std::string_view::npos || end == begin) return;
    const auto [name, value] = split_field(head.substr(begin, end - begin));
    use(name, value);
    begin = end + 2;
  }
}

}  // namespace

class PocoAdapter::Parser {
 public:
  Parser()
      : params_(new Poco::Net::HTTPServerParams),
        socket_(new MemorySocketImpl),
        session_(Poco::Net::StreamSocket(socket_), params_) {
    params_->setKeepAlive(true);
  }
  MemorySocketImpl& socket() { return *socket_; }
  Session& session() { return session_; }
  Poco::Net::HTTPServerParams* params() { return params_.get(); }
  /// Nothing is left over from the last request.
  bool clean() { return socket_->left() == 0 && session_.buffered() == 0; }

 private:
  Poco::Net::HTTPServerParams::Ptr params_;
  MemorySocketImpl* socket_;  ///< owned by the session's socket
  Session session_;
};

PocoAdapter::PocoAdapter(api::Handler& handler, const TrustedProxies& trusted)
    : handler_(handler), trusted_(trusted) {}
PocoAdapter::~PocoAdapter() = default;

api::Response PocoAdapter::answer(const std::string& head, std::string_view body,
                                  const Origin& origin) noexcept {
  try {
    auto response = parse_and_handle(head, body, origin);
    if (!parser_->clean()) parser_.reset();
    return response;
  } catch (const Poco::Net::MessageException&) {
    parser_.reset();
    return problem(400, "The head of the request is malformed.");
  } catch (const std::exception&) {
    parser_.reset();
    return problem(500, "The server failed on this request.");
  }
}

api::Response PocoAdapter::parse_and_handle(const std::string& head, std::string_view body,
                                            const Origin& origin) {
  if (!parser_) parser_ = std::make_unique<Parser>();
  // Poco decodes RFC 2047 words (=?utf-8?q?=0D=0A?=) in every value, which HTTP does not have: such a head is
  // given to it with the words broken, and the values are taken from the head itself.
  const bool words = head.find("=?", head.find("\r\n")) != std::string::npos;
  std::string masked;
  if (words) {
    masked = head;
    for (auto at = masked.find("=?", masked.find("\r\n")); at != std::string::npos;
         at = masked.find("=?", at))
      masked[at + 1] = '_';
  }
  parser_->socket().set(words ? masked : head);
  Poco::Net::HTTPServerResponseImpl poco_response(parser_->session());
  const Poco::Net::HTTPServerRequestImpl poco(poco_response, parser_->session(), parser_->params());

  Target target;
  if (!split_target(poco.getURI(), target))
    return problem(400, "The address in the request line is malformed.");
  const auto path = decode_path(target.path);
  if (!path) {
    return problem(400,
                   "The path has an invalid escape, a control character, an escaped slash, a segment '.' or "
                   "'..', or is not UTF-8.");
  }
  auto query = decode_query(target.query);
  if (!query) return problem(400, "The query has an invalid escape, or is not UTF-8.");

  api::Request request;
  request.method = poco.getMethod();
  request.path = *path;
  request.query = std::move(*query);
  request.body = body;
  request.admin_socket = origin.admin_socket;
  request.headers.reserve(poco.size());
  if (words) {
    for_each_field(head, [&request](std::string_view name, std::string_view value) {
      request.headers.emplace_back(name, value);
    });
  } else {
    for (const auto& [name, value] : poco) request.headers.emplace_back(name, trim_blanks(value));
  }
  if (!target.authority
           .empty()) {  // RFC 9112, 3.2.2: the absolute form's authority counts, not the Host field
    for (auto& [name, value] : request.headers) {
      if (equals_ignoring_case(name, "Host")) value = target.authority;
    }
  }

  std::string remote = "unix";
  if (!origin.admin_socket) {
    IpAddress client = origin.peer;
    if (trusted_.contains(origin.peer)) {
      std::vector<std::string_view> forwarded_for;
      for (const auto& [name, value] : request.headers) {
        if (equals_ignoring_case(name, "X-Forwarded-For")) {
          forwarded_for.push_back(value);
        } else if (equals_ignoring_case(name, "X-Forwarded-Proto")) {
          const auto comma = value.rfind(',');
          request.secure = equals_ignoring_case(
              trim_blanks(comma == std::string_view::npos ? value : value.substr(comma + 1)), "https");
        }
      }
      client = client_behind(origin.peer, forwarded_for, trusted_);
    }
    remote = client.to_string();
  }
  request.remote_address = remote;
  return handler_.handle(request);
}

}  // namespace caravan::http
