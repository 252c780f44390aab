// Travel insurance: a hook prices each quote, a route gives prices without one, a job lets quotes expire, a function reads what the
// traveller asked for, a transform reads other insurers' files, a measure tells how prices differ.
#include <caravan/json.hpp>
#include <caravan/plugin.hpp>
#include <algorithm>
#include <charconv>

#include "premium.hpp"

namespace {

using namespace caravan::sdk;

constexpr std::string_view quote = "insurance.quote";

Decimal rate_of(const Call& call) { return call.settings().decimal("insurance.rate").value_or(*Decimal::parse("1.50")); }

/// Before each write: what it costs follows from the trip.
void price(Hook& hook) {
  Record& record = hook.record();
  const auto zone = record.text("zone");
  const auto days = record.integer("days"), people = record.integer("people");
  if (!zone || !days || !people) return;  // the server tells what is missing
  const auto amount = insurance::premium(rate_of(hook), *zone, *days, *people);
  if (!amount)
    throw Refusal("days", "not_insurable", hook.say({{"en", "This trip cannot be insured."}, {"zh-CN", "该行程无法投保。"}, {"zh-TW", "該行程無法投保。"}}));
  record.set("premium", amount->in("CNY"));
}

/// With the new quote, in its transaction: the timer that lets it expire.
void plan_end(Hook& hook) {
  const auto days = hook.settings().integer("insurance.valid_days").value_or(14);
  JobOptions options;
  options.delay = std::chrono::hours(24 * days);
  hook.enqueue("expire", std::to_string(hook.record().id().value), options);
}

/// Also run again after a crash: a quote that was taken, or is gone, is left alone.
void expire(Job& job) {
  std::int64_t id = 0;
  std::from_chars(job.payload().data(), job.payload().data() + job.payload().size(), id);
  auto record = job.find(quote, Id{id});
  if (record && record->state() == "offered") record->transition("expire", "no longer valid");
}

std::int64_t number(Request& request, std::string_view name) {
  const std::string_view text = request.query(name).value_or("");
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) throw Refusal(Status::invalid_argument, std::string(name) + " is no whole number.");
  return out;
}

/// GET /api/v1/plugins/insurance/premium?zone=asia&days=7&people=2
Response premium(Request& request) {
  const auto amount = insurance::premium(rate_of(request), request.query("zone").value_or(""), number(request, "days"), number(request, "people"));
  if (!amount) throw Refusal(Status::invalid_argument, "This trip cannot be insured.");
  JsonWriter out;
  out.begin_object().key("premium").text(amount->str()).key("currency").text("CNY").end_object();
  return Response::json(out.str());
}

/// POST /api/v1/plugins/insurance/quotes/{id}/copies?count=3: all of them or none.
Response copy(Request& request) {
  const Id id{std::stoll(std::string(request.parameter("id")))};
  const std::int64_t count = number(request, "count");
  if (count < 1 || count > 20) throw Refusal(Status::invalid_argument, "1 to 20 copies.");
  request.transact([&](Call& call) {
    const Record original = call.read(quote, id);
    for (std::int64_t i = 0; i < count; ++i) {
      Record copied = call.make(quote);
      for (const char* field : {"traveller", "zone", "wish"}) {
        if (const auto text = original.text(field)) copied.set(field, *text);
      }
      for (const char* field : {"days", "people"}) copied.set(field, original.integer(field).value_or(1));
      copied.create();
    }
  });
  request.read(quote, id).publish("priced");
  return Response::no_content();
}

/// An action of definitions; the schedule calls it for each open quote. The hook above sets the premium.
void reprice(Hook& hook) {
  Record record = hook.read(quote, hook.record().id());
  const auto amount = insurance::premium(rate_of(hook), record.text("zone").value_or(""), record.integer("days").value_or(0), record.integer("people").value_or(0));
  if (!amount) return;
  record.set("premium", amount->in("CNY"));
  record.update();
}

/// Of an import: how other insurers' files call the zones.
std::optional<std::string> zone_of(Cell& cell) {
  const auto zone = insurance::zone_of(cell.value());
  if (!zone) throw Refusal(Status::invalid_argument, cell.say({{"en", "This zone is not known."}, {"zh-CN", "未知区域。"}, {"zh-TW", "未知區域。"}}));
  return zone;
}

/// Of a report: how far the dearest premium is from the cheapest.
std::optional<Decimal> spread(Series& series) {
  const std::vector<Decimal> numbers = series.numbers();
  const auto [least, most] = std::minmax_element(numbers.begin(), numbers.end());
  return Decimal::sum(*most, *least->times(-1));
}

class Insurance final : public Plugin {
  void setup(Setup& setup) override {
    setup.action(quote, "reprice", reprice);
    // A real one would talk to a gateway, and give it message.key() so that it recognises a repetition.
    setup.channel("sms", [this](Message& message) {
      if (!message.recipient().starts_with('+')) throw Refusal(Status::invalid_argument, "A phone number begins with + and the country.");
      info("to " + std::string(message.recipient()) + ": " + std::string(message.body()));
    });
    setup.on(quote, Point::before_create, price);
    setup.on(quote, Point::before_update, price);
    setup.on(quote, Point::after_create, plan_end);
    setup.job("expire", expire);
    setup.route("GET", "/premium", "price", premium);
    setup.route("POST", "/quotes/{id}/copies", "price", copy);
    setup.transform("zone_of", zone_of);
    setup.measure("spread", spread);
    setup.function("topic_of", [](Question& question) {
      const auto [topic, confidence] = insurance::topic_of(question.text("text").value_or(""));
      question.answer("value", topic);
      question.answer("score", confidence);
    });
  }
};

}  // namespace

CARAVAN_PLUGIN(Insurance)
