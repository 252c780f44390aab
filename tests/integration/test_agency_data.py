"""Real data into the agency's departments, by the maps of config/examples/imports. The files are named by CARAVAN_TEST_DATA."""

import csv
import datetime
import os
import pathlib
import re
import unittest

import caravan
from agency import Agency

DATA = pathlib.Path(os.environ.get("CARAVAN_TEST_DATA") or "/nonexistent")
MAPS = caravan.ROOT / "config" / "examples" / "imports"


def rows_of(path):
    if not (DATA / path).exists():
        raise unittest.SkipTest(f"CARAVAN_TEST_DATA has no {path}")
    with open(DATA / path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


class AgencyData(Agency):
    people = ()

    def load(self, entity, path, map_name, *options):
        done = self.server.cli("import", entity, DATA / path, "--map", MAPS / f"{map_name}.yaml", "--config", self.server.config, *options)
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_mediated_complaints_become_cases(self):
        kept, out, money_kept, money_out, satisfied = 0, 0, 0, 0, {"Yes": 0, "No": 0}
        for row in rows_of("nyc_mediated_complaints/mediated_complaints_2015_2016.csv"):
            start, end = (datetime.datetime.strptime(row[f"Mediation {which} Date"], "%m/%d/%Y") for which in ("Start", "Close"))
            if end < start:
                out, money_out = out + 1, money_out + float(row["Restitution"])
                continue
            kept, money_kept = kept + 1, money_kept + float(row["Restitution"])
            if row["Satisfaction"] in satisfied:
                satisfied[row["Satisfaction"]] += 1
        report = self.load("aftersales.case", "nyc_mediated_complaints/mediated_complaints_2015_2016.csv", "nyc_mediated_complaints")
        self.assertEqual((kept, out), (3143, 3), report[-2000:])
        self.assertEqual(money_kept + money_out, 1744997.00)
        self.assertEqual(self.count(self.admin, "aftersales.case"), kept, report[-3000:])
        self.assertEqual(self.count(self.admin, "aftersales.case", filter="record.satisfied == true"), satisfied["Yes"])
        self.assertEqual(self.count(self.admin, "aftersales.case", filter="record.satisfied == false"), satisfied["No"])
        self.assertEqual(sum(float(one["amount"]) for one in caravan.every(self.admin, "aftersales.remedy")), money_kept)

    def test_packages_become_products(self):
        good = [row for row in rows_of("tours_zh/qunar_packages.csv")
                if row["目的地"].strip() and row["编号"].strip() and re.fullmatch(r"\d+", row["价格"].strip())]
        self.load("sales.product", "tours_zh/qunar_packages.csv", "qunar_packages")
        self.assertEqual(self.count(self.admin, "sales.product"), len({row["编号"].strip() for row in good}))
        last = {row["编号"].strip(): row for row in good}
        for product in list(caravan.every(self.admin, "sales.product"))[:200]:
            row = last[product["external_id"]]
            self.assertEqual(product["destination"], row["目的地"].strip())
            self.assertEqual(float(product["price_from"]), float(row["价格"]))
