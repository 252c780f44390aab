#include "records/outbox.h"

#include <gmock/gmock.h>

#include <optional>
#include <vector>

#include "support/fake_clock.h"
#include "support/gate.h"

namespace caravan::test {
namespace {

using records::HookCall;
using records::HookPoint;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Hooks on orders after the commit, whose work each test says.
struct AfterCommit final : records::Hooks {
  std::function<void(HookCall&)> work;
  bool any(HookPoint point, const model::Entity& entity) const override {
    return point == HookPoint::after_commit && entity.full_name == "shop.order";
  }
  void run(HookPoint point, HookCall& call) const override {
    if (any(point, call.record.entity()) && work) work(call);
  }
};

struct Outbox : GateTest {
  void SetUp() override {
    GateTest::SetUp();
    if (IsSkipped()) return;
    hooks = std::make_shared<AfterCommit>();
    gate().set_hooks(hooks);
    gate().set_wake([this] { ++wakes; });
    jobs::QueueOptions options;
    options.database_time = false;
    options.limits = {{.queue = records::outbox_queue, .at_once = 1, .batch = 64}};
    queue.emplace(database(), clock, options);
    delivery.emplace(gate(), [this] { return catalog; }, clock);
    queue->handle_batch(records::outbox_kind, [this](std::span<jobs::Attempt* const> attempts) { (*delivery)(attempts); });
    person = GateTest::id(create(boss(), "shop.person", R"({"name":"Wang"})"));
  }
  void TearDown() override {
    delivery.reset();
    queue.reset();
    GateTest::TearDown();
  }
  records::Context boss() const {
    auto context = as("shop.boss", 33);
    context.now = clock.now();
    return context;
  }
  records::Record order(const std::string& remark) {
    return create(boss(), "shop.order", R"({"person":")" + person + R"(","seats":2,"price":"10.50","price_currency":"CNY","remark":")" + remark + R"("})");
  }
  std::int64_t left() { return number("SELECT COUNT(*) FROM job"); }
  std::int64_t people() { return number("SELECT COUNT(*) FROM shop_person"); }
  records::Record make_person(HookCall& call, const std::string& name) {
    const model::Entity& entity = *catalog->entity("shop.person");
    return call.work.create(entity, {{entity.field("name"), expr::Value(name)}});
  }

  caravan::testing::FakeClock clock;
  std::shared_ptr<AfterCommit> hooks;
  std::optional<jobs::Queue> queue;
  std::optional<records::EventDelivery> delivery;
  std::string person;
  int wakes = 0;
};

TEST_P(Outbox, TellsWhatHappenedOnceAndInOrder) {
  const auto made = order("first");
  const auto changed = change(boss(), made, R"({"remark":"second"})", 1);
  EXPECT_EQ(wakes, 2);
  EXPECT_EQ(left(), 2) << "the person has no such hook";
  std::vector<std::string> seen;
  hooks->work = [&](HookCall& call) {
    seen.push_back(std::to_string(call.event->version) + " " + call.event->action);
    EXPECT_EQ(call.record.id(), made.id());
    EXPECT_EQ(call.record.version(), 2) << "as it is now";
    EXPECT_EQ(call.event->actor_id, 33);
    EXPECT_EQ(call.event->actor_name, "user 33");
    EXPECT_EQ(call.event->request_id, "test");
    EXPECT_GT(call.event->id, 0);
    EXPECT_THAT(call.event->changes, HasSubstr(call.event->version == 1 ? "first" : "second"));
    EXPECT_TRUE(call.context.actor.system);
    EXPECT_EQ(call.context.source, "job records.after_commit");
    EXPECT_EQ(call.before, nullptr);
  };
  EXPECT_EQ(queue->drain(), 2);
  EXPECT_THAT(seen, ElementsAre("1 create", "2 update"));
  EXPECT_EQ(left(), 0);
}

TEST_P(Outbox, NothingIsToldOfWhatWasRolledBack) {
  EXPECT_ANY_THROW(gate().transact(boss(), [&](records::Work& work) {
    const model::Entity& entity = *catalog->entity("shop.order");
    work.create(entity, records::parse_input(*catalog, entity, R"({"person":")" + person + R"("})", "en"));
    throw Error(ErrorCode::conflict, "no");
  }));
  EXPECT_EQ(left(), 0);
  EXPECT_EQ(wakes, 0);
}

TEST_P(Outbox, WhatTheDatabaseRefusedIsNotTold) {
  const model::Entity& entity = *catalog->entity("shop.order");
  const std::string start = R"({"person":")" + person + R"(","code":)";
  const auto context = boss();
  gate().transact(context, [&](records::Work& work) {
    const auto add = [&](const std::string& text) { work.create(entity, records::parse_input(*catalog, entity, text, context.locale)); };
    add(start + R"("one"})");
    EXPECT_THROW(add(start + R"("one"})"), Error);
    EXPECT_THROW(add(R"({"person":"999999"})"), Error);
    add(start + R"("two"})");
  });
  EXPECT_EQ(left(), 2);
  EXPECT_EQ(number("SELECT COUNT(*) FROM event WHERE entity = 'shop.order'"), 2);
}

TEST_P(Outbox, NamesTheTransition) {
  const auto made = order("x");
  auto seller = boss();
  seller.actor.roles = {"shop.seller", "shop.boss"};
  steps().run(seller, made.entity(), made.id(), "sell", {}, "", std::nullopt);
  std::vector<std::string> seen;
  hooks->work = [&](HookCall& call) { seen.push_back(call.transition ? call.transition->name : "-"); };
  queue->drain();
  EXPECT_THAT(seen, ElementsAre("-", "sell"));
}

TEST_P(Outbox, ADeletedRecordIsToldAsItWas) {
  const auto made = order("last words");
  gate().remove(boss(), made.entity(), made.id(), std::nullopt);
  std::vector<std::string> seen;
  hooks->work = [&](HookCall& call) {
    seen.push_back(call.event->action);
    EXPECT_EQ(call.record.id(), made.id());
    EXPECT_EQ(text(call.record, "remark"), "\"last words\"");
    EXPECT_EQ(text(call.record, "seats"), "2");
    EXPECT_EQ(text(call.record, "price"), "\"10.50\"");
    EXPECT_EQ(text(call.record, "number"), text(made, "number"));
    EXPECT_EQ(call.record.state(), "new");
    EXPECT_EQ(text(call.record, "person"), "\"" + person + "\"");
  };
  EXPECT_EQ(queue->drain(), 2);
  EXPECT_THAT(seen, ElementsAre("create", "delete"));
}

TEST_P(Outbox, WhatTheHookWritesHappensExactlyOnce) {
  order("a");
  const auto before = people();
  std::vector<std::int64_t> ids;
  bool fail = true;
  hooks->work = [&](HookCall& call) {
    ids.push_back(call.event->id);
    make_person(call, "made");
    if (fail) throw Error(ErrorCode::unavailable, "after writing");
  };
  EXPECT_EQ(queue->drain(), 1);
  EXPECT_EQ(people(), before) << "undone with the attempt";
  fail = false;
  clock.advance_seconds(3);
  EXPECT_EQ(queue->drain(), 1);
  EXPECT_EQ(people(), before + 1);
  EXPECT_EQ(left(), 0);
  ASSERT_EQ(ids.size(), 2u);
  EXPECT_EQ(ids[0], ids[1]) << "the key is stable";
  EXPECT_EQ(number("SELECT COUNT(*) FROM event WHERE source = 'job records.after_commit'"), 1);
}

TEST_P(Outbox, AFailingEventHoldsUpItsRecordOnly) {
  const auto bad = order("bad");
  change(boss(), bad, R"({"remark":"worse"})", 1);
  order("good");
  std::vector<std::string> seen;
  bool broken = true;
  hooks->work = [&](HookCall& call) {
    if (broken && call.record.id() == bad.id() && call.event->version == 1) throw Error(ErrorCode::unavailable, "not yet");
    seen.push_back(std::to_string(call.record.id() - bad.id()) + "/" + std::to_string(call.event->version));
  };
  queue->drain();
  EXPECT_THAT(seen, ElementsAre("1/1"));
  broken = false;
  for (int i = 0; i < 5; ++i) {
    clock.advance_seconds(3);
    queue->drain();
  }
  EXPECT_THAT(seen, ElementsAre("1/1", "0/1", "0/2"));
  EXPECT_EQ(left(), 0);
}

TEST_P(Outbox, NoTransactionIsOpenUntilTheHookWrites) {
  const auto made = order("x");
  hooks->work = [&](HookCall& call) {
    // On SQLite there is one writer: this would wait in vain inside a transaction.
    database().transact([](storage::Session& session) { session.execute("UPDATE shop_person SET tier = 'seen'"); });
    EXPECT_EQ(call.work.load(made.entity(), made.id()).version(), 1);
    make_person(call, "then");
    EXPECT_EQ(call.work.load(made.entity(), made.id()).version(), 1);
  };
  EXPECT_EQ(queue->drain(), 1);
  EXPECT_EQ(left(), 0);
  EXPECT_EQ(number("SELECT COUNT(*) FROM shop_person WHERE name = 'then'"), 1);
}

TEST_P(Outbox, TakesAsManyNumbersAsItNeeds) {
  order("x");
  const auto before = people();
  hooks->work = [&](HookCall& call) {
    for (int i = 0; i < 250; ++i) make_person(call, "n" + std::to_string(i));
  };
  EXPECT_EQ(queue->drain(), 1);
  EXPECT_EQ(people(), before + 250);
  EXPECT_EQ(left(), 0);
}

TEST_P(Outbox, WithoutAHookThereIsNoRow) {
  gate().set_hooks(nullptr);
  order("x");
  EXPECT_EQ(left(), 0);
}

CARAVAN_ON_BOTH_DATABASES(Outbox);

}  // namespace
}  // namespace caravan::test
