#include "records/seal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "records/aggregate.h"
#include "records/audit.h"
#include "records/looks.h"
#include "records/outbox.h"
#include "storage/query.h"
#include "support/fake_clock.h"
#include "support/gate.h"

namespace caravan::records {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* plain_definitions = R"(
kind: entity
name: person
label: Person
title: name
fields:
  name: {type: text, max: 100, required: true}
  passport: {type: text, max: 30, right: masked}
  extra: {type: json}
---
kind: role
name: clerk
grants: {shop.person: {read: true, create: true, update: true, delete: true}}
fields: {shop.person: {passport: write}}
---
kind: role
name: reader
grants: {shop.person: {read: true, create: false, update: false, delete: false}}
---
kind: role
name: holder
grants: {shop.person: {read: "record.passport == 'E1234567'", create: false, update: false, delete: false}}
fields: {shop.person: {passport: read}}
)";

std::string sealed_definitions() {
  std::string text = plain_definitions;
  const std::string word = "max: 30, ";
  text.replace(text.find(word), word.size(), "max: 30, sensitive: true, ");
  return text + "---\nkind: entity\nname: visa\nlabel: Visa\nfields:\n  person: {type: ref, to: shop.person}\n"
                "  code: {type: text, max: 30, sensitive: true, right: masked}\nunique: {code: [code]}\n";
}

std::filesystem::path fresh_file(const std::string& name) {
  auto file = std::filesystem::temp_directory_path() / ("caravan-keys-" + std::to_string(::getpid()) + "-" + name);
  std::filesystem::remove(file);
  return file;
}

class Sealed : public test::GateTest {
 protected:
  void SetUp() override {
    text_ = sealed_definitions();
    GateTest::SetUp();
    if (IsSkipped()) return;
    file_ = fresh_file(std::to_string(++number_));
    Keys::create(file_);
    give(catalog);
  }
  void TearDown() override {
    std::filesystem::remove(file_);
    GateTest::TearDown();
  }
  const char* definitions() const override { return text_.c_str(); }
  void give(const std::shared_ptr<const model::Catalog>& to) {
    keys_ = std::make_shared<const Keys>(file_);
    std::const_pointer_cast<model::Catalog>(to)->keys = keys_;
    database().transact([&](storage::Session& session) { check_keys(session, *keys_, now); });
  }
  const model::Entity& people() { return *catalog->entity("shop.person"); }
  Record person(const std::string& passport, const std::string& more = "") {
    return create(as("shop.clerk", 11), "shop.person", R"({"name":"A","passport":")" + passport + "\"" + more + "}");
  }
  std::vector<std::int64_t> found(const std::string& filter, const std::string& role = "shop.clerk") {
    ListQuery query;
    query.filter = filter;
    query.sort = "id";
    std::vector<std::int64_t> ids;
    for (const Record& record : gate().list(as(role, 12), people(), query).items) ids.push_back(record.id());
    return ids;
  }
  std::string value(const std::string& sql) {
    auto session = database().read();
    storage::Query query(*session, sql);
    return query.next() ? query.text(0) : "nothing";
  }
  /// Everything that the database's tables hold.
  std::string dump() {
    std::string all;
    auto session = database().read();
    for (const char* part : {"SELECT passport, passport_hash, name FROM shop_person", "SELECT changes, salt, commitment FROM event",
                             "SELECT row_json, title, number FROM deleted_record", "SELECT payload, last_error, kind FROM job",
                             "SELECT reply, fingerprint, key_hash FROM idempotency_key", "SELECT fields, entity, username FROM record_look"}) {
      storage::Query query(*session, part);
      while (query.next()) all += query.text(0) + "\n" + query.text(1) + "\n" + query.text(2) + "\n";
    }
    return all;
  }
  std::size_t faults() { return audit(database(), catalog, {}).faults.size(); }

  std::string text_;
  std::filesystem::path file_;
  std::shared_ptr<const Keys> keys_;
  static inline int number_ = 0;
};

TEST_P(Sealed, LiesSealedAndIsReadInTheClear) {
  const Record made = person("E1234567");
  EXPECT_EQ(text(made, "passport"), "\"E1234567\"");
  EXPECT_EQ(text(gate().get(as("shop.clerk", 12), people(), made.id()), "passport"), "\"E1234567\"");
  EXPECT_THAT(value("SELECT passport FROM shop_person"), ::testing::StartsWith("v1:" + keys_->current() + ":"));
  std::string json;
  gate().list_json(as("shop.clerk", 12), people(), {}, {}, json);
  EXPECT_THAT(json, HasSubstr("\"passport\":\"E1234567\""));
  json.clear();
  gate().list_json(as("shop.reader", 13), people(), {}, {}, json);
  EXPECT_THAT(json, HasSubstr("\"passport\":\"******67\"")) << "masked as without a seal";
  EXPECT_EQ(text(gate().get(as("shop.reader", 13), people(), made.id()), "passport"), "\"******67\"");
  change(as("shop.clerk", 12), made, R"({"passport":"G7654321"})");
  const auto events = gate().timeline(as("shop.clerk", 12), people(), made.id(), 0, 10);
  EXPECT_EQ(events.at(0).changes, R"({"passport":["E1234567","G7654321"]})");
  EXPECT_THAT(gate().timeline(as("shop.reader", 13), people(), made.id(), 0, 10).at(0).changes, Not(HasSubstr("E1234567")));
  gate().remove(as("shop.clerk", 12), people(), made.id(), std::nullopt);
  EXPECT_THAT(dump(), Not(::testing::AnyOf(HasSubstr("E1234567"), HasSubstr("G7654321"))));
  EXPECT_EQ(faults(), 0u);
  EXPECT_EQ(text(gate().restore(as("shop.clerk", 12), people(), made.id()), "passport"), "\"G7654321\"");
  EXPECT_EQ(faults(), 0u);
  Context administrator = as("core.administrator", 1);
  gate().transact(administrator, [&](Work& work) { work.erase_history(people(), made.id(), "asked for"); });
  EXPECT_EQ(faults(), 0u);
}

TEST_P(Sealed, IsFoundByEqualityAlone) {
  const auto a = person("E1234567").id(), b = person("G7654321").id();
  const auto c = create(as("shop.clerk", 11), "shop.person", R"({"name":"B"})").id();
  EXPECT_THAT(found("record.passport == \"E1234567\""), ElementsAre(a));
  EXPECT_THAT(found("record.passport == \"e1234567\""), ElementsAre());
  EXPECT_THAT(found("record.passport != \"E1234567\""), ElementsAre(b, c)) << "an empty field is not equal";
  EXPECT_THAT(found("record.passport in [\"E1234567\", \"G7654321\", \"x\"]"), ElementsAre(a, b));
  EXPECT_THAT(found("\"E1234567\" == record.passport || record.passport == null"), ElementsAre(a, c));
  EXPECT_THAT(found("has(record.passport)"), ElementsAre(a, b));
  EXPECT_THAT(found("", "shop.holder"), ElementsAre(a)) << "a role's rule asks by the hash, too";
  for (const char* filter : {"record.passport > \"E\"", "record.passport.startsWith(\"E\")", "size(record.passport) == 8", "record.passport == record.name",
                             "record.passport.matches(\"E.*\")"}) {
    EXPECT_EQ(refusal([&] { found(filter); }).code(), ErrorCode::invalid_argument) << filter;
  }
  EXPECT_EQ(refusal([&] { found("record.passport == \"E1234567\"", "shop.reader"); }).code(), ErrorCode::forbidden) << "masked: it would tell";
  ListQuery sorted;
  sorted.sort = "passport";
  EXPECT_THAT(refusal([&] { gate().list(as("shop.clerk", 11), people(), sorted); }).message(), HasSubstr("sealed"));
  AggregateQuery grouped;
  grouped.group = "passport";
  EXPECT_THAT(refusal([&] { gate().aggregate(as("shop.clerk", 11), people(), grouped); }).message(), HasSubstr("sealed"));
  grouped.group.clear();
  grouped.measure = "count_distinct:passport";
  EXPECT_THAT(refusal([&] { gate().aggregate(as("shop.clerk", 11), people(), grouped); }).message(), HasSubstr("sealed"));
}

TEST_P(Sealed, AUniqueKeyHolds) {
  const Context administrator = as("core.administrator", 1);
  create(administrator, "shop.visa", R"({"code":"V1"})");
  const Error error = refusal([&] { create(administrator, "shop.visa", R"({"code":"V1"})"); });
  EXPECT_EQ(error.code(), ErrorCode::conflict);
  EXPECT_EQ(error.fields().at(0).field, "code");
  create(administrator, "shop.visa", R"({"code":"V2"})");
}

TEST_P(Sealed, AValueCannotBeMovedOrForged) {
  const auto a = person("E1234567"), b = person("G7654321");
  const auto with = [&](const std::string& sql) { database().transact([&](storage::Session& session) { session.execute(sql); }); };
  const std::string mine = value("SELECT passport FROM shop_person WHERE id = " + id(a));
  with("UPDATE shop_person SET passport = '" + mine + "' WHERE id = " + id(b));
  EXPECT_EQ(refusal([&] { gate().get(as("shop.clerk", 11), people(), b.id()); }).code(), ErrorCode::internal);
  EXPECT_EQ(faults(), 1u);
  with("UPDATE shop_person SET passport = 'E1234567' WHERE id = " + id(b));
  EXPECT_THAT(refusal([&] { gate().get(as("shop.clerk", 11), people(), b.id()); }).message(), HasSubstr("not sealed"));
  EXPECT_EQ(faults(), 1u);
}

TEST_P(Sealed, RotationResealsEverything) {
  const auto a = person("E1234567"), gone = person("G7654321");
  change(as("shop.clerk", 11), a, R"({"name":"B"})");
  gate().remove(as("shop.clerk", 11), people(), gone.id(), std::nullopt);
  const std::string old = keys_->current(), next = keys_->add(true);
  database().transact([&](storage::Session& session) { check_keys(session, *keys_, now); });
  EXPECT_EQ(text(gate().get(as("shop.clerk", 11), people(), a.id()), "passport"), "\"E1234567\"") << "old values are read all the time";
  auto uses = [&](const std::string& key) { return key_uses(*database().read(), *catalog, key); };
  EXPECT_EQ(uses(old), 5) << "a row, three events, a deleted record";
  std::string after;
  int parts = 0;
  do after = reseal(database(), *catalog, after, 1).next, ++parts;
  while (!after.empty() && parts < 50);
  EXPECT_GT(parts, 1) << "a part at a time";
  EXPECT_EQ(uses(old), 0);
  EXPECT_EQ(uses(next), 5);
  EXPECT_EQ(reseal(database(), *catalog, "").values, 0);
  EXPECT_EQ(faults(), 0u);
  EXPECT_THAT(dump(), Not(HasSubstr("v1:" + old)));
  EXPECT_THAT(found("record.passport == \"E1234567\""), ElementsAre(a.id()));
  keys_->remove(old);
  EXPECT_EQ(text(gate().restore(as("shop.clerk", 11), people(), gone.id()), "passport"), "\"G7654321\"");
  EXPECT_EQ(refusal([&] { keys_->remove(next); }).code(), ErrorCode::conflict) << "the current one";
}

TEST_P(Sealed, LooksAreLogged) {
  const auto a = person("E1234567");
  const auto empty = create(as("shop.clerk", 11), "shop.person", R"({"name":"B"})");
  const auto looks = [&](LookQuery query = {}) { return find_looks(*database().read(), query); };
  ASSERT_EQ(looks().size(), 1u) << "the answer to its creation shows it";
  gate().get(as("shop.reader", 13), people(), a.id());
  std::string json;
  gate().list_json(as("shop.reader", 13), people(), {}, {}, json);
  EXPECT_EQ(looks().size(), 1u) << "masked values are none";
  gate().get(as("shop.clerk", 12), people(), a.id());
  gate().get(as("shop.clerk", 12), people(), empty.id());
  gate().list_json(as("shop.clerk", 12), people(), {}, {}, json);
  gate().list_json(as("shop.clerk", 12), people(), {}, {{people().field("name")->slot}, {}}, json);
  const auto all = looks();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].record_id, a.id());
  EXPECT_EQ(all[0].fields, "passport");
  EXPECT_EQ(all[0].user_id, 12);
  EXPECT_EQ(all[0].request_id, "test");
  EXPECT_EQ(looks({"shop.person", a.id(), 11, 0, 50}).size(), 1u);
  EXPECT_EQ(looks({"shop.person", empty.id(), 0, 0, 50}).size(), 0u);
  EXPECT_EQ(looks({"", 0, 0, all[1].id, 50}).size(), 1u);
  database().transact([&](storage::Session& session) {
    EXPECT_EQ(purge_looks(session, now, 365), 0);
    EXPECT_EQ(purge_looks(session, Timestamp{now.micros + 366 * 86'400'000'000, 0}, 365), 3);
  });
}

TEST_P(Sealed, WhatIsToldOfADeletedRecordIsInTheClear) {
  struct Hook final : Hooks {
    mutable std::string seen;
    bool any(HookPoint point, const model::Entity& entity) const override { return point == HookPoint::after_commit && entity.full_name == "shop.person"; }
    void run(HookPoint, HookCall& call) const override { seen = call.event->action + " " + text(call.record, "passport"); }
  };
  caravan::testing::FakeClock clock;
  clock.set(now);
  const auto hook = std::make_shared<Hook>();
  gate().set_hooks(hook);
  jobs::QueueOptions options;
  options.database_time = false;
  jobs::Queue queue(database(), clock, options);
  EventDelivery delivery(gate(), [this] { return catalog; }, clock);
  queue.handle_batch(outbox_kind, [&](std::span<jobs::Attempt* const> attempts) { delivery(attempts); });
  Context clerk = as("shop.clerk", 11);
  clerk.now = clock.now();
  const Record made = person("E1234567");
  gate().remove(clerk, made.entity(), made.id(), std::nullopt);
  EXPECT_EQ(queue.drain(), 2);
  EXPECT_EQ(hook->seen, "delete \"E1234567\"");
}

TEST_P(Sealed, AnotherKeyFileIsRefused) {
  person("E1234567");
  const auto other = fresh_file("other");
  Keys::create(other);
  const Error error = refusal([&] { database().transact([&](storage::Session& session) { check_keys(session, Keys(other), now); }); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
  EXPECT_THAT(error.message(), HasSubstr(other.string()));
  ::chmod(other.c_str(), 0644);
  EXPECT_THAT(refusal([&] { Keys{other}; }).message(), HasSubstr("open to others"));
  std::filesystem::remove(other);
  EXPECT_THAT(refusal([&] { Keys{other}; }).message(), HasSubstr("missing"));
}

TEST_P(Sealed, AUsersOwnJsonIsNotTakenForASeal) {
  const auto made = person("E1234567", R"(,"extra":{"$sealed":"v1:x:y"})");
  EXPECT_EQ(gate().timeline(as("shop.clerk", 11), people(), made.id(), 0, 10).size(), 1u);
  gate().remove(as("shop.clerk", 11), people(), made.id(), std::nullopt);
  EXPECT_EQ(text(gate().restore(as("shop.clerk", 11), people(), made.id()), "extra"), R"({"$sealed":"v1:x:y"})");
  EXPECT_EQ(faults(), 0u);
}

CARAVAN_ON_BOTH_DATABASES(Sealed);

/// Values that were there before the field became sensitive.
class BecomesSensitive : public Sealed {
 protected:
  void SetUp() override {
    text_ = plain_definitions;
    GateTest::SetUp();
  }
};

TEST_P(BecomesSensitive, WhatIsStoredIsSealedAndOpenedAgain) {
  std::vector<Record> made;
  for (int i = 0; i < 250; ++i) made.push_back(person("E" + std::to_string(1000000 + i)));
  change(as("shop.clerk", 11), made[0], R"({"passport":"v1:k:not sealed at all"})");
  gate().remove(as("shop.clerk", 11), people(), made[1].id(), std::nullopt);
  EXPECT_THAT(value("SELECT changes FROM event WHERE record_id = " + id(made[1])), HasSubstr("E1000001"));

  file_ = fresh_file("turn");
  Keys::create(file_);
  const auto before = catalog;
  catalog = test::catalog_of(sealed_definitions());
  storage::update_schema(database(), *catalog);
  give(catalog);
  EXPECT_GT(seal_stored(database(), *catalog, now), 500);
  EXPECT_EQ(seal_stored(database(), *catalog, now), 0) << "once";
  EXPECT_THAT(dump(), Not(::testing::AnyOf(HasSubstr("E1000001"), HasSubstr("E1000200"), HasSubstr("not sealed at all"))));
  EXPECT_EQ(faults(), 0u);
  EXPECT_THAT(found("record.passport == \"E1000249\""), ElementsAre(made[249].id()));
  EXPECT_EQ(text(gate().get(as("shop.clerk", 11), people(), made[0].id()), "passport"), "\"v1:k:not sealed at all\"");
  EXPECT_EQ(text(gate().restore(as("shop.clerk", 11), people(), made[1].id()), "passport"), "\"E1000001\"");

  std::const_pointer_cast<model::Catalog>(before)->keys = keys_;
  catalog = before;
  EXPECT_EQ(seal_stored(database(), *catalog, now), 250);
  EXPECT_EQ(text(gate().get(as("shop.clerk", 11), people(), made[7].id()), "passport"), "\"E1000007\"");
  EXPECT_EQ(faults(), 0u) << "the history stays sealed, and is read all the same";
  EXPECT_THAT(gate().timeline(as("shop.clerk", 11), people(), made[7].id(), 0, 10).at(0).changes, HasSubstr("E1000007"));
}

CARAVAN_ON_BOTH_DATABASES(BecomesSensitive);

}  // namespace
}  // namespace caravan::records
