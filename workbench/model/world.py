"""What every role of the control events shares: the clock, this replication's draws, and the events they await."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

import simpy

from workbench.fault import PARTS, FaultType, Part, RestartRule

NAN: Final = float("nan")
FOREVER: Final = float("inf")
HORIZON_S: Final = 3600.0  # bound on the control events of one replication

Steps = Generator[simpy.Event, Any, None]  # a role: what it waits for, one after another


@dataclass(frozen=True)
class Setting:
    """Facts of one prediction, the same in every replication. Arrays of partitions are in flat order."""

    fault: FaultType
    freeze_s: float  # how long a freeze lasts
    cut_s: float  # how long a cut lasts
    quorum_away_s: float  # how long after the fault ZooKeeper is without a quorum, 0: it has one
    disk_full_s: float  # how long the victim's disk is full, 0: it is not
    burst_factor: float  # how many times its rate the load has in a burst
    burst_s: float  # how long that lasts
    lag_s: float  # how long the other brokers have been frozen when the victim is killed
    restart: RestartRule
    acks: str
    brokers: tuple[int, ...]
    victim: int  # broker, -1: another server
    second_victim: int  # another broker that dies with it, -1: none
    second_is_controller: bool
    second_on_zookeeper_leader: bool | None
    victim_processor: int  # -1: another server
    victim_is_controller: bool
    victim_coordinates: bool  # the consumer group of the processors
    session_on_zookeeper_leader: bool | None
    victim_zookeeper: int  # server, -1: another server
    victim_leads_zookeeper: bool
    zookeeper_servers: int  # their ids are 1, 2 ..
    zookeeper_of_broker: Mapping[int, int]  # where each broker's session is connected
    kraft: bool  # Kafka keeps its metadata itself: no ZooKeeper
    session_s: float  # of a broker with ZooKeeper, or with the active controller
    tick_s: float  # ZooKeeper's
    replica_lag_time_max_s: float
    leaders: tuple[int, ...]  # -1: not known
    replication_factors: tuple[int, ...]
    min_insync_replicas: tuple[int, ...]
    processors_of_partition: tuple[int, ...]
    offsets_topic_partitions: int
    group_session_s: float
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    typical_response_s: float  # median response time of an undisturbed request
    bytes_per_s: float  # of records, over all partitions
    log_bytes_at_fault: float  # of one broker

    @property
    def part(self) -> Part:
        """Return the part of the hub that the fault hits."""
        return PARTS[self.fault]

    @property
    def led(self) -> int:
        """Return how many partitions the victim leads, its share of the offsets topic included."""
        return sum(leader == self.victim for leader in self.leaders) + self._share_of_offsets_topic

    @property
    def followed(self) -> int:
        """Return how many partitions the victim follows, about."""
        replicas = sum(self.replication_factors) + 3 * self.offsets_topic_partitions
        return max(0, replicas // len(self.brokers) - self.led)

    @property
    def _share_of_offsets_topic(self) -> int:
        return self.offsets_topic_partitions // len(self.brokers)


class VictimState(Enum):
    """What the victim is to the rest of the hub."""

    GONE = auto()
    STARTING = auto()
    FOLLOWING = auto()  # in KRaft mode, started and not registered yet: it fetches, and is still in the in-sync sets
    CATCHING_UP = auto()  # registered; its replicas are not all in sync
    WARMING_UP = auto()  # in sync, its code not compiled yet
    WHOLE = auto()


@dataclass
class World:
    """One replication: roles read `draws`, wait for each other's events and note their moments (s after the fault)."""

    setting: Setting
    draws: Mapping[str, float]
    env: simpy.Environment = field(default_factory=simpy.Environment)
    moments: dict[str, float] = field(default_factory=dict)
    known_s: dict[str, float] = field(default_factory=dict)  # client -> when it knows the new leaders
    deregistered: simpy.Event = field(init=False)
    leaders_moved: simpy.Event = field(init=False)
    isr_shrunk: simpy.Event = field(init=False)
    exited: simpy.Event = field(init=False)  # the victim's process is gone
    ready: simpy.Event = field(init=False)  # the new process is registered and answers
    follows: simpy.Event = field(init=False)  # in KRaft mode: the new process fetches, before it is registered
    quorum_back: simpy.Event = field(init=False)  # where ZooKeeper's quorum was away
    thawed: simpy.Event = field(init=False)  # a victim that was silent goes on and knows that it leads no more
    isr_full: simpy.Event = field(init=False)
    replicates_s: dict[int, float] = field(default_factory=dict)  # surviving leader -> all its partitions replicate
    shrunk_by_leader_s: dict[int, float] = field(default_factory=dict)  # broker -> by its own check
    victim_states: list[tuple[float, VictimState]] = field(default_factory=list)  # since when; whole before the first

    def __post_init__(self) -> None:
        for name in (
            "deregistered",
            "leaders_moved",
            "isr_shrunk",
            "exited",
            "ready",
            "follows",
            "quorum_back",
            "thawed",
            "isr_full",
        ):
            setattr(self, name, self.env.event())

    def event(self, name: str) -> simpy.Event:
        """Return the event of a moment."""
        found: simpy.Event = getattr(self, name)
        return found

    def note(self, moment: str) -> None:
        """Record that a moment is now."""
        self.moments[moment] = float(self.env.now)

    def victim_is(self, state: VictimState) -> None:
        """Record what the victim is from now on."""
        self.victim_states.append((float(self.env.now), state))

    def moment(self, name: str) -> float:
        """Return a moment (s after the fault), NaN if it was not reached."""
        return self.moments.get(name, NAN)

    def until(self, t_s: float) -> simpy.Timeout:
        """Return a wait until a time, none if it has passed."""
        return self.env.timeout(max(0.0, t_s - self.env.now))


def next_on_grid(t_s: float, step_s: float, phase_s: float) -> float:
    """Return the first instant of phase + n * step that is strictly after `t_s`."""
    return phase_s + step_s * (math.floor((t_s - phase_s) / step_s) + 1.0)
