#include "records/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "records/bulk.h"
#include "support/gate.h"
#include "support/hook.h"

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
  ImportReport run(std::string_view csv, bool dry_run = false, const std::string& yaml = map_text, const std::string& locale = "") {
    const auto loaded = model::load_import_map({"leads.yaml", yaml, ""}, *catalog);
    std::string mistakes;
    for (const auto& diagnostic : loaded.diagnostics) mistakes += to_string(diagnostic) + "\n";
    EXPECT_TRUE(loaded.map) << mistakes;
    auto boss = as("shop.boss", 12);
    if (!locale.empty()) boss.locale = locale;
    return import_csv(gate(), boss, *loaded.map, csv, dry_run);
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

TEST_P(Import, ARefusalIsInTheLanguageOfWhoeverImports) {
  const auto report = run("Id,Tier,Channel,Seats\n3,Silver,Web,1\n,Gold,Web,1\n5,Gold\n", false, map_text, "zh-CN");
  ASSERT_EQ(report.errors.size(), 3u);
  EXPECT_EQ(report.errors.at(0).message, "Tier的取值 \"Silver\" 不在对应表中。");
  EXPECT_EQ(report.errors.at(2).message, "此行有 2 个单元格，表头有 4 个。");
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

TEST_P(Import, ARowOfNewRecordsTakesFewStatements) {
  std::string csv = "Id,Tier,Channel,Seats\n";
  for (int i = 1; i <= 200; ++i) csv += std::to_string(i) + ",Gold,Web,1\n";
  run("Id,Tier,Channel,Seats\nfirst,Gold,Web,1\n");  // what is leased and prepared once
  const auto statements = [&] { return database().begin()->statement_count(); };  // one thread alone: the pool gives the same connection
  const auto before = statements();
  EXPECT_EQ(run(csv).created, 200);
  // A person and an order are two rows and two events. Which of them are there is asked of all at once.
  EXPECT_LE(statements() - before, 200 * 4u + 20);
}

TEST_P(Import, WhatTheDatabaseRefusesIsTheRowsMistakeAlone) {
  const std::string person = id(create(as("shop.boss", 12), "shop.person", R"({"name":"A"})"));
  const std::string yaml = R"(kind: import_map
name: orders
entity: shop.order
source: orders
records: {order: {entity: shop.order, external_id: {column: Id}, fields: {person: {column: Person}, code: {column: Code}, seats: {column: Seats}}}}
)";
  std::string csv = "Id,Person,Code,Seats\n";
  for (int i = 1; i <= 300; ++i) {
    // 40 has the code of 39, nobody is 999999, and 251 comes again with more seats.
    csv += std::to_string(i == 260 ? 251 : i) + "," + (i == 50 ? "999999" : person) + ",c" + std::to_string(i == 40 ? 39 : i == 260 ? 251 : i) + "," + (i == 260 ? "9" : "2") + "\n";
  }
  const auto report = run(csv, false, yaml);
  EXPECT_EQ(report.created, 297);
  EXPECT_EQ(report.updated, 1);
  EXPECT_EQ(report.failed, 2);
  ASSERT_EQ(report.errors.size(), 2u);
  EXPECT_EQ(report.errors[0].row, 40);
  EXPECT_EQ(report.errors[0].column, "Code");
  EXPECT_EQ(report.errors[1].row, 50);
  EXPECT_EQ(report.errors[1].column, "Person");
  const auto again = run(csv, false, yaml);
  EXPECT_EQ(again.unchanged + again.updated, 298);
  EXPECT_EQ(again.failed, 2);
  const auto rows = [&](const char* sql) {
    auto session = database().read();
    storage::Statement& statement = session->prepare(sql);
    const std::int64_t n = statement.step() ? statement.integer(0) : -1;
    statement.reset();
    return n;
  };
  EXPECT_EQ(rows("SELECT COUNT(*) FROM shop_order"), 297);
  EXPECT_EQ(rows("SELECT COUNT(*) FROM event WHERE entity = 'shop.order' AND action = 'create'"), 297) << "no event of what was not written";
}

TEST_P(Import, WhatARuleMadeMeanwhileIsFoundAgain) {
  // The first row's order makes the record that the third row would make.
  const auto& order = *catalog->entity("shop.order");
  gate().set_hooks(std::make_shared<test::Hook>(HookPoint::after_create, [&](HookCall& call) {
    if (!call.record[model::slot_external_id].same_as(expr::Value("1"))) return;
    Input input;
    input.emplace_back(order.field("person"), call.record[order.field("person")->slot]);
    input.emplace_back(order.fields[model::slot_external_source].get(), expr::Value("leads"));
    input.emplace_back(order.fields[model::slot_external_id].get(), expr::Value("3"));
    call.work.create(order, std::move(input));
  }));
  const auto report = run("Id,Tier,Channel,Seats\n1,Gold,Web,2\n2,Gold,Web,3\n3,Gold,Web,4\n");
  EXPECT_EQ(report.failed, 0);
  EXPECT_EQ(report.created, 2);
  EXPECT_EQ(report.updated, 1);
  EXPECT_EQ(count("shop.order"), 3u);
  EXPECT_EQ(count("shop.person"), 3u) << "the row was undone once, with its person";
}

TEST_P(Import, APartOfATransactionInsideAnotherIsUndoneAlone) {
  const Context boss = as("shop.boss", 12);
  const auto& person = *catalog->entity("shop.person");
  const auto make = [&](Work& work, const char* name) { work.create(person, parse_input(*catalog, person, std::string(R"({"name":")") + name + "\"}", boss.locale)); };
  gate().transact(boss, [&](Work& work) {
    {
      Savepoint outer(work.session());
      make(work, "outer");
      {
        Savepoint inner(work.session());
        make(work, "inner kept");
        inner.keep();
      }
      {
        Savepoint inner(work.session());
        make(work, "inner undone");
      }
      {
        Savepoint second(work.session());
        second.keep();
      }
      make(work, "outer too");
      outer.keep();
    }
    {
      Savepoint undone(work.session());
      make(work, "undone");
      Savepoint inner(work.session());
      make(work, "undone with it");
      inner.keep();
      undone.undo();
    }
    make(work, "last");
  });
  std::set<std::string> names;
  for (const Record& one : list(boss, "shop.person").items) names.insert(text(one, "name"));
  EXPECT_THAT(names, ::testing::UnorderedElementsAre(R"("outer")", R"("inner kept")", R"("outer too")", R"("last")"));
}

CARAVAN_ON_BOTH_DATABASES(Import);

}  // namespace
}  // namespace caravan::records
