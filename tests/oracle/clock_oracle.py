#!/usr/bin/env python3
"""An oracle for clocks: walks minute by minute over the wall clock of a zone (zoneinfo) and compares with the product.

Written apart from core/workflow, and shares nothing with it: what is worked is asked of each minute by itself, from the
definitions as they were drawn at random. Minutes are exact enough, for parts of days begin at whole minutes and offsets of zones
change at whole minutes; within a minute, seconds are counted by subtraction.

    tests/oracle/clock_oracle.py --binary build/dev/clock_cases --cases 10000 [--seed 1]
"""

import argparse
import datetime
import json
import os
import random
import subprocess
import sys
import tempfile
import zoneinfo

# Of zones whose law changed lately (Egypt 2023, Kazakhstan 2024) the two libraries' data may be of different years.
ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu",
         "Pacific/Apia", "America/St_Johns", "Europe/London", "Australia/Adelaide", "Pacific/Chatham", "UTC", "Asia/Jerusalem"]
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
SPAN_DAYS = 75


def hhmm(minute):
    return f"{minute // 60:02}:{minute % 60:02}"


def random_parts(r):
    """Parts of a day in minutes, in order."""
    kind = r.random()
    if kind < 0.4:
        noon = r.choice([690, 720, 750])
        return [(r.choice([480, 510, 540]), noon), (noon + r.choice([30, 60, 90]), r.choice([1050, 1080, 1110]))]
    if kind < 0.5:
        return [(0, 1440)]
    if kind < 0.6:
        return [(0, r.choice([120, 150, 185])), (r.choice([1200, 1290]), 1440)]
    cuts = sorted(r.sample(range(0, 1441), r.choice([2, 4, 6])))
    return [(cuts[i], cuts[i + 1]) for i in range(0, len(cuts), 2)]


class Calendar:
    def __init__(self, r, name):
        self.name = name
        self.zone = r.choice(ZONES)
        self.tz = zoneinfo.ZoneInfo(self.zone)
        # Where clocks are changed, often enough.
        year = r.choice([2023, 2024, 2025, 2026])
        month, day = r.choice([(2, 20), (3, 5), (3, 20), (4, 1), (9, 15), (9, 25), (10, 1), (10, 20), (1, 1), (6, 10)])
        self.first = datetime.date(year, month, day)
        self.week = {}
        words = []
        if r.random() < 0.7:
            parts = random_parts(r)
            for one in range(5):
                self.week[one] = parts
            words.append(("weekdays", parts))
            if r.random() < 0.3:
                self.week[5] = parts[:1]
                words.append(("saturday", parts[:1]))
            if r.random() < 0.2:
                self.week[2] = []
                words.append(("wednesday", []))
        else:
            for one in r.sample(range(7), r.randint(2, 7)):
                self.week[one] = random_parts(r)
                words.append((DAYS[one], self.week[one]))
        self.free, self.own = {}, {}
        lines = ["kind: calendar", f"name: demo.{name}", f"label: {name}", f"time_zone: {self.zone}", "hours:"]
        for word, parts in words:
            lines.append(f"  {word}: [" + ", ".join(f'"{hhmm(a)}-{hhmm(b)}"' for a, b in parts) + "]")
        holidays, workdays = [], []
        for _ in range(r.randint(0, 4)):
            start = self.first + datetime.timedelta(days=r.randint(-3, SPAN_DAYS))
            length = r.choice([1, 1, 2, 3, 7])
            key = str(start) if length == 1 else f"{start}..{start + datetime.timedelta(days=length - 1)}"
            if any(key == one for one in holidays):
                continue
            holidays.append(key)
            for i in range(length):
                self.free[start + datetime.timedelta(days=i)] = True
        for _ in range(r.randint(0, 4)):
            date = self.first + datetime.timedelta(days=r.randint(-3, SPAN_DAYS))
            if date in self.own:
                continue
            worked = [one for one in range(7) if self.week.get(one)]
            if r.random() < 0.5:
                like = r.choice(worked)
                self.own[date] = self.week[like]
                workdays.append(f'  "{date}": {{like: {DAYS[like]}}}')
            else:
                self.own[date] = random_parts(r)
                workdays.append(f'  "{date}": {{hours: [' + ", ".join(f'"{hhmm(a)}-{hhmm(b)}"' for a, b in self.own[date]) + "]}")
        if holidays:
            lines.append("holidays:")
            lines += [f'  "{key}": {{}}' for key in holidays]
        if workdays:
            lines.append("workdays:")
            lines += workdays
        self.yaml = "\n".join(lines) + "\n"
        self.begin = int(datetime.datetime(self.first.year, self.first.month, self.first.day, tzinfo=datetime.timezone.utc).timestamp()) - 86400
        self.minutes = None

    def worked(self):
        """For each minute from `begin` whether it is worked."""
        if self.minutes is None:
            out = bytearray((SPAN_DAYS + 60) * 1440)
            for i in range(len(out)):
                local = datetime.datetime.fromtimestamp(self.begin + i * 60, self.tz)
                date, minute = local.date(), local.hour * 60 + local.minute
                if date in self.own:
                    parts = self.own[date]
                elif date in self.free:
                    parts = []
                else:
                    parts = self.week.get(local.weekday(), [])
                out[i] = any(a <= minute < b for a, b in parts)
            self.minutes = out
        return self.minutes


class Always:
    name, yaml = None, ""

    def __init__(self, r):
        self.begin = int(datetime.datetime(2025, r.randint(1, 12), 1, tzinfo=datetime.timezone.utc).timestamp())
        self.minutes = bytes([1]) * ((SPAN_DAYS + 60) * 1440)

    def worked(self):
        return self.minutes


def random_case(r, calendar):
    start = calendar.begin + r.randint(86400, 20 * 86400)
    scale = r.choice([600, 3600, 6 * 3600, 86400])
    at, signs, paused = start, [], False
    for _ in range(r.choice([0, 0, 1, 2, 3, 4, 6, 9])):
        at += r.choice([0, 1, 60, r.randint(0, scale), r.randint(0, 3 * scale)])
        if r.random() < 0.25:
            signs.append([at, "limit", r.choice([1800, 3600, 7200, 4 * 3600, 8 * 3600, r.randint(0, 100000)])])
        else:
            paused = not paused
            signs.append([at, "pause", int(paused)])
    if r.random() < 0.5:
        at += r.choice([0, 1, r.randint(0, scale), r.randint(0, 5 * scale)])
        signs.append([at, "stop", 1])
    return {"calendar": calendar.name and "demo." + calendar.name, "start": start,
            "limit": r.choice([1, 59, 1800, 3600, 7200, 4 * 3600, 8 * 3600, 24 * 3600, r.randint(0, 150000)]),
            "signs": signs, "now": at + r.choice([0, 1, 60, r.randint(0, 4 * scale)])}


def answer(case, calendar):
    """What is right, by walking through the minutes."""
    worked, begin = calendar.worked(), calendar.begin
    limit, paused, met = case["limit"], False, None
    changes = [(case["start"], False)]
    for at, word, value in case["signs"]:
        if word == "limit":
            limit = value
        elif word == "pause":
            paused = bool(value)
            changes.append((at, paused))
        else:
            met = at
    until = met if met is not None else case["now"]
    horizon = begin + len(worked) * 60
    # Seconds at which it stands still begin and end at the changes; walk from the start, piece of minute by piece of minute.
    gone, gone_at_end, due = 0, None, case["start"] if limit <= 0 else None
    at, stands = case["start"], False
    queue = changes[1:]
    end = until if paused or met is not None else horizon
    while at < horizon:
        while queue and queue[0][0] <= at:
            stands = queue.pop(0)[1]
        if at == until and gone_at_end is None:
            gone_at_end = gone
        if at >= end or (due is not None and gone_at_end is not None):
            break
        step = (at // 60 + 1) * 60
        if queue:
            step = min(step, queue[0][0])
        if at < until:
            step = min(step, until)
        if not stands and worked[(at - begin) // 60]:
            if due is None and gone + (step - at) >= limit:
                due = at + (limit - gone)
            gone += step - at
        at = step
    if at >= horizon:
        return None  # drawn beyond the table
    state = "met" if met is not None else "paused" if paused else "running"
    late = due is not None and (met > due if met is not None else case["now"] >= due)
    return {"state": state, "elapsed": gone_at_end, "due": due, "breached": due if late else None}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--binary", required=True)
    options.add_argument("--cases", type=int, default=int(os.environ.get("CARAVAN_PROPERTY_CASES", "400")))
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    r = random.Random(given.seed)
    cases, expected, calendars = [], [], []
    counts = {"running": 0, "paused": 0, "met": 0, "breached": 0, "left out": 0}
    while len(cases) < given.cases:
        calendar = Always(r) if r.random() < 0.05 else Calendar(r, f"c{len(calendars)}")
        calendars.append(calendar)
        for _ in range(min(50, given.cases - len(cases))):
            case = random_case(r, calendar)
            right = answer(case, calendar)
            if right is None:
                counts["left out"] += 1
                continue
            cases.append(case)
            expected.append(right)
            counts[right["state"]] += 1
            counts["breached"] += right["breached"] is not None
        calendar.minutes = None
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as definitions:
        definitions.write("---\n".join(one.yaml for one in calendars if one.yaml))
        definitions.flush()
        done = subprocess.run([given.binary, definitions.name], input="\n".join(json.dumps(case) for case in cases) + "\n",
                              capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        sys.exit(f"{given.binary} ended with {done.returncode}: {done.stderr[:2000]}")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(cases):
        sys.exit(f"{len(answers)} answers to {len(cases)} cases")
    wrong = [(case, right, got) for case, right, got in zip(cases, expected, answers) if right != got]
    for case, right, got in wrong[:10]:
        print(json.dumps(case), "\n  right:", json.dumps(right), "\n  got:  ", json.dumps(got))
        print("  " + "  ".join(one.yaml for one in calendars if one.name and "demo." + one.name == case["calendar"]).replace("\n", "\n  "))
    print(f"{len(cases)} cases over {len(calendars)} calendars: {len(wrong)} differ. " + ", ".join(f"{k} {v}" for k, v in counts.items()))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
