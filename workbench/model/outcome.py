"""What one replication's control events come to: the moments that observers see, and what they do to the traffic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.engine import EVEN, NEVER, Disturbance, Outage, Pace
from workbench.metrics.tables import NAN, IntArray, Moments
from workbench.model.world import Setting


@dataclass(frozen=True)
class Course:
    """What happened to the hub, and what that does to the traffic; the moments as the observers see them."""

    moments: Moments  # without baseline and load end
    disturbance: Disturbance
    resumed_s: float  # when the last that comes back to work does: a partition for every client, or a processor
    awaited_s: tuple[float, ...]  # what the drill waits for beside the backlog; NaN if that never comes
    redis_serves_s: float = NAN  # again, where it was away; not as an observer sees it
    gathered_s: float | None = None  # seconds' worth of the usual traffic that waits then; None: all since the fault
    rows_lost_s: float = 0.0  # rows committed so shortly before the fault are lost with the primary


def kafka_goes_on(setting: Setting, outage: Outage | None = None, pace: Pace = EVEN) -> Disturbance:
    """Return the disturbance of a fault that Kafka and its producers do not notice."""
    clients, partitions = len(setting.producers), len(setting.leaders)
    return Disturbance(
        begins_s=np.zeros(partitions),
        held_until_s=np.full((clients, partitions), NEVER),
        connection=np.zeros((clients, partitions), np.int64),
        head_until_s=np.full((clients, partitions), NEVER),
        visible_from_s=np.full(partitions, NEVER),
        fetchable_from_s=np.full(partitions, NEVER),
        tail_from_s=np.full(partitions, np.inf),
        processor=np.array(setting.processors_of_partition, dtype=np.int64),
        pace=pace,
        outage=outage,
    )


def connections(setting: Setting, leaders: Sequence[int] | IntArray) -> IntArray:
    """Return which connection carries each client's requests to each partition: one a client and leader.

    (clients, partitions). A leader that is not known counts as the first broker.
    """
    places = {broker: index for index, broker in enumerate(setting.brokers)}
    lines = np.array([places.get(int(leader), 0) for leader in leaders], dtype=np.int64)
    clients = np.arange(len(setting.producers), dtype=np.int64)[:, None]
    return clients * len(setting.brokers) + lines


def polled_s(at_s: float, step_s: float, phase_s: float) -> float:
    """Return when an observer that looks every `step_s` first sees what came true at `at_s`; NaN stays NaN."""
    return float(at_s + (phase_s - at_s) % step_s)


def turns(setting: Setting, share: float) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return in which order the partitions' first records arrive after an outage: broker by broker, each in a ring.

    A broker answers one fetch for all of a consumer's partitions, one after another (librdkafka rd_kafka_broker
    .c rd_kafka_broker_fetch_toppars, which moves the first of the ring each time); `share` of the ring has passed.
    """
    brokers = list(setting.brokers)
    first_broker = int(share * len(brokers)) % len(brokers)
    count = len(setting.leaders)
    first = int(share * count * len(brokers)) % count
    keys = [
        ((brokers.index(leader) - first_broker) % len(brokers) if leader in brokers else 0, (index - first) % count)
        for index, leader in enumerate(setting.leaders)
    ]
    places = np.empty(count, np.int64)
    places[sorted(range(count), key=keys.__getitem__)] = np.arange(count)
    return places
