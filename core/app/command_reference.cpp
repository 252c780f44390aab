#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <iomanip>
#include <memory>
#include <utility>

#include "api/api.h"
#include "api/json_writer.h"
#include "api/openapi.h"
#include "api/problem_kinds.h"
#include "app/command_line.h"
#include "app/runtime.h"
#include "expr/conformance.h"
#include "model/check_codes.h"
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

/// One member a line, so that two versions can be compared.
void write_indented(std::string& out, const records::Json& json, std::size_t depth) {
  const auto line = [&](std::size_t level) { out += "\n" + std::string(2 * level, ' '); };
  bool first = true;
  if (const auto* object = json.as<records::Json::Object>(); object != nullptr && !object->empty()) {
    out.push_back('{');
    for (const auto& [name, value] : *object) {
      if (!std::exchange(first, false)) out.push_back(',');
      line(depth + 1);
      records::write_json_string(out, name);
      out += ": ";
      write_indented(out, value, depth + 1);
    }
    line(depth);
    out.push_back('}');
  } else if (const auto* array = json.as<records::Json::Array>(); array != nullptr && !array->empty()) {
    out.push_back('[');
    for (const auto& value : *array) {
      if (!std::exchange(first, false)) out.push_back(',');
      line(depth + 1);
      write_indented(out, value, depth + 1);
    }
    line(depth);
    out.push_back(']');
  } else {
    json.write(out);
  }
}

int print_openapi(const Overrides& overrides, bool generic, const std::string& locale) {
  std::string document;
  if (generic) {
    document = api::openapi_json();
  } else {
    const Definitions definitions = load_definitions(settings_or_exit(overrides));
    if (!definitions.loaded.catalog) {
      print_diagnostics(definitions.loaded.diagnostics);
      return 1;
    }
    records::Context context;
    context.actor.system = true;
    context.catalog = definitions.loaded.catalog;
    document = api::openapi_json(context, {}, locale);
  }
  std::string out;
  write_indented(out, records::parse_json(document), 0);
  std::cout << out << '\n';
  return 0;
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
  docs->add_subcommand("schema", "Print the JSON Schema of the definition language, for editors")->callback([] {
    std::cout << model::definitions_schema();
  });
  docs->add_subcommand("checks", "Print what `caravan check` finds, code by code")->callback([] { std::cout << model::checks_reference(); });
  const auto as_json = std::make_shared<bool>(false);
  auto* routes = docs->add_subcommand("routes", "Print the routes of the HTTP API and who may use them");
  routes->add_flag("--json", *as_json, "As JSON");
  routes->callback([as_json] { print_routes(*as_json); });

  struct Wanted {
    bool generic = false;
    std::string locale = "en";
  };
  const auto wanted = std::make_shared<Wanted>();
  auto* openapi = docs->add_subcommand("openapi", "Print the OpenAPI 3.1 document, with all entities; plugins' own routes are in a running server's only");
  line.place(openapi, false);
  openapi->add_flag("--generic", wanted->generic, "The routes alone, the same for every agency");
  openapi->add_option("--locale", wanted->locale, "Language of labels")->check(CLI::IsMember({"en", "zh-CN", "zh-TW"}));
  openapi->callback([&line, wanted] { line.code = print_openapi(line.overrides, wanted->generic, wanted->locale); });
  add_handbook_command(line, *docs);
  docs->add_subcommand("problems", "Print the reference of the API's error codes")->callback([] {
    std::cout << api::problems_reference();
  });

  line.app.add_subcommand("version", "Print the version")->callback([] {
    std::cout << "caravan " CARAVAN_VERSION "\n";
  });
}

}  // namespace caravan::app
