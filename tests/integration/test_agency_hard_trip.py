"""A trip on which much goes wrong, from the first order to the settlement, against a sheet that was calculated by hand (hard_trip.csv)."""

import csv
import pathlib

from agency import Agency, day, moment

SHEET = pathlib.Path(__file__).with_name("hard_trip.csv")


class AgencyHardTrip(Agency):
    def setUp(self):
        with open(SHEET, encoding="utf-8", newline="") as rows:
            self.sheet = {row["what"]: row["value"] for row in csv.DictReader(rows)}

    def equal(self, what, value):
        self.assertEqual(str(value), self.sheet[what], what)

    def order_of(self, departure, name, people):
        """`people`: kind, price and room of each traveller."""
        customer = self.make_customer(name, phone="13912345678")
        order = self.create(self.seller, "sales.order", customer=customer["id"], departure=departure["id"], product=departure["product"], destination="丽江", depart_on=departure["depart_on"],
                            days=departure["days"], party_size=len(people))
        for number, (kind, price, room) in enumerate(people):
            traveller = self.make_traveller(order, f"{name}{number + 1}", kind, **({"room": room} if room else {}))
            self.create(self.seller, "sales.order_line", order=order["id"], kind="fare", name="团费", traveller=traveller["id"], unit_price=price)
        self.create(self.seller, "scheduling.booking", departure=departure["id"], order=order["id"], seats=sum(kind != "infant" for kind, _, _ in people))
        self.confirm_order(self.now_of("sales.order", order))
        now = self.now_of("sales.order", order)
        self.create(self.money, "sales.payment", order=order["id"], kind="balance", amount=now["total"], method="transfer", reference=f"all-{order['id']}")
        return self.now_of("sales.order", order)

    def line(self, departure, name, kind, carries, quantity, cost, required=True):
        supplier = self.create(self.planner, "scheduling.supplier", name=name, kind=kind)
        line = self.create(self.planner, "scheduling.service_line", departure=departure["id"], supplier=supplier["id"], kind=kind, name=name, carries=carries, quantity=quantity, unit_cost=cost,
                           required_for_notice=required, **{"from": departure["depart_on"], "to": departure["return_on"]})
        self.step(self.planner, "scheduling.service_line", line, "request")
        self.step(self.planner, "scheduling.service_line", line, "accept", reference=f"OK {name}")
        return line

    def papers(self, departure, *kinds):
        out = []
        for kind in kinds:
            paper = self.create(self.planner, "scheduling.document", departure=departure["id"], kind=kind)
            self.step(self.planner, "scheduling.document", paper, "issue")
            out.append(self.now_of("scheduling.document", paper))
        return out

    def test_the_hard_trip(self):
        for name, days, percent in (("15 日以上", 15, "5"), ("7 至 14 日", 7, "20"), ("4 至 6 日", 4, "50"), ("3 日内", 0, "60")):
            self.create(self.product, "sales.fee_rule", name=name, days_from=days, percent=percent)
        tour = self.make_product("云南六日")
        departure = self.make_departure(tour, offset=0, capacity=30)
        # Thirty travellers.
        families = [self.order_of(departure, "甲家", [("adult", "4000.00", "A"), ("adult", "4000.00", "A"), ("child_bed", "3200.00", "A2"), ("child_bed", "3200.00", "A2")]),
                    self.order_of(departure, "乙家", [("adult", "4000.00", "B"), ("adult", "4000.00", "B"), ("child_no_bed", "2400.00", None), ("infant", "500.00", None)])]
        couples = [self.order_of(departure, f"夫妇{n}", [("adult", "4000.00", f"C{n}")] * 2) for n in range(11)]
        orders = families + couples
        mine = f"record.order.departure == {departure['id']}"
        self.equal("travellers", self.count(self.admin, "sales.traveller", filter=mine))
        self.equal("minors", self.count(self.admin, "sales.traveller", filter=mine + " && record.minor == true"))
        now = self.now_of("scheduling.departure", departure)
        self.assertEqual(now["state"], "guaranteed")
        self.equal("seats", now["confirmed_seats"])
        self.equal("price of all orders", now["income"])
        # Services, papers; then a couple withdraws.
        hotel = self.line(departure, "云上酒店", "hotel", "names", 15, "300.00")
        coach = self.line(departure, "旅游车队", "coach", "nothing", 1, "6000.00")
        local = self.line(departure, "丽江地接社", "local", "headcount", 27, "500.00")
        papers = self.papers(departure, "notice", "rooming", "insurance")
        self.assertIn(f"共 {self.sheet['rooms before']} 间", papers[1]["text"])
        change = self.create(self.seller, "sales.change_order", order=couples[0]["id"], kind="cancel", wish="因病无法出行", requested_on=day(-10))
        self.step(self.seller, "sales.change_order", change, "assess", assessment="可退")
        priced = self.step(self.seller, "sales.change_order", change, "price")
        self.equal("days before departure", priced["days_before"])
        self.equal("fee percent", priced["percent"])
        self.equal("fee", priced["fee"])
        self.step(self.seller, "sales.change_order", change, "agree", agreed_by="夫妇0", agreed_on=day(0))
        self.step(self.sales_boss, "sales.change_order", change, "execute")
        gone = self.now_of("sales.order", couples[0])
        self.assertEqual((gone["state"], gone["payment_status"]), ("cancelled", "overpaid"))
        self.equal("total of the couple", gone["total"])
        self.equal("refund", gone["balance"])
        self.create(self.money, "sales.payment", order=gone["id"], kind="refund", amount=gone["balance"], method="transfer", reference=f"back-{gone['id']}")
        self.assertEqual(self.now_of("sales.order", gone)["balance"], "0.00")
        self.equal("seats after", self.now_of("scheduling.departure", departure)["confirmed_seats"])
        self.equal("stale papers", sum(self.now_of("scheduling.document", paper)["state"] == "stale" for paper in papers))
        lines = [self.now_of("scheduling.service_line", line)["state"] for line in (hotel, coach, local)]
        self.equal("unconfirmed lines", lines.count("amendment_unconfirmed"))
        # The hotel declines late; another one is found.
        self.step(self.planner, "scheduling.service_line", hotel, "decline", decline_reason="满房")
        second = self.line(departure, "古城客栈", "hotel", "names", 14, "360.00")
        self.step(self.planner, "scheduling.service_line", local, "accept", reference="OK 27")
        self.step(self.planner, "scheduling.document", self.create(self.planner, "scheduling.document", departure=departure["id"], kind="notice"), "issue", status=422)
        self.change(self.planner, "scheduling.service_line", hotel, required_for_notice=False)
        renewed = self.papers(departure, "notice", "rooming", "insurance")
        self.assertIn(f"共 {self.sheet['rooms after']} 间", renewed[1]["text"])
        self.assertNotIn("夫妇01", renewed[2]["text"])
        self.assertEqual([self.now_of("scheduling.document", paper)["state"] for paper in papers], ["superseded"] * 3)
        self.equal("planned cost", self.now_of("scheduling.departure", departure)["planned_cost"])
        # The guide falls ill; the best of those who can goes instead.
        ill, well = self.make_guide("卫东", "guide"), self.make_guide("蒋欣", "guide2")
        first = self.ok(self.assign(ill, departure), 201).json
        self.step(self.guide_boss, "guides.assignment", first, "offer")
        self.step(self.guide, "guides.assignment", first, "accept")
        absence = self.create(self.guide, "guides.absence", guide=ill["id"], sudden=True, reason="急性肠胃炎", **{"from": departure["depart_on"], "to": departure["return_on"]})
        self.eventually("guides.absence", f"record.id == {absence['id']} && record.replacements != null", "replacements are named")
        self.assertIn("蒋欣", self.now_of("guides.absence", absence)["replacements"])
        self.refused(self.guide_boss, "guides.absence", absence, "confirm", 409)  # he still has the tour
        ranked = self.ok(self.guide_boss.get(f"/plugins/guides/suitability?assignment={first['id']}")).json["items"]
        self.assertEqual([(one["guide"], one["possible"]) for one in ranked if one["guide"] in (ill["id"], well["id"])], [(well["id"], True), (ill["id"], False)])
        self.step(self.guide_boss, "guides.assignment", first, "replace", reason="突发疾病")
        self.step(self.guide_boss, "guides.absence", absence, "confirm")
        self.problem(self.assign(ill, departure), 409, "conflict")
        duty = self.ok(self.assign(well, departure), 201).json
        self.step(self.guide_boss, "guides.assignment", duty, "offer")
        self.step(self.guide2, "guides.assignment", duty, "accept")
        calls = self.eventually("guides.call", f"record.assignment == {duty['id']}", "calls", count=12)
        self.refused(self.guide2, "guides.assignment", duty, "start", 422)
        for call in calls:
            self.step(self.guide2, "guides.call", call, "done", result="confirmed")
        advance = self.create(self.guide2, "guides.advance", assignment=duty["id"], departure=departure["id"], amount="3000.00", purpose="门票与餐费")
        self.step(self.guide_boss, "guides.advance", advance, "approve")
        self.step(self.money, "guides.advance", advance, "pay", paid_on=day(0))
        # On tour: an incident on the clock.
        self.step(self.planner, "scheduling.departure", departure, "close")
        self.step(self.planner, "scheduling.departure", departure, "operate")
        self.step(self.guide2, "guides.assignment", duty, "start")
        incident = self.create(self.guide2, "scheduling.incident", departure=departure["id"], kind="injury", severity="severe", place="玉龙雪山", facts="一位客人扭伤")
        self.step(self.planner, "scheduling.incident", incident, "take")
        self.change(self.planner, "scheduling.incident", incident, authority_at=moment(0))
        self.step(self.planner, "scheduling.incident", incident, "resolve", measures="送医检查", outcome="轻微扭伤，继续行程")
        clocks = {clock["name"]: clock["state"] for clock in self.ok(self.planner.get(f"/records/scheduling.incident/{incident['id']}/clocks")).json["items"]}
        self.assertEqual(set(clocks.values()), {"met"}, clocks)
        # Return, calls, a complaint with its remedy.
        self.step(self.guide2, "guides.assignment", duty, "finish")
        self.step(self.planner, "scheduling.departure", departure, "complete")
        self.assertEqual({self.now_of("sales.order", order)["state"] for order in orders if order["id"] != gone["id"]}, {"finished"})
        followups = self.eventually("aftersales.followup", f"record.departure == {departure['id']}", "follow-up calls", count=int(self.sheet["follow-up calls"]))
        self.equal("follow-up calls", len(followups))
        unhappy = next(call for call in followups if call["order"] == couples[1]["id"])
        self.step(self.after_boss, "aftersales.followup", unhappy, "record", itinerary=80, guide=90, hotel=30, meals=70, transport=80, overall=55, words="客栈与承诺不符")
        self.assertEqual(self.now_of("guides.guide", well)["rating"], "90.0")
        case = self.create(self.caller, "aftersales.case", kind="complaint", type="hotel", channel="followup", subject="住宿与承诺不符", text="合同承诺云上酒店", contact_name="夫妇1", contact="13912345678",
                           customer=couples[1]["customer"], order=couples[1]["id"], departure=departure["id"])
        self.step(self.after_boss, "aftersales.case", case, "acknowledge")
        self.step(self.after_boss, "aftersales.case", case, "triage", department="operations", severity="serious")
        self.step(self.after_boss, "aftersales.case", case, "investigate")
        self.step(self.after_boss, "aftersales.case", case, "find", demand="补偿", evidence="合同与确认单", customer_contacted=True, investigation="酒店满房后更换", finding="substantiated", plan="补偿")
        owner = self.now_of("aftersales.case", case)["owner"]
        specialist = self.complaint if owner == self.user("complaint") else self.complaint2
        remedy = self.create(specialist, "aftersales.remedy", case=case["id"], kind="goodwill", amount="800.00", text="补偿差价")
        asked = self.post_step(specialist, "aftersales.remedy", remedy, "approve")
        self.assertEqual(asked.status, 202, asked)
        self.ok(self.after_boss.post(f"/approvals/{asked.json['approval']['id'] if 'approval' in asked.json else asked.json['id']}/approve", {"comment": "同意"}))
        self.step(specialist, "aftersales.remedy", remedy, "carry_out", done_on=day(0))
        self.step(specialist, "aftersales.case", case, "answer", answer="已补偿差价并致歉")
        self.step(specialist, "aftersales.case", case, "close", cause="supplier", satisfied=True, satisfaction=80)
        self.equal("restitution", self.now_of("aftersales.case", case)["restitution"])
        clocks = {clock["name"]: clock["state"] for clock in self.ok(self.after_boss.get(f"/records/aftersales.case/{case['id']}/clocks")).json["items"]}
        self.assertEqual(set(clocks.values()), {"met"}, clocks)
        # Settlement.
        self.refused(self.planning_boss, "scheduling.departure", departure, "settle", 422)
        for line, actual in ((second, "5040.00"), (coach, "6200.00"), (local, "13500.00")):
            self.step(self.planner, "scheduling.service_line", line, "use")
            self.step(self.planner, "scheduling.service_line", line, "reconcile", actual=actual)
        self.refused(self.planning_boss, "scheduling.departure", departure, "settle", 422)  # the guide's claim is open
        self.step(self.guide2, "guides.advance", advance, "claim", claimed="2800.00", receipts="发票 12 张")
        self.step(self.money, "guides.advance", advance, "reconcile")
        self.step(self.planning_boss, "scheduling.departure", departure, "settle")
        account = self.all_of("scheduling.tour_account", f"record.departure == {departure['id']}")[0]
        for what, field in (("income", "income"), ("planned cost", "planned_cost"), ("actual cost", "actual_cost"), ("guide cost", "guide_cost"), ("profit", "profit")):
            self.equal(what, account[field])
        # What the customers' files tell at the end.
        told = [one["occasion"] for one in sorted(self.all_of("customers.interaction", f"record.customer == {couples[1]['customer']}"), key=lambda one: int(one["id"]))]
        self.assertEqual([one for number, one in enumerate(told) if one not in told[:number]], ["order", "notice", "call", "incident", "followup", "case"])
        left = [one["occasion"] for one in self.all_of("customers.interaction", f"record.customer == {gone['customer']}")]
        self.assertNotIn("incident", left)
        self.assertEqual(self.now_of("customers.customer", {"id": couples[1]["customer"]})["spending"], "8000.00")
