"""What money and safety hang on, attacked by many at once: seats, options that expire while they are paid for, guides, allotments, ledgers."""

import random
import time

import caravan
from agency import Agency, day, moment
from caravan import wait_until
from wire import at_once, token_of

SEATS = 20
CLIENTS = 200
SCHEDULERS = 50
GUIDES = 10


class _Attacked(Agency):
    def at_once(self, count, work, token):
        return at_once(self.server.port, token, count, work, again=(429, 503))

    def rounds(self, short, long):
        return range(long if caravan.Setup.full else short)


class AgencySeats(_Attacked):
    people = ("seller", "sales_boss", "product", "planner", "planning_boss", "money")

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.token = token_of(cls.server.client("seller"))

    def setUp(self):
        self.tour = self.make_product("抢位六日")

    def seats_of(self, departure):
        live = self.all_of("scheduling.booking", f"record.departure == {departure['id']} && record.state in ['option', 'confirmed', 'travelling', 'finished']")
        return sum(booking["seats"] for booking in live)

    def test_two_hundred_clients_for_twenty_seats(self):
        for number in self.rounds(1, 100):
            departure = self.make_departure(self.tour, offset=20 + number, capacity=SEATS)
            replies = self.at_once(CLIENTS, lambda wire, _: wire.call("POST", "/records/scheduling.booking", {"departure": departure["id"], "seats": 1}), self.token)
            self.assertEqual({reply.status for reply in replies}, {201, 422})
            self.assertEqual(sum(reply.status == 201 for reply in replies), SEATS)
            error = next(reply for reply in replies if reply.status == 422).json["errors"][0]
            self.assertEqual((error["field"], error["code"]), ("departure", "invariant:seats"))
            now = self.now_of("scheduling.departure", departure)
            self.assertEqual((now["sold"], now["left"], self.seats_of(departure)), (SEATS, 0, SEATS))

    def test_parties_of_several_never_pass_the_capacity(self):
        dice = random.Random(11)
        for number in self.rounds(1, 20):
            departure = self.make_departure(self.tour, offset=20 + number, capacity=SEATS)
            sizes = [dice.randint(1, 6) for _ in range(40)]
            replies = self.at_once(40, lambda wire, n: wire.call("POST", "/records/scheduling.booking", {"departure": departure["id"], "seats": sizes[n]}), self.token)
            sold = sum(size for size, reply in zip(sizes, replies) if reply.status == 201)
            now = self.now_of("scheduling.departure", departure)
            self.assertLessEqual(sold, SEATS)
            self.assertEqual((now["sold"], self.seats_of(departure)), (sold, sold))
            smallest_refused = min((size for size, reply in zip(sizes, replies) if reply.status != 201), default=99)
            self.assertGreater(smallest_refused, SEATS - sold, "who was refused did not fit")

    def test_an_option_expires_once_and_its_seats_are_free(self):
        departure = self.make_departure(self.tour, capacity=2)
        booking = self.create(self.seller, "scheduling.booking", departure=departure["id"], seats=2, held_until=moment(2))
        self.assertEqual((booking["state"], self.now_of("scheduling.departure", departure)["left"]), ("option", 0))
        wait_until(lambda: self.now_of("scheduling.booking", booking)["state"] == "expired", 30, "the option expires")
        self.assertEqual(self.now_of("scheduling.departure", departure)["left"], 2)
        timeline = self.ok(self.admin.get(f"/records/scheduling.booking/{booking['id']}/timeline")).json["items"]
        self.assertEqual(sum(event["action"] == "transition:expire" for event in timeline), 1)
        self.assertEqual(self.now_of("scheduling.booking", booking)["octo_status"], "EXPIRED")

    def test_expiry_races_payment(self):
        customer = self.make_customer("付款赛跑")
        for number in self.rounds(3, 100):
            departure = self.make_departure(self.tour, offset=20 + number, capacity=4)
            order = self.make_order(customer, departure, party=2)
            held = moment(1.0)
            booking = self.create(self.seller, "scheduling.booking", departure=departure["id"], order=order["id"], seats=2, held_until=held)

            def work(wire, n):
                time.sleep(0.7 + 0.05 * (n % 12))
                if n == 0:
                    return wire.call("POST", "/records/sales.payment", {"order": order["id"], "kind": "deposit", "amount": "500.00", "method": "wechat", "reference": f"race-{order['id']}"})
                return wire.call("POST", "/records/scheduling.booking", {"departure": departure["id"], "seats": 1})
            replies = self.at_once(9, work, self.token)
            self.assertEqual(replies[0].status, 201, replies[0])
            wait_until(lambda: self.now_of("scheduling.booking", booking)["state"] in ("confirmed", "expired"), 20, "the option is decided")
            # Paid in time, it is confirmed; paid after that, it has seats anew, or a person decides.
            wait_until(lambda: self.now_of("scheduling.booking", booking)["state"] == "confirmed" or self.now_of("scheduling.booking", booking)["needs_person"], 30, "settled")
            now = self.now_of("scheduling.departure", departure)
            self.assertLessEqual(now["sold"], 4)
            self.assertEqual(now["sold"], self.seats_of(departure))
            self.assertEqual(self.now_of("sales.order", order)["paid"], "500.00", "the money is booked, whatever came of the seats")

    def test_the_waiting_list_is_fair_and_a_person_confirms(self):
        departure = self.make_departure(self.tour, capacity=3)
        first = self.create(self.seller, "scheduling.booking", departure=departure["id"], seats=3)
        self.assertEqual(first["state"], "option")
        waiting = [self.create(self.seller, "scheduling.booking", departure=departure["id"], seats=seats, waiting_list=True) for seats in (4, 2, 1)]
        self.assertEqual([one["state"] for one in waiting], ["waitlist"] * 3)
        self.refused(self.planner, "scheduling.booking", waiting[1], "offer", 422)  # nothing is free yet
        self.step(self.seller, "scheduling.booking", first, "cancel")
        listed = self.ok(self.planner.get(f"/plugins/scheduling/waitlist/{departure['id']}")).json
        self.assertEqual([(one["seats"], one["fits"], one["next"]) for one in listed["items"]], [(4, False, False), (2, True, True), (1, True, False)])
        problem = self.refused(self.planner, "scheduling.booking", waiting[2], "offer", 422)
        self.assertEqual(problem["errors"][0]["field"], "skip_reason")
        self.assertEqual(self.step(self.planner, "scheduling.booking", waiting[1], "offer")["state"], "option")
        self.assertEqual(self.step(self.planner, "scheduling.booking", waiting[2], "offer", skip_reason="只剩一位")["state"], "option")
        self.refused(self.seller, "scheduling.booking", waiting[0], "offer", 403)

    def test_an_allotment_is_never_overdrawn_nor_taken_when_released(self):
        supplier = self.create(self.planner, "scheduling.supplier", name="云上酒店", kind="hotel")
        allotment = self.create(self.planner, "scheduling.allotment", supplier=supplier["id"], kind="hotel", name="标间", date=day(40), quantity=10, release_days=7)
        departure = self.make_departure(self.tour, offset=40)
        token = token_of(self.planner)
        replies = self.at_once(30, lambda wire, _: wire.call("POST", "/records/scheduling.service_line", {
            "departure": departure["id"], "supplier": supplier["id"], "kind": "hotel", "name": "标间", "from": day(40), "quantity": 1, "allotment": allotment["id"]}), token)
        self.assertEqual(sum(reply.status == 201 for reply in replies), 10)
        self.assertEqual(self.now_of("scheduling.allotment", allotment)["left"], 0)
        late = self.create(self.planner, "scheduling.allotment", supplier=supplier["id"], kind="hotel", name="套房", date=day(3), quantity=5, release_days=7)
        line = self.create(self.planner, "scheduling.service_line", departure=departure["id"], supplier=supplier["id"], kind="hotel", name="套房", **{"from": day(3)}, allotment=late["id"])
        self.refused(self.planner, "scheduling.service_line", line, "request", 422)
        self.change(self.planner, "scheduling.service_line", line, override_release="供应商同意延后")
        self.assertEqual(self.step(self.planner, "scheduling.service_line", line, "request")["state"], "requested")

    def test_money_only_grows_and_numbers_have_no_gap(self):
        departure = self.make_departure(self.tour)
        order = self.make_order(self.make_customer("账本"), departure)
        token = token_of(self.seller)
        replies = self.at_once(20, lambda wire, n: wire.call("POST", "/records/sales.payment", {
            "order": order["id"], "kind": "instalment", "amount": "10.01", "method": "transfer", "reference": f"t-{order['id']}-{n % 15}"}), token)
        self.assertEqual(sum(reply.status == 201 for reply in replies), 15, "a transaction is booked once")
        now = self.now_of("sales.order", order)
        self.assertEqual((now["paid"], now["payment_status"]), ("150.15", "deposit"))
        payment = self.all_of("sales.payment", f"record.order == {order['id']}")[0]
        self.problem(self.admin.patch(f"/records/sales.payment/{payment['id']}", {"amount": "1.00"}, If_Match="*"), 409, "conflict")
        self.problem(self.admin.delete(f"/records/sales.payment/{payment['id']}", If_Match="*"), 409, "conflict")
        numbers = sorted(int(one["number"].split("-")[-1]) for one in self.all_of("sales.payment"))
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        problem = self.problem(self.seller.post("/records/sales.payment", {"order": order["id"], "kind": "refund", "amount": "5.00", "method": "cash"}), 422, "invalid_record")
        self.assertEqual(problem["errors"][0]["code"], "invariant:sign")


class AgencyGuidesAtOnce(_Attacked):
    people = ("product", "planner", "guide_boss")

    def test_fifty_schedulers_on_ten_guides(self):
        tour = self.make_product("派团四日", days=4)
        guides = [self.make_guide(f"导游{number}") for number in range(GUIDES)]
        departures = [self.make_departure(tour, offset=20 + number) for number in range(8)]
        token = token_of(self.guide_boss)
        for number in self.rounds(1, 100):
            dice = random.Random(number)
            picks = [(dice.choice(guides), dice.choice(departures)) for _ in range(SCHEDULERS)]

            def work(wire, n):
                guide, departure = picks[n]
                return wire.call("POST", "/records/guides.assignment", {
                    "departure": departure["id"], "guide": guide["id"], "role": "national", "from": departure["depart_on"], "to": departure["return_on"]})
            replies = self.at_once(SCHEDULERS, work, token)
            self.assertLessEqual({reply.status for reply in replies}, {201, 409})
            self.assertIn(201, {reply.status for reply in replies})
            for guide in guides:
                spans = sorted((one["from"], one["to"]) for one in self.all_of("guides.assignment", f"record.guide == {guide['id']} && record.state == 'proposed'"))
                for earlier, later in zip(spans, spans[1:]):
                    self.assertLess(earlier[1], later[0], f"{guide['name']} is in two places")
            if caravan.Setup.full:
                for one in self.all_of("guides.assignment", "record.state == 'proposed'"):
                    self.step(self.guide_boss, "guides.assignment", one, "replace")

    def test_vehicles_and_drivers_are_in_one_place(self):
        tour = self.make_product("派车四日", days=4)
        departure = self.make_departure(tour)
        vehicle = self.create(self.planner, "scheduling.vehicle", plate="沪A12345", kind="coach", seats=45)
        other = self.create(self.planner, "scheduling.vehicle", plate="沪A54321", kind="coach", seats=45, permit_until=day(10))
        driver = self.create(self.planner, "scheduling.driver", name="老张", phone="13600000000")
        token = token_of(self.planner)
        body = {"departure": departure["id"], "vehicle": vehicle["id"], "driver": driver["id"], "from": departure["depart_on"], "to": departure["return_on"]}
        replies = self.at_once(12, lambda wire, _: wire.call("POST", "/records/scheduling.dispatch", body), token)
        self.assertEqual(sorted(reply.status for reply in replies), [201] + [409] * 11)
        problem = self.problem(self.planner.post("/records/scheduling.dispatch", {**body, "vehicle": other["id"], "driver": None}), 422, "invalid_record")
        self.assertEqual(problem["errors"][0]["code"], "invariant:permit")
        problem = self.problem(self.planner.post("/records/scheduling.dispatch", {**body, "vehicle": self.create(self.planner, "scheduling.vehicle", plate="沪A00001", kind="car", seats=4)["id"]}), 409, "conflict")
        self.assertEqual(problem["errors"][0]["field"], "driver")
