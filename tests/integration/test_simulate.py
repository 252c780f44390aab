"""What changed definitions would have made of the recorded history: `caravan simulate`, beside a running server and without one."""

import json
import shutil
import unittest

from caravan import ServerCase, wait_until

DEFINITIONS = """\
kind: entity
name: shop.case
label: Case
number: "C-{seq:4}"
title: name
fields:
  name: {type: text, max: 80, required: true, label: Name}
  amount: {type: int, default: 0, label: Amount}
  visits: {type: int, default: 0, label: Visits}
  secret: {type: text, max: 40, sensitive: true, label: Secret}
invariants:
  amount: {check: "record.amount < 1000", message: The amount is too high}
workflow:
  initial: fresh
  states:
    fresh: {label: Fresh}
    going: {label: Going, enter: {visit: {set: {visits: "record.visits + 1"}}}}
    checked: {label: Checked}
    done: {label: Done, category: done}
  transitions:
    go: {label: Go, from: fresh, to: going}
    check: {label: Check, from: going, to: checked, automatic: true, when: "record.amount >= 100"}
    finish: {label: Finish, from: [going, checked], to: done, when: "record.amount >= 10"}
---
kind: automation
name: shop.grows
label: Grows
on: shop.case.updated
becomes: "record.amount > 50"
in: transaction
do: {visit: {set: {visits: "record.visits + 10"}}}
---
kind: role
name: shop.clerk
label: Clerk
grants: {shop.case: {read: true, create: true, update: true, delete: true}}
"""


class Simulate(ServerCase):
    @classmethod
    def configure(cls):
        cls.file = cls.server.config / "shop.yaml"
        cls.file.write_text(DEFINITIONS)

    @classmethod
    def prepare(cls):
        cls.server.add_user("clerk", "Clerk", "shop.clerk")
        cls.changed = cls.server.home / "changed"
        cls.cases = []
        clerk = cls.server.client("clerk")
        for amount in (5, 20, 60, 120):
            cls.cases.append(cls.play(clerk, amount))

    @classmethod
    def play(cls, client, amount):
        """A case's life, as far as it is let."""
        case = client.post("/records/shop.case", {"name": f"Case {amount}", "amount": 0, "secret": "abc"}).json
        path = f"/records/shop.case/{case['id']}"
        client.post(path + "/transitions/go", {})
        client.patch(path, {"amount": amount}, **{"If-Match": "*"})
        if amount >= 10:
            client.post(path + "/transitions/finish", {})
        return client.get(path).json

    def change(self, *pairs):
        shutil.rmtree(self.changed, ignore_errors=True)
        shutil.copytree(self.server.config, self.changed)
        text = DEFINITIONS
        for what, by in pairs:
            self.assertIn(what, text)
            text = text.replace(what, by)
        (self.changed / "shop.yaml").write_text(text)
        return text

    def simulate(self, *options, code=0):
        done = self.server.cli("simulate", "--config", self.changed, "--entity", "shop.case", *options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def told(self, *options):
        answer = json.loads(self.simulate("--json", *options).stdout)
        return answer, {one["id"]: one for one in answer["items"]}

    def test_nothing_changed_says_so(self):
        self.change()
        answer, records = self.told()
        self.assertEqual((answer["changed"], records), (0, {}))
        self.assertGreaterEqual(answer["records"], 4)
        self.assertIn("No record would have gone another way.", self.simulate().stdout)

    def test_a_changed_guard_and_an_automatic_step(self):
        events = self.events()
        self.change(("record.amount >= 10\"", "record.amount >= 50\""), ("record.amount >= 100", "record.amount >= 60"))
        answer, records = self.told()
        small, refused, early, large = (records.get(case["id"]) for case in self.cases)
        self.assertIsNone(small)
        self.assertIsNone(large)
        self.assertEqual((refused["state"], refused["next_state"]), ("done", "going"))
        self.assertEqual(refused["number"], self.cases[1]["number"])
        self.assertEqual([(one["rule"], one["kind"], one["what"]) for one in refused["differences"]],
                         [("step shop.case.finish", "refused", "its guard does not hold: record.amount >= 50")])
        self.assertEqual([(one["rule"], one["kind"]) for one in early["differences"]], [("automatic shop.case.check", "taken")])
        self.assertEqual(answer["unexplained"], 0, answer["reasons"])
        text = self.simulate("--limit", "1").stdout
        for part in ("2 records would have gone another way, 1 of them to another state.", "step shop.case.finish\n  refused: 1 record\n",
                     f"shop.case {self.cases[1]['number']} ({self.cases[1]['id']})", "done → going: 1 record", "sensitive values"):
            self.assertIn(part, text)
        self.assertNotIn("abc", text)
        self.assertEqual(self.events(), events, "something was written")

    def test_what_it_tells_is_what_happens(self):
        text = self.change(("becomes: \"record.amount > 50\"", "becomes: \"record.amount > 15\""), ("record.amount >= 10\"", "record.amount >= 30\""))
        _, records = self.told()
        admin = self.server.client("admin")
        self.file.write_text(text)
        try:
            self.ok(admin.post("/admin/reload", {}))
            for case in self.cases:
                again = self.play(self.server.client("clerk"), case["amount"])
                self.extra = getattr(self, "extra", []) + [again["id"]]
                wanted = {name: case[name] for name in ("state", "amount", "visits")}
                for name, (_, changed) in records.get(case["id"], {"fields": {}})["fields"].items():
                    wanted[name] = changed
                self.assertEqual({name: again[name] for name in wanted}, wanted)
        finally:
            self.file.write_text(DEFINITIONS)
            self.ok(admin.post("/admin/reload", {}))
            for extra in self.extra:
                self.server.client("admin").delete(f"/records/shop.case/{extra}", **{"If-Match": "*"})

    def test_states_that_are_no_more(self):
        self.change(("    checked: {label: Checked}\n", ""), ("    check: {label: Check, from: going, to: checked, automatic: true, when: \"record.amount >= 100\"}\n", ""),
                    ("from: [going, checked]", "from: going"), ("    done: {label: Done, category: done}\n", "    closed: {label: Done, category: done}\n  moved: {done: closed, checked: going}\n"),
                    ("to: done", "to: closed"))
        answer, records = self.told()
        moved = {one["state"]: one["next"] for one in answer["states"] if one["entity"] == "shop.case"}
        self.assertEqual(moved["done"], "closed")
        self.assertEqual(moved["going"], "going")
        self.assertIn("closed", {one["next_state"] for one in records.values()})

    def test_mistakes_are_listed(self):
        self.change(("record.amount >= 10\"", "record.amont >= 10\""))
        done = self.simulate(code=1)
        self.assertIn("amont", done.stdout + done.stderr)
        self.simulate("--since", "yesterday", code=1)

    def test_without_a_server(self):
        self.change(("record.amount >= 10\"", "record.amount >= 50\""))
        _, beside = self.told()
        self.server.stop()
        try:
            _, alone = self.told()
        finally:
            self.server.start()
        self.assertEqual(alone, beside)

    def events(self):
        return self.ok(self.server.client("admin").get("/admin/audit?entity=shop.case")).json["events"]


if __name__ == "__main__":
    unittest.main()
