#include "records/attachments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "records/hooks.h"
#include "support/gate.h"

// What becomes of files whose transaction did not end as it should, and of records with more files than a list shows.

namespace caravan::records {
namespace {

namespace fs = std::filesystem;

struct Failing final : Hooks {
  ErrorCode code = ErrorCode::unavailable;
  bool any(HookPoint point, const model::Entity&) const override { return point == HookPoint::before_update; }
  void run(HookPoint, HookCall&) const override { throw Error(code, "the hook fails"); }
};

class Attachments : public test::GateTest {
 protected:
  void SetUp() override {
    GateTest::SetUp();
    if (IsSkipped()) return;
    static int count = 0;
    folder_ = fs::temp_directory_path() / ("caravan-files-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
    files_.emplace(folder_);
  }
  void TearDown() override {
    files_.reset();
    if (!folder_.empty()) fs::remove_all(folder_);
    GateTest::TearDown();
  }
  const char* definitions() const override {
    return R"(
kind: entity
name: shop.paper
label: Paper
fields:
  title: {type: text, max: 20, label: Title}
  scan: {type: file, label: Scan}
---
kind: role
name: shop.boss
label: Boss
grants: {shop.paper: {read: true, create: true, update: true}}
)";
  }
  const model::Entity& papers() { return *catalog->entity("shop.paper"); }
  std::size_t stored() {
    std::size_t count = 0;
    files_->each([&](const std::string&, std::uint64_t, std::int64_t) { ++count; });
    return count;
  }
  void make_old() {
    for (const auto& one : fs::recursive_directory_iterator(folder_)) {
      if (one.is_regular_file()) fs::last_write_time(one.path(), fs::file_time_type::clock::now() - std::chrono::hours(48));
    }
  }
  fs::path folder_;
  std::optional<FileStore> files_;
};

TEST_P(Attachments, AFileOfWhichNobodyKnowsWhetherItWasCommittedIsLeftToTheSweep) {
  const Context boss = as("shop.boss", 12);
  const Record paper = create(boss, "shop.paper", "{}");
  const auto failing = std::make_shared<Failing>();
  gate().set_hooks(failing);
  const auto upload = [&] { attach(gate(), *files_, boss, papers(), paper.id(), "content", "a.txt", papers().field("scan")); };
  failing->code = ErrorCode::conflict;
  EXPECT_THROW(upload(), Error);
  EXPECT_EQ(stored(), 0u) << "refused: it is nobody's";
  failing->code = ErrorCode::unavailable;
  EXPECT_THROW(upload(), Error);
  EXPECT_EQ(stored(), 1u);
  EXPECT_EQ(sweep_attachments(database(), *files_, *catalog), 0) << "it is young";
  make_old();
  EXPECT_EQ(sweep_attachments(database(), *files_, *catalog), 1);
  EXPECT_EQ(stored(), 0u);
}

TEST_P(Attachments, TheSweepFindsStraysAmongManyAndLeavesForeignFiles) {
  const Context boss = as("shop.boss", 12);
  const Record paper = create(boss, "shop.paper", "{}");
  for (int i = 0; i < 80; ++i) attach(gate(), *files_, boss, papers(), paper.id(), "content " + std::to_string(i), "a.txt", nullptr);
  for (int i = 0; i < 7; ++i) files_->put("stray");
  std::ofstream(folder_ / "README") << "not ours";
  make_old();
  EXPECT_EQ(sweep_attachments(database(), *files_, *catalog, 5), 5);
  EXPECT_EQ(sweep_attachments(database(), *files_, *catalog, 5), 2);
  EXPECT_EQ(sweep_attachments(database(), *files_, *catalog, 5), 0);
  EXPECT_EQ(stored(), 81u);
}

TEST_P(Attachments, BeyondTheListOneIsFoundAndTakenAway) {
  const Context boss = as("shop.boss", 12);
  const Record paper = create(boss, "shop.paper", "{}");
  const Attachment first = attach(gate(), *files_, boss, papers(), paper.id(), "content", "a.txt", nullptr);
  database().transact([&](storage::Session& session) {
    for (int i = 0; i < 1000; ++i) {
      storage::run_sql(session, "INSERT INTO attachment (id, entity, record_id, file_id, name, created_at) SELECT ?, entity, record_id, file_id, name, created_at FROM attachment WHERE id = ?",
                       first.id + 1 + i, first.id);
    }
  });
  const std::int64_t last = first.id + 1000;
  EXPECT_EQ(list_attachments(gate(), boss, papers(), paper.id()).size(), 1000u);
  EXPECT_EQ(find_attachment(gate(), boss, papers(), paper.id(), last).id, last);
  detach(gate(), boss, papers(), paper.id(), last);
  EXPECT_EQ(refusal([&] { find_attachment(gate(), boss, papers(), paper.id(), last); }).code(), ErrorCode::not_found);
  const Record other = create(boss, "shop.paper", "{}");
  EXPECT_EQ(refusal([&] { find_attachment(gate(), boss, papers(), other.id(), first.id); }).code(), ErrorCode::not_found);
}

CARAVAN_ON_BOTH_DATABASES(Attachments);

}  // namespace
}  // namespace caravan::records
