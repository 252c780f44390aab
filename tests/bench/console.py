"""Starts a release server on SQLite for tests/bench/console.mjs, which measures the console in Chromium. Started by scripts/console_figures."""

import argparse
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import caravan  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--console", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    caravan.Setup.build = caravan.Setup.release
    caravan.Setup.logs = caravan.ROOT / "build" / "test-logs" / "bench"
    server = caravan.Server("sqlite", "console-figures")
    try:
        server.setting("plugins", {})  # every department, as `scripts/run` has them
        if options.console:
            server.options += ["--console", str(options.console.resolve())]
        server.start()
        return subprocess.run(
            ["node", str(pathlib.Path(__file__).with_name("console.mjs")), f"http://127.0.0.1:{server.port}", str(options.rows), str(options.pages),
             str(options.runs), *([str(options.json.resolve())] if options.json else [])],
            timeout=1200, preexec_fn=caravan.die_with_parent, env={**os.environ, "ADMIN_PASSWORD": caravan.ADMIN_PASSWORD}).returncode
    finally:
        server.remove()


if __name__ == "__main__":
    sys.exit(main())
