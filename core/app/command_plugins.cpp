#include <CLI/CLI.hpp>

#include <cstdio>
#include <iostream>
#include <memory>

#include "api/json_writer.h"
#include "api/negotiate.h"
#include "app/command_line.h"
#include "app/runtime.h"

namespace caravan::app {
namespace {

constexpr const char* base = "/api/v1/admin/plugins";

struct Given {
  std::string name, version, file;
  int limit = 50;
  bool json = false, others = false, yes = false;
};

std::string path_of(const Given& given, const char* rest = "") { return std::string(base) + "/" + api::percent_encode(given.name) + rest; }

std::vector<std::string> texts(const records::Json& json, const char* name) {
  std::vector<std::string> out;
  const auto* member = json.find(name);
  const auto* list = member ? member->as<records::Json::Array>() : nullptr;
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    if (const auto* text = (*list)[i].as<std::string>()) out.push_back(*text);
  }
  return out;
}

bool flag(const records::Json& json, const char* name) {
  const auto* member = json.find(name);
  const bool* on = member ? member->as<bool>() : nullptr;
  return on != nullptr && *on;
}

void print_line(const std::string& name, const std::string& version, const std::string& state, const std::string& file, const std::string& more) {
  std::printf("%-16s %-10s %-11s %s%s%s\n", name.c_str(), version.c_str(), state.c_str(), file.c_str(), more.empty() ? "" : ": ", more.c_str());
}

/// Of the server that runs; where none does, of files and decisions, without running anything of a plugin.
int list(const Overrides& overrides, const Given& given) {
  const Settings settings = settings_or_exit(overrides);
  Channel channel(settings);
  if (channel.served()) {
    const auto answer = ok_or_exit(channel.send("GET", base));
    if (given.json) {
      print_json(*answer.find("items"));
      return 0;
    }
    return print_items(answer, false, "No plugins.", [](const records::Json& plugin) {
      std::string more = json_text(plugin, "error");
      if (const auto* decided = plugin.find("decided"); decided != nullptr && !decided->is_null())
        more += (more.empty() ? "" : "; ") + std::string(flag(*decided, "on") ? "switched on by " : "switched off by ") + json_text(*decided, "by");
      print_line(json_text(plugin, "name"), json_text(plugin, "version"), json_text(plugin, "state"), json_text(plugin, "file"), more);
    });
  }
  const auto plugins = plugin::PluginRegistry::scan(registry_options(settings, read_decisions(settings.data / "plugins")));
  std::string out;
  api::JsonWriter json(out);
  json.begin_array();
  for (const auto& info : plugins->list()) {
    json.begin_object().member("name", info.name).member("version", info.version).member("kind", plugin::to_string(info.kind));
    json.member("state", plugin::to_string(info.state)).member("file", info.file).member("sdk", info.sdk).member("error", info.error).end_object();
    if (!given.json) print_line(info.name, info.version, plugin::to_string(info.state), info.file, info.error);
  }
  json.end_array();
  if (given.json) std::cout << out << '\n';
  return 0;
}

int tell_change(Channel& channel, const records::Json& answer, const Given& given) {
  if (given.json) {
    print_json(answer);
    return 0;
  }
  const auto on = texts(answer, "on"), off = texts(answer, "off");
  for (const auto& name : on) std::cout << "Switched on: " << name << '\n';
  for (const auto& name : off) std::cout << "Switched off: " << name << '\n';
  if (flag(answer, "restarting")) std::cout << "The server goes on in a fresh process, which takes a moment; no request is lost.\n";
  else if (flag(answer, "restart_needed")) std::cout << (channel.served() ? "Restart the server: until then the version before is used.\n" : "Used from the next start on.\n");
  else if (on.empty() && off.empty()) std::cout << (flag(answer, "changed") ? "Done.\n" : "Nothing has changed.\n");
  return 0;
}

int post(const Overrides& overrides, const Given& given, const char* what, const std::string& body) {
  Channel channel(settings_or_exit(overrides));
  return tell_change(channel, ok_or_exit(channel.send("POST", path_of(given, what), "application/json", body)), given);
}

int enable(const Overrides& overrides, const Given& given) {
  std::string body;
  api::JsonWriter json(body);
  json.begin_object().member("dependencies", given.others);
  if (!given.version.empty()) json.member("version", given.version);
  json.end_object();
  return post(overrides, given, "/enable", body);
}

int disable(const Overrides& overrides, const Given& given) {
  return post(overrides, given, "/disable", given.others ? R"({"dependents":true})" : "{}");
}

int upgrade(const Overrides& overrides, const Given& given) {
  std::string body = "{}";
  if (!given.version.empty()) {
    body.clear();
    api::JsonWriter(body).begin_object().member("version", given.version).end_object();
  }
  return post(overrides, given, "/upgrade", body);
}

int install(const Overrides& overrides, const Given& given) {
  const std::string content = read_file(given.file);
  std::string boundary = "caravan-install";
  while (content.find(boundary) != std::string::npos) boundary += "-x";
  const std::string body = "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"plugin\"\r\n\r\n" + content + "\r\n--" + boundary + "--\r\n";
  Channel channel(settings_or_exit(overrides));
  const auto answer = ok_or_exit(channel.send("POST", base, "multipart/form-data; boundary=" + boundary, body));
  if (given.json) {
    print_json(answer);
    return 0;
  }
  const std::string name = json_text(answer, "name");
  const std::string signature = json_text(answer, "signature");
  std::cout << "Installed " << name << ' ' << json_text(answer, "version") << " ("
            << (signature == "unknown" ? "signed, with a key that plugins: trusted_keys of caravan.yaml does not list"
                : signature == "unsigned" ? "not signed" : signature) << "). "
            << (json_text(answer, "state") == "enabled" ? "Use it: caravan plugin upgrade " : "Switch it on: caravan plugin enable ") << name << '\n';
  return 0;
}

int remove(const Overrides& overrides, const Given& given) {
  Channel channel(settings_or_exit(overrides));
  ok_or_exit(channel.send("DELETE", path_of(given)));
  std::cout << "Removed the installed files of " << given.name << ". Its data is kept; caravan plugin purge shows it.\n";
  return 0;
}

int purge(const Overrides& overrides, const Given& given) {
  Channel channel(settings_or_exit(overrides));
  const auto preview = ok_or_exit(channel.send("GET", path_of(given, "/purge")));
  const auto* tables = preview.find("tables");
  const auto* rows = tables ? tables->as<records::Json::Array>() : nullptr;
  if (rows == nullptr || rows->empty()) {
    std::cout << "There is no data of " << given.name << ".\n";
    return 0;
  }
  for (const auto& table : *rows) std::cout << json_text(table, "table") << ": " << json_text(table, "rows") << " rows\n";
  if (!given.yes) {
    std::cout << "Nothing was deleted. With --yes these tables are, after a copy.\n";
    return 0;
  }
  std::string body;
  api::JsonWriter(body).begin_object().member("confirm", json_text(preview, "confirm")).end_object();
  const auto done = ok_or_exit(channel.send("POST", path_of(given, "/purge"), "application/json", body));
  std::cout << "Deleted. The rows are in " << json_text(done, "backup") << '\n';
  return 0;
}

int history(const Overrides& overrides, const Given& given) {
  Channel channel(settings_or_exit(overrides));
  const auto answer = ok_or_exit(channel.send("GET", path_of(given, ("/history?limit=" + std::to_string(given.limit)).c_str())));
  return print_items(answer, given.json, "Nothing was done with it yet.", [](const records::Json& deed) {
    std::cout << json_text(deed, "at") << "  " << json_text(deed, "action") << "  " << json_text(deed, "version") << "  by " << json_text(deed, "by");
    if (const std::string detail = json_text(deed, "detail"); !detail.empty()) std::cout << "  " << detail;
    std::cout << '\n';
  });
}

}  // namespace

void add_plugin_commands(CommandLine& line, CLI::App& plugins) {
  const auto add = [&](const char* name, const char* what, int (*run)(const Overrides&, const Given&), bool named = true) {
    const auto given = std::make_shared<Given>();
    auto* command = plugins.add_subcommand(name, what);
    line.place(command);
    if (named) command->add_option("name", given->name, "The plugin's or pack's name")->required();
    command->callback([&line, given, run] { line.code = run(line.overrides, *given); });
    return std::pair(command, given);
  };
  {
    const auto [command, given] = add("list", "List plugins and packs with their state", &list, false);
    command->add_flag("--json", given->json, "As JSON");
  }
  {
    const auto [command, given] = add("enable", "Switch a plugin on, in a running server and for later starts", &enable);
    command->add_option("--version", given->version, "That version");
    command->add_flag("--dependencies", given->others, "Also what it needs");
    command->add_flag("--json", given->json, "As JSON");
  }
  {
    const auto [command, given] = add("disable", "Switch a plugin off; its data stays", &disable);
    command->add_flag("--dependents", given->others, "Also what needs it");
    command->add_flag("--json", given->json, "As JSON");
  }
  {
    const auto [command, given] = add("install", "Install the file of a plugin or pack; it is not switched on", &install, false);
    command->add_option("file", given->file, "NAME.so or NAME-VERSION.pack.yaml")->required()->check(CLI::ExistingFile);
    command->add_flag("--json", given->json, "As JSON");
  }
  {
    const auto [command, given] = add("upgrade", "Use another installed version of a plugin that is on", &upgrade);
    command->add_option("--version", given->version, "That version; the newest where nothing is said");
    command->add_flag("--json", given->json, "As JSON");
  }
  add("remove", "Delete the installed files of a plugin that is off; its data stays", &remove);
  {
    const auto [command, given] = add("purge", "Show the data that a plugin has left, and delete it", &purge);
    command->add_flag("--yes", given->yes, "Delete it, after a copy");
  }
  {
    const auto [command, given] = add("history", "Who did what with a plugin", &history);
    command->add_option("--limit", given->limit, "At most so many (50)")->check(CLI::Range(1, 200));
    command->add_flag("--json", given->json, "As JSON");
  }
}

}  // namespace caravan::app
