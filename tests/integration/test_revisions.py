"""Published revisions of the definitions: kept, followed by other nodes, put in use again."""

import shutil
import json

from caravan import Server, ServerCase, wait_until
from test_reload import GOOD as MOOD


class Revisions(ServerCase):
    @classmethod
    def prepare(cls):
        cls.file = cls.server.config / "mood.yaml"

    def setUp(self):
        self.admin = self.server.client("admin")

    def tearDown(self):
        self.file.unlink(missing_ok=True)
        self.ok(self.server.client("admin").post("/admin/reload", {}))

    def revisions(self):
        return self.ok(self.admin.get("/admin/revisions")).json["items"]

    def has_mood(self, server=None):
        model = self.ok((server or self.server).client("admin", fresh=server is not None).get("/model?locale=en")).json
        return any(field["name"] == "x_mood" for field in model["entities"]["sales.inquiry"]["fields"])

    def test_a_reload_publishes_and_an_earlier_one_comes_back(self):
        first = next(one for one in self.revisions() if one["active"])
        self.file.write_text(MOOD)
        self.assertTrue(self.ok(self.admin.post("/admin/reload", {})).json["changed"])
        newest = self.revisions()[0]
        self.assertTrue(newest["active"])
        self.assertEqual(newest["author"], "admin")
        self.assertNotEqual(newest["hash"], first["hash"])
        self.assertTrue(self.has_mood())

        answer = self.ok(self.admin.post(f"/admin/revisions/{first['id']}/activate", {})).json
        self.assertEqual((answer["hash"], answer["changed"]), (first["hash"], True))
        self.assertFalse(self.has_mood())
        # The choice outlives a restart, as long as the files stay as they were.
        self.server.stop()
        self.server.start()
        self.assertFalse(self.has_mood())
        self.admin = self.server.client("admin", fresh=True)
        self.assertEqual(next(one["id"] for one in self.revisions() if one["active"]), first["id"])
        # Changed files are published at the next start.
        self.server.stop()
        self.file.write_text(MOOD.replace("max: 40", "max: 41"))
        self.server.start()
        self.assertTrue(self.has_mood())
        self.admin = self.server.client("admin", fresh=True)

    def test_the_same_definitions_are_one_revision(self):
        before = len(self.revisions())
        self.ok(self.admin.post("/admin/reload", {}))
        self.assertEqual(len(self.revisions()), before)

    def test_a_faulty_one_is_not_published(self):
        before = self.revisions()
        self.file.write_text(MOOD.replace("text", "feeling"))
        self.problem(self.admin.post("/admin/reload", {}), 422, "invalid_record")
        self.assertEqual(self.revisions(), before)

    def test_pages_and_refusals(self):
        self.file.write_text(MOOD.replace("max: 40", "max: 50"))
        self.ok(self.admin.post("/admin/reload", {}))
        page = self.ok(self.admin.get("/admin/revisions?limit=1"))
        self.assertEqual(len(page.json["items"]), 1)
        self.assertIn('rel="next"', page.headers.get("Link", ""))
        rest = self.ok(self.admin.get(f"/admin/revisions?limit=1&before={page.json['next']}")).json
        self.assertLess(int(rest["items"][0]["id"]), int(page.json["items"][0]["id"]))
        for wrong in ("999999", "x", "-1"):
            self.problem(self.admin.post(f"/admin/revisions/{wrong}/activate", {}), 404, "not_found")

    def test_the_command_line(self):
        listed = json.loads(self.server.cli("revision", "list", "--json").stdout)["items"]
        self.assertEqual([one["id"] for one in listed], [one["id"] for one in self.revisions()])
        active = next(one["id"] for one in listed if one["active"])
        done = self.server.cli("revision", "activate", active)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotEqual(self.server.cli("revision", "activate", "999999").returncode, 0)

    def test_other_nodes_follow_within_a_second(self):
        if self.database == "sqlite":
            return  # an SQLite database belongs to one process
        other = Server(self.database, "other")
        own = other.database
        other.database = self.server.database
        try:
            shutil.copy(self.server.home / "data.keys", other.home / "data.keys")  # every node has the same
            other.start()
            self.assertFalse(self.has_mood(other))
            self.file.write_text(MOOD)
            self.ok(self.admin.post("/admin/reload", {}))
            wait_until(lambda: self.has_mood(other), 1.5, "the other node to follow")
            first = self.revisions()[-1]["id"]
            self.ok(self.admin.post(f"/admin/revisions/{first}/activate", {}))
            wait_until(lambda: not self.has_mood(other), 1.5, "the other node to go back")
        finally:
            other.stop()
            other.database = own
            other.remove()
