"""Nothing that one may not see shows, whatever one asks. Three servers hold the same agency, but for secrets: values of hidden and masked
fields, and everything in records of others. Whoever may not see a secret gets the same answer from all of them, byte for byte."""

import base64
import json
import re
import shutil
import sqlite3

import caravan
import desk
from caravan import Server, query
from desk import Desk
from wire import Wire

FILE, CLIENT = "desk.file", "desk.client"

# Text → the text in its place on the other servers. Masked fields keep their length and what the mask shows of them.
HIDDEN = {
    "SECRET-hint-one": "VERBORGEN-eins, und viel laenger als das andere",
    "SECRET-hint-two": "A",
    "SECRET-badge-one": "ZZ-badge-9",
    "SECRET-badge-two": "AA-badge-1",
    "SECRETPIN1-0815": "verborgen1-0815",
    "SECRETPIN2-0816": "verborgen2-0816",
    "SECRET-client-name": "Ganz ein anderer Kunde",
    "139SECRET0001234": "138ANDERE0001234",
    "secret@mail.example": "another.one@mail.example",
    "SECRET-seal-one": "VERSIEGELT",
    "4242.42": "5353.53", "31415926": "27182818", "2031-04-15": "2033-09-26", "16180339": "14142135",
}
FOREIGN = {
    "SECRET-topic-one": "Zebra", "SECRET-topic-two": "Aardvark 中文", "SECRET-code-one": "ZZZ-77", "SECRET-note": "Anders",
    "7777.77": "8888.88", "90210210": "1",
}
# On other servers the rows of these columns say something else. Numbers: SQLite keeps money in scaled integers.
COLUMNS = {
    "hidden": [("margin", 4242.42, 5353.53), ("rank", 31415926, 27182818), ("due", "2031-04-15", "2033-09-26"), ("tier", 16180339, 14142135)],
    "foreign": [("amount", 7777.77, 8888.88), ("count", 90210210, 0)],
}
ALL_SECRETS = [*HIDDEN, *HIDDEN.values(), *FOREIGN, *(v for v in FOREIGN.values() if len(v) > 3)]
UNSEEN = [s for s in ALL_SECRETS if len(s) > 3 and not s.isdigit() and s != "Anders"]  # nobody of the actors may get these to see

SYSTEM = ("id", "number", "version", "state", "owner", "created_at", "updated_at", "external_source", "external_id")
FIELDS = {
    FILE: {"topic": "text", "code": "text", "kind": "choice", "client": "ref", "amount": "money", "count": "int", "margin": "money", "rank": "int",
           "hint": "text", "due": "date", "boss": "ref", "grade": "choice", "badge": "text", "pin": "text",
           "seal": "text", "scan": "file"},
    CLIENT: {"name": "text", "phone": "text", "tier": "int"},
    "core.user": {"username": "text", "name": "text", "email": "text", "active": "bool", "department": "choice", "roles": "json", "locale": "choice"},
}
SYSTEM_TYPES = {"id": "int", "number": "text", "version": "int", "state": "text", "owner": "ref", "created_at": "instant", "updated_at": "instant",
                "external_source": "text", "external_id": "text"}


class _Twin:
    """A server with the data of another, changed where it stands still."""

    def __init__(self, original, name, changes):
        self.server = Server(original.kind, name)
        for child in self.server.config.iterdir():
            shutil.rmtree(child) if child.is_dir() else child.unlink()
        shutil.copytree(original.config, self.server.config, dirs_exist_ok=True)
        shutil.copy(original.home / "data.keys", self.server.home / "data.keys")
        if original.kind == "sqlite":
            shutil.copytree(original.data, self.server.data)
            self.change = self.change_sqlite
        else:
            if original.data.exists():
                shutil.copytree(original.data, self.server.data)
            ours, theirs = self.server.database.name, original.database.name
            for table in original.database.sql(f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{theirs}'").split():
                original.database.sql(f"CREATE TABLE {ours}.`{table}` LIKE {theirs}.`{table}`; INSERT INTO {ours}.`{table}` SELECT * FROM {theirs}.`{table}`")
            self.change = self.change_mariadb
        self.change(changes)
        self.server.start()
        # The index of the twin's own values.
        admin = self.server.client("admin")
        desk.check(Wire(self.server.port, desk.token_of(admin)).call("POST", "/admin/search/rebuild", {}), 202)
        caravan.indexed(admin)

    def change_sqlite(self, changes):
        with sqlite3.connect(self.server.data / "caravan.db") as connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            for statement in changes("sqlite", {table: [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")') if row[2].upper() == "TEXT"]
                                                for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()}):
                connection.execute(statement)
        connection.close()

    def change_mariadb(self, changes):
        name = self.server.database.name
        tables = {}
        for line in self.server.database.sql("SELECT table_name, column_name FROM information_schema.columns WHERE data_type IN "
                                             f"('varchar', 'text', 'longtext') AND table_schema = '{name}'").splitlines():
            table, column = line.split("\t")
            tables.setdefault(table, []).append(column)
        for statement in changes("mariadb", tables):
            self.server.database.sql(f"USE {name}; SET NAMES utf8mb4; {statement}")


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def changes_of(texts, columns, more):
    """The statements that put the other secrets in the first ones' place."""
    def statements(kind, tables):
        quote = '"' if kind == "sqlite" else "`"
        for table, names in tables.items():
            if table.startswith("sqlite_"):
                continue
            for column in names:
                value = f"{quote}{column}{quote}"
                changed = value
                for old, new in texts.items():
                    changed = f"REPLACE({changed}, {quoted(old)}, {quoted(new)})"
                yield f"UPDATE {quote}{table}{quote} SET {value} = {changed} WHERE {value} IS NOT NULL"
        for column, old, new in columns:
            table = "desk_client" if column == "tier" else "desk_file"
            if column in ("margin", "amount") and kind == "sqlite":
                old, new = round(old * 100), round(new * 100)
            old, new = (quoted(v) if isinstance(v, str) else v for v in (old, new))
            yield f"UPDATE {table} SET {quote}{column}{quote} = {new} WHERE {quote}{column}{quote} = {old}"
        yield from more
    return statements


class Leaks(caravan.ServerCase):
    @classmethod
    def configure(cls):
        text = desk.DEFINITIONS.replace("record.rank < 1000", "record.rank < 100000000")
        text = text.replace("unique:\n  code:", "  scan:   {type: file, right: hidden, label: Scan}\nunique:\n  code:", 1)
        (cls.server.config / "desk.yaml").write_text(text)

    @classmethod
    def prepare(cls):
        server = cls.server
        # In the normal run those who see least and most of what the others do.
        cls.ROLES = ("desk.clerk", "desk.peer", "desk.reader", "desk.maker", "desk.nothing", "deputy") if caravan.Setup.full else (
            "desk.clerk", "desk.reader", "desk.nothing")
        cls.desk = Desk(server)
        root = cls.desk.root
        boss_a, boss_b = cls.desk.ids["north.colleague"], cls.desk.ids["team.colleague"]
        ghost = cls.desk.user("ghost.user", ["desk.nothing"], "south")
        desk.check(root.call("PATCH", f"/records/core.user/{ghost}", {"email": "secret@mail.example"}, If_Match="*"), 200)
        foreign_client = cls.desk.record("foreign", cls.desk.people[0], CLIENT, name="SECRET-client-name", phone="139SECRET0001234", tier=16180339)
        cls.own, cls.foreign, cls.gone, cls.own_gone, cls.attached = {}, [], [], {}, []
        for i, person in enumerate(cls.desk.people):
            # Two of each, in one order here and in the other there.
            hidden = [{"margin": "4242.42", "rank": 31415926, "hint": "SECRET-hint-one", "due": "2031-04-15", "boss": boss_a, "grade": "group",
                       "badge": "SECRET-badge-one" if i == 0 else None, "pin": "SECRETPIN1-0815", "seal": "SECRET-seal-one"},
                      {"margin": "100.00", "rank": 30000000, "hint": "SECRET-hint-two", "due": "2032-01-01", "boss": boss_b, "grade": "single",
                       "badge": "SECRET-badge-two" if i == 0 else None, "pin": "SECRETPIN2-0816", "seal": None}]
            made = [cls.desk.record("own", person, topic=f"seen {n}", count=10 * n + 5, amount=f"{n + 1}00.00", kind=("group", "single")[n],
                                    client=(foreign_client, None)[n], **hidden[n]) for n in range(2)]
            for identifier in made:  # some history of what is hidden
                desk.check(root.call("PATCH", f"/records/{FILE}/{identifier}", {"rank": 29000000, "hint": "before", "due": None}, If_Match="*"), 200)
                back = hidden[made.index(identifier)]
                desk.check(root.call("PATCH", f"/records/{FILE}/{identifier}", {"rank": back["rank"], "hint": back["hint"], "due": back["due"]}, If_Match="*"), 200)
            cls.attach(made[0], "SECRET-hint-one.txt", "scan")
            cls.attach(made[1], "seen.txt")
            deleted = cls.desk.record("own", person, topic="seen and gone", **{**hidden[0], "badge": None})
            desk.check(root.call("DELETE", f"/records/{FILE}/{deleted}", None, If_Match="*"), 204)
            cls.own[person.role], cls.own_gone[person.role], cls.gone = made, deleted, cls.gone + [deleted]
        for topic, code in (("SECRET-topic-one", "SECRET-code-one"), ("SECRET-topic-two", None)):
            cls.foreign.append(cls.desk.record("foreign", cls.desk.people[0], topic=topic, code=code, amount="7777.77", count=90210210, kind="group",
                                               client=foreign_client, rank=31415926, hint="SECRET-hint-one"))
        cls.attach(cls.foreign[0], "SECRET-note.txt")
        lost = cls.desk.record("foreign", cls.desk.people[0], topic="SECRET-topic-two", amount="7777.77")
        desk.check(root.call("DELETE", f"/records/{FILE}/{lost}", None, If_Match="*"), 204)
        cls.gone.append(lost)
        cls.foreign_client = foreign_client
        # Each person's shares and lent records would be seen in another's stead: none are made here.
        cls.tokens = {person.role: person.token for person in cls.desk.people}
        caravan.indexed(cls.server.client("admin"))
        cls.server.stop()
        bosses = ["UPDATE desk_file SET boss = CASE boss " + f"WHEN {boss_a} THEN {boss_b} WHEN {boss_b} THEN {boss_a} END WHERE boss IS NOT NULL",
                  "UPDATE desk_file SET grade = CASE grade WHEN 'group' THEN 'single' WHEN 'single' THEN 'group' END WHERE grade IS NOT NULL",
                  # Filled here, empty there. What is sealed cannot be written from outside.
                  "UPDATE desk_file SET badge = NULL, due = NULL WHERE topic = 'seen 1'",
                  "UPDATE desk_file SET seal = NULL, seal_hash = NULL",
                  "UPDATE stored_file SET size = size + 1000, media_type = 'image/png' WHERE id IN (SELECT file_id FROM attachment WHERE field = 'scan')"]
        ids = ", ".join(cls.foreign)
        others = [f"UPDATE desk_file SET state = 'closed', kind = 'single', version = version + 3, client = NULL WHERE id IN ({ids})",
                  f"UPDATE stored_file SET size = 7, media_type = 'image/png' WHERE id IN (SELECT file_id FROM attachment WHERE record_id IN ({ids}))"]
        cls.hidden = cls.twin("hidden", changes_of(HIDDEN, COLUMNS["hidden"], bosses))
        cls.all = cls.twin("all", changes_of({**HIDDEN, **FOREIGN}, COLUMNS["hidden"] + COLUMNS["foreign"], bosses + others))
        cls.server.start()

    @classmethod
    def attach(cls, identifier, name, field=None):
        body, kind = caravan.multipart(file=(name, f"content of {name} at {identifier}"))
        made = cls.desk.root.call("POST", f"/records/{FILE}/{identifier}/attachments" + (query(field=field) if field else ""), body, Content_Type=kind)
        desk.check(made, 201)
        cls.attached.append(made.json["id"])

    @classmethod
    def twin(cls, name, changes):
        twin = _Twin(cls.server, f"Leaks-{name}", changes).server
        cls.addClassCleanup(twin.remove)
        return twin

    # -- asking
    def answer(self, server, role, method, path, body=None, **headers):
        """What must be the same: status, headers and body, without the request's id and what tells the time of the answer."""
        key = server.port, role
        if key not in self.wires:
            self.wires[key] = Wire(server.port, self.tokens[role])
        reply = self.wires[key].call(method, path, body, **headers)
        lines = [line for line in reply.head.split(b"\r\n")
                 if not line.lower().startswith((b"date:", b"x-request-id:", b"ratelimit", b"connection:", b"keep-alive:"))
                 and not ((path == "/tokens" or path.endswith("/clocks")) and line.lower().startswith(b"content-length:"))]
        text = re.sub(rb'"(request_id|now)":"[^"]*"', rb'"\1":""', reply.body).replace(str(server.home).encode(), b"HOME")
        if path == "/tokens":
            text = timeless(text)
        return reply, b"\r\n".join(lines) + b"\r\n\r\n" + text

    def same(self, role, method, path, body=None, normalise=None, **headers):
        """Asks both servers, and returns the reply of the first."""
        twin = self.hidden if role == "desk.reader" else self.all
        reply, first = self.answer(self.server, role, method, path, body, **headers)
        _, second = self.answer(twin, role, method, path, body, **headers)
        self.asked += 1
        if normalise:
            first, second = normalise(first), normalise(second)
        if first != second:
            self.leaks.append(f"{role}: {method} {path} {body or ''} {headers or ''}\n    {first[-700:].decode('utf-8', 'replace')}\n    "
                              f"{second[-700:].decode('utf-8', 'replace')}")
        shown = first + b"".join(opened(first))
        given = (path + json.dumps(body, ensure_ascii=False, default=str) if body is not None else path) + json.dumps(headers)
        for secret in UNSEEN:
            if secret.encode() in shown and not (role == "desk.reader" and secret in FOREIGN) and secret not in given \
                    and secret not in caravan.urllib.parse.unquote(given):
                self.leaks.append(f"{role}: {method} {path} shows {secret}")
        return reply

    def setUp(self):
        self.wires, self.leaks, self.asked = {}, [], 0
        self.addCleanup(lambda: [wire.close() for wire in self.wires.values()])

    def none(self, least):
        print(f"\n  {self.database}: {self.asked} requests answered alike", end="", flush=True)
        self.assertGreater(self.asked, least)
        self.assertEqual(len(self.leaks), 0, f"{len(self.leaks)} of {self.asked}:\n" + "\n".join(self.leaks[:40]))


    # -- the test can fail
    def test_who_may_see_them_sees_that_they_differ(self):
        for path in (f"/records/{FILE}" + query(sort="rank"), f"/records/{FILE}" + query(filter='record.hint == "SECRET-hint-one"'),
                     f"/records/{FILE}/aggregate" + query(group="grade", measure="sum:margin"), f"/records/{FILE}/{self.own['desk.clerk'][0]}",
                     f"/records/{FILE}/{self.own['desk.clerk'][0]}/timeline", f"/records/{CLIENT}/{self.foreign_client}"):
            for twin in (self.hidden, self.all):
                first, second = (self.answer(server, "administrator", "GET", path)[1] for server in (self.server, twin))
                self.assertTrue(first.startswith(b"HTTP/1.1 200"), first)
                self.assertNotEqual(first, second, path)
        self.assertNotEqual(*(self.answer(server, "desk.reader", "GET", f"/records/{FILE}/{self.foreign[0]}")[1] for server in (self.server, self.all)))

    # -- reading
    def test_lists(self):
        for role in self.ROLES:
            for entity, own in FIELDS.items():
                types = {**SYSTEM_TYPES, **own}
                base = f"/records/{entity}"
                self.same(role, "GET", base + query(count=1))
                for name, kind in types.items():
                    for parameters in ({"sort": name}, {"sort": "-" + name}, {"sort": f"state,{name}"}, {"fields": name}, {"fields": f"id,{name}", "sort": name},
                                       {"expand": name}, {"expand": f"{name}.name"}, {"expand": f"{name}.email"}, {"expand": f"client.{name}"},
                                       {"expand": f"owner.{name}"}):
                        self.pages(role, base, parameters)
                    for condition in conditions(name, kind):
                        self.same(role, "GET", base + query(filter=condition, count=1))
                for condition in NESTED:
                    self.same(role, "GET", base + query(filter=condition, count=1))
                for words in ("SECRET", "VERBORGEN", "SECRET-hint-one", "SECRETPIN1", "verborgen1", "0815", "Zebra", "SECRET-topic-one", "139SECRET",
                              "SECRET-client-name", "seen", "31415926", "secret@mail", "A"):
                    self.same(role, "GET", base + query(q=words, count=1))
                for cursor in forged():
                    for sort in ("rank", "hint", "due", "margin", "topic", "pin", ""):
                        self.same(role, "GET", base + query(after=cursor, **({"sort": sort} if sort else {})))
        self.none(4000)

    def test_search(self):
        words = {text for secret in ALL_SECRETS for text in (secret, secret[:5], secret[-4:], *re.split(r"[-@. ]", secret)) if len(text) > 1}
        for role in self.ROLES:
            for q in sorted(words)[:: 1 if caravan.Setup.full else 4] + ["seen", "seen 1", "F-00001", "00001", "gone", "person", "south"]:
                self.same(role, "GET", "/search" + query(q=q))
                self.same(role, "GET", "/search" + query(q=q + " seen"))
                self.same(role, "GET", "/search" + query(q="seen " + q, entities=FILE, limit=1))
        self.none(200)

    def test_merges(self):
        for role in self.ROLES:
            mine = self.own[role]
            for one, other in ((mine[0], mine[1]), (mine[0], self.foreign[0]), (self.foreign[0], mine[0]), (mine[0], self.gone[0]), (self.foreign[0], self.foreign[1])):
                self.same(role, "GET", f"/records/{FILE}/{one}/merge?other={other}")
                for name in FIELDS[FILE]:
                    self.same(role, "POST", f"/records/{FILE}/{one}/merge", {"other": other, "other_version": 99, "fields": {name: "theirs"}})
                self.same(role, "POST", f"/records/{FILE}/{one}/duplicates/{other}", {})
                self.same(role, "GET", f"/records/{FILE}/{one}/merges")
            self.same(role, "GET", f"/records/{FILE}/duplicates")
            self.same(role, "GET", f"/records/{CLIENT}/{self.foreign_client}/merge?other={self.foreign_client}")
        self.none(200)

    def pages(self, role, base, parameters):
        """All pages; cursors are looked into."""
        after = None
        for _ in range(6):
            reply = self.same(role, "GET", base + query(limit=2, **parameters, **({"after": after} if after else {})))
            after = reply.json["next"] if reply.status == 200 else None
            if not after:
                return

    def test_exports(self):
        for role in self.ROLES:
            for entity, own in FIELDS.items():
                base = f"/export/{entity}"
                types = {**SYSTEM_TYPES, **own}
                for parameters in ({}, {"format": "jsonl"}, {"labels": 1}, {"labels": 1, "format": "jsonl"}, {"raw": 1}):
                    self.same(role, "GET", base + query(**parameters))
                for name, kind in types.items():
                    self.same(role, "GET", base + query(sort=name))
                    self.same(role, "GET", base + query(fields=name, labels=1))
                    self.same(role, "GET", base + query(fields=f"id,{name}", sort="-" + name, format="jsonl"))
                    for condition in conditions(name, kind):
                        self.same(role, "GET", base + query(filter=condition))
                for condition in NESTED:
                    self.same(role, "GET", base + query(filter=condition))
                for words in ("SECRET", "verborgen1", "Zebra", "0815"):
                    self.same(role, "GET", base + query(q=words))
        self.none(800)

    def test_attachments(self):
        for role in self.ROLES:
            for identifier in (*self.own[role], *self.own["desk.lead"], *self.foreign, *self.gone):
                path = f"/records/{FILE}/{identifier}/attachments"
                self.same(role, "GET", path)
                for attachment in self.attached:
                    for more in ("", "?inline=1", "?field=scan"):
                        self.same(role, "GET", f"{path}/{attachment}{more}")
                    self.same(role, "GET", f"{path}/{attachment}", If_None_Match="*")
                    # Of one's own records only what is hidden: the rest may be removed.
                    if identifier not in self.own[role] or attachment == self.attached[2 * [p.role for p in self.desk.people].index(role)]:
                        self.same(role, "DELETE", f"{path}/{attachment}")
                for field in ("scan", "nonsense", "topic"):
                    body, kind = caravan.multipart(file=("x.txt", "x"))
                    self.same(role, "POST", path + query(field=field), body, Content_Type=kind)
        self.none(400)

    def test_reports(self):
        for role in self.ROLES:
            for path in ("/reports", "/dashboards", "/reports?locale=en"):
                self.same(role, "GET", path)
            for report in ("desk.files", "desk.margins", "desk.ranks", "desk.leads", "desk.nosuch"):
                for parameters in ({}, {"format": "csv"}, {"least": 1}, {"least": 31415926}, {"least": 90000000, "format": "csv"}, {"least": 'record.hint == "x"'},
                                   {"margin": 1}, {"filter": 'record.hint == "SECRET-hint-one"'}, {"sort": "rank"}, {"locale": "zh-CN", "format": "csv"}):
                    self.same(role, "GET", f"/reports/{report}" + query(**parameters), normalise=timeless)
        self.none(100)

    def test_aggregates(self):
        for role in self.ROLES:
            for entity, own in FIELDS.items():
                base = f"/records/{entity}/aggregate"
                types = {**SYSTEM_TYPES, **own}
                for name in types:
                    for group in (name, f"{name}:day", f"{name}:month", f"{name}:year", f"state,{name}", f"{name},{name}"):
                        self.same(role, "GET", base + query(group=group))
                    for measure in ("count", "sum", "avg", "min", "max", "count_distinct"):
                        self.same(role, "GET", base + query(measure=f"{measure}:{name}"))
                        self.same(role, "GET", base + query(measure=f"count,{measure}:{name}", group="state", sort=f"-{measure}:{name}"))
                    self.same(role, "GET", base + query(group="state", sort=name))
                    self.same(role, "GET", base + query(filter=f"record.{name} != null"))
                for condition in NESTED:
                    self.same(role, "GET", base + query(filter=condition))
                for words in ("SECRET", "verborgen1", "Zebra", "0815"):
                    self.same(role, "GET", base + query(q=words))
        self.none(2000)

    def test_single_records(self):
        for role in self.ROLES:
            for entity, identifiers in ((FILE, [*self.own[role], *self.own["desk.lead"], *self.foreign, *self.gone]), (CLIENT, [self.foreign_client]),
                                        ("core.user", [self.desk.ids["north.colleague"], self.desk.ids["south.colleague"]])):
                for identifier in identifiers:
                    path = f"/records/{entity}/{identifier}"
                    self.same(role, "GET", path)
                    for name in (*SYSTEM, *FIELDS[entity]):
                        self.same(role, "GET", path + query(expand=name))
                        self.same(role, "GET", path + query(expand=f"{name}.name,{name}.email"))
                    self.same(role, "GET", path + query(expand="client.name,client.tier,client.owner,client.phone"))
                    self.same(role, "GET", path + query(expand="owner.email,owner.username,owner.roles,owner.department"))
                    for tag in ('"1"', '"3"', '"4"', "*", '"6"'):
                        self.same(role, "GET", path, If_None_Match=tag)
                    for tail in ("transitions", "timeline", "timeline?limit=1", "timeline?limit=1&before=5", "shares", "access", "access?operation=read",
                                 "access?operation=update", "audit", "restore"):
                        self.same(role, "GET", f"{path}/{tail}")
                    self.history(role, path)
            for path in ("/me", "/tokens", "/model", "/model?locale=en", "/openapi.json", "/admin/plugins", "/admin/jobs", "/admin/revisions",
                         f"/records/{FILE}/deleted", f"/deleted/{FILE}", f"/records/{FILE}?deleted=1", f"/records/{CLIENT}/deleted", "/plugins/sales/pipeline"):
                self.same(role, "GET", path)
            for path in self.reads():
                for identifier in (*self.own[role], *self.foreign, *self.gone):
                    self.same(role, "GET", path.replace("{entity}", FILE).replace("{id}", identifier).replace("{name}", "rate"))
        self.none(1500)

    def history(self, role, path):
        before = None
        for _ in range(8):
            reply = self.same(role, "GET", path + "/timeline" + query(limit=1, **({"before": before} if before else {})))
            before = reply.json.get("next") if reply.status == 200 else None
            if not before:
                return

    def reads(self):
        """Every GET route of the server's own table, but the stream, which does not end (test_events.py)."""
        for route in json.loads(self.server.cli("docs", "routes", "--json", store=False).stdout):
            if route["method"] == "GET" and "{rest...}" not in route["pattern"] and route["pattern"] != "/events":
                yield route["pattern"]

    # -- writing. What is refused is refused alike, and what is done tells no more than what was there.
    def test_refused_writes(self):
        for role in self.ROLES:
            for identifier in (*self.own[role], *self.own["desk.lead"], *self.foreign, *self.gone, "999999999"):
                path = f"/records/{FILE}/{identifier}"
                for body in ({"hint": "SECRET-hint-one"}, {"rank": 31415926}, {"rank": 27182818}, {"rank": 999999999}, {"margin": "4242.42"},
                             {"badge": "SECRET-badge-one"}, {"badge": "ZZ-badge-9"}, {"pin": "SECRETPIN1-0815"}, {"pin": "verborgen1-0815"},
                             {"due": "2031-04-15"}, {"due": "nonsense"}, {"boss": "2"}, {"grade": "group"}, {"grade": "nonsense"}, {"nonsense": 1},
                             {"count": "x", "rank": 5}, {"topic": None, "hint": None}):
                    self.same(role, "PATCH", path, body, If_Match='"99"')
                    if identifier not in self.own[role] or set(body) - {"topic", "count", "kind", "code", "amount", "client"}:
                        self.same(role, "PATCH", path, body, If_Match="*")
                self.same(role, "DELETE", path, None, If_Match='"99"')
                for step in ("approve", "close", "escalate", "nonsense"):
                    self.same(role, "POST", f"{path}/transitions/{step}", {}, If_Match='"99"')
                self.same(role, "POST", f"{path}/transitions/rate", {"input": {"hint": "x"}}, If_Match='"99"')
                self.same(role, "POST", f"{path}/transitions/rate", {"input": {"rank": 9}}, If_Match='"99"')
                if identifier not in (*self.own[role], *self.own["desk.lead"], self.own_gone[role]):
                    for tail in ("restore", "shares", "undelete"):
                        self.same(role, "POST", f"{path}/{tail}", {})
            for body in ({"topic": "x", "badge": "SECRET-badge-one"}, {"topic": "x", "badge": "ZZ-badge-9"}, {"topic": "x", "rank": 999999999},
                         {"topic": "x", "client": self.foreign_client, "hint": "x"}, {"topic": "x", "boss": "2"}, {"topic": "x", "grade": "group"}):
                self.same(role, "POST", f"/records/{FILE}", body)
        self.none(1500)

    def test_writes(self):
        """Comes last: the databases change, alike."""
        for role in self.ROLES:
            if role in ("desk.reader", "desk.nothing"):
                continue
            for code in ("fresh-" + role, "seen-by-all"):
                self.same(role, "POST", f"/records/{FILE}", {"topic": "new", "code": code}, normalise=timeless)
            if role in ("desk.maker", "deputy"):
                continue
            one, two = self.own[role]
            path = f"/records/{FILE}/{one}"
            self.same(role, "PATCH", path, {"topic": "changed", "count": 4}, normalise=timeless, If_Match="*")
            self.same(role, "PATCH", path, {"topic": "changed"}, normalise=timeless, If_Match="*")
            self.same(role, "PATCH", path, {"client": self.foreign_client}, normalise=timeless, If_Match="*")
            self.same(role, "PATCH", path, {"client": None}, normalise=timeless, If_Match="*")
            self.same(role, "PATCH", path, {"code": "seen-by-all"}, normalise=timeless, If_Match="*")
            self.same(role, "POST", f"{path}/transitions/check", {}, normalise=timeless)
            self.same(role, "GET", f"{path}/timeline", normalise=timeless)
            self.same(role, "GET", f"{path}/transitions", normalise=timeless)
            self.same(role, "DELETE", f"/records/{FILE}/{two}", None, normalise=timeless, If_Match="*")
            self.same(role, "GET", f"/records/{FILE}/{two}/timeline", normalise=timeless)
            self.same(role, "GET", f"/records/{FILE}/deleted", normalise=timeless)
            self.same(role, "GET", f"/deleted/{FILE}", normalise=timeless)
            self.same(role, "POST", f"/records/{FILE}/{two}/restore", {}, normalise=timeless)
            self.same(role, "POST", f"/records/{FILE}/{self.own_gone[role]}/restore", {}, normalise=timeless)
            rows = [*self.own[role], *self.own["desk.lead"], *self.foreign, *self.gone]
            for more in ({"input": {"count": 9}}, {"input": {"hint": "x"}}, {"input": {"badge": "ZZ-badge-9"}}, {"input": {"rank": 999999999}}):
                self.same(role, "POST", f"/records/{FILE}/bulk", {"action": "update", "items": [{"id": i} for i in rows], **more}, normalise=timeless)
            for condition in NESTED:
                self.same(role, "POST", f"/records/{FILE}/bulk", {"action": "update", "filter": condition, "input": {"count": 8}}, normalise=timeless)
            self.same(role, "POST", f"/records/{FILE}/{one}/shares", {"department": "north_team"}, normalise=timeless)
            self.same(role, "GET", f"/records/{FILE}/{one}/shares", normalise=timeless)
            self.same(role, "GET", f"/records/{FILE}" + query(count=1), normalise=timeless)
        self.none(30)


def timeless(text):
    """Without the moments of this very run; trailing zeros of their fractions are not written, so the length tells nothing."""
    return re.sub(rb"Content-Length: \d+", b"Content-Length:", re.sub(rb"20\d\d-\d\d-\d\dT[0-9:.]+Z", b"TIME", text))


def opened(answer):
    """What is inside of cursors and the like."""
    for word in set(re.findall(rb"[A-Za-z0-9_-]{16,}", answer)):
        with caravan.contextlib.suppress(ValueError):
            yield base64.urlsafe_b64decode(word + b"=" * (-len(word) % 4))


def forged():
    """Cursors made by hand, to start beyond a secret's value."""
    for words, values in (("rank,id,", ["31415925", "1"]), ("rank,-id,", ["31415925", "1"]), ("hint,id,", ["SECRET-hint-on", "1"]), ("due,id,", ["2031-04-14", "1"]),
                          ("margin,id,", ["4242.41", "1"]), ("topic,id,", ["SECRET-topic-on", "1"]), ("pin,id,", ["SECRETPIN1-0814", "1"]), ("-id,", ["5"]), ("id,", ["5"])):
        yield base64.urlsafe_b64encode(json.dumps([words, *values]).encode()).decode().rstrip("=")


def conditions(name, kind):
    """Filters that would tell the field's value, if they were answered."""
    record = f"record.{name}"
    yield f"{record} == null"
    yield f"{record} != null"
    yield f"has({record})"
    yield f"{record} == {record}"
    yield f"true || {record} == null"
    yield f"false && {record} == null"
    yield f"({record} == null) == (record.state == \"open\")"
    if kind in ("text", "choice"):
        for secret in ("SECRET-hint-one", "SECRETPIN1-0815", "SECRET-badge-one", "group", "Zebra", "SECRET-topic-one", "ghost.user"):
            yield f'{record} == "{secret}"'
        yield f'{record} in ["SECRET-hint-one", "group", "SECRETPIN1-0815"]'
        yield f'{record} == record.topic'
    if kind == "text":
        yield f'{record}.startsWith("SECRET")'
        yield f'{record}.endsWith("0815")'
        yield f'{record}.contains("PIN1")'
        yield f'{record}.matches("SECRET.*")'
        yield f"size({record}) > 10"
        yield f'{record} < "T"'
        yield f'{record} + "x" == "Ax"'
    elif kind == "int":
        yield f"{record} > 30000000"
        yield f"100 / {record} > 1"
        yield f"{record} % 7 == 1"
        yield f"{record} * 900000000000 > 0"
        yield f"{record} + 9223372036854775800 > 0"
        yield f"string({record}) == \"31415926\""
    elif kind == "money":
        yield f"{record} > decimal('4300')"
        yield f"decimal('100') / {record} > decimal('1')"
        yield f"{record} * decimal('99999999999999') > decimal('1')"
    elif kind == "date":
        yield f"{record} < date('2032-06-01')"
        yield f"{record} == date('2031-04-15')"
    elif kind == "instant":
        yield f"{record} < timestamp('2100-01-01T00:00:00Z')"
    elif kind == "ref":
        for field in ("name", "tier", "phone", "email", "username", "roles", "department", "owner", "owner.email", "owner.name"):
            yield f"{record}.{field} == null"
            yield f"{record}.{field} != null"
        yield f'{record}.name == "SECRET-client-name"'
        yield f"{record} == 2"


NESTED = (
    "10 / record.count > 0", "record.count * 900000000000 > 0", "record.count - 9223372036854775000 < 0", "100 / (record.count - 90210210) > 0",
    "record.amount / record.count > decimal('1')", "record.owner == user.id || 10 / record.count > 0", "10 / record.count > 0 || true",
    'record.client.name == "SECRET-client-name"', "record.client.tier > 15000000", 'record.client.phone.startsWith("139")',
    "record.client.owner == record.owner", 'record.owner.email == "secret@mail.example"', 'record.owner.username.startsWith("s")',
    "record.boss.department == record.owner.department", "record.boss == record.owner", "user.department == record.owner.department",
    'record.topic == "SECRET-topic-one"', "record.number > \"F-00001\"", "int(record.code) > 0", "decimal(record.topic) > decimal('0')",
    "date(record.code) > date('2020-01-01')", "timestamp(record.topic) > now()", 'record.topic.matches("(a+)+$")', "record.id > 0",
)
