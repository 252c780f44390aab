"""Reports and dashboards through the public door: figures, parameters, CSV, the way to each figure's records, and rights."""

import csv
import io
from urllib.parse import quote

from caravan import ServerCase, query

DEFINITIONS = """\
kind: choices
name: stand.way
label: Way
options: {web: {label: {en: Website, zh-CN: 网站}}, phone: {label: {en: Phone, zh-CN: 电话}}, odd: {label: {en: "=2+3", zh-CN: "=2+3"}}}
---
kind: entity
name: stand.sale
label: {en: Sale, zh-CN: 销售}
fields:
  way: {type: choice, choices: stand.way, label: Way}
  seller: {type: ref, to: core.user, label: Seller}
  seats: {type: int, label: Seats}
  price: {type: money, label: Price}
  on: {type: date, label: On}
  paid: {type: bool, default: false, label: Paid}
  cost: {type: money, right: hidden, label: Cost}
---
kind: report
name: stand.by_way
label: {en: By way, zh-CN: 按渠道}
help: What came by which way
entity: stand.sale
parameters:
  period: {type: period, label: Period}
  way: {type: choice, choices: stand.way, label: Way}
  seller: {type: ref, to: core.user, label: Seller}
filters:
  period: "record.on >= params.period.from && record.on <= params.period.to"
  way: "record.way == params.way"
  seller: "record.seller == params.seller"
groups: {way: {by: way}, month: {by: "on:month"}}
measures:
  all: {label: All, of: count}
  paid: {label: Paid, of: count, where: "record.paid"}
  rate: {label: Rate, value: "measures.paid / measures.all", percent: true}
  sum: {label: Sum, of: "sum:price"}
  middle: {label: Middle, of: "median:seats"}
sort: [way, -all]
chart: bar
---
kind: report
name: stand.costs
label: Costs
entity: stand.sale
measures: {cost: {label: Cost, of: "sum:cost"}}
---
kind: report
name: stand.dear
label: Dear
entity: stand.sale
measures: {all: {of: count}, dear: {label: Dear, of: count, where: "record.cost > 100"}}
---
kind: report
name: stand.cheap
label: Cheap
entity: stand.sale
parameters: {least: {type: int, required: true, label: Least}}
filters: {cheap: "record.seats > params.least && record.cost < 100"}
measures: {all: {of: count}}
---
kind: report
name: stand.perhaps
label: Perhaps
entity: stand.sale
parameters: {most: {type: int, label: Most}}
filters: {most: "record.seats < params.most && record.cost != null"}
measures: {all: {of: count}}
---
kind: dashboard
name: stand.overview
label: Overview
icon: dashboard
tiles:
  ways: {report: by_way, width: 16, measures: [all, paid], parameters: {period: this_year}}
  costs: {report: costs, chart: number}
---
kind: role
name: stand.keeper
label: Keeper
grants: {stand.sale: {read: true, create: true, update: true}, core.user: {read: true}}
---
kind: role
name: stand.helper
label: Helper
grants: {stand.sale: {read: "record.seller == user.id"}}
---
kind: role
name: stand.nobody
label: Nobody
"""


class Reports(ServerCase):
    @classmethod
    def configure(cls):
        (cls.server.config / "reports.yaml").write_text(DEFINITIONS)

    @classmethod
    def prepare(cls):
        for name in ("keeper", "helper", "nobody"):
            cls.server.add_user("reports." + name, name.title(), "stand." + name)
        keeper = cls.server.client("reports.keeper")
        cls.helper_id = cls.server.client("reports.helper").get("/me").json["id"]
        for sale in ({"way": "web", "seats": 2, "price": "100.00", "on": "2026-01-05", "paid": True, "seller": cls.helper_id},
                     {"way": "web", "seats": 5, "price": "50.50", "on": "2026-01-31"},
                     {"way": "web", "seats": 9, "price": "7.00", "price_currency": "EUR", "on": "2026-02-01", "paid": True},
                     {"way": "phone", "seats": 1, "on": "2026-01-20"},
                     {"way": "odd", "on": "2026-03-01"},
                     {"seats": 4}):
            made = keeper.post("/records/stand.sale", sale)
            assert made.status == 201, made

    def setUp(self):
        self.admin, self.keeper, self.helper, self.nobody = (self.server.client(name) for name in ("admin", "reports.keeper", "reports.helper", "reports.nobody"))

    def report(self, client, **parameters):
        return self.ok(client.get("/reports/stand.by_way" + query(**parameters), Accept_Language="en")).json

    def test_figures_and_the_way_to_their_records(self):
        report = self.report(self.keeper)
        self.assertEqual([(row["group"]["way"], row["label"].get("month"), row["measures"]["all"]["value"]) for row in report["rows"]],
                         [(None, None, 1), ("odd", "2026-03", 1), ("phone", "2026-01", 1), ("web", "2026-01", 2), ("web", "2026-02", 1)])
        web = report["rows"][3]
        self.assertEqual(web["label"], {"way": "Website", "month": "2026-01"})
        self.assertEqual(web["measures"]["rate"]["value"], "0.500000")
        self.assertEqual(web["measures"]["sum"]["value"], [{"currency": "CNY", "amount": "150.50"}])
        self.assertEqual(web["measures"]["middle"]["value"], "3.500000")
        self.assertEqual(report["total"]["measures"]["all"]["value"], 6)
        self.assertEqual(report["total"]["measures"]["sum"]["value"], [{"currency": "CNY", "amount": "150.50"}, {"currency": "EUR", "amount": "7.00"}])
        self.assertFalse(report["more"])
        for row in [*report["rows"], report["total"]]:
            for name in ("all", "paid"):
                figure = row["measures"][name]
                found = self.ok(self.keeper.get("/records/stand.sale" + query(filter=figure.get("filter", row["filter"]), count=1))).json["total"]
                self.assertEqual(found, figure["value"], figure)

    def test_parameters(self):
        self.assertEqual(self.report(self.keeper, period="2026-01-01..2026-01-31")["total"]["measures"]["all"]["value"], 3)
        self.assertEqual(self.report(self.keeper, period="2026-01-01..2026-01-31", way="web")["total"]["measures"]["all"]["value"], 2)
        shown = self.report(self.keeper, period="2026-01-01..2026-01-31", seller=self.helper_id)
        self.assertEqual(shown["total"]["measures"]["all"]["value"], 1)
        period = shown["parameters"][0]
        self.assertEqual((period["value"], period["from"], period["to_day"]), ("2026-01-01..2026-01-31", "2026-01-01", "2026-01-31"))
        for bad in ({"period": "sometime"}, {"way": "fax"}, {"seller": "x"}, {"sellr": "1"}, {"format": "xls"}, {"way": 'web" || true || "'}):
            self.problem(self.keeper.get("/reports/stand.by_way" + query(**bad)), 400, "invalid_argument")
        self.problem(self.keeper.get("/reports/stand.by_way?way=web&way=phone"), 400, "invalid_argument")
        self.problem(self.keeper.get("/reports/stand.nothing"), 404, "not_found")

    def test_csv(self):
        answer = self.ok(self.keeper.get("/reports/stand.by_way" + query(format="csv"), Accept_Language="en"))
        self.assertEqual(answer.headers["Content-Type"], "text/csv; charset=utf-8")
        text = answer.body if isinstance(answer.body, str) else answer.body.decode("utf-8")
        self.assertTrue(text.startswith("\ufeff"))
        rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
        self.assertEqual(rows[0], ["Way", "On", "All", "Paid", "Rate", "Sum (CNY)", "Sum (EUR)", "Middle"])
        self.assertIn(["Website", "2026-01", "2", "1", "0.500000", "150.50", "", "3.500000"], rows)
        self.assertIn(["'=2+3", "2026-03", "1", "0", "0.000000", "", "", ""], rows)
        self.assertEqual(len(rows), 6)

    def test_rights(self):
        self.assertEqual(self.report(self.helper)["total"]["measures"]["all"]["value"], 1)
        self.problem(self.nobody.get("/reports/stand.by_way"), 403, "forbidden")
        for reads_hidden in ("stand.costs", "stand.dear", "stand.cheap?least=1", "stand.perhaps?most=3"):
            self.problem(self.keeper.get(f"/reports/{reads_hidden}"), 403, "forbidden")
            self.ok(self.admin.get(f"/reports/{reads_hidden}"))
        self.assertEqual(self.ok(self.keeper.get("/reports/stand.perhaps")).json["total"]["measures"]["all"]["value"], 6, "without its parameter it reads nothing that is hidden")
        self.assertEqual(self.ok(self.admin.get("/reports/stand.costs")).json["rows"][0]["measures"]["cost"]["value"], [])
        self.assertEqual([one["name"] for one in self.ok(self.nobody.get("/reports")).json["items"] if one["name"].startswith("stand.")], [])
        self.assertEqual([one["name"] for one in self.ok(self.helper.get("/reports")).json["items"] if one["name"].startswith("stand.")], ["stand.by_way", "stand.perhaps"],
                         "what would be refused is not offered")

    def test_dashboards(self):
        keepers = [one for one in self.ok(self.keeper.get("/dashboards", Accept_Language="en")).json["items"] if one["name"] == "stand.overview"][0]
        self.assertEqual([tile["report"] for tile in keepers["tiles"]], ["stand.by_way"], "nor is a tile of what he may not read")
        found = [one for one in self.ok(self.admin.get("/dashboards", Accept_Language="en")).json["items"] if one["name"] == "stand.overview"][0]
        self.assertEqual((found["label"], found["icon"]), ("Overview", "dashboard"))
        ways, costs = found["tiles"]
        self.assertEqual((ways["report"], ways["label"], ways["chart"], ways["width"], ways["measures"], ways["given"]),
                         ("stand.by_way", "By way", "bar", 16, ["all", "paid"], {"period": "this_year"}))
        self.assertEqual((costs["chart"], costs["measures"]), ("number", ["cost"]))
        self.assertEqual(self.ok(self.nobody.get("/dashboards")).json["items"], [], "a dashboard of which one sees nothing is not offered")

    def test_medians_of_any_aggregate(self):
        found = self.ok(self.keeper.get("/records/stand.sale/aggregate" + query(group="way", measure="median:seats,p90:seats,count"))).json["items"]
        web = next(one for one in found if one["group"]["way"] == "web")
        self.assertEqual((web["median:seats"], web["p90:seats"], web["count"]), ("5.000000", "8.200000", 3))
        alone = self.ok(self.keeper.get("/records/stand.sale/aggregate?measure=median:seats")).json["items"]
        self.assertEqual(len(alone), 1, "without groups there is one row, whatever is measured")
        self.assertIsNotNone(alone[0]["median:seats"])
        for bad in ("p0:seats", "p100:seats", "median:way", "median"):
            self.problem(self.keeper.get("/records/stand.sale/aggregate?measure=" + quote(bad)), 400, "invalid_argument")
        self.problem(self.keeper.get("/records/stand.sale/aggregate" + query(group="way", measure="median:seats", sort="-median:seats")), 400, "invalid_argument")
