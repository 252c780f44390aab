#pragma once

#include <string_view>
#include <vector>

#include "api/call.h"
#include "api/json_writer.h"
#include "model/diagnostics.h"

namespace caravan::api {

/// Those of one severity, as a list of objects.
void write_diagnostics(JsonWriter& json, const std::vector<model::Diagnostic>& diagnostics, model::Diagnostic::Severity severity);
/// Refuses with all mistakes where there are any; `text` is a code of api/messages.h.
void check_diagnostics(const Call& call, const std::vector<model::Diagnostic>& diagnostics, std::string_view text);

}  // namespace caravan::api
