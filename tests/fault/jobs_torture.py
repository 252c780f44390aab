#!/usr/bin/env python3
"""Kills the workers of the job queue at random moments and looks whether anything was lost or done twice.

  python3 tests/fault/jobs_torture.py --build build/dev [--quick] [--only sqlite|mariadb] [--junit FILE]

In full: 20,000 jobs, 100 kills -9 a database; then 100,000 waiting timers and how late others come. With --quick a smaller
one, of under twenty seconds. MariaDB is tested where CARAVAN_TEST_MYSQL_URL names a server.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import junit  # noqa: E402

options = None


class Workers:
    """The database of one test, and processes that work on its queue."""

    def __init__(self, kind):
        self.program = str(pathlib.Path(options.build) / "job_worker")
        self.directory = tempfile.mkdtemp(prefix="caravan-jobs-")
        self.server = None
        if kind == "sqlite":
            self.url = f"sqlite://{self.directory}/jobs.db"
        else:
            self.server = os.environ["CARAVAN_TEST_MYSQL_URL"]
            self.name = f"caravan_jobs_{os.getpid()}"
            head, _, query = self.server.partition("?")
            self.url = head[: head.rindex("/") + 1] + self.name + ("?" + query if query else "")
            self.run("sql", f"DROP DATABASE IF EXISTS {self.name}", url=self.server)
            self.run("sql", f"CREATE DATABASE {self.name} CHARACTER SET utf8mb4", url=self.server)
        self.outside = os.path.join(self.directory, "outside")
        self.run("prepare")

    def close(self):
        if self.server:
            self.run("sql", f"DROP DATABASE {self.name}", url=self.server)
        shutil.rmtree(self.directory, ignore_errors=True)

    def run(self, command, *arguments, url=None):
        done = subprocess.run([self.program, command, url or self.url, *map(str, arguments)], capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise AssertionError(f"job_worker {command}: {done.stderr}")
        return done.stdout

    def report(self):
        return json.loads(self.run("report"))

    def start(self):
        log = open(os.path.join(self.directory, "log"), "ab")
        try:
            return subprocess.Popen([self.program, "work", self.url, self.outside, "2"], stdout=log, stderr=log)
        finally:
            log.close()

    def lines(self, word):
        if not os.path.exists(self.outside):
            return []
        with open(self.outside, encoding="ascii") as file:
            return [line.split()[1:] for line in file if line.startswith(word + " ")]

    def wait_for(self, done, seconds=120):
        """Returns when so many jobs have been done, or after the seconds."""
        deadline = time.monotonic() + seconds
        while len(self.lines("done")) + len(self.lines("lane")) < done and time.monotonic() < deadline:
            time.sleep(0.002)


class Torture(unittest.TestCase):
    def torture(self, kind):
        jobs, lane_jobs, kills = (1200, 300, 6) if options.quick else (15_000, 5_000, 100)
        total = jobs + lane_jobs
        nodes = 1 if kind == "sqlite" else 2  # an SQLite database belongs to one process
        choose = random.Random(options.seed)
        workers = Workers(kind)
        running = []
        try:
            workers.run("fill", jobs, lane_jobs)
            began = time.monotonic()
            running = [workers.start() for _ in range(nodes)]
            in_work = 0
            for kill in range(kills):
                # At a random share of the work done, not after a time: a fast machine would be finished before the kills.
                workers.wait_for(total * 0.9 * (kill + choose.random()) / kills)
                index = choose.randrange(nodes)
                running[index].send_signal(signal.SIGKILL)
                running[index].wait()
                if kind == "sqlite" or kill % 10 == 0:
                    left = workers.report()["left"]
                    in_work += (1 if kind == "sqlite" else min(10, kills - kill)) if left else 0
                running[index] = workers.start()
            for _ in range(60):
                time.sleep(2)
                for process in running:
                    process.terminate()
                for process in running:
                    self.assertEqual(process.wait(timeout=30), 0, "a clean stop")
                running = []
                found = workers.report()
                if found["left"] == 0:
                    break
                running = [workers.start() for _ in range(nodes)]
            seconds = time.monotonic() - began
            outside = collections.Counter(key for word in ("done", "lane") for (key,) in workers.lines(word))
            repeated = sum(outside.values()) - len(outside)
            print(f"\n{kind}: {total} jobs, {kills} kills -9 ({in_work} while there was work), {seconds:.0f} s: {total - found['effects']} lost, "
                  f"{found['doubled']} doubled, {found['dead']} dead letters, {found['lane_mistakes']} out of order; outside "
                  f"{len(outside)} keys, {repeated} repetitions", flush=True)
            self.assertEqual(found["left"], 0)
            self.assertEqual(found["dead"], 0)
            self.assertEqual(found["effects"], total, "each job's effect happened")
            self.assertEqual(found["doubled"], 0, "and once")
            self.assertEqual(found["counted"], total)
            self.assertEqual(found["lanes"], lane_jobs)
            self.assertEqual(found["lane_mistakes"], 0, "jobs of a lane in their order")
            self.assertEqual(len(outside), total, "at least once outside, under the key of the job")
            self.assertGreaterEqual(in_work, kills - 1, "the kills came while there was work")
        finally:
            for process in running:
                process.kill()
                process.wait()
            workers.close()

    def timers(self, kind):
        waiting, due, spread = (2_000, 200, 2_000) if options.quick else (100_000, 2_000, 10_000)
        workers = Workers(kind)
        process = None
        try:
            workers.run("fill", 0, 0, waiting)
            workers.run("timers", due, spread)
            process = workers.start()
            deadline = time.monotonic() + spread / 1000 + 30
            while len(workers.lines("late")) < due and time.monotonic() < deadline:
                time.sleep(0.2)
            late = sorted(int(micros) / 1e6 for _, micros in workers.lines("late"))
            process.terminate()
            self.assertEqual(process.wait(timeout=30), 0)
            process = None
            self.assertEqual(len(late), due)
            p95 = late[int(len(late) * 0.95)]
            print(f"\n{kind}: {due} timers due over {spread / 1000:.0f} s, {waiting} others waiting: late by p50 "
                  f"{late[len(late) // 2] * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms, at most {late[-1] * 1000:.0f} ms", flush=True)
            self.assertGreaterEqual(late[0], 0, "none before its time")
            self.assertLess(p95, 2.0)
            self.assertEqual(workers.report()["waiting"], waiting)
        finally:
            if process:
                process.kill()
                process.wait()
            workers.close()


def add(kind):
    setattr(Torture, f"test_nothing_is_lost_or_doubled_{kind}", lambda self: self.torture(kind))
    setattr(Torture, f"test_timers_come_in_time_{kind}", lambda self: self.timers(kind))


def main():
    global options
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=["sqlite", "mariadb"])
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--junit", type=pathlib.Path)
    options = parser.parse_args()
    print(f"seed {options.seed}")
    if options.only != "mariadb":
        add("sqlite")
    if options.only != "sqlite" and os.environ.get("CARAVAN_TEST_MYSQL_URL"):
        add("mariadb")
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Torture)
    result = unittest.TextTestRunner(resultclass=junit.Result, verbosity=2).run(suite)
    if options.junit:
        junit.write(result, options.junit)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
