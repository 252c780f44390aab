"""What the departments' definitions refuse, and what they see to by themselves, where money and safety hang on it: each as the person who would try it."""

import random

import caravan
from agency import Agency, day, moment
from caravan import wait_until
from wire import at_once, token_of

FARE = "1000.00"


class AgencyGuards(Agency):
    def setUp(self):
        self.tour = self.make_product()
        self.departure = self.make_departure(self.tour)
        self.customer = self.make_customer(f"守护{random.randrange(10**9)}")

    # -- shorthands
    def attempt(self, client, method, path, body, status=422):
        answer = getattr(client, method)(path, body, **({"If_Match": "*"} if method == "patch" else {}))
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def cannot_change(self, client, entity, record, status=422, **fields):
        for name, value in fields.items():
            self.attempt(client, "patch", f"/records/{entity}/{record['id']}", {name: value}, status)

    def codes(self, problem):
        return {error["code"] for error in problem.get("errors", [])}

    def approve(self, client, answer):
        approval = answer.json["approval"]["id"] if "approval" in answer.json else answer.json["id"]
        return self.ok(client.post(f"/approvals/{approval}/approve", {"comment": "同意"}))

    def pay(self, order, amount, status=201, client=None, **fields):
        return self.ok((client or self.seller).post("/records/sales.payment", {"order": order["id"], "kind": "deposit", "amount": amount, "method": "cash", **fields}), status).json

    def priced(self, order, *travellers, kind="travellers", **fields):
        change = self.create(self.seller, "sales.change_order", order=order["id"], kind=kind, wish="退团", **fields)
        for traveller in travellers:
            self.create(self.seller, "sales.change_item", change=change["id"], traveller=traveller["id"])
        self.step(self.seller, "sales.change_order", change, "assess", assessment="可行")
        return self.step(self.seller, "sales.change_order", change, "price")

    def executed(self, change, status=200):
        self.step(self.seller, "sales.change_order", change, "agree", agreed_by="客户", agreed_on=day(0))
        return self.step(self.sales_boss, "sales.change_order", change, "execute", status=status)

    def travellers_of(self, order):
        return self.all_of("sales.traveller", f"record.order == {order['id']}")

    # -- what was checked, approved and signed stays
    def test_b4_what_was_approved_is_not_changed_behind_the_approval(self):
        order = self.make_order(self.customer, self.departure)
        line = self.all_of("sales.order_line", f"record.order == {order['id']}")[0]
        # Money off is money off, whatever it is called.
        hidden = self.create(self.seller, "sales.order_line", order=order["id"], kind="change", name="调整", unit_price="-1500.00")
        now = self.now_of("sales.order", order)
        self.assertEqual((now["discount"], now["needs_approval"]), ("1500.00", True))
        self.ok(self.seller.delete(f"/records/sales.order_line/{hidden['id']}", If_Match="*"), 204)
        order = self.awaiting(order)
        for body in ({"kind": "discount", "name": "优惠", "unit_price": "-3000.00"}, {"kind": "fare", "name": "团费", "unit_price": "1.00"}):
            self.attempt(self.seller, "post", "/records/sales.order_line", {"order": order["id"], **body}, 403)
        self.cannot_change(self.seller, "sales.order_line", line, status=403, unit_price="1.00")
        self.cannot_change(self.seller, "sales.order", order, terms="出发后付款", depart_on=day(90), days=9, party_size=1, destination="别处")
        other = self.make_departure(self.tour, offset=50)
        self.cannot_change(self.seller, "sales.order", order, departure=other["id"])
        # Whoever asks does not approve, whosever order it is.
        order = self.make_order(self.customer, self.departure, price="40000.00")
        self.step(self.sales_boss, "sales.order", order, "verify")
        self.change(self.sales_boss, "sales.order", order, checked_itinerary=True, checked_price=True, checked_needs=True, checked_documents=True)
        self.step(self.sales_boss, "sales.order", order, "ask_approval")
        self.refused(self.sales_boss, "sales.order", order, "approve", 422)

    def test_a13_the_signature_is_for_the_price_that_is_confirmed(self):
        order = self.awaiting(self.make_order(self.customer, self.departure, price=FARE))
        contract = self.create(self.seller, "sales.contract", order=order["id"], customer=order["customer"], itinerary="第 1 天", min_party=2, local_operator="丽江地接社", total="1500.00", fees="含", schedule="付清")
        self.step(self.seller, "sales.contract", contract, "send")
        self.refused(self.seller, "sales.contract", contract, "sign", 422, signed_on=day(0), signer="客户", document="HT")
        self.step(self.seller, "sales.contract", contract, "recall")
        self.change(self.seller, "sales.contract", contract, total="2000.00")
        self.step(self.seller, "sales.contract", contract, "send")
        self.refused(self.seller, "sales.contract", contract, "sign", 422, signed_on=day(1), signer="客户", document="HT")  # tomorrow
        self.step(self.seller, "sales.contract", contract, "sign", signed_on=day(0), signer="客户", document="HT")
        self.cannot_change(self.seller, "sales.contract", contract, signed_on=day(-3), signer="别人")
        # Reworked after the signature, it wants a supplement.
        self.step(self.seller, "sales.order", order, "rework")
        self.create(self.seller, "sales.order_line", order=order["id"], kind="extra", name="接机", unit_price="300.00")
        self.awaiting(order)
        self.refused(self.seller, "sales.order", order, "confirm", 422)
        self.step(self.seller, "sales.order", order, "rework")
        extra = self.all_of("sales.order_line", f"record.order == {order['id']} && record.kind == 'extra'")[0]
        self.ok(self.seller.delete(f"/records/sales.order_line/{extra['id']}", If_Match="*"), 204)
        supplement = self.create(self.seller, "sales.supplement", contract=contract["id"], text="增加接机", amount="300.00")
        self.step(self.seller, "sales.supplement", supplement, "sign", signed_on=day(0), document="BC-1")
        now = self.now_of("sales.order", order)
        self.assertEqual((now["total"], now["signed_total"]), ("2300.00", "2300.00"), "the supplement is part of the price")
        self.awaiting(order)
        self.assertEqual(self.step(self.seller, "sales.order", order, "confirm")["state"], "confirmed")

    def test_a4_a_new_revision_begins_with_the_prices_and_a_sent_one_stays(self):
        proposal = self.create(self.seller, "sales.proposal", title="方案", customer=self.customer["id"], product=self.tour["id"], destination="丽江", depart_on=day(30), days=6, party_size=2,
                               itinerary="第 1 天", hotel_standard=4, meals="含早", transport="flight", valid_until=day(10))
        for kind, name, quantity, price in (("fare", "团费", 2, "4200.00"), ("discount", "早鸟", 1, "-200.00")):
            self.create(self.seller, "sales.proposal_line", proposal=proposal["id"], kind=kind, name=name, quantity=quantity, unit_price=price)
        self.step(self.seller, "sales.proposal", proposal, "send")
        self.attempt(self.seller, "post", "/records/sales.proposal_line", {"proposal": proposal["id"], "kind": "discount", "name": "再减", "unit_price": "-100.00"}, 403)
        self.step(self.seller, "sales.proposal", proposal, "revise")
        revision = self.all_of("sales.proposal", f"record.previous == {proposal['id']}")[0]
        self.assertEqual((revision["revision"], revision["total"], self.now_of("sales.proposal", proposal)["total"]), (2, "8200.00", "8200.00"))
        lines = self.all_of("sales.proposal_line", f"record.proposal == {revision['id']}")
        self.assertEqual({(one["kind"], one["quantity"], one["unit_price"]) for one in lines}, {("fare", 2, "4200.00"), ("discount", 1, "-200.00")})

    # -- money
    def test_money_goes_back_only_where_it_came_in_and_in_its_currency(self):
        order = self.make_order(self.customer, self.departure, price=FARE)
        self.pay(order, "500.00")
        refund = {"kind": "refund", "amount": "-500.01"}
        self.pay(order, status=403, **{**refund, "amount": "-1.00"})  # a salesperson pays nothing out
        self.assertIn("invariant:refunds", self.codes(self.pay(order, status=422, client=self.money, **refund)))
        for amount in ("0.00", "-5.00"):
            self.assertIn("invariant:sign", self.codes(self.pay(order, amount, 422)))
        self.assertIn("compute_error", self.codes(self.pay(self.make_order(self.customer, self.departure, price=FARE), "100.00", 422, amount_currency="USD")), "not in the order's currency")
        # Ten refunds at once of what can go back five times.
        token = token_of(self.money)
        replies = at_once(self.server.port, token, 10, lambda wire, n: wire.call("POST", "/records/sales.payment", {
            "order": order["id"], "kind": "refund", "amount": "-100.00", "method": "cash", "reference": f"back-{order['id']}-{n}"}), again=(429, 503))
        self.assertEqual(sorted(reply.status for reply in replies), [201] * 5 + [422] * 5)
        self.assertEqual(self.now_of("sales.order", order)["paid"], "0.00")

    def test_no_more_is_invoiced_than_was_paid(self):
        order = self.make_order(self.customer, self.departure, price=FARE)
        self.pay(order, FARE)
        first, second = (self.create(self.seller, "sales.invoice_request", order=order["id"], title="个人", amount=FARE) for _ in range(2))
        token = token_of(self.money)
        replies = at_once(self.server.port, token, 2, lambda wire, n: wire.call("POST", f"/records/sales.invoice_request/{(first, second)[n]['id']}/transitions/issue", {
            "input": {"invoice_number": f"FP{n}"}}), again=(429, 503))
        self.assertEqual(sorted(reply.status for reply in replies), [200, 422], [str(reply) for reply in replies])
        issued, refused = sorted((self.now_of("sales.invoice_request", one) for one in (first, second)), key=lambda one: one["state"])
        self.assertEqual((issued["state"], refused["state"]), ("issued", "requested"))
        self.cannot_change(self.seller, "sales.invoice_request", issued, amount="1.00", title="别家公司")
        # What is invoiced goes back after the invoice is reversed.
        self.assertIn("invariant:invoices", self.codes(self.pay(order, "-1.00", 422, self.money, kind="refund")))
        self.step(self.money, "sales.invoice_request", issued, "reverse", comment="退款")
        self.pay(order, "-1.00", client=self.money, kind="refund")

    def test_an_advance_is_paid_as_it_was_approved(self):
        guide = self.make_guide("预支", "guide")
        assignment = self.ok(self.assign(guide, self.departure), 201).json
        other = self.make_departure(self.tour, offset=60)
        body = {"assignment": assignment["id"], "departure": self.departure["id"], "amount": "100.00", "purpose": "门票"}
        self.assertIn("invariant:same", self.codes(self.attempt(self.guide, "post", "/records/guides.advance", {**body, "departure": other["id"]})))
        advance = self.create(self.guide, "guides.advance", **body)
        self.step(self.guide_boss, "guides.advance", advance, "approve")
        self.cannot_change(self.guide, "guides.advance", advance, amount="10000.00", purpose="别的")
        self.step(self.money, "guides.advance", advance, "pay", paid_on=day(0))
        self.step(self.guide, "guides.advance", advance, "claim", claimed="90.00", receipts="门票 3 张")
        self.cannot_change(self.guide, "guides.advance", advance, claimed="900.00", receipts="没有")
        self.step(self.money, "guides.advance", advance, "reconcile")
        self.assertEqual(self.now_of("scheduling.departure", self.departure)["guide_cost"], "90.00")

    # -- changes and cancellations
    def test_b5_a_change_has_the_fee_of_the_policy_or_an_approval(self):
        self.create(self.product, "sales.fee_rule", name="专属", product=self.tour["id"], days_from=0, percent="20")
        order = self.confirm_order(self.make_order(self.customer, self.departure, party=3, price=FARE))
        travellers = self.travellers_of(order)
        problem = self.attempt(self.seller, "post", "/records/sales.change_order", {"order": order["id"], "kind": "travellers", "wish": "退", "requested_on": day(1)})
        self.assertIn("invariant:asked", self.codes(problem))
        change = self.priced(order, travellers[0])
        self.assertEqual((change["fee"], change["policy_fee"]), ("200.00", "200.00"))
        # Priced for one, not two; and not from another day.
        self.assertIn("invariant:early", self.codes(self.attempt(self.seller, "post", "/records/sales.change_item", {"change": change["id"], "traveller": travellers[1]["id"]})))
        item = self.all_of("sales.change_item", f"record.change == {change['id']}")[0]
        self.assertEqual(self.seller.delete(f"/records/sales.change_item/{item['id']}", If_Match="*").status, 403)
        self.cannot_change(self.seller, "sales.change_order", change, requested_on=day(-20), kind="cancel", policy_fee="0.00")
        self.change(self.seller, "sales.change_order", change, fee="0.00")
        self.refused(self.seller, "sales.change_order", change, "agree", 422, agreed_by="客户", agreed_on=day(0))
        self.change(self.seller, "sales.change_order", change, fee_reason="老客户")
        asked = self.post_step(self.seller, "sales.change_order", change, "agree", agreed_by="客户", agreed_on=day(0))
        self.assertEqual(asked.status, 202, asked)
        self.approve(self.sales_boss, asked)
        self.assertEqual(self.now_of("sales.change_order", change)["state"], "agreed")
        self.step(self.sales_boss, "sales.change_order", change, "execute")
        now = self.now_of("sales.order", order)
        self.assertEqual((now["total"], now["seats"], now["party_size"]), ("2000.00", 2, 2))

    def test_b5_nobody_leaves_twice_and_a_cancelled_order_costs_once(self):
        self.create(self.product, "sales.fee_rule", name="专属", product=self.tour["id"], days_from=0, percent="10")
        order = self.confirm_order(self.make_order(self.customer, self.departure, party=2, price=FARE))
        leaver = self.travellers_of(order)[0]
        one, again, all_of_it, late = self.priced(order, leaver), self.priced(order, leaver), self.priced(order, kind="cancel"), self.priced(order, kind="cancel")
        self.executed(one)
        self.executed(again, status=409)
        self.assertEqual(self.now_of("sales.order", order)["total"], "1100.00")
        for change in (all_of_it, late):
            self.step(self.seller, "sales.change_order", change, "agree", agreed_by="客户", agreed_on=day(0))
        token = token_of(self.sales_boss)
        replies = at_once(self.server.port, token, 2, lambda wire, n: wire.call("POST", f"/records/sales.change_order/{(all_of_it, late)[n]['id']}/transitions/execute", {}), again=(429, 503))
        self.assertEqual(sorted(reply.status for reply in replies)[0], 200)
        self.assertIn(sorted(reply.status for reply in replies)[1], (409, 422))
        self.assertEqual(self.now_of("sales.order", order)["total"], "300.00", "two fees: of who left, and of the rest")
        now = self.now_of("scheduling.departure", self.departure)
        self.assertEqual((now["sold"], now["left"]), (0, 20))

    def test_b5_who_was_priced_with_the_others_has_his_share(self):
        self.create(self.product, "sales.fee_rule", name="专属", product=self.tour["id"], days_from=0, percent="10")
        order = self.create(self.seller, "sales.order", customer=self.customer["id"], departure=self.departure["id"], product=self.tour["id"], destination="丽江", depart_on=self.departure["depart_on"],
                            days=6, party_size=4)
        for number in range(4):
            self.make_traveller(order, f"同行{number}")
        self.create(self.seller, "sales.order_line", order=order["id"], kind="fare", name="团费", quantity=4, unit_price=FARE)
        order = self.confirm_order(self.now_of("sales.order", order))
        change = self.priced(order, self.travellers_of(order)[0])
        self.assertEqual((change["base"], change["fee"], change["difference"]), ("1000.00", "100.00", "-1000.00"))
        self.executed(change)
        self.assertEqual(self.now_of("sales.order", order)["total"], "3100.00")

    def test_b5_a_changed_trip_takes_its_seats_with_it(self):
        order = self.confirm_order(self.make_order(self.customer, self.departure))
        there = self.make_departure(self.tour, offset=45)
        first, second = self.issue(self.departure, "notice"), self.issue(there, "notice")
        small = self.make_departure(self.tour, offset=46, capacity=1)
        change = self.priced(order, kind="trip", new_departure=small["id"])
        self.executed(change, status=422)
        self.assertEqual(self.now_of("sales.order", order)["departure"], self.departure["id"], "nothing of it has happened")
        self.step(self.seller, "sales.change_order", change, "decline", comment="余位不足")
        self.executed(self.priced(order, kind="trip", new_departure=there["id"]))
        now = self.now_of("sales.order", order)
        self.assertEqual((now["departure"], now["depart_on"]), (there["id"], there["depart_on"]))
        self.assertEqual([self.now_of("scheduling.departure", one)["confirmed_seats"] for one in (self.departure, there)], [0, 2])
        self.assertEqual([self.now_of("scheduling.document", one)["state"] for one in (first, second)], ["stale", "stale"])
        self.eventually("customers.interaction", f"record.customer == {self.customer['id']} && record.subject.contains('更换团期')", "the customer's timeline tells it")

    def issue(self, departure, kind):
        paper = self.create(self.planner, "scheduling.document", departure=departure["id"], kind=kind)
        self.step(self.planner, "scheduling.document", paper, "issue")
        return paper

    # -- seats
    def test_seats_are_those_of_the_travellers(self):
        order = self.make_order(self.customer, self.departure, party=3)
        booking = self.create(self.seller, "scheduling.booking", departure=self.departure["id"], order=order["id"], seats=1)
        problem = self.attempt(self.seller, "post", "/records/scheduling.booking", {"departure": self.departure["id"], "order": order["id"], "seats": 3})
        self.assertIn("invariant:one_booking", self.codes(problem))
        elsewhere = self.make_departure(self.tour, offset=50)
        problem = self.attempt(self.seller, "post", "/records/scheduling.booking", {"departure": elsewhere["id"], "order": self.make_order(self.customer, self.departure)["id"], "seats": 2})
        self.assertIn("invariant:belongs", self.codes(problem))
        self.confirm_order(order)
        self.assertEqual(self.now_of("scheduling.booking", booking)["seats"], 3)
        self.assertEqual(self.now_of("scheduling.departure", self.departure)["confirmed_seats"], 3)
        # A capacity below what is sold is refused, and so is to delete what is booked; restored, it is as it was.
        self.cannot_change(self.planner, "scheduling.departure", self.departure, capacity=2)
        self.assertEqual(self.admin.delete(f"/records/scheduling.departure/{self.departure['id']}", If_Match="*").status, 409)
        loose = self.create(self.seller, "scheduling.booking", departure=elsewhere["id"], seats=5)
        self.step(self.seller, "scheduling.booking", loose, "cancel")
        self.ok(self.admin.delete(f"/records/scheduling.booking/{loose['id']}", If_Match="*"), 204)
        self.assertEqual(self.now_of("scheduling.departure", elsewhere)["left"], 20)

    def test_what_comes_back_needs_its_seats_and_its_guide_again(self):
        small = self.make_departure(self.tour, capacity=2)
        first = self.create(self.seller, "scheduling.booking", departure=small["id"], seats=2)
        self.ok(self.admin.delete(f"/records/scheduling.booking/{first['id']}", If_Match="*"), 204)
        second = self.create(self.seller, "scheduling.booking", departure=small["id"], seats=2)
        self.assertEqual(self.admin.post(f"/records/scheduling.booking/{first['id']}/restore", {}).status, 422)
        guide = self.make_guide("回来")
        duty = self.ok(self.assign(guide, small), 201).json
        self.ok(self.admin.delete(f"/records/guides.assignment/{duty['id']}", If_Match="*"), 204)
        self.ok(self.assign(guide, small), 201)
        self.assertEqual(self.admin.post(f"/records/guides.assignment/{duty['id']}/restore", {}).status, 409)
        self.step(self.seller, "scheduling.booking", second, "cancel")
        self.ok(self.admin.post(f"/records/scheduling.booking/{first['id']}/restore", {}))
        self.assertEqual(self.now_of("scheduling.departure", small)["left"], 0)

    def test_options_are_for_departures_that_are_sold_and_wait_their_turn(self):
        closed = self.make_departure(self.tour, offset=5, cutoff_on=day(0))
        self.assertIn("invariant:closed", self.codes(self.attempt(self.seller, "post", "/records/scheduling.booking", {"departure": closed["id"], "seats": 1})))
        open_today = self.make_departure(self.tour, offset=5, cutoff_on=day(1), capacity=2)
        first = self.create(self.seller, "scheduling.booking", departure=open_today["id"], seats=2)
        self.create(self.seller, "scheduling.booking", departure=open_today["id"], seats=1, waiting_list=True)
        self.step(self.seller, "scheduling.booking", first, "cancel")
        self.assertIn("invariant:queue", self.codes(self.attempt(self.seller, "post", "/records/scheduling.booking", {"departure": open_today["id"], "seats": 1})))
        told = self.create(self.seller, "scheduling.booking", departure=open_today["id"], seats=1, skip_reason="前一位只要两座")
        self.assertEqual(told["state"], "option")

    def test_seats_dates_and_the_waiting_list_are_not_written_by_hand(self):
        order = self.confirm_order(self.make_order(self.customer, self.departure, party=3))
        booking = self.all_of("scheduling.booking", f"record.order == {order['id']}")[0]
        for client in (self.seller, self.planner):
            self.cannot_change(client, "scheduling.booking", booking, seats=1, departure=self.make_departure(self.tour, offset=70)["id"])
        # What is sold leaves on its day; to another day, orders go by a change or a merger.
        self.cannot_change(self.planner, "scheduling.departure", self.departure, depart_on=day(31), days=3)
        # Nobody makes the minimum, or what the notice waits for, smaller to get round the manager.
        self.cannot_change(self.planner, "scheduling.departure", self.departure, min_party=1)
        self.change(self.planning_boss, "scheduling.departure", self.departure, min_party=3)
        supplier = self.create(self.planner, "scheduling.supplier", name="车队", kind="coach")
        line = self.create(self.planner, "scheduling.service_line", departure=self.departure["id"], supplier=supplier["id"], kind="coach", name="车", required_for_notice=True, **{"from": self.departure["depart_on"]})
        self.step(self.planner, "scheduling.service_line", line, "request")
        self.cannot_change(self.planner, "scheduling.service_line", line, required_for_notice=False)
        self.change(self.planning_boss, "scheduling.service_line", line, required_for_notice=False)
        # An option is as long as it was given for, and a place in the queue is not for whoever sells.
        option = self.create(self.seller, "scheduling.booking", departure=self.departure["id"], seats=1)
        self.cannot_change(self.seller, "scheduling.booking", option, held_until=moment(10**7))
        self.change(self.planner, "scheduling.booking", option, held_until=moment(10**5))
        waiting = self.create(self.seller, "scheduling.booking", departure=self.departure["id"], seats=1, waiting_list=True)
        self.cannot_change(self.seller, "scheduling.booking", waiting, priority=9)
        self.attempt(self.seller, "post", "/records/scheduling.booking", {"departure": self.departure["id"], "seats": 1, "waiting_list": True, "priority": 9})
        self.change(self.planner, "scheduling.booking", waiting, priority=9)

    def test_payment_and_cancellation_at_once_leave_no_seat_and_no_cent_behind(self):
        order = self.make_order(self.customer, self.departure, price=FARE)
        booking = self.create(self.seller, "scheduling.booking", departure=self.departure["id"], order=order["id"], seats=2)
        token = token_of(self.sales_boss)

        def work(wire, n):
            if n % 2:
                return wire.call("POST", f"/records/sales.order/{order['id']}/transitions/cancel", {"input": {"cancel_reason": "不去了"}})
            return wire.call("POST", "/records/sales.payment", {"order": order["id"], "kind": "deposit", "amount": "10.00", "method": "wechat", "reference": f"x-{order['id']}-{n}"})
        replies = at_once(self.server.port, token, 8, work, again=(429, 503))
        paid = sum(reply.status == 201 for reply in replies)
        self.assertEqual(sum(reply.status == 200 for reply in replies), 1, [str(reply) for reply in replies])
        now = self.now_of("sales.order", order)
        self.assertEqual((now["state"], now["paid"], now["total"], now["held_seats"]), ("cancelled", f"{paid * 10}.00", "0.00", 0))
        self.assertEqual((self.now_of("scheduling.booking", booking)["state"], self.now_of("scheduling.departure", self.departure)["sold"]), ("cancelled", 0))

    def test_merged_customers_keep_their_seats_and_money(self):
        other = self.make_customer("另一份档案")
        orders = [self.make_order(one, self.departure, price=FARE) for one in (self.customer, other)]
        for order in orders:
            self.create(self.seller, "scheduling.booking", departure=self.departure["id"], order=order["id"], customer=order["customer"], seats=2)
            self.confirm_order(order)
            self.pay(order, FARE)
        self.ok(self.analyst.post(f"/records/customers.customer/{self.customer['id']}/merge", {"other": other["id"]}))
        for order in orders:
            now = self.now_of("sales.order", order)
            self.assertEqual((now["customer"], now["paid"], now["state"], now["held_seats"]), (self.customer["id"], FARE, "confirmed", 2))
        self.assertEqual({one["customer"] for one in self.all_of("scheduling.booking", f"record.departure == {self.departure['id']}")}, {self.customer["id"]})
        self.assertEqual((self.now_of("customers.customer", self.customer)["spending"], self.now_of("scheduling.departure", self.departure)["confirmed_seats"]), ("4000.00", 4))

    # -- groups
    def ready(self, departure, guide):
        """A guide who has accepted, a coach and a hotel for the departure."""
        assignment = self.ok(self.assign(guide, departure), 201).json
        self.step(self.guide_boss, "guides.assignment", assignment, "offer")
        self.step(self.guide_boss, "guides.assignment", assignment, "accept")
        vehicle = self.create(self.planner, "scheduling.vehicle", plate=f"沪B{random.randrange(10**6)}", kind="coach", seats=45)
        dispatch = self.create(self.planner, "scheduling.dispatch", departure=departure["id"], vehicle=vehicle["id"], **{"from": departure["depart_on"], "to": departure["return_on"]})
        supplier = self.create(self.planner, "scheduling.supplier", name="酒店", kind="hotel")
        line = self.create(self.planner, "scheduling.service_line", departure=departure["id"], supplier=supplier["id"], kind="hotel", name="酒店", unit_cost="10.00", **{"from": departure["depart_on"]})
        return assignment, dispatch, line

    def test_a_group_that_is_given_up_frees_guide_coach_and_hotel(self):
        guide = self.make_guide("散团")
        assignment, dispatch, line = self.ready(self.departure, guide)
        order = self.confirm_order(self.make_order(self.customer, self.departure, price=FARE))
        paper = self.issue(self.departure, "notice")
        self.step(self.planning_boss, "scheduling.departure", self.departure, "cancel", comment="未成团")
        self.assertEqual([self.now_of(*one)["state"] for one in (("guides.assignment", assignment), ("scheduling.dispatch", dispatch), ("scheduling.service_line", line), ("scheduling.document", paper))],
                         ["replaced", "cancelled", "cancel_pending", "stale"])
        change = self.all_of("sales.change_order", f"record.order == {order['id']}")[0]
        self.assertEqual((change["kind"], change["cause"]), ("cancel", "group"))
        self.step(self.seller, "sales.change_order", change, "assess", assessment="全额退款")
        priced = self.step(self.seller, "sales.change_order", change, "price")
        self.assertEqual((priced["base"], priced["fee"]), ("2000.00", "0.00"))
        self.executed(change)
        self.assertEqual(self.now_of("sales.order", order)["total"], "0.00")
        self.ok(self.assign(guide, self.make_departure(self.tour)), 201)

    def test_a_merged_group_takes_its_people_along(self):
        guide, away = self.make_guide("并团"), self.make_guide("并走")
        there = self.make_departure(self.tour, offset=33)
        paper = self.issue(there, "notice")
        kept, _, hotel = self.ready(there, guide)
        gone, coach, line = self.ready(self.departure, away)
        order = self.confirm_order(self.make_order(self.customer, self.departure))
        self.eventually("guides.call", f"record.order == {order['id']}", "a call of the first guide")
        self.step(self.planning_boss, "scheduling.departure", self.departure, "merge", comment="人数不足", merged_into=there["id"])
        self.assertEqual([self.now_of(*one)["state"] for one in (("guides.assignment", gone), ("scheduling.dispatch", coach), ("scheduling.service_line", line))], ["replaced", "cancelled", "cancel_pending"])
        self.assertEqual([self.now_of(*one)["state"] for one in (("guides.assignment", kept), ("scheduling.service_line", hotel), ("scheduling.document", paper))], ["accepted", "not_requested", "stale"])
        now = self.now_of("sales.order", order)
        self.assertEqual((now["departure"], now["depart_on"], self.now_of("scheduling.departure", there)["confirmed_seats"]), (there["id"], there["depart_on"], 2))
        self.eventually("guides.call", f"record.order == {order['id']} && record.assignment == {kept['id']} && record.state == 'open'", "the other guide calls")
        self.assertEqual(self.count(self.admin, "guides.call", filter=f"record.order == {order['id']} && record.assignment == {gone['id']} && record.state == 'open'"), 0)

    def test_a_group_that_fell_below_the_minimum_leaves_with_an_approval(self):
        tour = self.make_product("小团")
        departure = self.make_departure(tour, offset=0, min_party=3)
        orders = [self.confirm_order(self.make_order(self.customer, departure, party=party, price=FARE)) for party in (2, 1)]
        self.assertEqual(self.now_of("scheduling.departure", departure)["state"], "guaranteed")
        self.executed(self.priced(orders[1], kind="cancel", cause="agency"))
        self.step(self.planner, "scheduling.departure", departure, "close")
        self.issue(departure, "notice")
        self.refused(self.planner, "scheduling.departure", departure, "operate", 422)
        asked = self.post_step(self.planner, "scheduling.departure", departure, "run_small", comment="两位客人坚持出行")
        self.assertEqual(asked.status, 202, asked)
        self.approve(self.planning_boss, asked)
        self.assertEqual(self.step(self.planner, "scheduling.departure", departure, "operate")["state"], "operating")

    # -- papers, guides, incidents
    def test_a5_the_notice_is_stale_when_what_it_says_has_changed(self):
        paper, list_of_rooms, draft = self.issue(self.departure, "notice"), self.issue(self.departure, "rooming"), self.create(self.planner, "scheduling.document", departure=self.departure["id"], kind="notice")
        sheet = self.issue(self.departure, "dispatch")
        vehicle = self.create(self.planner, "scheduling.vehicle", plate=f"沪C{random.randrange(10**6)}", kind="coach", seats=45, insured_until=day(31))
        run = {"departure": self.departure["id"], "vehicle": vehicle["id"], "from": self.departure["depart_on"], "to": self.departure["return_on"]}
        self.assertIn("invariant:insured", self.codes(self.attempt(self.planner, "post", "/records/scheduling.dispatch", run)))
        self.change(self.planner, "scheduling.vehicle", vehicle, insured_until=day(300))
        self.create(self.planner, "scheduling.dispatch", **run)
        self.assertEqual([self.now_of("scheduling.document", one)["state"] for one in (paper, sheet)], ["issued", "stale"])
        self.change(self.planner, "scheduling.departure", self.departure, meeting_point="浦东机场 T1")
        self.assertEqual([self.now_of("scheduling.document", one)["state"] for one in (paper, list_of_rooms, draft)], ["stale", "issued", "stale"])
        self.assertIn("浦东机场 T1", self.now_of("scheduling.document", self.issue(self.departure, "notice"))["text"])

    def test_a6_who_comes_late_is_called_and_who_left_is_not(self):
        guide = self.make_guide("电话", "guide")
        early = self.confirm_order(self.make_order(self.customer, self.departure))
        assignment = self.ok(self.assign(guide, self.departure), 201).json
        self.step(self.guide_boss, "guides.assignment", assignment, "offer")
        self.step(self.guide, "guides.assignment", assignment, "accept")
        sheet = self.eventually("guides.handover", f"record.assignment == {assignment['id']}", "the sheet")[0]
        self.eventually("guides.call", f"record.assignment == {assignment['id']}", "the call of the first order")
        late = self.confirm_order(self.make_order(self.make_customer("晚到"), self.departure))
        self.eventually("guides.call", f"record.order == {late['id']} && record.state == 'open'", "the call of the late order")
        wait_until(lambda: self.now_of("guides.handover", sheet)["state"] == "stale", 20, "the sheet is out of date")
        again = self.create(self.guide_boss, "guides.handover", assignment=assignment["id"], departure=self.departure["id"])
        self.assertIn("晚到", again["text"])
        self.assertEqual(self.now_of("guides.assignment", assignment)["calls_open"], 2)
        self.executed(self.priced(early, kind="cancel", cause="agency"))
        self.assertEqual(self.now_of("guides.assignment", assignment)["calls_open"], 1, "whoever is not coming is not called")
        self.step(self.guide_boss, "guides.assignment", assignment, "replace", reason="换人")
        self.assertEqual(self.now_of("guides.assignment", assignment)["calls_open"], 0)

    def test_a6_nobody_starts_a_tour_with_a_licence_that_was_withdrawn(self):
        departure = self.make_departure(self.tour, offset=0)
        guide = self.make_guide("证照", "guide")
        assignment = self.ok(self.assign(guide, departure), 201).json
        self.step(self.guide_boss, "guides.assignment", assignment, "offer")
        self.step(self.guide, "guides.assignment", assignment, "accept")
        licence = self.all_of("guides.licence", f"record.guide == {guide['id']} && record.kind == 'guide'")[0]
        self.change(self.guide_boss, "guides.licence", licence, valid_until=day(2))  # in the middle of the tour
        self.eventually("core.notice", f"record.about_id == '{guide['id']}' && record.urgent == true", "the manager is told")
        self.refused(self.guide, "guides.assignment", assignment, "start", 422)
        self.change(self.guide_boss, "guides.licence", licence, valid_until=day(400))
        self.assertEqual(self.step(self.guide, "guides.assignment", assignment, "start")["state"], "on_tour")

    def test_a7_the_outcome_reaches_those_who_are_back_already(self):
        departure = self.make_departure(self.tour, offset=0)
        self.confirm_order(self.make_order(self.customer, departure))
        incident = self.create(self.guide_boss, "scheduling.incident", departure=departure["id"], kind="injury", severity="minor", place="古城", facts="扭伤")
        self.issue(departure, "notice")
        self.step(self.planner, "scheduling.departure", departure, "close")
        self.step(self.planner, "scheduling.departure", departure, "operate")
        self.step(self.planner, "scheduling.departure", departure, "complete")
        self.step(self.planner, "scheduling.incident", incident, "take")
        self.step(self.planner, "scheduling.incident", incident, "resolve", measures="就医", outcome="回家后已康复")
        told = self.all_of("customers.interaction", f"record.customer == {self.customer['id']} && record.occasion == 'incident'")
        self.assertEqual([one["text"] for one in told], ["回家后已康复"])

    def test_guides_fees_are_part_of_the_account(self):
        departure = self.make_departure(self.tour, offset=0, min_party=1)
        self.confirm_order(self.make_order(self.customer, departure, price=FARE))
        duty = self.ok(self.assign(self.make_guide("带团费"), departure, fee="600.00"), 201).json
        for name in ("offer", "accept"):
            self.step(self.guide_boss, "guides.assignment", duty, name)
        for call in self.eventually("guides.call", f"record.assignment == {duty['id']}", "the call"):
            self.step(self.guide_boss, "guides.call", call, "done", result="confirmed")
        self.issue(departure, "notice")
        self.step(self.planner, "scheduling.departure", departure, "close")
        self.step(self.planner, "scheduling.departure", departure, "operate")
        self.step(self.planner, "scheduling.departure", departure, "complete")
        self.step(self.planning_boss, "scheduling.departure", departure, "settle")
        account = self.all_of("scheduling.tour_account", f"record.departure == {departure['id']}")[0]
        self.assertEqual((account["income"], account["guide_cost"], account["profit"]), ("2000.00", "600.00", "1400.00"))
        self.step(self.planning_boss, "scheduling.tour_account", account, "hand_over")
        self.cannot_change(self.planning_boss, "scheduling.tour_account", account, income="1.00")

    def test_allotments_are_for_their_day_and_go_back_with_a_warning(self):
        supplier = self.create(self.planner, "scheduling.supplier", name="控位酒店", kind="hotel", licence_until=day(10))
        name = f"双床{random.randrange(10**9)}"
        allotment = self.create(self.planner, "scheduling.allotment", supplier=supplier["id"], kind="hotel", name=name, date=day(31), quantity=5, release_days=30)
        self.eventually("core.notice", f"record.text.contains('{name}')", "somebody is told before it goes back")
        line = {"departure": self.departure["id"], "supplier": supplier["id"], "kind": "hotel", "name": "房", "allotment": allotment["id"], "from": day(32), "to": day(33)}
        self.assertIn("invariant:night", self.codes(self.attempt(self.planner, "post", "/records/scheduling.service_line", line)))
        made = self.create(self.planner, "scheduling.service_line", **{**line, "from": day(30)})
        self.assertIn("invariant:licensed", self.codes(self.refused(self.planner, "scheduling.service_line", made, "request", 422)))

    # -- customers
    def test_a9_a_greeting_goes_where_it_may(self):
        city = f"城{random.randrange(10**9)}"
        customers = [self.make_customer(f"问候{number}", city=city, email=f"q{number}@example.com") for number in range(4)]
        for number, customer in enumerate(customers):
            self.create(self.care, "customers.consent", customer=customer["id"], purpose="care", channel="email" if number != 1 else "phone", source="表单")
        self.assertIn("bad_rule", self.codes(self.attempt(self.care, "post", "/records/customers.segment", {"name": "坏规则", "rule": "record.nonsense > 1"})))
        self.assertIn("bad_rule", self.codes(self.attempt(self.care, "post", "/records/customers.segment", {"name": "坏规则", "rule": "record.city == '"})))
        segment = self.create(self.care, "customers.segment", name=city, rule=f"record.city == '{city}'")
        campaign = self.create(self.care, "customers.campaign", name="中秋", kind="festival", occasion=f"moon-{city}", segment=segment["id"], text="月圆人安", channel="email")
        self.approve(self.care_boss, self.post_step(self.care, "customers.campaign", campaign, "approve"))
        self.step(self.care, "customers.campaign", campaign, "start")
        greetings = {one["customer"]: one for one in self.all_of("customers.greeting", f"record.campaign == {campaign['id']}")}
        self.assertEqual(len(greetings), 4)
        self.step(self.care, "customers.greeting", greetings[customers[0]["id"]], "send")
        mail = self.eventually("core.message", "record.recipient == 'q0@example.com' && record.template == 'customers.greeting_mail'", "the mail")[0]
        self.assertIn("月圆人安", mail["body"])
        self.assertIn("no_consent", self.codes(self.refused(self.care, "customers.greeting", greetings[customers[1]["id"]], "send", 422)))
        for number, step, fields in ((2, "restrict", {"reason": "投诉中", "kept_until": day(100)}), (3, "complete", {})):
            request = self.create(self.care, "customers.privacy_request", customer=customers[number]["id"], wish="erase" if step == "complete" else "restrict")
            self.step(self.care_boss, "customers.privacy_request", request, step, **fields)
            self.refused(self.care, "customers.greeting", greetings[customers[number]["id"]], "send", 422 if step == "restrict" else 409)
        self.assertEqual(self.now_of("customers.greeting", greetings[customers[3]["id"]])["state"], "withheld")

    def test_a10_erased_is_what_was_said_too_but_not_of_who_is_on_his_way(self):
        one = self.make_customer("要求清除", phone="13911110000")
        self.create(self.seller, "customers.interaction", customer=one["id"], channel="phone", subject="私事", text="女儿结婚")
        self.create(self.care, "customers.consent", customer=one["id"], purpose="care", channel="phone", source="电话")
        order = self.make_order(one, self.departure)
        traveller = self.travellers_of(order)[0]
        self.change(self.seller, "sales.traveller", traveller, customer=one["id"])
        request = self.create(self.care, "customers.privacy_request", customer=one["id"], wish="erase")
        self.refused(self.care_boss, "customers.privacy_request", request, "complete", 422)
        self.step(self.sales_boss, "sales.order", order, "cancel", cancel_reason="不去了")
        self.step(self.care_boss, "customers.privacy_request", request, "complete")
        self.assertEqual({(note["subject"], note["text"]) for note in self.all_of("customers.interaction", f"record.customer == {one['id']}")}, {("（已清除）", None)})
        now = self.now_of("sales.traveller", traveller)
        self.assertEqual((now["name"], now["document_number"], now["emergency_phone"]), ("（已清除）", None, None))
        self.assertEqual([consent["state"] for consent in self.all_of("customers.consent", f"record.customer == {one['id']}")], ["withdrawn"])

    def test_a9_birthdays_once_a_year_where_they_are_wanted(self):
        born = "1980" + day(0)[4:]
        wanted, without, restricted = (self.make_customer(f"寿星{number}", birthday=born) for number in range(3))
        for customer in (wanted, restricted):
            self.create(self.care, "customers.consent", customer=customer["id"], purpose="care", channel="phone", source="电话")
        request = self.create(self.care, "customers.privacy_request", customer=restricted["id"], wish="restrict")
        self.step(self.care_boss, "customers.privacy_request", request, "restrict", reason="争议", kept_until=day(9))
        for _ in range(2):
            self.run_schedule("customers.birthdays")
        self.eventually("customers.greeting", f"record.customer == {wanted['id']}", "the greeting")
        found = [self.all_of("customers.greeting", f"record.customer == {one['id']}") for one in (wanted, without, restricted)]
        self.assertEqual([[(one["kind"], one["channel"]) for one in greetings] for greetings in found], [[("birthday", "phone")], [], []])
        self.step(self.care, "customers.greeting", found[0][0], "send")
        # Photographs of the trip: by their own consent.
        photos = self.create(self.care, "customers.greeting", customer=wanted["id"], kind="photos", occasion=f"photos-{wanted['id']}", channel="phone")
        self.refused(self.care, "customers.greeting", photos, "send", 422)
        self.create(self.care, "customers.consent", customer=wanted["id"], purpose="photos", channel="phone", source="电话")
        self.assertEqual(self.step(self.care, "customers.greeting", photos, "send")["state"], "sent")

    def test_a3_nobody_decides_about_his_own_correction(self):
        request = self.create(self.analyst, "customers.change_request", customer=self.customer["id"], part="city", wanted="苏州", reason="来电")
        self.refused(self.analyst, "customers.change_request", request, "accept", 422)
        self.step(self.care_boss, "customers.change_request", request, "accept")
        self.assertEqual(self.now_of("customers.customer", self.customer)["city"], "苏州")

    def test_d2_what_is_said_about_a_case_is_not_for_whom_it_is_about(self):
        case = self.create(self.caller, "aftersales.case", kind="complaint", type="attitude", channel="phone", subject="态度", text="态度差", contact_name="客户", contact="13900000001", about=[self.user("complaint")])
        meeting = self.create(self.complaint2, "aftersales.case_meeting", case=case["id"], held_at=moment(0), minutes="谈话")
        self.assertEqual(self.complaint.get(f"/records/aftersales.case_meeting/{meeting['id']}").status, 404)
        self.assertEqual(self.count(self.complaint, "aftersales.case_meeting", filter=f"record.case == {case['id']}"), 0)
        self.assertEqual(self.complaint.post("/records/aftersales.case_message", {"case": case["id"], "text": "x"}).status in (403, 404, 422), True)

    def test_a8_one_answer_of_each_customer(self):
        survey = self.create(self.quality, "aftersales.survey", name="满意度", question="满意吗？", **{"from": day(0)})
        answer = {"survey": survey["id"], "customer": self.customer["id"], "score": 90}
        self.attempt(self.caller, "post", "/records/aftersales.answer", answer, 422)  # not open yet
        self.step(self.quality, "aftersales.survey", survey, "open")
        self.create(self.caller, "aftersales.answer", **answer)
        self.attempt(self.caller, "post", "/records/aftersales.answer", answer, 409)
        self.assertEqual(self.now_of("aftersales.survey", survey)["average"], "90.0")

    def run_schedule(self, schedule):
        """To its end."""
        runs = f"/admin/schedules/{schedule}/runs"
        before = len(self.ok(self.admin.get(runs)).json["items"])
        self.ok(self.admin.post(f"/admin/schedules/{schedule}/run", {}), 202)
        wait_until(lambda: len(self.ok(self.admin.get(runs)).json["items"]) > before, 20, "the schedule has run")

    def told(self, schedule, record):
        """How often the seller was told of the record, after another run."""
        self.run_schedule(schedule)
        return self.count(self.admin, "core.notice", filter=f"record.about_id == '{record['id']}' && record.user == {self.user('seller')}")

    def test_a4_late_answers_are_told_once(self):
        late = self.create(self.seller, "sales.inquiry", customer=self.customer["id"], channel="phone", destination="丽江", promised_at=moment(-60))
        self.assertEqual([self.told("sales.late_promises", late) for _ in range(2)], [1, 1])
        # Promised anew and late again, it is told again.
        again = moment(0.5)
        self.change(self.seller, "sales.inquiry", late, promised_at=again)
        wait_until(lambda: moment(0) > again, 5, "the new promise has passed")
        self.assertEqual(self.told("sales.late_promises", late), 2)


class AgencyManyProducts(Agency):
    people = ("seller", "product", "planner")

    def test_a4_a_recommendation_looks_at_all_products(self):
        """More products than are weighed where nothing fits; the one that fits is the last."""
        rows = "id,name,destination,days,price\n" + "".join(f"p{n},目录{n},{'海岛' if n % 2 else '山城'},5,3000\n" for n in range(2300))
        plan = """\
kind: import_map
name: many
entity: sales.product
source: catalogue
format: {delimiter: ",", encoding: utf-8}
records:
  product:
    entity: sales.product
    external_id: {column: id}
    sets_state: true
    fields: {name: {column: name}, destination: {column: destination}, days: {column: days}, price_from: {column: price}, state: {value: on_sale}}
"""
        body, kind = caravan.multipart(map=("map.yaml", plan), file=("many.csv", rows))
        answer = self.ok(self.admin.request("POST", "/import/sales.product", body, {"Content-Type": kind}))
        self.assertEqual((answer.json["created"], answer.json["failed"]), (2300, 0), answer)
        last = self.all_of("sales.product", "record.name == '目录2299'")[0]
        self.make_departure(last, offset=33, price="2900.00")
        wish = {"destination": "海岛", "depart_on": day(34), "party": 2, "budget": "3500.00", "limit": 5}
        found = self.ok(self.seller.get("/plugins/sales/recommend" + caravan.query(**wish))).json
        self.assertEqual([one["product"] for one in found["items"]], [last["id"]])
        self.assertEqual((len(found["nearly"]), found["looked_at"], found["looked_at_all"]), (4, 2001, False), "of the others, not all; and it says so")
        self.assertTrue(all(one["name"].startswith("目录") and int(one["name"][2:]) % 2 for one in found["nearly"]), "those of the wished place first")
        enough = self.ok(self.seller.get("/plugins/sales/recommend" + caravan.query(**{**wish, "limit": 1}))).json
        self.assertEqual((len(enough["items"]), enough["nearly"], enough["looked_at"], enough["looked_at_all"]), (1, [], 1, True))
        odd = self.ok(self.seller.get("/plugins/sales/recommend" + caravan.query(destination='"]) || true || record.name.contains("', limit=3))).json
        self.assertTrue(odd["looked_at"])
