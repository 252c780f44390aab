#!/usr/bin/env python3
"""Writes many definitions, to time `caravan check --config DIR`.

usage: make_definitions.py DIR [--entities 500] [--fields 40]
One file an entity: fields with labels in three languages, a workflow with a guard, an invariant, and grants for a role.
"""

import argparse
import pathlib


def label(en, zh_cn, zh_tw):
    return f"{{en: {en}, zh-CN: {zh_cn}, zh-TW: {zh_tw}}}"


def entity(number, count, fields):
    lines = ["kind: entity", f"name: big.thing_{number}", f"label: {label(f'Thing {number}', f'事物{number}', f'事物{number}')}", "fields:"]
    types = ["text, max: 50", "int, min: 0, max: 1000", "date", "money", "bool", f"ref, to: big.thing_{(number + 1) % count}", "decimal, scale: 4", "instant"]
    for field in range(fields):
        lines.append(f"  f{field}: {{type: {types[field % len(types)]}, label: {label(f'Field {field}', f'字段{field}', f'欄位{field}')}}}")
    lines += [
        "invariants:",
        "  dates:",
        '    check: "record.f2 == null || record.f1 < 900"',
        f"    message: {label('Too many', '太多', '太多')}",
        "workflow:",
        "  initial: fresh",
        "  states:",
        f"    fresh: {{label: {label('New', '新建', '新建')}}}",
        f"    closed: {{label: {label('Closed', '关闭', '關閉')}, category: done}}",
        "  transitions:",
        "    close:",
        f"      label: {label('Close', '关闭', '關閉')}",
        "      from: fresh",
        "      to: closed",
        '      when: "record.f1 > 10 && (record.f4 || record.f3 > 100) && record.f2 <= today()"',
        f"      message: {label('Not yet', '尚未', '尚未')}",
    ]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--entities", type=int, default=500)
    parser.add_argument("--fields", type=int, default=40)
    given = parser.parse_args()
    given.directory.mkdir(parents=True, exist_ok=True)
    for number in range(given.entities):
        (given.directory / f"thing_{number}.yaml").write_text(entity(number, given.entities, given.fields), encoding="utf-8")
    grants = "".join(f"  big.thing_{number}: {{read: true, update: \"record.owner == user.id\"}}\n" for number in range(given.entities))
    (given.directory / "role.yaml").write_text(f"kind: role\nname: big.clerk\nlabel: {label('Clerk', '职员', '職員')}\ngrants:\n{grants}", encoding="utf-8")


if __name__ == "__main__":
    main()
