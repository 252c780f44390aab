#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "storage/database.h"
#include "storage/query.h"

namespace caravan::testing {

/// A fresh, empty database for one test: SQLite in a new directory, or a schema of its own on the server that
/// CARAVAN_TEST_MYSQL_URL names. Both are removed by the destructor (open Databases must be gone by then).
class TestDatabase {
 public:
  /// Empty where the dialect can be tested here; else the reason, for GTEST_SKIP.
  static std::string why_not(storage::Dialect dialect) {
    if (dialect == storage::Dialect::sqlite || std::getenv("CARAVAN_TEST_MYSQL_URL")) return {};
    return "CARAVAN_TEST_MYSQL_URL is not set: no MariaDB to test on";
  }

  explicit TestDatabase(storage::Dialect dialect) {
    static std::atomic<int> count{0};
    const std::string unique = std::to_string(::getpid()) + "_" + std::to_string(++count);
    if (dialect == storage::Dialect::sqlite) {
      std::string pattern = (std::filesystem::temp_directory_path() / "caravan_test_XXXXXX").string();
      if (!::mkdtemp(pattern.data())) throw std::runtime_error("cannot make a directory for the test's database");
      directory_ = pattern;
      url_ = "sqlite://" + (directory_ / "test.db").string();
      return;
    }
    const std::string server = std::getenv("CARAVAN_TEST_MYSQL_URL");
    schema_ = "caravan_t_" + unique;
    const auto query = server.find('?');
    const auto slash = server.rfind('/', query == std::string::npos ? query : query - 1);
    url_ = server.substr(0, slash + 1) + schema_ + (query == std::string::npos ? "" : server.substr(query));
    server_ = storage::Database::open(server, {.connections = 1});
    server_->read()->execute("DROP DATABASE IF EXISTS " + schema_);
    server_->read()->execute("CREATE DATABASE " + schema_ + " CHARACTER SET utf8mb4");
  }
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;
  ~TestDatabase() {
    try {
      if (server_) server_->read()->execute("DROP DATABASE " + schema_);
      if (!directory_.empty()) std::filesystem::remove_all(directory_);
    } catch (const std::exception& error) {
      ADD_FAILURE() << "the test's database could not be removed: " << error.what();
    }
  }

  const std::string& url() const { return url_; }
  std::unique_ptr<storage::Database> open(const storage::DatabaseOptions& options = {.connections = 8}) const {
    return storage::Database::open(url_, options);
  }

 private:
  std::string url_, schema_;
  std::filesystem::path directory_;
  std::unique_ptr<storage::Database> server_;
};

/// Parameterised fixture: every test runs on both dialects.
/// `class MyTest : public DialectTest {}; TEST_P(MyTest, …) { auto& db = database(); }
///  INSTANTIATE_TEST_SUITE_P(Dialects, MyTest, both_dialects(), dialect_name);`
class DialectTest : public ::testing::TestWithParam<storage::Dialect> {
 protected:
  void SetUp() override {
    if (const std::string reason = TestDatabase::why_not(GetParam()); !reason.empty()) GTEST_SKIP() << reason;
    test_database_ = std::make_unique<TestDatabase>(GetParam());
    database_ = test_database_->open();
  }
  void TearDown() override {
    database_.reset();
    test_database_.reset();
  }

  storage::Database& database() { return *database_; }
  const std::string& url() const { return test_database_->url(); }
  bool on_sqlite() const { return GetParam() == storage::Dialect::sqlite; }
  /// Closes and opens again, as a restart does.
  void reopen() {
    database_.reset();
    database_ = test_database_->open();
  }
  void close() { database_.reset(); }
  /// The first cell of a query; 0 where there is none or it is empty.
  std::int64_t number(const std::string& sql) {
    auto session = database().read();
    storage::Query query(*session, sql);
    return query.next() ? query.integer(0) : 0;
  }

 private:
  std::unique_ptr<TestDatabase> test_database_;
  std::unique_ptr<storage::Database> database_;
};

inline auto both_dialects() { return ::testing::Values(storage::Dialect::sqlite, storage::Dialect::mysql); }
inline std::string dialect_name(const ::testing::TestParamInfo<storage::Dialect>& info) {
  return info.param == storage::Dialect::sqlite ? "sqlite" : "mysql";
}

}  // namespace caravan::testing
