#include "model/provenance.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <utility>

#include "model/words.h"
#include "model/yaml_tree.h"

namespace caravan::model {
namespace {

bool is_agencys(std::string_view layer) { return layer == "agency" || layer.starts_with("console") || layer.starts_with("pack"); }

std::string text_of(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null: return "null";
    case Node::Kind::scalar: return node.text;
    case Node::Kind::map: return "{}";
    case Node::Kind::list: {
      std::string out = "[";
      for (const Node& item : node.items) out += (out.size() > 1 ? ", " : "") + text_of(item);
      return out + "]";
    }
  }
  return {};
}

bool below(std::string_view path, std::string_view root) {
  return root.empty() || path == root || (path.size() > root.size() && path.starts_with(root) && path[root.size()] == '.');
}

/// The words of one definition, layer over layer.
class History {
 public:
  void apply(const Node& root, const std::string& layer) {
    for (const Entry& entry : root.entries) {
      if (entry.key == "kind" || entry.key == "name" || entry.key == "edition") continue;
      say(entry.key, entry.value, entry.at, layer);
    }
  }
  std::vector<ExplainedWord>& words() { return words_; }
  const ExplainedWord* find(const std::string& path) const {
    const auto found = index_.find(path);
    return found == index_.end() ? nullptr : &words_[found->second];
  }

 private:
  void say(const std::string& path, const Node& node, const Place& at, const std::string& layer) {
    if (node.is_map() && !node.entries.empty()) {
      // A list of names takes further names from a map; anything else gives way to it.
      if (const auto found = index_.find(path); found != index_.end() && words_[found->second].in_force()) {
        ExplainedWord& word = words_[found->second];
        const std::string& value = word.sayings.back().value;
        if (value == "{}") words_[found->second].sayings.back().removed = false;
        else if (!value.starts_with('[')) word.sayings.push_back({"{}", true, to_origin(at), layer});
      }
      for (const Entry& entry : node.entries) say(path + "." + entry.key, entry.value, entry.at, layer);
      return;
    }
    const Saying saying{text_of(node), node.is_null(), to_origin(node.is_null() ? at : node.at), layer};
    if (!node.is_map()) {
      for (ExplainedWord& word : words_) {
        if (word.path != path && below(word.path, path) && word.in_force()) word.sayings.push_back({saying.value, true, saying.at, layer});
      }
    }
    const auto [place, added] = index_.emplace(path, words_.size());
    if (added) words_.push_back({path, {}});
    words_[place->second].sayings.push_back(saying);
  }

  std::vector<ExplainedWord> words_;
  std::map<std::string, std::size_t> index_;
};

struct Definition {
  std::string kind, name;
  History history;
};

/// Kind and full name of a document that says so.
std::pair<std::string, std::string> key_of(std::string kind, std::string name, const std::string& module) {
  std::replace(kind.begin(), kind.end(), ' ', '_');
  if (kind == "agency") name = "agency";
  else if (kind != "module" && kind != "department" && kind != "settings" && !module.empty() && name.find('.') == std::string::npos) name = module + "." + name;
  return {std::move(kind), std::move(name)};
}

std::string scalar_of(const Node& root, std::string_view key) {
  const Node* node = root.get(key);
  return node != nullptr && node->is_scalar() ? node->text : std::string();
}

/// All definitions of the layers that `wanted` lets in.
template <class Wanted>
std::vector<Definition> read(const std::vector<SourceLayer>& layers, const Wanted& wanted) {
  std::vector<Definition> definitions;
  std::map<std::pair<std::string, std::string>, std::size_t> index;
  std::vector<std::unique_ptr<FileInfo>> files;
  Diagnostics ignored;
  for (const SourceLayer& layer : layers) {
    if (!wanted(layer)) continue;
    for (const SourceFile& source : layer.files) {
      auto& file = *files.emplace_back(std::make_unique<FileInfo>());
      file.name = source.name;
      file.module = source.module;
      file.text = source.text;
      std::vector<Chunk> lost;
      for (const Chunk& chunk : split_documents(file, ignored, lost)) {
        for (const Node& root : parse_chunk(chunk, ignored).documents) {
          if (!root.is_map() || root.bad) continue;
          if (root.get("kind") == nullptr || !root.get("kind")->is_scalar()) continue;
          const auto key = key_of(scalar_of(root, "kind"), scalar_of(root, "name"), source.module);
          const auto [place, added] = index.emplace(key, definitions.size());
          if (added) definitions.push_back({key.first, key.second, {}});
          definitions[place->second].history.apply(root, layer.name);
        }
      }
    }
  }
  return definitions;
}

/// Whether `path` is `part`, lies below it, or below something whose path ends in it.
bool concerns(std::string_view path, std::string_view part) {
  if (below(path, part)) return true;
  const std::string inner = "." + std::string(part);
  for (auto at = path.find(inner); at != std::string_view::npos; at = path.find(inner, at + 1)) {
    const auto end = at + inner.size();
    if (end == path.size() || path[end] == '.') return true;
  }
  return false;
}

std::optional<Saying> in_force(const ExplainedWord* word) {
  if (word == nullptr || !word->in_force()) return std::nullopt;
  return word->sayings.back();
}

}  // namespace

std::vector<SourceDocument> list_documents(const std::vector<SourceLayer>& layers) {
  std::vector<SourceDocument> documents;
  Diagnostics ignored;
  for (const SourceLayer& layer : layers) {
    for (const SourceFile& source : layer.files) {
      FileInfo file;
      file.name = source.name;
      file.module = source.module;
      file.text = source.text;
      std::vector<Chunk> lost;
      auto chunks = split_documents(file, ignored, lost);
      chunks.insert(chunks.end(), lost.begin(), lost.end());
      for (const Chunk& chunk : chunks) {
        // Nearly every document says both at the beginning of a line; reading whole trees takes ten times as long.
        std::string kind = salvage(chunk, "kind"), name = salvage(chunk, "name");
        if (kind.empty() || name.empty()) {
          const auto parsed = parse_chunk(chunk, ignored);
          if (parsed.documents.empty() && parsed.complete) continue;
          if (!parsed.documents.empty() && parsed.documents.front().is_map()) {
            kind = scalar_of(parsed.documents.front(), "kind");
            name = scalar_of(parsed.documents.front(), "name");
          }
        }
        std::string_view text = chunk.text;
        std::uint32_t line = chunk.first_line + 1;
        if (text.starts_with("---")) {
          const auto end = text.find('\n');
          text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
          ++line;
        }
        text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
        auto key = key_of(std::move(kind), std::move(name), source.module);
        documents.push_back({std::move(key.first), std::move(key.second), layer.name, source.name, line, std::string(text) + "\n"});
      }
    }
  }
  return documents;
}

std::vector<ExplainedDefinition> explain_definition(const std::vector<SourceLayer>& layers, std::string_view what) {
  auto definitions = read(layers, [](const SourceLayer&) { return true; });
  // The longest name decides, so that `a.b.c` is not taken for a part of `a.b` where there is an `a.b.c`.
  std::size_t longest = 0;
  // The agency has no name; settings may be named as expressions do.
  const auto called = [](const Definition& one) -> std::string_view { return one.name.empty() ? one.kind : one.name; };
  for (const Definition& one : definitions) {
    if (below(what, called(one))) longest = std::max(longest, called(one).size());
  }
  std::vector<ExplainedDefinition> found;
  constexpr std::string_view prefix = "settings.";
  if (longest == 0 && what.starts_with(prefix)) {
    found = explain_definition(layers, what.substr(prefix.size()));
    std::erase_if(found, [](const ExplainedDefinition& one) { return one.kind != "settings"; });
  }
  if (longest == 0) return found;
  const std::string_view name = what.substr(0, longest);
  const std::string_view part = what.size() > longest ? what.substr(longest + 1) : std::string_view();
  for (Definition& one : definitions) {
    if (called(one) != name) continue;
    ExplainedDefinition explained{one.kind, one.name, {}};
    for (ExplainedWord& word : one.history.words()) {
      if (part.empty() || concerns(word.path, part)) explained.words.push_back(std::move(word));
    }
    if (!explained.words.empty()) found.push_back(std::move(explained));
  }
  return found;
}

const char* to_string(DefaultChange::Effect effect) {
  switch (effect) {
    case DefaultChange::Effect::takes_effect: return "takes_effect";
    case DefaultChange::Effect::overridden: return "overridden";
    case DefaultChange::Effect::same_as_override: return "same_as_override";
    case DefaultChange::Effect::orphaned: return "orphaned";
  }
  return "";
}

std::vector<DefaultChange> compare_defaults(const std::vector<SourceLayer>& old_layers, const std::vector<SourceLayer>& new_layers) {
  const auto defaults = [](const SourceLayer& layer) { return !is_agencys(layer.name); };
  auto before = read(old_layers, defaults), after = read(new_layers, defaults);
  auto own = read(new_layers, [](const SourceLayer& layer) { return is_agencys(layer.name); });
  std::map<std::pair<std::string, std::string>, std::array<Definition*, 3>> all;
  for (auto [list, place] : {std::pair(&before, 0u), std::pair(&after, 1u), std::pair(&own, 2u)}) {
    for (Definition& one : *list) all[{one.kind, one.name}][place] = &one;
  }
  std::vector<DefaultChange> changes;
  for (auto& [key, versions] : all) {
    auto [old_version, new_version, agencys] = versions;
    std::vector<std::string> paths;
    std::map<std::string, bool> seen;
    for (Definition* version : {new_version, old_version}) {
      if (version == nullptr) continue;
      for (const ExplainedWord& word : version->history.words()) {
        if (!std::exchange(seen[word.path], true)) paths.push_back(word.path);
      }
    }
    for (const std::string& path : paths) {
      DefaultChange change;
      change.kind = key.first;
      change.name = key.second;
      change.path = path;
      change.old_default = old_version ? in_force(old_version->history.find(path)) : std::nullopt;
      change.new_default = new_version ? in_force(new_version->history.find(path)) : std::nullopt;
      if (change.old_default.has_value() == change.new_default.has_value() &&
          (!change.old_default || change.old_default->value == change.new_default->value)) {
        continue;
      }
      if (agencys != nullptr) {
        for (const ExplainedWord& word : agencys->history.words()) {
          if (below(path, word.path) && (word.path == path || word.sayings.back().value != "{}")) change.agency = word.sayings.back();
        }
      }
      if (!change.new_default && !change.agency && agencys != nullptr) {
        // What the agency says of other words of a thing that is gone as a whole hangs in the air.
        const std::string whole = path.substr(0, path.rfind('.'));
        const auto lives_in = [&](Definition* version) -> const Saying* {
          if (version == nullptr) return nullptr;
          for (const ExplainedWord& word : version->history.words()) {
            if (below(word.path, whole) && word.in_force()) return &word.sayings.back();
          }
          return nullptr;
        };
        const Saying* hanging = lives_in(agencys);
        if (hanging != nullptr && lives_in(new_version) == nullptr) change.agency = *hanging;
      }
      if (change.agency) {
        change.effect = !change.new_default                                  ? DefaultChange::Effect::orphaned
                        : change.agency->value == change.new_default->value ? DefaultChange::Effect::same_as_override
                                                                             : DefaultChange::Effect::overridden;
      }
      changes.push_back(std::move(change));
    }
  }
  return changes;
}

}  // namespace caravan::model
