"""History on the command line: what was changed behind the server's back is found; deletes come back."""

import json
import sqlite3
import unittest

from caravan import ServerCase


class History(ServerCase):
    def execute(self, statement):
        """Past the server, as somebody with the database's password would."""
        if self.server.kind == "mariadb":
            self.server.database.sql(f"USE {self.server.database.name}; {statement}")
            return
        connection = sqlite3.connect(self.server.data / "caravan.db", timeout=20)
        with connection:
            connection.execute(statement)
        connection.close()

    def verify(self, *options):
        done = self.server.cli("audit", "verify", "--config", self.server.config, "--json", *options)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(done.returncode, 1 if report["items"] else 0)
        return report

    def test_changes_past_the_server_are_found_with_and_without_it(self):
        admin = self.server.client("admin")
        made = [self.ok(admin.post("/records/customers.customer", {"kind": "person", "name": f"历史{i}"}), 201).json["id"] for i in range(3)]
        for one in made:
            self.ok(admin.patch(f"/records/customers.customer/{one}", {"name": "改名" + one}, If_Match="*"))
        report = self.verify()
        self.assertEqual(report["items"], [])
        self.assertGreaterEqual(report["events"], 6)

        self.server.stop()  # SQLite's file is one process's own
        self.execute(f"UPDATE customers_customer SET name = '冒名' WHERE id = {made[0]}")
        self.execute(f"UPDATE event SET actor_id = NULL WHERE record_id = {made[1]} AND version = 2")
        offline = self.verify()
        self.server.start()
        online = self.verify()
        self.assertEqual(offline["items"], online["items"])
        self.assertEqual([(f["id"], f["version"], f["code"]) for f in online["items"]],
                         [(made[0], 2, "row_changed"), (made[1], 2, "event_changed")])
        self.assertIn("name", online["items"][0]["what"])
        self.assertNotIn("冒名", json.dumps(online, ensure_ascii=False), "values stay where they are")
        self.assertEqual(self.verify("--entity", "customers.customer", "--record", made[2])["items"], [])
        shown = self.server.cli("audit", "verify", "--config", self.server.config)
        self.assertEqual(shown.returncode, 1)
        self.assertIn(f"customers.customer {made[1]}, version 2", shown.stdout)
        self.assertIn("2 findings", shown.stdout)
        unknown = self.server.cli("audit", "verify", "--config", self.server.config, "--entity", "no.such")
        self.assertEqual(unknown.returncode, 1)
        self.assertIn("no.such", unknown.stderr)

    def test_a_deleted_record_comes_back(self):
        admin = self.server.client("admin")
        one = self.ok(admin.post("/records/customers.customer", {"kind": "person", "name": "回来"}), 201).json
        gone = self.ok(admin.delete(f"/records/customers.customer/{one['id']}", If_Match="*"), 204)
        self.assertRegex(gone.headers["Undo-Until"], r"^20\d\d-")
        self.assertIn(one["id"], [d["id"] for d in self.ok(admin.get("/deleted/customers.customer")).json["items"]])
        back = self.ok(admin.post(f"/records/customers.customer/{one['id']}/restore")).json
        self.assertEqual((back["number"], back["name"], back["version"]), (one["number"], "回来", 3))


if __name__ == "__main__":
    unittest.main()
