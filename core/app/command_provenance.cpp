#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <memory>

#include "api/json_writer.h"
#include "app/command_line.h"
#include "app/runtime.h"
#include "base/error.h"
#include "model/provenance.h"
#include "plugin/image.h"
#include "plugin/manifest.h"

namespace caravan::app {
namespace {

std::string place_of(const model::Saying& saying) {
  return saying.at.file + ":" + std::to_string(saying.at.line) + ":" + std::to_string(saying.at.column);
}

void write_saying(api::JsonWriter& json, const model::Saying& saying) {
  json.begin_object()
      .member("value", saying.value)
      .member("removed", saying.removed)
      .member("file", saying.at.file)
      .member("line", std::int64_t{saying.at.line})
      .member("column", std::int64_t{saying.at.column})
      .member("layer", saying.layer)
      .end_object();
}

int explain(const Overrides& overrides, const std::string& what, bool as_json) {
  const Settings settings = settings_or_exit(overrides);
  const auto definitions = load_definitions(settings);
  const auto found = model::explain_definition(definition_layers(settings, *definitions.plugins), what);
  if (found.empty()) {
    throw Error(ErrorCode::not_found, "Nothing is called " + what +
                                          ": give the name of a definition, e.g. sales.order, and a part of it, e.g. sales.order.due_on or "
                                          "sales.order.workflow.states.new.");
  }
  if (as_json) {
    std::string out;
    api::JsonWriter json(out);
    json.begin_array();
    for (const auto& definition : found) {
      json.begin_object().member("kind", definition.kind).member("name", definition.name).key("words").begin_array();
      for (const auto& word : definition.words) {
        json.begin_object().member("path", word.path).member("in_force", word.in_force()).key("sayings").begin_array();
        for (const auto& saying : word.sayings) write_saying(json, saying);
        json.end_array().end_object();
      }
      json.end_array().end_object();
    }
    json.end_array();
    std::cout << out << '\n';
    return 0;
  }
  for (const auto& definition : found) {
    std::cout << definition.kind << ' ' << definition.name << '\n';
    for (const auto& word : definition.words) {
      const auto& last = word.sayings.back();
      if (last.removed) std::cout << "  " << word.path << ": taken away by " << last.layer << " (" << place_of(last) << ")\n";
      else std::cout << "  " << word.path << ": " << last.value << "  — " << last.layer << " (" << place_of(last) << ")\n";
      for (auto earlier = word.sayings.rbegin() + 1; earlier != word.sayings.rend(); ++earlier) {
        std::cout << "      before: " << (earlier->removed ? "taken away" : earlier->value) << "  — " << earlier->layer << " ("
                  << place_of(*earlier) << ")\n";
      }
    }
  }
  return 0;
}

int diff(const Overrides& overrides, const std::string& file, bool as_json) {
  const Settings settings = settings_or_exit(overrides);
  const auto definitions = load_definitions(settings);
  const auto image = plugin::Image::open(file);
  const auto manifest = plugin::parse_manifest(image.manifest, image.file_name + ":plugin.yaml");
  const auto old_layers = definition_layers(settings, *definitions.plugins);
  model::SourceLayer upgraded{"plugin " + manifest.name, {}};
  for (const auto& definition : image.definitions) {
    upgraded.files.push_back({image.file_name + ":" + definition.name, definition.text, manifest.name});
  }
  auto new_layers = old_layers;
  const auto installed =
      std::find_if(new_layers.begin(), new_layers.end(), [&](const auto& layer) { return layer.name == upgraded.name; });
  if (installed != new_layers.end()) {
    *installed = std::move(upgraded);
  } else {
    const auto after_plugins =
        std::find_if(new_layers.begin() + 1, new_layers.end(), [](const auto& layer) { return !layer.name.starts_with("plugin "); });
    new_layers.insert(after_plugins, std::move(upgraded));
  }
  const auto changes = model::compare_defaults(old_layers, new_layers);
  if (as_json) {
    std::string out;
    api::JsonWriter json(out);
    json.begin_array();
    for (const auto& change : changes) {
      json.begin_object().member("kind", change.kind).member("name", change.name).member("path", change.path);
      json.member("effect", model::to_string(change.effect));
      for (const auto& [name, saying] : {std::pair("old", &change.old_default), std::pair("new", &change.new_default), std::pair("agency", &change.agency)}) {
        json.key(name);
        if (*saying) write_saying(json, **saying);
        else json.null();
      }
      json.end_object();
    }
    json.end_array();
    std::cout << out << '\n';
    return 0;
  }
  if (changes.empty()) {
    std::cout << image.file_name << " " << to_string(manifest.version) << " says what is installed now; nothing would change.\n";
    return 0;
  }
  std::int64_t reviewed = 0;
  std::string subject;
  for (const auto& change : changes) {
    if (const std::string now = change.kind + " " + change.name; now != subject) std::cout << (subject = now) << '\n';
    const std::string from = change.old_default ? change.old_default->value : "(not said)";
    const std::string to = change.new_default ? change.new_default->value : "(gone)";
    std::cout << "  " << change.path << ": " << from << " → " << to;
    switch (change.effect) {
      case model::DefaultChange::Effect::takes_effect: break;
      case model::DefaultChange::Effect::overridden:
        ++reviewed;
        std::cout << "; yours stays: " << (change.agency->removed ? "taken away" : change.agency->value) << " (" << place_of(*change.agency) << ")";
        break;
      case model::DefaultChange::Effect::same_as_override:
        std::cout << "; what you said already (" << place_of(*change.agency) << "), so yours can go";
        break;
      case model::DefaultChange::Effect::orphaned:
        ++reviewed;
        std::cout << "; yours would change what is gone (" << place_of(*change.agency) << ")";
        break;
    }
    std::cout << '\n';
  }
  std::cout << changes.size() << (changes.size() == 1 ? " change" : " changes") << " of defaults, " << reviewed << " under words of yours: look at those.\n";
  return 0;
}

}  // namespace

void add_provenance_commands(CommandLine& line) {
  struct Given {
    std::string what, file;
    bool as_json = false;
  };
  const auto given = std::make_shared<Given>();
  auto* explaining = line.app.add_subcommand("explain", "Tell which file says what of a definition or a part of it");
  line.place(explaining, false);
  explaining->add_option("name", given->what, "E.g. sales.order or sales.order.due_on")->required();
  explaining->add_flag("--json", given->as_json, "As JSON");
  explaining->callback([&line, given] { line.code = explain(line.overrides, given->what, given->as_json); });

  auto* comparing = line.app.add_subcommand("diff", "Tell what a new version of a plugin changes under the agency's own words");
  line.place(comparing, false);
  comparing->add_option("file", given->file, "The new plugin file, NAME.so")->required()->check(CLI::ExistingFile);
  comparing->add_flag("--json", given->as_json, "As JSON");
  comparing->callback([&line, given] { line.code = diff(line.overrides, given->file, given->as_json); });
}

}  // namespace caravan::app
