"""Many at once: increments that must not be lost, replies that are cut off and asked for again, pages among writers."""

import itertools
import random
import threading
import time

import caravan
from caravan import ServerCase, query
from contents import Contents
from wire import Wire, token_of

COUNTER = """\
kind: entity
name: customers.customer
fields:
  x_count: {type: int, label: {en: Count, zh-CN: 计数, zh-TW: 計數}}
"""


class _Pressed(ServerCase):
    """Threads that run to their end; the first exception of any of them fails the test."""

    @classmethod
    def configure(cls):
        (cls.server.config / "pressed.yaml").write_text(COUNTER)

    @classmethod
    def prepare(cls):
        cls.admin = cls.server.client("admin")
        cls.token = token_of(cls.admin)

    def threads(self, works):
        self.failures = []

        def guarded(work):
            try:
                work()
            except BaseException as error:  # told by the main thread
                self.failures.append(error)
        threads = [threading.Thread(target=guarded, args=(work,), daemon=True) for work in works]
        for thread in threads:
            thread.start()
        return threads

    def joined(self, threads, seconds):
        end = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0, end - time.monotonic()))
        if self.failures:
            raise self.failures[0]
        self.assertFalse([t for t in threads if t.is_alive()], f"not done within {seconds} s")

    def contents(self):
        contents = Contents(self.server.database)
        self.addCleanup(contents.close)
        return contents


class LostUpdates(_Pressed):
    def test_no_acknowledged_increment_is_lost(self):
        writers, each = (8, 5000) if caravan.Setup.full else (8, 300)
        record = self.create(self.server.client("admin"), "customers.customer", kind="person", name="计数器", x_count=0)
        path = f"/records/customers.customer/{record['id']}"
        acknowledged, stale = [0] * writers, [0] * writers

        def write(number):
            wire = Wire(self.server.port, self.token)
            value, version = 0, 1
            while acknowledged[number] < each and not self.failures:
                reply = wire.call("PATCH", path, {"x_count": value + 1}, If_Match=f'"{version}"')
                if reply.status == 200:
                    acknowledged[number] += 1
                    current = reply.json
                elif reply.status == 412:
                    stale[number] += 1
                    current = reply.json["current"]
                else:
                    raise AssertionError(f"an increment was answered {reply}")
                value, version = current["x_count"], current["version"]
            wire.close()

        began = time.monotonic()
        self.joined(self.threads([lambda n=n: write(n) for n in range(writers)]), 900 if caravan.Setup.full else 120)
        seconds = time.monotonic() - began
        total = sum(acknowledged)
        self.assertEqual(total, writers * each)
        final = self.ok(self.server.client("admin").get(path)).json
        self.assertEqual((final["x_count"], final["version"]), (total, total + 1))
        contents = self.contents()
        events, versions, last = contents.rows(f"SELECT COUNT(*), COUNT(DISTINCT version), MAX(version) FROM event "
                                               f"WHERE entity = 'customers.customer' AND record_id = {record['id']}")[0]
        self.assertEqual((int(events), int(versions), int(last)), (total + 1,) * 3)
        print(f"\n  {self.database}: {total} increments by {writers} writers in {seconds:.1f} s, {sum(stale)} answered 412", end="", flush=True)


class CutReplies(_Pressed):
    """POSTs whose replies are cut off and that are sent again with the same key."""

    CUT = 0.3

    def post(self, wire, request, random_numbers, counts):
        """Sends until a whole reply has come, breaking off now and then."""
        end = time.monotonic() + 90
        while time.monotonic() < end and not self.failures:
            try:
                if random_numbers.random() < self.CUT:
                    how = random_numbers.choice(("at once", "reset", "in the reply", "in the request"))
                    counts[how] = counts.get(how, 0) + 1
                    connection = wire.open()
                    if how == "in the request":
                        connection.sendall(request[:random_numbers.randrange(1, len(request))])
                    else:
                        connection.sendall(request)
                        if how == "in the reply":
                            connection.recv(random_numbers.randrange(1, 60))
                        elif random_numbers.random() < 0.5:
                            time.sleep(random_numbers.random() * 0.01)  # the server is somewhere in its work by then
                    wire.close(reset=how == "reset")
                    continue
                reply = wire.exchange(request)
            except OSError:
                counts["connection lost"] = counts.get("connection lost", 0) + 1
                wire.close()
                time.sleep(0.02)
                continue
            if reply.status == 409 and b"idempotency_key_in_use" in reply.body:  # the first one is still under way
                counts["under way"] = counts.get("under way", 0) + 1
                time.sleep(0.005)
                continue
            if reply.status == 503:
                counts["503"] = counts.get("503", 0) + 1
                time.sleep(0.05)
                continue
            return reply
        raise AssertionError("no whole reply within 90 s")

    def one_effect_each(self, total, kills):
        client = self.server.client("admin")
        customer = self.create(client, "customers.customer", kind="person", name="重发客户")["id"]
        mark = f"{self._testMethodName}-{self.database}"
        maker = Wire(self.server.port, self.token)
        inquiries = []
        for _ in range(total // 4):
            made = maker.call("POST", "/records/sales.inquiry", {"customer": customer, "channel": "phone"})
            self.assertEqual(made.status, 201, made)
            inquiries.append(made.json["id"])
        maker.close()

        replies = [None] * total
        numbers = iter(range(total))
        take = threading.Lock()
        counts = [{} for _ in range(8)]

        def requests_of(wire, number):
            key = {"Idempotency_Key": f'"{mark}-{number}"'}
            if number % 4 == 3:  # a step that cannot be taken twice: without the key the second would be refused
                return wire.request("POST", f"/records/sales.inquiry/{inquiries[number // 4]}/transitions/contact", {}, **key)
            return wire.request("POST", "/records/customers.customer", {"kind": "person", "name": f"{mark} {number}", "x_count": number}, **key)

        def work(thread):
            random_numbers = random.Random(thread)
            wire = Wire(self.server.port, self.token, timeout=20)
            while not self.failures:
                with take:
                    number = next(numbers, None)
                if number is None:
                    break
                request = requests_of(wire, number)
                reply = replies[number] = self.post(wire, request, random_numbers, counts[thread])
                if reply.status != (200 if number % 4 == 3 else 201):
                    raise AssertionError(f"POST {number} was answered {reply}")
                if number % 20 == 0:  # a reply that came whole is asked for again
                    again = self.post(wire, request, random_numbers, counts[thread])
                    if (again.status, again.body, again.header("ETag"), again.header("Location")) != (
                            reply.status, reply.body, reply.header("ETag"), reply.header("Location")):
                        raise AssertionError(f"POST {number} was answered {reply} and then {again}")
            wire.close()

        began = time.monotonic()
        threads = self.threads([lambda n=n: work(n) for n in range(8)])
        killed = 0
        if kills:
            # By the main thread: what a thread starts ends with it.
            random_numbers = random.Random(99)
            port = self.server.port
            while any(thread.is_alive() for thread in threads) and killed < kills:
                if caravan.Setup.full:
                    time.sleep(0.1 + random_numbers.random() * 0.9)
                else:  # spread over the requests, however fast the machine is
                    while sum(reply is not None for reply in replies) < total * (killed + 1) // (kills + 2) and any(t.is_alive() for t in threads):
                        time.sleep(0.002)
                    time.sleep(random_numbers.random() * 0.02)
                self.server.kill()
                killed += 1
                self.server.start(port)
        self.joined(threads, 900 if caravan.Setup.full else 150)
        seconds = time.monotonic() - began

        contents = self.contents()
        made = contents.rows(f"SELECT id, name FROM customers_customer WHERE name LIKE '{mark} %'")
        creates = [n for n in range(total) if n % 4 != 3]
        self.assertEqual(len(made), len(creates), "records made")
        self.assertEqual({name: i for i, name in made}, {f"{mark} {n}": replies[n].json["id"] for n in creates})
        twice = contents.rows("SELECT record_id, COUNT(*) FROM event WHERE action = 'create' GROUP BY record_id HAVING COUNT(*) > 1")
        self.assertEqual(twice, [], "records with two beginnings")
        lost = contents.rows(f"SELECT c.id FROM customers_customer c LEFT JOIN event e ON e.record_id = c.id AND e.action = 'create' "
                             f"WHERE c.name LIKE '{mark} %' AND e.id IS NULL")
        self.assertEqual(lost, [], "records without a beginning")
        chosen = ", ".join(inquiries) or "0"
        steps = contents.rows(f"SELECT record_id, COUNT(*) FROM event WHERE action = 'transition:contact' AND record_id IN ({chosen}) GROUP BY record_id")
        self.assertEqual({(i, int(n)) for i, n in steps}, {(i, 1) for i in inquiries}, "steps taken")
        states = contents.rows(f"SELECT DISTINCT state, version FROM sales_inquiry WHERE id IN ({chosen})")
        self.assertEqual([(state, int(version)) for state, version in states], [("contacted", 2)] if inquiries else [])
        summed = {}
        for count in counts:
            for name, number in count.items():
                summed[name] = summed.get(name, 0) + number
        cut = sum(summed.get(how, 0) for how in ("at once", "reset", "in the reply", "in the request"))
        self.assertGreater(cut, total * self.CUT * 0.5)
        if kills:
            self.assertGreaterEqual(killed, min(kills, 4))
        print(f"\n  {self.database}: {total} POSTs in {seconds:.1f} s, {cut} cut off, {killed} kills; "
              + ", ".join(f"{name} {number}" for name, number in sorted(summed.items())), end="", flush=True)

    def test_replies_cut_off(self):
        self.one_effect_each(10_000 if caravan.Setup.full else 600, kills=0)

    def test_replies_cut_off_while_the_server_is_killed(self):
        self.one_effect_each(10_000 if caravan.Setup.full else 600, kills=1000 if caravan.Setup.full else 4)

    def test_another_body_under_the_same_key_is_refused(self):
        wire = Wire(self.server.port, self.token)
        self.addCleanup(wire.close)
        first = wire.call("POST", "/records/customers.customer", {"kind": "person", "name": "钥匙一"}, Idempotency_Key="one-key")
        self.assertEqual(first.status, 201, first)
        other = wire.call("POST", "/records/customers.customer", {"kind": "person", "name": "钥匙二"}, Idempotency_Key="one-key")
        self.assertEqual(other.status, 422, other)
        self.assertNotIn(f'"{first.json["id"]}"', other.body.decode())
        again = wire.call("POST", "/records/customers.customer", {"kind": "person", "name": "钥匙一"}, Idempotency_Key="one-key")
        self.assertEqual((again.status, again.body), (201, first.body))
        self.assertEqual(self.count(self.server.client("admin"), "customers.customer", filter='record.name.startsWith("钥匙")'), 1)

    def test_a_key_belongs_to_its_user(self):
        self.server.add_user("li.na", "李娜", caravan.SALES)
        mine, theirs = Wire(self.server.port, self.token), Wire(self.server.port, token_of(self.server.client("li.na")))
        replies = [wire.call("POST", "/records/customers.customer", {"kind": "person", "name": f"各人 {i}"}, Idempotency_Key="shared-key")
                   for i, wire in enumerate((mine, theirs))]
        self.assertEqual([reply.status for reply in replies], [201, 201], replies)
        self.assertNotEqual(replies[0].json["id"], replies[1].json["id"])


class Pages(_Pressed):
    """A record that is there all the time is on exactly one page, whatever comes and goes beside it."""

    def test_pages_among_writers(self):
        fixed = {}
        client = self.server.client("admin")
        for i in range(120):
            record = self.create(client, "customers.customer", kind="person", name=f"固定 {i:03d}", x_count=i % 10, city=["上海", "昆明", None][i % 3])
            fixed[record["id"]] = record
        stop = threading.Event()
        made = itertools.count()

        def disturb(number):
            wire, random_numbers, mine = Wire(self.server.port, self.token), random.Random(number), []
            while not stop.is_set() and not self.failures:
                if len(mine) < 20 or random_numbers.random() < 0.5:
                    reply = wire.call("POST", "/records/customers.customer", {
                        "kind": "person", "name": f"来去 {next(made)}", "x_count": random_numbers.choice([None, *range(12)]),
                        "city": random_numbers.choice(["上海", "北京", "昆明", None])})
                    if reply.status != 201:
                        raise AssertionError(repr(reply))
                    mine.append(reply.json["id"])
                else:
                    identifier = mine.pop(random_numbers.randrange(len(mine)))
                    reply = wire.call("DELETE", f"/records/customers.customer/{identifier}", If_Match="*")
                    if reply.status != 204:
                        raise AssertionError(repr(reply))
            wire.close()

        threads = self.threads([lambda n=n: disturb(n) for n in range(3)])
        try:
            rounds = 12 if caravan.Setup.full else 3
            for sort in ("-created_at", "x_count", "-x_count,city", "city,-name", "name"):
                for _ in range(rounds):
                    seen, after, rows = [], None, []
                    while True:
                        page = self.ok(client.get("/records/customers.customer" + query(
                            sort=sort, limit=23, **({"after": after} if after else {})))).json
                        rows += page["items"]
                        seen += [record["id"] for record in page["items"] if record["id"] in fixed]
                        after = page["next"]
                        if not after:
                            break
                    self.assertEqual(sorted(seen), sorted(fixed), f"sort={sort}: {len(seen)} of {len(fixed)}, {len(set(seen))} different")
                    identifiers = [record["id"] for record in rows]
                    self.assertEqual(len(identifiers), len(set(identifiers)), f"sort={sort}: a record on two pages")
        finally:
            stop.set()
        self.joined(threads, 30)
        self.assertGreater(next(made), 50, "the writers were at work")
