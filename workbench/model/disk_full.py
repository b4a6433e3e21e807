"""A broker whose disk is full: it halts by itself, and no new process of it starts until there is room again.

Kafka 3.7.1: an append that fails (IOException) makes its log directory offline, and a broker without another one halts
with exit 1 (ReplicaManager.handleLogDirFailure, LogManager.handleLogDirFailure, Exit.halt). Nothing is closed in good
order: its sockets are reset and its ZooKeeper session lives on until it lapses, as after a SIGKILL. A new process loads
its logs before it registers (KafkaServer.startup) and fails in doing so, since recovery writes indices and checkpoints;
the restart rule's waits grow with every failure, so the broker comes back with the first start after there is room.

Left out: a disk that fills up slowly (the fault fills it at once), several log directories, and a start that is under
way while room is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.fault import FaultType
from workbench.model.parameter import Parameter, Source, prior, triangular
from workbench.model.world import Steps, World

if TYPE_CHECKING:  # a prediction's subprocesses import this package: they need neither YAML nor pydantic
    from workbench.scenario.drill_scenario import Scenario


def full_disk(scenario: Scenario, *, kraft: bool) -> dict[str, Parameter]:
    """Return what a prediction of a full disk knows and draws beside what every broker's loss does; none for others."""
    fault = scenario.faults[0]
    if fault.type is not FaultType.DISK_FULL:
        return {}
    found = {
        "disk_full_s": Parameter(fault.for_s, "s", Source.SCENARIO, f"{scenario.path.name} faults[0].for_s"),
        "disk_halt_s": prior(
            triangular(0.02, 0.15, 0.6),
            "s",
            "a broker by itself, eight partitions with 50 events/s of 400 bytes each (measured, once): below 0.6 s; "
            "each log's last page has room for a few events more",
            "from a full disk to the process gone",
        ),
    }
    if not kraft:
        return found
    exits_s = prior(triangular(0.2, 0.4, 1.5), "s", "as after a failed registration", "the end of a start that fails")
    return {**found, "disk_exit_s": exits_s}


def halts(world: World) -> Steps:
    """Note when the broker with the full disk is gone: from then on it is a broker's loss."""
    yield world.env.timeout(world.draws["disk_halt_s"])
    world.note("change_begins")
