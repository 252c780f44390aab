#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/date_time.h"
#include "base/error.h"
#include "records/context.h"
#include "storage/database.h"
#include "storage/sequence.h"

namespace caravan::auth {

/// A signed-in caller.
struct Identity {
  records::Actor actor;
  std::string csrf;  ///< of a cookie session; empty for a bearer token
  bool by_token = false;
  std::optional<Timestamp> expires_at;  ///< of a token that expires
};

struct NewSession {
  std::string cookie;  ///< secret, only the client keeps it
  std::string csrf;
  Identity identity;
};

struct NewToken {
  std::string id;
  std::string token;  ///< secret, shown once; `cvn_` and 43 base64url characters
};

struct TokenInfo {
  std::string id, label;
  Timestamp created_at;
  std::optional<Timestamp> expires_at, last_used_at;  ///< last_used_at is kept to five minutes
};

/// Times that a session lives, for the cookie's own lifetime.
inline constexpr std::int64_t session_seconds = 12 * 3600;       ///< since it was last used
inline constexpr std::int64_t session_max_seconds = 30 * 86400;  ///< since it began

/// Users are records of `core.user`; passwords (argon2id), sessions and tokens are kept beside them, as
/// hashes only. Thread-safe. Sessions and tokens are cached in memory and re-read at most a second after a
/// revocation.
class AuthService {
 public:
  virtual ~AuthService() = default;
  /// Throws unauthenticated (same words for unknown user and wrong password), too_many_requests when
  /// throttled (per user and per address), unavailable when too many argon2 computations run at once.
  virtual NewSession login(std::string_view username, std::string_view password,
                           std::string_view address) = 0;
  virtual void logout(std::string_view cookie) = 0;
  /// nullopt where unknown, expired or revoked, or the user is not active.
  virtual std::optional<Identity> by_cookie(std::string_view cookie) = 0;
  /// The same without being a use of the session, which ends as if nobody had asked.
  virtual std::optional<Identity> peek(std::string_view cookie) = 0;
  virtual std::optional<Identity> by_token(std::string_view token) = 0;
  /// For the context's user. Throws invalid_record where the label is empty or too long or `expires_at` is
  /// past.
  virtual NewToken create_token(const records::Context& context, std::string_view label,
                                std::optional<Timestamp> expires_at) = 0;
  /// The context's user's own, newest first; at most 100 exist.
  virtual std::vector<TokenInfo> tokens(const records::Context& context) = 0;
  /// One's own, or anybody's for an administrator; not_found otherwise.
  virtual void revoke_token(const records::Context& context, std::string_view id) = 0;
  /// Whether `password` is the user's; throttled and limited like login, and throws as login does.
  virtual bool check_password(std::int64_t user_id, std::string_view password, std::string_view address) = 0;
  /// Checks the length (8 to 1,000 characters; invalid_record); ends the user's sessions but that of
  /// `keep_cookie`, and his tokens: whoever has learnt the old password may have made one.
  virtual void set_password(std::int64_t user_id, std::string_view password,
                            std::string_view keep_cookie = {}) = 0;
  /// The user's record has changed here: the next call reads it again, without the second's delay.
  virtual void forget(std::int64_t user_id) = 0;
  /// As whom the user would act if he signed in now, delegations included; nullopt where there is no such user, or he is not
  /// active.
  virtual std::optional<records::Actor> actor_of(std::int64_t user_id) = 0;
  /// Whether any user exists yet.
  virtual bool has_users() = 0;

  static std::unique_ptr<AuthService> make(storage::Database& database, storage::Sequences& sequences,
                                           const Clock& clock);
};

/// 20 characters that a person can type, from libsodium's generator.
std::string random_password();

/// Compares two secrets in a time that depends only on their lengths.
bool same_secret(std::string_view a, std::string_view b);

}  // namespace caravan::auth
