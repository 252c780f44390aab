#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/loader.h"
#include "unit/model/support.h"

namespace caravan::model {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

const char* const base = R"yaml(kind: entity
name: item
label: {en: Item, zh-CN: 物品}
title: name
fields:
  name: {type: text, max: 50, label: {en: Name, zh-CN: 名称}}
  cost: {type: money, right: hidden, label: {en: Cost, zh-CN: 成本}}
  price: {type: money, label: {en: Price, zh-CN: 价格}}
  place: {type: choice, choices: core.department, label: {en: Place, zh-CN: 地点}}
---
kind: department
name: head
label: {en: Head, zh-CN: 总部}
---
kind: department
name: branch
label: {en: Branch, zh-CN: 分部}
parent: head
---
kind: role
name: clerk
label: {en: Clerk, zh-CN: 文员}
department: branch
grants: {item: {read: "record.place in user.departments"}}
fields: {item: {price: read}}
---
kind: role
name: leader
label: {en: Leader, zh-CN: 组长}
includes: {clerk: {}}
fields: {item: {cost: masked}}
---
kind: role
name: boss
label: {en: Boss, zh-CN: 经理}
includes: [leader, clerk]
)yaml";

std::string more(const std::string& yaml) { return std::string(base) + "---\n" + yaml; }

TEST(Roles, DepartmentsAreATreeAndAChoiceList) {
  const LoadResult result = load({plugin("demo", base)});
  EXPECT_EQ(all(result), "");
  ASSERT_TRUE(result.catalog);
  const Department* branch = result.catalog->department("branch");
  ASSERT_TRUE(branch);
  EXPECT_EQ(branch->parent, result.catalog->department("head"));
  EXPECT_TRUE(branch->within(*branch->parent));
  EXPECT_FALSE(branch->parent->within(*branch));
  const Choices* list = result.catalog->choices("core.department");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->options.size(), 2u);
  EXPECT_EQ(list->options[0].name, "head");
  EXPECT_EQ(list->options[1].label.in("zh-CN"), "分部");
  EXPECT_EQ(result.catalog->entity("core.user")->field("department")->choices, list);
  EXPECT_EQ(result.catalog->role("demo.clerk")->department, branch);
}

TEST(Roles, IncludesAreClosedTransitively) {
  const LoadResult result = load({plugin("demo", base)});
  ASSERT_TRUE(result.catalog);
  std::vector<std::string> names;
  for (const Role* role : result.catalog->role("demo.boss")->all) names.push_back(role->name);
  EXPECT_THAT(names, ElementsAre("demo.boss", "demo.leader", "demo.clerk"));
  ASSERT_EQ(result.catalog->everyone.size(), 1u);
  EXPECT_EQ(result.catalog->everyone.front()->name, "core.everyone");
}

TEST(Roles, FieldRightsAreKeptAndMarkTheEntity) {
  const LoadResult result = load({plugin("demo", base)});
  ASSERT_TRUE(result.catalog);
  const Entity* item = result.catalog->entity("demo.item");
  EXPECT_EQ(item->field("cost")->right, FieldRight::hidden);
  EXPECT_TRUE(item->restricts_fields);
  EXPECT_TRUE(item->restricts_by_default);
  const auto& rights = result.catalog->role("demo.leader")->field_rights.at(item);
  ASSERT_EQ(rights.size(), 1u);
  EXPECT_EQ(rights[0].second, FieldRight::masked);
  EXPECT_FALSE(result.catalog->entity("core.user")->restricts_fields);
  EXPECT_GT(result.catalog->role("demo.clerk")->grants.at(item)[0].origin.line, 0u);
}

TEST(Roles, ALaterLayerAddsToIncludesAndFields) {
  const LoadResult result = load({plugin("demo", base), agency("kind: role\nname: demo.leader\nincludes: {clerk: null}\ngrants: {demo.item: {read: true}}\nfields: {demo.item: {price: masked}}\n"
                                                               "---\nkind: role\nname: demo.clerk\nfields: {demo.item: {cost: masked}}\n")});
  EXPECT_THAT(places(result), ::testing::IsEmpty());
  ASSERT_TRUE(result.catalog);
  EXPECT_TRUE(result.catalog->role("demo.leader")->includes.empty());
  EXPECT_EQ(result.catalog->role("demo.leader")->field_rights.at(result.catalog->entity("demo.item")).size(), 2u);
  EXPECT_EQ(result.catalog->role("demo.clerk")->field_rights.at(result.catalog->entity("demo.item")).size(), 2u);
}

struct Mistake {
  const char* yaml;
  const char* code;
};
void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.code; }

class RoleMistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(RoleMistakes, AreTold) {
  const LoadResult result = load({plugin("demo", more(GetParam().yaml))});
  EXPECT_THAT(all(result), HasSubstr(std::string("[") + GetParam().code + "]"));
}

const Mistake mistakes[] = {
    {"kind: department\nname: lost\nlabel: {en: L, zh-CN: 失}\nparent: haed\n", "unknown-department"},
    {"kind: department\nname: a\nlabel: {en: A, zh-CN: 甲}\nparent: b\n---\nkind: department\nname: b\nlabel: {en: B, zh-CN: 乙}\nparent: a\n",
     "department-cycle"},
    {"kind: department\nname: a\nlabel: {en: A, zh-CN: 甲}\nparent: a\n", "department-cycle"},
    {"kind: department\nname: core.a\nlabel: {en: A, zh-CN: 甲}\n", "bad-name"},
    {"kind: choices\nname: core.department\nlabel: {en: A, zh-CN: 甲}\noptions: {a: {label: {en: A, zh-CN: 甲}}}\n", "reserved-name"},
    {"kind: role\nname: r\nlabel: {en: R, zh-CN: 角}\ndepartment: haed\n", "unknown-department"},
    {"kind: role\nname: r\nlabel: {en: R, zh-CN: 角}\nincludes: [clrek]\n", "unknown-role"},
    {"kind: role\nname: r\nlabel: {en: R, zh-CN: 角}\nincludes: [s]\n---\nkind: role\nname: s\nlabel: {en: S, zh-CN: 色}\nincludes: [r]\n",
     "include-cycle"},
    {"kind: role\nname: r\nlabel: {en: R, zh-CN: 角}\nincludes: [r]\n", "include-cycle"},
    {"kind: role\nname: r\nlabel: {en: R, zh-CN: 角}\nincludes: [core.administrator]\n", "includes-administrator"},
    {"kind: role\nname: r\nlabel: {en: R, zh-CN: 角}\nadministrator: true\neveryone: true\n", "contradiction"},
    {"kind: role\nname: r\nlabel: {en: R, zh-CN: 角}\nadministrator: true\nfields: {item: {name: hidden}}\n", "contradiction"},
    {"kind: role\nname: r\nlabel: {en: R, zh-CN: 角}\nfields: {item: {name: masked}}\n", "no-grant"},
    {"kind: role\nname: r\nlabel: {en: R, zh-CN: 角}\nincludes: [clerk]\nfields: {item: {nmae: masked}}\n", "unknown-field"},
    {"kind: role\nname: r\nlabel: {en: R, zh-CN: 角}\nincludes: [clerk]\nfields: {itme: {name: masked}}\n", "unknown-entity"},
    {"kind: role\nname: r\nlabel: {en: R, zh-CN: 角}\nincludes: [clerk]\nfields: {item: {name: secret}}\n", "unknown-value"},
    {"kind: role\nname: r\nlabel: {en: R, zh-CN: 角}\nincludes: [clerk]\nfields: {item: hidden}\n", "wrong-type"},
    {"kind: role\nname: r\nlabel: {en: R, zh-CN: 角}\nincludes: [clerk]\nfields: {item: {id: hidden}}\n", "system-field"},
    {"kind: role\nname: r\nlabel: {en: R, zh-CN: 角}\nincludes: [clerk]\nfields: {item: {version: masked}}\n", "system-field"},
    {"kind: role\nname: r\nlabel: {en: R, zh-CN: 角}\nincludes: [clerk]\nfields: {item: {created_at: write}}\n", "never-written"},
    {"kind: role\nname: r\nlabel: {en: R, zh-CN: 角}\nincludes: [clerk]\nfields: {item: {name: hidden}}\n", "hidden-title"},
    {"kind: entity\nname: other\nlabel: {en: O, zh-CN: 他}\nfields: {a: {type: int, right: secret, label: {en: A, zh-CN: 甲}}}\n", "unknown-value"},
    {"kind: entity\nname: other\nlabel: {en: O, zh-CN: 他}\nfields:\n  a: {type: int, right: hidden, label: {en: A, zh-CN: 甲}}\n"
     "  b: {type: int, compute: \"record.a + 1\", label: {en: B, zh-CN: 乙}}\n",
     "tells-hidden"},
};
INSTANTIATE_TEST_SUITE_P(Each, RoleMistakes, ::testing::ValuesIn(mistakes));

}  // namespace
}  // namespace caravan::model
