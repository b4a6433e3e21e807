"""The files of a night: for continuous integration, for Prometheus and Grafana, and the trend page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from workbench.compare.nights import NightJudgement
from workbench.records.folder import FORMAT_VERSION, dump_json, write_durably
from workbench.records.night_drill import NightDrill
from workbench.report.night_ci import annotation_lines, to_junit, to_summary
from workbench.report.night_exports import to_grafana, to_prometheus
from workbench.report.night_words import findings
from workbench.scenario import Suite

JSON: Final = "night.json"
SUMMARY: Final = "summary.md"
ANNOTATIONS: Final = "annotations.txt"


def not_done(suite: Suite, drills: Sequence[NightDrill]) -> dict[str, int]:
    """Return how many drills of a suite a night has not begun, by scenario."""
    begun = Counter(drill.scenario for drill in drills)
    missing = {name: wanted - begun[name] for name, wanted in suite.drills.items()}
    return {name: count for name, count in missing.items() if count > 0}


def night_json(judged: NightJudgement, missing: Mapping[str, int], ended: str) -> dict[str, Any]:
    """Return the night for a machine to read."""
    drills = [{name: value for name, value in asdict(drill).items() if name != "metrics"} for drill in judged.drills]
    return {
        "format": FORMAT_VERSION,
        "suite": judged.suite,
        "night": judged.night,
        "exit_code": judged.exit_code,
        "ended_early": ended,
        "drills": drills,
        "metrics": [asdict(each) for each in judged.metrics],
        "not_done": dict(missing),
    }


def write_outputs(
    folder: Path, judged: NightJudgement, history: Sequence[NightDrill], missing: Mapping[str, int], ended: str
) -> None:
    """Write every file of a night; `history` are all drills, the earliest first."""
    from workbench.report.night_page import page_of  # matplotlib: half a second
    from workbench.report.pages import to_html

    folder.mkdir(parents=True, exist_ok=True)
    files = {
        JSON: dump_json(night_json(judged, missing, ended)),
        "junit.xml": to_junit(judged, missing),
        SUMMARY: to_summary(judged, missing, ended).encode(),
        ANNOTATIONS: "".join(f"{line}\n" for line in annotation_lines(findings(judged, missing))).encode(),
        "drills.prom": to_prometheus(judged.drills),
        "grafana-annotations.json": dump_json(to_grafana(judged.drills)),
        "trend.html": to_html(page_of(judged, history, missing, ended)).encode(),
    }
    for name, data in files.items():
        write_durably(folder / name, data)
