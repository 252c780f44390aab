#include "plugin/version.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

namespace caravan::plugin {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t out = 0;
  if (text.empty() || text.size() > 9 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto at = text.find(separator);
    out.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + 1);
  }
}

/// Identifiers of letters, digits and hyphens; numeric ones without leading zeros.
bool is_suffix(std::string_view text, bool numbers_strict) {
  const auto parts = split(text, '.');
  return std::all_of(parts.begin(), parts.end(), [&](std::string_view part) {
    if (part.empty()) return false;
    if (!std::all_of(part.begin(), part.end(), [](char c) {
          return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
        }))
      return false;
    return !numbers_strict || part.size() == 1 || part[0] != '0' ||
           !std::all_of(part.begin(), part.end(), is_digit);
  });
}

std::optional<Version> parse(std::string_view text, std::size_t least_parts) {
  if (text.size() > 64) return std::nullopt;
  Version out;
  if (const auto plus = text.find('+'); plus != std::string_view::npos) {
    if (!is_suffix(text.substr(plus + 1), false)) return std::nullopt;
    text = text.substr(0, plus);
  }
  if (const auto minus = text.find('-'); minus != std::string_view::npos) {
    out.pre = text.substr(minus + 1);
    if (!is_suffix(out.pre, true)) return std::nullopt;
    text = text.substr(0, minus);
  }
  const auto parts = split(text, '.');
  if (parts.size() < least_parts || parts.size() > 3 || (parts.size() < 3 && !out.pre.empty()))
    return std::nullopt;
  std::uint32_t* const targets[] = {&out.major, &out.minor, &out.patch};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto n = number(parts[i]);
    if (!n) return std::nullopt;
    *targets[i] = *n;
  }
  return out;
}

std::strong_ordering compare_pre(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return a.empty() <=> b.empty();  // a release is above its pre-releases
  const auto x = split(a, '.'), y = split(b, '.');
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    const bool nx = std::all_of(x[i].begin(), x[i].end(), is_digit),
               ny = std::all_of(y[i].begin(), y[i].end(), is_digit);
    std::strong_ordering order = std::strong_ordering::equal;
    if (nx && ny) {  // without leading zeros: the longer one is larger
      order = x[i].size() <=> y[i].size();
      if (order == 0) order = x[i].compare(y[i]) <=> 0;
    } else if (nx != ny) {
      order = nx ? std::strong_ordering::less : std::strong_ordering::greater;
    } else {
      order = x[i].compare(y[i]) <=> 0;
    }
    if (order != 0) return order;
  }
  return x.size() <=> y.size();
}

}  // namespace

std::strong_ordering Version::operator<=>(const Version& other) const {
  if (const auto order = major <=> other.major; order != 0) return order;
  if (const auto order = minor <=> other.minor; order != 0) return order;
  if (const auto order = patch <=> other.patch; order != 0) return order;
  return compare_pre(pre, other.pre);
}

std::optional<Version> parse_version(std::string_view text) {
  return parse(text, 3);
}

std::string to_string(const Version& version) {
  std::string out = std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
                    std::to_string(version.patch);
  if (!version.pre.empty()) out += "-" + version.pre;
  return out;
}

std::optional<VersionRange> VersionRange::parse(std::string_view text) {
  VersionRange out;
  out.text_ = text;
  static constexpr std::pair<std::string_view, Op> ops[] = {{">=", Op::greater_equal},
                                                            {"<=", Op::less_equal},
                                                            {">", Op::greater},
                                                            {"<", Op::less},
                                                            {"=", Op::equal}};
  while (!text.empty()) {
    if (text[0] == ' ') {
      text.remove_prefix(1);
      continue;
    }
    const auto* const op = std::find_if(std::begin(ops), std::end(ops),
                                        [&](const auto& o) { return text.starts_with(o.first); });
    if (op == std::end(ops) || out.bounds_.size() == 8) return std::nullopt;
    text.remove_prefix(op->first.size());
    const auto end = std::min(text.find(' '), text.size());
    const auto version = plugin::parse(text.substr(0, end), 1);
    if (!version) return std::nullopt;
    out.bounds_.push_back({op->second, *version});
    text.remove_prefix(end);
  }
  if (out.bounds_.empty()) return std::nullopt;
  return out;
}

bool VersionRange::contains(const Version& version) const {
  return std::all_of(bounds_.begin(), bounds_.end(), [&](const Bound& bound) {
    const auto order = version <=> bound.version;
    switch (bound.op) {
      case Op::less: {
        const Version release{version.major, version.minor, version.patch, {}};
        return order < 0 && (!bound.version.pre.empty() || version.pre.empty() || release != bound.version);
      }
      case Op::less_equal:
        return order <= 0;
      case Op::equal:
        return order == 0;
      case Op::greater_equal:
        return order >= 0;
      case Op::greater:
        return order > 0;
    }
    return false;
  });
}

}  // namespace caravan::plugin
