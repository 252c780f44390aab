#pragma once

#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

#include "app/settings.h"

namespace caravan::app {

class Runtime;

/// How a command reaches the data: through the server that runs on this data directory, or, where none does, by opening
/// the database in this process. Either way through the same handler.
class Channel {
 public:
  /// `leave_schema`: a database opened here is not brought up to the definitions first.
  explicit Channel(const Settings& settings, bool leave_schema = false);
  ~Channel();

  struct Answer {
    int status = 0;
    std::string body;
  };
  /// `target` is a path with query, already encoded. Throws Error(unavailable).
  /// The body of a success goes to `file` where one is given.
  Answer send(std::string_view method, const std::string& target, std::string_view content_type = {}, std::string_view body = {},
              std::ostream* file = nullptr);
  /// Whether a server answers; else everything is done in this process.
  bool served();

 private:
  Settings settings_;
  const bool leave_schema_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<class LocalHandler> handler_;
};

}  // namespace caravan::app
