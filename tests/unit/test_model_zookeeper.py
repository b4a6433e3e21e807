"""A ZooKeeper server's death: who loses the connection, and how its clients find another server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.model_cases import a_scenario, a_topology, setting_and_draws
from workbench.engine import NEVER
from workbench.fault import Fault, FaultType, VictimSelector
from workbench.metrics.tables import Moments
from workbench.model.course import play
from workbench.model.parameters import merge

FIXED = {
    "zookeeper_election_s": 0.5,
    "zookeeper_start_s": 1.0,
    "zookeeper_connect_s": 0.01,
    "zookeeper_start_parallel": 1.0,
    "short_tasks_cores": 0.5,
    "database_cores": 0.5,
    "kubelet_relist_s": 0.6,
    "restart_notice_s": 0.0,
    "poll_stores_phase_s": 0.0,
}


def moments(role: str, held: dict[int, int], victim: int, **fixed: Any) -> Moments:
    """Return one replication's moments; every sleep is 0.4 s and every order ascending unless given."""
    scenario = replace(a_scenario(), faults=(Fault(FaultType.ZOOKEEPER_KILL, VictimSelector(role=role)),))
    setting, draws = setting_and_draws(merge(scenario, a_topology(), None, None), scenario)
    setting = replace(setting, zookeeper_of_broker=held, victim_zookeeper=victim)
    calm = {
        name: 0.4 if "wait" in name else 0.0 for name in draws if name.startswith(("zookeeper_wait", "zookeeper_o"))
    }
    course = play(setting, {**draws, **calm, **FIXED, **fixed})
    assert course.disturbance.outage is None
    assert (course.disturbance.held_until_s == NEVER).all()
    return course.moments


def test_a_followers_clients_go_to_the_next_server_at_once() -> None:
    """One sleep and a connection; there is a leader all the time, and the dead server joins when it has started."""
    found = moments("zookeeper-follower", {0: 2, 1: 1, 2: 3}, victim=2)
    assert found.zookeeper_leads_s == pytest.approx(0.0)
    assert found.broker_sessions_s == pytest.approx(0.5)  # 0.41 s, seen at the next look
    assert found.zookeeper_started_s == pytest.approx(0.6)
    assert found.zookeeper_whole_s == pytest.approx(1.6)


def test_a_leaders_death_costs_everybody_the_connection() -> None:
    """The first attempts come before there is a new leader; the second finds a server of the new quorum."""
    found = moments("zookeeper-leader", {0: 1, 1: 1, 2: 1}, victim=1)
    assert found.zookeeper_leads_s == pytest.approx(0.5)
    assert found.broker_sessions_s == pytest.approx(0.9)  # at 0.4 refused, at 0.8 taken


def test_a_client_that_is_through_its_list_sleeps_a_second_more() -> None:
    """Two attempts before the election ends, then its own old server, which is dead, then the next one."""
    found = moments("zookeeper-leader", {0: 1}, victim=1, zookeeper_election_s=0.85)
    # 0.4 and 0.8 are too early, 2.2 is the dead server (it serves from 1.6 on), so it is taken there
    assert found.broker_sessions_s == pytest.approx(2.3)
    later = moments("zookeeper-leader", {0: 1}, victim=1, zookeeper_election_s=0.85, zookeeper_start_s=3.0)
    assert later.broker_sessions_s == pytest.approx(2.7)  # still dead at 2.2; the next one at 2.6


def test_a_start_beside_a_busy_hub_takes_longer() -> None:
    """Of two cores a half is left to a start that alone keeps one busy: twice the time."""
    found = moments("zookeeper-follower", {0: 1}, victim=2, short_tasks_cores=1.0)
    assert found.zookeeper_whole_s == pytest.approx(2.6)


def test_nobody_connected_to_the_dead_follower_loses_anything() -> None:
    """Then the sessions are connected at the first look."""
    assert moments("zookeeper-follower", {0: 1, 1: 3, 2: 3}, victim=2).broker_sessions_s == pytest.approx(0.0)
