#!/usr/bin/env python3
"""Replays of recorded histories through the product, each entry at its own time, checked against counts made here from the files.

    tests/replay/replay.py --binary build/dev/replay --incidents incident_events.csv --database sqlite:////tmp/new.db [--explain 10]
    tests/replay/replay.py --binary build/dev/replay --messages replied_messages.csv --holidays FOLDER --database mysql://…
    tests/replay/replay.py --binary build/dev/replay --incidents incident_events.csv --database sqlite:////tmp/new.db --simulate build/dev/caravan --change guard --again sqlite:////tmp/again.db

The last one changes rules of the desk, lets `caravan simulate` tell what they would have made of the history in the first database, plays the
history under the changed rules into the second one, and compares the two record by record.

The files are not part of the product. Without them this says so and ends with 0. The database must be an empty one.
"""

import argparse
import collections
import csv
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import zoneinfo

HERE = pathlib.Path(__file__).resolve().parent
UTC = datetime.timezone.utc


def instant(local, zone):
    return local.replace(tzinfo=zoneinfo.ZoneInfo(zone)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def play(options, definitions, operations, database=None, *flags):
    operations.sort(key=lambda one: one["at"])  # stable: entries of one minute keep their order
    done = subprocess.run([options.binary, *flags, database or options.database, str(definitions)], input="".join(json.dumps(one) + "\n" for one in operations),
                          capture_output=True, text=True, timeout=1500)
    print(done.stderr.strip()[-2000:])
    if done.returncode != 0:
        sys.exit(1)
    return {one["key"]: one for one in map(json.loads, done.stdout.splitlines())}


class Check:
    failed = False

    def equal(self, what, got, right):
        print(f"{'ok  ' if got == right else 'WRONG'} {what}: {got}" + ("" if got == right else f", not {right}"))
        self.failed = self.failed or got != right


STATES = {"New": "new", "Active": "active", "Awaiting User Info": "awaiting_user", "Awaiting Problem": "awaiting_problem",
          "Awaiting Vendor": "awaiting_vendor", "Awaiting Evidence": "awaiting_evidence", "-100": "unknown", "Resolved": "resolved", "Closed": "closed"}
PRIORITIES = {"1": "critical", "2": "high", "3": "moderate", "4": "low"}
OFF = {datetime.date(2016, 3, 28), datetime.date(2016, 5, 5), datetime.date(2016, 5, 16)}


def office_minutes(start, end):
    """Minutes of service time between two local times, counted one by one."""
    count, at = 0, start
    while at < end:
        minute = at.hour * 60 + at.minute
        if at.date() not in OFF:
            day = at.weekday()
            count += (day < 5 and (480 <= minute < 720 or 780 <= minute < 1080)) or (day == 5 and 540 <= minute < 720)
        at += datetime.timedelta(minutes=1)
    return count


def read_incidents(options):
    """The log as operations; the working time that each case took, counted minute by minute."""
    rows = list(csv.DictReader(open(options.incidents, encoding="utf-8")))
    zone = "Europe/Paris"
    cases = collections.OrderedDict()
    for row in rows:
        row["at"] = datetime.datetime.strptime(row["sys_updated_at"], "%d/%m/%Y %H:%M")
        cases.setdefault(row["number"], []).append(row)
    operations, spans = [], {}
    for number, history in cases.items():
        before = None
        for row in history:
            at, state = instant(row["at"], zone), STATES[row["incident_state"]]
            fields = {"priority": PRIORITIES[row["priority"][0]], "team": row["assignment_group"], "reassigned": int(row["reassignment_count"]),
                      "changes": int(row["sys_mod_count"])}
            if before is None:
                operations.append({"at": at, "key": number, "create": "desk.incident", "fields": fields})
            else:
                changed = {name: value for name, value in fields.items() if value != before[1][name]}
                if changed:
                    operations.append({"at": at, "key": number, "update": changed})
            was = before[0] if before else "new"
            if state != was:
                operations.append({"at": at, "key": number, "step": "reopen" if (was, state) == ("resolved", "active") else "to_" + state})
            before = (state, fields)
        # What the clock desk.resolve must say of its last run, minute by minute.
        gone, running, met = 0, None, None
        for row in history:
            state = STATES[row["incident_state"]]
            works = state in ("new", "active", "awaiting_problem", "unknown")
            if met and state not in ("resolved", "closed"):
                gone, met = 0, None  # reopened: it begins anew
            if running and not works:
                gone += office_minutes(running, row["at"])
                running = None
            if works and not running:
                running = row["at"]
            if not met and state in ("resolved", "closed"):
                met = row["at"]
        spans[number] = gone * 60 if met else None
    operations.append({"at": "2017-12-31T00:00:00Z", "end": True})
    return rows, cases, operations, spans


def incidents(options):
    rows, cases, operations, spans = read_incidents(options)
    result = play(options, HERE / "service_desk.yaml", operations)
    check = Check()
    last = [history[-1] for history in cases.values()]
    check.equal("events of the log", len(rows), 7133)
    check.equal("cases closed", sum(one["record"]["state"] == "closed" for one in result.values()), 1238)
    check.equal("cases reopened", sum(one["record"]["reopened"] > 0 for one in result.values()), sum(int(row["reopen_count"]) > 0 for row in last))
    check.equal("reopenings, counted by the desk itself", sum(one["record"]["reopened"] for one in result.values()), sum(int(row["reopen_count"]) for row in last))
    check.equal("cases reassigned", sum(one["record"]["reassigned"] > 0 for one in result.values()), sum(int(row["reassignment_count"]) > 0 for row in last))
    for priority, name in PRIORITIES.items():
        check.equal(f"cases of priority {name}", sum(one["record"]["priority"] == name for one in result.values()),
                    sum(row["priority"].startswith(priority) for row in last))
    clocks = {key: {clock["name"]: clock for clock in one["clocks"]} for key, one in result.items()}
    resolve = {key: one["desk.resolve"] for key, one in clocks.items() if "desk.resolve" in one}
    wrong = [key for key, clock in resolve.items() if clock["elapsed"] != spans[key]]
    check.equal("working time to resolve, cases that differ from a count minute by minute", wrong[:5], [])
    check.equal("runs of the reopened cases", sum(clock["run"] for clock in resolve.values()) - len(resolve),
                sum(int(row["reopen_count"]) for row in last))
    check.equal("breaches and what was done at them (only the last run is told)",
                all(result[key]["record"]["late"] >= 1 for key, clock in resolve.items() if clock["breached"]), True)
    print(f"{len(resolve)} cases with a clock, {sum(c['breached'] is not None for c in resolve.values())} breached; the log's own flag says "
          f"{sum(row['made_sla'] == 'false' for row in last)} of {len(last)} by limits that it does not tell")
    long_ones = sorted((key for key, clock in resolve.items() if 6 <= len(clock["lines"]) <= 24), key=lambda key: (-resolve[key]["run"], -len(resolve[key]["lines"]), key))
    for key in long_ones[:options.explain]:
        print(f"\n{key}, {result[key]['record']['priority']}:")
        for line in resolve[key]["lines"]:
            print("  " + line)
    return check.failed


# One rule each; what the desk says, and what it is to say.
CHANGES = {
    "guard": [("      from: [new, active, awaiting_user, awaiting_problem, awaiting_vendor, awaiting_evidence, unknown]\n",
               "      from: [new, active, awaiting_user, awaiting_problem, awaiting_vendor, awaiting_evidence, unknown]\n"
               "      when: \"record.reassigned <= 2\"\n")],
    "clock": [("duration('27h')", "duration('18h')")],
    "step by itself": [("calendar: always\nwithin: 120h", "calendar: always\nwithin: 48h\nbreach:\n  close: {do: {mark: {set: {warned: \"record.warned + 100\"}}, close: {transition: to_closed}}}")],
}


def simulated(options, folder, name, definitions):
    config = pathlib.Path(folder, name)
    config.mkdir()
    (config / "desk.yaml").write_text(definitions, encoding="utf-8")
    place = ["--config", str(config), "--data", str(pathlib.Path(folder, "data")), "--database", options.database]
    run = lambda *command: subprocess.run([options.simulate, *command, *place], capture_output=True, text=True, timeout=1500)
    if name == "in use":
        done = run("automations")  # puts them in use
        return sys.exit(done.stderr) if done.returncode else None
    began = time.monotonic()
    told = run("simulate", "--json", "--until", "2017-12-31T00:00:00Z")
    if told.returncode:
        sys.exit(told.stderr)
    print(f"{name}: simulated in {time.monotonic() - began:.1f} s")
    if options.explain:
        print(run("simulate", "--limit", "3", "--until", "2017-12-31T00:00:00Z").stdout)
    return json.loads(told.stdout)


def compare_simulation(options):
    rows, cases, operations, _ = read_incidents(options)
    check = Check()
    was = play(options, HERE / "service_desk.yaml", operations)
    check.equal("events of the log", len(rows), 7133)
    folder = tempfile.TemporaryDirectory()
    simulated(options, folder.name, "in use", (HERE / "service_desk.yaml").read_text(encoding="utf-8"))
    for at, name in enumerate(options.change):
        edits = CHANGES[name]
        definitions = (HERE / "service_desk.yaml").read_text(encoding="utf-8")
        for what, by in edits:
            assert definitions.count(what) == 1, what
            definitions = definitions.replace(what, by)
        told = simulated(options, folder.name, name, definitions)
        predicted = {one["id"]: one for one in told["items"]}
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
            file.write(definitions)
            file.flush()
            result = play(options, file.name, operations, options.again[at], "--lenient")
        ignored = ("id", "number", "version", "created_at", "updated_at")
        wrong, moved = [], 0
        for key, before in was.items():
            wanted = {field: value for field, value in before["record"].items() if field not in ignored}
            moved += wanted != {field: value for field, value in result[key]["record"].items() if field not in ignored}
            for field, (present, changed) in predicted.get(before["record"]["id"], {"fields": {}})["fields"].items():
                if present != wanted[field]:
                    wrong.append((key, field, "now", present, wanted[field]))
                wanted[field] = changed
            got = {field: value for field, value in result[key]["record"].items() if field not in ignored}
            wrong += [(key, field, got[field], wanted[field]) for field in wanted if got[field] != wanted[field]]
        check.equal(f"{name}: records replayed", told["records"], len(was))
        check.equal(f"{name}: records that the definitions in use do not explain", told["unexplained"], 0)
        check.equal(f"{name}: at least 50 records go another way", moved >= 50, True)
        check.equal(f"{name}: records that go another way", sum(bool(one["fields"]) for one in told["items"]), moved)
        check.equal(f"{name}: fields of {len(was)} records whose prediction is not what the rerun made", wrong[:5], [])
        check.equal(f"{name}: breaches of all records", sum(one["record"]["late"] for one in result.values()),
                    sum(one["record"]["late"] + change(predicted, one["record"]["id"], "late") for one in was.values()))
    return check.failed


def change(predicted, record, field):
    present, changed = predicted.get(record, {"fields": {}})["fields"].get(field, (0, 0))
    return changed - present


def messages(options):
    off, on = {}, {}
    for file in sorted(pathlib.Path(options.holidays).glob("20*.json")):
        for day in json.loads(file.read_text(encoding="utf-8"))["days"]:
            (off if day["isOffDay"] else on)[day["date"]] = day["name"]
    calendar = ["---", "kind: calendar", "name: mail.days", "label: {en: Working days, zh-CN: 工作日, zh-TW: 工作日}", "time_zone: Asia/Shanghai",
                'hours: {weekdays: ["09:00-12:00", "13:30-18:00"]}', "holidays:"]
    calendar += [f'  "{date}": {{label: {{en: Holiday, zh-CN: {name}, zh-TW: {name}}}}}' for date, name in off.items()]
    calendar += ["workdays:"] + [f'  "{date}": {{label: {{en: Shifted, zh-CN: {name}调休, zh-TW: {name}調休}}}}' for date, name in on.items()]
    definitions = tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8")
    definitions.write((HERE / "messages.yaml").read_text(encoding="utf-8") + "\n".join(calendar) + "\n")
    definitions.flush()

    def works(date):
        text = str(date)
        return text in on or (date.weekday() < 5 and text not in off)

    rows = list(csv.DictReader(open(options.messages, encoding="utf-8")))
    operations, right, shifted, dated, before = [], {}, 0, 0, 0
    for row in rows:
        sent = datetime.datetime.strptime(row["留言时间"].replace("-", "/"), "%Y/%m/%d %H:%M:%S")
        text = row["答复时间"].replace("-", "/")
        date_only = " " not in text
        # A day without a time: the answer was there by the end of that day.
        answered = datetime.datetime.strptime(text, "%Y/%m/%d") + datetime.timedelta(hours=23, minutes=59, seconds=59) if date_only \
            else datetime.datetime.strptime(text, "%Y/%m/%d %H:%M:%S")
        dated += date_only
        key = row["留言编号"]
        fields = {"answered_on": str(answered.date())}
        if not date_only:
            fields["answered_at"] = instant(answered, "Asia/Shanghai")
        if answered < sent:
            before += 1
            answered = sent
        operations.append({"at": instant(sent, "Asia/Shanghai"), "key": key, "create": "mail.message", "fields": {"sent_on": str(sent.date())}})
        operations.append({"at": instant(answered, "Asia/Shanghai"), "key": key, "update": fields})
        operations.append({"at": instant(answered, "Asia/Shanghai"), "key": key, "step": "answer"})
        day, left, took = sent.date(), 15, 0
        answered_on = datetime.date.fromisoformat(fields["answered_on"])
        while left:
            day += datetime.timedelta(days=1)
            left -= works(day)
            shifted += str(day) in on
        at = sent.date()
        while at < answered_on:
            at += datetime.timedelta(days=1)
            took += works(at)
        right[key] = (str(day), took, answered_on > day)
    order = {id(one): i for i, one in enumerate(operations)}
    operations.sort(key=lambda one: (one["at"], order[id(one)]))
    operations.append({"at": "2030-01-01T00:00:00Z", "end": True})
    result = play(options, definitions.name, operations)
    check = Check()
    check.equal("messages", len(result), 1398)
    got = {key: (one["record"]["due_on"], one["record"]["took"], one["record"]["overdue"]) for key, one in result.items()}
    check.equal("messages whose due date, working days or overdue differ", [(key, got[key], right[key]) for key in right if got[key] != right[key]][:5], [])
    check.equal("messages with a date only", (dated, [key for key, one in result.items() if one["record"]["answered_at"] is None]), (1, ["27610"]))
    print(f"{sum(one[2] for one in right.values())} of {len(right)} overdue by working days; {shifted} shifted days counted within the limits; {before} answered before they were sent")
    return check.failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--incidents")
    parser.add_argument("--messages")
    parser.add_argument("--holidays")
    parser.add_argument("--simulate", help="caravan's binary")
    parser.add_argument("--change", action="append", choices=list(CHANGES), help="only these changes, in their order")
    parser.add_argument("--again", action="append", default=[], help="an empty database for each rerun, in their order")
    parser.add_argument("--explain", type=int, default=10)
    options = parser.parse_args()
    for wanted in (options.incidents, options.messages, options.holidays):
        if wanted and not pathlib.Path(wanted).exists():
            print(f"Nothing was replayed: {wanted} is not there; the recorded histories are not part of the product.")
            return 0
    failed = False
    if options.incidents and options.simulate:
        options.change = options.change or list(CHANGES)
        if len(options.again) != len(options.change):
            parser.error(f"--again is needed {len(options.change)} times")
        failed = compare_simulation(options)
    elif options.incidents:
        failed = incidents(options) or failed
    if options.messages:
        failed = messages(options) or failed
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
