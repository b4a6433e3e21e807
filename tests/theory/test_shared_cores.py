"""Saturation on shared cores: laws that hold whatever the machine, worked out by hand, and demands found again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workbench.errors import BadInput
from workbench.model.saturation import (
    Demands,
    LoadedPath,
    Resource,
    SetUp,
    SizeDemands,
    batches_per_s,
    range_shares,
    saturation,
)
from workbench.model.saturation_fit import demands_of
from workbench.records.saturation import FORMAT_VERSION, Kind, Measured, Second, Stretch

SIZE = SizeDemands(400, 50e-6, 30e-6, 400e-6, 20e-6, 300e-6, 10e-6, 5e-6)
IDLE = Demands(4, 1.0, 0.0, 0.0, (1.0 / 24,) * 24, (SIZE,))


def test_one_consumer_beside_nothing_does_one_event_a_cycle() -> None:
    """Nothing else on the machine: 1 / (computing + waiting), and it is the connection that is saturated."""
    quiet = replace(IDLE, sizes=(replace(SIZE, row_follow_s=0.0),))
    found = saturation(quiet, SetUp(LoadedPath.POSTGRES, 1, 400))
    assert found.rate_per_s == pytest.approx(1.0 / 310e-6, rel=1e-6)
    assert found.resource is Resource.CONNECTION
    assert found.busy_share == pytest.approx(300.0 / 310.0 / 4.0, rel=1e-6)


@pytest.mark.parametrize("consumers", [1, 2, 4, 8, 16])
def test_rates_never_exceed_what_the_cores_can_compute(consumers: int) -> None:
    """Utilization law: rate * computing an event <= cores; and more consumers never carry less."""
    quiet = replace(IDLE, sizes=(replace(SIZE, row_follow_s=0.0, row_wait_s=0.0),))
    found = saturation(quiet, SetUp(LoadedPath.POSTGRES, consumers, 400))
    assert found.rate_per_s * 300e-6 == pytest.approx(min(consumers, 4), rel=1e-6)
    assert (found.resource is Resource.CORES) == (consumers >= 4)


def test_kafka_saturates_where_no_core_is_left() -> None:
    """Cores over the demand of a record; a busy base and a machine that slows itself down take from it."""
    assert saturation(IDLE, SetUp(LoadedPath.KAFKA, 0, 400)).rate_per_s == pytest.approx(4.0 / 50e-6)
    busy = replace(IDLE, base_cores=0.5, full_factor=1.25)
    assert saturation(busy, SetUp(LoadedPath.KAFKA, 0, 400)).rate_per_s == pytest.approx((4.0 / 1.25 - 0.5) / 50e-6)


def test_the_consumer_with_the_largest_share_saturates_first() -> None:
    """With shares of 1/2, 1/4, 1/4 the hub carries twice what the first one does."""
    quiet = replace(IDLE, cores=64, sizes=(replace(SIZE, produce_s=0.0, follow_s=0.0),))
    found = saturation(quiet, SetUp(LoadedPath.PIPELINE, 3, 400), (0.5, 0.25, 0.25))
    assert found.rate_per_s == pytest.approx(2.0 / 420e-6, rel=0.01)
    assert found.resource is Resource.PROCESSOR


def test_shares_by_range() -> None:
    """Four topics of six partitions over four consumers: two, two, one and one of each."""
    shares = range_shares((1.0 / 24,) * 24, 4)
    assert shares == pytest.approx((1 / 3, 1 / 3, 1 / 6, 1 / 6))
    assert range_shares((1.0 / 24,) * 24, 1) == pytest.approx((1.0,))


def test_batches_between_one_an_event_and_one_a_linger() -> None:
    """Few events: a batch each; many: a batch of every partition every 5 ms."""
    assert batches_per_s(1.0, (0.5, 0.5)) == pytest.approx(1.0, rel=0.01)
    assert batches_per_s(1e9, (0.5, 0.5)) == pytest.approx(400.0, rel=0.01)


def test_a_path_without_its_consumers_is_refused() -> None:
    """No event processor, no pipeline: that is bad input, not a rate of 0."""
    with pytest.raises(BadInput, match="at least 1 consumer"):
        saturation(IDLE, SetUp(LoadedPath.PIPELINE, 0, 400))


def test_demands_are_found_again_in_stretches_made_of_them() -> None:
    """Stretches that obey the utilization law exactly give back the demands that they were made of."""
    shares = (1.0 / 24,) * 24
    batch_s, base = 40e-6, 0.3

    def stretch(kind: Kind, consumers: int, rate: float, short: float, cycle: float) -> Stretch:
        return Stretch(kind, 0 if kind is Kind.REST else 400, consumers, (Second(rate, short + cycle, cycle),) * 3)

    stretches = [stretch(Kind.REST, 0, 0.0, base, 0.0)]
    for rate in (1000.0, 4000.0, 12_000.0):
        short = base + batch_s * batches_per_s(rate, shares) + 50e-6 * rate
        stretches.append(stretch(Kind.RECORDS, 0, rate, short, 0.0))
    for rate in (200.0, 400.0, 700.0):
        short = base + batch_s * batches_per_s(rate, shares) + 80e-6 * rate
        stretches.append(stretch(Kind.EVENTS, 1, rate, short, 400e-6 * rate))
    stretches.append(stretch(Kind.BACKLOG, 1, 2000.0, base + 0.06, 0.8))
    stretches.append(stretch(Kind.ROWS, 1, 2500.0, base + 0.05, 0.75))
    stretches.append(stretch(Kind.ROWS, 8, 9000.0, base + 0.05, 2.7))
    measured = Measured(FORMAT_VERSION, "", 8, shares, tuple(stretches), {}, {}, "", {})
    found = demands_of(measured)
    (size,) = found.sizes
    assert found.full_factor == pytest.approx(1.0)
    assert (found.base_cores, found.batch_s) == pytest.approx((base, batch_s), rel=1e-6)
    assert (size.produce_s, size.follow_s) == pytest.approx((50e-6, 30e-6), rel=1e-6)
    assert (size.cycle_s, size.row_s) == pytest.approx((400e-6, 300e-6), rel=1e-6)
    assert size.row_follow_s == pytest.approx(20e-6, rel=1e-6)


def test_cores_that_slow_each_other_down_are_found_in_the_rows() -> None:
    """The same row takes 0.3 ms alone and 0.36 ms with both cores busy: a factor of 1.2."""
    shares = (0.5, 0.5)
    alone = Stretch(Kind.ROWS, 400, 1, (Second(3000.0, 0.9, 0.9),) * 3)
    full = Stretch(Kind.ROWS, 400, 2, (Second(5500.0, 2.0, 1.98),) * 3)
    others = [
        Stretch(Kind.REST, 0, 0, (Second(0.0, 0.0, 0.0),) * 3),
        Stretch(Kind.RECORDS, 400, 0, (Second(1000.0, 0.1, 0.0),) * 3),
        Stretch(Kind.EVENTS, 400, 1, (Second(300.0, 0.2, 0.1),) * 3),
        Stretch(Kind.BACKLOG, 400, 1, (Second(2000.0, 0.9, 0.8),) * 3),
    ]
    found = demands_of(Measured(FORMAT_VERSION, "", 2, shares, (alone, full, *others), {}, {}, "", {}))
    assert found.full_factor == pytest.approx(1.2, abs=0.03)
    assert np.isfinite(found.base_cores)
