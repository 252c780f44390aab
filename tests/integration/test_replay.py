"""Recorded histories played through the gate, each entry at its own time: tests/replay/replay.py on both databases. The records are
not part of the product; they are looked for in the folder that CARAVAN_TEST_DATA names, and in a folder `data` beside the project."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import caravan
from caravan import ROOT, ServerCase, Setup


def recorded(path):
    """The file or folder of that name among the recorded histories, or None."""
    named = os.environ.get("CARAVAN_TEST_DATA")
    folders = [pathlib.Path(named)] if named else [ROOT.parent / "data", *sorted(ROOT.parent.glob("*/data"))]
    return next((folder / path for folder in folders if (folder / path).exists()), None)


class Histories(ServerCase):
    @classmethod
    def setUpClass(cls):
        """Without a server: the histories' own program has the gate in it."""

    def url(self):
        """Of an empty database."""
        home = pathlib.Path(tempfile.mkdtemp(prefix="caravan-replay-"))
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        database = caravan.Database(self.database, home)
        self.addCleanup(database.drop)
        return database.options[1] if database.options else f"sqlite://{home}/replay.db"

    def replay(self, changes=(), **files):
        options = []
        for option, path in files.items():
            found = recorded(path)
            if not found:
                self.skipTest(f"{path} is not there: recorded histories are not part of the product; CARAVAN_TEST_DATA names their folder")
            options += [f"--{option}", str(found)]
        if changes:
            options += ["--simulate", str(Setup.build / "caravan")]
        for change in changes:
            options += ["--change", change, "--again", self.url()]
        done = subprocess.run([sys.executable, str(ROOT / "tests" / "replay" / "replay.py"), "--binary", str(Setup.build / "replay"),
                               "--database", self.url(), "--explain", "0", *options], capture_output=True, text=True, timeout=1600,
                              preexec_fn=caravan.die_with_parent)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("ok   ", done.stdout)
        self.assertNotIn("WRONG", done.stdout)


class Replays(Histories):
    def test_a_service_desk_s_log(self):
        self.replay(incidents="sla_incident_log/incident_events.csv")

    def test_citizens_messages_and_their_answers(self):
        self.replay(messages="citizen_messages_zh/replied_messages.csv", holidays="holiday_cn")
