"""What is never merged, and why: users, ledgers and what they refer to, what waits for an approval. Each is told before anything is done,
and changes nothing."""

from caravan import ServerCase

DEFINITIONS = """\
kind: entity
name: held.account
label: {en: Account, zh-CN: 账户, zh-TW: 帳戶}
title: name
fields: {name: {type: text, max: 40, label: Name}}
---
kind: entity
name: held.entry
label: {en: Entry, zh-CN: 分录, zh-TW: 分錄}
ledger: true
fields:
  account: {type: ref, to: held.account, delete: restrict, label: Account}
  amount:  {type: int, label: Amount}
---
kind: entity
name: held.case
label: {en: Case, zh-CN: 事项, zh-TW: 事項}
title: name
fields: {name: {type: text, max: 40, label: Name}, weight: {type: int, label: Weight}}
workflow:
  initial: open
  states: {open: {label: Open, category: open}, shut: {label: Shut, category: done}}
  transitions:
    shut: {label: Shut, from: open, to: shut, approval: {lead: {by: [lead]}}}
---
kind: role
name: held.lead
label: Lead
grants: {held.case: {read: true, update: true}}
"""


class MergeLimits(ServerCase):
    @classmethod
    def configure(cls):
        (cls.server.config / "held.yaml").write_text(DEFINITIONS)

    @classmethod
    def prepare(cls):
        cls.admin = cls.server.client("admin")
        cls.server.add_user("held.one", "One", "held.lead")
        cls.server.add_user("held.two", "Two", "held.lead")

    def pair(self, entity):
        return [self.create(self.admin, entity, name=f"{entity} {n}")["id"] for n in range(2)]

    def get(self, entity, identifier):
        return self.ok(self.admin.get(f"/records/{entity}/{identifier}")).json

    def refused(self, entity, one, other, words):
        """Neither way, in words, and nothing has changed; the preview tells it before."""
        before = self.get(entity, one), self.get(entity, other)
        for answer in (self.admin.post(f"/records/{entity}/{one}/merge", {"other": other}, Accept_Language="en"),
                       self.admin.get(f"/records/{entity}/{one}/merge?other={other}", Accept_Language="en")):
            self.assertIn(words, self.problem(answer, 409, "conflict")["detail"])
        self.assertEqual((self.get(entity, one), self.get(entity, other)), before)
        self.assertEqual(self.ok(self.admin.get(f"/records/{entity}/{one}/merges")).json["items"], [])

    def test_users_are_never_merged(self):
        one, two = (self.ok(self.server.client(name).get("/me")).json["id"] for name in ("held.one", "held.two"))
        for survivor, other in ((one, two), (two, one)):
            self.refused("core.user", survivor, other, "User cannot be merged")
        self.ok(self.server.client("held.two").get("/me"))  # who may still log in

    def test_a_ledger_is_never_merged(self):
        one, two = (self.create(self.admin, "held.entry", amount=amount)["id"] for amount in (5, -5))
        self.refused("held.entry", one, two, "Entry cannot be merged")

    def test_what_a_ledger_refers_to_stays(self):
        one, two = self.pair("held.account")
        self.create(self.admin, "held.entry", account=two, amount=3)
        self.refused("held.account", one, two, "Entry refers to it, and is never changed")
        # The one of which the ledger speaks may be the one that stays.
        self.ok(self.admin.post(f"/records/held.account/{two}/merge", {"other": one}))
        self.assertEqual(self.admin.get(f"/records/held.account/{one}").status, 410)

    def test_what_waits_for_an_approval_stays(self):
        one, two = self.pair("held.case")
        asked = self.ok(self.admin.post(f"/records/held.case/{two}/transitions/shut", {"comment": "please"}), 202).json["id"]
        self.refused("held.case", one, two, "waits for an approval")
        self.ok(self.admin.post(f"/approvals/{asked}/withdraw", {}))
        self.ok(self.admin.post(f"/records/held.case/{one}/merge", {"other": two}))

    def test_the_survivor_may_wait_for_an_approval(self):
        """What is decided is decided of the survivor as it is then."""
        one, two = self.pair("held.case")
        self.ok(self.admin.patch(f"/records/held.case/{two}", {"weight": 7}, If_Match="*"))
        asked = self.ok(self.admin.post(f"/records/held.case/{one}/transitions/shut", {"comment": "please"}), 202).json["id"]
        self.assertEqual(self.ok(self.admin.post(f"/records/held.case/{one}/merge", {"other": two})).json["weight"], 7)
        self.ok(self.server.client("held.one").post(f"/approvals/{asked}/approve", {}))
        self.assertEqual(self.get("held.case", one)["state"], "shut")
