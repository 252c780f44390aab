"""caravan dedupe: rows of the same thing in files, measured against the truth."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import caravan

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "config" / "examples" / "febrl.yaml"
RULES = """\
kind: matching
name: test.people
compare:
  name:  {as: name, agree: 8, disagree: -5}
  phone: {as: phone, agree: 10, disagree: -4}
keys:
  phone: {on: "last(phone, 8)"}
  name: {on: name}
threshold: 9
"""


class Dedupe(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.home = pathlib.Path(self.folder.name)
        (self.home / "rules.yaml").write_text(RULES)

    def run_it(self, *arguments, code=0):
        done = subprocess.run([caravan.Setup.build / "caravan", "dedupe", *map(str, arguments)], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def write(self, name, text):
        (self.home / name).write_text(text)
        return self.home / name

    def test_pairs_of_one_list_with_its_truth(self):
        people = self.write("a.csv", "id,name,phone\n1,张伟,13800138000\n2, Zhang Wei , +86 138-0013-8000\n3,李娜,13911112222\n4,\"Li, Na\",139 1111 2222\n5,王芳,\n")
        truth = self.write("truth.csv", "a,b\n2,1\n3,4\n5,1\n")
        out = self.run_it("--rules", self.home / "rules.yaml", "--truth", truth, people)
        self.assertEqual({tuple(line.split(",")[:2]) for line in out.splitlines()[1:3]}, {("1", "2"), ("3", "4")})
        self.assertIn("precision 1.0000, recall 0.6667, F1 0.8000", out)
        self.assertRegex(out.splitlines()[-1], r"^time \d+\.\d\d s, memory \d+ MB$")

    def test_a_file_as_a_spreadsheet_saves_it(self):
        people = self.home / "a.csv"
        people.write_bytes("id;name;phone\r\n1;张伟;13800138000\r\n2;张伟;+86 138 0013 8000\r\n3;李娜;13911112222\r\n".encode("gb18030"))
        out = self.run_it("--rules", self.home / "rules.yaml", people)
        self.assertEqual(out.splitlines()[1].split(",")[:2], ["1", "2"])
        self.assertIn("rows 3,", out)

    def test_pairs_between_two_lists(self):
        first = self.write("a.csv", "id,name,phone\n1,张伟,13800138000\n2,张伟,13800138000\n")
        second = self.write("b.csv", "id,phone,name\n1,13800138000,Zhang Wei\n")
        out = self.run_it("--rules", self.home / "rules.yaml", first, second)
        self.assertEqual(sorted(line.rsplit(",", 1)[0] for line in out.splitlines()[1:3]), ["1,1", "2,1"])

    def test_mistakes_are_told(self):
        people = self.write("a.csv", "id,name\n1,x\n")
        self.assertIn("no column phone", self.run_it("--rules", self.home / "rules.yaml", people, code=1))
        bad = self.write("bad.yaml", RULES.replace("as: phone", "as: telephone"))
        self.assertRegex(self.run_it("--rules", bad, people, code=1), r"bad\.yaml:5:\d+: error: .*telephone")
        uneven = self.write("u.csv", "id,name,phone\n1,x\n")
        self.assertIn("u.csv: row 1 ", self.run_it("--rules", self.home / "rules.yaml", uneven, code=1))
        self.assertIn("names a row that is in no file", self.run_it("--rules", self.home / "rules.yaml", "--truth", self.write("t.csv", "a,b\n1,9\n"),
                                                                    self.write("p.csv", "id,name,phone\n1,x,\n"), code=1))

    @unittest.skipUnless(os.environ.get("CARAVAN_TEST_DATA"), "CARAVAN_TEST_DATA does not name the folder with the data sets")
    def test_febrl(self):
        data = pathlib.Path(os.environ["CARAVAN_TEST_DATA"]) / "febrl"
        for truth, files, least in (("dataset4", ("dataset4a", "dataset4b"), 0.99), ("dataset3", ("dataset3",), 0.97), ("dataset1", ("dataset1",), 0.99)):
            with self.subTest(truth):
                out = self.run_it("--quiet", "--rules", EXAMPLE, "--truth", data / f"{truth}_true_links.csv", *(data / f"{name}.csv" for name in files))
                self.assertGreaterEqual(float(re.search(r"F1 ([\d.]+)", out).group(1)), least)
                print(f"\n  {truth}: {out.splitlines()[-2]}; {out.splitlines()[-1]}", end="", flush=True)

    @unittest.skipUnless(os.environ.get("CARAVAN_TEST_DATA"), "CARAVAN_TEST_DATA does not name the folder with the data sets")
    def test_the_names_of_rows_are_not_looked_at(self):
        data = pathlib.Path(os.environ["CARAVAN_TEST_DATA"]) / "febrl" / "dataset1.csv"
        lines = data.read_text().splitlines()
        other = self.write("other.csv", "\n".join([lines[0]] + [f"r{i}," + line.split(",", 1)[1] for i, line in enumerate(lines[1:])]) + "\n")
        named = {line.split(",")[0]: f"r{i}" for i, line in enumerate(lines[1:])}
        pairs = [tuple(line.split(",")) for line in self.run_it("--rules", EXAMPLE, data).splitlines() if line.count(",") == 2 and line.startswith("rec-")]
        others = [tuple(line.split(",")) for line in self.run_it("--rules", EXAMPLE, other).splitlines() if re.match(r"r\d", line)]
        self.assertEqual([(named[a], named[b], score) for a, b, score in pairs], others)


if __name__ == "__main__":
    unittest.main()
