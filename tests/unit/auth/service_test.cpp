#include "auth/service.h"

#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "storage/query.h"
#include "model/loader.h"
#include "records/service.h"
#include "storage/schema.h"
#include "support/fake_clock.h"
#include "support/test_database.h"

namespace caravan::auth {
namespace {

using storage::Query;
using storage::run_sql;

constexpr std::string_view password = "correct horse battery";

ErrorCode code_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorCode::internal;
}

class AuthTest : public caravan::testing::DialectTest {
 protected:
  void SetUp() override {
    DialectTest::SetUp();
    if (IsSkipped()) return;
    const auto loaded = model::load_catalog({model::core_layer()}, {});
    ASSERT_TRUE(loaded.catalog);
    catalog_ = loaded.catalog;
    {
      auto session = database().begin();
      storage::apply_schema(*session, storage::plan_schema(*session, *catalog_), false);
      session.commit();
    }
    sequences_ = std::make_unique<storage::Sequences>(database());
    records_ = std::make_unique<records::RecordService>(database(), *sequences_);
    start();
  }
  void TearDown() override {
    other_.reset();
    auth_.reset();
    records_.reset();
    sequences_.reset();
    DialectTest::TearDown();
  }
  /// A new server process on the same database.
  void start() { auth_ = AuthService::make(database(), *sequences_, clock_); }
  AuthService& other_node() {
    if (!other_) other_ = AuthService::make(database(), *sequences_, clock_);
    return *other_;
  }

  records::Context system() const {
    records::Context context;
    context.actor.system = true;
    context.catalog = catalog_;
    context.now = clock_.now();
    return context;
  }
  records::Context as(std::int64_t user_id, std::vector<std::string> roles = {}) const {
    records::Context context = system();
    context.actor.system = false;
    context.actor.user_id = user_id;
    context.actor.roles = std::move(roles);
    return context;
  }
  void set(std::int64_t id, std::string_view name, expr::Value value) {
    const model::Entity& users = *catalog_->entity("core.user");
    records_->update(system(), users, id, {{users.field(name), std::move(value)}}, std::nullopt);
  }
  std::int64_t user(std::string_view username, std::string_view roles = R"(["core.administrator"])") {
    const model::Entity& users = *catalog_->entity("core.user");
    const auto record = records_->create(system(), users,
                                         {{users.field("username"), username},
                                          {users.field("name"), "Name of " + std::string(username)},
                                          {users.field("locale"), "zh-TW"},
                                          {users.field("roles"), roles}});
    auth_->set_password(record.id(), password);
    return record.id();
  }
  std::int64_t count(std::string_view sql) {
    auto session = database().read();
    Query query(*session, sql);
    return query.next() ? query.integer(0) : -1;
  }
  /// Small notes are written by a thread of their own, soon.
  void eventually(const std::function<bool()>& holds) {
    for (int i = 0; i < 500 && !holds(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_TRUE(holds());
  }

  caravan::testing::FakeClock clock_;
  std::shared_ptr<const model::Catalog> catalog_;
  std::unique_ptr<storage::Sequences> sequences_;
  std::unique_ptr<records::RecordService> records_;
  std::unique_ptr<AuthService> auth_, other_;
};

TEST_P(AuthTest, LogsInAndKnowsTheCookie) {
  EXPECT_FALSE(auth_->has_users());
  const auto id = user("li.na");
  EXPECT_TRUE(auth_->has_users());
  const auto session = auth_->login("li.na", password, "192.0.2.1");
  EXPECT_EQ(session.cookie.size(), 43u);
  EXPECT_NE(session.cookie, session.csrf);
  const auto identity = auth_->by_cookie(session.cookie);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->actor.user_id, id);
  EXPECT_EQ(identity->actor.username, "li.na");
  EXPECT_EQ(identity->actor.name, "Name of li.na");
  EXPECT_EQ(identity->actor.locale, "zh-TW");
  EXPECT_EQ(identity->actor.roles, std::vector<std::string>{"core.administrator"});
  EXPECT_FALSE(identity->actor.system);
  EXPECT_FALSE(identity->by_token);
  EXPECT_EQ(identity->csrf, session.csrf);
  EXPECT_EQ(other_node().by_cookie(session.cookie)->actor.user_id, id);
  EXPECT_FALSE(auth_->by_cookie(std::string(43, 'A')));
  EXPECT_FALSE(auth_->by_cookie(""));
  EXPECT_FALSE(auth_->by_cookie("' OR 1=1 --"));
  EXPECT_FALSE(auth_->by_token(session.cookie));
}

TEST_P(AuthTest, OnlyHashesAreInTheDatabase) {
  const auto id = user("li.na");
  const auto session = auth_->login("li.na", password, "");
  const auto token = auth_->create_token(as(id), "import", std::nullopt);
  auto reader = database().read();
  Query sessions(*reader, "SELECT id_hash FROM login_session");
  ASSERT_TRUE(sessions.next());
  const std::string hash = sessions.text(0);
  EXPECT_EQ(hash.size(), 64u);
  EXPECT_NE(hash.substr(0, 43), session.cookie);
  EXPECT_FALSE(sessions.next());
  Query passwords(*reader, "SELECT password_hash FROM credential");
  ASSERT_TRUE(passwords.next());
  EXPECT_TRUE(passwords.text(0).starts_with("$argon2id$"));
  EXPECT_FALSE(passwords.next());
  Query tokens(*reader, "SELECT token_hash FROM api_token");
  ASSERT_TRUE(tokens.next());
  EXPECT_EQ(tokens.text(0).find(token.token), std::string::npos);
}

TEST_P(AuthTest, RefusesUnknownUserAndWrongPasswordWithTheSameWords) {
  const auto id = user("li.na");
  std::vector<std::string> words;
  for (const auto& [name, secret] :
       std::vector<std::pair<std::string, std::string>>{{"li.na", "wrong password"},
                                                        {"nobody", std::string(password)},
                                                        {"li.na", ""},
                                                        {"", ""},
                                                        {std::string(5000, 'x'), "x"}}) {
    try {
      auth_->login(name, secret, "192.0.2.1");
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unauthenticated);
      words.push_back(error.message());
    }
  }
  for (const auto& w : words) EXPECT_EQ(w, words.front());
  set(id, "active", false);
  EXPECT_EQ(code_of([&] { auth_->login("li.na", password, ""); }), ErrorCode::unauthenticated);
}

TEST_P(AuthTest, UserWithoutPasswordCannotLogIn) {
  const model::Entity& users = *catalog_->entity("core.user");
  records_->create(system(), users, {{users.field("username"), "new"}, {users.field("name"), "New"}});
  EXPECT_EQ(code_of([&] { auth_->login("new", "", ""); }), ErrorCode::unauthenticated);
  EXPECT_EQ(code_of([&] { auth_->login("new", password, ""); }), ErrorCode::unauthenticated);
}

TEST_P(AuthTest, AnUnknownUserTakesAsLongAsAWrongPassword) {
  user("li.na");
  // CPU time of this thread, which computes the hash: a busy machine does not change it much.
  const auto time = [&](std::string_view name) {
    const auto used = [] {
      timespec t{};
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
    };
    double best = 1e9;
    for (int i = 0; i < 3; ++i) {
      const double start = used();
      EXPECT_EQ(code_of([&] { auth_->login(name, "wrong password", ""); }), ErrorCode::unauthenticated);
      best = std::min(best, used() - start);
    }
    return best;
  };
  const double known = time("li.na"), unknown = time("nobody");
  EXPECT_GT(unknown * 3, known);
  EXPECT_GT(known * 3, unknown);
}

TEST_P(AuthTest, SessionsSlideAndEnd) {
  user("li.na");
  const auto session = auth_->login("li.na", password, "");
  clock_.advance_seconds(11 * 3600);
  ASSERT_TRUE(auth_->by_cookie(session.cookie));  // moves the end to 12 hours from now
  eventually(
      [&] { return count("SELECT COUNT(*) FROM login_session WHERE last_seen_at > created_at") == 1; });
  clock_.advance_seconds(11 * 3600);
  EXPECT_TRUE(auth_->by_cookie(session.cookie));
  eventually([&] { return other_node().by_cookie(session.cookie).has_value(); });
  clock_.advance_seconds(12 * 3600 + 1);
  EXPECT_FALSE(auth_->by_cookie(session.cookie));
  EXPECT_FALSE(other_node().by_cookie(session.cookie));
}

TEST_P(AuthTest, ASessionEndsAfterThirtyDaysHoweverOftenItIsUsed) {
  user("li.na");
  const auto session = auth_->login("li.na", password, "");
  int uses = 0;
  for (; uses < 100 && auth_->by_cookie(session.cookie); ++uses) {
    eventually([&] {
      auto reader = database().read();
      Query query(*reader, "SELECT id_hash FROM login_session WHERE last_seen_at = ?", clock_.now());
      return query.next();
    });
    clock_.advance_seconds(10 * 3600);
  }
  EXPECT_EQ(uses, 72);
}

TEST_P(AuthTest, ToLookWhetherASessionHoldsIsNoUseOfIt) {
  user("li.na");
  const auto watched = auth_->login("li.na", password, ""), used = auth_->login("li.na", password, "");
  for (int hour = 0; hour < 11; ++hour) {
    clock_.advance_seconds(3600);
    ASSERT_TRUE(auth_->peek(watched.cookie));
    ASSERT_TRUE(auth_->peek(used.cookie));
  }
  EXPECT_TRUE(auth_->by_cookie(used.cookie)) << "counts, although it was looked up this moment";
  eventually([&] { return count("SELECT COUNT(*) FROM login_session WHERE last_seen_at > created_at") == 1; });
  clock_.advance_seconds(3601);
  EXPECT_FALSE(auth_->peek(watched.cookie));
  EXPECT_FALSE(auth_->by_cookie(watched.cookie));
  EXPECT_TRUE(auth_->peek(used.cookie));
}

TEST_P(AuthTest, LastSeenIsNotWrittenAtEachRequest) {
  user("li.na");
  const auto session = auth_->login("li.na", password, "");
  for (int i = 0; i < 200; ++i) {
    clock_.advance_seconds(1.1);
    ASSERT_TRUE(auth_->by_cookie(session.cookie));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(count("SELECT COUNT(*) FROM login_session WHERE last_seen_at > created_at"), 0);
}

TEST_P(AuthTest, LogoutAndRevocationHoldOnEveryNodeWithinASecond) {
  const auto id = user("li.na");
  const auto session = auth_->login("li.na", password, "");
  const auto token = auth_->create_token(as(id), "import", std::nullopt);
  ASSERT_TRUE(auth_->by_cookie(session.cookie));
  ASSERT_TRUE(other_node().by_cookie(session.cookie));
  ASSERT_TRUE(other_node().by_token(token.token));
  auth_->logout(session.cookie);
  auth_->revoke_token(as(id), token.id);
  EXPECT_FALSE(auth_->by_cookie(session.cookie));
  EXPECT_FALSE(auth_->by_token(token.token));
  clock_.advance_seconds(1);
  EXPECT_FALSE(other_node().by_cookie(session.cookie));
  EXPECT_FALSE(other_node().by_token(token.token));
}

TEST_P(AuthTest, ChangesOfTheUserHoldWithinASecondOrAtOnceWhereToldSo) {
  const auto id = user("li.na");
  const auto session = auth_->login("li.na", password, "");
  ASSERT_EQ(auth_->by_cookie(session.cookie)->actor.roles.size(), 1u);
  set(id, "roles", R"(["a.b", "c.d"])");
  clock_.advance_seconds(1);
  EXPECT_EQ(auth_->by_cookie(session.cookie)->actor.roles, (std::vector<std::string>{"a.b", "c.d"}));
  set(id, "active", false);
  auth_->forget(id);
  EXPECT_FALSE(auth_->by_cookie(session.cookie));
}

TEST_P(AuthTest, ACachedSessionCostsNoStatementUntilItIsOld) {
  user("li.na");
  const auto session = auth_->login("li.na", password, "");
  ASSERT_TRUE(auth_->by_cookie(session.cookie));
  {
    auto writer = database().begin();
    run_sql(*writer, "DELETE FROM login_session");
    writer.commit();
  }
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(auth_->by_cookie(session.cookie));
  clock_.advance_seconds(1);
  EXPECT_FALSE(auth_->by_cookie(session.cookie));
}

TEST_P(AuthTest, ThrottlesByUser) {
  user("li.na");
  user("wang");
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(code_of([&] { auth_->login("li.na", "wrong", "192.0.2." + std::to_string(i)); }),
              ErrorCode::unauthenticated);
  try {
    auth_->login("li.na", password, "192.0.2.99");
    ADD_FAILURE() << "not throttled";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::too_many_requests);
    EXPECT_EQ(error.retry_after, 1);
  }
  EXPECT_NO_THROW(auth_->login("wang", password, "192.0.2.99"));
  clock_.advance_seconds(2);
  EXPECT_NO_THROW(auth_->login("li.na", password, "192.0.2.99"));
  EXPECT_NO_THROW(auth_->login("li.na", password, "192.0.2.99"));
}

TEST_P(AuthTest, ThrottleOfAUserSurvivesARestart) {
  user("li.na");
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(code_of([&] { auth_->login("li.na", "wrong", ""); }), ErrorCode::unauthenticated);
  auth_.reset();  // writes what is waiting
  EXPECT_EQ(count("SELECT failed_count FROM credential"), 5);
  start();
  EXPECT_EQ(code_of([&] { auth_->login("li.na", password, ""); }), ErrorCode::too_many_requests);
  clock_.advance_seconds(2);
  EXPECT_NO_THROW(auth_->login("li.na", password, ""));
  eventually([&] { return count("SELECT failed_count FROM credential") == 0; });
}

TEST_P(AuthTest, ThrottlesUnknownUsersLikeKnownOnes) {
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(code_of([&] { auth_->login("nobody", "wrong", ""); }), ErrorCode::unauthenticated);
  EXPECT_EQ(code_of([&] { auth_->login("nobody", "wrong", ""); }), ErrorCode::too_many_requests);
}

TEST_P(AuthTest, ThrottlesByAddress) {
  user("li.na");
  for (int i = 0; i < 30; ++i)
    EXPECT_EQ(code_of([&] {
                auth_->login("guess" + std::to_string(i), "wrong", "2001:db8::1:" + std::to_string(i));
              }),
              ErrorCode::unauthenticated);
  EXPECT_EQ(code_of([&] { auth_->login("li.na", password, "2001:db8::2"); }), ErrorCode::too_many_requests);
  EXPECT_NO_THROW(auth_->login("li.na", password, "192.0.2.1"));
}

TEST_P(AuthTest, PasswordChangeEndsTheOtherSessions) {
  const auto id = user("li.na");
  const auto mine = auth_->login("li.na", password, ""), other = auth_->login("li.na", password, "");
  EXPECT_TRUE(auth_->check_password(id, password, ""));
  EXPECT_FALSE(auth_->check_password(id, "wrong", ""));
  const auto token = auth_->create_token(as(id), "made with the old one", std::nullopt);
  ASSERT_TRUE(auth_->by_token(token.token));
  auth_->set_password(id, "another passphrase", mine.cookie);
  EXPECT_FALSE(auth_->by_token(token.token));
  EXPECT_TRUE(auth_->tokens(as(id)).empty());
  EXPECT_TRUE(auth_->by_cookie(mine.cookie));
  EXPECT_FALSE(auth_->by_cookie(other.cookie));
  EXPECT_EQ(code_of([&] { auth_->login("li.na", password, ""); }), ErrorCode::unauthenticated);
  EXPECT_NO_THROW(auth_->login("li.na", "another passphrase", ""));
  auth_->set_password(id, password);
  EXPECT_FALSE(auth_->by_cookie(mine.cookie));
}

TEST_P(AuthTest, PasswordLengthCountsCharacters) {
  const auto id = user("li.na");
  EXPECT_EQ(code_of([&] { auth_->set_password(id, "1234567"); }), ErrorCode::invalid_record);
  EXPECT_EQ(code_of([&] { auth_->set_password(id, "密码密码密码密"); }), ErrorCode::invalid_record);
  EXPECT_NO_THROW(auth_->set_password(id, "密码密码密码密码"));
  EXPECT_EQ(code_of([&] { auth_->set_password(id, std::string(1001, 'x')); }), ErrorCode::invalid_record);
  EXPECT_EQ(code_of([&] { auth_->set_password(987654, "long enough"); }), ErrorCode::not_found);
}

TEST_P(AuthTest, OldHashesAreRenewedAtLogin) {
  user("li.na");
  {
    auto writer = database().begin();
    // The same password with 8 MiB and one pass.
    run_sql(
        *writer, "UPDATE credential SET password_hash = ?",
        "$argon2id$v=19$m=8192,t=1,p=1$yGKDAqnHGOwoKmpYa9+RGw$qVszJPtX59d6sQCxRXuct1jWOZ1L/Bd36a+G7jLdKNA");
    writer.commit();
  }
  EXPECT_NO_THROW(auth_->login("li.na", password, ""));
  eventually(
      [&] { return count("SELECT COUNT(*) FROM credential WHERE password_hash LIKE '%m=19456,t=2%'") == 1; });
  EXPECT_NO_THROW(auth_->login("li.na", password, ""));
}

TEST_P(AuthTest, Tokens) {
  const auto id = user("li.na", R"(["sales.someone"])"), boss = user("boss");
  const auto token = auth_->create_token(as(id), "导入", Timestamp{clock_.now().micros + 3600 * 1'000'000LL});
  EXPECT_TRUE(token.token.starts_with("cvn_"));
  EXPECT_EQ(token.token.size(), 47u);
  const auto identity = auth_->by_token(token.token);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->actor.user_id, id);
  EXPECT_TRUE(identity->by_token);
  EXPECT_EQ(identity->expires_at->micros, clock_.now().micros + 3600 * 1'000'000LL);
  EXPECT_TRUE(identity->csrf.empty());
  EXPECT_FALSE(auth_->by_cookie(token.token.substr(4)));
  EXPECT_FALSE(auth_->by_token("cvn_" + std::string(43, 'x')));

  eventually([&] { return !auth_->tokens(as(id)).empty() && auth_->tokens(as(id)).front().last_used_at; });
  const auto list = auth_->tokens(as(id));
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].id, token.id);
  EXPECT_EQ(list[0].label, "导入");
  EXPECT_EQ(list[0].created_at, clock_.now());
  EXPECT_EQ(list[0].expires_at->micros, clock_.now().micros + 3600 * 1'000'000LL);
  EXPECT_TRUE(auth_->tokens(as(boss)).empty());

  EXPECT_EQ(code_of([&] { auth_->revoke_token(as(boss), token.id); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { auth_->revoke_token(as(id), "x"); }), ErrorCode::not_found);
  EXPECT_TRUE(auth_->by_token(token.token));
  clock_.advance_seconds(3600);
  EXPECT_FALSE(auth_->by_token(token.token));
  auth_->revoke_token(as(boss, {"core.administrator"}), token.id);
  EXPECT_TRUE(auth_->tokens(as(id)).empty());

  EXPECT_EQ(code_of([&] { auth_->create_token(as(id), "", std::nullopt); }), ErrorCode::invalid_record);
  EXPECT_EQ(code_of([&] { auth_->create_token(as(id), std::string(101, 'x'), std::nullopt); }),
            ErrorCode::invalid_record);
  EXPECT_EQ(code_of([&] { auth_->create_token(as(id), "x", clock_.now()); }), ErrorCode::invalid_record);
  EXPECT_EQ(code_of([&] { auth_->create_token(system(), "x", std::nullopt); }), ErrorCode::invalid_argument);
  for (int i = 0; i < 100; ++i) auth_->create_token(as(id), "x", std::nullopt);
  EXPECT_EQ(code_of([&] { auth_->create_token(as(id), "x", std::nullopt); }), ErrorCode::conflict);
}

TEST_P(AuthTest, ManyThreadsAtOnce) {
  const auto id = user("li.na");
  const auto session = auth_->login("li.na", password, "");
  std::atomic<int> known{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        if (auth_->by_cookie(session.cookie)) ++known;
        if (i % 50 == 0) clock_.advance_seconds(0.8);
        if (t == 0 && i % 100 == 0) auth_->forget(id);
        if (t == 1 && i % 100 == 0)
          auth_->logout(auth_->by_cookie(session.cookie) ? std::string(43, 'z') : "");
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(known, 2000);
}

INSTANTIATE_TEST_SUITE_P(Dialects, AuthTest, caravan::testing::both_dialects(),
                         caravan::testing::dialect_name);

}  // namespace
}  // namespace caravan::auth
