"""What plugins compute for imports and reports, and their jobs: on and off, failing, hanging."""

import http.client
import json
import sqlite3
import time

from caravan import multipart, query, wait_until
from contents import Contents
from made_plugin import make_plugin
from test_containment import HEALTHY_SECONDS, _Contained

DEFINITIONS = """\
kind: entity
name: parcel
label: Parcel
title: name
fields:
  name:  {type: text, max: 300, label: Name}
  lane:  {type: text, max: 20, label: Lane}
  size:  {type: int, label: Size}
  price: {type: money, label: Price}
---
kind: settings
name: calc
label: Calc
settings:
  mode: {type: text, max: 10, label: Mode}
---
kind: function
name: tidy
for: transform
label: Tidy
---
kind: function
name: total
for: measure
label: Total
---
kind: report
name: totals
label: Totals
entity: parcel
groups: {lane: {by: lane}}
measures:
  all:   {of: count}
  sum:   {of: "sum:size"}
  size:  {call: total, field: size}
  large: {call: total, field: size, where: "record.size > 5"}
  price: {call: total, field: price}
  twice: {value: "measures.size * decimal('2')"}
"""
IMPORT = """\
kind: import_map
name: parcels
entity: calc.parcel
source: SOURCE
records:
  parcel:
    entity: calc.parcel
    external_id: {column: Id}
    fields:
      name: {column: Name, call: calc.tidy, map: {P-mapped: from the map}, unmapped: keep, default: nobody}
      lane: {column: Lane}
      size: {column: Size}
"""
ROWS = "Id,Name,Lane,Size\n"


class _Functions(_Contained):
    @classmethod
    def configure(cls):
        folder = cls.server.home / "plugins"
        folder.mkdir()
        made = cls.server.home / "made"
        made.mkdir()
        make_plugin(made, "calc", definitions=DEFINITIONS, code="made_functions.c").rename(folder / "calc.so")
        cls.server.setting("plugins", {"directory": str(folder)})

    def run_import(self, rows, source, status=200, mapping=None, **parameters):
        body, kind = multipart(map=("m.yaml", (mapping or IMPORT).replace("SOURCE", source)), file=("r.csv", ROWS + rows))
        return self.ok(self.admin.request("POST", "/import/calc.parcel" + query(**parameters), body, {"Content-Type": kind}), status).json

    def names(self, source):
        items = self.ok(self.admin.get("/records/calc.parcel" + query(filter=f'record.external_source == "{source}"', sort="id"))).json["items"]
        return [one["name"] for one in items]

    def mode(self, mode):
        self.ok(self.admin.patch("/admin/plugins/calc/settings", {"mode": mode}, Content_Type="application/merge-patch+json"))

    def switch(self, what):
        self.ok(self.admin.post(f"/admin/plugins/calc/{what}", {}))


class Functions(_Functions):
    def test_an_import_asks_the_plugin_for_each_cell(self):
        report = self.run_import("1,a,x,1\n2,mapped,x,1\n3,none,x,1\n4,,x,1\n5, row ,x,1\n6,refuse,x,1\n7,b,x,1\n", "cells")
        self.assertEqual((report["created"], report["failed"]), (6, 1))
        self.assertEqual(report["errors"][0]["column"], "Name")
        self.assertEqual(report["errors"][0]["message"], '"refuse": no such parcel')
        names = self.names("cells")
        self.assertEqual(names[:4] + names[5:], ["P-a", "from the map", "nobody", "nobody", "P-b"])
        self.assertEqual(json.loads(names[4]), {"Id": "5", "Name": "row", "Lane": "x", "Size": "1"})

    def test_a_cell_at_which_the_plugin_fails_is_an_error_of_its_row(self):
        report = self.run_import("1,a,x,1\n2,break,x,1\n3,b,x,1\n", "broken")
        self.assertEqual((report["created"], report["failed"]), (2, 1))
        self.assertIn("The plugin calc failed in function tidy", report["errors"][0]["message"])
        # Five in a row pause the function: the rows say so, others of the file are as they were, and nothing else is hurt.
        report = self.run_import("".join(f"{i},{'break' if i < 6 else ''},y,1\n" for i in range(1, 6)) + "6,c,y,1\n7,,y,1\n", "paused")
        self.assertEqual((report["created"], report["failed"]), (1, 6))
        self.assertIn("paused", report["errors"][5]["message"])
        self.assertEqual(self.names("paused"), ["nobody"])
        # A mended file can be imported again, once the function is on: as after any restart.
        self.server.stop()
        self.server.start()
        self.admin = self.server.client("admin")
        self.assertEqual(self.run_import("6,c,y,1\n", "paused")["created"], 1)

    def test_a_report_measures_by_the_plugin(self):
        for lane, size, price in (("east", 4, "10.50"), ("east", 8, "2.25"), ("west", 9, None), ("west", None, "3.00")):
            self.create(self.admin, "calc.parcel", lane=lane, size=size, price=price)
        self.create(self.admin, "calc.parcel", lane="east", price="7.00", price_currency="EUR")
        report = self.ok(self.admin.get("/reports/calc.totals")).json
        self.assertEqual([one["type"] for one in report["measures"]][2:], ["decimal", "decimal", "money", "decimal"])
        self.assertFalse(any("problem" in one for one in report["measures"]))
        rows = {row["group"]["lane"]: {name: cell["value"] for name, cell in row["measures"].items()} for row in report["rows"] if row["group"]["lane"] in ("east", "west")}
        self.assertEqual(rows["east"]["price"], [{"currency": "CNY", "amount": "12.75"}, {"currency": "EUR", "amount": "7.00"}])
        self.assertEqual([rows["east"][name] for name in ("all", "sum", "size", "large", "twice")], [3, 12, "12", "8", "24"])
        self.assertEqual([rows["west"][name] for name in ("all", "sum", "size", "large", "twice")], [2, 9, "9", "9", "18"])
        total = {name: cell["value"] for name, cell in report["total"]["measures"].items()}
        self.assertEqual(total["size"], str(total["sum"]))
        west = next(row for row in report["rows"] if row["group"]["lane"] == "west")
        self.assertEqual(self.count(self.admin, "calc.parcel", filter=west["measures"]["large"]["filter"]), 1)
        lines = self.ok(self.admin.get("/reports/calc.totals?format=csv")).body.decode("utf-8-sig").splitlines()
        self.assertTrue(any(line.startswith("east,3,12,12,8,12.75,7.00,24") for line in lines), lines)

    def test_a_measure_that_fails_leaves_the_other_figures(self):
        self.create(self.admin, "calc.parcel", lane="north", size=3)
        try:
            for mode, said in (("refuse", "the licence has ended"), ("word", "no number"), ("break", "The plugin calc failed in function total")):
                self.mode(mode)
                report = self.ok(self.admin.get("/reports/calc.totals")).json
                problems = {one["name"]: one.get("problem") for one in report["measures"]}
                self.assertIn(said, problems["size"])
                self.assertIsNone(problems["sum"])
                north = next(row for row in report["rows"] if row["group"]["lane"] == "north")["measures"]
                self.assertEqual((north["sum"]["value"], north["size"]["value"], north["twice"]["value"]), (3, None, None))
        finally:
            self.mode(None)

    def test_a_measure_of_more_values_than_one_call_is_given_is_told(self):
        one = self.create(self.admin, "calc.parcel", lane="crowded", size=1)
        contents = Contents(self.server.database)
        self.addCleanup(contents.close)
        columns = contents.columns()["calc_parcel"]
        numbers = "WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < 100000) " if self.database == "sqlite" else ""
        table = "calc_parcel" if numbers else f"{self.server.database.name}.calc_parcel"
        others = ", ".join(columns[1:])
        self.assertEqual(columns[0], "id")
        copied = f"SELECT r.id + 1000000 + seq, {', '.join('r.' + column for column in columns[1:])} FROM {table} r CROSS JOIN " + ("n" if numbers else "seq_1_to_100000")
        self.write(f"{numbers}INSERT INTO {table} (id, {others}) {copied} WHERE r.id = {one['id']}")
        try:
            report = self.ok(self.admin.get("/reports/calc.totals")).json
            problems = {measure["name"]: measure.get("problem") for measure in report["measures"]}
            self.assertIn("100000", problems["size"])
            self.assertIsNone(problems["sum"])
            crowded = next(row for row in report["rows"] if row["group"]["lane"] == "crowded")["measures"]
            self.assertEqual((crowded["sum"]["value"], crowded["size"]["value"], crowded["large"]["value"]), (100001, None, None))
        finally:
            self.write(f"DELETE FROM {table} WHERE id > {one['id']} + 1000000")

    def write(self, statement):
        """Past the server, for there is much of it."""
        if self.database == "sqlite":
            with sqlite3.connect(self.server.data / "caravan.db", timeout=30) as connection:
                connection.execute(statement)
            connection.close()
        else:
            self.server.database.sql(f"USE {self.server.database.name}; {statement}")

    def test_definitions_that_name_what_is_not_there_are_refused(self):
        file = self.server.config / "wrong.yaml"
        report = "kind: report\nname: office.sizes\nlabel: Sizes\nentity: calc.parcel\nmeasures:\n  size: {call: FUNCTION, field: size}\n"
        for function, code in (("calc.totl", "unknown-function"), ("calc.tidy", "wrong-function")):
            file.write_text(report.replace("FUNCTION", function))
            refused = self.problem(self.admin.post("/admin/reload"), 422, "invalid_record")
            self.assertIn(code, json.dumps(refused))
        file.write_text(report.replace("FUNCTION", "calc.total"))
        self.ok(self.admin.post("/admin/reload"))
        # The agency's report stands in the way of switching the plugin off, as anything that refers to it.
        self.assertEqual(self.admin.post("/admin/plugins/calc/disable", {}).status, 422)
        file.unlink()
        self.ok(self.admin.post("/admin/reload"))
        body, kind = multipart(map=("m.yaml", IMPORT.replace("calc.tidy", "calc.tdy")), file=("r.csv", ROWS))
        refused = self.admin.request("POST", "/import/calc.parcel", body, {"Content-Type": kind})
        self.assertIn("unknown-function", json.dumps(refused.json), refused)

    def test_a_plugins_jobs_wait_while_it_is_off(self):
        def job():
            return self.ok(self.admin.get("/admin/jobs" + query(kind="plugins.job"))).json["items"][0]
        self.assertEqual(self.admin.post("/plugins/calc/later", "from before").status, 204)
        first = job()
        self.assertEqual((first["state"], first["attempts"]), ("waiting", 0))  # for an hour
        self.switch("disable")
        try:
            self.assertEqual(self.admin.get("/reports/calc.totals").status, 404)
            # It is due now, and is put off by a minute as long as the plugin is off.
            self.ok(self.admin.post(f"/admin/jobs/{first['id']}/replay"), 204)
            wait_until(lambda: job()["state"] == "waiting" and job()["run_at"] != first["run_at"], 20, "the job is put off")
            put_off = job()
            self.assertEqual((put_off["attempts"], put_off["last_error"]), (0, None))
        finally:
            self.switch("enable")
        self.ok(self.admin.post(f"/admin/jobs/{first['id']}/replay"), 204)  # who does not want to wait for the minute
        wait_until(lambda: self.count(self.admin, "calc.parcel", filter='record.name == "from before"') == 1, 20, "the job runs once the plugin is on again")


class Hanging(_Functions):
    """Of which the server is rid by another worker."""

    def test_a_measure_that_hangs_is_ended_and_an_import_goes_on(self):
        self.create(self.admin, "calc.parcel", lane="north", size=3)
        self.mode("hang")
        worker, began = self.server.worker, time.monotonic()
        with self.assertRaises((OSError, http.client.HTTPException)):
            self.admin.get("/reports/calc.totals")
        wait_until(lambda: self.server.worker not in (0, worker), 60, "another worker")
        self.admin = self.server.client("admin", fresh=True)
        self.mode(None)
        self.assertLess(time.monotonic() - began, HEALTHY_SECONDS)
        crash = self.quarantine()["crashes"][-1]
        self.assertEqual((crash["plugin"], crash["callback"]), ("calc", "function total"))
        self.assertEqual(self.ok(self.admin.get("/reports/calc.totals")).json["total"]["measures"]["size"]["value"], "3")
        # In quarantine the report says why, and an import does not begin.
        done = self.server.cli("plugin", "quarantine", "add", "calc", "--data", self.server.data, "--config", self.server.config, store=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.server.stop()
        self.server.start()
        self.admin = self.server.client("admin", fresh=True)
        report = self.ok(self.admin.get("/reports/calc.totals")).json
        self.assertIn("quarantine", next(one for one in report["measures"] if one["name"] == "size")["problem"])
        body, kind = multipart(map=("m.yaml", IMPORT.replace("SOURCE", "closed")), file=("r.csv", ROWS + "1,a,x,1\n"))
        self.problem(self.admin.request("POST", "/import/calc.parcel", body, {"Content-Type": kind}), 503, "unavailable")
        self.forget()
