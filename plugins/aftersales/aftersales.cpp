// The after-sales plugin's code: what its definitions cannot say.
#include <caravan/plugin.hpp>

namespace {

using namespace caravan::sdk;

/// `call: aftersales.rate_guides`: the answer about the guide counts for each guide who was on the tour.
void rate_guides(Hook& hook) {
  const Record& followup = hook.record();
  const auto departure = followup.ref("departure");
  const auto score = followup.integer("guide");
  if (!departure || !score) return;
  std::vector<Id> guides;
  const std::string filter = "record.departure == " + std::to_string(departure->value) +
                             " && record.state in ['on_tour', 'completed']";
  hook.for_each("guides.assignment", {.filter = filter, .sort = "id"}, [&](const Record& assignment) {
    if (const auto guide = assignment.ref("guide")) guides.push_back(*guide);
  });
  for (const Id guide : guides) {
    Record rating = hook.make("guides.rating");
    rating.set("guide", guide);
    rating.set("departure", *departure);
    rating.set("score", *score);
    rating.set("note", followup.text("number").value_or(std::string()));
    rating.create();
  }
}

class Aftersales final : public Plugin {
  void setup(Setup& setup) override { setup.action("aftersales.followup", "rate_guides", rate_guides); }
};

}  // namespace

CARAVAN_PLUGIN(Aftersales)
