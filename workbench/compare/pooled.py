"""Coverage, ranks and misses over many drills together: what a page about all of them says first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from workbench.records.reference import PERCENTS, ReferenceMetric, ReferenceRecord
from workbench.streams import stream

RESAMPLES: Final = 2000
BINS: Final = 10  # of ranks
WORST_MAX: Final = 10


@dataclass(frozen=True)
class Pooled:
    """How often sealed intervals of `percent` held over all judged rows; the range resamples drills, not rows."""

    percent: int
    inside: int
    judged: int
    low: float  # 5 and 95 % of the resampled shares; NaN without any row
    high: float

    @property
    def share(self) -> float:
        """Return the share inside; NaN without any row."""
        return self.inside / self.judged if self.judged else float("nan")


@dataclass(frozen=True)
class Miss:
    """One observation outside its sealed 90 % interval."""

    record: ReferenceRecord
    row: ReferenceMetric
    overshoot_widths: float  # beyond the interval's nearer end, in widths of the interval


def pooled(records: Sequence[ReferenceRecord], percent: int) -> Pooled:
    """Return the coverage of one level over every judged row of some drills.

    Rows of one drill go wrong together, so its range is a bootstrap over drills (Davison and Hinkley 1997, 3.8).
    """
    judged = np.array([sum(percent in row.inside for row in record.metrics) for record in records], np.int64)
    inside = np.array([sum(row.inside.get(percent, False) for row in record.metrics) for record in records], np.int64)
    if not judged.sum():
        return Pooled(percent, 0, 0, float("nan"), float("nan"))
    drawn = stream(0, "fidelity", "bootstrap", percent).integers(0, len(records), (RESAMPLES, len(records)))
    shares = inside[drawn].sum(axis=1) / np.maximum(judged[drawn].sum(axis=1), 1)
    low, high = np.percentile(shares, [5.0, 95.0])
    return Pooled(percent, int(inside.sum()), int(judged.sum()), float(low), float(high))


def ranks(rows: Sequence[ReferenceMetric]) -> list[int]:
    """Return how many observations fell into each tenth of their own prediction, the lowest tenth first.

    A prediction of one value alone, and what was not observed, has no rank.
    """
    counts = [0] * BINS
    for row in rows:
        if row.observed is None or not row.percentiles or row.percentiles[0] == row.percentiles[-1]:
            continue
        below = sum(value < row.observed for value in row.percentiles)
        counts[min(BINS - 1, BINS * below // (len(PERCENTS) + 1))] += 1
    return counts


def worst(records: Sequence[ReferenceRecord]) -> list[Miss]:
    """Return the WORST_MAX observations farthest outside their 90 % interval, in widths of it."""
    found = []
    for record in records:
        for row in record.metrics:
            if row.inside.get(90, True) or row.observed is None:
                continue
            low, high = row.predicted(5), row.predicted(95)
            beyond = max(low - row.observed, row.observed - high)
            if high > low and beyond > 0.0:
                found.append(Miss(record, row, beyond / (high - low)))
    return sorted(found, key=lambda miss: -miss.overshoot_widths)[:WORST_MAX]
