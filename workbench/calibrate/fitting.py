"""From a few samples and a prior to a log-normal distribution that is no surer than the samples allow.

The logarithms y of n samples are taken as normal with unknown mean and variance, under the conjugate prior that
counts as one earlier sample (kappa_0 = nu_0 = 1) at the prior's median m with the prior's own spread s_0 (Gelman and
others, Bayesian Data Analysis, 3rd edition, section 3.3):

    kappa_n = 1 + n    nu_n = 1 + n    m_n = (m + n mean(y)) / kappa_n
    nu_n v_n = s_0^2 + sum (y - mean(y))^2 + (n / kappa_n) (mean(y) - m)^2

One more value is then m_n + t(nu_n) sqrt(v_n (1 + 1 / kappa_n)), and the mean itself m_n + t(nu_n) sqrt(v_n / kappa_n).
Neither 90 % interval may be narrower than that of the samples alone, mean(y) +- t(n - 1) s sqrt(1 + 1 / n) and
mean(y) +- t(n - 1) s / sqrt(n) (Hahn and Meeker, Statistical Intervals, sections 4.2 and 4.3): a prior that is sure of
itself does not make three samples sure. The models draw from a log-normal with the same 90 % interval. A bootstrap was
not taken for this: of three samples it has only ten different resamples, and its intervals are too narrow by more than
a factor sqrt(n / (n - 1)) (Hesterberg 2015, What Teachers Should Know About the Bootstrap, section 3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy import special, stats

from workbench.model.parameter import Distribution
from workbench.records.calibration import SAMPLES_MIN, Fit, PriorSpan
from workbench.streams import stream

LEVEL: Final = 0.95  # upper end of a central 90 % interval
NORMAL_90: Final = float(stats.norm.ppf(LEVEL))
GOODNESS_RESAMPLES: Final = 499
SIGMA_MIN: Final = 0.01  # clocks and polls of a few milliseconds: nothing here is known to 1 %
SIGMA_MAX: Final = 3.0


def prior_span(prior: Distribution) -> PriorSpan:
    """Return the 5, 50 and 95 % quantiles of a prior above 0."""
    low, median, high = (float(each) for each in prior.quantile(np.array([1.0 - LEVEL, 0.5, LEVEL])))
    return PriorSpan(low, median, high)


def fit(samples: Sequence[float], prior: PriorSpan | None, name: str = "") -> Fit:
    """Return the fit of at least SAMPLES_MIN positive samples; `name` seeds the test of its goodness."""
    logs = np.log(np.asarray(samples, dtype=np.float64))
    count, mean = len(logs), float(logs.mean())
    if count < SAMPLES_MIN:
        raise ValueError(f"{count} samples, {SAMPLES_MIN} are needed")
    spread = float(logs.std(ddof=1))
    student = float(special.stdtrit(count - 1, LEVEL))
    next_half = student * spread * math.sqrt(1.0 + 1.0 / count)
    middle_half = student * spread / math.sqrt(count)
    centre = mean
    if prior is not None:
        centre, next_prior, middle_prior = _with_prior(logs, prior)
        next_half, middle_half = max(next_half, next_prior), max(middle_half, middle_prior)
    sigma = min(max(next_half / NORMAL_90, SIGMA_MIN), SIGMA_MAX)
    return Fit(
        median=_round(math.exp(centre)),
        sigma=_round(sigma),
        median_low=_round(math.exp(centre - middle_half)),
        median_high=_round(math.exp(centre + middle_half)),
        goodness_p=_goodness(logs, name) if spread > 1e-9 else None,
    )


def _with_prior(logs: np.ndarray[tuple[int], np.dtype[np.float64]], prior: PriorSpan) -> tuple[float, float, float]:
    """Return the centre, and half the 90 % intervals of one more logarithm and of the mean."""
    count, mean = len(logs), float(logs.mean())
    kappa = nu = 1.0 + count
    before = math.log(prior.median)
    own = (math.log(prior.high) - math.log(prior.low)) / (2.0 * NORMAL_90)
    squares = own**2 + float(((logs - mean) ** 2).sum()) + count / kappa * (mean - before) ** 2
    variance = squares / nu
    student = float(special.stdtrit(nu, LEVEL))
    centre = (before + count * mean) / kappa
    return centre, student * math.sqrt(variance * (1.0 + 1.0 / kappa)), student * math.sqrt(variance / kappa)


def _goodness(logs: np.ndarray[tuple[int], np.dtype[np.float64]], name: str) -> float:
    """Return the Anderson-Darling p value of "log-normal", by resampling (scipy.stats.goodness_of_fit).

    Weak below some twenty samples: a high value then says little.
    """
    rng = stream(1, "calibrate", "goodness", name)
    found = stats.goodness_of_fit(stats.norm, logs, statistic="ad", n_mc_samples=GOODNESS_RESAMPLES, rng=rng)
    return round(float(found.pvalue), 3)


def _round(value: float) -> float:
    return float(f"{value:.6g}")
