"""A lost broker where Kafka keeps its metadata itself (KRaft): fenced by its heartbeats, back in one process.

Kafka 3.7.1. The active controller fences a broker whose last heartbeat is broker.session.timeout.ms old, by a deferred
event at exactly that time (QuorumController.rescheduleMaybeFenceStaleBrokers); a broker sends one every
broker.heartbeat.interval.ms (BrokerLifecycleManager). Fencing, new leaders and smaller in-sync sets are one batch of
metadata records (ReplicationControlManager.handleBrokerFenced), which every broker applies by itself: first to what it
tells clients, then to its partitions (BrokerMetadataPublisher.onMetadataUpdate).

A new process of the broker is refused while the old one's session lives (DUPLICATE_BROKER_REGISTRATION,
ClusterControlManager.registerBroker) and asks again, in the same process, after 0.1, 0.2, 0.4 .. 9 s. Once registered
it catches up with the metadata and is unfenced; only then does it open its door.

It follows long before that: it reads the metadata as an observer of the quorum, installs its publishers before it waits
for the controller (BrokerServer.startup), loads its logs and fetches what it followed. Leaders ask a replica for its
epoch only where it is to join an in-sync set (Partition.isReplicaIsrEligible), and it never left them: the high
watermark takes its offsets (maybeIncrementLeaderHW, the maximal in-sync set), so what it only followed goes on then,
before it is fenced. What it led waits for the fencing, since its door is closed. Fencing does not raise the epoch of a
partition whose leader stays (MetadataVersion.isLeaderEpochBumpRequiredOnIsrShrink, not from 3.6-IV0 on): only
followers of new leaders back off. Having fetched all along, it has nothing to catch up with once it is registered.

A broker that is stopped tells the controller so with a heartbeat at once, and its leaders move. It may end when every
other broker's heartbeat has told that it knows of that (BrokerHeartbeatManager.calculateNextBrokerState). It asks again
after 50 ms, too early for most, and then an interval later, and another one (BrokerLifecycleManager; the first drill
took two). It is fenced then, and its new process is registered as soon as it asks.

A frozen one goes on as the same process: its heartbeat is due at once, the first unfences it, and it never registers
anew (ReplicationControlManager.processBrokerHeartbeat). By what it has missed of the metadata it learns who leads.

On a full disk a broker halts as it does with ZooKeeper (disk_full.py), and each new process of it ends before it asks
to be registered: it keeps the metadata's log and the quorum's state there, and writes to them first.

Where the active controller dies with the broker, its successor begins every broker's session anew when it is active
(ClusterControlManager.activate, BrokerHeartbeatManager.register).

Left out: the 2 % by which those waits are drawn apart, a broker that gives up after
initial.broker.registration.timeout.ms (60 s; no session is as long).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

import simpy

from workbench.fault import FaultType, RestartRule
from workbench.model import kubelet
from workbench.model.controller_loss import active_s
from workbench.model.restart import catch_up, hosted, labour, recovery_of_logs_s, rejoin
from workbench.model.world import Steps, VictimState, World

BACKOFF_FIRST_S: Final = 0.1  # Kafka 3.7.1 BrokerLifecycleManager.resendExponentialBackoff
ATTEMPTS_MAX: Final = 12  # beyond the 60 s after which a broker gives up
LOOKS_AGAIN_S: Final = 0.05  # Kafka 3.7.1 BrokerLifecycleManager: after the first answer to a controlled shutdown


def fencing(world: World) -> Steps:
    """Fence the silent broker; every survivor knows at once and then carries it out."""
    draws, setting = world.draws, world.setting
    halts_s = draws["disk_halt_s"] if setting.disk_full_s > 0.0 else 0.0  # it sent heartbeats until then
    heard_s = active_s(draws) if setting.victim_is_controller else halts_s - draws["heartbeat_age_s"]
    yield world.until(heard_s + setting.session_s)
    yield world.env.timeout(draws["fence_commit_s"])
    world.note("deregistered")
    world.deregistered.succeed()
    yield from _carried_out(world)


def controlled_shutdown(world: World) -> Steps:
    """After a SIGTERM: leaders move at the broker's word, it is fenced when all others know, and ends."""
    draws = world.draws
    yield world.env.timeout(draws["fence_commit_s"])
    told_s = float(world.env.now)
    world.note("change_begins")
    yield from _carried_out(world)
    looks_s = LOOKS_AGAIN_S + draws["stop_intervals"] * draws["broker_heartbeat_interval_s"]
    yield world.until(told_s + looks_s + draws["fence_commit_s"])
    world.note("deregistered")
    world.deregistered.succeed()
    yield world.env.timeout(draws["stop_ends_s"])
    world.exited.succeed()


def _carried_out(world: World) -> Steps:
    """Let the survivors carry out a batch that they know of now: new leaders and smaller sets at once."""
    world.note("told")
    world.note("second_change_arrives")
    yield world.env.timeout(world.draws["leader_and_isr_s"])
    for name in ("leaders_moved", "isr_shrunk"):
        world.note(name)
        world.event(name).succeed()


def thaw(world: World) -> Steps:
    """Let the victim go on after its freeze: it learns who leads, is unfenced, and catches up."""
    draws = world.draws
    world.victim_is(VictimState.GONE)
    yield world.until(world.setting.freeze_s)
    world.victim_is(VictimState.WHOLE)
    yield world.env.timeout(draws["metadata_again_s"] + draws["leader_and_isr_s"])
    world.thawed.succeed()
    world.ready.succeed()
    yield world.env.timeout(draws["fence_commit_s"])
    world.note("registered")
    yield from catch_up(world)


def restart(world: World) -> Steps:
    """Start the broker by the kubelet's rule; it asks to be registered until its old session is over."""
    draws, setting = world.draws, world.setting
    if setting.fault is FaultType.BROKER_STOP:
        yield world.exited
    if setting.disk_full_s > 0.0:
        yield world.env.timeout(draws["disk_halt_s"])
    world.victim_is(VictimState.GONE)
    if setting.restart is RestartRule.NONE:
        return
    start_s = draws["broker_start_s"] * draws["start_again_factor"]
    if not (yield from _reads_metadata(world, draws["registration_share"] * start_s)):
        return
    asks_from_s = float(world.env.now)
    yield from labour(world, log_work_s(world))
    world.note("follows")
    world.follows.succeed()
    if not world.deregistered.triggered:
        world.victim_is(VictimState.FOLLOWING)
        yield world.deregistered
        world.victim_is(VictimState.GONE)  # from the in-sync sets
    granted_s = first_asked_s(asks_from_s, world.moments["deregistered"], setting.session_s)
    if granted_s is None:
        return
    yield world.until(granted_s)
    world.victim_is(VictimState.STARTING)
    yield from labour(world, (1.0 - draws["registration_share"]) * start_s)
    world.note("registered")
    yield from rejoin(world)


def _reads_metadata(world: World, computes_s: float) -> Generator[simpy.Event, Any, bool]:
    """Start processes until one reads the metadata, whose log it keeps beside the others; tell whether one does."""
    draws = world.draws
    for attempt in range(1, ATTEMPTS_MAX + 1):
        waits_s = draws["kubelet_relist_s"] if attempt == 1 else kubelet.wait_s(attempt, draws)
        yield world.env.timeout(waits_s + draws["restart_notice_s"])
        world.note("registering_process_started")
        world.victim_is(VictimState.STARTING)
        yield from labour(world, computes_s)
        if world.env.now >= world.setting.disk_full_s:
            return True
        yield world.env.timeout(draws["disk_exit_s"])
        world.victim_is(VictimState.GONE)
    return False


def log_work_s(world: World) -> float:
    """Return how long the new process computes from its first metadata to its first fetch, alone on a machine."""
    loads_s = world.draws["log_load_partition_s"] * hosted(world) + recovery_of_logs_s(world)
    return loads_s + world.draws["leader_and_isr_s"]


def first_asked_s(asks_from_s: float, fenced_s: float, longest_s: float) -> float | None:
    """Return when a process that first asks at `asks_from_s` asks after the fencing; None if it gives up before."""
    asks_s = asks_from_s
    for attempt in range(ATTEMPTS_MAX):
        if asks_s >= fenced_s:
            return asks_s
        asks_s += min(BACKOFF_FIRST_S * 2.0**attempt, longest_s)
    return None
