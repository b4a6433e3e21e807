"""The live picture of a drill: what the collectors and the producers' logs say right now."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import Any, Final

import numpy as np

from workbench.fault import Part
from workbench.load.live import LiveCounts, LiveView
from workbench.observe.collector import Collector
from workbench.observe.ensemble import EnsembleCollector
from workbench.observe.kafka import BrokerCollector, PartitionCollector
from workbench.observe.machine import MachineCollector
from workbench.observe.moments import seen
from workbench.observe.processors import ProcessorCollector
from workbench.observe.stores import StoreCollector
from workbench.records.samples import read_samples
from workbench.target.port import DrillHub

HISTORY_MAX: Final = 10_000  # backlog looks kept: forty minutes at four a second


def probes(part: Part) -> tuple[str, ...]:
    """Return the names of the collectors that must not be blind in a drill of a part's loss.

    Asking costs the stores something, so they are asked only where they are the question.
    """
    more: dict[Part, tuple[str, ...]] = {
        Part.POSTGRES: ("brokers", "stores"),
        Part.POSTGRES_FAILOVER: ("brokers", "stores"),
        Part.POSTGRES_BACKEND: ("brokers", "stores"),
        Part.REDIS: ("brokers", "stores"),
        Part.ZOOKEEPER: ("zookeeper",),  # which brokers are registered only ZooKeeper can tell
        Part.CONTROLLER: ("zookeeper",),  # the same of the controllers
        Part.NODE: ("brokers", "stores", "zookeeper"),
        Part.QUORUM: ("zookeeper",),  # as there
        Part.FROZEN_NODE: ("brokers", "zookeeper"),
        Part.DARK_NODE: ("brokers", "stores", "zookeeper"),
    }
    return ("partitions", "processors", *more.get(part, ("brokers",)))


def collected(part: Part) -> tuple[str, ...]:
    """Return the names of all collectors in a drill of a part's loss, with those that may be blind for a while."""
    return (*probes(part), *(("brokers",) if part is Part.QUORUM else ()))


class Live:
    """Starts the collectors and answers the conductor's questions from their latest samples."""

    def __init__(self, hub: DrillHub, part: Part, observed: Path, ledger: Path) -> None:
        self._brokers = BrokerCollector(observed, hub)
        self._partitions = PartitionCollector(observed, hub)
        partitions = len(hub.topology.partition_labels)
        self._processors = ProcessorCollector(observed, hub.endpoints.processor_metrics, partitions)
        self._stores = StoreCollector(observed, hub)
        self._machine = MachineCollector(observed, hub.machine_processes)
        self._ensemble = EnsembleCollector(observed, hub)
        collectors = (self._brokers, self._partitions, self._processors, self._stores, self._ensemble)
        self._collectors: list[Collector] = [each for each in collectors if each.name in collected(part)]
        self._collectors.append(self._machine)
        self._counts = LiveCounts(ledger)
        self._view = LiveView(0, 0, 0, 0.0)
        self._committed_before: float | None = None  # what the processors had counted when no event was sent yet
        self._running: list[Collector] = []
        self._backlog: deque[tuple[float, float]] = deque(maxlen=HISTORY_MAX)

    def start(self) -> None:
        """Start every collector."""
        for collector in self._collectors:
            collector.start()
            self._running.append(collector)

    def stop(self) -> None:
        """Stop every collector; raises what ended one early."""
        while self._running:
            self._running.pop().stop()

    def look(self) -> LiveView:
        """Return the producers' counts, read up to now; remembers the backlog seen with them."""
        self._view = self._counts.look()
        if self._committed_before is None and not self._view.sent:
            self._committed_before = _latest(self._processors).get("events")
        self._backlog.append((time.time(), self.backlog_events()))
        return self._view

    def backlog_since(self, start_s: float) -> list[tuple[float, float]]:
        """Return the looks at the backlog since an epoch time: (time, events)."""
        return [look for look in self._backlog if look[0] >= start_s]

    def calm_backlog(self, start_s: float, end_s: float) -> tuple[float, float]:
        """Return the upper quartile and the 99th percentile of the backlog as seen in a calm window, events."""
        looks = [events for t_s, events in self._backlog if start_s <= t_s < end_s]
        upper, highest = np.percentile(looks, [75.0, 99.0]) if looks else (0.0, 0.0)
        return float(upper), float(highest)

    def lag_records(self) -> float:
        """Return the processors' latest consumer lag, 0 before the first sample."""
        return float(_latest(self._processors).get("lag_records", 0.0))

    def backlog_events(self) -> float:
        """Return about how many sent events are not committed yet.

        Device and canary events alike, late by a flush of the logs and a scrape: for the eye and for the
        decision to stop watching. The exact backlog comes from ledger and commit stamps afterwards.
        """
        committed = float(_latest(self._processors).get("events", 0.0)) - (self._committed_before or 0.0)
        return max(0.0, self._view.sent - committed)

    def registered(self, broker: int) -> bool:
        """Tell whether a broker was registered at the latest sample."""
        return broker in _latest(self._brokers).get("registered", ())

    def short_partitions(self) -> int:
        """Return how many in-sync replica sets are short at the latest sample; 1 before the first one."""
        return int(_latest(self._partitions).get("short", 1))

    def short_since(self, start_s: float) -> int:
        """Return the most in-sync replica sets that were short at any sample since an epoch time."""
        samples = seen(read_samples(self._partitions.path))
        return max((int(sample["short"]) for sample in samples if sample["t"] >= start_s), default=1)

    def assigned_partitions(self, asked_after_s: float) -> int:
        """Return how many partitions the processors held when last asked after an epoch time; 0 if not asked since."""
        return int(_asked_after(self._processors, asked_after_s).get("assigned", 0))

    def standbys(self, asked_after_s: float) -> int | None:
        """Return how many standbys a primary that takes writes had then; None if there was none or nobody asked."""
        return _asked_after(self._stores, asked_after_s).get("standbys")

    def redis_answers(self, asked_after_s: float) -> bool:
        """Tell whether Redis answered when it was last asked after an epoch time."""
        return bool(_asked_after(self._stores, asked_after_s).get("redis", False))

    def pending_states(self, asked_after_s: float) -> int:
        """Return how many device states Redis had yet to take when last asked after an epoch time; 1 if not asked."""
        return int(_asked_after(self._processors, asked_after_s).get("pending", 1))

    def zookeeper(self, asked_after_s: float) -> dict[str, Any]:
        """Return the latest sample of the ZooKeeper ensemble asked for after an epoch time; empty if there is none."""
        return _asked_after(self._ensemble, asked_after_s)

    def led_by(self, broker: int) -> int:
        """Return how many partitions a broker leads at the latest sample (-1: led by nobody)."""
        return int(_latest(self._partitions).get("led_by", {}).get(str(broker), 0))


def _asked_after(collector: Collector, epoch_s: float) -> dict[str, Any]:
    latest = _latest(collector)
    return latest if latest.get("asked", 0.0) >= epoch_s else {}


def _latest(collector: Collector) -> dict[str, Any]:
    if collector.failure is not None:
        raise collector.failure
    return collector.latest or {}
