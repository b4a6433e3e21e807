"""How much one batch's time varies, from how much the rows' times after their acknowledgement do.

An event waits for the rest of the batch before it, for its own batch to be collected and written. Only the spread
of the batches themselves is unknown, so it is the one with which the compiled batch server gives the baseline's
own 95 % quantile (above its median). The mean stays what the processors counted.

Left out: that slow batches come in clusters (checkpoints), and a tail heavier than a lognormal one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from workbench.engine.kernels import commit
from workbench.model.parameter import Distribution, FloatArray, Parameter, Source, lognormal
from workbench.streams import stream

if TYPE_CHECKING:
    from workbench.records.baseline import Baseline

SAMPLE_MIN: Final = 200  # rows, to tell a 95 % quantile
SIGMA_MAX: Final = 1.2
HALVINGS: Final = 10
EVENTS: Final = 40_000
BATCH_EVENTS_MAX: Final = 500
FIXED_SHARE: Final = 0.2


def spread(baseline: Baseline, batch_linger_s: float) -> dict[str, Parameter]:
    """Return the parameter batch_noise; nothing when the baseline has too few rows."""
    steady = baseline.steady
    count = min(len(baseline.ack_s), len(baseline.commit_s))
    if count < SAMPLE_MIN or min(steady.batches, steady.busy_processors) < 1:
        return {}
    after_ack_s = np.array(baseline.commit_s[:count]) - np.array(baseline.ack_s[:count])
    per_s = steady.events / (steady.end_s - steady.start_s) / steady.busy_processors
    sigma = spread_of_batches(
        above_median(after_ack_s),
        per_s,
        steady.batch_database_s / steady.batches,
        steady.events / steady.batches,
        batch_linger_s,
    )
    origin = f"95 % quantile above the median of {count} times from acknowledgement to row"
    return {"batch_noise": Parameter(of_mean_one(sigma), "", Source.BASELINE, origin, "mean 1")}


def of_mean_one(sigma: float) -> Distribution:
    """Return the lognormal distribution of mean 1."""
    return lognormal(round(float(np.exp(-(sigma**2) / 2.0)), 4), round(sigma, 4))


def above_median(values: FloatArray) -> float:
    """Return by how much the 95 % quantile exceeds the median."""
    median, high = np.percentile(values, [50.0, 95.0])
    return float(high - median)


def spread_of_batches(
    above_s: float, per_s: float, batch_s: float, batch_events: float, batch_linger_s: float
) -> float:
    """Return sigma of the lognormal batch time whose events' times have a 95 % quantile `above_s` over the median.

    One processor with `per_s` Poisson events; a batch of `batch_events` takes `batch_s` on average.
    """
    rng = stream(0, "batch-spread")
    arrivals_s = np.cumsum(rng.exponential(1.0 / per_s, EVENTS))
    normal = rng.normal(size=EVENTS)
    edges = np.array([0, EVENTS], dtype=np.int64)
    fixed_s, event_s = FIXED_SHARE * batch_s, (1.0 - FIXED_SHARE) * batch_s / batch_events

    def above(sigma: float) -> float:
        noise = np.exp(sigma * normal - sigma**2 / 2.0)
        rows_s = commit(arrivals_s, noise, edges, batch_linger_s, BATCH_EVENTS_MAX, fixed_s, event_s, 0.0, 0.0, 1.0)
        return above_median(rows_s - arrivals_s)

    low, high = 0.0, SIGMA_MAX
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        if above(middle) < above_s:
            low = middle
        else:
            high = middle
    return low
