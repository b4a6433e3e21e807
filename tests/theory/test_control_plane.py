"""The control plane's timers against closed forms: NotReady, the eviction limiter, leader election, the alert chain."""

from __future__ import annotations

from dataclasses import replace
from math import comb, factorial

import numpy as np
import pytest
from scipy import stats

from workbench.model.control_plane import Loss
from workbench.model.control_plane.alerting import delivery_delay_s
from workbench.model.control_plane.constants import Draws, Release, rows
from workbench.model.control_plane.election import election_wait_s
from workbench.model.control_plane.lifecycle import Silence, play
from workbench.model.control_plane.lost_node import controllers_of, lost_node

REPLICATIONS = 1500
PERIOD_S = 5.0008  # a period and the pass before it


def draws_with(minor: int = 29, replications: int = REPLICATIONS, **values: float) -> Draws:
    """Return draws in which some parameters have other values."""
    by_name = rows(Release(minor))
    by_name |= {name: replace(by_name[name], value=value) for name, value in values.items()}
    return Draws(by_name, 1, replications)


@pytest.mark.parametrize(("minor", "periods"), [(29, 8), (32, 10)])
def test_not_ready_is_the_grace_less_the_leases_age_plus_the_wait_for_a_pass(minor: int, periods: int) -> None:
    """Whole periods beyond the stamp, minus U(0, 10) since the renewal, plus U(0, 5) to the pass that stamps it."""
    found = lost_node(draws_with(minor, lease_interval_s=10.0), Loss("worker-1"), 4, None).not_ready_s
    about = stats.trapezoid(1 / 3, 2 / 3, loc=periods * PERIOD_S - 10.0, scale=15.0)
    assert stats.kstest(found, about.cdf).pvalue > 0.001
    assert abs(found.mean() - (periods * 5.0 - 2.5)) < 4.0 * about.std() / np.sqrt(REPLICATIONS) + 0.01
    assert periods * 5.0 - 10.0 <= found.min()
    assert found.max() <= (periods + 1) * PERIOD_S


@pytest.mark.parametrize(("minor", "later_s"), [(29, PERIOD_S), (33, PERIOD_S), (34, 0.0)])
def test_the_taint_comes_a_pass_later_until_1_33(minor: int, later_s: float) -> None:
    """The NoExecute taint follows NotReady by one period (from 1.34 by none) and a uniform wait of 0.1 s."""
    node = lost_node(draws_with(minor, 300), Loss("worker-1"), 4, None)
    after_s = node.tainted_s - node.not_ready_s - later_s
    assert after_s.min() >= -1e-9
    assert after_s.max() <= 0.1 + 1e-9
    assert abs(after_s.mean() - 0.05) < 4.0 * 0.1 / np.sqrt(12 * 300)


@pytest.mark.parametrize(("nodes", "lost", "apart_s"), [(10, 5, 10.0), (100, 60, 100.0)])
def test_tainted_nodes_are_a_token_apart(nodes: int, lost: int, apart_s: float) -> None:
    """One token each 10 s in a normal zone, each 100 s in a large one partially disrupted, the first at once."""
    controller = controllers_of(draws_with(replications=1))[0]
    fates = play(controller, nodes, {f"worker-{index}": Silence(-3.0) for index in range(lost)}).values()
    tainted_s = np.sort([fate.tainted_s for fate in fates if np.isfinite(fate.tainted_s)])
    assert len(tainted_s) >= 5
    assert tainted_s[0] - next(iter(fates)).not_ready_s <= PERIOD_S + 0.1 + 1e-9
    assert np.diff(tainted_s) == pytest.approx(apart_s, abs=0.1)


def test_a_new_identity_waits_a_lease_and_the_rest_of_a_retry() -> None:
    """Retries 2 to 4.4 s apart until 15 s are over: Wald's identity gives the mean of the first one after that."""
    found = election_wait_s(draws_with(), "candidate")
    steps = sum(irwin_hall((15.0 - 2.0 * retries) / 2.4, retries) for retries in range(8))
    assert abs(found.mean() - 3.2 * steps) < 4.0 * found.std() / np.sqrt(REPLICATIONS)
    assert found.min() >= 15.0
    assert found.max() <= 15.0 + 4.4


def irwin_hall(bound: float, count: int) -> float:
    """Return the chance that a sum of `count` uniform numbers is below `bound`."""
    if bound <= 0.0:
        return 0.0
    terms = ((-1.0) ** k * comb(count, k) * max(0.0, bound - k) ** count for k in range(count + 1))
    return 1.0 if bound >= count else sum(terms) / factorial(count)


def test_the_alert_is_two_phases_and_two_constants_later() -> None:
    """U(0, 15) + U(0, 20) + `for` rounded up to evaluations (10 s to 20 s) + group_wait: mean, variance, bounds."""
    found = delivery_delay_s(draws_with(scrape_interval_s=15.0, evaluation_interval_s=20.0, alert_for_s=10.0))
    variance = (15.0**2 + 20.0**2) / 12.0
    assert abs(found.mean() - (7.5 + 10.0 + 20.0 + 30.0)) < 4.0 * np.sqrt(variance / REPLICATIONS)
    assert found.var() == pytest.approx(variance, rel=0.12)
    assert found.min() >= 50.0
    assert found.max() <= 85.0
