"""Intervals corrected by how far earlier predictions were off: conformal, and prequential.

A residual is how far an observation lay from its predicted median on a logarithmic scale, in standard deviations
of the prediction on that side. A corrected interval reaches as many of them as earlier residuals say. Only
records that were sealed before it count, those of the same fault where these are enough, else all. Drills of one
configuration resemble each other more than others do, so each configuration has one weight, shared by its drills
(Lee, Barber and Willett 2023, Distribution-free inference with hierarchical data). Without enough configurations
a level has no corrected interval: 1 for 50 %, 4 for 80 %, 9 for 90 %.

Left out: metrics at 0, which have no logarithm; intervals that lean to one side.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy.stats import norm

from workbench.records.prediction import lies_inside
from workbench.records.reference import ReferenceMetric, ReferenceRecord

LEVELS: Final = (50, 80, 90)
SPREAD_MIN: Final = 1e-3  # of a prediction on the logarithmic scale: 0.1 %
_DEVIATIONS: Final = float(norm.ppf(0.95))  # of a 95 % quantile above the median


@dataclass(frozen=True)
class Spread:
    """A prediction on the logarithmic scale: its median and one standard deviation below and above it."""

    median: float
    below: float
    above: float

    def interval(self, deviations: float) -> tuple[float, float]:
        """Return the interval that reaches so many deviations to either side, in the metric's unit."""
        return math.exp(self.median - deviations * self.below), math.exp(self.median + deviations * self.above)

    def residual(self, value: float) -> float:
        """Return how many deviations a value lies from the median, without its sign."""
        off = math.log(value) - self.median
        return off / self.above if off > 0.0 else -off / self.below


def spread_of(row: ReferenceMetric) -> Spread | None:
    """Return the sealed prediction's spread; None where it reaches 0, or there is none.

    Never finer than the observation can tell.
    """
    if not row.percentiles:
        return None
    low, middle, high = (row.predicted(percent) for percent in (5, 50, 95))
    if low <= 0.0:
        return None
    finest = max(SPREAD_MIN, row.resolution / middle)
    below, above = math.log(middle / low) / _DEVIATIONS, math.log(high / middle) / _DEVIATIONS
    return Spread(math.log(middle), max(below, finest), max(above, finest))


@dataclass(frozen=True)
class Judged:
    """Whether one record's observation lay in its corrected interval of `percent`."""

    run_id: str
    scenario: str
    metric: str
    percent: int
    inside: bool


@dataclass
class Residuals:
    """What earlier records say of a metric's predictions: residuals by metric, then by fault and configuration."""

    _by_metric: dict[str, dict[tuple[str, str], list[float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def add(self, record: ReferenceRecord) -> None:
        """Take in what a record shows."""
        for row in record.metrics:
            spread = spread_of(row)
            if spread is not None and row.observed is not None and row.observed > 0.0:
                group = record.fault, f"{record.scenario} {record.configuration}"
                self._by_metric[row.name][group].append(spread.residual(row.observed))

    def deviations(self, metric: str, fault: str, percent: int) -> float | None:
        """Return how many deviations an interval of `percent` must reach; None without enough configurations."""
        groups = self._by_metric[metric]
        same = [values for (its_fault, _), values in groups.items() if its_fault == fault]
        found = conformal_quantile(same, percent / 100.0)
        return conformal_quantile(list(groups.values()), percent / 100.0) if found is None else found


def conformal_quantile(groups: Sequence[Sequence[float]], level: float) -> float | None:
    """Return the smallest value that holds `level` of the weight, each group's being 1 and the new one's infinite.

    None where all groups together do not reach it.
    """
    wanted = level * (len(groups) + 1)
    if not groups or wanted > len(groups) + 1e-9:
        return None
    values = np.concatenate([np.asarray(group) for group in groups])
    weights = np.concatenate([np.full(len(group), 1.0 / len(group)) for group in groups])
    order = np.argsort(values, kind="stable")
    reached = int(np.searchsorted(np.cumsum(weights[order]), wanted - 1e-9))
    return float(values[order[min(reached, len(values) - 1)]])


def prequential(records: Sequence[ReferenceRecord]) -> list[Judged]:
    """Return what became of every corrected interval that there could have been; `records` in their seals' order."""
    earlier = Residuals()
    judged = []
    for record in records:
        for row in record.metrics:
            spread = spread_of(row)
            if spread is None:
                continue
            for percent in LEVELS:
                deviations = earlier.deviations(row.name, record.fault, percent)
                if deviations is None:
                    continue
                inside = lies_inside(row.observed, row.at_least, spread.interval(deviations))
                if inside is not None:
                    judged.append(Judged(record.run_id, record.scenario, row.name, percent, inside))
        earlier.add(record)
    return judged
