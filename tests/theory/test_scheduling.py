"""The scheduler's throughput against closed forms of its two token buckets."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.scheduling_cases import a_node, a_pod
from workbench.model.scheduling import Arrival, Timing, play, replicaset_arrivals
from workbench.model.scheduling.arrivals import TokenBucket

CYCLE_S = 0.001


@pytest.mark.parametrize("pods", [1, 50, 100, 101, 200, 400])
def test_bare_pods_are_bound_at_the_rate_of_the_schedulers_client(pods: int) -> None:
    """N pods created at once: (N - 100) / 50 s for what exceeds the burst, or N cycles where that is longer.

    The two overlap: the bucket fills while cycles pass, so the total is at least the larger and at most one cycle more.
    """
    nodes = [a_node(str(index), pods=200) for index in range(3)]
    arrivals = [Arrival(0.0, a_pod(str(index))) for index in range(pods)]
    course = play(nodes, arrivals, Timing(CYCLE_S, 0.0, 1000.0))
    form_s = max(max(0, pods - 100) / 50.0, pods * CYCLE_S)
    assert form_s - 1e-9 <= course.total_s <= form_s + CYCLE_S + 1e-9
    bound_s = np.sort([each.bound_s for each in course.pods])
    after_burst_s = np.maximum((np.arange(1, pods + 1) - 100) / 50.0, np.arange(1, pods + 1) * CYCLE_S)
    assert np.all(np.abs(bound_s - after_burst_s) <= CYCLE_S + 1e-9)


def test_slow_cycles_and_not_the_client_are_the_limit() -> None:
    """At 40 ms a cycle 25 pods a second are placed, below the client's 50: N cycles in all."""
    arrivals = [Arrival(0.0, a_pod(str(index))) for index in range(150)]
    course = play([a_node("a", pods=200)], arrivals, Timing(0.04, 0.0, 1000.0))
    assert course.total_s == pytest.approx(150 * 0.04)


def test_failed_attempts_spend_the_clients_requests_too() -> None:
    """100 pods that fit nowhere use up the burst for their status, so the next 50 wait a second for their binds."""
    hopeless = [Arrival(0.0, a_pod(f"x{index}", cpu_m=5000, priority=1)) for index in range(100)]
    fitting = [Arrival(0.0, a_pod(str(index))) for index in range(50)]
    course = play([a_node("a")], [*hopeless, *fitting], Timing(CYCLE_S, 0.0, 1000.0), horizon_s=10.0)
    last_s = max(each.bound_s or np.inf for each in course.pods[100:])
    assert last_s == pytest.approx((150 - 100) / 50.0, abs=2 * CYCLE_S)


@pytest.mark.parametrize("replicas", [1, 30, 31, 100, 700])
def test_a_deployments_pods_arrive_at_the_controllers_rate(replicas: int) -> None:
    """At no time more than its burst and 20 a second; with instant answers the last comes at (N - 30) / 20 s."""
    created_s = np.array(replicaset_arrivals(replicas, create_s=0.0))
    assert len(created_s) == replicas
    assert np.all(np.arange(1, replicas + 1) <= 30 + 20.0 * created_s + 1e-9)
    assert created_s[-1] == pytest.approx(max(0, replicas - 30) / 20.0)


def test_slow_start_doubles_with_every_answer() -> None:
    """1, 2, 4, 8 and 15 pods: with answers after a second, batch k is there at k s, as long as the burst lasts."""
    created_s = replicaset_arrivals(30, create_s=1.0)
    assert [created_s.count(float(second)) for second in range(1, 6)] == [1, 2, 4, 8, 15]


def test_slow_start_begins_again_after_500_pods() -> None:
    """One pass creates 500; the next begins with one pod, then two."""
    created_s = replicaset_arrivals(503, create_s=100.0)  # an answer takes longer than a batch needs tokens
    gaps_s = np.diff(created_s)
    assert np.all(gaps_s[499:501] >= 100.0)
    assert gaps_s[501] == pytest.approx(0.0)


def test_a_deployment_is_bound_at_the_slower_of_both_rates() -> None:
    """20 a second arrive, 50 could be bound: the total is the arrivals', (N - 30) / 20 s, waits are a cycle."""
    arrivals = [Arrival(at_s, a_pod(str(index))) for index, at_s in enumerate(replicaset_arrivals(200, create_s=0.002))]
    course = play([a_node("a", pods=300)], arrivals, Timing(CYCLE_S, 0.0, 1000.0))
    assert course.total_s == pytest.approx((200 - 30) / 20.0, abs=0.02)
    assert course.bind_s_percentile(50.0) == pytest.approx(CYCLE_S)
    assert course.bind_s_percentile(99.0) < 0.03


def test_a_bucket_at_rest_fills_to_its_burst_and_no_further() -> None:
    """After any long rest `burst` requests go at once and the next waits for one token."""
    bucket = TokenBucket(10.0, 3)
    waits_s = [bucket.wait_s(1000.0) for _ in range(5)]
    assert waits_s == pytest.approx([0.0, 0.0, 0.0, 0.1, 0.2])
    assert bucket.wait_s(1000.3) == pytest.approx(0.0)
