// The same as plain.c in C++ over plugin.hpp; compiled by g++ with libstdc++ and by clang++ with libc++.
#include <caravan/plugin.hpp>
#include <locale>
#include <thread>

namespace {

using namespace caravan::sdk;

// A static object with a destructor, thread-local ones and unique symbols: what keeps libraries mapped.
const std::string language = "(" PLUGIN_LANGUAGE ")";
thread_local std::string scratch;

std::optional<std::string> settings_of_nobody(Hook& hook) { return hook.settings().text("shop.nothing"); }

void mark(Hook& hook) {
  Record& record = hook.record();
  scratch = record.text("name").value_or(std::string());
  if (scratch.empty()) throw Refusal("name", "required", "An item needs a name.");
  if (scratch == "settings") {
    const Settings settings = hook.settings();
    scratch = std::to_string(settings.integer("shop.limit").value_or(0)) + " " + settings.decimal("shop.rate").value().str() + " " +
              settings.text("shop.word").value_or("none") + (settings.boolean("shop.open").value_or(false) ? " open" : " shut");
  }
  if (scratch == "no such setting") (void)settings_of_nobody(hook);
  record.set("name", scratch + " " + language);
  record.set("price", *Decimal::parse("1234.5", "CNY"));
  record.set("made_on", Date(std::chrono::year(2026) / 12 / 20));
}

Response echo(Request& request) {
  const auto part = [](std::optional<std::string_view> text) { return std::string(text.value_or("none")); };
  Response out =
      Response::text(std::string(request.method()) + " " + std::string(request.path()) +
                     " id=" + std::string(request.parameter("id")) + " word=" + part(request.query("word")) +
                     " agent=" + part(request.header("user-agent")) +
                     " user=" + std::string(request.username()) + " body=" + std::string(request.body()));
  out.headers.emplace_back("X-Language", PLUGIN_LANGUAGE);
  return out;
}

class Marker final : public Plugin {
 public:
  ~Marker() override { info("destroyed"); }
  void setup(Setup& setup) override {
    setup.on(PLUGIN_NAME ".item", Point::before_create, mark);
    setup.on(PLUGIN_NAME ".item", Point::after_commit, [this](Hook& hook) {
      info("event " + std::to_string(hook.event_id()) + " version " + std::to_string(hook.version()) + " " +
           std::string(hook.action()) + " " + std::string(hook.changes()) + " by " +
           std::to_string(hook.caused_by().value_or(Id{}).value) + " " + std::string(hook.caused_by_name()) + ": " +
           hook.record().text("name").value_or(""));
    });
    setup.route("POST", "/echo/{id}", "echo", echo);
    info("created");
  }
};

}  // namespace

CARAVAN_PLUGIN(Marker)
