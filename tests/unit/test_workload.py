"""The traffic's schedule: rates, bounds and reproducibility of workbench.workload."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workbench.errors import BadInput
from workbench.streams import stream
from workbench.workload import (
    BURST_FACTOR,
    BURST_S,
    CANARY_WRITES_PER_S,
    ProfileKind,
    RateProfile,
    Workload,
    arrivals,
    canary_schedule,
    schedule,
)

PARTITIONS = {"alerts": 6, "event-authentication": 6, "sdc-events": 6, "technical-alerts": 3}
PROFILES = {
    "constant": RateProfile(ProfileKind.CONSTANT, 50.0),
    "ramp": RateProfile(ProfileKind.RAMP, 10.0, rate_end_per_s=90.0, duration_s=80.0),
    "daily": RateProfile(ProfileKind.DAILY, 50.0, duration_s=50.0, amplitude=0.5),
    "burst": RateProfile(ProfileKind.BURST, 40.0, start_s=30.0, duration_s=10.0, factor=5.0),
}
EXPECTED = {"constant": 5000.0, "ramp": 50.0 * 80.0 + 90.0 * 20.0, "daily": 5000.0, "burst": 40.0 * 100.0 + 1600.0}


def workload(kind: str = "constant", arrival_kind: str = "poisson") -> Workload:
    """Return a workload over the four topics."""
    mix = {"alerts": 0.1, "event-authentication": 0.1, "sdc-events": 0.7, "technical-alerts": 0.1}
    return Workload(PROFILES[kind], arrival_kind, mix, 400, 100, "all")


@pytest.mark.parametrize("kind", list(PROFILES))
def test_paced_arrivals_follow_the_cumulated_rate(kind: str) -> None:
    """Paced arrivals number the integral of the rate, to one event."""
    intended_s = arrivals(workload(kind, "paced"), stream(1, "t"), 0.0, 100.0)
    assert abs(len(intended_s) - EXPECTED[kind]) <= 1
    assert np.all(np.diff(intended_s) > 0)


@pytest.mark.parametrize("kind", list(PROFILES))
def test_poisson_arrivals_number_the_integral_of_the_rate(kind: str) -> None:
    """The count of Poisson arrivals lies within 5 standard deviations of the integral of the rate."""
    intended_s = arrivals(workload(kind), stream(2, "t"), 0.0, 100.0)
    assert abs(len(intended_s) - EXPECTED[kind]) < 5.0 * np.sqrt(EXPECTED[kind])
    assert np.all(np.diff(intended_s) >= 0)


@pytest.mark.parametrize("arrival_kind", ["poisson", "paced"])
def test_calibration_burst_multiplies_the_first_seconds_only(arrival_kind: str) -> None:
    """The first BURST_S run at BURST_FACTOR times the rate, what follows at the rate."""
    intended_s = arrivals(workload("constant", arrival_kind), stream(3, "t"), 0.0, 60.0, calibration_burst=True)
    in_burst, after = np.count_nonzero(intended_s < BURST_S), np.count_nonzero(intended_s >= BURST_S)
    assert in_burst == pytest.approx(50.0 * BURST_FACTOR * BURST_S, rel=0.05)
    assert after == pytest.approx(50.0 * 40.0, rel=0.1)


def test_a_stretch_before_zero_has_no_burst() -> None:
    """The calibration burst starts at 0, not at the start of the stretch that is drawn."""
    intended_s = arrivals(workload("constant", "paced"), stream(3, "t"), -10.0, 1.0, calibration_burst=True)
    assert np.count_nonzero(intended_s < 0.0) == pytest.approx(500, abs=1)
    assert np.count_nonzero(intended_s >= 0.0) == pytest.approx(200, abs=1)


def test_an_empty_stretch_has_no_arrivals() -> None:
    """A stretch of no length offers nothing."""
    assert len(arrivals(workload(), stream(1, "t"), 5.0, 5.0)) == 0
    assert len(arrivals(workload(arrival_kind="paced"), stream(1, "t"), 5.0, 5.0)) == 0


def test_unknown_arrivals_are_bad_input() -> None:
    """Only poisson and paced exist."""
    with pytest.raises(BadInput, match="neither poisson nor paced"):
        arrivals(workload(arrival_kind="bursty"), stream(1, "t"), 0.0, 1.0)


def test_the_schedule_repeats_and_keeps_mix_and_partitions() -> None:
    """The same seed draws the same schedule; topics follow the mix, partitions the device."""
    first = schedule(workload(), PARTITIONS, stream(7, "load"), 0.0, 100.0)
    second = schedule(workload(), PARTITIONS, stream(7, "load"), 0.0, 100.0)
    assert np.array_equal(first.intended_s, second.intended_s)
    assert np.array_equal(first.device, second.device)
    share = np.bincount(first.topic, minlength=4) / len(first.topic)
    assert share == pytest.approx([0.1, 0.1, 0.7, 0.1], abs=0.03)
    counts = np.array([6, 6, 6, 3])
    assert np.array_equal(first.partition, first.device % counts[first.topic])


def test_the_canary_writes_to_every_partition_alike() -> None:
    """Every partition gets CANARY_WRITES_PER_S, evenly staggered, ordered by time."""
    canary = canary_schedule(PARTITIONS, 0.0, 10.0)
    assert len(canary.intended_s) == 21 * CANARY_WRITES_PER_S * 10.0
    assert np.all(np.diff(canary.intended_s) > 0)
    of_one = canary.intended_s[(canary.topic == 3) & (canary.partition == 2)]
    assert np.diff(of_one) == pytest.approx(1.0 / CANARY_WRITES_PER_S)


@pytest.mark.parametrize("shares", [(0.1, 0.1, 0.7, 0.1), (0.0, 1.0, 0.0, 0.5), (0.0, 0.0, 0.0, 1.0)])
def test_topics_are_drawn_as_numpy_draws_choices(shares: tuple[float, ...]) -> None:
    """The same topics as Generator.choice gives, and the generator left where that leaves it."""
    mixed = replace(workload(), mix=dict(zip(sorted(PARTITIONS), shares, strict=True)))
    ours, numpys = stream(8, "t"), stream(8, "t")
    drawn = schedule(mixed, PARTITIONS, ours, 0.0, 20.0)
    count = len(arrivals(mixed, numpys, 0.0, 20.0))
    weights = np.array(shares)
    assert drawn.topic.tolist() == numpys.choice(4, size=count, p=weights / weights.sum()).tolist()
    assert drawn.device.tolist() == numpys.integers(0, mixed.devices, size=count).tolist()
