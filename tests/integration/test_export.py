"""Exports: the same records as a list shows, in every format, and back again."""

import csv
import io
import json
import shutil
import zipfile

import caravan
import desk
from caravan import ServerCase, every, multipart, query, wait_until

CLIENT, FILE = "desk.client", "desk.file"
NASTY = ["=1+1", "+86 138", "-5 or less", "@home", "'=quoted", "''-twice", "\"quoted\", with; signs", "雪山、湖", "plain"]


class Export(ServerCase):
    @classmethod
    def configure(cls):
        (cls.server.config / "desk.yaml").write_text(desk.DEFINITIONS)

    @classmethod
    def prepare(cls):
        admin = cls.server.client("admin")
        client = admin.post(f"/records/{CLIENT}", {"name": "王芳", "phone": "13800001111", "tier": 3}).json["id"]
        for number, topic in enumerate(NASTY):
            made = admin.post(f"/records/{FILE}", {"topic": topic, "code": f"C{number}", "kind": "group" if number % 2 else "single", "client": client, "count": -number,
                                                    "amount": f"{number}.50", "amount_currency": "EUR" if number % 3 == 0 else "CNY", "due": "2026-12-20"})
            assert made.status == 201, made

    def setUp(self):
        self.admin = self.server.client("admin")

    def export(self, entity=FILE, client=None, **parameters):
        answer = self.ok((client or self.admin).get(f"/export/{entity}{query(**parameters)}"))
        self.assertTrue(answer.headers["Content-Disposition"].startswith("attachment; "), answer.headers)
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        return answer

    def rows(self, answer):
        return list(csv.DictReader(io.StringIO(answer.body.decode("utf-8-sig"))))

    def test_csv_holds_what_the_list_shows(self):
        answer = self.export()
        rows = self.rows(answer)
        listed = sorted(every(self.admin, FILE), key=lambda record: int(record["id"]))
        self.assertEqual(answer.headers["Caravan-Rows"], str(len(NASTY)))
        self.assertEqual([row["id"] for row in rows], [record["id"] for record in listed])
        for row, record in zip(rows, listed):
            self.assertEqual((row["amount"], row["amount_currency"], row["due"], row["count"], row["client"]),
                             (record["amount"], record["amount_currency"], record["due"], str(record["count"]), record["client"]))

    def test_no_spreadsheet_takes_a_cell_for_a_formula(self):
        topics = [row["topic"] for row in self.rows(self.export(fields="topic"))]
        self.assertEqual(topics[:6], ["'=1+1", "'+86 138", "'-5 or less", "'@home", "''=quoted", "'''-twice"])
        self.assertFalse([topic for topic in topics if topic[0] in "=+-@\t\r"])
        self.assertEqual([row["topic"] for row in self.rows(self.export(fields="topic", raw=1))], NASTY)

    def test_json_lines_hold_the_records_themselves(self):
        lines = [json.loads(line) for line in self.export(format="jsonl").body.decode().splitlines()]
        self.assertEqual(lines, sorted(every(self.admin, FILE), key=lambda record: int(record["id"])))

    def test_labels_are_for_people(self):
        rows = self.rows(self.export(labels=1, locale="en", fields="topic,kind,client,state"))
        self.assertEqual(list(rows[0]), ["Topic", "Kind", "Client", "State"])
        self.assertEqual((rows[1]["Kind"], rows[1]["Client"], rows[1]["State"]), ("Group", "王芳", "Open"))

    def test_xlsx_has_texts_as_texts_and_numbers_as_numbers(self):
        answer = self.export(format="xlsx", fields="topic,count,amount,due")
        with zipfile.ZipFile(io.BytesIO(answer.body)) as book:
            sheet = book.read("xl/worksheets/sheet1.xml").decode()
        self.assertIn("<t>=1+1</t>", sheet)
        self.assertNotIn("<f>", sheet)
        self.assertIn("<v>-8</v>", sheet)
        self.assertEqual(sheet.count("<row "), len(NASTY) + 1)

    def test_filter_sort_and_view(self):
        rows = self.rows(self.export(filter='record.kind == "group"', sort="-count", fields="code"))
        self.assertEqual([row["code"] for row in rows], ["C1", "C3", "C5", "C7"])
        self.problem(self.admin.get(f"/export/{FILE}?format=pdf"), 400, "invalid_argument")
        self.problem(self.admin.get(f"/export/{FILE}?fields=nothing"), 400, "invalid_argument")
        self.problem(self.admin.get("/export/desk.nothing"), 404, "not_found")

    def test_who_took_what_out_is_kept(self):
        self.export(filter='record.kind == "group"', fields="code")
        entry = self.ok(self.admin.get("/admin/exports?limit=1")).json["items"][0]
        self.assertEqual((entry["entity"], entry["username"], entry["format"], entry["fields"], entry["rows"], entry["filter"]),
                         (FILE, "admin", "csv", "code", 4, 'record.kind == "group"'))

    def test_the_command_line_writes_the_same(self):
        out = self.server.home / "files.csv"
        done = self.server.cli("export", FILE, out, "--filter", 'record.kind == "group"')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(out.read_bytes(), self.export(filter='record.kind == "group"').body)

    def test_zz_what_went_out_comes_in_again(self):
        """Into the same entities under another source: equal but for ids and times. Twice, and nothing is doubled."""
        for form in ("csv", "jsonl"):
            clients = self.export(CLIENT, format=form, filter='record.external_source == null').body
            files = self.export(FILE, format=form, filter='record.external_source == null').body
            # A unique key of the file would meet the original.
            files = files.replace(b"C", b"D" if form == "csv" else b"E") if form == "csv" else files.replace(b'"code":"C', b'"code":"E')
            for _ in range(2):
                for entity, content in ((CLIENT, clients), (FILE, files)):
                    body, kind = multipart(file=("file." + form, content))
                    report = self.ok(self.admin.request("POST", f"/import/{entity}?source=again_{form}", body, {"Content-Type": kind})).json
                    self.assertEqual(report["failed"], 0, report)
            came = {record["external_id"]: record for record in every(self.admin, FILE, filter=f'record.external_source == "again_{form}"', expand="client")}
            for record in every(self.admin, FILE, filter='record.external_source == null', expand="client"):
                copy = came.pop(record["id"])
                for name in ("topic", "kind", "amount", "amount_currency", "count", "due"):
                    if form == "csv" and name == "topic":
                        self.assertEqual(copy[name].replace("D", "C"), record[name].replace("D", "C"))
                        continue
                    if form == "csv" and name == "amount_currency":
                        continue
                    self.assertEqual(copy[name], record[name], (form, name))
                self.assertEqual(copy["expanded"]["client"]["title"], "王芳")
                self.assertNotEqual(copy["client"], record["client"])
            self.assertEqual(came, {})


class ImportJobs(ServerCase):
    """What imports do beside the data sets."""

    @classmethod
    def configure(cls):
        (cls.server.config / "desk.yaml").write_text(desk.DEFINITIONS)

    def setUp(self):
        self.admin = self.server.client("admin")

    def map_of(self, source, more=""):
        return (f"kind: import_map\nname: m\nentity: desk.file\nsource: {source}\n{more}records:\n  f:\n    entity: desk.file\n"
                "    external_id: {column: id}\n    fields:\n      topic: {column: topic, empty: refuse}\n      client: {column: who, lookup: name, missing: note}\n"
                "      count: {column: count, transform: \"value.replace('k', '000')\"}\n")

    def send(self, mapping, rows, name="r.csv", job=1, status=202, **parameters):
        body, kind = multipart(map=("m.yaml", mapping), file=(name, rows))
        started = self.ok(self.admin.request("POST", f"/import/desk.file{query(job=job, **parameters)}", body, {"Content-Type": kind}), status)
        if not job:
            return started.json
        place = started.headers["Location"].removeprefix("/api/v1")
        wait_until(lambda: self.ok(self.admin.get(place)).json["state"] in ("done", "failed"), 120, "the import's end")
        return self.ok(self.admin.get(place)).json

    def test_delimiters_encodings_lookups_and_json_lines(self):
        self.ok(self.admin.post("/records/desk.client", {"name": "李伟"}), 201)
        for name, rows, encoding in (("semicolon", "id;topic;who;count\r\n1;雪山;李伟;3k\r\n", "UTF-8"), ("tab", "\ufeffid\ttopic\twho\tcount\n1\t雪山\t李伟\t3k\n", "UTF-8"),
                                     ("gb", "id,topic,who,count\n1,雪山湖泊与古镇的深度旅行,李伟,3k\n".encode("gb18030"), "GB18030"),
                                     ("sixteen", "id,topic,who,count\n1,雪山,李伟,3k\n".encode("utf-16"), "UTF-16"),
                                     ("lines", '{"id": 1, "topic": "雪山", "who": "李伟", "count": "3k"}\n\n{"id": 2, "topic": "湖"}\n', "UTF-8")):
            with self.subTest(name):
                run = self.send(self.map_of(name), rows)
                self.assertEqual((run["state"], run["failed"], run["encoding"]), ("done", 0, encoding), run)
                made = next(every(self.admin, "desk.file", filter=f'record.external_source == "{name}" && record.external_id == "1"', expand="client"))
                self.assertTrue(made["topic"].startswith("雪山"), made)
                self.assertEqual((made["count"], made["expanded"]["client"]["title"]), (3000, "李伟"))
        run = self.send(self.map_of("unknown"), "id,topic,who,count\n1,x,nobody,1\n")
        self.assertEqual(run["notes"], {'who "nobody" is not known': 1})

    def test_the_error_file_is_mended_and_fed_again(self):
        for name, rows, mend in (("e.csv", "id,topic,who,count\n1,a,,1\n2,,,2\n3,c,,many\n", lambda text: text.replace("2,,,2", "2,b,,2").replace("many", "3")),
                                 ("e.jsonl", '{"id":"1","topic":"a","count":"1"}\n{"id":"2","count":"2"}\n{"id":"3","topic":"c","count":"many"}\n',
                                  lambda text: text.replace('"id":"2"', '"id":"2","topic":"b"').replace("many", "3"))):
            with self.subTest(name):
                run = self.send(self.map_of(name), rows, name)
                self.assertEqual((run["created"], run["failed"], [error["row"] for error in run["errors"]]), (1, 2, [2, 3]), run)
                errors = self.ok(self.admin.get(f"/imports/{run['id']}/errors")).body.decode()
                self.assertIn("error", errors)
                again = self.send(self.map_of(name), mend(errors), name)
                self.assertEqual((again["created"], again["failed"]), (2, 0), (errors, again))
                self.assertEqual(self.count(self.admin, "desk.file", filter=f'record.external_source == "{name}"'), 3)

    def test_repeats(self):
        rows = "id,topic,who,count\n1,a,,1\n1,a,,1\n1,b,,1\n"
        for word, expected, topic in (("update", (1, 1, 0), "b"), ("skip", (1, 0, 0), "a"), ("refuse", (1, 0, 2), "a")):
            run = self.send(self.map_of(word, f"repeats: {word}\n"), rows)
            self.assertEqual((run["created"], run["updated"], run["failed"]), expected, run)
            self.assertEqual(next(every(self.admin, "desk.file", filter=f'record.external_source == "{word}"'))["topic"], topic)
            if word != "refuse":
                self.assertEqual(run["notes"], {"rows equal to an earlier one": 1, "rows with the external id of an earlier one and other cells": 1})

    def test_a_dry_run_and_a_malformed_file(self):
        run = self.send(self.map_of("dry"), "id,topic,who,count\n1,a,,1\n2,,,2\n", dry_run=1)
        self.assertEqual((run["state"], run["created"], run["failed"], run["errors"][0]["row"]), ("done", 1, 1, 2), run)
        self.assertEqual(self.count(self.admin, "desk.file", filter='record.external_source == "dry"'), 0)
        run = self.send(self.map_of("bad"), 'id,topic,who,count\n1,"open,,1\n')
        self.assertEqual(run["state"], "failed")
        self.assertIn("malformed", run["message"])
        self.problem(self.admin.get("/imports/999999"), 404, "not_found")
