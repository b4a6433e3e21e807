"""Every run of the engine is checked: each rule finds what breaks it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.test_engine_reference import random_case
from workbench import engine
from workbench.engine import NEVER, Disturbance, Fate, Outage, Traffic
from workbench.engine.checking import RULES, check
from workbench.errors import ToolFailed


def case() -> tuple[Traffic, Disturbance, Fate]:
    """Return three events of one client: before the fault, in flight, and held until it is over."""
    traffic = Traffic(
        np.array([-2.0, -0.5, 1.0]), np.zeros(3, np.int64), np.zeros(3, np.int64), np.full(3, 0.1), np.ones(3)
    )
    disturbance = Disturbance(
        np.zeros(1),
        np.array([[5.0]]),
        np.array([[0]]),
        np.array([[NEVER]]),
        np.array([NEVER]),
        np.array([NEVER]),
        np.zeros(1),
        np.array([0]),
    )
    fate = Fate(np.array([-1.9, 5.1, 5.2]), np.array([-1.8, 5.1, 5.3]), np.array([-1.7, 5.5, 5.5]), 0)
    return traffic, disturbance, fate


def test_no_dead_processor_writes() -> None:
    """A row between its processor's death and its heir's start breaks a rule, though another processor lives."""
    traffic, disturbance, fate = case()
    stops, back = np.array([0.2, np.inf]), np.array([8.0, 1.0])
    outage = Outage(stops, np.array([True, False]), back, disturbance.processor, np.array([0]))
    with pytest.raises(ToolFailed, match=RULES[4]):
        check(traffic, replace(disturbance, outage=outage), fate)
    late = replace(outage, stops_s=np.array([6.0, np.inf]))
    check(traffic, replace(disturbance, outage=late), fate)
    inherited = replace(outage, processor=np.array([1]))
    check(traffic, replace(disturbance, outage=inherited), fate)


def changed(fate: Fate, column: str, row: int, value: float) -> Fate:
    """Return a fate with one time changed."""
    values = getattr(fate, column).copy()
    values[row] = value
    return replace(fate, **{column: values})


def test_what_the_engine_gives_passes() -> None:
    """Of random configurations and of the case at hand."""
    check(*case())
    for seed in range(100, 120):
        traffic, disturbance, service = random_case(seed)
        engine.run(traffic, disturbance, service)


@pytest.mark.parametrize(
    ("column", "row", "value", "rule"),
    [
        ("acked_s", 0, -2.1, 0),
        ("visible_s", 0, -1.95, 1),
        ("committed_s", 1, 5.05, 2),
        ("acked_s", 1, 4.9, 3),
        ("acked_s", 2, np.nan, 5),
        ("visible_s", 2, np.nan, 6),
        ("committed_s", 0, np.nan, 7),
    ],
)
def test_a_broken_rule_is_named_with_its_event(column: str, row: int, value: float, rule: int) -> None:
    """The rule, the event and its times."""
    traffic, disturbance, fate = case()
    with pytest.raises(ToolFailed, match=RULES[rule]) as caught:
        check(traffic, disturbance, changed(fate, column, row, value))
    assert f"event {row} of client 0, partition 0" in str(caught.value)


def test_what_stands_before_a_closed_door_is_inside_and_not_forgotten() -> None:
    """Partitions that never come back, high watermarks that never move and processors that never resume explain it."""
    traffic, disturbance, fate = case()
    waiting = changed(fate, "committed_s", 2, np.nan)
    check(traffic, replace(disturbance, processor=np.array([-1])), waiting)
    forever, nobody = np.array([np.inf]), np.array([-1])
    for outage in (
        Outage(np.array([5.6]), np.array([True]), forever, disturbance.processor, np.array([0])),
        Outage(np.array([5.6]), np.array([True]), np.array([9.0]), nobody, np.array([0])),
    ):
        check(traffic, replace(disturbance, outage=outage), waiting)
    unseen = changed(waiting, "visible_s", 2, np.nan)
    check(traffic, replace(disturbance, visible_from_s=forever), unseen)
    unanswered = changed(changed(changed(unseen, "acked_s", 2, np.nan), "visible_s", 1, np.nan), "acked_s", 1, np.nan)
    unanswered = changed(unanswered, "committed_s", 1, np.nan)
    check(traffic, replace(disturbance, held_until_s=forever[:, None]), unanswered)


def test_lost_events_are_counted_again() -> None:
    """One that was acknowledged before the fault and is nowhere is one that the engine has to count."""
    traffic, disturbance, fate = case()
    gone = changed(changed(fate, "visible_s", 0, np.nan), "committed_s", 0, np.nan)
    with pytest.raises(ToolFailed, match="lost 1 acknowledged events and counted 0"):
        check(traffic, disturbance, gone)
    check(traffic, disturbance, replace(gone, lost=1))
