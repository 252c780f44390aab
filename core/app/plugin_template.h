#pragma once

#include <string_view>
#include <vector>

namespace caravan::app {

/// A file of sdk/template, which the build puts into the program.
struct TemplateFile {
  std::string_view name;  ///< `cpp/@NAME@.cpp`
  std::string_view text;
};
const std::vector<TemplateFile>& plugin_template();

}  // namespace caravan::app
