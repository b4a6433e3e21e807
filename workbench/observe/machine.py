"""Collector of this machine's own load, so that a disturbed drill can be recognised."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import psutil

from workbench.observe.collector import Collector

STEP_S: Final = 1.0


class MachineCollector(Collector):
    """CPU use of the whole machine, run queue and free memory, once a second."""

    name = "machine"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, STEP_S)
        psutil.cpu_percent()

    def sample(self) -> dict[str, Any]:
        """Return use since the last sample (percent of all cores), steal, load average and free bytes."""
        times = psutil.cpu_times_percent()
        return {
            "cpu_percent": psutil.cpu_percent(),
            "steal_percent": getattr(times, "steal", 0.0),
            "load_average_1m": psutil.getloadavg()[0],
            "memory_available_bytes": psutil.virtual_memory().available,
        }
