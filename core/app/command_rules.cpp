#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

#include "api/negotiate.h"
#include "app/command_line.h"

namespace caravan::app {
namespace {

struct Given {
  std::string name, outcome, record;
  int limit = 50;
  bool json = false, run = false;
};

int runs(const Overrides& overrides, const Given& given, const char* base) {
  Channel channel(settings_or_exit(overrides));
  std::string target = std::string(base) + "/" + api::percent_encode(given.name) + "/runs?limit=" + std::to_string(given.limit);
  if (!given.outcome.empty()) target += "&outcome=" + given.outcome;
  if (!given.record.empty()) target += "&record=" + api::percent_encode(given.record);
  const auto answer = ok_or_exit(channel.send("GET", target));
  return print_items(answer, given.json, "No runs in the last 30 days.", [](const records::Json& run) {
    std::cout << json_text(run, "at") << "  " << json_text(run, "outcome") << "  " << json_text(run, "event");
    if (const std::string record = json_text(run, "record"); !record.empty()) std::cout << "  record " << record;
    std::cout << "  effects " << json_text(run, "effects");
    if (const std::string reason = json_text(run, "reason"); !reason.empty()) std::cout << "  " << reason;
    std::cout << '\n';
  });
}

int automations(const Overrides& overrides, const Given& given) {
  constexpr const char* base = "/api/v1/admin/automations";
  if (!given.name.empty()) return runs(overrides, given, base);
  Channel channel(settings_or_exit(overrides));
  const auto answer = ok_or_exit(channel.send("GET", base));
  return print_items(answer, given.json, "No automations.", [](const records::Json& rule) {
    std::cout << json_text(rule, "name") << "  on " << json_text(rule, "entity") << " " << json_text(rule, "on");
    const auto* active = rule.find("active");
    if (const bool* on = active != nullptr ? active->as<bool>() : nullptr; on != nullptr && !*on) std::cout << "  switched off";
    std::cout << "  in 24 h: " << json_text(rule, "done") << " done, " << json_text(rule, "skipped") << " skipped, " << json_text(rule, "failed")
              << " failed\n";
  });
}

int schedules(const Overrides& overrides, const Given& given) {
  constexpr const char* base = "/api/v1/admin/schedules";
  if (given.run) {
    Channel channel(settings_or_exit(overrides));
    const auto answer = ok_or_exit(channel.send("POST", std::string(base) + "/" + api::percent_encode(given.name) + "/run"));
    std::cout << "Schedule " << given.name << " runs as job " << json_text(answer, "job") << ".\n";
    return 0;
  }
  if (!given.name.empty()) return runs(overrides, given, base);
  Channel channel(settings_or_exit(overrides));
  const auto answer = ok_or_exit(channel.send("GET", base));
  return print_items(answer, given.json, "No schedules.", [](const records::Json& rule) {
    const std::string next = json_text(rule, "next");
    std::cout << json_text(rule, "name") << "  " << json_text(rule, "cron") << "  next " << (next.empty() ? "none" : next);
    if (const auto* last = rule.find("last"); last != nullptr && !last->is_null()) {
      std::cout << "  last " << json_text(*last, "at") << " " << json_text(*last, "outcome");
    }
    std::cout << '\n';
  });
}

}  // namespace

void add_rule_commands(CommandLine& line) {
  const auto options = [&line](CLI::App* command, const std::shared_ptr<Given>& given, const char* what) {
    line.place(command);
    command->add_option("name", given->name, what);
    command->add_option("--outcome", given->outcome, "Only runs that were done, skipped or failed")->check(CLI::IsMember({"done", "skipped", "failed"}));
    command->add_option("--record", given->record, "Only runs for the record with this id");
    command->add_option("--limit", given->limit, "At most so many runs (50)")->check(CLI::Range(1, 200));
    command->add_flag("--json", given->json, "As JSON");
  };
  const auto of_automations = std::make_shared<Given>(), of_schedules = std::make_shared<Given>();
  auto* rules = line.app.add_subcommand("automations", "Automations and how often they ran; with a name, what it did and why, or why not");
  options(rules, of_automations, "Name of an automation, to see its runs");
  rules->callback([&line, of_automations] { line.code = automations(line.overrides, *of_automations); });
  auto* times = line.app.add_subcommand("schedules", "Schedules with their next and last run; with a name, its runs");
  options(times, of_schedules, "Name of a schedule, to see its runs");
  times->add_flag("--run", of_schedules->run, "Run it now")->needs("name");
  times->callback([&line, of_schedules] { line.code = schedules(line.overrides, *of_schedules); });
}

}  // namespace caravan::app
