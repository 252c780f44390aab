#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "api/message.h"

namespace caravan::api {

/// The files of one directory in memory, with `FILE.gz` beside FILE as its compressed form. A request names a
/// file by its exact path or gets none, so no path leads out of the directory. Immutable; thread-safe.
class StaticFiles {
 public:
  /// Reads at most 64 MiB; hidden files and links are left out. Throws Error(unavailable) where the directory
  /// cannot be read; an empty name gives no files.
  explicit StaticFiles(const std::string& directory);
  /// The file of `path`; the console's page for any other path but those below `/assets/`. 404 where there is
  /// none.
  Response answer(const Request& request) const;

 private:
  struct File {
    std::string content_type, body, gzip, tag;
    bool immutable = false;  ///< its name changes with its content
  };
  std::unordered_map<std::string, File> files_;
};

/// Content type by the ending of a file's name.
std::string_view content_type_of(std::string_view file_name);

}  // namespace caravan::api
