#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/date_time.h"

namespace caravan::plugin {

/// The process died, or had to be ended, while a plugin's code ran.
struct Crash {
  std::string plugin;    ///< empty: it is not known whose fault it was
  std::string callback;  ///< `before_create of sales.order`; `static constructors`
  std::string how;       ///< `segmentation fault`, `called exit(3)`, `did not return for 3 seconds`
  bool loading = false;  ///< in the plugin's constructors, create or enable
  Timestamp at{};
};

/// A plugin whose code is not run. Its definitions stay in use, as others may refer to them; what its code guards is closed:
/// see docs/plugins.md, "When a plugin fails".
struct Quarantined {
  std::string plugin;
  std::string why;  ///< a sentence for the administrator
  Timestamp since{};
  bool told = false;  ///< administrators have had a notice
};

/// The plugins in quarantine and the crashes of late, in a file of the data directory, since a process that dies while it
/// starts has no database. Every function reads the file anew and holds its lock; any process may use it. Thread-safe.
class Quarantine {
 public:
  static constexpr std::chrono::minutes window{10};
  static constexpr int limit = 2;  ///< crashes within the window; one while loading is enough

  explicit Quarantine(const std::filesystem::path& data);
  /// By name. A file that cannot be understood is moved aside, and counts as empty. Throws unavailable where it cannot be read.
  std::vector<Quarantined> list() const;
  std::vector<Crash> crashes() const;  ///< the latest hundred, oldest first
  /// Remembers the crash; returns the quarantine that it leads to. Throws unavailable where the file cannot be written.
  std::optional<Quarantined> crashed(const Crash& crash);
  /// By an administrator; false where it is there already.
  bool hold(const std::string& plugin, std::string why, Timestamp now);
  void told(std::string_view plugin);
  /// Lets the plugin's code run again from the next start on, and forgets its crashes; false where it was not in quarantine.
  bool clear(std::string_view plugin);

 private:
  struct Content;
  struct Lock;
  Content read() const;
  void write(const Content& content) const;
  std::filesystem::path file_;
};

}  // namespace caravan::plugin
