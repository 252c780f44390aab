#include "auth/service.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>

#include "auth/cache.h"
#include "auth/chores.h"
#include "auth/password.h"
#include "auth/roles.h"
#include "auth/secret.h"
#include "auth/throttle.h"
#include "base/error.h"
#include "records/access.h"
#include "storage/query.h"

// Who somebody is lies below the gate of core/records, which needs an actor to ask anything: this folder
// reads the users' table by its own SQL. It never writes it.

namespace caravan::auth {
namespace {

using storage::Query;
using storage::run_sql;

constexpr std::int64_t second = 1'000'000;  // in µs
constexpr std::int64_t stale_after = second;
constexpr std::int64_t reread_after =
    second * 7 / 10;  // by one thread, while the others still use what is there
constexpr std::int64_t touch_every = 300 * second;
constexpr std::size_t max_password_characters = 1'000;
constexpr int max_tokens = 100;

// Per address more is free: a whole office may sit behind one.
constexpr ThrottlePolicy user_policy{5, 300, 300};
constexpr ThrottlePolicy address_policy{30, 60, 20};

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

Error wait(int seconds) {
  Error error(ErrorCode::too_many_requests, "Too many failed attempts. Try again in " +
                                                std::to_string(seconds) +
                                                (seconds == 1 ? " second." : " seconds."));
  error.retry_after = seconds;
  return error;
}

Error refused() {
  return {ErrorCode::unauthenticated, "The user name or the password is wrong."};
}

struct User {
  records::Actor actor;
  bool active = false;
  std::string password_hash;
  std::int64_t failed = 0;
  std::optional<Timestamp> locked_until;
};

/// What read_actor() takes, in its order; `active` is the fifth.
const std::string actor_columns = "u.id, u.username, u.name, u.locale, u.active, u.roles, u.department";
constexpr int actor_column_count = 7;

constexpr std::string_view user_columns =
    ", c.password_hash, c.failed_count, c.locked_until "
    "FROM core_user u LEFT JOIN credential c ON c.user_id = u.id ";

records::Actor read_actor(Query& query, int first) {
  records::Actor actor;
  actor.user_id = query.integer(first);
  actor.username = query.text(first + 1);
  actor.name = query.text(first + 2);
  actor.locale = query.text(first + 3);
  actor.roles = parse_roles(query.text(first + 5));
  actor.department = query.text(first + 6);
  if (actor.name.empty()) actor.name = actor.username;
  return actor;
}

/// The absent colleagues for whom the user stands in at this moment; those who have left lend nothing.
void read_delegations(storage::Session& session, records::Actor& actor, Timestamp now) {
  static const std::string select = "SELECT " + actor_columns +
                                    " FROM core_delegation d JOIN core_user u ON u.id = d.user "
                                    "WHERE d.deputy = ? AND d.ends_at > ? AND d.starts_at <= ? ORDER BY u.id LIMIT 200";
  constexpr std::size_t most = 50;
  Query query(session, select, actor.user_id, now, now);
  while (query.next() && actor.deputy_of.size() < most) {
    if (query.integer(4) == 0 || query.integer(0) == actor.user_id) continue;
    if (!actor.deputy_of.empty() && actor.deputy_of.back().user_id == query.integer(0)) continue;
    actor.deputy_of.push_back(read_actor(query, 0));
  }
}

class Service final : public AuthService {
 public:
  Service(storage::Database& database, storage::Sequences& sequences, const Clock& clock)
      : database_(database), sequences_(sequences), clock_(clock), chores_(database, clock) {}

  NewSession login(std::string_view username, std::string_view password, std::string_view address) override {
    if (username.empty() || username.size() > 400 || password.size() > 4 * max_password_characters)
      throw refused();
    const std::string address_name = address.empty() ? std::string() : address_key(address);
    if (!address_name.empty()) {
      if (const int seconds = addresses_.charge(address_name, clock_.now())) throw wait(seconds);
    }
    std::optional<User> user;
    bool right = false;
    try {
      user = find_user("WHERE u.username = ?", username);
      const std::string throttle_name =
          user ? user_throttle(user->actor.user_id) : "name " + std::string(username);
      right = verify(user ? &*user : nullptr, throttle_name, password);
    } catch (...) {
      if (!address_name.empty()) addresses_.refund(address_name);
      throw;
    }
    if (!right) {
      spdlog::info("auth: login refused for {} from {}",
                   user ? "user " + std::to_string(user->actor.user_id) : "an unknown user",
                   address_name.empty() ? "this machine" : address_name);
      throw refused();
    }
    if (!address_name.empty()) addresses_.refund(address_name);
    return open_session(std::move(user->actor));
  }

  void logout(std::string_view cookie) override {
    if (!is_secret(cookie)) return;
    const std::string hash = digest(cookie);
    database_.transact(
        [&](storage::Session& s) { run_sql(s, "DELETE FROM login_session WHERE id_hash = ?", hash); });
    cache_.erase(cache_.key(cookie));
  }

  std::optional<Identity> by_cookie(std::string_view cookie) override {
    if (!is_secret(cookie)) return std::nullopt;
    return resolve(cookie,
                   [this](std::string_view secret, Timestamp now) { return read_session(secret, now); });
  }

  std::optional<Identity> peek(std::string_view cookie) override {
    if (!is_secret(cookie)) return std::nullopt;
    return resolve(
        cookie,
        [this](std::string_view secret, Timestamp now) {
          auto entry = read_session(secret, now, false);
          if (entry) entry->peeked = true;
          return entry;
        },
        true);
  }

  std::optional<Identity> by_token(std::string_view token) override {
    if (!token.starts_with(token_prefix) || !is_secret(token.substr(token_prefix.size())))
      return std::nullopt;
    return resolve(token, [this](std::string_view secret, Timestamp now) { return read_token(secret, now); });
  }

  NewToken create_token(const records::Context& context, std::string_view label,
                        std::optional<Timestamp> expires_at) override {
    require_user(context);
    const Timestamp now = clock_.now();
    std::vector<FieldError> mistakes;
    if (label.empty())
      mistakes.push_back({"label", "required", "A token needs a label that tells what it is for."});
    if (characters(label) > 100)
      mistakes.push_back({"label", "too_long", "The label may have at most 100 characters."});
    if (expires_at && *expires_at <= now)
      mistakes.push_back({"expires_at", "too_small", "The expiry must lie in the future."});
    if (!mistakes.empty())
      throw Error(ErrorCode::invalid_record, "The token cannot be created.", std::move(mistakes));

    const std::int64_t id = sequences_.next("api_token");
    NewToken made{std::to_string(id), std::string(token_prefix) + random_secret()};
    const std::string hash = digest(made.token);
    database_.transact([&](storage::Session& s) {
      std::int64_t count = 0;
      {
        Query query(s, "SELECT COUNT(*) FROM api_token WHERE user_id = ?", context.actor.user_id);
        if (query.next()) count = query.integer(0);
      }
      if (count >= max_tokens)
        throw Error(ErrorCode::conflict,
                    "There are 100 tokens already, which is the most one person may have. Delete one first.");
      run_sql(s,
              "INSERT INTO api_token (id, user_id, token_hash, label, created_at, expires_at) VALUES (?, ?, "
              "?, ?, ?, ?)",
              id, context.actor.user_id, hash, label, now, expires_at);
    });
    return made;
  }

  std::vector<TokenInfo> tokens(const records::Context& context) override {
    require_user(context);
    std::vector<TokenInfo> found;
    auto session = database_.read();
    Query query(*session,
                "SELECT id, label, created_at, expires_at, last_used_at FROM api_token WHERE user_id = ? "
                "ORDER BY id DESC LIMIT 100",
                context.actor.user_id);
    while (query.next()) {
      found.push_back({std::to_string(query.integer(0)), query.text(1),
                       query.instant(2).value_or(Timestamp{}), query.instant(3), query.instant(4)});
    }
    return found;
  }

  void revoke_token(const records::Context& context, std::string_view id) override {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
    const bool well_formed = error == std::errc() && end == id.data() + id.size();
    const bool any = records::is_administrator(context);
    std::int64_t owner = 0;
    database_.transact([&](storage::Session& s) {
      owner = 0;
      if (!well_formed) return;
      {
        Query query(s, "SELECT user_id FROM api_token WHERE id = ?", number);
        if (query.next()) owner = query.integer(0);
      }
      if (owner != 0 && (any || owner == context.actor.user_id)) {
        run_sql(s, "DELETE FROM api_token WHERE id = ?", number);
      } else {
        owner = 0;
      }
    });
    if (owner == 0) throw Error(ErrorCode::not_found, "There is no such token.");
    cache_.erase_user(owner);
  }

  bool check_password(std::int64_t user_id, std::string_view password, std::string_view address) override {
    if (password.size() > 4 * max_password_characters) return false;
    const std::string address_name = address.empty() ? std::string() : address_key(address);
    if (!address_name.empty()) {
      if (const int seconds = addresses_.charge(address_name, clock_.now())) throw wait(seconds);
    }
    bool right = false;
    try {
      const auto user = find_user("WHERE u.id = ?", user_id);
      right = verify(user ? &*user : nullptr, user_throttle(user_id), password);
    } catch (...) {
      if (!address_name.empty()) addresses_.refund(address_name);
      throw;
    }
    if (right && !address_name.empty()) addresses_.refund(address_name);
    return right;
  }

  void set_password(std::int64_t user_id, std::string_view password, std::string_view keep_cookie) override {
    const std::size_t length = characters(password);
    if (length < 8 || length > max_password_characters) {
      const bool too_short = length < 8;
      throw Error(ErrorCode::invalid_record, "The password cannot be used.",
                  {{"password", too_short ? "too_short" : "too_long",
                    too_short ? "A password needs at least 8 characters."
                              : "A password may have at most 1000 characters."}});
    }
    const std::string hash = hasher_.hash(password);
    const std::string keep = is_secret(keep_cookie) ? digest(keep_cookie) : std::string();
    const Timestamp now = clock_.now();
    database_.transact([&](storage::Session& s) {
      {
        Query query(s, "SELECT id FROM core_user WHERE id = ?", user_id);
        if (!query.next()) throw Error(ErrorCode::not_found, "There is no such user.");
      }
      run_sql(s, "DELETE FROM credential WHERE user_id = ?", user_id);
      run_sql(s,
              "INSERT INTO credential (user_id, password_hash, failed_count, changed_at) VALUES (?, ?, 0, ?)",
              user_id, hash, now);
      run_sql(s, "DELETE FROM login_session WHERE user_id = ? AND id_hash <> ?", user_id, keep);
      run_sql(s, "DELETE FROM api_token WHERE user_id = ?", user_id);
    });
    users_.clear(user_throttle(user_id));
    cache_.erase_user(user_id);
  }

  void forget(std::int64_t user_id) override { cache_.erase_user(user_id); }

  std::optional<records::Actor> actor_of(std::int64_t user_id) override {
    auto user = find_user("WHERE u.id = ?", user_id);
    if (!user || !user->active) return std::nullopt;
    read_delegations(*database_.read(), user->actor, clock_.now());
    return std::move(user->actor);
  }

  bool has_users() override {
    auto session = database_.read();
    Query query(*session, "SELECT id FROM core_user LIMIT 1");
    return query.next();
  }

 private:
  static std::string user_throttle(std::int64_t user_id) { return "user " + std::to_string(user_id); }

  static void require_user(const records::Context& context) {
    if (context.actor.user_id == 0)
      throw Error(ErrorCode::invalid_argument, "Tokens belong to a user; the system itself has none.");
  }

  template <class Key>
  std::optional<User> find_user(std::string_view where, const Key& key) {
    static const std::string select = "SELECT " + actor_columns + std::string(user_columns);
    auto session = database_.read();
    Query query(*session, select + std::string(where), key);
    if (!query.next()) return std::nullopt;
    User user;
    user.actor = read_actor(query, 0);
    user.active = query.integer(4) != 0;
    user.password_hash = query.text(actor_column_count);
    user.failed = query.integer(actor_column_count + 1);
    user.locked_until = query.instant(actor_column_count + 2);
    return user;
  }

  /// The one place where a password is tried. `user` is null for a name that nobody has; the time is the
  /// same.
  bool verify(const User* user, const std::string& throttle_name, std::string_view password) {
    const Timestamp now = clock_.now();
    if (user && user->locked_until && *user->locked_until > now)
      throw wait(static_cast<int>((user->locked_until->micros - now.micros + second - 1) / second));
    if (const int seconds = users_.charge(throttle_name, now)) throw wait(seconds);
    bool right = false;
    try {
      right = hasher_.verify(user ? std::string_view(user->password_hash) : std::string_view(), password);
    } catch (...) {
      users_.refund(throttle_name);
      throw;
    }
    // A failure is noted by the chores' thread: a write here would tell by its time that the user exists.
    if (!right && user && !user->password_hash.empty()) note_failure(user->actor.user_id, now);
    if (!right || !user || !user->active) return false;
    users_.clear(throttle_name);
    if (user->failed != 0) {
      chores_.add({}, [id = user->actor.user_id](storage::Session& s) {
        run_sql(s, "UPDATE credential SET failed_count = 0, locked_until = NULL WHERE user_id = ?", id);
      });
    }
    if (hasher_.outdated(user->password_hash)) rehash(*user, password);
    return true;
  }

  void note_failure(std::int64_t user_id, Timestamp now) {
    chores_.add({}, [user_id, now](storage::Session& s) {
      std::int64_t failed = 0;
      std::optional<Timestamp> locked;
      {
        Query query(s, "SELECT failed_count, locked_until FROM credential WHERE user_id = ?", user_id);
        if (!query.next()) return;
        failed = query.integer(0);
        locked = query.instant(1);
      }
      // What is a day old no longer makes the next mistake dearer.
      if (locked && locked->micros < now.micros - 86'400 * second) failed = 0;
      const int seconds =
          backoff_seconds(user_policy, static_cast<int>(std::min<std::int64_t>(failed + 1, 1'000)));
      const Timestamp until{now.micros + seconds * second};
      run_sql(s, "UPDATE credential SET failed_count = ?, locked_until = ? WHERE user_id = ?", failed + 1,
              until, user_id);
    });
  }

  /// Brings a hash to today's parameters while the password is at hand. Not worth failing a login for.
  void rehash(const User& user, std::string_view password) {
    try {
      chores_.add({}, [id = user.actor.user_id, old = user.password_hash,
                       hash = hasher_.hash(password, 0)](storage::Session& s) {
        run_sql(s, "UPDATE credential SET password_hash = ? WHERE user_id = ? AND password_hash = ?", hash,
                id, old);
      });
    } catch (const Error&) {
      // Busy; the next login does it.
    }
  }

  NewSession open_session(records::Actor actor) {
    const Timestamp now = clock_.now();
    NewSession made{random_secret(), random_secret(), {}};
    const std::string hash = digest(made.cookie);
    const Timestamp expires{now.micros + session_seconds * second};
    database_.transact([&](storage::Session& s) {
      run_sql(s,
              "INSERT INTO login_session (id_hash, user_id, csrf, created_at, expires_at, last_seen_at) "
              "VALUES (?, ?, ?, ?, ?, ?)",
              hash, actor.user_id, made.csrf, now, expires, now);
    });
    read_delegations(*database_.read(), actor, now);
    made.identity = {std::move(actor), made.csrf, false, {}};
    return made;
  }

  template <class Read>
  std::optional<Identity> resolve(std::string_view secret, const Read& read, bool peeks = false) {
    const Timestamp now = clock_.now();
    const CacheKey key = cache_.key(secret);
    std::shared_ptr<CacheEntry> entry = cache_.find(key);
    if (entry) {
      const std::int64_t age = now.micros - entry->read_at;
      const bool usable = age >= 0 && age < stale_after && (peeks || !entry->peeked);
      const bool fresh =
          usable && (age < reread_after || entry->being_read.exchange(true, std::memory_order_acq_rel));
      if (!fresh) entry = reread(secret, key, now, read, true, usable ? entry : nullptr);
    } else {
      entry = reread(secret, key, now, read, false, nullptr);
    }
    if (!entry || entry->expires_at <= now.micros) return std::nullopt;
    entry->used_at.store(now.micros, std::memory_order_relaxed);
    return entry->identity;
  }

  /// `fallback`: what is still good enough where the database does not answer; may be null.
  template <class Read>
  std::shared_ptr<CacheEntry> reread(std::string_view secret, const CacheKey& key, Timestamp now,
                                     const Read& read, bool cached, std::shared_ptr<CacheEntry> fallback) {
    const std::uint64_t generation = cache_.generation();
    std::shared_ptr<CacheEntry> entry;
    try {
      entry = read(secret, now);
    } catch (...) {
      if (!fallback) throw;
      fallback->being_read.store(false, std::memory_order_release);
      return fallback;
    }
    if (!entry) {
      if (cached) cache_.drop(key);
      return nullptr;
    }
    entry->read_at = now.micros;
    entry->used_at.store(now.micros, std::memory_order_relaxed);
    cache_.put(key, entry, generation);
    return entry;
  }

  /// `use`: it is one, and kept.
  std::shared_ptr<CacheEntry> read_session(std::string_view cookie, Timestamp now, bool use = true) {
    const std::string hash = digest(cookie);
    static const std::string select = "SELECT " + actor_columns +
                                      ", s.csrf, s.created_at, s.expires_at, s.last_seen_at "
                                      "FROM login_session s JOIN core_user u ON u.id = s.user_id WHERE s.id_hash = ?";
    auto session = database_.read();
    auto entry = std::make_shared<CacheEntry>();
    std::int64_t created_at = 0, seen_at = 0;
    {
      Query query(*session, select, hash);
      if (!query.next() || query.integer(4) == 0) return nullptr;
      entry->identity = {read_actor(query, 0), query.text(actor_column_count), false, {}};
      entry->expires_at = query.instant(actor_column_count + 2).value_or(Timestamp{}).micros;
      created_at = query.instant(actor_column_count + 1).value_or(Timestamp{}).micros;
      seen_at = query.instant(actor_column_count + 3).value_or(Timestamp{}).micros;
    }
    if (entry->expires_at <= now.micros) return nullptr;
    read_delegations(*session, entry->identity.actor, now);
    if (use && now.micros - seen_at >= touch_every) {
      entry->expires_at = std::max(entry->expires_at, std::min(now.micros + session_seconds * second,
                                                               created_at + session_max_seconds * second));
      chores_.add(hash, [hash, now, until = Timestamp{entry->expires_at}](storage::Session& s) {
        run_sql(s, "UPDATE login_session SET last_seen_at = ?, expires_at = ? WHERE id_hash = ?", now, until,
                hash);
      });
    }
    return entry;
  }

  std::shared_ptr<CacheEntry> read_token(std::string_view token, Timestamp now) {
    const std::string hash = digest(token);
    static const std::string select = "SELECT " + actor_columns +
                                      ", t.expires_at, t.last_used_at "
                                      "FROM api_token t JOIN core_user u ON u.id = t.user_id WHERE t.token_hash = ?";
    auto session = database_.read();
    auto entry = std::make_shared<CacheEntry>();
    std::optional<Timestamp> used;
    {
      Query query(*session, select, hash);
      if (!query.next() || query.integer(4) == 0) return nullptr;
      entry->identity = {read_actor(query, 0), {}, true, {}};
      const auto expires = query.instant(actor_column_count);
      entry->expires_at = expires ? expires->micros : INT64_MAX;
      entry->identity.expires_at = expires;
      used = query.instant(actor_column_count + 1);
    }
    if (entry->expires_at <= now.micros) return nullptr;
    read_delegations(*session, entry->identity.actor, now);
    if (!used || now.micros - used->micros >= touch_every) {
      chores_.add(hash, [hash, now](storage::Session& s) {
        run_sql(s, "UPDATE api_token SET last_used_at = ? WHERE token_hash = ?", now, hash);
      });
    }
    return entry;
  }

  storage::Database& database_;
  storage::Sequences& sequences_;
  const Clock& clock_;
  PasswordHasher hasher_;
  Throttle users_{user_policy};
  Throttle addresses_{address_policy};
  IdentityCache cache_;
  Chores chores_;  // last: its thread ends before anything else goes
};

}  // namespace

std::unique_ptr<AuthService> AuthService::make(storage::Database& database, storage::Sequences& sequences,
                                               const Clock& clock) {
  return std::make_unique<Service>(database, sequences, clock);
}

}  // namespace caravan::auth
