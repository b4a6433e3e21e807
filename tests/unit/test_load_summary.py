"""The books: they follow from schedule and logs alone, balance to the unit, and survive a killed source."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.sample_load import sample_plan
from workbench.load.plan import LoadPlan, write_counts, write_stop
from workbench.load.summary import LoadCounts, summarize
from workbench.load.write_log import WriteLog
from workbench.records.folder import RunFolder
from workbench.records.writes import Outcome

START_S = 1_790_000_000.0


def fill(plan: LoadPlan, source: int, fates: list[Outcome | None], slip_s: float = 0.001) -> None:
    """Log a source's first writes: an outcome each, None for sent and never answered."""
    share = plan.share(source)
    ids = share.ids(np.arange(len(share))).tolist()
    log = WriteLog(plan.ledger, source)
    for row, fate in enumerate(fates):
        intended_s, topic, partition = float(share.intended_s[row]), int(share.topic[row]), int(share.partition[row])
        if fate is not Outcome.NOT_SENT:
            log.sent(ids[row], topic, partition, intended_s, intended_s + slip_s)
        if fate is Outcome.OK:
            log.answered(ids[row], fate, 0, partition, row, intended_s + 0.01)
        elif fate is not None:
            log.answered(ids[row], fate, -1, partition)
    log.close()


def balanced(counts: LoadCounts) -> bool:
    """Return whether these books balance."""
    inside = counts.ok + counts.failed + counts.unknown == counts.sent
    return inside and counts.sent + counts.not_sent == counts.planned


@settings(deadline=None, max_examples=40)
@given(
    fates=st.lists(st.lists(st.sampled_from([None, *Outcome]), max_size=60), min_size=3, max_size=3),
    stop_after_s=st.none() | st.floats(0.0, 2.0),
    ended=st.sets(st.integers(0, 2)),
    first_sequence=st.sampled_from([0, 1 << 24]),
)
def test_the_books_balance_whatever_happened(
    tmp_path_factory: pytest.TempPathFactory,
    fates: list[list[Outcome | None]],
    stop_after_s: float | None,
    ended: set[int],
    first_sequence: int,
) -> None:
    """Any outcomes, stop, source killed and first id: planned = sent + not sent, sent = ok + failed + unknown."""
    run, plan = sample_plan(tmp_path_factory.mktemp("load"), START_S, first_sequence=first_sequence)
    for source, of_source in enumerate(fates):
        fill(plan, source, of_source)
    if stop_after_s is not None:
        write_stop(plan.load, START_S + stop_after_s)
    for source in ended:
        write_counts(plan.load, source, {})
    summary = summarize(run, plan)
    assert balanced(summary.devices)
    assert balanced(summary.canary)
    assert sum(counts.planned for counts in summary.topics.values()) == summary.devices.planned
    both = [*fates[1], *fates[2]]
    assert summary.devices.ok == both.count(Outcome.OK)
    assert summary.devices.failed == both.count(Outcome.FAILED)
    assert summary.devices.unknown == both.count(None) + both.count(Outcome.UNKNOWN)


def whole(run_and_plan: tuple[RunFolder, LoadPlan], killed_after: int | None = None) -> None:
    """Log a run in which everything was acknowledged, source 2 perhaps killed after so many writes."""
    _, plan = run_and_plan
    for source in plan.sources:
        count = len(plan.share(source)) if source != 2 or killed_after is None else killed_after
        fill(plan, source, [Outcome.OK] * count)


def test_a_whole_run_is_all_acknowledged(tmp_path: Path) -> None:
    """Offered, achieved and acknowledged agree; slip and acknowledgement are each their own."""
    run, plan = sample_plan(tmp_path, START_S)
    whole((run, plan))
    summary = summarize(run, plan)
    total = sum(len(plan.share(source)) for source in (1, 2))
    assert summary.devices == LoadCounts(total, total, 0, total, 0, 0)
    assert summary.canary.ok == len(plan.share(0))
    assert summary.acked_ratio == 1.0
    assert summary.offered_per_s == summary.sent_per_s == pytest.approx(total / (summary.end_s - START_S))
    assert summary.slip_s.max == pytest.approx(0.001, abs=1e-6)
    assert summary.ack_s.p50 == pytest.approx(0.01, abs=1e-6)


def test_a_killed_source_leaves_its_rest_not_sent(tmp_path: Path) -> None:
    """Without a stop file, what the others reached was planned for the killed source too."""
    run, plan = sample_plan(tmp_path, START_S)
    whole((run, plan), killed_after=50)
    write_counts(plan.load, 0, {})
    write_counts(plan.load, 1, {})
    summary = summarize(run, plan)
    last_s = max(plan.share(0).intended_s[-1], plan.share(1).intended_s[-1])
    expected = np.count_nonzero(plan.share(2).intended_s <= last_s)
    assert summary.devices.not_sent == expected - 50
    assert balanced(summary.devices)


def test_a_source_that_never_started_sent_nothing(tmp_path: Path) -> None:
    """Missing logs are no error: all of that source's plan is not sent."""
    run, plan = sample_plan(tmp_path, START_S)
    fill(plan, 1, [Outcome.OK] * len(plan.share(1)))
    write_stop(plan.load, START_S + plan.horizon_s)
    summary = summarize(run, plan)
    assert summary.devices.not_sent == len(plan.share(2))
    assert summary.canary == LoadCounts(len(plan.share(0)), 0, len(plan.share(0)), 0, 0, 0)


def test_a_window_counts_its_own_writes(tmp_path: Path) -> None:
    """Windows that touch share no write and lose none."""
    run, plan = sample_plan(tmp_path, START_S)
    whole((run, plan))
    first = summarize(run, plan, (START_S, START_S + 4.0))
    second = summarize(run, plan, (START_S + 4.0, START_S + 10.0))
    assert first.devices.planned + second.devices.planned == summarize(run, plan).devices.planned
    assert first.offered_per_s == first.devices.planned / 4.0


def test_the_last_write_counts_even_after_the_stop(tmp_path: Path) -> None:
    """A source that learned of the stop late had planned what it sent."""
    run, plan = sample_plan(tmp_path, START_S)
    fill(plan, 1, [Outcome.OK] * 30)
    fill(plan, 2, [Outcome.OK] * 20)
    write_stop(plan.load, float(plan.share(2).intended_s[20]))
    before_stop = int(np.count_nonzero(plan.share(1).intended_s < plan.share(2).intended_s[20]))
    summary = summarize(run, plan)
    assert summary.devices.ok == 50
    assert summary.devices.planned == 20 + max(30, before_stop)


def test_an_empty_window_has_no_rates(tmp_path: Path) -> None:
    """Nothing planned: counts of zero, and no number where there is none."""
    run, plan = sample_plan(tmp_path, START_S)
    summary = summarize(run, plan, (START_S - 10.0, START_S - 10.0))
    assert summary.devices == LoadCounts(0, 0, 0, 0, 0, 0)
    assert math.isnan(summary.offered_per_s)
    assert math.isnan(summary.acked_ratio)
    assert math.isnan(summary.slip_s.p99)
