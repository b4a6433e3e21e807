"""How much one batch's time varies, from how much the rows' times do.

An event waits for its acknowledgement, for the rest of the batch before it, for its own batch to be collected and
written, longer while another processor writes. Only the spread of the batches themselves is unknown, so it is the one
with which the compiled batch server gives the baseline's own 97.5 % quantile (above its median) of the rows' times. The
mean stays what the processors counted. A row's commit stamp is older than the processor's stopwatch stops: by how much
is what the medians then differ by.

Left out: that slow acknowledgements and slow batches come together (they are drawn apart, and the batches' spread makes
up for it), that slow batches come in clusters (checkpoints), and a tail heavier than a lognormal one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from workbench.engine import EVEN, never_stop
from workbench.engine.kernels import commit
from workbench.model.batches import BatchTime
from workbench.model.parameter import Distribution, FloatArray, Parameter, Source, empirical, lognormal
from workbench.model.traffic import responses
from workbench.streams import stream

if TYPE_CHECKING:
    from workbench.metrics.tables import IntArray
    from workbench.records.baseline import Baseline

SAMPLE_MIN: Final = 200  # rows, to tell such a quantile
SIGMA_MAX: Final = 1.2
QUANTILE_PERCENT: Final = 97.5  # between those that are told
HALVINGS: Final = 10
EVENTS: Final = 40_000
BATCH_EVENTS_MAX: Final = 500


def spread(baseline: Baseline, batch_linger_s: float, queued_s: float, time: BatchTime) -> dict[str, Parameter]:
    """Return the parameters batch_noise and commit_stamp_lead_s; nothing when the baseline has too few rows.

    `queued_s` is the median time from an acknowledged record to the processor's queue, `time` a batch's in the
    database.
    """
    steady, count = baseline.steady, min(len(baseline.ack_s), len(baseline.commit_s))
    if count < SAMPLE_MIN or min(steady.batches, steady.busy_processors) < 1:
        return {}
    rows = SteadyRows(
        steady.events / (steady.end_s - steady.start_s) / steady.busy_processors,
        max(1, round(steady.busy_processors)),
        time,
        (steady.batch_total_s - steady.batch_database_s) / steady.batches,
        batch_linger_s,
    )
    ack_s = responses(empirical(baseline.ack_s), EVENTS, stream(0, "batch-spread-acknowledgements"))
    commit_s = np.array(baseline.commit_s)
    sigma = rows.spread_with(above_median(commit_s), ack_s)
    late_s = queued_s + float(np.median(ack_s + rows.waits_s(sigma)) - np.median(commit_s))
    lead_s = min(max(late_s, 0.0), steady.batch_database_s / steady.batches)
    origin = f"{count} times from an event's intended moment to its row"
    return {
        "batch_noise": Parameter(
            of_mean_one(sigma),
            "",
            Source.BASELINE,
            f"{QUANTILE_PERCENT:g} % quantile above the median of {origin}",
            "mean 1",
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
    """Return by how much the QUANTILE_PERCENT quantile exceeds the median."""
    median, high = np.percentile(values, [50.0, QUANTILE_PERCENT])
    return float(high - median)


@dataclass(frozen=True)
class SteadyRows:
    """Processors with `per_s` Poisson events each; a batch takes `time` in the database, and `rest_s` beside it."""

    per_s: float
    processors: int
    time: BatchTime
    rest_s: float
    linger_s: float

    @cached_property
    def _drawn(self) -> tuple[FloatArray, IntArray, FloatArray]:
        """Each processor's arrivals (s) one after another, where each begins, and a standard normal for each event."""
        rng = stream(0, "batch-spread")
        edges = np.linspace(0, EVENTS, self.processors + 1).astype(np.int64)
        gaps_s = rng.exponential(1.0 / self.per_s, EVENTS)
        arrivals_s = np.concatenate([np.cumsum(gaps_s[low:high]) for low, high in itertools.pairwise(edges)])
        return arrivals_s, edges, rng.normal(size=EVENTS)

    def spread_with(self, above_s: float, ack_s: FloatArray) -> float:
        """Return sigma of the lognormal batch time whose rows' times have their quantile `above_s` over the median.

        `ack_s` are EVENTS acknowledgement times. At most SIGMA_MAX.
        """
        low, high = 0.0, SIGMA_MAX
        for _ in range(HALVINGS):
            middle = (low + high) / 2.0
            if above_median(ack_s + self.waits_s(middle)) < above_s:
                low = middle
            else:
                high = middle
        return low

    def waits_s(self, sigma: float) -> FloatArray:
        """Return the times (s) of EVENTS events from the processor's queue to the end of their transaction."""
        arrivals_s, edges, normal = self._drawn
        noise = np.exp(sigma * normal - sigma**2 / 2.0)
        rows_s = np.empty(EVENTS)
        commit(
            rows_s,
            np.arange(EVENTS),
            arrivals_s,
            noise,
            edges,
            self.linger_s,
            BATCH_EVENTS_MAX,
            self.time.fixed_s,
            self.time.event_s,
            self.rest_s,
            0.0,
            self.time.contention,
            0.0,
            EVEN.of_batches,
            EVEN.of_full_batches,
            never_stop(self.processors),
        )
        return rows_s - arrivals_s
