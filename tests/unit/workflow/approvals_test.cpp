#include "workflow/approvals.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "records/bulk.h"
#include "records/seal.h"
#include "storage/query.h"
#include "support/fake_clock.h"
#include "support/gate.h"
#include "workflow/rule_jobs.h"
#include "workflow/rules.h"

namespace caravan::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using workflow::Approval;
using workflow::ApprovalQuery;
using workflow::ApprovalView;
using workflow::Verdict;

const std::string approvals_shop = R"yaml(
kind: agency
locale: en
---
kind: entity
name: shop.order
label: Order
number: "O-{seq:4}"
fields:
  name: {type: text, max: 40}
  budget: {type: money}
  reason: {type: text, max: 100}
  discount: {type: int}
  boss: {type: ref, to: core.user}
  note: {type: text, max: 100}
  due: {type: instant}
workflow:
  initial: fresh
  states:
    fresh: {category: open}
    won: {category: done}
    lost: {category: cancelled}
  transitions:
    win:
      label: {en: Win, zh-CN: 赢单}
      from: fresh
      to: won
      by: [seller, manager]
      when: "record.name != 'no'"
      form: win_form
      undo: 15m
      approval:
        manager: {label: Manager, by: [manager], when: "record.budget > 50000", remind: 24h}
        board: {label: Board, by: [manager, treasurer], all: true, when: "record.budget > 900000"}
    lose:
      from: fresh
      to: lost
      approval:
        boss: {by_user: record.boss}
    quit:
      from: fresh
      to: lost
      approval:
        any: {by: [seller], self: true}
    drop: {from: fresh, to: lost}
---
kind: form
name: shop.win_form
entity: shop.order
label: Win
groups: {main: {label: Main, fields: [discount]}}
---
kind: form
name: shop.order_form
entity: shop.order
label: Order
groups: {main: {label: Main, fields: [name, budget, reason, boss, note]}}
---
kind: role
name: shop.seller
label: Seller
grants: {shop.order: {read: true, create: true, update: true, delete: true}, core.user: {read: true}}
---
kind: role
name: shop.manager
label: Manager
grants: {shop.order: {read: true, update: true}}
---
kind: role
name: shop.treasurer
label: Treasurer
grants: {shop.order: {read: "record.name != 'secret'"}}
)yaml";

struct ApprovalsTest : GateTest {
  const char* definitions() const override { return approvals_shop.c_str(); }
  void SetUp() override {
    GateTest::SetUp();
    if (IsSkipped()) return;
    clock.set(now);
    gate().set_hooks(std::make_shared<workflow::Rules>(nullptr));
    jobs::QueueOptions options;
    options.database_time = false;
    queue.emplace(database(), clock, options);
    rules.emplace(gate(), [this] { return catalog; }, *queue, sequences());
    for (const auto& [user, role] : {std::pair(11, "seller"), {12, "seller"}, {22, "manager"}, {33, "manager"}, {44, "treasurer"}, {55, "treasurer"}}) {
      database().transact([&](storage::Session& session) {
        storage::run_sql(session, "UPDATE core_user SET roles = ? WHERE id = ?", "[\"shop." + std::string(role) + "\"]", user);
      });
    }
  }
  void TearDown() override {
    rules.reset();
    queue.reset();
    GateTest::TearDown();
  }
  records::Context who(std::int64_t user) const {
    auto context = as(user == 11 || user == 12 ? "shop.seller" : user == 22 || user == 33 ? "shop.manager" : user == 1 ? "core.administrator" : "shop.treasurer", user);
    context.now = clock.now();
    return context;
  }
  records::Record order(const std::string& budget, const std::string& more = "") {
    return create(who(11), "shop.order", R"({"name":"a","budget":")" + budget + "\"" + more + "}");
  }
  workflow::Taken ask(const records::Context& context, const records::Record& record, const char* name = "win", const std::string& input = "{}",
                      const std::string& comment = "please") {
    return steps().take(context, record.entity(), record.id(), name, records::parse_input(context, record.entity(), input), comment, std::nullopt);
  }
  std::int64_t asked(const records::Record& record, const char* name = "win", std::int64_t user = 11) {
    const auto taken = ask(who(user), record, name);
    EXPECT_NE(taken.approval, 0);
    EXPECT_EQ(taken.record.state(), "fresh");
    return taken.approval;
  }
  ApprovalView decide(const records::Context& context, std::int64_t approval, Verdict verdict = Verdict::approve, const std::string& comment = "") {
    return workflow::decide_approval(gate(), context, approval, verdict, comment);
  }
  ApprovalView decide(std::int64_t user, std::int64_t approval, Verdict verdict = Verdict::approve, const std::string& comment = "") {
    return decide(who(user), approval, verdict, comment);
  }
  std::string state_of(const records::Record& record) { return std::string(gate().get(who(1), *catalog->entity("shop.order"), record.id()).state()); }
  std::vector<std::int64_t> box(const records::Context& context, ApprovalQuery::Box which = ApprovalQuery::Box::waiting) {
    ApprovalQuery query;
    query.box = which;
    query.count = true;
    std::vector<std::int64_t> ids;
    const auto page = workflow::list_approvals(gate(), context, query);
    for (const auto& view : page.items) ids.push_back(view.approval.id);
    EXPECT_EQ(page.total, static_cast<std::int64_t>(ids.size()));
    return ids;
  }
  /// `USER: TEXT`, oldest first.
  std::vector<std::string> notices() {
    std::vector<std::string> out;
    auto session = database().read();
    storage::Query query(*session, "SELECT user, text FROM core_notice ORDER BY id");
    while (query.next()) out.push_back(std::to_string(query.integer(0)) + ": " + query.text(1));
    return out;
  }
  void forget_notices() {
    database().transact([](storage::Session& session) { session.execute("DELETE FROM core_notice"); });
  }
  std::vector<std::string> history(const records::Record& record) {
    std::vector<std::string> out;
    for (const auto& event : gate().timeline(who(1), record.entity(), record.id(), 0, 20)) {
      out.insert(out.begin(), std::to_string(event.actor_id) + " " + event.action + (event.note.empty() ? "" : ": " + event.note));
    }
    return out;
  }
  std::int64_t rows(const std::string& table) { return number("SELECT COUNT(*) FROM " + table); }
  void replace(std::string from, const std::string& to) {
    std::string changed = approvals_shop;
    const auto at = changed.find(from);
    ASSERT_NE(at, std::string::npos);
    catalog = catalog_of(changed.replace(at, from.size(), to).c_str());
  }

  caravan::testing::FakeClock clock;
  std::optional<jobs::Queue> queue;
  std::optional<workflow::RuleJobs> rules;
};

TEST_P(ApprovalsTest, AStepThatNeedsNoneIsTakenAtOnce) {
  const auto taken = ask(who(11), order("50000"));
  EXPECT_EQ(taken.approval, 0);
  EXPECT_EQ(taken.record.state(), "won");
  EXPECT_EQ(rows("approval"), 0);
}

TEST_P(ApprovalsTest, TheLastAgreementTakesTheStepAsWhoeverAsked) {
  const auto made = order("60000");
  const auto approval = asked(made);
  EXPECT_THAT(notices(), ElementsAre("22: 11 asks for your approval: Win (Order O-0001)", "33: 11 asks for your approval: Win (Order O-0001)"));
  EXPECT_THAT(box(who(22)), ElementsAre(approval));
  EXPECT_THAT(box(who(11)), IsEmpty());
  EXPECT_THAT(box(who(11), ApprovalQuery::Box::asked), ElementsAre(approval));
  EXPECT_THAT(box(who(44)), IsEmpty());
  const auto available = steps().available(who(11), gate().get(who(11), made.entity(), made.id()));
  EXPECT_FALSE(available.front().allowed);
  EXPECT_EQ(available.front().why, "Waiting for approval by Manager.");
  EXPECT_EQ(available.front().approval, approval);
  forget_notices();
  const auto view = decide(22, approval, Verdict::approve, "fine");
  EXPECT_EQ(view.approval.state, "approved");
  EXPECT_EQ(state_of(made), "won");
  EXPECT_THAT(notices(), ElementsAre("11: Approved: Win (Order O-0001)"));
  EXPECT_THAT(history(made), ElementsAre("11 create", "11 approval_asked:win: please", "22 approval_given:win: fine", "11 transition:win: please"));
  EXPECT_EQ(gate().timeline(who(1), made.entity(), made.id(), 0, 1).front().source, "approval " + std::to_string(approval));
  EXPECT_THAT(box(who(22)), IsEmpty());
  EXPECT_EQ(rows("approval_seat"), 0);
  EXPECT_EQ(refusal([&] { decide(33, approval); }).code(), ErrorCode::conflict);
}

TEST_P(ApprovalsTest, WhatIsGivenWithTheStepIsKept) {
  const auto made = order("60000");
  const auto approval = ask(who(11), made, "win", R"({"discount":7})").approval;
  EXPECT_EQ(text(gate().get(who(1), made.entity(), made.id()), "discount"), "null");
  const auto shown = workflow::shown_input(who(22), workflow::show_approval(gate(), who(22), approval));
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_EQ(shown.front().first->name, "discount");
  decide(22, approval);
  EXPECT_EQ(text(gate().get(who(1), made.entity(), made.id()), "discount"), "7");
  EXPECT_EQ(number("SELECT COUNT(*) FROM approval WHERE input_row IS NOT NULL"), 0);
}

TEST_P(ApprovalsTest, AnEmptyAmountIsNoReasonToAskNobody) {
  EXPECT_NE(ask(who(11), create(who(11), "shop.order", R"({"name":"a"})")).approval, 0);
}

TEST_P(ApprovalsTest, AskingTwiceAndTakingWithoutAskingAreRefused) {
  const auto made = order("60000");
  EXPECT_EQ(refusal([&] { steps().run(who(11), made.entity(), made.id(), "win", {}, {}, std::nullopt); }).code(), ErrorCode::conflict);
  asked(made);
  const auto again = refusal([&] { ask(who(12), made); });
  EXPECT_EQ(again.code(), ErrorCode::conflict);
  EXPECT_THAT(again.message(), HasSubstr("Manager"));
  EXPECT_EQ(rows("approval"), 1);
}

TEST_P(ApprovalsTest, WhatTheStepRefusesIsNotAskedFor) {
  const auto made = create(who(11), "shop.order", R"({"name":"no","budget":"60000"})");
  EXPECT_EQ(refusal([&] { ask(who(11), made); }).code(), ErrorCode::invalid_record);
  EXPECT_EQ(refusal([&] { ask(who(44), order("60000")); }).code(), ErrorCode::forbidden);
  EXPECT_EQ(rows("approval"), 0);
}

TEST_P(ApprovalsTest, StepsGoInOrderAndAllMeansAll) {
  const auto made = order("1000000");
  const auto approval = asked(made);
  EXPECT_EQ(refusal([&] { decide(44, approval); }).code(), ErrorCode::forbidden) << "the second step is not open yet";
  EXPECT_EQ(decide(22, approval).approval.step, 1u);
  EXPECT_EQ(state_of(made), "fresh");
  EXPECT_THAT(box(who(44)), ElementsAre(approval));
  EXPECT_EQ(decide(44, approval).approval.state, "waiting");
  EXPECT_EQ(refusal([&] { decide(44, approval); }).code(), ErrorCode::conflict) << "decided already";
  EXPECT_EQ(refusal([&] { decide(55, approval); }).code(), ErrorCode::forbidden) << "a treasurer has decided";
  EXPECT_THAT(box(who(55)), IsEmpty());
  EXPECT_EQ(decide(22, approval).approval.state, "approved") << "in another step, once more";
  EXPECT_EQ(state_of(made), "won");
}

TEST_P(ApprovalsTest, NobodyDecidesAboutHisOwn) {
  const auto approval = asked(order("60000"), "win", 22);
  const auto own = refusal([&] { decide(22, approval); });
  EXPECT_EQ(own.code(), ErrorCode::forbidden);
  EXPECT_EQ(own.message(), "Nobody decides about his own request.");
  EXPECT_THAT(box(who(22)), IsEmpty());
  EXPECT_THAT(notices(), ElementsAre(HasSubstr("33: ")));
  // Nor does his deputy, by his right.
  auto deputy = who(44);
  deputy.actor.deputy_of.push_back(who(22).actor);
  EXPECT_EQ(refusal([&] { decide(deputy, approval); }).code(), ErrorCode::forbidden);
  EXPECT_THAT(box(deputy), IsEmpty());
  // Nor the administrator who asked; another administrator may.
  const auto by_admin = ask(who(1), order("60000")).approval;
  EXPECT_EQ(refusal([&] { decide(1, by_admin); }).code(), ErrorCode::forbidden);
  EXPECT_EQ(decide(1, approval).approval.state, "approved");
}

TEST_P(ApprovalsTest, SelfLetsWhoeverAskedDecide) {
  const auto made = order("1");
  const auto approval = asked(made, "quit");
  EXPECT_EQ(decide(11, approval).approval.state, "approved");
  EXPECT_EQ(state_of(made), "lost");
}

TEST_P(ApprovalsTest, ADeputyDecidesForHisColleague) {
  const auto approval = asked(order("60000"));
  auto deputy = who(44);
  EXPECT_EQ(refusal([&] { decide(deputy, approval); }).code(), ErrorCode::not_found) << "it is nothing to him";
  deputy.actor.deputy_of.push_back(who(22).actor);
  EXPECT_THAT(box(deputy), ElementsAre(approval));
  const auto view = decide(deputy, approval);
  EXPECT_EQ(view.approval.state, "approved");
  ASSERT_EQ(view.approval.decisions.size(), 1u);
  EXPECT_EQ(view.approval.decisions[0].user_id, 44);
  EXPECT_EQ(view.approval.decisions[0].for_user, 22);
}

TEST_P(ApprovalsTest, WhoLentTheRightToAskDoesNotDecide) {
  const auto made = order("60000");
  auto deputy = who(44);
  deputy.actor.deputy_of.push_back(who(22).actor);  // a treasurer alone may not win it
  const auto approval = ask(deputy, made).approval;
  EXPECT_EQ(refusal([&] { decide(22, approval); }).code(), ErrorCode::forbidden);
  EXPECT_EQ(decide(33, approval).approval.state, "approved") << "the right that was lent when it was asked counts";
}

TEST_P(ApprovalsTest, ByUserIsWhomTheFieldNames) {
  const auto made = order("1", R"(,"boss":"44")");
  const auto approval = asked(made, "lose");
  EXPECT_THAT(box(who(44)), ElementsAre(approval));
  EXPECT_THAT(box(who(55)), IsEmpty());
  EXPECT_EQ(decide(44, approval).approval.state, "approved");
  EXPECT_EQ(state_of(made), "lost");
  const auto nobody = refusal([&] { ask(who(11), order("1"), "lose"); });
  EXPECT_EQ(nobody.code(), ErrorCode::invalid_record);
  EXPECT_EQ(refusal([&] { ask(who(11), order("1", R"(,"boss":"11")"), "lose"); }).code(), ErrorCode::invalid_record) << "his own";
}

TEST_P(ApprovalsTest, NobodyAgreesToWhatHeCannotSee) {
  const auto made = create(who(11), "shop.order", R"({"name":"secret","boss":"44"})");
  const auto approval = asked(made, "lose");
  EXPECT_EQ(refusal([&] { decide(44, approval); }).code(), ErrorCode::forbidden);
  const auto view = workflow::show_approval(gate(), who(44), approval);
  EXPECT_FALSE(view.record);
}

TEST_P(ApprovalsTest, ARejectionEndsItAndNeedsAReason) {
  const auto made = order("1000000");
  const auto approval = asked(made);
  const auto error = refusal([&] { decide(22, approval, Verdict::reject); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_record);
  EXPECT_EQ(error.fields().at(0).field, "comment");
  forget_notices();
  const auto view = decide(22, approval, Verdict::reject, "too cheap");
  EXPECT_EQ(view.approval.state, "rejected");
  EXPECT_EQ(view.approval.reason, "too cheap");
  EXPECT_EQ(state_of(made), "fresh");
  EXPECT_THAT(notices(), ElementsAre("11: Rejected: Win (Order O-0001). too cheap"));
  EXPECT_NE(asked(made), approval) << "it may be asked for again";
}

TEST_P(ApprovalsTest, OnlyWhoeverAskedTakesItBack) {
  const auto made = order("60000");
  const auto approval = asked(made);
  EXPECT_EQ(refusal([&] { decide(22, approval, Verdict::withdraw); }).code(), ErrorCode::forbidden);
  EXPECT_EQ(refusal([&] { decide(12, approval, Verdict::withdraw); }).code(), ErrorCode::not_found);
  forget_notices();
  EXPECT_EQ(decide(11, approval, Verdict::withdraw, "mistake").approval.state, "withdrawn");
  EXPECT_THAT(notices(), UnorderedElementsAre(HasSubstr("22: 11 has taken the request back"), HasSubstr("33: 11 has taken")));
  EXPECT_EQ(refusal([&] { decide(22, approval); }).code(), ErrorCode::conflict);
  EXPECT_EQ(state_of(made), "fresh");
}

TEST_P(ApprovalsTest, AChangeThatTheRulesReadMakesItVoidAndOthersDoNot) {
  const auto made = order("60000");
  const auto approval = asked(made);
  change(who(12), made, R"({"note":"nice"})");
  EXPECT_THAT(box(who(22)), ElementsAre(approval));
  forget_notices();
  change(who(12), made, R"({"budget":"70000"})");
  EXPECT_THAT(box(who(22)), IsEmpty());
  EXPECT_EQ(workflow::end_text(who(11), workflow::show_approval(gate(), who(11), approval).approval), "Budget was changed meanwhile.");
  EXPECT_THAT(notices(), UnorderedElementsAre(HasSubstr("22: The request of 11 is void: Win (Order O-0001). Budget was changed"), HasSubstr("33: "),
                                              HasSubstr("11: Your request is void")));
  EXPECT_EQ(refusal([&] { decide(22, approval); }).code(), ErrorCode::conflict);
  EXPECT_EQ(history(made).back(), "12 approval_void:win: Budget was changed meanwhile.");
}

TEST_P(ApprovalsTest, WhatIsDecidedAboutIsTheVersionThatWasSeen) {
  const auto made = order("950000");
  const auto approval = asked(made);
  const auto seen = gate().get(who(22), made.entity(), made.id()).version();
  change(who(11), made, R"({"note":"and a promise"})");
  const auto agree = [&](std::int64_t user, std::int64_t version) {
    return workflow::decide_approval(gate(), who(user), approval, Verdict::approve, "", version);
  };
  EXPECT_EQ(refusal([&] { agree(22, seen); }).code(), ErrorCode::stale);
  EXPECT_EQ(refusal([&] { workflow::decide_approval(gate(), who(22), approval, Verdict::reject, "no", seen); }).code(), ErrorCode::stale);
  EXPECT_EQ(state_of(made), "fresh");
  EXPECT_EQ(rows("approval_decision"), 0);
  const auto now_seen = gate().get(who(22), made.entity(), made.id()).version();
  const auto view = agree(22, now_seen);
  ASSERT_EQ(view.approval.decisions.size(), 1u);
  EXPECT_EQ(view.approval.decisions[0].version, now_seen);
  EXPECT_EQ(workflow::show_approval(gate(), who(11), approval).approval.decisions[0].version, now_seen) << "and it is kept";
  EXPECT_GT(gate().get(who(44), made.entity(), made.id()).version(), now_seen);
  EXPECT_EQ(agree(44, now_seen).approval.decisions.size(), 2u) << "what others decided makes it no other record";
}

TEST_P(ApprovalsTest, ADefinitionSaysWhichChangesBesideVoidIt) {
  replace("form: win_form\n", "form: win_form\n      void_on: [note, owner]\n");
  const auto made = order("60000");
  asked(made);
  change(who(11), made, R"({"reason":"x"})");
  EXPECT_EQ(rows("approval WHERE state = 'waiting'"), 1);
  change(who(11), made, R"({"note":"and a promise"})");
  EXPECT_EQ(rows("approval WHERE state = 'waiting'"), 0);
  EXPECT_EQ(rows("approval WHERE state = 'void'"), 1);
}

TEST_P(ApprovalsTest, ARecordThatMovesOnOrIsDeletedTakesItsApprovalsWithIt) {
  const auto made = order("60000"), other = order("60000");
  const auto one = asked(made), two = asked(other);
  ask(who(11), made, "drop");
  gate().remove(who(11), other.entity(), other.id(), std::nullopt);
  for (const auto& [approval, why] : {std::pair(one, "left_state"), {two, "record_gone"}}) {
    const auto view = workflow::show_approval(gate(), who(11), approval);
    EXPECT_EQ(view.approval.state, "void");
    EXPECT_EQ(view.approval.reason, why);
  }
}

TEST_P(ApprovalsTest, WhatIsNotPossibleAnyMoreIsVoidWithTheReason) {
  const auto made = order("60000");
  const auto approval = asked(made);
  database().transact([](storage::Session& session) { session.execute("UPDATE core_user SET roles = '[\"shop.treasurer\"]' WHERE id = 11"); });
  const auto view = decide(22, approval);
  EXPECT_EQ(view.approval.state, "void");
  EXPECT_THAT(workflow::end_text(who(11), view.approval), HasSubstr("is for: Seller, Manager"));
  EXPECT_EQ(state_of(made), "fresh");
  const auto second = asked(order("60000"), "win", 12);
  database().transact([](storage::Session& session) { session.execute("UPDATE core_user SET active = 0 WHERE id = 12"); });
  EXPECT_EQ(decide(22, second).approval.reason, "asker_gone");
}

TEST_P(ApprovalsTest, WaitingOnesKeepTheirStepsWhenTheDefinitionChanges) {
  const auto made = order("60000");
  const auto approval = asked(made);
  replace("by: [manager], when: \"record.budget > 50000\"", "by: [treasurer], when: \"record.budget > 99000\"");
  EXPECT_EQ(refusal([&] { decide(44, approval); }).code(), ErrorCode::not_found);
  EXPECT_EQ(decide(22, approval).approval.state, "approved");
  EXPECT_EQ(state_of(made), "won");
}

TEST_P(ApprovalsTest, WhenTheStepIsGoneSoIsItsApproval) {
  const auto one = asked(order("1"), "quit"), two = asked(order("60000"));
  replace("    quit:\n", "    leave:\n");
  rules->plan_soon();
  forget_notices();
  queue->drain();
  EXPECT_EQ(workflow::show_approval(gate(), who(11), one).approval.reason, "definition");
  EXPECT_TRUE(workflow::show_approval(gate(), who(11), two).approval.waits());
  EXPECT_THAT(notices(), ::testing::Contains(HasSubstr("11: Your request is void")));
}

TEST_P(ApprovalsTest, RemindersComeUntilItEnds) {
  const auto made = order("60000");
  const auto approval = asked(made);
  forget_notices();
  for (const char* at : {"2026-11-22T09:59:00Z", "2026-11-22T10:00:01Z", "2026-11-23T10:00:02Z"}) {
    clock.set(*parse_timestamp(at));
    queue->drain();
  }
  EXPECT_EQ(notices().size(), 4u) << "two people, twice";
  EXPECT_THAT(notices().front(), HasSubstr("Still waiting for your approval"));
  decide(22, approval, Verdict::reject, "no");
  clock.set(*parse_timestamp("2026-11-30T10:00:00Z"));
  forget_notices();
  queue->drain();
  EXPECT_THAT(notices(), IsEmpty());
  EXPECT_EQ(rows("job"), 0);
}

TEST_P(ApprovalsTest, DeputiesAreToldToo) {
  create(who(1), "core.delegation", R"({"deputy":"55","ends_at":"2026-12-01T00:00:00Z"})");
  database().transact([&](storage::Session& session) {
    storage::run_sql(session, "UPDATE core_delegation SET user = 22, starts_at = ?", Timestamp{now.micros - 1});
  });
  asked(order("60000"));
  EXPECT_THAT(notices(), UnorderedElementsAre(HasSubstr("22: "), HasSubstr("33: "), HasSubstr("55: ")));
}

TEST_P(ApprovalsTest, ItMayBeTakenBackByWhoeverAsked) {
  const auto made = order("60000");
  decide(22, asked(made));
  EXPECT_EQ(refusal([&] { steps().undo(who(22), made.entity(), made.id(), std::nullopt); }).code(), ErrorCode::forbidden);
  EXPECT_EQ(steps().undo(who(11), made.entity(), made.id(), std::nullopt).state(), "fresh");
}

TEST_P(ApprovalsTest, PagesFollowEachOther) {
  std::vector<std::int64_t> all;
  for (int i = 0; i < 5; ++i) {
    clock.set(Timestamp{clock.now().micros + 1000});
    all.push_back(asked(order("60000")));
  }
  std::vector<std::int64_t> seen;
  ApprovalQuery query;
  query.limit = 2;
  do {
    const auto page = workflow::list_approvals(gate(), who(22), query);
    for (const auto& view : page.items) seen.push_back(view.approval.id);
    query.after = page.next;
  } while (!query.after.empty());
  EXPECT_EQ(seen, all) << "the oldest first";
  query.after = "1.x";
  EXPECT_EQ(refusal([&] { workflow::list_approvals(gate(), who(22), query); }).code(), ErrorCode::invalid_argument);
  query.after.clear();
  query.box = ApprovalQuery::Box::all;
  EXPECT_EQ(refusal([&] { workflow::list_approvals(gate(), who(22), query); }).code(), ErrorCode::forbidden);
  EXPECT_EQ(workflow::list_approvals(gate(), who(1), query).items.size(), 2u);
}

TEST_P(ApprovalsTest, OfWhatSeveralDoAtOnceExactlyOneHappens) {
  for (int round = 0; round < 6; ++round) {
    const auto made = order("60000");
    const auto approval = asked(made);
    std::atomic<int> ready{0}, done{0};
    std::vector<ErrorCode> refused;
    std::mutex mutex;
    const auto go = [&](const std::function<void()>& what) {
      return std::thread([&, what] {
        for (++ready; ready < 4;) std::this_thread::yield();
        try {
          what();
          ++done;
        } catch (const Error& error) {
          const std::lock_guard lock(mutex);
          refused.push_back(error.code());
        }
      });
    };
    std::vector<std::thread> threads;
    threads.push_back(go([&] { decide(22, approval); }));
    threads.push_back(go([&] { decide(33, approval, Verdict::reject, "no"); }));
    threads.push_back(go([&] { decide(11, approval, Verdict::withdraw); }));
    threads.push_back(go([&] { decide(22, approval); }));
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(done, 1);
    EXPECT_EQ(refused, std::vector<ErrorCode>(3, ErrorCode::conflict));
    const auto view = workflow::show_approval(gate(), who(11), approval);
    EXPECT_FALSE(view.approval.waits());
    EXPECT_EQ(state_of(made), view.approval.state == "approved" ? "won" : "fresh");
    EXPECT_EQ(view.approval.decisions.size(), view.approval.state == "withdrawn" ? 0u : 1u);
  }
}

TEST_P(ApprovalsTest, TwoWhoAskAtOnceAskOnce) {
  for (int round = 0; round < 4; ++round) {
    const auto made = order("60000");
    std::atomic<int> ready{0}, done{0};
    std::vector<std::thread> threads;
    for (const int user : {11, 12}) {
      threads.emplace_back([&, user] {
        for (++ready; ready < 2;) std::this_thread::yield();
        try {
          ask(who(user), made);
          ++done;
        } catch (const Error& error) {
          EXPECT_EQ(error.code(), ErrorCode::conflict);
        }
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(done, 1);
  }
}

TEST_P(ApprovalsTest, RowsOfABulkWaitEachForItself) {
  const std::vector<records::Record> orders{order("60000"), order("10"), order("70000")};
  const auto results = records::run_rows(gate(), who(11), 3, false, [&](records::Work& work, std::size_t row) {
    const auto taken = workflow::Transitions::take_in(work, orders[row].entity(), orders[row].id(), "win", {}, {}, std::nullopt, workflow::Consent::asked);
    return records::RowResult{taken.record.id(), taken.record.version(), std::nullopt, taken.approval};
  });
  EXPECT_NE(results[0].approval, 0);
  EXPECT_EQ(results[1].approval, 0);
  EXPECT_NE(results[2].approval, 0);
  EXPECT_EQ(state_of(orders[1]), "won");
  EXPECT_EQ(box(who(22)).size(), 2u);
}

TEST_P(ApprovalsTest, OldOnesAreForgotten) {
  const auto approval = asked(order("60000"));
  decide(22, approval);
  asked(order("60000"));
  const auto purge = [&](std::int64_t days) {
    std::int64_t gone = 0;
    database().transact([&](storage::Session& session) { gone = workflow::purge_approvals(session, Timestamp{now.micros + days * 86'400'000'000}); });
    return gone;
  };
  EXPECT_EQ(purge(399), 0);
  EXPECT_EQ(purge(401), 1);
  EXPECT_EQ(rows("approval"), 1);
  EXPECT_EQ(rows("approval_decision"), 0);
}

const std::string ordered_by_rule = approvals_shop + R"yaml(
---
kind: automation
name: shop.win_now
on: shop.order.updated
in: transaction
when: record.state == 'fresh' && (record.note == 'now' || record.note == 'again')
do: {win: {transition: win}}
)yaml";

TEST_P(ApprovalsTest, ARuleAsksAndDoesNotPassBy) {
  catalog = catalog_of(ordered_by_rule.c_str());
  const auto made = order("60000");
  change(who(22), made, R"({"note":"now"})");
  EXPECT_EQ(state_of(made), "fresh");
  const auto waiting = box(who(33));
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_THAT(box(who(22)), IsEmpty()) << "his change set it off";
  EXPECT_EQ(refusal([&] { decide(22, waiting.front()); }).code(), ErrorCode::forbidden);
  EXPECT_THAT(notices(), ElementsAre(HasSubstr("33: The system asks for your approval")));
  change(who(11), made, R"({"note":"again"})");
  EXPECT_EQ(rows("approval"), 1) << "it waits already";
  EXPECT_EQ(decide(33, waiting.front()).approval.state, "approved");
  EXPECT_EQ(state_of(made), "won");
  EXPECT_EQ(gate().timeline(who(1), made.entity(), made.id(), 0, 1).front().actor_id, 0);
}

const std::string ordered_later = approvals_shop + R"yaml(
---
kind: automation
name: shop.win_later
on: shop.order.updated
becomes: record.note == 'later' || record.reason == 'go'
do: {win: {transition: win}}
---
kind: automation
name: shop.win_by_way
on: shop.order.updated
becomes: record.note == 'by way'
do: {reason: {set: {reason: "'go'"}}}
---
kind: automation
name: shop.win_in_time
on: shop.order
at: record.due
do: {win: {transition: win}}
---
kind: schedule
name: shop.win_all
cron: "0 8 * * *"
entity: shop.order
do: {win: {transition: win}}
)yaml";

TEST_P(ApprovalsTest, WhoeverSetARuleOffDoesNotDecideHoweverLateItRuns) {
  catalog = catalog_of(ordered_later.c_str());
  const auto only_others = [&](const char* how) {
    const auto waiting = box(who(33));
    EXPECT_THAT(box(who(22)), IsEmpty()) << how;
    ASSERT_EQ(waiting.size(), 1u) << how;
    EXPECT_EQ(refusal([&] { decide(22, waiting.front()); }).code(), ErrorCode::forbidden) << how;
    EXPECT_EQ(decide(33, waiting.front()).approval.state, "approved") << how;
  };
  change(who(22), order("60000"), R"({"note":"later"})");
  queue->drain();
  only_others("after the commit");
  change(who(22), order("60000"), R"({"note":"by way"})");
  queue->drain();
  only_others("by another rule");
  change(who(22), order("60000"), R"({"due":"2026-12-01T08:00:00Z"})");
  clock.set(*parse_timestamp("2026-12-01T08:00:00Z"));
  queue->drain();
  only_others("at the time that he set");
  order("60000");
  rules->run_now(who(22), *catalog->schedules.front());
  queue->drain();
  only_others("by hand");
}

TEST_P(ApprovalsTest, ARulesStepThatNeedsNoneIsTakenAtOnce) {
  catalog = catalog_of(ordered_by_rule.c_str());
  const auto made = order("1");
  change(who(22), made, R"({"note":"now"})");
  EXPECT_EQ(state_of(made), "won");
  EXPECT_EQ(rows("approval"), 0);
}

TEST_P(ApprovalsTest, TheSystemAsksToo) {
  const auto made = order("60000");
  auto system = who(1);
  system.actor = records::Actor();
  system.actor.system = true;
  EXPECT_NE(ask(system, made).approval, 0);
  EXPECT_EQ(state_of(made), "fresh");
}

TEST_P(ApprovalsTest, AChangeThatConcernsNoApprovalCostsNoStatement) {
  const auto made = order("60000");
  const auto& orders = made.entity();
  const auto statements = [&](const std::string& json) {
    std::uint64_t before = 0, after = 0;
    const auto input = records::parse_input(*catalog, orders, json, "en");
    gate().transact(who(11), [&](records::Work& work) {
      before = work.session().statement_count();
      work.update(orders, made.id(), input, std::nullopt);
    });
    gate().transact(who(11), [&](records::Work& work) { after = work.session().statement_count(); });
    return after - before;
  };
  const std::uint64_t frame = GetParam() == storage::Dialect::sqlite ? 2 : 1;
  EXPECT_EQ(statements(R"({"note":"x"})"), 3 + frame) << "read and lock, row, event";
  EXPECT_EQ(statements(R"({"budget":"60001"})"), 4 + frame) << "and what waits, for the amount decides";
}

CARAVAN_ON_BOTH_DATABASES(ApprovalsTest);

}  // namespace
}  // namespace caravan::test
