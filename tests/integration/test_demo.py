"""`caravan demo`: an agency at work, the same by the same seed."""

import caravan
from agency import Agency, PACKS, PLUGINS

# Orders of the demo go beyond this: some wait for an approval, and it does not stop at them.
APPROVALS = "kind: settings\nname: sales\nsettings: {approval_amount: {value: 15000}}\n"
SMALL = ("--customers", "30", "--products", "20", "--departures", "20", "--guides", "6", "--orders", "24", "--inquiries", "7", "--trips", "36", "--seed", "5")


class Demo(Agency):
    people = ()

    @classmethod
    def configure(cls):
        super().configure()
        (cls.server.config / "approvals.yaml").write_text(APPROVALS)

    def fill(self, server):
        done = server.cli("demo", *SMALL, "--config", server.config)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_work_in_every_state_and_the_same_by_the_same_seed(self):
        self.fill(self.server)
        wanted = {
            "sales.inquiry": {"new", "contacted", "qualified", "proposed", "won", "answered", "lost"},
            "sales.order": {"draft", "verifying", "awaiting_approval", "awaiting_customer", "confirmed", "travelling", "finished", "cancelled"},
            "scheduling.departure": {"planned", "on_sale", "sales_closed", "operating", "completed", "settled", "merged", "cancelled"},
            "aftersales.followup": {"done"},
        }
        for entity, states in wanted.items():
            found = {item["group"]["state"] for item in self.ok(self.admin.get(f"/records/{entity}/aggregate?group=state")).json["items"]}
            self.assertLessEqual(states, found, entity)
        # What was taken over has its history begin with the import, and set nothing off: nobody is called again.
        old = self.all_of("sales.order", 'record.external_source == "former_system" && record.state == "finished"')
        calls = self.all_of("aftersales.followup")
        self.assertEqual(len(calls), len(old))
        self.every_page_shows_something()
        again = self.server.cli("demo", *SMALL, "--config", self.server.config)
        self.assertEqual((again.returncode, "filled before" in again.stderr), (1, True), again.stdout + again.stderr)
        if self.database != "sqlite":
            return  # what the program makes does not hang on the database
        other = caravan.Server(self.database, "demo-again")
        self.addCleanup(other.remove)
        other.setting("plugins", {"enabled": {name: True for name in PLUGINS}})
        other.setting("packs", PACKS)
        (other.config / "approvals.yaml").write_text(APPROVALS)
        other.start()
        self.fill(other)

        def seen(client):
            return [(one["name"], one["phone"], one["city"]) for one in caravan.every(client, "customers.customer", sort="number")], \
                   [(one["number"], one["depart_on"], one["state"], one["sold"]) for one in caravan.every(client, "scheduling.departure", sort="number")]
        self.assertEqual(seen(other.client("admin")), seen(self.admin))

    def every_page_shows_something(self):
        """Each list, board, calendar, chart and report of the departments, as the administrator or as whom it is for."""
        model = self.ok(self.admin.get("/model")).json
        empty = []
        for entity, known in model["entities"].items():
            if known["module"] == "core":
                continue
            for view in known["views"]:
                if "user.id" not in (view["filter"] or "") and self.count(self.admin, entity, view=view["name"]) == 0:
                    empty.append(view["name"])
        for page in model["pages"].values():
            for block in page["blocks"]:
                if block["type"] == "chart":
                    words = {word: block[word] for word in ("group", "measure", "filter") if block[word]}
                    items = self.ok(self.admin.get(f"/records/{block['entity']}/aggregate" + caravan.query(**{"measure": "count", **words}))).json["items"]
                    if not any(item.get("count", 1) for item in items):
                        empty.append(f"{page['name']} {block['name']}")
        for report in self.ok(self.admin.get("/reports")).json["items"]:
            if not self.ok(self.admin.get(f"/reports/{report['name']}")).json["rows"]:
                empty.append(report["name"])
        self.assertEqual(empty, [])

    def test_a_server_must_run(self):
        done = self.server.cli("demo", "--config", self.server.config, "--data", str(self.server.home / "nowhere"), store=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no server runs", done.stderr)
