#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "app/settings.h"
#include "plugin/registry.h"
#include "records/json.h"
#include "workflow/simulation.h"

/// `caravan simulate` on the side of the database: in the command's own process, or in the server that has it open.
namespace caravan::app {

/// The definitions of a changed configuration folder over the same plugins. Throws invalid_argument with the mistakes as fields.
std::shared_ptr<const model::Catalog> changed_definitions(const Settings& settings, const std::filesystem::path& config, const plugin::PluginRegistry& plugins);

/// `{"entity", "since", "until", "after"}`, all of them texts that may be absent. Throws invalid_argument.
workflow::SimulationQuery simulation_query(const records::Json& json);

/// One part as JSON.
std::string simulation_json(const workflow::SimulationPart& part, const model::Catalog& present, const model::Catalog& next);

}  // namespace caravan::app
