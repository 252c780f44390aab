#include <chrono>
#include <cstdio>

#include "expr/expression.h"
#include "unit/expr/records.h"

/// Nanoseconds to evaluate rules as definitions hold them, and to compile them.
namespace {

using namespace caravan;
using namespace caravan::expr;

template <class Work>
double nanoseconds(Work work) {
  using clock = std::chrono::steady_clock;
  double best = 1e18;
  for (int round = 0; round < 5; ++round) {
    std::uint64_t count = 0;
    const auto start = clock::now();
    auto now = start;
    for (; now - start < std::chrono::milliseconds(200); now = clock::now()) {
      for (int i = 0; i < 500; ++i, ++count) work();
    }
    best = std::min(best, std::chrono::duration<double, std::nano>(now - start).count() / static_cast<double>(count));
  }
  return best;
}

}  // namespace

int main() {
  test::World world;
  auto customer = std::make_shared<test::FakeRecord>(world.customer);
  customer->set("id", 5).set("tier", "gold");
  auto record = std::make_shared<test::FakeRecord>(world.inquiry);
  record->set("id", 1).set("customer", 5).set("party_size", 4).set("budget", test::money("12000.00", "CNY")).set("destination", "北京和上海");
  record->set("channel", "web").set("urgent", true).set("depart_on", test::day("2026-12-20")).set("created_at", test::moment("2026-12-01T08:00:00Z"));
  record->targets[world.inquiry.member("customer")->slot] = customer;
  auto user = std::make_shared<test::FakeRecord>(world.user);
  user->set("id", 9).set("name", "Li").set("roles", List{Value("sales.salesperson"), Value("sales.manager")});
  const Value variables[] = {Value(std::shared_ptr<const RecordView>(record)), Value(std::shared_ptr<const RecordView>(user))};
  Activation activation;
  activation.variables = variables;
  activation.count = 2;
  activation.now = *parse_timestamp("2026-12-10T17:00:00Z");
  activation.time_zone = "Asia/Shanghai";

  const char* const rules[] = {
      "record.party_size > 0",
      "record.party_size > 0 && record.destination != null && record.channel in ['web', 'phone'] && record.budget > 5000",
      "record.customer == user.id || 'sales.manager' in user.roles",
      "record.budget / record.party_size > 1000",
      "record.customer.tier == 'gold' && record.urgent",
      "record.depart_on >= today() + 7 && record.created_at > now() - duration('720h')",
      "user.roles.exists(r, r.startsWith('sales.'))",
      "workdays(record.depart_on, today()) < 3",
  };
  std::printf("%10s %10s\n", "evaluate", "compile");
  for (const char* rule : rules) {
    const Compiled compiled = compile(rule, world.environment);
    if (!compiled.program) {
      std::printf("%s: %s\n", rule, compiled.issues[0].message.c_str());
      return 1;
    }
    bool sink = false;
    const double evaluate = nanoseconds([&] { sink ^= compiled.program->evaluate(activation).is_true(); });
    const double again = nanoseconds([&] { sink ^= compile(rule, world.environment).program != nullptr; });
    std::printf("%7.0f ns %7.0f ns  %s%s\n", evaluate, again, rule, sink ? "" : " ");
  }
}
