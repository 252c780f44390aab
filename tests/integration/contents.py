"""What the database holds, seen without the server."""

import hashlib
import sqlite3
import subprocess
import threading

# What a request may change though it was refused, and what time changes: columns left out of a comparison. "*": the whole table.
VOLATILE = {
    "login_session": ("last_seen_at", "expires_at"),  # a session lives longer when it is used
    "api_token": ("last_used_at",),
    "credential": ("failed_count", "locked_until"),   # wrong passwords are counted
    "sequence_block": ("*",),                         # numbers that were reserved and not used
    "schema_info": ("*",),
    # The search index follows by itself, some time after.
    **{table: ("*",) for table in ("search_state", "search_term", "search_document", "search_text", "search_text_data", "search_text_idx",
                                   "search_text_content", "search_text_docsize", "search_text_config")},
    "rollup_state": ("*",),                           # counts of a start or reload, noted when they are done
    "node": ("seen_at",),                             # every server says every two seconds that it lives
}
# Rows that the server writes by itself at any time.
OWN = {"job": "queue IN ('chores', 'search')"}


class Contents:
    """Reads a server's database while the server runs, and changes nothing. Not thread-safe."""

    def __init__(self, database):
        self.kind = database.kind
        if self.kind == "sqlite":
            self.connection = sqlite3.connect(f"file:{database.data / 'caravan.db'}?mode=ro", uri=True, timeout=30, check_same_thread=False)
            self.connection.text_factory = bytes
        else:
            self.process = subprocess.Popen(
                ["mariadb", "--no-defaults", "-uroot", f"--socket={database.socket}", "-N", "-B", "-n", "--default-character-set=utf8mb4",
                 "--force", database.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.tables = {}

    def close(self):
        if self.kind == "sqlite":
            self.connection.close()
        else:
            self.process.stdin.close()
            self.process.wait(10)
            self.process.stdout.close()

    def rows(self, sql):
        """Rows of texts; None for NULL in SQLite, `NULL` in MariaDB."""
        if self.kind == "sqlite":
            return [tuple(v.decode() if isinstance(v, bytes) else v if v is None else str(v) for v in row)
                    for row in self.connection.execute(sql)]
        # A transaction of its own each time, so that what was committed meanwhile is seen.
        self.process.stdin.write(sql.encode() + b";\nSELECT 'end-of-answer';\n")
        self.process.stdin.flush()
        rows = []
        timer = threading.Timer(120, self.process.kill)
        timer.start()
        try:
            for line in self.process.stdout:
                if line == b"end-of-answer\n":
                    return rows
                if line.startswith(b"ERROR "):
                    raise AssertionError(f"{line.decode()}in {sql}")
                rows.append(tuple(line.decode().rstrip("\n").split("\t")))
        finally:
            timer.cancel()
        raise AssertionError(f"the database's client ended in {sql}")

    def number(self, sql):
        return int(self.rows(sql)[0][0])

    def columns(self):
        """Table → the columns that are compared."""
        if self.kind == "sqlite":
            names = [name for (name,) in self.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
            found = {name: [row[1] for row in self.rows(f'PRAGMA table_info("{name}")')] for name in names}
        else:
            found = {}
            for table, column in self.rows("SELECT table_name, column_name FROM information_schema.columns "
                                           "WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position"):
                found.setdefault(table, []).append(column)
        return {table: [c for c in columns if c not in VOLATILE.get(table, ())] for table, columns in found.items()
                if VOLATILE.get(table) != ("*",)}

    def digest(self, without=()):
        """Table → digest of all its rows."""
        if not self.tables:
            self.tables = self.columns()
        quote = '"' if self.kind == "sqlite" else "`"
        digests = {}
        for table, columns in self.tables.items():
            if table in without:
                continue
            listed = ", ".join(f"{quote}{column}{quote}" for column in columns)
            others = f" WHERE NOT ({OWN[table]})" if table in OWN else ""
            rows = self.rows(f"SELECT {listed} FROM {quote}{table}{quote}{others}")
            digests[table] = hashlib.sha256("\n".join(sorted(map(repr, rows))).encode()).hexdigest()
        return digests


def differences(before, after):
    return sorted(table for table in before.keys() | after.keys() if before.get(table) != after.get(table))
