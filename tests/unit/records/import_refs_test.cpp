#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "records/import.h"
#include "records/import_source.h"
#include "support/gate.h"

// References that an import looks up, and tries that are longer than one of their batches.

namespace caravan::records {
namespace {

using ::testing::HasSubstr;

/// A dog where the row has one, and its walk.
const std::string walks = R"(kind: import_map
name: walks
entity: shop.walk
source: old
records:
  dog:
    entity: shop.dog
    external_id: {column: Dog}
    when: "row['Dog'] != ''"
    fields:
      name: {column: Dog}
  walk:
    entity: shop.walk
    external_id: {column: Id}
    fields:
      dog: {column: Of, lookup: external_id, missing: refuse}
)";

class ImportRefs : public test::GateTest {
 protected:
  const char* definitions() const override {
    return R"(
kind: entity
name: shop.keeper
label: Keeper
title: name
fields:
  name: {type: text, max: 20, label: Name}
---
kind: entity
name: shop.dog
label: Dog
fields:
  name: {type: text, max: 20, label: Name}
  keepers: {type: refs, to: shop.keeper, label: Keepers}
  mother: {type: ref, to: shop.dog, label: Mother}
---
kind: entity
name: shop.walk
label: Walk
fields:
  dog: {type: ref, to: shop.dog, required: true, label: Dog}
---
kind: role
name: shop.boss
label: Boss
grants:
  shop.keeper: {read: true, create: true, update: true}
  shop.dog: {read: true, create: true, update: true}
  shop.walk: {read: true, create: true, update: true}
)";
  }
  ImportReport plain(const char* entity, std::string_view csv, bool dry_run = false) {
    return import_csv(gate(), as("shop.boss", 12), plain_map(*catalog->entity(entity), "old", csv), csv, dry_run);
  }
  ImportReport mapped(const std::string& yaml, std::string_view csv, bool dry_run = false) {
    const auto loaded = model::load_import_map({"map.yaml", yaml, ""}, *catalog);
    EXPECT_TRUE(loaded.map);
    return import_csv(gate(), as("shop.boss", 12), *loaded.map, csv, dry_run);
  }
};

TEST_P(ImportRefs, APlainFileNamesSeveralRecordsInACell) {
  ASSERT_EQ(plain("shop.keeper", "id,name\nk1,Ann\nk2,Bo\n").created, 2);
  const auto report = plain("shop.dog", "id,name,keepers\n1,Rex,k1; k2\n2,Fido,\"[\"\"k2\"\"]\"\n3,Ace,k1;k9\n4,Bob,\"[1]\"\n5,Max,\"[\"\n6,Pip,\n");
  EXPECT_EQ(report.created, 3);
  ASSERT_EQ(report.failed, 3) << "of the row alone";
  EXPECT_EQ(report.errors[0].column, "keepers");
  EXPECT_THAT(report.errors[0].message, HasSubstr("There is no record"));
  EXPECT_EQ(report.errors[1].column, "keepers");
  EXPECT_EQ(report.errors[2].column, "keepers");
  const auto page = list(as("shop.boss", 12), "shop.dog");
  const auto& dogs = page.items;
  std::map<std::string, std::size_t> keepers;
  for (const auto& dog : dogs) {
    const auto* list = dog[catalog->entity("shop.dog")->field("keepers")->slot].as_list();
    keepers[*dog[catalog->entity("shop.dog")->field("name")->slot].as<std::string>()] = list ? list->size() : 0;
  }
  EXPECT_EQ(keepers, (std::map<std::string, std::size_t>{{"Rex", 2}, {"Fido", 1}, {"Pip", 0}}));
}

TEST_P(ImportRefs, ATryOfManyRowsTellsWhatTheImportWillDo) {
  // Later rows refer to records of the first, change one of them and repeat one.
  std::string csv = "id,name,mother\n";
  for (int i = 1; i <= 1100; ++i) csv += std::to_string(i) + ",Dog " + std::to_string(i) + "," + (i > 1000 ? std::to_string(i - 1000) : "") + "\n";
  csv += "1,Dog 1,\n2,Other,\n9000,Dog,77777\n";
  std::vector<std::int64_t> batches;
  const auto map = plain_map(*catalog->entity("shop.dog"), "old", csv);
  ImportSource source(csv, map);
  ImportSteps steps;
  steps.kept = [&](storage::Session* session, const ImportReport&, const ImportReport& batch, std::int64_t) {
    EXPECT_EQ(session, nullptr);
    batches.push_back(batch.created + batch.updated + batch.unchanged + batch.failed);
    // Others write between two batches.
    database().transact([](storage::Session& other) { other.execute("UPDATE core_user SET name = name WHERE id = 1"); });
  };
  const auto tried = import_rows(gate(), as("shop.boss", 12), map, source, true, steps);
  EXPECT_EQ(batches, (std::vector<std::int64_t>{1000, 103}));
  EXPECT_EQ(list(as("shop.boss", 12), "shop.dog").items.size(), 0u);
  const auto done = plain("shop.dog", csv);
  for (const auto& report : {tried, done}) {
    EXPECT_EQ(report.created, 1100);
    EXPECT_EQ(report.updated, 1);
    EXPECT_EQ(report.unchanged, 1);
    ASSERT_EQ(report.failed, 1);
    EXPECT_THAT(report.errors[0].message, HasSubstr("There is no record"));
  }
}

TEST_P(ImportRefs, ARequiredReferenceToAnEarlierBatchOfATryIsNoMistake) {
  std::string csv = "Id,Dog,Of\n";
  for (int i = 1; i <= 1100; ++i) csv += std::to_string(i) + "," + (i <= 10 ? "d" + std::to_string(i) : std::string()) + ",d" + std::to_string(i <= 10 ? i : i % 10 + 1) + "\n";
  csv += "2000,,d99\n";
  const auto tried = mapped(walks, csv, true), done = mapped(walks, csv);
  EXPECT_EQ(done.failed, 1);
  EXPECT_EQ(tried.failed, done.failed);
  EXPECT_EQ(tried.created, done.created);
}

TEST_P(ImportRefs, WhatAnUndoneRowMadeIsNotFound) {
  const std::string map = walks + R"(  mother:
    entity: shop.dog
    external_id: {template: "m{Id}"}
    fields:
      name: {column: Mother}
)";
  const auto report = mapped(map, "Id,Dog,Of,Mother\n1,d1,d1,This name is much too long for a dog\n2,,d1,Ma\n3,d3,d3,Mo\n");
  EXPECT_EQ(report.created, 1);
  ASSERT_EQ(report.failed, 2);
  EXPECT_THAT(report.errors[1].message, HasSubstr("There is no record"));
}

CARAVAN_ON_BOTH_DATABASES(ImportRefs);

}  // namespace
}  // namespace caravan::records
