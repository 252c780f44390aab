#include "plugin/manifest.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

#include "base/error.h"

namespace caravan::plugin {
namespace {

constexpr std::size_t max_size = 64 * 1024;

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 && name[0] >= 'a' && name[0] <= 'z' &&
         std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

/// Collects every mistake, so that a vendor mends them in one go.
class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file) {}

  void wrong(const YAML::Mark& at, std::string_view message) {
    if (!mistakes_.empty()) mistakes_ += '\n';
    mistakes_.append(file_).append(":").append(std::to_string(at.line + 1)).append(":");
    mistakes_.append(std::to_string(at.column + 1)).append(": ").append(message);
  }

  /// Key and value of each entry; says so where the node is no map, or a key is no text or comes twice.
  std::vector<std::pair<std::string, YAML::Node>> entries(const YAML::Node& node, std::string_view what) {
    std::vector<std::pair<std::string, YAML::Node>> out;
    if (!node.IsMap()) {
      wrong(node.Mark(), std::string(what) + " is not a map: write `key: value` lines");
      return out;
    }
    std::set<std::string> seen;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        wrong(entry.first.Mark(), "a key is not a plain word");
      } else if (!seen.insert(entry.first.Scalar()).second) {
        wrong(entry.first.Mark(), "\"" + entry.first.Scalar() + "\" is given twice: keep one");
      } else {
        out.emplace_back(entry.first.Scalar(), entry.second);
      }
    }
    return out;
  }

  std::string text(const YAML::Node& node, std::string_view key, std::size_t longest = 200) {
    if (!node.IsScalar() || node.Scalar().empty() || node.Scalar().size() > longest) {
      wrong(node.Mark(), std::string(key) + " is not a text of 1 to " + std::to_string(longest) + " bytes");
      return {};
    }
    return node.Scalar();
  }

  model::Text texts(const YAML::Node& node, std::string_view key) {
    model::Text out;
    if (node.IsScalar()) {
      out.set("en", text(node, key, 2000));
      return out;
    }
    for (const auto& [locale, value] : entries(node, key)) out.set(locale, text(value, key, 2000));
    return out;
  }

  VersionRange range(const YAML::Node& node, std::string_view key) {
    const std::string given = text(node, key);
    if (given.empty()) return {};
    auto out = VersionRange::parse(given);
    if (!out) wrong(node.Mark(), std::string(key) + ": \"" + given + "\" is not a range of versions: write it as \">=0.1 <1\"");
    return out.value_or(VersionRange());
  }

  void finish() const {
    if (!mistakes_.empty()) throw Error(ErrorCode::invalid_argument, mistakes_);
  }

 private:
  std::string_view file_;
  std::string mistakes_;
};

}  // namespace

Manifest parse_manifest(std::string_view yaml, std::string_view file) {
  Reader reader(file);
  Manifest out;
  if (yaml.size() > max_size) {
    reader.wrong({}, "the manifest is larger than 64 KiB");
    reader.finish();
  }
  YAML::Node root;
  try {
    const auto documents = YAML::LoadAll(std::string(yaml));
    if (documents.size() != 1) {
      reader.wrong({}, "the manifest is not exactly one YAML document");
      reader.finish();
    }
    root = documents[0];
  } catch (const YAML::Exception& error) {
    reader.wrong(error.mark.is_null() ? YAML::Mark() : error.mark, "not YAML: " + error.msg);
    reader.finish();
  }

  std::set<std::string> seen;
  for (const auto& [key, value] : reader.entries(root, "the manifest")) {
    seen.insert(key);
    if (key == "name") {
      out.name = reader.text(value, key);
      if (!out.name.empty() && (!is_name(out.name) || out.name == "core"))
        reader.wrong(value.Mark(), "name: \"" + out.name + "\" cannot name a plugin: use a-z, 0-9 and _, at most 32, not \"core\"");
    } else if (key == "version") {
      const std::string given = reader.text(value, key);
      const auto version = parse_version(given);
      if (version) out.version = *version;
      else if (!given.empty()) reader.wrong(value.Mark(), "version: \"" + given + "\" is not a version: write it as 1.2.3");
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
      if (!given.empty() && given.size() <= 5 && std::all_of(given.begin(), given.end(), [](char c) { return c >= '0' && c <= '9'; }))
        out.order = std::stoi(given);
      else reader.wrong(value.Mark(), "order: \"" + given + "\" is not a number from 0 to 99999");
    } else if (key == "sdk") {
      out.sdk = reader.range(value, key);
    } else if (key == "requires") {
      for (const auto& [name, range] : reader.entries(value, key)) {
        if (!is_name(name)) reader.wrong(range.Mark(), "requires: \"" + name + "\" cannot be a plugin's name");
        else out.dependencies.emplace(name, reader.range(range, "requires: " + name));
      }
    } else {
      reader.wrong(value.Mark(), "unknown word \"" + key +
                                     "\": a manifest has name, version, label, icon, order, sdk, requires, description and vendor");
    }
  }
  if (root.IsMap()) {
    for (const char* key : {"name", "version", "label", "sdk"}) {
      if (!seen.contains(key)) reader.wrong(root.Mark(), std::string(key) + " is missing");
    }
  }
  reader.finish();
  return out;
}

}  // namespace caravan::plugin
