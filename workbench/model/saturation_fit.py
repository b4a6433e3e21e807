"""From measured stretches to what an event takes (saturation.Demands), and draws of it by resampling seconds.

How much busy cores slow each other down comes from rows over one connection and over as many as there are cores. A
processor that has more than it can do always wants to run. The share of a core, s, that each of c of them gets beside
one and beside two tells rivals that always want to run, n, from those with so much work, w: s (n + c) + w = cores
(least squares, neither below 0).

Left out: drift over the minutes of measuring, and whatever a model of straight lines leaves out; so draws show what
the samples' scatter does, not how wrong the model is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.optimize import nnls

from workbench.errors import BadInput
from workbench.model.cores import session_speed
from workbench.model.saturation import Demands, SizeDemands, factor_beside
from workbench.records.saturation import Kind, Measured, Second, Stretch
from workbench.streams import stream

FACTOR_MAX: Final = 2.5


def demands_of(measured: Measured) -> Demands:
    """Return the demands that the stretches give. Raises BadInput where a kind of stretch is missing."""
    sizes = sorted({each.event_bytes for each in measured.stretches if each.kind is not Kind.REST})
    for kind in Kind:
        if not any(each.kind is kind for each in measured.stretches):
            raise BadInput(f"nothing was measured of {kind.value}: measure again")
    blank = Demands(measured.cores, 1.0, _one(measured, Kind.REST, 0, 0).busy_cores, measured.shares, ())
    known = replace(blank, full_factor=_full_factor(measured))
    return replace(known, sizes=tuple(_of_size(measured, known, size) for size in sizes))


def draws_of(measured: Measured, count: int, seed: int) -> list[Demands]:
    """Return so many draws: each from the stretches with their seconds resampled."""
    rng = stream(seed, "saturation-draws")
    found = []
    for _ in range(count):
        stretches = tuple(
            replace(each, seconds=tuple(each.seconds[i] for i in rng.integers(0, len(each.seconds), len(each.seconds))))
            for each in measured.stretches
        )
        found.append(demands_of(replace(measured, stretches=stretches)))
    return found


def _mean(stretch: Stretch) -> Second:
    rows = np.array([(each.rate_per_s, each.busy_cores, each.cycle_cores) for each in stretch.seconds])
    return Second(*(float(each) for each in rows.mean(axis=0)))


def _one(measured: Measured, kind: Kind, event_bytes: int, consumers: int) -> Second:
    for each in measured.stretches:
        if (each.kind, each.event_bytes, each.consumers) == (kind, event_bytes, consumers):
            return _mean(each)
    raise BadInput(f"nothing was measured of {kind.value} with {event_bytes} bytes and {consumers} consumers")


def _full_factor(measured: Measured) -> float:
    """Return how much longer work takes when every core is busy, from rows over one connection and over all cores."""
    found = []
    for each in measured.stretches:
        if each.kind is Kind.ROWS and each.consumers == measured.cores > 1:
            alone, full = _one(measured, Kind.ROWS, each.event_bytes, 1), _mean(each)
            per_row = [one.cycle_cores / one.rate_per_s for one in (alone, full)]
            others = [
                min(1.0, (one.busy_cores - one.cycle_cores / count) / (measured.cores - 1))
                for one, count in ((alone, 1), (full, each.consumers))
            ]
            below = per_row[0] * others[1] - per_row[1] * others[0]
            found.append((per_row[1] - per_row[0]) / below if below > 0.0 else 0.0)
    return float(np.clip(1.0 + np.mean(found), 1.0, FACTOR_MAX)) if found else 1.0


def _of_size(measured: Measured, known: Demands, event_bytes: int) -> SizeDemands:
    records = _one(measured, Kind.RECORDS, event_bytes, 0)
    contended = [each for each in measured.stretches if (each.kind, each.event_bytes) == (Kind.CONTENDED, event_bytes)]
    means = [_mean(each) for each in contended]
    return SizeDemands(
        event_bytes,
        1.0 / records.rate_per_s,
        min(1.0, records.busy_cores / known.cores),
        float(np.mean([mean.cycle_cores / mean.rate_per_s for mean in means])),
        *_rivals(known.cores, [each.consumers for each in contended], [mean.cycle_cores for mean in means]),
        *_row(_one(measured, Kind.ROWS, event_bytes, 1), known),
    )


def _rivals(cores: int, processors: Sequence[int], used_cores: Sequence[float]) -> tuple[float, float]:
    """Return who always wants to run beside saturated processors, and the work of all others (cores)."""
    used = np.array(used_cores)
    shares = used / np.array(processors)
    solved, _ = nnls(np.column_stack([shares, np.ones_like(shares)]), np.maximum(0.0, cores - used))
    return float(solved[0]), float(solved[1])


def _row(mean: Second, known: Demands) -> tuple[float, float, float]:
    """Return what a row takes one connection that is saturated: computing, waiting, and what follows it (s)."""
    short = max(0.0, mean.busy_cores - mean.cycle_cores)
    compute_s = mean.cycle_cores / mean.rate_per_s
    wait_s = max(0.0, 1.0 / mean.rate_per_s - compute_s / session_speed(known.cores, short, 1))
    slowed = 1.0 + (known.full_factor - 1.0) * min(1.0, mean.busy_cores / known.cores)
    follow_s = max(0.0, short / slowed - known.base_cores) / mean.rate_per_s
    return compute_s / factor_beside(known, short), wait_s, follow_s
