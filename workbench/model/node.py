"""All servers of a node die at once: a broker, who keeps metadata, a Postgres standby and an event processor.

Each comes back as it does alone (broker_loss.py, zookeeper.py, restarted.py, consumer_group.py); what is different
together: a ZooKeeper leader that dies with the broker has its successor start the broker's session afresh, as the
active KRaft controller has (kraft.py); a consumer group whose coordinator was the broker has a new one, with a whole
session for the dead member, when its offsets' leader has moved; the broker's first start shares the cores with the
others'; and no backlog drains while the group waits.

Left out: the machine itself (its kernel still resets connections), a node with the Postgres primary or Redis, and what
the standby's absence saves the primary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from workbench.fault import FaultType
from workbench.metrics.catalogue import POLL_S, PROCESSORS_POLL_S
from workbench.model import broker_loss, consumer_group, controller_loss, zookeeper
from workbench.model.outcome import Course, polled_s
from workbench.model.pace import both, pace_of_outage
from workbench.model.restarted import first_restart_s
from workbench.model.world import Setting


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    broker = broker_loss.play(replace(setting, fault=FaultType.BROKER_KILL), draws)
    back_s = broker.moments.leaders_moved_s + draws["coordinator_load_s"] if setting.victim_coordinates else 0.0
    outage, whole_s = consumer_group.rebalance(setting, draws, back_s)
    pace = pace_of_outage(draws, len(setting.consumers), float(outage.stops_s.max()), whole_s)
    moments = replace(
        broker.moments,
        group_whole_s=polled_s(whole_s, PROCESSORS_POLL_S, draws["poll_processors_phase_s"]),
        standbys_connected_s=polled_s(standby_again_s(draws), POLL_S, draws["poll_stores_phase_s"]),
        **_keepers_whole_s(setting, draws),
    )
    keepers_s = moments.controllers_whole_s if setting.kraft else moments.zookeeper_whole_s
    awaited_s = (moments.group_whole_s, moments.standbys_connected_s, keepers_s)
    disturbance = replace(broker.disturbance, outage=outage, pace=both(broker.disturbance.pace, pace))
    return Course(moments, disturbance, max(broker.resumed_s, whole_s), (*broker.awaited_s, *awaited_s))


def _keepers_whole_s(setting: Setting, draws: Mapping[str, float]) -> dict[str, float]:
    """Return when all who keep Kafka's metadata are back (s after the fault, as observed), by the moment's name."""
    crowded = draws["crowded_keeper_factor"]
    if setting.kraft:
        back_s = controller_loss.answers_s(draws, crowded)
        return {"controllers_whole_s": polled_s(back_s, POLL_S, draws["poll_stores_phase_s"])}
    slower = {**draws, "zookeeper_start_s": draws["zookeeper_start_s"] * crowded}
    return {"zookeeper_whole_s": zookeeper.play(setting, slower).moments.zookeeper_whole_s}


def standby_again_s(draws: Mapping[str, float]) -> float:
    """Return when the standby has started, read its log, and asked the primary for more (s after the fault)."""
    recovery_s = draws["postgres_redo_bytes"] / draws["postgres_redo_bytes_per_s"]
    return first_restart_s(draws) + draws["crowded_start_factor"] * (draws["postgres_start_s"] + recovery_s)
