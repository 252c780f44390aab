"""The tutorials, followed word by word: their files written, their commands run in order, what they say printed found."""

import re
import shutil
import subprocess

from caravan import ROOT, ServerCase, die_with_parent

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


class Tutorial(ServerCase):
    databases = ("sqlite",)  # its commands name no database

    @classmethod
    def configure(cls):
        """The server runs where the tutorial says: in a folder with config/ and build/release/."""
        server = cls.server
        cls.root = server.home
        release = cls.root / "build" / "release"
        release.mkdir(parents=True)
        shutil.copy(server.binary, release / "caravan")
        shutil.copytree(server.binary.parent / "plugins", release / "plugins", ignore=lambda _, names: [n for n in names if not n.endswith(".so")])
        server.binary = release / "caravan"

    def follow(self, name):
        text = (ROOT / "docs" / name).read_text()
        printed, wanted = "", 0
        for kind, block in BLOCK.findall(text):
            if kind == "yaml":
                file = re.match(r"# (config/\S+)\n", block).group(1)
                (self.root / file).write_text(block)
            elif kind == "sh":
                done = subprocess.run(["bash", "-c", block], cwd=self.root, capture_output=True, text=True, timeout=120,
                                      env=self.server.environment, preexec_fn=die_with_parent)
                printed = done.stdout + done.stderr
            elif kind == "text":
                for line in block.splitlines():
                    self.assertIn(line, printed)
                    wanted += 1
        self.assertGreater(wanted, 5)

    def check_the_new_step(self):
        admin = self.server.client("admin")
        customer = self.create(admin, "customers.customer", kind="person", name="王芳")
        inquiry = self.create(admin, "sales.inquiry", customer=customer["id"], channel="phone", x_style="private", party_size=2)
        path = f"/records/sales.inquiry/{inquiry['id']}/transitions"
        self.ok(admin.post(f"{path}/contact", {}))
        self.problem(admin.post(f"{path}/hold", {}), 422, "invalid_record")
        self.assertEqual(self.ok(admin.post(f"{path}/hold", {"comment": "客户出差"})).json["state"], "on_hold")
        self.assertEqual(self.ok(admin.post(f"{path}/resume", {})).json["state"], "contacted")

    def test_in_english_and_in_chinese(self):
        for name in ("tutorial-workflow.md", "tutorial-workflow.zh-CN.md"):
            with self.subTest(name):
                self.follow(name)
                self.check_the_new_step()
                # As it was before, for the next language.
                (self.root / "config" / "my_inquiry.yaml").unlink()
                self.ok(self.server.client("admin").post("/admin/reload", {}))

    def test_both_say_the_same(self):
        blocks = [BLOCK.findall((ROOT / "docs" / name).read_text()) for name in ("tutorial-workflow.md", "tutorial-workflow.zh-CN.md")]
        self.assertEqual(*blocks)
