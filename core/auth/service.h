#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/date_time.h"
#include "records/service.h"
#include "storage/database.h"

namespace caravan::auth {

/// A signed-in caller.
struct Identity {
  records::Actor actor;
  std::string csrf;              ///< of a cookie session; empty for a bearer token
  bool by_token = false;
};

struct NewSession {
  std::string cookie;            ///< secret, only the client keeps it
  std::string csrf;
  Identity identity;
};

struct NewToken {
  std::string id;
  std::string token;             ///< secret, shown once; `cvn_` and 43 base64url characters
};

/// Users are records of `core.user`; passwords (argon2id), sessions and tokens are kept beside them, as hashes only.
/// Thread-safe. Sessions and tokens are cached in memory and re-read at most a second after a revocation.
class AuthService {
 public:
  virtual ~AuthService() = default;
  /// Throws unauthenticated (same words for unknown user and wrong password), too_many_requests when throttled
  /// (per user and per address), unavailable when too many argon2 computations run at once.
  virtual NewSession login(std::string_view username, std::string_view password, std::string_view address) = 0;
  virtual void logout(std::string_view cookie) = 0;
  /// nullopt where unknown, expired or revoked, or the user is not active.
  virtual std::optional<Identity> by_cookie(std::string_view cookie) = 0;
  virtual std::optional<Identity> by_token(std::string_view token) = 0;
  virtual NewToken create_token(const records::Context& context, std::string_view label, std::optional<Timestamp> expires_at) = 0;
  virtual void revoke_token(const records::Context& context, std::string_view id) = 0;
  /// Checks the length (at least 8 characters); ends the user's other sessions.
  virtual void set_password(std::int64_t user_id, std::string_view password) = 0;
  /// Whether any user exists yet.
  virtual bool has_users() = 0;

  static std::unique_ptr<AuthService> make(storage::Database& database, storage::Sequences& sequences, const Clock& clock);
};

/// 20 characters that a person can type, from libsodium's generator.
std::string random_password();

}  // namespace caravan::auth
