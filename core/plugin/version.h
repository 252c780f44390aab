#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace caravan::plugin {

/// A version as Semantic Versioning 2.0 orders them; build metadata is read and dropped.
struct Version {
  std::uint32_t major = 0, minor = 0, patch = 0;
  std::string pre;  ///< `rc.1`; empty for a release
  std::strong_ordering operator<=>(const Version& other) const;
  bool operator==(const Version& other) const { return (*this <=> other) == 0; }
};

/// `1.2.3` or `1.2.3-rc.1+build`; nullopt where malformed.
std::optional<Version> parse_version(std::string_view text);
std::string to_string(const Version& version);

/// Comparisons that must all hold: `>=0.1 <1`. Missing parts of a version count as 0. An upper bound `<1`
/// leaves out the pre-releases of 1 too.
class VersionRange {
 public:
  static std::optional<VersionRange> parse(std::string_view text);
  bool contains(const Version& version) const;
  const std::string& text() const { return text_; }

 private:
  enum class Op { less, less_equal, equal, greater_equal, greater };
  struct Bound {
    Op op;
    Version version;
  };
  std::vector<Bound> bounds_;
  std::string text_;
};

}  // namespace caravan::plugin
