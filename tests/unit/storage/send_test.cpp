#include <gmock/gmock.h>

#include "storage/database.h"
#include "support/test_database.h"

// Statements that travel together: send() and finish().

namespace caravan::storage {
namespace {

class SendTest : public testing::DialectTest {
 protected:
  void SetUp() override {
    DialectTest::SetUp();
    if (IsSkipped()) return;
    database().transact([&](Session& s) {
      s.execute(on_sqlite() ? "CREATE TABLE sent (id INTEGER PRIMARY KEY, t TEXT) STRICT"
                            : "CREATE TABLE sent (id BIGINT PRIMARY KEY, t LONGTEXT)");
    });
  }
  static constexpr std::string_view insert_sql = "INSERT INTO sent (id, t) VALUES (?, ?)";
  static Statement& sent(Session& s, std::int64_t id, std::string_view text) {
    Statement& insert = s.prepare(insert_sql);
    insert.bind(1, id);
    insert.bind(2, text);
    insert.send();
    return insert;
  }
  std::int64_t rows() {
    const ReadSession s = database().read();
    Statement& q = s->prepare("SELECT COUNT(*) FROM sent");
    EXPECT_TRUE(q.step());
    const auto n = q.integer(0);
    q.reset();
    return n;
  }
  template <class Work>
  static ErrorCode code_of(Work work) {
    try {
      work();
    } catch (const Error& error) {
      return error.code();
    }
    ADD_FAILURE() << "nothing was thrown";
    return ErrorCode::internal;
  }
};

TEST_P(SendTest, SeveralOnTheirWayAllArrive) {
  const std::string large(100'000, 'x');
  database().transact([&](Session& s) {
    std::vector<Statement*> statements;
    for (std::int64_t i = 1; i <= 30; ++i) statements.push_back(&sent(s, i, i % 7 == 0 ? large : "short"));
    for (Statement* statement : statements) {
      statement->finish();
      EXPECT_EQ(statement->affected(), 1);
      statement->reset();
    }
  });
  EXPECT_EQ(rows(), 30);
}

TEST_P(SendTest, EachSaysWhatBecameOfIt) {
  Transaction t = database().begin();
  Statement& first = sent(*t, 1, "a");
  Statement& again = sent(*t, 1, "b");
  Statement& other = sent(*t, 2, "c");
  first.finish();
  EXPECT_EQ(code_of([&] { again.finish(); }), ErrorCode::conflict);
  other.finish();
  EXPECT_EQ(other.affected(), 1);
  t.commit();
  EXPECT_EQ(rows(), 2);
}

TEST_P(SendTest, AnotherStatementInBetweenWaitsForTheAnswers) {
  Transaction t = database().begin();
  Statement& first = sent(*t, 1, "a");
  if (on_sqlite()) first.finish();  // executed only there
  Statement& q = t->prepare("SELECT t FROM sent WHERE id = ?");
  q.bind(1, std::int64_t{1});
  ASSERT_TRUE(q.step());
  EXPECT_EQ(q.text(0), "a");
  q.reset();
  if (!on_sqlite()) first.finish();
  t.commit();
  EXPECT_EQ(rows(), 1);
}

TEST_P(SendTest, WhatNobodyFinishedDoesNotSpoilTheNextTransaction) {
  {
    Transaction t = database().begin();
    sent(*t, 1, "a");
    sent(*t, 1, "b");
  }  // rolled back
  EXPECT_EQ(rows(), 0);
  for (std::int64_t i = 1; i <= 20; ++i) {
    database().transact([&](Session& s) {
      Statement& statement = sent(s, i, "c");
      statement.finish();
    });
  }
  EXPECT_EQ(rows(), 20);
}

TEST_P(SendTest, AFailureThatNobodyAskedForStopsTheCommit) {
  if (on_sqlite()) return;  // there nothing is executed before finish()
  {
    Transaction t = database().begin();
    sent(*t, 1, "a").finish();
    sent(*t, 1, "b");
    EXPECT_EQ(code_of([&] { t.commit(); }), ErrorCode::conflict);
  }
  {
    Transaction t = database().begin();
    sent(*t, 3, "a").finish();
    sent(*t, 3, "b").reset();
    EXPECT_EQ(code_of([&] { t.commit(); }), ErrorCode::retry);
  }
  EXPECT_EQ(rows(), 0);
}

TEST_P(SendTest, ParametersOfOtherTypesAndPlacesAreToldAgain) {
  database().transact([&](Session& s) {
    Statement& insert = s.prepare(insert_sql);
    for (std::int64_t i = 1; i <= 4; ++i) {
      insert.bind(1, i);
      if (i % 2 == 0) insert.bind_null(2);
      const std::string text(static_cast<std::size_t>(i * 3000), 'y');
      if (i % 2 != 0) insert.bind(2, std::string_view(text));
      insert.step();
      insert.reset();
    }
  });
  const ReadSession s = database().read();
  Statement& q = s->prepare("SELECT t FROM sent ORDER BY id");
  for (const std::size_t length : {3000, 0, 9000, 0}) {
    ASSERT_TRUE(q.step());
    EXPECT_EQ(q.is_null(0), length == 0);
    EXPECT_EQ(q.text(0), std::string(length, 'y'));
  }
  q.reset();
}

INSTANTIATE_TEST_SUITE_P(Dialects, SendTest, testing::both_dialects(), testing::dialect_name);

}  // namespace
}  // namespace caravan::storage
