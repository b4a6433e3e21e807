"""All servers of a node go silent for a while and go on: a broker, a ZooKeeper server, a Postgres standby, a processor.

The broker does as it does alone (broker_loss.py, freeze.py). What the others' silence changes: a ZooKeeper leader's is
noticed by its followers after syncLimit ticks without a word from it (ZooKeeper 3.8.4 Learner.connectToLeader sets the
socket's time-out so), and its successor starts the broker's session afresh. An event processor keeps its place in the
consumer group where the group's session is longer than the freeze: nobody takes its partitions over, and their events
wait until it goes on. A batch that was in Postgres is committed all the same, and the processor goes on with the next
one as it wakes. Where the freeze outlasts the session the group goes on without the processor, as without a dead one
that is never started again (consumer_group.py); where the broker was also the group's coordinator, once the members it
knew have run out (silent_coordinator.py). The standby's silence costs nobody anything: commits do not wait for it.

Afterwards the ZooKeeper server finds that it was given up (the leader's LearnerHandler ends after syncLimit
ticks, too), looks for the leader and follows it; it serves nobody meanwhile.

Left out: brokers whose own session the frozen server held (they look for another after two thirds of it, before any of
this matters to them), what the others save while the processor stands still, and the second rebalance, when a processor
that the group gave up wakes and joins again: some seconds without a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from workbench.engine import Outage
from workbench.fault import FaultType, RestartRule
from workbench.metrics.catalogue import POLL_S, PROCESSORS_POLL_S, PROCESSORS_TIMEOUT_S
from workbench.model import broker_loss
from workbench.model.consumer_group import owners_among, rebalance
from workbench.model.outcome import Course, polled_s, turns
from workbench.model.silent_coordinator import whole_again_s
from workbench.model.world import FOREVER, Setting


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    broker = broker_loss.play(replace(setting, fault=FaultType.BROKER_FREEZE, victim_processor=-1), draws)
    goes_on_s = setting.freeze_s + draws["thaw_s"]
    outage, whole_s, seen_s = _group(setting, draws, broker, goes_on_s)
    moments = replace(
        broker.moments,
        group_whole_s=seen_s,
        zookeeper_whole_s=polled_s(goes_on_s + draws["zookeeper_rejoin_s"], POLL_S, draws["poll_stores_phase_s"]),
    )
    disturbance = replace(broker.disturbance, outage=outage)
    awaited_s = (moments.group_whole_s, moments.zookeeper_whole_s)
    return Course(moments, disturbance, max(broker.resumed_s, whole_s), (*broker.awaited_s, *awaited_s))


def _group(
    setting: Setting, draws: Mapping[str, float], broker: Course, goes_on_s: float
) -> tuple[Outage | None, float, float]:
    """Return what the processors do, when each partition has one again, and when that is seen (s after the fault)."""
    if setting.victim_processor >= 0 and setting.freeze_s < setting.group_session_s:
        # The question that waited in the frozen processor's socket is answered at once.
        return _waits(setting, draws, goes_on_s), goes_on_s, goes_on_s
    return taken_over(setting, draws, broker)


def _waits(setting: Setting, draws: Mapping[str, float], goes_on_s: float) -> Outage:
    """Return that the node's event processor writes nothing until it goes on."""
    frozen = np.arange(len(setting.consumers)) == setting.victim_processor
    return Outage(
        stops_s=np.where(frozen, 0.0, np.inf),
        cuts=np.zeros(len(frozen), np.bool_),
        resumes_s=np.where(frozen, goes_on_s, 0.0),
        processor=np.array(setting.processors_of_partition, dtype=np.int64),
        turn=turns(setting, draws["fetch_ring_share"]),
    )


def taken_over(setting: Setting, draws: Mapping[str, float], broker: Course) -> tuple[Outage | None, float, float]:
    """Return how a group goes on without its silent member, when each partition has a processor, and when that is seen.

    Where they give a silent coordinator up, that is what `broker`, the course of the node's broker, has them do; where
    they hear of a new one at once, that gives the silent member a whole session. Times: s after the fault.
    """
    silent, served_s = broker.disturbance.outage, broker.moments.leaders_moved_s + draws.get("group_takeover_s", 0.0)
    whole_s = 0.0 if silent is None else whole_again_s(setting, draws, served_s)
    phase_s = draws["poll_processors_phase_s"]
    if setting.victim_processor < 0:  # none is silent
        return silent, whole_s, polled_s(whole_s, PROCESSORS_POLL_S, phase_s)
    if silent is None:
        back_s = served_s if setting.victim_coordinates else 0.0
        outage, whole_s = rebalance(replace(setting, restart=RestartRule.NONE), draws, back_s)
        outage = replace(outage, cuts=np.zeros(len(outage.cuts), np.bool_))  # what Postgres has is committed
    else:
        outage = _among_others(setting, silent)
    step_s = PROCESSORS_POLL_S + PROCESSORS_TIMEOUT_S  # each look waits for the silent processor
    return outage, whole_s, polled_s(whole_s, step_s, phase_s * step_s / PROCESSORS_POLL_S)


def _among_others(setting: Setting, silent: Outage) -> Outage:
    frozen = np.arange(len(setting.consumers)) == setting.victim_processor
    others = [each for each in range(len(frozen)) if not frozen[each]]
    return replace(
        silent,
        stops_s=np.where(frozen, 0.0, silent.stops_s),
        resumes_s=np.where(frozen, FOREVER, silent.resumes_s),
        processor=owners_among(setting, others),
    )
