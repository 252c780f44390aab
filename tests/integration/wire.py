"""One connection at the level of bytes: quick enough to press the server, exact enough to break off anywhere."""

import json
import socket
import struct
import threading
import time


class Reply:
    __slots__ = ("status", "head", "body")

    def __init__(self, status, head, body):
        self.status = status
        self.head = head
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def header(self, name):
        """The first header of this name as text, or None."""
        wanted = name.lower().encode() + b":"
        for line in self.head.split(b"\r\n")[1:]:
            if line.lower().startswith(wanted):
                return line[len(wanted):].strip().decode("latin-1")
        return None

    def __repr__(self):
        return f"{self.status} {self.body[:800].decode('utf-8', 'replace')}"


class Wire:
    """A keep-alive connection that signs in with a bearer token. Not thread-safe."""

    def __init__(self, port, token, timeout=30):
        self.port = port
        self.token = token
        self.timeout = timeout
        self.socket = None
        self.rest = b""

    def request(self, method, path, body=None, **headers):
        """The bytes of a request; `headers` with `_` for `-`."""
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        lines = [f"{method} /api/v1{path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {self.token}"]
        if body is not None:
            headers.setdefault("Content_Type", "application/json")
            lines.append(f"Content-Length: {len(data)}")
        elif method != "GET":
            lines.append("Content-Length: 0")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + data

    def open(self):
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=self.timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.rest = b""
        return self.socket

    def close(self, reset=False):
        """`reset`: the peer sees an error rather than an end."""
        if self.socket is not None:
            if reset:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()
            self.socket = None

    def exchange(self, request):
        """Sends the bytes and reads the whole reply. Raises OSError where the connection ends before."""
        try:
            self.open().sendall(request)
            return self.read(body=not request.startswith(b"HEAD "))
        except OSError:
            self.close()
            raise

    def read(self, body=True):
        """`body`: whether one follows the head; of an answer to HEAD none does, whatever its length says."""
        data = self.rest
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self.receive()
        head, data = data[:end], data[end + 4:]
        reply = Reply(int(head[9:12]), head, b"")
        length = reply.header("Content-Length")
        if length is None and body and reply.status not in (204, 304):
            raise AssertionError(f"a reply without a length: {head!r}")
        length = int(length or 0) if body else 0
        while len(data) < length:
            data += self.receive()
        reply.body, self.rest = data[:length], data[length:]
        if (reply.header("Connection") or "").lower() == "close":
            self.close()
        return reply

    def receive(self):
        data = self.socket.recv(262144)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data

    def call(self, method, path, body=None, **headers):
        return self.exchange(self.request(method, path, body, **headers))


def token_of(client, label="tests"):
    """A bearer token of the client's user."""
    answer = client.post("/tokens", {"label": label})
    if answer.status != 201:
        raise AssertionError(repr(answer))
    return answer.json["token"]


def at_once(port, token, count, work, again=(503,), seconds=120):
    """The replies of `count` clients that begin together, in their order; `work(wire, number)` is done again where the status says so."""
    gate, replies, failures = threading.Barrier(count), [None] * count, []

    def one(number):
        wire = Wire(port, token, timeout=60)
        try:
            gate.wait(60)
            reply = work(wire, number)
            while reply.status in again:
                time.sleep(0.05)
                reply = work(wire, number)
            replies[number] = reply
        except BaseException as error:
            failures.append(error)
        finally:
            wire.close()
    threads = [threading.Thread(target=one, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
    if failures:
        raise failures[0]
    if None in replies:
        raise AssertionError(f"{replies.count(None)} of {count} were not answered within {seconds} s")
    return replies
