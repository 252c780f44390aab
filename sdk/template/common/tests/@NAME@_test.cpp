// The plugin's code against a server in memory; a program that ends with 0 where all is well. Any test framework will do as well.
#include <caravan/testing.hpp>
#include <iostream>

namespace {

using namespace caravan::sdk::testing;

int mistakes = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  ++mistakes;
  std::cerr << "does not hold: " << what << "\n";
}

}  // namespace

int main() {
  Host host("@NAME@");
  host.entity("@NAME@.note", {required(text("title", 80)), text("body", 2000), integer("words")});
  host.start();

  const Outcome made = host.create("@NAME@.note", {{"title", "First"}, {"body", "three small words"}});
  expect(bool(made), "a note is made");
  expect(host.get("@NAME@.note", made.id, "words") == Value(3), "its words are counted");

  const Outcome refused = host.create("@NAME@.note", {{"title", "Second"}, {"body", "?!?"}});
  expect(refused.status == CARAVAN_INVALID_RECORD && refused.fields.size() == 1 && refused.fields[0].field == "body", "an unfinished one is refused");

  host.update("@NAME@.note", made.id, {{"body", "two words"}});
  expect(host.request("GET", "/count").body == R"({"notes":1,"words":2})", "the route adds up");
  return mistakes == 0 ? 0 : 1;
}
