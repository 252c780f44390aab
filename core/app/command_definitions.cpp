#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <unistd.h>

#include "api/json_writer.h"
#include "app/cache_file.h"
#include "app/command_line.h"
#include "app/runtime.h"
#include "base/error.h"
#include "http/local_client.h"
#include "records/data_check.h"
#include "model/check_codes.h"

namespace caravan::app {
namespace {

namespace fs = std::filesystem;

void write_diagnostic_json(api::JsonWriter& json, const model::Diagnostic& d) {
  json.begin_object()
      .member("severity", d.severity == model::Diagnostic::Severity::error ? "error" : "warning")
      .member("file", d.at.file)
      .member("line", std::int64_t{d.at.line})
      .member("column", std::int64_t{d.at.column})
      .member("code", d.code)
      .member("message", d.message)
      .member("hint", d.hint)
      .end_object();
}

struct Cache {
  bool use = true;
  std::string directory;
};

int check(const Overrides& overrides, const std::string& format, const Cache& cache) {
  auto checked = load_settings(overrides, fs::read_symlink("/proc/self/exe"));
  std::vector<model::Diagnostic> diagnostics = checked.diagnostics;
  std::size_t entities = 0, documents = 0;
  if (checked.settings) {
    std::optional<CacheFile> file;
    if (cache.use) file.emplace(cache.directory, checked.settings->config);
    const auto definitions = load_definitions(*checked.settings, file ? file->cache() : nullptr);
    if (file) file->save();
    diagnostics.insert(diagnostics.end(), definitions.loaded.diagnostics.begin(), definitions.loaded.diagnostics.end());
    if (definitions.loaded.catalog) {
      entities = definitions.loaded.catalog->entities.size();
      documents = definitions.loaded.catalog->forms.size() + definitions.loaded.catalog->roles.size();
      if (overrides.database) {
        const auto database = storage::Database::open(*overrides.database);
        auto session = database->read();
        for (auto& found : records::check_data(*session, *definitions.loaded.catalog, {nullptr, true})) diagnostics.push_back(std::move(found));
      }
    }
  }
  const auto errors = std::count_if(diagnostics.begin(), diagnostics.end(),
                                    [](const auto& d) { return d.severity == model::Diagnostic::Severity::error; });
  if (format == "json") {
    std::string out;
    api::JsonWriter json(out);
    json.begin_object().key("diagnostics").begin_array();
    for (const auto& diagnostic : diagnostics) write_diagnostic_json(json, diagnostic);
    json.end_array().member("errors", std::int64_t{errors}).end_object();
    std::cout << out << '\n';
  } else {
    for (const auto& diagnostic : diagnostics) std::cout << model::to_string(diagnostic) << '\n';
    const std::size_t warnings = diagnostics.size() - static_cast<std::size_t>(errors);
    if (errors == 0) {
      std::cout << "No mistakes: " << entities << " entities, " << documents << " forms and roles.";
      if (warnings > 0) std::cout << ' ' << warnings << (warnings == 1 ? " warning." : " warnings.");
      std::cout << '\n';
    } else {
      std::cout << errors << (errors == 1 ? " mistake.\n" : " mistakes.\n");
    }
  }
  return errors == 0 ? 0 : 1;
}

int schema(const Overrides& overrides, bool apply, bool allow_destructive, int wait) {
  const Settings settings = settings_or_exit(overrides);
  Channel channel(settings, true);
  const auto answer = ok_or_exit(channel.send(apply ? "POST" : "GET", allow_destructive ? "/local/schema?allow_destructive=1&wait=" + std::to_string(wait) : "/local/schema"));
  const auto* steps = answer.find("steps");
  const auto* list = steps ? steps->as<records::Json::Array>() : nullptr;
  if (list == nullptr || list->empty()) {
    std::cout << "The database fits the definitions.\n";
    return 0;
  }
  for (const auto& step : *list) {
    const std::string safety = json_text(step, "safety");
    const bool left = apply && safety != "additive" && !allow_destructive;
    std::cout << (left ? "left alone: " : "") << json_text(step, "what") << (safety == "additive" ? "" : "  [" + safety + "]") << '\n';
    // What it would lose, or what stands against it.
    const auto* samples = step.find("samples");
    if (samples == nullptr || samples->as<records::Json::Array>() == nullptr || (apply && !left)) continue;
    for (const auto& sample : *samples->as<records::Json::Array>()) {
      if (const auto* text = sample.as<std::string>()) std::cout << "    " << *text << '\n';
    }
  }
  return 0;
}

int reload(const Overrides& overrides) {
  const Settings settings = settings_or_exit(overrides);
  const auto answer = http::local_request(settings.admin_socket().string(), "POST", "/api/v1/admin/reload", "application/json", "{}");
  if (!answer) throw Error(ErrorCode::unavailable, "No server runs on the data directory " + settings.data.string() + ".");
  const auto result = ok_or_exit({answer->status, answer->body});
  const auto* changed = result.find("changed");
  const bool* is_changed = changed ? changed->as<bool>() : nullptr;
  std::cout << (is_changed && *is_changed ? "The new definitions are in use.\n" : "Nothing has changed.\n");
  return 0;
}

int list_revisions(const Overrides& overrides, bool as_json) {
  Channel channel(settings_or_exit(overrides), true);
  const auto answer = ok_or_exit(channel.send("GET", "/api/v1/admin/revisions?limit=200"));
  if (as_json) {
    std::string out;
    answer.write(out);
    std::cout << out << '\n';
    return 0;
  }
  const auto* items = answer.find("items");
  const auto* list = items ? items->as<records::Json::Array>() : nullptr;
  if (list == nullptr || list->empty()) {
    std::cout << "Nothing was published yet.\n";
    return 0;
  }
  for (const auto& item : *list) {
    const auto* active = item.find("active");
    const bool in_use = active && active->as<bool>() && *active->as<bool>();
    std::printf("%5s  %s  %-20s  %.12s%s\n", json_text(item, "id").c_str(), json_text(item, "created_at").c_str(),
                json_text(item, "author").c_str(), json_text(item, "hash").c_str(), in_use ? "  in use" : "");
  }
  return 0;
}

int activate_revision(const Overrides& overrides, const std::string& id) {
  Channel channel(settings_or_exit(overrides));
  ok_or_exit(channel.send("POST", "/api/v1/admin/revisions/" + id + "/activate", "application/json", "{}"));
  std::cout << "Revision " << id << " is in use.\n";
  return 0;
}

int explain(const std::string& code) {
  const model::CheckCode* found = model::find_check_code(code);
  if (found == nullptr) throw Error(ErrorCode::invalid_argument, "No diagnostic has the code \"" + code + "\"; caravan docs checks lists them all.");
  std::cout << model::explain_check(*found);
  return 0;
}

struct Given {
  std::string revision, code;
  std::string format = "text";
  bool allow_destructive = false, as_json = false;
  int wait = 30;
  Cache cache;
};

}  // namespace

void add_definition_commands(CommandLine& line) {
  const auto given = std::make_shared<Given>();
  auto* checking = line.app.add_subcommand("check", "Check configuration and definitions; non-zero where there is a mistake");
  line.place(checking, false);
  checking->add_option("--format", given->format, "text or json")->check(CLI::IsMember({"text", "json"}));
  checking->add_flag_callback("--json", [given] { given->format = "json"; }, "As --format json");
  checking->add_option("--database", line.overrides.database, "Also look what the rows of this database tell: states and choices in use, broken invariants, roles without a holder")
      ->type_name("URL");
  checking->add_option("--cache", given->cache.directory, "Folder for what was read before; caravan in $XDG_CACHE_HOME or ~/.cache unless given")->type_name("DIR");
  checking->add_flag_callback("--no-cache", [given] { given->cache.use = false; }, "Read everything anew, and keep nothing");
  checking->add_option("--explain", given->code, "Print the page of a code, e.g. never-true");
  checking->callback([&line, given] { line.code = given->code.empty() ? check(line.overrides, given->format, given->cache) : explain(given->code); });

  auto* schemas = line.app.add_subcommand("schema", "Compare the database with the definitions");
  schemas->require_subcommand(1);
  auto* plan = schemas->add_subcommand("plan", "Print what would change");
  line.place(plan);
  plan->callback([&line, given] { line.code = schema(line.overrides, false, false, 0); });
  auto* apply = schemas->add_subcommand("apply", "Change the database");
  line.place(apply);
  apply->add_flag("--allow-destructive", given->allow_destructive, "Also do what loses data; `schema plan` says what that is");
  apply->add_option("--wait", given->wait, "With --allow-destructive: how many seconds other servers may take to leave earlier definitions")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
  apply->callback([&line, given] { line.code = schema(line.overrides, true, given->allow_destructive, given->wait); });

  auto* plugins = line.app.add_subcommand("plugin", "Plugins");
  plugins->require_subcommand(1);
  add_quarantine_command(line, *plugins);
  add_plugin_commands(line, *plugins);
  add_plugin_dev_commands(line, *plugins);

  auto* revisions = line.app.add_subcommand("revision", "Published revisions of the definitions");
  revisions->require_subcommand(1);
  auto* published = revisions->add_subcommand("list", "List them, newest first");
  line.place(published);
  published->add_flag("--json", given->as_json, "As JSON");
  published->callback([&line, given] { line.code = list_revisions(line.overrides, given->as_json); });
  auto* activating = revisions->add_subcommand("activate", "Put an earlier revision in use again, on every node");
  line.place(activating);
  activating->add_option("id", given->revision, "As `revision list` shows it")->required()->check(CLI::PositiveNumber);
  activating->callback([&line, given] { line.code = activate_revision(line.overrides, given->revision); });

  add_edits_command(line, *revisions);

  auto* reloading = line.app.add_subcommand("reload", "Tell the running server to read its definitions again");
  line.place(reloading);
  reloading->callback([&line, given] { line.code = reload(line.overrides); });
}

}  // namespace caravan::app
