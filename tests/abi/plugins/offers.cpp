// Jobs, functions, channels, transactions, deletes, steps and events in C++. Does what offers.c does; the tests hold for both.
#include <caravan/plugin.hpp>

namespace {

using namespace caravan::sdk;

constexpr std::string_view entity = PLUGIN_NAME ".item";

void add_item(const Call& call, std::string_view name) {
  Record item = call.make(entity);
  item.set("name", name);
  item.create();
}

Response act(Request& request) {
  const std::string_view what = request.parameter("what"), id = request.parameter("id");
  const std::string given(request.query("with").value_or(""));
  if (what == "both") {
    request.transact([&](Call& call) {
      add_item(call, "first");
      if (given == "bad") throw Refusal(Status::conflict, "not both");
      add_item(call, given);
    });
    return Response::no_content();
  }
  if (what == "enqueue") return Response::text(request.enqueue("recount", id, {.unique = given}) ? "added" : "waits already");
  Record item = request.read(entity, Id{std::stoll(std::string(id))});
  if (what == "delete") {
    item.remove();
  } else if (what == "publish") {
    item.publish(given, "from the route");
  } else if (what == "extra") {
    item.set_json("extra", R"({"a":[1,"b"]})");
    item.update();
    return Response::json(item.json("extra").value_or("none"));
  } else {
    item.transition(what, "by hand");
  }
  return Response::no_content();
}

class Offers final : public Plugin {
  void setup(Setup& setup) override {
    setup.route("POST", "/do/{what}/{id}", "", act);
    setup.job("recount", [this](Job& job) {
      if (job.payload() == "never") throw Refusal(Status::invalid_argument, "this never works");
      Record item = job.read(entity, Id{std::stoll(std::string(job.payload()))});
      item.set("count", item.integer("count").value_or(0) + 1);
      item.update();
      if (item.text("name") == "stubborn" && job.attempt() < 2) throw Refusal(Status::unavailable, "not yet");
      info(job.key());
    });
    setup.function("classify", [](Question& question) {
      const auto text = question.text("text");
      if (text && text->empty()) throw Refusal(Status::invalid_record, "nothing to classify");
      question.answer("label", text.value_or("").starts_with("red") ? "red" : "green");
      question.answer("score", *Decimal::parse("0.75"));
    });
    setup.channel("pigeon", [this](Message& message) {
      if (message.recipient() == "nowhere") throw Refusal(Status::invalid_argument, "no such loft");
      info(message.body());
      info(message.key());
    });
  }
};

}  // namespace

CARAVAN_PLUGIN(Offers)
