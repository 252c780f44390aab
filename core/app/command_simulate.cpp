#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>

#include "api/json_writer.h"
#include "app/command_line.h"
#include "app/revisions.h"
#include "app/runtime.h"
#include "app/simulation.h"
#include "http/local_client.h"

namespace caravan::app {
namespace {

using records::Json;

struct Given {
  std::string entity, since, until;
  int limit = 5;
  bool json = false;
};

/// Where the parts come from: the server that has the database open, or the database itself.
class Source {
 public:
  explicit Source(const Settings& settings) : settings_(settings) {
    // MariaDB is read beside any server; SQLite belongs to one process.
    if (settings.database_url.starts_with("sqlite:") && storage::Database::owner(settings.database_url)) return;
    database_ = storage::Database::open(settings.database_url);
    const std::int64_t revision = Revisions(*database_).active();
    if (revision == 0) throw Error(ErrorCode::not_found, "No definitions were ever put in use with " + database_->description() + ": there is nothing to compare with.");
    const Documents documents = Revisions(*database_).read(revision);
    auto loaded = model::load_catalog(documents.layers, documents.modules);
    if (!loaded.catalog) {
      print_diagnostics(loaded.diagnostics);
      throw Error(ErrorCode::invalid_argument, "The definitions in use (revision " + std::to_string(revision) + ") are refused by this version of Caravan.");
    }
    present_ = std::move(loaded.catalog);
    plugins_ = load_definitions(settings).plugins;
    next_ = changed_definitions(settings, settings.config, *plugins_);
  }

  Json part(const std::string& question) {
    if (database_) {
      const auto query = simulation_query(records::parse_json(question));
      return records::parse_json(simulation_json(workflow::simulate(*database_, present_, next_, query), *present_, *next_));
    }
    const auto answer = http::local_request(settings_.admin_socket().string(), "POST", "/local/simulate", "application/json", question);
    if (!answer) {
      throw Error(ErrorCode::unavailable, "Another process has the database open, but no server answers on " + settings_.admin_socket().string() + "; name its data directory with --data.");
    }
    return ok_or_exit({answer->status, answer->body});
  }

 private:
  const Settings& settings_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<plugin::PluginRegistry> plugins_;
  std::shared_ptr<const model::Catalog> present_, next_;
};

const Json::Array& list_of(const Json& json, const char* name) {
  static const Json::Array none;
  const auto* list = json.find(name);
  const auto* items = list != nullptr ? list->as<Json::Array>() : nullptr;
  return items != nullptr ? *items : none;
}
const Json::Object& object_of(const Json& json, const char* name) {
  static const Json::Object none;
  const auto* found = json.find(name);
  const auto* members = found != nullptr ? found->as<Json::Object>() : nullptr;
  return members != nullptr ? *members : none;
}
std::int64_t number_of(const Json& json, const char* name) {
  const std::string text = json_text(json, name);
  return text.empty() ? 0 : std::stoll(text);
}
bool flag_of(const Json& json, const char* name) {
  const auto* flag = json.find(name);
  return flag != nullptr && flag->as<bool>() != nullptr && *flag->as<bool>();
}

std::string label_of(const Json& record) {
  const std::string number = json_text(record, "number"), id = json_text(record, "id");
  return json_text(record, "entity") + " " + (number.empty() ? id : number + " (" + id + ")");
}

/// What the kind of a difference says to people.
std::string said(const std::string& kind) {
  static const std::map<std::string, std::string> texts{
      {"refused", "refused"},
      {"taken", "would be taken by itself"},
      {"not_taken", "would not be taken by itself"},
      {"fired", "would act"},
      {"not_fired", "would not act"},
      {"failed", "would be refused where it acts by itself"},
      {"not_failed", "would no longer be refused where it acts by itself"},
      {"started", "would be started"},
      {"not_started", "would not be started"},
      {"met", "would be met"},
      {"not_met", "would not be met"},
      {"breached", "would be broken"},
      {"not_breached", "would not be broken"},
      {"waits", "would wait for approval"},
      {"not_waits", "would not wait for approval"},
      {"other_time", "at another time"},
      {"moved", "moved"},
  };
  const auto found = texts.find(kind);
  return found == texts.end() ? kind : found->second;
}

struct Rule {
  std::int64_t times = 0, records = 0, following = 0;
  std::string last;                   ///< the record that was counted last
  std::vector<std::string> examples;
};

struct Report {
  std::int64_t records = 0, events = 0, erased = 0, headless = 0, sealed = 0, unexplained = 0, schedules = 0, assignments = 0, changed = 0, ends = 0;
  std::string until;
  std::map<std::string, std::int64_t> reasons;
  std::map<std::pair<std::string, std::string>, Rule> rules;
  std::map<std::string, std::map<std::string, std::int64_t>> ways;  ///< entity → `STATE → STATE` → how many end so
  Json first;

  void count(const Json& record, int limit) {
    ++changed;
    const std::string name = label_of(record), was = json_text(record, "state"), is = json_text(record, "next_state");
    if (was != is) {
      ++ends;
      ++ways[json_text(record, "entity")][(was.empty() ? "none" : was) + " → " + (is.empty() ? "none" : is)];
    }
    for (const Json& one : list_of(record, "differences")) {
      const std::string kind = json_text(one, "kind"), what = json_text(one, "what");
      Rule& rule = rules[{json_text(one, "rule"), kind == "other_time" ? what + " " + said(kind) : said(kind)}];
      ++rule.times;
      if (rule.last != name) {
        ++rule.records;
        if (flag_of(one, "follows")) ++rule.following;
        rule.last = name;
      }
      if (static_cast<int>(rule.examples.size()) >= limit) continue;
      const std::string present = json_text(one, "present"), next = json_text(one, "changed");
      std::string example = name;
      if (!present.empty() || !next.empty()) example += " " + present + (present.empty() || next.empty() ? "" : " → ") + next;
      if (!what.empty() && kind != "other_time") example += ": " + what;
      if (flag_of(one, "follows")) example += " (after it had gone another way)";
      rule.examples.push_back(std::move(example));
    }
    if (list_of(record, "differences").empty()) {
      Rule& rule = rules[{"entity " + json_text(record, "entity"), "other values"}];
      ++rule.times;
      ++rule.records;
      if (static_cast<int>(rule.examples.size()) >= limit) return;
      std::string fields;
      for (const auto& [field, values] : object_of(record, "fields")) {
        std::string pair;
        values.write(pair);
        fields += (fields.empty() ? "" : ", ") + field + " " + pair;
      }
      rule.examples.push_back(name + ": " + fields);
    }
  }
  void add(const Json& part) {
    records += number_of(part, "records");
    events += number_of(part, "events");
    erased += number_of(part, "erased");
    headless += number_of(part, "headless");
    sealed += number_of(part, "sealed");
    unexplained += number_of(part, "unexplained");
    for (const auto& [reason, count] : object_of(part, "reasons")) {
      if (const auto* number = count.as<Json::Number>()) reasons[reason] += std::stoll(number->text);
    }
  }
};

std::string several(std::int64_t count, const char* one, const char* many) { return std::to_string(count) + " " + (count == 1 ? one : many); }

void print_text(const Report& report, const Given& given) {
  std::cout << "Replayed " << several(report.events, "event", "events") << " of " << several(report.records, "record", "records") << " as though the changed definitions had held "
            << (given.since.empty() ? "from the beginning" : "since " + given.since) << ", until " << report.until << ".\n";
  std::cout << (report.changed == 0 ? std::string("No record would have gone another way.\n")
                                    : several(report.changed, "record", "records") + " would have gone another way, " + std::to_string(report.ends) + " of them to another state.\n");
  std::string rule;
  for (const auto& [key, counted] : report.rules) {
    if (key.first != rule) std::cout << '\n' << key.first << '\n';
    rule = key.first;
    std::cout << "  " << key.second << ": " << several(counted.records, "record", "records");
    if (counted.times != counted.records) std::cout << ", " << counted.times << " times";
    if (counted.following > 0) std::cout << "; " << counted.following << " of them had gone another way before";
    std::cout << '\n';
    for (const std::string& example : counted.examples) std::cout << "    " << example << '\n';
  }
  for (const auto& [entity, ends] : report.ways) {
    std::cout << '\n' << entity << ": where they would have ended\n";
    for (const auto& [way, count] : ends) std::cout << "  " << way << ": " << several(count, "record", "records") << '\n';
  }
  if (!list_of(report.first, "states").empty()) std::cout << "\nRecords as they are now, under the changed definitions\n";
  for (const Json& state : list_of(report.first, "states")) {
    const std::string name = json_text(state, "state"), next = json_text(state, "next");
    std::cout << "  " << json_text(state, "entity") << (name.empty() ? "" : " " + name) << ": " << several(number_of(state, "records"), "record", "records");
    if (flag_of(state, "entity_gone")) std::cout << ", of which the changed definitions know nothing";
    else if (next.empty() && !name.empty()) std::cout << ", a state that is no more: the change would be refused until `moved` says where they go";
    else if (next != name) std::cout << " → " << next;
    std::cout << '\n';
  }
  if (!list_of(report.first, "problems").empty()) std::cout << "\nWhat the data say against the change\n";
  for (const Json& problem : list_of(report.first, "problems")) {
    if (const auto* text = problem.as<std::string>()) std::cout << "  " << *text << '\n';
  }
  std::vector<std::string> notes;
  if (report.headless > 0) notes.push_back(several(report.headless, "record was", "records were") + " left out: the history does not begin with the creation");
  if (report.erased > 0) notes.push_back(several(report.erased, "record was", "records were") + " left out: parts of the history were erased");
  if (report.sealed > 0) notes.push_back(several(report.sealed, "record has", "records have") + " sensitive values; they were not opened, rules see that they are filled");
  if (report.schedules > 0) notes.push_back("what schedules did was taken as it was; new ones did nothing");
  if (report.assignments > 0) notes.push_back("to whom rules of assignment gave records was taken as it was");
  if (report.unexplained > 0) {
    notes.push_back("the definitions in use do not lead " + several(report.unexplained, "record", "records") +
                    " where the history says (plugins, other records, earlier definitions); they went on with what is recorded, under both");
    for (const auto& [reason, count] : report.reasons) notes.push_back("  " + reason + ": " + several(count, "record", "records"));
  }
  if (!notes.empty()) std::cout << "\nNot known\n";
  for (const std::string& note : notes) std::cout << "  " << note << '\n';
}

int run(const Overrides& overrides, const Given& given) {
  Settings settings = settings_or_exit(overrides);
  settings.config = std::filesystem::absolute(settings.config);
  if (!std::filesystem::is_directory(settings.config)) throw Error(ErrorCode::invalid_argument, "There is no folder " + settings.config.string() + ".");
  Source source(settings);
  Report report;
  std::string after, present, changed;
  bool first = true;
  if (given.json) std::cout << "{\"items\":[";
  for (bool begun = false;;) {
    std::string question;
    api::JsonWriter json(question);
    json.begin_object().member("config", settings.config.string()).member("entity", given.entity).member("since", given.since);
    json.member("until", report.until.empty() ? given.until : report.until).member("after", after).end_object();
    Json part = source.part(question);
    report.add(part);
    for (const Json& record : list_of(part, "items")) {
      report.count(record, given.limit);
      if (!given.json) continue;
      std::string text = first ? "" : ",\n";
      record.write(text);
      std::cout << text;
      first = false;
    }
    after = json_text(part, "next");
    if (!begun) {
      report.until = json_text(part, "until");
      report.schedules = number_of(part, "schedules");
      report.assignments = number_of(part, "assignments");
      present = json_text(part, "present");
      changed = json_text(part, "changed");
      report.first = std::move(part);
      begun = true;
    } else if (present != json_text(part, "present") || changed != json_text(part, "changed")) {
      throw Error(ErrorCode::conflict, "The definitions were changed while the history was being replayed; begin again.");
    }
    if (after.empty()) break;
  }
  if (!given.json) {
    print_text(report, given);
    return 0;
  }
  std::string out;
  api::JsonWriter json(out);
  // The items stand before it.
  json.begin_object().member("records", report.records).member("events", report.events).member("changed", report.changed).member("to_another_state", report.ends);
  json.member("until", report.until).member("erased", report.erased).member("headless", report.headless).member("sealed", report.sealed);
  json.member("schedules", report.schedules).member("assignments", report.assignments).member("unexplained", report.unexplained).key("reasons").begin_object();
  for (const auto& [reason, count] : report.reasons) json.member(reason, count);
  json.end_object().key("rules").begin_array();
  for (const auto& [key, counted] : report.rules) {
    json.begin_object().member("rule", key.first).member("what", key.second).member("records", counted.records).member("times", counted.times);
    json.member("following", counted.following).key("examples").begin_array();
    for (const std::string& example : counted.examples) json.string(example);
    json.end_array().end_object();
  }
  json.end_array();
  for (const char* name : {"states", "problems"}) {
    json.key(name).begin_array();
    for (const Json& one : list_of(report.first, name)) one.write(json.value_follows());
    json.end_array();
  }
  json.end_object();
  std::cout << "]," << out.substr(1) << '\n';
  return 0;
}

}  // namespace

void add_simulate_command(CommandLine& line) {
  const auto given = std::make_shared<Given>();
  auto* command = line.app.add_subcommand("simulate", "Replay the recorded history under the definitions of --config, beside those in use, and tell which records would have gone another way; changes nothing");
  line.place(command);
  command->add_option("--entity", given->entity, "Only records of this entity, as MODULE.NAME");
  command->add_option("--since", given->since, "As though the changed definitions were put in use then, e.g. 2026-09-01; else from each record's beginning")->type_name("DATE");
  command->add_option("--until", given->until, "Clocks and timers run until then; now unless given")->type_name("DATE");
  command->add_option("--limit", given->limit, "How many examples of each rule are told (5)")->check(CLI::Range(0, 1000));
  command->add_flag("--json", given->json, "One JSON document, with every record that would have gone another way");
  command->callback([&line, given] { line.code = run(line.overrides, *given); });
}

}  // namespace caravan::app
