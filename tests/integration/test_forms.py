"""Forms that know conditions, over HTTP: conditions, dependent choices, duplicates, drafts, and the settings that rules read."""

import json
import threading

from caravan import ServerCase, multipart

DEFINITIONS = """\
kind: choices
name: forms.region
label: Region
options: {asia: {label: Asia}, europe: {label: Europe}}
---
kind: choices
name: forms.country
label: Country
options:
  japan: {of: asia, label: Japan}
  france: {of: europe, label: France}
---
kind: settings
name: forms
label: Forms
settings:
  limit: {type: int, default: 9, label: Limit}
  rate: {type: decimal, default: 0.1, value: 0.25, label: Rate}
  home: {type: choice, choices: region, default: asia, label: Home}
---
kind: entity
name: forms.trip
label: Trip
title: name
number: "TR-{seq:4}"
fields:
  name: {type: text, max: 40, label: Name}
  seats: {type: int, label: Seats}
  price: {type: money, label: Price}
  rebate: {type: decimal, compute: "decimal(record.seats) * settings.forms.rate", label: Rebate}
  region: {type: choice, choices: region, label: Region}
  country: {type: choice, choices: country, depends_on: region, label: Country}
  visa: {type: text, required: true, visible: "record.region == settings.forms.home", label: Visa}
  reason: {type: text, required: "record.seats > settings.forms.limit", label: Reason}
  fixed: {type: text, read_only: "record.seats > 0", label: Fixed}
duplicates:
  same: {warn: [name, price], message: {en: Such a trip exists, zh-CN: 已有此行程}}
"""
TRIP = "/records/forms.trip"
MAP = "kind: import_map\nname: m\nentity: forms.trip\nsource: m\nrecords:\n  t:\n    entity: forms.trip\n    external_id: {column: id}\n" \
      "    fields: {name: {column: name}, region: {column: region}, visa: {column: visa}, country: {column: country}}\n"


class Forms(ServerCase):
    @classmethod
    def configure(cls):
        (cls.server.config / "forms.yaml").write_text(DEFINITIONS)

    @classmethod
    def prepare(cls):
        cls.admin = cls.server.client("admin")

    def draft(self, **body):
        return self.ok(self.admin.post(TRIP + "/draft", body)).json

    def mistakes(self, answer):
        problem = self.problem(answer, 422, "invalid_record")
        return sorted((error["field"], error["code"]) for error in problem["errors"])

    def test_a_draft_tells_what_holds_and_writes_nothing(self):
        before = self.count(self.admin, "forms.trip")
        empty = self.draft()
        self.assertEqual(empty["fields"]["visa"], {"visible": False, "required": False, "read_only": False})
        self.assertEqual(empty["fields"]["country"]["options"], [])
        self.assertNotIn("options", empty["fields"]["region"])
        self.assertEqual((empty["errors"], empty["duplicates"], empty["computed"]), ([], [], {"rebate": None}))
        full = self.draft(values={"region": "asia", "seats": 12, "country": "france"})
        self.assertEqual(full["fields"]["visa"], {"visible": True, "required": True, "read_only": False})
        self.assertTrue(full["fields"]["reason"]["required"])
        self.assertEqual(full["fields"]["country"]["options"], ["japan"])
        self.assertEqual(full["computed"], {"rebate": "3.00"})
        self.assertEqual(sorted((e["field"], e["code"]) for e in full["errors"]),
                         [("country", "not_offered"), ("reason", "required"), ("visa", "required")])
        self.assertTrue(all(e["message"] for e in full["errors"]))
        self.assertEqual(self.count(self.admin, "forms.trip"), before)

    def test_what_cannot_be_read_is_a_mistake_of_its_field_and_the_rest_counts(self):
        found = self.draft(values={"seats": "many", "region": "asia", "nonsense": 1, "price": "abc", "price_currency": "CNY"})
        codes = {e["field"]: e["code"] for e in found["errors"]}
        self.assertEqual((codes["nonsense"], codes["visa"]), ("unknown_field", "required"))
        self.assertTrue({"seats", "price"} <= set(codes))
        self.assertTrue(found["fields"]["visa"]["visible"])
        for body, status in ((b"{", 400), ({"values": []}, 400), ({"id": "x"}, 404), ({"id": "999999999"}, 404), ({"other": 1}, 400),
                             ({"transition": "go"}, 400), ({"values": {"seats": {"a": {"b": []}}}}, 200)):
            answer = self.admin.post(TRIP + "/draft", body, Content_Type="application/json")
            self.assertEqual(answer.status, status, f"{body}: {answer}")
        self.assertEqual(self.admin.post("/records/forms.nothing/draft", {}).status, 404)

    def test_the_gate_obeys(self):
        post = lambda **values: self.admin.post(TRIP, values)
        self.assertEqual(self.mistakes(post(region="asia")), [("visa", "required")])
        self.assertEqual(self.mistakes(post(region="europe", visa="x", country="japan")), [("country", "not_offered"), ("visa", "not_visible")])
        trip = self.ok(post(region="asia", visa="x", country="japan", seats=2, fixed="a"), 201).json
        patch = lambda **values: self.admin.patch(f"{TRIP}/{trip['id']}", values, If_Match="*")
        self.assertEqual(self.mistakes(patch(fixed="b")), [("fixed", "read_only")])
        self.assertEqual(self.mistakes(patch(seats=10)), [("reason", "required")])
        self.assertEqual(self.mistakes(patch(region="europe")), [("country", "not_offered")])
        moved = self.ok(patch(region="europe", country="france")).json
        self.assertEqual((moved["visa"], moved["country"]), ("x", "france"))
        now = self.draft(id=trip["id"], values={"seats": 0})
        self.assertTrue(now["fields"]["fixed"]["read_only"], "the record as it was decides")
        self.assertFalse(now["fields"]["visa"]["visible"])

    def test_import_and_bulk_obey(self):
        rows = "id,name,region,visa,country\n1,A,asia,x,japan\n2,B,europe,x,\n3,C,asia,,\n4,D,europe,,japan\n5,E,europe,,france\n"
        content, kind = multipart(map=("map.yaml", MAP), file=("rows.csv", rows))
        report = self.ok(self.admin.request("POST", "/import/forms.trip", content, {"Content-Type": kind})).json
        self.assertEqual((report["created"], report["failed"]), (2, 3), report)
        made = self.ok(self.admin.get(TRIP + "?filter=record.external_source%20==%20%22m%22&limit=50")).json["items"]
        self.assertEqual(sorted(item["name"] for item in made), ["A", "E"])
        item = next(item for item in made if item["name"] == "E")
        answer = self.admin.post(TRIP + "/bulk", {"action": "update", "items": [{"id": item["id"], "version": item["version"], "input": {"visa": "y"}}]})
        self.assertIn("not_visible", answer.body.decode())
        self.assertEqual(self.ok(self.admin.get(f"{TRIP}/{item['id']}")).json["visa"], None)

    def test_duplicates_warn_and_forbid_nothing(self):
        values = {"name": "Kyoto", "price": "12.50", "price_currency": "EUR"}
        first = self.ok(self.admin.post(TRIP, values), 201)
        self.assertNotIn("Caravan-Duplicates", first.headers)
        found = self.draft(values=values)["duplicates"]
        self.assertEqual([(one["rule"], one["more"], [item["id"] for item in one["items"]]) for one in found], [("same", False, [first.json["id"]])])
        self.assertEqual((found[0]["items"][0]["title"], found[0]["items"][0]["number"]), ("Kyoto", first.json["number"]))
        chinese = self.ok(self.admin.request("POST", TRIP + "/draft", {"values": values}, {"Accept-Language": "zh-CN"})).json
        self.assertEqual(chinese["duplicates"][0]["message"], "已有此行程")
        self.assertEqual(self.draft(values={**values, "price_currency": "CNY"})["duplicates"], [])
        self.assertEqual(self.draft(id=first.json["id"])["duplicates"], [])
        second = self.ok(self.admin.post(TRIP, values), 201)
        self.assertEqual(second.headers["Caravan-Duplicates"], f'same="{first.json["id"]}"')
        once = {"Idempotency-Key": "trip-once"}
        third = self.ok(self.admin.request("POST", TRIP, values, once), 201)
        self.assertEqual(third.headers["Caravan-Duplicates"], f'same="{second.json["id"]} {first.json["id"]}"')
        again = self.ok(self.admin.request("POST", TRIP, values, once), 201)
        self.assertEqual(again.json["id"], third.json["id"])
        none = self.ok(self.admin.post("/records/customers.customer", {"kind": "person", "name": "甲"}), 201)
        self.assertNotIn("Caravan-Duplicates", none.headers)

    def test_drafts_wait_for_no_writer(self):
        """A form in typing must not queue behind writes, nor hold them up."""
        stop, failures = threading.Event(), []

        def write():
            client = self.server.client("admin")
            while not stop.is_set():
                answer = client.post(TRIP, {"seats": 1})
                if answer.status != 201:
                    failures.append(answer)
        writers = [threading.Thread(target=write) for _ in range(3)]
        for writer in writers:
            writer.start()
        try:
            for _ in range(100):
                self.draft(values={"name": "x", "price": "1.00", "region": "asia"})
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        self.assertEqual(failures, [])

    def test_settings_are_listed_with_their_origin(self):
        groups = self.ok(self.admin.get("/admin/settings")).json["items"]
        group = next(group for group in groups if group["module"] == "forms")
        self.assertEqual([(s["path"], s["type"], s["value"], s["default"]) for s in group["settings"]], [
            ("settings.forms.limit", "int", 9, 9), ("settings.forms.rate", "decimal", "0.25", "0.10"), ("settings.forms.home", "choice", "asia", "asia")])
        rate = group["settings"][1]
        lines = DEFINITIONS.splitlines()
        self.assertTrue(rate["file"].endswith("forms.yaml"))
        self.assertIn("rate:", lines[rate["line"] - 1])
        self.assertEqual(group["settings"][2]["value_label"], "Asia")

    def test_the_model_tells_which_forms_ask(self):
        model = self.ok(self.admin.get("/model")).json
        trip = model["entities"]["forms.trip"]
        self.assertTrue(trip["live"])
        fields = {one["name"]: one for one in trip["fields"]}
        self.assertEqual((fields["country"]["depends_on"], fields["region"]["depends_on"], fields["visa"]["required"]), ("region", None, False))
        self.assertEqual([option["of"] for option in model["choices"]["forms.country"]], [["asia"], ["europe"]])
        self.assertNotIn("settings.forms", json.dumps(model))


class ChangedSettings(ServerCase):
    @classmethod
    def configure(cls):
        (cls.server.config / "forms.yaml").write_text(DEFINITIONS)

    def test_a_setting_counts_after_a_reload(self):
        admin = self.server.client("admin")
        self.problem(admin.post(TRIP, {"seats": 12}), 422, "invalid_record")
        (self.server.config / "forms.yaml").write_text(DEFINITIONS.replace("default: 9", "default: 9, value: 20"))
        self.ok(admin.post("/admin/reload", {}))
        self.ok(admin.post(TRIP, {"seats": 12}), 201)
        listed = self.ok(admin.get("/admin/settings")).json["items"]
        limit = next(group for group in listed if group["module"] == "forms")["settings"][0]
        self.assertEqual((limit["value"], limit["default"]), (20, 9))
