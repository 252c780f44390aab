#include "records/fold.h"

#include <memory>
#include <unicode/normalizer2.h>
#include <unicode/translit.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>
#include <utility>
#include <vector>

#include "base/error.h"

namespace caravan::records {
namespace {

// The blocks that ICU's tables know: Extension A and the unified ideographs.
constexpr char32_t first_han = 0x3400, last_han = 0x9FFF;

/// Characters that are said otherwise as surnames. (ICU's Han-Latin/Names knows them too, and takes a second to open.)
constexpr std::pair<char32_t, std::string_view> surnames[] = {
    {U'曾', "zeng"}, {U'单', "shan"}, {U'仇', "qiu"}, {U'解', "xie"}, {U'查', "zha"}, {U'朴', "piao"}, {U'区', "ou"}, {U'盖', "ge"}, {U'乐', "yue"},
    {U'翟', "zhai"}, {U'种', "chong"}, {U'繁', "po"}, {U'缪', "miao"}, {U'召', "shao"}, {U'折', "she"}, {U'员', "yun"}, {U'冼', "xian"}, {U'洗', "xian"},
    {U'覃', "qin"}, {U'尉', "wei"}, {U'秘', "bi"}, {U'黑', "he"}, {U'重', "chong"}, {U'华', "hua"}, {U'任', "ren"}, {U'薄', "bo"}, {U'那', "na"},
    {U'牟', "mou"}, {U'佴', "nai"}, {U'逄', "pang"}, {U'祭', "zhai"}, {U'谌', "chen"}, {U'隗', "wei"}, {U'过', "guo"}, {U'宁', "ning"}, {U'长', "zhang"},
};

/// What ICU's transliterators say of each character, asked once: they are slow, and lock.
class HanTable {
 public:
  HanTable() : simplified_(last_han - first_han + 1), readings_(last_han - first_han + 1) {
    each_line("Traditional-Simplified", [&](char32_t c, const icu::UnicodeString& line) {
      simplified_[c - first_han] = line.countChar32() == 1 ? static_cast<char32_t>(line.char32At(0)) : c;
    });
    each_line("Han-Latin; Latin-ASCII; Lower", [&](char32_t c, const icu::UnicodeString& line) { readings_[c - first_han] = letters(line); });
  }

  char32_t simplified(char32_t c) const { return c >= first_han && c <= last_han && simplified_[c - first_han] != 0 ? simplified_[c - first_han] : c; }
  std::string_view reading(char32_t c, bool surname) const {
    if (c < first_han || c > last_han) return {};
    if (surname) {
      for (const auto& [character, said] : surnames) {
        if (character == c) return said;
      }
    }
    return readings_[c - first_han];
  }

 private:
  /// Calls `use` with each character and what becomes of it. Many at once, a line each: a call of ICU's costs more than its work.
  template <class Use>
  static void each_line(const char* id, const Use& use) {
    UErrorCode status = U_ZERO_ERROR;
    const std::unique_ptr<icu::Transliterator> by(icu::Transliterator::createInstance(id, UTRANS_FORWARD, status));
    if (U_FAILURE(status) || !by) throw Error(ErrorCode::internal, std::string("ICU has no transliterator ") + id + ": its data are not installed.");
    constexpr char32_t at_once = 128;
    for (char32_t from = first_han; from <= last_han; from += at_once) {
      if (from >= 0x4DC0 && from < 0x4E00) continue;
      icu::UnicodeString lines;
      for (char32_t c = from; c < from + at_once && c <= last_han; ++c) lines.append(static_cast<UChar32>(c)).append(u'\n');
      by->transliterate(lines);
      std::int32_t begin = 0;
      for (char32_t c = from; c < from + at_once && c <= last_han; ++c) {
        const std::int32_t end = lines.indexOf(u'\n', begin);
        if (end < 0) break;
        use(c, icu::UnicodeString(lines, begin, end - begin));
        begin = end + 1;
      }
    }
  }
  static std::string letters(const icu::UnicodeString& line) {
    std::string out;
    for (std::int32_t i = 0; i < line.length(); ++i) {
      const char16_t u = line.charAt(i);
      if (u >= 'a' && u <= 'z') out.push_back(static_cast<char>(u));
    }
    return out;
  }

  std::vector<char32_t> simplified_;
  std::vector<std::string> readings_;
};

const HanTable& han_table() {
  static const HanTable table;  // constant data, made when the first Chinese text comes
  return table;
}

const icu::Normalizer2& normalizer(const char* name, UNormalization2Mode mode) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* found = icu::Normalizer2::getInstance(nullptr, name, mode, status);
  if (U_FAILURE(status)) throw Error(ErrorCode::internal, "ICU has no Unicode normalisation: its data are not installed.");
  return *found;
}

}  // namespace

bool is_han(char32_t c) {
  return (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF);
}

bool is_word(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
  return (U_GET_GC_MASK(static_cast<UChar32>(c)) & (U_GC_L_MASK | U_GC_N_MASK | U_GC_M_MASK)) != 0;
}

std::u32string fold(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  bool ascii = true;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) {
      ascii = false;
      break;
    }
    out.push_back(static_cast<char32_t>(c >= 'A' && c <= 'Z' ? c + 32 : c));
  }
  if (ascii) return out;
  out.clear();
  UErrorCode status = U_ZERO_ERROR;
  const auto source = icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())));
  const icu::UnicodeString folded = normalizer("nfkc_cf", UNORM2_COMPOSE).normalize(source, status);
  const icu::UnicodeString open = normalizer("nfc", UNORM2_DECOMPOSE).normalize(folded, status);
  if (U_FAILURE(status)) throw Error(ErrorCode::internal, "ICU cannot normalise a text.");
  for (std::int32_t i = 0; i < open.length();) {
    const auto c = static_cast<char32_t>(open.char32At(i));
    i += U16_LENGTH(static_cast<UChar32>(c));
    // Combining marks of Latin, Greek and Cyrillic; those of other scripts are letters of theirs.
    if (c >= 0x0300 && c <= 0x036F) continue;
    out.push_back(is_han(c) ? han_table().simplified(c) : c);
  }
  return out;
}

std::string_view pinyin(char32_t c, bool surname) {
  return is_han(c) ? han_table().reading(c, surname) : std::string_view();
}

void warm_up_folding() {
  han_table();
}

std::string to_utf8(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t c : text) {
    char bytes[4];
    std::int32_t size = 0;
    U8_APPEND_UNSAFE(bytes, size, static_cast<UChar32>(c));
    out.append(bytes, static_cast<std::size_t>(size));
  }
  return out;
}

}  // namespace caravan::records
