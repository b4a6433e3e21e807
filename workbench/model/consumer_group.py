"""An event processor's death and its consumer group: who holds which partitions when, in Kafka's classic protocol.

Kafka 3.7.1 GroupCoordinator and librdkafka's eager assignors (range, roundrobin): the dead member says nothing, so it
stays a member until its session has run out after the last thing the coordinator heard of it - a heartbeat or, since
processors commit after each batch, an offset commit. Its successor joins as a new member long before that. Then the
group prepares a rebalance: the others learn of it from their next heartbeat, give up all their partitions and join
again, and everybody waits for the dead one. So one death stops every partition, not only its own.

Left out: static membership and the cooperative protocol (the hub uses neither), a
second restart, records that the dead processor had written without committing their offsets (a batch or two that is
read again and found to be there).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import simpy

from workbench.engine import Outage
from workbench.fault import RestartRule
from workbench.metrics.catalogue import PROCESSORS_POLL_S
from workbench.metrics.tables import NAN, IntArray, after_fault
from workbench.model.outcome import Course, kafka_goes_on, polled_s, turns
from workbench.model.pace import pace_of_outage
from workbench.model.restarted import first_restart_s
from workbench.model.world import FOREVER, HORIZON_S, Setting, Steps, next_on_grid


@dataclass
class _Group:
    """One replication: the coordinator's events, and when each survivor stops and goes on (s after the fault)."""

    setting: Setting
    draws: Mapping[str, float]
    coordinator_back_s: float  # 0: it lives
    env: simpy.Environment = field(default_factory=simpy.Environment)
    expired: simpy.Event = field(init=False)
    preparing: simpy.Event = field(init=False)
    joined: dict[int, simpy.Event] = field(init=False)  # survivor -> it waits for the others
    stops_s: dict[int, float] = field(default_factory=dict)
    resumes_s: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.expired, self.preparing = self.env.event(), self.env.event()
        self.joined = {each: self.env.event() for each in self.survivors}

    @property
    def survivors(self) -> list[int]:
        """Return the processors that the fault leaves alive."""
        return [each for each in range(len(self.setting.consumers)) if each != self.setting.victim_processor]

    @property
    def members(self) -> list[int]:
        """Return who holds partitions in the end."""
        restarts = self.setting.restart is not RestartRule.NONE
        return list(range(len(self.setting.consumers))) if restarts else self.survivors

    def prepare(self) -> None:
        """Begin the rebalance, unless it has begun."""
        if not self.preparing.triggered:
            self.preparing.succeed()


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    outage, whole_s = rebalance(setting, draws)
    pace = pace_of_outage(draws, len(setting.consumers), float(outage.stops_s.max()), whole_s)
    seen_s = polled_s(whole_s, PROCESSORS_POLL_S, draws["poll_processors_phase_s"])
    moments = after_fault(group_whole_s=seen_s)
    return Course(moments, kafka_goes_on(setting, outage, pace), whole_s, (seen_s,))


def rebalance(setting: Setting, draws: Mapping[str, float], coordinator_back_s: float = 0.0) -> tuple[Outage, float]:
    """Return when each processor stops and goes on, and when the group is whole (s after the fault).

    Where the group's coordinator died too, another broker serves as such from `coordinator_back_s` on: it gives every
    member a whole session from then on (Kafka 3.7.1 GroupCoordinator.onGroupLoaded), and the processors find it.
    """
    group = _Group(setting, draws, coordinator_back_s)
    group.env.process(_session(group))
    if setting.restart is not RestartRule.NONE:
        group.env.process(_successor(group))
    for each in group.survivors:
        group.env.process(_survivor(group, each))
    group.env.process(_rebalance(group))
    group.env.run(until=HORIZON_S)
    return _outage(group), max(group.resumes_s.values(), default=NAN)


def _session(group: _Group) -> Steps:
    """Run out the dead member's session, counted from the last thing that the coordinator heard of it."""
    heard_s = group.coordinator_back_s or -group.draws["group_contact_age_s"]
    yield group.env.timeout(heard_s + group.setting.group_session_s)
    group.expired.succeed()
    group.prepare()


def _successor(group: _Group) -> Steps:
    """Start the processor again; it joins as a new member."""
    draws = group.draws
    started_s = first_restart_s(draws) + draws["processor_start_s"]
    yield group.env.timeout(max(started_s, _found_s(group)))
    group.prepare()


def _found_s(group: _Group) -> float:
    """Return when the processors have found the coordinator (s after the fault); 0 where they never lost it."""
    return group.coordinator_back_s + group.draws["coordinator_query_s"] if group.coordinator_back_s else 0.0


def _survivor(group: _Group, each: int) -> Steps:
    """Work until a heartbeat tells of the rebalance, give the partitions up, and join again."""
    draws, heartbeat_s = group.draws, group.draws["heartbeat_s"]
    yield group.preparing
    heard_s = max(float(group.env.now), _found_s(group))
    beats_s = next_on_grid(heard_s, heartbeat_s, draws[f"heartbeat_phase_{each}"] * heartbeat_s)
    yield group.env.timeout(beats_s - group.env.now)
    group.stops_s[each] = float(group.env.now)
    yield group.env.timeout(draws["group_join_s"])
    group.joined[each].succeed()


def _rebalance(group: _Group) -> Steps:
    """Wait for everybody the coordinator knows, deal out the partitions, and let all go on."""
    yield group.env.all_of([group.expired, *group.joined.values()])
    yield group.env.timeout(group.draws["group_sync_s"])
    for each in group.members:
        group.resumes_s[each] = float(group.env.now)


def _outage(group: _Group) -> Outage:
    setting, draws, count = group.setting, group.draws, len(group.setting.consumers)
    stops_s = np.array([group.stops_s.get(each, 0.0) for each in range(count)])
    resumes_s = np.array([group.resumes_s.get(each, FOREVER) for each in range(count)])
    cuts = np.arange(count) == setting.victim_processor
    return Outage(
        stops_s, cuts, resumes_s, owners_among(setting, group.members), turns(setting, draws["fetch_ring_share"])
    )


def owners_among(setting: Setting, members: Sequence[int]) -> IntArray:
    """Return who of `members` holds each partition: as before where all are there, else dealt out among them."""
    before = setting.processors_of_partition
    if len(members) == len(setting.consumers):
        return np.array(before, dtype=np.int64)
    owners = [members[index % len(members)] if members else -1 for index in range(len(before))]
    return np.array([-1 if old < 0 else new for old, new in zip(before, owners, strict=True)], dtype=np.int64)
