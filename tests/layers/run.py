#!/usr/bin/env python3
"""Checks of the tree itself: layers, scripts, formats of committed files. usage: run.py [--junit FILE]"""

import argparse
import contextlib
import io
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import junit
import tally


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


class Layers(unittest.TestCase):
    def test_the_tree_keeps_its_layers(self):
        done = run(ROOT / "scripts" / "check_layers")
        self.assertEqual(done.returncode, 0, "\n" + done.stdout + done.stderr)


class SetUp(unittest.TestCase):
    def test_what_is_missing_is_found_also_where_errors_end_the_script(self):
        done = run("bash", "-euo", "pipefail", "-c",
                   f". {ROOT}/scripts/lib.sh; mapfile -t missing < <(missing_packages bash no-such-package-a no-such-package-b); echo ${{missing[*]}}")
        self.assertEqual(done.stdout, "no-such-package-a no-such-package-b\n", done.stderr)


class CheckLayers(unittest.TestCase):
    """The check finds what it is made to find, and nothing else."""

    def check(self, **files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder) / name.replace("__", "/").replace("_dot_", ".")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return run(ROOT / "scripts" / "check_layers", folder)

    def refused(self, where, **files):
        done = self.check(**files)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(where, done.stdout)

    def test_a_clean_tree_passes(self):
        done = self.check(core__records__a_dot_cpp='#include "records/a.h"\n#include "storage/b.h"\n#include <vector>\n',
                          plugins__x__x_dot_cpp="#include <caravan/plugin.hpp>\n")
        self.assertEqual((done.returncode, done.stdout), (0, "layers: in order\n"))

    def test_an_include_towards_a_later_layer(self):
        self.refused("core/model/a.cpp:2: core/model includes storage/b.h",
                     core__model__a_dot_cpp='#include "model/a.h"\n#include "storage/b.h"\n')

    def test_a_library_outside_its_folder(self):
        for header in ("<soci/soci.h>", "<mysql/mysql.h>", "<cppconn/driver.h>", "<sqlite3.h>", "<Poco/Net/HTTPServer.h>",
                       "<yaml-cpp/yaml.h>", "<boost/dll.hpp>", "<gelf.h>", "<CLI/CLI.hpp>"):
            with self.subTest(header):
                self.refused("core/workflow/a.cpp:1", core__workflow__a_dot_cpp=f"#include {header}\n")

    def test_a_heavy_header_in_a_header(self):
        self.refused("core/storage/a.h:1", core__storage__a_dot_h="#include <soci/soci.h>\n")

    def test_a_plugin_that_reaches_into_the_core(self):
        self.refused("plugins/x/x.cpp:1", plugins__x__x_dot_cpp='#include "records/service.h"\n')

    def test_a_department_named_in_the_core(self):
        for text in ('// an inquiry\n', 'int customer_id;\n', 'auto t = "complaints";\n', '// 客户\n'):
            with self.subTest(text):
                self.refused("core/api/a.cpp:1: core names a department", core__api__a_dot_cpp=text)

    def test_a_folder_without_a_place(self):
        self.refused("core/misc", core__misc__a_dot_cpp="")


class Scripts(unittest.TestCase):
    def test_help_and_unknown_options(self):
        for script in ("run", "test"):
            with self.subTest(script):
                helped = run(ROOT / "scripts" / script, "--help")
                self.assertEqual(helped.returncode, 0, helped.stderr)
                self.assertIn(f"usage: scripts/{script}", helped.stdout)
                refused = run(ROOT / "scripts" / script, "--no-such-option")
                self.assertEqual(refused.returncode, 2)
                self.assertIn("--no-such-option", refused.stderr)

    def test_run_refuses_values_that_make_no_sense(self):
        for arguments in (["--port", "http"], ["--port", "70000"], ["--port"], ["--database", "postgres://x/y"]):
            with self.subTest(arguments):
                done = run(ROOT / "scripts" / "run", *arguments)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(arguments[0], done.stderr)

    def test_every_script_is_executable_and_parses(self):
        for path in [*(ROOT / "scripts").iterdir(), ROOT / ".ci" / "run"]:
            if not path.is_file():
                continue
            first = path.read_bytes().split(b"\n", 1)[0]
            with self.subTest(path.name):
                if b"python3" in first:
                    compile(path.read_text(), str(path), "exec")
                else:
                    done = run("node", "--check", path) if b"node" in first else run("bash", "-n", path)
                    self.assertEqual(done.returncode, 0, done.stderr)
                if first.startswith(b"#!"):
                    self.assertTrue(path.stat().st_mode & 0o100, f"{path} is not executable")


class Tally(unittest.TestCase):
    def counted(self, text, exit_code=0):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "results.xml"
            if text is not None:
                file.write_text(text)
            with contextlib.redirect_stderr(io.StringIO()):
                return tally.tally("part", [file], exit_code)

    def test_counts(self):
        cases = ('<testcase name="a" status="run"/><testcase name="b"><failure message="no"/></testcase>'
                 '<testcase name="c"><skipped message="why"/></testcase><testcase name="d" status="disabled"/>')
        self.assertEqual(self.counted(f"<testsuites><testsuite>{cases}</testsuite></testsuites>"), (1, 1, 2))

    def test_nothing_is_never_success(self):
        self.assertEqual(self.counted(None), (0, 1, 0))
        self.assertEqual(self.counted("<testsuite/>"), (0, 1, 0))
        self.assertEqual(self.counted("<testsuite"), (0, 1, 0))

    def test_a_crash_after_the_last_test_is_a_failure(self):
        self.assertEqual(self.counted('<testsuite><testcase name="a"/></testsuite>', exit_code=139), (1, 1, 0))


class Tree(unittest.TestCase):
    def tracked(self):
        done = run("git", "-C", ROOT, "ls-files", "-z")
        if done.returncode != 0:
            self.skipTest("not a git clone")
        return [ROOT / name for name in done.stdout.split("\0") if name]

    def test_no_large_files(self):
        large = [str(path.relative_to(ROOT)) for path in self.tracked() if path.is_file() and path.stat().st_size > 1_000_000]
        self.assertEqual(large, [])

    def test_text_ends_with_one_line_end_and_has_no_carriage_return(self):
        wrong = []
        for path in self.tracked():
            if path.suffix in {".cpp", ".h", ".hpp", ".c", ".py", ".yaml", ".md", ".ts", ".tsx", ".txt", ".cmake"} and path.is_file():
                data = path.read_bytes()
                if data and (not data.endswith(b"\n") or b"\r\n" in data):
                    wrong.append(str(path.relative_to(ROOT)))
        self.assertEqual(wrong, [])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--junit", type=pathlib.Path)
    options = parser.parse_args()
    return junit.run(unittest.TestLoader().loadTestsFromModule(sys.modules[__name__]), options.junit)


if __name__ == "__main__":
    sys.exit(main())
