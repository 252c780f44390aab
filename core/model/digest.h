#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace caravan::model {

/// SHA-256 (FIPS 180-4), for naming Catalogs and shortening long table names; not for secrets.
class Digest {
 public:
  void add(std::string_view bytes);
  /// Adds the length first, so that ("ab","c") and ("a","bc") differ.
  void add_delimited(std::string_view bytes);
  /// 64 lower-case hex digits. The object is spent afterwards.
  std::string hex();

 private:
  void block(const unsigned char* data);
  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> pending_{};
  std::size_t pending_size_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace caravan::model
