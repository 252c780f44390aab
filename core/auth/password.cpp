#include "auth/password.h"

#include <sodium.h>

#include <chrono>

#include "base/error.h"

namespace caravan::auth {
namespace {

// OWASP's recommendation for argon2id: 19 MiB, two passes, one lane.
constexpr unsigned long long passes = 2;
constexpr std::size_t memory_bytes = 19456 * 1024;

std::string base64(std::size_t bytes) {
  unsigned char raw[32];
  randombytes_buf(raw, bytes);
  char text[64];
  sodium_bin2base64(text, sizeof text, raw, bytes, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
  return text;
}

}  // namespace

/// One of the two places, held while a hash is computed.
class PasswordHasher::Slot {
 public:
  Slot(PasswordHasher& hasher, int patience_seconds) : hasher_(hasher) {
    std::unique_lock lock(hasher.mutex_);
    if (!hasher.freed_.wait_for(lock, std::chrono::seconds(patience_seconds),
                                [&] { return hasher.free_ > 0; })) {
      Error error(ErrorCode::unavailable,
                  "Too many people are signing in at this moment. Try again in a few seconds.");
      error.retry_after = 3;
      throw error;
    }
    --hasher.free_;
  }
  ~Slot() {
    {
      std::lock_guard lock(hasher_.mutex_);
      ++hasher_.free_;
    }
    hasher_.freed_.notify_one();
  }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

 private:
  PasswordHasher& hasher_;
};

PasswordHasher::PasswordHasher() {
  if (sodium_init() < 0)
    throw Error(ErrorCode::internal, "libsodium cannot start: no source of random numbers");
  nobody_ = "$argon2id$v=19$m=" + std::to_string(memory_bytes / 1024) + ",t=" + std::to_string(passes) +
            ",p=1$" + base64(16) + "$" + base64(32);
}

std::string PasswordHasher::hash(std::string_view password, int patience_seconds) {
  Slot slot(*this, patience_seconds);
  char out[crypto_pwhash_STRBYTES];
  if (crypto_pwhash_str_alg(out, password.data(), password.size(), passes, memory_bytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0)
    throw Error(ErrorCode::unavailable, "There is not enough memory to hash a password");
  return out;
}

bool PasswordHasher::verify(std::string_view stored, std::string_view password, int patience_seconds) {
  const std::string hash(stored.empty() ? std::string_view(nobody_) : stored);
  Slot slot(*this, patience_seconds);
  const bool right = crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
  return right && !stored.empty();
}

bool PasswordHasher::outdated(const std::string& stored) const {
  return crypto_pwhash_str_needs_rehash(stored.c_str(), passes, memory_bytes) != 0;
}

}  // namespace caravan::auth
