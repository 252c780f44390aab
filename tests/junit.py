"""Runs a unittest suite and keeps its results as JUnit XML."""

import sys
import time
import unittest
import xml.etree.ElementTree as ElementTree


class Result(unittest.TextTestResult):
    """Keeps outcome and time of each test. A sub-test that fails fails its test, once."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.cases = {}
        self.began = time.monotonic()

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        self.cases[test.id()] = {"kind": "passed", "text": "", "seconds": 0.0}

    def stopTest(self, test):
        self.cases[test.id()]["seconds"] = time.monotonic() - self.began
        super().stopTest(test)

    def note(self, test, kind, text):
        case = self.cases.setdefault(test.id(), {"kind": kind, "text": "", "seconds": 0.0})
        if case["kind"] in ("failure", "error"):
            case["text"] += "\n" + text
        else:
            case.update(kind=kind, text=text)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note(test, "failure", self._exc_info_to_string(err, test))

    def addError(self, test, err):
        super().addError(test, err)
        self.note(test, "error", self._exc_info_to_string(err, test))

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note(test, "failure", f"{subtest}: " + self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "skipped", reason)


def write(result, file):
    suite = ElementTree.Element("testsuite", tests=str(len(result.cases)))
    for name, case in result.cases.items():
        class_name, _, method = name.rpartition(".")
        element = ElementTree.SubElement(suite, "testcase", classname=class_name, name=method, time=f"{case['seconds']:.3f}")
        if case["kind"] != "passed":
            # The last line of a traceback says what was wrong.
            message = case["text"] if case["kind"] == "skipped" else (case["text"].strip().splitlines() or [""])[-1]
            ElementTree.SubElement(element, case["kind"], message=printable(message)).text = printable(case["text"])
    file.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(suite).write(file, encoding="utf-8", xml_declaration=True)


def printable(text):
    return "".join(c for c in text if c in "\n\t" or c >= " ")


def run(suite, file=None):
    """Returns the exit code."""
    runner = unittest.TextTestRunner(stream=sys.stderr, verbosity=2, resultclass=Result)
    result = runner.run(suite)
    if file:
        write(result, file)
    return 0 if result.wasSuccessful() and result.cases else 1
