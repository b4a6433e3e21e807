"""Collector of the event processors' own Prometheus metrics."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from workbench.errors import ToolFailed
from workbench.metrics.catalogue import PROCESSORS_POLL_S, PROCESSORS_TIMEOUT_S
from workbench.observe.collector import Collector

# metric name in the processors' exposition -> key of a sample
SUMMED: Final = {
    "hub_processor_events_total": "events",
    "hub_processor_batches_total": "batches",
    "hub_processor_batch_database_seconds_total": "batch_database_s",
    "hub_processor_batch_seconds_total": "batch_total_s",
    "hub_processor_reconnects_total": "reconnects",
    "hub_processor_consumer_lag_records": "lag_records",
    "hub_processor_assigned_partitions": "assigned",
    "hub_processor_state_pending": "pending",
}
GAUGES: Final = frozenset({"lag_records", "assigned", "pending"})


class ProcessorCollector(Collector):
    """Sums of the processors' counters and gauges; `processors` holds each one's events.

    A counter that starts again with its process goes on from where it was. `lag_records` is there only while every
    partition is somebody's: nobody knows the lag of the others.
    """

    name = "processors"

    def __init__(self, folder: Path, urls: Sequence[str], partitions: int) -> None:
        super().__init__(folder, PROCESSORS_POLL_S)
        self._counters = {url: Counters() for url in urls}
        self._partitions = partitions

    def sample(self) -> dict[str, Any]:
        """Return the sums over all processors. Raises ToolFailed when none of them answers."""
        problems = []
        gauges = dict.fromkeys(GAUGES, 0.0)
        for url, counters in self._counters.items():
            try:
                values = scrape(url)
            except ToolFailed as problem:
                problems.append(str(problem))
                continue
            counters.see({key: value for key, value in values.items() if key not in GAUGES})
            for key in GAUGES:
                gauges[key] += values.get(key, 0.0)
        if len(problems) == len(self._counters):
            raise ToolFailed("; ".join(problems))
        if gauges["assigned"] != self._partitions:
            gauges.pop("lag_records")
        each = [counters.totals() for counters in self._counters.values()]
        sums = {key: sum(totals.get(key, 0.0) for totals in each) for key in SUMMED.values() if key not in GAUGES}
        return {**sums, **gauges, "processors": [totals.get("events", 0.0) for totals in each]}


class Counters:
    """One process's counters, by name, which start at 0 again when it does."""

    def __init__(self) -> None:
        self._before: dict[str, float] = {}  # of its earlier processes
        self._latest: dict[str, float] = {}

    def see(self, values: Mapping[str, float]) -> None:
        """Take the latest values; one that is lower than before is a new process's."""
        for key, value in values.items():
            if value < self._latest.get(key, 0.0):
                self._before[key] = self._before.get(key, 0.0) + self._latest[key]
            self._latest[key] = value

    def totals(self) -> dict[str, float]:
        """Return the counters over all its processes."""
        return {key: value + self._before.get(key, 0.0) for key, value in self._latest.items()}


def scrape(url: str) -> dict[str, float]:
    """Return one processor's metrics of SUMMED, added over labels. Raises ToolFailed."""
    try:
        with urllib.request.urlopen(url, timeout=PROCESSORS_TIMEOUT_S) as answer:
            text = answer.read().decode()
    except (urllib.error.URLError, OSError) as error:
        raise ToolFailed(f"processor metrics at {url}: {error}") from error
    values: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in SUMMED:
                key = SUMMED[sample.name]
                values[key] = values.get(key, 0.0) + sample.value
    return values
