"""One test for each requirement of the agency and its service desk, through the API, as the person whose work it is. See docs/requirements.md."""

import datetime
import random

import caravan
from agency import Agency, day, moment
from caravan import wait_until


class AgencyBeforeSale(Agency):
    def test_a1_departments_posts_and_what_follows_from_them(self):
        roles = {one["name"]: one for one in self.ok(self.admin.get("/admin/roles")).json["items"]}
        for post in ("customers.customer_relations_manager", "customers.data_analyst", "aftersales.complaint_specialist", "sales.sales_manager", "sales.salesperson",
                     "scheduling.scheduling_manager", "scheduling.scheduler", "guides.guide_manager", "guides.guide", "aftersales.followup_caller", "aftersales.quality",
                     "sales.product_manager", "sales.marketing", "sales.finance", "customers.general_manager"):
            self.assertIn(post, roles)
        product = self.make_product("权限五日", days=5)
        self.problem(self.seller.post("/records/sales.product", {"name": "x", "destination": "y", "days": 1, "price_from": "1"}), 403, "forbidden")
        self.problem(self.planner.post("/records/sales.payment", {"order": "1", "kind": "deposit", "amount": "1", "method": "cash"}), 403, "forbidden")
        self.problem(self.guide.get(f"/records/sales.payment"), 403, "forbidden")
        self.assertEqual(self.ok(self.seller.get(f"/records/sales.product/{product['id']}")).json["name"], "权限五日")

    def test_a2_one_customer_file_with_all_that_happened(self):
        one = self.make_customer("陈晓", phone="13912340001", birthday="1985-05-06", interests=["nature", "food"], source="walk_in")
        draft = self.ok(self.seller.post("/records/customers.customer/draft", {"values": {"name": "陈晓二", "kind": "person", "phone": "+8613912340001"}})).json
        self.assertTrue(draft["duplicates"], "the same telephone is warned about")
        again = self.make_customer("陈晓的爱人", phone="13912340001")
        self.assertNotEqual(one["id"], again["id"], "but a shared telephone merges nobody")
        self.create(self.seller, "customers.relation", customer=one["id"], kind="spouse", other=again["id"])
        self.create(self.seller, "customers.identity", customer=one["id"], channel="wechat", app="公众号", external="openid-1")
        self.problem(self.seller.post("/records/customers.identity", {"customer": again["id"], "channel": "wechat", "app": "公众号", "external": "openid-1"}), 409, "conflict")
        for channel in ("phone", "wechat", "visit"):
            self.create(self.seller, "customers.interaction", customer=one["id"], channel=channel, subject=f"来自 {channel}")
        timeline = self.all_of("customers.interaction", f"record.customer == {one['id']}", self.care)
        self.assertEqual({item["channel"] for item in timeline}, {"phone", "wechat", "visit"})
        # The same person twice: found in bulk, merged by the analyst with all that refers to either.
        twice = self.make_customer("陈 晓", phone="+86 139 1234 0001", birthday="1985-05-06")
        self.create(self.seller, "customers.interaction", customer=twice["id"], channel="email", subject="第二份档案")
        self.problem(self.planner.post(f"/records/customers.customer/{one['id']}/merge", {"other": twice["id"]}), 403, "forbidden")
        self.ok(self.analyst.post(f"/records/customers.customer/{one['id']}/merge", {"other": twice["id"]}))
        self.assertEqual(self.count(self.admin, "customers.interaction", filter=f"record.customer == {one['id']}"), 4)
        self.assertEqual(self.analyst.get(f"/records/customers.customer/{twice['id']}").status, 410)

    def test_a3_a_correction_is_proposed_and_decided(self):
        customer = self.make_customer("刘敏", phone="13912340002")
        request = self.create(self.planner, "customers.change_request", customer=customer["id"], part="phone", wanted="13912349999", reason="客户来电更正")
        self.assertEqual(request["state"], "proposed")
        self.refused(self.planner, "customers.change_request", request, "accept", 403)
        done = self.step(self.analyst, "customers.change_request", request, "accept")
        self.assertEqual(done["state"], "accepted")
        self.assertEqual(self.now_of("customers.customer", customer)["phone"], "+8613912349999")
        now = self.now_of("customers.change_request", request)
        self.assertEqual((now["old_value"], now["decided_by"], now["proposer"]), ("+8613912340002", self.user("analyst"), self.user("planner")))
        other = self.create(self.seller, "customers.change_request", customer=customer["id"], part="name", wanted="刘明", reason="听错")
        self.refused(self.analyst, "customers.change_request", other, "reject", 422)
        self.step(self.analyst, "customers.change_request", other, "reject", decision="与证件不符")
        self.assertEqual(self.now_of("customers.customer", customer)["name"], "刘敏")

    def test_a4_needs_recommendation_and_proposals(self):
        product = self.make_product("大理丽江慢游六日", destination="大理·丽江", interests=["nature"], price_from="4200.00")
        departure = self.make_departure(product, offset=33)
        dear = self.make_product("丽江尊享六日", destination="丽江", price_from="9800.00")
        self.make_departure(dear, offset=33)
        full = self.make_product("丽江满员六日", destination="丽江·大理", price_from="3900.00")
        self.create(self.seller, "scheduling.booking", departure=self.make_departure(full, offset=33, capacity=2)["id"], seats=2)
        customer = self.make_customer("需求客户", interests=["nature"])
        inquiry = self.create(self.seller, "sales.inquiry", customer=customer["id"], channel="wechat", destination="丽江、大理", depart_on=day(34), party_size=2, budget="9000.00",
                              needs="喜欢自然风光")
        found = self.ok(self.seller.get(f"/plugins/sales/recommend?inquiry={inquiry['id']}&limit=50")).json
        nearly, found = found["nearly"], found["items"]
        self.assertEqual(found[0]["product"], product["id"])
        self.assertEqual(found[0]["departure"], departure["number"])
        reasons = {one["code"]: one["good"] for one in found[0]["reasons"]}
        self.assertTrue(reasons["place"] and reasons["date"] and reasons["budget"] and reasons["interest"])
        self.assertFalse({dear["id"], full["id"]} & {one["product"] for one in found}, "what does not fit dates, seats and budget is not recommended")
        for one, code in ((dear, "budget"), (full, "date")):  # only departures with seats are dates
            why = next(other for other in nearly if other["product"] == one["id"])["reasons"]
            self.assertIn((code, False), [(reason["code"], reason["good"]) for reason in why])
        self.step(self.seller, "sales.inquiry", inquiry, "contact")
        self.step(self.seller, "sales.inquiry", inquiry, "qualify")
        proposal = self.create(self.seller, "sales.proposal", title="慢游方案", customer=customer["id"], inquiry=inquiry["id"], product=product["id"], destination="大理·丽江",
                               depart_on=departure["depart_on"], days=6, party_size=2, itinerary="第 1 天 抵达大理", sights="洱海", hotel_standard=4, meals="含早", transport="flight",
                               valid_until=day(10))
        self.refused(self.seller, "sales.proposal", proposal, "send", 422)  # without a price
        self.create(self.seller, "sales.proposal_line", proposal=proposal["id"], kind="fare", name="团费", quantity=2, unit_price="4200.00")
        sent = self.step(self.seller, "sales.proposal", proposal, "send")
        self.assertEqual((sent["total"], sent["per_head"]), ("8400.00", "4200.00"))
        self.assertEqual(self.now_of("sales.inquiry", inquiry)["state"], "proposed")
        self.step(self.seller, "sales.proposal", proposal, "revise")
        next_one = self.all_of("sales.proposal", f"record.previous == {proposal['id']}")[0]
        self.assertEqual((next_one["revision"], next_one["itinerary"], next_one["state"]), (2, "第 1 天 抵达大理", "draft"))
        both = self.ok(self.seller.get("/records/sales.proposal" + caravan.query(filter=f"record.inquiry == {inquiry['id']}", sort="revision"))).json["items"]
        self.assertEqual([one["state"] for one in both], ["superseded", "draft"], "side by side")

    def test_a4_what_is_recommended_first_fits_dates_budget_and_seats(self):
        """A season's departures and many wishes, each checked against the departure itself."""
        dice = random.Random(4)
        places = ("丽江", "三亚", "黄山", "敦煌")
        products = [self.make_product(f"{place}{number}", days=dice.choice((4, 5, 6)), destination=place, price_from=f"{dice.randrange(20, 60)}00.00")
                    for number in range(3) for place in places]
        departures = {}
        for product in products:
            for _ in range(4):
                one = self.make_departure(product, offset=dice.randrange(400, 430), capacity=dice.randrange(1, 9), min_party=1, price=f"{dice.randrange(20, 70)}00.00")
                taken = dice.randrange(0, one["capacity"] + 1)
                if taken:
                    self.create(self.planner, "scheduling.booking", departure=one["id"], seats=taken)
                departures[one["number"]] = {**self.now_of("scheduling.departure", one), "taken": taken}
        told = 0
        for _ in range(60):
            wish = {"destination": dice.choice(places), "depart_on": day(dice.randrange(398, 432)), "party": dice.randrange(1, 6), "budget": f"{dice.randrange(20, 70)}00.00",
                    "flexible_days": dice.randrange(0, 8), "limit": 10}
            wanted = datetime.date.fromisoformat(wish["depart_on"])
            found = self.ok(self.seller.get("/plugins/sales/recommend" + caravan.query(**wish))).json["items"]

            def fits(one):
                away = abs((datetime.date.fromisoformat(one["depart_on"]) - wanted).days)
                return away <= wish["flexible_days"] and one["capacity"] - one["taken"] >= wish["party"] and float(one["price"]) <= float(wish["budget"])
            for one in found[:3]:
                departure = departures[one["departure"]]
                self.assertEqual(one["product"], departure["product"])
                self.assertTrue(fits(departure), (wish, departure))
                self.assertEqual(one["price"], departure["price"])
                told += 1
            # And nothing that fits is left out.
            possible = {one["product"] for one in departures.values() if fits(one)}
            self.assertEqual(len(found), min(len(possible), 10), wish)
        self.assertGreater(told, 30, "wishes that can be met")

    def test_a9_care_once_each_and_only_by_consent(self):
        customers = [self.make_customer(f"关怀{number}", city="关怀市") for number in range(3)]
        for customer in customers[:2]:
            self.create(self.care, "customers.consent", customer=customer["id"], purpose="care", channel="wechat", source="表单")
        segment = self.create(self.care, "customers.segment", name="关怀市客户", rule="record.city == '关怀市'")
        campaign = self.create(self.care, "customers.campaign", name="新春问候", kind="festival", occasion="spring-2027", segment=segment["id"], text="新春快乐")
        answer = self.post_step(self.care, "customers.campaign", campaign, "approve")
        self.assertEqual(answer.status, 202, answer)
        self.approve(self.care_boss, answer)
        self.step(self.care, "customers.campaign", campaign, "start")
        greetings = self.all_of("customers.greeting", f"record.campaign == {campaign['id']}")
        self.assertEqual({one["customer"] for one in greetings}, {customer["id"] for customer in customers[:2]})
        self.problem(self.care.post("/records/customers.greeting", {"customer": customers[0]["id"], "kind": "festival", "occasion": "spring-2027"}), 409, "conflict")
        self.step(self.care, "customers.greeting", greetings[0], "send")
        self.step(self.care, "customers.greeting", greetings[0], "answer", response="谢谢")
        consent = self.all_of("customers.consent", f"record.customer == {greetings[1]['customer']}")[0]
        self.step(self.care, "customers.consent", consent, "withdraw")
        self.refused(self.care, "customers.greeting", greetings[1], "send", 422)
        now = self.now_of("customers.campaign", campaign)
        self.assertEqual((now["greetings"], now["answered"]), (2, 1))

    def approve(self, client, answer, decision="approve"):
        approval = answer.json["approval"]["id"] if "approval" in answer.json else answer.json["id"]
        return self.ok(client.post(f"/approvals/{approval}/{decision}", {"comment": "同意"}))

    def test_a10_what_the_work_needs_and_no_more(self):
        customer = self.make_customer("保密客户", document_number="E12345678", income="20000.00")
        seen = {name: self.ok(getattr(self, name).get(f"/records/customers.customer/{customer['id']}")).json for name in ("seller", "planner", "guide")}
        self.assertEqual(seen["seller"]["document_number"], "E12345678")
        self.assertTrue(seen["planner"]["document_number"].endswith("678") and "E1234" not in seen["planner"]["document_number"], seen["planner"]["document_number"])
        self.assertNotIn("income", seen["guide"])
        self.assertNotIn("document_number", seen["guide"])
        looks = self.ok(self.admin.get("/admin/audit/looks?limit=200")).json["items"]
        self.assertTrue(any(look["record"] == customer["id"] or look.get("id") == customer["id"] or customer["id"] in str(look) for look in looks), "the look in the clear is logged")
        request = self.create(self.care, "customers.privacy_request", customer=customer["id"], wish="erase")
        self.assertEqual(request["due_on"], day(15))
        self.refused(self.care_boss, "customers.privacy_request", request, "restrict", 422)
        self.step(self.care_boss, "customers.privacy_request", request, "restrict", reason="合同须保存", kept_until=day(365))
        self.assertEqual(self.now_of("customers.customer", customer)["restricted_until"], day(365))
        other = self.make_customer("要求删除", phone="13912348888", email="x@example.com")
        erase = self.create(self.care, "customers.privacy_request", customer=other["id"], wish="erase")
        self.step(self.care_boss, "customers.privacy_request", erase, "complete")
        now = self.now_of("customers.customer", other)
        self.assertEqual((now["phone"], now["email"], now["name"]), (None, None, "（已清除）"))

    def test_a14_plans_help_and_crises(self):
        plan = self.create(self.sales_boss, "customers.plan", name="2027 年销售目标", kind="target", department="sales", **{"from": "2027-01-01", "to": "2027-12-31"}, target="3000000")
        answer = self.post_step(self.sales_boss, "customers.plan", plan, "agree")
        self.assertEqual(answer.status, 202, answer)
        self.approve(self.director, answer)
        self.assertEqual(self.now_of("customers.plan", plan)["state"], "agreed")
        budget = self.create(self.care_boss, "customers.plan", name="关怀预算", kind="budget", department="customers", **{"from": "2027-01-01", "to": "2027-12-31"}, amount="10000.00", spent="2000.00")
        self.problem(self.care_boss.patch(f"/records/customers.plan/{budget['id']}", {"spent": "10000.01"}, If_Match="*"), 422, "invalid_record")
        help_wanted = self.create(self.seller, "customers.help_request", subject="签证材料", text="申根签证需要什么？", department="operations")
        self.refused(self.seller, "customers.help_request", help_wanted, "answer", 422, answer="我自己")
        self.step(self.planner, "customers.help_request", help_wanted, "answer", answer="见清单")
        self.step(self.seller, "customers.help_request", help_wanted, "close")
        # A superior gives his people tasks; they find them in their day, and he sees what came of them.
        task = self.create(self.sales_boss, "core.task", title="整理下月报价", assignee=self.user("seller"), due_at=moment(86400))
        self.assertIn(task["id"], [one["id"] for one in self.all_of("core.task", "record.state == 'open'", self.seller)])
        self.assertEqual(self.all_of("core.task", client=self.seller2), [])
        self.problem(self.seller.post("/records/core.task", {"title": "x", "assignee": self.user("seller2")}), 403, "forbidden")
        self.change(self.sales_boss, "core.task", task, due_at=moment(172800))
        self.step(self.seller, "core.task", task, "finish", note="已发邮件")
        done = self.now_of("core.task", task, self.sales_boss)
        self.assertEqual((done["state"], done["note"]), ("done", "已发邮件"))
        self.eventually("core.notice", f"record.user == {self.user('seller')} && record.text.contains('整理下月报价')", "the assignee is told")
        self.create(self.guide, "customers.help_request", subject="酒店不接待外宾", text="怎么办？", department="operations")
        crisis = self.create(self.care_boss, "customers.crisis", name="网络舆情", facts="某团客户发帖")
        self.refused(self.care_boss, "customers.crisis", crisis, "plan", 422)
        self.step(self.care_boss, "customers.crisis", crisis, "plan", plan="24 小时内回应", owner=self.user("care_boss"))
        self.step(self.care_boss, "customers.crisis", crisis, "close", outcome="已平息")

    def test_b1_all_channels_in_one_queue(self):
        customer = self.make_customer("多渠道")
        for channel in ("phone", "wechat", "website", "email"):
            self.create(self.seller, "sales.inquiry", customer=customer["id"], channel=channel, destination="北京")
        self.assertEqual(self.count(self.seller, "sales.inquiry", filter=f"record.customer == {customer['id']} && record.state == 'new'"), 4)


class AgencyInSale(Agency):
    def setUp(self):
        self.tour = self.make_product()
        self.departure = self.make_departure(self.tour)
        self.customer = self.make_customer("王芳", phone="13912341234", preferences="素食")

    def test_a13_no_order_is_confirmed_unsigned(self):
        order = self.make_order(self.customer, self.departure)
        self.step(self.seller, "sales.order", order, "verify")
        self.change(self.seller, "sales.order", order, checked_itinerary=True, checked_price=True, checked_needs=True, checked_documents=True)
        self.step(self.seller, "sales.order", order, "verified")
        self.refused(self.seller, "sales.order", order, "confirm", 422)
        contract = self.sign_contract(self.now_of("sales.order", order))
        self.assertEqual((contract["state"], contract["min_party"], contract["local_operator"]), ("signed", 2, "丽江地接社"))
        self.problem(self.seller.patch(f"/records/sales.contract/{contract['id']}", {"itinerary": "改掉"}, If_Match="*"), 422, "invalid_record")
        self.step(self.seller, "sales.order", order, "confirm")
        self.refused(self.sales_boss, "sales.contract", contract, "void", 422, comment="试试")
        supplement = self.create(self.seller, "sales.supplement", contract=contract["id"], text="增加一晚", amount="500.00")
        self.step(self.seller, "sales.supplement", supplement, "sign", signed_on=day(0), document="BC-1")
        now = self.now_of("sales.contract", contract)
        self.assertEqual((now["state"], now["supplements"], now["itinerary"]), ("supplemented", 1, "第 1 天 丽江"))

    def test_b3_b4_checked_approved_and_handed_over_at_the_same_moment(self):
        order = self.make_order(self.customer, self.departure, party=2, price="30000.00")
        self.assertTrue(order["needs_approval"])
        self.create(self.seller, "scheduling.booking", departure=self.departure["id"], order=order["id"], seats=2)
        self.refused(self.seller, "sales.order", order, "verified", 409)
        self.step(self.seller, "sales.order", order, "verify")
        self.refused(self.seller, "sales.order", order, "ask_approval", 422)  # nothing is ticked
        self.change(self.seller, "sales.order", order, checked_itinerary=True, checked_price=True, checked_needs=True, checked_documents=True)
        self.step(self.seller, "sales.order", order, "ask_approval")
        self.refused(self.seller, "sales.order", order, "approve", 403)
        self.step(self.sales_boss, "sales.order", order, "refuse", comment="价格再核")
        self.assertEqual(self.now_of("sales.order", order)["state"], "draft")
        confirmed = self.confirm_order(order)
        self.assertEqual(confirmed["state"], "confirmed")
        booking = self.all_of("scheduling.booking", f"record.order == {order['id']}")
        self.assertEqual([one["state"] for one in booking], ["confirmed"], "in the same transaction")
        self.assertEqual(self.now_of("scheduling.departure", self.departure)["confirmed_seats"], 2)
        notes = self.all_of("customers.interaction", f"record.customer == {self.customer['id']} && record.occasion == 'order'")
        self.assertTrue(notes)

    def test_b4_prices_by_season_kind_and_party(self):
        for season, kind, price, single, start, end in (("全年", "adult", "4000.00", "800.00", -300, 300), ("旺季", "adult", "4800.00", "900.00", 25, 35), ("全年", "child_no_bed", "2400.00", None, -300, 300)):
            self.create(self.product, "sales.price", product=self.tour["id"], season=season, kind=kind, price=price, **{"from": day(start), "to": day(end)}, **({"single_supplement": single} if single else {}))
        order = self.create(self.seller, "sales.order", customer=self.customer["id"], departure=self.departure["id"], product=self.tour["id"], destination="丽江", depart_on=self.departure["depart_on"],
                            days=6, party_size=3)
        for name, kind, single in (("甲", "adult", True), ("乙", "senior", False), ("丙", "child_no_bed", False)):
            self.make_traveller(order, name, kind, single_room=single)
        self.step(self.seller, "sales.order", order, "price")
        self.assertEqual(self.now_of("sales.order", order)["total"], "12900.00", "4800 + 900 alone in a room, 4800, 2400")
        self.step(self.seller, "sales.order", order, "price")
        self.assertEqual(self.now_of("sales.order", order)["total"], "12900.00", "once")

    def test_b4_an_order_without_seats_is_not_confirmed(self):
        small = self.make_departure(self.tour, offset=40, capacity=2)
        self.create(self.seller, "scheduling.booking", departure=small["id"], seats=1)
        order = self.make_order(self.customer, small)
        self.step(self.seller, "sales.order", order, "verify")
        self.change(self.seller, "sales.order", order, checked_itinerary=True, checked_price=True, checked_needs=True, checked_documents=True)
        self.step(self.seller, "sales.order", order, "verified")
        self.sign_contract(self.now_of("sales.order", order))
        self.refused(self.seller, "sales.order", order, "confirm", 422)
        self.assertEqual(self.now_of("sales.order", order)["state"], "awaiting_customer", "nothing of it happened")

    def test_a5_services_confirmed_notice_issued_and_stale_when_travellers_change(self):
        order = self.confirm_order(self.make_order(self.customer, self.departure))
        supplier = self.create(self.planner, "scheduling.supplier", name="云上酒店", kind="hotel")
        line = self.create(self.planner, "scheduling.service_line", departure=self.departure["id"], supplier=supplier["id"], kind="hotel", name="丽江酒店", required_for_notice=True,
                           carries="names", unit_cost="300.00", quantity=1, **{"from": self.departure["depart_on"]})
        notice = self.create(self.planner, "scheduling.document", departure=self.departure["id"], kind="notice")
        self.assertEqual(notice["travellers"] if "travellers" in notice else self.now_of("scheduling.document", notice)["travellers"], 2)
        self.refused(self.planner, "scheduling.document", notice, "issue", 422)
        self.change(self.planner, "scheduling.document", notice, override_reason="酒店口头确认")
        answer = self.post_step(self.planner, "scheduling.document", notice, "issue")
        self.assertEqual(answer.status, 202, "only the manager lets it go out")
        self.step(self.planner, "scheduling.service_line", line, "request")
        self.step(self.planner, "scheduling.service_line", line, "accept", reference="OK-1")
        second = self.create(self.planner, "scheduling.document", departure=self.departure["id"], kind="notice")
        issued = self.step(self.planner, "scheduling.document", second, "issue")
        self.assertEqual(issued["state"], "issued")
        self.assertIn("虹桥机场 T2", self.now_of("scheduling.document", second)["text"])
        receipts = self.eventually("scheduling.receipt", f"record.document == {second['id']}", "receipts")
        self.change(self.seller, "scheduling.receipt", receipts[0], read_at=moment(0))
        self.assertEqual(self.now_of("scheduling.document", second)["receipts_read"], 1)
        self.assertTrue(self.all_of("customers.interaction", f"record.customer == {self.customer['id']} && record.occasion == 'notice'"))
        traveller = self.all_of("sales.traveller", f"record.order == {order['id']}")[0]
        self.change(self.seller, "sales.traveller", traveller, needs="轮椅")
        self.assertEqual(self.now_of("scheduling.document", second)["state"], "stale")
        self.assertEqual(self.now_of("scheduling.service_line", line)["state"], "amendment_unconfirmed")
        self.step(self.planner, "scheduling.service_line", line, "accept", reference="OK-2")
        third = self.create(self.planner, "scheduling.document", departure=self.departure["id"], kind="notice")
        self.step(self.planner, "scheduling.document", third, "issue")
        self.assertEqual(self.now_of("scheduling.document", second)["state"], "superseded")
        self.assertIn("轮椅", self.now_of("scheduling.document", third)["text"])
        self.create(self.planner, "scheduling.supplier_rating", supplier=supplier["id"], departure=self.departure["id"], score=80)
        self.assertEqual(self.now_of("scheduling.supplier", supplier)["rating"], "80.0")

    def test_a6_a_fitting_guide_called_and_handed_over(self):
        self.confirm_order(self.make_order(self.customer, self.departure))
        fit, away, foreign = self.make_guide("卫东", "guide"), self.make_guide("蒋欣", "guide2"), self.make_guide("郎平")
        self.change(self.guide_boss, "guides.guide", foreign, regions=["europe"])
        self.create(self.guide_boss, "guides.absence", guide=away["id"], **{"from": self.departure["depart_on"], "to": self.departure["depart_on"]})
        ranked = {one["guide"]: one for one in self.ok(self.guide_boss.get(f"/plugins/guides/suitability?departure={self.departure['id']}")).json["items"]}
        self.assertTrue(ranked[fit["id"]]["possible"])
        self.assertEqual([one["code"] for one in ranked[away["id"]]["reasons"] if not one["good"]][0], "free")
        self.assertIn("region", [one["code"] for one in ranked[foreign["id"]]["reasons"] if not one["good"]])
        self.problem(self.assign(foreign, self.departure), 422, "invalid_record")
        assignment = self.ok(self.assign(fit, self.departure), 201).json
        self.problem(self.assign(fit, self.departure), 409, "conflict")
        self.step(self.guide_boss, "guides.assignment", assignment, "offer")
        self.refused(self.guide2, "guides.assignment", assignment, "accept", 404)
        self.step(self.guide, "guides.assignment", assignment, "accept")
        sheet = self.eventually("guides.handover", f"record.assignment == {assignment['id']} && record.text != null", "the sheet is written")[0]
        self.assertIn("素食", sheet["text"])
        call = self.eventually("guides.call", f"record.assignment == {assignment['id']}", "a call for the order")[0]
        self.refused(self.guide, "guides.call", call, "done", 422, result="no_answer")
        self.step(self.guide, "guides.call", call, "done", result="confirmed", note="准时到达")
        self.assertEqual(self.now_of("guides.assignment", assignment)["calls_open"], 0)

    def test_a6_conflicts_are_told_before_a_change_is_made(self):
        busy, free = self.make_guide("卫东"), self.make_guide("蒋欣")
        mine = self.ok(self.assign(busy, self.departure), 201).json
        other = self.ok(self.assign(free, self.departure), 201).json

        def tried(*items, action="update", **more):
            return self.ok(self.guide_boss.post("/records/guides.assignment/bulk", {"action": action, "dry_run": True, "items": list(items), **more})).json
        answer = tried({"id": other["id"], "version": other["version"], "input": {"guide": busy["id"]}})
        self.assertEqual((answer["dry_run"], answer["done"], answer["items"][0]["status"]), (True, 0, "refused"))
        error = answer["items"][0]["error"]
        self.assertEqual({one["code"] for one in error["errors"]}, {"overlap:busy"})
        self.assertIn(mine["number"], error["errors"][0]["message"])
        outside = tried({"id": mine["id"], "input": {"from": day(200), "to": day(205)}})["items"][0]["error"]
        self.assertEqual({one["code"] for one in outside["errors"]}, {"invariant:within"})
        # One after the other: the first makes room for the second; and nothing of it has happened.
        swapped = tried({"id": mine["id"], "input": {"from": day(31), "to": day(31)}}, {"id": other["id"], "input": {"guide": busy["id"], "from": day(32)}})
        self.assertEqual([one["status"] for one in swapped["items"]], ["done", "done"])
        self.assertEqual(tried({"id": mine["id"]}, action="transition", transition="offer")["items"][0]["status"], "done")
        stale = tried({"id": mine["id"], "version": 99, "input": {"guide": free["id"]}})
        self.assertEqual(stale["items"][0]["error"]["code"], "stale")
        for record in (mine, other):
            self.assertEqual(self.now_of("guides.assignment", record), record)
        self.problem(self.seller.post("/records/guides.assignment/bulk", {"action": "update", "dry_run": True, "items": [{"id": mine["id"], "input": {"guide": free["id"]}}], "atomic": "x"}), 400, "invalid_argument")

    def test_a7_log_incident_and_feedback(self):
        order = self.confirm_order(self.make_order(self.customer, self.departure))
        guide = self.make_guide("卫东", "guide")
        assignment = self.ok(self.assign(guide, self.departure), 201).json
        self.step(self.guide_boss, "guides.assignment", assignment, "offer")
        self.step(self.guide, "guides.assignment", assignment, "accept")
        entry = {"assignment": assignment["id"], "text": "抵达古城", "headcount": 2, "client_key": f"phone-{assignment['id']}-1"}
        self.ok(self.guide.post("/records/guides.log", entry), 201)
        self.problem(self.guide.post("/records/guides.log", entry), 409, "conflict")
        incident = self.create(self.guide, "scheduling.incident", departure=self.departure["id"], kind="injury", severity="severe", place="玉龙雪山", facts="客人扭伤")
        for person in ("planner", "guide_boss"):
            mine = self.ok(getattr(self, person).get("/records/core.notice" + caravan.query(filter=f"record.about_id == '{incident['id']}' && record.urgent == true"))).json["items"]
            self.assertTrue(mine, f"{person} is alerted")
        clocks = {clock["name"] for clock in self.ok(self.planner.get(f"/records/scheduling.incident/{incident['id']}/clocks")).json["items"]}
        self.assertEqual(clocks, {"scheduling.incident_urgent", "scheduling.authority_report"})
        self.step(self.planner, "scheduling.incident", incident, "take")
        self.refused(self.planner, "scheduling.incident", incident, "resolve", 422, measures="送医", outcome="已康复")
        self.change(self.planner, "scheduling.incident", incident, authority_at=moment(0))
        self.step(self.planner, "scheduling.incident", incident, "resolve", measures="送医", outcome="已康复")
        told = self.all_of("customers.interaction", f"record.customer == {self.customer['id']} && record.occasion == 'incident'")
        self.assertEqual([one["text"] for one in told], ["已康复"])
        feedback = self.create(self.guide, "guides.feedback", assignment=assignment["id"], customer=self.customer["id"], text="喜欢摄影")
        self.step(self.analyst, "guides.feedback", feedback, "take")
        self.assertIn("喜欢摄影", self.now_of("customers.customer", self.customer)["notes"])
        self.assertEqual(order["state"], "confirmed")

    def test_b5_some_travellers_leave_for_a_fee(self):
        self.create(self.product, "sales.fee_rule", name="出发前 15 天以上", days_from=15, percent="10")
        self.create(self.product, "sales.fee_rule", name="出发前 4 天内", days_from=0, percent="60")
        order = self.confirm_order(self.make_order(self.customer, self.departure, party=3, price="1000.00"))
        travellers = self.all_of("sales.traveller", f"record.order == {order['id']}")
        change = self.create(self.seller, "sales.change_order", order=order["id"], kind="travellers", wish="一人退团")
        self.refused(self.seller, "sales.change_order", change, "assess", 422, assessment="可行")
        self.create(self.seller, "sales.change_item", change=change["id"], traveller=travellers[0]["id"])
        self.step(self.seller, "sales.change_order", change, "assess", assessment="可行")
        self.step(self.seller, "sales.change_order", change, "price")
        priced = self.now_of("sales.change_order", change)
        self.assertEqual((priced["base"], priced["percent"], priced["fee"]), ("1000.00", "10.00", "100.00"))
        self.step(self.seller, "sales.change_order", change, "agree", agreed_by="王芳", agreed_on=day(0))
        self.refused(self.seller, "sales.change_order", change, "execute", 403)
        self.step(self.sales_boss, "sales.change_order", change, "execute")
        now = self.now_of("sales.order", order)
        self.assertEqual((now["total"], now["seats"], now["party_size"], now["state"]), ("2100.00", 2, 2, "confirmed"))
        self.assertEqual(self.now_of("sales.traveller", travellers[0])["state"], "cancelled")
        self.assertEqual(self.now_of("scheduling.departure", self.departure)["confirmed_seats"], 2)
        self.refused(self.sales_boss, "sales.traveller", travellers[1], "cancel", 422)

    def test_b5_the_whole_order_is_cancelled(self):
        order = self.confirm_order(self.make_order(self.customer, self.departure, price="1000.00"))
        self.refused(self.sales_boss, "sales.order", order, "cancel", 422, cancel_reason="试试")
        change = self.create(self.seller, "sales.change_order", order=order["id"], kind="cancel", cause="agency", wish="旅行社原因取消")
        self.step(self.seller, "sales.change_order", change, "assess", assessment="可行")
        self.step(self.seller, "sales.change_order", change, "price")
        self.assertEqual(self.now_of("sales.change_order", change)["fee"], "0.00")
        self.step(self.seller, "sales.change_order", change, "agree", agreed_by="王芳", agreed_on=day(0))
        self.step(self.sales_boss, "sales.change_order", change, "execute")
        now = self.now_of("sales.order", order)
        self.assertEqual((now["state"], now["total"], now["seats"]), ("cancelled", "0.00", 0))
        departure = self.now_of("scheduling.departure", self.departure)
        self.assertEqual((departure["sold"], departure["left"]), (0, 20))


class AgencyAfterSale(Agency):
    def setUp(self):
        self.tour = self.make_product()
        self.customer = self.make_customer("回访客户")

    def test_a8_b6_follow_up_call_and_bad_answers(self):
        departure = self.make_departure(self.tour, offset=1)
        order = self.confirm_order(self.change(self.seller, "sales.order", self.make_order(self.customer, departure), depart_on=day(-6)))
        self.step(self.sales_boss, "sales.order", order, "depart")
        self.step(self.sales_boss, "sales.order", order, "finish")
        call = self.eventually("aftersales.followup", f"record.order == {order['id']}", "a call is planned")[0]
        if call["owner"] is None:  # at night nobody calls
            decision = self.ok(self.admin.get(f"/records/aftersales.followup/{call['id']}/assignments")).json["items"][0]
            self.assertEqual([rule["why"] for rule in decision["rules"]], ["closed"])
            call = self.ok(self.admin.patch(f"/records/aftersales.followup/{call['id']}", {"owner": self.user("caller")}, If_Match="*")).json
        self.assertIn(call["owner"], (self.user("caller"), self.user("after_boss")), "whoever may call and has least to do")
        self.assertGreater(call["due_on"], day(-1))
        self.step(self.caller if call["owner"] == self.user("caller") else self.after_boss, "aftersales.followup", call, "record", itinerary=90, guide=95, hotel=40, meals=80, transport=85, overall=75, words="酒店太吵")
        task = self.all_of("aftersales.improvement_task", f"record.followup == {call['id']}")
        self.assertEqual([(one["topic"], one["score"], one["department"]) for one in task], [("hotel", 40, "operations")])
        self.step(self.planner, "aftersales.improvement_task", task[0], "handle", reply="已更换酒店")
        self.step(self.caller, "aftersales.improvement_task", task[0], "close")
        self.assertEqual(self.now_of("aftersales.followup", call)["worst"], 40)
        # Nobody is offered a report of what he may not read: a guide knows orders, not their prices.
        for person in (self.guide, self.after_boss, self.sales_boss):
            for one in self.ok(person.get("/reports")).json["items"]:
                self.ok(person.get(f"/reports/{one['name']}"))
        self.assertNotIn("sales.turnover", [one["name"] for one in self.ok(self.guide.get("/reports")).json["items"]])
        self.assertIn("sales.turnover", [one["name"] for one in self.ok(self.sales_boss.get("/reports")).json["items"]])
        figures = self.ok(self.after_boss.get("/reports/aftersales.satisfaction")).json
        self.assertIn("40", str(figures), "the hotel's average of the month")

    def case(self, client=None, **fields):
        given = {"kind": "complaint", "type": "service", "channel": "phone", "subject": "导游迟到", "text": "导游迟到一小时", "contact_name": "回访客户", "contact": "13912341234",
                 "customer": self.customer["id"], **fields}
        return self.create(client or self.caller, "aftersales.case", **given)

    def approve(self, client, answer):
        approval = answer.json["approval"]["id"] if "approval" in answer.json else answer.json["id"]
        return self.ok(client.post(f"/approvals/{approval}/approve", {"comment": "同意"}))

    def test_b7_d1_intake_needs_name_contact_and_content(self):
        for missing in ("contact_name", "contact", "text", "channel"):
            fields = {"kind": "complaint", "type": "service", "channel": "email", "subject": "x", "text": "y", "contact_name": "z", "contact": "1"}
            del fields[missing]
            problem = self.problem(self.caller.post("/records/aftersales.case", fields), 422, "invalid_record")
            self.assertEqual([error["field"] for error in problem["errors"]], [missing])
        for channel in ("phone", "email", "chat", "social", "web", "wechat"):
            self.assertEqual(self.case(channel=channel)["state"], "new")

    def test_d2_whoever_is_complained_about_has_no_part_in_it(self):
        case = self.case(about=[self.user("complaint")])
        self.assertEqual(case["owner"], self.user("complaint2"))
        self.refused(self.complaint, "aftersales.case", case, "acknowledge", 404)
        self.problem(self.complaint.get(f"/records/aftersales.case/{case['id']}"), 404, "not_found")
        self.problem(self.admin.patch(f"/records/aftersales.case/{case['id']}", {"owner": self.user("complaint")}, If_Match="*"), 422, "invalid_record")
        self.step(self.complaint2, "aftersales.case", case, "acknowledge")

    def test_d3_clocks_that_nothing_stops(self):
        case = self.case()
        owner = self.complaint if case["owner"] == self.user("complaint") else self.complaint2
        self.step(owner, "aftersales.case", case, "acknowledge")
        self.step(owner, "aftersales.case", case, "wait", comment="等客户照片")
        clocks = {clock["name"]: clock for clock in self.ok(owner.get(f"/records/aftersales.case/{case['id']}/clocks")).json["items"]}
        self.assertEqual(clocks["aftersales.first_answer"]["state"], "running", clocks)
        self.step(owner, "aftersales.case", case, "continue")
        self.refused(owner, "aftersales.case", case, "find", 422)
        self.refused(owner, "aftersales.case", case, "find", 422, demand="道歉", evidence="日志", investigation="属实", finding="substantiated", plan="道歉")

    def test_d4_d5_remedies_answer_and_closing(self):
        case = self.case()
        owner = self.complaint if case["owner"] == self.user("complaint") else self.complaint2
        self.step(owner, "aftersales.case", case, "acknowledge")
        self.step(owner, "aftersales.case", case, "triage", department="guides", severity="serious")
        self.step(owner, "aftersales.case", case, "investigate")
        self.step(owner, "aftersales.case", case, "find", demand="赔偿", evidence="带团日志", customer_contacted=True, investigation="核实", finding="partly", plan="补偿 800 元")
        remedy = self.create(owner, "aftersales.remedy", case=case["id"], kind="goodwill", amount="800.00", text="补偿")
        answer = self.post_step(owner, "aftersales.remedy", remedy, "approve")
        self.assertEqual(answer.status, 202, "more than the limit goes to the manager")
        self.approve(self.after_boss, answer)
        self.step(owner, "aftersales.case", case, "execute")
        self.refused(owner, "aftersales.case", case, "answer", 422, answer="已补偿")
        self.step(owner, "aftersales.remedy", remedy, "carry_out", done_on=day(0))
        self.step(owner, "aftersales.case", case, "answer", answer="已补偿并道歉")
        self.refused(owner, "aftersales.case", case, "close", 422, cause="guide", satisfied=False)
        self.refused(owner, "aftersales.case", case, "close", 422, cause="guide", satisfied=False, closing_reason="客户不满意")
        self.step(owner, "aftersales.case", case, "close", cause="guide", satisfied=True, satisfaction=85)
        now = self.now_of("aftersales.case", case)
        self.assertEqual((now["state"], now["restitution"]), ("closed", "800.00"))
        again = self.step(owner, "aftersales.case", case, "reopen", comment="又不满意")
        self.assertEqual((again["state"], again["reopened"]), ("reopened", 1))
        self.step(owner, "aftersales.case", case, "triage", department="guides", severity="serious")
        self.assertEqual(self.count(self.admin, "aftersales.followup", filter=f"record.case == {case['id']}"), 1)

    def test_d5_the_supervisor_decides_with_a_reason(self):
        case = self.case(type="price")
        owner = self.complaint if case["owner"] == self.user("complaint") else self.complaint2
        self.step(owner, "aftersales.case", case, "acknowledge")
        self.step(owner, "aftersales.case", case, "answer", answer="价格已在合同中列明")
        self.refused(owner, "aftersales.case", case, "close", 422, cause="price", satisfied=False, closing_reason="无依据")
        self.step(self.after_boss, "aftersales.case", case, "close", cause="price", satisfied=False, closing_reason="诉求无合同依据")
        self.assertEqual(self.now_of("aftersales.case", case)["state"], "closed")
