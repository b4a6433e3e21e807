"""Whether this machine is fit for a night of drills: no other hub, and memory and disk for the largest one."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import MachineTrouble
from workbench.scenario import Suite, find_scenario, read_with_hub
from workbench.target.local import machine
from workbench.target.local.ending import known_hubs
from workbench.topology.hub import HubTopology


def largest_hub(suite: Suite) -> HubTopology:
    """Return the hub of a suite's scenarios that takes the most memory. Raises BadInput for a wrong scenario."""
    hubs = [read_with_hub(find_scenario(name))[1] for name in suite.drills]
    return max(hubs, key=machine.memory_needed_bytes)


def check_fitness(topology: HubTopology, directory: Path) -> None:
    """Raise MachineTrouble when another hub is up, or memory, disk or the kernel will not do."""
    hubs = [hub.name for hub in known_hubs()]
    if hubs:
        raise MachineTrouble(
            f"hub {', '.join(hubs)} is up, its load would be measured as well: end it with `workbench hub down --all`"
        )
    machine.check(topology, directory)
