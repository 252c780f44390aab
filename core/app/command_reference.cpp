#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <iomanip>
#include <memory>

#include "api/api.h"
#include "api/json_writer.h"
#include "app/command_line.h"
#include "expr/conformance.h"
#include "model/loader.h"

#ifndef CARAVAN_VERSION
#define CARAVAN_VERSION "0.0.0"
#endif

namespace caravan::app {
namespace {

const char* name_of(api::Access access) {
  switch (access) {
    case api::Access::anyone: return "anyone";
    case api::Access::user: return "user";
    case api::Access::administrator: return "administrator";
  }
  return "";
}

void print_routes(bool as_json) {
  std::string out;
  api::JsonWriter json(out);
  json.begin_array();
  for (const api::RouteInfo& route : api::Api::routes()) {
    json.begin_object().member("method", route.method).member("pattern", route.pattern);
    json.member("access", name_of(route.access)).member("summary", route.summary).end_object();
    if (as_json) continue;
    std::cout << std::left << std::setw(7) << route.method << std::setw(50) << route.pattern << std::setw(15)
              << name_of(route.access) << route.summary << '\n';
  }
  json.end_array();
  if (as_json) std::cout << out << '\n';
}

}  // namespace

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
  const auto as_json = std::make_shared<bool>(false);
  auto* routes = docs->add_subcommand("routes", "Print the routes of the HTTP API and who may use them");
  routes->add_flag("--json", *as_json, "As JSON");
  routes->callback([as_json] { print_routes(*as_json); });

  line.app.add_subcommand("version", "Print the version")->callback([] {
    std::cout << "caravan " CARAVAN_VERSION "\n";
  });
}

}  // namespace caravan::app
