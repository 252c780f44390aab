#include "records/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/gate.h"

namespace caravan::records {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

const char* const map_text = R"(kind: import_map
name: leads
entity: shop.order
source: leads
records:
  person:
    entity: shop.person
    external_id: {column: Id}
    fields:
      name: {template: "Lead {Id}"}
      tier: {column: Tier, map: {Gold: gold, "Go ld": gold}, note: ["Go ld"], empty: note}
  order:
    entity: shop.order
    external_id: {column: Id}
    fields:
      person: {record: person}
      channel: {column: Channel, map: {Web: web}, unmapped: note, default: phone}
      seats: {column: Seats}
      remark: {template: "{Tier}/{Channel}"}
)";

class Import : public test::GateTest {
 protected:
  ImportReport run(std::string_view csv, bool dry_run = false, const std::string& yaml = map_text) {
    const auto loaded = model::load_import_map({"leads.yaml", yaml, ""}, *catalog);
    std::string mistakes;
    for (const auto& diagnostic : loaded.diagnostics) mistakes += to_string(diagnostic) + "\n";
    EXPECT_TRUE(loaded.map) << mistakes;
    return import_csv(gate(), as("shop.boss", 12), *loaded.map, csv, dry_run);
  }
  std::vector<std::string> mistakes(const std::string& yaml) {
    std::vector<std::string> told;
    for (const auto& diagnostic : model::load_import_map({"leads.yaml", yaml, ""}, *catalog).diagnostics) told.push_back(to_string(diagnostic));
    return told;
  }
  std::size_t count(const char* entity) { return list(as("shop.boss", 12), entity).items.size(); }
};

TEST_P(Import, OneRowMakesItsRecordsAndASecondRunDoublesNothing) {
  const char* csv = "Id,Tier,Channel,Seats\r\n1,Gold,Web,2\r\n2,Go ld,Fax,3\r\n3,,\"We\"\"b, or\nnot\",4\r\n";
  const auto first = run(csv);
  EXPECT_EQ(first.rows, 3);
  EXPECT_EQ(first.created, 3);
  EXPECT_EQ(first.failed, 0);
  EXPECT_THAT(first.notes, Contains(Pair("Tier \"Go ld\" taken as \"gold\"", 1)));
  EXPECT_THAT(first.notes, Contains(Pair("Tier empty", 1)));
  EXPECT_THAT(first.notes, Contains(Pair("Channel \"Fax\" is not in the map", 1)));
  const auto second = run(csv);
  EXPECT_EQ(second.created, 0);
  EXPECT_EQ(second.unchanged, 3);
  const auto third = run("Id,Tier,Channel,Seats\n1,Gold,Web,9\n");
  EXPECT_EQ(third.updated, 1);
  EXPECT_EQ(count("shop.person"), 3u);
  EXPECT_EQ(count("shop.order"), 3u);
}

TEST_P(Import, AFailedRowLeavesNothingAndCanBeMended) {
  const auto report = run("Id,Tier,Channel,Seats\n1,Gold,Web,2\n2,Gold,Web,9000\n3,Silver,Web,1\n,Gold,Web,1\n5,Gold\n6,\xff,Web,1\n");
  EXPECT_EQ(report.created, 1);
  EXPECT_EQ(report.failed, 5);
  EXPECT_EQ(count("shop.person"), 1u) << "the person of a refused order is gone with it";
  EXPECT_EQ(report.errors.at(0).row, 2);
  EXPECT_EQ(report.errors.at(0).column, "Seats");
  EXPECT_THAT(report.errors.at(0).message, HasSubstr("at most 500"));
  EXPECT_THAT(report.errors.at(1).message, HasSubstr("\"Silver\" is not in the map"));
  EXPECT_THAT(report.error_file, HasSubstr("\n5,Gold,\"The row has 2 cells")) << "a row with too few cells stays so";
  EXPECT_THAT(report.error_file, HasSubstr("6,\xEF\xBF\xBD,Web,1,"));
  EXPECT_THAT(report.error_file, ::testing::StartsWith("Id,Tier,Channel,Seats,error\n2,Gold,Web,9000,"));
  std::string mended = report.error_file.substr(0, report.error_file.find('\n', report.error_file.find("9000")) + 1);
  mended.replace(mended.find("9000"), 4, "9");
  EXPECT_EQ(run(mended).created, 1);
}

TEST_P(Import, ADryRunKeepsNothing) {
  std::string csv = "Id,Tier,Channel,Seats\n";
  for (int i = 1; i <= 450; ++i) csv += std::to_string(i) + ",Gold,Web," + (i % 100 == 0 ? "0" : "1") + "\n";
  const auto dry = run(csv, true);
  EXPECT_EQ(dry.created, 446);
  EXPECT_EQ(dry.failed, 4);
  EXPECT_EQ(count("shop.order"), 0u);
  const auto wet = run(csv);
  EXPECT_EQ(wet.created, 446);
  EXPECT_EQ(wet.failed, 4);
}

TEST_P(Import, MapAndFileThatDoNotFitAreRefusedBeforeAnyRow) {
  const auto message = [&](std::string_view csv, const std::string& yaml = map_text) {
    return refusal([&] { run(csv, false, yaml); }).message();
  };
  EXPECT_THAT(message("Id,Tier,Seats\n1,Gold,1\n"), HasSubstr("leads.yaml:17:25: the file has no column \"Channel\""));
  EXPECT_THAT(message("Id,Tier,Channel,Seats\n1,\"Gold,Web,1\n"), HasSubstr("malformed"));
  EXPECT_THAT(message(""), HasSubstr("empty"));
  EXPECT_EQ(count("shop.order"), 0u);
}

TEST_P(Import, MistakesInTheMapAreToldWithTheirPlace) {
  EXPECT_THAT(mistakes("kind: import_map\nname: x\nentity: shop.ordr\nsource: s\nrecords: {}\n"),
              Contains(HasSubstr("leads.yaml:3:9: error: there is no entity \"shop.ordr\": did you mean \"shop.order\"?")));
  std::string yaml = map_text;
  yaml.replace(yaml.find("seats:"), 6, "seatz:");
  EXPECT_THAT(mistakes(yaml), Contains(HasSubstr("has no field \"seatz\"")));
  yaml = map_text;
  yaml.replace(yaml.find("Web: web"), 8, "Web: net");
  EXPECT_THAT(mistakes(yaml), Contains(HasSubstr("there is no option \"net\"")));
  yaml = map_text;
  yaml.replace(yaml.find("{record: person}"), 16, "{record: pers}");
  EXPECT_THAT(mistakes(yaml), Contains(HasSubstr("no record \"pers\" is made before this one")));
  yaml = map_text;
  yaml.replace(yaml.find("unmapped: note"), 14, "unmaped: note");
  EXPECT_THAT(mistakes(yaml), Contains(HasSubstr("did you mean \"unmapped\"?")));
}

CARAVAN_ON_BOTH_DATABASES(Import);

}  // namespace
}  // namespace caravan::records
