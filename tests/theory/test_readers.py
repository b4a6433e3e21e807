"""Readers beside a Redis that lost its data, against closed forms: a cache that fills by being asked, and one queue."""

from __future__ import annotations

from dataclasses import replace
from math import exp, sqrt

import numpy as np
import pytest

from tests.support.model_cases import a_scenario
from workbench.metrics.tables import FloatArray, ReadTable
from workbench.model.parameter import uniform
from workbench.model.readers import play, waits_s
from workbench.streams import stream
from workbench.workload import Readers

PER_S, DEVICES, USERS = 50.0, 200, 20
REPLICATIONS = 200
NORMAL_999 = 3.29  # two-sided


def tables() -> list[ReadTable]:
    """Return replications of a Redis that is back at once and empty."""
    workload = replace(a_scenario().workload, devices=DEVICES, readers=Readers(USERS, PER_S))
    draws = {
        "fault_after_load_start_s": 10.0,
        "redis_file_bytes": 0.0,
        "gateway_postgres_s": 0.0,
        "gateway_hit_s": 0.0,
    }
    hit_s = uniform(0.001, 0.0010001)
    return [play(workload, draws, 0.0, 40.0, hit_s, stream(1, "readers", index)) for index in range(REPLICATIONS)]


@pytest.fixture(name="played", scope="module")
def _played() -> list[ReadTable]:
    return tables()


def answers_since(table: ReadTable) -> tuple[FloatArray, FloatArray]:
    """Return when each state told after the fault was asked for, from the first on (s), and whether it is a miss."""
    rows = table.answered & (table.intended_s >= 0.0)
    since_s = table.intended_s[rows] - np.max(table.intended_s[~table.answered])
    return since_s, (~table.hit[rows]).astype(np.float64)


@pytest.mark.parametrize("after_s", [1.0, 4.0, 9.0, 20.0])
def test_distinct_devices_are_those_of_the_coupon_collector(played: list[ReadTable], after_s: float) -> None:
    """Poisson reads at rate r of N equally likely devices: N (1 - exp(-r t / N)) of them after t."""
    counts = np.array([float(miss[since_s < after_s].sum()) for since_s, miss in map(answers_since, played)])
    share = exp(-PER_S * after_s / DEVICES)
    spread = sqrt(DEVICES * share * (1.0 - share) / REPLICATIONS)  # devices are independent under Poisson reads
    assert abs(counts.mean() - DEVICES * (1.0 - share)) < NORMAL_999 * spread


def test_the_share_of_hits_is_the_share_of_devices_seen(played: list[ReadTable]) -> None:
    """At t it is 1 - exp(-r t / N), so 90 % of the reads are hits again from N ln 10 / r on: 9.2 s."""
    since_s, miss = (np.concatenate(column) for column in zip(*map(answers_since, played), strict=True))
    near = np.abs(since_s - DEVICES * np.log(10.0) / PER_S) < 0.2
    spread = sqrt(0.09 / np.count_nonzero(near))
    assert abs(1.0 - miss[near].mean() - 0.9) < NORMAL_999 * spread + 0.001  # the window's curvature


def test_waiting_for_the_gateway_is_that_of_one_server_with_equal_work() -> None:
    """Poisson arrivals of equal work (M/D/1): rho s / (2 (1 - rho)) on average (Pollaczek and Khinchine)."""
    work_s, rho = 0.01, 0.7
    means = []
    for index in range(40):
        rng = stream(2, "queue", index)
        arrives_s = np.cumsum(rng.exponential(work_s / rho, 20_000))
        means.append(waits_s(arrives_s, np.full(len(arrives_s), work_s))[2_000:].mean())
    expected_s = rho * work_s / (2.0 * (1.0 - rho))
    assert abs(np.mean(means) - expected_s) < NORMAL_999 * np.std(means, ddof=1) / sqrt(len(means))
