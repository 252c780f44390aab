#include "model/handbook_words.h"

#include <algorithm>

namespace caravan::model {
namespace {

/// Whether the text is Chinese: a text for all languages is kept as English, whatever it is in.
bool has_chinese(std::string_view text) {
  for (std::size_t i = 0; i + 2 < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead >= 0xE4 && lead <= 0xE9) return true;  // U+4000 to U+9FFF
  }
  return false;
}

}  // namespace

const std::vector<PhraseTexts>& handbook_phrases() {
  static const std::vector<PhraseTexts> phrases = {
#define X(name, en, zh_cn, zh_tw) {#name, en, zh_cn, zh_tw},
      CARAVAN_HANDBOOK_PHRASES(X)
#undef X
  };
  return phrases;
}

bool has_handbook_language(std::string_view locale) { return locale == "en" || locale == "zh-CN" || locale == "zh-TW"; }

std::string_view HandbookWords::text(Phrase phrase) const {
  const PhraseTexts& texts = handbook_phrases()[static_cast<std::size_t>(phrase)];
  return locale_ == "zh-CN" ? texts.zh_cn : locale_ == "zh-TW" ? texts.zh_tw : texts.en;
}

std::string HandbookWords::say(Phrase phrase, const std::vector<std::string>& arguments) const {
  std::vector<HandbookLine> lines;
  for (const std::string& argument : arguments) lines.push_back(plain(argument));
  return text_of(line(phrase, lines));
}

HandbookLine HandbookWords::line(Phrase phrase, const std::vector<HandbookLine>& arguments) const {
  HandbookLine out;
  std::string_view rest = text(phrase);
  while (!rest.empty()) {
    const auto open = rest.find('{');
    append(out, plain(std::string(rest.substr(0, open))));
    if (open == std::string_view::npos) break;
    const auto at = static_cast<std::size_t>(rest[open + 1] - '0');
    if (at < arguments.size()) append(out, arguments[at]);
    rest = rest.substr(open + 3);
  }
  return out;
}

HandbookSpan HandbookWords::span(const Text& text, std::string_view name, HandbookSpan::Kind kind) const {
  const std::string& found = text.in(locale_);
  if (found.empty()) return {HandbookSpan::Kind::code, std::string(name), {}, {}};
  HandbookSpan out{kind, found, {}, {}};
  if (!text.all().contains(locale_)) {
    for (const auto& [language, said] : text.all()) {
      if (&said == &found) out.language = language;
    }
    if (out.language == "en" && locale_ != "en" && has_chinese(found)) out.language.clear();
  }
  return out;
}

HandbookLine HandbookWords::label(const Text& text, std::string_view name) const { return {span(text, name)}; }

HandbookLine HandbookWords::joined(const std::vector<HandbookLine>& lines, Phrase between) const {
  HandbookLine out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) append(out, plain(std::string(text(between))));
    append(out, lines[i]);
  }
  return out;
}

std::string HandbookWords::duration(std::int64_t seconds) const {
  const std::string sign = seconds < 0 ? "-" : "";
  const std::uint64_t all = seconds < 0 ? 0 - static_cast<std::uint64_t>(seconds) : static_cast<std::uint64_t>(seconds);
  const std::uint64_t hours = all / 3600, minutes = all / 60 % 60;
  if (all % 60 != 0) return sign + say(Phrase::only_seconds, {std::to_string(all)});
  if (minutes == 0 && hours > 0) return sign + say(Phrase::only_hours, {std::to_string(hours)});
  if (hours == 0) return sign + say(Phrase::only_minutes, {std::to_string(minutes)});
  return sign + say(Phrase::hours_minutes, {std::to_string(hours), std::to_string(minutes)});
}

HandbookLine plain(std::string text) { return {{HandbookSpan::Kind::text, std::move(text), {}, {}}}; }
HandbookLine code(std::string text) { return {{HandbookSpan::Kind::code, std::move(text), {}, {}}}; }

void append(HandbookLine& line, const HandbookLine& more) {
  for (const HandbookSpan& span : more) {
    if (span.text.empty()) continue;
    const bool same = !line.empty() && line.back().kind == span.kind && line.back().to == span.to && line.back().language == span.language &&
                      span.kind == HandbookSpan::Kind::text && span.language.empty();
    if (same) line.back().text += span.text;
    else line.push_back(span);
  }
}

std::string text_of(const HandbookLine& line) {
  std::string out;
  for (const HandbookSpan& span : line) out += span.text;
  return out;
}

}  // namespace caravan::model
