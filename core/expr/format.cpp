#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "expr/evaluator.h"
#include "expr/functions.h"
#include "expr/utf8.h"

namespace caravan::expr {
namespace {

constexpr int default_precision = 6;
constexpr int max_precision = 1000;

/// `NaN`, `Infinity`, `-Infinity`; empty for a finite number.
std::string not_finite(double d) {
  if (std::isnan(d)) return "NaN";
  if (std::isinf(d)) return d > 0 ? "Infinity" : "-Infinity";
  return {};
}

std::string radix(std::uint64_t magnitude, bool negative, int base, bool upper) {
  std::array<char, 72> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), magnitude, base).ptr;
  std::string text = (negative ? "-" : "") + std::string(buffer.data(), end);
  if (upper) std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return text;
}

std::string hex(const std::string& bytes, bool upper) {
  const char* digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text.push_back(digits[static_cast<unsigned char>(c) >> 4]);
    text.push_back(digits[static_cast<unsigned char>(c) & 15]);
  }
  return text;
}

/// `%s`: false (and failed) where the value has no text form or grows too long.
bool write(std::string& text, const Value& value, Frame& frame) {
  if (text.size() > max_text) {
    frame.fail("the text is too long");
    return false;
  }
  if (!frame.spend(1)) return false;
  if (value.is_null()) {
    text += "null";
  } else if (const auto* s = value.as<std::string>()) {
    text += *s;
  } else if (const auto* b = value.as<bool>()) {
    text += *b ? "true" : "false";
  } else if (const auto* i = value.as<std::int64_t>()) {
    text += std::to_string(*i);
  } else if (const auto* u = value.as<std::uint64_t>()) {
    text += std::to_string(*u);
  } else if (const auto* d = value.as<double>()) {
    text += format_double(*d);
  } else if (const auto* dec = value.as<Decimal>()) {
    text += format_decimal(*dec);
  } else if (const auto* date = value.as<Date>()) {
    text += format_date(*date);
  } else if (const auto* at = value.as<Timestamp>()) {
    text += format_timestamp(*at);
  } else if (const auto* duration = value.as<Duration>()) {
    text += format_duration(*duration);
  } else if (const auto* type = value.as<TypeName>()) {
    text += type->name;
  } else if (const auto* bytes = value.as<Bytes>()) {
    bool was_bad = false;
    for (std::size_t k = 0; k < bytes->data.size();) {
      char32_t code = 0;
      const std::size_t n = utf8::decode(bytes->data, k, code);
      if (n == 0 && !was_bad) utf8::append(text, 0xFFFD);
      was_bad = n == 0;
      text.append(bytes->data, k, n);
      k += std::max<std::size_t>(n, 1);
    }
  } else if (const List* list = value.as_list()) {
    text += '[';
    for (std::size_t k = 0; k < list->size(); ++k) {
      if (k) text += ", ";
      if (!write(text, (*list)[k], frame)) return false;
    }
    text += ']';
  } else if (const Map* map = value.as_map()) {
    std::vector<std::pair<std::string, const Value*>> entries;
    for (const auto& [key, item] : *map) {
      std::string name;
      if (!write(name, key, frame)) return false;
      entries.emplace_back(std::move(name), &item);
    }
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& c) { return a.first < c.first; });
    text += '{';
    for (std::size_t k = 0; k < entries.size(); ++k) {
      text += (k ? ", " : "") + entries[k].first + ": ";
      if (!write(text, *entries[k].second, frame)) return false;
    }
    text += '}';
  } else {
    frame.fail("a " + type_name(value) + " has no text form");
    return false;
  }
  return true;
}

std::nullptr_t bad_argument(Frame& frame, char verb, const Value& value) {
  return frame.fail(std::string("`%") + verb + "` does not take " + type_name(value));
}

/// %f and %e.
bool write_number(std::string& text, char verb, int precision, const Value& value, Frame& frame) {
  double d = 0;
  if (const auto* x = value.as<double>()) {
    d = *x;
  } else if (const auto* i = value.as<std::int64_t>()) {
    d = static_cast<double>(*i);
  } else if (const auto* u = value.as<std::uint64_t>()) {
    d = static_cast<double>(*u);
  } else if (const auto* dec = value.as<Decimal>(); dec && verb == 'f' && precision <= 18) {
    const auto rounded = rescale(*dec, static_cast<std::uint8_t>(precision));
    if (!rounded) {
      frame.fail("a decimal has at most 18 digits");
      return false;
    }
    text += format_decimal(*rounded);
    return true;
  } else {
    bad_argument(frame, verb, value);
    return false;
  }
  if (const std::string special = not_finite(d); !special.empty()) {
    text += special;
    return true;
  }
  std::string buffer(static_cast<std::size_t>(precision) + 330, '\0');
  const auto form = verb == 'f' ? std::chars_format::fixed : std::chars_format::scientific;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), d, form, precision).ptr;
  text.append(buffer.data(), end);
  return true;
}

/// %d, %b, %o, %x, %X.
bool write_integer(std::string& text, char verb, const Value& value, Frame& frame) {
  const int base = verb == 'b' ? 2 : verb == 'o' ? 8 : verb == 'd' ? 10 : 16;
  const bool upper = verb == 'X';
  if (const auto* i = value.as<std::int64_t>()) {
    text += radix(*i < 0 ? 0 - static_cast<std::uint64_t>(*i) : static_cast<std::uint64_t>(*i), *i < 0, base, upper);
  } else if (const auto* u = value.as<std::uint64_t>()) {
    text += radix(*u, false, base, upper);
  } else if (const auto* b = value.as<bool>(); b && verb == 'b') {
    text += *b ? '1' : '0';
  } else if (const auto* d = value.as<double>(); d && verb == 'd') {
    text += format_double(*d);
  } else if (const auto* dec = value.as<Decimal>(); dec && verb == 'd') {
    text += format_decimal(*dec);
  } else if (const auto* s = value.as<std::string>(); s && base == 16) {
    text += hex(*s, upper);
  } else if (const auto* bytes = value.as<Bytes>(); bytes && base == 16) {
    text += hex(bytes->data, upper);
  } else {
    bad_argument(frame, verb, value);
    return false;
  }
  return true;
}

}  // namespace

std::string format_double(double value) {
  if (std::string special = not_finite(value); !special.empty()) return special;
  std::array<char, 64> buffer{};
  // The shortest text that reads back as the same number; very large and very small ones with an exponent.
  const double size = std::fabs(value);
  const auto form = size != 0 && (size < 1e-6 || size >= 1e21) ? std::chars_format::scientific : std::chars_format::fixed;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, form).ptr;
  return {buffer.data(), end};
}

std::string format_duration(const Duration& value) {
  const bool negative = value.seconds < 0 || value.nanos < 0;
  std::string text = (negative ? "-" : "") + std::to_string(value.seconds < 0 ? -value.seconds : value.seconds);
  if (value.nanos != 0) {
    std::array<char, 16> buffer{};
    std::snprintf(buffer.data(), buffer.size(), ".%09d", value.nanos < 0 ? -value.nanos : value.nanos);
    text += buffer.data();
    while (text.back() == '0') text.pop_back();
  }
  return text + "s";
}

const Value* format(Frame& frame, const std::string& pattern, const List& args, Value& out) {
  std::string text;
  std::size_t next = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (text.size() > max_text) return frame.fail("the text is too long");
    if (pattern[i] != '%') {
      text.push_back(pattern[i]);
      continue;
    }
    if (++i == pattern.size()) return frame.fail("`format`: the text ends after `%`; a percent sign is written `%%`");
    if (pattern[i] == '%') {
      text.push_back('%');
      continue;
    }
    int precision = default_precision;
    bool has_precision = false;
    if (pattern[i] == '.') {
      const char* first = pattern.data() + i + 1;
      const auto [end, error] = std::from_chars(first, pattern.data() + pattern.size(), precision);
      if (error != std::errc() || precision < 0 || precision > max_precision) return frame.fail("`format`: a precision is a number from 0 to 1000");
      i += 1 + static_cast<std::size_t>(end - first);
      has_precision = true;
      if (i == pattern.size()) return frame.fail("`format`: a letter is missing after the precision");
    }
    const char verb = pattern[i];
    if (std::string_view("sdfebxXo").find(verb) == std::string_view::npos) {
      return frame.fail("`format` knows %s %d %f %e %b %x %X %o and %%, but not the letter after this `%`");
    }
    if (has_precision && verb != 'f' && verb != 'e') return frame.fail(std::string("`format`: `%") + verb + "` takes no precision");
    if (next == args.size()) return frame.fail("`format`: there are more places than values");
    const Value& value = args[next++];
    const bool done = verb == 's' ? write(text, value, frame)
                      : verb == 'f' || verb == 'e' ? write_number(text, verb, precision, value, frame)
                                                   : write_integer(text, verb, value, frame);
    if (!done) return nullptr;
  }
  if (text.size() > max_text) return frame.fail("the text is too long");
  if (!frame.spend(text.size() / 256)) return nullptr;
  out = Value(std::move(text));
  return &out;
}

}  // namespace caravan::expr
