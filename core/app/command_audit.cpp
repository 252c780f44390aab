#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>

#include "api/json_writer.h"
#include "api/negotiate.h"
#include "app/command_line.h"

namespace caravan::app {
namespace {

struct Given {
  std::string entity, record;
  bool json = false;
};

struct Totals {
  std::int64_t records = 0, deleted = 0, events = 0, erased_events = 0, older_records = 0, older_events = 0, faults = 0;
};

std::int64_t number_of(const records::Json& json, const char* name) {
  const std::string text = json_text(json, name);
  return text.empty() ? 0 : std::stoll(text);
}

void print_fault(const records::Json& fault) {
  const std::string version = json_text(fault, "version"), event = json_text(fault, "event");
  std::cout << json_text(fault, "entity") << ' ' << json_text(fault, "id") << (version.empty() ? "" : ", version " + version)
            << (event.empty() ? "" : ", event " + event) << ": " << json_text(fault, "code") << ": " << json_text(fault, "what") << '\n';
}

int verify(const Overrides& overrides, const Given& given) {
  Channel channel(settings_or_exit(overrides));
  Totals totals;
  std::string found, after;  // the faults as JSON
  api::JsonWriter items(found);
  items.begin_array();
  do {
    std::string target = "/api/v1/admin/audit?entity=" + api::percent_encode(given.entity) + "&record=" + api::percent_encode(given.record) +
                         "&after=" + api::percent_encode(after);
    const auto part = ok_or_exit(channel.send("GET", target));
    totals.records += number_of(part, "records");
    totals.deleted += number_of(part, "deleted");
    totals.events += number_of(part, "events");
    totals.erased_events += number_of(part, "erased_events");
    totals.older_records += number_of(part, "older_records");
    totals.older_events += number_of(part, "older_events");
    const auto* list = part.find("items");
    if (const auto* faults = list ? list->as<records::Json::Array>() : nullptr) {
      totals.faults += static_cast<std::int64_t>(faults->size());
      for (const auto& fault : *faults) {
        if (given.json) fault.write(items.value_follows());
        else print_fault(fault);
      }
    }
    after = json_text(part, "next");
  } while (!after.empty());
  items.end_array();
  if (given.json) {
    std::string out;
    api::JsonWriter json(out);
    json.begin_object().member("records", totals.records).member("deleted", totals.deleted).member("events", totals.events);
    json.member("erased_events", totals.erased_events).member("older_records", totals.older_records);
    json.member("older_events", totals.older_events).key("items").raw(found).end_object();
    std::cout << out << '\n';
  } else {
    std::cout << totals.events << " events of " << totals.records << " records and " << totals.deleted << " deleted ones: "
              << (totals.faults == 0 ? std::string("everything is as it was written") : std::to_string(totals.faults) + (totals.faults == 1 ? " finding" : " findings"));
    if (totals.erased_events > 0) std::cout << "; " << totals.erased_events << " events were erased by an administrator";
    if (totals.older_records > 0 || totals.older_events > 0) {
      std::cout << "; " << totals.older_records << " records and " << totals.older_events << " events are older than the chain";
    }
    std::cout << ".\n";
  }
  return totals.faults == 0 ? 0 : 1;
}

}  // namespace

void add_audit_commands(CommandLine& line) {
  const auto given = std::make_shared<Given>();
  auto* audit = line.app.add_subcommand("audit", "Histories of records");
  audit->require_subcommand(1);
  auto* verifying = audit->add_subcommand("verify", "Check every history and record against what was written; exit code 1 where something was changed");
  line.place(verifying);
  auto* entity = verifying->add_option("--entity", given->entity, "Only records of this entity, as MODULE.NAME");
  verifying->add_option("--record", given->record, "Only the record with this id")->needs(entity);
  verifying->add_flag("--json", given->json, "Print one JSON document");
  add_look_command(line, *audit);
  verifying->callback([&line, given] { line.code = verify(line.overrides, *given); });
}

}  // namespace caravan::app
