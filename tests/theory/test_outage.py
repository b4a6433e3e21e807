"""Processors that stop for a while, against the fluid limit: what gathers, how it drains, and in whose turn."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.engine_cases import BATCH, OWNERS, PARTITIONS, a_service, a_traffic, undisturbed_brokers
from workbench import engine
from workbench.engine import Fate, Outage, Traffic

PER_S = 400.0
STOPS_S = 2.0
RESUMES_S = 32.0


def played(service_per_s: float, cuts: bool = True) -> tuple[Traffic, Fate]:
    """Return evenly paced events in four partitions and their fate: two processors, each of half the rate."""
    intended_s = np.arange(-5.0, 150.0, 1.0 / PER_S)
    traffic = a_traffic(intended_s)
    outage = Outage(
        np.full(2, STOPS_S), np.full(2, cuts), np.full(2, RESUMES_S), np.array(OWNERS[::-1]), np.array([0, 2, 1, 3])
    )
    event_s = 2.0 / service_per_s  # of each processor
    return traffic, engine.run(traffic, undisturbed_brokers(outage=outage), a_service(event_s))


@pytest.mark.parametrize("service_per_s", [800.0, 1600.0, 4000.0])
def test_what_gathers_drains_as_the_fluid_limit_says(service_per_s: float) -> None:
    """Backlog: rate times outage. Drain: backlog over spare capacity; 3 % and a batch of each processor off."""
    traffic, fate = played(service_per_s)
    batch_s = BATCH * 2.0 / service_per_s
    waiting = np.count_nonzero((traffic.intended_s <= RESUMES_S) & ~(fate.committed_s <= RESUMES_S))
    assert waiting == pytest.approx(PER_S * (RESUMES_S - STOPS_S), abs=2 * BATCH)
    late = np.flatnonzero((traffic.intended_s > RESUMES_S) & (fate.committed_s - traffic.intended_s > 0.1 + batch_s))
    drained_s = float(fate.committed_s[late].max(initial=RESUMES_S))
    theory_s = PER_S * (RESUMES_S - STOPS_S) / (service_per_s - PER_S)
    assert drained_s - RESUMES_S == pytest.approx(theory_s, rel=0.03, abs=2 * batch_s + 0.15)
    assert np.isfinite(fate.committed_s).all()


def test_nothing_is_written_in_between_but_what_a_graceful_stop_finishes() -> None:
    """Cut off: nothing at all. Stopped in good order: the batch under way, of which there is one a processor."""
    for cuts, most in ((True, 0), (False, 2 * BATCH)):
        _, fate = played(450.0, cuts)  # nearly always busy
        between = np.count_nonzero((fate.committed_s > STOPS_S) & (fate.committed_s < RESUMES_S))
        assert between <= most
        assert bool(between) is not cuts


def test_the_backlog_comes_partition_after_partition() -> None:
    """Each processor writes all that gathered in its first partition before any of its second."""
    traffic, fate = played(800.0)
    gathered = (traffic.intended_s < RESUMES_S - 0.1) & (fate.committed_s > RESUMES_S)
    first, last = (
        [float(pick(fate.committed_s[gathered & (traffic.partition == index)])) for index in range(PARTITIONS)]
        for pick in (np.min, np.max)
    )
    # Afterwards processor 1 owns partitions 0 and 1, of turns 0 and 2, and processor 0 partitions 2 and 3.
    assert last[0] <= first[1]
    assert last[2] <= first[3]
    assert abs(first[0] - first[2]) < 1.0
