#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

/// Says at every moment which thread runs which plugin's code, in memory that outlives the process: a file of the data directory,
/// mapped. When the process dies, whoever looks after it reads whose fault it was. A mark costs a few nanoseconds.
/// The memory belongs to the process as its signals do, so these are functions and not an object; before open_marks() they work
/// on memory of the process, which nobody reads.
namespace caravan::plugin {

enum class MarkKind : std::uint32_t {
  loading,  ///< static constructors, create, enable
  inside,   ///< a hook or action inside the transaction of a write
  outside   ///< a route, a job, after_commit
};

/// Number of a callback's name; the same for the same names. 0, which nobody can be blamed by, where there are too many.
using MarkId = std::uint32_t;
MarkId mark_id(std::string_view plugin, std::string_view callback, MarkKind kind);

struct MarkSlot;

/// While it lives the calling thread runs that callback. Nests; ends in reverse order. `turn`: a number that no other call has; 0: it is never late.
class Mark {
 public:
  Mark(MarkId id, std::uint64_t turn) noexcept;
  ~Mark();
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;
  /// Whether it has been running for longer than its deadline; said by the watchdog.
  bool late() const noexcept;

 private:
  MarkSlot* slot_;
  std::uint32_t depth_ = 0;
  std::uint64_t turn_;
};

/// While it lives the thread runs the server's own code, called by the plugin: that time is not the plugin's.
class HostMark {
 public:
  HostMark() noexcept;
  ~HostMark();
  HostMark(const HostMark&) = delete;
  HostMark& operator=(const HostMark&) = delete;

 private:
  MarkSlot* slot_;
  std::uint32_t before_ = 0;
};

/// The code of a plugin lies there: for crashes on threads that it made itself.
void mark_code(std::string_view plugin, const void* address_inside);

/// What was written when the process died, or what its marks tell.
struct Death {
  int pid = 0;
  bool started = false;  ///< it had come as far as to serve
  bool known = false;    ///< `how` is what it said itself; else only the marks speak
  std::string how;       ///< `segmentation fault`; empty where not known
  std::string plugin;    ///< empty: no plugin's, or not known
  std::string callback;
  bool loading = false;
};

/// From now on marks go to that file, and fatal signals, exit() and a lack of memory that ends the process are written there too.
/// Sanitizers keep their own signal handlers. What a process before left there is returned and forgotten: nullopt where it ended
/// properly. Throws Error(unavailable) where the file cannot be made. Once, before any plugin is loaded.
std::optional<Death> open_marks(const std::filesystem::path& file);
/// The process serves / is about to end as it should.
void mark_started();
void mark_ending();
/// To be read by another process after the death of the one that wrote it; forgets it.
std::optional<Death> read_death(const std::filesystem::path& file);
/// The fault of a callback for which this process is about to be ended.
void mark_hung(MarkId id, std::string_view how);

/// For the watchdog: what runs plugins' code at the moment. Looks at all threads that ever did.
struct Running {
  std::size_t thread;    ///< number of the slot
  std::uint32_t depth;   ///< of the innermost call
  MarkId id;
  std::uint64_t turn;
  bool in_host;
};
void each_running(const std::function<void(const Running&)>& look);
void mark_late(std::size_t thread, std::uint64_t turn);
struct MarkName {
  std::string plugin, callback;
  MarkKind kind;
};
MarkName mark_name(MarkId id);

}  // namespace caravan::plugin
