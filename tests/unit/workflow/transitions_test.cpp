#include "workflow/transitions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/gate.h"

namespace caravan::workflow {
namespace {

class Steps : public test::GateTest {
 protected:
  void SetUp() override {
    GateTest::SetUp();
    seller = as("shop.seller", 11);
    boss = as("shop.boss", 12);
    guest = as("shop.guest", 13);
  }
  records::Context seller, boss, guest;
  records::Record order(const std::string& fields = "") {
    const std::string person = id(create(boss, "shop.person", R"({"name":"A"})"));
    return create(boss, "shop.order", R"({"person":")" + person + "\"" + fields + "}");
  }
  records::Record run(const records::Context& context, const records::Record& record, const char* name, records::Input input = {},
                      std::string note = {}, std::optional<std::int64_t> version = std::nullopt) {
    return steps().run(context, record.entity(), record.id(), name, std::move(input), std::move(note), version);
  }
};

TEST_P(Steps, AStepChangesStateRunsEffectsAndIsRemembered) {
  const auto before = order(R"(,"seats":2)");
  const auto after = run(seller, before, "sell");
  EXPECT_EQ(after.state(), "sold");
  EXPECT_EQ(after.version(), 2);
  EXPECT_EQ(text(after, "paid"), "true");
  const auto people = list(boss, "shop.person").items;
  ASSERT_EQ(people.size(), 2u);
  EXPECT_EQ(text(people[0], "name"), "\"Follow ORD-2026-0001\"");
  const auto event = gate().timeline(boss, after.entity(), after.id(), 0, 1).front();
  EXPECT_EQ(event.action, "transition:sell");
  EXPECT_EQ(event.changes, R"({"state":["new","sold"],"paid":[false,true]})");
  EXPECT_EQ(event.actor_id, 11);
}

TEST_P(Steps, TheGuardSpeaksToTheUser) {
  const auto record = order();
  auto chinese = seller;
  chinese.locale = "zh-CN";
  const auto error = refusal([&] { run(chinese, record, "sell"); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_record);
  EXPECT_EQ(error.message(), "暂时不能“出售”：请先填写座位数。");
  EXPECT_EQ(gate().get(boss, record.entity(), record.id()).state(), "new");
  EXPECT_EQ(gate().get(boss, record.entity(), record.id()).version(), 1);
}

TEST_P(Steps, RoleStateVersionAndNameAreChecked) {
  const auto record = order(R"(,"seats":2)");
  EXPECT_EQ(refusal([&] { run(guest, record, "sell"); }).code(), ErrorCode::not_found);
  EXPECT_EQ(refusal([&] { run(boss, record, "sell"); }).code(), ErrorCode::forbidden);
  EXPECT_EQ(refusal([&] { run(seller, record, "sell", {}, "", 7); }).code(), ErrorCode::stale);
  EXPECT_EQ(refusal([&] { run(seller, record, "fly"); }).code(), ErrorCode::not_found);
  EXPECT_EQ(refusal([&] { run(boss, record, "reopen"); }).code(), ErrorCode::conflict);
  EXPECT_EQ(run(as("core.administrator", 1), record, "sell").state(), "sold");
}

TEST_P(Steps, FormFieldsAndCommentAreAskedFor) {
  const auto record = order();
  const auto* reason = record.entity().field("reason");
  const auto* seats = record.entity().field("seats");
  EXPECT_EQ(refusal([&] { run(boss, record, "lose"); }).fields().at(0).field, "comment");
  EXPECT_EQ(refusal([&] { run(boss, record, "lose", {}, "why"); }).fields().at(0).field, "reason");
  EXPECT_EQ(refusal([&] { run(boss, record, "lose", {{seats, expr::Value(1)}, {reason, expr::Value("x")}}, "why"); }).fields().at(0).code, "not_in_form");
  const auto lost = run(boss, record, "lose", {{reason, expr::Value("太贵")}}, "客户嫌贵");
  EXPECT_EQ(lost.state(), "lost");
  EXPECT_EQ(gate().timeline(boss, lost.entity(), lost.id(), 0, 1).front().note, "客户嫌贵");
}

TEST_P(Steps, AvailableTellsWhyNot) {
  const auto record = order();
  const auto for_seller = steps().available(seller, record);
  ASSERT_EQ(for_seller.size(), 2u);
  EXPECT_EQ(for_seller[0].transition->name, "sell");
  EXPECT_FALSE(for_seller[0].allowed);
  EXPECT_THAT(for_seller[0].why, ::testing::HasSubstr("Enter the number of seats first."));
  EXPECT_EQ(for_seller[1].transition->name, "lose");
  EXPECT_TRUE(for_seller[1].allowed) << "its form asks for the required field";
  const auto for_boss = steps().available(boss, record);
  EXPECT_THAT(for_boss[0].why, ::testing::HasSubstr("Seller"));
}

CARAVAN_ON_BOTH_DATABASES(Steps);

}  // namespace
}  // namespace caravan::workflow
