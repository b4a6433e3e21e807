"""The processors against queueing theory where events come or are served in batches, or where there are several.

Each with a 99 % confidence interval over replications, the first customers left out.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, factorial

import numpy as np
import pytest

from tests.support.engine_cases import committed
from tests.unit.test_engine_reference import random_case
from workbench import engine
from workbench.metrics.counting import counts_until
from workbench.metrics.tables import FloatArray
from workbench.ordering import in_order

REPLICATIONS = 12
CUSTOMERS = 40_000
WARM_UP = 5_000
SERVICE_S = 0.01
T_99 = 3.106  # Student's t, 11 degrees of freedom, two-sided 99 %
STATES = 400  # of the embedded chain: how many can be left behind


def assert_inside(wait_s: Callable[[np.random.Generator], float], theory_s: float) -> None:
    """Fail where theory lies outside the 99 % interval of the replications' means, or the interval is too wide."""
    found_s = np.array([wait_s(np.random.default_rng([7, index])) for index in range(REPLICATIONS)])
    half_width_s = T_99 * found_s.std(ddof=1) / np.sqrt(REPLICATIONS)
    assert abs(found_s.mean() - theory_s) < half_width_s
    assert half_width_s < 0.12 * theory_s


@pytest.mark.parametrize("utilization", [0.4, 0.7])
@pytest.mark.parametrize("exponential", [False, True])
@pytest.mark.parametrize("largest", [1, 8])
def test_wait_of_events_that_arrive_in_batches(utilization: float, exponential: bool, largest: int) -> None:
    """M^[X]/D/1 and M^[X]/M/1, as a request's events come: what others wait for, and the batch's own before each.

    Wq = rho s (1 + cv^2) / (2 (1 - rho)) + s (E[X^2] / E[X] - 1) / (2 (1 - rho)), X uniform from 1 to the largest.
    """
    sizes = np.arange(1, largest + 1)
    mean, square = sizes.mean(), (sizes**2).mean()
    squared_variation = 1.0 if exponential else 0.0
    others_s = utilization * SERVICE_S * (1.0 + squared_variation) / (2.0 * (1.0 - utilization))
    own_s = SERVICE_S * (square / mean - 1.0) / (2.0 * (1.0 - utilization))

    def wait_s(rng: np.random.Generator) -> float:
        size = rng.integers(1, largest + 1, CUSTOMERS)
        came_s = np.cumsum(rng.exponential(mean * SERVICE_S / utilization, CUSTOMERS))
        arrivals_s = np.repeat(came_s, size)[:CUSTOMERS]
        factor = rng.exponential(1.0, CUSTOMERS) if exponential else np.ones(CUSTOMERS)
        return float((committed(arrivals_s, factor, SERVICE_S) - arrivals_s - SERVICE_S * factor)[WARM_UP:].mean())

    assert_inside(wait_s, others_s + own_s)


@pytest.mark.parametrize(("per_batch", "events_max"), [(0.6, 4), (2.5, 4), (3.2, 4), (0.7, STATES), (6.0, STATES)])
def test_wait_for_a_server_that_takes_all_that_wait(per_batch: float, events_max: int) -> None:
    """M/D^[1,b]/1: a batch of at most b takes one time, however many it has; `per_batch` arrive meanwhile.

    The number left behind by a batch is a Markov chain (Bailey 1954); where b is never reached its wait is
    (a s / 2) / (a + exp(-a)), of a arrivals in a service of s: half a service for those who find one under way.
    """
    theory_s = chain_wait_s(per_batch, events_max)
    if events_max == STATES:
        assert theory_s == pytest.approx(per_batch * SERVICE_S / 2.0 / (per_batch + exp(-per_batch)), rel=1e-9)

    def wait_s(rng: np.random.Generator) -> float:
        arrivals_s = np.cumsum(rng.exponential(SERVICE_S / per_batch, CUSTOMERS))
        done_s = committed(arrivals_s, np.ones(CUSTOMERS), 0.0, events_max=events_max, fixed_s=SERVICE_S)
        return float((done_s - arrivals_s)[WARM_UP:].mean() - SERVICE_S)

    assert_inside(wait_s, theory_s)


def chain_wait_s(per_batch: float, events_max: int) -> float:
    """Return the mean wait before a batch begins: the queue's length over a cycle, by the chain of those left behind.

    With n left behind the next batch takes up to `events_max` of them, with none it waits for the next event.
    """
    arrive = np.array([exp(-per_batch) * per_batch**k / factorial(k) for k in range(150)])
    step = np.zeros((STATES, STATES))
    for left in range(STATES):
        stay = max(left - events_max, 0)
        reach = min(len(arrive), STATES - stay)
        step[left, stay : stay + reach] = arrive[:reach]
        step[left, -1] += 1.0 - step[left].sum()
    equations = np.vstack([step.T - np.eye(STATES), np.ones(STATES)])
    share = np.linalg.lstsq(equations, np.append(np.zeros(STATES), 1.0), rcond=None)[0]
    waiting = np.maximum(np.arange(STATES) - events_max, 0.0) @ share + per_batch / 2.0  # mean, while a batch is served
    served_s, idle_s = SERVICE_S, share[0] * SERVICE_S / per_batch
    return float(waiting * served_s / (served_s + idle_s) / (per_batch / SERVICE_S))


@pytest.mark.parametrize("processors", [2, 4])
def test_processors_are_queues_of_their_own(processors: int) -> None:
    """A partition belongs to one processor, so c of them are c times M/M/1 and not one M/M/c, whose wait is shorter.

    Wq = rho s / (1 - rho) of each; Erlang's C says how much shorter with one queue for all: the engine has none such.
    """
    utilization = 0.7
    theory_s = utilization * SERVICE_S / (1.0 - utilization)

    def wait_s(rng: np.random.Generator) -> float:
        arrivals_s = np.cumsum(rng.exponential(SERVICE_S / utilization / processors, CUSTOMERS))
        owner, factor = rng.integers(0, processors, CUSTOMERS), rng.exponential(1.0, CUSTOMERS)
        order = np.argsort(owner, kind="stable")
        edges = np.searchsorted(owner[order], np.arange(processors + 1))
        queued_s, services_s = arrivals_s[order], SERVICE_S * factor[order]
        done_s = committed(queued_s, factor[order], SERVICE_S, edges=tuple(map(int, edges)))
        return float((done_s - queued_s - services_s)[queued_s > arrivals_s[WARM_UP]].mean())

    assert_inside(wait_s, theory_s)
    assert erlang_c_wait_s(processors, utilization) < 0.6 * theory_s


def erlang_c_wait_s(servers: int, utilization: float) -> float:
    """Return the mean wait of M/M/c."""
    offered = servers * utilization
    all_busy = offered**servers / factorial(servers) / (1.0 - utilization)
    waits = all_busy / (sum(offered**k / factorial(k) for k in range(servers)) + all_busy)
    return waits * SERVICE_S / (servers * (1.0 - utilization))


@pytest.mark.parametrize("seed", range(200, 220))
def test_littles_law_holds_of_every_run(seed: int) -> None:
    """Events inside, over time, are the events' times inside: of producers and brokers and of the whole, in any case.

    Counted at every instant at which one comes or goes, beside the sum of what each spent; those that stay apart.
    """
    traffic, disturbance, service = random_case(seed)
    fate = engine.run(traffic, disturbance, service)
    for done_s in (fate.acked_s, fate.committed_s):
        done = ~np.isnan(done_s)
        inside_s = area(traffic.intended_s[done], done_s[done])
        assert inside_s == pytest.approx(float(np.sum(done_s[done] - traffic.intended_s[done])), rel=1e-9)


def area(came_s: FloatArray, gone_s: FloatArray) -> float:
    """Return the area (event-seconds) under the number of those that have come and not gone."""
    instants_s = in_order(np.concatenate([came_s, gone_s]))
    inside = counts_until(came_s, instants_s) - counts_until(gone_s, instants_s)
    assert inside.min(initial=0) >= 0
    return float(np.sum(inside[:-1] * np.diff(instants_s)))
