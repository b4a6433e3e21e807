"""All drills together: metrics that mean the same in one family, against what is wanted of it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from workbench.compare.pooled import Pooled, pooled
from workbench.records.reference import ReferenceMetric, ReferenceRecord

COVERAGE_WANTED: Final = (0.80, 0.97)  # of the sealed 90 % intervals
LEVEL: Final = 90
MANY_LOST: Final = 100.0  # fewer are no share to be wrong by
RECOVERY_ERROR_MAX: Final = 0.12
JUDGED_MIN: Final = 5  # drills


@dataclass(frozen=True)
class Family:
    """Which rows belong together, and the largest median error and relative width that are wanted; None: no bound."""

    title: str
    holds: Callable[[ReferenceMetric], bool]
    error_max: float | None = None
    width_max: float | None = None


@dataclass(frozen=True)
class FamilyFidelity:
    """A family over some drills. Errors are relative sizes; the width is that of 90 %, over the observed value."""

    title: str
    drills: int
    values: int
    error_median: float
    error_max: float | None
    coverage: Pooled
    width_median: float
    width_max: float | None

    @property
    def missed(self) -> tuple[str, ...]:
        """Return what is not as wanted: error, coverage (where its whole range is outside), width; of enough drills."""
        if self.drills < JUDGED_MIN:
            return ()
        low, high = COVERAGE_WANTED
        outside = self.coverage.high < low or self.coverage.low > high
        wide = self.width_max is not None and self.width_median > self.width_max
        off = self.error_max is not None and self.error_median > self.error_max
        return tuple(word for word, bad in (("error", off), ("coverage", outside), ("width", wide)) if bad)

    @property
    def verdict(self) -> str:
        """Return the same in words; "-" where all is as wanted."""
        return "too few" if self.drills < JUDGED_MIN else ", ".join(self.missed) or "-"


def _named(*names: str) -> Callable[[ReferenceMetric], bool]:
    return lambda row: row.name in names


def _matching(pattern: str) -> Callable[[ReferenceMetric], bool]:
    return lambda row: re.fullmatch(pattern, row.name) is not None


def _is_duration(row: ReferenceMetric) -> bool:
    return row.unit == "s" and row.kind == "metric" and not re.search(r"_p\d+$", row.name)


_BACKLOG: Final = _named("pipeline_backlog_events_max", "pipeline_drain_s")
FAMILIES: Final = (
    Family("unavailability and recovery", _is_duration, RECOVERY_ERROR_MAX, 0.6),
    Family("phases", lambda row: row.kind == "phase" and not _BACKLOG(row), 0.2),
    Family("steady times, p50", _matching("(ack|commit)_steady_s_p50"), 0.08),
    Family("steady times, p95", _matching("(ack|commit)_steady_s_p95"), 0.12),
    Family("steady times, p99", _matching("(ack|commit)_steady_s_p99"), 0.15),
    Family("highest backlog and its drain", _BACKLOG, 0.15),
    Family(
        "lost, where over 100 were",
        lambda row: row.name in ("acknowledged_records_lost", "rows_lost") and (row.observed or 0.0) > MANY_LOST,
        0.25,
    ),
    Family("times during the outage", _matching("(ack|commit)_during_s_p.*")),
    Family("times after the recovery", _matching("(ack|commit)_after_s_p.*")),
    Family("every metric", lambda _: True),
)


def families(records: Sequence[ReferenceRecord]) -> tuple[FamilyFidelity, ...]:
    """Return each family over some scored drills; one without any row is left out."""
    found = (_family(each, records) for each in FAMILIES)
    return tuple(each for each in found if each.values)


def _family(family: Family, records: Sequence[ReferenceRecord]) -> FamilyFidelity:
    parts = (replace(each, metrics=tuple(row for row in each.metrics if family.holds(row))) for each in records)
    mine = [each for each in parts if each.metrics]
    rows = [row for each in mine for row in each.metrics if row.observed is not None and row.percentiles]
    errors = [abs(error) for row in rows if (error := row.relative_error) is not None]
    widths = [(row.predicted(95) - row.predicted(5)) / row.observed for row in rows if row.observed]
    return FamilyFidelity(
        title=family.title,
        drills=len(mine),
        values=len(rows),
        error_median=float(np.median(errors)) if errors else math.nan,
        error_max=family.error_max,
        coverage=pooled(mine, LEVEL),
        width_median=float(np.median(widths)) if widths else math.nan,
        width_max=family.width_max,
    )
