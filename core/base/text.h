#pragma once

#include <string_view>

/// What every folder needs of UTF-8 texts.
namespace caravan {

/// At most `bytes` of the text, cut between two characters.
inline std::string_view cut_text(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

/// The text between blanks: those of ASCII, the ideographic and no-break spaces that spreadsheets are full of, and byte order marks.
std::string_view without_blanks(std::string_view text);

}  // namespace caravan
