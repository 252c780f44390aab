#include "plugin/pack.h"

#include <sodium.h>

#include <algorithm>

#include "base/error.h"
#include "records/file_store.h"

namespace caravan::plugin {
namespace {

bool ends_document(std::string_view line) { return line.starts_with("---") && (line.size() == 3 || line[3] == ' ' || line[3] == '\r'); }

/// Where the line that begins the second document stands; the text's size where there is none.
std::size_t second_document(std::string_view text) {
  bool content = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (ends_document(line)) {
      if (content) return at;
    } else if (const auto first = line.find_first_not_of(" \t\r"); first != std::string_view::npos && line[first] != '#') {
      content = true;
    }
    at = end + 1;
  }
  return text.size();
}

std::string with_end(std::string_view text) {
  std::string out(text);
  if (!out.empty() && out.back() != '\n') out += '\n';
  return out;
}

}  // namespace

Pack read_pack(std::string_view bytes, std::string_view file) {
  if (bytes.size() > max_pack) throw Error(ErrorCode::invalid_argument, "it is larger than 16 MiB");
  Pack out;
  out.signature = read_signature(bytes);
  out.hash = records::sha256_of(bytes);
  const std::string_view text = unsigned_part(bytes);
  const std::size_t second = second_document(text);
  out.manifest = parse_pack_manifest(text.substr(0, second), file);
  out.definitions.assign(static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(second), '\n')), '\n');
  out.definitions += text.substr(second);
  return out;
}

std::string make_pack(std::string_view manifest, std::string_view manifest_file, const std::vector<std::pair<std::string, std::string>>& definitions) {
  if (second_document(manifest) != manifest.size())
    throw Error(ErrorCode::invalid_argument, std::string(manifest_file) + " holds more than one document: definitions go into files of their own");
  parse_pack_manifest(manifest, manifest_file);
  std::string out = with_end(manifest);
  for (const auto& [name, text] : definitions) {
    std::string_view rest = text;
    while (!rest.empty() && ends_document(rest.substr(0, rest.find('\n')))) rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
    out += "---\n# " + name + "\n" + with_end(rest);
  }
  return out;
}

std::string pack_file_name(const Manifest& manifest) { return manifest.name + "-" + to_string(manifest.version) + ".pack.yaml"; }

}  // namespace caravan::plugin
