#pragma once

#include <string>
#include <string_view>

#include "model/catalog.h"

namespace caravan::model {

/// What a plugin's function is asked for.
enum class FunctionUse : std::uint8_t {
  transform,  ///< what becomes of a cell, in imports
  measure     ///< a figure of the values of a field, in reports
};
const char* to_string(FunctionUse use);

/// `kind: function`: what a plugin's code computes for definitions, under the same name.
struct PluginFunction {
  std::string name;                  ///< `PLUGIN.FUNCTION`
  Text label, help;
  FunctionUse use = FunctionUse::transform;
  Origin origin;
};

class Diagnostics;
struct Place;

/// The function that a definition calls by its full name; where there is none, or it is for something else, that is reported and the answer null.
const PluginFunction* called_function(const Catalog& catalog, std::string_view name, FunctionUse use, const Place& at, Diagnostics& diagnostics);

}  // namespace caravan::model
