#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expr/conformance.h"
#include "expr/expression.h"
#include "records.h"

namespace caravan::expr {
namespace {

using test::World;

std::string first(const Compiled& c) {
  if (c.issues.empty()) return "compiled";
  const Issue& i = c.issues[0];
  return std::to_string(i.line) + ":" + std::to_string(i.column) + ": " + i.message + (i.hint.empty() ? "" : ": " + i.hint);
}

class CompileTest : public ::testing::Test {
 protected:
  std::string mistake(std::string_view source, TypeKind result = TypeKind::any) {
    world.environment.result = result;
    return first(compile(source, world.environment));
  }
  std::string type(std::string_view source) {
    const auto c = compile(source, world.environment);
    return c.program ? to_string(c.program->type()) : first(c);
  }
  World world;
};

TEST_F(CompileTest, UnknownFieldsAndNamesAreSuggested) {
  EXPECT_EQ(mistake("record.budgt > 5"), "1:8: sales.inquiry has no field `budgt`: did you mean `budget`?");
  EXPECT_EQ(mistake("record.customer.teir == 'gold'"), "1:17: customers.customer has no field `teir`: did you mean `tier`?");
  EXPECT_EQ(mistake("recrod.budget > 5"), "1:1: there is no `recrod`: did you mean `record`?");
  EXPECT_EQ(mistake("record.destination.startWith('a')"), "1:20: there is no function `startWith`: did you mean `startsWith`?");
  EXPECT_EQ(mistake("party_size > 5"), "1:1: there is no `party_size`: a field is written `record.party_size`");
  EXPECT_EQ(mistake("record.destination.size > 5"), "1:20: `size` is a function: write `size()`");
}

TEST_F(CompileTest, ColumnsCountCharacters) {
  EXPECT_THAT(mistake("record.destination == '北京🐱' && record.x"), ::testing::StartsWith("1:39: sales.inquiry has no field `x`"));
  EXPECT_THAT(mistake("true &&\n  record.destination == '北京' ||\r\n record.x"), ::testing::StartsWith("3:9: "));
  EXPECT_THAT(mistake("'é' + 北京"), ::testing::StartsWith("1:7: `北` is not allowed here"));
}

TEST_F(CompileTest, AllTypeMistakesAtOnceInOrder) {
  const auto c = compile("record.budget > 'x' && record.nope == 1 && record.party_size + true > 0", world.environment);
  ASSERT_EQ(c.issues.size(), 3u);
  EXPECT_FALSE(c.program);
  EXPECT_EQ(c.issues[0].column, 15u);
  EXPECT_EQ(c.issues[1].column, 31u);
  EXPECT_EQ(c.issues[2].column, 62u);
}

TEST_F(CompileTest, WrongTypes) {
  using ::testing::HasSubstr;
  EXPECT_EQ(mistake("record.budget > 0.8"), "1:15: `>` is not defined for decimal and double: an exact number is written decimal(\"0.8\"), without double");
  EXPECT_THAT(mistake("record.depart_on > '2026-12-20'"), HasSubstr("date(\"2026-12-20\")"));
  EXPECT_THAT(mistake("record.created_at > today()"), HasSubstr("date(…) gives the day"));
  EXPECT_THAT(mistake("record.party_size < null"), HasSubstr("only `==` and `!=` take null"));
  EXPECT_THAT(mistake("1 + 1u"), HasSubstr("convert one side"));
  EXPECT_THAT(mistake("1 == 1.0"), HasSubstr("`==` is not defined for int and double"));
  EXPECT_THAT(mistake("'a' && true"), HasSubstr("`&&` takes bool, not string"));
  EXPECT_THAT(mistake("!record.party_size"), HasSubstr("`!` takes bool, not int"));
  EXPECT_THAT(mistake("record.urgent ? 1 : 'a'"), HasSubstr("the two sides of `:` are int and string"));
  EXPECT_THAT(mistake("'a' in 'abc'"), HasSubstr("contains"));
  EXPECT_THAT(mistake("1 in ['a']"), HasSubstr("int is never in a list(string)"));
  EXPECT_THAT(mistake("record == record"), HasSubstr("name a field"));
  EXPECT_THAT(mistake("record.destination.contains(1)"), HasSubstr("does not take (string, int)"));
  EXPECT_THAT(mistake("contains('a', 'b')"), HasSubstr("is not called like this"));
  EXPECT_THAT(mistake("decimal(1.5)"), HasSubstr("decimal(\"12.50\")"));
  EXPECT_THAT(mistake("[1, 2].exists(x, x)"), HasSubstr("the condition of `exists` is bool, not int"));
  EXPECT_THAT(mistake("record.party_size.exists(x, x > 1)"), HasSubstr("needs a list or a map, not int"));
  EXPECT_THAT(mistake("[1].exists(1, true)"), HasSubstr("is a name for the element"));
  EXPECT_THAT(mistake("has(record)"), HasSubstr("`has` asks for a field"));
  EXPECT_THAT(mistake("math.greatest('a', 1)"), HasSubstr("takes numbers, not string"));
}

TEST_F(CompileTest, TheContextsResultType) {
  EXPECT_EQ(mistake("record.party_size", TypeKind::boolean), "1:8: the result is int, but bool is needed here: a condition compares something, e.g. `record.field == value`");
  EXPECT_EQ(mistake("record.urgent", TypeKind::boolean), "compiled");
  EXPECT_EQ(mistake("null", TypeKind::boolean).substr(0, 4), "1:1:");
  EXPECT_EQ(mistake("null", TypeKind::string), "compiled");
  world.environment.result = TypeKind::decimal;
  const auto c = compile("record.party_size * 100", world.environment);
  ASSERT_TRUE(c.program);
  EXPECT_EQ(to_string(c.program->type()), "decimal");
}

TEST_F(CompileTest, InferredTypes) {
  EXPECT_EQ(type("record.budget / record.party_size"), "decimal");
  EXPECT_EQ(type("record.depart_on - today()"), "int");
  EXPECT_EQ(type("today() + 7"), "date");
  EXPECT_EQ(type("now() - record.created_at"), "duration");
  EXPECT_EQ(type("record.tags.map(t, t.size())"), "list(int)");
  EXPECT_EQ(type("[1, 'a']"), "list(dyn)");
  EXPECT_EQ(type("{'a': 1}"), "map(string, int)");
  EXPECT_EQ(type("record.urgent ? record.budget : 0"), "decimal");
  EXPECT_EQ(type("record.data.anything"), "dyn");
  EXPECT_EQ(type("record.customer"), "int");
  EXPECT_EQ(type("record.customer.guide.rank"), "int");
  EXPECT_EQ(type("record"), "sales.inquiry");
  EXPECT_EQ(type("math.greatest(1, 2u)"), "dyn");
}

TEST_F(CompileTest, MalformedSource) {
  using ::testing::StartsWith;
  EXPECT_THAT(mistake(""), StartsWith("1:1: the expression is empty"));
  EXPECT_THAT(mistake("   // nothing\n"), StartsWith("2:1: the expression is empty"));
  EXPECT_THAT(mistake("1 +"), StartsWith("1:4: the expression ends too early"));
  EXPECT_THAT(mistake("(1"), StartsWith("1:3: the expression ends where `)` is expected"));
  EXPECT_THAT(mistake("1 2"), StartsWith("1:3: `2` is not expected here"));
  EXPECT_THAT(mistake("a = 1"), StartsWith("1:3: a single `=` compares nothing: write `==`"));
  EXPECT_THAT(mistake("a & b"), StartsWith("1:3: `&` is not an operator"));
  EXPECT_THAT(mistake("'abc"), StartsWith("1:1: this text does not end"));
  EXPECT_THAT(mistake("'a\nb'"), StartsWith("1:1: this text does not end on its line"));
  EXPECT_THAT(mistake("'\\q'"), StartsWith("1:2: this escape does not exist"));
  EXPECT_THAT(mistake("'\\ud800'"), StartsWith("1:2: this is not a Unicode character"));
  EXPECT_THAT(mistake("b'\\u0041'"), StartsWith("1:3: `\\u` is not allowed in bytes"));
  EXPECT_THAT(mistake("9223372036854775808"), StartsWith("1:1: this number is out of the range of int"));
  EXPECT_THAT(mistake("99999999999999999999999"), StartsWith("1:1: this number is too large"));
  EXPECT_THAT(mistake("1e999"), StartsWith("1:1: this number is out of the range of double"));
  EXPECT_THAT(mistake("12abc"), StartsWith("1:3: a letter directly after a number"));
  EXPECT_THAT(mistake("record.in"), StartsWith("1:8: `in` cannot be a name"));
  EXPECT_THAT(mistake("if"), StartsWith("1:1: `if` is a reserved word"));
  EXPECT_THAT(mistake("Foo{a: 1}"), StartsWith("1:4: messages are not supported"));
  EXPECT_THAT(mistake("\xff\xfe"), StartsWith("1:1: the expression is not valid UTF-8"));
  EXPECT_THAT(mistake(std::string("1 \0 2", 5)), StartsWith("1:3: a control character"));
  EXPECT_EQ(mistake("-9223372036854775808"), "compiled");
}

TEST_F(CompileTest, ConversionsOfLiteralsAreCheckedAtOnce) {
  using ::testing::HasSubstr;
  EXPECT_THAT(mistake("record.depart_on > date('2026-02-30')"), HasSubstr("\"2026-02-30\" is not a date"));
  EXPECT_THAT(mistake("decimal('12,5')"), HasSubstr("\"12,5\" is not a decimal"));
  EXPECT_THAT(mistake("duration('5 days')"), HasSubstr("is not a duration"));
  EXPECT_THAT(mistake("timestamp('yesterday')"), HasSubstr("is not a timestamp"));
  EXPECT_THAT(mistake("record.destination.matches('(')"), HasSubstr("regular expression is malformed"));
}

TEST_F(CompileTest, BoundsOnSizeAndDepth) {
  const auto repeat = [](std::string_view part, int n) {
    std::string s;
    for (int i = 0; i < n; ++i) s += part;
    return s;
  };
  EXPECT_EQ(mistake(repeat("(", 60) + "1" + repeat(")", 60)), "compiled");
  EXPECT_THAT(mistake(repeat("(", 65) + "1" + repeat(")", 65)), ::testing::HasSubstr("nested too deeply"));
  for (const char* open : {"(", "[", "{1:", "-(", "!(", "f(", "[1].map(x,", "true?true:", "a[", "a.b("}) {
    const Compiled c = compile(repeat(open, 2000), world.environment);
    EXPECT_FALSE(c.program) << open;
    EXPECT_EQ(c.issues.size(), 1u);
  }
  for (const char* more : {"+1", "*1", "==1", ".a", "[0]", ".f()", " in [1]"}) {
    EXPECT_THAT(mistake("1" + repeat(more, 2000)), ::testing::HasSubstr("too many operators")) << more;
  }
  for (const char* prefix : {"!", "-"}) EXPECT_FALSE(compile(repeat(prefix, 10'000) + "x", world.environment).program);
  EXPECT_EQ(mistake("true" + repeat(" && true", 1500)), "compiled");
  EXPECT_EQ(mistake("1" + repeat("+1", 200)), "compiled");
  EXPECT_THAT(mistake(std::string(20'000, ' ') + "1"), ::testing::HasSubstr("too long"));
}

TEST_F(CompileTest, RandomBytesNeverCrash) {
  const std::string alphabet = "()[]{}.,:?+-*/%!<>=&|'\"`\\ \n\t0129.eEuxrb_abrecord user.in true null has map exists size 北\xff";
  std::uint64_t state = 42;
  const auto next = [&] { return state = state * 6364136223846793005u + 1442695040888963407u, state >> 33; };
  int compiled = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::string source;
    for (std::uint64_t n = next() % 40; n > 0; --n) source += alphabet[next() % alphabet.size()];
    const auto c = compile(source, world.environment);
    EXPECT_EQ(c.program == nullptr, !c.issues.empty()) << source;
    compiled += c.program != nullptr;
  }
  EXPECT_GT(compiled, 10);
}

TEST_F(CompileTest, ReadFieldsNamesEveryFieldOnce) {
  const auto read = [&](std::string_view source) {
    const auto c = compile(source, world.environment);
    EXPECT_TRUE(c.program) << source;
    std::string names;
    for (const ReadField& field : read_fields(*c.program)) {
      std::string name;
      for (const auto member : field.type->member_names()) {
        if (field.type->member(member)->slot == field.slot) name = member;
      }
      names += (names.empty() ? "" : " ") + std::string(field.type->name()) + "." + name;
    }
    return names;
  };
  EXPECT_EQ(read("1 < 2"), "");
  EXPECT_EQ(read("record.party_size > 0 && record.party_size < 9"), "sales.inquiry.party_size");
  EXPECT_EQ(read("record.customer.guide.rank > 0 || has(record.paid)"),
            "sales.inquiry.customer customers.customer.guide guides.guide.rank sales.inquiry.paid");
  EXPECT_EQ(read("record.customer == user.id"), "sales.inquiry.customer user.id");
  EXPECT_EQ(read("user.roles.exists(r, r == record.channel)"), "user.roles sales.inquiry.channel");
  EXPECT_EQ(read("(record.urgent ? record.depart_on : record.return_on) == null"),
            "sales.inquiry.urgent sales.inquiry.depart_on sales.inquiry.return_on");
  EXPECT_EQ(read("record.data.seats > 0"), "sales.inquiry.data");
}

TEST_F(CompileTest, NamesOfTheHostMayBeQualified) {
  Environment e;
  e.container = "com.example";
  Type number;
  number.kind = TypeKind::int64;
  e.variables = {{"com.example.y", number}, {"y", number}, {"a.b", number}};
  const Value values[] = {Value(1), Value(2), Value(3)};
  Activation activation;
  activation.variables = values;
  activation.count = 3;
  const auto value = [&](const char* source) { return *compile(source, e).program->evaluate(activation).value.as<std::int64_t>(); };
  EXPECT_EQ(value("y"), 1);
  EXPECT_EQ(value(".y"), 2);
  EXPECT_EQ(value("a.b"), 3);
  EXPECT_EQ(value("[5].map(y, y)[0]"), 5);
}

TEST(Conformance, ReadsCasesAndNamesFailures) {
  const std::string file = ::testing::TempDir() + "cel_cases.jsonl";
  {
    std::FILE* out = std::fopen(file.c_str(), "w");
    std::fputs(R"({"suite":"a","section":"s","name":"right","expr":"x + 1","bindings":{"x":{"int":"41"}},"value":{"int":"42"}}
{"suite":"a","section":"s","name":"wrong","expr":"1 + 1","value":{"int":"3"}}

{"suite":"b","section":"s","name":"error","expr":"1/0","error":true}
{"suite":"b","section":"s","name":"unchecked","expr":"nope || true","disable_check":true,"value":{"bool":true}}
{"suite":"b","section":"s","name":"map","expr":"{'a': [1u, 2.0, b'x', null]}","value":{"map":[[{"string":"a"},{"list":[{"uint":"1"},{"double":"2"},{"bytes":"78"},{"null":null}]}]]}}
)", out);
    std::fclose(out);
  }
  const auto suites = run_conformance(file);
  ASSERT_EQ(suites.size(), 2u);
  EXPECT_EQ(suites[0].passed, 1u);
  EXPECT_EQ(suites[0].failed, 1u);
  EXPECT_EQ(suites[1].passed, 3u);
  const std::string report = conformance_report(suites);
  EXPECT_THAT(report, ::testing::HasSubstr("FAILED a/s/wrong: 1 + 1: expected 3, got 2"));
  EXPECT_THAT(report, ::testing::EndsWith("\n4 passed, 1 failed\n"));
  EXPECT_ANY_THROW(run_conformance("/nonexistent"));
}

}  // namespace
}  // namespace caravan::expr
