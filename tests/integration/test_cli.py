"""The command line, with a running server and without."""

import json
import shutil
import unittest

from caravan import STAFF_PASSWORD, Server, ServerCase, query

COMMANDS = ["serve", "check", "schema", "user", "import", "plugin", "reload", "explain", "diff", "revision", "version"]


class CommandLine(ServerCase):
    def test_help_everywhere(self):
        top = self.server.cli("--help", store=False)
        self.assertEqual(top.returncode, 0)
        for command in COMMANDS:
            self.assertIn(command, top.stdout)
            with self.subTest(command):
                done = self.server.cli(command, "--help", store=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(command, done.stdout)

    def test_unknown_words_are_refused(self):
        for words in (["frobnicate"], ["serve", "--no-such-option"], ["schema", "frobnicate"], []):
            with self.subTest(words):
                done = self.server.cli(*words, store=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertTrue(done.stderr or done.stdout)

    def test_version(self):
        done = self.server.cli("version", store=False)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"\d+\.\d+\.\d+")

    def test_plugin_list(self):
        done = self.server.cli("plugin", "list", store=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("customers", "sales"):
            self.assertIn(name, done.stdout)

    def test_shipped_configuration_passes_the_check(self):
        done = self.server.cli("check", "--config", self.server.config, store=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_check_reads_only_what_changed(self):
        cache = self.server.home / "kept"
        check = lambda *more: self.server.cli("check", "--config", self.server.config, *more, store=False)
        plain = check("--no-cache").stdout
        self.assertIn("No mistakes", plain)
        self.assertFalse(cache.exists())
        self.assertEqual(check("--cache", cache).stdout, plain)
        kept = list(cache.iterdir())
        self.assertEqual(len(kept), 1)
        written = kept[0].stat().st_mtime_ns
        self.assertEqual(check("--cache", cache).stdout, plain)
        self.assertEqual(kept[0].stat().st_mtime_ns, written)
        # Damaged, cut, or somebody else's: only time is lost.
        whole = kept[0].read_bytes()
        for damaged in (whole[:1000] + b"?" + whole[1001:], whole[:-7], b"", b"x" * 5000):
            kept[0].write_bytes(damaged)
            self.assertEqual(check("--cache", cache).stdout, plain)
            self.assertEqual(len(list(cache.iterdir())), 1)
        file = self.server.config / "faulty.yaml"
        try:
            for text in ("kind: entity\nname: sales.inquiry\nfields:\n  x_mood: {type: feeling}\n", "kind: entity\nname: sales.inquiry\nfields: {\n"):
                file.write_text(text)
                told = check("--no-cache")
                self.assertEqual(told.returncode, 1)
                for _ in range(2):
                    self.assertEqual(check("--cache", cache).stdout, told.stdout)
        finally:
            file.unlink()
        # A folder that cannot be written to is no mistake.
        self.assertEqual(check("--cache", "/proc/nowhere").stdout, plain)
        self.assertEqual(check("--cache", self.server.config / "caravan.yaml" / "x").stdout, plain)

    def test_explain_tells_which_file_said_what(self):
        done = self.server.cli("explain", "sales.inquiry.budget", "--config", self.server.config, store=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("fields.budget.type: money", done.stdout)
        self.assertIn("plugin sales (sales.so:definitions/inquiry.yaml:", done.stdout)
        as_json = self.server.cli("explain", "sales.inquiry.budget", "--json", "--config", self.server.config, store=False)
        self.assertEqual(json.loads(as_json.stdout)[0]["name"], "sales.inquiry")
        unknown = self.server.cli("explain", "sales.nothing", "--config", self.server.config, store=False)
        self.assertEqual(unknown.returncode, 1)
        self.assertIn("Nothing is called sales.nothing", unknown.stderr)

    def test_diff_of_an_installed_plugin_is_empty(self):
        listed = json.loads(self.server.cli("plugin", "list", "--json", store=False).stdout)
        sales = next(one for one in listed if one["name"] == "sales")
        done = self.server.cli("diff", str(self.server.binary.parent / "plugins" / sales["file"]), "--config", self.server.config, store=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("nothing would change", done.stdout)

    def test_user_add_and_new_password(self):
        self.server.add_user("cli.user", "周敏", "sales.salesperson")
        me = self.server.client("cli.user").get("/me").json
        self.assertEqual((me["name"], me["roles"]), ("周敏", ["sales.salesperson"]))
        done = self.server.cli("user", "passwd", "cli.user", "--password-stdin", text_input="another-password-2\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.server.client().login("cli.user", STAFF_PASSWORD).status, 401)
        self.server.client("cli.user", "another-password-2")

    def test_user_mistakes(self):
        self.server.add_user("cli.twice", "吴静", "sales.salesperson")
        for words, text in ((["user", "add", "cli.twice", "--name", "x", "--role", "sales.salesperson", "--password-stdin"], "Another user has this name"),
                            (["user", "add", "cli.role", "--name", "x", "--role", "sales.nobody", "--password-stdin"], "sales.nobody"),
                            (["user", "passwd", "cli.nobody", "--password-stdin"], "cli.nobody")):
            with self.subTest(words):
                done = self.server.cli(*words, text_input=STAFF_PASSWORD + "\n")
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(text, done.stderr + done.stdout)
        short = self.server.cli("user", "add", "cli.short", "--name", "x", "--role", "sales.salesperson", "--password-stdin",
                                text_input="short\n")
        self.assertNotEqual(short.returncode, 0)
        self.assertEqual(self.server.client().login("cli.short", "short").status, 401)


class WithoutServer(ServerCase):
    """The same commands when no server runs: they open the database themselves."""

    def test_users_and_imports_with_the_server_down(self):
        self.assertEqual(self.server.stop(), 0)
        self.server.add_user("offline.user", "离线", "sales.salesperson")
        table = self.server.home / "customers.csv"
        table.write_text("id,name\n1,甲\n2,乙\n")
        mapping = self.server.home / "map.yaml"
        mapping.write_text(
            "kind: import_map\nname: offline\nentity: customers.customer\nsource: offline\nrecords:\n  customer:\n"
            "    entity: customers.customer\n    external_id: {column: id}\n    fields:\n"
            "      name: {column: name}\n      kind: {value: person}\n")
        done = self.server.cli("import", "customers.customer", table, "--map", mapping)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        self.server.start()
        client = self.server.client("offline.user")
        found = self.ok(client.get("/records/customers.customer" + query(filter='record.external_source == "offline"'))).json
        self.assertEqual(sorted(item["name"] for item in found["items"]), ["乙", "甲"])


class Schema(ServerCase):
    def test_a_new_field_is_planned_then_applied_and_then_nothing_is_left(self):
        self.assertEqual(self.server.stop(), 0)
        extra = self.server.config / "extra.yaml"
        extra.write_text("kind: entity\nname: sales.inquiry\nfields:\n  x_plan: {type: int, label: {en: Plan, zh-CN: 计划, zh-TW: 計劃}}\n")
        config = ["--config", self.server.config]
        plan = self.server.cli("schema", "plan", *config)
        self.assertEqual(plan.returncode, 0, plan.stderr)
        self.assertIn("x_plan", plan.stdout)
        applied = self.server.cli("schema", "apply", *config)
        self.assertEqual(applied.returncode, 0, applied.stderr)
        again = self.server.cli("schema", "plan", *config)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertNotIn("x_plan", again.stdout)
        # Taking it away would lose values: only by an explicit word.
        extra.unlink()
        refused = self.server.cli("schema", "apply", *config)
        self.assertTrue(refused.returncode != 0 or "x_plan" in refused.stdout + refused.stderr, refused.stdout + refused.stderr)
        self.server.start()
        client = self.server.client("admin")
        self.ok(client.get("/records/sales.inquiry"))


class Programs(unittest.TestCase):
    def test_check_without_any_database(self):
        server = Server("sqlite", "Programs")
        self.addCleanup(server.remove)
        shutil.rmtree(server.data, ignore_errors=True)
        done = server.cli("check", "--config", server.config, "--format", "json", store=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        json.loads(done.stdout)
        self.assertFalse(server.data.exists(), "check touches no data")
