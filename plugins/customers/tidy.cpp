#include "tidy.h"

#include <algorithm>

namespace customers {
namespace {

/// Takes one UTF-8 character off the front; a stray byte stands for itself.
std::string_view take(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  std::size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  length = std::min(length, text.size());
  const std::string_view out = text.substr(0, length);
  text.remove_prefix(length);
  return out;
}

bool is_space(std::string_view c) {
  return c == " " || c == "\t" || c == "\n" || c == "\r" || c == "\u00A0" || c == "\u3000";
}

/// U+FF01 to U+FF5E are ASCII in the width of Chinese characters; the ideographic space becomes a space.
std::string fold_width(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view c = take(text);
    if (c.size() == 3 && c[0] == '\xEF') {
      const unsigned code = 0xF000u | (static_cast<unsigned char>(c[1]) & 0x3Fu) << 6 |
                            (static_cast<unsigned char>(c[2]) & 0x3Fu);
      if (code >= 0xFF01 && code <= 0xFF5E) {
        out += static_cast<char>(code - 0xFEE0);
        continue;
      }
    }
    if (is_space(c))
      out += ' ';
    else
      out += c;
  }
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80;
}

bool is_local_part(std::string_view text) {
  if (text.empty() || text.size() > 64 || text.front() == '.' || text.back() == '.') return false;
  if (text.find("..") != std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) ||
           std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos;
  });
}

bool is_domain(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  std::size_t labels = 0;
  std::string_view last;
  for (;;) {
    const auto dot = text.find('.');
    last = text.substr(0, dot);
    if (last.empty() || last.size() > 63 || last.front() == '-' || last.back() == '-') return false;
    if (!std::all_of(last.begin(), last.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '-'; }))
      return false;
    ++labels;
    if (dot == std::string_view::npos) break;
    text.remove_prefix(dot + 1);
  }
  return labels >= 2 && last.size() >= 2 && !std::all_of(last.begin(), last.end(), is_digit);
}

}  // namespace

std::string tidy_name(std::string_view name) {
  std::string out;
  bool gap = false;
  while (!name.empty()) {
    const std::string_view c = take(name);
    if (is_space(c)) {
      gap = !out.empty();
      continue;
    }
    if (gap) out += ' ';
    gap = false;
    out += c;
  }
  return out;
}

std::optional<std::string> tidy_email(std::string_view email) {
  const std::string folded = fold_width(email);
  std::string out(trim(folded));
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const auto at = out.find('@');
  if (at == std::string::npos || out.size() > 254) return std::nullopt;
  const std::string_view all = out;
  if (!is_local_part(all.substr(0, at)) || !is_domain(all.substr(at + 1))) return std::nullopt;
  return out;
}

std::optional<std::string> tidy_phone(std::string_view phone) {
  std::string out;
  for (const char c : fold_width(phone)) {
    if (is_digit(c))
      out += c;
    else if (c == '+' && out.empty())
      out += c;
    else if (std::string_view(" -.()/").find(c) == std::string_view::npos)
      return std::nullopt;
  }
  if (out.starts_with("00")) out.replace(0, 2, "+");
  const auto is_mobile = [](std::string_view digits) {
    return digits.size() == 11 && digits[0] == '1' && digits[1] >= '3' && digits[1] <= '9';
  };
  if (is_mobile(out))
    out.insert(0, "+86");
  else if (out.starts_with("86") && is_mobile(std::string_view(out).substr(2)))
    out.insert(0, "+");
  const std::size_t digits = out.size() - (out.starts_with('+') ? 1 : 0);
  if (digits < 5 || digits > 15) return std::nullopt;
  return out;
}

}  // namespace customers
