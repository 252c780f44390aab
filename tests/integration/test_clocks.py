"""Clocks over HTTP and by the durable queue: warnings and breaches in their time, explanations, changed definitions, killed servers."""

import datetime

from caravan import ServerCase, wait_until

DEFINITIONS = """\
kind: choices
name: help.priority
label: {en: Priority, zh-CN: 优先级, zh-TW: 優先順序}
options:
  high: {label: {en: High, zh-CN: 高, zh-TW: 高}}
  normal: {label: {en: Normal, zh-CN: 普通, zh-TW: 普通}}
---
kind: entity
name: help.ticket
label: {en: Ticket, zh-CN: 工单, zh-TW: 工單}
fields:
  title: {type: text, max: 40, label: {en: Title, zh-CN: 标题, zh-TW: 標題}}
  priority: {type: choice, choices: priority, default: normal, label: {en: Priority, zh-CN: 优先级, zh-TW: 優先順序}}
  warned: {type: int, default: 0, label: {en: Warned, zh-CN: 提醒, zh-TW: 提醒}}
  late: {type: int, default: 0, label: {en: Late, zh-CN: 超时, zh-TW: 逾時}}
workflow:
  initial: fresh
  states:
    fresh: {label: {en: New, zh-CN: 新建, zh-TW: 新建}, clock: help.quick}
    waiting: {label: {en: Waiting, zh-CN: 等待, zh-TW: 等待}, category: waiting, clock: [help.quick]}
    closed: {label: {en: Closed, zh-CN: 关闭, zh-TW: 關閉}, category: done}
  transitions:
    wait: {label: {en: Wait, zh-CN: 等待, zh-TW: 等待}, from: fresh, to: waiting}
    resume: {label: {en: Resume, zh-CN: 继续, zh-TW: 繼續}, from: waiting, to: fresh}
    close: {label: {en: Close, zh-CN: 关闭, zh-TW: 關閉}, from: [fresh, waiting], to: closed}
    reopen: {label: {en: Reopen, zh-CN: 重开, zh-TW: 重開}, from: closed, to: fresh}
---
kind: calendar
name: help.office
label: {en: Office, zh-CN: 办公室, zh-TW: 辦公室}
time_zone: Asia/Shanghai
hours: {daily: ["09:00-12:00", "13:30-18:00"]}
---
kind: clock
name: help.quick
label: {en: Quick, zh-CN: 快速, zh-TW: 快速}
entity: ticket
calendar: always
pause: "record.state == 'waiting'"
within: "record.priority == 'high' ? duration('1s') : duration('3s')"
warn:
  soon: {before: 2s, do: {count: {set: {warned: "record.warned + 1"}}}}
breach:
  late: {do: {count: {set: {late: "record.late + 1"}}}}
---
kind: clock
name: help.answer
label: {en: Answer, zh-CN: 答复, zh-TW: 答覆}
entity: ticket
calendar: office
start: "record.title != null"
stop: "record.state == 'closed'"
within: %s
---
kind: role
name: help.agent
label: {en: Agent, zh-CN: 坐席, zh-TW: 坐席}
grants: {ticket: {read: "record.owner == user.id", create: true, update: true}}
"""


class Clocks(ServerCase):
    @classmethod
    def configure(cls):
        (cls.server.config / "help.yaml").write_text(DEFINITIONS % "10h", encoding="utf-8")

    @classmethod
    def prepare(cls):
        cls.server.add_user("an", "An", "help.agent")
        cls.server.add_user("bo", "Bo", "help.agent")

    def setUp(self):
        self.admin = self.server.client("admin")

    def clocks(self, record, client=None, **headers):
        answer = self.ok((client or self.admin).get(f"/records/help.ticket/{record['id']}/clocks", **headers))
        return {one["name"]: one for one in answer.json["items"]}

    def now(self, record):
        return self.admin.get(f"/records/help.ticket/{record['id']}").json

    def step(self, record, name):
        self.ok(self.admin.post(f"/records/help.ticket/{record['id']}/transitions/{name}", {}))

    def test_warning_and_breach_come_by_themselves_and_once(self):
        record = self.create(self.admin, "help.ticket", title="A")
        wait_until(lambda: self.now(record)["late"] == 1, 20, "the breach")
        self.assertEqual(self.now(record)["warned"], 1)
        clock = self.clocks(record)["help.quick"]
        self.assertEqual((clock["state"], clock["due_at"], clock["limit_seconds"]), ("running", clock["breached_at"], 3))
        self.assertLess(clock["remaining_seconds"], 1)
        started, due = (datetime.datetime.fromisoformat(clock[at].replace("Z", "+00:00")) for at in ("started_at", "due_at"))
        self.assertEqual(due - started, datetime.timedelta(seconds=3))
        events = self.admin.get(f"/records/help.ticket/{record['id']}/timeline").json["items"]
        self.assertEqual([one["source"] for one in events[:2]], ["clock help.quick.late", "clock help.quick.soon"])
        self.step(record, "close")
        self.assertEqual(self.clocks(record)["help.quick"]["state"], "met")
        self.step(record, "reopen")
        self.assertEqual(self.clocks(record)["help.quick"]["run"], 2)

    def test_a_paused_clock_does_not_breach(self):
        record = self.create(self.admin, "help.ticket", title="A")
        self.step(record, "wait")
        other = self.create(self.admin, "help.ticket", title="B")
        wait_until(lambda: self.now(other)["late"] == 1, 20, "the breach of another")
        self.assertEqual((self.now(record)["late"], self.now(record)["warned"]), (0, 0))
        clock = self.clocks(record)["help.quick"]
        self.assertEqual((clock["state"], clock["due_at"]), ("paused", None))
        self.step(record, "resume")
        wait_until(lambda: self.now(record)["late"] == 1, 20, "the breach after the pause")

    def test_a_shorter_limit_plans_anew(self):
        record = self.create(self.admin, "help.ticket", title="A")
        self.ok(self.admin.patch(f"/records/help.ticket/{record['id']}", {"priority": "high"}, If_Match="*"))
        self.assertEqual(self.clocks(record)["help.quick"]["limit_seconds"], 1)
        wait_until(lambda: self.now(record)["late"] == 1, 20, "the breach")

    def test_explanation_in_three_languages_for_whoever_may_read(self):
        an, bo = self.server.client("an"), self.server.client("bo")
        me = an.get("/me").json["id"]
        record = self.create(an, "help.ticket", title="A", owner=me)
        for language, word in (("en", "Time limit 10 h, by Office."), ("zh-CN", "时限 10 小时，按办公室计算。"), ("zh-TW", "時限 10 小時，按辦公室計算。")):
            clock = self.clocks(record, an, Accept_Language=language)["help.answer"]
            texts = [line["text"] for line in clock["lines"]]
            self.assertIn(word, texts)
            self.assertEqual({"started", "limit", "worked", "due", "result"} - {line["kind"] for line in clock["lines"]}, set())
            self.assertEqual(sum(line["seconds"] for line in clock["lines"]), 36000)
        self.problem(bo.get(f"/records/help.ticket/{record['id']}/clocks"), 404, "not_found")
        model = self.ok(an.get("/model")).json
        self.assertEqual([one["name"] for one in model["entities"]["help.ticket"]["clocks"]], ["help.answer", "help.quick"])

    def test_changed_definitions_plan_running_clocks_anew(self):
        record = self.create(self.admin, "help.ticket", title="A")
        before = self.clocks(record)["help.answer"]
        file = self.server.config / "help.yaml"
        try:
            file.write_text(DEFINITIONS % "20h", encoding="utf-8")
            self.ok(self.admin.post("/admin/reload", {}))
            wait_until(lambda: self.clocks(record)["help.answer"]["limit_seconds"] == 72000, 20, "the new limit")
            self.assertGreater(self.clocks(record)["help.answer"]["due_at"], before["due_at"])
            self.assertEqual(self.clocks(record)["help.answer"]["started_at"], before["started_at"])
        finally:
            file.write_text(DEFINITIONS % "10h", encoding="utf-8")
            self.ok(self.admin.post("/admin/reload", {}))

    def test_a_breach_while_the_server_was_away_is_made_up_once(self):
        record = self.create(self.admin, "help.ticket", title="A")
        self.server.kill()
        self.server.start()
        self.admin = self.server.client("admin", fresh=True)
        wait_until(lambda: self.now(record)["late"] == 1, 30, "the breach")
        self.assertEqual((self.now(record)["late"], self.now(record)["warned"]), (1, 1))

    def test_the_command_explains_a_due_time(self):
        done = self.server.cli("clock", "due", "--calendar", "help.office", "--from", "2026-10-09T17:00:00+08:00", "--within", "3h30m", "--config", self.server.config, store=False)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("Due 2026-10-10 11:30.", done.stdout)
        refused = self.server.cli("clock", "due", "--calendar", "help.ofice", "--within", "3h", "--config", self.server.config, store=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("help.office", refused.stderr)
