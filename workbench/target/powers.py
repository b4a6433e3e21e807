"""Which power an address means: "throwaway:3f9a1c" is that of a throwaway cluster, "ssh:FILE" of real machines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from workbench.errors import BadInput
from workbench.target import ssh_power
from workbench.target.node_power import NodePower
from workbench.target.throwaway import power as throwaway_power

POWERS: Final[Mapping[str, Callable[[str], NodePower]]] = {
    throwaway_power.SCHEME: throwaway_power.ThrowawayPower,
    ssh_power.SCHEME: ssh_power.ssh_power,
}


def find_power(address: str) -> NodePower:
    """Return the power that an address names. Raises BadInput for one of an unknown kind."""
    scheme, _, rest = address.partition(":")
    if scheme not in POWERS or not rest:
        raise BadInput(
            f"no power of nodes is known by {address!r}: one of {', '.join(f'{each}:...' for each in POWERS)}"
        )
    return POWERS[scheme](rest)
