#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugin/manifest.h"
#include "plugin/signature.h"

namespace caravan::plugin {

/// A pack: definitions without code, in one text file `NAME-VERSION.pack.yaml`. Its first document is the manifest (`kind: pack`), the others are
/// definitions as an agency writes them; a signature may stand in the last line (signature.h).
struct Pack {
  Manifest manifest;
  std::string definitions;  ///< the file's text with the manifest's lines left empty, so that lines keep their numbers
  std::string hash;         ///< SHA-256 of the file, hex
  Signature signature;
};

/// `bytes`: the whole file; `file`: its name, for messages. Throws Error(invalid_argument) with all mistakes of the manifest. The definitions
/// are not looked at.
Pack read_pack(std::string_view bytes, std::string_view file);
inline constexpr std::size_t max_pack = 16u << 20;

/// A pack's text from a manifest (pack.yaml) and its definition files, name and text, in that order. Throws as read_pack().
std::string make_pack(std::string_view manifest, std::string_view manifest_file, const std::vector<std::pair<std::string, std::string>>& definitions);

/// `gift-1.2.0.pack.yaml`
std::string pack_file_name(const Manifest& manifest);

}  // namespace caravan::plugin
