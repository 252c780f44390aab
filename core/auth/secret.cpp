#include "auth/secret.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "auth/service.h"
#include "base/error.h"

namespace caravan::auth {
namespace {

void ready() {
  static const bool ok = sodium_init() >= 0;
  if (!ok) throw Error(ErrorCode::internal, "libsodium cannot start: no source of random numbers");
}

}  // namespace

std::string random_secret() {
  ready();
  unsigned char bytes[32];
  randombytes_buf(bytes, sizeof bytes);
  char text[sodium_base64_ENCODED_LEN(sizeof bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
  sodium_bin2base64(text, sizeof text, bytes, sizeof bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  std::string result(text);
  sodium_memzero(bytes, sizeof bytes);
  sodium_memzero(text, sizeof text);
  return result;
}

bool is_secret(std::string_view text) {
  return text.size() == secret_length && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                  c == '_';
         });
}

std::string digest(std::string_view text) {
  unsigned char hash[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(hash, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  char hex[crypto_hash_sha256_BYTES * 2 + 1];
  sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
  return hex;
}

CacheHasher::CacheHasher() {
  ready();
  static_assert(crypto_shorthash_siphashx24_KEYBYTES == 16 &&
                crypto_shorthash_siphashx24_BYTES == sizeof(CacheKey));
  randombytes_buf(key_.data(), key_.size());
}

CacheKey CacheHasher::operator()(std::string_view text) const {
  unsigned char out[crypto_shorthash_siphashx24_BYTES];
  crypto_shorthash_siphashx24(out, reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                              key_.data());
  CacheKey key;
  std::memcpy(key.data(), out, sizeof out);
  return key;
}

std::string random_password() {
  ready();
  // Without 0 O 1 l I, which people mix up: 57^20 possibilities are 116 bits.
  static constexpr std::string_view alphabet = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  std::string password(20, ' ');
  for (char& c : password) c = alphabet[randombytes_uniform(static_cast<std::uint32_t>(alphabet.size()))];
  return password;
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace caravan::auth
