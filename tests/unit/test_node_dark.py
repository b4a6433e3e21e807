"""A node without power: silent for longer than anybody waits, then started anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.support.model_cases import a_baseline, a_scenario, setting_and_draws
from tests.unit.test_model_node import the_refusal, the_topology
from workbench.drill.recovery import Recovery
from workbench.fault import Fault, FaultType, Part, RestartRule, VictimSelector
from workbench.model import predict
from workbench.model.course import Course, play
from workbench.model.parameters import merge
from workbench.model.world import Setting
from workbench.records.prediction import finite
from workbench.scenario.drill_scenario import Scenario
from workbench.target.port import Victim

FIXED = {
    "zookeeper_ping_age_s": 3.0,
    "zookeeper_forward_s": 0.5,
    "zookeeper_tick_phase_s": 0.0,
    "kubelet_relist_s": 0.5,
    "restart_notice_s": 0.1,
    "broker_start_s": 3.0,
    "start_again_factor": 1.0,
    "node_exists_exit_s": 0.5,
}


def a_power_cut(for_s: float = 90.0, restart: RestartRule = RestartRule.KUBELET_RULES) -> Scenario:
    """Return a scenario in which worker-2 has no power for so long."""
    fault = Fault(FaultType.NODE_POWER_OFF, VictimSelector(node="worker-2"), 0.0, for_s)
    return replace(a_scenario(restart=restart), faults=(fault,))


def played(**facts: Any) -> tuple[Setting, Course]:
    """Return the setting and one replication's course; the draws of FIXED."""
    scenario = a_power_cut()
    setting, draws = setting_and_draws(merge(scenario, the_topology(), None, None), scenario)
    setting = replace(setting, session_on_zookeeper_leader=False, victim_leads_zookeeper=False, **facts)
    return setting, play(setting, {**draws, **FIXED})


def test_clients_give_its_broker_up_and_it_comes_back_by_one_start() -> None:
    """Its session lapsed long before, so nobody refuses its first process, which begins once there is power."""
    setting, course = played()
    led = np.array(setting.leaders) == setting.victim
    held = course.disturbance.held_until_s
    assert ((held[:, led] > 60.0) & (held[:, led] < 62.0)).all()
    assert (held[:, ~led] < 22.0).all()
    assert 16.0 <= course.moments.broker_deregistered_s < 17.0
    assert course.moments.registering_process_started_s == pytest.approx(90.6)
    assert 93.0 < course.moments.broker_registered_s < course.moments.isr_full_s < 110.0


def test_the_others_take_over_and_everything_else_is_back_after_the_power() -> None:
    """The group after its session; the standby and the ZooKeeper server some seconds after 90 s."""
    _, course = played()
    moments, outage = course.moments, course.disturbance.outage
    assert outage is not None
    assert set(outage.processor.tolist()) == {1}
    assert 44.8 < moments.group_whole_s < 51.0
    assert 90.6 < moments.zookeeper_whole_s < 96.0
    assert 90.6 < moments.standbys_connected_s < 96.0


def test_a_silent_coordinator_delays_the_others() -> None:
    """As where the node is only frozen: a session after another broker leads."""
    scenario, baseline = a_power_cut(), replace(a_baseline(), group_coordinator=1)
    setting, draws = setting_and_draws(merge(scenario, the_topology(), baseline, None), scenario)
    told, given_up = (play(setting, {**draws, **FIXED, "coordinator_told": each}).moments for each in (1.0, 0.0))
    assert 16.0 + 45.0 < told.group_whole_s < 70.0
    assert 90.0 < given_up.group_whole_s < 97.0


@pytest.mark.parametrize(
    ("scenario", "key", "bound"),
    [
        (a_power_cut(for_s=60.0), "faults[0].for_s", "at least 64"),
        (a_power_cut(restart=RestartRule.NONE), "restart", "kubelet-rules"),
    ],
)
def test_what_is_not_covered_is_refused(scenario: Scenario, key: str, bound: str) -> None:
    """With the bound, before anything starts."""
    problem = the_refusal(scenario)
    assert problem.key == key
    assert bound in problem.bound


def test_a_prediction_has_the_metrics_of_a_dead_nodes_return() -> None:
    """And loses nothing."""
    scenario, topology = a_power_cut(), the_topology()
    found = predict(scenario, topology, merge(scenario, topology, None, None), 1, replications=5, subprocesses=0)
    assert (finite(found.metrics["kafka_unavailable_s"]) > 60.0).all()
    for name in ("isr_full_s", "broker_start_s", "group_rebalance_s", "zookeeper_whole_s", "standbys_connected_s"):
        assert len(finite(found.metrics[name])) == 5, name
    assert set(found.metrics["acknowledged_records_lost"]) == {0.0}


class ALiveNode:
    """A live view whose servers are back from the start: what a frozen socket would still answer."""

    def __getattr__(self, name: str) -> Any:
        answers = {"backlog_events": 10.0, "assigned_partitions": 6, "standbys": 2, "led_by": 0, "short_partitions": 0}
        return lambda *_: answers[name]

    def registered(self, _broker: int) -> bool:
        """Tell that nobody has given the broker up."""
        return True

    def zookeeper(self, asked_s: float) -> dict[str, Any]:
        """Return an ensemble that is whole if it was asked once there is power."""
        return {"leader": 1, "serving": [1, 2, 3] if asked_s > 90.0 else [1, 3], "server_of_broker": {}}


def test_nothing_counts_as_back_before_there_is_power() -> None:
    """The ZooKeeper servers are asked from 90 s on."""
    live, victim = ALiveNode(), Victim("worker-2", "worker-2", 1, broker=1)
    recovery = Recovery(
        live,  # type: ignore[arg-type]
        the_topology(),
        Part.DARK_NODE,
        victim,
        0.0,
        (35.0, 40.0),
        returns=True,
        for_s=90.0,
    )
    assert "zookeeper-whole" in recovery.update(91.0)
    assert not recovery.complete
