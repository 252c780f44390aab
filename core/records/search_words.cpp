#include "records/search_words.h"

#include <algorithm>
#include <unicode/utf8.h>

#include "records/fold.h"

namespace caravan::records {
namespace {

constexpr std::size_t longest_word = 48;    // characters; of longer words the beginning counts
constexpr std::size_t longest_whole = 40;
constexpr std::size_t most_terms = 12;
constexpr char32_t whole_mark = 0xE000;     // no text's own: a private character

/// Written without blanks between words.
bool unspaced(char32_t c) {
  return is_han(c) || (c >= 0x3041 && c <= 0x30FF) || (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x0E01 && c <= 0x0E5B);
}

/// Calls `word` with each word, `run` with each stretch of characters that are written without blanks.
template <class Word, class Run>
void each_part(std::u32string_view text, const Word& word, const Run& run) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t from = i;
    if (unspaced(text[i])) {
      while (i < text.size() && unspaced(text[i])) ++i;
      run(text.substr(from, i - from));
    } else if (is_word(text[i])) {
      while (i < text.size() && is_word(text[i]) && !unspaced(text[i])) ++i;
      word(text.substr(from, i - from));
    } else {
      ++i;
    }
  }
}

bool is_digit(char32_t c) {
  return c >= U'0' && c <= U'9';
}

/// Calls `use` with the digits of each number of at least seven, signs within it left out; `country`: begun by + or 00.
template <class Use>
void each_long_number(std::u32string_view text, const Use& use) {
  const auto sign = [](char32_t c) { return c == U' ' || c == U'-' || c == U'.' || c == U'(' || c == U')' || c == U'/' || c == U'+'; };
  for (std::size_t i = 0; i < text.size();) {
    if (!is_digit(text[i])) {
      ++i;
      continue;
    }
    std::u32string digits;
    const bool inside = i > 0 && is_word(text[i - 1]) && !unspaced(text[i - 1]);  // a part of a word
    bool country = i > 0 && text[i - 1] == U'+';
    for (; i < text.size() && (is_digit(text[i]) || sign(text[i])); ++i) {
      if (is_digit(text[i])) digits.push_back(text[i]);
    }
    const bool goes_on = i < text.size() && is_word(text[i]) && !unspaced(text[i]);
    if (inside || goes_on || digits.size() < 7 || digits.size() > longest_word) continue;
    if (digits.starts_with(U"00")) {
      country = true;
      digits.erase(0, 2);
    }
    use(digits, country);
  }
}

std::u32string whole_of(std::u32string_view folded) {
  std::u32string out(1, whole_mark);
  for (const char32_t c : folded) {
    if (!is_word(c)) continue;
    if (out.size() > longest_whole) return {};
    out.push_back(c);
  }
  return out.size() > 1 ? out : std::u32string();
}

bool begins(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

}  // namespace

std::vector<std::string_view> texts_of(const expr::Value& value) {
  std::vector<std::string_view> out;
  if (const auto* text = value.as<std::string>()) out.emplace_back(*text);
  if (const expr::Map* map = value.as_map()) {
    for (const auto& [language, said] : *map) {
      if (const auto* text = said.as<std::string>()) out.emplace_back(*text);
    }
  }
  return out;
}

void add_words(std::set<std::string, std::less<>>& words, std::string_view text) {
  const std::u32string folded = fold(text);
  const auto add = [&](std::u32string_view word) {
    if (!word.empty() && words.size() < most_words) words.insert(to_utf8(word.substr(0, longest_word)));
  };
  each_part(
      folded, add, [&](std::u32string_view run) {
        for (std::size_t i = 0; i + 1 < run.size(); ++i) add(run.substr(i, 2));
        add(run.substr(run.size() - 1));
        if (run.size() < 2 || run.size() > 6 || folded.size() > 24 || !std::all_of(run.begin(), run.end(), is_han)) return;
        std::string spoken, initials;
        for (std::size_t i = 0; i < run.size(); ++i) {
          const std::string_view one = pinyin(run[i], i == 0);
          if (one.empty()) return;
          spoken += one;
          initials += one.front();
        }
        if (words.size() + 1 < most_words && spoken.size() <= longest_word) {
          words.insert(std::move(spoken));
          words.insert(std::move(initials));
        }
      });
  each_long_number(folded, [&](const std::u32string& digits, bool country) {
    add(digits);
    if (country && digits.starts_with(U"86") && digits.size() == 13) add(std::u32string_view(digits).substr(2));
    add(std::u32string_view(digits).substr(digits.size() - 4));
  });
  add(whole_of(folded));
}

std::string joined(const std::set<std::string, std::less<>>& words) {
  std::string out;
  for (const std::string& word : words) (out += out.empty() ? "" : " ") += word;
  return out;
}

SearchTerms terms_of(std::string_view query) {
  SearchTerms terms;
  const std::u32string folded = fold(query.substr(0, 400));
  const std::u32string whole = whole_of(folded);
  if (!whole.empty()) terms.whole = to_utf8(whole);
  std::set<storage::SearchTerm> seen;
  const auto add = [&](std::u32string_view word, bool prefix) {
    storage::SearchTerm term{to_utf8(word.substr(0, longest_word)), prefix || word.size() > longest_word};
    if (terms.words.size() < most_terms && seen.insert(term).second) terms.words.push_back(std::move(term));
  };
  // A number with signs in it, and nothing else, is looked for as one.
  bool number = false;
  if (std::none_of(folded.begin(), folded.end(), [](char32_t c) { return is_word(c) && !is_digit(c); })) {
    each_long_number(folded, [&](std::u32string digits, bool country) {
      if (number) return;
      if (country && digits.starts_with(U"86") && digits.size() == 13) digits.erase(0, 2);
      add(digits, true);
      terms.pieces.push_back(digits);
      number = true;
    });
  }
  if (number) return terms;
  std::size_t last = 0;
  bool last_word = false;
  each_part(
      folded,
      [&](std::u32string_view word) {
        add(word, false);
        terms.pieces.emplace_back(word);
        last = terms.words.size();
        last_word = word.size() > 1 && word.data() + word.size() == folded.data() + folded.size();
      },
      [&](std::u32string_view run) {
        if (run.size() == 1) add(run, true);
        for (std::size_t i = 0; i + 1 < run.size(); ++i) add(run.substr(i, 2), false);
        terms.pieces.emplace_back(run);
        last_word = false;
      });
  // What is still being typed.
  if (last_word && last > 0 && last == terms.words.size()) terms.words[last - 1].prefix = true;
  return terms;
}

bool holds_all(const std::set<std::string, std::less<>>& words, const SearchTerms& terms) {
  return std::all_of(terms.words.begin(), terms.words.end(), [&](const storage::SearchTerm& term) {
    const auto found = words.lower_bound(term.text);
    return found != words.end() && (term.prefix ? begins(*found, term.text) : *found == term.text);
  });
}

Fragment fragment_of(std::string_view text, const SearchTerms& terms, std::size_t length) {
  // Each character folded by itself, with the place where it stands.
  std::u32string folded;
  std::vector<std::size_t> starts;  // in bytes, of each folded character
  std::vector<std::size_t> places;  // of each character of the text
  const auto size = static_cast<std::int32_t>(std::min<std::size_t>(text.size(), 1u << 20));
  for (std::int32_t i = 0; i < size;) {
    const auto from = static_cast<std::size_t>(i);
    U8_FWD_1(text.data(), i, size);
    places.push_back(from);
    for (const char32_t c : fold(text.substr(from, static_cast<std::size_t>(i) - from))) {
      folded.push_back(c);
      starts.push_back(from);
    }
  }
  const std::size_t end = static_cast<std::size_t>(size);
  starts.push_back(end);
  places.push_back(end);
  std::vector<std::pair<std::size_t, std::size_t>> marks;
  for (const std::u32string& piece : terms.pieces) {
    const bool word = !piece.empty() && !unspaced(piece.front());
    for (std::size_t at = folded.find(piece); !piece.empty() && at != std::u32string::npos && marks.size() < 200; at = folded.find(piece, at + 1)) {
      if (word && at > 0 && is_word(folded[at - 1]) && !unspaced(folded[at - 1]) && !is_digit(piece.front())) continue;  // in the midst of a word
      marks.emplace_back(starts[at], starts[at + piece.size()]);
    }
  }
  std::sort(marks.begin(), marks.end());
  const std::size_t first = marks.empty() ? 0 : marks.front().first;
  auto from = static_cast<std::size_t>(std::lower_bound(places.begin(), places.end(), first) - places.begin());
  from = places.size() - 1 <= length || from < length / 4 ? 0 : from - length / 4;
  const std::size_t until = std::min(from + length, places.size() - 1);
  const std::size_t begin_byte = places[from], end_byte = places[until];
  Fragment out;
  if (from > 0) out.text = "…";
  const std::size_t shift = out.text.size();
  out.text.append(text.substr(begin_byte, end_byte - begin_byte));
  if (until + 1 < places.size()) out.text += "…";
  for (const auto& [x, y] : marks) {
    if (x < begin_byte || y > end_byte) continue;
    const std::size_t a = x - begin_byte + shift, b = y - begin_byte + shift;
    if (!out.marks.empty() && a <= out.marks.back().second) out.marks.back().second = std::max(out.marks.back().second, b);
    else out.marks.emplace_back(a, b);
  }
  return out;
}

}  // namespace caravan::records
