"""Collector of the stores' doors: whether Postgres takes writes, with how many standbys, and whether Redis answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.metrics.catalogue import POLL_S
from workbench.observe.collector import Collector
from workbench.target.port import Target


class StoreCollector(Collector):
    """A refused connection is an answer here: the store is away. It leaves no blind sample."""

    name = "stores"

    def __init__(self, folder: Path, target: Target) -> None:
        super().__init__(folder, POLL_S)
        self._target = target

    def sample(self) -> dict[str, Any]:
        """Return the number of standbys, None while the primary takes no writes, and whether Redis answers."""
        return {"standbys": self._target.standbys(), "redis": self._target.redis_answers()}
