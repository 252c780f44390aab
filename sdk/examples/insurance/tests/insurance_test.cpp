#include <caravan/testing.hpp>
#include <iostream>

#include "../premium.hpp"

namespace {

using namespace caravan::sdk;
using namespace caravan::sdk::testing;

int mistakes = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  ++mistakes;
  std::cerr << "does not hold: " << what << "\n";
}

const Values trip{{"traveller", "Wang Fang"}, {"zone", "asia"}, {"days", 7}, {"people", 2}};

struct Fixture {
  Host host{"insurance"};
  Fixture() {
    host.entity("insurance.quote",
                {required(text("traveller", 80)), choice("zone", {"home", "asia", "world"}), integer("days", 1, 365), integer("people", 1, 99),
                 decimal("premium"), text("phone", 30), text("wish", 500), choice("topic", {"health", "luggage", "other"}), decimal("confidence")},
                {{"take", "offered", "taken"}, {"expire", "offered", "expired"}}, {"priced"});
    host.setting("insurance.rate", *Decimal::parse("1.50")).setting("insurance.valid_days", 14);
    host.start();
  }
};

void prices() {
  Fixture f;
  const Outcome made = f.host.create("insurance.quote", trip);
  expect(bool(made), "a quote is made");
  expect(f.host.get("insurance.quote", made.id, "premium") == Value(*Decimal::parse("42.00", "CNY")), "it is priced");
  f.host.update("insurance.quote", made.id, {{"zone", "world"}});
  expect(f.host.get("insurance.quote", made.id, "premium").text() == "84.00", "and priced anew when it changes");
  f.host.setting("insurance.rate", *Decimal::parse("2.00"));
  expect(f.host.request("GET", "/premium", "", {{"zone", "home"}, {"days", "3"}, {"people", "1"}}).body == R"({"premium":"6.00","currency":"CNY"})", "the route uses the agency's rate");
  expect(f.host.request("GET", "/premium", "", {{"zone", "moon"}, {"days", "3"}, {"people", "1"}}).status == 400, "an unknown zone is refused");
  expect(f.host.request("GET", "/premium", "", {{"zone", "home"}, {"days", "3x"}, {"people", "1"}}).status == 400, "days that are no number are refused");
  f.host.permissions.emplace();
  expect(f.host.request("GET", "/premium").status == 403, "the route needs its permission");
}

void expires() {
  Fixture f;
  const Outcome one = f.host.create("insurance.quote", trip), two = f.host.create("insurance.quote", trip);
  expect(f.host.jobs().size() == 2 && f.host.run_jobs() == 0, "the timers wait");
  f.host.transition("insurance.quote", two.id, "take");
  f.host.advance(std::chrono::hours(24 * 14));
  expect(f.host.run_jobs() == 2 && f.host.jobs().empty(), "they run when it is time");
  expect(f.host.get("insurance.quote", one.id, "state") == Value("expired"), "an open quote expires");
  expect(f.host.get("insurance.quote", two.id, "state") == Value("taken"), "a taken one does not");
  expect(bool(f.host.job("expire", "999")), "a quote that is gone is no trouble");
}

void copies() {
  Fixture f;
  const Outcome made = f.host.create("insurance.quote", trip);
  const std::string path = "/quotes/" + std::to_string(made.id) + "/copies";
  expect(f.host.request("POST", path, "", {{"count", "3"}}).status == 204, "copies are made");
  expect(f.host.rows("insurance.quote").size() == 4, "three of them");
  expect(f.host.request("POST", path, "", {{"count", "0"}}).status == 400 && f.host.rows("insurance.quote").size() == 4, "or none");
}

void tells() {
  Fixture f;
  expect(bool(f.host.send("sms", "+8613800138000", "", "hello")) && f.host.log.back().text == "to +8613800138000: hello", "a message is sent");
  expect(f.host.send("sms", "13800138000", "", "hello").status == CARAVAN_INVALID_ARGUMENT, "but not to no number");
  const Outcome made = f.host.create("insurance.quote", trip);
  f.host.setting("insurance.rate", *Decimal::parse("3.00"));
  expect(bool(f.host.action("insurance.quote", made.id, "reprice")), "the schedule's action runs");
  expect(f.host.get("insurance.quote", made.id, "premium").text() == "84.00", "and prices anew");
}

void reads() {
  Fixture f;
  const auto answers = f.host.ask("topic_of", {{"text", "My suitcase was lost once"}});
  expect(answers.outcome && answers.values.at("value") == Value("luggage"), "a wish is understood");
  expect(f.host.ask("topic_of", {{"text", nullptr}}).values.at("value") == Value("other"), "an empty one is other");
}

void imports_and_reports() {
  Fixture f;
  expect(f.host.transform("zone_of", "Worldwide").values.at("value") == Value("world"), "another insurer's zone is known");
  const auto refused = f.host.transform("zone_of", "the moon");
  expect(refused.outcome.status == CARAVAN_INVALID_ARGUMENT && refused.outcome.message == "This zone is not known.", "and one that is none refused");
  expect(f.host.measure("spread", {"10.50", "42.00", "11.00"}, "CNY").values.at("value") == Value(*Decimal::parse("31.50")), "the spread of the premiums");
  expect(f.host.measure("spread", {"dear"}).outcome.status == CARAVAN_INTERNAL, "no spread of words");
}

}  // namespace

int main() {
  prices();
  expires();
  copies();
  tells();
  reads();
  imports_and_reports();
  return mistakes == 0 ? 0 : 1;
}
