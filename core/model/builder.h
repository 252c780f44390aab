#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/words.h"

/// Internal to core/model: merged documents → Catalog.
namespace caravan::model {

/// One definition after the merge of all layers.
struct Document {
  const KindInfo* kind = nullptr;
  std::string name;  ///< full name; empty for the agency
  Node root;
  Place at;  ///< of the name, in the layer that defined it
  LayerKind layer = LayerKind::core;
  std::size_t layer_index = 0;
};

/// (kind, full name) of definitions that exist but could not be read: references to them are no mistake of
/// their own.
using LostNames = std::set<std::pair<std::string, std::string>>;

/// Null where the documents have mistakes, which are then in `diagnostics`.
std::shared_ptr<Catalog> build_catalog(const std::vector<Document>& documents, const LostNames& lost,
                                       const std::vector<Module>& modules, Diagnostics& diagnostics);

/// `due_on` → `Due on`
std::string humanised(std::string_view name);

}  // namespace caravan::model
