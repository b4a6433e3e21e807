"""What is kept of one drill for the comparison of nights: who, when, what came of it, every metric's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from workbench.errors import EXIT_INCONCLUSIVE
from workbench.records.reference import ReferenceMetric

QUANTILES: Final = (1, 5, 10, 25, 50, 75, 90, 95, 99)  # of a prediction, percent
IMPORTED: Final = "imported"  # the suite of drills that no night has run
DONE: Final = "done"
RUNNING: Final = "running"
KILLED: Final = "killed"  # ended by a signal
HUNG: Final = "hung"  # did not end in time


@dataclass(frozen=True)
class NightMetric:
    """One row of the catalogue in one drill. `at_least`: the clock was still running when watching ended."""

    name: str
    unit: str
    kind: str  # "metric" or "phase"
    primary: bool
    observed: float | None
    at_least: float | None
    quantiles: Mapping[int, float]  # predicted, at QUANTILES; empty where the model has no value
    inside_90: bool | None
    kept: bool | None  # the objective on it; None without one or without a value
    at_most: float | None = None  # the objective's bound

    @property
    def seen(self) -> float | None:
        """Return the observed value, or the least that it can have been."""
        return self.at_least if self.observed is None else self.observed


@dataclass(frozen=True)
class NightDrill:
    """One drill of a night. `repeat` counts from 1; (suite, night, scenario, repeat) names it."""

    suite: str
    night: str  # the day it began on, UTC, YYYY-MM-DD; the day's second one YYYY-MM-DD.02
    scenario: str
    repeat: int
    seed: int
    started_s: float  # epoch
    state: str = RUNNING
    ended_s: float | None = None
    exit_code: int | None = None
    run_id: str | None = None
    resilience: str = ""  # the verdicts' words
    prediction: str = ""
    as_expected: bool | None = None  # whether the resilience verdict is the one the scenario expects
    reason: str = ""  # why nothing of it counts
    target: str = "local"
    configuration: str = ""  # of scenario and manifests
    question: str = ""  # of the scenario alone: load, fault and timing; "" where nobody knows
    manifests: str = ""  # the beginning of their hash; "" where nobody knows
    commit: str = ""  # of the workbench: its model, and on an embedded hub the hub's own applications
    calibration: str = ""  # the beginning of its hash, "" without one
    cores: int = 0
    system: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    stolen_percent: float | None = None
    folder: str = ""
    metrics: tuple[NightMetric, ...] = ()

    @property
    def key(self) -> tuple[str, str, str, int]:
        """Return what a drill is counted by."""
        return self.suite, self.night, self.scenario, self.repeat

    @property
    def inconclusive(self) -> bool:
        """Tell whether the drill ended in order and yet proves nothing."""
        return self.state == DONE and self.exit_code == EXIT_INCONCLUSIVE

    def metric(self, name: str) -> NightMetric | None:
        """Return one row, None where the drill has none."""
        return next((row for row in self.metrics if row.name == name), None)


def night_metric(row: ReferenceMetric, at_most: float | None) -> NightMetric:
    """Return what is kept of a reference record's row."""
    quantiles = {percent: row.predicted(percent) for percent in QUANTILES} if row.percentiles else {}
    return NightMetric(
        row.name, row.unit, row.kind, row.primary, row.observed, row.at_least, quantiles, row.inside.get(90),
        row.kept, at_most,
    )  # fmt: skip
