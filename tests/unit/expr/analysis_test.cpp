#include "expr/analysis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>

#include "records.h"

namespace caravan::expr {
namespace {

using test::day;
using test::FakeRecord;
using test::World;

/// party_size is 1 to 4, channel is web or phone; urgent is always filled.
class AnalysisTest : public ::testing::Test {
 protected:
  AnalysisTest() {
    facts = [this](const RecordType& type, std::uint32_t slot, bool own) {
      FieldFact fact;
      if (&type != &world.inquiry || !own) return fact;
      if (slot == world.inquiry.member("party_size")->slot) fact.min = Value(1), fact.max = Value(4);
      if (slot == world.inquiry.member("channel")->slot) fact.values = fact.known = std::vector<Value>{Value("web"), Value("phone")};
      if (slot == world.inquiry.member("urgent")->slot) fact.filled = true;
      return fact;
    };
  }
  std::string decided(std::string_view source) {
    const auto c = compile(source, world.environment);
    if (!c.program) return "mistake: " + c.issues[0].message;
    std::string out;
    for (const Decided& one : find_decided(*c.program, facts)) {
      out += (out.empty() ? "" : "; ") + std::string(one.whole ? "whole" : one.part) + (one.holds ? " holds" : " never");
    }
    return out;
  }
  World world;
  FactSource facts;
};

TEST_F(AnalysisTest, FindsContradictionsAndWhatFactsRuleOut) {
  EXPECT_EQ(decided("record.party_size > 2 && record.children < 3"), "");
  EXPECT_EQ(decided("record.paid && !record.paid"), "whole never");
  EXPECT_EQ(decided("record.paid || !record.paid"), "whole holds");
  EXPECT_EQ(decided("record.party_size > 4"), "whole never");
  EXPECT_EQ(decided("record.party_size > 0"), "");  // asks whether it is filled
  EXPECT_EQ(decided("record.children > 1 && record.children < 2"), "whole never");
  EXPECT_EQ(decided("record.rate > decimal('1.5') && record.rate < decimal('1.6')"), "");
  EXPECT_EQ(decided("record.channel == 'web' && record.channel == 'phone'"), "whole never");
  EXPECT_EQ(decided("record.channel != 'web' && record.channel != 'phone' && record.channel != null"), "whole never");
  EXPECT_EQ(decided("record.channel == 'letter'"), "");  // told by the check of names
  EXPECT_EQ(decided("has(record.urgent)"), "whole holds");
  EXPECT_EQ(decided("record.depart_on < record.return_on && record.depart_on >= record.return_on"), "whole never");
  EXPECT_EQ(decided("record.paid ? record.party_size > 9 : record.urgent"), "record.party_size > 9 never");
  EXPECT_EQ(decided("record.paid || record.destination == 'a' && record.destination == 'b'"), "record.destination == 'a' && record.destination == 'b' never");
  EXPECT_EQ(decided("record.customer.tier == 'gold' && !(record.customer.tier in ['gold', 'silver'])"), "whole never");
  EXPECT_EQ(decided("user.roles.exists(r, r == 'a' && r == 'b')"), "");
  EXPECT_EQ(decided("true"), "whole holds");
  EXPECT_EQ(decided("1 > 2"), "whole never");
}

TEST_F(AnalysisTest, ComparedTextsAreFoundWithTheirPlaces) {
  const auto c = compile("'boss' in user.roles && (record.channel == 'web' || record.channel in ['a', 'b'])", world.environment);
  ASSERT_TRUE(c.program);
  std::string out;
  for (const ComparedText& one : compared_texts(*c.program)) out += std::string(one.type->name()) + " " + one.text + " " + std::to_string(one.at.column) + "; ";
  EXPECT_EQ(out, "user boss 1; sales.inquiry web 44; sales.inquiry a 71; sales.inquiry b 71; ");
}

/// What is called decided is so, over all records that agree with the facts.
TEST_F(AnalysisTest, IsSound) {
  std::uint64_t state = 7;
  const auto below = [&](std::size_t n) { return state = state * 6364136223846793005u + 1442695040888963407u, static_cast<std::size_t>((state >> 33) % n); };
  const auto one = [&](std::initializer_list<const char*> all) { return std::string(all.begin()[below(all.size())]); };
  const std::function<std::string(int)> condition = [&](int depth) -> std::string {
    if (depth > 0) {
      switch (below(5)) {
        case 0: return "(" + condition(depth - 1) + " && " + condition(depth - 1) + ")";
        case 1: return "(" + condition(depth - 1) + " || " + condition(depth - 1) + ")";
        case 2: return "!(" + condition(depth - 1) + ")";
        case 3: return "(" + condition(depth - 1) + " ? " + condition(depth - 1) + " : " + condition(depth - 1) + ")";
        default: break;
      }
    }
    switch (below(6)) {
      case 0: return "record.party_size" + one({" < ", " <= ", " > ", " >= ", " == ", " != "}) + one({"0", "1", "2", "3", "4", "5"});
      case 1: return one({"0", "2", "4", "6"}) + one({" < ", " >= ", " != "}) + "record.party_size";
      case 2: return one({"record.urgent", "record.paid", "record.paid == true", "record.urgent != record.paid", "has(record.paid)"});
      case 3: return "record.channel" + one({" == 'web'", " != 'phone'", " in ['web']", " in ['web', 'phone']", " == null", " != null", " < 'v'"});
      case 4: return one({"record.depart_on", "record.return_on"}) + one({" < ", " <= ", " == ", " != ", " >= "}) + one({"record.depart_on", "record.return_on", "date('2026-01-02')"});
      default: return one({"record.party_size in [1, 9]", "record.party_size in [7]", "record.party_size == null", "has(record.party_size)", "record.party_size > record.party_size", "record.party_size + 1 > 3"});
    }
  };
  std::vector<std::shared_ptr<FakeRecord>> records;
  const std::vector<Value> sizes{Value(), Value(1), Value(2), Value(3), Value(4)}, flags{Value(), Value(true), Value(false)}, channels{Value(), Value("web"), Value("phone")},
      days{Value(), day("2026-01-01"), day("2026-01-02")};
  for (const auto& size : sizes) {
    for (const auto& paid : flags) {
      for (const auto& channel : channels) {
        for (const auto& from : days) {
          for (const auto& to : days) {
            for (const bool urgent : {true, false}) {
              auto r = std::make_shared<FakeRecord>(world.inquiry);
              r->set("party_size", size).set("paid", paid).set("channel", channel).set("depart_on", from).set("return_on", to).set("urgent", urgent);
              records.push_back(std::move(r));
            }
          }
        }
      }
    }
  }
  int found = 0, parts = 0;
  for (int i = 0; i < 1500; ++i) {
    const std::string source = condition(static_cast<int>(below(4)));
    const auto c = compile(source, world.environment);
    ASSERT_TRUE(c.program) << source;
    for (const Decided& one_found : find_decided(*c.program, facts)) {
      const auto part = one_found.whole ? c : compile(one_found.part, world.environment);
      if (!part.program || part.program->type().kind != TypeKind::boolean) continue;  // cut within parentheses
      ++found;
      parts += !one_found.whole;
      for (const auto& r : records) {
        const Value variables[] = {Value(std::shared_ptr<const RecordView>(r)), Value()};
        Activation activation;
        activation.variables = variables;
        activation.count = 2;
        const Evaluation e = part.program->evaluate(activation);
        const bool* answer = e.value.as<bool>();
        if (e.outcome != Outcome::value || !answer) continue;
        ASSERT_EQ(*answer, one_found.holds) << one_found.part << " in " << source;
      }
    }
  }
  EXPECT_GT(found, 300);
  EXPECT_GT(parts, 50);
}

TEST_F(AnalysisTest, IsBounded) {
  std::string wide = "(record.paid || record.urgent)", deep = "record.paid";
  for (int i = 0; i < 240; ++i) wide += (i < 7 ? " && (record.id > " : " && (record.children > ") + std::to_string(i) + (i < 7 ? " || record.paid)" : ")");
  for (int i = 0; i < 60; ++i) deep = "!(" + deep + " && record.party_size > 1)";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(decided(wide), "");
  EXPECT_EQ(decided(deep), "");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
}

}  // namespace
}  // namespace caravan::expr
