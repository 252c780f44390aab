#!/usr/bin/env python3
"""Runs the integration tests, each class that wants a server on SQLite and on MariaDB, and writes a JUnit file.

usage: run.py [--build DIR] [--release DIR] [--logs DIR] [--junit FILE] [--full] [--database sqlite|mariadb] [NAME...]
NAME picks tests whose module, class or method contains it. MariaDB is that of CARAVAN_TEST_MYSQL_URL; without it
its half is skipped.
"""

import argparse
import importlib
import inspect
import pathlib
import resource
import sys
import unittest

import caravan

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import junit


def classes_of(module):
    for name, value in inspect.getmembers(module, inspect.isclass):
        if issubclass(value, unittest.TestCase) and value.__module__ == module.__name__ and not name.startswith("_"):
            yield value


def on(kind, case):
    """The same tests with another database."""
    derived = type(f"{case.__name__}[{kind}]", (case,), {"database": kind, "__module__": case.__module__})
    if kind == "mariadb" and not caravan.Setup.mysql_url:
        derived = unittest.skip("CARAVAN_TEST_MYSQL_URL is not set: no MariaDB to test on")(derived)
    return derived


def collect(names, databases):
    loader = unittest.TestLoader()
    suite = unittest.TestSuite()
    here = pathlib.Path(__file__).resolve().parent
    files = sorted(here.glob("test_*.py")) + (sorted(here.glob("long_*.py")) if caravan.Setup.full else [])
    for path in files:
        module = importlib.import_module(path.stem)
        for case in classes_of(module):
            variants = [case]
            if issubclass(case, caravan.ServerCase):
                variants = [on(kind, case) for kind in getattr(case, "databases", ("sqlite", "mariadb")) if kind in databases]
            for variant in variants:
                for test in loader.loadTestsFromTestCase(variant):
                    if not names or any(name in test.id() for name in names):
                        suite.addTest(test)
    return suite


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=caravan.Setup.build)
    parser.add_argument("--release", type=pathlib.Path, default=caravan.Setup.release)
    parser.add_argument("--logs", type=pathlib.Path, default=caravan.Setup.logs)
    parser.add_argument("--junit", type=pathlib.Path)
    parser.add_argument("--full", action="store_true", help="the long form of tests that have one, and the files long_*.py")
    parser.add_argument("--database", choices=["sqlite", "mariadb"], action="append")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    caravan.Setup.build = options.build.resolve()
    caravan.Setup.release = options.release.resolve()
    caravan.Setup.logs = options.logs.resolve()
    caravan.Setup.full = options.full
    # Thousands of connections are part of the tests.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    suite = collect(options.names, options.database or ["sqlite", "mariadb"])
    return junit.run(suite, options.junit)


if __name__ == "__main__":
    sys.exit(main())
