#include <CLI/CLI.hpp>
#include <pthread.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "app/command_line.h"
#include "app/local_handler.h"
#include "app/metrics.h"
#include "app/restart.h"
#include "app/runtime.h"
#include "app/supervisor.h"
#include "http/front_door.h"
#include "plugin/quarantine.h"
#include "plugin/watchdog.h"

namespace caravan::app {
namespace {

namespace fs = std::filesystem;

/// Seconds that requests in hand have: before the end, and before another process takes over, for which everybody waits.
constexpr double end_grace = 10, replace_grace = 5, hung_grace = 0.4;

struct Options {
  bool no_supervisor = false;
  std::string sockets;
};

void begin_log(const Settings& settings) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("caravan"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
  spdlog::set_level(spdlog::level::from_str(settings.log_level));
}

// ---- memory ----

std::uint64_t machine_memory() {
  const auto pages = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
  std::uint64_t bytes = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::uint64_t group = 0;
  if (std::ifstream("/sys/fs/cgroup/memory.max") >> group && group > 0) bytes = std::min(bytes, group);
  return bytes;
}

/// Of the process's own data; a larger allocation fails, as an error of whoever asks for it.
std::uint64_t limit_memory(const Settings& settings) {
  const std::uint64_t bytes = settings.memory_mb > 0 ? static_cast<std::uint64_t>(settings.memory_mb) << 20 : machine_memory() / 4 * 3;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  rlimit limit{};
  if (bytes == 0 || ::getrlimit(RLIMIT_DATA, &limit) != 0) return bytes;
  limit.rlim_cur = std::min<rlim_t>(bytes, limit.rlim_max);
  if (::setrlimit(RLIMIT_DATA, &limit) != 0) spdlog::warn("The server's memory cannot be limited: {}", std::strerror(errno));
#endif
  return bytes;
}

/// Replaces the process in time where its memory grows towards the limit, since allocations would fail anywhere.
class MemoryWatch {
 public:
  explicit MemoryWatch(std::uint64_t limit) : limit_(limit) {}
  void look() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t size = 0, resident = 0;
    if (limit_ == 0 || !(file >> size >> resident)) return;
    resident *= static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    high_ = resident > limit_ / 10 * 9 ? high_ + 1 : 0;
    if (high_ == 5) request_restart("its memory has grown to " + std::to_string(resident >> 20) + " MB of the " + std::to_string(limit_ >> 20) + " MB that it may take");
  }

 private:
  const std::uint64_t limit_;
  int high_ = 0;
};

// ---- the server itself ----

/// Ends the process because a plugin's code does not return: nobody can join that thread.
[[noreturn]] void end_hung(const plugin::Watchdog::Hang& hang, http::FrontDoor* door) {
  const std::string how = "did not return for " + std::to_string(static_cast<int>(hang.seconds * 10) / 10.0).substr(0, 4) + " seconds";
  plugin::mark_hung(hang.id, how);
  spdlog::critical("The plugin {}, {}, {}: the server is replaced.", hang.name.plugin, hang.name.callback, how);
  if (door != nullptr) {
    // Requests that wait for what the plugin holds cannot be answered; the others have this long.
    std::thread([door] { door->hand_over(hung_grace); }).detach();
    const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(hung_grace + 0.1);
    while (std::chrono::steady_clock::now() < until && door->counters().open_connections > 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ::_exit(exit_hung);
}

void tell_of_quarantine(Runtime& runtime, const Settings& settings) {
  plugin::Quarantine quarantine(settings.data);
  for (const auto& one : quarantine.list()) {
    spdlog::error("The plugin {} is in quarantine since {}, its code is not run. {} Let it run again with: caravan plugin quarantine clear {}", one.plugin,
                  format_timestamp(one.since), one.why, one.plugin);
    if (one.told) continue;
    try {
      runtime.tell_administrators("plugin_quarantined", {one.plugin, one.why});
      quarantine.told(one.plugin);
    } catch (const Error& error) {
      spdlog::warn("Administrators were not told of the quarantine: {}", error.message());
    }
  }
}

int work(Settings settings, const std::optional<Inherited>& inherited) {
  const std::uint64_t memory = limit_memory(settings);
  std::optional<plugin::Death> before;
  try {
    before = plugin::open_marks(marks_file(settings));
  } catch (const Error& error) {
    spdlog::warn("{}. A crash will be nobody's known fault.", error.message());
  }
  // A supervisor has noted it; without one nobody knows whether the process was killed by intent, unless it said itself how it died.
  if (before && before->known) note_death(settings, *before, before->how);
  if (inherited) {
    settings.http.tcp_fd = inherited->tcp;
    settings.http.admin_fd = inherited->admin;
    settings.http.hand_over_to = inherited->hand_over_to;
    settings.http.hand_over_from = inherited->hand_over_from;
  }

  std::atomic<http::FrontDoor*> open_door{nullptr};
  MemoryWatch memory_watch(memory);
  // From before plugins are loaded, until all of them have ended.
  const plugin::Watchdog watchdog(
      settings.deadlines, [&](const plugin::Watchdog::Hang& hang) { end_hung(hang, open_door.load()); }, [&] { memory_watch.look(); });

  Runtime runtime(settings);
  std::string generated;
  if (runtime.make_administrator(generated) && !generated.empty()) {
    std::cout << "administrator login: admin / " << generated << std::endl;
  }
  if (!settings.safe_mode) runtime.follow_other_nodes();
  LocalHandler handler(runtime, runtime.handler());
  MeasuredHandler measured(handler);
  if (inherited) accept_restarts();
  // Before clients that have been waiting all come at once.
  if (!settings.safe_mode) runtime.start_jobs();
  const auto door = http::FrontDoor::start(settings.http, measured);
  open_door.store(door.get());
  plugin::mark_started();
  if (settings.safe_mode) {
    spdlog::critical("Safe mode: plugins, packs and the agency's definitions are left out, and no jobs run, until the server is started without it.");
  }
  std::unique_ptr<MetricsListener> metrics;
  if (settings.metrics.port != 0) {
    MetricSources sources;
    sources.requests = &measured;
    sources.door = [&door] { return door->counters(); };
    sources.plugins = [&runtime] { return runtime.plugin_report(); };
    sources.pools = [&runtime] { return runtime.pool_figures(); };
    sources.queue = [&runtime] { return runtime.queue_stats(); };
    sources.quarantined = [&runtime] { return runtime.quarantined(); };
    sources.restarts = inherited ? inherited->restarts : 0;
    sources.safe_mode = settings.safe_mode;
    metrics = std::make_unique<MetricsListener>(settings.metrics, std::move(sources));
  }
  tell_of_quarantine(runtime, settings);
  std::cout << "Caravan listens on http://" << settings.http.address << ":" << door->port() << std::endl;
  ::sd_notify(0, settings.safe_mode ? "READY=1\nSTATUS=Safe mode" : "READY=1\nSTATUS=Serving");

  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals, signal);
  bool replace = false;
  for (;;) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal == SIGUSR1 && (replace = !restart_reason().empty())) break;
    if (signal == SIGTERM || signal == SIGINT) break;
    if (signal != SIGHUP) continue;
    const auto result = runtime.reload(runtime.system_context("signal"));
    print_diagnostics(result.diagnostics);
    spdlog::info(has_error(result.diagnostics) ? "Reload refused; the definitions in use stay." : "Definitions reloaded.");
  }
  metrics.reset();
  if (replace) {
    spdlog::info("Another process takes over: {}.", restart_reason());
    runtime.stop_jobs(2);
    // A handler that does not end keeps nobody waiting: its transaction is undone, and its client has no answer.
    const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(replace_grace + 1);
    std::atomic<bool> done{false};
    std::thread([&] {
      door->hand_over(replace_grace);
      done.store(true);
    }).detach();
    while (!done.load() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    plugin::mark_ending();
    if (!done.load()) ::_exit(exit_replace);
  } else {
    runtime.stop_jobs(5);
    door->stop(end_grace);
    plugin::mark_ending();
  }
  open_door.store(nullptr);
  return replace ? exit_replace : 0;
}

int serve(const Overrides& overrides, const Options& options) {
  // Before any thread exists, so that all of them leave these to the loop of whoever waits for them.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  std::optional<Inherited> inherited;
  if (!options.sockets.empty() && !(inherited = parse_inherited(options.sockets)))
    throw Error(ErrorCode::invalid_argument, "--sockets is for the supervisor only.");
  const Settings settings = settings_or_exit(overrides);
  begin_log(settings);
  // A folder of ours is for our eyes only; one that was there keeps the rights that its owner gave it.
  if (fs::create_directories(settings.data)) fs::permissions(settings.data, fs::perms::owner_all, fs::perm_options::replace);
  if (inherited || options.no_supervisor) return work(settings, inherited);
  return supervise(settings);
}

}  // namespace

void add_serve(CommandLine& line) {
  auto* serving = line.app.add_subcommand("serve", "Start the server in the foreground");
  line.place(serving);
  const auto options = std::make_shared<Options>();
  serving->add_option("--port", line.overrides.port, "TCP port (0: any free one)")->check(CLI::Range(0, 65535));
  serving->add_option("--address", line.overrides.address, "Address to listen on");
  serving->add_option("--console", line.overrides.console, "Folder of the built console")->type_name("DIR");
  serving->add_flag("--safe-mode", line.overrides.safe_mode, "Without plugins, packs and the agency's definitions, and without jobs");
  serving->add_flag("--no-supervisor", options->no_supervisor, "One process, which nobody starts again when it dies; for a debugger");
  serving->add_option("--sockets", options->sockets)->group("");
  serving->callback([&line, options] { line.code = serve(line.overrides, *options); });
}

}  // namespace caravan::app
