#include "api/negotiate.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <random>

namespace caravan::api {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && same(text.substr(0, prefix.size()), prefix);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Cuts the part before the next `separator` off `rest`.
std::string_view cut(std::string_view& rest, char separator) {
  const auto at = rest.find(separator);
  const std::string_view part = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return trim(part);
}

/// Thousandths of a weight `;q=0.8`; 1000 where there is none, 0 where malformed.
int weight(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string_view parameter = cut(parameters, ';');
    if (!starts_with(parameter, "q=")) continue;
    const std::string_view number = parameter.substr(2);
    if (number.empty() || (number[0] != '0' && number[0] != '1')) return 0;
    int value = (number[0] - '0') * 1000;
    if (number.size() > 1 && number[1] != '.') return 0;
    int place = 100;
    for (std::size_t i = 2; i < number.size() && place > 0; ++i, place /= 10) {
      if (number[i] < '0' || number[i] > '9') return 0;
      value += (number[i] - '0') * place;
    }
    return std::min(value, 1000);
  }
  return 1000;
}

bool has_subtag(std::string_view tag, std::string_view wanted) {
  while (!tag.empty()) {
    const auto at = tag.find('-');
    if (same(tag.substr(0, at), wanted)) return true;
    tag = at == std::string_view::npos ? std::string_view() : tag.substr(at + 1);
  }
  return false;
}

}  // namespace

std::string_view locale_of(std::string_view tag) {
  const std::string_view language = tag.substr(0, tag.find('-'));
  if (same(language, "en")) return "en";
  if (!same(language, "zh")) return {};
  if (has_subtag(tag, "Hans")) return "zh-CN";
  for (const std::string_view traditional : {"Hant", "TW", "HK", "MO"}) {
    if (has_subtag(tag, traditional)) return "zh-TW";
  }
  return "zh-CN";
}

std::string_view negotiate_locale(std::string_view header) {
  for (const std::string_view locale : locales) {
    if (header == locale) return locale;
  }
  if (header.size() > 1000) return {};
  std::string_view best;
  int best_weight = 0;
  while (!header.empty()) {
    std::string_view range = cut(header, ',');
    const std::string_view tag = cut(range, ';');
    const std::string_view locale = locale_of(tag);
    if (locale.empty()) continue;
    const int q = weight(range);
    if (q > best_weight) {
      best = locale;
      best_weight = q;
    }
  }
  return best;
}

std::string_view cookie(const Request& request, std::string_view name) {
  for (const auto& [header, value] : request.headers) {
    if (!same(header, "cookie")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::string_view pair = cut(rest, ';');
      if (pair.size() > name.size() && pair[name.size()] == '=' && pair.starts_with(name))
        return pair.substr(name.size() + 1);
    }
  }
  return {};
}

bool EntityTags::matches(std::string_view tag) const {
  return any || std::find(tags.begin(), tags.end(), tag) != tags.end();
}

std::optional<EntityTags> parse_entity_tags(std::string_view header) {
  EntityTags result;
  header = trim(header);
  if (header == "*") {
    result.any = true;
    return result;
  }
  for (;;) {
    header = trim(header);
    if (header.starts_with("W/")) header.remove_prefix(2);
    if (!header.starts_with('"')) return std::nullopt;
    const auto end = header.find('"', 1);
    if (end == std::string_view::npos || result.tags.size() == 50) return std::nullopt;
    result.tags.push_back(header.substr(1, end - 1));
    header = trim(header.substr(end + 1));
    if (header.empty()) return result;
    if (!header.starts_with(',')) return std::nullopt;
    header.remove_prefix(1);
  }
}

std::string media_type(std::string_view content_type) {
  std::string type(trim(content_type.substr(0, content_type.find(';'))));
  std::transform(type.begin(), type.end(), type.begin(), lower);
  return type;
}

std::optional<std::string> header_parameter(std::string_view header, std::string_view name) {
  auto at = header.find(';');
  while (at != std::string_view::npos) {
    header = trim(header.substr(at + 1));
    const auto equals = header.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view key = trim(header.substr(0, equals));
    header = header.substr(equals + 1);
    std::string value;
    if (header.starts_with('"')) {
      std::size_t i = 1;
      for (; i < header.size() && header[i] != '"'; ++i) {
        if (header[i] == '\\' && i + 1 < header.size()) ++i;
        value.push_back(header[i]);
      }
      if (i == header.size()) return std::nullopt;  // the quote is never closed
      header = header.substr(i + 1);
      at = header.find(';');
    } else {
      at = header.find(';');
      value = trim(header.substr(0, at));
    }
    if (same(key, name)) return value;
  }
  return std::nullopt;
}

bool accepts_gzip(std::string_view header) {
  int all = -1;
  while (!header.empty()) {
    std::string_view range = cut(header, ',');
    const std::string_view coding = cut(range, ';');
    if (same(coding, "gzip")) return weight(range) > 0;
    if (coding == "*") all = weight(range);
  }
  return all > 0;
}

std::string percent_encode(std::string_view text) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() + 16);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(hex[byte >> 4]);
      out.push_back(hex[byte & 15]);
    }
  }
  return out;
}

std::optional<std::int64_t> parse_id(std::string_view text) {
  if (text.empty() || text.front() < '1' || text.front() > '9') return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string request_id(std::string_view given) {
  const bool sane =
      !given.empty() && given.size() <= 64 && std::all_of(given.begin(), given.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '.' || c == '_';
      });
  if (sane) return std::string(given);
  // A ULID: 48 bits of milliseconds and 80 random ones in Crockford's base 32, so that ids sort by time in a
  // log.
  static constexpr char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  thread_local std::mt19937_64 random{(std::uint64_t{std::random_device{}()} << 32) ^ std::random_device{}()};
  auto millis = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                               std::chrono::system_clock::now().time_since_epoch())
                                               .count());
  std::string id(26, '0');
  for (int i = 9; i >= 0; --i, millis >>= 5) id[static_cast<std::size_t>(i)] = digits[millis & 31];
  std::uint64_t low = random(), high = random();
  for (std::size_t i = 0; i < 8; ++i, low >>= 5) id[10 + i] = digits[low & 31];
  for (std::size_t i = 0; i < 8; ++i, high >>= 5) id[18 + i] = digits[high & 31];
  return id;
}

bool has_seen(std::string_view if_none_match, std::string_view tag) {
  if (if_none_match.empty()) return false;
  const auto tags = parse_entity_tags(if_none_match);
  return tags && tags->matches(tag.substr(1, tag.size() - 2));
}

}  // namespace caravan::api
