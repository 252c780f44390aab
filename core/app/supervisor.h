#pragma once

#include <optional>
#include <string>

#include "app/settings.h"
#include "plugin/crash_mark.h"

namespace caravan::app {

/// `caravan serve` is two processes: a small one that holds the sockets, looks after the other and runs nobody else's code, and the
/// worker, which is the server. When the worker dies, the next one takes over; meanwhile connections wait.

/// Exit codes of a worker that asks for a successor.
inline constexpr int exit_replace = 75;  ///< it has handed over
inline constexpr int exit_hung = 76;     ///< a plugin's code does not return

/// What the worker is given on its command line, `--sockets TCP,ADMIN,TO,FROM,RESTARTS`: descriptors, and how many workers were before.
struct Inherited {
  int tcp = -1, admin = -1, hand_over_to = -1, hand_over_from = -1, restarts = 0;
};
std::optional<Inherited> parse_inherited(const std::string& text);

/// The supervisor's part: binds, starts workers until it is told to end (SIGTERM, SIGINT), passes SIGHUP on. Returns the exit code.
/// Signals are blocked and the process has one thread. Throws Error where the sockets cannot be had.
int supervise(const Settings& settings);

/// The file in which the worker's plugins are marked.
std::filesystem::path marks_file(const Settings& settings);
/// Remembers the death in the quarantine, logs it, and returns whether something is different at the next start.
/// `status`: a sentence of what the operating system said.
bool note_death(const Settings& settings, const plugin::Death& death, const std::string& status);

}  // namespace caravan::app
