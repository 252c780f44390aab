#include "http/target.h"

#include <algorithm>

#include "http/framing.h"

namespace caravan::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool percent_decode(std::string_view text, bool plus_is_space, std::string& out) {
  out.clear();
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return false;
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return false;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return true;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u < 0x20 || u == 0x7f;
  });
}

}  // namespace

bool is_utf8(std::string_view text) {
  std::size_t i = 0;
  const auto at = [&text](std::size_t k) { return static_cast<unsigned char>(text[k]); };
  while (i < text.size()) {
    const unsigned char c = at(i);
    if (c < 0x80) {
      ++i;
      continue;
    }
    std::size_t length = 0;
    unsigned char low = 0x80,
                  high = 0xbf;  // of the second byte: no overlong forms, no surrogates, nothing above 10FFFF
    if (c >= 0xc2 && c <= 0xdf) {
      length = 2;
    } else if (c >= 0xe0 && c <= 0xef) {
      length = 3;
      if (c == 0xe0) low = 0xa0;
      if (c == 0xed) high = 0x9f;
    } else if (c >= 0xf0 && c <= 0xf4) {
      length = 4;
      if (c == 0xf0) low = 0x90;
      if (c == 0xf4) high = 0x8f;
    } else {
      return false;
    }
    if (i + length > text.size() || at(i + 1) < low || at(i + 1) > high) return false;
    for (std::size_t k = 2; k < length; ++k) {
      if (at(i + k) < 0x80 || at(i + k) > 0xbf) return false;
    }
    i += length;
  }
  return true;
}

bool is_authority(std::string_view text) {
  if (text.empty()) return false;
  auto host = text;
  std::string_view port;
  if (text.front() == '[') {
    const auto end = text.find(']');
    if (end == std::string_view::npos || end == 1) return false;
    host = text.substr(1, end - 1);
    if (host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) return false;
    const auto rest = text.substr(end + 1);
    if (rest.empty()) return true;
    if (rest.front() != ':') return false;
    port = rest.substr(1);
  } else {
    const auto colon = text.find(':');
    host = text.substr(0, colon);
    if (host.empty()) return false;
    const auto allowed = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
             c == '.' || c == '_' || c == '~' || c == '%';
    };
    if (!std::all_of(host.begin(), host.end(), allowed)) return false;
    if (colon == std::string_view::npos) return true;
    port = text.substr(colon + 1);
  }
  return port.size() <= 5 && port.find_first_not_of("0123456789") == std::string_view::npos;
}

bool split_target(std::string_view target, Target& parts) {
  parts = {};
  const auto allowed = [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u > 0x20 && u != 0x7f && u != '#';
  };
  if (target.empty() || !std::all_of(target.begin(), target.end(), allowed)) return false;
  if (target == "*") {
    parts.path = target;
    return true;
  }
  if (target.front() != '/') {
    std::size_t scheme = 0;
    if (target.size() > 7 && equals_ignoring_case(target.substr(0, 7), "http://")) scheme = 7;
    if (target.size() > 8 && equals_ignoring_case(target.substr(0, 8), "https://")) scheme = 8;
    if (scheme == 0) return false;
    target.remove_prefix(scheme);
    const auto end = target.find_first_of("/?");
    parts.authority = target.substr(0, end);
    if (!is_authority(parts.authority)) return false;
    target.remove_prefix(parts.authority.size());
  }
  const auto mark = target.find('?');
  parts.path = target.substr(0, mark);
  if (parts.path.empty()) parts.path = "/";
  if (mark != std::string_view::npos) parts.query = target.substr(mark + 1);
  return true;
}

std::optional<std::string> decode_path(std::string_view path) {
  for (std::size_t i = 0; i + 2 < path.size(); ++i) {
    if (path[i] == '%' && path[i + 1] == '2' && (path[i + 2] | 0x20) == 'f') return std::nullopt;
  }
  std::string out;
  if (!percent_decode(path, false, out) || has_control(out) || !is_utf8(out)) return std::nullopt;
  for (std::size_t begin = 0; begin <= out.size();) {
    const auto end = std::min(out.find('/', begin), out.size());
    const auto segment = std::string_view(out).substr(begin, end - begin);
    if (segment == "." || segment == "..") return std::nullopt;
    begin = end + 1;
  }
  return out;
}

std::optional<std::vector<std::pair<std::string, std::string>>> decode_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto item = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (item.empty()) continue;
    const auto equals = item.find('=');
    auto& [name, value] = out.emplace_back();
    if (!percent_decode(item.substr(0, equals), true, name)) return std::nullopt;
    if (equals != std::string_view::npos && !percent_decode(item.substr(equals + 1), true, value))
      return std::nullopt;
    const auto fine = [](const std::string& text) {
      return text.find('\0') == std::string::npos && is_utf8(text);
    };
    if (!fine(name) || !fine(value)) return std::nullopt;
  }
  return out;
}

}  // namespace caravan::http
