"""The service desk: cases that wait until somebody takes the next; accounts that administrators hand out; forms that ask for no moment."""

import caravan
from agency import Agency


class ServiceDesk(Agency):
    people = ("complaint", "complaint2", "after_boss", "caller", "guide", "guide_boss")

    def case(self, **fields):
        return self.create(self.caller, "aftersales.case", type="service", channel="phone", subject="早餐太早", text="希望晚半小时", contact_name="客户", contact="13912341234", **fields)

    def pool(self, client):
        return [queue["waiting"] for queue in self.ok(client.get("/queues")).json["items"] if queue["name"] == "aftersales.case_pool"]

    def take(self, client, status=200):
        return self.ok(client.post("/queues/aftersales.case_pool/next"), status).json

    def test_what_has_time_waits_in_the_pool_and_what_has_none_is_dispatched(self):
        self.assertEqual(self.pool(self.caller), [], "who cannot handle cases takes none")
        complaint = self.case(kind="complaint")
        self.assertIn(complaint["owner"], (self.user("complaint"), self.user("complaint2"), self.user("after_boss")))
        self.assertIsNotNone(self.case(kind="suggestion", severity="severe")["owner"], "a severe one does not wait, whatever it is")
        first, second = self.case(kind="suggestion"), self.case(kind="praise")
        self.assertEqual((first["owner"], second["owner"]), (None, None))
        about = self.case(kind="suggestion", about=[self.user("complaint")])
        waiting = self.pool(self.complaint)
        self.assertEqual(waiting, [3])
        # The oldest first, each to one person only, and none to whom it is about.
        self.assertEqual(self.take(self.complaint)["id"], first["id"])
        self.assertEqual(self.take(self.complaint)["id"], second["id"])
        self.problem(self.complaint.post("/queues/aftersales.case_pool/next"), 404, "not_found")
        taken = self.take(self.complaint2)
        self.assertEqual((taken["id"], taken["owner"]), (about["id"], self.user("complaint2")))
        self.assertEqual(self.problem(self.caller.post("/queues/aftersales.case_pool/next"), 403, "forbidden")["status"], 403)
        told = self.ok(self.complaint.get(f"/records/aftersales.case/{first['id']}/assignments")).json["items"]
        self.assertEqual((told[0]["rule"], told[0]["outcome"]), ("aftersales.case_pool", "taken"))

    def test_what_is_dispatched_while_nobody_is_there_waits_in_the_pool(self):
        people = (self.complaint, self.complaint2, self.after_boss)
        for client in people:
            self.ok(client.patch("/me", {"available": False}))
        try:
            late = self.case(kind="complaint")
            self.assertIsNone(late["owner"])
        finally:
            for client in people:
                self.ok(client.patch("/me", {"available": True}))
        # What those who went had in hand waits there, too; a complaint goes before suggestions.
        while (answer := self.complaint.post("/queues/aftersales.case_pool/next")).status == 200:
            pass
        self.problem(answer, 404, "not_found")
        self.assertIsNotNone(self.now_of("aftersales.case", late)["owner"])

    def test_a_guide_finds_his_tours_and_who_makes_links_is_told(self):
        guide = self.ok(self.guide.get("/model?locale=en")).json
        self.assertEqual([block["name"] for block in guide["pages"]["guides.desk"]["blocks"]], ["alarm", "mine", "calls", "log", "logs"])
        self.assertEqual([page["name"] for page in guide["entities"]["guides.guide"]["links"]], ["guides.duties"])
        specialist = self.ok(self.complaint.get("/model?locale=en")).json
        self.assertEqual([page["name"] for page in specialist["entities"]["aftersales.case"]["links"]], ["aftersales.tracking"])
        self.assertNotIn("links", specialist["entities"]["guides.guide"], "only whom the page names")
        self.assertEqual(set(specialist["agency"]), {"name", "currency", "time_zone", "color", "logo"})

    def test_a_form_asks_for_no_moment_that_saving_fills_in(self):
        fields = self.ok(self.guide.post("/records/scheduling.incident/draft", {"values": {}})).json["fields"]
        self.assertFalse(fields["happened_at"]["required"])
        self.assertTrue(fields["place"]["required"])

    def test_an_administrator_gives_a_password_which_ends_what_was_open(self):
        made = self.create(self.admin, "core.user", username="new.colleague", name="新同事", roles=["aftersales.followup_caller"])
        path = f"/admin/users/{made['id']}/password"
        self.problem(self.after_boss.post(path), 403, "forbidden")
        self.problem(self.admin.post("/admin/users/999999999/password"), 404, "not_found")
        first = self.ok(self.admin.post(path)).json
        self.assertEqual(first["username"], "new.colleague")
        client = self.server.client("new.colleague", first["password"], fresh=True)
        self.ok(client.get("/me"))
        second = self.ok(self.admin.post(path)).json
        self.assertNotEqual(first["password"], second["password"])
        caravan.wait_until(lambda: client.get("/me").status == 401, 10, "the session ends")
        self.ok(self.server.client("new.colleague", second["password"], fresh=True).get("/me"))
        history = self.ok(self.admin.get(f"/records/core.user/{made['id']}/timeline")).json["items"]
        self.assertEqual([event["action"] for event in history].count("password"), 2)
        self.assertNotIn(second["password"], str(history))
