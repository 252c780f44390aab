"""Files at records and in fields: rights, limits, types, one copy of each content, and nothing left over."""

import base64
import hashlib
import json
import zlib

import caravan
from caravan import ServerCase, multipart

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
DEFINITIONS = """\
kind: entity
name: paper.folder
title: name
fields:
  name:  {type: text, max: 60, required: true}
  photo: {type: image, max_size: 10 KB}
  scan:  {type: file, accept: [application/pdf, "text/*"]}
  safe:  {type: file, right: hidden}
---
kind: role
name: paper.clerk
grants:
  paper.folder: {read: true, create: true, update: true}
---
kind: role
name: paper.reader
grants:
  paper.folder: {read: true}
"""


class Attachments(ServerCase):
    @classmethod
    def configure(cls):
        (cls.server.config / "paper.yaml").write_text(DEFINITIONS)

    @classmethod
    def prepare(cls):
        cls.server.add_user("paper.one", "One", "paper.clerk")
        cls.server.add_user("paper.two", "Two", "paper.reader")

    def setUp(self):
        self.admin = self.server.client("admin")
        self.one, self.two = self.server.client("paper.one"), self.server.client("paper.two")
        self.folder = self.ok(self.one.post("/records/paper.folder", {"name": "x"}), 201).json["id"]
        self.path = f"/records/paper.folder/{self.folder}/attachments"

    def upload(self, content, name="a.txt", client=None, field=None, path=None):
        body, kind = multipart(file=(name, content))
        return (client or self.one).request("POST", (path or self.path) + (f"?field={field}" if field else ""), body, {"Content-Type": kind})

    def stored(self):
        return sorted(path.name for path in (self.server.data / "files").rglob("*") if path.is_file())

    def test_up_and_down_again(self):
        content = bytes(range(256)) * 20_000
        made = self.ok(self.upload(content, "../../etc/行程 x.bin"), 201).json
        self.assertEqual((made["name"], made["size"], made["sha256"], made["field"]), ('行程 x.bin', len(content), hashlib.sha256(content).hexdigest(), None))
        answer = self.ok(self.two.get(f"{self.path}/{made['id']}"))
        self.assertEqual(answer.body, content)
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        self.assertTrue(answer.headers["Content-Disposition"].startswith("attachment; "), answer.headers)
        self.assertIn("sandbox", answer.headers["Content-Security-Policy"])
        tag = answer.headers["ETag"]
        for seen in (tag, f"W/{tag}", f'"other", {tag}'):  # proxies that compress weaken it
            self.assertEqual(self.two.get(f"{self.path}/{made['id']}", If_None_Match=seen).status, 304, seen)
        self.assertEqual([item["id"] for item in self.ok(self.two.get(self.path)).json["items"]], [made["id"]])
        events = self.ok(self.one.get(f"/records/paper.folder/{self.folder}/timeline")).json["items"]
        self.assertEqual(events[0]["action"], "attach")
        self.assertEqual(self.ok(self.one.get(f"/records/paper.folder/{self.folder}")).json["version"], 2)

    def test_names_are_texts(self):
        for name, kept in (("rechnung\u202egpj.exe", "rechnunggpj.exe"), ("😀.txt", "😀.txt"), ("..", "file")):
            self.assertEqual(self.ok(self.upload(b"hello", name), 201).json["name"], kept)
        # As an old program writes it.
        body, kind = multipart(file=("@", b"hello"))
        made = self.ok(self.one.request("POST", self.path, body.replace(b'"@"', '"照片.txt"'.encode("gbk")), {"Content-Type": kind}), 201)
        self.assertTrue(json.loads(made.body.decode("utf-8", "strict"))["name"].endswith(".txt"))

    def test_what_it_is_is_told_by_its_content(self):
        made = self.ok(self.upload(PNG, "harmless.html"), 201).json
        self.assertEqual(made["media_type"], "image/png")
        self.assertTrue(self.ok(self.one.get(f"{self.path}/{made['id']}?inline=1")).headers["Content-Disposition"].startswith("inline; "))
        for content in (b"<html><script>alert(1)</script></html>", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'):
            made = self.ok(self.upload(content, "picture.png"), 201).json
            self.assertNotEqual(made["media_type"], "image/png")
            self.assertTrue(self.ok(self.one.get(f"{self.path}/{made['id']}?inline=1")).headers["Content-Disposition"].startswith("attachment; "))

    def test_fields_take_what_they_are_for(self):
        made = self.ok(self.upload(PNG, "me.png", field="photo"), 201).json
        record = self.ok(self.one.get(f"/records/paper.folder/{self.folder}")).json
        self.assertEqual((record["photo"], made["field"], made["current"]), (made["id"], "photo", True))
        self.assertEqual(self.problem(self.upload(b"no picture at all", field="photo"), 422, "invalid_record")["errors"][0]["code"], "wrong_type")
        self.assertEqual(self.problem(self.upload(PNG + b"\0" * 20_000, field="photo"), 422, "invalid_record")["errors"][0]["code"], "too_large")
        self.problem(self.upload(PNG, field="scan"), 422, "invalid_record")
        self.ok(self.upload(b"some words\n", field="scan"), 201)
        self.problem(self.upload(b"x", field="name"), 400, "invalid_argument")
        self.problem(self.upload(b"", field="scan"), 422, "invalid_record")
        # A field holds a file of its own record and field only.
        other = self.ok(self.one.post("/records/paper.folder", {"name": "y"}), 201).json["id"]
        self.problem(self.one.patch(f"/records/paper.folder/{other}", {"photo": made["id"]}, If_Match="*"), 422, "invalid_record")
        self.problem(self.one.patch(f"/records/paper.folder/{self.folder}", {"scan": made["id"]}, If_Match="*"), 422, "invalid_record")
        self.problem(self.one.post("/records/paper.folder", {"name": "z", "photo": made["id"]}), 422, "invalid_record")
        self.ok(self.one.delete(f"{self.path}/{made['id']}"), 204)
        self.assertIsNone(self.ok(self.one.get(f"/records/paper.folder/{self.folder}")).json["photo"])

    def test_rights_are_the_records(self):
        made = self.ok(self.upload(b"hello"), 201).json
        self.problem(self.upload(b"hello", client=self.two), 403, "forbidden")
        self.problem(self.two.delete(f"{self.path}/{made['id']}"), 403, "forbidden")
        other = self.ok(self.one.post("/records/paper.folder", {"name": "y"}), 201).json["id"]
        self.problem(self.one.get(f"/records/paper.folder/{other}/attachments/{made['id']}"), 404, "not_found")
        hidden = self.ok(self.upload(b"hidden", client=self.admin, field="safe"), 201).json
        self.assertNotIn(hidden["id"], [item["id"] for item in self.ok(self.one.get(self.path)).json["items"]])
        self.problem(self.one.get(f"{self.path}/{hidden['id']}"), 404, "not_found")
        self.problem(self.one.delete(f"{self.path}/{hidden['id']}"), 404, "not_found")
        self.problem(self.upload(b"hidden", field="safe"), 400, "invalid_argument")

    def test_one_copy_of_each_content_and_nothing_left_over(self):
        content = zlib.compress(self.folder.encode() * 50)
        before = set(self.stored())
        first, second = (self.ok(self.upload(content, name), 201).json["id"] for name in ("a.bin", "b.bin"))
        self.assertEqual(len(set(self.stored()) - before), 1)
        self.ok(self.one.delete(f"{self.path}/{first}"), 204)
        self.assertEqual(self.ok(self.one.get(f"{self.path}/{second}")).body, content)

    def test_an_upload_larger_than_any_other_request(self):
        made = self.ok(self.upload(b"x" * (80 << 20), "large.bin"), 201).json
        self.assertEqual(made["size"], 80 << 20)
        peak = int(next(line for line in open(f"/proc/{self.server.worker}/status") if line.startswith("RssAnon")).split()[1])
        self.assertLess(peak, 300_000)
        self.problem(self.upload(b"x" * (101 << 20), "larger.bin"), 422, "invalid_record")
