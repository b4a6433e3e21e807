"""One replication's control events, played through, and what they mean for the traffic.

Left out: partitions whose leader is not known at the seal count as led by a survivor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from workbench.engine import NEVER, Disturbance
from workbench.fault import FaultType
from workbench.metrics.catalogue import POLL_S
from workbench.metrics.tables import NAN, Moments
from workbench.model.clients import client
from workbench.model.controller import controlled_shutdown, controller, leaders_own_check
from workbench.model.restart import restart
from workbench.model.session import session
from workbench.model.world import Setting, World

FOREVER: Final = float("inf")
STOP: Final = FaultType.BROKER_STOP
HORIZON_S: Final = 3600.0  # bound on the control events of one replication


@dataclass(frozen=True)
class Course:
    """What happened to the hub, and what that does to the traffic; the moments as the observers see them."""

    moments: Moments  # without baseline and load end
    disturbance: Disturbance
    resumed_s: float  # when the last partition that comes back can be written again by every client
    first_answer_s: float  # when the first does


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    world = World(setting, draws)
    if setting.fault is FaultType.BROKER_KILL:
        world.env.process(session(world))
        world.env.process(controller(world))
    else:
        world.env.process(controlled_shutdown(world))
    for broker in setting.brokers:
        if broker != setting.victim:
            world.env.process(leaders_own_check(world, broker))
    world.env.process(restart(world))
    for name in (*setting.producers, *setting.consumers):
        world.env.process(client(world, name))
    world.env.run(until=HORIZON_S)
    return _course(world)


def _course(world: World) -> Course:
    setting, draws = world.setting, world.draws
    led = np.array([leader == setting.victim for leader in setting.leaders])
    back_s = partitions_back_s(world)
    produce_known_s = np.array([world.known_s.get(name, FOREVER) for name in setting.producers])
    fetch_known_s = np.array([world.known_s.get(name, FOREVER) for name in setting.consumers])
    held_until_s = np.where(led, np.maximum(back_s, produce_known_s[:, None]), back_s)
    if setting.acks != "all":
        held_until_s = np.where(led, held_until_s, NEVER)
    processor = np.array(setting.processors_of_partition, dtype=np.int64)
    known_s = np.append(fetch_known_s, FOREVER)[processor]
    disturbance = Disturbance(
        begins_s=0.0 if setting.fault is FaultType.BROKER_KILL else world.moments["leaders_moved"],
        held_until_s=held_until_s,
        connection=_connections(setting),
        visible_from_s=back_s if setting.acks != "all" else np.full(len(led), NEVER),
        fetchable_from_s=np.where(led, known_s, NEVER),
        loses_tail=led & (setting.acks != "all") & (setting.fault is FaultType.BROKER_KILL),
        processor=processor,
    )
    polled = {"brokers": draws["poll_brokers_phase_s"], "partitions": draws["poll_partitions_phase_s"]}
    finite = held_until_s[np.isfinite(held_until_s)]
    return Course(
        moments=_moments(world, polled),
        disturbance=disturbance,
        resumed_s=float(finite.max(initial=0.0)),
        first_answer_s=float(finite.min(initial=0.0)) if len(finite) else 0.0,
    )


def partitions_back_s(world: World) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return when each partition's high watermark moves again (s after the fault); NEVER where it never stopped."""
    setting, draws = world.setting, world.draws
    full_s = world.moments.get("isr_full", FOREVER)
    back_s = []
    for index, leader in enumerate(setting.leaders):
        factor = setting.replication_factors[index]
        survives = setting.acks != "all" or factor - 1 >= setting.min_insync_replicas[index]
        if leader != setting.victim and (not _on_victim(world, index) or (setting.fault is STOP and survives)):
            back_s.append(NEVER)
        elif factor == 1:
            back_s.append(world.moments.get("ready", FOREVER) + draws["controller_react_s"])
        elif not survives:
            back_s.append(full_s)
        elif leader == setting.victim:
            back_s.append(world.moments.get("leaders_moved", FOREVER))
        else:
            shrunk_s = world.moments.get("isr_shrunk", FOREVER)
            back_s.append(min(shrunk_s, world.shrunk_by_leader_s.get(leader, FOREVER)))
    return np.array(back_s)


def _on_victim(world: World, index: int) -> bool:
    """Tell whether a partition led elsewhere has a replica on the victim: always, when every broker has one."""
    setting = world.setting
    others = len(setting.brokers) - 1
    follows = setting.replication_factors[index] - 1
    return (index * follows) % others < follows if others else False


def _connections(setting: Setting) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Return which connection carries a client's requests to a partition: one a client and leader.

    A partition the victim led is counted to the survivors in turn.
    """
    survivors = [broker for broker in setting.brokers if broker != setting.victim] or [setting.victim]
    place = {broker: index for index, broker in enumerate(survivors)}
    lines = [place.get(leader, index % len(survivors)) for index, leader in enumerate(setting.leaders)]
    clients = np.arange(len(setting.producers), dtype=np.int64)[:, None]
    return clients * len(survivors) + np.array(lines, dtype=np.int64)


def _moments(world: World, polled: Mapping[str, float]) -> Moments:
    """Return the moments as the observers' polls see them: at the first poll after they came true."""

    def seen(moment: str, observer: str) -> float:
        at_s = world.moment(moment)
        if np.isnan(at_s):
            return NAN
        return float(at_s + (polled[observer] - at_s) % POLL_S)

    return Moments(
        baseline_start_s=NAN,
        baseline_end_s=NAN,
        load_end_s=NAN,
        fault_effective_s=0.0,
        broker_deregistered_s=seen("deregistered", "brokers"),
        leaders_moved_s=seen("leaders_moved", "partitions"),
        registering_process_started_s=world.moment("registering_process_started"),
        broker_registered_s=seen("registered", "brokers"),
        isr_full_s=seen("isr_full", "partitions"),
    )
