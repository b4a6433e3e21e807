"""A node without power for a while: all of its servers are silent, and then start anew.

Until the power is back it is a node that is frozen for longer than anybody waits (node_freeze.py): the broker's session
lapses, its clients give it up after a minute, the processors' group goes on without its member, and Postgres' primary
ends the standby's stream (wal_sender_timeout, 60 s). Then its servers start at once, as after their death (node.py):
the broker re-reads the logs that it had not closed and registers at the first try, since its session is long gone; the
standby reads its own log and asks for more; the ZooKeeper server joins whoever leads.

Left out: what a machine's memory loses with its power (the disk's cache, records that were not flushed), the boot of
the machine itself, pods that Kubernetes moves meanwhile, and the second rebalance, when the node's processor joins the
group again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from workbench.metrics.catalogue import POLL_S
from workbench.model import broker_loss
from workbench.model.node import standby_again_s
from workbench.model.node_freeze import taken_over
from workbench.model.outcome import Course, polled_s
from workbench.model.restarted import first_restart_s
from workbench.model.world import Setting
from workbench.model.zookeeper import start_takes_s


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    broker = broker_loss.play(replace(setting, victim_processor=-1), draws)
    outage, whole_s, seen_s = taken_over(setting, draws, broker)
    serves_s = first_restart_s(draws) + start_takes_s(draws) * draws["crowded_keeper_factor"]
    phase_s = draws["poll_stores_phase_s"]
    moments = replace(
        broker.moments,
        group_whole_s=seen_s,
        standbys_connected_s=polled_s(setting.freeze_s + standby_again_s(draws), POLL_S, phase_s),
        zookeeper_whole_s=polled_s(setting.freeze_s + serves_s, POLL_S, phase_s),
    )
    awaited_s = (moments.group_whole_s, moments.standbys_connected_s, moments.zookeeper_whole_s)
    disturbance = replace(broker.disturbance, outage=outage)
    return Course(moments, disturbance, max(broker.resumed_s, whole_s), (*broker.awaited_s, *awaited_s))
