#!/usr/bin/env python3
"""Runs tests/e2e/run.mjs in headless Chromium against a server on SQLite and one on MariaDB, each with the demo agency.

usage: e2e.py [--build DIR] [--logs DIR] [--junit FILE] [--database sqlite|mariadb]
Needs the console built (core/console/dist) and its modules; MariaDB is that of CARAVAN_TEST_MYSQL_URL.
"""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import caravan

EXAMPLES = caravan.ROOT / "config" / "examples" / "demo-agency"


def run_on(kind, logs):
    """The test cases on one database, what was printed, and whether all is well."""
    server = caravan.Server(kind, "e2e")
    results = logs / f"{kind}.xml"
    results.unlink(missing_ok=True)
    output = logs / kind
    output.mkdir(parents=True, exist_ok=True)
    try:
        server.setting("plugins", {})  # every department, as `scripts/run` has them
        server.start()
        for entity, name in (("customers.customer", "customers"), ("sales.inquiry", "inquiries")):
            done = server.cli("import", entity, EXAMPLES / f"{name}.csv", "--map", EXAMPLES / f"{name}.map.yaml")
            if done.returncode != 0:
                raise RuntimeError(f"import of the demo agency: {done.stdout}{done.stderr}")
        done = subprocess.run(
            ["node", str(caravan.ROOT / "tests" / "e2e" / "run.mjs")], timeout=1200, preexec_fn=caravan.die_with_parent,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            env={**os.environ, "BASE_URL": f"http://127.0.0.1:{server.port}", "ADMIN_PASSWORD": caravan.ADMIN_PASSWORD,
                 "OUTPUT_DIR": str(output), "JUNIT_FILE": str(results)})
        cases = list(ElementTree.parse(results).getroot().iter("testcase"))
    except (OSError, RuntimeError, subprocess.TimeoutExpired, ElementTree.ParseError) as error:
        case = ElementTree.Element("testcase", classname=f"e2e[{kind}]", name="the run as a whole")
        ElementTree.SubElement(case, "failure", message=str(error).splitlines()[0])
        return [case], f"{getattr(error, 'output', None) or ''}{error}\n", False
    finally:
        server.remove()
    for case in cases:
        case.set("classname", f"e2e[{kind}]")
    return cases, done.stdout, done.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=caravan.Setup.release)
    parser.add_argument("--logs", type=pathlib.Path, default=caravan.ROOT / "build" / "test-logs" / "e2e")
    parser.add_argument("--junit", type=pathlib.Path)
    parser.add_argument("--database", choices=["sqlite", "mariadb"], action="append")
    options = parser.parse_args()
    caravan.Setup.build = options.build.resolve()
    caravan.Setup.logs = options.logs.resolve()
    options.logs.mkdir(parents=True, exist_ok=True)
    suite = ElementTree.Element("testsuite", name="e2e")
    good = True
    kinds = options.database or ["sqlite", "mariadb"]
    # Both at once: most of the time each waits for its browser.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = {kind: pool.submit(run_on, kind, options.logs.resolve()) for kind in kinds if kind == "sqlite" or caravan.Setup.mysql_url}
        for kind in kinds:
            print(f"== {kind}", flush=True)
            if kind not in runs:
                case = ElementTree.SubElement(suite, "testcase", classname="e2e[mariadb]", name="all")
                ElementTree.SubElement(case, "skipped", message="CARAVAN_TEST_MYSQL_URL is not set: no MariaDB to test on")
                continue
            cases, printed, well = runs[kind].result()
            print(printed, end="", flush=True)
            suite.extend(cases)
            good = good and well
    if options.junit:
        ElementTree.ElementTree(suite).write(options.junit, encoding="utf-8", xml_declaration=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
