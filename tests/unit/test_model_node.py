"""A node's servers die together: what that changes for each of them, and what the model does not cover."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.model_cases import a_scenario, a_topology, setting_and_draws
from workbench.errors import BadInput, Problem
from workbench.fault import Fault, FaultType, RestartRule, VictimSelector
from workbench.model.course import Course, play
from workbench.model.pace import both
from workbench.model.parameters import merge
from workbench.scenario.drill_scenario import Scenario
from workbench.topology.hub import HubTopology

NODES = {
    "worker-1": ("kafka-0", "zookeeper-1", "postgres-1", "redis-0"),
    "worker-2": ("kafka-1", "zookeeper-2", "postgres-2", "event-processor-0"),
    "worker-3": ("kafka-2", "zookeeper-3", "postgres-3", "event-processor-1"),
}
FIXED = {
    "zookeeper_ping_age_s": 3.0,
    "zookeeper_forward_s": 0.5,
    "zookeeper_tick_phase_s": 0.0,
    "zookeeper_election_s": 0.6,
    "group_contact_age_s": 0.1,
    "group_sync_s": 0.2,
    "coordinator_load_s": 0.1,
    "coordinator_query_s": 0.5,
}


def the_topology() -> HubTopology:
    """Return the cases' hub with its servers on nodes."""
    return replace(a_topology(), placement={name: node for node, names in NODES.items() for name in names})


def the_refusal(scenario: Scenario) -> Problem:
    """Return the one problem for which a scenario on this hub is refused, before anything starts."""
    with pytest.raises(BadInput) as refused:
        merge(scenario, the_topology(), None, None)
    (problem,) = refused.value.problems
    return problem


def a_loss(node: str, restart: RestartRule = RestartRule.KUBELET_RULES) -> Scenario:
    """Return a scenario in which a node's servers are killed."""
    fault = Fault(FaultType.NODE_PROCESSES_KILL, VictimSelector(node=node))
    return replace(a_scenario(restart=restart), faults=(fault,))


def played(fixed: dict[str, float], **facts: Any) -> Course:
    """Return one replication's course of worker-2's loss; the draws of FIXED unless given."""
    scenario = a_loss("worker-2")
    setting, draws = setting_and_draws(merge(scenario, the_topology(), None, None), scenario)
    setting = replace(setting, session_on_zookeeper_leader=False, **facts)
    return play(setting, {**draws, **FIXED, **fixed})


def test_the_nodes_own_servers_are_the_victims() -> None:
    """As the placement says, without a hub that is up."""
    parameters = merge(a_loss("worker-3"), the_topology(), None, None)
    found = {name: parameters.value(name) for name in ("victim_broker", "victim_processor", "victim_zookeeper")}
    assert found == {"victim_broker": 2, "victim_processor": 1, "victim_zookeeper": 3}


def test_a_zookeeper_leader_that_dies_too_starts_the_brokers_session_afresh() -> None:
    """Expiry at a tick after -3 + 0.5 + 18 s, or after 0.6 + 18 s."""
    alone = played({}, victim_leads_zookeeper=False, zookeeper_of_broker={1: 3})
    afresh = played({}, victim_leads_zookeeper=True, zookeeper_of_broker={1: 3})
    assert 16.0 <= alone.moments.broker_deregistered_s < 17.0
    assert 20.0 <= afresh.moments.broker_deregistered_s < 21.0


def test_a_follower_takes_the_last_ping_with_it_if_it_had_not_told_of_it() -> None:
    """A ping 0.2 s old would be reported 0.3 s after the death: the one before, 6 s older, counts."""
    fresh = {"zookeeper_ping_age_s": 0.2}
    told = played(fresh, victim_leads_zookeeper=False, zookeeper_of_broker={1: 3})
    lost = played(fresh, victim_leads_zookeeper=False, zookeeper_of_broker={1: 2})
    assert 20.0 <= told.moments.broker_deregistered_s < 21.0
    assert 14.0 <= lost.moments.broker_deregistered_s < 15.0


def test_a_new_coordinator_gives_the_dead_member_a_whole_session() -> None:
    """45 s from when it serves, in place of 45 s from the last thing that the old one heard."""
    kept = played({}, victim_coordinates=False)
    moved = played({}, victim_coordinates=True)
    assert kept.moments.group_whole_s == pytest.approx(45.1, abs=0.25)
    serves_s = moved.moments.leaders_moved_s + FIXED["coordinator_load_s"]
    assert moved.moments.group_whole_s == pytest.approx(serves_s + 45.2, abs=0.26)
    outage = moved.disturbance.outage
    assert outage is not None
    assert outage.stops_s[1] >= serves_s + 0.5  # the survivor works on until it hears of the rebalance


def test_two_causes_of_slowness_multiply() -> None:
    """At every change of either."""
    course = played({}, victim_coordinates=False)
    pace = course.disturbance.pace
    squared = both(pace, pace)
    assert squared.from_s.tolist() == pace.from_s.tolist()
    assert squared.response == pytest.approx(pace.response**2)


@pytest.mark.parametrize(
    ("node", "restart", "named"),
    [
        ("worker-1", RestartRule.KUBELET_RULES, "without postgres-1 and redis-0"),
        ("worker-9", RestartRule.KUBELET_RULES, "a node with a broker"),
        ("worker-2", RestartRule.NONE, "have to come back"),
    ],
)
def test_what_is_not_covered_is_refused(node: str, restart: RestartRule, named: str) -> None:
    """With the bound, before anything starts."""
    with pytest.raises(BadInput) as refused:
        merge(a_loss(node, restart), the_topology(), None, None)
    assert any(named in problem.bound for problem in refused.value.problems)
