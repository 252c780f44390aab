"""What else goes on in the demo agency's house: care, plans, papers, vehicles, money, guides' logs, remedies, surveys. Used by the program `demo` beside it.

Where people may do a thing only for others (nobody answers his own request for help) or a superior must agree, records are taken over in the state that they came to, with
who did it; the rest is done step by step.
"""

CHANNELS = ("phone", "wechat", "email", "sms")


def fields(*columns, **more):
    """Fields of an import map: those of the columns' own names, and others."""
    return {**{name: {"column": name} for name in columns}, **more}


class House:
    """Fills what hangs on the agency's customers, departures and orders. `office`: of the program; `users`: ids by user name."""

    def __init__(self, office, users, customers, products, suppliers, guides, departures, orders):
        self.office, self.users, self.dice = office, users, office.dice
        self.customers, self.products, self.suppliers, self.guides, self.departures = customers, products, suppliers, guides, departures
        self.orders = orders
        self.confirmed = [order for order, goal in orders if goal == "confirmed"]

    def taken(self, entity, name, rows, **more):
        """Rows with an `id` in the states that they name."""
        columns = [column for column in rows[0] if column != "id" and column not in more]
        self.office.take_over(entity, name, {"record": {"entity": entity, "external_id": {"column": "id"}, "sets_state": "true", "fields": fields(*columns, **more)}}, rows)

    def every(self, entity, **query):
        return self.office.every(entity, **query)

    def fill(self):
        self.care()
        self.management()
        self.files()
        self.proposals()
        self.money()
        self.resources()
        self.papers()
        self.tours()
        self.answers()
        self.desk()

    # -- customers
    def care(self):
        office, day = self.office, self.office.day
        segments = {}
        for name, rule, note in (("金卡以上客户", "record.tier in ['gold', 'platinum']", "重点维护"), ("上海客户", "record.city == '上海'", ""), ("亲子家庭", "'family' in record.interests", "暑期线路"),
                                 ("摄影爱好者", "'photo' in record.interests", "旅拍活动")):
            segments[name] = office.make("customers.segment", name=name, rule=rule, note=note or None)["id"]
        campaigns = [
            ("中秋问候", "festival", "mid-autumn-last", "上海客户", -60, "中秋佳节，愿您阖家团圆。", "finished"),
            ("元旦问候", "festival", "new-year-next", "金卡以上客户", 0, "新年将至，感谢您一路同行。", "running"),
            ("亲子线路专享", "offer", "family-offer", "亲子家庭", 5, "亲子线路早鸟价，欢迎咨询。", "approved"),
            ("旅途照片册", "photos", "photo-book", "摄影爱好者", 20, "您的旅途照片已整理成册。", "draft"),
            ("满意客户回馈", "offer", "old-friends", "金卡以上客户", -10, "老客户专享优惠。", "stopped"),
        ]
        self.taken("customers.campaign", "campaigns", [
            {"id": occasion, "name": name, "kind": kind, "occasion": occasion, "segment": segments[segment], "channel": "wechat", "send_on": day(on), "text": text, "budget": 3000, "state": state}
            for name, kind, occasion, segment, on, text, state in campaigns])
        willing = [one["customer"] for one in self.every("customers.consent", filter="record.purpose == 'care' && record.state == 'given'")]
        numbers = {one["id"]: one["number"] for one in self.customers}
        greetings = []
        for nth, customer in enumerate(dict.fromkeys(one for one in willing if one in numbers)):
            state = ("answered", "sent", "planned", "sent", "planned", "withheld")[nth % 6]
            occasion, text = (("mid-autumn-last", "中秋佳节，愿您阖家团圆。"), ("new-year-next", "新年将至，感谢您一路同行。"))[state in ("planned", "withheld")]
            greetings.append({"id": f"{occasion}-{numbers[customer]}", "customer": numbers[customer], "kind": "festival", "occasion": occasion, "campaign": occasion, "channel": "wechat", "text": text,
                              "sent_at": day(-60) + "T02:00:00Z" if state in ("sent", "answered") else "", "response": self.dice.choice(("谢谢，也祝你们节日快乐！", "收到，明年还跟你们走。")) if state == "answered" else "",
                              "state": state})
        if greetings:
            self.taken("customers.greeting", "greetings", greetings[:400], customer={"column": "customer", "lookup": "number"}, campaign={"column": "campaign", "lookup": "external_id"})

    def management(self):
        office, users, year = self.office, self.users, self.office.today.year
        plans = [
            ("sales", "target", "年度营业额", "营业额（万元）", 3000, 2150, "agreed"), ("customers", "target", "年度复购率", "复购率（%）", 35, 31, "agreed"),
            ("customers", "budget", "客户关怀预算", "", "", "", "agreed"), ("aftersales", "target", "投诉按时答复率", "按时率（%）", 98, 96, "agreed"),
            ("guides", "plan", "淡季导游培训", "", "", "", "draft"), ("operations", "report", "上半年供应商评估", "", "", "", "closed"),
            ("customers", "report", "三季度客户关系报告", "", "", "", "closed")]
        self.taken("customers.plan", "plans", [
            {"id": f"plan-{nth}", "name": f"{year} 年{name}", "kind": kind, "department": department, "from": f"{year}-01-01", "to": f"{year}-12-31", "measure": measure, "target": target, "reached": reached,
             "amount": 120000 if kind == "budget" else "", "spent": 68500 if kind == "budget" else "", "text": f"{name}。", "state": state}
            for nth, (department, kind, name, measure, target, reached, state) in enumerate(plans)])
        care = users["demo.care"]
        self.taken("customers.crisis", "crises", [
            {"id": f"crisis-{state}", "name": name, "noticed_at": office.day(on) + "T03:00:00Z", "facts": facts, "plan": plan, "owner": care if plan else "", "spokesman": users["demo.director"] if plan else "",
             "outcome": outcome, "state": state}
            for name, on, facts, plan, outcome, state in (
                ("台风致返程航班取消", -2, "三个团共 68 人滞留。", "", "", "open"), ("社交媒体集中投诉购物", -9, "一周内 6 条相似投诉。", "统一口径，逐一回访。", "", "planned"),
                ("地接社停业", -70, "两团中途更换地接社。", "启用备用供应商，补偿客户。", "客户均已接受方案。", "closed"))])
        self.taken("customers.help_request", "help", [
            {"id": f"help-{nth}", "subject": subject, "text": f"{subject}，请协助。", "department": department, "asker": users[asker], "answer": answer, "answered_by": users["demo.operations"] if answer else "", "state": state}
            for nth, (subject, department, asker, answer, state) in enumerate((
                ("客户要求临时增加一间房", "operations", "demo.seller", "", "asked"), ("签证材料退回如何补件", "customers", "demo.seller2", "", "asked"),
                ("大团用车方案", "operations", "demo.planner", "可用两辆 33 座。", "answered"), ("发票抬头更改流程", "sales", "demo.finance", "走红冲后重开。", "closed")))])

    def files(self):
        office, users, pick = self.office, self.users, self.dice.sample(self.customers, min(60, len(self.customers)))
        persons = [one for one in pick if one["kind"] == "person"]
        proposed, decided = persons[:6], persons[6:14]
        for customer in proposed:
            office.make("customers.change_request", customer=customer["id"], part="city", wanted=self.dice.choice(("苏州", "宁波", "佛山")), reason="客户来电告知已搬家")
        self.taken("customers.change_request", "corrections", [
            {"id": f"cor-{nth}", "customer": customer["number"], "part": "wechat", "wanted": f"wx_{customer['number'].lower()}", "reason": "导游带团时核实", "proposer": users["demo.seller"],
             "decided_by": users["demo.analyst"], "decided_at": office.day(-nth - 1) + "T03:00:00Z", "decision": "" if nth % 4 else "与登记证件不符", "state": "accepted" if nth % 4 else "rejected"}
            for nth, customer in enumerate(decided)], customer={"column": "customer", "lookup": "number"})
        for nth, customer in enumerate(persons[14:44]):
            office.make("customers.identity", customer=customer["id"], channel="wechat", app="main", external=f"oDemo{office.dice.randrange(10**12):012}{nth}")
        for nth, (one, other) in enumerate(zip(persons[::2], persons[1::2])):
            office.make("customers.relation", customer=one["id"], kind=("spouse", "friend", "parent", "sibling")[nth % 4], other=other["id"])
        for customer, wish in zip(persons[-5:], ("copy", "copy", "restrict", "copy", "erase")):
            request = office.make("customers.privacy_request", customer=customer["id"], wish=wish, received_on=office.day(-3))
            if wish == "restrict":
                office.step("customers.privacy_request", request, "restrict", reason="合同尚在保存期", kept_until=office.day(365))
        if persons:
            done = office.make("customers.privacy_request", customer=persons[0]["id"], wish="copy", received_on=office.day(-20))
            office.step("customers.privacy_request", done, "complete")

    # -- sales
    def proposals(self):
        office = self.office
        # Those that this program made: what else is there may say less.
        waiting = self.every("sales.inquiry", filter="record.state in ['qualified', 'proposed'] && record.external_source == null && record.depart_on != null && record.party_size != null")[:36]
        sent = 0
        for nth, inquiry in enumerate(waiting):
            product = self.products[nth * 5 % len(self.products)]
            proposal = office.make("sales.proposal", title=f"{product['name']}方案", customer=inquiry["customer"], inquiry=inquiry["id"], product=product["id"], destination=product["destination"],
                                   depart_on=max(inquiry["depart_on"], office.day(7)), days=product["days"], party_size=inquiry["party_size"], itinerary="\n".join(f"第 {one} 天" for one in range(1, product["days"] + 1)),
                                   sights=product["destination"], hotel_standard=product["hotel_standard"], meals="含早餐，部分正餐", transport=product["transport"], valid_until=office.day(10),
                                   owner=inquiry["owner"])
            office.make("sales.proposal_line", proposal=proposal["id"], kind="fare", name="团费", quantity=inquiry["party_size"], unit_price=f"{product['price']}.00")
            if nth % 3 == 1:
                office.make("sales.proposal_line", proposal=proposal["id"], kind="discount", name="早鸟优惠", unit_price="-200.00")
            if inquiry["state"] == "qualified":
                continue  # it is being written
            sent += 1
            office.step("sales.proposal", proposal, "send")
            if sent % 4 == 1:
                office.step("sales.proposal", proposal, "revise", comment="客户希望调整")
            elif sent % 4 == 2:
                office.step("sales.proposal", proposal, "accept")

    def money(self):
        office = self.office
        paid = [one for one in self.every("sales.payment") if one["kind"] == "balance"]
        for nth, payment in enumerate(paid[::12]):
            request = office.make("sales.invoice_request", order=payment["order"], title=self.dice.choice(("个人", "上海云途科技有限公司")), amount=payment["amount"], email="fapiao@example.com")
            if nth % 4 == 3:
                office.step("sales.invoice_request", request, "refuse", comment="抬头不完整")
            elif nth % 4 > 0:
                office.step("sales.invoice_request", request, "issue", invoice_number=f"FP{self.dice.randrange(10**8):08}")
                if nth % 4 == 2:
                    office.step("sales.invoice_request", request, "reverse", comment="客户更改抬头")
        for nth, contract in enumerate(self.every("sales.contract", filter="record.state == 'signed'")[::15]):
            supplement = office.make("sales.supplement", contract=contract["id"], text="增加一晚酒店，费用另计。", amount="380.00", document=f"BC-{contract['number']}")
            if nth % 2:
                office.step("sales.supplement", supplement, "sign", signed_on=office.day(0))
        # Some of a family stay at home.
        changes = 0
        for order in self.confirmed[7::20]:
            travellers = self.every("sales.traveller", filter=f"record.order == {order['id']} && record.state == 'active'")
            if len(travellers) < 2:
                continue
            change = office.make("sales.change_order", order=order["id"], kind="travellers", wish="一人因工作不能成行")
            office.make("sales.change_item", change=change["id"], traveller=travellers[-1]["id"])
            changes += 1
            if changes % 2:
                office.step("sales.change_order", change, "assess", assessment="可以办理")
                office.step("sales.change_order", change, "price")

    # -- scheduling
    def resources(self):
        office, day = self.office, self.office.day
        fleet = [supplier for place in self.suppliers.values() for supplier in place if supplier["kind"] == "coach"]
        vehicles, drivers = [], []
        for nth, supplier in enumerate(fleet[:12]):
            kind, seats = (("coach", 45), ("coach", 33), ("minibus", 19), ("mpv", 7))[nth % 4]
            vehicles.append(office.make("scheduling.vehicle", plate=f"沪A{self.dice.randrange(10**5):05}", kind=kind, seats=seats, supplier=supplier["id"], permit_until=day(500), insured_until=day(300)))
            drivers.append(office.make("scheduling.driver", name=office.name(), phone=office.phone(), licence_class="A1", licence_until=day(900), supplier=supplier["id"]))
        busy = {}
        for departure in self.departures[:200]:
            span = (departure["depart_on"], departure["return_on"])
            free = next((nth for nth in range(len(vehicles)) if not any(a <= span[1] and span[0] <= b for a, b in busy.get(nth, []))), None)
            if free is None:
                continue
            busy.setdefault(free, []).append(span)
            dispatch = office.make("scheduling.dispatch", departure=departure["id"], vehicle=vehicles[free]["id"], driver=drivers[free]["id"], note="机场接送及全程用车", **{"from": span[0], "to": span[1]})
            if self.dice.random() < 0.7:
                office.step("scheduling.dispatch", dispatch, "confirm")
        hotels = [supplier for place in self.suppliers.values() for supplier in place if supplier["kind"] == "hotel"]
        for nth, hotel in enumerate(hotels):
            for week in range(4):
                office.make("scheduling.allotment", supplier=hotel["id"], kind="hotel", name="双人房", date=day(20 + week * 7 + nth % 5), quantity=self.dice.choice((5, 8, 10)), release_days=7, cost="360.00")
        # Who comes when all seats are gone waits.
        for departure in self.departures[2:60:6]:
            now = office.send("GET", f"/records/scheduling.departure/{departure['id']}")
            if now["state"] in ("on_sale", "guaranteed"):
                customer = self.dice.choice(self.customers)
                office.make("scheduling.booking", departure=departure["id"], customer=customer["id"], seats=2, waiting_list=True)

    def papers(self):
        office = self.office
        ready = self.every("scheduling.departure", filter="record.unconfirmed == 0 && record.confirmed_seats > 0 && record.state in ['on_sale', 'guaranteed', 'sales_closed']", sort="depart_on")[:24]
        for nth, departure in enumerate(ready):
            for kind in (("notice", "rooming") if nth % 3 == 0 else ("notice",) if nth % 3 == 1 else ("suppliers", "insurance")):
                paper = office.make("scheduling.document", departure=departure["id"], kind=kind)
                if nth % 5 != 4:
                    office.step("scheduling.document", paper, "issue")
        risky = self.every("scheduling.departure", filter="record.state == 'on_sale' && record.confirmed_seats >= record.min_party")
        for departure in risky[:40]:
            office.step("scheduling.departure", departure, "guarantee")

    def tours(self):
        """What guides write on tour and after it, incidents, ratings, accounts, advances."""
        office, day, users = self.office, self.office.day, self.users
        past = self.every("guides.assignment", filter="record.state == 'completed' && record.departure != null")
        live = self.every("guides.assignment", filter="record.state == 'on_tour'")
        travellers = {}
        for booking in self.every("scheduling.booking", filter="record.state in ['travelling', 'finished'] && record.order != null"):
            travellers.setdefault(booking["departure"], []).append(booking)
        for nth, one in enumerate(live + past[:40]):
            for place, text in (("机场", "全员到齐，准时出发"), ("酒店", "办理入住，房间已核对"), ("景区", "讲解完毕，客人兴致很高"))[: 1 + nth % 3]:
                office.make("guides.log", assignment=one["id"], happened_at=one["from"] + f"T0{2 + nth % 6}:00:00Z", place=place, text=text, headcount=6 + nth % 12)
        advances = []
        for nth, one in enumerate(past[:48]):
            bookings = travellers.get(one["departure"], [])
            if bookings:
                feedback = office.make("guides.feedback", assignment=one["id"], customer=bookings[0]["customer"], text=self.dice.choice(("喜欢早起拍照，注意安排靠窗座位", "对辣味敏感", "希望下次去海岛")), attention=nth % 5 == 0)
                if nth % 3 == 0:
                    office.step("guides.feedback", feedback, "take" if nth % 2 else "note")
                who = self.every("sales.traveller", filter=f"record.order == {bookings[0]['order']} && record.state == 'active'")
                if who and nth % 4 == 0:
                    office.make("guides.optional_consent", assignment=one["id"], traveller=who[0]["id"], kind=("optional", "shopping")[nth % 8 == 0], what=("夜游船票", "土特产店")[nth % 8 == 0], amount="180.00", signed_on=one["from"])
            office.make("guides.rating", guide=one["guide"], departure=one["departure"], score=max(40, min(100, round(self.dice.gauss(88, 8)))), note=self.dice.choice(("讲解生动", "照顾周到", "时间把握稍紧", "")) or None)
            state = ("reconciled", "claimed", "paid", "approved", "requested", "reconciled")[nth % 6]
            spent = state in ("reconciled", "claimed")
            advances.append({"id": f"adv-{one['number']}", "assignment": one["number"], "departure": one["departure"], "amount": 3000, "purpose": "门票与餐费备用金", "claimed": 2760 if spent else "",
                             "receipts": "门票 8 张、餐费 6 张" if spent else "", "paid_on": day(-40) if state not in ("approved", "requested") else "", "requester": users["demo.guide"], "state": state})
        if advances:
            settled = {one["id"] for one in self.every("scheduling.departure", filter="record.state == 'settled'")}
            for row in advances:  # a settled departure has no open ones
                if row["departure"] in settled:
                    row.update(state="reconciled", claimed=2760, receipts="门票 8 张、餐费 6 张", paid_on=day(-40))
            self.taken("guides.advance", "advances", advances, assignment={"column": "assignment", "lookup": "number"})
        begun = self.every("scheduling.departure", filter="record.state in ['operating', 'completed', 'settled']", sort="-depart_on")
        kinds = ("illness", "delay", "lost", "weather", "theft", "dispute", "injury")
        for nth, departure in enumerate(begun[:14]):
            state = ("reported", "handling", "resolved", "reviewed")[nth % 4] if departure["state"] == "operating" else "reviewed" if nth % 2 else "resolved"
            incident = office.make("scheduling.incident", departure=departure["id"], kind=kinds[nth % len(kinds)], severity=("minor", "serious", "minor")[nth % 3], place=self.dice.choice(("景区入口", "高速服务区", "酒店大堂")),
                                   facts="客人身体不适，已送医检查。" if nth % len(kinds) == 0 else "已联系客人并核实情况。", happened_at=departure["depart_on"] + "T06:00:00Z")
            for step, what in (("take", {}), ("resolve", {"measures": "就近处置并安排专人陪同", "outcome": "客人已归队"}), ("review", {"lessons": "出团前核对健康情况"}))[:("reported", "handling", "resolved", "reviewed").index(state)]:
                office.step("scheduling.incident", incident, step, **what)
        rated = set()
        for departure in begun[:60]:
            product = next((one for one in self.products if one["id"] == departure["product"]), None)
            for supplier in self.suppliers[product["destination"]] if product else ():
                if (supplier["id"], departure["id"]) not in rated and self.dice.random() < 0.6:
                    rated.add((supplier["id"], departure["id"]))
                    office.make("scheduling.supplier_rating", supplier=supplier["id"], departure=departure["id"], score=max(30, min(100, round(self.dice.gauss(84, 10)))), note=self.dice.choice(("配合及时", "房间干净", "车辆较旧", "")) or None)
        for nth, departure in enumerate([one for one in begun if one["state"] == "settled"][:40]):
            bookings = travellers.get(departure["id"], [])
            people = sum(one["seats"] for one in bookings)
            income = sum(float(office.send("GET", f"/records/sales.order/{one['order']}")["paid"] or 0) for one in bookings)
            account = office.make("scheduling.tour_account", departure=departure["id"], travellers=people, income=f"{income:.2f}", planned_cost=f"{income * 0.8:.2f}", actual_cost=f"{income * self.dice.uniform(0.76, 0.86):.2f}")
            if nth % 3:
                office.step("scheduling.tour_account", account, "hand_over")

    # -- after-sales
    def answers(self):
        office, day, users = self.office, self.office.day, self.users
        cases = self.every("aftersales.case", sort="-received_at")
        kinds = ("apology", "goodwill", "refund", "rearranged", "liability")
        rows = []
        for nth, case in enumerate(cases):
            over = case["state"] in ("closed", "answered")
            if nth % 2 and not over:
                continue
            kind = kinds[nth % len(kinds)]
            rows.append({"id": f"remedy-{case['number']}", "case": case["number"], "kind": kind, "amount": self.dice.choice((100, 200, 300, 500)) if kind in ("goodwill", "refund", "liability") else "",
                         "text": {"apology": "经理致电道歉", "goodwill": "赠送代金券", "refund": "退还门票差额", "rearranged": "补游未去景点", "liability": "按合同赔付"}[kind], "done_on": day(-1) if over else "",
                         "proposer": users["demo.service"], "state": "done" if over else ("proposed", "approved", "refused")[nth // 2 % 3]})
        if rows:
            self.taken("aftersales.remedy", "remedies", rows, case={"column": "case", "lookup": "number"})
        running = [case for case in cases if case["state"] not in ("closed", "withdrawn", "merged", "referred")]
        for nth, case in enumerate(running[:8]):
            meeting = office.make("aftersales.case_meeting", case=case["id"], held_at=day(-1) + "T06:00:00Z", present=[users["demo.aftersales"], users["demo.service"], users["demo.operations"]],
                                  minutes="核对经过，确定处理方案与责任部门。")
            office.make("aftersales.meeting_action", meeting=meeting["id"], what="向客户书面说明", doer=users["demo.service"], due_on=day(2), done_on=day(0) if nth % 3 == 0 else None)
        for case in running[:12:2]:
            office.make("aftersales.case_message", case=case["id"], text=self.dice.choice(("请问什么时候有结果？", "补充了照片，请查收。", "谢谢，期待答复。")))
        improvements = (("更换热水不稳定的合作酒店", "hotel", "supplier", "operations", "doing"), ("行程单注明购物停留时间", "shopping", "sales", "sales", "planned"),
                        ("导游服务礼仪培训", "attitude", "guide", "guides", "done"), ("大巴年检提前核验", "transport", "supplier", "operations", "planned"))
        self.taken("aftersales.improvement", "improvements", [
            {"id": f"imp-{nth}", "name": name, "type": kind, "cause": cause, "department": department, "due_on": day(30 - nth * 10), "result": "已完成两期培训" if state == "done" else "", "state": state}
            for nth, (name, kind, cause, department, state) in enumerate(improvements)])
        topics = {"itinerary": "sales", "guide": "guides", "hotel": "operations", "meals": "operations", "transport": "operations"}
        bad = [(call, topic) for call in self.every("aftersales.followup", filter="record.state == 'done'") for topic in topics if (call[topic] or 100) < 70]
        for nth, (call, topic) in enumerate(bad[:40]):
            task = office.make("aftersales.improvement_task", followup=call["id"], topic=topic, score=call[topic], words=call["words"], department=topics[topic])
            if nth % 3:
                office.step("aftersales.improvement_task", task, "handle", reply="已与相关人员沟通并改进")
                if nth % 3 == 2:
                    office.step("aftersales.improvement_task", task, "close")
        survey = office.make("aftersales.survey", name="出游满意度调查", question="您对本次行程总体满意吗？（0—100）", **{"from": day(-90), "to": day(90)})
        office.step("aftersales.survey", survey, "open")
        finished = self.every("sales.order", filter="record.state == 'finished' && record.product != null")
        for order in finished[:300]:
            if self.dice.random() < 0.7:
                office.make("aftersales.answer", survey=survey["id"], customer=order["customer"], product=order["product"], order=order["id"], score=max(20, min(100, round(self.dice.gauss(86, 10)))),
                            words=self.dice.choice(("很满意", "安排合理", "希望少些购物", "")) or None)
        draft = office.make("aftersales.survey", name="下半年线路意向", question="您最想去哪里？", **{"from": day(30), "to": day(60)})
        assert draft

    def desk(self):
        """Everybody's own: absences, tasks, phrases that are not written."""
        office, day, users = self.office, self.office.day, self.users
        for phrase, reason in (("绝对安全", "不能作绝对承诺"), ("全网最低价", "广告法"), ("不关我们的事", "推诿")):
            office.make("core.forbidden_phrase", phrase=phrase, reason=reason)
        office.make("core.absence", user=users["demo.seller3"], **{"from": day(3) + "T01:00:00Z", "to": day(8) + "T10:00:00Z"}, note="年假")
        office.make("core.delegation", user=users["demo.manager"], deputy=users["demo.director"], starts_at=day(3) + "T01:00:00Z", ends_at=day(6) + "T10:00:00Z", note="出差")
        for title, who, until in (("整理下月团期名单", "demo.planner", 2), ("核对供应商对账单", "demo.finance", 5), ("回访 VIP 客户", "demo.care", 1), ("更新产品图片", "demo.seller", 7), ("检查导游证到期情况", "demo.guides", 3)):
            office.make("core.task", title=title, assignee=users[who], due_at=day(until) + "T09:00:00Z")
        spans = {}
        for one in self.every("guides.assignment", filter="record.state != 'replaced' && record.state != 'declined'"):
            spans.setdefault(one["guide"], []).append((one["from"], one["to"]))
        made = 0
        for nth, guide in enumerate(self.guides[1:]):
            begin, end = day(160 + nth * 3), day(164 + nth * 3)
            if made == 8 or any(a <= end and begin <= b for a, b in spans.get(guide["id"], [])):
                continue
            made += 1
            absence = office.make("guides.absence", guide=guide["id"], reason=self.dice.choice(("年假", "体检", "家中有事")), **{"from": begin, "to": end})
            if made % 2:
                office.step("guides.absence", absence, "confirm")
