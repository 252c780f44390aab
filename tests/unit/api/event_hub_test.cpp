#include "api/event_hub.h"

#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "support/gate.h"

namespace caravan::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* notes = R"(
kind: entity
name: shop.note
label: Note
title: name
fields: {name: {type: text, max: 40}}
---
kind: role
name: shop.clerk
label: Clerk
grants: {note: {read: record.owner == user.id, create: true, update: true, delete: true}}
)";

struct EventHubTest : test::GateTest {
  const char* definitions() const override { return notes; }
  void SetUp() override {
    GateTest::SetUp();
    if (IsSkipped()) return;
    hub.emplace(gate());
    gate().set_watcher([this](const std::vector<records::Written>& what) { hub->written(what); });
  }
  void TearDown() override {
    hub.reset();
    GateTest::TearDown();
  }
  /// Somebody who listens, and what he was told.
  struct Listener {
    std::shared_ptr<EventStream> stream;
    std::atomic<int> asked{0}, fails{0};
    std::mutex mutex;
    std::string told;
    std::string text() {
      const std::lock_guard lock(mutex);
      return told;
    }
    void forget() {
      const std::lock_guard lock(mutex);
      told.clear();
    }
  };
  std::shared_ptr<Listener> listen(std::int64_t user, std::vector<Watch> watches) {
    auto listener = std::make_shared<Listener>();
    const auto context = as("shop.clerk", user);
    listener->stream = hub->listen(std::move(watches), [context, raw = listener.get()]() -> std::optional<records::Context> {
      ++raw->asked;
      if (raw->fails.exchange(0) != 0) throw std::runtime_error("the database does not answer");
      return context;
    });
    listener->stream->open([raw = listener.get()](std::string_view text) {
      const std::lock_guard lock(raw->mutex);
      raw->told += text;
      return true;
    });
    return listener;
  }
  template <class Holds>
  static bool soon(const Holds& holds) {
    for (int i = 0; i < 400; ++i) {
      if (holds()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  bool hears(Listener& listener, const std::string& what) {
    return soon([&] { return listener.text().find(what) != std::string::npos; });
  }

  std::optional<EventHub> hub;
};

const std::string many = "event: many\ndata: {\"entity\":\"shop.note\"}\n\n";

TEST_P(EventHubTest, WhoWatchesAnEntityHearsThatSomethingLeftHisSight) {
  const auto mine = create(as("shop.clerk", 11), "shop.note", R"({"name":"a","owner":"11"})");
  const auto listener = listen(11, {{"shop.note", 0}});
  const auto other = listen(22, {{"shop.note", 0}});
  gate().remove(as("shop.clerk", 11), mine.entity(), mine.id(), std::nullopt);
  EXPECT_TRUE(hears(*listener, many));
  EXPECT_TRUE(hears(*other, many));
  EXPECT_THAT(other->text(), Not(HasSubstr(id(mine)))) << "of what, he does not hear";
  // Again and again is told now and then.
  other->forget();
  for (int i = 0; i < 4; ++i) {
    create(as("shop.clerk", 11), "shop.note", R"({"name":"b","owner":"11"})");
    std::this_thread::sleep_for(std::chrono::milliseconds(350));
  }
  EXPECT_TRUE(hears(*other, many)) << "but it is";
  EXPECT_EQ(other->text(), many);
}

TEST_P(EventHubTest, WhatCouldNotBeToldIsMadeUpFor) {
  const auto listener = listen(11, {{"shop.note", 0}});
  listener->fails = 1;
  create(as("shop.clerk", 11), "shop.note", R"({"name":"a","owner":"11"})");
  EXPECT_TRUE(hears(*listener, many));
  EXPECT_EQ(listener->fails, 0);
}

TEST_P(EventHubTest, ANoticeConcernsOneUser) {
  const auto his = listen(11, {{"core.notice", 0}}), anothers = listen(22, {{"core.notice", 0}, {"shop.note", 0}});
  create(as("shop.clerk", 22), "shop.note", R"({"name":"a","owner":"22"})");
  EXPECT_TRUE(hears(*anothers, "event: record")) << "now it is known who listens";
  const int asked = anothers->asked;
  auto system = as("", 0);
  system.actor.system = true;
  const auto notice = create(system, "core.notice", R"({"user":"11","text":"hello"})");
  EXPECT_TRUE(hears(*his, id(notice)));
  EXPECT_EQ(anothers->asked, asked) << "it costs the others nothing";
  EXPECT_THAT(anothers->text(), Not(HasSubstr("many")));
}

CARAVAN_ON_BOTH_DATABASES(EventHubTest);

}  // namespace
}  // namespace caravan::api
