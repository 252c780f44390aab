#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "model/parse_cache.h"

namespace caravan::app {

/// Documents parsed before, in a file of the user's cache folder, one for each configuration folder. What is wrong with folder or file
/// only costs time: nothing throws.
class CacheFile {
 public:
  /// `directory`: where the file lies; empty: `caravan` in $XDG_CACHE_HOME, else in ~/.cache.
  CacheFile(std::filesystem::path directory, const std::filesystem::path& configuration);
  model::ParseCache* cache() { return cache_.get(); }
  /// Writes it where it changed, at once or not at all.
  void save() noexcept;

 private:
  std::filesystem::path file_;
  std::unique_ptr<model::ParseCache> cache_;
};

}  // namespace caravan::app
