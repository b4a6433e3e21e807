"""Work on shared cores: processor sharing worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.model.cores import LEFT_MIN, session_speed, slow_down, task_slow_down


@pytest.mark.parametrize(
    ("parallel", "short_tasks", "threads", "rivals", "factor"),
    [
        (1.0, 0.0, 1.0, 0.0, 1.0),  # alone
        (1.2, 0.8, 1.0, 0.0, 1.0),  # just what is left
        (1.2, 1.4, 1.0, 0.0, 2.0),  # 0.6 cores are left of the 1.2 it would use
        (1.0, 0.0, 1.0, 3.0, 2.0),  # one of four that never wait, on two cores
        (1.0, 1.0, 1.0, 1.0, 2.0),  # one of two on the core that is left
        (2.0, 1.0, 2.0, 2.0, 4.0),  # two of four threads on the core that is left
        (1.0, 2.0, 1.0, 0.0, 1.0 / LEFT_MIN),  # a full machine still lets it run
    ],
)
def test_two_cores(parallel: float, short_tasks: float, threads: float, rivals: float, factor: float) -> None:
    """Short tasks are served first; work that never waits shares the rest thread by thread."""
    assert slow_down(2.0, parallel, short_tasks, threads, rivals) == pytest.approx(factor)


def test_never_faster_than_alone_and_never_faster_with_more_beside_it() -> None:
    """At least 1, and growing with short tasks and with rivals."""
    factors = [[slow_down(4.0, 1.3, busy / 4.0, 1.5, rivals) for busy in range(20)] for rivals in range(5)]
    assert all(factor >= 1.0 for row in factors for factor in row)
    assert all(row == sorted(row) for row in factors)
    assert all(column == tuple(sorted(column)) for column in zip(*factors, strict=True))


@pytest.mark.parametrize("load", [0.1, 0.5, 0.8])
def test_one_session_on_one_core_shares_it_with_an_mm1_queue(load: float) -> None:
    """With chance (1 - a) a^n there are n others, which leave 1 / (n + 1): -ln(1 - a) (1 - a) / a in the mean."""
    assert session_speed(1, load, 1) == pytest.approx(-math.log(1.0 - load) * (1.0 - load) / load, rel=1e-3)


def test_sessions_are_faster_with_less_beside_them() -> None:
    """Alone each has a core where there are as many; never faster with more short tasks or more sessions."""
    assert session_speed(2, 0.0, 2) == pytest.approx(1.0)
    assert session_speed(2, 0.0, 4) == pytest.approx(0.5)
    speeds = [[session_speed(2, load / 10.0, sessions) for load in range(25)] for sessions in range(1, 5)]
    assert all(row == sorted(row, reverse=True) for row in speeds)
    assert all(list(column) == sorted(column, reverse=True) for column in zip(*speeds, strict=True))


@pytest.mark.parametrize("load", [0.0, 0.2, 0.5, 0.8])
def test_a_task_on_one_core_waits_as_in_an_mm1_queue_with_permanent_customers(load: float) -> None:
    """Processor sharing with k customers that never leave: (k + 1) / (1 - a) times as long as alone."""
    permanent = np.array([0.0, 1.0, 3.0])
    found = task_slow_down(1.0, np.full(3, load), permanent)
    assert found == pytest.approx((permanent + 1.0) / (1.0 - load), rel=1e-3)


@pytest.mark.parametrize("load", [0.2, 1.0, 1.6])
def test_a_task_on_two_cores_waits_as_in_an_mm2_queue(load: float) -> None:
    """1 / (1 - rho^2) times as long as alone."""
    (found,) = task_slow_down(2.0, np.array([load]), np.zeros(1))
    assert found == pytest.approx(1.0 / (1.0 - (load / 2.0) ** 2), rel=1e-3)
