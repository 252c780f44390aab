#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/loader.h"

namespace caravan::model {

struct Chunk;
struct ParsedChunk;

/// Documents as they were read before, by the SHA-256 of their text: what has not changed since need not be parsed again. Holds only
/// what had no mistake. The bytes that it is kept as are for one program (`identity`) on one machine; where they are damaged in any
/// way, or another program's, nothing of them is used. find() and keep() are thread-safe.
class ParseCache {
 public:
  /// `bytes`: what an earlier one's bytes() gave; "" for none.
  ParseCache(std::string bytes, std::string_view identity);
  ~ParseCache();

  bool find(const Chunk& chunk, ParsedChunk& parsed);
  void keep(const Chunk& chunk, const ParsedChunk& parsed);

  /// Whether bytes() differs from what it was made of: something was kept, or not asked for any more.
  bool changed() const;
  /// What was found and kept; all else is forgotten.
  std::string bytes() const;
  std::size_t found() const { return found_; }
  std::size_t kept() const { return kept_; }

 private:
  struct Entry {
    std::string own;         ///< of those that were kept now
    std::string_view bytes;  ///< into own or bytes_
    bool used = false;
  };
  const std::string bytes_, identity_;
  std::unordered_map<std::string, Entry> entries_;  ///< by key
  mutable std::mutex mutex_;
  std::size_t found_ = 0, kept_ = 0;
};

/// load_catalog() with what was parsed before.
LoadResult load_catalog(const std::vector<SourceLayer>& layers, const std::vector<Module>& modules, ParseCache& cache);

}  // namespace caravan::model
