#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

#include "api/negotiate.h"
#include "app/command_line.h"

namespace caravan::app {
namespace {

constexpr const char* base = "/api/v1/admin/jobs";

struct Given {
  std::string id, state, queue, kind;
  int limit = 50;
  bool json = false;
};

int list(const Overrides& overrides, const Given& given) {
  Channel channel(settings_or_exit(overrides));
  std::string target = std::string(base) + "?limit=" + std::to_string(given.limit);
  for (const auto& [name, value] : {std::pair{"state", &given.state}, {"queue", &given.queue}, {"kind", &given.kind}}) {
    if (!value->empty()) target += std::string("&") + name + "=" + api::percent_encode(*value);
  }
  const auto answer = ok_or_exit(channel.send("GET", target));
  return print_items(answer, given.json, "No jobs.", [](const records::Json& job) {
      std::cout << json_text(job, "id") << "  " << json_text(job, "state") << "  " << json_text(job, "queue") << "  " << json_text(job, "kind")
                << "  attempts " << json_text(job, "attempts") << "/" << json_text(job, "max_attempts") << "  " << json_text(job, "run_at");
      if (const std::string error = json_text(job, "last_error"); !error.empty()) std::cout << "  " << error.substr(0, error.find('\n'));
      std::cout << '\n';
  });
}

int show(const Overrides& overrides, const Given& given) {
  Channel channel(settings_or_exit(overrides));
  const auto job = ok_or_exit(channel.send("GET", base + ("/" + api::percent_encode(given.id))));
  if (given.json) {
    print_json(job);
    return 0;
  }
  if (const auto* members = job.as<records::Json::Object>()) {
    for (const auto& [name, value] : *members) {
      if (value.is_null()) continue;
      const auto* text = value.as<std::string>();
      std::string shown;
      if (text == nullptr) value.write(shown);
      std::cout << name << ": " << (text ? *text : shown) << '\n';
    }
  }
  return 0;
}

int act(const Overrides& overrides, const Given& given, bool replay) {
  Channel channel(settings_or_exit(overrides));
  const std::string target = base + ("/" + api::percent_encode(given.id)) + (replay ? "/replay" : "");
  ok_or_exit(channel.send(replay ? "POST" : "DELETE", target));
  std::cout << "Job " << given.id << (replay ? " will run again.\n" : " deleted.\n");
  return 0;
}

int stats(const Overrides& overrides, const Given& given) {
  Channel channel(settings_or_exit(overrides));
  const auto answer = ok_or_exit(channel.send("GET", std::string(base) + "/stats"));
  return print_items(answer, given.json, "No jobs.", [](const records::Json& queue) {
      std::cout << json_text(queue, "queue") << ": " << json_text(queue, "ready") << " ready (the oldest for "
                << json_text(queue, "oldest_ready_seconds") << " s), " << json_text(queue, "waiting") << " waiting, "
                << json_text(queue, "running") << " running, " << json_text(queue, "dead") << " dead\n";
  });
}

}  // namespace

void add_job_commands(CommandLine& line) {
  const auto given = std::make_shared<Given>();
  auto* jobs = line.app.add_subcommand("jobs", "The durable queue");
  jobs->require_subcommand(1);
  auto* listing = jobs->add_subcommand("list", "List jobs");
  line.place(listing);
  listing->add_option("--state", given->state, "ready, waiting, running or dead")->check(CLI::IsMember({"ready", "waiting", "running", "dead"}));
  listing->add_option("--queue", given->queue, "Only of this queue");
  listing->add_option("--kind", given->kind, "Only of this kind");
  listing->add_option("--limit", given->limit, "At most so many (50)")->check(CLI::Range(1, 200));
  listing->add_flag("--json", given->json, "As JSON");
  listing->callback([&line, given] { line.code = list(line.overrides, *given); });
  auto* showing = jobs->add_subcommand("show", "Show one job with its payload and last error");
  line.place(showing);
  showing->add_option("id", given->id, "The job's id")->required();
  showing->add_flag("--json", given->json, "As JSON");
  showing->callback([&line, given] { line.code = show(line.overrides, *given); });
  auto* replaying = jobs->add_subcommand("replay", "Run a dead letter again as if it were new, or a waiting job at once");
  line.place(replaying);
  replaying->add_option("id", given->id, "The job's id")->required();
  replaying->callback([&line, given] { line.code = act(line.overrides, *given, true); });
  auto* deleting = jobs->add_subcommand("delete", "Delete a job that does not run");
  line.place(deleting);
  deleting->add_option("id", given->id, "The job's id")->required();
  deleting->callback([&line, given] { line.code = act(line.overrides, *given, false); });
  auto* counting = jobs->add_subcommand("stats", "How many jobs each queue holds");
  line.place(counting);
  counting->add_flag("--json", given->json, "As JSON");
  counting->callback([&line, given] { line.code = stats(line.overrides, *given); });
}

}  // namespace caravan::app
