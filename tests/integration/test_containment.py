"""A plugin that brings the server down hurts itself only: who notices, what is lost, how long it takes."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import threading
import time
import unittest
import urllib.request

from caravan import Client, Server, ServerCase, Setup, children_of, free_port, process_lives, wait_until

HEALTHY_SECONDS = 20  # on a machine that does other things too; tests/fault/plugin_faults.py measures
CRASHES = {  # what is done to the process → how that reads
    "segfault": "segmentation fault",
    "abort": "abort",
    "terminate": "abort",
    "overflow": "segmentation fault",
    "exit": "called exit(3)",
    "leave": "ended with code 4",
    "thread": "segmentation fault",
}


def with_crasher(server, **settings):
    """Gives the server a folder of plugins with the one that crashes."""
    folder = server.home / "plugins"
    folder.mkdir()
    for name in ("customers", "sales"):
        shutil.copy(Setup.build / "plugins" / f"{name}.so", folder)
    shutil.copy(Setup.build / "tests" / "abi" / "plugins" / "deadly" / "crasher.so", folder)
    server.setting("plugins", {"directory": str(folder), **settings})


def local(server, method, path, body):
    """A request over the admin socket."""
    connection = http.client.HTTPConnection("localhost", timeout=60)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(60)
    connection.sock.connect(str(server.data / "admin.sock"))
    connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, data


class _Contained(ServerCase):
    def setUp(self):
        self.admin = self.server.client("admin")
        if "quarantined" in self.admin.get("/readyz").json:  # what a test that failed has left
            self.forget()
            self.server.stop()
            self.server.start()
            self.admin = self.server.client("admin")

    def forget(self):
        """As if nothing had crashed; for the next start of a worker."""
        (self.server.data / "plugin_quarantine.json").unlink(missing_ok=True)

    def quarantine(self):
        done = self.server.cli("plugin", "quarantine", "list", "--json", "--data", self.server.data, "--config", self.server.config, store=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def provoke(self, name, client=None):
        """Makes an item of that name, whose hook does what it says; the answer, or None where the connection was lost."""
        try:
            return (client or self.server.client("admin")).post("/records/crasher.item", {"name": name})
        except (OSError, http.client.HTTPException):
            return None

    def healthy_again(self, worker, began):
        """Waits until another worker answers writes of another department; how long that took."""
        wait_until(lambda: self.server.worker not in (0, worker), 60, "another worker")
        self.create(self.server.client("admin"), "customers.customer", kind="person", name="之后")
        return time.monotonic() - began


class Crash(_Contained):
    """Each way to die, in a hook within a transaction."""

    @classmethod
    def configure(cls):
        with_crasher(cls.server)
        cls.server.setting("worker", {"memory_mb": 1024})

    def test_an_exception_is_an_error_and_nothing_else(self):
        worker = self.server.worker
        self.problem(self.provoke("throw"), 500, "internal")
        self.assertEqual(self.server.worker, worker)

    def test_two_gigabytes_are_refused_to_who_asks_for_them(self):
        worker = self.server.worker
        self.problem(self.provoke("allocate"), 500, "internal")
        self.assertEqual(self.server.worker, worker)

    def test_the_server_comes_back_and_says_whose_fault_it_was(self):
        for fault, how in CRASHES.items():
            with self.subTest(fault):
                self.forget()
                kept = self.create(self.server.client("admin"), "customers.customer", kind="person", name=f"之前 {fault}")
                worker, began = self.server.worker, time.monotonic()
                self.assertIsNone(self.provoke(fault))
                self.assertLess(self.healthy_again(worker, began), HEALTHY_SECONDS)
                self.ok(self.server.client("admin").get(f"/records/customers.customer/{kept['id']}"))
                crash = self.quarantine()["crashes"][-1]
                self.assertEqual((crash["plugin"], crash["how"], crash["loading"]), ("crasher", how, False))
                callback = "a thread of its own" if fault == "thread" else "before_create of crasher.item"
                self.assertEqual(crash["callback"], callback)
                self.assertFalse(self.quarantine()["quarantined"])
                self.assertTrue(any("crasher" in line and callback in line for line in self.server.output), self.server.output[-10:])
        self.forget()

    def test_a_callback_that_does_not_return_is_ended(self):
        for fault in ("loop", "sleep"):
            with self.subTest(fault):
                self.forget()
                worker, began = self.server.worker, time.monotonic()
                lost = threading.Thread(target=self.provoke, args=(fault,))
                lost.start()
                self.assertLess(self.healthy_again(worker, began), HEALTHY_SECONDS)
                lost.join(10)
                crash = self.quarantine()["crashes"][-1]
                self.assertEqual(crash["plugin"], "crasher")
                self.assertRegex(crash["how"], r"did not return for [\d.]+ seconds")
        self.forget()

    def test_after_the_second_crash_the_plugin_is_in_quarantine_until_it_is_cleared(self):
        self.forget()
        made = self.create(self.server.client("admin"), "crasher.item", name="good")
        for _ in range(2):
            worker, began = self.server.worker, time.monotonic()
            self.assertIsNone(self.provoke("segfault"))
            self.healthy_again(worker, began)
        held = self.quarantine()["quarantined"]
        self.assertEqual([one["plugin"] for one in held], ["crasher"])
        self.assertIn("2 times within ten minutes", held[0]["why"])
        admin = self.server.client("admin")
        # What its code guards can be read and not changed; its routes are closed; all else works.
        self.ok(admin.get(f"/records/crasher.item/{made['id']}"))
        refused = self.problem(self.provoke("good"), 503, "unavailable")
        self.assertIn("crasher", refused["detail"])
        self.problem(admin.patch(f"/records/crasher.item/{made['id']}", {"count": 1}, If_Match="*"), 503, "unavailable")
        self.problem(admin.get("/plugins/crasher/throw"), 503, "unavailable")
        # The administrator sees it.
        self.assertEqual(self.ok(admin.get("/readyz")).json["quarantined"], ["crasher"])
        shown = {one["name"]: one for one in self.ok(admin.get("/admin/plugins")).json["items"]}
        self.assertEqual((shown["crasher"]["state"], shown["customers"]["state"]), ("quarantined", "enabled"))
        self.assertIn("2 times", shown["crasher"]["error"])
        notices = self.ok(admin.get("/records/core.notice?limit=200")).json["items"]
        self.assertEqual(len([one for one in notices if "crasher" in one["text"]]), 1)
        # A restart leaves it there, and says nothing again.
        worker = self.server.worker
        self.assertEqual(local(self.server, "POST", "/local/restart", {"reason": "test"})[0], 202)
        wait_until(lambda: self.server.worker not in (0, worker), 60, "another worker")
        self.problem(self.provoke("good"), 503, "unavailable")
        self.assertEqual(len([one for one in self.ok(self.server.client("admin").get("/records/core.notice?limit=200")).json["items"]
                              if "crasher" in one["text"]]), 1)
        worker = self.server.worker
        done = self.server.cli("plugin", "quarantine", "clear", "crasher", "--data", self.server.data, "--config", self.server.config, store=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("no request is lost", done.stdout)
        wait_until(lambda: self.server.worker not in (0, worker), 60, "another worker")
        self.assertEqual(self.provoke("good again").status, 201)
        self.assertNotIn("quarantined", self.ok(self.server.client().get("/readyz")).json)
        again = self.server.cli("plugin", "quarantine", "clear", "crasher", "--data", self.server.data, "--config", self.server.config, store=False)
        self.assertEqual(again.returncode, 1)


class Load(_Contained):
    """Faults while the plugin is loaded: nobody can log in to mend them."""

    @classmethod
    def configure(cls):
        with_crasher(cls.server, deadline_seconds=4)

    def test_who_takes_longer_than_it_may_is_refused_further_work(self):
        worker = self.server.worker
        refused = self.problem(self.provoke("late"), 503, "unavailable")
        self.assertIn("crasher", refused["detail"])
        self.assertEqual(self.server.worker, worker)
        self.assertEqual(self.count(self.admin, "crasher.item"), 0)
        shown = {one["name"]: one for one in self.ok(self.admin.get("/admin/plugins")).json["items"]}
        counted = {one["name"]: one for one in shown["crasher"]["health"]["callbacks"]}["before_create of crasher.item"]
        self.assertEqual((counted["late"], counted["errors"]), (1, 1))
        self.assertGreater(counted["longest_micros"], 4_000_000)

    def test_who_dies_while_it_is_loaded_is_left_out_at_once(self):
        self.server.stop()
        for place in ("constructor", "create"):
            for fault in ("segfault", "overflow", "exit", "leave", "thread"):
                with self.subTest(place=place, fault=fault):
                    self.forget()
                    self.server.environment["CARAVAN_TEST_LOAD_FAULT"] = f"{place}:{fault}"
                    began = time.monotonic()
                    self.server.start()
                    self.assertLess(time.monotonic() - began, 2 * HEALTHY_SECONDS)
                    if fault == "thread":  # which may outlive the loading, and then is a crash like others: the second one counts
                        wait_until(lambda: self.quarantine()["quarantined"], HEALTHY_SECONDS, "the quarantine")
                    held = self.quarantine()["quarantined"]
                    self.assertEqual([one["plugin"] for one in held], ["crasher"])
                    self.assertRegex(held[0]["why"], "while it was loaded" if fault != "thread" else "while it was loaded|in a thread of its own")
                    admin = self.server.client("admin")
                    self.create(admin, "customers.customer", kind="person", name="照常")
                    self.problem(self.provoke("good"), 503, "unavailable")
                    self.server.stop()
        del self.server.environment["CARAVAN_TEST_LOAD_FAULT"]
        self.forget()
        self.server.start()

    def test_it_starts_in_safe_mode_where_it_dies_again_and_again_and_nobody_is_known_to_be_at_fault(self):
        self.server.stop()
        self.server.environment["CARAVAN_TEST_LOAD_FAULT"] = "constructor:kill"
        self.server.start()
        self.assertEqual(self.quarantine(), {"quarantined": [], "crashes": []})
        self.assertTrue(any("starts in safe mode" in line for line in self.server.output), self.server.output)
        admin = self.server.client("admin", fresh=True)
        self.assertIn("safe mode", admin.get("/readyz").json["why"])
        # Mended, a restart of the worker is enough.
        done = self.server.cli("plugin", "quarantine", "add", "crasher", "--data", self.server.data, "--config", self.server.config, store=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_until(lambda: self.server.client().get("/readyz").status == 200, 60, "the whole server")
        self.create(self.server.client("admin", fresh=True), "customers.customer", kind="person", name="照常")
        del self.server.environment["CARAVAN_TEST_LOAD_FAULT"]
        self.forget()
        self.server.stop()
        self.server.start()

    def test_safe_mode_starts_with_the_core_alone_and_changes_nothing(self):
        made = self.create(self.admin, "customers.customer", kind="person", name="还在")
        revisions = self.ok(self.admin.get("/admin/revisions")).json["items"]
        self.server.stop()
        self.server.options = ["--safe-mode"]
        try:
            self.server.start()
            admin = self.server.client("admin", fresh=True)
            self.assertEqual(admin.get("/readyz").status, 503)
            self.assertIn("safe mode", admin.get("/readyz").json["why"])
            self.assertEqual(admin.get("/records/customers.customer").status, 404)
            self.ok(admin.get("/records/core.user"))
            self.assertEqual({one["state"] for one in self.ok(admin.get("/admin/plugins")).json["items"]}, {"disabled"})
            self.problem(admin.post("/admin/reload"), 409, "conflict")
            self.server.stop()
        finally:
            self.server.options = []
        self.server.start()
        admin = self.server.client("admin", fresh=True)
        self.assertEqual(self.ok(admin.get(f"/records/customers.customer/{made['id']}")).json, made)
        self.assertEqual([one["id"] for one in self.ok(admin.get("/admin/revisions")).json["items"]], [one["id"] for one in revisions])


class Replace(_Contained):
    """The worker is exchanged under load."""

    @classmethod
    def configure(cls):
        with_crasher(cls.server)
        cls.metrics = free_port()
        cls.server.setting("metrics", {"port": cls.metrics})

    def test_no_request_is_lost_while_the_worker_is_replaced(self):
        turns = 20 if Setup.full else 4
        stop = threading.Event()
        made, failed = [], []

        def load(number):
            client = self.server.client("admin")  # one connection, kept over all workers
            turn = 0
            while not stop.is_set():
                turn += 1
                try:
                    answer = client.post("/records/customers.customer", {"kind": "person", "name": f"{number}-{turn}"})
                    (made if answer.status == 201 else failed).append(answer)
                except (OSError, http.client.HTTPException) as error:
                    failed.append(error)

        threads = [threading.Thread(target=load, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        workers = []
        longest = 0
        for _ in range(turns):
            time.sleep(0.3)
            worker = self.server.worker
            workers.append(worker)
            count = len(made)
            began = time.monotonic()
            self.assertEqual(local(self.server, "POST", "/local/restart", {"reason": "test"})[0], 202)
            wait_until(lambda: self.server.worker not in (0, worker), 60, "another worker")
            with socket.create_connection(("127.0.0.1", self.server.port), timeout=5):
                pass  # never refused
            wait_until(lambda: len(made) > count + 8, 60, "requests go on")
            longest = max(longest, time.monotonic() - began)
        stop.set()
        for thread in threads:
            thread.join(60)
        self.assertEqual(failed, [])
        self.assertEqual(len(set(workers)), turns)
        admin = self.server.client("admin")
        for answer in made[:: max(1, len(made) // 50)]:
            self.ok(admin.get(f"/records/customers.customer/{answer.json['id']}"))
        print(f"{self.database}: {turns} workers replaced under 8 connections, {len(made)} requests, 0 failed, longest pause {longest:.2f} s")

    def test_a_request_that_has_begun_to_arrive_is_handed_over(self):
        admin = self.server.client("admin")
        worker = self.server.worker
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=60) as connection:
            connection.sendall(f"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nCookie: {admin.cookie}\r\n".encode())
            time.sleep(0.2)
            self.assertEqual(local(self.server, "POST", "/local/restart", {"reason": "test"})[0], 202)
            wait_until(lambda: self.server.worker not in (0, worker), 60, "another worker")
            connection.sendall(b"\r\n")
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 200"))

    def test_connections_wait_while_the_server_is_dead(self):
        (self.server.data / "plugin_quarantine.json").unlink(missing_ok=True)
        refused, stop = [], threading.Event()

        def knock():
            while not stop.is_set():
                try:
                    client = Client(self.server.port)
                    status = client.get("/healthz").status
                    if status != 200:
                        refused.append(status)
                    client.close()
                except ConnectionRefusedError as error:
                    refused.append(error)
                except (OSError, http.client.HTTPException):
                    pass  # was in the hands of the one that died

        threads = [threading.Thread(target=knock) for _ in range(4)]
        for thread in threads:
            thread.start()
        worker, began = self.server.worker, time.monotonic()
        self.provoke("abort")
        self.healthy_again(worker, began)
        stop.set()
        for thread in threads:
            thread.join(60)
        self.assertEqual(refused, [])
        self.forget()

    def test_figures_for_monitoring(self):
        self.provoke("throw")
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=10) as answer:
            self.assertTrue(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"))
            text = answer.read().decode()
        for pattern in (r'caravan_http_requests_total\{method="POST",status="500"\} [1-9]', r"caravan_http_request_duration_seconds_count [1-9]",
                        r'caravan_plugin_errors_total\{plugin="crasher",callback="before_create of crasher.item"\} [1-9]',
                        r'caravan_plugin_calls_total\{plugin="sales"', r"caravan_worker_restarts_total \d",
                        r'caravan_database_connections_max\{pool="requests",kind="(any|read)"\} [1-9]', r'caravan_database_connections_open\{pool="requests",kind="(any|read)"\} [1-9]',
                        r'caravan_database_connections_used\{pool="requests"', r'caravan_database_waiting\{pool="requests"', r'caravan_database_timeouts_total\{pool="requests"', r"process_resident_memory_bytes \d"):
            self.assertRegex(text, pattern)
        # On its own socket only.
        self.assertEqual(Client(self.server.port).request("GET", "/metrics").status, 404)

    def test_accounts_are_among_the_plugins(self):
        self.provoke("throw")
        self.problem(self.server.client("admin").get("/plugins/crasher/throw"), 500, "internal")
        shown = {one["name"]: one for one in self.ok(self.server.client("admin").get("/admin/plugins")).json["items"]}
        counted = {one["name"]: one for one in shown["crasher"]["health"]["callbacks"]}
        self.assertGreaterEqual(counted["before_create of crasher.item"]["errors"], 1)
        self.assertGreaterEqual(counted["GET /throw"]["calls"], 1)

    def test_the_worker_dies_with_its_supervisor(self):
        worker = self.server.worker
        began = time.monotonic()
        self.server.kill()
        self.assertLess(time.monotonic() - began, 3)
        self.assertFalse(process_lives(worker))
        self.server.start()

    def test_a_killed_worker_is_replaced_and_nobody_blamed(self):
        (self.server.data / "plugin_quarantine.json").unlink(missing_ok=True)
        worker, began = self.server.worker, time.monotonic()
        os.kill(worker, signal.SIGKILL)
        self.healthy_again(worker, began)
        self.assertEqual(self.quarantine()["crashes"], [])

    def test_one_process_where_that_is_wanted(self):
        self.server.stop()
        self.server.options = ["--no-supervisor"]
        try:
            self.server.start()
            self.assertEqual(children_of(self.server.process.pid), [])
            self.create(self.server.client("admin"), "customers.customer", kind="person", name="单进程")
            self.assertEqual(local(self.server, "POST", "/local/restart", {"reason": "test"})[0], 409)
            self.assertEqual(self.server.stop(), 0)
        finally:
            self.server.options = []
        self.server.start()


class Start(unittest.TestCase):
    def test_the_socket_may_be_systemds(self):
        server = Server("sqlite", "Start-activated")
        self.addCleanup(server.remove)
        port = free_port()
        starter = server.home / "starter"
        starter.write_text(f"""#!/usr/bin/env python3
import os, socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", {port}))
listener.listen()
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv({str(server.binary)!r}, [{str(server.binary)!r}, *sys.argv[1:]])
""")
        starter.chmod(0o755)
        server.binary = starter
        server.start(port=1)  # which it could not have
        self.assertEqual(server.port, port)
        self.assertEqual(Client(port).get("/readyz").status, 200)
        worker = server.worker
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: server.worker not in (0, worker), 60, "another worker")
        self.assertEqual(Client(port).get("/readyz").status, 200)
        self.assertEqual(server.stop(), 0)

    def test_a_server_that_cannot_start_ends_with_its_code(self):
        server = Server("sqlite", "Start-refused")
        self.addCleanup(server.remove)
        (server.config / "broken.yaml").write_text("kind: entity\nname: [\n")
        with self.assertRaises(RuntimeError) as caught:
            server.start()
        self.assertRegex(str(caught.exception), re.compile(r"code 1\b.*broken\.yaml", re.DOTALL))
