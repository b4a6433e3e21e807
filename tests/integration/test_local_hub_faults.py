"""Killing, stopping and freezing brokers, and a whole node's servers: proofs, NodeExists, back-off, undo."""

from __future__ import annotations

import math
import time

import psutil
import pytest

from tests.support.waiting import wait_for
from workbench.chaos.probes import serving_within
from workbench.errors import BadInput
from workbench.fault import Fault, FaultType, RestartRule, VictimSelector
from workbench.target.local import LocalHub
from workbench.target.local.idle_broker import make_idle
from workbench.waiting import happens

pytestmark = pytest.mark.integration


def all_lead(hub: LocalHub) -> bool:
    """Tell whether every broker leads a partition, Kafka's own topic for offsets included."""
    return {state.leader for state in hub.partition_states().values()} == set(hub.topology.kafka.broker_ids)


@pytest.mark.timeout(240)
def test_a_nodes_servers_die_at_once_and_its_broker_meets_its_own_session(hub: LocalHub) -> None:
    """SIGKILL of all; the broker's restart finds its old session and exits; the next one, a back-off later, registers.

    Measured on 2 cores: NodeExists exit 1 to 8 s after the start, session end 12 to 21 s after the kill. The
    restart rule begins anew, as other tests of the shared hub may have had the broker restarted.
    """
    broker = 1
    hub.control.restart_rule(RestartRule.KUBELET_RULES)
    node = hub.topology.placement[f"kafka-{broker}"]
    kill = Fault(FaultType.NODE_PROCESSES_KILL, VictimSelector(node=node))
    victim = hub.resolve(kill)
    assert {name for name, _ in victim.servers} == {name for name, at in hub.topology.placement.items() if at == node}
    assert (victim.server, victim.broker, victim.processor, victim.zookeeper) == (node, broker, broker - 1, broker + 1)
    injection = hub.inject(kill, victim)
    assert injection.effective, injection.evidence
    count = len(victim.servers)
    assert injection.evidence.startswith(f"{count} of {count} servers reaped, killed by SIGKILL")
    assert 0.0 <= injection.effective_s - injection.injected_s < 5.0
    for name, process_id in victim.servers:
        (start,) = [each for each in hub.process_starts(name) if each.process_id == process_id]
        assert start.exit == "SIGKILL"
    wait_for(lambda: broker not in hub.registered_brokers(), 60.0, "its session ends")
    wait_for(lambda: hub.registered_brokers() == {0, 1, 2}, 120.0, "it registers again")
    starts = hub.process_starts(f"kafka-{broker}")
    begun = [start.process_id for start in starts].index(victim.process_id)
    killed, *restarts = starts[begun:]
    assert killed.exit == "SIGKILL"
    assert restarts[0].started_s - killed.ended_s < 2.0
    assert restarts[0].exit == "exit 1"
    assert "NodeExists" in (hub.directory / "logs" / f"kafka-{broker}.log").read_text()
    assert restarts[1].started_s - restarts[0].ended_s == pytest.approx(10.0, abs=2.0)
    assert math.isnan(restarts[-1].ended_s)
    assert hub.undo().verified
    with pytest.raises(BadInput, match="the hub has worker-1, worker-2, worker-3"):
        hub.resolve(Fault(FaultType.NODE_PROCESSES_KILL, VictimSelector(node="worker-9")))


@pytest.mark.timeout(240)
def test_without_a_quorum_a_dead_brokers_session_lives_on(hub: LocalHub) -> None:
    """Two ZooKeeper servers are held down: the third serves nobody, and the undo brings them back before their time."""
    hub.control.restart_rule(RestartRule.KUBELET_RULES)
    kill = Fault(FaultType.QUORUM_AND_BROKER_KILL, VictimSelector(broker=1), for_s=100.0)
    victim = hub.resolve(kill)
    assert (victim.broker, victim.watched_server, len(victim.servers)) == (1, "kafka-1", 3)
    assert f"zookeeper-{hub.ensemble().leader}" in victim.server
    assert hub.resolve(Fault(kill.type, VictimSelector(server=victim.server), for_s=100.0)) == victim
    injection = hub.inject(kill, victim)
    assert injection.effective, injection.evidence
    assert hub.ensemble().serving == ()
    down = [each for each in hub.processes() if each.name in victim.server.split(",")[1:]]
    assert [each.process_id for each in down] == [0, 0]
    assert [each.restart_due_s for each in down] == [pytest.approx(injection.injected_s + 100.0)] * 2
    assert hub.undo().verified
    assert len(hub.ensemble().serving) == 3
    assert hub.registered_brokers() == {0, 1, 2}


@pytest.mark.timeout(120)
def test_a_frozen_broker_is_stopped_by_the_kernel_until_it_is_thawed(hub: LocalHub) -> None:
    """SIGSTOP is proved by the process's state; a thaw lets it go on, and so does the undo."""
    freeze = Fault(FaultType.BROKER_FREEZE, VictimSelector(broker=0), for_s=25.0)
    victim = hub.resolve(freeze)
    injection = hub.inject(freeze, victim)
    assert injection.effective, injection.evidence
    assert (injection.signal, injection.evidence) == ("SIGSTOP", f"pid {victim.process_id} is stopped (state T)")
    assert "kafka-0 stopped by a signal" in hub.missing()
    hub.thaw(victim)
    assert psutil.Process(victim.process_id).status() != psutil.STATUS_STOPPED
    assert hub.inject(freeze, victim).effective
    assert hub.undo().verified
    assert psutil.Process(victim.process_id).status() != psutil.STATUS_STOPPED


@pytest.mark.timeout(120)
def test_a_frozen_nodes_servers_all_stop_and_all_go_on(hub: LocalHub) -> None:
    """Children too; ZooKeeper is asked at a server that answers, and the broker keeps its process."""
    assert hub.undo().verified
    node = hub.topology.placement["kafka-1"]
    freeze = Fault(FaultType.NODE_FREEZE, VictimSelector(node=node), for_s=28.0)
    victim = hub.resolve(freeze)
    family = [psutil.Process(each) for _, each in victim.servers]
    family += [child for first in family for child in first.children(recursive=True)]
    injection = hub.inject(freeze, victim)
    assert injection.effective, injection.evidence
    assert injection.evidence.startswith(f"{len(family)} of {len(family)} processes are stopped (state T)")
    assert all(each.status() == psutil.STATUS_STOPPED for each in family)
    began_s = time.monotonic()
    assert hub.registered_brokers() == {0, 1, 2}
    assert hub.registered_brokers() == {0, 1, 2}
    assert time.monotonic() - began_s < 2.0  # a silent server is asked once, and then last
    assert {f"zookeeper-{each}" for each in hub.ensemble().serving} == {"zookeeper-1", "zookeeper-3"}
    assert "kafka-1" in hub.missing()
    hub.thaw(victim)
    assert not any(each.status() == psutil.STATUS_STOPPED for each in family)
    assert hub.inject(freeze, victim).effective
    assert hub.undo().verified
    assert not any(each.is_running() and each.status() == psutil.STATUS_STOPPED for each in family)
    assert hub.resolve(freeze).servers == victim.servers


@pytest.mark.timeout(240)
def test_a_node_without_power_is_silent_and_then_starts_anew(hub: LocalHub) -> None:
    """Every process of it stops; with the power each server gets a new one, and the hub is whole again."""
    assert hub.undo().verified
    hub.control.restart_rule(RestartRule.KUBELET_RULES)
    node = hub.topology.placement["kafka-1"]
    cut = Fault(FaultType.NODE_POWER_OFF, VictimSelector(node=node), for_s=90.0)
    victim = hub.resolve(cut)
    family = [psutil.Process(each) for _, each in victim.servers]
    injection = hub.inject(cut, victim)
    assert injection.effective, injection.evidence
    assert all(each.status() == psutil.STATUS_STOPPED for each in family)
    assert hub.power_on(victim) > injection.injected_s
    assert not any(each.is_running() for each in family)
    assert hub.undo().verified
    assert not {each for _, each in victim.servers} & {each for _, each in hub.resolve(cut).servers}


@pytest.mark.timeout(240)
def test_a_hub_in_silence_does_not_count_as_serving(hub: LocalHub) -> None:
    """Until the dead broker's session ends it is shown as registered and in sync, and no record waits.

    The victim leads nothing, so every leader runs, and still no write with acks=all is answered. The other brokers
    were held back for a second before this kill, and go on.
    """
    hub.control.restart_rule(RestartRule.NONE)
    try:
        if all_lead(hub):  # once back, it only follows
            kill = Fault(FaultType.BROKER_KILL, VictimSelector(broker=2))
            assert hub.inject(kill, hub.resolve(kill)).effective
            assert hub.undo().verified
        kill = Fault(FaultType.BROKER_KILL, VictimSelector(role="leads-nothing"), lag_s=1.0)
        victim = hub.resolve(kill)
        assert victim.led_partitions == ()
        injection = hub.inject(kill, victim)
        assert injection.effective, injection.evidence
        held_s = float(injection.evidence.partition(" s stopped (state T)")[0].rpartition(" ")[2])
        assert 1.0 <= held_s < 6.0
        assert not any("stopped by a signal" in word for word in hub.missing().split(","))
        assert not serving_within(5.0, calm_s=1.0, hub=hub.hub_id)
        assert victim.broker in hub.registered_brokers()
        assert hub.undo().verified
    finally:
        hub.control.restart_rule(RestartRule.KUBELET_RULES)


@pytest.mark.timeout(240)
def test_without_restarts_a_stopped_broker_stays_down_until_the_undo(hub: LocalHub) -> None:
    """SIGTERM: the broker gives up its leaders, leaves ZooKeeper and ends; only the undo brings it back."""
    hub.control.restart_rule(RestartRule.NONE)
    stop = Fault(FaultType.BROKER_STOP, VictimSelector(broker=2))
    try:
        assert serving_within(60.0, calm_s=1.0, hub=hub.hub_id)
        injection = hub.inject(stop, hub.resolve(stop))
        assert injection.effective, injection.evidence
        wait_for(lambda: hub.registered_brokers() == {0, 1}, 30.0, "it leaves ZooKeeper")
        wait_for(lambda: all(state.leader != 2 for state in hub.partition_states().values()), 30.0, "leaders moved")
        assert serving_within(60.0, calm_s=1.0, hub=hub.hub_id)  # without broker 2, though not whole
        assert hub.missing()
        stopped = next(process for process in hub.processes() if process.name == "kafka-2")
        assert (stopped.process_id, stopped.restart_due_s) == (0, None)
        starts = len(stopped.starts)
        result = hub.undo()
        assert result.verified, result.detail
        assert "started kafka-2" in result.detail
        assert len(hub.process_starts("kafka-2")) == starts + 1
        idle = hub.resolve(Fault(FaultType.BROKER_KILL, VictimSelector(role="leads-nothing")))
        assert idle.led_partitions == ()
    finally:
        hub.control.restart_rule(RestartRule.KUBELET_RULES)


@pytest.mark.timeout(240)
def test_a_broker_can_be_had_that_leads_nothing(hub: LocalHub) -> None:
    """It is whole and in every in-sync set, is who a fault of that name hits, and leads nothing 8 s later, either.

    5 s after the controller's election Kafka brings leaders back: the controller itself is not who is stopped.
    """
    hub.control.restart_rule(RestartRule.KUBELET_RULES)
    controller, said = hub.controller(), list[str]()
    broker = make_idle(hub, said.append)
    assert said == [f"restarting kafka-{broker}, so that it leads nothing"]
    assert hub.controller() == controller != broker
    victim = hub.resolve(Fault(FaultType.BROKER_KILL, VictimSelector(role="leads-nothing")))
    assert (victim.server, victim.led_partitions) == (f"kafka-{broker}", ())
    assert not hub.missing()
    assert not happens(lambda: any(state.leader == broker for state in hub.partition_states().values()), 8.0, 0.5)
