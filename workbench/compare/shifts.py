"""Has a time become longer? A rank test that needs no shape of the noise, and what it could have seen.

Recovery times of one scenario scatter by a tenth to a fifth because of chance alone (when the last ping was sent),
between bounds that a session sets. So nothing is assumed about their shape: the test permutes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from scipy.stats import binom, hypergeom, rankdata

from workbench.metrics.tables import FloatArray, IntArray
from workbench.streams import stream

RESAMPLES_MAX: Final = 40_000
BATCH: Final = 2_000
EXCEEDANCES: Final = 40  # so many and the p-value is known well enough
POWER: Final = 0.80
TRIALS: Final = 400
EARLY_MIN: Final = 5
GROWTH_MAX: Final = 4.0
GROWTH_STEP: Final = 0.005
FLOOR: Final = 1e-3  # s or a count: a logarithm needs something
NOMINAL_MISSES: Final = 0.10  # of sealed 90 % intervals


def logs(values: Sequence[float]) -> FloatArray:
    """Return the natural logarithms of values, those below FLOOR as FLOOR."""
    return np.log(np.maximum(np.array(values, dtype=np.float64), FLOOR))


def slower(late: Sequence[float], early: Sequence[float], *name: str | int) -> float:
    """Return the one-sided p-value of "late values are not longer than early ones".

    Permutation test on Savage's exponential scores (Hajek, Sidak and Sen 1999, 4.1), the best ones where times are
    stretched; ties share their scores. The p-value is Monte Carlo's, valid at any number of resamples and stopped
    early where it is large (Besag and Clifford 1991). `name` keys the stream. 1.0 where either side is empty.
    """
    size, total = len(late), len(late) + len(early)
    if not late or not early:
        return 1.0
    scores = _savage_scores(np.concatenate([np.array(late, np.float64), np.array(early, np.float64)]))
    observed = scores[:size].sum() - 1e-9
    rng = stream(0, "nightly", "permutations", *name)
    exceeded = done = 0
    while done < RESAMPLES_MAX and exceeded < EXCEEDANCES:
        exceeded += int((scores[_chosen(rng, size, total)].sum(axis=1) >= observed).sum())
        done += BATCH
    return max((exceeded + 1) / (done + 1), 1.0 / math.comb(total, size))


def _chosen(rng: np.random.Generator, size: int, total: int) -> IntArray:
    """Return BATCH times `size` of `total` places, each choice as likely as any."""
    return np.argpartition(rng.random((BATCH, total)), size - 1, axis=1)[:, :size]


def _by_rank(total: int) -> FloatArray:
    """Return Savage's scores by rank, the lowest first."""
    return np.cumsum(1.0 / np.arange(total, 0, -1))


def _savage_scores(values: FloatArray) -> FloatArray:
    """Return each value's score: the expected size of its rank among exponential times."""
    by_rank = _by_rank(len(values))
    low, high = rankdata(values, "min").astype(int), rankdata(values, "max").astype(int)
    sums = np.concatenate([[0.0], np.cumsum(by_rank)])
    scores: FloatArray = (sums[high] - sums[low - 1]) / (high - low + 1)
    return scores


def stale(late: Sequence[bool], early: Sequence[bool]) -> float:
    """Return the p-value of "late predictions miss no more often than promised, or than before".

    Both must be contradicted: the binomial test against the sealed 90 % and, with earlier drills, Fisher's exact
    test against them (the larger p-value is valid, Berger 1982). True is a miss. 1.0 without a late one.
    """
    misses, size = sum(late), len(late)
    if not size:
        return 1.0
    promised = float(binom.sf(misses - 1, size, NOMINAL_MISSES))
    if not early:
        return promised
    before = float(hypergeom.sf(misses - 1, size + len(early), misses + sum(early), size))
    return max(promised, before)


def smallest_visible(early: Sequence[float], size: int, alpha: float) -> float | None:
    """Return the smallest growth (0.2: a fifth) that `size` later values show in four of five cases; None if none.

    The power of `slower` at level alpha, by bootstrap: both sides are drawn from the early values TRIALS times, the
    late ones grow. None below EARLY_MIN early values, and where even the clearest order of so few is too likely.
    """
    if len(early) < EARLY_MIN or size < 1 or 1.0 / math.comb(len(early) + size, size) > alpha:
        return None
    rng = stream(0, "nightly", "power")
    late, before = (rng.choice(logs(early), (TRIALS, count)) for count in (size, len(early)))
    by_rank, critical = _by_rank(size + len(early)), _critical(size, len(early), alpha)

    def power(growth: float) -> float:
        ranks = np.concatenate([late + math.log1p(growth), before], axis=1).argsort(axis=1).argsort(axis=1)
        return float((by_rank[ranks[:, :size]].sum(axis=1) >= critical).mean())

    low, high = 0.0, GROWTH_MAX
    if power(high) < POWER:
        return None
    while high - low > GROWTH_STEP:
        middle = (low + high) / 2.0
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high


@cache
def _critical(size: int, others: int, alpha: float) -> float:
    """Return the sum of scores that `size` values of one noise reach with a chance of alpha."""
    by_rank = _by_rank(size + others)
    rng = stream(0, "nightly", "critical", size, others)
    batches = [by_rank[_chosen(rng, size, size + others)].sum(axis=1) for _ in range(RESAMPLES_MAX // BATCH)]
    sums = np.sort(np.concatenate(batches))[::-1]
    return float(min(sums[int(alpha * len(sums))] + 1e-9, by_rank[-size:].sum() - 1e-9))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm 1979): by chance, any is below alpha on at most that share."""
    order = np.argsort(p_values)
    adjusted, worst = [0.0] * len(p_values), 0.0
    for place, index in enumerate(order):
        worst = max(worst, min(1.0, p_values[index] * (len(p_values) - place)))
        adjusted[index] = worst
    return adjusted
