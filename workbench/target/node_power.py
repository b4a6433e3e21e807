"""The power of a cluster's nodes, behind a port: what cuts it and gives it back need not be known to who asks.

A drill's record on the cluster keeps `address`, from which `workbench recover` finds the same power again.
"""

from __future__ import annotations

from typing import Protocol


class NodePower(Protocol):
    """Every method raises BadInput for an empty name or a node it does not have, ToolFailed when it fails."""

    @property
    def address(self) -> str:
        """Return by what another process finds this power again: "throwaway:3f9a1c"."""

    def power_off(self, node: str) -> float:
        """Take a node's power, as it is, nothing shut down; return the moment (epoch s). One that is off stays off."""

    def power_on(self, node: str) -> float:
        """Give a node its power; return the moment (epoch s). Idempotent: one that is on is left alone."""

    def is_on(self, node: str) -> bool:
        """Tell whether a node has power."""
