"""`schema apply`, killed at any moment: the next one finishes, and the tables are the wanted ones.

In a normal run two moments, with --full thirty.
"""

import contextlib
import itertools
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import time

from caravan import Server, ServerCase, Setup, die_with_parent

ROWS = 20_000
FIELDS = 24
ENTITIES = 12


def changes():
    """Definitions that need new tables, new columns, new indexes and constraints on a table with rows, and wider texts."""
    out = ["kind: entity\nname: sales.inquiry\nfields:\n  destination: {max: 600}\n"]
    for n in range(FIELDS):
        kind = ["{type: text, max: 40}", "{type: int}", "{type: money}", "{type: date}", "{type: instant}"][n % 5]
        out.append(f"  x_extra_{n}: {kind}\n")
    out.append("indexes:\n")
    for n in range(0, FIELDS, 3):
        out.append(f"  x_by_{n}: [x_extra_{n}, created_at]\n")
    out.append("invariants:\n")
    for n in range(1, FIELDS, 5):
        out.append(f"  small_{n}: {{check: \"record.x_extra_{n} <= {n}\", message: {{en: No, zh-CN: 不, zh-TW: 不}}}}\n")
    out.append("  near: {check: \"record.destination != '远'\", message: {en: No, zh-CN: 不, zh-TW: 不}}\n")
    for n in range(ENTITIES):
        out.append(f"---\nkind: entity\nname: agency.thing_{n}\nlabel: {{en: Thing {n}, zh-CN: 物品{n}, zh-TW: 物品{n}}}\nfields:\n")
        out.extend(f"  field_{i}: {{type: text, max: 80}}\n" for i in range(8))
        out.append("  inquiry: {type: ref, to: sales.inquiry}\nindexes:\n  by_one: [field_1, field_2]\n")
        out.append("invariants: {one: {check: \"record.field_1 != record.field_2\", message: {en: No, zh-CN: 不, zh-TW: 不}}}\n")
    return "".join(out)


class SchemaKill(ServerCase):
    """Its servers never run: only commands do."""

    @classmethod
    def setUpClass(cls):
        pass

    def setUp(self):
        self.server = Server(self.database, "schema-kill")
        self.addCleanup(self.server.remove)

    def apply(self, **options):
        return self.server.cli("schema", "apply", "--config", self.server.config, **options)

    def sqlite(self):
        return contextlib.closing(sqlite3.connect(self.server.data / "caravan.db"))

    def sql(self, statement):
        if self.database == "mariadb":
            return self.server.database.sql(f"USE {self.server.database.name}; {statement}")
        with self.sqlite() as connection:
            return connection.executescript(statement)

    def shape(self):
        """Tables, columns, indexes and constraints, as text."""
        if self.database == "mariadb":
            name = self.server.database.name
            return self.server.database.sql(
                f"SELECT table_name, column_name, column_type, is_nullable FROM information_schema.columns WHERE table_schema = '{name}' "
                f"ORDER BY 1, 2; SELECT table_name, index_name, non_unique, seq_in_index, column_name FROM information_schema.statistics "
                f"WHERE table_schema = '{name}' ORDER BY 1, 2, 4; SELECT table_name, constraint_name, check_clause "
                f"FROM information_schema.check_constraints WHERE constraint_schema = '{name}' ORDER BY 1, 2")
        with self.sqlite() as connection:
            tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
            out = []
            for table in tables:
                columns = sorted(str(row[1:4]) for row in connection.execute(f'PRAGMA table_info("{table}")'))
                indexes = sorted(str(row) for row in connection.execute(
                    "SELECT l.name, l.\"unique\", group_concat(i.name) FROM pragma_index_list(?) l, pragma_index_info(l.name) i GROUP BY 1, 2", (table,)))
                triggers = sorted(str(row) for row in connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (table,)))
                out.append((table, columns, indexes, triggers))
            return repr(out)

    def count(self):
        if self.database == "mariadb":
            return int(self.sql("SELECT COUNT(*) FROM sales_inquiry"))
        with self.sqlite() as connection:
            return connection.execute("SELECT COUNT(*) FROM sales_inquiry").fetchone()[0]

    def save(self):
        if self.database == "mariadb":
            self.dump = subprocess.run(["mariadb-dump", "--no-defaults", "-uroot", f"--socket={self.server.database.socket}",
                                        self.server.database.name], capture_output=True, check=True, timeout=120).stdout
        else:
            self.dump = self.server.home / "saved.db"
            shutil.copy(self.server.data / "caravan.db", self.dump)

    def put_back(self):
        if self.database == "mariadb":
            name = self.server.database.name
            self.server.database.sql(f"DROP DATABASE {name}; CREATE DATABASE {name} CHARACTER SET utf8mb4")
            subprocess.run(["mariadb", "--no-defaults", "-uroot", f"--socket={self.server.database.socket}", name], input=self.dump,
                           check=True, timeout=120)
        else:
            for suffix in ("", "-wal", "-shm"):
                pathlib.Path(f"{self.server.data}/caravan.db{suffix}").unlink(missing_ok=True)
            shutil.copy(self.dump, self.server.data / "caravan.db")

    def test_killed_at_any_moment(self):
        self.assertEqual(self.apply().returncode, 0)
        now = "'2026-01-01 00:00:00'" if self.database == "mariadb" else "1767225600000000"
        self.sql("INSERT INTO sales_inquiry (id, version, state, created_at, updated_at, destination) "
                 f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i, 1, 'new', {now}, {now}, '三亚' FROM n;")
        for step in range(1, ROWS // 1000):
            self.sql("INSERT INTO sales_inquiry (id, version, state, created_at, updated_at, destination) "
                     f"SELECT id + {step * 1000}, version, state, created_at, updated_at, destination FROM sales_inquiry WHERE id <= 1000;")
        self.save()

        (self.server.config / "changes.yaml").write_text(changes())
        began = time.monotonic()
        done = self.apply()
        whole = time.monotonic() - began
        self.assertEqual(done.returncode, 0, done.stderr)
        wanted = self.shape()

        moments = random.Random(20261122)
        interrupted = 0
        runs = 30 if Setup.full else 2
        for run in itertools.count():
            # A machine that was busy when it was measured may be quicker now: then earlier moments, until one is early enough.
            if run >= runs and (interrupted > 0 or run >= runs + 10):
                break
            self.put_back()
            command = [str(self.server.binary), "schema", "apply", "--config", str(self.server.config), *self.server.store]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
            time.sleep(moments.uniform(0, whole if run < runs else whole / 4))
            process.send_signal(signal.SIGKILL)
            interrupted += process.wait() == -signal.SIGKILL
            with self.subTest(run):
                done = self.apply()
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                plan = self.server.cli("schema", "plan", "--config", self.server.config)
                self.assertIn("The database fits the definitions", plan.stdout, plan.stderr)
                self.assertEqual(self.shape(), wanted)
                self.assertEqual(self.count(), ROWS)
        self.assertGreater(interrupted, 0, "every run ended before it was killed")
        print(f"{self.database}: apply takes {whole:.2f} s; killed {interrupted} times")
