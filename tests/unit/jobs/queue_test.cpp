#include "jobs/queue.h"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "base/error.h"
#include "support/queue.h"

namespace caravan::test {
namespace {

using jobs::Attempt;
using jobs::NewJob;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Waits for at most ten seconds.
template <class Condition>
bool becomes_true(Condition condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

struct JobQueue : QueueTest {
  NewJob job(const std::string& kind) {
    NewJob out;
    out.kind = kind;
    return out;
  }
};

TEST_P(JobQueue, RunsWhatWasCommittedAndNothingElse) {
  auto queue = this->queue();
  std::vector<std::string> seen;
  queue.handle("note", [&](Attempt& attempt) {
    seen.push_back(attempt.job().payload);
    EXPECT_EQ(attempt.job().attempt, 1);
    EXPECT_EQ(attempt.job().actor_id, 7);
    EXPECT_EQ(attempt.job().request_id, "r1");
    EXPECT_EQ(attempt.job().idempotency_key(), "job-" + std::to_string(attempt.job().id));
  });
  NewJob kept = job("note");
  kept.payload = "{\"a\":\"é中\"}";
  kept.actor_id = 7;
  kept.request_id = "r1";
  add(kept);
  {
    const std::int64_t id = sequences->next("job");
    auto transaction = database().begin();
    jobs::enqueue(*transaction, id, job("note"), clock.now());
  }  // rolled back
  EXPECT_EQ(queue.drain(), 1);
  EXPECT_THAT(seen, ElementsAre("{\"a\":\"é中\"}"));
  EXPECT_EQ(left(), 0);
}

TEST_P(JobQueue, TheLowestPriorityNumberGoesFirstThenTheOldest) {
  auto queue = this->queue();
  std::vector<std::int64_t> order;
  queue.handle("note", [&](Attempt& attempt) { order.push_back(attempt.job().id); });
  const auto late = add("note", 200);
  const auto normal = add("note");
  clock.advance_seconds(1);
  const auto newer = add("note");
  const auto urgent = add("note", 10);
  NewJob other = job("note");
  other.queue = "other";
  other.priority = 50;
  const auto elsewhere = add(other);
  queue.drain();
  EXPECT_THAT(order, ElementsAre(urgent, elsewhere, normal, newer, late));
}

TEST_P(JobQueue, ATimerWaitsForItsTime) {
  auto queue = this->queue();
  int runs = 0;
  queue.handle("ring", [&](Attempt&) { ++runs; });
  NewJob timer = job("ring");
  timer.run_at = Timestamp{clock.now().micros + 60'000'000};
  const auto id = add(timer);
  EXPECT_EQ(queue.drain(), 0);
  EXPECT_EQ(queue.find(id)->state, "waiting");
  clock.advance_seconds(59.9);
  EXPECT_EQ(queue.drain(), 0);
  clock.advance_seconds(0.2);
  EXPECT_EQ(queue.drain(), 1);
  EXPECT_EQ(runs, 1);
}

TEST_P(JobQueue, FinishAndItsEffectsHappenTogether) {
  auto queue = this->queue();
  int runs = 0;
  queue.handle("pay", [&](Attempt& attempt) {
    ++runs;
    attempt.finish([&](storage::Session& session) {
      count_effect(session, attempt.job().id);
      if (runs == 1) throw Error(ErrorCode::internal, "in the middle of the effects");
    });
  });
  add("pay");
  EXPECT_EQ(queue.drain(), 1);
  EXPECT_EQ(effects(), 0);
  EXPECT_EQ(left(), 1);
  clock.advance_seconds(3);
  EXPECT_EQ(queue.drain(), 1);
  EXPECT_EQ(effects(), 1);
  EXPECT_EQ(left(), 0);
}

TEST_P(JobQueue, AFailureIsTriedAgainLaterAndLaterAndThenIsADeadLetter) {
  auto queue = this->queue();
  std::vector<int> attempts;
  queue.handle("break", [&](Attempt& attempt) {
    attempts.push_back(attempt.job().attempt);
    throw Error(ErrorCode::unavailable, "The partner does not answer").add_context("while calling");
  });
  NewJob bad = job("break");
  bad.max_attempts = 3;
  const auto id = add(bad);
  EXPECT_EQ(queue.drain(), 1);
  auto info = queue.find(id);
  EXPECT_EQ(info->state, "waiting");
  EXPECT_THAT(info->last_error, HasSubstr("The partner does not answer"));
  EXPECT_THAT(info->last_error, HasSubstr("while calling"));
  const auto wait = info->job.run_at.micros - clock.now().micros;
  EXPECT_GE(wait, 1'000'000);
  EXPECT_LE(wait, 2'000'000);
  clock.advance_seconds(2.1);
  EXPECT_EQ(queue.drain(), 1);
  const auto second = queue.find(id)->job.run_at.micros - clock.now().micros;
  EXPECT_GE(second, 2'000'000);
  EXPECT_LE(second, 4'000'000);
  clock.advance_seconds(4.1);
  EXPECT_EQ(queue.drain(), 1);
  info = queue.find(id);
  EXPECT_EQ(info->state, "dead");
  EXPECT_EQ(info->job.attempt, 3);
  clock.advance_seconds(100'000);
  EXPECT_EQ(queue.drain(), 0);
  EXPECT_THAT(attempts, ElementsAre(1, 2, 3));
}

TEST_P(JobQueue, AnInvalidJobIsADeadLetterAtOnce) {
  auto queue = this->queue();
  queue.handle("parse", [&](Attempt&) { throw Error(ErrorCode::invalid_argument, "not JSON"); });
  const auto id = add("parse");
  EXPECT_EQ(queue.drain(), 1);
  EXPECT_EQ(queue.find(id)->state, "dead");
}

TEST_P(JobQueue, AKindThatNobodyHandlesIsKept) {
  auto queue = this->queue();
  const auto id = add("unknown");
  EXPECT_EQ(queue.drain(), 1);
  const auto info = queue.find(id);
  EXPECT_EQ(info->state, "waiting");
  EXPECT_THAT(info->last_error, HasSubstr("unknown"));
}

TEST_P(JobQueue, AReplayedDeadLetterBeginsAnew) {
  auto queue = this->queue();
  bool broken = true;
  int runs = 0;
  queue.handle("mail", [&](Attempt&) {
    ++runs;
    if (broken) throw Error(ErrorCode::unavailable, "down");
  });
  NewJob mail = job("mail");
  mail.max_attempts = 1;
  const auto id = add(mail);
  queue.drain();
  EXPECT_EQ(queue.find(id)->state, "dead");
  broken = false;
  EXPECT_TRUE(queue.replay(id));
  EXPECT_FALSE(queue.replay(id)) << "it waits for nothing now";
  EXPECT_EQ(queue.drain(), 1);
  EXPECT_EQ(runs, 2);
  EXPECT_FALSE(queue.find(id));
  EXPECT_FALSE(queue.replay(id));
}

TEST_P(JobQueue, WhatDoesNotRunCanBeDeleted) {
  auto queue = this->queue();
  const auto ready = add("x");
  NewJob timer = job("x");
  timer.run_at = Timestamp{clock.now().micros + 1'000'000};
  const auto waiting = add(timer);
  EXPECT_TRUE(queue.remove(ready));
  EXPECT_TRUE(queue.remove(waiting));
  EXPECT_FALSE(queue.remove(waiting));
  queue.handle("run", [&](Attempt& attempt) { EXPECT_FALSE(queue.remove(attempt.job().id)); });
  add("run");
  EXPECT_EQ(queue.drain(), 1);
  EXPECT_EQ(left(), 0);
}

TEST_P(JobQueue, AUniqueKeyIsFreeAgainOnceItsJobRuns) {
  auto queue = this->queue();
  NewJob chore = job("chore");
  chore.unique_key = "chore/1";
  int runs = 0;
  queue.handle("chore", [&](Attempt&) {
    if (++runs == 1) {
      EXPECT_NE(add(chore), 0) << "what changes while it runs is another job";
    }
  });
  EXPECT_NE(add(chore), 0);
  EXPECT_EQ(add(chore), 0);
  EXPECT_EQ(left(), 1);
  EXPECT_EQ(queue.drain(), 2);
  EXPECT_EQ(runs, 2);
  EXPECT_NE(add(chore), 0);
}

TEST_P(JobQueue, AFailedJobTakesItsKeyBackUnlessAnotherHasIt) {
  auto queue = this->queue();
  NewJob chore = job("chore");
  chore.unique_key = "chore/1";
  bool add_more = false;
  queue.handle("chore", [&](Attempt&) {
    if (add_more) {
      EXPECT_NE(add(chore), 0);
      add_more = false;
    }
    throw Error(ErrorCode::unavailable, "not now");
  });
  add(chore);
  queue.drain();
  EXPECT_EQ(add(chore), 0) << "it waits for its next attempt with its key";
  clock.advance_seconds(3);
  add_more = true;
  queue.drain();
  EXPECT_EQ(left(), 2) << "the one that ran, and the one that was added meanwhile";
  EXPECT_EQ(add(chore), 0);
}

TEST_P(JobQueue, AnExpiredLeaseIsTakenOverAndTheOldHolderCannotFinish) {
  auto first = this->queue();
  auto second = this->queue();
  int outer = 0, inner = 0;
  second.handle("slow", [&](Attempt& attempt) {
    ++inner;
    EXPECT_EQ(attempt.job().attempt, 2);
    attempt.finish([&](storage::Session& session) { count_effect(session, attempt.job().id); });
  });
  first.handle("slow", [&](Attempt& attempt) {
    ++outer;
    EXPECT_TRUE(attempt.renew());
    clock.advance_seconds(59);
    EXPECT_EQ(second.drain(), 0) << "the lease holds";
    EXPECT_TRUE(attempt.renew());
    clock.advance_seconds(61);
    EXPECT_EQ(second.drain(), 0) << "taken over, but to be tried after the back-off";
    clock.advance_seconds(3);
    EXPECT_EQ(second.drain(), 1);
    EXPECT_THROW(attempt.finish([&](storage::Session& session) { count_effect(session, attempt.job().id); }), Error);
    EXPECT_FALSE(attempt.renew());
    EXPECT_FALSE(attempt.progress(1, 2, "too late"));
    EXPECT_THROW(attempt.finish([&](storage::Session& session) { count_effect(session, attempt.job().id); }), Error);
  });
  add("slow");
  EXPECT_EQ(first.drain(), 1);
  EXPECT_EQ(outer, 1);
  EXPECT_EQ(inner, 1);
  EXPECT_EQ(effects(), 1);
  EXPECT_EQ(left(), 0);
}

TEST_P(JobQueue, TheOldHolderChangesNothingWhileTheNewOneWorks) {
  auto first = this->queue();
  auto second = this->queue();
  second.handle("slow", [&](Attempt& attempt) {
    throw Error(ErrorCode::unavailable, "attempt " + std::to_string(attempt.job().attempt));
  });
  first.handle("slow", [&](Attempt& attempt) {
    clock.advance_seconds(61);
    second.drain();
    clock.advance_seconds(3);
    second.drain();
    throw Error(ErrorCode::internal, std::string("from the old holder: ") + std::to_string(attempt.job().attempt));
  });
  const auto id = add("slow");
  first.drain();
  const auto info = second.find(id);
  EXPECT_EQ(info->job.attempt, 2);
  EXPECT_THAT(info->last_error, HasSubstr("attempt 2"));
}

TEST_P(JobQueue, AJobThatEndsItsProcessBecomesADeadLetter) {
  NewJob poison = job("poison");
  poison.max_attempts = 3;
  const auto id = add(poison);
  for (int round = 0; round < 3; ++round) {
    // As a process leaves it that was killed: marked as running, nobody there.
    database().transact([&](storage::Session& session) {
      session.execute("UPDATE job SET state = 'running', attempts = attempts + 1, fence = fence + 1, worker = 'gone'");
    });
    auto options = this->options();
    options.alone = true;
    jobs::Queue queue(database(), clock, options);
    queue.start();
    queue.stop();
    const auto info = queue.find(id);
    EXPECT_EQ(info->state, round < 2 ? "waiting" : "dead");
    EXPECT_THAT(info->last_error, HasSubstr("gone"));
  }
}

TEST_P(JobQueue, WhatWasTriedBeforeIsClaimedAlone) {
  auto options = this->options();
  options.limits = {{.queue = "default", .at_once = 1, .batch = 50}};
  jobs::Queue queue(database(), clock, options);
  std::vector<std::size_t> sizes;
  bool fail = true;
  queue.handle_batch("bulk", [&](std::span<Attempt* const> attempts) {
    sizes.push_back(attempts.size());
    if (fail) throw Error(ErrorCode::unavailable, "all of them");
  });
  for (int i = 0; i < 5; ++i) add("bulk");
  EXPECT_EQ(queue.drain(), 5);
  EXPECT_THAT(sizes, ElementsAre(5));
  sizes.clear();
  fail = false;
  clock.advance_seconds(3);
  EXPECT_EQ(queue.drain(), 5);
  EXPECT_THAT(sizes, ElementsAre(1, 1, 1, 1, 1));
  EXPECT_EQ(left(), 0);
}

TEST_P(JobQueue, ABatchEndsEachJobInItsOwnWay) {
  auto options = this->options();
  options.limits = {{.queue = "default", .at_once = 1, .batch = 100}};
  jobs::Queue queue(database(), clock, options);
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 70; ++i) ids.push_back(add("bulk"));
  queue.handle_batch("bulk", [&](std::span<Attempt* const> attempts) {
    for (Attempt* attempt : attempts) {
      if (attempt->job().id == ids[0]) attempt->fail(Error(ErrorCode::unavailable, "this one"));
      else if (attempt->job().id == ids[1]) attempt->postpone(60'000);
      else if (attempt->job().id == ids[2]) attempt->finish([&](storage::Session& session) { count_effect(session, attempt->job().id); });
    }
  });
  EXPECT_EQ(queue.drain(), 70);
  EXPECT_EQ(left(), 2);
  EXPECT_EQ(effects(), 1);
  EXPECT_EQ(queue.find(ids[0])->job.attempt, 1);
  EXPECT_EQ(queue.find(ids[0])->last_error, "this one");
  EXPECT_EQ(queue.find(ids[1])->job.attempt, 0) << "postponing is not counted";
  EXPECT_EQ(queue.find(ids[1])->state, "waiting");
}

TEST_P(JobQueue, ALaneKeepsItsOrderAndHoldsNobodyElseUp) {
  auto options = this->options();
  options.limits = {{.queue = "default", .at_once = 1, .batch = 10}};
  jobs::Queue queue(database(), clock, options);
  std::vector<std::string> seen;
  bool broken = true;
  queue.handle("step", [&](Attempt& attempt) {
    const auto& job = attempt.job();
    if (broken && job.lane == 1 && job.lane_order == 2) throw Error(ErrorCode::unavailable, "not yet");
    seen.push_back(std::to_string(job.lane) + "/" + std::to_string(job.lane_order));
  });
  const auto step = [&](int lane, int order) {
    NewJob one = job("step");
    one.lane = lane;
    one.lane_order = order;
    add(one);
  };
  step(1, 3);
  step(2, 1);
  step(1, 1);
  step(1, 2);
  step(2, 2);
  queue.drain();
  EXPECT_THAT(seen, ::testing::UnorderedElementsAre("1/1", "2/1", "2/2"));
  clock.advance_seconds(0.5);
  queue.drain();
  EXPECT_EQ(seen.size(), 3u) << "1/2 waits for its next attempt, 1/3 for 1/2";
  broken = false;
  clock.advance_seconds(5);
  queue.drain();
  clock.advance_seconds(5);
  queue.drain();
  ASSERT_EQ(seen.size(), 5u);
  EXPECT_EQ(seen[3], "1/2");
  EXPECT_EQ(seen[4], "1/3");
}

TEST_P(JobQueue, ADeadLetterHoldsItsLaneUpNoLonger) {
  auto queue = this->queue();
  std::vector<std::int64_t> seen;
  queue.handle("step", [&](Attempt& attempt) {
    if (attempt.job().lane_order == 1) throw Error(ErrorCode::invalid_argument, "never");
    seen.push_back(attempt.job().lane_order);
  });
  for (const int order : {2, 1}) {
    NewJob one = job("step");
    one.lane = 9;
    one.lane_order = order;
    add(one);
  }
  queue.drain();
  clock.advance_seconds(1);
  queue.drain();
  EXPECT_THAT(seen, ElementsAre(2));
}

TEST_P(JobQueue, ProgressIsSeenWhileTheJobRuns) {
  auto queue = this->queue();
  queue.handle("import", [&](Attempt& attempt) {
    EXPECT_TRUE(attempt.progress(10, 100, "rows"));
    const auto info = queue.find(attempt.job().id);
    EXPECT_EQ(info->state, "running");
    EXPECT_EQ(info->progress_done, 10);
    EXPECT_EQ(info->progress_total, 100);
    EXPECT_EQ(info->progress_note, "rows");
    EXPECT_TRUE(info->lease_until);
    EXPECT_TRUE(attempt.progress(11, 100, "rows"));
    EXPECT_EQ(queue.find(attempt.job().id)->progress_done, 10) << "at most twice a second";
  });
  add("import");
  EXPECT_EQ(queue.drain(), 1);
}

TEST_P(JobQueue, ListsAndCounts) {
  auto queue = this->queue();
  queue.handle("bad", [&](Attempt&) { throw Error(ErrorCode::invalid_argument, "no"); });
  std::vector<std::int64_t> dead;
  for (int i = 0; i < 5; ++i) {
    dead.push_back(add("bad"));
    clock.advance_seconds(1);
    queue.drain();
  }
  NewJob timer = job("later");
  timer.queue = "timers";
  timer.run_at = Timestamp{clock.now().micros + 1'000'000};
  add(timer);
  add("now");
  clock.advance_seconds(0.5);
  std::vector<std::int64_t> seen;
  jobs::JobQuery query;
  query.state = "dead";
  query.limit = 2;
  for (int pages = 0; pages < 10; ++pages) {
    const auto page = queue.list(query);
    for (const auto& info : page.items) seen.push_back(info.job.id);
    if (page.next.empty()) break;
    query.after = page.next;
  }
  EXPECT_THAT(seen, ElementsAre(dead[4], dead[3], dead[2], dead[1], dead[0]));
  EXPECT_EQ(queue.list({.state = {}, .queue = "timers", .kind = {}, .after = {}, .limit = 50}).items.size(), 1u);
  EXPECT_EQ(queue.list({.state = "waiting", .queue = {}, .kind = "later", .after = {}, .limit = 50}).items.size(), 1u);
  EXPECT_EQ(queue.list({}).items.size(), 7u);
  jobs::JobQuery all;
  all.limit = 3;
  std::set<std::int64_t> ids;
  do {
    const auto page = queue.list(all);
    for (const auto& info : page.items) EXPECT_TRUE(ids.insert(info.job.id).second);
    all.after = page.next;
  } while (!all.after.empty());
  EXPECT_EQ(ids.size(), 7u);
  for (const char* bad : {"x", "1", "1.", "1.x", "-5.1", "99999999999999999999.1", "9223372036854775807.1"}) {
    EXPECT_THROW(queue.list({.state = "dead", .queue = {}, .kind = {}, .after = bad, .limit = 5}), Error) << bad;
  }

  const auto stats = queue.stats();
  ASSERT_EQ(stats.size(), 2u);
  EXPECT_EQ(stats[0].queue, "default");
  EXPECT_EQ(stats[0].dead, 5);
  EXPECT_EQ(stats[0].ready, 1);
  EXPECT_NEAR(stats[0].oldest_ready_seconds, 0.5, 0.01);
  EXPECT_EQ(stats[1].waiting, 1);
}

TEST_P(JobQueue, RefusesWhatDoesNotFit) {
  NewJob long_kind = job(std::string(101, 'k'));
  EXPECT_THROW(add(long_kind), Error);
  NewJob never = job("x");
  never.max_attempts = 0;
  EXPECT_THROW(add(never), Error);
  auto options = this->options();
  options.workers = 0;
  EXPECT_THROW(jobs::Queue(database(), clock, options), Error);
}

// ---- with threads

TEST_P(JobQueue, AJobThatWasJustCommittedStartsAtOnce) {
  auto options = this->options();
  options.poll_milliseconds = 10'000;
  jobs::Queue queue(database(), clock, options);
  std::atomic<int> runs{0};
  queue.handle("note", [&](Attempt&) { ++runs; });
  queue.start();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const auto begun = std::chrono::steady_clock::now();
  add("note");
  queue.wake();
  ASSERT_TRUE(becomes_true([&] { return runs == 1; }));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
}

TEST_P(JobQueue, WorkOfOtherNodesIsFoundWithoutBeingWoken) {
  jobs::Queue queue(database(), clock, options());
  std::atomic<int> runs{0};
  queue.handle("note", [&](Attempt&) { ++runs; });
  queue.start();
  add("note");
  EXPECT_TRUE(becomes_true([&] { return runs == 1; }));
}

TEST_P(JobQueue, TwoNodesDoEachJobOnce) {
  constexpr int count = 300;
  for (int i = 0; i < count; ++i) add("pay");
  std::atomic<int> runs{0};
  const auto handler = [&](Attempt& attempt) {
    ++runs;
    attempt.finish([&](storage::Session& session) { count_effect(session, attempt.job().id); });
  };
  auto options = this->options();
  options.limits = {{.queue = "default", .at_once = 2, .batch = 4}};
  jobs::Queue first(database(), clock, options), second(database(), clock, options);
  first.handle("pay", handler);
  second.handle("pay", handler);
  first.start();
  second.start();
  ASSERT_TRUE(becomes_true([&] { return left() == 0; }));
  first.stop();
  second.stop();
  EXPECT_EQ(runs, count);
  EXPECT_EQ(effects(), count);
  EXPECT_EQ(number("SELECT COUNT(*) FROM effect WHERE times <> 1"), 0);
}

TEST_P(JobQueue, AQueueUsesNoMoreThreadsThanItsLimit) {
  auto options = this->options();
  options.workers = 4;
  options.limits = {{.queue = "narrow", .at_once = 1}};
  jobs::Queue queue(database(), clock, options);
  std::atomic<int> inside{0}, most{0}, done{0}, wide{0};
  queue.handle("narrow", [&](Attempt&) {
    most = std::max(most.load(), ++inside);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    --inside;
    ++done;
  });
  queue.handle("wide", [&](Attempt&) { ++wide; });
  for (int i = 0; i < 8; ++i) {
    NewJob narrow = job("narrow");
    narrow.queue = "narrow";
    narrow.priority = 1;
    add(narrow);
  }
  add("wide");
  queue.start();
  EXPECT_TRUE(becomes_true([&] { return wide == 1; })) << "a full queue does not hold up another";
  EXPECT_LT(done, 8);
  EXPECT_TRUE(becomes_true([&] { return done == 8; }));
  EXPECT_EQ(most, 1);
}

TEST_P(JobQueue, ALongJobKeepsItsLease) {
  auto options = this->options();
  options.lease_seconds = 1;
  jobs::Queue queue(database(), Clock::system(), options);
  jobs::Queue other(database(), Clock::system(), options);
  std::atomic<int> runs{0};
  queue.handle("long", [&](Attempt& attempt) {
    ++runs;
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    attempt.finish([&](storage::Session& session) { count_effect(session, attempt.job().id); });
  });
  NewJob one = job("long");
  one.run_at = Clock::system().now();
  add(one);
  database().transact([](storage::Session& session) { session.execute("UPDATE job SET state = 'ready'"); });
  queue.start();
  ASSERT_TRUE(becomes_true([&] { return runs == 1; }));
  other.start();
  ASSERT_TRUE(becomes_true([&] { return left() == 0; }));
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(effects(), 1);
}

TEST_P(JobQueue, StopLetsAJobEnd) {
  jobs::Queue queue(database(), clock, options());
  std::atomic<bool> begun{false}, saw_stop{false};
  queue.handle("work", [&](Attempt& attempt) {
    begun = true;
    for (int i = 0; i < 500 && !attempt.stopping(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    saw_stop = attempt.stopping();
    attempt.finish([&](storage::Session& session) { count_effect(session, attempt.job().id); });
  });
  add("work");
  queue.start();
  ASSERT_TRUE(becomes_true([&] { return begun.load(); }));
  queue.stop();
  EXPECT_TRUE(saw_stop);
  EXPECT_EQ(left(), 0);
  EXPECT_EQ(effects(), 1);
}

TEST_P(JobQueue, StopGivesBackWhatDoesNotEnd) {
  jobs::Queue queue(database(), clock, options());
  std::atomic<bool> begun{false}, let_go{false};
  std::atomic<int> refused{0};
  queue.handle("stuck", [&](Attempt& attempt) {
    begun = true;
    while (!let_go) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    try {
      attempt.finish([&](storage::Session& session) { count_effect(session, attempt.job().id); });
    } catch (const Error&) {
      ++refused;
    }
  });
  const auto id = add("stuck");
  queue.start();
  ASSERT_TRUE(becomes_true([&] { return begun.load(); }));
  std::thread stopper([&] { queue.stop(0); });
  EXPECT_TRUE(becomes_true([&] {
    const auto info = queue.find(id);
    return info && info->state == "ready";
  }));
  // Another node takes it at once and does it.
  jobs::Queue other(database(), clock, options());
  int runs = 0;
  other.handle("stuck", [&](Attempt& attempt) {
    ++runs;
    EXPECT_EQ(attempt.job().attempt, 1) << "the one that was cut short is not counted";
    attempt.finish([&](storage::Session& session) { count_effect(session, attempt.job().id); });
  });
  EXPECT_EQ(other.drain(), 1);
  let_go = true;
  stopper.join();
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(effects(), 1);
  EXPECT_EQ(left(), 0);
}

INSTANTIATE_TEST_SUITE_P(Databases, JobQueue, caravan::testing::both_dialects(), caravan::testing::dialect_name);

}  // namespace
}  // namespace caravan::test
