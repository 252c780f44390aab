"""A million records in and out, with the memory that it takes (--full)."""

import contextlib
import csv
import json
import os
import random
import subprocess
import threading
import time

import caravan
import desk
from caravan import Database, Server

WRITERS = 3
ROWS = int(1_000_000 * float(os.environ.get("CARAVAN_SCALE", "1")))
MAP = ("kind: import_map\nname: million\nentity: desk.client\nsource: million\nrecords:\n  c:\n    entity: desk.client\n    external_id: {column: id}\n"
       "    fields: {name: {column: name}, phone: {column: phone}, tier: {column: tier}}\n")


class Million(caravan.ServerCase):
    """The command line does it in a process of its own, whose memory is measured."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(cls.database, cls.__name__)
        cls.addClassCleanup(cls.server.remove)
        (cls.server.config / "desk.yaml").write_text(desk.DEFINITIONS)
        (cls.server.home / "map.yaml").write_text(MAP)
        chance = random.Random(7)
        with open(cls.server.home / "rows.csv", "w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(["id", "name", "phone", "tier"])
            out.writerows([n, chance.choice("王李张刘陈杨黄赵吴周") + chance.choice("伟芳娜敏静丽强磊军洋") + str(n % 977), f"13{chance.randrange(10**9):09d}", n % 7]
                          for n in range(ROWS))

    def measured(self, what, *arguments, store=None):
        """Runs the command; its seconds and the most memory that it had, in MiB."""
        begin = time.monotonic()
        command = [str(self.server.binary), *map(str, arguments), "--config", str(self.server.config), *(store or self.server.store)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.server.environment, cwd=self.server.home)
        output = process.stdout.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds, peak = time.monotonic() - begin, usage.ru_maxrss / 1024
        self.assertEqual(process.returncode, 0, output)
        print(f"\n  {self.database}, {what}: {seconds:.1f} s, {ROWS / seconds:,.0f} records/s, peak {peak:.0f} MiB", end="", flush=True)
        return peak, output

    @contextlib.contextmanager
    def writers(self):
        """A server whose clients write all the time; what they were told was written."""
        self.server.start()
        stop, made, failures = threading.Event(), [], []

        def write():
            client = self.server.client("admin")
            while not stop.is_set():
                answer = client.post("/records/desk.client", {"name": f"Load {len(made)}", "phone": "13900000000"})
                (made if answer.status == 201 else failures).append(answer.status)

        self.server.client("admin")
        threads = [threading.Thread(target=write) for _ in range(WRITERS)]
        for thread in threads:
            thread.start()
        try:
            caravan.wait_until(lambda: len(made) > 50, 30, "some load")
            yield made
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            self.server.stop()
        self.assertEqual(failures, [])

    def test_in_and_out(self):
        home = self.server.home
        _, output = self.measured("import", "import", "desk.client", home / "rows.csv", "--map", home / "map.yaml")
        self.assertIn(f"created {ROWS}", output)
        for form in ("csv", "jsonl", "xlsx"):
            peak, _ = self.measured(f"export {form}", "export", "desk.client", home / f"out.{form}", "--format", form)
            self.assertLess(peak, 150)
        with open(home / "out.csv", encoding="utf-8", newline="") as out, open(home / "rows.csv", encoding="utf-8", newline="") as rows:
            for exported, row in zip(csv.DictReader(out), csv.DictReader(rows), strict=True):
                self.assertEqual((exported["external_id"], exported["name"], exported["phone"], exported["tier"]), (row["id"], row["name"], row["phone"], row["tier"]))
        with self.writers() as made:
            before = len(made)
            peak, _ = self.measured("backup under write load", "backup", home / "backup")
            after = len(made)
        self.assertLess(peak, 150)
        rows = next(table["rows"] for table in json.loads((home / "backup" / "manifest.json").read_text())["tables"] if table["name"] == "desk_client")
        self.assertTrue(ROWS + before <= rows <= ROWS + after + WRITERS, (before, rows, after))
        print(f"\n  {self.database}: {after - before} records written meanwhile, {rows - ROWS} of them in the backup", end="", flush=True)
        database = Database(self.database, home / "elsewhere")
        self.addCleanup(database.drop)
        _, output = self.measured("restore", "restore", home / "backup", "--verify", store=["--data", str(home / "elsewhere"), *database.options])
        self.assertIn("Every table and file has the checksum of the backup", output)
