#include "app/channel.h"

#include <unistd.h>

#include <filesystem>
#include <ostream>
#include <vector>

#include "api/file_body.h"
#include "app/local_handler.h"
#include "app/runtime.h"
#include "http/local_client.h"

namespace caravan::app {

Channel::Channel(const Settings& settings, bool leave_schema) : settings_(settings), leave_schema_(leave_schema) {}
Channel::~Channel() = default;

namespace {

/// A body that lies in a file, to another one or into the answer.
void drain(const api::FileBody& from, std::ostream* file, std::string& body) {
  std::vector<char> buffer(256 * 1024);
  for (off_t at = 0;;) {
    const auto got = ::pread(from.descriptor(), buffer.data(), buffer.size(), at);
    if (got <= 0) return;
    at += got;
    if (file != nullptr) file->write(buffer.data(), got);
    else body.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

/// What our own commands wrote as %XX.
std::string unescaped(std::string_view text) {
  std::string out;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'A' + 10; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
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
  const auto question = target.find('?');
  const std::string path = target.substr(0, question);
  request.path = path;
  if (question != std::string::npos) {
    std::string_view rest = std::string_view(target).substr(question + 1);
    while (!rest.empty()) {
      const auto end = rest.find('&');
      const std::string_view pair = rest.substr(0, end);
      const auto equals = pair.find('=');
      request.query.emplace_back(pair.substr(0, equals), equals == std::string_view::npos ? std::string() : unescaped(pair.substr(equals + 1)));
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
  }
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
