"""Working together over HTTP: comments and mentions, one's own clocks, roles, views that people save."""

from caravan import ServerCase, query

DEFINITIONS = """\
kind: entity
name: team.file
label: {en: File, zh-CN: 档案, zh-TW: 檔案}
title: topic
fields:
  topic: {type: text, max: 60, required: true, label: {en: Topic, zh-CN: 主题, zh-TW: 主題}}
workflow:
  initial: open
  states:
    open: {label: {en: Open, zh-CN: 进行中, zh-TW: 進行中}}
    done: {label: {en: Done, zh-CN: 完成, zh-TW: 完成}, category: done}
  transitions:
    close: {label: {en: Close, zh-CN: 关闭, zh-TW: 關閉}, from: open, to: done}
---
kind: clock
name: team.answer
label: {en: Answer, zh-CN: 答复, zh-TW: 答覆}
entity: file
start: "record.state == 'open'"
stop: "record.state == 'done'"
within: "record.topic == 'soon' ? duration('1h') : duration('8h')"
---
kind: role
name: team.member
label: {en: Member, zh-CN: 成员, zh-TW: 成員}
grants:
  team.file: {read: "record.owner == user.id", create: true, update: "record.owner == user.id"}
---
kind: role
name: team.reader
label: {en: Reader, zh-CN: 读者, zh-TW: 讀者}
grants:
  team.file: {read: true}
"""


FILE = "team.file"


class Team(ServerCase):
    @classmethod
    def configure(cls):
        (cls.server.config / "team.yaml").write_text(DEFINITIONS, encoding="utf-8")

    @classmethod
    def prepare(cls):
        for name, roles in (("mia", ["team.member"]), ("rio", ["team.reader"]), ("out", [])):
            cls.server.add_user(name, name.title(), *roles)

    def setUp(self):
        self.admin = self.server.client("admin")
        self.mia, self.rio, self.out = (self.server.client(name) for name in ("mia", "rio", "out"))
        self.ids = {name: self.server.client(name).get("/me").json["id"] for name in ("mia", "rio", "out")}

    def file(self, **fields):
        return self.create(self.admin, FILE, **{"topic": "a file", "owner": self.ids["mia"], **fields})

    def notices(self, client):
        return [one["text"] for one in self.ok(client.get("/records/core.notice?sort=-created_at")).json["items"]]

    # -- comments
    def test_whoever_reads_comments_and_those_who_may_read_are_told(self):
        record = self.file(topic="Trip to Lijiang")
        before = {name: len(self.notices(self.server.client(name))) for name in ("mia", "rio", "out")}
        done = self.ok(self.rio.post(f"/records/{FILE}/{record['id']}/comments",
                                     {"text": "Please look.", "mentions": [self.ids["mia"], self.ids["out"], self.ids["mia"], self.ids["rio"]]}), 201)
        self.assertEqual(done.json, {"version": record["version"] + 1, "told": [self.ids["mia"]]})
        self.assertEqual(done.headers["ETag"], f'"{record["version"] + 1}"')
        self.assertEqual(len(self.notices(self.mia)) - before["mia"], 1)
        self.assertIn("Trip to Lijiang", self.notices(self.mia)[0])
        self.assertIn("Please look.", self.notices(self.mia)[0])
        for name in ("rio", "out"):
            self.assertEqual(len(self.notices(self.server.client(name))), before[name], name)
        event = self.ok(self.mia.get(f"/records/{FILE}/{record['id']}/timeline")).json["items"][0]
        self.assertEqual((event["action"], event["note"], event["actor"]["name"], event["changes"]), ("comment", "Please look.", "Rio", []))
        now = self.ok(self.admin.get(f"/records/{FILE}/{record['id']}")).json
        self.assertEqual({**now, "version": 0, "updated_at": 0}, {**record, "version": 0, "updated_at": 0})

    def test_who_does_not_read_does_not_comment(self):
        record = self.file(owner=self.ids["rio"])
        self.problem(self.mia.post(f"/records/{FILE}/{record['id']}/comments", {"text": "Hm"}), 404, "not_found")
        self.problem(self.admin.post(f"/records/{FILE}/999999999/comments", {"text": "Hm"}), 404, "not_found")
        self.assertEqual(self.admin.get(f"/records/{FILE}/{record['id']}").json["version"], record["version"])

    def test_comments_that_make_no_sense_are_refused(self):
        path = f"/records/{FILE}/{self.file()['id']}/comments"
        for body, field in (({"text": "  \n"}, "text"), ({"text": "人" * 4001}, "text"), ({"text": "a", "mentions": ["x"]}, "mentions"),
                            ({"text": "a", "mentions": "7"}, "mentions"), ({"text": "a", "mentions": ["1"] * 21}, "mentions")):
            problem = self.problem(self.admin.post(path, body), 422, "invalid_record")
            self.assertEqual(problem["errors"][0]["field"], field, body)
        self.problem(self.admin.post(path, {}), 400, "invalid_argument")
        self.problem(self.admin.post(path, {"text": "a", "more": 1}), 400, "invalid_argument")
        self.ok(self.admin.post(path, {"text": "人" * 4000, "mentions": None}), 201)

    def test_a_comment_sent_again_is_one(self):
        record = self.file()
        path = f"/records/{FILE}/{record['id']}/comments"
        told = len(self.notices(self.mia))
        answers = [self.ok(self.rio.post(path, {"text": "once", "mentions": [self.ids["mia"]]}, Idempotency_Key=f"comment-{record['id']}"), 201) for _ in range(2)]
        self.assertEqual(answers[0].json, answers[1].json)
        self.assertEqual(self.admin.get(f"/records/{FILE}/{record['id']}").json["version"], record["version"] + 1)
        self.assertEqual(len(self.notices(self.mia)), told + 1)

    # -- clocks
    def test_own_clocks_the_soonest_first(self):
        late, soon, other = self.file(topic="later"), self.file(topic="soon"), self.file(topic="soon", owner=self.ids["rio"])
        mine = [one for one in self.ok(self.mia.get("/clocks?limit=200")).json["items"] if one["id"] in (late["id"], soon["id"], other["id"])]
        self.assertEqual([(one["id"], one["title"], one["limit_seconds"]) for one in mine], [(soon["id"], "soon", 3600), (late["id"], "later", 8 * 3600)])
        self.assertLess(mine[0]["due_at"], mine[1]["due_at"])
        self.assertTrue(0 < mine[0]["remaining_seconds"] <= 3600)
        first = self.ok(self.mia.get("/clocks?limit=1")).json
        self.assertEqual(len(first["items"]), 1)
        self.assertTrue(first["more"])
        self.ok(self.mia.post(f"/records/{FILE}/{soon['id']}/transitions/close", {}))
        self.assertNotIn(soon["id"], [one["id"] for one in self.mia.get("/clocks?limit=200").json["items"]])
        # Rio owns one, and reads it; what one no longer reads is not told.
        self.assertIn(other["id"], [one["id"] for one in self.rio.get("/clocks?limit=200").json["items"]])
        hidden = self.file(owner=self.ids["out"])
        self.assertNotIn(hidden["id"], [one["id"] for one in self.ok(self.out.get("/clocks?limit=200")).json["items"]])

    # -- roles
    def test_roles_tell_what_they_give(self):
        roles = {one["name"]: one for one in self.ok(self.admin.get("/admin/roles", Accept_Language="zh-CN")).json["items"]}
        member = roles["team.member"]
        self.assertEqual((member["label"], member["administrator"], member["everyone"]), ("成员", False, False))
        grants = {one["operation"]: one for one in member["grants"]}
        self.assertEqual((grants["read"]["when"], grants["create"]["when"]), ("record.owner == user.id", None))
        self.assertNotIn("delete", grants)
        self.assertTrue(grants["read"]["file"].endswith("team.yaml"))
        self.assertTrue(roles["core.everyone"]["everyone"])
        self.problem(self.mia.get("/admin/roles"), 403, "forbidden")

    # -- saved views
    def test_saved_views_are_ones_own_or_everyones(self):
        look = {"query": "state=open&sort=topic", "widths": {"topic": 200}}
        own = self.create(self.mia, "core.list_view", about_entity=FILE, label="Mine", look=look)
        shared = self.create(self.mia, "core.list_view", about_entity=FILE, label="Ours", look=look, shared=True)
        self.assertEqual((own["user"], own["look"], own["shared"]), (self.ids["mia"], look, False))
        about = query(filter=f'record.about_entity == "{FILE}"')
        seen = [one["id"] for one in self.ok(self.rio.get("/records/core.list_view" + about)).json["items"]]
        self.assertIn(shared["id"], seen)
        self.assertNotIn(own["id"], seen)
        self.problem(self.rio.get(f"/records/core.list_view/{own['id']}"), 404, "not_found")
        self.problem(self.rio.patch(f"/records/core.list_view/{shared['id']}", {"label": "Theirs"}, If_Match="*"), 403, "forbidden")
        self.problem(self.rio.delete(f"/records/core.list_view/{shared['id']}", If_Match="*"), 403, "forbidden")
        self.assertEqual(self.rio.post("/records/core.list_view", {"about_entity": FILE, "label": "x", "look": look, "user": self.ids["mia"]}).status, 422)
        self.ok(self.mia.delete(f"/records/core.list_view/{own['id']}", If_Match="*"), 204)
