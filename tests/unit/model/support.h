#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "model/loader.h"

namespace caravan::model::testing {

inline SourceLayer plugin(std::string module, std::string text) {
  return {"plugin " + module, {{module + ".yaml", std::move(text), module}}};
}
inline SourceLayer agency(std::string text) {
  return {"agency", {{"agency.yaml", std::move(text), ""}}};
}

/// The core's layer and then these.
inline LoadResult load(std::vector<SourceLayer> layers) {
  layers.insert(layers.begin(), core_layer());
  return load_catalog(layers, {});
}

/// `line:column code` of each mistake, with the file where it is not `demo.yaml`.
inline std::vector<std::string> places(const LoadResult& result, bool warnings = false) {
  std::vector<std::string> out;
  for (const Diagnostic& one : result.diagnostics) {
    if (!warnings && one.severity == Diagnostic::Severity::warning) continue;
    out.push_back((one.at.file == "demo.yaml" ? "" : one.at.file + ":") + std::to_string(one.at.line) + ":" +
                  std::to_string(one.at.column) + " " + one.code);
  }
  return out;
}

inline std::string all(const LoadResult& result) {
  std::string out;
  for (const Diagnostic& one : result.diagnostics) out += to_string(one) + "\n";
  return out;
}

/// The files that a plugin of this tree ships.
inline SourceLayer shipped(const std::string& module) {
  SourceLayer layer{"plugin " + module, {}};
  const std::filesystem::path folder =
      std::filesystem::path(CARAVAN_SOURCE_DIR) / "plugins" / module / "definitions";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".yaml") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    layer.files.push_back({module + ".so:definitions/" + entry.path().filename().string(),
                           std::string(std::istreambuf_iterator<char>(in), {}), module});
  }
  std::sort(layer.files.begin(), layer.files.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return layer;
}

}  // namespace caravan::model::testing
