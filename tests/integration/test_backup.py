"""Backup while others write, restored elsewhere and equal by checksum; nothing is lost by a restore that nobody meant."""

import contextlib
import json
import shutil
import subprocess
import threading
import zlib

import caravan
from caravan import Database, ServerCase, multipart


class Backup(ServerCase):
    def setUp(self):
        self.admin = self.server.client("admin")
        self.folder = self.server.home / self.id().rpartition(".")[2]

    def restore(self, home, database, *options):
        return subprocess.run([str(self.server.binary), "restore", str(self.folder), "--config", str(self.server.config), "--data", str(home), *database.options, *options],
                              capture_output=True, text=True, timeout=300, env=self.server.environment)

    def elsewhere(self):
        home = self.server.home / f"other-{zlib.crc32(self.id().encode()):x}"  # short: a socket's path has 107 bytes
        database = Database(self.database, home)
        self.addCleanup(self.forget, database)
        return home, database

    def forget(self, database):
        with contextlib.suppress(RuntimeError):  # dropped with the server that ran on it
            database.drop()

    def test_backup_under_load_is_restored_equal(self):
        person = self.ok(self.admin.post("/records/customers.customer", {"kind": "person", "name": "附件"}), 201).json["id"]
        body, kind = multipart(file=("a.txt", "kept in the backup"))
        attachment = self.ok(self.admin.request("POST", f"/records/customers.customer/{person}/attachments", body, {"Content-Type": kind}), 201).json["id"]
        stop, made, failures = threading.Event(), [], []

        def write():
            client = self.server.client("admin")
            while not stop.is_set():
                answer = client.post("/records/customers.customer", {"kind": "person", "name": f"Load {len(made)}"})
                (made if answer.status == 201 else failures).append(answer)

        writers = [threading.Thread(target=write) for _ in range(3)]
        for writer in writers:
            writer.start()
        caravan.wait_until(lambda: len(made) > 50, 30, "some load")
        before = len(made)
        done = self.server.cli("backup", self.folder)
        after = len(made)
        stop.set()
        for writer in writers:
            writer.join()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(failures, [])
        manifest = json.loads((self.folder / "manifest.json").read_text())
        tables = {table["name"]: table for table in manifest["tables"]}
        rows = tables["customers_customer"]["rows"]
        self.assertTrue(before + 1 <= rows <= after + 4, (before, rows, after))
        # One moment: each record has its history.
        self.assertFalse([path for path in self.folder.rglob("*keys*")])
        home, database = self.elsewhere()
        back = self.restore(home, database, "--verify")
        self.assertEqual(back.returncode, 0, back.stdout + back.stderr)
        self.assertIn("Every table and file has the checksum of the backup", back.stdout)
        # A server on it shows the same, and the file.
        other = caravan.Server(self.database, "restored")
        self.addCleanup(other.remove)
        shutil.rmtree(other.config)
        shutil.copytree(self.server.config, other.config)
        if other.database.name:
            other.database.drop()
        other.database, other.data = database, home
        # Keys are kept elsewhere.
        shutil.copy(self.server.home / "data.keys", home.with_name(home.name + ".keys"))
        other.start()
        client = other.client("admin")
        self.assertEqual(self.count(client, "customers.customer"), rows)
        self.assertEqual(self.ok(client.get(f"/records/customers.customer/{person}/attachments/{attachment}")).body, b"kept in the backup")
        self.assertEqual(self.ok(client.get(f"/records/customers.customer/{person}/timeline")).json["items"][-1]["action"], "create")
        other.stop()
        # There is data now.
        again = self.restore(home, database)
        self.assertEqual(again.returncode, 1)
        self.assertIn("--overwrite", again.stderr)
        over = self.restore(home, database, "--overwrite", "--verify")
        self.assertEqual(over.returncode, 0, over.stdout + over.stderr)

    def test_a_backup_that_was_changed_is_found_out(self):
        done = self.server.cli("backup", self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        again = self.server.cli("backup", self.folder)
        self.assertIn("not empty", again.stderr)
        manifest = json.loads((self.folder / "manifest.json").read_text())
        table = next(table for table in manifest["tables"] if table["name"] == "core_user")
        table["sha256"] = "0" * 64
        (self.folder / "manifest.json").write_text(json.dumps(manifest))
        home, database = self.elsewhere()
        back = self.restore(home, database, "--verify")
        self.assertEqual(back.returncode, 1)
        self.assertIn("the table core_user has another checksum", back.stderr)
        (self.folder / "manifest.json").unlink()
        back = self.restore(home, database, "--overwrite")
        self.assertIn("is no backup", back.stderr)

    def test_a_damaged_backup_changes_nothing(self):
        person = self.ok(self.admin.post("/records/customers.customer", {"kind": "person", "name": "Kept"}), 201).json["id"]
        body, kind = multipart(file=("a.txt", "before the damage"))
        self.ok(self.admin.request("POST", f"/records/customers.customer/{person}/attachments", body, {"Content-Type": kind}), 201)
        self.assertEqual(self.server.cli("backup", self.folder).returncode, 0)
        home, database = self.elsewhere()
        self.assertEqual(self.restore(home, database).returncode, 0)
        kept = self.server.home / "kept.backup"

        def damaged(path, old, what):
            whole = path.read_bytes()
            self.assertIn(old, whole)
            path.write_bytes(whole.replace(old, b"Lost"))
            back = self.restore(home, database, "--overwrite")
            self.assertEqual(back.returncode, 1, (path, back.stdout))
            self.assertIn("nothing was changed", back.stderr)
            self.assertIn(what, back.stderr)
            path.write_bytes(whole)
            # What is there has the checksums of the backup.
            shutil.rmtree(kept, ignore_errors=True)
            done = subprocess.run([str(self.server.binary), "backup", str(kept), "--config", str(self.server.config), "--data", str(home), *database.options],
                                  capture_output=True, text=True, timeout=300, env=self.server.environment)
            self.assertEqual(done.returncode, 0, done.stderr)
            for part in ("tables", "files"):
                self.assertEqual(json.loads((kept / "manifest.json").read_text())[part], json.loads((self.folder / "manifest.json").read_text())[part])

        name = json.loads((self.folder / "manifest.json").read_text())["files"][0]["name"]
        damaged(next(self.folder.rglob(name)), b"fore", f"the file {name} has another checksum")
        tables = self.folder / "tables"
        damaged(tables / "customers_customer.rows" if tables.exists() else self.folder / "database.sqlite", b"Kept", "the table customers_customer has another checksum")

    def test_a_running_server_is_not_restored_over(self):
        self.assertEqual(self.server.cli("backup", self.folder).returncode, 0)
        back = self.server.cli("restore", self.folder, "--overwrite")
        self.assertEqual(back.returncode, 1)
        self.assertIn("stop it first", back.stderr)
        self.ok(self.admin.get("/me"))
