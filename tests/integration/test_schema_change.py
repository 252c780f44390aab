"""Schema and records that follow the definitions: rules kept by the database, states and options that are no more, what is dropped."""

import contextlib
import os
import shutil
import signal
import sqlite3
import threading
import time

from caravan import Server, ServerCase, wait_until

STATE = """\
kind: entity
name: sales.inquiry
workflow:
  states:
    parked: {label: {en: Parked, zh-CN: 暂存, zh-TW: 暫存}, category: waiting}
    shelved: {label: {en: Shelved, zh-CN: 搁置, zh-TW: 擱置}, category: waiting}
  transitions:
    park: {label: {en: Park, zh-CN: 暂存, zh-TW: 暫存}, from: new, to: parked}
    unpark: {label: {en: Take up, zh-CN: 取回, zh-TW: 取回}, from: parked, to: contacted}
    shelve: {label: {en: Shelve, zh-CN: 搁置, zh-TW: 擱置}, from: parked, to: shelved}
    unshelve: {label: {en: Take down, zh-CN: 取下, zh-TW: 取下}, from: shelved, to: contacted}
"""
MOVED = "kind: entity\nname: sales.inquiry\nworkflow: {moved: {parked: shelved, shelved: new}}\n"
FAX = "kind: choices\nname: sales.channel\noptions: {fax: {label: {en: Fax, zh-CN: 传真, zh-TW: 傳真}}}\n"
NO_FAX = "kind: choices\nname: sales.channel\nmoved: {fax: phone}\n"
RULE = """\
kind: entity
name: sales.inquiry
invariants: {small: {check: "record.party_size <= 30", message: {en: At most thirty, zh-CN: 最多三十人, zh-TW: 最多三十人}}}
"""
FIELDS = """\
kind: entity
name: sales.inquiry
fields:
  x_mood: {type: text, max: 40, label: {en: Mood, zh-CN: 心情, zh-TW: 心情}}
  x_level: {type: int, label: {en: Level, zh-CN: 等级, zh-TW: 等級}}
"""


class SchemaChange(ServerCase):
    @classmethod
    def prepare(cls):
        cls.file = cls.server.config / "changes.yaml"

    def setUp(self):
        self.admin = self.server.client("admin")

    def publish(self, text):
        self.file.write_text(text)
        return self.server.client("admin").post("/admin/reload", {}, **{"Accept-Language": "en"})

    def new_inquiry(self, **fields):
        customer = self.create(self.admin, "customers.customer", kind="person", name="王芳")
        return self.create(self.admin, "sales.inquiry", **{"customer": customer["id"], "channel": "phone", **fields})

    def step(self, inquiry, name):
        return self.ok(self.admin.post(f"/records/sales.inquiry/{inquiry['id']}/transitions/{name}", {})).json

    def inquiry(self, inquiry):
        return self.ok(self.admin.get(f"/records/sales.inquiry/{inquiry['id']}")).json

    def sql(self, statement):
        """A write past the gate; what the database says where it refuses, else None."""
        if self.database == "mariadb":
            try:
                self.server.database.sql(f"USE {self.server.database.name}; {statement}")
            except RuntimeError as error:
                return str(error)
            return None
        with contextlib.closing(sqlite3.connect(self.server.data / "caravan.db", timeout=10)) as connection:
            try:
                with connection:
                    connection.execute(statement)
            except sqlite3.Error as error:
                return str(error)
        return None

    def tell(self, *command):
        return self.server.cli(*command, "--config", self.server.config)

    # -- rules
    def test_the_database_keeps_invariants_against_what_passes_no_gate(self):
        inquiry = self.new_inquiry(party_size=4)
        self.ok(self.publish(RULE))
        refused = self.sql(f"UPDATE sales_inquiry SET party_size = 31 WHERE id = {inquiry['id']}")
        self.assertIn("ck_sales_inquiry$small$", refused or "nothing was refused")
        self.assertIsNone(self.sql(f"UPDATE sales_inquiry SET party_size = NULL WHERE id = {inquiry['id']}"))
        self.assertIsNone(self.sql(f"UPDATE sales_inquiry SET party_size = 4 WHERE id = {inquiry['id']}"))
        # The gate asks first, and says what it always said.
        answer = self.admin.patch(f"/records/sales.inquiry/{inquiry['id']}", {"party_size": 31}, **{"If-Match": "*", "Accept-Language": "en"})
        self.problem(answer, 422, "invalid_record")
        self.assertEqual(answer.json["errors"][0]["message"], "At most thirty")
        # Changed, and gone.
        self.ok(self.publish(RULE.replace("30", "40")))
        self.assertIsNone(self.sql(f"UPDATE sales_inquiry SET party_size = 31 WHERE id = {inquiry['id']}"))
        self.assertIsNotNone(self.sql(f"UPDATE sales_inquiry SET party_size = 41 WHERE id = {inquiry['id']}"))
        self.ok(self.publish(""))
        self.assertIsNone(self.sql(f"UPDATE sales_inquiry SET party_size = 41 WHERE id = {inquiry['id']}"))
        self.assertIsNone(self.sql(f"UPDATE sales_inquiry SET party_size = 4 WHERE id = {inquiry['id']}"))

    def test_rows_against_a_new_rule_stop_it_whole(self):
        inquiry = self.new_inquiry(party_size=31)
        answer = self.publish(RULE)
        self.problem(answer, 422, "invalid_record")
        self.assertEqual(answer.json["errors"][0]["code"], "invariant-broken")
        self.assertIn(inquiry["id"], answer.json["errors"][0]["message"])
        self.assertIsNone(self.sql(f"UPDATE sales_inquiry SET party_size = 32 WHERE id = {inquiry['id']}"))
        # Nor by a start, nor by force; the plan says which.
        self.server.stop()
        with self.assertRaisesRegex(RuntimeError, "small"):
            self.server.start()
        plan = self.tell("schema", "plan")
        self.assertIn("add check small to sales_inquiry: 1 row breaks it; mend it first  [destructive]", plan.stdout)
        self.assertIn(f"    id {inquiry['id']}", plan.stdout)
        forced = self.tell("schema", "apply", "--allow-destructive")
        self.assertNotEqual(forced.returncode, 0, forced.stdout)
        self.assertIn(f"id {inquiry['id']}", forced.stderr)
        self.assertEqual(self.tell("schema", "plan").stdout, plan.stdout)
        self.file.write_text("")
        self.server.start()
        self.ok(self.server.client("admin").patch(f"/records/sales.inquiry/{inquiry['id']}", {"party_size": 3}, **{"If-Match": "*"}))
        self.ok(self.publish(RULE))
        self.ok(self.publish(""))

    # -- states and options
    def test_records_of_a_removed_state_go_where_the_definitions_say(self):
        self.ok(self.publish(STATE))
        parked, shelved = self.new_inquiry(), self.new_inquiry(budget="100", party_size=3)
        self.step(parked, "park")
        self.step(shelved, "park")
        self.step(shelved, "shelve")
        self.problem(self.publish(""), 422, "invalid_record")
        told = self.ok(self.publish(MOVED)).json["warnings"]
        self.assertEqual([one["code"] for one in told if one["code"].startswith("moved")], ["moved-records", "moved-records"])
        for inquiry in (parked, shelved):
            self.assertEqual(self.inquiry(inquiry)["state"], "new")
        events = self.ok(self.admin.get(f"/records/sales.inquiry/{parked['id']}/timeline")).json["items"]
        self.assertEqual((events[0]["action"], events[0]["source"]), ("update", "definitions"))
        self.assertIn("parked", events[0]["note"])
        self.assertEqual([change["field"] for change in events[0]["changes"]], ["state"])
        self.assertNotIn("moved-records", str(self.ok(self.publish(MOVED + "# again\n")).json))
        self.ok(self.publish(""))

    def test_what_comes_back_from_the_trash_goes_where_the_definitions_say(self):
        self.ok(self.publish(STATE + "---\n" + FAX))
        one = self.new_inquiry(channel="fax")
        self.step(one, "park")
        self.ok(self.admin.delete(f"/records/sales.inquiry/{one['id']}", **{"If-Match": "*"}), 204)
        self.ok(self.publish(""))
        answer = self.admin.post(f"/records/sales.inquiry/{one['id']}/restore", {}, **{"Accept-Language": "en"})
        self.problem(answer, 409, "conflict")
        self.assertEqual([error["field"] for error in answer.json["errors"]], ["state", "channel"])
        self.assertIn('"parked" is no more', answer.json["errors"][0]["message"])
        self.ok(self.publish(MOVED.replace("parked: shelved, shelved: new", "parked: contacted") + "---\n" + NO_FAX))
        back = self.ok(self.admin.post(f"/records/sales.inquiry/{one['id']}/restore", {})).json
        self.assertEqual((back["state"], back["channel"]), ("contacted", "phone"))
        self.ok(self.publish(""))

    def test_records_get_the_first_state_of_a_workflow_that_is_added(self):
        box = "kind: entity\nname: yard.box\nlabel: {en: Box, zh-CN: 箱, zh-TW: 箱}\nfields: {size: {type: int, label: {en: Size, zh-CN: 大小, zh-TW: 大小}}}\n"
        flow = ("workflow:\n  initial: packed\n  states: {packed: {label: {en: Packed, zh-CN: 已装, zh-TW: 已裝}}, sent: {label: {en: Sent, zh-CN: 已发, zh-TW: 已發}, category: done}}\n"
                "  transitions: {send: {from: packed, to: sent, label: {en: Send, zh-CN: 发出, zh-TW: 發出}}}\n")
        self.ok(self.publish(box))
        kept, binned = (self.create(self.admin, "yard.box", size=size) for size in (1, 2))
        self.ok(self.admin.delete(f"/records/yard.box/{binned['id']}", **{"If-Match": "*"}), 204)
        told = self.ok(self.publish(box + flow)).json["warnings"]
        self.assertIn("1 record of yard.box has no state", str(told))
        self.assertEqual(self.ok(self.admin.get(f"/records/yard.box/{kept['id']}")).json["state"], "packed")
        self.assertEqual(self.ok(self.admin.post(f"/records/yard.box/{binned['id']}/restore", {})).json["state"], "packed")
        for one in (kept, binned):
            self.assertEqual(self.ok(self.admin.post(f"/records/yard.box/{one['id']}/transitions/send", {})).json["state"], "sent")
        self.ok(self.publish(""))
        self.assertEqual(self.tell("schema", "apply", "--allow-destructive").returncode, 0)

    def test_a_reference_that_records_hold_is_not_turned_to_another_entity(self):
        link = "kind: entity\nname: sales.inquiry\nfields: {x_link: {type: %s, to: %s, label: {en: Link, zh-CN: 关联, zh-TW: 關聯}}}\n"
        for kind in ("ref", "refs"):
            self.ok(self.publish(link % (kind, "customers.customer")))
            customer = self.create(self.admin, "customers.customer", kind="person", name="李雷")["id"]
            inquiry = self.new_inquiry(x_link=customer if kind == "ref" else [customer])
            answer = self.publish(link % (kind, "core.user"))
            self.problem(answer, 422, "invalid_record")
            self.assertEqual([error["code"] for error in answer.json["errors"]], ["reference-in-use"])
            self.ok(self.admin.patch(f"/records/sales.inquiry/{inquiry['id']}", {"x_link": None}, **{"If-Match": "*"}))
            self.ok(self.publish(link % (kind, "core.user")))
            self.ok(self.publish(""))
            self.assertEqual(self.tell("schema", "apply", "--allow-destructive").returncode, 0)

    def test_options_move_as_states_do(self):
        self.ok(self.publish(FAX))
        inquiry = self.new_inquiry(channel="fax")
        self.ok(self.publish(NO_FAX))
        self.assertEqual(self.inquiry(inquiry)["channel"], "phone")
        self.ok(self.publish(""))

    def test_a_move_into_a_broken_rule_is_refused_before_anything_moves(self):
        self.ok(self.publish(STATE))
        inquiry = self.new_inquiry(party_size=31)
        self.step(inquiry, "park")
        rule = ('invariants: {grown: {check: "record.state != \'new\' || record.party_size <= 30", '
                "message: {en: Too many, zh-CN: 太多, zh-TW: 太多}}}\n")
        answer = self.publish(MOVED + rule)
        self.problem(answer, 422, "invalid_record")
        self.assertIn("moved-breaks-rule", [one["code"] for one in answer.json["errors"]])
        self.assertIn(inquiry["id"], str(answer.json["errors"]))
        self.assertEqual(self.inquiry(inquiry)["state"], "parked")
        self.ok(self.admin.patch(f"/records/sales.inquiry/{inquiry['id']}", {"party_size": 3}, **{"If-Match": "*"}))
        self.ok(self.publish(MOVED + rule))
        self.assertEqual(self.inquiry(inquiry)["state"], "new")
        self.assertIsNotNone(self.sql(f"UPDATE sales_inquiry SET party_size = 31 WHERE id = {inquiry['id']}"))
        self.ok(self.publish(""))

    def test_killed_while_records_move_the_next_start_goes_on(self):
        self.ok(self.publish(STATE))
        seed = self.new_inquiry()
        self.step(seed, "park")
        columns = "version, state, created_at, updated_at, customer, channel"
        count = 3000
        self.assertIsNone(self.sql(
            f"INSERT INTO sales_inquiry (id, {columns}) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
            f"SELECT 50000000 + i, {columns} FROM n, sales_inquiry WHERE sales_inquiry.id = {seed['id']}"))
        for part in range(1, count // 1000):
            self.assertIsNone(self.sql(f"INSERT INTO sales_inquiry (id, {columns}) SELECT id + {part * 1000}, {columns} FROM sales_inquiry "
                                       "WHERE id > 50000000 AND id <= 50001000"))
        self.file.write_text(MOVED)
        client = self.server.client("admin", fresh=True)
        thread = threading.Thread(target=self.quietly, args=(client,))
        thread.start()
        wait_until(lambda: self.left() < count - 200, 20, "some to be moved")
        self.server.stop(signal.SIGKILL)
        thread.join()
        between = self.left()
        self.assertGreater(between, 0, "all were moved before the kill")
        self.server.start()
        self.assertEqual(self.left(), 0)
        self.admin = self.server.client("admin", fresh=True)
        # Each once.
        events = self.ok(self.admin.get("/records/sales.inquiry/50000001/timeline")).json["items"]
        self.assertEqual(len(events), 1)
        self.sql("DELETE FROM sales_inquiry WHERE id > 50000000")
        self.ok(self.publish(""))

    @staticmethod
    def quietly(client):
        with contextlib.suppress(Exception):
            client.post("/admin/reload", {})

    def left(self):
        statement = "SELECT COUNT(*) FROM sales_inquiry WHERE state = 'parked'"
        if self.database == "mariadb":
            return int(self.server.database.sql(f"USE {self.server.database.name}; {statement}"))
        with contextlib.closing(sqlite3.connect(self.server.data / "caravan.db", timeout=10)) as connection:
            return connection.execute(statement).fetchone()[0]

    # -- what is dropped
    def test_the_plan_shows_what_would_be_lost_and_a_word_drops_it(self):
        self.ok(self.publish(FIELDS))
        inquiry = self.new_inquiry(x_mood="高兴", x_level=7)
        self.ok(self.publish(""))
        plan = self.tell("schema", "plan").stdout
        self.assertIn("drop column x_mood", plan)
        self.assertIn(f"    id {inquiry['id']}: 高兴", plan)
        self.assertIn(f"    id {inquiry['id']}: 7", plan)
        done = self.tell("schema", "apply")
        self.assertIn("left alone: drop column x_mood", done.stdout)
        done = self.tell("schema", "apply", "--allow-destructive")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("fits the definitions", self.tell("schema", "plan").stdout)
        self.assertEqual(self.inquiry(inquiry)["id"], inquiry["id"])

    def test_texts_and_options_become_lists_whatever_they_begin_with(self):
        mood = "  x_mood: {type: text, max: 40, label: {en: Mood, zh-CN: 心情, zh-TW: 心情}}\n"
        way = "  x_way: {type: choice, choices: sales.channel, label: {en: Way, zh-CN: 方式, zh-TW: 方式}}\n"
        head = "kind: entity\nname: sales.inquiry\nfields:\n"
        self.ok(self.publish(head + mood + way))
        first, second = self.new_inquiry(x_mood="{贵宾} 高兴", x_way="phone"), self.new_inquiry(x_mood="平静")
        self.ok(self.publish(head + mood.replace("text", "localized") + way.replace("choice,", "multi,")))
        self.assertEqual(self.inquiry(first)["x_mood"], {"zh-CN": "{贵宾} 高兴"})
        self.assertEqual(self.inquiry(second)["x_mood"], {"zh-CN": "平静"})
        self.assertEqual(self.inquiry(first)["x_way"], ["phone"])
        self.ok(self.publish(""))
        self.assertEqual(self.tell("schema", "apply", "--allow-destructive").returncode, 0)

    def test_another_type_is_shown_while_the_server_runs_and_made_when_it_is_stopped(self):
        self.ok(self.publish(FIELDS))
        inquiry = self.new_inquiry(x_mood="高兴", x_level=7)
        answer = self.publish(FIELDS.replace("type: text, max: 40", "type: int"))
        self.problem(answer, 422, "invalid_record")
        told = answer.json["errors"][0]["message"]
        self.assertIn("1 row holds a value", told)
        self.assertIn("--allow-destructive", told)
        plan = self.tell("schema", "plan").stdout
        self.assertIn("change column x_mood", plan)
        self.assertIn("[destructive]", plan)
        self.assertIn(f"    id {inquiry['id']}: 高兴", plan)
        refused = self.tell("schema", "apply", "--allow-destructive")
        self.assertEqual(refused.returncode, 1, refused.stdout)
        self.assertIn("Stop the servers", refused.stderr)
        self.assertEqual(self.inquiry(inquiry)["x_mood"], "高兴")
        self.server.stop()
        done = self.tell("schema", "apply", "--allow-destructive")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.server.start()
        self.admin = self.server.client("admin")
        found = self.inquiry(inquiry)
        self.assertEqual((found["x_mood"], found["x_level"]), (None, 7))
        self.ok(self.publish(""))
        self.assertEqual(self.tell("schema", "apply", "--allow-destructive").returncode, 0)

    def test_a_drop_waits_for_every_node(self):
        if self.database == "sqlite":
            return  # an SQLite database belongs to one process
        self.ok(self.publish(FIELDS))
        inquiry = self.new_inquiry(x_mood="高兴")
        other = Server(self.database, "drop-other")
        own, other.database = other.database, self.server.database
        try:
            if (self.server.home / "data.keys").exists():
                shutil.copy(self.server.home / "data.keys", other.home / "data.keys")
            shutil.copy(self.file, other.config / "changes.yaml")
            other.start()
            # It stands still, and so cannot follow.
            worker = other.worker
            os.kill(worker, signal.SIGSTOP)
            self.ok(self.publish(""))
            began = time.monotonic()
            refused = self.tell("schema", "apply", "--allow-destructive", "--wait", "1")
            self.assertEqual(refused.returncode, 1, refused.stdout)
            self.assertLess(time.monotonic() - began, 10)
            self.assertIn(f"(process {worker}) uses other definitions", refused.stderr)
            self.assertIn("高兴", self.tell("schema", "plan").stdout)
            os.kill(worker, signal.SIGCONT)
            done = self.tell("schema", "apply", "--allow-destructive", "--wait", "20")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("fits the definitions", self.tell("schema", "plan").stdout)
            self.assertEqual(self.ok(other.client("admin", fresh=True).get(f"/records/sales.inquiry/{inquiry['id']}")).json["id"], inquiry["id"])
        finally:
            if other.process is not None:
                os.kill(other.worker, signal.SIGCONT)
            other.stop()
            other.database = own
            other.remove()

    def test_a_newer_database_is_refused(self):
        self.server.stop()
        self.sql("UPDATE schema_info SET version = version + 90")
        try:
            with self.assertRaisesRegex(RuntimeError, "written by a newer Caravan"):
                self.server.start()
            plan = self.tell("schema", "plan")
            self.assertEqual(plan.returncode, 1)
            self.assertIn("start the newer program, or restore the backup", plan.stderr)
        finally:
            self.sql("UPDATE schema_info SET version = version - 90")
            self.server.start()
