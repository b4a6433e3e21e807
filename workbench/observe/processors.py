"""Collector of the event processors' own Prometheus metrics."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from workbench.errors import ToolFailed
from workbench.observe.collector import Collector

STEP_S: Final = 0.25
TIMEOUT_S: Final = 1.0

# metric name in the processors' exposition -> key of a sample
SUMMED: Final = {
    "hub_processor_events_total": "events",
    "hub_processor_batches_total": "batches",
    "hub_processor_batch_database_seconds_total": "batch_database_s",
    "hub_processor_batch_seconds_total": "batch_total_s",
    "hub_processor_consumer_lag_records": "lag_records",
    "hub_processor_reconnects_total": "reconnects",
}


class ProcessorCollector(Collector):
    """Sums of the processors' counters; `processors` holds each one's events."""

    name = "processors"

    def __init__(self, folder: Path, urls: Sequence[str]) -> None:
        super().__init__(folder, STEP_S)
        self._urls = tuple(urls)

    def sample(self) -> dict[str, Any]:
        """Return the sums over all processors. Raises ToolFailed when one does not answer."""
        sums = dict.fromkeys(SUMMED.values(), 0.0)
        events = []
        for url in self._urls:
            values = scrape(url)
            for key, value in values.items():
                sums[key] += value
            events.append(values.get("events", 0.0))
        return {**sums, "processors": events}


def scrape(url: str) -> dict[str, float]:
    """Return one processor's metrics of SUMMED, added over labels. Raises ToolFailed."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
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
