"""What a path does while more is offered than it can do: its saturation throughput, from a ramp of the load.

Saturation throughput is what is done per unit of time while the bottleneck always has work (Denning and Buzen, The
Operational Analysis of Queueing Network Models, 1978). Below it what is offered and not done is a time of stay at the
present rate (Little's law), B = w r(t); above it, B = w c + k (t - t*)^2 / 2 for a rate that grows by k a second and
reaches c at t*. One t* has the least squares, so c is what was done on average since then: waves of batches, of
garbage collection and of the disk's write-back are averaged out, which where a bend is seen first is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from workbench.metrics.tables import FloatArray, IntArray
from workbench.streams import stream

GRID_S: Final = 0.1
BLOCK_S: Final = 4.0  # of what was done more or less than fitted, resampled together: batches come in waves
DRAWS: Final = 200
SATURATED_S: Final = 8.0  # the least time above saturation that its throughput is taken from


@dataclass(frozen=True)
class Throughput:
    """Since when (s after the ramp's start) a path was saturated, what it then did (events/s), and draws of that."""

    since_s: float
    rate_per_s: float
    draws_per_s: FloatArray


def saturation_throughput(
    t_s: FloatArray, backlog: FloatArray, rate_at: Callable[[FloatArray], FloatArray], seed: int
) -> Throughput | None:
    """Return what a linear ramp saturated at, None where it was not saturated for SATURATED_S.

    Args:
        t_s: times after the ramp's start (s), ascending, evenly spaced.
        backlog: what is offered and not done at each (events).
        rate_at: the offered rate (events/s) at such times; linear.
        seed: draws which stretches are resampled.
    """
    rates = rate_at(t_s)
    slope = float((rates[-1] - rates[0]) / (t_s[-1] - t_s[0]))
    grid = np.arange(t_s[0] + GRID_S, t_s[-1], GRID_S)
    staying = np.minimum(rates[None, :], rate_at(grid)[:, None])
    grown = slope * np.maximum(0.0, t_s[None, :] - grid[:, None]) ** 2 / 2.0
    places, stays_s = _best(staying, grown, backlog[:, None])
    place = int(places[0])
    since_s = float(grid[place])
    if since_s > t_s[-1] - SATURATED_S:
        return None
    fitted = stays_s[0] * staying[place] + grown[place]
    rng = stream(seed, "saturation-throughput")
    block = max(1, round(BLOCK_S / float(t_s[1] - t_s[0])))
    drawn = np.column_stack([fitted + _resampled(np.diff(backlog - fitted), block, rng) for _ in range(DRAWS)])
    draws = rate_at(grid[_best(staying, grown, drawn)[0]])
    return Throughput(since_s, float(rate_at(np.array(since_s))), draws)


def _best(staying: FloatArray, grown: FloatArray, backlogs: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return for each column of `backlogs` the row of `grown` with the least squares, and its time of stay (s).

    The squares of B - g - w s, of every row and column at once: they are those of B - g less (B - g) s w.
    """
    ss, gs, gg = np.sum(staying**2, axis=1), np.sum(grown * staying, axis=1), np.sum(grown**2, axis=1)
    left = staying @ backlogs - gs[:, None]
    stays_s = np.maximum(0.0, left / ss[:, None])
    squares = gg[:, None] - 2.0 * (grown @ backlogs) - 2.0 * stays_s * left + stays_s**2 * ss[:, None]
    places = np.argmin(squares, axis=0)
    return places, stays_s[places, np.arange(backlogs.shape[1])]


def _resampled(steps: FloatArray, block: int, rng: np.random.Generator) -> FloatArray:
    """Return a course of residuals: its steps are blocks of those that were seen."""
    starts = rng.integers(0, max(1, len(steps) - block + 1), -(-len(steps) // block))
    drawn = np.concatenate([steps[start : start + block] for start in starts])[: len(steps)]
    return np.concatenate([[0.0], np.cumsum(drawn - np.mean(steps))])
