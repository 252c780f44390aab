#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "model/pages.h"
#include "unit/model/support.h"

namespace caravan::model {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// What forms obey, and settings.
const char* const desk = R"yaml(kind: module
name: demo
label: {en: Demo, zh-CN: 演示}
---
kind: choices
name: region
label: {en: Region, zh-CN: 地区}
options:
  asia: {label: {en: Asia, zh-CN: 亚洲}}
  europe: {label: {en: Europe, zh-CN: 欧洲}}
---
kind: choices
name: country
label: {en: Country, zh-CN: 国家}
options:
  japan: {of: asia, label: {en: Japan, zh-CN: 日本}}
  turkey: {of: [asia, europe], label: {en: Turkey, zh-CN: 土耳其}}
  france: {of: {europe: {}}, label: {en: France, zh-CN: 法国}}
  other: {label: {en: Other, zh-CN: 其他}}
---
kind: settings
name: demo
label: {en: Demo, zh-CN: 演示}
settings:
  limit: {type: int, min: 0, max: 100, default: 9, label: {en: Limit, zh-CN: 上限}}
  rate: {type: decimal, default: 0.1, label: {en: Rate, zh-CN: 费率}}
  open: {type: bool, default: true, label: {en: Open, zh-CN: 开放}}
  home: {type: choice, choices: region, default: asia, label: {en: Home, zh-CN: 本地}}
  from: {type: date, default: 2026-10-01, label: {en: From, zh-CN: 自}}
  words: {type: text, max: 20, default: hello, label: {en: Words, zh-CN: 词}}
---
kind: entity
name: trip
label: {en: Trip, zh-CN: 旅程}
fields:
  name: {type: text, max: 50, label: {en: Name, zh-CN: 名称}}
  seats: {type: int, label: {en: Seats, zh-CN: 座位}}
  region: {type: choice, choices: region, label: {en: Region, zh-CN: 地区}}
  country: {type: choice, choices: country, depends_on: region, label: {en: Country, zh-CN: 国家}}
  visa:
    type: text
    visible: "record.region == settings.demo.home"
    required: "record.seats > settings.demo.limit"
    read_only: "record.name == 'done'"
    label: {en: Visa, zh-CN: 签证}
invariants:
  few: {check: "record.seats <= 10 * settings.demo.limit", message: {en: Too many, zh-CN: 太多}}
duplicates:
  same: {warn: [name, region], where: "record.seats > 0", message: {en: Twice, zh-CN: 重复}}
---
kind: role
name: clerk
label: {en: Clerk, zh-CN: 文员}
grants:
  demo.trip: {read: "settings.demo.open", create: true}
)yaml";

LoadResult with(const char* more) { return load({plugin("demo", desk), agency(more)}); }

TEST(Forms, ConditionsDependentChoicesAndDuplicatesAreRead) {
  const LoadResult result = with("");
  ASSERT_TRUE(result.catalog) << all(result);
  EXPECT_EQ(all(result), "");
  const Entity& trip = *result.catalog->entity("demo.trip");
  const Field& visa = *trip.field("visa");
  EXPECT_TRUE(visa.visible && visa.required_when && visa.read_only_when);
  EXPECT_FALSE(visa.required || visa.read_only);
  EXPECT_EQ(trip.field("country")->depends_on, trip.field("region"));
  EXPECT_THAT(trip.conditional, ElementsAre(trip.field("country"), &visa));
  const Choices& country = *result.catalog->choices("demo.country");
  EXPECT_THAT(country.option("japan")->of, ElementsAre("asia"));
  EXPECT_THAT(country.option("turkey")->of, ElementsAre("asia", "europe"));
  EXPECT_THAT(country.option("france")->of, ElementsAre("europe"));
  EXPECT_THAT(country.option("other")->of, IsEmpty());
  ASSERT_THAT(trip.duplicates, SizeIs(1));
  EXPECT_THAT(trip.duplicates[0].fields, ElementsAre(trip.field("name"), trip.field("region")));
  EXPECT_TRUE(trip.duplicates[0].where);
  EXPECT_EQ(trip.duplicates[0].message.in("zh-CN"), "重复");
}

TEST(Forms, FlagsStayFlags) {
  const LoadResult result = with(R"yaml(kind: entity
name: demo.trip
fields:
  seats: {required: true}
  name: {read_only: true}
)yaml");
  ASSERT_TRUE(result.catalog) << all(result);
  const Entity& trip = *result.catalog->entity("demo.trip");
  EXPECT_TRUE(trip.field("seats")->required && !trip.field("seats")->required_when);
  EXPECT_TRUE(trip.field("name")->read_only && !trip.field("name")->read_only_when);
  EXPECT_THAT(trip.conditional, SizeIs(2));
}

TEST(Settings, AreConstantsOfTheirTypeAndKnowWhereTheyWereSaid) {
  const LoadResult result = with(R"yaml(kind: settings
name: demo
settings:
  limit: {value: 20}
)yaml");
  ASSERT_TRUE(result.catalog) << all(result);
  const auto found = std::find_if(result.catalog->settings.begin(), result.catalog->settings.end(), [](const auto& one) { return one->module == "demo"; });
  ASSERT_NE(found, result.catalog->settings.end());
  const SettingsGroup& group = **found;
  ASSERT_THAT(group.settings, SizeIs(6));
  EXPECT_EQ(*group.settings[0].value.as<std::int64_t>(), 20);
  EXPECT_EQ(*group.settings[0].default_value.as<std::int64_t>(), 9);
  EXPECT_EQ(group.settings[0].origin.file, "agency.yaml");
  EXPECT_EQ(group.settings[0].origin.line, 4u);
  EXPECT_EQ(group.settings[1].origin.file, "demo.yaml");
  const expr::Environment environment = result.catalog->record_environment(*result.catalog->entity("demo.trip"));
  for (const char* holds : {"settings.demo.limit == 20", "settings.demo.rate == decimal('0.10')", "settings.demo.open", "settings.demo.home == 'asia'",
                            "settings.demo.from == date('2026-10-01')", "settings.demo.words.size() == 5"}) {
    const expr::Compiled compiled = expr::compile(holds, environment);
    ASSERT_TRUE(compiled.program) << holds << ": " << compiled.issues[0].message;
    EXPECT_TRUE(compiled.program->evaluate({}).is_true()) << holds;
    EXPECT_FALSE(expr::varies(*compiled.program)) << holds;
  }
  const expr::Compiled wrong = expr::compile("record.seats > settings.demo.limt", environment);
  ASSERT_THAT(wrong.issues, SizeIs(1));
  EXPECT_THAT(wrong.issues[0].message, HasSubstr("settings.demo.limt"));
  EXPECT_THAT(wrong.issues[0].hint, HasSubstr("settings.demo.limit"));
  EXPECT_EQ(wrong.issues[0].column, 30u);
  EXPECT_FALSE(expr::compile("settings.demo.limit == 'a'", environment).program) << "the type counts";
}

TEST(Settings, OfACaseTheDatabaseAnswersToo) {
  const LoadResult result = with("");
  ASSERT_TRUE(result.catalog) << all(result);
  const auto& few = *result.catalog->entity("demo.trip")->invariants[0].check;
  const expr::SqlCondition sql = expr::to_sql(few, expr::Dialect::sqlite, "r", {});
  EXPECT_FALSE(sql.refused);
  ASSERT_FALSE(sql.parameters.empty());
  EXPECT_EQ(*sql.parameters.back().as<std::int64_t>(), 90);
}

TEST(Settings, OfAnUnreadableDocumentAreNoFurtherMistake) {
  const LoadResult result = load({plugin("demo", std::string(desk)), agency("kind: settings\nname: other\nsettings: {a: [\n---\nkind: entity\nname: demo.trip\ninvariants: {x: {check: \"record.seats > settings.other.a\", message: {en: X, zh-CN: X}}}\n")});
  EXPECT_FALSE(result.catalog);
  EXPECT_THAT(places(result), SizeIs(1)) << all(result);
}

}  // namespace
}  // namespace caravan::model
