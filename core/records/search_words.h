#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "records/record.h"
#include "storage/search_store.h"

/// What words a text is found by. Pure.
namespace caravan::records {

/// Adds a text's words: folded (fold.h); of Chinese and other scripts without blanks each two neighbours, and the last character;
/// of a short Chinese text its pinyin and their initials; long numbers without their signs and by their last four digits; and a
/// mark for the whole text where it is short. At most `most_words` in all.
void add_words(std::set<std::string, std::less<>>& words, std::string_view text);
inline constexpr std::size_t most_words = 4000;
/// Raise it where add_words() changes: indexes are then built anew.
inline constexpr int words_version = 1;

/// The texts that a searched field's value holds: one, or one for each language.
std::vector<std::string_view> texts_of(const expr::Value& value);
/// As a SearchDocument holds them.
std::string joined(const std::set<std::string, std::less<>>& words);

/// What somebody looks for.
struct SearchTerms {
  std::vector<storage::SearchTerm> words;  ///< all of them; the last one may be the beginning of a word
  std::string whole;                       ///< the mark of a text that is just that; may be empty
  std::vector<std::u32string> pieces;      ///< folded, for highlights
};
/// Empty where nothing can be looked for. At most 12 words.
SearchTerms terms_of(std::string_view query);
bool holds_all(const std::set<std::string, std::less<>>& words, const SearchTerms& terms);

/// A piece of `text` around the first place that is looked for, at most about `length` characters, as [begin, end) pairs of bytes
/// of the piece that are to be marked. No place: none is marked (the text was found by its pinyin, say).
struct Fragment {
  std::string text;
  std::vector<std::pair<std::size_t, std::size_t>> marks;
};
Fragment fragment_of(std::string_view text, const SearchTerms& terms, std::size_t length = 80);

}  // namespace caravan::records
