#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "plugin/crash_mark.h"

namespace caravan::plugin {

/// How many seconds of its own a callback may take; what the server does for it in between is not counted. Beyond, functions of the
/// host refuse; one that has not returned after a fifth of that more is taken to hang. Above 0.
struct Deadlines {
  double inside = 1;    ///< hooks and actions in the transaction of a write: on SQLite all other writes wait meanwhile
  double outside = 30;  ///< routes, jobs, hooks after the commit
  double loading = 10;  ///< static constructors, create, enable
};

/// Looks twenty times a second at what the marks say. Counts looks instead of time, so that a machine that stood still, or gave this
/// process no time, makes nobody late.
class Watchdog {
 public:
  struct Hang {
    MarkId id;
    MarkName name;
    double seconds;
  };
  /// `hung` is called once, for the first callback that hangs; `each_second` about once a second. Both on the watchdog's thread.
  Watchdog(const Deadlines& deadlines, std::function<void(const Hang&)> hung, std::function<void()> each_second = {});
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  struct Seen {
    std::uint64_t turn = 0;
    int own = 0, all = 0;  ///< looks at which the plugin itself, or anything for it, was at work
  };
  void look(const Running& running);
  double limit_of(MarkId id);

  const Deadlines deadlines_;
  const std::function<void(const Hang&)> hung_;
  const std::function<void()> each_second_;
  std::map<std::pair<std::size_t, std::uint32_t>, Seen> seen_;  ///< by thread and depth
  std::map<MarkId, double> limits_;
  bool told_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace caravan::plugin
