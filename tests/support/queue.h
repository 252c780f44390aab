#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "jobs/queue.h"
#include "storage/schema.h"
#include "storage/sequence.h"
#include "support/fake_clock.h"
#include "support/test_database.h"

namespace caravan::test {

/// A fresh database with the core's own tables, and a clock that is moved by hand.
class QueueTest : public caravan::testing::DialectTest {
 protected:
  void SetUp() override {
    DialectTest::SetUp();
    if (IsSkipped()) return;
    storage::update_schema(database(), model::Catalog());
    sequences = std::make_unique<storage::Sequences>(database());
    database().transact([](storage::Session& session) {
      session.execute("CREATE TABLE effect (job BIGINT NOT NULL, times BIGINT NOT NULL, PRIMARY KEY (job))");
    });
  }
  void TearDown() override {
    sequences.reset();
    DialectTest::TearDown();
  }

  jobs::QueueOptions options() const {
    jobs::QueueOptions out;
    out.workers = 2;
    out.database_time = false;
    out.poll_milliseconds = 50;
    return out;
  }
  jobs::Queue queue() { return jobs::Queue(database(), clock, options()); }

  /// Adds a job in a transaction of its own; 0 where a waiting one has its key.
  std::int64_t add(const jobs::NewJob& job) {
    const std::int64_t id = sequences->next("job");
    bool added = false;
    database().transact([&](storage::Session& session) { added = jobs::enqueue(session, id, job, clock.now()); });
    return added ? id : 0;
  }
  std::int64_t add(const std::string& kind, int priority = 100) {
    jobs::NewJob job;
    job.kind = kind;
    job.priority = priority;
    return add(job);
  }
  static void count_effect(storage::Session& session, std::int64_t job) {
    storage::Statement& statement = session.prepare(session.dialect() == storage::Dialect::sqlite
                                                        ? "INSERT INTO effect (job, times) VALUES (?, 1) ON CONFLICT (job) DO UPDATE SET times = times + 1"
                                                        : "INSERT INTO effect (job, times) VALUES (?, 1) ON DUPLICATE KEY UPDATE times = times + 1");
    statement.bind(1, job);
    statement.step();
    statement.reset();
  }
  std::int64_t left() { return number("SELECT COUNT(*) FROM job"); }
  std::int64_t effects() { return number("SELECT SUM(times) FROM effect"); }

  caravan::testing::FakeClock clock;
  std::unique_ptr<storage::Sequences> sequences;
};

}  // namespace caravan::test
