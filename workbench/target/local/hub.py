"""LocalHub: an embedded hub that is up, behind the target's port."""

from __future__ import annotations

import math
import os
import platform
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from workbench.errors import BadInput, ToolFailed
from workbench.fault import SIGNAL_NAMES, Fault, FaultType, RestartRule, VictimSelector
from workbench.target.local.cluster import Cluster
from workbench.target.local.control import Control
from workbench.target.local.ending import end_hub
from workbench.target.local.places import DIRECTORY_MARK, HUB_MARK
from workbench.target.local.processes import ProcessSpec, ServerStatus
from workbench.target.local.record import HubRecord
from workbench.target.port import (
    Endpoints,
    Injection,
    PartitionState,
    ProcessStart,
    TargetDescription,
    UndoResult,
    Victim,
)
from workbench.topology.hub import HubTopology

REAP_TIMEOUT_S: Final = {FaultType.BROKER_KILL: 10.0, FaultType.BROKER_STOP: 60.0}
# A JVM that ends after SIGTERM exits with 128 + 15 (its own handler runs the shutdown hooks).
PROOFS: Final = {FaultType.BROKER_KILL: ("SIGKILL",), FaultType.BROKER_STOP: ("exit 143", "SIGTERM")}
REAP_POLL_S: Final = 0.01
FREEZE_TIMEOUT_S: Final = 5.0
UNDO_TIMEOUT_S: Final = 120.0  # the longest session time-out of the overlays, a start and the catch-up
UNDO_POLL_S: Final = 0.25
UNDO_RETRY_S: Final = 10.0  # a server that ended again is started again after this long
SUPERVISOR_EXITS_S: Final = 10.0
STAND_INS: Final = (
    "The kubelet's restarts of a crashed server are decided by a stand-in that follows its published rule "
    "(within a second, then after 10, 20, 40 .. 300 s): the waits are predicted and shown, never scored.",
    "Strimzi and Kubegres do not run: configuration is read from their resources, nothing fails over by itself.",
    "All nodes are one machine: processes share its cores, memory and disk, and the network is loopback.",
)


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
        self.cluster.close()
        end_hub(self.directory)
        self._let_go()

    def disconnect(self) -> None:
        """Close this object's connections and leave the hub as it is (an owned one ends with its owner)."""
        self.cluster.close()
        if not self._owned:
            self._let_go()

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
        return TargetDescription("local", dict(self.record.versions), STAND_INS, host)

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
        if fault.type not in self.faults():
            raise BadInput(f"the target local cannot do {fault.type}; it can do {', '.join(sorted(self.faults()))}")
        states = self.partition_states()
        controller = self.controller()
        broker = self._broker_of(fault.victim, states, controller)
        status = self._status(f"kafka-{broker}")
        if not status.process_id:
            raise BadInput(f"{fault.victim}: {status.name} is not running")
        led = tuple(sorted(label for label, state in states.items() if state.leader == broker))
        return Victim(status.name, status.node, status.process_id, broker, led, broker == controller)

    def _broker_of(self, wanted: VictimSelector, states: Mapping[str, PartitionState], controller: int) -> int:
        brokers = self.topology.kafka.broker_ids
        if wanted.broker is not None:
            if wanted.broker not in brokers:
                raise BadInput(f"there is no broker {wanted.broker}; the hub has {', '.join(map(str, brokers))}")
            return wanted.broker
        if wanted.role == "controller":
            if controller < 0:
                raise BadInput("no broker is the controller now")
            return controller
        if wanted.role == "leads-nothing":
            leaders = {state.leader for state in states.values()}
            idle = [broker for broker in sorted(self.registered_brokers()) if broker not in leaders]
            if not idle:
                raise BadInput("every broker leads a partition now")
            return idle[0]
        raise BadInput(f"unknown role {wanted.role!r}: controller or leads-nothing")

    def inject(self, fault: Fault, victim: Victim) -> Injection:
        """Signal exactly that process and wait, bounded, until it is reaped, or stopped where the fault is a freeze."""
        if fault.type is FaultType.BROKER_FREEZE:
            return self._freeze(fault, victim)
        wanted = signal.Signals[SIGNAL_NAMES[fault.type]]
        injected_s = self.control.signal(victim.server, wanted, victim.process_id)
        _happens(lambda: self._ended(victim) is not None, REAP_TIMEOUT_S[fault.type])
        ended = self._ended(victim)
        if ended is None:
            evidence = f"pid {victim.process_id} still runs {REAP_TIMEOUT_S[fault.type]:.0f} s after {wanted.name}"
        elif ended.exit.startswith("SIG"):
            evidence = f"pid {victim.process_id} reaped, killed by {ended.exit}"
        else:
            evidence = f"pid {victim.process_id} reaped after {wanted.name}, {ended.exit}"
        return Injection(
            fault=fault.type,
            server=victim.server,
            process_id=victim.process_id,
            signal=wanted.name,
            injected_s=injected_s,
            effective_s=math.nan if ended is None else ended.ended_s,
            effective=ended is not None and ended.exit in PROOFS[fault.type],
            evidence=evidence,
        )

    def _freeze(self, fault: Fault, victim: Victim) -> Injection:
        injected_s = self.control.signal(victim.server, signal.SIGSTOP, victim.process_id)
        frozen = _happens(lambda: is_frozen(victim.process_id), FREEZE_TIMEOUT_S)
        evidence = f"pid {victim.process_id} is {'stopped (state T)' if frozen else 'not stopped'}"
        effective_s = time.time() if frozen else math.nan
        return Injection(
            fault.type, victim.server, victim.process_id, "SIGSTOP", injected_s, effective_s, frozen, evidence
        )

    def thaw(self, victim: Victim) -> float:
        """Let a frozen victim go on and return when it did, epoch s. Raises ToolFailed when it stays stopped."""
        thawed_s = self.control.signal(victim.server, signal.SIGCONT, victim.process_id)
        if not _happens(lambda: not is_frozen(victim.process_id), FREEZE_TIMEOUT_S):
            raise ToolFailed(f"{victim.server} (pid {victim.process_id}) is stopped in spite of SIGCONT")
        return thawed_s

    def _ended(self, victim: Victim) -> ProcessStart | None:
        """Return the start of the victim's process if it has been reaped."""
        starts = self._status(victim.server).starts
        return next((s for s in reversed(starts) if s.process_id == victim.process_id and s.exit), None)

    def undo(self) -> UndoResult:
        """Thaw and start every server that does not run, without waiting for its restart, until the hub is whole.

        Idempotent: a hub that is whole is only looked at.
        """
        deadline_s = time.monotonic() + UNDO_TIMEOUT_S
        tried_s: dict[str, float] = {}
        for status in self.processes():
            if status.is_server and status.process_id and is_frozen(status.process_id):
                self.control.signal(status.name, signal.SIGCONT, status.process_id)
        while True:
            missing = self.missing()
            if not missing:
                did = f"started {', '.join(sorted(tried_s))}; " if tried_s else ""
                return UndoResult(True, f"{did}every server runs, every broker is registered, every ISR is full")
            if time.monotonic() > deadline_s:
                return UndoResult(False, f"after {UNDO_TIMEOUT_S:.0f} s: {missing}")
            self._start_what_is_down(tried_s)
            time.sleep(UNDO_POLL_S)

    def restarts(self) -> bool:
        """Tell whether a server that died is started again without an undo, by the rule this hub was started with."""
        return self.record.restart is not RestartRule.NONE

    def missing(self) -> str:
        """Return what keeps the hub from being whole, in words; "" when every server runs and every ISR is full."""
        servers = [status for status in self.processes() if status.is_server]
        down = [status.name for status in servers if not status.process_id]
        frozen = [status.name for status in servers if status.process_id and is_frozen(status.process_id)]
        try:
            registered = self.registered_brokers()
            absent = [f"kafka-{broker}" for broker in self.topology.kafka.broker_ids if broker not in registered]
            outlived = [f"kafka-{broker}" for broker in registered if self._outlived(broker)]
            behind = [
                label for label, state in self.partition_states().items() if set(state.isr) != set(state.replicas)
            ]
        except ToolFailed as error:
            return str(error)
        parts = [
            f"{', '.join(down)} not running" if down else "",
            f"{', '.join(frozen)} stopped by a signal" if frozen else "",
            f"{', '.join(absent)} not registered" if absent else "",
            f"{', '.join(sorted(outlived))} registered by a process that has ended" if outlived else "",
            f"{len(behind)} partitions lack in-sync replicas" if behind else "",
        ]
        return "; ".join(part for part in parts if part)

    def _start_what_is_down(self, tried_s: dict[str, float]) -> None:
        """Start every server that does not run; when each was tried is kept in `tried_s`."""
        try:
            registered = {f"kafka-{broker}" for broker in self.registered_brokers()}
        except ToolFailed:
            return
        for status in self.processes():
            # A broker whose old session lives would find its own id taken and exit (NodeExists).
            recently = time.monotonic() - tried_s.get(status.name, -math.inf) < UNDO_RETRY_S
            if status.is_server and not status.process_id and status.name not in registered and not recently:
                self.control.start(status.name)
                tried_s[status.name] = time.monotonic()

    def _outlived(self, broker: int) -> bool:
        """Tell whether a broker's registration is older than its process: a dead one's session still holds it."""
        registered_s = self.cluster.registered_s(broker)
        starts = self._status(f"kafka-{broker}").starts
        return registered_s is not None and bool(starts) and registered_s < starts[-1].started_s

    # --- questions

    def registered_brokers(self) -> frozenset[int]:
        """Return the broker ids registered now (ZooKeeper's /brokers/ids)."""
        return self.cluster.registered_brokers()

    def partition_states(self) -> Mapping[str, PartitionState]:
        """Return leader and in-sync replicas of every partition as the controller last told the brokers."""
        return self.cluster.partition_states()

    def controller(self) -> int:
        """Return the active controller's broker id, -1 if there is none."""
        return self.cluster.controller()

    def process_starts(self, server: str) -> tuple[ProcessStart, ...]:
        """Return every start of a server's process, oldest first."""
        return self._status(server).starts

    def zookeeper_leader(self) -> int:
        """Return the id of the ZooKeeper server that leads, -1 if unknown."""
        return self.cluster.zookeeper_leader()

    def zookeeper_of_broker(self) -> dict[int, int]:
        """Return which ZooKeeper server each broker's session is connected to, -1 if unknown."""
        return self.cluster.zookeeper_of_broker()

    def group_coordinator(self, group: str) -> int:
        """Return the broker that coordinates a consumer group, -1 if none does now."""
        return self.cluster.group_coordinator(group)

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


def _happens(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Look every REAP_POLL_S until a condition holds; tell whether it did in time."""
    deadline_s = time.monotonic() + timeout_s
    while not (holds := condition()) and time.monotonic() < deadline_s:
        time.sleep(REAP_POLL_S)
    return holds


def is_frozen(process_id: int) -> bool:
    """Tell whether the kernel has stopped a process (SIGSTOP)."""
    try:
        return bool(psutil.Process(process_id).status() == psutil.STATUS_STOPPED)
    except psutil.NoSuchProcess:
        return False
