"""At which rate a path of a hub saturates whose servers all share one machine's cores, and what saturates there.

A consumer (an event processor, or a connection that writes rows) works in a cycle: it computes, or its database
session does. Saturated, it always wants to run, and shares the cores with whoever else wants to (processor sharing,
Kleinrock, Queueing Systems II, 4.4): with n rivals and c consumers each gets cores / (n + c) of a core.

Rows have few rivals, standbys, whose work is proportional to the rate (utilization law, Denning and Buzen 1978).
The pipeline's rivals are brokers, their followers and the load's own program. Their requests and batches grow where
cores are scarce, so their work hardly depends on the rate, once cores are. A part of them wants to run all the time,
n; the rest has so much work to do, w cores, however slowly it gets on. Each of c saturated processors is then given
(cores - w) / (n + c), and the rate that saturates them is the one that takes as much.

Busy cores slow each other down where they share caches and execution units: a row takes `full_factor` times as long
when all of them are busy, and in between by the share of time in which the others are.

Left out: disks and networks that saturate before the cores do, checkpoints, garbage collection beyond its mean, and
that further event processors bring a few rivals of their own (their fetches).
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

CORES_FULL: Final = 0.95  # of all cores busy: then it is they that are saturated
RATE_MAX_PER_S: Final = 1e7
HALVINGS: Final = 60
SAME: Final = 0.999  # of the largest share: then it saturates with it


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
    CLIENT = "client"  # the one thread that offers records


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
    """What an event of one size takes (s), and which rivals its processors have."""

    event_bytes: int
    record_s: float  # of the time in which records that all wait are produced and acknowledged
    record_busy_share: float  # of all cores meanwhile
    cycle_s: float  # computing of an event processor, its database session and Redis, beside rivals
    rivals: float  # who always wants to run beside saturated event processors
    rivals_cores: float  # the work of all others there, cores
    row_s: float  # computing of a connection that writes rows, and of its session
    row_wait_s: float
    row_follow_s: float  # standbys


@dataclass(frozen=True)
class Demands:
    """One machine's. `shares`: of each partition in the events that the pipeline gets, summing to 1."""

    cores: int
    full_factor: float
    base_cores: float  # busy while nothing is offered
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


def words(set_up: SetUp) -> str:
    """Return a set-up as words: "pipeline, 2 event processors, 400 bytes"."""
    consumers = {
        LoadedPath.PIPELINE: f", {set_up.consumers} event processors",
        LoadedPath.POSTGRES: f", {set_up.consumers} connections",
        LoadedPath.KAFKA: "",
    }[set_up.path]
    return f"{set_up.path.value}{consumers}, {set_up.event_bytes} bytes"


def saturation(demands: Demands, set_up: SetUp, consumer_shares: Sequence[float] = ()) -> Saturation:
    """Return where a set-up saturates.

    `consumer_shares`: the share of the events that each event processor gets; none: what range_shares gives it.
    Raises BadInput for a path without its consumers.
    """
    set_up.check()
    size = demands.of_size(set_up.event_bytes)
    if set_up.path is LoadedPath.KAFKA:
        busiest = Resource.CORES if size.record_busy_share >= CORES_FULL else Resource.CLIENT
        return Saturation(1.0 / size.record_s, busiest, size.record_busy_share)
    if set_up.path is LoadedPath.POSTGRES:
        return _of_rows(demands, size, set_up.consumers)
    shares = tuple(consumer_shares) or range_shares(demands.shares, set_up.consumers)
    return _of_processors(demands, size, shares)


def range_shares(partition_shares: Sequence[float], consumers: int, topics: int = 4) -> tuple[float, ...]:
    """Return each consumer's share by Kafka's range assignor: of each topic the first ones get one more.

    `partition_shares` are those of `topics` topics of equally many partitions, one topic after another.
    """
    each = np.asarray(partition_shares).reshape(topics, -1)
    parts = [np.array_split(row, consumers) for row in each]  # the first ones get one more, as RangeAssignor does
    return tuple(float(sum(part[index].sum() for part in parts)) for index in range(consumers))


def _of_processors(demands: Demands, size: SizeDemands, shares: Sequence[float]) -> Saturation:
    """Return where the processors with the largest share are saturated; the others' work is short tasks then."""
    largest = max(shares)
    saturated = sum(share > SAME * largest for share in shares)
    others = max(0.0, 1.0 - saturated * largest)

    def speed(rate_per_s: float) -> float:
        left = demands.cores - size.rivals_cores - others * rate_per_s * size.cycle_s
        return min(1.0, max(0.0, left) / (size.rivals + saturated))

    rate_per_s = _largest(lambda rate_per_s: rate_per_s * largest * size.cycle_s < speed(rate_per_s))
    computing = size.rivals_cores + size.rivals + saturated + others * rate_per_s * size.cycle_s
    busy = min(1.0, computing / demands.cores)
    return Saturation(rate_per_s, Resource.CORES if busy >= CORES_FULL else Resource.PROCESSOR, busy)


def _of_rows(demands: Demands, size: SizeDemands, connections: int) -> Saturation:
    """Return where every connection is saturated."""

    def short_tasks(rate_per_s: float) -> float:
        return demands.base_cores + size.row_follow_s * rate_per_s

    def row_s(rate_per_s: float) -> tuple[float, float]:
        return _row_s(demands, size, connections, short_tasks(rate_per_s))

    rate_per_s = _largest(lambda rate_per_s: rate_per_s * row_s(rate_per_s)[0] < connections)
    took_s, short = row_s(rate_per_s)
    computing = connections * size.row_s * factor_beside(demands, connections - 1 + short) / took_s
    busy = min(1.0, (short + computing) / demands.cores)
    return Saturation(rate_per_s, Resource.CORES if busy >= CORES_FULL else Resource.CONNECTION, busy)


def _largest(is_carried: Callable[[float], bool]) -> float:
    """Return the largest rate (events/s) that is carried, by bisection."""
    low, high = 0.0, RATE_MAX_PER_S
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        if is_carried(middle):
            low = middle
        else:
            high = middle
    return low


def _row_s(demands: Demands, size: SizeDemands, sessions: int, short_tasks: float) -> tuple[float, float]:
    """Return how long a row takes a saturated connection (s), and the cores that short tasks then take."""
    share = min(1.0, (sessions + short_tasks) / demands.cores)
    short = short_tasks * (1.0 + (demands.full_factor - 1.0) * share)
    speed = session_speed(demands.cores, short, sessions)
    return size.row_s * factor_beside(demands, sessions - 1 + short) / speed + size.row_wait_s, short


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
