"""The durable queue as administrators see it, and the chores that clear away what has had its time."""

import contextlib
import json
import os
import shutil
import sqlite3
import time

from caravan import ServerCase, multipart, wait_until


class Jobs(ServerCase):
    def setUp(self):
        self.admin = self.server.client("admin")

    def sql(self, statement):
        if self.database == "mariadb":
            return self.server.database.sql(f"USE {self.server.database.name}; {statement}").split()
        with contextlib.closing(sqlite3.connect(self.server.data / "caravan.db", timeout=20)) as connection:
            rows = connection.execute(statement).fetchall()
            connection.commit()
            return [str(cell) for row in rows for cell in row]

    def count(self, table, where="1 = 1"):
        return int(self.sql(f"SELECT COUNT(*) FROM {table} WHERE {where}")[0])

    def chore(self, kind):
        items = self.ok(self.admin.get(f"/admin/jobs?kind={kind}")).json["items"]
        self.assertLessEqual(len(items), 1, items)
        return items[0] if items else {"state": "between two runs"}

    def run_now(self, kind):
        wait_until(lambda: self.chore(kind)["state"] == "waiting", 10, f"{kind} to wait")
        self.ok(self.admin.post(f"/admin/jobs/{self.chore(kind)['id']}/replay", {}), 204)

    def long_ago(self):
        return "1" if self.database == "sqlite" else "'2020-01-01 00:00:00'"

    def test_chores_wait_for_their_time(self):
        for kind in ("purge.deleted_records", "purge.idempotency_keys", "purge.expired_shares"):
            wait_until(lambda kind=kind: self.chore(kind)["state"] == "waiting", 10, f"{kind} to wait")
            job = self.chore(kind)
            self.assertEqual(job["queue"], "chores")
            self.assertEqual(self.ok(self.admin.get(f"/admin/jobs/{job['id']}")).json["kind"], kind)
        stats = self.ok(self.admin.get("/admin/jobs/stats")).json["items"]
        self.assertEqual(next(one for one in stats if one["queue"] == "chores")["dead"], 0)

    # -- files that nobody has
    def stored(self, name, days=0):
        """A file in the store that was written some days ago."""
        path = self.server.data / "files" / name[:2] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left")
        then = time.time() - days * 86_400
        os.utime(path, (then, then))
        return path

    def attached(self, record, content):
        """A file at the record: its path at the API and in the store."""
        body, kind = multipart(file=("a.txt", content))
        place = f"/records/customers.customer/{record}/attachments"
        made = self.ok(self.admin.request("POST", place, body, {"Content-Type": kind}), 201).json
        name = self.sql(f"SELECT name FROM stored_file WHERE sha256 = '{made['sha256']}'")[0]
        path = self.server.data / "files" / name[:2] / name
        self.assertTrue(path.exists())
        return f"{place}/{made['id']}", path

    def swept(self, *paths):
        self.run_now("purge.attachments")
        wait_until(lambda: not any(path.exists() for path in paths), 20, "the sweep")

    def test_files_of_nothing_are_swept(self):
        record = self.create(self.admin, "customers.customer", kind="person", name="附件")["id"]
        other = self.create(self.admin, "customers.customer", kind="person", name="附件二")["id"]
        kept, kept_file = self.attached(record, "kept")
        taken, taken_file = self.attached(record, "taken off")
        shared, shared_file = self.attached(record, "at two")
        self.attached(other, "at two")
        gone, gone_file = self.attached(other, "of a record that goes")
        self.ok(self.admin.delete(taken), 204)
        self.ok(self.admin.delete(shared), 204)
        self.ok(self.admin.delete(f"/records/customers.customer/{other}", If_Match="*"), 204)
        stray, fresh = self.stored("ab" * 16, days=2), self.stored("cd" * 16)
        foreign = self.stored("lost+found", days=9)
        self.swept(taken_file, stray)
        # What is new may be a call's that is under way, and what bears no name of ours is not ours.
        self.assertTrue(fresh.exists() and foreign.exists())
        self.assertEqual(self.ok(self.admin.get(kept)).body, b"kept")
        # A record that may come back keeps its files.
        self.assertTrue(gone_file.exists() and shared_file.exists())
        self.ok(self.admin.post(f"/records/customers.customer/{other}/restore", {}))
        self.assertEqual(self.ok(self.admin.get(gone)).body, b"of a record that goes")
        self.ok(self.admin.delete(f"/records/customers.customer/{other}", If_Match="*"), 204)
        self.sql(f"UPDATE deleted_record SET purge_at = {self.long_ago()} WHERE record_id = {other}")
        self.run_now("purge.deleted_records")
        wait_until(lambda: self.count("deleted_record", f"record_id = {other}") == 0, 10, "the purge")
        self.swept(gone_file, shared_file)
        self.assertEqual((self.count("attachment", f"record_id = {other}"), self.count("stored_file", f"name = '{gone_file.name}'")), (0, 0))
        self.assertTrue(kept_file.exists())
        for path in (fresh, foreign):
            path.unlink()

    def test_many_files_do_not_hide_what_nobody_has(self):
        record = self.create(self.admin, "customers.customer", kind="person", name="很多附件")["id"]
        known = [f"{number:08x}".rjust(32, "e") for number in range(1000)]
        now = self.sql("SELECT created_at FROM customers_customer LIMIT 1")[0] if self.database == "sqlite" else "2020-01-01"
        for begin in range(0, len(known), 500):
            some = list(enumerate(known[begin:begin + 500], 700_000_000 + begin))
            self.sql("INSERT INTO stored_file (id, name, sha256, size, media_type, created_at) VALUES " + ", ".join(
                f"({number}, '{name}', '{name}{name}', 4, 'text/plain', '{now}')" for number, name in some))
            self.sql("INSERT INTO attachment (id, entity, record_id, file_id, name, created_at) VALUES " + ", ".join(
                f"({number}, 'customers.customer', {record}, {number}, 'a.txt', '{now}')" for number, name in some))
        for name in known:
            self.stored(name, days=3)
        self.swept(*(self.stored(f"{number:08x}".rjust(32, "d"), days=2) for number in range(8)))
        self.assertEqual([name for name in known if not (self.server.data / "files" / name[:2] / name).exists()], [])
        self.sql(f"DELETE FROM attachment WHERE record_id = {record}")
        self.sql("DELETE FROM stored_file WHERE id >= 700000000")
        shutil.rmtree(self.server.data / "files" / known[0][:2])

    def test_lists_are_paged(self):
        seen, after = [], ""
        while True:
            page = self.ok(self.admin.get(f"/admin/jobs?limit=1{after}")).json
            seen += [one["id"] for one in page["items"]]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        self.assertGreaterEqual(len(seen), 3)
        self.assertEqual(len(seen), len(set(seen)))

    def test_a_deleted_record_is_purged_after_its_time(self):
        kept = self.create(self.admin, "customers.customer", kind="person", name="王芳")
        gone = self.create(self.admin, "customers.customer", kind="person", name="李强")
        for one in (kept, gone):
            self.ok(self.admin.delete(f"/records/customers.customer/{one['id']}", **{"If-Match": "*"}), 204)
        self.sql(f"UPDATE deleted_record SET purge_at = {self.long_ago()} WHERE record_id = {gone['id']}")
        self.run_now("purge.deleted_records")
        wait_until(lambda: self.count("deleted_record", f"record_id = {gone['id']}") == 0, 10, "the purge")
        self.problem(self.admin.post(f"/records/customers.customer/{gone['id']}/restore", {}), 404, "not_found")
        self.assertEqual(self.ok(self.admin.post(f"/records/customers.customer/{kept['id']}/restore", {})).json["name"], "王芳")

    def test_an_old_key_is_forgotten(self):
        def post():
            return self.admin.post("/records/customers.customer", {"kind": "person", "name": "周敏"}, **{"Idempotency-Key": "kept for a day"})
        first = self.ok(post(), 201).json["id"]
        self.assertEqual(self.ok(post(), 201).json["id"], first)
        self.sql(f"UPDATE idempotency_key SET created_at = {self.long_ago()}")
        self.run_now("purge.idempotency_keys")
        wait_until(lambda: self.count("idempotency_key") == 0, 10, "the purge")
        self.assertNotEqual(self.ok(post(), 201).json["id"], first)

    def test_refusals(self):
        self.problem(self.admin.get("/admin/jobs/999999999"), 404, "not_found")
        self.problem(self.admin.post("/admin/jobs/999999999/replay", {}), 404, "not_found")
        self.problem(self.admin.get("/admin/jobs?state=lost"), 400, "invalid_argument")
        self.server.add_user("jobs.staff", "吴静", "sales.salesperson")
        self.problem(self.server.client("jobs.staff").get("/admin/jobs"), 403, "forbidden")

    def test_the_command_line(self):
        done = self.server.cli("jobs", "list", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        kinds = {one["kind"] for one in json.loads(done.stdout)["items"]}
        self.assertIn("purge.deleted_records", kinds)
        wait_until(lambda: self.chore("purge.expired_shares")["state"] == "waiting", 10, "the chore to wait")
        job = self.chore("purge.expired_shares")["id"]
        for words in (["stats"], ["show", job], ["replay", job]):
            done = self.server.cli("jobs", *words)
            self.assertEqual(done.returncode, 0, f"{words}: {done.stderr}")
        self.assertNotEqual(self.server.cli("jobs", "show", "999999999").returncode, 0)
