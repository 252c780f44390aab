#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/channel.h"
#include "app/settings.h"
#include "base/error.h"
#include "model/loader.h"
#include "records/json.h"

namespace CLI {
class App;
}

/// What the commands share. Each group of commands has a file of its own, command_*.cpp, with a function that
/// adds it.
namespace caravan::app {

/// Ends the program with this code; the message has been printed.
struct Exit {
  int code;
};

/// The command line while it is being put together. Outlives the parsing; a command's callback sets `code`.
struct CommandLine {
  CLI::App& app;
  Overrides overrides;
  int code = 0;
  /// Adds the options that say where configuration, plugins and (with `database`) data are.
  void place(CLI::App* command, bool database = true);
};

void add_serve(CommandLine& line);
void add_definition_commands(CommandLine& line);  ///< check, schema, plugin, reload
void add_edits_command(CommandLine& line, CLI::App& revision);  ///< revision edits
void add_provenance_commands(CommandLine& line);  ///< explain, diff
void add_backup_commands(CommandLine& line);      ///< backup, restore
void add_data_commands(CommandLine& line);        ///< user, import
void add_audit_commands(CommandLine& line);       ///< audit
void add_key_commands(CommandLine& line);         ///< keys
void add_look_command(CommandLine& line, CLI::App& audit);  ///< audit looks
void add_job_commands(CommandLine& line);         ///< jobs
void add_rule_commands(CommandLine& line);        ///< automations, schedules
void add_clock_commands(CommandLine& line);       ///< clock
void add_demo_command(CommandLine& line);         ///< demo
void add_search_commands(CommandLine& line);      ///< search
void add_dedupe_command(CommandLine& line);       ///< dedupe
void add_simulate_command(CommandLine& line);     ///< simulate
void add_access_command(CommandLine& line);       ///< access
void add_handbook_command(CommandLine& line, CLI::App& docs);  ///< docs handbook
void add_plugin_dev_commands(CommandLine& line, CLI::App& plugin);  ///< plugin new, verify, keygen, sign, pack
void add_plugin_commands(CommandLine& line, CLI::App& plugin);     ///< plugin list, enable, disable, install, upgrade, remove, purge, history
void add_quarantine_command(CommandLine& line, CLI::App& plugin);  ///< plugin quarantine
void add_reference_commands(CommandLine& line);   ///< expr, docs, version

void print_diagnostics(const std::vector<model::Diagnostic>& diagnostics);
bool has_error(const std::vector<model::Diagnostic>& diagnostics);
/// Prints the mistakes and ends the program where there are no settings.
Settings settings_or_exit(const Overrides& overrides);
void print_error(const Error& error);
/// The answer's JSON, or prints the problem and ends the program.
records::Json ok_or_exit(const Channel::Answer& answer);
/// A member that is a text or a number, as text; "" where there is none.
std::string json_text(const records::Json& json, const char* name);
/// On one line.
void print_json(const records::Json& json);
/// What a list of the API answered: as JSON, or each of its items by `print`, `none` where there is none, and whether there are more.
/// Returns the command's code.
int print_items(const records::Json& answer, bool as_json, const char* none, const std::function<void(const records::Json& item)>& print);

}  // namespace caravan::app
