#include "records/fold.h"

#include <array>
#include <memory>
#include <unicode/normalizer2.h>
#include <unicode/translit.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>
#include <unordered_map>
#include <vector>

#include "base/error.h"

namespace caravan::records {
namespace {

// The blocks that ICU's tables know: Extension A and the unified ideographs.
constexpr char32_t first_han = 0x3400, last_han = 0x9FFF;

/// What ICU's transliterators say of each character, asked once: they are slow, and lock.
class HanTable {
 public:
  HanTable() : simplified_(last_han - first_han + 1), readings_(last_han - first_han + 1) {
    const auto simplify = open("Traditional-Simplified");
    const auto read = open("Han-Latin; Latin-ASCII; Lower");
    const auto names = open("Han-Latin/Names; Latin-ASCII; Lower");
    for (char32_t c = first_han; c <= last_han; ++c) {
      if (c > 0x4DBF && c < 0x4E00) continue;
      const std::size_t at = c - first_han;
      icu::UnicodeString one(static_cast<UChar32>(c));
      simplify->transliterate(one);
      simplified_[at] = one.countChar32() == 1 ? static_cast<char32_t>(one.char32At(0)) : c;
      readings_[at] = letters(*read, c);
      std::string surname = letters(*names, c);
      if (!surname.empty() && surname != readings_[at]) surnames_.emplace(c, std::move(surname));
    }
  }

  char32_t simplified(char32_t c) const { return c >= first_han && c <= last_han && simplified_[c - first_han] != 0 ? simplified_[c - first_han] : c; }
  std::string_view reading(char32_t c, bool surname) const {
    if (c < first_han || c > last_han) return {};
    if (surname) {
      const auto found = surnames_.find(c);
      if (found != surnames_.end()) return found->second;
    }
    return readings_[c - first_han];
  }

 private:
  static std::unique_ptr<icu::Transliterator> open(const char* id) {
    UErrorCode status = U_ZERO_ERROR;
    std::unique_ptr<icu::Transliterator> made(icu::Transliterator::createInstance(id, UTRANS_FORWARD, status));
    if (U_FAILURE(status) || !made) throw Error(ErrorCode::internal, std::string("ICU has no transliterator ") + id + ": its data are not installed.");
    return made;
  }
  static std::string letters(const icu::Transliterator& by, char32_t c) {
    icu::UnicodeString one(static_cast<UChar32>(c));
    by.transliterate(one);
    std::string out;
    for (std::int32_t i = 0; i < one.length(); ++i) {
      const char16_t u = one.charAt(i);
      if (u >= 'a' && u <= 'z') out.push_back(static_cast<char>(u));
    }
    return out;
  }

  std::vector<char32_t> simplified_;
  std::vector<std::string> readings_;
  std::unordered_map<char32_t, std::string> surnames_;
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
