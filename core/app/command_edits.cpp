#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <memory>

#include "app/command_line.h"
#include "app/revisions.h"
#include "base/error.h"
#include "model/provenance.h"

namespace caravan::app {
namespace {

bool is_of(const model::SourceDocument& document, const std::string& subject) { return document.kind + "/" + document.name == subject; }

/// Reads and changes the database itself, for a server that these very documents keep from starting.
int edits(const Overrides& overrides, const std::vector<std::string>& dropped) {
  const Settings settings = settings_or_exit(overrides);
  Channel channel(settings);
  if (!dropped.empty() && channel.served()) {
    throw Error(ErrorCode::conflict, "A server runs on the data directory " + settings.data.string() + ": change and publish in its console, where the result is checked.");
  }
  if (channel.served()) {
    const auto listed = ok_or_exit(channel.send("GET", "/api/v1/admin/config"));
    const auto* items = listed.find("items") ? listed.find("items")->as<records::Json::Array>() : nullptr;
    for (std::size_t i = 0; items != nullptr && i < items->size(); ++i) {
      const auto* edited = (*items)[i].find("edited");
      if (edited == nullptr || edited->as<bool>() == nullptr || !*edited->as<bool>()) continue;
      const auto shown = ok_or_exit(channel.send("GET", "/api/v1/admin/config/documents/" + json_text((*items)[i], "kind") + "/" + json_text((*items)[i], "name")));
      const auto* sources = shown.find("sources") ? shown.find("sources")->as<records::Json::Array>() : nullptr;
      for (std::size_t j = 0; sources != nullptr && j < sources->size(); ++j) {
        if (json_text((*sources)[j], "layer") == edits_layer) std::cout << "---\n" << json_text((*sources)[j], "text");
      }
    }
    return 0;
  }
  const auto database = storage::Database::open(settings.database_url);
  Revisions revisions(*database);
  auto layer = revisions.edits();
  if (dropped.empty()) {
    for (const auto& file : layer.files) std::cout << "---\n" << file.text << (file.text.ends_with('\n') ? "" : "\n");
    return 0;
  }
  const auto active = revisions.active();
  Documents documents = revisions.read(active);
  for (const auto& subject : dropped) {
    const auto gone = std::erase_if(layer.files, [&](const model::SourceFile& file) {
      const auto inside = model::list_documents({{edits_layer, {file}}});
      return file.name == "console:edits/" + subject + ".yaml" || std::any_of(inside.begin(), inside.end(), [&](const auto& one) { return is_of(one, subject); });
    });
    if (gone == 0) throw Error(ErrorCode::not_found, "The console says nothing of " + subject + "; `caravan revision edits` prints what it says.");
  }
  replace_edits(documents, layer);
  // Nobody has checked the rest yet, so it has no hash that a start could take for the files'.
  std::string note = "without";
  for (const auto& subject : dropped) note += " " + subject;
  const auto revision = revisions.publish(documents, "unchecked", "system", note.substr(0, 500), Clock::system().now(), {}, active, true);
  std::cout << "Revision " << revision << " is without them; the next start checks and uses it.\n";
  return 0;
}

}  // namespace

void add_edits_command(CommandLine& line, CLI::App& revision) {
  const auto dropped = std::make_shared<std::vector<std::string>>();
  auto* editing = revision.add_subcommand("edits", "Print what administrators say of definitions in the console");
  line.place(editing);
  editing->add_option("--drop", *dropped, "Take the console's document of a definition out, while no server runs")->type_name("KIND/NAME");
  editing->callback([&line, dropped] { line.code = edits(line.overrides, *dropped); });
}

}  // namespace caravan::app
