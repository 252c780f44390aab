#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "storage/database.h"
#include "support/test_database.h"

namespace caravan::storage {
namespace {

using ::testing::HasSubstr;

class TransactionTest : public testing::DialectTest {
 protected:
  void SetUp() override {
    DialectTest::SetUp();
    if (IsSkipped()) return;
    database().transact([&](Session& s) {
      s.execute(on_sqlite() ? "CREATE TABLE counter (id INTEGER PRIMARY KEY, n INTEGER NOT NULL) STRICT"
                            : "CREATE TABLE counter (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)");
      s.execute("INSERT INTO counter VALUES (1, 0), (2, 0)");
    });
  }
  static std::int64_t value(Session& s, const char* sql = "SELECT n FROM counter WHERE id = 1") {
    Statement& q = s.prepare(sql);
    const std::int64_t n = q.step() ? q.integer(0) : -1;
    q.reset();
    return n;
  }
  std::int64_t counter() { return value(*database().read()); }
  static void set(Session& s, std::int64_t id, std::int64_t n) {
    Statement& q = s.prepare("UPDATE counter SET n = ? WHERE id = ?");
    q.bind(1, n);
    q.bind(2, id);
    q.step();
    q.reset();
  }
  template <class Work>
  static Error error_of(Work work) {
    try {
      work();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return Error(ErrorCode::internal, "nothing was thrown");
  }
};

INSTANTIATE_TEST_SUITE_P(Dialects, TransactionTest, testing::both_dialects(), testing::dialect_name);

TEST_P(TransactionTest, CommitKeepsAndTheDestructorRollsBack) {
  {
    Transaction t = database().begin();
    set(*t, 1, 5);
    t.commit();
  }
  EXPECT_EQ(counter(), 5);
  {
    Transaction t = database().begin();
    set(*t, 1, 6);
    EXPECT_EQ(counter(), 5);  // not seen by others
  }
  EXPECT_EQ(counter(), 5);
  EXPECT_THROW(database().transact([](Session& s) {
    set(s, 1, 7);
    throw Error(ErrorCode::forbidden, "no");
  }),
               Error);
  EXPECT_EQ(counter(), 5);
}

TEST_P(TransactionTest, ATransactionCanBeMovedAndCommittedOnce) {
  Transaction a = database().begin();
  Transaction b = std::move(a);
  set(*b, 1, 3);
  b.commit();
  EXPECT_THROW(b.commit(), Error);
  EXPECT_EQ(counter(), 3);
}

TEST_P(TransactionTest, ReadModifyWriteByEightThreadsLosesNothing) {
  std::vector<std::thread> threads;
  std::atomic<int> acknowledged{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        database().transact(
            [](Session& s) {
              const std::int64_t n = value(s);  // a plain read: MariaDB's default would lose updates here
              set(s, 1, n + 1);
            },
            200);
        ++acknowledged;
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(acknowledged, 200);
  EXPECT_EQ(counter(), 200);
}

TEST_P(TransactionTest, DeadlocksAreRunAgain) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        database().transact(
            [&](Session& s) {
              for (const int id : {t % 2 ? 1 : 2, t % 2 ? 2 : 1}) {
                Statement& q = s.prepare("UPDATE counter SET n = n + 1 WHERE id = ?");
                q.bind(1, std::int64_t{id});
                q.step();
                q.reset();
              }
            },
            200);
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(counter(), 200);
}

TEST_P(TransactionTest, RetryEndsAndSaysSo) {
  int runs = 0;
  const Error error = error_of([&] {
    database().transact(
        [&](Session&) {
          ++runs;
          throw Error(ErrorCode::retry, "again");
        },
        3);
  });
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(error.code(), ErrorCode::unavailable);
  EXPECT_EQ(error.retry_after, 1);
}

TEST_P(TransactionTest, AWriterThatWaitsTooLongIsToldSo) {
  if (on_sqlite()) {
    close();
    const auto impatient = Database::open(url(), {.connections = 2, .connect_timeout_seconds = 1});
    Transaction holder = impatient->begin();
    const Error error = error_of([&] { impatient->begin(); });
    EXPECT_EQ(error.code(), ErrorCode::unavailable);
    EXPECT_THAT(error.message(), HasSubstr("busy"));
    return;
  }
  const auto pool = Database::open(url(), {.connections = 1, .connect_timeout_seconds = 1});
  const ReadSession holder = pool->read();
  const Error error = error_of([&] { pool->begin(); });
  EXPECT_EQ(error.code(), ErrorCode::unavailable);
  EXPECT_THAT(error.message(), HasSubstr("connections"));
}

TEST_P(TransactionTest, AReaderNeverHoldsAnOldSnapshot) {
  const ReadSession reader = database().read();
  Statement& q = reader->prepare("SELECT n FROM counter ORDER BY id");
  ASSERT_TRUE(q.step());
  database().transact([](Session& s) { set(s, 1, 1); });  // while the reader is in the middle of its rows
  q.reset();
  ASSERT_TRUE(q.step());
  EXPECT_EQ(q.integer(0), 1);
  while (q.step()) {
  }
  database().transact([](Session& s) { set(s, 1, 2); });
  EXPECT_EQ(value(*reader), 2);
}

TEST_P(TransactionTest, AReadSessionGivenBackHoldsNothing) {
  {
    const ReadSession reader = database().read();
    reader->execute("BEGIN");
    reader->prepare("SELECT n FROM counter").step();
  }
  database().transact([](Session& s) { set(s, 1, 9); });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(counter(), 9);
}

TEST_P(TransactionTest, OnSqliteAReaderCannotWrite) {
  if (!on_sqlite()) return;
  const ReadSession reader = database().read();
  EXPECT_THROW(reader->execute("UPDATE counter SET n = 1"), Error);
}

TEST_P(TransactionTest, AStatementThatTakesTooLongIsStopped) {
  close();
  const auto hasty = Database::open(url(), {.connections = 2, .statement_timeout_seconds = 1});
  const char* sql = on_sqlite() ? "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT COUNT(*) FROM c WHERE x < 0"
                                : "SELECT COUNT(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b WHERE a.seq + b.seq < 0";
  const auto start = std::chrono::steady_clock::now();
  const ReadSession s = hasty->read();
  EXPECT_EQ(error_of([&] { s->prepare(sql).step(); }).code(), ErrorCode::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(value(*s), 0);  // the session lives on
}

// ---- MariaDB: lost connections

class MysqlTest : public TransactionTest {
 protected:
  static std::int64_t connection_id(Session& s) { return value(s, "SELECT CONNECTION_ID()"); }
  void kill(std::int64_t id) {
    const auto other = Database::open(url(), {.connections = 1});
    other->read()->execute("KILL " + std::to_string(id));
    // The server notices between two statements of the victim.
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
};
INSTANTIATE_TEST_SUITE_P(Dialects, MysqlTest, ::testing::Values(Dialect::mysql), testing::dialect_name);

TEST_P(MysqlTest, AConnectionKilledInATransactionIsAnErrorAndNothingIsKept) {
  {
    Transaction t = database().begin();
    set(*t, 1, 5);
    kill(connection_id(*t));
    EXPECT_EQ(error_of([&] { set(*t, 2, 5); }).code(), ErrorCode::unavailable);
    EXPECT_EQ(error_of([&] { t->prepare("SELECT 1"); }).code(), ErrorCode::unavailable);
    EXPECT_EQ(error_of([&] { t.commit(); }).code(), ErrorCode::unavailable);
  }
  EXPECT_EQ(counter(), 0);
  {
    Transaction t = database().begin();
    set(*t, 1, 5);
    kill(connection_id(*t));
    const Error error = error_of([&] { t.commit(); });  // SOCI with reconnect=1 reported success here
    EXPECT_EQ(error.code(), ErrorCode::unavailable);
    EXPECT_THAT(error.message(), HasSubstr("may or may not"));
  }
  EXPECT_EQ(counter(), 0);
}

TEST_P(MysqlTest, ThePoolReplacesLostConnections) {
  for (int i = 0; i < 3; ++i) {
    const ReadSession s = database().read();
    kill(connection_id(*s));
    EXPECT_THROW(value(*s), Error);
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(counter(), 0);
}

TEST_P(MysqlTest, AfterOneLossIdleConnectionsAreTriedBeforeUse) {
  std::vector<std::int64_t> ids;
  {
    std::vector<ReadSession> all;
    for (int i = 0; i < 4; ++i) {
      all.push_back(database().read());
      ids.push_back(connection_id(*all.back()));
    }
  }
  for (const std::int64_t id : ids) kill(id);
  int failures = 0;
  for (int i = 0; i < 8; ++i) {
    try {
      counter();
    } catch (const Error&) {
      ++failures;
    }
  }
  EXPECT_LE(failures, 1);
}

TEST_P(MysqlTest, ADeadlockDoomsTheRestOfItsTransaction) {
  // A caller that swallows the error must not commit the half that came after the server's rollback.
  std::atomic<bool> first{false}, done{false};
  std::thread other([&] {
    try {
      Transaction t = database().begin();
      for (int i = 0; i < 50; ++i) set(*t, 2, 7);  // the heavier one survives
      first = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      set(*t, 1, 7);
      done = true;
    } catch (const Error&) {
    }
  });
  while (!first) std::this_thread::yield();
  Transaction t = database().begin();
  set(*t, 1, 1);
  bool lost = false;
  try {
    set(*t, 2, 1);
  } catch (const Error& error) {
    lost = true;
    EXPECT_EQ(error.code(), ErrorCode::retry);
    EXPECT_EQ(error_of([&] { set(*t, 1, 99); }).code(), ErrorCode::retry);
    EXPECT_EQ(error_of([&] { t.commit(); }).code(), ErrorCode::retry);
  }
  other.join();
  EXPECT_TRUE(lost || !done);
  EXPECT_EQ(counter(), 0);
}

TEST_P(MysqlTest, TheSessionsSettings) {
  const ReadSession s = database().read();
  const auto setting = [&](const char* name) {
    Statement& q = s->prepare(std::string("SELECT CAST(@@SESSION.") + name + " AS CHAR)");
    EXPECT_TRUE(q.step());
    std::string text(q.text(0));
    q.reset();
    return text;
  };
  EXPECT_THAT(setting("sql_mode"), HasSubstr("STRICT_ALL_TABLES"));
  EXPECT_EQ(setting("time_zone"), "+00:00");
  EXPECT_EQ(setting("collation_connection"), "utf8mb4_nopad_bin");
  EXPECT_EQ(setting("innodb_lock_wait_timeout"), "10");
  EXPECT_EQ(setting("max_statement_time"), "30.000000");
  EXPECT_EQ(setting("innodb_snapshot_isolation"), "ON");
}

TEST_P(MysqlTest, PasswordsWithEveryMarkConnect) {
  const std::string user = "caravan_t" + std::to_string(::getpid());
  const ReadSession root = database().read();
  root->execute("CREATE OR REPLACE USER " + user + " IDENTIFIED BY 'a''b\\\\c\"d e=f@g:h/'");
  root->execute("GRANT ALL ON *.* TO " + user);
  std::string with = url();
  with.replace(with.find("root@"), 5, user + ":a%27b%5Cc%22d%20e%3Df%40g%3Ah%2F@");
  EXPECT_NO_THROW(Database::open(with));
  with = url();
  with.replace(with.find("root@"), 5, user + ":wrongsecret@");
  const Error error = error_of([&] { Database::open(with); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
  EXPECT_EQ(error.message().find("wrongsecret"), std::string::npos);
  root->execute("DROP USER " + user);
}

TEST_P(MysqlTest, WhatCannotBeReachedIsSaid) {
  EXPECT_EQ(error_of([] { Database::open("mysql://root@/x?socket=/nonexistent/sock"); }).code(), ErrorCode::unavailable);
  std::string other = url();
  other.replace(other.find("caravan_t_"), 10, "caravan_no_");
  const Error error = error_of([&] { Database::open(other); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
  EXPECT_THAT(error.message(), HasSubstr("CREATE DATABASE"));
}

// ---- SQLite: one process, one file

class SqliteTest : public TransactionTest {
 protected:
  std::string path() const { return url().substr(std::string("sqlite://").size()); }
};
INSTANTIATE_TEST_SUITE_P(Dialects, SqliteTest, ::testing::Values(Dialect::sqlite), testing::dialect_name);

TEST_P(SqliteTest, TheFileBelongsToOneProcess) {
  EXPECT_EQ(Database::owner(url()), ::getpid());
  const Error error = error_of([&] { Database::open(url()); });
  EXPECT_EQ(error.code(), ErrorCode::unavailable);
  EXPECT_THAT(error.message(), HasSubstr("is in use by a running server (pid " + std::to_string(::getpid()) + ")"));
  close();
  EXPECT_EQ(Database::owner(url()), std::nullopt);
  EXPECT_NO_THROW(Database::open(url()));
}

TEST_P(SqliteTest, ADeadOwnersLockFileDoesNotMatter) {
  close();
  std::ofstream(path() + ".lock") << "1\n";
  EXPECT_EQ(Database::owner(url()), std::nullopt);
  EXPECT_NO_THROW(Database::open(url()));
}

TEST_P(SqliteTest, NobodyElseReadsTheFiles) {
  database().transact([](Session& s) { set(s, 1, 1); });
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    struct stat status {};
    ASSERT_EQ(::stat((path() + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777, 0600U) << suffix;
  }
}

TEST_P(SqliteTest, PathsWithSpacesAndMarks) {
  const std::string strange = path() + " a=b 'c' 名.db";
  std::string encoded = "sqlite://";
  for (const char c : strange) encoded += c == ' ' ? std::string("%20") : std::string(1, c);
  {
    const auto db = Database::open(encoded);
    db->transact([](Session& s) { s.execute("CREATE TABLE x (y)"); });
  }
  EXPECT_EQ(::access(strange.c_str(), F_OK), 0) << "SOCI cut the path";
}

TEST_P(SqliteTest, WhatIsNoDatabaseIsSaid) {
  const std::string file = path() + ".txt";
  std::ofstream(file) << std::string(5000, 'x');
  const Error error = error_of([&] { Database::open("sqlite://" + file); });
  EXPECT_THAT(error.message(), HasSubstr("not an SQLite database"));
  EXPECT_EQ(error_of([] { Database::open("sqlite:///nonexistent/x.db"); }).code(), ErrorCode::unavailable);
  EXPECT_EQ(error_of([&] { Database::open("sqlite://" + path().substr(0, path().rfind('/'))); }).code(), ErrorCode::unavailable);
}

TEST_P(SqliteTest, Pragmas) {
  const auto pragma = [](Session& s, const char* name) { return value(s, (std::string("SELECT * FROM pragma_") + name).c_str()); };
  Transaction t = database().begin();
  const ReadSession r = database().read();
  for (Session* s : {&*t, &*r}) {
    EXPECT_EQ(pragma(*s, "synchronous"), 2);
    EXPECT_EQ(pragma(*s, "foreign_keys"), 1);
    Statement& q = s->prepare("SELECT * FROM pragma_journal_mode");
    ASSERT_TRUE(q.step());
    EXPECT_EQ(q.text(0), "wal");
    q.reset();
  }
  EXPECT_EQ(value(*r, "PRAGMA wal_autocheckpoint"), 0);
  EXPECT_GT(value(*t, "PRAGMA wal_autocheckpoint"), 0);
}

TEST_P(SqliteTest, ClosingFoldsTheLogIn) {
  database().transact([](Session& s) { set(s, 1, 4); });
  EXPECT_EQ(counter(), 4);
  close();
  EXPECT_NE(::access((path() + "-wal").c_str(), F_OK), 0);
  reopen();
  EXPECT_EQ(counter(), 4);
}

TEST_P(SqliteTest, WritersAreServedInOrder) {
  std::vector<int> order;
  std::vector<std::thread> threads;
  {
    Transaction holder = database().begin();
    for (int i = 0; i < 5; ++i) {
      threads.emplace_back([&, i] {
        Transaction t = database().begin();
        order.push_back(i);  // guarded by the writer's place
        t.commit();
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

}  // namespace
}  // namespace caravan::storage
