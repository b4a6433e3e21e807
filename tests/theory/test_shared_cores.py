"""Saturation on shared cores: laws that hold whatever the machine, worked out by hand, and demands found again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workbench.errors import BadInput
from workbench.model.saturation import (
    Demands,
    LoadedPath,
    Resource,
    SetUp,
    SizeDemands,
    range_shares,
    saturation,
)
from workbench.model.saturation_fit import demands_of
from workbench.records.saturation import FORMAT_VERSION, Kind, Measured, Second, Stretch

SIZE = SizeDemands(400, 20e-6, 1.0, 400e-6, 0.5, 1.5, 300e-6, 10e-6, 5e-6)
IDLE = Demands(4, 1.0, 0.0, (1.0 / 24,) * 24, (SIZE,))


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


def test_kafka_carries_what_a_burst_was_carried_at() -> None:
    """One record every record_s; the cores are saturated where the burst kept them busy, else the client's thread."""
    full = saturation(IDLE, SetUp(LoadedPath.KAFKA, 0, 400))
    assert (full.rate_per_s, full.resource) == (pytest.approx(50_000.0), Resource.CORES)
    free = replace(IDLE, sizes=(replace(SIZE, record_busy_share=0.7),))
    assert saturation(free, SetUp(LoadedPath.KAFKA, 0, 400)).resource is Resource.CLIENT


@pytest.mark.parametrize("consumers", [1, 2, 3, 6])
def test_processors_get_their_share_beside_their_rivals(consumers: int) -> None:
    """Processor sharing: each of c processors gets (cores - w) / (c + n), at most a core, and needs rate / c."""
    found = saturation(IDLE, SetUp(LoadedPath.PIPELINE, consumers, 400))
    speed = min(1.0, (4.0 - 1.5) / (consumers + 0.5))
    assert found.rate_per_s == pytest.approx(consumers * speed / 400e-6, rel=1e-6)
    assert (found.resource is Resource.CORES) == (consumers > 1)


def test_the_consumer_with_the_largest_share_saturates_first() -> None:
    """With shares of 1/2, 1/4, 1/4 the hub carries twice what the first one does."""
    found = saturation(replace(IDLE, cores=64), SetUp(LoadedPath.PIPELINE, 3, 400), (0.5, 0.25, 0.25))
    assert found.rate_per_s == pytest.approx(2.0 / 400e-6, rel=1e-6)
    assert found.resource is Resource.PROCESSOR


def test_shares_by_range() -> None:
    """Four topics of six partitions over four consumers: two, two, one and one of each."""
    shares = range_shares((1.0 / 24,) * 24, 4)
    assert shares == pytest.approx((1 / 3, 1 / 3, 1 / 6, 1 / 6))
    assert range_shares((1.0 / 24,) * 24, 1) == pytest.approx((1.0,))


def test_a_path_without_its_consumers_is_refused() -> None:
    """No event processor, no pipeline: that is bad input, not a rate of 0."""
    with pytest.raises(BadInput, match="at least 1 consumer"):
        saturation(IDLE, SetUp(LoadedPath.PIPELINE, 0, 400))


def _stretches(cores: int, rows: tuple[Stretch, ...], rivals: tuple[float, float]) -> Measured:
    """Return stretches of processors beside such rivals (always wanting to run; work), at 0.4 ms an event."""
    contended = []
    for processors in (1, 2):
        used = processors * (cores - rivals[1]) / (rivals[0] + processors)
        second = Second(used / 400e-6, float(cores), used)
        contended.append(Stretch(Kind.CONTENDED, 400, processors, (second,) * 3))
    rest = Stretch(Kind.REST, 0, 0, (Second(0.0, 0.3, 0.0),) * 3)
    records = Stretch(Kind.RECORDS, 400, 0, (Second(50_000.0, 0.9 * cores, 0.0),) * 3)
    return Measured(FORMAT_VERSION, "", cores, (1.0 / 24,) * 24, (rest, records, *contended, *rows), {}, {}, "", {})


def test_demands_are_found_again_in_stretches_made_of_them() -> None:
    """Stretches that obey the laws exactly give back the demands that they were made of."""
    alone = Stretch(Kind.ROWS, 400, 1, (Second(2500.0, 0.3 + 0.05 + 0.75, 0.75),) * 3)
    full = Stretch(Kind.ROWS, 400, 8, (Second(9000.0, 0.3 + 0.05 + 2.7, 2.7),) * 3)
    found = demands_of(_stretches(8, (alone, full), (9.0, 2.0)))
    (size,) = found.sizes
    assert (found.full_factor, found.base_cores) == pytest.approx((1.0, 0.3))
    assert (size.record_s, size.record_busy_share) == pytest.approx((20e-6, 0.9))
    assert (size.rivals, size.rivals_cores) == pytest.approx((9.0, 2.0))
    assert (size.cycle_s, size.row_s) == pytest.approx((400e-6, 300e-6))
    assert size.row_follow_s == pytest.approx(20e-6)


def test_cores_that_slow_each_other_down_are_found_in_the_rows() -> None:
    """The same row takes 0.3 ms alone and 0.36 ms with both cores busy: a factor of 1.2."""
    alone = Stretch(Kind.ROWS, 400, 1, (Second(3000.0, 0.9, 0.9),) * 3)
    full = Stretch(Kind.ROWS, 400, 2, (Second(5500.0, 2.0, 1.98),) * 3)
    assert demands_of(_stretches(2, (alone, full), (3.0, 0.5))).full_factor == pytest.approx(1.2, abs=0.03)
