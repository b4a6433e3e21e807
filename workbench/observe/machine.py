"""Collector of this machine's own load: who computes how much, and whether a drill was disturbed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import psutil

from workbench.observe.collector import Collector

STEP_S: Final = 1.0


class MachineCollector(Collector):
    """CPU use of the whole machine and of each server, run queue and free memory, once a second."""

    name = "machine"

    def __init__(self, folder: Path, processes: Callable[[], Mapping[str, int]]) -> None:
        super().__init__(folder, STEP_S)
        self._processes = processes
        psutil.cpu_percent()

    def sample(self) -> dict[str, Any]:
        """Return use since the last sample (percent of all cores), steal, load average, free bytes and `cpu_s`.

        `cpu_s`: computing time (s) of each running process of the hub and its children since they started.
        """
        times = psutil.cpu_times_percent()
        return {
            "cpu_percent": psutil.cpu_percent(),
            "steal_percent": getattr(times, "steal", 0.0),
            "load_average_1m": psutil.getloadavg()[0],
            "memory_available_bytes": psutil.virtual_memory().available,
            "cpu_s": self._cpu_s(),
        }

    def _cpu_s(self) -> dict[str, float]:
        """Return each process's computing time by name, its children's included: Postgres works in children."""
        own: dict[int, float] = {}
        children: dict[int, list[int]] = {}
        for process in psutil.process_iter(["ppid", "cpu_times"]):
            times = process.info["cpu_times"]
            own[process.pid] = times.user + times.system if times else 0.0
            children.setdefault(process.info["ppid"], []).append(process.pid)
        return {
            name: round(_with_children(process_id, own, children), 3)
            for name, process_id in self._processes().items()
            if process_id in own
        }


def _with_children(process_id: int, own: dict[int, float], children: dict[int, list[int]]) -> float:
    return own[process_id] + sum(_with_children(child, own, children) for child in children.get(process_id, ()))
