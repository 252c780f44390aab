#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>

namespace caravan::auth {

/// Hashes passwords with argon2id (libsodium), at most two at once: each takes 19 MiB and some 50 ms of CPU,
/// and logins must starve neither memory nor the rest of the server. Thread-safe.
class PasswordHasher {
 public:
  PasswordHasher();
  /// Throws unavailable after `patience_seconds` in the queue.
  std::string hash(std::string_view password, int patience_seconds = 10);
  /// An empty `stored` (unknown user, no password set) takes as long as a wrong password and is never right.
  bool verify(std::string_view stored, std::string_view password, int patience_seconds = 2);
  /// Whether `stored` was made with other parameters than today's.
  bool outdated(const std::string& stored) const;

 private:
  class Slot;
  std::mutex mutex_;
  std::condition_variable freed_;
  int free_ = 2;
  std::string nobody_;  ///< a well-formed hash that no password has
};

}  // namespace caravan::auth
