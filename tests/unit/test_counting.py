"""The compiled loops of the metrics, against plain statements of what they count."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.metrics import counting, functions
from workbench.metrics.tables import Counts, Evidence, FloatArray, Moments, WriteTable

PARTITIONS = 5
END_S = 30.0
GRID_S = np.arange(-12.0, END_S, functions.GRID_STEP_S)


def random_table(seed: int, rows: int) -> WriteTable:
    """Return writes in no order, with ties, NaN, answers from before the fault and partitions without any write."""
    rng = np.random.default_rng(seed)
    intended_s = np.round(rng.uniform(-12.0, 20.0, rows), 1)
    acked_s = np.round(intended_s + rng.exponential(rng.choice([0.05, 2.0], rows)), int(rng.integers(1, 4)))
    committed_s = np.round(acked_s + rng.exponential(0.3, rows), 2)
    acked_s[rng.random(rows) < 0.1] = np.nan
    committed_s[rng.random(rows) < 0.1] = np.nan
    partition = rng.integers(0, PARTITIONS - 1, rows)
    return WriteTable(np.arange(rows), partition, intended_s, acked_s, committed_s, rng.random(rows) < 0.2)


def evidence_of(writes: WriteTable) -> Evidence:
    """Return the evidence with a baseline from -10 to 0 s."""
    return Evidence(writes, Moments(-10.0, 0.0, END_S), Counts(), PARTITIONS)


TABLES = pytest.mark.parametrize("writes", [random_table(seed, rows) for seed, rows in enumerate((0, 1, 2, 40, 3000))])


@TABLES
def test_the_canary_is_left_out(writes: WriteTable) -> None:
    """The devices' rows of three columns, in the order of the table."""
    found = counting.without_canary(writes.canary, writes.intended_s, writes.acked_s, writes.committed_s)
    devices = writes.devices()
    for column, wanted in zip(found, (devices.intended_s, devices.acked_s, devices.committed_s), strict=True):
        assert np.array_equal(column, wanted, equal_nan=True)


@TABLES
@pytest.mark.parametrize("times_s", [GRID_S, np.array([-8.0, -7.9, 3.0, 3.0, 19.0]), np.array([2.0]), GRID_S[:0]])
def test_counts_at_times_of_values_in_any_order(writes: WriteTable, times_s: FloatArray) -> None:
    """A value at a time counts until it and not before it, NaN never; the times need not be evenly spaced."""
    before, until = (count(writes.acked_s, times_s) for count in (counting.counts_before, counting.counts_until))
    assert before.tolist() == [int(np.count_nonzero(writes.acked_s < time_s)) for time_s in times_s]
    assert until.tolist() == [int(np.count_nonzero(writes.acked_s <= time_s)) for time_s in times_s]


@TABLES
def test_the_highest_backlog_is_that_of_an_intended_time(writes: WriteTable) -> None:
    """Counted anew at every intended time after the fault."""
    devices = writes.devices()
    waiting = [
        np.count_nonzero(devices.intended_s <= at_s) - np.count_nonzero(devices.committed_s <= at_s)
        for at_s in devices.intended_s[devices.intended_s >= 0.0]
    ]
    found = functions.pipeline_backlog_events_max(evidence_of(writes))
    assert found == max(waiting) if waiting else math.isnan(found)


@TABLES
def test_late_are_those_that_the_fault_touched(writes: WriteTable) -> None:
    """Over LATE_S or never; intended after the fault, or not yet acknowledged when it struck."""
    devices = writes.devices()
    late = [
        (math.isnan(acked_s) or acked_s - intended_s > functions.LATE_S) and (intended_s >= 0.0 or not acked_s < 0.0)
        for intended_s, acked_s in zip(devices.intended_s, devices.acked_s, strict=True)
    ]
    assert functions.events_late(evidence_of(writes)) == sum(late)


@TABLES
@pytest.mark.parametrize("window", [(-10.0, 0.0), (2.0, 11.5), (math.nan, 4.0)])
def test_sojourns_are_those_of_what_was_intended_within(writes: WriteTable, window: tuple[float, float]) -> None:
    """The start counts, the end does not; NaN as a bound selects nothing."""
    found = counting.sojourns(writes.intended_s, writes.acked_s, *window)
    inside = (writes.intended_s >= window[0]) & (writes.intended_s < window[1]) & ~np.isnan(writes.acked_s)
    assert found.tolist() == (writes.acked_s - writes.intended_s)[inside].tolist()


@pytest.mark.parametrize("scale", [0.0, 1e-300, 0.01, 4.0, 1e308])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 40, 50_000])
def test_percentiles_of_values_in_any_order(count: int, scale: float) -> None:
    """Those of the same values in order: of both signs, with ties, all in one place, or as far apart as can be."""
    rng = np.random.default_rng(count)
    values = rng.uniform(-1.0, 1.0, count) * scale
    values[: count // 3] = values[:1]
    found = functions.percentiles_of(values, (0.0, 50.0, 99.0, 100.0))
    expected = {percent: functions.percentile_of(np.sort(values), percent) for percent in found}
    assert found == pytest.approx(expected, rel=0.0, abs=0.0, nan_ok=True)


@TABLES
@pytest.mark.parametrize("most", [1, 8, functions.P99_IS_MAX_UP_TO])
def test_p99_per_step_is_the_value_of_its_rank(writes: WriteTable, most: int) -> None:
    """Rank ceil(0.99 n) of what was acknowledged in the step, the largest of a few; NaN of none."""
    step_s = 2.0
    found = counting.p99_per_step(writes.intended_s, writes.acked_s, -12.0, step_s, 15, most)
    for step, value in enumerate(found):
        inside = np.floor((writes.acked_s + 12.0) / step_s) == step
        values = np.sort((writes.acked_s - writes.intended_s)[inside])
        rank = len(values) if len(values) <= most else math.ceil(0.99 * len(values))
        assert value == values[rank - 1] if len(values) else math.isnan(value)


@TABLES
def test_acknowledged_per_second_counts_each_step_with_its_start(writes: WriteTable) -> None:
    """An acknowledgement on the edge of two steps belongs to the later one."""
    acked_s = writes.devices().acked_s
    counts = [np.count_nonzero((acked_s >= at_s) & (acked_s < at_s + functions.GRID_STEP_S)) for at_s in GRID_S]
    found = functions.acked_per_s(evidence_of(writes), GRID_S)
    assert found.tolist() == (np.array(counts) / functions.GRID_STEP_S).tolist()


def longest_silence(intended_s: FloatArray, acked_s: FloatArray) -> list[float]:
    """Return start and end of one partition's longest silence by its definition: answer by answer."""
    before = acked_s < 0.0
    last_s = float(np.max(acked_s[before], initial=-math.inf))
    answered_s = np.where(np.isnan(acked_s), END_S, acked_s)[~before]
    intended_s = intended_s[~before]
    best = [math.nan, math.nan]
    for now_s in sorted(set(answered_s.tolist())):
        start_s = max(last_s, float(np.min(intended_s[answered_s >= now_s])))
        if math.isnan(best[0]) or now_s - start_s > best[1] - best[0]:
            best = [start_s, now_s]
        last_s = now_s
    return best


@TABLES
def test_silent_spans_are_the_longest_silences(writes: WriteTable) -> None:
    """Each partition's, the first of equally long ones, rows in any order; (NaN, NaN) without a write."""
    expected = [
        longest_silence(writes.intended_s[writes.partition == index], writes.acked_s[writes.partition == index])
        for index in range(PARTITIONS)
    ]
    assert np.array_equal(functions.silent_spans(evidence_of(writes)), np.array(expected), equal_nan=True)
    assert np.isnan(expected[-1]).all()
