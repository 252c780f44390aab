#include "app/commands.h"

#include <CLI/CLI.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <pthread.h>

#include "api/json_writer.h"
#include "app/channel.h"
#include "app/local_handler.h"
#include "app/runtime.h"
#include "app/settings.h"
#include "base/error.h"
#include "expr/conformance.h"
#include "http/front_door.h"
#include "http/local_client.h"
#include "records/json.h"

#ifndef CARAVAN_VERSION
#define CARAVAN_VERSION "0.0.0"
#endif

namespace caravan::app {
namespace {

namespace fs = std::filesystem;

/// Ends the program with this code; the message has been printed.
struct Exit {
  int code;
};

void print_diagnostics(const std::vector<model::Diagnostic>& diagnostics) {
  for (const auto& diagnostic : diagnostics) std::cerr << model::to_string(diagnostic) << '\n';
}

bool has_error(const std::vector<model::Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const auto& d) { return d.severity == model::Diagnostic::Severity::error; });
}

Settings settings_or_exit(const Overrides& overrides) {
  auto result = load_settings(overrides, fs::read_symlink("/proc/self/exe"));
  print_diagnostics(result.diagnostics);
  if (!result.settings) throw Exit{1};
  return std::move(*result.settings);
}

void print_error(const Error& error) {
  std::cerr << "caravan: " << error.message() << '\n';
  for (const auto& field : error.fields()) {
    if (error.message().find(field.message) == std::string::npos) {
      std::cerr << "  " << field.field << (field.field.empty() ? "" : ": ") << field.message << '\n';
    }
  }
}

/// The answer's JSON, or prints the problem and ends the program.
records::Json ok_or_exit(const Channel::Answer& answer) {
  if (answer.status >= 200 && answer.status < 300) {
    return answer.body.empty() ? records::Json() : records::parse_json(answer.body);
  }
  try {
    const auto problem = records::parse_json(answer.body);
    const auto text = [](const records::Json& json, const char* name) {
      const auto* member = json.find(name);
      if (const auto* s = member ? member->as<std::string>() : nullptr) return *s;
      const auto* n = member ? member->as<records::Json::Number>() : nullptr;
      return n ? n->text : std::string();
    };
    const std::string detail = text(problem, "detail");
    std::cerr << "caravan: " << (detail.empty() ? text(problem, "title") : detail) << '\n';
    const auto* errors = problem.find("errors");
    if (const auto* list = errors ? errors->as<records::Json::Array>() : nullptr) {
      for (const auto& item : *list) {
        const std::string message = text(item, "message");
        if (detail.find(message) != std::string::npos) continue;
        const std::string file = text(item, "file"), hint = text(item, "hint");
        if (!file.empty()) std::cerr << file << ':' << text(item, "line") << ':' << text(item, "column") << ": " << message;
        else std::cerr << "  " << text(item, "field") << ": " << message;
        std::cerr << (hint.empty() ? "" : ": " + hint) << '\n';
      }
    }
  } catch (const Error&) {
    std::cerr << "caravan: the server answered " << answer.status << ": " << answer.body << '\n';
  }
  throw Exit{1};
}

std::string json_text(const records::Json& json, const char* name) {
  const auto* member = json.find(name);
  if (member == nullptr) return {};
  if (const auto* text = member->as<std::string>()) return *text;
  if (const auto* number = member->as<records::Json::Number>()) return number->text;
  return {};
}

/// From standard input to the first line's end, else asked for on the terminal without echo.
std::string read_password(bool from_stdin) {
  if (from_stdin) {
    std::string line;
    if (!std::getline(std::cin, line) || line.empty()) throw Error(ErrorCode::invalid_argument, "No password came on standard input.");
    return line;
  }
  if (isatty(STDIN_FILENO) == 0) throw Error(ErrorCode::invalid_argument, "There is no terminal to ask for the password on; use --password-stdin.");
  const char* typed = getpass("Password: ");
  if (typed == nullptr || *typed == 0) throw Error(ErrorCode::invalid_argument, "No password was given.");
  return typed;
}

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
  LocalHandler handler(runtime, runtime.handler());
  const auto door = http::FrontDoor::start(settings.http, handler);
  std::cout << "Caravan listens on http://" << settings.http.address << ":" << door->port() << std::endl;

  for (;;) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal != SIGHUP) break;
    const auto result = runtime.reload();
    print_diagnostics(result.diagnostics);
    spdlog::info(has_error(result.diagnostics) ? "Reload refused; the definitions in use stay." : "Definitions reloaded.");
  }
  door->stop(10);
  return 0;
}

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

int check(const Overrides& overrides, const std::string& format) {
  auto checked = load_settings(overrides, fs::read_symlink("/proc/self/exe"));
  std::vector<model::Diagnostic> diagnostics = checked.diagnostics;
  std::size_t entities = 0, documents = 0;
  if (checked.settings) {
    const auto definitions = load_definitions(*checked.settings);
    diagnostics.insert(diagnostics.end(), definitions.loaded.diagnostics.begin(), definitions.loaded.diagnostics.end());
    if (definitions.loaded.catalog) {
      entities = definitions.loaded.catalog->entities.size();
      documents = definitions.loaded.catalog->forms.size() + definitions.loaded.catalog->roles.size();
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
    if (errors == 0) std::cout << "No mistakes: " << entities << " entities, " << documents << " forms and roles.\n";
    else std::cout << errors << (errors == 1 ? " mistake.\n" : " mistakes.\n");
  }
  return errors == 0 ? 0 : 1;
}

int schema(const Overrides& overrides, bool apply, bool allow_destructive) {
  const Settings settings = settings_or_exit(overrides);
  Channel channel(settings, true);
  const auto answer = ok_or_exit(channel.send(apply ? "POST" : "GET", allow_destructive ? "/local/schema?allow_destructive=1" : "/local/schema"));
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
  }
  return 0;
}

int add_user(const Overrides& overrides, const std::string& username, const std::string& name, const std::vector<std::string>& roles,
             bool from_stdin) {
  const Settings settings = settings_or_exit(overrides);
  std::string body;
  api::JsonWriter json(body);
  json.begin_object().member("username", username).member("name", name.empty() ? username : name).key("roles").begin_array();
  for (const auto& role : roles) json.string(role);
  json.end_array().member("password", read_password(from_stdin)).end_object();
  Channel channel(settings);
  const auto answer = ok_or_exit(channel.send("POST", "/local/users", "application/json", body));
  std::cout << "User " << username << " added with id " << json_text(answer, "id") << ".\n";
  return 0;
}

int set_password(const Overrides& overrides, const std::string& username, bool from_stdin) {
  const Settings settings = settings_or_exit(overrides);
  std::string body;
  api::JsonWriter(body).begin_object().member("username", username).member("password", read_password(from_stdin)).end_object();
  Channel channel(settings);
  ok_or_exit(channel.send("POST", "/local/users/password", "application/json", body));
  std::cout << "Password of " << username << " changed; all sessions ended.\n";
  return 0;
}

int import(const Overrides& overrides, const std::string& entity, const std::string& file, const std::string& map, bool dry_run,
           const std::string& errors) {
  const Settings settings = settings_or_exit(overrides);
  const std::string content = read_file(file), map_text = read_file(map);
  std::string boundary = "caravan-import";
  while (content.find(boundary) != std::string::npos || map_text.find(boundary) != std::string::npos) boundary += "-x";
  std::string body;
  body.reserve(content.size() + map_text.size() + 512);
  const auto part = [&](const char* name, const std::string& filename, const std::string& text) {
    std::string safe = fs::path(filename).filename().string();
    std::replace_if(safe.begin(), safe.end(), [](char c) { return c == '"' || c == '\r' || c == '\n' || c == '\\'; }, '_');
    body += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"" + safe + "\"\r\n\r\n" + text + "\r\n";
  };
  part("map", map, map_text);
  part("file", file, content);
  body += "--" + boundary + "--\r\n";
  Channel channel(settings);
  const auto report = ok_or_exit(channel.send("POST", "/api/v1/import/" + entity + (dry_run ? "?dry_run=1" : ""),
                                              "multipart/form-data; boundary=" + boundary, body));
  std::cout << "rows " << json_text(report, "rows") << ": created " << json_text(report, "created") << ", updated "
            << json_text(report, "updated") << ", unchanged " << json_text(report, "unchanged") << ", failed "
            << json_text(report, "failed") << (dry_run ? " (dry run, nothing kept)" : "") << '\n';
  if (const auto* notes = report.find("notes"); notes && notes->as<records::Json::Object>() && !notes->as<records::Json::Object>()->empty()) {
    std::cout << "notes:\n";
    for (const auto& [note, count] : *notes->as<records::Json::Object>()) {
      const auto* number = count.as<records::Json::Number>();
      std::cout << "  " << note << ": " << (number ? number->text : "?") << '\n';
    }
  }
  if (const auto* mistakes = report.find("errors"); mistakes && mistakes->as<records::Json::Array>()) {
    int shown = 0;
    for (const auto& mistake : *mistakes->as<records::Json::Array>()) {
      if (++shown > 20) break;
      const std::string column = json_text(mistake, "column");
      std::cout << "row " << json_text(mistake, "row") << (column.empty() ? "" : ", " + column) << ": " << json_text(mistake, "message") << '\n';
    }
  }
  const bool failed = json_text(report, "failed") != "0";
  if (!errors.empty() && failed) {
    std::ofstream out(errors, std::ios::binary | std::ios::trunc);
    out << json_text(report, "error_file");
    out.close();
    if (!out) throw Error(ErrorCode::invalid_argument, "The error file " + errors + " cannot be written.");
    std::cout << "failed rows are in " << errors << '\n';
  }
  return failed ? 1 : 0;
}

int list_plugins(const Overrides& overrides, bool as_json) {
  const Settings settings = settings_or_exit(overrides);
  const auto definitions = load_definitions(settings);
  std::string out;
  api::JsonWriter json(out);
  json.begin_array();
  for (const auto& info : definitions.plugins->list()) {
    json.begin_object().member("name", info.name).member("version", info.version).member("state", plugin::to_string(info.state));
    json.member("file", info.file).member("sdk", info.sdk).member("error", info.error).end_object();
    if (as_json) continue;
    std::printf("%-16s %-10s %-9s %s%s%s\n", info.name.c_str(), info.version.c_str(), plugin::to_string(info.state), info.file.c_str(),
                info.error.empty() ? "" : ": ", info.error.c_str());
  }
  json.end_array();
  if (as_json) std::cout << out << '\n';
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

}  // namespace

int run_command_line(int argc, char** argv) {
  CLI::App app{"Caravan: a plugin-based CRM platform server for travel agencies"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "caravan " CARAVAN_VERSION);
  Overrides overrides;
  int code = 0;
  const auto place = [&](CLI::App* command, bool database = true) {
    command->add_option("--config", overrides.config, "Configuration folder (caravan.yaml and the agency's definitions)")->type_name("DIR");
    command->add_option("--plugins", overrides.plugins, "Folder of plugin files (*.so)")->type_name("DIR");
    if (!database) return;
    command->add_option("--data", overrides.data, "Data directory (database, admin socket)")->type_name("DIR");
    command->add_option("--database", overrides.database, "sqlite:///path or mysql://user:password@host:port/name")->type_name("URL");
  };

  auto* serving = app.add_subcommand("serve", "Start the server in the foreground");
  place(serving);
  serving->add_option("--port", overrides.port, "TCP port (0: any free one)")->check(CLI::Range(0, 65535));
  serving->add_option("--address", overrides.address, "Address to listen on");
  serving->add_option("--console", overrides.console, "Folder of the built console")->type_name("DIR");
  serving->callback([&] { code = serve(overrides); });

  std::string format = "text";
  auto* checking = app.add_subcommand("check", "Check configuration and definitions; non-zero where there is a mistake");
  place(checking, false);
  checking->add_option("--format", format, "text or json")->check(CLI::IsMember({"text", "json"}));
  checking->callback([&] { code = check(overrides, format); });

  auto* schemas = app.add_subcommand("schema", "Compare the database with the definitions");
  schemas->require_subcommand(1);
  bool allow_destructive = false;
  auto* plan = schemas->add_subcommand("plan", "Print what would change");
  place(plan);
  plan->callback([&] { code = schema(overrides, false, false); });
  auto* apply = schemas->add_subcommand("apply", "Change the database");
  place(apply);
  apply->add_flag("--allow-destructive", allow_destructive, "Also do what loses data; `schema plan` says what that is");
  apply->callback([&] { code = schema(overrides, true, allow_destructive); });

  std::string username, display;
  std::vector<std::string> roles;
  bool password_stdin = false;
  auto* users = app.add_subcommand("user", "Users");
  users->require_subcommand(1);
  auto* adding = users->add_subcommand("add", "Add a user");
  place(adding);
  adding->add_option("username", username, "Name to log in with")->required();
  adding->add_option("--name", display, "Name to show");
  adding->add_option("--role", roles, "A role, as MODULE.NAME; may be repeated");
  adding->add_flag("--password-stdin", password_stdin, "Read the password from standard input");
  adding->callback([&] { code = add_user(overrides, username, display, roles, password_stdin); });
  auto* passwd = users->add_subcommand("passwd", "Set a user's password; ends all of the user's sessions");
  place(passwd);
  passwd->add_option("username", username, "Name to log in with")->required();
  passwd->add_flag("--password-stdin", password_stdin, "Read the password from standard input");
  passwd->callback([&] { code = set_password(overrides, username, password_stdin); });

  std::string entity, file, map, errors;
  bool dry_run = false;
  auto* importing = app.add_subcommand("import", "Import records from CSV");
  place(importing);
  importing->add_option("entity", entity, "Entity, as MODULE.NAME")->required();
  importing->add_option("file", file, "CSV file")->required()->check(CLI::ExistingFile);
  importing->add_option("--map", map, "Import map (YAML)")->required()->check(CLI::ExistingFile);
  importing->add_flag("--dry-run", dry_run, "Do everything but keep it");
  importing->add_option("--errors", errors, "Write the failed rows to this file")->type_name("FILE");
  importing->callback([&] { code = import(overrides, entity, file, map, dry_run, errors); });

  auto* plugins = app.add_subcommand("plugin", "Plugins");
  plugins->require_subcommand(1);
  bool as_json = false;
  auto* listing = plugins->add_subcommand("list", "List the plugins in the folder with their state");
  place(listing, false);
  listing->add_flag("--json", as_json, "As JSON");
  listing->callback([&] { code = list_plugins(overrides, as_json); });

  auto* reloading = app.add_subcommand("reload", "Tell the running server to read its definitions again");
  place(reloading);
  reloading->callback([&] { code = reload(overrides); });

  std::string cases;
  auto* expressions = app.add_subcommand("expr", "The rule language");
  expressions->add_option("--conformance", cases, "Run the cases of this file (JSON lines)")->required()->check(CLI::ExistingFile);
  expressions->callback([&] { const auto suites = expr::run_conformance(cases);
    std::cout << expr::conformance_report(suites);
    code = std::all_of(suites.begin(), suites.end(), [](const auto& suite) { return suite.failed == 0; }) ? 0 : 1; });

  auto* docs = app.add_subcommand("docs", "Reference documentation");
  docs->require_subcommand(1);
  docs->add_subcommand("definitions", "Print the reference of the definition language")->callback([] {
    std::cout << model::definitions_reference();
  });

  app.add_subcommand("version", "Print the version")->callback([] { std::cout << "caravan " CARAVAN_VERSION "\n"; });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const Exit& exit) {
    return exit.code;
  } catch (const Error& error) {
    print_error(error);
    return 1;
  } catch (const std::exception& error) {
    std::cerr << "caravan: " << error.what() << '\n';
    return 1;
  }
  return code;
}

}  // namespace caravan::app
