"""A burst's quick forecast against the queues played in full, and against what two token buckets must give."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.scheduling_cases import a_node, a_pod
from workbench.model.scheduling import Arrival, Timing, play, replicaset_arrivals
from workbench.model.scheduling.bursts import Creator, Probed, bound_s, burst_forecast

PROBED = Probed((0.004, 0.005, 0.006), (0.004, 0.005, 0.006), (0.01, 0.012), (0.05, 0.1, 0.15))
REPLICATIONS = 20


@pytest.mark.parametrize("every_s", [0.001, 0.01, 0.03])
def test_it_is_what_the_queues_give_where_there_is_room(every_s: float) -> None:
    """Same arrivals and the same time for a cycle and an answer: every pod is bound at the same moment."""
    cycle_s, answer_s = 1e-6, 0.02
    arrivals = [Arrival(every_s * number, a_pod(str(number))) for number in range(300)]
    course = play([a_node("a", pods=400)], arrivals, Timing(cycle_s, answer_s, 1000.0))
    quick_s = bound_s([each.at_s for each in arrivals], np.full(300, cycle_s + answer_s))
    assert np.sort(quick_s) == pytest.approx(sorted(each.bound_s or np.inf for each in course.pods), abs=1e-3)


@pytest.mark.parametrize("pods", [50, 500, 2000])
def test_bare_pods_end_with_the_schedulers_bucket(pods: int) -> None:
    """A client is faster than 50 a second, so the last is bound (N - 100) / 50 s after the first, and a bind's time."""
    forecast = burst_forecast(pods, Creator.CLIENT, PROBED, REPLICATIONS, seed=1)
    total_s = forecast.moment("total_s").values
    created_s = forecast.moment("created_s").values
    assert np.all(total_s >= max(pods - 100, 0) / 50.0)
    assert np.all(total_s <= np.maximum((pods - 100) / 50.0, created_s) + 0.2)


def test_a_deployments_events_take_tokens_too() -> None:
    """One event at a time: at most one between two batches, and none more than there are tokens for."""
    without, told = replicaset_arrivals(500, 0.01), replicaset_arrivals(500, 0.01, events=25)
    assert np.all(np.array(told) >= np.array(without) - 1e-9)
    assert 0.0 < told[-1] - without[-1] <= 25 / 20.0
    assert replicaset_arrivals(500, 0.01, events=1)[-1] == pytest.approx(without[-1] + 1 / 20.0, abs=0.02)


def test_the_same_seed_gives_the_same_forecast() -> None:
    """And another one another."""
    one, same, other = (burst_forecast(300, Creator.DEPLOYMENT, PROBED, REPLICATIONS, seed) for seed in (1, 1, 2))
    values = [[moment.values.tolist() for moment in each.moments] for each in (one, same, other)]
    assert values[0] == values[1] != values[2]
