#include "model/pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/model/support.h"

namespace caravan::model {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::SizeIs;

const char* const desk = R"yaml(kind: module
name: demo
label: {en: Demo, zh-CN: 演示}
---
kind: choices
name: mood
label: {en: Mood, zh-CN: 心情}
options:
  good: {label: {en: Good, zh-CN: 好}}
  bad: {label: {en: Bad, zh-CN: 坏}}
---
kind: entity
name: trip
label: {en: Trip, zh-CN: 旅程}
fields:
  name: {type: text, max: 50, label: {en: Name, zh-CN: 名称}}
  mood: {type: choice, choices: mood, label: {en: Mood, zh-CN: 心情}}
  seats: {type: int, label: {en: Seats, zh-CN: 座位}}
  start_on: {type: date, label: {en: Start, zh-CN: 出发}}
  end_on: {type: date, label: {en: End, zh-CN: 返回}}
workflow:
  initial: planned
  states:
    planned: {label: {en: Planned, zh-CN: 计划}}
    done: {label: {en: Done, zh-CN: 完成}, category: done}
  transitions:
    finish: {from: planned, to: done, label: {en: Finish, zh-CN: 完成}}
---
kind: role
name: clerk
label: {en: Clerk, zh-CN: 文员}
grants:
  demo.trip: {read: true, create: true}
)yaml";

LoadResult with(const char* more) { return load({plugin("demo", std::string(desk) + "---\n" + more)}); }

TEST(Views, OfEachTypeKnowTheirFields) {
  const LoadResult result = with(R"yaml(kind: view
name: by_state
type: board
entity: trip
---
kind: view
name: by_mood
type: board
entity: trip
group: mood
---
kind: view
name: when
type: calendar
entity: trip
start: start_on
end: end_on
columns: [name]
---
kind: view
name: lanes
type: timeline
entity: trip
start: created_at
end: updated_at
group: owner
filter: record.seats > 2
)yaml");
  ASSERT_TRUE(result.catalog) << all(result);
  const auto name_of = [](const Field* field) { return field ? field->name : std::string("-"); };
  const auto said = [&](const char* view) {
    const View* one = result.catalog->view(view);
    return one ? std::string(to_string(one->type)) + " " + name_of(one->group) + " " + name_of(one->start) + " " + name_of(one->end) : "none";
  };
  EXPECT_EQ(said("demo.by_state"), "board state - -");
  EXPECT_EQ(said("demo.by_mood"), "board mood - -");
  EXPECT_EQ(said("demo.when"), "calendar - start_on end_on");
  EXPECT_EQ(said("demo.lanes"), "timeline owner created_at updated_at");
}

TEST(Views, AnEntityWithoutAListGetsOneAndItIsTheFirst) {
  const LoadResult result = with("kind: view\nname: a_board\ntype: board\nentity: trip\n");
  ASSERT_TRUE(result.catalog) << all(result);
  const auto& views = result.catalog->entity("demo.trip")->views;
  ASSERT_THAT(views, SizeIs(2));
  EXPECT_EQ(views[0]->name, "demo.trip_list");
  EXPECT_EQ(views[0]->type, ViewType::list);
  EXPECT_EQ(views[1]->name, "demo.a_board");
}

TEST(Views, AListStandsBeforeABoardThatWasSaidFirst) {
  const LoadResult result = with("kind: view\nname: a_board\ntype: board\nentity: trip\n---\nkind: view\nname: some\nentity: trip\ncolumns: [name]\n");
  ASSERT_TRUE(result.catalog) << all(result);
  EXPECT_EQ(result.catalog->entity("demo.trip")->views.front()->name, "demo.some");
}

TEST(Pages, HaveTheirBlocksInOrder) {
  const LoadResult result = with(R"yaml(kind: page
name: today
label: {en: Today, zh-CN: 今天}
icon: dashboard
roles: [clerk]
blocks:
  trips: {type: view, view: trip_list, width: 8}
  fresh: {type: form, form: trip_form}
  chart: {type: chart, chart: line, entity: trip, group: "start_on:month", measure: "sum:seats", filter: "record.seats > 1"}
  all: {type: chart, chart: number, entity: trip}
  hello: {type: markdown, text: {en: Hello, zh-CN: 你好}, after: ""}
)yaml");
  ASSERT_TRUE(result.catalog) << all(result);
  ASSERT_THAT(result.catalog->pages, SizeIs(1));
  const Page& page = *result.catalog->pages[0];
  EXPECT_EQ(page.name, "demo.today");
  EXPECT_THAT(page.roles, ElementsAre("demo.clerk"));
  std::vector<std::string> blocks;
  for (const Block& block : page.blocks) blocks.push_back(block.name + " " + to_string(block.kind) + " " + std::to_string(block.width));
  EXPECT_THAT(blocks, ElementsAre("hello markdown 24", "trips view 8", "fresh form 24", "chart chart 24", "all chart 24"));
  EXPECT_EQ(page.blocks[0].text.in("zh-CN"), "你好");
  EXPECT_EQ(page.blocks[1].view, result.catalog->view("demo.trip_list"));
  EXPECT_EQ(page.blocks[1].entity->full_name, "demo.trip");
  EXPECT_EQ(page.blocks[2].form->name, "demo.trip_form");
  const Block& chart = page.blocks[3];
  EXPECT_EQ(std::string(to_string(chart.chart)) + " " + chart.group + " " + chart.measure + " " + chart.filter, "line start_on:month sum:seats record.seats > 1");
  EXPECT_TRUE(chart.condition);
  EXPECT_EQ(page.blocks[4].measure, "count");
  EXPECT_EQ(page.blocks[4].group, "");
}

TEST(Pages, AnAgencyChangesAndRemovesBlocks) {
  const std::string page = "kind: page\nname: today\nlabel: {en: Today, zh-CN: 今天}\nblocks:\n  one: {type: markdown, text: x}\n  two: {type: markdown, text: y}\n";
  const LoadResult result = load({plugin("demo", std::string(desk) + "---\n" + page),
                                  agency("kind: page\nname: demo.today\nblocks: {one: null, two: {width: 6}, three: {type: markdown, text: z, after: \"\"}}\n")});
  ASSERT_TRUE(result.catalog) << all(result);
  std::vector<std::string> blocks;
  for (const Block& block : result.catalog->pages.at(0)->blocks) blocks.push_back(block.name + std::to_string(block.width));
  EXPECT_THAT(blocks, ElementsAre("three24", "two6"));
}

TEST(Pages, AModuleOfPagesAloneIsAModule) {
  const LoadResult result = load({plugin("other", "kind: page\nname: hello\nlabel: {en: Hello, zh-CN: 你好}\nblocks: {one: {type: markdown, text: {en: x, zh-CN: y}}}\n")});
  ASSERT_TRUE(result.catalog) << all(result);
  const auto& modules = result.catalog->modules;
  EXPECT_TRUE(std::any_of(modules.begin(), modules.end(), [](const Module& one) { return one.name == "other"; }));
}

}  // namespace
}  // namespace caravan::model
