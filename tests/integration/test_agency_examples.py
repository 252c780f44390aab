"""Two agencies that differ by configuration alone (config/examples): the requirements hold in both, and each has what is its own."""

import shutil

import caravan
import test_agency
from agency import Agency, day


class _Example:
    example = ""

    @classmethod
    def configure(cls):
        super().configure()
        shutil.copy(caravan.ROOT / "config" / "examples" / cls.example / "agency.yaml", cls.server.config / "agency.yaml")


class _Boutique(_Example):
    example = "boutique"
    databases = ("sqlite",)


class _Operator(_Example):
    example = "group_operator"
    databases = ("mariadb",)


class BoutiqueBeforeSale(_Boutique, test_agency.AgencyBeforeSale):
    pass


class BoutiqueInSale(_Boutique, test_agency.AgencyInSale):
    pass


class BoutiqueAfterSale(_Boutique, test_agency.AgencyAfterSale):
    pass


class OperatorBeforeSale(_Operator, test_agency.AgencyBeforeSale):
    pass


class OperatorInSale(_Operator, test_agency.AgencyInSale):
    pass


class OperatorAfterSale(_Operator, test_agency.AgencyAfterSale):
    pass


class BoutiqueItself(_Boutique, Agency):
    databases = ("sqlite", "mariadb")
    people = ("seller", "product", "planner", "money")

    def test_two_partners_do_everything(self):
        self.server.add_user("anna", "安娜", "boutique.partner")
        anna = self.server.client("anna")
        customer = self.create(anna, "customers.customer", name="蜜月客户", kind="person")
        inquiry = self.create(anna, "sales.inquiry", customer=customer["id"], channel="referral", destination="法国", x_style="honeymoon")
        self.step(anna, "sales.inquiry", inquiry, "contact")
        self.refused(anna, "sales.inquiry", inquiry, "x_dream", 422)
        self.step(anna, "sales.inquiry", inquiry, "x_dream", comment="等假期确定")
        self.assertEqual(self.step(anna, "sales.inquiry", inquiry, "x_wake")["state"], "contacted")
        departure = self.make_departure(self.make_product("法国十日", days=10))
        order = self.make_order(customer, departure, client=anna)
        problem = self.problem(anna.patch(f"/records/sales.order/{order['id']}", {"x_visa_by": departure["depart_on"]}, If_Match="*"), 422, "invalid_record")
        self.assertEqual(problem["errors"][0]["code"], "invariant:x_visa")
        self.change(anna, "sales.order", order, x_visa_by=day(10))
        booking = self.create(anna, "scheduling.booking", departure=departure["id"], seats=1)
        self.assertGreater(booking["held_until"][:10], day(1), "held for three days")
        # A dear proposal is read by the other one; and nobody waits long for a first idea.
        self.server.add_user("bert", "伯特", "boutique.partner")
        bert = self.server.client("bert")
        dear = self.create(anna, "sales.proposal", title="蜜月", customer=customer["id"], destination="法国", depart_on=day(60), days=10, party_size=2, itinerary="第 1 天 巴黎", hotel_standard=5, meals="含早",
                           transport="flight", valid_until=day(10))
        self.create(anna, "sales.proposal_line", proposal=dear["id"], kind="fare", name="团费", quantity=2, unit_price="45000.00")
        asked = self.post_step(anna, "sales.proposal", dear, "send")
        self.assertEqual(asked.status, 202, asked)
        approval = asked.json["approval"]["id"] if "approval" in asked.json else asked.json["id"]
        self.problem(anna.post(f"/approvals/{approval}/approve", {"comment": "好"}), 403, "forbidden")
        self.ok(bert.post(f"/approvals/{approval}/approve", {"comment": "好"}))
        self.assertEqual(self.now_of("sales.proposal", dear)["state"], "sent")
        fresh = self.create(anna, "sales.inquiry", customer=customer["id"], channel="phone", destination="意大利")
        clocks = [clock["name"] for clock in self.ok(anna.get(f"/records/sales.inquiry/{fresh['id']}/clocks")).json["items"]]
        self.assertEqual(clocks, ["boutique.first_idea"])


class OperatorItself(_Operator, Agency):
    databases = ("sqlite", "mariadb")
    people = ("seller", "product", "planner", "sales_boss", "money")

    def test_shops_names_and_short_options(self):
        departure = self.make_departure(self.make_product("黄山三日", days=3), capacity=200)
        customer = self.make_customer("工会")
        order = self.create(self.seller, "sales.order", customer=customer["id"], departure=departure["id"], product=departure["product"], destination="黄山", depart_on=departure["depart_on"], days=3,
                            party_size=120)
        self.assertEqual(order["x_pickup"], "station")
        collecting = self.step(self.seller, "sales.order", order, "x_collect")
        self.assertEqual(collecting["state"], "x_collecting")
        clocks = [clock["name"] for clock in self.ok(self.seller.get(f"/records/sales.order/{order['id']}/clocks")).json["items"]]
        self.assertEqual(clocks, ["operator.names"])
        self.step(self.seller, "sales.order", order, "x_collected")
        self.create(self.seller, "scheduling.booking", departure=departure["id"], seats=120)
        problem = self.problem(self.seller.post("/records/scheduling.booking", {"departure": departure["id"], "seats": 81}), 422, "invalid_record")
        self.assertEqual(problem["errors"][0]["code"], "invariant:seats")
        # A coach rests a day between two groups.
        coach = self.create(self.planner, "scheduling.vehicle", plate="皖A88888", kind="coach", seats=55)
        self.create(self.planner, "scheduling.dispatch", departure=departure["id"], vehicle=coach["id"], **{"from": day(30), "to": day(32)})
        again = {"departure": departure["id"], "vehicle": coach["id"], "from": day(33), "to": day(35)}
        self.problem(self.planner.post("/records/scheduling.dispatch", again), 409, "conflict")
        self.create(self.planner, "scheduling.dispatch", **{**again, "from": day(34)})
        # Much money back is seen by finance.
        big = self.confirm_order(self.make_order(customer, departure, party=2, price="30000.00"))
        change = self.create(self.seller, "sales.change_order", order=big["id"], kind="cancel", wish="取消")
        self.step(self.seller, "sales.change_order", change, "assess", assessment="可行")
        self.step(self.seller, "sales.change_order", change, "price")
        self.step(self.seller, "sales.change_order", change, "agree", agreed_by="工会", agreed_on=day(0))
        self.assertEqual(self.post_step(self.sales_boss, "sales.change_order", change, "execute").status, 202)
