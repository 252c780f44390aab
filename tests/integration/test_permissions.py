"""Who may do what: every route of the server's own table, for every role and every relation to a record, against an oracle of the
tests' own (desk.py). Whatever is refused has changed nothing."""

import csv
import io
import json

import caravan
import desk
from caravan import Client, ServerCase, multipart, query
from contents import Contents, differences
from desk import GRANTS, RELATIONS, Desk, gives, may_step, sees
from wire import Wire

FILE, CLIENT = "desk.file", "desk.client"
MAP = "kind: import_map\nname: m\nentity: desk.file\nsource: m\nrecords:\n  f:\n    entity: desk.file\n    external_id: {column: id}\n" \
      "    fields: {topic: {column: topic}}\n"


class Ask:
    """One request of the matrix and what the oracle says to it: a status, or several."""

    def __init__(self, what, method, path, body=None, status=200, then=None, quiet=False, **headers):
        self.what, self.method, self.path, self.body, self.headers = what, method, path, body, headers
        self.status = status if isinstance(status, tuple) else (status,)
        self.then = then  # looks at a reply that was expected
        self.quiet = quiet  # nothing may have changed, whatever the status

    @property
    def refused(self):
        return self.quiet or all(status >= 400 for status in self.status)


def of_record(role, operation, relation, granted=200):
    """The status of an act on a record: what one may not see is not there, what one may not do is forbidden."""
    if not sees(role, relation):
        return 404
    return granted if gives(role, FILE, operation, relation) else 403


def of_sharing(role, relation, granted):
    """The same of sharing: what one has by a share or in a colleague's stead is not passed on."""
    given = "foreign" if relation in ("shared to read", "shared to change", "lent") else relation
    return of_record(role, "update", relation, granted) if gives(role, FILE, "update", given) else of_record(role, "update", relation, 403)


class Matrix(ServerCase):
    @classmethod
    def configure(cls):
        (cls.server.config / "desk.yaml").write_text(desk.DEFINITIONS)

    @classmethod
    def prepare(cls):
        cls.routes = json.loads(cls.server.cli("docs", "routes", "--json", store=False).stdout)
        cls.desk = Desk(cls.server)
        cls.contents = Contents(cls.server.database)
        cls.addClassCleanup(cls.contents.close)
        # One of every relation to every person, for the routes that only read.
        cls.standing = {person.role: {relation: cls.desk.record(relation, person) for relation in RELATIONS} for person in cls.desk.people}
        cls.everybodys = {}
        for records in cls.standing.values():
            cls.everybodys.update({identifier: relation for relation, identifier in records.items()})

    # -- the matrix. One function a route; a route without one fails the test.
    def asks(self, route, person):
        key = f"{route['method']} {route['pattern']}"
        if key not in ASKS:
            self.fail(f"the matrix does not know the route {key}: add it to test_permissions.py")
        return list(ASKS[key](self, person))

    def test_every_route_for_every_role_and_relation(self):
        number = refused = 0
        for route in self.routes:
            with self.subTest(route=f"{route['method']} {route['pattern']}"):
                asked = [(person, self.asks(route, person)) for person in self.desk.people]
                # Those that the oracle refuses go first, together: the database is the same before and after.
                no = [(person, [ask for ask in asks if ask.refused]) for person, asks in asked]
                before = self.contents.digest()
                for person, asks in no:
                    self.ask_all(person, asks)
                changed = differences(before, self.contents.digest())
                if changed:
                    for person, asks in no:
                        self.tell_who_changed(person, asks, changed)
                for person, asks in asked:
                    self.ask_all(person, [ask for ask in asks if not ask.refused])
                number += sum(len(asks) for _, asks in asked)
                refused += sum(len(asks) for _, asks in no)
        self.assertGreater(number, 500)
        self.assertGreater(refused, 250)
        print(f"\n  {self.database}: {len(self.routes)} routes, {len(self.desk.people)} roles, {number} requests, {refused} refused "
              "and nothing changed", end="", flush=True)

    def ask(self, person, ask):
        return person.wire.call(ask.method, ask.path, ask.body, **ask.headers)

    def ask_all(self, person, asks):
        for ask in asks:
            reply = self.ask(person, ask)
            self.assertIn(reply.status, ask.status, f"{person.role}, {ask.what}: {ask.method} {ask.path}: {reply}")
            if reply.status >= 400 and ask.method != "HEAD":
                self.assertEqual(reply.header("Content-Type").partition(";")[0], "application/problem+json", reply)
                self.assertEqual(reply.json["request_id"], reply.header("X-Request-Id"))
            if ask.then:
                ask.then(reply)

    def tell_who_changed(self, person, asks, changed):
        """Something changed: it was a refused request if it changes again."""
        for ask in asks:
            before = self.contents.digest()
            self.ask(person, ask)
            again = differences(before, self.contents.digest())
            if again:
                self.fail(f"{person.role}: the refused {ask.method} {ask.path} changed {again} (first seen: {changed})")

    def nothing_changes(self, act):
        """What rules and schedules write meanwhile by themselves is no deed of `act`: what it changes, it changes each time."""
        for _ in range(3):
            before = self.contents.digest()
            act()
            changed = differences(before, self.contents.digest())
            if not changed:
                return
        self.fail(f"{changed} changed each time")

    def every_route_changes_nothing(self, what, routes, refused):
        """All of them together; one by one where something changed, to tell which."""
        person = self.desk.person("desk.everything")
        # Asking makes the records that are asked for.
        asked = [({"route": f"{route['method']} {route['pattern']}"}, self.asks(route, person)) for route in routes if route["access"] != "anyone"]
        before = self.contents.digest()
        for route, asks in asked:
            with self.subTest(what, **route):
                refused(asks[:12])
        if differences(before, self.contents.digest()):
            for route, asks in asked:
                with self.subTest(what, **route):
                    self.nothing_changes(lambda: refused(asks[:12]))

    def test_without_a_session_nothing_is_shown_and_nothing_changes(self):
        kinds = {
            "no session": (Wire(self.server.port, ""), 401),
            "a token that is none": (Wire(self.server.port, "cvn_" + "A" * 43), 401),
        }
        for name, (wire, status) in kinds.items():
            def refused(asks):
                for ask in asks:
                    request = wire.request(ask.method, ask.path, ask.body, **ask.headers)
                    if name == "no session":
                        request = request.replace(b"Authorization: Bearer \r\n", b"")
                    reply = wire.exchange(request)
                    self.assertEqual(reply.status, status, f"{ask.method} {ask.path}: {reply}")
            self.every_route_changes_nothing(name, self.routes, refused)
            wire.close()

    def test_a_cookie_without_its_csrf_token_changes_nothing(self):
        cookie = self.desk.person("desk.everything").client.cookie

        def refused(asks):
            for ask in asks:
                if ask.method in ("GET", "HEAD"):
                    continue
                client = Client(self.server.port)
                client.cookie = cookie
                answer = client.request(ask.method, ask.path, ask.body, {k.replace("_", "-"): v for k, v in ask.headers.items()})
                client.close()
                self.assertEqual(answer.status, 403, f"{ask.method} {ask.path}: {answer}")
        self.every_route_changes_nothing("no CSRF token", [route for route in self.routes if route["method"] != "GET"], refused)

    def test_refusals_of_those_who_may_change_nothing_either(self):
        """Stale, malformed and impossible requests of somebody with every right."""
        person = self.desk.person("desk.everything")
        record = self.desk.record("own", person, code="taken-1")
        other = self.desk.record("own", person)
        held = self.desk.record("own", person, entity=CLIENT)
        self.desk.record("own", person, client=held)
        path = f"/records/{FILE}/{other}"
        asks = [
            Ask("no If-Match", "PATCH", path, {"topic": "x"}, 428),
            Ask("stale", "PATCH", path, {"topic": "x"}, 412, If_Match='"99"'),
            Ask("unknown field", "PATCH", path, {"nonsense": 1}, (400, 422), If_Match='"1"'),
            Ask("wrong type", "PATCH", path, {"count": "many"}, 422, If_Match='"1"'),
            Ask("required", "PATCH", path, {"topic": None}, 422, If_Match='"1"'),
            Ask("taken", "PATCH", path, {"code": "taken-1"}, (409, 422), If_Match='"1"'),
            Ask("no such reference", "PATCH", path, {"client": "999999999"}, (409, 422), If_Match='"1"'),
            Ask("not JSON", "PATCH", path, b"{", 400, If_Match='"1"'),
            Ask("another type", "PATCH", path, b"topic=x", 415, If_Match='"1"', Content_Type="application/x-www-form-urlencoded"),
            Ask("required", "POST", f"/records/{FILE}", {}, 422),
            Ask("taken", "POST", f"/records/{FILE}", {"topic": "x", "code": "taken-1"}, (409, 422)),
            Ask("an id given", "POST", f"/records/{FILE}", {"topic": "x", "id": "1"}, (400, 422)),
            Ask("no such entity", "POST", "/records/desk.nonsense", {"topic": "x"}, 404),
            Ask("no If-Match", "DELETE", path, status=428),
            Ask("stale", "DELETE", path, status=412, If_Match='"99"'),
            Ask("in use", "DELETE", f"/records/{CLIENT}/{held}", status=409, If_Match='"1"'),
            Ask("gone", "DELETE", f"/records/{FILE}/999999999", status=404, If_Match="*"),
            Ask("stale", "POST", path + "/transitions/check", {}, 412, If_Match='"99"'),
            Ask("guard", "POST", path + "/transitions/escalate", {}, 422),
            Ask("not from here", "POST", path + "/transitions/close", {}, (403, 409)),
            Ask("no such step", "POST", path + "/transitions/nonsense", {}, 404),
        ]
        for ask in asks:
            with self.subTest(ask.what, path=ask.path):
                self.nothing_changes(lambda: self.assertIn(self.ask(person, ask).status, ask.status, ask.what))
        self.assertEqual(self.ok(self.server.client("admin").get(f"/records/{FILE}/{record}")).json["code"], "taken-1")


# -- what is asked of each route
ASKS = {}


def route(key):
    def keep(function):
        ASKS[key] = function
        return function
    return keep


def administrators(method, path, body=None, granted=200, **headers):
    def asks(case, person):
        yield Ask("administration", method, path, body, granted if person.role == "administrator" else 403, **headers)
    return asks


@route("POST /session")
def _(case, person):
    yield Ask("sign in as nobody", "POST", "/session", {"username": "nobody", "password": "wrong-password"}, (401, 429))


@route("DELETE /session")
def _(case, person):
    # A token has no session to end; that of a cookie is ended by tests/integration/test_api.py.
    yield Ask("sign out", "DELETE", "/session", status=(204, 400, 403))


@route("GET /me")
def _(case, person):
    def mine(reply):
        case.assertEqual((reply.json["id"], reply.json["administrator"]), (person.id, person.role == "administrator"))
    yield Ask("me", "GET", "/me", then=mine)


@route("PATCH /me")
def _(case, person):
    yield Ask("my language", "PATCH", "/me", {"locale": "en"})
    yield Ask("my roles", "PATCH", "/me", {"roles": ["core.administrator"]}, (400, 422))


@route("POST /me/password")
def _(case, person):
    if person.role == "desk.clerk":  # hashing costs time by design
        yield Ask("a wrong password", "POST", "/me/password", {"current": "not-this-one", "new": "another-long-1"}, (401, 403, 422))


@route("GET /tokens")
def _(case, person):
    def own(reply):
        case.assertEqual({item["label"] for item in reply.json["items"]} - {"another's"}, {"tests"})
        case.assertNotIn("cvn_", reply.body.decode())
    yield Ask("my tokens", "GET", "/tokens", then=own)


@route("POST /tokens")
def _(case, person):
    def remove(reply):
        case.assertEqual(person.wire.call("DELETE", f"/tokens/{reply.json['id']}").status, 204)
    yield Ask("a token", "POST", "/tokens", {"label": "second"}, 201, then=remove)


@route("DELETE /tokens/{id}")
def _(case, person):
    other = next(p for p in case.desk.people if p is not person)
    made = other.wire.call("POST", "/tokens", {"label": "another's"}).json["id"]
    yield Ask("another's token", "DELETE", f"/tokens/{made}", status=204 if person.role == "administrator" else 404)
    yield Ask("none such", "DELETE", "/tokens/999999999", status=404)


@route("GET /records/{entity}")
def _(case, person):
    def exactly(reply):
        found = {item["id"]: item for item in reply.json["items"]}
        expected = seen_by(case, person)
        case.assertEqual({i for i in found if i in case.everybodys}, expected, person.role)
    shares = any(sees(person.role, relation) for relation in ("shared to read",))
    readable = gives(person.role, FILE, "read") or shares
    chosen = "record.id in [" + ", ".join(case.everybodys) + "]"
    yield Ask("list", "GET", f"/records/{FILE}" + query(limit=200, filter=chosen), status=200 if readable else 403, then=exactly if readable else None)
    yield Ask("list of clients", "GET", f"/records/{CLIENT}", status=200 if gives(person.role, CLIENT, "read") else 403)
    yield Ask("list of users", "GET", "/records/core.user", status=200 if gives(person.role, "core.user", "read") else 403)
    hidden = 200 if person.role == "administrator" else 403
    yield Ask("filtered by a hidden field", "GET", f"/records/{FILE}" + query(filter='record.hint == "hint"'), status=hidden)
    yield Ask("sorted by a hidden field", "GET", f"/records/{FILE}" + query(sort="due"), status=hidden)
    yield Ask("a list of nothing", "GET", "/records/desk.nonsense", status=404)


def seen_by(case, person):
    """Ids of the standing records that the person may read."""
    seen = set()
    for role, records in case.standing.items():
        for relation, identifier in records.items():
            if role == person.role:
                actual = relation
            elif relation == "own":
                actual = "department"  # a colleague's own, in the same department
            elif relation in ("shared to read", "shared to change"):
                actual = "foreign"
            else:
                actual = relation
            if relation == "lent" and person.role != "deputy":
                actual = "foreign"
            if sees(person.role, actual):
                seen.add(identifier)
    return seen


@route("POST /records/{entity}")
def _(case, person):
    may = gives(person.role, FILE, "create")
    yield Ask("create", "POST", f"/records/{FILE}", {"topic": "new"}, 201 if may else 403)
    if may and person.role != "administrator":
        yield Ask("create with a hidden field", "POST", f"/records/{FILE}", {"topic": "new", "hint": "x"}, (403, 422))
    yield Ask("create a client", "POST", f"/records/{CLIENT}", {"name": "new"}, 201 if gives(person.role, CLIENT, "create") else 403)
    if person.role != "administrator":
        yield Ask("create a user", "POST", "/records/core.user", {"username": "x", "name": "x", "roles": ["core.administrator"]}, 403)


@route("POST /records/{entity}/draft")
def _(case, person):
    path = f"/records/{FILE}/draft"
    new = 200 if gives(person.role, FILE, "create") else 403

    def found(*identifiers):
        return lambda reply: reply.status == 200 and case.assertEqual(
            [[item["id"] for item in rule["items"]] for rule in reply.json["duplicates"]], [[i] for i in identifiers])

    def no_hidden_fields(reply):
        if reply.status == 200 and person.role != "administrator":
            case.assertEqual({"hint", "due", "boss", "grade", "badge"} & set(reply.json["fields"]), set())
    yield Ask("a new one", "POST", path, {"values": {"rank": 5000} if person.role == "administrator" else {}}, new, then=no_hidden_fields, quiet=True)
    for relation, identifier in case.standing[person.role].items():
        topic = case.desk.root.call("GET", f"/records/{FILE}/{identifier}").json["topic"]
        yield Ask("like " + relation, "POST", path, {"values": {"topic": topic}}, new,
                  then=found(identifier) if sees(person.role, relation) else found(), quiet=True)
        yield Ask("a change of " + relation, "POST", path, {"id": identifier, "values": {"topic": "other"}},
                  of_record(person.role, "update", relation), then=no_hidden_fields, quiet=True)
    if new == 200 and person.role != "administrator":
        yield Ask("a hidden field", "POST", path, {"values": {"badge": "x"}}, then=lambda reply: case.assertEqual(
            ([error["code"] for error in reply.json["errors"] if error["field"] == "badge"], reply.json["duplicates"]), (["unknown_field"], [])), quiet=True)
    yield Ask("none such", "POST", path, {"id": "999999999"}, 404)
    yield Ask("of users", "POST", "/records/core.user/draft", {}, 200 if person.role == "administrator" else 403, quiet=True)


@route("GET /records/{entity}/{id}")
def _(case, person):
    for relation, identifier in case.standing[person.role].items():
        yield Ask(relation, "GET", f"/records/{FILE}/{identifier}", status=of_record(person.role, "read", relation),
                  then=lambda reply: fields_of(case, person, reply.json) if reply.status == 200 else None)
    yield Ask("none such", "GET", f"/records/{FILE}/999999999", status=404)
    yield Ask("another kind's", "GET", f"/records/{CLIENT}/{case.standing[person.role]['own']}", status=404)


def fields_of(case, person, record):
    """Hidden fields are not there; of masked ones, the last characters."""
    if person.role == "administrator":
        case.assertEqual((record["margin"], record["hint"], record["pin"]), ("12.50", "hint", "4711-0815"))
        return
    for name in ("hint", "due", "boss", "grade", "badge"):
        case.assertNotIn(name, record)
    case.assertNotIn("4711", record["pin"])
    lead = person.role == "desk.lead"
    case.assertEqual(("margin" in record, "rank" in record), (lead, lead))


@route("PATCH /records/{entity}/{id}")
def _(case, person):
    for relation in RELATIONS:
        status = of_record(person.role, "update", relation)
        path = f"/records/{FILE}/{case.desk.record(relation, person)}"
        yield Ask(relation, "PATCH", path, {"topic": "changed"}, status, If_Match="*")
        if status >= 400:  # the answer to a stale version tells no more
            yield Ask(relation + ", stale", "PATCH", path, {"topic": "changed"}, status, If_Match='"99"')
            yield Ask(relation + ", wrong", "PATCH", path, {"count": "many"}, (status, 422), If_Match='"1"')
        elif person.role != "administrator":
            for field, value in (("hint", "x"), ("badge", "x"), ("pin", "1234"), ("boss", person.id)):
                yield Ask(f"{relation}, {field}", "PATCH", path, {field: value}, (403, 422), If_Match="*")
            if person.role == "desk.lead":
                yield Ask(f"{relation}, margin", "PATCH", path, {"margin": "1.00"}, 200, If_Match="*")
                yield Ask(f"{relation}, rank", "PATCH", path, {"rank": 1}, (403, 422), If_Match="*")


@route("DELETE /records/{entity}/{id}")
def _(case, person):
    for relation in RELATIONS:
        status = of_record(person.role, "delete", relation, 204)
        path = f"/records/{FILE}/{case.desk.record(relation, person)}"
        yield Ask(relation, "DELETE", path, None, status, If_Match="*",
                  then=lambda _, path=path, status=status: case.assertEqual(person.wire.call("GET", path).status, 404) if status == 204 else None)


@route("GET /records/{entity}/{id}/transitions")
def _(case, person):
    for relation, identifier in case.standing[person.role].items():
        def allowed(reply, relation=relation):
            if reply.status != 200:
                return
            for item in reply.json["items"]:
                if item["name"] in desk.STEPS and not may_step(person.role, item["name"], relation):
                    case.assertFalse(item["allowed"], f"{person.role} {relation}: {item}")
                    case.assertTrue(item["why"])
                elif item["name"] in ("check", "approve"):
                    case.assertTrue(item["allowed"], f"{person.role} {relation}: {item}")
        yield Ask(relation, "GET", f"/records/{FILE}/{identifier}/transitions", status=of_record(person.role, "read", relation), then=allowed)


@route("GET /records/{entity}/{id}/clocks")
def _(case, person):
    for relation, identifier in case.standing[person.role].items():
        yield Ask(relation, "GET", f"/records/{FILE}/{identifier}/clocks", status=of_record(person.role, "read", relation))


@route("GET /records/{entity}/{id}/tasks")
def _(case, person):
    for relation, identifier in case.standing[person.role].items():
        yield Ask(relation, "GET", f"/records/{FILE}/{identifier}/tasks", status=of_record(person.role, "read", relation))


@route("GET /reports")
def _(case, person):
    def offered(reply):
        wanted = {"desk.files"} if gives(person.role, FILE, "read") else set()
        if person.role in ("desk.lead", "administrator"):
            wanted |= {"desk.leads", "desk.margins", "desk.ranks"}  # who else reads files reads neither their margin nor their rank
        case.assertEqual({item["name"] for item in reply.json["items"] if item["name"].startswith("desk.")}, wanted)
    yield Ask("reports", "GET", "/reports", then=offered)


@route("GET /reports/{report}")
def _(case, person):
    readable = 200 if gives(person.role, FILE, "read") or sees(person.role, "shared to read") else 403

    def exactly(reply):
        own = person.wire.call("GET", f"/records/{FILE}/aggregate").json["items"][0]["count"]
        case.assertEqual(reply.json["total"]["measures"]["all"]["value"], own)
        for row in reply.json["rows"]:
            listed = person.wire.call("GET", f"/records/{FILE}" + query(filter=row["filter"], count=1, limit=1)).json["total"]
            case.assertEqual(listed, row["measures"]["all"]["value"])
    yield Ask("files", "GET", "/reports/desk.files", status=readable, then=exactly if readable == 200 else None)
    yield Ask("files as CSV", "GET", "/reports/desk.files" + query(format="csv"), status=readable)
    by_role = {"administrator": 200, "desk.lead": 200}
    yield Ask("of a hidden field", "GET", "/reports/desk.margins", status=by_role.get(person.role, 403))
    yield Ask("where a hidden field", "GET", "/reports/desk.ranks", status=by_role.get(person.role, 403))
    yield Ask("for others", "GET", "/reports/desk.leads", status=by_role.get(person.role, 403))
    yield Ask("none such", "GET", "/reports/desk.nothing", status=404)
    yield Ask("another entity's field", "GET", "/reports/desk.files" + query(least='1 || record.hint == "x"'), status=400)


@route("GET /dashboards")
def _(case, person):
    def tiles(reply):
        found = [[tile["report"] for tile in item["tiles"]] for item in reply.json["items"] if item["name"] == "desk.overview"]
        wanted = (["desk.files"] if gives(person.role, FILE, "read") else []) + (["desk.leads"] if person.role in ("desk.lead", "administrator") else [])
        case.assertEqual(found, [wanted] if wanted else [], "a dashboard with nothing on it is not offered")
    yield Ask("dashboards", "GET", "/dashboards", then=tiles)


@route("GET /records/{entity}/{id}/assignments")
def _(case, person):
    for relation, identifier in case.standing[person.role].items():
        yield Ask(relation, "GET", f"/records/{FILE}/{identifier}/assignments", status=of_record(person.role, "read", relation))


@route("GET /queues")
def _(case, person):
    # The desk has no rules of assignment; test_assignment.py looks at those.
    yield Ask("own queues", "GET", "/queues", then=lambda reply: case.assertEqual(reply.json["items"], []))


@route("POST /queues/{assignment}/next")
def _(case, person):
    yield Ask("no such queue", "POST", "/queues/desk.pool/next", {}, 404)


@route("POST /records/{entity}/{id}/transitions/{name}")
def _(case, person):
    for relation in RELATIONS:
        for step in desk.STEPS:
            status = 404 if not sees(person.role, relation) else 403 if not may_step(person.role, step, relation) else 422 if step == "escalate" else 200
            path = f"/records/{FILE}/{case.desk.record(relation, person)}/transitions/{step}"
            yield Ask(f"{relation}, {step}", "POST", path, {}, status)


@route("POST /records/{entity}/{id}/undo")
def _(case, person):
    # Nobody has taken a step that may be taken back; test_rules.py looks at those.
    for relation in RELATIONS:
        path = f"/records/{FILE}/{case.desk.record(relation, person)}/undo"
        yield Ask(relation, "POST", path, {}, 409 if sees(person.role, relation) else 404)


def approval(case, person, relation):
    """A step that the administrator asked for; holders of desk.lead decide."""
    path = f"/records/{FILE}/{case.desk.record(relation, person)}/transitions/sign"
    asked = case.desk.root.call("POST", path, {"comment": "please"})
    case.assertEqual(asked.status, 202, asked)
    return asked.json["id"]


def of_approval(person, relation, granted=200):
    if person.role == "administrator":
        return granted
    if person.role != "desk.lead":
        return 404
    return granted if sees(person.role, relation) else 403


@route("GET /approvals")
def _(case, person):
    for box in ("waiting", "asked"):
        def own(reply, box=box):
            if person.role != "desk.lead" or box == "asked":
                case.assertEqual(reply.json["items"], [], f"{person.role} {box}")
        yield Ask(box, "GET", f"/approvals?box={box}&count=1", then=own)
    yield Ask("all", "GET", "/approvals?box=all", status=200 if person.role == "administrator" else 403)


@route("GET /approvals/{id}")
def _(case, person):
    for relation in RELATIONS:
        def title(reply, relation=relation):
            if reply.status == 200 and person.role != "administrator":
                case.assertEqual(reply.json["record"]["title"] is not None, sees(person.role, relation), relation)
        status = 200 if person.role in ("administrator", "desk.lead") else 404
        yield Ask(relation, "GET", f"/approvals/{approval(case, person, relation)}", status=status, then=title)


@route("POST /approvals/{id}/approve")
def _(case, person):
    for relation in RELATIONS:
        yield Ask(relation, "POST", f"/approvals/{approval(case, person, relation)}/approve", {}, of_approval(person, relation))


@route("POST /approvals/{id}/reject")
def _(case, person):
    for relation in RELATIONS:
        yield Ask(relation, "POST", f"/approvals/{approval(case, person, relation)}/reject", {"comment": "no"}, of_approval(person, relation))


@route("POST /approvals/{id}/withdraw")
def _(case, person):
    for relation in RELATIONS:
        status = 200 if person.role == "administrator" else 403 if person.role == "desk.lead" else 404
        yield Ask(relation, "POST", f"/approvals/{approval(case, person, relation)}/withdraw", {}, status)


@route("GET /records/{entity}/{id}/messages")
def messages(self, person):
    for relation, identifier in self.standing[person.role].items():
        yield Ask(relation, "GET", f"/records/{FILE}/{identifier}/messages", status=of_record(person.role, "read", relation))


@route("GET /events")
def listen(self, person):
    # HEAD is answered as GET would begin; what a listener is then told is test_events.py's.
    yield Ask("nothing named", "HEAD", "/events")
    for relation, identifier in self.standing[person.role].items():
        yield Ask(relation, "HEAD", f"/events?watch={FILE}/{identifier}", status=of_record(person.role, "read", relation))


@route("GET /records/{entity}/{id}/timeline")
def _(case, person):
    for relation, identifier in case.standing[person.role].items():
        def nothing_hidden(reply):
            if reply.status != 200 or person.role == "administrator":
                return
            fields = {change["field"] for item in reply.json["items"] for change in item["changes"]}
            case.assertFalse(fields & {"hint", "due", "boss", "grade", "badge"}, person.role)
            case.assertNotIn("4711-0", reply.body.decode())  # the four digits alone may be those of a time
        yield Ask(relation, "GET", f"/records/{FILE}/{identifier}/timeline", status=of_record(person.role, "read", relation), then=nothing_hidden)


@route("GET /import/{entity}")
def import_maps(case, person):
    yield from administrators("GET", f"/import/{FILE}")(case, person)


@route("POST /import/{entity}")
def _(case, person):
    body, kind = multipart(map=("m.yaml", MAP), file=("r.csv", f"id,topic\n{person.role},x\n"))
    yield from administrators("POST", f"/import/{FILE}", body, Content_Type=kind)(case, person)


def an_import(case):
    """The id of an import that has ended, made by the first who asks."""
    if not hasattr(case, "import_id"):
        body, kind = multipart(map=("m.yaml", MAP), file=("r.csv", "id,topic\nmatrix,x\n"))
        started = case.desk.root.call("POST", f"/import/{FILE}?job=1", body, Content_Type=kind)
        desk.check(started, 202)
        type(case).import_id = started.json["id"]
        caravan.wait_until(lambda: case.desk.root.call("GET", f"/imports/{case.import_id}").json["state"] == "done", 30, "the end of the import")
    return case.import_id


@route("GET /imports")
def _(case, person):
    an_import(case)
    yield from administrators("GET", "/imports")(case, person)


@route("GET /imports/{import}")
def _(case, person):
    yield from administrators("GET", f"/imports/{an_import(case)}")(case, person)


@route("GET /imports/{import}/errors")
def _(case, person):
    yield from administrators("GET", f"/imports/{an_import(case)}/errors")(case, person)


@route("GET /admin/exports")
def _(case, person):
    yield from administrators("GET", "/admin/exports")(case, person)


@route("GET /export/{entity}")
def _(case, person):
    def exactly(reply):
        if reply.status != 200:
            return
        rows = list(csv.DictReader(io.StringIO(reply.body.decode("utf-8"))))
        case.assertEqual({row["id"] for row in rows if row["id"] in case.everybodys}, seen_by(case, person), person.role)
        if person.role != "administrator":
            case.assertFalse({"margin", "rank", "hint", "due", "boss", "grade", "badge"} - ({"rank", "margin"} if person.role == "desk.lead" else set())
                             & set(rows[0] if rows else ()), person.role)
            case.assertNotIn("4711-0", reply.body.decode())
    readable = gives(person.role, FILE, "read") or sees(person.role, "shared to read")
    chosen = "record.id in [" + ", ".join(case.everybodys) + "]"
    yield Ask("all", "GET", f"/export/{FILE}" + query(filter=chosen), status=200 if readable else 403, then=exactly)
    yield Ask("clients", "GET", f"/export/{CLIENT}" + query(format="jsonl"), status=200 if gives(person.role, CLIENT, "read") else 403)
    yield Ask("clients", "GET", f"/export/{CLIENT}" + query(format="xlsx", labels=1), status=200 if gives(person.role, CLIENT, "read") else 403)
    yield Ask("users", "GET", "/export/core.user", status=200 if gives(person.role, "core.user", "read") else 403)
    hidden = 200 if person.role == "administrator" else 403
    yield Ask("filtered by a hidden field", "GET", f"/export/{FILE}" + query(filter='record.hint == "hint"'), status=hidden)
    yield Ask("sorted by a hidden field", "GET", f"/export/{FILE}" + query(sort="due"), status=hidden)


def attached(case, identifier):
    body, kind = multipart(file=("note.txt", "attached"))
    made = case.desk.root.call("POST", f"/records/{FILE}/{identifier}/attachments", body, Content_Type=kind)
    desk.check(made, 201)
    return made.json["id"]


@route("GET /records/{entity}/{id}/attachments")
def _(case, person):
    for relation, identifier in case.standing[person.role].items():
        yield Ask(relation, "GET", f"/records/{FILE}/{identifier}/attachments", status=of_record(person.role, "read", relation))


@route("POST /records/{entity}/{id}/attachments")
def _(case, person):
    body, kind = multipart(file=("note.txt", "mine"))
    for relation in RELATIONS:
        identifier = case.desk.record(relation, person)
        yield Ask(relation, "POST", f"/records/{FILE}/{identifier}/attachments", body, of_record(person.role, "update", relation, 201), Content_Type=kind)


@route("GET /records/{entity}/{id}/attachments/{attachment}")
def _(case, person):
    for relation in RELATIONS:
        identifier = case.desk.record(relation, person)
        number = attached(case, identifier)

        def content(reply):
            if reply.status == 200:
                case.assertEqual(reply.body, b"attached")
        yield Ask(relation, "GET", f"/records/{FILE}/{identifier}/attachments/{number}", status=of_record(person.role, "read", relation), then=content)
        elsewhere = case.standing[person.role]["own"]
        yield Ask("of another record", "GET", f"/records/{FILE}/{elsewhere}/attachments/{number}", status=404)


@route("DELETE /records/{entity}/{id}/attachments/{attachment}")
def _(case, person):
    for relation in RELATIONS:
        identifier = case.desk.record(relation, person)
        number = attached(case, identifier)
        yield Ask(relation, "DELETE", f"/records/{FILE}/{identifier}/attachments/{number}", None, of_record(person.role, "update", relation, 204))


@route("GET /model")
def _(case, person):
    def exactly(reply):
        entities = reply.json["entities"]
        for entity in (FILE, CLIENT):
            readable = gives(person.role, entity, "read")
            if entity in entities:
                for operation in ("create", "update", "delete"):
                    case.assertEqual(entities[entity]["rights"][operation], gives(person.role, entity, operation), f"{entity} {operation}")
                if person.role != "administrator":
                    names = {field["name"] for field in entities[entity]["fields"]}
                    case.assertFalse(names & {"hint", "due", "boss", "grade", "badge", "tier"}, person.role)
            elif readable:
                case.fail(f"{person.role} reads {entity}, and the model has none")
    yield Ask("model", "GET", "/model?locale=en", then=exactly)


@route("GET /handbook")
def _(case, person):
    def exactly(reply):
        book = reply.json
        texts, ids = [], set()
        case.assertEqual(book["locale"], "en")

        def walk(node):
            if isinstance(node, dict):
                if "text" in node:
                    texts.append(node["text"])
                if "id" in node and "blocks" in node:
                    ids.add(node["id"])
                for value in node.values():
                    walk(value)
            elif isinstance(node, list):
                for value in node:
                    walk(value)

        walk(book)
        for entity in (FILE, CLIENT):
            if gives(person.role, entity, "read"):
                case.assertIn(f"record-{entity}", ids, person.role)
        if not gives(person.role, FILE, "read"):
            case.assertFalse({"Topic", "Pin"} & set(texts), person.role)
        if person.role != "administrator":
            hidden = {"Hint", "Due", "Boss", "Grade", "Badge", "Tier", "There is such a badge", "Another file has this badge"}
            case.assertFalse(set(texts) & hidden, person.role)
            if person.role != "desk.lead":  # who reads the rank
                case.assertFalse([text for text in texts if "Rank" in text or "rank" in text or text == "Not yet"], person.role)
    yield Ask("handbook", "GET", "/handbook?locale=en", then=exactly)
    yield Ask("printed", "GET", "/handbook?locale=zh-CN&format=html")
    yield Ask("no format", "GET", "/handbook?format=pdf", status=400)


@route("GET /openapi.json")
def _(case, person):
    yield Ask("openapi", "GET", "/openapi.json")


ASKS["GET /admin/settings"] = administrators("GET", "/admin/settings")
ASKS["GET /admin/plugins"] = administrators("GET", "/admin/plugins")
ASKS["POST /admin/plugins"] = administrators("POST", "/admin/plugins", {}, 415)
ASKS["GET /admin/plugins/{plugin}"] = administrators("GET", "/admin/plugins/nosuch", granted=404)
ASKS["DELETE /admin/plugins/{plugin}"] = administrators("DELETE", "/admin/plugins/nosuch", granted=404)
ASKS["POST /admin/plugins/{plugin}/enable"] = administrators("POST", "/admin/plugins/nosuch/enable", {}, 404)
ASKS["POST /admin/plugins/{plugin}/disable"] = administrators("POST", "/admin/plugins/nosuch/disable", {}, 404)
ASKS["POST /admin/plugins/{plugin}/upgrade"] = administrators("POST", "/admin/plugins/nosuch/upgrade", {}, 404)
ASKS["DELETE /admin/plugins/{plugin}/quarantine"] = administrators("DELETE", "/admin/plugins/nosuch/quarantine", granted=404)
ASKS["GET /admin/plugins/{plugin}/purge"] = administrators("GET", "/admin/plugins/nosuch/purge", granted=404)
ASKS["POST /admin/plugins/{plugin}/purge"] = administrators("POST", "/admin/plugins/nosuch/purge", {"confirm": "no"}, 404)
ASKS["GET /admin/plugins/{plugin}/history"] = administrators("GET", "/admin/plugins/nosuch/history")
ASKS["GET /admin/plugins/{plugin}/settings"] = administrators("GET", "/admin/plugins/nosuch/settings", granted=404)
ASKS["PATCH /admin/plugins/{plugin}/settings"] = administrators("PATCH", "/admin/plugins/nosuch/settings", {}, (404, 415))
ASKS["POST /admin/reload"] = administrators("POST", "/admin/reload", {})
ASKS["GET /admin/config"] = administrators("GET", "/admin/config")
ASKS["GET /admin/config/documents/{kind}/{name}"] = administrators("GET", "/admin/config/documents/entity/core.user")
ASKS["POST /admin/config/check"] = administrators("POST", "/admin/config/check", {})
ASKS["POST /admin/config/publish"] = administrators("POST", "/admin/config/publish", {}, 400)
ASKS["GET /admin/config/compare"] = administrators("GET", "/admin/config/compare?from=999999999&to=999999999", granted=404)
ASKS["GET /admin/config/upgrade"] = administrators("GET", "/admin/config/upgrade")
ASKS["GET /admin/config/history"] = administrators("GET", "/admin/config/history")
ASKS["GET /admin/config/schema"] = administrators("GET", "/admin/config/schema")
ASKS["GET /admin/config/codes/{code}"] = administrators("GET", "/admin/config/codes/nosuch", granted=404)
ASKS["GET /admin/revisions"] = administrators("GET", "/admin/revisions")
ASKS["POST /admin/revisions/{id}/activate"] = administrators("POST", "/admin/revisions/999999999/activate", {}, 404)


def may_link(role, relation):
    """404, 403 or 200: whom the page names, of what they read."""
    if not sees(role, relation):
        return 404
    return 200 if role in ("desk.reader", "administrator") else 403


def link_to(case, identifier, entity=FILE, page="desk.track"):
    made = case.desk.root.call("POST", f"/records/{entity}/{identifier}/links", {"page": page})
    case.assertEqual(made.status, 201, made)
    parts = made.json["url"].split("/")
    return parts[parts.index("links") + 1]


@route("GET /records/{entity}/{id}/links")
def _(case, person):
    for relation, identifier in case.standing[person.role].items():
        yield Ask(relation, "GET", f"/records/{FILE}/{identifier}/links", status=may_link(person.role, relation))


@route("POST /records/{entity}/{id}/links")
def _(case, person):
    for relation in RELATIONS:
        status = may_link(person.role, relation)
        path = f"/records/{FILE}/{case.desk.record(relation, person)}/links"
        yield Ask(relation, "POST", path, {"page": "desk.track"}, 201 if status == 200 else status)
        yield Ask(f"{relation}, no page of it", "POST", path, {"page": "desk.days"}, 422 if status == 200 else status)


@route("DELETE /records/{entity}/{id}/links/{link}")
def _(case, person):
    for relation in RELATIONS:
        status = may_link(person.role, relation)
        identifier = case.desk.record(relation, person)
        link_to(case, identifier)
        link = case.desk.root.call("GET", f"/records/{FILE}/{identifier}/links").json["items"][0]["id"]
        yield Ask(relation, "DELETE", f"/records/{FILE}/{identifier}/links/{link}", status=204 if status == 200 else status)


@route("GET /public/pages/{page}")
def _(case, person):
    yield Ask("a form", "GET", "/public/pages/desk.ask", then=lambda reply: case.assertEqual([field["name"] for field in reply.json["fields"]], ["name"]))
    yield Ask("no form", "GET", "/public/pages/desk.track", status=404)


@route("POST /public/pages/{page}")
def _(case, person):
    if person.role in ("desk.nothing", "administrator"):  # who he is does not matter
        yield Ask("a form", "POST", "/public/pages/desk.ask", {"input": {"name": "somebody"}})
        yield Ask("another field", "POST", "/public/pages/desk.ask", {"input": {"name": "somebody", "phone": "1"}}, 422)


@route("GET /public/links/{token}")
def _(case, person):
    if person.role in ("desk.nothing", "administrator"):
        token = link_to(case, case.desk.record("foreign", person))
        yield Ask("a link", "GET", f"/public/links/{token}", then=lambda reply: case.assertEqual([field["name"] for field in reply.json["fields"]], ["topic", "state"]))
        yield Ask("no link", "GET", "/public/links/" + "x" * 44, status=404)


@route("GET /public/links/{token}/calendar.ics")
def _(case, person):
    if person.role in ("desk.nothing", "administrator"):
        client = case.desk.record("foreign", person, entity=CLIENT)
        case.desk.record("foreign", person, client=client, begun="2100-01-01", topic="the day")
        token = link_to(case, client, CLIENT, "desk.days")
        yield Ask("a calendar", "GET", f"/public/links/{token}/calendar.ics", then=lambda reply: case.assertIn(b"SUMMARY:the day", reply.body))
        yield Ask("no calendar", "GET", f"/public/links/{link_to(case, case.desk.record('foreign', person))}/calendar.ics", status=404)


@route("POST /public/links/{token}/{act}")
def _(case, person):
    if person.role in ("desk.nothing", "administrator"):
        token = link_to(case, case.desk.record("foreign", person))
        yield Ask("a step that is not named", "POST", f"/public/links/{token}/approve", {}, 404)
        yield Ask("a field that is not asked for", "POST", f"/public/links/{token}/check", {"input": {"hint": "x"}}, 422)
        yield Ask("an entry without its field", "POST", f"/public/links/{token}/again", {}, 422)
        yield Ask("a step", "POST", f"/public/links/{token}/check", {}, 204)
        yield Ask("an entry", "POST", f"/public/links/{token}/again", {"input": {"topic": "more"}}, 204)
        yield Ask("no link", "POST", "/public/links/" + "x" * 44 + "/check", {}, 404)


@route("* /plugins/{plugin}/{rest...}")
def _(case, person):
    status = 200 if person.role == "administrator" else 403
    yield Ask("a plugin's route", "GET", "/plugins/sales/pipeline", status=status)
    yield Ask("none such", "GET", "/plugins/sales/nonsense", status=404)


@route("GET /records/{entity}/aggregate")
def _(case, person):
    readable = gives(person.role, FILE, "read") or sees(person.role, "shared to read")
    hidden = 200 if person.role == "administrator" else 403
    path = f"/records/{FILE}/aggregate"
    chosen = "record.id in [" + ", ".join(case.everybodys) + "]"

    def exactly(reply):
        case.assertEqual(reply.json["items"][0]["count"], len(seen_by(case, person)), reply)
    yield Ask("count", "GET", path + query(filter=chosen), status=200 if readable else 403, then=exactly if readable else None)
    yield Ask("by a hidden field", "GET", path + query(group="grade"), status=hidden)
    yield Ask("of a hidden field", "GET", path + query(measure="max:due"), status=hidden)
    yield Ask("where a hidden field", "GET", path + query(filter='record.hint == "x"'), status=hidden)


@route("POST /records/{entity}/bulk")
def _(case, person):
    records = {relation: case.desk.record(relation, person) for relation in RELATIONS}
    for action, operation, extra in (("update", "update", {"input": {"topic": "in bulk"}}), ("transition", "update", {"transition": "check"}),
                                     ("delete", "delete", {})):
        expected = {identifier: of_record(person.role, operation, relation) for relation, identifier in records.items()}

        def rows(reply, expected=expected):
            found = {item["id"]: item for item in reply.json["items"]}
            case.assertEqual(set(found), set(expected))
            for identifier, status in expected.items():
                item = found[identifier]
                told = 200 if item["status"] == "done" else item["error"]["status"]
                case.assertEqual(told, status, f"{person.role}, {records} {item}")
        body = {"action": action, "items": [{"id": identifier} for identifier in expected], **extra}
        refused = {identifier: status for identifier, status in expected.items() if status >= 400}
        if len(refused) == len(expected):  # nothing of it happens
            yield Ask(action, "POST", f"/records/{FILE}/bulk", body, (200, 403), then=lambda reply, rows=rows: rows(reply) if reply.status == 200 else None, quiet=True)
        else:
            if refused:
                yield Ask(f"{action}, all or nothing", "POST", f"/records/{FILE}/bulk", {**body, "atomic": True}, (403, 404, 422))
                some = {**body, "items": [{"id": identifier} for identifier in refused]}
                yield Ask(f"{action}, what may not", "POST", f"/records/{FILE}/bulk", some, (200, 403), quiet=True,
                          then=lambda reply, expected=refused, rows=rows: rows(reply, expected) if reply.status == 200 else None)
            yield Ask(action, "POST", f"/records/{FILE}/bulk", body, 200, then=rows)
    may = gives(person.role, FILE, "create")
    made = {"action": "create", "items": [{"input": {"topic": "made in bulk"}}]}

    def created(reply):
        if reply.status == 200:
            case.assertEqual(reply.json["items"][0]["status"], "done" if may else "refused", reply)
    yield Ask("create", "POST", f"/records/{FILE}/bulk", made, 200 if may else (200, 403), then=created, quiet=not may)
    hidden = {"action": "update", "filter": 'record.hint == "hint"', "input": {"topic": "found"}}
    if person.role != "administrator":
        yield Ask("chosen by a hidden field", "POST", f"/records/{FILE}/bulk", hidden, (400, 403))


@route("POST /records/{entity}/{id}/restore")
def _(case, person):
    for relation in RELATIONS:
        identifier = case.desk.record(relation, person)
        desk.check(case.desk.root.call("DELETE", f"/records/{FILE}/{identifier}", None, If_Match="*"), 204)
        # A share ends with the record: what roles give decides.
        actual = "foreign" if relation.startswith("shared") else relation
        status = of_record(person.role, "delete", actual)
        yield Ask(relation, "POST", f"/records/{FILE}/{identifier}/restore", {}, status)
    yield Ask("none such", "POST", f"/records/{FILE}/999999999/restore", {}, 404)


@route("GET /deleted/{entity}")
def _(case, person):
    gone = {}
    for relation in RELATIONS:
        identifier = case.desk.record(relation, person, topic=f"gone {relation}")
        desk.check(case.desk.root.call("DELETE", f"/records/{FILE}/{identifier}", None, If_Match="*"), 204)
        gone[identifier] = "foreign" if relation.startswith("shared") else relation

    def exactly(reply):
        if reply.status == 200:
            found = {item["id"] for item in reply.json["items"]} & set(gone)
            expected = {i for i, relation in gone.items() if sees(person.role, relation) and gives(person.role, FILE, "delete", relation)}
            case.assertEqual(found, expected, person.role)
    yield Ask("the deleted", "GET", f"/deleted/{FILE}" + query(limit=200), status=200 if gives(person.role, FILE, "delete") else (200, 403), then=exactly)


@route("GET /records/{entity}/{id}/shares")
def _(case, person):
    for relation, identifier in case.standing[person.role].items():
        yield Ask(relation, "GET", f"/records/{FILE}/{identifier}/shares", status=of_record(person.role, "update", relation))


@route("POST /records/{entity}/{id}/shares")
def _(case, person):
    for relation in RELATIONS:
        identifier = case.desk.record(relation, person)
        for level in ("read", "update"):
            yield Ask(f"{relation}, {level}", "POST", f"/records/{FILE}/{identifier}/shares", {"department": "north_team", "level": level},
                      of_sharing(person.role, relation, 201))


@route("DELETE /records/{entity}/{id}/shares/{share}")
def _(case, person):
    for relation in RELATIONS:
        identifier = case.desk.record(relation, person)
        share = case.desk.root.call("POST", f"/records/{FILE}/{identifier}/shares", {"department": "north_team"})
        desk.check(share, 201)
        yield Ask(relation, "DELETE", f"/records/{FILE}/{identifier}/shares/{share.json['id']}", None, of_sharing(person.role, relation, 204))
        yield Ask(relation + ", none such", "DELETE", f"/records/{FILE}/{identifier}/shares/999999999", None,
                  of_sharing(person.role, relation, 404))


@route("POST /records/{entity}/{id}/comments")
def _(case, person):
    for relation in RELATIONS:
        identifier = case.desk.record(relation, person)

        def told(reply, relation=relation):
            if reply.status == 201:
                case.assertEqual(reply.json["told"], [], f"{person.role} {relation}")  # oneself is not told
        yield Ask(relation, "POST", f"/records/{FILE}/{identifier}/comments", {"text": "Seen.", "mentions": [person.id]},
                  of_record(person.role, "read", relation, 201), then=told)
    yield Ask("none such", "POST", f"/records/{FILE}/999999999/comments", {"text": "Seen."}, 404)


@route("GET /clocks")
def _(case, person):
    yield Ask("one's own", "GET", "/clocks")


@route("GET /records/{entity}/{id}/access")
def _(case, person):
    for relation, identifier in case.standing[person.role].items():
        def same(reply, relation=relation):
            if reply.status == 200:
                for operation in reply.json["operations"]:
                    if operation["operation"] != "create":
                        case.assertEqual(operation["allowed"], gives(person.role, FILE, operation["operation"], relation), f"{person.role} {relation} {operation}")
        yield Ask(relation, "GET", f"/records/{FILE}/{identifier}/access", status=of_record(person.role, "read", relation), then=same)
        if person.role != "administrator":
            yield Ask(relation + ", another's", "GET", f"/records/{FILE}/{identifier}/access?user=1", status=(403, 404))


@route("GET /search")
def _(case, person):
    def only_seen(reply):
        for item in reply.json["items"]:
            case.assertIn(item["entity"], (FILE, CLIENT, "core.user"))
            if item["entity"] == FILE and item["id"] in case.everybodys and person.role != "administrator":
                case.assertEqual(case.ask(person, Ask("the hit", "GET", f"/records/{FILE}/{item['id']}")).status, 200, f"{person.role} {item}")
    for words in ("foreign", "own", "4711", "0815", "hint", "13800001111"):
        yield Ask(words, "GET", "/search" + query(q=words), then=only_seen)
    yield Ask("nothing to look for", "GET", "/search" + query(q="%"), status=400)
    yield Ask("what one may not read does not exist", "GET", "/search" + query(q="own", entities="desk.nosuch"), status=400)


@route("GET /records/{entity}/duplicates")
def _(case, person):
    yield Ask("pairs", "GET", f"/records/{FILE}/duplicates", status=200 if gives(person.role, FILE, "update") or person.role == "deputy" else 403)
    yield Ask("no such entity", "GET", "/records/desk.nosuch/duplicates", status=404)


@route("POST /records/{entity}/duplicates")
def _(case, person):
    yield Ask("all", "POST", f"/records/{FILE}/duplicates", {}, 202 if person.role == "administrator" else 403)


@route("POST /records/{entity}/{id}/duplicates/{other}")
def _(case, person):
    for relation in RELATIONS:
        one, other = case.desk.record(relation, person), case.desk.record(relation, person)
        yield Ask(relation, "POST", f"/records/{FILE}/{one}/duplicates/{other}", {}, of_record(person.role, "update", relation, 404))


@route("GET /records/{entity}/{id}/merge")
def _(case, person):
    for relation in RELATIONS:
        one, other = case.desk.record(relation, person), case.desk.record("own", person)
        yield Ask(relation, "GET", f"/records/{FILE}/{one}/merge?other={other}", status=of_merge(person.role, relation))
        yield Ask(relation + ", the other way", "GET", f"/records/{FILE}/{other}/merge?other={one}", status=of_merge(person.role, relation))


def of_merge(role, relation, granted=200):
    """Both must be seen, and both changed."""
    if not (sees(role, relation) and sees(role, "own")):
        return 404
    return granted if gives(role, FILE, "update", relation) and gives(role, FILE, "update", "own") else 403


@route("POST /records/{entity}/{id}/merge")
def _(case, person):
    for relation in RELATIONS:
        one, other = case.desk.record(relation, person), case.desk.record("own", person)
        yield Ask(relation, "POST", f"/records/{FILE}/{one}/merge", {"other": other}, of_merge(person.role, relation))
        one, other = case.desk.record(relation, person), case.desk.record("own", person)
        yield Ask(relation + ", the other way", "POST", f"/records/{FILE}/{other}/merge", {"other": one}, of_merge(person.role, relation))


@route("GET /records/{entity}/{id}/merges")
def _(case, person):
    for relation, identifier in case.standing[person.role].items():
        yield Ask(relation, "GET", f"/records/{FILE}/{identifier}/merges", status=200 if sees(person.role, relation) else 404)


@route("POST /records/{entity}/{id}/merges/{merge}/undo")
def _(case, person):
    for relation in RELATIONS:
        one, other = case.desk.record(relation, person), case.desk.record("own", person)
        desk.check(case.desk.root.call("POST", f"/records/{FILE}/{one}/merge", {"other": other}), 200)
        merge = case.desk.root.call("GET", f"/records/{FILE}/{one}/merges").json["items"][0]["id"]
        whose = "own" if relation == "nobody's" else relation  # a survivor without an owner has the other one's
        if gives(person.role, FILE, "update", whose) and gives(person.role, FILE, "delete", "own"):
            yield Ask(relation, "POST", f"/records/{FILE}/{one}/merges/{merge}/undo", {}, 200)
        else:
            yield Ask(relation, "POST", f"/records/{FILE}/{one}/merges/{merge}/undo", {}, (403, 404))


ASKS["GET /admin/search"] = administrators("GET", "/admin/search")
ASKS["POST /admin/search/rebuild"] = administrators("POST", "/admin/search/rebuild", {"entities": []}, 202)
ASKS["POST /admin/users/{id}/password"] = administrators("POST", "/admin/users/999999999/password", granted=404)
ASKS["GET /admin/roles"] = administrators("GET", "/admin/roles")
ASKS["GET /admin/audit"] = administrators("GET", "/admin/audit")
ASKS["GET /admin/audit/looks"] = administrators("GET", "/admin/audit/looks")
ASKS["GET /admin/keys"] = administrators("GET", "/admin/keys")
ASKS["POST /admin/keys"] = administrators("POST", "/admin/keys", {"use": "never"}, 422)
ASKS["POST /admin/keys/rotate"] = administrators("POST", "/admin/keys/rotate", {"key": "nosuch"}, (404, 503))
ASKS["DELETE /admin/keys/{id}"] = administrators("DELETE", "/admin/keys/nosuch", granted=(404, 503))
ASKS["GET /admin/automations"] = administrators("GET", "/admin/automations")
ASKS["GET /admin/automations/{name}/runs"] = administrators("GET", "/admin/automations/desk.nosuch/runs", granted=404)
ASKS["GET /admin/schedules"] = administrators("GET", "/admin/schedules")
ASKS["GET /admin/schedules/{name}/runs"] = administrators("GET", "/admin/schedules/desk.nosuch/runs", granted=404)
ASKS["POST /admin/schedules/{name}/run"] = administrators("POST", "/admin/schedules/desk.nosuch/run", {}, 404)
ASKS["GET /admin/jobs"] = administrators("GET", "/admin/jobs")
ASKS["GET /admin/jobs/stats"] = administrators("GET", "/admin/jobs/stats")
ASKS["GET /admin/jobs/{id}"] = administrators("GET", "/admin/jobs/999999999", granted=404)
ASKS["POST /admin/jobs/{id}/replay"] = administrators("POST", "/admin/jobs/999999999/replay", {}, 404)
ASKS["DELETE /admin/jobs/{id}"] = administrators("DELETE", "/admin/jobs/999999999", granted=404)
