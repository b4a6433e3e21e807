"""Where a ramp's backlog begins to grow: the rate at which a path saturates.

Below it what is offered but not done is a time of stay at the present rate (Little's law): B = w r(t). From the
knee on what is done stays behind a rate that grows by k a second: B grows by k' (t - t*)^2 / 2 besides, with k' above
k where the load's growth takes from what does the work. t* is the one with the least squares, w and k' follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from workbench.metrics.tables import FloatArray
from workbench.streams import stream

GRID_S: Final = 0.1
BLOCK_S: Final = 2.0  # of residuals that are resampled together: batches come in waves
DRAWS: Final = 200
INTERVAL: Final = (0.05, 0.95)
GROWN_SHARE: Final = 0.3  # of the offered slope that the backlog's has to reach: less is no knee
AFTER_S: Final = 4.0  # the least time after a knee to tell it from a wave


@dataclass(frozen=True)
class Knee:
    """When (s after the ramp's start) and at which offered rate (events/s); its 90 % interval by resampling."""

    at_s: float
    rate_per_s: float
    interval_90_per_s: tuple[float, float]


def knee(t_s: FloatArray, backlog: FloatArray, rate_at: Callable[[FloatArray], FloatArray], seed: int) -> Knee | None:
    """Return the knee of a linear ramp, None where the backlog never left what the rate explains.

    Args:
        t_s: times after the ramp's start (s), ascending, evenly spaced.
        backlog: what is offered and not done at each (events).
        rate_at: the offered rate (events/s) at such times; linear.
        seed: draws which residuals are resampled.
    """
    rates = rate_at(t_s)
    slope = float((rates[-1] - rates[0]) / (t_s[-1] - t_s[0]))
    grid = np.arange(t_s[0] + GRID_S, t_s[-1] - AFTER_S, GRID_S)
    grown = np.maximum(0.0, t_s[None, :] - grid[:, None]) ** 2 / 2.0
    place, stays_s, grows = (float(each[0]) for each in _best(rates, grown, backlog[:, None]))
    if grows < GROWN_SHARE * slope:
        return None
    at_s = float(grid[int(place)])
    fitted = stays_s * rates + grows * grown[int(place)]
    rng = stream(seed, "knee")
    block = max(1, round(BLOCK_S / float(t_s[1] - t_s[0])))
    drawn = np.column_stack([fitted + _resampled(backlog - fitted, block, rng) for _ in range(DRAWS)])
    knees_s = grid[_best(rates, grown, drawn)[0].astype(np.int64)]
    low, high = (float(rate_at(np.quantile(knees_s, share))) for share in INTERVAL)
    return Knee(at_s, float(rate_at(np.array(at_s))), (low, high))


def _best(rates: FloatArray, grown: FloatArray, backlogs: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return for each column of `backlogs` the row of `grown` with the least squares, and both coefficients of it.

    The two normal equations of every row are solved at once.
    """
    rr, rg, gg = float(rates @ rates), grown @ rates, np.sum(grown**2, axis=1)
    ry, gy = rates @ backlogs, grown @ backlogs
    determinant = (rr * gg - rg**2)[:, None]
    stays_s = (gg[:, None] * ry[None, :] - rg[:, None] * gy) / determinant
    grows = (rr * gy - rg[:, None] * ry[None, :]) / determinant
    explained = stays_s * ry[None, :] + grows * gy
    place = np.argmax(explained, axis=0)
    columns = np.arange(backlogs.shape[1])
    return place.astype(np.float64), stays_s[place, columns], grows[place, columns]


def _resampled(residuals: FloatArray, block: int, rng: np.random.Generator) -> FloatArray:
    starts = rng.integers(0, max(1, len(residuals) - block + 1), -(-len(residuals) // block))
    return np.concatenate([residuals[start : start + block] for start in starts])[: len(residuals)]
