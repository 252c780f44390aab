#pragma once

#include <string>

namespace caravan::app {

/// Asks for this process to be replaced by a new one that reads files, settings and plugins anew. Returns at once; then requests
/// in hand are answered, jobs end or give back their leases, and the supervisor starts the next process on the same sockets.
/// Meanwhile new connections wait, and idle ones are handed on: no request is lost. Streams of events end, their clients come
/// back by themselves. `reason` is for the log: "the plugin sales 1.3.0 replaces 1.2.9".
/// False, and nothing happens, where nobody would start the next process: in a command, and under --no-supervisor; then tell the
/// administrator to restart the server. Further requests before the replacement join the first. Thread-safe.
bool request_restart(std::string reason);

/// For `serve`, when its loop takes SIGUSR1: from now on request_restart() wakes it.
void accept_restarts();
/// Why a restart was requested; empty where none was.
std::string restart_reason();

}  // namespace caravan::app
