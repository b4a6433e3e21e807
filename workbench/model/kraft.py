"""A killed broker where Kafka keeps its metadata itself (KRaft): fenced by its heartbeats, back in one process.

Kafka 3.7.1. The active controller fences a broker whose last heartbeat is broker.session.timeout.ms old, by a deferred
event at exactly that time (QuorumController.rescheduleMaybeFenceStaleBrokers); a broker sends one every
broker.heartbeat.interval.ms (BrokerLifecycleManager). Fencing, new leaders and smaller in-sync sets are one batch of
metadata records (ReplicationControlManager.handleBrokerFenced), which every broker applies by itself: first to what it
tells clients, then to its partitions (BrokerMetadataPublisher.onMetadataUpdate).

A new process of the broker is refused while the old one's session lives (DUPLICATE_BROKER_REGISTRATION,
ClusterControlManager.registerBroker) and asks again, in the same process, after 0.1, 0.2, 0.4 .. 9 s. It loads its logs
meanwhile. Once registered it catches up with the metadata and is unfenced; only then does it open its door.

Left out: the 2 % by which those waits are drawn apart, a controller that dies as well (its successor gives every broker
a whole session), a broker that gives up after initial.broker.registration.timeout.ms (60 s; no session is as long).
"""

from __future__ import annotations

from typing import Final

from workbench.fault import RestartRule
from workbench.model.restart import hosted, labour, recovery_of_logs_s, rejoin
from workbench.model.world import Steps, VictimState, World

BACKOFF_FIRST_S: Final = 0.1  # Kafka 3.7.1 BrokerLifecycleManager.resendExponentialBackoff
ATTEMPTS_MAX: Final = 12  # beyond the 60 s after which a broker gives up


def fencing(world: World) -> Steps:
    """Fence the silent broker; every survivor knows at once and then carries it out."""
    draws = world.draws
    yield world.until(world.setting.session_s - draws["heartbeat_age_s"])
    yield world.env.timeout(draws["fence_commit_s"])
    world.note("deregistered")
    world.deregistered.succeed()
    world.note("second_change_arrives")
    yield world.env.timeout(draws["leader_and_isr_s"])
    for name in ("leaders_moved", "isr_shrunk"):
        world.note(name)
        world.event(name).succeed()


def restart(world: World) -> Steps:
    """Start the broker by the kubelet's rule; it asks to be registered until its old session is over."""
    draws, setting = world.draws, world.setting
    world.victim_is(VictimState.GONE)
    if setting.restart is RestartRule.NONE:
        return
    yield world.env.timeout(draws["kubelet_relist_s"] + draws["restart_notice_s"])
    world.note("registering_process_started")
    world.victim_is(VictimState.STARTING)
    start_s = draws["broker_start_s"] * draws["start_again_factor"]
    yield from labour(world, draws["registration_share"] * start_s)
    asks_from_s = float(world.env.now)
    for attempt in range(ATTEMPTS_MAX):
        if world.deregistered.triggered:
            break
        yield world.env.timeout(min(BACKOFF_FIRST_S * 2.0**attempt, setting.session_s))
    else:
        return
    loads_s = draws["log_load_partition_s"] * hosted(world) + recovery_of_logs_s(world)
    waited_s = float(world.env.now) - asks_from_s
    yield from labour(world, (1.0 - draws["registration_share"]) * start_s + max(0.0, loads_s - waited_s))
    world.note("registered")
    yield from rejoin(world)
