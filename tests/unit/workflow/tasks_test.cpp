#include "workflow/tasks.h"

#include <gmock/gmock.h>

#include <thread>

#include "storage/query.h"
#include "support/gate.h"
#include "workflow/rules.h"

namespace caravan::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using workflow::TaskView;

constexpr const char* tasks_shop = R"yaml(
kind: agency
locale: en
time_zone: Asia/Shanghai
---
kind: calendar
name: shop.office
label: Office
hours: {saturday: ["09:00-12:00"], monday: ["09:00-17:00"]}
---
kind: entity
name: shop.order
label: Order
number: "O-{seq:4}"
fields:
  name: {type: text, max: 40}
  boss: {type: ref, to: core.user}
  group: {type: bool, default: false}
workflow:
  initial: fresh
  states:
    fresh: {category: open}
    booked:
      category: waiting
      tasks:
        visa: {label: {en: Visa, zh-CN: 签证}, by: clerk, within: 4h, calendar: office}
        hotel: {label: Hotel, by_user: record.boss, within: 30m}
        list: {label: Name list, by: clerk, when: record.group}
        gift: {label: Gift, by: clerk, required: false}
    ready: {category: done}
    lost: {category: cancelled}
    parked: {category: waiting}
  transitions:
    book: {from: [fresh, parked], to: booked, undo: 1h}
    go: {from: booked, to: ready, automatic: true, wait_for: tasks}
    hurry: {label: Hurry, from: booked, to: ready, wait_for: tasks}
    lose: {from: [fresh, booked], to: lost}
    park: {from: booked, to: parked}
---
kind: role
name: shop.clerk
label: Clerk
grants: {shop.order: {read: true, create: true, update: true, delete: true}, core.user: {read: true}}
---
kind: role
name: shop.guest
label: Guest
grants: {shop.order: {read: true}}
)yaml";

struct TasksTest : GateTest {
  const char* definitions() const override { return tasks_shop; }
  void SetUp() override {
    GateTest::SetUp();
    if (IsSkipped()) return;
    gate().set_hooks(std::make_shared<workflow::Rules>(nullptr));
  }
  records::Context clerk(std::int64_t user = 11) const { return as("shop.clerk", user); }
  records::Record booked(const std::string& more = "") {
    const auto made = create(clerk(), "shop.order", R"({"name":"a")" + more + "}");
    return take(clerk(), made, "book");
  }
  records::Record take(const records::Context& context, const records::Record& record, const char* step) {
    return steps().run(context, record.entity(), record.id(), step, {}, {}, std::nullopt);
  }
  std::string state_of(const records::Record& record) { return std::string(gate().get(as("core.administrator", 1), record.entity(), record.id()).state()); }
  std::vector<TaskView> tasks(const records::Record& record, const records::Context& context) {
    return workflow::tasks_of(gate(), context, gate().get(context, record.entity(), record.id()));
  }
  /// `TITLE STATE`.
  std::vector<std::string> shown(const records::Record& record) {
    std::vector<std::string> out;
    for (const TaskView& task : tasks(record, as("core.administrator", 1))) out.push_back(task.title + " " + task.state);
    return out;
  }
  void finish(const records::Context& context, const records::Record& record, const std::string& title, const char* step = "finish") {
    for (const TaskView& task : tasks(record, as("core.administrator", 1))) {
      if (task.title != title || task.state != "open") continue;
      steps().run(context, *catalog->entity("core.task"), task.id, step, {}, {}, std::nullopt);
      return;
    }
    ADD_FAILURE() << "there is no open task " << title;
  }
};

TEST_P(TasksTest, AStateBringsItsTasks) {
  const auto order = booked(R"(,"boss":"44")");
  EXPECT_THAT(shown(order), UnorderedElementsAre("Visa open", "Hotel open", "Gift open")) << "it is no group, so no list of names";
  const auto all = tasks(order, clerk());
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].title, "Hotel") << "due first";
  EXPECT_EQ(all[0].assignee, 44);
  EXPECT_FALSE(all[0].may_finish);
  EXPECT_EQ(format_timestamp(all[0].due_at.value()), "2026-11-21T10:30:00Z");
  EXPECT_EQ(all[1].title, "Visa");
  EXPECT_EQ(all[1].role, "shop.clerk");
  EXPECT_TRUE(all[1].may_finish);
  // Saturday 18:00 in Shanghai: the office works on Monday from nine.
  EXPECT_EQ(format_timestamp(all[1].due_at.value()), "2026-11-23T05:00:00Z");
  EXPECT_FALSE(all[2].due_at);
  EXPECT_FALSE(all[2].required);
  auto chinese = clerk();
  chinese.locale = "zh-CN";
  EXPECT_EQ(tasks(order, chinese)[1].title, "签证");
  EXPECT_THAT(shown(booked(R"(,"group":true)")), ::testing::Contains("Name list open"));
}

TEST_P(TasksTest, WhoIsNamedIsTold) {
  booked(R"(,"boss":"44")");
  auto session = database().read();
  storage::Query query(*session, "SELECT user, text FROM core_notice");
  ASSERT_TRUE(query.next());
  EXPECT_EQ(query.integer(0), 44);
  EXPECT_EQ(query.text(1), "A task for you: Hotel (Order O-0001)");
  EXPECT_FALSE(query.next());
}

TEST_P(TasksTest, NobodyNamedIsWhoeverTookTheStep) {
  const auto order = booked();
  EXPECT_EQ(tasks(order, clerk())[0].assignee, 11);
}

TEST_P(TasksTest, TheStepWaitsForAllThatAreRequired) {
  const auto order = booked(R"(,"boss":"44")");
  const auto why = refusal([&] { take(clerk(), order, "hurry"); });
  EXPECT_EQ(why.code(), ErrorCode::conflict);
  EXPECT_EQ(why.message(), "\"Hurry\" waits until these tasks have ended: Visa, Hotel.");
  for (const auto& one : steps().available(clerk(), order)) {
    if (one.transition->name != "hurry") continue;
    EXPECT_FALSE(one.allowed);
    EXPECT_EQ(one.why, why.message());
  }
  finish(clerk(), order, "Visa");
  EXPECT_EQ(state_of(order), "booked");
  EXPECT_THAT(refusal([&] { take(as("core.administrator", 1), order, "hurry"); }).message(), HasSubstr("Hotel")) << "administrators wait, too";
}

TEST_P(TasksTest, TheLastOneTakesTheAutomaticStepAndCancelsTheOthers) {
  const auto order = booked(R"(,"boss":"44")");
  finish(clerk(), order, "Visa");
  EXPECT_EQ(state_of(order), "booked");
  change(clerk(), order, R"({"name":"b"})");
  EXPECT_EQ(state_of(order), "booked") << "a change of the record is no end of a task";
  finish(as("", 44), order, "Hotel");
  EXPECT_EQ(state_of(order), "ready");
  EXPECT_THAT(shown(order), UnorderedElementsAre("Visa done", "Hotel done", "Gift cancelled"));
}

TEST_P(TasksTest, WhatAnAdministratorCancelsHasEnded) {
  const auto order = booked();
  finish(clerk(), order, "Visa");
  EXPECT_EQ(refusal([&] { finish(clerk(), order, "Hotel", "cancel"); }).code(), ErrorCode::forbidden);
  finish(as("core.administrator", 1), order, "Hotel", "cancel");
  EXPECT_EQ(state_of(order), "ready");
}

TEST_P(TasksTest, ADeletedTaskIsWaitedForNoMore) {
  const auto order = booked();
  finish(clerk(), order, "Visa");
  for (const TaskView& task : tasks(order, clerk())) {
    if (task.title == "Hotel") gate().remove(as("core.administrator", 1), *catalog->entity("core.task"), task.id, std::nullopt);
  }
  EXPECT_EQ(state_of(order), "ready");
}

TEST_P(TasksTest, LeavingOtherwiseCancelsAndComingBackBringsThemAnew) {
  const auto order = booked();
  finish(clerk(), order, "Visa");
  take(clerk(), order, "park");
  EXPECT_THAT(shown(order), UnorderedElementsAre("Visa done", "Hotel cancelled", "Gift cancelled"));
  take(clerk(), order, "book");
  EXPECT_THAT(shown(order), UnorderedElementsAre("Visa done", "Hotel cancelled", "Gift cancelled", "Visa open", "Hotel open", "Gift open"));
  finish(clerk(), order, "Hotel");
  EXPECT_EQ(state_of(order), "booked") << "the visa of the first time is over";
}

TEST_P(TasksTest, ADeletedRecordLeavesNoneOpenAndARestoredOneHasThemAgain) {
  const auto order = booked();
  gate().remove(clerk(), order.entity(), order.id(), std::nullopt);
  EXPECT_EQ(database().read()->prepare("SELECT 1 FROM core_task WHERE state = 'open'").step(), false);
  gate().restore(clerk(), order.entity(), order.id());
  EXPECT_THAT(shown(order), UnorderedElementsAre("Visa cancelled", "Hotel cancelled", "Gift cancelled", "Visa open", "Hotel open", "Gift open"));
}

TEST_P(TasksTest, AStepThatBroughtTasksIsNotTakenBack) {
  const auto order = booked();
  EXPECT_EQ(refusal([&] { steps().undo(clerk(), order.entity(), order.id(), std::nullopt); }).code(), ErrorCode::conflict);
}

TEST_P(TasksTest, OthersDoNotSeeOrDoThem) {
  const auto order = booked(R"(,"boss":"44")");
  EXPECT_THAT(list(as("shop.guest", 12), "core.task").items, IsEmpty());
  EXPECT_EQ(list(clerk(12), "core.task").items.size(), 2u) << "his role's";
  EXPECT_EQ(list(as("", 44), "core.task").items.size(), 1u) << "his own";
  EXPECT_EQ(refusal([&] { finish(as("shop.guest", 12), order, "Visa"); }).code(), ErrorCode::not_found);
  for (const TaskView& task : tasks(order, as("shop.guest", 12))) EXPECT_FALSE(task.may_finish);
  EXPECT_EQ(tasks(order, as("shop.guest", 12)).size(), 3u) << "who reads the record sees what is to be done";
  const auto mine = list(as("", 44), "core.task").items.front();
  EXPECT_EQ(refusal([&] { change(as("", 44), mine, R"({"required":false})"); }).code(), ErrorCode::invalid_record);
}

TEST_P(TasksTest, TheTwoLastAtOnceTakeTheStepOnce) {
  for (int round = 0; round < 10; ++round) {
    const auto order = booked(R"(,"boss":"44")");
    std::thread other([&] { finish(as("", 44), order, "Hotel"); });
    finish(clerk(), order, "Visa");
    other.join();
    EXPECT_EQ(state_of(order), "ready");
    int taken = 0;
    for (const auto& event : gate().timeline(clerk(), order.entity(), order.id(), 0, 20)) taken += event.action == "transition:go";
    EXPECT_EQ(taken, 1);
  }
}

CARAVAN_ON_BOTH_DATABASES(TasksTest);

}  // namespace
}  // namespace caravan::test
