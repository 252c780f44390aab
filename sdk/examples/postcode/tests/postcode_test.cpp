#include <caravan/testing.hpp>
#include <iostream>

int main() {
  using namespace caravan::sdk::testing;
  int mistakes = 0;
  const auto expect = [&](bool holds, const char* what) {
    if (holds) return;
    ++mistakes;
    std::cerr << "does not hold: " << what << "\n";
  };
  Host host("postcode");
  host.entity("postcode.address", {required(text("street", 200)), text("code", 10), text("province", 40)});
  host.start();
  const Outcome made = host.create("postcode.address", {{"street", "Chang'an Avenue 1"}, {"code", "100001"}});
  expect(made && host.get("postcode.address", made.id, "province") == Value("Beijing"), "the province is filled in");
  host.update("postcode.address", made.id, {{"code", nullptr}});
  expect(host.get("postcode.address", made.id, "province").empty(), "and emptied with the code");
  for (const char* wrong : {"1000", "10000x", "990000"}) {
    const Outcome refused = host.create("postcode.address", {{"street", "x"}, {"code", wrong}});
    expect(refused.status == CARAVAN_INVALID_RECORD && refused.fields.size() == 1 && refused.fields[0].code == "invalid_postcode", wrong);
  }
  expect(host.ask("province", {{"code", "610000"}}).values.at("value") == Value("Sichuan"), "the function answers");
  expect(host.ask("province", {{"code", "1"}}).values.at("value").empty(), "with nothing where there is nothing");
  return mistakes == 0 ? 0 : 1;
}
