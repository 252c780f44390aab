#include "app/commands.h"

#include <CLI/CLI.hpp>

#include <iostream>

#include "app/command_line.h"
#include "base/error.h"

#ifndef CARAVAN_VERSION
#define CARAVAN_VERSION "0.0.0"
#endif

namespace caravan::app {

int run_command_line(int argc, char** argv) {
  CLI::App app{"Caravan: a plugin-based CRM platform server for travel agencies"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "caravan " CARAVAN_VERSION);
  CommandLine line{app, {}, 0};
  add_serve(line);
  add_definition_commands(line);
  add_provenance_commands(line);
  add_data_commands(line);
  add_backup_commands(line);
  add_access_command(line);
  add_clock_commands(line);
  add_audit_commands(line);
  add_key_commands(line);
  add_job_commands(line);
  add_rule_commands(line);
  add_simulate_command(line);
  add_dedupe_command(line);
  add_search_commands(line);
  add_demo_command(line);
  add_reference_commands(line);

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
  return line.code;
}

}  // namespace caravan::app
