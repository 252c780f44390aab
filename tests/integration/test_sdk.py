"""The SDK as a partner has it: installed, apart from the source; plugins built, tested, signed and switched on with it."""

import json
import pathlib
import re
import shutil
import subprocess
import unittest

from caravan import ROOT, Server, ServerCase, multipart, query, wait_until


def run(command, folder, code=0):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=900, cwd=folder)
    if done.returncode != code:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def install_sdk(home):
    run(["cmake", "-S", ROOT / "sdk", "-B", home / "sdk-build"], home)
    run(["cmake", "--install", home / "sdk-build", "--prefix", home / "sdk"], home)
    shutil.rmtree(home / "sdk-build")
    return home / "sdk"


def build(folder, sdk, *flags):
    """Builds a plugin's folder and runs its tests; without a warning."""
    run(["cmake", "-B", "build", f"-DCMAKE_PREFIX_PATH={sdk}", "-DCMAKE_C_FLAGS=-Wall -Wextra -Wpedantic -Werror",
         "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Werror", *flags], folder)
    run(["cmake", "--build", "build"], folder)
    run(["ctest", "--test-dir", "build", "--output-on-failure", "--no-tests=error"], folder)
    return next((folder / "build" / "plugins").glob("*.so"))


class Sdk(ServerCase):
    @classmethod
    def configure(cls):
        cls.home = cls.server.home / "partner"
        cls.home.mkdir()
        cls.sdk = install_sdk(cls.home)
        made = cls.server.cli("plugin", "keygen", cls.home / "partner", store=False)
        if made.returncode != 0:
            raise AssertionError(made.stdout + made.stderr)
        cls.public = re.search(r"partner: (\S+)", made.stdout.splitlines()[-1]).group(1)
        cls.server.setting("plugins", {"enabled": {"customers": True, "sales": True}, "trusted_keys": {"partner": cls.public}, "require_signature": False})

    def setUp(self):
        self.admin = self.server.client("admin", fresh=True)

    def cli(self, *words, code=0):
        done = self.server.cli(*words, "--config", self.server.config, store=words[1] not in ("new", "verify", "keygen", "sign", "pack"))
        self.assertEqual(done.returncode, code, f"{words}: {done.stdout}{done.stderr}")
        return done.stdout

    def new(self, name, *flags):
        done = self.server.cli("plugin", "new", name, "--directory", self.home, *flags, store=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.home / name

    def sign(self, path):
        done = self.server.cli("plugin", "sign", path, "--key", self.home / "partner.key", store=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def switch_on(self, path, name, trust):
        self.assertIn(f" ({trust}). Switch it on: caravan plugin enable {name}\n", self.cli("plugin", "install", path))
        self.cli("plugin", "enable", name)
        self.admin = self.server.client("admin", fresh=True)

    def try_notes(self, name):
        note = self.create(self.admin, f"{name}.note", title="First", body="three small words")
        self.assertEqual(note["words"], 3)
        answer = self.admin.post(f"/records/{name}.note", {"title": "Second", "body": "not ?!? yet"})
        self.assertEqual((answer.status, answer.json["errors"][0]["field"]), (422, "body"))
        self.assertEqual(self.ok(self.admin.get(f"/plugins/{name}/count")).json, {"notes": 1, "words": 3})

    def test_a_new_plugin_builds_is_verified_signed_and_switched_on(self):
        folder = self.new("my_notes")
        file = build(folder, self.sdk)
        said = self.cli("plugin", "verify", file)
        self.assertNotIn("MISTAKE", said)
        self.assertIn("signature: not signed", said)
        self.sign(file)
        self.assertIn("signature: signed by partner", self.cli("plugin", "verify", file))
        self.switch_on(file, "my_notes", "trusted")
        self.try_notes("my_notes")
        shown = self.ok(self.admin.get("/admin/plugins/my_notes")).json
        self.assertEqual(shown["state"], "enabled")
        spec = self.ok(self.admin.get("/openapi.json")).json
        self.assertIn("/plugins/my_notes/count", json.dumps(list(spec["paths"])))

    def test_a_new_plugin_in_c_does_the_same(self):
        file = build(self.new("plain_notes", "--c"), self.sdk)
        self.assertNotIn("MISTAKE", self.cli("plugin", "verify", file))
        self.switch_on(file, "plain_notes", "not signed")
        self.try_notes("plain_notes")

    def test_the_example_in_cpp(self):
        folder = self.home / "insurance"
        shutil.copytree(self.sdk / "share" / "caravan-sdk" / "examples" / "insurance", folder)
        file = build(folder, self.sdk)
        self.assertNotIn("MISTAKE", self.cli("plugin", "verify", file))
        self.switch_on(file, "insurance", "not signed")
        quote = self.create(self.admin, "insurance.quote", traveller="王芳", zone="asia", days=7, people=2, wish="My suitcase was lost once")
        self.assertEqual(quote["premium"]["amount"] if isinstance(quote["premium"], dict) else quote["premium"], "42.00")
        # The function's answer was put where the definition says.
        self.assertEqual((quote["topic"], quote["confidence"]), ("luggage", "0.80"))
        refused = self.admin.patch(f"/records/insurance.quote/{quote['id']}", {"premium": "1.00"}, If_Match="*")
        self.assertEqual(refused.status, 422)
        answer = self.ok(self.admin.get("/plugins/insurance/premium" + query(zone="home", days=3, people=1)))
        self.assertEqual(answer.json, {"premium": "4.50", "currency": "CNY"})
        # The timer waits in the queue; run by hand it lets the quote expire.
        jobs = [job for job in self.ok(self.admin.get("/admin/jobs" + query(kind="plugins.job"))).json["items"]]
        self.assertEqual([job["state"] for job in jobs], ["waiting"])
        self.ok(self.admin.post(f"/admin/jobs/{jobs[0]['id']}/replay"), 204)
        wait_until(lambda: self.ok(self.admin.get(f"/records/insurance.quote/{quote['id']}")).json["state"] == "expired", 20, "the quote expires")
        # Copies: all or none, then the event that the automation hears of.
        self.server.add_user(f"agent_{self.database}", "Agent", "insurance.agent")
        agent = self.server.client(f"agent_{self.database}", fresh=True)
        other = self.create(agent, "insurance.quote", traveller="李雷", zone="home", days=2, people=1)
        self.assertEqual(agent.post(f"/plugins/insurance/quotes/{other['id']}/copies" + query(count=3)).status, 204)
        self.assertEqual(self.count(agent, "insurance.quote"), 5)
        timeline = self.ok(agent.get(f"/records/insurance.quote/{other['id']}/timeline")).json["items"]
        self.assertEqual(timeline[0]["action"], "event:priced")

        def told():
            return [one for one in self.ok(agent.get("/records/core.notice")).json["items"] if other["number"] in one["text"]]
        wait_until(told, 20, "the automation hears of the event")
        # A message by the plugin's channel, and one that it refuses.
        for phone, state in (("+8613800138000", "sent"), ("110", "failed")):
            quote = self.create(agent, "insurance.quote", traveller="韩梅梅", zone="home", days=2, people=1, phone=phone)
            self.ok(self.admin.post(f"/records/insurance.quote/{quote['id']}/transitions/take", {}, If_Match="*"))

            def messages():
                return [one for one in self.ok(self.admin.get("/records/core.message" + query(sort="-id"))).json["items"] if one["recipient"] == phone]
            wait_until(lambda: messages() and messages()[0]["state"] == state, 30, f"the message is {state}")
        self.assertIn("begins with +", messages()[0]["error"])
        self.assertTrue(any("to +8613800138000: 韩梅梅" in line for line in self.server.output))
        # An import whose zones the plugin translates, and a report that it measures.
        body, kind = multipart(file=("quotes.csv", "No,Name,Cover,Days\n1,赵六,Worldwide,3\n2,钱七,the moon,3\n3,孙八,全球,5\n"))
        imported = self.ok(self.admin.request("POST", "/import/insurance.quote?map=other_insurer", body, {"Content-Type": kind})).json
        self.assertEqual((imported["created"], imported["failed"]), (2, 1))
        self.assertIn("未知区域", imported["errors"][0]["message"])
        report = self.ok(agent.get("/reports/insurance.premiums")).json
        spread = {row["group"]["zone"]: row["measures"]["spread"]["value"] for row in report["rows"]}
        self.assertEqual(spread["world"], [{"currency": "CNY", "amount": "12.00"}])
        # The schedule calls the plugin's action for each open quote.
        (self.server.config / "rate.yaml").write_text("kind: settings\nname: insurance\nsettings:\n  rate: {default: 3}\n")
        self.ok(self.admin.post("/admin/reload"))
        self.ok(self.admin.post("/admin/schedules/insurance.reprice/run"), 202)
        wait_until(lambda: self.ok(self.admin.get(f"/records/insurance.quote/{other['id']}")).json["premium"] in ("6.00", {"amount": "6.00", "currency": "CNY"}), 30, "it is priced anew")
        model = self.ok(agent.get("/model")).json
        self.assertIn("desk", json.dumps(model.get("pages", [])))
        self.assertEqual([one["name"] for one in model["entities"]["insurance.quote"]["events"]], ["priced"])

    def test_the_example_in_c(self):
        folder = self.home / "postcode"
        shutil.copytree(self.sdk / "share" / "caravan-sdk" / "examples" / "postcode", folder)
        file = build(folder, self.sdk)
        self.assertNotIn("MISTAKE", self.cli("plugin", "verify", file))
        self.switch_on(file, "postcode", "not signed")
        address = self.create(self.admin, "postcode.address", street="Chang'an Avenue 1", code="100001")
        self.assertEqual(address["province"], "Beijing")
        self.assertEqual(self.admin.post("/records/postcode.address", {"street": "x", "code": "12"}).json["errors"][0]["code"], "invalid_postcode")

    def test_a_pack_is_made_verified_and_switched_on(self):
        folder = self.home / "wrapping"
        (folder / "definitions").mkdir(parents=True)
        (folder / "pack.yaml").write_text('kind: pack\nname: wrapping\nversion: 1.0.0\nlabel: {en: Wrapping}\nedition: 2026\nrequires: {customers: ">=0.1"}\n')
        definition = folder / "definitions" / "customer.yaml"
        definition.write_text("kind: entity\nname: customers.customer\nfields:\n  x_paper: {type: text, max: 40, labl: {en: Paper}}\n")
        said = self.cli("plugin", "pack", folder, "--output", self.home, code=1)
        self.assertIn("labl", said)
        self.assertIn("wrapping-1.0.0.pack.yaml:12:", said)
        self.assertFalse((self.home / "wrapping-1.0.0.pack.yaml").exists())
        definition.write_text(definition.read_text().replace("labl", "label"))
        made = pathlib.Path(self.cli("plugin", "pack", folder, "--output", self.home).splitlines()[-1])
        self.assertEqual(made.name, "wrapping-1.0.0.pack.yaml")
        self.sign(made)
        said = self.cli("plugin", "verify", made)
        self.assertIn("signed by partner", said)
        self.switch_on(made, "wrapping", "trusted")
        self.assertIn("x_paper", self.create(self.admin, "customers.customer", kind="person", name="纸", x_paper="red"))

    def test_a_file_that_was_changed_is_not_taken(self):
        source = self.home / "changed-1.0.0.pack.yaml"
        source.write_text("kind: pack\nname: changed\nversion: 1.0.0\nlabel: {en: Changed}\n")
        self.sign(source)
        source.write_text(source.read_text().replace("Changed", "Chinged"))
        self.assertIn("MISTAKE  signature: it is signed, but changed since", self.cli("plugin", "verify", source, code=1))
        self.assertEqual(self.server.cli("plugin", "install", source, "--config", self.server.config).returncode, 1)

    def test_verify_tells_mistakes_without_running_anything(self):
        folder = self.new("faulty")
        (folder / "plugin.yaml").write_text((folder / "plugin.yaml").read_text() + 'requires: {nowhere: ">=1"}\n')
        file = build(folder, self.sdk)
        self.assertIn("MISTAKE  dependencies: it needs the plugin nowhere >=1", self.cli("plugin", "verify", file, code=1))
        self.assertIn("MISTAKE  file: it is not an ELF file", self.cli("plugin", "verify", self.copy_of(folder / "README.md", "text.so"), code=1))
        self.assertEqual(self.server.cli("plugin", "new", "faulty", "--directory", self.home, store=False).returncode, 1)
        self.assertEqual(self.server.cli("plugin", "new", "Faulty!", "--directory", self.home, store=False).returncode, 2)

    def copy_of(self, path, name):
        to = self.home / name
        shutil.copy(path, to)
        return to


class Compilers(unittest.TestCase):
    """The installed headers and CMake functions with the other compiler."""

    def test_clang(self):
        server = Server("sqlite", "sdk-compilers")
        self.addCleanup(server.remove)
        home = server.home
        sdk = install_sdk(home)
        self.assertEqual(server.cli("plugin", "new", "by_clang", "--directory", home, store=False).returncode, 0)
        file = build(home / "by_clang", sdk, "-DCMAKE_C_COMPILER=clang", "-DCMAKE_CXX_COMPILER=clang++")
        done = server.cli("plugin", "verify", file, "--config", server.config, store=False)
        self.assertEqual(done.returncode, 0, done.stdout)
