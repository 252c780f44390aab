"""Builds plugins in versions of their own while a test runs, with the server's SDK and a C compiler."""

import subprocess

from caravan import ROOT

ITEM = """\
kind: entity
name: item
label: Item
title: name
fields:
  name:    {type: text, max: 40, required: true, label: Name}
  made_by: {type: text, max: 40, label: Made by}
"""
CODE = "  code:    {type: text, max: 40, label: Code}\n"
SETTINGS = """\
---
kind: settings
name: NAME
label: Settings
settings:
  limit: {type: int, min: 1, max: 100, default: 9, label: Limit}
---
kind: role
name: clerk
label: Clerk
grants:
  item: {read: true, create: "settings.NAME.limit < 50", update: true, delete: true}
"""


def make_plugin(folder, name="gift", version="1.0.0", definitions=ITEM, requires="", more="", flags=(), code="made_plugin.c"):
    """`FOLDER/NAME-VERSION.so`, and the path to it. `more`: further lines of the manifest. `code`: a file beside this one."""
    home = folder / f"make-{name}-{version}"
    (home / "definitions").mkdir(parents=True, exist_ok=True)
    needs = f"requires: {{{requires}}}\n" if requires else ""
    (home / "plugin.yaml").write_text(f'name: {name}\nversion: {version}\nlabel: {name}\nsdk: ">=0.1 <2"\n{needs}{more}')
    (home / "definitions" / "all.yaml").write_text(definitions)
    sdk = ROOT / "sdk"
    embedded, made = home / "embedded.c", folder / f"{name}-{version}.so"
    run(["cmake", f"-DOUTPUT={embedded}", f"-DROOT={home}", "-DFILES=plugin.yaml|definitions/all.yaml", "-P", sdk / "cmake" / "CaravanEmbed.cmake"])
    run(["cc", "-std=gnu11", "-O1", "-shared", "-fPIC", "-fvisibility=hidden", f"-I{sdk / 'include'}", f'-DNAME="{name}"', f'-DVERSION="{version}"', *flags,
         f"-Wl,--version-script={sdk / 'cmake' / 'caravan_plugin.map'}", "-Wl,-z,nodelete", "-Wl,-z,defs",
         ROOT / "tests" / "integration" / code, embedded, "-o", made])
    return made


def make_pack(folder, name="wrapping", version="1.0.0", definitions="", requires=""):
    made = folder / f"{name}-{version}.pack.yaml"
    needs = f"requires: {{{requires}}}\n" if requires else ""
    made.write_text(f"kind: pack\nname: {name}\nversion: {version}\nlabel: {name}\n{needs}---\n{definitions}")
    return made


def run(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
