"""Starts, windows and stops the load of one drill: Locust, its workers and the canary, under the supervisor."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Final

import numpy as np

from workbench.drill.steady import Window
from workbench.errors import ToolFailed
from workbench.fault import Fault, Part
from workbench.load.plan import START_LEAD_S, LoadPlan, commands, write_stop
from workbench.load.reads import write_reads_summary
from workbench.load.summary import LoadSummary, summarize
from workbench.records.folder import RunFolder, dump_json
from workbench.records.load_burst import read_burst
from workbench.target.port import DrillHub
from workbench.workload import BURST_FACTOR, BURST_S, CANARY_WRITES_PER_S, Workload

WORKERS: Final = 2
STOP_MAX_S: Final = 90.0  # the clients flush for at most 60 s
POLL_S: Final = 0.1
STOP_LEAD_S: Final = 1.0


class LoadControl:
    """The load of one drill. Times are epoch seconds."""

    def __init__(
        self,
        hub: DrillHub,
        workload: Workload,
        fault: Fault,
        seed: int,
        folder: RunFolder,
        horizon_s: float,
        first_sequence: int = 0,
    ) -> None:
        self._hub = hub
        self._folder = folder
        partitions = {topic.name: topic.partitions for topic in hub.topology.topics}
        self.start_s = time.time() + START_LEAD_S
        self.stop_s: float | None = None
        self.canary_per_s = CANARY_WRITES_PER_S * sum(partitions.values())
        self.plan = LoadPlan(
            client=hub.endpoints.kafka_client,
            partitions=partitions,
            workload=workload,
            seed=seed,
            start_s=self.start_s,
            horizon_s=horizon_s,
            workers=WORKERS,
            ledger=folder.ledger,
            load=folder.load,
            calibration_burst=True,
            burst_factor=fault.factor,
            burst_s=fault.for_s if fault.part is Part.LOAD else 0.0,
            gateway_url=hub.endpoints.gateway_url,
            first_sequence=first_sequence,
        )
        self._names: list[str] = []

    def start(self) -> None:
        """Launch every load process; they begin to send at `start_s`."""
        path = self._folder.load / "plan.json"
        self.plan.write(path)
        for name, argv, environment in commands(path, self._hub.endpoints.gateway_secret):
            self._hub.launch(name, argv, environment=environment, stdout=self._folder.load / f"{name}.log")
            self._names.append(name)

    def planned_per_s(self) -> float:
        """Return the rate planned for now, devices and canary, events/s; 0 before the start."""
        elapsed_s = time.time() - self.start_s
        if elapsed_s < 0:
            return 0.0
        factor = BURST_FACTOR if elapsed_s < BURST_S else 1.0
        asked = read_burst(self.plan.load)
        factor *= self.plan.burst_factor if asked.begin_s <= time.time() < asked.end_s else 1.0
        return factor * float(self.plan.workload.profile.rate_at(np.array([elapsed_s]))[0]) + self.canary_per_s

    def check_alive(self) -> None:
        """Raise ToolFailed when a load process has ended before it was asked to."""
        for name in self._names:
            if not self._hub.running(name):
                raise ToolFailed(f"{name} ended early: see {self._folder.load / (name + '.log')}")

    def stop(self) -> float:
        """Ask the load to stop, wait until its processes have ended, return when the last event was intended.

        Raises ToolFailed when they do not end in time.
        """
        if self.stop_s is None:
            self.stop_s = time.time() + STOP_LEAD_S
            write_stop(self._folder.load, self.stop_s)
        deadline_s = time.monotonic() + STOP_MAX_S
        while any(self._hub.running(name) for name in self._names):
            if time.monotonic() > deadline_s:
                raise ToolFailed(f"the load did not end within {STOP_MAX_S:.0f} s")
            time.sleep(POLL_S)
        return self.stop_s

    def window(self, start_s: float, end_s: float) -> Window:
        """Return what became of the events intended in a window that has passed."""
        summary = self.summary((start_s, end_s))
        both = (summary.devices, summary.canary)
        return Window(sum(c.planned for c in both), sum(c.ok for c in both), sum(c.failed for c in both))

    def summary(self, window: tuple[float, float] | None = None) -> LoadSummary:
        """Return the books of the whole load or of one window (epoch seconds)."""
        return summarize(self._folder, self.plan, window)

    def write_summary(self, baseline: tuple[float, float]) -> LoadSummary:
        """Write load/summary.json (whole load, and the baseline's window) and return the whole load's books.

        Readers, if there are any, get load/readers.json.
        """
        whole = self.summary()
        if self.plan.workload.readers:
            write_reads_summary(self._folder, self.plan)
        content = {"whole": asdict(whole), "baseline": asdict(self.summary(baseline))}
        (self._folder.load / "summary.json").write_bytes(dump_json(content))
        return whole
