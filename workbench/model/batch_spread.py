"""How much one batch's time varies, from how much the rows' times after their acknowledgement do.

An event waits for the rest of the batch before it, for its own batch to be collected and written. Only the spread
of the batches themselves is unknown, so it is the one with which the compiled batch server gives the baseline's
own 95 % quantile (above its median). The mean stays what the processors counted. A row's commit stamp is older than
the processor's stopwatch stops: by how much is what the medians then differ by.

Left out: that slow batches come in clusters (checkpoints), and a tail heavier than a lognormal one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from workbench.engine import EVEN, never_stop
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


def spread(baseline: Baseline, batch_linger_s: float, fetch_s: float) -> dict[str, Parameter]:
    """Return the parameters batch_noise and commit_stamp_lead_s; nothing when the baseline has too few rows.

    `fetch_s` is the median time from an acknowledged record to the processor's queue.
    """
    steady = baseline.steady
    count = min(len(baseline.ack_s), len(baseline.commit_s))
    if count < SAMPLE_MIN or min(steady.batches, steady.busy_processors) < 1:
        return {}
    after_ack_s = np.array(baseline.commit_s[:count]) - np.array(baseline.ack_s[:count])
    rows = SteadyRows(
        steady.events / (steady.end_s - steady.start_s) / steady.busy_processors,
        steady.batch_database_s / steady.batches,
        (steady.batch_total_s - steady.batch_database_s) / steady.batches,
        steady.events / steady.batches,
        batch_linger_s,
    )
    sigma = rows.spread_with(above_median(after_ack_s))
    late_s = fetch_s + float(np.median(rows.waits_s(sigma)) - np.median(after_ack_s))
    lead_s = min(max(late_s, 0.0), rows.batch_s)
    origin = f"{count} times from acknowledgement to row"
    return {
        "batch_noise": Parameter(
            of_mean_one(sigma), "", Source.BASELINE, f"95 % quantile above the median of {origin}", "mean 1"
        ),
        "commit_stamp_lead_s": Parameter(
            round(lead_s, 6),
            "s",
            Source.BASELINE,
            f"median of {origin}, less than a batch's whole time explains by so much",
            "from a row's commit stamp to the processor's having its answer: WAL flush, reply, waking up",
        ),
    }


def of_mean_one(sigma: float) -> Distribution:
    """Return the lognormal distribution of mean 1."""
    return lognormal(round(float(np.exp(-(sigma**2) / 2.0)), 4), round(sigma, 4))


def above_median(values: FloatArray) -> float:
    """Return by how much the 95 % quantile exceeds the median."""
    median, high = np.percentile(values, [50.0, 95.0])
    return float(high - median)


@dataclass(frozen=True)
class SteadyRows:
    """One processor with `per_s` Poisson events; a batch of `batch_events` takes `batch_s` on average."""

    per_s: float
    batch_s: float  # in the database
    rest_s: float  # beside the database
    batch_events: float
    linger_s: float

    @cached_property
    def _drawn(self) -> tuple[FloatArray, FloatArray]:
        """EVENTS arrivals (s), and a standard normal number for each."""
        rng = stream(0, "batch-spread")
        return np.cumsum(rng.exponential(1.0 / self.per_s, EVENTS)), rng.normal(size=EVENTS)

    def spread_with(self, above_s: float) -> float:
        """Return sigma of the lognormal batch time whose events' times have a 95 % quantile `above_s` over the median.

        At most SIGMA_MAX.
        """
        low, high = 0.0, SIGMA_MAX
        for _ in range(HALVINGS):
            middle = (low + high) / 2.0
            if above_median(self.waits_s(middle)) < above_s:
                low = middle
            else:
                high = middle
        return low

    def waits_s(self, sigma: float) -> FloatArray:
        """Return the times (s) of EVENTS events from the processor's queue to the end of their transaction."""
        arrivals_s, normal = self._drawn
        noise = np.exp(sigma * normal - sigma**2 / 2.0)
        edges = np.array([0, EVENTS], dtype=np.int64)
        fixed_s = FIXED_SHARE * self.batch_s
        event_s = (self.batch_s - fixed_s) / self.batch_events
        rows_s = np.empty(EVENTS)
        commit(
            rows_s,
            np.arange(EVENTS),
            arrivals_s,
            noise,
            edges,
            self.linger_s,
            BATCH_EVENTS_MAX,
            fixed_s,
            event_s,
            self.rest_s,
            0.0,
            1.0,
            0.0,
            EVEN.of_batches,
            EVEN.of_full_batches,
            never_stop(1),
        )
        return rows_s - arrivals_s
