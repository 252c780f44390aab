#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

#include "api/json_writer.h"
#include "app/command_line.h"

namespace caravan::app {
namespace {

constexpr const char* base = "/api/v1/admin/search";

int rebuild(const Overrides& overrides, const std::vector<std::string>& entities) {
  Channel channel(settings_or_exit(overrides));
  std::string body;
  api::JsonWriter json(body);
  json.begin_object();
  if (!entities.empty()) {
    json.key("entities").begin_array();
    for (const std::string& entity : entities) json.string(entity);
    json.end_array();
  }
  json.end_object();
  const auto answer = ok_or_exit(channel.send("POST", std::string(base) + "/rebuild", "application/json", body));
  std::cout << "The index of " << json_text(answer, "entities") << " entities is being built anew; `caravan search status` shows how far.\n";
  return 0;
}

int status(const Overrides& overrides, bool as_json) {
  Channel channel(settings_or_exit(overrides));
  const auto answer = ok_or_exit(channel.send("GET", base));
  if (!as_json) std::cout << json_text(answer, "waiting") << " jobs wait, the oldest for " << json_text(answer, "lag_seconds") << " s; " << json_text(answer, "dead") << " dead\n";
  return print_items(answer, as_json, "Nothing is searched.", [](const records::Json& one) {
    const records::Json* complete = one.find("complete");
    const auto* flag = complete ? complete->as<bool>() : nullptr;
    std::cout << json_text(one, "entity") << ": " << (flag && *flag ? "complete" : "being built") << '\n';
  });
}

}  // namespace

void add_search_commands(CommandLine& line) {
  struct Given {
    std::vector<std::string> entities;
    bool json = false;
  };
  const auto given = std::make_shared<Given>();
  auto* search = line.app.add_subcommand("search", "The index of the full-text search");
  search->require_subcommand(1);
  auto* rebuilding = search->add_subcommand("rebuild", "Build it anew while it stays in use");
  line.place(rebuilding);
  rebuilding->add_option("entities", given->entities, "Only of these entities");
  rebuilding->callback([&line, given] { line.code = rebuild(line.overrides, given->entities); });
  auto* showing = search->add_subcommand("status", "What it holds, and how far it lags behind");
  line.place(showing);
  showing->add_flag("--json", given->json, "As JSON");
  showing->callback([&line, given] { line.code = status(line.overrides, given->json); });
}

}  // namespace caravan::app
