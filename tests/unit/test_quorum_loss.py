"""A broker dies while ZooKeeper has no quorum: refused where it is not that, modelled from the quorum's return on."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.model_cases import a_scenario, a_topology, parameters_of, setting_and_draws
from tests.unit.test_scenario import changed, problems_of, write
from workbench.drill.live import collected, probes
from workbench.drill.recovery import Recovery
from workbench.errors import BadInput
from workbench.fault import Fault, FaultType, Part, RestartRule, VictimSelector
from workbench.model import broker_loss, predict
from workbench.model.course import Course, play
from workbench.model.parameters import merge
from workbench.model.quorum_loss import quorum
from workbench.model.world import World
from workbench.records.prediction import finite
from workbench.scenario.drill_scenario import Scenario
from workbench.target.port import Victim

KILL = "type: BrokerKill\n    victim: {broker: 1}"
THREE = Victim("kafka-1,zookeeper-2,zookeeper-3", "worker-2", 11, 1)
AWAY_S = 15.0


def a_loss(acks: str = "all", restart: RestartRule = RestartRule.KUBELET_RULES, for_s: float = AWAY_S) -> Scenario:
    """Return a scenario in which broker 1 dies and the quorum is away for a while."""
    fault = Fault(FaultType.QUORUM_AND_BROKER_KILL, VictimSelector(broker=1), for_s=for_s)
    return replace(a_scenario(acks=acks, restart=restart), faults=(fault,))


def played(for_s: float = AWAY_S, **fixed: float) -> Course:
    """Return the course of one replication, with some draws fixed."""
    setting, draws = setting_and_draws(parameters_of(a_loss(for_s=for_s)), a_loss(for_s=for_s))
    return play(setting, {**draws, **fixed})


def controls(for_s: float = AWAY_S, **fixed: float) -> World:
    """Return the control events of one replication."""
    setting, draws = setting_and_draws(parameters_of(a_loss(for_s=for_s)), a_loss(for_s=for_s))
    return broker_loss.run(replace(setting, fault=FaultType.BROKER_KILL), {**draws, **fixed}, quorum)


@pytest.mark.parametrize(
    ("fault", "bound"),
    [
        ("victim: {broker: 1}", "LoadBurst and QuorumAndBrokerKill, and with no other fault"),
        ("victim: {role: zookeeper-leader}\n    for_s: 9", "QuorumAndBrokerKill with a victim of {broker: <id>}"),
    ],
)
def test_a_broker_and_a_time_are_named(tmp_path: Path, fault: str, bound: str) -> None:
    """One message says what is missing."""
    (problem,) = problems_of(write(tmp_path, changed((KILL, f"type: QuorumAndBrokerKill\n    {fault}"))))
    assert bound in problem.bound


@pytest.mark.parametrize(
    ("scenario", "servers", "key"),
    [
        (a_loss("1"), (1, 2, 3), "load.acks"),
        (a_loss(restart=RestartRule.NONE), (1, 2, 3), "restart"),
        (a_loss(), (1, 2, 3, 4, 5), "manifests"),
    ],
)
def test_what_is_no_loss_of_the_quorum_is_refused(scenario: Scenario, servers: tuple[int, ...], key: str) -> None:
    """Of five servers two are not the quorum, and without restarts it never comes back."""
    hub = a_topology()
    topology = replace(hub, zookeeper=replace(hub.zookeeper, server_ids=servers))
    with pytest.raises(BadInput, match="quorum") as caught:
        merge(scenario, topology, None, None)
    assert {problem.key for problem in caught.value.problems} == {key}


def test_the_session_lapses_a_whole_session_after_the_quorum_is_back() -> None:
    """However old the last ping was: the new leader has forgotten, and rounds up to its next tick of 2 s."""
    for age_s in (0.0, 6.0):
        world = controls(zookeeper_ping_age_s=age_s)
        back_s, gone_s = world.moments["quorum_back"], world.moments["deregistered"]
        assert AWAY_S < back_s < AWAY_S + 4.0
        assert back_s + 18.0 < gone_s < back_s + 20.0 + world.draws["zookeeper_close_s"]
    assert (played().disturbance.held_until_s > AWAY_S + 18.0 - 3.0).all()


def test_a_leaders_own_check_waits_for_the_quorum() -> None:
    """A follower that lags for 30 s is dropped by its leader, and that is written to ZooKeeper.

    It frees the one request that each connection is at, no other (broker_links.py).
    """
    world = controls(for_s=60.0)
    back_s = world.moments["quorum_back"]
    assert back_s > 60.0
    assert set(world.shrunk_by_leader_s.values()) == {back_s}
    disturbance = played(for_s=60.0).disturbance
    heads_s = disturbance.head_until_s[np.isfinite(disturbance.head_until_s)]
    assert (heads_s < back_s + 2.0).all()
    assert disturbance.held_until_s.min() > back_s + 18.0


def test_a_new_process_waits_for_zookeeper_as_long_as_it_may() -> None:
    """18 s here: with the quorum away for longer the first process ends, and the second comes 10 s later."""
    exact = {"zookeeper_asked_share": 0.5, "broker_start_s": 2.0, "start_again_factor": 1.0, "zookeeper_found_s": 0.0}
    for away_s, waits in ((10.0, True), (25.0, False)):
        states = controls(for_s=away_s, **exact).victim_states
        first_gone_s = next(
            t_s
            for (_, before), (t_s, after) in itertools.pairwise(states)
            if (before.name, after.name) == ("STARTING", "GONE")
        )
        assert (first_gone_s > away_s) is waits


def test_a_prediction_loses_nothing_and_tells_of_the_quorum() -> None:
    """Silent for the quorum's absence and a session; every metric of a broker's loss and ZooKeeper's two."""
    found = predict(a_loss(), a_topology(), parameters_of(a_loss()), 1, replications=10, subprocesses=0)
    assert set(found.metrics["acknowledged_records_lost"]) == {0.0}
    leads, whole, silent = (
        np.array(finite(found.metrics[name]))
        for name in ("zookeeper_leader_s", "zookeeper_whole_s", "kafka_unavailable_s")
    )
    assert len(leads) == len(silent) == 10
    assert (leads <= whole).all()
    assert (silent > leads + 17.0).all()


def test_who_asks_zookeeper_may_be_blind_without_it() -> None:
    """Which brokers are registered only ZooKeeper can tell: looked at, but nobody must have seen it all."""
    assert "brokers" in collected(Part.QUORUM)
    assert "brokers" not in probes(Part.QUORUM)
    assert {"partitions", "zookeeper"} <= set(probes(Part.QUORUM))
    assert collected(Part.BROKER) == probes(Part.BROKER)


class ALiveCluster:
    """A live view of a broker that goes, and of an ensemble that is away; the backlog is calm."""

    def __init__(self) -> None:
        self.there = True
        self.led, self.short = 8, 24
        self.seen: dict[str, Any] = {"leader": -1, "serving": (), "server_of_broker": {}}

    def backlog_events(self) -> float:
        """Return a calm backlog."""
        return 10.0

    def registered(self, _broker: int) -> bool:
        """Tell whether the broker is registered."""
        return self.there

    def led_by(self, broker: int) -> int:
        """Return how many partitions it leads."""
        return self.led if broker == 1 else 0

    def short_partitions(self) -> int:
        """Return how many in-sync sets are short."""
        return self.short

    def zookeeper(self, _asked_s: float) -> dict[str, Any]:
        """Return what the servers said."""
        return self.seen


def test_a_drill_waits_for_the_ensemble_and_the_broker() -> None:
    """The dead broker's session is nobody's and is not waited for."""
    live = ALiveCluster()
    recovery = Recovery(live, a_topology(), Part.QUORUM, THREE, 0.0, (35.0, 40.0), returns=True)  # type: ignore[arg-type]
    assert recovery.update(1.0) == []
    live.seen = {"leader": 1, "serving": (1, 2), "server_of_broker": {1: -1}}
    assert recovery.update(17.0) == ["zookeeper-leads"]
    live.seen, live.there, live.led = {**live.seen, "serving": (1, 2, 3)}, False, 0
    assert recovery.update(36.0) == ["broker-deregistered", "leaders-moved", "zookeeper-whole"]
    live.there, live.short = True, 0
    assert recovery.update(50.0) == ["broker-registered"]
    assert recovery.update(51.0) == ["isr-full"]
    for look in range(60):
        recovery.update(52.0 + 0.25 * look)
    assert recovery.complete
