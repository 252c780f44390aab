"""Importing CSV files: by the command line (through the running server) and over HTTP."""

import collections
import csv
import io
import os
import pathlib
import subprocess
import unittest

import caravan
from caravan import ServerCase, every, multipart, query

# Published data sets that are not part of this repository.
DATA = pathlib.Path(os.environ.get("CARAVAN_TEST_DATA", caravan.ROOT.parent / "shared" / "data"))
EXAMPLES = caravan.ROOT / "config" / "examples"

MAP = """\
kind: import_map
name: small
entity: sales.inquiry
source: small_file
records:
  customer:
    entity: customers.customer
    external_id: {column: Person}
    fields:
      name: {column: Name, empty: refuse}
      kind: {value: person}
      gender: {column: Sex, map: {M: male, F: female, W: female}, note: [W], empty: note}
  inquiry:
    entity: sales.inquiry
    external_id: {column: Id}
    fields:
      customer: {record: customer}
      channel: {column: Channel, map: {Tel: phone}, default: other, unmapped: note}
      party_size: {column: Party}
      needs: {template: "Asked for {Wish}"}
"""
ROWS = """\
Id,Person,Name,Sex,Channel,Party,Wish
1,P1,王芳,F,Tel,2,"雪山, 湖"
2,P2,李伟,M,Fax,3,海边
3,P1,王芳,F,Tel,4,草原
4,P3,张敏,W,Tel,,
5,P4,,M,Tel,2,古镇
6,P5,陈静,X,Tel,2,古镇
7,P6,赵磊,,Tel,many,古镇
"""
GOOD, BAD = 4, 3
INQUIRIES_OF = {"filter": 'record.external_source == "small_file"'}


class Import(ServerCase):
    def setUp(self):
        self.admin = self.server.client("admin")
        self.csv = self.server.home / "rows.csv"
        self.csv.write_text(ROWS, encoding="utf-8")
        self.map = self.server.home / "map.yaml"
        self.map.write_text(MAP, encoding="utf-8")
        self.addCleanup(self.forget)

    def forget(self):
        """Each test begins without the small file's records."""
        for entity in ("sales.inquiry", "customers.customer"):
            for record in list(every(self.admin, entity, **INQUIRIES_OF)):
                self.ok(self.admin.delete(f"/records/{entity}/{record['id']}", If_Match="*"), 204)

    def import_file(self, *options, file=None):
        return self.server.cli("import", "sales.inquiry", file or self.csv, "--map", self.map, *options)

    def post(self, mapping=MAP, rows=ROWS, client=None, **parameters):
        body, kind = multipart(map=("map.yaml", mapping), file=("rows.csv", rows))
        return (client or self.admin).request("POST", "/import/sales.inquiry" + (query(**parameters) if parameters else ""), body,
                                              {"Content-Type": kind})

    def report(self, answer, **expected):
        found = {name: self.ok(answer).json[name] for name in expected}
        self.assertEqual(found, expected, answer)
        return answer.json

    def counts(self):
        return self.count(self.admin, "customers.customer", **INQUIRIES_OF), self.count(self.admin, "sales.inquiry", **INQUIRIES_OF)

    def test_good_rows_come_in_and_bad_ones_are_told(self):
        report = self.report(self.post(), rows=7, created=GOOD, updated=0, unchanged=0, failed=BAD)
        self.assertEqual([error["row"] for error in report["errors"]], [5, 6, 7])
        self.assertEqual([error["column"] for error in report["errors"]], ["Name", "Sex", "Party"])
        self.assertEqual(sum(n for note, n in report["notes"].items() if "W" in note), 1, report["notes"])
        self.assertEqual(sum(n for note, n in report["notes"].items() if "Fax" in note), 1, report["notes"])
        self.assertEqual(self.counts(), (3, GOOD))
        inquiries = {r["external_id"]: r for r in every(self.admin, "sales.inquiry", expand="customer", **INQUIRIES_OF)}
        self.assertEqual(inquiries["1"]["needs"], "Asked for 雪山, 湖")
        self.assertEqual(inquiries["1"]["expanded"]["customer"]["title"], "王芳")
        self.assertEqual(inquiries["1"]["customer"], inquiries["3"]["customer"])
        self.assertEqual(inquiries["2"]["channel"], "other")
        self.assertIsNone(inquiries["4"]["party_size"])
        self.assertIsNone(inquiries["4"]["needs"])

    def test_a_second_import_changes_nothing(self):
        self.report(self.post(), created=GOOD, failed=BAD)
        before = list(every(self.admin, "sales.inquiry", **INQUIRIES_OF))
        self.report(self.post(), created=0, updated=0, unchanged=GOOD, failed=BAD)
        self.assertEqual(list(every(self.admin, "sales.inquiry", **INQUIRIES_OF)), before)

    def test_a_changed_row_updates_its_record(self):
        self.report(self.post(), created=GOOD)
        self.report(self.post(rows=ROWS.replace("2,P2,李伟,M,Fax,3", "2,P2,李伟,M,Fax,5")), created=0, updated=1, unchanged=GOOD - 1)
        changed = next(every(self.admin, "sales.inquiry", filter='record.external_source == "small_file" && record.external_id == "2"'))
        self.assertEqual((changed["party_size"], changed["version"]), (5, 2))

    def test_a_dry_run_tells_the_same_and_keeps_nothing(self):
        self.report(self.post(dry_run=1), rows=7, created=GOOD, updated=0, unchanged=0, failed=BAD)
        self.assertEqual(self.counts(), (0, 0))
        done = self.import_file("--dry-run")
        self.assertIn("7", done.stdout + done.stderr)
        self.assertEqual(self.counts(), (0, 0))

    def test_the_error_file_can_be_mended_and_fed_again(self):
        errors = self.server.home / "errors.csv"
        self.import_file("--errors", errors)
        self.assertEqual(self.counts(), (3, GOOD))
        rows = list(csv.DictReader(errors.open(encoding="utf-8")))
        self.assertEqual([row["Id"] for row in rows], ["5", "6", "7"])
        self.assertTrue(all(row["error"] for row in rows))
        rows[0]["Name"], rows[1]["Sex"], rows[2]["Party"] = "孙丽", "F", "6"
        mended = io.StringIO()
        writer = csv.DictWriter(mended, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        errors.write_text(mended.getvalue(), encoding="utf-8")
        done = self.import_file(file=errors)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.counts(), (6, GOOD + BAD))

    def test_the_history_says_where_a_record_came_from(self):
        self.report(self.post(), created=GOOD)
        record = next(every(self.admin, "sales.inquiry", **INQUIRIES_OF))
        events = self.ok(self.admin.get(f"/records/sales.inquiry/{record['id']}/timeline")).json["items"]
        self.assertEqual((events[0]["action"], events[0]["source"]), ("create", "import small"))

    def test_a_map_of_the_definitions_is_used_by_its_name(self):
        definition = self.server.config / "small_map.yaml"
        definition.write_text(MAP.replace("name: small\n", "name: sales.small\nlabel: {en: Small, zh-CN: 小表, zh-TW: 小表}\n"), encoding="utf-8")
        self.ok(self.admin.post("/admin/reload", {}))
        self.assertEqual(self.ok(self.admin.get("/import/sales.inquiry", Accept_Language="zh-CN")).json["items"],
                         [{"name": "sales.small", "label": "小表", "source": "small_file"}])
        self.assertEqual(self.ok(self.admin.get("/import/customers.customer")).json["items"], [])
        body, kind = multipart(file=("rows.csv", ROWS))
        send = lambda entity, name, content=body, of=kind: self.admin.request("POST", f"/import/{entity}{query(map=name)}", content, {"Content-Type": of})
        self.report(send("sales.inquiry", "small"), rows=7, created=GOOD, failed=BAD)
        self.report(send("sales.inquiry", "sales.small"), created=0, unchanged=GOOD)
        self.problem(send("sales.inquiry", "tiny"), 404, "not_found")
        self.problem(send("customers.customer", "sales.small"), 400, "invalid_argument")
        both, of_both = multipart(map=("map.yaml", MAP), file=("rows.csv", ROWS))
        self.problem(send("sales.inquiry", "small", both, of_both), 400, "invalid_argument")
        done = self.server.cli("import", "sales.inquiry", self.csv, "--map", "small", "--dry-run")
        self.assertIn("unchanged 4, failed 3", done.stdout, done.stderr)
        missing = self.server.cli("import", "sales.inquiry", self.csv, "--map", "nowhere.yaml")
        self.assertIn("There is no file nowhere.yaml", missing.stderr)
        # Checked with everything else.
        definition.write_text(definition.read_text(encoding="utf-8").replace("column: Party", "colum: Party"), encoding="utf-8")
        self.problem(self.admin.post("/admin/reload", {}), 422, "invalid_record")
        definition.unlink()
        self.ok(self.admin.post("/admin/reload", {}))

    def test_mistakes_in_the_map_are_told_before_any_row_is_read(self):
        for wrong, right, word in (("column: Party", "column: Partie", "Partie"), ("kind: {value: person}", "kindness: {value: person}", "kindness"),
                                   ("unmapped: note", "unmapped: maybe", "maybe"), ("record: customer", "record: cusomer", "cusomer"),
                                   ("Tel: phone", "Tel: telepathy", "telepathy"), ("source: small_file", "sauce: small_file", "sauce")):
            with self.subTest(right):
                answer = self.post(mapping=MAP.replace(wrong, right, 1))
                self.assertIn(answer.status, (400, 422), answer)
                self.assertIn(word, answer.body.decode())
        self.assertEqual(self.counts(), (0, 0))

    def test_files_that_are_no_csv(self):
        for rows in ("", "Id,Person\n1", 'Id,Person,Name,Sex,Channel,Party,Wish\n1,P1,"open', "Id,Id\n1,2\n"):
            with self.subTest(rows):
                self.assertIn(self.post(rows=rows).status, (400, 422))
        self.assertEqual(self.counts(), (0, 0))

    def test_only_administrators_import(self):
        self.server.cli("user", "add", "import.staff", "--name", "x", "--role", caravan.SALES, "--password-stdin",
                        text_input=caravan.STAFF_PASSWORD + "\n")
        self.problem(self.post(client=self.server.client("import.staff")), 403, "forbidden")


class Leads(ServerCase):
    """3,411 leads of a travel company, with the control totals that their publisher's rows add up to."""

    FILE = DATA / "holiday_package_leads" / "leads.csv"
    MAP = EXAMPLES / "imports" / "holiday_package_leads.yaml"
    OF = {"filter": 'record.external_source == "holiday_package_leads"'}

    @classmethod
    def setUpClass(cls):
        if not cls.FILE.exists():
            raise unittest.SkipTest(f"{cls.FILE} is not there: the data set is not part of the repository")
        super().setUpClass()

    def test_all_of_it_twice(self):
        admin = self.server.client("admin")
        command = ["import", "sales.inquiry", self.FILE, "--map", self.MAP]
        dry = self.server.cli(*command, "--dry-run")
        self.assertEqual(dry.returncode, 0, dry.stdout + dry.stderr)
        self.assertEqual(self.count(admin, "sales.inquiry", **self.OF), 0)

        first = self.server.cli(*command)
        self.assertEqual(first.returncode, 0, first.stdout + first.stderr)
        self.assertRegex(first.stdout, r"3,?411")
        self.assertRegex(first.stdout, r"Fe Male.*112")
        rows = list(csv.DictReader(self.FILE.open(encoding="utf-8")))
        empty = collections.Counter(column for row in rows for column, cell in row.items() if cell == "")
        self.assertEqual(sum(empty.values()), 718)
        for column, number in empty.items():
            self.assertRegex(first.stdout, rf"{column} empty.*\b{number}\b")

        self.assertEqual(self.count(admin, "customers.customer", **self.OF), 3411)
        inquiries = list(every(admin, "sales.inquiry", **self.OF))
        self.assertEqual(len(inquiries), 3411)
        self.assertEqual(collections.Counter(r["channel"] for r in inquiries), {"self_enquiry": 2406, "company_invited": 985, "other": 20})
        self.assertEqual(collections.Counter(r["product_interest"] for r in inquiries),
                         {"basic": 1281, "deluxe": 1207, "standard": 506, "super_deluxe": 248, "king": 169})
        self.assertEqual(collections.Counter(r["needs"] for r in inquiries), {"Took the package.": 654, "Did not take the package.": 2757})
        customers = list(every(admin, "customers.customer", **self.OF))
        self.assertEqual(collections.Counter(r["gender"] for r in customers), {"male": 2019, "female": 1280 + 112})
        self.assertEqual(sum(r["age"] is None for r in customers), empty["Age"])

        # Nothing of a row is lost: every cell is found again in one of its two records.
        by_customer = {r["external_id"]: r for r in customers}
        by_inquiry = {r["external_id"]: r for r in inquiries}
        for row in rows[::97]:
            told = str(by_customer[row["CustomerID"]]) + str(by_inquiry[row["CustomerID"]])
            for column in ("Age", "Designation", "NumberOfTrips", "DurationOfPitch", "PitchSatisfactionScore"):
                self.assertIn(row[column], told)

        again = self.server.cli(*command)
        self.assertEqual(again.returncode, 0, again.stdout + again.stderr)
        self.assertEqual(self.count(admin, "sales.inquiry", **self.OF), 3411)
        self.assertEqual(self.count(admin, "customers.customer", **self.OF), 3411)
        self.assertTrue(all(r["version"] == 1 for r in every(admin, "sales.inquiry", **self.OF)))


class Dialogues(ServerCase):
    """372 Chinese travel dialogues, converted by scripts/convert_crosswoz."""

    FILE = DATA / "crosswoz" / "dialogues.json"
    OF = {"filter": 'record.external_source == "crosswoz"'}

    @classmethod
    def setUpClass(cls):
        if not cls.FILE.exists():
            raise unittest.SkipTest(f"{cls.FILE} is not there: the data set is not part of the repository")
        super().setUpClass()

    def test_needs_become_inquiries(self):
        table = self.server.home / "crosswoz.csv"
        converted = subprocess.run([caravan.ROOT / "scripts" / "convert_crosswoz", self.FILE, table], capture_output=True, text=True, timeout=60)
        self.assertEqual(converted.returncode, 0, converted.stderr)
        self.assertIn("372 dialogues, 6292 messages", converted.stderr)
        admin = self.server.client("admin")
        for expected in (1, 1):
            done = self.server.cli("import", "sales.inquiry", table, "--map", EXAMPLES / "imports" / "crosswoz.yaml")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            inquiries = list(every(admin, "sales.inquiry", **self.OF))
            self.assertEqual(len(inquiries), 372)
            self.assertEqual(self.count(admin, "customers.customer", **self.OF), 372)
            self.assertTrue(all(r["destination"] == "北京" and r["version"] == expected for r in inquiries))
        needs = next(r["needs"] for r in inquiries if r["external_id"] == "23")
        self.assertIn("酒店：评分4分以上，价格400-500元/700-800元，酒店类型经济型\n景点：评分4.5分以上，门票200元以上\n", needs)


class DemoAgency(ServerCase):
    """The demo agency's files go in without an error, and only once."""

    def test_all_rows(self):
        admin = self.server.client("admin")
        for number in (1, 2):
            for entity, name, rows in (("customers.customer", "customers", 60), ("sales.inquiry", "inquiries", 120)):
                done = self.server.cli("import", entity, EXAMPLES / "demo-agency" / f"{name}.csv", "--map",
                                       EXAMPLES / "demo-agency" / f"{name}.map.yaml")
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertEqual(self.count(admin, entity), rows, f"import {number}")
