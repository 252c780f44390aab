#include "expr/functions.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "base/time_zone.h"
#include "expr/arithmetic.h"
#include "expr/evaluator.h"
#include "expr/utf8.h"

namespace caravan::expr {
namespace {

using Args = const Value* const*;

const Value* put(Value& out, Value value) {
  out = std::move(value);
  return &out;
}

const Value* no_overload(Frame& frame, const Node& node, Args args, std::size_t count) {
  std::string types;
  for (std::size_t i = 0; i < count; ++i) types += (i ? ", " : "") + type_name(*args[i]);
  return frame.fail("`" + node.text + "` is not defined for (" + types + ")");
}

// ---- Text ----------------------------------------------------------------------------------------------------------

const Value* size(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  if (const auto* s = args[0]->as<std::string>()) return put(out, static_cast<std::int64_t>(utf8::length(*s)));
  if (const auto* b = args[0]->as<Bytes>()) return put(out, static_cast<std::int64_t>(b->data.size()));
  if (const auto* l = args[0]->as_list()) return put(out, static_cast<std::int64_t>(l->size()));
  if (const auto* m = args[0]->as_map()) return put(out, static_cast<std::int64_t>(m->size()));
  return no_overload(frame, node, args, count);
}

/// A test of two texts.
template <class Test>
const Value* two_texts(Frame& frame, const Node& node, Args args, std::size_t count, Test test) {
  const auto *a = args[0]->as<std::string>(), *b = args[1]->as<std::string>();
  if (!a || !b) return no_overload(frame, node, args, count);
  return &bool_value(test(*a, *b));
}

const Value* contains(Frame& frame, const Node& node, Args args, std::size_t count, Value&) {
  return two_texts(frame, node, args, count, [](const auto& a, const auto& b) { return a.find(b) != std::string::npos; });
}
const Value* starts_with(Frame& frame, const Node& node, Args args, std::size_t count, Value&) {
  return two_texts(frame, node, args, count, [](const auto& a, const auto& b) { return a.starts_with(b); });
}
const Value* ends_with(Frame& frame, const Node& node, Args args, std::size_t count, Value&) {
  return two_texts(frame, node, args, count, [](const auto& a, const auto& b) { return a.ends_with(b); });
}

const Value* matches(Frame& frame, const Node& node, Args args, std::size_t count, Value&) {
  const auto *text = args[0]->as<std::string>(), *pattern = args[1]->as<std::string>();
  if (!text || !pattern) return no_overload(frame, node, args, count);
  std::shared_ptr<const void> compiled = node.prepared;
  if (!compiled) {
    std::string why;
    if (!frame.spend(100)) return nullptr;
    compiled = compile_pattern(*pattern, why);
    if (!compiled) return frame.fail(why);
  }
  return &bool_value(RE2::PartialMatch(*text, *static_cast<const RE2*>(compiled.get())));
}

template <char First, char Last, int Shift>
const Value* ascii_case(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const auto* text = args[0]->as<std::string>();
  if (!text) return no_overload(frame, node, args, count);
  std::string result = *text;
  for (char& c : result) {
    if (c >= First && c <= Last) c = static_cast<char>(c + Shift);
  }
  return put(out, std::move(result));
}

bool is_space(char32_t c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0D) || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
         c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

const Value* trim(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const auto* text = args[0]->as<std::string>();
  if (!text) return no_overload(frame, node, args, count);
  const auto starts = utf8::offsets(*text);
  const auto space_at = [&](std::size_t i) {
    char32_t c = 0;
    return utf8::decode(*text, starts[i], c) > 0 && is_space(c);
  };
  std::size_t first = 0, last = starts.size() - 1;
  while (first < last && space_at(first)) ++first;
  while (last > first && space_at(last - 1)) --last;
  return put(out, text->substr(starts[first], starts[last] - starts[first]));
}

const Value* char_at(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const auto* text = args[0]->as<std::string>();
  const auto* i = args[1]->as<std::int64_t>();
  if (!text || !i) return no_overload(frame, node, args, count);
  const auto starts = utf8::offsets(*text);
  const auto length = static_cast<std::int64_t>(starts.size()) - 1;
  if (*i < 0 || *i > length) return frame.fail("`charAt`: the index is outside of the text");
  if (*i == length) return put(out, std::string());
  const auto k = static_cast<std::size_t>(*i);
  return put(out, text->substr(starts[k], starts[k + 1] - starts[k]));
}

const Value* index_of(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const auto *text = args[0]->as<std::string>(), *part = args[1]->as<std::string>();
  const auto* from = count == 3 ? args[2]->as<std::int64_t>() : nullptr;
  if (!text || !part || (count == 3 && !from)) return no_overload(frame, node, args, count);
  const std::int64_t offset = from ? *from : 0;
  if (offset < 0) return frame.fail("`indexOf`: the offset is negative");
  if (part->empty()) return put(out, offset);
  const auto starts = utf8::offsets(*text);
  if (offset >= static_cast<std::int64_t>(starts.size()) - 1) return put(out, std::int64_t{-1});
  const std::size_t found = text->find(*part, starts[static_cast<std::size_t>(offset)]);
  if (found == std::string::npos) return put(out, std::int64_t{-1});
  return put(out, static_cast<std::int64_t>(utf8::length(std::string_view(*text).substr(0, found))));
}

const Value* last_index_of(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const auto *text = args[0]->as<std::string>(), *part = args[1]->as<std::string>();
  const auto* from = count == 3 ? args[2]->as<std::int64_t>() : nullptr;
  if (!text || !part || (count == 3 && !from)) return no_overload(frame, node, args, count);
  const auto starts = utf8::offsets(*text);
  const auto length = static_cast<std::int64_t>(starts.size()) - 1;
  if (part->empty()) return put(out, from ? *from : length);
  if (from && *from < 0) return frame.fail("`lastIndexOf`: the offset is negative");
  if (from && *from >= length) return put(out, std::int64_t{-1});
  const std::size_t limit = from ? starts[static_cast<std::size_t>(*from)] : std::string::npos;
  const std::size_t found = text->rfind(*part, limit);
  if (found == std::string::npos) return put(out, std::int64_t{-1});
  return put(out, static_cast<std::int64_t>(utf8::length(std::string_view(*text).substr(0, found))));
}

const Value* substring(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const auto* text = args[0]->as<std::string>();
  const auto* first = args[1]->as<std::int64_t>();
  const auto* last = count == 3 ? args[2]->as<std::int64_t>() : nullptr;
  if (!text || !first || (count == 3 && !last)) return no_overload(frame, node, args, count);
  const auto starts = utf8::offsets(*text);
  const auto length = static_cast<std::int64_t>(starts.size()) - 1;
  const std::int64_t end = last ? *last : length;
  if (*first < 0 || *first > length || end < 0 || end > length) return frame.fail("`substring`: an index is outside of the text");
  if (*first > end) return frame.fail("`substring`: it begins after its end");
  const std::size_t a = starts[static_cast<std::size_t>(*first)], b = starts[static_cast<std::size_t>(end)];
  return put(out, text->substr(a, b - a));
}

const Value* replace(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const auto *text = args[0]->as<std::string>(), *from = args[1]->as<std::string>(), *to = args[2]->as<std::string>();
  const auto* limit = count == 4 ? args[3]->as<std::int64_t>() : nullptr;
  if (!text || !from || !to || (count == 4 && !limit)) return no_overload(frame, node, args, count);
  std::int64_t left = limit && *limit >= 0 ? *limit : std::numeric_limits<std::int64_t>::max();
  std::string result;
  std::size_t pos = 0;
  while (left-- > 0) {
    std::size_t found;
    if (from->empty()) {
      found = pos;  // before each character, and at the end
    } else {
      found = text->find(*from, pos);
      if (found == std::string::npos) break;
      result.append(*text, pos, found - pos);
    }
    result.append(*to);
    if (result.size() > max_text) return frame.fail("the text is too long");
    pos = found + from->size();
    if (from->empty()) {
      if (pos >= text->size()) return put(out, std::move(result));
      char32_t code = 0;
      const std::size_t n = std::max<std::size_t>(1, utf8::decode(*text, pos, code));
      result.append(*text, pos, n);
      pos += n;
    }
  }
  if (pos < text->size()) result.append(*text, pos);
  if (result.size() > max_text) return frame.fail("the text is too long");
  if (!frame.spend(result.size() / 256)) return nullptr;
  return put(out, std::move(result));
}

const Value* split(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const auto *text = args[0]->as<std::string>(), *by = args[1]->as<std::string>();
  const auto* limit = count == 3 ? args[2]->as<std::int64_t>() : nullptr;
  if (!text || !by || (count == 3 && !limit)) return no_overload(frame, node, args, count);
  List result;
  const std::int64_t most = limit && *limit >= 0 ? *limit : std::numeric_limits<std::int64_t>::max();
  if (most == 0 || (by->empty() && text->empty())) return put(out, std::move(result));
  std::size_t pos = 0;
  while (static_cast<std::int64_t>(result.size()) + 1 < most) {
    std::size_t found, skip = by->size();
    if (by->empty()) {
      char32_t code = 0;
      found = pos + std::max<std::size_t>(1, utf8::decode(*text, pos, code));
      if (found >= text->size()) break;
    } else {
      found = text->find(*by, pos);
      if (found == std::string::npos) break;
    }
    if (result.size() >= max_elements || !frame.spend(1)) return frame.fail("the list is too long");
    result.emplace_back(text->substr(pos, found - pos));
    pos = found + skip;
  }
  result.emplace_back(text->substr(pos));
  return put(out, std::move(result));
}

const Value* join(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const List* list = args[0]->as_list();
  const auto* by = count == 2 ? args[1]->as<std::string>() : nullptr;
  if (!list || (count == 2 && !by)) return no_overload(frame, node, args, count);
  std::string result;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto* part = (*list)[i].as<std::string>();
    if (!part) return frame.fail("`join` takes a list of strings, not one with a " + type_name((*list)[i]));
    if (i > 0 && by) result += *by;
    result += *part;
    if (result.size() > max_text) return frame.fail("the text is too long");
  }
  if (!frame.spend(list->size() + result.size() / 256)) return nullptr;
  return put(out, std::move(result));
}

const Value* reverse(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const auto* text = args[0]->as<std::string>();
  if (!text) return no_overload(frame, node, args, count);
  const auto starts = utf8::offsets(*text);
  std::string result;
  result.reserve(text->size());
  for (std::size_t i = starts.size() - 1; i-- > 0;) result.append(*text, starts[i], starts[i + 1] - starts[i]);
  return put(out, std::move(result));
}

const Value* quote(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const auto* text = args[0]->as<std::string>();
  if (!text) return no_overload(frame, node, args, count);
  std::string result = "\"";
  for (std::size_t i = 0; i < text->size();) {
    char32_t code = 0;
    const std::size_t n = utf8::decode(*text, i, code);
    if (n == 0) {
      utf8::append(result, 0xFFFD);
      ++i;
      continue;
    }
    switch (code) {
      case '\a': result += "\\a"; break;
      case '\b': result += "\\b"; break;
      case '\f': result += "\\f"; break;
      case '\n': result += "\\n"; break;
      case '\r': result += "\\r"; break;
      case '\t': result += "\\t"; break;
      case '\v': result += "\\v"; break;
      case '\\': result += "\\\\"; break;
      case '"': result += "\\\""; break;
      default: result.append(*text, i, n);
    }
    i += n;
  }
  if (result.size() > max_text) return frame.fail("the text is too long");
  return put(out, result + "\"");
}

const Value* format_call(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const auto* pattern = args[0]->as<std::string>();
  const List* values = args[1]->as_list();
  if (!pattern || !values) return no_overload(frame, node, args, count);
  return format(frame, *pattern, *values, out);
}

// ---- Conversions ---------------------------------------------------------------------------------------------------

const Value* malformed(Frame& frame, const std::string& text, const char* what, const char* right) {
  const std::string shown = text.size() > 60 ? text.substr(0, 57) + "…" : text;
  return frame.fail("\"" + shown + "\" is not " + what + ", e.g. " + right);
}

template <class T>
bool parse_number(const std::string& text, T& value) {
  const char* first = text.data();
  if (!text.empty() && text.front() == '+' && text.size() > 1 && text[1] != '-') ++first;
  const auto [end, error] = std::from_chars(first, text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

const Value* out_of_range(Frame& frame, const char* type) { return frame.fail(std::string("the number is out of the range of ") + type); }

const Value* to_int(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const Value& v = *args[0];
  if (v.is<std::int64_t>()) return args[0];
  if (const auto* u = v.as<std::uint64_t>()) {
    if (*u > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return out_of_range(frame, "int");
    return put(out, static_cast<std::int64_t>(*u));
  }
  if (const auto* d = v.as<double>()) {
    constexpr double limit = 9223372036854775808.0;
    if (!(*d > -limit && *d < limit)) return out_of_range(frame, "int");
    return put(out, static_cast<std::int64_t>(*d));
  }
  if (const auto* d = v.as<Decimal>()) {
    std::int64_t whole = d->unscaled;
    for (int i = 0; i < d->scale; ++i) whole /= 10;
    return put(out, whole);
  }
  if (const auto* s = v.as<std::string>()) {
    std::int64_t i = 0;
    if (!parse_number(*s, i)) return malformed(frame, *s, "an int", "\"42\"");
    return put(out, i);
  }
  if (const auto* t = v.as<Timestamp>()) {
    const std::int64_t seconds = t->micros / 1'000'000 - (t->micros % 1'000'000 < 0 ? 1 : 0);
    return put(out, seconds);
  }
  return no_overload(frame, node, args, count);
}

const Value* to_uint(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const Value& v = *args[0];
  if (v.is<std::uint64_t>()) return args[0];
  if (const auto* i = v.as<std::int64_t>()) {
    if (*i < 0) return out_of_range(frame, "uint");
    return put(out, static_cast<std::uint64_t>(*i));
  }
  if (const auto* d = v.as<double>()) {
    if (!(*d >= 0 && *d < 18446744073709551616.0)) return out_of_range(frame, "uint");
    return put(out, static_cast<std::uint64_t>(*d));
  }
  if (const auto* d = v.as<Decimal>()) {
    std::int64_t whole = d->unscaled;
    for (int i = 0; i < d->scale; ++i) whole /= 10;
    if (whole < 0) return out_of_range(frame, "uint");
    return put(out, static_cast<std::uint64_t>(whole));
  }
  if (const auto* s = v.as<std::string>()) {
    std::uint64_t u = 0;
    if (!parse_number(*s, u)) return malformed(frame, *s, "an uint", "\"42\"");
    return put(out, u);
  }
  return no_overload(frame, node, args, count);
}

const Value* to_double(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const Value& v = *args[0];
  if (v.is<double>()) return args[0];
  if (const auto* i = v.as<std::int64_t>()) return put(out, static_cast<double>(*i));
  if (const auto* u = v.as<std::uint64_t>()) return put(out, static_cast<double>(*u));
  const auto* s = v.as<std::string>();
  std::string digits;
  if (const auto* d = v.as<Decimal>()) {
    digits = format_decimal(*d);
    s = &digits;
  }
  if (!s) return no_overload(frame, node, args, count);
  double d = 0;
  if (!parse_number(*s, d)) return malformed(frame, *s, "a double", "\"1.5\"");
  return put(out, d);
}

const Value* to_bool(Frame& frame, const Node& node, Args args, std::size_t count, Value&) {
  if (args[0]->is<bool>()) return args[0];
  const auto* s = args[0]->as<std::string>();
  if (!s) return no_overload(frame, node, args, count);
  for (const char* yes : {"1", "t", "true", "TRUE", "True"}) {
    if (*s == yes) return &bool_value(true);
  }
  for (const char* no : {"0", "f", "false", "FALSE", "False"}) {
    if (*s == no) return &bool_value(false);
  }
  return malformed(frame, *s, "a bool", "\"true\"");
}

const Value* to_string_value(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const Value& v = *args[0];
  if (v.is<std::string>()) return args[0];
  if (const auto* b = v.as<bool>()) return put(out, *b ? "true" : "false");
  if (const auto* i = v.as<std::int64_t>()) return put(out, std::to_string(*i));
  if (const auto* u = v.as<std::uint64_t>()) return put(out, std::to_string(*u));
  if (const auto* d = v.as<double>()) return put(out, format_double(*d));
  if (const auto* d = v.as<Decimal>()) return put(out, format_decimal(*d));
  if (const auto* d = v.as<Date>()) return put(out, format_date(*d));
  if (const auto* t = v.as<Timestamp>()) return put(out, format_timestamp(*t));
  if (const auto* d = v.as<Duration>()) return put(out, format_duration(*d));
  if (const auto* b = v.as<Bytes>()) {
    if (utf8::find_malformed(b->data) != std::string::npos) return frame.fail("the bytes are not UTF-8");
    return put(out, b->data);
  }
  return no_overload(frame, node, args, count);
}

const Value* to_bytes(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  if (args[0]->is<Bytes>()) return args[0];
  const auto* s = args[0]->as<std::string>();
  if (!s) return no_overload(frame, node, args, count);
  return put(out, Bytes{*s});
}

const Value* to_decimal_value(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  if (args[0]->is<Decimal>()) return args[0];
  if (const auto* s = args[0]->as<std::string>()) {
    const auto d = parse_decimal(*s);
    if (!d) return malformed(frame, *s, "a decimal of at most 18 digits", "\"12.50\"");
    return put(out, *d);
  }
  if (!args[0]->is<std::int64_t>() && !args[0]->is<std::uint64_t>()) return no_overload(frame, node, args, count);
  const auto d = to_decimal(*args[0]);
  if (!d) return frame.fail("a decimal has at most 18 digits");
  return put(out, *d);
}

const Value* unknown_zone(Frame& frame, std::string_view zone) {
  return frame.fail("\"" + std::string(zone) + "\" is not a time zone, e.g. \"Asia/Shanghai\" or \"+08:00\"");
}

const Value* to_date(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  if (count == 1 && args[0]->is<Date>()) return args[0];
  if (const auto* s = args[0]->as<std::string>(); s && count == 1) {
    const auto date = parse_date(*s);
    if (!date) return malformed(frame, *s, "a date", "\"2026-12-20\"");
    return put(out, *date);
  }
  const auto* at = args[0]->as<Timestamp>();
  const auto* named = count == 2 ? args[1]->as<std::string>() : nullptr;
  if (!at || (count == 2 && !named)) return no_overload(frame, node, args, count);
  const std::string_view zone = named ? std::string_view(*named) : frame.activation.time_zone;
  const auto date = local_date(*at, zone);
  if (!date) return unknown_zone(frame, zone);
  return put(out, *date);
}

const Value* to_timestamp(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  if (count == 1 && args[0]->is<Timestamp>()) return args[0];
  if (const auto* s = args[0]->as<std::string>(); s && count == 1) {
    const auto at = parse_timestamp_nanos(*s);
    if (!at) return malformed(frame, *s, "a timestamp", "\"2026-12-20T08:30:00Z\"");
    return put(out, *at);
  }
  if (const auto* i = args[0]->as<std::int64_t>(); i && count == 1) {
    const auto at = make_timestamp(wide{*i} * 1'000'000'000);
    if (!at) return frame.fail("the timestamp is out of range: years 0001 to 9999");
    return put(out, *at);
  }
  const auto* date = args[0]->as<Date>();
  const auto* named = count == 2 ? args[1]->as<std::string>() : nullptr;
  if (!date || (count == 2 && !named)) return no_overload(frame, node, args, count);
  const std::string_view zone = named ? std::string_view(*named) : frame.activation.time_zone;
  const auto at = from_local(*date, 0, zone);
  if (!at) return unknown_zone(frame, zone);
  return put(out, *at);
}

/// `1h45m`, `1.5s`, `-10ms`, `0`.
std::optional<Duration> parse_duration(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return Duration{};
  if (text.empty()) return std::nullopt;
  constexpr wide limit = wide{1} << 64;
  wide total = 0;
  while (!text.empty()) {
    wide whole = 0, fraction = 0, scale = 1;
    std::size_t digits = 0;
    for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1), ++digits) {
      whole = whole * 10 + (text[0] - '0');
      if (whole > limit) return std::nullopt;
    }
    if (!text.empty() && text[0] == '.') {
      text.remove_prefix(1);
      for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1), ++digits) {
        if (scale < 1'000'000'000'000'000) {
          fraction = fraction * 10 + (text[0] - '0');
          scale *= 10;
        }
      }
    }
    if (digits == 0) return std::nullopt;
    static constexpr std::pair<std::string_view, std::int64_t> units[] = {
        {"ns", 1}, {"us", 1000}, {"µs", 1000}, {"μs", 1000}, {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};
    const auto unit = std::find_if(std::begin(units), std::end(units), [&](const auto& u) { return text.starts_with(u.first); });
    if (unit == std::end(units)) return std::nullopt;
    text.remove_prefix(unit->first.size());
    total += whole * unit->second + fraction * unit->second / scale;
    if (total > limit) return std::nullopt;
  }
  return make_duration(negative ? -total : total);
}

const Value* to_duration(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  if (args[0]->is<Duration>()) return args[0];
  const auto* s = args[0]->as<std::string>();
  if (!s) return no_overload(frame, node, args, count);
  const auto d = parse_duration(*s);
  if (!d) return malformed(frame, *s, "a duration of at most 292 years", "\"1h30m\" or \"90s\"");
  return put(out, *d);
}

const Value* type_of(Frame&, const Node&, Args args, std::size_t, Value& out) { return put(out, TypeName{type_name(*args[0])}); }
const Value* dyn(Frame&, const Node&, Args args, std::size_t, Value&) { return args[0]; }

// ---- Time ----------------------------------------------------------------------------------------------------------

const Value* now(Frame& frame, const Node&, Args, std::size_t, Value& out) { return put(out, frame.activation.now); }

const Value* today(Frame& frame, const Node&, Args, std::size_t, Value& out) {
  const auto date = local_date(frame.activation.now, frame.activation.time_zone);
  if (!date) return unknown_zone(frame, frame.activation.time_zone);
  return put(out, *date);
}

constexpr std::int64_t max_workday_span = 200'000;  // days: more than five centuries

/// workdays(a, b): the working days after `a`, up to and with `b`; negative where `b` is before `a`.
/// workdays(a, n): the n-th working day after `a`; before it where n is negative.
const Value* workdays(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const auto* from = args[0]->as<Date>();
  if (!from) return no_overload(frame, node, args, count);
  const WorkCalendar& calendar = frame.activation.calendar ? *frame.activation.calendar : monday_to_friday();
  if (const auto* to = args[1]->as<Date>()) {
    const std::int64_t span = std::int64_t{to->days} - from->days;
    if (span > max_workday_span || span < -max_workday_span) return frame.fail("`workdays`: the two dates lie too far apart");
    if (!frame.spend(static_cast<std::uint64_t>(span < 0 ? -span : span))) return nullptr;
    std::int64_t found = 0;
    for (std::int32_t day = std::min(from->days, to->days) + 1; day <= std::max(from->days, to->days); ++day) {
      found += calendar.is_workday(Date{day});
    }
    return put(out, span < 0 ? -found : found);
  }
  const auto* n = args[1]->as<std::int64_t>();
  if (!n) return no_overload(frame, node, args, count);
  const int step = *n < 0 ? -1 : 1;
  std::int64_t left = *n, passed = 0;
  Date day = *from;
  while (left != 0) {
    day.days += step;
    if (++passed > max_workday_span) return frame.fail("`workdays`: that is too far away");
    if (calendar.is_workday(day)) left -= step;
  }
  if (!frame.spend(static_cast<std::uint64_t>(passed))) return nullptr;
  constexpr std::int32_t first = -719'162, last = 2'932'896;  // 0001-01-01, 9999-12-31
  if (day.days < first || day.days > last) return frame.fail("the date is out of range: years 0001 to 9999");
  return put(out, day);
}

enum class Part { year, month, day, day_of_month, day_of_week, day_of_year, hours, minutes, seconds, milliseconds };

std::int64_t date_part(Date date, Part part) {
  const std::string text = format_date(date);
  const int year = std::stoi(text.substr(0, 4)), month = std::stoi(text.substr(5, 2)), day = std::stoi(text.substr(8, 2));
  switch (part) {
    case Part::year: return year;
    case Part::month: return month - 1;
    case Part::day: return day;
    case Part::day_of_month: return day - 1;
    case Part::day_of_week: return ((std::int64_t{date.days} + 4) % 7 + 7) % 7;  // day 0 was a Thursday
    default: return date.days - parse_date(text.substr(0, 4) + "-01-01")->days;
  }
}

template <Part P>
const Value* time_part(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  if (const auto* d = args[0]->as<Duration>(); d && count == 1) {
    if constexpr (P == Part::hours) return put(out, d->seconds / 3600);
    if constexpr (P == Part::minutes) return put(out, d->seconds / 60);
    if constexpr (P == Part::seconds) return put(out, d->seconds);
    if constexpr (P == Part::milliseconds) return put(out, static_cast<std::int64_t>(d->nanos / 1'000'000));
  }
  if (const auto* d = args[0]->as<Date>(); d && count == 1) {
    if constexpr (P < Part::hours) return put(out, date_part(*d, P));
  }
  const auto* at = args[0]->as<Timestamp>();
  const auto* zone = count == 2 ? args[1]->as<std::string>() : nullptr;
  if (!at || (count == 2 && !zone)) return no_overload(frame, node, args, count);
  const auto local = local_time(*at, zone ? std::string_view(*zone) : std::string_view("UTC"));
  if (!local) return unknown_zone(frame, *zone);
  if constexpr (P == Part::hours) return put(out, std::int64_t{local->hour});
  if constexpr (P == Part::minutes) return put(out, std::int64_t{local->minute});
  if constexpr (P == Part::seconds) return put(out, std::int64_t{local->second});
  if constexpr (P == Part::milliseconds) return put(out, std::int64_t{local->nanos / 1'000'000});
  return put(out, date_part(local->date, P));
}

// ---- math ----------------------------------------------------------------------------------------------------------

bool is_number(const Value& v) { return v.is<std::int64_t>() || v.is<std::uint64_t>() || v.is<double>() || v.is<Decimal>(); }

template <bool Greatest>
const Value* extreme(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const List* list = args[0]->as_list();
  if (!list) return is_number(*args[0]) ? args[0] : no_overload(frame, node, args, count);
  if (list->empty()) return frame.fail("`" + node.text + "` needs at least one number");
  if (!frame.spend(list->size())) return nullptr;
  const Value* best = nullptr;
  for (const Value& v : *list) {
    if (v.is_null()) return frame.set_unknown();
    if (!is_number(v)) return frame.fail("`" + node.text + "` takes numbers, not " + type_name(v));
    if (!best) {
      best = &v;
      continue;
    }
    const auto o = order(v, *best);
    if (!o) return frame.fail(currencies_differ(v, *best) ? "amounts of different currencies do not compare" : "a decimal does not compare with a double");
    if (Greatest ? *o > 0 : *o < 0) best = &v;
  }
  return put(out, Value(*best));
}

template <double (*F)(double)>
const Value* on_double(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const auto* d = args[0]->as<double>();
  if (!d) return no_overload(frame, node, args, count);
  return put(out, F(*d));
}

template <class Test>
const Value* test_double(Frame& frame, const Node& node, Args args, std::size_t count, Test test) {
  const auto* d = args[0]->as<double>();
  if (!d) return no_overload(frame, node, args, count);
  return &bool_value(test(*d));
}
const Value* is_nan(Frame& f, const Node& n, Args a, std::size_t c, Value&) { return test_double(f, n, a, c, [](double d) { return std::isnan(d); }); }
const Value* is_inf(Frame& f, const Node& n, Args a, std::size_t c, Value&) { return test_double(f, n, a, c, [](double d) { return std::isinf(d); }); }
const Value* is_finite(Frame& f, const Node& n, Args a, std::size_t c, Value&) { return test_double(f, n, a, c, [](double d) { return std::isfinite(d); }); }

const Value* square_root(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  if (const auto* d = args[0]->as<double>()) return put(out, std::sqrt(*d));
  if (const auto* i = args[0]->as<std::int64_t>()) return put(out, std::sqrt(static_cast<double>(*i)));
  if (const auto* u = args[0]->as<std::uint64_t>()) return put(out, std::sqrt(static_cast<double>(*u)));
  return no_overload(frame, node, args, count);
}

const Value* absolute(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  if (const auto* i = args[0]->as<std::int64_t>()) {
    if (*i == std::numeric_limits<std::int64_t>::min()) return frame.fail("the result is out of range: `math.abs`");
    return put(out, *i < 0 ? -*i : *i);
  }
  if (args[0]->is<std::uint64_t>()) return args[0];
  if (const auto* d = args[0]->as<double>()) return put(out, std::fabs(*d));
  if (const auto* d = args[0]->as<Decimal>()) return put(out, Decimal{d->unscaled < 0 ? -d->unscaled : d->unscaled, d->scale, d->currency});
  return no_overload(frame, node, args, count);
}

const Value* sign(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  if (const auto* i = args[0]->as<std::int64_t>()) return put(out, std::int64_t{(*i > 0) - (*i < 0)});
  if (const auto* u = args[0]->as<std::uint64_t>()) return put(out, std::uint64_t{*u > 0});
  if (const auto* d = args[0]->as<double>()) return put(out, std::isnan(*d) ? *d : static_cast<double>((*d > 0) - (*d < 0)));
  if (const auto* d = args[0]->as<Decimal>()) return put(out, std::int64_t{(d->unscaled > 0) - (d->unscaled < 0)});
  return no_overload(frame, node, args, count);
}

template <class F>
const Value* bits(Frame& frame, const Node& node, Args args, std::size_t count, Value& out, F f) {
  if (const auto *a = args[0]->as<std::int64_t>(), *b = args[1]->as<std::int64_t>(); a && b) {
    return put(out, static_cast<std::int64_t>(f(static_cast<std::uint64_t>(*a), static_cast<std::uint64_t>(*b))));
  }
  if (const auto *a = args[0]->as<std::uint64_t>(), *b = args[1]->as<std::uint64_t>(); a && b) return put(out, f(*a, *b));
  return no_overload(frame, node, args, count);
}
const Value* bit_and(Frame& f, const Node& n, Args a, std::size_t c, Value& o) { return bits(f, n, a, c, o, [](std::uint64_t x, std::uint64_t y) { return x & y; }); }
const Value* bit_or(Frame& f, const Node& n, Args a, std::size_t c, Value& o) { return bits(f, n, a, c, o, [](std::uint64_t x, std::uint64_t y) { return x | y; }); }
const Value* bit_xor(Frame& f, const Node& n, Args a, std::size_t c, Value& o) { return bits(f, n, a, c, o, [](std::uint64_t x, std::uint64_t y) { return x ^ y; }); }

const Value* bit_not(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  if (const auto* i = args[0]->as<std::int64_t>()) return put(out, ~*i);
  if (const auto* u = args[0]->as<std::uint64_t>()) return put(out, ~*u);
  return no_overload(frame, node, args, count);
}

template <bool Left>
const Value* bit_shift(Frame& frame, const Node& node, Args args, std::size_t count, Value& out) {
  const auto* by = args[1]->as<std::int64_t>();
  const auto* i = args[0]->as<std::int64_t>();
  const auto* u = args[0]->as<std::uint64_t>();
  if (!by || (!i && !u)) return no_overload(frame, node, args, count);
  if (*by < 0) return frame.fail("`" + node.text + "`: the number of bits is negative");
  const std::uint64_t bits = i ? static_cast<std::uint64_t>(*i) : *u;
  // A shift to the right fills with zeros, also for a negative int.
  const std::uint64_t result = *by > 63 ? 0 : Left ? bits << *by : bits >> *by;
  if (i) return put(out, static_cast<std::int64_t>(result));
  return put(out, result);
}

double round_half_away(double d) { return std::round(d); }
double round_up(double d) { return std::ceil(d); }
double round_down(double d) { return std::floor(d); }
double cut(double d) { return std::trunc(d); }

std::vector<Function> make_library() {
  using enum Function::Style;
  std::vector<Function> library{
      {"size", both, {"s>i", "y>i", "l>i", "m>i"}, size},
      {"contains", receiver, {"ss>b"}, contains},
      {"startsWith", receiver, {"ss>b"}, starts_with},
      {"endsWith", receiver, {"ss>b"}, ends_with},
      {"matches", both, {"ss>b"}, matches},
      {"lowerAscii", receiver, {"s>s"}, ascii_case<'A', 'Z', 32>},
      {"upperAscii", receiver, {"s>s"}, ascii_case<'a', 'z', -32>},
      {"trim", receiver, {"s>s"}, trim},
      {"charAt", receiver, {"si>s"}, char_at},
      {"indexOf", receiver, {"ss>i", "ssi>i"}, index_of},
      {"lastIndexOf", receiver, {"ss>i", "ssi>i"}, last_index_of},
      {"substring", receiver, {"si>s", "sii>s"}, substring},
      {"replace", receiver, {"sss>s", "sssi>s"}, replace},
      {"split", receiver, {"ss>S", "ssi>S"}, split},
      {"join", receiver, {"S>s", "Ss>s"}, join},
      {"reverse", receiver, {"s>s"}, reverse},
      {"strings.quote", global, {"s>s"}, quote},
      {"format", receiver, {"sl>s"}, format_call},

      {"int", global, {"i>i", "u>i", "d>i", "D>i", "s>i", "t>i"}, to_int},
      {"uint", global, {"u>u", "i>u", "d>u", "D>u", "s>u"}, to_uint},
      {"double", global, {"d>d", "i>d", "u>d", "D>d", "s>d"}, to_double},
      {"bool", global, {"b>b", "s>b"}, to_bool},
      {"string", global, {"s>s", "i>s", "u>s", "d>s", "D>s", "b>s", "y>s", "t>s", "r>s", "a>s"}, to_string_value},
      {"bytes", global, {"y>y", "s>y"}, to_bytes},
      {"decimal", global, {"D>D", "s>D", "i>D", "u>D"}, to_decimal_value, true, true},
      {"date", global, {"a>a", "s>a", "t>a", "ts>a"}, to_date, false, true},
      {"timestamp", global, {"t>t", "s>t", "i>t", "a>t", "as>t"}, to_timestamp, false, true},
      {"duration", global, {"r>r", "s>r"}, to_duration, true, true},
      {"type", global, {"*>T"}, type_of},
      {"dyn", global, {"*>*"}, dyn},

      {"now", global, {">t"}, now, false},
      {"today", global, {">a"}, today, false},
      {"workdays", global, {"aa>i", "ai>a"}, workdays, false},
      {"getFullYear", receiver, {"t>i", "ts>i", "a>i"}, time_part<Part::year>},
      {"getMonth", receiver, {"t>i", "ts>i", "a>i"}, time_part<Part::month>},
      {"getDate", receiver, {"t>i", "ts>i", "a>i"}, time_part<Part::day>},
      {"getDayOfMonth", receiver, {"t>i", "ts>i", "a>i"}, time_part<Part::day_of_month>},
      {"getDayOfWeek", receiver, {"t>i", "ts>i", "a>i"}, time_part<Part::day_of_week>},
      {"getDayOfYear", receiver, {"t>i", "ts>i", "a>i"}, time_part<Part::day_of_year>},
      {"getHours", receiver, {"t>i", "ts>i", "r>i"}, time_part<Part::hours>},
      {"getMinutes", receiver, {"t>i", "ts>i", "r>i"}, time_part<Part::minutes>},
      {"getSeconds", receiver, {"t>i", "ts>i", "r>i"}, time_part<Part::seconds>},
      {"getMilliseconds", receiver, {"t>i", "ts>i", "r>i"}, time_part<Part::milliseconds>},

      {"math.greatest", global, {"i>i", "u>u", "d>d", "D>D", "l>*"}, extreme<true>},
      {"math.least", global, {"i>i", "u>u", "d>d", "D>D", "l>*"}, extreme<false>},
      {"math.ceil", global, {"d>d"}, on_double<round_up>},
      {"math.floor", global, {"d>d"}, on_double<round_down>},
      {"math.round", global, {"d>d"}, on_double<round_half_away>},
      {"math.trunc", global, {"d>d"}, on_double<cut>},
      {"math.sqrt", global, {"d>d", "i>d", "u>d"}, square_root},
      {"math.abs", global, {"i>i", "u>u", "d>d", "D>D"}, absolute},
      {"math.sign", global, {"i>i", "u>u", "d>d", "D>i"}, sign},
      {"math.isNaN", global, {"d>b"}, is_nan},
      {"math.isInf", global, {"d>b"}, is_inf},
      {"math.isFinite", global, {"d>b"}, is_finite},
      {"math.bitAnd", global, {"ii>i", "uu>u"}, bit_and},
      {"math.bitOr", global, {"ii>i", "uu>u"}, bit_or},
      {"math.bitXor", global, {"ii>i", "uu>u"}, bit_xor},
      {"math.bitNot", global, {"i>i", "u>u"}, bit_not},
      {"math.bitShiftLeft", global, {"ii>i", "ui>u"}, bit_shift<true>},
      {"math.bitShiftRight", global, {"ii>i", "ui>u"}, bit_shift<false>},
  };
  std::stable_sort(library.begin(), library.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return library;
}

const std::vector<Function>& library() {
  static const std::vector<Function> all = make_library();
  return all;
}

}  // namespace

const WorkCalendar& monday_to_friday() {
  class MondayToFriday final : public WorkCalendar {
    bool is_workday(Date date) const override {
      const std::int32_t weekday = ((date.days + 4) % 7 + 7) % 7;  // day 0 was a Thursday; 0 is Sunday
      return weekday >= 1 && weekday <= 5;
    }
  };
  static const MondayToFriday calendar;
  return calendar;
}

std::span<const Function> functions(std::string_view name) {
  const auto& all = library();
  const auto first = std::lower_bound(all.begin(), all.end(), name, [](const Function& f, std::string_view n) { return f.name < n; });
  auto last = first;
  while (last != all.end() && last->name == name) ++last;
  return {first, last};
}

std::vector<std::string_view> function_names() {
  std::vector<std::string_view> names;
  for (const auto& f : library()) names.push_back(f.name);
  return names;
}

TypeKind kind_of_letter(char letter) {
  switch (letter) {
    case 'b': return TypeKind::boolean;
    case 'i': return TypeKind::int64;
    case 'u': return TypeKind::uint64;
    case 'd': return TypeKind::float64;
    case 'D': return TypeKind::decimal;
    case 's': return TypeKind::string;
    case 'y': return TypeKind::bytes;
    case 't': return TypeKind::timestamp;
    case 'r': return TypeKind::duration;
    case 'a': return TypeKind::date;
    case 'l': case 'S': return TypeKind::list;
    case 'm': return TypeKind::map;
    case 'T': return TypeKind::type;
    default: return TypeKind::any;
  }
}

std::shared_ptr<const void> compile_pattern(const std::string& pattern, std::string& why) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  auto compiled = std::make_shared<const RE2>(pattern, options);
  if (compiled->ok()) return compiled;
  why = "the regular expression is malformed: " + compiled->error();
  return nullptr;
}

bool is_variadic(std::string_view name) { return name == "math.greatest" || name == "math.least"; }

}  // namespace caravan::expr
