"""Records of the same thing: rules that weigh, pairs that the bulk run finds, merges with their undo."""

import random
import threading

from caravan import ServerCase, indexed, query, wait_until

DEFINITIONS = """\
kind: choices
name: dup.tag
label: Tag
options: {a: {label: A}, b: {label: B}, c: {label: C}, d: {label: D}}
---
kind: entity
name: dup.person
label: Person
number: "P-{seq:6}"
title: name
fields:
  name:     {type: text, max: 60, required: true, search: true, label: Name}
  phone:    {type: text, max: 40, search: true, label: Phone}
  birthday: {type: date, label: Birthday}
  email:    {type: text, max: 80, label: E-mail}
  tags:     {type: multi, choices: tag, label: Tags}
  amount:   {type: money, label: Amount}
  level:    {type: int, label: Level}
  texts:    {type: localized, label: Texts}
  code:     {type: text, max: 20, label: Code}
  parent:   {type: ref, to: dup.person, label: Parent}
  friends:  {type: refs, to: dup.person, label: Friends}
  visits:   {type: int, rollup: {of: dup.visit, by: person, count: true}, label: Visits}
  twice:    {type: int, compute: "record.level * 2", label: Twice}
  secret:   {type: text, max: 60, sensitive: true, right: masked, label: Secret}
  hidden:   {type: text, max: 60, right: hidden, label: Hidden}
unique: {code: {fields: [code], message: Another has this code}}
duplicates:
  probable:
    compare:
      name:     {as: name, agree: 8, disagree: -5}
      phone:    {as: phone, agree: 10, disagree: -4}
      birthday: {as: date, agree: 9, disagree: -5}
      email:    {as: email, agree: 9, disagree: -2}
    keys:
      phone: {on: "last(phone, 8)"}
      name_birthday: {on: [birthday, "first(name, 2)"]}
      email: {on: email}
    threshold: 12
    message: {en: Probably the same person, zh-CN: 可能是同一个人, zh-TW: 可能是同一個人}
  mail: {warn: [email]}
---
kind: entity
name: dup.visit
label: Visit
fields:
  person: {type: ref, to: dup.person, required: true, delete: restrict, label: Person}
  others: {type: refs, to: dup.person, label: Others}
  what:   {type: text, max: 40, label: What}
---
kind: entity
name: dup.deal
label: Deal
title: name
fields:
  name:   {type: text, max: 60, label: Name}
  kind:   {type: text, max: 20, label: Kind}
  amount: {type: int, read_only: "record.state == 'agreed'", label: Amount}
  terms:  {type: text, max: 60, read_only: "record.state == 'agreed'", label: Terms}
  flight: {type: text, max: 60, visible: "record.kind == 'flight'", label: Flight}
workflow:
  initial: open
  states:
    open: {label: Open, category: open}
    agreed: {label: Agreed, category: done}
    paid: {label: Paid, category: done}
  transitions:
    agree: {label: Agree, from: open, to: agreed}
    pay:
      label: Pay
      from: [open, agreed]
      to: paid
      by: [lead]
      approval: {one: {label: One, by: [lead], when: "true"}}
---
kind: role
name: dup.clerk
label: Clerk
grants:
  dup.person: {read: true, create: true, update: "record.owner == user.id"}
---
kind: role
name: dup.lead
label: Lead
grants:
  dup.person: {read: true, create: true, update: true}
  dup.visit: {read: true}
  dup.deal: {read: true, create: true, update: true}
---
kind: role
name: dup.guest
label: Guest
grants:
  dup.person: {read: "record.owner == user.id"}
"""
PERSON, VISIT = "/records/dup.person", "/records/dup.visit"
CHANGES = ("version", "updated_at")


class Merge(ServerCase):
    @classmethod
    def configure(cls):
        (cls.server.config / "dup.yaml").write_text(DEFINITIONS)

    @classmethod
    def prepare(cls):
        cls.admin = cls.server.client("admin")
        cls.server.add_user("clerk", "Clerk", "dup.clerk")
        cls.server.add_user("lead", "Lead", "dup.lead")
        cls.server.add_user("guest", "Guest", "dup.guest")

    def person(self, client=None, **fields):
        return self.create(client or self.admin, "dup.person", **fields)["id"]

    def get(self, identifier, entity="dup.person"):
        return self.ok(self.admin.get(f"/records/{entity}/{identifier}")).json

    def merge(self, one, other, client=None, **more):
        return (client or self.admin).post(f"{PERSON}/{one}/merge", {"other": other, **more})

    def undo(self, one, client=None):
        merge = self.ok(self.admin.get(f"{PERSON}/{one}/merges")).json["items"][0]["id"]
        return (client or self.admin).post(f"{PERSON}/{one}/merges/{merge}/undo", {})

    # -- finding
    def test_a_form_warns_of_who_is_probably_the_same(self):
        zhang = self.person(name="张伟", phone="+86 138-0013-7001", birthday="1980-03-12")
        self.person(name="李娜", phone="13911117001", birthday="1990-01-02")
        indexed(self.admin)

        def found(**values):
            return [(d["rule"], [r["id"] for r in d["items"]]) for d in self.ok(self.admin.post(PERSON + "/draft", {"values": values})).json["duplicates"]]
        self.assertEqual(found(name="ZHANG Wei", phone="13800137001"), [("probable", [zhang])])
        self.assertEqual(found(name="張偉", birthday="1980-03-12"), [("probable", [zhang])])
        self.assertEqual(found(name="张伟"), [])                            # one thing in common is not enough
        self.assertEqual(found(name="王芳", phone="13800137001", birthday="1999-09-09"), [])  # the rest speaks against it
        made = self.admin.post(PERSON, {"name": "Zhang Wei", "phone": "138 0013 7001"})
        self.assertIn("probable", made.headers["Caravan-Duplicates"])

    def test_the_bulk_run_lists_pairs(self):
        one = self.person(name="陈晨", phone="13800137101", birthday="1970-05-06")
        two = self.person(name="Chen Chen", phone="0086 13800137101", birthday="1970-06-05")
        mail = [self.person(name=name, email="same@example.com") for name in ("甲一", "乙二")]
        self.ok(self.admin.post(PERSON + "/duplicates", {}), 202)

        def pairs(client=None, **parameters):
            found, after = {}, {}
            while True:
                page = self.ok((client or self.admin).get(PERSON + "/duplicates" + query(limit=100, **parameters, **after))).json
                found.update({(p["first"]["id"], p["second"]["id"]): p for p in page["items"]})
                if not page["next"]:
                    return found
                after = {"after": page["next"]}
        wait_until(lambda: (one, two) in pairs() and tuple(mail) in pairs(), 20, "the pairs")
        self.assertEqual(pairs()[one, two]["rule"], "probable")
        self.assertGreater(float(pairs()[one, two]["score"]), 20)
        self.assertEqual(pairs()[tuple(mail)]["rule"], "mail")
        self.problem(self.server.client("clerk").post(f"{PERSON}/{one}/duplicates/{two}", {}), 403, "forbidden")
        self.ok(self.admin.post(f"{PERSON}/{two}/duplicates/{one}", {}), 204)
        self.assertNotIn((one, two), pairs())
        self.assertIn((one, two), pairs(dismissed=1))
        self.ok(self.admin.patch(f"{PERSON}/{mail[1]}", {"email": "another@example.com"}, If_Match="*"))
        self.ok(self.admin.post(PERSON + "/duplicates", {}), 202)
        wait_until(lambda: tuple(mail) not in pairs(), 20, "what is no pair any more is gone")
        self.assertNotIn((one, two), pairs())  # what was dismissed stays so

    # -- merging
    def test_everything_moves_and_comes_back(self):
        mine = self.person(name="主", phone="13800137201", tags=["a", "b"], amount="10.00", amount_currency="CNY", secret="mine", code="C-1")
        theirs = self.person(name="副", email="x@example.com", birthday="1980-01-01", tags=["b", "c"], amount="7.50", amount_currency="USD",
                             secret="theirs", hidden="h", level=4, texts={"en": "words", "zh-CN": "文字"}, code="C-2", friends=[mine])
        child = self.person(name="子", parent=theirs, friends=[theirs, mine])
        visits = [self.create(self.admin, "dup.visit", person=theirs, what="v", others=[theirs, child])["id"] for _ in range(3)]
        visits.append(self.create(self.admin, "dup.visit", person=mine)["id"])
        before = {**{i: self.get(i) for i in (mine, theirs, child)}, **{i: self.get(i, "dup.visit") for i in visits}}
        preview = self.ok(self.admin.get(f"{PERSON}/{mine}/merge?other={theirs}")).json
        self.assertEqual((preview["mine"]["id"], preview["theirs"]["id"]), (mine, theirs))
        fields = {f["field"]: f for f in preview["fields"]}
        self.assertEqual((fields["name"]["keep"], fields["name"]["differs"]), ("mine", True))
        self.assertEqual((fields["email"]["keep"], fields["email"]["differs"]), ("theirs", False))
        self.assertIn(("dup.visit", "person", 3), [(r["entity"], r["field"], r["count"]) for r in preview["references"]])

        merged = self.ok(self.merge(mine, theirs, fields={"amount": "theirs", "tags": "both", "code": "theirs", "secret": "theirs"}, note="same man"))
        record = merged.json
        self.assertEqual((record["id"], record["name"], record["email"], record["birthday"], record["level"], record["twice"]),
                         (mine, "主", "x@example.com", "1980-01-01", 4, 8))
        self.assertEqual((record["amount"], record["amount_currency"], record["tags"], record["code"], record["secret"], record["hidden"], record["visits"]),
                         ("7.50", "USD", ["a", "b", "c"], "C-2", "theirs", "h", 4))
        self.assertEqual(record["friends"], None)  # not its own friend
        self.assertEqual((self.get(child)["parent"], self.get(child)["friends"]), (mine, [mine]))
        for visit in visits[:3]:
            self.assertEqual((self.get(visit, "dup.visit")["person"], self.get(visit, "dup.visit")["others"]), (mine, [mine, child]))
        gone = self.admin.get(f"{PERSON}/{theirs}")
        self.problem(gone, 410, "merged")
        self.assertEqual((gone.json["merged_into"], gone.headers["Location"]), ({"entity": "dup.person", "id": mine}, f"/api/v1{PERSON}/{mine}"))
        # Both histories.
        self.assertEqual(self.ok(self.admin.get(f"{PERSON}/{mine}/timeline")).json["items"][0]["action"], "merge")
        self.assertIn("same man", self.ok(self.admin.get(f"{PERSON}/{mine}/timeline")).json["items"][0]["note"])
        told = [e["action"] for e in self.ok(self.server.client("lead").get(f"{PERSON}/{theirs}/timeline")).json["items"]]
        self.assertEqual((told[0], told[-1]), ("delete", "create"))  # and between them what the moves of its visits did
        listed = self.ok(self.admin.get(f"{PERSON}/{mine}/merges")).json["items"]
        self.assertEqual([(m["merged"], m["title"], m["undone_at"]) for m in listed], [(theirs, "副", None)])

        back = self.ok(self.undo(mine)).json
        self.assertEqual(back["id"], mine)
        for identifier, was in before.items():
            now = self.get(identifier, "dup.visit" if identifier in visits else "dup.person")
            self.assertEqual({k: v for k, v in now.items() if k not in CHANGES}, {k: v for k, v in was.items() if k not in CHANGES})
        self.problem(self.undo(mine), 404, "not_found")
        self.assertEqual(self.server.cli("audit", "verify", "--config", self.server.config).returncode, 0)

    def test_merge_then_undo_leaves_identical_rows(self):
        """Property: whatever two records hold, and whatever refers to them."""
        rng = random.Random(11)
        values = {"phone": ["13800137301", "13900137302", None], "birthday": ["1980-01-01", "1981-02-02", None], "email": ["a@b.cn", None],
                  "tags": [["a"], ["a", "b"], ["c", "d"], None], "amount": [("1.00", "CNY"), ("1.00", "USD"), ("2.50", "USD"), None],
                  "level": [0, 7, None], "texts": [{"en": "x"}, {"en": "y", "zh-CN": "丙"}, None], "secret": ["s1", "s2", None], "hidden": ["h", None]}
        for turn in range(25):
            def some():
                chosen = {k: v for k, v in ((name, rng.choice(choice)) for name, choice in values.items()) if v is not None}
                if "amount" in chosen:
                    chosen["amount"], chosen["amount_currency"] = chosen["amount"]
                return chosen
            mine, theirs, third = (self.person(name=f"性质 {turn}.{n}", **some()) for n in range(3))
            for one in (mine, theirs, third):
                change = {"parent": rng.choice([mine, theirs, third, None]), "friends": rng.sample([mine, theirs, third], rng.randint(0, 3)) or None}
                self.ok(self.admin.patch(f"{PERSON}/{one}", change, If_Match="*"))
            visits = [self.create(self.admin, "dup.visit", person=rng.choice([mine, theirs]),
                                  others=rng.sample([mine, theirs, third], rng.randint(0, 3)) or None)["id"] for _ in range(rng.randint(0, 4))]
            wanted = {name: rng.choice(["mine", "theirs"]) for name in rng.sample(sorted(values), 3)}
            if rng.random() < 0.5:
                wanted["tags"] = "both"

            def rows():
                out = [self.get(i) for i in (mine, theirs, third)] + [self.get(i, "dup.visit") for i in visits]
                return [{k: v for k, v in row.items() if k not in CHANGES} for row in out]
            before = rows()
            self.ok(self.merge(mine, theirs, fields=wanted))
            self.ok(self.undo(mine))
            self.assertEqual(rows(), before, f"turn {turn}: {wanted}")

    def test_what_changed_since_stays(self):
        mine, theirs = self.person(name="后改", level=1), self.person(name="后改二", level=2, email="l@example.com")
        visit = self.create(self.admin, "dup.visit", person=theirs)["id"]
        other = self.person(name="第三")
        self.ok(self.merge(mine, theirs, fields={"level": "theirs"}))
        self.ok(self.admin.patch(f"{PERSON}/{mine}", {"level": 9}, If_Match="*"))
        self.ok(self.admin.patch(f"{VISIT}/{visit}", {"person": other}, If_Match="*"))
        self.ok(self.undo(mine))
        self.assertEqual((self.get(mine)["level"], self.get(mine)["email"], self.get(theirs)["level"]), (9, None, 2))
        self.assertEqual(self.get(visit, "dup.visit")["person"], other)

    def test_chains_of_merges(self):
        a, b, c = (self.person(name=f"链 {n}") for n in range(3))
        self.ok(self.merge(b, c))
        self.ok(self.merge(a, b))
        for gone in (b, c):
            self.assertEqual(self.admin.get(f"{PERSON}/{gone}").json["merged_into"]["id"], a)
        self.ok(self.undo(a))
        self.assertEqual(self.admin.get(f"{PERSON}/{c}").json["merged_into"]["id"], b)
        self.ok(self.undo(b))
        self.assertEqual(self.get(c)["name"], "链 2")

    def test_rights(self):
        clerk, lead = self.server.client("clerk"), self.server.client("lead")
        own, foreign = self.person(name="自己", owner=self.ok(clerk.get("/me")).json["id"]), self.person(name="别人", hidden="not for lead")
        self.problem(self.merge(own, foreign, clerk), 403, "forbidden")
        self.problem(self.merge(foreign, own, clerk), 403, "forbidden")
        self.problem(clerk.get(f"{PERSON}/{own}/merge?other={foreign}"), 403, "forbidden")
        self.problem(self.merge(own, "999999999", clerk), 404, "not_found")
        self.problem(self.merge(own, own), 400, "invalid_argument")
        self.problem(self.merge(own, foreign, lead, fields={"hidden": "theirs"}), 400, "invalid_argument")
        self.problem(self.merge(own, foreign, lead, fields={"twice": "theirs"}), 422, "invalid_record")
        self.problem(self.merge(own, foreign, lead, fields={"name": "both"}), 422, "invalid_record")
        self.problem(self.merge(own, foreign, lead, other_version=77), 412, "stale")
        self.problem(lead.post(f"{PERSON}/{own}/merge", {"other": foreign}, If_Match='"77"'), 412, "stale")
        # What one may not see is not lost, and not shown.
        answer = self.ok(self.merge(own, foreign, lead))
        self.assertNotIn("hidden", answer.json)
        self.assertEqual(self.get(own)["hidden"], "not for lead")
        self.assertEqual(clerk.get(f"{PERSON}/{foreign}").json["merged_into"]["id"], own)

    def deal(self, **fields):
        return self.create(self.server.client("lead"), "dup.deal", **fields)["id"]

    def test_conditions_hold(self):
        """What may not be changed is not changed by merging, nor by taking a merge back."""
        lead = self.server.client("lead")
        deals = "/records/dup.deal"
        mine, theirs = self.deal(name="Agreed", amount=100), self.deal(name="Other", amount=900, terms="all at once", flight=None, kind="train")
        self.ok(lead.post(f"{deals}/{mine}/transitions/agree", {}, If_Match="*"))
        preview = {f["field"]: f for f in self.ok(lead.get(f"{deals}/{mine}/merge?other={theirs}")).json["fields"]}
        self.assertEqual([(preview[name]["keep"], preview[name]["settable"]) for name in ("amount", "terms", "kind")],
                         [("mine", False), ("mine", False), ("theirs", True)])
        refused = lead.post(f"{deals}/{mine}/merge", {"other": theirs, "fields": {"amount": "theirs"}})
        self.problem(refused, 422, "invalid_record")
        self.assertEqual([(e["field"], e["code"]) for e in refused.json["errors"]], [("amount", "read_only")])
        merged = self.ok(lead.post(f"{deals}/{mine}/merge", {"other": theirs})).json
        self.assertEqual((merged["amount"], merged["terms"], merged["kind"]), (100, None, "train"))

        mine, theirs = self.deal(name="Open", amount=100), self.deal(name="Other", amount=900, terms="half now", kind="bus")
        merged = self.ok(lead.post(f"{deals}/{mine}/merge", {"other": theirs, "fields": {"amount": "theirs"}})).json
        self.assertEqual((merged["amount"], merged["terms"]), (900, "half now"))
        self.ok(lead.post(f"{deals}/{mine}/transitions/agree", {}, If_Match="*"))
        merge = self.ok(lead.get(f"{deals}/{mine}/merges")).json["items"][0]["id"]
        back = self.ok(lead.post(f"{deals}/{mine}/merges/{merge}/undo", {})).json
        self.assertEqual((back["amount"], back["terms"], back["kind"]), (900, "half now", None))
        self.ok(lead.get(f"{deals}/{theirs}"))

    def test_what_is_not_shown_is_not_filled(self):
        lead = self.server.client("lead")
        mine, theirs = self.deal(name="Train", kind="train"), self.deal(name="Flight", kind="flight", flight="CA 1")
        merged = self.ok(lead.post(f"/records/dup.deal/{mine}/merge", {"other": theirs})).json
        self.assertEqual((merged["kind"], merged["flight"]), ("train", None))
        other = self.deal(name="Flight", kind="flight", flight="CA 2")
        merged = self.ok(lead.post(f"/records/dup.deal/{mine}/merge", {"other": other, "fields": {"kind": "theirs"}})).json
        self.assertEqual((merged["kind"], merged["flight"]), ("flight", "CA 2"))

    def test_an_open_approval_keeps_a_record(self):
        lead = self.server.client("lead")
        mine, theirs = self.deal(name="Mine"), self.deal(name="Theirs")
        asked = lead.post(f"/records/dup.deal/{theirs}/transitions/pay", {}, If_Match="*")
        approval = self.ok(asked, 202).json["id"]
        self.problem(lead.post(f"/records/dup.deal/{mine}/merge", {"other": theirs}), 409, "conflict")
        self.ok(lead.get(f"/records/dup.deal/{theirs}"))
        self.ok(lead.post(f"/approvals/{approval}/withdraw", {}))
        self.ok(lead.post(f"/records/dup.deal/{mine}/merge", {"other": theirs}))

    def test_shares_move_where_the_survivor_may_be_shared(self):
        clerk, guest = self.server.client("clerk"), self.server.client("guest")
        me, other = (self.ok(client.get("/me")).json["id"] for client in (clerk, guest))
        for own, seen in ((True, 200), (False, 404)):
            survivor, gone = self.person(name="留", owner=me if own else None), self.person(name="去", owner=me)
            if not own:
                self.ok(self.admin.post(f"{PERSON}/{survivor}/shares", {"user": me, "level": "update"}), 201)
            self.ok(self.admin.post(f"{PERSON}/{gone}/shares", {"user": other}), 201)
            self.ok(guest.get(f"{PERSON}/{gone}"))
            self.ok(self.merge(survivor, gone, clerk))
            self.assertEqual(guest.get(f"{PERSON}/{survivor}").status, seen)
            self.ok(self.undo(survivor))
            self.ok(guest.get(f"{PERSON}/{gone}"))
            self.assertEqual(guest.get(f"{PERSON}/{survivor}").status, 404)

    def test_a_refused_merge_changes_nothing(self):
        mine, theirs = self.person(name="拒绝一", code="R-1"), self.person(name="拒绝二", code="R-2")
        visit = self.create(self.admin, "dup.visit", person=theirs)["id"]
        before = [self.get(mine), self.get(theirs), self.get(visit, "dup.visit")]
        self.problem(self.merge(mine, theirs, fields={"code": "nobody's"}), 400, "invalid_argument")
        self.problem(self.merge(mine, theirs, other_version=9), 412, "stale")
        self.assertEqual([self.get(mine), self.get(theirs), self.get(visit, "dup.visit")], before)

    def test_merges_at_the_same_time(self):
        """Of merges that meet, each pair becomes one record, and no reference is lost."""
        people = [self.person(name=f"同时 {n}") for n in range(6)]
        visits = [self.create(self.admin, "dup.visit", person=people[n % 6])["id"] for n in range(12)]
        statuses = []

        def work(seed):
            client, rng = self.server.client("admin", fresh=True), random.Random(seed)
            for _ in range(8):
                one, other = rng.sample(people, 2)
                statuses.append(self.merge(one, other, client).status)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertLessEqual(set(statuses), {200, 404, 409, 503})
        left = [p for p in people if self.admin.get(f"{PERSON}/{p}").status == 200]
        self.assertEqual(len(left), 6 - statuses.count(200))
        self.assertGreaterEqual(len(left), 1)
        total = sum(self.get(p)["visits"] or 0 for p in left)
        self.assertEqual(total, 12)
        for visit in visits:
            self.assertIn(self.get(visit, "dup.visit")["person"], left)
        self.assertEqual(self.server.cli("audit", "verify", "--config", self.server.config).returncode, 0)
