"""Plugins in a running server: on and off, installed, upgraded, removed; what a failure leaves."""

import json
import os
import random
import shutil
import statistics
import threading
import time

from caravan import Client, Server, ServerCase, Setup, query, wait_until
from made_plugin import CODE, ITEM, SETTINGS, make_pack, make_plugin

INQUIRY = {"channel": "phone", "destination": "三亚"}
REFERRING = """\
kind: view
name: sales.mine
label: Mine
entity: sales.inquiry
columns: [number, destination]
"""


def form(path):
    """Body and content type of the upload of a file."""
    boundary = "caravan-plugin-boundary"
    body = (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n\r\n').encode() + path.read_bytes()
    return body + f"\r\n--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


class _Plugins(ServerCase):
    @classmethod
    def configure(cls):
        cls.folder = cls.server.home / "plugins"
        cls.folder.mkdir()
        for name in ("customers", "sales"):
            shutil.copy(Setup.build / "plugins" / f"{name}.so", cls.folder)
        cls.server.setting("plugins", {"directory": str(cls.folder)})
        cls.made = cls.server.home / "made"
        cls.made.mkdir()

    def setUp(self):
        self.admin = self.server.client("admin", fresh=True)

    def change(self, name, what, body=None, status=200):
        return self.ok(self.admin.post(f"/admin/plugins/{name}/{what}", body or {}), status)

    def plugin(self, name, client=None):
        found = [one for one in self.ok((client or self.admin).get("/admin/plugins")).json["items"] if one["name"] == name]
        return found[0] if found else None

    def install(self, path, status=201):
        body, headers = form(path)
        answer = self.admin.request("POST", "/admin/plugins", body, headers)
        self.assertEqual(answer.status, status, answer)
        return answer

    def answers(self, path):
        return self.admin.get(path).status

    def process(self):
        return self.admin.get("/admin/plugins").status == 200

    def again(self, condition, what):
        """Across the change of the process."""
        def now():
            try:
                self.admin = self.server.client("admin", fresh=True)
                return condition()
            except (OSError, AssertionError, KeyError):
                return False
        wait_until(now, 30, what)


class Switching(_Plugins):
    def test_off_and_on_keep_the_data(self):
        made = self.ok(self.admin.post("/records/customers.customer", {"kind": "person", "name": "王芳"}), 201).json
        off = self.change("sales", "disable").json
        self.assertEqual((off["off"], off["changed"]), (["sales"], True))
        self.problem(self.admin.get("/records/sales.inquiry"), 404, "not_found")
        self.problem(self.admin.get("/plugins/sales/pipeline"), 404, "not_found")
        self.assertEqual(self.plugin("sales")["state"], "disabled")
        self.assertNotIn("sales.inquiry", self.ok(self.admin.get("/model")).json["entities"])
        self.assertEqual(self.ok(self.admin.get(f"/records/customers.customer/{made['id']}")).json["name"], "王芳")
        # Twice is no mistake.
        self.assertFalse(self.change("sales", "disable").json["changed"])
        on = self.change("sales", "enable").json
        self.assertEqual((on["on"], on["changed"]), (["sales"], True))
        self.ok(self.admin.get("/records/sales.inquiry"))
        shown = self.plugin("sales")
        self.assertEqual((shown["state"], shown["decided"]["on"], shown["decided"]["by"]), ("enabled", True, "admin"))
        self.assertGreater(shown["hooks"], 0)
        self.assertFalse(self.change("sales", "enable").json["changed"])
        deeds = self.ok(self.admin.get("/admin/plugins/sales/history")).json["items"]
        self.assertEqual([one["action"] for one in deeds[:2]], ["enabled", "disabled"])
        self.assertEqual(deeds[0]["by"], "admin")

    def test_records_outlive_the_time_without_their_plugin(self):
        customer = self.ok(self.admin.post("/records/customers.customer", {"kind": "person", "name": "李雷"}), 201).json
        body = {**INQUIRY, "customer": customer["id"]}
        inquiry = self.ok(self.admin.post("/records/sales.inquiry", body), 201).json
        self.change("sales", "disable")
        self.change("sales", "enable")
        self.assertEqual(self.ok(self.admin.get(f"/records/sales.inquiry/{inquiry['id']}")).json["destination"], "三亚")

    def test_what_is_needed_is_told_before_anything_happens(self):
        refused = self.admin.post("/admin/plugins/customers/disable", {})
        self.problem(refused, 409, "conflict")
        self.assertIn("sales", refused.json["detail"])
        self.assertIn("switch off sales", refused.json["detail"])
        self.assertEqual(self.plugin("customers")["state"], "enabled")
        self.assertEqual(self.change("customers", "disable", {"dependents": True}).json["off"], ["customers", "sales"])
        refused = self.admin.post("/admin/plugins/sales/enable", {})
        self.problem(refused, 409, "conflict")
        self.assertIn("switch on customers", refused.json["detail"])
        self.assertEqual(sorted(self.change("sales", "enable", {"dependencies": True}).json["on"]), ["customers", "sales"])
        self.problem(self.admin.post("/admin/plugins/nothing/enable", {}), 404, "not_found")

    def test_files_that_refer_to_it_are_named(self):
        file = self.server.config / "mine.yaml"
        file.write_text(REFERRING)
        try:
            self.ok(self.admin.post("/admin/reload", {}))
            refused = self.admin.post("/admin/plugins/sales/disable", {})
            self.assertEqual(refused.status, 422, refused)
            places = [(error["file"].rsplit("/", 1)[-1], error["line"]) for error in refused.json["errors"]]
            self.assertIn(("mine.yaml", 4), places)
            self.assertEqual(self.plugin("sales")["state"], "enabled")
            self.ok(self.admin.get("/records/sales.inquiry"))
            self.assertEqual(self.ok(self.admin.get("/admin/plugins/sales/history")).json["items"][0]["action"], "disable refused")
        finally:
            file.unlink()
            self.ok(self.admin.post("/admin/reload", {}))

    def test_a_restart_keeps_it_and_a_change_of_the_file_wins(self):
        settings = self.server.config / "caravan.yaml"
        before = settings.read_text()
        self.change("sales", "disable")
        try:
            self.server.stop()
            self.server.start()
            self.admin = self.server.client("admin", fresh=True)
            self.assertEqual(self.plugin("sales")["state"], "disabled")
            self.assertEqual(self.answers("/records/sales.inquiry"), 404)
            # Another word about another plugin is no word about this one.
            self.server.setting("plugins", {"directory": str(self.folder), "enabled": {"customers": True, "sales": True}})
            self.ok(self.admin.post("/admin/reload", {}))
            self.assertEqual(self.plugin("sales")["state"], "enabled")
            self.assertEqual(self.answers("/records/sales.inquiry"), 200)
            # And the same by the file alone.
            self.server.setting("plugins", {"directory": str(self.folder), "enabled": {"customers": True}})
            self.ok(self.admin.post("/admin/reload", {}))
            self.assertEqual(self.plugin("sales")["state"], "disabled")
        finally:
            settings.write_text(before)
            self.ok(self.admin.post("/admin/reload", {}))
        self.assertEqual(self.plugin("sales")["state"], "enabled")

    def test_the_command_line_does_the_same(self):
        done = self.server.cli("plugin", "disable", "sales", "--config", self.server.config)
        self.assertEqual((done.returncode, done.stdout), (0, "Switched off: sales\n"), done.stderr)
        listed = self.server.cli("plugin", "list", "--config", self.server.config).stdout
        self.assertRegex(listed, r"(?m)^sales +\S+ +disabled +sales.so: switched off by system$")
        done = self.server.cli("plugin", "enable", "sales", "--config", self.server.config)
        self.assertEqual((done.returncode, done.stdout), (0, "Switched on: sales\n"), done.stderr)
        refused = self.server.cli("plugin", "disable", "customers", "--config", self.server.config)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("switch off sales", refused.stderr)

    def test_without_a_server_it_holds_from_the_next_start_on(self):
        self.server.stop()
        done = self.server.cli("plugin", "disable", "sales", "--config", self.server.config)
        self.assertIn("Switched off: sales\n", done.stdout, done.stderr)
        # Commands that need no database know it, too.
        self.assertIn("Nothing is called sales.inquiry", self.server.cli("explain", "sales.inquiry", "--config", self.server.config, store=False).stderr)
        self.assertRegex(self.server.cli("plugin", "list", "--config", self.server.config).stdout, r"(?m)^sales +\S+ +disabled")
        self.server.start()
        self.admin = self.server.client("admin", fresh=True)
        self.assertEqual(self.plugin("sales")["state"], "disabled")
        self.change("sales", "enable")

    def test_only_administrators_may(self):
        self.server.add_user("plain.user", "Plain", "sales.salesperson")
        plain = self.server.client("plain.user")
        for method, path, body in (("GET", "/admin/plugins", None), ("GET", "/admin/plugins/sales", None), ("POST", "/admin/plugins/sales/disable", {}),
                                   ("POST", "/admin/plugins/sales/enable", {}), ("POST", "/admin/plugins/sales/upgrade", {}), ("DELETE", "/admin/plugins/sales", None),
                                   ("POST", "/admin/plugins/sales/purge", {"confirm": "x"}), ("GET", "/admin/plugins/sales/purge", None),
                                   ("GET", "/admin/plugins/sales/settings", None), ("PATCH", "/admin/plugins/sales/settings", {}),
                                   ("DELETE", "/admin/plugins/sales/quarantine", None), ("GET", "/admin/plugins/sales/history", None)):
            self.problem(plain.request(method, path, body), 403, "forbidden")
        self.assertEqual(self.plugin("sales")["state"], "enabled")


class Installing(_Plugins):
    """One plugin's life: the tests build on each other by their names."""

    def test_1_installed_is_not_yet_on(self):
        answer = self.install(make_plugin(self.made, definitions=ITEM + SETTINGS.replace("NAME", "gift"))).json
        self.assertEqual((answer["name"], answer["version"], answer["state"], answer["signature"], answer["installed"]), ("gift", "1.0.0", "disabled", "unsigned", True))
        self.problem(self.install(self.made / "gift-1.0.0.so", 409), 409, "conflict")
        self.assertEqual(self.answers("/plugins/gift/version"), 404)
        self.server.stop()
        self.server.start()
        self.admin = self.server.client("admin", fresh=True)
        self.assertEqual(self.plugin("gift")["state"], "disabled")
        garbage = self.made / "garbage.so"
        garbage.write_bytes(b"\x7fELF and nothing else")
        self.problem(self.install(garbage, 400), 400, "invalid_argument")
        self.assertEqual(sorted(path.name for path in (self.server.data / "plugins").glob("*.so")), ["gift-1.0.0.so"])
        self.assertEqual(list((self.server.data / "plugins").glob(".upload*")), [])

    def test_2_switched_on_it_works(self):
        self.change("gift", "enable")
        self.assertEqual(self.admin.get("/plugins/gift/version").body, b"1.0.0")
        self.assertEqual(self.ok(self.admin.post("/records/gift.item", {"name": "vase"}), 201).json["made_by"], "1.0.0")

    def test_3_settings_by_the_console(self):
        shown = self.ok(self.admin.get("/admin/plugins/gift/settings")).json["settings"][0]
        self.assertEqual((shown["name"], shown["value"], shown["changed_here"]), ("limit", 9, False))
        changed = self.ok(self.admin.patch("/admin/plugins/gift/settings", {"limit": 20}, Content_Type="application/merge-patch+json")).json["settings"][0]
        self.assertEqual((changed["value"], changed["changed_here"]), (20, True))
        refused = self.admin.patch("/admin/plugins/gift/settings", {"limit": 500}, Content_Type="application/merge-patch+json")
        self.assertEqual(refused.status, 422, refused)
        self.assertEqual(self.ok(self.admin.get("/admin/plugins/gift/settings")).json["settings"][0]["value"], 20)
        self.assertEqual(self.admin.patch("/admin/plugins/gift/settings", {"nothing": 1}, Content_Type="application/merge-patch+json").status, 422)
        self.server.stop()
        self.server.start()
        self.admin = self.server.client("admin", fresh=True)
        self.assertEqual(self.ok(self.admin.get("/admin/plugins/gift/settings")).json["settings"][0]["value"], 20)
        back = self.ok(self.admin.patch("/admin/plugins/gift/settings", {"limit": None}, Content_Type="application/merge-patch+json")).json["settings"][0]
        self.assertEqual((back["value"], back["changed_here"]), (9, False))

    def test_4_an_upgrade_that_the_definitions_refuse_changes_nothing(self):
        self.install(make_plugin(self.made, version="1.0.1", definitions=ITEM.replace("type: text, max: 40, required", "type: nonsense, required")))
        refused = self.admin.post("/admin/plugins/gift/upgrade", {"version": "1.0.1"})
        self.assertEqual(refused.status, 422, refused)
        self.assertEqual(self.admin.get("/plugins/gift/version").body, b"1.0.0")
        self.assertEqual(self.plugin("gift")["version"], "1.0.0")

    def test_5_an_upgrade_keeps_data_and_brings_fields(self):
        self.install(make_plugin(self.made, version="1.1.0", definitions=ITEM + CODE))
        done = self.change("gift", "upgrade", {"version": "1.1.0"}).json
        self.assertTrue(done["restarting"])
        self.again(lambda: self.admin.get("/plugins/gift/version").body == b"1.1.0", "the new version runs")
        items = self.ok(self.admin.get("/records/gift.item")).json["items"]
        self.assertEqual([(one["name"], one["made_by"], one["code"]) for one in items], [("vase", "1.0.0", None)])
        self.assertEqual(self.ok(self.admin.post("/records/gift.item", {"name": "bowl", "code": "B"}), 201).json["made_by"], "1.1.0")
        self.assertEqual(self.plugin("gift")["version"], "1.1.0")

    def test_6_an_upgrade_that_does_not_start_leaves_the_one_before(self):
        self.install(make_plugin(self.made, version="1.2.0", definitions=ITEM + CODE, flags=["-DFAIL"]))
        self.change("gift", "upgrade", {"version": "1.2.0"})
        self.again(lambda: "no licence was found" in json.dumps(self.plugin("gift")), "the failure is told")
        self.again(lambda: self.admin.get("/plugins/gift/version").body == b"1.1.0", "the version before runs")
        self.assertEqual(len(self.ok(self.admin.get("/records/gift.item")).json["items"]), 2)

    def test_6b_a_late_reader_keeps_nothing_of_the_definitions_before(self):
        """A request that began on the definitions of before and reads after they were replaced."""
        self.install(make_plugin(self.made, name="late", flags=["-DSLOW_ROUTE=1500"]))
        self.install(make_plugin(self.made, name="gone"))
        self.change("late", "enable")
        self.change("gone", "enable")
        reader = self.server.client("admin", fresh=True)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(reader.get("/plugins/late/version")))
        thread.start()
        time.sleep(0.5)
        self.change("gone", "disable")
        thread.join()
        self.assertEqual(answers[0].body, b"1.0.0")
        began = time.monotonic()
        self.ok(self.admin.delete("/admin/plugins/gone"), 204)
        preview = self.ok(self.admin.get("/admin/plugins/gone/purge")).json
        self.ok(self.admin.post("/admin/plugins/gone/purge", {"confirm": preview["confirm"]}))
        self.assertLess(time.monotonic() - began, 10, "nothing was in use any more")
        self.change("late", "disable")

    def test_7_removal_keeps_data_until_it_is_purged(self):
        self.problem(self.admin.delete("/admin/plugins/gift"), 409, "conflict")
        self.problem(self.admin.get("/admin/plugins/gift/purge"), 409, "conflict")
        self.change("gift", "disable")
        self.ok(self.admin.delete("/admin/plugins/gift"), 204)
        self.assertIsNone(self.plugin("gift"))
        preview = self.ok(self.admin.get("/admin/plugins/gift/purge")).json
        self.assertEqual(preview["tables"], [{"table": "gift_item", "rows": 2}])
        self.problem(self.admin.post("/admin/plugins/gift/purge", {"confirm": "no"}), 409, "conflict")
        shown = self.server.cli("plugin", "purge", "gift", "--config", self.server.config)
        self.assertIn("gift_item: 2 rows", shown.stdout, shown.stderr)
        done = self.ok(self.admin.post("/admin/plugins/gift/purge", {"confirm": preview["confirm"]})).json
        with open(os.path.join(done["backup"], "gift_item.jsonl"), encoding="utf-8") as file:
            self.assertEqual(sorted(json.loads(line)["name"] for line in file), ["bowl", "vase"])
        self.assertEqual(self.ok(self.admin.get("/admin/plugins/gift/purge")).json["tables"], [])
        # It comes back empty.
        self.install(self.made / "gift-1.1.0.so")
        self.change("gift", "enable")
        self.assertEqual(self.ok(self.admin.get("/records/gift.item")).json["items"], [])
        deeds = [one["action"] for one in self.ok(self.admin.get("/admin/plugins/gift/history")).json["items"]]
        self.assertEqual(deeds[:4], ["enabled", "installed", "purged", "removed"])
        self.problem(self.admin.get("/admin/plugins/gift/history?before=soon"), 400, "invalid_argument")

    def test_8_packs_are_installed_and_used_the_same_way(self):
        rebate = "kind: entity\nname: sales.inquiry\nfields:\n  x_wrapping: {type: text, max: 20, label: Wrapping}\n"
        answer = self.install(make_pack(self.made, definitions=rebate, requires='sales: ">=0.1"')).json
        self.assertEqual((answer["name"], answer["kind"], answer["state"], answer["requires"]), ("wrapping", "pack", "disabled", ["sales >=0.1"]))
        self.change("wrapping", "enable")
        field = lambda: any(one["name"] == "x_wrapping" for one in self.ok(self.admin.get("/model")).json["entities"]["sales.inquiry"]["fields"])
        self.assertTrue(field())
        refused = self.admin.post("/admin/plugins/sales/disable", {})
        self.problem(refused, 409, "conflict")
        self.assertIn("switch off wrapping", refused.json["detail"])
        # Another version of definitions needs no other process.
        self.install(make_pack(self.made, version="1.1.0", definitions=rebate.replace("20", "30"), requires='sales: ">=0.1"'))
        self.assertFalse(self.change("wrapping", "upgrade").json["restarting"])
        self.assertEqual(self.plugin("wrapping")["version"], "1.1.0")
        # What is refused leaves the version of before in use, for later changes, too.
        self.install(make_pack(self.made, version="1.2.0", definitions="kind: view\nname: sales.wrapped\nlabel: W\nentity: sales.nothing\n", requires='sales: ">=0.1"'))
        self.assertEqual(self.admin.post("/admin/plugins/wrapping/upgrade", {}).status, 422)
        self.assertEqual(self.plugin("wrapping")["version"], "1.1.0")
        self.install(make_pack(self.made, name="paper", definitions=rebate.replace("x_wrapping", "x_paper")))
        self.change("paper", "enable")
        self.assertEqual(self.plugin("wrapping")["version"], "1.1.0")
        self.change("paper", "disable")
        self.change("wrapping", "disable")
        self.assertFalse(field())
        self.ok(self.admin.delete("/admin/plugins/wrapping"), 204)
        self.assertIsNone(self.plugin("wrapping"))

    def test_9_a_plugin_that_does_not_start_leaves_everything(self):
        self.install(make_plugin(self.made, name="broken", flags=["-DFAIL"]))
        before = self.ok(self.admin.get("/admin/revisions")).json["items"][0]["id"]
        refused = self.admin.post("/admin/plugins/broken/enable", {})
        self.problem(refused, 409, "conflict")
        self.assertIn("no licence was found", refused.json["detail"])
        self.assertEqual(self.plugin("broken")["state"], "disabled")
        self.assertEqual(self.ok(self.admin.get("/admin/revisions")).json["items"][0]["id"], before)
        self.assertEqual(self.answers("/records/sales.inquiry"), 200)


FILL = 'migrations: {fill: {entity: item, action: fill, where: "record.code == null"}}\n'


class Migrations(_Plugins):
    def test_a_kill_in_the_middle_loses_and_doubles_nothing(self):
        many = 230
        self.install(make_plugin(self.made))
        self.change("gift", "enable")
        for number in range(many):
            self.ok(self.admin.post("/records/gift.item", {"name": f"item {number}"}), 201)
        self.install(make_plugin(self.made, version="1.1.0", definitions=ITEM + CODE, more=FILL, flags=["-DSLOW=4"]))
        self.change("gift", "upgrade")
        state = lambda: self.plugin("gift")["migrations"][0]
        self.again(lambda: 0 < state()["records"] < many, "it has begun")
        self.server.kill()
        self.server.start()
        self.again(lambda: state()["done_at"] is not None, "it goes on by itself")
        self.assertEqual((state()["records"], state()["version"]), (many, "1.1.0"))
        seen, after = 0, ""
        while after is not None:
            page = self.ok(self.admin.get("/records/gift.item" + query(limit=200, **({"after": after} if after else {})))).json
            seen += len(page["items"])
            for one in page["items"]:
                self.assertEqual((one["code"], one["version"]), ("filled", 2), one["name"])
            after = page["next"]
        self.assertEqual(seen, many)
        told = self.ok(self.admin.get(f"/records/gift.item/{page['items'][0]['id']}/timeline")).json["items"][0]
        self.assertEqual(told["source"], "migration gift.fill")
        # Forward only, and once: a later start does nothing.
        self.ok(self.admin.post("/records/gift.item", {"name": "later"}), 201)
        self.server.stop()
        self.server.start()
        self.admin = self.server.client("admin", fresh=True)
        later = self.ok(self.admin.get("/records/gift.item" + query(filter="record.name == 'later'"))).json["items"][0]
        self.assertEqual((later["code"], later["version"]), (None, 1))


class Kills(_Plugins):
    def test_a_kill_at_any_moment_leaves_one_state_or_the_other(self):
        """Twenty kills with --full."""
        made = self.ok(self.admin.post("/records/customers.customer", {"kind": "person", "name": "王芳"}), 201).json
        inquiry = self.ok(self.admin.post("/records/sales.inquiry", {**INQUIRY, "customer": made["id"]}), 201).json
        for turn in range(20 if Setup.full else 3):
            answered = []

            client = Client(self.server.port)
            client.cookie, client.csrf = self.admin.cookie, self.admin.csrf

            def switch():
                try:
                    while True:
                        for what in ("disable", "enable"):
                            if client.post(f"/admin/plugins/sales/{what}", {}).status == 200:
                                answered.append(what)
                except OSError:
                    pass

            thread = threading.Thread(target=switch)
            thread.start()
            time.sleep(random.Random(turn).uniform(0.1, 1.5))
            self.server.kill()
            thread.join()
            self.server.start()
            self.admin = self.server.client("admin", fresh=True)
            shown = self.plugin("sales")
            self.assertIn(shown["state"], ("enabled", "disabled"))
            on = shown["state"] == "enabled"
            if shown["decided"]:
                self.assertEqual(shown["decided"]["on"], on)
            self.assertEqual(self.answers("/records/sales.inquiry"), 200 if on else 404)
            self.assertEqual(self.answers("/plugins/sales/pipeline"), 200 if on else 404)
            # What was acknowledged is there: the last deed of the history is what was answered last, or what came after it.
            deeds = self.ok(self.admin.get("/admin/plugins/sales/history")).json["items"]
            if answered:
                self.assertIn(answered[-1] + "d", [one["action"] for one in deeds[:2]])
                self.assertEqual(deeds[0]["action"] == "enabled", on)
            self.change("sales", "enable")
            self.ok(self.admin.get(f"/records/sales.inquiry/{inquiry['id']}"))


class Signatures(_Plugins):
    @classmethod
    def configure(cls):
        super().configure()
        cls.key = cls.server.home / "partner.key"
        told = cls.server.cli("plugin", "keygen", cls.server.home / "partner", store=False).stdout
        for file in cls.folder.iterdir():
            cls.sign(file)
        cls.server.setting("plugins", {"directory": str(cls.folder), "require_signature": True,
                                       "trusted_keys": {"partner": told.rsplit("partner: ", 1)[1].strip()}})

    @classmethod
    def sign(cls, file):
        done = cls.server.cli("plugin", "sign", file, "--key", cls.key, store=False)
        if done.returncode != 0:
            raise AssertionError(done.stderr)

    def test_only_what_a_trusted_key_signed_is_installed_where_that_is_asked_for(self):
        shown = self.plugin("sales")
        self.assertEqual((shown["state"], shown["signature"], shown["signed_by"]), ("enabled", "trusted", "partner"))
        made = make_plugin(self.made)
        refused = self.install(made, 400)
        self.assertIn("not signed", refused.json["detail"])
        self.sign(made)
        changed = self.made / "changed.so"
        content = bytearray(made.read_bytes())
        content[len(content) // 2] ^= 1
        changed.write_bytes(content)
        self.assertIn("changed", self.install(changed, 400).json["detail"])
        self.assertEqual(list((self.server.data / "plugins").glob("*.so")), [])
        self.assertEqual(self.install(made).json["signed_by"], "partner")
        self.change("gift", "enable")
        self.assertEqual(self.admin.get("/plugins/gift/version").body, b"1.0.0")


class Turns(_Plugins):
    def warm_up(self):
        """Until the server has loaded what it loads when it is first used (dictionaries and the like)."""
        def quick():
            begun = time.monotonic()
            return self.admin.post("/records/customers.customer", {"kind": "person", "name": "预热"}).status == 201 and time.monotonic() - begun < 0.5
        wait_until(lambda: all(quick() for _ in range(5)), 120, "the server is warm")

    def test_requests_of_others_do_not_notice(self):
        """1,000 turns with --full: the plugin off and on, under 16 connections."""
        turns = 1000 if Setup.full else 15
        self.warm_up()
        made = self.ok(self.admin.post("/records/customers.customer", {"kind": "person", "name": "王芳"}), 201).json
        stop, failed, times = threading.Event(), [], {False: [], True: []}
        switching = [False]

        def ask(number):
            client = Client(self.server.port)
            client.cookie, client.csrf = self.admin.cookie, self.admin.csrf
            turn = 0
            while not stop.is_set():
                turn += 1
                begun = time.monotonic()
                under = switching[0]
                try:
                    if number % 4 == 0 and turn % 5 == 0:
                        answer = client.post("/records/customers.customer", {"kind": "person", "name": f"客人{number}-{turn}"})
                        good = answer.status == 201
                    elif number % 4 == 1:
                        answer = client.get("/records/customers.customer" + query(limit=20))
                        good = answer.status == 200
                    elif number % 4 == 2:
                        answer = client.get("/me")
                        good = answer.status == 200
                    else:
                        answer = client.get(f"/records/customers.customer/{made['id']}")
                        good = answer.status == 200
                    if not good:
                        failed.append(repr(answer))
                except OSError as error:
                    failed.append(repr(error))
                times[under].append(time.monotonic() - begun)
                time.sleep(0.1)  # some hundred requests a second: the machine is not at its end

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        try:
            time.sleep(5 if Setup.full else 1.5)
            switching[0] = True
            begun = time.monotonic()
            for _ in range(turns):
                self.change("sales", "disable")
                self.change("sales", "enable")
            seconds = time.monotonic() - begun
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failed, [])
        quiet, busy = (statistics.quantiles(sorted(part), n=100)[98] * 1000 for part in (times[False], times[True]))
        print(f"\n{self.database}: {turns} turns in {seconds:.1f} s under 16 connections: {len(times[True])} requests, 0 failed; "
              f"p99 {quiet:.1f} ms without turns, {busy:.1f} ms with; median {statistics.median(times[False]) * 1000:.1f} and {statistics.median(times[True]) * 1000:.1f} ms")
        self.assertEqual(self.answers("/records/sales.inquiry"), 200)


class Nodes(_Plugins):
    def test_the_other_node_follows(self):
        if self.database != "mariadb":
            return  # an SQLite database belongs to one process
        other = Server(self.database, "other-node")
        other.database.drop()
        other.database = self.server.database
        shutil.rmtree(other.config)
        shutil.copytree(self.server.config, other.config)
        shutil.copy(self.server.home / "data.keys", other.home / "data.keys")  # every node has the same
        other.start()
        try:
            there = other.client("admin")
            self.change("sales", "disable")
            wait_until(lambda: there.get("/records/sales.inquiry").status == 404, 10, "it is off there")
            wait_until(lambda: self.plugin("sales", there)["state"] == "disabled", 10, "it is drained there")
            self.change("sales", "enable")
            wait_until(lambda: there.get("/records/sales.inquiry").status == 200, 10, "it is on there")
            # A file that was installed on one is fetched by the other.
            self.install(make_plugin(self.made))
            self.change("gift", "enable")
            wait_until(lambda: there.get("/plugins/gift/version").body == b"1.0.0", 10, "the installed one is on there")
            self.assertEqual(there.get("/readyz").status, 200)
            self.install(make_plugin(self.made, version="1.1.0", definitions=ITEM + CODE))
            self.change("gift", "upgrade")

            def upgraded():
                try:
                    return other.client("admin", fresh=True).get("/plugins/gift/version").body == b"1.1.0"
                except (OSError, AssertionError):
                    return False
            wait_until(upgraded, 30, "the other node uses the new version")
        finally:
            other.database = type("Shared", (), {"drop": lambda self: None, "options": []})()
            other.remove()
