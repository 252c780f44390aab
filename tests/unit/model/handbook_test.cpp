#include "model/handbook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "model/handbook_words.h"
#include "model/pages.h"
#include "model/process.h"
#include "unit/model/support.h"

namespace caravan::model {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const char* const definitions = R"yaml(kind: module
name: demo
label: {en: Demo, zh-CN: 演示, zh-TW: 示範}
---
kind: department
name: north
label: {en: North, zh-CN: 北区, zh-TW: 北區}
---
kind: department
name: north_team
parent: north
label: {en: Northern team, zh-CN: 北区小组, zh-TW: 北區小組}
---
kind: calendar
name: office
label: {en: Office hours, zh-CN: 办公时间, zh-TW: 辦公時間}
hours: {weekdays: ["09:00-12:00", "13:30-18:00"]}
holidays:
  2026-10-01..2026-10-03: {label: {en: National day, zh-CN: 国庆节, zh-TW: 國慶日}}
---
kind: choices
name: mood
label: {en: Mood, zh-CN: 心情, zh-TW: 心情}
options:
  good: {label: {en: Good, zh-CN: 好, zh-TW: 好}}
  bad: {label: {en: "Bad <script>alert(1)</script>", zh-CN: 坏, zh-TW: 壞}}
  gone: {label: {en: Gone, zh-CN: 旧, zh-TW: 舊}, active: false}
---
kind: entity
name: part
label: {en: Part, zh-CN: 部分, zh-TW: 部分}
fields:
  trip: {type: ref, to: trip, required: true, delete: cascade, label: {en: Of trip, zh-CN: 所属旅程, zh-TW: 所屬旅程}}
  seats: {type: int, label: {en: Seats taken, zh-CN: 占座, zh-TW: 佔座}}
---
kind: entity
name: trip
label: {en: Trip, zh-CN: 旅程, zh-TW: 旅程}
number: "T-{seq:4}"
fields:
  name: {type: text, max: 50, required: true, label: {en: Name, zh-CN: 名称, zh-TW: 名稱}, help: {en: "As | the customer *says* it", zh-CN: 客户叫法, zh-TW: 客戶叫法}}
  mood: {type: choice, choices: mood, label: {en: Mood, zh-CN: 心情, zh-TW: 心情}}
  seats: {type: int, min: 1, max: 9, label: {en: Seats, zh-CN: 座位, zh-TW: 座位}}
  price: {type: money, label: {en: Price, zh-CN: 价格, zh-TW: 價格}}
  each: {type: money, compute: "record.price / record.seats", label: {en: Each, zh-CN: 人均, zh-TW: 人均}}
  taken: {type: int, rollup: {sum: seats, of: part, by: trip}, label: {en: Taken, zh-CN: 已占, zh-TW: 已佔}}
  secret: {type: text, max: 20, right: hidden, label: {en: Secret, zh-CN: 秘密, zh-TW: 秘密}}
  paid: {type: bool, label: {en: Paid, zh-CN: 已付, zh-TW: 已付}}
  reason: {type: text, max: 80, required: "record.mood == 'bad'", visible: "record.mood != null", label: {en: Reason}}
invariants:
  seats: {check: "record.seats >= 1 && (record.paid || record.price == null)", message: {en: Somebody must go, zh-CN: 至少一人, zh-TW: 至少一人}}
  secret: {check: "record.secret != 'x'", message: {en: Not that secret, zh-CN: 密, zh-TW: 密}}
unique:
  name: {fields: [name], message: {en: There is such a trip, zh-CN: 已有, zh-TW: 已有}}
workflow:
  initial: planned
  states:
    planned: {label: {en: Planned, zh-CN: 计划, zh-TW: 計畫}, category: open, clock: answer}
    asked: {label: {en: Asked, zh-CN: 已询, zh-TW: 已詢}, category: waiting, enter: {tell: {notify: {en: "Please answer {{record.name}}", zh-CN: "请答复{{record.name}}", zh-TW: "請回覆{{record.name}}"}, roles: [lead]}}}
    done: {label: {en: Done, zh-CN: 完成, zh-TW: 完成}, category: done}
    off: {label: {en: Called off, zh-CN: 取消, zh-TW: 取消}, category: cancelled}
  transitions:
    ask: {label: {en: Ask, zh-CN: 询问, zh-TW: 詢問}, from: planned, to: asked, by: [clerk], require: [name], comment: required, undo: 15m,
          when: "record.seats > 2", message: {en: Too few, zh-CN: 太少, zh-TW: 太少}}
    finish: {label: {en: Finish, zh-CN: 办结, zh-TW: 結案}, from: asked, to: done, by: [lead], do: {part: {create: part, with: {trip: "record.id"}}, note: {set: {mood: "'good'"}, when: "record.paid"}}}
    lapse: {label: {en: Lapse, zh-CN: 过期, zh-TW: 過期}, from: [planned, asked], to: off, automatic: true, when: "record.mood == 'bad'"}
---
kind: form
name: trip_form
entity: trip
label: {en: Trip form, zh-CN: 旅程表, zh-TW: 旅程表}
groups:
  main: {label: {en: Main, zh-CN: 主要, zh-TW: 主要}, fields: [name, mood, seats, price, each, reason]}
---
kind: clock
name: answer
entity: trip
label: {en: First answer, zh-CN: 首次答复, zh-TW: 首次回覆}
within: duration("24h")
calendar: office
warn: {soon: {before: 2h, do: {tell: {notify: {en: Hurry, zh-CN: 快, zh-TW: 快}, roles: [clerk]}}}}
breach: {late: {after: 1h30m, do: {tell: {notify: {en: Late, zh-CN: 迟, zh-TW: 遲}, roles: [lead], urgent: true}}}}
---
kind: message
name: thanks
entity: trip
channel: mail
label: {en: Thanks, zh-CN: 致谢, zh-TW: 致謝}
subject: {en: "Your trip {{record.number}}", zh-CN: "您的旅程{{record.number}}", zh-TW: "您的旅程{{record.number}}"}
body: {en: "Dear guest,\nthank you", zh-CN: 谢谢, zh-TW: 謝謝}
---
kind: automation
name: thank
label: {en: Thank the guest, zh-CN: 致谢客人, zh-TW: 致謝客人}
on: demo.trip.done
do: {send: {send: thanks, to: "'guest@example.org'"}}
---
kind: schedule
name: sweep
label: {en: Sweep, zh-CN: 清理, zh-TW: 清理}
entity: trip
cron: "30 8 * * 1-5"
where: record.mood == "bad"
do: {set: {set: {paid: "false"}}}
---
kind: page
name: today
label: {en: Today, zh-CN: 今日, zh-TW: 今日}
roles: [clerk]
blocks:
  rules: {type: markdown, text: {en: "### In an emergency\n- **Call** the [lead](/x)", zh-CN: 紧急, zh-TW: 緊急}}
  moods: {type: chart, entity: trip, group: mood, label: {en: Moods, zh-CN: 心情, zh-TW: 心情}}
---
kind: role
name: clerk
label: {en: Clerk, zh-CN: 文员, zh-TW: 文員}
department: north
grants: {demo.trip: {read: true, create: true, update: "record.owner == user.id"}}
---
kind: role
name: lead
label: {en: Lead, zh-CN: 组长, zh-TW: 組長}
includes: [clerk]
grants: {demo.trip: {read: true, update: true}}
fields: {demo.trip: {secret: read}}
---
kind: role
name: idle
label: {en: Idle, zh-CN: 闲职, zh-TW: 閒職}
)yaml";

std::shared_ptr<Catalog> fixture() {
  const LoadResult result = load({plugin("demo", definitions)});
  EXPECT_TRUE(result.catalog) << all(result);
  return result.catalog;
}

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t number = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++number;
  return number;
}

const HandbookSection* find(const std::vector<HandbookSection>& sections, const std::string& id) {
  for (const HandbookSection& one : sections) {
    if (one.id == id) return &one;
    if (const HandbookSection* inner = find(one.sections, id)) return inner;
  }
  return nullptr;
}

/// Everything that a section says, a line each; cells apart by ` | `.
std::string said(const HandbookSection& section) {
  std::string out;
  for (const HandbookBlock& block : section.blocks) {
    for (const HandbookLine& line : block.lines) out += text_of(line) + "\n";
    for (const auto& row : block.table.rows) {
      std::string text;
      for (const HandbookCell& cell : row) {
        std::string lines;
        for (const HandbookLine& line : cell) lines += (lines.empty() ? "" : " / ") + text_of(line);
        text += (text.empty() ? "" : " | ") + lines;
      }
      out += text + "\n";
    }
  }
  for (const HandbookSection& inner : section.sections) out += said(inner);
  return out;
}

std::string part(const Handbook& book, const std::string& id) {
  const HandbookSection* found = find(book.sections, id);
  EXPECT_TRUE(found) << id;
  return found ? said(*found) : "";
}

TEST(Handbook, TellsStatesAndSteps) {
  const auto catalog = fixture();
  const Handbook book = make_handbook(*catalog, "en");
  EXPECT_EQ(part(book, "record-demo.trip-states"),
            "Planned | open Somebody has to act. / Where it begins. |  | First answer\n"
            "Asked | waiting It waits for somebody else. | tells Lead: “Please answer Name” | \n"
            "Done | done It has ended as intended. |  | \n"
            "Called off | cancelled It has ended without its result. |  | \n");
  EXPECT_EQ(part(book, "record-demo.trip-steps"),
            "1 | Ask / can be taken back within 15 min | Planned → Asked | Clerk | Filled in: Name / Condition: Seats is more than 2 (otherwise: “Too few”) / A comment | \n"
            "2 | Finish | Asked → Done | Lead |  | makes a new Part (Of trip: this record) / sets Mood to Good, if Paid: yes\n"
            "3 | Lapse | Planned, Asked → Called off | taken by itself as soon as the condition holds | Condition: Mood is Bad <script>alert(1)</script> | \n");
  const HandbookSection* chart = find(book.sections, "record-demo.trip-chart");
  ASSERT_TRUE(chart);
  const FlowChart& flow = chart->blocks.at(0).chart;
  ASSERT_EQ(flow.nodes.size(), 4u);
  ASSERT_EQ(flow.edges.size(), 4u);
  EXPECT_TRUE(flow.edges[3].dashed);
  EXPECT_FALSE(flow.edges[0].dashed);
  EXPECT_LT(flow.nodes[0].x, flow.nodes[1].x);
  EXPECT_LT(flow.nodes[1].x, flow.nodes[2].x);
  EXPECT_EQ(flow.nodes[3].x, flow.nodes[1].x) << "one step from the first state";
}

TEST(Handbook, TellsFormsFieldsAndRules) {
  const auto catalog = fixture();
  const Handbook book = make_handbook(*catalog, "en");
  EXPECT_EQ(part(book, "record-demo.trip-form-demo.trip_form"),
            "Name / As | the customer *says* it | text | yes | At most 50 characters\n"
            "Mood | one of several options |  | Options: Good, Bad <script>alert(1)</script>\n"
            "Seats | whole number |  | At least 1, At most 9\n"
            "Price | amount of money |  | \n"
            "Each | amount of money |  | Computed: Price ÷ Seats\n"
            "Reason | text | if Mood is Bad <script>alert(1)</script> | Shown if Mood is filled in / At most 80 characters\n");
  EXPECT_EQ(part(book, "record-demo.trip-fields"),
            "Taken | whole number | Kept up by the system: Sum of Seats taken of Part\n"
            "Secret | text | At most 20 characters / Lead: read only; others: hidden\n"
            "Paid | yes or no | \n");
  EXPECT_EQ(part(book, "record-demo.part-form-demo.part_form"),
            "Of trip | reference to Trip | yes | Deleted together with Trip\nSeats taken | whole number |  | \n");
  EXPECT_EQ(part(book, "record-demo.trip-rules"),
            "Always: Seats is at least 1 and (Paid: yes or Price is empty) (said: “Somebody must go”)\n"
            "Always: Secret is not “x” (said: “Not that secret”)\n"
            "No two have the same Name (said: “There is such a trip”)\n");
  EXPECT_EQ(part(book, "record-demo.trip-rights"),
            "Clerk | all | yes | Owner is the user himself | –\nLead | all | yes | all | –\nAdministrator may do everything.\n");
  // Every field of its own is told once, and no system field but where a form has it.
  const std::string forms = part(book, "record-demo.trip-forms");
  for (const char* label : {"Name /", "Mood |", "Seats |", "Price |", "Each |", "Taken |", "Secret |", "Paid |", "Reason |"}) EXPECT_EQ(times("\n" + forms, std::string("\n") + label), 1u) << label;
  EXPECT_EQ(times(forms, "\n"), 9u);
}

TEST(Handbook, TellsWhatHappensByItself) {
  const auto catalog = fixture();
  const Handbook book = make_handbook(*catalog, "en");
  EXPECT_EQ(part(book, "record-demo.trip-clocks"),
            "First answer | 24 h / Counts working time of Office hours | In the states Planned | 2 h before it is due: tells Clerk: “Hurry” / "
            "1 h 30 min after it was over: tells Lead urgently: “Late”\n");
  EXPECT_EQ(part(book, "record-demo.trip-automations"), "Thank the guest | When it comes to Done / Right after it | sends “Thanks” to “guest@example.org”\n");
  EXPECT_EQ(part(book, "record-demo.trip-schedules"),
            "Sweep | Monday – Friday at 08:30 / For each where Mood is Bad <script>alert(1)</script> | sets Paid to no\n");
  EXPECT_EQ(part(book, "record-demo.trip-messages"), "Thanks | mail | Your trip Number / Dear guest, / thank you\n");
  EXPECT_EQ(part(book, "part-demo-pages"), "Today | Clerk | In an emergency / • Call the lead / Moods (chart of Trip)\n");
  EXPECT_EQ(part(book, "calendar-demo.office"),
            "Hours in the zone Asia/Shanghai.\nMonday – Friday | 09:00–12:00, 13:30–18:00\nSaturday – Sunday | closed\n"
            "2026-10-01 – 2026-10-03 | National day | closed\n");
}

TEST(Handbook, ListsWhatEachPostDoes) {
  const auto catalog = fixture();
  const Handbook book = make_handbook(*catalog, "en");
  EXPECT_EQ(part(book, "post-demo.clerk"),
            "Department: North.\nTrip | all | yes | Owner is the user himself | –\nSees the pages “Today”.\nTrip: “Ask”\nTrip: “First answer” is nearly over\n");
  EXPECT_EQ(part(book, "post-demo.lead"),
            "Has all rights of Clerk, too.\nTrip | all | yes | all | –\nSees the pages “Today”.\nTrip: “Ask”, “Finish”\n"
            "Trip: When it comes to Asked\nTrip: “First answer” is nearly over\nTrip: “First answer” is over\n");
  EXPECT_EQ(part(book, "post-demo.idle"), "The definitions give this post nothing of its own.\n");
  EXPECT_EQ(part(book, "departments"), "North |  | Clerk\nNorthern team | North | \nPosts of no department: Administrator, Everyone, Idle, Lead\n");
}

TEST(Handbook, TellsApprovalsAndAssignments) {
  const auto catalog = fixture();
  const Entity& trip = *catalog->entity("demo.trip");
  auto& finish = const_cast<Transition&>(*trip.workflow->transition("finish"));
  ApprovalStep step;
  step.name = "boss";
  step.label.set("en", "Boss agrees");
  step.by = {"demo.lead", "demo.clerk"};
  step.all = true;
  step.remind_seconds = 7200;
  finish.approval = {step};
  auto assignment = std::make_unique<Assignment>();
  assignment->name = "demo.who";
  assignment->label.set("en", "Who goes");
  assignment->entity = &trip;
  assignment->roles = {"demo.clerk"};
  assignment->strategy = Assignment::Strategy::load;
  assignment->capacity = 5;
  catalog->assignments.push_back(std::move(assignment));
  const Handbook book = make_handbook(*catalog, "en");
  EXPECT_THAT(part(book, "record-demo.trip-steps"), HasSubstr("Approval 1 Boss agrees: one of each of Lead, Clerk (reminded after 2 h)"));
  EXPECT_EQ(part(book, "record-demo.trip-assignment"), "Who goes: sets Owner\nAmong Clerk\nWhoever has least to do\nAt most 5 at a time\n");
  EXPECT_THAT(part(book, "post-demo.clerk"), HasSubstr("Trip: “Finish” (Boss agrees)\n"));
  EXPECT_THAT(part(book, "post-demo.clerk"), HasSubstr("Trip: Who goes\n"));
}

TEST(Handbook, ShowsNothingOfWhatTheReaderMayNotSee) {
  const auto catalog = fixture();
  HandbookScope scope;
  scope.everything = false;
  scope.entity = [](const Entity& entity) { return entity.full_name == "demo.trip"; };
  scope.right = [](const Entity&, const Field& field) { return field.name == "seats" ? FieldRight::hidden : field.right; };
  const Handbook book = make_handbook(*catalog, "en", scope);
  EXPECT_FALSE(find(book.sections, "record-demo.part"));
  EXPECT_FALSE(find(book.sections, "record-core.user"));
  EXPECT_FALSE(find(book.sections, "post-demo.idle"));
  EXPECT_FALSE(find(book.sections, "settings"));
  std::string text = handbook_markdown(book) + handbook_html(book);
  for (const char* hidden : {"Seats", "seats", "Secret", "secret", "Too few", "Somebody must go", "Not that secret", "record-demo.part"}) EXPECT_THAT(text, Not(HasSubstr(hidden)));
  EXPECT_THAT(part(book, "record-demo.trip-steps"), HasSubstr("Condition: …"));
  EXPECT_THAT(part(book, "record-demo.trip-steps"), HasSubstr("Asked → Done | Lead |  | … / sets Mood"));
}

TEST(Handbook, IsWrittenInThreeLanguages) {
  std::set<std::string_view> names;
  const auto places = [](std::string_view text) {
    std::multiset<char> out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '{') continue;
      EXPECT_TRUE(i + 2 < text.size() && text[i + 2] == '}') << text;
      out.insert(text[i + 1]);
    }
    return out;
  };
  for (const PhraseTexts& phrase : handbook_phrases()) {
    EXPECT_TRUE(names.insert(phrase.name).second) << phrase.name;
    for (const std::string_view text : {phrase.en, phrase.zh_cn, phrase.zh_tw}) {
      EXPECT_FALSE(text.empty()) << phrase.name;
      EXPECT_EQ(places(text), places(phrase.en)) << phrase.name;
    }
  }
  const auto catalog = fixture();
  const Handbook chinese = make_handbook(*catalog, "zh-CN"), traditional = make_handbook(*catalog, "zh-TW");
  EXPECT_THAT(part(chinese, "record-demo.trip-steps"), HasSubstr("2 | 办结 | 已询 → 完成 | 组长 |  | 新建部分（所属旅程："));
  EXPECT_THAT(part(traditional, "record-demo.trip-states"), HasSubstr("計畫 | 進行中 需要有人處理。 / 起始狀態。"));
  EXPECT_THAT(part(chinese, "record-demo.trip-clocks"), HasSubstr("超时 1 小时 30 分钟 后：紧急通知组长：“迟”"));
  // What the definitions do not say in Chinese is marked.
  EXPECT_THAT(handbook_html(chinese), HasSubstr("<span class=\"foreign\" lang=\"en\"><strong>Reason</strong><sup>en</sup></span>"));
  EXPECT_THAT(handbook_markdown(chinese), HasSubstr("**Reason** \\[en\\]"));
  // The same parts in every language.
  const auto ids = [](const auto& self, const std::vector<HandbookSection>& sections) -> std::string {
    std::string out;
    for (const HandbookSection& one : sections) out += one.id + "\n" + self(self, one.sections);
    return out;
  };
  EXPECT_EQ(ids(ids, chinese.sections), ids(ids, make_handbook(*catalog, "en").sections));
  EXPECT_EQ(ids(ids, chinese.sections), ids(ids, traditional.sections));
}

TEST(Handbook, HasNoMarkupOfTheDefinitions) {
  const auto catalog = fixture();
  const Handbook book = make_handbook(*catalog, "en");
  const std::string html = handbook_html(book), markdown = handbook_markdown(book);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, HasSubstr("Bad &lt;script&gt;alert(1)&lt;/script&gt;"));
  EXPECT_THAT(markdown, Not(HasSubstr("<script")));
  EXPECT_THAT(markdown, HasSubstr("As \\| the customer \\*says\\* it"));
  // Whatever a link leads to is there, once.
  std::set<std::string> anchors;
  for (auto at = html.find(" id=\""); at != std::string::npos; at = html.find(" id=\"", at + 5)) {
    EXPECT_TRUE(anchors.insert(html.substr(at + 5, html.find('"', at + 5) - at - 5)).second);
  }
  std::size_t links = 0;
  for (auto at = html.find("href=\"#"); at != std::string::npos; at = html.find("href=\"#", at + 7), ++links) {
    const std::string to = html.substr(at + 7, html.find('"', at + 7) - at - 7);
    EXPECT_TRUE(anchors.contains(to)) << to;
  }
  EXPECT_GT(links, 20u);
}

TEST(Handbook, OfHostileTextsIsStillOnePage) {
  const std::string nasty = "]] `x` | \\\"><img src=x onerror=alert(1)> & {{a}} #1 \\n --> end";
  const LoadResult result = load({plugin("demo", "{kind: entity, name: thing, label: {en: '" + nasty + "'}, fields: {a: {type: text, label: {en: '" + nasty +
                                                     "'}}}, workflow: {initial: s, states: {s: {label: {en: '" + nasty + "'}}}, transitions: {t: {from: s, to: s, label: {en: '" +
                                                     nasty + "'}}}}}\n")});
  ASSERT_TRUE(result.catalog) << all(result);
  for (const char* locale : {"en", "zh-CN", "zh-TW"}) {
    const Handbook book = make_handbook(*result.catalog, locale);
    const std::string html = handbook_html(book), markdown = handbook_markdown(book);
    EXPECT_THAT(html, Not(HasSubstr("<img")));
    EXPECT_THAT(markdown, Not(HasSubstr("<img")));
    EXPECT_THAT(markdown, HasSubstr("s0([\"]] #96;x#96; | #92;#quot;#gt;#lt;img"));
    EXPECT_EQ(times(html, "<svg"), times(html, "</svg>"));
  }
}

TEST(Handbook, OfNothingSaysSo) {
  const auto catalog = fixture();
  HandbookScope scope;
  scope.everything = false;
  scope.entity = [](const Entity&) { return false; };
  scope.page = [](const Page&) { return false; };
  const LoadResult bare = load({});
  ASSERT_TRUE(bare.catalog) << all(bare);
  const Handbook book = make_handbook(*bare.catalog, "en", scope);
  ASSERT_EQ(book.sections.size(), 1u);
  EXPECT_THAT(said(book.sections[0]), HasSubstr("The definitions show you nothing yet."));
  EXPECT_THAT(handbook_html(book), HasSubstr("</html>"));
}

TEST(Handbook, GoldenPartOfTheMarkdown) {
  const auto catalog = fixture();
  const std::string markdown = handbook_markdown(make_handbook(*catalog, "en"));
  EXPECT_THAT(markdown, HasSubstr(R"md(#### Flow chart

```mermaid
flowchart LR
  s0(["Planned<br>open"]):::open
  s1["Asked<br>waiting"]:::waiting
  s2["Done<br>done"]:::done
  s3["Called off<br>cancelled"]:::cancelled
  s0 -->|"1 Ask"| s1
  s1 -->|"2 Finish"| s2
  s0 -.->|"3 Lapse"| s3
  s1 -.->|"3 Lapse"| s3
  classDef open fill:#e6f4ff,stroke:#1677ff
  classDef waiting fill:#fff7e6,stroke:#d46b08
  classDef done fill:#f6ffed,stroke:#389e0d
  classDef cancelled fill:#f5f5f5,stroke:#595959
```

The chart in words

- Begins as **Planned**
- 1\. Ask: from **Planned** to **Asked**
- 2\. Finish: from **Asked** to **Done**
- 3\. Lapse: from **Planned**, **Asked** to **Called off** (taken by itself as soon as the condition holds)
)md"));
}

// -- the chart

FlowChart chart_of(std::size_t states, const std::vector<std::pair<std::size_t, std::size_t>>& steps) {
  FlowChart chart;
  for (std::size_t i = 0; i < states; ++i) {
    FlowNode node;
    node.label = "State " + std::to_string(i);
    node.initial = i == 0;
    chart.nodes.push_back(node);
  }
  int number = 0;
  for (const auto& [from, to] : steps) {
    FlowEdge edge;
    edge.number = ++number;
    edge.from = from;
    edge.to = to;
    edge.label = "Step";
    chart.edges.push_back(edge);
  }
  lay_out(chart);
  return chart;
}

/// Lines are horizontal and vertical, begin and end at their states, and cross none.
void check(const FlowChart& chart) {
  for (const FlowNode& node : chart.nodes) {
    EXPECT_GE(node.x, 0);
    EXPECT_GE(node.y, 0);
    EXPECT_LE(node.x + node.width, chart.width);
    EXPECT_LE(node.y + node.height, chart.height);
    for (const FlowNode& other : chart.nodes) {
      if (&other == &node) continue;
      EXPECT_TRUE(node.x + node.width <= other.x || other.x + other.width <= node.x || node.y + node.height <= other.y || other.y + other.height <= node.y) << node.label << other.label;
    }
  }
  for (const FlowEdge& edge : chart.edges) {
    ASSERT_GE(edge.points.size(), 2u);
    const FlowNode &from = chart.nodes[edge.from], &to = chart.nodes[edge.to];
    const auto begin = edge.points.front(), end = edge.points.back();
    EXPECT_EQ(begin.first, from.x + from.width);
    EXPECT_TRUE(begin.second > from.y && begin.second < from.y + from.height) << edge.number;
    EXPECT_TRUE(end.first == to.x || end.first == to.x + to.width);
    EXPECT_TRUE(end.second > to.y && end.second < to.y + to.height) << edge.number;
    for (std::size_t i = 1; i < edge.points.size(); ++i) {
      const auto a = edge.points[i - 1], b = edge.points[i];
      EXPECT_TRUE(a.first == b.first || a.second == b.second) << edge.number;
      for (const FlowNode& node : chart.nodes) {
        const bool through = std::max(a.first, b.first) > node.x && std::min(a.first, b.first) < node.x + node.width && std::max(a.second, b.second) > node.y &&
                             std::min(a.second, b.second) < node.y + node.height;
        EXPECT_FALSE(through) << "step " << edge.number << " passes " << node.label;
      }
    }
  }
}

TEST(FlowChart, LinesPassNoState) {
  check(chart_of(1, {}));
  check(chart_of(1, {{0, 0}, {0, 0}}));
  check(chart_of(3, {{0, 1}, {1, 2}, {0, 2}, {2, 0}, {1, 1}}));
  check(chart_of(7, {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {0, 5}, {1, 5}, {0, 6}, {1, 6}, {2, 6}, {3, 6}, {6, 1}, {4, 0}}));
  check(chart_of(4, {{0, 1}, {2, 3}, {3, 2}}));  // two of them are never reached
  std::vector<std::pair<std::size_t, std::size_t>> all;
  for (std::size_t i = 0; i < 8; ++i) {
    for (std::size_t j = 0; j < 8; ++j) all.emplace_back(i, j);
  }
  check(chart_of(8, all));
  unsigned state = 7;
  for (int round = 0; round < 200; ++round) {
    const auto next = [&](unsigned most) { return (state = state * 1664525u + 1013904223u) / 65536u % most; };
    const std::size_t states = 1 + next(12);
    std::vector<std::pair<std::size_t, std::size_t>> steps;
    for (unsigned i = next(25); i > 0; --i) steps.emplace_back(next(static_cast<unsigned>(states)), next(static_cast<unsigned>(states)));
    check(chart_of(states, steps));
  }
}

TEST(FlowChart, OfTooManyStatesIsNone) {
  std::vector<std::pair<std::size_t, std::size_t>> steps;
  for (std::size_t i = 0; i + 1 < 2000; ++i) steps.emplace_back(i, i + 1);
  EXPECT_EQ(chart_of(2000, steps).width, 0);
  EXPECT_EQ(chart_of(0, {{0, 1}}).width, 0);
}

TEST(FlowChart, BreaksLabels) {
  EXPECT_THAT(broken("Confirm the needs", 10, 80, 2), ElementsAre("Confirm the", "needs"));
  EXPECT_THAT(broken("确认客户需求", 10, 40, 2), ElementsAre("确认客户", "需求"));
  EXPECT_THAT(broken("确认客户需求并且再次确认", 10, 40, 2), ElementsAre("确认客户", "需求并…"));
  EXPECT_THAT(broken("", 10, 40, 2), ElementsAre(""));
  EXPECT_EQ(broken(std::string(20000, 'x'), 10, 40, 3).size(), 1u);
  EXPECT_EQ(broken("\xE4\xBD", 10, 40, 2).size(), 1u);  // no whole character
}

}  // namespace
}  // namespace caravan::model
