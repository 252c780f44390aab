#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/diagnostics.h"

/// Internal to core/model: YAML as a tree that keeps the position of every key and value, and the layer merge
/// on it.
namespace caravan::model {

struct Entry;

/// A YAML value.
struct Node {
  enum class Kind : std::uint8_t { null, scalar, map, list };
  /// An entry that a later layer took away.
  struct Removed {
    std::string key;
    Place at;
  };

  Kind kind = Kind::null;
  bool quoted = false;  ///< a quoted or block scalar, so never a number or a flag
  bool bad = false;     ///< a mistake was reported here: whoever needs the value goes without, silently
  Place at;
  std::string text;              ///< of a scalar
  std::vector<Entry> entries;    ///< of a map, in order
  std::vector<Node> items;       ///< of a list
  std::vector<Removed> removed;  ///< of a map

  Node() = default;
  Node(Node&&) noexcept = default;
  Node& operator=(Node&&) noexcept = default;
  Node(const Node&) = default;
  Node& operator=(const Node&) = default;
  ~Node() = default;

  bool is_map() const { return kind == Kind::map; }
  bool is_list() const { return kind == Kind::list; }
  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_null() const { return kind == Kind::null; }

  const Entry* entry(std::string_view key) const;
  Entry* entry(std::string_view key);
  /// nullptr where there is no such key, or its value is bad.
  const Node* get(std::string_view key) const;
};

/// A key of a map and its value.
struct Entry {
  std::string key;
  Place at;
  bool bad = false;  ///< the key itself is a mistake
  Node value;
};

/// Bounds on what is read at all.
inline constexpr std::size_t max_file_bytes = 4u << 20;
inline constexpr std::size_t max_depth = 32;
inline constexpr std::size_t max_entries = 5000;

/// A piece of a file between document markers: each is parsed by itself, so that a mistake in one document
/// does not hide the others.
struct Chunk {
  const FileInfo* file = nullptr;
  std::string_view text;
  std::uint32_t first_line = 0;  ///< counted from 0
};

/// Checks size, encoding and control characters, fills `line_starts` and cuts the file into documents. Empty
/// where the file cannot be read at all; then `lost` holds its pieces, for the names that they would have
/// declared.
std::vector<Chunk> split_documents(FileInfo& file, Diagnostics& diagnostics, std::vector<Chunk>& lost);

struct ParsedChunk {
  std::vector<Node> documents;  ///< without empty ones
  bool complete = true;         ///< false: a syntax error ended the reading
};
/// Refuses aliases, anchors, tags, duplicate and non-scalar keys, deep nesting. Thread-safe for distinct
/// `diagnostics`.
ParsedChunk parse_chunk(const Chunk& chunk, Diagnostics& diagnostics);

/// The value of a top-level `key: value` line of a document that could not be parsed; "" where there is none.
std::string salvage(const Chunk& chunk, std::string_view key);

/// RFC 7396 on the tree. Nodes keep the position they came from. A list of names under a map of names becomes
/// a map first, so that a later layer may add to it. Warns where `null` removes nothing.
void merge_patch(Node& target, Node&& patch, Diagnostics& diagnostics);

/// A file that must hold exactly one map: settings, a manifest, an import map. `text` outlives it.
class YamlDocument {
 public:
  /// `what` is the kind of file, for messages: "the settings". Mistakes are in diagnostics().
  YamlDocument(std::string name, std::string_view text, std::string_view what);
  YamlDocument(const YamlDocument&) = delete;
  YamlDocument& operator=(const YamlDocument&) = delete;
  /// The map; nullptr where there is a mistake or the file holds nothing.
  const Node* root() const { return root_.is_map() ? &root_ : nullptr; }
  Diagnostics& diagnostics() { return diagnostics_; }
  Place start() const { return {&file_, 1, 1}; }

 private:
  FileInfo file_;
  Node root_;
  Diagnostics diagnostics_;
};

/// Where an expression's own line and column lie in the file (exact for plain, quoted and `|` scalars; else
/// the scalar).
Place place_inside(const Node& scalar, std::uint32_t line, std::uint32_t column);

}  // namespace caravan::model
