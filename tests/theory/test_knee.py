"""The knee of a ramp: found where a queue worked out by hand saturates, and none where it does not."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.drill.saturation.knee import knee
from workbench.metrics.tables import FloatArray
from workbench.streams import stream

STEP_S = 0.25
LASTS_S = 60.0


def rate_at(t_s: FloatArray) -> FloatArray:
    """Return a ramp from 500 to 1,500 events/s."""
    return 500.0 + 1000.0 * np.asarray(t_s) / LASTS_S


def backlog(capacity_per_s: float, noise: float, seed: int, takes: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """Return times and the backlog of a fluid queue that stays 0.3 s behind; `takes` of each event above capacity."""
    t_s = np.arange(0.0, LASTS_S, STEP_S)
    rates = rate_at(t_s)
    left = capacity_per_s - takes * np.maximum(0.0, rates - capacity_per_s)
    grown = np.cumsum(np.maximum(0.0, rates - left)) * STEP_S
    return t_s, 0.3 * rates + grown + noise * stream(seed, "test-knee").normal(size=len(t_s))


@pytest.mark.parametrize("capacity_per_s", [700.0, 1000.0, 1300.0])
@pytest.mark.parametrize("takes", [0.0, 0.3])
def test_the_knee_is_the_capacity(capacity_per_s: float, takes: float) -> None:
    """Within 2 % beside noise of a batch, also where the growing load takes from what does the work."""
    found = knee(*backlog(capacity_per_s, 100.0, 1, takes), rate_at, 1)
    assert found is not None
    assert found.rate_per_s == pytest.approx(capacity_per_s, rel=0.02)


def test_intervals_hold_the_capacity_as_often_as_they_say() -> None:
    """Of 30 ramps with other noise about 27 of the 90 % intervals hold 1,000/s; fewer than 22: a chance of 0.3 %."""
    held = 0
    for seed in range(30):
        found = knee(*backlog(1000.0, 100.0, seed), rate_at, seed)
        assert found is not None
        low, high = found.interval_90_per_s
        held += low <= 1000.0 <= high
    assert held >= 22


def test_a_ramp_that_stays_below_has_no_knee() -> None:
    """A path that could do 2,000/s is never behind by more than its time of stay: no value, not the ramp's end."""
    assert knee(*backlog(2000.0, 100.0, 1), rate_at, 1) is None
