"""Starting, stopping and starting again."""

import concurrent.futures
import os
import signal
import socket
import subprocess
import time
import unittest

import caravan
from caravan import ADMIN_PASSWORD, Client, Server, ServerCase, multipart, query, wait_until


DEMO = caravan.ROOT / "config" / "examples" / "demo-agency"


class _Own(unittest.TestCase):
    """A server of its own for each test."""

    def new_server(self, kind):
        server = Server(kind, f"{type(self).__name__.split('[')[0]}-{self._testMethodName}")
        self.addCleanup(server.remove)
        return server


class Lifecycle(ServerCase):
    """On both databases."""

    def setUp(self):
        if self.server.process is None or self.server.process.poll() is not None:
            self.server.start()

    def test_health(self):
        client = self.server.client()
        self.ok(client.get("/healthz"))
        self.ok(client.get("/readyz"))

    def test_sigterm_ends_cleanly_and_data_stays(self):
        client = self.server.client("admin")
        customer = self.create(client, "customers.customer", kind="person", name="停机前")
        self.assertEqual(self.server.stop(signal.SIGTERM), 0)
        self.server.start()
        again = self.ok(self.server.client("admin").get(f"/records/customers.customer/{customer['id']}")).json
        self.assertEqual(again, customer)

    def test_sigint_ends_cleanly(self):
        self.assertEqual(self.server.stop(signal.SIGINT), 0)
        self.server.start()

    def test_acknowledged_writes_survive_a_kill(self):
        client = self.server.client("admin")
        made = [self.create(client, "customers.customer", kind="person", name=f"写入 {i}")["id"] for i in range(20)]
        self.server.kill()
        self.server.start()
        client = self.server.client("admin")
        for identifier in made:
            self.ok(client.get(f"/records/customers.customer/{identifier}"))

    def test_a_request_in_hand_is_answered_before_the_end(self):
        client = self.server.client("admin")
        count = 3000
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            while True:  # as many rows as this machine needs to be at work still when the signal comes
                rows = "id,name\n" + "".join(f"{i},客户 {i}\n" for i in range(count))
                mapping = (f"kind: import_map\nname: m\nentity: customers.customer\nsource: stop{count}\nrecords:\n  c:\n"
                           "    entity: customers.customer\n    external_id: {column: id}\n"
                           "    fields: {name: {column: name}, kind: {value: person}}\n")
                body, kind = multipart(map=("m.yaml", mapping), file=("r.csv", rows))
                answer = pool.submit(client.request, "POST", "/import/customers.customer", body, {"Content-Type": kind})
                time.sleep(0.1)
                if not answer.done():
                    break
                self.assertEqual(self.ok(answer.result()).json["created"], count)
                count *= 4
                self.assertLess(count, 1_000_000, "no import is long enough to be interrupted")
            self.server.process.send_signal(signal.SIGTERM)
            self.assertEqual(self.ok(answer.result(60)).json["created"], count)
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        found = self.count(self.server.client("admin"), "customers.customer", filter=f'record.external_source == "stop{count}"')
        if count <= 10_000:
            self.assertEqual(found, count)
        else:
            self.assertGreater(found, 10_000)  # an estimate from there on

    def test_a_request_that_comes_too_late_leaves_nothing_or_is_answered(self):
        client = self.server.client("admin")
        body = '{"kind":"person","name":"最后一位"}'.encode()
        head = (f"POST /api/v1/records/customers.customer HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {client.cookie}\r\n"
                f"X-CSRF-Token: {client.csrf}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode()
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as connection:
            connection.sendall(head + body)
            self.server.process.send_signal(signal.SIGTERM)
            try:
                answer = connection.recv(65536)
            except ConnectionResetError:
                answer = b""
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        found = self.ok(self.server.client("admin").get("/records/customers.customer" + query(q="最后一位"))).json["items"]
        self.assertEqual(len(found), 1 if b" 201 " in answer.split(b"\r\n")[0] else 0, answer)

    def test_sessions_outlive_a_restart(self):
        client = self.server.client("admin", fresh=True)
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        again = Client(self.server.port)
        again.cookie, again.csrf = client.cookie, client.csrf
        self.assertEqual(self.ok(again.get("/me")).json["username"], "admin")


class FirstStart(_Own):
    def test_the_administrators_password_is_made_and_printed_once(self):
        server = self.new_server("sqlite")
        del server.environment["CARAVAN_ADMIN_PASSWORD"]
        server.start()
        lines = [line for line in server.output if line.startswith("administrator login: admin / ")]
        self.assertEqual(len(lines), 1, server.output)
        password = lines[0].removeprefix("administrator login: admin / ")
        self.assertGreaterEqual(len(password), 16)
        me = server.client("admin", password).get("/me").json
        self.assertTrue(me["administrator"])
        server.stop()
        self.assertNotIn(password, "\n".join(server.output[1 + server.output.index(lines[0]):]))
        server.start()
        self.assertFalse([line for line in server.output if "administrator login" in line])
        server.client("admin", password, fresh=True)

    def test_the_password_of_the_environment_is_used_and_not_printed(self):
        server = self.new_server("sqlite").start()
        server.client("admin", ADMIN_PASSWORD, fresh=True)
        self.assertNotIn(ADMIN_PASSWORD, "\n".join(server.output))

    def test_another_password_later_does_not_change_the_first(self):
        server = self.new_server("sqlite").start()
        server.stop()
        server.environment["CARAVAN_ADMIN_PASSWORD"] = "quite-another-1"
        server.start()
        server.client("admin", ADMIN_PASSWORD, fresh=True)
        self.assertEqual(server.client().login("admin", "quite-another-1").status, 401)


class Refusals(_Own):
    """What keeps a server from starting is said, and the exit code is not 0."""

    def fails(self, server, port=0):
        with self.assertRaises(RuntimeError) as caught:
            server.start(port)
        return str(caught.exception)

    def test_a_port_that_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.assertIn(str(port), self.fails(self.new_server("sqlite"), port))

    def test_a_second_server_on_one_sqlite_database(self):
        first = self.new_server("sqlite").start()
        second = self.new_server("sqlite")
        second.data = first.data
        self.assertRegex(self.fails(second), r"(?i)already|another|in use|lock")
        first.client("admin")

    def test_a_database_that_is_not_there(self):
        server = self.new_server("sqlite")
        server.database.options = ["--database", "mysql://nobody:secret-word@127.0.0.1:1/none"]
        message = self.fails(server)
        self.assertNotIn("secret-word", message)

    def test_a_broken_definition(self):
        server = self.new_server("sqlite")
        (server.config / "broken.yaml").write_text("kind: entity\nname: [\n")
        self.assertIn("broken.yaml:", self.fails(server))

    def test_unknown_settings(self):
        server = self.new_server("sqlite")
        path = server.config / "caravan.yaml"
        path.write_text(path.read_text() + "\nnonsense: 1\n")
        message = self.fails(server)
        self.assertIn("caravan.yaml:", message)
        self.assertIn("nonsense", message)


class RunScript(unittest.TestCase):
    """scripts/run as a newcomer uses it, with the release binary."""

    def setUp(self):
        if not (caravan.Setup.release / "caravan").exists():
            self.fail("build/release/caravan is missing: scripts/run --build-only")
        self.server = Server("sqlite", f"RunScript-{self._testMethodName}")  # only for its folders
        self.addCleanup(self.server.remove)
        self.process = None
        self.addCleanup(self.end)

    def end(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def run_it(self, *options, database=()):
        self.output = self.server.home / "run.out"
        began = time.monotonic()
        environment = {**os.environ, "CARAVAN_ADMIN_PASSWORD": ADMIN_PASSWORD}
        self.process = subprocess.Popen([str(caravan.ROOT / "scripts" / "run"), "--port", "0", "--data", str(self.server.data),
                                         *database, *options], stdout=open(self.output, "wb"), stderr=subprocess.STDOUT,
                                        start_new_session=True, env=environment, stdin=subprocess.DEVNULL)
        wait_until(lambda: "administrator admin /" in self.output.read_text() or self.process.poll() is not None, 120,
                   "scripts/run prints its login")
        text = self.output.read_text()
        self.assertIsNone(self.process.poll(), text)
        self.seconds = time.monotonic() - began
        address = next(line.split()[-1] for line in text.splitlines() if line.strip().startswith("Caravan  "))
        self.server.port = int(address.rsplit(":", 1)[1])
        return text

    def stop(self):
        """As a terminal or a supervisor does: to the whole group."""
        os.killpg(self.process.pid, signal.SIGTERM)
        self.assertEqual(self.process.wait(30), 0, self.output.read_text())
        wait_until(lambda: not self.group_lives(), 5, "everything that scripts/run started has ended")

    def group_lives(self):
        try:
            os.killpg(self.process.pid, 0)
            return True
        except ProcessLookupError:
            return False

    def demo_counts(self):
        client = self.server.client("admin", fresh=True)
        return tuple(client.get(f"/records/{entity}" + query(limit=1, count=1)).json["total"]
                     for entity in ("core.user", "customers.customer", "sales.inquiry"))

    def round_trip(self, database=()):
        text = self.run_it("--demo", "small", database=database)
        counts = self.demo_counts()
        self.assertGreater(counts[0], 3)
        self.assertEqual(counts[1:], (60, 120))
        self.assertIn("li.na / caravan-demo", text)
        staff = self.server.client("li.na", "caravan-demo", fresh=True)
        won = staff.get("/records/sales.inquiry" + query(filter='record.state == "won"', count=1)).json["total"]
        waiting = self.server.client("wang.wei", "caravan-demo", fresh=True).get("/approvals").json["items"]
        self.assertEqual(len(waiting), 1, "one deal waits for the manager")
        self.assertEqual(won + len(waiting), sum(row.split(",")[2] == "won" for row in (DEMO / "progress.csv").read_text().splitlines()))
        self.stop()
        self.run_it(database=database)
        self.assertLess(self.seconds, 3, "a second start takes under 3 s")
        self.assertEqual(self.demo_counts(), counts)
        self.stop()

    def test_demo_agency_comes_once_on_sqlite(self):
        self.round_trip()

    def test_demo_agency_comes_once_on_mariadb(self):
        if not caravan.Setup.mysql_url:
            self.skipTest("CARAVAN_TEST_MYSQL_URL is not set: no MariaDB to test on")
        database = caravan.Database("mariadb", self.server.data)
        self.addCleanup(database.drop)
        self.round_trip(database.options)

    def test_an_interrupted_demo_load_is_finished_by_the_next_start(self):
        self.run_it("--no-demo")
        self.assertEqual(self.demo_counts(), (1, 0, 0))
        self.stop()
        (self.server.data / "demo-agency.pending").touch()
        self.run_it("--demo", "small")
        self.assertEqual(self.demo_counts()[1:], (60, 120))
        self.stop()

    def test_the_whole_house(self):
        """What a first start loads unless told otherwise takes half a minute, so it is of the long tests."""
        if not caravan.Setup.full:
            self.run_it("--demo", "none")
            self.assertEqual(self.demo_counts(), (1, 0, 0))
            return self.stop()
        text = self.run_it()
        self.assertIn("demo.guide / caravan-demo", text)
        counts = self.demo_counts()
        self.assertGreater(counts[1], 150)
        guide = self.server.client("demo.guide", "caravan-demo", fresh=True)
        self.assertTrue(guide.get("/records/guides.assignment?view=guides.my_assignments").json["items"])
        self.stop()
        # A load that was interrupted after the house was begun does not bring everything twice.
        (self.server.data / "demo-agency.loaded").rename(self.server.data / "demo-agency.pending")
        self.assertIn("interrupted", self.run_it())
        self.assertEqual(self.demo_counts(), counts)
        self.stop()

    def test_a_database_in_use_gets_no_demo(self):
        self.run_it("--no-demo")
        client = self.server.client("admin")
        self.assertEqual(client.post("/records/customers.customer", {"kind": "person", "name": "真实客户"}).status, 201)
        self.stop()
        self.run_it()
        self.assertEqual(self.demo_counts(), (1, 1, 0))
        self.stop()

    def test_the_server_does_not_outlive_a_killed_script(self):
        self.run_it("--no-demo")
        self.process.kill()
        self.process.wait()
        client = Client(self.server.port, timeout=2)

        def gone():
            try:
                client.get("/healthz")
                return False
            except OSError:
                return True
        wait_until(gone, 15, "the server ended")
