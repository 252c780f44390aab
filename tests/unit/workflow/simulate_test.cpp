#include "workflow/simulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "jobs/queue.h"
#include "model/process.h"
#include "storage/query.h"
#include "support/fake_clock.h"
#include "support/gate.h"
#include "workflow/clocks.h"
#include "workflow/rule_jobs.h"
#include "workflow/rules.h"

namespace caravan::test {
namespace {

const char* const desk = R"yaml(
kind: choices
name: shop.priority
label: {en: Priority}
options: {high: {label: {en: High}}, normal: {label: {en: Normal}}, low: {label: {en: Low}}}
---
kind: entity
name: shop.team
label: {en: Team}
fields:
  name: {type: text, max: 40, label: {en: Name}}
  limit: {type: int, label: {en: Limit}}
---
kind: entity
name: shop.ticket
label: {en: Ticket}
number: "T-{seq:4}"
fields:
  title: {type: text, max: 40, required: true, label: {en: Title}}
  team: {type: ref, to: team, label: {en: Team}}
  priority: {type: choice, choices: priority, default: normal, label: {en: Priority}}
  amount: {type: int, default: 0, label: {en: Amount}}
  double: {type: int, compute: "record.amount * 2", label: {en: Double}}
  price: {type: money, label: {en: Price}}
  answer: {type: text, max: 80, label: {en: Answer}}
  due: {type: instant, label: {en: Due}}
  ask_at: {type: instant, label: {en: Ask at}}
  asked: {type: int, default: 0, label: {en: Asked}}
  visits: {type: int, default: 0, label: {en: Visits}}
  warned: {type: int, default: 0, label: {en: Warned}}
  level: {type: int, default: 0, label: {en: Level}}
  marks: {type: int, default: 0, label: {en: Marks}}
  large: {type: int, default: 0, label: {en: Large}}
invariants:
  amount: {check: "record.amount < 1000", message: {en: Too much}}
workflow:
  initial: fresh
  states:
    fresh: {label: {en: Fresh}}
    going: {label: {en: Going}, enter: {visit: {set: {visits: "record.visits + 1"}}}}
    waiting: {label: {en: Waiting}, category: waiting}
    checked: {label: {en: Checked}}
    late: {label: {en: Late}, category: done}
    closed: {label: {en: Closed}, category: done, clock: rest}
  transitions:
    go: {label: {en: Go}, from: [fresh, waiting], to: going}
    wait: {label: {en: Wait}, from: [fresh, going], to: waiting}
    check: {label: {en: Check}, from: going, to: checked, automatic: true, when: "record.amount >= 60"}
    expire: {label: {en: Expire}, from: [fresh, waiting], to: late, at: record.due}
    close: {label: {en: Close}, from: [going, checked, late], to: closed, when: "record.amount >= 10", do: {mark: {set: {marks: "record.marks + 1"}}}}
    reopen: {label: {en: Reopen}, from: closed, to: going}
---
kind: automation
name: shop.grows
label: {en: Grows}
on: shop.ticket.updated
becomes: "record.amount > 30"
in: transaction
do: {count: {set: {large: "record.large + 1"}}}
---
kind: automation
name: shop.reopened
label: {en: Reopened}
on: shop.ticket.transition.reopen
do: {count: {set: {asked: "record.asked + 10"}}}
---
kind: automation
name: shop.asks
label: {en: Asks}
on: shop.ticket
at: record.ask_at
when: "record.state != 'closed'"
do: {count: {set: {asked: "record.asked + 1"}}}
---
kind: calendar
name: shop.office
label: {en: Office}
time_zone: UTC
hours: {daily: ["08:00-20:00"]}
---
kind: clock
name: shop.answer
label: {en: First answer}
entity: ticket
start: "record.state != 'closed'"
pause: "record.state == 'waiting'"
stop: "record.answer != null || record.state == 'closed'"
within: "record.priority == 'high' ? duration('2h') : duration('6h')"
calendar: office
warn:
  half: {before: 1h, do: {mark: {set: {warned: "record.warned + 1"}}}}
breach:
  late: {do: {mark: {set: {level: "1"}}}}
  boss: {after: 3h, do: {wait: {transition: wait, when: "record.state in ['fresh', 'going']"}}}
---
kind: clock
name: shop.rest
label: {en: Rest}
entity: ticket
within: 10h
---
kind: role
name: shop.clerk
label: {en: Clerk}
grants: {ticket: {read: true, create: true, update: true, delete: true}}
)yaml";

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const auto at = text.find(what);
  if (at == std::string::npos) ADD_FAILURE() << "not there: " << what;
  else text.replace(at, what.size(), with);
  return text;
}

struct Operation {
  std::size_t record = 0;
  std::int64_t second = 0;
  enum { create, update, step } kind = create;
  std::string what;  ///< fields as JSON, or the step
};

struct SimulateTest : GateTest {
  const char* definitions() const override { return desk; }
  void SetUp() override {
    GateTest::SetUp();
    if (IsSkipped()) return;
    gate().set_hooks(workflow::with_clocks(std::make_shared<workflow::Rules>(nullptr)));
    jobs::QueueOptions options;
    options.database_time = false;
    queue.emplace(database(), clock, options);
    in_use = catalog;
    rules.emplace(gate(), [this] { return in_use; }, *queue, sequences());
    clocks.emplace(gate(), [this] { return in_use; }, [this] { return clock.now(); });
    queue->handle(workflow::clock_timer_kind, [this](jobs::Attempt& attempt) { clocks->timer(attempt); });
    queue->handle(workflow::clock_action_kind, [this](jobs::Attempt& attempt) { clocks->action(attempt); });
  }
  void TearDown() override {
    clocks.reset();
    rules.reset();
    queue.reset();
    GateTest::TearDown();
  }
  Timestamp at(std::int64_t second) const { return {start.micros + second * 1'000'000}; }
  records::Context clerk(std::int64_t user = 0, const std::string& role = "shop.clerk") {
    records::Context context = as(role, user);
    context.actor.system = user == 0;
    context.catalog = in_use;
    context.now = clock.now();
    return context;
  }
  const model::Entity& ticket() { return *in_use->entity("shop.ticket"); }
  /// Each timer at its own time.
  void run_until(Timestamp to) {
    for (;;) {
      std::optional<Timestamp> next;
      {
        auto session = database().read();
        storage::Query query(*session, "SELECT MIN(run_at) FROM job WHERE state <> 'dead'");
        if (query.next()) next = query.instant(0);
      }
      if (!next || *next > to) break;
      clock.set(std::max(*next, clock.now()));
      if (queue->drain() == 0) break;
    }
    clock.set(to);
  }

  /// Plays the operations under the definitions in use, from `begin` on; what is refused is left out of those that are returned.
  std::vector<Operation> play(const std::vector<Operation>& operations, std::vector<std::int64_t>& ids) {
    ids.clear();
    std::vector<Operation> done;
    for (const Operation& one : operations) {
      run_until(at(one.second));
      if (one.kind != Operation::create && (one.record >= ids.size() || ids[one.record] == 0)) continue;
      try {
        if (one.kind == Operation::create) {
          ids.resize(std::max(ids.size(), one.record + 1));
          ids[one.record] = gate().create(clerk(), ticket(), records::parse_input(*in_use, ticket(), one.what, "en")).id();
        } else if (one.kind == Operation::update) {
          gate().update(clerk(), ticket(), ids[one.record], records::parse_input(*in_use, ticket(), one.what, "en"), std::nullopt);
        } else {
          steps().run(clerk(), ticket(), ids[one.record], one.what, {}, {}, std::nullopt);
        }
        done.push_back(one);
      } catch (const Error& error) {
        if (error.code() != ErrorCode::invalid_record && error.code() != ErrorCode::conflict && error.code() != ErrorCode::not_found) throw;
      }
    }
    run_until(end);
    return done;
  }
  /// State and fields of the record as JSON, without what differs from one replay to the next.
  std::map<std::string, std::string> values(std::int64_t id) {
    std::map<std::string, std::string> out;
    if (id == 0) return out;
    const auto record = gate().get(clerk(), ticket(), id);
    for (const auto& field : ticket().fields) {
      if (field->system && field->slot != model::slot_state) continue;
      records::write_value(out[field->name], *field, record[field->slot]);
    }
    return out;
  }
  std::map<std::int64_t, workflow::RecordOutcome> simulate(const std::shared_ptr<const model::Catalog>& next, workflow::SimulationQuery query = {}) {
    query.until = clock.now();
    query.entity = "shop.ticket";
    query.work = 50;  // many parts
    std::map<std::int64_t, workflow::RecordOutcome> found;
    last = {};
    do {
      auto part = workflow::simulate(database(), catalog, next, query);
      for (auto& one : part.changed) found.emplace(one.outcome.id, std::move(one.outcome));
      last.records += part.records;
      last.events += part.events;
      last.unexplained += part.unexplained;
      last.erased += part.erased;
      last.headless += part.headless;
      for (const auto& [reason, count] : part.reasons) last.reasons[reason] += count;
      if (query.after.empty()) last.states = part.states, last.problems = part.problems;
      query.after = part.next;
    } while (!query.after.empty());
    return found;
  }
  static std::vector<std::string> told(const workflow::RecordOutcome& outcome) {
    std::vector<std::string> lines;
    for (const auto& one : outcome.differences) lines.push_back(one.rule + " " + one.kind + (one.follows ? " follows" : ""));
    return lines;
  }
  workflow::RecordOutcome only(const std::shared_ptr<const model::Catalog>& next, workflow::SimulationQuery query = {}) {
    auto found = simulate(next, std::move(query));
    if (found.size() != 1) ADD_FAILURE() << found.size() << " records go another way";
    return found.empty() ? workflow::RecordOutcome() : std::move(found.begin()->second);
  }
  records::Record one(const char* json = R"({"title":"A"})", std::int64_t user = 0) {
    return gate().create(clerk(user), ticket(), records::parse_input(*in_use, ticket(), json, "en"));
  }
  void edit(const records::Record& record, const char* json, std::int64_t user = 0) {
    gate().update(clerk(user), ticket(), record.id(), records::parse_input(*in_use, ticket(), json, "en"), std::nullopt);
  }
  void step(const records::Record& record, const char* name, std::int64_t user = 0) {
    steps().run(clerk(user), ticket(), record.id(), name, {}, {}, std::nullopt);
  }

  const Timestamp start = *parse_timestamp("2026-03-02T08:00:00Z"), end = *parse_timestamp("2026-03-20T08:00:00Z");
  caravan::testing::FakeClock clock;
  std::shared_ptr<const model::Catalog> in_use;
  std::optional<jobs::Queue> queue;
  std::optional<workflow::RuleJobs> rules;
  std::optional<workflow::Clocks> clocks;
  workflow::SimulationPart last;
};

std::vector<Operation> history(std::size_t records) {
  std::mt19937 random(20261122);
  const auto upto = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
  std::vector<Operation> operations;
  for (std::size_t record = 0; record < records; ++record) {
    std::int64_t second = upto(3 * 86'400);
    const auto moment = [&](std::int64_t more) { return "\"" + format_timestamp({parse_timestamp("2026-03-02T08:00:00Z")->micros + more * 1'000'000}) + "\""; };
    std::string fields = "{\"title\":\"R" + std::to_string(record) + "\"";
    if (upto(2) == 0) fields += upto(1) == 0 ? ",\"priority\":\"high\"" : ",\"priority\":\"low\"";  // who says what the default says cannot be told apart
    if (upto(2) == 0) fields += ",\"amount\":" + std::to_string(upto(80));
    if (upto(3) == 0) fields += ",\"price\":\"" + std::to_string(upto(900)) + ".50\",\"price_currency\":\"EUR\"";
    if (upto(2) == 0) fields += ",\"due\":" + moment(second + 3600 * (1 + upto(60)));
    if (upto(2) == 0) fields += ",\"ask_at\":" + moment(second + 3600 * (1 + upto(60)));
    operations.push_back({record, second, Operation::create, fields + "}"});
    for (int turn = upto(9); turn > 0; --turn) {
      second += 60 * (1 + upto(900));
      const char* const names[] = {"go", "wait", "close", "reopen", "go", "close"};
      switch (upto(5)) {
        case 0: operations.push_back({record, second, Operation::update, "{\"amount\":" + std::to_string(upto(90)) + "}"}); break;
        case 1: operations.push_back({record, second, Operation::update, "{\"priority\":\"" + std::string(upto(1) == 0 ? "high" : "low") + "\",\"price\":\"" + std::to_string(upto(99)) + ".00\"}"}); break;
        case 2: operations.push_back({record, second, Operation::update, upto(2) == 0 ? "{\"answer\":\"yes\"}" : "{\"ask_at\":" + moment(second + 60 * upto(600)) + "}"}); break;
        default: operations.push_back({record, second, Operation::step, names[upto(5)]});
      }
    }
  }
  // No two at one moment: what comes first there is nobody's word.
  std::stable_sort(operations.begin(), operations.end(), [](const Operation& a, const Operation& b) { return a.second < b.second; });
  std::int64_t last = -1;
  for (Operation& one : operations) last = one.second = std::max(one.second, last + 1);
  return operations;
}

/// Rules that are changed one at a time, and how.
struct Change {
  const char *name, *what, *with;
};
const Change changes[] = {
    {"nothing", "label: {en: Fresh}", "label: {en: New}"},
    {"guard", "record.amount >= 10", "record.amount >= 40"},
    {"automatic step", "record.amount >= 60", "record.amount >= 20"},
    {"timed step", "at: record.due}", "at: record.due, when: \"record.priority == 'high'\"}"},
    {"clock's limit", "duration('6h')", "duration('2h')"},
    {"clock's pause", "pause: \"record.state == 'waiting'\"", "pause: \"record.state == 'fresh'\""},
    {"automation", "record.amount > 30", "record.amount > 50"},
    {"timed automation", "record.state != 'closed'\"\ndo", "record.state == 'closed'\"\ndo"},
    {"effects", "visits: \"record.visits + 1\"", "visits: \"record.visits + 2\""},
    {"default", "choices: priority, default: normal", "choices: priority, default: high"},
    {"computed", "record.amount * 2", "record.amount * 3"},
    {"step's source", "from: [fresh, waiting], to: going}", "from: fresh, to: going}"},
    {"required", "from: [fresh, waiting], to: going}", "from: [fresh, waiting], to: going, require: [price]}"},
};

TEST_P(SimulateTest, PredictsARealRerunRecordByRecord) {
  std::vector<std::int64_t> first, again;
  const auto done = play(history(30), first);
  ASSERT_GT(done.size(), 80u);
  std::map<std::size_t, std::map<std::string, std::string>> was;
  for (std::size_t i = 0; i < first.size(); ++i) was[i] = values(first[i]);
  const auto last_event = [&] {
    auto session = database().read();
    storage::Query query(*session, "SELECT MAX(id) FROM event");
    return query.next() ? query.integer(0) : 0;
  };
  std::map<std::string, std::size_t> counts;
  std::vector<std::map<std::int64_t, workflow::RecordOutcome>> predictions;
  for (const Change& change : changes) {
    const auto before = last_event();
    predictions.push_back(simulate(catalog_of(replaced(desk, change.what, change.with))));
    EXPECT_EQ(last_event(), before) << "something was written";
    EXPECT_EQ(last.records, 30);
    EXPECT_EQ(last.unexplained, 0) << change.name << ": " << (last.reasons.empty() ? "" : last.reasons.begin()->first);
  }
  for (std::size_t c = 0; c < std::size(changes); ++c) {
    // What a rule does is the same on both; some are enough to see that the histories are.
    if (database().dialect() == storage::Dialect::mysql && c % 4 != 1) continue;
    SCOPED_TRACE(changes[c].name);
    const auto& predicted = predictions[c];
    in_use = catalog_of(replaced(desk, changes[c].what, changes[c].with));
    clock.set(start);
    play(done, again);
    std::size_t moved = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
      auto wanted = was[i];
      if (const auto found = predicted.find(first[i]); found != predicted.end()) {
        for (const auto& field : found->second.fields) {
          EXPECT_EQ(wanted[field.field], field.present) << "record " << i << ", " << field.field;
          wanted[field.field] = field.next;
        }
      }
      const auto is = values(again[i]);
      EXPECT_EQ(is, wanted) << "record " << i << (predicted.contains(first[i]) ? ": " + ::testing::PrintToString(told(predicted.at(first[i]))) : "");
      if (is != was[i]) ++moved;
    }
    counts[changes[c].name] = moved;
    const auto otherwise = std::count_if(predicted.begin(), predicted.end(), [](const auto& one) { return !one.second.fields.empty(); });
    EXPECT_EQ(static_cast<std::size_t>(otherwise), moved);
  }
  EXPECT_TRUE(predictions[0].empty()) << "a label goes another way";
  for (const auto& [name, count] : counts) {
    if (name == "nothing") {
      EXPECT_EQ(count, 0u);
    } else {
      EXPECT_GT(count, 0u) << name;
    }
  }
}

TEST_P(SimulateTest, TellsWhyAndWhenAStepIsRefused) {
  clock.set(start);
  const auto record = one(R"({"title":"A","amount":20})");
  step(record, "go");
  clock.set(at(60));
  step(record, "close");
  clock.set(at(120));
  step(record, "reopen");
  run_until(at(180));
  const auto outcome = only(catalog_of(replaced(desk, "record.amount >= 10", "record.amount >= 40")));
  EXPECT_THAT(told(outcome), ::testing::Contains("step shop.ticket.close refused"));
  EXPECT_THAT(told(outcome), ::testing::Contains("step shop.ticket.reopen refused follows"));
  ASSERT_FALSE(outcome.differences.empty());
  EXPECT_EQ(outcome.differences.front().what, "its guard does not hold: record.amount >= 40");
  EXPECT_EQ(outcome.differences.front().present, at(60));
  EXPECT_EQ("\"" + outcome.number + "\"", text(record, "number"));
  EXPECT_TRUE(outcome.unexplained.empty()) << outcome.unexplained.front();
}

TEST_P(SimulateTest, RolesAreThoseOfTheMoment) {
  clock.set(start);
  const auto user = gate().create(clerk(), *in_use->entity("core.user"), records::parse_input(*in_use, *in_use->entity("core.user"), R"({"username":"li","name":"Li","roles":["shop.clerk"]})", "en"));
  const auto record = one(R"({"title":"A","amount":20})", user.id());
  step(record, "go", user.id());
  clock.set(at(60));
  gate().update(clerk(), user.entity(), user.id(), records::parse_input(*in_use, user.entity(), R"({"roles":[]})", "en"), std::nullopt);
  EXPECT_TRUE(simulate(catalog_of(replaced(desk, "label: {en: Fresh}", "label: {en: New}"))).empty());
  const std::string boss = "\n---\nkind: role\nname: shop.boss\nlabel: {en: Boss}\ngrants: {ticket: {read: true, update: true}}\n";
  const auto outcome = only(catalog_of(replaced(desk, "from: [fresh, waiting], to: going}", "from: [fresh, waiting], to: going, by: [boss]}") + boss));
  ASSERT_FALSE(outcome.differences.empty());
  EXPECT_EQ(outcome.differences.front().rule, "step shop.ticket.go");
  EXPECT_EQ(outcome.differences.front().what, "no role lets him take it");
  EXPECT_EQ(outcome.next_state, "fresh");
}

TEST_P(SimulateTest, WhereItIsNotKnownWhetherApprovalIsNeededItIs) {
  clock.set(start);
  const auto user = gate().create(clerk(), *in_use->entity("core.user"), records::parse_input(*in_use, *in_use->entity("core.user"), R"({"username":"li","name":"Li","roles":["shop.clerk"]})", "en"));
  const auto record = one(R"({"title":"A"})", user.id());
  step(record, "go", user.id());
  const auto outcome = only(catalog_of(replaced(desk, "from: [fresh, waiting], to: going}",
                                                "from: [fresh, waiting], to: going, approval: {boss: {by: [clerk], when: \"record.price > 500\"}}}")));
  EXPECT_EQ(told(outcome), std::vector<std::string>{"approval shop.ticket.go.boss waits"});
}

TEST_P(SimulateTest, ClocksThatBreakOtherwise) {
  clock.set(start);
  const auto record = one();
  run_until(at(5 * 3600 + 1800));
  edit(record, R"({"answer":"yes"})");
  const auto outcome = only(catalog_of(replaced(desk, "duration('6h')", "duration('5h')")));
  EXPECT_THAT(told(outcome), ::testing::Contains(::testing::StartsWith("clock shop.answer breached")));
  EXPECT_THAT(told(outcome), ::testing::Contains("clock shop.answer.half other_time"));
  EXPECT_TRUE(std::any_of(outcome.differences.begin(), outcome.differences.end(), [](const auto& one) { return one.what == "due"; }));
  for (const auto& one : outcome.differences) {
    if (one.kind != "other_time" || one.what != "due") continue;
    EXPECT_EQ(one.present, at(6 * 3600));
    EXPECT_EQ(one.next, at(5 * 3600));
  }
}

TEST_P(SimulateTest, ChangedDefinitionsMayHoldFromADayOn) {
  clock.set(start);
  const auto early = one(R"({"title":"early","amount":20})");
  step(early, "go");
  step(early, "close");
  clock.set(at(86'400));
  const auto late = one(R"({"title":"late","amount":20})");
  step(late, "go");
  step(late, "close");
  workflow::SimulationQuery query;
  query.since = at(43'200);
  const auto outcome = only(catalog_of(replaced(desk, "record.amount >= 10", "record.amount >= 40")), query);
  EXPECT_EQ(outcome.id, late.id());
}

TEST_P(SimulateTest, StatesAndOptionsThatAreNoMore) {
  clock.set(start);
  const auto record = one(R"({"title":"A","priority":"low"})");
  step(record, "wait");
  std::string next = replaced(desk, ", low: {label: {en: Low}}}", "}\nmoved: {low: normal}");
  next = replaced(next, "    waiting: {label: {en: Waiting}, category: waiting}\n", "    parked: {label: {en: Parked}, category: waiting}\n");
  next = replaced(next, "from: [fresh, waiting], to: going", "from: [fresh, parked], to: going");
  next = replaced(next, "to: waiting", "to: parked");
  next = replaced(next, "from: [fresh, waiting], to: late", "from: [fresh, parked], to: late");
  next = replaced(next, "record.state == 'waiting'", "record.state == 'parked'");
  next = replaced(next, "  transitions:\n", "  moved: {waiting: parked}\n  transitions:\n");
  const auto outcome = only(catalog_of(next));
  EXPECT_THAT(told(outcome), ::testing::IsSupersetOf({"state shop.ticket.state moved", "field shop.ticket.priority moved"}));
  EXPECT_EQ(outcome.next_state, "parked");
  EXPECT_TRUE(outcome.fields.empty());
  ASSERT_EQ(last.states.size(), 1u);
  EXPECT_EQ(last.states[0].state, "waiting");
  EXPECT_EQ(last.states[0].next, "parked");
}

TEST_P(SimulateTest, WritesThatAChangedRuleRefuses) {
  clock.set(start);
  const auto record = one(R"({"title":"A","amount":70})");
  edit(record, R"({"amount":90})");
  const auto outcome = only(catalog_of(replaced(desk, "record.amount < 1000", "record.amount < 80")));
  EXPECT_EQ(told(outcome), std::vector<std::string>{"invariant shop.ticket.amount refused"});
  ASSERT_FALSE(outcome.fields.empty());
  EXPECT_EQ(outcome.fields.front().next, "70");
  ASSERT_FALSE(last.problems.empty());
}

TEST_P(SimulateTest, WhatIsNotKnownIsSaid) {
  clock.set(start);
  const auto erased = one();
  edit(erased, R"({"amount":5})");
  gate().transact(clerk(), [&](records::Work& work) { work.erase_history(ticket(), erased.id(), "asked for"); });
  const auto record = one(R"({"title":"B","amount":20})");
  database().transact([&](storage::Session& session) {
    storage::run_sql(session, "UPDATE event SET changes = ? WHERE record_id = ?", R"({"title":[null,"B"],"amount":[null,20],"state":[null,"fresh"],"marks":[null,0],"level":[null,3]})", record.id());
  });
  EXPECT_EQ(simulate(catalog_of(replaced(desk, "record.amount >= 10", "record.amount >= 40"))).size(), 0u);
  EXPECT_EQ(last.erased, 1);
  EXPECT_EQ(last.records, 1);
  EXPECT_EQ(last.unexplained, 1);
}

CARAVAN_ON_BOTH_DATABASES(SimulateTest);

}  // namespace
}  // namespace caravan::test
