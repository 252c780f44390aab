#include <algorithm>

#include "model/builder_state.h"
#include "model/functions.h"

// What plugins compute for definitions.

namespace caravan::model {

const char* to_string(FunctionUse use) { return use == FunctionUse::transform ? "transform" : "measure"; }

const PluginFunction* called_function(const Catalog& catalog, std::string_view name, FunctionUse use, const Place& at, Diagnostics& diagnostics) {
  const auto& all = catalog.functions;
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one->name == name; });
  if (found != all.end() && (*found)->use == use) return found->get();
  std::vector<std::string_view> fitting;
  for (const auto& one : all) {
    if (one->use == use) fitting.push_back(one->name);
  }
  if (found != all.end()) {
    diagnostics.error(at, "wrong-function", "the function " + quoted(name) + " is declared `for: " + to_string((*found)->use) + "`",
                      fitting.empty() ? "name one that is `for: " + std::string(to_string(use)) + "`" : suggest(name, fitting));
  } else {
    diagnostics.error(at, "unknown-function", "there is no function " + quoted(name), fitting.empty() ? "declare it: `kind: function` in the plugin's definitions" : suggest(name, fitting));
  }
  return nullptr;
}

void Builder::build_functions() {
  for (const Document& document : documents_) {
    if (document.kind->name != "function") continue;
    auto function = std::make_unique<PluginFunction>();
    function->name = document.name;
    function->origin = to_origin(document.at);
    function->label = label_of(document.root, document.at, "function " + quoted(document.name), plain(humanised(document.name)));
    function->help = text_of(document.root.get("help"), "the help of function " + quoted(document.name));
    const Node* use = document.root.get("for");
    if (use == nullptr || use->bad) {
      broken_.insert({"function", document.name});
      continue;
    }
    function->use = use->text == "measure" ? FunctionUse::measure : FunctionUse::transform;
    catalog_->functions.push_back(std::move(function));
  }
  sort(catalog_->functions);
}

const PluginFunction* Builder::find_function(const Mention& mention, std::string_view module, FunctionUse use) {
  const std::string name = resolve(mention.text, module);
  return is_lost("function", name) ? nullptr : called_function(*catalog_, name, use, mention.at, diagnostics_);
}

}  // namespace caravan::model
