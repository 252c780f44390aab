#include "workflow/clocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fake_clock.h"
#include "support/gate.h"
#include "storage/query.h"

namespace caravan::workflow {
namespace {

const char* const desk = R"yaml(
kind: choices
name: shop.priority
label: {en: Priority, zh-CN: 优先级}
options: {high: {label: {en: High, zh-CN: 高}}, normal: {label: {en: Normal, zh-CN: 普通}}}
---
kind: entity
name: shop.ticket
label: {en: Ticket, zh-CN: 工单}
fields:
  title: {type: text, max: 40, label: {en: Title, zh-CN: 标题}}
  priority: {type: choice, choices: priority, default: normal, label: {en: Priority, zh-CN: 优先级}}
  answered: {type: bool, default: false, label: {en: Answered, zh-CN: 已答复}}
  warned: {type: int, default: 0, label: {en: Warnings, zh-CN: 提醒次数}}
  level: {type: int, default: 0, label: {en: Level, zh-CN: 级别}}
workflow:
  initial: fresh
  states:
    fresh: {label: {en: New, zh-CN: 新建}, clock: resolve}
    waiting: {label: {en: Waiting, zh-CN: 等待}, category: waiting, clock: resolve}
    closed: {label: {en: Closed, zh-CN: 关闭}, category: done}
  transitions:
    wait: {label: {en: Wait, zh-CN: 等待}, from: fresh, to: waiting}
    resume: {label: {en: Resume, zh-CN: 继续}, from: waiting, to: fresh}
    close: {label: {en: Close, zh-CN: 关闭}, from: [fresh, waiting], to: closed}
    reopen: {label: {en: Reopen, zh-CN: 重开}, from: closed, to: fresh}
---
kind: calendar
name: shop.office
label: {en: Office, zh-CN: 办公室}
time_zone: UTC
hours: {daily: ["08:00-20:00"]}
---
kind: clock
name: shop.answer
label: {en: First answer, zh-CN: 首次答复}
entity: ticket
start: "record.title != null"
stop: "record.answered == true"
within: "record.priority == 'high' ? duration('2h') : duration('4h')"
calendar: office
warn:
  half: {before: 1h, do: {mark: {set: {warned: "record.warned + 1"}}}}
breach:
  late: {do: {mark: {set: {level: "1"}}}}
  boss: {after: 1h, do: {mark: {set: {level: "2"}}}}
---
kind: clock
name: shop.resolve
label: {en: Resolve, zh-CN: 解决}
entity: ticket
pause: "record.state == 'waiting'"
within: 10h
---
kind: role
name: shop.clerk
label: {en: Clerk, zh-CN: 职员}
grants: {ticket: {read: "record.owner == user.id || record.owner == null", create: true, update: true, delete: true}}
)yaml";

class ClockedTickets : public test::GateTest {
 protected:
  const char* definitions() const override { return desk; }
  void SetUp() override {
    GateTest::SetUp();
    if (IsSkipped()) return;
    gate().set_hooks(with_clocks(nullptr));
    jobs::QueueOptions options;
    options.database_time = false;
    queue = std::make_unique<jobs::Queue>(database(), clock, options);
    in_use = catalog;
    clocks = std::make_unique<Clocks>(gate(), [this] { return in_use; }, [this] { return clock.now(); });
    queue->handle(clock_timer_kind, [this](jobs::Attempt& attempt) { clocks->timer(attempt); });
    queue->handle(clock_action_kind, [this](jobs::Attempt& attempt) { clocks->action(attempt); });
    queue->handle(clock_plan_kind, [this](jobs::Attempt& attempt) { clocks->plan(attempt); });
    entity = catalog->entity("shop.ticket");
  }
  void TearDown() override {
    queue.reset();
    GateTest::TearDown();
  }
  records::Context clerk() {
    auto context = as("shop.clerk", 11);
    context.catalog = in_use;
    context.now = clock.now();
    return context;
  }
  records::Record ticket(const char* json = R"({"title":"A"})") { return create(clerk(), "shop.ticket", json); }
  records::Record now(const records::Record& record) { return gate().get(clerk(), *in_use->entity("shop.ticket"), record.id()); }
  records::Record edit(const records::Record& record, const char* json) { return change(clerk(), now(record), json); }
  void step(const records::Record& record, const char* name) {
    steps().run(clerk(), *in_use->entity("shop.ticket"), record.id(), name, {}, {}, std::nullopt);
  }
  void advance(double hours) {
    clock.advance_seconds(hours * 3600);
    queue->drain();
  }
  ClockInfo look(const records::Record& record, std::string_view name) {
    for (auto& one : clocks_of(gate(), clerk(), *in_use->entity("shop.ticket"), record.id())) {
      if (one.rule->name == name) return std::move(one);
    }
    ADD_FAILURE() << "no clock " << name;
    return {};
  }
  std::string due_of(const records::Record& record, std::string_view name) {
    const auto at = look(record, name).due;
    return at ? format_timestamp(*at).substr(5, 11) : "none";
  }
  std::string marks(const records::Record& record) { return text(now(record), "warned") + "/" + text(now(record), "level"); }

  testing::FakeClock clock;  // 2026-03-02T08:00:00Z, a Monday
  std::unique_ptr<jobs::Queue> queue;
  std::unique_ptr<Clocks> clocks;
  std::shared_ptr<const model::Catalog> in_use;
  const model::Entity* entity = nullptr;
};

TEST_P(ClockedTickets, WarningBreachAndEscalationHappenOnceEachInTheirTime) {
  const auto record = ticket();
  EXPECT_EQ(due_of(record, "shop.answer"), "03-02T12:00");
  EXPECT_EQ(due_of(record, "shop.resolve"), "03-02T18:00") << "two clocks at once; every hour counts where no calendar is named";
  advance(2.9);
  EXPECT_EQ(marks(record), "0/0");
  advance(0.1);
  EXPECT_EQ(marks(record), "1/0");
  advance(0.9);
  EXPECT_EQ(look(record, "shop.answer").breached_at, std::nullopt);
  advance(0.1);
  EXPECT_EQ(marks(record), "1/1");
  EXPECT_EQ(format_timestamp(*look(record, "shop.answer").breached_at), "2026-03-02T12:00:00Z");
  advance(1);
  EXPECT_EQ(marks(record), "1/2");
  for (int i = 0; i < 5; ++i) advance(10);
  EXPECT_EQ(marks(record), "1/2");
  const auto event = gate().timeline(clerk(), *entity, record.id(), 0, 1).front();
  EXPECT_EQ(event.source, "clock shop.answer.boss");
  EXPECT_EQ(event.actor_id, 0);
}

TEST_P(ClockedTickets, WhatIsMetInTimeBreachesNothing) {
  const auto record = ticket();
  advance(1);
  edit(record, R"({"answered":true})");
  EXPECT_EQ(look(record, "shop.answer").run.state(), ClockState::met);
  EXPECT_EQ(look(record, "shop.answer").elapsed, std::int64_t{3600} * 1'000'000);
  for (int i = 0; i < 4; ++i) advance(3);
  EXPECT_EQ(marks(record), "0/0");
  EXPECT_EQ(look(record, "shop.answer").breached_at, std::nullopt);
}

TEST_P(ClockedTickets, WhatWasBreachedIsActedOnAlsoWhereItIsMetBeforeAnybodyLooked) {
  const auto late = ticket(), later = ticket(), in_time = ticket();
  clock.advance_seconds(4 * 3600);
  edit(in_time, R"({"answered":true})");
  clock.advance_seconds(1800);
  edit(late, R"({"answered":true})");
  clock.advance_seconds(1800);
  edit(later, R"({"answered":true})");
  queue->drain();
  EXPECT_EQ(marks(in_time), "0/0") << "met at the due time is in time";
  EXPECT_EQ(marks(late), "0/1") << "who is done needs no warning";
  EXPECT_EQ(marks(later), "0/2");
  queue->drain();
  EXPECT_EQ(marks(later), "0/2");
}

TEST_P(ClockedTickets, ManyMissedTimesAreMadeUpInOrder) {
  const auto record = ticket();
  advance(9);  // the server was away
  EXPECT_EQ(marks(record), "1/2");
}

TEST_P(ClockedTickets, AChangeOfPriorityPlansAnewAndKeepsThePauses) {
  const auto record = ticket();
  advance(1);
  step(record, "wait");
  EXPECT_EQ(look(record, "shop.resolve").run.state(), ClockState::paused);
  EXPECT_EQ(due_of(record, "shop.resolve"), "none");
  advance(5);
  step(record, "resume");
  EXPECT_EQ(due_of(record, "shop.resolve"), "03-02T23:00") << "five hours later";
  const auto other = ticket(R"({"title":"B","priority":"high"})");
  EXPECT_EQ(due_of(other, "shop.answer"), "03-02T16:00");
  edit(other, R"({"priority":"normal"})");
  EXPECT_EQ(due_of(other, "shop.answer"), "03-02T18:00");
  advance(2);
  EXPECT_EQ(look(other, "shop.answer").breached_at, std::nullopt) << "the old timer finds that there is more time";
  edit(other, R"({"priority":"high"})");
  EXPECT_TRUE(look(other, "shop.answer").breached_at) << "no time is left by the shorter limit";
  advance(0);
  EXPECT_EQ(text(now(other), "level"), "1");
}

TEST_P(ClockedTickets, AReopenedRecordBeginsAnew) {
  const auto record = ticket();
  advance(1);
  step(record, "close");
  EXPECT_EQ(look(record, "shop.resolve").run.state(), ClockState::met);
  advance(20);
  step(record, "reopen");
  const auto again = look(record, "shop.resolve");
  EXPECT_EQ(again.run.state(), ClockState::running);
  EXPECT_EQ(again.number, 2);
  EXPECT_EQ(again.elapsed, 0);
}

TEST_P(ClockedTickets, OnlyWhoMayReadTheRecordSeesItsClocks) {
  const auto record = ticket(R"({"title":"A","owner":"11"})");
  EXPECT_EQ(clocks_of(gate(), clerk(), *entity, record.id()).size(), 2u);
  EXPECT_EQ(refusal([&] { clocks_of(gate(), as("shop.clerk", 33), *entity, record.id()); }).code(), ErrorCode::not_found);
}

TEST_P(ClockedTickets, ADeletedRecordsClocksStandStillAndGoOnWhenItIsRestored) {
  const auto record = ticket();
  gate().remove(clerk(), *entity, record.id(), std::nullopt);
  advance(3);
  gate().restore(clerk(), *entity, record.id());
  queue->drain();
  EXPECT_EQ(marks(record), "1/0") << "the warning that was missed";
  const auto closed = ticket();
  step(closed, "close");
  gate().remove(clerk(), *entity, closed.id(), std::nullopt);
  gate().restore(clerk(), *entity, closed.id());
  EXPECT_EQ(number("SELECT COUNT(*) FROM record_clock WHERE gone_at IS NOT NULL"), 0) << "those that had ended are not thrown away";
  advance(1);
  EXPECT_EQ(marks(record), "1/1");
  gate().remove(clerk(), *entity, record.id(), std::nullopt);
  std::int64_t purged = 0;
  database().transact([&](storage::Session& session) { purged = purge_clocks(session, clock.now(), 30); });
  EXPECT_EQ(purged, 0);
  clock.advance_seconds(32 * 86400.0);
  database().transact([&](storage::Session& session) { purged = purge_clocks(session, clock.now(), 30); });
  EXPECT_EQ(purged, 2);
}

TEST_P(ClockedTickets, ChangedDefinitionsPlanRunningClocksAnewAndBeginNewOnes) {
  const auto record = ticket();
  const auto closed = ticket();
  step(closed, "close");
  advance(1);
  std::string changed = desk;
  changed.replace(changed.find("within: 10h"), 11, "within: 20h");
  changed += R"(---
kind: clock
name: shop.third
label: {en: Third, zh-CN: 第三}
entity: ticket
start: "record.state == 'fresh'"
within: 1h
breach: {late: {do: {mark: {set: {level: "7"}}}}}
)";
  in_use = test::catalog_of(changed);
  database().transact([&](storage::Session& session) { enqueue_clock_plan(session, 900'001, *in_use, clock.now()); });
  queue->drain();
  EXPECT_EQ(due_of(record, "shop.resolve"), "03-03T04:00");
  EXPECT_EQ(due_of(record, "shop.third"), "03-02T10:00") << "begins with the definition that has it";
  EXPECT_EQ(clocks_of(gate(), clerk(), *in_use->entity("shop.ticket"), closed.id()).size(), 2u);
  advance(1);
  EXPECT_EQ(text(now(record), "level"), "7");
  // Once is enough.
  std::int64_t jobs = -1;
  database().transact([&](storage::Session& session) {
    enqueue_clock_plan(session, 900'002, *in_use, clock.now());
    storage::Query query(session, "SELECT COUNT(*) FROM job WHERE kind = 'clock.plan'");
    query.next();
    jobs = query.integer(0);
  });
  EXPECT_EQ(jobs, 0);
}

TEST_P(ClockedTickets, AChangedStartReachesRecordsWithWhichNoClockRuns) {
  ticket();
  const auto closed = ticket(R"({"priority":"normal"})");
  step(closed, "close");
  std::string changed = desk;
  changed.replace(changed.find("record.title != null"), 20, "record.level >= 0   ");
  const auto plan = [&](std::int64_t job, const std::string& definitions) {
    in_use = test::catalog_of(definitions);
    database().transact([&](storage::Session& session) { enqueue_clock_plan(session, job, *in_use, clock.now()); });
    queue->drain();
    return clocks_of(gate(), clerk(), *in_use->entity("shop.ticket"), closed.id()).size();
  };
  EXPECT_EQ(plan(900'001, desk), 1u);
  EXPECT_EQ(plan(900'002, changed), 2u);
  // Nor where the states are others that name it.
  std::string named = changed;
  named.replace(named.find("closed: {"), 9, "closed: {clock: resolve, ");
  plan(900'003, named);
  EXPECT_EQ(look(closed, "shop.resolve").number, 2);
}

CARAVAN_ON_BOTH_DATABASES(ClockedTickets);

}  // namespace
}  // namespace caravan::workflow
