"""Starts Caravan as a person would, and speaks to it over HTTP. Standard library only."""

import contextlib
import ctypes
import http.client
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ADMIN_PASSWORD = "admin-password-1"
STAFF_PASSWORD = "staff-password-1"
START_SECONDS = 60
STOP_SECONDS = 30

SALES = "sales.salesperson"


class Setup:
    """What run.py was told: where the programs are, and where logs go."""

    build = ROOT / "build" / "dev"
    release = ROOT / "build" / "release"
    logs = ROOT / "build" / "test-logs" / "integration"
    mysql_url = os.environ.get("CARAVAN_TEST_MYSQL_URL", "")
    full = False


def children_of(pid):
    """Processes that a process has started, the server's worker among them."""
    try:
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def process_lives(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def die_with_parent():
    """Nothing that a test started outlives the tests, however they end."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def etag(self):
        return self.headers.get("ETag")

    @property
    def code(self):
        return self.json.get("code")

    def __repr__(self):
        return f"{self.status} {self.body[:800].decode('utf-8', 'replace')}"


class Client:
    """One user's connection. Sends the CSRF token of its session by itself."""

    def __init__(self, port, host="127.0.0.1", timeout=30):
        self.connection = http.client.HTTPConnection(host, port, timeout=timeout)
        self.cookie = None
        self.csrf = None
        self.bearer = None

    def request(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body, ensure_ascii=False)
            headers.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        if self.cookie:
            headers.setdefault("Cookie", self.cookie)
        if self.csrf and method not in ("GET", "HEAD"):
            headers.setdefault("X-CSRF-Token", self.csrf)
        if self.bearer:
            headers.setdefault("Authorization", f"Bearer {self.bearer}")
        headers = {name: value for name, value in headers.items() if value is not None}
        target = path if path.startswith(("/api/", "/healthz", "/readyz")) or path == "/" else "/api/v1" + path
        try:
            self.connection.request(method, urllib.parse.quote(target, safe="/?&=%:+,-_.~"), body=body, headers=headers)
            answer = self.connection.getresponse()
            data = answer.read()
        except (http.client.HTTPException, OSError):
            self.connection.close()
            raise
        if answer.will_close:
            self.connection.close()
        return Answer(answer.status, answer.headers, data)

    def get(self, path, **headers):
        return self.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def post(self, path, body=None, **headers):
        return self.request("POST", path, body, {k.replace("_", "-"): v for k, v in headers.items()})

    def patch(self, path, body, **headers):
        return self.request("PATCH", path, body, {k.replace("_", "-"): v for k, v in headers.items()})

    def delete(self, path, **headers):
        return self.request("DELETE", path, None, {k.replace("_", "-"): v for k, v in headers.items()})

    def login(self, username, password):
        self.cookie = self.csrf = None
        answer = self.post("/session", {"username": username, "password": password})
        if answer.status == 200:
            self.cookie = answer.headers["Set-Cookie"].split(";")[0]
            self.csrf = answer.json["csrf"]
        return answer

    def close(self):
        self.connection.close()


def query(**parameters):
    """A query string; `filter="a == 'b'"` and the like are encoded."""
    return "?" + urllib.parse.urlencode(parameters, quote_via=urllib.parse.quote)


def multipart(**files):
    """Body and content type of a form with files; contents are text or bytes."""
    boundary = "caravan-test-boundary"
    parts = []
    for name, (filename, text) in files.items():
        head = (f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
                "Content-Type: application/octet-stream\r\n\r\n")
        parts += [head.encode(), text if isinstance(text, bytes) else text.encode(), b"\r\n"]
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


database_numbers = itertools.count(1)


class Database:
    """A fresh, empty database of the wanted kind."""

    def __init__(self, kind, data):
        self.kind = kind
        self.options = []
        self.name = None
        if kind == "mariadb":
            url = urllib.parse.urlsplit(Setup.mysql_url)
            self.socket = urllib.parse.parse_qs(url.query)["socket"][0]
            self.name = f"caravan_it_{os.getpid()}_{next(database_numbers)}"
            self.sql(f"CREATE DATABASE {self.name} CHARACTER SET utf8mb4")
            self.options = ["--database", f"mysql://root@/{self.name}?socket={self.socket}"]
        self.data = data

    def sql(self, statement):
        done = subprocess.run(["mariadb", "--no-defaults", "-uroot", f"--socket={self.socket}", "-N", "-B", "-e", statement],
                              capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f"mariadb: {done.stderr}")
        return done.stdout

    def drop(self):
        if self.name:
            self.sql(f"DROP DATABASE {self.name}")


class Server:
    """A `caravan serve` with a database and configuration of its own."""

    def __init__(self, kind="sqlite", name="server"):
        self.kind = kind
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="caravan-it-"))
        self.data = self.home / "data"
        self.config = self.home / "config"
        shutil.copytree(ROOT / "config", self.config)
        # Tests ask more often than people do; those of the limits set their own.
        self.limits(requests_per_second=0, anonymous_per_second=0)
        # The two departments that most tests are about; those of the whole agency set all (agency.py).
        self.setting("plugins", {"enabled": {"customers": True, "sales": True}})
        self.database = Database(kind, self.data)
        self.binary = Setup.build / "caravan"
        self.environment = {**os.environ, "CARAVAN_ADMIN_PASSWORD": ADMIN_PASSWORD}
        self.name = name
        self.process = None
        self.options = []  # further words for `caravan serve`
        self.port = None
        self.output = []
        self.sessions = {}
        Setup.logs.mkdir(parents=True, exist_ok=True)
        self.log_path = Setup.logs / f"{name}-{kind}.log"
        self.log_path.write_text("")

    def limits(self, **limits):
        """Sets `limits` in caravan.yaml; for the next start."""
        self.setting("limits", limits)

    def setting(self, name, value):
        """Sets a section of caravan.yaml; for the next start."""
        path = self.config / "caravan.yaml"
        rest = re.sub(rf"^{name}:.*\n(?:[ #].*\n|\n)*", "", path.read_text(), flags=re.MULTILINE)
        path.write_text(f"{rest}\n{name}: {json.dumps(value)}\n")

    # -- the process
    @property
    def store(self):
        return ["--data", str(self.data), *self.database.options]

    def start(self, port=0):
        command = [str(self.binary), "serve", "--config", str(self.config), *self.store, "--port", str(port), *self.options]
        self.output = []
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.environment,
                                        preexec_fn=die_with_parent, cwd=self.home)
        listening = threading.Event()
        process = self.process

        def read():
            with open(self.log_path, "ab") as log:
                for line in process.stdout:
                    log.write(line)
                    log.flush()
                    text = line.decode("utf-8", "replace").rstrip("\n")
                    self.output.append(text)
                    found = re.match(r"Caravan listens on http://[^ ]*:(\d+)$", text)
                    if found:
                        self.port = int(found.group(1))
                        listening.set()
            listening.set()

        self.port = None
        threading.Thread(target=read, daemon=True).start()
        listening.wait(START_SECONDS)
        if self.port is None:
            process.poll()
            last = "\n".join(self.output[-20:])
            self.kill()
            raise RuntimeError(f"the server did not start (code {process.returncode}):\n{last}")
        return self

    def stop(self, by=signal.SIGTERM):
        """Ends the server and returns its exit code."""
        if self.process is None:
            return None
        if by == signal.SIGKILL:
            return self.kill()
        process, self.process = self.process, None
        process.send_signal(by)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the server still ran {STOP_SECONDS} s after {signal.Signals(by).name}") from None

    @property
    def worker(self):
        """Process id of the worker, which is the server; 0 while there is none."""
        return next(iter(children_of(self.process.pid)), 0)

    def kill(self):
        """kill -9 of the supervisor, with which the worker dies; the exit code."""
        if self.process is None:
            return None
        workers = children_of(self.process.pid)
        self.process.kill()
        code = self.process.wait()
        self.process = None
        wait_until(lambda: not any(map(process_lives, workers)), 5, "the worker dies with its supervisor")
        return code

    def remove(self):
        self.kill()
        with contextlib.suppress(RuntimeError):
            self.database.drop()
        shutil.rmtree(self.home, ignore_errors=True)

    # -- the command line
    def cli(self, *arguments, store=True, text_input=None, environment=None):
        """Runs `caravan ARGUMENTS`; the database's options are appended where `store`."""
        command = [str(self.binary), *map(str, arguments), *(self.store if store else [])]
        return subprocess.run(command, capture_output=True, text=True, input=text_input, timeout=180, cwd=self.home,
                              env={**self.environment, **(environment or {})}, preexec_fn=die_with_parent)

    # -- HTTP
    def client(self, username=None, password=None, fresh=False):
        """A connection of its own. A user's session is shared by his clients, as log-ins cost time by design; `fresh`: a new one."""
        client = Client(self.port)
        if username:
            password = password or (ADMIN_PASSWORD if username == "admin" else STAFF_PASSWORD)
            if fresh or (username, password) not in self.sessions:
                answer = client.login(username, password)
                if answer.status != 200:
                    raise AssertionError(f"{username} cannot log in: {answer}")
                if fresh:
                    return client
                self.sessions[username, password] = client.cookie, client.csrf
            client.cookie, client.csrf = self.sessions[username, password]
        return client

    def add_user(self, username, display, *roles):
        options = [word for role in roles for word in ("--role", role)]
        done = self.cli("user", "add", username, "--name", display, *options, "--password-stdin", text_input=STAFF_PASSWORD + "\n")
        if done.returncode != 0:
            raise AssertionError(f"user add {username}: {done.stdout}{done.stderr}")


class ServerCase(unittest.TestCase):
    """Tests of one class share one server; run.py makes a class per database from it."""

    database = "sqlite"
    server: Server

    @classmethod
    def setUpClass(cls):
        cls.server = Server(cls.database, cls.__name__)
        cls.addClassCleanup(cls.server.remove)
        cls.configure()
        cls.server.start()
        cls.prepare()

    @classmethod
    def configure(cls):
        """Changes the server's configuration before it starts."""

    @classmethod
    def prepare(cls):
        """Users and data that the class needs."""

    # -- shorthands
    def ok(self, answer, status=200):
        self.assertEqual(answer.status, status, answer)
        return answer

    def problem(self, answer, status, code):
        """An error is problem+json with the request's id."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers.get_content_type(), "application/problem+json", answer)
        body = answer.json
        self.assertEqual(body["code"], code, answer)
        self.assertEqual(body["status"], status, answer)
        self.assertTrue(body.get("detail") or body.get("title"), answer)
        self.assertEqual(body["request_id"], answer.headers["X-Request-Id"])
        return body

    def create(self, client, entity, **fields):
        return self.ok(client.post(f"/records/{entity}", fields), 201).json

    def count(self, client, entity, **parameters):
        return self.ok(client.get(f"/records/{entity}" + query(limit=1, count=1, **parameters))).json["total"]


def every(client, entity, **parameters):
    """All records of an entity, page by page."""
    after = None
    while True:
        page = client.get(f"/records/{entity}" + query(limit=200, **parameters, **({"after": after} if after else {})))
        if page.status != 200:
            raise AssertionError(repr(page))
        yield from page.json["items"]
        after = page.json["next"]
        if not after:
            return


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def indexed(client, seconds=60):
    """Waits until the search index holds everything that was written before."""
    def settled():
        state = client.get("/admin/search").json
        return state["waiting"] == 0 and all(item["complete"] for item in state["items"])
    wait_until(settled, seconds, "the search index")
    time.sleep(1.1)  # what a node knows of it is a second old at most


def wait_until(condition, seconds=10, what="condition"):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")
