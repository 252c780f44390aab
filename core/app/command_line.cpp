#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>

#include "base/error.h"

namespace caravan::app {

namespace fs = std::filesystem;

void CommandLine::place(CLI::App* command, bool database) {
  command
      ->add_option("--config", overrides.config,
                   "Configuration folder (caravan.yaml and the agency's definitions)")
      ->type_name("DIR");
  command->add_option("--plugins", overrides.plugins, "Folder of plugin files (*.so)")->type_name("DIR");
  if (!database) return;
  command->add_option("--data", overrides.data, "Data directory (database, admin socket)")->type_name("DIR");
  command
      ->add_option("--database", overrides.database, "sqlite:///path or mysql://user:password@host:port/name")
      ->type_name("URL");
}

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
        if (!file.empty())
          std::cerr << file << ':' << text(item, "line") << ':' << text(item, "column") << ": " << message;
        else
          std::cerr << "  " << text(item, "field") << ": " << message;
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

void print_json(const records::Json& json) {
  std::string text;
  json.write(text);
  std::cout << text << '\n';
}

int print_items(const records::Json& answer, bool as_json, const char* none, const std::function<void(const records::Json& item)>& print) {
  if (as_json) {
    print_json(answer);
    return 0;
  }
  const auto* member = answer.find("items");
  const auto* items = member != nullptr ? member->as<records::Json::Array>() : nullptr;
  if (items == nullptr || items->empty()) std::cout << none << '\n';
  else for (const auto& item : *items) print(item);
  if (!json_text(answer, "next").empty()) std::cout << "There are more; see --limit.\n";
  return 0;
}

}  // namespace caravan::app
