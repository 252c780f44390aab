#include "plugin/manifest.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "model/loader.h"
#include "model/yaml_tree.h"

namespace caravan::plugin {
namespace {

constexpr std::size_t max_size = 64 * 1024;

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 && name[0] >= 'a' && name[0] <= 'z' &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

using model::Node;

/// Reads words of the manifest; mistakes are collected, so that a vendor mends them in one go.
class Reader {
 public:
  explicit Reader(model::Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void wrong(const model::Place& at, std::string message) {
    diagnostics_.error(at, "manifest", std::move(message));
  }

  /// Key and value of each entry; says so where the node is no map.
  const std::vector<model::Entry>& entries(const Node& node, std::string_view what) {
    if (!node.is_map()) wrong(node.at, std::string(what) + " is not a map: write `key: value` lines");
    return node.entries;
  }

  std::string text(const Node& node, std::string_view key, std::size_t longest = 200) {
    if (!node.is_scalar() || node.text.empty() || node.text.size() > longest) {
      wrong(node.at, std::string(key) + " is not a text of 1 to " + std::to_string(longest) + " bytes");
      return {};
    }
    return node.text;
  }

  model::Text texts(const Node& node, std::string_view key) {
    model::Text out;
    if (node.is_scalar()) {
      out.set("en", text(node, key, 2000));
      return out;
    }
    for (const auto& entry : entries(node, key)) out.set(entry.key, text(entry.value, key, 2000));
    return out;
  }

  VersionRange range(const Node& node, std::string_view key) {
    const std::string given = text(node, key);
    if (given.empty()) return {};
    auto out = VersionRange::parse(given);
    if (!out)
      wrong(node.at,
            std::string(key) + ": \"" + given + "\" is not a range of versions: write it as \">=0.1 <1\"");
    return out.value_or(VersionRange());
  }

 private:
  model::Diagnostics& diagnostics_;
};

void read_migrations(Reader& reader, const Node& node, std::vector<Migration>& out) {
  for (const auto& entry : reader.entries(node, "migrations")) {
    Migration& one = out.emplace_back();
    one.name = entry.key;
    if (!is_name(one.name)) reader.wrong(entry.value.at, "migrations: \"" + one.name + "\" cannot name one: use a-z, 0-9 and _, at most 32");
    for (const auto& word : reader.entries(entry.value, "migrations: " + one.name)) {
      if (word.key == "entity") one.entity = reader.text(word.value, word.key, 100);
      else if (word.key == "action") one.action = reader.text(word.value, word.key, 64);
      else if (word.key == "where") one.where = reader.text(word.value, word.key, 2000);
      else reader.wrong(word.value.at, "unknown word \"" + word.key + "\": a migration has entity, action and where");
    }
    for (const auto& [word, given] : {std::pair{"entity", &one.entity}, {"action", &one.action}}) {
      if (given->empty()) reader.wrong(entry.value.at, "migrations: " + one.name + " lacks " + word);
    }
  }
}

int edition_of(Reader& reader, const Node& node) {
  const std::string given = reader.text(node, "edition", 4);
  if (given.empty()) return model::current_edition;
  const bool number = std::all_of(given.begin(), given.end(), [](char c) { return c >= '0' && c <= '9'; });
  const int edition = number ? std::stoi(given) : 0;
  if (edition >= model::first_edition && edition <= model::current_edition) return edition;
  reader.wrong(node.at, "edition: this server knows no edition \"" + given + "\" of the definitions: write " + std::to_string(model::current_edition) +
                            (edition > model::current_edition ? ", or use a newer server" : ""));
  return model::current_edition;
}

Manifest parse(std::string_view yaml, std::string_view file, bool pack) {
  Manifest out;
  model::YamlDocument document(std::string(file), yaml, "the manifest");
  Reader reader(document.diagnostics());
  const Node nothing;
  const Node& root = document.root() ? *document.root() : nothing;
  if (yaml.size() > max_size)
    reader.wrong(document.start(), "the manifest is larger than 64 KiB");
  else if (document.root() == nullptr && !document.diagnostics().failed())
    reader.wrong(document.start(), "the manifest is empty");

  std::set<std::string> seen;
  for (const model::Entry& entry : root.entries) {
    const std::string& key = entry.key;
    const Node& value = entry.value;
    seen.insert(key);
    if (key == "name") {
      out.name = reader.text(value, key);
      if (!out.name.empty() && (!is_name(out.name) || out.name == "core"))
        reader.wrong(value.at, "name: \"" + out.name +
                                   "\" cannot name a plugin: use a-z, 0-9 and _, at most 32, not \"core\"");
    } else if (key == "version") {
      const std::string given = reader.text(value, key);
      const auto version = parse_version(given);
      if (version)
        out.version = *version;
      else if (!given.empty())
        reader.wrong(value.at, "version: \"" + given + "\" is not a version: write it as 1.2.3");
    } else if (key == "label") {
      out.label = reader.texts(value, key);
    } else if (key == "description") {
      out.description = reader.texts(value, key);
    } else if (key == "vendor") {
      out.vendor = reader.text(value, key);
    } else if (key == "icon") {
      out.icon = reader.text(value, key, 64);
    } else if (key == "order") {
      const std::string given = reader.text(value, key, 6);
      if (!given.empty() && given.size() <= 5 &&
          std::all_of(given.begin(), given.end(), [](char c) { return c >= '0' && c <= '9'; }))
        out.order = std::stoi(given);
      else
        reader.wrong(value.at, "order: \"" + given + "\" is not a number from 0 to 99999");
    } else if (key == "edition") {
      out.edition = edition_of(reader, value);
    } else if (key == "kind" && pack) {
      if (value.text != "pack") reader.wrong(value.at, "kind: a pack's first document says `kind: pack`");
    } else if (key == "sdk" && !pack) {
      out.sdk = reader.range(value, key);
    } else if (key == "migrations" && !pack) {
      read_migrations(reader, value, out.migrations);
    } else if (key == "requires") {
      for (const auto& requirement : reader.entries(value, key)) {
        const std::string& name = requirement.key;
        const Node& range = requirement.value;
        if (!is_name(name))
          reader.wrong(range.at, "requires: \"" + name + "\" cannot be a plugin's name");
        else
          out.dependencies.emplace(name, reader.range(range, "requires: " + name));
      }
    } else {
      reader.wrong(
          value.at,
          "unknown word \"" + key + "\": a manifest has name, version, label, icon, order, " + (pack ? "" : "sdk, migrations, ") +
              "requires, edition, description and vendor");
    }
  }
  if (root.is_map()) {
    for (const char* key : {"name", "version", "label", pack ? "kind" : "sdk"}) {
      if (!seen.contains(key)) reader.wrong(root.at, std::string(key) + " is missing");
    }
  }
  for (Migration& one : out.migrations) {
    if (one.entity.find('.') == std::string::npos) one.entity = out.name + "." + one.entity;
    one.action = out.name + "." + one.action;
  }
  std::string mistakes;
  for (const auto& diagnostic : document.diagnostics().take()) {
    mistakes += (mistakes.empty() ? "" : "\n") + to_string(diagnostic);
  }
  if (!mistakes.empty()) throw Error(ErrorCode::invalid_argument, std::move(mistakes));
  return out;
}

}  // namespace

Manifest parse_manifest(std::string_view yaml, std::string_view file) { return parse(yaml, file, false); }

Manifest parse_pack_manifest(std::string_view yaml, std::string_view file) { return parse(yaml, file, true); }

}  // namespace caravan::plugin
