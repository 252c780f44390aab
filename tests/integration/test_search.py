"""Full-text search over HTTP: Chinese, folding, ranks, pages, rights, the index that follows writes, and that is built anew."""

import threading

from caravan import ServerCase, indexed, query, wait_until

DEFINITIONS = """\
kind: entity
name: find.person
label: {en: Person, zh-CN: 人员, zh-TW: 人員}
number: "P-{seq:6}"
title: name
fields:
  name:   {type: text, max: 60, required: true, search: true, label: Name}
  phone:  {type: text, max: 40, search: true, label: Phone}
  note:   {type: text, max: 4000, search: true, label: Note}
  secret: {type: text, max: 60, search: true, right: hidden, label: Secret}
  about:  {type: localized, search: true, label: About}
  plain:  {type: text, max: 60, label: Plain}
---
kind: entity
name: find.trip
label: Trip
title: title
fields:
  title: {type: text, max: 120, search: true, label: Title}
---
kind: entity
name: find.other
label: Other
fields: {name: {type: text, max: 60, label: Name}}
---
kind: role
name: find.clerk
label: Clerk
grants:
  find.person: {read: "record.owner == user.id", create: true, update: "record.owner == user.id"}
---
kind: role
name: find.reader
label: Reader
grants: {find.person: {read: true}, find.trip: {read: true}}
"""


class Search(ServerCase):
    @classmethod
    def configure(cls):
        (cls.server.config / "find.yaml").write_text(DEFINITIONS)

    @classmethod
    def prepare(cls):
        cls.admin = cls.server.client("admin")
        cls.server.add_user("clerk", "Clerk", "find.clerk")
        cls.server.add_user("reader", "Reader", "find.reader")

    def setUp(self):
        self.made = {}

    def person(self, client=None, **fields):
        return self.create(client or self.admin, "find.person", **fields)["id"]

    def search(self, q, client=None, **more):
        return self.ok((client or self.admin).get("/search" + query(q=q, **more))).json

    def ids(self, q, client=None, **more):
        return [item["id"] for item in self.search(q, client, **more)["items"]]

    def test_what_is_found_and_how(self):
        wang = self.person(name="王小明甲", phone="+86 138-0013-8001", note="住在昆明，喜欢云南大理丽江六日游")
        traditional = self.person(name="張偉乙", note="Café ＭＯＣＨＡ at José's")
        zhang = self.person(name="Zhang Wei-Yi", phone="13800138002")
        trip = self.create(self.admin, "find.trip", title="昆明大理丽江")["id"]
        indexed(self.admin)
        self.assertEqual(self.ids("昆明"), [trip, wang])               # in the title first
        self.assertEqual(self.ids("昆明", entities="find.person"), [wang])
        for q in ("丽江六日", "麗江六日", "小明 云南", "8001", "13800138001", "138 0013 8001", "wangxiaomingjia", "WXMJ"):
            self.assertEqual(self.ids(q, entities="find.person"), [wang], q)
        for q in ("张伟", "cafe mocha", "jose", "ＪＯＳÉ"):
            self.assertEqual(self.ids(q), [traditional], q)
        self.assertEqual(self.ids("zhang we"), [zhang])
        self.assertEqual(self.ids("yi zhang"), [zhang])
        for q in ("昆南", "hang", "没有这个"):
            self.assertEqual(self.ids(q), [], q)
        number = self.ok(self.admin.get(f"/records/find.person/{wang}")).json["number"]
        self.assertEqual(self.ids(number), [wang])
        hit = self.search("昆明", entities="find.person")["items"][0]
        self.assertEqual((hit["entity"], hit["title"], hit["field"], hit["rank"]), ("find.person", "王小明甲", "note", 1))
        self.assertIn({"text": "昆明", "hit": True}, hit["fragment"])
        self.assertEqual("".join(piece["text"] for piece in hit["fragment"]), "住在昆明，喜欢云南大理丽江六日游")
        self.assertEqual(self.search("王小明甲")["items"][0]["rank"], 3)

    def test_lists_ask_the_index(self):
        one = self.person(name="单独一位", plain="q")
        indexed(self.admin)
        self.assertEqual([r["id"] for r in self.ok(self.admin.get("/records/find.person" + query(q="單獨"))).json["items"]], [one])
        self.assertEqual([r["id"] for r in self.ok(self.admin.get("/records/find.person" + query(q="shandu"))).json["items"]], [one])
        self.assertEqual(self.ok(self.admin.get("/records/find.person" + query(q="单独", filter='record.plain == "x"'))).json["items"], [])
        self.assertEqual(self.ok(self.admin.get("/records/find.person" + query(q="单独", count=1))).json["total"], 1)
        self.assertEqual(self.ok(self.admin.get("/records/find.person/aggregate" + query(q="单独"))).json["items"][0]["count"], 1)
        # Without an index of its own an entity is looked through.
        other = self.create(self.admin, "find.other", name="x")["id"]
        self.assertNotIn(other, self.ids("x"))

    def test_what_was_just_written_is_found_at_once(self):
        """The index follows later; what waits for it is looked at as it is."""
        for turn in range(40):
            word = f"立刻{chr(0x4E00 + 7 * turn)}{chr(0x5E00 + 11 * turn)}"
            one = self.person(name=word, note=f"turn{turn}x")
            self.assertEqual(self.ids(word), [one], turn)
            listed = self.ok(self.admin.get("/records/find.person" + query(q=word, count=1))).json
            self.assertEqual(([r["id"] for r in listed["items"]], listed["total"]), ([one], 1), turn)
            self.ok(self.admin.patch(f"/records/find.person/{one}", {"note": f"other{turn}x"}, If_Match="*"))
            for q, expected in ((f"turn{turn}x", []), (f"other{turn}x", [one]), (f"{word} other{turn}", [one])):
                self.assertEqual([r["id"] for r in self.ok(self.admin.get("/records/find.person" + query(q=q))).json["items"]], expected, (turn, q))
                self.assertEqual(self.ids(q), expected, (turn, q))
            self.ok(self.admin.delete(f"/records/find.person/{one}", If_Match="*"), 204)
            self.assertEqual(self.ok(self.admin.get("/records/find.person" + query(q=word))).json["items"], [])
        # What somebody else may not see stays so.
        self.person(name="刚写外人", secret="刚写密语")
        clerk, reader = self.server.client("clerk"), self.server.client("reader")
        self.assertEqual(self.ids("刚写外人", clerk), [])
        self.assertEqual(self.ids("刚写密语", reader), [])
        self.assertEqual(self.ok(clerk.get("/records/find.person" + query(q="刚写外人"))).json["items"], [])
        self.assertEqual(self.ok(reader.get("/records/find.person" + query(q="刚写密语"))).json["items"], [])

    def test_the_index_follows_changes(self):
        one = self.person(name="变化前", about={"en": "English words", "zh-CN": "中文说明"})
        indexed(self.admin)
        self.assertEqual(self.ids("变化前"), [one])
        self.assertEqual(self.ids("english words"), [one])
        self.assertEqual(self.ids("中文说明"), [one])
        self.ok(self.admin.patch(f"/records/find.person/{one}", {"name": "变化后", "about": None}, If_Match="*"))
        self.assertEqual(self.ids("变化前"), [])  # at once: what is found is looked at again
        indexed(self.admin)
        self.assertEqual(self.ids("变化后"), [one])
        self.assertEqual(self.ids("english words"), [])
        self.ok(self.admin.delete(f"/records/find.person/{one}", If_Match="*"), 204)
        self.assertEqual(self.ids("变化后"), [])
        indexed(self.admin)
        self.assertEqual(self.ok(self.admin.get("/records/find.person" + query(q="变化后"))).json["items"], [])
        self.ok(self.admin.post(f"/records/find.person/{one}/restore", {}))
        indexed(self.admin)
        self.assertEqual(self.ids("变化后"), [one])

    def test_only_what_one_may_read_is_found(self):
        clerk, reader = self.server.client("clerk"), self.server.client("reader")
        foreign = self.person(name="外人丙丁", secret="密语甲乙")
        own = self.person(name="自己丙丁", owner=self.ok(clerk.get("/me")).json["id"])
        indexed(self.admin)
        self.assertEqual(self.ids("丙丁"), [own, foreign])
        self.assertEqual(self.ids("丙丁", clerk), [own])
        self.assertEqual(self.ids("丙丁", reader), [own, foreign])
        self.assertEqual(self.ids("密语"), [foreign])
        for client in (clerk, reader):
            self.assertEqual(self.ids("密语", client), [])
            self.assertEqual(self.ids("丙丁 密语", client), [])
            self.assertEqual(self.ok(client.get("/records/find.person" + query(q="密语"))).json["items"], [])
        self.problem(clerk.get("/search" + query(q="x", entities="find.trip")), 400, "invalid_argument")
        self.problem(clerk.get("/search" + query(q="x", entities="find.nosuch")), 400, "invalid_argument")

    def test_many_that_one_may_not_read_do_not_hide_those_one_may(self):
        clerk = self.server.client("clerk")
        own = [self.person(name=f"常见词 {n}", owner=self.ok(clerk.get("/me")).json["id"]) for n in range(3)]
        for n in range(120):
            self.person(name=f"常见词 外 {n}")
        indexed(self.admin)
        self.assertEqual(self.ids("常见词", clerk), own[::-1])

    def test_pages(self):
        made = [self.person(name=f"分页 {n}") for n in range(25)]
        indexed(self.admin)
        found, after = [], None
        while True:
            answer = self.ok(self.admin.get("/search" + query(q="分页", limit=10, **({"after": after} if after else {}))))
            found += [item["id"] for item in answer.json["items"]]
            after = answer.json["next"]
            if not after:
                break
            self.assertIn('rel="next"', answer.headers["Link"])
        self.assertEqual(found, made[::-1])
        for bad in ("x", "czk5OTk5OTk", "cy0x"):
            self.problem(self.admin.get("/search" + query(q="分页", after=bad)), 400, "invalid_argument")
        for bad in ("0", "101", "x"):
            self.problem(self.admin.get("/search" + query(q="分页", limit=bad)), 400, "invalid_argument")
        for bad in ("", "  ", "%_*\"'"):
            self.problem(self.admin.get("/search" + query(q=bad)), 400, "invalid_argument")

    def test_hostile_words(self):
        for q in ('" OR 1=1 --', "a* OR b", "NEAR(a b)", "{words}: a", "a\x00b", "\U0001F600", "x" * 1000, "王" * 600, "%' AND '1'='1", "\ue000" + "a"):
            self.assertIn(self.admin.get("/search" + query(q=q)).status, (200, 400), q)
            self.assertIn(self.admin.get("/records/find.person" + query(q=q)).status, (200, 400), q)

    def test_it_is_built_anew_while_it_is_used(self):
        made = [self.person(name=f"重建 {n}") for n in range(30)]
        indexed(self.admin)
        done = self.server.cli("search", "rebuild", "find.person")
        self.assertEqual(done.returncode, 0, done.stderr)
        for _ in range(20):
            self.assertEqual(len(self.ids("重建", limit=100)), 30)
        indexed(self.admin)
        self.assertEqual(self.ids("重建", limit=100), made[::-1])
        status = self.server.cli("search", "status")
        self.assertIn("find.person: complete", status.stdout)
        state = self.ok(self.admin.get("/admin/search")).json
        self.assertIn({"entity": "find.person", "complete": True, "fields": ["name", "phone", "note", "secret", "about", "number"]}, state["items"])
        self.assertNotIn("find.other", [item["entity"] for item in state["items"]])

    def test_a_lost_index_comes_back(self):
        one = self.person(name="失而复得")
        indexed(self.admin)
        table = "search_text" if self.database == "sqlite" else "search_document"
        if self.database == "mariadb":
            self.server.database.sql(f"DELETE FROM {self.server.database.name}.{table}; DELETE FROM {self.server.database.name}.search_term")
            self.assertEqual(self.ids("失而复得"), [])
        self.ok(self.admin.post("/admin/search/rebuild", {}), 202)
        indexed(self.admin)
        self.assertEqual(self.ids("失而复得"), [one])

    def test_new_search_fields_are_indexed_at_a_reload(self):
        one = self.person(name="x1", plain="后来才搜")
        indexed(self.admin)
        self.assertEqual(self.ids("后来才搜"), [])
        file = self.server.config / "find.yaml"
        file.write_text(DEFINITIONS.replace("plain:  {type: text, max: 60,", "plain:  {type: text, max: 60, search: true,"))
        self.ok(self.admin.post("/admin/reload", {}))
        wait_until(lambda: self.ids("后来才搜") == [one], 20, "the new field in the index")
        file.write_text(DEFINITIONS)
        self.ok(self.admin.post("/admin/reload", {}))
        wait_until(lambda: self.ids("后来才搜") == [], 20, "the field out of the index")
        indexed(self.admin)

    def test_writers_at_the_same_time(self):
        """Whatever the order in which writes are indexed, in the end the index says what the records say."""
        ids = [self.person(name=f"并发 {n}") for n in range(6)]

        def write(worker):
            client = self.server.client("admin", fresh=True)
            for turn in range(15):
                client.patch(f"/records/find.person/{ids[(worker + turn) % len(ids)]}", {"note": f"第{worker}人 轮次w{worker}t{turn}"}, If_Match="*")
        threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        indexed(self.admin)
        for one in ids:
            note = self.ok(self.admin.get(f"/records/find.person/{one}")).json["note"]
            word = note.partition("轮次")[2]
            self.assertIn(one, self.ids(word))
            listed = self.ok(self.admin.get("/records/find.person" + query(q=word))).json["items"]
            self.assertEqual([r["note"] for r in listed], [note] * len(listed))
            self.assertIn(one, [r["id"] for r in listed])
