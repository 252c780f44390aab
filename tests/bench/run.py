"""Loads records, measures the server beside the bare handler and the bare SQL, prints a table. Started by scripts/bench."""

import argparse
import ctypes
import http.client
import json
import os
import pathlib
import platform
import pwd
import re
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "release"
OPERATIONS = ["read", "list", "create"]
STATES = ["new", "contacted", "qualified", "proposed", "won", "answered", "lost"]
FIRST_ID = 1_000_000  # of the loaded records; what the server leases afterwards lies above
LEASED_FROM = 500_000_000
DATABASE = "caravan_bench"

INQUIRY = {
    "channel": "wechat", "destination": "昆明 大理 丽江 泸沽湖", "depart_on": "2026-12-20", "party_size": 4, "children": 1,
    "budget": "24800.00", "budget_currency": "CNY", "product_interest": "deluxe", "hotel_standard": 4,
    "needs": "两位老人膝盖不好，希望行程宽松、少走路；孩子六岁，想看雪山和大象。住宿要求安静，最好有家庭房。",
}
CUSTOMER = {"name": "王芳"}


def say(text):
    print(text, file=sys.stderr, flush=True)


def die(text):
    sys.exit(f"bench: {text}")


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def run_json(command):
    """Runs a bench program and returns the JSON that it prints."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, preexec_fn=die_with_parent)
    if done.returncode != 0:
        die(f"{pathlib.Path(command[0]).name} failed: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


class Process:
    """A server that says its port on a line of its output."""

    def __init__(self, command, pattern, log, environment=None):
        self.log = log
        began = time.monotonic()
        with open(log, "ab") as out:
            offset = out.tell()
            self.process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=subprocess.STDOUT,
                                            env={**os.environ, **(environment or {})}, preexec_fn=die_with_parent)
        self.port = None
        while self.port is None:
            text = log.read_bytes()[offset:].decode("utf-8", "replace")
            found = re.search(pattern, text)
            if found:
                self.port = int(found.group(1))
            elif self.process.poll() is not None or time.monotonic() > began + 60:
                self.stop()
                die(f"{pathlib.Path(command[0]).name} did not start:\n{text[-3000:]}")
            else:
                time.sleep(0.005)
        self.start_seconds = time.monotonic() - began

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024


class Api:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {}

    def call(self, method, path, body=None, expect=(200, 201)):
        headers = dict(self.headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        self.connection.request(method, "/api/v1" + path, json.dumps(body) if body is not None else None, headers)
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.status not in expect:
            die(f"{method} {path}: {answer.status} {data[:1000].decode('utf-8', 'replace')}")
        cookie = answer.headers.get("Set-Cookie")
        if cookie:
            self.headers["Cookie"] = cookie.split(";")[0]
        return json.loads(data)


class Sqlite:
    name = "sqlite"

    def __init__(self, work):
        self.data = work / "sqlite"
        self.file = self.data / "caravan.db"
        self.server_options = ["--data", self.data]
        self.sql_options = ["--file", self.file]

    def load(self, count, customers, inquiry_id, customer_id):
        connection = sqlite3.connect(self.file, isolation_level=None)
        rows = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {})"
        text = "'{}' || n"
        states = "CASE n % 7 " + " ".join(f"WHEN {i} THEN '{s}'" for i, s in enumerate(STATES)) + " END"
        connection.execute("BEGIN IMMEDIATE")

        def copy(table, key, amount, **changed):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            values = [changed.get(c, f't."{c}"') for c in columns]
            names = ", ".join(f'"{c}"' for c in columns)
            connection.execute(f"INSERT INTO {table} ({names}) {rows.format(amount)} SELECT {', '.join(values)} "
                               f"FROM n, (SELECT * FROM {table} WHERE {key} LIMIT 1) t")

        earlier = "t.created_at - n * 1000000"
        copy("customers_customer", f"id = {customer_id}", customers, id=f"{FIRST_ID} + n - 1", number=text.format("LOAD-"))
        copy("sales_inquiry", f"id = {inquiry_id}", count, id=f"{FIRST_ID + customers} + n - 1", number=text.format("LOAD-"),
             state=states, customer=f"{FIRST_ID} + n % {customers}", party_size="1 + n % 8", created_at=earlier, updated_at=earlier)
        copy("event", f"record_id = {inquiry_id}", count, id=f"{FIRST_ID} + n - 1", record_id=f"{FIRST_ID + customers} + n - 1")
        connection.execute(f"UPDATE sequence_block SET next_value = {LEASED_FROM} WHERE name IN ('record', 'event')")
        connection.execute("COMMIT")
        connection.execute("ANALYZE")
        connection.close()

    def stop(self):
        pass


class Mariadb:
    name = "mariadb"

    def __init__(self, work):
        self.home = work / "mariadb"
        self.home.mkdir()
        self.socket = self.home / "s"
        data = self.home / "data"
        as_user = []
        if os.geteuid() == 0:
            try:
                user = pwd.getpwnam("mysql")
            except KeyError:
                user = pwd.getpwnam("nobody")
            os.chown(self.home, user.pw_uid, user.pw_gid)
            work.chmod(0o711)
            as_user = [f"--user={user.pw_name}"]
        done = subprocess.run(["mariadb-install-db", "--no-defaults", *as_user, f"--datadir={data}", "--auth-root-authentication-method=normal",
                               "--force", "--skip-test-db"], capture_output=True, text=True)
        if done.returncode != 0:
            die(f"mariadb-install-db failed: {done.stdout}{done.stderr}")
        with open(work / "mariadb.log", "wb") as log:
            self.process = subprocess.Popen(
                ["mariadbd", "--no-defaults", *as_user, f"--datadir={data}", f"--socket={self.socket}", f"--pid-file={self.home}/pid", "--skip-networking",
                 "--skip-name-resolve", "--character-set-server=utf8mb4", "--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=512M",
                 "--innodb-log-file-size=256M", "--max-connections=600"], stdout=log, stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
        for _ in range(300):
            if subprocess.run(self.client("SELECT 1"), capture_output=True).returncode == 0:
                break
            time.sleep(0.1)
        else:
            die("the private MariaDB did not start")
        self.sql(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4", database=None)
        self.server_options = ["--data", work / "mariadb-data", "--database", f"mysql://root@/{DATABASE}?socket={self.socket}"]
        self.sql_options = ["--socket", self.socket, "--database", DATABASE]

    def client(self, statement, database=None):
        return ["mariadb", "--no-defaults", "-uroot", f"--socket={self.socket}", "-N", "-B", "-e", statement, *([database] if database else [])]

    def sql(self, statement, database=DATABASE):
        done = subprocess.run(self.client(statement, database), capture_output=True, text=True)
        if done.returncode != 0:
            die(f"mariadb: {done.stderr}")
        return done.stdout

    def load(self, count, customers, inquiry_id, customer_id):
        states = "ELT(1 + s.seq % 7, " + ", ".join(f"'{s}'" for s in STATES) + ")"

        def copy(table, key, amount, **changed):
            columns = self.sql("SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() "
                               f"AND table_name = '{table}' ORDER BY ordinal_position").split()
            values = [changed.get(c, f"t.`{c}`") for c in columns]
            names = ", ".join(f"`{c}`" for c in columns)
            return (f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} FROM seq_1_to_{amount} s, "
                    f"(SELECT * FROM {table} WHERE {key} LIMIT 1) t;")

        earlier = "t.created_at - INTERVAL s.seq SECOND"
        number = "CONCAT('LOAD-', s.seq)"
        self.sql(
            copy("customers_customer", f"id = {customer_id}", customers, id=f"{FIRST_ID} + s.seq - 1", number=number) +
            copy("sales_inquiry", f"id = {inquiry_id}", count, id=f"{FIRST_ID + customers} + s.seq - 1", number=number, state=states,
                 customer=f"{FIRST_ID} + s.seq % {customers}", party_size="1 + s.seq % 8", created_at=earlier, updated_at=earlier) +
            copy("event", f"record_id = {inquiry_id}", count, id=f"{FIRST_ID} + s.seq - 1", record_id=f"{FIRST_ID + customers} + s.seq - 1") +
            f"UPDATE sequence_block SET next_value = {LEASED_FROM} WHERE name IN ('record', 'event'); "
            "ANALYZE TABLE customers_customer, sales_inquiry, event")

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


class Bench:
    def __init__(self, options, work):
        self.options = options
        self.work = work
        self.customers = max(1, options.records // 10)
        self.first = FIRST_ID + self.customers
        self.last = self.first + options.records - 1
        self.customer = None
        self.password = secrets.token_urlsafe(12)

    def serve(self, database):
        return Process([BUILD / "caravan", "serve", "--config", ROOT / "config", "--port", "0", *database.server_options],
                       r"Caravan listens on http://[^ ]*:(\d+)", self.work / f"{database.name}.log", {"CARAVAN_ADMIN_PASSWORD": self.password})

    def prepare(self, database):
        """An empty database becomes one with records; returns a token."""
        say(f"{database.name}: loading {self.options.records:,} inquiries")
        server = self.serve(database)
        try:
            api = Api(server.port)
            api.headers["X-CSRF-Token"] = api.call("POST", "/session", {"username": "admin", "password": self.password})["csrf"]
            token = api.call("POST", "/tokens", {"label": "bench"})["token"]
            customer = api.call("POST", "/records/customers.customer", CUSTOMER)["id"]
            inquiry = api.call("POST", "/records/sales.inquiry", {**INQUIRY, "customer": customer})["id"]
        finally:
            server.stop()
        database.load(self.options.records, self.customers, int(inquiry), int(customer))
        return token

    def request(self, operation, token):
        """Options of bench_load."""
        base = ["--header", f"Authorization: Bearer {token}", "--header", "Accept: application/json"]
        if operation == "read":
            return [*base, "--path", "/api/v1/records/sales.inquiry/{id}", "--from", self.first, "--to", self.last]
        if operation == "list":
            query = urllib.parse.urlencode({"filter": 'record.state == "{choice}"', "sort": "-created_at", "limit": 50}, safe="{}", quote_via=urllib.parse.quote)
            return [*base, "--path", f"/api/v1/records/sales.inquiry?{query}", "--choices", ",".join(STATES)]
        body = self.work / "create.json"
        body.write_text(json.dumps({**INQUIRY, "customer": "{id}"}, ensure_ascii=False))
        return [*base, "--method", "POST", "--path", "/api/v1/records/sales.inquiry", "--header", "Content-Type: application/json", "--body", body,
                "--from", FIRST_ID, "--to", FIRST_ID + self.customers - 1]

    def load(self, port, operation, token):
        o = self.options
        return run_json([BUILD / "bench_load", "--port", port, "--connections", o.connections, "--seconds", o.seconds, "--warmup", o.warmup,
                         *self.request(operation, token)])

    def bare_handler(self, operation, token, size):
        door = Process([BUILD / "bench_door", "--size", size], r"port (\d+)", self.work / "door.log")
        try:
            return self.load(door.port, operation, token)
        finally:
            door.stop()

    def bare_sql(self, database, operation):
        o = self.options
        return run_json([BUILD / "bench_sql", *database.sql_options, "--operation", operation, "--from", self.first, "--to", self.last,
                         "--states", ",".join(STATES), "--threads", o.connections, "--seconds", o.seconds, "--warmup", o.warmup])

    def measure(self, database):
        token = self.prepare(database)
        server = self.serve(database)
        rows = []
        try:
            start_seconds, idle_mb = server.start_seconds, server.resident_mb()
            for operation in self.options.operation:
                say(f"{database.name}: {operation}")
                cpu = server.cpu_seconds()
                product = self.load(server.port, operation, token)
                cpu = server.cpu_seconds() - cpu
                # The warm-up is in the processor's time, so its requests are too.
                requests = product["requests"] * (self.options.seconds + self.options.warmup) / self.options.seconds
                product["server_cpu_us"] = round(cpu / requests * 1e6, 1)
                handler = self.bare_handler(operation, token, round(product["body_bytes"]))
                rows.append({"database": database.name, "operation": operation, "product": product, "handler": handler})
            loaded_mb = server.resident_mb()
        finally:
            server.stop()
        for row in rows:
            say(f"{database.name}: bare SQL, {row['operation']}")
            row["sql"] = self.bare_sql(database, row["operation"])
            product, handler, sql = (row[name]["per_second"] for name in ("product", "handler", "sql"))
            row["limit"] = round(1 / (1 / sql + 1 / handler), 1)
            row["of_limit"] = round(product / row["limit"], 3)
            row["of_handler"] = round(product / handler, 3)
            row["of_sql"] = round(product / sql, 3)
        return rows, {"start_seconds": round(start_seconds, 2), "idle_mb": round(idle_mb, 1), "loaded_mb": round(loaded_mb, 1)}


def table(rows):
    head = ["database", "operation", "product/s", "p50 ms", "p99 ms", "CPU us", "body B", "handler/s", "SQL/s", "of handler", "of SQL", "L/s", "of L"]
    lines = [head]
    for r in rows:
        p = r["product"]
        lines.append([r["database"], r["operation"], f"{p['per_second']:,.0f}", f"{p['p50_ms']:.2f}", f"{p['p99_ms']:.2f}", f"{p['server_cpu_us']:.0f}",
                      f"{p['body_bytes']:,.0f}", f"{r['handler']['per_second']:,.0f}", f"{r['sql']['per_second']:,.0f}", f"{r['of_handler']:.2f}",
                      f"{r['of_sql']:.2f}", f"{r['limit']:,.0f}", f"{r['of_limit']:.2f}"])
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) if i < 2 else cell.rjust(width) for i, (cell, width) in enumerate(zip(line, widths))) for line in lines)


def main():
    parser = argparse.ArgumentParser(prog="bench", description="See scripts/bench --help.")
    parser.add_argument("--records", type=int)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--database", action="append", choices=["sqlite", "mariadb"])
    parser.add_argument("--operation", action="append", choices=OPERATIONS)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    options.records = options.records or (20_000 if options.quick else 100_000)
    options.seconds = options.seconds or (3 if options.quick else 8)
    options.warmup = 0.5 if options.quick else 1
    options.operation = [o for o in OPERATIONS if o in (options.operation or OPERATIONS)]
    if options.records < 1 or options.connections < 1 or options.seconds <= 0:
        parser.error("--records, --connections and --seconds are positive")
    for program in ("caravan", "bench_load", "bench_door", "bench_sql"):
        if not (BUILD / program).exists():
            die(f"build/release/{program} is missing; scripts/bench without --no-build makes it")

    load_before = os.getloadavg()[0]
    if load_before > 0.5:
        say(f"bench: this machine is busy (load {load_before:.1f}); the figures will be too low and uneven")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    work = pathlib.Path(tempfile.mkdtemp(prefix="caravan-bench-"))
    began = time.monotonic()
    rows, servers = [], {}
    try:
        for kind in (Sqlite, Mariadb):
            if options.database and kind.name not in options.database:
                continue
            database = kind(work)
            try:
                measured, servers[kind.name] = Bench(options, work).measure(database)
                rows += measured
            finally:
                database.stop()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(table(rows))
    for name, server in servers.items():
        print(f"{name}: started in {server['start_seconds']} s, {server['idle_mb']} MB resident, {server['loaded_mb']} MB under load")
    print(f"{options.records:,} inquiries, {options.connections} connections, {options.seconds:g} s each, {os.cpu_count()} processors for everything; "
          f"load {load_before:.1f} before; {time.monotonic() - began:.0f} s in all")
    if options.json:
        options.json.write_text(json.dumps({"records": options.records, "connections": options.connections, "seconds": options.seconds,
                                            "processors": os.cpu_count(), "load_before": load_before, "machine": platform.machine(), "servers": servers, "results": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
