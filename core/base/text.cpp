#include "base/text.h"

namespace caravan {
namespace {

/// Bytes of the blank that the text begins (or ends) with; 0: none.
template <class Has>
std::size_t blank(std::string_view text, char edge, Has has) {
  if (static_cast<unsigned char>(edge) < 0x80) return edge == ' ' || edge == '\t' || edge == '\r' || edge == '\n' ? 1 : 0;
  for (const std::string_view wide : {"\xE3\x80\x80", "\xC2\xA0", "\xEF\xBB\xBF"}) {
    if (has(text, wide)) return wide.size();
  }
  return 0;
}

}  // namespace

std::string_view without_blanks(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = blank(text, text.front(), [](std::string_view all, std::string_view one) { return all.starts_with(one); });
    if (size == 0) break;
    text.remove_prefix(size);
  }
  while (!text.empty()) {
    const std::size_t size = blank(text, text.back(), [](std::string_view all, std::string_view one) { return all.ends_with(one); });
    if (size == 0) break;
    text.remove_suffix(size);
  }
  return text;
}

}  // namespace caravan
