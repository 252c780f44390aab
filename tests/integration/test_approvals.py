"""Steps that wait for approval: asked for, decided, taken back, void, and exactly one outcome whoever comes at once."""

import threading

from caravan import ServerCase, wait_until

DEFINITIONS = """\
kind: entity
name: shop.deal
label: Deal
title: name
number: "D-{seq:4}"
fields:
  name: {type: text, max: 80, required: true, label: Name}
  budget: {type: money, label: Budget}
  discount: {type: int, label: Discount}
  note: {type: text, max: 80, label: Note}
  card: {type: text, max: 40, sensitive: true, label: Card}
workflow:
  initial: fresh
  states:
    fresh: {label: Fresh, category: open}
    won: {label: Won, category: done}
    lost: {label: Lost, category: cancelled}
  transitions:
    win:
      label: Win
      from: fresh
      to: won
      by: [seller, manager]
      form: win_form
      approval:
        manager: {label: Manager, by: [manager], when: "record.budget > 50000"}
        board: {label: Board, by: [treasurer, manager], all: true, when: "record.budget > 900000"}
    lose: {label: Lose, from: fresh, to: lost}
---
kind: automation
name: shop.win_later
label: Win later
on: shop.deal.updated
becomes: record.note == 'win it'
do: {win: {transition: win}}
---
kind: form
name: shop.win_form
entity: shop.deal
label: Win
groups: {main: {label: Main, fields: [discount, card]}}
---
kind: form
name: shop.deal_form
entity: shop.deal
label: Deal
groups: {main: {label: Main, fields: [name, budget, note]}}
---
kind: role
name: shop.seller
label: Seller
grants: {shop.deal: {read: true, create: true, update: true, delete: true}}
---
kind: role
name: shop.manager
label: Manager
grants: {shop.deal: {read: true, update: true}}
---
kind: role
name: shop.treasurer
label: Treasurer
grants: {shop.deal: {read: true}}
"""


class Approvals(ServerCase):
    @classmethod
    def configure(cls):
        (cls.server.config / "approvals.yaml").write_text(DEFINITIONS)

    @classmethod
    def prepare(cls):
        for name, role in (("seller", "shop.seller"), ("mate", "shop.seller"), ("boss", "shop.manager"), ("chief", "shop.manager"),
                           ("purse", "shop.treasurer")):
            cls.server.add_user("approvals." + name, name.title(), role)

    def setUp(self):
        self.admin = self.server.client("admin")
        self.seller, self.mate, self.boss, self.chief, self.purse = (
            self.server.client("approvals." + name) for name in ("seller", "mate", "boss", "chief", "purse"))

    def deal(self, budget="60000", **fields):
        return self.create(self.seller, "shop.deal", name="Trip", budget=budget, **fields)

    def ask(self, deal, client=None, **body):
        answer = (client or self.seller).post(f"/records/shop.deal/{deal['id']}/transitions/win", {"comment": "please", **body})
        self.assertEqual(answer.status, 202, answer)
        self.assertEqual(answer.headers["Location"], "/api/v1/approvals/" + answer.json["id"])
        return answer.json

    def state(self, deal):
        return self.ok(self.admin.get(f"/records/shop.deal/{deal['id']}")).json["state"]

    def box(self, client, box="waiting"):
        return [one["id"] for one in self.ok(client.get(f"/approvals?box={box}&limit=200")).json["items"]]

    def notices(self, client):
        return [one["text"] for one in self.ok(client.get("/records/core.notice?sort=-id&limit=200")).json["items"]]

    def test_what_is_decided_about_is_what_was_seen(self):
        deal = self.deal()
        path = f"/approvals/{self.ask(deal)['id']}"
        seen = self.ok(self.boss.get(path)).json["record"]["version"]
        self.ok(self.seller.patch(f"/records/shop.deal/{deal['id']}", {"note": "and a promise"}, If_Match="*"))
        for act in ("approve", "reject"):
            answer = self.boss.post(f"{path}/{act}", {"comment": "fine"}, If_Match=f'"{seen}"')
            self.problem(answer, 412, "stale")
        now = self.ok(self.boss.get(path)).json["record"]["version"]
        done = self.ok(self.boss.post(f"{path}/approve", {}, If_Match=f'"{now}"')).json
        self.assertEqual((done["state"], done["steps"][0]["decisions"][0]["version"]), ("approved", now))

    def test_whoever_set_a_rule_off_does_not_decide_what_it_asks_for(self):
        deal = self.deal()
        self.ok(self.boss.patch(f"/records/shop.deal/{deal['id']}", {"note": "win it"}, If_Match="*"))

        def asked():
            return self.ok(self.admin.get(f"/records/shop.deal/{deal['id']}/transitions")).json.get("approvals", [])
        wait_until(asked, 10, "what the rule asks for")
        approval = asked()[0]
        self.assertIsNone(approval["asked_by"])
        self.assertNotIn(approval["id"], self.box(self.boss))
        self.problem(self.boss.post(f"/approvals/{approval['id']}/approve", {}), 403, "forbidden")
        self.ok(self.chief.post(f"/approvals/{approval['id']}/approve", {}))
        self.assertEqual(self.state(deal), "won")

    def test_a_step_waits_until_the_last_has_agreed(self):
        deal = self.deal("1000000")
        asked = self.ask(deal, input={"discount": 5})
        self.assertEqual(asked["state"], "waiting")
        self.assertEqual([step["state"] for step in asked["steps"]], ["open", "coming"])
        self.assertEqual(asked["input"], [{"field": "discount", "label": "Discount", "value": 5}])
        self.assertEqual((asked["may_decide"], asked["may_withdraw"]), (False, True))
        self.assertEqual(self.state(deal), "fresh")
        transitions = self.ok(self.boss.get(f"/records/shop.deal/{deal['id']}/transitions", Accept_Language="en")).json
        win = next(one for one in transitions["items"] if one["name"] == "win")
        self.assertEqual((win["allowed"], win["approval"], win["why"]), (False, True, "Waiting for approval by Manager."))
        self.assertEqual([one["id"] for one in transitions["approvals"]], [asked["id"]])
        self.assertTrue(transitions["approvals"][0]["may_decide"])
        self.assertIn(asked["id"], self.box(self.boss))
        self.assertIn(asked["id"], self.box(self.seller, "asked"))
        self.assertNotIn(asked["id"], self.box(self.purse))
        self.assertTrue(any("D-" in text and "Seller" in text for text in self.notices(self.boss)))
        path = f"/approvals/{asked['id']}"
        self.problem(self.mate.get(path), 404, "not_found")
        self.problem(self.seller.post(path + "/approve", {}), 403, "forbidden")
        self.problem(self.purse.post(path + "/approve", {}), 403, "forbidden")
        self.problem(self.boss.post(path + "/reject", {}), 422, "invalid_record")
        self.assertEqual(self.ok(self.boss.post(path + "/approve", {"comment": "good"})).json["state"], "waiting")
        self.assertEqual(self.ok(self.purse.post(path + "/approve", {})).json["steps"][1]["waiting_for"], ["Manager"])
        done = self.ok(self.chief.post(path + "/approve", {}, **{"Idempotency-Key": "the last"})).json
        self.assertEqual(done["state"], "approved")
        again = self.chief.post(path + "/approve", {}, **{"Idempotency-Key": "the last"})
        self.assertEqual((again.status, again.headers["Idempotent-Replayed"]), (200, "true"))
        self.assertEqual(self.state(deal), "won")
        self.assertEqual(self.ok(self.admin.get(f"/records/shop.deal/{deal['id']}")).json["discount"], 5)
        events = self.ok(self.admin.get(f"/records/shop.deal/{deal['id']}/timeline")).json["items"]
        self.assertEqual([(one["actor"]["name"], one["action"]) for one in events],
                         [("Seller", "transition:win"), ("Chief", "approval_given:win"), ("Purse", "approval_given:win"),
                          ("Boss", "approval_given:win"), ("Seller", "approval_asked:win"), ("Seller", "create")])
        self.assertEqual(events[0]["source"], "approval " + asked["id"])
        self.assertEqual(events[1]["transition"]["label"], "Win")
        self.problem(self.boss.post(path + "/reject", {"comment": "late"}), 409, "conflict")
        audit = self.server.cli("audit", "verify", "--config", self.server.config)
        self.assertEqual(audit.returncode, 0, audit.stdout + audit.stderr)

    def test_what_needs_none_is_taken_at_once(self):
        deal = self.deal("100")
        answer = self.seller.post(f"/records/shop.deal/{deal['id']}/transitions/win", {})
        self.assertEqual((answer.status, answer.json["state"]), (200, "won"))

    def test_withdrawn_rejected_and_void(self):
        deal = self.deal()
        asked = self.ask(deal)
        self.problem(self.mate.post(f"/records/shop.deal/{deal['id']}/transitions/win", {}), 409, "conflict")
        self.problem(self.boss.post(f"/approvals/{asked['id']}/withdraw", {}), 403, "forbidden")
        self.assertEqual(self.ok(self.seller.post(f"/approvals/{asked['id']}/withdraw", {"comment": "oh"})).json["state"], "withdrawn")
        asked = self.ask(deal)
        ended = self.ok(self.boss.post(f"/approvals/{asked['id']}/reject", {"comment": "too cheap"})).json
        self.assertEqual((ended["state"], ended["reason"]), ("rejected", "too cheap"))
        asked = self.ask(deal)
        version = self.ok(self.seller.get(f"/records/shop.deal/{deal['id']}")).json["version"]
        changed = self.ok(self.mate.patch(f"/records/shop.deal/{deal['id']}", {"note": "x"}, **{"If-Match": f'"{version}"'})).json
        self.assertIn(asked["id"], self.box(self.boss))
        self.ok(self.mate.patch(f"/records/shop.deal/{deal['id']}", {"budget": "70000"}, **{"If-Match": f'"{changed["version"]}"'}))
        self.assertNotIn(asked["id"], self.box(self.boss))
        ended = self.ok(self.seller.get(f"/approvals/{asked['id']}", Accept_Language="en")).json
        self.assertEqual((ended["state"], ended["reason"]), ("void", "Budget was changed meanwhile."))
        self.assertTrue(any("Budget" in text for text in self.notices(self.seller)))
        self.assertTrue(any("Budget" in text for text in self.notices(self.boss)))

    def test_rows_of_a_bulk_change_wait_each_for_itself(self):
        deals = [self.deal("60000"), self.deal("10"), self.deal("70000")]
        result = self.ok(self.seller.post("/records/shop.deal/bulk", {
            "action": "transition", "transition": "win", "items": [{"id": deal["id"]} for deal in deals]})).json
        self.assertEqual([item["status"] for item in result["items"]], ["waiting", "done", "waiting"])
        self.assertEqual((result["done"], result["waiting"], result["refused"]), (1, 2, 0))
        waiting = self.box(self.boss)
        self.assertIn(result["items"][0]["approval"], waiting)
        self.assertIn(result["items"][2]["approval"], waiting)

    def test_of_several_at_once_one_is_heard(self):
        for _ in range(5):
            deal = self.deal()
            path = f"/approvals/{self.ask(deal)['id']}"
            other = self.server.client("approvals.chief")  # a connection is one thread's
            acts = [(self.boss, "approve", {}), (self.chief, "reject", {"comment": "no"}), (self.seller, "withdraw", {}), (other, "approve", {})]
            answers, start = [], threading.Barrier(len(acts))

            def act(client, verdict, body):
                start.wait()
                answers.append((verdict, client.post(f"{path}/{verdict}", body)))

            threads = [threading.Thread(target=act, args=one) for one in acts]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            statuses = sorted(answer.status for _, answer in answers)
            self.assertEqual(statuses, [200, 409, 409, 409], answers)
            verdict = next(verdict for verdict, answer in answers if answer.status == 200)
            self.assertEqual(self.state(deal), "won" if verdict == "approve" else "fresh")

    def test_a_waiting_one_keeps_its_steps_and_ends_with_the_step(self):
        deal = self.deal()
        asked = self.ask(deal)
        definitions = self.server.config / "approvals.yaml"
        try:
            definitions.write_text(DEFINITIONS.replace("by: [manager], when: \"record.budget > 50000\"", "by: [treasurer]"))
            self.ok(self.admin.post("/admin/reload", {}))
            self.assertIn(asked["id"], self.box(self.boss))
            self.assertNotIn(asked["id"], self.box(self.purse))
            self.assertEqual(self.ok(self.boss.post(f"/approvals/{asked['id']}/approve", {})).json["state"], "approved")
            gone = self.ask(self.deal())
            definitions.write_text(DEFINITIONS.replace("    win:\n", "    gain:\n").replace("{transition: win}", "{transition: gain}"))
            self.ok(self.admin.post("/admin/reload", {}))
            # By the reload's own job or by this, whichever comes first: then it answers 409.
            self.assertIn(self.purse.post(f"/approvals/{gone['id']}/approve", {}).status, (200, 404, 409))
            state = self.ok(self.seller.get(f"/approvals/{gone['id']}")).json["state"]
            self.assertEqual(state, "void")
        finally:
            definitions.write_text(DEFINITIONS)
            self.ok(self.admin.post("/admin/reload", {}))

    def test_what_is_sensitive_is_sealed_while_it_waits(self):
        deal = self.deal()
        asked = self.ask(deal, input={"discount": 3, "card": "4111-1111-2222"})
        self.assertEqual([one["field"] for one in asked["input"]], ["discount"])
        self.assertNotIn("4111", str(self.ok(self.boss.get(f"/approvals/{asked['id']}")).json))
        for file in self.server.data.glob("caravan.db*"):
            self.assertNotIn(b"4111-1111", file.read_bytes())
        self.ok(self.boss.post(f"/approvals/{asked['id']}/approve", {}))
        self.assertEqual(self.ok(self.seller.get(f"/records/shop.deal/{deal['id']}")).json["card"], "4111-1111-2222")

    def test_a_waiting_value_follows_a_new_key(self):
        deal = self.deal()
        asked = self.ask(deal, input={"card": "4222-3333-4444"})
        old = self.ok(self.admin.get("/admin/keys")).json["items"][-1]["id"]
        self.ok(self.admin.post("/admin/keys", {}), 201)
        rotated, after = 0, None
        while rotated == 0 or after:
            part = self.ok(self.admin.post("/admin/keys/rotate", {"after": after} if after else {})).json
            rotated, after = rotated + part["values"], part["next"]
            self.assertGreater(rotated, 0, "the value that waits is sealed anew")
        # 409 where a kept answer of a request lies under it, for a day.
        self.assertIn(self.admin.delete(f"/admin/keys/{old}").status, (204, 409))
        self.assertEqual(self.ok(self.boss.post(f"/approvals/{asked['id']}/approve", {})).json["state"], "approved")
        self.assertEqual(self.ok(self.seller.get(f"/records/shop.deal/{deal['id']}")).json["card"], "4222-3333-4444")

    def test_lists_are_paged_and_bad_requests_refused(self):
        mine = [self.ask(self.deal())["id"] for _ in range(3)]
        first = self.ok(self.seller.get("/approvals?box=asked&limit=2&count=1")).json
        self.assertEqual([one["id"] for one in first["items"]], mine[:0:-1])
        self.assertGreaterEqual(first["total"], 3)
        second = self.ok(self.seller.get(f"/approvals?box=asked&limit=2&after={first['next']}")).json
        self.assertEqual(second["items"][0]["id"], mine[0])
        self.problem(self.seller.get("/approvals?box=nothing"), 400, "invalid_argument")
        self.problem(self.seller.get("/approvals?after=x"), 400, "invalid_argument")
        self.problem(self.seller.get("/approvals?box=all"), 403, "forbidden")
        self.problem(self.seller.get("/approvals/17"), 404, "not_found")
        self.problem(self.seller.get("/approvals/x"), 404, "not_found")
        self.problem(self.boss.post(f"/approvals/{mine[0]}/approve", {"comments": "x"}), 400, "invalid_argument")
