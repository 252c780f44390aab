"""What an administrator says of definitions in the console: checked as a draft, published as a revision, restored."""

import json
import shutil
import threading

from caravan import Server, ServerCase, wait_until

INQUIRY = "sales.inquiry"


def patch(label, more=""):
    return f"kind: entity\nname: {INQUIRY}\nfields:\n  destination: {{label: {{en: {label}, zh-CN: 去向, zh-TW: 去向}}}}\n{more}"


FIELD = "  x_mood: {type: text, max: 40, label: {en: Mood, zh-CN: 心情, zh-TW: 心情}}\n"


def edit(text, kind="entity", name=INQUIRY):
    return {"kind": kind, "name": name, "text": text}


class ConsoleEdits(ServerCase):
    def setUp(self):
        self.admin = self.server.client("admin")
        self.addCleanup(self.take_back)

    def take_back(self):
        """Nothing is said in the console any more."""
        listed = self.ok(self.server.client("admin").get("/admin/config")).json
        edited = [edit(None, one["kind"], one["name"]) for one in listed["items"] if one["edited"]]
        if edited:
            self.ok(self.publish(edited, base=listed["base"], leftovers="keep"))

    def base(self):
        return self.ok(self.admin.get("/admin/config")).json["base"]

    def check(self, *edits, plan=False):
        return self.ok(self.admin.post("/admin/config/check", {"documents": list(edits), "plan": plan})).json

    def publish(self, edits, base=None, comment="why", **more):
        return self.admin.post("/admin/config/publish", {"base": base or self.base(), "documents": edits, "comment": comment, **more})

    def field(self, name):
        model = self.ok(self.admin.get("/model?locale=en")).json
        return next((one for one in model["entities"][INQUIRY]["fields"] if one["name"] == name), None)

    def label(self):
        return self.field("destination")["label"]

    def test_documents_and_who_speaks_of_them(self):
        listed = self.ok(self.admin.get("/admin/config")).json
        found = {(one["kind"], one["name"]): one for one in listed["items"]}
        one = found["entity", INQUIRY]
        self.assertEqual([source["layer"] for source in one["sources"]], ["plugin sales"])
        self.assertFalse(one["edited"])
        self.assertIn(("agency", "agency"), found)
        self.assertIn(("entity", "core.user"), found)
        for (kind, name), any_one in found.items():
            self.assertTrue(any_one["sources"], (kind, name))

        self.ok(self.publish([edit(patch("Whither"))], comment="Nicer"))
        shown = self.ok(self.admin.get(f"/admin/config/documents/entity/{INQUIRY}")).json
        self.assertEqual([source["layer"] for source in shown["sources"]], ["plugin sales", "console edits"])
        self.assertEqual(shown["sources"][-1]["text"], patch("Whither"))
        self.assertTrue(shown["sources"][0]["text"].startswith("kind: entity"), shown["sources"][0]["text"][:200])
        word = next(one for one in shown["words"] if one["path"] == "fields.destination.label.en")
        self.assertEqual([saying["value"] for saying in word["sayings"]][-1], "Whither")
        self.assertEqual([saying["layer"] for saying in word["sayings"]], ["plugin sales", "console edits"])
        self.assertEqual(word["sayings"][-1]["line"], 4)
        # The line of a document within a longer file is the file's own.
        below = word["sayings"][0]
        text = shown["sources"][0]["text"].splitlines()
        self.assertIn("destination", "\n".join(text[below["line"] - shown["sources"][0]["line"] - 1:][:3]))
        for wrong in ("entity/sales.nothing", "nothing/sales.inquiry", "entity/x"):
            self.problem(self.admin.get("/admin/config/documents/" + wrong), 404, "not_found")

    def test_a_draft_is_checked_and_nothing_changes(self):
        before, label = self.base(), self.label()
        wrong = f"kind: entity\nname: {INQUIRY}\nfields:\n  destination: {{lable: {{en: Whither}}}}\n  mood: {{type: text}}\n"
        found = self.check(edit(wrong))
        self.assertFalse(found["sound"])
        errors = {one["line"]: one for one in found["findings"] if one["severity"] == "error"}
        self.assertEqual(sorted(errors), [4, 5], json.dumps(errors, indent=1))
        self.assertEqual((errors[4]["kind"], errors[4]["name"], errors[4]["known"]), ("entity", INQUIRY, False))
        self.assertIn("lable", errors[4]["message"])
        self.assertIn("label", errors[4]["hint"])
        self.assertEqual(errors[4]["column"], 17)
        self.assertEqual(errors[5]["code"], "field-prefix")
        self.assertTrue(errors[4]["explained"])
        page = self.ok(self.admin.get("/admin/config/codes/" + errors[4]["code"])).json
        self.assertTrue(page["what"])
        # What others' documents say of what the draft takes away is found where it stands.
        found = self.check(edit(f"kind: entity\nname: {INQUIRY}\nfields: {{destination: null}}\n"))
        self.assertTrue(any(one["file"].startswith("sales") and not one["known"] for one in found["findings"] if one["severity"] == "error"), found["findings"][:3])
        # YAML that is none.
        found = self.check(edit("kind: entity\nname: [\n"))
        self.assertTrue(any(one["code"] == "syntax" and one["line"] >= 2 for one in found["findings"]), found["findings"][:3])
        sound = self.check(edit(patch("Whither")))
        self.assertTrue(sound["sound"])
        self.assertEqual([one for one in sound["findings"] if not one["known"]], [])
        self.assertEqual((self.base(), self.label()), (before, label))

    def test_a_document_speaks_of_what_it_is_kept_under(self):
        for text, line in ((patch("X").replace(INQUIRY, "sales.order"), 1), (patch("X") + "---\nkind: entity\nname: sales.order\n", 7), ("# nothing\n", 1)):
            found = self.check(edit(text))
            self.assertFalse(found["sound"], text)
            self.assertTrue(any(one["code"] == "bad-name" and one["name"] == INQUIRY for one in found["findings"]), found["findings"])
            self.problem(self.publish([edit(text)]), 422, "invalid_record")
        for kind, name in (("entity", "../x"), ("", "sales.inquiry"), ("Entity", "a.b"), ("entity", "a" * 200)):
            self.problem(self.admin.post("/admin/config/check", {"documents": [edit("x", kind, name)]}), 400, "invalid_argument")
        for body in ({"documents": {}}, {"documents": [1]}, {"documents": [{"kind": "entity"}]}, {"documents": [edit("x"), edit("y")]},
                     {"documents": [{**edit("x"), "more": 1}]}, {"plan": "yes"}, {"base": "x"}):
            self.assertIn(self.admin.post("/admin/config/check", body).status, (400, 404), body)

    def test_published_it_is_in_use_and_outlives_reload_and_restart_and_comes_back(self):
        before, label = self.base(), self.label()
        done = self.ok(self.publish([edit(patch("Whither"))], comment="A better word")).json
        self.assertTrue(done["changed"])
        self.assertEqual(self.label(), "Whither")
        newest = self.ok(self.admin.get("/admin/revisions?limit=1")).json["items"][0]
        self.assertEqual((newest["id"], newest["note"], newest["author"], newest["active"]), (done["revision"], "A better word", "admin", True))
        deed = self.ok(self.admin.get("/admin/config/history?limit=1")).json["items"][0]
        self.assertEqual((deed["action"], deed["revision"], deed["by"], deed["detail"]), ("published", done["revision"], "admin", f"entity {INQUIRY}"))
        self.assertTrue(deed["request_id"])

        self.assertFalse(self.ok(self.admin.post("/admin/reload", {})).json["changed"])
        self.assertEqual(self.label(), "Whither")
        self.server.stop()
        self.server.start()
        self.admin = self.server.client("admin", fresh=True)
        self.assertEqual((self.label(), self.base()), ("Whither", done["revision"]))

        compared = self.ok(self.admin.get(f"/admin/config/compare?from={before}&to={done['revision']}")).json["items"]
        self.assertEqual([(one["kind"], one["name"], one["layer"], one["before"]) for one in compared], [("entity", INQUIRY, "console edits", None)])
        self.assertEqual(compared[0]["after"]["text"], patch("Whither"))

        self.ok(self.admin.post(f"/admin/revisions/{before}/activate", {}))
        self.assertEqual(self.label(), label)
        deed = self.ok(self.admin.get("/admin/config/history?limit=1")).json["items"][0]
        self.assertEqual((deed["action"], deed["revision"], deed["by"]), ("restored", before, "admin"))
        self.server.stop()
        self.server.start()
        self.admin = self.server.client("admin", fresh=True)
        self.assertEqual((self.label(), self.base()), (label, before))
        # Files that change later keep what the console says.
        self.ok(self.publish([edit(patch("Whither"))]))
        file = self.server.config / "more.yaml"
        self.addCleanup(lambda: (file.unlink(missing_ok=True), self.ok(self.server.client("admin").post("/admin/reload", {}))))
        file.write_text(f"kind: entity\nname: {INQUIRY}\nfields:\n  destination: {{label: {{en: From the file}}, help: {{en: Said by the file}}}}\n")
        self.ok(self.admin.post("/admin/reload", {}))
        self.assertEqual((self.label(), self.field("destination")["help"]), ("Whither", "Said by the file"))

    def test_a_draft_on_an_earlier_revision_is_refused(self):
        before = self.base()
        self.ok(self.publish([edit(patch("Theirs"))]))
        role = f"kind: entity\nname: sales.order\nlabel: {{en: Sale, zh-CN: 单, zh-TW: 單}}\n"
        problem = self.problem(self.publish([edit(patch("Mine")), edit(role, name="sales.order")], base=before), 409, "definitions_stale")
        self.assertEqual(problem["base"], self.base())
        self.assertEqual(problem["collisions"], [{"kind": "entity", "name": INQUIRY, "before": None, "theirs": patch("Theirs"), "mine": patch("Mine")}])
        self.assertEqual(self.label(), "Theirs")
        self.assertTrue(self.ok(self.admin.post("/admin/config/check", {"base": before, "documents": []})).json["stale"])
        self.ok(self.publish([edit(patch("Mine"))], base=problem["base"]))
        self.assertEqual(self.label(), "Mine")
        # The same again changes nothing and is no revision.
        base = self.base()
        self.assertFalse(self.ok(self.publish([edit(patch("Mine"))])).json["changed"])
        self.assertEqual(self.base(), base)
        self.problem(self.publish([edit(patch("X"))], base="999999999"), 404, "not_found")
        self.problem(self.publish([edit(patch("X"))], comment=" "), 422, "invalid_record")

    def test_of_several_at_once_one_wins(self):
        base, answers = self.base(), []

        def go(number):
            answers.append(self.server.client("admin", fresh=True).post("/admin/config/publish", {"base": base, "documents": [edit(patch(f"N{number}"))], "comment": "race"}).status)

        threads = [threading.Thread(target=go, args=(number,)) for number in range(5)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        self.assertEqual(sorted(answers), [200, 409, 409, 409, 409])

    def test_what_rows_would_lose_is_shown_and_asks_for_a_word(self):
        self.ok(self.publish([edit(patch("Whither", FIELD))]))
        customer = self.create(self.admin, "customers.customer", name="Overlay Guest", kind="person")
        trip = self.create(self.admin, INQUIRY, customer=customer["id"], channel="phone", x_mood="hopeful")
        plan = self.check(edit(patch("Whither")), plan=True)["plan"]
        self.assertEqual(len(plan["steps"]), 1, plan)
        step = plan["steps"][0]
        self.assertIn("x_mood", step["what"])
        self.assertIn("hopeful", json.dumps(step["samples"]))
        self.assertEqual((step["loses"], step["blocked"]), (True, False))
        base = self.base()
        problem = self.problem(self.publish([edit(patch("Whither"))]), 409, "definitions_unconfirmed")
        self.assertEqual(problem["plan"], plan)
        self.problem(self.publish([edit(patch("Whither"))], leftovers="drop", confirm="yes"), 409, "definitions_unconfirmed")
        self.problem(self.publish([edit(patch("Whither"))], leftovers="burn"), 400, "invalid_argument")
        self.assertEqual(self.base(), base)
        # Kept: a later revision that names it has the values again.
        done = self.ok(self.publish([edit(patch("Whither"))], leftovers="keep")).json
        self.assertEqual(done["dropped"], [])
        self.assertIsNone(self.field("x_mood"))
        self.ok(self.admin.post(f"/admin/revisions/{base}/activate", {}))
        self.assertEqual(self.ok(self.admin.get(f"/records/{INQUIRY}/{trip['id']}")).json["x_mood"], "hopeful")
        # Dropped: one row more, another word.
        self.create(self.admin, INQUIRY, customer=customer["id"], channel="phone", x_mood="glad")
        self.problem(self.publish([edit(patch("Whither"))], leftovers="drop", confirm=plan["confirm"]), 409, "definitions_unconfirmed")
        plan = self.check(edit(patch("Whither")), plan=True)["plan"]
        done = self.ok(self.publish([edit(patch("Whither"))], leftovers="drop", confirm=plan["confirm"])).json
        self.assertEqual((len(done["dropped"]), done["not_dropped"]), (1, None), done)
        self.ok(self.publish([edit(patch("Whither", FIELD))]))
        self.assertIsNone(self.ok(self.admin.get(f"/records/{INQUIRY}/{trip['id']}")).json["x_mood"])

    def test_what_rows_stand_against_is_not_published(self):
        self.ok(self.publish([edit(patch("Whither", "  x_size: {type: int, label: {en: Size, zh-CN: 大小, zh-TW: 大小}}\n"))]))
        customer = self.create(self.admin, "customers.customer", name="Against Guest", kind="person")
        self.create(self.admin, INQUIRY, customer=customer["id"], channel="phone", x_size=7)
        base = self.base()
        changed = patch("Whither", "  x_size: {type: date, label: {en: Size, zh-CN: 大小, zh-TW: 大小}}\n")
        plan = self.check(edit(changed), plan=True)["plan"]
        self.assertTrue(any(step["blocked"] for step in plan["steps"]), plan)
        self.problem(self.publish([edit(changed)], leftovers="drop", confirm=plan["confirm"]), 409, "definitions_unconfirmed")
        self.assertEqual(self.base(), base)
        # A state that records are in.
        gone = f"kind: entity\nname: {INQUIRY}\nworkflow: {{states: {{new: null}}}}\n"
        self.assertFalse(self.check(edit(gone), plan=True)["sound"])
        self.problem(self.publish([edit(gone)]), 422, "invalid_record")

    def test_schema_and_codes_for_editors(self):
        answer = self.ok(self.admin.get("/admin/config/schema"))
        self.assertIn("entity", answer.json["$defs"])
        self.assertEqual(self.admin.get("/admin/config/schema", If_None_Match=answer.headers["ETag"]).status, 304)
        self.problem(self.admin.get("/admin/config/codes/nonsense"), 404, "not_found")
        upgrade = self.ok(self.admin.get("/admin/config/upgrade")).json
        self.assertEqual(upgrade["to"], self.base())
        self.problem(self.admin.get("/admin/config/compare?from=1"), 400, "invalid_argument")
        self.problem(self.admin.get("/admin/config/compare?from=1&to=99999999"), 404, "not_found")

    def test_what_an_upgrade_changed_under_ones_own_words(self):
        text = "kind: entity\nname: customers.customer\nlabel: {en: Client, zh-CN: 客户, zh-TW: 客戶}\n"
        self.ok(self.publish([edit(text, name="customers.customer")]))
        # Without a department that built on it, then with it: what it defines came, and what one says of it stays.
        self.ok(self.admin.post("/admin/plugins/aftersales/disable", {"dependents": True}))
        self.addCleanup(lambda: self.admin.post("/admin/plugins/aftersales/enable", {"dependencies": True}))
        without = self.base()
        self.ok(self.admin.post("/admin/plugins/aftersales/enable", {"dependencies": True}))
        upgrade = self.ok(self.admin.get(f"/admin/config/upgrade?from={without}")).json
        self.assertIn({"name": "aftersales", "change": "added"}, upgrade["plugins"])
        self.assertTrue(any(one["effect"] == "takes_effect" and one["before"] is None for one in upgrade["items"]))
        self.assertEqual(self.ok(self.admin.get("/admin/config/upgrade")).json["from"], without)
        self.assertEqual(self.ok(self.admin.get("/model?locale=en")).json["entities"]["customers.customer"]["label"], "Client")

    def test_what_keeps_a_server_from_starting_is_taken_out_without_it(self):
        file = self.server.config / "moods.yaml"
        self.addCleanup(lambda: (file.unlink(missing_ok=True), self.ok(self.server.client("admin", fresh=True).post("/admin/reload", {}))))
        file.write_text("kind: choices\nname: agency.mood\noptions: {glad: {}}\n")
        self.ok(self.admin.post("/admin/reload", {}))
        text = patch("Whither", "  x_kind: {type: choice, choices: agency.mood, label: {en: Kind, zh-CN: 类, zh-TW: 類}}\n")
        self.ok(self.publish([edit(text)]))
        self.assertEqual(self.server.cli("revision", "edits").stdout, "---\n" + text)
        refused = self.server.cli("revision", "edits", "--drop", f"entity/{INQUIRY}")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("server runs", refused.stderr)
        # A file that it needs goes while the server is down.
        self.server.stop()
        file.unlink()
        failed = self.server.cli("schema", "plan")
        self.assertNotEqual(failed.returncode, 0)
        self.assertIn(f"console:edits/entity/{INQUIRY}.yaml:5:", failed.stderr)
        self.assertEqual(self.server.cli("revision", "edits").stdout, "---\n" + text)
        self.assertNotEqual(self.server.cli("revision", "edits", "--drop", "entity/sales.order").returncode, 0)
        done = self.server.cli("revision", "edits", "--drop", f"entity/{INQUIRY}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.server.start()
        self.admin = self.server.client("admin", fresh=True)
        self.assertNotEqual(self.label(), "Whither")
        self.assertFalse(any(one["edited"] for one in self.ok(self.admin.get("/admin/config")).json["items"]))

    def test_other_nodes_follow_and_refuse_what_is_stale(self):
        if self.database == "sqlite":
            return  # an SQLite database belongs to one process
        other = Server(self.database, "other")
        own, other.database = other.database, self.server.database
        try:
            shutil.copy(self.server.home / "data.keys", other.home / "data.keys")
            other.start()
            there = other.client("admin", fresh=True)
            before = self.base()
            self.ok(self.publish([edit(patch("Here"))]))
            label = lambda: next(one for one in self.ok(there.get("/model?locale=en")).json["entities"][INQUIRY]["fields"] if one["name"] == "destination")["label"]
            wait_until(lambda: label() == "Here", 3, "the other node to follow")
            self.problem(there.post("/admin/config/publish", {"base": before, "documents": [edit(patch("There"))], "comment": "late"}), 409, "definitions_stale")
            self.assertEqual(self.label(), "Here")
        finally:
            other.stop()
            other.database = own
            other.remove()
