"""Loads records, measures the server beside the bare handler and the bare SQL, prints a table. Started by scripts/bench."""

import argparse
import ctypes
import http.client
import json
import os
import pathlib
import platform
import pwd
import random
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
OPERATIONS = ["create", "read", "list", "patch", "transition"]
STATES = ["new", "contacted", "qualified", "proposed", "won", "answered", "lost"]
FIRST_ID = 1_000_000  # of the loaded records; what the server leases afterwards lies above
LEASED_FROM = 500_000_000
DATABASE = "caravan_bench"
TRANSITION, TRANSITION_FROM, TRANSITION_TO = "qualify", "contacted", "qualified"
ACTIONS = {"create": "create", "patch": "update", "transition": f"transition:{TRANSITION}"}
REFERENCES = "customer=customers_customer,owner=core_user"
OUTBOX_KIND = "records.after_commit"
OUTBOX_LEFT = f"SELECT COUNT(*) FROM job WHERE kind = '{OUTBOX_KIND}'"
STUCK_SECONDS = 120    # nothing that is started here takes so long
SETTLE_SECONDS = 15    # for the database to tidy up after many rows were changed at once
CHANGED_RECORDS = 60_000  # that one measurement of patch or transition has at hand

# What is asked for, with MariaDB and everything on the same two cores.
OF_LIMIT = 0.7
PER_SECOND = {"read": 10_000, "list": 2_000, "create": 3_500, "transition": 2_500}  # 16 connections, the smallest size
P99_MS = 10        # 16 connections
RESIDENT_MB = 120
GROWTH = 1.2       # cost of a request at ten times the records, 16 connections

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
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, preexec_fn=die_with_parent, timeout=STUCK_SECONDS)
    except subprocess.TimeoutExpired:
        die(f"{pathlib.Path(command[0]).name} did not end in {STUCK_SECONDS} seconds")
    if done.returncode != 0:
        die(f"{pathlib.Path(command[0]).name} failed: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
        return cpu_seconds(self.process.pid)

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

    def connect(self):
        connection = sqlite3.connect(self.file, isolation_level=None)
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # where a server runs, it alone does that
        return connection

    def load(self, start, count, customers, inquiry_id, customer_id):
        """Rows like the one that the server wrote: inquiries `start` + 1 to `count`, with customers where start is 0."""
        connection = sqlite3.connect(self.file, isolation_level=None)
        text = "'{}' || n"
        states = "CASE n % 7 " + " ".join(f"WHEN {i} THEN '{s}'" for i, s in enumerate(STATES)) + " END"
        connection.execute("PRAGMA synchronous = OFF")  # of this connection
        connection.execute("BEGIN IMMEDIATE")

        def copy(table, key, begin, end, **changed):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            values = [changed.get(c, f't."{c}"') for c in columns]
            names = ", ".join(f'"{c}"' for c in columns)
            connection.execute(f"INSERT INTO {table} ({names}) WITH RECURSIVE n(n) AS (SELECT {begin + 1} UNION ALL SELECT n + 1 FROM n WHERE n < {end}) "
                               f"SELECT {', '.join(values)} FROM n, (SELECT * FROM {table} WHERE {key} LIMIT 1) t")

        earlier = "t.created_at - n * 1000000"
        if start == 0:
            copy("customers_customer", f"id = {customer_id}", 0, customers, id=f"{FIRST_ID} + n - 1", number=text.format("LOAD-"))
        copy("sales_inquiry", f"id = {inquiry_id}", start, count, id=f"{FIRST_ID + customers} + n - 1", number=text.format("LOAD-"),
             state=states, customer=f"{FIRST_ID} + n % {customers}", party_size="1 + n % 8", created_at=earlier, updated_at=earlier)
        copy("event", f"record_id = {inquiry_id}", start, count, id=f"{FIRST_ID} + n - 1", record_id=f"{FIRST_ID + customers} + n - 1")
        connection.execute(f"UPDATE sequence_block SET next_value = MAX(next_value, {LEASED_FROM}) WHERE name IN ('record', 'event')")
        connection.execute("COMMIT")
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    def records(self, condition):
        connection = self.connect()
        rows = connection.execute(f"SELECT id || ' ' || version FROM sales_inquiry WHERE {condition}").fetchall()
        connection.close()
        return [row[0] for row in rows]

    def bring_to_state(self, state, condition):
        connection = self.connect()
        connection.execute(f"UPDATE sales_inquiry SET state = ? WHERE {condition}", (state,))
        connection.close()

    def run(self, *statements):
        """Executes the statements; the first row's first value of the last one."""
        connection = self.connect()
        connection.execute("PRAGMA busy_timeout = 30000")
        for statement in statements:
            row = connection.execute(statement).fetchone()
        connection.close()
        return row[0] if row else None

    def settle(self):
        pass

    def statements(self):
        return None  # there is no server that counts

    def cpu_seconds(self):
        return None  # part of the server's

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
                 "--skip-name-resolve", "--character-set-server=utf8mb4", "--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=2G",
                 "--innodb-log-file-size=1G", "--innodb-log-buffer-size=64M", "--max-connections=600"], stdout=log, stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
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
        try:
            done = subprocess.run(self.client(statement, database), capture_output=True, text=True, timeout=STUCK_SECONDS * 2)
        except subprocess.TimeoutExpired:
            die(f"mariadb did not end {statement[:200]} in {STUCK_SECONDS * 2} seconds")
        if done.returncode != 0:
            die(f"mariadb: {done.stderr}")
        return done.stdout

    def load(self, start, count, customers, inquiry_id, customer_id):
        """Rows like the one that the server wrote: inquiries `start` + 1 to `count`, with customers where start is 0."""
        states = "ELT(1 + s.seq % 7, " + ", ".join(f"'{s}'" for s in STATES) + ")"

        def copy(table, key, begin, end, **changed):
            columns = self.sql("SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() "
                               f"AND table_name = '{table}' ORDER BY ordinal_position").split()
            values = [changed.get(c, f"t.`{c}`") for c in columns]
            names = ", ".join(f"`{c}`" for c in columns)
            return (f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} FROM seq_{begin + 1}_to_{end} s, "
                    f"(SELECT * FROM {table} WHERE {key} LIMIT 1) t;")

        earlier = "t.created_at - INTERVAL s.seq SECOND"
        number = "CONCAT('LOAD-', s.seq)"
        statements = ""
        if start == 0:
            statements += copy("customers_customer", f"id = {customer_id}", 0, customers, id=f"{FIRST_ID} + s.seq - 1", number=number)
        self.sql(
            "SET SESSION unique_checks = 0;" + statements +
            copy("sales_inquiry", f"id = {inquiry_id}", start, count, id=f"{FIRST_ID + customers} + s.seq - 1", number=number, state=states,
                 customer=f"{FIRST_ID} + s.seq % {customers}", party_size="1 + s.seq % 8", created_at=earlier, updated_at=earlier) +
            copy("event", f"record_id = {inquiry_id}", start, count, id=f"{FIRST_ID} + s.seq - 1", record_id=f"{FIRST_ID + customers} + s.seq - 1") +
            f"UPDATE sequence_block SET next_value = GREATEST(next_value, {LEASED_FROM}) WHERE name IN ('record', 'event'); "
            "ANALYZE TABLE customers_customer, sales_inquiry, event")

    def records(self, condition):
        return self.sql(f"SELECT CONCAT(id, ' ', version) FROM sales_inquiry WHERE {condition}").splitlines()

    def bring_to_state(self, state, condition):
        self.sql(f"UPDATE sales_inquiry SET state = '{state}' WHERE {condition}")

    def run(self, *statements):
        """Executes the statements; the first row's first value of the last one."""
        return (self.sql(";".join(statements)).split() or [None])[-1]

    def settle(self):
        """Waits until old versions of rows are purged: that would run beside what is measured."""
        until = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < until:
            if int(self.sql("SHOW GLOBAL STATUS LIKE 'Innodb_history_list_length'", None).split()[1]) < 1000:
                return
            time.sleep(0.1)

    def statements(self):
        """Statements that clients have sent so far."""
        return int(self.sql("SHOW GLOBAL STATUS LIKE 'Questions'", None).split()[1])

    def cpu_seconds(self):
        return cpu_seconds(self.process.pid)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Bench:
    def __init__(self, options, work):
        self.options = options
        self.work = work
        self.customers = max(1, max(options.records) // 10)
        self.first = FIRST_ID + self.customers
        self.last = None
        self.password = secrets.token_urlsafe(12)
        self.handlers = {}
        self.samples = None

    def config(self, listens=False):
        """The demo agency's configuration without rate limits: one token asks for everything here. `listens`: with the plugin
        whose after_commit hook makes every change of an inquiry write the outbox."""
        config = self.work / ("config-listener" if listens else "config")
        if not config.exists():
            shutil.copytree(ROOT / "config", config)
            settings = (config / "caravan.yaml").read_text()
            for name in ("requests_per_second", "anonymous_per_second"):
                settings = re.sub(rf"^(  {name}:) *\d+", r"\1 0", settings, flags=re.MULTILINE)
            if listens:
                plugins = self.work / "plugins"
                plugins.mkdir()
                for file in [*(BUILD / "plugins").glob("*.so"), BUILD / "bench-plugins" / "listener.so"]:
                    shutil.copy(file, plugins)
                settings = settings.replace('plugins:\n  directory: ""', f'plugins:\n  directory: "{plugins}"').replace("    sales: true\n", "    sales: true\n    listener: true\n")
            (config / "caravan.yaml").write_text(settings)
        return config

    def serve(self, database, listens=False):
        return Process([BUILD / "caravan", "serve", "--no-supervisor", "--config", self.config(listens), "--port", "0", *database.server_options],
                       r"Caravan listens on http://[^ ]*:(\d+)", self.work / f"{database.name}.log", {"CARAVAN_ADMIN_PASSWORD": self.password})

    def prepare(self, database):
        """An empty database becomes one with a customer and an inquiry made by the server; returns a token."""
        server = self.serve(database)
        try:
            api = Api(server.port)
            api.headers["X-CSRF-Token"] = api.call("POST", "/session", {"username": "admin", "password": self.password})["csrf"]
            token = api.call("POST", "/tokens", {"label": "bench"})["token"]
            customer = api.call("POST", "/records/customers.customer", CUSTOMER)["id"]
            inquiry = api.call("POST", "/records/sales.inquiry", {**INQUIRY, "customer": customer})["id"]
        finally:
            server.stop()
        self.samples = (int(inquiry), int(customer))
        return token

    def fill(self, database, start, count):
        say(f"{database.name}: loading {count - start:,} inquiries")
        database.load(start, count, self.customers, *self.samples)
        self.last = self.first + count - 1

    def changed(self, database, operation):
        """A file of records for patch or transition, spread over the table; those of a transition are in the state that it leaves."""
        # Never all of them: a list of one state is to find as many as before.
        step = max(2, (self.last - self.first + 1) // CHANGED_RECORDS)
        condition = f"id BETWEEN {self.first} AND {self.last} AND id % {step} = 0"
        if operation == "transition":
            database.bring_to_state(TRANSITION_FROM, condition)
        database.settle()
        records = database.records(condition)
        random.Random(1).shuffle(records)
        path = self.work / f"{operation}.records"
        path.write_text("\n".join(records) + "\n")
        return path

    def body(self, name, content):
        path = self.work / f"{name}.json"
        path.write_text(json.dumps(content, ensure_ascii=False))
        return path

    def request(self, operation, token):
        """Options of bench_load."""
        base = ["--header", f"Authorization: Bearer {token}", "--header", "Accept: application/json"]
        records = self.work / f"{operation}.records"
        if operation == "read":
            return [*base, "--path", "/api/v1/records/sales.inquiry/{id}", "--from", self.first, "--to", self.last]
        if operation == "list":
            query = urllib.parse.urlencode({"filter": 'record.state == "{choice}"', "sort": "-created_at", "limit": 50}, safe="{}", quote_via=urllib.parse.quote)
            return [*base, "--path", f"/api/v1/records/sales.inquiry?{query}", "--choices", ",".join(STATES)]
        if operation == "patch":
            return [*base, "--method", "PATCH", "--path", "/api/v1/records/sales.inquiry/{id}", "--header", "Content-Type: application/merge-patch+json",
                    "--header", 'If-Match: "{version}"', "--records", records, "--body", self.body("patch", {"destination": "昆明 大理 {n}"})]
        if operation == "transition":
            return [*base, "--method", "POST", "--path", "/api/v1/records/sales.inquiry/{id}/transitions/" + TRANSITION,
                    "--header", "Content-Type: application/json", "--header", 'If-Match: "{version}"', "--records", records, "--body", self.body("transition", {})]
        return [*base, "--method", "POST", "--path", "/api/v1/records/sales.inquiry", "--header", "Content-Type: application/json",
                "--body", self.body("create", {**INQUIRY, "customer": "{id}"}), "--from", FIRST_ID, "--to", FIRST_ID + self.customers - 1]

    def load(self, port, operation, token, connections, once=False):
        o = self.options
        return run_json([BUILD / "bench_load", "--port", port, "--connections", connections, "--seconds", o.seconds, "--warmup", o.warmup,
                         *self.request(operation, token), *(["--once", "yes"] if once else [])])

    def product(self, database, server, operation, token, connections):
        if operation in ("patch", "transition"):
            self.changed(database, operation)
        cpu, database_cpu, statements = server.cpu_seconds(), database.cpu_seconds(), database.statements()
        result = self.load(server.port, operation, token, connections, once=operation == "transition")
        result["server_cpu_us"] = round((server.cpu_seconds() - cpu) / result["total"] * 1e6, 1)
        if statements is not None:
            result["database_cpu_us"] = round((database.cpu_seconds() - database_cpu) / result["total"] * 1e6, 1)
            result["statements"] = round((database.statements() - statements) / result["total"], 2)
        if operation == "transition":
            result["outbox_left"] = int(database.run(OUTBOX_LEFT))
            until = time.monotonic() + SETTLE_SECONDS  # what comes next is measured alone
            while time.monotonic() < until and int(database.run(OUTBOX_LEFT)) > 0:
                time.sleep(0.1)
        return result

    def forget_outbox(self, database, example=False):
        """Leaves no row of the outbox, or one like those that the server writes, for the bare loop to copy."""
        statements = [f"DELETE FROM job WHERE kind = '{OUTBOX_KIND}'"]
        if example:
            payload = json.dumps({"event": LEASED_FROM, "entity": "sales.inquiry", "record": self.first, "version": 2, "action": ACTIONS["transition"]}, separators=(",", ":"))
            statements.append("INSERT INTO job (id, queue, kind, payload, state, priority, run_at, attempts, max_attempts, fence, lane, lane_order, actor_id, request_id, created_at) "
                              f"SELECT {LEASED_FROM}, 'events', '{OUTBOX_KIND}', '{payload}', 'ready', 100, created_at, 0, 12, 0, id, 2, 1, '{'0' * 32}', created_at "
                              f"FROM sales_inquiry WHERE id = {self.first}")
        database.run(*statements)

    def bare_handler(self, operation, token, connections, size):
        """With a body of the same size; a few bytes more or less are the same."""
        key = (operation, connections, round(size, -2))
        if key not in self.handlers:
            door = Process([BUILD / "bench_door", "--size", size], r"port (\d+)", self.work / "door.log")
            try:
                self.handlers[key] = self.load(door.port, operation, token, connections)
            finally:
                door.stop()
        return self.handlers[key]

    def bare_sql(self, database, operation, connections):
        o = self.options
        more = []
        if operation == "create":
            more = ["--references", REFERENCES]
        if operation in ("patch", "transition"):
            more = ["--records", self.changed(database, operation)]
        if operation == "transition":
            more += ["--to-state", TRANSITION_TO, "--outbox", "yes"]
            self.forget_outbox(database, example=True)
        statements = database.statements()
        result = run_json([BUILD / "bench_sql", *database.sql_options, "--operation", operation, "--from", self.first, "--to", self.last,
                           "--states", ",".join(STATES), "--threads", connections, "--seconds", o.seconds, "--warmup", o.warmup,
                           *(["--action", ACTIONS[operation]] if operation in ACTIONS else []), *more])
        if statements is not None:
            result["statements"] = round((database.statements() - statements) / result["total"], 2)
        if operation == "transition":
            self.forget_outbox(database)
        return result

    def measure_server(self, database, records, operations, listens, token, figures):
        cells = []
        server = self.serve(database, listens)
        try:
            figures.setdefault("start_seconds", round(server.start_seconds, 2))
            figures.setdefault("idle_mb", round(server.resident_mb(), 1))
            for connections in self.options.connections:
                for operation in operations:
                    say(f"{database.name}, {records:,} records, {connections} connections: {operation}")
                    product = self.product(database, server, operation, token, connections)
                    handler = self.bare_handler(operation, token, connections, round(product["body_bytes"]))
                    cells.append({"database": database.name, "records": records, "connections": connections, "operation": operation,
                                  "product": product, "handler": handler})
            figures["loaded_mb"] = max(figures.get("loaded_mb", 0), round(server.resident_mb(), 1))
        finally:
            server.stop()
        if listens:
            self.forget_outbox(database)
        return cells

    def measure(self, database):
        token = self.prepare(database)
        rows, servers, loaded = [], [], 0
        for records in self.options.records:
            self.fill(database, loaded, records)
            loaded = records
            cells = []
            figures = {"database": database.name, "records": records}
            for listens in (False, True):  # the outbox is written by transitions only
                operations = [o for o in self.options.operation if (o == "transition") == listens]
                if operations:
                    cells += self.measure_server(database, records, operations, listens, token, figures)
            servers.append(figures)
            for row in cells:
                say(f"{database.name}, {records:,} records, {row['connections']} connections: {row['operation']}, bare SQL")
                row["sql"] = self.bare_sql(database, row["operation"], row["connections"])
                product, handler, sql = (row[name]["per_second"] for name in ("product", "handler", "sql"))
                row["limit"] = round(1 / (1 / sql + 1 / handler), 1)
                row["of_limit"] = round(product / row["limit"], 3)
            rows += cells
        return rows, servers


def check(rows, servers):
    """The targets: (text, measured, held)."""
    checks = []
    ours = [r for r in rows if r["database"] == "mariadb"]
    sizes = sorted({r["records"] for r in ours})
    for r in ours:
        name = f"{r['operation']}, {r['records']:,} records, {r['connections']} connections"
        checks.append((f"{name}: at least {OF_LIMIT} of L", f"{r['of_limit']:.2f}", r["of_limit"] >= OF_LIMIT))
        if r["connections"] != 16:
            continue
        checks.append((f"{name}: p99 under {P99_MS} ms", f"{r['product']['p99_ms']:.1f}", r["product"]["p99_ms"] < P99_MS))
        wanted = PER_SECOND.get(r["operation"])
        if wanted and r["records"] == sizes[0]:
            checks.append((f"{name}: at least {wanted:,}/s", f"{r['product']['per_second']:,.0f}", r["product"]["per_second"] >= wanted))
        base = [b for b in ours if (b["records"], b["connections"], b["operation"]) == (sizes[0], 16, r["operation"])]
        if base and r["records"] >= 10 * sizes[0]:
            growth = base[0]["product"]["per_second"] / r["product"]["per_second"]
            checks.append((f"{name}: cost under {GROWTH} times that at {sizes[0]:,}", f"{growth:.2f}", growth < GROWTH))
    for server in servers:
        if server["database"] == "mariadb":
            checks.append((f"{server['records']:,} records: under {RESIDENT_MB} MB resident", f"{server['loaded_mb']:.0f}", server["loaded_mb"] < RESIDENT_MB))
    return checks


def table(rows):
    head = ["database", "operation", "records", "conn", "product/s", "p50 ms", "p99 ms", "stmts", "CPU us", "db us", "in B", "out B", "handler/s", "SQL/s", "L/s", "of L"]
    lines = [head]
    for r in rows:
        p = r["product"]
        lines.append([r["database"], r["operation"], f"{r['records']:,}", str(r["connections"]), f"{p['per_second']:,.0f}", f"{p['p50_ms']:.2f}", f"{p['p99_ms']:.2f}",
                      f"{p['statements']:.2f}" if "statements" in p else "", f"{p['server_cpu_us']:.0f}", f"{p['database_cpu_us']:.0f}" if "database_cpu_us" in p else "",
                      f"{p['request_bytes']:,.0f}", f"{p['body_bytes']:,.0f}", f"{r['handler']['per_second']:,.0f}", f"{r['sql']['per_second']:,.0f}", f"{r['limit']:,.0f}", f"{r['of_limit']:.2f}"])
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) if i < 2 else cell.rjust(width) for i, (cell, width) in enumerate(zip(line, widths))) for line in lines)


def main():
    parser = argparse.ArgumentParser(prog="bench", description="See scripts/bench --help.")
    parser.add_argument("--records", type=int, action="append")
    parser.add_argument("--connections", type=int, action="append")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--database", action="append", choices=["sqlite", "mariadb"])
    parser.add_argument("--operation", action="append", choices=OPERATIONS)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    options.records = sorted(set(options.records or ([50_000] if options.quick else [100_000, 1_000_000])))
    options.connections = sorted(set(options.connections or ([16] if options.quick else [16, 256])))
    options.seconds = options.seconds or (3 if options.quick else 5)
    options.warmup = 0.5 if options.quick else 1
    options.operation = [o for o in OPERATIONS if o in (options.operation or OPERATIONS)]
    if options.records[0] < 1 or options.connections[0] < 1 or options.seconds <= 0:
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
    rows, servers = [], []
    try:
        for kind in (Sqlite, Mariadb):
            if options.database and kind.name not in options.database:
                continue
            database = kind(work)
            try:
                measured, figures = Bench(options, work).measure(database)
                rows += measured
                servers += figures
            finally:
                database.stop()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(table(rows))
    for server in servers:
        print(f"{server['database']}, {server['records']:,} records: started in {server['start_seconds']} s, {server['idle_mb']} MB resident, {server['loaded_mb']} MB under load")
    for r in rows:
        if "outbox_left" in r["product"]:
            print(f"{r['database']}, {r['records']:,} records, {r['connections']} connections: of {r['product']['total']:,} transitions {r['product']['outbox_left']:,} were not delivered yet at the end")
    print(f"{options.seconds:g} s each, {os.cpu_count()} processors for everything; load {load_before:.1f} before; {time.monotonic() - began:.0f} s in all")
    checks = check(rows, servers)
    for text, measured, held in checks:
        print(f"{'pass' if held else 'FAIL'}  {text}: {measured}")
    if options.json:
        options.json.write_text(json.dumps({"seconds": options.seconds, "processors": os.cpu_count(), "load_before": load_before, "machine": platform.machine(),
                                            "servers": servers, "results": rows,
                                            "targets": [{"target": t, "measured": m, "held": h} for t, m, h in checks]}, indent=2) + "\n")
    if not all(held for _, _, held in checks):
        sys.exit(1)


if __name__ == "__main__":
    main()
