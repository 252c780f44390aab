"""Rules of assignment over HTTP: who gets a record, queues from which many take at once, absences, explanations, new rules."""

import datetime
import threading

from caravan import ServerCase, wait_until

DEFINITIONS = """\
kind: entity
name: help.ticket
label: {en: Ticket, zh-CN: 工单, zh-TW: 工單}
number: "T-{seq:5}"
fields:
  title: {type: text, max: 40, label: {en: Title, zh-CN: 标题, zh-TW: 標題}}
  language: {type: choice, choices: core.language, label: {en: Language, zh-CN: 语言, zh-TW: 語言}}
  pooled: {type: bool, default: false, label: {en: Pooled, zh-CN: 公共, zh-TW: 公共}}
  rank: {type: int, default: 0, label: {en: Rank, zh-CN: 次序, zh-TW: 次序}}
workflow:
  initial: fresh
  states:
    fresh: {label: {en: New, zh-CN: 新建, zh-TW: 新建}}
    closed: {label: {en: Closed, zh-CN: 关闭, zh-TW: 關閉}, category: done}
  transitions:
    close: {label: {en: Close, zh-CN: 关闭, zh-TW: 關閉}, from: fresh, to: closed}
---
kind: assignment
name: help.by_language
label: {en: By language, zh-CN: 按语言, zh-TW: 依語言}
entity: ticket
when: "record.language != null && !record.pooled"
roles: [agent]
candidate: "record.language in candidate.languages"
capacity: %d
notify: true
reassign: true
---
kind: assignment
name: help.pool
label: {en: Pool, zh-CN: 公共池, zh-TW: 公共池}
entity: ticket
when: "record.pooled"
roles: [agent]
priority: "record.rank"
strategy: queue
---
kind: role
name: help.agent
label: {en: Agent, zh-CN: 坐席, zh-TW: 坐席}
grants: {ticket: {read: "record.owner == user.id || record.owner == null", create: true, update: true}}
---
kind: role
name: help.guest
label: {en: Guest, zh-CN: 访客, zh-TW: 訪客}
grants: {ticket: {read: true, create: true}}
"""


class Assignment(ServerCase):
    @classmethod
    def configure(cls):
        (cls.server.config / "help.yaml").write_text(DEFINITIONS % 3, encoding="utf-8")

    @classmethod
    def prepare(cls):
        for name, role in (("an", "help.agent"), ("bo", "help.agent"), ("cy", "help.agent"), ("gus", "help.guest")):
            cls.server.add_user(name, name.title(), role)
        admin = cls.server.client("admin")
        cls.ids = {user["username"]: user["id"] for user in admin.get("/records/core.user?limit=50").json["items"]}
        for name, languages in (("an", ["ja"]), ("bo", ["ja", "ko"]), ("cy", ["fr"])):
            answer = admin.patch(f"/records/core.user/{cls.ids[name]}", {"languages": languages}, If_Match="*")
            assert answer.status == 200, answer

    def setUp(self):
        self.admin = self.server.client("admin")

    def owner(self, record):
        return self.admin.get(f"/records/help.ticket/{record['id']}").json["owner"]

    def close(self, record):
        self.ok(self.admin.post(f"/records/help.ticket/{record['id']}/transitions/close", {}))

    def decisions(self, record, client=None):
        return self.ok((client or self.admin).get(f"/records/help.ticket/{record['id']}/assignments")).json["items"]

    def test_the_owner_is_there_with_the_answer_and_explained(self):
        an, gus = self.server.client("an"), self.server.client("gus")
        first = self.create(gus, "help.ticket", title="A", language="ja")
        second = self.create(gus, "help.ticket", title="B", language="ja")
        self.assertEqual({self.owner(first), self.owner(second)}, {self.ids["an"], self.ids["bo"]})
        decision = self.decisions(second)[0]
        self.assertEqual((decision["outcome"], decision["rule"]), ("assigned", "help.by_language"))
        fits = {one["user"]["name"]: one["fit"] for one in decision["candidates"]}
        self.assertEqual(fits["Cy"], "unsuitable")
        self.assertEqual(sorted(fits[name] for name in ("An", "Bo")), ["chosen", "turn"])
        self.assertEqual(decision["hidden"], 0)
        # Who may not see users is told how many there are.
        hidden = self.decisions(second, gus)[0]
        self.assertEqual((hidden["candidates"], hidden["hidden"], hidden["user"]), ([], 3, None))
        mine = next(one for one in (first, second) if self.owner(one) == self.ids["bo"])
        self.problem(an.get(f"/records/help.ticket/{mine['id']}/assignments"), 404, "not_found")
        notices = an.get("/records/core.notice").json["items"]
        self.assertTrue(any("T-" in notice["text"] for notice in notices), notices)
        for record in (first, second):
            self.close(record)

    def test_a_queue_gives_each_record_to_one_caller(self):
        records = [self.create(self.admin, "help.ticket", title=str(i), pooled=True, rank=i % 2) for i in range(12)]
        an = self.server.client("an")
        queues = self.ok(an.get("/queues")).json
        self.assertTrue(queues["available"])
        self.assertEqual([(one["name"], one["waiting"]) for one in queues["items"]], [("help.pool", 12)])
        self.assertEqual(self.ok(an.post("/queues/help.pool/next")).json["id"], records[1]["id"])
        self.problem(self.server.client("gus").post("/queues/help.pool/next"), 403, "forbidden")
        self.problem(an.post("/queues/help.nothing/next"), 404, "not_found")
        taken, wrong, lock = [], [], threading.Lock()

        def take(name):
            client = self.server.client(name, fresh=True)
            for _ in range(5):
                answer = client.post("/queues/help.pool/next")
                with lock:
                    if answer.status == 200:
                        taken.append((answer.json["id"], answer.json["owner"], self.ids[name]))
                    elif answer.status != 404:
                        wrong.append(answer)

        threads = [threading.Thread(target=take, args=(name,)) for name in ("an", "bo", "cy")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.assertEqual(sorted(one[0] for one in taken), sorted(one["id"] for one in records if one != records[1]))
        self.assertTrue(all(owner == caller for _, owner, caller in taken))
        self.assertEqual(self.decisions(records[0])[0]["outcome"], "taken")
        for record in records:
            self.close(record)

    def test_presence_absence_and_the_way_back(self):
        bo = self.server.client("bo")
        record = self.create(self.admin, "help.ticket", title="K", language="ko")
        self.assertEqual(self.owner(record), self.ids["bo"])
        self.problem(bo.patch("/me", {"available": "no"}), 422, "invalid_record")
        self.ok(bo.patch("/me", {"available": False}))
        wait_until(lambda: self.owner(record) is None, 20, "the record to be taken back")
        timeline = self.ok(self.admin.get(f"/records/help.ticket/{record['id']}/timeline")).json["items"]
        told = next(one for one in timeline if one["action"] == "reassign")
        self.assertIn("Bo", told["note"])
        self.assertFalse(self.ok(bo.get("/queues")).json["available"])
        self.ok(bo.patch("/me", {"available": True}))
        wait_until(lambda: self.owner(record) == self.ids["bo"], 20, "the record to be assigned again")
        now = datetime.datetime.now(datetime.timezone.utc)
        absence = self.ok(bo.post("/records/core.absence", {"from": (now - datetime.timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                                                            "to": (now + datetime.timedelta(seconds=6)).strftime("%Y-%m-%dT%H:%M:%SZ"), "note": "dentist"}), 201).json
        self.assertEqual(absence["user"], self.ids["bo"])
        wait_until(lambda: self.owner(record) is None, 20, "the absence to count")
        wait_until(lambda: self.owner(record) == self.ids["bo"], 40, "the absence to end")
        # Nobody sends a colleague away.
        self.problem(self.server.client("an").post("/records/core.absence", {"user": self.ids["bo"]}), 422, "invalid_record")
        self.close(record)

    def test_a_capacity_that_grows_lets_those_in_who_wait(self):
        records = [self.create(self.admin, "help.ticket", title=str(i), language="fr") for i in range(5)]
        self.assertEqual([self.owner(one) == self.ids["cy"] for one in records], [True, True, True, False, False])
        self.close(records[0])
        wait_until(lambda: self.owner(records[3]) == self.ids["cy"], 20, "the oldest")
        self.assertIsNone(self.owner(records[4]))
        file = self.server.config / "help.yaml"
        try:
            file.write_text(DEFINITIONS % 4, encoding="utf-8")
            self.ok(self.admin.post("/admin/reload", {}))
            wait_until(lambda: self.owner(records[4]) == self.ids["cy"], 60, "the new capacity")
        finally:
            file.write_text(DEFINITIONS % 3, encoding="utf-8")
            self.ok(self.admin.post("/admin/reload", {}))
        model = self.ok(self.admin.get("/model")).json["entities"]["help.ticket"]
        self.assertEqual([(one["name"], one["strategy"]) for one in model["assignments"]], [("help.by_language", "round_robin"), ("help.pool", "queue")])
        for record in records[1:]:
            self.close(record)
