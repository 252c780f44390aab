"""What definitions guarantee whoever writes at the same time: seats, times, ledgers, numbers without gaps."""

import random

import caravan
from caravan import ServerCase
from wire import at_once, token_of

YARD = """\
kind: entity
name: yard.guide
label: {en: Guide, zh-CN: 导游}
title: name
fields:
  name: {type: text, max: 20, required: true, label: {en: Name, zh-CN: 姓名}}
---
kind: entity
name: yard.tour
label: {en: Tour, zh-CN: 团}
number: "T-{seq:3}"
fields:
  capacity: {type: int, required: true, label: {en: Capacity, zh-CN: 容量}}
  sold: {type: int, label: {en: Sold, zh-CN: 已售}, rollup: {sum: seats, of: yard.sale, by: tour, where: "record.kind != 'void'"}}
  paid: {type: money, label: {en: Paid, zh-CN: 已付}, rollup: {sum: amount, of: yard.sale, by: tour}}
invariants:
  seats: {check: "record.sold <= record.capacity", message: {en: Not enough seats left, zh-CN: 余位不足}}
---
kind: entity
name: yard.sale
label: {en: Sale, zh-CN: 销售}
fields:
  tour: {type: ref, to: yard.tour, required: true, label: {en: Tour, zh-CN: 团}}
  seats: {type: int, min: 1, required: true, label: {en: Seats, zh-CN: 座位}}
  amount: {type: money, label: {en: Amount, zh-CN: 金额}}
  kind: {type: text, max: 10, default: sale, label: {en: Kind, zh-CN: 种类}}
---
kind: entity
name: yard.duty
label: {en: Duty, zh-CN: 任务}
number: "D-{seq:3}"
fields:
  guide: {type: ref, to: yard.guide, required: true, label: {en: Guide, zh-CN: 导游}}
  start_on: {type: date, required: true, label: {en: From, zh-CN: 开始}}
  end_on: {type: date, required: true, label: {en: To, zh-CN: 结束}}
exclusive:
  busy: {resource: guide, from: start_on, to: end_on}
---
kind: entity
name: yard.entry
label: {en: Entry, zh-CN: 分录}
number: "E-{seq:1}"
ledger: true
gap_free: true
fields:
  amount: {type: money, required: true, label: {en: Amount, zh-CN: 金额}}
  code: {type: text, max: 20, label: {en: Code, zh-CN: 代码}}
unique: {by_code: [code]}
"""

LATER = YARD.replace("invariants:\n", "  sales: {type: int, label: {en: Sales, zh-CN: 笔数}, rollup: {count: true, of: yard.sale, by: tour}}\ninvariants:\n", 1)

CLIENTS, SEATS = 40, 20


class Guarantees(ServerCase):
    @classmethod
    def configure(cls):
        (cls.server.config / "yard.yaml").write_text(YARD)

    @classmethod
    def prepare(cls):
        cls.admin = cls.server.client("admin")
        cls.token = token_of(cls.admin)

    def all_at_once(self, count, work):
        return at_once(self.server.port, self.token, count, work)

    def test_seats_are_never_sold_twice(self):
        for _ in range(4):
            tour = self.create(self.admin, "yard.tour", capacity=SEATS)
            replies = self.all_at_once(CLIENTS, lambda wire, _: wire.call(
                "POST", "/records/yard.sale", {"tour": tour["id"], "seats": 1, "amount": "10.10"}))
            sold = [reply for reply in replies if reply.status == 201]
            refused = [reply for reply in replies if reply.status == 422]
            self.assertEqual((len(sold), len(refused)), (SEATS, CLIENTS - SEATS))
            error = refused[0].json["errors"][0]
            self.assertEqual((error["field"], error["code"]), ("tour", "invariant:seats"))
            self.assertEqual(error["message"], f"团 {tour['number']}：余位不足")
            now = self.ok(self.admin.get(f"/records/yard.tour/{tour['id']}")).json
            self.assertEqual((now["sold"], now["paid"]), (SEATS, "202.00"))
            self.assertEqual(self.count(self.admin, "yard.sale", filter=f"record.tour == {tour['id']}"), SEATS)

    def test_no_two_duties_at_a_time(self):
        guide = self.create(self.admin, "yard.guide", name="李")
        replies = self.all_at_once(CLIENTS, lambda wire, number: wire.call(
            "POST", "/records/yard.duty", {"guide": guide["id"], "start_on": f"2026-12-{1 + number % 20:02}", "end_on": f"2026-12-{2 + number % 20:02}"}))
        self.assertEqual({reply.status for reply in replies}, {201, 409})
        error = next(reply for reply in replies if reply.status == 409).json
        self.assertEqual([one["field"] for one in error["errors"]], ["guide", "start_on", "end_on"])
        self.assertRegex(error["detail"], r"导游在此时段已被占用。 \(D-\d+\)")
        taken = set()
        for duty in caravan.every(self.admin, "yard.duty", filter=f"record.guide == {guide['id']}"):
            days = {duty["start_on"], duty["end_on"]}
            self.assertFalse(days & taken)
            taken |= days

    def test_a_ledger_only_grows(self):
        entry = self.create(self.admin, "yard.entry", amount="5")
        path = f"/records/yard.entry/{entry['id']}"
        for answer in (self.admin.patch(path, {"amount": "6"}, If_Match="*"), self.admin.delete(path, If_Match="*")):
            problem = self.problem(answer, 409, "conflict")
            self.assertEqual(problem["errors"][0]["code"], "ledger")
        model = self.ok(self.admin.get("/model")).json
        found = model["entities"]["yard.entry"]
        self.assertTrue(found["ledger"])
        self.assertEqual((found["rights"]["create"], found["rights"]["update"], found["rights"]["delete"]), (True, False, False))
        sold = next(one for one in model["entities"]["yard.tour"]["fields"] if one["name"] == "sold")
        self.assertEqual((sold["rollup"], sold["read_only"]), ("sum", True))

    def test_numbers_follow_each_other(self):
        before = self.count(self.admin, "yard.entry")
        code = random.Random(7)
        codes = [str(code.randrange(25)) for _ in range(CLIENTS)]
        replies = self.all_at_once(CLIENTS, lambda wire, number: wire.call("POST", "/records/yard.entry", {"amount": "1", "code": codes[number]}))
        made = sum(reply.status == 201 for reply in replies)
        self.assertEqual(made, len(set(codes)))
        numbers = sorted(int(one["number"][2:]) for one in caravan.every(self.admin, "yard.entry"))
        self.assertEqual(numbers, list(range(1, before + made + 1)))

    def test_a_rollup_that_is_added_later_is_filled(self):
        tour, empty = self.create(self.admin, "yard.tour", capacity=5), self.create(self.admin, "yard.tour", capacity=5)
        for _ in range(3):
            self.create(self.admin, "yard.sale", tour=tour["id"], seats=1)
        (self.server.config / "yard.yaml").write_text(LATER)
        self.ok(self.admin.post("/admin/reload"))
        self.assertEqual(self.ok(self.admin.get(f"/records/yard.tour/{tour['id']}")).json["sales"], 3)
        self.assertEqual(self.ok(self.admin.get(f"/records/yard.tour/{empty['id']}")).json["sales"], 0)
        self.create(self.admin, "yard.sale", tour=tour["id"], seats=1)
        self.assertEqual(self.ok(self.admin.get(f"/records/yard.tour/{tour['id']}")).json["sales"], 4)
        problem = self.problem(self.admin.post("/records/yard.tour", {"capacity": 1, "sales": 9}), 422, "invalid_record")
        self.assertEqual(problem["errors"][0]["field"], "sales")

    def test_the_history_holds_what_rollups_wrote(self):
        tour, other = self.create(self.admin, "yard.tour", capacity=9), self.create(self.admin, "yard.tour", capacity=9)
        sale = self.create(self.admin, "yard.sale", tour=tour["id"], seats=4, amount="1.50")
        path = f"/records/yard.sale/{sale['id']}"
        self.ok(self.admin.patch(path, {"tour": other["id"]}, If_Match="*"))
        self.ok(self.admin.delete(path, If_Match="*"), 204)
        self.ok(self.admin.post(path + "/restore"))
        self.assertEqual(self.ok(self.admin.get(f"/records/yard.tour/{other['id']}")).json["sold"], 4)
        # The empty one goes and comes back; its rollups are counted anew.
        gone = f"/records/yard.tour/{tour['id']}"
        self.ok(self.admin.delete(gone, If_Match="*"), 204)
        self.assertEqual(self.ok(self.admin.post(gone + "/restore")).json["sold"], 0)
        done = self.server.cli("audit", "verify", "--config", self.server.config, "--json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
