#include <CLI/CLI.hpp>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "app/command_line.h"

extern char** environ;

namespace caravan::app {
namespace {

/// Runs the program to its end; its exit code, 1 where a signal ended it.
int run_program(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  if (const int failed = posix_spawn(&child, program.c_str(), nullptr, nullptr, argv.data(), environ); failed != 0)
    throw Error(ErrorCode::unavailable, program + " cannot be run: " + std::strerror(failed));
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw Error(ErrorCode::internal, program + ": " + std::strerror(errno));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/// What a pack's program makes is the pack's affair: the server knows no branch of business.
int demo(const Overrides& overrides, const std::vector<std::string>& arguments) {
  const Settings settings = settings_or_exit(overrides);
  if (access(settings.admin_socket().c_str(), R_OK | W_OK) != 0) {
    std::cerr << "caravan: no server runs with the data in " << settings.data.string() << "; start it first: caravan serve\n";
    return 1;
  }
  std::vector<std::string> all{"--socket", settings.admin_socket().string()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const auto programs_of = [&](const std::vector<std::string>& packs) {
    std::vector<std::string> found;
    for (const std::string& pack : packs) {
      const std::string program = (settings.config / "packs" / pack / "demo").string();
      if (access(program.c_str(), X_OK) == 0) found.push_back(program);
    }
    return found;
  };
  // Where no pack in use has one, those beside them: what they need of definitions, they tell.
  std::vector<std::string> programs = programs_of(settings.packs);
  if (programs.empty()) {
    std::vector<std::string> others;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(settings.config / "packs", none)) others.push_back(entry.path().filename().string());
    std::sort(others.begin(), others.end());
    programs = programs_of(others);
  }
  if (programs.empty()) {
    std::cerr << "caravan: no pack in " << (settings.config / "packs").string() << " has a program `demo`\n";
    return 1;
  }
  for (const std::string& program : programs) {
    if (const int code = run_program(program, all); code != 0) return code;
  }
  return 0;
}

}  // namespace

void add_demo_command(CommandLine& line) {
  auto* command = line.app.add_subcommand("demo", "Fill the running server with work that the packs in use make up; the same --seed makes the same");
  line.place(command);
  command->allow_extras();
  command->footer("All other options go to the packs' programs: `caravan demo -- --help` prints theirs.");
  command->callback([&line, command] { line.code = demo(line.overrides, command->remaining()); });
}

}  // namespace caravan::app
