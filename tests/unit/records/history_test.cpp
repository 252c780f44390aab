#include "records/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "records/audit.h"
#include "records/trash.h"
#include "support/gate.h"
#include "support/hook.h"

namespace caravan::records {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using test::Hook;

class History : public test::GateTest {
 protected:
  /// Every call a second later, as times must be told apart.
  Context at(const std::string& role, std::int64_t user) {
    Context context = as(role, user);
    context.now.micros += ++seconds_ * 1'000'000;
    return context;
  }
  AuditReport verify(const std::string& entity = "", std::int64_t record = 0, std::int64_t work = 50'000) {
    AuditQuery query;
    query.entity = entity;
    query.record = record;
    query.work = work;
    AuditReport all;
    do {
      const AuditReport part = audit(database(), catalog, query);
      all.records += part.records;
      all.deleted += part.deleted;
      all.events += part.events;
      all.erased_events += part.erased_events;
      all.older_records += part.older_records;
      all.older_events += part.older_events;
      all.faults.insert(all.faults.end(), part.faults.begin(), part.faults.end());
      query.after = part.next;
      ++parts;
    } while (!query.after.empty());
    return all;
  }
  static std::string told(const AuditReport& report) {
    std::string text;
    for (const auto& fault : report.faults) {
      text += fault.entity + " " + std::to_string(fault.record_id) + " v" + std::to_string(fault.version) + " " + fault.code + " " + fault.what + "\n";
    }
    return text;
  }
  void execute(const std::string& sql) {
    database().transact([&](storage::Session& session) { session.execute(sql); });
  }
  /// An order with four events: created, twice changed, sold.
  Record sold() {
    const Record person = create(at("shop.boss", 12), "shop.person", R"({"name":"王芳"})");
    Record order = create(at("shop.boss", 12), "shop.order",
                          R"({"person":")" + id(person) +
                              R"(","owner":"11","channel":"web","seats":3,"price":"99.10","price_currency":"USD","rate":"1.250","on":"2026-12-20",)"
                              R"("at":"2026-12-20T08:30:00.123456Z","remark":"é 行\n\"x\"","extra":{"a": [1, 2.50, "\u00e9"]},"external_source":"s","external_id":")" +
                              std::to_string(++made_) + "\"}");
    order = change(at("shop.seller", 11), order, R"({"seats":4})");
    order = change(at("shop.seller", 11), order, R"({"remark":null,"seats":5})");
    return steps().run(at("shop.seller", 11), order.entity(), order.id(), "sell", {}, "", std::nullopt);
  }

  int parts = 0;

 private:
  std::int64_t seconds_ = 0;
  int made_ = 0;
};

TEST_P(History, AnUntouchedDatabaseHasNoFaults) {
  const Record order = sold();
  const Context boss = at("shop.boss", 12);
  gate().remove(boss, order.entity(), order.id(), std::nullopt);
  const Record back = gate().restore(at("shop.boss", 12), order.entity(), order.id());
  change(at("shop.boss", 12), back, R"({"seats":7})");
  const Record gone = sold();
  gate().remove(at("shop.boss", 12), gone.entity(), gone.id(), std::nullopt);
  const Record purged = sold();
  Context past = at("shop.boss", 12);
  gate().set_undo_days(0);
  gate().remove(past, purged.entity(), purged.id(), std::nullopt);
  const AuditReport report = verify();
  EXPECT_THAT(report.faults, IsEmpty()) << told(report);
  EXPECT_EQ(report.older_records, 8) << "the users that the test put there by SQL";
  EXPECT_EQ(report.deleted, 2);
  EXPECT_EQ(report.events, 3 * 6 + 3 + 2);
  // In small parts it is the same.
  const int before = parts;
  const AuditReport again = verify("", 0, 3);
  EXPECT_EQ(again.events, report.events);
  EXPECT_EQ(again.records, report.records);
  EXPECT_THAT(again.faults, IsEmpty()) << told(again);
  EXPECT_GT(parts - before, 5);
}

TEST_P(History, ARowOlderThanTheChainIsCountedAndJoinsItWhenItChanges) {
  const Context boss = at("shop.boss", 12);
  create(boss, "shop.person", R"({"name":"A"})");
  execute("UPDATE event SET salt = NULL, commitment = NULL, hash = NULL");
  execute("UPDATE shop_person SET _chain = NULL");
  EXPECT_EQ(verify("shop.person").older_records, 1);
  const Record old = list(boss, "shop.person").items.at(0);
  change(at("shop.boss", 12), old, R"({"tier":"gold"})");
  const AuditReport report = verify("shop.person");
  EXPECT_THAT(report.faults, IsEmpty()) << told(report);
  EXPECT_EQ(report.older_events, 1);
  execute("UPDATE shop_person SET tier = 'none'");
  EXPECT_THAT(verify("shop.person").faults, SizeIs(1));
}

TEST_P(History, EveryTamperingIsFound) {
  struct Tampering {
    const char* name;
    const char* code;
    std::int64_t version;              ///< -1: any
    std::vector<std::string> sql;      ///< {id}: the record's; {person}: another record
  };
  const std::string of = " WHERE entity = 'shop.order' AND record_id = {id} AND version = ";
  const std::string columns = "entity, record_id, version, at, actor_id, actor_name, request_id, source, action, changes, note, salt, commitment, hash";
  const auto copied = [&](const std::string& version, const std::string& hash) {
    return "INSERT INTO event (id, " + columns + ") SELECT id + 1000000, entity, record_id, " + version +
           ", at, actor_id, actor_name, request_id, source, action, changes, note, salt, commitment, " + hash +
           " FROM event WHERE entity = 'shop.order' AND record_id = {id} AND version = 4";
  };
  const std::vector<Tampering> tamperings{
      {"a value of the row", "row_changed", 4, {"UPDATE shop_order SET seats = 99 WHERE id = {id}"}},
      {"an amount", "row_changed", 4, {"UPDATE shop_order SET price = price + 1 WHERE id = {id}"}},
      {"a currency", "row_changed", 4, {"UPDATE shop_order SET price_currency = 'EUR' WHERE id = {id}"}},
      {"a decimal", "row_changed", 4, {"UPDATE shop_order SET rate = NULL WHERE id = {id}"}},
      {"a date", "row_changed", 4, {"UPDATE shop_order SET " + storage::quote(GetParam(), "on") + " = '2026-12-21' WHERE id = {id}"}},
      {"JSON", "row_changed", 4, {"UPDATE shop_order SET extra = '{\"a\":[1,2.5,\"x\"]}' WHERE id = {id}"}},
      {"a flag", "row_changed", 4, {"UPDATE shop_order SET paid = 0 WHERE id = {id}"}},
      {"the state", "row_changed", 4, {"UPDATE shop_order SET state = 'lost' WHERE id = {id}"}},
      {"the owner", "row_changed", 4, {"UPDATE shop_order SET owner = 12 WHERE id = {id}"}},
      {"the number", "row_changed", 4, {"UPDATE shop_order SET number = 'ORD-0{id}' WHERE id = {id}"}},
      {"where it came from", "row_changed", 4, {"UPDATE shop_order SET external_id = 'x{id}' WHERE id = {id}"}},
      {"an emptied field filled", "row_changed", 4, {"UPDATE shop_order SET remark = 'x' WHERE id = {id}"}},
      {"the creation's time", "row_changed", 4, {"UPDATE shop_order SET created_at = updated_at WHERE id = {id}"}},
      {"the change's time", "row_changed", 4, {"UPDATE shop_order SET updated_at = created_at WHERE id = {id}"}},
      {"the version up", "event_missing", 5, {"UPDATE shop_order SET version = 5 WHERE id = {id}"}},
      {"the version down", "row_changed", 3, {"UPDATE shop_order SET version = 3 WHERE id = {id}"}},
      {"the row's chain", "event_missing", 5, {"UPDATE shop_order SET _chain = 'x' WHERE id = {id}"}},
      {"the row's chain away", "event_missing", 5, {"UPDATE shop_order SET _chain = NULL WHERE id = {id}"}},
      {"the row away", "row_missing", 4, {"DELETE FROM shop_order WHERE id = {id}"}},
      {"an event's time", "event_changed", 3, {"UPDATE event SET at = (SELECT created_at FROM shop_order WHERE id = {id})" + of + "3"}},
      {"an actor", "event_changed", 2, {"UPDATE event SET actor_id = 12" + of + "2"}},
      {"an actor away", "event_changed", 2, {"UPDATE event SET actor_id = NULL" + of + "2"}},
      {"an actor's name", "event_changed", 2, {"UPDATE event SET actor_name = 'nobody'" + of + "2"}},
      {"a request", "event_changed", 1, {"UPDATE event SET request_id = 'another'" + of + "1"}},
      {"a source", "event_changed", 4, {"UPDATE event SET source = 'cli'" + of + "4"}},
      {"a source away", "event_changed", 4, {"UPDATE event SET source = NULL" + of + "4"}},
      {"an action", "event_changed", 4, {"UPDATE event SET action = 'update'" + of + "4"}},
      {"a note", "event_changed", 4, {"UPDATE event SET note = 'all was well'" + of + "4"}},
      {"what changed", "event_changed", 2, {"UPDATE event SET changes = '{\"seats\":[3,40]}'" + of + "2"}},
      {"what changed, emptied", "event_changed", 2, {"UPDATE event SET changes = '{}'" + of + "2"}},
      {"what changed, away", "content_missing", 2, {"UPDATE event SET changes = NULL" + of + "2"}},
      {"a salt", "event_changed", 2, {"UPDATE event SET salt = 'AAAAAAAAAAAAAAAAAAAAAA'" + of + "2"}},
      {"a salt away", "content_missing", 2, {"UPDATE event SET salt = NULL" + of + "2"}},
      {"a commitment", "event_changed", 2, {"UPDATE event SET commitment = 'x'" + of + "2"}},
      {"a hash", "event_changed", 2, {"UPDATE event SET hash = 'x'" + of + "2"}},
      {"a hash away", "event_added", 2, {"UPDATE event SET hash = NULL" + of + "2"}},
      {"an id", "event_changed", 2, {"UPDATE event SET id = id + 2000000" + of + "2"}},
      {"erased without a word", "content_missing", 2,
       {"UPDATE event SET changes = NULL, note = NULL, actor_name = NULL, salt = NULL" + of + "2"}},
      {"erased by an event that says something else", "content_missing", 2,
       {"UPDATE event SET changes = NULL, note = NULL, actor_name = NULL, salt = NULL, erased_by = id" + of + "2"}},
      {"the first event away", "event_missing", 1, {"DELETE FROM event" + of + "1"}},
      {"an event in the middle away", "event_missing", 2, {"DELETE FROM event" + of + "2"}},
      {"two in the middle away", "event_missing", 2, {"DELETE FROM event" + of + "2", "DELETE FROM event" + of + "3"}},
      {"the middle away and the rest closed up", "event_changed", 2,
       {"DELETE FROM event" + of + "2", "UPDATE event SET version = 2" + of + "3", "UPDATE event SET version = 3" + of + "4"}},
      {"the last event away", "event_missing", 4, {"DELETE FROM event" + of + "4"}},
      {"the last event away and the version back", "event_missing", 4,
       {"DELETE FROM event" + of + "4", "UPDATE shop_order SET version = 3 WHERE id = {id}"}},
      {"all events away", "event_missing", 0, {"DELETE FROM event WHERE entity = 'shop.order' AND record_id = {id}"}},
      {"all events and the chain away", "row_added", 4,
       {"DELETE FROM event WHERE entity = 'shop.order' AND record_id = {id}", "UPDATE shop_order SET _chain = NULL WHERE id = {id}"}},
      {"two swapped", "event_changed", 2,
       {"UPDATE event SET version = 33" + of + "2", "UPDATE event SET version = 2" + of + "3", "UPDATE event SET version = 3" + of + "33"}},
      {"one added at the end", "event_changed", 5, {copied("5", "hash")}},
      {"one added at the end, unchained", "event_added", 5, {copied("5", "NULL")}},
      {"one added in the middle", "event_added", 4, {copied("4", "hash")}},
      {"one added before the first", "event_changed", 0, {copied("0", "hash")}},
      {"one given to another record", "event_missing", 3, {"UPDATE event SET record_id = {person}" + of + "3"}},
      {"all given to another entity", "event_missing", 0, {"UPDATE event SET entity = 'shop.other' WHERE entity = 'shop.order' AND record_id = {id}"}},
  };
  std::map<std::int64_t, const Tampering*> expected;
  std::set<std::int64_t> untouched;
  for (const Tampering& tampering : tamperings) {
    untouched.insert(sold().id());
    const Record order = sold();
    expected[order.id()] = &tampering;
    for (std::string sql : tampering.sql) {
      for (const auto& [place, value] : {std::pair<std::string, std::string>{"{id}", id(order)}, {"{person}", "999999"}}) {
        for (auto found = sql.find(place); found != std::string::npos; found = sql.find(place)) sql.replace(found, place.size(), value);
      }
      execute(sql);
    }
  }
  const AuditReport report = verify();
  std::set<std::int64_t> found;
  for (const auto& fault : report.faults) {
    found.insert(fault.record_id);
    EXPECT_EQ(untouched.count(fault.record_id), 0u) << fault.code << " " << fault.what;
  }
  for (const auto& [record, tampering] : expected) {
    EXPECT_EQ(found.count(record), 1u) << "not found: " << tampering->name;
    bool fits = false;
    std::string said;
    for (const auto& fault : report.faults) {
      if (fault.record_id != record) continue;
      said += fault.code + " v" + std::to_string(fault.version) + ": " + fault.what + "\n";
      fits = fits || (fault.code == tampering->code && (tampering->version < 0 || tampering->version == fault.version));
    }
    EXPECT_TRUE(fits) << tampering->name << " was told as:\n" << said;
  }
}

TEST_P(History, AValueThatWasChangedBehindTheGateIsFoundAlsoWhenItWasChangedAgain) {
  const Record order = sold();
  execute("UPDATE shop_order SET seats = 99 WHERE id = " + id(order));
  change(at("shop.boss", 12), gate().get(at("shop.boss", 12), order.entity(), order.id()), R"({"seats":6})");
  const AuditReport report = verify("shop.order", order.id());
  ASSERT_THAT(report.faults, SizeIs(1)) << told(report);
  EXPECT_EQ(report.faults[0].code, "row_changed");
  EXPECT_EQ(report.faults[0].version, 5);
  EXPECT_THAT(report.faults[0].what, HasSubstr("seats"));
}

TEST_P(History, AHashThatWasMadeAnewBreaksTheNext) {
  const Record order = sold();
  std::string sql;
  {
    auto session = database().read();
    const auto row = [&](int version) -> storage::Statement& {
      storage::Statement& s = session->prepare("SELECT id, hash, at, actor_id, request_id, source, action, changes, note, actor_name, salt FROM event "
                                               "WHERE entity = 'shop.order' AND record_id = ? AND version = ?");
      s.bind(1, order.id());
      s.bind(2, std::int64_t{version});
      EXPECT_TRUE(s.step());
      return s;
    };
    storage::Statement& first = row(1);
    const std::string previous(first.text(1));
    first.reset();
    storage::Statement& s = row(2);
    const std::string request(s.text(4)), source(s.text(5)), action(s.text(6)), name(s.text(9)), salt(s.text(10));
    const std::string forged = commitment(salt, {"{\"seats\":[3,40]}", std::nullopt, name});
    EventFacts facts{previous, s.integer(0), "shop.order", order.id(), 2, *s.value(2, {storage::ColumnType::Kind::instant, 0, 0}).as<Timestamp>(),
                     s.integer(3), request, source, action};
    sql = "UPDATE event SET changes = '{\"seats\":[3,40]}', commitment = '" + forged + "', hash = '" + event_hash(facts, forged) +
          "' WHERE id = " + std::to_string(s.integer(0));
    s.reset();
  }
  execute(sql);
  const AuditReport report = verify("shop.order", order.id());
  ASSERT_FALSE(report.faults.empty());
  EXPECT_EQ(report.faults[0].code + std::to_string(report.faults[0].version), "event_changed3") << told(report);
}

TEST_P(History, WhatBecameOfDeletedRecordsIsChecked) {
  const auto deleted = [&] {
    const Record order = sold();
    gate().remove(at("shop.boss", 12), order.entity(), order.id(), std::nullopt);
    return id(order);
  };
  const std::string fine = deleted();
  std::map<std::string, std::string> expected;
  const auto tamper = [&](const std::string& sql, const std::string& code) {
    const std::string record = deleted();
    std::string text = sql;
    for (auto found = text.find("{id}"); found != std::string::npos; found = text.find("{id}")) text.replace(found, 4, record);
    execute(text);
    expected[record] = code;
  };
  tamper("UPDATE deleted_record SET row_json = REPLACE(row_json, '\"seats\":5', '\"seats\":50') WHERE record_id = {id}", "deleted_changed");
  tamper("UPDATE deleted_record SET row_json = REPLACE(row_json, '99.10', '9.10') WHERE record_id = {id}", "deleted_changed");
  tamper("UPDATE deleted_record SET row_json = 'x' WHERE record_id = {id}", "deleted_changed");
  tamper("UPDATE deleted_record SET chain = 'x' WHERE record_id = {id}", "deleted_changed");
  tamper("UPDATE deleted_record SET version = 9 WHERE record_id = {id}", "deleted_changed");
  tamper("DELETE FROM event WHERE record_id = {id} AND action = 'delete'", "deleted_changed");
  tamper("DELETE FROM event WHERE record_id = {id}", "deleted_changed");
  tamper("INSERT INTO shop_order (id, version, created_at, updated_at) SELECT record_id, 6, deleted_at, deleted_at FROM deleted_record "
         "WHERE record_id = {id}", "row_added");
  const AuditReport report = verify("shop.order");
  std::map<std::string, std::set<std::string>> found;
  for (const auto& fault : report.faults) found[std::to_string(fault.record_id)].insert(fault.code);
  for (const auto& [record, code] : expected) EXPECT_EQ(found[record].count(code), 1u) << code << "\n" << told(report);
  EXPECT_EQ(found.count(fine), 0u) << told(report);
}

TEST_P(History, ErasedContentKeepsTheChainValid) {
  const Record order = sold();
  Context admin = at("core.administrator", 1);
  EXPECT_EQ(refusal([&] {
              gate().transact(at("shop.boss", 12), [&](Work& work) { work.erase_history(order.entity(), order.id(), "asked"); });
            }).code(), ErrorCode::forbidden);
  gate().transact(admin, [&](Work& work) { work.erase_history(order.entity(), order.id(), "asked by the person"); });
  change(at("shop.boss", 12), gate().get(admin, order.entity(), order.id()), R"({"seats":8})");
  AuditReport report = verify("shop.order", order.id());
  EXPECT_THAT(report.faults, IsEmpty()) << told(report);
  EXPECT_EQ(report.erased_events, 4);
  const auto events = gate().timeline(admin, order.entity(), order.id(), 0, 50);
  ASSERT_EQ(events.size(), 6u);
  EXPECT_EQ(events[1].action, "erase");
  EXPECT_EQ(events[1].note, "asked by the person");
  EXPECT_EQ(events[5].changes, "");
  EXPECT_EQ(events[5].actor_id, 12);
  execute("UPDATE event SET actor_id = 11 WHERE record_id = " + id(order) + " AND version = 1");
  report = verify("shop.order", order.id());
  EXPECT_THAT(report.faults, SizeIs(1)) << told(report);
}

TEST_P(History, EffectsSayWhatOrderedThem) {
  const Record order = sold();
  const auto page = list(as("shop.boss", 12), "shop.person");
  const Record& follow_up = page.items.at(0);
  ASSERT_THAT(text(follow_up, "name"), HasSubstr("Follow"));
  const auto events = gate().timeline(as("shop.boss", 12), follow_up.entity(), follow_up.id(), 0, 50);
  EXPECT_EQ(events.at(0).source, "effect shop.order.sell.follow_up");
  EXPECT_EQ(gate().timeline(as("shop.boss", 12), order.entity(), order.id(), 0, 50).at(0).source, "api");
}

/// Does something at one point.
TEST_P(History, WhatAHookDoesToTheRecordAfterwardsIsInTheAnswer) {
  const auto tag = [](const char* value) {
    return [value](HookCall& call) {
      if (call.record[call.record.entity().field("code")->slot].same_as(expr::Value(std::string(value) + std::to_string(call.record.id())))) return;
      call.work.update(call.record.entity(), call.record.id(),
                       {{call.record.entity().field("code"), expr::Value(std::string(value) + std::to_string(call.record.id()))}}, std::nullopt);
    };
  };
  const Context boss = as("shop.boss", 12);
  const std::string person = id(create(boss, "shop.person", R"({"name":"A"})"));
  gate().set_hooks(std::make_shared<Hook>(HookPoint::after_create, tag("c")));
  Record order = create(boss, "shop.order", R"({"person":")" + person + R"(","seats":1,"owner":"11"})");
  EXPECT_EQ(order.version(), 2);
  EXPECT_EQ(text(order, "code"), "\"c" + id(order) + "\"");
  gate().set_hooks(std::make_shared<Hook>(HookPoint::after_update, tag("u")));
  order = change(boss, order, R"({"seats":2})", order.version());
  EXPECT_EQ(order.version(), 4) << "the answer's version is what the next change must name";
  EXPECT_EQ(text(order, "code"), "\"u" + id(order) + "\"");
  gate().set_hooks(std::make_shared<Hook>(HookPoint::after_transition, tag("t")));
  order = steps().run(as("shop.seller", 11), order.entity(), order.id(), "sell", {}, "", order.version());
  EXPECT_EQ(order.version(), 6);
  EXPECT_EQ(gate().get(boss, order.entity(), order.id()).version(), 6);
  EXPECT_THAT(verify().faults, IsEmpty());
}

TEST_P(History, AHookThatWritesTheRecordBeforeItIsWrittenIsToldSo) {
  const Context boss = as("shop.boss", 12);
  const Record order = sold();
  gate().set_hooks(std::make_shared<Hook>(HookPoint::before_update, [](HookCall& call) {
    static thread_local bool inside = false;
    if (std::exchange(inside, true)) return;
    call.work.update(call.record.entity(), call.record.id(), {{call.record.entity().field("code"), expr::Value("b")}}, std::nullopt);
    inside = false;
  }));
  const auto error = refusal([&] { change(boss, order, R"({"seats":9})"); });
  EXPECT_EQ(error.code(), ErrorCode::internal);
  EXPECT_THAT(error.message(), HasSubstr("before_ hook"));
}

TEST(HistoryHash, PartsCannotRunIntoEachOther) {
  EXPECT_NE(digest({"ab", "c"}), digest({"a", "bc"}));
  EXPECT_NE(commitment("s", {"{}", std::nullopt, ""}), commitment("s", {"{}", "", std::nullopt}));
  EXPECT_EQ(digest({"a"}).size(), 43u);
  std::set<std::string> salts;
  for (int i = 0; i < 1000; ++i) salts.insert(random_salt());
  EXPECT_EQ(salts.size(), 1000u);
}

CARAVAN_ON_BOTH_DATABASES(History);

}  // namespace
}  // namespace caravan::records
