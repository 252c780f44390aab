#include "model/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <unordered_set>

namespace caravan::model {
namespace {

std::uint32_t characters(std::string_view bytes) {
  return static_cast<std::uint32_t>(std::count_if(
      bytes.begin(), bytes.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// Line `line` (from 0) without its end.
std::string_view line_text(const FileInfo& file, std::size_t line) {
  if (line >= file.line_starts.size()) return {};
  const std::size_t begin = file.line_starts[line];
  std::size_t end = line + 1 < file.line_starts.size() ? file.line_starts[line + 1] : file.text.size();
  while (end > begin && (file.text[end - 1] == '\n' || file.text[end - 1] == '\r')) --end;
  return file.text.substr(begin, end - begin);
}

Place place_at(const FileInfo& file, std::size_t line, std::size_t byte_column) {
  const std::string_view text = line_text(file, line);
  return {&file, static_cast<std::uint32_t>(line + 1),
          characters(text.substr(0, std::min(byte_column, text.size()))) + 1};
}

Place place_of_offset(const FileInfo& file, std::size_t offset) {
  const auto next = std::upper_bound(file.line_starts.begin(), file.line_starts.end(), offset);
  const auto line = static_cast<std::size_t>(next - file.line_starts.begin()) - 1;
  return place_at(file, line, offset - file.line_starts[line]);
}

/// Length of the UTF-8 sequence at the start of `text`; 0 where it is not valid (overlong forms, surrogates
/// included).
std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  std::size_t length = 0;
  unsigned char low = 0x80, high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (text.size() < length || byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

bool is_document_marker(std::string_view line) {
  return line.starts_with("---") && (line.size() == 3 || line[3] == ' ' || line[3] == '\t');
}

/// Ends the reading of a chunk; the reason is already reported.
struct Abort {};

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const Chunk& chunk, Diagnostics& diagnostics) : chunk_(chunk), diagnostics_(diagnostics) {}

  std::vector<Node> take() { return std::move(documents_); }

  Place place(const YAML::Mark& mark) {
    if (mark.is_null()) return {chunk_.file, chunk_.first_line + 1, 1};
    const std::size_t line = chunk_.first_line + static_cast<std::size_t>(std::max(mark.line, 0));
    const std::string_view text = line_text(*chunk_.file, line);
    const std::size_t column = std::min(static_cast<std::size_t>(std::max(mark.column, 0)), text.size());
    // Marks move forward, so count on from the last one: a line may be as long as the file.
    if (line != last_line_ || column < last_bytes_) {
      last_line_ = line;
      last_bytes_ = 0;
      last_characters_ = 0;
    }
    last_characters_ += characters(text.substr(last_bytes_, column - last_bytes_));
    last_bytes_ = column;
    return {chunk_.file, static_cast<std::uint32_t>(line + 1), last_characters_ + 1};
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // yaml-cpp does not consume a token that it cannot place and would offer it for ever.
    if (started_ && mark.pos <= last_start_) {
      diagnostics_.error(place(mark), "syntax", "something stands after the end of the document",
                         "check brackets and indentation, and separate documents by a line `---`");
      throw Abort();
    }
    started_ = true;
    last_start_ = mark.pos;
    root_.reset();
    frames_.clear();
  }

  void OnDocumentEnd() override {
    if (root_ && !root_->is_null()) documents_.push_back(std::move(*root_));
    root_.reset();
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    Node node;
    node.at = place(mark);
    add(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    diagnostics_.error(place(mark), "alias", "aliases (`*name`) are not allowed", "write the value out");
    Node node;
    node.at = place(mark);
    node.bad = true;
    add(std::move(node));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.kind = Node::Kind::scalar;
    node.at = place(mark);
    node.quoted = tag == "!";
    node.text = value;
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag, node);
    if (node.quoted) refuse_open_quote(mark, node.at);
    const bool control = std::any_of(value.begin(), value.end(), [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F;
    });
    if (control) {
      diagnostics_.error(node.at, "control-character", "the text holds a control character",
                         "only tab and line feed are allowed");
      node.bad = true;
    }
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::list);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::map);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Node node;
    std::optional<Entry> pending;          ///< key seen, value still to come
    bool dropped = false;                  ///< the pending entry is a mistake and is not kept
    std::size_t count = 0;                 ///< entries seen, kept or not
    std::unordered_set<std::string> keys;  ///< of a map
  };

  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0)
      diagnostics_.error(place(mark), "alias", "anchors (`&name`) are not allowed", "write the value out");
  }

  /// The library takes a quoted text that never ends for one that ends with the file.
  void refuse_open_quote(const YAML::Mark& mark, const Place& at) {
    const std::string_view all = chunk_.file->text;
    const std::size_t end = static_cast<std::size_t>(chunk_.text.data() - all.data()) + chunk_.text.size();
    std::size_t i = chunk_.file->line_starts[at.line - 1] + static_cast<std::size_t>(std::max(mark.column, 0));
    const char quote = i < end ? all[i] : '\0';
    if (quote != '"' && quote != '\'') return;  // a block scalar
    for (++i; i < end && all[i] != quote; ++i) {
      if (quote == '"' && all[i] == '\\') ++i;
    }
    if (i < end) return;
    diagnostics_.error(at, "syntax", "this text does not end", "add the closing quote");
    throw Abort();
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag, Node& node) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    diagnostics_.error(place(mark), "tag", "tags (" + quoted(tag) + ") are not allowed",
                       "write the plain value");
    node.bad = true;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind) {
    if (frames_.size() >= max_depth) {
      diagnostics_.error(place(mark), "too-deep",
                         "nested more than " + std::to_string(max_depth) + " levels deep");
      throw Abort();
    }
    refuse_anchor(mark, anchor);
    Frame frame;
    frame.node.kind = kind;
    frame.node.at = place(mark);
    refuse_tag(mark, tag, frame.node);
    frames_.push_back(std::move(frame));
  }

  void close() {
    Node node = std::move(frames_.back().node);
    frames_.pop_back();
    add(std::move(node));
  }

  void add(Node&& node) {
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& top = frames_.back();
    const bool is_list = top.node.is_list();
    if (is_list || !top.pending) {
      if (++top.count > max_entries) {
        diagnostics_.error(node.at, "too-many-entries",
                           "more than " + std::to_string(max_entries) + " entries in one place");
        throw Abort();
      }
    }
    if (is_list) {
      top.node.items.push_back(std::move(node));
    } else if (!top.pending) {
      add_key(top, std::move(node));
    } else {
      if (node.is_null()) node.at = top.pending->at;  // the library points at the next token
      top.pending->value = std::move(node);
      if (!top.dropped) top.node.entries.push_back(std::move(*top.pending));
      top.pending.reset();
      top.dropped = false;
    }
  }

  void add_key(Frame& top, Node&& node) {
    Entry entry;
    entry.at = node.at;
    if (!node.is_scalar() || node.bad) {
      if (!node.bad)
        diagnostics_.error(node.at, "bad-key", "a key must be a plain word", "write `word: value`");
      top.dropped = true;
    } else {
      entry.key = std::move(node.text);
      if (!top.keys.insert(entry.key).second) {
        const Entry* first = top.node.entry(entry.key);
        diagnostics_.error(
            entry.at, "duplicate-key", quoted(entry.key) + " stands twice in the same place",
            first ? "the first one is in line " + std::to_string(first->at.line) + "; keep one" : "keep one");
        top.dropped = true;
      }
    }
    top.pending = std::move(entry);
  }

  const Chunk& chunk_;
  Diagnostics& diagnostics_;
  std::vector<Frame> frames_;
  std::optional<Node> root_;
  std::vector<Node> documents_;
  bool started_ = false;
  int last_start_ = 0;
  std::size_t last_line_ = 0, last_bytes_ = 0;  ///< of the last mark, and the characters before it
  std::uint32_t last_characters_ = 0;
};

void strip_nulls(Node& node, Diagnostics& diagnostics);

/// A value that a patch adds where there was none.
Node added(Node&& value, Diagnostics& diagnostics) {
  strip_nulls(value, diagnostics);
  return std::move(value);
}

void warn_nothing_removed(const Entry& entry, Diagnostics& diagnostics) {
  diagnostics.warning(entry.at, "nothing-removed",
                      quoted(entry.key) + " has no value, which removes it, but no earlier layer has it",
                      "check the name, or give it a value (`{}` for one without settings)");
}

void strip_nulls(Node& node, Diagnostics& diagnostics) {
  if (!node.is_map() || node.bad) return;
  std::erase_if(node.entries, [&](Entry& entry) {
    if (entry.value.is_null() && !entry.value.bad) {
      warn_nothing_removed(entry, diagnostics);
      return true;
    }
    strip_nulls(entry.value, diagnostics);
    return false;
  });
}

}  // namespace

const Entry* Node::entry(std::string_view key) const {
  for (const Entry& e : entries) {
    if (e.key == key) return &e;
  }
  return nullptr;
}

Entry* Node::entry(std::string_view key) {
  for (Entry& e : entries) {
    if (e.key == key) return &e;
  }
  return nullptr;
}

const Node* Node::get(std::string_view key) const {
  const Entry* e = entry(key);
  return e && !e->bad && !e->value.bad ? &e->value : nullptr;
}

std::vector<Chunk> split_documents(FileInfo& file, Diagnostics& diagnostics, std::vector<Chunk>& lost) {
  if (file.text.starts_with("\xEF\xBB\xBF")) file.text.remove_prefix(3);
  file.line_starts.assign(1, 0);
  const Place start{&file, 1, 1};
  if (file.text.size() > max_file_bytes) {
    diagnostics.error(start, "too-large", "the file is larger than 4 MiB",
                      "spread the documents over several files");
    return {};
  }
  for (std::size_t i = 0; i < file.text.size(); ++i) {
    if (file.text[i] == '\n') file.line_starts.push_back(static_cast<std::uint32_t>(i + 1));
  }
  bool readable = true;
  for (std::size_t i = 0; i < file.text.size() && readable;) {
    const std::size_t length = utf8_sequence(file.text.substr(i));
    const auto byte = static_cast<unsigned char>(file.text[i]);
    if (length == 0) {
      diagnostics.error(place_of_offset(file, i), "not-utf8", "the file is not UTF-8 here",
                        "save the file in UTF-8");
      readable = false;
    } else if ((byte < 0x20 && byte != '\n' && byte != '\t' && byte != '\r') || byte == 0x7F) {
      diagnostics.error(place_of_offset(file, i), "control-character", "a control character in the file",
                        "remove it");
      readable = false;
    }
    i += std::max<std::size_t>(length, 1);
  }
  std::vector<Chunk> chunks;
  std::size_t first = 0;
  const auto cut = [&](std::size_t end_line) {
    if (end_line == first) return;
    const std::size_t begin = file.line_starts[first];
    const std::size_t end =
        end_line < file.line_starts.size() ? file.line_starts[end_line] : file.text.size();
    chunks.push_back({&file, file.text.substr(begin, end - begin), static_cast<std::uint32_t>(first)});
    first = end_line;
  };
  for (std::size_t line = 1; line < file.line_starts.size(); ++line) {
    if (is_document_marker(line_text(file, line))) cut(line);
  }
  cut(file.line_starts.size());
  if (!readable) {
    lost.insert(lost.end(), chunks.begin(), chunks.end());
    return {};
  }
  return chunks;
}

ParsedChunk parse_chunk(const Chunk& chunk, Diagnostics& diagnostics) {
  ParsedChunk parsed;
  TreeBuilder builder(chunk, diagnostics);
  try {
    std::istringstream in{std::string(chunk.text)};
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Abort&) {
    parsed.complete = false;
  } catch (const YAML::Exception& e) {
    diagnostics.error(builder.place(e.mark), "syntax", "this is not valid YAML (" + e.msg + ")",
                      "check indentation, quotes, colons and brackets");
    parsed.complete = false;
  }
  parsed.documents = builder.take();
  return parsed;
}

std::string salvage(const Chunk& chunk, std::string_view key) {
  std::size_t at = 0;
  while (at < chunk.text.size()) {
    std::size_t end = chunk.text.find('\n', at);
    if (end == std::string_view::npos) end = chunk.text.size();
    std::string_view line = chunk.text.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ':') continue;
    line.remove_prefix(key.size() + 1);
    line = line.substr(0, line.find('#'));
    const auto is_edge = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '"' || c == '\''; };
    while (!line.empty() && is_edge(line.front())) line.remove_prefix(1);
    while (!line.empty() && is_edge(line.back())) line.remove_suffix(1);
    return std::string(line);
  }
  return {};
}

void merge_patch(Node& target, Node&& patch, Diagnostics& diagnostics) {
  if (target.bad || patch.bad) return;  // a mistaken change changes nothing, so that it is the only mistake
  if (!patch.is_map()) {
    target = std::move(patch);
    return;
  }
  const bool names =
      target.is_list() && std::all_of(target.items.begin(), target.items.end(),
                                      [](const Node& item) { return item.is_scalar() && !item.bad; });
  if (names) {
    Node map;
    map.kind = Node::Kind::map;
    map.at = target.at;
    for (Node& item : target.items) {
      if (map.entry(item.text)) continue;
      Entry entry;
      entry.key = std::move(item.text);
      entry.at = item.at;
      entry.value.kind = Node::Kind::map;
      entry.value.at = item.at;
      map.entries.push_back(std::move(entry));
    }
    target = std::move(map);
  } else if (!target.is_map()) {
    target = added(std::move(patch), diagnostics);
    return;
  }
  for (Entry& change : patch.entries) {
    Entry* present = target.entry(change.key);
    if (change.value.is_null() && !change.value.bad) {
      if (!present) {
        warn_nothing_removed(change, diagnostics);
        continue;
      }
      target.removed.push_back({change.key, change.at});
      target.entries.erase(target.entries.begin() + (present - target.entries.data()));
    } else if (present) {
      merge_patch(present->value, std::move(change.value), diagnostics);
    } else {
      change.value = added(std::move(change.value), diagnostics);
      target.entries.push_back(std::move(change));
    }
  }
}

YamlDocument::YamlDocument(std::string name, std::string_view text, std::string_view what) {
  file_.name = std::move(name);
  file_.text = text;
  file_.layer = LayerKind::agency;
  std::vector<Chunk> lost;
  std::vector<Node> documents;
  for (const Chunk& chunk : split_documents(file_, diagnostics_, lost)) {
    for (Node& document : parse_chunk(chunk, diagnostics_).documents) documents.push_back(std::move(document));
  }
  if (diagnostics_.failed() || documents.empty()) return;
  if (documents.size() > 1) {
    diagnostics_.error(documents[1].at, "one-document", std::string(what) + " must be one YAML document", "no further `---`");
  } else if (!documents.front().is_map()) {
    diagnostics_.error(documents.front().at, "wrong-kind", std::string(what) + " must be a map", "`word: value` lines");
  } else {
    root_ = std::move(documents.front());
  }
}

Place place_inside(const Node& scalar, std::uint32_t line, std::uint32_t column) {
  const Place& at = scalar.at;
  if (!at.file || at.line == 0 || line == 0 || column == 0) return at;
  const FileInfo& file = *at.file;
  std::string_view source = line_text(file, at.line - 1);
  // Byte offset of the scalar in its line.
  std::size_t offset = 0;
  for (std::uint32_t left = at.column - 1; left > 0 && offset < source.size(); --left) {
    offset += std::max<std::size_t>(utf8_sequence(source.substr(offset)), 1);
  }
  source.remove_prefix(std::min(offset, source.size()));
  if (source.starts_with('|')) {
    std::size_t first = at.line;  // index of the line after the marker
    while (first < file.line_starts.size() &&
           line_text(file, first).find_first_not_of(' ') == std::string_view::npos)
      ++first;
    const std::string_view content = line_text(file, first);
    const std::size_t indent = content.find_first_not_of(' ');
    if (indent == std::string_view::npos) return at;
    // Blank lines before the text belong to it, so count from the marker.
    return {at.file, at.line + line, static_cast<std::uint32_t>(indent) + column};
  }
  if (line != 1 || scalar.text.find('\n') != std::string::npos) return at;
  std::uint32_t start = at.column;
  if (scalar.quoted && !source.empty() && (source.front() == '"' || source.front() == '\'')) {
    source.remove_prefix(1);
    ++start;
  }
  // Escapes and folded lines shift what follows; then the scalar's own place is the honest answer.
  if (!source.starts_with(scalar.text)) return at;
  return {at.file, at.line, start + column - 1};
}

}  // namespace caravan::model
