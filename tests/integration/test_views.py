"""Boards, calendars, timelines and pages over HTTP: what the model tells whom, what a view lists, and what charts ask for."""

from caravan import ServerCase, query

DEFINITIONS = """\
kind: choices
name: shop.mood
label: {en: Mood, zh-CN: 心情, zh-TW: 心情}
options:
  good: {label: {en: Good, zh-CN: 好, zh-TW: 好}, color: green}
  bad: {label: {en: Bad, zh-CN: 坏, zh-TW: 壞}, color: red}
---
kind: entity
name: shop.visit
label: {en: Visit, zh-CN: 到访, zh-TW: 到訪}
fields:
  name: {type: text, max: 40, label: {en: Name, zh-CN: 名称, zh-TW: 名稱}}
  mood: {type: choice, choices: mood, label: {en: Mood, zh-CN: 心情, zh-TW: 心情}}
  secret: {type: text, max: 20, right: hidden, label: {en: Secret, zh-CN: 秘密, zh-TW: 秘密}}
  seats: {type: int, label: {en: Seats, zh-CN: 座位, zh-TW: 座位}}
  spent: {type: money, label: {en: Spent, zh-CN: 消费, zh-TW: 消費}}
  start_on: {type: date, label: {en: Start, zh-CN: 开始, zh-TW: 開始}}
  end_on: {type: date, label: {en: End, zh-CN: 结束, zh-TW: 結束}}
  call_at: {type: instant, label: {en: Call, zh-CN: 致电, zh-TW: 致電}}
workflow:
  initial: fresh
  states:
    fresh: {label: {en: New, zh-CN: 新建, zh-TW: 新建}}
    done: {label: {en: Done, zh-CN: 完成, zh-TW: 完成}, category: done}
  transitions:
    finish: {label: {en: Finish, zh-CN: 完成, zh-TW: 完成}, from: fresh, to: done}
---
{kind: view, name: shop.board, type: board, entity: visit, label: {en: Board, zh-CN: 看板, zh-TW: 看板}, columns: [name], filter: "record.seats != 7"}
---
{kind: view, name: shop.moods, type: board, entity: visit, group: mood, label: {en: Moods, zh-CN: 心情, zh-TW: 心情}}
---
{kind: view, name: shop.days, type: calendar, entity: visit, start: start_on, end: end_on, label: {en: Days, zh-CN: 日历, zh-TW: 日曆}}
---
{kind: view, name: shop.calls, type: timeline, entity: visit, start: created_at, end: call_at, group: owner, label: {en: Calls, zh-CN: 致电, zh-TW: 致電}}
---
{kind: view, name: shop.secrets, entity: visit, columns: [name], filter: "record.secret != ''", label: {en: Secrets, zh-CN: 秘密, zh-TW: 秘密}}
---
kind: page
name: shop.today
label: {en: Today, zh-CN: 今日, zh-TW: 今日}
roles: [clerk]
blocks:
  text: {type: markdown, text: {en: Hello, zh-CN: 你好, zh-TW: 你好}}
  board: {type: view, view: board}
  secrets: {type: view, view: secrets}
  fresh: {type: form, form: visit_form}
  months: {type: chart, chart: line, entity: visit, group: "start_on:month", measure: "sum:seats"}
  spent: {type: chart, entity: visit, group: state, measure: "sum:spent", filter: "record.mood != 'bad'"}
  hidden: {type: chart, entity: visit, group: secret}
---
kind: role
name: shop.clerk
label: {en: Clerk, zh-CN: 文员, zh-TW: 文員}
grants: {shop.visit: {read: true, update: true}}
---
kind: role
name: shop.other
label: {en: Other, zh-CN: 他人, zh-TW: 他人}
grants: {shop.visit: {read: "record.seats > 2"}}
"""


class Views(ServerCase):
    @classmethod
    def configure(cls):
        (cls.server.config / "views.yaml").write_text(DEFINITIONS)

    @classmethod
    def prepare(cls):
        cls.admin = cls.server.client("admin")
        cls.server.add_user("clerk", "Clerk", "shop.clerk")
        cls.server.add_user("other", "Other", "shop.other")
        cls.clerk, cls.other = cls.server.client("clerk"), cls.server.client("other")
        for name, seats, mood, start, end, call in [
                ("a", 1, "good", "2026-10-30", "2026-11-01", None), ("b", 2, "bad", "2026-11-30", None, "2026-11-30T15:59:59Z"),
                ("c", 7, "good", "2026-12-01", "2026-12-02", "2026-11-30T16:00:00Z"), ("d", 9, None, "2026-10-01", "2026-10-31", None),
                ("e", 4, "good", None, None, None)]:
            answer = cls.admin.post("/records/shop.visit", {"name": name, "seats": seats, "mood": mood, "start_on": start, "end_on": end,
                                                            "call_at": call, "spent": "10.00"})
            assert answer.status == 201, answer

    def names(self, client, **parameters):
        items = self.ok(client.get("/records/shop.visit" + query(**parameters))).json["items"]
        return "".join(item["name"] for item in items)

    def test_the_model_has_what_the_viewer_can_use(self):
        def views(client):
            entity = self.ok(client.get("/model")).json["entities"]["shop.visit"]
            return [f"{view['name'][5:]}:{view['type']}:{view['group']}:{view['start']}:{view['end']}" for view in entity["views"]]
        everything = ["secrets:list:None:None:None", "board:board:state:None:None", "calls:timeline:owner:created_at:call_at",
                      "days:calendar:None:start_on:end_on", "moods:board:mood:None:None"]
        self.assertEqual(sorted(views(self.admin)), sorted(everything))
        self.assertEqual(sorted(views(self.clerk)), sorted(["visit_list:list:None:None:None", *everything[1:]]))

    def test_a_page_is_for_its_roles_and_without_what_they_may_not_see(self):
        pages = [self.ok(client.get("/model?locale=en")).json["pages"] for client in (self.admin, self.clerk, self.other)]
        blocks = [[block["name"] for block in page.get("shop.today", {"blocks": []})["blocks"]] for page in pages]
        self.assertEqual(blocks, [["text", "board", "secrets", "fresh", "months", "spent", "hidden"], ["text", "board", "months", "spent"], []])
        module = next(module for module in self.ok(self.clerk.get("/model")).json["modules"] if module["name"] == "shop")
        self.assertEqual(module["pages"], ["shop.today"])

    def test_every_chart_of_the_page_is_answered(self):
        page = self.ok(self.clerk.get("/model?locale=en")).json["pages"]["shop.today"]
        sums = {}
        for block in page["blocks"]:
            if block["type"] == "chart":
                asked = {key: block[key] for key in ("group", "measure", "filter") if block[key]}
                items = self.ok(self.clerk.get(f"/records/{block['entity']}/aggregate" + query(**asked))).json["items"]
                sums[block["name"]] = {next(iter(item["group"].values())): item[block["measure"]] for item in items}
        self.assertEqual(sums["months"], {None: 4, "2026-10-01": 10, "2026-11-01": 2, "2026-12-01": 7})
        self.assertEqual(sums["spent"], {"fresh": [{"currency": "CNY", "amount": "40.00"}]})

    def test_a_view_lists_its_records(self):
        self.assertEqual(self.names(self.clerk, view="shop.board", sort="name"), "abde")
        self.assertEqual(self.names(self.clerk, view="shop.board", sort="name", filter="record.seats > 3 || true"), "abde")
        self.assertEqual(self.names(self.clerk, view="shop.board", sort="name", filter='record.state == "fresh" && record.seats > 3'), "de")
        self.assertEqual(self.names(self.other, view="shop.board", sort="name"), "de")
        self.problem(self.clerk.get("/records/shop.visit" + query(view="shop.board", filter="true) || (true")), 400, "invalid_argument")
        self.problem(self.clerk.get("/records/shop.visit?view=shop.secrets"), 400, "invalid_argument")
        self.problem(self.clerk.get("/records/shop.visit?view=no.such"), 400, "invalid_argument")
        count = self.ok(self.clerk.get("/records/shop.visit/aggregate?view=shop.board&group=mood")).json["items"]
        self.assertEqual({item["group"]["mood"]: item["count"] for item in count}, {None: 1, "bad": 1, "good": 2})

    def test_a_calendar_s_conditions_are_the_database_s(self):
        """As core/console/src/views/days.ts writes them."""
        november = 'record.start_on < date("2026-12-01") && (record.start_on >= date("2026-11-01") || record.end_on >= date("2026-11-01"))'
        self.assertEqual(self.names(self.clerk, view="shop.days", sort="name", filter=november), "ab")
        shanghai = 'record.call_at < timestamp("2026-11-30T16:00:00Z") && record.call_at >= timestamp("2026-10-31T16:00:00Z")'
        self.assertEqual(self.names(self.clerk, sort="name", filter=shanghai), "b")
        self.assertEqual(self.names(self.clerk, sort="name", filter="record.mood == null"), "d")
