"""At which rate a path of a hub saturates whose servers all share one machine's cores, and what saturates there.

A consumer (an event processor, or a connection that writes rows) works in a cycle: it computes, or its database
session does, and in between it waits for a disk or an answer. Saturated, it always has a full batch in hand, so it
is a thread that always wants to run, beside short tasks: brokers, standbys, the load's own program. How fast it gets on
beside them is processor sharing (cores.py); its rate and their use of the cores depend on each other, and the rate
where both agree is found by bisection. Without consumers a path saturates where no core is left (utilization law,
Denning and Buzen 1978).

Busy cores slow each other down where they share caches and execution units: work takes `full_factor` times as long
when all of them are busy, and in between by the share of time in which the others are.

Left out: disks and networks that saturate before the cores do, checkpoints, the client's smaller batches' cost where
answers are late (batches then grow beyond the linger), garbage collection beyond its mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from workbench.errors import BadInput
from workbench.metrics.tables import FloatArray
from workbench.model.cores import session_speed

LINGER_S: Final = 0.005  # queue.buffering.max.ms of librdkafka 2 (CONFIGURATION.md)
CORES_FULL: Final = 0.95  # of all cores busy: then it is they that are saturated
RATE_MAX_PER_S: Final = 1e7
HALVINGS: Final = 60


class LoadedPath(StrEnum):
    """What is loaded."""

    KAFKA = "kafka"  # records, acks=all, into a topic that nobody consumes
    POSTGRES = "postgres"  # encrypted rows, full batches over some connections
    PIPELINE = "pipeline"  # events from the client to the committed row


class Resource(StrEnum):
    """What saturates."""

    CORES = "cores"
    PROCESSOR = "event processor"
    CONNECTION = "Postgres connection"


@dataclass(frozen=True)
class SetUp:
    """One configuration. `consumers`: event processors, connections; 0 for Kafka alone."""

    path: LoadedPath
    consumers: int
    event_bytes: int

    def check(self) -> None:
        """Raise BadInput for a path without its consumers."""
        needed = 0 if self.path is LoadedPath.KAFKA else 1
        if self.consumers < needed:
            raise BadInput(f"path {self.path} needs at least {needed} consumer, not {self.consumers}")


@dataclass(frozen=True)
class SizeDemands:
    """What an event of one size takes, on an otherwise idle machine: computing time (s), or waiting (s)."""

    event_bytes: int
    produce_s: float  # of the source and all brokers, beside what a batch takes
    follow_s: float  # what comes after and nobody waits for: fetches, standbys
    cycle_s: float  # an event processor, its database session and Redis, one after another
    cycle_wait_s: float  # of the cycle, without computing
    row_s: float  # a connection that writes rows, and its session
    row_wait_s: float
    row_follow_s: float  # standbys


@dataclass(frozen=True)
class Demands:
    """One machine's. `shares`: of each partition in the events that the pipeline gets, summing to 1."""

    cores: int
    full_factor: float
    base_cores: float  # busy while nothing is offered
    batch_s: float  # of the source and all brokers, a client's batch
    shares: tuple[float, ...]
    sizes: tuple[SizeDemands, ...]

    def of_size(self, event_bytes: int) -> SizeDemands:
        """Return the demands of a size: measured, or on the line through the two nearest measured ones."""
        known = sorted(self.sizes, key=lambda each: abs(each.event_bytes - event_bytes))[:2]
        if known[0].event_bytes == event_bytes or len(known) == 1:
            return known[0]
        near, far = known
        share = (event_bytes - near.event_bytes) / (far.event_bytes - near.event_bytes)
        names = [name for name in SizeDemands.__dataclass_fields__ if name != "event_bytes"]
        line = {name: getattr(near, name) + share * (getattr(far, name) - getattr(near, name)) for name in names}
        return SizeDemands(event_bytes, **{name: max(0.0, value) for name, value in line.items()})


@dataclass(frozen=True)
class Saturation:
    """Where a path saturates: events/s, what is saturated there, and the share of all cores then busy."""

    rate_per_s: float
    resource: Resource
    busy_share: float


def saturation(demands: Demands, set_up: SetUp, consumer_shares: Sequence[float] = ()) -> Saturation:
    """Return where a set-up saturates.

    `consumer_shares`: the share of the events that each event processor gets; none: what range_shares gives it.
    Raises BadInput for a path without its consumers.
    """
    set_up.check()
    size = demands.of_size(set_up.event_bytes)
    if set_up.path is LoadedPath.KAFKA:
        left = demands.cores / demands.full_factor - demands.base_cores
        if size.produce_s <= 0.0:
            raise BadInput("a record was measured to take no time: measure again, on an idle machine")
        return Saturation(max(0.0, left) / size.produce_s, Resource.CORES, 1.0)
    if set_up.path is LoadedPath.POSTGRES:
        even = tuple(1.0 / set_up.consumers for _ in range(set_up.consumers))
        return _of_consumers(demands, even, _rows(demands, size), size.row_s, size.row_wait_s, Resource.CONNECTION)
    shares = tuple(consumer_shares) or range_shares(demands.shares, set_up.consumers)
    return _of_consumers(demands, shares, _events(demands, size), size.cycle_s, size.cycle_wait_s, Resource.PROCESSOR)


def batches_per_s(rate_per_s: float, shares: Sequence[float]) -> float:
    """Return how many batches a client sends: one opens with an event and leaves LINGER_S later (Poisson arrivals)."""
    each = rate_per_s * np.asarray(shares)
    return float(np.sum(each / (1.0 + each * LINGER_S)))


def range_shares(partition_shares: Sequence[float], consumers: int, topics: int = 4) -> tuple[float, ...]:
    """Return each consumer's share by Kafka's range assignor: of each topic the first ones get one more.

    `partition_shares` are those of `topics` topics of equally many partitions, one topic after another.
    """
    each = np.asarray(partition_shares).reshape(topics, -1)
    parts = [np.array_split(row, consumers) for row in each]  # the first ones get one more, as RangeAssignor does
    return tuple(float(sum(part[index].sum() for part in parts)) for index in range(consumers))


def _events(demands: Demands, size: SizeDemands) -> Callable[[float], float]:
    def short_tasks(rate_per_s: float) -> float:
        batches = demands.batch_s * batches_per_s(rate_per_s, demands.shares)
        return demands.base_cores + batches + (size.produce_s + size.follow_s) * rate_per_s

    return short_tasks


def _rows(demands: Demands, size: SizeDemands) -> Callable[[float], float]:
    return lambda rate_per_s: demands.base_cores + size.row_follow_s * rate_per_s


def _of_consumers(
    demands: Demands,
    shares: Sequence[float],
    short_tasks: Callable[[float], float],
    compute_s: float,
    wait_s: float,
    station: Resource,
) -> Saturation:
    """Return where the consumers with the largest share are saturated; the others' work is short tasks then."""
    largest = max(shares)
    saturated = sum(share > 0.999 * largest for share in shares)

    def beside(rate_per_s: float) -> float:
        others = max(0.0, 1.0 - saturated * largest)
        return short_tasks(rate_per_s) + others * rate_per_s * compute_s

    low, high = 0.0, RATE_MAX_PER_S
    for _ in range(HALVINGS):
        rate_per_s = (low + high) / 2.0
        event_s, _ = _event_s(demands, saturated, beside(rate_per_s), compute_s, wait_s)
        if rate_per_s * largest * event_s < 1.0:
            low = rate_per_s
        else:
            high = rate_per_s
    event_s, short = _event_s(demands, saturated, beside(low), compute_s, wait_s)
    computing = saturated * compute_s * factor_beside(demands, saturated - 1 + short) / event_s
    busy = min(1.0, (short + computing) / demands.cores)
    return Saturation(low, Resource.CORES if busy >= CORES_FULL else station, busy)


def _event_s(
    demands: Demands, sessions: int, short_tasks: float, compute_s: float, wait_s: float
) -> tuple[float, float]:
    """Return how long an event takes a saturated consumer (s), and the cores that short tasks then take."""
    share = min(1.0, (sessions + short_tasks) / demands.cores)
    short = short_tasks * (1.0 + (demands.full_factor - 1.0) * share)
    speed = session_speed(demands.cores, short, sessions)
    return compute_s * factor_beside(demands, sessions - 1 + short) / speed + wait_s, short


def factor_beside(demands: Demands, others_cores: float) -> float:
    """Return how much longer work takes on one core while so many of the others are busy."""
    share = 1.0 if demands.cores == 1 else min(1.0, others_cores / (demands.cores - 1))
    return 1.0 + (demands.full_factor - 1.0) * share


def spread(draws: Sequence[Demands], set_up: SetUp, consumer_shares: Sequence[float]) -> FloatArray:
    """Return the saturation (events/s) of each draw of the demands."""
    return np.array([saturation(each, set_up, consumer_shares).rate_per_s for each in draws])


def partition_shares(mix: Mapping[str, float], partitions: Mapping[str, int]) -> tuple[float, ...]:
    """Return the share of each partition, topics by name, devices spread evenly."""
    rows = [np.full(partitions[topic], mix.get(topic, 0.0) / partitions[topic]) for topic in sorted(partitions)]
    return tuple(float(each) for each in np.concatenate(rows))
