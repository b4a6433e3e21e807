"""What a ramp saturates at: found where a queue worked out by hand does, and no value where it does not."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.drill.saturation.throughput import saturation_throughput
from workbench.metrics.tables import FloatArray
from workbench.streams import stream

STEP_S = 0.25
LASTS_S = 60.0
WAVE_S = 2.0


def rate_at(t_s: FloatArray) -> FloatArray:
    """Return a ramp from 700 to 1,500 events/s."""
    return 700.0 + 800.0 * np.asarray(t_s) / LASTS_S


def backlog(capacity_per_s: float, wave_share: float, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return times and the backlog of a fluid queue; every 2 s another capacity, by so much of it (sd) more or less."""
    t_s = np.arange(0.0, LASTS_S, STEP_S)
    waves = stream(seed, "test-throughput").normal(0.0, wave_share, round(LASTS_S / WAVE_S))
    capacities = capacity_per_s * (1.0 + np.repeat(waves, round(WAVE_S / STEP_S)))
    waiting = [0.0]
    for rate, capacity in zip(rate_at(t_s), capacities, strict=True):
        waiting.append(max(0.0, waiting[-1] + (rate - capacity) * STEP_S))
    return t_s, 0.3 * np.minimum(rate_at(t_s), capacity_per_s) + np.array(waiting[:-1])


@pytest.mark.parametrize("capacity_per_s", [800.0, 1000.0, 1300.0])
def test_it_is_the_capacity(capacity_per_s: float) -> None:
    """Within half a percent where the capacity is the same all the time."""
    found = saturation_throughput(*backlog(capacity_per_s, 0.0, 1), rate_at, 1)
    assert found is not None
    assert found.rate_per_s == pytest.approx(capacity_per_s, rel=0.005)
    assert rate_at(np.array(found.since_s)) == pytest.approx(found.rate_per_s)


def test_waves_of_a_quarter_are_averaged_out() -> None:
    """Capacities that differ by 25 % every 2 s: the mean over the 37 s above 1,000/s is within 12 % (2.4 sd)."""
    found = [saturation_throughput(*backlog(1000.0, 0.25, seed), rate_at, seed) for seed in range(20)]
    rates = np.array([each.rate_per_s for each in found if each is not None])
    assert len(rates) == 20
    assert np.sum(np.abs(rates / 1000.0 - 1.0) < 0.12) >= 18
    assert float(np.mean(rates)) == pytest.approx(1000.0, rel=0.04)


def test_intervals_hold_the_capacity_about_as_often_as_they_say() -> None:
    """Of 30 ramps with other waves about 27 of the 90 % intervals hold 1,000/s; fewer than 22: a chance of 0.3 %."""
    held = 0
    for seed in range(30):
        found = saturation_throughput(*backlog(1000.0, 0.15, seed), rate_at, seed)
        assert found is not None
        low, high = np.quantile(found.draws_per_s, (0.05, 0.95))
        held += low <= 1000.0 <= high
    assert held >= 22


def test_a_ramp_that_stays_below_has_no_value() -> None:
    """A path that could do 2,000/s is never behind by more than its time of stay; 1,450/s are reached too late."""
    assert saturation_throughput(*backlog(2000.0, 0.0, 1), rate_at, 1) is None
    assert saturation_throughput(*backlog(1450.0, 0.0, 1), rate_at, 1) is None
