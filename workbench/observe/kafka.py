"""Collectors of Kafka's control state: registered brokers, leaders and in-sync replicas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.metrics.catalogue import POLL_S
from workbench.observe.collector import Collector
from workbench.target.port import Target


class BrokerCollector(Collector):
    """Which broker ids are registered: in ZooKeeper, or with the KRaft controllers and not fenced."""

    name = "brokers"

    def __init__(self, folder: Path, target: Target) -> None:
        super().__init__(folder, POLL_S)
        self._target = target

    def sample(self) -> dict[str, Any]:
        """Return the registered ids, ascending."""
        return {"registered": sorted(self._target.registered_brokers())}


class PartitionCollector(Collector):
    """Leader of every partition of the hub's topics, and how many in-sync replica sets are short.

    `below` counts the topics' partitions with fewer than min.insync.replicas.

    `leaders` maps the topics' labels only (internal topics are counted in `short` and `led_by`, so that
    full redundancy means all of the cluster).
    """

    name = "partitions"

    def __init__(self, folder: Path, target: Target) -> None:
        super().__init__(folder, POLL_S)
        self._target = target
        self._labels = frozenset(target.topology.partition_labels)
        self._least = {
            f"{topic.name}-{index}": topic.min_insync_replicas
            for topic in target.topology.topics
            for index in range(topic.partitions)
        }
        self._previous: dict[str, int] = {}

    def sample(self) -> dict[str, Any]:
        """Return counts over all partitions and, when they changed, the leaders."""
        states = self._target.partition_states()
        led_by: dict[str, int] = {}
        for state in states.values():
            led_by[str(state.leader)] = led_by.get(str(state.leader), 0) + 1
        short = sum(1 for state in states.values() if set(state.isr) != set(state.replicas))
        leaders = {label: state.leader for label, state in states.items() if label in self._labels}
        below = sum(1 for label, least in self._least.items() if label in states and len(states[label].isr) < least)
        values: dict[str, Any] = {"partitions": len(states), "short": short, "below": below, "led_by": led_by}
        if leaders != self._previous:
            values["leaders"] = leaders
            self._previous = leaders
        return values
