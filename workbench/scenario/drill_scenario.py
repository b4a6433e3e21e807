"""Scenario: one drill's input as typed values (form checked by workbench.scenario.read_scenario)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from workbench.fault import FailoverRule, Fault, Part, RestartRule
from workbench.metrics.catalogue import READER_METRICS
from workbench.workload import Workload


class Expectation(StrEnum):
    """What a scenario expects of a verdict."""

    PASS = "PASS"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Objective:
    """The hub keeps it when `metric` <= `at_most` (unit as in the metric's name)."""

    metric: str
    at_most: float


@dataclass(frozen=True)
class PrimaryMetric:
    """Judges the prediction. A sealed 90 % interval wider than `width_max` is INCONCLUSIVE."""

    metric: str
    width_max: float


@dataclass(frozen=True)
class Scenario:
    """One drill's input. Times in seconds."""

    name: str
    title: str
    path: Path  # the file it was read from
    text: str  # that file's text, for run.json
    sha256: str
    manifests: Path  # folder with a kustomization.yaml, absolute
    workload: Workload
    restart: RestartRule
    experiment: Path  # Chaos Toolkit file, absolute
    faults: tuple[Fault, ...]
    fault_window_s: float  # the moment is drawn uniformly from this long a stretch, >= 10
    baseline_s: float  # length of the baseline, >= 15
    recovery_timeout_s: float  # longest wait for full recovery after the last fault
    objectives: tuple[Objective, ...]
    primary: tuple[PrimaryMetric, ...]  # one to three
    expect: Mapping[str, Expectation]  # keys "resilience" and "prediction"

    @property
    def failover(self) -> FailoverRule:
        """Return whether the hub's Postgres fails over: where the fault is named after it."""
        fails_over = any(fault.part is Part.POSTGRES_FAILOVER for fault in self.faults)
        return FailoverRule.KUBEGRES_RULES if fails_over else FailoverRule.NONE

    @property
    def reads(self) -> bool:
        """Return whether somebody reads at the gateway and the fault's cost to them is modelled."""
        return self.workload.readers is not None and self.faults[0].part in READER_METRICS
