"""A million records in and out, with the memory that it takes (--full)."""

import csv
import os
import random
import subprocess
import time

import caravan
import desk
from caravan import Database, Server

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
        peak, _ = self.measured("backup", "backup", home / "backup")
        self.assertLess(peak, 150)
        database = Database(self.database, home / "elsewhere")
        self.addCleanup(database.drop)
        _, output = self.measured("restore", "restore", home / "backup", "--verify", store=["--data", str(home / "elsewhere"), *database.options])
        self.assertIn("Every table and file has the checksum of the backup", output)
