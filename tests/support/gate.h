#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "records/codec.h"
#include "records/service.h"
#include "storage/schema.h"
#include "support/definitions.h"
#include "support/test_database.h"
#include "workflow/transitions.h"

namespace caravan::test {

/// The gate over a fresh database with the shop's definitions. Users 1, 11, 12, 13, 22, 33, 44, 55 exist as actors and,
/// where a test names them as owner, as rows of core.user.
class GateTest : public caravan::testing::DialectTest {
 protected:
  void SetUp() override {
    DialectTest::SetUp();
    if (IsSkipped()) return;
    catalog = catalog_of(definitions());
    storage::Database& db = database();
    {
      auto transaction = db.begin();
      storage::apply_schema(*transaction, storage::plan_schema(*transaction, *catalog), false);
      transaction.commit();
    }
    sequences_.emplace(db);
    service_.emplace(db, *sequences_);
    transitions_.emplace(*service_);
    db.transact([&](storage::Session& session) {
      for (const int user : {1, 11, 12, 13, 22, 33, 44, 55}) {
        const std::string n = std::to_string(user);
        storage::Statement& statement = session.prepare(
            "INSERT INTO core_user (id, version, created_at, updated_at, username, name, active) VALUES (?, 1, ?, ?, ?, ?, 1)");
        const storage::ColumnType instant{storage::ColumnType::Kind::instant, 0, 0};
        statement.bind(1, std::int64_t{user});
        statement.bind(2, expr::Value(now), instant);
        statement.bind(3, expr::Value(now), instant);
        statement.bind(4, std::string_view(n));
        statement.bind(5, std::string_view(n));
        statement.step();
        statement.reset();
      }
    });
    // Ids of records stay clear of the users' own.
    sequences_->refill("record");
    for (int i = 0; i < 60; ++i) sequences_->next("record");
  }
  /// Documents of the module `shop`.
  virtual const char* definitions() const { return shop; }
  void TearDown() override {
    transitions_.reset();
    service_.reset();
    sequences_.reset();
    DialectTest::TearDown();
  }

  records::Context as(const std::string& role, std::int64_t user) const {
    records::Context context;
    context.actor.user_id = user;
    context.actor.username = context.actor.name = "user " + std::to_string(user);
    if (!role.empty()) context.actor.roles = {role};
    context.catalog = catalog;
    context.request_id = "test";
    context.now = now;
    return context;
  }
  records::Record create(const records::Context& context, const char* entity, const std::string& json) {
    const model::Entity& target = *catalog->entity(entity);
    return gate().create(context, target, records::parse_input(*catalog, target, json, context.locale));
  }
  records::Record change(const records::Context& context, const records::Record& record, const std::string& json,
                         std::optional<std::int64_t> version = std::nullopt) {
    return gate().update(context, record.entity(), record.id(),
                          records::parse_input(*catalog, record.entity(), json, context.locale), version);
  }
  records::Page list(const records::Context& context, const char* entity) {
    return gate().list(context, *catalog->entity(entity), {});
  }
  static std::string id(const records::Record& record) { return std::to_string(record.id()); }
  static std::string text(const records::Record& record, const char* field) {
    std::string out;
    const model::Field& found = *record.entity().field(field);
    records::write_value(out, found, record[found.slot]);
    return out;
  }
  template <class Call>
  static Error refusal(Call call) {
    try {
      call();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was refused";
    return Error(ErrorCode::internal, "nothing was refused", {{"", "", ""}});
  }

  std::shared_ptr<const model::Catalog> catalog;
  const Timestamp now = *parse_timestamp("2026-11-21T10:00:00Z");

 private:
  std::optional<storage::Sequences> sequences_;
  std::optional<records::RecordService> service_;
  std::optional<workflow::Transitions> transitions_;

 protected:
  records::RecordService& gate() { return *service_; }
  workflow::Transitions& steps() { return *transitions_; }
  storage::Sequences& sequences() { return *sequences_; }
};

}  // namespace caravan::test

/// Runs the fixture's tests on SQLite and on MariaDB.
#define CARAVAN_ON_BOTH_DATABASES(Fixture) \
  INSTANTIATE_TEST_SUITE_P(Databases, Fixture, caravan::testing::both_dialects(), caravan::testing::dialect_name)
