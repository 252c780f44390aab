"""Sensitive fields: nothing of them lies in the database or in a log, keys rotate, looks are logged."""

import json
import os
import shutil
import stat
import subprocess
import unittest

from caravan import SALES, ServerCase, indexed, wait_until

CUSTOMER = "/records/customers.customer"
SECRET, SECOND, THIRD = "E48151623", "G42108154", "K90210555"

DEFINITIONS = """
kind: role
name: customers.x_masked
label: {en: Masked, zh-CN: 掩码, zh-TW: 遮罩}
grants: {customers.customer: {read: true, create: false, update: false, delete: false}}
---
kind: role
name: customers.x_desk
label: {en: Desk, zh-CN: 前台, zh-TW: 櫃檯}
grants: {customers.customer: {read: true, create: true, update: true, delete: false}}
fields: {customers.customer: {document_number: masked}}
---
kind: entity
name: customers.customer
duplicates:
  x_same_document: {warn: [document_number]}
  x_alike:
    compare:
      document_number: {as: document, agree: 10, disagree: -4}
      name: {as: name, agree: 6, disagree: -3}
    keys: {document: {on: document_number}}
    threshold: 7
"""

LATER = """\
fields:
  designation: {sensitive: true, search: false, right: masked}
"""


class Sensitive(ServerCase):
    @classmethod
    def configure(cls):
        cls.file = cls.server.config / "sensitive.yaml"
        cls.file.write_text(DEFINITIONS)

    @classmethod
    def prepare(cls):
        cls.server.add_user("seller", "Seller", SALES)
        cls.server.add_user("masked", "Masked", "customers.x_masked")
        cls.server.add_user("desk", "Desk", "customers.x_desk")
        cls.admin = cls.server.client("admin")

    def keys(self, *words, code=0):
        done = self.server.cli("keys", *words, "--config", self.server.config)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def verify(self):
        done = self.server.cli("audit", "verify", "--config", self.server.config)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def stored(self):
        """All bytes of the database, and of the log."""
        log = self.server.log_path.read_bytes()
        if self.server.kind == "mariadb":
            database = self.server.database
            done = subprocess.run(["mariadb-dump", "--no-defaults", "-uroot", f"--socket={database.socket}", "--hex-blob", database.name],
                                  capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(b"customers_customer", done.stdout)
            return done.stdout + log
        files = list(self.server.data.glob("caravan.db*"))
        self.assertTrue(files)
        return b"".join(file.read_bytes() for file in files) + log

    def absent(self, *texts):
        everything = self.stored()
        for text in texts:
            self.assertNotIn(text.encode(), everything, f"{text} lies in the clear")

    def test_nothing_lies_in_the_clear(self):
        seller = self.server.client("seller")
        made = self.ok(seller.post(CUSTOMER, {"kind": "person", "name": "密", "document_number": " " + SECRET + " "}, Idempotency_Key="once-1"), 201)
        again = self.ok(seller.post(CUSTOMER, {"kind": "person", "name": "密", "document_number": " " + SECRET + " "}, Idempotency_Key="once-1"), 201)
        self.assertEqual(again.json, made.json)
        one = made.json
        self.assertEqual(one["document_number"], SECRET)
        path = f"{CUSTOMER}/{one['id']}"
        self.ok(self.admin.patch(path, {"document_number": SECOND}, If_Match="*"))
        timeline = self.ok(self.admin.get(path + "/timeline")).json["items"]
        self.assertIn(SECRET, json.dumps(timeline))
        masked = self.server.client("masked")
        self.assertEqual(self.ok(masked.get(path)).json["document_number"], "******154")
        self.assertNotIn(SECRET, self.ok(masked.get(path + "/timeline")).body.decode())
        for sign, found in (("==", 1), ("in", 1)):
            value = f'"{SECOND}"' if sign == "==" else f'["{SECOND}", "nobody"]'
            items = self.ok(seller.get(f"{CUSTOMER}?filter=record.document_number {sign} {value}")).json["items"]
            self.assertEqual([item["id"] for item in items], [one["id"]] * found)
        for query in (f'filter=record.document_number.startsWith("{SECOND[:3]}")', f'filter=record.document_number > "{SECOND}"', "sort=document_number"):
            answer = seller.get(f"{CUSTOMER}?{query}")
            self.assertEqual(answer.status, 400, answer)
            self.assertIn("sealed", answer.json["detail"])
        self.assertEqual(self.ok(seller.get(f"{CUSTOMER}?q={SECOND}")).json["items"], [])
        self.problem(masked.get(f'{CUSTOMER}?filter=record.document_number == "{SECOND}"'), 403, "forbidden")
        self.assertEqual(seller.post(CUSTOMER, {"kind": "person", "name": "密", "document_number": THIRD * 10}).status, 422)
        self.ok(self.admin.delete(path, If_Match="*"), 204)
        self.absent(SECRET, SECOND, THIRD)
        self.ok(self.admin.post(path + "/restore"))
        self.assertEqual(self.ok(self.admin.get(path)).json["document_number"], SECOND)
        self.verify()
        self.absent(SECRET, SECOND)

    def test_duplicates_by_a_keyed_hash(self):
        made = self.ok(self.admin.post(CUSTOMER, {"kind": "person", "name": "重重", "document_number": "QX-77 42 19"}), 201).json["id"]
        indexed(self.admin)

        def found(client, **values):
            answer = self.ok(client.post(CUSTOMER + "/draft", {"values": {"kind": "person", **values}})).json["duplicates"]
            return {d["rule"]: [r["id"] for r in d["items"]] for d in answer if d["rule"].startswith("x_")}
        seller, desk = self.server.client("seller"), self.server.client("desk")
        self.assertEqual(found(seller, name="重重", document_number="QX-77 42 19"), {"x_same_document": [made], "x_alike": [made]})
        self.assertEqual(found(seller, name="别人", document_number="qx774219"), {"x_alike": [made]}, "signs and capitals do not matter")
        self.assertEqual(found(seller, name="重重", document_number="QX774218"), {})
        self.assertEqual(found(desk, name="重重", document_number="QX-77 42 19"), {}, "who may not read it learns nothing of it")
        other = self.ok(self.admin.post(CUSTOMER, {"kind": "person", "name": "再重", "document_number": "qx774219"}), 201).json["id"]
        self.ok(self.admin.post(CUSTOMER + "/duplicates", {}), 202)

        def pairs(client):
            items = self.ok(client.get(CUSTOMER + "/duplicates?limit=200")).json["items"]
            return {(p["first"]["id"], p["second"]["id"]): p["rule"] for p in items}
        wait_until(lambda: (made, other) in pairs(self.admin), 30, "the pair")
        self.assertEqual(pairs(self.admin)[made, other], "x_alike")
        self.assertNotIn((made, other), pairs(desk))
        indexed(self.admin)
        self.absent("QX-77 42 19", "QX774219", "qx774219")

    def test_looks(self):
        seller, masked = self.server.client("seller"), self.server.client("masked")
        one = self.ok(self.admin.post(CUSTOMER, {"kind": "person", "name": "看", "document_number": "L1234567"}), 201).json
        path = f"{CUSTOMER}/{one['id']}"
        answer = self.ok(seller.get(path))
        self.ok(masked.get(path))
        self.ok(seller.get(f'{CUSTOMER}?filter=record.document_number == "L1234567"&fields=document_number'))
        self.ok(seller.get(f'{CUSTOMER}?filter=record.document_number == "L1234567"&fields=name'))
        looks = self.ok(self.admin.get(f"/admin/audit/looks?entity=customers.customer&id={one['id']}")).json["items"]
        self.assertEqual([look["username"] for look in looks], ["seller", "seller", "admin"])
        self.assertEqual(looks[1]["request_id"], answer.headers["X-Request-Id"])
        self.assertEqual(looks[0]["fields"], ["document_number"])
        page = self.ok(self.admin.get(f"/admin/audit/looks?id={one['id']}&limit=2")).json
        rest = self.ok(self.admin.get(f"/admin/audit/looks?id={one['id']}&limit=2&before={page['next']}")).json
        self.assertEqual([look["id"] for look in page["items"] + rest["items"]], [look["id"] for look in looks])
        self.assertEqual(len(self.ok(self.admin.get(f"/admin/audit/looks?id={one['id']}&user={looks[0]['user']}")).json["items"]), 2)
        self.assertEqual(seller.get("/admin/audit/looks").status, 403)
        self.assertIn("seller", self.server.cli("audit", "looks", "--config", self.server.config, "--record", one["id"]).stdout)

    def test_rotation_while_the_server_runs(self):
        one = self.ok(self.admin.post(CUSTOMER, {"kind": "person", "name": "轮", "document_number": SECRET}), 201).json
        path = f"{CUSTOMER}/{one['id']}"
        old = self.ok(self.admin.get("/admin/keys")).json["items"][-1]["id"]
        self.assertIn("current", self.keys("list"))
        self.keys("add")
        new = self.ok(self.admin.get("/admin/keys")).json["items"][-1]
        self.assertTrue(new["current"])
        self.assertIn(old, self.keys("remove", old, code=1))
        self.assertIn(new["id"], self.keys("rotate"))
        self.assertEqual(self.ok(self.admin.get(path)).json["document_number"], SECRET)
        self.verify()
        # Kept answers age by themselves; here they go at once.
        self.server.stop()
        self.assertIn("sealed again", self.keys("rotate"))
        if self.server.kind == "mariadb":
            self.server.database.sql(f"DELETE FROM {self.server.database.name}.idempotency_key")
            self.assertIn("was removed", self.keys("remove", old))
        self.server.start()
        self.assertEqual(self.ok(self.admin_again().get(path)).json["document_number"], SECRET)
        self.verify()
        self.absent(SECRET)

    def admin_again(self):
        self.server.sessions.clear()
        type(self).admin = self.server.client("admin")
        return self.admin

    def test_the_key_file_is_needed(self):
        file = self.server.home / "data.keys"
        self.assertEqual(stat.S_IMODE(os.stat(file).st_mode), 0o600)
        self.server.stop()
        away = self.server.home / "away"
        file.rename(away)
        for make, words in ((lambda: None, "is missing"), (lambda: file.write_text(self.other_keys()), "belongs to another"), (lambda: shutil.copy(away, file), None)):
            make()
            if file.exists():
                file.chmod(0o600)
            if words is None:
                break
            with self.assertRaises(RuntimeError) as refused:
                self.server.start()
            self.assertIn(words, str(refused.exception))
        self.server.start()
        self.admin_again()
        self.verify()

    def other_keys(self):
        """The same key ids with other keys."""
        lines = (self.server.home / "away").read_text().splitlines()
        return "\n".join(line[:-3] + ("AAA" if line[-3:] != "AAA" else "BBA") if line.startswith(("seal", "hash")) else line for line in lines) + "\n"

    def test_a_field_becomes_sensitive_and_open_again(self):
        self.admin_again()
        made = [self.ok(self.admin.post(CUSTOMER, {"kind": "person", "name": f"后{i}", "designation": f"wxplain{i:04d}"}), 201).json["id"] for i in range(30)]
        gone = made.pop()
        self.ok(self.admin.delete(f"{CUSTOMER}/{gone}", If_Match="*"), 204)
        self.assertIn(b"wxplain0003", self.stored())
        self.file.write_text(DEFINITIONS + LATER)
        self.ok(self.admin.post("/admin/reload", {}))
        self.absent("wxplain")
        found = self.ok(self.admin.get(f'{CUSTOMER}?filter=record.designation == "wxplain0003"')).json["items"]
        self.assertEqual([(item["id"], item["designation"]) for item in found], [(made[3], "wxplain0003")])
        self.assertIn("wxplain0003", json.dumps(self.ok(self.admin.get(f"{CUSTOMER}/{made[3]}/timeline")).json))
        self.assertEqual(self.ok(self.admin.post(f"{CUSTOMER}/{gone}/restore")).json["designation"], "wxplain0029")
        self.verify()
        self.file.write_text(DEFINITIONS)
        self.ok(self.admin.post("/admin/reload", {}))
        self.assertEqual(self.ok(self.admin.get(f"{CUSTOMER}/{made[5]}")).json["designation"], "wxplain0005")
        self.verify()


if __name__ == "__main__":
    unittest.main()
