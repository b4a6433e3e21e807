"""The power of a throwaway cluster's nodes."""

from __future__ import annotations

import time
from typing import Final

from workbench.errors import BadInput
from workbench.target.throwaway import cluster as throwaway
from workbench.target.throwaway.cluster import Cluster
from workbench.target.throwaway.layout import Node

SCHEME: Final = "throwaway"


class ThrowawayPower:
    """Reads the cluster's record anew each time: another process may have changed what has power."""

    def __init__(self, cluster_id: str) -> None:
        self._cluster_id = cluster_id

    @property
    def address(self) -> str:
        """Return by what another process finds this power again."""
        return f"{SCHEME}:{self._cluster_id}"

    def power_off(self, node: str) -> float:
        """Cut a node's cable and end all of its processes; return the moment of the cut (epoch s)."""
        cluster, wanted = self._found(node)
        return cluster.power_off(wanted) if cluster.has_power(wanted) else time.time()

    def power_on(self, node: str) -> float:
        """Boot a node from its disk; return the moment of the start (epoch s). One that is on is left alone."""
        cluster, wanted = self._found(node)
        if cluster.has_power(wanted):
            if cluster.has_cable(wanted):
                return time.time()
            cluster.power_off(wanted)  # whoever did it before was ended between two steps
        return cluster.power_on(wanted)

    def is_on(self, node: str) -> bool:
        """Tell whether a node's processes run and its cable is plugged in."""
        cluster, wanted = self._found(node)
        return cluster.has_power(wanted) and cluster.has_cable(wanted)

    def _found(self, node: str) -> tuple[Cluster, Node]:
        if not node:
            raise BadInput("no name of the node whose power is meant")
        cluster = throwaway.find(self._cluster_id)
        return cluster, cluster.node(node)
