// Reads calendars (a file of definitions) and, from standard input, one case of a clock a line; says for each what the product makes
// of it, for tests/oracle/clock_oracle.py to compare. A case:
//   {"calendar": "demo.c1", "start": SECONDS, "limit": SECONDS, "signs": [[SECONDS, "pause", 1], [SECONDS, "limit", 7200],
//    [SECONDS, "stop", 1]], "now": SECONDS}

#include <rapidjson/document.h>

#include <fstream>
#include <iostream>
#include <sstream>

#include "model/loader.h"
#include "model/process.h"
#include "workflow/clock_run.h"
#include "workflow/working_time.h"

namespace {

using namespace caravan;

Timestamp at(const rapidjson::Value& seconds) {
  return Timestamp{seconds.GetInt64() * 1'000'000};
}

std::string seconds(std::optional<Timestamp> when) {
  if (!when) return "null";
  if (when->micros % 1'000'000 != 0) return "\"not a whole second\"";
  return std::to_string(when->micros / 1'000'000);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: clock_cases DEFINITIONS.yaml < cases.jsonl\n";
    return 2;
  }
  std::ostringstream text;
  text << std::ifstream(argv[1]).rdbuf();
  std::vector<model::SourceLayer> layers{model::core_layer()};
  auto& layer = layers.emplace_back();
  layer.name = "agency";
  layer.files.push_back({argv[1], text.str(), ""});
  const auto loaded = model::load_catalog(layers, {});
  if (!loaded.catalog) {
    for (const auto& diagnostic : loaded.diagnostics) std::cerr << model::to_string(diagnostic) << "\n";
    return 1;
  }
  std::string line;
  while (std::getline(std::cin, line)) {
    rapidjson::Document json;
    json.Parse(line.c_str());
    if (json.HasParseError() || !json.IsObject()) return 2;
    const model::WorkingHours* hours = nullptr;
    if (json["calendar"].IsString()) {
      const std::string name = json["calendar"].GetString();
      for (const auto& one : loaded.catalog->calendars) {
        if (one->name == name) hours = one.get();
      }
      if (hours == nullptr) return 3;
    }
    workflow::ClockSigns signs;
    signs.runs = true;
    signs.limit = json["limit"].GetInt64() * 1'000'000;
    workflow::ClockRun run = workflow::ClockRun::begin(at(json["start"]), signs);
    for (const auto& sign : json["signs"].GetArray()) {
      const std::string word = sign[1].GetString();
      if (word == "pause") signs.pauses = sign[2].GetInt() != 0;
      if (word == "stop") signs.stops = true;
      if (word == "limit") signs.limit = sign[2].GetInt64() * 1'000'000;
      run.advance(hours, at(sign[0]), signs);
      // As between two transactions: through the text that the database keeps.
      if (!workflow::unpack_marks(workflow::pack_marks(run), run)) return 4;
    }
    const Timestamp now = at(json["now"]);
    const std::int64_t gone = workflow::elapsed(run, hours, run.met_at.value_or(now));
    std::cout << "{\"state\":\"" << workflow::to_string(run.state()) << "\",\"elapsed\":" << (gone % 1'000'000 == 0 ? gone / 1'000'000 : -1)
              << ",\"due\":" << seconds(workflow::due(run, hours)) << ",\"breached\":" << seconds(workflow::breached(run, hours, now)) << "}\n";
  }
}
