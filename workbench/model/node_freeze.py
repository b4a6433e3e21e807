"""All servers of a node go silent for a while and go on: a broker, a ZooKeeper server, a Postgres standby, a processor.

The broker does as it does alone (broker_loss.py, freeze.py). What the others' silence changes: a ZooKeeper leader's is
noticed by its followers after syncLimit ticks without a word from it (ZooKeeper 3.8.4 Learner.connectToLeader sets the
socket's time-out so), and its successor starts the broker's session afresh. The event processor keeps its place in the
consumer group, whose session is longer than the freeze, so nobody takes its partitions over: their events wait. A batch
that was in Postgres is committed all the same, and the processor goes on with the next one as it wakes. The standby's
silence costs nobody anything: commits do not wait for it, and wal_sender_timeout (60 s) is longer.

Afterwards the ZooKeeper server finds that it was given up (the leader's LearnerHandler ends after syncLimit
ticks, too), looks for the leader and follows it; it serves nobody meanwhile.

Left out: brokers whose own session the frozen server held (they look for another after two thirds of it, before any of
this matters to them), who coordinates the group, and what the others save while the processor stands still.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from workbench.engine import Outage
from workbench.fault import FaultType
from workbench.metrics.catalogue import POLL_S
from workbench.model import broker_loss
from workbench.model.outcome import Course, polled_s, turns
from workbench.model.world import Setting


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    broker = broker_loss.play(replace(setting, fault=FaultType.BROKER_FREEZE, victim_processor=-1), draws)
    goes_on_s = setting.freeze_s + draws["thaw_s"]
    moments = replace(
        broker.moments,
        group_whole_s=goes_on_s,  # the question that waited in the frozen processor's socket is answered at once
        zookeeper_whole_s=polled_s(goes_on_s + draws["zookeeper_rejoin_s"], POLL_S, draws["poll_stores_phase_s"]),
    )
    disturbance = replace(broker.disturbance, outage=_outage(setting, draws, goes_on_s))
    awaited_s = (moments.group_whole_s, moments.zookeeper_whole_s)
    return Course(moments, disturbance, max(broker.resumed_s, goes_on_s), (*broker.awaited_s, *awaited_s))


def _outage(setting: Setting, draws: Mapping[str, float], goes_on_s: float) -> Outage:
    """Return that the node's event processor, where it has one, writes nothing until it goes on."""
    frozen = np.arange(len(setting.consumers)) == setting.victim_processor
    return Outage(
        stops_s=np.where(frozen, 0.0, np.inf),
        cuts=np.zeros(len(frozen), np.bool_),
        resumes_s=np.where(frozen, goes_on_s, 0.0),
        processor=np.array(setting.processors_of_partition, dtype=np.int64),
        turn=turns(setting, draws["fetch_ring_share"]),
    )
