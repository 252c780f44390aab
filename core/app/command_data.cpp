#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <thread>
#include <unistd.h>

#include "api/json_writer.h"
#include "app/command_line.h"
#include "app/runtime.h"
#include "base/error.h"
#include "http/local_client.h"

namespace caravan::app {
namespace {

namespace fs = std::filesystem;

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

/// For a query: letters, digits and a few signs as they are.
std::string query_text(const std::string& text) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const unsigned char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-') out += static_cast<char>(c);
    else (((out += '%') += digits[c >> 4]) += digits[c & 15]);
  }
  return out;
}

void print_report(const records::Json& report, bool dry_run) {
  std::cout << "rows " << json_text(report, "rows") << ": created " << json_text(report, "created") << ", updated " << json_text(report, "updated")
            << ", unchanged " << json_text(report, "unchanged") << ", failed " << json_text(report, "failed") << (dry_run ? " (dry run, nothing kept)" : "")
            << '\n';
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
}

/// Waits until the import has ended, showing how far it is.
records::Json follow_import(Channel& channel, const std::string& id) {
  const bool terminal = isatty(STDERR_FILENO) != 0;
  while (true) {
    if (!channel.served()) throw Error(ErrorCode::unavailable, "The server is gone; import " + id + " goes on when it runs again.");
    records::Json run = ok_or_exit(channel.send("GET", "/api/v1/imports/" + id));
    const std::string state = json_text(run, "state");
    if (terminal) std::cerr << "\r" << json_text(run, "done") << " of " << json_text(run, "rows") << " rows" << (state == "done" || state == "failed" ? "\n" : "") << std::flush;
    if (state == "failed") throw Error(ErrorCode::invalid_argument, json_text(run, "message"));
    if (state == "done") return run;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
}

int import(const Overrides& overrides, const std::string& entity, const std::string& file, const std::string& map, const std::string& source, bool dry_run,
           const std::string& errors) {
  const Settings settings = settings_or_exit(overrides);
  // A file, or the name of a map of the definitions; without, the name stands in the place of the entity's.
  const bool named = map.empty() || !fs::exists(map);
  if (named && (map.find('/') != std::string::npos || map.ends_with(".yaml"))) throw Error(ErrorCode::invalid_argument, "There is no file " + map + ".");
  const std::string content = read_file(file), map_text = named ? std::string() : read_file(map);
  std::string boundary = "caravan-import";
  while (content.find(boundary) != std::string::npos || map_text.find(boundary) != std::string::npos) boundary += "-x";
  std::string body;
  body.reserve(content.size() + map_text.size() + 512);
  const auto part = [&](const char* name, const std::string& filename, const std::string& text) {
    std::string safe = fs::path(filename).filename().string();
    std::replace_if(safe.begin(), safe.end(), [](char c) { return c == '"' || c == '\r' || c == '\n' || c == '\\'; }, '_');
    body += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"" + safe + "\"\r\n\r\n" + text + "\r\n";
  };
  if (!named) part("map", map, map_text);
  part("file", file, content);
  body += "--" + boundary + "--\r\n";
  Channel channel(settings);
  // A running server does it as a job, which goes on where it is killed; else it is done here and now.
  const bool job = channel.served();
  std::string target = "/api/v1/import/" + query_text(entity) + (dry_run ? "?dry_run=1" : "?dry_run=0") + (job ? "&job=1" : "");
  if (!map.empty() && named) target += "&map=" + query_text(map);
  if (!source.empty()) target += "&source=" + query_text(source);
  records::Json report = ok_or_exit(channel.send("POST", target, "multipart/form-data; boundary=" + boundary, body));
  const std::string id = job ? json_text(report, "id") : std::string();
  if (job) report = follow_import(channel, id);
  print_report(report, dry_run);
  const bool failed = json_text(report, "failed") != "0";
  if (!errors.empty() && failed) {
    std::ofstream out(errors, std::ios::binary | std::ios::trunc);
    if (job) ok_or_exit(channel.send("GET", "/api/v1/imports/" + id + "/errors", {}, {}, &out));
    else out << json_text(report, "error_file");
    out.close();
    if (!out) throw Error(ErrorCode::invalid_argument, "The error file " + errors + " cannot be written.");
    std::cout << "failed rows are in " << errors << '\n';
  }
  return failed ? 1 : 0;
}

int export_file(const Overrides& overrides, const std::string& entity, const std::string& file, const std::vector<std::pair<std::string, std::string>>& parameters) {
  const Settings settings = settings_or_exit(overrides);
  std::string target = "/api/v1/export/" + query_text(entity);
  for (const auto& [name, value] : parameters) {
    if (!value.empty()) target += (target.find('?') == std::string::npos ? "?" : "&") + name + "=" + query_text(value);
  }
  Channel channel(settings);
  if (file == "-") {
    ok_or_exit(channel.send("GET", target, {}, {}, &std::cout));
    return 0;
  }
  // A file that stands there is whole, or was before.
  const std::string unfinished = file + ".unfinished";
  std::ofstream out(unfinished, std::ios::binary | std::ios::trunc);
  if (!out) throw Error(ErrorCode::invalid_argument, "The file " + unfinished + " cannot be written.");
  ok_or_exit(channel.send("GET", target, {}, {}, &out));
  out.close();
  if (!out) throw Error(ErrorCode::unavailable, "The file " + unfinished + " cannot be written.");
  fs::rename(unfinished, file);
  return 0;
}

struct Given {
  std::string username, display, entity, file, map, errors, source, filter, sort, fields, view, format = "csv", locale, words;
  std::vector<std::string> roles;
  bool password_stdin = false, dry_run = false, labels = false, raw = false;
};

}  // namespace

void add_data_commands(CommandLine& line) {
  const auto given = std::make_shared<Given>();
  auto* users = line.app.add_subcommand("user", "Users");
  users->require_subcommand(1);
  auto* adding = users->add_subcommand("add", "Add a user");
  line.place(adding);
  adding->add_option("username", given->username, "Name to log in with")->required();
  adding->add_option("--name", given->display, "Name to show");
  adding->add_option("--role", given->roles, "A role, as MODULE.NAME; may be repeated");
  adding->add_flag("--password-stdin", given->password_stdin, "Read the password from standard input");
  adding->callback([&line, given] { line.code = add_user(line.overrides, given->username, given->display, given->roles, given->password_stdin); });
  auto* passwd = users->add_subcommand("passwd", "Set a user's password; ends all of the user's sessions");
  line.place(passwd);
  passwd->add_option("username", given->username, "Name to log in with")->required();
  passwd->add_flag("--password-stdin", given->password_stdin, "Read the password from standard input");
  passwd->callback([&line, given] { line.code = set_password(line.overrides, given->username, given->password_stdin); });

  auto* importing = line.app.add_subcommand("import", "Import records from CSV or JSON lines");
  line.place(importing);
  importing->add_option("entity", given->entity, "Entity or import map of the definitions, as MODULE.NAME")->required();
  importing->add_option("file", given->file, "File of CSV or JSON lines")->required()->check(CLI::ExistingFile);
  importing->add_option("--map", given->map, "Import map: a YAML file, or the name of one of the definitions");
  importing->add_option("--source", given->source, "Where a file without a map comes from: its columns are fields, as exports write them");
  importing->add_flag("--dry-run", given->dry_run, "Do everything but keep it");
  importing->add_option("--errors", given->errors, "Write the failed rows to this file")->type_name("FILE");
  importing->callback([&line, given] { line.code = import(line.overrides, given->entity, given->file, given->map, given->source, given->dry_run, given->errors); });

  auto* exporting = line.app.add_subcommand("export", "Write records to a file");
  line.place(exporting);
  exporting->add_option("entity", given->entity, "Entity, as MODULE.NAME")->required();
  exporting->add_option("file", given->file, "File to write; - for standard output")->required();
  exporting->add_option("--format", given->format, "csv (unless given), jsonl or xlsx")->check(CLI::IsMember({"csv", "jsonl", "xlsx"}));
  exporting->add_option("--filter", given->filter, "Condition over `record`, in CEL");
  exporting->add_option("--sort", given->sort, "Fields by comma, - before those that descend");
  exporting->add_option("--fields", given->fields, "Columns, by comma; all unless given");
  exporting->add_option("--view", given->view, "View whose filter, order and columns are taken");
  exporting->add_flag("--labels", given->labels, "Columns and values as people read them");
  exporting->add_option("--locale", given->locale, "Language of --labels");
  exporting->add_flag("--raw", given->raw, "Cells as they are, also those that a spreadsheet would run");
  exporting->callback([&line, given] {
    line.code = export_file(line.overrides, given->entity, given->file,
                            {{"format", given->format}, {"filter", given->filter}, {"sort", given->sort}, {"fields", given->fields}, {"view", given->view},
                             {"labels", given->labels ? "1" : ""}, {"locale", given->locale}, {"raw", given->raw ? "1" : ""}});
  });
}

}  // namespace caravan::app
