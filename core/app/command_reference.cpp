#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>

#include "app/command_line.h"
#include "expr/conformance.h"
#include "model/loader.h"

#ifndef CARAVAN_VERSION
#define CARAVAN_VERSION "0.0.0"
#endif

namespace caravan::app {

void add_reference_commands(CommandLine& line) {
  struct Given {
    std::string cases;
  };
  const auto given = std::make_shared<Given>();
  auto* expressions = line.app.add_subcommand("expr", "The rule language");
  expressions->add_option("--conformance", given->cases, "Run the cases of this file (JSON lines)")
      ->required()
      ->check(CLI::ExistingFile);
  expressions->callback([&line, given] {
    const auto suites = expr::run_conformance(given->cases);
    std::cout << expr::conformance_report(suites);
    line.code = std::all_of(suites.begin(), suites.end(), [](const auto& suite) { return suite.failed == 0; })
                    ? 0
                    : 1;
  });

  auto* docs = line.app.add_subcommand("docs", "Reference documentation");
  docs->require_subcommand(1);
  docs->add_subcommand("definitions", "Print the reference of the definition language")->callback([] {
    std::cout << model::definitions_reference();
  });

  line.app.add_subcommand("version", "Print the version")->callback([] {
    std::cout << "caravan " CARAVAN_VERSION "\n";
  });
}

}  // namespace caravan::app
