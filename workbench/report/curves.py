"""The curves of a run, observed and predicted: cut to what is shown, thinned for drawing, by the second for tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from workbench.metrics.functions import GRID_STEP_S
from workbench.report.milestones import Milestone
from workbench.report.record import Record

BEFORE_S: Final = 15.0  # shown before the fault
AFTER_FACTOR: Final = 1.15  # times the last milestone or the end of its 90 % interval
POINTS_MAX: Final = 480  # drawn a curve
TABLE_ROWS_MAX: Final = 400
NAMES: Final = ("acked_per_s", "ack_s_p99", "backlog_events", "lag_records")

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """One quantity over time, seconds since the fault; empty arrays where there is nothing."""

    name: str
    grid_s: FloatArray
    values: FloatArray  # NaN: no data
    envelope_s: FloatArray
    envelopes: dict[str, tuple[FloatArray, FloatArray]]  # "90", "50": lower and upper edge

    def cut(self, low_s: float, high_s: float) -> Curve:
        """Return the part between two times."""
        seen = (self.grid_s >= low_s) & (self.grid_s <= high_s)
        said = (self.envelope_s >= low_s) & (self.envelope_s <= high_s)
        envelopes = {level: (low[said], high[said]) for level, (low, high) in self.envelopes.items()}
        return Curve(self.name, self.grid_s[seen], self.values[seen], self.envelope_s[said], envelopes)

    @property
    def peak(self) -> float | None:
        """Return the highest observed value, None without data."""
        return float(np.nanmax(self.values)) if np.isfinite(self.values).any() else None

    @property
    def envelope_peak(self) -> float:
        """Return the highest point of the 90 % envelope, 0 without one."""
        upper = self.envelopes.get("90", (np.empty(0), np.empty(0)))[1]
        return float(np.nanmax(upper)) if np.isfinite(upper).any() else 0.0

    def gaps(self, longer_than_s: float) -> list[tuple[float, float]]:
        """Return the stretches without data, start and end in seconds."""
        missing = np.isnan(self.values)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8)))
        spans = [
            (float(self.grid_s[start]), float(self.grid_s[stop - 1] + GRID_STEP_S))
            for start, stop in zip(edges[::2], edges[1::2], strict=True)
        ]
        return [(start, end) for start, end in spans if end - start > longer_than_s]


def curves(record: Record) -> list[Curve]:
    """Return the four curves of a run, in the order of the panels, each possibly empty."""
    return [_curve(record, name) for name in NAMES]


def shown_from_to(record: Record, reached: Sequence[Milestone]) -> tuple[float, float]:
    """Return the time shown, seconds since the fault."""
    end = AFTER_FACTOR * max([10.0, *(milestone.latest_s for milestone in reached)])
    stopped = record.stopped_at_s
    return -BEFORE_S, end if stopped is None else max(end, AFTER_FACTOR * stopped)


def thin_line(curve: Curve) -> tuple[FloatArray, FloatArray]:
    """Return times and values with at most POINTS_MAX points, keeping every extreme."""
    factor = math.ceil(2 * len(curve.grid_s) / POINTS_MAX)
    if factor <= 2:
        return curve.grid_s, curve.values
    times, values = [], []
    for start in range(0, len(curve.grid_s), factor):
        part = curve.values[start : start + factor]
        present = np.flatnonzero(np.isfinite(part))
        extremes = (
            {int(present[np.argmin(part[present])]), int(present[np.argmax(part[present])])} if len(present) else {0}
        )
        for index in sorted(extremes):
            times.append(curve.grid_s[start + index])
            values.append(part[index])
    return np.array(times), np.array(values)


def thin_envelope(curve: Curve, level: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return times, lower and upper edge with at most POINTS_MAX points, never narrower than the original."""
    low, high = curve.envelopes[level]
    factor = math.ceil(len(curve.envelope_s) / POINTS_MAX)
    if factor <= 1:
        return curve.envelope_s, low, high
    starts = np.arange(0, len(curve.envelope_s), factor)
    return curve.envelope_s[starts], np.fmin.reduceat(low, starts), np.fmax.reduceat(high, starts)


def by_second(found: Sequence[Curve]) -> tuple[float, list[tuple[float, list[float | None]]]]:
    """Return the step (s) and, for each step, its start and each curve's value.

    A rate is the mean of its step, everything else the highest value in it. The step is one second, or more
    where that would give over TABLE_ROWS_MAX rows.
    """
    times = [time for curve in found for time in (curve.grid_s[:1], curve.grid_s[-1:]) if len(time)]
    if not times:
        return 1.0, []
    low, high = math.floor(min(times)[0]), math.ceil(max(times)[0])
    step = float(math.ceil((high - low) / TABLE_ROWS_MAX)) or 1.0
    rows = []
    for start in np.arange(low, high, step):
        rows.append((float(start), [_over(curve, start, start + step) for curve in found]))
    return step, rows


def _over(curve: Curve, low_s: float, high_s: float) -> float | None:
    part = curve.values[(curve.grid_s >= low_s) & (curve.grid_s < high_s)]
    part = part[np.isfinite(part)]
    if len(part) == 0:
        return None
    return float(np.mean(part) if curve.name == "acked_per_s" else np.max(part))


def _curve(record: Record, name: str) -> Curve:
    values = _array((record.observed.get("curves") or {}).get(name))
    grid_s = _array(record.observed.get("grid_s"))
    if len(values) != len(grid_s):
        grid_s, values = np.empty(0), np.empty(0)
    envelopes: dict[str, tuple[FloatArray, FloatArray]] = {}
    envelope_s = np.empty(0)
    if record.prediction is not None and name in record.prediction.envelopes:
        envelope_s = _array(record.prediction.envelope_grid_s)
        columns = record.prediction.envelopes[name]
        envelopes = {
            "90": (_array(columns["5"]), _array(columns["95"])),
            "50": (_array(columns["25"]), _array(columns["75"])),
        }
    return Curve(name, grid_s, values, envelope_s, envelopes)


def _array(column: Sequence[Any] | None) -> FloatArray:
    return np.array([np.nan if value is None else value for value in column or ()], dtype=np.float64)
