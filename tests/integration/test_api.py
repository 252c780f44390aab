"""The HTTP API as a client sees it: sessions, records, versions, rights, workflow, history."""

import concurrent.futures
import datetime
import gzip
import unicodedata

import caravan
from caravan import SALES, STAFF_PASSWORD, Client, ServerCase, indexed, query

MANAGER = "sales.sales_manager"
AUDITOR = "sales.auditor"
STEPS = [("contact", "contacted"), ("qualify", "qualified"), ("propose", "proposed"), ("win", "won")]


class Sessions(ServerCase):
    @classmethod
    def prepare(cls):
        cls.server.add_user("li.na", "李娜", SALES)

    def test_login_me_logout(self):
        client = self.server.client()
        answer = self.ok(client.login("li.na", STAFF_PASSWORD))
        cookie = answer.headers["Set-Cookie"]
        self.assertTrue(cookie.startswith("caravan_session="))
        self.assertIn("HttpOnly", cookie)
        self.assertIn("SameSite=Lax", cookie)
        me = self.ok(client.get("/me")).json
        self.assertEqual((me["username"], me["name"], me["roles"], me["administrator"]), ("li.na", "李娜", [SALES], False))
        self.assertEqual(me["csrf"], client.csrf)
        self.ok(client.delete("/session"), 204)
        self.problem(client.get("/me"), 401, "unauthenticated")

    def test_wrong_password_and_unknown_user_look_the_same(self):
        wrong = self.problem(self.server.client().login("li.na", "wrong-password"), 401, "unauthenticated")
        unknown = self.problem(self.server.client().login("nobody.here", "wrong-password"), 401, "unauthenticated")
        self.assertEqual(wrong["detail"], unknown["detail"])

    def test_nothing_without_a_session(self):
        for method, path in (("GET", "/me"), ("GET", "/records/sales.inquiry"), ("POST", "/records/sales.inquiry"), ("GET", "/model"),
                             ("GET", "/admin/plugins"), ("POST", "/admin/reload"), ("POST", "/tokens"), ("GET", "/records/no.such"),
                             ("DELETE", "/records/customers.customer/1"), ("POST", "/import/sales.inquiry")):
            with self.subTest(path):
                self.problem(self.server.client().request(method, path, {} if method == "POST" else None), 401, "unauthenticated")

    def test_what_the_console_begins_with_travels_packed(self):
        client = self.server.client("li.na")
        plain = self.ok(client.get("/model"))
        self.assertIsNone(plain.headers["Content-Encoding"])
        packed = self.ok(client.get("/model", Accept_Encoding="gzip, br"))
        self.assertEqual((packed.headers["Content-Encoding"], gzip.decompress(packed.body)), ("gzip", plain.body))
        self.assertLess(len(packed.body), len(plain.body) / 4)
        self.assertIn("Accept-Encoding", packed.headers["Vary"])
        self.assertEqual(self.ok(client.get("/model", Accept_Encoding="gzip;q=0")).body, plain.body)
        self.assertNotEqual(plain.etag, packed.etag)
        for coding in ("gzip", "identity"):
            for seen in (plain.etag, packed.etag):
                with self.subTest(coding=coding, seen=seen):
                    self.assertEqual(self.ok(client.get("/model", Accept_Encoding=coding, If_None_Match=seen), 304).etag, seen)
        self.assertEqual(self.ok(client.get("/openapi.json", Accept_Encoding="gzip")).etag[-6:], '-gzip"')

    def test_writes_with_a_cookie_need_the_csrf_token(self):
        client = self.server.client("li.na")
        for token in (None, "wrong"):
            client.csrf = token
            self.problem(client.post("/records/customers.customer", {"kind": "person", "name": "伪造"}), 403, "forbidden")
        self.assertEqual(self.count(client, "customers.customer", filter='record.name == "伪造"'), 0)

    def test_bearer_tokens(self):
        client = self.server.client("li.na")
        made = self.ok(client.post("/tokens", {"label": "script"}), 201).json
        self.assertTrue(made["token"].startswith("cvn_"))
        self.assertNotIn(made["token"], self.ok(client.get("/tokens")).body.decode())
        script = Client(self.server.port)
        script.bearer = made["token"]
        self.assertEqual(self.ok(script.get("/me")).json["username"], "li.na")
        self.create(script, "customers.customer", kind="person", name="脚本")
        self.ok(client.delete(f"/tokens/{made['id']}"), 204)

        def refused():
            return script.get("/me").status == 401
        caravan.wait_until(refused, 3, "a revoked token is refused")

    def test_an_expired_token_is_refused(self):
        client = self.server.client("li.na")
        past = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = client.post("/tokens", {"label": "old", "expires_at": past})
        if answer.status == 201:
            script = Client(self.server.port)
            script.bearer = answer.json["token"]
            self.problem(script.get("/me"), 401, "unauthenticated")
        else:
            self.assertIn(answer.status, (400, 422), answer)

    def test_a_token_makes_none_that_outlives_it(self):
        client = self.server.client("li.na")

        def after(days):
            return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        soon = after(1)
        script = Client(self.server.port)
        script.bearer = self.ok(client.post("/tokens", {"label": "short", "expires_at": soon}), 201).json["token"]
        ends = [self.ok(script.post("/tokens", {"label": "child", **more}), 201).json["expires_at"]
                for more in ({}, {"expires_at": after(9)}, {"expires_at": after(0.5)})]
        self.assertEqual([one[:16] for one in ends], [soon[:16], soon[:16], after(0.5)[:16]])
        self.assertIsNone(self.ok(client.post("/tokens", {"label": "long"}), 201).json["expires_at"])

    def test_own_password(self):
        self.server.add_user("pass.word", "密码", SALES)
        client = self.server.client("pass.word")
        self.assertIn(client.post("/me/password", {"current": "wrong-one-1", "new": "new-password-1"}).status, (401, 403, 422))
        self.assertIn(client.post("/me/password", {"current": STAFF_PASSWORD, "new": "short"}).status, (400, 422))
        script = Client(self.server.port)
        script.bearer = self.ok(client.post("/tokens", {"label": "made before"}), 201).json["token"]
        self.ok(script.get("/me"))
        self.ok(client.post("/me/password", {"current": STAFF_PASSWORD, "new": "new-password-1"}), 204)
        self.assertEqual(script.get("/me").status, 401)
        self.assertEqual(self.server.client().login("pass.word", STAFF_PASSWORD).status, 401)
        self.server.client("pass.word", "new-password-1")

    def test_guessing_is_slowed_down(self):
        self.server.add_user("guess.me", "猜", SALES)
        statuses = [self.server.client().login("guess.me", f"wrong-{i}").status for i in range(30)]
        self.assertIn(429, statuses)
        self.assertNotIn(200, statuses)


class Records(ServerCase):
    @classmethod
    def prepare(cls):
        cls.server.add_user("li.na", "李娜", SALES)
        cls.server.add_user("chen.jing", "陈静", AUDITOR)
        cls.sales = cls.server.client("li.na")
        cls.customer = cls.sales.post("/records/customers.customer", {"kind": "person", "name": "王芳"}).json

    def setUp(self):
        self.sales = self.server.client("li.na")

    def inquiry(self, **fields):
        return self.create(self.sales, "sales.inquiry", **{"customer": self.customer["id"], "channel": "phone", **fields})

    def test_create_answers_the_record(self):
        answer = self.ok(self.sales.post("/records/sales.inquiry", {
            "customer": self.customer["id"], "channel": "phone", "destination": "  昆明 ", "party_size": 4, "budget": "12000.5",
            "depart_on": "2027-02-10"}), 201)
        record = answer.json
        self.assertEqual(answer.etag, '"1"')
        self.assertTrue(answer.headers["Location"].endswith(f"/records/sales.inquiry/{record['id']}"))
        self.assertEqual((record["version"], record["state"], record["destination"], record["party_size"]), (1, "new", "昆明", 4))
        self.assertEqual((record["budget"], record["budget_currency"], record["depart_on"]), ("12000.50", "CNY", "2027-02-10"))
        self.assertIsInstance(record["id"], str)
        self.assertEqual(record["customer"], self.customer["id"])
        self.assertRegex(record["number"], r"^\S+-\d{4}-\d{6}$")
        self.assertRegex(record["created_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        again = self.ok(self.sales.get(f"/records/sales.inquiry/{record['id']}"))
        self.assertEqual((again.json, again.etag), (record, '"1"'))

    def test_numbers_are_never_given_twice(self):
        def make(_):
            client = self.server.client("li.na")
            return [self.ok(client.post("/records/sales.inquiry", {"customer": self.customer["id"], "channel": "phone"}), 201).json["number"]
                    for _ in range(20)]
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            numbers = [number for made in pool.map(make, range(6)) for number in made]
        self.assertEqual(len(set(numbers)), 120)

    def test_edits_need_the_version_that_was_seen(self):
        path = f"/records/sales.inquiry/{self.inquiry(party_size=2)['id']}"
        self.problem(self.sales.patch(path, {"party_size": 3}), 428, "precondition_required")
        changed = self.ok(self.sales.patch(path, {"party_size": 3}, If_Match='"1"'))
        self.assertEqual((changed.etag, changed.json["party_size"], changed.json["version"]), ('"2"', 3, 2))
        stale = self.problem(self.sales.patch(path, {"party_size": 4}, If_Match='"1"'), 412, "stale")
        self.assertEqual((stale["current"]["version"], stale["current"]["party_size"]), (2, 3))
        self.assertEqual(self.ok(self.sales.patch(path, {"party_size": 5}, If_Match="*")).json["version"], 3)
        self.assertIn(self.sales.patch(path, {"party_size": 6}, If_Match="three").status, (400, 412))

    def test_an_edit_that_changes_nothing_writes_nothing(self):
        path = f"/records/sales.inquiry/{self.inquiry(destination='大理')['id']}"
        self.assertEqual(self.ok(self.sales.patch(path, {"destination": "大理"}, If_Match='"1"')).json["version"], 1)

    def test_merge_patch_null_empties_a_field(self):
        path = f"/records/sales.inquiry/{self.inquiry(destination='大理', party_size=2)['id']}"
        changed = self.ok(self.sales.patch(path, {"destination": None}, If_Match="*")).json
        self.assertEqual((changed["destination"], changed["party_size"]), (None, 2))

    def test_concurrent_edits_never_lose_one(self):
        path = f"/records/sales.inquiry/{self.inquiry(followups=0)['id']}"

        def count_up(_):
            client, done = self.server.client("li.na"), 0
            while done < 15:
                seen = client.get(path)
                answer = client.patch(path, {"followups": seen.json["followups"] + 1}, If_Match=seen.etag)
                self.assertIn(answer.status, (200, 412), answer)
                done += answer.status == 200
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(count_up, range(4)))
        record = self.ok(self.sales.get(path)).json
        self.assertEqual((record["followups"], record["version"]), (60, 61))

    def test_each_wrong_field_is_told(self):
        answer = self.sales.post("/records/sales.inquiry", {"channel": "pigeon", "party_size": 0, "budget": "12.345", "depart_on": "2027-02-30",
                                                            "nonsense": 1, "destination": "x" * 5000})
        problem = self.problem(answer, 422, "invalid_record")
        fields = {mistake["field"] for mistake in problem["errors"]}
        self.assertLessEqual({"channel", "nonsense", "depart_on"}, fields)
        self.assertTrue(all(mistake["message"] and mistake["code"] for mistake in problem["errors"]))

    def test_required_fields_and_references(self):
        missing = self.problem(self.sales.post("/records/sales.inquiry", {"channel": "phone"}), 422, "invalid_record")
        self.assertEqual([mistake["field"] for mistake in missing["errors"]], ["customer"])
        for reference in ("999999999", "abc", 7, self.inquiry()["id"] + "0000"):
            with self.subTest(reference):
                answer = self.sales.post("/records/sales.inquiry", {"customer": reference, "channel": "phone"})
                self.assertEqual(self.problem(answer, 422, "invalid_record")["errors"][0]["field"], "customer")

    def test_system_fields_are_not_for_clients(self):
        for field, value in (("id", "5"), ("version", 9), ("state", "won"), ("number", "X-1"), ("created_at", "2020-01-01T00:00:00Z")):
            with self.subTest(field):
                answer = self.sales.post("/records/sales.inquiry", {"customer": self.customer["id"], "channel": "phone", field: value})
                self.assertEqual(answer.status, 422, answer)

    def test_bodies_that_are_no_json_object(self):
        for body in ("", "{", "[]", "7", '{"name":"a","name":"b"}', "{\"name\":\"\xff\"}".encode("latin-1"), '{"a":' * 5000, "null"):
            with self.subTest(str(body)[:30]):
                answer = self.sales.request("POST", "/records/customers.customer", body, {"Content-Type": "application/json"})
                self.assertIn(answer.status, (400, 422), answer)

    def test_what_is_not_there(self):
        for path in ("/records/sales.inquiry/999999999", "/records/sales.inquiry/abc", "/records/no.such", "/records/sales.inquiry/1/nothing",
                     "/nothing"):
            with self.subTest(path):
                self.problem(self.sales.get(path), 404, "not_found")

    def test_delete_needs_the_version_and_no_references(self):
        admin = self.server.client("admin")
        customer = self.create(admin, "customers.customer", kind="person", name="将删除")
        inquiry = self.create(admin, "sales.inquiry", customer=customer["id"], channel="phone")
        path = f"/records/customers.customer/{customer['id']}"
        self.problem(admin.delete(path), 428, "precondition_required")
        self.problem(admin.delete(path, If_Match='"9"'), 412, "stale")
        self.problem(admin.delete(path, If_Match='"1"'), 409, "conflict")
        self.ok(admin.delete(f"/records/sales.inquiry/{inquiry['id']}", If_Match='"1"'), 204)
        self.ok(admin.delete(path, If_Match='"1"'), 204)
        self.problem(admin.get(path), 404, "not_found")

    def test_not_modified(self):
        path = f"/records/sales.inquiry/{self.inquiry()['id']}"
        self.assertEqual(self.sales.get(path, If_None_Match='"1"').status, 304)
        self.ok(self.sales.get(path, If_None_Match='"7"'))

    def test_chinese_text_comes_back_as_it_was(self):
        for text in ("𠮷野家 🏔️", "ça e\u0301té", "a'b\"c\\d`e;--", "%_\\%", "一" * 100):
            with self.subTest(text):
                record = self.inquiry(destination=text)
                self.assertEqual(record["destination"], nfc(text))
                found = self.ok(self.sales.get("/records/sales.inquiry" + query(filter=f"record.id == {record['id']}"))).json["items"]
                self.assertEqual([r["destination"] for r in found], [nfc(text)])

    def test_who_only_reads_does_not_write(self):
        auditor = self.server.client("chen.jing")
        record = self.inquiry()
        path = f"/records/sales.inquiry/{record['id']}"
        self.ok(auditor.get(path))
        self.problem(auditor.post("/records/sales.inquiry", {"customer": self.customer["id"], "channel": "phone"}), 403, "forbidden")
        self.problem(auditor.patch(path, {"party_size": 9}, If_Match="*"), 403, "forbidden")
        self.problem(auditor.delete(path, If_Match="*"), 403, "forbidden")
        self.problem(auditor.post(path + "/transitions/contact", {}), 403, "forbidden")
        self.assertEqual(self.ok(self.sales.get(path)).json, record)

    def test_expand(self):
        record = self.inquiry()
        got = self.ok(self.sales.get(f"/records/sales.inquiry/{record['id']}?expand=customer,owner")).json
        self.assertEqual(got["expanded"]["customer"], {"id": self.customer["id"], "title": "王芳"})

    def test_model_has_what_the_user_may_see(self):
        model = self.ok(self.sales.get("/model?locale=zh-CN")).json
        inquiry = model["entities"]["sales.inquiry"]
        self.assertEqual(inquiry["label"], "咨询")
        self.assertTrue(inquiry["rights"]["create"])
        self.assertEqual(inquiry["initial"], "new")
        self.assertTrue(inquiry["forms"] and inquiry["views"] and inquiry["states"])
        for entity in model["entities"].values():
            for field in entity["fields"]:
                self.assertTrue(field["label"], f"{entity['name']}.{field['name']} has no label")
        auditor = self.ok(self.server.client("chen.jing").get("/model?locale=en")).json
        self.assertFalse(auditor["entities"]["sales.inquiry"]["rights"]["create"])

    def test_errors_speak_the_language_asked_for(self):
        english = self.sales.post("/records/sales.inquiry", {}, Accept_Language="en")
        chinese = self.sales.post("/records/sales.inquiry", {}, Accept_Language="zh-CN")
        self.assertNotEqual(english.json["errors"][0]["message"], chinese.json["errors"][0]["message"])

    def test_administration_is_for_administrators(self):
        self.problem(self.sales.get("/admin/plugins"), 403, "forbidden")
        plugins = self.ok(self.server.client("admin").get("/admin/plugins")).json["items"]
        self.assertEqual({p["name"] for p in plugins if p["state"] == "enabled"}, {"customers", "sales"})


def nfc(text):
    return unicodedata.normalize("NFC", text)


class Lists(ServerCase):
    @classmethod
    def prepare(cls):
        cls.admin = cls.server.client("admin")
        customer = cls.admin.post("/records/customers.customer", {"kind": "person", "name": "列表"}).json["id"]
        for i in range(57):
            answer = cls.admin.post("/records/sales.inquiry", {
                "customer": customer, "channel": ["phone", "website", "wechat"][i % 3], "destination": ["昆明", "大理", None][i % 3],
                "party_size": 1 + i % 5, "budget": f"{1000 + 10 * i}.00", "depart_on": f"2027-{1 + i % 12:02d}-{1 + i % 28:02d}"})
            if answer.status != 201:
                raise AssertionError(repr(answer))

    def setUp(self):
        self.admin = self.server.client("admin")

    def ids(self, **parameters):
        return [record["id"] for record in self.ok(self.admin.get("/records/sales.inquiry" + query(**parameters))).json["items"]]

    def test_pages_hold_every_record_once(self):
        for sort in ("-created_at", "party_size", "destination", "-budget,party_size", "depart_on"):
            with self.subTest(sort):
                seen, after = [], None
                while True:
                    page = self.ok(self.admin.get("/records/sales.inquiry" + query(sort=sort, limit=7, **({"after": after} if after else {}))))
                    seen += [record["id"] for record in page.json["items"]]
                    after = page.json["next"]
                    if not after:
                        break
                    self.assertIn('rel="next"', page.headers["Link"])
                self.assertEqual((len(seen), len(set(seen))), (57, 57))
                self.assertEqual(seen, self.ids(sort=sort, limit=200))

    def test_a_record_made_meanwhile_does_not_shift_a_page(self):
        first = self.ok(self.admin.get("/records/sales.inquiry" + query(sort="party_size", limit=10))).json
        customer = first["items"][0]["customer"]
        made = self.create(self.admin, "sales.inquiry", customer=customer, channel="phone", party_size=1)
        second = self.ids(sort="party_size", limit=10, after=first["next"])
        self.ok(self.admin.delete(f"/records/sales.inquiry/{made['id']}", If_Match="*"), 204)
        self.assertFalse({r["id"] for r in first["items"]} & set(second))

    def test_filters(self):
        for condition, number in (('record.state == "new"', 57), ('record.channel == "phone"', 19), ("record.party_size > 4", 11),
                                  ("record.destination == null", 19), ('record.destination != "昆明"', 38),
                                  ('record.destination == "大理" && record.party_size == 2', 4),
                                  ('record.channel in ["phone", "wechat"]', 38), ("!(record.party_size > 1)", 12),
                                  ('record.destination.startsWith("昆")', 19), ("record.budget >= decimal('1500')", 7)):
            with self.subTest(condition):
                answer = self.admin.get("/records/sales.inquiry" + query(filter=condition, count=1, limit=200))
                self.assertEqual(self.ok(answer).json["total"], number, condition)
                self.assertEqual(len(answer.json["items"]), number)

    def test_filters_that_make_no_sense_are_refused_with_the_reason(self):
        for condition, word in (("record.nonsense == 1", "nonsense"), ("record.party_size ==", ""), ('record.party_size == "x"', ""),
                                ("record.party_size", ""), ("1; DROP TABLE users", ""), ("(" * 500 + "true" + ")" * 500, "")):
            with self.subTest(condition[:40]):
                problem = self.problem(self.admin.get("/records/sales.inquiry" + query(filter=condition)), 400, "invalid_argument")
                self.assertIn(word, problem["detail"] + str(problem.get("errors", "")))

    def test_other_parameters_are_checked(self):
        for parameters in ({"limit": 0}, {"limit": 100000}, {"limit": "many"}, {"sort": "nonsense"}, {"after": "garbage"}, {"fields": "nonsense"},
                           {"expand": "nonsense"}):
            with self.subTest(parameters):
                self.problem(self.admin.get("/records/sales.inquiry" + query(**parameters)), 400, "invalid_argument")

    def test_only_the_fields_asked_for(self):
        item = self.ok(self.admin.get("/records/sales.inquiry" + query(fields="destination,party_size", limit=1))).json["items"][0]
        self.assertEqual(set(item), {"id", "version", "destination", "party_size"})

    def test_search_words(self):
        indexed(self.admin)
        found = self.ok(self.admin.get("/records/sales.inquiry" + query(q="昆明", limit=200))).json["items"]
        self.assertEqual(len(found), 19)
        self.assertEqual(self.ids(q="没有这个地方"), [])
        self.assertEqual(self.ids(q="%"), [])


class Workflow(ServerCase):
    @classmethod
    def prepare(cls):
        cls.server.add_user("li.na", "李娜", SALES)
        cls.server.add_user("wang.wei", "王伟", MANAGER)
        cls.server.add_user("chen.jing", "陈静", AUDITOR)

    def setUp(self):
        self.sales = self.server.client("li.na")
        self.customer = self.create(self.sales, "customers.customer", kind="person", name="流程客户")

    def inquiry(self, **fields):
        record = self.create(self.sales, "sales.inquiry", **{
            "customer": self.customer["id"], "channel": "phone", "destination": "丽江", "depart_on": "2027-05-01", "party_size": 2,
            "budget": "8000.00", **fields})
        return record, f"/records/sales.inquiry/{record['id']}"

    def test_from_new_to_won_with_empty_bodies_and_every_step_on_the_timeline(self):
        _, path = self.inquiry()
        for number, (step, state) in enumerate(STEPS):
            offered = self.ok(self.sales.get(path + "/transitions"))
            self.assertEqual(offered.etag, f'"{number + 1}"')
            item = next(item for item in offered.json["items"] if item["name"] == step)
            self.assertTrue(item["allowed"], item)
            self.assertEqual(item["to"], state)
            body = b"" if number % 2 else {}
            answer = self.ok(self.sales.request("POST", f"{path}/transitions/{step}", body, {"Content-Type": "application/json"}))
            self.assertEqual((answer.json["state"], answer.json["version"], answer.etag), (state, number + 2, f'"{number + 2}"'))
        timeline = self.ok(self.sales.get(path + "/timeline")).json["items"]
        self.assertEqual([event["action"] for event in timeline], [f"transition:{step}" for step, _ in reversed(STEPS)] + ["create"])
        self.assertEqual({event["actor"]["name"] for event in timeline}, {"李娜"})
        self.assertTrue(all(event["request_id"] and event["at"] for event in timeline))
        state_change = next(change for change in timeline[0]["changes"] if change["field"] == "state")
        self.assertEqual((state_change["old"], state_change["new"]), ("proposed", "won"))
        self.assertTrue(state_change["new_text"])

    def test_only_from_where_it_leads(self):
        _, path = self.inquiry()
        self.problem(self.sales.post(path + "/transitions/win", {}), 409, "conflict")
        self.problem(self.sales.post(path + "/transitions/no_such_step", {}), 404, "not_found")
        self.assertEqual(self.ok(self.sales.get(path)).json["version"], 1)

    def test_a_role_without_the_right_gets_403(self):
        record, path = self.inquiry()
        auditor = self.server.client("chen.jing")
        self.problem(auditor.post(path + "/transitions/contact", {}), 403, "forbidden")
        offered = self.ok(auditor.get(path + "/transitions")).json["items"]
        self.assertFalse(any(item["allowed"] for item in offered))
        self.assertTrue(all(item["why"] for item in offered))
        self.assertEqual(self.ok(self.sales.get(path)).json, record)

    def test_a_stale_version_gets_412(self):
        _, path = self.inquiry()
        self.ok(self.sales.patch(path, {"party_size": 3}, If_Match='"1"'))
        self.problem(self.sales.post(path + "/transitions/contact", {}, If_Match='"1"'), 412, "stale")
        self.ok(self.sales.post(path + "/transitions/contact", {}, If_Match='"2"'))

    def test_a_guard_that_does_not_hold_gets_422_in_words(self):
        _, path = self.inquiry(party_size=None)
        self.ok(self.sales.post(path + "/transitions/contact", {}))
        for locale, words in (("zh-CN", "请先填写出行人数"), ("en", "number of travellers")):
            problem = self.problem(self.sales.post(path + "/transitions/qualify", {}, Accept_Language=locale), 422, "invalid_record")
            self.assertIn(words, problem["detail"] + str(problem.get("errors")))
        self.assertEqual(self.ok(self.sales.get(path)).json["state"], "contacted")
        offered = self.ok(self.sales.get(path + "/transitions", Accept_Language="zh-CN")).json["items"]
        qualify = next(item for item in offered if item["name"] == "qualify")
        self.assertFalse(qualify["allowed"])
        self.assertIn("请先填写出行人数", qualify["why"])
        self.ok(self.sales.patch(path, {"party_size": 2}, If_Match="*"))
        self.ok(self.sales.post(path + "/transitions/qualify", {}))

    def test_a_step_that_only_the_manager_may_do(self):
        _, path = self.inquiry()
        self.ok(self.sales.post(path + "/transitions/lose", {"input": {"lost_reason": "price"}}))
        self.problem(self.sales.post(path + "/transitions/reopen", {}), 403, "forbidden")
        self.assertEqual(self.ok(self.server.client("wang.wei").post(path + "/transitions/reopen", {})).json["state"], "contacted")

    def test_a_colleagues_record_is_not_edited(self):
        self.server.add_user("zhao.lei", "赵磊", SALES)
        record, path = self.inquiry()
        other = self.server.client("zhao.lei")
        self.ok(other.get(path))
        self.problem(other.patch(path, {"party_size": 9}, If_Match="*"), 403, "forbidden")
        self.assertEqual(self.ok(self.sales.get(path)).json, record)

    def test_losing_needs_its_reason(self):
        _, path = self.inquiry()
        item = next(i for i in self.ok(self.sales.get(path + "/transitions")).json["items"] if i["name"] == "lose")
        self.assertTrue(item["form"])
        self.problem(self.sales.post(path + "/transitions/lose", {}), 422, "invalid_record")
        self.problem(self.sales.post(path + "/transitions/lose", {"input": {"nonsense": 1}}), 422, "invalid_record")
        model = self.sales.get("/model?locale=en").json
        form = next(f for f in model["entities"]["sales.inquiry"]["forms"] if f["name"] == item["form"])
        values = {}
        for group in form["groups"]:
            for name in group["fields"]:
                field = next(f for f in model["entities"]["sales.inquiry"]["fields"] if f["name"] == name)
                values[name] = model["choices"][field["choices"]][0]["name"] if field["type"] == "choice" else "客户改变计划"
        lost = self.ok(self.sales.post(path + "/transitions/lose", {"input": values, "comment": "改去别家"})).json
        self.assertEqual(lost["state"], "lost")
        self.assertEqual({name: lost[name] for name in values}, values)
        newest = self.ok(self.sales.get(path + "/timeline?limit=1")).json["items"][0]
        self.assertEqual((newest["action"], newest["note"]), ("transition:lose", "改去别家"))

    def test_one_of_many_at_once_wins(self):
        _, path = self.inquiry()

        def step(_):
            return self.server.client("li.na").post(path + "/transitions/contact", {}).status
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            statuses = sorted(pool.map(step, range(6)))
        self.assertEqual(statuses, [200] + [409] * 5)
        self.assertEqual(self.ok(self.sales.get(path)).json["version"], 2)

    def test_timeline_pages(self):
        _, path = self.inquiry()
        for i in range(7):
            self.ok(self.sales.patch(path, {"party_size": 10 + i}, If_Match="*"))
        seen, before = [], None
        while True:
            page = self.ok(self.sales.get(path + "/timeline" + query(limit=3, **({"before": before} if before else {})))).json
            seen += [event["version"] for event in page["items"]]
            before = page["next"]
            if not before:
                break
        self.assertEqual(seen, list(range(8, 0, -1)))
        change = self.ok(self.sales.get(path + "/timeline?limit=1")).json["items"][0]["changes"][0]
        self.assertEqual((change["field"], change["old"], change["new"]), ("party_size", 15, 16))
        self.assertTrue(change["label"])
