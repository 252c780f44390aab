"""Server-sent events: who listens is told of what he may read, soon, and of nothing else."""

import json
import socket
import time
import unittest

import caravan
from caravan import ServerCase
from desk import DEFINITIONS, Desk

FILE = "desk.file"


class Listener:
    """A connection to /events that collects what it is told."""

    def __init__(self, port, token, watch):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.sendall(f"GET /api/v1/events?watch={watch} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        self.data = b""
        while b"event: hello\ndata: {}\n\n" not in self.data:
            got = self.socket.recv(65536)
            if not got:
                raise AssertionError(f"no stream: {self.data!r}")
            self.data += got
        self.data = b""

    def events(self, wanted=None, seconds=5.0):
        """What was told so far; waits until `wanted` of it is there, else for the whole time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            events = self.parsed()
            if wanted is not None and len(events) >= wanted:
                break
            self.socket.settimeout(max(0.05, end - time.monotonic()))
            try:
                got = self.socket.recv(65536)
            except TimeoutError:
                break
            if not got:
                break
            self.data += got
        return self.parsed()

    def parsed(self):
        out = []
        for block in self.data.decode().split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            if "event" in lines:
                out.append((lines["event"], json.loads(lines["data"])))
        return out

    def close(self):
        self.socket.close()


class Events(ServerCase):
    @classmethod
    def configure(cls):
        (cls.server.config / "desk.yaml").write_text(DEFINITIONS)

    @classmethod
    def prepare(cls):
        cls.desk = Desk(cls.server)

    def listener(self, person, watch):
        listener = Listener(self.server.port, person.wire.token, watch)
        self.addCleanup(listener.close)
        return listener

    def test_a_change_is_told_within_a_second(self):
        person = self.desk.person("desk.clerk")
        identifier = self.desk.record("own", person)
        one, all_files = self.listener(person, f"{FILE}/{identifier}"), self.listener(person, FILE)
        began = time.monotonic()
        reply = person.wire.call("PATCH", f"/records/{FILE}/{identifier}", {"topic": "另一个主题"}, If_Match="*")
        self.assertEqual(reply.status, 200, reply)
        told = ("record", {"entity": FILE, "id": identifier, "version": reply.json["version"]})
        self.assertEqual(one.events(1), [told])
        self.assertLess(time.monotonic() - began, 1.5)
        self.assertEqual(all_files.events(1), [told])

    def test_what_one_may_not_read_is_not_told(self):
        clerk, lead = self.desk.person("desk.clerk"), self.desk.person("desk.everything")
        foreign = self.desk.record("foreign", clerk)
        own = self.desk.record("own", clerk)
        listener, witness = self.listener(clerk, FILE), self.listener(lead, FILE)
        for identifier in (foreign, own):
            self.assertEqual(lead.wire.call("PATCH", f"/records/{FILE}/{identifier}", {"topic": "changed"}, If_Match="*").status, 200)
        self.assertEqual({event["id"] for _, event in witness.events(2)}, {foreign, own})
        # Of the other one he hears that there is something that he does not see.
        self.assertEqual({(kind, event.get("id")) for kind, event in listener.events(seconds=1.5)}, {("record", own), ("many", None)})
        # And it cannot be watched by name.
        self.assertEqual(clerk.wire.call("GET", f"/events?watch={FILE}/{foreign}").status, 404)

    def test_a_record_that_is_lost_to_the_listener_is_gone(self):
        clerk, lead = self.desk.person("desk.clerk"), self.desk.person("desk.everything")
        identifier = self.desk.record("own", clerk)
        listener = self.listener(clerk, f"{FILE}/{identifier}")
        self.assertEqual(lead.wire.call("DELETE", f"/records/{FILE}/{identifier}", If_Match="*").status, 204)
        self.assertEqual(listener.events(1), [("record", {"entity": FILE, "id": identifier, "gone": True})])

    def test_who_watches_an_entity_hears_of_deletions(self):
        lead = self.desk.person("desk.everything")
        identifier = self.desk.record("own", lead)
        time.sleep(0.7)
        listener = self.listener(lead, FILE)
        self.assertEqual(lead.wire.call("DELETE", f"/records/{FILE}/{identifier}", If_Match="*").status, 204)
        self.assertEqual(listener.events(1), [("many", {"entity": FILE})])

    def test_very_many_changes_are_one_event(self):
        lead = self.desk.person("desk.everything")
        listener = self.listener(lead, FILE)
        reply = lead.wire.call("POST", f"/records/{FILE}/bulk", {"action": "create", "items": [{"input": {"topic": f"t {i}"}} for i in range(150)]})
        self.assertEqual(reply.status, 200, reply)
        events = listener.events(1)
        self.assertEqual(events[0], ("many", {"entity": FILE}))

    def test_the_stream_ends_with_the_session(self):
        person = self.desk.person("desk.clerk")
        reply = person.wire.call("POST", "/tokens", {"label": "listener"})
        self.assertEqual(reply.status, 201, reply)
        token = reply.json
        listener = Listener(self.server.port, token["token"], FILE)
        self.addCleanup(listener.close)
        self.assertEqual(person.wire.call("DELETE", f"/tokens/{token['id']}").status, 204)
        self.assertEqual(listener.events(1, seconds=10)[-1][0], "bye")
        listener.socket.settimeout(5)
        self.assertEqual(listener.socket.recv(100), b"")

    def test_many_listeners_leave_the_workers_free(self):
        person = self.desk.person("desk.clerk")
        listeners = [self.listener(person, FILE) for _ in range(100)]
        identifier = self.desk.record("own", person)
        for listener in listeners:
            self.assertIn(identifier, [event["id"] for _, event in listener.events(1)])

    def test_too_much_is_refused(self):
        person = self.desk.person("desk.clerk")
        self.assertEqual(person.wire.call("GET", "/events?watch=" + ",".join([FILE] * 21)).status, 400)
        self.assertEqual(person.wire.call("GET", "/events?watch=no.such").status, 404)


if __name__ == "__main__":
    unittest.main()
