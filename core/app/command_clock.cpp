#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "api/json_writer.h"
#include "app/command_line.h"
#include "app/runtime.h"
#include "model/process.h"
#include "workflow/clock_explanation.h"
#include "workflow/working_time.h"

namespace caravan::app {
namespace {

struct Question {
  std::string calendar, from, within, at, locale = "en", format = "text";
};

/// `1h30m`, as definitions write it; or a duration of expressions, `90m`.
std::int64_t micros_of(const std::string& text) {
  const auto compiled = expr::compile("duration('" + text + "')", {});
  const auto result = text.find_first_of("'\\") == std::string::npos && compiled.program ? compiled.program->evaluate({}) : expr::Evaluation();
  const auto* duration = result.outcome == expr::Outcome::value ? result.value.as<expr::Duration>() : nullptr;
  if (duration == nullptr || duration->seconds < 0) {
    throw Error(ErrorCode::invalid_argument, "\"" + text + "\" is no time; write e.g. 24h, 90m or 1h30m.");
  }
  return duration->seconds * workflow::micros_per_second + duration->nanos / 1000;
}

int due(const CommandLine& line, const Question& asked) {
  const Settings settings = settings_or_exit(line.overrides);
  const auto definitions = load_definitions(settings);
  if (!definitions.loaded.catalog) {
    print_diagnostics(definitions.loaded.diagnostics);
    return 1;
  }
  const model::Catalog& catalog = *definitions.loaded.catalog;
  const model::WorkingHours* hours = asked.calendar.empty() ? catalog.agency.calendar : nullptr;
  if (!asked.calendar.empty() && asked.calendar != "always") {
    std::string known;
    for (const auto& one : catalog.calendars) {
      if (one->name == asked.calendar) hours = one.get();
      known += (known.empty() ? "" : ", ") + one->name;
    }
    if (hours == nullptr) {
      throw Error(ErrorCode::invalid_argument,
                  "There is no calendar \"" + asked.calendar + "\"; " + (known.empty() ? "the definitions have none." : "there are: " + known + "."));
    }
  }
  const auto moment = [](const std::string& text) {
    const auto at = parse_timestamp(text);
    if (!at) throw Error(ErrorCode::invalid_argument, "\"" + text + "\" is no moment; write e.g. 2026-09-30T17:00:00+08:00.");
    return *at;
  };
  const Timestamp from = asked.from.empty() ? Clock::system().now() : moment(asked.from);
  const Timestamp at = asked.at.empty() ? from : moment(asked.at);
  workflow::ClockSigns signs;
  signs.limit = micros_of(asked.within);
  const workflow::ClockRun run = workflow::ClockRun::begin(from, signs);
  const auto lines = workflow::explain_clock(run, hours, at, catalog.agency.time_zone, asked.locale);
  const auto when = workflow::due(run, hours);
  if (asked.format == "json") {
    std::string out;
    api::JsonWriter json(out);
    json.begin_object().key("due_at");
    if (when) json.string(format_timestamp(*when));
    else json.null();
    json.key("lines").begin_array();
    for (const auto& one : lines) json.begin_object().member("kind", one.kind).member("text", one.text).member("seconds", one.seconds).end_object();
    json.end_array().end_object();
    std::printf("%s\n", out.c_str());
  } else {
    for (const auto& one : lines) std::printf("%s\n", one.text.c_str());
  }
  return when ? 0 : 1;
}

}  // namespace

void add_clock_commands(CommandLine& line) {
  auto* clock = line.app.add_subcommand("clock", "Working time and time limits");
  clock->require_subcommand(1);
  auto* command = clock->add_subcommand("due", "Tell, line by line, when so much working time will have gone by");
  line.place(command, false);
  auto asked = std::make_shared<Question>();
  command->add_option("--calendar", asked->calendar, "Calendar; the agency's unless given, `always` for every hour");
  command->add_option("--from", asked->from, "Moment at which it begins, e.g. 2026-09-30T17:00:00+08:00; now unless given");
  command->add_option("--within", asked->within, "How much time, e.g. 24h or 1h30m")->required();
  command->add_option("--at", asked->at, "Moment at which it is looked at; --from unless given");
  command->add_option("--language", asked->locale, "en, zh-CN or zh-TW");
  command->add_option("--format", asked->format, "text or json")->check(CLI::IsMember({"text", "json"}));
  command->callback([&line, asked] { line.code = due(line, *asked); });
}

}  // namespace caravan::app
