#include <CLI/CLI.hpp>

#include <cstdio>
#include <iostream>
#include <memory>

#include "api/json_writer.h"
#include "app/command_line.h"
#include "base/error.h"
#include "plugin/quarantine.h"

namespace caravan::app {
namespace {

int show(const Overrides& overrides, bool as_json) {
  const plugin::Quarantine quarantine(settings_or_exit(overrides).data);
  const auto held = quarantine.list();
  const auto crashes = quarantine.crashes();
  if (as_json) {
    std::string text;
    api::JsonWriter json(text);
    json.begin_object().key("quarantined").begin_array();
    for (const auto& one : held)
      json.begin_object().member("plugin", one.plugin).member("why", one.why).member("since", format_timestamp(one.since)).end_object();
    json.end_array().key("crashes").begin_array();
    for (const auto& one : crashes) {
      json.begin_object().member("at", format_timestamp(one.at)).member("plugin", one.plugin).member("callback", one.callback);
      json.member("how", one.how).member("loading", one.loading).end_object();
    }
    json.end_array().end_object();
    std::cout << text << '\n';
    return 0;
  }
  if (held.empty()) std::cout << "No plugin is in quarantine.\n";
  for (const auto& one : held) std::cout << one.plugin << "  since " << format_timestamp(one.since) << "  " << one.why << '\n';
  for (const auto& one : crashes)
    std::cout << "  " << format_timestamp(one.at) << "  " << one.plugin << ", " << one.callback << ": " << one.how << '\n';
  return 0;
}

/// A server that runs loads the plugin when it is replaced; one that does not, when it is started.
int change(const Overrides& overrides, const std::string& name, bool held) {
  const Settings settings = settings_or_exit(overrides);
  plugin::Quarantine quarantine(settings.data);
  const std::string reason = "the plugin " + name + (held ? " was put in quarantine" : " was let out of quarantine");
  if (held ? !quarantine.hold(name, "An administrator has put it there.", Clock::system().now()) : !quarantine.clear(name))
    throw Error(ErrorCode::not_found, held ? "The plugin " + name + " is in quarantine already." : "The plugin " + name + " is not in quarantine.");
  std::cout << "The code of " << name << (held ? " is not run" : " is run again") << " from the next start on";
  try {
    std::string body;
    api::JsonWriter(body).begin_object().member("reason", reason).end_object();
    Channel channel(settings);
    if (channel.served() && channel.send("POST", "/local/restart", "application/json", body).status == 202) {
      std::cout << "; the server restarts now, and no request is lost.\n";
      return 0;
    }
  } catch (const Error&) {
    // Nobody answers: then it is for the next start indeed.
  }
  std::cout << ".\n";
  return 0;
}

}  // namespace

void add_quarantine_command(CommandLine& line, CLI::App& plugin) {
  auto* quarantine = plugin.add_subcommand("quarantine", "Plugins whose code is not run because it brought the server down");
  quarantine->require_subcommand(1);
  const auto name = std::make_shared<std::string>();
  const auto as_json = std::make_shared<bool>(false);
  auto* list = quarantine->add_subcommand("list", "Which they are, why, and the crashes of late");
  line.place(list);
  list->add_flag("--json", *as_json, "As JSON");
  list->callback([&line, as_json] { line.code = show(line.overrides, *as_json); });
  for (const bool held : {true, false}) {
    auto* command = quarantine->add_subcommand(held ? "add" : "clear", held ? "Do not run a plugin's code any more; its definitions stay in use" : "Run the plugin's code again");
    line.place(command);
    command->add_option("name", *name, "The plugin")->required();
    command->callback([&line, name, held] { line.code = change(line.overrides, *name, held); });
  }
}

}  // namespace caravan::app
