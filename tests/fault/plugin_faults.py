#!/usr/bin/env python3
"""What a faulty plugin does to everybody else: injects each fault under load and prints a table (markdown).

usage: plugin_faults.py [--build DIR] [--database sqlite|mariadb] [--connections N] [--runs N] [--junit FILE] [FAULT...]

Load: connections of users of another department, each creating records as fast as it is answered, and one that opens a new connection
for each request. Figures of each fault, the worst of its runs:
  healthy    seconds from the process's death, or the beginning of a request that hangs, until new work of the other department is
             acknowledged
  cut off    the other department's requests that were not answered (connection closed) or answered 5xx; their clients repeat them
  lost       records that were acknowledged and are not there afterwards: must be 0
  refused    new connections that were refused: must be 0
MariaDB is that of CARAVAN_TEST_MYSQL_URL.
"""

import argparse
import http.client
import json
import pathlib
import sys
import threading
import time
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "integration")]

import caravan
import junit
from caravan import Server, Setup
from test_containment import with_crasher

FAULTS = ["throw", "segfault", "abort", "terminate", "overflow", "loop", "sleep", "allocate", "exit", "leave", "thread"]
HEALTHY_SECONDS = 3
HANG = {"loop", "sleep"}
STAY = {"throw", "allocate"}  # the worker survives these


class Load:
    def __init__(self, server, connections):
        self.server = server
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.acknowledged = []  # (moment, id)
        self.cut, self.refused = [], []
        self.threads = [threading.Thread(target=self.write, args=(number,)) for number in range(connections)]
        self.threads.append(threading.Thread(target=self.knock))
        for thread in self.threads:
            thread.start()

    def note(self, answer):
        now = time.monotonic()
        with self.lock:
            if answer.status == 201:
                self.acknowledged.append((now, answer.json["id"]))
            else:
                self.cut.append((now, answer.status))

    def write(self, number):
        client = self.server.client("li")
        turn = 0
        while not self.stop.is_set():
            turn += 1
            try:
                self.note(client.post("/records/customers.customer", {"kind": "person", "name": f"{number}-{turn}"}))
            except (OSError, http.client.HTTPException) as error:
                with self.lock:
                    self.cut.append((time.monotonic(), type(error).__name__))

    def knock(self):
        while not self.stop.is_set():
            client = self.server.client("li")
            try:
                self.note(client.post("/records/customers.customer", {"kind": "person", "name": "neu"}))
            except ConnectionRefusedError:
                self.refused.append(time.monotonic())
            except (OSError, http.client.HTTPException) as error:
                with self.lock:
                    self.cut.append((time.monotonic(), type(error).__name__))
            client.close()
            time.sleep(0.01)

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)


def one_run(database, fault, connections, seconds=1.5):
    server = Server(database, f"plugin_faults-{fault}")
    try:
        with_crasher(server)
        server.setting("worker", {"memory_mb": 1024})
        server.start()
        server.add_user("li", "李娜", "sales.salesperson")
        server.client("li")
        admin = server.client("admin", fresh=True)
        load = Load(server, connections)
        time.sleep(seconds)
        worker = server.worker
        began = time.monotonic()
        answer = "connection closed"
        try:
            done = admin.post("/records/crasher.item", {"name": fault})
            answer = f"{done.status} {done.json.get('code', '')}"
        except (OSError, http.client.HTTPException):
            pass
        over = time.monotonic()
        caravan.wait_until(lambda: any(at > over for at, _ in list(load.acknowledged)), 60, "acknowledged work after the fault")
        healthy = next(at for at, _ in load.acknowledged if at > over) - (began if fault in HANG else over)
        before = len([1 for at, _ in load.acknowledged if at < began])
        time.sleep(seconds)
        load.end()
        replaced = server.worker != worker
        admin = server.client("admin", fresh=True)
        lost = sum(admin.get(f"/records/customers.customer/{identifier}").status != 200 for _, identifier in load.acknowledged)
        said = [line for line in server.output if "crasher" in line and ("died" in line or "did not return" in line or "failed" in line)]
        return {"fault": fault, "database": database, "healthy": healthy, "answer": answer, "replaced": replaced, "cut": len(load.cut), "lost": lost,
                "refused": len(load.refused), "acknowledged": len(load.acknowledged), "rate": before / seconds,
                "said": said[-1].split("] ", 1)[-1].split(" ", 2)[-1] if said else ""}
    finally:
        server.remove()


class Fault(unittest.TestCase):
    """One fault on one database."""

    def __init__(self, options, database, fault, results):
        super().__init__()
        self.options, self.database, self.fault, self.results = options, database, fault, results

    def id(self):
        return f"plugin_faults.{self.database}.{self.fault}"

    def runTest(self):
        runs = [one_run(self.database, self.fault, self.options.connections) for _ in range(self.options.runs)]
        self.results += runs
        worst = max(runs, key=lambda one: one["healthy"])
        lost, refused = sum(one["lost"] for one in runs), sum(one["refused"] for one in runs)
        print(f"| {self.database} | {self.fault} | {'replaced' if worst['replaced'] else 'stays'} | {worst['answer']} | {worst['healthy']:.2f} | "
              f"{max(one['cut'] for one in runs)} | {sum(one['acknowledged'] for one in runs)} | {lost} | {refused} | {worst['said']} |", flush=True)
        self.assertEqual({one["replaced"] for one in runs}, {self.fault not in STAY})
        self.assertEqual((lost, refused), (0, 0))
        self.assertLess(worst["healthy"], HEALTHY_SECONDS)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=Setup.build)
    parser.add_argument("--database", choices=["sqlite", "mariadb"], action="append")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--logs", type=pathlib.Path, default=Setup.logs)
    parser.add_argument("--junit", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path, help="all runs, to a file")
    parser.add_argument("faults", nargs="*", default=FAULTS)
    options = parser.parse_args()
    Setup.build, Setup.logs = options.build.resolve(), options.logs.resolve()
    results = []
    print("| database | fault | worker | caller gets | healthy after, s | cut off | acknowledged | lost | refused | the log says |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    databases = options.database or ["sqlite", *(["mariadb"] if Setup.mysql_url else [])]
    suite = unittest.TestSuite(Fault(options, database, fault, results) for database in databases for fault in options.faults)
    code = junit.run(suite, options.junit)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return code


if __name__ == "__main__":
    sys.exit(main())
