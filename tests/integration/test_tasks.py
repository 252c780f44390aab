"""Tasks of a state through the public door: who sees and does them, what waits for them, and the step that the last one takes. And messages
to plain addresses, in the language that the record names."""

import threading

from caravan import ServerCase

DEFINITIONS = """\
kind: entity
name: tour.booking
label: {en: Booking, zh-CN: 预订}
number: "B-{seq:4}"
fields:
  name: {type: text, max: 80, label: {en: Name, zh-CN: 名称}}
  boss: {type: ref, to: core.user, label: {en: Boss, zh-CN: 负责人}}
  language: {type: text, max: 20, label: {en: Language, zh-CN: 语言}}
workflow:
  initial: fresh
  states:
    fresh: {label: {en: Fresh, zh-CN: 新建}}
    booked:
      label: {en: Booked, zh-CN: 已订}
      category: waiting
      tasks:
        visa:  {label: {en: Visa, zh-CN: 签证}, by: tour.clerk, within: 8h}
        hotel: {label: {en: Hotel, zh-CN: 酒店}, by_user: record.boss}
        gift:  {label: {en: Gift, zh-CN: 礼品}, by: tour.clerk, required: false}
    ready: {label: {en: Ready, zh-CN: 就绪}, category: done}
    lost: {label: {en: Lost, zh-CN: 流失}, category: cancelled}
  transitions:
    book: {label: {en: Book, zh-CN: 预订}, from: fresh, to: booked}
    go: {label: {en: Go, zh-CN: 出发}, from: booked, to: ready, automatic: true, wait_for: tasks}
    hurry: {label: {en: Hurry, zh-CN: 催办}, from: booked, to: ready, wait_for: tasks}
    lose:
      label: {en: Lose, zh-CN: 流失}
      from: [fresh, booked]
      to: lost
      do: {mail: {send: sorry, to: "record.name + '@example.com'", language: record.language}}
---
kind: message
name: tour.sorry
label: {en: Sorry, zh-CN: 抱歉}
entity: tour.booking
subject: {en: "Sorry about {{record.number}}", zh-CN: "{{record.number}} 未能成行", zh-TW: "{{record.number}} 未能成行（繁）"}
body: {en: Sorry, zh-CN: 抱歉, zh-TW: 抱歉（繁）}
---
kind: role
name: tour.clerk
label: {en: Clerk, zh-CN: 文员}
grants: {tour.booking: {read: true, create: true, update: true, delete: true}, core.message: {read: true}, core.user: {read: true}}
---
kind: role
name: tour.guest
label: {en: Guest, zh-CN: 访客}
grants: {tour.booking: {read: true}}
"""


class Tasks(ServerCase):
    @classmethod
    def configure(cls):
        (cls.server.config / "tasks.yaml").write_text(DEFINITIONS)

    @classmethod
    def prepare(cls):
        for name, role in (("clerk", "tour.clerk"), ("mate", "tour.clerk"), ("guest", "tour.guest"), ("boss", "tour.guest")):
            cls.server.add_user("tasks." + name, name.title(), role)

    def setUp(self):
        self.admin = self.server.client("admin")
        self.clerk, self.mate, self.guest, self.boss = (self.server.client("tasks." + name) for name in ("clerk", "mate", "guest", "boss"))
        self.boss_id = self.ok(self.boss.get("/me")).json["id"]

    def booked(self, **fields):
        made = self.create(self.clerk, "tour.booking", name="trip", boss=self.boss_id, **fields)
        self.ok(self.clerk.post(f"/records/tour.booking/{made['id']}/transitions/book", {}))
        return made["id"]

    def tasks(self, booking, client=None, **headers):
        return self.ok((client or self.clerk).get(f"/records/tour.booking/{booking}/tasks", Accept_Language="en", **headers)).json["items"]

    def open_tasks(self, booking):
        return {task["title"]: task["id"] for task in self.tasks(booking) if task["state"] == "open"}

    def finish(self, client, task, **input):
        return client.post(f"/records/core.task/{task}/transitions/finish", {"input": input})

    def state(self, booking):
        return self.ok(self.admin.get(f"/records/tour.booking/{booking}")).json["state"]

    def test_all_must_end_before_it_goes_on(self):
        booking = self.booked()
        tasks = self.tasks(booking)
        self.assertEqual([(task["title"], task["required"], task["may_finish"]) for task in tasks], [("Visa", True, True), ("Hotel", True, False), ("Gift", False, True)])
        self.assertEqual(tasks[0]["role"], {"name": "tour.clerk", "label": "Clerk"})
        self.assertEqual(tasks[1]["assignee"]["name"], "Boss")
        self.assertIsNotNone(tasks[0]["due_at"])
        steps = self.ok(self.clerk.get(f"/records/tour.booking/{booking}/transitions", Accept_Language="en")).json["items"]
        hurry = next(step for step in steps if step["name"] == "hurry")
        self.assertEqual((hurry["allowed"], hurry["why"]), (False, '"Hurry" waits until these tasks have ended: Visa, Hotel.'))
        refused = self.clerk.post(f"/records/tour.booking/{booking}/transitions/hurry", {})
        self.problem(refused, 409, "conflict")
        self.problem(self.finish(self.clerk, tasks[1]["id"]), 404, "not_found")  # it is the boss's
        self.problem(self.finish(self.guest, tasks[0]["id"]), 404, "not_found")
        done = self.ok(self.finish(self.mate, tasks[0]["id"], note="Stamped")).json
        self.assertEqual((done["state"], done["note"]), ("done", "Stamped"))
        self.problem(self.finish(self.clerk, tasks[0]["id"]), 403, "forbidden")  # it has ended
        self.assertEqual(self.state(booking), "booked")
        self.ok(self.finish(self.boss, tasks[1]["id"]))
        self.assertEqual(self.state(booking), "ready")
        self.assertEqual({task["title"]: task["state"] for task in self.tasks(booking)}, {"Visa": "done", "Hotel": "done", "Gift": "cancelled"})
        history = self.ok(self.admin.get(f"/records/tour.booking/{booking}/timeline")).json["items"]
        self.assertTrue(history[0]["action"].startswith("transition:go"), history[0])

    def test_nobody_makes_or_changes_tasks_for_others(self):
        booking = self.booked()
        task = self.open_tasks(booking)["Visa"]
        self.problem(self.clerk.post("/records/core.task", {"title": "Do it"}), 403, "forbidden")
        self.problem(self.clerk.patch(f"/records/core.task/{task}", {"required": False}, **{"If-Match": "*"}), 422, "invalid_record")
        self.problem(self.clerk.post(f"/records/core.task/{task}/transitions/cancel", {}), 403, "forbidden")
        self.ok(self.admin.post(f"/records/core.task/{task}/transitions/cancel", {}))
        self.assertNotIn("Visa", self.open_tasks(booking))

    def test_what_the_model_and_the_manual_say(self):
        model = self.ok(self.clerk.get("/model", Accept_Language="en")).json
        booking = model["entities"]["tour.booking"]
        booked = next(state for state in booking["states"] if state["name"] == "booked")
        self.assertEqual([(task["name"], task["label"], task["required"]) for task in booked["tasks"]],
                         [("visa", "Visa", True), ("hotel", "Hotel", True), ("gift", "Gift", False)])
        self.assertTrue(next(step for step in booking["transitions"] if step["name"] == "hurry")["waits_for_tasks"])
        self.assertNotIn("waits_for_tasks", next(step for step in booking["transitions"] if step["name"] == "book"))
        manual = self.ok(self.admin.get("/handbook?format=html&locale=en")).body
        text = manual.decode() if isinstance(manual, bytes) else manual
        self.assertIn("The required tasks of the state have ended", text)
        self.assertIn("within", text)

    def test_the_two_last_at_once(self):
        for _ in range(5):
            booking = self.booked()
            tasks = self.open_tasks(booking)
            boss = self.server.client("tasks.boss")  # a connection is one thread's
            answers = []
            other = threading.Thread(target=lambda: answers.append(self.finish(boss, tasks["Hotel"])))
            other.start()
            answers.append(self.finish(self.clerk, tasks["Visa"]))
            other.join()
            self.assertEqual([answer.status for answer in answers], [200, 200])
            self.assertEqual(self.state(booking), "ready")

    def test_an_address_gets_the_language_that_the_record_names(self):
        wanted = {"en": "Sorry about {}", "zh-TW": "{} 未能成行（繁）", None: "{} 未能成行", "klingon?": "{} 未能成行"}
        for language, subject in wanted.items():
            made = self.create(self.clerk, "tour.booking", name="a", language=language)
            self.ok(self.clerk.post(f"/records/tour.booking/{made['id']}/transitions/lose", {}))
            sent = self.ok(self.clerk.get("/records/core.message?sort=-id&limit=1")).json["items"][0]
            self.assertEqual((sent["recipient"], sent["subject"]), ("a@example.com", subject.format(made["number"])))
