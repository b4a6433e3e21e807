"""The milestones and phases of a recovery: which metric is which stretch, and when each milestone was reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from workbench.metrics.catalogue import POLL_S
from workbench.metrics.numbers import Scale, scale
from workbench.records.prediction import interval, median
from workbench.report.record import Record
from workbench.report.row import Interval, Row


@dataclass(frozen=True)
class Milestone:
    """One instant of the recovery, seconds since the fault; None where not reached or not predicted."""

    number: str
    title: str
    reached: str  # "all leaders had moved after {}"
    observed: float | None
    median: float | None
    intervals: Mapping[str, Interval]
    row: Row | None  # the metric it is the same as, if any

    @cached_property
    def scale(self) -> Scale:
        """Return how its numbers are written."""
        if self.row is not None:
            return self.row.scale
        return scale("s", [1.0, self.observed, self.median, *self.intervals.get("90", ())], POLL_S)

    @property
    def observed_text(self) -> str:
        """Return the observed instant without its unit."""
        if self.observed is None and self.row is not None and self.row.at_least is not None:
            return self.row.observed_text()
        return "not reached" if self.observed is None else self.scale.bare(self.observed)

    @property
    def text(self) -> str:
        """Return "14.9 s (11.6-20.9)"."""
        observed = self.observed_text
        observed = observed if observed == "not reached" else f"{observed} {self.scale.unit}"
        if "90" not in self.intervals:
            return observed
        return f"{observed} ({self.scale.span(*self.intervals['90'])})"

    @property
    def latest_s(self) -> float:
        """Return the later of the observation and the 90 % interval's end."""
        return max(self.observed or 0.0, self.intervals.get("90", (0.0, 0.0))[1])


def milestones(record: Record) -> list[Milestone]:
    """Return every milestone that was predicted or reached, in the order of their numbers."""
    found = []
    for wanted in record.page.milestones:
        column = _sum_of_columns(record, wanted.phases)
        middle = median(column)
        observed = _observed(record, wanted.phases)
        if observed is None and wanted.entry:
            observed = record.moment(wanted.entry)
        levels = () if np.isnan(middle) else ("50", "80", "90")
        intervals = {level: interval(column, float(level)) for level in levels}
        if observed is not None or intervals:
            row = record.row(wanted.phases[0]) if len(wanted.phases) == 1 else None
            median_s = None if np.isnan(middle) else middle
            found.append(Milestone(wanted.number, wanted.title, wanted.reached, observed, median_s, intervals, row))
    return found


def phase_rows(record: Record) -> list[tuple[str, Row]]:
    """Return number and row of every phase of this run, the total last."""
    found = [(number, record.row(name)) for number, name in (*record.page.phases, ("total", record.page.total))]
    return [(number, row) for number, row in found if row is not None]


def _observed(record: Record, parts: Sequence[str]) -> float | None:
    total = 0.0
    for name in parts:
        row = record.row(name)
        if row is None or row.observed is None:
            return None
        total += row.observed
    return total


def _sum_of_columns(record: Record, parts: Sequence[str]) -> list[float | None]:
    """Add the phases of each replication; None where one of them has no value."""
    if record.prediction is None or any(name not in record.prediction.metrics for name in parts):
        return []
    columns = [record.prediction.metrics[name] for name in parts]
    sums: list[float | None] = []
    for values in zip(*columns, strict=True):
        present = [value for value in values if value is not None]
        sums.append(sum(present) if len(present) == len(parts) else None)
    return sums
