#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "expr/analysis.h"
#include "expr/expression.h"
#include "unit/expr/records.h"

/// One input: parsed, checked over records and without a check, evaluated, and compiled to SQL for both dialects. What
/// must hold for every input stands here; a violation aborts.
namespace {

using namespace caravan;
using namespace caravan::expr;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Subjects {
  Subjects() {
    full = std::make_shared<test::FakeRecord>(world.inquiry);
    auto customer = std::make_shared<test::FakeRecord>(world.customer);
    customer->set("id", 5).set("tier", "gold").set("score", 3);
    full->set("id", 1).set("customer", 5).set("party_size", INT64_MAX).set("children", 0).set("budget", test::money("12000.00", "CNY"));
    full->set("rate", test::money("0.8500")).set("destination", "北京和上海").set("channel", "web").set("urgent", true);
    full->set("depart_on", test::day("9999-12-31")).set("created_at", test::moment("2026-12-01T08:00:00Z"));
    full->set("tags", List{Value("vip"), Value()}).set("data", Map{{Value("seats"), Value(12)}});
    full->targets[world.inquiry.member("customer")->slot] = customer;
    empty = std::make_shared<test::FakeRecord>(world.inquiry);
    user = std::make_shared<test::FakeRecord>(world.user);
    user->set("id", 9).set("name", "Li").set("roles", List{Value("sales")});
  }
  test::World world;
  std::shared_ptr<test::FakeRecord> full, empty, user;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Subjects subjects;
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  Environment loose;
  loose.checked = false;
  for (const Environment* environment : {&subjects.world.environment, static_cast<const Environment*>(&loose)}) {
    const Compiled compiled = compile(source, *environment);
    require((compiled.program == nullptr) == !compiled.issues.empty());
    if (!compiled.program) {
      require(compiled.issues[0].line > 0 && compiled.issues[0].column > 0 && !compiled.issues[0].message.empty());
      continue;
    }
    read_fields(*compiled.program);
    followed_types(*compiled.program);
    const auto decided = find_decided(*compiled.program, {});
    compared_texts(*compiled.program);
    for (const auto& record : {subjects.full, subjects.empty}) {
      const Value variables[] = {Value(std::shared_ptr<const RecordView>(record)), Value(std::shared_ptr<const RecordView>(subjects.user))};
      Activation activation;
      activation.variables = variables;
      activation.count = environment == &loose ? 0 : 2;
      activation.now = Timestamp{1'800'000'000'000'000};
      const Evaluation once = compiled.program->evaluate(activation), again = compiled.program->evaluate(activation);
      require(once.outcome == again.outcome && once.message == again.message);
      require((once.outcome == Outcome::error) == !once.message.empty());
      // A result of the type that the check promised.
      const bool condition = environment != &loose && compiled.program->type().kind == TypeKind::boolean;
      if (condition && once.outcome == Outcome::value) require(once.value.is<bool>() || once.value.is_null());
      if (condition && decided.size() == 1 && decided[0].whole) {
        const bool* answer = once.value.as<bool>();
        require(!answer || once.outcome != Outcome::value || *answer == decided[0].holds);
      }
      if (!condition) continue;
      const SqlCondition sqlite = to_sql(*compiled.program, Dialect::sqlite, "t", activation);
      const SqlCondition mysql = to_sql(*compiled.program, Dialect::mysql, "t", activation);
      require(sqlite.refused.has_value() == mysql.refused.has_value());
      for (const SqlCondition* sql : {&sqlite, &mysql}) {
        if (sql->refused) continue;
        std::size_t places = 0;
        for (const char c : sql->sql) places += c == '?';
        require(places == sql->parameters.size());
      }
    }
  }
  return 0;
}
