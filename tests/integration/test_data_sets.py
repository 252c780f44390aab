"""Files that agencies really have, imported whole: control totals, defects that are told, both encodings, twice, and killed in the middle."""

import contextlib
import csv
import os
import pathlib
import re
import shutil
import time
import unittest

import caravan
from caravan import ServerCase, every, multipart, query, wait_until

DATA = pathlib.Path(os.environ["CARAVAN_TEST_DATA"]) if "CARAVAN_TEST_DATA" in os.environ else None
MAPS = pathlib.Path(__file__).resolve().parent / "data_sets"


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@unittest.skipUnless(DATA, "CARAVAN_TEST_DATA is not set: the data sets are not part of the repository")
class DataSets(ServerCase):
    @classmethod
    def configure(cls):
        shutil.copy(MAPS / "entities.yaml", cls.server.config / "market.yaml")

    def setUp(self):
        self.admin = self.server.client("admin")

    def sign_in(self):
        """A busy machine has few log-ins at a time."""
        for _ in range(30):
            with contextlib.suppress(AssertionError):
                self.admin = self.server.client("admin")
                return
            time.sleep(2)
        self.fail("nobody could log in")

    def send(self, entity, map_name, file, source=None, **parameters):
        """Starts an import; `source` keeps records of several tests apart."""
        text = (MAPS / (map_name + ".yaml")).read_text(encoding="utf-8")
        if source:
            text = re.sub("^source: .*$", f"source: {source}", text, flags=re.MULTILINE)
        body, kind = multipart(map=(map_name + ".yaml", text), file=(file.name, file.read_bytes()))
        return self.admin.request("POST", f"/import/{entity}{query(job=1, **parameters)}", body, {"Content-Type": kind})

    def finished(self, identifier, seconds=600):
        place = f"/imports/{identifier}"
        wait_until(lambda: self.ok(self.admin.get(place)).json["state"] in ("done", "failed"), seconds, "the end of the import")
        run = self.ok(self.admin.get(place)).json
        self.assertEqual(run["state"], "done", run)
        return run

    def run_import(self, entity, map_name, file, **parameters):
        return self.finished(self.ok(self.send(entity, map_name, file, **parameters), 202).json["id"])

    def report(self, run, **expected):
        self.assertEqual({name: run[name] for name in expected}, expected, run)

    def of(self, source):
        return {"filter": f'record.external_source == "{source}"'}

    def contents(self, entity, source, leave=("id", "version", "created_at", "updated_at", "package", "external_source", "owner", "number")):
        found = {}
        for record in every(self.admin, entity, **self.of(source)):
            found[record["external_id"]] = {name: value for name, value in record.items() if name not in leave}
        return found

    def test_qunar_whole_twice(self):
        file = DATA / "tours_zh" / "qunar_packages.csv"
        rows = rows_of(file)
        run = self.run_import("market.offer", "qunar_packages", file)
        self.report(run, rows=11215, created=11215, updated=0, failed=0, encoding="UTF-8")
        self.assertEqual(run["notes"]["without 编号"], 1109)
        self.assertEqual(run["notes"]["without 目的地"], 4488)
        self.assertEqual(run["notes"]["rows equal to an earlier one"], 11215 - 8801)
        self.assertEqual(run["notes"]["several destinations in 目的地"], 6511)
        self.assertEqual(run["notes"]["目的地 holds only blanks"], sum(1 for row in rows if row["目的地"] and not row["目的地"].strip()))
        self.assertEqual(self.count(self.admin, "market.package", **self.of("qunar")), 5482)
        offers = self.contents("market.offer", "qunar")
        self.assertEqual(len(offers), 11215)
        self.assertEqual(sum(int(float(offer["price"])) for offer in offers.values()), sum(int(row["价格"]) for row in rows))
        again = self.run_import("market.offer", "qunar_packages", file)
        self.report(again, rows=11215, created=0, updated=0, unchanged=11215, failed=0)
        self.assertEqual(self.contents("market.offer", "qunar"), offers)
        self.assertEqual(self.count(self.admin, "market.package", **self.of("qunar")), 5482)

    def test_both_encodings_of_tuniu_give_the_same(self):
        found = []
        for name, encoding in (("tuniu_packages.csv", "UTF-8"), ("tuniu_packages_gb18030.csv", "GB18030")):
            source = "tuniu_" + encoding.lower().replace("-", "")
            run = self.run_import("market.offer", "tuniu_packages", DATA / "tours_zh" / name, source=source)
            self.report(run, rows=2465, created=2465, failed=0, encoding=encoding)
            self.assertEqual(self.count(self.admin, "market.package", **self.of(source)), 2453)
            found.append((self.contents("market.offer", source), run["notes"]))
        self.assertEqual(found[0], found[1])
        self.assertEqual(found[0][0]["0"]["travelled"], 182000)
        self.assertEqual(found[0][0]["0"]["reviews"], 42000)
        self.assertEqual(found[0][1]["without 价格"], 135)
        # The other encoding of a source that is there changes nothing.
        again = self.run_import("market.offer", "tuniu_packages", DATA / "tours_zh" / "tuniu_packages_gb18030.csv", source="tuniu_utf8")
        self.report(again, created=0, updated=0, unchanged=2465, failed=0)

    def test_hotel_bookings(self):
        file = DATA / "hotel_bookings" / "hotel_bookings.csv"
        run = self.run_import("market.booking", "hotel_bookings", file)
        self.report(run, rows=16225, created=16225, failed=0)
        self.assertEqual(run["notes"]["bookings of 0 nights"], 91)
        self.assertEqual(run["notes"]["bookings without guests"], 27)
        self.assertEqual(run["notes"]["country \"NULL\" taken as \"\""], 63)
        bookings = self.contents("market.booking", "hotel_bookings").values()
        count = lambda name, value: sum(1 for booking in bookings if booking[name] == value)
        self.assertEqual([count("hotel", "City Hotel"), count("hotel", "Resort Hotel")], [10603, 5622])
        self.assertEqual([count("status", s) for s in ("Check-Out", "Canceled", "No-Show")], [10434, 5639, 152])
        self.assertEqual([count("deposit", s) for s in ("No Deposit", "Non Refund", "Refundable")], [14323, 1884, 18])
        self.assertEqual(sum(1 for booking in bookings if booking["changes"] > 0), 2513)
        self.assertEqual(count("other_room", True), 2114)
        self.assertEqual(sum(booking["requests"] for booking in bookings), 9781)
        self.assertEqual(sum(round(float(booking["daily_rate"]) * 100) for booking in bookings), 167876287)
        self.assertEqual(len({booking["agent"] for booking in bookings}), 215)
        again = self.run_import("market.booking", "hotel_bookings", file)
        self.report(again, created=0, updated=0, unchanged=16225, failed=0)

    def test_tweets(self):
        file = DATA / "airline_tweets" / "tweets.csv"
        run = self.run_import("market.post", "airline_tweets", file)
        self.report(run, rows=10214, created=10104, failed=0)
        self.assertEqual(run["notes"]["rows equal to an earlier one"], 21)
        self.assertEqual(run["notes"]["rows with the external id of an earlier one and other cells"], 89)
        posts = self.contents("market.post", "airline_tweets")
        first = {}
        for row in rows_of(file):
            first.setdefault(row["tweet_id"], row)
        self.assertEqual({key: (post["author"], post["mood"], post["reason"] or "") for key, post in posts.items()},
                         {key: (row["name"], row["airline_sentiment"], row["negativereason"]) for key, row in first.items()})
        again = self.run_import("market.post", "airline_tweets", file)
        self.report(again, created=0, updated=0, unchanged=10214, failed=0)
        self.assertEqual(len(self.contents("market.post", "airline_tweets")), 10104)

    def test_killed_ten_times_in_the_middle(self):
        """An import that is quick is over before ten kills; then another one is begun."""
        file = DATA / "tours_zh" / "qunar_packages.csv"
        rows, kills, number = rows_of(file), 0, 0
        while kills < 10:
            number += 1
            source = f"killed_{number}"
            identifier = self.ok(self.send("market.offer", "qunar_packages", file, source=source), 202).json["id"]
            before = 0
            while kills < 10:
                wait_until(lambda: self.ok(self.admin.get(f"/imports/{identifier}")).json["done"] > before, 300, "rows that are done")
                self.server.kill()
                self.server.sessions.clear()
                self.server.start()
                self.sign_in()
                before = self.ok(self.admin.get(f"/imports/{identifier}")).json["done"]
                if before == len(rows):
                    break  # it was over before this kill
                kills += 1
            run = self.finished(identifier)
            self.report(run, rows=11215, created=11215, updated=0, unchanged=0, failed=0, done=11215)
            self.assertEqual(run["notes"]["without 编号"], 1109)
            self.assertEqual(run["notes"]["rows equal to an earlier one"], 11215 - 8801)
            self.assertEqual(self.count(self.admin, "market.package", **self.of(source)), 5482)
            offers = self.contents("market.offer", source)
            self.assertEqual(len(offers), 11215)
            self.assertEqual(sum(int(float(offer["price"])) for offer in offers.values()), sum(int(row["价格"]) for row in rows))
