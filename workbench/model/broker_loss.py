"""One replication's control events, played through, and what they mean for the traffic.

Where the other brokers are frozen for a while until the kill (`lag_s`, acks below all), they go on as it happens: what
they lead is held meanwhile, and what the victim acknowledges meanwhile no follower has.

Left out: partitions whose leader is not known at the seal count as led by a survivor; the one answered fetch that each
frozen follower still finds in its socket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from workbench.engine import NEVER, Disturbance
from workbench.fault import CUTS, FaultType, RestartRule
from workbench.metrics.catalogue import POLL_S
from workbench.metrics.tables import BoolArray, FloatArray, IntArray, Moments, after_fault
from workbench.model import cut_off, kraft
from workbench.model.clients import client
from workbench.model.controller import controlled_shutdown, controller, leaders_own_check
from workbench.model.disk_full import halts
from workbench.model.followers import replication_from
from workbench.model.freeze import thaw
from workbench.model.outcome import Course, connections, polled_s
from workbench.model.pace import both, pace_of, pace_of_outage
from workbench.model.restart import restart
from workbench.model.session import session
from workbench.model.silent_coordinator import group_outage
from workbench.model.world import FOREVER, HORIZON_S, Setting, Steps, World

STOP: Final = FaultType.BROKER_STOP
FREEZE: Final = FaultType.BROKER_FREEZE
# The victim goes on as a follower until the controller changes the sets.
FOLLOWS_ON: Final = (STOP, FaultType.CUT_FROM_ZOOKEEPER)


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    if setting.fault is FaultType.DISK_FULL:
        return course_of(run(replace(setting, fault=FaultType.BROKER_KILL), draws, halts))
    return course_of(run(setting, draws))


def run(setting: Setting, draws: Mapping[str, float], *others: Callable[[World], Steps]) -> World:
    """Return one replication's control events, played to the horizon, those of `others` with them."""
    world = World(setting, draws)
    for role in others:
        world.env.process(role(world))
    if setting.kraft:
        world.env.process((kraft.controlled_shutdown if setting.fault is STOP else kraft.fencing)(world))
    elif setting.fault is STOP:
        world.env.process(controlled_shutdown(world))
    else:
        world.env.process(session(world))
        world.env.process(controller(world))
    for broker in setting.brokers:
        if broker != setting.victim:
            if setting.fault is not FaultType.CUT_FROM_ZOOKEEPER:
                world.env.process(leaders_own_check(world, broker))
            world.env.process(replication_from(world, broker))
    world.env.process(_return_of(setting)(world))
    for name in (*setting.producers, *setting.consumers):
        world.env.process(client(world, name))
    world.env.run(until=HORIZON_S)
    return world


def _return_of(setting: Setting) -> Callable[[World], Steps]:
    """Return how the victim comes back."""
    if setting.fault is FREEZE:
        return kraft.thaw if setting.kraft else thaw
    if setting.fault in CUTS:
        return cut_off.heals
    return kraft.restart if setting.kraft else restart


def course_of(world: World) -> Course:
    """Return what these control events come to."""
    setting, draws = world.setting, world.draws
    led = np.array([leader == setting.victim for leader in setting.leaders])
    new_leaders = leaders_afterwards(setting)
    back_s = partitions_back_s(world)
    held_until_s, head_until_s = _held(world, led, new_leaders, back_s)
    outage, pace = group_outage(world), pace_of(world)
    if outage is not None:
        stops_s, goes_on_s = float(outage.stops_s.max()), float(outage.resumes_s.max())
        pace = both(pace, pace_of_outage(draws, len(setting.consumers), stops_s, goes_on_s))
    processor = np.array(setting.processors_of_partition, dtype=np.int64)
    fetch_known_s = [world.known_s.get(name, FOREVER) for name in setting.consumers]
    begins_s = np.where(led, 0.0, -setting.lag_s) + world.moments.get("change_begins", 0.0)
    unreplicated = led & (setting.acks != "all") & (setting.fault not in FOLLOWS_ON)
    unread_s = draws["unread_s"] if setting.acks == "0" else 0.0
    disturbance = Disturbance(
        begins_s=begins_s,
        held_until_s=held_until_s,
        connection=connections(setting, new_leaders),
        head_until_s=head_until_s,
        visible_from_s=back_s if setting.acks != "all" else np.full(len(led), NEVER),
        fetchable_from_s=np.where(led, np.array([*fetch_known_s, FOREVER])[processor], thawed_s(setting)),
        tail_from_s=np.where(unreplicated, begins_s - setting.lag_s - unread_s, np.inf),
        processor=processor,
        pace=pace,
        outage=outage,
    )
    polled = {"brokers": draws["poll_brokers_phase_s"], "partitions": draws["poll_partitions_phase_s"]}
    finite = held_until_s[np.isfinite(held_until_s)]
    moments = _moments(world, polled)
    awaited_s = [moments.leaders_moved_s]
    if setting.restart is not RestartRule.NONE:
        awaited_s.append(moments.isr_full_s)
    resumed_s = max(float(finite.max(initial=0.0)), 0.0 if outage is None else float(outage.resumes_s.max()))
    return Course(moments, disturbance, resumed_s, tuple(awaited_s))


def _held(world: World, led: BoolArray, new_leaders: IntArray, back_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return until when each client's requests to each partition are held, and until when one in flight is.

    With acks=all a request waits for replication too, so it goes on when its leader's followers do; the one
    that its leader had in flight was replicated before the fault.
    """
    setting = world.setting
    known_s = np.array([world.known_s.get(name, FOREVER) for name in setting.producers])
    held_until_s = np.where(led, np.maximum(back_s, known_s[:, None]), back_s)
    if setting.acks != "all":
        return np.where(led, held_until_s, thawed_s(setting)), np.full(held_until_s.shape, NEVER)
    replicates_s = np.array([world.replicates_s.get(int(leader), NEVER) for leader in new_leaders])
    followed = ~led & _in_its_sets(setting)
    # Its leader's own doing, under the same epoch; a stopped broker's sets are the controller's doing.
    goes_on_before = (back_s < world.moments.get("isr_shrunk", FOREVER)) & (setting.fault not in FOLLOWS_ON)
    epoch_raised = led if setting.kraft else led | (followed & ~goes_on_before)
    held_until_s = np.where(epoch_raised, np.maximum(held_until_s, replicates_s), held_until_s)
    in_flight = followed & (setting.fault not in FOLLOWS_ON)
    # A leader's own check finds only what has more than its follower had: the one request that each connection is at.
    checked_s = np.array([world.shrunk_by_leader_s.get(leader, FOREVER) for leader in setting.leaders])
    heads_s = np.where(in_flight, np.minimum(back_s, checked_s), NEVER)
    return held_until_s, heads_s + np.zeros(held_until_s.shape)


def thawed_s(setting: Setting) -> float:
    """Return when brokers that were frozen until the kill go on (s after it); NEVER where none was."""
    return 0.0 if setting.lag_s > 0.0 else NEVER


def leaders_afterwards(setting: Setting) -> IntArray:
    """Return each partition's leader after the change; what the victim led goes to the survivors in turn."""
    survivors = [broker for broker in setting.brokers if broker != setting.victim] or [setting.victim]
    return np.array(
        [
            leader if leader in survivors else survivors[index % len(survivors)]
            for index, leader in enumerate(setting.leaders)
        ],
        dtype=np.int64,
    )


def partitions_back_s(world: World) -> FloatArray:
    """Return when each partition's high watermark moves again (s after the fault); NEVER where it never stopped."""
    setting, draws = world.setting, world.draws
    full_s = world.moments.get("isr_full", FOREVER)
    back_s = []
    in_its_sets = _in_its_sets(setting)
    for index, leader in enumerate(setting.leaders):
        factor = setting.replication_factors[index]
        survives = setting.acks != "all" or factor - 1 >= setting.min_insync_replicas[index]
        if leader != setting.victim and (not in_its_sets[index] or (setting.fault in FOLLOWS_ON and survives)):
            back_s.append(NEVER)
        elif factor == 1:
            # In KRaft mode it leads again with the very change that unfences it.
            leads_s = 0.0 if setting.kraft else draws["controller_react_s"]
            back_s.append(world.moments.get("ready", FOREVER) + leads_s)
        elif not survives:
            back_s.append(full_s)
        elif leader == setting.victim:
            back_s.append(world.moments.get("leaders_moved", FOREVER))
        else:
            back_s.append(min(world.moments.get("isr_shrunk", FOREVER), world.moments.get("follows", FOREVER)))
    return np.array(back_s)


def _in_its_sets(setting: Setting) -> BoolArray:
    """Return which partitions have a replica on the victim: all of them, when every broker has one."""
    others = max(1, len(setting.brokers) - 1)
    return np.array(
        [
            leader == setting.victim or (index * (factor - 1)) % others < factor - 1
            for index, (leader, factor) in enumerate(zip(setting.leaders, setting.replication_factors, strict=True))
        ]
    )


def _moments(world: World, polled: Mapping[str, float]) -> Moments:
    """Return the moments as the observers' polls see them: at the first poll after they came true."""

    def seen(moment: str, observer: str) -> float:
        return polled_s(world.moment(moment), POLL_S, polled[observer])

    return after_fault(
        broker_deregistered_s=seen("deregistered", "brokers"),
        leaders_moved_s=polled_s(_led_by_others_s(world), POLL_S, polled["partitions"]),
        registering_process_started_s=world.moment("registering_process_started"),
        broker_registered_s=seen("registered", "brokers"),
        isr_full_s=seen("isr_full", "partitions"),
    )


def _led_by_others_s(world: World) -> float:
    """Return since when brokers tell that the victim leads nothing: of one that led nothing before, at once.

    In KRaft mode they tell of new leaders before these begin to lead.
    """
    if world.setting.victim not in world.setting.leaders:
        return 0.0
    return world.moment("told" if world.setting.kraft else "leaders_moved")
