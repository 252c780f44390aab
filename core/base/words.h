#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

namespace caravan {

/// The words of a text that blanks part, within it.
inline std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace caravan
