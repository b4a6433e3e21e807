"""What others read of a night: JUnit, annotations, summary, Prometheus, Grafana, the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.made_nights import drill, failed, nights
from tests.support.page_structure import structure_of
from workbench.compare.nights import judge_night
from workbench.nightly.outputs import not_done, write_outputs
from workbench.records.night_drill import HUNG, NightDrill
from workbench.report.night_ci import ANNOTATIONS_MAX, annotation_lines, to_junit, to_summary
from workbench.report.night_exports import to_grafana, to_prometheus
from workbench.report.night_words import Finding, findings, missed_objective
from workbench.scenario import Suite

NIGHT = "2026-03-15"
# What Jenkins' junit-10.xsd allows: attributes and children of each element.
ALLOWED = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors", "skipped", "time", "timestamp"}, {"testcase"}),
    "testcase": ({"name", "classname", "time"}, {"skipped", "error", "failure", "system-out"}),
    "failure": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
    "skipped": ({"type", "message"}, set()),
    "system-out": (set(), set()),
}


def drills_of_a_bad_night() -> list[NightDrill]:
    """Return a history whose last night has a slower hub, a hung drill, an inconclusive one and a missed objective."""
    bad = nights(13, 15, factor=1.3)
    others = [drill(15, repeat, scenario="redis-loss") for repeat in (1, 2, 3)]
    others[0] = failed(others[0], HUNG, None, "no <answer> & 100 %")
    others[1] = failed(others[1], exit_code=4, reason="load as planned: 80 %")
    rows = tuple(replace(row, observed=31.0, kept=False) if row.primary else row for row in others[2].metrics)
    others[2] = replace(others[2], as_expected=False, resilience="FAIL", exit_code=1, metrics=rows)
    return [*nights(1, 12), *bad, *others]


def test_junit_keeps_to_the_schema_and_tells_hub_from_tool() -> None:
    """A case for each drill and primary metric, one for each metric over the nights; counts are right."""
    history = drills_of_a_bad_night()
    judged = judge_night(history, "s", NIGHT, 21)
    data = to_junit(judged, {"broker-stop": 2})
    root = ElementTree.fromstring(data)
    for element in root.iter():
        attributes, children = ALLOWED[element.tag]
        assert set(element.attrib) <= attributes
        assert {child.tag for child in element} <= children
    broker, redis, stop = root
    assert [broker.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["4", "1", "0", "0"]
    assert [redis.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["4", "1", "1", "2"]
    assert [stop.get(name) for name in ("tests", "skipped")] == ["2", "2"]
    (slower,) = broker.findall("testcase/failure")
    assert slower.get("type") == "hub"
    assert "detection" in str(slower.get("message")) or "most of it in" in str(slower.get("message"))
    assert [each.get("type") for each in redis.findall("testcase/error")] == ["tool"]
    assert "31.0 s, objective 30 s" in str(redis.findall("testcase/failure")[0].get("message"))
    assert redis.findall("testcase/skipped")[0].get("message") == "load as planned: 80 %"
    assert len({(case.get("classname"), case.get("name")) for case in root.iter("testcase")}) == 10


def test_what_had_not_come_back_when_watching_ended_took_longer_than_that() -> None:
    """The clock was still running: the value is a bound, and is called one."""
    row = replace(drill(15, 1).metrics[0], observed=None, at_least=180.0, kept=False, at_most=120.0)
    assert missed_objective(row).endswith("over 180 s, objective 120 s")
    assert "over" not in missed_objective(replace(row, observed=181.0))


def test_annotations_are_escaped_few_and_the_worst_come_first() -> None:
    """Ten lines at most, the last one says how many more; the hub before the tool before what is open."""
    history = drills_of_a_bad_night()
    found = findings(judge_night(history, "s", NIGHT, 21), {"broker-stop": 2})
    assert [each.level for each in found] == ["error", "error", "error", "warning", "warning"]
    assert "slower hub" in found[0].title
    lines = annotation_lines(found)
    assert lines[2].startswith("::error title=redis-loss seed 1%3A broken tool::")
    assert lines[2].endswith("no <answer> & 100 %25")
    many = annotation_lines([Finding("error", f"a, {number}", "one\ntwo") for number in range(14)])
    assert len(many) == ANNOTATIONS_MAX
    assert many[0] == "::error title=a%2C 0::one%0Atwo"
    assert many[-1] == "::error title=and 5 more::the summary has all of them"
    assert annotation_lines([]) == []


def test_the_summary_says_it_first() -> None:
    """The headline, what is not as it was, then a row a metric; a pipe does not break the table."""
    history = drills_of_a_bad_night()
    text = to_summary(judge_night(history, "s", NIGHT, 21), {}, "a | b")
    assert text.startswith("## Night 2026-03-15, suite `s`: A tool failed")
    assert "6 drills: 4 proved something, 1 inconclusive, 1 failed. It ended early: a \\| b." in text
    assert "&lt;answer>" in text
    assert text.count("\n| ") == 4


def test_prometheus_and_grafana_read_what_is_written() -> None:
    """The text format parses; times of annotations are in milliseconds."""
    one = drill(15, 1)
    families = {family.name: family for family in text_string_to_metric_families(to_prometheus([one]).decode())}
    (observed,) = families["workbench_drill_observed"].samples
    assert observed.labels["scenario"] == "broker-loss"
    assert observed.value == pytest.approx(one.metrics[0].observed)
    assert len(families["workbench_drill_predicted"].samples) == 3
    (payload,) = to_grafana([one])
    assert payload["timeEnd"] - payload["time"] == 200_000
    assert {"scenario:broker-loss", "run:run-broker-loss-15-1"} <= set(payload["tags"])


def test_what_changed_is_numbered_on_the_trend_page(tmp_path: Path) -> None:
    """A table says what the numbered lines are; a hub on a cluster has a panel of its own and is called one."""
    late = [replace(each, manifests="nnnnnnnnnnnn", commit="beefbeef") for each in nights(13, 15, factor=1.6)]
    cluster = [replace(each, target="kubernetes", suite="c") for each in nights(13, 15)]
    history = [*nights(1, 12), *late, *cluster]
    write_outputs(tmp_path / "s", judge_night(history, "s", NIGHT, 21), history, {}, "")
    page = (tmp_path / "s" / "trend.html").read_text()
    assert "What changed at the numbered lines" in page
    assert "nnnnnnn</td>" in page
    assert "the workbench&#39;s commit" in page or "the workbench's commit" in page
    assert "since the manifests and the workbench" in page
    assert "on kubernetes" in page
    assert "an embedded hub of real servers" in page
    write_outputs(tmp_path / "c", judge_night(history, "c", NIGHT, 21), history, {}, "")
    assert "a hub on Kubernetes" in (tmp_path / "c" / "trend.html").read_text()


def test_every_file_is_written_and_the_page_is_sound(tmp_path: Path) -> None:
    """One page without a script or a request, the same bytes again; JSON that parses; drills not begun are counted."""
    history = drills_of_a_bad_night()
    judged = judge_night(history, "s", NIGHT, 21)
    missing = not_done(Suite("s", "S", 600.0, 21, {"broker-loss": 5, "redis-loss": 3}), judged.drills)
    assert missing == {"broker-loss": 2}
    for name in ("one", "two"):
        write_outputs(tmp_path / name, judged, history, missing, "")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names[:4] == ["annotations.txt", "drills.prom", "grafana-annotations.json", "junit.xml"]
    assert names[4:] == ["night.json", "summary.md", "trend.html"]
    page = (tmp_path / "one" / "trend.html").read_text()
    assert page == (tmp_path / "two" / "trend.html").read_text()
    found = structure_of(page)
    assert found.problems == found.open == found.addresses == []
    assert len(found.ids) == len(set(found.ids))
    assert set(found.references) <= set(found.ids)
    assert found.headings == ["h1"] + ["h2"] * 5
    assert not found.tags & {"script", "link", "img", "iframe"}
    night = orjson.loads((tmp_path / "one" / "night.json").read_bytes())
    assert (night["exit_code"], night["not_done"], len(night["drills"])) == (3, {"broker-loss": 2}, 6)
