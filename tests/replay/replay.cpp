// Plays a recorded history through the gate, each entry at its own time, with the durable queue driven by the same clock: what a
// configured server would have made of it. See tests/replay/replay.py.
//   replay [--lenient] DATABASE_URL DEFINITIONS.yaml < operations.jsonl > result.jsonl
// With --lenient, operations that the definitions refuse are left out and counted.
// An operation: {"at": "2016-02-29T07:14:00Z", "key": "INC1", "create": "desk.case", "fields": {…}}, {…, "update": {…}},
// {…, "step": "close"}, or {"at": …, "end": true}. The result has a line a record: its fields and its clocks at the end.

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "base/error.h"
#include "jobs/queue.h"
#include "model/loader.h"
#include "records/codec.h"
#include "records/service.h"
#include "storage/query.h"
#include "storage/schema.h"
#include "workflow/clocks.h"
#include "workflow/rule_jobs.h"
#include "workflow/rules.h"
#include "workflow/transitions.h"

namespace {

using namespace caravan;

class HandClock final : public Clock {
 public:
  Timestamp now() const override { return at; }
  Timestamp at;
};

std::string text_of(const rapidjson::Value& json) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  json.Accept(writer);
  return buffer.GetString();
}

std::string moment(const std::optional<Timestamp>& at) {
  return at ? "\"" + format_timestamp(*at) + "\"" : "null";
}

int play(const char* url, const char* file, bool lenient) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  const auto loaded = model::load_catalog({model::core_layer(), {"agency", {{file, text.str(), ""}}}}, {});
  for (const auto& diagnostic : loaded.diagnostics) std::cerr << model::to_string(diagnostic) << "\n";
  if (!loaded.catalog) return 1;
  const std::shared_ptr<const model::Catalog> catalog = loaded.catalog;
  const auto database = storage::Database::open(url);
  storage::update_schema(*database, *catalog);
  storage::Sequences sequences(*database, 1000);
  records::RecordService gate(*database, sequences);
  gate.set_hooks(workflow::with_clocks(std::make_shared<workflow::Rules>(nullptr)));
  HandClock clock;
  jobs::QueueOptions options;
  options.database_time = false;
  jobs::Queue queue(*database, clock, options);
  const workflow::Clocks clocks(gate, [&] { return catalog; }, [&] { return clock.now(); });
  queue.handle(workflow::clock_timer_kind, [&](jobs::Attempt& attempt) { clocks.timer(attempt); });
  queue.handle(workflow::clock_action_kind, [&](jobs::Attempt& attempt) { clocks.action(attempt); });
  workflow::RuleJobs rules(gate, [&] { return catalog; }, queue, sequences);
  const workflow::Transitions steps(gate);
  // Each timer at its own time.
  const auto run_until = [&](Timestamp to) {
    for (;;) {
      std::optional<Timestamp> next;
      {
        auto session = database->read();
        storage::Query query(*session, "SELECT MIN(run_at) FROM job WHERE state <> 'dead'");
        if (query.next()) next = query.instant(0);
      }
      if (!next || *next > to) break;
      clock.at = std::max(clock.at, *next);
      if (queue.drain() == 0) break;
    }
    clock.at = to;
  };
  const auto context = [&] {
    records::Context out;
    out.actor.system = true;
    out.catalog = catalog;
    out.source = "replay";
    out.now = clock.now();
    return out;
  };

  std::map<std::string, std::pair<const model::Entity*, std::int64_t>> known;
  std::string line;
  std::int64_t operations = 0, refused = 0;
  while (std::getline(std::cin, line)) {
    rapidjson::Document json;
    json.Parse(line.c_str());
    const auto at = parse_timestamp(json["at"].GetString());
    if (!at || *at < clock.at) throw Error(ErrorCode::invalid_argument, "The history is not in order: " + line);
    run_until(*at);
    if (json.HasMember("end")) break;
    ++operations;
    const std::string key = json["key"].GetString();
    try {
      if (json.HasMember("create")) {
        const model::Entity* entity = catalog->entity(json["create"].GetString());
        if (entity == nullptr) throw Error(ErrorCode::not_found, line);
        const auto record = gate.create(context(), *entity, records::parse_input(*catalog, *entity, text_of(json["fields"]), "en"));
        known[key] = {entity, record.id()};
        continue;
      }
      const auto found = known.find(key);
      if (found == known.end()) throw Error(ErrorCode::conflict, "There is no " + key + ": its creation was refused.");
      const auto& [entity, id] = found->second;
      if (json.HasMember("update")) gate.update(context(), *entity, id, records::parse_input(*catalog, *entity, text_of(json["update"]), "en"), std::nullopt);
      if (json.HasMember("step")) steps.run(context(), *entity, id, json["step"].GetString(), {}, {}, std::nullopt);
    } catch (const Error& error) {
      if (!lenient || (error.code() != ErrorCode::invalid_record && error.code() != ErrorCode::conflict)) throw;
      ++refused;
    }
  }
  for (const auto& [key, where] : known) {
    const auto record = gate.get(context(), *where.first, where.second);
    std::string out = "{\"key\":\"" + key + "\",\"record\":";
    records::write_json(out, record);
    out += ",\"clocks\":[";
    bool first = true;
    for (const auto& one : workflow::clocks_of(gate, context(), *where.first, where.second)) {
      out += std::string(first ? "" : ",") + "{\"name\":\"" + one.rule->name + "\",\"run\":" + std::to_string(one.number) + ",\"state\":\"" +
             workflow::to_string(one.run.state()) + "\",\"started\":" + moment(one.run.started) + ",\"met\":" + moment(one.run.met_at) + ",\"due\":" + moment(one.due) +
             ",\"breached\":" + moment(one.breached_at) + ",\"elapsed\":" + std::to_string(one.elapsed / 1'000'000) + ",\"lines\":[";
      for (std::size_t i = 0; i < one.lines.size(); ++i) {
        rapidjson::Value value(rapidjson::StringRef(one.lines[i].text.data(), static_cast<rapidjson::SizeType>(one.lines[i].text.size())));
        out += (i == 0 ? "" : ",") + text_of(value);
      }
      out += "]}";
      first = false;
    }
    std::cout << out << "]}\n";
  }
  std::cerr << operations << " operations, " << known.size() << " records, " << refused << " refused\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const bool lenient = argc > 1 && std::string_view(argv[1]) == "--lenient";
  if (argc != 3 + lenient) {
    std::cerr << "usage: replay [--lenient] DATABASE_URL DEFINITIONS.yaml < operations.jsonl\n";
    return 2;
  }
  try {
    return play(argv[1 + lenient], argv[2 + lenient], lenient);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
