#include <CLI/CLI.hpp>
#include <pthread.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <filesystem>
#include <iostream>

#include "app/command_line.h"
#include "app/local_handler.h"
#include "app/runtime.h"
#include "http/front_door.h"

namespace caravan::app {
namespace {

namespace fs = std::filesystem;

int serve(const Overrides& overrides) {
  // Before any thread exists, so that all of them leave these to the loop below.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  const Settings settings = settings_or_exit(overrides);
  spdlog::set_default_logger(spdlog::stderr_logger_mt("caravan"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
  spdlog::set_level(spdlog::level::from_str(settings.log_level));
  // A folder of ours is for our eyes only; one that was there keeps the rights that its owner gave it.
  if (fs::create_directories(settings.data)) fs::permissions(settings.data, fs::perms::owner_all, fs::perm_options::replace);

  Runtime runtime(settings);
  std::string generated;
  if (runtime.make_administrator(generated) && !generated.empty()) {
    std::cout << "administrator login: admin / " << generated << std::endl;
  }
  runtime.follow_other_nodes();
  LocalHandler handler(runtime, runtime.handler());
  const auto door = http::FrontDoor::start(settings.http, handler);
  runtime.start_jobs();
  std::cout << "Caravan listens on http://" << settings.http.address << ":" << door->port() << std::endl;

  for (;;) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal != SIGHUP) break;
    const auto result = runtime.reload(runtime.system_context("signal"));
    print_diagnostics(result.diagnostics);
    spdlog::info(has_error(result.diagnostics) ? "Reload refused; the definitions in use stay." : "Definitions reloaded.");
  }
  runtime.stop_jobs(5);
  door->stop(10);
  return 0;
}

}  // namespace

void add_serve(CommandLine& line) {
  auto* serving = line.app.add_subcommand("serve", "Start the server in the foreground");
  line.place(serving);
  serving->add_option("--port", line.overrides.port, "TCP port (0: any free one)")->check(CLI::Range(0, 65535));
  serving->add_option("--address", line.overrides.address, "Address to listen on");
  serving->add_option("--console", line.overrides.console, "Folder of the built console")->type_name("DIR");
  serving->callback([&line] { line.code = serve(line.overrides); });
}

}  // namespace caravan::app
