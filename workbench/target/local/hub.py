"""LocalHub: an embedded hub that is up, behind the target's port."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from workbench.errors import ToolFailed
from workbench.fault import SIGNAL_NAMES, FailoverRule, Fault, FaultType, RestartRule
from workbench.target.local import injection, kubegres_steps, victims, wholeness
from workbench.target.local.cluster import Cluster
from workbench.target.local.control import Control
from workbench.target.local.doors import Doors
from workbench.target.local.ending import end_hub
from workbench.target.local.places import DIRECTORY_MARK, HUB_MARK
from workbench.target.local.processes import ProcessSpec, ServerStatus
from workbench.target.local.record import HubRecord
from workbench.target.port import (
    Endpoints,
    Ensemble,
    Injection,
    PartitionState,
    ProcessStart,
    TargetDescription,
    UndoResult,
    Victim,
)
from workbench.topology.hub import HubTopology

SUPERVISOR_EXITS_S: Final = 10.0
STAND_INS: Final = (
    "The kubelet's restarts of a crashed server are decided by a stand-in that follows its published rule "
    "(within a second, then after 10, 20, 40 .. 300 s): the waits are predicted and shown, never scored.",
    "Strimzi and Kubegres do not run: configuration is read from their resources.",
    "All nodes are one machine: processes share its cores, memory and disk, and the network is loopback.",
)

FAILOVER: Final[Mapping[FailoverRule, str]] = {
    FailoverRule.NONE: "Postgres does not fail over: a primary that died starts again on its own data.",
    FailoverRule.KUBEGRES_RULES: (
        "Kubegres's fail-over is decided by a stand-in that follows its published rules (1 s, then 10 s of waiting, "
        "the first standby that answers, the lost instance rebuilt 40 s after the promotion was asked for): the waits "
        "are predicted and shown, never scored. It promotes without restarting the standby, copies after a fast "
        "checkpoint, and clients find the primary by its list of hosts instead of DNS."
    ),
}


class LocalHub:
    """A hub that is up. As a context manager it ends with its owner's block; an attached one only lets go."""

    def __init__(
        self, directory: Path, hub_record: HubRecord, supervisor: subprocess.Popen[bytes] | None, *, owned: bool
    ) -> None:
        self.hub_id = hub_record.hub_id
        self.directory = directory
        self.record = hub_record
        self.control = Control(hub_record.hub_id)
        self.cluster = Cluster(hub_record.ports)
        self.doors = Doors(hub_record.endpoints)
        self._supervisor = supervisor
        self._owned = owned

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._owned:
            self.close()
        else:
            self.disconnect()

    def close(self) -> None:
        """End every process of the hub and remove its directory; raises ToolFailed when something is left."""
        self._close_connections()
        end_hub(self.directory)
        self._let_go()

    def disconnect(self) -> None:
        """Close this object's connections and leave the hub as it is (an owned one ends with its owner)."""
        self._close_connections()
        if not self._owned:
            self._let_go()

    def _close_connections(self) -> None:
        self.cluster.close()
        self.doors.close()

    def _let_go(self) -> None:
        """Be done with the supervisor as a child process: reap it if it has ended, else leave it to init."""
        if self._supervisor is None:
            return
        if self._supervisor.stdin is not None:
            self._supervisor.stdin.close()
        try:
            self._supervisor.wait(timeout=0.0 if not self._owned else SUPERVISOR_EXITS_S)
        except subprocess.TimeoutExpired:
            self._supervisor.returncode = 0  # detached on purpose: no warning that it still runs
        self._supervisor = None

    # --- who it is

    @property
    def topology(self) -> HubTopology:
        """Return the topology the hub was started from."""
        return self.record.topology

    @property
    def endpoints(self) -> Endpoints:
        """Return where the hub's doors are."""
        return self.record.endpoints

    def describe(self) -> TargetDescription:
        """Return who the target is: versions as the programs say, stand-ins, this machine."""
        host = {
            "cpus": psutil.cpu_count(),
            "memory_bytes": psutil.virtual_memory().total,
            "machine": platform.machine(),
            "kernel": platform.release(),
            "python": platform.python_version(),
        }
        return TargetDescription(
            "local", dict(self.record.versions), (*STAND_INS, FAILOVER[self.record.failover]), host
        )

    def start_to_registered_s(self) -> dict[str, float]:
        """Return what each broker took at hub start (s): process start to its id in ZooKeeper; none beside it."""
        return dict(self.record.start_to_registered_s)

    def start_cpu_s(self) -> dict[str, float]:
        """Return the computing time (s) that each broker used until then."""
        return dict(self.record.start_cpu_s)

    def registered_to_ready_s(self) -> dict[str, float]:
        """Return what each broker took at hub start (s) from there until it answered requests."""
        return dict(self.record.registered_to_ready_s)

    # --- faults

    def faults(self) -> frozenset[FaultType]:
        """Return the faults this target can do."""
        return frozenset(SIGNAL_NAMES)

    def resolve(self, fault: Fault) -> Victim:
        """Return the exact victim of a fault. Raises BadInput when there is none."""
        return victims.resolve(self, fault)

    def inject(self, fault: Fault, victim: Victim) -> Injection:
        """Do the fault to exactly that process and wait, bounded, for its proof."""
        return injection.inject(self, fault, victim)

    def thaw(self, victim: Victim) -> float:
        """Let a frozen victim go on and return when it did, epoch s. Raises ToolFailed when it stays stopped."""
        return injection.thaw(self, victim)

    def undo(self) -> UndoResult:
        """Thaw and start every server that does not run until the hub is whole; idempotent."""
        return wholeness.undo(self)

    def restarts(self) -> bool:
        """Tell whether a server that died is started again without an undo, by the rule this hub was started with."""
        return self.record.restart is not RestartRule.NONE

    def failover_steps(self) -> Mapping[str, float]:
        """Return when the stand-in for Kubegres did each step of its last fail-over, epoch s; none without one."""
        return kubegres_steps.read(self.directory)

    def missing(self) -> str:
        """Return what keeps the hub from being whole, in words; "" when nothing does. Only looks."""
        return wholeness.missing(self)

    # --- questions

    def registered_brokers(self) -> frozenset[int]:
        """Return the broker ids registered now (ZooKeeper's /brokers/ids; in KRaft mode those not fenced)."""
        return self.cluster.registered_brokers()

    def partition_states(self) -> Mapping[str, PartitionState]:
        """Return leader and in-sync replicas of every partition as the controller last told the brokers."""
        return self.cluster.partition_states()

    def controller(self) -> int:
        """Return the active controller's broker id (in KRaft mode its own node id), -1 if there is none."""
        return self.cluster.controller()

    def process_starts(self, server: str) -> tuple[ProcessStart, ...]:
        """Return every start of a server's process, oldest first."""
        return self._status(server).starts

    def ensemble(self) -> Ensemble:
        """Return what each ZooKeeper server is, and which of them holds each broker's session."""
        return self.cluster.ensemble()

    def group_coordinator(self, group: str) -> int:
        """Return the broker that coordinates a consumer group, -1 if none does now."""
        return self.cluster.group_coordinator(group)

    def standbys(self) -> int | None:
        """Return how many standbys are connected to a primary that takes writes; None when there is none."""
        return self.doors.standbys()

    def redis_answers(self) -> bool:
        """Tell whether Redis answers and has its data loaded."""
        return self.doors.redis_answers()

    def waiting_records(self) -> int:
        """Return how many records the event processors have not committed yet."""
        return self.cluster.lag_records(self.topology.processors.consumer_group)

    def partitions_of_processor(self) -> dict[str, int]:
        """Return which event processor (index) holds each partition, by "topic-partition"."""
        members = self.cluster.members(self.topology.processors.consumer_group)
        return {label: int(client_id.rpartition("-")[2]) for client_id, labels in members.items() for label in labels}

    # --- processes

    def processes(self) -> list[ServerStatus]:
        """Return every server, application and helper, in the order of their first starts."""
        return self.control.processes()

    def launch(self, name: str, argv: Sequence[str], *, environment: Mapping[str, str], stdout: Path) -> int:
        """Start a drill's helper under the supervisor, which ends it and its children with the hub; return its id."""
        marks = {HUB_MARK: self.hub_id, DIRECTORY_MARK: str(self.directory)}
        spec = ProcessSpec(
            name=name,
            argv=tuple(argv),
            environment={**os.environ, **environment, **marks},
            directory=str(Path.cwd()),
            stdout=str(stdout),
            is_server=False,
        )
        return self.control.run(spec)

    def running(self, name: str) -> bool:
        """Tell whether a process runs."""
        return self._status(name).process_id != 0

    def exit_code(self, name: str) -> int | None:
        """Return how the last run of a process ended: its exit code, minus the signal's number, None while it runs."""
        text = self._status(name).starts[-1].exit
        if not text:
            return None
        kind, _, number = text.partition(" ")
        return int(number) if kind == "exit" else -int(number or signal.Signals[kind])

    def signal(self, name: str, signum: int) -> None:
        """Send a signal to a process. Raises ToolFailed when it does not run."""
        self.control.signal(name, signum)

    def _status(self, name: str) -> ServerStatus:
        for status in self.processes():
            if status.name == name:
                return status
        raise ToolFailed(f"hub {self.hub_id} has no process named {name}")
