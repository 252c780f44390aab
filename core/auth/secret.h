#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Random secrets and their digests. All functions are thread-safe.
namespace caravan::auth {

/// Length of a secret as text: 32 random bytes as base64url without padding.
inline constexpr std::size_t secret_length = 43;
inline constexpr std::string_view token_prefix = "cvn_";

std::string random_secret();
/// Whether `text` has the form of random_secret(); anything else cannot be one and need not be looked up.
bool is_secret(std::string_view text);
/// SHA-256 as 64 lower-case hex digits. Enough for secrets of 256 bits; never for passwords.
std::string digest(std::string_view text);

/// Keyed 128-bit hash with a key of this process: lets a cache find secrets without keeping them and without
/// telling by its timing how much of a guess was right.
using CacheKey = std::array<std::uint64_t, 2>;
class CacheHasher {
 public:
  CacheHasher();
  CacheKey operator()(std::string_view text) const;

 private:
  std::array<unsigned char, 16> key_{};
};

}  // namespace caravan::auth
