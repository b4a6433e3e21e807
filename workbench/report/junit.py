"""junit.xml: one suite a drill, so that any CI shows a drill as it shows tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree

from workbench.report import words
from workbench.report.record import Record, utc
from workbench.report.row import Row, in_table_order

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
TOOL_EXITS: Final = (2, 3)


def to_junit(record: Record) -> bytes:
    """Return the suite: three verdicts, then a case for each objective and each predicted metric.

    A failure is an objective or a primary metric that was missed, an error a tool that failed or an undo that
    was not verified, skipped what is inconclusive.
    """
    scenario = str((record.run.get("scenario") or {}).get("name") or "drill")
    suite = ElementTree.Element("testsuite", {"name": scenario})
    for which in ("resilience", "prediction"):
        _verdict(suite, scenario, which, record)
    _residue(suite, scenario, record)
    rows = in_table_order(record.rows)
    for row in rows:
        if row.objective is not None:
            case = _case(suite, f"{scenario}.resilience", row)
            if row.objective.kept is False:
                outcome(case, "failure", f"{row.title}: {row.with_unit()}, objective {row.bound_text()}")
            elif row.objective.kept is None:
                outcome(case, "skipped", row.reason or "no verdict")
    for row in rows:
        if row.median is not None:
            _predicted(_case(suite, f"{scenario}.prediction", row), row, record)
    _counts(suite, record)
    return document([suite])


def document(suites: Sequence[ElementTree.Element]) -> bytes:
    """Return suites as one file."""
    root = ElementTree.Element("testsuites")
    root.extend(suites)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def count_cases(suite: ElementTree.Element) -> None:
    """Set a suite's counts."""
    suite.set("tests", str(len(suite.findall("testcase"))))
    for attribute, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{kind}"))))


def _verdict(suite: ElementTree.Element, scenario: str, which: str, record: Record) -> None:
    case = ElementTree.SubElement(suite, "testcase", {"classname": scenario, "name": which})
    word, sentence = record.verdict(which)
    if not word:
        outcome(case, "error", record.failure or words.headline(record)[0])
    elif record.exit_code in TOOL_EXITS:
        outcome(case, "error", str(record.comparison.get("exit_reason", sentence)))
    elif word == words.FAIL:
        outcome(case, "failure", sentence)
    elif word == words.INCONCLUSIVE:
        outcome(case, "skipped", sentence)
    else:
        output(case, sentence)


def _residue(suite: ElementTree.Element, scenario: str, record: Record) -> None:
    case = ElementTree.SubElement(suite, "testcase", {"classname": scenario, "name": "residue"})
    word, sentence = record.verdict("residue")
    if word == "clean":
        output(case, sentence)
    elif word == words.NOT_WHOLE:
        outcome(case, "failure", sentence)
    else:
        outcome(case, "error", sentence or "nobody checked what the fault left behind")


def _predicted(case: ElementTree.Element, row: Row, record: Record) -> None:
    place = row.place(record.judged)
    if not record.judged:
        outcome(case, "skipped", place)
    elif row.primary and row.hit is False:
        outcome(case, "failure", f"{row.title}: {row.with_unit()}, predicted {row.interval_spoken()}: {place}")
    elif row.observed is None:
        outcome(case, "skipped", place)


def _case(suite: ElementTree.Element, classname: str, row: Row) -> ElementTree.Element:
    case = ElementTree.SubElement(suite, "testcase", {"classname": classname, "name": row.name})
    predicted = "-" if row.median is None else f"{row.scale.text(row.median)} ({row.interval_text()})"
    output(case, f"{row.title}: predicted {predicted}, observed {row.with_unit()}, objective {row.objective_text()}")
    return case


def outcome(case: ElementTree.Element, kind: str, message: str, about: str = "") -> None:
    """Put the outcome ("failure", "error", "skipped") before the output, as the format wants it."""
    element = ElementTree.Element(kind, {"message": _NOT_XML.sub(" ", message)} | ({"type": about} if about else {}))
    case.insert(0, element)


def output(case: ElementTree.Element, text: str) -> None:
    """Say what a case saw."""
    ElementTree.SubElement(case, "system-out").text = _NOT_XML.sub(" ", text)


def _counts(suite: ElementTree.Element, record: Record) -> None:
    count_cases(suite)
    started, ended = utc(record.run.get("utc_start")), utc(record.run.get("utc_end"))
    if started is not None:
        suite.set("timestamp", started.strftime("%Y-%m-%dT%H:%M:%S"))
    if started is not None and ended is not None:
        suite.set("time", f"{(ended - started).total_seconds():.1f}")
