"""What the readers' metrics count, on tables small enough to check by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.metrics import reading
from workbench.metrics.catalogue import BY_NAME, READER_METRICS
from workbench.metrics.tables import Counts, Evidence, Moments, ReadTable, WriteTable

STEP_S = 0.1
TAKES_S = 0.01
BACK_AT_S = 3.0  # every read from the fault until then is no hit


def evidence(reads: ReadTable) -> Evidence:
    """Return the evidence of these reads, with a baseline from -20 to 0 s and a load that ends at 30 s."""
    none = np.empty(0)
    writes = WriteTable(none.astype(np.int64), none.astype(np.int64), none, none, none, none.astype(np.bool_))
    return Evidence(writes, Moments(-20.0, 0.0, 30.0), Counts(), 1, reads)


def a_loss() -> ReadTable:
    """Return ten reads a second, all hits but for the 30 from the fault on; the first two of them are refused."""
    intended_s = np.arange(-200, 300) * STEP_S + STEP_S / 2.0
    lost = (intended_s > 0.0) & (intended_s < BACK_AT_S)
    refused = np.zeros(len(lost), np.bool_)
    refused[np.flatnonzero(lost)[:2]] = True
    return ReadTable(intended_s, intended_s + np.where(lost, 3.0, 1.0) * TAKES_S, ~refused, ~lost)


def test_hits_are_back_when_nine_of_ten_answers_are_hits() -> None:
    """28 answers of Postgres leave the last 100 when the last ten of them are the oldest: 90 hits later."""
    seen = evidence(a_loss())
    assert reading.cache_refilled_s(seen) == pytest.approx(BACK_AT_S + 89.5 * STEP_S + TAKES_S)
    assert reading.cache_hits_steady_percent(seen) == 100.0
    assert reading.cache_hits_during_percent(seen) == pytest.approx(100.0 * 90 / (90 + 28))


def test_answers_of_postgres_are_counted_whole_and_in_their_worst_second() -> None:
    """28 in all; what was refused or sent away is a failure and no answer. Of five, four come within a second."""
    seen = evidence(a_loss())
    assert reading.states_from_postgres(seen) == 28.0
    assert reading.reads_failed(seen) == 2.0
    answered_s = np.array([0.4, 1.0, 1.1, 1.5, 1.9])
    five = ReadTable(answered_s - 0.1, answered_s, np.ones(5, np.bool_), np.zeros(5, np.bool_))
    assert reading.states_from_postgres_max(evidence(five)) == 4.0


def test_times_are_from_the_intended_moment_before_and_until_the_hits_are_back() -> None:
    """Steady every read takes the same; until the hits are back the slow quarter is the upper one."""
    seen = evidence(a_loss())
    assert BY_NAME["read_steady_s_p99"].compute(seen) == pytest.approx(TAKES_S)
    assert BY_NAME["read_during_s_p50"].compute(seen) == pytest.approx(TAKES_S)
    assert BY_NAME["read_during_s_p95"].compute(seen) == pytest.approx(3.0 * TAKES_S)


def test_hits_that_never_left_were_back_at_once() -> None:
    """0 s, and then there is no stretch "during" to speak of."""
    table = a_loss()
    always = np.ones(len(table.hit), np.bool_)
    seen = evidence(ReadTable(table.intended_s, table.answered_s, always, always))
    assert reading.cache_refilled_s(seen) == 0.0
    assert math.isnan(reading.cache_hits_during_percent(seen))
    assert reading.states_from_postgres_max(seen) == 0.0


def test_hits_that_do_not_come_back_have_no_moment() -> None:
    """The load ended before: no value, not the load's end."""
    seen = evidence(a_loss().before(BACK_AT_S + 1.0))
    assert math.isnan(reading.cache_refilled_s(seen))
    assert math.isnan(BY_NAME["read_during_s_p50"].compute(seen))


def test_without_readers_no_metric_of_theirs_has_a_value() -> None:
    """All of them are NaN, none is 0."""
    seen = evidence(a_loss().before(-100.0))
    names = set().union(*READER_METRICS.values())
    assert len(names) == 12
    assert all(math.isnan(BY_NAME[name].compute(seen)) for name in names)
