"""What people without an account do: forms that anybody may send, and private links to one record."""

import concurrent.futures
import contextlib
import json
import urllib.parse

import caravan
from agency import Agency, day
from caravan import Client, wait_until

CONSENTED = {"consent": True}


def token_of(url):
    return urllib.parse.urlsplit(url).path.removeprefix("/public/links/")


class Stranger(Client):
    """Somebody at an address of his own: what strangers send is limited by address."""
    seen = 0

    def __init__(self, port):
        super().__init__(port)
        Stranger.seen += 1
        self.address = f"203.0.113.{Stranger.seen}"

    def request(self, method, path, body=None, headers=None):
        return super().request(method, path, body, {"X-Forwarded-For": self.address, **(headers or {})})


class Public(Agency):
    people = ("seller", "sales_boss", "product", "planner", "guide_boss", "guide", "complaint", "after_boss", "caller")

    @classmethod
    def configure(cls):
        super().configure()
        cls.server.setting("limits", {"requests_per_second": 0, "anonymous_per_second": 0})  # what strangers send is limited all the same
        cls.server.setting("http", {"trusted_proxies": ["127.0.0.1"]})
        # A page that is switched off, and the agency's own address and colour.
        (cls.server.config / "public.yaml").write_text("""\
kind: public_page
name: sales.x_closed
label: Closed
type: form
entity: sales.request
fields: {name: {}}
active: false
---
kind: settings
name: core
settings: {public_address: {value: "https://crm.example.com/"}, public_color: {value: "#0f766e"}}
""")

    def setUp(self):
        self.stranger = Stranger(self.server.port)
        self.addCleanup(self.stranger.close)

    def send(self, page, status=200, **fields):
        return self.ok(self.stranger.post(f"/public/pages/{page}", {"input": fields, **CONSENTED}), status)

    def complain(self, **fields):
        given = {"kind": "complaint", "type": "service", "subject": "导游迟到", "text": "导游迟到一小时", "contact_name": "王芳", "contact": "wang@example.com", **fields}
        number = self.send("aftersales.complaint", **given).json["number"]
        return self.all_of("aftersales.case", f"record.number == '{number}'")[0]

    def link(self, client, entity, record, page):
        made = self.ok(client.post(f"/records/{entity}/{record['id']}/links", {"page": page}), 201).json
        return token_of(made["url"]), made

    def nowhere(self, token, path=""):
        answer = self.stranger.get(f"/public/links/{token}{path}")
        return self.problem(answer, 404, "not_found")["detail"]

    def answered(self):
        case = self.complain()
        owner = self.complaint
        self.step(owner, "aftersales.case", case, "acknowledge")
        self.step(owner, "aftersales.case", case, "answer", answer="已退还 200 元")
        return case

    def test_a_request_from_the_website_becomes_an_inquiry_in_the_right_file(self):
        known = self.make_customer("王芳", phone="13912340001")
        form = self.ok(self.stranger.get("/public/pages/sales.ask")).json
        self.assertEqual([field["name"] for field in form["fields"]], ["name", "phone", "email", "destination", "depart_on", "party_size", "budget", "needs"])
        self.assertEqual((form["agency"]["color"], form["fields"][0]["required"], bool(form["consent"])), ("#0f766e", True, True))
        trip = {"name": "王芳", "phone": "13912340001", "destination": "丽江", "depart_on": day(40), "party_size": 2, "budget": "12000.00", "needs": "慢一点"}
        problem = self.problem(self.stranger.post("/public/pages/sales.ask", {"input": trip}), 422, "invalid_record")
        self.assertEqual([error["field"] for error in problem["errors"]], ["consent"])
        number = self.send("sales.ask", **trip).json["number"]
        request = self.all_of("sales.request", f"record.number == '{number}'", self.seller)[0]
        history = self.ok(self.admin.get(f"/records/sales.request/{request['id']}/timeline")).json["items"]
        self.assertEqual([(event["action"], event["source"]) for event in history], [("consent", "public sales.ask"), ("create", "public sales.ask")])
        self.assertTrue(history[0]["note"])
        self.step(self.seller, "sales.request", request, "take")
        inquiry = self.now_of("sales.inquiry", {"id": self.now_of("sales.request", request)["inquiry"]})
        self.assertEqual((inquiry["customer"], inquiry["channel"], inquiry["destination"], inquiry["party_size"], inquiry["budget"], inquiry["owner"]),
                         (known["id"], "website", "丽江", 2, "12000.00", self.user("seller")))
        # Of the same telephone, but another name: a file of its own.
        number = self.send("sales.ask", **{**trip, "name": "李强"}).json["number"]
        other = self.all_of("sales.request", f"record.number == '{number}'", self.seller)[0]
        self.step(self.seller, "sales.request", other, "take")
        self.assertNotEqual(self.now_of("sales.request", other)["customer"], known["id"])

    def test_a_form_takes_its_fields_alone_and_tells_of_no_others(self):
        def refused(status, code, **fields):
            return self.problem(self.stranger.post("/public/pages/sales.ask", {"input": fields, **CONSENTED}), status, code)
        before = self.count(self.admin, "sales.request")
        for field in ("customer", "inquiry", "owner", "state", "nonsense", "created_at"):
            errors = refused(422, "invalid_record", name="x", phone="1", **{field: "1"})["errors"]
            self.assertEqual([(error["field"], error["code"]) for error in errors], [(field, "unknown_field")], errors)
        self.assertEqual(refused(422, "invalid_record", phone="1")["errors"][0]["field"], "name")
        self.assertEqual(refused(422, "invalid_record", name="x", phone="1", party_size=0)["errors"][0]["code"], "too_small")
        # Of any form, what he was not asked for is unknown in the same way; a rule over what he was asked for is told.
        self.assertEqual([error["code"] for error in refused(422, "invalid_record", name="x", phone="1", inquiry={})["errors"]], ["unknown_field"])
        self.assertEqual([error["code"] for error in refused(422, "invalid_record", name="x")["errors"]], ["invariant:reachable"])
        self.problem(self.stranger.post("/public/pages/sales.ask", {"input": {"name": "x" * 70000}, **CONSENTED}), 413, "too_large")
        self.problem(self.stranger.post("/public/pages/sales.ask", {"input": [], **CONSENTED}), 400, "invalid_argument")
        self.assertEqual(self.count(self.admin, "sales.request"), before)
        for page in ("sales.x_closed", "sales.nonsense", "aftersales.tracking"):
            self.problem(self.stranger.get(f"/public/pages/{page}"), 404, "not_found")
            self.problem(self.stranger.post(f"/public/pages/{page}", {"input": {"name": "x"}}), 404, "not_found")

    def test_d6_the_customer_follows_the_case_and_rates_it(self):
        case = self.answered()
        mail = self.eventually("core.message", f"record.about_id == '{case['id']}' && record.template == 'aftersales.case_received'", "the tracking link is sent")[0]
        self.assertEqual(mail["recipient"], "wang@example.com")
        url = next(word for word in mail["body"].split() if word.startswith("https://crm.example.com/public/links/"))
        token = token_of(url)
        page = self.ok(self.stranger.get(f"/public/links/{token}")).json
        shown = {field["name"]: field["text"] for field in page["fields"]}
        self.assertEqual((shown["number"], shown["state"], shown["answer"]), (case["number"], "已答复", "已退还 200 元"))
        self.assertNotIn("investigation", shown)
        self.assertEqual([moment["label"] for moment in page["history"]], ["新建", "已受理", "已答复"])
        self.assertEqual([(act["name"], [field["name"] for field in act["fields"]]) for act in page["acts"]], [("rate", ["satisfied", "satisfaction"]), ("message", ["text"])])
        english = self.ok(self.stranger.get(f"/public/links/{token}", Accept_Language="en")).json
        self.assertEqual(english["history"][-1]["label"], "Answered")
        errors = self.problem(self.stranger.post(f"/public/links/{token}/rate", {"input": {"satisfaction": 90}}), 422, "invalid_record")["errors"]
        self.assertEqual([error["field"] for error in errors], ["satisfied"])
        self.problem(self.stranger.post(f"/public/links/{token}/rate", {"input": {"satisfied": True, "satisfaction": 90, "cause": "guide"}}), 422, "invalid_record")
        self.ok(self.stranger.post(f"/public/links/{token}/rate", {"input": {"satisfied": True, "satisfaction": 90}}), 204)
        self.ok(self.stranger.post(f"/public/links/{token}/message", {"input": {"text": "谢谢处理"}}), 204)
        page = self.ok(self.stranger.get(f"/public/links/{token}")).json
        self.assertEqual(page["added"][0]["fields"][0]["text"], "谢谢处理")
        self.assertEqual((self.now_of("aftersales.case", case)["satisfied"], self.now_of("aftersales.case", case)["satisfaction"]), (True, 90))
        event = self.ok(self.admin.get(f"/records/aftersales.case/{case['id']}/timeline")).json["items"][0]
        self.assertEqual((event["action"], event["source"].split()[:2], event["actor"]["name"]), ("transition:rate", ["public", "aftersales.tracking"], "public"))
        self.step(self.complaint, "aftersales.case", case, "close", cause="guide")
        # What is not offered any more cannot be taken, and steps that the page does not name are not there.
        self.problem(self.stranger.post(f"/public/links/{token}/rate", {"input": {"satisfied": False, "satisfaction": 1}}), 409, "conflict")
        for act in ("close", "reopen", "acknowledge", "nonsense"):
            self.problem(self.stranger.post(f"/public/links/{token}/{act}", {}), 404, "not_found")

    def test_links_that_lead_nowhere_are_all_alike(self):
        case = self.answered()
        token, made = self.link(self.complaint, "aftersales.case", case, "aftersales.tracking")
        self.assertTrue(made["url"].startswith("https://crm.example.com/public/links/"))
        listed = self.ok(self.complaint.get(f"/records/aftersales.case/{case['id']}/links")).json
        self.assertNotIn(token, str(listed))
        self.assertEqual([page["name"] for page in listed["pages"]], ["aftersales.tracking"])
        newest = next(one for one in listed["items"] if one["created_by"] == self.user("complaint"))
        for client in (self.seller, self.planner):
            self.assertIn(client.post(f"/records/aftersales.case/{case['id']}/links", {"page": "aftersales.tracking"}).status, (403, 404))
            self.assertIn(client.delete(f"/records/aftersales.case/{case['id']}/links/{newest['id']}").status, (403, 404))
        self.problem(self.complaint.post(f"/records/aftersales.case/{case['id']}/links", {"page": "aftersales.questionnaire"}), 422, "invalid_record")
        self.ok(self.complaint.delete(f"/records/aftersales.case/{case['id']}/links/{newest['id']}"), 204)
        self.problem(self.complaint.delete(f"/records/aftersales.case/{case['id']}/links/{newest['id']}"), 404, "not_found")
        told = {self.nowhere(token), self.nowhere("x"), self.nowhere("A" * 44), self.nowhere("a" * 5000), self.nowhere(token[:-1] + "x")}
        token, _ = self.link(self.complaint, "aftersales.case", case, "aftersales.tracking")
        told.add(self.nowhere(token, "/calendar.ics"))
        self.ok(self.admin.delete(f"/records/aftersales.case/{case['id']}", If_Match="*"), 204)
        told.add(self.nowhere(token))
        self.assertEqual(len(told), 1, told)
        # A link is to one record, whoever holds it, and gives no session.
        self.problem(self.stranger.get("/records/aftersales.case"), 401, "unauthenticated")

    def test_a8_the_questionnaire_is_answered_once(self):
        customer = self.make_customer("王芳", email="wang@example.com", language="english")
        call = self.create(self.caller, "aftersales.followup", customer=customer["id"], due_on=day(3))
        self.change(self.caller, "aftersales.followup", call, way="link")
        mail = self.eventually("core.message", f"record.about_id == '{call['id']}' && record.template == 'aftersales.questionnaire_link'", "the questionnaire is sent")[0]
        token = token_of(next(word for word in mail["body"].replace("：", " ").split() if word.startswith("https://")))
        page = self.ok(self.stranger.get(f"/public/links/{token}")).json
        self.assertTrue(page["once"])
        self.assertEqual([field["name"] for field in page["acts"][0]["fields"]], ["itinerary", "guide", "hotel", "meals", "transport", "overall", "words"])
        self.problem(self.stranger.post(f"/public/links/{token}/record", {"input": {"overall": 101}}), 422, "invalid_record")
        answers = {"itinerary": 90, "hotel": 30, "overall": 70, "words": "酒店太吵"}
        replies = [self.stranger.post(f"/public/links/{token}/record", {"input": answers}) for _ in range(2)]
        self.assertEqual([reply.status for reply in replies], [204, 404])
        now = self.now_of("aftersales.followup", call)
        self.assertEqual((now["state"], now["hotel"], now["words"]), ("done", 30, "酒店太吵"))
        self.assertEqual([task["topic"] for task in self.all_of("aftersales.improvement_task", f"record.followup == {call['id']}")], ["hotel"])
        self.nowhere(token)

    def test_a7_the_guides_calendar_by_a_private_link(self):
        guide = self.make_guide("卫东", "guide")
        departure = self.make_departure(self.make_product("云南六日"))
        assignment = self.ok(self.assign(guide, departure), 201).json
        self.step(self.guide_boss, "guides.assignment", assignment, "offer")
        token, made = self.link(self.guide, "guides.guide", guide, "guides.duties")
        token = urllib.parse.urlsplit(made["url"]).path.split("/")[-2]
        self.assertTrue(made["url"].endswith("/calendar.ics"))
        feed = self.ok(self.stranger.get(f"/public/links/{token}/calendar.ics"))
        self.assertTrue(feed.headers["Content-Type"].startswith("text/calendar"))
        text = feed.body.decode()
        self.assertIn(f"SUMMARY:{departure['number']}\r\n", text)
        self.assertIn(f"DTSTART;VALUE=DATE:{departure['depart_on'].replace('-', '')}\r\n", text)
        self.assertIn("STATUS:TENTATIVE\r\n", text)
        self.step(self.guide, "guides.assignment", assignment, "accept")
        self.assertIn("STATUS:CONFIRMED\r\n", self.ok(self.stranger.get(f"/public/links/{token}/calendar.ics")).body.decode())
        self.nowhere(token)  # it is no page

    def test_what_strangers_send_is_limited(self):
        statuses = [self.stranger.post("/public/pages/sales.ask", {"input": {}, **CONSENTED}).status for _ in range(40)]
        self.assertEqual(set(statuses), {422, 429})
        answer = self.stranger.post("/public/pages/sales.ask", {"input": {}, **CONSENTED})
        if answer.status == 429:
            self.assertTrue(answer.headers["Retry-After"])
        self.ok(self.stranger.get("/public/pages/sales.ask"))
        wait_until(lambda: self.stranger.post("/public/pages/sales.ask", {"input": {}, **CONSENTED}).status == 422, 20, "after a while one may again")

    def test_nobodys_mailbox_is_flooded_from_many_addresses(self):
        def complaint(contact, client):
            form = {"kind": "complaint", "type": "service", "subject": "导游迟到", "text": "迟到", "contact_name": "李强", "contact": contact}
            return self.ok(client.post("/public/pages/aftersales.complaint", {"input": form, **CONSENTED})).json["number"]

        def from_elsewhere(contact):
            stranger = Stranger(self.server.port)
            with contextlib.closing(stranger):
                return complaint(contact, stranger)
        # Twelve at once, each from an address of its own; name+anything is the same mailbox.
        contacts = ["Victim@example.com", "victim@EXAMPLE.com", *(f"victim+{number}@example.com" for number in range(10))]
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            numbers = list(pool.map(from_elsewhere, contacts))
        of = f"record.template == 'aftersales.case_received' && record.recipient in {json.dumps(contacts)}"
        mails = self.eventually("core.message", of, "each complaint has its message", 12)
        held = [mail for mail in mails if mail["state"] == "held"]
        self.assertEqual((len(mails), len(held)), (12, 7), [mail["state"] for mail in mails])
        self.assertEqual(len(self.all_of("aftersales.case", f"record.number in {json.dumps(numbers)}")), 12, "no complaint is lost")
        self.assertIn("5", held[0]["error"])
        # Others are written to as ever, and so is this one where somebody of the house has the case.
        number = from_elsewhere("other@example.com")
        case = self.all_of("aftersales.case", f"record.number == '{number}'")[0]
        other = self.eventually("core.message", f"record.about_id == '{case['id']}'", "another's message")[0]
        self.assertNotEqual(other["state"], "held")
        case = self.create(self.complaint, "aftersales.case", kind="complaint", type="service", channel="phone", subject="导游迟到", text="迟到", contact_name="李强", contact="victim@example.com")
        mail = self.eventually("core.message", f"record.about_id == '{case['id']}'", "of the house's own case")[0]
        self.assertNotEqual(mail["state"], "held")
        # Who did ask gets it after all.
        self.step(self.admin, "core.message", held[0], "release")
        wait_until(lambda: self.now_of("core.message", held[0])["state"] not in ("held", "queued"), 20, "it goes on its way")
        self.assertNotIn("public_messages", self.now_of("core.message", held[0])["error"] or "")

    def test_the_page_itself_is_told_nothing_of_where_it_came_from(self):
        import http.client
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        connection.request("GET", "/public/links/" + "x" * 44)
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:  # the console is built
            self.assertEqual(answer.headers["Referrer-Policy"], "no-referrer")
            self.assertNotIn("unsafe-inline", answer.headers["Content-Security-Policy"])
        connection.close()
