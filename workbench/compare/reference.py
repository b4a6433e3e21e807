"""From a run folder to its reference record."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np

from workbench.errors import EXIT_STOPPED
from workbench.records.folder import RunFolder, load_json
from workbench.records.machine import stolen_percent
from workbench.records.prediction import Prediction, finite, read_prediction, round_significant
from workbench.records.reference import INTERVALS, PERCENTS, ReferenceMetric, ReferenceRecord
from workbench.records.runs_index import IndexedRun
from workbench.scenario import question_of

CONFIGURATION_DIGITS: Final = 12  # of the manifests' and the calibration's hash as well
INCOMPLETE: Final = "incomplete: the driver ended before the comparison"


def record_of(sealed: IndexedRun) -> ReferenceRecord | None:
    """Return what is kept of a sealed prediction; None when its folder is gone."""
    if sealed.run is None:
        return None
    run, folder = sealed.run, RunFolder(sealed.folder)
    comparison = load_json(folder.comparison_json) if folder.comparison_json.exists() else None
    unscored = _unscored(run, comparison, sealed.sha256, folder)
    metrics: tuple[ReferenceMetric, ...] = ()
    if comparison is not None and not unscored:
        prediction = read_prediction(folder.prediction_json)
        metrics = tuple(_metric(row, prediction) for row in comparison["metrics"])
    return ReferenceRecord(
        run_id=sealed.run_id,
        scenario=sealed.scenario,
        seed=sealed.seed,
        sealed_s=sealed.sealed_s,
        sha256=sealed.sha256,
        commit=run["git"]["commit"],
        clean=run["git"]["clean"],
        configuration=configuration_of(run["scenario"]["sha256"], run["manifests_sha256"]),
        fault=run["fault"]["type"],
        cores=run["target"]["host"]["cores"],
        unscored=unscored,
        metrics=metrics,
        stolen_percent=round_significant(stolen_percent(folder)),
        target=run["target"]["name"],
        question=question_of(run["scenario"]["text"]),
        manifests=run["manifests_sha256"][:CONFIGURATION_DIGITS],
        calibration=(run.get("calibration") or {}).get("sha256", "")[:CONFIGURATION_DIGITS],
    )


def _unscored(run: dict[str, Any], comparison: dict[str, Any] | None, sha256: str, folder: RunFolder) -> str:
    """Return why a seal does not count, "" when it does.

    A prediction whose verdict is inconclusive only because its interval was too wide counts: leaving it out
    would flatter the widths.
    """
    if comparison is not None and comparison["exit_code"] == EXIT_STOPPED:
        return str(comparison["exit_reason"])
    if comparison is None or not run["complete"]:
        return INCOMPLETE
    if hashlib.sha256(folder.prediction_json.read_bytes()).hexdigest() != sha256:
        return "the prediction in the folder is not the sealed one"
    failed = [f"{check['name']}: {check['detail']}" for check in comparison["checks"] if not check["passed"]]
    return failed[0] if failed else ""


def configuration_of(scenario_sha256: str, manifests_sha256: str) -> str:
    """Return what is equal for drills that differ in their seed alone."""
    both = f"{scenario_sha256} {manifests_sha256}"
    return hashlib.sha256(both.encode()).hexdigest()[:CONFIGURATION_DIGITS]


def _metric(row: dict[str, Any], prediction: Prediction) -> ReferenceMetric:
    values = finite(prediction.metrics[row["name"]])
    percentiles = np.percentile(values, PERCENTS) if len(values) else ()
    objective = row["objective"] or {}
    inside = {percent: row[f"inside_{percent}"] for percent in INTERVALS}
    return ReferenceMetric(
        name=row["name"],
        unit=row["unit"],
        kind=row["kind"],
        primary=row["role"] == "primary",
        resolution=row["resolution"],
        percentiles=tuple(round_significant(float(value)) or 0.0 for value in percentiles),
        inside={percent: answer for percent, answer in inside.items() if answer is not None},
        observed=row["observed"],
        at_least=row["at_least"],
        chance_kept=objective.get("chance"),
        kept=objective.get("kept"),
    )
