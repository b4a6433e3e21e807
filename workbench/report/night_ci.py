"""What continuous integration shows of a night: JUnit, a step's summary and annotations on GitHub."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Final
from xml.etree import ElementTree

from workbench.compare.nights import Cause, MetricNight, NightJudgement
from workbench.metrics.numbers import quantity, span
from workbench.records.night_drill import NightDrill
from workbench.report.junit import count_cases, document, outcome, output
from workbench.report.night_words import Finding, counts, findings, headline, says, sentence, title_of, trouble

ANNOTATIONS_MAX: Final = 10  # more of one step are dropped by GitHub without a word
SUMMARY_BYTES_MAX: Final = 1_000_000  # of a step; GitHub refuses more than 1 MiB
_ABOUT: Final = {"failure": "hub", "error": "tool", "skipped": ""}


def to_junit(judged: NightJudgement, not_done: Mapping[str, int]) -> bytes:
    """Return a suite a scenario: a case for each drill and primary metric, and one for each metric over the nights.

    A failure is the hub's (or, over the nights, the model's), an error a tool's, skipped what is inconclusive.
    """
    suites = []
    for scenario in dict.fromkeys([*(drill.scenario for drill in judged.drills), *not_done]):
        drills = [drill for drill in judged.drills if drill.scenario == scenario]
        rows = [each for each in judged.metrics if each.scenario == scenario]
        suite = ElementTree.Element("testsuite", {"name": f"{judged.suite}.{scenario}"})
        for drill in drills:
            for metric in [each.metric for each in rows] or ["drill"]:
                _drill_case(suite, drill, metric)
        for each in rows:
            _night_case(suite, each)
        for number in range(not_done.get(scenario, 0)):
            case = _case(suite, scenario, f"not done {number + 1}", 0.0)
            outcome(case, "skipped", "not done: the night ended before")
        count_cases(suite)
        if drills:
            started = datetime.datetime.fromtimestamp(drills[0].started_s, datetime.UTC)
            suite.set("timestamp", started.strftime("%Y-%m-%dT%H:%M:%S"))
        suite.set("time", f"{sum(map(_took_s, drills)):.1f}")
        suites.append(suite)
    return document(suites)


def _drill_case(suite: ElementTree.Element, drill: NightDrill, metric: str) -> None:
    case = _case(suite, drill.scenario, f"{drill.repeat} seed {drill.seed}: {metric}", _took_s(drill))
    kind, why = trouble(drill)
    row = drill.metric(metric)
    if kind:
        outcome(case, kind, why, _ABOUT[kind])
    elif row is None or row.seen is None:
        outcome(case, "skipped", "not observed")
    if row is not None and row.quantiles:
        predicted = span(row.quantiles[5], row.quantiles[95], row.unit)
        place = {True: "inside", False: "outside", None: "not judged"}[row.inside_90]
        output(case, f"{title_of(metric)} {quantity(row.seen, row.unit)}, predicted {predicted} (90 %): {place}")


def _night_case(suite: ElementTree.Element, each: MetricNight) -> None:
    case = _case(suite, each.scenario, f"over the nights: {each.metric}", 0.0)
    if each.cause is Cause.HUB:
        outcome(case, "failure", sentence(each), "hub")
    elif each.cause is Cause.MODEL:
        outcome(case, "failure", sentence(each), "model")
    elif not each.drills or not each.earlier:
        outcome(case, "skipped", sentence(each))
    else:
        output(case, sentence(each))


def _case(suite: ElementTree.Element, scenario: str, name: str, took_s: float) -> ElementTree.Element:
    attributes = {"classname": f"nightly.{scenario}", "name": name, "time": f"{took_s:.1f}"}
    return ElementTree.SubElement(suite, "testcase", attributes)


def _took_s(drill: NightDrill) -> float:
    return 0.0 if drill.ended_s is None else drill.ended_s - drill.started_s


def to_summary(judged: NightJudgement, not_done: Mapping[str, int], ended: str) -> str:
    """Return a step's summary as Markdown: the headline, what is not as it was, and every metric."""
    lines = [f"## Night {judged.night}, suite `{judged.suite}`: {headline(judged)}", ""]
    lines += [counts(judged.drills) + (f". It ended early: {_cell(ended)}." if ended else "."), ""]
    found = findings(judged, not_done)
    lines += [f"- **{_cell(each.title)}**: {_cell(each.text)}" for each in found] + ([""] if found else [])
    lines += ["| scenario | metric | observed | predicted | inside 90 % | change | it says |", "| --- " * 7 + "|"]
    for each in judged.metrics:
        change = "-" if not each.earlier or not each.drills else f"{each.change * 100:+.0f} %"
        observed, predicted = (quantity(value, each.unit) for value in (each.observed, each.predicted))
        row = [
            each.scenario,
            title_of(each.metric),
            observed,
            predicted,
            f"{each.drills - each.missed} of {each.drills}",
        ]
        lines.append("| " + " | ".join(_cell(text) for text in [*row, change, says(each)]) + " |")
    text = "\n".join(lines) + "\n"
    return text.encode()[:SUMMARY_BYTES_MAX].decode(errors="ignore")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def annotation_lines(found: Sequence[Finding]) -> list[str]:
    """Return at most ANNOTATIONS_MAX workflow commands, the worst first; the last tells how many are left out."""
    shown = list(found[:ANNOTATIONS_MAX])
    if len(found) > ANNOTATIONS_MAX:
        left = len(found) - ANNOTATIONS_MAX + 1
        shown[-1] = Finding(found[ANNOTATIONS_MAX - 1].level, f"and {left} more", "the summary has all of them")
    return [f"::{each.level} title={_property(each.title)}::{_data(each.text)}" for each in shown]


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
