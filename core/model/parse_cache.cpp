#include "model/parse_cache.h"

#include <cstring>

#include "model/digest.h"
#include "model/yaml_tree.h"

namespace caravan::model {
namespace {

constexpr std::string_view magic = "caravan parse cache 1\n";
constexpr std::size_t longest_nesting = max_depth + 4;
constexpr std::size_t key_size = 64, sum_size = 64;

std::string digest(std::string_view bytes) {
  Digest sum;
  sum.add(bytes);
  return sum.hex();
}

/// Positions are kept within the file, so the place of the text in it is part of the key.
std::string key_of(const Chunk& chunk) {
  Digest key;
  key.add_delimited(std::to_string(chunk.first_line));
  key.add_delimited(chunk.text);
  return key.hex();
}

class Writer {
 public:
  void number(std::uint64_t n) {
    for (; n >= 0x80; n >>= 7) out_ += static_cast<char>(n | 0x80);
    out_ += static_cast<char>(n);
  }
  void text(std::string_view t) {
    number(t.size());
    out_ += t;
  }
  void place(const Place& at) {
    number(at.line);
    number(at.column);
  }
  void node(const Node& node) {
    out_ += static_cast<char>(static_cast<unsigned>(node.kind) | (node.quoted ? 8u : 0u) | (node.bad ? 16u : 0u));
    place(node.at);
    text(node.text);
    number(node.entries.size());
    for (const Entry& entry : node.entries) {
      out_ += entry.bad ? '\1' : '\0';
      text(entry.key);
      place(entry.at);
      this->node(entry.value);
    }
    number(node.items.size());
    for (const Node& item : node.items) this->node(item);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

/// Fails instead of reading past the end; what it gave until then is not to be used.
class Reader {
 public:
  Reader(std::string_view bytes, const FileInfo* file) : left_(bytes), file_(file) {}

  std::uint64_t number() {
    std::uint64_t n = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      const unsigned char c = byte();
      n |= std::uint64_t{c & 0x7Fu} << shift;
      if ((c & 0x80) == 0) return n;
    }
    good_ = false;
    return 0;
  }
  /// Of things that take a byte each at least.
  std::size_t count() {
    const std::uint64_t n = number();
    if (n <= left_.size()) return static_cast<std::size_t>(n);
    good_ = false;
    return 0;
  }
  std::string_view text() {
    const std::size_t size = count();
    const std::string_view out = left_.substr(0, size);
    left_.remove_prefix(out.size());
    return out;
  }
  bool node(Node& node, std::size_t depth) {
    if (depth > longest_nesting) good_ = false;
    const unsigned char head = byte();
    if ((head & 7u) > static_cast<unsigned>(Node::Kind::list)) good_ = false;
    if (!good_) return false;
    node.kind = static_cast<Node::Kind>(head & 7u);
    node.quoted = (head & 8u) != 0;
    node.bad = (head & 16u) != 0;
    place(node.at);
    node.text = text();
    node.entries.reserve(count_then_peek());
    for (std::size_t i = 0, n = counted_; i < n && good_; ++i) {
      Entry& entry = node.entries.emplace_back();
      entry.bad = byte() != 0;
      entry.key = text();
      place(entry.at);
      this->node(entry.value, depth + 1);
    }
    node.items.reserve(count_then_peek());
    for (std::size_t i = 0, n = counted_; i < n && good_; ++i) this->node(node.items.emplace_back(), depth + 1);
    return good_;
  }
  bool ended() const { return good_ && left_.empty(); }
  bool good() const { return good_; }

 private:
  std::size_t count_then_peek() {
    counted_ = count();
    if (counted_ > max_entries) good_ = false;
    return good_ ? counted_ : counted_ = 0;
  }
  unsigned char byte() {
    if (left_.empty()) {
      good_ = false;
      return 0;
    }
    const auto c = static_cast<unsigned char>(left_.front());
    left_.remove_prefix(1);
    return c;
  }
  void place(Place& at) {
    at.file = file_;
    at.line = static_cast<std::uint32_t>(number());
    at.column = static_cast<std::uint32_t>(number());
  }

  std::string_view left_;
  const FileInfo* file_;
  std::size_t counted_ = 0;
  bool good_ = true;
};

}  // namespace

ParseCache::ParseCache(std::string bytes, std::string_view identity) : bytes_(std::move(bytes)), identity_(identity) {
  std::string_view left = bytes_;
  if (!left.starts_with(magic) || left.size() < magic.size() + sum_size) return;
  const std::string_view sum = left.substr(left.size() - sum_size);
  left.remove_suffix(sum_size);
  if (digest(left) != sum) return;
  left.remove_prefix(magic.size());
  Reader reader(left, nullptr);
  if (reader.text() != identity_) return;
  const std::size_t count = reader.count();
  for (std::size_t i = 0; i < count && reader.good(); ++i) {
    const std::string_view key = reader.text(), entry = reader.text();
    if (key.size() == key_size) entries_[std::string(key)].bytes = entry;
  }
  if (!reader.ended()) entries_.clear();
}

ParseCache::~ParseCache() = default;

bool ParseCache::find(const Chunk& chunk, ParsedChunk& parsed) {
  const std::string key = key_of(chunk);
  std::string_view bytes;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) return false;
    bytes = entry->second.bytes;  // stays where it is: entries are never taken away
  }
  Reader reader(bytes, chunk.file);
  ParsedChunk read;
  read.documents.resize(reader.count());
  for (Node& document : read.documents) {
    if (!reader.node(document, 0)) return false;
  }
  if (!reader.ended()) return false;
  parsed = std::move(read);
  const std::lock_guard lock(mutex_);
  ++found_;
  entries_[key].used = true;
  return true;
}

void ParseCache::keep(const Chunk& chunk, const ParsedChunk& parsed) {
  std::string key = key_of(chunk);
  Writer writer;
  writer.number(parsed.documents.size());
  for (const Node& document : parsed.documents) writer.node(document);
  std::string bytes = writer.take();
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[std::move(key)];
  entry.own = std::move(bytes);
  entry.bytes = entry.own;
  entry.used = true;
  ++kept_;
}

bool ParseCache::changed() const {
  const std::lock_guard lock(mutex_);
  if (kept_ > 0) return true;
  for (const auto& [key, entry] : entries_) {
    if (!entry.used) return true;
  }
  return false;
}

std::string ParseCache::bytes() const {
  const std::lock_guard lock(mutex_);
  std::size_t used = 0;
  for (const auto& [key, entry] : entries_) used += entry.used ? 1 : 0;
  Writer writer;
  writer.text(identity_);
  writer.number(used);
  for (const auto& [key, entry] : entries_) {
    if (!entry.used) continue;
    writer.text(key);
    writer.text(entry.bytes);
  }
  std::string out = std::string(magic) + writer.take();
  return out + digest(out);
}

}  // namespace caravan::model
