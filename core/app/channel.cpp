#include "app/channel.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <ostream>
#include <vector>

#include "api/file_body.h"
#include "app/local_handler.h"
#include "app/runtime.h"
#include "base/error.h"
#include "http/local_client.h"
#include "http/target.h"

namespace caravan::app {

Channel::Channel(const Settings& settings, bool leave_schema) : settings_(settings), leave_schema_(leave_schema) {}
Channel::~Channel() = default;

namespace {

/// A body that lies in a file, to another one or into the answer.
void drain(const api::FileBody& from, std::ostream* file, std::string& body) {
  std::vector<char> buffer(256 * 1024);
  for (off_t at = 0;;) {
    const auto got = ::pread(from.descriptor(), buffer.data(), buffer.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(ErrorCode::unavailable, std::string("The answer's file cannot be read: ") + std::strerror(errno));
    if (got == 0) return;
    at += got;
    if (file != nullptr) file->write(buffer.data(), got);
    else body.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

bool Channel::served() { return !runtime_ && http::local_request(settings_.admin_socket().string(), "GET", "/healthz", {}, {}).has_value(); }

Channel::Answer Channel::send(std::string_view method, const std::string& target, std::string_view content_type, std::string_view body, std::ostream* file) {
  if (!runtime_) {
    if (auto answer = http::local_request(settings_.admin_socket().string(), method, target, content_type, body, 3600, file)) {
      return {answer->status, std::move(answer->body)};
    }
    runtime_ = std::make_unique<Runtime>(settings_, leave_schema_ ? Runtime::Schema::leave : Runtime::Schema::update);
    handler_ = std::make_unique<LocalHandler>(*runtime_, runtime_->handler());
  }
  api::Request request;
  request.method = method;
  http::Target parts;
  const bool sound = http::split_target(target, parts);
  const auto path = sound ? http::decode_path(parts.path) : std::nullopt;
  auto query = sound ? http::decode_query(parts.query) : std::nullopt;
  if (!path || !query) throw Error(ErrorCode::invalid_argument, "\"" + target + "\" is no address of a request.");
  request.path = *path;
  request.query = std::move(*query);
  if (!content_type.empty()) request.headers.emplace_back("content-type", content_type);
  request.body = body;
  request.remote_address = "local";
  request.admin_socket = true;
  api::Response response = handler_->handle(request);
  if (response.file) {
    drain(*response.file, file, response.body);
  } else if (file != nullptr && response.status < 300) {
    file->write(response.body.data(), static_cast<std::streamsize>(response.body.size()));
    response.body.clear();
  }
  return {response.status, std::move(response.body)};
}

}  // namespace caravan::app
