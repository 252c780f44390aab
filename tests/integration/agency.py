"""An agency with all five departments: its people, and the ways of work that several tests need."""

import datetime

import caravan
from caravan import ServerCase, wait_until

PLUGINS = ("customers", "sales", "scheduling", "guides", "aftersales")
PACKS = ["china_holidays", "agency"]
PEOPLE = {
    "seller": ("李娜", "sales.salesperson"),
    "seller2": ("赵磊", "sales.salesperson"),
    "sales_boss": ("王伟", "sales.sales_manager"),
    "product": ("周敏", "sales.product_manager"),
    "money": ("吴静", "sales.finance"),
    "planner": ("郑凯", "scheduling.scheduler"),
    "planning_boss": ("冯涛", "scheduling.scheduling_manager"),
    "guide_boss": ("褚兰", "guides.guide_manager"),
    "guide": ("卫东", "guides.guide"),
    "guide2": ("蒋欣", "guides.guide"),
    "analyst": ("沈洁", "customers.data_analyst"),
    "care": ("韩梅", "customers.care_specialist"),
    "care_boss": ("杨柳", "customers.customer_relations_manager"),
    "complaint": ("朱红", "aftersales.complaint_specialist"),
    "complaint2": ("秦明", "aftersales.complaint_specialist"),
    "after_boss": ("尤佳", "aftersales.aftersales_manager"),
    "caller": ("许晴", "aftersales.followup_caller"),
    "quality": ("何苗", "aftersales.quality"),
    "director": ("吕总", "customers.general_manager"),
}


def day(offset):
    """A date so many days from today, in the agency's zone."""
    now = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8)))
    return (now.date() + datetime.timedelta(days=offset)).isoformat()


def moment(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Agency(ServerCase):
    """Each person of PEOPLE is a client of that name: `self.seller`."""

    people = tuple(PEOPLE)

    @classmethod
    def configure(cls):
        cls.server.setting("plugins", {"enabled": {name: True for name in PLUGINS}})
        cls.server.setting("packs", PACKS)

    @classmethod
    def prepare(cls):
        cls.admin = cls.server.client("admin")
        for name in cls.people:
            cls.server.add_user(name, *PEOPLE[name])

    def __getattr__(self, name):
        if name in PEOPLE:
            return self.server.client(name)
        raise AttributeError(name)

    # -- shorthands
    def user(self, name):
        page = self.ok(self.admin.get("/records/core.user" + caravan.query(limit=1, filter=f"record.username == '{name}'"))).json
        return page["items"][0]["id"]

    def now_of(self, entity, record, client=None):
        return self.ok((client or self.admin).get(f"/records/{entity}/{record['id']}")).json

    def change(self, client, entity, record, status=200, **fields):
        return self.ok(client.patch(f"/records/{entity}/{record['id']}", fields, If_Match="*"), status).json

    def post_step(self, client, entity, record, name, comment=None, **fields):
        body = {"input": fields} if fields else {}
        if comment:
            body["comment"] = comment
        return client.post(f"/records/{entity}/{record['id']}/transitions/{name}", body)

    def step(self, client, entity, record, name, comment=None, status=200, **fields):
        return self.ok(self.post_step(client, entity, record, name, comment, **fields), status).json

    def refused(self, client, entity, record, name, status, comment=None, **fields):
        answer = self.post_step(client, entity, record, name, comment, **fields)
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def all_of(self, entity, filter=None, client=None):
        return list(caravan.every(client or self.admin, entity, **({"filter": filter} if filter else {})))

    def eventually(self, entity, filter, what, count=1, seconds=20):
        """What rules make after the commit."""
        wait_until(lambda: self.count(self.admin, entity, filter=filter) >= count, seconds, what)
        return self.all_of(entity, filter)

    # -- the work that comes again and again
    def make_customer(self, name="王芳", client=None, **fields):
        return self.create(client or self.seller, "customers.customer", name=name, kind="person", **fields)

    def make_product(self, name="云南六日", days=6, **fields):
        given = {"name": name, "destination": "丽江·大理", "days": days, "price_from": "3980.00", "hotel_standard": 4, "interests": ["nature"], "min_party": 2,
                 "local_operator": "丽江地接社", **fields}
        product = self.create(self.product, "sales.product", **given)
        return self.step(self.product, "sales.product", product, "publish")

    def make_departure(self, product, offset=30, capacity=20, on_sale=True, **fields):
        given = {"product": product["id"], "depart_on": day(offset), "days": product["days"], "capacity": capacity, "min_party": 2, "language": "zh", "region": "southwest",
                 "meeting_point": "虹桥机场 T2", "depart_time": "07:30", **fields}
        departure = self.create(self.planner, "scheduling.departure", **given)
        return self.step(self.planner, "scheduling.departure", departure, "open") if on_sale else departure

    def make_order(self, customer, departure, party=2, price="3980.00", client=None, kinds=None):
        """A draft with complete travellers and their fares."""
        client = client or self.seller
        order = self.create(client, "sales.order", customer=customer["id"], departure=departure["id"], product=departure["product"], destination="丽江",
                            depart_on=departure["depart_on"], days=departure["days"], party_size=party)
        for number in range(party):
            kind = (kinds or {}).get(number, "adult")
            traveller = self.make_traveller(order, f"旅客{number + 1}", kind, client)
            self.create(client, "sales.order_line", order=order["id"], kind="fare", name="团费", traveller=traveller["id"], unit_price=price)
        return self.now_of("sales.order", order)

    def make_traveller(self, order, name, kind="adult", client=None, **fields):
        given = {"order": order["id"], "name": name, "kind": kind, "document_number": "310101199001011234", "document_seen": True, "emergency_name": "家人",
                 "emergency_phone": "13900000000", "insurance": "bought", **fields}
        if kind in ("child_bed", "child_no_bed", "infant"):
            given.update(guardian="王芳", guardian_phone="13800000000", guardian_consent=True)
        return self.create(client or self.seller, "sales.traveller", **given)

    def sign_contract(self, order, client=None):
        client = client or self.seller
        found = self.all_of("sales.contract", f"record.order == {order['id']}")
        contract = found[0] if found else self.create(client, "sales.contract", order=order["id"], customer=order["customer"], itinerary="第 1 天 丽江", min_party=2, local_operator="丽江地接社",
                                                      total=order["total"])
        self.change(client, "sales.contract", contract, fees="含食宿", schedule="出发前 7 天付清", min_party=2, local_operator="丽江地接社", total=order["total"])
        self.step(client, "sales.contract", contract, "send")
        return self.step(client, "sales.contract", contract, "sign", signed_on=day(0), signer="王芳", document="HT-1")

    def awaiting(self, order, client=None):
        """To the customer's agreement, checked and approved."""
        client = client or self.seller
        self.step(client, "sales.order", order, "verify")
        self.change(client, "sales.order", order, checked_itinerary=True, checked_price=True, checked_needs=True, checked_documents=True)
        if self.now_of("sales.order", order)["needs_approval"]:
            self.step(client, "sales.order", order, "ask_approval")
            self.step(self.sales_boss, "sales.order", order, "approve")
        else:
            self.step(client, "sales.order", order, "verified")
        return self.now_of("sales.order", order)

    def confirm_order(self, order, client=None):
        """From the draft to the confirmation, with all that the rules ask for."""
        self.sign_contract(self.awaiting(order, client), client)
        return self.step(client or self.seller, "sales.order", order, "confirm")

    def make_guide(self, name, user=None, **fields):
        guide = self.create(self.guide_boss, "guides.guide", name=name, phone="13700000000", languages=["zh", "en"], regions=["southwest"], **({"user": self.user(user)} if user else {}), **fields)
        for kind in ("guide", "leader", "passport", "visa"):
            self.create(self.guide_boss, "guides.licence", guide=guide["id"], kind=kind, valid_until=day(2000), licence_number=f"{kind}-{guide['id']}")
        return self.now_of("guides.guide", guide)

    def assign(self, guide, departure, client=None, **fields):
        return (client or self.guide_boss).post("/records/guides.assignment", {
            "departure": departure["id"], "guide": guide["id"], "role": "national", "from": departure["depart_on"], "to": departure["return_on"],
            "language": "zh", "region": "southwest", **fields})
