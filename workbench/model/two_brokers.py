"""Two of three brokers die at once: the third leads everything, and takes no write until one of them is in sync again.

Each victim's own course (session, restart, way back) is that of a broker that dies alone, beside another that starts.
Once both sessions have lapsed the survivor leads every partition, with itself as the only replica in sync. With
acks=all that is below min.insync.replicas, so it refuses every write (Kafka 3.7.1 Partition.appendRecordsToLeader,
NOT_ENOUGH_REPLICAS; of what it had already appended DelayedProduce, NOT_ENOUGH_REPLICAS_AFTER_APPEND). librdkafka keeps
the messages and tries again after a back-off that has grown to its longest by then (retry.backoff.max.ms). The first
victim to be in sync again ends it.

In KRaft mode a new process follows before its session has lapsed, and still counts as in sync: what the survivor leads
goes on as soon as both follow again, and stops once more when both are fenced (kraft.py), until one is in sync again.
What the victims led is silent throughout, since they open no door before they are registered.

Left out: in KRaft mode the shorter of the two silences of what the survivor leads; records that the survivor had
appended, which are read before their producers are answered; offset commits and the group's coordinator, which ask for
the same in-sync replicas; that brokers which came back are slow at first; more brokers than three, where some
partitions keep enough replicas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from workbench.engine import NEVER, Disturbance
from workbench.fault import FaultType
from workbench.metrics.catalogue import POLL_S
from workbench.metrics.tables import BoolArray, FloatArray, after_fault
from workbench.model import broker_loss
from workbench.model.outcome import Course, polled_s
from workbench.model.pace import pace_of_outage
from workbench.model.second_broker import OWN, SECOND
from workbench.model.world import FOREVER, Setting

GOLDEN: Final = 0.6180339887  # its multiples spread evenly over a period: the partitions' back-offs


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    first = replace(setting, fault=FaultType.BROKER_KILL)
    second = replace(
        first,
        victim=setting.second_victim,
        victim_is_controller=setting.second_is_controller,
        session_on_zookeeper_leader=setting.second_on_zookeeper_leader,
    )
    own = {name: draws[SECOND + name] for name in OWN if SECOND + name in draws}
    worlds = [broker_loss.run(first, draws), broker_loss.run(second, {**draws, **own})]

    def latest(moment: str) -> float:
        return max(world.moments.get(moment, FOREVER) for world in worlds)

    leads_s = latest("leaders_moved")
    rejoined_s = sorted(max(leads_s, world.moments.get("isr_full", FOREVER)) for world in worlds)
    known_s = np.array(
        [max(world.known_s.get(name, FOREVER) for world in worlds) for name in setting.producers], np.float64
    )
    held_until_s = np.maximum(rejoined_s[0], known_s)[:, None] + back_offs(setting, draws)
    begins_s = np.zeros(len(setting.leaders))
    if setting.kraft and latest("follows") < latest("deregistered"):
        survivor_leads = ~_led_by_victims(setting)
        if latest("follows") < rejoined_s[0] - latest("deregistered"):
            begins_s[survivor_leads] = latest("deregistered")
        else:
            held_until_s[:, survivor_leads] = latest("follows")
    resumed_s = float(held_until_s.max())
    brokers_phase_s, partitions_phase_s = draws["poll_brokers_phase_s"], draws["poll_partitions_phase_s"]
    moments = after_fault(
        broker_deregistered_s=polled_s(latest("deregistered"), POLL_S, brokers_phase_s),
        # In KRaft mode brokers tell of new leaders before these begin to lead.
        leaders_moved_s=polled_s(latest("told") if setting.kraft else leads_s, POLL_S, partitions_phase_s),
        in_sync_again_s=polled_s(rejoined_s[0], POLL_S, partitions_phase_s),
        broker_registered_s=polled_s(latest("registered"), POLL_S, brokers_phase_s),
        isr_full_s=polled_s(rejoined_s[1], POLL_S, partitions_phase_s),
    )
    disturbance = replace(_disturbance(setting, held_until_s, leads_s), begins_s=begins_s)
    pace = pace_of_outage(draws, len(setting.consumers), 0.0, resumed_s)
    awaited_s = (moments.leaders_moved_s, moments.isr_full_s)
    return Course(moments, replace(disturbance, pace=pace), resumed_s, awaited_s)


def back_offs(setting: Setting, draws: Mapping[str, float]) -> FloatArray:
    """Return for how long (s) each client still waits when a partition takes writes again: (clients, partitions).

    Each partition's requests are tried again by themselves; a client's begin at its own phase.
    """
    phases = np.array([draws[f"client_phase_{name}"] for name in setting.producers])
    places = GOLDEN * np.arange(len(setting.leaders))
    waits_s: FloatArray = (phases[:, None] + places[None, :]) % 1.0 * draws["producer_backoff_longest_s"]
    return waits_s


def _led_by_victims(setting: Setting) -> BoolArray:
    victims = (setting.victim, setting.second_victim)
    return np.array([leader in victims for leader in setting.leaders])


def _disturbance(setting: Setting, held_until_s: FloatArray, leads_s: float) -> Disturbance:
    clients, partitions = held_until_s.shape
    led = _led_by_victims(setting)
    return Disturbance(
        begins_s=np.zeros(partitions),
        held_until_s=held_until_s,
        connection=np.repeat(np.arange(clients, dtype=np.int64), partitions).reshape(clients, partitions),
        head_until_s=np.full((clients, partitions), NEVER),
        visible_from_s=np.full(partitions, NEVER),
        fetchable_from_s=np.where(led, leads_s, NEVER),
        tail_from_s=np.full(partitions, np.inf),
        processor=np.array(setting.processors_of_partition, dtype=np.int64),
    )
