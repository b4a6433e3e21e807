"""From measured stretches to what an event takes (saturation.Demands), and draws of it by resampling seconds.

Utilization law: cores busy = base + demand * rate. How much busy cores slow each other down comes from rows over one
connection and over as many as there are cores; everything else is divided by it first. Then one non-negative least
squares fit (scipy) tells apart what nothing, a client's batch, a record and what follows it take.

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
from workbench.metrics.tables import FloatArray
from workbench.model.cores import session_speed
from workbench.model.saturation import Demands, SizeDemands, batches_per_s, factor_beside
from workbench.records.saturation import Kind, Measured, Second, Stretch
from workbench.streams import stream

FACTOR_MAX: Final = 2.5
CORES_MIN: Final = 0.05  # no stretch's use of the cores is known better than this


def demands_of(measured: Measured) -> Demands:
    """Return the demands that the stretches give. Raises BadInput where a kind of stretch is missing."""
    sizes = sorted({each.event_bytes for each in measured.stretches if each.kind is not Kind.REST})
    for kind in Kind:
        if not any(each.kind is kind for each in measured.stretches):
            raise BadInput(f"nothing was measured of {kind.value}: measure again")
    blank = Demands(measured.cores, 1.0, 0.0, 0.0, measured.shares, ())
    known = replace(blank, full_factor=_full_factor(measured))
    solved = _short_tasks(measured, known, sizes)
    known = replace(known, base_cores=float(solved[0]), batch_s=float(solved[1]))
    found = []
    for place, event_bytes in enumerate(sizes):
        produce_s, follow_s = (float(each) for each in solved[2 + 2 * place : 4 + 2 * place])
        cycle = _cycle(_one(measured, Kind.BACKLOG, event_bytes, 1), known)
        row = _cycle(_one(measured, Kind.ROWS, event_bytes, 1), known)
        found.append(SizeDemands(event_bytes, produce_s, follow_s, *cycle[:2], *row))
    return replace(known, sizes=tuple(found))


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


def _short_tasks(measured: Measured, known: Demands, sizes: Sequence[int]) -> FloatArray:
    """Return base cores, seconds a batch, then for each size seconds a record and of what follows it."""
    rows, cores = [], []
    uniform = (1.0 / len(measured.shares),) * len(measured.shares)
    for each in measured.stretches:
        if each.kind not in (Kind.REST, Kind.RECORDS, Kind.EVENTS):
            continue
        mean = _mean(each)
        row = np.zeros(2 + 2 * len(sizes))
        row[0] = 1.0
        if each.kind is not Kind.REST:
            place = 2 + 2 * sizes.index(each.event_bytes)
            row[1] = batches_per_s(mean.rate_per_s, uniform if each.kind is Kind.RECORDS else measured.shares)
            row[place] = mean.rate_per_s
            row[place + 1] = mean.rate_per_s if each.kind is Kind.EVENTS else 0.0
        slowed = 1.0 + (known.full_factor - 1.0) * min(1.0, mean.busy_cores / known.cores)
        rows.append(row)
        cores.append((mean.busy_cores - mean.cycle_cores) / slowed)
    weights = 1.0 / np.maximum(cores, CORES_MIN)
    solved, _ = nnls(np.array(rows) * weights[:, None], np.array(cores) * weights)
    return np.asarray(solved, dtype=np.float64)


def _cycle(mean: Second, known: Demands) -> tuple[float, float, float]:
    """Return what an event takes one consumer that is saturated: computing, waiting, and what follows it (s)."""
    short = max(0.0, mean.busy_cores - mean.cycle_cores)
    compute_s = mean.cycle_cores / mean.rate_per_s
    wait_s = max(0.0, 1.0 / mean.rate_per_s - compute_s / session_speed(known.cores, short, 1))
    slowed = 1.0 + (known.full_factor - 1.0) * min(1.0, mean.busy_cores / known.cores)
    follow_s = max(0.0, short / slowed - known.base_cores) / mean.rate_per_s
    return compute_s / factor_beside(known, short), wait_s, follow_s
