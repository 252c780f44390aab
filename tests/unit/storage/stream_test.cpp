#include "storage/stream.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "storage/table_copy.h"
#include "support/test_database.h"

// Large results, and tables as a whole, of a server across a connection.

namespace caravan::storage {
namespace {

class StreamTest : public testing::DialectTest {
 protected:
  std::int64_t one(Stream& stream, const std::string& sql) {
    Statement& rows = stream.query(sql);
    const std::int64_t value = rows.step() ? rows.integer(0) : -1;
    EXPECT_FALSE(rows.step());
    return value;
  }
};

INSTANTIATE_TEST_SUITE_P(Dialects, StreamTest, ::testing::Values(Dialect::mysql), testing::dialect_name);

TEST_P(StreamTest, AResultThatTheServerBreaksOffIsNotTakenForWhole) {
  database().read()->execute("CREATE TABLE large (id BIGINT PRIMARY KEY, text TEXT) AS SELECT seq AS id, REPEAT('x', 1000) AS text FROM seq_1_to_30000");
  const auto stream = Stream::open(database());
  const std::int64_t connection = one(*stream, "SELECT CONNECTION_ID()");
  Statement& rows = stream->query("SELECT id, text FROM large");
  ASSERT_TRUE(rows.step());
  database().read()->execute("KILL QUERY " + std::to_string(connection));
  std::int64_t got = 1;
  EXPECT_THROW(while (rows.step()) ++got, Error);
  EXPECT_LT(got, 30'000);
  EXPECT_EQ(one(*stream, "SELECT COUNT(*) FROM large"), 30'000) << "the connection is still good";
}

TEST_P(StreamTest, ASnapshotMayWaitLongerThanTheServerAllowsOthers) {
  struct Restore {
    Session& session;
    std::int64_t before;
    ~Restore() { session.execute("SET GLOBAL idle_transaction_timeout = " + std::to_string(before)); }
  };
  const auto session = database().read();
  const Restore restore{*session, number("SELECT @@GLOBAL.idle_transaction_timeout")};
  session->execute("SET GLOBAL idle_transaction_timeout = 250");
  const auto stream = Stream::open(database(), Stream::Snapshot::consistent);
  EXPECT_EQ(one(*stream, "SELECT CAST(@@idle_transaction_timeout + @@idle_readonly_transaction_timeout + @@max_statement_time AS SIGNED)"), 0);
  EXPECT_EQ(one(*stream, "SELECT @@wait_timeout"), 604'800);
}

TEST_P(StreamTest, RowsAreSentInPiecesThatTheServerTakes) {
  database().read()->execute("CREATE TABLE big (id BIGINT PRIMARY KEY, content LONGBLOB)");
  const std::string content(600'000, 'x');
  const std::int64_t rows = number("SELECT @@max_allowed_packet") / static_cast<std::int64_t>(content.size()) + 2;
  ASSERT_LT(rows, 100) << "a server that takes more than the default has nothing to refuse";
  TableWriter writer(database());
  writer.begin("big", {"id", "content"});
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::string id = std::to_string(i);
    writer.add({id, content});
  }
  writer.end();
  EXPECT_EQ(number("SELECT COUNT(*) FROM big WHERE LENGTH(content) = 600000"), rows);
}

}  // namespace
}  // namespace caravan::storage
