"""The OpenAPI document: sound, up to date where it is committed, and true of what the server answers."""

import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import unittest

from caravan import ROOT, SALES, Server, ServerCase, Setup, query

CONSOLE = ROOT / "core" / "console"
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "CI": "true"}


def caravan(*arguments):
    done = subprocess.run([str(Setup.build / "caravan"), *map(str, arguments)], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError(f"caravan {arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def tool(name, *arguments):
    program = CONSOLE / "node_modules" / ".bin" / name
    if not program.exists():
        raise AssertionError(f"{name} is missing: npm ci in core/console")
    return subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True, timeout=300, cwd=CONSOLE,
                          env={**os.environ, **QUIET})


class Documents(unittest.TestCase):
    """What `caravan docs` prints."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def lint(self, name, text):
        path = self.folder / f"{name}.json"
        path.write_text(text)
        done = tool("redocly", "lint", "--extends", "recommended", "--format", "json", path)
        found = json.loads(done.stdout)["problems"] if done.stdout.startswith("{") else done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, str(found)[:4000])
        self.assertEqual(found, [], str(found)[:4000])

    def test_the_routes_alone_pass_the_linter(self):
        self.lint("generic", caravan("docs", "openapi", "--generic"))

    def test_the_demo_agency_passes_the_linter(self):
        for locale in ("en", "zh-CN"):
            text = caravan("docs", "openapi", "--config", ROOT / "config", "--locale", locale)
            document = json.loads(text)
            self.assertIn("/records/sales.inquiry/{id}", document["paths"])
            self.assertIn("/records/sales.inquiry/{id}/transitions/qualify", document["paths"])
            self.lint(locale, text)

    def test_an_agency_without_anything_passes_the_linter(self):
        empty = self.folder / "empty"
        empty.mkdir()
        text = caravan("docs", "openapi", "--config", empty, "--plugins", empty)
        self.assertIn("/records/core.user", json.loads(text)["paths"])
        self.lint("nothing", text)

    def test_what_is_committed_is_up_to_date(self):
        self.assertEqual((CONSOLE / "openapi.json").read_text(), caravan("docs", "openapi", "--generic"),
                         "caravan docs openapi --generic > core/console/openapi.json")
        types = self.folder / "schema.d.ts"
        done = tool("openapi-typescript", "openapi.json", "-o", types)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((CONSOLE / "src" / "api" / "schema.d.ts").read_text(), types.read_text(), "npm run schema")


TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float), "null": type(None)}
SAID_ONLY = {"description", "title", "examples", "example", "readOnly", "default", "x-references", "contentMediaType"}
FORMATS = {"date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$", "date": r"\d{4}-\d\d-\d\d$", "uri-reference": r"/\S*$", "decimal": r"-?\d",
           "int64": None, "password": None}


def mistakes(document, schema, value, where="answer"):
    """What does not fit a schema. Stricter than JSON Schema: members that a schema with properties does not name are a mistake."""
    if "$ref" in schema:
        target = document
        for step in schema["$ref"][2:].split("/"):
            target = target[step]
        yield from mistakes(document, target, value, where)
        return
    for word, rule in schema.items():
        if word in SAID_ONLY:
            continue
        if word == "type":
            kinds = rule if isinstance(rule, list) else [rule]
            if not any(isinstance(value, TYPES[kind]) and (kind not in ("integer", "number") or not isinstance(value, bool)) for kind in kinds):
                yield f"{where}: {value!r} is no {kinds}"
        elif word == "enum":
            if value not in rule:
                yield f"{where}: {value!r} is none of {rule}"
        elif word == "required":
            if isinstance(value, dict):
                yield from (f"{where}: no {name}" for name in rule if name not in value)
        elif word == "properties":
            if isinstance(value, dict):
                for name, item in value.items():
                    if name in rule:
                        yield from mistakes(document, rule[name], item, f"{where}.{name}")
                    elif "additionalProperties" not in schema:
                        yield f"{where}.{name}: not in the document"
        elif word == "additionalProperties":
            for name, item in (value.items() if isinstance(value, dict) else ()):
                if name in schema.get("properties", {}):
                    continue
                if rule is False:
                    yield f"{where}.{name}: not allowed"
                elif rule is not True:
                    yield from mistakes(document, rule, item, f"{where}.{name}")
        elif word == "items":
            for at, item in enumerate(value if isinstance(value, list) else ()):
                yield from mistakes(document, rule, item, f"{where}[{at}]")
        elif word in ("maxItems", "minItems", "maxLength", "minLength"):
            if isinstance(value, (list, str)) and (len(value) > rule if word.startswith("max") else len(value) < rule):
                yield f"{where}: {word} {rule}"
        elif word in ("minimum", "maximum"):
            if isinstance(value, int) and (value < rule if word == "minimum" else value > rule):
                yield f"{where}: {value} against {word} {rule}"
        elif word == "pattern":
            if isinstance(value, str) and not re.search(rule, value):
                yield f"{where}: {value!r} does not match {rule}"
        elif word in ("anyOf", "oneOf"):
            fitting = sum(not list(mistakes(document, one, value, where)) for one in rule)
            if fitting == 0 or (word == "oneOf" and fitting > 1):
                yield f"{where}: {value!r} fits {fitting} of {word}"
        elif word == "format":
            if isinstance(value, str) and FORMATS[rule] and not re.match(FORMATS[rule], value):
                yield f"{where}: {value!r} is no {rule}"
        else:
            yield f"{where}: the test does not know the word {word}"


class Answers(ServerCase):
    """Real answers fit the document."""

    @classmethod
    def prepare(cls):
        cls.server.add_user("liwei", "李伟", SALES)

    def check(self, document, method, template, answer):
        operation = document["paths"][template][method.lower()]
        said = operation["responses"].get(str(answer.status))
        self.assertIsNotNone(said, f"{method} {template}: {answer.status} is not in the document: {answer}")
        while "$ref" in said:
            said = document["components"]["responses"][said["$ref"].rsplit("/", 1)[1]]
        for name, header in said.get("headers", {}).items():
            if "$ref" in header:
                header = document["components"]["headers"][header["$ref"].rsplit("/", 1)[1]]
            if header.get("required"):
                self.assertIn(name, answer.headers, f"{method} {template}")
        content = said.get("content")
        if content is None:
            self.assertEqual(answer.body, b"", f"{method} {template}")
            return
        kind = answer.headers.get_content_type()
        self.assertIn(kind, content, f"{method} {template}")
        value = answer.json if kind.endswith("json") else answer.body.decode()  # exports are files
        wrong = list(mistakes(document, content[kind]["schema"], value))
        self.assertEqual(wrong, [], f"{method} {template}: {str(answer)[:1000]}")

    def document(self, client):
        return self.ok(client.get("/openapi.json")).json

    def test_every_get_and_the_usual_posts(self):
        admin = self.server.client("admin")
        document = self.document(admin)
        calls = set()

        def call(method, template, body=None, status=None, parameters="", headers=None, **places):
            path = re.sub(r"{(\w+)}", lambda place: str(places[place.group(1)]), template)
            if method == "PATCH":
                headers = {"Content-Type": "application/merge-patch+json", **(headers or {})}
                body = json.dumps(body)
            answer = admin.request(method, path + parameters, body, headers)
            if status is not None:
                self.assertEqual(answer.status, status, f"{method} {path}: {answer}")
            self.check(document, method, template, answer)
            calls.add((method, template))
            return answer

        customer = call("POST", "/records/customers.customer", {"name": "王芳"}, 201).json
        inquiry = call("POST", "/records/sales.inquiry", {
            "customer": customer["id"], "channel": "phone", "destination": "云南", "depart_on": "2026-12-20", "party_size": 4,
            "budget": "12000.00"}, 201).json
        call("POST", "/records/sales.inquiry", {"party_size": "many"}, 422)
        call("POST", "/records/{entity}", {"name": "李伟"}, 201, entity="customers.customer")
        call("PATCH", "/records/sales.inquiry/{id}", {"destination": "大理"}, 200, headers={"If-Match": "*"}, id=inquiry["id"])
        call("PATCH", "/records/sales.inquiry/{id}", {"destination": "丽江"}, 412, headers={"If-Match": '"1"'}, id=inquiry["id"])
        call("PATCH", "/records/sales.inquiry/{id}", {"destination": "丽江"}, 428, id=inquiry["id"])
        steps = call("GET", "/records/sales.inquiry/{id}/transitions", status=200, id=inquiry["id"]).json["items"]
        self.assertTrue(steps)
        call("POST", "/records/{entity}/{id}/transitions/{name}", {}, entity="sales.inquiry", id=inquiry["id"], name="no_such_step", status=404)
        call("GET", "/records/sales.inquiry", parameters=query(limit=1, count=1, expand="customer", sort="-id"), status=200)
        call("GET", "/records/sales.inquiry", parameters=query(fields="number,state"), status=200)
        call("GET", "/records/sales.inquiry", parameters="?no_such=1", status=400)
        call("GET", "/records/sales.inquiry/{id}", status=404, id="999999999")
        call("POST", "/tokens", {"label": "test"}, 201)
        call("PATCH", "/me", {"locale": "zh-TW"}, 200)
        call("POST", "/admin/reload", {}, 200)
        # Whatever else can be read, with the inquiry for an example.
        examples = {"id": inquiry["id"], "entity": "sales.inquiry", "name": "x"}
        for template, operations in document["paths"].items():
            if "get" not in operations or template.startswith("/plugins/"):
                continue
            places = dict(examples)
            if template.startswith("/records/") and not template.startswith(("/records/{entity}", "/records/sales.inquiry")):
                places["id"] = "999999999"
            for name in re.findall(r"{(\w+)}", template):
                places.setdefault(name, "1")
            if template == "/events":  # its answer has no end, see test_events.py
                self.assertEqual(admin.request("HEAD", template).headers["Content-Type"], "text/event-stream")
                continue
            call("GET", template, **places)
        self.assertGreater(len(calls), 30)
        # What is gone afterwards.
        extra = call("POST", "/records/customers.customer", {"name": "张三"}, 201).json
        call("DELETE", "/records/customers.customer/{id}", status=204, headers={"If-Match": "*"}, id=extra["id"])

    def test_a_salesperson_has_a_document_of_his_own(self):
        admin, sales = self.server.client("admin"), self.server.client("liwei")
        everything, own = self.document(admin), self.document(sales)
        self.assertIn("/admin/plugins", everything["paths"])
        self.assertNotIn("/admin/plugins", own["paths"])
        self.assertIn("/records/sales.inquiry", own["paths"])
        answer = sales.get("/records/sales.inquiry")
        self.check(own, "GET", "/records/sales.inquiry", self.ok(answer))
        tag = self.ok(sales.get("/openapi.json")).etag
        self.assertEqual(sales.get("/openapi.json", If_None_Match=tag).status, 304)
        self.problem(self.server.client().get("/openapi.json"), 401, "unauthenticated")

    def test_it_is_at_the_root_too(self):
        admin = self.server.client("admin")
        root = admin.request("GET", "/api/../openapi.json")
        self.problem(root, 400, "invalid_argument")
        admin.connection.request("GET", "/openapi.json", headers={"Cookie": admin.cookie})
        answer = admin.connection.getresponse()
        self.assertEqual(json.loads(answer.read())["openapi"], "3.1.0")


class Problems(ServerCase):
    """Whoever refuses: an error is a problem with the request's id, and its type leads to an explanation."""

    databases = ("sqlite",)

    def raw(self, data):
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=20) as connection:
            connection.sendall(data)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
                if b"\r\n\r\n" in answer:
                    head, body = answer.split(b"\r\n\r\n", 1)
                    length = re.search(rb"content-length: (\d+)", head, re.I)
                    if length and len(body) >= int(length.group(1)):
                        break
        head, body = answer.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        return int(lines[0].split()[1]), headers, body

    def test_bad_requests_over_a_socket(self):
        host = b"Host: x\r\n"
        for name, (status, request) in {
            "no protocol": (400, b"nonsense\r\n\r\n"),
            "HTTP/2 preface": (505, b"GET / HTTP/3.0\r\n" + host + b"\r\n"),
            "no host": (400, b"GET / HTTP/1.1\r\n\r\n"),
            "two lengths": (400, b"POST /api/v1/session HTTP/1.1\r\n" + host + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
            "two framings": (400, b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            "unknown coding": (501, b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: gzip\r\n\r\n"),
            "expectation": (417, b"POST / HTTP/1.1\r\n" + host + b"Expect: magic\r\nContent-Length: 1\r\n\r\na"),
            "body too large": (413, b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 99999999999\r\n\r\n"),
            "target too long": (414, b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n" + host + b"\r\n"),
            "head too large": (431, b"GET / HTTP/1.1\r\n" + host + b"".join(b"X-%d: %s\r\n" % (i, b"a" * 1000) for i in range(60)) + b"\r\n"),
            "bad escape": (400, b"GET /%zz HTTP/1.1\r\n" + host + b"\r\n"),
            "no such file": (404, b"GET /assets/none.js HTTP/1.1\r\n" + host + b"\r\n"),
            "method of a file": (405, b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 0\r\n\r\n"),
            "method of health": (405, b"DELETE /healthz HTTP/1.1\r\n" + host + b"\r\n"),
            "method of the API": (405, b"PUT /api/v1/me HTTP/1.1\r\n" + host + b"Content-Length: 0\r\n\r\n"),
            "no route": (404, b"GET /api/v2/me HTTP/1.1\r\n" + host + b"\r\n"),
            "no such problem": (404, b"GET /problems/none HTTP/1.1\r\n" + host + b"\r\n"),
            "nobody": (401, b"GET /api/v1/me HTTP/1.1\r\n" + host + b"\r\n"),
        }.items():
            with self.subTest(name):
                got, headers, body = self.raw(request)
                self.assertEqual(got, status, body)
                self.assertEqual(headers["content-type"], "application/problem+json")
                problem = json.loads(body)
                self.assertEqual(problem["status"], status)
                self.assertEqual(problem["request_id"], headers["x-request-id"])
                self.assertEqual(problem["type"], "/problems/" + problem["code"])
                got, headers, page = self.raw(b"GET " + problem["type"].encode() + b" HTTP/1.1\r\n" + host + b"Accept-Language: zh-TW\r\n\r\n")
                self.assertEqual((got, headers["content-type"], headers["content-language"]), (200, "text/html; charset=utf-8", "zh-TW"))
                self.assertIn(problem["code"].encode(), page)

    def test_the_clients_own_request_id_comes_back(self):
        answer = self.server.client().get("/nothing", X_Request_Id="abc-123")
        self.assertEqual(self.problem(answer, 404, "not_found")["request_id"], "abc-123")


class Limits(unittest.TestCase):
    """Rate limits of a running server."""

    def test_who_asks_too_often_waits(self):
        server = Server("sqlite", "Limits")
        self.addCleanup(server.remove)
        server.limits(requests_per_second=1, burst=20, anonymous_per_second=1, anonymous_burst=5)
        server.start()
        admin = server.client("admin")
        statuses = [admin.get("/me").status for _ in range(30)]
        self.assertEqual(statuses[:15], [200] * 15)
        self.assertIn(429, statuses)
        refused = admin.get("/me")
        self.assertEqual(refused.status, 429)
        self.assertGreaterEqual(int(refused.headers["Retry-After"]), 1)
        self.assertEqual(refused.headers["RateLimit-Policy"], '"user";q=20;w=20')
        self.assertTrue(refused.headers["RateLimit"].startswith('"user";r=0;t='))
        self.assertEqual(refused.json["code"], "too_many_requests")
        nobody = server.client()
        self.assertIn(429, [nobody.get("/me").status for _ in range(10)])
        self.assertEqual(nobody.get("/healthz").status, 200)
        # The admin socket is the machine's owner: never limited.
        for _ in range(3):
            self.assertEqual(server.cli("schema", "plan").returncode, 0)
        self.assertEqual(server.cli("check", "--config", str(server.config), store=False).returncode, 0)
