#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

#include "expr/expression.h"
#include "records.h"

namespace caravan::expr {
namespace {

using test::day;
using test::FakeRecord;
using test::moment;
using test::money;
using test::World;

std::string show(const Value& v) {
  if (v.is_null()) return "null";
  if (const auto* b = v.as<bool>()) return *b ? "true" : "false";
  if (const auto* i = v.as<std::int64_t>()) return std::to_string(*i);
  if (const auto* u = v.as<std::uint64_t>()) return std::to_string(*u) + "u";
  if (const auto* d = v.as<double>()) return "double " + std::to_string(*d);
  if (const auto* d = v.as<Decimal>()) return format_decimal(*d) + (d->has_currency() ? " " + std::string(d->currency_code()) : "");
  if (const auto* s = v.as<std::string>()) return *s;
  if (const auto* d = v.as<Date>()) return format_date(*d);
  if (const auto* t = v.as<Timestamp>()) return format_timestamp(*t);
  if (const auto* d = v.as<Duration>()) return std::to_string(d->seconds) + "s";
  if (const auto* list = v.as_list()) {
    std::string text;
    for (const auto& item : *list) text += (text.empty() ? "" : ", ") + show(item);
    return "[" + text + "]";
  }
  return "?";
}

class EvaluateTest : public ::testing::Test {
 protected:
  EvaluateTest() {
    guide = std::make_shared<FakeRecord>(world.guide);
    guide->set("id", 7).set("rank", 3).set("language", "日本語");
    customer = std::make_shared<FakeRecord>(world.customer);
    customer->set("id", 5).set("tier", "gold").set("guide", 7);
    customer->targets[world.customer.member("guide")->slot] = guide;
    record = std::make_shared<FakeRecord>(world.inquiry);
    record->set("id", 1).set("customer", 5).set("party_size", 4).set("budget", money("12000.00", "CNY")).set("rate", money("0.8500"));
    record->set("destination", "北京和上海").set("channel", "web").set("urgent", true).set("depart_on", day("2026-12-20"));
    record->set("created_at", moment("2026-12-01T08:00:00Z")).set("tags", List{Value("vip"), Value("group")});
    record->set("data", Map{{Value("seats"), Value(12)}});
    record->targets[world.inquiry.member("customer")->slot] = customer;
    user = std::make_shared<FakeRecord>(world.user);
    user->set("id", 9).set("name", "Li").set("roles", List{Value("sales"), Value("manager")});
    activation.now = *parse_timestamp("2026-12-10T17:00:00Z");
    activation.time_zone = "Asia/Shanghai";
  }

  Evaluation run(std::string_view source) {
    const auto c = compile(source, world.environment);
    if (!c.program) {
      Evaluation e;
      e.outcome = Outcome::error;
      e.message = "does not compile: " + c.issues[0].message;
      return e;
    }
    const Value variables[] = {Value(std::shared_ptr<const RecordView>(record)), Value(std::shared_ptr<const RecordView>(user))};
    activation.variables = variables;
    activation.count = 2;
    return c.program->evaluate(activation);
  }
  std::string value(std::string_view source) {
    const Evaluation e = run(source);
    if (e.outcome == Outcome::unknown) return "unknown";
    return e.outcome == Outcome::error ? "error: " + e.message : show(e.value);
  }

  World world;
  std::shared_ptr<FakeRecord> guide, customer, record, user;
  Activation activation;
};

TEST_F(EvaluateTest, Guards) {
  EXPECT_EQ(value("record.party_size > 0 && record.destination != null"), "true");
  EXPECT_EQ(value("record.budget > 50000"), "false");
  EXPECT_EQ(value("record.budget / record.party_size"), "3000.000000 CNY");
  EXPECT_EQ(value("record.channel in ['web', 'phone'] && 'manager' in user.roles"), "true");
  EXPECT_EQ(value("record.customer.tier == 'gold' && record.customer.guide.rank >= 3"), "true");
  EXPECT_EQ(value("record.customer == 5"), "true");
  EXPECT_EQ(value("user.roles.exists(r, r.startsWith('man'))"), "true");
  EXPECT_EQ(value("record.tags.all(t, t.size() > 2) && record.tags[0] == 'vip'"), "true");
  EXPECT_EQ(value("record.data.seats >= record.party_size"), "true");
  EXPECT_EQ(value("record.destination.size()"), "5");
  EXPECT_EQ(value("record.destination.matches('^北.+海$')"), "true");
}

TEST_F(EvaluateTest, EmptyFieldsEqualOnlyEmpty) {
  EXPECT_EQ(value("record.children == null"), "true");
  EXPECT_EQ(value("record.children != 3"), "true");
  EXPECT_EQ(value("record.children == 3"), "false");
  EXPECT_EQ(value("record.children == record.deposit"), "true");
  EXPECT_EQ(value("record.budget == null"), "false");
  EXPECT_EQ(value("has(record.children)"), "false");
  EXPECT_EQ(value("has(record.budget) && has(record.customer.tier)"), "true");
  EXPECT_EQ(value("record.children"), "null");
}

TEST_F(EvaluateTest, ASecondRecordMayBeMissing) {
  const auto changed = compile("user == null || user.roles != null", world.environment);
  ASSERT_TRUE(changed.program);
  const Value none[] = {Value(std::shared_ptr<const RecordView>(record)), Value()};
  activation.variables = none;
  activation.count = 2;
  EXPECT_TRUE(changed.program->evaluate(activation).is_true());
  EXPECT_EQ(value("null != user"), "true");
  EXPECT_THAT(value("record == null"), ::testing::StartsWith("error: does not compile"));
  EXPECT_THAT(value("user == record"), ::testing::StartsWith("error: does not compile"));
}

TEST_F(EvaluateTest, OtherOperatorsOnEmptyFieldsAreUnknown) {
  for (const char* source : {"record.children > 3", "3 <= record.children", "record.children + 1", "-record.children", "!record.paid", "record.paid && true",
                             "false || record.paid", "record.paid ? 1 : 2", "record.children in [1, 2]", "record.return_on - today()", "record.children + 1 == 5",
                             "string(record.children)", "[1, 2].exists(x, x == record.children + 1)", "math.greatest(1, record.children)",
                             "record.return_on < today() && record.party_size > 0"}) {
    EXPECT_EQ(value(source), "unknown") << source;
  }
}

TEST_F(EvaluateTest, ThreeValuedLogic) {
  EXPECT_EQ(value("record.children > 3 && false"), "false");
  EXPECT_EQ(value("false && record.children > 3"), "false");
  EXPECT_EQ(value("record.children > 3 || true"), "true");
  EXPECT_EQ(value("!(record.children > 3)"), "unknown");
  EXPECT_EQ(value("record.paid || record.urgent"), "true");
  EXPECT_EQ(value("[1, 2, 3].all(x, x > record.children || x < 3)"), "unknown");
  EXPECT_EQ(value("[1, 2, 3].all(x, x < 3 && record.children > 1)"), "false");
  EXPECT_EQ(value("1 / 0 > 1 || true"), "true");
  EXPECT_EQ(value("1 / 0 > 1 && record.children > 3"), "unknown");
  EXPECT_FALSE(run("record.children > 3").is_true());
  EXPECT_FALSE(run("record.party_size").is_true());
  EXPECT_TRUE(run("record.urgent").is_true());
}

TEST_F(EvaluateTest, EmptyReferencesHaveEmptyMembers) {
  record->set("customer", Value());
  record->targets.clear();
  EXPECT_EQ(value("record.customer.tier == null"), "true");
  EXPECT_EQ(value("record.customer.tier != 'gold'"), "true");
  EXPECT_EQ(value("record.customer.guide.rank > 1"), "unknown");
  EXPECT_EQ(value("has(record.customer.tier)"), "false");
}

TEST_F(EvaluateTest, AReferenceIsLoadedOnce) {
  EXPECT_EQ(value("record.customer.tier == 'gold' && record.customer.id == 5 && record.customer.guide.rank == 3 && record.customer.guide.id == 7"), "true");
  EXPECT_EQ(record->followed, 1);
  EXPECT_EQ(customer->followed, 1);
  EXPECT_EQ(value("[1, 2, 3, 4].all(x, record.customer.id == 5)"), "true");
  EXPECT_EQ(record->followed, 2);
}

TEST_F(EvaluateTest, ViewsThatMakeTheirValues) {
  record->in_place = false;
  customer->in_place = false;
  EXPECT_EQ(value("record.destination + '!' == '北京和上海!' && record.tags[1] == 'group' && record.data.seats == 12 && record.customer.tier == 'gold'"), "true");
}

TEST_F(EvaluateTest, Decimals) {
  EXPECT_EQ(value("record.budget * decimal('0.85')"), "10200.0000 CNY");
  EXPECT_EQ(value("record.budget + 1"), "12001.00 CNY");
  EXPECT_EQ(value("1 + record.budget == decimal('12001')"), "true");
  EXPECT_EQ(value("record.budget - record.budget"), "0.00 CNY");
  EXPECT_EQ(value("record.budget == 12000 && record.budget in [1, 12000]"), "true");
  EXPECT_EQ(value("-record.budget"), "-12000.00 CNY");
  EXPECT_EQ(value("record.rate < 1 && record.rate > decimal('0.8499')"), "true");
  EXPECT_EQ(value("decimal('1') / 3"), "0.333333");
  EXPECT_EQ(value("decimal('0.1') + decimal('0.2') == decimal('0.3')"), "true");
  EXPECT_EQ(value("int(record.budget) + int(decimal('-1.9'))"), "11999");
  EXPECT_EQ(value("string(record.budget)"), "12000.00");
  EXPECT_EQ(value("record.urgent ? record.budget : 0"), "12000.00 CNY");
  EXPECT_EQ(value("type(record.paid == true ? record.budget : 0) == decimal"), "true");
  EXPECT_EQ(value("decimal('999999999999999999') < 9223372036854775807"), "true");
  EXPECT_EQ(value("decimal('1') / 0"), "error: division by zero");
  EXPECT_THAT(value("decimal('999999999999999999') + 1"), ::testing::HasSubstr("more than 18 digits"));
  EXPECT_THAT(value("decimal(9223372036854775807)"), ::testing::HasSubstr("18 digits"));
  EXPECT_THAT(value("1 / record.budget"), ::testing::HasSubstr("cannot be divided by an amount"));
}

TEST_F(EvaluateTest, CurrenciesDoNotMix) {
  record->set("deposit", money("100.00", "USD"));
  EXPECT_THAT(value("record.budget + record.deposit"), ::testing::HasSubstr("CNY and USD do not mix"));
  EXPECT_THAT(value("record.budget > record.deposit"), ::testing::HasSubstr("different currencies"));
  EXPECT_EQ(value("record.budget == record.deposit"), "false");
  EXPECT_EQ(value("record.budget != record.deposit"), "true");
  EXPECT_THAT(value("record.budget * record.deposit"), ::testing::HasSubstr("cannot be multiplied"));
  record->set("deposit", money("3000.00", "CNY"));
  EXPECT_EQ(value("record.budget / record.deposit"), "4.000000");
  record->set("deposit", money("12000.0"));
  EXPECT_EQ(value("record.budget == record.deposit && record.budget >= record.deposit"), "true");
}

TEST_F(EvaluateTest, IntegerOverflowIsAnError) {
  for (const char* source : {"9223372036854775807 + record.party_size", "-9223372036854775808 - record.party_size", "4611686018427387904 * record.party_size",
                             "-9223372036854775808 / (3 - record.party_size)", "record.party_size / 0", "record.party_size % 0"}) {
    EXPECT_EQ(run(source).outcome, Outcome::error) << source;
  }
  EXPECT_EQ(value("uint(record.party_size) - 5u"), "error: the result is out of range: `-`");
}

TEST_F(EvaluateTest, DatesAndTimes) {
  EXPECT_EQ(value("today()"), "2026-12-11");  // 01:00 in Shanghai
  EXPECT_EQ(value("record.depart_on - today()"), "9");
  EXPECT_EQ(value("record.depart_on >= today() + 7 && record.depart_on < date('2027-01-01')"), "true");
  EXPECT_EQ(value("record.depart_on - 20"), "2026-11-30");
  EXPECT_EQ(value("30 + record.depart_on"), "2027-01-19");
  EXPECT_EQ(value("now() - record.created_at > duration('216h')"), "true");
  EXPECT_EQ(value("record.created_at + duration('90m')"), "2026-12-01T09:30:00Z");
  EXPECT_EQ(value("date(record.created_at)"), "2026-12-01");
  EXPECT_EQ(value("date(timestamp('2026-12-01T20:00:00Z'))"), "2026-12-02");
  EXPECT_EQ(value("date(timestamp('2026-12-01T20:00:00Z'), 'UTC')"), "2026-12-01");
  EXPECT_EQ(value("timestamp(record.depart_on)"), "2026-12-19T16:00:00Z");
  EXPECT_EQ(value("record.depart_on.getFullYear() * 100 + record.depart_on.getMonth() + 1"), "202612");
  EXPECT_EQ(value("record.created_at.getHours('Asia/Shanghai')"), "16");
  EXPECT_THAT(value("date('9999-12-31') + 1"), ::testing::HasSubstr("out of range"));
  EXPECT_THAT(value("record.depart_on + 9223372036854775807"), ::testing::HasSubstr("out of range"));
  EXPECT_THAT(value("record.created_at.getHours('Mars/Olympus')"), ::testing::HasSubstr("is not a time zone"));
}

TEST_F(EvaluateTest, Collections) {
  EXPECT_EQ(value("[3, 1, 2].filter(x, x > 1).map(x, x * 2)"), "[6, 4]");
  EXPECT_EQ(value("[1, 2, 3].map(x, x > 1, x * 10)"), "[20, 30]");
  EXPECT_EQ(value("{'a': 1, 'b': 2}.exists(k, k == 'b')"), "true");
  EXPECT_EQ(value("[[1, 2], [3]].map(l, l.map(x, x + size(l)))"), "[[3, 4], [4]]");
  EXPECT_EQ(value("record.tags + ['x']"), "[vip, group, x]");
  EXPECT_EQ(value("{'a': {'b': [10, 20]}}.a.b[1]"), "20");
  EXPECT_EQ(value("[1][1]"), "error: the index is outside of the list");
  EXPECT_EQ(value("record.data.nothing"), "error: there is no key `nothing`");
  EXPECT_EQ(value("has(record.data.nothing)"), "false");
  EXPECT_EQ(value("record.tags.join('、')"), "vip、group");
  EXPECT_EQ(value("[1, 2].exists_one(x, x == record.party_size - 2)"), "true");
}

TEST_F(EvaluateTest, StepsAndSizesAreBounded) {
  std::string loops = "[0,1,2,3,4,5,6,7,8,9]";
  std::string nested = "true";
  for (int i = 0; i < 12; ++i) nested = loops + ".all(x" + std::to_string(i) + ", " + nested + ")";
  EXPECT_EQ(value(nested), "error: the expression takes too many steps");
  std::string doubling = "['0123456789']";
  for (int i = 0; i < 40; ++i) doubling += ".map(x, x + x)";
  EXPECT_EQ(value(doubling + "[0].size() + record.party_size"), "error: the text is too long");
  std::string tree = "[[record.party_size]]";
  for (int i = 0; i < 60; ++i) tree += ".map(x, [x, x])";
  EXPECT_EQ(value(tree), "error: the result has too many elements");
  EXPECT_EQ(value(tree + " == " + tree), "error: the expression takes too many steps");
  EXPECT_THAT(value("'%s'.format([" + tree + "])"), ::testing::HasSubstr("too"));
}

TEST_F(EvaluateTest, MissingVariablesAreErrors) {
  const auto c = compile("user.name == 'Li'", world.environment);
  ASSERT_TRUE(c.program);
  EXPECT_EQ(c.program->evaluate(Activation{}).outcome, Outcome::error);
}

TEST(Value, SameAsIsStrict) {
  EXPECT_TRUE(Value().same_as(Value()));
  EXPECT_FALSE(Value(1).same_as(Value(std::uint64_t{1})));
  EXPECT_FALSE(Value(1).same_as(Value(1.0)));
  EXPECT_TRUE(money("1.50").same_as(money("1.50")));
  EXPECT_FALSE(money("1.50").same_as(money("1.5")));
  EXPECT_FALSE(money("1.50", "CNY").same_as(money("1.50")));
  EXPECT_TRUE(Value(List{Value(1), Value("a")}).same_as(Value(List{Value(1), Value("a")})));
  EXPECT_FALSE(Value(List{Value(1)}).same_as(Value(List{Value(2)})));
  EXPECT_FALSE(Value(Map{{Value("a"), Value(1)}}).same_as(Value(Map{{Value("b"), Value(1)}})));
  EXPECT_TRUE(Value(std::nan("")).same_as(Value(std::nan(""))));
  EXPECT_FALSE(Value("a").same_as(Value(Bytes{"a"})));
}

TEST_F(EvaluateTest, AGuardTakesWellUnderAMicrosecond) {
  const auto c = compile("record.party_size > 0 && record.destination != null && record.channel in ['web', 'phone', 'wechat'] && record.budget >= 5000", world.environment);
  ASSERT_TRUE(c.program);
  const Value variables[] = {Value(std::shared_ptr<const RecordView>(record)), Value(std::shared_ptr<const RecordView>(user))};
  activation.variables = variables;
  activation.count = 2;
  constexpr int runs = 200'000;
  const auto start = std::chrono::steady_clock::now();
  int kept = 0;
  for (int i = 0; i < runs; ++i) kept += c.program->evaluate(activation).is_true();
  const double ns = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / runs;
  EXPECT_EQ(kept, runs);
  RecordProperty("nanoseconds", static_cast<int>(ns));
  std::printf("a guard of four comparisons: %.0f ns\n", ns);
}

}  // namespace
}  // namespace caravan::expr
