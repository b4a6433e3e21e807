"""The one pure function behind each metric of the readers at the gateway; NaN where nobody reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from workbench.metrics.functions import once, percentile_of
from workbench.metrics.tables import NAN, BoolArray, Evidence, FloatArray, Moments, ReadTable

LAST_ANSWERS: Final = 100  # over so many answers in a row the share of hits is judged
REFILLED_SHARE: Final = 0.9  # of the baseline's share of hits


def cache_hits_steady_percent(evidence: Evidence) -> float:
    """Share of the states answered that Redis alone told, of the requests intended in the baseline, %."""
    moments = evidence.moments
    return _hits_percent(evidence.reads, moments.baseline_start_s, moments.baseline_end_s)


def cache_hits_during_percent(evidence: Evidence) -> float:
    """Share of the states answered that Redis alone told, of the requests intended until the hits were back, %."""
    return _hits_percent(evidence.reads, 0.0, cache_refilled_s(evidence))


def cache_refilled_s(evidence: Evidence) -> float:
    """From the fault until hits are back at REFILLED_SHARE of the baseline's share, over LAST_ANSWERS answers, s.

    The clock stops with the last of those answers. 0 where the share never fell below that.
    """
    return once(evidence, "cache_refilled_s", lambda: refilled_s(evidence.reads, evidence.moments))


def refilled_s(reads: ReadTable, moments: Moments) -> float:
    """Return `cache_refilled_s` of what is known so far; of the moments the baseline counts."""
    answered_s, hit = _in_order(reads)
    bound = REFILLED_SHARE * _hits_percent(reads, moments.baseline_start_s, moments.baseline_end_s) / 100.0
    if len(answered_s) < LAST_ANSWERS or np.isnan(bound):
        return NAN
    count = np.concatenate([[0], np.cumsum(hit)])
    enough = (count[LAST_ANSWERS:] - count[:-LAST_ANSWERS]) >= bound * LAST_ANSWERS
    ends_s = answered_s[LAST_ANSWERS - 1 :]
    lacking = np.flatnonzero(~enough & (ends_s > 0.0))
    if len(lacking) == 0:
        return 0.0
    back = np.flatnonzero(enough[lacking[0] :])
    return float(ends_s[lacking[0] + back[0]]) if len(back) else NAN


def states_from_postgres(evidence: Evidence) -> float:
    """States asked for after the fault that Postgres had to tell: Redis did not know them, or was away."""
    return float(len(_from_postgres_s(evidence.reads))) if len(evidence.reads.intended_s) else NAN


def states_from_postgres_max(evidence: Evidence) -> float:
    """Most answers of Postgres in any second, of the states asked for after the fault."""
    if len(evidence.reads.intended_s) == 0:
        return NAN
    ends_s = np.sort(_from_postgres_s(evidence.reads))
    before = np.searchsorted(ends_s, ends_s - 1.0, side="right")
    return float(np.max(np.arange(1, len(ends_s) + 1) - before, initial=0))


def reads_failed(evidence: Evidence) -> float:
    """Requests intended after the fault that were refused (401), sent away (503) or never answered."""
    reads = evidence.reads
    return float(np.count_nonzero(~reads.answered & (reads.intended_s >= 0.0))) if len(reads.intended_s) else NAN


def read_metric(window: str, percent: float) -> Callable[[Evidence], float]:
    """Return the metric function for a percentile of a read's time, "steady" or "during" (until the hits are back)."""

    def metric(evidence: Evidence) -> float:
        return percentile_of(once(evidence, f"reads/{window}", lambda: _took_s(evidence, window)), percent)

    metric.__doc__ = f"answered p{percent:g} of the reads intended {window}, s."
    return metric


def _took_s(evidence: Evidence, window: str) -> FloatArray:
    """Return how long the reads of a window took, ascending (s)."""
    reads, moments = evidence.reads, evidence.moments
    ends = (moments.baseline_start_s, moments.baseline_end_s)
    if window == "during":
        ends = (0.0, cache_refilled_s(evidence))
    rows = reads.answered & _within(reads, *ends)
    return np.sort(reads.answered_s[rows] - reads.intended_s[rows])


def _in_order(reads: ReadTable) -> tuple[FloatArray, BoolArray]:
    """Return when states were told, ascending, and which of them were hits."""
    answered_s, hit = reads.answered_s[reads.answered], reads.hit[reads.answered]
    order = np.argsort(answered_s, kind="stable")
    return answered_s[order], hit[order]


def _from_postgres_s(reads: ReadTable) -> FloatArray:
    """Return when Postgres' answers came (s after the fault), of the requests intended after it."""
    return reads.answered_s[reads.answered & ~reads.hit & (reads.intended_s >= 0.0)]


def _within(reads: ReadTable, start_s: float, end_s: float) -> BoolArray:
    rows: BoolArray = (reads.intended_s >= start_s) & (reads.intended_s < end_s)
    return rows


def _hits_percent(reads: ReadTable, start_s: float, end_s: float) -> float:
    hit = reads.hit[reads.answered & _within(reads, start_s, end_s)]
    return 100.0 * float(np.mean(hit)) if len(hit) else NAN
