#pragma once

#include <functional>
#include <string_view>

namespace caravan::api {

/// An answer without an end: after its head, text is added while the client listens (server-sent events,
/// https://html.spec.whatwg.org/multipage/server-sent-events.html). It costs a connection and no thread.
class EventStream {
 public:
  /// Adds text to the answer. From any thread, also after the client has left; false then, and where it reads so slowly that
  /// the connection is given up. Does not wait. An empty text ends the answer.
  using Sink = std::function<bool(std::string_view)>;

  virtual ~EventStream() = default;
  /// Once, when the answer has begun. Must not wait: it is called by the thread that serves every connection.
  virtual void open(Sink sink) = 0;
  /// Once after open(), when the client has left or the server stops. Must not wait.
  virtual void closed() noexcept = 0;
};

}  // namespace caravan::api
