#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "api/event_stream.h"
#include "api/file_body.h"
#include "api/message.h"
#include "http/framing.h"

namespace caravan::http {

/// How an answer is written.
struct AnswerStyle {
  bool head_method = false;  ///< no body, but its length
  bool http_1_0 = false;
  bool close = false;  ///< the connection ends after it
};

/// An answer ready for the socket.
struct Answer {
  std::string head;
  std::string body;
  bool close = false;
  std::shared_ptr<api::EventStream> stream;
  std::shared_ptr<const api::FileBody> file;  ///< follows the body
};

/// Adds Content-Length, Date, Connection and X-Content-Type-Options; a handler's own values of the first
/// three are dropped. An answer with a stream has no length: it ends with the connection. A header with a line break or another control character makes the whole answer a 500.
Answer serialize(api::Response response, const AnswerStyle& style);

/// The door's own refusal as problem+json with a new request id. `retry_after` in seconds, 0 for none.
api::Response problem(int status, std::string_view detail, int retry_after = 0);

/// 26 characters of Crockford's base 32: milliseconds since 1970, then random. Not secret. Thread-safe.
std::string new_request_id();

}  // namespace caravan::http
