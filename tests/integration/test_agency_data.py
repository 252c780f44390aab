"""Real data into the agency's departments, by the maps of config/examples/imports. The files are named by CARAVAN_TEST_DATA."""

import collections
import csv
import datetime
import json
import os
import pathlib
import re
import subprocess
import unittest

import caravan
from agency import Agency, day

DATA = pathlib.Path(os.environ.get("CARAVAN_TEST_DATA") or "/nonexistent")
MAPS = caravan.ROOT / "config" / "examples" / "imports"


def rows_of(path):
    if not (DATA / path).exists():
        raise unittest.SkipTest(f"CARAVAN_TEST_DATA has no {path}")
    with open(DATA / path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


class AgencyData(Agency):
    people = ()

    def setUp(self):
        self.admin = self.server.client("admin")  # the class's own has been idle while a file was taken over

    def load(self, entity, path, map_name, *options):
        done = self.server.cli("import", entity, DATA / path, "--map", MAPS / f"{map_name}.yaml", "--config", self.server.config, *options)
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        self.admin = self.server.client("admin")  # a connection that was idle for so long may be closed
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

    def test_the_second_file_of_complaints_with_a_shifted_row(self):
        kept, out, money, satisfied = 0, 0, 0, {"Yes": 0, "No": 0}
        rows = rows_of("nyc_mediated_complaints/mediated_complaints_2018_2020.csv")
        for row in rows:
            try:
                start, end = (datetime.datetime.strptime(row[f"Mediation {which} Date"], "%m/%d/%Y") for which in ("Start", "Close"))
                amount = float(row["Restitution"] or 0)
            except ValueError:
                out += 1
                continue
            if end < start:
                out += 1
                continue
            kept, money = kept + 1, money + amount
            if row["Satisfaction"] in satisfied:
                satisfied[row["Satisfaction"]] += 1
        before = self.count(self.admin, "aftersales.case")
        paid = sum(float(one["amount"]) for one in caravan.every(self.admin, "aftersales.remedy"))
        yes, no = (self.count(self.admin, "aftersales.case", filter=f"record.satisfied == {one}") for one in ("true", "false"))
        report = self.load("aftersales.case", "nyc_mediated_complaints/mediated_complaints_2018_2020.csv", "nyc_mediated_complaints")
        self.assertEqual((len(rows), out), (2113, 4), "three close before they start, one has shifted columns")
        self.assertEqual(self.count(self.admin, "aftersales.case") - before, kept, report[-3000:])
        self.assertEqual(self.count(self.admin, "aftersales.case", filter="record.satisfied == true") - yes, satisfied["Yes"])
        self.assertEqual(self.count(self.admin, "aftersales.case", filter="record.satisfied == false") - no, satisfied["No"])
        self.assertAlmostEqual(sum(float(one["amount"]) for one in caravan.every(self.admin, "aftersales.remedy")) - paid, money, 2)

    def test_bookings_are_taken_over_in_their_states(self):
        rows = rows_of("hotel_bookings/hotel_bookings.csv")
        if not caravan.Setup.full:
            rows = rows[::12]  # all take a minute and more
        else:
            self.assertEqual(len(rows), 16225)
        table = self.server.home / "bookings.csv"
        with open(table, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        done = subprocess.run([str(self.server.binary), "import", "sales.order", str(table), "--map", str(MAPS / "hotel_bookings.yaml"), "--config", str(self.server.config), *self.server.store],
                              capture_output=True, text=True, timeout=900, cwd=self.server.home, env=self.server.environment)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        self.admin = self.server.client("admin")
        of = 'record.external_source == "hotel_bookings"'
        for reason, state in (("Check-Out", "finished"), ("Canceled", "cancelled"), ("No-Show", "cancelled")):
            wanted = sum(row["reservation_status"] == reason for row in rows)
            said = "record.cancel_reason == null" if state == "finished" else f"record.cancel_reason == '{reason}'"
            # Lists count more than 10,000 by an estimate, groups exactly.
            groups = self.ok(self.admin.get("/records/sales.order/aggregate" + caravan.query(measure="count", filter=f"{of} && record.state == '{state}' && {said}"))).json["items"]
            self.assertEqual(groups[0]["count"], wanted, reason)
        self.assertEqual(self.count(self.admin, "sales.traveller", filter=f"{of} && record.state == 'no_show'"), sum(row["reservation_status"] == "No-Show" for row in rows))
        self.assertEqual(self.count(self.admin, "sales.change_order", filter=f"{of} && record.state == 'executed'"), sum(row["booking_changes"] != "0" for row in rows))

        def price(row):
            nights = int(row["stays_in_weekend_nights"]) + int(row["stays_in_week_nights"])
            return round(float(row["adr"]) * 100) * max(nights, 1)
        fees = {}
        for row in rows:
            if row["reservation_status"] != "Check-Out":
                fees[row["deposit_type"]] = fees.get(row["deposit_type"], 0) + (price(row) if row["deposit_type"] == "Non Refund" else 0)
        for deposit, cents in fees.items():
            found = self.ok(self.admin.get("/records/sales.order/aggregate" + caravan.query(measure="sum:total", filter=f"{of} && record.state == 'cancelled' && record.terms == '{deposit}'"))).json["items"]
            total = sum(round(float(one["amount"]) * 100) for one in found[0]["sum:total"]) if found and found[0]["sum:total"] else 0
            self.assertEqual(total, cents, deposit)
        one = next(row for row in rows if row["reservation_status"] == "Check-Out")
        order = self.all_of("sales.order", f"{of} && record.external_id == '{one['source_row']}'")[0]
        event = self.ok(self.admin.get(f"/records/sales.order/{order['id']}/timeline")).json["items"][-1]
        self.assertEqual((event["action"], event["source"].split()[0]), ("create", "import"))
        self.assertIn(["state", "finished"], [[change["field"], change["new"]] for change in event["changes"]])
        # What was long ago sets nothing off: nobody is called, no mail goes out, nobody is reminded of a departure years ago.
        self.assertEqual(self.count(self.admin, "aftersales.followup"), 0)
        self.assertEqual(self.ok(self.admin.get("/admin/automations/sales.remind_before_departure/runs")).json["items"], [])

    def test_dialogues_become_inquiries_whose_needs_are_those_of_the_goals(self):
        """What inquiries say that customers want, read from their words alone, against what the annotated goals say they were to want."""
        folder = DATA / "crosswoz"
        if not (folder / "dialogues.json").exists():
            raise unittest.SkipTest("CARAVAN_TEST_DATA has no crosswoz/dialogues.json")
        table = self.server.home / "dialogues.csv"
        subprocess.run([caravan.ROOT / "scripts" / "convert_crosswoz", "--known", folder / "database", folder / "dialogues.json", table], check=True, capture_output=True, timeout=60)
        done = self.server.cli("import", "sales.inquiry", table, "--map", MAPS / "crosswoz.yaml", "--config", self.server.config)
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-2000:])
        inquiries = {one["external_id"]: one["needs"] for one in self.all_of("sales.inquiry", 'record.external_source == "crosswoz"')}
        dialogues = json.loads((folder / "dialogues.json").read_text(encoding="utf-8"))
        self.assertEqual(set(inquiries), set(dialogues))
        slots = ("名称", "评分", "价格", "门票", "人均消费", "酒店类型", "游玩时间", "推荐菜")
        wanted, found, told = collections.Counter(), collections.Counter(), collections.Counter()
        for key, dialogue in dialogues.items():
            goal, said = set(), set()
            for _, domain, slot, value, *_ in dialogue["goal"]:
                if not value or domain not in ("酒店", "景点", "餐馆") or str(value).startswith("出现在"):
                    continue  # what he asks, ways by underground and taxi, places near to others
                for one in value if isinstance(value, list) else [value]:
                    goal.add((domain, "酒店设施", slot[5:]) if slot.startswith("酒店设施-") else (domain, slot, one))
            for line in inquiries[key].partition("\n\n")[0].split("\n"):
                domain, _, rest = line.partition("：")
                for part in rest.split("，"):
                    if part.startswith("提供"):
                        said.add((domain, "酒店设施", part[2:]))
                    said.update((domain, slot, one) for slot in slots if part.startswith(slot) for one in part[len(slot):].split("/"))
            wanted.update(one[:2] for one in goal)
            told.update(one[:2] for one in said)
            found.update(one[:2] for one in goal & said)
        for slot in sorted(wanted):
            print(f"\n  {self.database}: {slot[0]} {slot[1]}: {found[slot]} of {wanted[slot]} ({found[slot] / wanted[slot]:.1%}), right {found[slot]} of {told[slot]} ({found[slot] / told[slot]:.1%})", end="", flush=True)
        of, right = sum(found.values()) / sum(wanted.values()), sum(found.values()) / sum(told.values())
        print(f"\n  {self.database}: all: {sum(found.values())} of {sum(wanted.values())} ({of:.1%}), right {right:.1%}", end="", flush=True)
        self.assertGreater(of, 0.95)
        self.assertGreater(right, 0.93)
        for slot in wanted:
            self.assertGreater(found[slot] / wanted[slot], 0.9, slot)

    def test_tours_of_india_become_products(self):
        path = DATA / "tours_in" / "packages.json"
        if not path.exists():
            raise unittest.SkipTest("CARAVAN_TEST_DATA has no tours_in/packages.json")
        packages = json.loads(path.read_text(encoding="utf-8"))
        lines = self.server.home / "tours_in.jsonl"
        wanted = ("productCode", "title", "location", "duration", "price")
        lines.write_text("".join(json.dumps({name: package.get(name) or "" for name in wanted}, ensure_ascii=False) + "\n" for package in packages), encoding="utf-8")
        done = self.server.cli("import", "sales.product", lines, "--map", MAPS / "tours_in.yaml", "--config", self.server.config)
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        codes = {package["productCode"] for package in packages if (package.get("productCode") or "").strip()}
        self.assertEqual(self.count(self.admin, "sales.product", filter='record.external_source == "tours_in"'), len(codes), done.stdout[-2000:])


class AgencySights(Agency):
    people = ()

    def test_sights_of_the_dialogues_are_recommended(self):
        folder = DATA / "crosswoz"
        if not (folder / "dialogues.json").exists():
            raise unittest.SkipTest("CARAVAN_TEST_DATA has no crosswoz/dialogues.json")
        for name, entity, map_name in (("attraction", "sales.product", "crosswoz_attractions"), ("hotel", "scheduling.supplier", "crosswoz_suppliers"), ("restaurant", "scheduling.supplier", "crosswoz_suppliers")):
            table = self.server.home / f"{name}.csv"
            subprocess.run([caravan.ROOT / "scripts" / "convert_crosswoz", "--places", folder / "database" / f"{name}_db.json", table], check=True, capture_output=True, timeout=60)
            done = self.server.cli("import", entity, table, "--map", MAPS / f"{map_name}.yaml", "--config", self.server.config)
            self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-2000:])
        sights = self.all_of("sales.product", 'record.external_source == "crosswoz"')
        self.assertEqual(len(sights), 465)
        self.assertEqual(self.count(self.admin, "scheduling.supplier", filter='record.external_source == "crosswoz"'), 1133 + 951)
        self.ok(self.admin.post("/records/sales.product/bulk", {"action": "transition", "transition": "publish", "items": [{"id": one["id"]} for one in sights]}))
        # Each has seats in a month.
        made = self.ok(self.admin.post("/records/scheduling.departure/bulk", {"action": "create", "items": [
            {"input": {"product": one["id"], "depart_on": day(30), "days": 1, "capacity": 20, "min_party": 1}} for one in sights]})).json
        self.assertEqual(made["refused"], 0, made["items"][:1])
        self.ok(self.admin.post("/records/scheduling.departure/bulk", {"action": "transition", "transition": "open", "items": [{"id": one["id"]} for one in made["items"]]}))
        asked = hits = first = 0
        for dialogue in json.loads((folder / "dialogues.json").read_text(encoding="utf-8")).values():
            groups, found = {}, {}
            for number, domain, slot, value, *_ in dialogue["goal"]:
                if domain == "景点":
                    groups.setdefault(number, {})[slot] = value
            for number, domain, slot, value, *_ in dialogue["final_goal"]:
                if domain == "景点" and slot == "名称" and value:
                    found[number] = value
            for number, slots in groups.items():
                if number not in found:
                    continue
                named = slots.get("名称") or ""
                places = [named] if named and not named.startswith("出现在") else list(slots.get("周边景点") or [])
                ticket = [int(digits) for digits in re.findall(r"\d+", str(slots.get("门票") or ""))]
                need = {"destination": "、".join(places) or "北京", "limit": 10, "party": 1}
                if ticket and "以上" not in str(slots["门票"]):
                    need["budget"] = f"{ticket[-1]}.00"
                answer = self.ok(self.admin.get("/plugins/sales/recommend" + caravan.query(**need))).json["items"]
                for one in answer[:3]:
                    self.assertTrue(one["departure"], "it has seats")
                    self.assertTrue("budget" not in need or float(one["price"]) <= float(need["budget"]), one)
                names = [one["name"] for one in answer]
                asked, hits, first = asked + 1, hits + (found[number] in names), first + (names[:1] == [found[number]])
        print(f"\n  {self.database}: {asked} sights looked for in the dialogues, {hits} among the first ten ({hits / asked:.1%}), {first} the first ({first / asked:.1%})", end="", flush=True)
        self.assertGreater(asked, 250)
        self.assertGreater(hits / asked, 0.25)
