"""Work on shared cores: processor sharing worked out by hand."""

from __future__ import annotations

import pytest

from workbench.model.cores import LEFT_MIN, slow_down


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
