"""A broker dies while ZooKeeper has no quorum: no session lapses and nobody changes an in-sync set until it is back.

Two of three ZooKeeper servers are dead and held down. The third cannot lead: it serves nobody, so the dead broker's
session cannot lapse, and acks=all writes wait for a replica that is not there. When the servers are started again the
three elect a leader, and that starts every session's time-out afresh (ZooKeeper 3.8.4 LeaderZooKeeperServer
.createSessionTracker): the dead broker's lapses a whole session after the quorum's return. The brokers that live are
connected again long before theirs do. What follows is a broker's loss as ever.

The dead broker's new process asks for ZooKeeper early in its start and waits for it (Kafka 3.7.1 KafkaServer
.initZkClient, zookeeper.connection.timeout.ms); in vain, it exits, and the restart rule's waits grow. One that
reaches ZooKeeper before the old session has lapsed exits as well (NodeExists).

Left out: what the controller had under way when ZooKeeper went, and offset commits that time out meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from workbench.fault import FaultType
from workbench.metrics.catalogue import POLL_S
from workbench.model import broker_loss
from workbench.model.cores import slow_down
from workbench.model.outcome import Course, polled_s
from workbench.model.world import Setting, Steps, World


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    world = broker_loss.run(replace(setting, fault=FaultType.BROKER_KILL), draws, quorum)
    course = broker_loss.course_of(world)
    leads_s, whole_s = (
        polled_s(world.moment(name), POLL_S, draws["poll_brokers_phase_s"]) for name in ("quorum_back", "quorum_whole")
    )
    moments = replace(course.moments, zookeeper_leads_s=leads_s, zookeeper_whole_s=whole_s)
    return replace(course, moments=moments, awaited_s=(*course.awaited_s, whole_s))


def quorum(world: World) -> Steps:
    """Start the servers again after the hold; the first that is up elects a leader with the one that was left."""
    draws = world.draws
    yield world.env.timeout(world.setting.quorum_away_s + draws["restart_notice_s"])
    busy = draws["busy_in_silence_share"] * draws["short_tasks_cores"]
    slower = slow_down(draws["machine_cores"], draws["zookeeper_start_parallel"], busy, threads=1.0, rivals=1.0)
    starts_s = sorted(slower * draws[name] for name in ("zookeeper_start_s", "second_zookeeper_start_s"))
    started_s = float(world.env.now)
    yield world.env.timeout(starts_s[0] + draws["zookeeper_election_s"])
    world.note("quorum_back")
    world.quorum_back.succeed()
    yield world.until(started_s + starts_s[1])
    world.note("quorum_whole")
