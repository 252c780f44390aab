"""Fields with several values, and what becomes of references when their target is deleted, over HTTP."""

import concurrent.futures
import json

from caravan import ServerCase, indexed, query

DEFINITIONS = """\
kind: choices
name: club.trait
label: {en: Trait, zh-CN: 特点, zh-TW: 特點}
options:
  gold: {label: {en: Gold, zh-CN: 金, zh-TW: 金}}
  loud: {label: {en: Loud, zh-CN: 响, zh-TW: 響}}
  old: {label: {en: Old, zh-CN: 旧, zh-TW: 舊}, active: false}
---
kind: entity
name: club.member
label: {en: Member, zh-CN: 会员, zh-TW: 會員}
title: name
fields:
  name: {type: localized, max: 40, required: true, search: true, label: {en: Name, zh-CN: 名称, zh-TW: 名稱}}
  traits: {type: multi, choices: club.trait, default: [gold], label: {en: Traits, zh-CN: 特点, zh-TW: 特點}}
---
kind: entity
name: club.party
label: {en: Party, zh-CN: 聚会, zh-TW: 聚會}
fields:
  title: {type: text, max: 40, label: {en: Title, zh-CN: 标题, zh-TW: 標題}}
  guests: {type: refs, to: club.member, label: {en: Guests, zh-CN: 客人, zh-TW: 客人}}
  helpers: {type: refs, to: club.member, delete: clear, label: {en: Helpers, zh-CN: 帮手, zh-TW: 幫手}}
  host: {type: ref, to: club.member, delete: cascade, label: {en: Host, zh-CN: 主人, zh-TW: 主人}}
  staff: {type: refs, to: core.user, label: {en: Staff, zh-CN: 员工, zh-TW: 員工}}
---
kind: view
name: club.party_list
entity: club.party
label: {en: Parties, zh-CN: 聚会, zh-TW: 聚會}
columns: [title, guests, host]
---
kind: role
name: club.waiter
label: {en: Waiter, zh-CN: 侍者, zh-TW: 侍者}
grants:
  club.party: {read: "user.id in record.staff", update: "user.id in record.staff"}
  club.member: {read: "'gold' in record.traits"}
"""


class Lists(ServerCase):
    @classmethod
    def configure(cls):
        (cls.server.config / "club.yaml").write_text(DEFINITIONS, encoding="utf-8")

    @classmethod
    def prepare(cls):
        cls.server.add_user("wei", "Wei", "club.waiter")

    def setUp(self):
        self.admin = self.server.client("admin")

    def member(self, name="Ann", **fields):
        return self.create(self.admin, "club.member", name={"en": name, "zh-CN": name + "人"}, **fields)

    def party(self, **fields):
        return self.create(self.admin, "club.party", **fields)

    def read(self, record, client=None, entity="club.party", **parameters):
        path = f"/records/{entity}/{record['id']}" + (query(**parameters) if parameters else "")
        return self.ok((client or self.admin).get(path)).json

    def titles(self, filter, client=None):
        answer = self.ok((client or self.admin).get("/records/club.party" + query(filter=filter, sort="title")))
        return [item["title"] for item in answer.json["items"]]

    def delete(self, entity, record):
        return self.admin.delete(f"/records/{entity}/{record['id']}", If_Match="*")

    def test_values_come_back_as_they_are_kept(self):
        a, b = self.member(traits=["loud", "gold", "loud"]), self.member("Bo")
        self.assertEqual(a["traits"], ["gold", "loud"])
        self.assertEqual(b["traits"], ["gold"], "the default")
        self.assertEqual(a["name"], {"en": "Ann", "zh-CN": "Ann人"})
        made = self.party(title="values", guests=[b["id"], a["id"], b["id"]])
        self.assertEqual(made["guests"], [b["id"], a["id"]])
        self.assertEqual(self.read(made)["guests"], [b["id"], a["id"]])
        changed = self.ok(self.admin.patch(f"/records/club.party/{made['id']}", {"guests": []}, If_Match="*")).json
        self.assertIsNone(changed["guests"])
        for wrong in ({"guests": ["0"]}, {"guests": "7"}, {"guests": ["999999999999"]}, {"guests": [[]]}):
            self.problem(self.admin.post("/records/club.party", wrong), 422, "invalid_record")
        self.problem(self.admin.post("/records/club.member", {"name": {"en": "x"}, "traits": ["blue"]}), 422, "invalid_record")
        self.problem(self.admin.post("/records/club.member", {"name": {}}), 422, "invalid_record")

    def test_lists_are_filtered_by_one_element(self):
        a, b = self.member(), self.member()
        self.party(title="f1", guests=[a["id"], b["id"]])
        self.party(title="f2", guests=[b["id"]])
        self.party(title="f3")
        mine = "record.title.startsWith('f') && "
        self.assertEqual(self.titles(mine + f"{b['id']} in record.guests"), ["f1", "f2"])
        self.assertEqual(self.titles(mine + f"record.guests.exists(g, g == {a['id']})"), ["f1"])
        self.assertEqual(self.titles(mine + "size(record.guests) > 1"), ["f1"])
        self.assertEqual(self.titles(mine + "record.guests == null"), ["f3"])
        self.assertEqual(self.titles(mine + f"!({a['id']} in record.guests)"), ["f2"])
        for parameters in ({"sort": "guests"}, {"filter": "record.guests.all(g, g > 0)"}):
            self.problem(self.admin.get("/records/club.party" + query(**parameters)), 400, "invalid_argument")
        self.problem(self.admin.get("/records/club.party/aggregate" + query(group="guests")), 400, "invalid_argument")

    def test_titles_are_in_the_readers_language(self):
        a = self.member("Zoe")
        made = self.party(title="titles", guests=[a["id"]], host=a["id"])
        for language, title in (("en", "Zoe"), ("zh-CN", "Zoe人"), ("zh-TW", "Zoe人")):
            answer = self.ok(self.admin.get(f"/records/club.party/{made['id']}?expand=guests,host", Accept_Language=language)).json
            self.assertEqual(answer["expanded"]["host"]["title"], title)
            self.assertEqual(answer["expanded"]["guests"], [{"id": a["id"], "title": title}])
        items = self.ok(self.admin.get("/records/club.party" + query(expand="guests", filter="record.title == 'titles'"), Accept_Language="en")).json["items"]
        self.assertEqual([item["expanded"]["guests"][0]["title"] for item in items], ["Zoe"])
        events = self.ok(self.admin.get(f"/records/club.party/{made['id']}/timeline", Accept_Language="en")).json["items"]
        told = {change["field"]: change["new_text"] for change in events[0]["changes"]}
        self.assertEqual(told["guests"], "Zoe")
        indexed(self.admin)
        found = self.ok(self.admin.get("/records/club.member" + query(q="Zoe人"))).json["items"]
        self.assertEqual([item["id"] for item in found], [a["id"]])

    def test_rules_of_roles_ask_for_elements(self):
        wei = self.server.client("wei")
        me = self.ok(wei.get("/me")).json["id"]
        gold, loud = self.member(traits=["gold"]), self.member(traits=["loud"])
        mine = self.party(title="r1", staff=[me], guests=[gold["id"], loud["id"]])
        other = self.party(title="r2")
        self.assertEqual(self.titles("record.title.startsWith('r')", wei), ["r1"])
        self.assertEqual(wei.get(f"/records/club.party/{other['id']}").status, 404)
        seen = self.read(mine, wei, expand="guests")
        self.assertEqual([one["id"] for one in seen["expanded"]["guests"]], [gold["id"]], "who may not be seen has no title")
        # Members whom he may not see he cannot name, but those that are there he may leave.
        self.problem(wei.patch(f"/records/club.party/{mine['id']}", {"helpers": [loud["id"]]}, If_Match="*"), 422, "invalid_record")
        self.ok(wei.patch(f"/records/club.party/{mine['id']}", {"guests": [loud["id"]]}, If_Match="*"))

    def test_delete_rules(self):
        a, b, c = self.member("A"), self.member("B"), self.member("C")
        guests = self.party(title="d1", guests=[a["id"]])
        helped = self.party(title="d2", helpers=[a["id"], b["id"]])
        hosted = self.party(title="d3", host=a["id"], guests=[a["id"], c["id"]])
        self.problem(self.delete("club.member", a), 409, "conflict")
        self.assertEqual(self.read(hosted)["version"], 1, "nothing of a refused deletion happened")
        self.assertEqual(self.read(helped)["helpers"], [a["id"], b["id"]])
        self.ok(self.delete("club.party", guests), 204)
        self.ok(self.delete("club.member", a), 204)
        self.assertEqual(self.admin.get(f"/records/club.party/{hosted['id']}").status, 404)
        left = self.read(helped)
        self.assertEqual((left["helpers"], left["version"]), ([b["id"]], 2))
        events = self.ok(self.admin.get(f"/records/club.party/{helped['id']}/timeline")).json["items"]
        self.assertTrue(events[0]["note"])
        self.assertEqual(events[0]["changes"][0]["new"], [b["id"]])
        # Brought back one after the other.
        self.problem(self.admin.post(f"/records/club.party/{hosted['id']}/restore", {}), 409, "conflict")
        self.ok(self.admin.post(f"/records/club.member/{a['id']}/restore", {}))
        self.assertEqual(self.ok(self.admin.post(f"/records/club.party/{hosted['id']}/restore", {})).json["guests"], [a["id"], c["id"]])
        self.assertEqual(self.read(helped)["helpers"], [b["id"]])

    def test_writers_and_deletions_at_once_leave_no_reference_to_nothing(self):
        members = [self.member(str(i)) for i in range(12)]

        def refer(member):
            return self.server.client("admin").post("/records/club.party", {"title": "c", "guests": [member["id"]], "helpers": [m["id"] for m in members]}).status

        def remove(member):
            return self.server.client("admin").delete(f"/records/club.member/{member['id']}", If_Match="*").status

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda job: job[0](job[1]), [(do, m) for m in members for do in (refer, remove)]))
        self.assertLessEqual(set(answers), {201, 204, 404, 409, 422}, answers)
        alive = {item["id"] for item in self.ok(self.admin.get("/records/club.member?limit=200")).json["items"]}
        for item in self.ok(self.admin.get("/records/club.party" + query(filter="record.title == 'c'", limit=200))).json["items"]:
            self.assertLessEqual(set(item["guests"] or []) | set(item["helpers"] or []), alive, item)

    def test_the_model_and_the_description_know_the_types(self):
        entity = self.ok(self.admin.get("/model?locale=en")).json["entities"]["club.party"]
        fields = {field["name"]: field for field in entity["fields"]}
        self.assertEqual((fields["guests"]["type"], fields["guests"]["to"], fields["guests"]["sortable"]), ("refs", "club.member", False))
        member = {f["name"]: f for f in self.ok(self.admin.get("/model?locale=en")).json["entities"]["club.member"]["fields"]}
        self.assertEqual((member["traits"]["type"], member["traits"]["default"]), ("multi", ["gold"]))
        self.assertEqual((member["name"]["type"], member["name"]["max"]), ("localized", 40))
        described = json.dumps(self.ok(self.admin.get("/openapi.json")).json)
        self.assertIn('"maxItems": 200', described)

    def test_tables_are_imported(self):
        csv = self.server.home / "members.csv"
        csv.write_text('Id,Name,Traits\nm1,"{""en"": ""Imp""}",loud;gold\nm2,进口,\nm3,x,blue\n', encoding="utf-8")
        mapping = self.server.home / "members.yaml"
        mapping.write_text("kind: import_map\nname: members\nentity: club.member\nsource: members_file\nrecords:\n  member:\n    entity: club.member\n"
                           "    external_id: {column: Id}\n    fields:\n      name: {column: Name}\n      traits: {column: Traits}\n", encoding="utf-8")
        self.server.cli("import", "club.member", csv, "--map", mapping)
        rows = self.ok(self.admin.get("/records/club.member" + query(filter="record.external_source == 'members_file'", sort="external_id"))).json["items"]
        self.assertEqual([(row["name"], row["traits"]) for row in rows], [({"en": "Imp"}, ["gold", "loud"]), ({"zh-CN": "进口"}, ["gold"])])
