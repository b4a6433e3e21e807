"""Group commit as a closed queueing network, where its answer is known by hand or by mean value analysis."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.metrics.tables import FloatArray
from workbench.model.group_commit import GroupCommit

FLUSH_S: FloatArray = np.array([0.001])


def mean_s(model: GroupCommit, sessions: int, count: int = 4_000) -> float:
    """Return the mean of the later half of so many commits."""
    return float(model.commits_s(sessions, count, np.random.default_rng(1))[count // 2 :].mean())


def test_one_session_waits_for_its_own_computing_and_flush() -> None:
    """Nobody shares anything with it."""
    assert mean_s(GroupCommit(0.0002, FLUSH_S, 2.0), 1) == pytest.approx(0.0012)


def test_sessions_that_compute_little_wait_for_two_flushes() -> None:
    """They come back while the next flush is under way, so two halves take turns: a cycle is two flushes."""
    model = GroupCommit(0.0002, FLUSH_S, 16.0)
    for sessions in (2, 8, 16):
        assert mean_s(model, sessions) == pytest.approx(0.002, rel=0.01), sessions


def test_sessions_that_compute_for_long_have_a_flush_each() -> None:
    """Four on four cores with ten times a flush's computing: hardly ever does one wait for another's flush."""
    assert mean_s(GroupCommit(0.01, FLUSH_S, 4.0), 4) == pytest.approx(0.011, rel=0.1)


def test_beyond_the_cores_computing_decides() -> None:
    """The utilization law: on 2 cores 16 sessions complete no more than 2 / own a second, nearly as many as that."""
    own_s, sessions = 0.001, 16
    per_s = sessions / mean_s(GroupCommit(own_s, 0.1 * FLUSH_S, 2.0), sessions)
    assert 0.9 * 2.0 / own_s < per_s <= 2.0 / own_s


@pytest.mark.parametrize("sessions", [1, 2, 5])
def test_no_commit_is_shorter_than_alone_nor_longer_than_two_flushes_and_all_computing(sessions: int) -> None:
    """It waits for what is left of one flush, and for its own."""
    model = GroupCommit(0.0003, np.array([0.0005, 0.002]), 2.0)
    taken_s = model.commits_s(sessions, 6_000, np.random.default_rng(2))
    assert len(taken_s) == 6_000
    assert taken_s.min() >= 0.0003 + 0.0005 - 1e-12
    assert taken_s.max() <= 2 * 0.002 + sessions * 0.0003 + 1e-12
