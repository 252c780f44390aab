#include "workflow/rules.h"

#include <gmock/gmock.h>

#include <optional>
#include <thread>

#include "records/json.h"
#include "storage/query.h"
#include "support/fake_clock.h"
#include "support/gate.h"
#include "workflow/cascade.h"
#include "workflow/effects.h"
#include "workflow/rule_jobs.h"
#include "workflow/undo.h"

namespace caravan::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr const char* rules_shop = R"(
kind: agency
time_zone: Asia/Shanghai
---
kind: entity
name: shop.task
label: Task
title: name
fields:
  name: {type: text, max: 60, required: true}
  order: {type: ref, to: shop.order}
  kind: {type: text, max: 40}
---
kind: entity
name: shop.order
label: Order
number: "O-{seq:4}"
fields:
  name: {type: text, max: 40}
  seats: {type: int}
  paid: {type: bool, default: false}
  end_on: {type: date}
  due: {type: instant}
  trace: {type: text, max: 200}
  visits: {type: int, default: 0}
  parent: {type: ref, to: shop.order}
invariants:
  few: {check: "record.seats < 100", message: Too many seats}
  tired: {check: "record.name != 'tired' || record.visits < 2", message: Too many visits}
workflow:
  initial: fresh
  states:
    fresh:
      category: open
      enter:
        mark: {set: {trace: "'new'"}}
        task: {create: shop.task, with: {name: "'begin ' + record.number", order: record.id}, when: "record.name != 'quiet'"}
      exit: {left: {set: {trace: "record.trace + ' left'"}}}
    held:
      category: waiting
      enter:
        came: {set: {trace: "record.trace + ' held'", visits: "record.visits + 1"}}
        up: {set: {trace: "'child is held'"}, of: parent, when: "record.parent != null"}
    ready: {category: open}
    done: {category: done}
    lost: {category: cancelled}
  transitions:
    hold: {from: fresh, to: held, do: {note: {set: {trace: "record.trace + ' doing'"}}}, undo: 15m}
    release: {from: held, to: ready, automatic: true, when: "record.paid"}
    finish: {from: ready, to: done, automatic: true, when: "record.seats > 5"}
    expire: {from: held, to: lost, at: record.due}
    lose: {from: [fresh, held, ready], to: lost, do: {task: {create: shop.task, with: {name: "'lost'", order: record.id}}}, undo: 15m}
---
kind: automation
name: shop.a_at_once
on: shop.order.done
in: transaction
do: {task: {create: shop.task, with: {name: "'at once'", order: record.id}}}
---
kind: automation
name: shop.b_later
on: shop.order.updated
becomes: record.seats > 10
when: "before.name != 'big'"
do: {task: {create: shop.task, with: {name: "'later'", order: record.id, kind: user.name}}}
---
kind: automation
name: shop.b_fresh
on: shop.order.fresh
in: transaction
when: record.name == 'came' && before != null || record.name == 'born' && before == null
do: {task: {create: shop.task, with: {name: record.name}}}
---
kind: automation
name: shop.c_gone
on: shop.order.deleted
do: {task: {create: shop.task, with: {name: "'gone ' + record.name"}}}
---
kind: automation
name: shop.d_step
on: shop.order.transition.lose
in: transaction
when: record.name == 'strict'
do: {many: {set: {seats: "200"}}}
---
kind: automation
name: shop.e_child
on: shop.order.lost
in: transaction
when: record.parent != null
do: {up: {transition: lose, of: parent}}
---
kind: automation
name: shop.f_after_end
on: shop.order
at: workdays(record.end_on, 3)
when: record.name != 'no'
do: {task: {create: shop.task, with: {name: "'ask'", order: record.id}}}
---
kind: automation
name: shop.g_fails
on: shop.order.updated
when: record.name == 'fails'
do: {many: {set: {seats: "200"}}}
---
kind: automation
name: shop.h_off
on: shop.order.created
active: false
do: {task: {create: shop.task, with: {name: "'never'"}}}
---
kind: schedule
name: shop.morning
cron: "0 8 * * *"
entity: shop.order
where: "record.state == 'held'"
do: {visit: {set: {visits: "record.visits + 1"}}}
---
kind: schedule
name: shop.alone
cron: "30 8 * * mon"
do: {task: {create: shop.task, with: {name: "'weekly'"}}}
---
kind: role
name: shop.boss
label: Boss
grants:
  shop.order: {read: true, create: true, update: true, delete: true}
  shop.task: {read: true}
)";

struct RulesTest : GateTest {
  const char* definitions() const override { return rules_shop; }
  void SetUp() override {
    GateTest::SetUp();
    if (IsSkipped()) return;
    clock.set(now);
    gate().set_hooks(std::make_shared<workflow::Rules>(nullptr));
    jobs::QueueOptions options;
    options.database_time = false;
    options.first_retry_seconds = 1;
    queue.emplace(database(), clock, options);
    rules.emplace(gate(), [this] { return catalog; }, *queue, sequences());
  }
  void TearDown() override {
    rules.reset();
    queue.reset();
    GateTest::TearDown();
  }
  records::Context boss(std::int64_t user = 33) const {
    auto context = as("shop.boss", user);
    context.now = clock.now();
    return context;
  }
  records::Record order(const std::string& fields = R"({"name":"quiet"})") { return create(boss(), "shop.order", fields); }
  records::Record step(const records::Record& record, const char* name, std::int64_t user = 33) {
    return steps().run(boss(user), record.entity(), record.id(), name, {}, {}, std::nullopt);
  }
  records::Record now_of(const records::Record& record) { return gate().get(boss(), record.entity(), record.id()); }
  std::vector<std::string> tasks() {
    std::vector<std::string> names;
    for (const auto& task : list(boss(), "shop.task").items) names.push_back(text(task, "name"));
    std::reverse(names.begin(), names.end());
    return names;
  }
  std::vector<std::string> log(const std::string& rule, const char* kind = "automation") {
    auto session = database().read();
    workflow::RunQuery query;
    query.rule = rule;
    query.kind = kind;
    std::vector<std::string> lines;
    for (const auto& run : workflow::list_runs(*session, query).items) {
      lines.push_back(run.outcome + " " + run.event + (run.reason.empty() ? "" : ": " + run.reason));
    }
    return lines;
  }
  /// Moves the clock and does what is due.
  void pass(const char* until) {
    clock.set(*parse_timestamp(until));
    queue->drain();
  }
  std::int64_t jobs_left() { return number("SELECT COUNT(*) FROM job"); }

  caravan::testing::FakeClock clock;
  std::optional<jobs::Queue> queue;
  std::optional<workflow::RuleJobs> rules;
};

TEST_P(RulesTest, EnterAndExitArePartOfTheChange) {
  const auto made = order(R"({"name":"a"})");
  EXPECT_EQ(text(made, "trace"), "\"new\"");
  EXPECT_EQ(made.version(), 1);
  EXPECT_THAT(tasks(), ElementsAre("\"begin O-0001\""));
  const auto held = step(made, "hold");
  EXPECT_EQ(text(held, "trace"), "\"new left doing held\"");
  EXPECT_EQ(held.version(), 2) << "one write";
  EXPECT_EQ(gate().timeline(boss(), held.entity(), held.id(), 0, 1).front().action, "transition:hold");
}

TEST_P(RulesTest, ARuleMayAskWhetherThereWasARecordBefore) {
  order(R"({"name":"born"})");
  order(R"({"name":"came"})");
  EXPECT_THAT(tasks(), Contains("\"born\""));
  EXPECT_THAT(tasks(), Not(Contains("\"came\"")));
}

TEST_P(RulesTest, AutomaticStepsGoOnUntilNoneHolds) {
  const auto held = step(order(R"({"name":"quiet","seats":6})"), "hold");
  EXPECT_EQ(held.state(), "held");
  const auto paid = change(boss(), held, R"({"paid":true})");
  EXPECT_EQ(paid.state(), "done") << "the answer shows what became of it";
  EXPECT_THAT(tasks(), ElementsAre("\"at once\""));
  const auto events = gate().timeline(boss(), paid.entity(), paid.id(), 0, 10);
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(events[0].action, "transition:finish");
  EXPECT_EQ(events[0].source, "automatic shop.order.finish");
  EXPECT_EQ(events[1].action, "transition:release");
  EXPECT_EQ(events[2].action, "update");
  EXPECT_THAT(log("shop.a_at_once"), ElementsAre("done state done"));
}

TEST_P(RulesTest, AnAutomationAfterTheCommitRunsOnceWhenItsConditionsHold) {
  auto made = order(R"({"name":"quiet","seats":3})");
  made = change(boss(), made, R"({"seats":11})");
  EXPECT_THAT(tasks(), IsEmpty());
  EXPECT_EQ(jobs_left(), 1);
  queue->drain();
  EXPECT_THAT(tasks(), ElementsAre("\"later\""));
  const auto task = list(boss(), "shop.task").items.front();
  const auto event = gate().timeline(as("core.administrator", 1), task.entity(), task.id(), 0, 1).front();
  EXPECT_EQ(event.source, "automation shop.b_later");
  EXPECT_EQ(event.actor_id, 0);
  made = change(boss(), made, R"({"seats":12})");
  EXPECT_EQ(jobs_left(), 0) << "it held before, too";
  EXPECT_THAT(log("shop.b_later"), UnorderedElementsAre("done updated", "skipped updated: `becomes` held before, too"));
  made = change(boss(), made, R"({"seats":2,"name":"big"})");
  made = change(boss(), made, R"({"seats":20})");
  EXPECT_EQ(jobs_left(), 0) << "`when` looks at the record before";
  EXPECT_THAT(log("shop.b_later"), Contains(HasSubstr("`when` does not hold")));
}

TEST_P(RulesTest, ADeletedRecordIsKnownToItsAutomation) {
  const auto made = order(R"({"name":"quiet"})");
  gate().remove(boss(), made.entity(), made.id(), std::nullopt);
  queue->drain();
  EXPECT_THAT(tasks(), ElementsAre("\"gone quiet\""));
  EXPECT_EQ(jobs_left(), 0);
}

TEST_P(RulesTest, ARuleInTheTransactionStandsInTheWay) {
  const auto made = order(R"({"name":"strict"})");
  const auto error = refusal([&] { step(made, "lose"); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_record);
  EXPECT_THAT(error.message(), HasSubstr("Too many seats"));
  EXPECT_THAT(error.message(), HasSubstr("D step"));
  EXPECT_TRUE(error.fields().empty()) << "the client did not send them";
  ASSERT_FALSE(error.context().empty());
  EXPECT_THAT(error.context().front(), HasSubstr("automation shop.d_step.many"));
  EXPECT_EQ(now_of(made).state(), "fresh");
}

TEST_P(RulesTest, EffectsReachTheRecordBehindAReference) {
  const auto parent = order();
  const auto child = order(R"({"name":"quiet","parent":")" + id(parent) + "\"}");
  step(child, "hold");
  EXPECT_EQ(text(now_of(parent), "trace"), "\"child is held\"");
  step(child, "lose");
  EXPECT_EQ(now_of(parent).state(), "lost");
  EXPECT_EQ(refusal([&] { step(order(R"({"name":"quiet","parent":")" + id(parent) + "\"}"), "lose"); }).code(), ErrorCode::conflict)
      << "the step of the parent cannot be taken twice";
}

TEST_P(RulesTest, RulesGoOnlySoDeep) {
  records::Record last = order();
  for (int i = 0; i < 20; ++i) last = order(R"({"name":"quiet","parent":")" + id(last) + "\"}");
  const auto error = refusal([&] { step(last, "lose"); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_record);
  EXPECT_THAT(error.message(), HasSubstr("automation shop.e_child → automation shop.e_child.up → "));
  EXPECT_EQ(now_of(last).state(), "fresh");
}

TEST_P(RulesTest, ManyChangesOfOneTransactionAreCountedApart) {
  const auto& entity = *catalog->entity("shop.order");
  const auto input = records::parse_input(*catalog, entity, R"({"name":"a"})", "en");
  gate().transact(boss(), [&](records::Work& work) {
    for (int i = 0; i < 250; ++i) work.create(entity, input);
  }, 600);
  EXPECT_EQ(number("SELECT COUNT(*) FROM shop_task"), 250);
}

TEST_P(RulesTest, AFailureIsTriedAgainAndTold) {
  auto made = order(R"({"name":"quiet"})");
  change(boss(), made, R"({"name":"fails"})");
  queue->drain();
  ASSERT_EQ(log("shop.g_fails").size(), 1u);
  EXPECT_THAT(log("shop.g_fails")[0], HasSubstr("failed updated: Too many seats"));
  EXPECT_EQ(jobs_left(), 1);
  for (int i = 0; i < 20; ++i) {
    clock.set(Timestamp{clock.now().micros + std::int64_t{7200} * 1'000'000});
    queue->drain();
  }
  EXPECT_EQ(log("shop.g_fails").size(), 12u);
  EXPECT_EQ(queue->list({.state = "dead", .queue = "", .kind = "", .after = ""}).items.size(), 1u);
  EXPECT_NE(text(now_of(made), "seats"), "200");
}

TEST_P(RulesTest, ATimedStepIsTakenAtItsMoment) {
  const auto held = step(order(R"({"name":"quiet","due":"2026-11-22T10:00:00Z"})"), "hold");
  EXPECT_EQ(jobs_left(), 1);
  pass("2026-11-22T09:59:59Z");
  EXPECT_EQ(now_of(held).state(), "held");
  pass("2026-11-22T10:00:00Z");
  EXPECT_EQ(now_of(held).state(), "lost");
  EXPECT_EQ(gate().timeline(boss(), held.entity(), held.id(), 0, 1).front().source, "automatic shop.order.expire");
  EXPECT_EQ(jobs_left(), 0);
}

TEST_P(RulesTest, ATimerMovesWithWhatItReads) {
  auto held = step(order(R"({"name":"quiet","due":"2026-11-22T10:00:00Z"})"), "hold");
  held = change(boss(), held, R"({"due":"2026-11-25T10:00:00Z"})");
  EXPECT_EQ(jobs_left(), 1) << "the old timer is gone";
  pass("2026-11-23T10:00:00Z");
  EXPECT_EQ(now_of(held).state(), "held");
  held = change(boss(), held, R"({"due":null})");
  EXPECT_EQ(jobs_left(), 0);
  held = change(boss(), held, R"({"due":"2026-11-20T10:00:00Z"})");
  EXPECT_EQ(held.state(), "lost") << "the moment has passed";
}

TEST_P(RulesTest, ATimerAsksAgainWhenItFires) {
  const auto held = step(order(R"({"name":"quiet","due":"2026-11-22T10:00:00Z"})"), "hold");
  // A timer that nobody planned, as of a node that was cut off.
  gate().transact(boss(), [&](records::Work& work) {
    work.enqueue(workflow::timer_job({"transition shop.order.expire", &held.entity(), held.id(), *parse_timestamp("2026-11-21T11:00:00Z"), 0, {}}, *catalog));
  });
  pass("2026-11-21T12:00:00Z");
  EXPECT_EQ(now_of(held).state(), "held");
  step(held, "lose");
  pass("2026-11-23T12:00:00Z");
  EXPECT_EQ(jobs_left(), 0);
  EXPECT_EQ(now_of(held).version(), 3);
}

TEST_P(RulesTest, ThreeWorkingDaysAfterADate) {
  // Friday 2026-11-20, so Wednesday 2026-11-25, whose first moment in Shanghai is 16:00 UTC the day before.
  const auto made = order(R"({"name":"quiet","end_on":"2026-11-20"})");
  order(R"({"name":"no","end_on":"2026-11-20"})");
  pass("2026-11-24T15:59:59Z");
  EXPECT_THAT(tasks(), ElementsAre(HasSubstr("begin")));
  pass("2026-11-24T16:00:00Z");
  EXPECT_THAT(tasks(), ElementsAre(HasSubstr("begin"), "\"ask\""));
  EXPECT_THAT(log("shop.f_after_end"),
              UnorderedElementsAre("done at 2026-11-24T16:00:00Z", "skipped at 2026-11-24T16:00:00Z: `when` does not hold"));
  change(boss(), made, R"({"seats":2})");
  pass("2026-11-26T16:00:00Z");
  EXPECT_EQ(tasks().size(), 2u) << "the moment is the same: it comes once";
}

TEST_P(RulesTest, RecordsThatWereThereBeforeARuleArePlanned) {
  gate().set_hooks(nullptr);
  const auto late = order(R"({"name":"quiet","end_on":"2026-11-20"})");
  order(R"({"name":"quiet","end_on":"2026-10-01"})");
  const auto held = step(order(R"({"name":"quiet","due":"2026-11-01T10:00:00Z"})"), "hold");
  gate().set_hooks(std::make_shared<workflow::Rules>(nullptr));
  rules->plan_soon();
  queue->drain();
  EXPECT_EQ(now_of(held).state(), "lost") << "what should have ended long ago ends now";
  EXPECT_THAT(log("shop.f_after_end"), IsEmpty()) << "what lies behind is not made up for";
  rules->plan_soon();
  queue->drain();
  pass("2026-11-24T16:00:00Z");
  EXPECT_THAT(log("shop.f_after_end"), ElementsAre("done at 2026-11-24T16:00:00Z"));
}

TEST_P(RulesTest, ASwitchedOffRuleDoesNothing) {
  order();
  queue->drain();
  EXPECT_THAT(tasks(), IsEmpty());
  EXPECT_THAT(log("shop.h_off"), IsEmpty());
}

TEST_P(RulesTest, AScheduleRunsOverItsRecordsOncePerTime) {
  const auto held = step(order(), "hold");
  const auto fresh = order();
  rules->plan_soon();
  queue->drain();
  const auto planned = rules->schedules(*catalog);
  ASSERT_EQ(planned.size(), 2u);
  EXPECT_EQ(planned[0].rule->name, "shop.alone");
  EXPECT_EQ(format_timestamp(*planned[0].next), "2026-11-23T00:30:00Z");
  EXPECT_EQ(format_timestamp(*planned[1].next), "2026-11-22T00:00:00Z");
  pass("2026-11-22T00:00:00Z");
  EXPECT_EQ(text(now_of(held), "visits"), "2");
  EXPECT_EQ(text(now_of(fresh), "visits"), "0");
  EXPECT_EQ(gate().timeline(boss(), held.entity(), held.id(), 0, 1).front().source, "schedule shop.morning");
  rules->plan_soon();
  queue->drain();
  EXPECT_EQ(text(now_of(held), "visits"), "2") << "planning again runs nothing twice";
  // Three days of downtime are caught up once.
  pass("2026-11-25T12:00:00Z");
  EXPECT_EQ(text(now_of(held), "visits"), "3");
  EXPECT_EQ(format_timestamp(*rules->schedules(*catalog)[1].next), "2026-11-26T00:00:00Z");
  EXPECT_THAT(log("shop.morning", "schedule"), ElementsAre("done due 2026-11-23T00:00:00Z", "done due 2026-11-22T00:00:00Z"));
  EXPECT_THAT(log("shop.alone", "schedule"), ElementsAre("done due 2026-11-23T00:30:00Z"));
  EXPECT_THAT(tasks(), ElementsAre("\"weekly\""));
  EXPECT_EQ(number("SELECT COUNT(*) FROM setting WHERE name LIKE 'run/%'"), 0);
}

TEST_P(RulesTest, ARunByHandAndARecordThatIsRefused) {
  const auto good = step(order(), "hold");
  const auto bad = step(order(R"({"name":"tired","parent":")" + id(good) + "\"}"), "hold");
  const auto& morning = **std::find_if(catalog->schedules.begin(), catalog->schedules.end(), [](const auto& one) { return one->name == "shop.morning"; });
  EXPECT_NE(rules->run_now(boss(), morning), 0);
  EXPECT_EQ(rules->run_now(boss(), morning), 0) << "one is waiting";
  queue->drain();
  EXPECT_EQ(text(now_of(good), "visits"), "2");
  EXPECT_EQ(text(now_of(bad), "visits"), "1");
  EXPECT_THAT(log("shop.morning", "schedule"), UnorderedElementsAre("failed by hand: of 2 records, 1 were refused", "failed record: Too many visits"));
}

TEST_P(RulesTest, ARunGoesOnWhereItWasInterrupted) {
  const auto first = step(order(), "hold");
  const auto second = step(order(), "hold");
  const auto& morning = **std::find_if(catalog->schedules.begin(), catalog->schedules.end(), [](const auto& one) { return one->name == "shop.morning"; });
  const std::string job = std::to_string(rules->run_now(boss(), morning));
  // As left by a server that died after the first record.
  database().transact([&](storage::Session& session) {
    session.execute("INSERT INTO setting (name, value) VALUES ('run/" + job + "', '" + id(first) + " 1 0')");
  });
  queue->drain();
  EXPECT_EQ(text(now_of(first), "visits"), "1");
  EXPECT_EQ(text(now_of(second), "visits"), "2");
  auto session = database().read();
  workflow::RunQuery query;
  query.rule = "shop.morning";
  query.kind = "schedule";
  EXPECT_EQ(workflow::list_runs(*session, query).items.at(0).effects, 2);
}

TEST_P(RulesTest, SeveralServersRunATimeOnce) {
  std::vector<records::Record> held;
  for (int i = 0; i < 20; ++i) held.push_back(step(order(R"({"name":"quiet","end_on":"2026-11-17"})"), "hold"));
  jobs::QueueOptions options;
  options.database_time = false;
  jobs::Queue other(database(), clock, options);
  const workflow::RuleJobs others(gate(), [this] { return catalog; }, other, sequences());
  rules->plan_soon();
  queue->drain();
  clock.set(*parse_timestamp("2026-11-22T00:00:00Z"));
  std::thread beside([&] { other.drain(); });
  queue->drain();
  beside.join();
  queue->drain();
  for (const auto& one : held) EXPECT_EQ(text(now_of(one), "visits"), "2");
  EXPECT_EQ(log("shop.morning", "schedule").size(), 1u);
}

TEST_P(RulesTest, WhoTookAStepMayTakeItBackInTime) {
  const auto made = order();
  const auto held = step(made, "hold");
  ASSERT_TRUE(workflow::undoable(gate(), boss(), held));
  EXPECT_FALSE(workflow::undoable(gate(), boss(44), held));
  EXPECT_EQ(refusal([&] { steps().undo(boss(44), held.entity(), held.id(), std::nullopt); }).code(), ErrorCode::forbidden);
  EXPECT_EQ(refusal([&] { steps().undo(boss(), held.entity(), held.id(), 1); }).code(), ErrorCode::stale);
  const auto back = steps().undo(boss(), held.entity(), held.id(), 2);
  EXPECT_EQ(back.state(), "fresh");
  EXPECT_EQ(text(back, "trace"), text(made, "trace"));
  EXPECT_EQ(text(back, "visits"), "0");
  EXPECT_EQ(back.version(), 3);
  EXPECT_EQ(gate().timeline(boss(), back.entity(), back.id(), 0, 1).front().action, "undo:hold");
  EXPECT_EQ(refusal([&] { steps().undo(boss(), held.entity(), held.id(), std::nullopt); }).message(), "There is no step to take back.");
}

TEST_P(RulesTest, AStepIsNotTakenBackLaterNorPastAChangeNorWithItsEffects) {
  const auto late = step(order(), "hold");
  clock.set(Timestamp{clock.now().micros + std::int64_t{16 * 60} * 1'000'000});
  EXPECT_THAT(refusal([&] { steps().undo(boss(), late.entity(), late.id(), std::nullopt); }).message(), HasSubstr("time"));
  const auto changed = step(order(), "hold");
  change(boss(), changed, R"({"seats":2})");
  EXPECT_THAT(refusal([&] { steps().undo(boss(), changed.entity(), changed.id(), std::nullopt); }).message(), HasSubstr("changed since"));
  const auto lost = step(order(), "lose");
  EXPECT_FALSE(workflow::undoable(gate(), boss(), lost));
  EXPECT_THAT(refusal([&] { steps().undo(boss(), lost.entity(), lost.id(), std::nullopt); }).message(), HasSubstr("other records"));
}

const std::string more_rules = std::string(rules_shop) + R"yaml(
---
kind: automation
name: shop.again
on: shop.order.updated
when: record.name == 'loop' && record.visits < 40
do: {again: {set: {visits: "record.visits + 1"}}}
---
kind: automation
name: shop.left
on: shop.order.updated
when: record.name == 'both'
do: {again: {set: {visits: "record.visits + 1"}}}
---
kind: automation
name: shop.right
on: shop.order.updated
when: record.name == 'both'
do: {again: {set: {visits: "record.visits + 1"}}}
---
kind: automation
name: shop.again_in_time
on: shop.order
at: record.due
when: record.name == 'timed' && record.visits < 40
do: {again: {set: {visits: "record.visits + 1", due: "record.due + duration('1s')"}}}
---
kind: schedule
name: shop.bad
cron: "0 9 * * mon"
do: {task: {create: shop.task, with: {name: "'a name that is so much longer than the sixty characters that there are'"}}}
)yaml";

TEST_P(RulesTest, RulesThatSetEachOtherOffLaterGoOnlySoDeep) {
  catalog = catalog_of(more_rules);
  const auto made = order();
  change(boss(), made, R"({"name":"loop"})");
  queue->drain();
  EXPECT_EQ(text(now_of(made), "visits"), std::to_string(workflow::most_depth));
  EXPECT_EQ(jobs_left(), 0);
  const auto lines = log("shop.again");
  ASSERT_EQ(lines.size(), workflow::most_depth + 1);
  EXPECT_THAT(lines, Contains(::testing::AllOf(HasSubstr("failed updated"), HasSubstr("automation shop.again → automation shop.again → "))));
  change(boss(), now_of(made), R"({"seats":3})");
  queue->drain();
  EXPECT_EQ(text(now_of(made), "visits"), std::to_string(2 * workflow::most_depth)) << "what somebody does begins anew";
}

TEST_P(RulesTest, RulesThatSetOffTwoEachEndSoonerThanTheirTreeIsFull) {
  catalog = catalog_of(more_rules);
  const auto made = order();
  gate().transact(boss(), [&](records::Work& work) {
    // As if a rule's job that 60 may follow from did it. The first gets half of them, the second a sixth.
    workflow::cascade_of(work).before = {"automation shop.left"};
    workflow::cascade_of(work).share = 60;
    work.update(made.entity(), made.id(), records::parse_input(*catalog, made.entity(), R"({"name":"both"})", "en"), std::nullopt);
  });
  queue->drain();
  EXPECT_EQ(jobs_left(), 0);
  const std::function<int(int)> jobs = [&](int share) { return share == 0 ? 0 : 1 + jobs(share / 2) + jobs(share / 6); };
  EXPECT_EQ(text(now_of(made), "visits"), std::to_string(jobs(60) - 1));
  EXPECT_THAT(log("shop.right"), Contains(HasSubstr("failed updated: 一次修改引发的规则过多：automation shop.")));
}

TEST_P(RulesTest, ATimeThatIsAlwaysOverDoesNotGoOnForEver) {
  catalog = catalog_of(more_rules);
  const auto made = order(R"({"name":"timed"})");
  change(boss(), made, R"({"due":"2026-10-01T00:00:00Z"})");
  queue->drain();
  EXPECT_EQ(text(now_of(made), "visits"), std::to_string(workflow::most_depth));
  EXPECT_THAT(log("shop.again_in_time"), Contains(HasSubstr("failed at ")));
}

TEST_P(RulesTest, AScheduleThatFailedForGoodRunsAtItsNextTime) {
  catalog = catalog_of(more_rules);
  rules->plan_soon();
  queue->drain();
  pass("2026-11-23T01:00:00Z");
  for (int i = 0; i < 20; ++i) {
    clock.set(Timestamp{clock.now().micros + std::int64_t{7200} * 1'000'000});
    queue->drain();
  }
  EXPECT_EQ(queue->list({.state = "dead", .queue = "", .kind = workflow::schedule_kind, .after = ""}).items.size(), 1u);
  const auto states = rules->schedules(*catalog);
  ASSERT_EQ(states[1].rule->name, "shop.bad");
  ASSERT_TRUE(states[1].next);
  EXPECT_EQ(format_timestamp(*states[1].next), "2026-11-30T01:00:00Z");
  pass("2026-11-30T01:00:00Z");
  EXPECT_THAT(log("shop.bad", "schedule"), Contains(HasSubstr("failed due 2026-11-30T01:00:00Z")));
}

TEST_P(RulesTest, AScheduleDoesNotOvertakeItself) {
  catalog = catalog_of(more_rules);
  rules->plan_soon();
  queue->drain();
  pass("2026-11-23T01:00:00Z");
  // The first run is still to be tried again when the next time has come.
  database().transact([&](storage::Session& session) {
    storage::run_sql(session, "UPDATE job SET run_at = ? WHERE kind = 'rules.schedule' AND attempts = 1", *parse_timestamp("2026-12-07T01:00:00Z"));
  });
  pass("2026-11-30T01:00:00Z");
  for (const auto& line : log("shop.bad", "schedule")) EXPECT_THAT(line, HasSubstr("2026-11-23")) << "the next one waits for it";
}

TEST_P(RulesTest, AServerThatIsBehindWithTheDefinitionsLeavesTheWorkForOthers) {
  const auto old = catalog;
  const auto fresh = catalog_of(more_rules);
  catalog = fresh;
  const auto made = order(R"({"name":"quiet"})");
  change(boss(), made, R"({"name":"loop","visits":39})");
  const auto& bad = **std::find_if(catalog->schedules.begin(), catalog->schedules.end(), [](const auto& one) { return one->name == "shop.bad"; });
  rules->run_now(boss(), bad);
  catalog = old;
  queue->drain();
  EXPECT_EQ(jobs_left(), 2) << "they wait for the definitions";
  catalog = fresh;
  clock.set(Timestamp{clock.now().micros + 1'000'000});
  queue->drain();
  EXPECT_EQ(text(now_of(made), "visits"), "40");
  EXPECT_THAT(log("shop.bad", "schedule"), ElementsAre(HasSubstr("failed by hand")));
}

TEST_P(RulesTest, ARuleThatIsNoMoreIsToldToHaveBeenLeftOut) {
  const auto old = catalog;
  catalog = catalog_of(more_rules);
  const auto made = order(R"({"name":"quiet"})");
  change(boss(), made, R"({"name":"loop"})");
  change(boss(), now_of(made), R"({"name":"timed","due":"2026-11-22T00:00:00Z"})");
  catalog = old;
  pass("2026-11-22T00:00:00Z");
  EXPECT_EQ(jobs_left(), 0);
  EXPECT_THAT(log("shop.again"), Contains(HasSubstr("skipped updated: the definitions in use have no such rule")));
  EXPECT_THAT(log("shop.again_in_time"), ElementsAre(HasSubstr("skipped at 2026-11-22T00:00:00Z: ")));
}

TEST_P(RulesTest, AStepWhoseTimeCameWhileTheRecordWasDeletedIsTakenWhenItIsBack) {
  const auto held = step(order(R"({"name":"quiet","due":"2026-11-22T10:00:00Z"})"), "hold");
  gate().remove(boss(), held.entity(), held.id(), std::nullopt);
  pass("2026-11-22T10:00:00Z");
  gate().restore(boss(), held.entity(), held.id());
  EXPECT_EQ(now_of(held).state(), "lost");
}

TEST_P(RulesTest, TheLogIsPurged) {
  change(boss(), order(R"({"name":"quiet","seats":1})"), R"({"seats":11})");
  queue->drain();
  ASSERT_EQ(log("shop.b_later").size(), 1u);
  database().transact([&](storage::Session& session) {
    EXPECT_EQ(workflow::purge_runs(session, Timestamp{clock.now().micros + std::int64_t{29} * 86'400'000'000}), 0);
    EXPECT_GE(workflow::purge_runs(session, Timestamp{clock.now().micros + std::int64_t{31} * 86'400'000'000}), 1);
  });
  EXPECT_THAT(log("shop.b_later"), IsEmpty());
}

CARAVAN_ON_BOTH_DATABASES(RulesTest);

}  // namespace
}  // namespace caravan::test
