"""Collector of the ZooKeeper ensemble: who leads, who serves, and which server holds each broker's session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.metrics.catalogue import POLL_S
from workbench.observe.collector import Collector
from workbench.target.port import Target


class EnsembleCollector(Collector):
    """Asks each server by itself, so it sees as well when there is no quorum."""

    name = "zookeeper"

    def __init__(self, folder: Path, target: Target) -> None:
        super().__init__(folder, POLL_S)
        self._target = target

    def sample(self) -> dict[str, Any]:
        """Return the leader (-1: none), the serving servers, and the server of each broker's session (-1: none)."""
        ensemble = self._target.ensemble()
        return {
            "leader": ensemble.leader,
            "serving": list(ensemble.serving),
            "server_of_broker": {str(broker): server for broker, server in ensemble.server_of_broker.items()},
        }
