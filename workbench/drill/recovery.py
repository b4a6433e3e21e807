"""Watches a recovery live: which phase the hub is in, and when everything is whole again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Final

from workbench.drill.live import Live
from workbench.fault import Part
from workbench.target.port import Victim
from workbench.topology.hub import HubTopology

CALM_S: Final = 8.0  # the live backlog must stay back for so long (the exact judgement needs 5 s of load)
CALM_FACTOR: Final = 1.5
CALM_SLACK_EVENTS: Final = 60.0
CALM_SHARE: Final = 0.75  # of the looks within CALM_S that are inside the calm backlog (the exact judgement: 0.6)
DEAD_BY_S: Final = 0.5  # a question asked so long after the fault is not answered by the victim's old process

DRAINED: Final = "backlog-drained"
_SILENT_NODE: Final = (
    ("broker-deregistered", "broker_detect_s", "detect"),
    ("group-whole", "group_rebalance_s", "a processor for each partition"),
    ("isr-full", "isr_full_s", "full redundancy"),
)
# The conditions that a person waits for, in their order: condition, metric, words.
PHASES: Final[Mapping[Part, tuple[tuple[str, str, str], ...]]] = {
    Part.BROKER: (
        ("broker-deregistered", "broker_detect_s", "detect"),
        ("isr-full", "isr_full_s", "full redundancy"),
    ),
    Part.BROKER_LINKS: (
        ("cut-ended", "", "cut off from the other brokers"),
        ("isr-full", "isr_full_s", "full redundancy"),
    ),
    Part.PROCESSOR: (("group-whole", "group_rebalance_s", "rebalance"),),
    Part.POSTGRES: (
        ("postgres-writes", "postgres_down_s", "Postgres back"),
        ("standbys-connected", "standbys_connected_s", "standbys back"),
    ),
    Part.POSTGRES_FAILOVER: (
        ("postgres-writes", "postgres_down_s", "a standby takes over"),
        ("standbys-connected", "standbys_connected_s", "lost instance rebuilt"),
    ),
    Part.POSTGRES_BACKEND: (
        ("postgres-writes", "postgres_down_s", "Postgres recovers"),
        ("standbys-connected", "standbys_connected_s", "standbys back"),
    ),
    Part.REDIS: (
        ("redis-answers", "redis_down_s", "Redis back"),
        ("states-current", "redis_caught_up_s", "device states current"),
    ),
    Part.NODE: (
        ("broker-deregistered", "broker_detect_s", "detect"),
        ("isr-full", "isr_full_s", "full redundancy"),
        ("group-whole", "group_rebalance_s", "rebalance"),
    ),
    Part.FROZEN_NODE: _SILENT_NODE,
    Part.DARK_NODE: _SILENT_NODE,
    Part.BROKERS: (
        ("leaders-moved", "broker_detect_s", "one broker leads all"),
        ("isr-full", "isr_full_s", "full redundancy"),
    ),
    Part.QUORUM: (
        ("zookeeper-leads", "zookeeper_leader_s", "the quorum is back"),
        ("broker-deregistered", "broker_detect_s", "detect"),
        ("isr-full", "isr_full_s", "full redundancy"),
    ),
    Part.LOAD: (("burst-ended", "", "burst of the load"), (DRAINED, "pipeline_drain_s", "backlog drains")),
    Part.ZOOKEEPER: (
        ("zookeeper-leads", "zookeeper_leader_s", "a ZooKeeper leader"),
        ("broker-sessions", "broker_sessions_s", "brokers' sessions"),
        ("zookeeper-whole", "zookeeper_whole_s", "all ZooKeeper servers"),
    ),
    Part.CONTROLLER: (
        ("controller-active", "controller_active_s", "another controller"),
        ("controllers-whole", "controllers_whole_s", "all controllers"),
    ),
}
# From when on the backlog may be called drained.
SERVES: Final[Mapping[Part, str]] = {
    Part.BROKER: "leaders-moved",
    Part.BROKER_LINKS: "cut-ended",
    Part.PROCESSOR: "group-whole",
    Part.POSTGRES: "postgres-writes",
    Part.POSTGRES_FAILOVER: "postgres-writes",
    Part.POSTGRES_BACKEND: "postgres-writes",
    Part.REDIS: "redis-answers",
    Part.ZOOKEEPER: "zookeeper-leads",
    Part.CONTROLLER: "controller-active",
    Part.NODE: "group-whole",
    Part.FROZEN_NODE: "group-whole",
    Part.DARK_NODE: "group-whole",
    Part.BROKERS: "leaders-moved",
    Part.QUORUM: "leaders-moved",
    Part.LOAD: "burst-ended",
}


@dataclass
class Recovery:
    """The phases of one server's loss, ticked off in whatever order they come.

    `marks` holds the time since the fault (s) at which each condition was first seen by the live view; the
    reported moments are taken from the collectors' samples afterwards.
    """

    live: Live
    topology: HubTopology
    part: Part
    victim: Victim
    injected_s: float  # epoch
    calm_backlog_events: tuple[float, float]  # upper quartile and 99th percentile
    returns: bool  # whether the restart rule brings the victim back
    may_lose: bool = False  # acknowledged events: they never get a row, so the records that wait for one are counted
    for_s: float = 0.0  # how long a burst of the load, a freeze or a cut lasts
    marks: dict[str, float] = field(default_factory=dict)
    _looks: deque[tuple[float, float]] = field(default_factory=deque)  # (s since the fault, backlog) since it is calm

    def update(self, since_fault_s: float) -> list[str]:
        """Look once; return the names of conditions that were met now for the first time."""
        backlog = self.live.lag_records() if self.may_lose else self.live.backlog_events()
        conditions = self._conditions(since_fault_s)
        conditions[DRAINED] = lambda: self._calm(since_fault_s, backlog)
        met = [name for name, holds in conditions.items() if name not in self.marks and holds()]
        for name in met:
            self.marks[name] = since_fault_s
        return met

    @property
    def complete(self) -> bool:
        """Tell whether nothing is left to wait for."""
        wanted = {DRAINED, *self._conditions(0.0)}
        if not self.returns:
            wanted -= {"broker-registered", "isr-full"}
        return wanted <= self.marks.keys()

    def _conditions(self, since_fault_s: float) -> dict[str, Callable[[], bool]]:
        live, asked_s = self.live, self.injected_s + DEAD_BY_S
        match self.part:
            case Part.BROKER:
                return self._broker_conditions(-1 if self.victim.broker is None else self.victim.broker)
            case Part.BROKER_LINKS:
                return {
                    "cut-ended": lambda: since_fault_s >= self.for_s,
                    "isr-full": lambda: "cut-ended" in self.marks and live.short_partitions() == 0,
                }
            case Part.PROCESSOR:
                return self._group_conditions(asked_s)
            case Part.POSTGRES | Part.POSTGRES_FAILOVER | Part.POSTGRES_BACKEND:
                return self._postgres_conditions(asked_s)
            case Part.ZOOKEEPER | Part.CONTROLLER:
                return self._keeper_conditions(asked_s)
            case Part.NODE | Part.FROZEN_NODE | Part.DARK_NODE | Part.QUORUM:
                broker = -1 if self.victim.broker is None else self.victim.broker
                return {**self._broker_conditions(broker), **self._beside_the_broker(asked_s)}
            case Part.BROKERS:
                return self._brokers_conditions(self.victim.brokers)
            case Part.LOAD:
                return {"burst-ended": lambda: since_fault_s >= self.for_s}
            case Part.REDIS:
                return {
                    "redis-answers": lambda: live.redis_answers(asked_s),
                    "states-current": lambda: "redis-answers" in self.marks and live.pending_states(asked_s) == 0,
                }

    def _beside_the_broker(self, asked_s: float) -> dict[str, Callable[[], bool]]:
        """Return the conditions of the other servers that were hit with a broker."""
        ended_s = self.injected_s + self.for_s  # of a freeze: until then an answer may be of before it
        match self.part:
            case Part.QUORUM:
                zookeeper = self._keeper_conditions(asked_s)
                del zookeeper["broker-sessions"]  # the dead broker's is nobody's
                return zookeeper
            case Part.FROZEN_NODE:
                return {**self._group_conditions(ended_s), **self._keepers_whole(ended_s + DEAD_BY_S)}
            case Part.DARK_NODE:
                asked_s = ended_s + DEAD_BY_S
        return {
            **self._group_conditions(asked_s),
            "standbys-connected": self._postgres_conditions(asked_s)["standbys-connected"],
            **self._keepers_whole(asked_s),
        }

    def _group_conditions(self, asked_s: float) -> dict[str, Callable[[], bool]]:
        partitions = len(self.topology.partition_labels)
        return {"group-whole": lambda: self.live.assigned_partitions(asked_s) == partitions}

    def _postgres_conditions(self, asked_s: float) -> dict[str, Callable[[], bool]]:
        live, wanted = self.live, self.topology.postgres.replicas - 1
        return {
            "postgres-writes": lambda: live.standbys(asked_s) is not None,
            "standbys-connected": lambda: (live.standbys(asked_s) or 0) >= wanted,
        }

    def _keeper_conditions(self, asked_s: float) -> dict[str, Callable[[], bool]]:
        """Return those of the servers that keep Kafka's metadata, as the mode names them."""
        count, seen = len(self.topology.metadata_keepers), self.live.zookeeper(asked_s)
        if self.topology.kafka.quorum is not None:
            return {
                "controller-active": lambda: seen.get("leader", -1) >= 0,
                "controllers-whole": lambda: len(seen.get("serving", ())) == count,
            }
        return {
            "zookeeper-leads": lambda: seen.get("leader", -1) >= 0,
            "broker-sessions": lambda: bool(seen) and -1 not in seen["server_of_broker"].values(),
            "zookeeper-whole": lambda: len(seen.get("serving", ())) == count,
        }

    def _keepers_whole(self, asked_s: float) -> dict[str, Callable[[], bool]]:
        found = self._keeper_conditions(asked_s)
        return {name: holds for name, holds in found.items() if name.endswith("-whole")}

    def _broker_conditions(self, broker: int) -> dict[str, Callable[[], bool]]:
        live, marks = self.live, self.marks
        return {
            "broker-deregistered": lambda: not live.registered(broker),
            "leaders-moved": lambda: live.led_by(broker) == 0 and live.led_by(-1) == 0,
            "broker-registered": lambda: "broker-deregistered" in marks and live.registered(broker),
            "isr-full": lambda: "broker-registered" in marks and live.short_partitions() == 0,
        }

    def _brokers_conditions(self, brokers: tuple[int, ...]) -> dict[str, Callable[[], bool]]:
        live, marks = self.live, self.marks
        found: dict[str, Callable[[], bool]] = {}
        for broker in brokers:
            found[f"broker-{broker}-deregistered"] = partial(self._is_gone, broker)
            found[f"broker-{broker}-registered"] = partial(self._is_back, broker)
        back = {f"broker-{broker}-registered" for broker in brokers}
        found["leaders-moved"] = lambda: all(live.led_by(broker) == 0 for broker in (*brokers, -1))
        found["isr-full"] = lambda: back <= marks.keys() and live.short_partitions() == 0
        return found

    def _is_gone(self, broker: int) -> bool:
        return not self.live.registered(broker)

    def _is_back(self, broker: int) -> bool:
        return f"broker-{broker}-deregistered" in self.marks and self.live.registered(broker)

    def _calm(self, since_fault_s: float, backlog: float) -> bool:
        """Tell whether the backlog has been back for CALM_S, after what was away serves again.

        Never far above the calm one, mostly inside it, and in its middle not above the calm one's upper quartile: the
        live view is late by a flush, which blurs it by more than what the exact judgement still calls a backlog.
        """
        upper, highest = self.calm_backlog_events
        bound = CALM_FACTOR * highest + CALM_SLACK_EVENTS
        if backlog > bound or SERVES[self.part] not in self.marks:
            self._looks.clear()
            return False
        self._looks.append((since_fault_s, backlog))
        if since_fault_s - self._looks[0][0] < CALM_S:
            return False
        while since_fault_s - self._looks[0][0] > CALM_S:
            self._looks.popleft()
        events = [each for _, each in self._looks]
        inside = sum(1 for each in events if each <= highest)
        return inside >= CALM_SHARE * len(events) and median(events) <= upper
