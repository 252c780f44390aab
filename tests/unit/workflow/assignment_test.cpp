#include "workflow/assignment.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "jobs/schedule.h"
#include "records/json.h"
#include "storage/query.h"
#include "support/fake_clock.h"
#include "support/gate.h"
#include "unit/workflow/assignment_oracle.h"
#include "workflow/rules.h"

namespace caravan::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* desk = R"(
kind: agency
time_zone: UTC
---
kind: choices
name: shop.tongue
label: Language
options: {en: {label: English}, ja: {label: Japanese}, ko: {label: Korean}}
---
kind: calendar
name: shop.office
label: Office
hours: {daily: ["09:00-18:00"]}
---
kind: entity
name: shop.case
label: Case
number: "C-{seq:5}"
fields:
  language: {type: choice, choices: tongue}
  urgent: {type: bool, default: false}
  rank: {type: int, default: 0}
  pool: {type: bool, default: false}
  checker: {type: ref, to: core.user}
workflow:
  initial: fresh
  states:
    fresh: {category: open}
    parked: {category: waiting}
    closed: {category: done}
  transitions:
    park: {from: fresh, to: parked}
    close: {from: [fresh, parked], to: closed}
    reopen: {from: closed, to: fresh}
---
kind: assignment
name: shop.urgent
label: Urgent ones
entity: case
order: 10
when: "record.urgent && !record.pool"
roles: [agent]
candidate: "'urgent_cases' in candidate.skills && record.language in candidate.languages"
priority: "record.rank"
strategy: load
capacity: 5
reassign: true
---
kind: assignment
name: shop.normal
label: The others
entity: case
order: 20
when: "record.language != null && !record.pool"
roles: [agent]
candidate: "record.language in candidate.languages"
score: "size(candidate.languages) == 1 ? 2 : 1"
priority: "record.rank"
capacity: 6
calendar: office
reassign: true
---
kind: assignment
name: shop.pool
label: Pool
entity: case
order: 30
when: "record.pool"
roles: [agent]
candidate: "record.language == null || record.language in candidate.languages"
priority: "record.rank"
strategy: queue
capacity: 3
---
kind: entity
name: shop.call
label: Call
title: name
fields:
  name: {type: text, max: 40}
  hot: {type: bool, default: false}
  tries: {type: int, default: 0}
---
kind: assignment
name: shop.calls
entity: call
when: "!record.hot"
roles: [agent]
capacity: 3
---
kind: assignment
name: shop.hot_calls
entity: call
when: "record.hot"
roles: [agent]
candidate: "candidate.username == 'nobody'"
fallback: chief
---
kind: role
name: shop.agent
label: Agent
grants:
  case: {read: true, create: true, update: true, delete: true}
  call: {read: true, create: true, update: true, delete: true}
---
kind: role
name: shop.chief
label: Chief
grants:
  case: {read: true}
  call: {read: true}
)";

class Assigned : public GateTest {
 protected:
  const char* definitions() const override { return desk; }
  void SetUp() override {
    GateTest::SetUp();
    if (IsSkipped()) return;
    gate().set_hooks(std::make_shared<workflow::Rules>(nullptr));
    jobs::QueueOptions options;
    options.database_time = false;
    queue = std::make_unique<jobs::Queue>(database(), clock, options);
    in_use = catalog;
    assignments = std::make_unique<workflow::Assignments>(gate(), [this] { return in_use; }, *queue);
    schedule = std::make_unique<jobs::Schedule>(*queue, database(), sequences());
    schedule->every(20, "assignment.waiting", [this](jobs::Attempt& attempt) { assignments->sweep(attempt); });
    schedule->start();
    queue->drain();
  }
  void TearDown() override {
    schedule.reset();
    queue.reset();
    assignments.reset();
    GateTest::TearDown();
  }
  records::Context system() {
    auto context = as("", 0);
    context.actor.system = true;
    context.now = clock.now();
    return context;
  }
  records::Context agent(std::int64_t user) {
    auto context = as("shop.agent", user);
    context.now = clock.now();
    return context;
  }
  std::int64_t user(const std::string& name, const std::string& more = {}, const std::string& role = "shop.agent") {
    return create(system(), "core.user", R"({"username":")" + name + R"(","name":"Agent )" + name + R"(","roles":[")" + role + "\"]" + (more.empty() ? "" : "," + more) + "}").id();
  }
  void set_user(std::int64_t id, const char* json) {
    auto context = system();
    change(context, gate().get(context, *catalog->entity("core.user"), id), json);
  }
  records::Record made(const char* entity, const std::string& json) { return now(create(agent(1), entity, json)); }
  records::Record now(const records::Record& record) { return gate().get(system(), record.entity(), record.id()); }
  std::int64_t owner(const records::Record& record) {
    const records::Record stored = now(record);
    const auto* id = stored[model::slot_owner].as<std::int64_t>();
    return id ? *id : 0;
  }
  void step(const records::Record& record, const char* name) {
    auto context = agent(1);
    steps().run(context, record.entity(), record.id(), name, {}, {}, std::nullopt);
  }
  void pass(double seconds) {
    clock.advance_seconds(seconds);
    queue->drain();
  }
  records::Json why(const records::Record& record) {
    auto context = system();
    return records::parse_json(workflow::decisions_of(gate(), context, record.entity(), record.id()).at(0).why);
  }
  static std::map<std::int64_t, std::string> fits(const records::Json& why) {
    std::map<std::int64_t, std::string> out;
    for (const auto& one : *why.find("candidates")->as<records::Json::Array>()) out[std::stoll(*one.find("user")->as<std::string>())] = *one.find("fit")->as<std::string>();
    return out;
  }
  const model::Assignment& rule(std::string_view name) {
    for (const auto& one : catalog->assignments) {
      if (one->name == name) return *one;
    }
    throw std::runtime_error("no such rule");
  }

  caravan::testing::FakeClock clock;  // 2026-03-02T08:00:00Z, a Monday
  std::unique_ptr<jobs::Queue> queue;
  std::unique_ptr<workflow::Assignments> assignments;
  std::unique_ptr<jobs::Schedule> schedule;
  std::shared_ptr<const model::Catalog> in_use;
};

TEST_P(Assigned, TurnsGoRoundAndWhoIsFullIsLeftOut) {
  const auto a = user("a"), b = user("b"), c = user("c");
  user("chief", {}, "shop.chief");
  std::vector<std::int64_t> got;
  std::vector<records::Record> calls;
  for (int i = 0; i < 7; ++i) {
    calls.push_back(made("shop.call", "{}"));
    got.push_back(owner(calls.back()));
  }
  EXPECT_THAT(got, ElementsAre(a, b, c, a, b, c, a));
  const auto told = fits(why(calls[6]));
  EXPECT_EQ(told.at(a), "chosen");
  EXPECT_EQ(told.at(b), "turn");
  EXPECT_EQ(told.size(), 3u) << "candidates are those of the roles";
  for (int i = 0; i < 2; ++i) made("shop.call", "{}");
  const auto tenth = made("shop.call", R"({"name":"tenth"})"), eleventh = made("shop.call", R"({"name":"eleventh"})");
  EXPECT_EQ(owner(tenth), 0) << "three times three, and everybody is full";
  EXPECT_EQ(fits(why(tenth)).at(b), "full");
  auto context = agent(1);
  gate().remove(context, calls[1].entity(), calls[1].id(), std::nullopt);
  queue->drain();
  EXPECT_EQ(owner(tenth), b) << "the load that dropped made room, and the oldest got it";
  EXPECT_EQ(owner(eleventh), 0);
  EXPECT_EQ(number("SELECT COUNT(*) FROM assignment_wait"), 1);
  gate().remove(context, eleventh.entity(), eleventh.id(), std::nullopt);
  EXPECT_EQ(number("SELECT COUNT(*) FROM assignment_wait"), 0);
}

TEST_P(Assigned, ARecordWaitsForHoursAndPresenceAndGoesByPriorityThenAge) {
  const auto a = user("a", R"("languages":["ja"])");
  const auto low = made("shop.case", R"({"language":"ja"})"), high = made("shop.case", R"({"language":"ja","rank":5})"), korean = made("shop.case", R"({"language":"ko"})");
  EXPECT_EQ(owner(low), 0) << "the office opens at nine";
  EXPECT_THAT(workflow::decisions_of(gate(), system(), low.entity(), low.id()).at(0).why, HasSubstr(R"({"rule":"shop.normal","why":"closed"})"));
  set_user(a, R"({"available":false})");
  pass(3700);
  EXPECT_EQ(owner(low), 0);
  EXPECT_EQ(owner(high), 0);
  for (int i = 0; i < 5; ++i) made("shop.case", R"({"language":"ja"})");
  set_user(a, R"({"available":true})");
  queue->drain();
  EXPECT_EQ(owner(high), a);
  EXPECT_EQ(owner(low), a);
  EXPECT_EQ(number("SELECT COUNT(*) FROM shop_case WHERE owner = " + std::to_string(a)), 6) << "and no more than the capacity";
  EXPECT_EQ(owner(korean), 0) << "nobody speaks it";
  set_user(user("b"), R"({"languages":["ko"]})");
  queue->drain();
  EXPECT_NE(owner(korean), 0);
  EXPECT_EQ(number("SELECT COUNT(*) FROM assignment_decision WHERE outcome = 'waiting' AND record_id = " + std::to_string(korean.id())), 1) << "waiting is told once";
}

TEST_P(Assigned, ARecordThatSuitsNobodyLetsOthersPass) {
  clock.advance_seconds(2 * 3600);
  const auto a = user("a", R"("languages":["ja"])");
  const auto korean = made("shop.case", R"({"language":"ko"})");
  pass(60);
  EXPECT_EQ(owner(korean), 0);
  EXPECT_EQ(owner(made("shop.case", R"({"language":"ja"})")), a) << "at once, for nobody waits whom it would overtake";
  const auto b = user("b", R"("languages":["ko"])");
  const auto second = made("shop.case", R"({"language":"ko"})");
  EXPECT_EQ(owner(second), 0) << "somebody is there now, for whom the first one is";
  queue->drain();
  EXPECT_EQ(owner(korean), b);
  EXPECT_EQ(owner(second), b);
  const auto decided = [&](const records::Record& one) { return workflow::decisions_of(gate(), system(), one.entity(), one.id()).at(0).id; };
  EXPECT_NE(decided(korean), 0);
  set_user(b, R"({"available":false})");
  const auto away = made("shop.case", R"({"language":"ko"})");
  EXPECT_EQ(owner(away), 0);
  EXPECT_EQ(number("SELECT COUNT(*) FROM assignment_wait WHERE stuck = 1"), 0) << "he may come back";
}

TEST_P(Assigned, AnAbsencesRecordsGoBackAndTheHistorySaysWhy) {
  clock.advance_seconds(2 * 3600);
  const auto a = user("a", R"("languages":["ja"],"skills":["urgent_cases"])");
  const auto one = made("shop.case", R"({"language":"ja"})"), urgent = made("shop.case", R"({"language":"ja","urgent":true})"), closed = made("shop.case", R"({"language":"ja"})");
  step(closed, "close");
  const auto call = made("shop.call", "{}");
  EXPECT_EQ(owner(urgent), a);
  const auto b = user("b", R"("languages":["ja","en"],"skills":["urgent_cases"])");
  create(system(), "core.absence", R"({"user":")" + std::to_string(a) + R"(","from":"2026-03-02T12:00:00Z","to":"2026-03-02T14:00:00Z"})");
  queue->drain();
  EXPECT_EQ(owner(one), a) << "not before it begins";
  pass(2 * 3600);
  EXPECT_EQ(owner(one), b);
  EXPECT_EQ(owner(urgent), b);
  EXPECT_EQ(owner(closed), a) << "it is done";
  EXPECT_EQ(owner(call), a) << "its rule does not say so";
  const auto events = gate().timeline(system(), one.entity(), one.id(), 0, 10);
  EXPECT_EQ(events.at(0).source, "assignment shop.normal");
  EXPECT_EQ(events.at(1).action, "reassign");
  EXPECT_THAT(events.at(1).note, HasSubstr("Agent a"));
  EXPECT_THAT(events.at(1).note, HasSubstr("2026-03-02 14:00"));
  set_user(b, R"({"active":false})");
  queue->drain();
  EXPECT_EQ(owner(one), 0) << "nobody is there";
  pass(3 * 3600);
  EXPECT_EQ(owner(one), a) << "the absence has ended";
  EXPECT_EQ(owner(urgent), a);
}

TEST_P(Assigned, WhereNoCandidateIsThereTheFallbackGetsIt) {
  user("a");
  const auto chief = user("chief", {}, "shop.chief");
  const auto call = made("shop.call", R"({"hot":true})");
  EXPECT_EQ(owner(call), chief);
  EXPECT_THAT(workflow::decisions_of(gate(), system(), call.entity(), call.id()).at(0).why, HasSubstr("\"fallback\":true"));
}

TEST_P(Assigned, WhatIsNotWorkIsNotAssigned) {
  user("a", R"("languages":["ja"])");
  auto call = create(system(), "shop.case", R"({"language":"ja"})");
  step(call, "close");
  clock.advance_seconds(7200);
  EXPECT_EQ(number("SELECT COUNT(*) FROM assignment_wait"), 0) << "closed, it waits no more";
  step(call, "reopen");
  EXPECT_NE(owner(call), 0);
}

TEST_P(Assigned, EveryRecordOfAQueueIsTakenByOneOnly) {
  std::vector<std::int64_t> agents;
  for (int i = 0; i < 8; ++i) agents.push_back(user("q" + std::to_string(i), R"("languages":["ja"])"));
  const auto outsider = user("outsider", {}, "shop.chief");
  std::vector<records::Record> all;
  for (int i = 0; i < 22; ++i) all.push_back(made("shop.case", R"({"pool":true,"rank":)" + std::to_string(i % 3) + "}"));
  const auto foreign = made("shop.case", R"({"pool":true,"rank":9,"language":"ko"})");
  EXPECT_EQ(owner(all[2]), 0);
  EXPECT_EQ(refusal([&] { workflow::take_next(gate(), as("shop.chief", outsider), rule("shop.pool")); }).code(), ErrorCode::forbidden);
  EXPECT_EQ(workflow::take_next(gate(), agent(agents[0]), rule("shop.pool")).id(), all[2].id()) << "the highest, and of these the oldest";
  EXPECT_EQ(owner(all[2]), agents[0]);
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::map<std::int64_t, int> taken;
  std::vector<std::string> errors;
  for (const std::int64_t one : agents) {
    threads.emplace_back([&, one] {
      for (int i = 0; i < 4; ++i) {
        try {
          const auto record = workflow::take_next(gate(), agent(one), rule("shop.pool"));
          const std::lock_guard lock(mutex);
          ++taken[record.id()];
        } catch (const Error& error) {
          if (error.code() == ErrorCode::not_found || error.code() == ErrorCode::conflict) continue;
          const std::lock_guard lock(mutex);
          errors.push_back(error.message());
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_EQ(taken.size(), 21u);
  for (const auto& [id, times] : taken) EXPECT_EQ(times, 1) << id;
  EXPECT_EQ(number("SELECT COUNT(*) FROM shop_case WHERE owner IS NOT NULL"), 22);
  EXPECT_EQ(number("SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM shop_case WHERE owner IS NOT NULL GROUP BY owner) AS loads"), 3);
  EXPECT_EQ(owner(foreign), 0) << "nobody speaks it";
  step(all[2], "close");
  EXPECT_EQ(refusal([&] { workflow::take_next(gate(), agent(agents[0]), rule("shop.pool")); }).code(), ErrorCode::not_found);
  const auto list = workflow::queues_of(gate(), agent(agents[0]));
  ASSERT_EQ(list.items.size(), 1u);
  EXPECT_EQ(list.items[0].waiting, 1);
}

TEST_P(Assigned, EightThreadsNeverExceedACapacity) {
  for (int i = 0; i < 20; ++i) user("a" + std::to_string(i));
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::vector<std::string> errors;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        try {
          auto context = agent(1);
          create(context, "shop.call", "{}");
        } catch (const Error& error) {
          const std::lock_guard lock(mutex);
          errors.push_back(error.message());
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_EQ(number("SELECT COUNT(*) FROM shop_call"), 80);
  EXPECT_EQ(number("SELECT COUNT(*) FROM shop_call WHERE owner IS NOT NULL"), 60);
  EXPECT_EQ(number("SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM shop_call WHERE owner IS NOT NULL GROUP BY owner) AS loads"), 3);
  EXPECT_EQ(number("SELECT MIN(n) FROM (SELECT COUNT(*) AS n FROM shop_call WHERE owner IS NOT NULL GROUP BY owner) AS loads"), 3);
  EXPECT_EQ(number("SELECT COUNT(*) FROM assignment_wait"), 20);
  EXPECT_EQ(number("SELECT COUNT(DISTINCT record_id) FROM assignment_decision WHERE outcome = 'assigned'"), 60);
}

TEST_P(Assigned, RecordsThatWereThereBeforeTheRuleAreAssigned) {
  gate().set_hooks(nullptr);
  const auto old = made("shop.call", "{}");
  gate().set_hooks(std::make_shared<workflow::Rules>(nullptr));
  const auto a = user("a");
  EXPECT_EQ(owner(old), 0);
  database().transact([](storage::Session& session) { storage::run_sql(session, "DELETE FROM setting WHERE name = ?", "assignments.planned"); });
  pass(30);
  EXPECT_EQ(owner(old), a);
}

TEST_P(Assigned, DecisionsAreForgottenAfterHalfAYear) {
  user("a");
  made("shop.call", "{}");
  database().transact([&](storage::Session& session) {
    EXPECT_EQ(workflow::purge_decisions(session, Timestamp{clock.now().micros + std::int64_t{179} * 86'400'000'000}), 0);
    EXPECT_EQ(workflow::purge_decisions(session, Timestamp{clock.now().micros + std::int64_t{181} * 86'400'000'000}), 1);
  });
}

TEST_P(Assigned, CasesGoWhereTheOracleSaysEachForItsReasons) {
  using assignment_oracle::Case;
  // A thousand take minutes, see docs/adr/0024-assignment.md.
  const char* asked = std::getenv("CARAVAN_ASSIGNMENT_CASES");
  const int cases = asked != nullptr ? std::atoi(asked) : 300;
  constexpr int agents = 20;
  std::mt19937 random(20261122);
  const auto roll = [&](int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); };
  const auto list = [](const std::set<std::string>& names) {
    std::string out;
    for (const auto& name : names) out += (out.empty() ? "[\"" : "\",\"") + name;
    return out.empty() ? "[]" : out + "\"]";
  };
  const std::vector<std::string> tongues{"en", "ja", "ko"};
  assignment_oracle::Desk oracle;
  std::vector<std::int64_t> people;
  for (int i = 0; i < agents; ++i) {
    assignment_oracle::Agent one;
    one.name = (i < 10 ? "agent0" : "agent") + std::to_string(i);
    one.languages.insert(tongues[static_cast<std::size_t>(i % 3)]);
    if (roll(3) != 0) one.languages.insert(tongues[static_cast<std::size_t>(roll(3))]);
    if (i % 2 == 0) one.skills.insert("urgent_cases");
    if (roll(4) == 0) one.skills.insert("mentoring");
    people.push_back(user(one.name, "\"languages\":" + list(one.languages) + ",\"skills\":" + list(one.skills)));
    oracle.agents.push_back(std::move(one));
  }
  // Minute 480 is the clock's beginning, Monday at eight. Cases come in even minutes, absences begin and end in odd ones.
  const Timestamp midnight{clock.now().micros - std::int64_t{480} * 60'000'000};
  const auto moment = [&](int minute) { return Timestamp{midnight.micros + std::int64_t{minute} * 60'000'000}; };
  const int days = 9;
  std::set<int> turning;  // minutes at which time alone changes something
  for (int day = 0; day <= days; ++day) turning.insert(day * 1440 + 9 * 60);
  std::set<int> odd;
  for (int i = 0; i < 60; ++i) {
    const int agent = roll(agents);
    int from = 0, to = 0;
    do {
      from = 481 + 2 * roll(days * 720 - 300);
      to = from + 2 * (30 + roll(500));
    } while (odd.contains(from) || odd.contains(to));
    odd.insert({from, to});
    turning.insert({from, to});
    oracle.agents[static_cast<std::size_t>(agent)].away.emplace_back(from * 60, to * 60);
    create(system(), "core.absence", "{\"user\":\"" + std::to_string(people[static_cast<std::size_t>(agent)]) + "\",\"from\":\"" + format_timestamp(moment(from)) + "\",\"to\":\"" +
                                         format_timestamp(moment(to)) + "\"}");
  }
  queue->drain();

  std::vector<records::Record> made_cases;
  std::map<std::int64_t, int> case_of;
  const auto settle = [&](int until) {
    for (auto at = turning.begin(); at != turning.end() && *at <= until; at = turning.erase(at)) {
      if (*at < 480) continue;
      clock.set(moment(*at));
      queue->drain();
      oracle.later(*at * 60);
    }
    clock.set(moment(until));
    queue->drain();
    oracle.later(until * 60);
  };
  const auto agree = [&](const char* after) {
    std::map<std::int64_t, std::int64_t> owners;
    {
      auto session = database().read();
      storage::Query query(*session, "SELECT id, owner FROM shop_case");
      while (query.next()) owners[query.integer(0)] = query.integer(1);
    }
    for (std::size_t i = 0; i < made_cases.size(); ++i) {
      const int agent = oracle.cases[i].agent;
      const std::int64_t wanted = agent < 0 ? 0 : people[static_cast<std::size_t>(agent)];
      if (owners[made_cases[i].id()] == wanted) continue;
      ADD_FAILURE() << "case " << i << " " << after << ": " << owners[made_cases[i].id()] << ", the oracle says " << wanted;
      return false;
    }
    return true;
  };
  int minute = 480;
  for (int i = 0; i < cases; ++i) {
    minute += 2 * (1 + roll(11));
    settle(minute);
    Case one;
    one.language = tongues[static_cast<std::size_t>(roll(5) < 3 ? 0 : 1 + roll(2))];
    one.urgent = roll(4) == 0;
    one.rank = roll(3);
    auto record = create(agent(1), "shop.case", "{\"language\":\"" + one.language + "\",\"urgent\":" + (one.urgent ? "true" : "false") + ",\"rank\":" + std::to_string(one.rank) + "}");
    queue->drain();
    case_of[record.id()] = oracle.arrives(one, minute * 60);
    made_cases.push_back(std::move(record));
    if (i % 20 == 0 && !agree("on arrival")) return;
    // Somebody ends a case, a little less often than new ones come.
    if (roll(20) < 19) {
      std::vector<int> held;
      for (int id = 0; id < static_cast<int>(oracle.cases.size()); ++id) {
        if (oracle.cases[static_cast<std::size_t>(id)].agent >= 0 && !oracle.cases[static_cast<std::size_t>(id)].closed) held.push_back(id);
      }
      if (!held.empty()) {
        const int id = held[static_cast<std::size_t>(roll(static_cast<int>(held.size())))];
        clock.set({moment(minute).micros + 1'000'000});
        step(made_cases[static_cast<std::size_t>(id)], "close");
        queue->drain();
        oracle.closes(id, minute * 60 + 1);
      }
    }
    if (roll(12) == 0) {
      const int who = roll(agents);
      const bool present = !oracle.agents[static_cast<std::size_t>(who)].present;
      clock.set({moment(minute).micros + 2'000'000});
      set_user(people[static_cast<std::size_t>(who)], present ? R"({"available":true})" : R"({"available":false})");
      queue->drain();
      oracle.goes_and_comes(who, present, minute * 60 + 2);
      if (!agree("after somebody came or went")) return;
    }
  }
  ASSERT_TRUE(agree("at the end"));

  // Case by case: how often it was given, to whom, by which rule, and what was said of every agent.
  std::map<int, std::vector<const assignment_oracle::Given*>> wanted;
  for (const auto& given : oracle.log) wanted[given.record].push_back(&given);
  std::size_t reasons = 0;
  for (std::size_t i = 0; i < made_cases.size(); ++i) {
    std::vector<workflow::Decision> got;
    for (auto& one : workflow::decisions_of(gate(), system(), made_cases[i].entity(), made_cases[i].id())) {
      if (one.outcome == "assigned") got.push_back(std::move(one));
    }
    // The newest first; those of one moment are told apart by what they say.
    std::stable_sort(got.begin(), got.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
    const auto& expected = wanted[static_cast<int>(i)];
    ASSERT_EQ(got.size(), expected.size()) << "case " << i;
    for (std::size_t k = 0; k < got.size(); ++k) {
      EXPECT_EQ(got[k].rule, "shop." + expected[k]->rule) << "case " << i;
      EXPECT_EQ(got[k].user_id, people[static_cast<std::size_t>(expected[k]->agent)]) << "case " << i;
      const auto told = fits(records::parse_json(got[k].why));
      ASSERT_EQ(told.size(), static_cast<std::size_t>(agents)) << "case " << i;
      for (const auto& [agent, reason] : expected[k]->reasons) {
        ASSERT_EQ(told.at(people[static_cast<std::size_t>(agent)]), reason) << "case " << i << ", " << oracle.agents[static_cast<std::size_t>(agent)].name;
        ++reasons;
      }
    }
  }
  std::map<int, std::map<std::string, int>> table;
  std::map<std::string, int> all;
  for (const auto& given : oracle.log) {
    ++table[given.agent][given.rule];
    for (const auto& [agent, reason] : given.reasons) ++all[reason];
  }
  std::size_t again = 0, waiting_now = 0;
  for (const auto& [id, given] : wanted) again += given.size() > 1 ? 1 : 0;
  for (const auto& one : oracle.cases) waiting_now += one.queue.empty() ? 0 : 1;
  std::cout << cases << " cases, " << oracle.log.size() << " assignments, " << again << " cases given more than once, " << waiting_now << " wait at the end; " << reasons
            << " reasons agree with the oracle\n";
  for (const auto& [reason, count] : all) std::cout << "  " << reason << " " << count << "\n";
  std::cout << "agent     languages  urgent_cases  urgent normal  open\n";
  for (int i = 0; i < agents; ++i) {
    const auto& one = oracle.agents[static_cast<std::size_t>(i)];
    std::string spoken;
    for (const auto& name : one.languages) spoken += name + " ";
    std::cout << one.name << "   " << spoken << std::string(11 - std::min<std::size_t>(11, spoken.size()), ' ') << (one.skills.contains("urgent_cases") ? "yes" : "no ") << "           "
              << table[i]["urgent"] << "     " << table[i]["normal"] << "     " << oracle.load(i) << "\n";
  }
  // What the run is there to see has come about.
  EXPECT_GT(again, 0u) << "absences move cases";
  EXPECT_GT(all["absent"], 0);
  if (cases >= 1000) {
    EXPECT_GT(all["full"], 100);
  }
}

CARAVAN_ON_BOTH_DATABASES(Assigned);

}  // namespace
}  // namespace caravan::test
