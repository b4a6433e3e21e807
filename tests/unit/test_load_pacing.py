"""The open model: nothing is skipped, nothing is shifted, and the stop is exact."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.support.sample_load import sample_plan
from workbench.load.pacing import Pacer
from workbench.load.plan import STOP_POLL_S, LoadPlan, StopWatch, write_stop


class Writer:
    """Notes what it is given."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, float]] = []
        self.skipped: list[int] = []
        self.finished = 0

    def send(self, event_id: int, _topic: int, _partition: int, _device: int, intended_s: float) -> None:
        """Note an event."""
        self.sent.append((event_id, intended_s))

    def skip(self, event_id: int, _partition: int) -> None:
        """Note an event that is not sent."""
        self.skipped.append(event_id)

    def finish(self) -> None:
        """Note the end."""
        self.finished += 1


def pacer(plan: LoadPlan, source: int = 1) -> tuple[Pacer, Writer]:
    """Return a pacer with its writer."""
    writer = Writer()
    return Pacer(plan.share(source), writer, StopWatch(plan.load)), writer  # type: ignore[arg-type]


def run_overdue(one: Pacer) -> float | None:
    """Step until nothing is overdue; return the last answer."""
    for _ in range(1000):
        wait_s = one.step()
        if wait_s is None or wait_s > 0.0:
            return wait_s
    raise AssertionError("still overdue")


def test_what_is_overdue_is_sent_at_once_and_in_order(tmp_path: Path) -> None:
    """A source that starts late sends everything it missed, none left out."""
    _, plan = sample_plan(tmp_path, time.time() - 100.0, horizon_s=50.0)
    one, writer = pacer(plan)
    assert run_overdue(one) is None
    share = plan.share(1)
    assert [intended_s for _, intended_s in writer.sent] == share.intended_s.tolist()
    assert [event_id for event_id, _ in writer.sent] == share.ids(np.arange(len(share))).tolist()
    one.finish()
    assert (writer.skipped, writer.finished) == ([], 1)


def test_what_is_not_due_waits_but_never_past_the_next_look_for_a_stop(tmp_path: Path) -> None:
    """An event of the future is not sent; the wait is bounded by the poll of the stop file."""
    _, plan = sample_plan(tmp_path, time.time() + 1000.0)
    one, writer = pacer(plan)
    assert one.step() == STOP_POLL_S
    assert writer.sent == []


def test_an_event_is_never_sent_before_its_time(tmp_path: Path) -> None:
    """Half of the schedule is past: exactly that half is sent."""
    _, plan = sample_plan(tmp_path, time.time() - 5.0, rate_per_s=50.0)
    one, writer = pacer(plan)
    wait_s = run_overdue(one)
    now_s = time.time()
    assert wait_s is not None
    assert all(intended_s <= now_s for _, intended_s in writer.sent)
    assert len(writer.sent) >= np.count_nonzero(plan.share(1).intended_s <= now_s - 1.0)


def test_the_stop_file_ends_the_plan_at_its_very_event(tmp_path: Path) -> None:
    """Events intended before the stop are sent, those at or after it are not planned."""
    _, plan = sample_plan(tmp_path, time.time() - 100.0, horizon_s=50.0)
    intended_s = plan.share(2).intended_s
    write_stop(plan.load, float(intended_s[40]))
    one, writer = pacer(plan, 2)
    assert run_overdue(one) is None
    one.finish()
    assert len(writer.sent) == 40
    assert writer.skipped == []


def test_stopping_now_notes_what_was_due_as_not_sent(tmp_path: Path) -> None:
    """A stop by signal: what was intended by now and not handed over is planned and not sent."""
    _, plan = sample_plan(tmp_path, time.time() - 5.0)
    one, writer = pacer(plan)
    one.finish()
    now_s = time.time()
    assert writer.sent == []
    due = int(np.count_nonzero(plan.share(1).intended_s < now_s))
    assert 0 < len(writer.skipped) <= due
    assert writer.skipped == plan.share(1).ids(np.arange(len(writer.skipped))).tolist()
    one.finish()
    assert len(writer.skipped) <= due


def test_a_long_share_is_walked_in_parts(tmp_path: Path) -> None:
    """More rows than are turned into Python numbers at a time."""
    _, plan = sample_plan(tmp_path, time.time() - 200.0, horizon_s=100.0)
    plan = replace(plan, workers=1)
    one, writer = pacer(plan)
    assert run_overdue(one) is None
    assert len(writer.sent) == len(plan.share(1)) > 2 * 4096
