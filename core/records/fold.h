#pragma once

#include <string>
#include <string_view>

/// Texts brought to a form in which spellings of the same word are equal, for search and for finding duplicates. Pure; thread-safe.
namespace caravan::records {

/// Small letters, full and half width, compatibility forms and diacritics as one, traditional Chinese characters as simplified
/// ones. What is no UTF-8 becomes U+FFFD.
std::u32string fold(std::string_view text);

bool is_han(char32_t c);
bool is_word(char32_t c);  ///< a letter, digit or mark: part of a word

/// Pinyin of a Chinese character without its tone: `zhang`; empty for others. `surname`: the reading that it has there.
std::string_view pinyin(char32_t c, bool surname = false);

/// Makes the tables that the above need, which takes a good part of a second the first time; before a transaction, say.
void warm_up_folding();

std::string to_utf8(std::u32string_view text);

}  // namespace caravan::records
