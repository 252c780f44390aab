#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <memory>

#include "app/command_line.h"
#include "app/runtime.h"
#include "model/handbook.h"

namespace caravan::app {
namespace {

struct Given {
  std::string locale, output;
  std::string format = "html";
};

int print_handbook(const Overrides& overrides, const Given& given) {
  const Definitions definitions = load_definitions(settings_or_exit(overrides));
  if (!definitions.loaded.catalog) {
    print_diagnostics(definitions.loaded.diagnostics);
    return 1;
  }
  const model::Catalog& catalog = *definitions.loaded.catalog;
  std::string locale = given.locale.empty() ? catalog.agency.locale : given.locale;
  if (!model::has_handbook_language(locale)) locale = "en";
  const model::Handbook handbook = model::make_handbook(catalog, locale);
  const std::string text = given.format == "md" ? model::handbook_markdown(handbook) : model::handbook_html(handbook);
  if (given.output.empty()) {
    std::cout << text << std::flush;
    return std::cout ? 0 : 1;
  }
  std::ofstream file(given.output, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) throw Error(ErrorCode::invalid_argument, "The file \"" + given.output + "\" cannot be written.");
  return 0;
}

}  // namespace

void add_handbook_command(CommandLine& line, CLI::App& docs) {
  const auto given = std::make_shared<Given>();
  auto* handbook = docs.add_subcommand("handbook", "Print the operating manual that the definitions make: processes, posts, forms, time limits, messages");
  line.place(handbook, false);
  handbook->add_option("--locale", given->locale, "Language; the agency's unless given")->check(CLI::IsMember({"en", "zh-CN", "zh-TW"}));
  handbook->add_option("--format", given->format, "html or md")->check(CLI::IsMember({"html", "md"}))->capture_default_str();
  handbook->add_option("--output", given->output, "Write to this file")->type_name("FILE");
  handbook->callback([&line, given] { line.code = print_handbook(line.overrides, *given); });
}

}  // namespace caravan::app
