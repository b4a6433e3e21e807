"""The port every target answers: what it is, what it can break, and its undo.

The drill, the chaos actions and the collectors speak to this protocol and do not know which target they have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from workbench.fault import Fault, FaultType
from workbench.safety.undo import ClusterObject
from workbench.topology.hub import HubTopology


@dataclass(frozen=True)
class Endpoints:
    """Where the hub's doors are."""

    kafka_bootstrap: str  # "127.0.0.1:port,..."
    zookeeper: str  # "127.0.0.1:port,...", "" in KRaft mode
    postgres_dsn: str  # of the primary, with password
    redis_url: str  # with password
    processor_metrics: tuple[str, ...]  # http://127.0.0.1:port/metrics, one a processor
    gateway_urls: tuple[str, ...]  # http://127.0.0.1:port, one a gateway
    gateway_secret: str  # what a user has to know to log in there
    kafka_security: Mapping[str, str] = field(default_factory=dict)  # librdkafka's settings; none: plain text
    reader_security: Mapping[str, str] = field(default_factory=dict)  # of the one who reads back and asks

    @property
    def kafka_client(self) -> dict[str, str]:
        """Return what every Kafka client of this hub needs, by librdkafka's names."""
        return {"bootstrap.servers": self.kafka_bootstrap, **self.kafka_security}

    @property
    def kafka_reader(self) -> dict[str, str]:
        """Return the same of the client that reads back what was written."""
        return {"bootstrap.servers": self.kafka_bootstrap, **self.reader_security}

    @property
    def gateway_url(self) -> str:
        """Return the first gateway's address."""
        return self.gateway_urls[0]


@dataclass(frozen=True)
class Victim:
    """Exactly what a fault will hit, resolved before anything is broken.

    Of a node `server` is the node's name, `process_id` its broker's, and `servers` holds every server on it.
    """

    server: str  # "kafka-1"
    node: str
    process_id: int
    broker: int | None = None
    led_partitions: tuple[str, ...] = ()  # "topic-partition" it leads now
    is_controller: bool = False  # it, or of a node one of its servers, is the active controller
    processor: int | None = None
    zookeeper: int | None = None  # server id
    leads_zookeeper: bool = False
    servers: tuple[tuple[str, int], ...] = ()  # name, process id
    objects: tuple[ClusterObject, ...] = ()  # on a cluster: exactly these, by their uids

    @property
    def brokers(self) -> tuple[int, ...]:
        """Return the ids of all brokers among the victims."""
        named = tuple(int(name.removeprefix("kafka-")) for name, _ in self.servers if name.startswith("kafka-"))
        return named or (() if self.broker is None else (self.broker,))

    @property
    def uids(self) -> str:
        """Return the uids of the cluster's objects with commas between them, "" where it is no cluster."""
        return ",".join(each.uid for each in self.objects)

    @property
    def watched_server(self) -> str:
        """Return the server whose starts tell of the return: itself, of a node its broker."""
        return self.server if not self.servers else f"kafka-{self.broker}"


@dataclass(frozen=True)
class Injection:
    """Proof of one injected fault. Times: epoch seconds."""

    fault: FaultType
    server: str
    process_id: int
    signal: str  # "SIGKILL"
    injected_s: float  # just before the signal was sent
    effective_s: float  # when the supervisor had reaped that pid with that signal, or the kernel had stopped it
    effective: bool
    evidence: str  # "pid 4711 reaped, killed by SIGKILL"


@dataclass(frozen=True)
class UndoResult:
    """What the idempotent undo found and did."""

    verified: bool
    detail: str


@dataclass(frozen=True)
class TargetDescription:
    """Who the target is: for run.json and the report."""

    name: str  # "local"
    versions: Mapping[str, str]  # "Kafka" -> "3.7.1" ..
    stand_ins: tuple[str, ...]  # what a stand-in decides here, as sentences
    host: Mapping[str, Any] = field(default_factory=dict)


class Target(Protocol):
    """A hub that is up. All methods raise ToolFailed when the hub does not answer in time."""

    @property
    def topology(self) -> HubTopology:
        """Return the topology the hub was started from."""

    @property
    def endpoints(self) -> Endpoints:
        """Return where the hub's doors are."""

    def describe(self) -> TargetDescription:
        """Return who the target is."""

    def faults(self) -> frozenset[FaultType]:
        """Return the faults this target can do."""

    def resolve(self, fault: Fault) -> Victim:
        """Return the exact victim of a fault; BadInput when there is none."""

    def inject(self, fault: Fault, victim: Victim) -> Injection:
        """Do the fault to exactly that victim and return the proof."""

    def thaw(self, victim: Victim) -> float:
        """Let a frozen victim go on and return when it did, epoch s."""

    def power_on(self, victim: Victim) -> float:
        """Give a node its power again and return when that was, epoch s."""

    def heal(self, victim: Victim) -> float:
        """End a cut and return when that was, epoch s."""

    def free_disk(self, victim: Victim) -> float:
        """Free a full disk and return when that was, epoch s."""

    def undo(self) -> UndoResult:
        """Bring back whatever a fault took away; idempotent, verified."""

    def standbys(self) -> int | None:
        """Return how many standbys are connected to a primary that takes writes; None when there is none."""

    def redis_answers(self) -> bool:
        """Tell whether Redis answers and has its data loaded."""

    def ensemble(self) -> Ensemble:
        """Return what each ZooKeeper server is, and which of them holds each broker's session."""

    def restarts(self) -> bool:
        """Tell whether a server that died is started again without an undo."""

    def missing(self) -> str:
        """Return what keeps the hub from being whole, in words; "" when nothing does. Only looks."""

    def registered_brokers(self) -> frozenset[int]:
        """Return the broker ids registered now (ZooKeeper's /brokers/ids; in KRaft mode those not fenced)."""

    def partition_states(self) -> Mapping[str, PartitionState]:
        """Return leader and in-sync replicas of every partition, internal topics too, by "topic-partition"."""

    def waiting_records(self) -> int:
        """Return how many records the event processors have not committed yet."""

    def controller(self) -> int:
        """Return the active controller's broker id (in KRaft mode its own node id), -1 if there is none."""

    def process_starts(self, server: str) -> tuple[ProcessStart, ...]:
        """Return every start of a server's process, oldest first."""


class DrillHub(Target, Protocol):
    """A target that a drill is conducted on: it also starts the drill's helpers and knows its own start."""

    @property
    def target(self) -> str:
        """Return the target's name: "local" or "kubernetes"."""

    @property
    def was_up(self) -> bool:
        """Tell whether it was up before the drill, with events of its own."""

    @property
    def undo_timeout_s(self) -> float:
        """Return after how long an undo says that it could not be verified."""

    @property
    def hub_id(self) -> str:
        """Return the id by which an experiment finds it."""

    @property
    def directory(self) -> Path:
        """Return the folder by which its helpers are known."""

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything that belongs to this block."""

    def start_to_registered_s(self) -> Mapping[str, float]:
        """Return what each broker's start took (s), none beside it: process start to its registration."""

    def start_cpu_s(self) -> Mapping[str, float]:
        """Return the computing time (s) that each broker used until then."""

    def registered_to_ready_s(self) -> Mapping[str, float]:
        """Return what each broker took (s) from there until it answered requests."""

    def group_coordinator(self, group: str) -> int:
        """Return the broker that coordinates a consumer group, -1 if none does now."""

    def partitions_of_processor(self) -> Mapping[str, int]:
        """Return which event processor (index) holds each partition, by "topic-partition"."""

    def failover_steps(self) -> Mapping[str, float]:
        """Return when a stand-in for Kubegres did each step of its last fail-over, epoch s; none without one."""

    def machine_processes(self) -> Mapping[str, int]:
        """Return the id of each process of the hub that runs on this very machine, by its name."""

    def launch(self, name: str, argv: Sequence[str], *, environment: Mapping[str, str], stdout: Path) -> int:
        """Start a drill's helper, which ends with the hub; return its process id."""

    def running(self, name: str) -> bool:
        """Tell whether a helper runs."""

    def exit_code(self, name: str) -> int | None:
        """Return how a helper's last run ended: exit code, minus the signal's number, None while it runs."""


@dataclass(frozen=True)
class Ensemble:
    """The ZooKeeper servers now."""

    leader: int  # server id, -1: none
    serving: tuple[int, ...]  # server ids, ascending
    server_of_broker: Mapping[int, int]  # broker id -> the server its session is connected to, -1: none


@dataclass(frozen=True)
class PartitionState:
    """One partition now."""

    leader: int  # -1: none
    replicas: tuple[int, ...]
    isr: tuple[int, ...]


@dataclass(frozen=True)
class ProcessStart:
    """One start of a server's process by the supervisor. Times: epoch seconds, NaN if not (yet)."""

    process_id: int
    started_s: float
    ended_s: float
    exit: str  # "", "exit 1", "SIGKILL"
