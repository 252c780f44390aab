#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "storage/database.h"
#include "support/test_database.h"

namespace caravan::storage {
namespace {

using testing::both_dialects;
using testing::dialect_name;
using Kind = ColumnType::Kind;

constexpr ColumnType integer{Kind::integer, 0, 0}, boolean{Kind::boolean, 0, 0}, real{Kind::real, 0, 0}, text{Kind::text, 0, 0},
    decimal2{Kind::decimal, 2, 0}, date{Kind::date, 0, 0}, instant{Kind::instant, 0, 0}, json{Kind::json, 0, 0}, bytes{Kind::bytes, 0, 0};

class StatementTest : public testing::DialectTest {
 protected:
  void SetUp() override {
    DialectTest::SetUp();
    if (IsSkipped()) return;
    Transaction t = database().begin();
    t->execute(on_sqlite() ? R"(CREATE TABLE v (id INTEGER PRIMARY KEY, i INTEGER, b INTEGER, r REAL, t TEXT, d INTEGER, day TEXT, at INTEGER,
                               j TEXT, y BLOB, CONSTRAINT positive CHECK (i <> -77)) STRICT)"
                           : R"(CREATE TABLE v (id BIGINT PRIMARY KEY, i BIGINT, b TINYINT(1), r DOUBLE, t LONGTEXT COLLATE utf8mb4_nopad_bin,
                               d DECIMAL(18,2), day DATE, at DATETIME(6), j LONGTEXT, y LONGBLOB, CONSTRAINT positive CHECK (i <> -77)))");
    t->execute(on_sqlite() ? "CREATE TABLE k (id INTEGER PRIMARY KEY, a TEXT NOT NULL, c INTEGER) STRICT"
                           : "CREATE TABLE k (id BIGINT PRIMARY KEY, a VARCHAR(20) COLLATE utf8mb4_nopad_bin NOT NULL, c BIGINT)");
    t->execute("CREATE UNIQUE INDEX uq_k_a ON k (a, c)");
    t.commit();
  }

  /// Writes `value` to `column` and reads it back from another connection.
  expr::Value round_trip(const char* column, const expr::Value& value, const ColumnType& type) {
    static std::int64_t id = 0;
    ++id;
    database().transact([&](Session& s) {
      Statement& insert = s.prepare(std::string("INSERT INTO v (id, ") + column + ") VALUES (?, ?)");
      insert.bind(1, id);
      insert.bind(2, value, type);
      EXPECT_FALSE(insert.step());
      EXPECT_EQ(insert.affected(), 1);
      insert.reset();
    });
    const ReadSession s = database().read();
    Statement& select = s->prepare(std::string("SELECT ") + column + " FROM v WHERE id = ?");
    select.bind(1, id);
    EXPECT_TRUE(select.step());
    EXPECT_EQ(select.is_null(0), value.is_null());
    const expr::Value read = select.value(0, type);
    EXPECT_FALSE(select.step());
    select.reset();
    return read;
  }
  void keeps(const char* column, const expr::Value& value, const ColumnType& type) {
    EXPECT_TRUE(round_trip(column, value, type).same_as(value)) << column;
  }
  std::int64_t count(const std::string& where, const std::vector<expr::Value>& values = {}) {
    const ReadSession s = database().read();
    Statement& q = s->prepare("SELECT COUNT(*) FROM v WHERE " + where);
    for (std::size_t i = 0; i < values.size(); ++i) q.bind(static_cast<int>(i + 1), values[i]);
    EXPECT_TRUE(q.step());
    const std::int64_t n = q.integer(0);
    q.reset();
    return n;
  }
  template <class Work>
  Error error_of(Work work) {
    try {
      work();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return Error(ErrorCode::internal, "nothing was thrown");
  }
  Error error_in_transaction(const std::function<void(Session&)>& work) {
    return error_of([&] { database().transact(work); });
  }
};

INSTANTIATE_TEST_SUITE_P(Dialects, StatementTest, both_dialects(), dialect_name);

TEST_P(StatementTest, IntegersKeepTheirWholeRange) {
  for (const std::int64_t v : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 40, std::numeric_limits<std::int64_t>::min(),
                               std::numeric_limits<std::int64_t>::max()}) {
    keeps("i", v, integer);
  }
}

TEST_P(StatementTest, NullsAndBooleansAndReals) {
  keeps("i", {}, integer);
  keeps("t", {}, text);
  keeps("d", {}, decimal2);
  keeps("day", {}, date);
  keeps("at", {}, instant);
  keeps("b", true, boolean);
  keeps("b", false, boolean);
  keeps("r", 0.1, real);
  keeps("r", -1.7976931348623157e308, real);
  keeps("r", 5e-324, real);
}

TEST_P(StatementTest, TextsKeepEveryCharacter) {
  for (const char* s : {"", "咨询：三亚亲子游", "emoji 😀👨‍👩‍👧", "it's \"quoted\" \\ and `ticked`", "a:b ? c", " padded ", "tab\tline\n"}) {
    keeps("t", std::string(s), text);
  }
  keeps("t", std::string("nul\0inside", 10), text);
  keeps("j", std::string(R"({"a":[1,2,"三"]})"), json);
  keeps("y", expr::Bytes{std::string("\0\xff\xfe raw", 8)}, bytes);
}

TEST_P(StatementTest, LongTextsAndTheRowsAfterThem) {
  std::string four_megabytes;
  while (four_megabytes.size() < 4'000'000) four_megabytes += "三亚 beach 😀 ";
  keeps("t", four_megabytes, text);
  database().transact([&](Session& s) {
    s.execute("DELETE FROM v");
    Statement& insert = s.prepare("INSERT INTO v (id, t) VALUES (?, ?)");
    for (int i = 1; i <= 6; ++i) {
      insert.bind(1, std::int64_t{i});
      const std::string value = i % 2 ? std::string(static_cast<std::size_t>(i) * 5000, static_cast<char>('a' + i)) : std::to_string(i);
      insert.bind(2, std::string_view(value));
      insert.step();
      insert.reset();
    }
  });
  const ReadSession s = database().read();
  Statement& q = s->prepare("SELECT t, t, id FROM v ORDER BY id");
  for (int round = 0; round < 2; ++round) {
    for (int i = 1; i <= 6; ++i) {
      ASSERT_TRUE(q.step());
      const std::string value = i % 2 ? std::string(static_cast<std::size_t>(i) * 5000, static_cast<char>('a' + i)) : std::to_string(i);
      EXPECT_EQ(q.text(0), value);
      EXPECT_EQ(q.text(1), value);
      EXPECT_EQ(q.integer(2), i);
    }
    EXPECT_FALSE(q.step());
    q.reset();
  }
}

TEST_P(StatementTest, TrailingSpacesAndCaseTellTextsApart) {
  for (const char* s : {"a", "a ", "A", "á"}) round_trip("t", std::string(s), text);
  for (const char* s : {"a", "a ", "A", "á"}) EXPECT_EQ(count("t = ?", {std::string(s)}), 1) << "'" << s << "'";
}

TEST_P(StatementTest, DecimalsAreExact) {
  for (const char* s : {"0.00", "-0.01", "12000.00", "9999999999999999.99", "-9999999999999999.99"}) keeps("d", *parse_decimal(s), decimal2);
  // Stored in the column's scale, whatever scale they came with.
  EXPECT_TRUE(round_trip("d", *parse_decimal("-7.5"), decimal2).same_as(*parse_decimal("-7.50")));
  EXPECT_TRUE(round_trip("d", std::int64_t{3}, decimal2).same_as(*parse_decimal("3.00")));
}

TEST_P(StatementTest, DecimalsCompareExactly) {
  round_trip("d", *parse_decimal("9007199254740993.01"), decimal2);
  round_trip("d", *parse_decimal("9007199254740993.02"), decimal2);
  EXPECT_EQ(count("d = ?", {*parse_decimal("9007199254740993.01")}), 1);
  EXPECT_EQ(count("d > ?", {*parse_decimal("9007199254740993.01")}), 1);
}

TEST_P(StatementTest, DatesAndInstantsFromTheFirstYearToTheLast) {
  for (const char* s : {"0001-01-01", "1582-10-10", "1969-12-31", "2024-02-29", "9999-12-31"}) keeps("day", *parse_date(s), date);
  for (const char* s : {"0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "2026-03-29T02:30:00.000001Z", "9999-12-31T23:59:59.999999Z"}) {
    keeps("at", *parse_timestamp(s), instant);
  }
  EXPECT_EQ(count("day = ?", {*parse_date("2024-02-29")}), 1);
  EXPECT_EQ(count("at = ?", {*parse_timestamp("2026-03-29T02:30:00.000001Z")}), 1);
  EXPECT_EQ(count("at < ?", {*parse_timestamp("1969-12-31T23:59:59.999999Z")}), 1);
}

TEST_P(StatementTest, ValuesThatDoNotFitAreRefusedWithoutBeingRepeated) {
  const auto refused = [&](const expr::Value& value, const ColumnType& type) {
    const Error error = error_in_transaction([&](Session& s) { s.prepare("SELECT ?").bind(1, value, type); });
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument) << error.message();
    EXPECT_EQ(error.message().find("secret"), std::string::npos);
  };
  refused("secret", integer);
  refused("secret", date);
  refused(true, integer);
  refused(std::uint64_t{1} << 63, integer);
  refused(*parse_decimal("1.005"), decimal2);
  refused(*parse_decimal("99999999999999999.9"), decimal2);
  refused("secret", ColumnType{Kind::text, 0, 5});
  refused(std::numeric_limits<double>::quiet_NaN(), real);
  refused(Date{-800'000}, date);
  refused(Timestamp{INT64_MAX}, instant);
  refused(expr::Value(expr::List{1, 2}), text);
  keeps("t", "五个汉字呢", ColumnType{Kind::text, 0, 5});  // characters, not bytes
  const Error error = error_in_transaction([](Session& s) { s.prepare("SELECT ?").bind(1, expr::Value(expr::List{1})); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
}

TEST_P(StatementTest, EveryParameterMustBeBoundEachTime) {
  const ReadSession s = database().read();
  Statement& q = s->prepare("SELECT id FROM v WHERE id = ? OR i = ?");
  q.bind(1, std::int64_t{1});
  q.bind(2, std::int64_t{1});
  q.step();
  q.reset();
  q.bind(1, std::int64_t{1});
  EXPECT_THAT(error_of([&] { q.step(); }).message(), ::testing::HasSubstr("Parameter 2"));
  EXPECT_THAT(error_of([&] { q.bind(3, std::int64_t{1}); }).message(), ::testing::HasSubstr("no parameter 3"));
}

TEST_P(StatementTest, AStatementDoesNotRunAgainByItself) {
  database().transact([](Session& s) {
    Statement& insert = s.prepare("INSERT INTO v (id) VALUES (?)");
    insert.bind(1, std::int64_t{900});
    EXPECT_FALSE(insert.step());
    EXPECT_FALSE(insert.step());
    EXPECT_FALSE(insert.step());
  });
  EXPECT_EQ(count("id = 900"), 1);
}

TEST_P(StatementTest, StatementsMayNest) {
  database().transact([](Session& s) {
    for (std::int64_t i = 1; i <= 5; ++i) {
      Statement& insert = s.prepare("INSERT INTO v (id, i) VALUES (?, ?)");
      insert.bind(1, i);
      insert.bind(2, i % 5 + 1);
      insert.step();
    }
  });
  const ReadSession s = database().read();
  const std::string sql = "SELECT id, i FROM v WHERE id >= ? ORDER BY id";
  std::string seen;
  Statement& outer = s->prepare(sql);
  outer.bind(1, std::int64_t{1});
  while (outer.step()) {
    Statement& inner = s->prepare(sql);  // the same text while the first is in use
    ASSERT_NE(&inner, &outer);
    inner.bind(1, outer.integer(1));
    ASSERT_TRUE(inner.step());
    seen += std::to_string(outer.integer(0)) + ">" + std::to_string(inner.integer(0)) + " ";
    inner.reset();
  }
  EXPECT_EQ(seen, "1>2 2>3 3>4 4>5 5>1 ");
}

TEST_P(StatementTest, StatementsAreKeptAndManyAreSurvived) {
  for (int i = 0; i < 700; ++i) {
    const ReadSession s = database().read();
    for (int k = 0; k < 3; ++k) {
      Statement& q = s->prepare("SELECT " + std::to_string(i * 3 + k) + " + ?");
      q.bind(1, std::int64_t{1});
      ASSERT_TRUE(q.step());
      ASSERT_EQ(q.integer(0), i * 3 + k + 1);  // left unfinished on purpose
    }
  }
  const ReadSession s = database().read();
  Statement* first = &s->prepare("SELECT 1");
  first->step();
  first->reset();
  EXPECT_EQ(first, &s->prepare("SELECT 1"));
}

TEST_P(StatementTest, AStatementLeftOpenManyTimesIsReused) {
  const ReadSession s = database().read();
  for (std::int64_t i = 0; i < 500; ++i) {
    Statement& q = s->prepare("SELECT ?");
    q.bind(1, i);
    ASSERT_TRUE(q.step());
    ASSERT_EQ(q.integer(0), i);
  }
}

TEST_P(StatementTest, AffectedRowsAreThoseMatched) {
  round_trip("i", std::int64_t{5}, integer);
  database().transact([](Session& s) {
    Statement& update = s.prepare("UPDATE v SET i = 5 WHERE i = 5");
    update.step();
    EXPECT_EQ(update.affected(), 1);  // though nothing changed
    Statement& none = s.prepare("UPDATE v SET i = 5 WHERE i = 6");
    none.step();
    EXPECT_EQ(none.affected(), 0);
  });
}

TEST_P(StatementTest, ADuplicateKeyTellsItsNameButNotTheValue) {
  const auto insert = [](Session& s, std::int64_t id, const char* a) {
    Statement& i = s.prepare("INSERT INTO k (id, a, c) VALUES (?, ?, 1)");
    i.bind(1, id);
    i.bind(2, std::string_view(a));
    i.step();
  };
  const char* hostile = "x' for key 'evil";
  database().transact([&](Session& s) { insert(s, 1, hostile); });
  Error error = error_in_transaction([&](Session& s) { insert(s, 2, hostile); });
  EXPECT_EQ(error.code(), ErrorCode::conflict);
  std::string key;
  EXPECT_TRUE(DuplicateKey::is(error, &key));
  EXPECT_EQ(key, "uq_k_a");
  EXPECT_TRUE(DuplicateKey::is(error, nullptr));
  EXPECT_EQ(error.message().find("evil"), std::string::npos);
  for (const std::string& line : error.context()) EXPECT_EQ(line.find("evil"), std::string::npos) << line;

  error = error_in_transaction([&](Session& s) { insert(s, 1, "other"); });
  EXPECT_TRUE(DuplicateKey::is(error, &key));
  EXPECT_EQ(key, "PRIMARY");
  EXPECT_FALSE(ConstraintViolation::is(error, &key));
}

TEST_P(StatementTest, AStatementWorksAgainAfterAnError) {
  Transaction t = database().begin();
  Statement& insert = t->prepare("INSERT INTO k (id, a, c) VALUES (?, ?, 1)");
  const auto run = [&](std::int64_t id, const char* a) {
    insert.bind(1, id);
    insert.bind(2, std::string_view(a));
    insert.step();
    insert.reset();
  };
  run(1, "a");
  for (int i = 0; i < 3; ++i) EXPECT_THROW(run(2, "a"), Error);
  run(2, "b");
  EXPECT_EQ(&t->prepare("INSERT INTO k (id, a, c) VALUES (?, ?, 1)"), &insert);
  t.commit();
  const ReadSession s = database().read();
  Statement& q = s->prepare("SELECT COUNT(*) FROM k");
  ASSERT_TRUE(q.step());
  EXPECT_EQ(q.integer(0), 2);
}

TEST_P(StatementTest, ConstraintsTellTheirName) {
  const Error error = error_in_transaction([](Session& s) {
    Statement& i = s.prepare("INSERT INTO v (id, i) VALUES (1000, ?)");
    i.bind(1, std::int64_t{-77});
    i.step();
  });
  std::string name;
  EXPECT_EQ(error.code(), ErrorCode::invalid_record);
  EXPECT_TRUE(ConstraintViolation::is(error, &name));
  EXPECT_EQ(name, "positive");
}

TEST_P(StatementTest, TriggersOnSqliteTellTheirRule) {
  if (!on_sqlite()) return;  // MariaDB has CHECK constraints
  database().transact([](Session& s) {
    s.execute("CREATE TRIGGER rule BEFORE INSERT ON v WHEN NOT (NEW.r > 0) BEGIN SELECT RAISE(ABORT, 'caravan:party'); END");
  });
  const Error error = error_in_transaction([](Session& s) { s.execute("INSERT INTO v (id, r) VALUES (1, 0)"); });
  std::string name;
  EXPECT_TRUE(ConstraintViolation::is(error, &name));
  EXPECT_EQ(name, "party");
}

TEST_P(StatementTest, ForeignKeysAreKept) {
  database().transact([&](Session& s) {
    s.execute(on_sqlite() ? "CREATE TABLE child (id INTEGER PRIMARY KEY, k INTEGER REFERENCES k (id)) STRICT"
                          : "CREATE TABLE child (id BIGINT PRIMARY KEY, k BIGINT, FOREIGN KEY (k) REFERENCES k (id))");
    s.execute("INSERT INTO k VALUES (1, 'a', 1)");
    s.execute("INSERT INTO child VALUES (1, 1)");
  });
  EXPECT_TRUE(ForeignKey::is(error_in_transaction([](Session& s) { s.execute("INSERT INTO child VALUES (2, 99)"); })));
  EXPECT_TRUE(ForeignKey::is(error_in_transaction([](Session& s) { s.execute("DELETE FROM k WHERE id = 1"); })));
}

TEST_P(StatementTest, WhatTheColumnRefusesIsAnInvalidRecord) {
  Error error = error_in_transaction([](Session& s) { s.execute("INSERT INTO k (id, a) VALUES (5, NULL)"); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_record);
  ASSERT_EQ(error.fields().size(), 1U);
  EXPECT_EQ(error.fields()[0].field, "a");
  if (on_sqlite()) return;  // which bounds neither texts nor decimals
  error = error_in_transaction([](Session& s) { s.execute("INSERT INTO k (id, a) VALUES (5, 'a text of more than twenty characters')"); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_record);
  EXPECT_EQ(error.message(), "A text is too long for its column (column a)");
  error = error_in_transaction([](Session& s) { s.execute("INSERT INTO v (id, d) VALUES (5, 99999999999999999)"); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_record);
  error = error_in_transaction([](Session& s) { s.execute("INSERT INTO v (id, day) VALUES (5, '2026-02-30 secret')"); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_record);
  EXPECT_EQ(error.message().find("secret"), std::string::npos);
}

TEST_P(StatementTest, WrongSqlIsSaid) {
  const ReadSession s = database().read();
  const Error table = error_of([&] { s->prepare("SELECT x FROM no_such_table"); });
  EXPECT_EQ(table.code(), ErrorCode::internal);
  EXPECT_THAT(table.message(), ::testing::HasSubstr("no_such_table"));
  EXPECT_EQ(error_of([&] { s->prepare("SELEKT 1"); }).code(), ErrorCode::internal);
  EXPECT_EQ(error_of([&] { s->prepare("SELECT 1; SELECT 2"); }).code(), ErrorCode::internal);
  Statement& q = s->prepare("SELECT 1");  // the session is as good as before
  EXPECT_TRUE(q.step());
  EXPECT_THROW(q.integer(1), Error);
}

TEST_P(StatementTest, ATableMayChangeUnderAPreparedStatement) {
  round_trip("i", std::int64_t{5}, integer);
  const ReadSession s = database().read();
  const auto all = [&] {
    for (int tries = 0; tries < 2; ++tries) {
      try {
        Statement& q = s->prepare("SELECT id, i FROM v");
        EXPECT_TRUE(q.step());
        EXPECT_EQ(q.integer(1), 5);
        q.reset();
        return;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::retry);
      }
    }
    FAIL() << "still failing after the statement was prepared anew";
  };
  all();
  database().transact([&](Session& w) { w.execute(on_sqlite() ? "ALTER TABLE v ADD COLUMN later INTEGER" : "ALTER TABLE v ADD COLUMN later BIGINT"); });
  all();
}

TEST_P(StatementTest, AColumnMayComeBackWithAnotherType) {
  const ReadSession s = database().read();
  const auto read = [&] {
    Statement& q = s->prepare("SELECT c, a FROM k");
    EXPECT_TRUE(q.step());
    const std::string found(q.text(0));
    EXPECT_EQ(q.text(1), "x");
    q.reset();
    return found;
  };
  database().transact([&](Session& w) { w.execute("INSERT INTO k (id, a, c) VALUES (1, 'x', 7)"); });
  EXPECT_EQ(read(), "7");
  database().transact([&](Session& w) {
    w.execute("DROP INDEX uq_k_a" + std::string(on_sqlite() ? "" : " ON k"));
    w.execute("ALTER TABLE k DROP COLUMN c");
    w.execute(on_sqlite() ? "ALTER TABLE k ADD COLUMN c TEXT" : "ALTER TABLE k ADD COLUMN c LONGTEXT");
    w.execute("UPDATE k SET c = '[\"word\"]'");
  });
  EXPECT_EQ(read(), "[\"word\"]");
}

}  // namespace
}  // namespace caravan::storage
