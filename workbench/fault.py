"""What can be broken: the vocabulary of faults, their victims' selectors and the order in a drill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FaultType(StrEnum):
    """Faults a scenario may name. A target says which of them it can do."""

    BROKER_KILL = "BrokerKill"  # SIGKILL: sockets are reset by the kernel
    BROKER_STOP = "BrokerStop"  # SIGTERM: controlled shutdown, leaders move first
    BROKER_FREEZE = "BrokerFreeze"  # SIGSTOP, later SIGCONT: sockets stay open and silent
    CUT_FROM_ALL = "BrokerCutFromAll"  # by the network, for a while: packets are dropped, nothing is reset
    CUT_FROM_ZOOKEEPER = "BrokerCutFromZooKeeper"  # the same, from the ZooKeeper servers alone
    CUT_FROM_BROKERS = "BrokerCutFromBrokers"  # the same, from the other brokers alone
    DISK_FULL = "DiskFull"  # of one broker, on a small disk of its own: it halts by itself, and so does every new start
    PROCESSOR_KILL = "ProcessorKill"  # SIGKILL: the consumer group is not told
    POSTGRES_PRIMARY_KILL = "PostgresPrimaryKill"  # SIGKILL of the whole instance, as when its container dies
    POSTGRES_PRIMARY_LOSS = "PostgresPrimaryLoss"  # the same, where a standby is promoted in its place
    POSTGRES_BACKEND_KILL = "PostgresBackendKill"  # SIGKILL of one of its processes: it ends all others and recovers
    REDIS_KILL = "RedisKill"  # SIGKILL
    ZOOKEEPER_KILL = "ZooKeeperKill"  # SIGKILL: of one server
    CONTROLLER_KILL = "ControllerKill"  # SIGKILL: of the active controller, in KRaft mode a server of its own
    NODE_PROCESSES_KILL = "NodeProcessesKill"  # SIGKILL of every server on a node; the node itself answers with resets
    NODE_FREEZE = "NodeFreeze"  # SIGSTOP of every server on a node, later SIGCONT: sockets stay open and silent
    NODE_POWER_OFF = "NodePowerOff"  # silence of every server on a node, and later their start anew: no power meanwhile
    TWO_BROKERS_KILL = "TwoBrokersKill"  # SIGKILL of two brokers at once: of three one is left
    QUORUM_AND_BROKER_KILL = "QuorumAndBrokerKill"  # SIGKILL of two ZooKeeper servers, held down, then of a broker
    LOAD_BURST = "LoadBurst"  # nothing is broken: the devices send a multiple of their rate for a while


class ClusterFault(StrEnum):
    """Faults of a cluster's own objects: done by an experiment (experiments/node-drain.yaml), not by a scenario."""

    POD_DELETE = "PodDelete"  # by the API, with the pod's own grace or another
    NODE_CORDON = "NodeCordon"  # no new pods
    NODE_DRAIN = "NodeDrain"  # cordoned, its pods evicted as their disruption budgets allow
    KUBELET_STOP = "KubeletStop"  # SIGSTOP, later SIGCONT: its pods run on, nobody hears of them
    NODE_POWER_OFF = "NodePowerOff"  # silence: nothing is shut down, nothing is reset


class Part(StrEnum):
    """The part of the hub that a fault hits: each has a model, a recovery and phases of its own."""

    BROKER = "broker"
    BROKER_LINKS = "broker's links to the others"
    PROCESSOR = "event processor"
    POSTGRES = "Postgres primary"
    POSTGRES_FAILOVER = "Postgres fail-over"
    POSTGRES_BACKEND = "Postgres backend"
    REDIS = "Redis"
    ZOOKEEPER = "ZooKeeper server"
    CONTROLLER = "KRaft controller"
    NODE = "node"
    FROZEN_NODE = "frozen node"
    DARK_NODE = "node without power"
    BROKERS = "two brokers"
    QUORUM = "ZooKeeper quorum and a broker"
    LOAD = "load"


NODE_PARTS: Final = (Part.NODE, Part.FROZEN_NODE, Part.DARK_NODE)  # where every server of a node is hit
FREEZES: Final = (FaultType.BROKER_FREEZE, FaultType.NODE_FREEZE)  # which end with SIGCONT
SILENCES: Final = (*FREEZES, FaultType.NODE_POWER_OFF)  # nothing answers for a while, nothing is reset
CUTS: Final = (FaultType.CUT_FROM_ALL, FaultType.CUT_FROM_ZOOKEEPER, FaultType.CUT_FROM_BROKERS)
# Their loss is shown by answers to producers, others' by rows.
KAFKA_PARTS: Final = (Part.BROKER, Part.BROKER_LINKS, Part.BROKERS, Part.QUORUM)

SIGNAL_NAMES: Final[Mapping[FaultType, str]] = {
    FaultType.BROKER_KILL: "SIGKILL",
    FaultType.BROKER_STOP: "SIGTERM",
    FaultType.BROKER_FREEZE: "SIGSTOP",
    FaultType.CUT_FROM_ALL: "cut",  # no signal: what pages call it
    FaultType.CUT_FROM_ZOOKEEPER: "cut",
    FaultType.CUT_FROM_BROKERS: "cut",
    FaultType.DISK_FULL: "full disk",  # no signal either
    FaultType.PROCESSOR_KILL: "SIGKILL",
    FaultType.POSTGRES_PRIMARY_KILL: "SIGKILL",
    FaultType.POSTGRES_PRIMARY_LOSS: "SIGKILL",
    FaultType.POSTGRES_BACKEND_KILL: "SIGKILL",
    FaultType.REDIS_KILL: "SIGKILL",
    FaultType.ZOOKEEPER_KILL: "SIGKILL",
    FaultType.CONTROLLER_KILL: "SIGKILL",
    FaultType.NODE_PROCESSES_KILL: "SIGKILL",
    FaultType.NODE_FREEZE: "SIGSTOP",
    FaultType.NODE_POWER_OFF: "power cut",  # no signal: what pages call it
    FaultType.TWO_BROKERS_KILL: "SIGKILL",
    FaultType.QUORUM_AND_BROKER_KILL: "SIGKILL",
    FaultType.LOAD_BURST: "burst",  # no signal: what pages call it
}
PARTS: Final[Mapping[FaultType, Part]] = {
    FaultType.BROKER_KILL: Part.BROKER,
    FaultType.BROKER_STOP: Part.BROKER,
    FaultType.BROKER_FREEZE: Part.BROKER,
    FaultType.CUT_FROM_ALL: Part.BROKER,
    FaultType.CUT_FROM_ZOOKEEPER: Part.BROKER,
    FaultType.CUT_FROM_BROKERS: Part.BROKER_LINKS,
    FaultType.DISK_FULL: Part.BROKER,
    FaultType.PROCESSOR_KILL: Part.PROCESSOR,
    FaultType.POSTGRES_PRIMARY_KILL: Part.POSTGRES,
    FaultType.POSTGRES_PRIMARY_LOSS: Part.POSTGRES_FAILOVER,
    FaultType.POSTGRES_BACKEND_KILL: Part.POSTGRES_BACKEND,
    FaultType.REDIS_KILL: Part.REDIS,
    FaultType.ZOOKEEPER_KILL: Part.ZOOKEEPER,
    FaultType.CONTROLLER_KILL: Part.CONTROLLER,
    FaultType.NODE_PROCESSES_KILL: Part.NODE,
    FaultType.NODE_FREEZE: Part.FROZEN_NODE,
    FaultType.NODE_POWER_OFF: Part.DARK_NODE,
    FaultType.TWO_BROKERS_KILL: Part.BROKERS,
    FaultType.QUORUM_AND_BROKER_KILL: Part.QUORUM,
    FaultType.LOAD_BURST: Part.LOAD,
}
ROLES: Final[Mapping[Part, tuple[str, ...]]] = {
    Part.BROKER: ("controller", "leads-nothing"),
    Part.BROKER_LINKS: ("controller", "leads-nothing"),
    Part.PROCESSOR: (),
    Part.POSTGRES: ("primary",),
    Part.POSTGRES_FAILOVER: ("primary",),
    Part.POSTGRES_BACKEND: ("processor-backend",),
    Part.REDIS: ("redis",),
    Part.ZOOKEEPER: ("zookeeper-leader", "zookeeper-follower"),
    Part.CONTROLLER: ("active-controller",),
    Part.NODE: (),
    Part.FROZEN_NODE: (),
    Part.DARK_NODE: (),
    Part.BROKERS: (),
    Part.QUORUM: (),
    Part.LOAD: ("load",),
}


# What is built for a Kafka without ZooKeeper.
KRAFT_FAULTS: Final = frozenset(
    {
        FaultType.BROKER_KILL,
        FaultType.BROKER_STOP,
        FaultType.BROKER_FREEZE,
        FaultType.DISK_FULL,
        FaultType.TWO_BROKERS_KILL,
        FaultType.CONTROLLER_KILL,
        FaultType.NODE_PROCESSES_KILL,
        FaultType.PROCESSOR_KILL,
        FaultType.POSTGRES_PRIMARY_KILL,
        FaultType.POSTGRES_PRIMARY_LOSS,
        FaultType.POSTGRES_BACKEND_KILL,
        FaultType.REDIS_KILL,
        FaultType.LOAD_BURST,
    }
)


# Why the others are not, where the mode does not contradict them.
_NOT_IN_KRAFT: Final[Mapping[FaultType, str]] = {
    FaultType.CUT_FROM_ALL: "a broker is told of its fencing by its next heartbeat and never registers anew",
    FaultType.CUT_FROM_BROKERS: "a broker also hears of the metadata from the controllers alone",
    FaultType.NODE_FREEZE: "a controller goes silent with the broker, and its successor begins every session anew",
    FaultType.NODE_POWER_OFF: "a controller goes silent with the broker, and its successor begins every session anew",
}


def mode_contradiction(fault_type: FaultType, role: str | None, *, kraft: bool) -> str:
    """Return why a fault cannot be done to a Kafka in KRaft mode, or to one with ZooKeeper, "" if it can."""
    if not kraft:
        with_zookeeper = (
            "the manifests run Kafka with ZooKeeper, where a broker is the controller: BrokerKill of that role"
        )
        return with_zookeeper if fault_type is FaultType.CONTROLLER_KILL else ""
    if PARTS[fault_type] in (Part.ZOOKEEPER, Part.QUORUM) or fault_type is FaultType.CUT_FROM_ZOOKEEPER:
        return "the manifests run Kafka in KRaft mode, without ZooKeeper"
    if PARTS[fault_type] in (Part.BROKER, Part.BROKER_LINKS) and role == "controller":
        return "the manifests run Kafka in KRaft mode, where no broker is the controller: name a broker"
    if fault_type not in KRAFT_FAULTS:
        known = ", ".join(sorted(KRAFT_FAULTS))
        return f"in KRaft mode {_NOT_IN_KRAFT[fault_type]}, which the workbench does not model; it knows {known}"
    return ""


class StoredData(StrEnum):
    """What becomes of what a killed Redis had stored."""

    KEPT = "kept"  # it starts again from its append-only file
    LOST = "lost"  # the file is gone: it starts empty


class Risk(StrEnum):
    """What a fault on a cluster would break beyond its victim: only with the scenario's word (`breaks`)."""

    CONTROL_PLANE = "control-plane"  # a node with the API server
    DRIVER = "driver"  # a node with the drill's own driver
    ZOOKEEPER_QUORUM = "zookeeper-quorum"  # no majority would serve
    IN_SYNC_SETS = "in-sync-sets"  # fewer replicas than min.insync.replicas
    LAST_POSTGRES = "last-postgres"  # no instance would be ready


def risks_named(text: str) -> tuple[Risk, ...]:
    """Return the risks that a text names, with commas between. Raises ValueError for an unknown one."""
    return tuple(Risk(each) for each in text.split(",") if each)


class RestartRule(StrEnum):
    """What happens to a server that died."""

    KUBELET_RULES = "kubelet-rules"  # within a second, then after 10, 20, 40 .. 300 s
    NONE = "none"


class FailoverRule(StrEnum):
    """What happens when the Postgres primary died, beside or instead of its restart."""

    KUBEGRES_RULES = "kubegres-rules"  # never restarted as primary: a standby is promoted, it is rebuilt as a standby
    NONE = "none"


@dataclass(frozen=True)
class VictimSelector:
    """Whom a fault hits: brokers by their ids, an event processor by its index, a node by its name, or a role of ROLES.

    `server` is the exact name of what was resolved before: of a server, of two with a comma between them, or of a node.
    """

    broker: int | None = None
    role: str | None = None
    processor: int | None = None
    server: str | None = None
    node: str | None = None
    brokers: tuple[int, ...] = ()  # two at once

    def __str__(self) -> str:
        numbered = {"broker": self.broker, "event processor": self.processor}
        named = next((f"{word} {number}" for word, number in numbered.items() if number is not None), self.server)
        if self.brokers:
            return f"brokers {' and '.join(map(str, self.brokers))}"
        return named or self.node or f"the {self.role}"


@dataclass(frozen=True)
class Fault:
    """One fault of a scenario: `at_s` is seconds after the drill's drawn moment, `for_s` how long it lasts.

    `lag_s` is how long those that replicate the victim are held back before the kill: brokers are frozen and go on
    right after it, standbys get nothing of what the primary writes.
    `data` is what a killed Redis finds when it starts again. `factor` is a burst's multiple of the load's rate.
    """

    type: FaultType
    victim: VictimSelector
    at_s: float = 0.0
    for_s: float = 0.0  # only of a freeze, a cut, a burst, a full disk, or a quorum that is kept away
    lag_s: float = 0.0  # only of a broker's kill, or of a Postgres primary's loss
    data: StoredData = StoredData.KEPT  # lost: only of Redis's kill
    factor: float = 1.0  # above 1: only of a burst
    breaks: tuple[Risk, ...] = ()  # beyond the victim, on a cluster

    @property
    def part(self) -> Part:
        """Return the part of the hub that it hits."""
        return PARTS[self.type]
