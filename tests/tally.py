"""Adds up JUnit files: prints each failure and each skip with its reason, then one line `PASSED FAILED SKIPPED`.

usage: tally.py PART [--exit-code N] FILE...
A file that is missing or broken, one without any test, and a failed run none of whose tests failed each count as a failure.
"""

import sys
import xml.etree.ElementTree as ElementTree


def tally(part, files, exit_code):
    passed = failed = skipped = 0
    for file in files:
        try:
            cases = list(ElementTree.parse(file).getroot().iter("testcase"))
        except (OSError, ElementTree.ParseError) as error:
            print(f"{part}: no test results: {error}", file=sys.stderr)
            failed += 1
            continue
        if not cases:
            print(f"{part}: no test ran", file=sys.stderr)
            failed += 1
        for case in cases:
            name = "::".join(filter(None, [case.get("classname"), case.get("name")]))
            problem = next((case.find(tag) for tag in ("failure", "error") if case.find(tag) is not None), None)
            skip = case.find("skipped")
            status = case.get("status", "")
            if problem is not None or status == "fail":
                failed += 1
                message = (problem.get("message") if problem is not None else "") or ""
                print(f"FAILED  {part}: {name}: {message.splitlines()[0] if message else ''}", file=sys.stderr)
            elif skip is not None or status in ("notrun", "disabled"):
                skipped += 1
                reason = (skip.get("message") if skip is not None else "") or (case.findtext("system-out") or "").strip()
                print(f"skipped {part}: {name}: {reason.splitlines()[0] if reason else 'no reason given'}", file=sys.stderr)
            else:
                passed += 1
    if exit_code != 0 and failed == 0:
        print(f"{part}: the run ended with code {exit_code} though no test failed", file=sys.stderr)
        failed += 1
    return passed, failed, skipped


def main(arguments):
    part, *rest = arguments
    exit_code = 0
    if rest[:1] == ["--exit-code"]:
        exit_code, rest = int(rest[1]), rest[2:]
    print(*tally(part, rest, exit_code))


if __name__ == "__main__":
    main(sys.argv[1:])
