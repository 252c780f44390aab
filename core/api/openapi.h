#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/api.h"
#include "records/context.h"

namespace caravan::api {

/// The OpenAPI 3.1 document of the routes alone: the same for every agency.
std::string openapi_json();

/// The document for one caller: the routes he may use, and beside the generic ones a typed path for each entity that he may
/// read, with schemas of its fields, and one for each of its transitions. Labels in `locale`. Made in a millisecond per
/// hundred operations or so; keep it.
std::string openapi_json(const records::Context& context, std::span<const PluginInfo> plugins, std::string_view locale);

}  // namespace caravan::api
