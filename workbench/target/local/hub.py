"""LocalHub: an embedded hub that is up, behind the target's port."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

from workbench.errors import BadInput, ToolFailed
from workbench.fault import SIGNAL_NAMES, FailoverRule, Fault, FaultType, RestartRule
from workbench.target import victims
from workbench.target.clients.asked import AskedHub
from workbench.target.clients.kafka import KafkaReader
from workbench.target.local import injection, kubegres_steps, servers, wholeness
from workbench.target.local import small_disk as disk
from workbench.target.local.processes import ServerStatus
from workbench.target.local.record import HubRecord
from workbench.target.local.supervised import Supervised
from workbench.target.port import (
    Injection,
    ProcessStart,
    TargetDescription,
    UndoResult,
    Victim,
)

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


class LocalHub(AskedHub, Supervised):
    """An embedded hub that is up: its servers run under its supervisor as well."""

    def __init__(
        self, directory: Path, hub_record: HubRecord, supervisor: subprocess.Popen[bytes] | None, *, owned: bool
    ) -> None:
        Supervised.__init__(self, directory, supervisor, owned=owned)
        AskedHub.__init__(self, hub_record.topology, hub_record.endpoints, KafkaReader(hub_record.ports.addresses))
        self.record = hub_record

    # --- who it is

    @property
    def target(self) -> str:
        """Return the target's name."""
        return "local"

    @property
    def undo_timeout_s(self) -> float:
        """Return after how long an undo says that it could not be verified."""
        return wholeness.UNDO_TIMEOUT_S

    @property
    def was_up(self) -> bool:
        """Tell that a drill starts it itself."""
        return False

    @property
    def failover(self) -> FailoverRule:
        """Return what happens when the Postgres primary died."""
        return self.record.failover

    def primary(self) -> str:
        """Return the instance that takes writes now: after a fail-over it is another than at the start."""
        primary = self.doors.primary()
        port = 0 if primary is None else primary.port
        return next((f"postgres-{number}" for number, at in self.record.ports.postgres.items() if at == port), "")

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
        victim = victims.resolve(self, fault)
        if fault.type is FaultType.DISK_FULL:
            self.small_disk(victim.server)
        return victim

    def inject(self, fault: Fault, victim: Victim) -> Injection:
        """Do the fault to exactly that process and wait, bounded, for its proof."""
        return injection.inject(self, fault, victim)

    def thaw(self, victim: Victim) -> float:
        """Let a frozen victim go on and return when it did, epoch s. Raises ToolFailed when it stays stopped."""
        return injection.thaw(self, victim)

    def power_on(self, victim: Victim) -> float:
        """End a silent node's servers, which start anew, and return when (epoch s). Raises ToolFailed likewise."""
        return injection.power_on(self, victim)

    def heal(self, victim: Victim) -> float:
        """Refuse: nothing is cut off on this target, whose servers share one loopback device."""
        raise ToolFailed(f"{victim.server} was not cut off: the target local cuts nobody off")

    def small_disk(self, server: str) -> Path:
        """Return a broker's small disk, as it is seen from here. Raises BadInput where it has none of its own."""
        data = servers.broker_data(self.directory, server)
        found = disk.seen_from_outside(self.control.supervisor(), data)
        if not disk.is_small_disk(found):
            raise BadInput(f"{server} has no small disk that could be filled: a hub gets one when a drill starts it")
        return found

    def free_disk(self, victim: Victim) -> float:
        """Free a full disk and return when that was, epoch s."""
        return disk.free(self.small_disk(victim.server))

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

    def process_starts(self, server: str) -> tuple[ProcessStart, ...]:
        """Return every start of a server's process, oldest first."""
        return self._status(server).starts

    def partitions_of_processor(self) -> dict[str, int]:
        """Return which event processor (index) holds each partition, by "topic-partition"."""
        members = self.kafka.members(self.topology.processors.consumer_group)
        return {label: int(each.client_id.rpartition("-")[2]) for each in members for label in each.partitions}

    # --- processes

    def machine_processes(self) -> Mapping[str, int]:
        """Return the id of each process that runs now, by its name."""
        return {status.name: status.process_id for status in self.processes() if status.process_id}

    def processes(self) -> list[ServerStatus]:
        """Return every server, application and helper, in the order of their first starts."""
        return self.control.processes()
